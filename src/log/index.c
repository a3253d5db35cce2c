/*
 * The two sparse indexes of a segment. (OffsetIndex.java, TimeIndex.java)
 *
 * .index       relative offset i32, position i32       of every 4 KiB or so: a batch's last record
 *                                                      and where the batch begins
 * .timeindex   timestamp i64, relative offset i32      the greatest timestamp up to there, only
 *                                                      where it grew
 *
 * They are derived: what is lost is built again from the batches. Entries of the segment that is
 * written gather in memory and are appended to the files now and then; files are as long as what
 * they hold, never preallocated.
 */
#include "log/log_private.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/memory.h"

enum { SEARCH_BLOCK = 64 /* entries read at once when a search has become narrow */ };

static int open_index(const struct log *log, struct log_segment *segment, bool times,
                      struct os_file **file)
{
    struct log_file *index = times ? segment->time_index : segment->index;
    *file = log_file_if_open(index);
    if (*file != NULL) return 0;
    char path[OS_PATH_MAX];
    log_path(log->directory, segment->base_offset, times ? ".timeindex" : ".index", path);
    return log_file_use(index, path, OS_OPEN_CREATE, file);
}

static struct offset_entry read_offset_entry(const uint8_t *bytes)
{
    return (struct offset_entry){(int32_t)load_be32(bytes), (int32_t)load_be32(bytes + 4)};
}

static struct time_entry read_time_entry(const uint8_t *bytes)
{
    return (struct time_entry){(int64_t)load_be64(bytes), (int32_t)load_be32(bytes + 8)};
}

/* How many entries the files have, whether they make sense or not. */
static int count_entries(const struct log *log, struct log_segment *segment)
{
    if (segment->offset_entries >= 0) return 0;
    int64_t offsets_size, times_size;
    struct os_file *file;
    int r = open_index(log, segment, false, &file);
    if (r == 0) r = os_file_size(file, &offsets_size);
    if (r == 0) r = open_index(log, segment, true, &file);
    if (r == 0) r = os_file_size(file, &times_size);
    if (r < 0) return r;
    if (offsets_size > INT32_MAX || times_size > INT32_MAX) return -EBADMSG;
    segment->offset_entries = (int32_t)(offsets_size / OFFSET_ENTRY_SIZE);
    segment->time_entries = (int32_t)(times_size / TIME_ENTRY_SIZE);
    return 0;
}

/* --- adding ----------------------------------------------------------------------------------- */

static struct log_index *pending(struct log *log)
{
    if (log->index == NULL) log->index = memory_alloc_zero(sizeof(*log->index));
    return log->index;
}

bool index_is_full(const struct log *log, const struct log_segment *segment)
{
    const struct log_index *index = log->index;
    int64_t offsets = segment->offset_entries + (index != NULL ? index->offset_count : 0);
    int64_t times = segment->time_entries + (index != NULL ? index->time_count : 0);
    /* The last place of the time index is kept for the entry that a seal adds. */
    return offsets >= log->config.segment_index_bytes / OFFSET_ENTRY_SIZE ||
           times >= log->config.segment_index_bytes / TIME_ENTRY_SIZE - 1;
}

void index_add_time(struct log *log, struct log_segment *segment)
{
    ASSERT(segment == log_last(log));
    if (segment->max_timestamp <= segment->last_time) return;
    struct log_index *index = pending(log);
    ASSERT(index->time_count < LOG_INDEX_PENDING_MAX + 1);
    index->times[index->time_count++] = (struct time_entry){
        segment->max_timestamp, (int32_t)(segment->max_timestamp_offset - segment->base_offset)};
    segment->last_time = segment->max_timestamp;
}

void index_add(struct log *log, struct log_segment *segment, int64_t last_offset, int64_t position)
{
    ASSERT(segment == log_last(log));
    ASSERT(last_offset >= segment->base_offset);
    ASSERT(last_offset - segment->base_offset <= INT32_MAX);
    ASSERT(position <= INT32_MAX);
    struct log_index *index = pending(log);
    ASSERT(index->offset_count < LOG_INDEX_PENDING_MAX);
    index->offsets[index->offset_count++] =
        (struct offset_entry){(int32_t)(last_offset - segment->base_offset), (int32_t)position};
    index_add_time(log, segment);
}

static int save_offsets(struct log *log, struct log_segment *segment)
{
    struct log_index *index = log->index;
    if (index->offset_count == 0) return 0;
    uint8_t bytes[LOG_INDEX_PENDING_MAX * OFFSET_ENTRY_SIZE];
    for (int32_t i = 0; i < index->offset_count; i++) {
        store_be32(bytes + i * OFFSET_ENTRY_SIZE, (uint32_t)index->offsets[i].relative_offset);
        store_be32(bytes + i * OFFSET_ENTRY_SIZE + 4, (uint32_t)index->offsets[i].position);
    }
    struct os_file *file;
    int r = open_index(log, segment, false, &file);
    struct slice all = {bytes, (size_t)index->offset_count * OFFSET_ENTRY_SIZE};
    if (r == 0)
        r = os_file_write(file, &all, 1, (int64_t)segment->offset_entries * OFFSET_ENTRY_SIZE);
    if (r < 0) return r;
    segment->offset_entries += index->offset_count;
    index->offset_count = 0;
    return 0;
}

static int save_times(struct log *log, struct log_segment *segment)
{
    struct log_index *index = log->index;
    if (index->time_count == 0) return 0;
    uint8_t bytes[(LOG_INDEX_PENDING_MAX + 1) * TIME_ENTRY_SIZE];
    for (int32_t i = 0; i < index->time_count; i++) {
        store_be64(bytes + i * TIME_ENTRY_SIZE, (uint64_t)index->times[i].timestamp);
        store_be32(bytes + i * TIME_ENTRY_SIZE + 8, (uint32_t)index->times[i].relative_offset);
    }
    struct os_file *file;
    int r = open_index(log, segment, true, &file);
    struct slice all = {bytes, (size_t)index->time_count * TIME_ENTRY_SIZE};
    if (r == 0) r = os_file_write(file, &all, 1, (int64_t)segment->time_entries * TIME_ENTRY_SIZE);
    if (r < 0) return r;
    segment->time_entries += index->time_count;
    index->time_count = 0;
    return 0;
}

int index_save(struct log *log, struct log_segment *segment)
{
    ASSERT(segment == log_last(log));
    struct log_index *index = log->index;
    if (index == NULL || (index->offset_count == 0 && index->time_count == 0)) return 0;
    segment->indexes_dirty = true;
    int r = count_entries(log, segment);
    if (r == 0) r = save_offsets(log, segment);
    if (r == 0) r = save_times(log, segment);
    return r;
}

void index_forget(struct log *log, struct log_segment *segment)
{
    if (log->index != NULL) log->index->offset_count = log->index->time_count = 0;
    segment->offset_entries = segment->time_entries = -1;
    segment->last_time = -1;
}

/* --- reading files back ----------------------------------------------------------------------- */

int index_last(struct log *log, struct log_segment *segment, struct offset_entry *offset,
               struct time_entry *time)
{
    *offset = (struct offset_entry){0, 0};
    *time = (struct time_entry){-1, 0};
    int r = count_entries(log, segment);
    if (r < 0) return r;
    uint8_t bytes[TIME_ENTRY_SIZE];
    struct os_file *file;
    if (segment->offset_entries > 0) {
        r = open_index(log, segment, false, &file);
        if (r < 0) return r;
        int64_t got = os_file_read(file, bytes, OFFSET_ENTRY_SIZE,
                                   (int64_t)(segment->offset_entries - 1) * OFFSET_ENTRY_SIZE);
        if (got != OFFSET_ENTRY_SIZE) return got < 0 ? (int)got : -EBADMSG;
        *offset = read_offset_entry(bytes);
    }
    if (segment->time_entries > 0) {
        r = open_index(log, segment, true, &file);
        if (r < 0) return r;
        int64_t got = os_file_read(file, bytes, TIME_ENTRY_SIZE,
                                   (int64_t)(segment->time_entries - 1) * TIME_ENTRY_SIZE);
        if (got != TIME_ENTRY_SIZE) return got < 0 ? (int)got : -EBADMSG;
        *time = read_time_entry(bytes);
    }
    return 0;
}

static int check_sizes(const struct log *log, const struct log_segment *segment)
{
    char path[OS_PATH_MAX];
    const char *const suffixes[] = {".index", ".timeindex"};
    const int64_t sizes[] = {OFFSET_ENTRY_SIZE, TIME_ENTRY_SIZE};
    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
        struct os_file *file;
        int64_t size;
        log_path(log->directory, segment->base_offset, suffixes[i], path);
        int r = os_file_open(log->os, path, OS_OPEN_READ, &file);
        if (r == -ENOENT) return -EBADMSG;
        if (r < 0) return r;
        r = os_file_size(file, &size);
        os_file_close(file);
        if (r < 0) return r;
        if (size % sizes[i] != 0) return -EBADMSG;
    }
    return 0;
}

int index_agrees(const struct log *log, struct log_segment *segment,
                 const struct offset_entry *offset, const struct time_entry *time)
{
    struct batch batch;
    size_t size;
    int r = segment_peek(log, segment, offset->position, NULL, &batch, &size);
    if (r == -ENODATA) return -EBADMSG;
    if (r < 0) return r;
    bool at_its_place = segment->offset_entries == 0 ||
                        batch_last_offset(&batch) == segment->base_offset + offset->relative_offset;
    /* When the entry was made, the greatest timestamp so far became one, too. An emptied batch has
     * no record of its time. */
    bool timed = batch.count == 0 || batch.max_timestamp <= time->timestamp;
    return at_its_place && timed ? 0 : -EBADMSG;
}

int index_check(struct log *log, struct log_segment *segment)
{
    if (segment->size == 0) return 0;
    int r = check_sizes(log, segment);
    if (r < 0) return r;
    struct offset_entry offset;
    struct time_entry time;
    r = index_last(log, segment, &offset, &time);
    if (r < 0) return r;
    if (offset.relative_offset < 0 || offset.position < 0 || offset.position >= segment->size)
        return -EBADMSG;
    if (segment->offset_entries > 0 && offset.position == 0) return -EBADMSG;
    return index_agrees(log, segment, &offset, &time);
}

/* A whole index file as entries of `entry_size`; the caller frees. */
static int read_all(struct os_file *file, size_t entry_size, uint8_t **bytes, int32_t *count)
{
    int64_t size;
    int r = os_file_size(file, &size);
    if (r < 0) return r;
    if (size > INT32_MAX) return -EBADMSG;
    *bytes = memory_alloc((size_t)size);
    int64_t got = os_file_read(file, *bytes, (size_t)size, 0);
    if (got < 0) {
        memory_free(*bytes);
        return (int)got;
    }
    *count = (int32_t)((size_t)got / entry_size);
    return 0;
}

static int load_offsets(struct log *log, struct log_segment *segment, int64_t below)
{
    struct os_file *file;
    uint8_t *bytes = NULL;
    int32_t count = 0, good = 0;
    int r = open_index(log, segment, false, &file);
    if (r == 0) r = read_all(file, OFFSET_ENTRY_SIZE, &bytes, &count);
    if (r < 0) return r;
    struct offset_entry before = {-1, -1};
    for (; good < count; good++) {
        struct offset_entry entry = read_offset_entry(bytes + (size_t)good * OFFSET_ENTRY_SIZE);
        bool ascending =
            entry.relative_offset > before.relative_offset && entry.position > before.position;
        if (!ascending || entry.position >= segment->size) break;
        if (segment->base_offset + entry.relative_offset >= below) break;
        before = entry;
    }
    memory_free(bytes);
    segment->offset_entries = good;
    return os_file_truncate(file, (int64_t)good * OFFSET_ENTRY_SIZE);
}

static int load_times(struct log *log, struct log_segment *segment, int64_t below)
{
    struct os_file *file;
    uint8_t *bytes = NULL;
    int32_t count = 0, good = 0;
    int r = open_index(log, segment, true, &file);
    if (r == 0) r = read_all(file, TIME_ENTRY_SIZE, &bytes, &count);
    if (r < 0) return r;
    struct time_entry before = {-1, -1};
    for (; good < count; good++) {
        struct time_entry entry = read_time_entry(bytes + (size_t)good * TIME_ENTRY_SIZE);
        bool ascending =
            entry.timestamp > before.timestamp && entry.relative_offset >= before.relative_offset;
        if (!ascending || segment->base_offset + entry.relative_offset >= below) break;
        before = entry;
    }
    memory_free(bytes);
    segment->time_entries = good;
    segment->last_time = before.timestamp;
    return os_file_truncate(file, (int64_t)good * TIME_ENTRY_SIZE);
}

int index_load(struct log *log, struct log_segment *segment, int64_t below)
{
    index_forget(log, segment);
    int r = load_offsets(log, segment, below);
    if (r == 0) r = load_times(log, segment, below);
    return r;
}

/* --- looking up ------------------------------------------------------------------------------- */

/* How many of `count` entries of the file are up to `relative`; *found is the last of them. */
static int search_file(struct log_segment *segment, struct os_file *file, int64_t relative,
                       struct log_cold *cold, struct offset_entry *found)
{
    uint8_t bytes[SEARCH_BLOCK * OFFSET_ENTRY_SIZE];
    int32_t low = 0, high = segment->offset_entries; /* the answer is in [low - 1, high) */
    while (high - low > SEARCH_BLOCK) {
        int32_t middle = low + (high - low) / 2;
        int64_t got = log_read_bytes(segment->index, file, bytes, OFFSET_ENTRY_SIZE,
                                     (int64_t)middle * OFFSET_ENTRY_SIZE, cold);
        if (got != OFFSET_ENTRY_SIZE) return got < 0 ? (int)got : -EBADMSG;
        struct offset_entry entry = read_offset_entry(bytes);
        if (entry.relative_offset <= relative) {
            *found = entry;
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t size = (size_t)(high - low) * OFFSET_ENTRY_SIZE;
    int64_t got =
        log_read_bytes(segment->index, file, bytes, size, (int64_t)low * OFFSET_ENTRY_SIZE, cold);
    if (got != (int64_t)size) return got < 0 ? (int)got : -EBADMSG;
    for (size_t at = 0; at < size; at += OFFSET_ENTRY_SIZE) {
        struct offset_entry entry = read_offset_entry(bytes + at);
        if (entry.relative_offset > relative) break;
        *found = entry;
    }
    return 0;
}

int index_position(const struct log *log, struct log_segment *segment, int64_t offset,
                   struct log_cold *cold, int64_t *position)
{
    ASSERT(offset >= segment->base_offset);
    int64_t relative = offset - segment->base_offset;
    const struct log_index *index = segment == log_last(log) ? log->index : NULL;
    if (index != NULL) {
        for (int32_t i = index->offset_count - 1; i >= 0; i--) {
            if (index->offsets[i].relative_offset > relative) continue;
            *position = index->offsets[i].position;
            return 0;
        }
    }
    struct os_file *file;
    struct offset_entry found = {0, 0};
    int r = count_entries(log, segment);
    if (r == 0 && segment->offset_entries > 0) {
        r = open_index(log, segment, false, &file);
        if (r == 0) r = search_file(segment, file, relative, cold, &found);
    }
    if (r < 0) return r;
    if (found.position < 0 || found.position >= segment->size) found.position = 0;
    *position = found.position;
    return 0;
}

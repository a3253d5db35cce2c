/*
 * Searching by time, on a worker: it opens the files itself and looks only at what was written when
 * the search began, so the owner need not hold still. (LogSegment.findOffsetByTimestamp)
 */
#include "log/log_private.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

enum { DECOMPRESSED_MAX_BYTES = 256 << 20 };

struct search_segment {
    int64_t base_offset;
    int64_t size;
    int64_t max_timestamp;
    bool times_known;
    bool sealed;
};

struct log_search {
    struct os *os;
    char *directory;
    struct search_segment *segments;
    int32_t segment_count;
    int64_t start_offset;
    int64_t timestamp; /* asked for */
    int64_t found_offset, found_timestamp;
    uint64_t changes; /* of the log when it began */
    int result;
};

struct log_search *log_search_begin(const struct log *log, int64_t timestamp_ms)
{
    ASSERT(timestamp_ms >= 0 || timestamp_ms == LOG_SEARCH_GREATEST);
    struct log_search *search = memory_alloc_zero(sizeof(*search));
    search->os = log->os;
    search->directory = memory_copy_text(log->directory);
    search->segment_count = log->segment_count;
    search->segments = memory_alloc((size_t)log->segment_count * sizeof(search->segments[0]));
    for (int32_t i = 0; i < log->segment_count; i++) {
        const struct log_segment *segment = log->segments[i];
        search->segments[i] =
            (struct search_segment){segment->base_offset, segment->written, segment->max_timestamp,
                                    segment->times_known, segment != log_last(log)};
    }
    search->start_offset = log->start_offset;
    search->timestamp = timestamp_ms;
    search->changes = log->changes;
    search->found_offset = search->found_timestamp = -1;
    return search;
}

static int open_file(const struct log_search *search, const struct search_segment *segment,
                     const char *suffix, struct os_file **file)
{
    char path[OS_PATH_MAX];
    log_path(search->directory, segment->base_offset, suffix, path);
    return os_file_open(search->os, path, OS_OPEN_READ, file);
}

/* The bytes that the segment had when the search began. -EAGAIN: they have been removed or cleaned
 * meanwhile. */
static int open_log(const struct log_search *search, const struct search_segment *segment,
                    struct os_file **file)
{
    static const char *const suffixes[] = {".log", ".log" LOG_OLD};
    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
        int64_t size;
        int r = open_file(search, segment, suffixes[i], file);
        if (r == -ENOENT) continue;
        if (r == 0) r = os_file_size(*file, &size);
        bool same = segment->sealed ? size == segment->size : size >= segment->size;
        if (r < 0 || same) return r;
        *file = os_file_close(*file);
    }
    return -EAGAIN;
}

/* --- which segment ---------------------------------------------------------------------------- */

/* Of a sealed segment the last time entry has its greatest timestamp. */
static int learn_times(const struct log_search *search, struct search_segment *segment)
{
    if (segment->times_known) return 0;
    struct os_file *file;
    int r = open_file(search, segment, ".timeindex", &file);
    if (r == -ENOENT) { /* there was no timestamp, or the whole segment has gone */
        r = open_log(search, segment, &file);
        if (r == 0) os_file_close(file);
        return r;
    }
    if (r < 0) return r;
    int64_t size;
    r = os_file_size(file, &size);
    uint8_t bytes[TIME_ENTRY_SIZE];
    if (r == 0 && size >= TIME_ENTRY_SIZE) {
        int64_t last = size / TIME_ENTRY_SIZE - 1;
        int64_t got = os_file_read(file, bytes, sizeof(bytes), last * TIME_ENTRY_SIZE);
        if (got == (int64_t)sizeof(bytes)) segment->max_timestamp = (int64_t)load_be64(bytes);
        if (got < 0) r = (int)got;
    }
    os_file_close(file);
    segment->times_known = r == 0;
    return r;
}

/* --- where in it ------------------------------------------------------------------------------ */

/* The greatest entry of `file` whose number at `key_at` (of `key_size` bytes) is at most `key`;
 * false: none. */
static bool find_entry(struct os_file *file, size_t entry_size, bool long_key, int64_t key,
                       uint8_t *found)
{
    ASSERT(entry_size <= TIME_ENTRY_SIZE);
    int64_t size;
    bool any = false;
    if (os_file_size(file, &size) < 0) return false;
    int64_t low = 0, high = size / (int64_t)entry_size;
    while (low < high) {
        uint8_t bytes[TIME_ENTRY_SIZE];
        int64_t middle = low + (high - low) / 2;
        int64_t got = os_file_read(file, bytes, entry_size, middle * (int64_t)entry_size);
        if (got != (int64_t)entry_size) return false;
        int64_t value = long_key ? (int64_t)load_be64(bytes) : (int32_t)load_be32(bytes);
        if (value <= key) {
            memcpy(found, bytes, entry_size);
            any = true;
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return any;
}

/* Where to start reading: at a batch before which all timestamps are below the one asked for. The
 * indexes only save time: without them, at the beginning. */
static int64_t start_position(const struct log_search *search, const struct search_segment *segment,
                              int64_t timestamp)
{
    uint8_t entry[TIME_ENTRY_SIZE];
    struct os_file *file;
    if (open_file(search, segment, ".timeindex", &file) < 0) return 0;
    /* An entry says that up to its offset nothing is greater. */
    bool any = find_entry(file, TIME_ENTRY_SIZE, true, timestamp - 1, entry);
    os_file_close(file);
    if (!any) return 0;
    int64_t relative = (int32_t)load_be32(entry + 8);
    if (open_file(search, segment, ".index", &file) < 0) return 0;
    any = find_entry(file, OFFSET_ENTRY_SIZE, false, relative, entry);
    os_file_close(file);
    int64_t position = any ? (int32_t)load_be32(entry + 4) : 0;
    return position >= 0 && position < segment->size ? position : 0;
}

/* The first record of `batch` at or beyond the timestamp. 1 found, 0 none. */
static int search_batch(struct log_search *search, const struct batch *batch, int64_t timestamp)
{
    struct arena arena;
    arena_init(&arena, DECOMPRESSED_MAX_BYTES);
    struct record_walk walk;
    struct record record;
    int r = record_walk_start(&walk, batch, &arena, DECOMPRESSED_MAX_BYTES / 2);
    while (r == 0) {
        int more = record_walk_next(&walk, &record);
        if (more <= 0) {
            r = more;
            break;
        }
        if (record.timestamp < timestamp || record.offset < search->start_offset) continue;
        search->found_offset = record.offset;
        search->found_timestamp = record.timestamp;
        r = 1;
    }
    arena_deinit(&arena);
    return r;
}

static int search_from(struct log_search *search, struct os_file *file,
                       const struct search_segment *segment, int64_t position, int64_t timestamp)
{
    struct scan scan;
    struct batch batch;
    int64_t at;
    scan_start(&scan, file, position, segment->size);
    int r;
    while ((r = scan_next(&scan, &batch, &at)) == 1) {
        if (batch.max_timestamp < timestamp || batch_last_offset(&batch) < search->start_offset)
            continue;
        r = search_batch(search, &batch, timestamp);
        if (r != 0) break;
    }
    scan_end(&scan);
    return r == -ENODATA ? -EBADMSG : r;
}

static int search_segment(struct log_search *search, const struct search_segment *segment,
                          int64_t timestamp)
{
    struct os_file *file;
    int r = open_log(search, segment, &file);
    if (r < 0) return r;
    int64_t position = start_position(search, segment, timestamp);
    r = search_from(search, file, segment, position, timestamp);
    if (r == -EBADMSG && position > 0) r = search_from(search, file, segment, 0, timestamp);
    os_file_close(file);
    return r;
}

/* --- both kinds of search --------------------------------------------------------------------- */

static int search_first(struct log_search *search)
{
    for (int32_t i = 0; i < search->segment_count; i++) {
        struct search_segment *segment = &search->segments[i];
        int r = learn_times(search, segment);
        if (r < 0) return r;
        if (segment->max_timestamp < search->timestamp) continue;
        r = search_segment(search, segment, search->timestamp);
        if (r != 0) return r < 0 ? r : 0;
    }
    return 0;
}

static int search_greatest(struct log_search *search)
{
    const struct search_segment *best = NULL;
    for (int32_t i = 0; i < search->segment_count; i++) {
        struct search_segment *segment = &search->segments[i];
        int r = learn_times(search, segment);
        if (r < 0) return r;
        if (best == NULL || segment->max_timestamp > best->max_timestamp) best = segment;
    }
    if (best == NULL || best->max_timestamp < 0) return 0;
    int r = search_segment(search, best, best->max_timestamp);
    return r < 0 ? r : 0;
}

void log_search_run(struct log_search *search)
{
    search->result =
        search->timestamp == LOG_SEARCH_GREATEST ? search_greatest(search) : search_first(search);
}

int log_search_end(const struct log *log, struct log_search *search, int64_t *offset,
                   int64_t *timestamp)
{
    int r = search->result;
    ASSERT(r <= 0);
    /* Files that are others although nobody has changed them are damaged, and stay so. */
    if (r == -EAGAIN && search->changes == log->changes) r = -EBADMSG;
    if (r == 0) {
        *offset = search->found_offset;
        *timestamp = search->found_timestamp;
    }
    memory_free(search->segments);
    memory_free(search->directory);
    memory_free(search);
    return r;
}

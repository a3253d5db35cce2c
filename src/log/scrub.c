/*
 * Scrubbing: a walk over the batches of the segments' files beside a walk over the entries of their
 * indexes. (reliability: what is not read is not known to be there)
 *
 * Base offset and leader epoch are not covered by a batch's CRC, because the broker assigns them:
 * only a batch's neighbours, the names of the segments and the log's epochs can say that they are
 * right. Compaction leaves gaps, so offsets must ascend and need not follow one another.
 */
#include "log/scrub.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "log/log_private.h"

enum { BLOCK_BYTES = 6144 /* of an index, read at once: whole entries of both kinds */ };

static_assert(BLOCK_BYTES % OFFSET_ENTRY_SIZE == 0, "offset entries fill a block");
static_assert(BLOCK_BYTES % TIME_ENTRY_SIZE == 0, "time entries fill a block");

static const char cannot_be_read[] = "the disk does not give it";
static const char no_batch[] = "no batch begins there";
static const char cut_short[] = "the file ends before the batch does";
static const char wrong_checksum[] = "the checksum is another";
static const char wrong_offset[] = "the offset is out of order";
static const char wrong_epoch[] = "the leader epoch is not that of its offset";
static const char wrong_place[] = "an offset index entry points beside it";
static const char wrong_time[] = "a time index entry has another timestamp";

struct scrub_segment {
    int64_t base_offset;
    int64_t size;       /* bytes that were written when the piece began */
    int64_t end_offset; /* the next segment's first; of the last one, what is flushed */
    bool is_last;
};

struct log_scrub {
    struct os *os;
    char *directory;
    struct scrub_segment *segments;
    int32_t segment_count;
    struct epoch_entry *epochs;
    int32_t epoch_count;
    uint64_t changes; /* of the log when the piece began */
    int64_t offset;   /* where the piece begins */
    int64_t max_bytes;
    struct log_scrubbed found;
    int result;
};

struct log_scrub *log_scrub_begin(struct log *log, int64_t offset, size_t max_bytes)
{
    ASSERT(max_bytes <= INT64_MAX);
    if (offset < log->start_offset) offset = log->start_offset;
    if (offset >= log->flushed_offset) return NULL;
    int32_t first = log_segment_at(log, offset);
    struct log_scrub *scrub = memory_alloc_zero(sizeof(*scrub));
    scrub->os = log->os;
    scrub->directory = memory_copy_text(log->directory);
    scrub->segment_count = log->segment_count - first;
    scrub->segments = memory_alloc((size_t)scrub->segment_count * sizeof(scrub->segments[0]));
    for (int32_t i = 0; i < scrub->segment_count; i++) {
        const struct log_segment *segment = log->segments[first + i];
        bool is_last = i + 1 == scrub->segment_count;
        int64_t end = is_last ? log->end_offset : log->segments[first + i + 1]->base_offset;
        if (end > log->flushed_offset) end = log->flushed_offset;
        scrub->segments[i] = (struct scrub_segment){
            segment->base_offset, segment->written, end,
            is_last || log->segments[first + i + 1]->base_offset >= log->flushed_offset};
    }
    size_t epochs_size = (size_t)log->epochs.count * sizeof(scrub->epochs[0]);
    scrub->epochs = memory_alloc(epochs_size);
    if (epochs_size > 0) memcpy(scrub->epochs, log->epochs.entries, epochs_size);
    scrub->epoch_count = log->epochs.count;
    scrub->changes = log->changes;
    scrub->offset = offset;
    scrub->max_bytes = (int64_t)max_bytes;
    return scrub;
}

/* --- the entries of an index ------------------------------------------------------------------ */

struct entries {
    struct os_file *file; /* NULL: there is none */
    int64_t size;         /* bytes of an entry */
    int64_t offset_at;    /* where in it the relative offset stands */
    int64_t count;
    int64_t next;  /* the first that the walk has not come to */
    int64_t block; /* number of the first entry in `bytes`; -1: none is there */
    int64_t in_block;
    uint8_t bytes[BLOCK_BYTES];
};

static int entries_open(struct entries *entries, const struct log_scrub *scrub, int64_t base_offset,
                        const char *suffix, int64_t entry_size, int64_t offset_at)
{
    *entries = (struct entries){.size = entry_size, .offset_at = offset_at, .block = -1};
    char path[OS_PATH_MAX];
    log_path(scrub->directory, base_offset, suffix, path);
    int r = os_file_open(scrub->os, path, OS_OPEN_READ, &entries->file);
    if (r < 0) return r == -ENOENT ? 0 : r; /* made when the first entry is */
    int64_t size;
    r = os_file_size(entries->file, &size);
    if (r == 0) entries->count = size / entry_size;
    return r;
}

static void entries_close(struct entries *entries)
{
    entries->file = os_file_close(entries->file);
}

static int entries_get(struct entries *entries, int64_t number, const uint8_t **entry)
{
    ASSERT(number >= 0);
    ASSERT(number < entries->count);
    int64_t per_block = BLOCK_BYTES / entries->size;
    bool there = entries->block >= 0 && number >= entries->block &&
                 number < entries->block + entries->in_block;
    if (!there) {
        int64_t first = number - number % per_block;
        int64_t got =
            os_file_read(entries->file, entries->bytes, BLOCK_BYTES, first * entries->size);
        if (got < 0) return (int)got;
        entries->block = first;
        entries->in_block = got / entries->size;
        if (number >= first + entries->in_block) return -ENODATA; /* cut meanwhile */
    }
    *entry = entries->bytes + (number - entries->block) * entries->size;
    return 0;
}

static int get_offset_entry(struct entries *entries, int64_t number, struct offset_entry *found)
{
    const uint8_t *bytes;
    int r = entries_get(entries, number, &bytes);
    if (r < 0) return r;
    *found = (struct offset_entry){(int32_t)load_be32(bytes), (int32_t)load_be32(bytes + 4)};
    return 0;
}

static int get_time_entry(struct entries *entries, int64_t number, struct time_entry *found)
{
    const uint8_t *bytes;
    int r = entries_get(entries, number, &bytes);
    if (r < 0) return r;
    *found = (struct time_entry){(int64_t)load_be64(bytes), (int32_t)load_be32(bytes + 8)};
    return 0;
}

/* --- one segment ------------------------------------------------------------------------------ */

struct walk {
    struct log_scrub *scrub;
    const struct scrub_segment *segment;
    struct os_file *file;
    struct entries offsets, times;
    struct scan scan;
    int64_t expected; /* the least offset that the next batch may begin at */
    /* The newest batch, whose offset the next one confirms or not; position -1: there is none. */
    struct batch newest;
    int64_t newest_position, newest_expected;
    bool at_end; /* of the segment */
};

/* Says what is wrong, and where. Always 0: the walk is over. */
static int blame(struct walk *walk, int64_t offset, int64_t position, const char *damage)
{
    struct log_scrubbed *found = &walk->scrub->found;
    ASSERT(found->damage == NULL);
    found->damage = damage;
    found->damage_offset = offset;
    found->damage_position = position;
    found->damage_segment = walk->segment->base_offset;
    return 0;
}

static bool is_wrong(const struct walk *walk)
{
    return walk->scrub->found.damage != NULL;
}

static int64_t entry_offset(const struct walk *walk, int32_t relative_offset)
{
    return walk->segment->base_offset + relative_offset;
}

/* Does a batch begin at this entry's place, and end where it says? */
static int is_true(struct walk *walk, const struct offset_entry *entry, bool *told_truth)
{
    *told_truth = false;
    if (entry->position <= 0 || entry->position > walk->segment->size - BATCH_HEADER_SIZE) return 0;
    uint8_t header[BATCH_HEADER_SIZE];
    int64_t got = os_file_read(walk->file, header, sizeof(header), entry->position);
    if (got != (int64_t)sizeof(header)) return got < 0 ? (int)got : 0;
    struct batch batch;
    size_t size;
    if (batch_peek((struct slice){header, sizeof(header)}, &batch, &size) < 0) return 0;
    *told_truth = batch_last_offset(&batch) == entry_offset(walk, entry->relative_offset);
    return 0;
}

/* How many entries speak of what is below `offset`. */
static int count_below(const struct walk *walk, struct entries *entries, int64_t offset,
                       int64_t *count)
{
    int64_t low = 0, high = entries->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        const uint8_t *bytes;
        int r = entries_get(entries, middle, &bytes);
        if (r < 0) return r;
        int32_t relative_offset = (int32_t)load_be32(bytes + entries->offset_at);
        if (entry_offset(walk, relative_offset) < offset)
            low = middle + 1;
        else
            high = middle;
    }
    *count = low;
    return 0;
}

/* Begins at the nearest entry below the piece's offset that tells the truth: the walk comes to
 * those that do not. */
static int find_start(struct walk *walk, int64_t offset)
{
    int64_t number, position = 0;
    int r = count_below(walk, &walk->times, offset, &walk->times.next);
    if (r == 0) r = count_below(walk, &walk->offsets, offset, &number);
    if (r < 0) return r;
    walk->expected = walk->segment->base_offset;
    while (number > 0 && position == 0) {
        struct offset_entry entry;
        bool told_truth;
        r = get_offset_entry(&walk->offsets, --number, &entry);
        if (r == 0) r = is_true(walk, &entry, &told_truth);
        if (r < 0) return r;
        if (told_truth) position = entry.position;
    }
    walk->offsets.next = number;
    scan_start(&walk->scan, walk->file, position, walk->segment->size);
    return 0;
}

/* -1: the log does not know. */
static int32_t epoch_of(const struct log_scrub *scrub, int64_t offset)
{
    int32_t epoch = -1;
    for (int32_t i = 0; i < scrub->epoch_count && scrub->epochs[i].start_offset <= offset; i++)
        epoch = scrub->epochs[i].epoch;
    return epoch;
}

/* A batch that begins below where the one before it ends. If that one left a gap and this one fits
 * in there, it is that one which has the wrong offset. */
static int blame_order(struct walk *walk, const struct batch *batch, int64_t position)
{
    bool gap = walk->newest_position >= 0 && walk->newest.base_offset > walk->newest_expected;
    if (gap && batch->base_offset >= walk->newest_expected)
        return blame(walk, walk->newest_expected, walk->newest_position, wrong_offset);
    return blame(walk, walk->expected, position, wrong_offset);
}

static int check_batch(struct walk *walk, const struct batch *batch, int64_t position)
{
    if (!batch_crc_matches(batch)) return blame(walk, walk->expected, position, wrong_checksum);
    int64_t last_offset = batch_last_offset(batch);
    if (batch->last_offset_delta < 0 || last_offset >= walk->segment->end_offset)
        return blame(walk, walk->expected, position, wrong_offset);
    int32_t epoch = epoch_of(walk->scrub, batch->base_offset);
    if (epoch >= 0 && batch->partition_leader_epoch != epoch)
        return blame(walk, walk->expected, position, wrong_epoch);
    return 0;
}

/* Does the entry at its place say where the batch ends? One that a Kafka before 4.0 made may name
 * the end of a later batch that was appended together with it, but never the next entry's. */
static int is_fitting(struct walk *walk, const struct batch *batch, int64_t offset, bool *fits)
{
    *fits = offset == batch_last_offset(batch);
    if (offset <= batch_last_offset(batch)) return 0;
    *fits = offset < walk->segment->end_offset;
    if (walk->offsets.next + 1 == walk->offsets.count) return 0;
    struct offset_entry next;
    int r = get_offset_entry(&walk->offsets, walk->offsets.next + 1, &next);
    if (r == 0 && offset >= entry_offset(walk, next.relative_offset)) *fits = false;
    return r == -ENODATA ? 0 : r;
}

/* Every entry up to this batch must be its own. */
static int check_places(struct walk *walk, const struct batch *batch, int64_t position)
{
    while (walk->offsets.next < walk->offsets.count) {
        struct offset_entry entry;
        int r = get_offset_entry(&walk->offsets, walk->offsets.next, &entry);
        if (r < 0) return r == -ENODATA ? 0 : r;
        int64_t offset = entry_offset(walk, entry.relative_offset);
        bool is_due = entry.position <= position || offset <= batch_last_offset(batch);
        if (!is_due) return 0;
        bool fits = false;
        if (entry.position == position) r = is_fitting(walk, batch, offset, &fits);
        if (r < 0) return r;
        if (!fits) return blame(walk, batch->base_offset, position, wrong_place);
        walk->offsets.next++;
    }
    return 0;
}

/* An entry that names an offset of this batch has its greatest timestamp. */
static int check_times(struct walk *walk, const struct batch *batch, int64_t position)
{
    while (walk->times.next < walk->times.count) {
        struct time_entry entry;
        int r = get_time_entry(&walk->times, walk->times.next, &entry);
        if (r < 0) return r == -ENODATA ? 0 : r;
        int64_t offset = entry_offset(walk, entry.relative_offset);
        if (offset > batch_last_offset(batch)) return 0;
        bool has_it = offset >= batch->base_offset && batch->count > 0;
        if (has_it && entry.timestamp != batch->max_timestamp)
            return blame(walk, batch->base_offset, position, wrong_time);
        walk->times.next++;
    }
    return 0;
}

static int blame_disk(struct walk *walk, int64_t position, int error)
{
    walk->scrub->result = error;
    return blame(walk, walk->expected, position, cannot_be_read);
}

/* The newest batch is where it belongs: what the indexes say of it can be compared. */
static int confirm(struct walk *walk)
{
    if (walk->newest_position < 0) return 0;
    int r = check_places(walk, &walk->newest, walk->newest_position);
    if (r == 0 && !is_wrong(walk)) r = check_times(walk, &walk->newest, walk->newest_position);
    return r < 0 ? blame_disk(walk, walk->newest_position, r) : 0;
}

/* A batch before the piece: an earlier one has judged it, and perhaps found it damaged. */
static int pass_by(struct walk *walk, const struct batch *batch, int64_t position)
{
    walk->expected = batch_last_offset(batch) + 1;
    for (; walk->offsets.next < walk->offsets.count; walk->offsets.next++) {
        struct offset_entry entry;
        int r = get_offset_entry(&walk->offsets, walk->offsets.next, &entry);
        if (r < 0) return r == -ENODATA ? 0 : r;
        if (entry.position > position) break;
    }
    return 0;
}

/* One batch. 1: go on; 0: the end of the segment, of the piece, or of what is sound. */
static int step(struct walk *walk)
{
    struct log_scrub *scrub = walk->scrub;
    struct batch batch;
    int64_t position = walk->scan.position;
    walk->at_end = walk->expected >= walk->segment->end_offset;
    if (walk->at_end) return confirm(walk);
    int r = scan_next(&walk->scan, &batch, &position);
    if (r == 0 && walk->segment->is_last) r = -ENODATA; /* what is flushed goes further */
    walk->at_end = r == 0;
    if (walk->at_end) return confirm(walk);
    if (r == -EBADMSG) return blame(walk, walk->expected, position, no_batch);
    if (r == -ENODATA) return blame(walk, walk->expected, position, cut_short);
    if (r < 0) return blame_disk(walk, position, r);
    if (batch.base_offset < walk->expected) return blame_order(walk, &batch, position);
    if (batch_last_offset(&batch) < scrub->offset) {
        r = pass_by(walk, &batch, position);
        return r < 0 ? blame_disk(walk, position, r) : 1;
    }
    r = confirm(walk);
    bool enough = walk->expected > scrub->offset && scrub->found.bytes >= scrub->max_bytes;
    if (enough || is_wrong(walk)) return r;
    r = check_batch(walk, &batch, position);
    scrub->found.bytes += (int64_t)batch.bytes.size;
    walk->newest = batch;
    walk->newest_position = position;
    walk->newest_expected = walk->expected;
    walk->expected = batch_last_offset(&batch) + 1;
    return r == 0 && !is_wrong(walk);
}

/* Behind damage: behind the batch that the first index entry beyond it speaks of, where the next
 * piece then begins to read; or the next segment. */
static int64_t offset_behind(struct walk *walk)
{
    const struct log_scrubbed *found = &walk->scrub->found;
    for (; walk->offsets.next < walk->offsets.count; walk->offsets.next++) {
        struct offset_entry entry;
        bool told_truth;
        if (get_offset_entry(&walk->offsets, walk->offsets.next, &entry) < 0) break;
        int64_t offset = entry_offset(walk, entry.relative_offset);
        if (entry.position <= found->damage_position || offset <= found->damage_offset) continue;
        if (offset >= walk->segment->end_offset) break;
        if (is_true(walk, &entry, &told_truth) == 0 && told_truth) return offset + 1;
    }
    return walk->segment->end_offset;
}

/* A batch whose bytes are others may still say how long it is: then its neighbour is sound. */
static int64_t damage_end(struct walk *walk)
{
    const struct log_scrubbed *found = &walk->scrub->found;
    struct batch batch;
    int64_t position;
    if (found->damage != wrong_checksum || walk->scan.position <= found->damage_position)
        return found->next_offset;
    int r = scan_next(&walk->scan, &batch, &position);
    bool sound = r == 1 && batch_crc_matches(&batch) && batch.base_offset > found->damage_offset &&
                 batch.base_offset < found->next_offset;
    return sound ? batch.base_offset : found->next_offset;
}

static int open_segment(struct walk *walk)
{
    const struct log_scrub *scrub = walk->scrub;
    int64_t base_offset = walk->segment->base_offset;
    char path[OS_PATH_MAX];
    log_path(scrub->directory, base_offset, ".log", path);
    int r = os_file_open(scrub->os, path, OS_OPEN_READ, &walk->file);
    if (r < 0) return r;
    r = entries_open(&walk->offsets, scrub, base_offset, ".index", OFFSET_ENTRY_SIZE, 0);
    if (r == 0)
        r = entries_open(&walk->times, scrub, base_offset, ".timeindex", TIME_ENTRY_SIZE, 8);
    return r;
}

/* The piece's part of one segment. What has been removed meanwhile was never there. */
static void scrub_segment(struct log_scrub *scrub, const struct scrub_segment *segment)
{
    struct walk walk = {.scrub = scrub, .segment = segment, .newest_position = -1};
    int r = open_segment(&walk);
    scrub->found.next_offset = segment->end_offset;
    if (r == 0) r = find_start(&walk, scrub->offset);
    if (r == 0) {
        while (step(&walk) == 1)
            ASSERT(!is_wrong(&walk));
        if (is_wrong(&walk)) {
            scrub->found.next_offset = offset_behind(&walk);
            scrub->found.damage_end = damage_end(&walk);
        } else if (!walk.at_end) {
            scrub->found.next_offset = walk.expected;
        }
    } else if (r != -ENOENT) {
        scrub->result = r;
        if (r == -EIO) blame(&walk, scrub->offset, 0, cannot_be_read);
        scrub->found.damage_end = scrub->found.next_offset;
    }
    scan_end(&walk.scan);
    entries_close(&walk.offsets);
    entries_close(&walk.times);
    os_file_close(walk.file);
}

void log_scrub_run(struct log_scrub *scrub)
{
    struct log_scrubbed *found = &scrub->found;
    *found =
        (struct log_scrubbed){.damage_offset = -1, .damage_position = -1, .damage_segment = -1};
    for (int32_t i = 0; i < scrub->segment_count; i++) {
        scrub_segment(scrub, &scrub->segments[i]);
        bool whole = found->next_offset >= scrub->segments[i].end_offset;
        if (scrub->result < 0 || found->damage != NULL || !whole ||
            found->bytes >= scrub->max_bytes)
            return;
        if (scrub->segments[i].is_last) return;
    }
}

int log_scrub_end(struct log *log, struct log_scrub *scrub, struct log_scrubbed *scrubbed)
{
    int r = scrub->result;
    *scrubbed = scrub->found;
    if (log->changes != scrub->changes && scrubbed->damage != NULL) {
        /* It was cut or cleaned while it was read: who knows what that was. */
        *scrubbed = (struct log_scrubbed){.next_offset = scrub->offset,
                                          .bytes = scrub->found.bytes,
                                          .damage_offset = -1,
                                          .damage_position = -1,
                                          .damage_segment = -1};
        r = 0;
    }
    if (r == -EIO) ASSERT(scrubbed->damage != NULL);
    memory_free(scrub->epochs);
    memory_free(scrub->segments);
    memory_free(scrub->directory);
    memory_free(scrub);
    return r;
}

/* One cleaning: which segments, in which groups, and how the new ones take their places. */
#include "log/clean.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "log/clean_private.h"

enum { PAUSE_NS_MIN = 1000000 };

/* An old segment as it was when the cleaning began. */
struct source {
    int64_t base_offset, end_offset; /* [base, where the next begins) */
    int64_t size;
    int64_t created_ms;
};

/* Neighbours that become one. */
struct group {
    int32_t first, count;
    struct log_segment made; /* its numbers; no files */
};

struct log_clean {
    struct os *os;
    char *directory;
    struct log_config config;
    struct log_clean_options options;
    struct source *sources;
    int32_t source_count;
    int64_t *later; /* base offsets of the segments behind them */
    int32_t later_count;
    struct group *groups;
    int32_t group_count;
    struct clean_producer *producers;
    size_t producer_count;
    struct clean_keys keys;
    struct clean_transactions transactions;
    struct clean_filter filter;
    struct log_cleaned cleaned;
    struct os_flag stop;
    int64_t started_ns;
    int result;
};

/* --- what there is to clean ------------------------------------------------------------------- */

static int64_t first_open_transaction(const struct log *log)
{
    int64_t first = INT64_MAX;
    size_t cursor = 0;
    struct log_producer producer;
    while (log_producer_next(log, &cursor, &producer))
        if (producer.transaction_start_offset >= 0 && producer.transaction_start_offset < first)
            first = producer.transaction_start_offset;
    return first;
}

static int64_t end_of(const struct log *log, int32_t i)
{
    ASSERT(i + 1 < log->segment_count);
    return log->segments[i + 1]->base_offset;
}

static int learn_first_timestamp(struct log *log, struct log_segment *segment)
{
    if (segment->first_timestamp >= 0 || segment->size == 0) return 0;
    struct batch batch;
    size_t size;
    int r = segment_peek(log, segment, 0, NULL, &batch, &size);
    if (r == 0) segment->first_timestamp = batch.max_timestamp;
    return r;
}

/* May a segment be cleaned that is neither the last nor beyond the bound? */
static int is_old_enough(struct log *log, struct log_segment *segment, int64_t min_lag_ms,
                         int64_t now_ms, bool *old_enough)
{
    int64_t timestamp = 0;
    int r = min_lag_ms > 0 ? log_greatest_timestamp(log, segment, &timestamp) : 0;
    *old_enough = r == 0 && (min_lag_ms <= 0 || timestamp <= now_ms - min_lag_ms);
    return r;
}

int log_clean_look(struct log *log, int64_t first_dirty, int64_t bound, int64_t min_lag_ms,
                   int64_t now_ms, struct log_dirt *dirt)
{
    if (log->failed) return -EIO;
    int64_t open_transaction = first_open_transaction(log);
    if (bound > log->flushed_offset) bound = log->flushed_offset;
    if (bound > open_transaction) bound = open_transaction;
    if (first_dirty < log->start_offset || first_dirty > log->end_offset)
        first_dirty = log->start_offset;
    *dirt = (struct log_dirt){.first_dirty = first_dirty, .limit = first_dirty, .oldest_ms = -1};
    for (int32_t i = 0; i + 1 < log->segment_count && end_of(log, i) <= bound; i++) {
        struct log_segment *segment = log->segments[i];
        bool old_enough = true;
        int r = 0;
        if (end_of(log, i) <= first_dirty) {
            dirt->clean_bytes += segment->size;
            continue;
        }
        r = is_old_enough(log, segment, min_lag_ms, now_ms, &old_enough);
        if (r < 0) return r;
        if (!old_enough) break;
        r = learn_first_timestamp(log, segment);
        if (r < 0) return r;
        int64_t first = segment->first_timestamp;
        if (first >= 0 && (dirt->oldest_ms < 0 || first < dirt->oldest_ms)) dirt->oldest_ms = first;
        dirt->dirty_bytes += segment->size;
        dirt->limit = end_of(log, i);
    }
    return 0;
}

/* --- begin ------------------------------------------------------------------------------------ */

static int compare_producers(const void *a, const void *b)
{
    int64_t first = ((const struct clean_producer *)a)->id;
    int64_t second = ((const struct clean_producer *)b)->id;
    return (first > second) - (first < second);
}

static void copy_producers(const struct log *log, struct log_clean *clean)
{
    size_t cursor = 0;
    struct log_producer producer;
    clean->producers = memory_alloc(log_producer_count(log) * sizeof(clean->producers[0]));
    while (log_producer_next(log, &cursor, &producer))
        clean->producers[clean->producer_count++] = (struct clean_producer){
            producer.producer_id, producer.last_offset, producer.producer_epoch};
    if (clean->producer_count > 0)
        qsort(clean->producers, clean->producer_count, sizeof(clean->producers[0]),
              compare_producers);
}

static void copy_sources(const struct log *log, struct log_clean *clean)
{
    clean->sources = memory_alloc((size_t)log->segment_count * sizeof(clean->sources[0]));
    for (int32_t i = 0; i + 1 < log->segment_count; i++) {
        const struct log_segment *segment = log->segments[i];
        if (end_of(log, i) > clean->options.limit) break;
        ASSERT(segment->written == segment->size);
        clean->sources[clean->source_count++] = (struct source){
            segment->base_offset, end_of(log, i), segment->size, segment->created_ms};
    }
    ASSERT(clean->source_count > 0); /* the limit is where one of them ends */
    clean->later_count = log->segment_count - clean->source_count;
    clean->later = memory_alloc((size_t)clean->later_count * sizeof(clean->later[0]));
    for (int32_t i = 0; i < clean->later_count; i++)
        clean->later[i] = log->segments[clean->source_count + i]->base_offset;
    clean->groups = memory_alloc((size_t)clean->source_count * sizeof(clean->groups[0]));
}

int log_clean_begin(struct log *log, const struct log_clean_options *options,
                    struct log_clean **begun)
{
    ASSERT(options->first_dirty < options->limit);
    ASSERT(!log->cleaning);
    if (log->failed) return -EIO;
    struct log_clean *clean = memory_alloc_zero(sizeof(*clean));
    clean->os = log->os;
    clean->directory = memory_copy_text(log->directory);
    clean->config = log->config;
    clean->options = *options;
    clean->cleaned.end_offset = options->first_dirty;
    copy_sources(log, clean);
    copy_producers(log, clean);
    clean_transactions_init(&clean->transactions);
    log->cleaning = true;
    *begun = clean;
    return 0;
}

/* --- run: reading ----------------------------------------------------------------------------- */

/* Keeps to the pace that was asked for. */
static void keep_pace(struct log_clean *clean)
{
    int64_t rate = clean->options.bytes_per_second;
    ASSERT(rate > 0);
    if (rate == INT64_MAX) return;
    double bytes = (double)(clean->cleaned.bytes_read + clean->cleaned.bytes_written);
    int64_t due_ns = clean->started_ns + (int64_t)(bytes / (double)rate * 1e9);
    int64_t ahead_ns = due_ns - os_monotonic_ns(clean->os);
    if (ahead_ns > PAUSE_NS_MIN) (void)os_flag_wait(&clean->stop, ahead_ns);
}

/* One old segment, batch by batch. */
struct reading {
    struct scan scan;
    struct os_file *file;
    struct log_clean *clean;
    int64_t base_offset;
    int64_t next_offset, end_offset; /* the next batch lies there */
};

static int reading_start(struct reading *reading, struct log_clean *clean,
                         const struct source *source)
{
    char path[OS_PATH_MAX];
    log_path(clean->directory, source->base_offset, ".log", path);
    *reading = (struct reading){.clean = clean,
                                .base_offset = source->base_offset,
                                .next_offset = source->base_offset,
                                .end_offset = source->end_offset};
    int r = os_file_open(clean->os, path, OS_OPEN_READ, &reading->file);
    if (r < 0) return r;
    scan_start(&reading->scan, reading->file, 0, source->size);
    return 0;
}

static void reading_end(struct reading *reading)
{
    scan_end(&reading->scan);
    reading->file = os_file_close(reading->file);
}

/* The CRC does not cover the offset. No index could name one further from the segment's first. */
static bool is_in_order(const struct reading *reading, const struct batch *batch)
{
    int64_t last_offset = batch_last_offset(batch);
    return batch->last_offset_delta >= 0 && batch->base_offset >= reading->next_offset &&
           last_offset < reading->end_offset && last_offset - reading->base_offset <= INT32_MAX;
}

/* 1: a batch that is what was written; 0: the end. */
static int reading_next(struct reading *reading, struct batch *batch)
{
    struct log_clean *clean = reading->clean;
    int64_t position;
    if (os_flag_is_raised(&clean->stop)) return -ECANCELED;
    int r = scan_next(&reading->scan, batch, &position);
    if (r == -ENODATA) return -EBADMSG;
    if (r <= 0) return r;
    clean->cleaned.bytes_read += (int64_t)batch->bytes.size;
    keep_pace(clean);
    if (!batch_crc_matches(batch) || !is_in_order(reading, batch)) return -EBADMSG;
    reading->next_offset = batch_last_offset(batch) + 1;
    return 1;
}

static int collect_source(struct log_clean *clean, const struct source *source,
                          struct writer *scratch, bool *full)
{
    struct reading reading;
    struct batch batch;
    int64_t from = clean->options.first_dirty;
    int r = reading_start(&reading, clean, source);
    while (r == 0 && !*full && (r = reading_next(&reading, &batch)) == 1) {
        r = 0;
        if (batch_last_offset(&batch) < from) continue;
        r = clean_collect(&clean->keys, &clean->transactions, &batch, from, scratch, full);
    }
    if (reading.file != NULL) reading_end(&reading);
    return r;
}

/* What was aborted, a marker may say only in a segment that is not cleaned. */
static int load_transactions(struct log_clean *clean)
{
    int r = 0;
    for (int32_t i = 0; i < clean->source_count && r == 0; i++)
        r = clean_transactions_load(&clean->transactions, clean->os, clean->directory,
                                    clean->sources[i].base_offset);
    for (int32_t i = 0; i < clean->later_count && r == 0; i++)
        r = clean_transactions_load(&clean->transactions, clean->os, clean->directory,
                                    clean->later[i]);
    clean_transactions_restart(&clean->transactions);
    return r;
}

/* Where each key of the dirty part was last. */
static int collect(struct log_clean *clean)
{
    const struct log_clean_options *options = &clean->options;
    bool full = false;
    struct writer scratch;
    struct siphash_key secret;
    os_random(clean->os, &secret, sizeof(secret));
    writer_init(&scratch, options->batch_bytes_max);
    clean_keys_init(&clean->keys, options->map_bytes, options->map_load,
                    options->limit - options->first_dirty, &secret);
    int r = 0;
    for (int32_t i = 0; i < clean->source_count && r == 0 && !full; i++)
        if (clean->sources[i].end_offset > options->first_dirty)
            r = collect_source(clean, &clean->sources[i], &scratch, &full);
    writer_deinit(&scratch);
    /* All were read: the next cleaning begins behind the last, whatever offsets it lacked. */
    clean->cleaned.end_offset = full ? clean->keys.latest_offset + 1 : options->limit;
    if (clean->cleaned.end_offset < options->first_dirty)
        clean->cleaned.end_offset = options->first_dirty;
    return r;
}

/* --- run: groups ------------------------------------------------------------------------------ */

static int index_sizes(const struct log_clean *clean, const struct source *source, int64_t sizes[2])
{
    static const char *const suffixes[] = {".index", ".timeindex"};
    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
        char path[OS_PATH_MAX];
        struct os_file *file;
        log_path(clean->directory, source->base_offset, suffixes[i], path);
        sizes[i] = 0;
        int r = os_file_open(clean->os, path, OS_OPEN_READ, &file);
        if (r == -ENOENT) continue; /* it will be built again */
        if (r < 0) return r;
        r = os_file_size(file, &sizes[i]);
        os_file_close(file);
        if (r < 0) return r;
    }
    return 0;
}

/* As many neighbours as one segment could have held. (Cleaner.groupSegmentsBySize) */
static int make_groups(struct log_clean *clean)
{
    int64_t bytes = 0, indexes[2] = {0, 0};
    struct group *group = NULL;
    for (int32_t i = 0; i < clean->source_count; i++) {
        const struct source *source = &clean->sources[i];
        if (source->base_offset >= clean->cleaned.end_offset) break;
        int64_t sizes[2];
        int r = index_sizes(clean, source, sizes);
        if (r < 0) return r;
        bool fits = group != NULL && bytes + source->size <= clean->config.segment_bytes &&
                    indexes[0] + sizes[0] <= clean->config.segment_index_bytes &&
                    indexes[1] + sizes[1] <= clean->config.segment_index_bytes &&
                    source->end_offset - 1 - clean->sources[group->first].base_offset <= INT32_MAX;
        if (!fits) {
            group = &clean->groups[clean->group_count++];
            *group = (struct group){.first = i};
            bytes = indexes[0] = indexes[1] = 0;
        }
        group->count++;
        bytes += source->size;
        indexes[0] += sizes[0];
        indexes[1] += sizes[1];
    }
    return 0;
}

/* --- run: writing ----------------------------------------------------------------------------- */

static int rewrite_source(struct log_clean *clean, const struct source *source, bool last_of_group,
                          struct clean_segment *segment)
{
    struct reading reading;
    struct batch batch, kept;
    int r = reading_start(&reading, clean, source);
    while (r == 0 && (r = reading_next(&reading, &batch)) == 1) {
        bool last = last_of_group && reading.scan.position == source->size;
        size_t before = segment->bytes.size;
        r = clean_batch(&clean->filter, &batch, last, &segment->bytes, &kept);
        if (r <= 0) continue;
        size_t size = segment->bytes.size - before;
        clean->cleaned.bytes_written += (int64_t)size;
        r = clean_segment_add(segment, &kept, size);
    }
    if (reading.file != NULL) reading_end(&reading);
    return r;
}

/* What the log will know of the new segment. */
static void describe(const struct clean_segment *segment, const struct source *first,
                     struct log_segment *made)
{
    *made = (struct log_segment){
        .base_offset = segment->base_offset,
        .size = segment->written,
        .written = segment->written,
        .reserved = segment->written,
        .max_timestamp = segment->max_timestamp,
        .max_timestamp_offset = segment->max_timestamp_offset,
        .first_timestamp = segment->first_timestamp,
        .created_ms = first->created_ms,
        .last_time = segment->last_time,
        .offset_entries = (int32_t)(segment->offsets.size / OFFSET_ENTRY_SIZE),
        .time_entries = (int32_t)(segment->times.size / TIME_ENTRY_SIZE),
        .times_known = true,
    };
}

static int rewrite_group(struct log_clean *clean, struct group *group)
{
    const struct source *sources = &clean->sources[group->first];
    struct clean_segment segment;
    clean->transactions.kept_count = 0;
    int r = clean_segment_open(&segment, clean->os, clean->directory, sources[0].base_offset,
                               clean->config.index_interval_bytes);
    for (int32_t i = 0; i < group->count && r == 0; i++)
        r = rewrite_source(clean, &sources[i], i + 1 == group->count, &segment);
    if (r == 0) r = clean_segment_finish(&segment, &clean->transactions);
    if (r == 0) describe(&segment, &sources[0], &group->made);
    clean_segment_close(&segment);
    return r;
}

static int rewrite(struct log_clean *clean)
{
    clean->filter = (struct clean_filter){
        .keys = &clean->keys,
        .producers = clean->producers,
        .producer_count = clean->producer_count,
        .transactions = &clean->transactions,
        .now_ms = clean->options.now_ms,
        .delete_retention_ms = clean->options.delete_retention_ms,
        .cleaned = &clean->cleaned,
    };
    writer_init(&clean->filter.scratch, clean->options.batch_bytes_max);
    writer_init(&clean->filter.records, clean->options.batch_bytes_max);
    /* Each record's timestamp may take some bytes more. */
    writer_init(&clean->filter.rebased, clean->options.batch_bytes_max * 2);
    clean_transactions_restart(&clean->transactions);
    int r = 0;
    for (int32_t i = 0; i < clean->group_count && r == 0; i++)
        r = rewrite_group(clean, &clean->groups[i]);
    writer_deinit(&clean->filter.scratch);
    writer_deinit(&clean->filter.records);
    writer_deinit(&clean->filter.rebased);
    return r;
}

static void abandon(const struct log_clean *clean)
{
    for (int32_t i = 0; i < clean->group_count; i++)
        swap_abandon(clean->os, clean->directory,
                     clean->sources[clean->groups[i].first].base_offset);
}

void log_clean_run(struct log_clean *clean)
{
    clean->started_ns = os_monotonic_ns(clean->os);
    int r = load_transactions(clean);
    if (r == 0) r = collect(clean);
    if (r == 0) r = make_groups(clean);
    if (r == 0) r = rewrite(clean);
    for (int32_t i = 0; i < clean->group_count && r == 0; i++)
        r = swap_prepare(clean->os, clean->directory,
                         clean->sources[clean->groups[i].first].base_offset);
    if (r < 0) abandon(clean);
    clean_keys_deinit(&clean->keys);
    clean->result = r;
}

void log_clean_stop(struct log_clean *clean)
{
    os_flag_raise(&clean->stop);
}

/* --- end -------------------------------------------------------------------------------------- */

static void replace(struct log *log, int32_t at, const struct group *group)
{
    struct log_segment *made = segment_create(log->files, group->made.base_offset);
    struct log_file *files[] = {made->log, made->index, made->time_index};
    *made = group->made;
    made->log = files[0];
    made->index = files[1];
    made->time_index = files[2];
    ASSERT(group->count > 0);
    ASSERT(made->base_offset == log->segments[at]->base_offset);
    for (int32_t i = 0; i < group->count; i++)
        segment_destroy(log->segments[at + i]);
    log->segments[at] = made;
    log->changes++;
    int32_t gone = group->count - 1;
    memmove(&log->segments[at + 1], &log->segments[at + group->count],
            (size_t)(log->segment_count - at - group->count) * sizeof(log->segments[0]));
    log->segment_count -= gone;
    ASSERT(log->segment_count > at + 1); /* the one that is written stays the last */
}

static int swap_group(struct log *log, const struct log_clean *clean, const struct group *group,
                      struct log_removal *removal)
{
    int32_t at = log_segment_at(log, clean->sources[group->first].base_offset);
    ASSERT(at + group->count < log->segment_count);
    int64_t *bases = &removal->bases[removal->count];
    for (int32_t i = 0; i < group->count; i++) {
        bases[i] = clean->sources[group->first + i].base_offset;
        ASSERT(log->segments[at + i]->base_offset == bases[i]);
    }
    int r = swap_finish(log->os, log->directory, bases, group->count);
    if (r < 0) return r;
    for (int32_t i = 1; i < group->count; i++)
        removal->snapshots[removal->snapshot_count++] = bases[i];
    removal->count += group->count;
    replace(log, at, group);
    return 0;
}

static int swap_all(struct log *log, struct log_clean *clean, struct log_removal **removal)
{
    if (log->failed) return -EIO;
    struct log_removal *old = log_removal_create(log, clean->source_count, true);
    int r = 0;
    for (int32_t i = 0; i < clean->group_count && r == 0; i++)
        r = swap_group(log, clean, &clean->groups[i], old);
    if (r < 0) log_fail(log);
    *removal = old;
    return r;
}

static void destroy(struct log_clean *clean)
{
    clean_transactions_deinit(&clean->transactions);
    memory_free(clean->producers);
    memory_free(clean->groups);
    memory_free(clean->sources);
    memory_free(clean->later);
    memory_free(clean->directory);
    memory_free(clean);
}

int log_clean_end(struct log *log, struct log_clean *clean, struct log_cleaned *cleaned,
                  struct log_removal **removal)
{
    int r = clean->result;
    ASSERT(r <= 0);
    ASSERT(clean->group_count <= clean->source_count);
    ASSERT(log->cleaning);
    log->cleaning = false;
    *removal = NULL;
    if (r == 0) r = swap_all(log, clean, removal);
    clean->cleaned.segments_before = clean->source_count;
    clean->cleaned.segments_after = clean->group_count;
    *cleaned = clean->cleaned;
    destroy(clean);
    return r;
}

/* The beginning of a log: where retention wants it, and removing what lies before it.
 * (UnifiedLog.deleteOldSegments, LocalLog.deleteSegmentFiles) */
#include "log/log_private.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

int log_raise_start(struct log *log, int64_t offset)
{
    if (offset <= log->start_offset) return 0;
    if (offset > log->end_offset) return -ERANGE;
    log->start_offset = offset;
    epochs_truncate_start(&log->epochs, offset);
    return 0;
}

/* --- removing --------------------------------------------------------------------------------- */

struct log_removal *log_removal_create(const struct log *log, int32_t most, bool swapped)
{
    struct log_removal *removal = memory_alloc(sizeof(*removal));
    *removal = (struct log_removal){
        .os = log->os,
        .directory = memory_copy_text(log->directory),
        .bases = memory_alloc((size_t)most * sizeof(removal->bases[0])),
        .snapshots = memory_alloc((size_t)most * sizeof(removal->snapshots[0])),
        .swapped = swapped,
    };
    return removal;
}

struct log_removal *log_removal_begin(struct log *log)
{
    int32_t gone = 0;
    if (log->cleaning) return NULL; /* it reads them */
    while (gone + 1 < log->segment_count &&
           log->segments[gone + 1]->base_offset <= log->start_offset)
        gone++;
    if (gone == 0) return NULL;
    struct log_removal *removal = log_removal_create(log, gone, false);
    log->changes++;
    for (int32_t i = 0; i < gone; i++) {
        removal->bases[removal->count++] = log->segments[i]->base_offset;
        removal->snapshots[removal->snapshot_count++] = log->segments[i]->base_offset;
        segment_destroy(log->segments[i]);
    }
    log->segment_count -= gone;
    memmove(log->segments, log->segments + gone,
            (size_t)log->segment_count * sizeof(log->segments[0]));
    ASSERT(log->segments[0]->base_offset <= log->start_offset);
    return removal;
}

/* Those that were swapped carry another name by now, and that must last before they go. */
void log_removal_run(struct log_removal *removal)
{
    int r = removal->swapped ? os_dir_sync(removal->os, removal->directory) : 0;
    const char *state = removal->swapped ? LOG_OLD : "";
    for (int32_t i = 0; i < removal->count && r == 0; i++)
        r = log_remove_segment_files(removal->os, removal->directory, removal->bases[i], state);
    for (int32_t i = 0; i < removal->snapshot_count && r == 0; i++)
        r = log_remove_snapshot(removal->os, removal->directory, removal->snapshots[i]);
    if (r == 0) r = os_dir_sync(removal->os, removal->directory);
    removal->result = r;
}

int log_removal_end(struct log_removal *removal)
{
    int r = removal->result;
    memory_free(removal->bases);
    memory_free(removal->snapshots);
    memory_free(removal->directory);
    memory_free(removal);
    return r;
}

/* --- retention -------------------------------------------------------------------------------- */

/* When its file was last written: a start does not make it young again. */
static int written_at(struct log *log, struct log_segment *segment, int64_t *timestamp)
{
    struct os_file *file;
    int r = segment_open_log(log, segment, &file);
    return r == 0 ? os_file_changed_ms(file, timestamp) : r;
}

int log_greatest_timestamp(struct log *log, struct log_segment *segment, int64_t *timestamp)
{
    if (!segment->times_known) {
        struct offset_entry offset;
        struct time_entry time;
        int r = index_last(log, segment, &offset, &time);
        if (r < 0) return r;
        segment->max_timestamp = time.timestamp;
        segment->max_timestamp_offset =
            time.timestamp < 0 ? -1 : segment->base_offset + time.relative_offset;
        segment->times_known = true;
    }
    if (segment->max_timestamp < 0) return written_at(log, segment, timestamp);
    *timestamp = segment->max_timestamp;
    return 0;
}

/* Where the segment after number `i` begins; the log's end after the last. */
static int64_t end_of(const struct log *log, int32_t i)
{
    return i + 1 < log->segment_count ? log->segments[i + 1]->base_offset : log->end_offset;
}

/* How many segments may go at all, from number `first` on: none that has something at or beyond the
 * bound, and not an empty one at the end. (UnifiedLog.deletableSegments) */
static int32_t deletable(const struct log *log, int32_t first, int64_t bound)
{
    int32_t end = first;
    while (end < log->segment_count && end_of(log, end) <= bound &&
           (log->segments[end]->size > 0 || end + 1 < log->segment_count))
        end++;
    return end;
}

/* What remains must not become smaller than `retention_bytes`. */
static int32_t skip_excess(const struct log *log, int32_t first, int32_t end,
                           int64_t retention_bytes)
{
    if (retention_bytes < 0) return first;
    int64_t excess = -retention_bytes;
    for (int32_t i = first; i < log->segment_count; i++)
        excess += log->segments[i]->size;
    while (first < end && excess - log->segments[first]->size >= 0)
        excess -= log->segments[first++]->size;
    return first;
}

static int skip_expired(struct log *log, int32_t end, int64_t retention_ms, int64_t now_ms,
                        int32_t *first)
{
    if (retention_ms < 0) return 0;
    while (*first < end) {
        int64_t timestamp;
        int r = log_greatest_timestamp(log, log->segments[*first], &timestamp);
        if (r < 0) return r;
        if (now_ms - timestamp <= retention_ms) return 0;
        (*first)++;
    }
    return 0;
}

/* Those that lie below the start have gone. By size leaves what the rest can do without, then by
 * time what is at the front now. (UnifiedLog.deleteOldSegments) */
static int find_first_kept(struct log *log, const struct log_retention *retention, int64_t now_ms,
                           int32_t *kept)
{
    int64_t bound = retention->bound < log->written_offset ? retention->bound : log->written_offset;
    int32_t first = log_segment_at(log, log->start_offset);
    int32_t end = deletable(log, first, bound);
    first = skip_excess(log, first, end, retention->retention_bytes);
    int r = skip_expired(log, end, retention->retention_ms, now_ms, &first);
    if (r == 0) *kept = first;
    return r;
}

int log_retain(struct log *log, const struct log_retention *retention, int64_t now_ms,
               int64_t *start_offset)
{
    ASSERT(retention->bound >= 0);
    if (log->failed) return -EIO;
    int32_t kept;
    int r = find_first_kept(log, retention, now_ms, &kept);
    if (r < 0) return r;
    ASSERT(kept <= log->segment_count);
    if (kept == log->segment_count) r = log_roll(log, now_ms);
    if (r == -ENOSPC) {
        kept--; /* no room for a new one; with the others gone there will be */
        r = 0;
    }
    if (r < 0) {
        log_fail(log);
        return r;
    }
    int64_t start = log->segments[kept]->base_offset;
    *start_offset = start > log->start_offset ? start : log->start_offset;
    return 0;
}

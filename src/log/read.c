/* Reading: from an offset to a range of a file. No byte of a batch passes through memory of ours;
 * of headers only as many are looked at as the sparse index leaves open. */
#include "log/log_private.h"

#include <errno.h>

enum { COLD_STEP_BYTES = 1 << 20 /* brought into memory at once for a reader */ };

/* Where a read in `segment` ends: before the batch that begins at or beyond `limit`. */
static int find_end(const struct log *log, int32_t index, int64_t limit, struct log_cold *cold,
                    int64_t *end)
{
    struct log_segment *segment = log->segments[index];
    *end = segment->written;
    bool is_last = index + 1 == log->segment_count;
    if (is_last && limit >= log->written_offset) return 0;
    if (!is_last && limit >= log->segments[index + 1]->base_offset) return 0;
    /* A batch that the limit divides is left out: what is above must not be seen. */
    int64_t base_offset;
    return segment_find(log, segment, limit, cold, end, &base_offset);
}

static int fit(const struct log *log, struct log_segment *segment, int64_t position, int64_t end,
               size_t max_bytes, bool whole_first, struct log_cold *cold, size_t *size)
{
    ASSERT(position < end);
    ASSERT(end <= segment->written);
    *size = (size_t)(end - position);
    if (*size <= max_bytes) return 0;
    struct batch batch;
    size_t first;
    int r = segment_peek(log, segment, position, cold, &batch, &first);
    if (r < 0) return r;
    if (first <= max_bytes)
        *size = max_bytes;
    else
        *size = whole_first ? first : 0;
    return 0;
}

static int pin_range(const struct log *log, struct log_segment *segment, int64_t position,
                     size_t size, bool wait, struct log_extent *extent, struct log_cold *cold)
{
    ASSERT(size > 0);
    ASSERT(position + (int64_t)size <= segment->written);
    struct os_file *file;
    int r = segment_open_log(log, segment, &file);
    if (r < 0) return r;
    log_file_pin(segment->log);
    if (!wait) {
        size_t probe = size < COLD_STEP_BYTES ? size : COLD_STEP_BYTES;
        if (!os_file_is_cached(file, position, (int64_t)probe)) {
            *cold = (struct log_cold){
                .file = file, .position = position, .size = probe, .pin = segment->log};
            return -EAGAIN;
        }
    }
    extent->file = file;
    extent->position = position;
    extent->size = size;
    extent->pin = segment->log;
    return 0;
}

/* The range in one segment; an empty one when nothing of it can be read. */
static int read_segment(const struct log *log, int32_t index, int64_t offset, int64_t limit,
                        size_t max_bytes, bool whole_first, struct log_extent *extent,
                        struct log_cold *cold)
{
    struct log_segment *segment = log->segments[index];
    int64_t position, end;
    int r = segment_find(log, segment, offset, cold, &position, &extent->base_offset);
    if (r == 0) r = find_end(log, index, limit, cold, &end);
    if (r < 0) return r;
    extent->position = position;
    if (position >= end) return 0;
    return fit(log, segment, position, end, max_bytes, whole_first, cold, &extent->size);
}

int log_read(struct log *log, int64_t offset, int64_t limit_offset, size_t max_bytes,
             bool whole_first, bool wait, struct log_extent *extent, struct log_cold *cold)
{
    if (offset < log->start_offset || offset > log->end_offset) return -ERANGE;
    ASSERT(log->written_offset <= log->end_offset);
    int64_t limit = limit_offset < log->written_offset ? limit_offset : log->written_offset;
    struct log_extent found = {.base_offset = -1};
    *extent = found;
    if (offset >= limit) return 0;
    for (int32_t index = log_segment_at(log, offset); index < log->segment_count; index++) {
        struct log_segment *segment = log->segments[index];
        if (segment->base_offset >= limit) break;
        int64_t from = offset > segment->base_offset ? offset : segment->base_offset;
        int r = read_segment(log, index, from, limit, max_bytes, whole_first, &found,
                             wait ? NULL : cold);
        if (r < 0) return r;
        if (found.position >= segment->written) continue; /* a gap reaches into the next one */
        if (found.size == 0) break;
        /* What was written last is in memory, needless to ask. */
        bool recent = segment == log_last(log) && log->recent_count > 0 &&
                      found.position >= segment->written - COLD_STEP_BYTES;
        r = pin_range(log, segment, found.position, found.size, wait || recent, &found, cold);
        if (r == 0) *extent = found;
        return r;
    }
    return 0;
}

void log_extent_release(struct log_extent *extent)
{
    if (extent->pin != NULL) log_file_unpin(extent->pin);
    extent->pin = NULL;
}

void log_cold_run(struct log_cold *cold)
{
    uint8_t bytes[64 << 10];
    ASSERT(cold->pin != NULL);
    int64_t end = cold->position + (int64_t)cold->size;
    for (int64_t at = cold->position; at < end;) {
        size_t size = end - at < (int64_t)sizeof(bytes) ? (size_t)(end - at) : sizeof(bytes);
        int64_t got = os_file_read(cold->file, bytes, size, at);
        if (got <= 0) return; /* an error shows itself when the range is read again */
        at += got;
    }
}

void log_cold_release(struct log_cold *cold)
{
    if (cold->pin != NULL) log_file_unpin(cold->pin);
    cold->pin = NULL;
}

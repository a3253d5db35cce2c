/* Segments: a file of batches and its indexes, named by the offset of the first record. */
#include "log/log_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

enum { COLD_BYTES = 128 << 10 /* brought into memory when a header is not there */ };

struct log_segment *log_last(const struct log *log)
{
    ASSERT(log->segment_count > 0);
    return log->segments[log->segment_count - 1];
}

int32_t log_segment_at(const struct log *log, int64_t offset)
{
    int32_t low = 0, high = log->segment_count;
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        if (log->segments[middle]->base_offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void log_path(const char *directory, int64_t base_offset, const char *suffix,
              char path[OS_PATH_MAX])
{
    int size =
        snprintf(path, OS_PATH_MAX, "%s/%020lld%s", directory, (long long)base_offset, suffix);
    ASSERT(size < OS_PATH_MAX); /* checked when the log was opened */
}

struct log_segment *segment_create(struct log_files *files, int64_t base_offset)
{
    ASSERT(base_offset >= 0);
    struct log_segment *segment = memory_alloc_zero(sizeof(*segment));
    *segment = (struct log_segment){
        .base_offset = base_offset,
        .max_timestamp = -1,
        .max_timestamp_offset = -1,
        .first_timestamp = -1,
        .last_time = -1,
        .log = log_file_create(files),
        .index = log_file_create(files),
        .time_index = log_file_create(files),
        .offset_entries = -1,
        .time_entries = -1,
    };
    return segment;
}

void segment_destroy(struct log_segment *segment)
{
    segment_mark_clean(segment);
    log_file_destroy(segment->log);
    log_file_destroy(segment->index);
    log_file_destroy(segment->time_index);
    memory_free(segment);
}

int segment_open_log(const struct log *log, struct log_segment *segment, struct os_file **file)
{
    *file = log_file_if_open(segment->log);
    if (*file != NULL) return 0;
    char path[OS_PATH_MAX];
    log_path(log->directory, segment->base_offset, ".log", path);
    return log_file_use(segment->log, path, OS_OPEN_WRITE, file);
}

/* An error of writing back is told to descriptors that were open at the time: keep ours. */
void segment_mark_dirty(struct log_segment *segment)
{
    if (segment->dirty) return;
    segment->dirty = true;
    log_file_pin(segment->log);
}

void segment_mark_clean(struct log_segment *segment)
{
    if (!segment->dirty) return;
    segment->dirty = false;
    log_file_unpin(segment->log);
}

void log_add_segment(struct log *log, struct log_segment *segment)
{
    if (log->segment_count > 0) ASSERT(log_last(log)->base_offset < segment->base_offset);
    if (log->segment_count == log->segment_capacity) {
        log->segment_capacity = log->segment_capacity == 0 ? 2 : log->segment_capacity * 2;
        log->segments =
            memory_grow(log->segments, (size_t)log->segment_capacity * sizeof(log->segments[0]));
    }
    log->segments[log->segment_count++] = segment;
    log->recent_count = 0;
}

/* --- rolling ---------------------------------------------------------------------------------- */

int log_start_segment(struct log *log, int64_t now_ms)
{
    char path[OS_PATH_MAX];
    log_path(log->directory, log->end_offset, ".log", path);
    struct log_segment *segment = segment_create(log->files, log->end_offset);
    segment->created_ms = now_ms;
    segment->times_known = true;
    segment->offset_entries = segment->time_entries = 0;
    struct os_file *file;
    int r = log_file_use(segment->log, path, OS_OPEN_REPLACE, &file);
    if (r == 0) {
        log_path(log->directory, log->end_offset, ".index", path);
        r = log_file_use(segment->index, path, OS_OPEN_REPLACE, &file);
    }
    if (r == 0) {
        log_path(log->directory, log->end_offset, ".timeindex", path);
        r = log_file_use(segment->time_index, path, OS_OPEN_REPLACE, &file);
    }
    if (r < 0) {
        segment_destroy(segment);
        return r;
    }
    log_add_segment(log, segment);
    log->new_entries = true;
    return 0;
}

int segment_seal(struct log *log, struct log_segment *segment)
{
    ASSERT(segment->written == segment->size);
    int r = 0;
    if (segment->size > 0) {
        index_add_time(log, segment);
        r = index_save(log, segment);
    }
    struct os_file *file;
    if (r == 0 && segment->reserved > segment->size) {
        r = segment_open_log(log, segment, &file);
        if (r == 0) r = os_file_truncate(file, segment->size);
        if (r == 0) segment->reserved = segment->size;
    }
    return r;
}

static int flush_oldest(struct log *log)
{
    int32_t dirty = 0;
    for (int32_t i = log->segment_count - 1; i >= 0 && log->segments[i]->dirty; i--)
        dirty++;
    if (dirty < LOG_FLUSH_SEGMENTS_MAX) return 0;
    struct log_segment *oldest = log->segments[log->segment_count - dirty];
    struct os_file *file;
    int r = segment_open_log(log, oldest, &file);
    if (r == 0) r = os_file_sync(file);
    if (r == 0) segment_mark_clean(oldest);
    return r;
}

int log_roll(struct log *log, int64_t now_ms)
{
    ASSERT(log->staged_count == 0);
    ASSERT(log_last(log)->base_offset < log->end_offset);
    int r = flush_oldest(log);
    if (r == 0) r = segment_seal(log, log_last(log));
    if (r == 0) r = producers_save(&log->producers, log->os, log->directory, log->end_offset);
    if (r == 0) r = log_start_segment(log, now_ms);
    return r;
}

/* --- finding batches -------------------------------------------------------------------------- */

int64_t log_read_bytes(struct log_file *file, struct os_file *open, void *bytes, size_t size,
                       int64_t position, struct log_cold *cold)
{
    if (cold == NULL) return os_file_read(open, bytes, size, position);
    int64_t got = os_file_read_cached(open, bytes, size, position);
    if (got != -EAGAIN) return got;
    log_file_pin(file);
    size_t wanted = size > COLD_BYTES ? size : COLD_BYTES;
    *cold = (struct log_cold){.file = open, .position = position, .size = wanted, .pin = file};
    return -EAGAIN;
}

int segment_peek(const struct log *log, struct log_segment *segment, int64_t position,
                 struct log_cold *cold, struct batch *batch, size_t *size)
{
    ASSERT(position >= 0);
    if (position >= segment->written) return -ENODATA;
    if (segment->written - position < BATCH_HEADER_SIZE) return -EBADMSG;
    uint8_t header[BATCH_HEADER_SIZE];
    struct os_file *file;
    int r = segment_open_log(log, segment, &file);
    if (r < 0) return r;
    int64_t got = log_read_bytes(segment->log, file, header, sizeof(header), position, cold);
    if (got < 0) return (int)got;
    if (got < (int64_t)sizeof(header)) return -EBADMSG; /* the file was cut behind our back */
    r = batch_peek((struct slice){header, sizeof(header)}, batch, size);
    if (r < 0) return r;
    if ((int64_t)*size > segment->written - position) return -EBADMSG;
    if (batch->base_offset < segment->base_offset || batch->last_offset_delta < 0) return -EBADMSG;
    return 0;
}

/* The ring remembers consecutive batches of the last segment, so one that covers an offset is known
 * if the oldest begins at or below it. */
static bool find_recent(const struct log *log, const struct log_segment *segment, int64_t offset,
                        int64_t *position, int64_t *base_offset)
{
    if (segment != log_last(log) || log->recent_count == 0) return false;
    uint32_t newest = log->recent_next - 1;
    for (uint32_t i = 0; i < log->recent_count; i++) {
        const struct log_recent *recent = &log->recent[(newest - i) % LOG_RECENT_MAX];
        if (recent->base_offset > offset) continue;
        *position = recent->position;
        *base_offset = recent->base_offset;
        return true;
    }
    return false;
}

int segment_find(const struct log *log, struct log_segment *segment, int64_t offset,
                 struct log_cold *cold, int64_t *position, int64_t *base_offset)
{
    *base_offset = -1;
    *position = segment->written;
    if (segment == log_last(log) && offset >= log->written_offset) return 0;
    if (find_recent(log, segment, offset, position, base_offset)) return 0;
    int64_t at;
    int r = index_position(log, segment, offset, cold, &at);
    if (r < 0) return r;
    bool from_index = at > 0;
    for (;;) {
        struct batch batch;
        size_t size;
        r = segment_peek(log, segment, at, cold, &batch, &size);
        if (r == -ENODATA) break;
        if (from_index && (r == -EBADMSG || (r == 0 && batch.base_offset > offset))) {
            /* The index leads astray: begin at the beginning. */
            at = 0;
            from_index = false;
            continue;
        }
        if (r < 0) return r;
        if (batch_last_offset(&batch) >= offset) {
            *base_offset = batch.base_offset;
            break;
        }
        from_index = false;
        at += (int64_t)size;
    }
    *position = at;
    return 0;
}

static void remember_place(struct log *log, int64_t base_offset, int64_t position)
{
    if (log->recent == NULL)
        log->recent = memory_alloc_zero(LOG_RECENT_MAX * sizeof(log->recent[0]));
    log->recent[log->recent_next++ % LOG_RECENT_MAX] = (struct log_recent){base_offset, position};
    if (log->recent_count < LOG_RECENT_MAX) log->recent_count++;
}

/* The order of LogSegment.append: the entry for a batch is made before its own bytes count. */
void segment_note_batch(struct log *log, struct log_segment *segment, const struct batch *batch,
                        int64_t position, size_t size)
{
    ASSERT(segment == log_last(log));
    int64_t last_offset = batch_last_offset(batch);
    if (position == 0) segment->first_timestamp = batch->max_timestamp;
    /* One that compaction emptied has no record of that time. */
    if (batch->count > 0 && batch->max_timestamp > segment->max_timestamp) {
        segment->max_timestamp = batch->max_timestamp;
        segment->max_timestamp_offset = last_offset;
    }
    if (segment->bytes_since_index > log->config.index_interval_bytes) {
        index_add(log, segment, last_offset, position);
        segment->bytes_since_index = 0;
    }
    segment->bytes_since_index += (int64_t)size;
    remember_place(log, batch->base_offset, position);
}

/*
 * Appending: batches are staged, then written with one system call. Offsets, epochs, producers and
 * indexes are settled when a batch is staged, so that the next one of the same turn sees them.
 *
 * Space on disk is reserved in growing steps before a batch is taken: a full disk is found out
 * while the batch can still be refused.
 */
#include "log/log_private.h"

#include <errno.h>

#include "base/memory.h"
#include "base/prng.h"

enum { RESERVE_MIN_BYTES = 64 << 10, RESERVE_MAX_BYTES = 16 << 20 };

void log_fail(struct log *log)
{
    log->failed = true;
    log->staged_count = 0;
}

bool log_has_staged(const struct log *log)
{
    return log->staged_count > 0;
}

/* A segment's own share of segment.jitter.ms, so that not all logs roll at once. */
static int64_t jitter_ms(const struct log *log, const struct log_segment *segment)
{
    int64_t bound = log->config.segment_jitter_ms;
    if (bound > log->config.segment_ms) bound = log->config.segment_ms;
    if (bound <= 0) return 0;
    struct prng prng;
    prng_init(&prng, log->jitter_seed ^ (uint64_t)segment->base_offset);
    return (int64_t)prng_below(&prng, (uint64_t)bound);
}

/* (LogSegment.shouldRoll) */
static bool is_roll_due(const struct log *log, const struct batch *batch, size_t size,
                        int64_t now_ms)
{
    const struct log_segment *segment = log_last(log);
    if (segment->size == 0) return false;
    if (segment->size > log->config.segment_bytes - (int64_t)size) return true;
    if (index_is_full(log, segment)) return true;
    int64_t last_offset = log->end_offset + batch->last_offset_delta;
    if (last_offset - segment->base_offset > INT32_MAX) return true;
    bool by_records = segment->first_timestamp >= 0 && batch->max_timestamp >= 0;
    int64_t age_ms =
        by_records ? batch->max_timestamp - segment->first_timestamp : now_ms - segment->created_ms;
    return age_ms > log->config.segment_ms - jitter_ms(log, segment);
}

static int64_t reserve_step(const struct log *log, const struct log_segment *segment, int64_t size)
{
    int64_t step = log->config.preallocate ? log->config.segment_bytes : segment->size;
    if (!log->config.preallocate && step > RESERVE_MAX_BYTES) step = RESERVE_MAX_BYTES;
    if (step < RESERVE_MIN_BYTES) step = RESERVE_MIN_BYTES;
    int64_t room = log->config.segment_bytes - segment->size;
    if (step > room) step = room;
    return step < size ? size : step;
}

static int reserve(struct log *log, struct log_segment *segment, int64_t size)
{
    if (segment->size + size <= segment->reserved) return 0;
    struct os_file *file;
    int r = segment_open_log(log, segment, &file);
    if (r < 0) return r;
    int64_t step = reserve_step(log, segment, size);
    r = os_file_reserve(file, segment->size, step);
    if (r == -ENOSPC && step > size) {
        step = size;
        r = os_file_reserve(file, segment->size, step);
    }
    if (r == 0) segment->reserved = segment->size + step;
    return r;
}

/* Room for one more batch: in the staging area, in a segment, in its index, on the disk. */
static int make_room(struct log *log, const struct batch *batch, size_t size, int64_t now_ms)
{
    int r = 0;
    bool roll = is_roll_due(log, batch, size, now_ms);
    if (log->staged_count == LOG_STAGED_MAX || (roll && log->staged_count > 0)) r = log_write(log);
    if (r == 0 && roll) r = log_roll(log, now_ms);
    struct log_segment *segment = log_last(log);
    if (r == 0 && log->index != NULL && log->index->offset_count == LOG_INDEX_PENDING_MAX)
        r = index_save(log, segment);
    if (r == 0) r = reserve(log, segment, (int64_t)size);
    return r;
}

int log_append(struct log *log, const struct batch *batch, uint8_t *bytes, int32_t leader_epoch,
               int64_t now_ms, int64_t *base_offset)
{
    size_t size = batch->bytes.size;
    ASSERT(bytes == batch->bytes.data);
    ASSERT(size >= BATCH_HEADER_SIZE);
    ASSERT(batch->last_offset_delta >= 0);
    if (log->failed) return -EIO;
    int r = make_room(log, batch, size, now_ms);
    if (r == -ENOSPC && !log->failed) return r;
    if (r < 0) {
        log_fail(log);
        return -EIO;
    }
    struct log_segment *segment = log_last(log);
    struct batch placed = *batch;
    placed.base_offset = log->end_offset;
    placed.partition_leader_epoch = leader_epoch;
    batch_assign(bytes, placed.base_offset, leader_epoch);
    epochs_assign(&log->epochs, leader_epoch, placed.base_offset);
    producers_note(&log->producers, &placed);
    segment_note_batch(log, segment, &placed, segment->size, size);
    if (log->staged == NULL) log->staged = memory_alloc(LOG_STAGED_MAX * sizeof(log->staged[0]));
    if (log->staged_count == 0) log->staged_position = segment->size;
    log->staged[log->staged_count++] = (struct slice){bytes, size};
    segment->size += (int64_t)size;
    log->end_offset = batch_last_offset(&placed) + 1;
    ASSERT(segment->size <= segment->reserved);
    ASSERT(log->end_offset > placed.base_offset);
    *base_offset = placed.base_offset;
    return 0;
}

int log_write(struct log *log)
{
    if (log->failed) return -EIO;
    if (log->staged_count == 0) return 0;
    struct log_segment *segment = log_last(log);
    ASSERT(log->staged_position == segment->written);
    struct os_file *file;
    int r = segment_open_log(log, segment, &file);
    if (r == 0) r = os_file_write(file, log->staged, log->staged_count, log->staged_position);
    if (r < 0) {
        log_fail(log);
        return r;
    }
    segment_mark_dirty(segment);
    segment->written = segment->size;
    log->written_offset = log->end_offset;
    log->staged_count = 0;
    return 0;
}

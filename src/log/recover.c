/*
 * Recovery: from files to a log. (LogLoader, LogSegment.recover)
 *
 * What lies below the recovery point is known to be good and is not read; beyond it every batch is
 * checked. A batch that the end of the file cuts short, or bytes that are no batch with no batch
 * behind them, are a torn tail and are cut off. Bytes that are no batch but have sound batches
 * behind them are corruption in the middle: nothing is cut, the log is not opened, somebody must
 * decide.
 *
 * Everything here only removes what is broken and adds what can be derived, so a crash in the
 * middle of it changes nothing for the next time.
 */
#include "log/log_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* --- the last segment ------------------------------------------------------------------------- */

/* Where to begin reading a segment of which everything below `point` is good: at the batch of the
 * last index entry below it, if that entry tells the truth. */
static int find_start(struct log *log, struct log_segment *segment, int64_t point, int64_t *start)
{
    *start = 0;
    int r = index_load(log, segment, point);
    if (r < 0 || segment->offset_entries == 0) return r < 0 ? r : index_load(log, segment, 0);
    struct offset_entry offset;
    struct time_entry time;
    r = index_last(log, segment, &offset, &time);
    if (r < 0) return r;
    r = index_agrees(log, segment, &offset, &time);
    if (r < 0 && r != -EBADMSG) return r;
    if (r == 0) {
        segment->max_timestamp = time.timestamp;
        segment->max_timestamp_offset =
            time.timestamp < 0 ? -1 : segment->base_offset + time.relative_offset;
        *start = offset.position;
        return 0;
    }
    return index_load(log, segment, 0);
}

/* A batch that scan found at `position`: is it what must come next? */
static bool is_sound(const struct log *log, const struct batch *batch)
{
    int64_t last_offset = batch_last_offset(batch);
    return batch->base_offset >= log->end_offset && batch->last_offset_delta >= 0 &&
           last_offset >= batch->base_offset &&
           last_offset - log_last(log)->base_offset <= INT32_MAX && /* as far as an index reaches */
           batch_crc_matches(batch);
}

/* Takes note of one; the first one may have its index entry already. */
static int note(struct log *log, struct log_segment *segment, const struct batch *batch,
                int64_t position)
{
    int r = 0;
    if (log->index != NULL && log->index->offset_count == LOG_INDEX_PENDING_MAX)
        r = index_save(log, segment);
    segment_note_batch(log, segment, batch, position, batch->bytes.size);
    epochs_assign(&log->epochs, batch->partition_leader_epoch, batch->base_offset);
    log->end_offset = batch_last_offset(batch) + 1;
    return r;
}

/* Reads on from scan->position. 0: all sound; 1: scan->position is where it ceases to be. */
static int walk(struct log *log, struct log_segment *segment, struct scan *scan,
                struct log_recovery *recovery)
{
    for (;;) {
        struct batch batch;
        int64_t position, from = scan->position;
        int r = scan_next(scan, &batch, &position);
        if (r == 0) return 0;
        if (r == -ENODATA || r == -EBADMSG || (r == 1 && !is_sound(log, &batch))) {
            scan->position = from;
            return 1;
        }
        if (r < 0) return r;
        recovery->scanned_bytes += (int64_t)batch.bytes.size;
        r = note(log, segment, &batch, position);
        if (r < 0) return r;
    }
}

static int cut_tail(struct log *log, struct log_segment *segment, struct os_file *file,
                    struct scan *scan, struct log_recovery *recovery)
{
    int64_t end = scan->position;
    int r = scan_for_survivor(scan, end + 1, log->end_offset);
    if (r != 0) return r < 0 ? r : -EBADMSG;
    recovery->truncated_bytes += segment->size - end;
    r = os_file_truncate(file, end);
    if (r == 0) r = os_file_sync(file);
    segment->size = segment->written = segment->reserved = end;
    return r;
}

/* What a crash of the process left with the kernel must be durable before it counts as kept. */
static int make_durable(struct log *log, struct log_segment *segment, struct os_file *file,
                        int64_t point)
{
    if (log->end_offset <= point || segment->size == 0) return 0;
    return os_file_sync(file);
}

/* `may_cut`: nothing but a torn tail can follow. */
static int recover_segment(struct log *log, struct log_segment *segment, int64_t point,
                           bool may_cut, struct log_recovery *recovery)
{
    ASSERT(segment == log_last(log));
    struct os_file *file;
    int64_t start;
    int r = find_start(log, segment, point, &start);
    if (r == 0) r = segment_open_log(log, segment, &file);
    if (r < 0) return r;
    if (start == 0) segment->max_timestamp = segment->max_timestamp_offset = -1;
    log->end_offset = segment->base_offset;
    segment->bytes_since_index = 0;
    struct scan scan;
    scan_start(&scan, file, start, segment->size);
    r = walk(log, segment, &scan, recovery);
    if (r == 1) r = may_cut ? cut_tail(log, segment, file, &scan, recovery) : -EBADMSG;
    scan_end(&scan);
    if (r == 0) r = make_durable(log, segment, file, point);
    if (r < 0) return r;
    segment->times_known = true;
    if (start > 0) {
        struct batch first;
        size_t size;
        r = segment_peek(log, segment, 0, NULL, &first, &size);
        if (r == 0) segment->first_timestamp = first.max_timestamp;
    }
    return r;
}

int log_reload_last(struct log *log, int64_t point, struct log_recovery *recovery)
{
    return recover_segment(log, log_last(log), point, true, recovery);
}

/* --- all segments ----------------------------------------------------------------------------- */

static int add_segment(struct log *log, int64_t base_offset)
{
    struct log_segment *segment = segment_create(log->files, base_offset);
    struct os_file *file;
    int64_t size;
    int r = segment_open_log(log, segment, &file);
    if (r == 0) r = os_file_size(file, &size);
    if (r == 0 && size > INT32_MAX) r = -EBADMSG;
    if (r < 0) {
        segment_destroy(segment);
        return r;
    }
    segment->size = segment->written = segment->reserved = size;
    segment->created_ms = os_wall_ms(log->os);
    log_add_segment(log, segment);
    return 0;
}

/* Segment number `i` of `bases`, which `point` has left behind or not. */
static int load_segment(struct log *log, const int64_t *bases, int32_t count, int32_t i,
                        int64_t point, struct log_recovery *recovery)
{
    int r = add_segment(log, bases[i]);
    if (r < 0) return r;
    struct log_segment *segment = log_last(log);
    bool is_last = i + 1 == count;
    if (!is_last && bases[i + 1] <= point) {
        r = index_check(log, segment);
        if (r != -EBADMSG) return r;
        recovery->rebuilt_indexes++;
        r = recover_segment(log, segment, segment->base_offset, false, recovery);
    } else {
        r = recover_segment(log, segment, point, is_last, recovery);
    }
    if (r < 0 || is_last) return r;
    if (log->end_offset > bases[i + 1]) return -EBADMSG;
    return segment_seal(log, segment);
}

static int file_size(struct log *log, int64_t base_offset, int64_t *size)
{
    char path[OS_PATH_MAX];
    struct os_file *file;
    log_path(log->directory, base_offset, ".log", path);
    int r = os_file_open(log->os, path, OS_OPEN_READ, &file);
    if (r < 0) return r;
    r = os_file_size(file, size);
    os_file_close(file);
    return r;
}

/* An empty segment at the end comes from a roll shortly before a crash. Its name may promise
 * offsets that the segment before has lost: it goes, and that one is the last again. Where that one
 * is empty, too, a cleaner has been there: the name is all that tells how far the log had come. */
static int drop_empty_end(struct log *log, const int64_t *bases, int64_t point, int32_t *count)
{
    int64_t last, before;
    if (*count < 2 || bases[*count - 1] <= point) return 0;
    int r = file_size(log, bases[*count - 1], &last);
    if (r == 0) r = file_size(log, bases[*count - 2], &before);
    if (r < 0 || last > 0 || before == 0) return r;
    (*count)--;
    return log_remove_segment_files(log->os, log->directory, bases[*count], "");
}

int log_recover(struct log *log, const int64_t *bases, int32_t count, int64_t point,
                struct log_recovery *recovery)
{
    ASSERT(log->segment_count == 0);
    int r = drop_empty_end(log, bases, point, &count);
    for (int32_t i = 0; i < count && r == 0; i++)
        r = load_segment(log, bases, count, i, point, recovery);
    if (r == 0 && count == 0) {
        log->end_offset = log->start_offset;
        r = log_start_segment(log, os_wall_ms(log->os));
    }
    if (r < 0) return r;
    ASSERT(log->segment_count > 0);
    log->written_offset = log->end_offset;
    recovery->segments = log->segment_count;
    recovery->log_end_offset = log->end_offset;
    if (log->start_offset < log->segments[0]->base_offset)
        log->start_offset = log->segments[0]->base_offset;
    if (log->start_offset > log->end_offset) return -EBADMSG;
    epochs_truncate_end(&log->epochs, log->end_offset);
    return 0;
}

/* --- producers -------------------------------------------------------------------------------- */

static int replay_segment(struct log *log, struct log_segment *segment, int64_t from)
{
    struct os_file *file;
    int64_t position, base_offset;
    int r = segment_open_log(log, segment, &file);
    if (r == 0) r = segment_find(log, segment, from, NULL, &position, &base_offset);
    if (r < 0) return r;
    ASSERT(position <= segment->written);
    struct scan scan;
    struct batch batch;
    scan_start(&scan, file, position, segment->written);
    while ((r = scan_next(&scan, &batch, &position)) == 1) {
        if (batch_last_offset(&batch) < from) continue;
        producers_note(&log->producers, &batch);
    }
    scan_end(&scan);
    return r == -ENODATA ? -EBADMSG : r;
}

int log_load_producers(struct log *log, bool clean)
{
    int64_t found;
    int64_t now_ms = os_wall_ms(log->os);
    producers_clear(&log->producers);
    int r = producers_load(&log->producers, log->os, log->directory, log->end_offset, now_ms,
                           log->config.producer_id_expiration_ms, &found);
    if (r < 0) return r;
    /* A clean stop leaves a snapshot if there are producers at all. */
    if (found < 0 && clean) return 0;
    int64_t from = found > log->start_offset ? found : log->start_offset;
    for (int32_t i = log_segment_at(log, from); i < log->segment_count && r == 0; i++) {
        int64_t base = log->segments[i]->base_offset;
        r = replay_segment(log, log->segments[i], from > base ? from : base);
    }
    producers_expire(&log->producers, now_ms, log->config.producer_id_expiration_ms);
    return r;
}

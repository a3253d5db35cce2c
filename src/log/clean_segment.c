/* The new segment: batches that keep their places, and indexes as an append would make them. */
#include <errno.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "log/clean_private.h"

enum {
    WRITE_BYTES = 1 << 20, /* gathered before they are written */
    BYTES_MAX = 512 << 20, /* a batch at its largest, and what was gathered before it */
    INDEX_BYTES_MAX = 64 << 20,
    ABORTED_VERSION = 0,
};

static int open_new(const struct clean_segment *segment, const char *suffix, struct os_file **file)
{
    char path[OS_PATH_MAX];
    log_path(segment->directory, segment->base_offset, suffix, path);
    return os_file_open(segment->os, path, OS_OPEN_REPLACE, file);
}

int clean_segment_open(struct clean_segment *segment, struct os *os, const char *directory,
                       int64_t base_offset, int64_t index_interval_bytes)
{
    *segment = (struct clean_segment){
        .os = os,
        .directory = directory,
        .base_offset = base_offset,
        .index_interval_bytes = index_interval_bytes,
        .first_timestamp = -1,
        .max_timestamp = -1,
        .max_timestamp_offset = -1,
        .last_time = -1,
        .next_offset = base_offset,
    };
    writer_init(&segment->bytes, BYTES_MAX);
    writer_init(&segment->offsets, INDEX_BYTES_MAX);
    writer_init(&segment->times, INDEX_BYTES_MAX);
    return open_new(segment, ".log.cleaned", &segment->file);
}

void clean_segment_close(struct clean_segment *segment)
{
    segment->file = os_file_close(segment->file);
    writer_deinit(&segment->bytes);
    writer_deinit(&segment->offsets);
    writer_deinit(&segment->times);
}

static int write_bytes(struct clean_segment *segment)
{
    ASSERT(segment->written >= 0);
    struct slice bytes = writer_slice(&segment->bytes);
    if (bytes.size == 0) return 0;
    int r = os_file_write(segment->file, &bytes, 1, segment->written);
    segment->written += (int64_t)bytes.size;
    writer_reset(&segment->bytes);
    return r;
}

static void add_time(struct clean_segment *segment)
{
    if (segment->max_timestamp <= segment->last_time) return;
    writer_put_be64(&segment->times, (uint64_t)segment->max_timestamp);
    writer_put_be32(&segment->times,
                    (uint32_t)(segment->max_timestamp_offset - segment->base_offset));
    segment->last_time = segment->max_timestamp;
}

/* As segment_note_batch does it for what is appended. */
int clean_segment_add(struct clean_segment *segment, const struct batch *batch, size_t size)
{
    ASSERT(batch->base_offset >= segment->next_offset);
    ASSERT(size <= segment->bytes.size);
    int64_t position = segment->written + (int64_t)(segment->bytes.size - size);
    int64_t last_offset = batch_last_offset(batch);
    ASSERT(position <= INT32_MAX);
    ASSERT(last_offset - segment->base_offset <= INT32_MAX);
    if (position == 0) segment->first_timestamp = batch->max_timestamp;
    /* One that was emptied has no record of that time. */
    if (batch->count > 0 && batch->max_timestamp > segment->max_timestamp) {
        segment->max_timestamp = batch->max_timestamp;
        segment->max_timestamp_offset = last_offset;
    }
    if (segment->bytes_since_index > segment->index_interval_bytes) {
        writer_put_be32(&segment->offsets, (uint32_t)(last_offset - segment->base_offset));
        writer_put_be32(&segment->offsets, (uint32_t)position);
        add_time(segment);
        segment->bytes_since_index = 0;
    }
    segment->bytes_since_index += (int64_t)size;
    segment->next_offset = last_offset + 1;
    return segment->bytes.size < WRITE_BYTES ? 0 : write_bytes(segment);
}

static int write_file(const struct clean_segment *segment, const char *suffix, struct slice bytes)
{
    struct os_file *file;
    int r = open_new(segment, suffix, &file);
    if (r < 0) return r;
    if (bytes.size > 0) r = os_file_write(file, &bytes, 1, 0);
    if (r == 0) r = os_file_sync(file);
    os_file_close(file);
    return r;
}

static int write_aborted(const struct clean_segment *segment,
                         const struct clean_transactions *transactions)
{
    if (transactions->kept_count == 0) return 0;
    struct writer writer;
    writer_init(&writer, transactions->kept_count * CLEAN_ABORTED_SIZE);
    for (size_t i = 0; i < transactions->kept_count; i++) {
        const struct clean_aborted *aborted = &transactions->kept[i];
        writer_put_be16(&writer, ABORTED_VERSION);
        writer_put_be64(&writer, (uint64_t)aborted->producer_id);
        writer_put_be64(&writer, (uint64_t)aborted->first_offset);
        writer_put_be64(&writer, (uint64_t)aborted->last_offset);
        writer_put_be64(&writer, (uint64_t)aborted->last_stable_offset);
    }
    int r = write_file(segment, ".txnindex.cleaned", writer_slice(&writer));
    writer_deinit(&writer);
    return r;
}

int clean_segment_finish(struct clean_segment *segment,
                         const struct clean_transactions *transactions)
{
    add_time(segment);
    int r = write_bytes(segment);
    if (r == 0) r = os_file_sync(segment->file);
    if (r == 0) r = writer_error(&segment->offsets);
    if (r == 0) r = writer_error(&segment->times);
    if (r == 0) r = write_file(segment, ".index.cleaned", writer_slice(&segment->offsets));
    if (r == 0) r = write_file(segment, ".timeindex.cleaned", writer_slice(&segment->times));
    if (r == 0) r = write_aborted(segment, transactions);
    return r;
}

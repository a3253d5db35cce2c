/* What stays of a batch. (MemoryRecords.filterTo, Cleaner.shouldRetainRecord; KIP-534) */
#include <errno.h>

#include "base/memory.h"
#include "base/varint.h"
#include "log/clean_private.h"

enum { STAYS_NOT = 0, STAYS = 1 };

/* --- the first pass --------------------------------------------------------------------------- */

int clean_collect(struct clean_keys *keys, struct clean_transactions *transactions,
                  const struct batch *batch, int64_t first_dirty, size_t batch_bytes_max,
                  struct arena *arena, bool *full)
{
    bool may_go;
    int r = clean_transactions_note(transactions, batch, &may_go);
    if (r < 0) return r;
    bool looked_at = (batch->attributes & BATCH_CONTROL) == 0 && !may_go && batch->count > 0;
    if (looked_at) {
        struct record_walk walk;
        struct record record;
        arena_reset(arena);
        r = record_walk_start(&walk, batch, arena, batch_bytes_max);
        if (r < 0) return r;
        while ((r = record_walk_next(&walk, &record)) == 1) {
            if (slice_is_null(record.key) || record.offset < first_dirty) continue;
            if (clean_keys_is_full(keys)) {
                *full = true;
                return 0;
            }
            clean_keys_put(keys, record.key, record.offset);
        }
        if (r < 0) return r;
    }
    int64_t last_offset = batch_last_offset(batch);
    ASSERT(batch->last_offset_delta >= 0);
    if (last_offset > keys->latest_offset) keys->latest_offset = last_offset;
    return 0;
}

/* --- the second pass -------------------------------------------------------------------------- */

static bool has_horizon(const struct batch *batch)
{
    return (batch->attributes & BATCH_DELETE_HORIZON) != 0;
}

static const struct clean_producer *find_producer(const struct clean_filter *filter, int64_t id)
{
    ASSERT(id >= 0);
    size_t low = 0, high = filter->producer_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (filter->producers[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < filter->producer_count && filter->producers[low].id == id;
    return found ? &filter->producers[low] : NULL;
}

/* The sequence and epoch of a producer's last batch are asked for after a restart. */
static bool is_last_of_producer(const struct clean_filter *filter, const struct batch *batch)
{
    if (batch->producer_id < 0) return false;
    const struct clean_producer *producer = find_producer(filter, batch->producer_id);
    if (producer == NULL) return false;
    if (producer->last_offset >= 0) return producer->last_offset == batch_last_offset(batch);
    return (batch->attributes & BATCH_CONTROL) != 0 && batch->producer_epoch == producer->epoch;
}

static bool record_stays(const struct clean_filter *filter, const struct batch *batch,
                         const struct record *record)
{
    if (record->offset > filter->keys->latest_offset) return true;
    if (slice_is_null(record->key)) {
        filter->cleaned->invalid_records++;
        return false;
    }
    if (record->offset < clean_keys_get(filter->keys, record->key)) return false;
    if (!slice_is_null(record->value)) return true;
    return !has_horizon(batch) || filter->now_ms < batch->base_timestamp;
}

/* What stays of a batch's records. */
struct kept_records {
    struct slice encoded; /* in the batch, the arena or the filter's writer */
    int64_t max_timestamp;
    int32_t count;
    bool all;        /* nothing goes */
    bool tombstones; /* some that stay */
};

/* Records are gathered from the first on that goes; until then they lie where they lie. */
static int walk(struct clean_filter *filter, const struct batch *batch, bool marker,
                struct kept_records *kept)
{
    struct record_walk walk;
    struct record record;
    arena_reset(&filter->arena);
    writer_reset(&filter->records);
    int r = record_walk_start(&walk, batch, &filter->arena, filter->batch_bytes_max);
    if (r < 0) return r;
    *kept = (struct kept_records){.encoded = walk.rest, .max_timestamp = -1, .all = true};
    const uint8_t *begin = walk.rest.data;
    for (;;) {
        struct slice encoded = walk.rest;
        r = record_walk_next(&walk, &record);
        if (r <= 0) break;
        encoded.size -= walk.rest.size;
        if (!marker && !record_stays(filter, batch, &record)) {
            if (kept->all)
                writer_put(&filter->records, (struct slice){begin, (size_t)(encoded.data - begin)});
            kept->all = false;
            continue;
        }
        kept->count++;
        if (slice_is_null(record.value)) kept->tombstones = true;
        if (record.timestamp > kept->max_timestamp) kept->max_timestamp = record.timestamp;
        if (!kept->all) writer_put(&filter->records, encoded);
    }
    if (!kept->all) kept->encoded = writer_slice(&filter->records);
    return r < 0 ? r : writer_error(&filter->records);
}

/* An encoded record whose timestamp counts from another base: length, attributes, timestamp, the
 * rest as it was. */
static void put_rebased(struct writer *writer, struct slice *encoded, int64_t delta)
{
    struct slice body;
    int32_t size;
    int64_t timestamp_delta;
    int r = varint32_take(encoded, &size);
    if (r == 0) r = slice_take(encoded, (size_t)size, &body);
    ASSERT(r == 0); /* the walk has read it */
    uint8_t attributes = body.data[0];
    body = (struct slice){body.data + 1, body.size - 1};
    r = varint64_take(&body, &timestamp_delta);
    ASSERT(r == 0);
    int64_t rebased = (int64_t)((uint64_t)timestamp_delta + (uint64_t)delta);
    writer_put_varint(writer, (int64_t)(1 + varint_size(rebased) + body.size));
    writer_put_u8(writer, attributes);
    writer_put_varint(writer, rebased);
    writer_put(writer, body);
}

static int put_whole(const struct batch *batch, struct writer *output, struct batch *kept)
{
    writer_put(output, batch->bytes);
    *kept = *batch;
    return writer_error(output) < 0 ? -EMSGSIZE : STAYS;
}

/* No records, but where it was and who wrote it. (DefaultRecordBatch.writeEmptyHeader) */
static int put_empty(const struct batch *batch, struct writer *output, struct batch *kept)
{
    *kept = *batch;
    kept->count = 0;
    kept->base_timestamp = -1;
    kept->attributes &= BATCH_LOG_APPEND_TIME | BATCH_TRANSACTIONAL | BATCH_CONTROL;
    int r = batch_write(output, kept, SLICE(""), COMPRESS_LEVEL_DEFAULT);
    return r < 0 ? r : STAYS;
}

/* From when on what is fleeting may go. A retention of centuries is for ever. */
static int64_t horizon_of(const struct clean_filter *filter)
{
    int64_t horizon;
    bool over = __builtin_add_overflow(filter->now_ms, filter->delete_retention_ms, &horizon);
    return over ? INT64_MAX : horizon;
}

static int put_rest(struct clean_filter *filter, const struct batch *batch, bool set_horizon,
                    const struct kept_records *found, struct writer *output, struct batch *kept)
{
    ASSERT(found->count > 0);
    ASSERT(found->count <= batch->count);
    *kept = *batch;
    kept->count = found->count;
    if ((batch->attributes & BATCH_LOG_APPEND_TIME) == 0)
        kept->max_timestamp = found->max_timestamp;
    struct slice records = found->encoded;
    if (set_horizon) {
        kept->base_timestamp = horizon_of(filter);
        kept->attributes |= BATCH_DELETE_HORIZON;
        int64_t delta = (int64_t)((uint64_t)batch->base_timestamp - (uint64_t)kept->base_timestamp);
        writer_reset(&filter->rebased);
        while (records.size > 0)
            put_rebased(&filter->rebased, &records, delta);
        int r = writer_error(&filter->rebased);
        if (r < 0) return r;
        records = writer_slice(&filter->rebased);
    }
    int r = batch_write(output, kept, records, COMPRESS_LEVEL_DEFAULT);
    return r < 0 ? r : STAYS;
}

static int drop(struct clean_filter *filter, const struct batch *batch, bool last,
                struct writer *output, struct batch *kept)
{
    bool stays = last || is_last_of_producer(filter, batch);
    return stays ? put_empty(batch, output, kept) : STAYS_NOT;
}

int clean_batch(struct clean_filter *filter, const struct batch *batch, bool last,
                struct writer *output, struct batch *kept)
{
    bool marker = (batch->attributes & BATCH_CONTROL) != 0, may_go;
    int r = clean_transactions_note(filter->transactions, batch, &may_go);
    if (r < 0) return r;
    filter->cleaned->records_read += batch->count;
    bool past = has_horizon(batch) && batch->base_timestamp <= filter->now_ms;
    bool goes = batch->count == 0 || (marker ? may_go && past : may_go);
    if (goes) return drop(filter, batch, last, output, kept);
    struct kept_records found;
    r = walk(filter, batch, marker, &found);
    if (r < 0) return r;
    if (found.count == 0) return drop(filter, batch, last, output, kept);
    filter->cleaned->records_kept += found.count;
    bool fleeting = marker ? may_go : found.tombstones;
    bool set_horizon = fleeting && !has_horizon(batch);
    if (found.all && !set_horizon) return put_whole(batch, output, kept);
    return put_rest(filter, batch, set_horizon, &found, output, kept);
}

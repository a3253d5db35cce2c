/* What stays of a batch. (MemoryRecords.filterTo, Cleaner.shouldRetainRecord; KIP-534) */
#include <errno.h>

#include "base/memory.h"
#include "base/varint.h"
#include "log/clean_private.h"

enum { STAYS_NOT = 0, STAYS = 1, BLOCK_RECORDS = 32 };

/* --- records ---------------------------------------------------------------------------------- */

struct seen {
    struct slice encoded;
    struct siphash_tag tag; /* of its key, if it has one */
    int64_t offset, timestamp;
    bool has_key, has_value;
};

/* Some records of a batch: between the first look at one and the map's answer lie the others. */
struct block {
    struct seen records[BLOCK_RECORDS];
    int count;
};

/* 1: there may be more; 0: these are the last. */
static int read_block(struct record_walk *walk, const struct clean_keys *keys, struct block *block)
{
    block->count = 0;
    while (block->count < BLOCK_RECORDS) {
        struct slice encoded = walk->rest;
        struct record record;
        int r = record_walk_next(walk, &record);
        if (r <= 0) return r;
        encoded.size -= walk->rest.size;
        struct seen *seen = &block->records[block->count++];
        seen->encoded = encoded;
        seen->offset = record.offset;
        seen->timestamp = record.timestamp;
        seen->has_key = !slice_is_null(record.key);
        seen->has_value = !slice_is_null(record.value);
        if (seen->has_key) seen->tag = clean_keys_tag(keys, record.key);
    }
    return 1;
}

/* --- the first pass --------------------------------------------------------------------------- */

static int collect_records(struct clean_keys *keys, const struct batch *batch, int64_t first_dirty,
                           struct writer *scratch, bool *full)
{
    struct record_walk walk;
    struct block block;
    int more = record_walk_start_in(&walk, batch, scratch);
    if (more < 0) return more;
    do {
        more = read_block(&walk, keys, &block);
        if (more < 0) return more;
        for (int i = 0; i < block.count; i++) {
            const struct seen *seen = &block.records[i];
            if (!seen->has_key || seen->offset < first_dirty) continue;
            *full = clean_keys_is_full(keys);
            if (*full) return 0;
            clean_keys_put(keys, &seen->tag, seen->offset);
        }
    } while (more == 1);
    return 0;
}

int clean_collect(struct clean_keys *keys, struct clean_transactions *transactions,
                  const struct batch *batch, int64_t first_dirty, struct writer *scratch,
                  bool *full)
{
    ASSERT(batch->last_offset_delta >= 0);
    bool may_go;
    int r = clean_transactions_note(transactions, batch, &may_go);
    bool looked_at = (batch->attributes & BATCH_CONTROL) == 0 && !may_go;
    if (r == 0 && looked_at) r = collect_records(keys, batch, first_dirty, scratch, full);
    if (r < 0 || *full) return r;
    int64_t last_offset = batch_last_offset(batch);
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
                         const struct seen *seen)
{
    if (seen->offset > filter->keys->latest_offset) return true;
    if (!seen->has_key) {
        filter->cleaned->invalid_records++;
        return false;
    }
    if (seen->offset < clean_keys_get(filter->keys, &seen->tag)) return false;
    if (seen->has_value) return true;
    return !has_horizon(batch) || filter->now_ms < batch->base_timestamp;
}

/* What stays of a batch's records. */
struct kept_records {
    struct slice encoded; /* in the batch, or the filter's writers */
    int64_t max_timestamp;
    int32_t count;
    bool all;        /* nothing goes */
    bool tombstones; /* some that stay */
};

/* Those that stay and lie behind each other are copied together, at the next one that goes; where
 * none does, they lie where they lie. */
static int walk(struct clean_filter *filter, const struct batch *batch, bool marker,
                struct kept_records *kept)
{
    struct record_walk walk;
    struct block block;
    writer_reset(&filter->records);
    int more = record_walk_start_in(&walk, batch, &filter->scratch);
    if (more < 0) return more;
    *kept = (struct kept_records){.max_timestamp = -1, .all = true};
    struct slice run = {walk.rest.data, 0};
    do {
        more = read_block(&walk, filter->keys, &block);
        if (more < 0) return more;
        for (int i = 0; i < block.count; i++) {
            const struct seen *seen = &block.records[i];
            if (marker || record_stays(filter, batch, seen)) {
                run.size += seen->encoded.size;
                kept->count++;
                if (!seen->has_value) kept->tombstones = true;
                if (seen->timestamp > kept->max_timestamp) kept->max_timestamp = seen->timestamp;
                continue;
            }
            if (run.size > 0) writer_put(&filter->records, run);
            run = (struct slice){seen->encoded.data + seen->encoded.size, 0};
            kept->all = false;
        }
    } while (more == 1);
    if (!kept->all && run.size > 0) writer_put(&filter->records, run);
    kept->encoded = kept->all ? run : writer_slice(&filter->records);
    return writer_error(&filter->records);
}

/* From when on what is fleeting may go. A retention of centuries is for ever. */
static int64_t horizon_of(const struct clean_filter *filter)
{
    int64_t horizon;
    bool over = __builtin_add_overflow(filter->now_ms, filter->delete_retention_ms, &horizon);
    return over ? INT64_MAX : horizon;
}

/* An encoded record whose timestamp counts from another base: length, attributes, timestamp, the
 * rest as it was. False: no number can say how far it is from there. */
static bool put_rebased(struct writer *writer, struct slice *encoded, int64_t old_base,
                        int64_t new_base)
{
    struct slice body;
    int32_t size;
    int64_t delta, timestamp;
    int r = varint32_take(encoded, &size);
    if (r == 0) r = slice_take(encoded, (size_t)size, &body);
    ASSERT(r == 0); /* the walk has read it */
    uint8_t attributes = body.data[0];
    body = (struct slice){body.data + 1, body.size - 1};
    r = varint64_take(&body, &delta);
    ASSERT(r == 0);
    bool over = __builtin_add_overflow(old_base, delta, &timestamp);
    ASSERT(!over);
    if (__builtin_sub_overflow(timestamp, new_base, &delta)) return false;
    writer_put_varint(writer, (int64_t)(1 + varint_size(delta) + body.size));
    writer_put_u8(writer, attributes);
    writer_put_varint(writer, delta);
    writer_put(writer, body);
    return true;
}

/* The base timestamp's place is where the horizon is kept. (KIP-534) False: these stay for ever. */
static bool rebase(struct clean_filter *filter, const struct batch *batch, struct slice records)
{
    writer_reset(&filter->rebased);
    bool done = true;
    while (done && records.size > 0)
        done = put_rebased(&filter->rebased, &records, batch->base_timestamp, horizon_of(filter));
    return done && writer_error(&filter->rebased) == 0;
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

static int put_rest(struct clean_filter *filter, const struct batch *batch, bool rebased,
                    const struct kept_records *found, struct writer *output, struct batch *kept)
{
    *kept = *batch;
    kept->count = found->count;
    if ((batch->attributes & BATCH_LOG_APPEND_TIME) == 0)
        kept->max_timestamp = found->max_timestamp;
    if (rebased) {
        kept->base_timestamp = horizon_of(filter);
        kept->attributes |= BATCH_DELETE_HORIZON;
    }
    struct slice records = rebased ? writer_slice(&filter->rebased) : found->encoded;
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
    bool rebased = fleeting && !has_horizon(batch) && rebase(filter, batch, found.encoded);
    if (found.all && !rebased) return put_whole(batch, output, kept);
    return put_rest(filter, batch, rebased, &found, output, kept);
}

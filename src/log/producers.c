/*
 * Producers' state: the last five batches of each, so that what is sent again is not written again,
 * and open transactions. (ProducerStateManager, ProducerStateEntry, ProducerAppendInfo; KIP-98,
 * KIP-360)
 *
 * NNN.snapshot: int16 version 1, then ProducerSnapshot (schema/file/producer_snapshot), whose first
 * field is the CRC-32C of all that follows it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/memory.h"
#include "log/folder.h"
#include "log/log_private.h"
#include "wire/codec.h"
#include "wire/messages.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_CRC_END = 6,
    SNAPSHOT_MAX_BYTES = 512 << 20,
    END_MARKER_ABORT = 0,
    END_MARKER_COMMIT = 1,
};

void producers_init(struct producers *producers, uint64_t seed)
{
    *producers = (struct producers){.snapshot_offset = -1};
    map_init(&producers->map, seed);
}

void producers_clear(struct producers *producers)
{
    size_t cursor = 0;
    struct producer *producer;
    while ((producer = map_next(&producers->map, &cursor)) != NULL) {
        map_remove(&producers->map, MAP_KEY(producer->id));
        memory_free(producer);
    }
}

void producers_deinit(struct producers *producers)
{
    producers_clear(producers);
    map_deinit(&producers->map);
}

static struct producer *find(const struct producers *producers, int64_t id)
{
    return map_get(&producers->map, MAP_KEY(id));
}

static struct producer *find_or_create(struct producers *producers, int64_t id)
{
    struct producer *producer = find(producers, id);
    if (producer != NULL) return producer;
    producer = memory_alloc_zero(sizeof(*producer));
    producer->id = id;
    producer->epoch = -1;
    producer->coordinator_epoch = -1;
    producer->transaction_start_offset = -1;
    map_put(&producers->map, MAP_KEY(producer->id), producer);
    return producer;
}

static bool in_sequence(int32_t last, int32_t next)
{
    return next == (int64_t)last + 1 || (next == 0 && last == INT32_MAX);
}

enum kafka_error producers_check(const struct producers *producers, const struct batch *batch,
                                 int64_t *duplicate_offset, int64_t *duplicate_timestamp)
{
    *duplicate_offset = *duplicate_timestamp = -1;
    ASSERT(batch->producer_id >= 0);
    const struct producer *producer = find(producers, batch->producer_id);
    /* Unknown: expired, or its records were deleted. Any sequence may begin (KIP-360). */
    if (producer == NULL) return KAFKA_ERROR_NONE;
    if (batch->producer_epoch < producer->epoch) return KAFKA_ERROR_INVALID_PRODUCER_EPOCH;
    if (batch->producer_epoch > producer->epoch) {
        bool fresh = batch->base_sequence == 0 || producer->epoch < 0;
        return fresh ? KAFKA_ERROR_NONE : KAFKA_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    int32_t last_sequence = batch_last_sequence(batch);
    for (int32_t i = 0; i < producer->batch_count; i++) {
        const struct producer_batch *known = &producer->batches[i];
        if (known->first_sequence != batch->base_sequence || known->last_sequence != last_sequence)
            continue;
        *duplicate_offset = known->last_offset - known->offset_delta;
        *duplicate_timestamp = known->timestamp;
        return KAFKA_ERROR_NONE;
    }
    if (producer->batch_count == 0) return KAFKA_ERROR_NONE;
    const struct producer_batch *newest = &producer->batches[producer->batch_count - 1];
    return in_sequence(newest->last_sequence, batch->base_sequence)
               ? KAFKA_ERROR_NONE
               : KAFKA_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static void remember_batch(struct producer *producer, const struct batch *batch)
{
    if (producer->batch_count == LOG_BATCHES_REMEMBERED) {
        memmove(&producer->batches[0], &producer->batches[1],
                (LOG_BATCHES_REMEMBERED - 1) * sizeof(producer->batches[0]));
        producer->batch_count--;
    }
    ASSERT(producer->batch_count < LOG_BATCHES_REMEMBERED);
    producer->batches[producer->batch_count++] = (struct producer_batch){
        .first_sequence = batch->base_sequence,
        .last_sequence = batch_last_sequence(batch),
        .last_offset = batch_last_offset(batch),
        .offset_delta = batch->last_offset_delta,
        .timestamp = batch->max_timestamp,
    };
}

/* The end of a transaction: key (version, type), value (version, coordinator's epoch). */
static void note_marker(struct producer *producer, const struct batch *batch)
{
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct record_walk walk;
    struct record record;
    if (record_walk_start(&walk, batch, &arena, 1 << 15) == 0 &&
        record_walk_next(&walk, &record) == 1 && record.key.size >= 4 && record.value.size >= 6) {
        int16_t type = (int16_t)load_be16(record.key.data + 2);
        if (type == END_MARKER_ABORT || type == END_MARKER_COMMIT) {
            producer->coordinator_epoch = (int32_t)load_be32(record.value.data + 2);
            producer->transaction_start_offset = -1;
        }
    }
    arena_deinit(&arena);
}

void producers_note(struct producers *producers, const struct batch *batch)
{
    if (batch->producer_id < 0) return;
    struct producer *producer = find_or_create(producers, batch->producer_id);
    if (batch->producer_epoch != producer->epoch) {
        producer->epoch = batch->producer_epoch;
        producer->batch_count = 0;
    }
    producer->last_timestamp = batch->max_timestamp;
    if (batch->attributes & BATCH_CONTROL) {
        note_marker(producer, batch);
        return;
    }
    if (batch->base_sequence >= 0) remember_batch(producer, batch);
    if ((batch->attributes & BATCH_TRANSACTIONAL) && producer->transaction_start_offset < 0)
        producer->transaction_start_offset = batch->base_offset;
}

void producers_expire(struct producers *producers, int64_t now_ms, int64_t expiration_ms)
{
    size_t cursor = 0;
    struct producer *producer;
    while ((producer = map_next(&producers->map, &cursor)) != NULL) {
        if (producer->transaction_start_offset >= 0) continue; /* not while it is open */
        if (now_ms - producer->last_timestamp < expiration_ms) continue;
        map_remove(&producers->map, MAP_KEY(producer->id));
        memory_free(producer);
    }
    producers->swept_ms = now_ms;
}

/* --- snapshots -------------------------------------------------------------------------------- */

static void snapshot_entry(const struct producer *producer,
                           struct producer_snapshot_producer_entry *entry)
{
    const struct producer_batch *newest =
        producer->batch_count > 0 ? &producer->batches[producer->batch_count - 1] : NULL;
    *entry = (struct producer_snapshot_producer_entry){
        .producer_id = producer->id,
        .epoch = producer->epoch,
        .last_sequence = newest != NULL ? newest->last_sequence : -1,
        .last_offset = newest != NULL ? newest->last_offset : -1,
        .offset_delta = newest != NULL ? newest->offset_delta : 0,
        .timestamp = producer->last_timestamp,
        .coordinator_epoch = producer->coordinator_epoch,
        .current_txn_first_offset = producer->transaction_start_offset,
    };
}

int producers_save(struct producers *producers, struct os *os, const char *directory,
                   int64_t offset)
{
    size_t count = map_count(&producers->map);
    struct producer_snapshot snapshot = {.producer_entries_count = (int32_t)count};
    snapshot.producer_entries = memory_alloc(count * sizeof(snapshot.producer_entries[0]));
    size_t cursor = 0;
    for (size_t i = 0; i < count; i++)
        snapshot_entry(map_next(&producers->map, &cursor), &snapshot.producer_entries[i]);

    struct writer writer;
    writer_init(&writer, SNAPSHOT_MAX_BYTES);
    writer_put_be16(&writer, SNAPSHOT_VERSION);
    int r = wire_encode(&wire_producer_snapshot, SNAPSHOT_VERSION, &snapshot, &writer, NULL);
    if (r == 0) {
        ASSERT(writer.size >= SNAPSHOT_CRC_END);
        struct slice covered = {writer.data + SNAPSHOT_CRC_END, writer.size - SNAPSHOT_CRC_END};
        store_be32(writer.data + 2, crc32c(covered));
        char path[OS_PATH_MAX];
        snprintf(path, sizeof(path), "%s/%020lld.snapshot", directory, (long long)offset);
        struct os_file *file;
        r = os_file_open(os, path, OS_OPEN_REPLACE, &file);
        if (r == 0) {
            /* Not flushed: one torn by a crash fails its CRC, and the log is read instead. */
            struct slice all = writer_slice(&writer);
            r = os_file_write(file, &all, 1, 0);
            os_file_close(file);
        }
    }
    if (r == 0) producers->snapshot_offset = offset;
    writer_deinit(&writer);
    memory_free(snapshot.producer_entries);
    return r;
}

struct newest {
    int64_t limit, found;
};

static int pick_newest(void *context, const char *name, bool is_dir)
{
    struct newest *newest = context;
    struct slice text = slice_of(name);
    if (is_dir || text.size != 29 || strcmp(name + 20, ".snapshot") != 0) return 0;
    text.size = 20;
    int64_t offset;
    if (slice_parse_int64(text, 0, INT64_MAX, &offset) < 0) return 0;
    if (offset <= newest->limit && offset > newest->found) newest->found = offset;
    return 0;
}

static void restore_entry(struct producers *producers,
                          const struct producer_snapshot_producer_entry *entry)
{
    struct producer *producer = find_or_create(producers, entry->producer_id);
    producer->epoch = entry->epoch;
    producer->last_timestamp = entry->timestamp;
    producer->coordinator_epoch = entry->coordinator_epoch;
    producer->transaction_start_offset = entry->current_txn_first_offset;
    producer->batch_count = 0;
    if (entry->last_offset < 0) return;
    producer->batches[producer->batch_count++] = (struct producer_batch){
        .first_sequence =
            entry->last_sequence - entry->offset_delta < 0
                ? (int32_t)((int64_t)INT32_MAX + 1 + entry->last_sequence - entry->offset_delta)
                : entry->last_sequence - entry->offset_delta,
        .last_sequence = entry->last_sequence,
        .last_offset = entry->last_offset,
        .offset_delta = entry->offset_delta,
        .timestamp = entry->timestamp,
    };
}

static int snapshot_read(struct producers *producers, struct slice bytes, int64_t now_ms,
                         int64_t expiration_ms)
{
    if (bytes.size < SNAPSHOT_CRC_END || load_be16(bytes.data) != SNAPSHOT_VERSION) return -EBADMSG;
    struct slice covered = {bytes.data + SNAPSHOT_CRC_END, bytes.size - SNAPSHOT_CRC_END};
    if (crc32c(covered) != load_be32(bytes.data + 2)) return -EBADMSG;
    struct arena arena;
    arena_init(&arena, SNAPSHOT_MAX_BYTES);
    struct slice body = {bytes.data + 2, bytes.size - 2};
    struct producer_snapshot snapshot;
    int r = wire_decode(&wire_producer_snapshot, SNAPSHOT_VERSION, &body, &arena, &snapshot);
    for (int32_t i = 0; r == 0 && i < snapshot.producer_entries_count; i++) {
        const struct producer_snapshot_producer_entry *entry = &snapshot.producer_entries[i];
        bool open = entry->current_txn_first_offset >= 0;
        if (open || now_ms - entry->timestamp < expiration_ms) restore_entry(producers, entry);
    }
    arena_deinit(&arena);
    return r;
}

int producers_load(struct producers *producers, struct os *os, const char *directory,
                   int64_t offset, int64_t now_ms, int64_t expiration_ms, int64_t *found)
{
    struct newest newest = {.limit = offset};
    for (;;) {
        newest.found = -1;
        int r = os_dir_list(os, directory, pick_newest, &newest);
        if (r < 0) return r;
        ASSERT(newest.found <= newest.limit);
        *found = newest.found;
        producers->snapshot_offset = newest.found;
        if (newest.found < 0) return 0;
        char name[32];
        snprintf(name, sizeof(name), "%020lld.snapshot", (long long)newest.found);
        uint8_t *bytes;
        size_t size;
        r = folder_read_file(os, directory, SNAPSHOT_MAX_BYTES, name, &bytes, &size);
        if (r == 0) {
            r = snapshot_read(producers, (struct slice){bytes, size}, now_ms, expiration_ms);
            memory_free(bytes);
        }
        if (r == 0) return 0;
        if (r != -EBADMSG) return r;
        producers_clear(producers); /* damaged: an older one and more of the log do as well */
        newest.limit = newest.found - 1;
    }
}

/* --- looking ---------------------------------------------------------------------------------- */

enum kafka_error log_check_producer(const struct log *log, const struct batch *batch,
                                    int64_t *duplicate_offset, int64_t *duplicate_timestamp)
{
    return producers_check(&log->producers, batch, duplicate_offset, duplicate_timestamp);
}

void log_expire_producers(struct log *log, int64_t now_ms)
{
    producers_expire(&log->producers, now_ms, log->config.producer_id_expiration_ms);
}

size_t log_producer_count(const struct log *log)
{
    return map_count(&log->producers.map);
}

bool log_producer_next(const struct log *log, size_t *cursor, struct log_producer *out)
{
    const struct producer *producer = map_next(&log->producers.map, cursor);
    if (producer == NULL) return false;
    const struct producer_batch *newest =
        producer->batch_count > 0 ? &producer->batches[producer->batch_count - 1] : NULL;
    *out = (struct log_producer){
        .producer_id = producer->id,
        .producer_epoch = producer->epoch,
        .last_sequence = newest != NULL ? newest->last_sequence : -1,
        .last_offset = newest != NULL ? newest->last_offset : -1,
        .last_timestamp = producer->last_timestamp,
        .coordinator_epoch = producer->coordinator_epoch,
        .transaction_start_offset = producer->transaction_start_offset,
    };
    return true;
}

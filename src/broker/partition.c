/* One partition that this node leads: checks, appends, and the calls that wait for what it does. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "broker/recompress.h"
#include "broker/shard_private.h"
#include "broker/validate.h"

/* A batch that was built anew; kept until it is written. */
struct rebuilt {
    struct list_link link;
    struct writer bytes;
};

static void free_rebuilt(struct partition *partition)
{
    struct list_link *link;
    while ((link = list_pop_front(&partition->rebuilt)) != NULL) {
        struct rebuilt *rebuilt = CONTAINER_OF(link, struct rebuilt, link);
        writer_deinit(&rebuilt->bytes);
        memory_free(rebuilt);
    }
}

struct partition *partition_create(struct shard *shard, const struct partition_key *key,
                                   struct slice topic)
{
    struct partition *partition = memory_alloc_zero(sizeof(*partition));
    uint8_t *name = memory_alloc(topic.size);
    memcpy(name, topic.data, topic.size);
    partition->shard = shard;
    partition->key = *key;
    partition->topic = (struct slice){name, topic.size};
    partition->state = PARTITION_OPENING;
    list_init(&partition->pending);
    list_init(&partition->unwritten);
    list_init(&partition->uncommitted);
    list_init(&partition->watching);
    list_init(&partition->rebuilt);
    return partition;
}

static void finish_all(struct list *calls, enum kafka_error error)
{
    struct list_link *link;
    while ((link = list_pop_front(calls)) != NULL)
        call_finish(CONTAINER_OF(link, struct call, link), error);
}

void partition_answer_all(struct partition *partition, enum kafka_error error)
{
    finish_all(&partition->pending, error);
    finish_all(&partition->unwritten, error);
    finish_all(&partition->uncommitted, error);
    finish_all(&partition->watching, error);
}

void partition_destroy(struct partition *partition, enum kafka_error error)
{
    ASSERT(!partition->busy);
    ASSERT(partition->borrowed == 0);
    partition_answer_all(partition, error);
    if (list_is_linked(&partition->staged_link)) {
        list_remove(&partition->staged_link);
        partition->shard->staged_count--;
    }
    if (list_is_linked(&partition->flush_link)) list_remove(&partition->flush_link);
    if (list_is_linked(&partition->behind_link)) list_remove(&partition->behind_link);
    move_forget(partition);
    log_destroy(partition->log);
    free_rebuilt(partition);
    memory_free((void *)(uintptr_t)partition->topic.data);
    memory_free(partition->directory);
    memory_free(partition->damages);
    memory_free(partition);
}

void partition_fail(struct partition *partition, int error, const char *what)
{
    BROKER_TRACE(partition->shard->broker, TRACE_ERROR, "kafka.server.ReplicaManager",
                 "Partition %.*s-%d is offline: %s: %s", SLICE_ARG(partition->topic),
                 (int)partition->key.index, what, strerror(-error));
    if (partition->state != PARTITION_DOOMED) partition->state = PARTITION_OFFLINE;
    partition_answer_all(partition, KAFKA_ERROR_KAFKA_STORAGE_ERROR);
}

void partition_fail_folder(struct partition *partition, int error, const char *what)
{
    partition_fail(partition, error, what);
    folders_fail(partition->shard, partition->folder, error);
}

/* --- the high watermark ----------------------------------------------------------------------- */

static void release_committed(struct partition *partition)
{
    struct list_link *link;
    while ((link = list_first(&partition->uncommitted)) != NULL) {
        struct call *call = CONTAINER_OF(link, struct call, link);
        if (call->wait_offset > partition->replication.high_watermark) break;
        list_remove(link);
        call_finish(call, KAFKA_ERROR_NONE);
    }
}

void partition_step(struct partition *partition, const struct replication_event *event)
{
    struct replication_effects effects = {0};
    replication_step(&partition->replication, event, &effects);
    if (!effects.high_watermark_moved) return;
    release_committed(partition);
    partition_wake_readers(partition);
}

void partition_lead(struct partition *partition, int32_t leader_epoch)
{
    struct replication_event event = {
        .kind = REPLICATION_LEAD,
        .leader_epoch = leader_epoch,
        .offset = log_end_offset(partition->log),
        .flushed_offset = log_flushed_offset(partition->log),
        .start_offset = log_start_offset(partition->log),
        .commit = partition->config.flush_policy == SETTINGS_FLUSH_COMMIT,
    };
    log_assign_epoch(partition->log, leader_epoch);
    partition_step(partition, &event);
}

void partition_start(struct partition *partition)
{
    ASSERT(partition->state == PARTITION_OPENING);
    ASSERT(partition->log != NULL);
    partition->state = PARTITION_ONLINE;
    partition->recovery_point = log_flushed_offset(partition->log);
    if (partition->leads) partition_lead(partition, partition->leader_epoch);
    struct list waiting;
    list_init(&waiting);
    struct list_link *link;
    while ((link = list_pop_front(&partition->pending)) != NULL)
        list_push_back(&waiting, link);
    while ((link = list_pop_front(&waiting)) != NULL)
        partition_call(partition, CONTAINER_OF(link, struct call, link));
}

void partition_flushed(struct partition *partition)
{
    struct replication_event event = {.kind = REPLICATION_FLUSHED,
                                      .offset = log_flushed_offset(partition->log)};
    partition_step(partition, &event);
}

bool partition_wants_flush(const struct partition *partition)
{
    if (partition->state != PARTITION_ONLINE || log_has_failed(partition->log)) return false;
    if (partition->flush_indexes || partition->flush_due) return true;
    if (partition->config.flush_policy == SETTINGS_FLUSH_OS) return false;
    return log_flushed_offset(partition->log) < log_end_offset(partition->log);
}

/* --- produce ---------------------------------------------------------------------------------- */

static void finish_produce(struct call *call, enum kafka_error error)
{
    if (error != KAFKA_ERROR_NONE) {
        call->produce.base_offset = -1;
        call->produce.log_append_time = -1;
    }
    call_finish(call, error);
}

static void refuse(struct partition *partition, struct call *call, enum kafka_error error)
{
    struct measure_traffic more = {.failed_produce_requests = 1};
    if (error == KAFKA_ERROR_MESSAGE_TOO_LARGE || error == KAFKA_ERROR_RECORD_LIST_TOO_LARGE)
        more.bytes_rejected = (int64_t)call->produce.records.size;
    measure_traffic(partition, &more);
    finish_produce(call, error);
}

/* Does a refusal tell where the log starts, as one of the log itself does?
 * (ReplicaManager.appendRecordsToLeader) */
static bool tells_log_start(enum kafka_error error)
{
    return error != KAFKA_ERROR_CORRUPT_MESSAGE && error != KAFKA_ERROR_MESSAGE_TOO_LARGE &&
           error != KAFKA_ERROR_RECORD_LIST_TOO_LARGE && error != KAFKA_ERROR_KAFKA_STORAGE_ERROR;
}

int32_t partition_min_isr(const struct partition *partition)
{
    int32_t wanted = partition->config.min_insync_replicas;
    return wanted > partition->replica_count ? partition->replica_count : wanted;
}

static bool has_too_few_in_sync(const struct partition *partition)
{
    return partition->isr_count < partition_min_isr(partition);
}

/* The times between which records may lie, as they are told of those that do not. */
static void tell_timestamps(const struct partition *partition, struct call_produce *produce)
{
    int64_t now_ms = partition->shard->now_ms;
    produce->timestamp_least = now_ms - partition->config.timestamp_before_max_ms;
    if (__builtin_add_overflow(now_ms, partition->config.timestamp_after_max_ms,
                               &produce->timestamp_most))
        produce->timestamp_most = INT64_MAX;
}

/* Waits for what its acks ask for; `end_offset` is behind its last record. */
static void await(struct partition *partition, struct call *call, int64_t end_offset)
{
    call->wait_offset = end_offset;
    if (call->produce.acks != -1) {
        list_push_back(&partition->unwritten, &call->link);
    } else if (end_offset <= partition->replication.high_watermark) {
        call_finish(call, KAFKA_ERROR_NONE);
    } else {
        list_push_back(&partition->uncommitted, &call->link);
    }
}

static void stage(struct partition *partition)
{
    if (list_is_linked(&partition->staged_link)) return;
    list_push_back(&partition->shard->staged, &partition->staged_link);
    partition->shard->staged_count++;
}

/* *batch becomes one in the topic's own codec. */
static enum kafka_error rebuild(struct partition *partition, struct batch *batch)
{
    struct rebuilt *rebuilt = memory_alloc_zero(sizeof(*rebuilt));
    writer_init(&rebuilt->bytes, (size_t)partition->config.segment_bytes);
    list_push_back(&partition->rebuilt, &rebuilt->link);
    stage(partition); /* the end of the turn frees it, appended or not */
    int r = recompress(batch, &partition->config, &partition->shard->scratch, &rebuilt->bytes);
    if (r < 0) return KAFKA_ERROR_MESSAGE_TOO_LARGE;
    struct slice bytes = writer_slice(&rebuilt->bytes);
    r = batch_take(&bytes, batch);
    ASSERT(r == 0); /* we built it */
    bool fits = (int64_t)batch->bytes.size <= partition->config.max_message_bytes;
    return fits ? KAFKA_ERROR_NONE : KAFKA_ERROR_MESSAGE_TOO_LARGE;
}

/* The times that the batch is to be stored with. */
static void stamp(const struct partition *partition, struct call_produce *produce,
                  int64_t max_timestamp, struct batch *batch)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)batch->bytes.data; /* the frame's, ours to patch */
    if (partition->config.log_append_time) {
        produce->log_append_time = partition->shard->now_ms;
        batch_stamp_log_append_time(bytes, batch->bytes.size, produce->log_append_time);
        batch->max_timestamp = produce->log_append_time;
        batch->attributes |= BATCH_LOG_APPEND_TIME;
    } else if (batch->max_timestamp != max_timestamp ||
               (batch->attributes & BATCH_LOG_APPEND_TIME)) {
        batch_stamp_create_time(bytes, batch->bytes.size, max_timestamp);
        batch->max_timestamp = max_timestamp;
        batch->attributes &= (int16_t)~BATCH_LOG_APPEND_TIME;
    }
}

static enum kafka_error append(struct partition *partition, struct call *call,
                               const struct validated *valid)
{
    struct call_produce *produce = &call->produce;
    struct batch batch = valid->batch;
    if (recompress_is_due(&batch, &partition->config)) {
        enum kafka_error error = rebuild(partition, &batch);
        if (error != KAFKA_ERROR_NONE) return error;
    }
    if (flush_must_come_first(partition)) return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    stamp(partition, produce, valid->max_timestamp, &batch);
    int r = log_append(partition->log, &batch, (uint8_t *)(uintptr_t)batch.bytes.data,
                       partition->leader_epoch, partition->shard->now_ms, &produce->base_offset);
    if (r == -ENOSPC) return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    if (r < 0) {
        partition_fail_folder(partition, r, "append");
        return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    }
    stage(partition);
    struct measure_traffic more = {.bytes_in = (int64_t)produce->records.size,
                                   .messages_in = batch.count};
    measure_traffic(partition, &more);
    checkpoint_written(partition->shard, (int64_t)batch.bytes.size);
    await(partition, call, log_end_offset(partition->log));
    return KAFKA_ERROR_NONE;
}

/* A batch from a producer with an id: new, known already, or out of its order. Duplicates are
 * answered with their offset, when that is committed. */
static enum kafka_error append_once(struct partition *partition, struct call *call,
                                    const struct validated *valid)
{
    struct call_produce *produce = &call->produce;
    const struct batch *batch = &valid->batch;
    int64_t offset = -1, timestamp = -1;
    if (batch->producer_id >= 0) {
        enum kafka_error error = log_check_producer(partition->log, batch, &offset, &timestamp);
        if (error != KAFKA_ERROR_NONE) return error;
    }
    if (offset < 0) return append(partition, call, valid);
    produce->base_offset = offset;
    /* as Kafka tells it, whatever the topic's timestamps are */
    produce->log_append_time = timestamp;
    await(partition, call, offset + batch->last_offset_delta + 1);
    stage(partition);
    return KAFKA_ERROR_NONE;
}

static void produce(struct partition *partition, struct call *call)
{
    struct call_produce *produce = &call->produce;
    produce->base_offset = -1;
    produce->log_append_time = -1;
    produce->record_errors = NULL;
    produce->record_error_count = 0;
    produce->log_start_offset = log_start_offset(partition->log);
    if (produce->acks == -1 && has_too_few_in_sync(partition)) {
        refuse(partition, call, KAFKA_ERROR_NOT_ENOUGH_REPLICAS);
        return;
    }
    struct validated valid;
    enum kafka_error error =
        validate_records(produce->records, &partition->config, partition->shard->now_ms,
                         &partition->shard->scratch, &valid);
    produce->record_errors = valid.record_errors;
    produce->record_error_count = valid.record_error_count;
    if (valid.record_error_count > 0) tell_timestamps(partition, produce);
    if (error == KAFKA_ERROR_NONE) error = append_once(partition, call, &valid);
    if (error == KAFKA_ERROR_NONE) return;
    if (!valid.is_one_batch || !tells_log_start(error)) produce->log_start_offset = -1;
    refuse(partition, call, error);
}

void partition_write(struct partition *partition)
{
    int r = partition->state == PARTITION_ONLINE ? log_write(partition->log) : 0;
    free_rebuilt(partition);
    if (partition->state != PARTITION_ONLINE) return;
    if (r < 0) {
        partition_fail_folder(partition, r, "write");
        return;
    }
    finish_all(&partition->unwritten, KAFKA_ERROR_NONE);
    struct replication_event event = {.kind = REPLICATION_APPENDED,
                                      .offset = log_end_offset(partition->log)};
    partition_step(partition, &event);
    if (partition->config.flush_policy == SETTINGS_FLUSH_OS) {
        partition->flush_due = flush_is_due(partition);
        flush_later(partition);
    }
    if (partition_wants_flush(partition)) flush_enqueue(partition);
}

/* --- calls ------------------------------------------------------------------------------------ */

/* (Partition.checkCurrentLeaderEpoch, KIP-320) */
static enum kafka_error check_leader(const struct partition *partition, const struct call *call)
{
    if (call->current_leader_epoch != -1) {
        if (call->current_leader_epoch < partition->leader_epoch)
            return KAFKA_ERROR_FENCED_LEADER_EPOCH;
        if (call->current_leader_epoch > partition->leader_epoch)
            return KAFKA_ERROR_UNKNOWN_LEADER_EPOCH;
    }
    return partition->leads ? KAFKA_ERROR_NONE : KAFKA_ERROR_NOT_LEADER_OR_FOLLOWER;
}

static enum kafka_error check_state(const struct partition *partition, const struct call *call)
{
    switch (partition->state) {
    case PARTITION_OPENING:
    case PARTITION_ONLINE:
        return call->kind == CALL_MOVE ? KAFKA_ERROR_NONE : check_leader(partition, call);
    case PARTITION_OFFLINE:
        return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    case PARTITION_DOOMED:
        break;
    }
    return KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
}

static void tell_producers(const struct partition *partition, struct call *call)
{
    struct call_producers *told = &call->producers;
    size_t cursor = 0;
    told->producers = memory_alloc(log_producer_count(partition->log) * sizeof(told->producers[0]));
    while (log_producer_next(partition->log, &cursor, &told->producers[told->count]))
        told->count++;
    call_finish(call, KAFKA_ERROR_NONE);
}

void partition_call(struct partition *partition, struct call *call)
{
    enum kafka_error error = check_state(partition, call);
    if (error != KAFKA_ERROR_NONE) {
        if (call->kind == CALL_PRODUCE)
            refuse(partition, call, error);
        else
            call_finish(call, error);
        return;
    }
    if (partition->state == PARTITION_OPENING) {
        list_push_back(&partition->pending, &call->link);
        return;
    }
    switch (call->kind) {
    case CALL_PRODUCE:
        measure_traffic(partition, &(struct measure_traffic){.produce_requests = 1});
        produce(partition, call);
        return;
    case CALL_READ:
        partition_read(partition, call);
        return;
    case CALL_LIST_OFFSET:
        partition_list_offset(partition, call);
        return;
    case CALL_EPOCH_END:
        partition_epoch_end(partition, call);
        return;
    case CALL_DELETE_RECORDS:
        retain_delete_records(partition, call);
        return;
    case CALL_PRODUCERS:
        tell_producers(partition, call);
        return;
    case CALL_MOVE:
        move_call(partition, call);
        return;
    case CALL_LOGS:
    case CALL_FOLDER:
    case CALL_MEASURES:
    case CALL_CONTROLLER:
    case CALL_PRODUCER_ID:
        break;
    }
    ASSERT(false); /* these are no partition's */
}

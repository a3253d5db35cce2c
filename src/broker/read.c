/* The parts of a partition that answer reads: extents, offsets, epochs. Consumers see nothing at or
 * above the high watermark. */
#include <errno.h>

#include "broker/shard_private.h"

enum { WARMED_MAX = 8 /* index, header, range, and all of it again */ };

/* --- fetch ------------------------------------------------------------------------------------ */

static void tell_ends(const struct partition *partition, struct call_read *read)
{
    read->high_watermark = partition->replication.high_watermark;
    read->last_stable_offset = partition->replication.high_watermark;
    read->log_start_offset = log_start_offset(partition->log);
}

/* Does the reader's last epoch end elsewhere here? (Partition.readRecords, KIP-595) */
static bool diverges(const struct partition *partition, struct call_read *read)
{
    read->diverging_epoch = -1;
    read->diverging_end_offset = -1;
    if (read->last_fetched_epoch < 0) return false;
    int32_t epoch;
    int64_t end_offset;
    log_epoch_end(partition->log, read->last_fetched_epoch, &epoch, &end_offset);
    if (epoch == read->last_fetched_epoch && end_offset >= read->offset) return false;
    read->diverging_epoch = epoch;
    read->diverging_end_offset = end_offset;
    return true;
}

static void warm_run(struct os_job *job)
{
    log_cold_run(&CONTAINER_OF(job, struct call, job)->cold);
}

/* The pages are in memory: ask again. */
static void warm_done(struct os_job *job)
{
    struct call *call = CONTAINER_OF(job, struct call, job);
    struct partition *partition = call->held;
    log_cold_release(&call->cold);
    partition->shard->jobs--;
    partition->borrowed--;
    if (partition->state == PARTITION_DOOMED) {
        call_finish(call, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
        follow_finish_doomed(partition);
        return;
    }
    partition_call(partition, call);
}

static void warm(struct partition *partition, struct call *call)
{
    call->held = partition;
    call->warmed++;
    call->job = (struct os_job){.run = warm_run, .done = warm_done};
    partition->borrowed++;
    partition->shard->jobs++;
    os_submit(partition->shard->os, &call->job);
}

static enum kafka_error read_error(struct partition *partition, const struct call_read *read, int r)
{
    if (r == -ERANGE) return KAFKA_ERROR_OFFSET_OUT_OF_RANGE;
    if (r == -EBADMSG) {
        BROKER_TRACE(partition->shard->broker, TRACE_ERROR, "kafka.server.ReplicaManager",
                     "Partition %.*s-%d is damaged near offset %lld", SLICE_ARG(partition->topic),
                     (int)partition->key.index, (long long)read->offset);
        return KAFKA_ERROR_CORRUPT_MESSAGE;
    }
    return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
}

static void finish(struct partition *partition, struct call *call, enum kafka_error error)
{
    struct measure_traffic more = {.fetch_requests = 1,
                                   .bytes_out = (int64_t)call->read.extent.size,
                                   .failed_fetch_requests = error != KAFKA_ERROR_NONE};
    measure_traffic(partition, &more);
    call_finish(call, error);
}

void partition_read(struct partition *partition, struct call *call)
{
    struct call_read *read = &call->read;
    read->extent = (struct log_extent){0};
    tell_ends(partition, read);
    if (diverges(partition, read)) {
        /* An epoch that nobody here knows does not tell where the logs part. */
        finish(partition, call,
               read->diverging_epoch < 0 ? KAFKA_ERROR_OFFSET_OUT_OF_RANGE : KAFKA_ERROR_NONE);
        return;
    }
    int64_t end = read->read_committed ? read->last_stable_offset : read->high_watermark;
    int64_t limit = scrub_limit(partition, read->offset, end);
    if (limit == read->offset && limit < end) {
        finish(partition, call, KAFKA_ERROR_CORRUPT_MESSAGE);
        return;
    }
    /* Memory that is short of pages must not keep a reader for ever. */
    bool wait = call->warmed >= WARMED_MAX;
    int r = log_read(partition->log, read->offset, limit, read->max_bytes, read->whole_first, wait,
                     &read->extent, &call->cold);
    if (r == -EAGAIN) {
        warm(partition, call);
        return;
    }
    if (r < 0) {
        finish(partition, call, read_error(partition, read, r));
        return;
    }
    /* Nothing is left from there up to the damage. */
    bool in_gap = read->extent.size == 0 && read->whole_first && limit < end;
    if (in_gap) {
        finish(partition, call, KAFKA_ERROR_CORRUPT_MESSAGE);
        return;
    }
    bool at_limit = read->extent.size == 0 && read->offset >= limit;
    if (at_limit && read->watch && !partition->shard->stopping) {
        list_push_back(&partition->watching, &call->link);
        return;
    }
    finish(partition, call, KAFKA_ERROR_NONE);
}

void partition_wake_readers(struct partition *partition)
{
    struct list waiting;
    list_init(&waiting);
    struct list_link *link;
    while ((link = list_pop_front(&partition->watching)) != NULL)
        list_push_back(&waiting, link);
    while ((link = list_pop_front(&waiting)) != NULL)
        partition_read(partition, CONTAINER_OF(link, struct call, link));
}

void partition_cancel(struct partition *partition, struct call *call)
{
    if (!list_is_linked(&call->link)) {
        call->read.watch = false; /* on its way through a job */
        return;
    }
    list_remove(&call->link);
    if (partition->log != NULL) tell_ends(partition, &call->read);
    call_finish(call, KAFKA_ERROR_NONE);
}

/* --- offsets ---------------------------------------------------------------------------------- */

enum {
    TIMESTAMP_LATEST = -1,
    TIMESTAMP_EARLIEST = -2,
    TIMESTAMP_GREATEST = -3,       /* KIP-734 */
    TIMESTAMP_EARLIEST_LOCAL = -4, /* KIP-405 */
    TIMESTAMP_LATEST_TIERED = -5,  /* KIP-1005 */
    TIMESTAMP_EARLIEST_PENDING_UPLOAD = -6,
};

static void tell_offset(const struct partition *partition, struct call *call, int64_t offset,
                        int64_t timestamp)
{
    struct call_list_offset *list = &call->list_offset;
    list->offset = offset;
    list->found_timestamp = timestamp;
    list->leader_epoch = -1;
    if (offset >= 0) {
        bool at_end = offset >= log_end_offset(partition->log);
        list->leader_epoch =
            at_end ? partition->leader_epoch : log_epoch_at(partition->log, offset);
    }
    call_finish(call, KAFKA_ERROR_NONE);
}

static void search(struct partition *partition, struct call *call);

static void search_run(struct os_job *job)
{
    log_search_run(CONTAINER_OF(job, struct call, job)->search);
}

static void search_done(struct os_job *job)
{
    struct call *call = CONTAINER_OF(job, struct call, job);
    struct partition *partition = call->held;
    int64_t offset, timestamp;
    int r = log_search_end(partition->log, call->search, &offset, &timestamp);
    partition->shard->jobs--;
    partition->borrowed--;
    if (partition->state == PARTITION_DOOMED) {
        call_finish(call, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
        follow_finish_doomed(partition);
    } else if (r == -EAGAIN) {
        search(partition, call);
    } else if (r < 0) {
        call_finish(call,
                    r == -EBADMSG ? KAFKA_ERROR_CORRUPT_MESSAGE : KAFKA_ERROR_KAFKA_STORAGE_ERROR);
    } else if (offset >= partition->replication.high_watermark) {
        tell_offset(partition, call, -1, -1); /* nobody may see it yet */
    } else {
        tell_offset(partition, call, offset, timestamp);
    }
}

static void search(struct partition *partition, struct call *call)
{
    int64_t timestamp = call->list_offset.timestamp;
    if (timestamp < 0 && timestamp != TIMESTAMP_GREATEST) timestamp = 0;
    static_assert((int)LOG_SEARCH_GREATEST == (int)TIMESTAMP_GREATEST, "one number for both");
    call->held = partition;
    call->search = log_search_begin(partition->log, timestamp);
    call->job = (struct os_job){.run = search_run, .done = search_done};
    partition->borrowed++;
    partition->shard->jobs++;
    os_submit(partition->shard->os, &call->job);
}

void partition_list_offset(struct partition *partition, struct call *call)
{
    switch (call->list_offset.timestamp) {
    case TIMESTAMP_LATEST:
        tell_offset(partition, call, partition->replication.high_watermark, -1);
        return;
    case TIMESTAMP_EARLIEST:
    case TIMESTAMP_EARLIEST_LOCAL:
        tell_offset(partition, call, log_start_offset(partition->log), -1);
        return;
    case TIMESTAMP_LATEST_TIERED:
    case TIMESTAMP_EARLIEST_PENDING_UPLOAD:
        tell_offset(partition, call, -1, -1); /* nothing is tiered */
        return;
    default:
        search(partition, call);
    }
}

void partition_epoch_end(struct partition *partition, struct call *call)
{
    struct call_epoch_end *end = &call->epoch_end;
    log_epoch_end(partition->log, end->epoch, &end->found_epoch, &end->end_offset);
    call_finish(call, KAFKA_ERROR_NONE);
}

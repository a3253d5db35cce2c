/*
 * What is old, too much or no longer wanted leaves: retention now and then, DeleteRecords at once.
 * The start of a log rises on its shard; files go on a worker.
 * (LogManager.cleanupLogs, Partition.deleteRecordsOnLeader; KIP-107)
 */
#include <errno.h>
#include <string.h>

#include "broker/shard_private.h"

enum { PARTITIONS_A_TURN = 500, OFFSET_HIGH_WATERMARK = -1 };

static const char *const LOG = "kafka.log.UnifiedLog";

/* --- files ------------------------------------------------------------------------------------ */

static void removal_run(struct os_job *job)
{
    log_removal_run(CONTAINER_OF(job, struct partition, removal_job)->removal);
}

static void removal_done(struct os_job *job)
{
    struct partition *partition = CONTAINER_OF(job, struct partition, removal_job);
    struct shard *shard = partition->shard;
    int r = log_removal_end(partition->removal);
    partition->removal = NULL;
    partition->borrowed--;
    shard->jobs--;
    /* They are gone from the log; the next start removes what is left of them. */
    if (r < 0)
        BROKER_TRACE(shard->broker, TRACE_WARN, LOG, "Cannot remove old segments of %.*s-%d: %s",
                     SLICE_ARG(partition->topic), (int)partition->key.index, strerror(-r));
    if (partition->state == PARTITION_DOOMED) follow_finish_doomed(partition);
}

void retain_remove(struct partition *partition, struct log_removal *removal)
{
    if (partition->removal != NULL) {
        /* Two at a time come when a shard ends in the middle of both. */
        log_removal_run(removal);
        int r = log_removal_end(removal);
        (void)r; /* the next start removes what is left */
        return;
    }
    partition->removal = removal;
    partition->removal_job = (struct os_job){.run = removal_run, .done = removal_done};
    partition->borrowed++;
    partition->shard->jobs++;
    os_submit(partition->shard->os, &partition->removal_job);
}

/* Segments below the start go, unless some are going just now, or all are being moved: then the
 * next time. */
static void remove_below_start(struct partition *partition)
{
    struct maintain_counters *counters = &partition->shard->maintain;
    if (partition->removal != NULL || partition->move != NULL) return;
    int64_t size = log_size_bytes(partition->log);
    int32_t segments = log_segment_count(partition->log);
    struct log_removal *removal = log_removal_begin(partition->log);
    if (removal == NULL) return;
    counters->bytes_removed += size - log_size_bytes(partition->log);
    counters->segments_removed += segments - log_segment_count(partition->log);
    retain_remove(partition, removal);
}

static void raise_start(struct partition *partition, int64_t start, const char *why)
{
    int r = log_raise_start(partition->log, start);
    ASSERT(r == 0); /* it is not beyond the high watermark */
    BROKER_TRACE(partition->shard->broker, TRACE_INFO, LOG,
                 "[UnifiedLog partition=%.*s-%d] Incremented log start offset to %lld due to %s",
                 SLICE_ARG(partition->topic), (int)partition->key.index, (long long)start, why);
}

/* --- retention -------------------------------------------------------------------------------- */

static void retain(struct partition *partition)
{
    const struct settings_topic *config = &partition->config;
    struct log_retention retention = {
        .retention_ms = config->cleanup_delete ? config->retention_ms : -1,
        .retention_bytes = config->cleanup_delete ? config->retention_bytes : -1,
        .bound = partition->replication.high_watermark,
    };
    int64_t start;
    int r = log_retain(partition->log, &retention, partition->shard->now_ms, &start);
    if (r < 0 && log_has_failed(partition->log)) {
        partition_fail_folder(partition, r, "retention");
        return;
    }
    if (r < 0) {
        BROKER_TRACE(partition->shard->broker, TRACE_ERROR, LOG, "Cannot retain %.*s-%d: %s",
                     SLICE_ARG(partition->topic), (int)partition->key.index, strerror(-r));
        return;
    }
    if (start > log_start_offset(partition->log)) raise_start(partition, start, "segment deletion");
    remove_below_start(partition);
}

static int64_t interval_ns(const struct shard *shard)
{
    return settings_number(shard_settings(shard), SETTING_LOG_RETENTION_CHECK_INTERVAL_MS) *
           1000000;
}

/* Some partitions of the round, and the others in the turns that follow. One that comes or goes
 * meanwhile may be missed: it is looked at in the next round. */
static void tick(struct shard_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, retain_timer);
    int64_t next_ns = os_monotonic_ns(shard->os);
    struct partition *partition = NULL;
    if (shard->stopping) return;
    for (int i = 0; i < PARTITIONS_A_TURN; i++) {
        partition = map_next(&shard->partitions, &shard->retain_cursor);
        if (partition == NULL) break;
        if (partition->state == PARTITION_ONLINE && partition->leads) retain(partition);
    }
    if (partition == NULL) {
        shard->retain_cursor = 0;
        next_ns += interval_ns(shard);
    }
    shard_timer_set(shard, timer, next_ns);
}

void retain_start(struct shard *shard)
{
    int64_t delay_ms = settings_number(shard_settings(shard), SETTING_LOG_INITIAL_TASK_DELAY_MS);
    shard->retain_timer.fire = tick;
    shard_timer_set(shard, &shard->retain_timer, os_monotonic_ns(shard->os) + delay_ms * 1000000);
}

/* --- DeleteRecords ---------------------------------------------------------------------------- */

/* What was deleted must not come back: the answer waits until the new start is written down. */
void retain_delete_records(struct partition *partition, struct call *call)
{
    struct call_delete_records *ask = &call->delete_records;
    const struct settings_topic *config = &partition->config;
    int64_t high_watermark = partition->replication.high_watermark;
    if (config->cleanup_compact && !config->cleanup_delete) {
        call_finish(call, KAFKA_ERROR_POLICY_VIOLATION);
        return;
    }
    int64_t offset = ask->offset == OFFSET_HIGH_WATERMARK ? high_watermark : ask->offset;
    if (offset < 0 || offset > high_watermark) {
        call_finish(call, KAFKA_ERROR_OFFSET_OUT_OF_RANGE);
        return;
    }
    bool rises = offset > log_start_offset(partition->log);
    if (rises) raise_start(partition, offset, "client delete records request");
    ask->low_watermark = log_start_offset(partition->log);
    if (!rises) {
        call_finish(call, KAFKA_ERROR_NONE);
        return;
    }
    remove_below_start(partition);
    checkpoint_await(partition->shard, call);
}

/*
 * What signals ask of a running node; they are events of shard 0's loop. TERM and INT stop it, and
 * at once when they come again. HUP has the settings read again, USR1 writes into the log how the
 * node fares, USR2 turns its debugging on and off.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/shard_private.h"

enum { MIB = 1 << 20, NS_PER_S = 1000000000 };

static const char *const SERVER = "kafka.server.KafkaRaftServer";
static const char *const GREGOR = "gregor";

/* --- stop ------------------------------------------------------------------------------------- */

/* What was acknowledged is as safe as after a crash: the next start recovers it. */
static void stop(struct broker *broker, int number)
{
    if (broker->stop_signals++ > 0) {
        BROKER_TRACE(broker, TRACE_FATAL, SERVER,
                     "Not stopped cleanly: signal %d came while the node stopped", number);
        os_exit(EXIT_FAILURE);
    }
    BROKER_TRACE(broker, TRACE_INFO, SERVER, "Terminating process due to signal %d", number);
    if (!broker->ready) os_exit(EXIT_SUCCESS); /* nobody was served */
    broker->stop = true;
}

/* --- read again ------------------------------------------------------------------------------- */

static void start_reload(struct broker *broker);

static void run_reload(struct os_job *job)
{
    struct broker *broker = CONTAINER_OF(job, struct broker, reload_job);
    broker->reload(broker->reload_context);
}

static void reload_done(struct os_job *job)
{
    struct broker *broker = CONTAINER_OF(job, struct broker, reload_job);
    broker->reloading = false;
    watch_reloaded(broker);
    if (broker->reload_again) start_reload(broker);
}

/* On a worker: a file may be anywhere. */
static void start_reload(struct broker *broker)
{
    broker->reload_again = broker->reloading;
    if (broker->reloading || broker->reload == NULL) return;
    broker->reloading = true;
    broker->debugs = false; /* the level that is read counts */
    watch_reloading(broker);
    broker->reload_job = (struct os_job){.run = run_reload, .done = reload_done};
    os_submit(broker->shards[0].os, &broker->reload_job);
}

/* --- debugging -------------------------------------------------------------------------------- */

static void toggle_debugging(struct broker *broker)
{
    int level = (int)loggers_level(broker->loggers, TRACE_ROOT);
    bool on = !broker->debugs;
    loggers_set(broker->loggers, TRACE_ROOT, on ? (int)TRACE_DEBUG : broker->level_before);
    if (on) broker->level_before = level;
    broker->debugs = on;
    BROKER_TRACE(broker, TRACE_WARN, GREGOR, "Debugging is %s: the log level of root is %s",
                 on ? "on" : "off", trace_level_name(loggers_level(broker->loggers, TRACE_ROOT)));
}

/* --- how it fares ----------------------------------------------------------------------------- */

static void report_connections(struct shard *shard)
{
    if (shard->net == NULL) return;
    struct net_counters net = net_counters(shard->net);
    BROKER_TRACE(
        shard->broker, TRACE_WARN, GREGOR,
        "State of shard %d: %lld connections are open; since the start %lld were accepted, "
        "%lld refused, %lld evicted, %lld broken; %lld requests, %lld replies, %lld MiB "
        "in, %lld MiB out; %lld bytes of requests are in memory",
        (int)shard->index, (long long)net.connections, (long long)net.accepted,
        (long long)net.refused,
        (long long)(net.evicted_idle + net.evicted_stalled + net.evicted_excess),
        (long long)net.closed_by_error, (long long)net.requests, (long long)net.replies,
        (long long)net.received_bytes / MIB, (long long)net.sent_bytes / MIB,
        (long long)net.request_bytes);
}

static void report_partitions(struct shard *shard)
{
    int64_t counts[PARTITION_DOOMED + 1] = {0};
    int64_t leads = 0, waiting = 0, uncommitted = 0;
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL) {
        counts[partition->state]++;
        leads += partition->leads;
        waiting += !list_is_empty(&partition->watching);
        uncommitted += !list_is_empty(&partition->uncommitted);
    }
    BROKER_TRACE(shard->broker, TRACE_WARN, GREGOR,
                 "State of shard %d: %lld partitions are online, %lld offline, %lld open, %lld go; "
                 "%lld are led, %lld waited for by readers, %lld by producers; %d flushes and %d "
                 "other jobs of the disk are under way, %lld calls",
                 (int)shard->index, (long long)counts[PARTITION_ONLINE],
                 (long long)counts[PARTITION_OFFLINE], (long long)counts[PARTITION_OPENING],
                 (long long)counts[PARTITION_DOOMED], (long long)leads, (long long)waiting,
                 (long long)uncommitted, (int)shard->flushes, (int)shard->jobs,
                 (long long)shard->calls);
}

static void report_maintenance(struct shard *shard)
{
    const struct maintain_counters *maintain = &shard->maintain;
    BROKER_TRACE(
        shard->broker, TRACE_WARN, GREGOR,
        "State of shard %d: %lld segments removed (%lld MiB); %lld cleanings (%lld MiB), "
        "%d under way, %d partitions cannot be cleaned, the dirtiest that waits is %.0f %% "
        "dirty; %lld MiB scrubbed, %lld places damaged",
        (int)shard->index, (long long)maintain->segments_removed,
        (long long)maintain->bytes_removed / MIB, (long long)maintain->cleanings,
        (long long)maintain->bytes_cleaned / MIB, (int)shard->cleanings,
        (int)maintain->uncleanable_partitions, maintain->dirtiest * 100,
        (long long)maintain->bytes_scrubbed / MIB, (long long)maintain->damages);
}

static void report_quotas(struct shard *shard)
{
    struct quota_counters quota = quota_counters(shard->quota);
    BROKER_TRACE(shard->broker, TRACE_WARN, GREGOR,
                 "State of shard %d: %lld clients are metered; requests throttled: %lld by "
                 "producer_byte_rate, %lld by consumer_byte_rate, %lld by request_percentage, %lld "
                 "by controller_mutation_rate",
                 (int)shard->index, (long long)quota.clients,
                 (long long)quota.throttled[QUOTA_PRODUCE], (long long)quota.throttled[QUOTA_FETCH],
                 (long long)quota.throttled[QUOTA_REQUEST],
                 (long long)quota.throttled[QUOTA_MUTATION]);
}

static void report_shard(struct shard *shard)
{
    report_connections(shard);
    report_partitions(shard);
    report_maintenance(shard);
    report_quotas(shard);
}

/* Back on shard 0. */
static void receive_told(struct os_mail *mail)
{
    CONTAINER_OF(mail, struct shard, state_letter.mail)->state_asked = false;
}

static void receive_question(struct os_mail *mail)
{
    struct shard *shard = CONTAINER_OF(mail, struct shard, state_letter.mail);
    report_shard(shard);
    letter_post(shard, &shard->broker->shards[0], &shard->state_letter, receive_told);
}

/* Four lines of each shard and one of them all, whatever the node has. A shard that has not
 * answered yet is not asked again. */
static void report_state(struct broker *broker)
{
    struct shard *first = &broker->shards[0];
    BROKER_TRACE(broker, TRACE_WARN, GREGOR,
                 "State of node %d after %lld s: %lld MiB of memory, %d shards, %lld connections, "
                 "records of metadata up to %lld, quorum epoch %d, the log level of root is %s",
                 (int)broker->identity.node_id,
                 (long long)(os_monotonic_ns(first->os) - broker->ready_ns) / NS_PER_S,
                 (long long)os_resident_bytes() / MIB, (int)broker->shard_count,
                 (long long)quota_connections_count(broker->connections),
                 (long long)metadata_end_offset(broker->metadata), (int)broker->quorum_epoch,
                 trace_level_name(loggers_level(broker->loggers, TRACE_ROOT)));
    report_shard(first);
    for (int32_t i = 1; i < broker->shard_count; i++) {
        struct shard *shard = &broker->shards[i];
        if (shard->state_asked) continue;
        shard->state_asked = true;
        letter_post(first, shard, &shard->state_letter, receive_question);
    }
}

/* --- signals ---------------------------------------------------------------------------------- */

static void on_signal(void *context, enum os_signal signal, int number)
{
    struct broker *broker = context;
    switch (signal) {
    case OS_SIGNAL_STOP:
        stop(broker, number);
        break;
    case OS_SIGNAL_RELOAD:
        if (!broker->stop) start_reload(broker);
        break;
    case OS_SIGNAL_REPORT:
        if (broker->ready && !broker->stop) report_state(broker);
        break;
    case OS_SIGNAL_DEBUG:
        toggle_debugging(broker);
        break;
    }
}

int signals_watch(struct broker *broker)
{
    return os_watch_signals(broker->shards[0].os, on_signal, broker);
}

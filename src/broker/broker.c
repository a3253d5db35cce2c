/* The process's broker: folders, metadata, shards and their threads, from start to stop. */
#include "broker/broker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "broker/shard_private.h"

static const char *const SERVER = "kafka.server.KafkaRaftServer";

static int refuse(struct broker *broker, int error, const char *text, const char *path)
{
    BROKER_TRACE(broker, TRACE_FATAL, SERVER, "%s: %s: %s", text, path, strerror(-error));
    return error;
}

/* --- threads ---------------------------------------------------------------------------------- */

static void receive_report(struct os_mail *mail)
{
    struct shard *shard = CONTAINER_OF(mail, struct shard, report);
    shard->broker->reports++;
}

/* To shard 0: this one has come to the next point of its life. */
static void report(struct shard *shard)
{
    shard->report.receive = receive_report;
    int r = os_post(shard->broker->shards[0].os, &shard->report);
    ASSERT(r == 0); /* a few letters in a life */
}

/* Commands to a thread, in the order of its life. */
enum { COMMAND_GO = 1, COMMAND_DRAIN = 2, COMMAND_CLOSE = 3 };

static void receive_command(struct os_mail *mail)
{
    CONTAINER_OF(mail, struct shard, command)->commands++;
}

static void command(struct shard *shard)
{
    shard->command.receive = receive_command;
    int r = os_post(shard->os, &shard->command);
    ASSERT(r == 0);
}

static void serve(struct shard *shard)
{
    int r = shard_listen(shard);
    if (r == 0) shard_load(shard);
    shard->result = r;
    report(shard);
    while (shard->commands < COMMAND_DRAIN)
        shard_turn(shard);
    shard_drain(shard);
    report(shard);
    while (shard->commands < COMMAND_CLOSE)
        shard_turn(shard);
    shard->result = shard_close_logs(shard);
    report(shard);
}

/* A shard takes no connection before all of them have loops: any request may need any shard. */
static void thread_body(void *context)
{
    struct shard *shard = context;
    int r = shard_open(shard);
    shard->result = r;
    report(shard);
    if (r == 0) {
        while (shard->commands < COMMAND_GO)
            os_turn(shard->os, INT64_MAX);
        if (shard->broker->failure == 0) serve(shard);
    }
    shard_close(shard);
}

static int first_failure(const struct broker *broker)
{
    for (int32_t i = 1; i <= broker->started; i++)
        if (broker->shards[i].result < 0) return broker->shards[i].result;
    return broker->shards[0].failure;
}

static int start_threads(struct broker *broker)
{
    for (int32_t i = 1; i < broker->shard_count; i++) {
        struct shard *shard = &broker->shards[i];
        char name[24];
        snprintf(name, sizeof(name), "shard-%d", (int)i);
        int r = os_thread_start(name, thread_body, shard, &shard->thread);
        if (r < 0) return refuse(broker, r, "Cannot start a thread", "");
        broker->started++;
    }
    while (broker->reports < broker->started)
        os_turn(broker->shards[0].os, INT64_MAX);
    broker->reports = 0;
    return first_failure(broker);
}

static void await_reports(struct broker *broker)
{
    while (broker->reports < broker->started)
        shard_turn(&broker->shards[0]);
    broker->reports = 0;
}

static int go(struct broker *broker)
{
    broker->running = true;
    for (int32_t i = 1; i <= broker->started; i++)
        command(&broker->shards[i]);
    watch_loading(broker);
    shard_load(&broker->shards[0]);
    await_reports(broker);
    return first_failure(broker);
}

/* --- start ------------------------------------------------------------------------------------ */

static struct broker *make(const struct broker_options *options)
{
    struct broker *broker = memory_alloc_zero(sizeof(*broker));
    broker->settings = options->settings;
    broker->handler = options->handler;
    broker->monitor = options->monitor;
    broker->trace = options->trace;
    broker->loggers = options->loggers;
    broker->reload = options->reload;
    broker->reload_context = options->reload_context;
    broker->listener_count = settings_listeners(options->settings, broker->listeners);
    broker->shard_count = (int32_t)settings_number(options->settings, SETTING_GREGOR_SHARDS);
    ASSERT(broker->shard_count >= 1);
    ASSERT(broker->shard_count <= SHARDS_MAX);
    for (int32_t i = 0; i < broker->shard_count; i++) {
        broker->shards[i].broker = broker;
        broker->shards[i].index = i;
        broker->shards[i].image = image_create((uint64_t)i);
    }
    return broker;
}

static int start(struct broker *broker, const struct broker_options *options)
{
    struct shard *first = &broker->shards[0];
    int r = shard_open(first);
    if (r == 0) r = signals_watch(broker);
    if (r < 0) return refuse(broker, r, "Cannot start", "event loop");
    if (broker->monitor != NULL) r = broker->monitor->open(first, &broker->monitoring);
    if (r == 0) r = folders_open(broker, options);
    if (r == 0) {
        r = control_open(broker);
        if (r < 0)
            (void)refuse(broker, r, "Cannot open __cluster_metadata-0 in", broker->home->path);
    }
    if (r == 0) {
        checkpoint_open(broker);
        r = places_sweep(broker);
    }
    if (r == 0) r = start_threads(broker);
    if (r == 0) r = shard_listen(first);
    if (r == 0) r = control_register(broker);
    return r == 0 ? go(broker) : r;
}

int broker_create(const struct broker_options *options, struct broker **created)
{
    struct broker *broker = make(options);
    int r = start(broker, options);
    if (r < 0) {
        broker->failure = r;
        broker_destroy(broker);
        return r;
    }
    int node_id = (int)broker->identity.node_id;
    BROKER_TRACE(broker, TRACE_INFO, "kafka.server.BrokerLifecycleManager",
                 "[BrokerLifecycleManager id=%d] The broker has been unfenced. Transitioning from "
                 "RECOVERY to RUNNING.",
                 node_id);
    BROKER_TRACE(broker, TRACE_INFO, SERVER, "[KafkaRaftServer nodeId=%d] Kafka Server started",
                 node_id);
    broker->ready = true;
    broker->ready_ns = os_monotonic_ns(broker->shards[0].os);
    watch_start(broker);
    *created = broker;
    return 0;
}

/* --- run and stop ----------------------------------------------------------------------------- */

static void drain_all(struct broker *broker)
{
    for (int32_t i = 1; i <= broker->started; i++)
        command(&broker->shards[i]);
    shard_drain(&broker->shards[0]);
    await_reports(broker);
}

static int close_all(struct broker *broker)
{
    int result = broker->failure;
    for (int32_t i = 1; i <= broker->started; i++)
        command(&broker->shards[i]);
    await_reports(broker);
    for (int32_t i = 1; i <= broker->started; i++) {
        struct shard *shard = &broker->shards[i];
        os_thread_join(shard->thread);
        shard->thread = NULL;
        if (result == 0) result = shard->result;
    }
    int r = shard_close_logs(&broker->shards[0]);
    if (result == 0) result = r;
    r = checkpoint_write_last(broker);
    if (result == 0) result = r;
    r = control_close(broker);
    return result == 0 ? r : result;
}

static void stop_monitor(struct broker *broker)
{
    if (broker->monitoring != NULL) broker->monitor->close(broker->monitoring);
    broker->monitoring = NULL;
}

static int stop(struct broker *broker)
{
    int node_id = (int)broker->identity.node_id;
    BROKER_TRACE(broker, TRACE_INFO, "kafka.server.BrokerServer",
                 "[BrokerServer id=%d] shutting down", node_id);
    watch_stop(broker);
    drain_all(broker);
    stop_monitor(broker);
    int r = close_all(broker);
    if (r == 0) r = folders_mark_clean(broker);
    if (r < 0)
        BROKER_TRACE(broker, TRACE_ERROR, SERVER, "Not stopped cleanly: %s", strerror(-r));
    else
        BROKER_TRACE(broker, TRACE_INFO, "kafka.server.BrokerServer",
                     "[BrokerServer id=%d] shut down completed", node_id);
    return r;
}

int broker_run(struct broker *broker)
{
    while (!broker->stop)
        shard_turn(&broker->shards[0]);
    return stop(broker);
}

static void receive_stop(struct os_mail *mail)
{
    CONTAINER_OF(mail, struct broker, stop_mail)->stop = true;
}

void broker_stop(struct broker *broker)
{
    broker->stop_mail.receive = receive_stop;
    int r = os_post(broker->shards[0].os, &broker->stop_mail);
    ASSERT(r == 0);
}

/* A start that failed half-way: threads that serve are stopped as ever, others sent home. */
static void stop_threads(struct broker *broker)
{
    if (broker->shards[1].thread == NULL) return; /* stopped already */
    if (broker->running) {
        drain_all(broker);
        (void)close_all(broker);
        return;
    }
    for (int32_t i = 1; i <= broker->started; i++) {
        if (broker->shards[i].result == 0) command(&broker->shards[i]);
        os_thread_join(broker->shards[i].thread);
    }
}

struct broker *broker_destroy(struct broker *broker)
{
    if (broker == NULL) return NULL;
    if (broker->failure != 0 && broker->started > 0) stop_threads(broker);
    stop_monitor(broker);
    if (broker->metadata != NULL) (void)control_close(broker);
    checkpoint_close(broker);
    struct shard *first = &broker->shards[0];
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&first->partitions, &cursor)) != NULL) {
        map_remove(&first->partitions, MAP_KEY(partition->key));
        partition_destroy(partition, KAFKA_ERROR_BROKER_NOT_AVAILABLE);
    }
    folders_close(broker);
    memory_free(broker->unplaced);
    shard_close(first);
    broker->connections = quota_connections_destroy(broker->connections);
    for (int32_t i = 1; i < broker->shard_count; i++)
        if (broker->shards[i].os == NULL) image_destroy(broker->shards[i].image);
    memory_free(broker);
    return NULL;
}

uint16_t broker_port(const struct broker *broker, int index)
{
    ASSERT(index >= 0);
    ASSERT(index < broker->listener_count);
    return broker->ports[index];
}

const char *broker_monitor_place(const struct broker *broker)
{
    return broker->monitoring != NULL ? broker->monitor->place(broker->monitoring) : NULL;
}

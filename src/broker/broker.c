/* The process's broker: folder, metadata, shards and their threads, from start to stop. */
#include "broker/broker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "broker/format.h"
#include "broker/shard_private.h"

static const char *const SERVER = "kafka.server.KafkaRaftServer";

static int refuse(struct broker *broker, int error, const char *text, const char *path)
{
    BROKER_TRACE(broker, TRACE_FATAL, SERVER, "%s: %s: %s", text, path, strerror(-error));
    return error;
}

/* --- the folder ------------------------------------------------------------------------------- */

static int format_empty(struct broker *broker, struct slice cluster_id)
{
    struct format_options options = {.settings = broker->settings,
                                     .cluster_id = cluster_id,
                                     .standalone = true,
                                     .implied = true};
    struct writer text;
    writer_init(&text, 1 << 16);
    int r = format_folder(broker->shards[0].os, &options, &text);
    struct slice lines = writer_slice(&text);
    while (lines.size > 0) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        size_t size = end == NULL ? lines.size : (size_t)(end - lines.data);
        BROKER_TRACE(broker, r < 0 ? TRACE_FATAL : TRACE_INFO, "kafka.tools.StorageTool", "%.*s",
                     (int)size, (const char *)lines.data);
        size_t used = end == NULL ? size : size + 1;
        lines = (struct slice){lines.data + used, lines.size - used};
    }
    writer_deinit(&text);
    return r;
}

static int check_identity(struct broker *broker, const char *path)
{
    int64_t node_id = settings_number(broker->settings, SETTING_NODE_ID);
    if (broker->identity.node_id == node_id) return 0;
    BROKER_TRACE(broker, TRACE_FATAL, SERVER,
                 "Stored node id %d doesn't match previous node id %lld in %s/meta.properties. If "
                 "you moved your data, make sure your configured node id matches. If you intend to "
                 "create a new node, you should remove all data in your data directories.",
                 (int)broker->identity.node_id, (long long)node_id, path);
    return -EINVAL;
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

static int find_in_metadata(void *context, const char *name, bool is_dir)
{
    static const char *const ours[] = {"00000000000000000000-0000000000.checkpoint",
                                       "00000000000000000000-0000000000.checkpoint.tmp", NULL};
    (void)context;
    return !is_dir && is_one_of(name, ours) ? 0 : -ENOTEMPTY;
}

struct emptiness {
    struct os *os;
    const char *path;
};

/* What a filesystem, a lock or a formatting that came to no end leaves is nobody's data. */
static int find_entry(void *context, const char *name, bool is_dir)
{
    static const char *const nobodys[] = {"lost+found",           ".lock",
                                          "bootstrap.checkpoint", "bootstrap.checkpoint.tmp",
                                          "meta.properties.tmp",  NULL};
    const struct emptiness *emptiness = context;
    char path[OS_PATH_MAX];
    if (is_one_of(name, nobodys)) return 0;
    if (!is_dir || strcmp(name, "__cluster_metadata-0") != 0) return -ENOTEMPTY;
    int size = snprintf(path, sizeof(path), "%s/%s", emptiness->path, name);
    if (size >= OS_PATH_MAX) return -ENAMETOOLONG;
    return os_dir_list(emptiness->os, path, find_in_metadata, NULL);
}

static bool is_empty(const struct broker *broker, const char *path)
{
    struct emptiness emptiness = {broker->shards[0].os, path};
    int r = os_dir_list(emptiness.os, path, find_entry, &emptiness);
    return r == 0 || r == -ENOENT;
}

/* "1@host:9093" or "host:9093": is it our own controller listener? */
static bool names_us(const struct broker *broker, struct slice quorum)
{
    size_t colon = quorum.size;
    int64_t port;
    while (colon > 0 && quorum.data[colon - 1] != ':')
        colon--;
    struct slice digits = {quorum.data + colon, quorum.size - colon};
    if (slice_parse_int64(digits, 1, UINT16_MAX, &port) < 0) return false;
    for (int32_t i = 0; i < broker->listener_count; i++)
        if (broker->listeners[i].controller && broker->listeners[i].port == port) return true;
    return false;
}

/* May this node make a cluster of its own? Not where its settings speak of somebody else's. */
static bool stands_alone(const struct broker *broker)
{
    struct slice voters = settings_text(broker->settings, SETTING_CONTROLLER_QUORUM_VOTERS);
    struct slice servers =
        settings_text(broker->settings, SETTING_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS);
    if (voters.size > 0 && !names_us(broker, voters)) return false;
    return servers.size == 0 || names_us(broker, servers);
}

static int identify(struct broker *broker, const char *path, const struct broker_options *options)
{
    struct os *os = broker->shards[0].os;
    int r = folder_identity_read(os, path, &broker->identity);
    if (r == -ENOENT && options->format_if_empty && is_empty(broker, path) &&
        stands_alone(broker)) {
        r = format_empty(broker, options->cluster_id);
        if (r < 0) return r;
        broker->fresh = true;
        r = folder_identity_read(os, path, &broker->identity);
    }
    if (r == -ENOENT) {
        BROKER_TRACE(
            broker, TRACE_FATAL, SERVER,
            "No readable meta.properties files found in %s: format it first (gregor format)", path);
        return r;
    }
    if (r < 0) return refuse(broker, r, "Cannot read meta.properties", path);
    return check_identity(broker, path);
}

static int open_folder(struct broker *broker, const struct broker_options *options)
{
    char path[OS_PATH_MAX];
    struct slice directory = settings_log_dir(broker->settings);
    int size = snprintf(path, sizeof(path), "%.*s", SLICE_ARG(directory));
    if (size >= OS_PATH_MAX) return -ENAMETOOLONG;
    int r = identify(broker, path, options);
    if (r < 0) return r;
    r = folder_open(broker->shards[0].os, path, &broker->folder);
    if (r == -EWOULDBLOCK) {
        BROKER_TRACE(broker, TRACE_FATAL, SERVER,
                     "Failed to acquire lock on file .lock in %s. A Kafka instance in another "
                     "process or thread is using this directory.",
                     path);
        return r;
    }
    if (r < 0) return refuse(broker, r, "Cannot open the data folder", path);
    r = folder_take_clean_shutdown(broker->folder, &broker->clean, &broker->broker_epoch);
    if (r < 0) return refuse(broker, r, "Cannot read the data folder's state", path);
    r = checkpoint_load(broker);
    if (r < 0) return r;
    const char *how = broker->fresh   ? "is new"
                      : broker->clean ? "was stopped cleanly"
                                      : "was not stopped cleanly: recovering";
    BROKER_TRACE(broker, TRACE_INFO, "kafka.log.LogManager", "Loading logs from %s, which %s", path,
                 how);
    return 0;
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
        int r = os_thread_start(thread_body, shard, &shard->thread);
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
    r = open_folder(broker, options);
    if (r == 0) {
        r = control_open(broker, broker->clean);
        if (r < 0)
            (void)refuse(broker, r, "Cannot open __cluster_metadata-0 in",
                         folder_path(broker->folder));
    }
    if (r == 0) {
        r = follow_sweep(broker);
        if (r < 0) (void)refuse(broker, r, "Cannot list", folder_path(broker->folder));
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

static int stop(struct broker *broker)
{
    int node_id = (int)broker->identity.node_id;
    BROKER_TRACE(broker, TRACE_INFO, "kafka.server.BrokerServer",
                 "[BrokerServer id=%d] shutting down", node_id);
    watch_stop(broker);
    drain_all(broker);
    int r = close_all(broker);
    if (r == 0) r = folder_mark_clean_shutdown(broker->folder, broker->broker_epoch);
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
    if (broker->metadata != NULL) (void)control_close(broker);
    checkpoint_unload(broker);
    struct shard *first = &broker->shards[0];
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&first->partitions, &cursor)) != NULL) {
        map_remove(&first->partitions, MAP_KEY(partition->key));
        partition_destroy(partition, KAFKA_ERROR_BROKER_NOT_AVAILABLE);
    }
    folder_close(broker->folder);
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

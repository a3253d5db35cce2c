/* One shard: its loop, and what it does once in every turn of it. */
#include "broker/shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "broker/shard_private.h"

enum {
    SCRATCH_MAX_BYTES = 512 << 20,
    IN_FLIGHT_MAX = 1024,        /* requests of one connection */
    UNSENT_MAX_BYTES = 64 << 20, /* of one connection */
    STALLED_MS = 60000,
    ARENA_MAX_BYTES = 256 << 20,
    REPLY_MAX_BYTES = 256 << 20,
    ASSUMED_MEMORY = 1 << 30, /* bytes; where queued.max.request.bytes does not say */
};

static const char *const SOCKETS = "kafka.network.SocketServer";

/* --- what handlers ask ------------------------------------------------------------------------ */

struct os *shard_os(struct shard *shard)
{
    return shard->os;
}

int32_t shard_index(const struct shard *shard)
{
    return shard->index;
}

int32_t shard_count(const struct shard *shard)
{
    return shard->broker->shard_count;
}

const struct trace *shard_trace(const struct shard *shard)
{
    return shard->broker->trace;
}

const struct loggers *shard_loggers(const struct shard *shard)
{
    return shard->broker->loggers;
}

const struct image *shard_image(const struct shard *shard)
{
    return shard->image;
}

const struct settings *shard_settings(const struct shard *shard)
{
    return shard->settings != NULL ? shard->settings : shard->broker->settings;
}

struct slice shard_cluster_id(const struct shard *shard)
{
    return slice_of(shard->broker->identity.cluster_id);
}

int32_t shard_node_id(const struct shard *shard)
{
    return shard->broker->identity.node_id;
}

int16_t shard_kraft_version(const struct shard *shard)
{
    return (int16_t)os_number_get(&shard->broker->kraft_version);
}

int32_t shard_quorum_epoch(const struct shard *shard)
{
    return shard->broker->quorum_epoch;
}

struct uuid shard_directory_id(const struct shard *shard)
{
    return shard->broker->identity.directory_id;
}

/* metadata.log.dir, where it is none of them, comes last. */
int32_t shard_folder_count(const struct shard *shard)
{
    const struct broker *broker = shard->broker;
    return broker->folder_count - !broker->home->holds_partitions;
}

int32_t shard_failed_folder_count(const struct shard *shard)
{
    return shard_folder_count(shard) - folders_working(shard->broker);
}

int32_t shard_folder_by_path(const struct shard *shard, struct slice absolute)
{
    const struct data_folder *folder = folders_by_path(shard->broker, absolute);
    return folder == NULL ? -1 : folder->index;
}

bool shard_folder_has_failed(const struct shard *shard, int32_t index)
{
    return folders_has_failed(&shard->broker->folders[index]);
}

bool shard_folder_is_cordoned(const struct shard *shard, int32_t index)
{
    return folders_is_cordoned(shard, &shard->broker->folders[index]);
}

uint16_t shard_port(const struct shard *shard, int tag)
{
    return broker_port(shard->broker, tag);
}

const struct maintain_counters *shard_maintain_counters(const struct shard *shard)
{
    return &shard->maintain;
}

bool shard_is_for_controllers(const struct shard *shard, int tag)
{
    ASSERT(tag >= 0);
    ASSERT(tag < shard->broker->listener_count);
    return shard->broker->listeners[tag].controller;
}

struct slice shard_listener_name(const struct shard *shard, int tag)
{
    ASSERT(tag >= 0);
    ASSERT(tag < shard->broker->listener_count);
    return shard->broker->listeners[tag].name;
}

void shard_timer_set(struct shard *shard, struct shard_timer *timer, int64_t deadline_ns)
{
    ASSERT(timer->fire != NULL);
    heap_put(&shard->timers, &timer->node, deadline_ns);
}

void shard_timer_clear(struct shard *shard, struct shard_timer *timer)
{
    heap_remove(&shard->timers, &timer->node);
}

/* --- connections ------------------------------------------------------------------------------ */

static void on_request(void *context, struct net_exchange *exchange)
{
    struct shard *shard = context;
    shard->broker->handler->on_request(shard->api, exchange);
}

static void on_accept(void *context, struct net_connection *connection)
{
    struct shard *shard = context;
    BROKER_TRACE(shard->broker, TRACE_DEBUG, SOCKETS, "Accepted a connection from %s for %.*s",
                 net_connection_peer(connection),
                 SLICE_ARG(shard_listener_name(shard, net_connection_tag(connection))));
    admit_ask(shard, connection);
}

static void on_close(void *context, struct net_connection *connection)
{
    struct shard *shard = context;
    BROKER_TRACE(shard->broker, TRACE_DEBUG, SOCKETS, "Closed the connection from %s",
                 net_connection_peer(connection));
    admit_closed(shard, connection);
    if (shard->api != NULL) shard->broker->handler->on_close(shard->api, connection);
}

static int create_net(struct shard *shard)
{
    const struct settings *settings = shard->broker->settings;
    int64_t requests = settings_request_bytes(settings, ASSUMED_MEMORY);
    struct net_limits limits = {
        .frame_size_max = (int32_t)settings_number(settings, SETTING_SOCKET_REQUEST_MAX_BYTES),
        .request_bytes_max = requests / shard->broker->shard_count,
        .in_flight_max = IN_FLIGHT_MAX,
        .unsent_bytes_max = UNSENT_MAX_BYTES,
        .idle_ms = settings_number(settings, SETTING_CONNECTIONS_MAX_IDLE_MS),
        .stalled_ms = STALLED_MS,
        .arena_bytes_max = ARENA_MAX_BYTES,
        .reply_bytes_max = REPLY_MAX_BYTES,
    };
    struct net_handler handler = {
        .on_accept = on_accept, .on_request = on_request, .on_close = on_close, .context = shard};
    return net_create(shard->os, &limits, &handler, &shard->net);
}

/* Where a service manager holds the socket, no peer is refused while the node starts anew. */
static int find_inherited(struct shard *shard, const struct settings_listener *listener, int *found)
{
    int descriptor = os_inherited(listener->name);
    *found = descriptor > 0 ? descriptor : 0;
    if (descriptor > 0 && shard->index == 0)
        BROKER_TRACE(shard->broker, TRACE_INFO, SOCKETS,
                     "Listening for %.*s by the socket that the service manager hands over",
                     SLICE_ARG(listener->name));
    return descriptor == -ENOENT || descriptor > 0 ? 0 : descriptor;
}

static int listen_at(struct shard *shard, int32_t index)
{
    struct broker *broker = shard->broker;
    const struct settings_listener *listener = &broker->listeners[index];
    char host[256];
    int size = (int)listener->host.size;
    if (listener->host.size >= sizeof(host)) return -ENAMETOOLONG;
    memcpy(host, listener->host.data, listener->host.size);
    host[size] = 0;
    /* The first shard finds the port; the others share it. */
    uint16_t port = shard->index == 0 ? listener->port : broker->ports[index];
    struct os_address address;
    int count = os_resolve(size == 0 ? "::" : host, port, &address, 1);
    if (count <= 0 && size == 0) count = os_resolve("0.0.0.0", port, &address, 1);
    if (count <= 0) return count < 0 ? count : -EADDRNOTAVAIL;
    struct os_listen_options options = {.backlog = 1024, .share_port = broker->shard_count > 1};
    uint16_t bound;
    int r = find_inherited(shard, listener, &options.inherited);
    if (r < 0) return r;
    r = net_listen(shard->net, &address, &options, index, &bound);
    if (r < 0) return r;
    if (shard->index == 0) broker->ports[index] = bound;
    return 0;
}

int shard_listen(struct shard *shard)
{
    struct broker *broker = shard->broker;
    for (int32_t i = 0; i < broker->listener_count; i++) {
        int r = listen_at(shard, i);
        if (r == 0) continue;
        const struct settings_listener *listener = &broker->listeners[i];
        BROKER_TRACE(broker, TRACE_FATAL, SOCKETS, "Cannot listen on %.*s:%d for %.*s: %s",
                     SLICE_ARG(listener->host), (int)listener->port, SLICE_ARG(listener->name),
                     strerror(-r));
        return r;
    }
    return 0;
}

/* Half of the descriptors are for logs, at most; the others for connections, jobs and what a moment
 * needs. */
static int open_files_max(const struct shard *shard)
{
    int most = os_file_limit(shard->os) / 2;
    if (most > SHARD_OPEN_FILES) most = SHARD_OPEN_FILES;
    most /= shard->broker->shard_count;
    return most > 0 ? most : 1;
}

/* What cannot be closed may be more than that for a moment. Flushes that run need some, too. */
static int descriptors_max(const struct shard *shard)
{
    int most = os_file_limit(shard->os) / 8 * 5 / shard->broker->shard_count;
    return most > 0 ? most : 1;
}

/* --- life ------------------------------------------------------------------------------------- */

int shard_open(struct shard *shard)
{
    struct os_options options = {.workers_max = SHARD_WORKERS};
    int r = os_create(&options, &shard->os);
    if (r < 0) return r;
    uint64_t seed;
    os_random(shard->os, &seed, sizeof(seed));
    map_init(&shard->partitions, seed);
    quotas_open(shard, seed);
    if (shard->index == 0) admit_open(shard->broker, seed);
    list_init(&shard->staged);
    list_init(&shard->flush_queue);
    list_init(&shard->behind);
    list_init(&shard->checkpoint_calls);
    list_init(&shard->outbox);
    heap_init(&shard->timers);
    arena_init(&shard->scratch, SCRATCH_MAX_BYTES);
    shard->open_files_max = open_files_max(shard);
    shard->descriptors_max = descriptors_max(shard);
    shard->files = log_files_create(shard->os, shard->open_files_max);
    shard->now_ms = os_wall_ms(shard->os);
    r = create_net(shard);
    if (r < 0) return r;
    shard->api = shard->broker->handler->create(shard);
    return 0;
}

static void fire_timers(struct shard *shard)
{
    int64_t now_ns = os_turn_ns(shard->os);
    struct heap_node *node;
    while ((node = heap_first(&shard->timers)) != NULL && node->deadline <= now_ns) {
        heap_remove(&shard->timers, node);
        struct shard_timer *timer = CONTAINER_OF(node, struct shard_timer, node);
        timer->fire(timer);
    }
}

static void write_staged(struct shard *shard)
{
    struct list_link *link;
    while ((link = list_pop_front(&shard->staged)) != NULL) {
        shard->staged_count--;
        partition_write(CONTAINER_OF(link, struct partition, staged_link));
    }
    ASSERT(shard->staged_count == 0);
}

static int64_t deadline(const struct shard *shard)
{
    int64_t deadline_ns = shard->net != NULL ? net_deadline_ns(shard->net) : INT64_MAX;
    const struct heap_node *first = heap_first(&shard->timers);
    if (first != NULL && first->deadline < deadline_ns) deadline_ns = first->deadline;
    return list_is_empty(&shard->outbox) ? deadline_ns : 0;
}

/* What came in is handled; then what was appended is written, what was written is flushed, what is
 * answered is sent: each once for all of the turn's requests. */
void shard_turn(struct shard *shard)
{
    os_turn(shard->os, deadline(shard));
    shard->now_ms = os_wall_ms(shard->os);
    fire_timers(shard);
    /* Answers of writes can bring new appends: of connections that waited, of calls in a row. */
    write_staged(shard);
    flush_start(shard);
    if (shard->index == 0) control_turn(shard->broker);
    quotas_turn(shard);
    call_flush_outbox(shard);
    if (shard->net == NULL) return;
    net_tick(shard->net);
    write_staged(shard);
    flush_start(shard);
    net_flush(shard->net);
    measure_turn_ends(shard);
}

void shard_load(struct shard *shard)
{
    follow_all(shard);
    os_number_set(&shard->logs, shard->opening);
    os_number_set(&shard->logs_left, shard->opening);
    while (shard->opening > 0 && shard->failure == 0) {
        const struct heap_node *first = heap_first(&shard->timers);
        os_turn(shard->os, first != NULL ? first->deadline : INT64_MAX);
        fire_timers(shard);
        os_number_set(&shard->logs_left, shard->opening);
    }
    checkpoint_start(shard);
    flush_watch_time(shard);
    retain_start(shard);
    compact_start(shard);
    scrub_start(shard);
}

static void wake_all(struct shard *shard)
{
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL) {
        compact_stop(partition);
        if (partition->state == PARTITION_ONLINE) partition_wake_readers(partition);
    }
}

/* Who waits for a disk that does not answer waits for ever, and so would who stops. What was
 * acknowledged is on the disk: the next start recovers it. */
static void give_up(const struct shard *shard)
{
    BROKER_TRACE(
        shard->broker, TRACE_FATAL, "kafka.server.BrokerServer",
        "Not stopped cleanly: %lld calls have no answer after %d ms, %d flushes and %d other "
        "jobs of the disk are under way",
        (long long)shard->calls, SHARD_STOP_TURNS_MS, (int)shard->flushes, (int)shard->jobs);
    os_exit(EXIT_FAILURE);
}

void shard_drain(struct shard *shard)
{
    int64_t until_ns = os_monotonic_ns(shard->os) + SHARD_STOP_TURNS_MS * 1000000LL;
    shard->stopping = true;
    net_stop_listening(shard->net);
    wake_all(shard);
    while (shard->calls > 0 && os_monotonic_ns(shard->os) < until_ns)
        shard_turn(shard);
    if (shard->calls > 0) give_up(shard);
    net_flush(shard->net);
    shard->broker->handler->destroy(shard->api);
    shard->api = NULL;
    shard->net = net_destroy(shard->net);
}

/* A partition at a time: what a crash in between leaves is recovered like after any other. */
int shard_close_logs(struct shard *shard)
{
    while (shard->flushes > 0 || shard->jobs > 0 || shard->opening > 0) {
        const struct heap_node *first = heap_first(&shard->timers);
        os_turn(shard->os, first != NULL ? first->deadline : INT64_MAX);
        fire_timers(shard); /* a cleaning may wait for the end of others' jobs */
    }
    int result = shard->failure;
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL) {
        if (partition->log == NULL || folders_has_failed(partition->folder)) continue;
        int r = log_finish(partition->log);
        if (r == 0) partition->recovery_point = log_end_offset(partition->log);
        if (r < 0 && result == 0) result = r;
        os_turn(shard->os, 0); /* a signal may ask for more haste */
    }
    checkpoint_collect(shard);
    cursor = 0;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL) {
        map_remove(&shard->partitions, MAP_KEY(partition->key));
        partition_destroy(partition, KAFKA_ERROR_BROKER_NOT_AVAILABLE);
    }
    return result;
}

void shard_close(struct shard *shard)
{
    if (shard->os == NULL) return;
    if (shard->api != NULL) shard->broker->handler->destroy(shard->api);
    shard->api = NULL;
    shard->net = net_destroy(shard->net);
    log_files_destroy(shard->files);
    measures_free(&shard->measured);
    shard->image = image_destroy(shard->image);
    shard->settings = settings_destroy(shard->settings);
    shard->quota = quota_destroy(shard->quota);
    map_deinit(&shard->partitions);
    heap_deinit(&shard->timers);
    arena_deinit(&shard->scratch);
    shard->os = os_destroy(shard->os);
}

/* --- failing ---------------------------------------------------------------------------------- */

static void receive_failure(struct os_mail *mail)
{
    struct shard *shard = CONTAINER_OF(mail, struct shard, fail_mail);
    struct broker *broker = shard->broker;
    if (broker->failure == 0) broker->failure = shard->failure;
    broker->stop = true;
}

/* Without a clean mark: the next start looks at what was written. */
void shard_fail(struct shard *shard, int error)
{
    ASSERT(error < 0);
    if (shard->failure != 0) return;
    shard->failure = error;
    shard->fail_mail.receive = receive_failure;
    if (shard->index == 0) {
        receive_failure(&shard->fail_mail);
        return;
    }
    int r = os_post(shard->broker->shards[0].os, &shard->fail_mail);
    ASSERT(r == 0); /* nobody can stop a broker that cannot be told */
}

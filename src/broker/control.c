/*
 * The controller of a quorum of one, on shard 0: requests become plans, plans become records of the
 * metadata log, replies wait until those are committed and every shard knows them.
 */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "broker/shard_private.h"

enum { NS_PER_MS = 1000000 };

/* A request whose plan is on its way to the disk. */
struct wait {
    struct metadata_waiter waiter;
    struct broker *broker;
    struct call *call;
};

static struct controller_input input_of(struct broker *broker)
{
    const struct shard *shard = &broker->shards[0];
    return (struct controller_input){
        .image = metadata_image(broker->metadata),
        .settings = shard_settings(shard),
        .now_ms = shard->now_ms,
        .random = &broker->random,
        .arena = &broker->control_arena,
        .next_offset = metadata_end_offset(broker->metadata),
        .node_id = broker->identity.node_id,
        .kraft_version = metadata_is_dynamic(broker->metadata),
    };
}

/* --- requests --------------------------------------------------------------------------------- */

static void committed(struct metadata_waiter *waiter, int error)
{
    struct wait *wait = CONTAINER_OF(waiter, struct wait, waiter);
    struct call *call = wait->call;
    struct broker *broker = wait->broker;
    memory_free(wait);
    call->controller.result = error;
    if (error == 0) os_number_set(&broker->kraft_version, metadata_is_dynamic(broker->metadata));
    publish_then_finish(broker, call);
}

/* From these versions on a client understands that its changes are refused, and tries later. */
static bool knows_refusal(const struct call_controller *ask)
{
    if (ask->key == API_CREATE_TOPICS) return ask->version >= 6;
    if (ask->key == API_DELETE_TOPICS) return ask->version >= 5;
    return ask->version >= 3; /* CreatePartitions */
}

static struct quota_mutation mutation_of(struct shard *shard, const struct call_controller *ask)
{
    struct quota_mutation mutation = {.quota = shard->quota, .strict = knows_refusal(ask)};
    if (slice_is_null(ask->user) || !quota_has(shard->quota, shard->image, QUOTA_MUTATION))
        return mutation;
    mutation.now_ms = os_monotonic_ns(shard->os) / NS_PER_MS;
    mutation.client =
        quota_client_of(shard->quota, shard->image, ask->user, ask->client_id, mutation.now_ms);
    return mutation;
}

/* Of this node's own log. (RuntimeLoggerManager.alterLogLevelConfigs) */
static void set_levels(struct broker *broker, const struct controller_plan *plan)
{
    static const char *const ADMIN = "kafka.server.ConfigAdminManager";
    for (int32_t i = 0; i < plan->level_count; i++) {
        const struct controller_level *asked = &plan->levels[i];
        const char *name = trace_logger_name(asked->logger);
        int level = asked->inherits ? LOGGERS_INHERIT : (int)asked->level;
        loggers_set(broker->loggers, asked->logger, level);
        if (asked->inherits)
            BROKER_TRACE(broker, TRACE_WARN, ADMIN, "Unset the log level of %s", name);
        else
            BROKER_TRACE(broker, TRACE_WARN, ADMIN, "Updated the log level of %s to %s", name,
                         trace_level_name(asked->level));
    }
}

static void request(struct broker *broker, struct call *call)
{
    struct call_controller *ask = &call->controller;
    struct controller_input input = input_of(broker);
    struct quota_mutation mutation = mutation_of(&broker->shards[0], ask);
    input.mutation = &mutation;
    struct controller_plan plan = {0};
    int r = controller_plan_request(&input, ask->key, ask->version, ask->body, &plan, ask->reply);
    ask->throttle_ms = mutation.throttle_ms;
    if (r == 0) {
        set_levels(broker, &plan);
        struct wait *wait = memory_alloc_zero(sizeof(*wait));
        *wait = (struct wait){.waiter.committed = committed, .broker = broker, .call = call};
        r = metadata_append(broker->metadata, &plan, &wait->waiter);
        if (r < 0) memory_free(wait);
    }
    arena_reset(&broker->control_arena);
    if (r == 0) return;
    ask->result = r;
    call_finish(call, KAFKA_ERROR_UNKNOWN_SERVER_ERROR);
}

/* --- producer ids (KIP-730) ------------------------------------------------------------------- */

static void give_producer_id(struct broker *broker, struct call *call)
{
    ASSERT(broker->producer_id_next < broker->producer_id_end);
    call->producer_id.producer_id = broker->producer_id_next++;
    call_finish(call, KAFKA_ERROR_NONE);
}

static void ask_block(struct broker *broker);

static void block_committed(struct metadata_waiter *waiter, int error)
{
    struct broker *broker = CONTAINER_OF(waiter, struct broker, block_waiter);
    broker->block_asked = false;
    broker->producer_id_next = broker->block_first;
    broker->producer_id_end = broker->block_first + (error == 0 ? broker->block_count : 0);
    struct list_link *link;
    while ((link = list_first(&broker->producer_id_calls)) != NULL) {
        struct call *call = CONTAINER_OF(link, struct call, link);
        if (error == 0 && broker->producer_id_next == broker->producer_id_end) {
            ask_block(broker);
            return;
        }
        list_remove(link);
        if (error == 0)
            give_producer_id(broker, call);
        else
            call_finish(call, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE);
    }
}

static void ask_block(struct broker *broker)
{
    if (broker->block_asked) return;
    int32_t node_id = broker->identity.node_id;
    if (image_broker_by_id(metadata_image(broker->metadata), node_id) == NULL) {
        /* Somebody has unregistered us: no ids until we start, and register, anew. */
        block_committed(&broker->block_waiter, -ENOENT);
        return;
    }
    struct controller_input input = input_of(broker);
    struct controller_plan plan = {0};
    controller_plan_producer_ids(&input, node_id, &plan, &broker->block_first,
                                 &broker->block_count);
    broker->block_waiter.committed = block_committed;
    broker->block_asked = true;
    int r = metadata_append(broker->metadata, &plan, &broker->block_waiter);
    arena_reset(&broker->control_arena);
    if (r < 0) block_committed(&broker->block_waiter, r);
}

static void producer_id(struct broker *broker, struct call *call)
{
    if (broker->producer_id_next < broker->producer_id_end) {
        give_producer_id(broker, call);
        return;
    }
    list_push_back(&broker->producer_id_calls, &call->link);
    ask_block(broker);
}

void control_call(struct call *call)
{
    struct broker *broker = call->to->broker;
    ASSERT(call->to == &broker->shards[0]);
    if (call->kind == CALL_CONTROLLER)
        request(broker, call);
    else
        producer_id(broker, call);
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_committed(void *context, struct slice record, int64_t offset)
{
    publish_record(context, record, offset);
}

static void on_failed(void *context, int error)
{
    struct broker *broker = context;
    BROKER_TRACE(broker, TRACE_FATAL, "kafka.raft.KafkaRaftClient",
                 "The metadata log has failed: %s", strerror(-error));
    shard_fail(&broker->shards[0], error);
}

int control_open(struct broker *broker)
{
    struct shard *shard = &broker->shards[0];
    uint64_t seed;
    os_random(shard->os, &seed, sizeof(seed));
    prng_init(&broker->random, seed);
    arena_init(&broker->control_arena, CONTROLLER_ARENA_BYTES);
    list_init(&broker->producer_id_calls);
    list_init(&broker->publications);
    struct metadata_options options = {
        .os = shard->os,
        .files = shard->files,
        .folder = broker->home->folder,
        .settings = broker->settings,
        .trace = broker->trace,
        .identity = &broker->identity,
        .clean = broker->home->clean,
        .on_committed = on_committed,
        .on_failed = on_failed,
        .context = broker,
    };
    int r = metadata_open(&options, &broker->metadata);
    if (r < 0) return r;
    os_number_set(&broker->kraft_version, metadata_is_dynamic(broker->metadata));
    broker->quorum_epoch = metadata_leader_epoch(broker->metadata);
    return 0;
}

static void registered(struct metadata_waiter *waiter, int error)
{
    (void)error; /* on_failed has told */
    waiter->offset = -1;
}

static int append_and_wait(struct broker *broker, const struct controller_plan *plan)
{
    struct shard *shard = &broker->shards[0];
    struct metadata_waiter waiter = {.committed = registered};
    int r = metadata_append(broker->metadata, plan, &waiter);
    arena_reset(&broker->control_arena);
    if (r < 0) return r;
    metadata_flush(broker->metadata);
    while (waiter.offset != -1 && shard->failure == 0)
        os_turn(shard->os, INT64_MAX);
    return shard->failure;
}

static int32_t endpoints_of(const struct broker *broker,
                            struct image_endpoint endpoints[SETTINGS_LISTENERS_MAX])
{
    int32_t count = 0;
    for (int32_t i = 0; i < broker->listener_count; i++) {
        const struct settings_listener *listener = &broker->listeners[i];
        if (listener->controller) continue;
        uint16_t port =
            listener->advertised_port != 0 ? listener->advertised_port : broker->ports[i];
        endpoints[count++] = (struct image_endpoint){
            .name = listener->name, .host = listener->advertised_host, .port = port};
    }
    return count;
}

/* Registered for this life, then unfenced: from here on the image leads clients to us. */
int control_register(struct broker *broker)
{
    struct image_endpoint endpoints[SETTINGS_LISTENERS_MAX];
    struct uuid directories[FOLDERS_MAX];
    struct controller_registration registration = {
        .broker_id = broker->identity.node_id,
        .directories = directories,
        .directory_count = folders_ids(broker, directories),
        .rack = settings_text(broker->settings, SETTING_BROKER_RACK),
        .endpoints = endpoints,
        .endpoint_count = endpoints_of(broker, endpoints),
    };
    uint8_t random[16];
    do
        os_random(broker->shards[0].os, random, sizeof(random));
    while (!uuid_from_random(random, &registration.incarnation_id));
    struct controller_plan plan = {0};
    struct controller_input input = input_of(broker);
    controller_plan_registration(&input, &registration, &plan);
    int r = append_and_wait(broker, &plan);
    if (r == 0) r = places_settle(broker);
    if (r < 0) return r;
    plan = (struct controller_plan){0};
    input = input_of(broker);
    controller_plan_fencing(&input, broker->identity.node_id, false, false, &plan);
    return append_and_wait(broker, &plan);
}

/* --- folders ---------------------------------------------------------------------------------- */

static void told(struct metadata_waiter *waiter, int error)
{
    (void)error; /* on_failed has told */
    memory_free(waiter);
}

/* Nobody waits for it. */
static int append_plan(struct broker *broker, const struct controller_plan *plan)
{
    struct metadata_waiter *waiter = memory_alloc_zero(sizeof(*waiter));
    waiter->committed = told;
    int r = metadata_append(broker->metadata, plan, waiter);
    arena_reset(&broker->control_arena);
    if (r < 0) memory_free(waiter);
    return r;
}

int control_place(struct broker *broker, const struct controller_placement *placements,
                  size_t count)
{
    struct controller_plan plan = {0};
    struct controller_input input = input_of(broker);
    controller_plan_placements(&input, broker->identity.node_id, placements, count, &plan);
    return broker->running ? append_plan(broker, &plan) : append_and_wait(broker, &plan);
}

void control_lose_folder(struct broker *broker, const struct data_folder *folder)
{
    struct controller_plan plan = {0};
    struct controller_input input = input_of(broker);
    controller_plan_lost_folder(&input, broker->identity.node_id, &folder->id, &plan);
    int r = append_plan(broker, &plan);
    if (r < 0) shard_fail(&broker->shards[0], r); /* others would be sent to us for ever */
}

/* --- turns ------------------------------------------------------------------------------------ */

void control_turn(struct broker *broker)
{
    if (broker->metadata == NULL) return;
    places_turn(broker);
    metadata_maintain(broker->metadata, broker->shards[0].now_ms);
    metadata_flush(broker->metadata);
    publish_turn(broker);
}

int control_close(struct broker *broker)
{
    int r = metadata_close(broker->metadata);
    broker->metadata = NULL;
    arena_deinit(&broker->control_arena);
    return r;
}

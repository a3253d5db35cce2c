/* The table of what we speak; from a frame to its handler, and from an answer to a frame. */
#include "api/api.h"

#include <errno.h>

#include "api/quotas.h"
#include "api/state.h"
#include "base/bytes.h"
#include "base/memory.h"
#include "broker/measure.h"

static const struct api_entry entries[] = {
    {API_PRODUCE, false, api_produce},
    {API_FETCH, false, api_fetch},
    {API_LIST_OFFSETS, false, api_list_offsets},
    {API_METADATA, false, api_metadata},
    {API_API_VERSIONS, false, api_versions},
    {API_CREATE_TOPICS, true, api_forward_to_controller},
    {API_DELETE_TOPICS, true, api_forward_to_controller},
    {API_DELETE_RECORDS, false, api_delete_records},
    {API_ALTER_REPLICA_LOG_DIRS, false, api_alter_replica_log_dirs},
    {API_INIT_PRODUCER_ID, false, api_init_producer_id},
    {API_OFFSET_FOR_LEADER_EPOCH, false, api_offset_for_leader_epoch},
    {API_DESCRIBE_CONFIGS, false, api_describe_configs},
    {API_ALTER_CONFIGS, true, api_forward_to_controller},
    {API_DESCRIBE_LOG_DIRS, false, api_describe_log_dirs},
    {API_CREATE_PARTITIONS, true, api_forward_to_controller},
    {API_ELECT_LEADERS, true, api_forward_to_controller},
    {API_INCREMENTAL_ALTER_CONFIGS, true, api_forward_to_controller},
    {API_ALTER_PARTITION_REASSIGNMENTS, true, api_forward_to_controller},
    {API_LIST_PARTITION_REASSIGNMENTS, true, api_forward_to_controller},
    {API_DESCRIBE_QUORUM, false, api_describe_quorum},
    {API_UPDATE_FEATURES, true, api_forward_to_controller},
    {API_DESCRIBE_CLIENT_QUOTAS, false, api_describe_client_quotas},
    {API_ALTER_CLIENT_QUOTAS, true, api_forward_to_controller},
    {API_DESCRIBE_USER_SCRAM_CREDENTIALS, false, api_describe_user_scram_credentials},
    {API_DESCRIBE_CLUSTER, false, api_describe_cluster},
    {API_DESCRIBE_PRODUCERS, false, api_describe_producers},
    {API_UNREGISTER_BROKER, true, api_forward_to_controller},
    {API_LIST_CONFIG_RESOURCES, false, api_list_config_resources},
    {API_DESCRIBE_TOPIC_PARTITIONS, false, api_describe_topic_partitions},
};

const struct api_entry *api_entries(size_t *count)
{
    *count = ARRAY_COUNT(entries);
    return entries;
}

static const struct api_entry *entry_find(int16_t key)
{
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        if ((int16_t)entries[i].key == key) return &entries[i];
    }
    return NULL;
}

bool api_is_served(const struct api_entry *entry, bool for_controllers)
{
    const struct wire_api *row = wire_api_find((int16_t)entry->key);
    ASSERT(row != NULL);
    if (!for_controllers) return row->on_broker;
    /* There a Fetch is of the metadata log, by other nodes: a quorum of one has none. */
    return row->on_controller && entry->key != API_FETCH;
}

static const char *const THROTTLE = "throttleTimeMs";

/* --- answers ---------------------------------------------------------------------------------- */

static void reply_header(struct api_request *request)
{
    struct writer *reply = &request->exchange->reply;
    ASSERT(reply->size == 0);
    writer_put_be32(reply, (uint32_t)request->correlation_id);
    /* No tagged field has been given to response headers yet. */
    if (wire_response_header_version(request->row, request->version) > 0) writer_put_u8(reply, 0);
}

static bool logs_requests(const struct api *api)
{
    return loggers_level(shard_loggers(api->shard), api->request_logger) <= TRACE_DEBUG;
}

/* Who wants to see each request sets this logger to DEBUG. (RequestChannel.updateRequestMetrics) */
__attribute__((cold)) static void log_request(const struct api_request *request)
{
    const struct api *api = request->api;
    const struct net_connection *connection = request->exchange->connection;
    if (request->row == NULL) return; /* it was none */
    trace_write(shard_trace(api->shard), TRACE_DEBUG, trace_logger_name(api->request_logger),
                "Completed request: %s v%d, correlation id %d, client %.*s at %s by %.*s",
                request->row->name, (int)request->version, (int)request->correlation_id,
                SLICE_ARG(request->client_id),
                connection == NULL ? "an end that has gone" : net_connection_peer(connection),
                SLICE_ARG(api_listener_name(request)));
}

static void measure(const struct api_request *request)
{
    if (request->turn_ns == 0) return; /* it was none that we serve */
    int64_t total_ns = os_monotonic_ns(shard_os(request->shard)) - request->turn_ns;
    int64_t local_ns = request->local_ns > 0 ? request->local_ns : total_ns;
    measure_request(request->shard, (enum api_key)request->row->key, request->version, total_ns,
                    local_ns);
}

/* Gives the exchange back; the pause that its client has to make begins. */
static void finish(struct api_request *request, void (*give_back)(struct net_exchange *exchange))
{
    struct net_exchange *exchange = request->exchange;
    struct net_connection *connection = exchange->connection;
    struct api *api = request->api;
    bool holds = request->holds;
    int64_t resume_ns = quotas_end(request);
    measure(request);
    if (logs_requests(api)) log_request(request);
    if (api->handled == request) api->handled = NULL;
    give_back(exchange); /* the request's memory with it */
    if (holds && connection != NULL) net_connection_mute(connection, resume_ns);
}

static void release_extents(const struct net_extent *extents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (extents[i].release != NULL) extents[i].release(extents[i].context);
    }
}

static void tell_throttle(struct api_request *request, void *response, int32_t ms)
{
    int32_t *field = wire_int32(request->row->response, request->version, THROTTLE, response);
    if (field != NULL) *field = ms;
}

void api_reply_extents(struct api_request *request, void *response,
                       const struct net_extent *extents, size_t extent_count)
{
    struct net_exchange *exchange = request->exchange;
    struct wire_holes holes = {.capacity = extent_count};
    holes.items = arena_alloc(request->arena, extent_count * sizeof(holes.items[0]));
    int32_t ms = quotas_throttle(request);
    if (ms > 0) tell_throttle(request, response, ms);
    reply_header(request);
    int r =
        wire_encode(request->row->response, request->version, response, &exchange->reply, &holes);
    ASSERT(r != -ENOTSUP);
    if (r < 0) { /* too large, or an echo that this version cannot carry */
        release_extents(extents, extent_count);
        api_close(request);
        return;
    }
    ASSERT(holes.count == extent_count);
    for (size_t i = 0; i < extent_count; i++) {
        ASSERT(holes.items[i].size == extents[i].size);
        net_exchange_insert(exchange, holes.items[i].position, &extents[i]);
    }
    finish(request, net_exchange_reply);
}

void api_reply(struct api_request *request, void *response)
{
    api_reply_extents(request, response, NULL, 0);
}

void api_reply_encoded(struct api_request *request, struct slice body)
{
    struct writer *reply = &request->exchange->reply;
    int32_t ms = quotas_throttle(request);
    reply_header(request);
    size_t start = reply->size;
    writer_put(reply, body);
    if (ms > 0 && writer_error(reply) == 0 &&
        wire_begins_with(request->row->response, request->version, THROTTLE))
        store_be32(reply->data + start, (uint32_t)ms);
    finish(request, net_exchange_reply);
}

void api_no_reply(struct api_request *request)
{
    finish(request, net_exchange_skip);
}

void api_close(struct api_request *request)
{
    finish(request, net_exchange_close);
}

/* --- what handlers share ---------------------------------------------------------------------- */

bool api_has_room(const struct api_request *request, size_t bytes)
{
    /* Pieces that do not fit into the rest of a block leave it unused: at worst half of all. */
    size_t left = request->arena->max - request->arena->total;
    return bytes <= left / 2;
}

struct slice api_listener_name(const struct api_request *request)
{
    return shard_listener_name(request->shard, request->listener);
}

void api_auto_create(const struct api_request *request, struct slice name)
{
    auto_create(&request->api->auto_create, name, quotas_user(request), request->client_id);
}

/* --- requests --------------------------------------------------------------------------------- */

/* The header tells by which version it is itself encoded: what comes first never changes.
 * -EBADMSG: no header of an API that there is. */
static int request_parse_header(struct api_request *request)
{
    struct slice input = request->exchange->frame;
    if (input.size < 2 * sizeof(int16_t)) return -EBADMSG;
    int16_t key = (int16_t)load_be16(input.data);
    int16_t version = (int16_t)load_be16(input.data + sizeof(key));
    request->row = wire_api_find(key);
    if (request->row == NULL) return -EBADMSG;

    struct request_header header;
    int r = wire_decode(&wire_request_header, wire_request_header_version(request->row, version),
                        &input, request->arena, &header);
    if (r < 0) return r;
    ASSERT(header.request_api_key == key);
    ASSERT(header.request_api_version == version);
    request->version = version;
    request->correlation_id = header.correlation_id;
    request->client_id = header.client_id;
    request->body = input;
    return 0;
}

/* Bytes behind the body are let pass, as Kafka does. */
static int request_decode(struct api_request *request)
{
    struct arena *arena = request->arena;
    size_t max = arena->max;
    size_t size = wire_struct_size(request->row->request);
    struct slice input = request->body;
    arena->max = arena->total + max / API_ARENA_SHARE;
    if (arena->max > max) arena->max = max;
    void *message = arena_try_alloc(arena, size);
    int r = message == NULL
                ? -ENOMEM
                : wire_decode(request->row->request, request->version, &input, arena, message);
    arena->max = max;
    if (r == 0) request->message = message;
    return r;
}

/* A client that is newer than we are learns our versions in the one form that both know, and asks
 * again. (KIP-511; ApiVersionsRequest.getErrorResponse) */
static void refuse_api_versions(struct api_request *request)
{
    struct api_versions_response_api_version ours = {
        .api_key = API_API_VERSIONS,
        .min_version = request->row->version_min,
        .max_version = request->row->version_max,
    };
    struct api_versions_response answer;
    wire_defaults(&wire_api_versions_response, &answer);
    answer.error_code = (int16_t)KAFKA_ERROR_UNSUPPORTED_VERSION;
    answer.api_keys = &ours;
    answer.api_keys_count = 1;
    request->version = 0;
    api_reply(request, &answer);
}

static void on_request(void *context, struct net_exchange *exchange)
{
    struct api *api = context;
    ASSERT(exchange->connection != NULL);
    struct api_request *request = arena_alloc(&exchange->arena, sizeof(*request));
    *request = (struct api_request){
        .api = api,
        .shard = api->shard,
        .exchange = exchange,
        .arena = &exchange->arena,
        .seed = api->seed,
        .listener = net_connection_tag(exchange->connection),
        .for_controllers =
            shard_is_for_controllers(api->shard, net_connection_tag(exchange->connection)),
        .started_ns = quotas_start(api->shard),
    };
    const struct api_entry *entry = NULL;
    if (request_parse_header(request) == 0) entry = entry_find(request->row->key);
    if (entry == NULL || !api_is_served(entry, request->for_controllers)) {
        api_close(request);
        return;
    }
    int16_t version = request->version;
    if (version < request->row->version_min || version > request->row->version_max) {
        if (entry->key == API_API_VERSIONS)
            refuse_api_versions(request);
        else
            api_close(request);
        return;
    }
    if (!entry->passed_on && request_decode(request) < 0) {
        api_close(request);
        return;
    }
    quotas_begin(request);
    request->turn_ns = measure_turn_ns(api->shard);
    api->handled = request;
    entry->handle(request);
    if (api->handled == request) {
        request->local_ns = os_monotonic_ns(shard_os(api->shard)) - request->turn_ns;
        quotas_leave(request);
    }
    api->handled = NULL;
}

static void on_close(void *context, struct net_connection *connection)
{
    fetch_give_up(context, connection);
}

/* --- life ------------------------------------------------------------------------------------- */

static void *create(struct shard *shard)
{
    struct api *api = memory_alloc_zero(sizeof(*api));
    api->shard = shard;
    int r = trace_logger_find(SLICE("kafka.request.logger"), &api->request_logger);
    ASSERT(r == 0);
    os_random(shard_os(shard), &api->seed, sizeof(api->seed));
    auto_create_init(&api->auto_create, shard, api->seed);
    int64_t slots =
        settings_number(shard_settings(shard), SETTING_MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS);
    fetch_sessions_init(&api->sessions, api->seed, (int32_t)slots);
    list_init(&api->waiting);
    return api;
}

static void destroy(void *context)
{
    struct api *api = context;
    ASSERT(list_is_empty(&api->waiting)); /* calls are answered before a shard ends */
    ASSERT(api->read_count == 0);
    fetch_sessions_deinit(&api->sessions);
    auto_create_deinit(&api->auto_create);
    memory_free(api);
}

const struct broker_handler api_handler = {
    .create = create,
    .destroy = destroy,
    .on_request = on_request,
    .on_close = on_close,
};

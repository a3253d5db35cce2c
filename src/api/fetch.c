/* Fetch: what a consumer reads, whole or as the news of a session. (KIP-74, KIP-227, KIP-320,
 * KIP-516, KIP-951; KafkaApis.handleFetchRequest, FetchContext) */
#include "api/fetch.h"
#include "api/quotas.h"
#include "api/topics.h"

enum {
    TOPIC_IDS_SINCE = 13,
    HINTS_SINCE = 16, /* the new leader in the answer (KIP-951) */
    REPLICA_STATE_SINCE = 15,
    READ_COMMITTED = 1,
    LENGTH_PREFIX = 4, /* bytes before an answer, which Kafka meters, too */
};

/* --- what is to be read ----------------------------------------------------------------------- */

static int32_t replica_id(const struct api_request *request)
{
    const struct fetch_request *asked = request->message;
    return request->version >= REPLICA_STATE_SINCE ? asked->replica_state.replica_id
                                                   : asked->replica_id;
}

/* May it be read? A session that knows a topic by name and id tells a topic that was made anew from
 * one that is gone. */
static enum kafka_error target_resolve(const struct api_request *request,
                                       const struct fetch_target *target, struct uuid *topic_id)
{
    const struct image *image = shard_image(request->shard);
    const struct image_topic *topic;
    if (request->version >= TOPIC_IDS_SINCE && uuid_is_zero(&target->topic_id))
        return KAFKA_ERROR_UNKNOWN_TOPIC_ID;
    enum kafka_error error =
        topics_find(image, target->topic, &target->topic_id, target->partition, &topic);
    if (error == KAFKA_ERROR_UNKNOWN_TOPIC_ID && !slice_is_null(target->topic)) {
        error = topics_find(image, target->topic, &UUID_ZERO, target->partition, &topic);
        if (error == KAFKA_ERROR_NONE) error = KAFKA_ERROR_INCONSISTENT_TOPIC_ID;
    }
    if (error != KAFKA_ERROR_NONE) return error;
    /* Nobody replicates from us: no broker id is one of our followers'. */
    if (replica_id(request) >= 0) return KAFKA_ERROR_NOT_LEADER_OR_FOLLOWER;
    *topic_id = topic->id;
    return KAFKA_ERROR_NONE;
}

static struct fetch_target target_of(const struct fetch_request_fetch_topic *topic,
                                     const struct fetch_request_fetch_partition *partition,
                                     struct slice name)
{
    return (struct fetch_target){
        .topic = name,
        .topic_id = topic->topic_id,
        .partition = partition->partition,
        /* Any number below 0 means "not known" here, other than in ListOffsets. (FetchRequest) */
        .current_leader_epoch =
            partition->current_leader_epoch < 0 ? -1 : partition->current_leader_epoch,
        .last_fetched_epoch = partition->last_fetched_epoch,
        .max_bytes = partition->partition_max_bytes,
        .offset = partition->fetch_offset,
    };
}

/* The name of a topic of the request: its own or, from version 13 on, the id's; null: unknown. */
static struct slice topic_name(const struct api_request *request, struct slice name,
                               const struct uuid *id)
{
    if (request->version < TOPIC_IDS_SINCE) return name;
    const struct image_topic *topic = image_topic_by_id(shard_image(request->shard), id);
    return topic == NULL ? SLICE_NULL : topic->name;
}

/* What Kafka finds wrong while it reads, not before: such a fetch does not wait for data. */
static bool is_read_error(enum kafka_error error)
{
    return error == KAFKA_ERROR_INCONSISTENT_TOPIC_ID ||
           error == KAFKA_ERROR_NOT_LEADER_OR_FOLLOWER;
}

/* Not there: refused before anybody tried to read it. */
static bool is_missing(const struct fetch_partition *partition)
{
    return partition->refused && !is_read_error(partition->error);
}

static void fetch_add(struct fetch *fetch, const struct fetch_target *target)
{
    struct fetch_partition *partition = &fetch->partitions[fetch->count++];
    *partition = (struct fetch_partition){
        .target = *target,
        .high_watermark = -1,
        .last_stable_offset = -1,
        .log_start_offset = -1,
        .diverging_epoch = -1,
    };
    partition->error = target_resolve(fetch->request, target, &partition->topic_id);
    partition->refused = partition->error != KAFKA_ERROR_NONE;
    if (is_read_error(partition->error)) fetch->failed = true;
}

/* False: more than may be under way. */
static bool fetch_make_room(struct fetch *fetch, size_t count, size_t name_bytes)
{
    const struct api *api = fetch->request->api;
    size_t each = sizeof(struct fetch_partition) + sizeof(struct fetch_response_partition_data) +
                  sizeof(struct fetch_response_fetchable_topic_response) +
                  sizeof(struct fetch_response_node_endpoint) + sizeof(struct net_extent) +
                  sizeof(struct wire_hole);
    if (!api_has_room(fetch->request, count * each + name_bytes)) return false;
    if (count > (size_t)(FETCH_READS_MAX - api->read_count)) return false;
    fetch->partitions = arena_alloc(fetch->request->arena, count * sizeof(fetch->partitions[0]));
    return true;
}

static bool fetch_take_whole(struct fetch *fetch)
{
    struct api_request *request = fetch->request;
    const struct fetch_request *asked = request->message;
    size_t count = 0;
    for (int32_t i = 0; i < asked->topics_count; i++)
        count += (size_t)asked->topics[i].partitions_count;
    if (!fetch_make_room(fetch, count, 0)) return false;
    for (int32_t i = 0; i < asked->topics_count; i++) {
        const struct fetch_request_fetch_topic *topic = &asked->topics[i];
        /* Copied, for the image may be another when the answer is made. */
        struct slice name = topic_name(request, topic->topic, &topic->topic_id);
        if (request->version >= TOPIC_IDS_SINCE) name = arena_copy(request->arena, name);
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            struct fetch_target target = target_of(topic, &topic->partitions[j], name);
            fetch_add(fetch, &target);
        }
    }
    return true;
}

static bool fetch_take_session(struct fetch *fetch, const struct fetch_session *session)
{
    size_t name_bytes = 0;
    struct fetch_session_partition *partition = NULL;
    while ((partition = fetch_session_next(session, partition)) != NULL)
        name_bytes += partition->target.topic.size;
    if (!fetch_make_room(fetch, map_count(&session->partitions), name_bytes)) return false;
    struct slice name = SLICE_NULL; /* a copy, for the session may be gone when it is answered */
    while ((partition = fetch_session_next(session, partition)) != NULL) {
        struct fetch_target target = partition->target;
        if (!slice_equal(name, target.topic))
            name = arena_copy(fetch->request->arena, target.topic);
        target.topic = name;
        fetch_add(fetch, &target);
    }
    return true;
}

/* --- sessions --------------------------------------------------------------------------------- */

/* False: it has grown beyond what sessions may hold. */
static bool session_update(struct fetch_sessions *sessions, struct fetch_session *session,
                           const struct api_request *request)
{
    const struct fetch_request *asked = request->message;
    for (int32_t i = 0; i < asked->topics_count; i++) {
        const struct fetch_request_fetch_topic *topic = &asked->topics[i];
        struct slice name = topic_name(request, topic->topic, &topic->topic_id);
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            struct fetch_target target = target_of(topic, &topic->partitions[j], name);
            if (!fetch_session_put(sessions, session, &target)) return false;
        }
    }
    for (int32_t i = 0; i < asked->forgotten_topics_data_count; i++) {
        const struct fetch_request_forgotten_topic *topic = &asked->forgotten_topics_data[i];
        struct fetch_target target = {.topic = topic->topic, .topic_id = topic->topic_id};
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            target.partition = topic->partitions[j];
            fetch_session_forget(sessions, session, &target);
        }
    }
    return true;
}

/* Finds out what the request speaks of. NONE with *room false: too much.
 * (FetchManager.newContext) */
static enum kafka_error fetch_take(struct fetch *fetch, bool *room)
{
    struct api_request *request = fetch->request;
    struct fetch_sessions *sessions = &request->api->sessions;
    const struct fetch_request *asked = request->message;
    struct fetch_session *session;
    *room = true;
    if (asked->session_epoch == FETCH_EPOCH_INITIAL || asked->session_epoch == FETCH_EPOCH_FINAL) {
        session = fetch_sessions_find(sessions, asked->session_id);
        if (session != NULL) fetch_sessions_close(sessions, session);
        fetch->wants_session = asked->session_epoch == FETCH_EPOCH_INITIAL;
        *room = fetch_take_whole(fetch);
        return KAFKA_ERROR_NONE;
    }
    enum kafka_error error = fetch_sessions_use(sessions, asked->session_id, asked->session_epoch,
                                                request->version >= TOPIC_IDS_SINCE,
                                                request->exchange->received_ns, &session);
    if (error != KAFKA_ERROR_NONE) return error;
    if (!session_update(sessions, session, request)) {
        fetch_sessions_close(sessions, session);
        return KAFKA_ERROR_FETCH_SESSION_ID_NOT_FOUND;
    }
    if (map_count(&session->partitions) == 0) {
        fetch_sessions_close(sessions, session);
        *room = fetch_take_whole(fetch);
        return KAFKA_ERROR_NONE;
    }
    fetch->incremental = true;
    fetch->session_id = session->id;
    fetch->session_epoch = session->epoch;
    *room = fetch_take_session(fetch, session);
    return KAFKA_ERROR_NONE;
}

/* The whole answer is about to be told: from now on the client will say only what changes. */
static void fetch_create_session(struct fetch *fetch)
{
    struct fetch_sessions *sessions = &fetch->request->api->sessions;
    struct fetch_session *session =
        fetch_sessions_create(sessions, fetch->count, fetch->request->version >= TOPIC_IDS_SINCE,
                              fetch->request->exchange->received_ns);
    if (session == NULL) return;
    for (int32_t i = 0; i < fetch->count; i++) {
        if (fetch_session_put(sessions, session, &fetch->partitions[i].target)) continue;
        fetch_sessions_close(sessions, session);
        return;
    }
    fetch->session_id = session->id;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* One being made. Partitions of all topics lie in one array, in the order of telling. */
struct answer {
    struct fetch_response response;
    struct fetch_response_fetchable_topic_response *topics;
    struct fetch_response_partition_data *partitions;
    struct net_extent *extents; /* NULL: it is only measured */
    size_t extent_count;
};

static void fetch_refuse(struct api_request *request, enum kafka_error error)
{
    struct fetch_response answer;
    wire_defaults(&wire_fetch_response, &answer);
    answer.error_code = (int16_t)error;
    api_reply(request, &answer);
}

/* Where the partition is now, for whoever came to the wrong broker (KIP-951). */
static void hint_leader(const struct fetch *fetch, const struct fetch_partition *partition,
                        struct fetch_response_partition_data *data, struct fetch_response *response)
{
    const struct fetch_target *target = &partition->target;
    struct topics_leader leader;
    if (!topics_leader(fetch->request, target->topic, &target->topic_id, target->partition,
                       &leader))
        return;
    data->current_leader = (struct fetch_response_leader_id_and_epoch){
        .leader_id = leader.id, .leader_epoch = leader.epoch};
    bool told = !leader.live || replica_id(fetch->request) >= 0; /* followers know it */
    for (int32_t i = 0; i < response->node_endpoints_count && !told; i++)
        told = response->node_endpoints[i].node_id == leader.id;
    if (told) return;
    if (response->node_endpoints == NULL)
        response->node_endpoints = arena_alloc(
            fetch->request->arena, (size_t)fetch->count * sizeof(response->node_endpoints[0]));
    response->node_endpoints[response->node_endpoints_count++] =
        (struct fetch_response_node_endpoint){.node_id = leader.id,
                                              .host = leader.broker.host,
                                              .port = leader.broker.port,
                                              .rack = leader.broker.rack};
}

static void fill_partition(const struct fetch *fetch, const struct fetch_partition *partition,
                           struct fetch_response_partition_data *data)
{
    *data = (struct fetch_response_partition_data){
        .partition_index = partition->target.partition,
        .error_code = (int16_t)partition->error,
        .high_watermark = partition->high_watermark,
        .last_stable_offset = partition->last_stable_offset,
        .log_start_offset = partition->log_start_offset,
        .diverging_epoch = {.epoch = partition->diverging_epoch,
                            .end_offset = partition->diverging_end_offset},
        .current_leader = {.leader_id = -1, .leader_epoch = -1},
        .snapshot_id = {.end_offset = -1, .epoch = -1},
        .preferred_read_replica = -1,
        .records = SLICE(""),
    };
    if (partition->diverging_epoch < 0) data->diverging_epoch.end_offset = -1;
    /* No list is not the same as an empty one: who reads uncommitted gets none, nor does a read
     * that failed; one that was not tried does. */
    bool listed =
        partition->error == KAFKA_ERROR_NONE ? fetch->read_committed : is_missing(partition);
    data->aborted_transactions_count = listed ? 0 : -1;
    if (partition->bytes > 0) data->records = (struct slice){NULL, partition->bytes};
}

/* Partitions of one topic that follow each other are told together. */
static struct fetch_response_partition_data *next_partition(struct fetch_response *response,
                                                            const struct fetch *fetch,
                                                            const struct fetch_target *target)
{
    struct fetch_response_fetchable_topic_response *topic =
        response->responses + response->responses_count - 1;
    bool by_id = fetch->request->version >= TOPIC_IDS_SINCE;
    bool same =
        response->responses_count > 0 && (by_id ? uuid_equal(&topic->topic_id, &target->topic_id)
                                                : slice_equal(topic->topic, target->topic));
    if (!same) {
        struct fetch_response_partition_data *free =
            response->responses_count > 0 ? topic->partitions + topic->partitions_count
                                          : response->responses->partitions;
        topic = &response->responses[response->responses_count++];
        *topic = (struct fetch_response_fetchable_topic_response){
            .topic = target->topic, .topic_id = target->topic_id, .partitions = free};
    }
    return &topic->partitions[topic->partitions_count++];
}

/* Must the client be told of it? Remembers in the session what it will be told, if it will. */
static bool fetch_tell(struct fetch_session *session, const struct fetch_partition *partition,
                       bool remember)
{
    if (session == NULL) return true;
    struct fetch_session_partition *known = fetch_session_find(session, &partition->target);
    if (known == NULL) return true;
    struct fetch_session_facts facts = {
        .error = partition->error,
        .diverges = partition->diverging_epoch >= 0,
        .record_bytes = partition->bytes,
        .high_watermark = partition->high_watermark,
        .log_start_offset = partition->log_start_offset,
    };
    return remember ? fetch_session_tell(session, known, &facts)
                    : fetch_session_has_news(known, &facts);
}

static void fill_one(struct fetch *fetch, struct fetch_session *session,
                     struct fetch_partition *partition, struct answer *answer)
{
    bool sent = answer->extents != NULL;
    if (!fetch_tell(session, partition, sent) && fetch->incremental) return;
    struct fetch_response_partition_data *data =
        next_partition(&answer->response, fetch, &partition->target);
    fill_partition(fetch, partition, data);
    if (fetch->request->version >= HINTS_SINCE &&
        (partition->error == KAFKA_ERROR_NOT_LEADER_OR_FOLLOWER ||
         partition->error == KAFKA_ERROR_FENCED_LEADER_EPOCH))
        hint_leader(fetch, partition, data, &answer->response);
    if (partition->bytes > 0 && sent)
        answer->extents[answer->extent_count++] = fetch_partition_extent(fetch, partition);
}

static void answer_begin(const struct fetch *fetch, struct answer *answer)
{
    struct arena *arena = fetch->request->arena;
    size_t count = (size_t)fetch->count;
    *answer = (struct answer){0};
    answer->topics = arena_alloc(arena, (count + 1) * sizeof(answer->topics[0]));
    answer->partitions = arena_alloc(arena, count * sizeof(answer->partitions[0]));
}

/* Those that are not there are told last, as Kafka does. */
static void fill_answer(struct fetch *fetch, struct fetch_session *session, struct answer *answer)
{
    struct fetch_response *response = &answer->response;
    struct fetch_response_node_endpoint *endpoints = response->node_endpoints;
    wire_defaults(&wire_fetch_response, response);
    response->session_id = fetch->session_id;
    response->responses = answer->topics;
    response->responses->partitions = answer->partitions;
    response->node_endpoints = endpoints; /* memory of an earlier filling */
    for (int32_t i = 0; i < fetch->count; i++) {
        struct fetch_partition *partition = &fetch->partitions[i];
        if (!is_missing(partition)) fill_one(fetch, session, partition, answer);
    }
    for (int32_t i = 0; i < fetch->count; i++) {
        struct fetch_partition *partition = &fetch->partitions[i];
        if (is_missing(partition)) fill_one(fetch, session, partition, answer);
    }
}

/* Over its quota: it gets nothing now, and asks again. A session goes on from where it is; none is
 * begun. (KafkaApis.processResponseCallback, FetchContext.getThrottledResponse) */
static void answer_throttled(struct fetch *fetch)
{
    for (int32_t i = 0; i < fetch->count; i++)
        fetch_partition_drop(fetch, &fetch->partitions[i]);
    struct fetch_response response;
    wire_defaults(&wire_fetch_response, &response);
    if (fetch->incremental) response.session_id = fetch->session_id;
    api_reply(fetch->request, &response);
}

/* Would it be more than the client may have? (FetchContext.getResponseSize) */
static bool is_throttled(struct fetch *fetch, struct fetch_session *session, struct answer *answer)
{
    if (!quotas_meter_fetch(fetch->request)) return quotas_throttle(fetch->request) > 0;
    fill_answer(fetch, session, answer);
    int64_t size = wire_size(&wire_fetch_response, fetch->request->version, &answer->response);
    if (size < 0) return false; /* it will not be sent either */
    return quotas_throttle_fetch(fetch->request, size + LENGTH_PREFIX) > 0;
}

void fetch_answer(struct fetch *fetch)
{
    struct api_request *request = fetch->request;
    ASSERT(fetch->under_way == 0);
    struct fetch_session *session = fetch_sessions_find(&request->api->sessions, fetch->session_id);
    if (fetch->incremental && session != NULL && session->epoch != fetch->session_epoch) {
        /* Another request of the session has come meanwhile. */
        for (int32_t i = 0; i < fetch->count; i++)
            fetch_partition_drop(fetch, &fetch->partitions[i]);
        fetch_refuse(request, KAFKA_ERROR_INVALID_FETCH_SESSION_EPOCH);
        return;
    }
    struct answer answer;
    answer_begin(fetch, &answer);
    if (is_throttled(fetch, session, &answer)) {
        answer_throttled(fetch);
        return;
    }
    if (fetch->wants_session) {
        fetch_create_session(fetch);
        session = fetch_sessions_find(&request->api->sessions, fetch->session_id);
    }
    answer.extents =
        arena_alloc(request->arena, (size_t)fetch->count * sizeof(answer.extents[0]) + 1);
    fill_answer(fetch, session, &answer);
    api_reply_extents(request, &answer.response, answer.extents, answer.extent_count);
}

void api_fetch(struct api_request *request)
{
    const struct fetch_request *asked = request->message;
    int64_t most = settings_number(shard_settings(request->shard), SETTING_FETCH_MAX_BYTES);
    if (asked->max_bytes < most) most = asked->max_bytes > 0 ? asked->max_bytes : 0;
    most = quotas_fetch_most(request, most);
    int64_t least = asked->min_bytes < most ? asked->min_bytes : most;
    struct fetch *fetch = arena_alloc(request->arena, sizeof(*fetch));
    *fetch = (struct fetch){
        .request = request,
        .read_committed = asked->isolation_level == READ_COMMITTED,
        .max_bytes = (size_t)most,
        .min_bytes = least > 0 ? (size_t)least : 0,
        .wait_ns = (int64_t)asked->max_wait_ms * 1000000,
    };
    bool room;
    enum kafka_error error = fetch_take(fetch, &room);
    if (error != KAFKA_ERROR_NONE)
        fetch_refuse(request, error);
    else if (!room)
        api_close(request);
    else
        fetch_start(fetch);
}

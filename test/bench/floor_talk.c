#include "floor_talk.h"

#include <string.h>

#include "base/bytes.h"

enum { NODE_ID = 1, TOPICS_MAX = 16 };

/* The APIs served; their versions are the codec's but for Produce, which is parsed by hand. */
static const struct {
    enum api_key key;
    int16_t min;
} SERVED[] = {
    {API_PRODUCE, 9},      {API_FETCH, 4},         {API_LIST_OFFSETS, 1},  {API_METADATA, 0},
    {API_API_VERSIONS, 0}, {API_CREATE_TOPICS, 2}, {API_DELETE_TOPICS, 1},
};

void floor_talk_reply(struct writer *out, const struct wire_api *api, int16_t version,
                      int32_t correlation_id, const void *response, struct wire_hole *hole)
{
    struct wire_holes holes = {.items = hole, .capacity = 1};
    struct response_header header;
    size_t start = out->size;
    wire_defaults(&wire_response_header, &header);
    header.correlation_id = correlation_id;
    writer_put_be32(out, 0); /* the length, below */
    int16_t header_version = wire_response_header_version(api, version);
    int r = wire_encode(&wire_response_header, header_version, &header, out, NULL);
    ASSERT(r == 0);
    r = wire_encode(api->response, version, response, out, hole == NULL ? NULL : &holes);
    ASSERT(r == 0);
    size_t size = out->size - start - 4 + (hole == NULL ? 0 : hole->size);
    store_be32(out->data + start, (uint32_t)size);
}

static void answer_versions(struct api_versions_response *response, struct arena *arena)
{
    size_t count = ARRAY_COUNT(SERVED);
    response->api_keys = arena_alloc(arena, count * sizeof(*response->api_keys));
    response->api_keys_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        const struct wire_api *api = wire_api_find((int16_t)SERVED[i].key);
        struct api_versions_response_api_version *row = &response->api_keys[i];
        row->api_key = api->key;
        row->min_version = SERVED[i].min;
        row->max_version = api->version_max;
    }
}

static void answer_metadata(const struct floor_talk *talk, const struct metadata_request *request,
                            struct metadata_response *response)
{
    static int32_t node = NODE_ID;
    static struct metadata_response_metadata_response_partition partition = {
        .leader_id = NODE_ID,
        .replica_nodes = &node,
        .replica_nodes_count = 1,
        .isr_nodes = &node,
        .isr_nodes_count = 1,
    };
    struct metadata_response_metadata_response_broker *broker =
        arena_alloc(talk->arena, sizeof(*broker));
    broker->node_id = NODE_ID;
    broker->host = SLICE("127.0.0.1");
    broker->port = talk->port;
    broker->rack = SLICE_NULL;
    response->brokers = broker;
    response->brokers_count = 1;
    response->controller_id = NODE_ID;
    response->cluster_id = SLICE("floor");
    response->topics_count = request->topics_count < 0 ? 0 : request->topics_count;
    ASSERT(response->topics_count <= TOPICS_MAX);
    response->topics = arena_alloc(talk->arena, TOPICS_MAX * sizeof(*response->topics));
    for (int32_t i = 0; i < response->topics_count; i++) {
        struct metadata_response_metadata_response_topic *topic = &response->topics[i];
        bool named = !slice_is_null(request->topics[i].name);
        topic->name = named ? request->topics[i].name : SLICE("bench");
        topic->topic_id = (struct uuid){{1, 2, 3, 4}};
        topic->partitions = &partition;
        topic->partitions_count = 1;
        topic->topic_authorized_operations = INT32_MIN;
    }
}

static void answer_create(const struct floor_talk *talk,
                          const struct create_topics_request *request,
                          struct create_topics_response *response)
{
    struct create_topics_response_creatable_topic_result *topic =
        arena_alloc(talk->arena, sizeof(*topic));
    topic->name = request->topics_count > 0 ? request->topics[0].name : SLICE("bench");
    topic->num_partitions = topic->replication_factor = 1;
    response->topics = topic;
    response->topics_count = 1;
}

static void answer_delete(const struct floor_talk *talk, struct delete_topics_response *response)
{
    struct delete_topics_response_deletable_topic_result *topic =
        arena_alloc(talk->arena, sizeof(*topic));
    topic->name = SLICE("bench");
    response->responses = topic;
    response->responses_count = 1;
}

static void answer_offsets(const struct floor_talk *talk,
                           const struct list_offsets_request *request,
                           struct list_offsets_response *response)
{
    struct list_offsets_response_list_offsets_partition_response *place =
        arena_alloc(talk->arena, sizeof(*place));
    struct list_offsets_response_list_offsets_topic_response *topic =
        arena_alloc(talk->arena, sizeof(*topic));
    ASSERT(request->topics_count == 1);
    bool earliest = request->topics[0].partitions[0].timestamp == -2;
    place->timestamp = -1;
    place->offset = earliest ? 0 : talk->end_offset;
    topic->name = request->topics[0].name;
    topic->partitions = place;
    topic->partitions_count = 1;
    response->topics = topic;
    response->topics_count = 1;
}

bool floor_talk_answer(const struct floor_talk *talk, const struct wire_api *api, int16_t version,
                       int32_t correlation_id, struct slice body, struct writer *out)
{
    /* A client that is newer than the codec asks again with version 0. (KIP-511) */
    if (api->key == API_API_VERSIONS && version > api->version_max) version = 0;
    void *request = arena_alloc(talk->arena, wire_struct_size(api->request));
    void *response = arena_alloc(talk->arena, wire_struct_size(api->response));
    wire_defaults(api->request, request);
    wire_defaults(api->response, response);
    if (api->key != API_API_VERSIONS) {
        int r = wire_decode(api->request, version, &body, talk->arena, request);
        ASSERT(r == 0);
    }
    switch ((int)api->key) {
    case API_API_VERSIONS:
        answer_versions(response, talk->arena);
        break;
    case API_METADATA:
        answer_metadata(talk, request, response);
        break;
    case API_CREATE_TOPICS:
        answer_create(talk, request, response);
        break;
    case API_DELETE_TOPICS:
        answer_delete(talk, response);
        break;
    case API_LIST_OFFSETS:
        answer_offsets(talk, request, response);
        break;
    default:
        ASSERT(!"a request that the floor serves");
    }
    floor_talk_reply(out, api, version, correlation_id, response, NULL);
    return api->key == API_CREATE_TOPICS || api->key == API_DELETE_TOPICS;
}

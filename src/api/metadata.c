/* Metadata: brokers, topics, partitions and their leaders; names that do not exist may be created.
 * (MetadataRequest.json, KafkaApis.handleTopicMetadataRequest; KIP-516 topic ids, KIP-700) */
#include "api/topics.h"
#include "base/map.h"

/* What is being answered. */
struct metadata {
    struct api_request *request;
    const struct metadata_request *asked;
    struct metadata_response *answer;
    bool may_create;
};

enum { METADATA_REPLICAS = 16 }; /* of a partition, when room for an answer is asked for */

static void metadata_topic_header(struct metadata *metadata,
                                  struct metadata_response_metadata_response_topic *answer,
                                  struct slice name, const struct uuid *id, enum kafka_error error)
{
    *answer = (struct metadata_response_metadata_response_topic){
        .error_code = (int16_t)error,
        .name = name,
        .topic_id = *id,
        .is_internal = topics_is_internal(name),
        .topic_authorized_operations = metadata->asked->include_topic_authorized_operations
                                           ? TOPICS_ALL_OPERATIONS
                                           : TOPICS_OPERATIONS_NOT_ASKED,
    };
}

static void metadata_partition(const struct image *image, const struct image_partition *partition,
                               int32_t index, struct arena *arena,
                               struct metadata_response_metadata_response_partition *answer)
{
    *answer = (struct metadata_response_metadata_response_partition){
        .error_code = partition->leader == IMAGE_NO_LEADER
                          ? (int16_t)KAFKA_ERROR_LEADER_NOT_AVAILABLE
                          : (int16_t)KAFKA_ERROR_NONE,
        .partition_index = index,
        .leader_id = partition->leader,
        .leader_epoch = partition->leader_epoch,
        .replica_nodes = partition->replicas,
        .replica_nodes_count = partition->replica_count,
        .isr_nodes = partition->isr,
        .isr_nodes_count = partition->isr_count,
    };
    answer->offline_replicas =
        topics_offline_replicas(image, partition, arena, &answer->offline_replicas_count);
}

static void metadata_known_topic(struct metadata *metadata, const struct image_topic *topic,
                                 struct metadata_response_metadata_response_topic *answer)
{
    struct arena *arena = metadata->request->arena;
    const struct image *image = shard_image(metadata->request->shard);
    metadata_topic_header(metadata, answer, topic->name, &topic->id, KAFKA_ERROR_NONE);
    answer->partitions_count = topic->partition_count;
    answer->partitions =
        arena_alloc(arena, (size_t)topic->partition_count * sizeof(answer->partitions[0]));
    for (int32_t i = 0; i < topic->partition_count; i++)
        metadata_partition(image, &topic->partitions[i], i, arena, &answer->partitions[i]);
}

static void metadata_topic_by_name(struct metadata *metadata, struct slice name,
                                   struct metadata_response_metadata_response_topic *answer)
{
    struct api_request *request = metadata->request;
    const struct image_topic *topic = image_topic_by_name(shard_image(request->shard), name);
    if (topic != NULL) {
        metadata_known_topic(metadata, topic, answer);
        return;
    }
    if (!slice_is_null(controller_check_topic_name(name, request->arena))) {
        metadata_topic_header(metadata, answer, name, &UUID_ZERO,
                              KAFKA_ERROR_INVALID_TOPIC_EXCEPTION);
        return;
    }
    /* KRaft's answer to the first who asks is still "unknown"; the client asks again. */
    if (metadata->may_create) api_auto_create(request, name);
    metadata_topic_header(metadata, answer, name, &UUID_ZERO,
                          KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void metadata_topic_by_id(struct metadata *metadata, const struct uuid *id,
                                 struct metadata_response_metadata_response_topic *answer)
{
    const struct image_topic *topic = image_topic_by_id(shard_image(metadata->request->shard), id);
    if (topic != NULL)
        metadata_known_topic(metadata, topic, answer);
    else
        metadata_topic_header(metadata, answer, SLICE_NULL, id, KAFKA_ERROR_UNKNOWN_TOPIC_ID);
}

static void metadata_all_topics(struct metadata *metadata)
{
    const struct image *image = shard_image(metadata->request->shard);
    struct metadata_response *answer = metadata->answer;
    size_t count = image_topic_count(image);
    answer->topics = arena_alloc(metadata->request->arena, count * sizeof(answer->topics[0]));
    struct slice cursor = SLICE_NULL;
    const struct image_topic *topic;
    while ((topic = image_topic_next(image, &cursor)) != NULL)
        metadata_known_topic(metadata, topic, &answer->topics[answer->topics_count++]);
    ASSERT((size_t)answer->topics_count == count);
}

static bool metadata_asks_by_id(const struct metadata_request *asked)
{
    for (int32_t i = 0; i < asked->topics_count; i++) {
        if (!uuid_is_zero(&asked->topics[i].topic_id)) return true;
    }
    return false;
}

/* Answers a topic once, however often it was asked for: Kafka takes requests for sets. One id, and
 * names alone are not looked at. (KafkaApis.handleTopicMetadataRequest) */
static void metadata_asked_topics(struct metadata *metadata)
{
    const struct metadata_request *asked = metadata->asked;
    bool ids_only = metadata_asks_by_id(asked);
    struct metadata_response *answer = metadata->answer;
    answer->topics = arena_alloc(metadata->request->arena,
                                 (size_t)asked->topics_count * sizeof(answer->topics[0]));
    struct map seen;
    map_init(&seen, metadata->request->seed);
    for (int32_t i = 0; i < asked->topics_count; i++) {
        const struct metadata_request_metadata_request_topic *topic = &asked->topics[i];
        bool by_name = uuid_is_zero(&topic->topic_id);
        if (by_name && ids_only) continue;
        struct slice key = by_name ? topic->name : MAP_KEY(topic->topic_id);
        if (map_get(&seen, key) != NULL) continue;
        map_put(&seen, key, &asked->topics[i]);
        struct metadata_response_metadata_response_topic *to =
            &answer->topics[answer->topics_count++];
        if (by_name)
            metadata_topic_by_name(metadata, topic->name, to);
        else
            metadata_topic_by_id(metadata, &topic->topic_id, to);
    }
    map_deinit(&seen);
}

/* Each topic and each partition is answered at most once. */
static size_t metadata_bytes_max(const struct metadata *metadata)
{
    const struct image *image = shard_image(metadata->request->shard);
    size_t topics = image_topic_count(image), partitions = (size_t)image_partition_count(image);
    if (metadata->asked->topics_count > 0) topics += (size_t)metadata->asked->topics_count;
    return topics * sizeof(metadata->answer->topics[0]) +
           partitions * (sizeof(metadata->answer->topics[0].partitions[0]) +
                         METADATA_REPLICAS * sizeof(int32_t));
}

/* The whole request is refused: every topic with the same error and nothing else told. */
static void metadata_refuse(struct metadata *metadata, enum kafka_error error)
{
    const struct metadata_request *asked = metadata->asked;
    struct metadata_response *answer = metadata->answer;
    answer->error_code = (int16_t)error;
    answer->topics_count = asked->topics_count;
    answer->topics = arena_alloc(metadata->request->arena,
                                 (size_t)asked->topics_count * sizeof(answer->topics[0]));
    for (int32_t i = 0; i < asked->topics_count; i++) {
        struct slice name = asked->topics[i].name;
        if (slice_is_null(name)) name = SLICE("");
        answer->topics[i] = (struct metadata_response_metadata_response_topic){
            .error_code = (int16_t)error,
            .name = name,
            .topic_id = asked->topics[i].topic_id,
            .topic_authorized_operations = TOPICS_OPERATIONS_NOT_ASKED,
        };
    }
    api_reply(metadata->request, answer);
}

/* Ids in a request are usable from version 12 on (KAFKA-12701). */
static enum kafka_error metadata_check(const struct api_request *request,
                                       const struct metadata_request *asked)
{
    for (int32_t i = 0; i < asked->topics_count; i++) {
        bool no_name = slice_is_null(asked->topics[i].name);
        bool no_id = uuid_is_zero(&asked->topics[i].topic_id);
        if (request->version < 12 && (no_name || !no_id)) return KAFKA_ERROR_INVALID_REQUEST;
        if (no_name && no_id) return KAFKA_ERROR_UNKNOWN_SERVER_ERROR;
    }
    return KAFKA_ERROR_NONE;
}

static void metadata_brokers(struct metadata *metadata)
{
    struct metadata_response *answer = metadata->answer;
    struct topics_broker *brokers;
    answer->brokers_count = topics_brokers(metadata->request, false, &brokers);
    answer->brokers = arena_alloc(metadata->request->arena,
                                  (size_t)answer->brokers_count * sizeof(answer->brokers[0]));
    for (int32_t i = 0; i < answer->brokers_count; i++) {
        answer->brokers[i] = (struct metadata_response_metadata_response_broker){
            .node_id = brokers[i].id,
            .host = brokers[i].host,
            .port = brokers[i].port,
            .rack = brokers[i].rack,
        };
    }
}

void api_metadata(struct api_request *request)
{
    struct metadata_request *asked = request->message;
    struct metadata_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_metadata_response, answer);
    struct metadata metadata = {
        .request = request,
        .asked = asked,
        .answer = answer,
        .may_create =
            asked->allow_auto_topic_creation &&
            settings_flag(shard_settings(request->shard), SETTING_AUTO_CREATE_TOPICS_ENABLE),
    };
    if (!api_has_room(request, metadata_bytes_max(&metadata))) {
        api_close(request);
        return;
    }
    /* Version 0 has no null: there, an empty list asks for all. */
    bool all = asked->topics_count < 0 || (request->version == 0 && asked->topics_count == 0);
    enum kafka_error error = all ? KAFKA_ERROR_NONE : metadata_check(request, asked);
    if (error != KAFKA_ERROR_NONE) {
        metadata_refuse(&metadata, error);
        return;
    }
    answer->cluster_id = shard_cluster_id(request->shard);
    answer->controller_id = shard_node_id(request->shard);
    if (asked->include_cluster_authorized_operations)
        answer->cluster_authorized_operations = TOPICS_ALL_CLUSTER_OPERATIONS;

    metadata_brokers(&metadata);
    if (all)
        metadata_all_topics(&metadata);
    else
        metadata_asked_topics(&metadata);
    api_reply(request, answer);
}

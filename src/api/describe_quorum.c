/* DescribeQuorum: who votes on the metadata and how far they are. A quorum of one is always where
 * its leader is. (KIP-595, KIP-836, KIP-853; KafkaRaftClient.handleDescribeQuorumRequest) */
#include "api/topics.h"

enum { VERSION_WITH_NODES = 2 }; /* and with directories (KIP-853) */

#define METADATA_TOPIC SLICE("__cluster_metadata")

/* There is one partition to ask about: asked for anything else, nothing is answered. */
static bool asks_for_metadata(const struct describe_quorum_request *asked)
{
    return asked->topics_count == 1 && slice_equal(asked->topics[0].topic_name, METADATA_TOPIC) &&
           asked->topics[0].partitions_count == 1 &&
           asked->topics[0].partitions[0].partition_index == 0;
}

static void refuse_partitions(struct api_request *request, struct describe_quorum_response *answer)
{
    const struct describe_quorum_request *asked = request->message;
    size_t count = (size_t)asked->topics_count;
    answer->topics = arena_alloc(request->arena, count * sizeof(answer->topics[0]) + 1);
    answer->topics_count = asked->topics_count;
    for (size_t i = 0; i < count; i++) {
        size_t partitions = (size_t)asked->topics[i].partitions_count;
        struct describe_quorum_response_topic_data *topic = &answer->topics[i];
        topic->topic_name = asked->topics[i].topic_name;
        topic->partitions =
            arena_alloc(request->arena, partitions * sizeof(topic->partitions[0]) + 1);
        topic->partitions_count = asked->topics[i].partitions_count;
        for (size_t j = 0; j < partitions; j++)
            topic->partitions[j] = (struct describe_quorum_response_partition_data){
                .partition_index = asked->topics[i].partitions[j].partition_index,
                .error_code = (int16_t)KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                .error_message = slice_of(kafka_error_text(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION)),
            };
    }
}

static void tell_partition(struct api_request *request, struct describe_quorum_response *answer)
{
    struct shard *shard = request->shard;
    int64_t now_ms = os_wall_ms(shard_os(shard));
    int64_t end = image_last_offset(shard_image(shard)) + 1; /* it has what is committed */
    struct describe_quorum_response_replica_state *voter =
        arena_alloc(request->arena, sizeof(*voter));
    *voter = (struct describe_quorum_response_replica_state){
        .replica_id = shard_node_id(shard),
        .log_end_offset = end,
        .last_fetch_timestamp = now_ms,
        .last_caught_up_timestamp = now_ms,
    };
    /* Voters that the settings name have no directories: those that the log names do. */
    if (request->version >= VERSION_WITH_NODES && shard_kraft_version(shard) > 0)
        voter->replica_directory_id = shard_directory_id(shard);
    struct describe_quorum_response_partition_data *partition =
        arena_alloc(request->arena, sizeof(*partition));
    *partition = (struct describe_quorum_response_partition_data){
        .error_message = SLICE(""),
        .leader_id = shard_node_id(shard),
        .leader_epoch = shard_quorum_epoch(shard),
        .high_watermark = end,
        .current_voters = voter,
        .current_voters_count = 1,
    };
    answer->topics = arena_alloc(request->arena, sizeof(answer->topics[0]));
    answer->topics[0] = (struct describe_quorum_response_topic_data){METADATA_TOPIC, partition, 1};
    answer->topics_count = 1;
}

static void tell_node(struct api_request *request, struct describe_quorum_response *answer)
{
    struct describe_quorum_response_node *node = arena_alloc(request->arena, sizeof(*node));
    node->node_id = shard_node_id(request->shard);
    node->listeners =
        arena_alloc(request->arena, SETTINGS_LISTENERS_MAX * sizeof(node->listeners[0]));
    struct settings_listener listeners[SETTINGS_LISTENERS_MAX];
    int32_t count = settings_listeners(shard_settings(request->shard), listeners);
    for (int32_t i = 0; i < count; i++) {
        if (!listeners[i].controller) continue;
        node->listeners[node->listeners_count++] = (struct describe_quorum_response_listener){
            .name = arena_copy(request->arena, listeners[i].name),
            .host = arena_copy(request->arena, listeners[i].host),
            .port = shard_port(request->shard, i),
        };
    }
    answer->nodes = node;
    answer->nodes_count = 1;
}

void api_describe_quorum(struct api_request *request)
{
    struct describe_quorum_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_describe_quorum_response, answer);
    if (asks_for_metadata(request->message)) {
        tell_partition(request, answer);
        if (request->version >= VERSION_WITH_NODES) tell_node(request, answer);
    } else {
        refuse_partitions(request, answer);
    }
    api_reply(request, answer);
}

/* DescribeCluster: who we are and which brokers there are. (KIP-700, KIP-919, KIP-1073) */
#include "api/topics.h"

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

static void describe_cluster_refuse(struct api_request *request,
                                    struct describe_cluster_response *answer, int8_t type)
{
    if (type == ENDPOINT_CONTROLLERS) {
        answer->error_code = (int16_t)KAFKA_ERROR_MISMATCHED_ENDPOINT_TYPE;
        answer->error_message = SLICE("The request was sent to an endpoint of type BROKER, but we "
                                      "wanted an endpoint of type CONTROLLER");
    } else {
        answer->error_code = (int16_t)KAFKA_ERROR_UNSUPPORTED_ENDPOINT_TYPE;
        answer->error_message =
            arena_printf(request->arena, "Unsupported endpoint type %d", (int)type);
    }
    api_reply(request, answer);
}

void api_describe_cluster(struct api_request *request)
{
    const struct describe_cluster_request *asked = request->message;
    struct describe_cluster_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_describe_cluster_response, answer);
    if (asked->endpoint_type != ENDPOINT_BROKERS) {
        describe_cluster_refuse(request, answer, asked->endpoint_type);
        return;
    }
    answer->cluster_id = shard_cluster_id(request->shard);
    answer->controller_id = shard_node_id(request->shard);
    if (asked->include_cluster_authorized_operations)
        answer->cluster_authorized_operations = TOPICS_ALL_CLUSTER_OPERATIONS;

    struct topics_broker *brokers;
    answer->brokers_count = topics_brokers(request, asked->include_fenced_brokers, &brokers);
    answer->brokers =
        arena_alloc(request->arena, (size_t)answer->brokers_count * sizeof(answer->brokers[0]) + 1);
    for (int32_t i = 0; i < answer->brokers_count; i++) {
        answer->brokers[i] = (struct describe_cluster_response_describe_cluster_broker){
            .broker_id = brokers[i].id,
            .host = brokers[i].host,
            .port = brokers[i].port,
            .rack = brokers[i].rack,
            .is_fenced = brokers[i].fenced,
        };
    }
    api_reply(request, answer);
}

/* DescribeCluster: who we are and which brokers there are. (KIP-700, KIP-919, KIP-1073) */
#include "api/topics.h"

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

enum { VERSION_WITH_ENDPOINTS = 1 };

static const char *type_name(int8_t type)
{
    return type == ENDPOINT_CONTROLLERS ? "CONTROLLER" : "BROKER";
}

static void describe_cluster_refuse(struct api_request *request,
                                    struct describe_cluster_response *answer, int8_t wanted)
{
    int8_t type = request->for_controllers ? ENDPOINT_CONTROLLERS : ENDPOINT_BROKERS;
    if (wanted == ENDPOINT_BROKERS || wanted == ENDPOINT_CONTROLLERS) {
        answer->error_code = (int16_t)(request->version < VERSION_WITH_ENDPOINTS
                                           ? KAFKA_ERROR_INVALID_REQUEST
                                           : KAFKA_ERROR_MISMATCHED_ENDPOINT_TYPE);
        answer->error_message =
            arena_printf(request->arena,
                         "The request was sent to an endpoint of type %s, but we wanted an "
                         "endpoint of type %s",
                         type_name(type), type_name(wanted));
    } else {
        answer->error_code = (int16_t)KAFKA_ERROR_UNSUPPORTED_ENDPOINT_TYPE;
        answer->error_message =
            arena_printf(request->arena, "Unsupported endpoint type %d", (int)wanted);
    }
    api_reply(request, answer);
}

static void tell_brokers(struct api_request *request, struct describe_cluster_response *answer)
{
    const struct describe_cluster_request *asked = request->message;
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
}

/* The quorum of one, where it was asked. */
static void tell_controllers(struct api_request *request, struct describe_cluster_response *answer)
{
    struct settings_listener listeners[SETTINGS_LISTENERS_MAX];
    int32_t count = settings_listeners(shard_settings(request->shard), listeners);
    ASSERT(request->listener < count);
    answer->brokers = arena_alloc(request->arena, sizeof(answer->brokers[0]));
    answer->brokers_count = 1;
    answer->brokers[0] = (struct describe_cluster_response_describe_cluster_broker){
        .broker_id = shard_node_id(request->shard),
        .host = listeners[request->listener].advertised_host,
        .port = shard_port(request->shard, request->listener),
    };
}

void api_describe_cluster(struct api_request *request)
{
    const struct describe_cluster_request *asked = request->message;
    struct describe_cluster_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_describe_cluster_response, answer);
    int8_t type = request->for_controllers ? ENDPOINT_CONTROLLERS : ENDPOINT_BROKERS;
    if (asked->endpoint_type != type) {
        describe_cluster_refuse(request, answer, asked->endpoint_type);
        return;
    }
    answer->endpoint_type = type;
    answer->cluster_id = shard_cluster_id(request->shard);
    answer->controller_id = shard_node_id(request->shard);
    if (asked->include_cluster_authorized_operations)
        answer->cluster_authorized_operations = TOPICS_ALL_CLUSTER_OPERATIONS;
    if (request->for_controllers)
        tell_controllers(request, answer);
    else
        tell_brokers(request, answer);
    api_reply(request, answer);
}

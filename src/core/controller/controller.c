#include "core/controller/controller.h"

#include <errno.h>

#include "core/controller/plan.h"

/* What one node may ask of the controller: how it is decoded, and who plans it. */
static const struct {
    enum api_key key;
    const struct wire_message *message;
    int (*plan)(const struct controller_input *input, int16_t version, const void *request,
                struct controller_plan *plan, struct writer *reply);
} requests[] = {
    {API_CREATE_TOPICS, &wire_create_topics_request, plan_create_topics},
    {API_DELETE_TOPICS, &wire_delete_topics_request, plan_delete_topics},
    {API_CREATE_PARTITIONS, &wire_create_partitions_request, plan_create_partitions},
    {API_ALTER_CONFIGS, &wire_alter_configs_request, plan_alter_configs},
    {API_ELECT_LEADERS, &wire_elect_leaders_request, plan_elect_leaders},
    {API_INCREMENTAL_ALTER_CONFIGS, &wire_incremental_alter_configs_request,
     plan_incremental_alter_configs},
    {API_ALTER_PARTITION_REASSIGNMENTS, &wire_alter_partition_reassignments_request,
     plan_alter_partition_reassignments},
    {API_LIST_PARTITION_REASSIGNMENTS, &wire_list_partition_reassignments_request,
     plan_list_partition_reassignments},
    {API_ALTER_CLIENT_QUOTAS, &wire_alter_client_quotas_request, plan_alter_client_quotas},
    {API_UPDATE_FEATURES, &wire_update_features_request, plan_update_features},
    {API_UNREGISTER_BROKER, &wire_unregister_broker_request, plan_unregister_broker},
};

int controller_plan_request(const struct controller_input *input, enum api_key key, int16_t version,
                            struct slice body, struct controller_plan *plan, struct writer *reply)
{
    ASSERT(input->arena->max >= CONTROLLER_ARENA_BYTES);
    if (body.size > CONTROLLER_BODY_BYTES_MAX) return -EBADMSG;
    size_t row = 0;
    while (row < ARRAY_COUNT(requests) && requests[row].key != key)
        row++;
    if (row == ARRAY_COUNT(requests)) return -ENOTSUP;
    const struct wire_message *message = requests[row].message;
    /* Bytes behind a body are ignored, as Kafka does. */
    void *request = arena_alloc(input->arena, wire_struct_size(message));
    if (wire_decode(message, version, &body, input->arena, request) < 0) return -EBADMSG;
    return requests[row].plan(input, version, request, plan, reply);
}

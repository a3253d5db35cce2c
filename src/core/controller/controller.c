#include "core/controller/controller.h"

#include <errno.h>

#include "core/controller/plan.h"

/* Decodes a request's whole body. */
static int decode(const struct controller_input *input, const struct wire_message *message,
                  int16_t version, struct slice body, void *request)
{
    if (version < wire_version_min(message) || version > wire_version_max(message)) return -EBADMSG;
    /* Bytes behind a body are ignored, as Kafka does. */
    return wire_decode(message, version, &body, input->arena, request) < 0 ? -EBADMSG : 0;
}

static int plan_create_topics_body(const struct controller_input *input, int16_t version,
                                   struct slice body, struct controller_plan *plan,
                                   struct writer *reply)
{
    struct create_topics_request request;
    int r = decode(input, &wire_create_topics_request, version, body, &request);
    return r < 0 ? r : plan_create_topics(input, version, &request, plan, reply);
}

static int plan_delete_topics_body(const struct controller_input *input, int16_t version,
                                   struct slice body, struct controller_plan *plan,
                                   struct writer *reply)
{
    struct delete_topics_request request;
    int r = decode(input, &wire_delete_topics_request, version, body, &request);
    return r < 0 ? r : plan_delete_topics(input, version, &request, plan, reply);
}

static int plan_create_partitions_body(const struct controller_input *input, int16_t version,
                                       struct slice body, struct controller_plan *plan,
                                       struct writer *reply)
{
    struct create_partitions_request request;
    int r = decode(input, &wire_create_partitions_request, version, body, &request);
    return r < 0 ? r : plan_create_partitions(input, version, &request, plan, reply);
}

static int plan_alter_configs_body(const struct controller_input *input, int16_t version,
                                   struct slice body, struct controller_plan *plan,
                                   struct writer *reply)
{
    struct incremental_alter_configs_request request;
    int r = decode(input, &wire_incremental_alter_configs_request, version, body, &request);
    return r < 0 ? r : plan_alter_configs(input, version, &request, plan, reply);
}

static const struct {
    enum api_key key;
    int (*plan)(const struct controller_input *input, int16_t version, struct slice body,
                struct controller_plan *plan, struct writer *reply);
} requests[] = {
    {API_CREATE_TOPICS, plan_create_topics_body},
    {API_DELETE_TOPICS, plan_delete_topics_body},
    {API_CREATE_PARTITIONS, plan_create_partitions_body},
    {API_INCREMENTAL_ALTER_CONFIGS, plan_alter_configs_body},
};

int controller_plan_request(const struct controller_input *input, enum api_key key, int16_t version,
                            struct slice body, struct controller_plan *plan, struct writer *reply)
{
    ASSERT(input->arena->max >= CONTROLLER_ARENA_BYTES);
    if (body.size > CONTROLLER_BODY_BYTES_MAX) return -EBADMSG;
    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        if (requests[i].key == key) return requests[i].plan(input, version, body, plan, reply);
    }
    return -ENOTSUP;
}

/* IncrementalAlterConfigs, and AlterConfigs before it, which replaces all settings of a resource.
 * Kafka looks at them twice: the node that is asked at whom and what they are about, then the
 * controller at the rest. (ConfigAdminManager.preprocess, ControllerApis; KIP-133, KIP-339) */
#include <string.h>

#include "core/controller/plan.h"

/* Either request, as the incremental one. */
struct alter_request {
    const struct incremental_alter_configs_request_alter_configs_resource *resources;
    size_t count;
    bool replaces;
    bool validate_only;
};

/* Which resources are named more than once: each of them is refused. */
static void refuse_repeated(const struct alter_request *request, struct arena *arena,
                            struct refusal *refusals)
{
    const struct refusal twice =
        refuse(KAFKA_ERROR_INVALID_REQUEST, SLICE("Each resource must appear at most once."));
    struct map first;
    map_init(&first, 0);
    for (size_t i = 0; i < request->count; i++) {
        struct slice name = request->resources[i].resource_name;
        uint8_t *key = arena_alloc(arena, name.size + 1);
        key[0] = (uint8_t)request->resources[i].resource_type;
        if (name.size > 0) memcpy(key + 1, name.data, name.size);
        struct refusal *before = map_get(&first, (struct slice){key, name.size + 1});
        if (before == NULL)
            map_put(&first, (struct slice){key, name.size + 1}, &refusals[i]);
        else
            *before = refusals[i] = twice;
    }
    map_deinit(&first);
}

/* The levels of loggers are changed by the node that is asked. */
static bool is_logger(const struct alter_request *request, size_t index)
{
    return request->resources[index].resource_type == IMAGE_RESOURCE_BROKER_LOGGER;
}

/* What Kafka's controller cannot read it answers with an error for all that came to it. */
static void refuse_spoiled(const struct alter_request *request, struct refusal *refusals)
{
    for (size_t i = 0; i < request->count; i++)
        if (refusals[i].error == KAFKA_ERROR_NONE && !is_logger(request, i))
            refusals[i] = refuse(KAFKA_ERROR_UNKNOWN_SERVER_ERROR, SLICE_NULL);
}

static void plan_levels(const struct alter_request *request, const struct refusal *refusals,
                        struct arena *arena, struct controller_plan *plan)
{
    size_t most = 0;
    if (request->validate_only) return;
    for (size_t i = 0; i < request->count; i++)
        if (is_logger(request, i)) most += (size_t)request->resources[i].configs_count;
    plan->levels = arena_alloc(arena, most * sizeof(plan->levels[0]));
    for (size_t i = 0; i < request->count; i++)
        if (is_logger(request, i) && refusals[i].error == KAFKA_ERROR_NONE)
            plan->level_count +=
                levels_asked(&request->resources[i], plan->levels + plan->level_count);
    ASSERT((size_t)plan->level_count <= most);
}

/* A refusal, or none, for each resource. */
static struct refusal *plan_resources(const struct controller_input *input,
                                      const struct alter_request *request,
                                      struct controller_plan *plan)
{
    struct refusal *refusals = arena_alloc(input->arena, request->count * sizeof(refusals[0]));
    struct alteration *alterations =
        arena_alloc(input->arena, request->count * sizeof(alterations[0]));
    refuse_repeated(request, input->arena, refusals);
    bool spoiled = false;
    for (size_t i = 0; i < request->count; i++) {
        if (refusals[i].error != KAFKA_ERROR_NONE) continue;
        alterations[i] = (struct alteration){
            .input = input, .asked = &request->resources[i], .replaces = request->replaces};
        refusals[i] = alteration_prepare(&alterations[i]);
        spoiled = spoiled || alterations[i].spoils;
    }
    if (spoiled) refuse_spoiled(request, refusals);
    struct planner planner;
    planner_begin(&planner, input);
    for (size_t i = 0; i < request->count; i++)
        if (refusals[i].error == KAFKA_ERROR_NONE && !is_logger(request, i))
            refusals[i] = alteration_plan(&alterations[i], &planner);
    planner_end(&planner, !request->validate_only, plan);
    plan_levels(request, refusals, input->arena, plan);
    return refusals;
}

int plan_incremental_alter_configs(const struct controller_input *input, int16_t version,
                                   const void *message, struct controller_plan *plan,
                                   struct writer *reply)
{
    const struct incremental_alter_configs_request *request = message;
    struct alter_request asked = {.resources = request->resources,
                                  .count = (size_t)request->resources_count,
                                  .validate_only = request->validate_only};
    const struct refusal *refusals = plan_resources(input, &asked, plan);
    struct incremental_alter_configs_response response = {
        .responses_count = request->resources_count,
        .responses = arena_alloc(input->arena, asked.count * sizeof(response.responses[0])),
    };
    for (size_t i = 0; i < asked.count; i++)
        response.responses[i] =
            (struct incremental_alter_configs_response_alter_configs_resource_response){
                .error_code = (int16_t)refusals[i].error,
                .error_message = refusals[i].message,
                .resource_type = asked.resources[i].resource_type,
                .resource_name = asked.resources[i].resource_name,
            };
    return wire_encode(&wire_incremental_alter_configs_response, version, &response, reply, NULL);
}

/* --- the old request -------------------------------------------------------------------------- */

static void translate(const struct alter_configs_request_alter_configs_resource *old,
                      struct arena *arena,
                      struct incremental_alter_configs_request_alter_configs_resource *resource)
{
    ASSERT(old->configs_count >= 0);
    size_t count = (size_t)old->configs_count;
    resource->resource_type = old->resource_type;
    resource->resource_name = old->resource_name;
    resource->configs = arena_alloc(arena, count * sizeof(resource->configs[0]));
    resource->configs_count = old->configs_count;
    for (size_t i = 0; i < count; i++)
        resource->configs[i] = (struct incremental_alter_configs_request_alterable_config){
            .name = old->configs[i].name,
            .config_operation = ALTER_SET,
            .value = old->configs[i].value,
        };
}

int plan_alter_configs(const struct controller_input *input, int16_t version, const void *message,
                       struct controller_plan *plan, struct writer *reply)
{
    const struct alter_configs_request *request = message;
    size_t count = (size_t)request->resources_count;
    struct incremental_alter_configs_request_alter_configs_resource *resources =
        arena_alloc(input->arena, count * sizeof(resources[0]));
    for (size_t i = 0; i < count; i++)
        translate(&request->resources[i], input->arena, &resources[i]);
    struct alter_request asked = {resources, count, true, request->validate_only};
    const struct refusal *refusals = plan_resources(input, &asked, plan);
    struct alter_configs_response response = {
        .responses_count = request->resources_count,
        .responses = arena_alloc(input->arena, count * sizeof(response.responses[0])),
    };
    for (size_t i = 0; i < count; i++)
        response.responses[i] = (struct alter_configs_response_alter_configs_resource_response){
            .error_code = (int16_t)refusals[i].error,
            .error_message = refusals[i].message,
            .resource_type = resources[i].resource_type,
            .resource_name = resources[i].resource_name,
        };
    return wire_encode(&wire_alter_configs_response, version, &response, reply, NULL);
}

/* Settings of topics, as they are set and altered. (ConfigurationControlManager; KIP-339) */
#include <errno.h>
#include <string.h>

#include "core/controller/plan.h"

enum alter_operation { ALTER_SET = 0, ALTER_DELETE = 1, ALTER_APPEND = 2, ALTER_SUBTRACT = 3 };

bool elr_is_enabled(const struct image *image)
{
    return image_feature(image, SLICE("eligible.leader.replicas.version")) >= 1;
}

/* --- create ----------------------------------------------------------------------------------- */

struct refusal check_topic_settings(const struct controller_input *input,
                                    const struct create_topics_request_creatable_topic *topic,
                                    struct setting_pair **pairs, int32_t *count)
{
    *pairs = arena_alloc(input->arena, (size_t)topic->configs_count * sizeof((*pairs)[0]));
    *count = 0;
    for (int32_t i = 0; i < topic->configs_count; i++) {
        int32_t at = 0;
        while (at < *count && !slice_equal((*pairs)[at].name, topic->configs[i].name))
            at++;
        if (at == *count) (*count)++;
        (*pairs)[at] = (struct setting_pair){topic->configs[i].name, topic->configs[i].value};
    }
    struct slice error;
    for (int32_t i = 0; i < *count; i++) {
        if (!slice_is_null((*pairs)[i].value)) continue;
        return refuse(KAFKA_ERROR_INVALID_CONFIG,
                      arena_printf(input->arena, "Null value not supported for topic configs: %.*s",
                                   SLICE_ARG((*pairs)[i].name)));
    }
    int r = settings_check_overrides(input->settings, SETTING_SCOPE_TOPIC, *pairs, *count,
                                     input->arena, &error);
    return r < 0 ? refuse(KAFKA_ERROR_INVALID_CONFIG, error) : (struct refusal){0};
}

/* --- alter ------------------------------------------------------------------------------------ */

/* One resource's settings while its operations are carried out. */
struct alteration {
    const struct controller_input *input;
    struct setting_pair *pairs; /* as they will be */
    bool *touched;
    int32_t count;
    int32_t before; /* of them as they are now; further ones are new */
};

static struct refusal invalid(const struct alteration *alteration, const char *format,
                              struct slice name)
{
    return refuse(KAFKA_ERROR_INVALID_CONFIG,
                  arena_printf(alteration->input->arena, format, SLICE_ARG(name)));
}

static int32_t find(struct alteration *alteration, struct slice name)
{
    for (int32_t i = 0; i < alteration->count; i++)
        if (slice_equal(alteration->pairs[i].name, name)) return i;
    alteration->pairs[alteration->count] = (struct setting_pair){name, SLICE_NULL};
    return alteration->count++;
}

static bool list_holds(struct slice list, struct slice wanted)
{
    struct slice item;
    while (setting_list_next(&list, &item))
        if (slice_equal(item, wanted)) return true;
    return false;
}

/* `list` without the items of `others`. */
static struct slice list_without(struct slice list, struct slice others, struct arena *arena)
{
    struct slice item, result = SLICE("");
    while (setting_list_next(&list, &item)) {
        if (item.size == 0 || list_holds(others, item)) continue;
        result = result.size == 0
                     ? arena_copy(arena, item)
                     : arena_printf(arena, "%.*s,%.*s", SLICE_ARG(result), SLICE_ARG(item));
    }
    return result;
}

static struct slice list_with(struct slice list, struct slice others, struct arena *arena)
{
    struct slice item, result = list_without(list, SLICE(""), arena);
    while (setting_list_next(&others, &item)) {
        if (item.size == 0 || list_holds(result, item)) continue;
        result = result.size == 0
                     ? arena_copy(arena, item)
                     : arena_printf(arena, "%.*s,%.*s", SLICE_ARG(result), SLICE_ARG(item));
    }
    return result;
}

/* What a list holds before it is appended to: the override, else what is in force. */
static struct slice list_now(const struct alteration *alteration, int32_t at)
{
    if (!slice_is_null(alteration->pairs[at].value)) return alteration->pairs[at].value;
    const struct setting *setting = setting_find(SETTING_SCOPE_TOPIC, alteration->pairs[at].name);
    struct settings_explanation synonyms[SETTINGS_EXPLANATIONS_MAX];
    struct slice value;
    (void)settings_explain(alteration->input->settings, setting, NULL, 0, alteration->input->arena,
                           &value, synonyms);
    return slice_is_null(value) ? SLICE("") : value;
}

static struct refusal operate(struct alteration *alteration,
                              const struct incremental_alter_configs_request_alterable_config *op)
{
    const struct setting *setting = setting_find(SETTING_SCOPE_TOPIC, op->name);
    struct arena *arena = alteration->input->arena;
    bool on_list = op->config_operation == ALTER_APPEND || op->config_operation == ALTER_SUBTRACT;
    if (op->config_operation != ALTER_DELETE && slice_is_null(op->value))
        return refuse(
            KAFKA_ERROR_INVALID_REQUEST,
            arena_printf(arena, "Null value not supported for : %.*s", SLICE_ARG(op->name)));
    if (on_list && (setting == NULL || setting->type != SETTING_TYPE_LIST))
        return invalid(alteration,
                       op->config_operation == ALTER_APPEND
                           ? "Can't APPEND to key %.*s because its type is not LIST."
                           : "Can't SUBTRACT from key %.*s because its type is not LIST.",
                       op->name);
    int32_t at = find(alteration, op->name);
    ASSERT(at < alteration->count);
    switch (op->config_operation) {
    case ALTER_SET:
        alteration->pairs[at].value = op->value;
        break;
    case ALTER_DELETE:
        alteration->pairs[at].value = SLICE_NULL;
        break;
    case ALTER_APPEND:
        alteration->pairs[at].value = list_with(list_now(alteration, at), op->value, arena);
        break;
    case ALTER_SUBTRACT:
        alteration->pairs[at].value = list_without(list_now(alteration, at), op->value, arena);
        break;
    default:
        return refuse(KAFKA_ERROR_INVALID_REQUEST, SLICE("Unknown operation type."));
    }
    alteration->touched[at] = true;
    return (struct refusal){0};
}

/* The pairs as they are now, with room for as many as the request names. */
static void begin(struct alteration *alteration, const struct controller_input *input,
                  struct slice name, int32_t operations)
{
    int32_t count;
    const struct image_config *configs =
        image_configs(input->image, IMAGE_RESOURCE_TOPIC, name, &count);
    size_t room = (size_t)count + (size_t)operations;
    *alteration = (struct alteration){.input = input, .count = count, .before = count};
    alteration->pairs = arena_alloc(input->arena, room * sizeof(alteration->pairs[0]));
    alteration->touched = arena_alloc(input->arena, room * sizeof(alteration->touched[0]));
    for (int32_t i = 0; i < count; i++)
        alteration->pairs[i] = (struct setting_pair){configs[i].name, configs[i].value};
}

/* As they would be: those that are set at all. */
static struct refusal check(const struct alteration *alteration)
{
    const struct controller_input *input = alteration->input;
    struct setting_pair *set =
        arena_alloc(input->arena, (size_t)alteration->count * sizeof(set[0]));
    int32_t count = 0;
    for (int32_t i = 0; i < alteration->count; i++)
        if (!slice_is_null(alteration->pairs[i].value)) set[count++] = alteration->pairs[i];
    struct slice error;
    int r = settings_check_overrides(input->settings, SETTING_SCOPE_TOPIC, set, count, input->arena,
                                     &error);
    return r < 0 ? refuse(KAFKA_ERROR_INVALID_CONFIG, error) : (struct refusal){0};
}

static void plan_alteration(struct planner *planner, const struct alteration *alteration,
                            struct slice name)
{
    for (int32_t i = 0; i < alteration->count; i++) {
        if (!alteration->touched[i]) continue;
        struct slice value = alteration->pairs[i].value;
        struct slice now = image_config(alteration->input->image, IMAGE_RESOURCE_TOPIC, name,
                                        alteration->pairs[i].name);
        if (slice_is_null(value) ? slice_is_null(now)
                                 : !slice_is_null(now) && slice_equal(value, now))
            continue; /* nothing changes */
        struct config_record record = {
            .resource_type = IMAGE_RESOURCE_TOPIC,
            .resource_name = name,
            .name = alteration->pairs[i].name,
            .value = value,
        };
        planner_add(planner, IMAGE_RECORD_CONFIG, &record);
    }
}

static bool
names_twice(const struct incremental_alter_configs_request_alter_configs_resource *asked)
{
    for (int32_t i = 0; i < asked->configs_count; i++)
        for (int32_t j = 0; j < i; j++)
            if (slice_equal(asked->configs[i].name, asked->configs[j].name)) return true;
    return false;
}

static struct refusal
alter_resource(struct planner *planner,
               const struct incremental_alter_configs_request_alter_configs_resource *asked)
{
    const struct controller_input *input = planner->input;
    if (asked->resource_type != IMAGE_RESOURCE_TOPIC)
        return refuse(
            KAFKA_ERROR_INVALID_REQUEST,
            arena_printf(input->arena, "Unexpected resource type %d.", (int)asked->resource_type));
    if (asked->configs_count > CONTROLLER_RECORDS_MAX) return refuse_too_many();
    if (names_twice(asked))
        return refuse(KAFKA_ERROR_INVALID_REQUEST, SLICE("Error due to duplicate config keys"));
    struct slice wrong = controller_check_topic_name(asked->resource_name, input->arena);
    if (!slice_is_null(wrong)) return refuse(KAFKA_ERROR_INVALID_TOPIC_EXCEPTION, wrong);
    if (image_topic_by_name(input->image, asked->resource_name) == NULL)
        return refuse(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                      arena_printf(input->arena, "The topic '%.*s' does not exist.",
                                   SLICE_ARG(asked->resource_name)));
    struct alteration alteration;
    begin(&alteration, input, asked->resource_name, asked->configs_count);
    for (int32_t i = 0; i < asked->configs_count; i++) {
        struct refusal refusal = operate(&alteration, &asked->configs[i]);
        if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    }
    struct refusal refusal = check(&alteration);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    plan_alteration(planner, &alteration, asked->resource_name);
    return planner->count > CONTROLLER_RECORDS_MAX ? refuse_too_many() : (struct refusal){0};
}

static bool is_same(const struct incremental_alter_configs_request_alter_configs_resource *a,
                    const struct incremental_alter_configs_request_alter_configs_resource *b)
{
    return a->resource_type == b->resource_type && slice_equal(a->resource_name, b->resource_name);
}

/* A resource that is named twice is refused each time. */
static bool is_named_twice(const struct incremental_alter_configs_request *request, int32_t index)
{
    for (int32_t i = 0; i < request->resources_count; i++)
        if (i != index && is_same(&request->resources[i], &request->resources[index])) return true;
    return false;
}

int plan_alter_configs(const struct controller_input *input, int16_t version,
                       const struct incremental_alter_configs_request *request,
                       struct controller_plan *plan, struct writer *reply)
{
    enum { RESOURCES_MAX = 1000 };
    struct planner planner;
    planner_begin(&planner, input);
    struct incremental_alter_configs_response response = {
        .responses_count = request->resources_count,
        .responses = arena_alloc(input->arena,
                                 (size_t)request->resources_count * sizeof(response.responses[0])),
    };
    for (int32_t i = 0; i < request->resources_count; i++) {
        const struct incremental_alter_configs_request_alter_configs_resource *asked =
            &request->resources[i];
        struct refusal refusal;
        int32_t planned = planner.count;
        if (request->resources_count > RESOURCES_MAX)
            refusal = refuse_too_many();
        else if (is_named_twice(request, i))
            refusal = refuse(KAFKA_ERROR_INVALID_REQUEST,
                             SLICE("Each resource must appear at most once."));
        else
            refusal = alter_resource(&planner, asked);
        if (refusal.error != KAFKA_ERROR_NONE) planner_cut(&planner, planned);
        response.responses[i] =
            (struct incremental_alter_configs_response_alter_configs_resource_response){
                .error_code = (int16_t)refusal.error,
                .error_message = refusal.message,
                .resource_type = asked->resource_type,
                .resource_name = asked->resource_name,
            };
    }
    planner_end(&planner, !request->validate_only, plan);
    return wire_encode(&wire_incremental_alter_configs_response, version, &response, reply, NULL);
}

/* DescribeConfigs: what holds for a topic or a broker, and why. (KIP-133, KIP-226, KIP-569;
 * ConfigHelper) */
#include "api/describe_configs.h"

/* Of one resource: some 350 entries, each with its synonyms and their texts; and of each key that a
 * broker has besides. */
enum {
    DESCRIPTION_BYTES_MAX = 1 << 20,
    UNKNOWN_KEY_BYTES_MAX = 1 << 10,
    SOURCE_BROKER_LOGGER = 6, /* DescribeConfigsResponse.ConfigSource */
};

static void description_refuse(struct description *description, enum kafka_error error,
                               struct slice message)
{
    description->answer->error_code = (int16_t)error;
    description->answer->error_message = message;
}

bool description_wants(const struct description *description, struct slice key)
{
    const struct describe_configs_request_describe_configs_resource *resource =
        description->resource;
    if (resource->configuration_keys_count <= 0) return true; /* none named: all */
    for (int32_t i = 0; i < resource->configuration_keys_count; i++) {
        if (slice_equal(resource->configuration_keys[i], key)) return true;
    }
    return false;
}

static void
description_entry(const struct description *description, const struct setting *setting,
                  const struct setting_pair *overrides, int32_t override_count,
                  struct describe_configs_response_describe_configs_resource_result *entry)
{
    struct arena *arena = description->request->arena;
    struct settings_explanation why[SETTINGS_EXPLANATIONS_MAX];
    struct slice value;
    int32_t count = settings_explain(shard_settings(description->request->shard), setting,
                                     overrides, override_count, arena, &value, why);
    bool sensitive = setting->type == SETTING_TYPE_PASSWORD;
    *entry = (struct describe_configs_response_describe_configs_resource_result){
        .name = setting->name,
        .value = sensitive ? SLICE_NULL : value,
        .read_only = setting->scope == SETTING_SCOPE_BROKER && setting->update == SETTING_READ_ONLY,
        .config_source = (int8_t)(count > 0 ? why[0].origin : SETTING_ORIGIN_DEFAULT),
        .is_sensitive = sensitive,
        .config_type = (int8_t)setting->type,
        .documentation = description->asked->include_documentation ? setting->text : SLICE_NULL,
    };
    if (!description->asked->include_synonyms) return;
    entry->synonyms = arena_alloc(arena, (size_t)count * sizeof(entry->synonyms[0]) + 1);
    entry->synonyms_count = count;
    for (int32_t i = 0; i < count; i++) {
        entry->synonyms[i] = (struct describe_configs_response_describe_configs_synonym){
            .name = why[i].name,
            .value = sensitive ? SLICE_NULL : why[i].value,
            .source = (int8_t)why[i].origin,
        };
    }
}

/* `more` entries may follow. */
static void description_entries(struct description *description, enum setting_scope scope,
                                const struct setting_pair *overrides, int32_t override_count,
                                int32_t more)
{
    size_t max = (size_t)more;
    for (const struct setting *s = setting_next(scope, NULL); s != NULL; s = setting_next(scope, s))
        max++;
    struct describe_configs_response_describe_configs_result *answer = description->answer;
    answer->configs = arena_alloc(description->request->arena, max * sizeof(answer->configs[0]));
    for (const struct setting *s = setting_next(scope, NULL); s != NULL;
         s = setting_next(scope, s)) {
        if (s->internal || !description_wants(description, s->name)) continue;
        description_entry(description, s, overrides, override_count,
                          &answer->configs[answer->configs_count++]);
    }
}

struct setting_pair *description_overrides(const struct description *description,
                                           enum image_resource resource, struct slice name,
                                           int32_t *count)
{
    const struct image_config *configs =
        image_configs(shard_image(description->request->shard), resource, name, count);
    struct setting_pair *pairs =
        arena_alloc(description->request->arena, (size_t)*count * sizeof(pairs[0]) + 1);
    for (int32_t i = 0; i < *count; i++)
        pairs[i] = (struct setting_pair){configs[i].name, configs[i].value};
    return pairs;
}

static void describe_topic(struct description *description)
{
    struct slice name = description->resource->resource_name;
    struct slice wrong = controller_check_topic_name(name, description->request->arena);
    if (!slice_is_null(wrong)) {
        description_refuse(description, KAFKA_ERROR_INVALID_TOPIC_EXCEPTION, wrong);
        return;
    }
    if (image_topic_by_name(shard_image(description->request->shard), name) == NULL) {
        /* Kafka says nothing here, and means the empty text. */
        description_refuse(description, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION, SLICE(""));
        return;
    }
    int32_t count;
    const struct setting_pair *overrides =
        description_overrides(description, IMAGE_RESOURCE_TOPIC, name, &count);
    description_entries(description, SETTING_SCOPE_TOPIC, overrides, count, 0);
}

/* One value that was set for all brokers, with nothing of where it might come from otherwise.
 * (ConfigHelper.createBrokerConfigEntry, DynamicBrokerConfig) */
static void
description_shared_entry(const struct description *description, const struct setting_pair *set,
                         struct describe_configs_response_describe_configs_resource_result *entry)
{
    struct arena *arena = description->request->arena;
    const struct setting *setting = setting_find(SETTING_SCOPE_BROKER, set->name);
    if (setting == NULL) {
        description_unknown_shared(description, set, entry);
        return;
    }
    description_entry(description, setting, NULL, 0, entry);
    entry->value = entry->is_sensitive ? SLICE_NULL : set->value;
    entry->config_source = (int8_t)SETTING_ORIGIN_DYNAMIC_CLUSTER;
    if (!description->asked->include_synonyms) return;
    entry->synonyms = arena_alloc(arena, sizeof(entry->synonyms[0]));
    entry->synonyms_count = 1;
    entry->synonyms[0] = (struct describe_configs_response_describe_configs_synonym){
        .name = set->name, .value = entry->value, .source = entry->config_source};
}

/* The empty name stands for what all brokers share: only what was set there is listed. */
static void describe_cluster_defaults(struct description *description)
{
    int32_t count;
    const struct setting_pair *set =
        description_overrides(description, IMAGE_RESOURCE_BROKER, SLICE(""), &count);
    struct describe_configs_response_describe_configs_result *answer = description->answer;
    answer->configs =
        arena_alloc(description->request->arena, (size_t)count * sizeof(answer->configs[0]) + 1);
    for (int32_t i = 0; i < count; i++) {
        if (description_wants(description, set[i].name))
            description_shared_entry(description, &set[i],
                                     &answer->configs[answer->configs_count++]);
    }
}

/* Is the resource this broker? Says what is wrong with its name if not. */
static bool names_this_broker(struct description *description, const char *expected)
{
    struct slice name = description->resource->resource_name;
    struct arena *arena = description->request->arena;
    int node_id = (int)shard_node_id(description->request->shard);
    int64_t id;
    if (slice_parse_int64(name, INT32_MIN, INT32_MAX, &id) == 0 && id == node_id) return true;
    struct slice text;
    if (name.size == 0)
        text = SLICE("Broker id must not be empty");
    else if (slice_parse_int64(name, INT32_MIN, INT32_MAX, &id) < 0)
        text =
            arena_printf(arena, "Broker id must be an integer, but it is: %.*s", SLICE_ARG(name));
    else
        text = arena_printf(arena, "Unexpected broker id, expected %d%s received %.*s", node_id,
                            expected, SLICE_ARG(name));
    description_refuse(description, KAFKA_ERROR_INVALID_REQUEST, text);
    return false;
}

static void describe_broker(struct description *description)
{
    if (description->resource->resource_name.size == 0) {
        describe_cluster_defaults(description);
    } else if (names_this_broker(description, " or empty string, but")) {
        description_entries(description, SETTING_SCOPE_BROKER, NULL, 0,
                            description_count_unknown(description));
        description_add_unknown(description);
    }
}

/* The levels that count, whether they are a logger's own or root's. (KIP-412) */
static void describe_loggers(struct description *description)
{
    if (!names_this_broker(description, " but")) return;
    const struct loggers *loggers = shard_loggers(description->request->shard);
    struct describe_configs_response_describe_configs_result *answer = description->answer;
    answer->configs =
        arena_alloc(description->request->arena, TRACE_LOGGERS * sizeof(answer->configs[0]));
    for (int i = 0; i < TRACE_LOGGERS; i++) {
        struct slice name = slice_of(trace_logger_name(i));
        if (!description_wants(description, name)) continue;
        answer->configs[answer->configs_count++] =
            (struct describe_configs_response_describe_configs_resource_result){
                .name = name,
                .value = slice_of(trace_level_name(loggers_level(loggers, i))),
                .config_source = SOURCE_BROKER_LOGGER,
            };
    }
}

/* Groups and metrics subscriptions need not exist to have settings. */
static void describe_named(struct description *description, enum setting_scope scope,
                           enum image_resource resource, struct slice nameless)
{
    struct slice name = description->resource->resource_name;
    if (name.size == 0) {
        description_refuse(description, KAFKA_ERROR_INVALID_REQUEST, nameless);
        return;
    }
    int32_t count;
    const struct setting_pair *overrides =
        description_overrides(description, resource, name, &count);
    description_entries(description, scope, overrides, count, 0);
}

/* False: no such kind. */
static bool describe(struct description *description)
{
    description->answer->error_message = SLICE("");
    switch (description->resource->resource_type) {
    case IMAGE_RESOURCE_TOPIC:
        describe_topic(description);
        return true;
    case IMAGE_RESOURCE_BROKER:
        describe_broker(description);
        return true;
    case IMAGE_RESOURCE_BROKER_LOGGER:
        describe_loggers(description);
        return true;
    case IMAGE_RESOURCE_CLIENT_METRICS:
        describe_named(description, SETTING_SCOPE_CLIENT_METRICS, IMAGE_RESOURCE_CLIENT_METRICS,
                       SLICE("Client metrics subscription name must not be empty"));
        return true;
    case IMAGE_RESOURCE_GROUP:
        describe_named(description, SETTING_SCOPE_GROUP, IMAGE_RESOURCE_GROUP,
                       SLICE("Group name must not be empty"));
        return true;
    default:
        return false;
    }
}

/* One resource of a kind that does not exist spoils the whole request, as in Kafka. */
static void refuse_all(struct api_request *request, struct describe_configs_response *answer)
{
    const struct describe_configs_request *asked = request->message;
    for (int32_t i = 0; i < asked->resources_count; i++) {
        answer->results[i] = (struct describe_configs_response_describe_configs_result){
            .error_code = (int16_t)KAFKA_ERROR_INVALID_REQUEST,
            .error_message = slice_of(kafka_error_text(KAFKA_ERROR_INVALID_REQUEST)),
            .resource_type = asked->resources[i].resource_type,
            .resource_name = asked->resources[i].resource_name,
        };
    }
    api_reply(request, answer);
}

static bool has_room(const struct description *description)
{
    size_t bytes = DESCRIPTION_BYTES_MAX;
    if (description->resource->resource_type == IMAGE_RESOURCE_BROKER)
        bytes += (size_t)description_set_count(description) * UNKNOWN_KEY_BYTES_MAX;
    return api_has_room(description->request, bytes);
}

void api_describe_configs(struct api_request *request)
{
    const struct describe_configs_request *asked = request->message;
    struct describe_configs_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_describe_configs_response, answer);
    answer->results = arena_alloc(request->arena,
                                  (size_t)asked->resources_count * sizeof(answer->results[0]) + 1);
    answer->results_count = asked->resources_count;
    for (int32_t i = 0; i < asked->resources_count; i++) {
        struct description description = {request, asked, &asked->resources[i],
                                          &answer->results[i]};
        if (!has_room(&description)) {
            api_close(request); /* a few bytes for each resource ask for many */
            return;
        }
        answer->results[i].resource_type = asked->resources[i].resource_type;
        answer->results[i].resource_name = asked->resources[i].resource_name;
        if (!describe(&description)) {
            refuse_all(request, answer);
            return;
        }
    }
    api_reply(request, answer);
}

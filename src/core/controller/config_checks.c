/* What may be set, and for what. Kafka's order and words. (ConfigAdminManager, DynamicBrokerConfig,
 * ControllerConfigurationValidator, ConfigurationControlManager.validateAlterConfig) */
#include <errno.h>

#include "core/controller/plan.h"

bool elr_is_enabled(const struct image *image)
{
    return image_feature(image, SLICE("eligible.leader.replicas.version")) >= 1;
}

/* --- a topic to be created -------------------------------------------------------------------- */

/* Of equal keys the last counts, in the place of the first. */
static int32_t last_of_equals(const struct create_topics_request_creatable_topic *topic,
                              struct setting_pair *pairs)
{
    struct map by_name;
    map_init(&by_name, 0);
    int32_t count = 0;
    for (int32_t i = 0; i < topic->configs_count; i++) {
        struct setting_pair *pair = map_get(&by_name, topic->configs[i].name);
        if (pair == NULL) {
            pair = &pairs[count++];
            pair->name = topic->configs[i].name;
            map_put(&by_name, pair->name, pair);
        }
        pair->value = topic->configs[i].value;
    }
    map_deinit(&by_name);
    ASSERT(count <= topic->configs_count);
    return count;
}

static struct refusal check_overrides(const struct controller_input *input,
                                      enum setting_scope scope, enum kafka_error code,
                                      const struct setting_pair *pairs, int32_t count)
{
    struct slice error;
    int r = settings_check_overrides(input->settings, scope, pairs, count, input->arena, &error);
    if (r == -EBADMSG) code = KAFKA_ERROR_INVALID_CONFIG; /* Kafka has another code for those */
    return r < 0 ? refuse(code, error) : (struct refusal){0};
}

struct refusal check_topic_settings(const struct controller_input *input,
                                    const struct create_topics_request_creatable_topic *topic,
                                    struct setting_pair **pairs, int32_t *count)
{
    *pairs = arena_alloc(input->arena, (size_t)topic->configs_count * sizeof((*pairs)[0]));
    *count = last_of_equals(topic, *pairs);
    for (int32_t i = 0; i < *count; i++) {
        if (!slice_is_null((*pairs)[i].value)) continue;
        return refuse(KAFKA_ERROR_INVALID_CONFIG,
                      arena_printf(input->arena, "Null value not supported for topic configs: %.*s",
                                   SLICE_ARG((*pairs)[i].name)));
    }
    return check_overrides(input, SETTING_SCOPE_TOPIC, KAFKA_ERROR_INVALID_CONFIG, *pairs, *count);
}

/* --- which resource --------------------------------------------------------------------------- */

const struct setting *find_altered_key(const struct alteration *alteration, struct slice name)
{
    switch (alteration->asked->resource_type) {
    case IMAGE_RESOURCE_TOPIC:
        return setting_find(SETTING_SCOPE_TOPIC, name);
    case IMAGE_RESOURCE_BROKER:
        return setting_find(SETTING_SCOPE_BROKER, name);
    default: /* KafkaConfigSchema knows no others */
        return NULL;
    }
}

/* A broker is asked about itself; `unexpected` begins what is said of another. */
static struct refusal check_node(const struct alteration *alteration, const char *unexpected)
{
    struct slice name = alteration->asked->resource_name;
    struct arena *arena = alteration->input->arena;
    int64_t id;
    if (slice_parse_int64(name, INT32_MIN, INT32_MAX, &id) < 0)
        return refuse(
            KAFKA_ERROR_INVALID_REQUEST,
            arena_printf(arena, "Node id must be an integer, but it is: %.*s", SLICE_ARG(name)));
    if (id != alteration->input->node_id)
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      arena_printf(arena, "%s %d, but received %.*s", unexpected,
                                   alteration->input->node_id, SLICE_ARG(name)));
    return (struct refusal){0};
}

/* (RuntimeLoggerManager.validateLogLevelConfigs) */
static struct refusal
check_logger(const struct alteration *alteration,
             const struct incremental_alter_configs_request_alterable_config *op)
{
    struct arena *arena = alteration->input->arena;
    int logger;
    enum trace_level level;
    if (op->config_operation < ALTER_SET || op->config_operation > ALTER_SUBTRACT)
        return refuse(KAFKA_ERROR_UNKNOWN_SERVER_ERROR, SLICE_NULL); /* Kafka falls over it */
    if (op->config_operation == ALTER_APPEND)
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      SLICE("APPEND operation is not allowed for the BROKER_LOGGER resource"));
    if (op->config_operation == ALTER_SUBTRACT)
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      SLICE("SUBTRACT operation is not allowed for the BROKER_LOGGER resource"));
    if (trace_logger_find(op->name, &logger) < 0)
        return refuse(KAFKA_ERROR_INVALID_CONFIG,
                      arena_printf(arena, "Logger %.*s does not exist!", SLICE_ARG(op->name)));
    if (op->config_operation == ALTER_DELETE && logger == TRACE_ROOT)
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      SLICE("Removing the log level of the root logger is not allowed"));
    if (op->config_operation == ALTER_SET && trace_level_parse(op->value, &level) < 0)
        return refuse(KAFKA_ERROR_INVALID_CONFIG,
                      arena_printf(arena,
                                   "Cannot set the log level of %.*s to %.*s as it is not a "
                                   "supported log level. Valid log levels are DEBUG, ERROR, FATAL, "
                                   "INFO, TRACE, WARN",
                                   SLICE_ARG(op->name), SLICE_ARG(op->value)));
    return (struct refusal){0};
}

int32_t levels_asked(const struct incremental_alter_configs_request_alter_configs_resource *asked,
                     struct controller_level *levels)
{
    for (int32_t i = 0; i < asked->configs_count; i++) {
        const struct incremental_alter_configs_request_alterable_config *op = &asked->configs[i];
        levels[i] = (struct controller_level){.inherits = op->config_operation == ALTER_DELETE};
        int r = trace_logger_find(op->name, &levels[i].logger);
        if (r == 0 && !levels[i].inherits) r = trace_level_parse(op->value, &levels[i].level);
        ASSERT(r == 0); /* check_logger has let it pass */
    }
    return asked->configs_count;
}

static struct refusal check_loggers(const struct alteration *alteration)
{
    struct refusal refusal = check_node(alteration, "Unexpected node id. Expected");
    for (int32_t i = 0; i < alteration->asked->configs_count; i++) {
        if (refusal.error != KAFKA_ERROR_NONE) break;
        refusal = check_logger(alteration, &alteration->asked->configs[i]);
    }
    return refusal;
}

struct refusal check_altered_resource(const struct alteration *alteration)
{
    int type = (uint8_t)alteration->asked->resource_type;
    switch (type) {
    case IMAGE_RESOURCE_TOPIC:
    case IMAGE_RESOURCE_GROUP:
    case IMAGE_RESOURCE_CLIENT_METRICS:
        return (struct refusal){0};
    case IMAGE_RESOURCE_BROKER:
        return alteration->asked->resource_name.size == 0
                   ? (struct refusal){0}
                   : check_node(alteration, "Unexpected broker id, expected");
    case IMAGE_RESOURCE_BROKER_LOGGER:
        if (alteration->replaces) break; /* AlterConfigs never knew them */
        return check_loggers(alteration);
    default:
        break;
    }
    return refuse(KAFKA_ERROR_INVALID_REQUEST,
                  arena_printf(alteration->input->arena, "Unknown resource type %d",
                               (int)alteration->asked->resource_type));
}

/* --- a broker --------------------------------------------------------------------------------- */

/* Which of a broker's keys are meant. */
enum key_kind {
    KEYS_READ_ONLY,
    KEYS_OF_LISTENERS, /* stores and their passwords: each listener has its own */
    KEYS_PER_BROKER,
};

/* All keys of a listener are its broker's but for limits of connections and threads. */
static bool is_per_broker(struct slice name)
{
    struct slice key = setting_listener_key(name);
    const struct setting *setting = setting_find(SETTING_SCOPE_BROKER, name);
    if (slice_is_null(key)) return setting != NULL && setting->update == SETTING_PER_BROKER;
    return !slice_equal(key, setting_get(SETTING_MAX_CONNECTIONS)->name) &&
           !slice_equal(key, setting_get(SETTING_MAX_CONNECTION_CREATION_RATE)->name) &&
           !slice_equal(key, setting_get(SETTING_NUM_NETWORK_THREADS)->name);
}

static bool is_of_kind(struct slice name, enum key_kind kind)
{
    const struct setting *setting = setting_find(SETTING_SCOPE_BROKER, name);
    switch (kind) {
    case KEYS_READ_ONLY:
        return setting != NULL && setting->update == SETTING_READ_ONLY;
    case KEYS_OF_LISTENERS:
        return setting != NULL && setting->update == SETTING_PER_BROKER &&
               slice_starts_with(name, SLICE("ssl."));
    case KEYS_PER_BROKER:
        return is_per_broker(name);
    }
    ASSERT(false);
    return false;
}

/* Refuses those of the kind that would be set: `text` and their names. */
static struct refusal refuse_kind(const struct alteration *alteration, enum key_kind kind,
                                  const char *text)
{
    struct arena *arena = alteration->input->arena;
    struct writer names;
    writer_init(&names, CONTROLLER_BODY_BYTES_MAX * 2);
    for (int32_t i = 0; i < alteration->count; i++) {
        const struct altered_setting *altered = &alteration->settings[i];
        if (slice_is_null(altered->value) || !is_of_kind(altered->name, kind)) continue;
        if (names.size > 0) writer_put(&names, SLICE(", "));
        writer_put(&names, altered->name);
    }
    struct refusal refusal = {0};
    if (names.size > 0)
        refusal = refuse(KAFKA_ERROR_INVALID_REQUEST,
                         arena_printf(arena, "%s: [%.*s]", text, SLICE_ARG(writer_slice(&names))));
    writer_deinit(&names);
    return refusal;
}

static struct refusal check_update_modes(const struct alteration *alteration)
{
    struct refusal refusal =
        refuse_kind(alteration, KEYS_READ_ONLY, "Cannot update these configs dynamically");
    if (refusal.error == KAFKA_ERROR_NONE)
        refusal = refuse_kind(alteration, KEYS_OF_LISTENERS,
                              "These security configs can be dynamically updated only per-listener "
                              "using the listener prefix");
    if (refusal.error != KAFKA_ERROR_NONE || alteration->asked->resource_name.size > 0)
        return refusal;
    return refuse_kind(alteration, KEYS_PER_BROKER,
                       "Cannot update these configs at default cluster level, broker id must be "
                       "specified");
}

static struct refusal check_broker_value(const struct alteration *alteration,
                                         const struct altered_setting *altered)
{
    struct arena *arena = alteration->input->arena;
    if (slice_is_null(altered->value)) return (struct refusal){0};
    const struct setting *setting = find_altered_key(alteration, altered->name);
    const struct setting *meant =
        setting == NULL ? setting_find_for_listener(altered->name) : setting;
    /* Kafka keeps what it does not know: a plugin might. */
    if (meant == NULL) return (struct refusal){0};
    struct slice error;
    if (setting_check_value(meant, altered->value, arena, &error) < 0)
        return refuse(KAFKA_ERROR_INVALID_REQUEST, error);
    /* What is for one listener limits its connections, or is for TLS and SASL, which none has. */
    if (setting == NULL) return (struct refusal){0};
    if (setting == setting_get(SETTING_LISTENERS) ||
        setting == setting_get(SETTING_LISTENER_SECURITY_PROTOCOL_MAP))
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      SLICE("gregor opens its listeners when it starts: set them there."));
    if (setting->class == SETTING_REFUSED && !slice_equal(altered->value, setting->initial))
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      arena_printf(arena,
                                   "gregor does not do this yet, and ignoring it would not be "
                                   "safe: %.*s",
                                   SLICE_ARG(setting->name)));
    return (struct refusal){0};
}

/* Who is in sync must mean the same to all brokers, and after a restart too. (KIP-966) */
static struct refusal check_min_insync(const struct alteration *alteration,
                                       const struct altered_setting *altered)
{
    if ((!altered->asked && !altered->dropped) || !elr_is_enabled(alteration->input->image) ||
        !slice_equal(altered->name, setting_get(SETTING_MIN_INSYNC_REPLICAS)->name))
        return (struct refusal){0};
    if (alteration->asked->resource_name.size > 0)
        return refuse(
            KAFKA_ERROR_INVALID_CONFIG,
            SLICE("Broker-level min.insync.replicas cannot be altered while ELR is enabled."));
    if (slice_is_null(altered->value))
        return refuse(
            KAFKA_ERROR_INVALID_CONFIG,
            SLICE("Cluster-level min.insync.replicas cannot be removed while ELR is enabled."));
    return (struct refusal){0};
}

/* What is set on one broker, or on all, as the request would leave it. */
static struct setting_pair *pairs_then(const struct alteration *alteration, int32_t *count)
{
    struct setting_pair *pairs =
        arena_alloc(alteration->input->arena, (size_t)alteration->count * sizeof(pairs[0]));
    *count = 0;
    for (int32_t i = 0; i < alteration->count; i++)
        if (!slice_is_null(alteration->settings[i].value))
            pairs[(*count)++] =
                (struct setting_pair){alteration->settings[i].name, alteration->settings[i].value};
    return pairs;
}

static struct setting_pair *pairs_now(const struct controller_input *input, struct slice resource,
                                      int32_t *count)
{
    const struct image_config *configs =
        image_configs(input->image, IMAGE_RESOURCE_BROKER, resource, count);
    struct setting_pair *pairs = arena_alloc(input->arena, (size_t)*count * sizeof(pairs[0]));
    for (int32_t i = 0; i < *count; i++)
        pairs[i] = (struct setting_pair){configs[i].name, configs[i].value};
    return pairs;
}

/* Do they fit together, on this node? */
static struct refusal check_together(const struct alteration *alteration)
{
    const struct controller_input *input = alteration->input;
    bool all = alteration->asked->resource_name.size == 0;
    ASSERT(alteration->asked->resource_type == IMAGE_RESOURCE_BROKER);
    int32_t cluster_count, broker_count;
    struct slice id = arena_printf(input->arena, "%d", (int)input->node_id);
    /* Kafka takes 01 for 1, and keeps the settings of a broker 01 that nobody is. */
    if (!all && !slice_equal(alteration->asked->resource_name, id)) return (struct refusal){0};
    struct setting_pair *cluster =
        all ? pairs_then(alteration, &cluster_count) : pairs_now(input, SLICE(""), &cluster_count);
    struct setting_pair *broker =
        all ? pairs_now(input, id, &broker_count) : pairs_then(alteration, &broker_count);
    struct slice error;
    int r = settings_check_dynamic(input->settings, cluster, cluster_count, broker, broker_count,
                                   input->arena, &error);
    return r < 0 ? refuse(KAFKA_ERROR_INVALID_REQUEST, error) : (struct refusal){0};
}

struct refusal check_altered_broker(const struct alteration *alteration)
{
    struct refusal refusal = check_update_modes(alteration);
    for (int32_t i = 0; i < alteration->count && refusal.error == KAFKA_ERROR_NONE; i++)
        refusal = check_broker_value(alteration, &alteration->settings[i]);
    return refusal.error == KAFKA_ERROR_NONE ? check_together(alteration) : refusal;
}

static struct refusal check_broker(const struct alteration *alteration)
{
    struct refusal refusal = {0};
    for (int32_t i = 0; i < alteration->count && refusal.error == KAFKA_ERROR_NONE; i++)
        refusal = check_min_insync(alteration, &alteration->settings[i]);
    return refusal;
}

/* --- topics, groups, subscriptions of metrics ------------------------------------------------- */

static struct refusal check_scope(const struct alteration *alteration, enum setting_scope scope,
                                  enum kafka_error code)
{
    size_t room = (size_t)alteration->count * sizeof(struct setting_pair);
    struct setting_pair *pairs = arena_alloc(alteration->input->arena, room);
    int32_t count = 0;
    for (int32_t i = 0; i < alteration->count; i++) {
        const struct altered_setting *altered = &alteration->settings[i];
        if (!slice_is_null(altered->value))
            pairs[count++] = (struct setting_pair){altered->name, altered->value};
    }
    return check_overrides(alteration->input, scope, code, pairs, count);
}

static struct refusal check_topic(const struct alteration *alteration)
{
    struct slice name = alteration->asked->resource_name;
    struct arena *arena = alteration->input->arena;
    if (name.size == 0)
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      SLICE("Default topic resources are not allowed."));
    struct slice wrong = controller_check_topic_name(name, arena);
    if (!slice_is_null(wrong)) return refuse(KAFKA_ERROR_INVALID_TOPIC_EXCEPTION, wrong);
    struct refusal refusal =
        check_scope(alteration, SETTING_SCOPE_TOPIC, KAFKA_ERROR_INVALID_CONFIG);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    if (image_topic_by_name(alteration->input->image, name) == NULL)
        return refuse(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                      arena_printf(arena, "The topic '%.*s' does not exist.", SLICE_ARG(name)));
    return refusal;
}

struct refusal check_altered_settings(const struct alteration *alteration)
{
    enum kafka_error error = KAFKA_ERROR_INVALID_REQUEST;
    bool nameless = alteration->asked->resource_name.size == 0;
    switch (alteration->asked->resource_type) {
    case IMAGE_RESOURCE_BROKER:
        return check_broker(alteration);
    case IMAGE_RESOURCE_GROUP:
        if (nameless) return refuse(error, SLICE("Default group resources are not allowed."));
        return check_scope(alteration, SETTING_SCOPE_GROUP, KAFKA_ERROR_INVALID_CONFIG);
    case IMAGE_RESOURCE_CLIENT_METRICS:
        if (nameless) return refuse(error, SLICE("Subscription name can't be empty"));
        return check_scope(alteration, SETTING_SCOPE_CLIENT_METRICS, error);
    default:
        ASSERT(alteration->asked->resource_type == IMAGE_RESOURCE_TOPIC);
        return check_topic(alteration);
    }
}

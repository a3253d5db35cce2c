/* Where a value comes from, as DescribeConfigs tells it: all the values that a key could have, the
 * strongest first. (ConfigHelper, DynamicBrokerConfig.brokerConfigSynonyms) */
#include "core/settings/internal.h"

struct explanation {
    struct settings_explanation *items;
    int32_t count;
};

static void add(struct explanation *explanation, const struct setting *setting, struct slice value,
                enum setting_origin origin)
{
    ASSERT(explanation->count < SETTINGS_EXPLANATIONS_MAX);
    if (setting->type == SETTING_TYPE_PASSWORD) value = SLICE_NULL;
    explanation->items[explanation->count++] =
        (struct settings_explanation){.name = setting->name, .value = value, .origin = origin};
}

/* The broker's keys that mean the same in other units, the strongest first: those from which one
 * topic key takes its default. */
static struct setting_sources relatives(enum setting_id id, const struct setting_source *alone)
{
    for (int topic = SETTING_BROKER_COUNT; topic < SETTING_COUNT; topic++) {
        if (settings_table[topic].scope != SETTING_SCOPE_TOPIC) continue;
        struct setting_sources sources = settings_sources[topic];
        for (int32_t i = 0; i < sources.count; i++)
            if (sources.items[i].id == id) return sources;
    }
    return (struct setting_sources){alone, 1};
}

/* Every layer's values of the sources, then their defaults; what stands before the first of
 * `wanted` belongs to a relative and is left out. */
static void add_broker(struct explanation *explanation, const struct settings *settings,
                       struct setting_sources sources, enum setting_id wanted)
{
    static const enum setting_origin origins[] = {
        [SETTINGS_LAYER_BROKER] = SETTING_ORIGIN_DYNAMIC_BROKER,
        [SETTINGS_LAYER_CLUSTER] = SETTING_ORIGIN_DYNAMIC_CLUSTER,
        [SETTINGS_LAYER_STATIC] = SETTING_ORIGIN_STATIC_BROKER,
        [SETTINGS_LAYER_COUNT] = SETTING_ORIGIN_DEFAULT,
    };
    bool begun = false;
    for (int layer = 0; layer <= SETTINGS_LAYER_COUNT; layer++) {
        for (int32_t i = 0; i < sources.count; i++) {
            enum setting_id id = sources.items[i].id;
            const struct setting *setting = setting_get(id);
            struct slice value =
                layer == SETTINGS_LAYER_COUNT ? setting->initial : settings->layers[layer][id];
            if (slice_is_null(value)) continue;
            begun = begun || id == wanted;
            if (begun) add(explanation, setting, value, origins[layer]);
        }
    }
}

static enum setting_origin own_origin(enum setting_scope scope)
{
    if (scope == SETTING_SCOPE_GROUP) return SETTING_ORIGIN_GROUP;
    if (scope == SETTING_SCOPE_CLIENT_METRICS) return SETTING_ORIGIN_CLIENT_METRICS;
    return SETTING_ORIGIN_TOPIC;
}

int32_t settings_explain(const struct settings *settings, const struct setting *setting,
                         const struct setting_pair *overrides, int32_t count, struct arena *arena,
                         struct slice *value,
                         struct settings_explanation synonyms[SETTINGS_EXPLANATIONS_MAX])
{
    ASSERT(settings->checked);
    struct explanation explanation = {.items = synonyms};
    enum setting_id id = setting_id(setting);
    bool hidden = setting->type == SETTING_TYPE_PASSWORD;
    if (setting->scope == SETTING_SCOPE_BROKER) {
        ASSERT(count == 0);
        struct setting_source alone = {id, 1};
        add_broker(&explanation, settings, relatives(id, &alone), id);
        *value = hidden ? SLICE_NULL : settings_text(settings, id);
        return explanation.count;
    }
    struct setting_sources sources = settings_sources[id];
    struct slice own = settings_override_of(setting, overrides, count, arena);
    if (!slice_is_null(own)) add(&explanation, setting, own, own_origin(setting->scope));
    if (sources.count > 0)
        add_broker(&explanation, settings, sources, sources.items[0].id);
    else if (setting->scope == SETTING_SCOPE_GROUP)
        add(&explanation, setting, setting->initial, SETTING_ORIGIN_DEFAULT);
    *value = settings_effective(settings, id, overrides, count, arena);
    return explanation.count;
}

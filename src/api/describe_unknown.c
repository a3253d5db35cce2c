/* Keys that Kafka's table does not have, as DescribeConfigs tells them: those of one listener by
 * what they are behind its name, all others as secrets, because they might be. (ConfigHelper,
 * KafkaConfig.configType, DynamicBrokerConfig.brokerConfigSynonyms) */
#include "api/describe_configs.h"

#include <stdio.h>

enum { TYPE_UNKNOWN = 0 /* DescribeConfigsResponse.ConfigType */ };

/* What sets a key; a place is null where it does not. */
struct unknown_key {
    struct slice name;
    struct slice values[3]; /* on this broker, on all, in its file */
};

static const enum setting_origin origins[] = {
    SETTING_ORIGIN_DYNAMIC_BROKER,
    SETTING_ORIGIN_DYNAMIC_CLUSTER,
    SETTING_ORIGIN_STATIC_BROKER,
};

struct unknown_places {
    const struct setting_pair *pairs[3];
    int32_t counts[3];
};

static struct unknown_places find_places(const struct description *description)
{
    struct unknown_places places;
    struct api_request *request = description->request;
    struct slice id = arena_printf(request->arena, "%d", (int)shard_node_id(request->shard));
    places.pairs[0] =
        description_overrides(description, IMAGE_RESOURCE_BROKER, id, &places.counts[0]);
    places.pairs[1] =
        description_overrides(description, IMAGE_RESOURCE_BROKER, SLICE(""), &places.counts[1]);
    places.pairs[2] = settings_unknown(shard_settings(request->shard), &places.counts[2]);
    return places;
}

static bool is_unknown(struct slice name)
{
    return setting_find(SETTING_SCOPE_BROKER, name) == NULL;
}

int32_t description_count_unknown(const struct description *description)
{
    struct unknown_places places = find_places(description);
    int32_t count = 0;
    for (size_t place = 0; place < ARRAY_COUNT(origins); place++)
        for (int32_t i = 0; i < places.counts[place]; i++)
            count += is_unknown(places.pairs[place][i].name);
    return count;
}

int32_t description_set_count(const struct description *description)
{
    const struct image *image = shard_image(description->request->shard);
    char id[16];
    snprintf(id, sizeof(id), "%d", (int)shard_node_id(description->request->shard));
    int32_t broker, cluster, file;
    (void)image_configs(image, IMAGE_RESOURCE_BROKER, slice_of(id), &broker);
    (void)image_configs(image, IMAGE_RESOURCE_BROKER, SLICE(""), &cluster);
    (void)settings_unknown(shard_settings(description->request->shard), &file);
    return broker + cluster + file;
}

/* --- synonyms --------------------------------------------------------------------------------- */

/* The key behind a listener's name holds for all listeners: what it has, as `setting` tells. */
static int32_t explain_all(const struct description *description, const struct setting *setting,
                           struct settings_explanation why[SETTINGS_EXPLANATIONS_MAX])
{
    if (setting == NULL) return 0;
    struct settings_explanation all[SETTINGS_EXPLANATIONS_MAX];
    struct slice value;
    int32_t count = settings_explain(shard_settings(description->request->shard), setting, NULL, 0,
                                     description->request->arena, &value, all);
    int32_t own = 0;
    for (int32_t i = 0; i < count; i++)
        if (slice_equal(all[i].name, setting->name)) why[own++] = all[i];
    return own;
}

/* Place by place, a listener's own value before that of all. */
static void add_synonyms(const struct description *description, const struct unknown_key *key,
                         const struct setting *setting, bool hidden,
                         struct describe_configs_response_describe_configs_resource_result *entry)
{
    struct settings_explanation why[SETTINGS_EXPLANATIONS_MAX];
    int32_t count = explain_all(description, setting, why);
    size_t room = ((size_t)count + ARRAY_COUNT(origins)) * sizeof(entry->synonyms[0]);
    entry->synonyms = arena_alloc(description->request->arena, room);
    int32_t next = 0;
    for (size_t place = 0; place < ARRAY_COUNT(origins); place++) {
        if (!slice_is_null(key->values[place]))
            entry->synonyms[entry->synonyms_count++] =
                (struct describe_configs_response_describe_configs_synonym){
                    .name = key->name,
                    .value = hidden ? SLICE_NULL : key->values[place],
                    .source = (int8_t)origins[place],
                };
        bool last = place + 1 == ARRAY_COUNT(origins);
        for (; next < count && (last || why[next].origin <= origins[place]); next++)
            entry->synonyms[entry->synonyms_count++] =
                (struct describe_configs_response_describe_configs_synonym){
                    .name = why[next].name,
                    .value = hidden ? SLICE_NULL : why[next].value,
                    .source = (int8_t)why[next].origin,
                };
    }
}

/* --- entries ---------------------------------------------------------------------------------- */

static void describe_key(const struct description *description, const struct unknown_key *key,
                         struct describe_configs_response_describe_configs_resource_result *entry)
{
    const struct setting *setting = setting_find_for_listener(key->name);
    bool hidden = setting == NULL || setting->type == SETTING_TYPE_PASSWORD;
    size_t place = 0;
    while (slice_is_null(key->values[place]))
        place++;
    *entry = (struct describe_configs_response_describe_configs_resource_result){
        .name = key->name,
        .value = hidden ? SLICE_NULL : key->values[place],
        .read_only = true, /* no key of the table that may change: though it just did */
        .config_source = (int8_t)origins[place],
        .is_sensitive = hidden,
        .config_type = setting == NULL ? TYPE_UNKNOWN : (int8_t)setting->type,
    };
    if (description->asked->include_synonyms)
        add_synonyms(description, key, setting, hidden, entry);
}

void description_unknown_shared(
    const struct description *description, const struct setting_pair *pair,
    struct describe_configs_response_describe_configs_resource_result *entry)
{
    struct unknown_key key = {.name = pair->name, .values = {[1] = pair->value}};
    describe_key(description, &key, entry);
    if (entry->synonyms_count > 1)
        entry->synonyms_count = 1; /* what all brokers have, and no more */
}

/* Each key once, with what every place says of it. */
static struct unknown_key *gather(const struct unknown_places *places, uint64_t seed,
                                  struct arena *arena, int32_t max, int32_t *count)
{
    struct unknown_key *keys = arena_alloc(arena, (size_t)max * sizeof(keys[0]) + 1);
    struct map by_name;
    map_init(&by_name, seed);
    *count = 0;
    for (size_t place = 0; place < ARRAY_COUNT(origins); place++) {
        for (int32_t i = 0; i < places->counts[place]; i++) {
            const struct setting_pair *pair = &places->pairs[place][i];
            if (!is_unknown(pair->name)) continue;
            struct unknown_key *key = map_get(&by_name, pair->name);
            if (key == NULL) {
                ASSERT(*count < max);
                key = &keys[(*count)++];
                key->name = pair->name;
                map_put(&by_name, key->name, key);
            }
            key->values[place] = pair->value;
        }
    }
    map_deinit(&by_name);
    return keys;
}

void description_add_unknown(struct description *description)
{
    struct api_request *request = description->request;
    struct unknown_places places = find_places(description);
    int32_t max = description_count_unknown(description);
    int32_t count;
    struct unknown_key *keys = gather(&places, request->seed, request->arena, max, &count);
    for (int32_t i = 0; i < count; i++)
        if (description_wants(description, keys[i].name))
            describe_key(description, &keys[i],
                         &description->answer->configs[description->answer->configs_count++]);
}

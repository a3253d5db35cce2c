/* Any text as server.properties, and its pairs as overrides of a topic: read, judged, explained. */
#include <errno.h>

#include "core/settings/properties.h"
#include "core/settings/settings.h"

enum { PAIRS_MAX = 16, ARENA_MAX = 16 << 20, INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int32_t take_pairs(struct slice text, struct arena *arena,
                          struct setting_pair pairs[PAIRS_MAX])
{
    struct properties properties;
    struct property property;
    int32_t count = 0;
    properties_init(&properties, text);
    while (count < PAIRS_MAX && properties_next(&properties, arena, &property) == 1)
        pairs[count++] = (struct setting_pair){property.key, property.value};
    return count;
}

static void use(const struct settings *settings, struct slice text)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    struct setting_pair pairs[PAIRS_MAX];
    int32_t count = take_pairs(text, &arena, pairs);
    struct slice error;
    struct slice value;
    struct settings_topic topic;
    struct settings_explanation synonyms[SETTINGS_EXPLANATIONS_MAX];
    for (int scope = SETTING_SCOPE_TOPIC; scope <= SETTING_SCOPE_CLIENT_METRICS; scope++) {
        int r = settings_check_overrides(settings, (enum setting_scope)scope, pairs, count, &arena,
                                         &error);
        ASSERT(r == 0 || error.size > 0);
    }
    settings_topic(settings, pairs, count, &topic);
    ASSERT(topic.segment_bytes > 0);
    for (int32_t i = 0; i < count; i++) {
        const struct setting *setting = setting_find(SETTING_SCOPE_TOPIC, pairs[i].name);
        if (setting == NULL) continue;
        int32_t n = settings_explain(settings, setting, pairs, count, &arena, &value, synonyms);
        ASSERT(n <= SETTINGS_EXPLANATIONS_MAX);
    }
    settings_destroy(settings_overlay(settings, pairs, count, pairs, count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX) return 0;
    struct slice text = {data, size};
    struct settings *settings = settings_create();
    int32_t line = 0;
    if (settings_load(settings, text, &line) == 0) {
        settings_standalone(settings);
        if (settings_check(settings)) use(settings, text);
    } else {
        ASSERT(line > 0);
    }
    settings_destroy(settings);
    return 0;
}

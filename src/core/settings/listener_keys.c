/* Keys that are meant for one listener: listener.name.NAME.KEY, where NAME is in lower case. Limits
 * on its connections count, above those of all; the rest is for TLS and SASL, or for nobody.
 * (ListenerName.configPrefix, AbstractConfig.valuesWithPrefixOverride; KIP-103, KIP-402, KIP-612)
 */
#include <string.h>

#include "core/settings/internal.h"

/* --- names ------------------------------------------------------------------------------------ */

struct slice setting_listener_key(struct slice name)
{
    const struct slice prefix = SLICE("listener.name.");
    if (!slice_starts_with(name, prefix)) return SLICE_NULL;
    const uint8_t *listener = name.data + prefix.size;
    size_t left = name.size - prefix.size;
    const uint8_t *dot = left == 0 ? NULL : memchr(listener, '.', left);
    if (dot == NULL) return SLICE_NULL;
    struct slice key = {dot + 1, left - (size_t)(dot + 1 - listener)};
    return key.size == 0 ? SLICE_NULL : key;
}

static bool ends_with(struct slice name, struct slice end)
{
    return name.size >= end.size &&
           memcmp(name.data + name.size - end.size, end.data, end.size) == 0;
}

/* A mechanism's own keys carry its name before the key: plain.sasl.jaas.config. */
static const struct setting *find_of_mechanism(struct slice key)
{
    static const enum setting_id ids[] = {
        SETTING_SASL_JAAS_CONFIG,          SETTING_SASL_LOGIN_CALLBACK_HANDLER_CLASS,
        SETTING_SASL_LOGIN_CLASS,          SETTING_SASL_SERVER_CALLBACK_HANDLER_CLASS,
        SETTING_CONNECTIONS_MAX_REAUTH_MS,
    };
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
        if (ends_with(key, setting_get(ids[i])->name)) return setting_get(ids[i]);
    return NULL;
}

const struct setting *setting_find_for_listener(struct slice name)
{
    struct slice key = setting_listener_key(name);
    if (slice_is_null(key)) return NULL;
    const struct setting *setting = setting_find(SETTING_SCOPE_BROKER, key);
    return setting == NULL ? find_of_mechanism(key) : setting;
}

/* --- what they say ---------------------------------------------------------------------------- */

static bool is_lower_of(struct slice lower, struct slice upper)
{
    if (lower.size != upper.size) return false;
    for (size_t i = 0; i < lower.size; i++) {
        uint8_t c = upper.data[i];
        if (lower.data[i] != (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c)) return false;
    }
    return true;
}

/* The listener that such a name is about; NULL: there is none. */
static struct settings_listener *listener_of(struct settings *settings, struct slice name)
{
    const struct slice prefix = SLICE("listener.name.");
    struct slice key = setting_listener_key(name);
    ASSERT(!slice_is_null(key));
    ASSERT(name.size > prefix.size + key.size);
    struct slice listener = {name.data + prefix.size, name.size - prefix.size - key.size - 1};
    for (int32_t i = 0; i < settings->listener_count; i++)
        if (is_lower_of(listener, settings->listeners[i].name)) return &settings->listeners[i];
    return NULL;
}

/* Where a listener keeps such a number; NULL: it keeps none. */
static int64_t *place_of(struct settings_listener *listener, const struct setting *setting)
{
    switch ((int)setting_id(setting)) {
    case SETTING_MAX_CONNECTIONS:
        return &listener->connections_max;
    case SETTING_MAX_CONNECTION_CREATION_RATE:
        return &listener->connection_rate_max;
    case SETTING_NUM_NETWORK_THREADS:
        return &listener->network_threads;
    default:
        return NULL;
    }
}

void settings_clear_listener_keys(struct settings *settings)
{
    for (int32_t i = 0; i < settings->listener_count; i++) {
        settings->listeners[i].connections_max = INT32_MAX;
        settings->listeners[i].connection_rate_max = INT32_MAX;
        settings->listeners[i].network_threads = 0;
    }
}

void settings_take_listener_keys(struct settings *settings, const struct setting_pair *pairs,
                                 int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const struct setting *setting = setting_find_for_listener(pairs[i].name);
        if (setting == NULL) continue;
        struct settings_listener *listener = listener_of(settings, pairs[i].name);
        int64_t *place = listener == NULL ? NULL : place_of(listener, setting);
        struct slice text, error;
        if (place == NULL ||
            setting_canonical(setting, pairs[i].value, &settings->arena, &text, &error) < 0)
            continue;
        int r = slice_parse_int64(text, 0, INT32_MAX, place);
        ASSERT(r == 0);
    }
}

/* --- in a file -------------------------------------------------------------------------------- */

static void judge(struct settings *settings, const struct setting_pair *pair)
{
    struct arena *arena = &settings->arena;
    const struct setting *setting = setting_find_for_listener(pair->name);
    ASSERT(setting != NULL);
    struct settings_listener *listener = listener_of(settings, pair->name);
    struct slice canonical, error;
    if (setting_canonical(setting, pair->value, arena, &canonical, &error) < 0)
        settings_report(settings, pair->name, SETTINGS_LINE_INVALID, error);
    else if (listener == NULL)
        settings_report(settings, pair->name, SETTINGS_LINE_ACCEPTED,
                        SLICE("There is no listener of that name."));
    else if (setting->class == SETTING_REFUSED && !slice_equal(canonical, setting->initial))
        settings_report(settings, pair->name, SETTINGS_LINE_REFUSED,
                        arena_printf(arena,
                                     "gregor does not do this yet, and ignoring it would not be "
                                     "safe. %.*s",
                                     SLICE_ARG(setting->text)));
    else if (setting->class == SETTING_HONOURED && place_of(listener, setting) != NULL)
        settings_report(settings, pair->name, SETTINGS_LINE_HONOURED, setting->text);
    else
        settings_report(settings, pair->name, SETTINGS_LINE_ACCEPTED,
                        SLICE("It has no meaning for one listener."));
}

void settings_judge_listener_keys(struct settings *settings)
{
    for (int32_t i = 0; i < settings->unknown_count; i++)
        if (setting_find_for_listener(settings->unknown[i].name) != NULL)
            judge(settings, &settings->unknown[i]);
    settings_take_listener_keys(settings, settings->unknown, settings->unknown_count);
}

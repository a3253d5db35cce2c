#include "core/settings/settings.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/settings/internal.h"
#include "core/settings/properties.h"

/* Texts of one struct: the file at most a few times over, and what the metadata sets. */
enum { SETTINGS_ARENA_MAX = 64 << 20 };

/* --- definitions ------------------------------------------------------------------------------ */

const struct setting *setting_get(enum setting_id id)
{
    ASSERT(id < SETTING_COUNT);
    return &settings_table[id];
}

enum setting_id setting_id(const struct setting *setting)
{
    ASSERT(setting >= settings_table);
    ASSERT(setting < settings_table + SETTING_COUNT);
    return (enum setting_id)(setting - settings_table);
}

const struct setting *setting_find(enum setting_scope scope, struct slice name)
{
    size_t low = 0;
    size_t high = SETTING_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct setting *setting = &settings_table[middle];
        int order = setting->scope == scope ? slice_compare(setting->name, name)
                                            : (int)setting->scope - (int)scope;
        if (order == 0) return setting;
        if (order < 0) low = middle + 1;
        if (order > 0) high = middle;
    }
    return NULL;
}

const struct setting *setting_next(enum setting_scope scope, const struct setting *after)
{
    size_t i = after == NULL ? 0 : (size_t)setting_id(after) + 1;
    while (i < SETTING_COUNT && settings_table[i].scope < scope)
        i++;
    if (i == SETTING_COUNT || settings_table[i].scope != scope) return NULL;
    return &settings_table[i];
}

/* --- building --------------------------------------------------------------------------------- */

struct settings *settings_create(void)
{
    struct settings *settings = memory_alloc_zero(sizeof(*settings));
    arena_init(&settings->arena, SETTINGS_ARENA_MAX);
    map_init(&settings->by_key, 0);
    return settings;
}

struct settings *settings_destroy(struct settings *settings)
{
    if (settings == NULL) return NULL;
    map_deinit(&settings->by_key);
    arena_deinit(&settings->arena);
    memory_free(settings->lines);
    memory_free(settings->unknown);
    memory_free(settings);
    return NULL;
}

static void put_item(struct settings *settings, struct slice key, struct slice value, int32_t line)
{
    ASSERT(!settings->checked);
    struct settings_item *item = map_get(&settings->by_key, key);
    if (item == NULL) {
        item = arena_alloc(&settings->arena, sizeof(*item));
        item->key = key;
        map_put(&settings->by_key, key, item);
        if (settings->items == NULL) settings->items = item;
        if (settings->last_item != NULL) settings->last_item->next = item;
        settings->last_item = item;
    }
    item->value = value;
    item->line = line;
}

int settings_load(struct settings *settings, struct slice text, int32_t *line)
{
    if (text.size > SETTINGS_TEXT_MAX) return -EMSGSIZE;
    struct properties properties;
    struct property property;
    properties_init(&properties, text);
    int r;
    while ((r = properties_next(&properties, &settings->arena, &property)) == 1)
        put_item(settings, property.key, property.value, property.line);
    if (r < 0) *line = property.line;
    return r;
}

void settings_override(struct settings *settings, struct slice key, struct slice value)
{
    ASSERT(!slice_is_null(value));
    struct arena *arena = &settings->arena;
    put_item(settings, arena_copy(arena, key), arena_copy(arena, value), 0);
}

void settings_standalone(struct settings *settings)
{
    const struct setting_pair needed[] = {
        {SLICE("process.roles"), SLICE("broker,controller")},
        {SLICE("node.id"), SLICE("1")},
        {SLICE("controller.listener.names"), SLICE("CONTROLLER")},
        {SLICE("listeners"), SLICE("PLAINTEXT://localhost:9092")},
    };
    for (size_t i = 0; i < ARRAY_COUNT(needed); i++)
        if (map_get(&settings->by_key, needed[i].name) == NULL)
            put_item(settings, needed[i].name, needed[i].value, 0);
}

/* --- layers ----------------------------------------------------------------------------------- */

static const enum setting_origin layer_origins[] = {
    [SETTINGS_LAYER_BROKER] = SETTING_ORIGIN_DYNAMIC_BROKER,
    [SETTINGS_LAYER_CLUSTER] = SETTING_ORIGIN_DYNAMIC_CLUSTER,
    [SETTINGS_LAYER_STATIC] = SETTING_ORIGIN_STATIC_BROKER,
};

static void parse_value(const struct setting *setting, struct settings_value *value)
{
    if (slice_is_null(value->text)) return;
    switch (setting->type) {
    case SETTING_TYPE_BOOLEAN:
        value->number = slice_equal(value->text, SLICE("true"));
        break;
    case SETTING_TYPE_SHORT:
    case SETTING_TYPE_INT:
    case SETTING_TYPE_LONG: {
        int r = slice_parse_int64(value->text, INT64_MIN, INT64_MAX, &value->number);
        ASSERT(r == 0);
        break;
    }
    case SETTING_TYPE_DOUBLE:
        value->real = setting_parse_real(value->text);
        break;
    case SETTING_TYPE_STRING:
    case SETTING_TYPE_LIST:
    case SETTING_TYPE_CLASS:
    case SETTING_TYPE_PASSWORD:
        break;
    }
}

void settings_resolve(struct settings *settings)
{
    for (int id = 0; id < SETTINGS_BROKER_COUNT; id++) {
        const struct setting *setting = &settings_table[id];
        struct settings_value value = {.text = setting->initial, .origin = SETTING_ORIGIN_DEFAULT};
        for (int layer = SETTINGS_LAYER_COUNT - 1; layer >= 0; layer--) {
            if (slice_is_null(settings->layers[layer][id])) continue;
            value.text = settings->layers[layer][id];
            value.origin = layer_origins[layer];
        }
        parse_value(setting, &value);
        settings->values[id] = value;
    }
}

static void overlay_pairs(struct settings *settings, enum settings_layer layer,
                          const struct setting_pair *pairs, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const struct setting *setting = setting_find(SETTING_SCOPE_BROKER, pairs[i].name);
        if (setting == NULL) continue;
        if (setting->update == SETTING_READ_ONLY) continue;
        struct slice text;
        struct slice error;
        if (setting_canonical(setting, pairs[i].value, &settings->arena, &text, &error) < 0)
            continue;
        settings->layers[layer][setting_id(setting)] = arena_copy(&settings->arena, text);
    }
}

struct settings *settings_overlay(const struct settings *settings,
                                  const struct setting_pair *cluster, int32_t cluster_count,
                                  const struct setting_pair *broker, int32_t broker_count)
{
    ASSERT(settings->checked);
    struct settings *copy = settings_create();
    struct arena *arena = &copy->arena;
    for (int id = 0; id < SETTINGS_BROKER_COUNT; id++)
        copy->layers[SETTINGS_LAYER_STATIC][id] =
            arena_copy(arena, settings->layers[SETTINGS_LAYER_STATIC][id]);
    overlay_pairs(copy, SETTINGS_LAYER_CLUSTER, cluster, cluster_count);
    overlay_pairs(copy, SETTINGS_LAYER_BROKER, broker, broker_count);
    settings_keep_unknown(copy, settings->unknown, settings->unknown_count);
    copy->listener_count = settings->listener_count;
    for (int32_t i = 0; i < settings->listener_count; i++) {
        copy->listeners[i] = settings->listeners[i];
        copy->listeners[i].name = arena_copy(arena, settings->listeners[i].name);
        copy->listeners[i].host = arena_copy(arena, settings->listeners[i].host);
        copy->listeners[i].advertised_host =
            arena_copy(arena, settings->listeners[i].advertised_host);
    }
    settings_clear_listener_keys(copy);
    settings_take_listener_keys(copy, copy->unknown, copy->unknown_count);
    settings_take_listener_keys(copy, cluster, cluster_count);
    settings_take_listener_keys(copy, broker, broker_count);
    settings_resolve(copy);
    copy->checked = true;
    return copy;
}

void settings_keep_unknown(struct settings *settings, const struct setting_pair *pairs,
                           int32_t count)
{
    size_t total = (size_t)settings->unknown_count + (size_t)count;
    settings->unknown = memory_grow(settings->unknown, total * sizeof(settings->unknown[0]));
    for (int32_t i = 0; i < count; i++)
        settings->unknown[settings->unknown_count++] =
            (struct setting_pair){arena_copy(&settings->arena, pairs[i].name),
                                  arena_copy(&settings->arena, pairs[i].value)};
}

const struct setting_pair *settings_unknown(const struct settings *settings, int32_t *count)
{
    *count = settings->unknown_count;
    return settings->unknown;
}

/* --- reading ---------------------------------------------------------------------------------- */

static const struct settings_value *value_of(const struct settings *settings, enum setting_id id)
{
    ASSERT(settings->checked);
    ASSERT((int)id < SETTINGS_BROKER_COUNT);
    return &settings->values[id];
}

int64_t settings_number(const struct settings *settings, enum setting_id id)
{
    enum setting_type type = setting_get(id)->type;
    ASSERT(type == SETTING_TYPE_INT || type == SETTING_TYPE_SHORT || type == SETTING_TYPE_LONG);
    ASSERT(!settings_is_null(settings, id));
    return value_of(settings, id)->number;
}

bool settings_flag(const struct settings *settings, enum setting_id id)
{
    ASSERT(setting_get(id)->type == SETTING_TYPE_BOOLEAN);
    return value_of(settings, id)->number != 0;
}

double settings_real(const struct settings *settings, enum setting_id id)
{
    ASSERT(setting_get(id)->type == SETTING_TYPE_DOUBLE);
    return value_of(settings, id)->real;
}

struct slice settings_text(const struct settings *settings, enum setting_id id)
{
    return value_of(settings, id)->text;
}

bool settings_is_null(const struct settings *settings, enum setting_id id)
{
    return slice_is_null(value_of(settings, id)->text);
}

enum setting_origin settings_origin(const struct settings *settings, enum setting_id id)
{
    return value_of(settings, id)->origin;
}

bool settings_given_alike(const struct settings *settings, const struct settings *other,
                          enum setting_id id)
{
    ASSERT(settings->checked);
    ASSERT(other->checked);
    ASSERT((int)id < SETTINGS_BROKER_COUNT);
    struct slice here = settings->layers[SETTINGS_LAYER_STATIC][id];
    struct slice there = other->layers[SETTINGS_LAYER_STATIC][id];
    return slice_is_null(here) == slice_is_null(there) && slice_equal(here, there);
}

int32_t settings_log_dirs(const struct settings *settings, struct slice dirs[SETTINGS_LOG_DIRS_MAX])
{
    struct slice list = settings_text(settings, SETTING_LOG_DIRS);
    if (slice_is_null(list)) list = settings_text(settings, SETTING_LOG_DIR);
    int32_t count = 0;
    while (count < SETTINGS_LOG_DIRS_MAX && setting_list_next(&list, &dirs[count]))
        count++;
    return count;
}

struct slice settings_metadata_log_dir(const struct settings *settings)
{
    struct slice dirs[SETTINGS_LOG_DIRS_MAX];
    struct slice named = settings_text(settings, SETTING_METADATA_LOG_DIR);
    if (!slice_is_null(named)) return named;
    int32_t count = settings_log_dirs(settings, dirs);
    ASSERT(count > 0);
    return dirs[0];
}

int64_t settings_request_bytes(const struct settings *settings, int64_t memory_bytes)
{
    ASSERT(memory_bytes > 0);
    int64_t bytes = settings_number(settings, SETTING_QUEUED_MAX_REQUEST_BYTES);
    if (bytes > 0) return bytes;
    int64_t quarter = memory_bytes / 4;
    bytes = quarter < SETTINGS_REQUEST_BYTES_MAX ? quarter : SETTINGS_REQUEST_BYTES_MAX;
    /* The largest request must fit, or it would wait for ever. */
    int64_t largest = settings_number(settings, SETTING_SOCKET_REQUEST_MAX_BYTES);
    return bytes > largest ? bytes : largest;
}

const struct settings_listener *settings_listener(const struct settings *settings, int32_t index)
{
    ASSERT(settings->checked);
    ASSERT(index >= 0);
    ASSERT(index < settings->listener_count);
    return &settings->listeners[index];
}

int32_t settings_listeners(const struct settings *settings,
                           struct settings_listener listeners[SETTINGS_LISTENERS_MAX])
{
    ASSERT(settings->checked);
    memcpy(listeners, settings->listeners, sizeof(settings->listeners));
    return settings->listener_count;
}

int32_t settings_http_listeners(const struct settings *settings,
                                struct settings_address addresses[SETTINGS_LISTENERS_MAX])
{
    ASSERT(settings->checked);
    memcpy(addresses, settings->http, sizeof(settings->http));
    return settings->http_count;
}

/* What a request makes of the settings of one resource: set, deleted, appended to, subtracted from,
 * or all replaced. (KIP-133, KIP-339; ConfigurationControlManager.incrementalAlterConfigResource,
 * legacyAlterConfigResource) */
#include <string.h>

#include "core/controller/plan.h"

/* --- lists ------------------------------------------------------------------------------------ */

/* Items as they are written, spaces and all: Kafka compares them so. Empty ones do not count. */
static bool next_item(struct slice *rest, struct slice *item)
{
    while (rest->size > 0) {
        const uint8_t *comma = memchr(rest->data, ',', rest->size);
        size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->data);
        size_t taken = comma == NULL ? size : size + 1;
        *item = (struct slice){rest->data, size};
        *rest = (struct slice){rest->data + taken, rest->size - taken};
        if (size > 0) return true;
    }
    return false;
}

/* A list in the making, in memory that suffices. */
struct list_text {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
};

static struct list_text list_begin(struct arena *arena, size_t capacity)
{
    return (struct list_text){arena_alloc(arena, capacity), 0, capacity};
}

static void list_put(struct list_text *list, struct slice text)
{
    ASSERT(text.size <= list->capacity - list->size);
    if (text.size > 0) memcpy(list->bytes + list->size, text.data, text.size);
    list->size += text.size;
}

static void list_add(struct list_text *list, struct slice item)
{
    if (list->size > 0) list_put(list, SLICE(","));
    list_put(list, item);
}

/* `list`, and those of `others` that it lacks. */
static struct slice list_with(struct slice list, struct slice others, struct arena *arena)
{
    static char present; /* the map tells keys alone */
    struct list_text result = list_begin(arena, list.size + others.size + 2);
    struct map items;
    map_init(&items, 0);
    struct slice item;
    while (next_item(&list, &item)) {
        if (map_get(&items, item) == NULL) map_put(&items, item, &present);
        list_add(&result, item);
    }
    while (next_item(&others, &item)) {
        if (map_get(&items, item) != NULL) continue;
        map_put(&items, item, &present);
        list_add(&result, item);
    }
    map_deinit(&items);
    return (struct slice){result.bytes, result.size};
}

/* `list` without those of `others`. */
static struct slice list_without(struct slice list, struct slice others, struct arena *arena)
{
    static char present;
    struct list_text result = list_begin(arena, list.size + 1);
    struct map items;
    map_init(&items, 0);
    struct slice item;
    while (next_item(&others, &item))
        if (map_get(&items, item) == NULL) map_put(&items, item, &present);
    while (next_item(&list, &item))
        if (map_get(&items, item) == NULL) list_add(&result, item);
    map_deinit(&items);
    return (struct slice){result.bytes, result.size};
}

/* --- one operation ---------------------------------------------------------------------------- */

static struct refusal
refuse_list(const struct alteration *alteration,
            const struct incremental_alter_configs_request_alterable_config *op,
            const struct setting *setting)
{
    struct arena *arena = alteration->input->arena;
    bool append = op->config_operation == ALTER_APPEND;
    struct slice text;
    if (alteration->asked->resource_type != IMAGE_RESOURCE_BROKER)
        text = arena_printf(arena, "Can't %s to key %.*s because its type is not LIST.",
                            append ? "APPEND" : "SUBTRACT", SLICE_ARG(op->name));
    else if (setting == NULL)
        text = arena_printf(arena, "Unknown config name: %.*s", SLICE_ARG(op->name));
    else
        text = arena_printf(arena, "Config value %s is not allowed for config key: %.*s",
                            append ? "append" : "subtract", SLICE_ARG(op->name));
    return refuse(KAFKA_ERROR_INVALID_CONFIG, text);
}

static struct refusal operate(const struct alteration *alteration,
                              const struct incremental_alter_configs_request_alterable_config *op,
                              struct altered_setting *altered)
{
    struct arena *arena = alteration->input->arena;
    const struct setting *setting = find_altered_key(alteration, op->name);
    bool on_list = op->config_operation == ALTER_APPEND || op->config_operation == ALTER_SUBTRACT;
    if (on_list && (setting == NULL || setting->type != SETTING_TYPE_LIST))
        return refuse_list(alteration, op, setting);
    struct slice list = slice_is_null(altered->now) && on_list ? setting->initial : altered->now;
    switch (op->config_operation) {
    case ALTER_SET:
        altered->value = op->value;
        break;
    case ALTER_DELETE:
        altered->value = SLICE_NULL;
        break;
    case ALTER_APPEND:
        altered->value = list_with(list, op->value, arena);
        break;
    case ALTER_SUBTRACT:
        altered->value = list_without(list, op->value, arena);
        break;
    default:
        ASSERT(alteration->asked->resource_type == IMAGE_RESOURCE_BROKER); /* others spoil */
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      arena_printf(arena, "Unknown operations type %d", op->config_operation));
    }
    if (altered->value.size > SETTING_VALUE_MAX)
        return refuse(KAFKA_ERROR_INVALID_CONFIG,
                      SLICE("The configuration value cannot be added because it exceeds the "
                            "maximum value size of 32767 bytes."));
    return (struct refusal){0};
}

/* --- one resource ----------------------------------------------------------------------------- */

/* What is set now, and what the request names. False: it names a key twice. */
static bool begin(struct alteration *alteration)
{
    const struct controller_input *input = alteration->input;
    int32_t operations = alteration->asked->configs_count;
    int32_t count;
    const struct image_config *configs =
        image_configs(input->image, (enum image_resource)alteration->asked->resource_type,
                      alteration->asked->resource_name, &count);
    struct altered_setting *settings =
        arena_alloc(input->arena, ((size_t)count + (size_t)operations) * sizeof(settings[0]));
    struct altered_setting **altered =
        arena_alloc(input->arena, (size_t)operations * sizeof(altered[0]));
    struct map by_name;
    map_init(&by_name, 0);
    for (int32_t i = 0; i < count; i++) {
        settings[i] = (struct altered_setting){configs[i].name, configs[i].value, configs[i].value,
                                               false, false};
        map_put(&by_name, settings[i].name, &settings[i]);
    }
    bool twice = false;
    for (int32_t i = 0; i < operations && !twice; i++) {
        struct slice name = alteration->asked->configs[i].name;
        altered[i] = map_get(&by_name, name);
        if (altered[i] == NULL) {
            altered[i] = &settings[count++];
            altered[i]->name = name;
            map_put(&by_name, name, altered[i]);
        }
        twice = altered[i]->asked;
        altered[i]->asked = true;
    }
    map_deinit(&by_name);
    for (int32_t i = 0; i < count && alteration->replaces; i++) {
        if (settings[i].asked) continue;
        settings[i].value = SLICE_NULL;
        settings[i].dropped = true;
    }
    ASSERT(count <= INT32_MAX - operations);
    alteration->settings = settings;
    alteration->altered = altered;
    alteration->count = count;
    return !twice;
}

/* Only what is deleted needs no value. */
static struct refusal check_values(const struct alteration *alteration)
{
    const struct slice separator = SLICE(", ");
    struct arena *arena = alteration->input->arena;
    struct slice *names =
        arena_alloc(arena, (size_t)alteration->asked->configs_count * sizeof(names[0]));
    size_t count = 0;
    size_t size = 0;
    for (int32_t i = 0; i < alteration->asked->configs_count; i++) {
        const struct incremental_alter_configs_request_alterable_config *op =
            &alteration->asked->configs[i];
        if (op->config_operation == ALTER_DELETE || !slice_is_null(op->value)) continue;
        size += separator.size + op->name.size;
        names[count++] = op->name;
    }
    if (count == 0) return (struct refusal){0};
    const struct slice intro = SLICE("Null value not supported for : ");
    struct list_text text = list_begin(arena, intro.size + size);
    list_put(&text, intro);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) list_put(&text, separator);
        list_put(&text, names[i]);
    }
    return refuse(KAFKA_ERROR_INVALID_REQUEST, (struct slice){text.bytes, text.size});
}

/* Records of what becomes different, and of what goes unnamed. A broker's settings are written even
 * when they do not change: a file that one of them names may have new contents. (KIP-226) */
static void plan_records(struct planner *planner, const struct alteration *alteration)
{
    bool always = alteration->asked->resource_type == IMAGE_RESOURCE_BROKER;
    for (int32_t i = 0; i < alteration->count; i++) {
        const struct altered_setting *altered = &alteration->settings[i];
        ASSERT(!altered->asked || !altered->dropped);
        if (altered->dropped) ASSERT(alteration->replaces);
        if (!altered->asked && !altered->dropped) continue;
        if (!always && slice_equal(altered->now, altered->value)) continue;
        struct config_record record = {
            .resource_type = alteration->asked->resource_type,
            .resource_name = alteration->asked->resource_name,
            .name = altered->name,
            .value = altered->value,
        };
        planner_add(planner, IMAGE_RECORD_CONFIG, &record);
    }
}

static struct refusal operate_all(struct alteration *alteration)
{
    for (int32_t i = 0; i < alteration->asked->configs_count; i++) {
        struct refusal refusal =
            operate(alteration, &alteration->asked->configs[i], alteration->altered[i]);
        if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    }
    return (struct refusal){0};
}

static bool has_unknown_operation(const struct alteration *alteration)
{
    for (int32_t i = 0; i < alteration->asked->configs_count; i++) {
        int operation = alteration->asked->configs[i].config_operation;
        if (operation < ALTER_SET || operation > ALTER_SUBTRACT) return true;
    }
    return false;
}

struct refusal alteration_prepare(struct alteration *alteration)
{
    if (!begin(alteration))
        return refuse(KAFKA_ERROR_INVALID_REQUEST, SLICE("Error due to duplicate config keys"));
    struct refusal refusal = check_values(alteration);
    if (refusal.error == KAFKA_ERROR_NONE) refusal = check_altered_resource(alteration);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    if (alteration->asked->resource_type == IMAGE_RESOURCE_BROKER_LOGGER) return refusal;
    if (alteration->asked->resource_type != IMAGE_RESOURCE_BROKER) {
        alteration->spoils = has_unknown_operation(alteration);
        return refusal;
    }
    refusal = operate_all(alteration);
    return refusal.error == KAFKA_ERROR_NONE ? check_altered_broker(alteration) : refusal;
}

struct refusal alteration_plan(struct alteration *alteration, struct planner *planner)
{
    ASSERT(!alteration->spoils);
    ASSERT(alteration->altered != NULL); /* it was prepared */
    ASSERT(alteration->asked->resource_type != IMAGE_RESOURCE_BROKER_LOGGER);
    if (alteration->asked->configs_count > CONTROLLER_RECORDS_MAX) return refuse_too_many();
    struct refusal refusal = {0};
    if (alteration->asked->resource_type != IMAGE_RESOURCE_BROKER)
        refusal = operate_all(alteration);
    if (refusal.error == KAFKA_ERROR_NONE) refusal = check_altered_settings(alteration);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    int32_t planned = planner->count;
    plan_records(planner, alteration);
    if (planner->count <= CONTROLLER_RECORDS_MAX) return refusal;
    planner_cut(planner, planned);
    return refuse_too_many();
}

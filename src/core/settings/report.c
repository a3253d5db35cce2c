/* Judging what was set: each key by itself, then those that must fit together
 * (KafkaConfig.validateValues). */
#include "base/memory.h"
#include "core/settings/internal.h"

static struct settings_line *add_line(struct settings *settings)
{
    if (settings->line_count == settings->line_capacity) {
        int32_t capacity = settings->line_capacity == 0 ? 64 : settings->line_capacity * 2;
        settings->lines =
            memory_grow(settings->lines, (size_t)capacity * sizeof(settings->lines[0]));
        settings->line_capacity = capacity;
    }
    ASSERT(settings->line_count < settings->line_capacity);
    return &settings->lines[settings->line_count++];
}

void settings_report(struct settings *settings, struct slice key, enum settings_verdict verdict,
                     struct slice text)
{
    const struct settings_item *item = map_get(&settings->by_key, key);
    const struct setting *setting = setting_find(SETTING_SCOPE_BROKER, key);
    if (setting == NULL) setting = setting_find_for_listener(key);
    bool told = item != NULL && (setting == NULL || setting->type != SETTING_TYPE_PASSWORD);
    *add_line(settings) = (struct settings_line){
        .key = key,
        .text = text,
        .value = told ? item->value : SLICE_NULL,
        .line = item == NULL ? 0 : item->line,
        .verdict = verdict,
    };
}

const struct settings_line *settings_lines(const struct settings *settings, int32_t *count)
{
    *count = settings->line_count;
    return settings->lines;
}

/* --- single keys ------------------------------------------------------------------------------ */

static void judge_unknown(struct settings *settings, const struct settings_item *item)
{
    struct setting_pair pair = {item->key, item->value};
    if (setting_find_for_listener(item->key) == NULL) /* or it is judged when listeners are known */
        settings_report(settings, item->key, SETTINGS_LINE_UNKNOWN, SLICE("No such setting."));
    settings_keep_unknown(settings, &pair, 1);
}

static void judge(struct settings *settings, const struct settings_item *item)
{
    struct arena *arena = &settings->arena;
    const struct setting *setting = setting_find(SETTING_SCOPE_BROKER, item->key);
    if (setting == NULL) {
        judge_unknown(settings, item);
        return;
    }
    struct slice canonical;
    struct slice error;
    if (setting_canonical(setting, item->value, arena, &canonical, &error) < 0) {
        settings_report(settings, item->key, SETTINGS_LINE_INVALID, error);
        return;
    }
    settings->layers[SETTINGS_LAYER_STATIC][setting_id(setting)] = canonical;
    if (setting->class == SETTING_HONOURED)
        settings_report(settings, item->key, SETTINGS_LINE_HONOURED, setting->text);
    else if (setting->class == SETTING_ACCEPTED || slice_equal(canonical, setting->initial))
        settings_report(settings, item->key, SETTINGS_LINE_ACCEPTED, setting->text);
    else
        settings_report(settings, item->key, SETTINGS_LINE_REFUSED,
                        arena_printf(arena,
                                     "gregor does not do this yet, and ignoring it would not "
                                     "be safe. %.*s",
                                     SLICE_ARG(setting->text)));
}

static void check_required(struct settings *settings)
{
    for (int id = 0; id < SETTINGS_BROKER_COUNT; id++) {
        const struct setting *setting = &settings_table[id];
        if (!setting->required) continue;
        if (map_get(&settings->by_key, setting->name) != NULL) continue;
        settings_report(settings, setting->name, SETTINGS_LINE_INVALID,
                        arena_printf(&settings->arena,
                                     "Missing required configuration \"%.*s\" which has no default "
                                     "value.",
                                     SLICE_ARG(setting->name)));
    }
}

/* --- keys together ---------------------------------------------------------------------------- */

static struct slice text_of(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].text;
}

static int64_t number_of(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].number;
}

static void wrong(struct settings *settings, enum setting_id id, enum settings_verdict verdict,
                  struct slice text)
{
    settings_report(settings, settings_table[id].name, verdict, text);
}

static bool has_several(struct slice list)
{
    struct slice item;
    int items = 0;
    while (list.size > 0 && setting_list_next(&list, &item))
        items++;
    return items > 1;
}

static void check_node(struct settings *settings)
{
    struct slice roles = text_of(settings, SETTING_PROCESS_ROLES);
    if (!slice_is_null(roles) && !has_several(roles))
        wrong(settings, SETTING_PROCESS_ROLES, SETTINGS_LINE_REFUSED,
              SLICE("A node is broker and controller in one for now: "
                    "process.roles=broker,controller."));
    int64_t broker = number_of(settings, SETTING_BROKER_ID);
    struct slice node = text_of(settings, SETTING_NODE_ID);
    if (broker >= 0 && !slice_is_null(node) && broker != number_of(settings, SETTING_NODE_ID))
        wrong(settings, SETTING_BROKER_ID, SETTINGS_LINE_INVALID,
              SLICE("You must set `node.id` to the same value as `broker.id`."));
    struct slice one = SLICE("gregor runs one controller for now: name this node alone.");
    if (has_several(text_of(settings, SETTING_CONTROLLER_QUORUM_VOTERS)))
        wrong(settings, SETTING_CONTROLLER_QUORUM_VOTERS, SETTINGS_LINE_REFUSED, one);
    if (has_several(text_of(settings, SETTING_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS)))
        wrong(settings, SETTING_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, SETTINGS_LINE_REFUSED, one);
}

static void check_folders(struct settings *settings)
{
    bool dirs = !slice_is_null(text_of(settings, SETTING_LOG_DIRS));
    enum setting_id id = dirs ? SETTING_LOG_DIRS : SETTING_LOG_DIR;
    struct slice list = text_of(settings, id), item;
    int32_t count = 0;
    while (setting_list_next(&list, &item))
        count++;
    if (count > SETTINGS_LOG_DIRS_MAX)
        wrong(settings, id, SETTINGS_LINE_REFUSED, SLICE("gregor knows 64 folders at most."));
}

void settings_check_limits(struct settings *settings)
{
    if (!slice_is_null(text_of(settings, SETTING_LOG_ROLL_MS)) &&
        number_of(settings, SETTING_LOG_ROLL_MS) < 1)
        wrong(settings, SETTING_LOG_ROLL_MS, SETTINGS_LINE_INVALID,
              SLICE("log.roll.ms must be greater than or equal to 1"));
    if (!slice_is_null(text_of(settings, SETTING_LOG_ROLL_JITTER_MS)) &&
        number_of(settings, SETTING_LOG_ROLL_JITTER_MS) < 0)
        wrong(settings, SETTING_LOG_ROLL_JITTER_MS, SETTINGS_LINE_INVALID,
              SLICE("log.roll.jitter.ms must be greater than or equal to 0"));
    static const enum setting_id retentions[] = {
        SETTING_LOG_RETENTION_MS, SETTING_LOG_RETENTION_MINUTES, SETTING_LOG_RETENTION_HOURS};
    for (size_t i = 0; i < ARRAY_COUNT(retentions); i++) {
        if (slice_is_null(text_of(settings, retentions[i]))) continue;
        if (number_of(settings, retentions[i]) == 0)
            wrong(settings, retentions[i], SETTINGS_LINE_INVALID,
                  SLICE("log.retention.ms must be unlimited (-1) or, greater than or equal to 1"));
        break; /* the first one that is set counts */
    }
    enum { DEDUPE_BYTES_MIN = 1 << 20 };
    int64_t cleaners = number_of(settings, SETTING_LOG_CLEANER_THREADS);
    int64_t dedupe = number_of(settings, SETTING_LOG_CLEANER_DEDUPE_BUFFER_SIZE);
    if (cleaners > 0 && dedupe / cleaners <= DEDUPE_BYTES_MIN)
        wrong(settings, SETTING_LOG_CLEANER_DEDUPE_BUFFER_SIZE, SETTINGS_LINE_INVALID,
              SLICE("log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread."));
    int64_t queued = number_of(settings, SETTING_QUEUED_MAX_REQUEST_BYTES);
    if (queued > 0 && queued < number_of(settings, SETTING_SOCKET_REQUEST_MAX_BYTES))
        wrong(
            settings, SETTING_QUEUED_MAX_REQUEST_BYTES, SETTINGS_LINE_INVALID,
            SLICE("queued.max.request.bytes must be larger or equal to socket.request.max.bytes"));
}

/* --- all -------------------------------------------------------------------------------------- */

static bool is_fatal(const struct settings *settings)
{
    for (int32_t i = 0; i < settings->line_count; i++) {
        if (settings->lines[i].verdict == SETTINGS_LINE_REFUSED) return true;
        if (settings->lines[i].verdict == SETTINGS_LINE_INVALID) return true;
    }
    return false;
}

/* A node is known by node.id and by broker.id, whichever was given. (KafkaConfig.populateSynonyms)
 */
static void know_by_both_names(struct settings *settings)
{
    struct slice *values = settings->layers[SETTINGS_LAYER_STATIC];
    if (slice_is_null(values[SETTING_BROKER_ID]))
        values[SETTING_BROKER_ID] = values[SETTING_NODE_ID];
}

bool settings_check(struct settings *settings)
{
    ASSERT(!settings->checked);
    for (const struct settings_item *item = settings->items; item != NULL; item = item->next)
        judge(settings, item);
    know_by_both_names(settings);
    settings_resolve(settings);
    check_required(settings);
    check_node(settings);
    check_folders(settings);
    settings_check_limits(settings);
    settings_parse_listeners(settings);
    settings_parse_http_listeners(settings);
    settings_clear_listener_keys(settings);
    settings_judge_listener_keys(settings);
    settings->checked = true;
    return !is_fatal(settings);
}

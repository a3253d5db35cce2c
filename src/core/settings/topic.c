/* What holds for a topic or group: its overrides over the broker's settings. (LogConfig.fromProps)
 */
#include <errno.h>
#include <string.h>

#include "core/settings/internal.h"
#include "core/settings/pattern.h"

/* Canonical values of one resource: a few dozen short texts. */
enum { SCRATCH_MAX = 1 << 20 };

struct slice settings_override_of(const struct setting *setting,
                                  const struct setting_pair *overrides, int32_t count,
                                  struct arena *arena)
{
    struct slice canonical;
    struct slice error;
    for (int32_t i = 0; i < count; i++) {
        if (!slice_equal(overrides[i].name, setting->name)) continue;
        if (setting_canonical(setting, overrides[i].value, arena, &canonical, &error) < 0) break;
        return canonical;
    }
    return SLICE_NULL;
}

/* The first of the sources that is not null; a negative time means for ever, in any unit. */
static struct slice inherit(const struct settings *settings, enum setting_id id,
                            struct arena *arena)
{
    struct setting_sources sources = settings_sources[id];
    for (int32_t i = 0; i < sources.count; i++) {
        const struct settings_value *value = &settings->values[sources.items[i].id];
        if (slice_is_null(value->text)) continue;
        if (sources.items[i].factor == 1) return value->text;
        int64_t product =
            value->number * sources.items[i].factor; /* of an int and 3600000 at most */
        return arena_printf(arena, "%lld", (long long)(product < 0 ? -1 : product));
    }
    return settings_table[id].initial;
}

struct slice settings_effective(const struct settings *settings, enum setting_id id,
                                const struct setting_pair *overrides, int32_t count,
                                struct arena *arena)
{
    ASSERT(settings->checked);
    struct slice own = settings_override_of(setting_get(id), overrides, count, arena);
    return slice_is_null(own) ? inherit(settings, id, arena) : own;
}

/* --- a topic ---------------------------------------------------------------------------------- */

struct view {
    const struct settings *settings;
    const struct setting_pair *overrides;
    struct arena *arena;
    int32_t count;
};

static struct slice text(const struct view *view, enum setting_id id)
{
    return settings_effective(view->settings, id, view->overrides, view->count, view->arena);
}

static int64_t number(const struct view *view, enum setting_id id)
{
    int64_t value;
    int r = slice_parse_int64(text(view, id), INT64_MIN, INT64_MAX, &value);
    ASSERT(r == 0);
    return value;
}

static bool is(const struct view *view, enum setting_id id, const char *wanted)
{
    return slice_equal(text(view, id), slice_of(wanted));
}

static void read_compression(const struct view *view, struct settings_topic *topic)
{
    struct slice name = text(view, TOPIC_SETTING_COMPRESSION_TYPE);
    topic->compression = COMPRESS_NONE;
    topic->compression_level = COMPRESS_LEVEL_DEFAULT;
    topic->compression_is_producers = slice_equal(name, SLICE("producer"));
    if (topic->compression_is_producers || slice_equal(name, SLICE("uncompressed"))) return;
    int r = compress_parse(name, &topic->compression);
    ASSERT(r == 0);
    if (topic->compression == COMPRESS_GZIP)
        topic->compression_level = (int32_t)number(view, TOPIC_SETTING_COMPRESSION_GZIP_LEVEL);
    if (topic->compression == COMPRESS_LZ4)
        topic->compression_level = (int32_t)number(view, TOPIC_SETTING_COMPRESSION_LZ4_LEVEL);
    if (topic->compression == COMPRESS_ZSTD)
        topic->compression_level = (int32_t)number(view, TOPIC_SETTING_COMPRESSION_ZSTD_LEVEL);
}

void settings_topic(const struct settings *settings, const struct setting_pair *overrides,
                    int32_t count, struct settings_topic *topic)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, SCRATCH_MAX);
    const struct view *view = &(struct view){settings, overrides, &arena, count};
    struct slice policies = text(view, TOPIC_SETTING_CLEANUP_POLICY);
    *topic = (struct settings_topic){
        .segment_bytes = number(view, TOPIC_SETTING_SEGMENT_BYTES),
        .segment_ms = number(view, TOPIC_SETTING_SEGMENT_MS),
        .segment_jitter_ms = number(view, TOPIC_SETTING_SEGMENT_JITTER_MS),
        .segment_index_bytes = number(view, TOPIC_SETTING_SEGMENT_INDEX_BYTES),
        .index_interval_bytes = number(view, TOPIC_SETTING_INDEX_INTERVAL_BYTES),
        .max_message_bytes = number(view, TOPIC_SETTING_MAX_MESSAGE_BYTES),
        .timestamp_before_max_ms = number(view, TOPIC_SETTING_MESSAGE_TIMESTAMP_BEFORE_MAX_MS),
        .timestamp_after_max_ms = number(view, TOPIC_SETTING_MESSAGE_TIMESTAMP_AFTER_MAX_MS),
        .retention_ms = number(view, TOPIC_SETTING_RETENTION_MS),
        .retention_bytes = number(view, TOPIC_SETTING_RETENTION_BYTES),
        .delete_retention_ms = number(view, TOPIC_SETTING_DELETE_RETENTION_MS),
        .file_delete_delay_ms = number(view, TOPIC_SETTING_FILE_DELETE_DELAY_MS),
        .min_compaction_lag_ms = number(view, TOPIC_SETTING_MIN_COMPACTION_LAG_MS),
        .max_compaction_lag_ms = number(view, TOPIC_SETTING_MAX_COMPACTION_LAG_MS),
        .flush_messages = number(view, TOPIC_SETTING_FLUSH_MESSAGES),
        .flush_ms = number(view, TOPIC_SETTING_FLUSH_MS),
        .min_cleanable_dirty_ratio =
            setting_parse_real(text(view, TOPIC_SETTING_MIN_CLEANABLE_DIRTY_RATIO)),
        .min_insync_replicas = (int32_t)number(view, TOPIC_SETTING_MIN_INSYNC_REPLICAS),
        .log_append_time = is(view, TOPIC_SETTING_MESSAGE_TIMESTAMP_TYPE, "LogAppendTime"),
        .cleanup_compact = setting_list_has(policies, SLICE("compact")),
        .cleanup_delete = setting_list_has(policies, SLICE("delete")),
        .preallocate = is(view, TOPIC_SETTING_PREALLOCATE, "true"),
        .unclean_leader_election = is(view, TOPIC_SETTING_UNCLEAN_LEADER_ELECTION_ENABLE, "true"),
        .flush_policy =
            is(view, TOPIC_SETTING_FLUSH_POLICY, "os") ? SETTINGS_FLUSH_OS : SETTINGS_FLUSH_COMMIT,
    };
    read_compression(view, topic);
}

/* --- checking a change ------------------------------------------------------------------------ */

/* How Kafka calls the scopes in its errors. */
static const char *const scope_names[] = {
    [SETTING_SCOPE_TOPIC] = "topic",
    [SETTING_SCOPE_GROUP] = "group",
    [SETTING_SCOPE_CLIENT_METRICS] = "client metrics",
};

/* "Null value not supported for topic configs: a,b" (ControllerConfigurationValidator) */
static int check_nulls(enum setting_scope scope, const struct setting_pair *overrides,
                       int32_t count, struct arena *arena, struct slice *error)
{
    CLEANUP(writer_deinit) struct writer names;
    writer_init(&names, SCRATCH_MAX);
    for (int32_t i = 0; i < count; i++) {
        if (!slice_is_null(overrides[i].value)) continue;
        writer_printf(&names, "%s%.*s", names.size > 0 ? "," : "", SLICE_ARG(overrides[i].name));
    }
    if (writer_error(&names) == 0 && names.size == 0) return 0;
    *error = arena_printf(arena, "Null value not supported for %s configs: %.*s",
                          scope_names[scope], SLICE_ARG(writer_slice(&names)));
    return -EINVAL;
}

static int check_name(enum setting_scope scope, struct slice name, struct arena *arena,
                      struct slice *error)
{
    if (setting_find(scope, name) != NULL) return 0;
    *error =
        scope == SETTING_SCOPE_CLIENT_METRICS
            ? arena_printf(arena, "Unknown client metrics configuration: %.*s", SLICE_ARG(name))
            : arena_printf(arena, "Unknown %s config name: %.*s", scope_names[scope],
                           SLICE_ARG(name));
    return -EINVAL;
}

static int check_topic(const struct settings *settings, const struct setting_pair *overrides,
                       int32_t count, struct arena *arena, struct slice *error)
{
    const struct view *view = &(struct view){settings, overrides, arena, count};
    if (is(view, TOPIC_SETTING_REMOTE_STORAGE_ENABLE, "true")) {
        *error = SLICE("Tiered Storage functionality is disabled in the broker. Topic cannot be "
                       "configured with remote log storage.");
        return -EINVAL;
    }
    int64_t least = number(view, TOPIC_SETTING_MIN_COMPACTION_LAG_MS);
    int64_t most = number(view, TOPIC_SETTING_MAX_COMPACTION_LAG_MS);
    if (least <= most) return 0;
    *error = arena_printf(arena,
                          "conflict topic config setting min.compaction.lag.ms (%lld) > "
                          "max.compaction.lag.ms (%lld)",
                          (long long)least, (long long)most);
    return -EINVAL;
}

/* consumer.session.timeout.ms lies between group.consumer.min.session.timeout.ms and its max. */
static int check_group_limit(const struct settings *settings, const struct setting *setting,
                             struct slice value, const char *end, struct arena *arena,
                             struct slice *error)
{
    const uint8_t *dot = memchr(setting->name.data, '.', setting->name.size);
    ASSERT(dot != NULL);
    int kind = (int)(dot - setting->name.data);
    struct slice key =
        arena_printf(arena, "group.%.*s.%s%.*s", kind, (const char *)setting->name.data, end,
                     (int)setting->name.size - kind, (const char *)dot);
    const struct setting *limit = setting_find(SETTING_SCOPE_BROKER, key);
    int64_t number;
    if (limit == NULL || setting->type != SETTING_TYPE_INT) return 0;
    int r = slice_parse_int64(value, INT64_MIN, INT64_MAX, &number);
    ASSERT(r == 0);
    int64_t bound = settings_number(settings, setting_id(limit));
    bool least = strcmp(end, "min") == 0;
    if (least ? number >= bound : number <= bound) return 0;
    *error = arena_printf(arena, "%.*s must be %s than or equal to %.*s", SLICE_ARG(setting->name),
                          least ? "greater" : "less", SLICE_ARG(key));
    return -EINVAL;
}

static int check_group(const struct settings *settings, const struct setting_pair *overrides,
                       int32_t count, struct arena *arena, struct slice *error)
{
    for (int32_t i = 0; i < count; i++) {
        const struct setting *setting = setting_find(SETTING_SCOPE_GROUP, overrides[i].name);
        ASSERT(setting != NULL);
        struct slice value = settings_override_of(setting, &overrides[i], 1, arena);
        int r = check_group_limit(settings, setting, value, "min", arena, error);
        if (r < 0) return r;
        r = check_group_limit(settings, setting, value, "max", arena, error);
        if (r < 0) return r;
    }
    return 0;
}

/* "name=expression", with one equals sign but for those at the end, which do not count.
 * (String.split) */
static bool split_match(struct slice text, struct slice *name, struct slice *expression)
{
    while (text.size > 0 && text.data[text.size - 1] == '=')
        text.size--;
    const uint8_t *equals = text.size == 0 ? NULL : memchr(text.data, '=', text.size);
    if (equals == NULL) return false;
    size_t size = (size_t)(equals - text.data);
    struct slice rest = {equals + 1, text.size - size - 1};
    if (memchr(rest.data, '=', rest.size) != NULL) return false;
    *name = setting_trim((struct slice){text.data, size});
    *expression = setting_trim(rest);
    return true;
}

/* (ClientMetricsConfigs.validate) */
static int check_client_metrics(const struct settings *settings,
                                const struct setting_pair *overrides, int32_t count,
                                struct arena *arena, struct slice *error)
{
    enum { INTERVAL_MIN_MS = 100, INTERVAL_MAX_MS = 3600000 };
    const struct view *view = &(struct view){settings, overrides, arena, count};
    int64_t interval = number(view, CLIENT_METRICS_SETTING_INTERVAL_MS);
    if (interval < INTERVAL_MIN_MS || interval > INTERVAL_MAX_MS) {
        *error =
            arena_printf(arena,
                         "Invalid value %lld for interval.ms, interval must be between 100 and "
                         "3600000 (1 hour)",
                         (long long)interval);
        return -EINVAL;
    }
    const struct slice known = SLICE("client_instance_id,client_id,client_software_name,"
                                     "client_software_version,client_source_address,"
                                     "client_source_port");
    struct slice patterns = text(view, CLIENT_METRICS_SETTING_MATCH);
    struct slice pattern;
    while (patterns.size > 0 && setting_list_next(&patterns, &pattern)) {
        struct slice name, expression;
        if (split_match(pattern, &name, &expression) && setting_list_has(known, name) &&
            pattern_is_valid(expression, arena))
            continue;
        *error = arena_printf(arena, "Illegal client matching pattern: %.*s", SLICE_ARG(pattern));
        return -EBADMSG;
    }
    return 0;
}

int settings_check_overrides(const struct settings *settings, enum setting_scope scope,
                             const struct setting_pair *overrides, int32_t count,
                             struct arena *arena, struct slice *error)
{
    ASSERT(scope != SETTING_SCOPE_BROKER);
    int r = check_nulls(scope, overrides, count, arena, error);
    for (int32_t i = 0; i < count && r == 0; i++)
        r = check_name(scope, overrides[i].name, arena, error);
    if (r < 0) return r;
    for (int32_t i = 0; i < count && r == 0; i++)
        r = setting_check_value(setting_find(scope, overrides[i].name), overrides[i].value, arena,
                                error);
    if (r < 0) return scope == SETTING_SCOPE_CLIENT_METRICS ? -EBADMSG : r;
    if (scope == SETTING_SCOPE_TOPIC) return check_topic(settings, overrides, count, arena, error);
    if (scope == SETTING_SCOPE_GROUP) return check_group(settings, overrides, count, arena, error);
    return check_client_metrics(settings, overrides, count, arena, error);
}

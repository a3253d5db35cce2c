/* A broker's settings that change while it runs: what they must pass together.
 * (DynamicBrokerConfig, DynamicThreadPool, DynamicLogConfig, KIP-226) */
#include <errno.h>
#include <string.h>

#include "core/settings/internal.h"

/* --- keys together ---------------------------------------------------------------------------- */

struct reconfiguration {
    const struct settings *now;
    const struct settings *then;
    struct arena *arena;
    struct slice *error;
};

/* A pool of threads may double or halve at a time. */
static int check_pool(const struct reconfiguration *change, enum setting_id id, int64_t now,
                      int64_t then)
{
    if (then >= now / 2 && then <= now * 2) return 0;
    *change->error = arena_printf(
        change->arena,
        "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count "
        "update validation failed for %.*s=%lld, value should %s the current value %lld for "
        "configuration Invalid dynamic configuration",
        SLICE_ARG(setting_get(id)->name), (long long)then,
        then < now ? "be at least half" : "not be greater than double", (long long)now);
    return -EINVAL;
}

static int64_t threads_of(const struct settings *settings, const struct settings_listener *listener)
{
    return listener->network_threads > 0 ? listener->network_threads
                                         : settings_number(settings, SETTING_NUM_NETWORK_THREADS);
}

static int check_threads(const struct reconfiguration *change)
{
    static const enum setting_id pools[] = {
        SETTING_BACKGROUND_THREADS,   SETTING_NUM_IO_THREADS,
        SETTING_NUM_NETWORK_THREADS,  SETTING_NUM_RECOVERY_THREADS_PER_DATA_DIR,
        SETTING_NUM_REPLICA_FETCHERS,
    };
    for (size_t i = 0; i < ARRAY_COUNT(pools); i++) {
        int r = check_pool(change, pools[i], settings_number(change->now, pools[i]),
                           settings_number(change->then, pools[i]));
        if (r < 0) return r;
    }
    return 0;
}

/* The same of each listener's own pool, and its limits, which may not be nothing.
 * (DataPlaneAcceptor, ConnectionQuotas.ListenerConnectionQuota; validateReconfiguration) */
static int check_listeners(const struct reconfiguration *change)
{
    for (int32_t i = 0; i < change->then->listener_count; i++) {
        const struct settings_listener *now = &change->now->listeners[i];
        const struct settings_listener *then = &change->then->listeners[i];
        enum setting_id nothing = SETTING_MAX_CONNECTIONS;
        if (then->controller) continue;
        if (then->connections_max > 0) nothing = SETTING_MAX_CONNECTION_CREATION_RATE;
        if (then->connections_max == 0 || then->connection_rate_max == 0) {
            *change->error = arena_printf(
                change->arena,
                "Invalid value org.apache.kafka.common.config.ConfigException: Invalid %.*s 0 for "
                "configuration Invalid dynamic configuration",
                SLICE_ARG(setting_get(nothing)->name));
            return -EINVAL;
        }
        int r = check_pool(change, SETTING_NUM_NETWORK_THREADS, threads_of(change->now, now),
                           threads_of(change->then, then));
        if (r < 0) return r;
    }
    return 0;
}

static int refuse_cleaners(const struct reconfiguration *change, const char *how, int64_t now)
{
    *change->error = arena_printf(
        change->arena,
        "Invalid value org.apache.kafka.common.config.ConfigException: Log cleaner threads %s the "
        "current value %lld for configuration Invalid dynamic configuration",
        how, (long long)now);
    return -EINVAL;
}

static int check_cleaners(const struct reconfiguration *change)
{
    int64_t now = settings_number(change->now, SETTING_LOG_CLEANER_THREADS);
    int64_t then = settings_number(change->then, SETTING_LOG_CLEANER_THREADS);
    if (then < now / 2) return refuse_cleaners(change, "cannot be reduced to less than half", now);
    if (then > now * 2)
        return refuse_cleaners(change, "cannot be increased to more than double", now);
    return 0;
}

/* What a tiered topic keeps here is at most what it keeps at all. */
static int check_local(const struct reconfiguration *change, enum setting_id local_id,
                       const char *whole_name, int64_t whole)
{
    enum { AS_THE_WHOLE = -2 };
    int64_t local = settings_number(change->then, local_id);
    if (local == AS_THE_WHOLE || whole == -1) return 0;
    if (local != -1 && local <= whole) return 0;
    struct slice why =
        local == -1
            ? arena_printf(change->arena, "Value must not be -1 as %s value is set as %lld.",
                           whole_name, (long long)whole)
            : arena_printf(change->arena, "Value must not be more than %s property value: %lld",
                           whole_name, (long long)whole);
    *change->error = arena_printf(
        change->arena,
        "Invalid value org.apache.kafka.common.config.ConfigException: Invalid value %lld for "
        "configuration %.*s: %.*s for configuration Invalid dynamic configuration",
        (long long)local, SLICE_ARG(setting_get(local_id)->name), SLICE_ARG(why));
    return -EINVAL;
}

static int check_retention(const struct reconfiguration *change)
{
    struct settings_topic topic;
    settings_topic(change->then, NULL, 0, &topic);
    int r =
        check_local(change, SETTING_LOG_LOCAL_RETENTION_MS, "log.retention.ms", topic.retention_ms);
    return r < 0 ? r
                 : check_local(change, SETTING_LOG_LOCAL_RETENTION_BYTES, "log.retention.bytes",
                               topic.retention_bytes);
}

/* "host:number,…", in the words of the Java methods that fail. (ConnectionQuotas, Csv.parseCsvMap)
 */
static int check_connections(const struct settings *then, struct arena *arena, struct slice *error)
{
    struct slice list = settings_text(then, SETTING_MAX_CONNECTIONS_PER_IP_OVERRIDES);
    struct slice item;
    while (list.size > 0 && setting_list_next(&list, &item)) {
        const uint8_t *colon = item.size == 0 ? NULL : memrchr(item.data, ':', item.size);
        if (colon == NULL) {
            *error = arena_printf(arena,
                                  "Error parsing configuration property "
                                  "'max.connections.per.ip.overrides': begin 0, end -1, length %d",
                                  (int)item.size);
            return -EINVAL;
        }
        size_t host = (size_t)(colon - item.data);
        struct slice number = setting_trim((struct slice){colon + 1, item.size - host - 1});
        int64_t count;
        if (slice_parse_int64(number, INT32_MIN, INT32_MAX, &count) == 0) continue;
        *error = arena_printf(arena, "For input string: \"%.*s\"", SLICE_ARG(number));
        return -EINVAL;
    }
    return 0;
}

/* Folders that take nothing new are folders. */
static int check_cordoned(const struct settings *then, struct arena *arena, struct slice *error)
{
    struct slice dirs = settings_text(then, SETTING_LOG_DIRS);
    if (slice_is_null(dirs)) dirs = settings_text(then, SETTING_LOG_DIR);
    struct slice cordoned = settings_text(then, SETTING_CORDONED_LOG_DIRS);
    struct slice missing = SLICE_NULL;
    struct slice item;
    bool all = setting_list_has(cordoned, SLICE("*"));
    if (all && slice_equal(cordoned, SLICE("*"))) return 0;
    if (all) {
        *error = SLICE("requirement failed: When cordoned.log.dirs is set to *, it must not "
                       "contain other values");
        return -EINVAL;
    }
    while (cordoned.size > 0 && setting_list_next(&cordoned, &item)) {
        if (setting_list_has(dirs, item)) continue;
        missing = slice_is_null(missing)
                      ? item
                      : arena_printf(arena, "%.*s, %.*s", SLICE_ARG(missing), SLICE_ARG(item));
    }
    if (slice_is_null(missing)) return 0;
    *error = arena_printf(arena,
                          "requirement failed: All entries in cordoned.log.dirs must be present in "
                          "log.dirs or log.dir. Missing entries : %.*s",
                          SLICE_ARG(missing));
    return -EINVAL;
}

/* The first thing that settings_check would have said. */
static int check_limits(struct settings *then, struct arena *arena, struct slice *error)
{
    ASSERT(then->checked);
    then->line_count = 0;
    settings_check_limits(then);
    for (int32_t i = 0; i < then->line_count; i++) {
        if (then->lines[i].verdict != SETTINGS_LINE_INVALID) continue;
        *error = arena_printf(arena, "requirement failed: %.*s", SLICE_ARG(then->lines[i].text));
        return -EINVAL;
    }
    return 0;
}

int settings_check_dynamic(const struct settings *settings, const struct setting_pair *cluster,
                           int32_t cluster_count, const struct setting_pair *broker,
                           int32_t broker_count, struct arena *arena, struct slice *error)
{
    ASSERT(settings->checked);
    ASSERT(cluster_count >= 0);
    ASSERT(broker_count >= 0);
    struct settings *then =
        settings_overlay(settings, cluster, cluster_count, broker, broker_count);
    int r = check_limits(then, arena, error);
    if (r == 0) r = check_connections(then, arena, error);
    if (r == 0) r = check_cordoned(then, arena, error);
    struct reconfiguration change = {settings, then, arena, error};
    if (r == 0) r = check_threads(&change);
    if (r == 0) r = check_listeners(&change);
    if (r == 0) r = check_cleaners(&change);
    if (r == 0) r = check_retention(&change);
    settings_destroy(then);
    return r;
}

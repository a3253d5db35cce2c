/*
 * settings: every key of Kafka 4.3.1 and our own, what it may hold, and what it holds now. The
 * table of keys is made by tools/settingsc.py from schema/settings; core/settings/keys.h has the
 * ids.
 *
 * What it never does: read a file, log a line, know the metadata image (overrides come in as
 * pairs).
 *
 * A `struct settings` is the broker's: defaults, below the file, below the command line, below the
 * two dynamic layers. It is built once (create, load, override, check) and then only read, from any
 * thread; settings_overlay() makes a new one when a dynamic layer changes. Topics have no struct of
 * their own: their overrides and the broker's settings together give a struct settings_topic.
 *
 * Error texts are those of Kafka's ConfigException.
 */
#ifndef GREGOR_CORE_SETTINGS_SETTINGS_H
#define GREGOR_CORE_SETTINGS_SETTINGS_H

#include "base/arena.h"
#include "base/slice.h"
#include "core/settings/keys.h"
#include "wire/compress.h"

/* --- what there is ---------------------------------------------------------------------------- */

enum setting_scope {
    SETTING_SCOPE_BROKER,
    SETTING_SCOPE_TOPIC,
    SETTING_SCOPE_GROUP,
    SETTING_SCOPE_CLIENT_METRICS,
};

/* Numbers as on the wire (DescribeConfigsResponse.ConfigType). */
enum setting_type {
    SETTING_TYPE_BOOLEAN = 1,
    SETTING_TYPE_STRING = 2,
    SETTING_TYPE_INT = 3,
    SETTING_TYPE_SHORT = 4,
    SETTING_TYPE_LONG = 5,
    SETTING_TYPE_DOUBLE = 6,
    SETTING_TYPE_LIST = 7,
    SETTING_TYPE_CLASS = 8,
    SETTING_TYPE_PASSWORD = 9, /* the sensitive ones: never shown */
};

/* Where a value comes from; numbers as on the wire (DescribeConfigsResponse.ConfigSource). */
enum setting_origin {
    SETTING_ORIGIN_TOPIC = 1,
    SETTING_ORIGIN_DYNAMIC_BROKER = 2,
    SETTING_ORIGIN_DYNAMIC_CLUSTER = 3, /* Kafka's DYNAMIC_DEFAULT_BROKER_CONFIG */
    SETTING_ORIGIN_STATIC_BROKER = 4,   /* the file or the command line */
    SETTING_ORIGIN_DEFAULT = 5,
    SETTING_ORIGIN_CLIENT_METRICS = 7,
    SETTING_ORIGIN_GROUP = 8,
};

enum setting_update {
    SETTING_READ_ONLY,    /* with a restart */
    SETTING_PER_BROKER,   /* dynamic, on one broker or all */
    SETTING_CLUSTER_WIDE, /* dynamic, meant to be equal everywhere */
};

/* What gregor does with a key that somebody sets. */
enum setting_class {
    SETTING_HONOURED,
    SETTING_ACCEPTED, /* stored and shown, no effect here */
    SETTING_REFUSED,  /* any value but the default: to ignore it would break a promise */
};

enum setting_importance { SETTING_LOW, SETTING_MEDIUM, SETTING_HIGH };

struct setting {
    struct slice name;
    struct slice initial; /* the default as text; null: null */
    struct slice text;    /* what it is for, one line */
    struct slice minimum; /* null: none; in the words Kafka prints */
    struct slice maximum;
    const char *const *words; /* the values allowed, NULL-terminated; NULL: any */
    enum setting_scope scope;
    enum setting_type type;
    enum setting_update update;
    enum setting_class class;
    enum setting_importance importance;
    uint32_t checks; /* bits of enum setting_check, settings' own */
    bool required;   /* no default */
    bool internal;   /* not shown by DescribeConfigs unless set */
};

enum { SETTING_VALUE_MAX = 32767 }; /* bytes; as long as a string of Kafka's messages can be */

const struct setting *setting_get(enum setting_id id);
/* NULL: no such key in this scope. */
const struct setting *setting_find(enum setting_scope scope, struct slice name);
enum setting_id setting_id(const struct setting *setting);
/* KEY of "listener.name.NAME.KEY", which is meant for one listener; null: not such a name. */
struct slice setting_listener_key(struct slice name);
/* What such a key is, by itself; NULL: none that there is. */
const struct setting *setting_find_for_listener(struct slice name);
/* The keys of a scope in ascending order of names: NULL starts, NULL ends. */
const struct setting *setting_next(enum setting_scope scope, const struct setting *after);

/* Checks one value by type, range and allowed words. Null is fine where the default is null.
 * -EINVAL: *error is Kafka's text, in the arena ("Invalid value x for configuration y: …"). */
MUST_USE int setting_check_value(const struct setting *setting, struct slice value,
                                 struct arena *arena, struct slice *error);

/* Splits "a, b" as Kafka does: false at the end. */
bool setting_list_next(struct slice *rest, struct slice *item);
bool setting_list_has(struct slice list, struct slice wanted);

/* A key and its value, both borrowed. Overrides come as arrays of these. */
struct setting_pair {
    struct slice name;
    struct slice value;
};

/* --- the broker's settings -------------------------------------------------------------------- */

enum {
    SETTINGS_TEXT_MAX = 1 << 20, /* bytes of a properties file */
    SETTINGS_LISTENERS_MAX = 16,
    SETTINGS_EXPLANATIONS_MAX = 24, /* values that one key can have, in all layers */
    SETTINGS_REQUEST_BYTES_MAX = 512 << 20,
};

struct settings;

struct settings *settings_create(void); /* every key its default */
struct settings *settings_destroy(struct settings *settings);

/* What was said about one key; texts live in the settings. */
enum settings_verdict {
    SETTINGS_LINE_HONOURED,
    SETTINGS_LINE_ACCEPTED,
    SETTINGS_LINE_REFUSED,
    SETTINGS_LINE_UNKNOWN, /* ignored, as Kafka does, but said */
    SETTINGS_LINE_INVALID,
};

struct settings_line {
    struct slice key;
    struct slice text;  /* why; for invalid ones Kafka's own words */
    struct slice value; /* as it was given; null: it was not, or is a secret */
    int32_t line;       /* of the file, 1-based; 0: command line, or no line at all */
    enum settings_verdict verdict;
};

/* Takes the text of a server.properties; of a key given twice the last counts. Everything is
 * copied. -EMSGSIZE: longer than SETTINGS_TEXT_MAX; -EBADMSG: a malformed \u escape, *line says
 * where. Keys that are unknown, refused or invalid are no error here: see settings_check. */
MUST_USE int settings_load(struct settings *settings, struct slice text, int32_t *line);

/* One key from the command line, above the file. */
void settings_override(struct settings *settings, struct slice key, struct slice value);

/* Gives what a node on its own needs and nobody set: process.roles, node.id and a listener on
 * localhost:9092. */
void settings_standalone(struct settings *settings);

/* Judges all that was set, and what must fit together (listeners, roles, folders). Lines in the
 * order of the file, then findings about several keys. False: the broker must not start. Call once,
 * after which the values may be read. */
MUST_USE bool settings_check(struct settings *settings);
const struct settings_line *settings_lines(const struct settings *settings, int32_t *count);
/* What the file or command line gave that is none of our keys, in the order in which it was given:
 * Kafka keeps it, too. */
const struct setting_pair *settings_unknown(const struct settings *settings, int32_t *count);

/* A copy with these dynamic layers instead of those it had; pairs that are unknown or do not check
 * out are left aside, as a broker does that meets them in the metadata. The caller destroys it. */
struct settings *settings_overlay(const struct settings *settings,
                                  const struct setting_pair *cluster, int32_t cluster_count,
                                  const struct setting_pair *broker, int32_t broker_count);

/* May these dynamic layers come instead of those in force, whose values each check out? -EINVAL:
 * *error is Kafka's text, in the arena. */
MUST_USE int settings_check_dynamic(const struct settings *settings,
                                    const struct setting_pair *cluster, int32_t cluster_count,
                                    const struct setting_pair *broker, int32_t broker_count,
                                    struct arena *arena, struct slice *error);

/* The value in force. Asking for another type than the key's is our own mistake and aborts. */
int64_t settings_number(const struct settings *settings, enum setting_id id); /* int short long */
bool settings_flag(const struct settings *settings, enum setting_id id);
double settings_real(const struct settings *settings, enum setting_id id);
struct slice settings_text(const struct settings *settings, enum setting_id id); /* all others */
bool settings_is_null(const struct settings *settings, enum setting_id id);
enum setting_origin settings_origin(const struct settings *settings, enum setting_id id);

/* Did the file and the command line give both the same for it, or both nothing? */
bool settings_given_alike(const struct settings *settings, const struct settings *other,
                          enum setting_id id);

/* The folders of data: log.dirs, else log.dir, in its order; returns how many. */
enum { SETTINGS_LOG_DIRS_MAX = 64 };
int32_t settings_log_dirs(const struct settings *settings,
                          struct slice dirs[SETTINGS_LOG_DIRS_MAX]);
/* The folder of the metadata log: metadata.log.dir, else the first of the others. */
struct slice settings_metadata_log_dir(const struct settings *settings);

/* queued.max.request.bytes; where that is -1, a quarter of the machine's memory up to 512 MiB. */
int64_t settings_request_bytes(const struct settings *settings, int64_t memory_bytes);

/* One of `listeners` with what it advertises. Hosts are as written; "" means all addresses. */
struct settings_listener {
    struct slice name; /* upper case */
    struct slice host;
    struct slice advertised_host; /* of controller listeners: the host */
    uint16_t port;
    uint16_t advertised_port; /* 0: whatever port was bound */
    bool controller;
    /* listener.name.NAME.*: its own limits, below those of all; INT32_MAX: none */
    int64_t connections_max;
    int64_t connection_rate_max; /* per second */
    int64_t network_threads;     /* 0: as num.network.threads says */
};

/* The one with this number, as it is now: its limits may change while it runs. */
const struct settings_listener *settings_listener(const struct settings *settings, int32_t index);

/* In the order of `listeners`; they have passed settings_check. Returns how many. */
int32_t settings_listeners(const struct settings *settings,
                           struct settings_listener listeners[SETTINGS_LISTENERS_MAX]);

/* gregor.http.listeners: where metrics and probes are served. */
struct settings_address {
    struct slice host; /* as written; "": all addresses */
    uint16_t port;
};
int32_t settings_http_listeners(const struct settings *settings,
                                struct settings_address addresses[SETTINGS_LISTENERS_MAX]);

/* --- topics ----------------------------------------------------------------------------------- */

enum settings_flush {
    SETTINGS_FLUSH_COMMIT, /* what acks=all acknowledges is on disk */
    SETTINGS_FLUSH_OS,     /* the kernel writes when it likes: Kafka's own promise */
};

/* What is in force for one topic: override, else the broker's value for it, else the default. */
struct settings_topic {
    int64_t segment_bytes;
    int64_t segment_ms;
    int64_t segment_jitter_ms;
    int64_t segment_index_bytes;
    int64_t index_interval_bytes;
    int64_t max_message_bytes;
    int64_t timestamp_before_max_ms;
    int64_t timestamp_after_max_ms;
    int64_t retention_ms;    /* -1: for ever */
    int64_t retention_bytes; /* -1: any size */
    int64_t delete_retention_ms;
    int64_t file_delete_delay_ms;
    int64_t min_compaction_lag_ms;
    int64_t max_compaction_lag_ms;
    int64_t flush_messages;
    int64_t flush_ms;
    double min_cleanable_dirty_ratio;
    int32_t min_insync_replicas;
    int32_t compression_level; /* of the codec below */
    enum compress_codec compression;
    bool compression_is_producers; /* keep what the producer chose; `compression` means nothing */
    bool log_append_time;
    bool cleanup_compact;
    bool cleanup_delete;
    bool preallocate;
    bool unclean_leader_election;
    enum settings_flush flush_policy;
};

void settings_topic(const struct settings *settings, const struct setting_pair *overrides,
                    int32_t count, struct settings_topic *topic);

/* Checks the overrides that a topic (or group, or client-metrics resource) would have after a
 * change: unknown keys, values, and values that do not fit each other. -EINVAL: INVALID_CONFIG with
 * *error, Kafka's text, in the arena; -EBADMSG likewise, of values of client metrics that
 * cannot be read. */
MUST_USE int settings_check_overrides(const struct settings *settings, enum setting_scope scope,
                                      const struct setting_pair *overrides, int32_t count,
                                      struct arena *arena, struct slice *error);

/* One value of a key, for DescribeConfigs and CreateTopics answers. */
struct settings_explanation {
    struct slice
        name; /* the key that holds it: a topic's segment.ms may come from log.roll.hours */
    struct slice value; /* as text; null if null or sensitive */
    enum setting_origin origin;
};

/* What holds for a key and why. *value is in force; `synonyms` are all the values it could have,
 * the strongest first (Kafka's synonyms; the first one's origin is the entry's, DEFAULT if there is
 * none). Returns how many. Overrides are those of the resource (none for brokers). Texts live as
 * long as settings, overrides and arena. (ConfigHelper.createTopicConfigEntry,
 * createBrokerConfigEntry) */
int32_t settings_explain(const struct settings *settings, const struct setting *setting,
                         const struct setting_pair *overrides, int32_t count, struct arena *arena,
                         struct slice *value,
                         struct settings_explanation synonyms[SETTINGS_EXPLANATIONS_MAX]);

#endif

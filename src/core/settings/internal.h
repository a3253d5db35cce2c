/* What is inside of struct settings; settings' own. */
#ifndef GREGOR_CORE_SETTINGS_INTERNAL_H
#define GREGOR_CORE_SETTINGS_INTERNAL_H

#include "base/map.h"
#include "core/settings/check.h"

enum { SETTINGS_BROKER_COUNT = SETTING_BROKER_COUNT }; /* the broker's keys are the first */

/* The layers above the defaults, the strongest first. */
enum settings_layer {
    SETTINGS_LAYER_BROKER,
    SETTINGS_LAYER_CLUSTER,
    SETTINGS_LAYER_STATIC,
    SETTINGS_LAYER_COUNT,
};

/* One key as it was given, known or not. */
struct settings_item {
    struct slice key;
    struct slice value;
    struct settings_item *next; /* in the order in which they were given */
    int32_t line;               /* 0: the command line */
};

/* The value in force, parsed. */
struct settings_value {
    struct slice text; /* null: null */
    int64_t number;    /* of numbers; a boolean is 0 or 1 */
    double real;       /* of doubles */
    enum setting_origin origin;
};

struct settings {
    struct arena arena; /* every text below */
    struct map by_key;  /* of the items */
    struct settings_item *items;
    struct settings_item *last_item;
    struct settings_line *lines;
    struct setting_pair *unknown; /* what is none of our keys */
    int32_t unknown_count;
    int32_t line_count;
    int32_t line_capacity;
    int32_t listener_count;
    int32_t http_count;
    bool checked;
    struct settings_listener listeners[SETTINGS_LISTENERS_MAX];
    struct settings_address http[SETTINGS_LISTENERS_MAX];
    struct slice layers[SETTINGS_LAYER_COUNT][SETTINGS_BROKER_COUNT]; /* null: not set there */
    struct settings_value values[SETTINGS_BROKER_COUNT];
};

/* Makes `values` from the layers. */
void settings_resolve(struct settings *settings);

/* A finding about a key; the line of the file is looked up. The text is in the arena or for ever.
 */
void settings_report(struct settings *settings, struct slice key, enum settings_verdict verdict,
                     struct slice text);

/* Adds copies of what is none of our keys. */
void settings_keep_unknown(struct settings *settings, const struct setting_pair *pairs,
                           int32_t count);

/* Reports what does not fit: times that must be positive, sizes that must hold each other. */
void settings_check_limits(struct settings *settings);

/* Parses listeners and what belongs to them into settings->listeners, reporting what is wrong. */
void settings_parse_listeners(struct settings *settings);
void settings_parse_http_listeners(struct settings *settings);

/* Limits of single listeners: none, those that pairs name, those of the file, which are judged. */
void settings_clear_listener_keys(struct settings *settings);
void settings_take_listener_keys(struct settings *settings, const struct setting_pair *pairs,
                                 int32_t count);
void settings_judge_listener_keys(struct settings *settings);

/* What holds for a topic's or group's key: its override if that checks out, else the broker's value
 * for it, else its own default. Canonical, in the arena or for ever. */
struct slice settings_effective(const struct settings *settings, enum setting_id id,
                                const struct setting_pair *overrides, int32_t count,
                                struct arena *arena);

/* The override of a key as Kafka would print it; null: none, or one that does not check out. */
struct slice settings_override_of(const struct setting *setting,
                                  const struct setting_pair *overrides, int32_t count,
                                  struct arena *arena);

#endif

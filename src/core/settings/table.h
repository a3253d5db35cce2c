/* The table that tools/settingsc.py makes from schema/settings; settings' own. */
#ifndef GREGOR_CORE_SETTINGS_TABLE_H
#define GREGOR_CORE_SETTINGS_TABLE_H

#include "core/settings/settings.h"

/* What a value must pass besides type, range and words. */
enum setting_check {
    SETTING_CHECK_UNIQUE = 1 << 0, /* a list of non-empty items; the second of equals is dropped */
    SETTING_CHECK_NON_EMPTY = 1 << 1,      /* a string or list */
    SETTING_CHECK_NON_NULL = 1 << 2,       /* a string that may be empty */
    SETTING_CHECK_ANY_CASE = 1 << 3,       /* words match in any case */
    SETTING_CHECK_OR_MINUS_1 = 1 << 4,     /* -1 besides the range */
    SETTING_CHECK_THROTTLED = 1 << 5,      /* * or partition:broker,… */
    SETTING_CHECK_VOTERS = 1 << 6,         /* id@host:port,… */
    SETTING_CHECK_ADDRESSES = 1 << 7,      /* host:port,… */
    SETTING_CHECK_RESET_STRATEGY = 1 << 8, /* earliest, latest, by_duration:… */
};

/* A broker key that gives a topic or group its default: value * factor. */
struct setting_source {
    enum setting_id id;
    int32_t factor;
};

struct setting_sources {
    const struct setting_source *items; /* the strongest first */
    int32_t count;
};

/* By scope, then by name in ascending order. */
extern const struct setting settings_table[SETTING_COUNT];
extern const struct setting_sources settings_sources[SETTING_COUNT];

#endif

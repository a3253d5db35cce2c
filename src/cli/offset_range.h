/*
 * offset_range: the offsets that `consume -o` names: "start", "-10", "@-1h", "@2026-11-22:end".
 *
 * Pure: the clock is an argument.
 */
#ifndef GREGOR_CLI_OFFSET_RANGE_H
#define GREGOR_CLI_OFFSET_RANGE_H

#include "base/slice.h"

enum offset_kind {
    OFFSET_START,
    OFFSET_END,
    OFFSET_NUMBER,
    OFFSET_AFTER_START, /* +N */
    OFFSET_BEFORE_END,  /* -N */
    OFFSET_TIME,        /* the first record of this time or later */
};

struct offset_bound {
    enum offset_kind kind;
    int64_t value; /* offset, distance, or milliseconds since 1970 */
};

struct offset_range {
    struct offset_bound from;
    struct offset_bound to; /* OFFSET_END where none was given */
    bool has_end;           /* was it? */
};

/* -EINVAL: no such range. */
MUST_USE int offset_range_parse(struct slice text, int64_t now_ms, struct offset_range *range);

/* The offset of a bound in a partition that has [start, end); `sought` is what was found for its
 * time, -1 for nothing. Within [start, end]. */
int64_t offset_bound_resolve(const struct offset_bound *bound, int64_t start, int64_t end,
                             int64_t sought);

#endif

/*
 * Slices: bytes that someone else owns. A slice is valid as long as the owner named where it was
 * made; it never frees anything. `data` NULL means "null" where Kafka tells null from empty.
 */
#ifndef GREGOR_BASE_SLICE_H
#define GREGOR_BASE_SLICE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

struct slice {
    const uint8_t *data;
    size_t size; /* bytes */
};

/* A slice of a string literal, usable in static tables. */
#define SLICE(literal) ((struct slice){(const uint8_t *)("" literal), sizeof(literal) - 1})
#define SLICE_NULL ((struct slice){NULL, 0})

/* For printf("%.*s", SLICE_ARG(slice)); prints at most 64 KiB. */
#define SLICE_ARG(slice) \
    (int)((slice).size < 65536 ? (slice).size : 65536), (const char *)(slice).data

/* The bytes of a zero-terminated string, without the zero. NULL gives the null slice. */
struct slice slice_of(const char *text);

/* Take the first `size` bytes off `slice`. -EBADMSG if it is shorter; nothing is changed then. */
MUST_USE static inline int slice_take(struct slice *slice, size_t size, struct slice *taken)
{
    ASSERT(slice != taken);
    if (size > slice->size) return -EBADMSG;
    *taken = (struct slice){slice->data, size};
    slice->data += size;
    slice->size -= size;
    return 0;
}

bool slice_is_null(struct slice slice);
bool slice_equal(struct slice a, struct slice b); /* null equals only null */
bool slice_starts_with(struct slice slice, struct slice prefix);

/* <0, 0, >0 by bytes, then by length, as memcmp does. */
int slice_compare(struct slice a, struct slice b);

/* Decimal text to a number. -EBADMSG: not a number as a whole; -ERANGE: outside [min, max]. */
MUST_USE int slice_parse_int64(struct slice text, int64_t min, int64_t max, int64_t *value);

#endif

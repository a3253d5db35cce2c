/*
 * A growable byte string with a maximum, for encoding. Errors latch: after the first failure every
 * put is ignored and writer_error() says -EMSGSIZE, so callers check once, at the end.
 */
#ifndef GREGOR_BASE_WRITER_H
#define GREGOR_BASE_WRITER_H

#include <stdarg.h>

#include "base/slice.h"

struct writer {
    uint8_t *data;
    size_t size;     /* bytes written */
    size_t capacity; /* bytes at data */
    size_t max;      /* bytes that `size` never exceeds */
    int error;       /* 0 or -EMSGSIZE */
};

void writer_init(struct writer *writer, size_t max_bytes); /* allocates nothing yet */
void writer_deinit(struct writer *writer);
void writer_reset(struct writer *writer); /* empty again, memory kept, error forgotten */

void writer_put(struct writer *writer, struct slice bytes);
void writer_put_u8(struct writer *writer, uint8_t value);
void writer_put_be16(struct writer *writer, uint16_t value);
void writer_put_be32(struct writer *writer, uint32_t value);
void writer_put_be64(struct writer *writer, uint64_t value);
void writer_put_uvarint(struct writer *writer, uint64_t value); /* unsigned LEB128 */
void writer_put_varint(struct writer *writer, int64_t value);   /* zigzag, as in records */
void writer_printf(struct writer *writer, const char *format, ...) PRINTF_LIKE(2, 3);

/* Room for `size` bytes to be filled by the caller at once; NULL after an error. */
uint8_t *writer_extend(struct writer *writer, size_t size);

MUST_USE int writer_error(const struct writer *writer);
struct slice writer_slice(const struct writer *writer); /* valid until the next put */

#endif

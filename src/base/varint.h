/* Variable-length numbers: unsigned LEB128 (flexible messages) and zigzag (records). KIP-482. */
#ifndef GREGOR_BASE_VARINT_H
#define GREGOR_BASE_VARINT_H

#include "base/slice.h"

/* Take one off the front. -EBADMSG: cut short, or longer than its type can be. */
MUST_USE int uvarint32_take(struct slice *from, uint32_t *value);
MUST_USE int varint32_take_long(struct slice *from, int32_t *value);
MUST_USE int varint64_take_long(struct slice *from, int64_t *value);

/* Most numbers of a record take one byte or two: those are read in line. */
static inline int varint_take_short(struct slice *from, uint32_t *raw)
{
    if (from->size < 2) return 0;
    uint32_t first = from->data[0], second = from->data[1];
    if (first < 0x80) {
        *raw = first;
        return 1;
    }
    *raw = (first & 0x7f) | second << 7;
    return second < 0x80 ? 2 : 0;
}

MUST_USE static inline int varint32_take(struct slice *from, int32_t *value)
{
    uint32_t raw;
    int size = varint_take_short(from, &raw);
    if (size == 0) return varint32_take_long(from, value);
    from->data += size;
    from->size -= (size_t)size;
    *value = (int32_t)((raw >> 1) ^ (0u - (raw & 1)));
    return 0;
}

MUST_USE static inline int varint64_take(struct slice *from, int64_t *value)
{
    uint32_t raw;
    int size = varint_take_short(from, &raw);
    if (size == 0) return varint64_take_long(from, value);
    from->data += size;
    from->size -= (size_t)size;
    *value = (int32_t)((raw >> 1) ^ (0u - (raw & 1)));
    return 0;
}

size_t uvarint_size(uint64_t value); /* bytes it takes, 1..10 */
size_t varint_size(int64_t value);

#endif

/* Variable-length numbers: unsigned LEB128 (flexible messages) and zigzag (records). KIP-482. */
#ifndef GREGOR_BASE_VARINT_H
#define GREGOR_BASE_VARINT_H

#include "base/slice.h"

/* Take one off the front. -EBADMSG: cut short, or longer than its type can be. */
MUST_USE int uvarint32_take(struct slice *from, uint32_t *value);
MUST_USE int varint32_take(struct slice *from, int32_t *value);
MUST_USE int varint64_take(struct slice *from, int64_t *value);

size_t uvarint_size(uint64_t value); /* bytes it takes, 1..10 */
size_t varint_size(int64_t value);

#endif

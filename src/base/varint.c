#include "base/varint.h"

#include <errno.h>

/* At most `max` bytes; the last one may use only the bits that its type has left. */
static int take(struct slice *from, size_t max, unsigned bits, uint64_t *value)
{
    uint64_t result = 0;
    for (size_t i = 0; i < max; i++) {
        if (i == from->size) return -EBADMSG;
        uint8_t byte = from->data[i];
        unsigned shift = (unsigned)(7 * i);
        if (shift + 7 > bits && (byte & 0x7f) >> (bits - shift) != 0) return -EBADMSG;
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            from->data += i + 1;
            from->size -= i + 1;
            *value = result;
            return 0;
        }
    }
    return -EBADMSG;
}

int uvarint32_take(struct slice *from, uint32_t *value)
{
    uint64_t wide;
    int r = take(from, 5, 32, &wide);
    if (r < 0) return r;
    *value = (uint32_t)wide;
    return 0;
}

int varint32_take_long(struct slice *from, int32_t *value)
{
    uint32_t raw;
    int r = uvarint32_take(from, &raw);
    if (r < 0) return r;
    *value = (int32_t)((raw >> 1) ^ (0u - (raw & 1)));
    return 0;
}

int varint64_take_long(struct slice *from, int64_t *value)
{
    uint64_t raw;
    int r = take(from, 10, 64, &raw);
    if (r < 0) return r;
    *value = (int64_t)((raw >> 1) ^ (0ull - (raw & 1)));
    return 0;
}

size_t uvarint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

size_t varint_size(int64_t value)
{
    return uvarint_size(((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

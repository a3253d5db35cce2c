#include "base/crc32c.h"

#include <isa-l/crc.h>

enum { PIECE_MAX = 1 << 30 }; /* isa-l takes the length as an int */

uint32_t crc32c_extend(uint32_t crc, struct slice bytes)
{
    /* isa-l neither inverts before nor after; both are part of CRC-32C. */
    uint32_t state = ~crc;
    while (bytes.size > 0) {
        size_t size = bytes.size < PIECE_MAX ? bytes.size : PIECE_MAX;
        /* The parameter lacks its const; the bytes are only read. */
        union {
            const uint8_t *read;
            unsigned char *given;
        } pointer = {.read = bytes.data};
        state = crc32_iscsi(pointer.given, (int)size, state);
        bytes.data += size;
        bytes.size -= size;
    }
    return ~state;
}

uint32_t crc32c(struct slice bytes)
{
    return crc32c_extend(0, bytes);
}

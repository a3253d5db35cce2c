#include "base/uuid.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool uuid_is_zero(const struct uuid *uuid)
{
    return uuid_equal(uuid, &UUID_ZERO);
}

int uuid_compare(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE])
{
    uint32_t bits = 0;
    int held = 0;
    size_t size = 0;
    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        bits = bits << 8 | uuid->bytes[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            text[size++] = alphabet[bits >> held & 63];
        }
    }
    text[size++] = alphabet[bits << (6 - held) & 63];
    ASSERT(size == UUID_TEXT_SIZE - 1);
    text[size] = 0;
}

/* 0..63, or -1. */
static int value_of(uint8_t character)
{
    const char *found = character == 0 ? NULL : strchr(alphabet, character);
    return found == NULL ? -1 : (int)(found - alphabet);
}

int uuid_parse(struct slice text, struct uuid *uuid)
{
    if (text.size == UUID_TEXT_SIZE + 1 && text.data[22] == '=' && text.data[23] == '=')
        text.size -= 2;
    if (text.size != UUID_TEXT_SIZE - 1) return -EBADMSG;
    struct uuid parsed = UUID_ZERO;
    uint32_t bits = 0;
    int held = 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        int value = value_of(text.data[i]);
        if (value < 0) return -EBADMSG;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            parsed.bytes[size++] = (uint8_t)(bits >> held);
        }
    }
    ASSERT(size == sizeof(parsed.bytes));
    *uuid = parsed;
    return 0;
}

bool uuid_from_random(const uint8_t random[16], struct uuid *uuid)
{
    struct uuid made;
    memcpy(made.bytes, random, sizeof(made.bytes));
    made.bytes[6] = (uint8_t)((made.bytes[6] & 0x0f) | 0x40); /* version 4 (RFC 9562 §5.4) */
    made.bytes[8] = (uint8_t)((made.bytes[8] & 0x3f) | 0x80); /* its variant */
    if (made.bytes[0] >> 2 == 62) return false;               /* would begin with '-' */
    *uuid = made;
    return true;
}

/* Addresses as text: RFC 4291 §2.2, without zones. */
#include <errno.h>
#include <string.h>

#include "core/quota/quota.h"

enum { GROUPS = 8, GROUP_DIGITS_MAX = 4, IPV4_PARTS = 4, IPV4_AT = 12 };

static int parse_ipv4(struct slice text, uint8_t bytes[IPV4_PARTS])
{
    for (int part = 0; part < IPV4_PARTS; part++) {
        size_t size = 0;
        while (size < text.size && text.data[size] != '.')
            size++;
        int64_t value;
        bool last = part == IPV4_PARTS - 1;
        if (size == 0 || size > 3 || text.data[0] == '+' || text.data[0] == '-') return -EINVAL;
        if (slice_parse_int64((struct slice){text.data, size}, 0, UINT8_MAX, &value) < 0)
            return -EINVAL;
        if (last != (size == text.size)) return -EINVAL;
        bytes[part] = (uint8_t)value;
        size_t used = last ? size : size + 1;
        text = (struct slice){text.data + used, text.size - used};
    }
    return 0;
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

/* Takes one group of digits off the text. */
static int take_group(struct slice *text, uint8_t group[2])
{
    unsigned value = 0;
    size_t size = 0;
    for (; size < text->size && hex_digit(text->data[size]) >= 0; size++) {
        if (size == GROUP_DIGITS_MAX) return -EINVAL;
        value = value << 4 | (unsigned)hex_digit(text->data[size]);
    }
    if (size == 0) return -EINVAL;
    group[0] = (uint8_t)(value >> 8);
    group[1] = (uint8_t)value;
    *text = (struct slice){text->data + size, text->size - size};
    return 0;
}

static bool skip(struct slice *text, struct slice what)
{
    if (!slice_starts_with(*text, what)) return false;
    *text = (struct slice){text->data + what.size, text->size - what.size};
    return true;
}

static bool has_dot(struct slice text)
{
    return text.size > 0 && memchr(text.data, '.', text.size) != NULL;
}

/* Groups from the left; those behind "::" are moved to the right end afterwards. */
static int parse_ipv6(struct slice text, uint8_t bytes[2 * GROUPS])
{
    int count = 0, gap = -1;
    memset(bytes, 0, (size_t)2 * GROUPS);
    if (skip(&text, SLICE("::"))) gap = 0;
    while (text.size > 0) {
        if (count == GROUPS) return -EINVAL;
        if (has_dot(text) && memchr(text.data, ':', text.size) == NULL) {
            if (count > GROUPS - 2 || parse_ipv4(text, bytes + (size_t)2 * (size_t)count) < 0)
                return -EINVAL;
            count += 2;
            break;
        }
        if (take_group(&text, bytes + (size_t)2 * (size_t)count) < 0) return -EINVAL;
        count++;
        if (text.size == 0) break;
        if (skip(&text, SLICE("::"))) {
            if (gap >= 0) return -EINVAL;
            gap = count;
        } else if (!skip(&text, SLICE(":")) || text.size == 0) {
            return -EINVAL;
        }
    }
    if (gap < 0) return count == GROUPS ? 0 : -EINVAL;
    if (count == GROUPS) return -EINVAL;
    size_t moved = (size_t)2 * (size_t)(count - gap);
    uint8_t *from = bytes + (size_t)2 * (size_t)gap;
    uint8_t *to = bytes + (size_t)2 * GROUPS - moved;
    memmove(to, from, moved);
    memset(from, 0, (size_t)(to - from));
    return 0;
}

int quota_address_parse(struct slice text, struct quota_address *address)
{
    struct quota_address parsed = {.bytes = {[10] = 0xff, [11] = 0xff}};
    bool bracketed = text.size >= 2 && text.data[0] == '[' && text.data[text.size - 1] == ']';
    if (bracketed) text = (struct slice){text.data + 1, text.size - 2};
    int r = bracketed ? -EINVAL : parse_ipv4(text, parsed.bytes + IPV4_AT);
    if (r < 0) r = parse_ipv6(text, parsed.bytes);
    if (r == 0) *address = parsed;
    return r;
}

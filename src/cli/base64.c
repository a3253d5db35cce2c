/* Base64 with padding, RFC 4648 §4. */
#include <errno.h>
#include <string.h>

#include "cli/record_format.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct slice bytes, struct writer *out)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        if (left > 1) group |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2) group |= bytes.data[i + 2];
        writer_put_u8(out, (uint8_t)alphabet[group >> 18]);
        writer_put_u8(out, (uint8_t)alphabet[(group >> 12) & 63]);
        writer_put_u8(out, left > 1 ? (uint8_t)alphabet[(group >> 6) & 63] : '=');
        writer_put_u8(out, left > 2 ? (uint8_t)alphabet[group & 63] : '=');
    }
}

int base64_decode(struct slice text, struct arena *arena, struct slice *bytes)
{
    if (text.size % 4 != 0) return -EINVAL;
    size_t padding = 0;
    while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=')
        padding++;
    uint8_t *out = arena_alloc(arena, text.size / 4 * 3);
    size_t size = 0;
    uint32_t group = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t letter = text.data[i];
        const char *at = letter == 0 ? NULL : strchr(alphabet, letter);
        bool pads = i >= text.size - padding;
        if (!pads && at == NULL) return -EINVAL;
        group = group << 6 | (pads ? 0 : (uint32_t)(at - alphabet));
        if (i % 4 != 3) continue;
        out[size++] = (uint8_t)(group >> 16);
        out[size++] = (uint8_t)(group >> 8);
        out[size++] = (uint8_t)group;
    }
    *bytes = (struct slice){out, size - padding};
    return 0;
}

#include "core/settings/properties.h"

#include <errno.h>
#include <string.h>

void properties_init(struct properties *properties, struct slice text)
{
    *properties = (struct properties){.rest = text, .line = 1};
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\f';
}

/* Takes one line of the text off, without its end (\n, \r or \r\n). False: no text is left. */
static bool take_line(struct properties *properties, struct slice *line)
{
    struct slice *rest = &properties->rest;
    if (rest->size == 0) return false;
    size_t size = 0;
    while (size < rest->size && rest->data[size] != '\n' && rest->data[size] != '\r')
        size++;
    *line = (struct slice){rest->data, size};
    size_t end = size;
    if (end < rest->size) end++;
    if (end < rest->size && rest->data[size] == '\r' && rest->data[end] == '\n') end++;
    *rest = (struct slice){rest->data + end, rest->size - end};
    properties->line++;
    return true;
}

static struct slice without_blanks(struct slice line)
{
    while (line.size > 0 && is_blank(line.data[0]))
        line = (struct slice){line.data + 1, line.size - 1};
    return line;
}

static bool goes_on(struct slice line)
{
    size_t backslashes = 0;
    while (backslashes < line.size && line.data[line.size - 1 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 1;
}

/* Takes the lines that continue `first` off and says how many bytes all have together, without the
 * backslashes and without the blanks that begin a continuation. With `joined` they are put there.
 */
static size_t take_continuations(struct properties *properties, struct slice first, uint8_t *joined)
{
    size_t size = 0;
    struct slice line = first;
    for (;;) {
        bool more = goes_on(line);
        if (more) line.size--;
        if (joined != NULL && line.size > 0) memcpy(joined + size, line.data, line.size);
        size += line.size;
        if (!more || !take_line(properties, &line)) return size;
        line = without_blanks(line);
    }
}

/* One property as it stands, its lines joined, escapes not yet resolved. False: no more. */
static bool take_logical_line(struct properties *properties, struct arena *arena,
                              struct slice *joined, int32_t *first)
{
    struct slice line;
    do {
        *first = properties->line;
        if (!take_line(properties, &line)) return false;
        line = without_blanks(line);
    } while (line.size == 0 || line.data[0] == '#' || line.data[0] == '!');
    struct properties ahead = *properties;
    size_t size = take_continuations(&ahead, line, NULL);
    uint8_t *bytes = arena_alloc(arena, size + 1);
    size_t filled = take_continuations(properties, line, bytes);
    ASSERT(filled == size);
    *joined = (struct slice){bytes, size};
    return true;
}

/* --- escapes ---------------------------------------------------------------------------------- */

/* Four hex digits; -EBADMSG: not that. */
static int hex4(struct slice text, uint32_t *value)
{
    if (text.size < 4) return -EBADMSG;
    uint32_t sum = 0;
    for (size_t i = 0; i < 4; i++) {
        uint8_t c = text.data[i];
        uint32_t digit = 16;
        if (c >= '0' && c <= '9') digit = c - (uint32_t)'0';
        if (c >= 'a' && c <= 'f') digit = c - (uint32_t)'a' + 10;
        if (c >= 'A' && c <= 'F') digit = c - (uint32_t)'A' + 10;
        if (digit == 16) return -EBADMSG;
        sum = sum * 16 + digit;
    }
    *value = sum;
    return 0;
}

/* At most four bytes; a lone surrogate becomes '?', as Java encodes it. */
static size_t put_utf8(uint8_t *to, uint32_t c)
{
    if (c >= 0xd800 && c <= 0xdfff) c = '?';
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* \uXXXX at `text`, after the backslash and the u; a second one that makes a surrogate pair belongs
 * to it. Bytes of `text` used go to *used. */
static int take_unicode(struct slice text, uint32_t *character, size_t *used)
{
    int r = hex4(text, character);
    if (r < 0) return r;
    *used = 4;
    if (*character < 0xd800 || *character > 0xdbff) return 0;
    if (text.size < 10 || text.data[4] != '\\' || text.data[5] != 'u') return 0;
    uint32_t low;
    r = hex4((struct slice){text.data + 6, text.size - 6}, &low);
    if (r < 0) return r;
    if (low < 0xdc00 || low > 0xdfff) return 0;
    *character = 0x10000 + ((*character - 0xd800) << 10) + (low - 0xdc00);
    *used = 10;
    return 0;
}

static uint8_t simple_escape(uint8_t letter)
{
    if (letter == 't') return '\t';
    if (letter == 'n') return '\n';
    if (letter == 'r') return '\r';
    if (letter == 'f') return '\f';
    return letter;
}

static int unescape(struct slice raw, struct arena *arena, struct slice *text)
{
    uint8_t *bytes =
        arena_alloc(arena, raw.size + 1); /* an escape is never shorter than its meaning */
    size_t size = 0;
    for (size_t i = 0; i < raw.size; i++) {
        if (raw.data[i] != '\\' || i + 1 == raw.size) {
            bytes[size++] = raw.data[i];
            continue;
        }
        i++;
        if (raw.data[i] != 'u') {
            bytes[size++] = simple_escape(raw.data[i]);
            continue;
        }
        uint32_t character;
        size_t used;
        int r = take_unicode((struct slice){raw.data + i + 1, raw.size - i - 1}, &character, &used);
        if (r < 0) return r;
        size += put_utf8(bytes + size, character);
        i += used;
    }
    ASSERT(size <= raw.size);
    *text = (struct slice){bytes, size};
    return 0;
}

/* --- key and value ---------------------------------------------------------------------------- */

/* The key ends before the first =, : or blank that no backslash precedes; between key and value
 * there are blanks and at most one = or :. */
static void split(struct slice line, struct slice *key, struct slice *value)
{
    size_t end = 0;
    while (end < line.size && !is_blank(line.data[end]) && line.data[end] != '=' &&
           line.data[end] != ':')
        end += line.data[end] == '\\' && end + 1 < line.size ? 2 : 1;
    *key = (struct slice){line.data, end};
    struct slice rest = without_blanks((struct slice){line.data + end, line.size - end});
    if (rest.size > 0 && (rest.data[0] == '=' || rest.data[0] == ':'))
        rest = without_blanks((struct slice){rest.data + 1, rest.size - 1});
    *value = rest;
}

int properties_next(struct properties *properties, struct arena *arena, struct property *property)
{
    struct slice line;
    struct slice key;
    struct slice value;
    struct property next;
    if (!take_logical_line(properties, arena, &line, &next.line)) return 0;
    split(line, &key, &value);
    property->line = next.line;
    int r = unescape(key, arena, &next.key);
    if (r < 0) return r;
    r = unescape(value, arena, &next.value);
    if (r < 0) return r;
    *property = next;
    return 1;
}

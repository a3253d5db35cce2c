/* Parsing of record formats, and printing by them. */
#include "cli/record_format.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

static const struct {
    char letter;
    enum record_field field;
} fields[] = {
    {'t', RECORD_TOPIC},        {'p', RECORD_PARTITION}, {'o', RECORD_OFFSET},
    {'e', RECORD_LEADER_EPOCH}, {'d', RECORD_TIMESTAMP}, {'k', RECORD_KEY},
    {'v', RECORD_VALUE},        {'s', RECORD_VALUE},     {'h', RECORD_HEADERS},
    {'T', RECORD_TOPIC_SIZE},   {'K', RECORD_KEY_SIZE},  {'V', RECORD_VALUE_SIZE},
    {'H', RECORD_HEADER_COUNT},
};

static const struct {
    const char *name;
    enum record_encoding encoding;
} encodings[] = {
    {"ascii", RECORD_PLAIN},       {"hex", RECORD_HEX},           {"base64", RECORD_BASE64},
    {"rfc3339", RECORD_RFC3339},   {"byte", RECORD_BYTE},         {"big16", RECORD_BIG16},
    {"big32", RECORD_BIG32},       {"big64", RECORD_BIG64},       {"little16", RECORD_LITTLE16},
    {"little32", RECORD_LITTLE32}, {"little64", RECORD_LITTLE64},
};

int record_encoding_size(enum record_encoding encoding)
{
    switch (encoding) {
    case RECORD_PLAIN:
    case RECORD_HEX:
    case RECORD_BASE64:
    case RECORD_RFC3339:
        return 0;
    case RECORD_BYTE:
        return 1;
    case RECORD_BIG16:
    case RECORD_LITTLE16:
        return 2;
    case RECORD_BIG32:
    case RECORD_LITTLE32:
        return 4;
    case RECORD_BIG64:
    case RECORD_LITTLE64:
        return 8;
    }
    return 0;
}

/* --- parsing ---------------------------------------------------------------------------------- */

struct parser {
    struct arena *arena;
    struct slice rest;
    struct record_format *format;
    struct writer literal; /* not yet an item */
    struct slice wrong;
};

static int parse_failed(struct parser *parser, const char *what, struct slice text)
{
    parser->wrong = arena_printf(parser->arena, "%s '%.*s'", what, SLICE_ARG(text));
    return -EINVAL;
}

static int add_item(struct parser *parser, const struct record_format_item *item)
{
    if (parser->format->count == RECORD_FORMAT_ITEMS_MAX)
        return parse_failed(parser, "too many parts before", parser->rest);
    parser->format->items[parser->format->count++] = *item;
    return 0;
}

static int end_literal(struct parser *parser)
{
    if (parser->literal.size == 0) return 0;
    struct slice bytes = arena_copy(parser->arena, writer_slice(&parser->literal));
    writer_reset(&parser->literal);
    return add_item(parser, &(struct record_format_item){.literal = bytes});
}

static int hex_digit(uint8_t letter)
{
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
}

static int parse_escape(struct parser *parser)
{
    static const char letters[] = "ntr\\";
    static const char meant[] = "\n\t\r\\";
    struct slice escape = parser->rest;
    struct slice taken;
    int r = slice_take(&parser->rest, 2, &taken);
    if (r < 0) return parse_failed(parser, "nothing follows", escape);
    const char *at = taken.data[1] == 0 ? NULL : strchr(letters, taken.data[1]);
    if (at != NULL) {
        writer_put_u8(&parser->literal, (uint8_t)meant[at - letters]);
        return 0;
    }
    if (taken.data[1] != 'x' || parser->rest.size < 2)
        return parse_failed(parser, "no such escape", taken);
    int high = hex_digit(parser->rest.data[0]);
    int low = hex_digit(parser->rest.data[1]);
    if (high < 0 || low < 0) return parse_failed(parser, "no such escape", escape);
    writer_put_u8(&parser->literal, (uint8_t)(high << 4 | low));
    return slice_take(&parser->rest, 2, &taken);
}

/* What stands in braces behind a field, braces in it counted; null if there are none. */
static int take_braces(struct parser *parser, struct slice *inside)
{
    *inside = SLICE_NULL;
    if (parser->rest.size == 0 || parser->rest.data[0] != '{') return 0;
    int depth = 0;
    for (size_t i = 0; i < parser->rest.size; i++) {
        depth += (parser->rest.data[i] == '{') - (parser->rest.data[i] == '}');
        if (depth > 0) continue;
        struct slice taken;
        int r = slice_take(&parser->rest, i + 1, &taken);
        *inside = (struct slice){taken.data + 1, i - 1};
        return r;
    }
    return parse_failed(parser, "no end of", parser->rest);
}

static bool encoding_fits(enum record_field field, enum record_encoding encoding)
{
    if (encoding == RECORD_RFC3339) return field == RECORD_TIMESTAMP;
    if (encoding == RECORD_BASE64) return field < RECORD_PARTITION;
    return field >= RECORD_PARTITION || encoding < RECORD_RFC3339;
}

static int parse_modifier(struct parser *parser, struct slice modifier,
                          struct record_format_item *item)
{
    if (item->field == RECORD_HEADERS)
        return record_format_parse(parser->arena, modifier, &item->headers, &parser->wrong);
    for (size_t i = 0; i < ARRAY_COUNT(encodings); i++) {
        if (!slice_equal(modifier, slice_of(encodings[i].name))) continue;
        if (!encoding_fits(item->field, encodings[i].encoding)) break;
        item->encoding = encodings[i].encoding;
        return 0;
    }
    int64_t size;
    bool is_text = item->field == RECORD_KEY || item->field == RECORD_VALUE;
    if (!is_text || slice_parse_int64(modifier, 1, INT32_MAX, &size) < 0)
        return parse_failed(parser, "this cannot be given as", modifier);
    item->size = (int32_t)size;
    return 0;
}

static int parse_field(struct parser *parser)
{
    struct slice whole = parser->rest;
    struct slice taken;
    int r = slice_take(&parser->rest, 2, &taken);
    if (r < 0) return parse_failed(parser, "nothing follows", whole);
    if (taken.data[1] == '%') {
        writer_put_u8(&parser->literal, '%');
        return 0;
    }
    struct record_format_item item = {.field = RECORD_LITERAL};
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        if (taken.data[1] == fields[i].letter) item.field = fields[i].field;
    }
    if (item.field == RECORD_LITERAL) return parse_failed(parser, "there is no", taken);
    struct slice modifier;
    r = take_braces(parser, &modifier);
    if (r == 0 && modifier.size > 0) r = parse_modifier(parser, modifier, &item);
    if (r == 0) r = end_literal(parser);
    return r < 0 ? r : add_item(parser, &item);
}

int record_format_parse(struct arena *arena, struct slice text, const struct record_format **format,
                        struct slice *wrong)
{
    struct record_format *parsed = arena_alloc(arena, sizeof(*parsed));
    *format = parsed;
    parsed->json = slice_equal(text, SLICE("json"));
    if (parsed->json) return 0;
    parsed->items = arena_alloc(arena, RECORD_FORMAT_ITEMS_MAX * sizeof(parsed->items[0]));
    struct parser parser = {.arena = arena, .rest = text, .format = parsed};
    writer_init(&parser.literal, text.size + 1);
    int r = 0;
    while (r == 0 && parser.rest.size > 0) {
        struct slice letter;
        if (parser.rest.data[0] == '%') {
            r = parse_field(&parser);
        } else if (parser.rest.data[0] == '\\') {
            r = parse_escape(&parser);
        } else {
            r = slice_take(&parser.rest, 1, &letter);
            writer_put(&parser.literal, letter);
        }
    }
    if (r == 0) r = end_literal(&parser);
    writer_deinit(&parser.literal);
    *wrong = parser.wrong;
    return r;
}

/* --- printing --------------------------------------------------------------------------------- */

void record_print_time(int64_t timestamp_ms, struct writer *out)
{
    int64_t seconds = timestamp_ms / 1000 - (timestamp_ms % 1000 < 0);
    time_t time = (time_t)seconds;
    struct tm date;
    if (gmtime_r(&time, &date) == NULL) {
        writer_printf(out, "%lld", (long long)timestamp_ms);
        return;
    }
    writer_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", date.tm_year + 1900, date.tm_mon + 1,
                  date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec,
                  (int)(timestamp_ms - seconds * 1000));
}

static void print_little(uint64_t value, int size, struct writer *out)
{
    for (int i = 0; i < size; i++)
        writer_put_u8(out, (uint8_t)(value >> (8 * i)));
}

static void print_number(int64_t value, enum record_encoding encoding, struct writer *out)
{
    switch (encoding) {
    case RECORD_PLAIN:
    case RECORD_BASE64:
        writer_printf(out, "%lld", (long long)value);
        break;
    case RECORD_HEX:
        writer_printf(out, "%llx", (unsigned long long)value);
        break;
    case RECORD_RFC3339:
        record_print_time(value, out);
        break;
    case RECORD_BYTE:
        writer_put_u8(out, (uint8_t)value);
        break;
    case RECORD_BIG16:
        writer_put_be16(out, (uint16_t)value);
        break;
    case RECORD_BIG32:
        writer_put_be32(out, (uint32_t)value);
        break;
    case RECORD_BIG64:
        writer_put_be64(out, (uint64_t)value);
        break;
    case RECORD_LITTLE16:
    case RECORD_LITTLE32:
    case RECORD_LITTLE64:
        print_little((uint64_t)value, record_encoding_size(encoding), out);
        break;
    }
}

static void print_bytes(struct slice bytes, enum record_encoding encoding, struct writer *out)
{
    if (encoding == RECORD_HEX) {
        for (size_t i = 0; i < bytes.size; i++)
            writer_printf(out, "%02x", bytes.data[i]);
    } else if (encoding == RECORD_BASE64) {
        base64_encode(bytes, out);
    } else if (bytes.size > 0) {
        writer_put(out, bytes);
    }
}

/* Headers that do not decode end the list: the broker has checked the batch, not them. */
static void print_headers(const struct record_format_item *item, const struct record_view *view,
                          struct writer *out)
{
    struct slice rest = view->record->headers;
    for (int32_t i = 0; i < view->record->header_count; i++) {
        struct record header = {0};
        if (record_header_take(&rest, &header.key, &header.value) < 0) return;
        if (item->headers != NULL) {
            struct record_view header_view = *view;
            header_view.record = &header;
            record_format_print(item->headers, &header_view, out);
            continue;
        }
        if (i > 0) writer_put_u8(out, ',');
        print_bytes(header.key, item->encoding, out);
        writer_put_u8(out, '=');
        print_bytes(header.value, item->encoding, out);
    }
}

static int64_t size_or_null(struct slice bytes)
{
    return slice_is_null(bytes) ? -1 : (int64_t)bytes.size;
}

static void print_item(const struct record_format_item *item, const struct record_view *view,
                       struct writer *out)
{
    const struct record *record = view->record;
    switch (item->field) {
    case RECORD_LITERAL:
        writer_put(out, item->literal);
        break;
    case RECORD_TOPIC:
        print_bytes(view->topic, item->encoding, out);
        break;
    case RECORD_KEY:
        print_bytes(record->key, item->encoding, out);
        break;
    case RECORD_VALUE:
        print_bytes(record->value, item->encoding, out);
        break;
    case RECORD_HEADERS:
        print_headers(item, view, out);
        break;
    case RECORD_PARTITION:
        print_number(view->partition, item->encoding, out);
        break;
    case RECORD_OFFSET:
        print_number(record->offset, item->encoding, out);
        break;
    case RECORD_LEADER_EPOCH:
        print_number(view->leader_epoch, item->encoding, out);
        break;
    case RECORD_TIMESTAMP:
        print_number(record->timestamp, item->encoding, out);
        break;
    case RECORD_TOPIC_SIZE:
        print_number((int64_t)view->topic.size, item->encoding, out);
        break;
    case RECORD_KEY_SIZE:
        print_number(size_or_null(record->key), item->encoding, out);
        break;
    case RECORD_VALUE_SIZE:
        print_number(size_or_null(record->value), item->encoding, out);
        break;
    case RECORD_HEADER_COUNT:
        print_number(record->header_count, item->encoding, out);
        break;
    }
}

/* A string; {"base64": "…"} where the bytes are no UTF-8; null. */
static json_t *json_bytes(struct slice bytes)
{
    if (slice_is_null(bytes)) return json_null();
    json_t *text = json_stringn(bytes.size > 0 ? (const char *)bytes.data : "", bytes.size);
    if (text != NULL) return text;
    struct writer encoded;
    writer_init(&encoded, bytes.size * 2 + 4);
    base64_encode(bytes, &encoded);
    text = json_pack("{s:s%}", "base64", (const char *)encoded.data, encoded.size);
    writer_deinit(&encoded);
    return text;
}

static int put_json(const char *text, size_t size, void *out)
{
    writer_put(out, (struct slice){(const uint8_t *)text, size});
    return 0;
}

static void print_json(const struct record_view *view, struct writer *out)
{
    const struct record *record = view->record;
    json_t *headers = json_array();
    struct slice rest = record->headers;
    for (int32_t i = 0; i < record->header_count; i++) {
        struct slice key, value;
        if (record_header_take(&rest, &key, &value) < 0) break;
        json_array_append_new(
            headers, json_pack("{s:o,s:o}", "key", json_bytes(key), "value", json_bytes(value)));
    }
    json_t *document =
        json_pack("{s:o,s:i,s:I,s:I,s:o,s:o,s:o}", "topic", json_bytes(view->topic), "partition",
                  (int)view->partition, "offset", (json_int_t)record->offset, "timestamp",
                  (json_int_t)record->timestamp, "key", json_bytes(record->key), "value",
                  json_bytes(record->value), "headers", headers);
    int r = json_dump_callback(document, put_json, out, JSON_COMPACT);
    ASSERT(r == 0);
    json_decref(document);
    writer_put_u8(out, '\n');
}

void record_format_print(const struct record_format *format, const struct record_view *view,
                         struct writer *out)
{
    if (format->json) {
        print_json(view, out);
        return;
    }
    for (int i = 0; i < format->count; i++)
        print_item(&format->items[i], view, out);
}

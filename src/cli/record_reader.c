/* Reading records by a format. */
#include "cli/record_reader.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { READ_FIRST_BYTES = 64 << 10 };

/* A place in the input; the bytes may move until the record is whole. */
struct span {
    size_t at; /* from the record's begin */
    size_t size;
};

/* A record half read. */
struct reading {
    struct span spans[RECORD_FORMAT_ITEMS_MAX]; /* of each item */
    int64_t key_size, value_size;               /* -1: not told */
};

/* --- bytes ------------------------------------------------------------------------------------ */

/* 1: there is more than before; 0: the input has ended. */
static int fill(struct record_reader *reader)
{
    if (reader->ended) return 0;
    if (reader->end == reader->capacity && reader->begin > 0) {
        memmove(reader->bytes, reader->bytes + reader->begin, reader->end - reader->begin);
        reader->at -= reader->begin;
        reader->end -= reader->begin;
        reader->begin = 0;
    }
    if (reader->end == reader->capacity) {
        if (reader->capacity >= RECORD_READER_BYTES_MAX) return -EMSGSIZE;
        reader->capacity = reader->capacity == 0 ? READ_FIRST_BYTES : reader->capacity * 2;
        reader->bytes = memory_grow(reader->bytes, reader->capacity);
    }
    ssize_t got;
    do {
        got = read(reader->from, reader->bytes + reader->end, reader->capacity - reader->end);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    reader->ended = got == 0;
    reader->end += (size_t)got;
    return got > 0;
}

static int bad_input(struct record_reader *reader, const char *what)
{
    reader->wrong =
        arena_printf(reader->arena, "record %lld: %s", (long long)reader->count + 1, what);
    return -EBADMSG;
}

static int read_sized(struct record_reader *reader, size_t size, struct span *span)
{
    while (reader->end - reader->at < size) {
        int r = fill(reader);
        if (r < 0) return r;
        if (r == 0) return bad_input(reader, "the input ends within it");
    }
    *span = (struct span){reader->at - reader->begin, size};
    reader->at += size;
    return 0;
}

/* Up to the delimiter, or to the input's end: the last line needs no line end. */
static int read_until(struct record_reader *reader, struct slice delimiter, struct span *span)
{
    size_t searched = reader->at - reader->begin;
    for (;;) {
        const uint8_t *from = reader->bytes + reader->begin + searched;
        size_t size = reader->end - reader->begin - searched;
        const uint8_t *found =
            size < delimiter.size ? NULL : memmem(from, size, delimiter.data, delimiter.size);
        if (found != NULL || reader->ended) {
            const uint8_t *end = found != NULL ? found : reader->bytes + reader->end;
            *span = (struct span){reader->at - reader->begin,
                                  (size_t)(end - reader->bytes) - reader->at};
            reader->at = (size_t)(end - reader->bytes);
            return 0;
        }
        if (size >= delimiter.size) searched += size - delimiter.size + 1;
        int r = fill(reader);
        if (r < 0) return r;
    }
}

static int read_rest(struct record_reader *reader, struct span *span)
{
    int r;
    while ((r = fill(reader)) > 0)
        continue;
    if (r < 0) return r;
    return read_sized(reader, reader->end - reader->at, span);
}

static int read_literal(struct record_reader *reader, struct slice literal, bool last)
{
    struct span span;
    while (reader->end - reader->at < literal.size) {
        int r = fill(reader);
        if (r < 0) return r;
        if (r > 0) continue;
        if (last && reader->at == reader->end) return 0;
        return bad_input(reader, "the input ends within it");
    }
    int r = read_sized(reader, literal.size, &span);
    if (r < 0) return r;
    if (memcmp(reader->bytes + reader->begin + span.at, literal.data, literal.size) != 0)
        return bad_input(reader, "what stands between the fields is not what the format says");
    return 0;
}

/* --- fields ----------------------------------------------------------------------------------- */

static struct slice span_slice(const struct record_reader *reader, struct span span)
{
    return (struct slice){reader->bytes + reader->begin + span.at, span.size};
}

static int decode_number(struct record_reader *reader, const struct record_format_item *item,
                         struct slice bytes, int64_t *number)
{
    int size = record_encoding_size(item->encoding);
    if (size == 0) {
        if (slice_parse_int64(bytes, INT64_MIN, INT64_MAX, number) < 0)
            return bad_input(reader, "what should be a number is none");
        return 0;
    }
    ASSERT(bytes.size == (size_t)size);
    bool little = item->encoding >= RECORD_LITTLE16;
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | bytes.data[little ? size - 1 - i : i];
    *number = (int64_t)value;
    return 0;
}

static int hex_value(uint8_t letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = letter == 0 ? NULL : strchr(digits, letter | (letter > '9' ? 0x20 : 0));
    return at == NULL ? -1 : (int)(at - digits);
}

static int decode_hex(struct record_reader *reader, struct slice text, struct slice *bytes)
{
    uint8_t *out = arena_alloc(reader->arena, text.size / 2);
    for (size_t i = 0; i + 1 < text.size; i += 2) {
        int high = hex_value(text.data[i]);
        int low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0) return -EINVAL;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    *bytes = (struct slice){out, text.size / 2};
    return text.size % 2 == 0 ? 0 : -EINVAL;
}

static int decode_bytes(struct record_reader *reader, const struct record_format_item *item,
                        struct slice text, struct slice *bytes)
{
    int r = 0;
    if (item->encoding == RECORD_HEX)
        r = decode_hex(reader, text, bytes);
    else if (item->encoding == RECORD_BASE64)
        r = base64_decode(text, reader->arena, bytes);
    else
        *bytes = text;
    return r < 0 ? bad_input(reader, "a field is not encoded as the format says") : 0;
}

/* A field ends by a size that was told or is fixed, by the literal that follows, or by the end. */
static int read_field(struct record_reader *reader, int index, const struct reading *reading,
                      struct span *span)
{
    const struct record_format *format = reader->format;
    const struct record_format_item *item = &format->items[index];
    int64_t told = -1;
    if (item->field == RECORD_KEY) told = reading->key_size;
    if (item->field == RECORD_VALUE) told = reading->value_size;
    if (item->size > 0) told = item->size;
    if (record_encoding_size(item->encoding) > 0) told = record_encoding_size(item->encoding);
    if (told > RECORD_READER_BYTES_MAX) return -EMSGSIZE;
    if (told >= 0) return read_sized(reader, (size_t)told, span);
    if (index + 1 == format->count) return read_rest(reader, span);
    ASSERT(format->items[index + 1].field == RECORD_LITERAL);
    return read_until(reader, format->items[index + 1].literal, span);
}

static int read_item(struct record_reader *reader, int index, struct reading *reading)
{
    const struct record_format_item *item = &reader->format->items[index];
    if (item->field == RECORD_LITERAL)
        return read_literal(reader, item->literal, index + 1 == reader->format->count);
    struct span *span = &reading->spans[index];
    int r = read_field(reader, index, reading, span);
    if (r < 0) return r;
    if (item->field == RECORD_KEY_SIZE)
        return decode_number(reader, item, span_slice(reader, *span), &reading->key_size);
    if (item->field == RECORD_VALUE_SIZE)
        return decode_number(reader, item, span_slice(reader, *span), &reading->value_size);
    return 0;
}

static int decode_item(struct record_reader *reader, const struct record_format_item *item,
                       struct slice bytes, struct record_input *record)
{
    int64_t number;
    if (item->field == RECORD_KEY) return decode_bytes(reader, item, bytes, &record->key);
    if (item->field == RECORD_VALUE) return decode_bytes(reader, item, bytes, &record->value);
    if (item->field == RECORD_TIMESTAMP)
        return decode_number(reader, item, bytes, &record->timestamp_ms);
    if (item->field != RECORD_PARTITION) return 0;
    int r = decode_number(reader, item, bytes, &number);
    if (r == 0 && (number < 0 || number > INT32_MAX))
        r = bad_input(reader, "there is no such partition");
    if (r == 0) record->partition = (int32_t)number;
    return r;
}

static int read_by_items(struct record_reader *reader, struct record_input *record)
{
    struct reading reading = {.key_size = -1, .value_size = -1};
    for (int i = 0; i < reader->format->count; i++) {
        int r = read_item(reader, i, &reading);
        if (r < 0) return r;
    }
    for (int i = 0; i < reader->format->count; i++) {
        struct slice bytes = span_slice(reader, reading.spans[i]);
        int r = decode_item(reader, &reader->format->items[i], bytes, record);
        if (r < 0) return r;
    }
    return 1;
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* A string, {"base64": "…"}, or null. Anything else is taken as the JSON that it is. */
static int decode_json_bytes(struct record_reader *reader, const json_t *value, struct slice *bytes)
{
    const json_t *base64 = json_object_get(value, "base64");
    *bytes = SLICE_NULL;
    if (value == NULL || json_is_null(value)) return 0;
    if (json_is_string(base64) && json_object_size(value) == 1) {
        struct slice text = slice_of(json_string_value(base64));
        return base64_decode(arena_copy(reader->arena, text), reader->arena, bytes);
    }
    if (json_is_string(value)) {
        struct slice text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
        *bytes = arena_copy(reader->arena, text);
        return 0;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    ASSERT(text != NULL);
    *bytes = arena_copy(reader->arena, slice_of(text));
    free(text);
    return 0;
}

static int decode_json_headers(struct record_reader *reader, const json_t *headers,
                               struct record_input *record)
{
    size_t count = json_array_size(headers);
    if (count > RECORD_READER_HEADERS_MAX) return -EINVAL;
    record->headers = arena_alloc(reader->arena, count * sizeof(record->headers[0]));
    record->header_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        const json_t *header = json_array_get(headers, i);
        int r = decode_json_bytes(reader, json_object_get(header, "key"), &record->headers[i][0]);
        if (r == 0)
            r = decode_json_bytes(reader, json_object_get(header, "value"), &record->headers[i][1]);
        if (r < 0 || slice_is_null(record->headers[i][0])) return -EINVAL;
    }
    return 0;
}

static int decode_json(struct record_reader *reader, const json_t *document,
                       struct record_input *record)
{
    const json_t *partition = json_object_get(document, "partition");
    const json_t *timestamp = json_object_get(document, "timestamp");
    if (json_is_integer(partition)) record->partition = (int32_t)json_integer_value(partition);
    if (json_is_integer(timestamp)) record->timestamp_ms = json_integer_value(timestamp);
    int r = decode_json_bytes(reader, json_object_get(document, "key"), &record->key);
    if (r == 0) r = decode_json_bytes(reader, json_object_get(document, "value"), &record->value);
    if (r == 0) r = decode_json_headers(reader, json_object_get(document, "headers"), record);
    return r;
}

static int read_json(struct record_reader *reader, struct record_input *record)
{
    struct span line;
    int r = read_until(reader, SLICE("\n"), &line);
    if (r == 0) r = read_literal(reader, SLICE("\n"), true);
    if (r < 0) return r;
    struct slice text = span_slice(reader, line);
    json_t *document = json_loadb((const char *)text.data, text.size, JSON_ALLOW_NUL, NULL);
    r = json_is_object(document) ? decode_json(reader, document, record) : -EINVAL;
    json_decref(document);
    return r < 0 ? bad_input(reader, "no JSON object with value, key, headers …") : 1;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int cannot_read(const char *why, struct slice *wrong)
{
    *wrong = slice_of(why);
    return -EINVAL;
}

int record_reader_check(const struct record_format *format, struct slice *wrong)
{
    bool key_sized = false;
    bool value_sized = false;
    if (!format->json && format->count == 0) return cannot_read("the format is empty", wrong);
    for (int i = 0; i < format->count; i++) {
        const struct record_format_item *item = &format->items[i];
        bool is_last = i + 1 == format->count;
        bool sized = item->size > 0 || record_encoding_size(item->encoding) > 0 ||
                     (item->field == RECORD_KEY && key_sized) ||
                     (item->field == RECORD_VALUE && value_sized);
        key_sized = key_sized || item->field == RECORD_KEY_SIZE;
        value_sized = value_sized || item->field == RECORD_VALUE_SIZE;
        if (item->field == RECORD_HEADERS || item->encoding == RECORD_RFC3339)
            return cannot_read("%h and dates can be printed only", wrong);
        bool delimited = is_last || format->items[i + 1].field == RECORD_LITERAL;
        if (item->field != RECORD_LITERAL && !sized && !delimited)
            return cannot_read("two fields need something between them", wrong);
    }
    return 0;
}

void record_reader_open(struct record_reader *reader, int from, const struct record_format *format,
                        struct arena *arena)
{
    *reader = (struct record_reader){.format = format, .from = from, .arena = arena};
}

void record_reader_close(struct record_reader *reader)
{
    memory_free(reader->bytes);
    reader->bytes = NULL;
}

int record_reader_next(struct record_reader *reader, struct record_input *record)
{
    arena_reset(reader->arena);
    reader->begin = reader->at;
    while (reader->at == reader->end) {
        int r = fill(reader);
        if (r <= 0) return r;
    }
    *record = (struct record_input){.partition = -1, .timestamp_ms = -1};
    int r = reader->format->json ? read_json(reader, record) : read_by_items(reader, record);
    if (r > 0) reader->count++;
    return r;
}

bool record_reader_would_wait(const struct record_reader *reader)
{
    if (reader->at < reader->end || reader->ended) return false;
    struct pollfd input = {.fd = reader->from, .events = POLLIN};
    return poll(&input, 1, 0) == 0;
}

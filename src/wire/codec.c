/*
 * Decoding, and what the tables alone can tell. Encoding is in encode.c, printing in print.c.
 *
 * Old encoding: strings have an int16 length, bytes, records and arrays an int32 one; -1 is null.
 * Flexible encoding (KIP-482): lengths are unsigned varints of length + 1, 0 is null, and every
 * struct ends with its tagged fields: their count, then tag, size and value of each, in ascending
 * tags.
 */
#include "wire/codec.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/varint.h"
#include "wire/codec_private.h"

struct decoder {
    struct slice in;
    struct arena *arena;
    int16_t version;
    bool flexible;
};

/* --- defaults --------------------------------------------------------------------------------- */

static void default_number(const struct wire_field *field, void *value)
{
    switch (field->kind) {
    case WIRE_BOOL:
        *(bool *)value = field->number != 0;
        break;
    case WIRE_INT8:
        *(int8_t *)value = (int8_t)field->number;
        break;
    case WIRE_INT16:
    case WIRE_UINT16:
        *(uint16_t *)value = (uint16_t)field->number;
        break;
    case WIRE_INT32:
    case WIRE_UINT32:
        *(uint32_t *)value = (uint32_t)field->number;
        break;
    case WIRE_INT64:
        *(int64_t *)value = field->number;
        break;
    case WIRE_FLOAT64:
        *(double *)value = 0;
        break;
    case WIRE_UUID:
        *(struct uuid *)value = UUID_ZERO;
        break;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
    case WIRE_STRUCT:
        ASSERT(false);
    }
}

static void default_field(const struct wire_field *field, uint8_t *base)
{
    void *value = base + field->offset;
    if (field->flags & WIRE_ARRAY) {
        *(void **)value = NULL;
        *(int32_t *)(void *)(base + field->count_offset) =
            field->flags & WIRE_DEFAULT_NULL ? -1 : 0;
    } else if (field->kind == WIRE_STRUCT && (field->flags & WIRE_POINTER)) {
        *(const void **)value = field->flags & WIRE_DEFAULT_NULL ? NULL : field->type->initial;
    } else if (field->kind == WIRE_STRUCT) {
        wire_type_defaults(field->type, value);
    } else if (wire_kind_is_slice(field->kind)) {
        struct slice text = field->text != NULL ? slice_of(field->text) : SLICE("");
        *(struct slice *)value = field->flags & WIRE_DEFAULT_NULL ? SLICE_NULL : text;
    } else {
        default_number(field, value);
    }
}

void wire_type_defaults(const struct wire_type *type, void *value)
{
    for (size_t i = 0; i < type->field_count; i++)
        default_field(&type->fields[i], value);
}

static bool has_field(const struct wire_field *field, int16_t version)
{
    return version >= field->first && version <= field->last;
}

int32_t *wire_int32(const struct wire_message *message, int16_t version, const char *name,
                    void *value)
{
    for (size_t i = 0; i < message->type->field_count; i++) {
        const struct wire_field *field = &message->type->fields[i];
        if (strcmp(field->name, name) != 0 || !has_field(field, version)) continue;
        ASSERT(field->kind == WIRE_INT32);
        ASSERT(!(field->flags & WIRE_ARRAY));
        return (int32_t *)(void *)((uint8_t *)value + field->offset);
    }
    return NULL;
}

bool wire_begins_with(const struct wire_message *message, int16_t version, const char *name)
{
    for (size_t i = 0; i < message->type->field_count; i++) {
        const struct wire_field *field = &message->type->fields[i];
        if (has_field(field, version)) return strcmp(field->name, name) == 0;
    }
    return false;
}

/* Out of line: where gcc sees a small struct it takes fields of other messages for its own. */
__attribute__((noinline)) void wire_defaults(const struct wire_message *message, void *value)
{
    wire_type_defaults(message->type, value);
}

/* --- numbers ---------------------------------------------------------------------------------- */

size_t wire_kind_size(enum wire_kind kind)
{
    switch (kind) {
    case WIRE_BOOL:
    case WIRE_INT8:
        return 1;
    case WIRE_INT16:
    case WIRE_UINT16:
        return 2;
    case WIRE_INT32:
    case WIRE_UINT32:
        return 4;
    case WIRE_INT64:
    case WIRE_FLOAT64:
        return 8;
    case WIRE_UUID:
        return 16;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        return sizeof(struct slice);
    case WIRE_STRUCT:
        break;
    }
    ASSERT(false);
    return 0;
}

static int decode_number(struct decoder *decoder, enum wire_kind kind, void *value)
{
    struct slice bytes;
    int r = slice_take(&decoder->in, wire_kind_size(kind), &bytes);
    if (r < 0) return r;
    switch (kind) {
    case WIRE_BOOL:
        *(bool *)value = bytes.data[0] != 0;
        break;
    case WIRE_INT8:
        *(int8_t *)value = (int8_t)bytes.data[0];
        break;
    case WIRE_INT16:
    case WIRE_UINT16:
        *(uint16_t *)value = load_be16(bytes.data);
        break;
    case WIRE_INT32:
    case WIRE_UINT32:
        *(uint32_t *)value = load_be32(bytes.data);
        break;
    case WIRE_INT64:
        *(int64_t *)value = (int64_t)load_be64(bytes.data);
        break;
    case WIRE_FLOAT64: {
        uint64_t bits = load_be64(bytes.data);
        memcpy(value, &bits, sizeof(bits));
        break;
    }
    case WIRE_UUID:
        memcpy(value, bytes.data, sizeof(struct uuid));
        break;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
    case WIRE_STRUCT:
        ASSERT(false);
    }
    return 0;
}

/* --- lengths ---------------------------------------------------------------------------------- */

/* A length or a count; every negative one means null, as in Kafka's own readers. */
static int decode_length(struct decoder *decoder, bool flexible, bool is_short, int32_t *length)
{
    if (flexible) {
        uint32_t plus_one;
        int r = uvarint32_take(&decoder->in, &plus_one);
        if (r < 0) return r;
        *length = (int32_t)(plus_one - 1);
        return 0;
    }
    struct slice bytes;
    int r = slice_take(&decoder->in, is_short ? 2 : 4, &bytes);
    if (r < 0) return r;
    *length = is_short ? (int16_t)load_be16(bytes.data) : (int32_t)load_be32(bytes.data);
    return 0;
}

static bool may_be_null(const struct decoder *decoder, const struct wire_field *field)
{
    return decoder->version >= field->null_first && decoder->version <= field->null_last;
}

static bool is_flexible_here(const struct decoder *decoder, const struct wire_field *field)
{
    return decoder->flexible && !(field->flags & WIRE_NEVER_FLEXIBLE);
}

static int decode_slice(struct decoder *decoder, const struct wire_field *field, bool nullable,
                        struct slice *value)
{
    int32_t length;
    int r = decode_length(decoder, is_flexible_here(decoder, field), field->kind == WIRE_STRING,
                          &length);
    if (r < 0) return r;
    if (length < 0) {
        if (!nullable) return -EBADMSG;
        *value = SLICE_NULL;
        return 0;
    }
    return slice_take(&decoder->in, (size_t)length, value);
}

/* --- structs and arrays ----------------------------------------------------------------------- */

static int decode_type(struct decoder *decoder, const struct wire_type *type, void *value);

/* The fewest bytes that one value of this kind takes. */
static size_t least_size(const struct decoder *decoder, const struct wire_field *field);

static size_t least_type_size(const struct decoder *decoder, const struct wire_type *type)
{
    size_t size = decoder->flexible ? 1 : 0; /* the count of tagged fields */
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (decoder->version < field->first || decoder->version > field->last) continue;
        if (decoder->version >= field->tagged_first && decoder->version <= field->tagged_last)
            continue;
        if (field->flags & WIRE_ARRAY)
            size += decoder->flexible ? 1 : 4;
        else
            size += least_size(decoder, field);
    }
    return size;
}

static size_t least_size(const struct decoder *decoder, const struct wire_field *field)
{
    if (field->kind == WIRE_STRUCT)
        return field->flags & WIRE_POINTER ? 1 : least_type_size(decoder, field->type);
    if (wire_kind_is_slice(field->kind))
        return is_flexible_here(decoder, field) ? 1 : field->kind == WIRE_STRING ? 2 : 4;
    return wire_kind_size(field->kind);
}

static int decode_array(struct decoder *decoder, const struct wire_field *field, uint8_t *base)
{
    int32_t *count_at = (void *)(base + field->count_offset);
    void **items_at = (void *)(base + field->offset);
    int32_t count;
    int r = decode_length(decoder, is_flexible_here(decoder, field), false, &count);
    if (r < 0) return r;
    *items_at = NULL;
    if (count < 0) {
        if (!may_be_null(decoder, field)) return -EBADMSG;
        *count_at = -1;
        return 0;
    }
    /* A count is believed when the bytes for that many are there (CVE-2022-34917). */
    size_t least = least_size(decoder, field);
    if (least == 0) least = 1;
    if ((size_t)count > decoder->in.size / least) return -EBADMSG;
    size_t size = field->kind == WIRE_STRUCT ? field->type->size : wire_kind_size(field->kind);
    uint8_t *items = NULL;
    if (count > 0) {
        items = arena_try_alloc(decoder->arena, (size_t)count * size);
        if (items == NULL) return -ENOMEM;
    }
    for (int32_t i = 0; i < count && r == 0; i++) {
        void *item = items + (size_t)i * size;
        if (field->kind == WIRE_STRUCT)
            r = decode_type(decoder, field->type, item);
        else if (wire_kind_is_slice(field->kind))
            r = decode_slice(decoder, field, false, item);
        else
            r = decode_number(decoder, field->kind, item);
    }
    *items_at = items;
    *count_at = count;
    return r;
}

/* A byte tells whether it is null: -1 or 1, but 0 or 1 in tagged fields. */
static int decode_pointer(struct decoder *decoder, const struct wire_field *field, void **value)
{
    struct slice mark;
    *value = NULL;
    if (may_be_null(decoder, field)) {
        int r = slice_take(&decoder->in, 1, &mark);
        if (r < 0) return r;
        if ((int8_t)mark.data[0] < (field->tag >= 0 ? 1 : 0)) return 0;
    }
    *value = arena_try_alloc(decoder->arena, field->type->size);
    if (*value == NULL) return -ENOMEM;
    return decode_type(decoder, field->type, *value);
}

static int decode_field(struct decoder *decoder, const struct wire_field *field, uint8_t *base)
{
    void *value = base + field->offset;
    if (field->flags & WIRE_ARRAY) return decode_array(decoder, field, base);
    if (field->kind == WIRE_STRUCT)
        return field->flags & WIRE_POINTER ? decode_pointer(decoder, field, value)
                                           : decode_type(decoder, field->type, value);
    if (wire_kind_is_slice(field->kind))
        return decode_slice(decoder, field, may_be_null(decoder, field), value);
    return decode_number(decoder, field->kind, value);
}

static const struct wire_field *find_tag(const struct decoder *decoder,
                                         const struct wire_type *type, uint32_t tag)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (field->tag == (int64_t)tag && decoder->version >= field->tagged_first &&
            decoder->version <= field->tagged_last)
            return field;
    }
    return NULL;
}

static int decode_tagged(struct decoder *decoder, const struct wire_type *type, uint8_t *base)
{
    uint32_t count;
    int r = uvarint32_take(&decoder->in, &count);
    int64_t previous = -1;
    while (r == 0 && count-- > 0) {
        uint32_t tag, size;
        struct slice value;
        r = uvarint32_take(&decoder->in, &tag);
        if (r == 0) r = uvarint32_take(&decoder->in, &size);
        if (r == 0) r = slice_take(&decoder->in, size, &value);
        if (r < 0) return r;
        if ((int64_t)tag <= previous) return -EBADMSG; /* twice, or out of order */
        previous = tag;
        const struct wire_field *field = find_tag(decoder, type, tag);
        if (field == NULL) continue; /* a newer peer's: not for us */
        struct decoder inner = *decoder;
        inner.in = value;
        r = decode_field(&inner, field, base);
        if (r == 0 && inner.in.size != 0) r = -EBADMSG;
    }
    return r;
}

static int decode_type(struct decoder *decoder, const struct wire_type *type, void *value)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        bool here = decoder->version >= field->first && decoder->version <= field->last;
        bool tagged =
            decoder->version >= field->tagged_first && decoder->version <= field->tagged_last;
        if (!here || tagged) {
            default_field(field, value);
            continue;
        }
        int r = decode_field(decoder, field, value);
        if (r < 0) return r;
    }
    return decoder->flexible ? decode_tagged(decoder, type, value) : 0;
}

int wire_decode(const struct wire_message *message, int16_t version, struct slice *input,
                struct arena *arena, void *decoded)
{
    if (version < message->version_min || version > message->version_max) return -ENOTSUP;
    struct decoder decoder = {*input, arena, version, wire_is_flexible(message, version)};
    int r = decode_type(&decoder, message->type, decoded);
    if (r < 0) return r;
    ASSERT(decoder.in.size <= input->size);
    *input = decoder.in;
    return 0;
}

/* --- what the tables tell --------------------------------------------------------------------- */

bool wire_kind_is_slice(enum wire_kind kind)
{
    return kind == WIRE_STRING || kind == WIRE_BYTES || kind == WIRE_RECORDS;
}

const char *wire_message_name(const struct wire_message *message)
{
    return message->name;
}

int16_t wire_version_min(const struct wire_message *message)
{
    return message->version_min;
}

int16_t wire_version_max(const struct wire_message *message)
{
    return message->version_max;
}

bool wire_is_flexible(const struct wire_message *message, int16_t version)
{
    return version >= message->flexible_from;
}

size_t wire_struct_size(const struct wire_message *message)
{
    return message->type->size;
}

int16_t wire_message_id(const struct wire_message *message)
{
    return message->id;
}

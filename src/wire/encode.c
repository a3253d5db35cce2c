/* Encoding, sizes, comparison. codec.c draws the formats. */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/varint.h"
#include "wire/codec.h"
#include "wire/codec_private.h"

/* Without a writer only the size is counted. */
struct encoder {
    struct writer *writer;
    struct wire_holes *holes;
    int64_t size;
    int16_t version;
    bool flexible;
};

static void put(struct encoder *encoder, const void *bytes, size_t size)
{
    encoder->size += (int64_t)size;
    if (encoder->writer != NULL) writer_put(encoder->writer, (struct slice){bytes, size});
}

static void put_uvarint(struct encoder *encoder, uint64_t value)
{
    encoder->size += (int64_t)uvarint_size(value);
    if (encoder->writer != NULL) writer_put_uvarint(encoder->writer, value);
}

static void put_number(struct encoder *encoder, enum wire_kind kind, const void *value)
{
    uint8_t bytes[8];
    switch (kind) {
    case WIRE_BOOL:
        bytes[0] = *(const bool *)value ? 1 : 0;
        break;
    case WIRE_INT8:
        bytes[0] = *(const uint8_t *)value;
        break;
    case WIRE_INT16:
    case WIRE_UINT16:
        store_be16(bytes, *(const uint16_t *)value);
        break;
    case WIRE_INT32:
    case WIRE_UINT32:
        store_be32(bytes, *(const uint32_t *)value);
        break;
    case WIRE_INT64:
        store_be64(bytes, *(const uint64_t *)value);
        break;
    case WIRE_FLOAT64: {
        uint64_t bits;
        memcpy(&bits, value, sizeof(bits));
        store_be64(bytes, bits);
        break;
    }
    case WIRE_UUID:
        put(encoder, value, sizeof(struct uuid));
        return;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
    case WIRE_STRUCT:
        ASSERT(false);
    }
    put(encoder, bytes, wire_kind_size(kind));
}

/* -1 is null. */
static int put_length(struct encoder *encoder, bool flexible, bool is_short, int64_t length)
{
    if (length > (is_short && !flexible ? INT16_MAX : INT32_MAX - 1)) return -EINVAL;
    if (flexible) {
        put_uvarint(encoder, (uint64_t)(length + 1));
    } else if (is_short) {
        int16_t value = (int16_t)length;
        put_number(encoder, WIRE_INT16, &value);
    } else {
        int32_t value = (int32_t)length;
        put_number(encoder, WIRE_INT32, &value);
    }
    return 0;
}

static bool may_be_null(const struct encoder *encoder, const struct wire_field *field)
{
    return encoder->version >= field->null_first && encoder->version <= field->null_last;
}

static bool is_flexible_here(const struct encoder *encoder, const struct wire_field *field)
{
    return encoder->flexible && !(field->flags & WIRE_NEVER_FLEXIBLE);
}

/* Records that come from elsewhere: their place is kept free. */
static void put_hole(struct encoder *encoder, size_t size)
{
    encoder->size += (int64_t)size;
    if (encoder->writer == NULL) return;
    struct wire_holes *holes = encoder->holes;
    ASSERT(holes != NULL);
    ASSERT(holes->count < holes->capacity);
    holes->items[holes->count++] = (struct wire_hole){encoder->writer->size, size};
}

static int put_slice(struct encoder *encoder, const struct wire_field *field, bool nullable,
                     const struct slice *value)
{
    bool hole = value->data == NULL && value->size > 0;
    bool null = value->data == NULL && !hole;
    if (null && !nullable) return -EINVAL;
    int r = put_length(encoder, is_flexible_here(encoder, field), field->kind == WIRE_STRING,
                       null ? -1 : (int64_t)value->size);
    if (r < 0) return r;
    if (hole) {
        ASSERT(field->kind == WIRE_RECORDS);
        put_hole(encoder, value->size);
    } else if (!null) {
        put(encoder, value->data, value->size);
    }
    return 0;
}

static int put_type(struct encoder *encoder, const struct wire_type *type, const void *value);

static int put_array(struct encoder *encoder, const struct wire_field *field, const uint8_t *base)
{
    int32_t count = *(const int32_t *)(const void *)(base + field->count_offset);
    const uint8_t *items = *(const uint8_t *const *)(const void *)(base + field->offset);
    if (count < 0 && !may_be_null(encoder, field)) return -EINVAL;
    int r = put_length(encoder, is_flexible_here(encoder, field), false, count < 0 ? -1 : count);
    size_t size = field->kind == WIRE_STRUCT ? field->type->size : wire_kind_size(field->kind);
    for (int32_t i = 0; i < count && r == 0; i++) {
        const void *item = items + (size_t)i * size;
        if (field->kind == WIRE_STRUCT)
            r = put_type(encoder, field->type, item);
        else if (wire_kind_is_slice(field->kind))
            r = put_slice(encoder, field, false, item);
        else
            put_number(encoder, field->kind, item);
    }
    return r;
}

static int put_pointer(struct encoder *encoder, const struct wire_field *field, const void *value)
{
    if (value == NULL && !may_be_null(encoder, field)) return -EINVAL;
    if (may_be_null(encoder, field)) {
        int8_t null = field->tag >= 0 ? 0 : -1;
        int8_t mark = value == NULL ? null : 1;
        put_number(encoder, WIRE_INT8, &mark);
    }
    return value == NULL ? 0 : put_type(encoder, field->type, value);
}

static int put_field(struct encoder *encoder, const struct wire_field *field, const uint8_t *base)
{
    const void *value = base + field->offset;
    if (field->flags & WIRE_ARRAY) return put_array(encoder, field, base);
    if (field->kind == WIRE_STRUCT)
        return field->flags & WIRE_POINTER
                   ? put_pointer(encoder, field, *(const void *const *)value)
                   : put_type(encoder, field->type, value);
    if (wire_kind_is_slice(field->kind))
        return put_slice(encoder, field, may_be_null(encoder, field), value);
    put_number(encoder, field->kind, value);
    return 0;
}

static bool is_tagged(const struct encoder *encoder, const struct wire_field *field)
{
    return encoder->version >= field->tagged_first && encoder->version <= field->tagged_last;
}

/* The set tagged field with the least tag above `after`; NULL: none. */
static const struct wire_field *next_tagged(const struct encoder *encoder,
                                            const struct wire_type *type, const void *value,
                                            int32_t after)
{
    const struct wire_field *next = NULL;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (!is_tagged(encoder, field) || field->tag <= after) continue;
        if (next != NULL && next->tag < field->tag) continue;
        if (!wire_is_default(field, value)) next = field;
    }
    return next;
}

static int put_tagged(struct encoder *encoder, const struct wire_type *type, const void *value)
{
    uint64_t count = 0;
    const struct wire_field *field = NULL;
    while ((field = next_tagged(encoder, type, value, field == NULL ? -1 : field->tag)) != NULL)
        count++;
    put_uvarint(encoder, count);
    while ((field = next_tagged(encoder, type, value, field == NULL ? -1 : field->tag)) != NULL) {
        struct encoder counting = {.version = encoder->version, .flexible = encoder->flexible};
        int r = put_field(&counting, field, value);
        if (r < 0) return r;
        put_uvarint(encoder, (uint64_t)field->tag);
        put_uvarint(encoder, (uint64_t)counting.size);
        r = put_field(encoder, field, value);
        if (r < 0) return r;
    }
    return 0;
}

static int put_type(struct encoder *encoder, const struct wire_type *type, const void *value)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (encoder->version < field->first || encoder->version > field->last) {
            /* What this version cannot say must not have been meant. */
            if (!(field->flags & WIRE_IGNORABLE) && !wire_is_default(field, value)) return -EINVAL;
            continue;
        }
        if (is_tagged(encoder, field)) continue;
        int r = put_field(encoder, field, value);
        if (r < 0) return r;
    }
    return encoder->flexible ? put_tagged(encoder, type, value) : 0;
}

int wire_encode(const struct wire_message *message, int16_t version, const void *value,
                struct writer *writer, struct wire_holes *holes)
{
    if (version < message->version_min || version > message->version_max) return -ENOTSUP;
    struct encoder encoder = {.writer = writer,
                              .holes = holes,
                              .version = version,
                              .flexible = wire_is_flexible(message, version)};
    int r = put_type(&encoder, message->type, value);
    return r < 0 ? r : writer_error(writer);
}

int64_t wire_size(const struct wire_message *message, int16_t version, const void *value)
{
    if (version < message->version_min || version > message->version_max) return -ENOTSUP;
    struct encoder encoder = {.version = version, .flexible = wire_is_flexible(message, version)};
    int r = put_type(&encoder, message->type, value);
    return r < 0 ? r : encoder.size;
}

/* --- comparison ------------------------------------------------------------------------------- */

static bool number_is_default(const struct wire_field *field, const void *value)
{
    switch (field->kind) {
    case WIRE_BOOL:
        return *(const bool *)value == (field->number != 0);
    case WIRE_INT8:
        return *(const int8_t *)value == field->number;
    case WIRE_INT16:
    case WIRE_UINT16:
        return *(const uint16_t *)value == (uint16_t)field->number;
    case WIRE_INT32:
    case WIRE_UINT32:
        return *(const uint32_t *)value == (uint32_t)field->number;
    case WIRE_INT64:
        return *(const int64_t *)value == field->number;
    case WIRE_FLOAT64: {
        uint64_t bits;
        memcpy(&bits, value, sizeof(bits));
        return bits == 0;
    }
    case WIRE_UUID:
        return uuid_is_zero(value);
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
    case WIRE_STRUCT:
        break;
    }
    ASSERT(false);
    return false;
}

static bool type_is_default(const struct wire_type *type, const void *value)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (!wire_is_default(&type->fields[i], value)) return false;
    }
    return true;
}

bool wire_is_default(const struct wire_field *field, const void *base)
{
    const uint8_t *at = base;
    const void *value = at + field->offset;
    if (field->flags & WIRE_ARRAY) {
        int32_t count = *(const int32_t *)(const void *)(at + field->count_offset);
        return field->flags & WIRE_DEFAULT_NULL ? count < 0 : count == 0;
    }
    if (field->kind == WIRE_STRUCT && (field->flags & WIRE_POINTER)) {
        const void *pointer = *(const void *const *)value;
        if (field->flags & WIRE_DEFAULT_NULL) return pointer == NULL;
        return pointer != NULL && type_is_default(field->type, pointer);
    }
    if (field->kind == WIRE_STRUCT) return type_is_default(field->type, value);
    if (wire_kind_is_slice(field->kind)) {
        const struct slice *slice = value;
        if (field->flags & WIRE_DEFAULT_NULL) return slice->data == NULL && slice->size == 0;
        return slice->data != NULL &&
               slice_equal(*slice, field->text != NULL ? slice_of(field->text) : SLICE(""));
    }
    return number_is_default(field, value);
}

static bool item_equal(const struct wire_field *field, const void *a, const void *b)
{
    if (field->kind == WIRE_STRUCT) return wire_type_equal(field->type, a, b);
    if (wire_kind_is_slice(field->kind))
        return slice_equal(*(const struct slice *)a, *(const struct slice *)b);
    return memcmp(a, b, wire_kind_size(field->kind)) == 0;
}

static bool array_equal(const struct wire_field *field, const uint8_t *a, const uint8_t *b)
{
    int32_t count = *(const int32_t *)(const void *)(a + field->count_offset);
    if (count != *(const int32_t *)(const void *)(b + field->count_offset)) return false;
    const uint8_t *items_a = *(const uint8_t *const *)(const void *)(a + field->offset);
    const uint8_t *items_b = *(const uint8_t *const *)(const void *)(b + field->offset);
    size_t size = field->kind == WIRE_STRUCT ? field->type->size : wire_kind_size(field->kind);
    for (int32_t i = 0; i < count; i++) {
        if (!item_equal(field, items_a + (size_t)i * size, items_b + (size_t)i * size))
            return false;
    }
    return true;
}

static bool field_equal(const struct wire_field *field, const uint8_t *a, const uint8_t *b)
{
    if (field->flags & WIRE_ARRAY) return array_equal(field, a, b);
    const void *left = a + field->offset;
    const void *right = b + field->offset;
    if (field->kind == WIRE_STRUCT && (field->flags & WIRE_POINTER)) {
        left = *(const void *const *)left;
        right = *(const void *const *)right;
        if (left == NULL || right == NULL) return left == right;
    }
    return item_equal(field, left, right);
}

bool wire_type_equal(const struct wire_type *type, const void *a, const void *b)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (!field_equal(&type->fields[i], a, b)) return false;
    }
    return true;
}

bool wire_equal(const struct wire_message *message, const void *a, const void *b)
{
    return wire_type_equal(message->type, a, b);
}

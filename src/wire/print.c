/* One line of JSON, for logs and the command line. */
#include "wire/codec.h"
#include "wire/codec_private.h"

static void print_type(const struct wire_type *type, int16_t version, const void *value,
                       struct writer *writer);

static void print_text(struct slice text, struct writer *writer)
{
    writer_put_u8(writer, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\')
            writer_printf(writer, "\\%c", byte);
        else if (byte < 0x20)
            writer_printf(writer, "\\u%04x", byte);
        else
            writer_put_u8(writer, byte);
    }
    writer_put_u8(writer, '"');
}

/* JSON has no such numbers: Jackson, which writes Kafka's dumps, quotes their names. */
static void print_real(double value, struct writer *writer)
{
    if (__builtin_isnan(value))
        writer_printf(writer, "\"NaN\"");
    else if (__builtin_isinf(value))
        writer_printf(writer, value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    else
        writer_printf(writer, "%.17g", value);
}

static void print_slice(const struct wire_field *field, struct slice value, struct writer *writer)
{
    if (value.data == NULL && value.size == 0)
        writer_printf(writer, "null");
    else if (field->kind == WIRE_STRING)
        print_text(value, writer);
    else
        writer_printf(writer, "{\"bytes\":%zu}", value.size);
}

static void print_item(const struct wire_field *field, int16_t version, const void *value,
                       struct writer *writer)
{
    switch (field->kind) {
    case WIRE_BOOL:
        writer_printf(writer, *(const bool *)value ? "true" : "false");
        break;
    case WIRE_INT8:
        writer_printf(writer, "%d", *(const int8_t *)value);
        break;
    case WIRE_INT16:
        writer_printf(writer, "%d", *(const int16_t *)value);
        break;
    case WIRE_UINT16:
        writer_printf(writer, "%u", *(const uint16_t *)value);
        break;
    case WIRE_INT32:
        writer_printf(writer, "%d", *(const int32_t *)value);
        break;
    case WIRE_UINT32:
        writer_printf(writer, "%u", *(const uint32_t *)value);
        break;
    case WIRE_INT64:
        writer_printf(writer, "%lld", (long long)*(const int64_t *)value);
        break;
    case WIRE_FLOAT64:
        print_real(*(const double *)value, writer);
        break;
    case WIRE_UUID: {
        char text[UUID_TEXT_SIZE];
        uuid_format(value, text);
        writer_printf(writer, "\"%s\"", text);
        break;
    }
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        print_slice(field, *(const struct slice *)value, writer);
        break;
    case WIRE_STRUCT:
        print_type(field->type, version, value, writer);
        break;
    }
}

static void print_array(const struct wire_field *field, int16_t version, const uint8_t *base,
                        struct writer *writer)
{
    int32_t count = *(const int32_t *)(const void *)(base + field->count_offset);
    const uint8_t *items = *(const uint8_t *const *)(const void *)(base + field->offset);
    size_t size = field->kind == WIRE_STRUCT ? field->type->size : wire_kind_size(field->kind);
    if (count < 0) {
        writer_printf(writer, "null");
        return;
    }
    writer_put_u8(writer, '[');
    for (int32_t i = 0; i < count; i++) {
        if (i > 0) writer_put_u8(writer, ',');
        print_item(field, version, items + (size_t)i * size, writer);
    }
    writer_put_u8(writer, ']');
}

static void print_type(const struct wire_type *type, int16_t version, const void *value,
                       struct writer *writer)
{
    const uint8_t *base = value;
    bool first = true;
    writer_put_u8(writer, '{');
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (version < field->first || version > field->last) continue;
        writer_printf(writer, "%s\"%s\":", first ? "" : ",", field->name);
        first = false;
        const void *at = base + field->offset;
        if (field->flags & WIRE_ARRAY) {
            print_array(field, version, base, writer);
            continue;
        }
        if (field->kind == WIRE_STRUCT && (field->flags & WIRE_POINTER)) {
            at = *(const void *const *)at;
            if (at == NULL) {
                writer_printf(writer, "null");
                continue;
            }
        }
        print_item(field, version, at, writer);
    }
    writer_put_u8(writer, '}');
}

void wire_print(const struct wire_message *message, int16_t version, const void *value,
                struct writer *writer)
{
    print_type(message->type, version, value, writer);
}

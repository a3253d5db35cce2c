#include "base/writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

enum { FIRST_CAPACITY = 256 };

void writer_init(struct writer *writer, size_t max_bytes)
{
    *writer = (struct writer){.max = max_bytes};
}

void writer_deinit(struct writer *writer)
{
    memory_free(writer->data);
    *writer = (struct writer){.max = writer->max};
}

void writer_reset(struct writer *writer)
{
    writer->size = 0;
    writer->error = 0;
}

uint8_t *writer_extend(struct writer *writer, size_t size)
{
    if (writer->error != 0) return NULL;
    ASSERT(writer->size <= writer->max);
    if (size > writer->max - writer->size) {
        writer->error = -EMSGSIZE;
        return NULL;
    }
    if (size > writer->capacity - writer->size) {
        size_t capacity = writer->capacity == 0 ? FIRST_CAPACITY : writer->capacity;
        while (capacity - writer->size < size)
            capacity *= 2;
        if (capacity > writer->max) capacity = writer->max;
        writer->data = memory_grow(writer->data, capacity);
        writer->capacity = capacity;
    }
    uint8_t *room = writer->data + writer->size;
    writer->size += size;
    return room;
}

void writer_put(struct writer *writer, struct slice bytes)
{
    if (bytes.size == 0) return;
    uint8_t *to = writer_extend(writer, bytes.size);
    if (to != NULL) memcpy(to, bytes.data, bytes.size);
}

void writer_put_u8(struct writer *writer, uint8_t value)
{
    uint8_t *to = writer_extend(writer, 1);
    if (to != NULL) *to = value;
}

void writer_put_be16(struct writer *writer, uint16_t value)
{
    uint8_t *to = writer_extend(writer, sizeof(value));
    if (to != NULL) store_be16(to, value);
}

void writer_put_be32(struct writer *writer, uint32_t value)
{
    uint8_t *to = writer_extend(writer, sizeof(value));
    if (to != NULL) store_be32(to, value);
}

void writer_put_be64(struct writer *writer, uint64_t value)
{
    uint8_t *to = writer_extend(writer, sizeof(value));
    if (to != NULL) store_be64(to, value);
}

void writer_put_uvarint(struct writer *writer, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    writer_put(writer, (struct slice){bytes, size});
}

void writer_put_varint(struct writer *writer, int64_t value)
{
    writer_put_uvarint(writer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void writer_printf(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(size >= 0);
    /* One byte more for the zero that vsnprintf writes; it is taken back. */
    uint8_t *to = writer_extend(writer, (size_t)size + 1);
    if (to != NULL) {
        int written = vsnprintf((char *)to, (size_t)size + 1, format, again);
        ASSERT(written == size);
        writer->size--;
    }
    va_end(again);
}

int writer_error(const struct writer *writer)
{
    return writer->error;
}

struct slice writer_slice(const struct writer *writer)
{
    return (struct slice){writer->data, writer->size};
}

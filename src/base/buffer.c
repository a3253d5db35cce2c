#include "base/buffer.h"

#include <string.h>

#include "base/memory.h"

enum {
    CLASS_FIRST_BITS = 12, /* 4 KiB */
    CLASS_LAST_BITS = 22,  /* 4 MiB: larger ones are given back to the system at once */
    CLASS_COUNT = CLASS_LAST_BITS - CLASS_FIRST_BITS + 1,
};

struct buffer_pool {
    struct buffer *idle[CLASS_COUNT];
    size_t idle_bytes;
    size_t idle_bytes_max;
    size_t in_use; /* bytes */
};

struct buffer_pool *buffer_pool_create(size_t idle_bytes_max)
{
    struct buffer_pool *pool = memory_alloc_zero(sizeof(*pool));
    pool->idle_bytes_max = idle_bytes_max;
    return pool;
}

struct buffer_pool *buffer_pool_destroy(struct buffer_pool *pool)
{
    if (pool == NULL) return NULL;
    ASSERT(pool->in_use == 0);
    for (int kind = 0; kind < CLASS_COUNT; kind++) {
        while (pool->idle[kind] != NULL) {
            struct buffer *next = pool->idle[kind]->next;
            memory_free(pool->idle[kind]);
            pool->idle[kind] = next;
        }
    }
    memory_free(pool);
    return NULL;
}

/* The smallest class that holds `capacity`; CLASS_COUNT if none does. */
static int class_of(size_t capacity)
{
    for (int kind = 0; kind < CLASS_COUNT; kind++) {
        if (capacity <= (size_t)1 << (CLASS_FIRST_BITS + kind)) return kind;
    }
    return CLASS_COUNT;
}

struct buffer *buffer_create(struct buffer_pool *pool, size_t capacity)
{
    int kind = class_of(capacity);
    struct buffer *buffer = kind < CLASS_COUNT ? pool->idle[kind] : NULL;
    if (buffer != NULL) {
        pool->idle[kind] = buffer->next;
        pool->idle_bytes -= buffer->capacity;
    } else {
        if (kind < CLASS_COUNT) capacity = (size_t)1 << (CLASS_FIRST_BITS + kind);
        buffer = memory_alloc(sizeof(*buffer) + capacity);
        buffer->pool = pool;
        buffer->capacity = capacity;
        buffer->data = (uint8_t *)(buffer + 1);
    }
    buffer->next = NULL;
    buffer->size = 0;
    buffer->references = 1;
    pool->in_use += buffer->capacity;
    return buffer;
}

struct buffer *buffer_ref(struct buffer *buffer)
{
    ASSERT(buffer->references > 0);
    buffer->references++;
    return buffer;
}

void buffer_unref(struct buffer *buffer)
{
    if (buffer == NULL) return;
    ASSERT(buffer->references > 0);
    if (--buffer->references > 0) return;
    struct buffer_pool *pool = buffer->pool;
    ASSERT(pool->in_use >= buffer->capacity);
    pool->in_use -= buffer->capacity;
    int kind = class_of(buffer->capacity);
    if (kind == CLASS_COUNT || pool->idle_bytes + buffer->capacity > pool->idle_bytes_max) {
        memory_free(buffer);
        return;
    }
    pool->idle_bytes += buffer->capacity;
    buffer->next = pool->idle[kind];
    pool->idle[kind] = buffer;
}

size_t buffer_pool_in_use(const struct buffer_pool *pool)
{
    return pool->in_use;
}

#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum {
    BLOCK_MIN = 4096,
    BLOCK_KEPT_MAX = 64 << 10, /* a reset arena keeps at most a block of this size */
    ALIGNMENT = 16,
};

struct arena_block {
    struct arena_block *older;
    size_t size; /* bytes at data */
    _Alignas(ALIGNMENT) uint8_t data[];
};

void arena_init(struct arena *arena, size_t max_bytes)
{
    *arena = (struct arena){.max = max_bytes};
}

void arena_deinit(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *older = arena->blocks->older;
        memory_free(arena->blocks);
        arena->blocks = older;
    }
    arena->used = arena->total = 0;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = arena->blocks;
    if (kept != NULL && kept->size <= BLOCK_KEPT_MAX) {
        arena->blocks = kept->older;
        arena_deinit(arena);
        kept->older = NULL;
        arena->blocks = kept;
        arena->total = kept->size;
    } else {
        arena_deinit(arena);
    }
    arena->used = 0;
}

/* A new block with room for `size`, each twice as large as the one before, within the maximum. */
static bool arena_grow(struct arena *arena, size_t size)
{
    ASSERT(arena->total <= arena->max);
    size_t left = arena->max - arena->total;
    if (size > left) return false;
    size_t wanted = arena->blocks == NULL ? BLOCK_MIN : arena->blocks->size * 2;
    if (wanted < size) wanted = size;
    if (wanted > left) wanted = left;
    struct arena_block *block = memory_alloc(sizeof(*block) + wanted);
    block->older = arena->blocks;
    block->size = wanted;
    arena->blocks = block;
    arena->total += wanted;
    arena->used = 0;
    return true;
}

void *arena_try_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) return NULL;
    size_t rounded = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (arena->blocks == NULL || rounded > arena->blocks->size - arena->used) {
        if (!arena_grow(arena, rounded)) return NULL;
    }
    uint8_t *memory = arena->blocks->data + arena->used;
    arena->used += rounded;
    ASSERT(arena->used <= arena->blocks->size);
    memset(memory, 0, rounded);
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *memory = arena_try_alloc(arena, size);
    ASSERT(memory != NULL);
    return memory;
}

struct slice arena_copy(struct arena *arena, struct slice slice)
{
    if (slice.data == NULL) return SLICE_NULL;
    uint8_t *copy = arena_alloc(arena, slice.size);
    if (slice.size > 0) memcpy(copy, slice.data, slice.size);
    return (struct slice){copy, slice.size};
}

struct slice arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(size >= 0);
    char *text = arena_alloc(arena, (size_t)size + 1);
    int written = vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    ASSERT(written == size);
    return (struct slice){(const uint8_t *)text, (size_t)size};
}

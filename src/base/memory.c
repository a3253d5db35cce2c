#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    ASSERT(memory != NULL);
    return memory;
}

void *memory_alloc(size_t size)
{
    return checked(malloc(size == 0 ? 1 : size));
}

void *memory_alloc_zero(size_t size)
{
    return checked(calloc(1, size == 0 ? 1 : size));
}

void *memory_grow(void *memory, size_t size)
{
    return checked(realloc(memory, size == 0 ? 1 : size));
}

char *memory_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(memory_alloc(size), text, size);
}

void memory_free(void *memory)
{
    free(memory);
}

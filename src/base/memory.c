#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nobody here can go on without it. Standard error has no buffer: it needs none to say so. */
static void *checked(void *memory, size_t size)
{
    if (memory == NULL) {
        fprintf(stderr, "gregor: out of memory: %zu bytes were needed\n", size);
        abort();
    }
    return memory;
}

void *memory_alloc(size_t size)
{
    return checked(malloc(size == 0 ? 1 : size), size);
}

void *memory_alloc_zero(size_t size)
{
    return checked(calloc(1, size == 0 ? 1 : size), size);
}

void *memory_grow(void *memory, size_t size)
{
    return checked(realloc(memory, size == 0 ? 1 : size), size);
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

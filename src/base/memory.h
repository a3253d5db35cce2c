/*
 * memory: the only door to the allocator. Running out of memory ends the process: what could grow
 * without bound is admitted elsewhere, by bytes, before anything is allocated for it.
 */
#ifndef GREGOR_BASE_MEMORY_H
#define GREGOR_BASE_MEMORY_H

#include <stddef.h>

#include "base/assert.h"

MUST_USE void *memory_alloc(size_t size); /* not cleared; size 0 gives a valid pointer */
MUST_USE void *memory_alloc_zero(size_t size);
MUST_USE void *memory_grow(void *memory, size_t size); /* realloc; NULL is fine */
MUST_USE char *memory_copy_text(const char *text);
void memory_free(void *memory); /* NULL is fine */

#endif

/*
 * Arenas: memory that lives and dies with one request. Allocation is a bump of a pointer; nothing
 * is freed singly; arena_reset() frees all at once and keeps one block for the next request.
 *
 * Every arena is born with its maximum. Growing beyond it is an error that arena_try_alloc()
 * returns (for what a peer asked for) or a bug (arena_alloc(), for what we know the size of).
 */
#ifndef GREGOR_BASE_ARENA_H
#define GREGOR_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes handed out from the newest block */
    size_t total;               /* bytes of all blocks */
    size_t max;                 /* bytes that `total` never exceeds */
};

void arena_init(struct arena *arena, size_t max_bytes); /* allocates nothing yet */
void arena_deinit(struct arena *arena);
void arena_reset(struct arena *arena);

/* Zeroed memory, aligned for any type; valid until reset. NULL when the maximum is reached. */
MUST_USE void *arena_try_alloc(struct arena *arena, size_t size);

/* The same, but asking for more than the maximum is our own mistake and aborts. */
MUST_USE void *arena_alloc(struct arena *arena, size_t size);

/* Copies of what must outlive its owner; the copy of null is null. */
struct slice arena_copy(struct arena *arena, struct slice slice);
struct slice arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#endif

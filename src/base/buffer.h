/*
 * Reference-counted byte buffers, and the pool they come from and return to. A received frame lives
 * in one; a request holds one reference as long as slices into it are in use. Counts are not
 * atomic: a buffer belongs to the shard that made it. Another shard may read it while the owner
 * keeps a reference for it.
 *
 * The pool recycles by power-of-two size, because first touching fresh pages costs more than
 * copying into used ones. What it keeps while unused is bounded; what is in use is bounded by
 * whoever admits requests, not here.
 */
#ifndef GREGOR_BASE_BUFFER_H
#define GREGOR_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

struct buffer_pool;

struct buffer {
    struct buffer_pool *pool;
    struct buffer *next; /* while in the pool */
    uint8_t *data;
    size_t capacity; /* bytes at data */
    size_t size;     /* bytes filled; whoever fills keeps it */
    uint32_t references;
};

struct buffer_pool *buffer_pool_create(size_t idle_bytes_max);
struct buffer_pool *buffer_pool_destroy(struct buffer_pool *pool); /* every buffer must be back */

/* A buffer of at least `capacity` bytes with one reference and size 0. */
struct buffer *buffer_create(struct buffer_pool *pool, size_t capacity);
struct buffer *buffer_ref(struct buffer *buffer);
void buffer_unref(struct buffer *buffer); /* NULL is fine */

/* Bytes of all buffers out of the pool now. */
size_t buffer_pool_in_use(const struct buffer_pool *pool);

#endif

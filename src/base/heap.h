/* An intrusive binary heap of deadlines: the one timer structure. Removal is O(log n) because an
 * element knows its index. The heap owns nothing but its array of pointers. */
#ifndef GREGOR_BASE_HEAP_H
#define GREGOR_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

struct heap_node {
    int64_t deadline; /* any unit, one per heap */
    size_t position;  /* 1-based place in the heap; 0: in none */
};

struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t capacity;
};

void heap_init(struct heap *heap);
void heap_deinit(struct heap *heap); /* must be empty or its nodes dead already */
void heap_put(struct heap *heap, struct heap_node *node, int64_t deadline); /* moves it if in it */
void heap_remove(struct heap *heap, struct heap_node *node);                /* nothing if in none */
struct heap_node *heap_first(const struct heap *heap); /* least deadline; NULL when empty */
bool heap_contains(const struct heap_node *node);

#endif

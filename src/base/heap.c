#include "base/heap.h"

#include "base/memory.h"

enum { FIRST_CAPACITY = 16 };

void heap_init(struct heap *heap)
{
    *heap = (struct heap){0};
}

void heap_deinit(struct heap *heap)
{
    memory_free(heap->nodes);
    *heap = (struct heap){0};
}

bool heap_contains(const struct heap_node *node)
{
    return node->position != 0;
}

struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->nodes[0];
}

static void place(struct heap *heap, struct heap_node *node, size_t index)
{
    heap->nodes[index] = node;
    node->position = index + 1;
}

static void sift_up(struct heap *heap, struct heap_node *node, size_t index)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (heap->nodes[parent]->deadline <= node->deadline) break;
        place(heap, heap->nodes[parent], index);
        index = parent;
    }
    place(heap, node, index);
}

static void sift_down(struct heap *heap, struct heap_node *node, size_t index)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count &&
            heap->nodes[child + 1]->deadline < heap->nodes[child]->deadline)
            child++;
        if (node->deadline <= heap->nodes[child]->deadline) break;
        place(heap, heap->nodes[child], index);
        index = child;
    }
    place(heap, node, index);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (node->position == 0) return;
    size_t index = node->position - 1;
    ASSERT(index < heap->count);
    ASSERT(heap->nodes[index] == node);
    node->position = 0;
    struct heap_node *last = heap->nodes[--heap->count];
    if (last == node) return;
    sift_down(heap, last, index);
    if (last->position == index + 1) sift_up(heap, last, index);
}

void heap_put(struct heap *heap, struct heap_node *node, int64_t deadline)
{
    heap_remove(heap, node);
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? FIRST_CAPACITY : heap->capacity * 2;
        heap->nodes = memory_grow(heap->nodes, heap->capacity * sizeof(heap->nodes[0]));
    }
    node->deadline = deadline;
    sift_up(heap, node, heap->count++);
}

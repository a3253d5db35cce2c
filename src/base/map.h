/*
 * The one hash map: open addressing, keys are bytes that live inside the value (or as long as it),
 * values are pointers that the map does not own. The order of iteration is fixed by the contents
 * and the history of insertions, never by addresses. The seed makes collisions unguessable to
 * peers; the simulator passes a fixed one.
 */
#ifndef GREGOR_BASE_MAP_H
#define GREGOR_BASE_MAP_H

#include "base/slice.h"

struct map_entry;

struct map {
    struct map_entry *entries;
    size_t capacity; /* power of two, or 0 */
    size_t count;
    size_t tombs;
    uint64_t seed;
};

void map_init(struct map *map, uint64_t seed);          /* allocates nothing yet */
void map_deinit(struct map *map);                       /* values are the caller's */
void *map_get(const struct map *map, struct slice key); /* NULL: absent */
/* The key must be absent. It is borrowed until the value is removed. */
void map_put(struct map *map, struct slice key, void *value);
void *map_remove(struct map *map, struct slice key); /* what was there, or NULL */
size_t map_count(const struct map *map);

/* Iterate: cursor starts at 0; NULL at the end. Removing the value just returned is allowed;
 * putting while iterating is not. */
void *map_next(const struct map *map, size_t *cursor);

/* Keys that are plain numbers or uuids in memory. */
#define MAP_KEY(object) ((struct slice){(const uint8_t *)&(object), sizeof(object)})

#endif

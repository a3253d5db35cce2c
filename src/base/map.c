#include "base/map.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"

enum { FIRST_CAPACITY = 8 };

enum slot { SLOT_FREE = 0, SLOT_TOMB, SLOT_USED };

struct map_entry {
    struct slice key;
    void *value;
    uint32_t hash;
    enum slot slot;
};

void map_init(struct map *map, uint64_t seed)
{
    *map = (struct map){.seed = seed};
}

void map_deinit(struct map *map)
{
    memory_free(map->entries);
    *map = (struct map){.seed = map->seed};
}

static uint32_t hash_of(const struct map *map, struct slice key)
{
    return (uint32_t)XXH3_64bits_withSeed(key.data, key.size, map->seed);
}

/* The used slot of `key`, or NULL. Linear probing; a free slot ends the search. */
static struct map_entry *find(const struct map *map, struct slice key, uint32_t hash)
{
    if (map->capacity == 0) return NULL;
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_entry *entry = &map->entries[i];
        if (entry->slot == SLOT_FREE) return NULL;
        if (entry->slot == SLOT_USED && entry->hash == hash && slice_equal(entry->key, key))
            return entry;
    }
}

void *map_get(const struct map *map, struct slice key)
{
    const struct map_entry *entry = find(map, key, hash_of(map, key));
    return entry == NULL ? NULL : entry->value;
}

static void insert(struct map *map, const struct map_entry *new)
{
    size_t mask = map->capacity - 1;
    size_t i = new->hash & mask;
    while (map->entries[i].slot == SLOT_USED)
        i = (i + 1) & mask;
    if (map->entries[i].slot == SLOT_TOMB) map->tombs--;
    map->entries[i] = *new;
    map->count++;
}

/* At most three quarters are used or tombs, so that every search meets a free slot. */
static void make_room(struct map *map)
{
    if ((map->count + map->tombs + 1) * 4 <= map->capacity * 3) return;
    struct map old = *map;
    size_t capacity = old.capacity == 0 ? FIRST_CAPACITY : old.capacity;
    if ((old.count + 1) * 2 > capacity) capacity *= 2;
    *map = (struct map){.capacity = capacity, .seed = old.seed};
    map->entries = memory_alloc_zero(capacity * sizeof(map->entries[0]));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.entries[i].slot == SLOT_USED) insert(map, &old.entries[i]);
    }
    ASSERT(map->count == old.count);
    memory_free(old.entries);
}

void map_put(struct map *map, struct slice key, void *value)
{
    ASSERT(value != NULL);
    uint32_t hash = hash_of(map, key);
    ASSERT(find(map, key, hash) == NULL);
    make_room(map);
    insert(map, &(struct map_entry){key, value, hash, SLOT_USED});
}

void *map_remove(struct map *map, struct slice key)
{
    struct map_entry *entry = find(map, key, hash_of(map, key));
    if (entry == NULL) return NULL;
    void *value = entry->value;
    *entry = (struct map_entry){.slot = SLOT_TOMB};
    map->count--;
    map->tombs++;
    return value;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

void *map_next(const struct map *map, size_t *cursor)
{
    while (*cursor < map->capacity) {
        const struct map_entry *entry = &map->entries[(*cursor)++];
        if (entry->slot == SLOT_USED) return entry->value;
    }
    return NULL;
}

/* The last offset of every key: open addressing in memory of a fixed size. (SkimpyOffsetMap) */
#include "log/clean_private.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"

enum { SLOTS_MIN = 64 };

void clean_keys_init(struct clean_keys *keys, size_t bytes, double load, int64_t most,
                     uint64_t seed)
{
    ASSERT(load > 0);
    ASSERT(most >= 0);
    size_t room = bytes / sizeof(struct clean_slot), slots = SLOTS_MIN;
    if (load > 0.95) load = 0.95; /* probing must come to an end soon */
    while (slots * 2 <= room && (double)slots * load < (double)most)
        slots *= 2;
    *keys = (struct clean_keys){
        .slots = memory_alloc_zero(slots * sizeof(keys->slots[0])),
        .slot_count = slots,
        .max = (size_t)((double)slots * load),
        .seed = seed,
        .latest_offset = -1,
    };
}

void clean_keys_deinit(struct clean_keys *keys)
{
    memory_free(keys->slots);
    keys->slots = NULL;
}

bool clean_keys_is_full(const struct clean_keys *keys)
{
    return keys->count >= keys->max;
}

/* The slot that has the key or is free for it. */
static struct clean_slot *find(const struct clean_keys *keys, struct slice key, XXH128_hash_t *hash)
{
    *hash = XXH3_128bits_withSeed(key.data, key.size, keys->seed);
    size_t mask = keys->slot_count - 1;
    for (size_t i = hash->low64 & mask;; i = (i + 1) & mask) {
        struct clean_slot *slot = &keys->slots[i];
        if (slot->place == 0 || (slot->low == hash->low64 && slot->high == hash->high64))
            return slot;
    }
}

void clean_keys_put(struct clean_keys *keys, struct slice key, int64_t offset)
{
    ASSERT(offset >= keys->latest_offset);
    XXH128_hash_t hash;
    struct clean_slot *slot = find(keys, key, &hash);
    if (slot->place == 0) {
        ASSERT(!clean_keys_is_full(keys));
        keys->count++;
    }
    ASSERT(slot->place <= offset);
    *slot = (struct clean_slot){hash.low64, hash.high64, offset + 1};
    keys->latest_offset = offset;
}

int64_t clean_keys_get(const struct clean_keys *keys, struct slice key)
{
    XXH128_hash_t hash;
    return find(keys, key, &hash)->place - 1;
}

/*
 * The last offset of every key: open addressing in memory of a fixed size. (SkimpyOffsetMap)
 *
 * A tag of 128 bits stands for a key. Two keys with one tag would cost one of them its record, so
 * the tag is SipHash under a fresh random key: docs/decisions/keys-by-siphash.md.
 *
 * A look into the map is a look into memory that no cache has. So the place is asked for when the
 * tag is made, and used some records later.
 */
#include "base/memory.h"
#include "log/clean_private.h"

enum { SLOTS_MIN = 64 };

void clean_keys_init(struct clean_keys *keys, size_t bytes, double load, int64_t most,
                     const struct siphash_key *secret)
{
    ASSERT(load > 0);
    ASSERT(most >= 0);
    size_t slots = bytes / sizeof(struct clean_slot);
    if (load > 0.95) load = 0.95; /* probing must come to an end soon */
    double wanted = (double)most / load + 1;
    if (wanted < (double)slots) slots = (size_t)wanted;
    if (slots < SLOTS_MIN) slots = SLOTS_MIN;
    *keys = (struct clean_keys){
        .slots = memory_alloc_zero(slots * sizeof(keys->slots[0])),
        .slot_count = slots,
        .max = (size_t)((double)slots * load),
        .secret = *secret,
        .latest_offset = -1,
    };
    os_use_large_pages(keys->slots, slots * sizeof(keys->slots[0]));
    ASSERT(keys->max > 0);
    ASSERT(keys->max < slots);
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

/* Where probing for a tag begins: its first word scaled to the number of slots. */
static size_t home(const struct clean_keys *keys, const struct siphash_tag *tag)
{
    __extension__ unsigned __int128 scaled = (unsigned __int128)tag->words[0] * keys->slot_count;
    return (size_t)(scaled >> 64);
}

struct siphash_tag clean_keys_tag(const struct clean_keys *keys, struct slice key)
{
    struct siphash_tag tag = siphash_128(&keys->secret, key);
    __builtin_prefetch(&keys->slots[home(keys, &tag)]);
    return tag;
}

/* The slot that has the key or is free for it. */
static struct clean_slot *find(const struct clean_keys *keys, const struct siphash_tag *tag)
{
    for (size_t i = home(keys, tag);; i++) {
        if (i == keys->slot_count) i = 0;
        struct clean_slot *slot = &keys->slots[i];
        bool same = slot->tag.words[0] == tag->words[0] && slot->tag.words[1] == tag->words[1];
        if (slot->place == 0 || same) return slot;
    }
}

void clean_keys_put(struct clean_keys *keys, const struct siphash_tag *tag, int64_t offset)
{
    ASSERT(offset > keys->latest_offset);
    struct clean_slot *slot = find(keys, tag);
    if (slot->place == 0) {
        ASSERT(!clean_keys_is_full(keys));
        keys->count++;
    }
    *slot = (struct clean_slot){*tag, offset + 1};
    keys->latest_offset = offset;
}

int64_t clean_keys_get(const struct clean_keys *keys, const struct siphash_tag *tag)
{
    return find(keys, tag)->place - 1;
}

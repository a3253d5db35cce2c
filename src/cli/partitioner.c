/* Murmur2 over little-endian words, with the seed of Kafka's clients. */
#include "cli/partitioner.h"

#include <string.h>

enum { MURMUR2_SHIFT = 24 };
static const uint32_t murmur2_factor = 0x5bd1e995;
static const uint32_t murmur2_seed = 0x9747b28c;

uint32_t murmur2(struct slice bytes)
{
    uint32_t hash = murmur2_seed ^ (uint32_t)bytes.size;
    size_t words = bytes.size / 4;
    for (size_t i = 0; i < words; i++) {
        uint32_t word;
        memcpy(&word, bytes.data + 4 * i, sizeof(word));
        word *= murmur2_factor;
        word ^= word >> MURMUR2_SHIFT;
        hash = (hash * murmur2_factor) ^ (word * murmur2_factor);
    }
    size_t left = bytes.size % 4;
    for (size_t i = left; i > 0; i--)
        hash ^= (uint32_t)bytes.data[4 * words + i - 1] << (8 * (i - 1));
    if (left > 0) hash *= murmur2_factor;
    hash ^= hash >> 13;
    hash *= murmur2_factor;
    return hash ^ hash >> 15;
}

int32_t partition_for_key(struct slice key, int32_t count)
{
    ASSERT(count > 0);
    return (int32_t)(murmur2(key) & INT32_MAX) % count;
}

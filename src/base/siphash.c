#include "base/siphash.h"

#include <string.h>

#include "base/bytes.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

static inline void round_once(struct state *state)
{
    state->v0 += state->v1;
    state->v2 += state->v3;
    state->v1 = rotate(state->v1, 13) ^ state->v0;
    state->v3 = rotate(state->v3, 16) ^ state->v2;
    state->v0 = rotate(state->v0, 32);
    state->v2 += state->v1;
    state->v0 += state->v3;
    state->v1 = rotate(state->v1, 17) ^ state->v2;
    state->v3 = rotate(state->v3, 21) ^ state->v0;
    state->v2 = rotate(state->v2, 32);
}

static inline void absorb(struct state *state, uint64_t word)
{
    state->v3 ^= word;
    round_once(state);
    round_once(state);
    state->v0 ^= word;
}

static inline uint64_t squeeze(struct state *state)
{
    for (int i = 0; i < 4; i++)
        round_once(state);
    return state->v0 ^ state->v1 ^ state->v2 ^ state->v3;
}

/* Words are little-endian, as this machine's are (base/bytes.h). */
struct siphash_tag siphash_128(const struct siphash_key *key, struct slice bytes)
{
    struct state state = {
        .v0 = 0x736f6d6570736575 ^ key->words[0],
        .v1 = 0x646f72616e646f6d ^ key->words[1] ^ 0xee,
        .v2 = 0x6c7967656e657261 ^ key->words[0],
        .v3 = 0x7465646279746573 ^ key->words[1],
    };
    uint64_t word, last = (uint64_t)bytes.size << 56;
    size_t whole = bytes.size & ~(size_t)7, rest = bytes.size & 7;
    for (size_t at = 0; at < whole; at += 8) {
        memcpy(&word, bytes.data + at, 8);
        absorb(&state, word);
    }
    for (size_t i = 0; i < rest; i++)
        last |= (uint64_t)bytes.data[whole + i] << (8 * i);
    absorb(&state, last);
    struct siphash_tag tag;
    state.v2 ^= 0xee;
    tag.words[0] = squeeze(&state);
    state.v1 ^= 0xdd;
    tag.words[1] = squeeze(&state);
    return tag;
}

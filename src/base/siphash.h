/*
 * SipHash-2-4 with a tag of 128 bits: a hash that who does not have the key cannot steer, even if
 * all else is theirs to choose. For where two inputs with one tag would be a fault, not only slow.
 * (Aumasson, Bernstein: SipHash: a fast short-input PRF, 2012; the reference's 128-bit variant)
 */
#ifndef GREGOR_BASE_SIPHASH_H
#define GREGOR_BASE_SIPHASH_H

#include "base/slice.h"

struct siphash_key {
    uint64_t words[2]; /* from os_random */
};

struct siphash_tag {
    uint64_t words[2];
};

struct siphash_tag siphash_128(const struct siphash_key *key, struct slice bytes);

#endif

/* A small, fast, seeded generator (xoshiro256**): jitter, hash seeds, tests. Not for secrets. */
#ifndef GREGOR_BASE_PRNG_H
#define GREGOR_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
uint64_t prng_below(struct prng *prng, uint64_t bound); /* uniform in [0, bound), bound > 0 */

#endif

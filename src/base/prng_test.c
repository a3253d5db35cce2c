#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void gives_the_published_sequence(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 0); /* xoshiro256** behind splitmix64, as their authors wrote them */
    assert_true(prng_next(&prng) == 0x99ec5f36cb75f2b4);
    assert_true(prng_next(&prng) == 0xbf6e1f784956452a);
    assert_true(prng_next(&prng) == 0x1a5f849d4933e6e0);
}

static void every_number_below_comes_about_as_often(void **state)
{
    (void)state;
    enum { BOUND = 7, DRAWS = 70000 };
    struct prng prng;
    int seen[BOUND] = {0};
    prng_init(&prng, 3);
    for (int i = 0; i < DRAWS; i++)
        seen[prng_below(&prng, BOUND)]++; /* beyond it a sanitizer or the sum would tell */
    int sum = 0;
    for (int i = 0; i < BOUND; i++) {
        assert_in_range(seen[i], DRAWS / BOUND - 500, DRAWS / BOUND + 500); /* 5 sigma */
        sum += seen[i];
    }
    assert_int_equal(sum, DRAWS);
}

static void bounds_of_all_sizes(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 4);
    uint64_t bound = (1ull << 63) + 1; /* nearly half of what is drawn is unfair */
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(prng_below(&prng, 1), 0);
        assert_true(prng_below(&prng, bound) < bound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_sequence),
        cmocka_unit_test(every_number_below_comes_about_as_often),
        cmocka_unit_test(bounds_of_all_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

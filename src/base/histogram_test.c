#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/histogram.h"

static struct histogram histogram;

static void an_empty_one_says_zero(void **state)
{
    (void)state;
    histogram_reset(&histogram);
    assert_int_equal(histogram_quantile(&histogram, 0.99), 0);
    assert_int_equal(histogram_quantile(&histogram, 1), 0);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    histogram_reset(&histogram);
    for (uint64_t i = 1; i <= 100; i++)
        histogram_add(&histogram, i);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 50);
    assert_int_equal(histogram_quantile(&histogram, 0.99), 99);
    assert_int_equal(histogram_quantile(&histogram, 1), 100);
}

/* From one nanosecond to centuries of them: within 1 %, never below, the greatest exactly. */
static void large_values_are_near(void **state)
{
    (void)state;
    for (int power = 7; power < 64; power++) {
        for (int half = 0; half < 2; half++) {
            uint64_t value = (1ULL << power) + (half ? (1ULL << power) / 2 + 1 : 0);
            histogram_reset(&histogram);
            histogram_add(&histogram, value);
            histogram_add(&histogram, UINT64_MAX);
            uint64_t found = histogram_quantile(&histogram, 0.5);
            assert_true(found >= value);
            assert_true(found - value <= value / 100);
            assert_true(histogram_quantile(&histogram, 1) == UINT64_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_says_zero),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(large_values_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

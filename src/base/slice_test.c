#include "base/slice.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void taking_is_all_or_nothing(void **state)
{
    (void)state;
    struct slice slice = SLICE("abcdef"), taken = SLICE_NULL;
    assert_int_equal(slice_take(&slice, 2, &taken), 0);
    assert_true(slice_equal(taken, SLICE("ab")));
    assert_true(slice_equal(slice, SLICE("cdef")));
    assert_int_equal(slice_take(&slice, 5, &taken), -EBADMSG);
    assert_true(slice_equal(slice, SLICE("cdef")));
    assert_true(slice_equal(taken, SLICE("ab")));
    assert_int_equal(slice_take(&slice, 4, &taken), 0);
    assert_int_equal(slice.size, 0);
}

static void null_is_not_empty(void **state)
{
    (void)state;
    assert_true(slice_is_null(SLICE_NULL));
    assert_false(slice_is_null(SLICE("")));
    assert_false(slice_equal(SLICE_NULL, SLICE("")));
    assert_true(slice_equal(SLICE_NULL, SLICE_NULL));
    assert_true(slice_is_null(slice_of(NULL)));
}

static void order_is_by_bytes(void **state)
{
    (void)state;
    assert_true(slice_compare(SLICE("a"), SLICE("b")) < 0);
    assert_true(slice_compare(SLICE("ab"), SLICE("a")) > 0);
    assert_true(slice_compare(SLICE("\xff"), SLICE("a")) > 0);
    assert_int_equal(slice_compare(SLICE("same"), SLICE("same")), 0);
    assert_true(slice_starts_with(SLICE("prefix-rest"), SLICE("prefix")));
    assert_false(slice_starts_with(SLICE("pre"), SLICE("prefix")));
}

static void numbers(void **state)
{
    (void)state;
    int64_t value = 1;
    assert_int_equal(slice_parse_int64(SLICE("-42"), -100, 100, &value), 0);
    assert_int_equal(value, -42);
    assert_int_equal(slice_parse_int64(SLICE("9223372036854775807"), 0, INT64_MAX, &value), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(slice_parse_int64(SLICE("-9223372036854775808"), INT64_MIN, 0, &value), 0);
    assert_true(value == INT64_MIN);
    const char *const bad[] = {"", "-", "4x", " 4", "4 ", "0x10", "1e3", "--1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(slice_parse_int64(slice_of(bad[i]), INT64_MIN, INT64_MAX, &value),
                         -EBADMSG);
    assert_int_equal(slice_parse_int64(SLICE("101"), 0, 100, &value), -ERANGE);
    assert_int_equal(slice_parse_int64(SLICE("9223372036854775808"), 0, INT64_MAX, &value),
                     -ERANGE);
    assert_true(value == INT64_MIN); /* set only on success */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taking_is_all_or_nothing),
        cmocka_unit_test(null_is_not_empty),
        cmocka_unit_test(order_is_by_bytes),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

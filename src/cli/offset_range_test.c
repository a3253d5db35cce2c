/* Offsets and times as `consume -o` takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include "cli/offset_range.h"

enum { NOW_MS = 1000000000, DATE_MS = 1795381924 /* seconds: 2026-11-22T21:12:04Z */ };

static void parses_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum offset_kind kind;
        int64_t value;
    } cases[] = {
        {"start", OFFSET_START, 0},
        {"beginning", OFFSET_START, 0},
        {"end", OFFSET_END, 0},
        {"0", OFFSET_NUMBER, 0},
        {"47", OFFSET_NUMBER, 47},
        {"+2", OFFSET_AFTER_START, 2},
        {"-3", OFFSET_BEFORE_END, 3},
        {"@now", OFFSET_TIME, NOW_MS},
        {"@-1h", OFFSET_TIME, NOW_MS - 3600000},
        {"@123", OFFSET_TIME, 123},
        {"@2026-11-22T21:12:04Z", OFFSET_TIME, (int64_t)DATE_MS * 1000},
        {"@2026-11-22T21:12:04", OFFSET_TIME, (int64_t)DATE_MS * 1000},
        {"@2026-11-22T21:12", OFFSET_TIME, (int64_t)(DATE_MS - 4) * 1000},
        {"@2026-11-22", OFFSET_TIME, (int64_t)(DATE_MS - 76324) * 1000},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct offset_range range;
        assert_int_equal(offset_range_parse(slice_of(cases[i].text), NOW_MS, &range), 0);
        assert_int_equal(range.from.kind, cases[i].kind);
        assert_int_equal(range.from.value, cases[i].value);
        assert_int_equal(range.to.kind, OFFSET_END);
        assert_false(range.has_end);
    }
}

static void parses_ranges(void **state)
{
    (void)state;
    struct offset_range range;
    assert_int_equal(offset_range_parse(SLICE("5:10"), NOW_MS, &range), 0);
    assert_int_equal(range.from.value, 5);
    assert_int_equal(range.to.value, 10);
    assert_true(range.has_end);

    assert_int_equal(offset_range_parse(SLICE(":+3"), NOW_MS, &range), 0);
    assert_int_equal(range.from.kind, OFFSET_START);
    assert_int_equal(range.to.kind, OFFSET_AFTER_START);

    assert_int_equal(offset_range_parse(SLICE("-5:"), NOW_MS, &range), 0);
    assert_int_equal(range.from.kind, OFFSET_BEFORE_END);
    assert_false(range.has_end);

    /* Dates have colons of their own. */
    struct slice dates = SLICE("@2026-11-22T21:12:@2026-11-22T21:12:04Z");
    assert_int_equal(offset_range_parse(dates, NOW_MS, &range), 0);
    assert_int_equal(range.from.value, (int64_t)(DATE_MS - 4) * 1000);
    assert_int_equal(range.to.value, (int64_t)DATE_MS * 1000);
}

static void refuses_what_is_no_offset(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "x",   "@",    "@yesterday", "--1",
                                        "1.5", "5:x", "@-1y", "1:2:3"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct offset_range range;
        assert_true(offset_range_parse(slice_of(texts[i]), NOW_MS, &range) < 0);
    }
}

static void resolves_within_the_log(void **state)
{
    (void)state;
    static const struct {
        struct offset_bound bound;
        int64_t sought;
        int64_t offset; /* in [10, 20) */
    } cases[] = {
        {{OFFSET_START, 0}, -1, 10},        {{OFFSET_END, 0}, -1, 20},
        {{OFFSET_NUMBER, 15}, -1, 15},      {{OFFSET_NUMBER, 3}, -1, 10},
        {{OFFSET_NUMBER, 30}, -1, 20},      {{OFFSET_AFTER_START, 2}, -1, 12},
        {{OFFSET_AFTER_START, 50}, -1, 20}, {{OFFSET_BEFORE_END, 3}, -1, 17},
        {{OFFSET_BEFORE_END, 50}, -1, 10},  {{OFFSET_AFTER_START, INT64_MAX}, -1, 20},
        {{OFFSET_TIME, 99}, 14, 14},        {{OFFSET_TIME, 99}, -1, 20},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(offset_bound_resolve(&cases[i].bound, 10, 20, cases[i].sought),
                         cases[i].offset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_bounds),
        cmocka_unit_test(parses_ranges),
        cmocka_unit_test(refuses_what_is_no_offset),
        cmocka_unit_test(resolves_within_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

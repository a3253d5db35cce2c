#include "base/trace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char last[8192];
static size_t last_size;

static void keep(void *context, struct slice line)
{
    (void)context;
    memcpy(last, line.data, line.size);
    last[line.size] = 0;
    last_size = line.size;
}

static int64_t clock_ms(void *context)
{
    (void)context;
    return 1795434127123; /* 2026-11-23T11:42:07.123Z */
}

static void a_line_in_kafkas_pattern(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    struct trace trace = {.level = TRACE_INFO, .sink = keep, .wall_ms = clock_ms};
    trace_write(&trace, TRACE_WARN, "kafka.log.LogManager", "%d logs", 3);
    assert_string_equal(last, "[2026-11-23 11:42:07,123] WARN 3 logs (kafka.log.LogManager)\n");
    last_size = 0;
    trace_write(&trace, TRACE_DEBUG, "x", "not wanted");
    assert_int_equal(last_size, 0);
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    struct trace trace = {.level = TRACE_INFO, .sink = keep, .wall_ms = clock_ms};
    char text[6000];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    trace_write(&trace, TRACE_INFO, "x", "%s", text);
    assert_true(last_size <= 4096);
    assert_int_equal(last[last_size - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_in_kafkas_pattern),
        cmocka_unit_test(long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

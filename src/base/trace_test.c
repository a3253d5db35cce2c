#include "base/trace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static void what_peers_say_stays_one_line(void **state)
{
    (void)state;
    struct trace trace = {.level = TRACE_INFO, .sink = keep, .wall_ms = clock_ms};
    trace_write(&trace, TRACE_INFO, "x", "client %s", "a\n[2026] FATAL \033[2J\x7f\xc3\xbc");
    assert_string_equal(last,
                        "[2026-11-23 11:42:07,123] INFO client a [2026] FATAL  [2J \xc3\xbc (x)\n");
}

static int64_t given_ms(void *context)
{
    return *(const int64_t *)context;
}

/* Every day from 1970 to 2170, at its first and its last millisecond. */
static void dates(void **state)
{
    (void)state;
    int64_t now_ms;
    struct trace trace = {
        .level = TRACE_INFO, .sink = keep, .wall_ms = given_ms, .context = &now_ms};
    for (int64_t day = 0; day < 200 * 365; day++) {
        time_t seconds = (time_t)(day * 86400);
        char expected[32];
        struct tm parts;
        assert_non_null(gmtime_r(&seconds, &parts));
        assert_int_equal(strftime(expected, sizeof(expected), "[%Y-%m-%d ", &parts), 12);
        now_ms = day * 86400000;
        trace_write(&trace, TRACE_INFO, "x", "y");
        assert_memory_equal(last, expected, 12);
        assert_memory_equal(last + 12, "00:00:00,000]", 13);
        now_ms += 86399999;
        trace_write(&trace, TRACE_INFO, "x", "y");
        assert_memory_equal(last, expected, 12);
        assert_memory_equal(last + 12, "23:59:59,999]", 13);
    }
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
        cmocka_unit_test(what_peers_say_stays_one_line),
        cmocka_unit_test(dates),
        cmocka_unit_test(long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

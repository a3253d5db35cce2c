#include "base/trace.h"

#include "base/prng.h"

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

static enum trace_level levels[TRACE_LOGGERS];

static enum trace_level level_of(void *context, int logger)
{
    (void)context;
    return levels[logger];
}

static void loggers_have_levels_of_their_own(void **state)
{
    (void)state;
    struct trace trace = {.level_of = level_of, .sink = keep, .wall_ms = clock_ms};
    int logger;
    assert_int_equal(trace_logger_find(SLICE("kafka.log.LogManager"), &logger), 0);
    assert_string_equal(trace_logger_name(logger), "kafka.log.LogManager");
    levels[TRACE_ROOT] = TRACE_WARN;
    levels[logger] = TRACE_DEBUG;
    last_size = 0;
    trace_write(&trace, TRACE_INFO, "unlisted", "not wanted");
    trace_write(&trace, TRACE_TRACE, "kafka.log.LogManager", "neither");
    assert_int_equal(last_size, 0);
    trace_write(&trace, TRACE_DEBUG, "kafka.log.LogManager", "a");
    assert_string_equal(last, "[2026-11-23 11:42:07,123] DEBUG a (kafka.log.LogManager)\n");
    trace_write(&trace, TRACE_WARN, "unlisted", "b");
    assert_string_equal(last, "[2026-11-23 11:42:07,123] WARN b (unlisted)\n");
    assert_int_equal(trace_logger_find(SLICE("kafka.log"), &logger), -ENOENT);
    assert_string_equal(trace_logger_name(TRACE_ROOT), "root");
}

static void levels_have_names(void **state)
{
    (void)state;
    enum trace_level level;
    for (int i = TRACE_TRACE; i <= TRACE_FATAL; i++) {
        const char *name = trace_level_name((enum trace_level)i);
        assert_int_equal(trace_level_parse(slice_of(name), &level), 0);
        assert_int_equal((int)level, i);
    }
    assert_int_equal(trace_level_parse(SLICE("info"), &level), -EINVAL);
    assert_int_equal(trace_level_parse(SLICE("OFF"), &level), -EINVAL);
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

static void lines_for_programs(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        [TRACE_TEXT] = "[2026-11-23 11:42:07,123] WARN a \"b\" \\ \xc3\xbc\xff  (x.Y)\n",
        [TRACE_LOGFMT] = "ts=2026-11-23T11:42:07.123Z level=warn component=x.Y "
                         "msg=\"a \\\"b\\\" \\\\ \xc3\xbc\\ufffd\\u0009\"\n",
        [TRACE_JSON] = "{\"ts\":\"2026-11-23T11:42:07.123Z\",\"level\":\"warn\",\"component\":"
                       "\"x.Y\",\"message\":\"a \\\"b\\\" \\\\ \xc3\xbc\\ufffd\\u0009\"}\n",
        [TRACE_JOURNAL] = "<4>a \"b\" \\ \xc3\xbc\xff  (x.Y)\n",
    };
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        struct trace trace = {
            .level = TRACE_INFO, .format = (enum trace_format)i, .sink = keep, .wall_ms = clock_ms};
        trace_write(&trace, TRACE_WARN, "x.Y", "%s", "a \"b\" \\ \xc3\xbc\xff\t");
        assert_string_equal(last, wanted[i]);
    }
}

/* The message of a JSON line: nothing in it ends the string or is no character. */
static void assert_json_text(const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned char byte = (unsigned char)text[i];
        assert_true(byte >= 0x20);
        assert_int_not_equal(byte, '"');
        if (byte == '\\') {
            assert_non_null(strchr("\"\\u", text[i + 1]));
            i += text[i + 1] == 'u' ? 6 : 2;
            continue;
        }
        size_t more = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        assert_true(byte < 0x80 || byte >= 0xc2);
        for (size_t j = 1; j <= more; j++)
            assert_int_equal((unsigned char)text[i + j] & 0xc0, 0x80);
        i += more + 1;
    }
}

static void any_bytes_make_json(void **state)
{
    (void)state;
    static const char begin[] = "{\"ts\":\"2026-11-23T11:42:07.123Z\",\"level\":\"info\","
                                "\"component\":\"x\",\"message\":\"";
    struct trace trace = {
        .level = TRACE_INFO, .format = TRACE_JSON, .sink = keep, .wall_ms = clock_ms};
    struct prng prng;
    prng_init(&prng, 7);
    for (int i = 0; i < 20000; i++) {
        char text[4000];
        size_t size = (size_t)prng_below(&prng, i % 50 == 0 ? sizeof(text) : 20);
        for (size_t j = 0; j < size; j++)
            text[j] = (char)(1 + prng_below(&prng, 255));
        text[size] = 0;
        trace_write(&trace, TRACE_INFO, "x", "%s", text);
        size_t head = sizeof(begin) - 1;
        assert_memory_equal(last, begin, head);
        assert_string_equal(last + last_size - 3, "\"}\n");
        assert_json_text(last + head, last_size - 3 - head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_in_kafkas_pattern),
        cmocka_unit_test(what_peers_say_stays_one_line),
        cmocka_unit_test(dates),
        cmocka_unit_test(loggers_have_levels_of_their_own),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(lines_for_programs),
        cmocka_unit_test(any_bytes_make_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

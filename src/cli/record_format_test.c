/* Record formats: what they print, and what is no format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include <string.h>

#include "cli/record_format.h"

enum { BYTES_MAX = 1 << 20 };

struct fixture {
    struct arena arena;
    struct writer out;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, BYTES_MAX);
    writer_init(&fixture.out, BYTES_MAX);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    writer_deinit(&fixture->out);
    arena_deinit(&fixture->arena);
    return 0;
}

static const uint8_t headers[] = {2, 'h', 4, 'v', '1', 4, 'h', '2', 1 /* null */};

static struct slice print(struct fixture *fixture, const char *text, const struct record *record)
{
    const struct record_format *format;
    struct slice wrong;
    int r = record_format_parse(&fixture->arena, slice_of(text), &format, &wrong);
    assert_int_equal(r, 0);
    struct record_view view = {SLICE("orders"), 3, 7, record};
    writer_reset(&fixture->out);
    record_format_print(format, &view, &fixture->out);
    assert_int_equal(writer_error(&fixture->out), 0);
    return writer_slice(&fixture->out);
}

static const struct record full = {
    .timestamp = 1795381924331,
    .offset = 42,
    .key = {(const uint8_t *)"k\xff", 2},
    .value = {(const uint8_t *)"hello", 5},
    .headers = {headers, sizeof(headers)},
    .header_count = 2,
};

static void prints_every_field(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *format;
        const char *text;
    } cases[] = {
        {"", ""},
        {"%v\\n", "hello\n"},
        {"%s", "hello"},
        {"%t[%p]@%o e%e", "orders[3]@42 e7"},
        {"%d", "1795381924331"},
        {"%d{rfc3339}", "2026-11-22T21:12:04.331Z"},
        {"%T %K %V %H", "6 2 5 2"},
        {"%k{hex}|%v{base64}|%o{hex}", "6bff|aGVsbG8=|2a"},
        {"%h", "h=v1,h2="},
        {"%h{<%k:%v>}", "<h:v1><h2:>"},
        {"100%% \\t\\\\ \\x41", "100% \t\\ A"},
        {"%p{big32}%p{little16}%p{byte}", NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct slice printed = print(fixture, cases[i].format, &full);
        struct slice expected = slice_of(cases[i].text);
        if (cases[i].text == NULL) expected = SLICE("\0\0\0\x03\x03\0\x03");
        assert_int_equal(printed.size, expected.size);
        assert_memory_equal(expected.size > 0 ? printed.data : (const uint8_t *)"",
                            expected.size > 0 ? expected.data : (const uint8_t *)"", expected.size);
    }
}

static void null_is_empty_and_of_size_minus_one(void **state)
{
    struct record record = {.offset = 1};
    struct slice printed = print(*state, "%k,%v,%K,%V,%H", &record);
    assert_true(slice_equal(printed, SLICE(",,-1,-1,0")));
}

static void prints_times_before_1970(void **state)
{
    struct record record = {.timestamp = -1};
    assert_true(
        slice_equal(print(*state, "%d{rfc3339}", &record), SLICE("1969-12-31T23:59:59.999Z")));
    record.timestamp = INT64_MAX;
    assert_true(
        slice_equal(print(*state, "%d{rfc3339}", &record), SLICE("292278994-08-17T07:12:55.807Z")));
}

static void prints_json(void **state)
{
    struct slice printed = print(*state, "json", &full);
    assert_true(slice_equal(
        printed, SLICE("{\"topic\":\"orders\",\"partition\":3,\"offset\":42,"
                       "\"timestamp\":1795381924331,\"key\":{\"base64\":\"a/8=\"},"
                       "\"value\":\"hello\",\"headers\":[{\"key\":\"h\",\"value\":\"v1\"},"
                       "{\"key\":\"h2\",\"value\":null}]}\n")));
}

static void refuses_what_is_no_format(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {
        "%",   "%q",   "%v{",   "%v{hex",    "%v{nope}",    "%o{base64}", "%p{4}", "\\",
        "\\q", "\\x4", "\\xzz", "%v{big32}", "%k{rfc3339}", "%h{%q}",     "%v{0}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        const struct record_format *format;
        struct slice wrong = SLICE_NULL;
        int r = record_format_parse(&fixture->arena, slice_of(texts[i]), &format, &wrong);
        assert_true(r < 0);
        assert_true(wrong.size > 0);
    }
}

/* RFC 4648 §10 */
static void base64_goes_both_ways(void **state)
{
    struct fixture *fixture = *state;
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        writer_reset(&fixture->out);
        base64_encode(slice_of(pairs[i][0]), &fixture->out);
        assert_int_equal(fixture->out.size, strlen(pairs[i][1]));
        if (fixture->out.size > 0)
            assert_memory_equal(fixture->out.data, pairs[i][1], fixture->out.size);
        struct slice bytes;
        assert_int_equal(base64_decode(slice_of(pairs[i][1]), &fixture->arena, &bytes), 0);
        assert_int_equal(bytes.size, strlen(pairs[i][0]));
        assert_memory_equal(bytes.data, pairs[i][0], bytes.size);
    }
    static const char *const wrong[] = {"Zg=", "Z===", "Zm9*", "Zg==Zg==", "Zm9v="};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct slice bytes;
        assert_true(base64_decode(slice_of(wrong[i]), &fixture->arena, &bytes) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(prints_every_field, set_up, tear_down),
        cmocka_unit_test_setup_teardown(null_is_empty_and_of_size_minus_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prints_times_before_1970, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prints_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_format, set_up, tear_down),
        cmocka_unit_test_setup_teardown(base64_goes_both_ways, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

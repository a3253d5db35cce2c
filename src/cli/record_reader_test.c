/* Records out of streams, whole and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/record_reader.h"

enum { BYTES_MAX = 1 << 20, RECORDS_MAX = 16 };

struct fixture {
    struct arena formats;
    struct arena arena;
    struct record_reader reader;
    int input; /* the end to write to */
    int output;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    int ends[2];
    if (pipe(ends) != 0) return -1;
    fixture = (struct fixture){.input = ends[1], .output = ends[0]};
    arena_init(&fixture.formats, BYTES_MAX);
    arena_init(&fixture.arena, BYTES_MAX);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    record_reader_close(&fixture->reader);
    arena_deinit(&fixture->arena);
    arena_deinit(&fixture->formats);
    if (fixture->input >= 0) close(fixture->input);
    close(fixture->output);
    return 0;
}

static int open_reader(struct fixture *fixture, const char *text)
{
    const struct record_format *format;
    struct slice wrong;
    int r = record_format_parse(&fixture->formats, slice_of(text), &format, &wrong);
    assert_int_equal(r, 0);
    r = record_reader_check(format, &wrong);
    if (r == 0)
        record_reader_open(&fixture->reader, fixture->output, format, &fixture->arena);
    else
        assert_true(wrong.size > 0);
    return r;
}

static void feed(struct fixture *fixture, const void *bytes, size_t size)
{
    assert_int_equal(write(fixture->input, bytes, size), size);
}

static void end_input(struct fixture *fixture)
{
    close(fixture->input);
    fixture->input = -1;
}

static void start(struct fixture *fixture, const char *format, const char *input)
{
    assert_int_equal(open_reader(fixture, format), 0);
    feed(fixture, input, strlen(input));
    end_input(fixture);
}

static void expect(struct fixture *fixture, const char *key, const char *value)
{
    struct record_input record;
    assert_int_equal(record_reader_next(&fixture->reader, &record), 1);
    assert_true(slice_equal(record.key, slice_of(key)));
    assert_true(slice_equal(record.value, slice_of(value)));
}

static void expect_end(struct fixture *fixture, int how)
{
    struct record_input record;
    assert_int_equal(record_reader_next(&fixture->reader, &record), how);
}

static void reads_lines(void **state)
{
    start(*state, "%v\\n", "one\n\nthree");
    expect(*state, NULL, "one");
    expect(*state, NULL, "");
    expect(*state, NULL, "three"); /* the last line needs no end */
    expect_end(*state, 0);
}

static void reads_keys_and_values(void **state)
{
    start(*state, "%k\\t%v\\n", "a\t1\nb\t2\t3\n\t4\n");
    expect(*state, "a", "1");
    expect(*state, "b", "2\t3");
    expect(*state, "", "4");
    expect_end(*state, 0);
}

static void a_delimiter_may_be_long(void **state)
{
    start(*state, "%v--8<--", "a-b--c--8<----8<--d");
    expect(*state, NULL, "a-b--c");
    expect(*state, NULL, "");
    expect(*state, NULL, "d");
    expect_end(*state, 0);
}

static void reads_sizes(void **state)
{
    start(*state, "%K %k%V %v\\n", "2 ab3 c\nd\n");
    expect(*state, "ab", "c\nd");
    expect_end(*state, 0);
}

static void reads_binary(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_reader(fixture, "%V{big16}%v%p{little32}%k{2}"), 0);
    feed(fixture, "\x00\x03xyz\x05\x00\x00\x00kk", 11);
    end_input(fixture);
    struct record_input record;
    assert_int_equal(record_reader_next(&fixture->reader, &record), 1);
    assert_int_equal(record.partition, 5);
    assert_true(slice_equal(record.key, SLICE("kk")));
    assert_true(slice_equal(record.value, SLICE("xyz")));
    expect_end(*state, 0);
}

static void decodes_fields(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "%k{hex} %v{base64} %p %d\\n", "6bFF aGk= 4 99\n");
    struct record_input record;
    assert_int_equal(record_reader_next(&fixture->reader, &record), 1);
    assert_true(slice_equal(record.key, SLICE("k\xff")));
    assert_true(slice_equal(record.value, SLICE("hi")));
    assert_int_equal(record.partition, 4);
    assert_int_equal(record.timestamp_ms, 99);
}

static void reads_json(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "json",
          "{\"key\":\"k\",\"value\":{\"base64\":\"/w==\"},\"partition\":2,\"timestamp\":7,"
          "\"headers\":[{\"key\":\"h\",\"value\":null}]}\n"
          "{\"value\":{\"a\":1}}\n{\"value\":null}");
    struct record_input record;
    assert_int_equal(record_reader_next(&fixture->reader, &record), 1);
    assert_true(slice_equal(record.key, SLICE("k")));
    assert_true(slice_equal(record.value, SLICE("\xff")));
    assert_int_equal(record.partition, 2);
    assert_int_equal(record.timestamp_ms, 7);
    assert_int_equal(record.header_count, 1);
    assert_true(slice_equal(record.headers[0][0], SLICE("h")));
    assert_true(slice_is_null(record.headers[0][1]));
    expect(fixture, NULL, "{\"a\":1}");
    expect(fixture, NULL, NULL);
    expect_end(fixture, 0);
}

static void says_what_does_not_fit(void **state)
{
    static const struct {
        const char *format;
        const char *input;
    } cases[] = {
        {"%V %v\\n", "9 short\n"},     {"%p %v\\n", "x v\n"},   {"%k{hex}\\n", "6\n"},
        {"%v{base64}\\n", "a\n"},      {"%p %v\\n", "-2 v\n"},  {"json", "[]\n"},
        {"<%v>", "no angle brackets"}, {"json", "{\"value\":"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        if (i > 0) {
            tear_down(state);
            assert_int_equal(set_up(state), 0);
        }
        struct fixture *fixture = *state;
        start(fixture, cases[i].format, cases[i].input);
        expect_end(fixture, -EBADMSG);
        assert_true(fixture->reader.wrong.size > 0);
    }
}

static void refuses_formats_that_cannot_be_read(void **state)
{
    struct fixture *fixture = *state;
    static const char *const formats[] = {"", "%k%v", "%h\\n", "%d{rfc3339}\\n"};
    for (size_t i = 0; i < ARRAY_COUNT(formats); i++)
        assert_int_equal(open_reader(fixture, formats[i]), -EINVAL);
}

/* A terminal or a slow program: what is there is given out, and it is known when to wait. */
static void gives_out_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_reader(fixture, "%v\\n"), 0);
    assert_true(record_reader_would_wait(&fixture->reader));
    feed(fixture, "one\ntwo\n", 8);
    expect(fixture, NULL, "one");
    assert_false(record_reader_would_wait(&fixture->reader));
    expect(fixture, NULL, "two");
    assert_true(record_reader_would_wait(&fixture->reader));
    end_input(fixture);
    assert_false(record_reader_would_wait(&fixture->reader));
    expect_end(fixture, 0);
}

/* Longer than any buffer to begin with, and more than a pipe holds at once. */
static void reads_long_records(void **state)
{
    struct fixture *fixture = *state;
    enum { LONG = 60000, TIMES = 10 };
    static char line[LONG + 1];
    memset(line, 'x', LONG);
    line[LONG] = '\n';
    assert_int_equal(open_reader(fixture, "%v\\n"), 0);
    for (int i = 0; i < TIMES; i++) {
        feed(fixture, line, sizeof(line));
        struct record_input record;
        assert_int_equal(record_reader_next(&fixture->reader, &record), 1);
        assert_int_equal(record.value.size, LONG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_keys_and_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_delimiter_may_be_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_binary, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decodes_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_what_does_not_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_formats_that_cannot_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_out_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_long_records, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

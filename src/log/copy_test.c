#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "log/copy.h"
#include "log/log_fixture.h"

enum { SEGMENT_BYTES = 4096, BATCHES = 60 };

static const struct uuid unique = {{0xab, 1}};

static int setup(void **state)
{
    int r = fixture_setup(state);
    struct fixture *f = *state;
    f->options.config.segment_bytes = SEGMENT_BYTES;
    log_configure(f->log, &f->options.config);
    return r;
}

static void folder_of(const struct fixture *f, char folder[OS_PATH_MAX])
{
    snprintf(folder, OS_PATH_MAX, "%s", f->directory);
    *strrchr(folder, '/') = 0;
}

static struct log_copy *begin(struct fixture *f)
{
    char folder[OS_PATH_MAX];
    struct log_copy *copy;
    folder_of(f, folder);
    assert_int_equal(log_copy_begin(f->os, f->directory, folder, &unique, &copy), 0);
    return copy;
}

/* Until it has caught up; how many steps that took. */
static int copy_all(struct fixture *f, struct log_copy *copy, int64_t each)
{
    int steps = 0;
    int64_t copied;
    while ((copied = log_copy_step(copy, each, log_flushed_offset(f->log))) > 0)
        steps++;
    assert_int_equal(copied, 0);
    return steps;
}

/* The copy takes the log's place, and is what the log was. */
static void replace(struct fixture *f, struct log_copy *copy, int64_t records)
{
    char removed[OS_PATH_MAX];
    int64_t end = log_end_offset(f->log), size = log_size_bytes(f->log);
    int32_t segments = log_segment_count(f->log);
    size_t producers = log_producer_count(f->log);
    assert_int_equal(log_finish(f->log), 0);
    assert_int_equal(log_copy_finish(copy), 0);
    assert_int_equal(log_copy_end_offset(copy), end);
    assert_int_equal(log_copy_bytes(copy), size);
    assert_int_equal(log_copy_swap(copy, f->directory, removed), 0);
    assert_non_null(strstr(removed, "/orders-3.ab01"));
    assert_string_equal(strrchr(removed, '-'), "-delete");
    log_copy_end(copy);
    f->log = log_destroy(f->log);
    assert_int_equal(log_remove_directory(f->os, removed), 0);
    assert_int_equal(fixture_open(f, true, end), 0);
    assert_false(f->recovery.recovered);
    assert_int_equal(log_end_offset(f->log), end);
    assert_int_equal(log_size_bytes(f->log), size);
    assert_int_equal(log_segment_count(f->log), segments);
    assert_int_equal(log_producer_count(f->log), producers);
    assert_int_equal(fixture_count_from(f, log_start_offset(f->log)), records);
}

static void what_is_there_is_copied(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, BATCHES);
    struct fixture_batch from_producer = {
        .count = 1, .bytes_each = 10, .producer_id = 7, .timestamp = os_wall_ms(f->os)};
    fixture_append(f, &from_producer);
    fixture_flush(f);
    assert_true(log_segment_count(f->log) > 2);
    struct log_copy *copy = begin(f);
    copy_all(f, copy, INT64_MAX);
    replace(f, copy, BATCHES + 1);
    assert_int_equal(log_producer_count(f->log), 1);
}

/* Step by step, each of them with something new behind it. */
static void what_comes_meanwhile_is_copied(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, BATCHES);
    struct log_copy *copy = begin(f);
    for (int i = 0; i < BATCHES; i++) {
        int64_t copied = log_copy_step(copy, 1, log_flushed_offset(f->log));
        assert_true(copied > 0);
        fixture_append_plain(f, 2, 100);
        if (i % 7 == 0) fixture_flush(f);
        assert_true(log_copy_end_offset(copy) <= log_end_offset(f->log));
    }
    replace(f, copy, 3 * BATCHES);
}

static void an_empty_log_is_copied(void **state)
{
    struct fixture *f = *state;
    fixture_flush(f);
    struct log_copy *copy = begin(f);
    assert_int_equal(copy_all(f, copy, INT64_MAX), 0);
    replace(f, copy, 0);
}

/* A batch that is larger than what is read at once. */
static void a_large_batch_is_copied(void **state)
{
    struct fixture *f = *state;
    fixture_append_plain(f, 1, 3 << 20);
    fixture_append_plain(f, 1, 100);
    fixture_flush(f);
    struct log_copy *copy = begin(f);
    copy_all(f, copy, INT64_MAX);
    replace(f, copy, 2);
}

static void damage_is_not_copied(void **state)
{
    struct fixture *f = *state;
    char path[OS_PATH_MAX];
    fixture_fill(f, BATCHES);
    fixture_flush(f);
    fixture_overwrite(f, "00000000000000000000.log", 200, SLICE("?"));
    struct log_copy *copy = begin(f);
    assert_int_equal(log_copy_step(copy, INT64_MAX, 0), -EBADMSG);
    assert_true(log_copy_blames_source(copy));
    snprintf(path, sizeof(path), "%s", log_copy_directory(copy));
    log_copy_end(copy);
    assert_int_equal(log_remove_directory(f->os, path), 0);
}

static void a_folder_that_is_gone_is_to_blame(void **state)
{
    struct fixture *f = *state;
    struct log_copy *copy;
    fixture_fill(f, 1);
    assert_int_equal(log_copy_begin(f->os, f->directory, "/nowhere", &unique, &copy), -ENOENT);
    copy = begin(f);
    assert_int_equal(log_remove_directory(f->os, log_copy_directory(copy)), 0);
    assert_int_equal(log_copy_step(copy, INT64_MAX, 0), -ENOENT);
    assert_false(log_copy_blames_source(copy));
    log_copy_end(copy);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int partition; /* -1: it is no such name */
    } cases[] = {
        {"orders-3.ab010000000000000000000000000000-future", 3},
        {"a.b-future-12.ab010000000000000000000000000000-future", 12},
        {"orders-3", -1},
        {"orders-3-future", -1},
        {"orders-3.ab010000000000000000000000000000-delete", -1},
        {"orders.ab010000000000000000000000000000-future", -1},
        {"-3.ab010000000000000000000000000000-future", -1},
        {".ab010000000000000000000000000000-future", -1},
        {"", -1},
    };
    char removed[LOG_COPY_NAME_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct slice topic;
        int32_t partition = -1;
        int r = log_parse_future_name(slice_of(cases[i].name), &topic, &partition);
        assert_int_equal(r, cases[i].partition < 0 ? -EINVAL : 0);
        assert_int_equal(partition, cases[i].partition);
    }
    assert_int_equal(log_copy_removed_name(slice_of(cases[0].name), removed), 0);
    assert_string_equal(removed, "orders-3.ab010000000000000000000000000000-delete");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_there_is_copied), TEST(what_comes_meanwhile_is_copied),
        TEST(an_empty_log_is_copied),  TEST(a_large_batch_is_copied),
        TEST(damage_is_not_copied),    TEST(a_folder_that_is_gone_is_to_blame),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

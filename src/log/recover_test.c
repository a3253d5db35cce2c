/* What a crash, a torn write or a bad disk leaves, and what becomes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "log/log_fixture.h"

#define FIRST "00000000000000000000"

static void a_kill_loses_nothing_written(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 100);
    fixture_kill(f);
    assert_int_equal(fixture_open(f, false, 0), 0);
    assert_int_equal(log_end_offset(f->log), 100);
    assert_int_equal(fixture_count_from(f, 0), 100);
    assert_int_equal(f->recovery.truncated_bytes, 0);
    assert_true(f->recovery.recovered);
}

static void only_what_lies_beyond_the_point_is_read(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 1000);
    fixture_flush(f);
    int64_t size = log_size_bytes(f->log);
    fixture_append_plain(f, 1, 10);
    fixture_kill(f);
    assert_int_equal(fixture_open(f, false, 1000), 0);
    assert_int_equal(log_end_offset(f->log), 1001);
    assert_true(f->recovery.scanned_bytes < 4096 + 600);
    assert_true(size > 100000);
    assert_int_equal(fixture_count_from(f, 0), 1001);
}

static void a_torn_tail_is_cut(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 100);
    int64_t size = log_size_bytes(f->log);
    fixture_kill(f);
    for (int64_t cut = 1; cut < 180; cut += 13) {
        fixture_cut(f, FIRST ".log", size - cut);
        assert_int_equal(fixture_open(f, false, 0), 0);
        int64_t expected = cut <= size / 100 ? 99 : 98;
        assert_int_equal(log_end_offset(f->log), expected);
        assert_int_equal(f->recovery.truncated_bytes, size / 100 * (100 - expected) - cut);
        fixture_append_plain(f, (int32_t)(100 - expected), 10);
        assert_int_equal(log_truncate(f->log, expected), 0);
        fixture_fill(f, (int)(100 - expected));
        assert_int_equal(log_size_bytes(f->log), size);
        fixture_kill(f);
    }
    assert_int_equal(fixture_open(f, false, 0), 0);
}

static void a_tail_of_zeros_is_cut(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 50);
    int64_t size = log_size_bytes(f->log);
    fixture_kill(f);
    fixture_cut(f, FIRST ".log", size + 10000);
    assert_int_equal(fixture_open(f, false, 0), 0);
    assert_int_equal(log_end_offset(f->log), 50);
    assert_int_equal(f->recovery.truncated_bytes, 10000);
    assert_int_equal(log_size_bytes(f->log), size);
}

static void garbage_at_the_end_is_cut(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 50);
    int64_t size = log_size_bytes(f->log);
    fixture_kill(f);
    uint8_t garbage[5000];
    for (size_t i = 0; i < sizeof(garbage); i++)
        garbage[i] = (uint8_t)(i * i + 3);
    fixture_overwrite(f, FIRST ".log", size - 30, (struct slice){garbage, sizeof(garbage)});
    assert_int_equal(fixture_open(f, false, 0), 0);
    assert_int_equal(log_end_offset(f->log), 49);
}

static void corruption_in_the_middle_is_never_cut(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 100);
    int64_t size = log_size_bytes(f->log);
    fixture_kill(f);
    fixture_overwrite(f, FIRST ".log", size / 2 + 70, SLICE("\xde\xad"));
    assert_int_equal(fixture_open(f, false, 0), -EBADMSG);
    assert_int_equal(fixture_file_size(f, FIRST ".log"), size);
    /* Even where lengths do not lead to the next batch any more. */
    fixture_overwrite(f, FIRST ".log", size / 2 + 8, SLICE("\x7f\xff\xff\xff"));
    assert_int_equal(fixture_open(f, false, 0), -EBADMSG);
    assert_int_equal(fixture_file_size(f, FIRST ".log"), size);
}

static void damage_before_another_segment_is_never_cut(void **state)
{
    struct fixture *f = *state;
    f->options.config.segment_bytes = 20000;
    log_configure(f->log, &f->options.config);
    fixture_fill(f, 300);
    fixture_kill(f);
    int64_t size = fixture_file_size(f, FIRST ".log");
    fixture_cut(f, FIRST ".log", size - 10);
    assert_int_equal(fixture_open(f, false, 0), -EBADMSG);
    assert_int_equal(fixture_file_size(f, FIRST ".log"), size - 10);
}

static void an_empty_segment_of_a_roll_goes(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 10);
    int64_t size = log_size_bytes(f->log);
    fixture_kill(f);
    char path[OS_PATH_MAX];
    struct os_file *file;
    fixture_path(f, "00000000000000000010.log", path);
    assert_int_equal(os_file_open(f->os, path, OS_OPEN_CREATE, &file), 0);
    os_file_close(file);
    fixture_cut(f, FIRST ".log", size - 1);
    assert_int_equal(fixture_open(f, false, 0), 0);
    assert_int_equal(log_segment_count(f->log), 1);
    assert_int_equal(log_end_offset(f->log), 9);
    assert_int_equal(os_file_open(f->os, path, OS_OPEN_READ, &file), -ENOENT);
}

static void indexes_are_built_again(void **state)
{
    struct fixture *f = *state;
    f->options.config.segment_bytes = 200000;
    log_configure(f->log, &f->options.config);
    fixture_fill(f, 2000);
    fixture_flush(f);
    assert_true(log_segment_count(f->log) >= 2);
    assert_int_equal(log_close(f->log), 0);
    f->log = NULL;
    int64_t index = fixture_file_size(f, FIRST ".index");
    int64_t times = fixture_file_size(f, FIRST ".timeindex");
    char path[OS_PATH_MAX];
    fixture_path(f, FIRST ".index", path);
    assert_int_equal(os_remove(f->os, path), 0);
    assert_int_equal(fixture_open(f, true, 0), 0);
    assert_int_equal(f->recovery.rebuilt_indexes, 1);
    assert_int_equal(fixture_file_size(f, FIRST ".index"), index);
    assert_int_equal(fixture_file_size(f, FIRST ".timeindex"), times);
    assert_int_equal(fixture_count_from(f, 777), 2000 - 777);
}

static void a_lying_index_does_not_mislead(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 1000);
    fixture_flush(f);
    assert_int_equal(log_close(f->log), 0);
    f->log = NULL;
    int64_t size = fixture_file_size(f, FIRST ".index");
    assert_true(size > 160);
    /* Plausible entries that point beside batches; the last one is what an open looks at. */
    for (int64_t at = 4; at < size; at += 8) {
        uint8_t position[4] = {0, 0, (uint8_t)(at / 8 + 1), 3};
        fixture_overwrite(f, FIRST ".index", at, (struct slice){position, 4});
    }
    assert_int_equal(fixture_open(f, false, 1000), 0);
    assert_int_equal(log_end_offset(f->log), 1000);
    for (int64_t offset = 0; offset < 1000; offset += 111)
        assert_int_equal(fixture_count_from(f, offset), 1000 - offset);
}

static void recovery_twice_is_recovery_once(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 500);
    int64_t size = log_size_bytes(f->log);
    fixture_kill(f);
    fixture_cut(f, FIRST ".log", size - 7);
    assert_int_equal(fixture_open(f, false, 0), 0);
    int64_t index = fixture_file_size(f, FIRST ".index");
    fixture_kill(f);
    assert_int_equal(fixture_open(f, false, 0), 0);
    assert_int_equal(f->recovery.truncated_bytes, 0);
    assert_int_equal(log_end_offset(f->log), 499);
    assert_int_equal(fixture_file_size(f, FIRST ".index"), index);
}

static void another_topics_directory_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(log_close(f->log), 0);
    f->log = NULL;
    f->options.topic_id.bytes[0] ^= 1;
    assert_int_equal(fixture_open(f, true, 0), -EUCLEAN);
}

static void leftovers_are_removed(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 10);
    assert_int_equal(log_close(f->log), 0);
    f->log = NULL;
    const char *const names[] = {FIRST ".log.deleted", FIRST ".log.cleaned",
                                 "00000000000000000099.snapshot"};
    char path[OS_PATH_MAX];
    struct os_file *file;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        fixture_path(f, names[i], path);
        assert_int_equal(os_file_open(f->os, path, OS_OPEN_CREATE, &file), 0);
        os_file_close(file);
    }
    assert_int_equal(fixture_open(f, true, 0), 0);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        fixture_path(f, names[i], path);
        assert_int_equal(os_file_open(f->os, path, OS_OPEN_READ, &file), -ENOENT);
    }
}

static void a_torn_producer_snapshot_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct fixture_batch what = {.count = 2,
                                 .bytes_each = 10,
                                 .timestamp = os_wall_ms(f->os),
                                 .producer_id = 9,
                                 .producer_epoch = 0,
                                 .sequence = 0};
    fixture_append(f, &what);
    assert_int_equal(log_close(f->log), 0);
    f->log = NULL;
    fixture_overwrite(f, "00000000000000000002.snapshot", 9, SLICE("\xff\xff"));
    assert_int_equal(fixture_open(f, false, 2), 0);
    assert_int_equal(log_producer_count(f->log), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_kill_loses_nothing_written),
        TEST(only_what_lies_beyond_the_point_is_read),
        TEST(a_torn_tail_is_cut),
        TEST(a_tail_of_zeros_is_cut),
        TEST(garbage_at_the_end_is_cut),
        TEST(corruption_in_the_middle_is_never_cut),
        TEST(damage_before_another_segment_is_never_cut),
        TEST(an_empty_segment_of_a_roll_goes),
        TEST(indexes_are_built_again),
        TEST(a_lying_index_does_not_mislead),
        TEST(recovery_twice_is_recovery_once),
        TEST(another_topics_directory_is_refused),
        TEST(leftovers_are_removed),
        TEST(a_torn_producer_snapshot_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The beginning of a log: retention by time and size, and removing segments. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "log/log_fixture.h"

/* 500 batches of one record, 1000 ms apart, in several segments. */
static void fill(struct fixture *f)
{
    f->options.config.segment_bytes = 20000;
    log_configure(f->log, &f->options.config);
    fixture_fill(f, 500);
    assert_true(log_segment_count(f->log) > 3);
}

static void remove_old(struct fixture *f)
{
    struct log_removal *removal = log_removal_begin(f->log);
    assert_non_null(removal);
    log_removal_run(removal);
    assert_int_equal(log_removal_end(removal), 0);
}

static int64_t retain(struct fixture *f, int64_t ms, int64_t bytes, int64_t bound, int64_t now_ms)
{
    struct log_retention retention = {.retention_ms = ms, .retention_bytes = bytes, .bound = bound};
    int64_t start = -1;
    assert_int_equal(log_retain(f->log, &retention, now_ms, &start), 0);
    return start;
}

static void the_start_rises_and_segments_go(void **state)
{
    struct fixture *f = *state;
    fill(f);
    int32_t before = log_segment_count(f->log);
    assert_int_equal(log_raise_start(f->log, 300), 0);
    assert_int_equal(log_start_offset(f->log), 300);
    assert_int_equal(log_segment_count(f->log), before);
    struct log_extent extent;
    struct log_cold cold;
    assert_int_equal(log_read(f->log, 299, INT64_MAX, 100, true, true, &extent, &cold), -ERANGE);
    remove_old(f);
    assert_true(log_segment_count(f->log) < before);
    assert_null(log_removal_begin(f->log));
    assert_int_equal(fixture_count_from(f, 300), 200);
    assert_int_equal(log_raise_start(f->log, 501), -ERANGE);
    assert_int_equal(log_raise_start(f->log, 200), 0); /* it never falls */
    assert_int_equal(log_start_offset(f->log), 300);
}

static void readers_and_flushes_keep_what_is_removed(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct log_extent extent;
    struct log_cold cold;
    assert_int_equal(log_read(f->log, 0, INT64_MAX, 1000, true, true, &extent, &cold), 0);
    struct log_flush *flush = log_flush_begin(f->log, true);
    assert_int_equal(log_raise_start(f->log, 500), 0);
    remove_old(f);
    uint8_t bytes[1000];
    assert_int_equal(os_file_read(extent.file, bytes, extent.size, extent.position), extent.size);
    assert_int_equal(bytes[16], BATCH_MAGIC);
    log_extent_release(&extent);
    log_flush_run(flush);
    assert_int_equal(log_flush_end(f->log, flush), 0);
    assert_int_equal(log_flushed_offset(f->log), 500);
}

/* What a crash may leave of a removal: the oldest have gone, or only their names of data. */
static void a_removal_that_did_not_end_leaves_no_hole(void **state)
{
    struct fixture *f = *state;
    fill(f);
    fixture_flush(f);
    int64_t second = -1;
    for (int64_t offset = 1; second < 0; offset++) {
        char name[64];
        struct os_file *file;
        char path[OS_PATH_MAX];
        snprintf(name, sizeof(name), "%020lld.log", (long long)offset);
        fixture_path(f, name, path);
        if (os_file_open(f->os, path, OS_OPEN_READ, &file) < 0) continue;
        os_file_close(file);
        second = offset;
    }
    fixture_kill(f);
    char path[OS_PATH_MAX];
    fixture_path(f, "00000000000000000000.log", path);
    assert_int_equal(os_remove(f->os, path), 0);
    assert_int_equal(fixture_open(f, false, 0), 0);
    assert_int_equal(log_start_offset(f->log), second);
    assert_int_equal(fixture_count_from(f, second), 500 - second);
}

static void segments_leave_when_their_newest_record_is_old(void **state)
{
    struct fixture *f = *state;
    fill(f);
    /* records are of 1000, 2000 … 500000 ms */
    assert_int_equal(retain(f, 1000000, -1, 500, 500000), 0);
    assert_int_equal(retain(f, -1, -1, 500, INT64_MAX / 2), 0);
    int64_t start = retain(f, 100000, -1, 500, 500000);
    assert_in_range(start, 300, 400); /* the record of offset 400 is just young enough */
    assert_int_equal(log_raise_start(f->log, start), 0);
    remove_old(f);
    int64_t next = retain(f, 100000, -1, 500, 500000);
    assert_int_equal(next, start);
    /* one is not deleted before it is committed */
    assert_in_range(retain(f, 0, -1, 450, INT64_MAX / 2), start, 450);
}

static void the_segment_that_is_written_leaves_too(void **state)
{
    struct fixture *f = *state;
    fill(f);
    int32_t before = log_segment_count(f->log);
    assert_int_equal(retain(f, 1000, -1, 500, 1000000), 500);
    assert_int_equal(log_segment_count(f->log), before + 1); /* rolled */
    assert_int_equal(log_raise_start(f->log, 500), 0);
    remove_old(f);
    assert_int_equal(log_segment_count(f->log), 1);
    assert_int_equal(log_size_bytes(f->log), 0);
    assert_int_equal(retain(f, 1000, -1, 500, 1000000), 500); /* an empty one stays */
    assert_int_equal(log_segment_count(f->log), 1);
    assert_int_equal(fixture_append_plain(f, 1, 10), 500);
    fixture_flush(f);
    fixture_kill(f);
    f->options.log_start_offset = 500;
    assert_int_equal(fixture_open(f, false, 0), 0);
    assert_int_equal(log_start_offset(f->log), 500);
    assert_int_equal(fixture_count_from(f, 500), 1);
}

static void size_keeps_at_least_what_was_asked(void **state)
{
    struct fixture *f = *state;
    fill(f);
    int64_t size = log_size_bytes(f->log);
    assert_int_equal(retain(f, -1, size, 500, 0), 0);
    int64_t start = retain(f, -1, size / 2, 500, 0);
    assert_true(start > 0);
    assert_int_equal(log_raise_start(f->log, start), 0);
    remove_old(f);
    assert_in_range(log_size_bytes(f->log), size / 2, size / 2 + 20000);
    assert_int_equal(retain(f, -1, size / 2, 500, 0), start);
}

static void times_are_read_back_after_a_start(void **state)
{
    struct fixture *f = *state;
    fill(f);
    int64_t start = retain(f, 100000, -1, 500, 500000);
    assert_int_equal(log_close(f->log), 0);
    f->log = NULL;
    assert_int_equal(fixture_open(f, true, 0), 0);
    assert_int_equal(retain(f, 100000, -1, 500, 500000), start);
}

/* By size goes what is young at the front, and only then is it seen that the rest is old. */
static void time_looks_at_what_size_has_left(void **state)
{
    struct fixture *f = *state;
    f->options.config.segment_bytes = 20000;
    log_configure(f->log, &f->options.config);
    struct fixture_batch what = {.count = 1,
                                 .bytes_each = 100,
                                 .timestamp = 1000000,
                                 .producer_id = -1,
                                 .producer_epoch = -1,
                                 .sequence = -1};
    int64_t young = 0;
    for (; log_segment_count(f->log) < 2; young++)
        fixture_append(f, &what);
    fixture_fill(f, 500 - (int)young); /* 1000 ms and more */
    assert_int_equal(log_end_offset(f->log), 500);
    assert_int_equal(retain(f, 1000, -1, 499, 1000000), 0); /* the young one holds them */
    int64_t size = log_size_bytes(f->log);
    int64_t start = retain(f, -1, size - 45000, 499, 1000000);
    assert_true(start > young); /* two segments */
    assert_int_equal(retain(f, 1000, size - 45000, 500, 1000000), 500);
    /* what lies below the start does not count any more, removed or not */
    assert_int_equal(log_raise_start(f->log, start), 0);
    assert_int_equal(retain(f, -1, size - 45000, 499, 1000000), start);
    assert_int_equal(retain(f, 1000, -1, 500, 1000000), 500);
}

/* The file's age counts, not how long the process has known it. */
static void without_timestamps_the_files_age_counts(void **state)
{
    struct fixture *f = *state;
    struct fixture_batch what = {.count = 1,
                                 .bytes_each = 100,
                                 .timestamp = -1,
                                 .producer_id = -1,
                                 .producer_epoch = -1,
                                 .sequence = -1};
    for (int i = 0; i < 10; i++)
        fixture_append(f, &what);
    assert_int_equal(log_close(f->log), 0);
    char path[OS_PATH_MAX];
    fixture_path(f, "00000000000000000000.log", path);
    const struct timespec times[2] = {{.tv_sec = 5000}, {.tv_sec = 5000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    f->log = NULL;
    assert_int_equal(fixture_open(f, true, 0), 0);
    assert_int_equal(retain(f, 1000, -1, 10, 5000000 + 1000), 0);
    assert_int_equal(retain(f, 1000, -1, 10, 5000000 + 1001), 10);
}

/* A search that began before sees what was there then, or says that it has to begin again. */
static void a_search_notices_what_was_removed(void **state)
{
    struct fixture *f = *state;
    fill(f);
    int64_t offset, timestamp;
    struct log_search *search = log_search_begin(f->log, 100000);
    assert_int_equal(log_raise_start(f->log, 300), 0);
    remove_old(f);
    log_search_run(search);
    assert_int_equal(log_search_end(f->log, search, &offset, &timestamp), -EAGAIN);
    search = log_search_begin(f->log, 100000);
    log_search_run(search);
    assert_int_equal(log_search_end(f->log, search, &offset, &timestamp), 0);
    assert_int_equal(offset, 300);
}

/* Bytes that are others although nobody has changed them are damage, however often one asks. */
static void a_search_does_not_begin_again_for_ever(void **state)
{
    struct fixture *f = *state;
    fill(f);
    fixture_cut(f, "00000000000000000000.log", 1000);
    int64_t offset, timestamp;
    struct log_search *search = log_search_begin(f->log, 1000);
    log_search_run(search);
    assert_int_equal(log_search_end(f->log, search, &offset, &timestamp), -EBADMSG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_start_rises_and_segments_go),
        TEST(readers_and_flushes_keep_what_is_removed),
        TEST(a_removal_that_did_not_end_leaves_no_hole),
        TEST(segments_leave_when_their_newest_record_is_old),
        TEST(the_segment_that_is_written_leaves_too),
        TEST(size_keeps_at_least_what_was_asked),
        TEST(times_are_read_back_after_a_start),
        TEST(time_looks_at_what_size_has_left),
        TEST(without_timestamps_the_files_age_counts),
        TEST(a_search_notices_what_was_removed),
        TEST(a_search_does_not_begin_again_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

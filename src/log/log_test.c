/* Append, roll, read, search, cut: what a log does while it lives. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "log/log_fixture.h"

static void offsets_follow(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_append_plain(f, 3, 10), 0);
    assert_int_equal(fixture_append_plain(f, 1, 10), 3);
    assert_int_equal(fixture_append_plain(f, 5, 10), 4);
    assert_int_equal(log_end_offset(f->log), 9);
    assert_int_equal(log_flushed_offset(f->log), 0);
    fixture_flush(f);
    assert_int_equal(log_flushed_offset(f->log), 9);
    assert_null(log_flush_begin(f->log, true));
    assert_int_equal(fixture_count_from(f, 0), 9);
    assert_int_equal(fixture_count_from(f, 8), 1);
}

static void flush_covers_what_was_written_before(void **state)
{
    struct fixture *f = *state;
    fixture_append_plain(f, 2, 10);
    struct log_flush *flush = log_flush_begin(f->log, false);
    assert_non_null(flush);
    fixture_append_plain(f, 2, 10);
    log_flush_run(flush);
    assert_int_equal(log_flush_end(f->log, flush), 0);
    assert_int_equal(log_flushed_offset(f->log), 2);
    assert_int_equal(log_end_offset(f->log), 4);
    fixture_flush(f);
    assert_int_equal(log_flushed_offset(f->log), 4);
}

/* Epochs file and directory need a descriptor of their own; one that there is none for is no failed
 * flush. */
static void a_flush_without_descriptors_is_made_later(void **state)
{
    struct fixture *f = *state;
    fixture_append_plain(f, 3, 10);
    struct log_flush *flush = log_flush_begin(f->log, true);
    assert_non_null(flush);
    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    log_flush_run(flush);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(log_flush_end(f->log, flush), -EMFILE);
    assert_false(log_has_failed(f->log));
    assert_int_equal(log_flushed_offset(f->log), 0);
    fixture_flush(f);
    assert_int_equal(log_flushed_offset(f->log), 3);
    assert_true(fixture_file_size(f, "leader-epoch-checkpoint") > 0);
    assert_null(log_flush_begin(f->log, true));
}

static void reads_end_at_limits(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 10);
    struct log_extent extent;
    struct log_cold cold;
    int64_t one = log_size_bytes(f->log) / 10;
    assert_int_equal(log_read(f->log, 2, 7, 1 << 20, true, true, &extent, &cold), 0);
    assert_int_equal(extent.position, 2 * one);
    assert_int_equal(extent.size, 5 * one);
    assert_int_equal(extent.base_offset, 2);
    log_extent_release(&extent);
    assert_int_equal(log_read(f->log, 7, 7, 1 << 20, true, true, &extent, &cold), 0);
    assert_int_equal(extent.size, 0);
    assert_null(extent.pin);
    assert_int_equal(log_read(f->log, 10, INT64_MAX, 100, true, true, &extent, &cold), 0);
    assert_int_equal(extent.size, 0);
    assert_int_equal(log_read(f->log, 11, INT64_MAX, 100, true, true, &extent, &cold), -ERANGE);
    assert_int_equal(log_read(f->log, -1, INT64_MAX, 100, true, true, &extent, &cold), -ERANGE);
    /* The first batch whole, or nothing at all; later ones may be cut. */
    assert_int_equal(log_read(f->log, 0, 10, 20, true, true, &extent, &cold), 0);
    assert_int_equal(extent.size, one);
    log_extent_release(&extent);
    assert_int_equal(log_read(f->log, 0, 10, 20, false, true, &extent, &cold), 0);
    assert_int_equal(extent.size, 0);
    assert_int_equal(log_read(f->log, 0, 10, (size_t)one + 5, true, true, &extent, &cold), 0);
    assert_int_equal(extent.size, one + 5);
    log_extent_release(&extent);
}

static void a_limit_within_a_batch_leaves_it_out(void **state)
{
    struct fixture *f = *state;
    fixture_append_plain(f, 4, 10);
    fixture_append_plain(f, 4, 10);
    struct log_extent extent;
    struct log_cold cold;
    assert_int_equal(log_read(f->log, 0, 6, 1 << 20, true, true, &extent, &cold), 0);
    assert_int_equal(extent.size, log_size_bytes(f->log) / 2);
    log_extent_release(&extent);
    assert_int_equal(log_read(f->log, 5, 6, 1 << 20, true, true, &extent, &cold), 0);
    assert_int_equal(extent.size, 0);
}

static void rolls_by_size_and_reads_across(void **state)
{
    struct fixture *f = *state;
    f->options.config.segment_bytes = 20000;
    log_configure(f->log, &f->options.config);
    fixture_fill(f, 1000);
    assert_true(log_segment_count(f->log) > 5);
    assert_int_equal(fixture_count_from(f, 0), 1000);
    for (int64_t offset = 0; offset < 1000; offset += 37)
        assert_int_equal(fixture_count_from(f, offset), 1000 - offset);
    fixture_flush(f);
    assert_int_equal(log_flushed_offset(f->log), 1000);
    assert_int_equal(log_close(f->log), 0);
    f->log = NULL;
    assert_int_equal(fixture_open(f, true, 0), 0);
    assert_int_equal(log_end_offset(f->log), 1000);
    assert_int_equal(fixture_count_from(f, 0), 1000);
    assert_int_equal(fixture_append_plain(f, 1, 10), 1000);
}

static void rolls_by_time_of_records(void **state)
{
    struct fixture *f = *state;
    f->options.config.segment_ms = 5500;
    log_configure(f->log, &f->options.config);
    fixture_fill(f, 12); /* 1 s apart: 6 s after the first, a new segment */
    assert_int_equal(log_segment_count(f->log), 2);
    char path[OS_PATH_MAX];
    fixture_path(f, "00000000000000000006.log", path);
    struct os_file *file;
    assert_int_equal(os_file_open(f->os, path, OS_OPEN_READ, &file), 0);
    os_file_close(file);
}

static void rolls_when_an_index_is_full(void **state)
{
    struct fixture *f = *state;
    f->options.config.segment_index_bytes = 12 * 10;
    f->options.config.index_interval_bytes = 0;
    log_configure(f->log, &f->options.config);
    fixture_fill(f, 40);
    assert_true(log_segment_count(f->log) >= 3);
    assert_int_equal(fixture_count_from(f, 0), 40);
}

static void sealed_segments_have_no_spare_room(void **state)
{
    struct fixture *f = *state;
    f->options.config.segment_bytes = 20000;
    log_configure(f->log, &f->options.config);
    fixture_fill(f, 200);
    fixture_flush(f);
    int64_t size = fixture_file_size(f, "00000000000000000000.log");
    assert_true(size <= 20000);
    assert_int_equal(size % (log_size_bytes(f->log) / 200), 0);
}

static void search(struct fixture *f, int64_t timestamp, int64_t offset, int64_t found)
{
    struct log_search *s = log_search_begin(f->log, timestamp);
    log_search_run(s);
    int64_t got_offset = -2, got_timestamp = -2;
    assert_int_equal(log_search_end(f->log, s, &got_offset, &got_timestamp), 0);
    assert_int_equal(got_offset, offset);
    assert_int_equal(got_timestamp, found);
}

static void finds_by_time(void **state)
{
    struct fixture *f = *state;
    f->options.config.segment_bytes = 20000;
    log_configure(f->log, &f->options.config);
    search(f, 0, -1, -1);
    search(f, LOG_SEARCH_GREATEST, -1, -1);
    fixture_fill(f, 500);
    search(f, 0, 0, 1000);
    search(f, 1000, 0, 1000);
    search(f, 1001, 1, 2000);
    search(f, 250000, 249, 250000);
    search(f, 499500, 499, 500000);
    search(f, 500001, -1, -1);
    search(f, LOG_SEARCH_GREATEST, 499, 500000);
    assert_int_equal(log_close(f->log), 0);
    f->log = NULL;
    assert_int_equal(fixture_open(f, true, 0), 0);
    search(f, 250000, 249, 250000);
    search(f, LOG_SEARCH_GREATEST, 499, 500000);
}

static void finds_inside_compressed_batches(void **state)
{
    struct fixture *f = *state;
    struct fixture_batch what = {.count = 100,
                                 .bytes_each = 20,
                                 .timestamp = 5000,
                                 .producer_id = -1,
                                 .producer_epoch = -1,
                                 .sequence = -1,
                                 .codec = COMPRESS_ZSTD};
    fixture_append(f, &what);
    what.timestamp = 1000; /* older than what came before */
    fixture_append(f, &what);
    search(f, 5050, 50, 5050);
    search(f, 900, 0, 5000);
    search(f, LOG_SEARCH_GREATEST, 99, 5099);
}

static void producers_are_remembered(void **state)
{
    struct fixture *f = *state;
    struct fixture_batch what = {.count = 2,
                                 .bytes_each = 10,
                                 .timestamp = os_wall_ms(f->os),
                                 .producer_id = 77,
                                 .producer_epoch = 3,
                                 .sequence = 0};
    for (int i = 0; i < 7; i++) {
        fixture_append(f, &what);
        what.sequence += 2;
    }
    struct batch batch = {.producer_id = 77,
                          .producer_epoch = 3,
                          .base_sequence = 12,
                          .last_offset_delta = 1,
                          .count = 2};
    int64_t offset, timestamp;
    assert_int_equal(log_check_producer(f->log, &batch, &offset, &timestamp), KAFKA_ERROR_NONE);
    assert_int_equal(offset, 12);
    batch.base_sequence = 4; /* the fifth from the end */
    assert_int_equal(log_check_producer(f->log, &batch, &offset, &timestamp), KAFKA_ERROR_NONE);
    assert_int_equal(offset, 4);
    batch.base_sequence = 2; /* forgotten */
    assert_int_equal(log_check_producer(f->log, &batch, &offset, &timestamp),
                     KAFKA_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    batch.base_sequence = 16;
    assert_int_equal(log_check_producer(f->log, &batch, &offset, &timestamp),
                     KAFKA_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    batch.base_sequence = 14;
    assert_int_equal(log_check_producer(f->log, &batch, &offset, &timestamp), KAFKA_ERROR_NONE);
    assert_int_equal(offset, -1);
    batch.producer_epoch = 2;
    assert_int_equal(log_check_producer(f->log, &batch, &offset, &timestamp),
                     KAFKA_ERROR_INVALID_PRODUCER_EPOCH);
    /* A clean stop and a kill both keep them: by snapshot, or from the batches. */
    assert_int_equal(log_close(f->log), 0);
    f->log = NULL;
    assert_int_equal(fixture_open(f, true, 0), 0);
    batch.producer_epoch = 3;
    assert_int_equal(log_check_producer(f->log, &batch, &offset, &timestamp), KAFKA_ERROR_NONE);
    batch.base_sequence = 12;
    assert_int_equal(log_check_producer(f->log, &batch, &offset, &timestamp), KAFKA_ERROR_NONE);
    assert_int_equal(offset, 12);
    what.sequence = 14;
    fixture_append(f, &what);
    fixture_kill(f);
    assert_int_equal(fixture_open(f, false, 0), 0);
    batch.base_sequence = 14;
    assert_int_equal(log_check_producer(f->log, &batch, &offset, &timestamp), KAFKA_ERROR_NONE);
    assert_int_equal(offset, 14);
}

static void idle_producers_are_forgotten(void **state)
{
    struct fixture *f = *state;
    int64_t now_ms = os_wall_ms(f->os);
    struct fixture_batch what = {.count = 1,
                                 .bytes_each = 10,
                                 .timestamp = now_ms,
                                 .producer_id = 1,
                                 .producer_epoch = 0,
                                 .sequence = 0};
    fixture_append(f, &what);
    what.producer_id = 2;
    what.timestamp = now_ms + 1000;
    fixture_append(f, &what);
    log_expire_producers(f->log, now_ms + 86400000 - 1);
    assert_int_equal(log_producer_count(f->log), 2);
    log_expire_producers(f->log, now_ms + 86400000);
    assert_int_equal(log_producer_count(f->log), 1);
    log_expire_producers(f->log, now_ms + 86401000);
    assert_int_equal(log_producer_count(f->log), 0);
}

static void truncates_whole_batches(void **state)
{
    struct fixture *f = *state;
    f->options.config.segment_bytes = 20000;
    log_configure(f->log, &f->options.config);
    fixture_fill(f, 500);
    assert_int_equal(log_truncate(f->log, 300), 0);
    assert_int_equal(log_end_offset(f->log), 300);
    assert_int_equal(fixture_count_from(f, 0), 300);
    fixture_append_plain(f, 4, 10);
    assert_int_equal(log_truncate(f->log, 302), 0); /* within a batch: it goes whole */
    assert_int_equal(log_end_offset(f->log), 300);
    assert_int_equal(fixture_append_plain(f, 1, 10), 300);
    assert_int_equal(fixture_count_from(f, 0), 301);
    assert_int_equal(log_truncate_all(f->log, 1000), 0);
    assert_int_equal(log_start_offset(f->log), 1000);
    assert_int_equal(fixture_append_plain(f, 1, 10), 1000);
}

static void epochs_begin_and_end(void **state)
{
    struct fixture *f = *state;
    int32_t epoch;
    int64_t end;
    fixture_append_plain(f, 10, 10); /* epoch 5, as the fixture writes */
    log_assign_epoch(f->log, 8);
    assert_int_equal(log_latest_epoch(f->log), 8);
    log_epoch_end(f->log, 5, &epoch, &end);
    assert_int_equal(epoch, 5);
    assert_int_equal(end, 10);
    log_epoch_end(f->log, 6, &epoch, &end);
    assert_int_equal(epoch, 5);
    log_epoch_end(f->log, 9, &epoch, &end);
    assert_int_equal(epoch, -1);
    assert_int_equal(log_epoch_at(f->log, 9), 5);
    assert_int_equal(log_epoch_at(f->log, 10), 8);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(offsets_follow),
        TEST(flush_covers_what_was_written_before),
        TEST(a_flush_without_descriptors_is_made_later),
        TEST(reads_end_at_limits),
        TEST(a_limit_within_a_batch_leaves_it_out),
        TEST(rolls_by_size_and_reads_across),
        TEST(rolls_by_time_of_records),
        TEST(rolls_when_an_index_is_full),
        TEST(sealed_segments_have_no_spare_room),
        TEST(finds_by_time),
        TEST(finds_inside_compressed_batches),
        TEST(producers_are_remembered),
        TEST(idle_producers_are_forgotten),
        TEST(truncates_whole_batches),
        TEST(epochs_begin_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

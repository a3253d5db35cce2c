/* What a disk may have done to a log since it was written, and where scrubbing finds it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "log/log_fixture.h"
#include "log/scrub.h"

#define FIRST "00000000000000000000"

enum { BATCHES = 500, SEGMENT_BYTES = 30000, INDEX_ENTRY = 8, TIME_ENTRY = 12 };

/* BATCHES batches of one record and the same size in some segments, flushed. */
static int setup(void **state)
{
    int r = fixture_setup(state);
    if (r < 0) return r;
    struct fixture *f = *state;
    f->options.config.segment_bytes = SEGMENT_BYTES;
    f->options.config.index_interval_bytes = 1000;
    log_configure(f->log, &f->options.config);
    fixture_fill(f, BATCHES);
    fixture_flush(f);
    return 0;
}

static int64_t batch_size(struct fixture *f)
{
    return log_size_bytes(f->log) / BATCHES;
}

static struct log_scrubbed scrub_piece(struct fixture *f, int64_t offset, size_t max_bytes)
{
    struct log_scrubbed scrubbed;
    struct log_scrub *scrub = log_scrub_begin(f->log, offset, max_bytes);
    assert_non_null(scrub);
    log_scrub_run(scrub);
    assert_int_equal(log_scrub_end(f->log, scrub, &scrubbed), 0);
    return scrubbed;
}

static void assert_damage(struct fixture *f, const char *damage, int64_t offset, int64_t position,
                          int64_t segment)
{
    struct log_scrubbed found = scrub_piece(f, 0, 64 << 20);
    assert_non_null(found.damage);
    assert_string_equal(found.damage, damage);
    assert_int_equal(found.damage_offset, offset);
    assert_int_equal(found.damage_position, position);
    assert_int_equal(found.damage_segment, segment);
    assert_true(found.next_offset > offset);
    /* In small pieces it is found no less, and what lies behind it is seen, too. */
    int damaged = 0;
    for (int64_t at = 0; at < log_flushed_offset(f->log);) {
        struct log_scrubbed piece = scrub_piece(f, at, 1);
        assert_true(piece.next_offset > at);
        at = piece.next_offset;
        if (piece.damage == NULL) continue;
        assert_string_equal(piece.damage, damage);
        assert_int_equal(piece.damage_offset, offset);
        assert_int_equal(piece.damage_position, position);
        damaged++;
    }
    assert_int_equal(damaged, 1);
}

static void assert_sound(struct fixture *f)
{
    struct log_scrubbed found = scrub_piece(f, 0, 64 << 20);
    assert_null(found.damage);
    assert_int_equal(found.damage_offset, -1);
    assert_int_equal(found.next_offset, log_flushed_offset(f->log));
}

/* Changes a byte at `position`, and back again. */
static void flip(struct fixture *f, const char *name, int64_t position)
{
    char path[OS_PATH_MAX];
    struct os_file *file;
    uint8_t byte;
    fixture_path(f, name, path);
    assert_int_equal(os_file_open(f->os, path, OS_OPEN_WRITE, &file), 0);
    assert_int_equal(os_file_read(file, &byte, 1, position), 1);
    byte ^= 0x04;
    struct slice bytes = {&byte, 1};
    assert_int_equal(os_file_write(file, &bytes, 1, position), 0);
    os_file_close(file);
}

static void a_sound_log_is_sound(void **state)
{
    struct fixture *f = *state;
    assert_true(log_segment_count(f->log) > 2);
    assert_sound(f);
    struct log_scrubbed found = scrub_piece(f, 0, 64 << 20);
    assert_int_equal(found.bytes, log_size_bytes(f->log));
}

static void pieces_make_the_whole(void **state)
{
    struct fixture *f = *state;
    int64_t at = 0, bytes = 0;
    int pieces = 0;
    for (; at < BATCHES; pieces++) {
        struct log_scrubbed piece = scrub_piece(f, at, 1000);
        assert_null(piece.damage);
        assert_true(piece.next_offset > at);
        at = piece.next_offset;
        bytes += piece.bytes;
    }
    assert_int_equal(at, BATCHES);
    assert_true(pieces > 50);
    /* Each begins at an index entry before it, not at the segment's beginning. */
    assert_true(bytes < 4 * log_size_bytes(f->log));
    assert_null(log_scrub_begin(f->log, BATCHES, 1000));
}

static void what_is_not_flushed_is_not_asked_for(void **state)
{
    struct fixture *f = *state;
    fixture_fill(f, 10);
    assert_int_equal(log_end_offset(f->log), BATCHES + 10);
    assert_sound(f);
    assert_int_equal(scrub_piece(f, BATCHES - 1, 1 << 20).next_offset, BATCHES);
    assert_null(log_scrub_begin(f->log, BATCHES, 1 << 20));
    fixture_flush(f);
    assert_int_equal(scrub_piece(f, 0, 64 << 20).next_offset, BATCHES + 10);
}

/* Every byte of a batch counts, but those of the CRC's own reach are told as one. */
static void every_flipped_bit_is_found(void **state)
{
    struct fixture *f = *state;
    int64_t size = batch_size(f);
    for (int64_t at = 0; at < size; at++) {
        int64_t position = 7 * size + at;
        flip(f, FIRST ".log", position);
        const char *damage = at < 8     ? "the offset is out of order"
                             : at < 12  ? NULL /* the length: one of two */
                             : at < 16  ? "the leader epoch is not that of its offset"
                             : at == 16 ? "no batch begins there"
                                        : "the checksum is another";
        struct log_scrubbed found = scrub_piece(f, 0, 64 << 20);
        assert_non_null(found.damage);
        if (damage != NULL) assert_string_equal(found.damage, damage);
        assert_int_equal(found.damage_offset, 7);
        assert_int_equal(found.damage_position, 7 * size);
        assert_int_equal(found.damage_segment, 0);
        if (at > 16) assert_int_equal(found.damage_end, 8); /* its neighbour is sound */
        assert_in_range(found.damage_end, 8, found.next_offset);
        flip(f, FIRST ".log", position);
    }
    assert_sound(f);
}

/* The next piece walks past what is known. */
static void a_neighbour_of_damage_is_read(void **state)
{
    struct fixture *f = *state;
    int64_t size = batch_size(f);
    flip(f, FIRST ".log", 3 * size + 70);
    flip(f, FIRST ".log", 5 * size + 70);
    struct log_scrubbed found = scrub_piece(f, 0, 64 << 20);
    assert_int_equal(found.damage_offset, 3);
    assert_int_equal(found.damage_end, 4);
    found = scrub_piece(f, 4, 64 << 20);
    assert_int_equal(found.damage_offset, 5);
    assert_int_equal(found.damage_end, 6);
    found = scrub_piece(f, 6, 64 << 20);
    assert_null(found.damage);
    assert_int_equal(found.next_offset, BATCHES);
}

static void damage_is_found_in_every_segment(void **state)
{
    struct fixture *f = *state;
    int64_t size = batch_size(f), per_segment = SEGMENT_BYTES / size;
    for (int64_t base = 0; base < BATCHES; base += per_segment) {
        char name[64];
        snprintf(name, sizeof(name), "%020lld.log", (long long)base);
        flip(f, name, 5 * size + 70);
        assert_damage(f, "the checksum is another", base + 5, 5 * size, base);
        flip(f, name, 5 * size + 70);
    }
    assert_sound(f);
}

static void a_misdirected_batch_is_found(void **state)
{
    struct fixture *f = *state;
    int64_t size = batch_size(f);
    uint8_t bytes[1024];
    char path[OS_PATH_MAX];
    struct os_file *file;
    assert_true(size <= (int64_t)sizeof(bytes));
    fixture_path(f, FIRST ".log", path);
    /* From before and from behind: sound in itself, at a place that is not its own. */
    for (int64_t from = 10; from <= 90; from += 80) {
        uint8_t own[1024];
        assert_int_equal(os_file_open(f->os, path, OS_OPEN_WRITE, &file), 0);
        assert_int_equal(os_file_read(file, own, (size_t)size, 50 * size), size);
        assert_int_equal(os_file_read(file, bytes, (size_t)size, from * size), size);
        os_file_close(file);
        fixture_overwrite(f, FIRST ".log", 50 * size, (struct slice){bytes, (size_t)size});
        assert_damage(f, "the offset is out of order", 50, 50 * size, 0);
        fixture_overwrite(f, FIRST ".log", 50 * size, (struct slice){own, (size_t)size});
    }
    assert_sound(f);
}

/* The last batch of a segment has no neighbour behind it but the next segment's name, the last of
 * the log none but the log's end. */
static void a_batch_beyond_its_segment_is_found(void **state)
{
    struct fixture *f = *state;
    int64_t size = batch_size(f), per_segment = SEGMENT_BYTES / size;
    uint8_t offset[8];
    store_be64(offset, (uint64_t)BATCHES - 1);
    fixture_overwrite(f, FIRST ".log", (per_segment - 1) * size, (struct slice){offset, 8});
    assert_damage(f, "the offset is out of order", per_segment - 1, (per_segment - 1) * size, 0);
    store_be64(offset, (uint64_t)per_segment - 1);
    fixture_overwrite(f, FIRST ".log", (per_segment - 1) * size, (struct slice){offset, 8});

    int64_t last_base = (BATCHES - 1) / per_segment * per_segment;
    char name[64];
    snprintf(name, sizeof(name), "%020lld.log", (long long)last_base);
    store_be64(offset, (uint64_t)BATCHES);
    int64_t position = (BATCHES - 1 - last_base) * size;
    fixture_overwrite(f, name, position, (struct slice){offset, 8});
    assert_damage(f, "the offset is out of order", BATCHES - 1, position, last_base);
    store_be64(offset, (uint64_t)BATCHES - 1);
    fixture_overwrite(f, name, position, (struct slice){offset, 8});
    assert_sound(f);
}

static void a_zeroed_page_is_found(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[4096];
    int64_t size = batch_size(f), batch = 4096 / size;
    fixture_overwrite(f, FIRST ".log", 4096, (struct slice){zeros, sizeof(zeros)});
    struct log_scrubbed found = scrub_piece(f, 0, 64 << 20);
    assert_string_equal(found.damage, "the checksum is another"); /* its first half is there */
    assert_int_equal(found.damage_offset, batch);
    assert_int_equal(found.damage_position, batch * size);
    /* What follows is the first that an index entry leads to. */
    assert_true((found.next_offset - 1) * size >= 8192);
    assert_true((found.next_offset - 1) * size < 8192 + 2 * 1000);
    assert_null(scrub_piece(f, found.next_offset, 64 << 20).damage);

    fixture_overwrite(f, FIRST ".log", batch * size, (struct slice){zeros, sizeof(zeros)});
    assert_damage(f, "no batch begins there", batch, batch * size, 0);
}

static void a_file_that_lost_its_end_is_found(void **state)
{
    struct fixture *f = *state;
    int64_t size = batch_size(f), per_segment = SEGMENT_BYTES / size;
    fixture_cut(f, FIRST ".log", (per_segment - 1) * size + 30);
    assert_damage(f, "the file ends before the batch does", per_segment - 1,
                  (per_segment - 1) * size, 0);
}

static void an_entry_that_leads_astray_is_found(void **state)
{
    struct fixture *f = *state;
    int64_t size = batch_size(f);
    for (int64_t number = 0; number < 20; number++) {
        char path[OS_PATH_MAX];
        struct os_file *file;
        uint8_t entry[INDEX_ENTRY];
        fixture_path(f, FIRST ".index", path);
        assert_int_equal(os_file_open(f->os, path, OS_OPEN_READ, &file), 0);
        assert_int_equal(os_file_read(file, entry, INDEX_ENTRY, number * INDEX_ENTRY), INDEX_ENTRY);
        os_file_close(file);
        int64_t offset = load_be32(entry), position = load_be32(entry + 4);
        assert_int_equal(position, offset * size);
        flip(f, FIRST ".index", number * INDEX_ENTRY + 7); /* into a batch */
        struct log_scrubbed found = scrub_piece(f, 0, 64 << 20);
        assert_string_equal(found.damage, "an offset index entry points beside it");
        assert_in_range((uint64_t)found.damage_offset, (uint64_t)offset - 1, (uint64_t)offset + 1);
        flip(f, FIRST ".index", number * INDEX_ENTRY + 7);
        flip(f, FIRST ".index", number * INDEX_ENTRY + 3); /* four offsets beside */
        found = scrub_piece(f, 0, 64 << 20);
        if (offset & 0x04) { /* a reader of what lies between would begin behind it */
            assert_string_equal(found.damage, "an offset index entry points beside it");
            assert_int_equal(found.damage_offset, offset - 4);
        } else { /* a reader begins too early: so wrote Kafka before 4.0 */
            assert_null(found.damage);
        }
        flip(f, FIRST ".index", number * INDEX_ENTRY + 3);
    }
    assert_sound(f);
}

static void a_time_that_is_not_is_found(void **state)
{
    struct fixture *f = *state;
    int64_t size = batch_size(f);
    uint8_t entry[TIME_ENTRY];
    char path[OS_PATH_MAX];
    struct os_file *file;
    fixture_path(f, FIRST ".timeindex", path);
    assert_int_equal(os_file_open(f->os, path, OS_OPEN_READ, &file), 0);
    assert_int_equal(os_file_read(file, entry, TIME_ENTRY, 5 * TIME_ENTRY), TIME_ENTRY);
    os_file_close(file);
    int64_t offset = load_be32(entry + 8);
    flip(f, FIRST ".timeindex", 5 * TIME_ENTRY + 6);
    assert_damage(f, "a time index entry has another timestamp", offset, offset * size, 0);
    flip(f, FIRST ".timeindex", 5 * TIME_ENTRY + 6);
    assert_sound(f);
}

static void what_was_cut_meanwhile_is_no_damage(void **state)
{
    struct fixture *f = *state;
    struct log_scrub *scrub = log_scrub_begin(f->log, 400, 64 << 20);
    assert_int_equal(log_truncate(f->log, 410), 0);
    log_scrub_run(scrub);
    struct log_scrubbed scrubbed;
    assert_int_equal(log_scrub_end(f->log, scrub, &scrubbed), 0);
    assert_null(scrubbed.damage);
    assert_int_equal(scrubbed.next_offset, 400);
}

static void what_was_removed_meanwhile_is_no_damage(void **state)
{
    struct fixture *f = *state;
    struct log_scrub *scrub = log_scrub_begin(f->log, 0, 64 << 20);
    assert_int_equal(log_raise_start(f->log, 300), 0);
    struct log_removal *removal = log_removal_begin(f->log);
    assert_non_null(removal);
    log_removal_run(removal);
    assert_int_equal(log_removal_end(removal), 0);
    log_scrub_run(scrub);
    struct log_scrubbed scrubbed;
    assert_int_equal(log_scrub_end(f->log, scrub, &scrubbed), 0);
    assert_null(scrubbed.damage);
    assert_int_equal(scrubbed.next_offset, BATCHES);
    assert_true(scrubbed.bytes < log_size_bytes(f->log) + SEGMENT_BYTES);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sound_log_is_sound),
        TEST(pieces_make_the_whole),
        TEST(what_is_not_flushed_is_not_asked_for),
        TEST(every_flipped_bit_is_found),
        TEST(a_neighbour_of_damage_is_read),
        TEST(damage_is_found_in_every_segment),
        TEST(a_misdirected_batch_is_found),
        TEST(a_batch_beyond_its_segment_is_found),
        TEST(a_zeroed_page_is_found),
        TEST(a_file_that_lost_its_end_is_found),
        TEST(an_entry_that_leads_astray_is_found),
        TEST(a_time_that_is_not_is_found),
        TEST(what_was_cut_meanwhile_is_no_damage),
        TEST(what_was_removed_meanwhile_is_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

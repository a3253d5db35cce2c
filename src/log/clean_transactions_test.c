/* Compaction of transactions: what was aborted goes, markers go when nothing is left of what they
 * ended, and what is still open is left alone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "log/clean.h"
#include "log/folder.h"
#include "log/log_fixture.h"

enum { OFFSETS_MAX = 4096, RETENTION_MS = 1000 };

enum found { FOUND_NOTHING = 0, FOUND_DATA, FOUND_MARKER };

struct world {
    struct fixture *f;
    int64_t now_ms;
    int32_t sequence;
    enum found found[OFFSETS_MAX]; /* of records, by offset */
    bool emptied[OFFSETS_MAX];     /* a batch without records ends there */
};

static void world_init(struct world *world, struct fixture *f)
{
    memset(world, 0, sizeof(*world));
    world->f = f;
    world->now_ms = os_wall_ms(f->os); /* producers that are long silent are forgotten */
    f->options.config.segment_bytes = 4096;
    f->options.config.index_interval_bytes = 256;
    log_configure(f->log, &f->options.config);
}

/* One batch of one record; its offset. */
static int64_t put(struct world *world, int64_t producer_id, int32_t sequence, int16_t attributes,
                   struct slice key, struct slice value)
{
    struct writer writer;
    struct batch_builder builder;
    struct batch batch;
    writer_init(&writer, 1 << 16);
    batch_begin(&builder, &writer, 0, COMPRESS_NONE, COMPRESS_LEVEL_DEFAULT);
    batch_add(&builder, world->now_ms, key, value, NULL, 0);
    builder.header.producer_id = producer_id;
    builder.header.producer_epoch = producer_id < 0 ? -1 : 0;
    builder.header.base_sequence = sequence;
    builder.header.attributes = (int16_t)(builder.header.attributes | attributes);
    assert_int_equal(batch_end(&builder), 0);
    struct slice bytes = writer_slice(&writer);
    int64_t offset;
    assert_int_equal(batch_take(&bytes, &batch), 0);
    assert_int_equal(log_append(world->f->log, &batch, writer.data, 1, world->now_ms, &offset), 0);
    assert_int_equal(log_write(world->f->log), 0);
    writer_deinit(&writer);
    return offset;
}

static int64_t put_plain(struct world *world, const char *key)
{
    return put(world, -1, -1, 0, slice_of(key), SLICE("a value from nobody in particular"));
}

static int64_t put_data(struct world *world, int64_t producer_id, const char *key)
{
    return put(world, producer_id, world->sequence++, BATCH_TRANSACTIONAL, slice_of(key),
               SLICE("a value in a transaction"));
}

/* (EndTransactionMarker: key version, type; value version, coordinator epoch) */
static int64_t put_marker(struct world *world, int64_t producer_id, bool commit)
{
    uint8_t key[4] = {0}, value[6] = {0};
    key[3] = commit ? 1 : 0;
    return put(world, producer_id, -1, BATCH_TRANSACTIONAL | BATCH_CONTROL,
               (struct slice){key, sizeof(key)}, (struct slice){value, sizeof(value)});
}

/* Other keys until a new segment has begun; its base offset. */
static int64_t next_segment(struct world *world)
{
    int32_t before = log_segment_count(world->f->log);
    int64_t offset = -1;
    while (log_segment_count(world->f->log) == before)
        offset = put_plain(world, "filler");
    fixture_flush(world->f);
    return offset;
}

/* What a Kafka would have written beside the segment that has the marker. (AbortedTxn) */
static void write_aborted(struct world *world, int64_t base_offset, int64_t producer_id,
                          int64_t first_offset, int64_t marker_offset)
{
    uint8_t entry[34] = {0};
    char name[64];
    store_be64(entry + 2, (uint64_t)producer_id);
    store_be64(entry + 10, (uint64_t)first_offset);
    store_be64(entry + 18, (uint64_t)marker_offset);
    store_be64(entry + 26, (uint64_t)marker_offset);
    snprintf(name, sizeof(name), "%020lld.txnindex", (long long)base_offset);
    assert_int_equal(folder_replace_file(world->f->os, world->f->directory, name,
                                         (struct slice){entry, sizeof(entry)}),
                     0);
}

static void read_batch(struct world *world, const struct batch *batch)
{
    struct arena arena;
    struct record_walk walk;
    struct record record;
    arena_init(&arena, 1 << 20);
    assert_true(batch_crc_matches(batch));
    if (batch->count == 0) world->emptied[batch_last_offset(batch)] = true;
    assert_int_equal(record_walk_start(&walk, batch, &arena, 1 << 19), 0);
    while (record_walk_next(&walk, &record) == 1) {
        assert_int_equal(record.timestamp / 1000000, world->now_ms / 1000000);
        world->found[record.offset] =
            (batch->attributes & BATCH_CONTROL) != 0 ? FOUND_MARKER : FOUND_DATA;
    }
    arena_deinit(&arena);
}

static void read_all(struct world *world)
{
    struct log *log = world->f->log;
    memset(world->found, 0, sizeof(world->found));
    memset(world->emptied, 0, sizeof(world->emptied));
    assert_true(log_end_offset(log) < OFFSETS_MAX);
    for (int64_t next = log_start_offset(log); next < log_end_offset(log);) {
        struct log_extent extent;
        struct log_cold cold;
        static uint8_t bytes[1 << 16];
        assert_int_equal(log_read(log, next, INT64_MAX, 1, true, true, &extent, &cold), 0);
        if (extent.size == 0) break;
        assert_true(extent.size <= sizeof(bytes));
        assert_int_equal(os_file_read(extent.file, bytes, extent.size, extent.position),
                         extent.size);
        log_extent_release(&extent);
        struct slice rest = {bytes, extent.size};
        struct batch batch;
        assert_int_equal(batch_take(&rest, &batch), 0);
        read_batch(world, &batch);
        next = batch_last_offset(&batch) + 1;
    }
}

static void clean(struct world *world)
{
    struct log_dirt dirt;
    struct log_clean *cleaning;
    struct log_removal *removal;
    struct log_cleaned cleaned;
    assert_int_equal(log_clean_look(world->f->log, 0, INT64_MAX, 0, world->now_ms, &dirt), 0);
    struct log_clean_options options = {
        .first_dirty = dirt.first_dirty,
        .limit = dirt.limit,
        .delete_retention_ms = RETENTION_MS,
        .now_ms = world->now_ms,
        .map_bytes = 1 << 16,
        .map_load = 0.9,
        .batch_bytes_max = 1 << 20,
        .bytes_per_second = INT64_MAX,
    };
    assert_int_equal(log_clean_begin(world->f->log, &options, &cleaning), 0);
    log_clean_run(cleaning);
    assert_int_equal(log_clean_end(world->f->log, cleaning, &cleaned, &removal), 0);
    log_removal_run(removal);
    assert_int_equal(log_removal_end(removal), 0);
    read_all(world);
}

static int64_t size_of(struct world *world, const char *name)
{
    uint8_t *bytes;
    size_t size;
    int r = folder_read_file(world->f->os, world->f->directory, 1 << 20, name, &bytes, &size);
    if (r == -ENOENT) return -1;
    assert_int_equal(r, 0);
    memory_free(bytes);
    return (int64_t)size;
}

/* --- tests ------------------------------------------------------------------------------------ */

/* The marker stands in the segment that is written, which is not cleaned. */
static void what_was_aborted_later_does_not_count(void **state)
{
    static struct world world;
    world_init(&world, *state);
    int64_t committed = put_plain(&world, "k");
    int64_t aborted = put_data(&world, 7, "k");
    put_data(&world, 7, "other"); /* the producer's last, whose header stays */
    int64_t base = next_segment(&world);
    int64_t marker = put_marker(&world, 7, false);
    fixture_flush(world.f);
    write_aborted(&world, base, 7, aborted, marker);
    clean(&world);
    assert_int_equal(world.found[committed], FOUND_DATA);
    assert_int_equal(world.found[aborted], FOUND_NOTHING);
    assert_int_equal(world.found[aborted + 1], FOUND_NOTHING);
    assert_true(world.emptied[aborted + 1]);
    assert_false(world.emptied[aborted]);
    assert_int_equal(world.found[marker], FOUND_MARKER);
}

/* Without an entry in a .txnindex it was committed. */
static void what_was_committed_counts(void **state)
{
    static struct world world;
    world_init(&world, *state);
    int64_t before = put_plain(&world, "k");
    int64_t committed = put_data(&world, 7, "k");
    int64_t marker = put_marker(&world, 7, true);
    next_segment(&world);
    for (int i = 0; i < 3; i++) {
        clean(&world);
        assert_int_equal(world.found[before], FOUND_NOTHING);
        assert_int_equal(world.found[committed], FOUND_DATA);
        assert_int_equal(world.found[marker], FOUND_MARKER);
        world.now_ms += 2 * RETENTION_MS;
    }
}

static void a_commit_goes_after_its_data(void **state)
{
    static struct world world;
    world_init(&world, *state);
    int64_t committed = put_data(&world, 7, "k");
    int64_t marker = put_marker(&world, 7, true);
    put_plain(&world, "k");
    next_segment(&world);
    /* The producer goes on, so that nothing of it there is its last. */
    put_data(&world, 7, "later");
    put_marker(&world, 7, true);
    fixture_flush(world.f);
    clean(&world); /* the data goes; the marker has seen it */
    assert_int_equal(world.found[committed], FOUND_NOTHING);
    assert_int_equal(world.found[marker], FOUND_MARKER);
    clean(&world); /* its time begins */
    assert_int_equal(world.found[marker], FOUND_MARKER);
    world.now_ms += RETENTION_MS - 1;
    clean(&world);
    assert_int_equal(world.found[marker], FOUND_MARKER);
    world.now_ms += 1;
    clean(&world);
    assert_int_equal(world.found[marker], FOUND_NOTHING);
    assert_false(world.emptied[marker]);
}

/* As long as an abort marker is there and consumers might meet what it ended, they are told. */
static void an_abort_keeps_its_entry_as_long_as_it_is_needed(void **state)
{
    static struct world world;
    world_init(&world, *state);
    int64_t aborted = put_data(&world, 7, "k");
    int64_t marker = put_marker(&world, 7, false);
    put_plain(&world, "k");
    write_aborted(&world, 0, 7, aborted, marker);
    next_segment(&world);
    put_data(&world, 7, "later");
    put_marker(&world, 7, true);
    fixture_flush(world.f);
    clean(&world);
    assert_int_equal(world.found[aborted], FOUND_NOTHING);
    assert_int_equal(world.found[marker], FOUND_MARKER);
    assert_int_equal(size_of(&world, "00000000000000000000.txnindex"), 34);
    clean(&world);
    assert_int_equal(world.found[marker], FOUND_MARKER);
    assert_int_equal(size_of(&world, "00000000000000000000.txnindex"), -1);
    world.now_ms += RETENTION_MS;
    clean(&world);
    assert_int_equal(world.found[marker], FOUND_NOTHING);
}

/* The same producer aborts, then commits: only the first of both is dropped. */
static void a_producer_may_abort_and_commit(void **state)
{
    static struct world world;
    world_init(&world, *state);
    int64_t first = put_data(&world, 7, "a");
    int64_t abort = put_marker(&world, 7, false);
    int64_t second = put_data(&world, 7, "b");
    int64_t other = put_data(&world, 8, "c"); /* at the same time, and committed */
    put_marker(&world, 7, true);
    put_marker(&world, 8, true);
    write_aborted(&world, 0, 7, first, abort);
    next_segment(&world);
    clean(&world);
    assert_int_equal(world.found[first], FOUND_NOTHING);
    assert_int_equal(world.found[second], FOUND_DATA);
    assert_int_equal(world.found[other], FOUND_DATA);
}

static void what_is_open_is_left_alone(void **state)
{
    static struct world world;
    world_init(&world, *state);
    put_plain(&world, "k");
    int64_t base = next_segment(&world);
    int64_t open = put_data(&world, 7, "k");
    next_segment(&world);
    next_segment(&world);
    struct log_dirt dirt;
    assert_int_equal(log_clean_look(world.f->log, 0, INT64_MAX, 0, world.now_ms, &dirt), 0);
    assert_int_equal(dirt.limit, base);
    assert_true(dirt.limit <= open);
    put_marker(&world, 7, true);
    fixture_flush(world.f);
    assert_int_equal(log_clean_look(world.f->log, 0, INT64_MAX, 0, world.now_ms, &dirt), 0);
    assert_true(dirt.limit > open);
}

/* A batch that is sound, at a place that is another's: the CRC does not cover the offset. */
static void a_batch_out_of_order_is_damage(void **state)
{
    static struct world world;
    world_init(&world, *state);
    next_segment(&world);
    uint8_t offset[8];
    store_be64(offset, 1);
    struct log_dirt dirt;
    assert_int_equal(log_clean_look(world.f->log, 0, INT64_MAX, 0, world.now_ms, &dirt), 0);
    int64_t size = dirt.dirty_bytes / dirt.limit; /* of each batch */
    fixture_overwrite(world.f, "00000000000000000000.log", 5 * size, (struct slice){offset, 8});
    struct log_clean_options options = {.limit = dirt.limit,
                                        .map_bytes = 1 << 16,
                                        .map_load = 0.9,
                                        .batch_bytes_max = 1 << 20,
                                        .bytes_per_second = INT64_MAX};
    struct log_clean *cleaning;
    struct log_removal *removal;
    struct log_cleaned cleaned;
    assert_int_equal(log_clean_begin(world.f->log, &options, &cleaning), 0);
    log_clean_run(cleaning);
    assert_int_equal(log_clean_end(world.f->log, cleaning, &cleaned, &removal), -EBADMSG);
    assert_false(log_has_failed(world.f->log));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_aborted_later_does_not_count),
        TEST(what_was_committed_counts),
        TEST(a_commit_goes_after_its_data),
        TEST(an_abort_keeps_its_entry_as_long_as_it_is_needed),
        TEST(a_producer_may_abort_and_commit),
        TEST(what_is_open_is_left_alone),
        TEST(a_batch_out_of_order_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

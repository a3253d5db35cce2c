/* Compaction, against a model that keeps everything that was written. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/prng.h"
#include "log/clean.h"
#include "log/folder.h"
#include "log/log_fixture.h"

enum {
    RECORDS_MAX = 20000,
    KEYS = 50,
    NO_KEY = -1,
    VALUE_BYTES = 120,
    BATCH_MAX = 40,
};

/* What was written at an offset. */
struct written {
    int32_t key; /* NO_KEY: none */
    uint32_t value;
    int64_t timestamp;
    bool tombstone, there;
};

struct world {
    struct fixture *f;
    struct prng prng;
    struct written all[RECORDS_MAX];
    struct written found[RECORDS_MAX]; /* by read_all */
    int64_t now_ms;
    int64_t first_dirty;
    uint32_t next_value;
};

static void world_init(struct world *world, struct fixture *f)
{
    memset(world, 0, sizeof(*world));
    world->f = f;
    world->now_ms = 1000000;
    prng_init(&world->prng, 42);
    f->options.config.segment_bytes = 16384;
    f->options.config.index_interval_bytes = 512;
    log_configure(f->log, &f->options.config);
}

/* --- writing ---------------------------------------------------------------------------------- */

struct one {
    int32_t key;
    bool tombstone;
};

static void write_batch(struct world *world, const struct one *ones, int count,
                        enum compress_codec codec)
{
    struct fixture *f = world->f;
    struct writer writer;
    struct batch_builder builder;
    struct batch batch;
    int64_t base = log_end_offset(f->log), given;
    writer_init(&writer, 1 << 20);
    batch_begin(&builder, &writer, 0, codec, COMPRESS_LEVEL_DEFAULT);
    for (int i = 0; i < count; i++) {
        uint8_t value[VALUE_BYTES] = {0};
        char key[16];
        struct written *written = &world->all[base + i];
        assert_true(base + i < RECORDS_MAX);
        *written = (struct written){ones[i].key, world->next_value++, world->now_ms++,
                                    ones[i].tombstone, true};
        store_be32(value, written->value);
        snprintf(key, sizeof(key), "key-%d", (int)ones[i].key);
        batch_add(&builder, written->timestamp, ones[i].key == NO_KEY ? SLICE_NULL : slice_of(key),
                  ones[i].tombstone ? SLICE_NULL : (struct slice){value, sizeof(value)}, NULL, 0);
    }
    assert_int_equal(batch_end(&builder), 0);
    struct slice bytes = writer_slice(&writer);
    assert_int_equal(batch_take(&bytes, &batch), 0);
    assert_int_equal(log_append(f->log, &batch, writer.data, 1, world->now_ms, &given), 0);
    assert_int_equal(given, base);
    assert_int_equal(log_write(f->log), 0);
    writer_deinit(&writer);
}

/* Batches of all kinds, one in eight records a tombstone. */
static void write_some(struct world *world, int batches)
{
    for (int i = 0; i < batches; i++) {
        struct one ones[BATCH_MAX];
        int count = 1 + (int)prng_below(&world->prng, BATCH_MAX);
        for (int j = 0; j < count; j++)
            ones[j] = (struct one){(int32_t)prng_below(&world->prng, KEYS),
                                   prng_below(&world->prng, 8) == 0};
        write_batch(world, ones, count, (enum compress_codec)prng_below(&world->prng, 5));
    }
    fixture_flush(world->f);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void read_batch(struct world *world, const struct batch *batch, int64_t *next)
{
    struct arena arena;
    struct record_walk walk;
    struct record record;
    arena_init(&arena, 1 << 20);
    assert_true(batch_crc_matches(batch));
    assert_true(batch->base_offset >= *next);
    *next = batch_last_offset(batch) + 1;
    assert_int_equal(record_walk_start(&walk, batch, &arena, 1 << 20), 0);
    int r;
    while ((r = record_walk_next(&walk, &record)) == 1) {
        struct written *found = &world->found[record.offset];
        const struct written *written = &world->all[record.offset];
        assert_true(written->there);
        assert_false(found->there);
        *found = *written; /* and it is unchanged: */
        char key[16];
        snprintf(key, sizeof(key), "key-%d", (int)written->key);
        if (written->key == NO_KEY)
            assert_true(slice_is_null(record.key));
        else
            assert_true(slice_equal(record.key, slice_of(key)));
        assert_int_equal(record.timestamp, written->timestamp);
        assert_int_equal(slice_is_null(record.value), written->tombstone);
        if (!written->tombstone) assert_int_equal(load_be32(record.value.data), written->value);
    }
    assert_int_equal(r, 0);
    arena_deinit(&arena);
}

/* Everything from the start, by reads of few bytes, so that many begin in the middle. */
static void read_all(struct world *world)
{
    struct log *log = world->f->log;
    int64_t next = log_start_offset(log);
    memset(world->found, 0, sizeof(world->found));
    while (next < log_end_offset(log)) {
        struct log_extent extent;
        struct log_cold cold;
        int64_t asked = next;
        assert_int_equal(log_read(log, next, INT64_MAX, 3000, true, true, &extent, &cold), 0);
        if (extent.size == 0) break;
        uint8_t *bytes = memory_alloc(extent.size);
        assert_int_equal(os_file_read(extent.file, bytes, extent.size, extent.position),
                         extent.size);
        struct slice rest = {bytes, extent.size};
        struct batch batch;
        next = extent.base_offset < next ? extent.base_offset : next;
        while (rest.size > 0 && batch_take(&rest, &batch) == 0)
            read_batch(world, &batch, &next);
        assert_true(next > asked);
        memory_free(bytes);
        log_extent_release(&extent);
    }
}

/* --- cleaning --------------------------------------------------------------------------------- */

static struct log_clean_options options_of(const struct world *world, const struct log_dirt *dirt)
{
    return (struct log_clean_options){
        .first_dirty = dirt->first_dirty,
        .limit = dirt->limit,
        .delete_retention_ms = 1000,
        .now_ms = world->now_ms,
        .map_bytes = 1 << 20,
        .map_load = 0.9,
        .batch_bytes_max = 1 << 20,
        .bytes_per_second = INT64_MAX,
    };
}

static void look(struct world *world, struct log_dirt *dirt)
{
    assert_int_equal(
        log_clean_look(world->f->log, world->first_dirty, INT64_MAX, 0, world->now_ms, dirt), 0);
}

static int clean_with(struct world *world, const struct log_clean_options *options,
                      struct log_cleaned *cleaned)
{
    struct log_clean *clean;
    struct log_removal *removal;
    assert_int_equal(log_clean_begin(world->f->log, options, &clean), 0);
    log_clean_run(clean);
    int r = log_clean_end(world->f->log, clean, cleaned, &removal);
    if (r == 0 && removal != NULL) {
        log_removal_run(removal);
        assert_int_equal(log_removal_end(removal), 0);
    }
    if (r == 0) world->first_dirty = cleaned->end_offset;
    return r;
}

static struct log_cleaned clean_all(struct world *world)
{
    struct log_dirt dirt;
    struct log_cleaned cleaned;
    look(world, &dirt);
    struct log_clean_options options = options_of(world, &dirt);
    assert_int_equal(clean_with(world, &options, &cleaned), 0);
    return cleaned;
}

/* Below `end` each key's last record is there and no other; beyond, everything is.
 * `tombstones_gone`: those that were last, too. */
static void check(struct world *world, int64_t end, bool tombstones_gone)
{
    int64_t last[KEYS];
    for (int i = 0; i < KEYS; i++)
        last[i] = -1;
    for (int64_t offset = 0; offset < end; offset++)
        if (world->all[offset].key != NO_KEY) last[world->all[offset].key] = offset;
    for (int64_t offset = 0; offset < log_end_offset(world->f->log); offset++) {
        const struct written *written = &world->all[offset];
        bool is_last = written->key != NO_KEY && last[written->key] == offset;
        bool stays = offset >= end || (is_last && !(tombstones_gone && written->tombstone));
        assert_int_equal(world->found[offset].there, stays);
    }
}

/* Whatever else there is: each key's last record is. */
static void check_last(struct world *world)
{
    bool seen[KEYS] = {false};
    for (int64_t offset = log_end_offset(world->f->log) - 1; offset >= 0; offset--) {
        const struct written *written = &world->all[offset];
        if (written->key == NO_KEY || seen[written->key]) continue;
        seen[written->key] = true;
        assert_true(world->found[offset].there);
    }
}

/* --- tests ------------------------------------------------------------------------------------ */

static void the_last_of_each_key_stays(void **state)
{
    static struct world world;
    world_init(&world, *state);
    for (int round = 0; round < 4; round++) {
        write_some(&world, 60);
        int64_t end = log_end_offset(world.f->log);
        int64_t size = log_size_bytes(world.f->log);
        struct log_cleaned cleaned = clean_all(&world);
        assert_true(cleaned.end_offset < end); /* the last segment is left alone */
        assert_true(log_size_bytes(world.f->log) < size);
        /* what has shrunk is joined the next time */
        if (round > 0) assert_true(cleaned.segments_after < cleaned.segments_before);
        assert_int_equal(log_end_offset(world.f->log), end);
        read_all(&world);
        check(&world, cleaned.end_offset, false);
    }
    fixture_kill(world.f);
    assert_int_equal(fixture_open(world.f, false, 0), 0);
    read_all(&world);
    check(&world, world.first_dirty, false);
    assert_int_equal(log_close(world.f->log), 0);
    world.f->log = NULL;
    assert_int_equal(fixture_open(world.f, true, 0), 0);
    assert_int_equal(world.f->recovery.rebuilt_indexes, 0);
    read_all(&world);
    check(&world, world.first_dirty, false);
}

static void tombstones_stay_for_their_time(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 60);
    int64_t end = clean_all(&world).end_offset;
    write_batch(&world, &(struct one){0, false}, 1, COMPRESS_NONE);
    world.now_ms += 900; /* the horizon is 1000 ms behind the first cleaning */
    struct log_dirt dirt = {.first_dirty = 0, .limit = end};
    struct log_clean_options options = options_of(&world, &dirt);
    struct log_cleaned cleaned;
    assert_int_equal(clean_with(&world, &options, &cleaned), 0);
    read_all(&world);
    check(&world, end, false);
    world.now_ms += 200;
    options.now_ms = world.now_ms;
    assert_int_equal(clean_with(&world, &options, &cleaned), 0);
    read_all(&world);
    check(&world, end, true);
}

static void records_without_a_key_go(void **state)
{
    static struct world world;
    world_init(&world, *state);
    const struct one ones[] = {{1, false}, {NO_KEY, false}, {2, false}, {1, false}};
    for (int i = 0; i < 60; i++)
        write_batch(&world, ones, ARRAY_COUNT(ones), COMPRESS_LZ4);
    for (int i = 0; i < 60; i++)
        write_batch(&world, ones, ARRAY_COUNT(ones), COMPRESS_NONE);
    fixture_flush(world.f);
    struct log_cleaned cleaned = clean_all(&world);
    assert_true(cleaned.invalid_records > 0);
    read_all(&world);
    check(&world, cleaned.end_offset, false);
}

static void a_full_map_cleans_a_part(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 80);
    struct log_dirt dirt;
    look(&world, &dirt);
    struct log_clean_options options = options_of(&world, &dirt);
    options.map_bytes = 64 * 24; /* 64 slots */
    options.map_load = 0.5;
    struct log_cleaned cleaned;
    int64_t before = -1;
    for (int i = 0; i < 100 && options.first_dirty < dirt.limit; i++) {
        assert_int_equal(clean_with(&world, &options, &cleaned), 0);
        assert_true(cleaned.end_offset > before);
        before = options.first_dirty = cleaned.end_offset;
    }
    assert_int_equal(options.first_dirty, dirt.limit);
    read_all(&world);
    check(&world, dirt.limit, false);
}

static void looks_where_it_may(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 60);
    struct log_dirt dirt;
    struct log *log = world.f->log;
    look(&world, &dirt);
    assert_int_equal(dirt.first_dirty, 0);
    assert_int_equal(dirt.clean_bytes, 0);
    assert_true(dirt.dirty_bytes > 0);
    assert_int_equal(dirt.oldest_ms < world.now_ms, true);
    int64_t limit = dirt.limit;
    /* not beyond what is committed */
    assert_int_equal(log_clean_look(log, 0, limit - 1, 0, world.now_ms, &dirt), 0);
    assert_true(dirt.limit < limit);
    /* not into what is young */
    assert_int_equal(log_clean_look(log, 0, INT64_MAX, 1000000, world.now_ms, &dirt), 0);
    assert_int_equal(dirt.limit, 0);
    assert_int_equal(log_clean_look(log, 0, INT64_MAX, 100, world.now_ms, &dirt), 0);
    assert_in_range(dirt.limit, 1, limit);
    /* a checkpoint from elsewhere */
    assert_int_equal(log_clean_look(log, 1 << 30, INT64_MAX, 0, world.now_ms, &dirt), 0);
    assert_int_equal(dirt.first_dirty, 0);
}

static void the_owner_goes_on_meanwhile(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 60);
    struct log_dirt dirt;
    struct log_clean *clean;
    struct log_removal *removal;
    struct log_cleaned cleaned;
    look(&world, &dirt);
    struct log_clean_options options = options_of(&world, &dirt);
    struct log_extent extent;
    struct log_cold cold;
    assert_int_equal(log_read(world.f->log, 0, INT64_MAX, 1000, true, true, &extent, &cold), 0);
    assert_int_equal(log_clean_begin(world.f->log, &options, &clean), 0);
    write_some(&world, 10);
    log_clean_run(clean);
    write_some(&world, 10);
    assert_int_equal(log_clean_end(world.f->log, clean, &cleaned, &removal), 0);
    read_all(&world);
    check(&world, cleaned.end_offset, false);
    log_removal_run(removal);
    assert_int_equal(log_removal_end(removal), 0);
    uint8_t bytes[1000]; /* a reader from before */
    assert_int_equal(os_file_read(extent.file, bytes, extent.size, extent.position), extent.size);
    assert_int_equal(bytes[16], BATCH_MAGIC);
    log_extent_release(&extent);
}

static void nothing_changes_when_it_is_stopped(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 60);
    struct log_dirt dirt;
    struct log_clean *clean;
    struct log_removal *removal;
    struct log_cleaned cleaned;
    look(&world, &dirt);
    struct log_clean_options options = options_of(&world, &dirt);
    options.bytes_per_second = 1; /* it would take days */
    assert_int_equal(log_clean_begin(world.f->log, &options, &clean), 0);
    log_clean_stop(clean);
    log_clean_run(clean);
    assert_int_equal(log_clean_end(world.f->log, clean, &cleaned, &removal), -ECANCELED);
    assert_null(removal);
    read_all(&world);
    check(&world, 0, false);
}

static void the_start_rises_meanwhile(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 60);
    struct log_dirt dirt;
    struct log_clean *clean;
    struct log_removal *removal;
    struct log_cleaned cleaned;
    look(&world, &dirt);
    struct log_clean_options options = options_of(&world, &dirt);
    assert_int_equal(log_clean_begin(world.f->log, &options, &clean), 0);
    assert_int_equal(log_raise_start(world.f->log, dirt.limit), 0);
    assert_null(log_removal_begin(world.f->log)); /* they are read now */
    log_clean_run(clean);
    assert_int_equal(log_clean_end(world.f->log, clean, &cleaned, &removal), 0);
    log_removal_run(removal);
    assert_int_equal(log_removal_end(removal), 0);
    removal = log_removal_begin(world.f->log);
    assert_non_null(removal);
    log_removal_run(removal);
    assert_int_equal(log_removal_end(removal), 0);
    assert_int_equal(log_start_offset(world.f->log), dirt.limit);
    read_all(&world);
    fixture_kill(world.f);
    world.f->options.log_start_offset = dirt.limit;
    assert_int_equal(fixture_open(world.f, false, 0), 0);
    assert_int_equal(log_start_offset(world.f->log), dirt.limit);
}

/* A search by time opens files by their names: it finds what there was, or says that it must begin
 * again. */
static void a_search_meanwhile_is_right_or_begins_again(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 60);
    struct log_dirt dirt;
    struct log_clean *clean;
    struct log_removal *removal;
    struct log_cleaned cleaned;
    look(&world, &dirt);
    struct log_clean_options options = options_of(&world, &dirt);
    struct log *log = world.f->log;
    int64_t wanted = 5, offset, timestamp; /* its key comes again */
    struct log_search *early = log_search_begin(log, world.all[wanted].timestamp);
    struct log_search *late = log_search_begin(log, world.all[wanted].timestamp);
    assert_int_equal(log_clean_begin(log, &options, &clean), 0);
    log_clean_run(clean);
    assert_int_equal(log_clean_end(log, clean, &cleaned, &removal), 0);
    log_search_run(early); /* the old files still have another name */
    assert_int_equal(log_search_end(log, early, &offset, &timestamp), 0);
    assert_int_equal(offset, wanted);
    log_removal_run(removal);
    assert_int_equal(log_removal_end(removal), 0);
    log_search_run(late);
    assert_int_equal(log_search_end(log, late, &offset, &timestamp), -EAGAIN);
    late = log_search_begin(log, world.all[wanted].timestamp);
    log_search_run(late);
    assert_int_equal(log_search_end(log, late, &offset, &timestamp), 0);
    read_all(&world);
    assert_false(world.found[wanted].there);
    assert_true(offset > wanted && world.found[offset].there);
}

static void damaged_bytes_change_nothing(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 60);
    struct log_dirt dirt;
    struct log_cleaned cleaned;
    look(&world, &dirt);
    int64_t size = log_size_bytes(world.f->log);
    uint8_t byte = 0x5a;
    fixture_overwrite(world.f, "00000000000000000000.log", 5000, (struct slice){&byte, 1});
    struct log_clean_options options = options_of(&world, &dirt);
    assert_int_equal(clean_with(&world, &options, &cleaned), -EBADMSG);
    assert_int_equal(log_size_bytes(world.f->log), size);
    assert_false(log_has_failed(world.f->log));
}

/* A producer's last batch keeps its place, so that its next sequence is known after a start. */
static void the_last_batch_of_a_producer_stays(void **state)
{
    static struct world world;
    world_init(&world, *state);
    struct fixture_batch what = {.count = 2, .bytes_each = 10, .producer_id = 7};
    what.timestamp = os_wall_ms(world.f->os); /* those that are long silent are forgotten */
    fixture_append(world.f, &what);
    what.sequence = 2;
    fixture_append(world.f, &what);
    for (int i = 0; i < 400; i++) /* the same key, from nobody */
        fixture_append_plain(world.f, 1, 100);
    fixture_flush(world.f);
    clean_all(&world);
    fixture_kill(world.f);
    assert_int_equal(fixture_open(world.f, false, 0), 0);
    size_t cursor = 0;
    struct log_producer producer;
    assert_true(log_producer_next(world.f->log, &cursor, &producer));
    assert_int_equal(producer.producer_id, 7);
    assert_int_equal(producer.last_sequence, 3);
    assert_int_equal(producer.last_offset, 3);
}

/* --- crashes ---------------------------------------------------------------------------------- */

struct copying {
    struct os *os;
    const char *from, *to;
};

static int copy_entry(void *context, const char *name, bool is_dir)
{
    const struct copying *copying = context;
    uint8_t *bytes;
    size_t size;
    if (is_dir) return -EISDIR;
    char path[OS_PATH_MAX];
    struct os_file *file;
    int r = folder_read_file(copying->os, copying->from, 1 << 24, name, &bytes, &size);
    if (r < 0) return r;
    snprintf(path, sizeof(path), "%s/%s", copying->to, name);
    r = os_file_open(copying->os, path, OS_OPEN_REPLACE, &file); /* not flushed: there are many */
    if (r < 0) return r;
    struct slice all = {bytes, size};
    if (size > 0) r = os_file_write(file, &all, 1, 0);
    os_file_close(file);
    memory_free(bytes);
    return r;
}

/* Opens the directory as a crash left it. `cleaned_to` −1: some of it is cleaned. */
static void open_copy(struct world *world, const char *copy, int64_t cleaned_to)
{
    struct log_options options = world->f->options;
    struct log_recovery recovery;
    struct log *original = world->f->log;
    options.directory = copy;
    options.clean = false;
    options.recovery_point = 0;
    assert_int_equal(log_open(world->f->os, world->f->files, &options, &recovery, &world->f->log),
                     0);
    assert_int_equal(log_end_offset(world->f->log), log_end_offset(original));
    read_all(world);
    if (cleaned_to >= 0)
        check(world, cleaned_to, false);
    else
        check_last(world);
    log_destroy(world->f->log);
    world->f->log = original;
    assert_int_equal(log_remove_directory(world->f->os, copy), 0);
}

static void copy_to(struct world *world, const char *copy)
{
    struct copying copying = {world->f->os, world->f->directory, copy};
    assert_int_equal(os_dir_create(world->f->os, copy), 0);
    assert_int_equal(os_dir_list(world->f->os, world->f->directory, copy_entry, &copying), 0);
}

static void rename_in(struct world *world, const char *copy, const char *from, const char *to)
{
    char source[OS_PATH_MAX], target[OS_PATH_MAX];
    snprintf(source, sizeof(source), "%.3000s/%s", copy, from);
    snprintf(target, sizeof(target), "%.3000s/%s", copy, to);
    assert_int_equal(os_rename(world->f->os, source, target), 0);
}

static int find_newest_swap(void *context, const char *name, bool is_dir)
{
    char *newest = context;
    bool is_swap = !is_dir && strstr(name, ".log.swap") != NULL;
    if (is_swap && strcmp(name, newest) > 0) snprintf(newest, 64, "%s", name);
    return 0;
}

static void a_crash_leaves_the_old_or_the_new(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 60);
    char copy[OS_PATH_MAX];
    snprintf(copy, sizeof(copy), "%.3000s-copy", world.f->directory);
    struct log_dirt dirt;
    struct log_clean *clean;
    struct log_removal *removal;
    struct log_cleaned cleaned;
    look(&world, &dirt);
    struct log_clean_options options = options_of(&world, &dirt);
    assert_int_equal(log_clean_begin(world.f->log, &options, &clean), 0);
    log_clean_run(clean);
    /* whole and durable, nothing replaced yet */
    copy_to(&world, copy);
    open_copy(&world, copy, dirt.limit);
    /* the old one has left, the new one has not come */
    copy_to(&world, copy);
    rename_in(&world, copy, "00000000000000000000.log", "00000000000000000000.log.deleted");
    open_copy(&world, copy, dirt.limit);
    /* and its index has come */
    copy_to(&world, copy);
    rename_in(&world, copy, "00000000000000000000.log", "00000000000000000000.log.deleted");
    rename_in(&world, copy, "00000000000000000000.index.swap", "00000000000000000000.index");
    open_copy(&world, copy, dirt.limit);
    /* the newest was not finished */
    char newest[64] = "", unfinished[80];
    assert_int_equal(os_dir_list(world.f->os, world.f->directory, find_newest_swap, newest), 0);
    snprintf(unfinished, sizeof(unfinished), "%.24s.cleaned", newest);
    copy_to(&world, copy);
    rename_in(&world, copy, newest, unfinished);
    open_copy(&world, copy, -1);
    assert_int_equal(log_clean_end(world.f->log, clean, &cleaned, &removal), 0);
    /* replaced, and the old ones not yet removed */
    copy_to(&world, copy);
    open_copy(&world, copy, cleaned.end_offset);
    log_removal_run(removal);
    assert_int_equal(log_removal_end(removal), 0);
    copy_to(&world, copy);
    open_copy(&world, copy, cleaned.end_offset);
}

struct bases {
    int64_t logs[64], swaps[64];
    int log_count, swap_count;
};

static int compare_bases(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

static int list_base(void *context, const char *name, bool is_dir)
{
    struct bases *bases = context;
    int64_t base;
    if (is_dir || strlen(name) < 24 || strncmp(name + 20, ".log", 4) != 0) return 0;
    struct slice digits = {(const uint8_t *)name, 20};
    assert_int_equal(slice_parse_int64(digits, 0, INT64_MAX, &base), 0);
    assert_true(bases->log_count < (int)ARRAY_COUNT(bases->logs));
    if (strcmp(name + 24, ".swap") == 0)
        bases->swaps[bases->swap_count++] = base;
    else if (name[24] == 0)
        bases->logs[bases->log_count++] = base;
    return 0;
}

/* The renames that put the new segments in the place of the old ones; stops after `most`. How many
 * there were. */
static int swap_in(struct world *world, const char *copy, const struct bases *bases, int most)
{
    static const char *const kinds[] = {".index", ".timeindex", ".log"};
    int done = 0;
    for (int group = 0; group < bases->swap_count; group++) {
        int64_t first = bases->swaps[group];
        int64_t end = group + 1 < bases->swap_count ? bases->swaps[group + 1]
                                                    : bases->logs[bases->log_count - 1];
        for (int pass = 0; pass < 2; pass++) {
            for (int i = 0; i < bases->log_count; i++) {
                int64_t base = bases->logs[i];
                if (base < first || base >= end || (pass == 1 && base != first)) continue;
                for (size_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
                    char from[64], to[64];
                    snprintf(from, sizeof(from), "%020lld%s%s", (long long)base, kinds[kind],
                             pass == 0 ? "" : ".swap");
                    snprintf(to, sizeof(to), "%020lld%s%s", (long long)base, kinds[kind],
                             pass == 0 ? ".deleted" : "");
                    if (done == most) return done;
                    rename_in(world, copy, from, to);
                    done++;
                }
            }
        }
    }
    return done;
}

/* Old segments, some of which become one, and a crash after each of the renames. */
static void a_crash_may_come_at_any_rename(void **state)
{
    static struct world world;
    world_init(&world, *state);
    for (int round = 0; round < 2; round++) {
        write_some(&world, round == 0 ? 40 : 120);
        if (round == 0) clean_all(&world);
    }
    char copy[OS_PATH_MAX];
    snprintf(copy, sizeof(copy), "%.3000s-copy", world.f->directory);
    struct log_dirt dirt;
    struct log_clean *clean;
    struct log_removal *removal;
    struct log_cleaned cleaned;
    look(&world, &dirt);
    struct log_clean_options options = options_of(&world, &dirt);
    assert_int_equal(log_clean_begin(world.f->log, &options, &clean), 0);
    log_clean_run(clean);
    struct bases bases = {.log_count = 0};
    assert_int_equal(os_dir_list(world.f->os, world.f->directory, list_base, &bases), 0);
    qsort(bases.logs, (size_t)bases.log_count, sizeof(bases.logs[0]), compare_bases);
    qsort(bases.swaps, (size_t)bases.swap_count, sizeof(bases.swaps[0]), compare_bases);
    assert_true(bases.swap_count + 1 < bases.log_count); /* some become one */
    int total = 0;
    for (int most = 0; most <= total; most++) {
        copy_to(&world, copy);
        int done = swap_in(&world, copy, &bases, most);
        assert_int_equal(done, most);
        if (most == 0) { /* how many are there? */
            total = swap_in(&world, copy, &bases, INT32_MAX);
            assert_true(total > 20);
        }
        open_copy(&world, copy, dirt.limit);
    }
    /* One that is not finished keeps all from there on from their places: Kafka makes several of
     * one, too. */
    char swap[64], unfinished[64];
    snprintf(swap, sizeof(swap), "%020lld.log.swap", (long long)bases.swaps[0]);
    snprintf(unfinished, sizeof(unfinished), "%020lld.log.cleaned", (long long)bases.swaps[0]);
    copy_to(&world, copy);
    rename_in(&world, copy, swap, unfinished);
    open_copy(&world, copy, -1);
    assert_int_equal(log_clean_end(world.f->log, clean, &cleaned, &removal), 0);
    assert_int_equal(cleaned.segments_after, bases.swap_count);
    log_removal_run(removal);
    assert_int_equal(log_removal_end(removal), 0);
}

static int count_entries(void *context, const char *name, bool is_dir)
{
    (void)is_dir;
    int *leftovers = context;
    if (strstr(name, ".cleaned") != NULL || strstr(name, ".swap") != NULL) (*leftovers)++;
    return 0;
}

/* A disk that takes so much and no more. */
static void a_full_disk_changes_nothing(void **state)
{
    static struct world world;
    world_init(&world, *state);
    write_some(&world, 60);
    struct log_dirt dirt;
    struct log_cleaned cleaned;
    struct rlimit before;
    look(&world, &dirt);
    struct log_clean_options options = options_of(&world, &dirt);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    for (rlim_t most = 0; most <= 4000; most += 1000) {
        struct rlimit limit = {most, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        int r = clean_with(&world, &options, &cleaned);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, -EFBIG);
        int leftovers = 0;
        assert_int_equal(os_dir_list(world.f->os, world.f->directory, count_entries, &leftovers),
                         0);
        assert_int_equal(leftovers, 0);
        assert_false(log_has_failed(world.f->log));
        read_all(&world);
        check(&world, 0, false);
    }
    assert_int_equal(clean_with(&world, &options, &cleaned), 0);
    read_all(&world);
    check(&world, cleaned.end_offset, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_last_of_each_key_stays),
        TEST(tombstones_stay_for_their_time),
        TEST(records_without_a_key_go),
        TEST(a_full_map_cleans_a_part),
        TEST(looks_where_it_may),
        TEST(the_owner_goes_on_meanwhile),
        TEST(nothing_changes_when_it_is_stopped),
        TEST(the_start_rises_meanwhile),
        TEST(a_search_meanwhile_is_right_or_begins_again),
        TEST(damaged_bytes_change_nothing),
        TEST(the_last_batch_of_a_producer_stays),
        TEST(a_crash_leaves_the_old_or_the_new),
        TEST(a_crash_may_come_at_any_rename),
        TEST(a_full_disk_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

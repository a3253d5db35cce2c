/*
 * clean: what compaction costs. For records of 100 B and 1 KiB, not compressed and compressed, it
 * makes a log of SIZE_MIB in a fresh directory below DIR (/tmp), of which DEAD_PERCENT are records
 * whose key comes again, cleans it once, and prints a line: MiB of log per second of CPU time.
 *
 *   bench-clean SIZE_MIB DEAD_PERCENT [DIR [KIND]]      KIND: one of them alone, "100 B lz4"
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/prng.h"
#include "log/clean.h"
#include "usage.h"

enum {
    MIB = 1 << 20,
    SEGMENT_BYTES = 64 * MIB,
    BATCH_BYTES = 16384, /* batch.size of a producer */
    POOL_BYTES = 1 << 16,
    KEY_BYTES = 16,
    MAP_BYTES = 128 * MIB, /* log.cleaner.dedupe.buffer.size */
};

struct world {
    struct os *os;
    struct log_files *files;
    struct log *log;
    char parent[OS_PATH_MAX - 64], directory[OS_PATH_MAX];
    uint8_t pool[POOL_BYTES]; /* values are cut from it */
    uint64_t records, keys;
};

struct kind {
    const char *name;
    size_t record_bytes;
    enum compress_codec codec;
};

static void must(int r, const char *what)
{
    if (r >= 0) return;
    fprintf(stderr, "bench-clean: %s: %s\n", what, strerror(-r));
    exit(1);
}

static void flush(struct world *world)
{
    struct log_flush *flush = log_flush_begin(world->log, true);
    if (flush == NULL) return;
    log_flush_run(flush);
    must(log_flush_end(world->log, flush), "flush");
}

/* The number of a record spread over the keys: each key comes as often as any other, and late. */
static uint64_t key_of(const struct world *world, uint64_t number)
{
    return number * 0x9e3779b97f4a7c15u % world->keys;
}

static void append(struct world *world, const struct kind *kind, uint64_t first, int32_t count,
                   struct writer *writer)
{
    struct batch_builder builder;
    struct batch batch;
    writer_reset(writer);
    batch_begin(&builder, writer, 0, kind->codec, COMPRESS_LEVEL_DEFAULT);
    for (int32_t i = 0; i < count; i++) {
        char key[KEY_BYTES + 1];
        uint64_t number = first + (uint64_t)i;
        snprintf(key, sizeof(key), "%016llx", (unsigned long long)key_of(world, number));
        size_t size = kind->record_bytes - KEY_BYTES;
        size_t at = (size_t)(number * 7919 % (POOL_BYTES - size));
        batch_add(&builder, 1000 + (int64_t)number, slice_of(key),
                  (struct slice){world->pool + at, size}, NULL, 0);
    }
    must(batch_end(&builder), "batch");
    struct slice bytes = writer_slice(writer);
    int64_t base_offset;
    must(batch_take(&bytes, &batch), "batch");
    must(log_append(world->log, &batch, writer->data, 0, 1000, &base_offset), "append");
    must(log_write(world->log), "write");
}

static void fill(struct world *world, const struct kind *kind, int64_t size, int dead_percent)
{
    struct writer writer;
    writer_init(&writer, 4 * BATCH_BYTES);
    int32_t per_batch = (int32_t)(BATCH_BYTES / kind->record_bytes);
    uint64_t total = (uint64_t)size / kind->record_bytes;
    world->keys = total * (uint64_t)(100 - dead_percent) / 100 + 1;
    world->records = 0;
    /* What is compressed is as large before it is. */
    for (; world->records < total; world->records += (uint64_t)per_batch)
        append(world, kind, world->records, per_batch, &writer);
    writer_deinit(&writer);
    flush(world);
}

static void open_world(struct world *world)
{
    struct log_options options = {
        .directory = world->directory,
        .topic_id = {{1}},
        .config = {.segment_bytes = SEGMENT_BYTES,
                   .segment_ms = INT64_MAX,
                   .segment_index_bytes = 10 * MIB,
                   .index_interval_bytes = 4096,
                   .producer_id_expiration_ms = INT64_MAX},
    };
    must(log_create(world->os, world->files, &options, &world->log), world->directory);
}

static void clean(struct world *world, const struct kind *kind)
{
    struct log_dirt dirt;
    struct log_clean *cleaning;
    struct log_cleaned cleaned;
    struct log_removal *removal;
    must(log_clean_look(world->log, 0, INT64_MAX, 0, 2000, &dirt), "look");
    struct log_clean_options options = {
        .first_dirty = dirt.first_dirty,
        .limit = dirt.limit,
        .delete_retention_ms = 86400000,
        .now_ms = 2000,
        .map_bytes = MAP_BYTES,
        .map_load = 0.9,
        .batch_bytes_max = 16 * MIB,
        .bytes_per_second = INT64_MAX,
    };
    if (dirt.limit <= dirt.first_dirty) must(-EINVAL, "SIZE_MIB is less than two segments");
    struct usage before = usage_take(0);
    must(log_clean_begin(world->log, &options, &cleaning), "begin");
    log_clean_run(cleaning);
    must(log_clean_end(world->log, cleaning, &cleaned, &removal), "clean");
    struct usage after = usage_take(0);
    if (removal != NULL) {
        log_removal_run(removal);
        must(log_removal_end(removal), "remove");
    }
    double mib = (double)dirt.dirty_bytes / MIB, cpu_s = after.self_s - before.self_s;
    printf("%-14s %6.0f MiB  %5.1f%% kept  %6.2f s CPU  %6.2f s  %7.1f MiB/CPU s  %s\n", kind->name,
           mib, 100.0 * (double)cleaned.records_kept / (double)cleaned.records_read, cpu_s,
           (double)(after.at_ns - before.at_ns) / 1e9, mib / cpu_s,
           cleaned.end_offset == dirt.limit ? "" : "(the map was full)");
    fflush(stdout);
}

static int measure(struct world *world, const struct kind *kind, int64_t size, int dead_percent)
{
    open_world(world);
    fill(world, kind, size, dead_percent);
    clean(world, kind);
    log_destroy(world->log);
    return log_remove_directory(world->os, world->directory);
}

int main(int argc, char **argv)
{
    static const struct kind kinds[] = {
        {"100 B", 100, COMPRESS_NONE},      {"1 KiB", 1024, COMPRESS_NONE},
        {"100 B lz4", 100, COMPRESS_LZ4},   {"1 KiB lz4", 1024, COMPRESS_LZ4},
        {"100 B zstd", 100, COMPRESS_ZSTD}, {"1 KiB zstd", 1024, COMPRESS_ZSTD},
    };
    int64_t mib, dead_percent;
    if (argc < 3 || slice_parse_int64(slice_of(argv[1]), 2, 1 << 20, &mib) < 0 ||
        slice_parse_int64(slice_of(argv[2]), 0, 99, &dead_percent) < 0) {
        fprintf(stderr, "usage: bench-clean SIZE_MIB DEAD_PERCENT [DIR [KIND]]\n");
        return 2;
    }
    struct world *world = memory_alloc_zero(sizeof(*world));
    struct os_options options = {.workers_max = 1};
    struct prng prng;
    prng_init(&prng, 1);
    for (size_t i = 0; i < POOL_BYTES; i++)
        world->pool[i] = (uint8_t)('a' + prng_below(&prng, 16));
    must(os_create(&options, &world->os), "os");
    snprintf(world->parent, sizeof(world->parent), "%s/bench-clean-XXXXXX",
             argc > 3 ? argv[3] : "/tmp");
    if (mkdtemp(world->parent) == NULL) must(-EIO, world->parent);
    snprintf(world->directory, sizeof(world->directory), "%s/bench-0", world->parent);
    world->files = log_files_create(world->os, 64);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (argc <= 4 || strcmp(argv[4], kinds[i].name) == 0)
            must(measure(world, &kinds[i], mib * MIB, (int)dead_percent), "remove");
    must(os_remove(world->os, world->parent), "remove");
    log_files_destroy(world->files);
    os_destroy(world->os);
    memory_free(world);
    return 0;
}

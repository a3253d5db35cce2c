#include "log/log_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

int fixture_setup(void **state)
{
    struct fixture *fixture = memory_alloc_zero(sizeof(*fixture));
    struct os_options options = {.workers_max = 1};
    char base[] = "/tmp/gregor-log-XXXXXX";
    if (os_create(&options, &fixture->os) < 0) return -1;
    if (mkdtemp(base) == NULL) return -1;
    snprintf(fixture->directory, sizeof(fixture->directory), "%s/orders-3", base);
    fixture->files = log_files_create(fixture->os, 8);
    fixture->options = (struct log_options){
        .directory = fixture->directory,
        .topic_id = {{1, 2, 3}},
        .config = {.segment_bytes = 1 << 20,
                   .segment_ms = 7 * 86400000LL,
                   .segment_index_bytes = 10 << 20,
                   .index_interval_bytes = 4096,
                   .producer_id_expiration_ms = 86400000},
        .jitter_seed = 7,
    };
    if (log_create(fixture->os, fixture->files, &fixture->options, &fixture->log) < 0) return -1;
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    log_destroy(fixture->log);
    log_files_destroy(fixture->files);
    int r = log_remove_directory(fixture->os, fixture->directory);
    *strrchr(fixture->directory, '/') = 0;
    if (r == 0) r = os_remove(fixture->os, fixture->directory);
    os_destroy(fixture->os);
    for (int i = 0; i < fixture->batch_count; i++)
        memory_free(fixture->batches[i]);
    memory_free(fixture);
    return r;
}

int64_t fixture_append(struct fixture *fixture, const struct fixture_batch *what)
{
    struct writer writer;
    writer_init(&writer, 64 << 20);
    struct batch_builder builder;
    batch_begin(&builder, &writer, 0, what->codec, COMPRESS_LEVEL_DEFAULT);
    uint8_t *value = memory_alloc(what->bytes_each + 1);
    for (size_t i = 0; i < what->bytes_each; i++)
        value[i] = (uint8_t)(i * 7);
    for (int32_t i = 0; i < what->count; i++)
        batch_add(&builder, what->timestamp + i, SLICE("key"),
                  (struct slice){value, what->bytes_each}, NULL, 0);
    builder.header.producer_id = what->producer_id;
    builder.header.producer_epoch = what->producer_epoch;
    builder.header.base_sequence = what->sequence;
    builder.header.attributes = (int16_t)(builder.header.attributes | what->attributes);
    assert_int_equal(batch_end(&builder), 0);
    memory_free(value);
    struct slice bytes = writer_slice(&writer);
    struct batch batch;
    assert_int_equal(batch_take(&bytes, &batch), 0);
    int64_t base_offset = -1;
    assert_int_equal(
        log_append(fixture->log, &batch, writer.data, 5, what->timestamp, &base_offset), 0);
    assert_true(fixture->batch_count < (int)ARRAY_COUNT(fixture->batches));
    fixture->batches[fixture->batch_count++] = writer.data;
    assert_int_equal(log_write(fixture->log), 0);
    return base_offset;
}

int64_t fixture_append_plain(struct fixture *fixture, int32_t count, size_t bytes_each)
{
    struct fixture_batch what = {.count = count,
                                 .bytes_each = bytes_each,
                                 .timestamp = 1000,
                                 .producer_id = -1,
                                 .producer_epoch = -1,
                                 .sequence = -1};
    return fixture_append(fixture, &what);
}

void fixture_fill(struct fixture *fixture, int total)
{
    for (int i = 0; i < total; i++) {
        struct fixture_batch what = {.count = 1,
                                     .bytes_each = 100,
                                     .timestamp = 1000 * (i + 1),
                                     .producer_id = -1,
                                     .producer_epoch = -1,
                                     .sequence = -1};
        fixture_append(fixture, &what);
    }
}

void fixture_flush(struct fixture *fixture)
{
    struct log_flush *flush = log_flush_begin(fixture->log, true);
    assert_non_null(flush);
    log_flush_run(flush);
    assert_int_equal(log_flush_end(fixture->log, flush), 0);
}

void fixture_kill(struct fixture *fixture)
{
    fixture->log = log_destroy(fixture->log);
}

int fixture_open(struct fixture *fixture, bool clean, int64_t recovery_point)
{
    fixture->options.clean = clean;
    fixture->options.recovery_point = recovery_point;
    return log_open(fixture->os, fixture->files, &fixture->options, &fixture->recovery,
                    &fixture->log);
}

void fixture_path(struct fixture *fixture, const char *name, char path[OS_PATH_MAX])
{
    int size = snprintf(path, OS_PATH_MAX, "%s/%s", fixture->directory, name);
    assert_true(size < OS_PATH_MAX);
}

int64_t fixture_count_from(struct fixture *fixture, int64_t offset)
{
    int64_t records = 0;
    enum { READ_BYTES = 1 << 20, BATCH_MAX = 4 << 20 };
    uint8_t *bytes = memory_alloc(BATCH_MAX);
    int64_t expected = -1;
    while (offset < log_end_offset(fixture->log)) {
        struct log_extent extent;
        struct log_cold cold;
        int r = log_read(fixture->log, offset, INT64_MAX, READ_BYTES, true, true, &extent, &cold);
        assert_int_equal(r, 0);
        assert_true(extent.size > 0);
        assert_true(extent.size <= BATCH_MAX);
        assert_int_equal(os_file_read(extent.file, bytes, extent.size, extent.position),
                         extent.size);
        struct slice rest = {bytes, extent.size};
        struct batch batch;
        bool first = true;
        while (batch_take(&rest, &batch) == 0) {
            assert_true(batch_crc_matches(&batch));
            if (first) assert_int_equal(batch.base_offset, extent.base_offset);
            if (first)
                assert_true(batch.base_offset <= offset && batch_last_offset(&batch) >= offset);
            if (expected >= 0) assert_int_equal(batch.base_offset, expected);
            first = false;
            expected = batch_last_offset(&batch) + 1;
            records += expected - (batch.base_offset > offset ? batch.base_offset : offset);
            offset = expected;
        }
        log_extent_release(&extent);
    }
    memory_free(bytes);
    return records;
}

static struct os_file *open_file(struct fixture *fixture, const char *name)
{
    char path[OS_PATH_MAX];
    struct os_file *file;
    fixture_path(fixture, name, path);
    assert_int_equal(os_file_open(fixture->os, path, OS_OPEN_WRITE, &file), 0);
    return file;
}

int64_t fixture_file_size(struct fixture *fixture, const char *name)
{
    struct os_file *file = open_file(fixture, name);
    int64_t size;
    assert_int_equal(os_file_size(file, &size), 0);
    os_file_close(file);
    return size;
}

void fixture_overwrite(struct fixture *fixture, const char *name, int64_t position,
                       struct slice bytes)
{
    struct os_file *file = open_file(fixture, name);
    assert_int_equal(os_file_write(file, &bytes, 1, position), 0);
    os_file_close(file);
}

void fixture_cut(struct fixture *fixture, const char *name, int64_t size)
{
    struct os_file *file = open_file(fixture, name);
    assert_int_equal(os_file_truncate(file, size), 0);
    os_file_close(file);
}

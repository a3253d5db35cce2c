#include "broker/validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/memory.h"
#include "broker/recompress.h"

enum { NOW_MS = 1000000, CRC_AT = 17, CRC_FROM = 21 };

struct fixture {
    struct arena scratch;
    struct settings_topic topic;
    struct writer bytes;
};

static int setup(void **state)
{
    struct fixture *f = memory_alloc_zero(sizeof(*f));
    arena_init(&f->scratch, 64 << 20);
    writer_init(&f->bytes, 16 << 20);
    f->topic = (struct settings_topic){
        .segment_bytes = 1 << 20,
        .max_message_bytes = 100000,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = 3600000,
        .compression_is_producers = true,
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_deinit(&f->scratch);
    writer_deinit(&f->bytes);
    memory_free(f);
    return 0;
}

/* Three records at NOW_MS, + 1, + 2; the second has no key. */
static void build(struct fixture *f, enum compress_codec codec, size_t value_size)
{
    struct batch_builder builder;
    uint8_t *value = memory_alloc_zero(value_size + 1);
    const struct slice header[1][2] = {{SLICE("trace"), SLICE("42")}};
    batch_begin(&builder, &f->bytes, 0, codec, COMPRESS_LEVEL_DEFAULT);
    for (int i = 0; i < 3; i++)
        batch_add(&builder, NOW_MS + i, i == 1 ? SLICE_NULL : SLICE("k"),
                  (struct slice){value, value_size}, header, 1);
    assert_int_equal(batch_end(&builder), 0);
    memory_free(value);
}

/* Makes the CRC right again after bytes were changed. */
static void sign(struct fixture *f)
{
    struct slice covered = {f->bytes.data + CRC_FROM, f->bytes.size - CRC_FROM};
    store_be32(f->bytes.data + CRC_AT, crc32c(covered));
}

static enum kafka_error check(struct fixture *f, struct validated *valid)
{
    return validate_records(writer_slice(&f->bytes), &f->topic, NOW_MS, &f->scratch, valid);
}

static void expect(struct fixture *f, enum kafka_error error)
{
    struct validated valid;
    assert_int_equal(check(f, &valid), error);
    memory_free(valid.record_errors);
}

static void a_sound_batch(void **state)
{
    struct fixture *f = *state;
    struct validated valid;
    build(f, COMPRESS_NONE, 10);
    assert_int_equal(check(f, &valid), KAFKA_ERROR_NONE);
    assert_int_equal(valid.batch.count, 3);
    assert_int_equal(valid.max_timestamp, NOW_MS + 2);
    assert_null(valid.record_errors);
}

static void a_wrong_crc(void **state)
{
    struct fixture *f = *state;
    build(f, COMPRESS_NONE, 10);
    f->bytes.data[f->bytes.size - 1] ^= 1;
    expect(f, KAFKA_ERROR_CORRUPT_MESSAGE);
}

static void what_is_no_batch(void **state)
{
    struct fixture *f = *state;
    expect(f, KAFKA_ERROR_INVALID_RECORD); /* nothing at all */
    build(f, COMPRESS_NONE, 10);
    size_t whole = f->bytes.size;
    f->bytes.size = whole - 1; /* cut short */
    expect(f, KAFKA_ERROR_INVALID_RECORD);
    f->bytes.size = whole;
    f->bytes.data[16] = 1; /* magic of older days */
    expect(f, KAFKA_ERROR_INVALID_RECORD);
    f->bytes.data[16] = 3;
    expect(f, KAFKA_ERROR_CORRUPT_MESSAGE);
}

static void a_second_batch(void **state)
{
    struct fixture *f = *state;
    build(f, COMPRESS_NONE, 10);
    size_t one = f->bytes.size;
    build(f, COMPRESS_NONE, 10);
    expect(f, KAFKA_ERROR_INVALID_RECORD);
    f->bytes.size = one + 16; /* less than a batch is left out */
    struct validated valid;
    assert_int_equal(check(f, &valid), KAFKA_ERROR_NONE);
    assert_int_equal(valid.batch.bytes.size, one);
}

static void lies_about_the_count(void **state)
{
    struct fixture *f = *state;
    build(f, COMPRESS_NONE, 10);
    for (uint32_t count = 0; count < 6; count++) {
        store_be32(f->bytes.data + 57, count);
        store_be32(f->bytes.data + 23, count - 1);
        sign(f);
        expect(f, count == 3 ? KAFKA_ERROR_NONE : KAFKA_ERROR_INVALID_RECORD);
    }
    store_be32(f->bytes.data + 57, 3);
    store_be32(f->bytes.data + 23, 7); /* and about its offsets */
    sign(f);
    expect(f, KAFKA_ERROR_INVALID_RECORD);
}

static void what_only_brokers_write(void **state)
{
    struct fixture *f = *state;
    build(f, COMPRESS_NONE, 10);
    store_be16(f->bytes.data + 21, BATCH_CONTROL);
    sign(f);
    expect(f, KAFKA_ERROR_INVALID_RECORD);
    store_be16(f->bytes.data + 21, BATCH_TRANSACTIONAL);
    sign(f);
    expect(f, KAFKA_ERROR_INVALID_TXN_STATE);
    store_be16(f->bytes.data + 21, 0);
    store_be64(f->bytes.data, 5); /* a base offset */
    expect(f, KAFKA_ERROR_INVALID_RECORD);
}

static void sizes(void **state)
{
    struct fixture *f = *state;
    build(f, COMPRESS_NONE, 1000);
    f->topic.max_message_bytes = (int64_t)f->bytes.size - 1;
    expect(f, KAFKA_ERROR_MESSAGE_TOO_LARGE);
    f->topic.max_message_bytes = (int64_t)f->bytes.size;
    expect(f, KAFKA_ERROR_NONE);
    f->topic.segment_bytes = (int64_t)f->bytes.size - 1;
    expect(f, KAFKA_ERROR_RECORD_LIST_TOO_LARGE);
}

static void records_at_fault_are_named(void **state)
{
    struct fixture *f = *state;
    struct validated valid;
    build(f, COMPRESS_GZIP, 10);
    f->topic.cleanup_compact = true;
    assert_int_equal(check(f, &valid), KAFKA_ERROR_INVALID_RECORD);
    assert_int_equal(valid.record_error_count, 1);
    assert_int_equal(valid.record_errors[0].index, 1);
    memory_free(valid.record_errors);
    f->topic.cleanup_compact = false;
    f->topic.timestamp_after_max_ms = 0; /* the second and third are of the future */
    assert_int_equal(check(f, &valid), KAFKA_ERROR_INVALID_TIMESTAMP);
    assert_int_equal(valid.record_error_count, 2);
    assert_int_equal(valid.record_errors[1].index, 2);
    assert_true(valid.record_errors[1].untimely);
    memory_free(valid.record_errors);
    f->topic.log_append_time = true; /* whose records say when does not matter then */
    expect(f, KAFKA_ERROR_NONE);
}

static void another_codec(void **state)
{
    struct fixture *f = *state;
    struct validated valid;
    build(f, COMPRESS_NONE, 1000);
    f->topic.compression_is_producers = false;
    f->topic.compression = COMPRESS_ZSTD;
    f->topic.compression_level = 3;
    assert_int_equal(check(f, &valid), KAFKA_ERROR_NONE);
    assert_true(recompress_is_due(&valid.batch, &f->topic));
    struct writer output;
    writer_init(&output, 1 << 20);
    assert_int_equal(recompress(&valid.batch, &f->topic, &f->scratch, &output), 0);
    assert_true(output.size < f->bytes.size / 4);
    struct slice bytes = writer_slice(&output);
    struct batch batch;
    assert_int_equal(batch_take(&bytes, &batch), 0);
    assert_true(batch_crc_matches(&batch));
    assert_int_equal(batch_codec(&batch), COMPRESS_ZSTD);
    assert_false(recompress_is_due(&batch, &f->topic));
    struct record_walk walk;
    struct record record;
    assert_int_equal(record_walk_start(&walk, &batch, &f->scratch, 1 << 20), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(record_walk_next(&walk, &record), 1);
        assert_int_equal(record.timestamp, NOW_MS + i);
        assert_int_equal(record.value.size, 1000);
        assert_int_equal(record.header_count, 1);
        assert_int_equal(slice_is_null(record.key), i == 1);
    }
    writer_deinit(&output);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_sound_batch),
        TEST(a_wrong_crc),
        TEST(what_is_no_batch),
        TEST(a_second_batch),
        TEST(lies_about_the_count),
        TEST(what_only_brokers_write),
        TEST(sizes),
        TEST(records_at_fault_are_named),
        TEST(another_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

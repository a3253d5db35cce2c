#include "wire/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/prng.h"

enum { BOUND = 1 << 20, BUILD_MAX = 4 << 20, CRC_AT = 17, ATTRIBUTES_AT = 21, RECORDS_AT = 61 };

/* Offsets 7 and 8, epoch 3, base timestamp 1000: {k: v, header h=null} and {null: ""} 5 ms earlier.
 * Laid out by hand after DefaultRecordBatch and DefaultRecord; its CRC by the bitwise definition.
 */
static const uint8_t two_records[] = {
    0,    0,    0,    0,    0,    0,    0,    7,    /* base offset */
    0,    0,    0,    0x44,                         /* length */
    0,    0,    0,    3,                            /* leader epoch */
    2,                                              /* magic */
    0x1a, 0x9c, 0x3a, 0x2d,                         /* crc */
    0,    0,                                        /* attributes */
    0,    0,    0,    1,                            /* last offset delta */
    0,    0,    0,    0,    0,    0,    0x03, 0xe8, /* base timestamp */
    0,    0,    0,    0,    0,    0,    0x03, 0xe8, /* max timestamp */
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* producer id */
    0xff, 0xff,                                     /* producer epoch */
    0xff, 0xff, 0xff, 0xff,                         /* base sequence */
    0,    0,    0,    2,                            /* count */
    0x16, 0,    0,    0,    2,    'k',  2,    'v',  2, 2, 'h', 1, 0x0c, 0, 9, 2, 1, 0, 0,
};
enum { SECOND_RECORD_AT = RECORDS_AT + 12 };

static const struct slice vector = {two_records, sizeof(two_records)};

static struct batch taken(struct slice bytes)
{
    struct batch batch;
    assert_int_equal(batch_take(&bytes, &batch), 0);
    assert_int_equal(bytes.size, 0);
    return batch;
}

static void assert_slice(struct slice slice, const char *expected)
{
    assert_true(slice_equal(slice, slice_of(expected)));
}

/* --- the header ------------------------------------------------------------------------------- */

static void test_take_reads_every_field(void **state)
{
    (void)state;
    struct batch batch = taken(vector);
    assert_int_equal(batch.base_offset, 7);
    assert_int_equal(batch.partition_leader_epoch, 3);
    assert_int_equal(batch.crc, 0x1a9c3a2d);
    assert_int_equal(batch.attributes, 0);
    assert_int_equal(batch.last_offset_delta, 1);
    assert_int_equal(batch.base_timestamp, 1000);
    assert_int_equal(batch.max_timestamp, 1000);
    assert_int_equal(batch.producer_id, -1);
    assert_int_equal(batch.producer_epoch, -1);
    assert_int_equal(batch.base_sequence, -1);
    assert_int_equal(batch.count, 2);
    assert_ptr_equal(batch.bytes.data, two_records);
    assert_int_equal(batch.bytes.size, sizeof(two_records));
    assert_ptr_equal(batch.records.data, two_records + RECORDS_AT);
    assert_int_equal(batch_last_offset(&batch), 8);
    assert_int_equal(batch_last_sequence(&batch), -1);
    assert_int_equal(batch_codec(&batch), COMPRESS_NONE);
    assert_true(batch_crc_matches(&batch));
}

static void test_take_leaves_what_follows(void **state)
{
    (void)state;
    uint8_t both[sizeof(two_records) + 5];
    memcpy(both, two_records, sizeof(two_records));
    struct slice input = {both, sizeof(both)};
    struct batch batch;
    assert_int_equal(batch_take(&input, &batch), 0);
    assert_ptr_equal(input.data, both + sizeof(two_records));
    assert_int_equal(input.size, 5);
    assert_int_equal(batch_take(&input, &batch), -ENODATA);
    assert_int_equal(input.size, 5);
}

static void test_cut_at_every_byte_has_no_data(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < sizeof(two_records); cut++) {
        struct slice input = {two_records, cut};
        struct batch batch;
        assert_int_equal(batch_take(&input, &batch), -ENODATA);
        assert_int_equal(input.size, cut);
    }
}

static void test_what_is_no_batch(void **state)
{
    (void)state;
    static const int32_t lengths[] = {48, 0, -1, INT32_MIN};
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        uint8_t bytes[sizeof(two_records)];
        memcpy(bytes, two_records, sizeof(bytes));
        store_be32(bytes + 8, (uint32_t)lengths[i]);
        struct slice input = {bytes, sizeof(bytes)};
        struct batch batch;
        size_t size;
        assert_int_equal(batch_take(&input, &batch), -EBADMSG);
        assert_int_equal(batch_peek(input, &batch, &size), -EBADMSG);
    }
    for (int magic = 0; magic < 256; magic++) {
        if (magic == BATCH_MAGIC) continue;
        uint8_t bytes[sizeof(two_records)];
        memcpy(bytes, two_records, sizeof(bytes));
        bytes[16] = (uint8_t)magic;
        struct slice input = {bytes, sizeof(bytes)};
        struct batch batch;
        assert_int_equal(batch_take(&input, &batch), -EBADMSG);
    }
}

static void test_peek(void **state)
{
    (void)state;
    struct batch batch;
    size_t size;
    assert_int_equal(batch_peek((struct slice){two_records, RECORDS_AT}, &batch, &size), 0);
    assert_int_equal(size, sizeof(two_records));
    assert_int_equal(batch.base_offset, 7);
    assert_true(slice_is_null(batch.bytes));
    assert_true(slice_is_null(batch.records));
}

static void test_crc_covers_attributes_to_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(two_records); i++) {
        uint8_t bytes[sizeof(two_records)];
        memcpy(bytes, two_records, sizeof(bytes));
        bytes[i] ^= 0x10;
        struct slice input = {bytes, sizeof(bytes)};
        struct batch batch;
        if (batch_take(&input, &batch) < 0) continue; /* length or magic */
        assert_int_equal(batch_crc_matches(&batch), i < CRC_AT - 1);
    }
}

static void test_assign_keeps_the_crc(void **state)
{
    (void)state;
    uint8_t bytes[sizeof(two_records)];
    memcpy(bytes, two_records, sizeof(bytes));
    batch_assign(bytes, INT64_MAX - 1, 77);
    struct batch batch = taken((struct slice){bytes, sizeof(bytes)});
    assert_int_equal(batch.base_offset, INT64_MAX - 1);
    assert_int_equal(batch.partition_leader_epoch, 77);
    assert_true(batch_crc_matches(&batch));
}

static void test_last_sequence_wraps(void **state)
{
    (void)state;
    struct batch batch = {.base_sequence = INT32_MAX - 1, .last_offset_delta = 1};
    assert_int_equal(batch_last_sequence(&batch), INT32_MAX);
    batch.last_offset_delta = 2;
    assert_int_equal(batch_last_sequence(&batch), 0);
    batch.last_offset_delta = 4;
    assert_int_equal(batch_last_sequence(&batch), 2);
}

static void test_log_append_time(void **state)
{
    (void)state;
    uint8_t bytes[sizeof(two_records)];
    memcpy(bytes, two_records, sizeof(bytes));
    batch_stamp_log_append_time(bytes, sizeof(bytes), 123456789);
    struct batch batch = taken((struct slice){bytes, sizeof(bytes)});
    assert_int_equal(batch.crc, 0x67702a80); /* by the bitwise definition over the whole */
    assert_true(batch_crc_matches(&batch));
    assert_int_equal(batch.max_timestamp, 123456789);
    assert_int_equal(batch.base_timestamp, 1000);
    assert_int_equal(batch.attributes, BATCH_LOG_APPEND_TIME);

    /* Every record now has that time. */
    struct record_walk walk;
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, BOUND);
    assert_int_equal(record_walk_start(&walk, &batch, &arena, BOUND), 0);
    struct record record;
    while (record_walk_next(&walk, &record) == 1)
        assert_int_equal(record.timestamp, 123456789);
}

static void test_create_time(void **state)
{
    (void)state;
    uint8_t bytes[sizeof(two_records)];
    memcpy(bytes, two_records, sizeof(bytes));
    batch_stamp_log_append_time(bytes, sizeof(bytes), 123456789);
    batch_stamp_create_time(bytes, sizeof(bytes), 1000); /* back to what it was */
    assert_memory_equal(bytes, two_records, sizeof(bytes));
    batch_stamp_create_time(bytes, sizeof(bytes), 2000);
    struct batch batch = taken((struct slice){bytes, sizeof(bytes)});
    assert_true(batch_crc_matches(&batch));
    assert_int_equal(batch.max_timestamp, 2000);
    assert_int_equal(batch.attributes, 0);
}

static void test_log_append_time_of_any_size(void **state)
{
    (void)state;
    static uint8_t value[70000];
    struct prng prng;
    prng_init(&prng, 1);
    for (size_t size = 0; size < sizeof(value); size = size * 3 + 1) {
        CLEANUP(writer_deinit) struct writer writer;
        writer_init(&writer, BUILD_MAX);
        for (size_t i = 0; i < size; i++)
            value[i] = (uint8_t)prng_next(&prng);
        struct batch_builder builder;
        batch_begin(&builder, &writer, 0, COMPRESS_NONE, COMPRESS_LEVEL_DEFAULT);
        batch_add(&builder, 5, SLICE_NULL, (struct slice){value, size}, NULL, 0);
        assert_int_equal(batch_end(&builder), 0);
        batch_stamp_log_append_time(writer.data, writer.size, (int64_t)prng_next(&prng));
        struct batch batch = taken(writer_slice(&writer));
        assert_true(batch_crc_matches(&batch));
        writer.data[CRC_AT] ^= 1; /* what was damaged stays so */
        batch_stamp_log_append_time(writer.data, writer.size, 99);
        batch = taken(writer_slice(&writer));
        assert_false(batch_crc_matches(&batch));
    }
}

/* --- the records ------------------------------------------------------------------------------ */

/* Walks all: how many records, or the error. */
static int walk_all(const struct batch *batch, size_t bound)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, BUILD_MAX);
    struct record_walk walk;
    int r = record_walk_start(&walk, batch, &arena, bound);
    if (r < 0) return r;
    int count = 0;
    struct record record;
    while ((r = record_walk_next(&walk, &record)) == 1)
        count++;
    return r < 0 ? r : count;
}

static void test_walk(void **state)
{
    (void)state;
    struct batch batch = taken(vector);
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, BOUND);
    struct record_walk walk;
    struct record record;
    assert_int_equal(record_walk_start(&walk, &batch, &arena, BOUND), 0);

    assert_int_equal(record_walk_next(&walk, &record), 1);
    assert_int_equal(record.offset, 7);
    assert_int_equal(record.timestamp, 1000);
    assert_slice(record.key, "k");
    assert_slice(record.value, "v");
    assert_int_equal(record.size_bytes, 12);
    assert_int_equal(record.header_count, 1);
    struct slice name;
    struct slice content;
    assert_int_equal(record_header_take(&record.headers, &name, &content), 0);
    assert_slice(name, "h");
    assert_true(slice_is_null(content));
    assert_int_equal(record.headers.size, 0);
    assert_int_equal(record_header_take(&record.headers, &name, &content), -EBADMSG);

    assert_int_equal(record_walk_next(&walk, &record), 1);
    assert_int_equal(record.offset, 8);
    assert_int_equal(record.timestamp, 995);
    assert_true(slice_is_null(record.key));
    assert_false(slice_is_null(record.value));
    assert_int_equal(record.value.size, 0);
    assert_int_equal(record.header_count, 0);

    assert_int_equal(record_walk_next(&walk, &record), 0);
    assert_int_equal(record_walk_next(&walk, &record), 0);
}

/* One byte of the vector changed; what the walk says then. */
static int walk_changed(size_t position, uint8_t byte)
{
    uint8_t bytes[sizeof(two_records)];
    memcpy(bytes, two_records, sizeof(bytes));
    assert_int_not_equal(bytes[position], byte);
    bytes[position] = byte;
    struct batch batch = taken((struct slice){bytes, sizeof(bytes)});
    return walk_all(&batch, BOUND);
}

static void test_lies(void **state)
{
    (void)state;
    assert_int_equal(walk_changed(60, 1), -EBADMSG);    /* count: one less */
    assert_int_equal(walk_changed(60, 3), -EBADMSG);    /* one more */
    assert_int_equal(walk_changed(57, 0x7f), -EBADMSG); /* 2 billion */
    assert_int_equal(walk_changed(57, 0x80), -EBADMSG); /* negative */
    assert_int_equal(walk_changed(26, 0), -EBADMSG);    /* last offset delta below the second's */
    assert_int_equal(walk_changed(RECORDS_AT, 0x14), -EBADMSG);        /* a record shorter */
    assert_int_equal(walk_changed(RECORDS_AT, 0x18), -EBADMSG);        /* longer */
    assert_int_equal(walk_changed(RECORDS_AT, 0x01), -EBADMSG);        /* of negative size */
    assert_int_equal(walk_changed(RECORDS_AT + 3, 2), -EBADMSG);       /* both have delta 1 */
    assert_int_equal(walk_changed(RECORDS_AT + 3, 1), -EBADMSG);       /* delta -1 */
    assert_int_equal(walk_changed(RECORDS_AT + 4, 4), -EBADMSG);       /* key longer */
    assert_int_equal(walk_changed(RECORDS_AT + 8, 4), -EBADMSG);       /* two headers */
    assert_int_equal(walk_changed(RECORDS_AT + 8, 1), -EBADMSG);       /* -1 headers */
    assert_int_equal(walk_changed(RECORDS_AT + 9, 1), -EBADMSG);       /* a header without a key */
    assert_int_equal(walk_changed(RECORDS_AT + 11, 2), -EBADMSG);      /* its value too long */
    assert_int_equal(walk_changed(SECOND_RECORD_AT + 3, 0), -EBADMSG); /* not ascending */
    assert_int_equal(walk_changed(SECOND_RECORD_AT + 3, 4), -EBADMSG); /* beyond the last delta */
    assert_int_equal(walk_changed(22, 5), -EBADMSG); /* a codec that does not exist */
    assert_int_equal(walk_changed(22, 1), -EBADMSG); /* not gzip */

    /* And what is no lie: attributes of records, gaps in offsets, bits beside the codec. */
    assert_int_equal(walk_changed(RECORDS_AT + 1, 0x55), 2);
    assert_int_equal(walk_changed(26, 100), 2);
    assert_int_equal(walk_changed(22, BATCH_CONTROL | BATCH_TRANSACTIONAL), 2);
}

static void test_offsets_that_overflow(void **state)
{
    (void)state;
    struct batch batch = taken(vector);
    batch.base_offset = INT64_MAX;
    assert_int_equal(walk_all(&batch, BOUND), -EBADMSG);
    batch.base_offset = INT64_MAX - 1; /* its records fit, its last offset does not */
    batch.last_offset_delta = 100;
    assert_int_equal(walk_all(&batch, BOUND), -EBADMSG);
    batch.last_offset_delta = 1;
    assert_int_equal(walk_all(&batch, BOUND), 2);
    batch.base_offset = 7;
    batch.base_timestamp = INT64_MIN;
    assert_int_equal(walk_all(&batch, BOUND), -EBADMSG);
}

static void test_records_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < sizeof(two_records) - RECORDS_AT; cut++) {
        struct batch batch = taken(vector);
        batch.records.size = cut;
        assert_int_equal(walk_all(&batch, BOUND), -EBADMSG);
    }
    uint8_t longer[sizeof(two_records) - RECORDS_AT + 1] = {0};
    memcpy(longer, two_records + RECORDS_AT, sizeof(longer) - 1);
    struct batch batch = taken(vector);
    batch.records = (struct slice){longer, sizeof(longer)};
    assert_int_equal(walk_all(&batch, BOUND), -EBADMSG);
}

/* What compaction leaves of a batch whose records are all gone: a header that keeps its codec. */
static void test_empty_batch(void **state)
{
    (void)state;
    uint8_t bytes[BATCH_HEADER_SIZE];
    memcpy(bytes, two_records, sizeof(bytes));
    store_be32(bytes + 8, BATCH_HEADER_SIZE - BATCH_LENGTH_END);
    store_be32(bytes + 57, 0);
    bytes[ATTRIBUTES_AT + 1] = COMPRESS_ZSTD;
    struct batch batch = taken((struct slice){bytes, sizeof(bytes)});
    assert_int_equal(walk_all(&batch, BOUND), 0);
}

/* --- building --------------------------------------------------------------------------------- */

static void test_builder_makes_the_vector(void **state)
{
    (void)state;
    CLEANUP(writer_deinit) struct writer writer;
    writer_init(&writer, BUILD_MAX);
    const struct slice headers[1][2] = {{SLICE("h"), SLICE_NULL}};
    struct batch_builder builder;
    batch_begin(&builder, &writer, 7, COMPRESS_NONE, COMPRESS_LEVEL_DEFAULT);
    batch_add(&builder, 1000, SLICE("k"), SLICE("v"), headers, 1);
    batch_add(&builder, 995, SLICE_NULL, SLICE(""), NULL, 0);
    builder.header.partition_leader_epoch = 3;
    assert_int_equal(batch_end(&builder), 0);
    assert_int_equal(writer.size, sizeof(two_records));
    assert_memory_equal(writer.data, two_records, sizeof(two_records));
}

static void test_builder_header_fields(void **state)
{
    (void)state;
    CLEANUP(writer_deinit) struct writer writer;
    writer_init(&writer, BUILD_MAX);
    writer_put(&writer, SLICE("before"));
    struct batch_builder builder;
    batch_begin(&builder, &writer, 0, COMPRESS_GZIP, 1);
    builder.header.producer_id = 4000;
    builder.header.producer_epoch = 2;
    builder.header.base_sequence = 17;
    builder.header.attributes = BATCH_TRANSACTIONAL;
    batch_add(&builder, 1, SLICE("k"), SLICE_NULL, NULL, 0);
    assert_int_equal(batch_end(&builder), 0);
    struct slice rest = writer_slice(&writer);
    struct slice before;
    assert_int_equal(slice_take(&rest, 6, &before), 0);
    assert_slice(before, "before");
    struct batch batch = taken(rest);
    assert_true(batch_crc_matches(&batch));
    assert_int_equal(batch.attributes, BATCH_TRANSACTIONAL | (int)COMPRESS_GZIP);
    assert_int_equal(batch.producer_id, 4000);
    assert_int_equal(batch.producer_epoch, 2);
    assert_int_equal(batch_last_sequence(&batch), 17);
    assert_int_equal(batch.max_timestamp, 1);
}

enum { MANY = 1000 };

static void build_many(struct writer *writer, enum compress_codec codec)
{
    struct batch_builder builder;
    batch_begin(&builder, writer, 100, codec, COMPRESS_LEVEL_DEFAULT);
    for (int i = 0; i < MANY; i++) {
        uint8_t key[4];
        store_be32(key, (uint32_t)i);
        const struct slice headers[2][2] = {{SLICE("a"), SLICE("1")}, {SLICE(""), SLICE_NULL}};
        batch_add(&builder, 5000 + i, (struct slice){key, sizeof(key)},
                  i % 10 == 0 ? SLICE_NULL : SLICE("the value of this record"), headers, i % 3);
    }
    assert_int_equal(batch_end(&builder), 0);
}

static void test_round_trip_of_every_codec(void **state)
{
    (void)state;
    for (int codec = COMPRESS_NONE; codec <= COMPRESS_ZSTD; codec++) {
        CLEANUP(writer_deinit) struct writer writer;
        writer_init(&writer, BUILD_MAX);
        build_many(&writer, (enum compress_codec)codec);
        struct batch batch = taken(writer_slice(&writer));
        assert_true(batch_crc_matches(&batch));
        assert_int_equal(batch_codec(&batch), codec);
        assert_int_equal(batch_last_offset(&batch), 100 + MANY - 1);
        assert_int_equal(batch.max_timestamp, 5000 + MANY - 1);

        CLEANUP(arena_deinit) struct arena arena;
        arena_init(&arena, BUILD_MAX);
        struct record_walk walk;
        assert_int_equal(record_walk_start(&walk, &batch, &arena, BOUND), 0);
        for (int i = 0; i < MANY; i++) {
            struct record record;
            assert_int_equal(record_walk_next(&walk, &record), 1);
            assert_int_equal(record.offset, 100 + i);
            assert_int_equal(record.timestamp, 5000 + i);
            assert_int_equal(load_be32(record.key.data), i);
            assert_int_equal(slice_is_null(record.value), i % 10 == 0);
            assert_int_equal(record.header_count, i % 3);
        }
        struct record record;
        assert_int_equal(record_walk_next(&walk, &record), 0);
    }
}

static void test_walk_has_a_bound(void **state)
{
    (void)state;
    for (int codec = COMPRESS_NONE; codec <= COMPRESS_ZSTD; codec++) {
        CLEANUP(writer_deinit) struct writer writer;
        writer_init(&writer, BUILD_MAX);
        build_many(&writer, (enum compress_codec)codec);
        struct batch batch = taken(writer_slice(&writer));
        assert_int_equal(walk_all(&batch, 1000), -EMSGSIZE);
    }
}

static void test_compressed_records_cut(void **state)
{
    (void)state;
    for (int codec = COMPRESS_GZIP; codec <= COMPRESS_ZSTD; codec++) {
        CLEANUP(writer_deinit) struct writer writer;
        writer_init(&writer, BUILD_MAX);
        build_many(&writer, (enum compress_codec)codec);
        struct batch batch = taken(writer_slice(&writer));
        size_t whole = batch.records.size;
        size_t step = whole / 500 + 1;
        for (size_t cut = 0; cut < whole; cut += step) {
            batch.records.size = cut;
            assert_int_equal(walk_all(&batch, BOUND), -EBADMSG);
        }
    }
}

static void test_builder_respects_the_maximum(void **state)
{
    (void)state;
    CLEANUP(writer_deinit) struct writer writer;
    writer_init(&writer, sizeof(two_records) - 1);
    struct batch_builder builder;
    batch_begin(&builder, &writer, 7, COMPRESS_NONE, COMPRESS_LEVEL_DEFAULT);
    batch_add(&builder, 1000, SLICE("key"), SLICE("a value of some length"), NULL, 0);
    assert_int_equal(batch_end(&builder), -EMSGSIZE);
}

static void test_random_bytes_never_crash(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 42);
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[sizeof(two_records)];
        memcpy(bytes, two_records, sizeof(bytes));
        for (int i = 0; i < 3; i++)
            bytes[prng_below(&prng, sizeof(bytes))] = (uint8_t)prng_next(&prng);
        struct slice input = {bytes, sizeof(bytes)};
        struct batch batch;
        if (batch_take(&input, &batch) < 0) continue;
        int r = walk_all(&batch, BOUND);
        assert_true(r == -EBADMSG || (r >= 0 && r <= 2));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take_reads_every_field),
        cmocka_unit_test(test_take_leaves_what_follows),
        cmocka_unit_test(test_cut_at_every_byte_has_no_data),
        cmocka_unit_test(test_what_is_no_batch),
        cmocka_unit_test(test_peek),
        cmocka_unit_test(test_crc_covers_attributes_to_end),
        cmocka_unit_test(test_assign_keeps_the_crc),
        cmocka_unit_test(test_last_sequence_wraps),
        cmocka_unit_test(test_log_append_time),
        cmocka_unit_test(test_create_time),
        cmocka_unit_test(test_log_append_time_of_any_size),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_offsets_that_overflow),
        cmocka_unit_test(test_records_cut_at_every_byte),
        cmocka_unit_test(test_empty_batch),
        cmocka_unit_test(test_builder_makes_the_vector),
        cmocka_unit_test(test_builder_header_fields),
        cmocka_unit_test(test_round_trip_of_every_codec),
        cmocka_unit_test(test_walk_has_a_bound),
        cmocka_unit_test(test_compressed_records_cut),
        cmocka_unit_test(test_builder_respects_the_maximum),
        cmocka_unit_test(test_random_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "wire/compress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/prng.h"

enum { ARENA_MAX = 64 << 20, BOUND = 8 << 20 };

static const enum compress_codec real_codecs[] = {COMPRESS_GZIP, COMPRESS_SNAPPY, COMPRESS_LZ4,
                                                  COMPRESS_ZSTD};

/* What `input` becomes and comes back as; -errno otherwise. */
static int unpack(enum compress_codec codec, struct slice input, size_t bound,
                  struct slice expected)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    struct slice output;
    int r = decompress(codec, input, bound, &arena, &output);
    if (r < 0) return r;
    assert_int_equal(output.size, expected.size);
    if (expected.size > 0) assert_memory_equal(output.data, expected.data, expected.size);
    return 0;
}

#define assert_unpacks(codec, bytes, expected) \
    assert_int_equal(unpack(codec, (struct slice){bytes, sizeof(bytes)}, BOUND, SLICE(expected)), 0)
#define assert_refused(codec, bytes)                                                         \
    assert_int_equal(unpack(codec, (struct slice){bytes, sizeof(bytes)}, BOUND, SLICE_NULL), \
                     -EBADMSG)

/* --- vectors ---------------------------------------------------------------------------------- */

/* One stored block of "hi", written by hand after RFC 1951 and 1952. */
static const uint8_t gzip_hi[] = {0x1f, 0x8b, 8,   0,   0,    0,    0,    0,    0, 0xff, 1, 2, 0,
                                  0xfd, 0xff, 'h', 'i', 0xac, 0x2a, 0x93, 0xd8, 2, 0,    0, 0};

static void test_gzip_vector(void **state)
{
    (void)state;
    assert_unpacks(COMPRESS_GZIP, gzip_hi, "hi");

    uint8_t twice[2 * sizeof(gzip_hi)];
    memcpy(twice, gzip_hi, sizeof(gzip_hi));
    memcpy(twice + sizeof(gzip_hi), gzip_hi, sizeof(gzip_hi));
    assert_unpacks(COMPRESS_GZIP, twice, "hihi");

    uint8_t lying[sizeof(gzip_hi)];
    memcpy(lying, gzip_hi, sizeof(gzip_hi));
    lying[sizeof(lying) - 1] = 0x7f; /* ISIZE near 2 GiB */
    assert_refused(COMPRESS_GZIP, lying);

    uint8_t trailing[sizeof(gzip_hi) + 1] = {0};
    memcpy(trailing, gzip_hi, sizeof(gzip_hi));
    assert_refused(COMPRESS_GZIP, trailing);
}

static void test_snappy_vector(void **state)
{
    (void)state;
    /* A raw block: size 2, a literal of two bytes. */
    static const uint8_t raw[] = {2, 1 << 2, 'h', 'i'};
    assert_unpacks(COMPRESS_SNAPPY, raw, "hi");

    static const uint8_t framed[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0,   0,  0,
                                     1,    0,   0,   0,   1,   0,   0,   0, 4,   2,  4,
                                     'h',  'i', 0,   0,   0,   4,   2,   4, 'y', 'o'};
    assert_unpacks(COMPRESS_SNAPPY, framed, "hiyo");

    uint8_t behind[2 * sizeof(framed)];
    memcpy(behind, framed, sizeof(framed));
    memcpy(behind + sizeof(framed), framed, sizeof(framed));
    assert_unpacks(COMPRESS_SNAPPY, behind, "hiyohiyo");

    uint8_t future[sizeof(framed)];
    memcpy(future, framed, sizeof(framed));
    future[15] = 0; /* compatible with nothing */
    assert_refused(COMPRESS_SNAPPY, future);

    uint8_t beyond[sizeof(framed)];
    memcpy(beyond, framed, sizeof(framed));
    beyond[16] = 0x7f; /* a chunk longer than all there is */
    assert_refused(COMPRESS_SNAPPY, beyond);

    /* A block that declares 2 GiB out of three bytes. */
    static const uint8_t liar[] = {0xff, 0xff, 0xff, 0xff, 0x07, 0, 'x'};
    assert_refused(COMPRESS_SNAPPY, liar);
}

static void test_snappy_output_is_xerial(void **state)
{
    (void)state;
    CLEANUP(writer_deinit) struct writer writer;
    writer_init(&writer, BOUND);
    assert_int_equal(compress(COMPRESS_SNAPPY, COMPRESS_LEVEL_DEFAULT, SLICE("hi"), &writer), 0);
    static const uint8_t expected[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0,      0,   1,
                                       0,    0,   0,   1,   0,   0,   0,   4, 2, 1 << 2, 'h', 'i'};
    assert_int_equal(writer.size, sizeof(expected));
    assert_memory_equal(writer.data, expected, sizeof(expected));
}

/* Frame: magic, FLG, BD, HC, one uncompressed block, end mark. (lz4 frame format 1.6) */
static const uint8_t lz4_hi[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 2, 0,
                                 0,    0x80, 'h',  'i',  0,    0,    0,    0};

static void test_lz4_vector(void **state)
{
    (void)state;
    assert_unpacks(COMPRESS_LZ4, lz4_hi, "hi");

    uint8_t checksum[sizeof(lz4_hi)];
    memcpy(checksum, lz4_hi, sizeof(lz4_hi));
    checksum[6] ^= 1; /* Kafka checks it since message format 2, and so does lz4 */
    assert_refused(COMPRESS_LZ4, checksum);

    uint8_t linked[sizeof(lz4_hi)];
    memcpy(linked, lz4_hi, sizeof(lz4_hi));
    linked[4] = 0x40;
    linked[6] = 0xc0; /* the header's checksum of linked blocks */
    assert_refused(COMPRESS_LZ4, linked);

    uint8_t trailing[sizeof(lz4_hi) + 1] = {0};
    memcpy(trailing, lz4_hi, sizeof(lz4_hi));
    assert_refused(COMPRESS_LZ4, trailing);
}

static void test_lz4_output_is_readable_by_kafka(void **state)
{
    (void)state;
    CLEANUP(writer_deinit) struct writer writer;
    writer_init(&writer, BOUND);
    assert_int_equal(compress(COMPRESS_LZ4, COMPRESS_LEVEL_DEFAULT, SLICE("hi"), &writer), 0);
    assert_memory_equal(writer.data, lz4_hi, 7); /* version 1, independent blocks of 64 KiB */
}

static void test_zstd_vector(void **state)
{
    (void)state;
    /* Magic, single segment of size 2, one last raw block. (RFC 8878) */
    static const uint8_t hi[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 2, 0x11, 0, 0, 'h', 'i'};
    assert_unpacks(COMPRESS_ZSTD, hi, "hi");

    uint8_t twice[2 * sizeof(hi)];
    memcpy(twice, hi, sizeof(hi));
    memcpy(twice + sizeof(hi), hi, sizeof(hi));
    assert_unpacks(COMPRESS_ZSTD, twice, "hihi");

    /* Window of 2^31 bytes: exponent 21. */
    static const uint8_t window[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 0x11, 0, 0, 'h', 'i'};
    assert_refused(COMPRESS_ZSTD, window);
}

/* --- properties ------------------------------------------------------------------------------- */

/* Text-like and random stretches in turn. */
static void fill(uint8_t *bytes, size_t size, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (size_t i = 0; i < size; i++) {
        bool random = i / 1000 % 2 == 1;
        bytes[i] = random ? (uint8_t)prng_next(&prng) : (uint8_t)"gregor "[i % 7];
    }
}

static void test_round_trips(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 31, 32767, 32768, 32769, 65536, 300000};
    static uint8_t bytes[300000];
    for (size_t c = 0; c < ARRAY_COUNT(real_codecs); c++) {
        for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
            struct slice input = {bytes, sizes[s]};
            fill(bytes, input.size, s);
            CLEANUP(writer_deinit) struct writer packed;
            writer_init(&packed, BOUND);
            assert_int_equal(compress(real_codecs[c], COMPRESS_LEVEL_DEFAULT, input, &packed), 0);
            assert_int_equal(unpack(real_codecs[c], writer_slice(&packed), BOUND, input), 0);
            /* The bound is exact: the size passes, one byte less does not. */
            assert_int_equal(unpack(real_codecs[c], writer_slice(&packed), input.size, input), 0);
            if (input.size == 0) continue;
            assert_int_equal(unpack(real_codecs[c], writer_slice(&packed), input.size - 1, input),
                             -EMSGSIZE);
        }
    }
}

static void test_levels(void **state)
{
    (void)state;
    static uint8_t bytes[50000];
    fill(bytes, sizeof(bytes), 7);
    struct slice input = {bytes, sizeof(bytes)};
    static const struct {
        enum compress_codec codec;
        int least, most;
    } ranges[] = {{COMPRESS_GZIP, 1, 9},
                  {COMPRESS_GZIP, -1, -1},
                  {COMPRESS_LZ4, 1, 17},
                  {COMPRESS_ZSTD, -131072, -131071},
                  {COMPRESS_ZSTD, 1, 22}};
    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
        for (int level = ranges[i].least; level <= ranges[i].most; level++) {
            CLEANUP(writer_deinit) struct writer packed;
            writer_init(&packed, BOUND);
            assert_int_equal(compress(ranges[i].codec, level, input, &packed), 0);
            assert_int_equal(unpack(ranges[i].codec, writer_slice(&packed), BOUND, input), 0);
        }
    }
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    static uint8_t bytes[2500];
    fill(bytes, sizeof(bytes), 3);
    struct slice input = {bytes, sizeof(bytes)};
    for (size_t c = 0; c < ARRAY_COUNT(real_codecs); c++) {
        CLEANUP(writer_deinit) struct writer packed;
        writer_init(&packed, BOUND);
        assert_int_equal(compress(real_codecs[c], COMPRESS_LEVEL_DEFAULT, input, &packed), 0);
        for (size_t cut = 0; cut < packed.size; cut++) {
            bool header_only = real_codecs[c] == COMPRESS_SNAPPY && cut == 16;
            struct slice torn = {packed.data, cut};
            int expected = header_only ? 0 : -EBADMSG; /* a xerial stream of no chunks is whole */
            assert_int_equal(unpack(real_codecs[c], torn, BOUND, SLICE_NULL), expected);
        }
    }
}

static void test_bit_flips_never_crash(void **state)
{
    (void)state;
    static uint8_t bytes[1500];
    fill(bytes, sizeof(bytes), 4);
    struct slice input = {bytes, sizeof(bytes)};
    for (size_t c = 0; c < ARRAY_COUNT(real_codecs); c++) {
        CLEANUP(writer_deinit) struct writer packed;
        writer_init(&packed, BOUND);
        assert_int_equal(compress(real_codecs[c], COMPRESS_LEVEL_DEFAULT, input, &packed), 0);
        for (size_t bit = 0; bit < packed.size * 8; bit++) {
            packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CLEANUP(arena_deinit) struct arena arena;
            arena_init(&arena, ARENA_MAX);
            struct slice output;
            int r = decompress(real_codecs[c], writer_slice(&packed), 10000, &arena, &output);
            if (r == 0) assert_true(output.size <= 10000);
            if (r < 0) assert_true(r == -EBADMSG || r == -EMSGSIZE);
            packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* 32 MiB of zeros must be refused at 1 MiB, with no more memory than the bound taken from the
 * arena. */
static void test_bombs(void **state)
{
    (void)state;
    static uint8_t zeros[32 << 20];
    struct slice input = {zeros, sizeof(zeros)};
    for (size_t c = 0; c < ARRAY_COUNT(real_codecs); c++) {
        CLEANUP(writer_deinit) struct writer packed;
        writer_init(&packed, BOUND);
        assert_int_equal(compress(real_codecs[c], COMPRESS_LEVEL_DEFAULT, input, &packed), 0);
        CLEANUP(arena_deinit) struct arena arena;
        arena_init(&arena, ARENA_MAX);
        struct slice output;
        assert_int_equal(
            decompress(real_codecs[c], writer_slice(&packed), 1 << 20, &arena, &output), -EMSGSIZE);
        assert_int_equal(arena.total, 0);
    }
}

static void test_arena_maximum_is_a_bound_too(void **state)
{
    (void)state;
    static uint8_t bytes[100000];
    struct slice input = {bytes, sizeof(bytes)};
    CLEANUP(writer_deinit) struct writer packed;
    writer_init(&packed, BOUND);
    assert_int_equal(compress(COMPRESS_ZSTD, 1, input, &packed), 0);
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, 10000);
    struct slice output;
    assert_int_equal(decompress(COMPRESS_ZSTD, writer_slice(&packed), BOUND, &arena, &output),
                     -EMSGSIZE);
}

static void test_writer_maximum(void **state)
{
    (void)state;
    static uint8_t bytes[2000];
    fill(bytes, sizeof(bytes), 9);
    for (size_t c = 0; c < ARRAY_COUNT(real_codecs); c++) {
        CLEANUP(writer_deinit) struct writer packed;
        writer_init(&packed, 100);
        struct slice input = {bytes, sizeof(bytes)};
        assert_int_equal(compress(real_codecs[c], COMPRESS_LEVEL_DEFAULT, input, &packed),
                         -EMSGSIZE);
    }
}

static void test_none_and_unknown(void **state)
{
    (void)state;
    assert_int_equal(unpack(COMPRESS_NONE, SLICE("plain"), 5, SLICE("plain")), 0);
    assert_int_equal(unpack(COMPRESS_NONE, SLICE("plain"), 4, SLICE("plain")), -EMSGSIZE);
    for (int codec = 5; codec <= 7; codec++)
        assert_int_equal(unpack((enum compress_codec)codec, SLICE("x"), 9, SLICE_NULL), -EBADMSG);
    for (size_t c = 0; c < ARRAY_COUNT(real_codecs); c++)
        assert_int_equal(unpack(real_codecs[c], SLICE(""), 9, SLICE_NULL), -EBADMSG);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = COMPRESS_NONE; i <= COMPRESS_ZSTD; i++) {
        enum compress_codec codec;
        assert_int_equal(compress_parse(slice_of(compress_name((enum compress_codec)i)), &codec),
                         0);
        assert_int_equal(codec, i);
    }
    enum compress_codec codec;
    assert_int_equal(compress_parse(SLICE("ZSTD"), &codec), -EINVAL);
    assert_int_equal(compress_parse(SLICE("producer"), &codec), -EINVAL);
}

/* One writer for many streams: what is in it stays, and its maximum is the bound. */
static void test_append_to_a_writer(void **state)
{
    (void)state;
    static const enum compress_codec codecs[] = {COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_SNAPPY,
                                                 COMPRESS_LZ4, COMPRESS_ZSTD};
    for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
        struct writer packed, output;
        writer_init(&packed, 1000);
        writer_init(&output, 20);
        assert_int_equal(compress(codecs[i], COMPRESS_LEVEL_DEFAULT, SLICE("hello world"), &packed),
                         0);
        assert_int_equal(decompress_append(codecs[i], writer_slice(&packed), &output), 0);
        assert_true(slice_equal(writer_slice(&output), SLICE("hello world")));
        assert_int_equal(decompress_append(codecs[i], writer_slice(&packed), &output), -EMSGSIZE);
        writer_reset(&output);
        writer_put(&output, SLICE("> "));
        assert_int_equal(decompress_append(codecs[i], writer_slice(&packed), &output), 0);
        assert_true(slice_equal(writer_slice(&output), SLICE("> hello world")));
        writer_deinit(&packed);
        writer_deinit(&output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip_vector),
        cmocka_unit_test(test_snappy_vector),
        cmocka_unit_test(test_snappy_output_is_xerial),
        cmocka_unit_test(test_lz4_vector),
        cmocka_unit_test(test_lz4_output_is_readable_by_kafka),
        cmocka_unit_test(test_zstd_vector),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_bit_flips_never_crash),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_arena_maximum_is_a_bound_too),
        cmocka_unit_test(test_writer_maximum),
        cmocka_unit_test(test_none_and_unknown),
        cmocka_unit_test(test_append_to_a_writer),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

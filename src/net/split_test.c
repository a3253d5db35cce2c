/* Frames come out whole whatever the chunks were. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "net/split.h"

enum { FRAME_MAX = 1 << 20 };

/* Feeds `size` bytes in chunks of at most `chunk`, checks that the frames come out in order. */
static void feed(const uint8_t *bytes, size_t size, size_t chunk, const size_t *frames,
                 size_t count)
{
    struct buffer_pool *pool = buffer_pool_create(1 << 20);
    struct splitter splitter = {0};
    size_t fed = 0;
    size_t seen = 0;
    size_t expected_at = 0;
    while (fed < size) {
        uint8_t *room;
        size_t free_bytes;
        assert_int_equal(splitter_room(&splitter, pool, FRAME_MAX, &room, &free_bytes), 0);
        size_t n = size - fed < chunk ? size - fed : chunk;
        if (n > free_bytes) n = free_bytes;
        memcpy(room, bytes + fed, n);
        splitter_filled(&splitter, n);
        fed += n;
        struct slice frame;
        struct buffer *buffer;
        while (splitter_take(&splitter, FRAME_MAX, &frame, &buffer) == 1) {
            assert_true(seen < count);
            assert_int_equal(frame.size, frames[seen]);
            assert_memory_equal(frame.data, bytes + expected_at + 4, frame.size);
            expected_at += 4 + frame.size;
            seen++;
            buffer_unref(buffer);
        }
    }
    assert_int_equal(seen, count);
    assert_int_equal(buffer_pool_in_use(pool), 0);
    splitter_deinit(&splitter);
    buffer_pool_destroy(pool);
}

static void test_frames_come_out_whole(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    struct prng prng;
    prng_init(&prng, 1);
    size_t frames[COUNT];
    size_t total = 0;
    for (int i = 0; i < COUNT; i++) {
        frames[i] = i % 10 == 9 ? 200000 + prng_below(&prng, 90000) : prng_below(&prng, 900);
        total += 4 + frames[i];
    }
    uint8_t *bytes = malloc(total);
    assert_non_null(bytes);
    for (size_t i = 0; i < total; i++)
        bytes[i] = (uint8_t)prng_next(&prng);
    size_t at = 0;
    for (int i = 0; i < COUNT; i++) {
        store_be32(bytes + at, (uint32_t)frames[i]);
        at += 4 + frames[i];
    }
    static const size_t chunks[] = {1, 3, 7, 1000, 32768, 65536, 1 << 20};
    for (size_t i = 0; i < ARRAY_COUNT(chunks); i++)
        feed(bytes, total, chunks[i], frames, COUNT);
    free(bytes);
}

static void refuse(uint32_t length)
{
    struct buffer_pool *pool = buffer_pool_create(1 << 20);
    struct splitter splitter = {0};
    uint8_t *room;
    size_t size;
    assert_int_equal(splitter_room(&splitter, pool, FRAME_MAX, &room, &size), 0);
    store_be32(room, length);
    splitter_filled(&splitter, 4);
    struct slice frame;
    struct buffer *buffer;
    assert_int_equal(splitter_take(&splitter, FRAME_MAX, &frame, &buffer), -EMSGSIZE);
    assert_int_equal(splitter_room(&splitter, pool, FRAME_MAX, &room, &size), -EMSGSIZE);
    splitter_deinit(&splitter);
    buffer_pool_destroy(pool);
}

static void test_wrong_lengths_are_refused(void **state)
{
    (void)state;
    refuse(FRAME_MAX + 1);
    refuse(UINT32_MAX);
    refuse(0x80000000u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_come_out_whole),
        cmocka_unit_test(test_wrong_lengths_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

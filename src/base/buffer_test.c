#include "base/buffer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_buffer_returns_with_its_last_reference(void **state)
{
    (void)state;
    struct buffer_pool *pool = buffer_pool_create(1 << 20);
    struct buffer *buffer = buffer_create(pool, 5000);
    assert_true(buffer->capacity >= 5000);
    assert_int_equal(buffer->size, 0);
    assert_int_equal(buffer_pool_in_use(pool), buffer->capacity);
    assert_ptr_equal(buffer_ref(buffer), buffer);
    buffer_unref(buffer);
    assert_true(buffer_pool_in_use(pool) > 0);
    buffer_unref(buffer);
    assert_int_equal(buffer_pool_in_use(pool), 0);
    buffer_unref(NULL);
    buffer_pool_destroy(pool);
}

static void memory_is_used_again(void **state)
{
    (void)state;
    struct buffer_pool *pool = buffer_pool_create(1 << 20);
    struct buffer *first = buffer_create(pool, 5000);
    uint8_t *data = first->data;
    buffer_unref(first);
    struct buffer *second = buffer_create(pool, 5100);
    assert_ptr_equal(second->data, data);
    assert_int_equal(second->size, 0);
    buffer_unref(second);
    buffer_pool_destroy(pool);
}

static void what_lies_idle_is_bounded(void **state)
{
    (void)state;
    struct buffer_pool *pool = buffer_pool_create(1 << 16);
    struct buffer *buffers[32];
    for (int i = 0; i < 32; i++) {
        buffers[i] = buffer_create(pool, 1 << 14);
        memset(buffers[i]->data, i, buffers[i]->capacity);
    }
    assert_true(buffer_pool_in_use(pool) >= 32u << 14);
    for (int i = 0; i < 32; i++)
        buffer_unref(buffers[i]);
    assert_int_equal(buffer_pool_in_use(pool), 0);
    buffer_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_returns_with_its_last_reference),
        cmocka_unit_test(memory_is_used_again),
        cmocka_unit_test(what_lies_idle_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/arena.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t size = 1; size < 3000; size += 37) {
        uint8_t *bytes = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(bytes[i], 0);
        memset(bytes, 0xff, size);
    }
    arena_reset(&arena);
    uint8_t *again = arena_alloc(&arena, 500);
    for (size_t i = 0; i < 500; i++)
        assert_int_equal(again[i], 0);
    arena_deinit(&arena);
}

static void the_maximum_holds(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 100000);
    size_t got = 0;
    while (arena_try_alloc(&arena, 1000) != NULL)
        got += 1000;
    assert_true(got > 40000);
    assert_true(got <= 100000);
    assert_true(arena.total <= 100000);
    assert_null(arena_try_alloc(&arena, SIZE_MAX - 8));
    arena_reset(&arena);
    assert_non_null(arena_try_alloc(&arena, 1000));
    arena_deinit(&arena);
}

static void copies_outlive_their_owner(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    char text[] = "orders";
    struct slice copy = arena_copy(&arena, slice_of(text));
    text[0] = 'x';
    assert_true(slice_equal(copy, SLICE("orders")));
    assert_true(slice_is_null(arena_copy(&arena, SLICE_NULL)));
    assert_false(slice_is_null(arena_copy(&arena, SLICE(""))));
    assert_true(slice_equal(arena_printf(&arena, "%s-%d", "orders", 7), SLICE("orders-7")));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(the_maximum_holds),
        cmocka_unit_test(copies_outlive_their_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

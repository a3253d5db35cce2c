#include "core/image/order.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ITEMS = 5000 };

struct thing {
    struct order_item item;
    char name[16];
};

static struct thing things[ITEMS];

/* 0..ITEMS-1, each once, in an order that is neither ascending nor descending.
 */
static int scattered(int i)
{
    return (int)(((int64_t)i * 2903) % ITEMS);
}

static void fill(struct order *order, int (*sequence)(int i))
{
    for (int i = 0; i < ITEMS; i++) {
        struct thing *thing = &things[sequence(i)];
        snprintf(thing->name, sizeof(thing->name), "%05d", sequence(i));
        thing->item.key = slice_of(thing->name);
        order_put(order, &thing->item);
    }
}

static int ascending(int i)
{
    return i;
}

static int descending(int i)
{
    return ITEMS - 1 - i;
}

static void check_all(const struct order *order)
{
    assert_int_equal(order->item_count, ITEMS);
    struct order_item *item = order_first(order);
    for (int i = 0; i < ITEMS; i++) {
        assert_ptr_equal(item, &things[i].item);
        assert_ptr_equal(order_find(order, things[i].item.key), item);
        item = order_after(order, item->key);
    }
    assert_null(item);
}

static void keeps_every_sequence_in_order(void **state)
{
    (void)state;
    int (*const sequences[])(int) = {ascending, descending, scattered};
    for (size_t i = 0; i < ARRAY_COUNT(sequences); i++) {
        struct order order = {0};
        fill(&order, sequences[i]);
        check_all(&order);
        order_deinit(&order);
    }
}

static void ascending_keys_fill_their_pages(void **state)
{
    (void)state;
    struct order order = {0};
    fill(&order, ascending);
    assert_int_equal(order.page_count, (ITEMS + 127) / 128);
    order_deinit(&order);
}

static void removes_what_is_there_and_finds_the_rest(void **state)
{
    (void)state;
    struct order order = {0};
    fill(&order, scattered);
    for (int i = 0; i < ITEMS; i++) {
        if (i % 7 != 0) order_remove(&order, &things[i].item);
    }
    struct order_item *item = order_first(&order);
    for (int i = 0; i < ITEMS; i += 7) {
        assert_ptr_equal(item, &things[i].item);
        item = order_after(&order, item->key);
    }
    assert_null(item);
    assert_null(order_find(&order, SLICE("00001")));
    assert_ptr_equal(order_after(&order, SLICE("00001")), &things[7].item);
    for (int i = 0; i < ITEMS; i += 7)
        order_remove(&order, &things[i].item);
    assert_null(order_first(&order));
    assert_int_equal(order.page_count, 0);
    order_deinit(&order);
}

static void the_empty_order_has_nothing(void **state)
{
    (void)state;
    struct order order = {0};
    assert_null(order_first(&order));
    assert_null(order_find(&order, SLICE("a")));
    assert_null(order_after(&order, SLICE("")));
    order_deinit(&order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_every_sequence_in_order),
        cmocka_unit_test(ascending_keys_fill_their_pages),
        cmocka_unit_test(removes_what_is_there_and_finds_the_rest),
        cmocka_unit_test(the_empty_order_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

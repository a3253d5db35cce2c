#include "base/map.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"

enum { COUNT = 2000 };

struct value {
    int64_t key;
    bool in;
};

static void is_what_it_was_told(void **state)
{
    (void)state;
    static struct value values[COUNT];
    struct map map;
    struct prng prng;
    size_t in = 0;
    map_init(&map, 42);
    prng_init(&prng, 7);
    for (int i = 0; i < COUNT; i++)
        values[i].key = (int64_t)i * 0x10001;
    for (int step = 0; step < 50000; step++) {
        struct value *value = &values[prng_below(&prng, COUNT)];
        assert_ptr_equal(map_get(&map, MAP_KEY(value->key)), value->in ? value : NULL);
        if (value->in)
            assert_ptr_equal(map_remove(&map, MAP_KEY(value->key)), value);
        else
            map_put(&map, MAP_KEY(value->key), value);
        value->in = !value->in;
        if (value->in)
            in++;
        else
            in--;
        assert_int_equal(map_count(&map), in);
    }
    int64_t absent = -1;
    assert_null(map_get(&map, MAP_KEY(absent)));
    assert_null(map_remove(&map, MAP_KEY(absent)));
    map_deinit(&map);
}

static void iteration_allows_removal(void **state)
{
    (void)state;
    struct map map;
    static struct value values[100];
    map_init(&map, 1);
    for (int i = 0; i < 100; i++) {
        values[i].key = i;
        map_put(&map, MAP_KEY(values[i].key), &values[i]);
    }
    size_t cursor = 0;
    struct value *value;
    int seen = 0;
    while ((value = map_next(&map, &cursor)) != NULL) {
        seen++;
        if (value->key % 2 == 0) assert_ptr_equal(map_remove(&map, MAP_KEY(value->key)), value);
    }
    assert_int_equal(seen, 100);
    assert_int_equal(map_count(&map), 50);
    map_deinit(&map);
}

static void order_depends_on_contents_only(void **state)
{
    (void)state;
    static struct value values[2][50];
    struct map maps[2];
    size_t cursors[2] = {0, 0};
    for (int m = 0; m < 2; m++) {
        map_init(&maps[m], 9);
        for (int i = 0; i < 50; i++) {
            values[m][i].key = i * 3;
            map_put(&maps[m], MAP_KEY(values[m][i].key), &values[m][i]);
        }
    }
    for (int i = 0; i < 50; i++) {
        struct value *a = map_next(&maps[0], &cursors[0]);
        struct value *b = map_next(&maps[1], &cursors[1]);
        assert_int_equal(a->key, b->key);
    }
    map_deinit(&maps[0]);
    map_deinit(&maps[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_what_it_was_told),
        cmocka_unit_test(iteration_allows_removal),
        cmocka_unit_test(order_depends_on_contents_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/heap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"

static void deadlines_come_in_order(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static struct heap_node nodes[COUNT];
    struct heap heap;
    struct prng prng;
    prng_init(&prng, 1);
    heap_init(&heap);
    for (int i = 0; i < COUNT; i++)
        heap_put(&heap, &nodes[i], (int64_t)prng_below(&prng, 500));
    for (int i = 0; i < COUNT; i += 3)
        heap_remove(&heap, &nodes[i]);
    for (int i = 1; i < COUNT; i += 3)
        heap_put(&heap, &nodes[i], (int64_t)prng_below(&prng, 500));
    heap_remove(&heap, &nodes[0]); /* in none: nothing happens */
    int64_t before = INT64_MIN;
    int seen = 0;
    struct heap_node *first;
    while ((first = heap_first(&heap)) != NULL) {
        assert_true(heap_contains(first));
        assert_true(first->deadline >= before);
        before = first->deadline;
        heap_remove(&heap, first);
        assert_false(heap_contains(first));
        seen++;
    }
    assert_int_equal(seen, COUNT - (COUNT + 2) / 3);
    heap_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(deadlines_come_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

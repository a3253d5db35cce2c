#include "base/list.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct item {
    int number;
    struct list_link link;
};

static void first_in_first_out(void **state)
{
    (void)state;
    struct list list;
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list));
    assert_null(list_pop_front(&list));
    for (int i = 1; i < 4; i++)
        list_push_back(&list, &items[i].link);
    list_push_front(&list, &items[0].link);
    list_remove(&items[2].link);
    assert_false(list_is_linked(&items[2].link));
    assert_true(list_is_linked(&items[3].link));
    const int expected[] = {0, 1, 3};
    int seen = 0;
    for (struct list_link *link = list_first(&list); link != NULL; link = list_next(&list, link))
        assert_int_equal(CONTAINER_OF(link, struct item, link)->number, expected[seen++]);
    assert_int_equal(seen, 3);
    struct list_link *first = list_pop_front(&list);
    assert_ptr_equal(first, &items[0].link);
    assert_false(list_is_linked(first));
    list_push_back(&list, first); /* it may come again */
    assert_false(list_is_empty(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_in_first_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

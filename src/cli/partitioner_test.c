/* The hashes are those that Kafka's own tests expect (UtilsTest.testMurmur2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include "cli/partitioner.h"

static void hashes_as_kafka_does(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"abc", 479470107},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal((int32_t)murmur2(slice_of(cases[i].key)), cases[i].hash);
}

static void partitions_are_in_range(void **state)
{
    (void)state;
    /* 479470107 % 7, and a negative hash without its sign: (-973932308 & 0x7fffffff) % 7 */
    assert_int_equal(partition_for_key(SLICE("abc"), 7), 479470107 % 7);
    assert_int_equal(partition_for_key(SLICE("21"), 7), 1173551340 % 7);
    assert_int_equal(partition_for_key(SLICE(""), 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_kafka_does),
        cmocka_unit_test(partitions_are_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

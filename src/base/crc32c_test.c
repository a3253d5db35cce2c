#include "base/crc32c.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void known_sums(void **state)
{
    (void)state;
    /* RFC 3720, B.4 */
    uint8_t bytes[32] = {0};
    assert_int_equal(crc32c((struct slice){bytes, 32}), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c((struct slice){bytes, 32}), 0x62a8ab43);
    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c((struct slice){bytes, 32}), 0x46dd794e);
    assert_int_equal(crc32c(SLICE("123456789")), 0xe3069283);
    assert_int_equal(crc32c(SLICE("")), 0);
}

static void parts_make_the_whole(void **state)
{
    (void)state;
    uint8_t bytes[1000];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 31);
    uint32_t whole = crc32c((struct slice){bytes, sizeof(bytes)});
    for (size_t cut = 0; cut <= sizeof(bytes); cut += 77) {
        uint32_t first = crc32c((struct slice){bytes, cut});
        assert_int_equal(crc32c_extend(first, (struct slice){bytes + cut, sizeof(bytes) - cut}),
                         whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums),
        cmocka_unit_test(parts_make_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

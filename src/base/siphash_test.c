/* Against the reference: key 00 01 … 0f, messages 00 01 … of growing length. */
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_tag(size_t size, const char *expected)
{
    struct siphash_key key;
    uint8_t bytes[64], tag_bytes[16];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    memcpy(&key, bytes, sizeof(key));
    struct siphash_tag tag = siphash_128(&key, (struct slice){bytes, size});
    memcpy(tag_bytes, &tag, sizeof(tag_bytes));
    for (size_t i = 0; i < sizeof(tag_bytes); i++) {
        static const char digits[] = "0123456789abcdef";
        assert_int_equal(digits[tag_bytes[i] >> 4], expected[2 * i]);
        assert_int_equal(digits[tag_bytes[i] & 15], expected[2 * i + 1]);
    }
}

static void test_the_reference_says_the_same(void **state)
{
    (void)state;
    assert_tag(0, "a3817f04ba25a8e66df67214c7550293");
    assert_tag(1, "da87c1d86b99af44347659119b22fc45");
    assert_tag(2, "8177228da4a45dc7fca38bdef60affe4");
    assert_tag(7, "a1f1ebbed8dbc153c0b84aa61ff08239");
    assert_tag(8, "3b62a9ba6258f5610f83e264f31497b4");
    assert_tag(9, "264499060ad9baabc47f8b02bb6d71ed");
    assert_tag(15, "5493e99933b0a8117e08ec0f97cfc3d9");
    assert_tag(16, "6ee2a4ca67b054bbfd3315bf85230577");
    assert_tag(63, "5150d1772f50834a503e069a973fbd7c");
}

static void test_another_key_gives_another_tag(void **state)
{
    (void)state;
    struct siphash_key key = {{1, 2}};
    struct siphash_tag first = siphash_128(&key, SLICE("orders"));
    key.words[1] ^= 1ull << 63;
    struct siphash_tag second = siphash_128(&key, SLICE("orders"));
    assert_int_not_equal(first.words[0], second.words[0]);
    assert_int_not_equal(first.words[1], second.words[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_reference_says_the_same),
        cmocka_unit_test(test_another_key_gives_another_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

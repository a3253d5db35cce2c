#include "base/uuid.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void text_and_back(void **state)
{
    (void)state;
    struct uuid uuid, again;
    char text[UUID_TEXT_SIZE];
    /* What Kafka's Uuid prints for (0x0102030405060708, 0x090a0b0c0d0e0f10). */
    for (int i = 0; i < 16; i++)
        uuid.bytes[i] = (uint8_t)(i + 1);
    uuid_format(&uuid, text);
    assert_string_equal(text, "AQIDBAUGBwgJCgsMDQ4PEA");
    assert_int_equal(uuid_parse(slice_of(text), &again), 0);
    assert_true(uuid_equal(&uuid, &again));
    assert_int_equal(uuid_parse(SLICE("AQIDBAUGBwgJCgsMDQ4PEA=="), &again), 0);
    uuid_format(&UUID_ZERO, text);
    assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAA");
    assert_true(uuid_is_zero(&UUID_ZERO));
}

static void what_is_none(void **state)
{
    (void)state;
    struct uuid uuid;
    const char *const bad[] = {"", "AQID", "AQIDBAUGBwgJCgsMDQ4PE!", "AQIDBAUGBwgJCgsMDQ4PEAA",
                               "AQIDBAUGBwgJCgsMDQ4PEA="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(uuid_parse(slice_of(bad[i]), &uuid), -EBADMSG);
}

static void random_ones(void **state)
{
    (void)state;
    uint8_t bytes[16] = {0};
    struct uuid uuid;
    int made = 0;
    for (int i = 0; i < 1000; i++) {
        for (int j = 0; j < 16; j++)
            bytes[j] = (uint8_t)(i * 7 + j * i);
        if (!uuid_from_random(bytes, &uuid)) continue;
        char text[UUID_TEXT_SIZE];
        uuid_format(&uuid, text);
        assert_true(text[0] != '-');
        assert_int_equal(uuid.bytes[6] >> 4, 4); /* version 4 */
        assert_int_equal(uuid.bytes[8] >> 6, 2);
        made++;
    }
    assert_true(made > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_back),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(random_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

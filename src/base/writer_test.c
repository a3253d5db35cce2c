#include "base/writer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void numbers_in_kafkas_order(void **state)
{
    (void)state;
    struct writer writer;
    writer_init(&writer, 100);
    writer_put_u8(&writer, 1);
    writer_put_be16(&writer, 0x0203);
    writer_put_be32(&writer, 0x04050607);
    writer_put_be64(&writer, 0x08090a0b0c0d0e0f);
    writer_put_uvarint(&writer, 300);
    writer_put_varint(&writer, -1);
    writer_printf(&writer, "%s", "xy");
    assert_true(slice_equal(writer_slice(&writer),
                            SLICE("\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\xac\x02\1xy")));
    assert_int_equal(writer_error(&writer), 0);
    writer_deinit(&writer);
}

static void full_latches(void **state)
{
    (void)state;
    struct writer writer;
    writer_init(&writer, 10);
    writer_put(&writer, SLICE("12345678"));
    writer_put(&writer, SLICE("abc"));
    assert_int_equal(writer_error(&writer), -EMSGSIZE);
    assert_int_equal(writer.size, 8);
    writer_put_u8(&writer, 1); /* would fit, but something is missing before it */
    assert_int_equal(writer.size, 8);
    assert_null(writer_extend(&writer, 1));
    writer_reset(&writer);
    assert_int_equal(writer_error(&writer), 0);
    uint8_t *room = writer_extend(&writer, 10);
    assert_non_null(room);
    memset(room, 'r', 10);
    assert_true(slice_equal(writer_slice(&writer), SLICE("rrrrrrrrrr")));
    writer_deinit(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_kafkas_order),
        cmocka_unit_test(full_latches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/varint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/writer.h"

static void there_and_back(void **state)
{
    (void)state;
    struct writer writer;
    writer_init(&writer, 64);
    for (int bit = 0; bit < 63; bit++) {
        for (int64_t delta = -2; delta <= 2; delta++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                int64_t value = sign * ((1LL << bit) + delta), back;
                writer_reset(&writer);
                writer_put_varint(&writer, value);
                assert_int_equal(writer.size, varint_size(value));
                struct slice bytes = writer_slice(&writer);
                assert_int_equal(varint64_take(&bytes, &back), 0);
                assert_true(back == value);
                assert_int_equal(bytes.size, 0);
                bytes = writer_slice(&writer);
                int32_t narrow;
                bool fits = value >= INT32_MIN && value <= INT32_MAX;
                assert_int_equal(varint32_take(&bytes, &narrow), fits ? 0 : -EBADMSG);
                if (fits) assert_int_equal(narrow, value);
            }
        }
    }
    writer_deinit(&writer);
}

static void cut_short_or_too_long(void **state)
{
    (void)state;
    struct slice bytes = SLICE("\x80");
    int32_t narrow;
    int64_t wide;
    uint32_t plain;
    assert_int_equal(varint32_take(&bytes, &narrow), -EBADMSG);
    bytes = SLICE("");
    assert_int_equal(varint64_take(&bytes, &wide), -EBADMSG);
    bytes = SLICE("\xff\xff\xff\xff\x1f"); /* 33 bits */
    assert_int_equal(uvarint32_take(&bytes, &plain), -EBADMSG);
    bytes = SLICE("\xff\xff\xff\xff\x0f");
    assert_int_equal(uvarint32_take(&bytes, &plain), 0);
    assert_int_equal(plain, UINT32_MAX);
    bytes = SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    assert_int_equal(varint64_take(&bytes, &wide), -EBADMSG);
    bytes = SLICE("\x80\x80\x80\x80\x80\x00");
    assert_int_equal(varint32_take(&bytes, &narrow), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(cut_short_or_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/settings/properties.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

enum { ARENA_MAX = 4 << 20 };

/* One key and value out of `text`, and nothing behind them. */
static void assert_reads(const char *text, const char *key, const char *value)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    struct properties properties;
    struct property property;
    properties_init(&properties, slice_of(text));
    assert_int_equal(properties_next(&properties, &arena, &property), 1);
    assert_int_equal(property.key.size, strlen(key));
    assert_memory_equal(property.key.data, key, strlen(key));
    assert_int_equal(property.value.size, strlen(value));
    assert_memory_equal(property.value.data, value, strlen(value));
    assert_false(slice_is_null(property.value));
    assert_int_equal(properties_next(&properties, &arena, &property), 0);
}

static void test_separators(void **state)
{
    (void)state;
    assert_reads("a=b", "a", "b");
    assert_reads("a:b", "a", "b");
    assert_reads("a b", "a", "b");
    assert_reads("a\tb", "a", "b");
    assert_reads("  a  =  b c ", "a", "b c ");
    assert_reads("a = = b", "a", "= b");
    assert_reads("a=:b", "a", ":b");
    assert_reads("a", "a", "");
    assert_reads("a=", "a", "");
    assert_reads("=b", "", "b");
    assert_reads("listeners=PLAINTEXT://:9092", "listeners", "PLAINTEXT://:9092");
}

static void test_line_ends(void **state)
{
    (void)state;
    assert_reads("a=b\n", "a", "b");
    assert_reads("a=b\r\n", "a", "b");
    assert_reads("\r\r\n\n  \t\na=b\r", "a", "b");
}

static void test_comments(void **state)
{
    (void)state;
    assert_reads("# c=d\n ! e=f\na=b#c", "a", "b#c");
    assert_reads("# not continued \\\na=b", "a", "b");
}

static void test_escapes(void **state)
{
    (void)state;
    assert_reads("a\\ b\\:c\\=d=e", "a b:c=d", "e");
    assert_reads("a=\\t\\n\\r\\f\\\\\\q", "a", "\t\n\r\f\\q");
    assert_reads("a=\\u00e4\\u20AC", "a", "\xc3\xa4\xe2\x82\xac");
    assert_reads("a=\\ud83d\\ude00", "a", "\xf0\x9f\x98\x80");
    assert_reads("a=\\ud83dx", "a", "?x");
    assert_reads("a=gr\xc3\xb6\xc3\x9f"
                 "e",
                 "a",
                 "gr\xc3\xb6\xc3\x9f"
                 "e");
}

static void test_continuation(void **state)
{
    (void)state;
    assert_reads("a=b\\\n   c\\\r\n\td", "a", "bcd");
    assert_reads("a=b\\\\", "a", "b\\");
    assert_reads("a=b\\\\\\\nc", "a", "b\\c");
    assert_reads("a=b\\", "a", "b");
    assert_reads("a\\\n b=c", "ab", "c");
}

static void test_malformed_unicode(void **state)
{
    (void)state;
    static const char *const texts[] = {"x=1\na=\\u12", "x=1\na=\\u12g4", "x=1\n\\u=1"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        CLEANUP(arena_deinit) struct arena arena;
        arena_init(&arena, ARENA_MAX);
        struct properties properties;
        struct property property;
        properties_init(&properties, slice_of(texts[i]));
        assert_int_equal(properties_next(&properties, &arena, &property), 1);
        assert_int_equal(properties_next(&properties, &arena, &property), -EBADMSG);
        assert_int_equal(property.line, 2);
    }
}

static void test_line_numbers(void **state)
{
    (void)state;
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    struct properties properties;
    struct property property;
    properties_init(&properties, SLICE("# one\na=\\\n  b\n\nc=d\r\ne=f"));
    static const int32_t lines[] = {2, 5, 6};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        assert_int_equal(properties_next(&properties, &arena, &property), 1);
        assert_int_equal(property.line, lines[i]);
    }
    assert_int_equal(properties_next(&properties, &arena, &property), 0);
}

/* Memory grows with the text, however it is cut into lines. */
static void test_many_continuations(void **state)
{
    (void)state;
    static char text[600000];
    for (size_t i = 0; i + 3 < sizeof(text); i += 3)
        memcpy(text + i, "x\\\n", 3);
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    struct properties properties;
    struct property property;
    properties_init(&properties, slice_of(text));
    assert_int_equal(properties_next(&properties, &arena, &property), 1);
    assert_int_equal(property.key.size, (sizeof(text) - 1) / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_separators),   cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_comments),     cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_continuation), cmocka_unit_test(test_malformed_unicode),
        cmocka_unit_test(test_line_numbers), cmocka_unit_test(test_many_continuations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

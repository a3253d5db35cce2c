/* Verdicts of Java 17, by Pattern.compile. */
#include "core/settings/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"

static const char *const good[] = {
    "",
    "a.*",
    "^a$",
    "a|b",
    "|",
    "(a)(b)",
    "[a-z]+",
    "[^]a]",
    "]",
    "}",
    "a]}",
    "[a&&[b]]",
    "[a&&b&&c]",
    "[&]",
    "[a&]",
    "[[a][b]]",
    "[a-]",
    "[-a]",
    "\\p{L}+",
    "\\pL",
    "\\P{Lu}",
    "\\p{javaLowerCase}",
    "\\p{gc=Lu}",
    "\\p{IsGreek}",
    "\\p{sc=Grek}",
    "a{2}",
    "a{2,}",
    "a{2,3}",
    "a{2}{3}",
    "{2}",
    "a++",
    "a*?",
    "a{2}?",
    "(?i)abc",
    "(?i:abc)",
    "(?x) a # b",
    "(?-i)a",
    "(?>a)",
    "(?=a)b",
    "(?!a)b",
    "(?<=a)b",
    "(?<!ab|c)d",
    "(?<=a{1,5})b",
    "(?<n>a)\\k<n>",
    "\\1",
    "(a)\\2",
    "\\Q[\\E",
    "\\Q(",
    "a\\Q1\\E",
    "\\x41",
    "\\x{1F600}",
    "\\u00e4",
    "\\ud83d\\ude00",
    "\\07",
    "\\0377",
    "\\cA",
    "\\e\\a\\f\\t",
    "\\b\\B\\A\\z\\Z\\G",
    "\\b{g}",
    "\\R\\X\\h\\v",
    "\\-",
    "\\N{LATIN SMALL LETTER A}",
    "[\\w-]",
    "[a-\\x62]",
    "()",
};

static const char *const bad[] = {
    "[",           "[]",
    "[^]",         "(",
    ")",           "a)",
    "*",           "+a",
    "?",           "a**",
    "a{",          "{",
    "{,2}",        "a{2",
    "a{2,1}",      "a{99999999999}",
    "a{x}",        "[z-a]",
    "[a-\\d]",     "[b-\\x61]",
    "[a",          "[[a]",
    "[&&]",        "\\",
    "\\y",         "\\p",
    "\\p{Foo}",    "\\p{}",
    "\\p{L",       "\\p{foo=L}",
    "\\pX",        "\\x",
    "\\x4",        "\\xZZ",
    "\\x{110000}", "\\x{41",
    "\\u12",       "\\c",
    "\\08",        "\\k<n>",
    "\\kn",        "(?<n>a)(?<n>b)",
    "(?<1>a)",     "(?<n a)",
    "(?P<x>a)",    "(?#c)",
    "(?$a)",       "(?",
    "(?z)",        "(?<=a(b|c)*)",
    "(?<=\\1)",    "\\b{x}",
    "[\\b]",       "[\\1]",
    "\\E",         "\\x4\\Q1",
    "\\N{}",       "(?x)a # (\n)",
};

static bool is_valid(struct slice text)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, 1 << 24);
    return pattern_is_valid(text, &arena);
}

static void what_java_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        if (!is_valid(slice_of(good[i]))) fail_msg("%s is refused", good[i]);
}

static void what_java_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        if (is_valid(slice_of(bad[i]))) fail_msg("%s is taken", bad[i]);
}

/* Groups in groups, and classes in classes: as deep as is allowed, and no deeper. */
static void nothing_is_too_deep(void **state)
{
    (void)state;
    static char text[1 << 15];
    static const char *const marks[] = {"()", "[]"};
    for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
        for (int depth = 1; depth < 10000; depth = depth < 490 ? 490 : depth * 3) {
            size_t open = (size_t)depth;
            memset(text, marks[i][0], open);
            text[open] = 'a';
            memset(text + open + 1, marks[i][1], open);
            bool valid = is_valid((struct slice){(const uint8_t *)text, 2 * open + 1});
            assert_int_equal(valid, depth < PATTERN_DEPTH_MAX);
        }
    }
}

/* Pieces of patterns in any order, and any bytes: an answer, whichever. */
static void anything_is_read(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 11);
    for (int i = 0; i < 100000; i++) {
        char text[256];
        size_t size = 0;
        for (size_t pieces = (size_t)prng_below(&prng, 12); pieces > 0 && size < 200; pieces--) {
            size_t piece = (size_t)prng_below(&prng, ARRAY_COUNT(good) + ARRAY_COUNT(bad));
            const char *from =
                piece < ARRAY_COUNT(good) ? good[piece] : bad[piece - ARRAY_COUNT(good)];
            size_t length = strlen(from);
            memcpy(text + size, from, length);
            size += length;
            text[size++] = (char)prng_below(&prng, 256);
        }
        (void)is_valid((struct slice){(const uint8_t *)text, size});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_java_takes),
        cmocka_unit_test(what_java_refuses),
        cmocka_unit_test(nothing_is_too_deep),
        cmocka_unit_test(anything_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

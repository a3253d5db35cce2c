/* What --output prints: snapshots, so that programs which read it can rely on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/output.h"

enum { TEXT_MAX = 4096 };

static const struct output_column columns[] = {
    {"NAME", "name", OUTPUT_TEXT},
    {"COUNT", "count", OUTPUT_NUMBER},
    {"STATE", "state", OUTPUT_STATE},
};

/* Prints two rows to a file in the place of standard output. */
static void print(const char *format, bool headers, bool color, char text[TEXT_MAX])
{
    struct cli *cli = memory_alloc_zero(sizeof(*cli));
    cli->option[OPTION_OUTPUT] = format;
    cli->option[OPTION_NO_HEADERS] = headers ? NULL : "";
    cli->color = color;
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    struct output *output;
    int r = output_begin(cli, "test.list", columns, ARRAY_COUNT(columns), &output);
    if (r == 0) {
        output_row(output, (struct slice[]){SLICE("a,\"b\""), SLICE("7"), SLICE("ok")});
        output_row(output, (struct slice[]){SLICE("c"), SLICE_NULL, SLICE("broken")});
        output_end(output);
    }
    fflush(stdout);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    close(saved);
    rewind(file);
    size_t size = fread(text, 1, TEXT_MAX - 1, file);
    text[size] = 0;
    fclose(file);
    memory_free(cli);
    assert_int_equal(r, 0);
}

/* Columns are as wide as their headings, shown or not. */
static void prints_tables(void **state)
{
    (void)state;
    char text[TEXT_MAX];
    print(NULL, true, false, text);
    assert_string_equal(text, "NAME  COUNT STATE\n"
                              "a,\"b\"     7 ok\n"
                              "c           broken\n");
    print("table", false, false, text);
    assert_string_equal(text, "a,\"b\"     7 ok\n"
                              "c           broken\n");
}

static void colors_states_when_asked(void **state)
{
    (void)state;
    char text[TEXT_MAX];
    print(NULL, true, true, text);
    assert_non_null(strstr(text, "\033[32mok"));
    assert_non_null(strstr(text, "\033[31mbroken"));
    print(NULL, true, false, text);
    assert_null(strchr(text, '\033'));
}

static void prints_json(void **state)
{
    (void)state;
    char text[TEXT_MAX];
    print("json", true, false, text);
    assert_string_equal(text, "{\"schema\":\"gregor.test.list/1\",\"items\":["
                              "{\"name\":\"a,\\\"b\\\"\",\"count\":7,\"state\":\"ok\"},"
                              "{\"name\":\"c\",\"count\":null,\"state\":\"broken\"}]}\n");
    print("jsonl", true, false, text);
    assert_string_equal(text, "{\"name\":\"a,\\\"b\\\"\",\"count\":7,\"state\":\"ok\"}\n"
                              "{\"name\":\"c\",\"count\":null,\"state\":\"broken\"}\n");
}

static void prints_csv(void **state)
{
    (void)state;
    char text[TEXT_MAX];
    print("csv", true, false, text);
    assert_string_equal(text, "name,count,state\n\"a,\"\"b\"\"\",7,ok\nc,,broken\n");
    print("csv", false, false, text);
    assert_string_equal(text, "\"a,\"\"b\"\"\",7,ok\nc,,broken\n");
}

static void refuses_other_formats(void **state)
{
    (void)state;
    struct cli *cli = memory_alloc_zero(sizeof(*cli));
    cli->option[OPTION_OUTPUT] = "xml";
    struct output *output;
    assert_true(output_begin(cli, "test.list", columns, ARRAY_COUNT(columns), &output) < 0);
    memory_free(cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_tables),         cmocka_unit_test(colors_states_when_asked),
        cmocka_unit_test(prints_json),           cmocka_unit_test(prints_csv),
        cmocka_unit_test(refuses_other_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tables and the parser that reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"

/* Splits a command line at blanks, finds its command and parses the rest. NULL: no command. */
static struct cli *parse(const char *line, int *code)
{
    static char words[256];
    char *argv[16] = {NULL};
    size_t argc = 0;
    assert_in_range(snprintf(words, sizeof(words), "%s", line), 0, sizeof(words) - 1);
    char *rest;
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        assert_in_range(argc, 0, ARRAY_COUNT(argv) - 2); /* the last stays NULL */
        argv[argc++] = word;
    }
    int used;
    const struct cli_command *command = cli_find_command((int)argc, argv, &used);
    if (command == NULL) return NULL;
    struct cli *cli = memory_alloc_zero(sizeof(*cli));
    cli->command = command;
    *code = cli_parse(cli, (int)argc - used + 1, argv + used - 1);
    return cli;
}

static void finds_commands(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int (*run)(struct cli *cli);
    } cases[] = {
        {"topic list", cli_topic_list},
        {"topics list", cli_topic_list},
        {"topics", cli_topic_list},
        {"topics -o json", cli_topic_list},
        {"topics describe a", cli_topic_describe},
        {"serve", cli_serve},
        {"storage format", cli_storage_format},
        {"format", cli_storage_format},
        {"log dump x", cli_log_dump},
        {"log verify x", cli_log_verify},
        {"produce a", cli_produce},
        {"topic find -e a b", cli_topic_find},
        {"brokers", cli_broker_list},
        {"broker describe 1", cli_broker_describe},
        {"cluster health --wait 3s", cli_cluster_health},
        {"bench e2e --size 1KiB --rate 20000 --duration 10s -o json", cli_bench_e2e},
        {"topic trim a --to end -y", cli_topic_trim},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int code;
        struct cli *cli = parse(cases[i].line, &code);
        assert_non_null(cli);
        assert_int_equal(code, CLI_OK);
        assert_true(cli->command->run == cases[i].run);
        memory_free(cli);
    }
}

static void refuses_what_is_no_command(void **state)
{
    (void)state;
    static const char *const lines[] = {"topic", "topic nope", "serves", "topik list",
                                        "consumes a"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        int code;
        assert_null(parse(lines[i], &code));
    }
}

static void parses_options(void **state)
{
    (void)state;
    int code;
    struct cli *cli =
        parse("topic create a -p 3 --config x=1 b -c y=2 --dry-run --brokers h:1", &code);
    assert_int_equal(code, CLI_OK);
    assert_string_equal(cli->option[OPTION_PARTITIONS], "3");
    assert_string_equal(cli->option[OPTION_BROKERS], "h:1");
    assert_true(cli_has(cli, OPTION_DRY_RUN));
    assert_false(cli_has(cli, OPTION_REPLICAS));
    assert_int_equal(cli->repeated[OPTION_CONFIG].count, 2);
    assert_string_equal(cli->repeated[OPTION_CONFIG].items[1], "y=2");
    assert_int_equal(cli->arguments.count, 2);
    assert_string_equal(cli->arguments.items[1], "b");
    memory_free(cli);
}

static void own_letters_win(void **state)
{
    (void)state;
    int code;
    struct cli *cli = parse("consume a -o -2 --output json -p 1", &code);
    assert_int_equal(code, CLI_OK);
    assert_string_equal(cli->option[OPTION_OFFSET], "-2");
    assert_string_equal(cli->option[OPTION_OUTPUT], "json");
    assert_string_equal(cli->option[OPTION_PARTITION], "1");
    assert_false(cli_has(cli, OPTION_PARTITIONS));
    memory_free(cli);
}

static void refuses_wrong_options(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "topic list -p 3",     "topic list --nope", "topic create a -p", "serve --brokers h:1",
        "topic list --output", "topic list --yes",  "topic grow a -y",
    };
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        int code;
        struct cli *cli = parse(lines[i], &code);
        assert_non_null(cli);
        assert_int_equal(code, CLI_USAGE);
        memory_free(cli);
    }
}

static void two_dashes_end_options(void **state)
{
    (void)state;
    int code;
    struct cli *cli = parse("topic delete -y -- -odd", &code);
    assert_int_equal(code, CLI_OK);
    assert_int_equal(cli->arguments.count, 1);
    assert_string_equal(cli->arguments.items[0], "-odd");
    memory_free(cli);
}

static void parses_numbers(void **state)
{
    (void)state;
    int code;
    int64_t number;
    struct cli *cli = parse("topic create a -p 12", &code);
    assert_int_equal(cli_number(cli, OPTION_PARTITIONS, 1, 20, -1, &number), CLI_OK);
    assert_int_equal(number, 12);
    assert_int_equal(cli_number(cli, OPTION_PARTITIONS, 1, 11, -1, &number), CLI_USAGE);
    assert_int_equal(cli_number(cli, OPTION_REPLICAS, 1, 11, -1, &number), CLI_OK);
    assert_int_equal(number, -1);
    memory_free(cli);
}

static void parses_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t milliseconds; /* -1: none */
    } cases[] = {
        {"300ms", 300},
        {"5s", 5000},
        {"2m", 120000},
        {"1h", 3600000},
        {"7d", 604800000},
        {"0s", 0},
        {"5", -1},
        {"s", -1},
        {"5 s", -1},
        {"-5s", -1},
        {"", -1},
        {"5y", -1},
        {"99999999999999d", -1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t milliseconds = -1;
        int r = cli_parse_duration(slice_of(cases[i].text), &milliseconds);
        assert_int_equal(r == 0, cases[i].milliseconds >= 0);
        assert_int_equal(milliseconds, cases[i].milliseconds);
    }
}

static void parses_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
    } cases[] = {
        {"0", 0},          {"512", 512},        {"64B", 64},        {"1KB", 1000}, {"1KiB", 1024},
        {"3MiB", 3 << 20}, {"1GB", 1000000000}, {"", -1},           {"KiB", -1},   {"1kib", -1},
        {"-1", -1},        {"1 KiB", -1},       {"8589934592", -1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t bytes = -1;
        int r = cli_parse_size(slice_of(cases[i].text), &bytes);
        assert_int_equal(r == 0, cases[i].bytes >= 0);
        assert_int_equal(bytes, cases[i].bytes);
    }
}

static void parses_pairs(void **state)
{
    (void)state;
    struct slice key, value;
    assert_int_equal(cli_parse_pair("a=b=c", &key, &value), 0);
    assert_true(slice_equal(key, SLICE("a")));
    assert_true(slice_equal(value, SLICE("b=c")));
    assert_int_equal(cli_parse_pair("a=", &key, &value), 0);
    assert_int_equal(value.size, 0);
    assert_true(cli_parse_pair("a", &key, &value) < 0);
}

/* What a table can get wrong that no compiler sees. */
static void tables_are_sound(void **state)
{
    (void)state;
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        const struct cli_option *options[CLI_OPTIONS_MAX];
        int own = cli_own_options_of(command, options);
        int all = cli_options_of(command, options);
        assert_true(all >= own);
        assert_non_null(command->run);
        assert_non_null(command->arguments);
        assert_true(command->arguments_min <= command->arguments_max);
        assert_true(strlen(command->summary) > 0);
        size_t size = strlen(command->examples);
        assert_true(size > 0 && command->examples[size - 1] == '\n');
        for (int j = 0; j < all; j++) {
            for (int k = 0; k < j; k++) {
                assert_string_not_equal(options[j]->name, options[k]->name);
                bool both_own = j < own && k < own;
                if (both_own && options[j]->letter != 0)
                    assert_int_not_equal(options[j]->letter, options[k]->letter);
            }
        }
    }
}

static void every_option_is_used(void **state)
{
    (void)state;
    for (int id = OPTION_NONE + 1; id < OPTION_IDS; id++) {
        const struct cli_option *option = cli_option_by_id((enum cli_option_id)id);
        assert_int_equal(cli_option_id(option), id);
        bool used = false;
        for (int i = 0; i < cli_command_count; i++) {
            const struct cli_option *options[CLI_OPTIONS_MAX];
            int count = cli_options_of(&cli_commands[i], options);
            for (int j = 0; j < count; j++)
                used = used || options[j] == option;
        }
        assert_true(used);
    }
}

/* Short help fits a small terminal, and speaks of --yes where something is asked alone. */
static void help_fits(void **state)
{
    (void)state;
    enum { LINES_MAX = 24, TEXT_MAX = 8192 };
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        static char text[TEXT_MAX];
        FILE *to = fmemopen(text, sizeof(text), "w");
        assert_non_null(to);
        assert_int_equal(cli_help_command(command, false, to), CLI_OK);
        assert_int_equal(fclose(to), 0);
        int lines = 0;
        for (const char *at = text; *at != 0; at++)
            lines += *at == '\n';
        assert_true(lines <= LINES_MAX);
        assert_non_null(strstr(text, command->summary));
        bool asks = command->run == cli_topic_delete || command->run == cli_topic_trim ||
                    command->run == cli_group_delete || command->run == cli_group_seek;
        assert_int_equal(strstr(text, "-y, --yes") != NULL, asks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_commands),
        cmocka_unit_test(refuses_what_is_no_command),
        cmocka_unit_test(parses_options),
        cmocka_unit_test(own_letters_win),
        cmocka_unit_test(refuses_wrong_options),
        cmocka_unit_test(two_dashes_end_options),
        cmocka_unit_test(parses_numbers),
        cmocka_unit_test(parses_durations),
        cmocka_unit_test(parses_sizes),
        cmocka_unit_test(parses_pairs),
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(every_option_is_used),
        cmocka_unit_test(help_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

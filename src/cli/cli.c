/* Parsing of the command line against the tables of options.c, and the way to the command. */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    CLI_ARENA_MAX = 256 << 20,
    LONG_OPTION_BASE = 1000, /* getopt's value of the long option i is this + i */
    NEAR_WORD_DISTANCE = 3,  /* from here on words are no help */
};

int cli_fail(enum cli_exit code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("gregor: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return (int)code;
}

bool cli_has(const struct cli *cli, enum cli_option_id id)
{
    return cli->option[id] != NULL;
}

int cli_number(const struct cli *cli, enum cli_option_id id, int64_t min, int64_t max,
               int64_t otherwise, int64_t *value)
{
    if (!cli_has(cli, id)) {
        *value = otherwise;
        return CLI_OK;
    }
    if (slice_parse_int64(slice_of(cli->option[id]), min, max, value) < 0)
        return cli_fail(CLI_USAGE, "--%s wants a number from %lld to %lld, not '%s'",
                        cli_option_by_id(id)->name, (long long)min, (long long)max,
                        cli->option[id]);
    return CLI_OK;
}

int cli_parse_duration(struct slice text, int64_t *milliseconds)
{
    static const struct {
        const char *unit;
        int64_t milliseconds;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    struct slice number = {text.data, digits};
    struct slice unit = {text.data + digits, text.size - digits};
    int64_t value;
    if (slice_parse_int64(number, 0, INT64_MAX / 86400000, &value) < 0) return -EINVAL;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (!slice_equal(unit, slice_of(units[i].unit))) continue;
        *milliseconds = value * units[i].milliseconds;
        return 0;
    }
    return -EINVAL;
}

int cli_parse_size(struct slice text, int64_t *bytes)
{
    static const struct {
        const char *unit;
        int64_t bytes;
    } units[] = {{"", 1},          {"B", 1},           {"KB", 1000},
                 {"MB", 1000000},  {"GB", 1000000000}, {"KiB", 1 << 10},
                 {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    struct slice unit = {text.data + digits, text.size - digits};
    int64_t value;
    if (slice_parse_int64((struct slice){text.data, digits}, 0, INT64_MAX >> 30, &value) < 0)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (!slice_equal(unit, slice_of(units[i].unit))) continue;
        *bytes = value * units[i].bytes;
        return 0;
    }
    return -EINVAL;
}

int cli_parse_pair(const char *text, struct slice *key, struct slice *value)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL) return -EINVAL;
    *key = (struct slice){(const uint8_t *)text, (size_t)(equals - text)};
    *value = slice_of(equals + 1);
    return 0;
}

bool cli_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}

bool cli_confirm(const struct cli *cli, const char *question)
{
    if (cli_has(cli, OPTION_YES)) return true;
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "gregor: %s Say --yes to do it.\n", question);
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    char answer[16];
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* --- which command ---------------------------------------------------------------------------- */

bool cli_noun_matches(const struct cli_command *command, const char *word)
{
    size_t size = strlen(command->noun);
    if (strncmp(command->noun, word, size) != 0) return false;
    return word[size] == 0 || (command->verb != NULL && strcmp(word + size, "s") == 0);
}

const struct cli_command *cli_find_command(int argc, char **argv, int *used)
{
    for (int i = 0; argc > 0 && i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        *used = 1;
        if (command->alias != NULL && strcmp(command->alias, argv[0]) == 0) return command;
        if (!cli_noun_matches(command, argv[0])) continue;
        if (command->verb == NULL) return command;
        /* "topics" alone is "topic list" */
        bool plural = argv[0][strlen(command->noun)] == 's';
        bool alone = argc == 1 || argv[1][0] == '-';
        if (plural && alone && strcmp(command->verb, "list") == 0) return command;
        *used = 2;
        if (argc > 1 && strcmp(command->verb, argv[1]) == 0) return command;
    }
    return NULL;
}

/* How far two words are from each other, by Levenshtein. They are short. */
static int word_distance(const char *a, const char *b)
{
    enum { WORD_MAX = 32 };
    int rows[2][WORD_MAX + 1];
    size_t size = strnlen(b, WORD_MAX);
    for (size_t j = 0; j <= size; j++)
        rows[0][j] = (int)j;
    int now = 0;
    for (size_t i = 1; a[i - 1] != 0 && i <= WORD_MAX; i++) {
        now = (int)(i & 1);
        rows[now][0] = (int)i;
        for (size_t j = 1; j <= size; j++) {
            int change = rows[1 - now][j - 1] + (a[i - 1] != b[j - 1]);
            int insert = rows[now][j - 1] + 1;
            int remove = rows[1 - now][j] + 1;
            int least = change < insert ? change : insert;
            rows[now][j] = least < remove ? least : remove;
        }
    }
    return rows[now][size];
}

static int unknown_command(int argc, char **argv)
{
    const char *nearest = NULL;
    int distance = NEAR_WORD_DISTANCE;
    bool noun_known = false;
    for (int i = 0; i < cli_command_count; i++) {
        noun_known = noun_known || cli_noun_matches(&cli_commands[i], argv[0]);
        int d = word_distance(argv[0], cli_commands[i].noun);
        if (d < distance) {
            distance = d;
            nearest = cli_commands[i].noun;
        }
    }
    if (noun_known) {
        fprintf(stderr, "gregor: %s %s; there are:\n", argv[0],
                argc > 1 ? "does not do that" : "wants a verb");
        for (int i = 0; i < cli_command_count; i++) {
            if (cli_noun_matches(&cli_commands[i], argv[0]))
                fprintf(stderr, "  gregor %s %s\n", cli_commands[i].noun, cli_commands[i].verb);
        }
        return CLI_USAGE;
    }
    if (nearest != NULL)
        return cli_fail(CLI_USAGE, "no command '%s'; did you mean '%s'?", argv[0], nearest);
    return cli_fail(CLI_USAGE, "no command '%s'; see gregor help", argv[0]);
}

/* --- its options ------------------------------------------------------------------------------ */

static int take_option(struct cli *cli, const struct cli_option *option, const char *value)
{
    enum cli_option_id id = cli_option_id(option);
    cli->option[id] = value == NULL ? "" : value;
    if (!option->repeats) return CLI_OK;
    struct cli_values *values = &cli->repeated[id];
    if (values->count == CLI_ARGUMENTS_MAX)
        return cli_fail(CLI_USAGE, "--%s is given too often", option->name);
    values->items[values->count++] = value;
    return CLI_OK;
}

/* What getopt_long wants to know of the options. */
struct option_words {
    const struct cli_option *options[CLI_OPTIONS_MAX];
    int count;
    struct option longs[CLI_OPTIONS_MAX + 1];
    char shorts[2 * CLI_OPTIONS_MAX + 2];
};

static void gather_words(const struct cli_command *command, struct option_words *words)
{
    *words = (struct option_words){.shorts = ":"}; /* ':' tells a missing value from no option */
    words->count = cli_options_of(command, words->options);
    size_t size = 1;
    for (int i = 0; i < words->count; i++) {
        const struct cli_option *option = words->options[i];
        int takes = option->argument != NULL ? required_argument : no_argument;
        words->longs[i] = (struct option){option->name, takes, NULL, LONG_OPTION_BASE + i};
        if (option->letter == 0 || strchr(words->shorts, option->letter) != NULL) continue;
        words->shorts[size++] = option->letter;
        if (takes == required_argument) words->shorts[size++] = ':';
    }
}

static int wrong_option(const struct cli *cli, int found, char **argv)
{
    char letter[3] = {'-', (char)optopt, 0};
    bool is_long = optopt == 0 || optopt >= LONG_OPTION_BASE;
    const char *verb = cli->command->verb;
    return cli_fail(CLI_USAGE, "%s %s; see gregor help %s%s%s",
                    found == ':' ? "a value is missing for" : "no option",
                    is_long ? argv[optind - 1] : letter, cli->command->noun,
                    verb != NULL ? " " : "", verb != NULL ? verb : "");
}

static const struct cli_option *found_option(const struct option_words *words, int found)
{
    for (int i = 0; i < words->count; i++) {
        if (found == LONG_OPTION_BASE + i || found == words->options[i]->letter)
            return words->options[i];
    }
    return NULL;
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
    struct option_words words;
    gather_words(cli->command, &words);
    optind = 0; /* glibc: from the beginning */
    opterr = 0;
    int found;
    while ((found = getopt_long(argc, argv, words.shorts, words.longs, NULL)) != -1) {
        const struct cli_option *option = found_option(&words, found);
        if (option == NULL) return wrong_option(cli, found, argv);
        int r = take_option(cli, option, optarg);
        if (r != CLI_OK) return r;
    }
    for (int i = optind; i < argc; i++) {
        if (cli->arguments.count == CLI_ARGUMENTS_MAX)
            return cli_fail(CLI_USAGE, "more than %d arguments", CLI_ARGUMENTS_MAX);
        cli->arguments.items[cli->arguments.count++] = argv[i];
    }
    return CLI_OK;
}

/* https://no-color.org, and the wishes of others in the order of their weight */
static int learn_color(struct cli *cli)
{
    const char *when = cli_has(cli, OPTION_COLOR) ? cli->option[OPTION_COLOR] : "auto";
    const char *no = getenv("NO_COLOR");
    const char *force = getenv("CLICOLOR_FORCE");
    const char *term = getenv("TERM");
    if (strcmp(when, "always") == 0)
        cli->color = true;
    else if (strcmp(when, "never") == 0)
        cli->color = false;
    else if (strcmp(when, "auto") != 0)
        return cli_fail(CLI_USAGE, "--color wants auto, always or never, not '%s'", when);
    else if (no != NULL && no[0] != 0)
        cli->color = false;
    else if (force != NULL && force[0] != 0 && strcmp(force, "0") != 0)
        cli->color = true;
    else
        cli->color = isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    return CLI_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int run_command(struct cli *cli, int argc, char **argv)
{
    int r = cli_parse(cli, argc, argv);
    if (r != CLI_OK) return r;
    if (cli_has(cli, OPTION_HELP)) return cli_help_command(cli->command, true, stdout);
    if (cli->arguments.count < cli->command->arguments_min) {
        cli_help_command(cli->command, false, stderr);
        return CLI_USAGE;
    }
    if (cli->arguments.count > cli->command->arguments_max)
        return cli_fail(CLI_USAGE, "unexpected argument '%s'",
                        cli->arguments.items[cli->command->arguments_max]);
    r = learn_color(cli);
    return r != CLI_OK ? r : cli->command->run(cli);
}

static bool takes_value(const char *text)
{
    const struct cli_option *options[CLI_OPTIONS_MAX];
    int count = cli_global_options(options);
    for (int i = 0; i < count; i++) {
        bool is_long = strncmp(text, "--", 2) == 0 && strcmp(text + 2, options[i]->name) == 0;
        bool is_short = text[1] == options[i]->letter && text[1] != 0 && text[2] == 0;
        if (is_long || is_short) return options[i]->argument != NULL;
    }
    return false;
}

/* Where the command begins: global options may stand before it. */
static int find_first_word(int argc, char **argv)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-' && argv[at][1] != 0)
        at += takes_value(argv[at]) ? 2 : 1;
    return at < argc ? at : argc;
}

/* A reader that went away (| head) is no failure; a full disk is one. */
static int end_output(int code)
{
    if (cli_flush() || code != CLI_OK) return code;
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (poll(&output, 1, 0) == 1 && (output.revents & POLLERR)) return CLI_OK;
    return cli_fail(CLI_FAILED, "cannot write to standard output");
}

int cli_main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* an error of the write, which is told from others */
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) return cli_version(NULL);
    int first = find_first_word(argc, argv);
    if (first >= argc) {
        bool asked = argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        cli_help_all(asked ? stdout : stderr);
        return asked ? CLI_OK : CLI_USAGE;
    }
    int used = 0;
    const struct cli_command *command = cli_find_command(argc - first, argv + first, &used);
    if (command == NULL) return unknown_command(argc - first, argv + first);

    /* One parser sees all options: those before the command's words, then those behind them. */
    char **rest = memory_alloc(((size_t)argc + 1) * sizeof(rest[0]));
    int count = 0;
    for (int i = 0; i < argc; i++) {
        if (i < first || i >= first + used) rest[count++] = argv[i];
    }
    rest[count] = NULL;
    struct cli *cli = memory_alloc_zero(sizeof(*cli));
    cli->command = command;
    arena_init(&cli->arena, CLI_ARENA_MAX);
    int code = run_command(cli, count, rest);
    arena_deinit(&cli->arena);
    memory_free(cli);
    memory_free(rest);
    return end_output(code);
}

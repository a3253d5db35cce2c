/* Parsing of the command line against the tables of options.c, and the way to the command. */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LONG_OPTIONS_MAX = CLI_COMMAND_OPTIONS_MAX + 16,
    CLI_ARENA_MAX = 256 << 20,
    LONG_OPTION_BASE = 1000, /* getopt's value of option i is this + i */
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
        struct slice unit;
        int64_t milliseconds;
    } units[] = {
        {{(const uint8_t *)"ms", 2}, 1},        {{(const uint8_t *)"s", 1}, 1000},
        {{(const uint8_t *)"m", 1}, 60 * 1000}, {{(const uint8_t *)"h", 1}, 3600 * 1000},
        {{(const uint8_t *)"d", 1}, 86400000},
    };
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') digits++;
    struct slice number = {text.data, digits};
    struct slice unit = {text.data + digits, text.size - digits};
    int64_t value;
    if (slice_parse_int64(number, 0, INT64_MAX / 86400000, &value) < 0) return -EINVAL;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (!slice_equal(unit, units[i].unit)) continue;
        *milliseconds = value * units[i].milliseconds;
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

/* "topics" is "topic list"; nouns are taken in the plural, too. */
static bool noun_matches(const struct cli_command *command, const char *word)
{
    size_t size = strlen(command->noun);
    return strncmp(command->noun, word, size) == 0 &&
           (word[size] == 0 || (command->verb != NULL && strcmp(word + size, "s") == 0));
}

static const struct cli_command *find_command(int argc, char **argv, int *used)
{
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        if (argc < 1 || !noun_matches(command, argv[0])) continue;
        bool plural_alone = argv[0][strlen(command->noun)] == 's' && (argc < 2 || argv[1][0] == '-');
        if (command->verb == NULL || (plural_alone && strcmp(command->verb, "list") == 0)) {
            *used = 1;
            return command;
        }
        if (argc >= 2 && strcmp(command->verb, argv[1]) == 0) {
            *used = 2;
            return command;
        }
    }
    return NULL;
}

/* The nearest word of the tables, to say "did you mean". Distance by Levenshtein, words are short. */
static int word_distance(const char *a, const char *b)
{
    enum { WORD_MAX = 32 };
    int rows[2][WORD_MAX + 1];
    size_t size = strnlen(b, WORD_MAX);
    for (size_t j = 0; j <= size; j++) rows[0][j] = (int)j;
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
    int distance = 3; /* farther words are no help */
    bool noun_known = false;
    for (int i = 0; i < cli_command_count; i++) {
        noun_known = noun_known || noun_matches(&cli_commands[i], argv[0]);
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
            if (noun_matches(&cli_commands[i], argv[0]))
                fprintf(stderr, "  gregor %s %s\n", cli_commands[i].noun, cli_commands[i].verb);
        }
        return CLI_USAGE;
    }
    if (nearest != NULL)
        return cli_fail(CLI_USAGE, "no command '%s'; did you mean '%s'?", argv[0], nearest);
    return cli_fail(CLI_USAGE, "no command '%s'; see gregor help", argv[0]);
}

/* The options of one command: its own first, so that their letters win over global ones. */
static int gather_options(const struct cli_command *command,
                          enum cli_option_id ids[LONG_OPTIONS_MAX])
{
    int count = 0;
    for (int i = 0; i < command->option_count; i++) ids[count++] = command->options[i];
    for (int i = 0; i < cli_global_option_count; i++) {
        enum cli_option_id id = cli_global_options[i];
        if (!command->server || id == OPTION_HELP || id == OPTION_QUIET || id == OPTION_VERBOSE)
            ids[count++] = id;
    }
    ASSERT(count <= LONG_OPTIONS_MAX);
    return count;
}

static int take_option(struct cli *cli, const struct cli_option *option, const char *value)
{
    cli->option[option->id] = value == NULL ? "" : value;
    if (!option->repeats) return CLI_OK;
    struct cli_values *values = &cli->repeated[option->id];
    if (values->count == CLI_ARGUMENTS_MAX)
        return cli_fail(CLI_USAGE, "--%s is given too often", option->name);
    values->items[values->count++] = value;
    return CLI_OK;
}

static int parse_options(struct cli *cli, int argc, char **argv)
{
    enum cli_option_id ids[LONG_OPTIONS_MAX];
    int count = gather_options(cli->command, ids);
    struct option longs[LONG_OPTIONS_MAX + 1] = {0};
    char shorts[2 * LONG_OPTIONS_MAX + 2] = ":";
    size_t size = 1;
    for (int i = 0; i < count; i++) {
        const struct cli_option *option = cli_option_by_id(ids[i]);
        int takes = option->argument != NULL ? required_argument : no_argument;
        longs[i] = (struct option){option->name, takes, NULL, LONG_OPTION_BASE + i};
        if (option->letter == 0 || strchr(shorts, option->letter) != NULL) continue;
        shorts[size++] = option->letter;
        if (takes == required_argument) shorts[size++] = ':';
    }
    optind = 0;
    opterr = 0;
    int found;
    while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (found == '?' || found == ':')
            return cli_fail(CLI_USAGE, "%s %s; see gregor help %s%s%s",
                            found == ':' ? "a value is missing for" : "no option",
                            argv[optind - 1], cli->command->noun,
                            cli->command->verb != NULL ? " " : "",
                            cli->command->verb != NULL ? cli->command->verb : "");
        const struct cli_option *option = NULL;
        for (int i = 0; i < count && option == NULL; i++) {
            const struct cli_option *candidate = cli_option_by_id(ids[i]);
            if (found == LONG_OPTION_BASE + i || found == candidate->letter) option = candidate;
        }
        ASSERT(option != NULL);
        int r = take_option(cli, option, optarg);
        if (r != CLI_OK) return r;
    }
    for (int i = optind; i < argc; i++) {
        if (cli->arguments.count == CLI_ARGUMENTS_MAX)
            return cli_fail(CLI_USAGE, "too many arguments");
        cli->arguments.items[cli->arguments.count++] = argv[i];
    }
    return CLI_OK;
}

static bool want_color(const struct cli *cli)
{
    const char *when = cli_has(cli, OPTION_COLOR) ? cli->option[OPTION_COLOR] : "auto";
    if (strcmp(when, "always") == 0) return true;
    if (strcmp(when, "never") == 0) return false;
    const char *no = getenv("NO_COLOR");
    if (no != NULL && no[0] != 0) return false;
    const char *force = getenv("CLICOLOR_FORCE");
    if (force != NULL && force[0] != 0 && strcmp(force, "0") != 0) return true;
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
    int r = parse_options(cli, argc, argv);
    if (r != CLI_OK) return r;
    if (cli_has(cli, OPTION_HELP)) return cli_help_command(cli->command, true, stdout);
    if (cli->arguments.count < cli->command->arguments_min) {
        cli_help_command(cli->command, false, stderr);
        return CLI_USAGE;
    }
    if (cli->arguments.count > cli->command->arguments_max)
        return cli_fail(CLI_USAGE, "unexpected argument '%s'",
                        cli->arguments.items[cli->command->arguments_max]);
    cli->color = want_color(cli);
    return cli->command->run(cli);
}

/* Global options may stand before the command: they are moved behind it, where one parser sees all. */
static int leading_options(int argc, char **argv)
{
    int count = 1;
    while (count < argc && argv[count][0] == '-' && argv[count][1] != 0) {
        bool takes_value = false;
        for (int i = 0; i < cli_global_option_count; i++) {
            const struct cli_option *option = cli_option_by_id(cli_global_options[i]);
            const char *text = argv[count];
            bool is_long = strncmp(text, "--", 2) == 0 && strcmp(text + 2, option->name) == 0;
            bool is_short = text[1] == option->letter && option->letter != 0 && text[2] == 0;
            if (is_long || is_short) takes_value = option->argument != NULL;
        }
        count += takes_value ? 2 : 1;
    }
    return count < argc ? count : argc;
}

int cli_main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) return cli_version(NULL);
    int leading = leading_options(argc, argv);
    if (leading >= argc) {
        bool asked = argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        cli_help_all(asked ? stdout : stderr);
        return asked ? CLI_OK : CLI_USAGE;
    }
    int used = 0;
    const struct cli_command *command = find_command(argc - leading, argv + leading, &used);
    if (command == NULL) return unknown_command(argc - leading, argv + leading);

    struct cli *cli = calloc(1, sizeof(*cli));
    char **rest = calloc((size_t)argc + 1, sizeof(*rest));
    if (cli == NULL || rest == NULL) return cli_fail(CLI_FAILED, "out of memory");
    int count = 0;
    rest[count++] = argv[0];
    for (int i = 1; i < leading; i++) rest[count++] = argv[i];
    for (int i = leading + used; i < argc; i++) rest[count++] = argv[i];
    cli->command = command;
    arena_init(&cli->arena, CLI_ARENA_MAX);
    int r = run_command(cli, count, rest);
    arena_deinit(&cli->arena);
    free(rest);
    free(cli);
    /* A reader that went away (| head) is no failure; a full disk is one. */
    if (fflush(stdout) != 0 && errno != EPIPE && r == CLI_OK)
        r = cli_fail(CLI_FAILED, "cannot write to standard output");
    return r;
}

/* Help, the man page, the tree as JSON: all printed from the tables of options.c. */
#include <string.h>

#include "cli/cli.h"

static const char *const summary =
    "gregor is Apache Kafka in one small binary: a broker, and the tools to work with any Kafka.";

struct man_entry {
    const char *term;
    const char *text;
};

static const struct man_entry man_exits[] = {
    {"0", "done"},
    {"1", "an item failed"},
    {"2", "wrong usage, or --yes was needed"},
    {"3", "no broker answered, or not in time"},
    {"4", "authentication or authorization failed"},
    {"130", "interrupted"},
};

static void print_synopsis(const struct cli_command *command, FILE *to)
{
    fprintf(to, "gregor %s", command->noun);
    if (command->verb != NULL) fprintf(to, " %s", command->verb);
    if (command->options[0] != OPTION_NONE) fputs(" [OPTION...]", to);
    if (command->arguments[0] != 0) fprintf(to, " %s", command->arguments);
}

/* "-p, --partitions N   how many" */
static void print_option(const struct cli_option *option, char letter, FILE *to)
{
    char short_form[] = "-x,";
    short_form[1] = letter;
    char long_form[64];
    snprintf(long_form, sizeof(long_form), "--%s%s%s", option->name,
             option->argument != NULL ? " " : "", option->argument != NULL ? option->argument : "");
    fprintf(to, "  %3s %-30s %s\n", letter != 0 ? short_form : "", long_form, option->text);
}

int cli_help_command(const struct cli_command *command, bool full, FILE *to)
{
    if (command->examples[0] != 0) {
        const char *line = command->examples;
        while (*line != 0) {
            const char *end = strchrnul(line, '\n');
            fprintf(to, "  $ %.*s\n", (int)(end - line), line);
            line = *end == 0 ? end : end + 1;
        }
        fputc('\n', to);
    }
    fputs("usage: ", to);
    print_synopsis(command, to);
    fprintf(to, "\n  %s\n", command->summary);
    if (command->alias != NULL) fprintf(to, "  gregor %s is the same.\n", command->alias);
    const struct cli_option *options[CLI_OPTIONS_MAX];
    int own = cli_own_options_of(command, options);
    if (own > 0) fputs("\noptions\n", to);
    for (int i = 0; i < own; i++)
        print_option(options[i], options[i]->letter, to);
    if (!full) return CLI_OK;
    int all = cli_options_of(command, options);
    fputs("\neverywhere\n", to);
    for (int i = own; i < all; i++) {
        bool taken = cli_letter_is_taken(command, options[i]);
        print_option(options[i], taken ? 0 : options[i]->letter, to);
    }
    return CLI_OK;
}

int cli_help_all(FILE *to)
{
    fprintf(to, "%s\n\n", summary);
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        char name[40];
        snprintf(name, sizeof(name), "%s%s%s", command->noun, command->verb != NULL ? " " : "",
                 command->verb != NULL ? command->verb : "");
        fprintf(to, "  gregor %-20s %s\n", name, command->summary);
    }
    fputs(
        "\ngregor help COMMAND says more. Exit codes: 0 done, 1 something failed, 2 wrong usage,\n"
        "3 no broker answered, 4 not allowed, 130 interrupted.\n",
        to);
    return CLI_OK;
}

/* Text inside a JSON string or a roff line: the tables hold no control characters. */
static void print_json_string(const char *text, FILE *to)
{
    fputc('"', to);
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', to);
        if (*text == '\n')
            fputs("\\n", to);
        else
            fputc(*text, to);
    }
    fputc('"', to);
}

static void print_json_options(const struct cli_option *const *options, int count, FILE *to)
{
    fputc('[', to);
    for (int i = 0; i < count; i++) {
        const struct cli_option *option = options[i];
        fprintf(to, "%s{\"name\":\"--%s\"", i > 0 ? "," : "", option->name);
        if (option->letter != 0) fprintf(to, ",\"letter\":\"-%c\"", option->letter);
        if (option->argument != NULL) {
            fputs(",\"argument\":", to);
            print_json_string(option->argument, to);
        }
        fprintf(to, ",\"repeats\":%s,\"text\":", option->repeats ? "true" : "false");
        print_json_string(option->text, to);
        fputc('}', to);
    }
    fputc(']', to);
}

static int print_json(FILE *to)
{
    const struct cli_option *options[CLI_OPTIONS_MAX];
    fputs("{\"schema\":\"gregor.help/1\",\"global_options\":", to);
    print_json_options(options, cli_global_options(options), to);
    fputs(",\"commands\":[", to);
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        fprintf(to, "%s{\"command\":\"%s%s%s\",\"arguments\":", i > 0 ? "," : "", command->noun,
                command->verb != NULL ? " " : "", command->verb != NULL ? command->verb : "");
        print_json_string(command->arguments, to);
        fputs(",\"summary\":", to);
        print_json_string(command->summary, to);
        fputs(",\"examples\":", to);
        print_json_string(command->examples, to);
        fputs(",\"options\":", to);
        print_json_options(options, cli_own_options_of(command, options), to);
        fputc('}', to);
    }
    fputs("],\"exit_codes\":{", to);
    for (size_t i = 0; i < ARRAY_COUNT(man_exits); i++) {
        fprintf(to, "%s\"%s\":", i > 0 ? "," : "", man_exits[i].term);
        print_json_string(man_exits[i].text, to);
    }
    fputs("}}\n", to);
    return CLI_OK;
}

/* roff: backslashes, dashes and what looks like a request at the beginning of a line. */
static void print_roff(const char *text, FILE *to)
{
    bool line_start = true;
    for (; *text != 0; text++) {
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", to);
        if (*text == '\\')
            fputs("\\e", to);
        else if (*text == '-')
            fputs("\\-", to);
        else
            fputc(*text, to);
        line_start = *text == '\n';
    }
}

static void print_man_options(const struct cli_option *const *options, int count, FILE *to)
{
    for (int i = 0; i < count; i++) {
        const struct cli_option *option = options[i];
        fputs(".TP\n", to);
        if (option->letter != 0) fprintf(to, "\\fB\\-%c\\fR, ", option->letter);
        fputs("\\fB\\-\\-", to);
        print_roff(option->name, to);
        fputs("\\fR", to);
        if (option->argument != NULL) fprintf(to, " \\fI%s\\fR", option->argument);
        fputc('\n', to);
        print_roff(option->text, to);
        fputc('\n', to);
    }
}

static void print_man_command(const struct cli_command *command, FILE *to)
{
    const struct cli_option *options[CLI_OPTIONS_MAX];
    fputs(".SS ", to);
    print_synopsis(command, to);
    fputc('\n', to);
    print_roff(command->summary, to);
    if (command->alias != NULL) fprintf(to, " (also: gregor %s)", command->alias);
    fputs("\n.PP\n.nf\n", to);
    print_roff(command->examples, to);
    fputs(".fi\n", to);
    print_man_options(options, cli_own_options_of(command, options), to);
}

static void print_man_entries(const char *section, const struct man_entry *entries, size_t count,
                              FILE *to)
{
    fprintf(to, ".SH %s\n", section);
    for (size_t i = 0; i < count; i++) {
        fputs(".TP\n.B ", to);
        print_roff(entries[i].term, to);
        fputc('\n', to);
        print_roff(entries[i].text, to);
        fputc('\n', to);
    }
}

static const struct man_entry man_formats[] = {
    {"%t %p %o", "topic, partition, offset"},
    {"%k %v", "key and value; empty where there is none. %s is %v"},
    {"%h{FORMAT}", "each header by FORMAT, where %k and %v are the header's; %h alone is k=v,k=v"},
    {"%d", "timestamp in milliseconds; %d{rfc3339} as a date in UTC"},
    {"%e", "leader epoch of the batch"},
    {"%T %K %V %H", "size of topic, key and value in bytes, number of headers; -1 for null"},
    {"%%", "a percent sign"},
    {"\\n \\t \\r \\\\ \\xNN", "as in C"},
    {"%v{hex} %v{base64}", "text is given as hexadecimal digits or in base64 (t, k, v)"},
    {"%p{big32}", "numbers are given in binary: byte, big16, big32, big64, little16, little32, "
                  "little64; or as text: ascii, hex"},
    {"json", "one JSON object a line with topic, partition, offset, timestamp, key, value and "
             "headers; bytes that are no UTF-8 are {\"base64\":\"...\"}. produce reads the same"},
    {"produce", "reads %k %v %p %d with text between them, the sizes %K %V ahead of what they are "
                "the sizes of, or of a fixed size as in %k{8}"},
};

static const struct man_entry man_offsets[] = {
    {"start, end", "the first record, behind the last"},
    {"N", "the record with offset N, or the next"},
    {"+N, -N", "N behind the start, N before the end"},
    {"@TIME", "the first record of that time or later: milliseconds since 1970, a date as "
              "2026-11-22 or 2026-11-22T21:12:04Z, now, or -1h: that long ago"},
    {"A:B", "from A up to B, which is not shown; either may be left out"},
};

static const struct man_entry man_entities[] = {
    {"topic/NAME", "a topic"},
    {"broker/ID, broker", "one broker; what all brokers share"},
    {"broker-logger/ID", "the levels of a broker's loggers"},
    {"group/NAME", "a group"},
    {"client-metrics/NAME", "a subscription to the metrics of clients"},
};

static const struct man_entry man_environment[] = {
    {"GREGOR_BROKERS", "where to connect, unless --brokers is given"},
    {"NO_COLOR", "if not empty: no colors"},
    {"CLICOLOR_FORCE", "if not empty: colors even where the output is no terminal"},
};

static int print_man(FILE *to)
{
    const struct cli_option *options[CLI_OPTIONS_MAX];
    fputs(".TH GREGOR 1 \"\" \"gregor " GREGOR_VERSION "\"\n"
          ".SH NAME\ngregor \\- Apache Kafka in one small binary\n.SH SYNOPSIS\n"
          ".B gregor\n[\\fIOPTION\\fR...] \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n.SH DESCRIPTION\n",
          to);
    print_roff(summary, to);
    fputs("\nStandard output is data, standard error is everything else.\n.SH COMMANDS\n", to);
    for (int i = 0; i < cli_command_count; i++)
        print_man_command(&cli_commands[i], to);
    fputs(".SH OPTIONS\n", to);
    print_man_options(options, cli_global_options(options), to);
    print_man_entries("RECORD FORMATS", man_formats, ARRAY_COUNT(man_formats), to);
    print_man_entries("OFFSETS", man_offsets, ARRAY_COUNT(man_offsets), to);
    print_man_entries("ENTITIES", man_entities, ARRAY_COUNT(man_entities), to);
    print_man_entries("ENVIRONMENT", man_environment, ARRAY_COUNT(man_environment), to);
    print_man_entries("EXIT STATUS", man_exits, ARRAY_COUNT(man_exits), to);
    return CLI_OK;
}

int cli_help(struct cli *cli)
{
    if (cli_has(cli, OPTION_JSON)) return print_json(stdout);
    if (cli_has(cli, OPTION_MAN)) return print_man(stdout);
    if (cli->arguments.count == 0) return cli_help_all(stdout);
    const char *verb = cli->arguments.count > 1 ? cli->arguments.items[1] : NULL;
    const char *noun = cli->arguments.items[0];
    int shown = 0;
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        bool is_alias = command->alias != NULL && strcmp(command->alias, noun) == 0;
        if (!is_alias && !cli_noun_matches(command, noun)) continue;
        if (verb != NULL && (command->verb == NULL || strcmp(command->verb, verb) != 0)) continue;
        if (shown++ > 0) fputc('\n', stdout);
        cli_help_command(command, is_alias || verb != NULL || command->verb == NULL, stdout);
    }
    if (shown == 0) return cli_fail(CLI_USAGE, "no command '%s'", noun);
    return CLI_OK;
}

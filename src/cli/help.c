/* Help, the man page, the tree as JSON, completions: all printed from the tables of options.c. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char *const summary =
    "gregor is Apache Kafka in one small binary: a broker, and the tools to work with any Kafka.";

static void print_synopsis(const struct cli_command *command, FILE *to)
{
    fprintf(to, "gregor %s", command->noun);
    if (command->verb != NULL) fprintf(to, " %s", command->verb);
    if (command->option_count > 0) fputs(" [OPTION...]", to);
    if (command->arguments[0] != 0) fprintf(to, " %s", command->arguments);
}

static void print_option(const struct cli_option *option, FILE *to)
{
    char left[64];
    int size = snprintf(left, sizeof(left), "%c%c%s --%s%s%s", option->letter != 0 ? '-' : ' ',
                        option->letter != 0 ? option->letter : ' ', option->letter != 0 ? "," : " ",
                        option->name, option->argument != NULL ? " " : "",
                        option->argument != NULL ? option->argument : "");
    fprintf(to, "  %-*s %s\n", size < 34 ? 34 : size, left, option->text);
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
    if (command->option_count > 0) fputs("\noptions\n", to);
    for (int i = 0; i < command->option_count; i++)
        print_option(cli_option_by_id(command->options[i]), to);
    if (!full || command->server) return CLI_OK;
    fputs("\neverywhere\n", to);
    for (int i = 0; i < cli_global_option_count; i++)
        print_option(cli_option_by_id(cli_global_options[i]), to);
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
        fprintf(to, "  gregor %-16s %s\n", name, command->summary);
    }
    fputs("\ngregor help COMMAND says more. Exit codes: 0 done, 1 something failed, 2 wrong usage,\n"
          "3 no broker answered, 4 not allowed.\n",
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

static void print_json_options(const enum cli_option_id *ids, int count, FILE *to)
{
    fputc('[', to);
    for (int i = 0; i < count; i++) {
        const struct cli_option *option = cli_option_by_id(ids[i]);
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
    fputs("{\"schema\":\"gregor.help/1\",\"global_options\":", to);
    print_json_options(cli_global_options, cli_global_option_count, to);
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
        print_json_options(command->options, command->option_count, to);
        fputc('}', to);
    }
    fputs("],\"exit_codes\":{\"0\":\"done\",\"1\":\"an item failed\",\"2\":\"wrong usage\","
          "\"3\":\"no broker answered\",\"4\":\"not allowed\",\"130\":\"interrupted\"}}\n",
          to);
    return CLI_OK;
}

/* roff: backslashes and leading dots and quotes are special. */
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

static void print_man_options(const enum cli_option_id *ids, int count, FILE *to)
{
    for (int i = 0; i < count; i++) {
        const struct cli_option *option = cli_option_by_id(ids[i]);
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

static int print_man(FILE *to)
{
    fputs(".TH GREGOR 1\n.SH NAME\ngregor \\- Apache Kafka in one small binary\n.SH SYNOPSIS\n"
          ".B gregor\n[\\fIOPTION\\fR...] \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n.SH DESCRIPTION\n",
          to);
    print_roff(summary, to);
    fputs("\n.SH COMMANDS\n", to);
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        fputs(".SS ", to);
        print_synopsis(command, to);
        fputc('\n', to);
        print_roff(command->summary, to);
        fputs("\n.PP\n.nf\n", to);
        print_roff(command->examples, to);
        fputs(".fi\n", to);
        print_man_options(command->options, command->option_count, to);
    }
    fputs(".SH OPTIONS\n", to);
    print_man_options(cli_global_options, cli_global_option_count, to);
    fputs(".SH EXIT STATUS\n0 done, 1 an item failed, 2 wrong usage, 3 no broker answered, 4 not "
          "allowed, 130 interrupted\n",
          to);
    return CLI_OK;
}

int cli_help(struct cli *cli)
{
    if (cli_has(cli, OPTION_JSON)) return print_json(stdout);
    if (cli_has(cli, OPTION_MAN)) return print_man(stdout);
    if (cli->arguments.count == 0) return cli_help_all(stdout);
    const char *verb = cli->arguments.count > 1 ? cli->arguments.items[1] : NULL;
    int shown = 0;
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        if (strcmp(command->noun, cli->arguments.items[0]) != 0) continue;
        if (verb != NULL && (command->verb == NULL || strcmp(command->verb, verb) != 0)) continue;
        if (shown++ > 0) fputc('\n', stdout);
        cli_help_command(command, verb != NULL || command->verb == NULL, stdout);
    }
    if (shown == 0) return cli_fail(CLI_USAGE, "no command '%s'", cli->arguments.items[0]);
    return CLI_OK;
}

/* --- completions ------------------------------------------------------------------------------- */

static void print_words(const char *noun, const char *separator)
{
    const char *last = "";
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        if (noun == NULL && strcmp(command->noun, last) != 0) {
            printf("%s%s", command->noun, separator);
            last = command->noun;
        }
        if (noun != NULL && command->verb != NULL && strcmp(command->noun, noun) == 0)
            printf("%s%s", command->verb, separator);
    }
}

static void print_flags(const struct cli_command *command)
{
    for (int i = 0; i < command->option_count; i++)
        printf("--%s ", cli_option_by_id(command->options[i])->name);
    for (int i = 0; !command->server && i < cli_global_option_count; i++)
        printf("--%s ", cli_option_by_id(cli_global_options[i])->name);
}

static void complete_bash(void)
{
    printf("_gregor() {\n"
           "  local cur=${COMP_WORDS[COMP_CWORD]} noun=${COMP_WORDS[1]} verb=${COMP_WORDS[2]} words=\n"
           "  if ((COMP_CWORD == 1)); then words='");
    print_words(NULL, " ");
    printf("'\n  else case \"$noun $verb\" in\n");
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        printf("    \"%s %s\"*) words='", command->noun, command->verb != NULL ? command->verb : "");
        print_flags(command);
        printf("' ;;\n");
    }
    printf("  esac; fi\n"
           "  if ((COMP_CWORD == 2)); then case \"$noun\" in\n");
    const char *last = "";
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        if (command->verb == NULL || strcmp(command->noun, last) == 0) continue;
        last = command->noun;
        printf("    %s) words='", command->noun);
        print_words(command->noun, " ");
        printf("' ;;\n");
    }
    printf("  esac; fi\n"
           "  case \"$noun $verb\" in produce*|consume*|topic\\ [dg]*)\n"
           "    [[ $cur == -* ]] || ((COMP_CWORD == 2 && ${#verb} == 0)) && [[ $noun == topic ]] ||\n"
           "      words+=\" $(timeout 0.3 gregor topic list --output csv --no-headers 2>/dev/null |"
           " cut -d, -f1)\" ;;\n"
           "  esac\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n"
           "complete -o default -F _gregor gregor\n");
}

static void complete_zsh(void)
{
    printf("#compdef gregor\nautoload -U +X bashcompinit && bashcompinit\n");
    complete_bash();
}

static void complete_fish(void)
{
    printf("complete -c gregor -f\n");
    for (int i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        char seen[80];
        snprintf(seen, sizeof(seen), command->verb != NULL ? "__fish_seen_subcommand_from %s" : "",
                 command->noun);
        printf("complete -c gregor -n '__fish_use_subcommand' -a %s\n", command->noun);
        if (command->verb != NULL)
            printf("complete -c gregor -n '%s' -a %s -d '%s'\n", seen, command->verb,
                   command->summary);
        for (int j = 0; j < command->option_count; j++) {
            const struct cli_option *option = cli_option_by_id(command->options[j]);
            printf("complete -c gregor -n '__fish_seen_subcommand_from %s' -l %s -d '%s'\n",
                   command->verb != NULL ? command->verb : command->noun, option->name,
                   option->text);
        }
    }
}

int cli_completion(struct cli *cli)
{
    const char *shell = cli->arguments.items[0];
    if (strcmp(shell, "bash") == 0)
        complete_bash();
    else if (strcmp(shell, "zsh") == 0)
        complete_zsh();
    else if (strcmp(shell, "fish") == 0)
        complete_fish();
    else
        return cli_fail(CLI_USAGE, "no completion for '%s': bash, zsh or fish", shell);
    return CLI_OK;
}

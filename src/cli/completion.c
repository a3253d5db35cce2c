/* Completions for the shells, printed from the tables of options.c. Topics are asked of the broker
 * when they are completed, for at most 0.3 s; what is no letter of a topic's name is dropped, lest
 * the shell expand it. */
#include <string.h>

#include "cli/cli.h"

#define LIST_TOPICS                                                                 \
    "timeout 0.3 gregor topic list -o csv --no-headers 2>/dev/null | cut -d, -f1 |" \
    " tr -cd \"a-zA-Z0-9._\\n-\""

/* Is this the first command of its noun? */
static bool is_first(int index)
{
    return index == 0 || strcmp(cli_commands[index - 1].noun, cli_commands[index].noun) != 0;
}

static bool takes_topics(const struct cli_command *command)
{
    return strncmp(command->arguments, "TOPIC", strlen("TOPIC")) == 0;
}

static void print_nouns(void)
{
    for (int i = 0; i < cli_command_count; i++) {
        if (is_first(i)) printf("%s ", cli_commands[i].noun);
        if (cli_commands[i].alias != NULL) printf("%s ", cli_commands[i].alias);
    }
}

static void print_verbs(const char *noun)
{
    for (int i = 0; i < cli_command_count; i++) {
        if (strcmp(cli_commands[i].noun, noun) == 0) printf("%s ", cli_commands[i].verb);
    }
}

static void print_flags(const struct cli_command *command)
{
    const struct cli_option *options[CLI_OPTIONS_MAX];
    int count = cli_options_of(command, options);
    for (int i = 0; i < count; i++)
        printf("--%s ", options[i]->name);
}

/* One case of what may follow a command. */
static void print_bash_case(const struct cli_command *command)
{
    printf("    '%s %s'", command->noun, command->verb != NULL ? command->verb : "");
    if (command->verb == NULL) putchar('*');
    if (command->alias != NULL) printf("|'%s '*", command->alias);
    printf(")\n      if [[ $cur == -* ]]; then words='");
    print_flags(command);
    putchar('\'');
    if (takes_topics(command)) printf("\n      else words=$(" LIST_TOPICS ")");
    printf("; fi ;;\n");
}

static void complete_bash(void)
{
    printf(
        "_gregor() {\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} noun=${COMP_WORDS[1]} verb=${COMP_WORDS[2]} words=\n"
        "  if ((COMP_CWORD == 1)); then words='");
    print_nouns();
    printf("'\n  else case \"$noun $verb\" in\n");
    for (int i = 0; i < cli_command_count; i++)
        print_bash_case(&cli_commands[i]);
    printf("  esac; fi\n"
           "  if ((COMP_CWORD == 2)); then case $noun in\n");
    for (int i = 0; i < cli_command_count; i++) {
        if (cli_commands[i].verb == NULL || !is_first(i)) continue;
        printf("    %s) words='", cli_commands[i].noun);
        print_verbs(cli_commands[i].noun);
        printf("' ;;\n");
    }
    printf("  esac; fi\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n"
           "complete -o default -F _gregor gregor\n");
}

static void complete_zsh(void)
{
    printf("#compdef gregor\nautoload -U +X bashcompinit && bashcompinit\n");
    complete_bash();
}

/* Inside single quotes fish knows \' and \\ alone. */
static void print_fish_text(const char *text)
{
    putchar('\'');
    for (; *text != 0; text++) {
        if (*text == '\'' || *text == '\\') putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void print_fish_command(const struct cli_command *command, bool first)
{
    if (first || command->verb == NULL)
        printf("complete -c gregor -n __fish_use_subcommand -a %s -d ", command->noun);
    if (first && command->verb != NULL) printf("'%s ...'\n", command->noun);
    if (command->verb == NULL) {
        print_fish_text(command->summary);
        putchar('\n');
    } else {
        printf("complete -c gregor -n '__fish_seen_subcommand_from %s' -a %s -d ", command->noun,
               command->verb);
        print_fish_text(command->summary);
        putchar('\n');
    }
    const char *word = command->verb != NULL ? command->verb : command->noun;
    if (takes_topics(command))
        printf("complete -c gregor -n '__fish_seen_subcommand_from %s' -a '(" LIST_TOPICS ")'\n",
               word);
    const struct cli_option *options[CLI_OPTIONS_MAX];
    int count = cli_options_of(command, options);
    for (int i = 0; i < count; i++) {
        printf("complete -c gregor -n '__fish_seen_subcommand_from %s' -l %s -d ", word,
               options[i]->name);
        print_fish_text(options[i]->text);
        putchar('\n');
    }
}

static void complete_fish(void)
{
    printf("complete -c gregor -f\n");
    for (int i = 0; i < cli_command_count; i++)
        print_fish_command(&cli_commands[i], is_first(i));
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

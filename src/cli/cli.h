/*
 * cli: the command line: `gregor [GLOBAL] NOUN VERB [ARGUMENTS] [OPTIONS]`. One table of commands
 * and one of options (options.c); parsing, help, the man page and the completions all come from
 * them and cannot drift.
 *
 * What it never does: know how a broker works. It is a client made of wire/ and os/; the server's
 * commands only build settings and call broker/.
 *
 * Standard output is data, standard error is everything else. Exit codes are enum cli_exit.
 */
#ifndef GREGOR_CLI_CLI_H
#define GREGOR_CLI_CLI_H

#include <stdio.h>

#include "base/arena.h"
#include "base/slice.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* an item failed */
    CLI_USAGE = 2,       /* a wrong command line, or --yes was needed */
    CLI_UNREACHABLE = 3, /* no broker, or no answer in time */
    CLI_DENIED = 4,      /* authentication or authorization */
};

enum cli_option_id {
    OPTION_NONE, /* ends lists */
    OPTION_BROKERS,
    OPTION_OUTPUT,
    OPTION_NO_HEADERS,
    OPTION_COLOR,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_TIMEOUT,
    OPTION_YES,
    OPTION_HELP,
    OPTION_PARTITIONS,
    OPTION_REPLICAS,
    OPTION_CONFIG,
    OPTION_DRY_RUN,
    OPTION_IF_NOT_EXISTS,
    OPTION_PARTITION,
    OPTION_KEY,
    OPTION_HEADER,
    OPTION_FORMAT,
    OPTION_COMPRESSION,
    OPTION_ACKS,
    OPTION_OFFSET,
    OPTION_COUNT,
    OPTION_FOLLOW,
    OPTION_OVERRIDE,
    OPTION_PORT,
    OPTION_DATA,
    OPTION_CONFIG_FILE,
    OPTION_CLUSTER_ID,
    OPTION_STANDALONE,
    OPTION_INITIAL_CONTROLLERS,
    OPTION_NO_INITIAL_CONTROLLERS,
    OPTION_IGNORE_FORMATTED,
    OPTION_FEATURE,
    OPTION_RELEASE_VERSION,
    OPTION_RECORDS,
    OPTION_ALL,
    OPTION_ENV,
    OPTION_TO,
    OPTION_REGEX,
    OPTION_WAIT,
    OPTION_SIZE,
    OPTION_RATE,
    OPTION_DURATION,
    OPTION_BATCH,
    OPTION_WATCH,
    OPTION_GROUP,
    OPTION_UNTIL_END,
    OPTION_SEEK_TO,
    OPTION_JSON,
    OPTION_MAN,
    OPTION_IDS, /* how many there are */
};

struct cli_option {
    char letter; /* 0: none */
    bool repeats;
    const char *name;     /* without the dashes */
    const char *argument; /* NULL: a flag */
    const char *text;
};

enum {
    CLI_ARGUMENTS_MAX = 1000,
    CLI_COMMAND_OPTIONS_MAX = 16, /* the one that ends the list included */
    CLI_OPTIONS_MAX = 32,
};

struct cli;

struct cli_command {
    const char *noun;      /* "topic", or a verb of its own: "serve" */
    const char *verb;      /* NULL: none */
    const char *alias;     /* one word that means both; NULL: none */
    const char *arguments; /* as the synopsis shows them; "" */
    const char *summary;
    const char *examples;                                /* a command line each */
    enum cli_option_id options[CLI_COMMAND_OPTIONS_MAX]; /* besides the global ones */
    int arguments_min, arguments_max;
    int (*run)(struct cli *cli);
    bool local; /* talks to no broker: takes few of the global options */
};

struct cli_values {
    const char *items[CLI_ARGUMENTS_MAX];
    int count;
};

/* One parsed command line. */
struct cli {
    const struct cli_command *command;
    const char *option[OPTION_IDS]; /* the last value given; flags: "" */
    struct cli_values repeated[OPTION_IDS];
    struct cli_values arguments;
    struct arena arena;
    bool color;
};

/* The whole program but for main(): parses, runs, returns the exit code. */
int cli_main(int argc, char **argv);

/* The command that the words begin with; *used: how many of them name it. NULL: none. */
const struct cli_command *cli_find_command(int argc, char **argv, int *used);
/* Fills `cli`, whose command is set, from what follows the command's words; argv[0] is skipped.
 * CLI_OK, or CLI_USAGE after a line on standard error. */
MUST_USE int cli_parse(struct cli *cli, int argc, char **argv);

extern const struct cli_command cli_commands[];
extern const int cli_command_count;
const struct cli_option *cli_option_by_id(enum cli_option_id id);
enum cli_option_id cli_option_id(const struct cli_option *option);

/* The options of a command, its own first: their letters win over those of global ones, which then
 * have their long form only. Returns how many. */
int cli_options_of(const struct cli_command *command,
                   const struct cli_option *options[CLI_OPTIONS_MAX]);
/* The same, as help shows them: without the global ones. */
int cli_own_options_of(const struct cli_command *command,
                       const struct cli_option *options[CLI_OPTIONS_MAX]);
/* Those that every command takes that talks to a broker. */
int cli_global_options(const struct cli_option *options[CLI_OPTIONS_MAX]);
/* Has an option of the command's own taken the letter of this global one? */
bool cli_letter_is_taken(const struct cli_command *command, const struct cli_option *global);

/* Prints "gregor: …" and a newline to standard error; returns `code`. */
int cli_fail(enum cli_exit code, const char *format, ...) PRINTF_LIKE(2, 3);

bool cli_has(const struct cli *cli, enum cli_option_id id);
/* A number given as an option; `otherwise` if absent. CLI_USAGE and a line on standard error when
 * it is none or out of range. */
MUST_USE int cli_number(const struct cli *cli, enum cli_option_id id, int64_t min, int64_t max,
                        int64_t otherwise, int64_t *value);
/* "5s", "2m", "300ms", "1h", "7d" to milliseconds. -EINVAL: no such text. */
MUST_USE int cli_parse_duration(struct slice text, int64_t *milliseconds);
/* "512", "64KiB", "1MB" to bytes. -EINVAL: no such text. */
MUST_USE int cli_parse_size(struct slice text, int64_t *bytes);
/* Splits "key=value". -EINVAL: no '='. */
MUST_USE int cli_parse_pair(const char *text, struct slice *key, struct slice *value);

/* Writes out what was printed. False: it can go nowhere (the reader left, the disk is full), so
 * that there is no point in printing more; cli_main tells the one from the other at the end. */
MUST_USE bool cli_flush(void);

/* Asks on the terminal. Without one --yes is needed: false, and a line says so. */
bool cli_confirm(const struct cli *cli, const char *question);

/* Help, the man page, completions. */
int cli_help_command(const struct cli_command *command, bool full, FILE *to);
int cli_help_all(FILE *to);
/* Is `word` the command's noun? The plural is, too. */
bool cli_noun_matches(const struct cli_command *command, const char *word);
int cli_help(struct cli *cli);
int cli_completion(struct cli *cli);

/* The commands. */
int cli_serve(struct cli *cli);
int cli_dev(struct cli *cli);
int cli_storage_format(struct cli *cli);
int cli_storage_info(struct cli *cli);
int cli_storage_random_uuid(struct cli *cli);
int cli_config_check(struct cli *cli);
int cli_config_get(struct cli *cli);
int cli_config_set(struct cli *cli);
int cli_config_unset(struct cli *cli);
int cli_topic_list(struct cli *cli);
int cli_topic_find(struct cli *cli);
int cli_topic_create(struct cli *cli);
int cli_topic_describe(struct cli *cli);
int cli_topic_delete(struct cli *cli);
int cli_topic_grow(struct cli *cli);
int cli_topic_alter(struct cli *cli);
int cli_topic_trim(struct cli *cli);
int cli_produce(struct cli *cli);
int cli_consume(struct cli *cli);
int cli_bench_produce(struct cli *cli);
int cli_bench_consume(struct cli *cli);
int cli_bench_e2e(struct cli *cli);
int cli_broker_list(struct cli *cli);
int cli_broker_describe(struct cli *cli);
int cli_cluster_info(struct cli *cli);
int cli_cluster_health(struct cli *cli);
int cli_quota_list(struct cli *cli);
int cli_quota_set(struct cli *cli);
int cli_group_list(struct cli *cli);
int cli_group_describe(struct cli *cli);
int cli_group_members(struct cli *cli);
int cli_group_seek(struct cli *cli);
int cli_group_delete(struct cli *cli);
int cli_lag(struct cli *cli);
int cli_log_dump(struct cli *cli);
int cli_log_verify(struct cli *cli);
int cli_api_versions(struct cli *cli);
int cli_version(struct cli *cli);

#endif

/* The tables: every option and every command, in the order that help shows them. */
#include "cli/cli.h"

static const struct cli_option option_table[OPTION_IDS] = {
    [OPTION_BROKERS] = {.letter = 'b',
                        .name = "brokers",
                        .argument = "HOST:PORT[,...]",
                        .text = "where to connect (GREGOR_BROKERS, else 127.0.0.1:9092)"},
    [OPTION_OUTPUT] = {.letter = 'o',
                       .name = "output",
                       .argument = "FORMAT",
                       .text = "table, json, jsonl or csv"},
    [OPTION_NO_HEADERS] = {.name = "no-headers", .text = "tables and CSV without headings"},
    [OPTION_COLOR] = {.name = "color", .argument = "WHEN", .text = "auto, always or never"},
    [OPTION_QUIET] = {.letter = 'q', .name = "quiet", .text = "only data and errors"},
    [OPTION_VERBOSE] = {.letter = 'v', .name = "verbose", .text = "say more"},
    [OPTION_TIMEOUT] = {.name = "timeout", .argument = "DURATION", .text = "for an answer (10s)"},
    [OPTION_YES] = {.letter = 'y', .name = "yes", .text = "do not ask"},
    [OPTION_HELP] = {.letter = 'h', .name = "help", .text = "how to use a command"},
    [OPTION_PARTITIONS] = {.letter = 'p',
                           .name = "partitions",
                           .argument = "N",
                           .text = "how many in all (a new topic: num.partitions)"},
    [OPTION_REPLICAS] = {.letter = 'r',
                         .name = "replicas",
                         .argument = "N",
                         .text = "of each partition (the broker's default.replication.factor)"},
    [OPTION_CONFIG] = {.letter = 'c',
                       .name = "config",
                       .argument = "KEY=VALUE",
                       .text = "a setting of the topic",
                       .repeats = true},
    [OPTION_DRY_RUN] = {.name = "dry-run", .text = "check, change nothing"},
    [OPTION_IF_NOT_EXISTS] = {.name = "if-not-exists",
                              .text = "a topic that is there already is no failure"},
    [OPTION_PARTITION] = {.letter = 'p',
                          .name = "partition",
                          .argument = "N",
                          .text = "this partition only"},
    [OPTION_KEY] = {.letter = 'k', .name = "key", .argument = "KEY", .text = "of every record"},
    [OPTION_HEADER] = {.letter = 'H',
                       .name = "header",
                       .argument = "KEY=VALUE",
                       .text = "on every record",
                       .repeats = true},
    [OPTION_FORMAT] = {.letter = 'f',
                       .name = "format",
                       .argument = "FORMAT",
                       .text = "of a record: a text with %k, %v … in it, or json; see gregor(1)"},
    [OPTION_COMPRESSION] = {.letter = 'z',
                            .name = "compression",
                            .argument = "CODEC",
                            .text = "none, gzip, snappy, lz4 or zstd (none)"},
    [OPTION_ACKS] = {.name = "acks", .argument = "N", .text = "0, 1 or all (all)"},
    [OPTION_OFFSET] = {.letter = 'o',
                       .name = "offset",
                       .argument = "OFFSET",
                       .text = "where to begin, or FROM:TO; see gregor(1) (start)"},
    [OPTION_COUNT] = {.letter = 'n',
                      .name = "count",
                      .argument = "N",
                      .text = "stop after N records"},
    [OPTION_FOLLOW] = {.letter = 'F', .name = "follow", .text = "wait for more at the end"},
    [OPTION_OVERRIDE] = {.name = "override",
                         .argument = "KEY=VALUE",
                         .text = "a setting above those of the file",
                         .repeats = true},
    [OPTION_PORT] = {.name = "port",
                     .argument = "PORT",
                     .text = "where to listen; 0 takes a free one (9092)"},
    [OPTION_DATA] = {.name = "data",
                     .argument = "FOLDER",
                     .text = "keep the data here (a folder that goes away at the end)"},
    [OPTION_CONFIG_FILE] = {.letter = 'c',
                            .name = "config",
                            .argument = "FILE",
                            .text = "a server.properties"},
    [OPTION_CLUSTER_ID] = {.letter = 't',
                           .name = "cluster-id",
                           .argument = "UUID",
                           .text = "the cluster's id; the same on all its nodes"},
    [OPTION_STANDALONE] = {.letter = 's',
                           .name = "standalone",
                           .text = "this node alone is the quorum"},
    [OPTION_INITIAL_CONTROLLERS] = {.letter = 'I',
                                    .name = "initial-controllers",
                                    .argument = "ID@HOST:PORT:UUID[,...]",
                                    .text = "the first voters of the quorum"},
    [OPTION_NO_INITIAL_CONTROLLERS] = {.letter = 'N',
                                       .name = "no-initial-controllers",
                                       .text = "join a quorum later"},
    [OPTION_IGNORE_FORMATTED] = {.letter = 'g',
                                 .name = "ignore-formatted",
                                 .text = "a folder that is formatted already is no failure"},
    [OPTION_FEATURE] = {.letter = 'f',
                        .name = "feature",
                        .argument = "NAME=LEVEL",
                        .text = "the level of a feature",
                        .repeats = true},
    [OPTION_RELEASE_VERSION] = {.letter = 'r',
                                .name = "release-version",
                                .argument = "VERSION",
                                .text = "the features of this release of Kafka's, as in 4.3"},
    [OPTION_RECORDS] = {.letter = 'r', .name = "records", .text = "the records of each batch, too"},
    [OPTION_ALL] = {.letter = 'a', .name = "all", .text = "those that have their defaults, too"},
    [OPTION_ENV] = {.name = "env",
                    .text = "take KAFKA_* variables, as Apache Kafka's container image does"},
    [OPTION_TO] = {.name = "to", .argument = "OFFSET|end", .text = "what is before it goes"},
    [OPTION_JSON] = {.name = "json", .text = "all commands and options as JSON"},
    [OPTION_MAN] = {.name = "man", .text = "gregor(1), in roff"},
};

static const enum cli_option_id global_ids[] = {
    OPTION_BROKERS, OPTION_OUTPUT,  OPTION_NO_HEADERS, OPTION_COLOR, OPTION_QUIET,
    OPTION_VERBOSE, OPTION_TIMEOUT, OPTION_YES,        OPTION_HELP,
};

const struct cli_command cli_commands[] = {
    {.noun = "serve",
     .arguments = "[FILE]",
     .summary = "run a node; FILE is a server.properties of Kafka's",
     .examples = "gregor serve\n"
                 "gregor serve /etc/kafka/server.properties --override log.dirs=/var/lib/gregor\n",
     .options = {OPTION_OVERRIDE, OPTION_ENV},
     .arguments_max = 1,
     .run = cli_serve,
     .local = true},
    {.noun = "dev",
     .arguments = "",
     .summary = "run a broker to try things on; its data goes away with it",
     .examples = "gregor dev\n"
                 "gregor dev --port 0 --data ./kept\n",
     .options = {OPTION_PORT, OPTION_DATA, OPTION_OVERRIDE},
     .run = cli_dev,
     .local = true},
    {.noun = "storage",
     .verb = "format",
     .alias = "format",
     .arguments = "",
     .summary = "prepare a node's data folder, as kafka-storage format does",
     .examples =
         "gregor format -c server.properties --standalone -t $(gregor storage random-uuid)\n",
     .options = {OPTION_CONFIG_FILE, OPTION_CLUSTER_ID, OPTION_STANDALONE,
                 OPTION_INITIAL_CONTROLLERS, OPTION_NO_INITIAL_CONTROLLERS, OPTION_IGNORE_FORMATTED,
                 OPTION_FEATURE, OPTION_RELEASE_VERSION},
     .run = cli_storage_format,
     .local = true},
    {.noun = "storage",
     .verb = "info",
     .arguments = "",
     .summary = "whose a data folder is",
     .examples = "gregor storage info -c server.properties\n",
     .options = {OPTION_CONFIG_FILE},
     .run = cli_storage_info,
     .local = true},
    {.noun = "storage",
     .verb = "random-uuid",
     .arguments = "",
     .summary = "a new id, for a cluster or a directory",
     .examples = "gregor storage random-uuid\n",
     .run = cli_storage_random_uuid,
     .local = true},
    {.noun = "config",
     .verb = "check",
     .arguments = "FILE",
     .summary = "what each line of a server.properties means here",
     .examples = "gregor config check /etc/kafka/server.properties\n",
     .options = {OPTION_OVERRIDE, OPTION_OUTPUT, OPTION_NO_HEADERS},
     .arguments_min = 1,
     .arguments_max = 1,
     .run = cli_config_check,
     .local = true},
    {.noun = "config",
     .verb = "get",
     .arguments = "ENTITY [KEY...]",
     .summary = "settings: of topic/NAME, broker/ID, broker (all), group/NAME, client-metrics/NAME",
     .examples = "gregor config get topic/orders\n"
                 "gregor config get broker/1 log.retention.ms -o json\n",
     .options = {OPTION_ALL},
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_config_get},
    {.noun = "config",
     .verb = "set",
     .arguments = "ENTITY KEY=VALUE...",
     .summary = "change settings while the brokers run",
     .examples = "gregor config set topic/orders retention.ms=86400000\n"
                 "gregor config set broker log.cleaner.threads=2 --dry-run\n",
     .options = {OPTION_DRY_RUN},
     .arguments_min = 2,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_config_set},
    {.noun = "config",
     .verb = "unset",
     .arguments = "ENTITY KEY...",
     .summary = "back to what holds without them",
     .examples = "gregor config unset topic/orders retention.ms\n",
     .options = {OPTION_DRY_RUN},
     .arguments_min = 2,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_config_unset},
    {.noun = "topic",
     .verb = "list",
     .arguments = "",
     .summary = "the topics",
     .examples = "gregor topics\n"
                 "gregor topics -o json\n",
     .run = cli_topic_list},
    {.noun = "topic",
     .verb = "create",
     .arguments = "TOPIC...",
     .summary = "make topics",
     .examples = "gregor topic create orders -p 3 -c retention.ms=86400000\n",
     .options = {OPTION_PARTITIONS, OPTION_REPLICAS, OPTION_CONFIG, OPTION_DRY_RUN,
                 OPTION_IF_NOT_EXISTS},
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_topic_create},
    {.noun = "topic",
     .verb = "describe",
     .arguments = "TOPIC...",
     .summary = "settings, partitions and their leaders",
     .examples = "gregor topic describe orders\n",
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_topic_describe},
    {.noun = "topic",
     .verb = "delete",
     .arguments = "TOPIC...",
     .summary = "delete topics and their records",
     .examples = "gregor topic delete orders --yes\n",
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_topic_delete},
    {.noun = "topic",
     .verb = "grow",
     .arguments = "TOPIC...",
     .summary = "give topics more partitions",
     .examples = "gregor topic grow orders -p 12\n",
     .options = {OPTION_PARTITIONS, OPTION_DRY_RUN},
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_topic_grow},
    {.noun = "topic",
     .verb = "alter",
     .arguments = "TOPIC KEY=VALUE...",
     .summary = "change settings of a topic",
     .examples = "gregor topic alter orders retention.ms=86400000\n",
     .options = {OPTION_DRY_RUN},
     .arguments_min = 2,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_topic_alter},
    {.noun = "topic",
     .verb = "trim",
     .arguments = "TOPIC[:PARTITION]...",
     .summary = "delete the oldest records",
     .examples = "gregor topic trim orders --to end --dry-run\n"
                 "gregor topic trim orders:2 --to 5000 --yes\n",
     .options = {OPTION_TO, OPTION_DRY_RUN},
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_topic_trim},
    {.noun = "produce",
     .arguments = "TOPIC [FILE...]",
     .summary = "records from files or standard input, one a line unless -f says otherwise",
     .examples = "seq 1 3 | gregor produce orders\n"
                 "gregor produce orders -f '%k\\t%v\\n' -H source=import -z zstd orders.tsv\n",
     .options = {OPTION_FORMAT, OPTION_KEY, OPTION_HEADER, OPTION_PARTITION, OPTION_COMPRESSION,
                 OPTION_ACKS},
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_produce},
    {.noun = "consume",
     .arguments = "TOPIC...",
     .summary = "records to standard output, up to what is the end now",
     .examples = "gregor consume orders -o -10\n"
                 "gregor consume orders -o @-1h -f '%d{rfc3339} %t[%p]@%o %k=%v\\n' -n 2\n"
                 "gregor consume orders -o end --follow -f json | jq .value\n",
     .options = {OPTION_OFFSET, OPTION_FORMAT, OPTION_COUNT, OPTION_FOLLOW, OPTION_PARTITION},
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_consume},
    {.noun = "quota",
     .verb = "list",
     .arguments = "",
     .summary = "what users, clients and addresses may use",
     .examples = "gregor quotas\n",
     .run = cli_quota_list},
    {.noun = "quota",
     .verb = "set",
     .arguments = "user=|client-id=|ip=NAME... KEY=VALUE...",
     .summary = "limit them; a name of * is for all others, a value of none takes the limit away",
     .examples = "gregor quota set client-id=import producer_byte_rate=1048576\n"
                 "gregor quota set user=* request_percentage=none\n",
     .options = {OPTION_DRY_RUN},
     .arguments_min = 2,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_quota_set},
    {.noun = "log",
     .verb = "dump",
     .arguments = "FILE|FOLDER...",
     .summary = "what the files of a data folder hold, and whether they are sound",
     .examples = "gregor log dump /var/lib/gregor/orders-0/00000000000000000000.log --records\n"
                 "gregor log dump /var/lib/gregor/__cluster_metadata-0 -r\n",
     .options = {OPTION_RECORDS},
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .run = cli_log_dump,
     .local = true},
    {.noun = "api",
     .verb = "versions",
     .arguments = "",
     .summary = "what a broker speaks, and what gregor speaks of it",
     .examples = "gregor api versions\n",
     .run = cli_api_versions},
    {.noun = "completion",
     .arguments = "bash|zsh|fish",
     .summary = "a completion script for the shell",
     .examples = "source <(gregor completion bash)\n",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = cli_completion,
     .local = true},
    {.noun = "help",
     .arguments = "[COMMAND...]",
     .summary = "how to use a command",
     .examples = "gregor help topic create\n"
                 "gregor help --man | man -l -\n",
     .options = {OPTION_JSON, OPTION_MAN},
     .arguments_max = 2,
     .run = cli_help,
     .local = true},
    {.noun = "version",
     .arguments = "",
     .summary = "which gregor this is",
     .examples = "gregor version\n",
     .run = cli_version,
     .local = true},
};
const int cli_command_count = ARRAY_COUNT(cli_commands);

const struct cli_option *cli_option_by_id(enum cli_option_id id)
{
    ASSERT(id > OPTION_NONE);
    ASSERT(id < OPTION_IDS);
    ASSERT(option_table[id].name != NULL);
    return &option_table[id];
}

enum cli_option_id cli_option_id(const struct cli_option *option)
{
    ASSERT(option > option_table);
    ASSERT(option < option_table + OPTION_IDS);
    return (enum cli_option_id)(option - option_table);
}

int cli_own_options_of(const struct cli_command *command,
                       const struct cli_option *options[CLI_OPTIONS_MAX])
{
    int count = 0;
    while (command->options[count] != OPTION_NONE) {
        options[count] = cli_option_by_id(command->options[count]);
        count++;
        ASSERT(count < CLI_COMMAND_OPTIONS_MAX);
    }
    return count;
}

int cli_global_options(const struct cli_option *options[CLI_OPTIONS_MAX])
{
    int count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(global_ids); i++)
        options[count++] = cli_option_by_id(global_ids[i]);
    return count;
}

static bool fits_local(enum cli_option_id id)
{
    return id == OPTION_HELP || id == OPTION_QUIET || id == OPTION_VERBOSE || id == OPTION_COLOR;
}

int cli_options_of(const struct cli_command *command,
                   const struct cli_option *options[CLI_OPTIONS_MAX])
{
    static_assert(CLI_COMMAND_OPTIONS_MAX + ARRAY_COUNT(global_ids) <= CLI_OPTIONS_MAX,
                  "room for all");
    int count = cli_own_options_of(command, options);
    for (size_t i = 0; i < ARRAY_COUNT(global_ids); i++) {
        if (!command->local || fits_local(global_ids[i]))
            options[count++] = cli_option_by_id(global_ids[i]);
    }
    return count;
}

bool cli_letter_is_taken(const struct cli_command *command, const struct cli_option *global)
{
    const struct cli_option *own[CLI_OPTIONS_MAX];
    int count = cli_own_options_of(command, own);
    for (int i = 0; i < count; i++) {
        if (global->letter != 0 && own[i]->letter == global->letter) return true;
    }
    return false;
}

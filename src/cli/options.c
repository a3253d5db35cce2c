/* The tables: every option and every command, in the order that help shows them. */
#include "cli/cli.h"

static const struct cli_option options[OPTION_IDS] = {
    [OPTION_BROKERS] = {OPTION_BROKERS, 'b', "brokers", "HOST:PORT[,...]",
                        "where to connect (GREGOR_BROKERS; 127.0.0.1:9092)", false},
    [OPTION_OUTPUT] = {OPTION_OUTPUT, 'o', "output", "FORMAT", "table, json, jsonl or csv", false},
    [OPTION_NO_HEADERS] = {OPTION_NO_HEADERS, 0, "no-headers", NULL, "tables without headings", false},
    [OPTION_COLOR] = {OPTION_COLOR, 0, "color", "WHEN", "auto, always or never", false},
    [OPTION_QUIET] = {OPTION_QUIET, 'q', "quiet", NULL, "only data and errors", false},
    [OPTION_VERBOSE] = {OPTION_VERBOSE, 'v', "verbose", NULL, "say more", false},
    [OPTION_TIMEOUT] = {OPTION_TIMEOUT, 0, "timeout", "DURATION", "for an answer (10s)", false},
    [OPTION_YES] = {OPTION_YES, 'y', "yes", NULL, "do not ask", false},
    [OPTION_HELP] = {OPTION_HELP, 'h', "help", NULL, "this", false},
    [OPTION_PARTITIONS] = {OPTION_PARTITIONS, 'p', "partitions", "N",
                           "how many (the broker's num.partitions)", false},
    [OPTION_REPLICAS] = {OPTION_REPLICAS, 'r', "replicas", "N",
                         "copies of each partition (the broker's default.replication.factor)", false},
    [OPTION_CONFIG] = {OPTION_CONFIG, 'c', "config", "KEY=VALUE", "a topic setting", true},
    [OPTION_DRY_RUN] = {OPTION_DRY_RUN, 0, "dry-run", NULL, "check, change nothing", false},
    [OPTION_IF_NOT_EXISTS] = {OPTION_IF_NOT_EXISTS, 0, "if-not-exists", NULL,
                              "a topic that is there already is no failure", false},
    [OPTION_PARTITION] = {OPTION_PARTITION, 'p', "partition", "N", "this partition only", false},
    [OPTION_KEY] = {OPTION_KEY, 'k', "key", "KEY", "of every record", false},
    [OPTION_HEADER] = {OPTION_HEADER, 'H', "header", "KEY=VALUE", "on every record", true},
    [OPTION_FORMAT] = {OPTION_FORMAT, 'f', "format", "FORMAT",
                       "a record as text: %k %v %t %p %o %d %h, or json", false},
    [OPTION_COMPRESSION] = {OPTION_COMPRESSION, 'z', "compression", "CODEC",
                            "none, gzip, snappy, lz4 or zstd", false},
    [OPTION_ACKS] = {OPTION_ACKS, 0, "acks", "N", "0, 1 or all (all)", false},
    [OPTION_OFFSET] = {OPTION_OFFSET, 'o', "offset", "OFFSET",
                       "start, end, N, +N (after the start), -N (before the end), @-1h, @TIME", false},
    [OPTION_COUNT] = {OPTION_COUNT, 'n', "count", "N", "stop after N records", false},
    [OPTION_UNTIL_END] = {OPTION_UNTIL_END, 'e', "until-end", NULL,
                          "stop at what is the end now", false},
    [OPTION_OVERRIDE] = {OPTION_OVERRIDE, 0, "override", "KEY=VALUE",
                         "a setting above those of the file", true},
    [OPTION_PORT] = {OPTION_PORT, 0, "port", "PORT", "of the broker (9092)", false},
    [OPTION_DATA] = {OPTION_DATA, 0, "data", "FOLDER", "where the data lives", false},
    [OPTION_EPHEMERAL] = {OPTION_EPHEMERAL, 0, "ephemeral", NULL, "drop the data at the end", false},
    [OPTION_CONFIG_FILE] = {OPTION_CONFIG_FILE, 'c', "config", "FILE", "a server.properties", false},
    [OPTION_CLUSTER_ID] = {OPTION_CLUSTER_ID, 't', "cluster-id", "UUID", "the cluster's id", false},
    [OPTION_STANDALONE] = {OPTION_STANDALONE, 's', "standalone", NULL,
                           "this node is the whole quorum", false},
    [OPTION_INITIAL_CONTROLLERS] = {OPTION_INITIAL_CONTROLLERS, 'I', "initial-controllers",
                                    "ID@HOST:PORT:UUID[,...]", "the quorum's first voters", false},
    [OPTION_NO_INITIAL_CONTROLLERS] = {OPTION_NO_INITIAL_CONTROLLERS, 'N',
                                       "no-initial-controllers", NULL, "join a quorum later", false},
    [OPTION_IGNORE_FORMATTED] = {OPTION_IGNORE_FORMATTED, 'g', "ignore-formatted", NULL,
                                 "a folder that is formatted already is no failure", false},
    [OPTION_FEATURE] = {OPTION_FEATURE, 'f', "feature", "NAME=LEVEL", "a feature's level", true},
    [OPTION_RELEASE_VERSION] = {OPTION_RELEASE_VERSION, 'r', "release-version", "VERSION",
                                "the features of this release", false},
    [OPTION_RECORDS] = {OPTION_RECORDS, 'r', "records", NULL, "the records of each batch, too", false},
    [OPTION_JSON] = {OPTION_JSON, 0, "json", NULL, "the whole tree of commands as JSON", false},
    [OPTION_MAN] = {OPTION_MAN, 0, "man", NULL, "the man page, in roff", false},
};

const enum cli_option_id cli_global_options[] = {
    OPTION_BROKERS, OPTION_OUTPUT,  OPTION_NO_HEADERS, OPTION_COLOR, OPTION_QUIET,
    OPTION_VERBOSE, OPTION_TIMEOUT, OPTION_YES,        OPTION_HELP,
};
const int cli_global_option_count = ARRAY_COUNT(cli_global_options);

const struct cli_command cli_commands[] = {
    {"serve", NULL, "[FILE]", "run a broker; FILE is a server.properties of Kafka's",
     "gregor serve\n"
     "gregor serve /etc/kafka/server.properties --override log.dirs=/var/lib/gregor\n",
     {OPTION_OVERRIDE}, 1, 0, 1, cli_serve, true},
    {"dev", NULL, "", "run a broker to try things on; says where",
     "gregor dev\n"
     "gregor dev --port 19092 --ephemeral\n",
     {OPTION_PORT, OPTION_DATA, OPTION_EPHEMERAL, OPTION_OVERRIDE}, 4, 0, 0, cli_dev, true},
    {"format", NULL, "", "prepare the data folders, as kafka-storage format does",
     "gregor format --cluster-id 5L6g3nShT-eMCtK--X86sw --standalone --config server.properties\n",
     {OPTION_CONFIG_FILE, OPTION_CLUSTER_ID, OPTION_STANDALONE, OPTION_INITIAL_CONTROLLERS,
      OPTION_NO_INITIAL_CONTROLLERS, OPTION_IGNORE_FORMATTED, OPTION_FEATURE,
      OPTION_RELEASE_VERSION},
     8, 0, 0, cli_format, true},
    {"config", "check", "FILE", "what each line of a server.properties means here",
     "gregor config check /etc/kafka/server.properties\n", {0}, 0, 1, 1, cli_config_check, true},
    {"topic", "list", "", "the topics", "gregor topic list\ngregor topics -o json\n", {0}, 0, 0, 0,
     cli_topic_list, false},
    {"topic", "create", "TOPIC...", "make topics",
     "gregor topic create orders -p 3 -c retention.ms=86400000\n",
     {OPTION_PARTITIONS, OPTION_REPLICAS, OPTION_CONFIG, OPTION_DRY_RUN, OPTION_IF_NOT_EXISTS}, 5, 1,
     CLI_ARGUMENTS_MAX, cli_topic_create, false},
    {"topic", "describe", "TOPIC...", "settings, partitions and their leaders",
     "gregor topic describe orders\n", {0}, 0, 1, CLI_ARGUMENTS_MAX, cli_topic_describe, false},
    {"topic", "delete", "TOPIC...", "delete topics and their records",
     "gregor topic delete orders --yes\n", {0}, 0, 1, CLI_ARGUMENTS_MAX, cli_topic_delete, false},
    {"topic", "grow", "TOPIC...", "give topics more partitions",
     "gregor topic grow orders -p 12\n", {OPTION_PARTITIONS, OPTION_DRY_RUN}, 2, 1,
     CLI_ARGUMENTS_MAX, cli_topic_grow, false},
    {"produce", NULL, "TOPIC", "records from standard input, a line each unless -f says otherwise",
     "seq 1 3 | gregor produce orders\n"
     "gregor produce orders -f '%k\\t%v\\n' -z zstd < orders.tsv\n",
     {OPTION_FORMAT, OPTION_KEY, OPTION_HEADER, OPTION_PARTITION, OPTION_COMPRESSION, OPTION_ACKS}, 6,
     1, 1, cli_produce, false},
    {"consume", NULL, "TOPIC...", "records to standard output",
     "gregor consume orders -o start --until-end\n"
     "gregor consume orders -o @-1h -f '%d{rfc3339} %t[%p]@%o %k=%v\\n' -n 2\n",
     {OPTION_OFFSET, OPTION_FORMAT, OPTION_COUNT, OPTION_UNTIL_END, OPTION_PARTITION}, 5, 1,
     CLI_ARGUMENTS_MAX, cli_consume, false},
    {"log", "dump", "FILE...", "what a .log, .index, .timeindex or .snapshot file holds",
     "gregor log dump /var/lib/gregor/orders-0/00000000000000000000.log --records\n",
     {OPTION_RECORDS}, 1, 1, CLI_ARGUMENTS_MAX, cli_log_dump, true},
    {"api", "versions", "", "what the broker speaks", "gregor api versions\n", {0}, 0, 0, 0,
     cli_api_versions, false},
    {"completion", NULL, "bash|zsh|fish", "a completion script for the shell",
     "source <(gregor completion bash)\n", {0}, 0, 1, 1, cli_completion, true},
    {"help", NULL, "[COMMAND...]", "how to use a command", "gregor help topic create\n",
     {OPTION_JSON, OPTION_MAN}, 2, 0, 2, cli_help, true},
    {"version", NULL, "", "which gregor this is", "gregor version\n", {0}, 0, 0, 0, cli_version, true},
};
const int cli_command_count = ARRAY_COUNT(cli_commands);

const struct cli_option *cli_option_by_id(enum cli_option_id id)
{
    ASSERT(id < OPTION_IDS);
    ASSERT(options[id].id == id);
    return &options[id];
}

/* topic list, find. */
#include <fnmatch.h>
#include <regex.h>

#include "cli/cluster.h"
#include "cli/output.h"

static struct slice topic_state(struct arena *arena, const struct cluster_topic *topic)
{
    int32_t leaderless = 0;
    int32_t behind = 0;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        leaderless += topic->partitions[i].leader < 0;
        behind += topic->partitions[i].isr_count < topic->partitions[i].replica_count;
    }
    if (topic->error != KAFKA_ERROR_NONE) return slice_of(kafka_error_name(topic->error));
    if (leaderless > 0) return arena_printf(arena, "%d leaderless", (int)leaderless);
    if (behind > 0) return arena_printf(arena, "%d under-replicated", (int)behind);
    return SLICE("ok");
}

static int64_t topic_messages(const struct cluster_topic *topic)
{
    int64_t messages = 0;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct cluster_partition *partition = &topic->partitions[i];
        if (partition->start >= 0 && partition->end >= partition->start)
            messages += partition->end - partition->start;
    }
    return messages;
}

/* -1: some partition's is not known. */
static int64_t topic_size(const struct cluster_topic *topic)
{
    int64_t size = 0;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        if (topic->partitions[i].size < 0) return -1;
        size += topic->partitions[i].size;
    }
    return size;
}

static void topic_row(struct cli *cli, struct output *output, const struct cluster_topic *topic)
{
    struct arena *arena = &cli->arena;
    char id[UUID_TEXT_SIZE];
    uuid_format(&topic->id, id);
    int32_t replicas = topic->partition_count > 0 ? topic->partitions[0].replica_count : 0;
    output_row(output, (struct slice[]){
                           topic->name,
                           arena_printf(arena, "%d", (int)topic->partition_count),
                           arena_printf(arena, "%d", (int)replicas),
                           output_number(cli, arena, topic_messages(topic)),
                           output_size(cli, arena, topic_size(topic)),
                           topic_state(arena, topic),
                           slice_of(id),
                       });
}

static int print_topics(struct cli *cli, struct cluster *cluster)
{
    static const struct output_column columns[] = {
        {"NAME", "name", OUTPUT_TEXT},
        {"PARTITIONS", "partitions", OUTPUT_NUMBER},
        {"REPLICAS", "replicas", OUTPUT_NUMBER},
        {"MESSAGES", "messages", OUTPUT_NUMBER},
        {"SIZE", "size_bytes", OUTPUT_NUMBER},
        {"STATE", "state", OUTPUT_STATE},
        {"ID", "id", OUTPUT_WIDE},
    };
    struct output *output;
    int r = cluster_learn_offsets(cluster);
    if (r == CLI_OK) r = cluster_learn_sizes(cluster);
    if (r != CLI_OK) return r;
    if (output_begin(cli, "topic.list", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    for (int32_t i = 0; i < cluster->topic_count; i++)
        topic_row(cli, output, &cluster->topics[i]);
    output_end(output);
    return CLI_OK;
}

int cli_topic_list(struct cli *cli)
{
    struct cluster cluster;
    int r = cluster_open(cli, NULL, 0, false, &cluster);
    if (r == CLI_OK) r = print_topics(cli, &cluster);
    cluster_close(&cluster);
    return r;
}

/* --- find ------------------------------------------------------------------------------------- */

/* Keeps the topics that any of the patterns fits, in their order. */
static void keep_matching(struct cluster *cluster, const regex_t *expressions)
{
    struct cli *cli = cluster->cli;
    int32_t kept = 0;
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        struct slice copy = arena_printf(&cli->arena, "%.*s", SLICE_ARG(cluster->topics[i].name));
        const char *name = (const char *)copy.data; /* ends with a zero */
        bool fits = false;
        for (int j = 0; j < cli->arguments.count && !fits; j++)
            fits = expressions != NULL ? regexec(&expressions[j], name, 0, NULL, 0) == 0
                                       : fnmatch(cli->arguments.items[j], name, 0) == 0;
        if (fits) cluster->topics[kept++] = cluster->topics[i];
    }
    cluster->topic_count = kept;
}

static int find(struct cli *cli, const regex_t *expressions)
{
    struct cluster cluster;
    int r = cluster_open(cli, NULL, 0, false, &cluster);
    if (r == CLI_OK) {
        keep_matching(&cluster, expressions);
        r = print_topics(cli, &cluster);
        if (r == CLI_OK && cluster.topic_count == 0) r = cli_fail(CLI_FAILED, "no topic fits");
    }
    cluster_close(&cluster);
    return r;
}

int cli_topic_find(struct cli *cli)
{
    if (!cli_has(cli, OPTION_REGEX)) return find(cli, NULL);
    size_t count = (size_t)cli->arguments.count, compiled = 0;
    regex_t *expressions = arena_alloc(&cli->arena, count * sizeof(expressions[0]));
    int r = CLI_OK;
    while (r == CLI_OK && compiled < count) {
        const char *text = cli->arguments.items[compiled];
        int wrong = regcomp(&expressions[compiled], text, REG_EXTENDED | REG_NOSUB);
        char why[128];
        if (wrong != 0) {
            regerror(wrong, &expressions[compiled], why, sizeof(why));
            r = cli_fail(CLI_USAGE, "'%s' is no regular expression: %s", text, why);
        } else {
            compiled++;
        }
    }
    if (r == CLI_OK) r = find(cli, expressions);
    while (compiled > 0)
        regfree(&expressions[--compiled]);
    return r;
}

/* topic trim: deletes the records at the beginning of partitions. (KIP-107) */
#include "cli/cluster.h"
#include "cli/offset_range.h"
#include "cli/output.h"

/* Where a partition shall begin. */
struct trim {
    const struct cluster_topic *topic;
    const struct cluster_partition *partition;
    int64_t to;
};

struct trims {
    struct cli *cli;
    struct cluster cluster;
    struct trim *items;
    int32_t count;
    struct offset_bound target;
};

/* --to, and what the leaders say of it if it is a time. */
static int learn_target(struct trims *trims)
{
    const char *text = trims->cli->option[OPTION_TO];
    struct offset_range range;
    int64_t now_ms = os_wall_ms(client_os(trims->cluster.client));
    if (offset_range_parse(slice_of(text), now_ms, &range) < 0 || range.has_end)
        return cli_fail(CLI_USAGE, "--to wants an offset, @TIME or end, not '%s'", text);
    trims->target = range.from;
    return trims->target.kind == OFFSET_TIME
               ? cluster_find_offsets(&trims->cluster, trims->target.value)
               : CLI_OK;
}

/* A number stands as it is: beyond the end the broker refuses it. */
static int64_t target_in(const struct trims *trims, const struct cluster_partition *partition)
{
    if (trims->target.kind == OFFSET_NUMBER) return trims->target.value;
    return offset_bound_resolve(&trims->target, partition->start, partition->end,
                                partition->sought);
}

static int plan_topic(struct trims *trims, const struct cluster_topic *topic, int32_t only)
{
    if (topic->error != KAFKA_ERROR_NONE)
        return cli_fail(client_exit(topic->error), "%.*s: %s", SLICE_ARG(topic->name),
                        kafka_error_name(topic->error));
    if (only >= topic->partition_count)
        return cli_fail(CLI_FAILED, "%.*s has no partition %d", SLICE_ARG(topic->name), (int)only);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct cluster_partition *partition = &topic->partitions[i];
        if (only >= 0 && partition->index != only) continue;
        struct trim *trim = &trims->items[trims->count];
        *trim = (struct trim){.topic = topic, .partition = partition};
        if (partition->start < 0 || partition->end < partition->start)
            return cli_fail(CLI_FAILED, "%.*s:%d: no leader tells its offsets",
                            SLICE_ARG(topic->name), (int)partition->index);
        trim->to = target_in(trims, partition);
        if (trim->to > partition->start) trims->count++; /* else it begins there or behind */
    }
    return CLI_OK;
}

static int plan(struct trims *trims)
{
    struct cli *cli = trims->cli;
    size_t count = (size_t)cli->arguments.count, partitions = 0;
    const char **names = arena_alloc(&cli->arena, count * sizeof(names[0]));
    int32_t *only = arena_alloc(&cli->arena, count * sizeof(only[0]));
    int r = CLI_OK;
    for (size_t i = 0; i < count && r == CLI_OK; i++)
        r = cluster_parse_place(cli, cli->arguments.items[i], &names[i], &only[i]);
    if (r == CLI_OK) r = cluster_open(cli, names, (int)count, false, &trims->cluster);
    if (r == CLI_OK) r = cluster_learn_offsets(&trims->cluster);
    if (r == CLI_OK) r = learn_target(trims);
    if (r != CLI_OK) return r;
    for (size_t i = 0; i < count; i++) {
        const struct cluster_topic *topic = cluster_find_topic(&trims->cluster, slice_of(names[i]));
        partitions += topic != NULL ? (size_t)topic->partition_count : 0;
    }
    trims->items = arena_alloc(&cli->arena, partitions * sizeof(trims->items[0]) + 1);
    for (size_t i = 0; i < count && r == CLI_OK; i++) {
        const struct cluster_topic *topic = cluster_find_topic(&trims->cluster, slice_of(names[i]));
        r = topic != NULL ? plan_topic(trims, topic, only[i])
                          : cli_fail(CLI_FAILED, "%s: nobody told of it", names[i]);
    }
    return r;
}

static int64_t print_plan(const struct trims *trims)
{
    static const struct output_column columns[] = {
        {"TOPIC", "topic", OUTPUT_TEXT},          {"PARTITION", "partition", OUTPUT_NUMBER},
        {"START", "start_offset", OUTPUT_NUMBER}, {"TO", "to_offset", OUTPUT_NUMBER},
        {"RECORDS", "records", OUTPUT_NUMBER},
    };
    struct cli *cli = trims->cli;
    struct output *output;
    int64_t records = 0;
    if (output_begin(cli, "topic.trim", columns, ARRAY_COUNT(columns), &output) < 0) return -1;
    for (int32_t i = 0; i < trims->count; i++) {
        const struct trim *trim = &trims->items[i];
        int64_t gone = trim->to - trim->partition->start;
        records += gone;
        output_row(output, (struct slice[]){
                               trim->topic->name,
                               arena_printf(&cli->arena, "%d", (int)trim->partition->index),
                               output_number(cli, &cli->arena, trim->partition->start),
                               output_number(cli, &cli->arena, trim->to),
                               output_number(cli, &cli->arena, gone),
                           });
    }
    output_end(output);
    return records;
}

static int trim_one(struct trims *trims, const struct trim *trim)
{
    struct client *client;
    int r = cluster_connect(&trims->cluster, trim->partition->leader, &client);
    if (r != CLI_OK) return r;
    struct delete_records_request_delete_records_partition partition = {
        .partition_index = trim->partition->index, .offset = trim->to};
    struct delete_records_request_delete_records_topic topic = {
        .name = trim->topic->name, .partitions = &partition, .partitions_count = 1};
    struct delete_records_request request;
    struct delete_records_response response;
    wire_defaults(&wire_delete_records_request, &request);
    request.timeout_ms = client_timeout_ms(client);
    request.topics = &topic;
    request.topics_count = 1;
    r = client_call(client, API_DELETE_RECORDS,
                    client_version(client, API_DELETE_RECORDS, INT16_MAX), &request,
                    &trims->cli->arena, &response);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < response.topics_count; i++) {
        for (int32_t j = 0; j < response.topics[i].partitions_count; j++) {
            enum kafka_error error = (enum kafka_error)response.topics[i].partitions[j].error_code;
            if (error != KAFKA_ERROR_NONE)
                r = cli_fail(client_exit(error), "%.*s:%d: %s", SLICE_ARG(trim->topic->name),
                             (int)trim->partition->index, kafka_error_name(error));
        }
    }
    return r;
}

static int trim_all(struct trims *trims)
{
    char question[80];
    int64_t records = print_plan(trims);
    if (records < 0) return CLI_USAGE;
    if (cli_has(trims->cli, OPTION_DRY_RUN) || trims->count == 0) return CLI_OK;
    snprintf(question, sizeof(question), "Delete %lld records?", (long long)records);
    if (!cli_confirm(trims->cli, question)) return CLI_USAGE;
    int worst = CLI_OK;
    for (int32_t i = 0; i < trims->count; i++) {
        int r = trim_one(trims, &trims->items[i]);
        if (r != CLI_OK) worst = r;
    }
    return worst;
}

int cli_topic_trim(struct cli *cli)
{
    struct trims trims = {.cli = cli};
    if (!cli_has(cli, OPTION_TO))
        return cli_fail(CLI_USAGE, "topic trim wants --to: where the partitions shall begin");
    int r = plan(&trims);
    if (r == CLI_OK) r = trim_all(&trims);
    cluster_close(&trims.cluster);
    return r;
}

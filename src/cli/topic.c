/* topic create, describe, delete, grow. */
#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/output.h"

/* --- create ----------------------------------------------------------------------------------- */

static int gather_configs(struct cli *cli,
                          struct create_topics_request_creatable_topic_config **configs)
{
    const struct cli_values *given = &cli->repeated[OPTION_CONFIG];
    *configs = arena_alloc(&cli->arena, (size_t)given->count * sizeof(**configs) + 1);
    for (int i = 0; i < given->count; i++) {
        if (cli_parse_pair(given->items[i], &(*configs)[i].name, &(*configs)[i].value) < 0)
            return cli_fail(CLI_USAGE, "--config wants KEY=VALUE, not '%s'", given->items[i]);
    }
    return CLI_OK;
}

/* Tells of a topic for which the broker refused to do it. */
static int tell_error(struct slice name, int16_t error_code, struct slice message)
{
    enum kafka_error error = (enum kafka_error)error_code;
    return cli_fail(client_exit(error), "%.*s: %s%s%.*s", SLICE_ARG(name), kafka_error_name(error),
                    message.size > 0 ? ": " : "", SLICE_ARG(message));
}

static int report_created(struct cli *cli,
                          const struct create_topics_response_creatable_topic_result *topic)
{
    if (topic->error_code == KAFKA_ERROR_TOPIC_ALREADY_EXISTS &&
        cli_has(cli, OPTION_IF_NOT_EXISTS)) {
        printf("exists   %.*s\n", SLICE_ARG(topic->name));
        return CLI_OK;
    }
    if (topic->error_code != KAFKA_ERROR_NONE)
        return tell_error(topic->name, topic->error_code, topic->error_message);
    printf("%s  %.*s  %d partition%s  %d replica%s\n",
           cli_has(cli, OPTION_DRY_RUN) ? "would create" : "created", SLICE_ARG(topic->name),
           (int)topic->num_partitions, topic->num_partitions == 1 ? "" : "s",
           (int)topic->replication_factor, topic->replication_factor == 1 ? "" : "s");
    return CLI_OK;
}

static int create(struct cli *cli, struct client *client, int32_t partitions)
{
    int64_t replicas;
    struct create_topics_request request;
    struct create_topics_response response;
    struct create_topics_request_creatable_topic_config *configs;
    int r = cli_number(cli, OPTION_REPLICAS, 1, INT16_MAX, -1, &replicas);
    if (r == CLI_OK) r = gather_configs(cli, &configs);
    if (r != CLI_OK) return r;
    wire_defaults(&wire_create_topics_request, &request);
    request.timeout_ms = client_timeout_ms(client);
    request.validate_only = cli_has(cli, OPTION_DRY_RUN);
    request.topics =
        arena_alloc(&cli->arena, (size_t)cli->arguments.count * sizeof(request.topics[0]));
    for (int i = 0; i < cli->arguments.count; i++) {
        request.topics[request.topics_count++] = (struct create_topics_request_creatable_topic){
            .name = slice_of(cli->arguments.items[i]),
            .num_partitions = partitions,
            .replication_factor = (int16_t)replicas,
            .configs = configs,
            .configs_count = cli->repeated[OPTION_CONFIG].count,
        };
    }
    r = client_ask(client, API_CREATE_TOPICS, &request, &cli->arena, &response);
    int worst = r;
    for (int32_t i = 0; r == CLI_OK && i < response.topics_count; i++) {
        int code = report_created(cli, &response.topics[i]);
        if (code != CLI_OK) worst = code;
    }
    return worst;
}

/* What create and grow begin and end with. */
static int with_partitions(struct cli *cli,
                           int (*run)(struct cli *cli, struct client *client, int32_t partitions))
{
    int64_t partitions;
    struct client *client;
    int r = cli_number(cli, OPTION_PARTITIONS, 1, INT32_MAX, -1, &partitions);
    if (r == CLI_OK) r = client_open(cli, &client);
    if (r != CLI_OK) return r;
    r = run(cli, client, (int32_t)partitions);
    client_close(client);
    return r;
}

int cli_topic_create(struct cli *cli)
{
    return with_partitions(cli, create);
}

/* --- describe --------------------------------------------------------------------------------- */

static struct slice id_list(struct arena *arena, const int32_t *ids, int32_t count)
{
    struct slice text = SLICE("");
    for (int32_t i = 0; i < count; i++)
        text = arena_printf(arena, "%.*s%s%d", SLICE_ARG(text), i > 0 ? "," : "", (int)ids[i]);
    return text;
}

static int print_overrides(struct cli *cli, struct client *client, struct slice name)
{
    struct describe_configs_request_describe_configs_resource resource = {
        .resource_type = 2, /* ConfigResource.Type.TOPIC */
        .resource_name = name,
        .configuration_keys_count = -1,
    };
    struct describe_configs_request request;
    struct describe_configs_response response;
    wire_defaults(&wire_describe_configs_request, &request);
    request.resources = &resource;
    request.resources_count = 1;
    int r = client_ask(client, API_DESCRIBE_CONFIGS, &request, &cli->arena, &response);
    if (r != CLI_OK) return r;
    printf("OVERRIDES  ");
    int shown = 0;
    for (int32_t i = 0; i < response.results_count; i++) {
        for (int32_t j = 0; j < response.results[i].configs_count; j++) {
            const struct describe_configs_response_describe_configs_resource_result *config =
                &response.results[i].configs[j];
            if (config->config_source != 1) continue; /* DYNAMIC_TOPIC_CONFIG */
            printf(" %.*s=%.*s", SLICE_ARG(config->name), SLICE_ARG(config->value));
            shown++;
        }
    }
    puts(shown == 0 ? " none" : "");
    return CLI_OK;
}

static void partition_row(struct cli *cli, struct output *output, struct slice name,
                          const struct cluster_partition *partition)
{
    struct arena *arena = &cli->arena;
    struct slice state = SLICE("ok");
    if (partition->leader < 0)
        state = SLICE("leaderless");
    else if (partition->isr_count < partition->replica_count)
        state = SLICE("under-replicated");
    output_row(output, (struct slice[]){
                           name,
                           arena_printf(arena, "%d", (int)partition->index),
                           arena_printf(arena, "%d", (int)partition->leader),
                           arena_printf(arena, "%d", (int)partition->leader_epoch),
                           id_list(arena, partition->replicas, partition->replica_count),
                           id_list(arena, partition->isr, partition->isr_count),
                           output_number(cli, arena, partition->start),
                           output_number(cli, arena, partition->end),
                           output_number(cli, arena, partition->end - partition->start),
                           output_size(cli, arena, partition->size),
                           state,
                       });
}

static int describe_one(struct cli *cli, struct cluster *cluster, const struct cluster_topic *topic)
{
    static const struct output_column columns[] = {
        {"TOPIC", "topic", OUTPUT_TEXT},          {"PARTITION", "partition", OUTPUT_NUMBER},
        {"LEADER", "leader", OUTPUT_NUMBER},      {"EPOCH", "leader_epoch", OUTPUT_NUMBER},
        {"REPLICAS", "replicas", OUTPUT_TEXT},    {"ISR", "isr", OUTPUT_TEXT},
        {"START", "start_offset", OUTPUT_NUMBER}, {"END", "end_offset", OUTPUT_NUMBER},
        {"MESSAGES", "messages", OUTPUT_NUMBER},  {"SIZE", "size_bytes", OUTPUT_NUMBER},
        {"STATE", "state", OUTPUT_STATE},
    };
    if (output_is_table(cli)) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&topic->id, id);
        printf("NAME        %.*s\nID          %s\nPARTITIONS  %d\n", SLICE_ARG(topic->name), id,
               (int)topic->partition_count);
        int r = print_overrides(cli, cluster->client, topic->name);
        if (r != CLI_OK) return r;
        putchar('\n');
    }
    struct output *output;
    if (output_begin(cli, "topic.describe", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    for (int32_t i = 0; i < topic->partition_count; i++)
        partition_row(cli, output, topic->name, &topic->partitions[i]);
    output_end(output);
    return CLI_OK;
}

int cli_topic_describe(struct cli *cli)
{
    struct cluster cluster;
    int r = cluster_open(cli, cli->arguments.items, cli->arguments.count, false, &cluster);
    if (r == CLI_OK) r = cluster_learn_offsets(&cluster);
    if (r == CLI_OK) r = cluster_learn_sizes(&cluster);
    int worst = r;
    for (int32_t i = 0; r == CLI_OK && i < cluster.topic_count; i++) {
        const struct cluster_topic *topic = &cluster.topics[i];
        if (i > 0 && !cli_has(cli, OPTION_OUTPUT)) putchar('\n');
        int code = topic->error != KAFKA_ERROR_NONE
                       ? cli_fail(client_exit(topic->error), "%.*s: %s", SLICE_ARG(topic->name),
                                  kafka_error_name(topic->error))
                       : describe_one(cli, &cluster, topic);
        if (code != CLI_OK) worst = code;
    }
    cluster_close(&cluster);
    return worst;
}

/* --- delete ----------------------------------------------------------------------------------- */

int cli_topic_delete(struct cli *cli)
{
    char question[64];
    snprintf(question, sizeof(question), "Delete %d topic%s with all records?",
             cli->arguments.count, cli->arguments.count == 1 ? "" : "s");
    if (!cli_confirm(cli, question)) return CLI_USAGE;
    struct client *client;
    int r = client_open(cli, &client);
    if (r != CLI_OK) return r;

    /* Up to version 5 names alone, from 6 on names or ids. */
    int16_t version = client_version(client, API_DELETE_TOPICS, INT16_MAX);
    struct delete_topics_request request;
    wire_defaults(&wire_delete_topics_request, &request);
    request.timeout_ms = client_timeout_ms(client);
    size_t count = (size_t)cli->arguments.count;
    struct slice *names = arena_alloc(&cli->arena, count * sizeof(names[0]));
    struct delete_topics_request_delete_topic_state *topics =
        arena_alloc(&cli->arena, count * sizeof(topics[0]));
    for (size_t i = 0; i < count; i++) {
        names[i] = slice_of(cli->arguments.items[i]);
        topics[i].name = names[i];
    }
    if (version < 6) {
        request.topic_names = names;
        request.topic_names_count = cli->arguments.count;
    } else {
        request.topics = topics;
        request.topics_count = cli->arguments.count;
    }
    struct delete_topics_response response;
    r = client_call(client, API_DELETE_TOPICS, version, &request, &cli->arena, &response);
    int worst = r;
    for (int32_t i = 0; r == CLI_OK && i < response.responses_count; i++) {
        const struct delete_topics_response_deletable_topic_result *topic = &response.responses[i];
        if (topic->error_code == KAFKA_ERROR_NONE)
            printf("deleted  %.*s\n", SLICE_ARG(topic->name));
        else
            worst = tell_error(topic->name, topic->error_code, topic->error_message);
    }
    client_close(client);
    return worst;
}

/* --- grow ------------------------------------------------------------------------------------- */

static int grow(struct cli *cli, struct client *client, int32_t partitions)
{
    struct create_partitions_request request;
    struct create_partitions_response response;
    wire_defaults(&wire_create_partitions_request, &request);
    request.timeout_ms = client_timeout_ms(client);
    request.validate_only = cli_has(cli, OPTION_DRY_RUN);
    request.topics =
        arena_alloc(&cli->arena, (size_t)cli->arguments.count * sizeof(request.topics[0]));
    for (int i = 0; i < cli->arguments.count; i++) {
        request.topics[request.topics_count++] =
            (struct create_partitions_request_create_partitions_topic){
                .name = slice_of(cli->arguments.items[i]),
                .count = partitions,
                .assignments_count = -1,
            };
    }
    int r = client_ask(client, API_CREATE_PARTITIONS, &request, &cli->arena, &response);
    int worst = r;
    for (int32_t i = 0; r == CLI_OK && i < response.results_count; i++) {
        const struct create_partitions_response_create_partitions_topic_result *topic =
            &response.results[i];
        if (topic->error_code != KAFKA_ERROR_NONE)
            worst = tell_error(topic->name, topic->error_code, topic->error_message);
        else
            printf("%s  %.*s  %d partitions\n",
                   cli_has(cli, OPTION_DRY_RUN) ? "would grow" : "grown", SLICE_ARG(topic->name),
                   (int)partitions);
    }
    return worst;
}

int cli_topic_grow(struct cli *cli)
{
    if (!cli_has(cli, OPTION_PARTITIONS))
        return cli_fail(CLI_USAGE, "topic grow wants --partitions: how many there shall be");
    return with_partitions(cli, grow);
}

/* topic list, create, describe, delete, grow. */
#include <string.h>

#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/output.h"

/* --- list ------------------------------------------------------------------------------------- */

static struct slice partition_state(struct arena *arena, const struct cluster_topic *topic)
{
    int32_t leaderless = 0;
    int32_t behind = 0;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        leaderless += topic->partitions[i].leader < 0;
        behind += topic->partitions[i].isr_count < topic->partitions[i].replica_count;
    }
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

int cli_topic_list(struct cli *cli)
{
    static const struct output_column columns[] = {
        {"NAME", "name", OUTPUT_TEXT},           {"PARTITIONS", "partitions", OUTPUT_NUMBER},
        {"REPLICAS", "replicas", OUTPUT_NUMBER}, {"MESSAGES", "messages", OUTPUT_NUMBER},
        {"STATE", "state", OUTPUT_STATE},
    };
    struct cluster cluster;
    int r = cluster_open(cli, NULL, 0, false, &cluster);
    if (r == CLI_OK) r = cluster_learn_offsets(&cluster);
    struct output *output = NULL;
    if (r == CLI_OK && output_begin(cli, "topic.list", columns, ARRAY_COUNT(columns), &output) < 0)
        r = CLI_USAGE;
    for (int32_t i = 0; r == CLI_OK && i < cluster.topic_count; i++) {
        const struct cluster_topic *topic = &cluster.topics[i];
        int32_t replicas = topic->partition_count > 0 ? topic->partitions[0].replica_count : 0;
        output_row(output, (struct slice[]){
                               topic->name,
                               arena_printf(&cli->arena, "%d", (int)topic->partition_count),
                               arena_printf(&cli->arena, "%d", (int)replicas),
                               output_number(cli, &cli->arena, topic_messages(topic)),
                               partition_state(&cli->arena, topic),
                           });
    }
    if (output != NULL) output_end(output);
    cluster_close(&cluster);
    return r;
}

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

static int report_created(struct cli *cli, const struct create_topics_response *response)
{
    int r = CLI_OK;
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct create_topics_response_creatable_topic_result *topic = &response->topics[i];
        enum kafka_error error = (enum kafka_error)topic->error_code;
        if (error == KAFKA_ERROR_TOPIC_ALREADY_EXISTS && cli_has(cli, OPTION_IF_NOT_EXISTS)) {
            printf("exists   %.*s\n", SLICE_ARG(topic->name));
        } else if (error != KAFKA_ERROR_NONE) {
            r = cli_fail(client_exit(error), "%.*s: %s: %.*s", SLICE_ARG(topic->name),
                         kafka_error_name(error), SLICE_ARG(topic->error_message));
        } else {
            printf("%s  %.*s  %d partition%s  %d replica%s\n",
                   cli_has(cli, OPTION_DRY_RUN) ? "would create" : "created",
                   SLICE_ARG(topic->name), (int)topic->num_partitions,
                   topic->num_partitions == 1 ? "" : "s", (int)topic->replication_factor,
                   topic->replication_factor == 1 ? "" : "s");
        }
    }
    return r;
}

int cli_topic_create(struct cli *cli)
{
    int64_t partitions, replicas;
    struct create_topics_request_creatable_topic_config *configs;
    int r = cli_number(cli, OPTION_PARTITIONS, 1, INT32_MAX, -1, &partitions);
    if (r == CLI_OK) r = cli_number(cli, OPTION_REPLICAS, 1, INT16_MAX, -1, &replicas);
    if (r == CLI_OK) r = gather_configs(cli, &configs);
    struct client *client = NULL;
    if (r == CLI_OK) r = client_open(cli, &client);
    if (r != CLI_OK) return r;

    struct create_topics_request request;
    wire_defaults(&wire_create_topics_request, &request);
    request.timeout_ms = client_timeout_ms(client);
    request.validate_only = cli_has(cli, OPTION_DRY_RUN);
    request.topics_count = cli->arguments.count;
    request.topics =
        arena_alloc(&cli->arena, (size_t)request.topics_count * sizeof(request.topics[0]));
    for (int i = 0; i < cli->arguments.count; i++) {
        request.topics[i] = (struct create_topics_request_creatable_topic){
            .name = slice_of(cli->arguments.items[i]),
            .num_partitions = (int32_t)partitions,
            .replication_factor = (int16_t)replicas,
            .configs = configs,
            .configs_count = cli->repeated[OPTION_CONFIG].count,
        };
    }
    struct create_topics_response response;
    r = client_call(client, API_CREATE_TOPICS, client_version(client, API_CREATE_TOPICS, INT16_MAX),
                    &request, &cli->arena, &response);
    if (r == CLI_OK) r = report_created(cli, &response);
    client_close(client);
    return r;
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
    int r = client_call(client, API_DESCRIBE_CONFIGS,
                        client_version(client, API_DESCRIBE_CONFIGS, INT16_MAX), &request,
                        &cli->arena, &response);
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
        {"MESSAGES", "messages", OUTPUT_NUMBER},  {"STATE", "state", OUTPUT_STATE},
    };
    bool people = !cli_has(cli, OPTION_OUTPUT) || strcmp(cli->option[OPTION_OUTPUT], "table") == 0;
    if (people) {
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
        enum kafka_error error = (enum kafka_error)topic->error_code;
        if (error == KAFKA_ERROR_NONE)
            printf("deleted  %.*s\n", SLICE_ARG(topic->name));
        else
            worst = cli_fail(client_exit(error), "%.*s: %s", SLICE_ARG(topic->name),
                             kafka_error_name(error));
    }
    client_close(client);
    return worst;
}

/* --- grow ------------------------------------------------------------------------------------- */

int cli_topic_grow(struct cli *cli)
{
    int64_t partitions;
    if (!cli_has(cli, OPTION_PARTITIONS))
        return cli_fail(CLI_USAGE, "topic grow wants --partitions: how many there shall be");
    int r = cli_number(cli, OPTION_PARTITIONS, 1, INT32_MAX, -1, &partitions);
    struct client *client = NULL;
    if (r == CLI_OK) r = client_open(cli, &client);
    if (r != CLI_OK) return r;

    struct create_partitions_request request;
    wire_defaults(&wire_create_partitions_request, &request);
    request.timeout_ms = client_timeout_ms(client);
    request.validate_only = cli_has(cli, OPTION_DRY_RUN);
    request.topics_count = cli->arguments.count;
    request.topics =
        arena_alloc(&cli->arena, (size_t)request.topics_count * sizeof(request.topics[0]));
    for (int i = 0; i < cli->arguments.count; i++) {
        request.topics[i] = (struct create_partitions_request_create_partitions_topic){
            .name = slice_of(cli->arguments.items[i]),
            .count = (int32_t)partitions,
            .assignments_count = -1,
        };
    }
    struct create_partitions_response response;
    r = client_call(client, API_CREATE_PARTITIONS,
                    client_version(client, API_CREATE_PARTITIONS, INT16_MAX), &request, &cli->arena,
                    &response);
    int worst = r;
    for (int32_t i = 0; r == CLI_OK && i < response.results_count; i++) {
        const struct create_partitions_response_create_partitions_topic_result *topic =
            &response.results[i];
        enum kafka_error error = (enum kafka_error)topic->error_code;
        if (error == KAFKA_ERROR_NONE)
            printf("%s  %.*s  %lld partitions\n",
                   cli_has(cli, OPTION_DRY_RUN) ? "would grow" : "grown", SLICE_ARG(topic->name),
                   (long long)partitions);
        else
            worst = cli_fail(client_exit(error), "%.*s: %s: %.*s", SLICE_ARG(topic->name),
                             kafka_error_name(error), SLICE_ARG(topic->error_message));
    }
    client_close(client);
    return worst;
}

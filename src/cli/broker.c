/* broker list, describe; cluster info. */
#include "cli/cluster.h"
#include "cli/output.h"

static int describe_cluster(struct cluster *cluster, struct describe_cluster_response *response)
{
    struct describe_cluster_request request;
    wire_defaults(&wire_describe_cluster_request, &request);
    request.include_fenced_brokers =
        client_version(cluster->client, API_DESCRIBE_CLUSTER, INT16_MAX) >= 2; /* KIP-1073 */
    int r =
        client_ask(cluster->client, API_DESCRIBE_CLUSTER, &request, &cluster->cli->arena, response);
    if (r != CLI_OK || response->error_code == KAFKA_ERROR_NONE) return r;
    enum kafka_error error = (enum kafka_error)response->error_code;
    return cli_fail(client_exit(error), "%s: %s: %.*s", client_address(cluster->client),
                    kafka_error_name(error), SLICE_ARG(response->error_message));
}

/* --- list ------------------------------------------------------------------------------------- */

struct share {
    int64_t leads, keeps; /* partitions */
};

static struct share share_of(const struct cluster *cluster, int32_t broker_id)
{
    struct share share = {0};
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        for (int32_t j = 0; j < cluster->topics[i].partition_count; j++) {
            const struct cluster_partition *partition = &cluster->topics[i].partitions[j];
            share.leads += partition->leader == broker_id;
            for (int32_t k = 0; k < partition->replica_count; k++)
                share.keeps += partition->replicas[k] == broker_id;
        }
    }
    return share;
}

static int print_brokers(struct cluster *cluster)
{
    static const struct output_column columns[] = {
        {"ID", "id", OUTPUT_NUMBER},         {"HOST", "host", OUTPUT_TEXT},
        {"PORT", "port", OUTPUT_NUMBER},     {"RACK", "rack", OUTPUT_TEXT},
        {"LEADS", "leaders", OUTPUT_NUMBER}, {"REPLICAS", "replicas", OUTPUT_NUMBER},
        {"STATE", "state", OUTPUT_STATE},
    };
    struct cli *cli = cluster->cli;
    struct describe_cluster_response response;
    struct output *output;
    int r = describe_cluster(cluster, &response);
    if (r != CLI_OK) return r;
    if (output_begin(cli, "broker.list", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    for (int32_t i = 0; i < response.brokers_count; i++) {
        const struct describe_cluster_response_describe_cluster_broker *broker =
            &response.brokers[i];
        struct share share = share_of(cluster, broker->broker_id);
        output_row(output, (struct slice[]){
                               arena_printf(&cli->arena, "%d", (int)broker->broker_id),
                               broker->host,
                               arena_printf(&cli->arena, "%d", (int)broker->port),
                               broker->rack,
                               output_number(cli, &cli->arena, share.leads),
                               output_number(cli, &cli->arena, share.keeps),
                               broker->is_fenced ? SLICE("fenced") : SLICE("ok"),
                           });
    }
    output_end(output);
    return CLI_OK;
}

int cli_broker_list(struct cli *cli)
{
    struct cluster cluster;
    int r = cluster_open(cli, NULL, 0, false, &cluster);
    if (r == CLI_OK) r = print_brokers(&cluster);
    cluster_close(&cluster);
    return r;
}

/* --- describe --------------------------------------------------------------------------------- */

static int64_t folder_size(const struct describe_log_dirs_response_describe_log_dirs_result *folder,
                           int64_t *replicas)
{
    int64_t size = 0;
    *replicas = 0;
    for (int32_t i = 0; i < folder->topics_count; i++) {
        *replicas += folder->topics[i].partitions_count;
        for (int32_t j = 0; j < folder->topics[i].partitions_count; j++)
            size += folder->topics[i].partitions[j].partition_size;
    }
    return size;
}

static int print_folders(struct cli *cli, const struct describe_log_dirs_response *response)
{
    static const struct output_column columns[] = {
        {"FOLDER", "folder", OUTPUT_TEXT},      {"REPLICAS", "replicas", OUTPUT_NUMBER},
        {"SIZE", "size_bytes", OUTPUT_NUMBER},  {"FREE", "usable_bytes", OUTPUT_NUMBER},
        {"DISK", "total_bytes", OUTPUT_NUMBER}, {"STATE", "state", OUTPUT_STATE},
    };
    struct output *output;
    if (output_begin(cli, "broker.describe", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    int r = CLI_OK;
    for (int32_t i = 0; i < response->results_count; i++) {
        const struct describe_log_dirs_response_describe_log_dirs_result *folder =
            &response->results[i];
        int64_t replicas;
        int64_t size = folder_size(folder, &replicas);
        const char *state = folder->is_cordoned ? "cordoned" : "ok";
        if (folder->error_code != KAFKA_ERROR_NONE) {
            state = kafka_error_name((enum kafka_error)folder->error_code);
            r = CLI_FAILED;
        }
        output_row(output, (struct slice[]){
                               folder->log_dir,
                               output_number(cli, &cli->arena, replicas),
                               output_size(cli, &cli->arena, size),
                               output_size(cli, &cli->arena, folder->usable_bytes),
                               output_size(cli, &cli->arena, folder->total_bytes),
                               slice_of(state),
                           });
    }
    output_end(output);
    return r;
}

static int describe_broker(struct cluster *cluster, int32_t id)
{
    struct cli *cli = cluster->cli;
    struct client *client;
    int r = cluster_connect(cluster, id, &client);
    if (r != CLI_OK) return r;
    struct share share = share_of(cluster, id);
    if (output_is_table(cli))
        printf("BROKER    %d\nADDRESS   %s\nLEADS     %lld\nREPLICAS  %lld\n\n", (int)id,
               client_address(client), (long long)share.leads, (long long)share.keeps);
    struct describe_log_dirs_request request;
    struct describe_log_dirs_response response;
    wire_defaults(&wire_describe_log_dirs_request, &request);
    request.topics_count = -1; /* all */
    r = client_ask(client, API_DESCRIBE_LOG_DIRS, &request, &cli->arena, &response);
    if (r != CLI_OK) return r;
    enum kafka_error error = (enum kafka_error)response.error_code;
    if (error != KAFKA_ERROR_NONE)
        return cli_fail(client_exit(error), "%s: %s", client_address(client),
                        kafka_error_name(error));
    return print_folders(cli, &response);
}

int cli_broker_describe(struct cli *cli)
{
    int64_t id;
    const char *text = cli->arguments.items[0];
    if (slice_parse_int64(slice_of(text), 0, INT32_MAX, &id) < 0)
        return cli_fail(CLI_USAGE, "'%s' is no number of a broker; see gregor broker list", text);
    struct cluster cluster;
    int r = cluster_open(cli, NULL, 0, false, &cluster);
    bool known = false;
    for (int32_t i = 0; r == CLI_OK && i < cluster.broker_count; i++)
        known = known || cluster.brokers[i].id == id;
    if (r == CLI_OK && !known)
        r = cli_fail(CLI_FAILED, "no broker %s is alive; see gregor broker list", text);
    if (r == CLI_OK) r = describe_broker(&cluster, (int32_t)id);
    cluster_close(&cluster);
    return r;
}

/* --- cluster info ----------------------------------------------------------------------------- */

static int print_cluster(struct cluster *cluster)
{
    static const struct output_column columns[] = {
        {"CLUSTER", "cluster_id", OUTPUT_TEXT},
        {"CONTROLLER", "controller_id", OUTPUT_NUMBER},
        {"EPOCH", "controller_epoch", OUTPUT_NUMBER},
        {"VOTERS", "voters", OUTPUT_NUMBER},
        {"BROKERS", "brokers", OUTPUT_NUMBER},
        {"TOPICS", "topics", OUTPUT_NUMBER},
        {"PARTITIONS", "partitions", OUTPUT_NUMBER},
    };
    struct cli *cli = cluster->cli;
    struct describe_cluster_response described;
    struct cluster_quorum quorum;
    struct output *output;
    int r = cluster_learn_quorum(cluster, &quorum);
    if (r == CLI_OK)
        r = describe_cluster(cluster, &described); /* names in it hold until the next */
    if (r != CLI_OK) return r;
    if (output_begin(cli, "cluster.info", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    int64_t partitions = 0;
    for (int32_t i = 0; i < cluster->topic_count; i++)
        partitions += cluster->topics[i].partition_count;
    output_row(output, (struct slice[]){
                           described.cluster_id,
                           arena_printf(&cli->arena, "%d", (int)quorum.leader_id),
                           arena_printf(&cli->arena, "%d", (int)quorum.leader_epoch),
                           arena_printf(&cli->arena, "%d", (int)quorum.voter_count),
                           arena_printf(&cli->arena, "%d", (int)described.brokers_count),
                           output_number(cli, &cli->arena, cluster->topic_count),
                           output_number(cli, &cli->arena, partitions),
                       });
    output_end(output);
    return CLI_OK;
}

int cli_cluster_info(struct cli *cli)
{
    struct cluster cluster;
    int r = cluster_open(cli, NULL, 0, false, &cluster);
    if (r == CLI_OK) r = print_cluster(&cluster);
    cluster_close(&cluster);
    return r;
}

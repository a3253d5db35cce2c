/* cluster health: what is wrong with partitions, and what that means for clients. */
#include "cli/cluster.h"
#include "cli/output.h"

enum {
    LOOK_EVERY_MS = 500,
    NAMES_SHOWN = 8, /* partitions that a row names */
};

enum ailment { LEADERLESS, UNDER_MIN_ISR, UNDER_REPLICATED, AILMENTS };

static const struct {
    const char *name;
    const char *meaning;
} ailments[AILMENTS] = {
    [LEADERLESS] = {"leaderless", "nobody can read or write"},
    [UNDER_MIN_ISR] = {"under-min-isr", "producers with acks=all get NOT_ENOUGH_REPLICAS"},
    [UNDER_REPLICATED] = {"under-replicated", "fewer copies than wanted"},
};

struct health {
    int32_t counts[AILMENTS];
    struct slice partitions[AILMENTS]; /* the first of them */
    int32_t broker_count;
    struct cluster_quorum quorum;
};

/* --- min.insync.replicas ---------------------------------------------------------------------- */

static int32_t result_number(const struct describe_configs_response_describe_configs_result *result)
{
    int64_t number;
    if (result->configs_count != 1 ||
        slice_parse_int64(result->configs[0].value, 1, INT32_MAX, &number) < 0)
        return 1; /* the topic went away meanwhile */
    return (int32_t)number;
}

/* Of every topic, in the cluster's order. */
static int learn_min_isr(struct cluster *cluster, int32_t *min_isr)
{
    struct arena *arena = &cluster->cli->arena;
    struct slice key = SLICE("min.insync.replicas");
    struct describe_configs_request request;
    struct describe_configs_response response;
    wire_defaults(&wire_describe_configs_request, &request);
    request.resources =
        arena_alloc(arena, (size_t)cluster->topic_count * sizeof(request.resources[0]));
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        min_isr[i] = 1; /* of one that nobody tells of */
        request.resources[request.resources_count++] =
            (struct describe_configs_request_describe_configs_resource){
                .resource_type = 2, /* ConfigResource.Type.TOPIC */
                .resource_name = cluster->topics[i].name,
                .configuration_keys = &key,
                .configuration_keys_count = 1,
            };
    }
    int r = client_ask(cluster->client, API_DESCRIBE_CONFIGS, &request, arena, &response);
    for (int32_t i = 0; r == CLI_OK && i < response.results_count; i++) {
        const struct cluster_topic *topic =
            cluster_find_topic(cluster, response.results[i].resource_name);
        if (topic != NULL) min_isr[topic - cluster->topics] = result_number(&response.results[i]);
    }
    return r;
}

/* --- counting --------------------------------------------------------------------------------- */

static void count(struct health *health, struct arena *arena, enum ailment ailment,
                  struct slice topic, int32_t index)
{
    struct slice *names = &health->partitions[ailment];
    int32_t counted = health->counts[ailment]++;
    if (counted < NAMES_SHOWN)
        *names = arena_printf(arena, "%.*s%s%.*s[%d]", SLICE_ARG(*names), counted > 0 ? " " : "",
                              SLICE_ARG(topic), (int)index);
    else if (counted == NAMES_SHOWN)
        *names = arena_printf(arena, "%.*s …", SLICE_ARG(*names));
}

static int examine(struct cluster *cluster, struct health *health)
{
    struct arena *arena = &cluster->cli->arena;
    int32_t *min_isr = arena_alloc(arena, (size_t)cluster->topic_count * sizeof(min_isr[0]) + 1);
    *health = (struct health){.broker_count = cluster->broker_count};
    for (int i = 0; i < AILMENTS; i++)
        health->partitions[i] = SLICE("");
    int r = cluster_learn_quorum(cluster, &health->quorum);
    if (r == CLI_OK) r = learn_min_isr(cluster, min_isr);
    for (int32_t i = 0; r == CLI_OK && i < cluster->topic_count; i++) {
        const struct cluster_topic *topic = &cluster->topics[i];
        for (int32_t j = 0; j < topic->partition_count; j++) {
            const struct cluster_partition *partition = &topic->partitions[j];
            /* Partition.effectiveMinIsr */
            int32_t least =
                min_isr[i] < partition->replica_count ? min_isr[i] : partition->replica_count;
            if (partition->leader < 0)
                count(health, arena, LEADERLESS, topic->name, partition->index);
            if (partition->isr_count < least)
                count(health, arena, UNDER_MIN_ISR, topic->name, partition->index);
            if (partition->isr_count < partition->replica_count)
                count(health, arena, UNDER_REPLICATED, topic->name, partition->index);
        }
    }
    return r;
}

static bool is_healthy(const struct health *health)
{
    bool healthy = health->quorum.leader_id >= 0;
    for (int i = 0; i < AILMENTS; i++)
        healthy = healthy && health->counts[i] == 0;
    return healthy;
}

/* --- the command ------------------------------------------------------------------------------ */

static int print_health(struct cli *cli, const struct health *health)
{
    static const struct output_column columns[] = {
        {"CHECK", "check", OUTPUT_TEXT},
        {"PARTITIONS", "partitions", OUTPUT_NUMBER},
        {"WHICH", "which", OUTPUT_TEXT},
        {"STATE", "state", OUTPUT_STATE},
    };
    struct output *output;
    if (output_begin(cli, "cluster.health", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    if (output_is_table(cli))
        printf("%s  %d broker%s · controller %d (epoch %d) · %d voter%s\n",
               is_healthy(health) ? "HEALTHY" : "UNHEALTHY", (int)health->broker_count,
               health->broker_count == 1 ? "" : "s", (int)health->quorum.leader_id,
               (int)health->quorum.leader_epoch, (int)health->quorum.voter_count,
               health->quorum.voter_count == 1 ? "" : "s");
    for (int i = 0; i < AILMENTS; i++)
        output_row(output, (struct slice[]){
                               slice_of(ailments[i].name),
                               output_number(cli, &cli->arena, health->counts[i]),
                               health->partitions[i],
                               health->counts[i] == 0 ? SLICE("ok") : slice_of(ailments[i].meaning),
                           });
    output_end(output);
    if (is_healthy(health)) return CLI_OK;
    return cli_fail(CLI_FAILED, "unhealthy; see gregor broker list, gregor topic list");
}

static int look(struct cli *cli, struct health *health)
{
    struct cluster cluster;
    int r = cluster_open(cli, NULL, 0, false, &cluster);
    if (r == CLI_OK) r = examine(&cluster, health);
    cluster_close(&cluster);
    return r;
}

/* Waits between two looks, on a loop of its own. */
static int rest(struct cli *cli)
{
    struct client *client;
    int r = client_open(cli, &client);
    if (r != CLI_OK) return r;
    client_sleep(client, LOOK_EVERY_MS);
    client_close(client);
    return CLI_OK;
}

int cli_cluster_health(struct cli *cli)
{
    int64_t wait_ms = 0;
    const char *wait = cli->option[OPTION_WAIT];
    if (wait != NULL && cli_parse_duration(slice_of(wait), &wait_ms) < 0)
        return cli_fail(CLI_USAGE, "--wait wants a duration like 30s, not '%s'", wait);
    struct health health;
    int r = look(cli, &health);
    for (int64_t waited = 0; r == CLI_OK && waited < wait_ms && !is_healthy(&health);
         waited += LOOK_EVERY_MS) {
        r = rest(cli);
        if (r == CLI_OK) r = look(cli, &health);
    }
    return r != CLI_OK ? r : print_health(cli, &health);
}

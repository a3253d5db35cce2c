/* Metadata, connections to leaders, offsets. */
#include "cli/cluster.h"

#include <stdlib.h>
#include <string.h>

enum {
    CREATION_WAIT_MS = 100, /* between two looks whether a new topic has its leaders */
    CREATION_TRIES = 100,
};

/* --- metadata --------------------------------------------------------------------------------- */

static int32_t *copy_ids(struct arena *arena, const int32_t *ids, int32_t count)
{
    size_t size = count > 0 ? (size_t)count * sizeof(ids[0]) : 0;
    int32_t *copy = arena_alloc(arena, size);
    if (size > 0) memcpy(copy, ids, size);
    return copy;
}

static void take_brokers(struct cluster *cluster, const struct metadata_response *response)
{
    struct arena *arena = &cluster->cli->arena;
    cluster->broker_count = response->brokers_count > 0 ? response->brokers_count : 0;
    cluster->brokers =
        arena_alloc(arena, (size_t)cluster->broker_count * sizeof(cluster->brokers[0]));
    for (int32_t i = 0; i < cluster->broker_count; i++) {
        const struct metadata_response_metadata_response_broker *broker = &response->brokers[i];
        cluster->brokers[i] = (struct cluster_broker){broker->node_id, broker->port,
                                                      arena_copy(arena, broker->host), NULL};
    }
}

static int compare_partitions(const void *a, const void *b)
{
    const struct cluster_partition *left = a;
    const struct cluster_partition *right = b;
    return (left->index > right->index) - (left->index < right->index);
}

static void take_topic(struct arena *arena,
                       const struct metadata_response_metadata_response_topic *told,
                       struct cluster_topic *topic)
{
    *topic = (struct cluster_topic){.name = arena_copy(arena, told->name),
                                    .id = told->topic_id,
                                    .error = (enum kafka_error)told->error_code,
                                    .partition_count =
                                        told->partitions_count > 0 ? told->partitions_count : 0};
    size_t count = (size_t)topic->partition_count;
    topic->partitions = arena_alloc(arena, count * sizeof(topic->partitions[0]));
    for (size_t i = 0; i < count; i++) {
        const struct metadata_response_metadata_response_partition *partition =
            &told->partitions[i];
        topic->partitions[i] = (struct cluster_partition){
            .index = partition->partition_index,
            .leader = partition->leader_id,
            .leader_epoch = partition->leader_epoch,
            .replicas = copy_ids(arena, partition->replica_nodes, partition->replica_nodes_count),
            .replica_count = partition->replica_nodes_count,
            .isr = copy_ids(arena, partition->isr_nodes, partition->isr_nodes_count),
            .isr_count = partition->isr_nodes_count,
            .start = -1,
            .end = -1,
            .size = -1,
            .sought = -1,
        };
    }
    if (count > 0)
        qsort(topic->partitions, count, sizeof(topic->partitions[0]), compare_partitions);
}

static int compare_topics(const void *a, const void *b)
{
    const struct cluster_topic *left = a;
    const struct cluster_topic *right = b;
    return slice_compare(left->name, right->name);
}

static void take_topics(struct cluster *cluster, const struct metadata_response *response)
{
    struct arena *arena = &cluster->cli->arena;
    cluster->topic_count = response->topics_count > 0 ? response->topics_count : 0;
    size_t count = (size_t)cluster->topic_count;
    cluster->topics = arena_alloc(arena, count * sizeof(cluster->topics[0]));
    for (size_t i = 0; i < count; i++)
        take_topic(arena, &response->topics[i], &cluster->topics[i]);
    if (count > 0) qsort(cluster->topics, count, sizeof(cluster->topics[0]), compare_topics);
}

static int ask_metadata(struct cluster *cluster, const char *const *names, int count, bool create)
{
    struct arena *arena = &cluster->cli->arena;
    int16_t version = client_version(cluster->client, API_METADATA, INT16_MAX);
    struct metadata_request request;
    wire_defaults(&wire_metadata_request, &request);
    request.topics_count = names == NULL ? -1 : count;
    request.allow_auto_topic_creation = create || version < 4; /* older ones cannot say no */
    request.topics = arena_alloc(arena, (size_t)count * sizeof(request.topics[0]));
    for (int i = 0; i < count; i++)
        request.topics[i].name = slice_of(names[i]);
    struct metadata_response response;
    int r = client_call(cluster->client, API_METADATA, version, &request, arena, &response);
    if (r != CLI_OK) return r;
    take_topics(cluster, &response);
    if (cluster->brokers == NULL) take_brokers(cluster, &response);
    return CLI_OK;
}

/* Is any topic still being made? Then asking again is worth it. */
static bool is_in_the_making(const struct cluster *cluster)
{
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        const struct cluster_topic *topic = &cluster->topics[i];
        if (topic->error == KAFKA_ERROR_LEADER_NOT_AVAILABLE ||
            topic->error == KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION)
            return true;
        for (int32_t j = 0; j < topic->partition_count; j++) {
            if (topic->error == KAFKA_ERROR_NONE && topic->partitions[j].leader < 0) return true;
        }
    }
    return false;
}

int cluster_open(struct cli *cli, const char *const *names, int count, bool create,
                 struct cluster *cluster)
{
    *cluster = (struct cluster){.cli = cli};
    int r = client_open(cli, &cluster->client);
    if (r == CLI_OK) r = ask_metadata(cluster, names, count, create);
    for (int i = 0; r == CLI_OK && create && is_in_the_making(cluster) && i < CREATION_TRIES; i++) {
        client_sleep(cluster->client, CREATION_WAIT_MS);
        r = ask_metadata(cluster, names, count, create);
    }
    return r;
}

void cluster_close(struct cluster *cluster)
{
    for (int32_t i = 0; i < cluster->broker_count; i++)
        cluster->brokers[i].client = client_close(cluster->brokers[i].client);
    cluster->client = client_close(cluster->client);
}

int cluster_connect(struct cluster *cluster, int32_t broker_id, struct client **client)
{
    for (int32_t i = 0; i < cluster->broker_count; i++) {
        struct cluster_broker *broker = &cluster->brokers[i];
        if (broker->id != broker_id) continue;
        int r = CLI_OK;
        if (broker->client == NULL)
            r = client_open_at(cluster->cli, broker->host, broker->port, &broker->client);
        if (r == CLI_OK) *client = broker->client;
        return r;
    }
    return cli_fail(CLI_FAILED, "broker %d leads and is not there", (int)broker_id);
}

int cluster_parse_place(struct cli *cli, const char *text, const char **topic, int32_t *partition)
{
    const char *colon = strrchr(text, ':');
    int64_t number = -1;
    *topic = text;
    if (colon != NULL) {
        if (slice_parse_int64(slice_of(colon + 1), 0, INT32_MAX, &number) < 0)
            return cli_fail(CLI_USAGE, "'%s': what follows ':' is the number of a partition", text);
        struct slice name = {(const uint8_t *)text, (size_t)(colon - text)};
        *topic = (const char *)arena_printf(&cli->arena, "%.*s", SLICE_ARG(name)).data;
    }
    *partition = (int32_t)number;
    return CLI_OK;
}

/* --- offsets ---------------------------------------------------------------------------------- */

struct cluster_topic *cluster_find_topic(const struct cluster *cluster, struct slice name)
{
    struct cluster_topic wanted = {.name = name};
    return bsearch(&wanted, cluster->topics, (size_t)cluster->topic_count, sizeof(wanted),
                   compare_topics);
}

static struct cluster_partition *find_partition(struct cluster *cluster, struct slice name,
                                                int32_t index)
{
    struct cluster_topic *topic = cluster_find_topic(cluster, name);
    if (topic == NULL) return NULL;
    struct cluster_partition wanted = {.index = index};
    return bsearch(&wanted, topic->partitions, (size_t)topic->partition_count, sizeof(wanted),
                   compare_partitions);
}

/* Every partition that the broker leads. Returns how many. */
static int32_t gather_led(struct cluster *cluster, int32_t broker_id, int64_t timestamp,
                          struct list_offsets_request *request)
{
    struct arena *arena = &cluster->cli->arena;
    int32_t all = 0;
    request->topics = arena_alloc(arena, (size_t)cluster->topic_count * sizeof(request->topics[0]));
    request->topics_count = 0;
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        const struct cluster_topic *topic = &cluster->topics[i];
        struct list_offsets_request_list_offsets_topic *asked =
            &request->topics[request->topics_count];
        asked->name = topic->name;
        asked->partitions =
            arena_alloc(arena, (size_t)topic->partition_count * sizeof(asked->partitions[0]));
        for (int32_t j = 0; j < topic->partition_count; j++) {
            if (topic->partitions[j].leader != broker_id) continue;
            asked->partitions[asked->partitions_count++] =
                (struct list_offsets_request_list_offsets_partition){
                    .partition_index = topic->partitions[j].index,
                    .current_leader_epoch = -1,
                    .timestamp = timestamp,
                };
        }
        all += asked->partitions_count;
        if (asked->partitions_count > 0) request->topics_count++;
    }
    return all;
}

static void take_offsets(struct cluster *cluster, const struct list_offsets_response *response)
{
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct list_offsets_response_list_offsets_topic_response *topic =
            &response->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            struct cluster_partition *partition =
                find_partition(cluster, topic->name, topic->partitions[j].partition_index);
            if (partition != NULL && topic->partitions[j].error_code == KAFKA_ERROR_NONE)
                partition->sought = topic->partitions[j].offset;
        }
    }
}

int cluster_find_offsets(struct cluster *cluster, int64_t timestamp)
{
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        for (int32_t j = 0; j < cluster->topics[i].partition_count; j++)
            cluster->topics[i].partitions[j].sought = -1;
    }
    for (int32_t i = 0; i < cluster->broker_count; i++) {
        struct list_offsets_request request;
        wire_defaults(&wire_list_offsets_request, &request);
        request.replica_id = -1; /* a consumer */
        if (gather_led(cluster, cluster->brokers[i].id, timestamp, &request) == 0) continue;
        struct client *client;
        int r = cluster_connect(cluster, cluster->brokers[i].id, &client);
        if (r != CLI_OK) return r;
        struct list_offsets_response response;
        r = client_call(client, API_LIST_OFFSETS,
                        client_version(client, API_LIST_OFFSETS, INT16_MAX), &request,
                        &cluster->cli->arena, &response);
        if (r != CLI_OK) return r;
        take_offsets(cluster, &response);
    }
    return CLI_OK;
}

int cluster_learn_offsets(struct cluster *cluster)
{
    int r = cluster_find_offsets(cluster, CLUSTER_EARLIEST);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        for (int32_t j = 0; j < cluster->topics[i].partition_count; j++)
            cluster->topics[i].partitions[j].start = cluster->topics[i].partitions[j].sought;
    }
    r = cluster_find_offsets(cluster, CLUSTER_LATEST);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        for (int32_t j = 0; j < cluster->topics[i].partition_count; j++)
            cluster->topics[i].partitions[j].end = cluster->topics[i].partitions[j].sought;
    }
    return CLI_OK;
}

/* --- sizes ------------------------------------------------------------------------------------ */

static void take_sizes(struct cluster *cluster, int32_t broker_id,
                       const struct describe_log_dirs_response_describe_log_dirs_result *folder)
{
    for (int32_t i = 0; i < folder->topics_count; i++) {
        const struct describe_log_dirs_response_describe_log_dirs_topic *topic = &folder->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            const struct describe_log_dirs_response_describe_log_dirs_partition *told =
                &topic->partitions[j];
            struct cluster_partition *partition =
                find_partition(cluster, topic->name, told->partition_index);
            if (partition == NULL || partition->leader != broker_id || told->is_future_key)
                continue;
            partition->size = told->partition_size;
        }
    }
}

int cluster_learn_sizes(struct cluster *cluster)
{
    for (int32_t i = 0; i < cluster->broker_count; i++) {
        struct client *client;
        int r = cluster_connect(cluster, cluster->brokers[i].id, &client);
        if (r != CLI_OK) return r;
        if (client_version(client, API_DESCRIBE_LOG_DIRS, INT16_MAX) < 0) continue;
        struct describe_log_dirs_request request;
        struct describe_log_dirs_response response;
        wire_defaults(&wire_describe_log_dirs_request, &request);
        request.topics_count = -1; /* all */
        r = client_ask(client, API_DESCRIBE_LOG_DIRS, &request, &cluster->cli->arena, &response);
        if (r != CLI_OK) return r;
        for (int32_t j = 0; j < response.results_count; j++)
            take_sizes(cluster, cluster->brokers[i].id, &response.results[j]);
    }
    return CLI_OK;
}

/* --- quorum ----------------------------------------------------------------------------------- */

int cluster_learn_quorum(struct cluster *cluster, struct cluster_quorum *quorum)
{
    struct describe_quorum_request_partition_data partition = {0};
    struct describe_quorum_request_topic_data topic = {
        .topic_name = SLICE("__cluster_metadata"), .partitions = &partition, .partitions_count = 1};
    struct describe_quorum_request request;
    struct describe_quorum_response response;
    wire_defaults(&wire_describe_quorum_request, &request);
    request.topics = &topic;
    request.topics_count = 1;
    int r =
        client_ask(cluster->client, API_DESCRIBE_QUORUM, &request, &cluster->cli->arena, &response);
    if (r != CLI_OK) return r;
    enum kafka_error error = (enum kafka_error)response.error_code;
    if (error == KAFKA_ERROR_NONE &&
        (response.topics_count != 1 || response.topics[0].partitions_count != 1))
        error = KAFKA_ERROR_UNKNOWN_SERVER_ERROR;
    if (error == KAFKA_ERROR_NONE)
        error = (enum kafka_error)response.topics[0].partitions[0].error_code;
    if (error != KAFKA_ERROR_NONE)
        return cli_fail(client_exit(error), "%s: the quorum: %s", client_address(cluster->client),
                        kafka_error_name(error));
    const struct describe_quorum_response_partition_data *told = &response.topics[0].partitions[0];
    *quorum =
        (struct cluster_quorum){told->leader_id, told->leader_epoch, told->current_voters_count};
    return CLI_OK;
}

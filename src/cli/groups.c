/* What coordinators tell: lists, members, offsets. */
#include "cli/groups.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Later versions of OffsetFetch and OffsetCommit name topics by id (KIP-848). */
    LAST_NAMED_FETCH_VERSION = 9,
    LAST_NAMED_COMMIT_VERSION = 9,
    FIRST_BATCH_FETCH_VERSION = 8, /* OffsetFetch of many groups (KIP-709) */
    FIRST_BATCH_FIND_VERSION = 4,  /* FindCoordinator of many (KIP-699) */
    PLACES_FIRST = 16,
    CREATION_WAIT_MS = 100,
    CREATION_TRIES = 100,
};

/* --- which there are -------------------------------------------------------------------------- */

static int compare_groups(const void *a, const void *b)
{
    const struct group *left = a;
    const struct group *right = b;
    return slice_compare(left->id, right->id);
}

static bool is_wanted(struct slice id, const char *const *ids, int count)
{
    if (count == 0) return true;
    for (int i = 0; i < count; i++) {
        if (slice_equal(id, slice_of(ids[i]))) return true;
    }
    return false;
}

/* Adds what one broker lists: it coordinates those. */
static void take_listed(struct groups *groups, int32_t broker_id,
                        const struct list_groups_response *response, const char *const *ids,
                        int count)
{
    struct arena *arena = &groups->cluster.cli->arena;
    size_t more = response->groups_count > 0 ? (size_t)response->groups_count : 0;
    struct group *items = arena_alloc(arena, ((size_t)groups->count + more) * sizeof(items[0]) + 1);
    if (groups->count > 0) memcpy(items, groups->items, (size_t)groups->count * sizeof(items[0]));
    groups->items = items;
    for (size_t i = 0; i < more; i++) {
        const struct list_groups_response_listed_group *told = &response->groups[i];
        if (!is_wanted(told->group_id, ids, count)) continue;
        items[groups->count++] = (struct group){
            .id = arena_copy(arena, told->group_id),
            .type = arena_copy(arena, told->group_type),
            .state = arena_copy(arena, told->group_state),
            .protocol = arena_copy(arena, told->protocol_type),
            .coordinator = broker_id,
        };
    }
}

static int list(struct groups *groups, const char *const *ids, int count)
{
    struct cluster *cluster = &groups->cluster;
    for (int32_t i = 0; i < cluster->broker_count; i++) {
        struct client *client;
        int r = cluster_connect(cluster, cluster->brokers[i].id, &client);
        if (r != CLI_OK) return r;
        struct list_groups_request request;
        struct list_groups_response response;
        wire_defaults(&wire_list_groups_request, &request);
        r = client_ask(client, API_LIST_GROUPS, &request, &cluster->cli->arena, &response);
        if (r != CLI_OK) return r;
        enum kafka_error error = (enum kafka_error)response.error_code;
        if (error != KAFKA_ERROR_NONE)
            return cli_fail(client_exit(error), "%s: the groups: %s", client_address(client),
                            kafka_error_name(error));
        take_listed(groups, cluster->brokers[i].id, &response, ids, count);
    }
    if (groups->count > 0)
        qsort(groups->items, (size_t)groups->count, sizeof(groups->items[0]), compare_groups);
    return CLI_OK;
}

static bool is_listed(const struct groups *groups, struct slice id)
{
    struct group wanted = {.id = id};
    return groups->count > 0 && bsearch(&wanted, groups->items, (size_t)groups->count,
                                        sizeof(wanted), compare_groups) != NULL;
}

int groups_open(struct cli *cli, const char *const *ids, int count, struct groups *groups)
{
    *groups = (struct groups){.count = 0};
    int r = cluster_open(cli, NULL, 0, false, &groups->cluster);
    if (r == CLI_OK) r = list(groups, ids, count);
    for (int i = 0; r == CLI_OK && i < count; i++) {
        if (!is_listed(groups, slice_of(ids[i])))
            r = cli_fail(CLI_FAILED, "there is no group '%s'; gregor groups lists them", ids[i]);
    }
    return r;
}

void groups_close(struct groups *groups)
{
    cluster_close(&groups->cluster);
}

/* --- places ----------------------------------------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
    const struct group_place *left = a;
    const struct group_place *right = b;
    int order = slice_compare(left->topic, right->topic);
    return order != 0 ? order
                      : (left->partition > right->partition) - (left->partition < right->partition);
}

static void sort_places(struct group *group)
{
    if (group->place_count > 0)
        qsort(group->places, (size_t)group->place_count, sizeof(group->places[0]), compare_places);
}

/* Among the first `sorted`. */
static struct group_place *find_place(struct group *group, int32_t sorted, struct slice topic,
                                      int32_t partition)
{
    struct group_place wanted = {.topic = topic, .partition = partition};
    return sorted == 0
               ? NULL
               : bsearch(&wanted, group->places, (size_t)sorted, sizeof(wanted), compare_places);
}

/* Behind the others: the caller sorts when all are there. */
static struct group_place *add_place(struct arena *arena, struct group *group, struct slice topic,
                                     int32_t partition)
{
    if (group->place_count == group->place_capacity) {
        int32_t capacity = group->place_capacity > 0 ? 2 * group->place_capacity : PLACES_FIRST;
        struct group_place *places = arena_alloc(arena, (size_t)capacity * sizeof(places[0]));
        if (group->place_count > 0)
            memcpy(places, group->places, (size_t)group->place_count * sizeof(places[0]));
        group->places = places;
        group->place_capacity = capacity;
    }
    struct group_place *place = &group->places[group->place_count++];
    *place = (struct group_place){.topic = arena_copy(arena, topic),
                                  .partition = partition,
                                  .committed = -1,
                                  .start = -1,
                                  .end = -1};
    return place;
}

void groups_add_place(struct groups *groups, struct group *group, struct slice topic,
                      int32_t partition)
{
    if (find_place(group, group->place_count, topic, partition) != NULL) return;
    add_place(&groups->cluster.cli->arena, group, topic, partition);
    sort_places(group);
}

/* --- members ---------------------------------------------------------------------------------- */

static void give(struct arena *arena, struct group *group, struct group_member *member,
                 struct slice topic, const int32_t *partitions, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        add_place(arena, group, topic, partitions[i])->member = member;
    member->partition_count += count > 0 ? count : 0;
}

static struct group_member *add_member(struct group *group, struct arena *arena, struct slice id,
                                       struct slice instance_id, struct slice client_id,
                                       struct slice host)
{
    struct group_member *member = &group->members[group->member_count++];
    *member = (struct group_member){.id = arena_copy(arena, id),
                                    .instance_id = arena_copy(arena, instance_id),
                                    .client_id = arena_copy(arena, client_id),
                                    .host = arena_copy(arena, host)};
    return member;
}

/* What a classic member reads is between it and the group's leader: where both speak Kafka's own
 * consumer protocol it can be read, else nothing is known. (ConsumerProtocol.java) */
static void take_classic_assignment(struct arena *arena, struct group *group,
                                    struct group_member *member, struct slice bytes)
{
    struct consumer_protocol_assignment assignment;
    struct slice version_bytes;
    if (!slice_equal(group->protocol, SLICE("consumer"))) return;
    if (slice_take(&bytes, 2, &version_bytes) < 0) return;
    int16_t version = (int16_t)(version_bytes.data[0] << 8 | version_bytes.data[1]);
    int16_t newest = wire_version_max(&wire_consumer_protocol_assignment);
    if (version < 0) return;
    if (version > newest) version = newest; /* newer ones only add to the end */
    if (wire_decode(&wire_consumer_protocol_assignment, version, &bytes, arena, &assignment) < 0)
        return;
    for (int32_t i = 0; i < assignment.assigned_partitions_count; i++) {
        const struct consumer_protocol_assignment_topic_partition *topic =
            &assignment.assigned_partitions[i];
        give(arena, group, member, topic->topic, topic->partitions, topic->partitions_count);
    }
}

static int describe_classic(struct groups *groups, struct group *group)
{
    struct arena *arena = &groups->cluster.cli->arena;
    struct client *client;
    int r = cluster_connect(&groups->cluster, group->coordinator, &client);
    if (r != CLI_OK) return r;
    struct describe_groups_request request;
    struct describe_groups_response response;
    wire_defaults(&wire_describe_groups_request, &request);
    request.groups = &group->id;
    request.groups_count = 1;
    r = client_ask(client, API_DESCRIBE_GROUPS, &request, arena, &response);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < response.groups_count; i++) {
        const struct describe_groups_response_described_group *told = &response.groups[i];
        enum kafka_error error = (enum kafka_error)told->error_code;
        if (error != KAFKA_ERROR_NONE)
            return cli_fail(client_exit(error), "%.*s: %s", SLICE_ARG(group->id),
                            kafka_error_name(error));
        group->state = arena_copy(arena, told->group_state);
        group->protocol = arena_copy(arena, told->protocol_type);
        group->assignor = arena_copy(arena, told->protocol_data);
        group->members =
            arena_alloc(arena, (size_t)told->members_count * sizeof(group->members[0]) + 1);
        for (int32_t j = 0; j < told->members_count; j++) {
            const struct describe_groups_response_described_group_member *m = &told->members[j];
            struct group_member *member = add_member(
                group, arena, m->member_id, m->group_instance_id, m->client_id, m->client_host);
            take_classic_assignment(arena, group, member, m->member_assignment);
        }
    }
    return CLI_OK;
}

static int describe_consumer(struct groups *groups, struct group *group)
{
    struct arena *arena = &groups->cluster.cli->arena;
    struct client *client;
    int r = cluster_connect(&groups->cluster, group->coordinator, &client);
    if (r != CLI_OK) return r;
    struct consumer_group_describe_request request;
    struct consumer_group_describe_response response;
    wire_defaults(&wire_consumer_group_describe_request, &request);
    request.group_ids = &group->id;
    request.group_ids_count = 1;
    r = client_ask(client, API_CONSUMER_GROUP_DESCRIBE, &request, arena, &response);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < response.groups_count; i++) {
        const struct consumer_group_describe_response_described_group *told = &response.groups[i];
        enum kafka_error error = (enum kafka_error)told->error_code;
        if (error != KAFKA_ERROR_NONE)
            return cli_fail(client_exit(error), "%.*s: %s", SLICE_ARG(group->id),
                            kafka_error_name(error));
        group->state = arena_copy(arena, told->group_state);
        group->assignor = arena_copy(arena, told->assignor_name);
        group->members =
            arena_alloc(arena, (size_t)told->members_count * sizeof(group->members[0]) + 1);
        for (int32_t j = 0; j < told->members_count; j++) {
            const struct consumer_group_describe_response_member *m = &told->members[j];
            struct group_member *member = add_member(group, arena, m->member_id, m->instance_id,
                                                     m->client_id, m->client_host);
            for (int32_t k = 0; k < m->assignment.topic_partitions_count; k++) {
                const struct consumer_group_describe_response_topic_partitions *topic =
                    &m->assignment.topic_partitions[k];
                give(arena, group, member, topic->topic_name, topic->partitions,
                     topic->partitions_count);
            }
        }
    }
    return CLI_OK;
}

int groups_learn_members(struct groups *groups)
{
    for (int32_t i = 0; i < groups->count; i++) {
        struct group *group = &groups->items[i];
        bool is_consumer = slice_equal(group->type, SLICE("consumer"));
        bool is_classic = group->type.size == 0 || slice_equal(group->type, SLICE("classic"));
        if (!is_consumer && !is_classic) continue; /* share and streams groups have other members */
        int r = is_consumer ? describe_consumer(groups, group) : describe_classic(groups, group);
        if (r != CLI_OK) return r;
        sort_places(group);
    }
    return CLI_OK;
}

/* --- offsets ---------------------------------------------------------------------------------- */

static void take_committed(struct groups *groups, struct group *group,
                           const struct offset_fetch_response_offset_fetch_response_group *told)
{
    int32_t sorted = group->place_count;
    for (int32_t i = 0; i < told->topics_count; i++) {
        const struct offset_fetch_response_offset_fetch_response_topics *topic = &told->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            const struct offset_fetch_response_offset_fetch_response_partitions *partition =
                &topic->partitions[j];
            if (partition->error_code != KAFKA_ERROR_NONE) continue;
            struct group_place *place =
                find_place(group, sorted, topic->name, partition->partition_index);
            if (place == NULL)
                place = add_place(&groups->cluster.cli->arena, group, topic->name,
                                  partition->partition_index);
            place->committed = partition->committed_offset;
        }
    }
    sort_places(group);
}

int groups_fetch_offsets(struct client *coordinator, struct arena *arena,
                         struct offset_fetch_request_offset_fetch_request_group *asked,
                         const struct offset_fetch_response_offset_fetch_response_group **told)
{
    int16_t version = client_version(coordinator, API_OFFSET_FETCH, LAST_NAMED_FETCH_VERSION);
    if (version < FIRST_BATCH_FETCH_VERSION)
        return cli_fail(CLI_FAILED, "%s is too old to be asked for a group's offsets",
                        client_address(coordinator));
    struct offset_fetch_request request;
    struct offset_fetch_response response;
    wire_defaults(&wire_offset_fetch_request, &request);
    asked->topics_count = -1; /* all */
    request.groups = asked;
    request.groups_count = 1;
    int r = client_call(coordinator, API_OFFSET_FETCH, version, &request, arena, &response);
    if (r != CLI_OK) return r;
    enum kafka_error error = KAFKA_ERROR_UNKNOWN_SERVER_ERROR;
    if (response.groups_count == 1) error = (enum kafka_error)response.groups[0].error_code;
    if (error != KAFKA_ERROR_NONE)
        return cli_fail(client_exit(error), "the offsets of %.*s: %s", SLICE_ARG(asked->group_id),
                        kafka_error_name(error));
    *told = &response.groups[0];
    return CLI_OK;
}

static int fetch_committed(struct groups *groups, struct group *group)
{
    struct client *client;
    int r = cluster_connect(&groups->cluster, group->coordinator, &client);
    if (r != CLI_OK) return r;
    struct offset_fetch_request_offset_fetch_request_group asked = {.group_id = group->id,
                                                                    .member_epoch = -1};
    const struct offset_fetch_response_offset_fetch_response_group *told;
    r = groups_fetch_offsets(client, &groups->cluster.cli->arena, &asked, &told);
    if (r == CLI_OK) take_committed(groups, group, told);
    return r;
}

/* Only the topics that a group reads: nobody asks for the ends of the others. */
static void keep_topics_read(struct groups *groups)
{
    struct cluster *cluster = &groups->cluster;
    bool *read = arena_alloc(&cluster->cli->arena, (size_t)cluster->topic_count + 1);
    for (int32_t i = 0; i < groups->count; i++) {
        for (int32_t j = 0; j < groups->items[i].place_count; j++) {
            const struct cluster_topic *topic =
                cluster_find_topic(cluster, groups->items[i].places[j].topic);
            if (topic != NULL) read[topic - cluster->topics] = true;
        }
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        if (read[i]) cluster->topics[kept++] = cluster->topics[i];
    }
    cluster->topic_count = kept;
}

static void take_ends(struct groups *groups, struct group *group)
{
    for (int32_t i = 0; i < group->place_count; i++) {
        struct group_place *place = &group->places[i];
        const struct cluster_topic *topic = cluster_find_topic(&groups->cluster, place->topic);
        if (topic == NULL) continue; /* it has been deleted */
        for (int32_t j = 0; j < topic->partition_count; j++) {
            if (topic->partitions[j].index != place->partition) continue;
            place->start = topic->partitions[j].start;
            place->end = topic->partitions[j].end;
        }
    }
}

int groups_learn_offsets(struct groups *groups)
{
    int r = CLI_OK;
    for (int32_t i = 0; r == CLI_OK && i < groups->count; i++)
        r = fetch_committed(groups, &groups->items[i]);
    if (r != CLI_OK) return r;
    keep_topics_read(groups);
    r = cluster_learn_offsets(&groups->cluster);
    for (int32_t i = 0; r == CLI_OK && i < groups->count; i++)
        take_ends(groups, &groups->items[i]);
    return r;
}

int64_t group_place_lag(const struct group_place *place)
{
    if (place->committed < 0 || place->end < 0) return -1;
    return place->end > place->committed ? place->end - place->committed : 0;
}

int64_t group_lag(const struct group *group)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < group->place_count; i++) {
        int64_t lag = group_place_lag(&group->places[i]);
        if (lag > 0) sum += lag;
    }
    return sum;
}

/* --- coordinators ----------------------------------------------------------------------------- */

int groups_find_coordinator(struct cluster *cluster, struct slice id, int32_t *broker_id)
{
    struct client *client = cluster->client;
    struct find_coordinator_request request;
    struct find_coordinator_response response;
    wire_defaults(&wire_find_coordinator_request, &request);
    int16_t version = client_version(client, API_FIND_COORDINATOR, INT16_MAX);
    if (version >= FIRST_BATCH_FIND_VERSION) {
        request.coordinator_keys = &id;
        request.coordinator_keys_count = 1;
    } else {
        request.key = id;
    }
    for (int tries = 0;; tries++) {
        int r = client_call(client, API_FIND_COORDINATOR, version, &request, &cluster->cli->arena,
                            &response);
        if (r != CLI_OK) return r;
        bool batch = version >= FIRST_BATCH_FIND_VERSION && response.coordinators_count == 1;
        enum kafka_error error =
            (enum kafka_error)(batch ? response.coordinators[0].error_code : response.error_code);
        *broker_id = batch ? response.coordinators[0].node_id : response.node_id;
        if (error == KAFKA_ERROR_NONE) return CLI_OK;
        /* The topic of the groups is being made: the first group of a cluster waits for it. */
        bool passing = error == KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE;
        if (!passing || tries == CREATION_TRIES)
            return cli_fail(client_exit(error), "the coordinator of %.*s: %s", SLICE_ARG(id),
                            kafka_error_name(error));
        client_sleep(client, CREATION_WAIT_MS);
    }
}

/* --- commits ---------------------------------------------------------------------------------- */

static void gather(struct arena *arena, const struct group_commit *commits, int32_t count,
                   struct offset_commit_request *request)
{
    struct offset_commit_request_offset_commit_request_partition *next =
        arena_alloc(arena, (size_t)count * sizeof(*next));
    request->topics = arena_alloc(arena, (size_t)count * sizeof(request->topics[0]));
    struct offset_commit_request_offset_commit_request_topic *topic = NULL;
    for (int32_t i = 0; i < count; i++) {
        if (topic == NULL || !slice_equal(topic->name, commits[i].topic)) {
            topic = &request->topics[request->topics_count++];
            *topic = (struct offset_commit_request_offset_commit_request_topic){
                .name = commits[i].topic, .partitions = next};
        }
        topic->partitions_count++;
        *next++ = (struct offset_commit_request_offset_commit_request_partition){
            .partition_index = commits[i].partition,
            .committed_offset = commits[i].offset,
            .committed_leader_epoch = -1,
            .committed_metadata = SLICE(""),
        };
    }
}

int groups_commit(struct client *coordinator, struct arena *arena,
                  struct offset_commit_request *request, const struct group_commit *commits,
                  int32_t count)
{
    struct offset_commit_response response;
    gather(arena, commits, count, request);
    int r = client_call(coordinator, API_OFFSET_COMMIT,
                        client_version(coordinator, API_OFFSET_COMMIT, LAST_NAMED_COMMIT_VERSION),
                        request, arena, &response);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < response.topics_count; i++) {
        for (int32_t j = 0; j < response.topics[i].partitions_count; j++) {
            enum kafka_error error = (enum kafka_error)response.topics[i].partitions[j].error_code;
            if (error != KAFKA_ERROR_NONE)
                r = cli_fail(client_exit(error), "%.*s:%d is not committed: %s",
                             SLICE_ARG(response.topics[i].name),
                             (int)response.topics[i].partitions[j].partition_index,
                             kafka_error_name(error));
        }
    }
    return r;
}

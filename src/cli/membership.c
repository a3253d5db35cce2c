/* The life of a member: epochs, heartbeats, commits. */
#include "cli/membership.h"

#include <string.h>

#include "base/memory.h"
#include "cli/groups.h"

enum {
    EPOCH_ENTER = 0, /* ConsumerGroupHeartbeatRequest */
    EPOCH_LEAVE = -1,
    REBALANCE_TIMEOUT_MS = 60000, /* how long it may take to let partitions go */
    REQUEST_BYTES_MAX = 64 << 20,
    /* The first answer may come before the coordinator has shared out the partitions anew: who has
     * nothing asks more often, and believes it after so many times. */
    EMPTY_BEAT_MS = 500,
    EMPTY_BEATS = 12,
    RETRY_MS = 100, /* while a coordinator is being found its place, */
    RETRIES = 300,  /* so often */
    NS_PER_MS = 1000000,
};

struct membership {
    struct cluster *cluster;
    struct client *client; /* the coordinator; the cluster's */
    struct slice group;
    char id[UUID_TEXT_SIZE];
    int32_t epoch;
    int32_t retries;      /* since the coordinator last answered as one */
    int64_t next_beat_ns; /* monotonic */
    int32_t empty_beats;  /* one after the other that gave it nothing to read */
    bool **has;           /* by topic of the cluster and partition index */
    struct arena arena;   /* of one request */
};

/* --- heartbeats ------------------------------------------------------------------------------- */

static int64_t now_ns(const struct membership *membership)
{
    return os_monotonic_ns(client_os(membership->client));
}

static void gather_topics(struct membership *membership,
                          struct consumer_group_heartbeat_request *request)
{
    const struct cluster *cluster = membership->cluster;
    size_t count = (size_t)cluster->topic_count;
    request->subscribed_topic_names =
        arena_alloc(&membership->arena, count * sizeof(request->subscribed_topic_names[0]) + 1);
    for (size_t i = 0; i < count; i++)
        request->subscribed_topic_names[i] = cluster->topics[i].name;
    request->subscribed_topic_names_count = cluster->topic_count;
}

/* What it has now. */
static void gather_owned(struct membership *membership,
                         struct consumer_group_heartbeat_request *request)
{
    const struct cluster *cluster = membership->cluster;
    struct arena *arena = &membership->arena;
    request->topic_partitions =
        arena_alloc(arena, (size_t)cluster->topic_count * sizeof(request->topic_partitions[0]) + 1);
    request->topic_partitions_count = 0;
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        const struct cluster_topic *topic = &cluster->topics[i];
        struct consumer_group_heartbeat_request_topic_partitions *owned =
            &request->topic_partitions[request->topic_partitions_count];
        *owned = (struct consumer_group_heartbeat_request_topic_partitions){.topic_id = topic->id};
        owned->partitions =
            arena_alloc(arena, (size_t)topic->partition_count * sizeof(owned->partitions[0]) + 1);
        for (int32_t j = 0; j < topic->partition_count; j++) {
            if (membership->has[i][j])
                owned->partitions[owned->partitions_count++] = topic->partitions[j].index;
        }
        if (owned->partitions_count > 0) request->topic_partitions_count++;
    }
}

static void clear_owned(struct membership *membership)
{
    const struct cluster *cluster = membership->cluster;
    for (int32_t i = 0; i < cluster->topic_count; i++)
        memset(membership->has[i], 0, (size_t)cluster->topics[i].partition_count);
}

static void take_assignment(struct membership *membership,
                            const struct consumer_group_heartbeat_response_assignment *assignment)
{
    const struct cluster *cluster = membership->cluster;
    clear_owned(membership);
    for (int32_t i = 0; i < assignment->topic_partitions_count; i++) {
        const struct consumer_group_heartbeat_response_topic_partitions *told =
            &assignment->topic_partitions[i];
        for (int32_t j = 0; j < cluster->topic_count; j++) {
            if (!uuid_equal(&cluster->topics[j].id, &told->topic_id)) continue;
            for (int32_t k = 0; k < told->partitions_count; k++) {
                int32_t index = told->partitions[k];
                if (index >= 0 && index < cluster->topics[j].partition_count)
                    membership->has[j][index] = true;
            }
        }
    }
}

static bool owns_any(const struct membership *membership)
{
    const struct cluster *cluster = membership->cluster;
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        for (int32_t j = 0; j < cluster->topics[i].partition_count; j++) {
            if (membership->has[i][j]) return true;
        }
    }
    return false;
}

static int beat(struct membership *membership, bool *changed)
{
    struct consumer_group_heartbeat_request request;
    struct consumer_group_heartbeat_response response;
    arena_reset(&membership->arena);
    wire_defaults(&wire_consumer_group_heartbeat_request, &request);
    request.group_id = membership->group;
    request.member_id = slice_of(membership->id);
    request.member_epoch = membership->epoch;
    if (membership->epoch == EPOCH_ENTER) {
        request.rebalance_timeout_ms = REBALANCE_TIMEOUT_MS;
        gather_topics(membership, &request);
    }
    if (membership->epoch >= EPOCH_ENTER) gather_owned(membership, &request);
    int r = client_ask(membership->client, API_CONSUMER_GROUP_HEARTBEAT, &request,
                       &membership->arena, &response);
    if (r != CLI_OK) return r;
    enum kafka_error error = (enum kafka_error)response.error_code;
    if (error == KAFKA_ERROR_FENCED_MEMBER_EPOCH || error == KAFKA_ERROR_UNKNOWN_MEMBER_ID) {
        /* It was silent for too long, and the others have taken over: it enters anew. */
        membership->epoch = EPOCH_ENTER;
        clear_owned(membership);
        *changed = true;
        return CLI_OK;
    }
    bool passing = error == KAFKA_ERROR_COORDINATOR_LOAD_IN_PROGRESS ||
                   error == KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE ||
                   error == KAFKA_ERROR_NOT_COORDINATOR;
    if (passing && membership->retries++ < RETRIES) {
        client_sleep(membership->client, RETRY_MS);
        return CLI_OK;
    }
    if (error != KAFKA_ERROR_NONE)
        return cli_fail(client_exit(error), "group %.*s: %s: %.*s", SLICE_ARG(membership->group),
                        kafka_error_name(error), SLICE_ARG(response.error_message));
    membership->retries = 0;
    membership->epoch = response.member_epoch;
    if (response.assignment != NULL) {
        take_assignment(membership, response.assignment);
        *changed = true;
    }
    int64_t wait_ms = response.heartbeat_interval_ms;
    if (owns_any(membership)) {
        membership->empty_beats = 0;
    } else {
        membership->empty_beats++;
        if (wait_ms > EMPTY_BEAT_MS) wait_ms = EMPTY_BEAT_MS;
    }
    membership->next_beat_ns = now_ns(membership) + wait_ms * NS_PER_MS;
    return CLI_OK;
}

int membership_beat(struct membership *membership, bool *changed)
{
    *changed = false;
    bool due = membership->epoch == EPOCH_ENTER || now_ns(membership) >= membership->next_beat_ns;
    return due ? beat(membership, changed) : CLI_OK;
}

void membership_settle(struct membership *membership)
{
    membership->next_beat_ns = 0;
}

bool membership_is_settled(const struct membership *membership)
{
    return membership->epoch > EPOCH_ENTER && membership->next_beat_ns > 0 &&
           (membership->empty_beats == 0 || membership->empty_beats >= EMPTY_BEATS);
}

bool membership_has(const struct membership *membership, const struct cluster_topic *topic,
                    int32_t partition)
{
    return membership->has[topic - membership->cluster->topics][partition];
}

/* --- life ------------------------------------------------------------------------------------- */

int membership_enter(struct cluster *cluster, struct slice group, struct membership **entered)
{
    int32_t coordinator;
    struct client *client;
    int r = groups_find_coordinator(cluster, group, &coordinator);
    if (r == CLI_OK) r = cluster_connect(cluster, coordinator, &client);
    if (r != CLI_OK) return r;
    if (client_version(client, API_CONSUMER_GROUP_HEARTBEAT, INT16_MAX) < 0)
        return cli_fail(CLI_FAILED, "%s does not know how to assign partitions itself (KIP-848)",
                        client_address(client));
    struct membership *membership = memory_alloc_zero(sizeof(*membership));
    membership->cluster = cluster;
    membership->client = client;
    membership->group = group;
    arena_init(&membership->arena, REQUEST_BYTES_MAX);
    uint8_t random[16];
    struct uuid id;
    do
        os_random(client_os(client), random, sizeof(random));
    while (!uuid_from_random(random, &id));
    uuid_format(&id, membership->id);
    struct arena *arena = &cluster->cli->arena;
    membership->has = arena_alloc(arena, (size_t)cluster->topic_count * sizeof(bool *) + 1);
    for (int32_t i = 0; i < cluster->topic_count; i++)
        membership->has[i] = arena_alloc(arena, (size_t)cluster->topics[i].partition_count + 1);
    *entered = membership;
    return CLI_OK;
}

struct membership *membership_leave(struct membership *membership)
{
    if (membership == NULL) return NULL;
    bool changed;
    if (membership->epoch > EPOCH_ENTER) {
        membership->epoch = EPOCH_LEAVE;
        (void)beat(membership, &changed); /* what went wrong was said */
    }
    arena_deinit(&membership->arena);
    memory_free(membership);
    return NULL;
}

/* --- offsets ---------------------------------------------------------------------------------- */

static void take_offsets(const struct offset_fetch_response_offset_fetch_response_topics *topic,
                         struct membership_place *places, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (!slice_equal(places[i].topic->name, topic->name)) continue;
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            if (topic->partitions[j].partition_index == places[i].partition)
                places[i].offset = topic->partitions[j].committed_offset;
        }
    }
}

int membership_fetch(struct membership *membership, struct membership_place *places, int32_t count)
{
    struct offset_fetch_request_offset_fetch_request_group asked = {
        .group_id = membership->group,
        .member_id = slice_of(membership->id),
        .member_epoch = membership->epoch,
    };
    const struct offset_fetch_response_offset_fetch_response_group *told;
    arena_reset(&membership->arena);
    int r = groups_fetch_offsets(membership->client, &membership->arena, &asked, &told);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < count; i++)
        places[i].offset = -1;
    for (int32_t i = 0; i < told->topics_count; i++)
        take_offsets(&told->topics[i], places, count);
    return CLI_OK;
}

int membership_commit(struct membership *membership, const struct membership_place *places,
                      int32_t count)
{
    if (count == 0 || membership->epoch <= EPOCH_ENTER) return CLI_OK;
    struct offset_commit_request request;
    arena_reset(&membership->arena);
    struct group_commit *commits =
        arena_alloc(&membership->arena, (size_t)count * sizeof(commits[0]));
    for (int32_t i = 0; i < count; i++)
        commits[i] =
            (struct group_commit){places[i].topic->name, places[i].partition, places[i].offset};
    wire_defaults(&wire_offset_commit_request, &request);
    request.group_id = membership->group;
    request.member_id = slice_of(membership->id);
    request.generation_id_or_member_epoch = membership->epoch;
    return groups_commit(membership->client, &membership->arena, &request, commits, count);
}

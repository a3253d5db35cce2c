/* Who leads: when brokers come and go, and when somebody asks for an election.
 * (PartitionChangeBuilder, ReplicationControlManager.electLeaders, KIP-460, KIP-966) */
#include "core/controller/plan.h"

enum { NO_LEADER_CHANGE = -2, RECOVERING = 1 };

/* A broker whose state changes with this plan; -1: none does. */
struct mover {
    struct planner *planner;
    int32_t broker_id;
    const struct uuid *directory; /* only the replicas in this folder; NULL: all */
    bool active;
};

static bool is_active(const struct mover *mover, int32_t broker_id)
{
    if (broker_id == mover->broker_id) return mover->active;
    return broker_is_active(image_broker_by_id(mover->planner->input->image, broker_id));
}

static bool contains(const int32_t *ids, int32_t count, int32_t id)
{
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] == id) return true;
    }
    return false;
}

/* Is the replica in a folder that works? Older records name none. (BrokerRegistration.hasOnlineDir)
 */
static bool has_folder(const struct image_broker *broker, const struct uuid *directory)
{
    if (!controller_directory_is_chosen(directory)) return true;
    for (int32_t i = 0; i < broker->log_dir_count; i++)
        if (uuid_equal(&broker->log_dirs[i], directory)) return true;
    return broker->log_dir_count == 0;
}

/* May this replica lead? (LeaderAcceptor) */
static bool is_acceptable(const struct mover *mover, const struct image_partition *partition,
                          int32_t replica)
{
    int32_t id = partition->replicas[replica];
    if (!is_active(mover, id)) return false;
    const struct image_broker *broker = image_broker_by_id(mover->planner->input->image, id);
    return broker == NULL || has_folder(broker, &partition->directories[replica]);
}

/* The first replica, in the order of preference, that may lead and is one of `ids`. */
static int32_t first_active(const struct mover *mover, const struct image_partition *partition,
                            const int32_t *ids, int32_t count)
{
    for (int32_t i = 0; i < partition->replica_count; i++) {
        int32_t id = partition->replicas[i];
        if (is_acceptable(mover, partition, i) && contains(ids, count, id)) return id;
    }
    return IMAGE_NO_LEADER;
}

/* `ids` without one of them. */
static int32_t *without(const int32_t *ids, int32_t count, int32_t id, struct arena *arena,
                        int32_t *left)
{
    int32_t *others = arena_alloc(arena, (size_t)count * sizeof(others[0]));
    *left = 0;
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] != id) others[(*left)++] = ids[i];
    }
    return others;
}

/* One that may lack what was committed leads, and is in sync alone: the price of going on. */
static void elect_uncleanly(int32_t leader, struct arena *arena,
                            struct partition_change_record *record)
{
    ASSERT(leader != IMAGE_NO_LEADER);
    record->isr = arena_alloc(arena, sizeof(record->isr[0]));
    record->isr[0] = leader;
    record->isr_count = 1;
    record->leader = leader;
    record->leader_recovery_state = RECOVERING;
    record->eligible_leader_replicas_count = 0;
    record->last_known_elr_count = 0;
}

/* Who is in sync leads. If none of those is there, one that left the in-sync replicas with all that
 * was committed does, and is in sync alone from then on. (KIP-966) */
static void elect(const struct mover *mover, const struct image_partition *partition,
                  struct partition_change_record *record)
{
    struct arena *arena = mover->planner->input->arena;
    int32_t leader = first_active(mover, partition, partition->isr, partition->isr_count);
    if (leader == IMAGE_NO_LEADER && partition->elr_count > 0) {
        leader = first_active(mover, partition, partition->elr, partition->elr_count);
        if (leader != IMAGE_NO_LEADER) {
            record->isr = arena_alloc(arena, sizeof(record->isr[0]));
            record->isr[0] = leader;
            record->isr_count = 1;
            record->eligible_leader_replicas =
                without(partition->elr, partition->elr_count, leader, arena,
                        &record->eligible_leader_replicas_count);
            record->last_known_elr_count = 0;
        }
    }
    if (leader != partition->leader) record->leader = leader;
}

/* The in-sync replicas without the one that leaves. The last one stays, so that it is known who has
 * everything. Null count (-1): no change. */
static int32_t *shrink_isr(const struct mover *mover, const struct image_partition *partition,
                           int32_t *count)
{
    *count = -1;
    if (mover->active || partition->isr_count < 2) return NULL;
    if (!contains(partition->isr, partition->isr_count, mover->broker_id)) return NULL;
    return without(partition->isr, partition->isr_count, mover->broker_id,
                   mover->planner->input->arena, count);
}

/* The last one in sync leaves and nobody takes over: where eligible leaders count it is one, and in
 * sync no more. Whoever opens this log next knows by that who has everything. */
static void remember_last(const struct mover *mover, const struct image_partition *partition,
                          struct partition_change_record *record)
{
    if (!elr_is_enabled(mover->planner->input->image)) return;
    if (partition->isr_count != 1 || partition->isr[0] != mover->broker_id) return;
    int32_t count = partition->elr_count;
    ASSERT(count >= 0);
    ASSERT(!contains(partition->elr, count, mover->broker_id));
    int32_t *elr = arena_alloc(mover->planner->input->arena, ((size_t)count + 1) * sizeof(elr[0]));
    for (int32_t i = 0; i < count; i++)
        elr[i] = partition->elr[i];
    elr[count] = mover->broker_id;
    record->isr_count = 0;
    record->eligible_leader_replicas = elr;
    record->eligible_leader_replicas_count = count + 1;
    if (partition->leader == IMAGE_NO_LEADER) return;
    record->last_known_elr = arena_alloc(mover->planner->input->arena, sizeof(elr[0]));
    record->last_known_elr[0] = partition->leader;
    record->last_known_elr_count = 1;
}

struct partition_change_record partition_unchanged(const struct image_topic *topic, int32_t index)
{
    ASSERT(index >= 0);
    ASSERT(index < topic->partition_count);
    return (struct partition_change_record){
        .partition_id = index,
        .topic_id = topic->id,
        .isr_count = -1,
        .leader = NO_LEADER_CHANGE,
        .leader_recovery_state = -1,
        .replicas_count = -1,
        .removing_replicas_count = -1,
        .adding_replicas_count = -1,
        .directories_count = -1,
        .eligible_leader_replicas_count = -1,
        .last_known_elr_count = -1,
    };
}

static void plan_leadership(const struct mover *mover, const struct image_topic *topic,
                            int32_t index)
{
    const struct image_partition *partition = &topic->partitions[index];
    const struct uuid *place = controller_directory(partition, mover->broker_id);
    if (place == NULL) return;
    if (mover->directory != NULL && !uuid_equal(place, mover->directory)) return;
    struct partition_change_record record = partition_unchanged(topic, index);
    record.isr = shrink_isr(mover, partition, &record.isr_count);
    bool must_elect = mover->active ? partition->leader == IMAGE_NO_LEADER
                                    : partition->leader == mover->broker_id;
    if (must_elect) elect(mover, partition, &record);
    if (!mover->active && record.isr_count < 0) remember_last(mover, partition, &record);
    if (record.leader == NO_LEADER_CHANGE && record.isr_count < 0) return;
    planner_add(mover->planner, IMAGE_RECORD_PARTITION_CHANGE, &record);
}

void plan_leaderships(struct planner *planner, int32_t broker_id, const struct uuid *directory,
                      bool active)
{
    const struct mover mover = {planner, broker_id, directory, active};
    struct slice cursor = SLICE_NULL;
    const struct image_topic *topic;
    while ((topic = image_topic_next(planner->input->image, &cursor)) != NULL) {
        for (int32_t i = 0; i < topic->partition_count; i++)
            plan_leadership(&mover, topic, i);
    }
}

/* --- elections that somebody asks for --------------------------------------------------------- */

enum election { ELECT_PREFERRED = 0, ELECT_UNCLEAN = 1 };

enum { VERSION_WITH_ERROR = 1 }; /* of the request as a whole */

struct ballot {
    struct planner planner;
    enum election election;
    struct elect_leaders_response response;
};

static struct refusal plan_election(struct ballot *ballot, const struct image_topic *topic,
                                    int32_t index)
{
    const struct image_partition *partition = image_partition(topic, index);
    ASSERT(partition != NULL);
    ASSERT(partition->replica_count > 0);
    struct arena *arena = ballot->planner.input->arena;
    struct mover mover = {&ballot->planner, -1, NULL, false};
    int32_t preferred = partition->replicas[0];
    bool unclean = ballot->election == ELECT_UNCLEAN;
    if (unclean ? partition->leader != IMAGE_NO_LEADER : partition->leader == preferred)
        return refuse_plainly(KAFKA_ERROR_ELECTION_NOT_NEEDED);
    struct partition_change_record record = partition_unchanged(topic, index);
    if (is_acceptable(&mover, partition, 0) &&
        contains(partition->isr, partition->isr_count, preferred))
        record.leader = preferred;
    else if (!is_active(&mover, partition->leader))
        elect(&mover, partition, &record);
    if (unclean && record.leader < 0) {
        int32_t any =
            first_active(&mover, partition, partition->replicas, partition->replica_count);
        if (any != IMAGE_NO_LEADER) elect_uncleanly(any, arena, &record);
    }
    if (record.leader == NO_LEADER_CHANGE)
        return refuse_plainly(unclean ? KAFKA_ERROR_ELIGIBLE_LEADERS_NOT_AVAILABLE
                                      : KAFKA_ERROR_PREFERRED_LEADER_NOT_AVAILABLE);
    ASSERT(record.leader != partition->leader);
    if (ballot->planner.count == CONTROLLER_RECORDS_MAX) return refuse_too_many();
    planner_add(&ballot->planner, IMAGE_RECORD_PARTITION_CHANGE, &record);
    return (struct refusal){0};
}

static struct elect_leaders_response_replica_election_result *
answer_topic(struct ballot *ballot, struct slice name, int32_t partitions)
{
    struct elect_leaders_response *response = &ballot->response;
    struct elect_leaders_response_replica_election_result *result =
        &response->replica_election_results[response->replica_election_results_count++];
    ASSERT(partitions >= 0);
    size_t room = (size_t)partitions * sizeof(result->partition_result[0]);
    *result = (struct elect_leaders_response_replica_election_result){
        .topic = name,
        .partition_result = arena_alloc(ballot->planner.input->arena, room),
    };
    return result;
}

static void answer_partition(struct elect_leaders_response_replica_election_result *result,
                             int32_t index, struct refusal refusal)
{
    result->partition_result[result->partition_result_count++] =
        (struct elect_leaders_response_partition_result){
            .partition_id = index,
            .error_code = (int16_t)refusal.error,
            .error_message = refusal.message,
        };
}

/* All partitions of the cluster; those that are led as they should be are not told. */
static void elect_everywhere(struct ballot *ballot)
{
    const struct image *image = ballot->planner.input->image;
    size_t room = image_topic_count(image) * sizeof(ballot->response.replica_election_results[0]);
    ballot->response.replica_election_results = arena_alloc(ballot->planner.input->arena, room);
    struct slice cursor = SLICE_NULL;
    const struct image_topic *topic;
    while ((topic = image_topic_next(image, &cursor)) != NULL) {
        struct elect_leaders_response_replica_election_result *result =
            answer_topic(ballot, topic->name, topic->partition_count);
        for (int32_t i = 0; i < topic->partition_count; i++) {
            ASSERT(result->partition_result_count <= i);
            if (image_partition(topic, i) == NULL) continue;
            struct refusal refusal = plan_election(ballot, topic, i);
            if (refusal.error != KAFKA_ERROR_ELECTION_NOT_NEEDED)
                answer_partition(result, i, refusal);
        }
    }
}

static struct refusal elect_one(struct ballot *ballot, const struct image_topic *topic,
                                int32_t index)
{
    if (image_partition(topic, index) == NULL)
        return refuse(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                      arena_printf(ballot->planner.input->arena, "No such partition as %.*s-%d",
                                   SLICE_ARG(topic->name), (int)index));
    return plan_election(ballot, topic, index);
}

/* The partitions of one topic, unless `shared` says why none of them can be had. */
static void elect_topic(struct ballot *ballot,
                        const struct elect_leaders_request_topic_partitions *asked,
                        struct refusal shared)
{
    const struct controller_input *input = ballot->planner.input;
    const struct image_topic *topic = image_topic_by_name(input->image, asked->topic);
    if (shared.error == KAFKA_ERROR_NONE && topic == NULL)
        shared =
            refuse(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                   arena_printf(input->arena, "No such topic as %.*s", SLICE_ARG(asked->topic)));
    struct elect_leaders_response_replica_election_result *result =
        answer_topic(ballot, asked->topic, asked->partitions_count);
    for (int32_t i = 0; i < asked->partitions_count; i++) {
        int32_t index = asked->partitions[i];
        ASSERT(topic != NULL || shared.error != KAFKA_ERROR_NONE);
        answer_partition(result, index,
                         shared.error != KAFKA_ERROR_NONE ? shared
                                                          : elect_one(ballot, topic, index));
    }
}

static void elect_named(struct ballot *ballot, const struct elect_leaders_request *request,
                        struct refusal shared)
{
    size_t count =
        request->topic_partitions_count < 0 ? 0 : (size_t)request->topic_partitions_count;
    ballot->response.replica_election_results = arena_alloc(
        ballot->planner.input->arena, count * sizeof(ballot->response.replica_election_results[0]));
    for (size_t i = 0; i < count; i++)
        elect_topic(ballot, &request->topic_partitions[i], shared);
}

static struct refusal check_election(const struct elect_leaders_request *request,
                                     struct arena *arena)
{
    if (request->election_type == ELECT_PREFERRED || request->election_type == ELECT_UNCLEAN)
        return (struct refusal){0};
    return refuse(KAFKA_ERROR_INVALID_REQUEST,
                  arena_printf(arena, "Unknown election type %d", (int)request->election_type));
}

int plan_elect_leaders(const struct controller_input *input, int16_t version, const void *message,
                       struct controller_plan *plan, struct writer *reply)
{
    const struct elect_leaders_request *request = message;
    struct ballot ballot = {.election = (enum election)request->election_type};
    planner_begin(&ballot.planner, input);
    struct refusal refusal = check_time(request->timeout_ms);
    if (refusal.error == KAFKA_ERROR_NONE) refusal = check_election(request, input->arena);
    if (version >= VERSION_WITH_ERROR) ballot.response.error_code = (int16_t)refusal.error;
    if (refusal.error == KAFKA_ERROR_NONE && request->topic_partitions_count < 0)
        elect_everywhere(&ballot);
    else
        elect_named(&ballot, request, refusal);
    if (refusal.error != KAFKA_ERROR_NONE) ASSERT(ballot.planner.count == 0);
    planner_end(&ballot.planner, true, plan);
    return wire_encode(&wire_elect_leaders_response, version, &ballot.response, reply, NULL);
}

/* Partitions that shall live on other brokers. A node alone moves none: what it can answer is what
 * needs no move. (ReplicationControlManager.alterPartitionReassignments, KIP-455, KIP-860) */
#include <string.h>

#include "core/controller/plan.h"

static bool is_moving(const struct image_partition *partition)
{
    return partition->adding_count > 0 || partition->removing_count > 0;
}

static bool is_where_it_is(const struct image_partition *partition, struct assignment target)
{
    ASSERT(target.count > 0); /* it was checked */
    ASSERT(partition->replica_count > 0);
    size_t size = (size_t)target.count * sizeof(target.replicas[0]);
    return !is_moving(partition) && partition->replica_count == target.count &&
           memcmp(partition->replicas, target.replicas, size) == 0;
}

/* --- AlterPartitionReassignments -------------------------------------------------------------- */

/* How many replicas the partition will have when what is under way is done. */
static int32_t replicas_to_be(const struct image_partition *partition)
{
    ASSERT(partition->removing_count <= partition->replica_count);
    return partition->replica_count - partition->removing_count;
}

static struct refusal move(const struct controller_input *input,
                           const struct image_partition *partition, struct assignment target,
                           bool any_count)
{
    struct refusal refusal = check_assignment(input->image, target, -1, input->arena);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    if (!any_count && target.count != replicas_to_be(partition))
        return refuse(KAFKA_ERROR_INVALID_REPLICATION_FACTOR,
                      arena_printf(input->arena, "The replication factor is changed from %d to %d",
                                   (int)replicas_to_be(partition), (int)target.count));
    if (is_where_it_is(partition, target)) return refusal;
    return refuse(KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT,
                  SLICE("gregor does not move partitions between brokers yet."));
}

static struct refusal call_off(const struct image_partition *partition)
{
    if (!is_moving(partition)) return refuse(KAFKA_ERROR_NO_REASSIGNMENT_IN_PROGRESS, SLICE_NULL);
    return refuse(KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT,
                  SLICE("gregor does not move partitions between brokers yet."));
}

static struct refusal
reassign(const struct controller_input *input, const struct image_topic *topic,
         const struct alter_partition_reassignments_request_reassignable_partition *asked,
         bool any_count)
{
    const struct image_partition *partition = image_partition(topic, asked->partition_index);
    if (partition == NULL)
        return refuse(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                      arena_printf(input->arena, "Unable to find partition %.*s:%d.",
                                   SLICE_ARG(topic->name), (int)asked->partition_index));
    if (asked->replicas_count < 0) return call_off(partition);
    ASSERT(asked->replicas_count == 0 || asked->replicas != NULL);
    struct assignment target = {asked->replicas, asked->replicas_count};
    return move(input, partition, target, any_count);
}

static void
reassign_topic(const struct controller_input *input,
               const struct alter_partition_reassignments_request_reassignable_topic *asked,
               bool any_count,
               struct alter_partition_reassignments_response_reassignable_topic_response *answer)
{
    size_t count = (size_t)asked->partitions_count;
    answer->name = asked->name;
    answer->partitions = arena_alloc(input->arena, count * sizeof(answer->partitions[0]));
    answer->partitions_count = asked->partitions_count;
    const struct image_topic *topic = image_topic_by_name(input->image, asked->name);
    struct refusal absent = {0};
    if (topic == NULL) /* said once: names that are none may be long, and partitions many */
        absent = refuse(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                        arena_printf(input->arena, "Unable to find a topic named %.*s.",
                                     SLICE_ARG(asked->name)));
    for (size_t i = 0; i < count; i++) {
        struct refusal refusal =
            topic == NULL ? absent : reassign(input, topic, &asked->partitions[i], any_count);
        answer->partitions[i] =
            (struct alter_partition_reassignments_response_reassignable_partition_response){
                .partition_index = asked->partitions[i].partition_index,
                .error_code = (int16_t)refusal.error,
                .error_message = refusal.message,
            };
    }
}

int plan_alter_partition_reassignments(const struct controller_input *input, int16_t version,
                                       const void *message, struct controller_plan *plan,
                                       struct writer *reply)
{
    const struct alter_partition_reassignments_request *request = message;
    size_t count = (size_t)request->topics_count;
    struct alter_partition_reassignments_response response;
    wire_defaults(&wire_alter_partition_reassignments_response, &response);
    response.allow_replication_factor_change = request->allow_replication_factor_change;
    response.responses = arena_alloc(input->arena, count * sizeof(response.responses[0]));
    response.responses_count = request->topics_count;
    if (count > 0) response.error_message = SLICE_NULL; /* of nothing asked Kafka says "" */
    for (size_t i = 0; i < count; i++)
        reassign_topic(input, &request->topics[i], request->allow_replication_factor_change,
                       &response.responses[i]);
    *plan = (struct controller_plan){0};
    return wire_encode(&wire_alter_partition_reassignments_response, version, &response, reply,
                       NULL);
}

/* --- ListPartitionReassignments --------------------------------------------------------------- */

struct listing {
    const struct controller_input *input;
    struct list_partition_reassignments_response response;
};

static void
list_partition(const struct image_partition *partition, int32_t index,
               struct list_partition_reassignments_response_ongoing_topic_reassignment *ongoing)
{
    if (partition == NULL || !is_moving(partition)) return;
    ongoing->partitions[ongoing->partitions_count++] =
        (struct list_partition_reassignments_response_ongoing_partition_reassignment){
            .partition_index = index,
            .replicas = partition->replicas,
            .replicas_count = partition->replica_count,
            .adding_replicas = partition->adding,
            .adding_replicas_count = partition->adding_count,
            .removing_replicas = partition->removing,
            .removing_replicas_count = partition->removing_count,
        };
}

/* Of these partitions of a topic those that move; indexes NULL: of all. */
static void list_topic(struct listing *listing, const struct image_topic *topic,
                       const int32_t *indexes, int32_t count)
{
    struct list_partition_reassignments_response_ongoing_topic_reassignment ongoing = {
        .name = topic->name};
    size_t room = (size_t)count * sizeof(ongoing.partitions[0]);
    ongoing.partitions = arena_alloc(listing->input->arena, room);
    for (int32_t i = 0; i < count; i++) {
        int32_t index = indexes == NULL ? i : indexes[i];
        list_partition(image_partition(topic, index), index, &ongoing);
    }
    struct list_partition_reassignments_response *response = &listing->response;
    ASSERT(ongoing.partitions_count <= count);
    if (ongoing.partitions_count > 0) response->topics[response->topics_count++] = ongoing;
}

static void list_all(struct listing *listing)
{
    const struct image *image = listing->input->image;
    size_t room = image_topic_count(image) * sizeof(listing->response.topics[0]);
    listing->response.topics = arena_alloc(listing->input->arena, room);
    struct slice cursor = SLICE_NULL;
    const struct image_topic *topic;
    while ((topic = image_topic_next(image, &cursor)) != NULL)
        list_topic(listing, topic, NULL, topic->partition_count);
}

int plan_list_partition_reassignments(const struct controller_input *input, int16_t version,
                                      const void *message, struct controller_plan *plan,
                                      struct writer *reply)
{
    const struct list_partition_reassignments_request *request = message;
    struct listing listing = {.input = input};
    if (request->topics_count < 0) {
        list_all(&listing);
    } else {
        size_t room = (size_t)request->topics_count * sizeof(listing.response.topics[0]);
        listing.response.topics = arena_alloc(input->arena, room);
        for (int32_t i = 0; i < request->topics_count; i++) {
            const struct image_topic *topic =
                image_topic_by_name(input->image, request->topics[i].name);
            if (topic == NULL) continue;
            list_topic(&listing, topic, request->topics[i].partition_indexes,
                       request->topics[i].partition_indexes_count);
        }
    }
    *plan = (struct controller_plan){0};
    return wire_encode(&wire_list_partition_reassignments_response, version, &listing.response,
                       reply, NULL);
}

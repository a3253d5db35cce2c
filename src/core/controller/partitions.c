/* CreatePartitions. (ReplicationControlManager) */
#include <errno.h>

#include "core/controller/plan.h"

/* --- create partitions ------------------------------------------------------------------------ */

struct growth {
    struct planner planner;
    struct loads loads;
    struct create_partitions_response response;
    int32_t timeout_ms;
};

/* One topic's new partitions. */
struct addition {
    const struct create_partitions_request_create_partitions_topic *asked;
    const struct image_topic *topic;
    int32_t *replicas; /* count * replication_factor; null when assigned by hand */
    int32_t count;
    int32_t replication_factor;
};

static struct assignment addition_assignment(const struct addition *addition, int32_t i)
{
    ASSERT(i >= 0);
    ASSERT(i < addition->count);
    if (addition->replicas == NULL)
        return (struct assignment){addition->asked->assignments[i].broker_ids,
                                   addition->asked->assignments[i].broker_ids_count};
    return (struct assignment){&addition->replicas[i * addition->replication_factor],
                               addition->replication_factor};
}

static struct refusal check_count(const struct addition *addition, struct arena *arena)
{
    int32_t present = addition->topic->partition_count;
    int32_t wanted = addition->asked->count;
    if (wanted == present)
        return refuse(KAFKA_ERROR_INVALID_PARTITIONS,
                      arena_printf(arena, "Topic already has %d partition(s).", present));
    if (wanted < present)
        return refuse(KAFKA_ERROR_INVALID_PARTITIONS,
                      arena_printf(arena,
                                   "The topic %.*s currently has %d partition(s); %d would not be "
                                   "an increase.",
                                   SLICE_ARG(addition->topic->name), present, wanted));
    /* Kafka's list overflows here too, which it answers as an unknown error. */
    if (wanted - present > CONTROLLER_RECORDS_MAX) return refuse_too_many();
    return (struct refusal){0};
}

static struct refusal check_by_hand(const struct growth *growth, const struct addition *addition)
{
    const struct image *image = growth->planner.input->image;
    struct arena *arena = growth->planner.input->arena;
    int32_t given = addition->asked->assignments_count;
    if (given != addition->count)
        return refuse(KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT,
                      arena_printf(arena,
                                   "Attempted to add %d additional partition(s), but only %d "
                                   "assignment(s) were specified.",
                                   addition->count, given));
    for (int32_t i = 0; i < addition->count; i++) {
        struct refusal refusal = check_assignment(image, addition_assignment(addition, i),
                                                  addition->replication_factor, arena);
        if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    }
    return (struct refusal){0};
}

static struct refusal place_addition(struct growth *growth, struct addition *addition)
{
    struct arena *arena = growth->planner.input->arena;
    ASSERT(addition->count > 0);
    int16_t factor = (int16_t)addition->replication_factor;
    int r = loads_place(&growth->loads, addition->count, factor, addition->topic, arena,
                        &addition->replicas);
    return r < 0 ? refuse_place(&growth->loads, r, factor, arena) : (struct refusal){0};
}

static struct refusal plan_addition(struct growth *growth, const struct addition *addition)
{
    for (int32_t i = 0; i < addition->count; i++) {
        int32_t index = addition->topic->partition_count + i;
        if (plan_partition(&growth->planner, &addition->topic->id, index,
                           addition_assignment(addition, i)))
            continue;
        return refuse(KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT,
                      arena_printf(growth->planner.input->arena,
                                   "All brokers specified in the manual partition assignment for "
                                   "partition %d are fenced or in controlled shutdown.",
                                   index));
    }
    return (struct refusal){0};
}

static struct refusal
grow_topic(struct growth *growth,
           const struct create_partitions_request_create_partitions_topic *asked)
{
    struct refusal refusal = check_time(growth->timeout_ms);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    struct addition addition = {.asked = asked};
    addition.topic = image_topic_by_name(growth->planner.input->image, asked->name);
    if (addition.topic == NULL) return refuse(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION, SLICE_NULL);
    refusal = check_count(&addition, growth->planner.input->arena);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    const struct image_partition *first = image_partition(addition.topic, 0);
    if (first == NULL)
        return refuse(KAFKA_ERROR_UNKNOWN_SERVER_ERROR,
                      SLICE("The topic has no partition 0 to take the replication factor from."));
    addition.replication_factor = first->replica_count;
    addition.count = asked->count - addition.topic->partition_count;
    refusal = asked->assignments_count >= 0 ? check_by_hand(growth, &addition)
                                            : place_addition(growth, &addition);
    if (refusal.error == KAFKA_ERROR_NONE)
        refusal = check_mutation(growth->planner.input, addition.count);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    /* What one topic planned goes when it turns out to be refused; the others' stays. */
    int32_t planned = growth->planner.count;
    refusal = plan_addition(growth, &addition);
    ASSERT(growth->planner.count - planned <= addition.count);
    if (refusal.error == KAFKA_ERROR_NONE && growth->planner.count > CONTROLLER_RECORDS_MAX)
        refusal = refuse_too_many();
    if (refusal.error != KAFKA_ERROR_NONE) planner_cut(&growth->planner, planned);
    return refusal;
}

static void answer(struct growth *growth, struct slice name, struct refusal refusal)
{
    growth->response.results[growth->response.results_count++] =
        (struct create_partitions_response_create_partitions_topic_result){
            .name = name, .error_code = (int16_t)refusal.error, .error_message = refusal.message};
}

/* Topics named twice are refused first, once each; the others follow in the order of the request.
 * (ControllerApis.createPartitions) */
static void grow_topics(struct growth *growth, const struct create_partitions_request *request)
{
    struct map names;
    struct map duplicates;
    map_init(&names, 0);
    map_init(&duplicates, 0);
    for (int32_t i = 0; i < request->topics_count; i++) {
        struct slice name = request->topics[i].name;
        if (map_get(&names, name) == NULL) {
            map_put(&names, name, &request->topics[i]);
        } else if (map_get(&duplicates, name) == NULL) {
            map_put(&duplicates, name, &request->topics[i]);
            answer(growth, name,
                   refuse(KAFKA_ERROR_INVALID_REQUEST, SLICE("Duplicate topic name.")));
        }
    }
    for (int32_t i = 0; i < request->topics_count; i++) {
        struct slice name = request->topics[i].name;
        if (map_get(&duplicates, name) == NULL)
            answer(growth, name, grow_topic(growth, &request->topics[i]));
    }
    map_deinit(&names);
    map_deinit(&duplicates);
}

int plan_create_partitions(const struct controller_input *input, int16_t version,
                           const void *message, struct controller_plan *plan, struct writer *reply)
{
    const struct create_partitions_request *request = message;
    struct growth growth = {.timeout_ms = request->timeout_ms};
    planner_begin(&growth.planner, input);
    loads_init(&growth.loads, input->image, input->arena);
    growth.response.results = arena_alloc(input->arena, (size_t)request->topics_count *
                                                            sizeof(growth.response.results[0]));
    grow_topics(&growth, request);
    planner_end(&growth.planner, !request->validate_only, plan);
    return wire_encode(&wire_create_partitions_response, version, &growth.response, reply, NULL);
}

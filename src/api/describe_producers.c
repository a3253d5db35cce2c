/* DescribeProducers: who writes to a partition, as its leader knows. (KIP-664;
 * KafkaApis.handleDescribeProducersRequest) */
#include "api/join.h"
#include "api/topics.h"
#include "base/memory.h"

enum { WHY_BYTES = 512 }; /* what is wrong with a topic's name, in words */

static bool fill(struct api_request *request, const struct call_producers *told,
                 struct describe_producers_response_partition_response *answer)
{
    size_t count = (size_t)told->count;
    if (!api_has_room(request, count * sizeof(answer->active_producers[0]))) return false;
    answer->active_producers =
        arena_alloc(request->arena, count * sizeof(answer->active_producers[0]));
    answer->active_producers_count = told->count;
    for (size_t i = 0; i < count; i++) {
        const struct log_producer *producer = &told->producers[i];
        answer->active_producers[i] = (struct describe_producers_response_producer_state){
            .producer_id = producer->producer_id,
            .producer_epoch = producer->producer_epoch,
            .last_sequence = producer->last_sequence,
            .last_timestamp = producer->last_timestamp,
            .coordinator_epoch = producer->coordinator_epoch,
            .current_txn_start_offset = producer->transaction_start_offset,
        };
    }
    return true;
}

static void describe_each(struct join_call *one)
{
    struct describe_producers_response_partition_response *answer = one->answer;
    answer->error_code = (int16_t)one->call.error;
    if (one->call.error != KAFKA_ERROR_NONE) return;
    if (!fill(one->join->request, &one->call.producers, answer))
        answer->error_code = (int16_t)KAFKA_ERROR_UNKNOWN_SERVER_ERROR; /* more than we can tell */
    memory_free(one->call.producers.producers);
}

/* What is wrong with a whole topic, in words as well. */
static enum kafka_error check_topic(struct api_request *request, struct slice name,
                                    const struct image_topic **topic, struct slice *why)
{
    *why = SLICE_NULL;
    if (api_has_room(request, WHY_BYTES)) *why = controller_check_topic_name(name, request->arena);
    if (!slice_is_null(*why)) return KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
    *topic = image_topic_by_name(shard_image(request->shard), name);
    if (*topic != NULL) return KAFKA_ERROR_NONE;
    *why = slice_of(kafka_error_text(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION));
    return KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
}

static void describe_one(struct join *join, const struct image_topic *topic, int32_t partition,
                         struct describe_producers_response_partition_response *answer)
{
    *answer = (struct describe_producers_response_partition_response){.partition_index = partition,
                                                                      .error_message = SLICE_NULL};
    if (image_partition(topic, partition) == NULL) {
        answer->error_code = (int16_t)KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    struct join_call *to = join_add(join, CALL_PRODUCERS, &topic->id, partition, answer);
    to->call.current_leader_epoch = -1;
    to->call.producers = (struct call_producers){.count = 0};
}

static void describe_topic(struct join *join,
                           const struct describe_producers_request_topic_request *asked,
                           struct describe_producers_response_topic_response *answer)
{
    int32_t count = asked->partition_indexes_count;
    *answer = (struct describe_producers_response_topic_response){
        .name = asked->name,
        .partitions_count = count,
        .partitions =
            arena_alloc(join->request->arena, (size_t)count * sizeof(answer->partitions[0])),
    };
    const struct image_topic *topic;
    struct slice why;
    enum kafka_error error = check_topic(join->request, asked->name, &topic, &why);
    for (int32_t i = 0; i < count; i++) {
        int32_t partition = asked->partition_indexes[i];
        if (error == KAFKA_ERROR_NONE)
            describe_one(join, topic, partition, &answer->partitions[i]);
        else
            answer->partitions[i] = (struct describe_producers_response_partition_response){
                .partition_index = partition, .error_code = (int16_t)error, .error_message = why};
    }
}

static void describe_topics(struct join *join, const struct describe_producers_request *asked)
{
    struct arena *arena = join->request->arena;
    struct describe_producers_response *response = join->response;
    response->topics_count = asked->topics_count;
    response->topics =
        arena_alloc(arena, (size_t)asked->topics_count * sizeof(response->topics[0]));
    for (int32_t i = 0; i < asked->topics_count; i++)
        describe_topic(join, &asked->topics[i], &response->topics[i]);
}

void api_describe_producers(struct api_request *request)
{
    const struct describe_producers_request *asked = request->message;
    int32_t count = 0;
    for (int32_t i = 0; i < asked->topics_count; i++)
        count += asked->topics[i].partition_indexes_count;
    struct join *join = join_answering(request, count, describe_each);
    if (join == NULL) return;
    describe_topics(join, asked);
    join_start(join);
}

/* DescribeProducers: who writes to a partition, as its leader knows. (KIP-664;
 * KafkaApis.handleDescribeProducersRequest) */
#include "api/join.h"
#include "api/topics.h"
#include "base/memory.h"

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

static void describe_all(struct join *join)
{
    api_reply(join->request, join->response);
}

static void describe_one(struct join *join, struct slice name, int32_t partition,
                         struct describe_producers_response_partition_response *answer)
{
    const struct image_topic *topic;
    *answer = (struct describe_producers_response_partition_response){.partition_index = partition,
                                                                      .error_message = SLICE_NULL};
    enum kafka_error error =
        topics_find(shard_image(join->request->shard), name, &UUID_ZERO, partition, &topic);
    if (error != KAFKA_ERROR_NONE) {
        answer->error_code = (int16_t)error;
        return;
    }
    struct join_call *to = join_add(join, CALL_PRODUCERS, &topic->id, partition, answer);
    to->call.current_leader_epoch = -1;
    to->call.producers = (struct call_producers){.count = 0};
}

static void describe_topics(struct join *join, const struct describe_producers_request *asked)
{
    struct arena *arena = join->request->arena;
    struct describe_producers_response *response = join->response;
    response->topics_count = asked->topics_count;
    response->topics =
        arena_alloc(arena, (size_t)asked->topics_count * sizeof(response->topics[0]));
    for (int32_t i = 0; i < asked->topics_count; i++) {
        const struct describe_producers_request_topic_request *topic = &asked->topics[i];
        size_t count = (size_t)topic->partition_indexes_count;
        response->topics[i] = (struct describe_producers_response_topic_response){
            .name = topic->name,
            .partitions_count = topic->partition_indexes_count,
            .partitions = arena_alloc(arena, count * sizeof(response->topics[i].partitions[0])),
        };
        for (int32_t j = 0; j < topic->partition_indexes_count; j++)
            describe_one(join, topic->name, topic->partition_indexes[j],
                         &response->topics[i].partitions[j]);
    }
}

void api_describe_producers(struct api_request *request)
{
    const struct describe_producers_request *asked = request->message;
    int32_t count = 0;
    for (int32_t i = 0; i < asked->topics_count; i++)
        count += asked->topics[i].partition_indexes_count;
    struct join *join = join_create(request, count);
    if (join == NULL) {
        api_close(request);
        return;
    }
    struct describe_producers_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_describe_producers_response, answer);
    join->response = answer;
    join->each = describe_each;
    join->all = describe_all;
    describe_topics(join, asked);
    join_start(join);
}

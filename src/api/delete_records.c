/* DeleteRecords: what lies before an offset goes.
 * (KIP-107; KafkaApis.handleDeleteRecordsRequest) */
#include "api/join.h"
#include "api/topics.h"

enum { NO_LOW_WATERMARK = -1 };

static void delete_each(struct join_call *one)
{
    struct delete_records_response_delete_records_partition_result *answer = one->answer;
    answer->error_code = (int16_t)one->call.error;
    if (one->call.error == KAFKA_ERROR_NONE)
        answer->low_watermark = one->call.delete_records.low_watermark;
}

static void delete_one(struct join *join, struct slice name,
                       const struct delete_records_request_delete_records_partition *asked,
                       struct delete_records_response_delete_records_partition_result *answer)
{
    const struct image_topic *topic;
    *answer = (struct delete_records_response_delete_records_partition_result){
        .partition_index = asked->partition_index, .low_watermark = NO_LOW_WATERMARK};
    enum kafka_error error = topics_find(shard_image(join->request->shard), name, &UUID_ZERO,
                                         asked->partition_index, &topic);
    if (error == KAFKA_ERROR_NONE && topics_is_internal(name))
        error = KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
    if (error != KAFKA_ERROR_NONE) {
        answer->error_code = (int16_t)error;
        return;
    }
    struct join_call *to =
        join_add(join, CALL_DELETE_RECORDS, &topic->id, asked->partition_index, answer);
    to->call.current_leader_epoch = -1;
    to->call.delete_records.offset = asked->offset;
}

static void delete_topics(struct join *join, const struct delete_records_request *asked)
{
    struct arena *arena = join->request->arena;
    struct delete_records_response *response = join->response;
    response->topics =
        arena_alloc(arena, (size_t)asked->topics_count * sizeof(response->topics[0]));
    for (int32_t i = 0; i < asked->topics_count; i++) {
        const struct delete_records_request_delete_records_topic *topic = &asked->topics[i];
        if (topic->partitions_count == 0) continue; /* nor does Kafka answer those */
        struct delete_records_response_delete_records_topic_result *answer =
            &response->topics[response->topics_count++];
        size_t count = (size_t)topic->partitions_count;
        *answer = (struct delete_records_response_delete_records_topic_result){
            .name = topic->name,
            .partitions_count = topic->partitions_count,
            .partitions = arena_alloc(arena, count * sizeof(answer->partitions[0])),
        };
        for (int32_t j = 0; j < topic->partitions_count; j++)
            delete_one(join, topic->name, &topic->partitions[j], &answer->partitions[j]);
    }
}

void api_delete_records(struct api_request *request)
{
    const struct delete_records_request *asked = request->message;
    int32_t count = 0;
    for (int32_t i = 0; i < asked->topics_count; i++)
        count += asked->topics[i].partitions_count;
    struct join *join = join_answering(request, count, delete_each);
    if (join == NULL) return;
    delete_topics(join, asked);
    join_start(join);
}

/* Produce: batches to their partitions, one call for each, one answer for all. (KIP-98, KIP-467,
 * KIP-516, KIP-951; KafkaApis.handleProduceRequest) */
#include "api/join.h"
#include "api/topics.h"
#include "base/memory.h"
#include "wire/batch.h"

enum {
    ZSTD_SINCE = 7, /* older clients cannot read it (KIP-110) */
    TOPIC_IDS_SINCE = 13,
    HINTS_SINCE = 10, /* the new leader in the answer (KIP-951) */
};

static void partition_refuse(struct produce_response_partition_produce_response *answer,
                             enum kafka_error error)
{
    answer->error_code = (int16_t)error;
    answer->base_offset = answer->log_append_time_ms = answer->log_start_offset = -1;
}

/* The header of a partition's first batch; false: there is none. What is wrong with it says the
 * partition. */
static bool first_batch(struct slice records, struct batch *batch)
{
    size_t size;
    return records.size >= BATCH_HEADER_SIZE && batch_peek(records, batch, &size) == 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Where the partition is now, for whoever came to the wrong broker (KIP-951). */
static void hint_leader(struct join *join, const struct join_call *one)
{
    struct produce_response *response = join->response;
    struct produce_response_partition_produce_response *answer = one->answer;
    struct topics_leader leader;
    if (!topics_leader(join->request, SLICE_NULL, &one->call.topic_id, one->call.partition,
                       &leader))
        return;
    answer->current_leader = (struct produce_response_leader_id_and_epoch){
        .leader_id = leader.id, .leader_epoch = leader.epoch};
    bool told = !leader.live;
    for (int32_t i = 0; i < response->node_endpoints_count && !told; i++)
        told = response->node_endpoints[i].node_id == leader.id;
    if (told) return;
    if (response->node_endpoints == NULL)
        response->node_endpoints = arena_alloc(
            join->request->arena, (size_t)join->count * sizeof(response->node_endpoints[0]));
    response->node_endpoints[response->node_endpoints_count++] =
        (struct produce_response_node_endpoint){.node_id = leader.id,
                                                .host = leader.broker.host,
                                                .port = leader.broker.port,
                                                .rack = leader.broker.rack};
}

static void tell_record_errors(struct join_call *one,
                               struct produce_response_partition_produce_response *answer)
{
    struct call_produce *produced = &one->call.produce;
    int32_t count = produced->record_error_count;
    struct api_request *request = one->join->request;
    if (api_has_room(request, (size_t)count * sizeof(answer->record_errors[0]))) {
        answer->record_errors =
            arena_alloc(request->arena, (size_t)count * sizeof(answer->record_errors[0]));
        answer->record_errors_count = count;
    }
    for (int32_t i = 0; i < answer->record_errors_count; i++)
        answer->record_errors[i] = (struct produce_response_batch_index_and_error_message){
            .batch_index = produced->record_errors[i],
            .batch_index_error_message = produced->error_message,
        };
    memory_free(produced->record_errors);
    produced->record_errors = NULL;
}

static void produce_each(struct join_call *one)
{
    struct produce_response_partition_produce_response *answer = one->answer;
    const struct call_produce *produced = &one->call.produce;
    answer->error_code = (int16_t)one->call.error;
    answer->base_offset = produced->base_offset;
    answer->log_append_time_ms = produced->log_append_time;
    answer->log_start_offset = produced->log_start_offset;
    answer->error_message = produced->error_message;
    tell_record_errors(one, answer);
}

static bool has_error(const struct produce_response *response)
{
    for (int32_t i = 0; i < response->responses_count; i++) {
        const struct produce_response_topic_produce_response *topic = &response->responses[i];
        for (int32_t j = 0; j < topic->partition_responses_count; j++) {
            if (topic->partition_responses[j].error_code != 0) return true;
        }
    }
    return false;
}

static void produce_answer(struct api_request *request, const struct produce_response *response)
{
    const struct produce_request *asked = request->message;
    if (asked->acks != 0)
        api_reply(request, response);
    else if (has_error(response))
        api_close(request); /* the only way to tell a client that wants no answer */
    else
        api_no_reply(request);
}

static void produce_all(struct join *join)
{
    for (int32_t i = 0; i < join->count && join->request->version >= HINTS_SINCE; i++) {
        if (join->calls[i].call.error == KAFKA_ERROR_NOT_LEADER_OR_FOLLOWER)
            hint_leader(join, &join->calls[i]);
    }
    produce_answer(join->request, join->response);
}

/* --- requests --------------------------------------------------------------------------------- */

static bool acks_are_valid(int16_t acks)
{
    return acks >= -1 && acks <= 1;
}

static enum kafka_error partition_check(const struct api_request *request,
                                        const struct produce_request_topic_produce_data *topic,
                                        const struct produce_request_partition_produce_data *data,
                                        const struct image_topic **found)
{
    const struct produce_request *asked = request->message;
    if (request->version >= TOPIC_IDS_SINCE && uuid_is_zero(&topic->topic_id))
        return KAFKA_ERROR_UNKNOWN_TOPIC_ID;
    enum kafka_error error =
        topics_find(shard_image(request->shard), topic->name, &topic->topic_id, data->index, found);
    if (error != KAFKA_ERROR_NONE) return error;
    /* Kafka falls over null records and never answers. */
    if (slice_is_null(data->records)) return KAFKA_ERROR_INVALID_REQUEST;
    struct batch batch;
    if (request->version < ZSTD_SINCE && first_batch(data->records, &batch) &&
        batch_codec(&batch) == COMPRESS_ZSTD)
        return KAFKA_ERROR_UNSUPPORTED_COMPRESSION_TYPE;
    if (!acks_are_valid(asked->acks)) return KAFKA_ERROR_INVALID_REQUIRED_ACKS;
    return KAFKA_ERROR_NONE;
}

static void produce_partition(struct join *join,
                              const struct produce_request_topic_produce_data *topic,
                              const struct produce_request_partition_produce_data *data,
                              enum kafka_error error,
                              struct produce_response_partition_produce_response *answer)
{
    const struct produce_request *asked = join->request->message;
    const struct image_topic *found;
    *answer = (struct produce_response_partition_produce_response){
        .index = data->index, .current_leader = {.leader_id = -1, .leader_epoch = -1}};
    if (error == KAFKA_ERROR_NONE) error = partition_check(join->request, topic, data, &found);
    if (error != KAFKA_ERROR_NONE) {
        partition_refuse(answer, error);
        return;
    }
    struct join_call *one = join_add(join, CALL_PRODUCE, &found->id, data->index, answer);
    one->call.produce = (struct call_produce){
        .records = data->records,
        .acks = asked->acks,
        .base_offset = -1,
        .log_append_time = -1,
        .log_start_offset = -1,
    };
}

static void produce_topic(struct join *join, const struct produce_request_topic_produce_data *from,
                          enum kafka_error error,
                          struct produce_response_topic_produce_response *to)
{
    to->name = from->name;
    to->topic_id = from->topic_id;
    to->partition_responses =
        arena_alloc(join->request->arena,
                    (size_t)from->partition_data_count * sizeof(to->partition_responses[0]));
    to->partition_responses_count = from->partition_data_count;
    for (int32_t i = 0; i < from->partition_data_count; i++)
        produce_partition(join, from, &from->partition_data[i], error, &to->partition_responses[i]);
}

/* Transactional records without the id of a transaction spoil the whole request. */
static enum kafka_error produce_check(const struct produce_request *asked)
{
    if (!slice_is_null(asked->transactional_id)) return KAFKA_ERROR_NONE;
    for (int32_t i = 0; i < asked->topic_data_count; i++) {
        const struct produce_request_topic_produce_data *topic = &asked->topic_data[i];
        for (int32_t j = 0; j < topic->partition_data_count; j++) {
            struct batch batch;
            if (first_batch(topic->partition_data[j].records, &batch) &&
                (batch.attributes & BATCH_TRANSACTIONAL))
                return KAFKA_ERROR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
        }
    }
    return KAFKA_ERROR_NONE;
}

void api_produce(struct api_request *request)
{
    const struct produce_request *asked = request->message;
    int32_t count = 0;
    for (int32_t i = 0; i < asked->topic_data_count; i++)
        count += asked->topic_data[i].partition_data_count;
    struct join *join = join_create(request, count);
    if (join == NULL) {
        api_close(request);
        return;
    }
    struct produce_response *response = arena_alloc(request->arena, sizeof(*response));
    wire_defaults(&wire_produce_response, response);
    response->responses = arena_alloc(request->arena, (size_t)asked->topic_data_count *
                                                          sizeof(response->responses[0]));
    join->response = response;
    join->each = produce_each;
    join->all = produce_all;
    enum kafka_error error = produce_check(asked);
    for (int32_t i = 0; i < asked->topic_data_count; i++) {
        if (asked->topic_data[i].partition_data_count > 0)
            produce_topic(join, &asked->topic_data[i], error,
                          &response->responses[response->responses_count++]);
    }
    join_start(join);
}

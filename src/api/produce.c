/* Produce: batches to their partitions, one call for each, one answer for all. (KIP-98, KIP-467,
 * KIP-516, KIP-951; KafkaApis.handleProduceRequest) */
#include "api/join.h"
#include "api/topics.h"
#include "base/bytes.h"
#include "base/memory.h"
#include "wire/batch.h"

enum {
    ZSTD_SINCE = 7, /* older clients cannot read it (KIP-110) */
    TOPIC_IDS_SINCE = 13,
    HINTS_SINCE = 10,         /* the new leader in the answer (KIP-951) */
    ERROR_TEXT_BYTES = 350,   /* a topic's name and what is said of it */
    ERROR_TEXTS_BYTES = 4096, /* of a partition, as its list of records grows */
    RECORD_ERRORS_LISTED = 3,
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

static struct slice record_error_text(const struct join_call *one,
                                      const struct call_record_error *error)
{
    struct api_request *request = one->join->request;
    const struct call_produce *produced = &one->call.produce;
    if (error->untimely)
        return arena_printf(request->arena,
                            "Timestamp %lld of message with offset %d is out of range. The "
                            "timestamp should be within [%lld, %lld]",
                            (long long)error->timestamp, (int)error->index,
                            (long long)produced->timestamp_least,
                            (long long)produced->timestamp_most);
    const struct image_topic *topic =
        image_topic_by_id(shard_image(request->shard), &one->call.topic_id);
    struct slice name = topic == NULL ? SLICE("") : topic->name; /* deleted just now */
    return arena_printf(request->arena,
                        "Compacted topic cannot accept message without key in topic partition "
                        "%.*s-%d",
                        SLICE_ARG(name), (int)one->call.partition);
}

static void tell_record_errors(struct join_call *one,
                               struct produce_response_partition_produce_response *answer)
{
    const struct call_produce *produced = &one->call.produce;
    int32_t count = produced->record_error_count;
    answer->record_errors =
        arena_alloc(one->join->request->arena, (size_t)count * sizeof(answer->record_errors[0]));
    answer->record_errors_count = count;
    for (int32_t i = 0; i < count; i++)
        answer->record_errors[i] = (struct produce_response_batch_index_and_error_message){
            .batch_index = produced->record_errors[i].index,
            .batch_index_error_message = record_error_text(one, &produced->record_errors[i]),
        };
}

/* The words about all of them; those without a key are listed. (LogValidator.processRecordErrors,
 * RecordError.toString) */
static struct slice records_text(struct join_call *one,
                                 const struct produce_response_partition_produce_response *answer)
{
    if (one->call.error == KAFKA_ERROR_INVALID_TIMESTAMP)
        return SLICE("One or more records have been rejected due to invalid timestamp");
    struct slice list = SLICE("");
    struct arena *arena = one->join->request->arena;
    for (int32_t i = 0; i < answer->record_errors_count && i < RECORD_ERRORS_LISTED; i++) {
        const struct produce_response_batch_index_and_error_message *error =
            &answer->record_errors[i];
        list = arena_printf(arena, "%.*s%sRecordError(batchIndex=%d, message='%.*s')",
                            SLICE_ARG(list), i == 0 ? "" : ", ", (int)error->batch_index,
                            SLICE_ARG(error->batch_index_error_message));
    }
    return arena_printf(arena,
                        "One or more records have been rejected due to %d record errors in total, "
                        "and only showing the first three errors at most: [%.*s]",
                        (int)one->call.produce.record_error_count, SLICE_ARG(list));
}

/* What is wrong with bytes that are no batch at all; null: Kafka has no words for it.
 * (ByteBufferLogInputStream.nextBatchSize) */
static struct slice corruption_text(struct api_request *request, struct slice records)
{
    enum { LENGTH_AT = 8, LENGTH_END = 12, MAGIC_AT = 16, LENGTH_LEAST = 14 };
    if (records.size < LENGTH_END) return SLICE_NULL;
    int32_t length = (int32_t)load_be32(records.data + LENGTH_AT);
    if (length < LENGTH_LEAST)
        return arena_printf(request->arena,
                            "Record size %d is less than the minimum record overhead (%d)",
                            (int)length, LENGTH_LEAST);
    int8_t magic = records.size > MAGIC_AT ? (int8_t)records.data[MAGIC_AT] : BATCH_MAGIC;
    if (magic >= 0 && magic <= BATCH_MAGIC) return SLICE_NULL;
    return arena_printf(request->arena, "Invalid magic found in record: %d", magic);
}

/* What is wrong, in words, as far as there is room for them. */
static void tell_refusal(struct join_call *one,
                         struct produce_response_partition_produce_response *answer)
{
    struct call_produce *produced = &one->call.produce;
    size_t each = sizeof(answer->record_errors[0]) + ERROR_TEXT_BYTES;
    size_t bytes = (size_t)produced->record_error_count * each + ERROR_TEXTS_BYTES;
    bool has_room = api_has_room(one->join->request, bytes);
    if (produced->record_error_count > 0 && has_room) {
        tell_record_errors(one, answer);
        answer->error_message = records_text(one, answer);
    } else if (one->call.error == KAFKA_ERROR_CORRUPT_MESSAGE && has_room) {
        answer->error_message = corruption_text(one->join->request, produced->records);
    }
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
    if (one->call.error != KAFKA_ERROR_NONE) tell_refusal(one, answer);
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

static void produce_answer(struct api_request *request, struct produce_response *response)
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

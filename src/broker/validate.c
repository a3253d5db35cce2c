#include "broker/validate.h"

#include <errno.h>

#include "base/memory.h"

enum { DECOMPRESSED_MAX_BYTES = 256 << 20, MAGIC_AT = 16 };

static enum kafka_error refuse(struct validated *result, enum kafka_error code,
                               struct slice message)
{
    result->message = message;
    return code;
}

static enum kafka_error invalid(struct validated *result, struct slice message)
{
    return refuse(result, KAFKA_ERROR_INVALID_RECORD, message);
}

/* Exactly one batch of magic 2. Behind it may stand less than a batch, which is left out.
 * (ProduceRequest.validateRecords, UnifiedLog.trimInvalidBytes) */
static enum kafka_error check_shape(struct slice records, struct validated *result)
{
    struct slice rest = records;
    struct batch *batch = &result->batch;
    int r = batch_take(&rest, batch);
    if (r == -ENODATA)
        return invalid(result, SLICE("Produce requests must have at least one record batch per "
                                     "partition"));
    if (r < 0 && records.size > MAGIC_AT && records.data[MAGIC_AT] < BATCH_MAGIC)
        return invalid(result, SLICE("Produce requests are only allowed to contain record batches "
                                     "with magic version 2"));
    if (r < 0) return refuse(result, KAFKA_ERROR_CORRUPT_MESSAGE, SLICE_NULL);
    struct batch second;
    r = batch_take(&rest, &second);
    if (r == -EBADMSG) return refuse(result, KAFKA_ERROR_CORRUPT_MESSAGE, SLICE_NULL);
    if (r == 0)
        return invalid(result, SLICE("Produce requests are only allowed to contain exactly one "
                                     "record batch per partition"));
    return KAFKA_ERROR_NONE;
}

static enum kafka_error check_bytes(const struct batch *batch, const struct settings_topic *topic,
                                    struct validated *result)
{
    if (batch->base_offset != 0)
        return invalid(result, SLICE("The baseOffset of the record batch in the append should be "
                                     "0"));
    if ((int64_t)batch->bytes.size > topic->max_message_bytes)
        return refuse(result, KAFKA_ERROR_MESSAGE_TOO_LARGE,
                      SLICE("The record batch is larger than max.message.bytes"));
    if (!batch_crc_matches(batch))
        return refuse(result, KAFKA_ERROR_CORRUPT_MESSAGE,
                      SLICE("The record batch's CRC does not match its contents"));
    if ((int64_t)batch->bytes.size > topic->segment_bytes)
        return refuse(result, KAFKA_ERROR_RECORD_LIST_TOO_LARGE,
                      SLICE("The record batch is larger than segment.bytes"));
    return KAFKA_ERROR_NONE;
}

static enum kafka_error check_header(const struct batch *batch, struct validated *result)
{
    if (batch->last_offset_delta < 0 || batch->last_offset_delta == INT32_MAX)
        return invalid(result, SLICE("Batch has an invalid offset range"));
    if (batch->count <= 0) return invalid(result, SLICE("Invalid reported count for record batch"));
    if (batch->last_offset_delta + 1 != batch->count)
        return invalid(result, SLICE("Inconsistent batch offset range: the count of records does "
                                     "not match it"));
    if (batch->attributes & BATCH_CONTROL)
        return invalid(result, SLICE("Clients are not allowed to write control records"));
    if (batch->producer_id >= 0 && batch->base_sequence < 0)
        return invalid(result, SLICE("Invalid sequence number in record batch with a producer id"));
    if ((batch->attributes & BATCH_CODEC_MASK) > COMPRESS_ZSTD)
        return refuse(result, KAFKA_ERROR_CORRUPT_MESSAGE, SLICE("Unknown compression type"));
    /* No coordinator has added this partition to a transaction. */
    if (batch->attributes & BATCH_TRANSACTIONAL)
        return refuse(result, KAFKA_ERROR_INVALID_TXN_STATE, SLICE_NULL);
    return KAFKA_ERROR_NONE;
}

static bool is_timely(int64_t timestamp, const struct settings_topic *topic, int64_t now_ms)
{
    if (topic->log_append_time || timestamp < 0) return true;
    /* Differences that overflow are out of every range but the unbounded. */
    int64_t age_ms;
    if (__builtin_sub_overflow(now_ms, timestamp, &age_ms)) return false;
    return age_ms <= topic->timestamp_before_max_ms && -age_ms <= topic->timestamp_after_max_ms;
}

static enum kafka_error check_record(const struct record *record,
                                     const struct settings_topic *topic, int64_t now_ms,
                                     struct validated *result)
{
    if (topic->cleanup_compact && slice_is_null(record->key))
        return refuse(result, KAFKA_ERROR_INVALID_RECORD,
                      SLICE("Compacted topic cannot accept message without key"));
    if (!is_timely(record->timestamp, topic, now_ms))
        return refuse(result, KAFKA_ERROR_INVALID_TIMESTAMP,
                      SLICE("Timestamp of message is out of range"));
    return KAFKA_ERROR_NONE;
}

/* There are no more of them than records, each of which had bytes. */
static void add_record_error(struct validated *result, int32_t index)
{
    int32_t count = result->record_error_count;
    if ((count & (count - 1)) == 0)
        result->record_errors =
            memory_grow(result->record_errors,
                        (count == 0 ? 1 : (size_t)count * 2) * sizeof(result->record_errors[0]));
    result->record_errors[result->record_error_count++] = index;
}

static enum kafka_error check_records(const struct settings_topic *topic, int64_t now_ms,
                                      struct arena *scratch, struct validated *result)
{
    struct record_walk walk;
    struct record record;
    enum kafka_error error = KAFKA_ERROR_NONE;
    int r = record_walk_start(&walk, &result->batch, scratch, DECOMPRESSED_MAX_BYTES);
    if (r == -EMSGSIZE)
        return refuse(result, KAFKA_ERROR_MESSAGE_TOO_LARGE,
                      SLICE("The record batch is too large once decompressed"));
    result->max_timestamp = -1;
    for (int32_t index = 0; r == 0; index++) {
        int more = record_walk_next(&walk, &record);
        if (more <= 0) {
            r = more;
            break;
        }
        enum kafka_error of_record = check_record(&record, topic, now_ms, result);
        if (of_record != KAFKA_ERROR_NONE) {
            add_record_error(result, index);
            if (error != KAFKA_ERROR_INVALID_TIMESTAMP) error = of_record;
        }
        if (record.timestamp > result->max_timestamp) result->max_timestamp = record.timestamp;
    }
    if (r < 0)
        return invalid(result,
                       SLICE("The record batch does not hold the records that it declares"));
    return error;
}

enum kafka_error validate_records(struct slice records, const struct settings_topic *topic,
                                  int64_t now_ms, struct arena *scratch, struct validated *result)
{
    *result = (struct validated){.message = SLICE_NULL};
    enum kafka_error error = check_shape(records, result);
    if (error == KAFKA_ERROR_NONE) error = check_bytes(&result->batch, topic, result);
    if (error == KAFKA_ERROR_NONE) error = check_header(&result->batch, result);
    if (error == KAFKA_ERROR_NONE) error = check_records(topic, now_ms, scratch, result);
    arena_reset(scratch);
    return error;
}

#include "broker/validate.h"

#include <errno.h>

enum { DECOMPRESSED_MAX_BYTES = 256 << 20 };

static enum kafka_error refuse(struct validate_error *error, enum kafka_error code,
                               struct slice message, int32_t record_index)
{
    *error = (struct validate_error){code, message, record_index};
    return code;
}

static enum kafka_error invalid(struct validate_error *error, struct slice message)
{
    return refuse(error, KAFKA_ERROR_INVALID_RECORD, message, -1);
}

/* Exactly one batch of magic 2 and nothing else. */
static enum kafka_error check_shape(struct slice records, struct batch *batch,
                                    struct validate_error *error)
{
    struct slice rest = records;
    if (records.size == 0)
        return invalid(error, SLICE("Produce requests must have exactly one record batch per "
                                    "partition"));
    int r = batch_take(&rest, batch);
    if (r == -EBADMSG && records.size > 16 && records.data[16] != BATCH_MAGIC)
        return invalid(error, SLICE("Produce requests are only allowed to contain record batches "
                                    "with magic version 2"));
    if (r < 0) return refuse(error, KAFKA_ERROR_CORRUPT_MESSAGE, SLICE_NULL, -1);
    if (rest.size > 0)
        return invalid(error, SLICE("Produce requests are only allowed to contain exactly one "
                                    "record batch per partition"));
    return KAFKA_ERROR_NONE;
}

static enum kafka_error check_bytes(const struct batch *batch, const struct settings_topic *topic,
                                    struct validate_error *error)
{
    if (batch->base_offset != 0)
        return invalid(error,
                       SLICE("The baseOffset of the record batch in the append should be 0"));
    if ((int64_t)batch->bytes.size > topic->max_message_bytes)
        return refuse(error, KAFKA_ERROR_MESSAGE_TOO_LARGE,
                      SLICE("The record batch is larger than max.message.bytes"), -1);
    if (!batch_crc_matches(batch))
        return refuse(error, KAFKA_ERROR_CORRUPT_MESSAGE,
                      SLICE("The record batch's CRC does not match its contents"), -1);
    if ((int64_t)batch->bytes.size > topic->segment_bytes)
        return refuse(error, KAFKA_ERROR_RECORD_LIST_TOO_LARGE,
                      SLICE("The record batch is larger than segment.bytes"), -1);
    return KAFKA_ERROR_NONE;
}

static enum kafka_error check_header(const struct batch *batch, struct validate_error *error)
{
    if (batch->last_offset_delta < 0 || batch->last_offset_delta == INT32_MAX)
        return invalid(error, SLICE("Batch has an invalid offset range"));
    if (batch->count <= 0) return invalid(error, SLICE("Invalid reported count for record batch"));
    if (batch->last_offset_delta + 1 != batch->count)
        return invalid(error, SLICE("Inconsistent batch offset range: the count of records does "
                                    "not match it"));
    if (batch->attributes & BATCH_CONTROL)
        return invalid(error, SLICE("Clients are not allowed to write control records"));
    if (batch->producer_id >= 0 && batch->base_sequence < 0)
        return invalid(error, SLICE("Invalid sequence number in record batch with a producer id"));
    if ((batch->attributes & BATCH_CODEC_MASK) > COMPRESS_ZSTD)
        return refuse(error, KAFKA_ERROR_CORRUPT_MESSAGE, SLICE("Unknown compression type"), -1);
    /* No coordinator has added this partition to a transaction. */
    if (batch->attributes & BATCH_TRANSACTIONAL)
        return refuse(error, KAFKA_ERROR_INVALID_TXN_STATE, SLICE_NULL, -1);
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

static enum kafka_error check_record(const struct record *record, int32_t index,
                                     const struct settings_topic *topic, int64_t now_ms,
                                     struct validate_error *error)
{
    if (topic->cleanup_compact && slice_is_null(record->key))
        return refuse(error, KAFKA_ERROR_INVALID_RECORD,
                      SLICE("Compacted topic cannot accept message without key"), index);
    if (!is_timely(record->timestamp, topic, now_ms))
        return refuse(error, KAFKA_ERROR_INVALID_TIMESTAMP,
                      SLICE("Timestamp of message is out of range"), index);
    return KAFKA_ERROR_NONE;
}

static enum kafka_error check_records(const struct batch *batch, const struct settings_topic *topic,
                                      int64_t now_ms, struct arena *scratch,
                                      struct validate_error *error)
{
    struct record_walk walk;
    struct record record;
    int r = record_walk_start(&walk, batch, scratch, DECOMPRESSED_MAX_BYTES);
    if (r == -EMSGSIZE)
        return refuse(error, KAFKA_ERROR_MESSAGE_TOO_LARGE,
                      SLICE("The record batch is too large once decompressed"), -1);
    for (int32_t index = 0; r == 0; index++) {
        int more = record_walk_next(&walk, &record);
        if (more <= 0) {
            r = more;
            break;
        }
        enum kafka_error code = check_record(&record, index, topic, now_ms, error);
        if (code != KAFKA_ERROR_NONE) return code;
    }
    if (r < 0)
        return invalid(error, SLICE("The record batch does not hold the records that it declares"));
    return KAFKA_ERROR_NONE;
}

enum kafka_error validate_records(struct slice records, const struct settings_topic *topic,
                                  int64_t now_ms, struct arena *scratch, struct batch *batch,
                                  struct validate_error *error)
{
    *error = (struct validate_error){KAFKA_ERROR_NONE, SLICE_NULL, -1};
    enum kafka_error code = check_shape(records, batch, error);
    if (code == KAFKA_ERROR_NONE) code = check_bytes(batch, topic, error);
    if (code == KAFKA_ERROR_NONE) code = check_header(batch, error);
    if (code == KAFKA_ERROR_NONE) code = check_records(batch, topic, now_ms, scratch, error);
    arena_reset(scratch);
    return code;
}

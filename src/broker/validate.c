#include "broker/validate.h"

#include <errno.h>

#include "base/memory.h"

enum { DECOMPRESSED_MAX_BYTES = 256 << 20, MAGIC_AT = 16 };

/* Exactly one batch of magic 2. Behind it may stand less than a batch, which is left out.
 * (ProduceRequest.validateRecords, UnifiedLog.trimInvalidBytes) */
static enum kafka_error check_shape(struct slice records, struct batch *batch)
{
    struct slice rest = records;
    int r = batch_take(&rest, batch);
    if (r == -ENODATA) return KAFKA_ERROR_INVALID_RECORD;
    if (r < 0 && records.size > MAGIC_AT && records.data[MAGIC_AT] < BATCH_MAGIC)
        return KAFKA_ERROR_INVALID_RECORD; /* a format before 2 */
    if (r < 0) return KAFKA_ERROR_CORRUPT_MESSAGE;
    struct batch second;
    r = batch_take(&rest, &second);
    if (r == -EBADMSG) return KAFKA_ERROR_CORRUPT_MESSAGE;
    return r == 0 ? KAFKA_ERROR_INVALID_RECORD : KAFKA_ERROR_NONE;
}

static enum kafka_error check_bytes(const struct batch *batch, const struct settings_topic *topic)
{
    if (batch->base_offset != 0) return KAFKA_ERROR_INVALID_RECORD;
    if ((int64_t)batch->bytes.size > topic->max_message_bytes) return KAFKA_ERROR_MESSAGE_TOO_LARGE;
    if (!batch_crc_matches(batch)) return KAFKA_ERROR_CORRUPT_MESSAGE;
    if ((int64_t)batch->bytes.size > topic->segment_bytes) return KAFKA_ERROR_RECORD_LIST_TOO_LARGE;
    return KAFKA_ERROR_NONE;
}

static enum kafka_error check_header(const struct batch *batch)
{
    if (batch->last_offset_delta < 0 || batch->last_offset_delta == INT32_MAX)
        return KAFKA_ERROR_INVALID_RECORD;
    if (batch->count <= 0) return KAFKA_ERROR_INVALID_RECORD;
    if (batch->last_offset_delta + 1 != batch->count) return KAFKA_ERROR_INVALID_RECORD;
    if (batch->attributes & BATCH_CONTROL) return KAFKA_ERROR_INVALID_RECORD; /* ours to write */
    if (batch->producer_id >= 0 && batch->base_sequence < 0) return KAFKA_ERROR_INVALID_RECORD;
    if ((batch->attributes & BATCH_CODEC_MASK) > COMPRESS_ZSTD) return KAFKA_ERROR_CORRUPT_MESSAGE;
    /* No coordinator has added this partition to a transaction. */
    if (batch->attributes & BATCH_TRANSACTIONAL) return KAFKA_ERROR_INVALID_TXN_STATE;
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
                                     const struct settings_topic *topic, int64_t now_ms)
{
    if (topic->cleanup_compact && slice_is_null(record->key)) return KAFKA_ERROR_INVALID_RECORD;
    if (!is_timely(record->timestamp, topic, now_ms)) return KAFKA_ERROR_INVALID_TIMESTAMP;
    return KAFKA_ERROR_NONE;
}

/* There are no more of them than records, each of which had bytes. */
static void add_record_error(struct validated *result, const struct call_record_error *error)
{
    int32_t count = result->record_error_count;
    if ((count & (count - 1)) == 0)
        result->record_errors =
            memory_grow(result->record_errors,
                        (count == 0 ? 1 : (size_t)count * 2) * sizeof(result->record_errors[0]));
    result->record_errors[result->record_error_count++] = *error;
}

static enum kafka_error check_records(const struct settings_topic *topic, int64_t now_ms,
                                      struct arena *scratch, struct validated *result)
{
    struct record_walk walk;
    struct record record;
    enum kafka_error error = KAFKA_ERROR_NONE;
    int r = record_walk_start(&walk, &result->batch, scratch, DECOMPRESSED_MAX_BYTES);
    if (r == -EMSGSIZE) return KAFKA_ERROR_MESSAGE_TOO_LARGE;
    result->max_timestamp = -1;
    for (int32_t index = 0; r == 0; index++) {
        int more = record_walk_next(&walk, &record);
        if (more <= 0) {
            r = more;
            break;
        }
        enum kafka_error of_record = check_record(&record, topic, now_ms);
        if (of_record != KAFKA_ERROR_NONE) {
            struct call_record_error at_fault = {
                .index = index,
                .untimely = of_record == KAFKA_ERROR_INVALID_TIMESTAMP,
                .timestamp = record.timestamp,
            };
            add_record_error(result, &at_fault);
            if (error != KAFKA_ERROR_INVALID_TIMESTAMP) error = of_record;
        }
        if (record.timestamp > result->max_timestamp) result->max_timestamp = record.timestamp;
    }
    /* Less or more in it than the records that it declares. */
    return r < 0 ? KAFKA_ERROR_INVALID_RECORD : error;
}

enum kafka_error validate_records(struct slice records, const struct settings_topic *topic,
                                  int64_t now_ms, struct arena *scratch, struct validated *result)
{
    *result = (struct validated){0};
    enum kafka_error error = check_shape(records, &result->batch);
    result->is_one_batch = error == KAFKA_ERROR_NONE;
    if (error == KAFKA_ERROR_NONE) error = check_bytes(&result->batch, topic);
    if (error == KAFKA_ERROR_NONE) error = check_header(&result->batch);
    if (error == KAFKA_ERROR_NONE) error = check_records(topic, now_ms, scratch, result);
    arena_reset(scratch);
    return error;
}

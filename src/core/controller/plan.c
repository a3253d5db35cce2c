#include "core/controller/plan.h"

#include <string.h>

#include "base/memory.h"

void planner_begin(struct planner *planner, const struct controller_input *input)
{
    ASSERT(input->arena != NULL);
    *planner = (struct planner){.input = input};
    writer_init(&planner->writer, IMAGE_RECORD_BYTES_MAX);
}

void planner_add_version(struct planner *planner, enum image_record kind, int16_t version,
                         const void *record)
{
    writer_reset(&planner->writer);
    int r = image_encode(kind, version, record, &planner->writer);
    ASSERT(r == 0); /* we made it, from strings that a request could carry */
    planner_add_encoded(planner, writer_slice(&planner->writer));
}

void planner_add_encoded(struct planner *planner, struct slice record)
{
    if (planner->count == planner->capacity) {
        planner->capacity = planner->capacity == 0 ? 16 : planner->capacity * 2;
        planner->records =
            memory_grow(planner->records, (size_t)planner->capacity * sizeof(planner->records[0]));
    }
    ASSERT(planner->count < planner->capacity);
    planner->records[planner->count++] = arena_copy(planner->input->arena, record);
}

void planner_add(struct planner *planner, enum image_record kind, const void *record)
{
    int16_t level = image_metadata_version(planner->input->image);
    planner_add_version(planner, kind, image_record_version(kind, level), record);
}

void planner_cut(struct planner *planner, int32_t count)
{
    ASSERT(count >= 0);
    ASSERT(count <= planner->count);
    planner->count = count;
}

void planner_end(struct planner *planner, bool keep, struct controller_plan *plan)
{
    ASSERT(planner->input != NULL); /* begun, and ended once */
    int32_t count = keep ? planner->count : 0;
    struct slice *records = arena_alloc(planner->input->arena, (size_t)count * sizeof(records[0]));
    if (count > 0) memcpy(records, planner->records, (size_t)count * sizeof(records[0]));
    memory_free(planner->records);
    writer_deinit(&planner->writer);
    *plan = (struct controller_plan){.records = records, .record_count = count};
    *planner = (struct planner){0};
}

/* A byte of UTF-8 that is not the first of its character? (RFC 3629 §3) */
static bool is_inside_character(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* A message quotes what the peer sent, and must still be a string that Kafka's clients read. */
struct refusal refuse(enum kafka_error error, struct slice message)
{
    enum { MESSAGE_BYTES_MAX = INT16_MAX };
    ASSERT(error != KAFKA_ERROR_NONE);
    if (message.size > MESSAGE_BYTES_MAX) {
        message.size = MESSAGE_BYTES_MAX;
        while (message.size > 0 && is_inside_character(message.data[message.size]))
            message.size--;
    }
    return (struct refusal){error, message};
}

struct refusal refuse_plainly(enum kafka_error error)
{
    return refuse(error, slice_of(kafka_error_text(error)));
}

struct refusal check_time(int32_t timeout_ms)
{
    if (timeout_ms > 0) return (struct refusal){0};
    return refuse(KAFKA_ERROR_REQUEST_TIMED_OUT, SLICE_NULL);
}

struct refusal refuse_too_many(void)
{
    return refuse(KAFKA_ERROR_POLICY_VIOLATION,
                  SLICE("Unable to perform excessively large batch operation."));
}

struct refusal check_mutation(const struct controller_input *input, int64_t partitions)
{
    if (input->mutation == NULL || quota_mutate(input->mutation, partitions))
        return (struct refusal){0};
    return refuse(KAFKA_ERROR_THROTTLING_QUOTA_EXCEEDED, SLICE_NULL);
}

bool broker_is_active(const struct image_broker *broker)
{
    return broker != NULL && !broker->fenced && !broker->in_controlled_shutdown;
}

/* ListOffsets: the offset that a time stands for. (KIP-79, KIP-734, KIP-405;
 * ReplicaManager.fetchOffset) */
#include <stdlib.h>

#include "api/join.h"
#include "api/topics.h"

enum {
    TIMESTAMP_LEAST = -6,
    REPLICA_CONSUMER = -1,
    READ_COMMITTED = 1,
    LEADER_EPOCH_SINCE = 4, /* in the answer */
};

/* The version from which on a special time may be asked for: -1 latest, -2 earliest, -3 the
 * greatest timestamp, -4 earliest here, -5 latest in the tier, -6 earliest not yet there. */
static bool timestamp_is_served(int64_t timestamp, int16_t version)
{
    static const int16_t since[] = {[1] = 1, [2] = 1, [3] = 7, [4] = 8, [5] = 9, [6] = 11};
    if (timestamp >= 0) return true;
    return timestamp >= TIMESTAMP_LEAST && version >= since[-timestamp];
}

/* One partition asked for; sorted to find those asked for twice. */
struct asked_partition {
    const struct list_offsets_request_list_offsets_topic *topic;
    const struct list_offsets_request_list_offsets_partition *asked;
    struct list_offsets_response_list_offsets_partition_response *answer;
};

static int compare_asked(const void *a, const void *b)
{
    const struct asked_partition *one = a, *two = b;
    int order = slice_compare(one->topic->name, two->topic->name);
    if (order != 0) return order;
    int32_t x = one->asked->partition_index, y = two->asked->partition_index;
    return (x > y) - (x < y);
}

static void refuse(struct list_offsets_response_list_offsets_partition_response *answer,
                   enum kafka_error error)
{
    answer->error_code = (int16_t)error;
    answer->timestamp = answer->offset = answer->leader_epoch = -1;
}

static void list_each(struct join_call *one)
{
    struct list_offsets_response_list_offsets_partition_response *answer = one->answer;
    const struct call_list_offset *found = &one->call.list_offset;
    if (one->call.error != KAFKA_ERROR_NONE) {
        refuse(answer, one->call.error);
        return;
    }
    answer->timestamp = found->found_timestamp;
    answer->offset = found->offset;
    if (one->join->request->version >= LEADER_EPOCH_SINCE)
        answer->leader_epoch = found->leader_epoch;
}

static void list_all(struct join *join)
{
    api_reply(join->request, join->response);
}

static void list_one(struct join *join, const struct asked_partition *one)
{
    struct api_request *request = join->request;
    const struct list_offsets_request *asked = request->message;
    const struct image_topic *topic;
    enum kafka_error error = topics_find(shard_image(request->shard), one->topic->name, &UUID_ZERO,
                                         one->asked->partition_index, &topic);
    if (error == KAFKA_ERROR_NONE && !timestamp_is_served(one->asked->timestamp, request->version))
        error = KAFKA_ERROR_UNSUPPORTED_VERSION;
    if (error != KAFKA_ERROR_NONE) {
        refuse(one->answer, error);
        return;
    }
    struct join_call *to =
        join_add(join, CALL_LIST_OFFSET, &topic->id, one->asked->partition_index, one->answer);
    to->call.current_leader_epoch = one->asked->current_leader_epoch;
    to->call.list_offset = (struct call_list_offset){
        .timestamp = one->asked->timestamp,
        .read_committed =
            asked->replica_id == REPLICA_CONSUMER && asked->isolation_level == READ_COMMITTED,
        .offset = -1,
        .found_timestamp = -1,
        .leader_epoch = -1,
    };
}

static int32_t count_partitions(const struct list_offsets_request *asked)
{
    int32_t count = 0;
    for (int32_t i = 0; i < asked->topics_count; i++)
        count += asked->topics[i].partitions_count;
    return count;
}

/* The answer has the request's shape. Fills `all` with every partition. */
static void shape_answer(struct api_request *request, struct list_offsets_response *answer,
                         struct asked_partition *all)
{
    const struct list_offsets_request *asked = request->message;
    answer->topics =
        arena_alloc(request->arena, (size_t)asked->topics_count * sizeof(answer->topics[0]));
    answer->topics_count = asked->topics_count;
    for (int32_t i = 0; i < asked->topics_count; i++) {
        const struct list_offsets_request_list_offsets_topic *from = &asked->topics[i];
        struct list_offsets_response_list_offsets_topic_response *to = &answer->topics[i];
        to->name = from->name;
        to->partitions =
            arena_alloc(request->arena, (size_t)from->partitions_count * sizeof(to->partitions[0]));
        to->partitions_count = from->partitions_count;
        for (int32_t j = 0; j < from->partitions_count; j++) {
            to->partitions[j] = (struct list_offsets_response_list_offsets_partition_response){
                .partition_index = from->partitions[j].partition_index, .leader_epoch = -1};
            *all++ = (struct asked_partition){from, &from->partitions[j], &to->partitions[j]};
        }
    }
}

void api_list_offsets(struct api_request *request)
{
    int32_t count = count_partitions(request->message);
    struct join *join = join_create(request, count);
    if (join == NULL) {
        api_close(request);
        return;
    }
    struct list_offsets_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_list_offsets_response, answer);
    struct asked_partition *all = arena_alloc(request->arena, (size_t)count * sizeof(all[0]));
    shape_answer(request, answer, all);
    join->response = answer;
    join->each = list_each;
    join->all = list_all;
    qsort(all, (size_t)count, sizeof(all[0]), compare_asked);
    for (int32_t i = 0; i < count; i++) {
        bool twice = (i > 0 && compare_asked(&all[i - 1], &all[i]) == 0) ||
                     (i + 1 < count && compare_asked(&all[i], &all[i + 1]) == 0);
        if (twice)
            refuse(all[i].answer, KAFKA_ERROR_INVALID_REQUEST);
        else
            list_one(join, &all[i]);
    }
    join_start(join);
}

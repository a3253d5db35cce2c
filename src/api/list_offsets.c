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

static void list_one(struct join *join, const struct asked_partition *one,
                     struct list_offsets_response_list_offsets_partition_response *answer)
{
    struct api_request *request = join->request;
    const struct list_offsets_request *asked = request->message;
    const struct image_topic *topic;
    enum kafka_error error = topics_find(shard_image(request->shard), one->topic->name, &UUID_ZERO,
                                         one->asked->partition_index, &topic);
    if (error == KAFKA_ERROR_NONE && !timestamp_is_served(one->asked->timestamp, request->version))
        error = KAFKA_ERROR_UNSUPPORTED_VERSION;
    if (error != KAFKA_ERROR_NONE) {
        refuse(answer, error);
        return;
    }
    struct join_call *to =
        join_add(join, CALL_LIST_OFFSET, &topic->id, one->asked->partition_index, answer);
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

/* The caller's array with room for every partition of the request. */
static void sort_asked(const struct list_offsets_request *asked, struct asked_partition *all,
                       int32_t count)
{
    int32_t filled = 0;
    for (int32_t i = 0; i < asked->topics_count; i++) {
        const struct list_offsets_request_list_offsets_topic *topic = &asked->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++)
            all[filled++] = (struct asked_partition){topic, &topic->partitions[j]};
    }
    ASSERT(filled == count);
    qsort(all, (size_t)count, sizeof(all[0]), compare_asked);
}

/* Answers each topic and partition once; a partition that is asked for twice is refused, and a
 * topic without partitions left out. (KafkaApis.handleListOffsetRequest, ListOffsetsRequest) */
static void list_sorted(struct join *join, const struct asked_partition *all, int32_t count)
{
    const struct list_offsets_request *asked = join->request->message;
    struct list_offsets_response *response = join->response;
    struct arena *arena = join->request->arena;
    struct list_offsets_response_list_offsets_partition_response *answers =
        arena_alloc(arena, (size_t)count * sizeof(answers[0]));
    response->topics =
        arena_alloc(arena, (size_t)asked->topics_count * sizeof(response->topics[0]));
    struct list_offsets_response_list_offsets_topic_response *to = NULL;
    int32_t same;
    for (int32_t i = 0; i < count; i += same) {
        same = 1;
        while (i + same < count && compare_asked(&all[i], &all[i + same]) == 0)
            same++;
        struct list_offsets_response_list_offsets_partition_response *answer = answers++;
        *answer = (struct list_offsets_response_list_offsets_partition_response){
            .partition_index = all[i].asked->partition_index, .leader_epoch = -1};
        if (to == NULL || !slice_equal(to->name, all[i].topic->name)) {
            to = &response->topics[response->topics_count++];
            *to = (struct list_offsets_response_list_offsets_topic_response){
                .name = all[i].topic->name, .partitions = answer};
        }
        to->partitions_count++;
        if (same > 1)
            refuse(answer, KAFKA_ERROR_INVALID_REQUEST);
        else
            list_one(join, &all[i], answer);
    }
}

void api_list_offsets(struct api_request *request)
{
    int32_t count = count_partitions(request->message);
    struct join *join = join_answering(request, count, list_each);
    if (join == NULL) return;
    struct asked_partition *all = arena_alloc(request->arena, (size_t)count * sizeof(all[0]));
    sort_asked(request->message, all, count);
    list_sorted(join, all, count);
    join_start(join);
}

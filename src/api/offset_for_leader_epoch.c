/* OffsetForLeaderEpoch: where an epoch of leadership ended, so that who read beyond it can tell
 * what was lost. (KIP-101, KIP-279, KIP-320) */
#include "api/join.h"
#include "api/topics.h"

static void epoch_each(struct join_call *one)
{
    struct offset_for_leader_epoch_response_epoch_end_offset *answer = one->answer;
    answer->error_code = (int16_t)one->call.error;
    if (one->call.error != KAFKA_ERROR_NONE) return;
    answer->leader_epoch = one->call.epoch_end.found_epoch;
    answer->end_offset = one->call.epoch_end.end_offset;
}

static void epoch_topic(struct join *join,
                        const struct offset_for_leader_epoch_request_offset_for_leader_topic *from,
                        struct offset_for_leader_epoch_response_offset_for_leader_topic_result *to)
{
    struct api_request *request = join->request;
    to->topic = from->topic;
    to->partitions =
        arena_alloc(request->arena, (size_t)from->partitions_count * sizeof(to->partitions[0]));
    to->partitions_count = from->partitions_count;
    for (int32_t i = 0; i < from->partitions_count; i++) {
        int32_t index = from->partitions[i].partition;
        struct offset_for_leader_epoch_response_epoch_end_offset *answer = &to->partitions[i];
        *answer = (struct offset_for_leader_epoch_response_epoch_end_offset){
            .partition = index, .leader_epoch = -1, .end_offset = -1};
        const struct image_topic *topic;
        enum kafka_error error =
            topics_find(shard_image(request->shard), from->topic, &UUID_ZERO, index, &topic);
        if (error != KAFKA_ERROR_NONE) {
            answer->error_code = (int16_t)error;
            continue;
        }
        struct join_call *one = join_add(join, CALL_EPOCH_END, &topic->id, index, answer);
        one->call.current_leader_epoch = from->partitions[i].current_leader_epoch;
        one->call.epoch_end = (struct call_epoch_end){
            .epoch = from->partitions[i].leader_epoch, .found_epoch = -1, .end_offset = -1};
    }
}

void api_offset_for_leader_epoch(struct api_request *request)
{
    const struct offset_for_leader_epoch_request *asked = request->message;
    int32_t count = 0;
    for (int32_t i = 0; i < asked->topics_count; i++)
        count += asked->topics[i].partitions_count;
    struct join *join = join_answering(request, count, epoch_each);
    if (join == NULL) return;
    struct offset_for_leader_epoch_response *answer = join->response;
    answer->topics =
        arena_alloc(request->arena, (size_t)asked->topics_count * sizeof(answer->topics[0]));
    answer->topics_count = asked->topics_count;
    for (int32_t i = 0; i < asked->topics_count; i++)
        epoch_topic(join, &asked->topics[i], &answer->topics[i]);
    join_start(join);
}

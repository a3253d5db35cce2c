/* Answers that tell nothing but an error: each API has a place of its own for it. */
#include "core/group/group_private.h"

enum { ANSWER_BYTES_MAX = 64 << 20 };

static void arena_cleanup(struct arena *arena)
{
    arena_deinit(arena);
}

static void encode(struct machine_asker *asker, const struct wire_message *message,
                   const void *response)
{
    asker->result = wire_encode(message, asker->version, response, asker->reply, NULL);
    ASSERT(asker->result != -EINVAL);
}

/* OffsetCommit has no error but those of partitions. (OffsetCommitRequest.getErrorResponse) */
static void answer_commit(struct machine_asker *asker, enum kafka_error error)
{
    CLEANUP(arena_cleanup) struct arena arena;
    arena_init(&arena, ANSWER_BYTES_MAX);
    const struct offset_commit_request *request = asker->message;
    struct offset_commit_response response = {.topics_count = request->topics_count};
    response.topics =
        arena_alloc(&arena, (size_t)request->topics_count * sizeof(response.topics[0]));
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct offset_commit_request_offset_commit_request_topic *asked = &request->topics[i];
        struct offset_commit_response_offset_commit_response_topic *topic = &response.topics[i];
        topic->name = asked->name;
        topic->topic_id = asked->topic_id;
        topic->partitions =
            arena_alloc(&arena, (size_t)asked->partitions_count * sizeof(topic->partitions[0]));
        topic->partitions_count = asked->partitions_count;
        for (int32_t j = 0; j < asked->partitions_count; j++) {
            topic->partitions[j].partition_index = asked->partitions[j].partition_index;
            topic->partitions[j].error_code = (int16_t)error;
        }
    }
    encode(asker, &wire_offset_commit_response, &response);
}

/* The oldest version has no error but those of partitions. */
static void answer_fetch_in_partitions(struct machine_asker *asker, enum kafka_error error)
{
    CLEANUP(arena_cleanup) struct arena arena;
    arena_init(&arena, ANSWER_BYTES_MAX);
    const struct offset_fetch_request *request = asker->message;
    struct offset_fetch_response response = {.topics_count = request->topics_count};
    response.topics =
        arena_alloc(&arena, (size_t)request->topics_count * sizeof(response.topics[0]));
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct offset_fetch_request_offset_fetch_request_topic *asked = &request->topics[i];
        struct offset_fetch_response_offset_fetch_response_topic *topic = &response.topics[i];
        topic->name = asked->name;
        topic->partitions = arena_alloc(&arena, (size_t)asked->partition_indexes_count *
                                                    sizeof(topic->partitions[0]));
        topic->partitions_count = asked->partition_indexes_count;
        for (int32_t j = 0; j < asked->partition_indexes_count; j++)
            topic->partitions[j] = (struct offset_fetch_response_offset_fetch_response_partition){
                asked->partition_indexes[j], -1, -1, SLICE(""), (int16_t)error};
    }
    encode(asker, &wire_offset_fetch_response, &response);
}

static void answer_fetch(struct machine_asker *asker, enum kafka_error error)
{
    const struct offset_fetch_request *request = asker->message;
    if (asker->version < 2) {
        answer_fetch_in_partitions(asker, error);
        return;
    }
    struct offset_fetch_response response = {0};
    struct offset_fetch_response_offset_fetch_response_group group = {0};
    if (asker->version >= 8) {
        ASSERT(request->groups_count == 1);
        group.group_id = request->groups[0].group_id;
        group.error_code = (int16_t)error;
        response.groups = &group;
        response.groups_count = 1;
    } else {
        response.error_code = (int16_t)error;
    }
    encode(asker, &wire_offset_fetch_response, &response);
}

static void answer_join(struct machine_asker *asker, enum kafka_error error)
{
    const struct join_group_request *request = asker->message;
    struct join_group_response response;
    wire_defaults(&wire_join_group_response, &response);
    response.error_code = (int16_t)error;
    response.member_id = request->member_id;
    response.protocol_name = asker->version >= 7 ? SLICE_NULL : SLICE("");
    encode(asker, &wire_join_group_response, &response);
}

static void answer_sync(struct machine_asker *asker, enum kafka_error error)
{
    struct sync_group_response response;
    wire_defaults(&wire_sync_group_response, &response);
    response.error_code = (int16_t)error;
    encode(asker, &wire_sync_group_response, &response);
}

static void answer_heartbeat(struct machine_asker *asker, enum kafka_error error)
{
    /* A member need not mind that its coordinator is only just reading its log: it is told that all
     * is well. (GroupCoordinatorService.heartbeat) */
    bool loading = error == KAFKA_ERROR_COORDINATOR_LOAD_IN_PROGRESS;
    struct heartbeat_response response = {.error_code = loading ? 0 : (int16_t)error};
    encode(asker, &wire_heartbeat_response, &response);
}

/* That the group is unknown is said of each member. (GroupCoordinatorService.leaveGroup) */
static void answer_leave(struct machine_asker *asker, enum kafka_error error)
{
    CLEANUP(arena_cleanup) struct arena arena;
    arena_init(&arena, ANSWER_BYTES_MAX);
    const struct leave_group_request *request = asker->message;
    struct leave_group_response response = {.error_code = (int16_t)error};
    if (asker->version >= 3 && error == KAFKA_ERROR_UNKNOWN_MEMBER_ID) {
        response.error_code = 0;
        response.members_count = request->members_count;
        response.members =
            arena_alloc(&arena, (size_t)request->members_count * sizeof(response.members[0]));
        for (int32_t i = 0; i < request->members_count; i++)
            response.members[i] = (struct leave_group_response_member_response){
                request->members[i].member_id, request->members[i].group_instance_id,
                (int16_t)error};
    }
    encode(asker, &wire_leave_group_response, &response);
}

static void answer_describe(struct machine_asker *asker, enum kafka_error error)
{
    const struct describe_groups_request *request = asker->message;
    ASSERT(request->groups_count == 1);
    struct describe_groups_response_described_group group = {
        .error_code = (int16_t)error,
        .group_id = request->groups[0],
        .group_state = SLICE(""),
        .protocol_type = SLICE(""),
        .protocol_data = SLICE(""),
        .authorized_operations = INT32_MIN,
    };
    struct describe_groups_response response = {.groups = &group, .groups_count = 1};
    encode(asker, &wire_describe_groups_response, &response);
}

static void answer_delete(struct machine_asker *asker, enum kafka_error error)
{
    const struct delete_groups_request *request = asker->message;
    ASSERT(request->groups_names_count == 1);
    struct delete_groups_response_deletable_group_result result = {request->groups_names[0],
                                                                   (int16_t)error};
    struct delete_groups_response response = {.results = &result, .results_count = 1};
    encode(asker, &wire_delete_groups_response, &response);
}

static void answer_list(struct machine_asker *asker, enum kafka_error error)
{
    struct list_groups_response response = {.error_code = (int16_t)error};
    encode(asker, &wire_list_groups_response, &response);
}

static void answer_offset_delete(struct machine_asker *asker, enum kafka_error error)
{
    struct offset_delete_response response = {.error_code = (int16_t)error};
    encode(asker, &wire_offset_delete_response, &response);
}

static const struct {
    enum api_key key;
    void (*answer)(struct machine_asker *asker, enum kafka_error error);
} answers[] = {
    {API_OFFSET_COMMIT, answer_commit},     {API_OFFSET_FETCH, answer_fetch},
    {API_JOIN_GROUP, answer_join},          {API_SYNC_GROUP, answer_sync},
    {API_HEARTBEAT, answer_heartbeat},      {API_LEAVE_GROUP, answer_leave},
    {API_DESCRIBE_GROUPS, answer_describe}, {API_DELETE_GROUPS, answer_delete},
    {API_LIST_GROUPS, answer_list},         {API_OFFSET_DELETE, answer_offset_delete},
};

/* What a failed append is called towards a member.
 * (GroupMetadataManager.appendGroupMetadataErrorToResponseError) */
static enum kafka_error told(enum kafka_error error)
{
    switch ((int)error) {
    case KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION:
    case KAFKA_ERROR_NOT_ENOUGH_REPLICAS:
    case KAFKA_ERROR_REQUEST_TIMED_OUT:
        return KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE;
    case KAFKA_ERROR_NOT_LEADER_OR_FOLLOWER:
    case KAFKA_ERROR_KAFKA_STORAGE_ERROR:
        return KAFKA_ERROR_NOT_COORDINATOR;
    case KAFKA_ERROR_MESSAGE_TOO_LARGE:
    case KAFKA_ERROR_RECORD_LIST_TOO_LARGE:
    case KAFKA_ERROR_INVALID_FETCH_SIZE:
        return KAFKA_ERROR_UNKNOWN_SERVER_ERROR;
    default:
        return error;
    }
}

void group_answer_error(struct machine_asker *asker, enum kafka_error error)
{
    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        if (answers[i].key != asker->key) continue;
        answers[i].answer(asker, told(error));
        return;
    }
    ASSERT(false); /* an API that is not of groups */
}

void group_refuse(struct machine_plan *plan, struct machine_asker *asker, enum kafka_error error)
{
    ASSERT(!list_is_linked(&asker->link));
    asker->result = 0;
    group_answer_error(asker, error);
    list_push_back(&plan->answered, &asker->link);
}

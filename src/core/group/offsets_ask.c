/* The requests about offsets: OffsetCommit, OffsetFetch, OffsetDelete. (KafkaApis,
 * OffsetMetadataManager) */
#include "core/group/kinds.h"
#include "core/group/offsets.h"

enum { TOPIC_IDS = 10 }; /* since this version topics have ids instead of names, in both APIs */

/* --- commit ----------------------------------------------------------------------------------- */

/* One commit while it is judged: topics and partitions that there are not do not come before the
 * group. */
struct commit {
    const struct offset_commit_request *request;
    struct slice *names; /* of each topic; null: there is no such topic */
    struct offset_commit_response response;
};

static bool has_partition(const struct group_input *input, struct slice name, int32_t partition)
{
    const struct image_topic *topic = image_topic_by_name(input->image, name);
    return topic != NULL && image_partition(topic, partition) != NULL;
}

static void find_names(struct commit *commit, const struct group_input *input, int16_t version,
                       struct arena *arena)
{
    const struct offset_commit_request *request = commit->request;
    commit->names = arena_alloc(arena, (size_t)request->topics_count * sizeof(commit->names[0]));
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct image_topic *topic =
            version >= TOPIC_IDS ? image_topic_by_id(input->image, &request->topics[i].topic_id)
                                 : image_topic_by_name(input->image, request->topics[i].name);
        commit->names[i] = topic != NULL ? topic->name : SLICE_NULL;
    }
}

/* Is there anything that the group has to judge? */
static bool has_valid(const struct commit *commit, const struct group_input *input)
{
    for (int32_t i = 0; i < commit->request->topics_count; i++)
        for (int32_t j = 0; j < commit->request->topics[i].partitions_count; j++)
            if (!slice_is_null(commit->names[i]) &&
                has_partition(input, commit->names[i],
                              commit->request->topics[i].partitions[j].partition_index))
                return true;
    return false;
}

/* (OffsetMetadataManager.validateOffsetCommit) */
static enum kafka_error may_commit(struct group *group, const struct group_input *input,
                                   const struct machine_asker *asker)
{
    const struct offset_commit_request *request = asker->message;
    struct group_committer committer = {
        .member_id = request->member_id,
        .instance_id = request->group_instance_id,
        .epoch = request->generation_id_or_member_epoch,
        .version = asker->version,
    };
    if (group != NULL) return group_calls(group)->may_commit(group, &committer, input);
    /* A group that is used for its offsets alone begins with its first commit. */
    if (committer.epoch < 0) return KAFKA_ERROR_NONE;
    return asker->version >= 9 ? KAFKA_ERROR_GROUP_ID_NOT_FOUND : KAFKA_ERROR_ILLEGAL_GENERATION;
}

/* The version that has the field that is needed: the newest has no expire timestamp.
 * (GroupCoordinatorRecordHelpers.offsetCommitValueVersion) */
static void plan_offset(const struct commit *commit, int32_t topic, int32_t partition,
                        const struct group_input *input, struct machine_plan *plan)
{
    const struct offset_commit_request *request = commit->request;
    const struct offset_commit_request_offset_commit_request_partition *asked =
        &request->topics[topic].partitions[partition];
    bool expires = request->retention_time_ms != -1;
    struct offset_commit_key key = {request->group_id, commit->names[topic],
                                    asked->partition_index};
    struct slice metadata = asked->committed_metadata;
    struct offset_commit_value value = {
        .offset = asked->committed_offset,
        .leader_epoch = expires ? -1 : asked->committed_leader_epoch,
        .metadata = slice_is_null(metadata) ? SLICE("") : metadata,
        .commit_timestamp = input->time.now_ms,
        .expire_timestamp = expires ? input->time.now_ms + request->retention_time_ms : -1,
        .topic_id = expires ? UUID_ZERO : request->topics[topic].topic_id,
    };
    machine_plan_record(plan, &wire_offset_commit_key, &key, &wire_offset_commit_value,
                        expires ? 1 : 4, &value);
}

static enum kafka_error commit_partition(const struct commit *commit, int32_t topic,
                                         int32_t partition, const struct group_input *input,
                                         struct machine_plan *plan)
{
    const struct offset_commit_request_offset_commit_request_partition *asked =
        &commit->request->topics[topic].partitions[partition];
    int64_t size_max = settings_number(input->settings, SETTING_OFFSET_METADATA_MAX_BYTES);
    if ((int64_t)asked->committed_metadata.size > size_max)
        return KAFKA_ERROR_OFFSET_METADATA_TOO_LARGE;
    plan_offset(commit, topic, partition, input, plan);
    return KAFKA_ERROR_NONE;
}

/* One topic's answer: first what there is not, then the rest. */
static void commit_topic(struct commit *commit, int32_t index, const struct group_input *input,
                         int16_t version, struct machine_plan *plan)
{
    const struct offset_commit_request_offset_commit_request_topic *asked =
        &commit->request->topics[index];
    struct offset_commit_response_offset_commit_response_topic *topic =
        &commit->response.topics[commit->response.topics_count++];
    topic->name = asked->name;
    topic->topic_id = asked->topic_id;
    topic->partitions =
        arena_alloc(&plan->arena, (size_t)asked->partitions_count * sizeof(topic->partitions[0]));
    struct slice name = commit->names[index];
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < asked->partitions_count; i++) {
            int32_t partition = asked->partitions[i].partition_index;
            bool valid = !slice_is_null(name) && has_partition(input, name, partition);
            if (valid != (pass == 1)) continue;
            enum kafka_error error = KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
            if (valid)
                error = commit_partition(commit, index, i, input, plan);
            else if (slice_is_null(name) && version >= TOPIC_IDS)
                error = KAFKA_ERROR_UNKNOWN_TOPIC_ID;
            topic->partitions[topic->partitions_count++] =
                (struct offset_commit_response_offset_commit_response_partition){partition,
                                                                                 (int16_t)error};
        }
    }
}

void offsets_commit(struct groups *groups, const struct group_input *input,
                    struct machine_asker *asker, struct machine_plan *plan)
{
    struct commit commit = {.request = asker->message};
    find_names(&commit, input, asker->version, &plan->arena);
    if (has_valid(&commit, input)) {
        struct group *group = group_find(groups, commit.request->group_id);
        enum kafka_error error = may_commit(group, input, asker);
        if (error != KAFKA_ERROR_NONE) {
            group_refuse(plan, asker, error);
            return;
        }
    }
    commit.response.topics = arena_alloc(&plan->arena, (size_t)commit.request->topics_count *
                                                           sizeof(commit.response.topics[0]));
    for (int32_t i = 0; i < commit.request->topics_count; i++)
        commit_topic(&commit, i, input, asker->version, plan);
    machine_answer(plan, asker, &wire_offset_commit_response, &commit.response);
}

/* --- fetch ------------------------------------------------------------------------------------ */

/* Versions before 8 ask for one group and have its fields in the request itself; here all look
 * alike. */
static struct offset_fetch_request_offset_fetch_request_group
asked_group(const struct machine_asker *asker, struct arena *arena)
{
    const struct offset_fetch_request *request = asker->message;
    if (asker->version >= 8) {
        ASSERT(request->groups_count == 1);
        return request->groups[0];
    }
    struct offset_fetch_request_offset_fetch_request_group group = {
        .group_id = request->group_id, .member_epoch = -1, .topics_count = request->topics_count};
    if (request->topics_count < 0) return group;
    group.topics = arena_alloc(arena, (size_t)request->topics_count * sizeof(group.topics[0]));
    for (int32_t i = 0; i < request->topics_count; i++) {
        group.topics[i].name = request->topics[i].name;
        group.topics[i].partition_indexes = request->topics[i].partition_indexes;
        group.topics[i].partition_indexes_count = request->topics[i].partition_indexes_count;
    }
    return group;
}

static struct offset_fetch_response_offset_fetch_response_partitions
told_offset(const struct group *group, const struct offset *offset, struct slice topic,
            int32_t partition, const struct uuid *topic_id, bool stable)
{
    struct offset_fetch_response_offset_fetch_response_partitions told = {partition, -1, -1,
                                                                          SLICE(""), 0};
    if (group != NULL && stable && offset_is_pending(group, topic, partition)) {
        told.error_code = KAFKA_ERROR_UNSTABLE_OFFSET_COMMIT;
        return told;
    }
    /* What was committed for a topic of the same name that is gone is none of this one's.
     * (OffsetMetadataManager.isOffsetInvalid) */
    bool known = offset != NULL && !uuid_is_zero(&offset->topic_id) && !uuid_is_zero(topic_id);
    if (offset == NULL || (known && !uuid_equal(&offset->topic_id, topic_id))) return told;
    told.committed_offset = offset->committed;
    told.committed_leader_epoch = offset->leader_epoch;
    told.metadata = offset->metadata;
    return told;
}

static void fetch_named(const struct group *group,
                        const struct offset_fetch_request_offset_fetch_request_group *asked,
                        const struct group_input *input, const struct machine_asker *asker,
                        struct arena *arena,
                        struct offset_fetch_response_offset_fetch_response_group *told)
{
    const struct offset_fetch_request *request = asker->message;
    told->topics = arena_alloc(arena, (size_t)asked->topics_count * sizeof(told->topics[0]));
    told->topics_count = asked->topics_count;
    for (int32_t i = 0; i < asked->topics_count; i++) {
        const struct offset_fetch_request_offset_fetch_request_topics *want = &asked->topics[i];
        struct offset_fetch_response_offset_fetch_response_topics *topic = &told->topics[i];
        struct slice name = want->name;
        if (asker->version >= TOPIC_IDS) {
            const struct image_topic *known = image_topic_by_id(input->image, &want->topic_id);
            name = known != NULL ? known->name : SLICE_NULL;
        }
        topic->name = want->name;
        topic->topic_id = want->topic_id;
        topic->partitions_count = want->partition_indexes_count;
        topic->partitions =
            arena_alloc(arena, (size_t)topic->partitions_count * sizeof(topic->partitions[0]));
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            int32_t partition = want->partition_indexes[j];
            const struct offset *offset =
                group != NULL && !slice_is_null(name) ? offset_find(group, name, partition) : NULL;
            topic->partitions[j] = told_offset(group, offset, name, partition, &want->topic_id,
                                               request->require_stable);
            if (slice_is_null(name)) topic->partitions[j].error_code = KAFKA_ERROR_UNKNOWN_TOPIC_ID;
        }
    }
}

/* Topics that are gone have no id by which to tell of them. */
static void fetch_all(const struct group *group, const struct group_input *input,
                      const struct machine_asker *asker, struct arena *arena,
                      struct offset_fetch_response_offset_fetch_response_group *told)
{
    const struct offset_fetch_request *request = asker->message;
    int32_t count;
    const struct offset **sorted = offset_sort(group, arena, &count);
    told->topics = arena_alloc(arena, (size_t)count * sizeof(told->topics[0]));
    for (int32_t i = 0, next; i < count; i = next) {
        struct slice name = sorted[i]->topic;
        for (next = i + 1; next < count && slice_equal(sorted[next]->topic, name); next++)
            continue;
        struct offset_fetch_response_offset_fetch_response_topics topic = {.name = name};
        if (asker->version >= TOPIC_IDS) {
            const struct image_topic *known = image_topic_by_name(input->image, name);
            if (known == NULL) continue;
            topic.topic_id = known->id;
        }
        topic.partitions = arena_alloc(arena, (size_t)(next - i) * sizeof(topic.partitions[0]));
        for (int32_t j = i; j < next; j++)
            topic.partitions[topic.partitions_count++] = told_offset(
                group, sorted[j], name, sorted[j]->partition, &UUID_ZERO, request->require_stable);
        told->topics[told->topics_count++] = topic;
    }
}

/* Versions before 8 have the fields of the one group in the response itself. */
static void answer_fetch(struct machine_asker *asker, struct machine_plan *plan,
                         struct offset_fetch_response_offset_fetch_response_group *told)
{
    struct offset_fetch_response response = {0};
    if (asker->version >= 8) {
        response.groups = told;
        response.groups_count = 1;
        machine_answer(plan, asker, &wire_offset_fetch_response, &response);
        return;
    }
    response.topics_count = told->topics_count;
    response.topics =
        arena_alloc(&plan->arena, (size_t)told->topics_count * sizeof(response.topics[0]));
    for (int32_t i = 0; i < told->topics_count; i++) {
        struct offset_fetch_response_offset_fetch_response_topic *topic = &response.topics[i];
        topic->name = told->topics[i].name;
        topic->partitions_count = told->topics[i].partitions_count;
        topic->partitions = arena_alloc(&plan->arena, (size_t)topic->partitions_count *
                                                          sizeof(topic->partitions[0]));
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            const struct offset_fetch_response_offset_fetch_response_partitions *from =
                &told->topics[i].partitions[j];
            topic->partitions[j] = (struct offset_fetch_response_offset_fetch_response_partition){
                from->partition_index, from->committed_offset, from->committed_leader_epoch,
                from->metadata, from->error_code};
        }
    }
    machine_answer(plan, asker, &wire_offset_fetch_response, &response);
}

void offsets_fetch(struct groups *groups, const struct group_input *input,
                   struct machine_asker *asker, struct machine_plan *plan)
{
    struct offset_fetch_request_offset_fetch_request_group asked = asked_group(asker, &plan->arena);
    const struct group *group = group_find(groups, asked.group_id);
    if (group != NULL) {
        enum kafka_error error =
            group_calls(group)->may_fetch(group, asked.member_id, asked.member_epoch);
        if (error != KAFKA_ERROR_NONE) {
            group_refuse(plan, asker, error);
            return;
        }
    }
    struct offset_fetch_response_offset_fetch_response_group told = {.group_id = asked.group_id};
    if (asked.topics_count >= 0)
        fetch_named(group, &asked, input, asker, &plan->arena, &told);
    else if (group != NULL)
        fetch_all(group, input, asker, &plan->arena, &told);
    answer_fetch(asker, plan, &told);
}

/* --- delete ----------------------------------------------------------------------------------- */

/* There may be a pending one only. */
static void delete_offset(const struct group *group, struct slice topic, int32_t partition,
                          struct machine_plan *plan)
{
    struct offset named = {.topic = topic, .partition = partition};
    if (offset_find(group, topic, partition) != NULL || offset_is_pending(group, topic, partition))
        offset_plan_tombstone(group, &named, plan);
}

static void delete_topic(const struct group *group, const struct group_input *input,
                         const struct offset_delete_request_offset_delete_request_topic *asked,
                         struct machine_plan *plan,
                         struct offset_delete_response_offset_delete_response_topic *topic)
{
    bool subscribed = group_calls(group)->is_subscribed(group, asked->name);
    topic->name = asked->name;
    topic->partitions =
        arena_alloc(&plan->arena, (size_t)asked->partitions_count * sizeof(topic->partitions[0]));
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < asked->partitions_count; i++) {
            int32_t partition = asked->partitions[i].partition_index;
            bool valid = has_partition(input, asked->name, partition);
            if (valid != (pass == 1)) continue;
            enum kafka_error error = KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
            if (valid && subscribed) error = KAFKA_ERROR_GROUP_SUBSCRIBED_TO_TOPIC;
            if (valid && !subscribed) {
                delete_offset(group, asked->name, partition, plan);
                error = KAFKA_ERROR_NONE;
            }
            topic->partitions[topic->partitions_count++] =
                (struct offset_delete_response_offset_delete_response_partition){partition,
                                                                                 (int16_t)error};
        }
    }
}

void offsets_delete(struct groups *groups, const struct group_input *input,
                    struct machine_asker *asker, struct machine_plan *plan)
{
    const struct offset_delete_request *request = asker->message;
    if (slice_is_null(request->group_id) || request->group_id.size == 0) {
        group_refuse(plan, asker, KAFKA_ERROR_INVALID_GROUP_ID);
        return;
    }
    struct group *group = group_find(groups, request->group_id);
    if (group == NULL) {
        group_refuse(plan, asker, KAFKA_ERROR_GROUP_ID_NOT_FOUND);
        return;
    }
    enum kafka_error error = group_calls(group)->may_delete_offsets(group);
    if (error != KAFKA_ERROR_NONE) {
        group_refuse(plan, asker, error);
        return;
    }
    struct offset_delete_response response = {.topics_count = request->topics_count};
    response.topics =
        arena_alloc(&plan->arena, (size_t)request->topics_count * sizeof(response.topics[0]));
    for (int32_t i = 0; i < request->topics_count; i++)
        delete_topic(group, input, &request->topics[i], plan, &response.topics[i]);
    machine_answer(plan, asker, &wire_offset_delete_response, &response);
}

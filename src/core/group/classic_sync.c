/* SyncGroup, Heartbeat and LeaveGroup in a classic group. (GroupMetadataManager.classicGroupSync…,
 * classicGroupHeartbeat…, classicGroupLeaveToClassicGroup) */
#include "core/group/classic.h"

/* --- sync ------------------------------------------------------------------------------------- */

/* What the member says of the group must be so, where it says it. (KIP-559) */
static bool is_other(struct slice said, struct slice is)
{
    return !slice_is_null(said) && !slice_is_null(is) && !slice_equal(said, is);
}

static enum kafka_error judge(const struct classic *classic,
                              const struct sync_group_request *request)
{
    enum kafka_error error =
        classic_validate(classic, request->member_id, request->group_instance_id);
    if (error != KAFKA_ERROR_NONE) return error;
    if (request->generation_id != classic->generation) return KAFKA_ERROR_ILLEGAL_GENERATION;
    if (is_other(request->protocol_type, classic->protocol_type) ||
        is_other(request->protocol_name, classic->protocol))
        return KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL;
    return classic->state == GROUP_CLASSIC_PREPARING ? KAFKA_ERROR_REBALANCE_IN_PROGRESS
                                                     : KAFKA_ERROR_NONE;
}

static void tell_assignment(const struct classic *classic, struct machine_asker *asker,
                            struct slice assignment, struct machine_plan *plan)
{
    struct sync_group_response response;
    wire_defaults(&wire_sync_group_response, &response);
    response.protocol_type = classic->protocol_type;
    response.protocol_name = classic->protocol;
    response.assignment = assignment;
    machine_answer(plan, asker, &wire_sync_group_response, &response);
}

/* What the leader assigned to a member; of several the last one counts. */
static void fill_assignments(const struct sync_group_request *request, struct map *by_member)
{
    for (int32_t i = 0; i < request->assignments_count; i++) {
        (void)map_remove(by_member, request->assignments[i].member_id);
        map_put(by_member, request->assignments[i].member_id, &request->assignments[i]);
    }
}

/* The leader has assigned: the record tells it, and everybody who waits. */
static void assign(struct classic *classic, const struct sync_group_request *request,
                   const struct group_input *input, struct machine_plan *plan)
{
    struct map assigned;
    map_init(&assigned, classic->group->groups->seed);
    fill_assignments(request, &assigned);
    classic_plan_record(classic, NULL, NULL, &assigned, plan);
    classic->group->groups->planning = classic->group;
    for (struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member)) {
        struct machine_asker *asker = member->syncing;
        if (asker == NULL) continue;
        const struct sync_group_request_sync_group_request_assignment *share =
            map_get(&assigned, member->id);
        member->syncing = NULL;
        tell_assignment(classic, asker, share != NULL ? share->assignment : SLICE(""), plan);
        classic_heard(member, input);
    }
    map_deinit(&assigned);
}

void classic_sync(struct groups *groups, struct group *group, const struct group_input *input,
                  struct machine_asker *asker, struct machine_plan *plan)
{
    (void)groups;
    const struct sync_group_request *request = asker->message;
    struct classic *classic = group->classic;
    enum kafka_error error = judge(classic, request);
    if (error != KAFKA_ERROR_NONE) {
        group_refuse(plan, asker, error);
        return;
    }
    struct classic_member *member = classic_find(classic, request->member_id);
    ASSERT(member != NULL);
    classic_synced(member);
    if (classic->state == GROUP_CLASSIC_STABLE) {
        tell_assignment(classic, asker, member->assignment, plan);
        return;
    }
    ASSERT(classic->state == GROUP_CLASSIC_COMPLETING);
    classic_fail_sync(member, KAFKA_ERROR_REBALANCE_IN_PROGRESS, plan);
    member->syncing = asker;
    if (slice_equal(classic->leader, member->id)) assign(classic, request, input, plan);
}

/* --- heartbeat -------------------------------------------------------------------------------- */

void classic_heartbeat(struct groups *groups, struct group *group, const struct group_input *input,
                       struct machine_asker *asker, struct machine_plan *plan)
{
    (void)groups;
    const struct heartbeat_request *request = asker->message;
    struct classic *classic = group->classic;
    enum kafka_error error =
        classic_validate(classic, request->member_id, request->group_instance_id);
    if (error == KAFKA_ERROR_NONE && request->generation_id != classic->generation)
        error = KAFKA_ERROR_ILLEGAL_GENERATION;
    if (error == KAFKA_ERROR_NONE) {
        classic_heard(classic_find(classic, request->member_id), input);
        if (classic->state == GROUP_CLASSIC_PREPARING) error = KAFKA_ERROR_REBALANCE_IN_PROGRESS;
    }
    group_refuse(plan, asker, error);
}

/* --- leave ------------------------------------------------------------------------------------ */

static enum kafka_error leave_one(struct classic *classic, struct slice id,
                                  struct slice instance_id, struct machine_plan *plan)
{
    struct classic_member *member;
    if (id.size == 0) {
        /* An administrator removes a static member by its name alone. (KIP-345) */
        member = classic_find_static(classic, instance_id);
        if (member == NULL) return KAFKA_ERROR_UNKNOWN_MEMBER_ID;
    } else {
        struct classic_pending *pending = classic_find_pending(classic, id);
        if (pending != NULL) {
            classic_drop_pending(pending);
            return KAFKA_ERROR_NONE;
        }
        enum kafka_error error = classic_validate(classic, id, instance_id);
        if (error != KAFKA_ERROR_NONE) return error;
        member = classic_find(classic, id);
    }
    classic_remove(member, KAFKA_ERROR_UNKNOWN_MEMBER_ID, plan);
    return KAFKA_ERROR_NONE;
}

/* Before version 3 one member leaves, and its error is the request's. */
static void leave_alone(struct classic *classic, const struct group_input *input,
                        struct machine_asker *asker, struct machine_plan *plan)
{
    const struct leave_group_request *request = asker->message;
    enum kafka_error error = leave_one(classic, request->member_id, SLICE_NULL, plan);
    group_refuse(plan, asker, error);
    if (error == KAFKA_ERROR_NONE) classic_left(classic, input, plan);
}

void classic_leave(struct groups *groups, struct group *group, const struct group_input *input,
                   struct machine_asker *asker, struct machine_plan *plan)
{
    (void)groups;
    const struct leave_group_request *request = asker->message;
    struct classic *classic = group->classic;
    if (asker->version < 3) {
        leave_alone(classic, input, asker, plan);
        return;
    }
    struct leave_group_response response = {0};
    bool left = false;
    response.members =
        arena_alloc(&plan->arena, (size_t)request->members_count * sizeof(response.members[0]));
    for (int32_t i = 0; i < request->members_count; i++) {
        const struct leave_group_request_member_identity *who = &request->members[i];
        enum kafka_error error = leave_one(classic, who->member_id, who->group_instance_id, plan);
        if (error == KAFKA_ERROR_NONE) left = true;
        response.members[response.members_count++] = (struct leave_group_response_member_response){
            who->member_id, who->group_instance_id, (int16_t)error};
    }
    machine_answer(plan, asker, &wire_leave_group_response, &response);
    if (left) classic_left(classic, input, plan);
}

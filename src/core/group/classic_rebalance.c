/* How a generation of a classic group begins, and what makes another one necessary. */
#include "core/group/classic.h"

void classic_enter(struct classic *classic, enum group_classic_state state, int64_t now_ms)
{
    ASSERT(state < GROUP_CLASSIC_STATES);
    classic->former = classic->state;
    classic->state = state;
    classic->since_ms = now_ms;
}

/* --- who waits -------------------------------------------------------------------------------- */

/* The client asks again while it is waiting: who asked before is told to start over. Kafka forgets
 * it. */
void classic_wait_join(struct classic_member *member, struct machine_asker *asker,
                       struct machine_plan *plan)
{
    classic_fail_join(member, KAFKA_ERROR_REBALANCE_IN_PROGRESS, plan);
    member->joining = asker;
    member->classic->joining++;
}

static struct machine_asker *take_joining(struct classic_member *member)
{
    struct machine_asker *asker = member->joining;
    if (asker == NULL) return NULL;
    ASSERT(member->classic->joining > 0);
    member->classic->joining--;
    member->joining = NULL;
    return asker;
}

/* (ClassicGroup.currentClassicGroupMembers) */
static void tell_members(const struct classic *classic, struct join_group_response *response,
                         struct arena *arena)
{
    response->members =
        arena_alloc(arena, map_count(&classic->members) * sizeof(response->members[0]));
    for (const struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member))
        response->members[response->members_count++] =
            (struct join_group_response_join_group_response_member){
                member->id, member->instance_id,
                classic_member_metadata(member, classic->protocol)};
}

void classic_answer_join(struct classic_member *member, struct machine_asker *asker,
                         struct slice leader, bool skip_assignment, struct machine_plan *plan)
{
    const struct classic *classic = member->classic;
    struct join_group_response response;
    wire_defaults(&wire_join_group_response, &response);
    response.generation_id = classic->generation;
    response.protocol_type = classic->protocol_type;
    response.protocol_name = classic->protocol;
    if (asker->version < 7 && slice_is_null(response.protocol_name))
        response.protocol_name = SLICE("");
    response.leader = slice_is_null(leader) ? SLICE("") : leader;
    response.skip_assignment = skip_assignment;
    response.member_id = member->id;
    if (slice_equal(leader, member->id)) tell_members(classic, &response, &plan->arena);
    machine_answer(plan, asker, &wire_join_group_response, &response);
}

void classic_fail_join(struct classic_member *member, enum kafka_error error,
                       struct machine_plan *plan)
{
    struct machine_asker *asker = take_joining(member);
    if (asker != NULL) group_refuse(plan, asker, error);
}

void classic_fail_sync(struct classic_member *member, enum kafka_error error,
                       struct machine_plan *plan)
{
    struct machine_asker *asker = member->syncing;
    member->syncing = NULL;
    if (asker != NULL) group_refuse(plan, asker, error);
}

/* --- sessions --------------------------------------------------------------------------------- */

/* A member that waits for an answer of ours need not send heartbeats, unless it is so new that it
 * may never have existed. (ClassicGroupMember.hasSatisfiedHeartbeat) */
static void session_expired(struct group_timer *timer, const struct group_input *input,
                            struct machine_plan *plan)
{
    struct classic_member *member = CONTAINER_OF(timer, struct classic_member, session);
    struct classic *classic = member->classic;
    if (!member->is_new && (member->joining != NULL || member->syncing != NULL)) return;
    classic_remove(member, KAFKA_ERROR_UNKNOWN_MEMBER_ID, plan);
    if (classic->state == GROUP_CLASSIC_PREPARING) {
        if (classic_all_joined(classic)) classic_complete(classic, input, plan);
    } else {
        classic_rebalance(classic, input, plan);
    }
}

static void session_until(struct classic_member *member, int64_t deadline_ms)
{
    member->session.fire = session_expired;
    group_timer_set(member->classic->group->groups, &member->session, deadline_ms);
}

void classic_heard(struct classic_member *member, const struct group_input *input)
{
    int64_t pause_ms = member->is_new ? CLASSIC_NEW_MEMBER_MS : member->session_timeout_ms;
    session_until(member, input->time.monotonic_ms + pause_ms);
}

void classic_remove(struct classic_member *member, enum kafka_error told, struct machine_plan *plan)
{
    classic_fail_join(member, told, plan);
    classic_fail_sync(member, told, plan);
    classic_take(member->classic, member);
    classic_member_destroy(member);
}

/* --- members join ----------------------------------------------------------------------------- */

/* The longest that a member wants to be waited for. */
static int32_t rebalance_timeout_ms(const struct classic *classic)
{
    int32_t longest = 0;
    for (const struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member))
        if (member->rebalance_timeout_ms > longest) longest = member->rebalance_timeout_ms;
    return longest;
}

bool classic_all_joined(const struct classic *classic)
{
    return map_count(&classic->members) == (size_t)classic->joining &&
           map_count(&classic->pending) == 0;
}

static void wait_for_members(struct classic *classic, const struct group_input *input)
{
    group_timer_set(classic->group->groups, &classic->rebalance,
                    input->time.monotonic_ms + rebalance_timeout_ms(classic));
}

/* A group's first rebalance is put off for others to come along, as long as they come and nobody
 * has waited for its rebalance timeout. (KIP-134) */
static void put_off(struct classic *classic, const struct group_input *input)
{
    int64_t delay_ms = settings_number(input->settings, SETTING_GROUP_INITIAL_REBALANCE_DELAY_MS);
    int64_t left_ms = rebalance_timeout_ms(classic) - delay_ms;
    classic->delay_ms = (int32_t)delay_ms;
    classic->delay_left_ms = left_ms > 0 ? (int32_t)left_ms : 0;
    group_timer_set(classic->group->groups, &classic->rebalance,
                    input->time.monotonic_ms + delay_ms);
}

/* (GroupMetadataManager.tryCompleteInitialRebalanceElseSchedule) */
static bool put_off_again(struct classic *classic, const struct group_input *input)
{
    if (classic->former != GROUP_CLASSIC_EMPTY) return false;
    if (!classic->came || classic->delay_left_ms == 0) return false;
    int64_t delay_ms = settings_number(input->settings, SETTING_GROUP_INITIAL_REBALANCE_DELAY_MS);
    int32_t next_ms =
        delay_ms < classic->delay_left_ms ? (int32_t)delay_ms : classic->delay_left_ms;
    int32_t left_ms = classic->delay_left_ms - classic->delay_ms;
    classic->came = false;
    classic->delay_ms = next_ms;
    classic->delay_left_ms = left_ms > 0 ? left_ms : 0;
    group_timer_set(classic->group->groups, &classic->rebalance,
                    input->time.monotonic_ms + next_ms);
    return true;
}

static void rebalance_due(struct group_timer *timer, const struct group_input *input,
                          struct machine_plan *plan)
{
    struct classic *classic = CONTAINER_OF(timer, struct classic, rebalance);
    if (!put_off_again(classic, input)) classic_complete(classic, input, plan);
}

void classic_prepare(struct classic *classic, const struct group_input *input,
                     struct machine_plan *plan)
{
    struct groups *groups = classic->group->groups;
    ASSERT(classic->state != GROUP_CLASSIC_PREPARING);
    if (classic->state == GROUP_CLASSIC_COMPLETING) {
        for (struct classic_member *member = classic_first(classic); member != NULL;
             member = classic_next(member)) {
            group_replace(&member->assignment, SLICE(""));
            if (member->syncing != NULL) classic_heard(member, input);
            classic_fail_sync(member, KAFKA_ERROR_REBALANCE_IN_PROGRESS, plan);
        }
    }
    group_timer_clear(groups, &classic->sync);
    bool first = classic->state == GROUP_CLASSIC_EMPTY;
    classic_enter(classic, GROUP_CLASSIC_PREPARING, input->time.now_ms);
    if (first) {
        classic->came = false;
        put_off(classic, input);
    } else if (classic_all_joined(classic)) {
        classic_complete(classic, input, plan);
    } else {
        wait_for_members(classic, input);
    }
}

void classic_rebalance(struct classic *classic, const struct group_input *input,
                       struct machine_plan *plan)
{
    if (classic->state == GROUP_CLASSIC_PREPARING)
        classic_maybe_complete(classic, input, plan);
    else
        classic_prepare(classic, input, plan);
}

/* (GroupMetadataManager.maybeCompleteJoinPhase) */
void classic_maybe_complete(struct classic *classic, const struct group_input *input,
                            struct machine_plan *plan)
{
    if (classic->state != GROUP_CLASSIC_PREPARING) return;
    if (classic->former == GROUP_CLASSIC_EMPTY) return;
    if (classic_all_joined(classic)) classic_complete(classic, input, plan);
}

void classic_left(struct classic *classic, const struct group_input *input,
                  struct machine_plan *plan)
{
    if (classic->state == GROUP_CLASSIC_EMPTY) return;
    classic_rebalance(classic, input, plan);
}

/* --- a generation begins ---------------------------------------------------------------------- */

/* Static members may take their time to come back; the session is what ends them. (KIP-345) */
static void drop_who_has_not_joined(struct classic *classic, struct machine_plan *plan)
{
    struct classic_member *next;
    for (struct classic_member *member = classic_first(classic); member != NULL; member = next) {
        next = classic_next(member);
        if (member->joining == NULL && slice_is_null(member->instance_id))
            classic_remove(member, KAFKA_ERROR_UNKNOWN_MEMBER_ID, plan);
    }
}

/* The leader is one who has joined; false: nobody has.
 * (ClassicGroup.maybeElectNewJoinedLeader) */
static bool elect(struct classic *classic)
{
    const struct classic_member *leader =
        slice_is_null(classic->leader) ? NULL : classic_find(classic, classic->leader);
    if (leader != NULL && leader->joining != NULL) return true;
    for (const struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member)) {
        if (member->joining == NULL) continue;
        group_replace(&classic->leader, member->id);
        return true;
    }
    return false;
}

/* Whoever has joined and does not ask for its share holds up the others.
 * (GroupMetadataManager.expirePendingSync) */
static void sync_due(struct group_timer *timer, const struct group_input *input,
                     struct machine_plan *plan)
{
    struct classic *classic = CONTAINER_OF(timer, struct classic, sync);
    ASSERT(classic->to_sync > 0);
    struct classic_member *next;
    for (struct classic_member *member = classic_first(classic); member != NULL; member = next) {
        next = classic_next(member);
        if (member->must_sync) classic_remove(member, KAFKA_ERROR_UNKNOWN_MEMBER_ID, plan);
    }
    classic_prepare(classic, input, plan);
}

void classic_set_timers(struct classic *classic)
{
    classic->rebalance.fire = rebalance_due;
    classic->sync.fire = sync_due;
}

void classic_synced(struct classic_member *member)
{
    struct classic *classic = member->classic;
    if (!member->must_sync) return;
    member->must_sync = false;
    ASSERT(classic->to_sync > 0);
    classic->to_sync--;
    if (classic->to_sync == 0) group_timer_clear(classic->group->groups, &classic->sync);
}

static void become_empty(struct classic *classic, const struct group_input *input,
                         struct machine_plan *plan)
{
    group_drop(&classic->protocol);
    group_drop(&classic->leader);
    classic_enter(classic, GROUP_CLASSIC_EMPTY, input->time.now_ms);
    classic_read_topics(classic);
    classic_plan_record(classic, NULL, NULL, NULL, plan);
}

static void tell_generation(struct classic *classic, const struct group_input *input,
                            struct machine_plan *plan)
{
    for (struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member)) {
        struct machine_asker *asker = take_joining(member);
        if (asker != NULL) classic_answer_join(member, asker, classic->leader, false, plan);
        member->is_new = false;
        classic_heard(member, input);
        ASSERT(!member->must_sync);
        member->must_sync = true;
        classic->to_sync++;
    }
    ASSERT(classic->joining == 0);
    group_timer_set(classic->group->groups, &classic->sync,
                    input->time.monotonic_ms + rebalance_timeout_ms(classic));
}

/* (GroupMetadataManager.completeClassicGroupJoin) */
void classic_complete(struct classic *classic, const struct group_input *input,
                      struct machine_plan *plan)
{
    ASSERT(classic->state == GROUP_CLASSIC_PREPARING);
    group_timer_clear(classic->group->groups, &classic->rebalance);
    drop_who_has_not_joined(classic, plan);
    if (!elect(classic) && map_count(&classic->members) > 0) {
        wait_for_members(classic, input);
        return;
    }
    ASSERT(classic->generation < INT32_MAX);
    classic->generation++;
    for (struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member))
        classic_synced(member);
    if (map_count(&classic->members) == 0) {
        become_empty(classic, input, plan);
        return;
    }
    struct slice protocol = classic_select(classic, NULL, NULL);
    ASSERT(!slice_is_null(protocol)); /* who had none in common was not let in */
    group_replace(&classic->protocol, protocol);
    classic_enter(classic, GROUP_CLASSIC_COMPLETING, input->time.now_ms);
    classic_read_topics(classic);
    tell_generation(classic, input, plan);
}

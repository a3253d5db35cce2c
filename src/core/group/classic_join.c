/* JoinGroup in a classic group. (GroupMetadataManager.classicGroupJoinToClassicGroup) */
#include "core/group/classic.h"

/* One JoinGroup while it is handled. */
struct join {
    struct classic *classic;
    const struct join_group_request *request;
    const struct group_input *input;
    struct machine_asker *asker;
    struct machine_plan *plan;
};

static void refuse(const struct join *join, enum kafka_error error)
{
    group_refuse(join->plan, join->asker, error);
}

/* Clients and operators read it: the client's name for itself, or the member's, and a number that
 * nobody else has. (ClassicGroup.generateMemberId, Uuid of java.util) */
static struct slice make_id(const struct join *join)
{
    struct slice prefix = join->request->group_instance_id;
    if (slice_is_null(prefix)) prefix = join->asker->client_id;
    uint64_t high = prng_next(join->input->random), low = prng_next(join->input->random);
    high = (high & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    low = (low & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62);
    return arena_printf(&join->plan->arena, "%.*s-%08x-%04x-%04x-%04x-%012llx", SLICE_ARG(prefix),
                        (unsigned)(high >> 32), (unsigned)(high >> 16) & 0xffff,
                        (unsigned)high & 0xffff, (unsigned)(low >> 48),
                        (unsigned long long)(low & 0xffffffffffff));
}

/* --- somebody new ----------------------------------------------------------------------------- */

static void add(const struct join *join, struct slice id)
{
    struct classic *classic = join->classic;
    struct classic_member *member = classic_member_create(classic, id, join->asker);
    member->instance_id = group_keep(join->request->group_instance_id);
    member->assignment = group_keep(SLICE(""));
    classic_member_set_protocols(member, join->request->protocols, join->request->protocols_count);
    member->session_timeout_ms = join->request->session_timeout_ms;
    member->rebalance_timeout_ms = classic_rebalance_timeout_ms(join->asker);
    member->is_new = true;
    if (classic->state == GROUP_CLASSIC_PREPARING && classic->former == GROUP_CLASSIC_EMPTY)
        classic->came = true;
    struct classic_pending *pending = classic_find_pending(classic, id);
    if (pending != NULL) classic_drop_pending(pending);
    if (map_count(&classic->members) == 0)
        group_replace(&classic->protocol_type, join->request->protocol_type);
    classic_add(classic, member);
    classic_wait_join(member, join->asker, join->plan);
    classic_heard(member, join->input);
    classic_rebalance(classic, join->input, join->plan);
}

/* From version 4 on a member comes twice, the second time with the id that it was given: members
 * whose first answer got lost do not stay behind. (KIP-394) */
static void join_dynamic(const struct join *join)
{
    struct slice id = make_id(join);
    if (join->asker->version < 4) {
        add(join, id);
        return;
    }
    if (map_count(&join->classic->pending) >= CLASSIC_PENDING_MAX) {
        refuse(join, KAFKA_ERROR_GROUP_MAX_SIZE_REACHED);
        return;
    }
    classic_add_pending(join->classic, id,
                        join->input->time.monotonic_ms + join->request->session_timeout_ms);
    struct join_group_response response;
    wire_defaults(&wire_join_group_response, &response);
    response.error_code = KAFKA_ERROR_MEMBER_ID_REQUIRED;
    response.protocol_name = join->asker->version >= 7 ? SLICE_NULL : SLICE("");
    response.member_id = id;
    machine_answer(join->plan, join->asker, &wire_join_group_response, &response);
}

/* --- a static member comes back without its id ------------------------------------------------ */

/* The same member with another id and what it says anew. */
static struct classic_member *reborn(const struct join *join, const struct classic_member *former)
{
    struct classic_member *member = classic_member_create(join->classic, make_id(join), NULL);
    member->client_id = group_keep(former->client_id);
    member->client_host = group_keep(former->client_host);
    member->instance_id = group_keep(former->instance_id);
    member->assignment = group_keep(former->assignment);
    classic_member_set_protocols(member, join->request->protocols, join->request->protocols_count);
    member->session_timeout_ms = join->request->session_timeout_ms;
    member->rebalance_timeout_ms = classic_rebalance_timeout_ms(join->asker);
    member->is_new = former->is_new;
    return member;
}

/* Its assignment stands: nobody else notices. Who leads is told the members, to watch their topics,
 * but not to assign; before version 9 that cannot be said, so another one seems to lead.
 * (KIP-345, KIP-814) */
static void replace_quietly(const struct join *join, const struct classic_member *former,
                            struct classic_member *member)
{
    struct classic *classic = join->classic;
    bool leads = slice_equal(classic->leader, former->id);
    ASSERT(classic->incoming == NULL);
    classic->incoming = member;
    classic_plan_record(classic, former, member, NULL, join->plan);
    classic->group->groups->planning = classic->group;
    struct join_group_response response;
    wire_defaults(&wire_join_group_response, &response);
    response.generation_id = classic->generation;
    response.protocol_type = classic->protocol_type;
    response.protocol_name = classic->protocol;
    response.member_id = member->id;
    response.leader = classic->leader;
    if (leads && join->asker->version >= 9) {
        response.leader = member->id;
        response.skip_assignment = true;
        response.members = arena_alloc(&join->plan->arena,
                                       map_count(&classic->members) * sizeof(response.members[0]));
        for (const struct classic_member *each = classic_first(classic); each != NULL;
             each = classic_next(each)) {
            const struct classic_member *now = each == former ? member : each;
            response.members[response.members_count++] =
                (struct join_group_response_join_group_response_member){
                    now->id, now->instance_id, classic_member_metadata(now, classic->protocol)};
        }
    }
    machine_answer(join->plan, join->asker, &wire_join_group_response, &response);
}

static void replace(const struct join *join, struct classic_member *former)
{
    struct classic *classic = join->classic;
    struct classic_member *member = reborn(join, former);
    if (classic->state == GROUP_CLASSIC_STABLE &&
        slice_equal(classic_select(classic, former, member), classic->protocol)) {
        replace_quietly(join, former, member);
        return;
    }
    bool leads = slice_equal(classic->leader, former->id);
    classic_fail_join(former, KAFKA_ERROR_FENCED_INSTANCE_ID, join->plan);
    classic_fail_sync(former, KAFKA_ERROR_FENCED_INSTANCE_ID, join->plan);
    classic_take(classic, former);
    classic_member_destroy(former);
    classic_add(classic, member);
    if (leads) group_replace(&classic->leader, member->id);
    classic_wait_join(member, join->asker, join->plan);
    classic_heard(member, join->input);
    classic_rebalance(classic, join->input, join->plan);
}

static void join_new(const struct join *join)
{
    struct classic_member *former =
        classic_find_static(join->classic, join->request->group_instance_id);
    if (!classic_supports(join->classic, join->request))
        refuse(join, KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL);
    else if (former != NULL)
        replace(join, former);
    else if (!slice_is_null(join->request->group_instance_id))
        add(join, make_id(join));
    else
        join_dynamic(join);
}

/* --- a member that has its id ----------------------------------------------------------------- */

static void join_again(const struct join *join, struct classic_member *member)
{
    classic_update(member, join->asker);
    classic_wait_join(member, join->asker, join->plan);
    classic_rebalance(join->classic, join->input, join->plan);
}

/* Does it say what it said before? Then it has missed an answer, and gets it again; but a leader
 * that joins in a stable group wants a rebalance. */
static bool only_asks(const struct join *join, const struct classic_member *member)
{
    const struct classic *classic = join->classic;
    if (classic->state == GROUP_CLASSIC_PREPARING) return false;
    if (classic->state == GROUP_CLASSIC_STABLE && slice_equal(classic->leader, member->id))
        return false;
    return classic_member_has_protocols(member, join->request->protocols,
                                        join->request->protocols_count);
}

static void join_existing(const struct join *join)
{
    struct classic *classic = join->classic;
    struct slice id = join->request->member_id;
    if (!classic_supports(classic, join->request)) {
        refuse(join, KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    /* An id that was given out is a dynamic member's; with an instance id it is a lie. */
    if (classic_find_pending(classic, id) != NULL) {
        if (slice_is_null(join->request->group_instance_id))
            add(join, id);
        else
            refuse(join, KAFKA_ERROR_UNKNOWN_SERVER_ERROR);
        return;
    }
    enum kafka_error error = classic_validate(classic, id, join->request->group_instance_id);
    if (error != KAFKA_ERROR_NONE) {
        refuse(join, error);
        return;
    }
    struct classic_member *member = classic_find(classic, id);
    if (only_asks(join, member))
        classic_answer_join(member, join->asker, classic->leader, false, join->plan);
    else
        join_again(join, member);
}

/* Is there room? Those who were members may come back before others. */
static bool has_room(const struct join *join)
{
    const struct classic *classic = join->classic;
    int64_t size_max = settings_number(join->input->settings, SETTING_GROUP_MAX_SIZE);
    const struct classic_member *member = classic_find(classic, join->request->member_id);
    if (classic->state == GROUP_CLASSIC_EMPTY) return true;
    if (classic->state == GROUP_CLASSIC_PREPARING)
        return (member != NULL && member->joining != NULL) || classic->joining < size_max;
    return member != NULL || (int64_t)map_count(&classic->members) < size_max;
}

void classic_join(struct groups *groups, struct group *group, const struct group_input *input,
                  struct machine_asker *asker, struct machine_plan *plan)
{
    const struct join_group_request *request = asker->message;
    bool is_new = request->member_id.size == 0;
    if (group == NULL && !is_new) {
        group_refuse(plan, asker, KAFKA_ERROR_UNKNOWN_MEMBER_ID);
        return;
    }
    bool born = group == NULL;
    if (born) group = group_make_classic(groups, request->group_id);
    struct join join = {group->classic, request, input, asker, plan};
    if (!has_room(&join)) {
        struct classic_pending *pending = classic_find_pending(join.classic, request->member_id);
        if (pending != NULL) classic_drop_pending(pending);
        struct classic_member *member = classic_find(join.classic, request->member_id);
        if (member != NULL) classic_remove(member, KAFKA_ERROR_GROUP_MAX_SIZE_REACHED, plan);
        refuse(&join, KAFKA_ERROR_GROUP_MAX_SIZE_REACHED);
    } else if (is_new) {
        join_new(&join);
    } else {
        join_existing(&join);
    }
    if (born) classic_plan_birth(join.classic, plan);
}

/* GroupMetadata records: what a classic group was when its last generation had its assignment.
 * (GroupCoordinatorRecordHelpers.newGroupMetadataRecord, GroupMetadataManager.replay) */
#include "core/group/classic.h"

enum { RECORD_VERSION = 3 }; /* the one that Kafka writes */

/* --- writing ---------------------------------------------------------------------------------- */

static void plan_value(const struct classic *classic, const struct group_metadata_value *value,
                       struct machine_plan *plan)
{
    struct group_metadata_key key = {classic->group->id};
    machine_plan_record(plan, &wire_group_metadata_key, &key, &wire_group_metadata_value,
                        RECORD_VERSION, value);
}

static struct group_metadata_value_member_metadata member_value(const struct classic *classic,
                                                                const struct classic_member *member)
{
    return (struct group_metadata_value_member_metadata){
        .member_id = member->id,
        .group_instance_id = member->instance_id,
        .client_id = member->client_id,
        .client_host = member->client_host,
        .rebalance_timeout = member->rebalance_timeout_ms,
        .session_timeout = member->session_timeout_ms,
        .subscription = classic_member_metadata(member, classic->protocol),
        .assignment = member->assignment,
    };
}

void classic_plan_record(struct classic *classic, const struct classic_member *leaves,
                         const struct classic_member *comes, const struct map *assigned,
                         struct machine_plan *plan)
{
    struct slice leader = classic->leader;
    if (leaves != NULL && slice_equal(leader, leaves->id)) leader = comes->id;
    struct group_metadata_value value = {
        .protocol_type = slice_is_null(classic->protocol_type) ? SLICE("") : classic->protocol_type,
        .generation = classic->generation,
        .protocol = classic->protocol,
        .leader = leader,
        .current_state_timestamp = classic->since_ms,
    };
    value.members =
        arena_alloc(&plan->arena, map_count(&classic->members) * sizeof(value.members[0]));
    for (const struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member)) {
        struct group_metadata_value_member_metadata *told = &value.members[value.members_count++];
        *told = member_value(classic, member == leaves ? comes : member);
        if (assigned == NULL) continue;
        const struct sync_group_request_sync_group_request_assignment *share =
            map_get(assigned, member->id);
        told->assignment = share != NULL ? share->assignment : SLICE("");
    }
    plan_value(classic, &value, plan);
}

/* (GroupCoordinatorRecordHelpers.newEmptyGroupMetadataRecord) */
void classic_plan_birth(struct classic *classic, struct machine_plan *plan)
{
    struct group_metadata_value value = {.protocol_type = SLICE(""),
                                         .current_state_timestamp = classic->since_ms};
    plan_value(classic, &value, plan);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Is the member what the record says already? Then it stays the same object, with whoever waits. */
static struct classic_member *same(const struct classic *classic,
                                   const struct group_metadata_value *value, int32_t index)
{
    const struct group_metadata_value_member_metadata *told = &value->members[index];
    struct classic_member *member = classic_find(classic, told->member_id);
    if (member == NULL || !slice_equal(member->instance_id, told->group_instance_id)) return NULL;
    struct slice protocol = slice_is_null(value->protocol) ? SLICE("") : value->protocol;
    return slice_equal(classic_member_metadata(member, protocol), told->subscription) ? member
                                                                                      : NULL;
}

static struct classic_member *make_member(struct classic *classic,
                                          const struct group_metadata_value *value, int32_t index)
{
    const struct group_metadata_value_member_metadata *told = &value->members[index];
    struct classic_member *member = classic->incoming;
    if (member != NULL && slice_equal(member->id, told->member_id)) {
        classic->incoming = NULL;
        return member;
    }
    member = classic_member_create(classic, told->member_id, NULL);
    member->instance_id = group_keep(told->group_instance_id);
    member->assignment = group_keep(told->assignment);
    struct join_group_request_join_group_request_protocol protocol = {
        slice_is_null(value->protocol) ? SLICE("") : value->protocol, told->subscription};
    classic_member_set_protocols(member, &protocol, 1);
    return member;
}

static void refresh(struct classic_member *member,
                    const struct group_metadata_value_member_metadata *told)
{
    group_replace(&member->client_id, told->client_id);
    group_replace(&member->client_host, told->client_host);
    group_replace(&member->assignment, told->assignment);
    member->session_timeout_ms = told->session_timeout;
    member->rebalance_timeout_ms =
        told->rebalance_timeout == -1 ? told->session_timeout : told->rebalance_timeout;
}

static void drop_unnamed(struct classic *classic)
{
    struct classic_member *next;
    for (struct classic_member *member = classic_first(classic); member != NULL; member = next) {
        next = classic_next(member);
        if (!member->named) {
            classic_take(classic, member);
            classic_member_destroy(member);
        } else {
            member->named = false;
        }
    }
}

static int apply_members(struct classic *classic, const struct group_metadata_value *value)
{
    for (int32_t i = 0; i < value->members_count; i++) {
        struct classic_member *member = same(classic, value, i);
        if (member != NULL) member->named = true;
    }
    drop_unnamed(classic);
    for (int32_t i = 0; i < value->members_count; i++) {
        const struct group_metadata_value_member_metadata *told = &value->members[i];
        struct classic_member *member = same(classic, value, i);
        if (member == NULL) {
            if (classic_find(classic, told->member_id) != NULL) return -EBADMSG;
            if (classic_find_static(classic, told->group_instance_id) != NULL) return -EBADMSG;
            member = make_member(classic, value, i);
            classic_add(classic, member);
        }
        refresh(member, told);
    }
    return 0;
}

static int apply_value(struct classic *classic, const struct group_metadata_value *value)
{
    if (value->generation < 0) return -EBADMSG;
    int r = apply_members(classic, value);
    if (r < 0) return r;
    classic->generation = value->generation;
    group_replace(&classic->protocol_type,
                  value->protocol_type.size > 0 ? value->protocol_type : SLICE_NULL);
    group_replace(&classic->protocol, value->protocol);
    group_replace(&classic->leader, value->leader);
    classic->since_ms = value->current_state_timestamp;
    classic->former = classic->state;
    classic->state = value->members_count > 0 ? GROUP_CLASSIC_STABLE : GROUP_CLASSIC_EMPTY;
    classic_read_topics(classic);
    return 0;
}

int classic_apply(struct groups *groups, const struct group_metadata_key *key, struct slice value)
{
    struct group *group = group_find(groups, key->group);
    if (slice_is_null(value)) {
        if (group == NULL || group->kind != GROUP_CLASSIC) return 0;
        classic_calls.destroy(group);
        group_forget(group);
        return 0;
    }
    struct group_metadata_value decoded;
    int r = group_decode_value(groups, &wire_group_metadata_value, value, &decoded);
    if (r < 0) return r;
    if (group == NULL) group = group_make_classic(groups, key->group);
    if (group->kind != GROUP_CLASSIC) return -EBADMSG;
    /* Only the record of a group that is born comes while members join: it tells nothing of
     * them. */
    if (group->classic->state == GROUP_CLASSIC_PREPARING) return 0;
    return apply_value(group->classic, &decoded);
}

/* What others ask of a classic group. (ClassicGroup) */
#include "core/group/classic.h"

#include "base/memory.h"

/* --- life ------------------------------------------------------------------------------------- */

struct classic *classic_create(struct group *group)
{
    struct classic *classic = memory_alloc_zero(sizeof(*classic));
    uint64_t seed = group->groups->seed;
    classic->group = group;
    classic->since_ms = -1;
    map_init(&classic->members, seed);
    map_init(&classic->by_instance, seed);
    map_init(&classic->pending, seed);
    map_init(&classic->support, seed);
    map_init(&classic->topics, seed);
    list_init(&classic->order);
    classic_set_timers(classic);
    return classic;
}

static void destroy(struct group *group)
{
    struct classic *classic = group->classic;
    struct classic_member *member;
    while ((member = classic_first(classic)) != NULL) {
        classic_take(classic, member);
        classic_member_destroy(member);
    }
    size_t cursor = 0;
    struct classic_pending *pending;
    while ((pending = map_next(&classic->pending, &cursor)) != NULL)
        classic_drop_pending(pending);
    classic->incoming = classic_member_destroy(classic->incoming);
    group_timer_clear(group->groups, &classic->rebalance);
    group_timer_clear(group->groups, &classic->sync);
    classic_forget_topics(classic);
    ASSERT(map_count(&classic->support) == 0);
    map_deinit(&classic->members);
    map_deinit(&classic->by_instance);
    map_deinit(&classic->pending);
    map_deinit(&classic->support);
    map_deinit(&classic->topics);
    group_drop(&classic->protocol_type);
    group_drop(&classic->protocol);
    group_drop(&classic->leader);
    memory_free(classic);
    group->classic = NULL;
}

static void release(struct group *group, struct list *askers)
{
    struct classic *classic = group->classic;
    for (struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member)) {
        if (member->joining != NULL) list_push_back(askers, &member->joining->link);
        if (member->syncing != NULL) list_push_back(askers, &member->syncing->link);
        member->joining = member->syncing = NULL;
    }
    classic->joining = 0;
}

/* Members have their whole session to be heard of. (GroupMetadataManager.onLoaded) */
static void loaded(struct group *group, const struct group_input *input, struct machine_plan *plan)
{
    struct classic *classic = group->classic;
    for (struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member))
        classic_heard(member, input);
    int64_t size_max = settings_number(input->settings, SETTING_GROUP_MAX_SIZE);
    if ((int64_t)map_count(&classic->members) > size_max) classic_prepare(classic, input, plan);
}

/* What was not written is not so: there is no assignment, and a static member has its former id.
 * (GroupMetadataManager.classicGroupSyncToClassicGroup, updateStaticMember…, on failure) */
static void refused(struct group *group, const struct group_input *input, struct machine_plan *plan)
{
    struct classic *classic = group->classic;
    classic->incoming = classic_member_destroy(classic->incoming);
    if (classic->state == GROUP_CLASSIC_COMPLETING) classic_prepare(classic, input, plan);
}

/* --- what it allows --------------------------------------------------------------------------- */

static bool is_empty(const struct group *group)
{
    return group->classic->state == GROUP_CLASSIC_EMPTY;
}

static bool is_of_consumers(const struct classic *classic)
{
    return slice_equal(classic->protocol_type, SLICE("consumer"));
}

static bool is_subscribed(const struct group *group, struct slice topic)
{
    const struct classic *classic = group->classic;
    return is_of_consumers(classic) && classic->topics_known &&
           map_get(&classic->topics, topic) != NULL;
}

/* (ClassicGroup.validateOffsetCommit, OffsetMetadataManager.validateOffsetCommit) */
static enum kafka_error may_commit(struct group *group, const struct group_committer *committer,
                                   const struct group_input *input)
{
    struct classic *classic = group->classic;
    bool empty = classic->state == GROUP_CLASSIC_EMPTY;
    if (committer->epoch < 0 && empty) return KAFKA_ERROR_NONE;
    bool names_nobody = committer->epoch < 0 && committer->member_id.size == 0 &&
                        slice_is_null(committer->instance_id);
    if (!names_nobody) {
        enum kafka_error error =
            classic_validate(classic, committer->member_id, committer->instance_id);
        if (error != KAFKA_ERROR_NONE) return error;
        if (committer->epoch != classic->generation) return KAFKA_ERROR_ILLEGAL_GENERATION;
    } else if (!committer->transactional && !empty) {
        return KAFKA_ERROR_UNKNOWN_MEMBER_ID;
    }
    if (committer->transactional) return KAFKA_ERROR_NONE;
    if (classic->state == GROUP_CLASSIC_COMPLETING) return KAFKA_ERROR_REBALANCE_IN_PROGRESS;
    /* Who commits is alive. */
    struct classic_member *member = classic_find(classic, committer->member_id);
    if (member != NULL) classic_heard(member, input);
    return KAFKA_ERROR_NONE;
}

static enum kafka_error may_fetch(const struct group *group, struct slice member_id,
                                  int32_t member_epoch)
{
    (void)group;
    (void)member_id;
    (void)member_epoch;
    return KAFKA_ERROR_NONE;
}

/* Of consumers it is known what they read. (ClassicGroup.validateOffsetDelete) */
static enum kafka_error may_delete_offsets(const struct group *group)
{
    if (is_empty(group) || is_of_consumers(group->classic)) return KAFKA_ERROR_NONE;
    return KAFKA_ERROR_NON_EMPTY_GROUP;
}

/* (ClassicGroup.offsetExpirationCondition) */
static enum group_expiry expiry(const struct group *group, int64_t *empty_ms)
{
    const struct classic *classic = group->classic;
    if (slice_is_null(classic->protocol_type)) return GROUP_EXPIRY_SINCE_COMMIT;
    if (classic->state == GROUP_CLASSIC_EMPTY) {
        *empty_ms = classic->since_ms;
        return GROUP_EXPIRY_SINCE_EMPTY;
    }
    if (is_of_consumers(classic) && classic->topics_known && classic->state == GROUP_CLASSIC_STABLE)
        return GROUP_EXPIRY_SINCE_COMMIT;
    return GROUP_EXPIRY_NEVER;
}

static void plan_delete(struct group *group, struct machine_plan *plan)
{
    ASSERT(is_empty(group));
    struct group_metadata_key key = {group->id};
    machine_plan_record(plan, &wire_group_metadata_key, &key, NULL, 0, NULL);
}

/* --- what it shows ---------------------------------------------------------------------------- */

enum group_classic_state classic_state(const struct group *group)
{
    return group->classic->state;
}

static struct slice state_name(const struct group *group)
{
    static const char *const names[GROUP_CLASSIC_STATES] = {
        [GROUP_CLASSIC_EMPTY] = "Empty",
        [GROUP_CLASSIC_PREPARING] = "PreparingRebalance",
        [GROUP_CLASSIC_COMPLETING] = "CompletingRebalance",
        [GROUP_CLASSIC_STABLE] = "Stable",
    };
    return slice_of(names[group->classic->state]);
}

static struct slice protocol_type(const struct group *group)
{
    struct slice type = group->classic->protocol_type;
    return slice_is_null(type) ? SLICE("") : type;
}

/* What members subscribe to means something in a stable group only.
 * (GroupMetadataManager.describeGroups) */
void classic_describe(const struct group *group, struct arena *arena,
                      struct describe_groups_response_described_group *described)
{
    const struct classic *classic = group->classic;
    bool stable = classic->state == GROUP_CLASSIC_STABLE;
    described->group_state = state_name(group);
    described->protocol_type = protocol_type(group);
    described->protocol_data =
        stable && !slice_is_null(classic->protocol) ? classic->protocol : SLICE("");
    described->members =
        arena_alloc(arena, map_count(&classic->members) * sizeof(described->members[0]));
    for (const struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member))
        described->members[described->members_count++] =
            (struct describe_groups_response_described_group_member){
                .member_id = member->id,
                .group_instance_id = member->instance_id,
                .client_id = member->client_id,
                .client_host = member->client_host,
                .member_metadata =
                    stable ? classic_member_metadata(member, classic->protocol) : SLICE(""),
                .member_assignment = member->assignment,
            };
}

const struct group_calls classic_calls = {
    .type = "classic",
    .join = classic_join,
    .sync = classic_sync,
    .heartbeat = classic_heartbeat,
    .leave = classic_leave,
    .may_commit = may_commit,
    .may_fetch = may_fetch,
    .may_delete_offsets = may_delete_offsets,
    .is_subscribed = is_subscribed,
    .is_empty = is_empty,
    .expiry = expiry,
    .state_name = state_name,
    .protocol_type = protocol_type,
    .plan_delete = plan_delete,
    .loaded = loaded,
    .refused = refused,
    .release = release,
    .destroy = destroy,
};

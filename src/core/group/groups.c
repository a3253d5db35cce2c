/* The table of groups, their timers, and who handles what. */
#include "core/group/group.h"

#include <string.h>

#include "base/memory.h"
#include "core/group/kinds.h"

enum { SCRATCH_BYTES_MAX = 64 << 20 }; /* of one decoded record */

/* By enum group_kind. */
static const struct group_calls *const kinds[] = {[GROUP_CLASSIC] = &classic_calls};

const struct group_calls *group_calls(const struct group *group)
{
    ASSERT((size_t)group->kind < ARRAY_COUNT(kinds));
    return kinds[group->kind];
}

/* --- what is kept ----------------------------------------------------------------------------- */

struct slice group_keep(struct slice bytes)
{
    if (slice_is_null(bytes)) return SLICE_NULL;
    uint8_t *copy = memory_alloc(bytes.size);
    if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
    return (struct slice){copy, bytes.size};
}

void group_drop(struct slice *kept)
{
    /* What group_keep made is nobody's constant. */
    memory_free((void *)(uintptr_t)kept->data);
    *kept = SLICE_NULL;
}

void group_replace(struct slice *kept, struct slice bytes)
{
    struct slice copy = group_keep(bytes);
    group_drop(kept);
    *kept = copy;
}

/* --- timers ----------------------------------------------------------------------------------- */

void group_timer_set(struct groups *groups, struct group_timer *timer, int64_t deadline_ms)
{
    ASSERT(timer->fire != NULL);
    heap_put(&groups->timers, &timer->node, deadline_ms);
}

void group_timer_clear(struct groups *groups, struct group_timer *timer)
{
    heap_remove(&groups->timers, &timer->node);
}

static void tick(void *state, const struct machine_input *input, struct machine_plan *plan)
{
    struct groups *groups = state;
    groups->planning = NULL;
    struct heap_node *first = heap_first(&groups->timers);
    ASSERT(first != NULL);
    ASSERT(first->deadline <= input->monotonic_ms);
    heap_remove(&groups->timers, first);
    struct group_timer *timer = CONTAINER_OF(first, struct group_timer, node);
    timer->fire(timer, (const struct group_input *)input, plan);
}

static int64_t deadline_ms(const void *state)
{
    const struct groups *groups = state;
    const struct heap_node *first = heap_first(&groups->timers);
    return first != NULL ? first->deadline : INT64_MAX;
}

/* --- the table -------------------------------------------------------------------------------- */

struct group *group_find(const struct groups *groups, struct slice id)
{
    return map_get(&groups->by_id, id);
}

static struct group *make(struct groups *groups, struct slice id, enum group_kind kind)
{
    ASSERT(group_find(groups, id) == NULL);
    struct group *group = memory_alloc_zero(sizeof(*group));
    group->groups = groups;
    group->id = group_keep(id);
    group->kind = kind;
    map_init(&group->offsets, groups->seed);
    map_init(&group->pending, groups->seed);
    map_put(&groups->by_id, group->id, group);
    return group;
}

struct group *group_make_classic(struct groups *groups, struct slice id)
{
    struct group *group = make(groups, id, GROUP_CLASSIC);
    group->classic = classic_create(group);
    return group;
}

struct group *group_make_consumer(struct groups *groups, struct slice id)
{
    return make(groups, id, GROUP_CONSUMER);
}

void group_forget(struct group *group)
{
    struct groups *groups = group->groups;
    if (map_count(&group->offsets) + map_count(&group->pending) > 0) {
        group->kind = GROUP_CLASSIC;
        group->classic = classic_create(group);
        return;
    }
    if (groups->planning == group) groups->planning = NULL;
    map_remove(&groups->by_id, group->id);
    offsets_destroy(group);
    group_drop(&group->id);
    memory_free(group);
}

/* --- requests --------------------------------------------------------------------------------- */

/* The requests of members begin with the group's id. */
static bool has_group_id(struct slice id, struct machine_asker *asker, struct machine_plan *plan)
{
    if (!slice_is_null(id) && id.size > 0) return true;
    group_refuse(plan, asker, KAFKA_ERROR_INVALID_GROUP_ID);
    return false;
}

static void join(struct groups *groups, const struct group_input *input,
                 struct machine_asker *asker, struct machine_plan *plan)
{
    const struct join_group_request *request = asker->message;
    const struct settings *settings = input->settings;
    if (!has_group_id(request->group_id, asker, plan)) return;
    if (request->session_timeout_ms <
            settings_number(settings, SETTING_GROUP_MIN_SESSION_TIMEOUT_MS) ||
        request->session_timeout_ms >
            settings_number(settings, SETTING_GROUP_MAX_SESSION_TIMEOUT_MS)) {
        group_refuse(plan, asker, KAFKA_ERROR_INVALID_SESSION_TIMEOUT);
        return;
    }
    struct group *group = group_find(groups, request->group_id);
    group_handler handler = group != NULL ? group_calls(group)->join : classic_calls.join;
    handler(groups, group, input, asker, plan);
}

static void sync(struct groups *groups, const struct group_input *input,
                 struct machine_asker *asker, struct machine_plan *plan)
{
    const struct sync_group_request *request = asker->message;
    if (!has_group_id(request->group_id, asker, plan)) return;
    struct group *group = group_find(groups, request->group_id);
    if (group == NULL || group_calls(group)->is_empty(group))
        group_refuse(plan, asker, KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    else
        group_calls(group)->sync(groups, group, input, asker, plan);
}

static void heartbeat(struct groups *groups, const struct group_input *input,
                      struct machine_asker *asker, struct machine_plan *plan)
{
    const struct heartbeat_request *request = asker->message;
    if (!has_group_id(request->group_id, asker, plan)) return;
    struct group *group = group_find(groups, request->group_id);
    if (group == NULL)
        group_refuse(plan, asker, KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    else
        group_calls(group)->heartbeat(groups, group, input, asker, plan);
}

static void leave(struct groups *groups, const struct group_input *input,
                  struct machine_asker *asker, struct machine_plan *plan)
{
    const struct leave_group_request *request = asker->message;
    if (!has_group_id(request->group_id, asker, plan)) return;
    struct group *group = group_find(groups, request->group_id);
    if (group == NULL)
        group_refuse(plan, asker, KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    else
        group_calls(group)->leave(groups, group, input, asker, plan);
}

static const struct {
    enum api_key key;
    void (*handle)(struct groups *groups, const struct group_input *input,
                   struct machine_asker *asker, struct machine_plan *plan);
} handlers[] = {
    {API_OFFSET_COMMIT, offsets_commit},
    {API_OFFSET_FETCH, offsets_fetch},
    {API_JOIN_GROUP, join},
    {API_HEARTBEAT, heartbeat},
    {API_LEAVE_GROUP, leave},
    {API_SYNC_GROUP, sync},
    {API_DESCRIBE_GROUPS, group_describe},
    {API_LIST_GROUPS, group_list},
    {API_DELETE_GROUPS, group_delete},
    {API_OFFSET_DELETE, offsets_delete},
};

static void request(void *state, const struct machine_input *input, struct machine_asker *asker,
                    struct machine_plan *plan)
{
    struct groups *groups = state;
    groups->planning = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(handlers); i++) {
        if (handlers[i].key != asker->key) continue;
        handlers[i].handle(groups, (const struct group_input *)input, asker, plan);
        return;
    }
    ASSERT(false); /* an API that is not of groups */
}

/* --- offsets that are too old ----------------------------------------------------------------- */

/* A group without members and offsets goes, too. (GroupCoordinatorShard.cleanupGroupMetadata) */
static void expire(struct group_timer *timer, const struct group_input *input,
                   struct machine_plan *plan)
{
    struct groups *groups = CONTAINER_OF(timer, struct groups, expiry);
    size_t cursor = 0;
    struct group *group;
    while ((group = map_next(&groups->by_id, &cursor)) != NULL &&
           plan->record_count < GROUP_EXPIRY_RECORDS_MAX) {
        bool bare = offsets_plan_expiry(group, input, plan);
        if (bare && group_calls(group)->is_empty(group))
            group_calls(group)->plan_delete(group, plan);
    }
    int64_t pause =
        plan->record_count < GROUP_EXPIRY_RECORDS_MAX
            ? settings_number(input->settings, SETTING_OFFSETS_RETENTION_CHECK_INTERVAL_MS)
            : 0;
    group_timer_set(groups, timer, input->time.monotonic_ms + pause);
}

void groups_topic_deleted(void *state, const struct machine_input *input, const void *topic_name,
                          struct machine_plan *plan)
{
    (void)input;
    struct groups *groups = state;
    const struct slice *topic = topic_name;
    groups->planning = NULL;
    size_t cursor = 0;
    struct group *group;
    while ((group = map_next(&groups->by_id, &cursor)) != NULL)
        offsets_plan_topic_deleted(group, *topic, plan);
}

/* --- the machine's calls ---------------------------------------------------------------------- */

static void loaded(void *state, const struct machine_input *input, struct machine_plan *plan)
{
    struct groups *groups = state;
    const struct group_input *all = (const struct group_input *)input;
    groups->planning = NULL;
    size_t cursor = 0;
    struct group *group;
    while ((group = map_next(&groups->by_id, &cursor)) != NULL)
        group_calls(group)->loaded(group, all, plan);
    group_timer_set(
        groups, &groups->expiry,
        input->monotonic_ms +
            settings_number(all->settings, SETTING_OFFSETS_RETENTION_CHECK_INTERVAL_MS));
}

static void refused(void *state, const struct machine_input *input, enum kafka_error error,
                    struct machine_plan *plan)
{
    (void)error;
    struct groups *groups = state;
    const struct group_input *all = (const struct group_input *)input;
    struct group *group = groups->planning;
    groups->planning = NULL;
    if (group != NULL) group_calls(group)->refused(group, all, plan);
    /* What could not be forgotten now is looked at again when it is time. */
    if (heap_contains(&groups->expiry.node))
        group_timer_set(
            groups, &groups->expiry,
            input->monotonic_ms +
                settings_number(all->settings, SETTING_OFFSETS_RETENTION_CHECK_INTERVAL_MS));
}

static void release(void *state, struct list *askers)
{
    struct groups *groups = state;
    size_t cursor = 0;
    struct group *group;
    while ((group = map_next(&groups->by_id, &cursor)) != NULL)
        group_calls(group)->release(group, askers);
}

struct groups *groups_create(uint64_t seed)
{
    struct groups *groups = memory_alloc_zero(sizeof(*groups));
    groups->seed = seed;
    map_init(&groups->by_id, seed);
    map_init(&groups->subscribers, seed);
    heap_init(&groups->timers);
    arena_init(&groups->scratch, SCRATCH_BYTES_MAX);
    groups->expiry.fire = expire;
    return groups;
}

static void destroy(void *state)
{
    struct groups *groups = state;
    size_t cursor = 0;
    struct group *group;
    while ((group = map_next(&groups->by_id, &cursor)) != NULL) {
        map_remove(&groups->by_id, group->id);
        group_calls(group)->destroy(group);
        offsets_destroy(group);
        group_drop(&group->id);
        memory_free(group);
    }
    group_timer_clear(groups, &groups->expiry);
    ASSERT(groups->timers.count == 0);
    map_deinit(&groups->by_id);
    map_deinit(&groups->subscribers);
    heap_deinit(&groups->timers);
    arena_deinit(&groups->scratch);
    memory_free(groups);
}

void groups_count(const struct groups *groups, struct group_census *census)
{
    *census = (struct group_census){.offsets = groups->offset_count};
    size_t cursor = 0;
    const struct group *group;
    while ((group = map_next(&groups->by_id, &cursor)) != NULL)
        if (group->kind == GROUP_CLASSIC) census->classic[classic_state(group)]++;
}

const struct machine_brain group_brain = {
    .request = request,
    .tick = tick,
    .deadline_ms = deadline_ms,
    .apply = group_apply,
    .loaded = loaded,
    .refused = refused,
    .release = release,
    .answer_error = group_answer_error,
    .destroy = destroy,
};

/* The requests about whole groups: ListGroups, DescribeGroups, DeleteGroups. */
#include "core/group/kinds.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool equal_any_case(struct slice a, struct slice b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i])) return false;
    return true;
}

/* Without any filter everything passes; case does not matter. (KIP-518, KIP-848) */
static bool passes(const struct slice *filters, int32_t count, struct slice name)
{
    for (int32_t i = 0; i < count; i++)
        if (equal_any_case(filters[i], name)) return true;
    return count <= 0;
}

void group_list(struct groups *groups, const struct group_input *input, struct machine_asker *asker,
                struct machine_plan *plan)
{
    (void)input;
    const struct list_groups_request *request = asker->message;
    struct list_groups_response response = {0};
    response.groups =
        arena_alloc(&plan->arena, map_count(&groups->by_id) * sizeof(response.groups[0]));
    size_t cursor = 0;
    const struct group *group;
    while ((group = map_next(&groups->by_id, &cursor)) != NULL) {
        const struct group_calls *calls = group_calls(group);
        struct slice state = calls->state_name(group), type = slice_of(calls->type);
        if (!passes(request->states_filter, request->states_filter_count, state)) continue;
        if (!passes(request->types_filter, request->types_filter_count, type)) continue;
        response.groups[response.groups_count++] = (struct list_groups_response_listed_group){
            group->id, calls->protocol_type(group), state, type};
    }
    machine_answer(plan, asker, &wire_list_groups_response, &response);
}

/* (GroupMetadataManager.describeGroups) */
void group_describe(struct groups *groups, const struct group_input *input,
                    struct machine_asker *asker, struct machine_plan *plan)
{
    (void)input;
    const struct describe_groups_request *request = asker->message;
    ASSERT(request->groups_count == 1);
    struct slice id = request->groups[0];
    const struct group *group = group_find(groups, id);
    struct describe_groups_response_described_group described = {
        .group_id = id,
        .group_state = SLICE("Dead"),
        .protocol_type = SLICE(""),
        .protocol_data = SLICE(""),
        .authorized_operations = INT32_MIN,
    };
    if (group != NULL && group->kind == GROUP_CLASSIC) {
        classic_describe(group, &plan->arena, &described);
    } else if (asker->version >= 6) {
        /* (KIP-1043) */
        described.error_code = KAFKA_ERROR_GROUP_ID_NOT_FOUND;
        described.error_message =
            group == NULL
                ? arena_printf(&plan->arena, "Group %.*s not found.", SLICE_ARG(id))
                : arena_printf(&plan->arena, "Group %.*s is not a classic group.", SLICE_ARG(id));
    }
    struct describe_groups_response response = {.groups = &described, .groups_count = 1};
    machine_answer(plan, asker, &wire_describe_groups_response, &response);
}

/* The offsets go first, then the group. (GroupCoordinatorShard.deleteGroups) */
void group_delete(struct groups *groups, const struct group_input *input,
                  struct machine_asker *asker, struct machine_plan *plan)
{
    (void)input;
    const struct delete_groups_request *request = asker->message;
    ASSERT(request->groups_names_count == 1);
    struct group *group = group_find(groups, request->groups_names[0]);
    if (group == NULL) {
        group_refuse(plan, asker, KAFKA_ERROR_GROUP_ID_NOT_FOUND);
        return;
    }
    if (!group_calls(group)->is_empty(group)) {
        group_refuse(plan, asker, KAFKA_ERROR_NON_EMPTY_GROUP);
        return;
    }
    offsets_plan_delete_all(group, plan);
    group_calls(group)->plan_delete(group, plan);
    struct delete_groups_response_deletable_group_result result = {.group_id = group->id};
    struct delete_groups_response response = {.results = &result, .results_count = 1};
    machine_answer(plan, asker, &wire_delete_groups_response, &response);
}

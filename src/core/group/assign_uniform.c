/* The same number for everybody, and members keep what they have as far as their number goes.
 * (UniformAssignor, UniformHomogeneousAssignmentBuilder) */
#include "core/group/assign.h"

struct uniform {
    struct assign_group *group;
    struct assign_owners owners;
    struct assign_partition *free; /* to be given, in this order */
    int32_t free_count;
    int32_t *room; /* of each member: how many more it shall have */
};

/* What nobody has comes first among what is to be given. */
static void uniform_gather(struct uniform *uniform)
{
    const struct assign_group *group = uniform->group;
    for (int32_t i = 0; i < group->member_count; i++)
        for (int32_t j = 0; j < group->members[i].owned_count; j++) {
            int32_t *owner = assign_owner(&uniform->owners, group->members[i].owned[j]);
            ASSERT(*owner == ASSIGN_NOBODY);
            *owner = i;
        }
    for (int32_t topic = 0; topic < group->topic_count; topic++)
        for (int32_t i = 0; i < group->topics[topic].partition_count; i++) {
            struct assign_partition which = {topic, i};
            if (*assign_owner(&uniform->owners, which) == ASSIGN_NOBODY)
                uniform->free[uniform->free_count++] = which;
        }
}

/* Takes from a member what it has beyond its quota; returns how much room it has left. */
static int32_t uniform_trim(struct uniform *uniform, int32_t index, int32_t quota)
{
    const struct assign_member *member = &uniform->group->members[index];
    for (int32_t i = 0; i < member->owned_count; i++) {
        if (quota > 0) {
            quota--;
            continue;
        }
        *assign_owner(&uniform->owners, member->owned[i]) = ASSIGN_NOBODY;
        uniform->free[uniform->free_count++] = member->owned[i];
    }
    return quota;
}

static void uniform_same(struct assign_group *group, struct arena *arena)
{
    struct uniform uniform = {.group = group, .owners = assign_owners_make(group, arena)};
    int32_t total = uniform.owners.first[group->topic_count];
    uniform.free = arena_alloc(arena, sizeof(*uniform.free) * (size_t)total);
    uniform.room = arena_alloc(arena, sizeof(*uniform.room) * (size_t)group->member_count);
    uniform_gather(&uniform);
    int32_t quota = total / group->member_count, extra = total % group->member_count;
    for (int32_t i = 0; i < group->member_count; i++) {
        bool may_have_more = extra > 0;
        uniform.room[i] = uniform_trim(&uniform, i, quota + (may_have_more ? 1 : 0));
        /* One more than the others goes first to who would have to give it up. */
        if (may_have_more && uniform.room[i] > 0 && group->member_count - i > extra) {
            uniform.room[i]--;
            continue;
        }
        if (may_have_more) extra--;
    }
    ASSERT(extra == 0);
    int32_t given = 0;
    for (int32_t i = 0; i < group->member_count; i++)
        for (; uniform.room[i] > 0 && given < uniform.free_count; uniform.room[i]--)
            *assign_owner(&uniform.owners, uniform.free[given++]) = i;
    ASSERT(given == uniform.free_count);
    assign_owners_tell(&uniform.owners, group, arena);
}

void assign_uniform(struct assign_group *group, struct arena *arena)
{
    if (group->member_count == 0) return;
    if (group->homogeneous)
        uniform_same(group, arena);
    else
        assign_balance(group, arena);
}

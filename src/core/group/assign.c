#include "core/group/assign.h"

struct assign_owners assign_owners_make(const struct assign_group *group, struct arena *arena)
{
    struct assign_owners owners = {
        .first = arena_alloc(arena, sizeof(int32_t) * ((size_t)group->topic_count + 1))};
    for (int32_t topic = 0; topic < group->topic_count; topic++) {
        ASSERT(group->topics[topic].partition_count >= 0);
        owners.first[topic + 1] = owners.first[topic] + group->topics[topic].partition_count;
        ASSERT(owners.first[topic + 1] >= owners.first[topic]);
    }
    int32_t total = owners.first[group->topic_count];
    owners.member = arena_alloc(arena, sizeof(int32_t) * (size_t)total);
    for (int32_t i = 0; i < total; i++)
        owners.member[i] = ASSIGN_NOBODY;
    return owners;
}

int32_t *assign_owner(const struct assign_owners *owners, struct assign_partition which)
{
    ASSERT(which.partition >= 0);
    ASSERT(owners->first[which.topic] + which.partition < owners->first[which.topic + 1]);
    return &owners->member[owners->first[which.topic] + which.partition];
}

void assign_owners_tell(const struct assign_owners *owners, struct assign_group *group,
                        struct arena *arena)
{
    int32_t total = owners->first[group->topic_count];
    struct assign_partition *all = arena_alloc(arena, sizeof(*all) * (size_t)total);
    for (int32_t i = 0; i < group->member_count; i++)
        group->members[i].assigned_count = 0;
    for (int32_t i = 0; i < total; i++) {
        if (owners->member[i] == ASSIGN_NOBODY) continue;
        ASSERT(owners->member[i] < group->member_count);
        group->members[owners->member[i]].assigned_count++;
    }
    /* Each member's share is a part of one array; the counts become cursors, and counts again. */
    int32_t used = 0;
    for (int32_t i = 0; i < group->member_count; i++) {
        group->members[i].assigned = all + used;
        used += group->members[i].assigned_count;
        group->members[i].assigned_count = 0;
    }
    ASSERT(used <= total);
    for (int32_t topic = 0; topic < group->topic_count; topic++) {
        for (int32_t i = owners->first[topic]; i < owners->first[topic + 1]; i++) {
            if (owners->member[i] == ASSIGN_NOBODY) continue;
            struct assign_member *member = &group->members[owners->member[i]];
            member->assigned[member->assigned_count++] =
                (struct assign_partition){topic, i - owners->first[topic]};
        }
    }
}

/* Each topic is cut into as many stretches as it has subscribers; the first ones are longer by one
 * where it does not come out even. (RangeAssignor) */
#include <stdlib.h>

#include "core/group/assign.h"

/* A member's place in the queue. Static members come first, by their names, so that a restart
 * changes nothing. */
struct range_place {
    const struct assign_member *member;
    int32_t index;
};

struct range_topic {
    int32_t subscribers; /* that have not got their stretch yet */
    int32_t quota;       /* partitions of each of them */
    int32_t extra;       /* so many of them get one more */
    int32_t next;        /* first partition that is not given */
};

static int range_compare(const void *left, const void *right)
{
    const struct range_place *a = left, *b = right;
    bool a_static = !slice_is_null(a->member->instance_id);
    bool b_static = !slice_is_null(b->member->instance_id);
    if (a_static != b_static) return a_static ? -1 : 1;
    return a_static ? slice_compare(a->member->instance_id, b->member->instance_id)
                    : slice_compare(a->member->id, b->member->id);
}

static void range_give(struct range_topic *topic, int32_t topic_index, int32_t member,
                       struct assign_owners *owners)
{
    ASSERT(topic->subscribers > 0);
    int32_t count = topic->quota;
    if (topic->extra > 0) {
        topic->extra--;
        count++;
    }
    for (; count > 0; count--) {
        int32_t *owner = assign_owner(owners, (struct assign_partition){topic_index, topic->next});
        ASSERT(*owner == ASSIGN_NOBODY);
        *owner = member;
        topic->next++;
    }
    topic->subscribers--;
}

void assign_range(struct assign_group *group, struct arena *arena)
{
    struct assign_owners owners = assign_owners_make(group, arena);
    struct range_topic *topics = arena_alloc(arena, sizeof(*topics) * (size_t)group->topic_count);
    struct range_place *places = arena_alloc(arena, sizeof(*places) * (size_t)group->member_count);
    for (int32_t i = 0; i < group->member_count; i++) {
        const struct assign_member *member = &group->members[i];
        places[i] = (struct range_place){member, i};
        for (int32_t j = 0; j < member->topic_count; j++)
            topics[member->topics[j]].subscribers++;
    }
    for (int32_t i = 0; i < group->topic_count; i++) {
        if (topics[i].subscribers == 0) continue;
        topics[i].quota = group->topics[i].partition_count / topics[i].subscribers;
        topics[i].extra = group->topics[i].partition_count % topics[i].subscribers;
    }
    if (group->member_count > 1)
        qsort(places, (size_t)group->member_count, sizeof(*places), range_compare);
    for (int32_t i = 0; i < group->member_count; i++) {
        const struct assign_member *member = places[i].member;
        for (int32_t j = 0; j < member->topic_count; j++)
            range_give(&topics[member->topics[j]], member->topics[j], places[i].index, &owners);
    }
    for (int32_t i = 0; i < group->topic_count; i++)
        ASSERT(topics[i].subscribers == 0);
    assign_owners_tell(&owners, group, arena);
}

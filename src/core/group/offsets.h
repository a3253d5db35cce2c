/* How far a group has read one partition. Private to offsets*.c. */
#ifndef GREGOR_CORE_GROUP_OFFSETS_H
#define GREGOR_CORE_GROUP_OFFSETS_H

#include "core/group/group_private.h"

/* The key of a group's map is the topic's name and the partition, in Kafka's byte order; of what is
 * pending, the producer id stands before it. All lies in one allocation. */
struct offset {
    struct slice key;
    struct slice topic; /* a part of the key */
    struct slice metadata;
    int64_t producer_id; /* of the transaction that is not decided; -1: none */
    int64_t committed;
    int64_t commit_ms;
    int64_t expire_ms; /* -1: when offsets.retention.minutes have passed */
    struct uuid topic_id;
    int32_t partition;
    int32_t leader_epoch; /* -1: not known */
};

/* NULL: none. */
const struct offset *offset_find(const struct group *group, struct slice topic, int32_t partition);
/* Has an undecided transaction committed here? */
bool offset_is_pending(const struct group *group, struct slice topic, int32_t partition);
void offset_plan_tombstone(const struct group *group, const struct offset *offset,
                           struct machine_plan *plan);
/* All of the group's, ascending by topic and partition. */
const struct offset **offset_sort(const struct group *group, struct arena *arena, int32_t *count);

#endif

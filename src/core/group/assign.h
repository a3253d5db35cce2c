/*
 * assign: which member of a consumer group reads which partition. Kafka's two server-side ways:
 * `range` gives each member a stretch of every topic, so that partitions of the same number of
 * several topics come to one member; `uniform` gives everybody the same number and moves as little
 * as that allows. Neither looks at racks: nor do Kafka's.
 *
 * Pure functions over arrays: topics and members are known by their index. They never look at a
 * group, an image or a clock. Where Kafka's result depends on the order in which a hash map is
 * walked, ours depends on the order in which the caller lists topics and members.
 *
 * Ownership: everything in a struct assign_group is the caller's; what is assigned is in the arena.
 * (RangeAssignor, UniformAssignor, KIP-848)
 */
#ifndef GREGOR_CORE_GROUP_ASSIGN_H
#define GREGOR_CORE_GROUP_ASSIGN_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/uuid.h"

struct assign_topic {
    struct uuid id;
    int32_t partition_count;
};

struct assign_partition {
    int32_t topic; /* index */
    int32_t partition;
};

struct assign_member {
    struct slice id;
    struct slice instance_id; /* null: a dynamic member */
    const int32_t *topics;    /* indices of those it subscribes to, ascending */
    int32_t topic_count;
    /* Its last target, ascending by topic and partition. Nothing is in two members' lists. */
    const struct assign_partition *owned;
    int32_t owned_count;
    struct assign_partition *assigned; /* out: ascending by topic and partition */
    int32_t assigned_count;            /* out */
};

struct assign_group {
    const struct assign_topic *topics;
    struct assign_member *members;
    int32_t topic_count;
    int32_t member_count;
    bool homogeneous; /* all members subscribe to the same topics */
};

void assign_range(struct assign_group *group, struct arena *arena);
void assign_uniform(struct assign_group *group, struct arena *arena);

/* --- what the assignors share ----------------------------------------------------------------- */

enum { ASSIGN_NOBODY = -1 };

/* Who gets what: a member's index for each partition of each topic, one array for all. */
struct assign_owners {
    int32_t *member;
    int32_t *first; /* topic_count + 1: where the partitions of a topic begin */
};

/* Everything is nobody's. */
struct assign_owners assign_owners_make(const struct assign_group *group, struct arena *arena);
int32_t *assign_owner(const struct assign_owners *owners, struct assign_partition which);
/* Fills in what each member is assigned. */
void assign_owners_tell(const struct assign_owners *owners, struct assign_group *group,
                        struct arena *arena);

/* The uniform way where subscriptions differ. */
void assign_balance(struct assign_group *group, struct arena *arena);

#endif

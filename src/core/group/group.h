/*
 * group: the coordinator of consumer groups, for the groups of one partition of
 * `__consumer_offsets`: classic groups (Join, Sync, Heartbeat, Leave), consumer groups (KIP-848),
 * and the offsets of both. The brain of a machine (core/machine): it plans records in Kafka's own
 * form, and what it knows is what applying them has made of it, but for who waits and for when.
 *
 * What it never does: read a clock, make a random number, match a pattern, append, know of other
 * partitions. Each request that it is handed is about one group: api/ splits those of many.
 *
 * Two kinds of state. Hard state comes from records only: generations, members, epochs, targets,
 * offsets. Soft state is everything else: members of a classic group who are joining, who waits,
 * deadlines, metadata last looked at. Soft state may be lost; hard state changes in apply alone.
 *
 * (GroupCoordinatorShard, GroupMetadataManager, OffsetMetadataManager)
 */
#ifndef GREGOR_CORE_GROUP_GROUP_H
#define GREGOR_CORE_GROUP_GROUP_H

#include "base/prng.h"
#include "core/image/image.h"
#include "core/machine/machine.h"
#include "core/settings/settings.h"

struct groups;

/* Patterns of regular expressions are the hands' (RE2 syntax, linear time). */
struct group_patterns {
    /* Is it one? Otherwise *error says what is wrong with it; valid until the next call. */
    bool (*check)(void *context, struct slice pattern, struct slice *error);
    /* Does it match the whole of the name? The pattern was checked. */
    bool (*matches)(void *context, struct slice pattern, struct slice name);
    void *context;
};

struct group_input {
    struct machine_input time;
    const struct image *image;       /* topics, brokers' racks, settings of groups, features */
    const struct settings *settings; /* the broker's in force: group.*, offsets.* */
    struct prng *random;             /* seeded by the hands with real entropy */
    const struct group_patterns *patterns;
};

/* OffsetCommit, OffsetFetch, JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups,
 * ListGroups, DeleteGroups, OffsetDelete, ConsumerGroupHeartbeat, ConsumerGroupDescribe. The
 * message is the decoded request of that API, with one group where it has an array of them (but
 * ListGroups, which is about all of this partition); the answer has one, too. */
extern const struct machine_brain group_brain;

/* The state for the brain. The seed is of its maps, whose keys peers choose. */
struct groups *groups_create(uint64_t seed);

/* Has the image changed for groups: call with each change that has been applied. Groups that are
 * subscribed to the topic look again at their next heartbeat; offsets of a deleted topic go by
 * group_topic_deleted. */
void groups_image_changed(struct groups *groups, const struct image_change *change);

/* Offsets of a topic that is gone are forgotten. Plans records: hands run it as a round of the
 * machine (machine_step). */
void groups_topic_deleted(void *state, const struct machine_input *input, const void *topic_name,
                          struct machine_plan *plan);

/* A transaction that may have committed offsets is decided: in the log stands its marker. Offsets
 * that it left pending become the groups' own, or are forgotten. */
void groups_transaction_ended(struct groups *groups, int64_t producer_id, bool committed);

/* Where a classic group is; Kafka's fifth, Dead, is a group that is in no table any more.
 * (ClassicGroupState) */
enum group_classic_state {
    GROUP_CLASSIC_EMPTY,      /* no members; perhaps offsets */
    GROUP_CLASSIC_PREPARING,  /* members are joining */
    GROUP_CLASSIC_COMPLETING, /* they have joined; the leader has not assigned yet */
    GROUP_CLASSIC_STABLE,
    GROUP_CLASSIC_STATES,
};

/* How many of each kind and state there are, for metrics. */
struct group_census {
    int64_t classic[GROUP_CLASSIC_STATES];
    int64_t consumer[6]; /* enum group_consumer_state */
    int64_t offsets;
};
void groups_count(const struct groups *groups, struct group_census *census);

#endif

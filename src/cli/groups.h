/*
 * groups: consumer groups as their coordinators tell of them: who is in them, what each member
 * reads, what was committed, and where the topics end.
 *
 * What it never does: change a group. Everything lives in the command's arena.
 */
#ifndef GREGOR_CLI_GROUPS_H
#define GREGOR_CLI_GROUPS_H

#include "cli/cluster.h"

struct group_member {
    struct slice id;
    struct slice instance_id; /* null: not a static member */
    struct slice client_id;
    struct slice host;
    int32_t partition_count; /* that it reads */
};

/* A partition that the group has committed an offset for, or that a member reads. */
struct group_place {
    struct slice topic;
    int32_t partition;
    int64_t committed;                 /* -1: nothing */
    int64_t start, end;                /* of the partition; -1: nobody could tell */
    const struct group_member *member; /* NULL: nobody reads it */
};

struct group {
    struct slice id;
    struct slice type;     /* classic, consumer, share …; empty: an old broker does not say */
    struct slice state;    /* as the broker calls it: Stable, Empty … */
    struct slice protocol; /* consumer, connect …; empty: used for its offsets alone */
    struct slice assignor; /* the way its partitions are shared out; null: not known */
    int32_t coordinator;   /* broker id */
    struct group_member *members;
    int32_t member_count;
    struct group_place *places; /* ascending by topic and partition */
    int32_t place_count, place_capacity;
};

struct groups {
    struct cluster cluster; /* of all topics */
    struct group *items;    /* ascending by id */
    int32_t count;
};

/* Connects and lists: the groups of these ids, or all (count 0). CLI_OK, or the exit code after a
 * line on standard error, as when there is no such group; groups_close is due in both cases. */
MUST_USE int groups_open(struct cli *cli, const char *const *ids, int count, struct groups *groups);
void groups_close(struct groups *groups);

/* Fills members, assignors, and the places that members read. */
MUST_USE int groups_learn_members(struct groups *groups);
/* Fills what was committed, and the ends of those partitions. Keeps the cluster's topics that some
 * group reads. */
MUST_USE int groups_learn_offsets(struct groups *groups);

/* Adds a partition to those of the group, unless it is there. Before groups_learn_offsets. */
void groups_add_place(struct groups *groups, struct group *group, struct slice topic,
                      int32_t partition);

/* Records between what was committed and the end; -1: not known, or nothing was committed. */
int64_t group_place_lag(const struct group_place *place);
/* The sum of those that are known. */
int64_t group_lag(const struct group *group);

/* The broker that coordinates a group of this id, there or not. */
MUST_USE int groups_find_coordinator(struct cluster *cluster, struct slice id, int32_t *broker_id);

/* --- for members, too ------------------------------------------------------------------------- */

/* What a group has committed: all of it, as `asked` names group and member. `told` lives in the
 * arena. */
MUST_USE int
groups_fetch_offsets(struct client *coordinator, struct arena *arena,
                     struct offset_fetch_request_offset_fetch_request_group *asked,
                     const struct offset_fetch_response_offset_fetch_response_group **told);

struct group_commit {
    struct slice topic;
    int32_t partition;
    int64_t offset; /* the next one to read */
};

/* Commits offsets, ascending by topic; `request` names group and member, the rest is filled in. */
MUST_USE int groups_commit(struct client *coordinator, struct arena *arena,
                           struct offset_commit_request *request,
                           const struct group_commit *commits, int32_t count);

#endif

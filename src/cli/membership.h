/*
 * membership: this command as a member of a consumer group: it enters, says now and then that it
 * lives, learns which partitions it shall read, commits how far it has come, leaves. (KIP-848)
 *
 * What it never does: read records; choose partitions, which the group's coordinator does.
 */
#ifndef GREGOR_CLI_MEMBERSHIP_H
#define GREGOR_CLI_MEMBERSHIP_H

#include "cli/cluster.h"

struct membership;

/* One partition and how far it has been read. */
struct membership_place {
    const struct cluster_topic *topic;
    int32_t partition;
    int64_t offset; /* the next one; -1: nothing was committed */
};

/* Enters the group for all topics of the cluster that was opened. CLI_OK, or the exit code after a
 * line on standard error. */
MUST_USE int membership_enter(struct cluster *cluster, struct slice group,
                              struct membership **entered);
/* Says that it lives, if it is time. *changed: the partitions that it shall read are others than
 * before: stop reading those that membership_has does not name any more, commit them, then
 * membership_settle. */
MUST_USE int membership_beat(struct membership *membership, bool *changed);
/* Has the coordinator said which partitions are ours, perhaps none, and was it told that the others
 * are let go? */
bool membership_is_settled(const struct membership *membership);
bool membership_has(const struct membership *membership, const struct cluster_topic *topic,
                    int32_t partition);
/* What was taken away is let go: the next beat is due, for others wait to hear that. */
void membership_settle(struct membership *membership);

/* Fills the offsets that the group has committed. `places` are ascending by topic, here and
 * below. */
MUST_USE int membership_fetch(struct membership *membership, struct membership_place *places,
                              int32_t count);
MUST_USE int membership_commit(struct membership *membership, const struct membership_place *places,
                               int32_t count);

/* Leaves the group, so that others take over at once. NULL is fine. */
struct membership *membership_leave(struct membership *membership);

#endif

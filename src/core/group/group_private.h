/*
 * What the files of group/ share. A reader begins with groups.c, the table of groups and where a
 * request goes; then offsets.c, classic.c, consumer.c.
 *
 *   groups.c     find, make, forget groups; requests and ticks to whom they are for
 *   listing.c    the requests about whole groups: list, describe, delete
 *   answers.c    answers that tell nothing but an error
 *   records.c    records of the log to whom they are for
 *   offsets.c    what groups have read: commit, fetch, delete, expire
 *   classic*.c   groups whose members assign for themselves
 *   consumer*.c  groups whose coordinator assigns (KIP-848); assign_*.c its ways to do so
 *   convert.c    a live group from the one kind to the other
 */
#ifndef GREGOR_CORE_GROUP_GROUP_PRIVATE_H
#define GREGOR_CORE_GROUP_GROUP_PRIVATE_H

#include "base/heap.h"
#include "base/map.h"
#include "core/group/group.h"
#include "wire/messages.h"

struct group;

/* --- timers ----------------------------------------------------------------------------------- */

/* Something that is due at a monotonic time, in ms. Fires once, as a step of its own. */
struct group_timer {
    struct heap_node node;
    void (*fire)(struct group_timer *timer, const struct group_input *input,
                 struct machine_plan *plan);
};
void group_timer_set(struct groups *groups, struct group_timer *timer, int64_t deadline_ms);
void group_timer_clear(struct groups *groups, struct group_timer *timer);

/* --- groups.c --------------------------------------------------------------------------------- */

enum group_kind { GROUP_CLASSIC, GROUP_CONSUMER };

struct classic;  /* classic.h */
struct consumer; /* consumer.h */

struct group {
    struct groups *groups;
    struct slice id; /* its own copy */
    enum group_kind kind;
    union {
        struct classic *classic;
        struct consumer *consumer;
    };
    struct map offsets; /* struct offset of offsets.c, by topic and partition */
    struct map pending; /* likewise, of transactions that are not decided; by producer, too */
};

struct groups {
    struct map by_id;
    struct heap timers;
    struct group_timer expiry; /* offsets that are too old: offsets.retention.check.interval.ms */
    struct map subscribers; /* by topic name: which groups look at the topic (consumer_apply.c) */
    struct map sessions;    /* of members of consumer groups (consumer_sessions.c) */
    int64_t topics_created; /* in this image, since it was loaded */
    struct arena scratch;   /* values of records while they are applied */
    struct group *planning; /* the group whose records this step has planned, if they matter */
    int64_t offset_count;   /* of all groups */
    uint64_t seed;
};

/* What a group keeps is its own copy. */
struct slice group_keep(struct slice bytes);
void group_drop(struct slice *kept);
/* Instead of what was kept. */
void group_replace(struct slice *kept, struct slice bytes);

/* NULL: there is none. */
struct group *group_find(const struct groups *groups, struct slice id);
/* A group that comes to be by a record, or by its first member: classic and empty. */
struct group *group_make_classic(struct groups *groups, struct slice id);
struct group *group_make_consumer(struct groups *groups, struct slice id);
/* Its record is gone: without offsets it is gone, too; with them it is classic and empty. The
 * kind's own state has been destroyed. */
void group_forget(struct group *group);

/* --- answers.c -------------------------------------------------------------------------------- */

/* Answers with this error and nothing else, as the API says it. */
void group_refuse(struct machine_plan *plan, struct machine_asker *asker, enum kafka_error error);
void group_answer_error(struct machine_asker *asker, enum kafka_error error);

/* --- records.c -------------------------------------------------------------------------------- */

int group_apply(void *state, const struct machine_record *record,
                const struct machine_origin *origin);
/* Decodes a value into the scratch, which is emptied with the next record. Errors as
 * machine_brain's apply. */
MUST_USE int group_decode_value(struct groups *groups, const struct wire_message *message,
                                struct slice value, void *decoded);

/* --- offsets*.c ------------------------------------------------------------------------------- */

void offsets_commit(struct groups *groups, const struct group_input *input,
                    struct machine_asker *asker, struct machine_plan *plan);
void offsets_fetch(struct groups *groups, const struct group_input *input,
                   struct machine_asker *asker, struct machine_plan *plan);
void offsets_delete(struct groups *groups, const struct group_input *input,
                    struct machine_asker *asker, struct machine_plan *plan);
/* Tombstones of all that the group has. */
void offsets_plan_delete_all(struct group *group, struct machine_plan *plan);
void offsets_plan_topic_deleted(struct group *group, struct slice topic, struct machine_plan *plan);
/* Tombstones of what is too old, at most as many as fit into the step. Are all of the group's
 * offsets gone now? */
bool offsets_plan_expiry(struct group *group, const struct group_input *input,
                         struct machine_plan *plan);
int offsets_apply(struct groups *groups, const struct offset_commit_key *key, struct slice value,
                  int64_t producer_id);
void offsets_destroy(struct group *group);

enum {
    GROUP_EXPIRY_RECORDS_MAX = 1000, /* tombstones of one step; the next step goes on */
};

/* Since when offsets age, or that they do not. (Group.offsetExpirationCondition) */
enum group_expiry {
    GROUP_EXPIRY_NEVER,
    GROUP_EXPIRY_SINCE_COMMIT,
    GROUP_EXPIRY_SINCE_EMPTY, /* since the group is empty; where that is not known, since commit */
};

/* --- listing.c -------------------------------------------------------------------------------- */

void group_list(struct groups *groups, const struct group_input *input, struct machine_asker *asker,
                struct machine_plan *plan);
void group_describe(struct groups *groups, const struct group_input *input,
                    struct machine_asker *asker, struct machine_plan *plan);
void group_delete(struct groups *groups, const struct group_input *input,
                  struct machine_asker *asker, struct machine_plan *plan);

/* --- the kinds -------------------------------------------------------------------------------- */

/* A request that is handled by a kind of group (kinds.h); NULL group: there is none yet. */
typedef void (*group_handler)(struct groups *groups, struct group *group,
                              const struct group_input *input, struct machine_asker *asker,
                              struct machine_plan *plan);

/* Applying one record whose key names the group. A null value is a tombstone. */
int classic_apply(struct groups *groups, const struct group_metadata_key *key, struct slice value);

/* As their keys begin. (CoordinatorRecordType) */
enum consumer_record_kind {
    CONSUMER_RECORD_EPOCH = 3,
    CONSUMER_RECORD_PARTITIONS = 4, /* of Kafka before 4.1 */
    CONSUMER_RECORD_MEMBER = 5,
    CONSUMER_RECORD_TARGET_EPOCH = 6,
    CONSUMER_RECORD_TARGET = 7,
    CONSUMER_RECORD_POSITION = 8,
    CONSUMER_RECORD_REGEX = 16,
};

struct consumer_record {
    enum consumer_record_kind kind;
    struct slice group_id;
    struct slice name; /* member id or pattern; null in kinds of the whole group */
    struct slice value;
};
int consumer_apply(struct groups *groups, const struct consumer_record *record);
/* The topic is new, has changed or is gone: groups that subscribe to it look again. */
void consumer_topic_changed(struct groups *groups, struct slice topic);
/* Sessions of all members of all groups. */
void consumer_sessions_destroy(struct groups *groups);
void consumer_group_describe(struct groups *groups, const struct group_input *input,
                             struct machine_asker *asker, struct machine_plan *plan);

/* Heartbeats of KIP-848 and what ConsumerGroupDescribe tells. */
void consumer_heartbeat(struct groups *groups, struct group *group, const struct group_input *input,
                        struct machine_asker *asker, struct machine_plan *plan);

/* DescribeGroups tells classic groups only. */
void classic_describe(const struct group *group, struct arena *arena,
                      struct describe_groups_response_described_group *described);

/* Makes the group's own state, before its first member or by its first record. */
struct classic *classic_create(struct group *group);
enum group_classic_state classic_state(const struct group *group);

#endif

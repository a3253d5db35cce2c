/*
 * What the files of group/ share. A reader begins with groups.c, the table of groups and where a
 * request goes; then offsets.c, classic.c, consumer.c.
 *
 *   groups.c     find, make, forget groups; requests and ticks to whom they are for; list, delete
 *   records.c    keys and values of the log, both ways
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
    struct map offsets;      /* struct offset of offsets.c, by topic and partition */
    int32_t pending_offsets; /* of transactions that are not decided */
};

struct groups {
    struct map by_id;
    struct heap timers;
    struct group_timer expiry; /* offsets that are too old: offsets.retention.check.interval.ms */
    struct map subscribers;    /* by topic name: which groups look at the topic (consumer.c) */
    uint64_t seed;
};

/* NULL: there is none. */
struct group *group_find(const struct groups *groups, struct slice id);
/* A group that comes to be by a record, or by its first member: classic and empty. */
struct group *group_make_classic(struct groups *groups, struct slice id);
struct group *group_make_consumer(struct groups *groups, struct slice id);
/* It has neither members nor offsets any more. */
void group_forget(struct group *group);

/* --- each kind: what groups.c calls ----------------------------------------------------------- */

/* A request that is handled by this kind of group; NULL group: there is none yet. */
typedef void (*group_handler)(struct groups *groups, struct group *group,
                              const struct group_input *input, struct machine_asker *asker,
                              struct machine_plan *plan);

void classic_join(struct groups *groups, struct group *group, const struct group_input *input,
                  struct machine_asker *asker, struct machine_plan *plan);
void classic_sync(struct groups *groups, struct group *group, const struct group_input *input,
                  struct machine_asker *asker, struct machine_plan *plan);
void classic_heartbeat(struct groups *groups, struct group *group, const struct group_input *input,
                       struct machine_asker *asker, struct machine_plan *plan);
void classic_leave(struct groups *groups, struct group *group, const struct group_input *input,
                   struct machine_asker *asker, struct machine_plan *plan);

/* The heartbeat of KIP-848, and the classic requests of members that speak the old protocol in a
 * consumer group. */
void consumer_heartbeat(struct groups *groups, struct group *group, const struct group_input *input,
                        struct machine_asker *asker, struct machine_plan *plan);
void consumer_join(struct groups *groups, struct group *group, const struct group_input *input,
                   struct machine_asker *asker, struct machine_plan *plan);
void consumer_sync(struct groups *groups, struct group *group, const struct group_input *input,
                   struct machine_asker *asker, struct machine_plan *plan);
void consumer_classic_heartbeat(struct groups *groups, struct group *group,
                                const struct group_input *input, struct machine_asker *asker,
                                struct machine_plan *plan);
void consumer_leave(struct groups *groups, struct group *group, const struct group_input *input,
                    struct machine_asker *asker, struct machine_plan *plan);

/* May whoever says to be this member in this epoch commit, or fetch, offsets?
 * (validateOffsetCommit, validateOffsetFetch) */
enum kafka_error classic_may_commit(struct group *group, struct slice member_id,
                                    struct slice instance_id, int32_t generation,
                                    bool transactional, const struct group_input *input);
enum kafka_error consumer_may_commit(struct group *group, struct slice member_id,
                                     int32_t member_epoch, int16_t version);
enum kafka_error classic_may_fetch(const struct group *group, struct slice member_id,
                                   int32_t member_epoch);
enum kafka_error consumer_may_fetch(const struct group *group, struct slice member_id,
                                    int32_t member_epoch);

/* Is the group subscribed to the topic as far as is known? Offsets of such a topic neither expire
 * nor may be deleted. */
bool classic_is_subscribed(const struct group *group, struct slice topic);
bool consumer_is_subscribed(const struct group *group, struct slice topic);

/* "Empty", "Stable" … (ListGroups, DescribeGroups) */
struct slice classic_state_name(const struct group *group);
struct slice consumer_state_name(const struct group *group);

/* What ends the group: tombstones of all its records but its offsets. Errors as Kafka's
 * validateDeleteGroup. */
enum kafka_error classic_plan_delete(struct group *group, struct machine_plan *plan);
enum kafka_error consumer_plan_delete(struct group *group, struct machine_plan *plan);

/* Applying one record whose key names the group. */
int classic_apply(struct groups *groups, const struct group_metadata_key *key, struct slice value);
int consumer_apply(struct groups *groups, int16_t kind, const void *key, struct slice value);

/* The log has been replayed: members have until then to be heard of. */
void classic_loaded(struct group *group, const struct group_input *input,
                    struct machine_plan *plan);
void consumer_loaded(struct group *group, const struct group_input *input,
                     struct machine_plan *plan);

void classic_release(struct group *group, struct list *askers);
struct classic *classic_destroy(struct classic *classic);
struct consumer *consumer_destroy(struct consumer *consumer);

#endif

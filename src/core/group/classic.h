/*
 * classic: a group whose members assign for themselves. They join, the coordinator makes one of
 * them the leader, the leader assigns and hands the shares in, everybody fetches its share.
 * Private to classic*.c.
 *
 *   classic.c            the group's state, and what others ask of it
 *   classic_members.c    members, the names of static ones, votes for a protocol
 *   classic_join.c       JoinGroup
 *   classic_rebalance.c  from the first who joins to the generation that begins; timers
 *   classic_sync.c       SyncGroup, Heartbeat, LeaveGroup
 *   classic_records.c    GroupMetadata records, both ways
 *
 *      Empty ──────── a member joins ───────▶ PreparingRebalance ◀──────────────┐
 *        ▲                                     │            │                   │
 *        └───────── nobody is left ────────────┘   all have joined, or          │ someone joins,
 *                                                  it took too long             │ leaves, dies, or
 *                                                           ▼                   │ does not sync
 *      Stable ◀──── the leader's SyncGroup ───── CompletingRebalance ───────────┤
 *        └──────────────────────────────────────────────────────────────────────┘
 *
 * A record is written when a generation has its assignment, when the group has become empty, when
 * it is born, and when a static member comes back under a new id without a rebalance. Between these
 * moments what happens is soft: who replays the log finds the last generation that was assigned.
 * (ClassicGroup, ClassicGroupMember)
 */
#ifndef GREGOR_CORE_GROUP_CLASSIC_H
#define GREGOR_CORE_GROUP_CLASSIC_H

#include "core/group/kinds.h"

enum {
    CLASSIC_NEW_MEMBER_MS = 5 * 60 * 1000, /* who joins and is not heard of so long is dropped */
    CLASSIC_PENDING_MAX = 1 << 16,         /* ids given out to members that have not come back */
};

struct classic_protocol {
    struct slice name, metadata;
};

struct classic_member {
    struct classic *classic;
    struct slice id, client_id, client_host;
    struct slice instance_id; /* null: a dynamic member */
    struct slice assignment;  /* empty: none */
    struct classic_protocol *protocols;
    int32_t protocol_count;
    int32_t rebalance_timeout_ms, session_timeout_ms;
    struct machine_asker *joining, *syncing; /* who waits for this member's answer */
    struct group_timer session;
    struct list_link link; /* in the order in which members came */
    bool is_new;           /* has not had an answer to its first JoinGroup */
    bool named;            /* in the record that is being applied */
    bool must_sync;        /* has not asked for its share of this generation */
};

/* An id that was given out, for a member to come back with. (KIP-394) */
struct classic_pending {
    struct classic *classic;
    struct slice id;
    struct group_timer session;
};

/* How many members can do with a protocol. */
struct classic_support {
    struct slice name;
    int32_t count;
};

struct classic {
    struct group *group;
    enum group_classic_state state, former;
    int64_t since_ms; /* wall clock when it came into the state; -1: not known */
    int32_t generation;
    struct slice protocol_type;      /* null: it never had members */
    struct slice protocol;           /* null: none chosen */
    struct slice leader;             /* a member's id; null: none */
    struct map members, by_instance; /* struct classic_member, by id and by instance id */
    struct list order;               /* the same members */
    struct map pending;              /* struct classic_pending */
    struct map support;              /* struct classic_support, by name */
    struct map topics;               /* what the members subscribe to: struct slice */
    bool topics_known;
    bool came;                       /* a member came while the first rebalance was put off */
    int32_t joining;                 /* members that wait for the generation to begin */
    int32_t to_sync;                 /* members that must_sync */
    int32_t delay_ms, delay_left_ms; /* of the first rebalance */
    struct group_timer rebalance;    /* who joins must have joined */
    struct group_timer sync;         /* who has joined must have synced */
    /* A static member that comes back; applying the record makes it one. */
    struct classic_member *incoming;
};

/* --- classic_members.c ------------------------------------------------------------------------ */

/* In no group yet. */
struct classic_member *classic_member_create(struct classic *classic, struct slice id,
                                             const struct machine_asker *asker);
struct classic_member *classic_member_destroy(struct classic_member *member);
void classic_member_set_protocols(struct classic_member *member,
                                  const struct join_group_request_join_group_request_protocol *from,
                                  int32_t count);
bool classic_member_has_protocols(
    const struct classic_member *member,
    const struct join_group_request_join_group_request_protocol *protocols, int32_t count);
struct slice classic_member_metadata(const struct classic_member *member, struct slice protocol);

struct classic_member *classic_find(const struct classic *classic, struct slice id);
struct classic_member *classic_find_static(const struct classic *classic, struct slice instance_id);
struct classic_member *classic_first(const struct classic *classic);
struct classic_member *classic_next(const struct classic_member *member);
void classic_add(struct classic *classic, struct classic_member *member);
/* It is in the group no more; another leads if it did. */
void classic_take(struct classic *classic, struct classic_member *member);
/* What a JoinGroup of a member tells anew. */
void classic_update(struct classic_member *member, const struct machine_asker *asker);
/* Version 0 has no rebalance timeout of its own.
 * (JoinGroupRequest.maybeOverrideRebalanceTimeout) */
int32_t classic_rebalance_timeout_ms(const struct machine_asker *asker);

struct classic_pending *classic_find_pending(const struct classic *classic, struct slice id);
void classic_add_pending(struct classic *classic, struct slice id, int64_t deadline_ms);
void classic_drop_pending(struct classic_pending *pending);

/* Is the claim that a request makes true? (ClassicGroup.validateMember) */
enum kafka_error classic_validate(const struct classic *classic, struct slice member_id,
                                  struct slice instance_id);
bool classic_supports(const struct classic *classic, const struct join_group_request *request);
/* The favourite of most members among those that all can do with, as if `comes` were in the place
 * of `leaves` (both NULL: as it is). */
struct slice classic_select(const struct classic *classic, const struct classic_member *leaves,
                            const struct classic_member *comes);
/* Which topics the members of this generation subscribe to, where they are consumers. */
void classic_read_topics(struct classic *classic);
void classic_forget_topics(struct classic *classic);

/* --- classic_rebalance.c ---------------------------------------------------------------------- */

void classic_enter(struct classic *classic, enum group_classic_state state, int64_t now_ms);
void classic_heard(struct classic_member *member, const struct group_input *input);
void classic_prepare(struct classic *classic, const struct group_input *input,
                     struct machine_plan *plan);
/* Begins a rebalance where none is; goes on with one whose members are all there. */
void classic_rebalance(struct classic *classic, const struct group_input *input,
                       struct machine_plan *plan);
/* Somebody has left by itself. */
void classic_left(struct classic *classic, const struct group_input *input,
                  struct machine_plan *plan);
void classic_maybe_complete(struct classic *classic, const struct group_input *input,
                            struct machine_plan *plan);
void classic_remove(struct classic_member *member, enum kafka_error told,
                    struct machine_plan *plan);
bool classic_all_joined(const struct classic *classic);
void classic_complete(struct classic *classic, const struct group_input *input,
                      struct machine_plan *plan);
void classic_synced(struct classic_member *member);
void classic_set_timers(struct classic *classic);

void classic_wait_join(struct classic_member *member, struct machine_asker *asker,
                       struct machine_plan *plan);
/* With the generation as it is; the leader is told the members. */
void classic_answer_join(struct classic_member *member, struct machine_asker *asker,
                         struct slice leader, bool skip_assignment, struct machine_plan *plan);
void classic_fail_join(struct classic_member *member, enum kafka_error error,
                       struct machine_plan *plan);
void classic_fail_sync(struct classic_member *member, enum kafka_error error,
                       struct machine_plan *plan);

/* --- classic_records.c ------------------------------------------------------------------------ */

/* The group as it is, but for one member in the place of another (both may be NULL), and with these
 * shares by member id (struct sync_group_request_sync_group_request_assignment; NULL: as they
 * are). */
void classic_plan_record(struct classic *classic, const struct classic_member *leaves,
                         const struct classic_member *comes, const struct map *assigned,
                         struct machine_plan *plan);
/* Of a group that is being born. */
void classic_plan_birth(struct classic *classic, struct machine_plan *plan);

/* --- the requests ----------------------------------------------------------------------------- */

void classic_join(struct groups *groups, struct group *group, const struct group_input *input,
                  struct machine_asker *asker, struct machine_plan *plan);
void classic_sync(struct groups *groups, struct group *group, const struct group_input *input,
                  struct machine_asker *asker, struct machine_plan *plan);
void classic_heartbeat(struct groups *groups, struct group *group, const struct group_input *input,
                       struct machine_asker *asker, struct machine_plan *plan);
void classic_leave(struct groups *groups, struct group *group, const struct group_input *input,
                   struct machine_asker *asker, struct machine_plan *plan);

#endif

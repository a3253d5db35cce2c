/* What groups.c asks of a kind of group: classic.c and consumer.c answer, each with a row. */
#ifndef GREGOR_CORE_GROUP_KINDS_H
#define GREGOR_CORE_GROUP_KINDS_H

#include "core/group/group_private.h"

/* Who wants to commit. */
struct group_committer {
    struct slice member_id;
    struct slice instance_id; /* null: none */
    int32_t epoch;            /* or generation */
    int16_t version;          /* of OffsetCommit */
    bool transactional;
};

struct group_calls {
    const char *type; /* as ListGroups says it: "classic" */
    group_handler join, sync, heartbeat, leave;
    enum kafka_error (*may_commit)(struct group *group, const struct group_committer *committer,
                                   const struct group_input *input);
    enum kafka_error (*may_fetch)(const struct group *group, struct slice member_id,
                                  int32_t member_epoch);
    enum kafka_error (*may_delete_offsets)(const struct group *group);
    bool (*is_subscribed)(const struct group *group, struct slice topic);
    bool (*is_empty)(const struct group *group);
    enum group_expiry (*expiry)(const struct group *group, int64_t *empty_ms);
    struct slice (*state_name)(const struct group *group);
    struct slice (*protocol_type)(const struct group *group);
    /* Tombstones of all its records but its offsets': it is empty. */
    void (*plan_delete)(struct group *group, struct machine_plan *plan);
    void (*loaded)(struct group *group, const struct group_input *input, struct machine_plan *plan);
    void (*refused)(struct group *group, const struct group_input *input,
                    struct machine_plan *plan);
    void (*release)(struct group *group, struct list *askers);
    void (*destroy)(struct group *group);
};

extern const struct group_calls classic_calls;

const struct group_calls *group_calls(const struct group *group);

#endif

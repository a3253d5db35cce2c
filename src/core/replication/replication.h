/*
 * replication: one partition as its leader sees it: who is in sync, how far everybody has the log,
 * where the high watermark is. Pure: events in, effects out.
 *
 * A replica counts for what it made durable where flush.policy=commit, for what it has in its log
 * where flush.policy=os; so the high watermark, and with it acks=all, means what the policy
 * promises. (Partition.scala maybeIncrementLeaderHW; ARCHITECTURE.md, what an acknowledgement
 * promises)
 */
#ifndef GREGOR_CORE_REPLICATION_REPLICATION_H
#define GREGOR_CORE_REPLICATION_REPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"

enum replication_event_kind {
    REPLICATION_LEAD,     /* we lead from `epoch` on; our log is [offset of start, end] */
    REPLICATION_APPENDED, /* our log grew to `offset` */
    REPLICATION_FLUSHED,  /* our log is durable up to `offset` */
    REPLICATION_STARTED,  /* log_start_offset rose to `offset` */
    REPLICATION_POLICY,   /* flush policy is now `commit` */
};

struct replication_event {
    enum replication_event_kind kind;
    int32_t leader_epoch;
    int64_t offset;
    int64_t flushed_offset; /* of LEAD */
    int64_t start_offset;   /* of LEAD */
    bool commit;            /* of LEAD and POLICY */
};

struct replication {
    int64_t log_start_offset;
    int64_t high_watermark;
    int64_t end_offset;
    int64_t flushed_offset;
    int32_t leader_epoch;
    bool commit;
};

struct replication_effects {
    bool high_watermark_moved;
    int64_t high_watermark;
};

void replication_step(struct replication *state, const struct replication_event *event,
                      struct replication_effects *effects);

#endif

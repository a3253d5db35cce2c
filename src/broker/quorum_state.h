/*
 * quorum_state: the file that remembers in which epoch this node voted or led, so that no epoch has
 * two leaders after a restart. (FileQuorumStateStore; JSON with data_version 0 or 1)
 *
 * What it never does: elect. Blocks; the file is replaced whole and durable.
 */
#ifndef GREGOR_BROKER_QUORUM_STATE_H
#define GREGOR_BROKER_QUORUM_STATE_H

#include "base/slice.h"
#include "os/os.h"

/* The epoch in the file of `directory`; 0 if there is none. -EBADMSG: not one we can read. */
MUST_USE int quorum_state_read(struct os *os, const char *directory, int32_t *leader_epoch);
/* We lead `leader_epoch`. */
MUST_USE int quorum_state_write(struct os *os, const char *directory, int32_t node_id,
                                int32_t leader_epoch, bool is_dynamic);

#endif

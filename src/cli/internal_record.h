/*
 * internal_record: records that brokers write for themselves, as text: the cluster's metadata, the
 * coordinators' topics, control records. For `log dump`.
 */
#ifndef GREGOR_CLI_INTERNAL_RECORD_H
#define GREGOR_CLI_INTERNAL_RECORD_H

#include "base/arena.h"
#include "base/writer.h"
#include "wire/batch.h"

enum internal_topic {
    INTERNAL_NONE,
    INTERNAL_METADATA,     /* __cluster_metadata, its snapshots */
    INTERNAL_OFFSETS,      /* __consumer_offsets */
    INTERNAL_TRANSACTIONS, /* __transaction_state */
    INTERNAL_SHARE,        /* __share_group_state */
};

/* By the name of a topic or of a partition's folder. */
enum internal_topic internal_topic_of(struct slice name);

/* Prints "TopicRecord v0 {…}", or "OffsetCommitKey v1 {…} = OffsetCommitValue v3 {…}".
 * -ENOTSUP: not of a kind that we know; -EBADMSG: of a known kind, but it does not decode. Nothing
 * is printed then. */
MUST_USE int internal_record_print(enum internal_topic topic, bool is_control,
                                   const struct record *record, struct arena *arena,
                                   struct writer *out);

#endif

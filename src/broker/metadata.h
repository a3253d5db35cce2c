/*
 * metadata: the metadata log of a quorum of one. `__cluster_metadata-0` is an ordinary log; this
 * module opens it, is elected, appends what the controller plans, says what is committed, and
 * writes snapshots. The image in it is the controller's: it holds everything that was appended.
 *
 * What it never does: plan (core/controller does), talk to other shards (its owner hands committed
 * records on), run on another thread than shard 0's but in its own jobs.
 *
 * Committed means flushed: a quorum of one has committed what its one voter has on disk. Appends of
 * one turn share a flush; further ones wait for the next. (KafkaRaftClient, KIP-595, KIP-630)
 */
#ifndef GREGOR_BROKER_METADATA_H
#define GREGOR_BROKER_METADATA_H

#include "base/list.h"
#include "base/trace.h"
#include "core/controller/controller.h"
#include "core/image/image.h"
#include "core/settings/settings.h"
#include "log/folder.h"
#include "log/log.h"
#include "os/os.h"

struct metadata;

struct metadata_options {
    struct os *os;
    struct log_files *files;
    struct folder *folder;
    const struct settings *settings;
    const struct trace *trace;
    const struct folder_identity *identity;
    bool clean; /* the folder was stopped cleanly */
    /* Every committed record in order, snapshots and old records included. Called during
     * metadata_open for what is on disk, later when a flush has succeeded. `record` is valid during
     * the call. */
    void (*on_committed)(void *context, struct slice record, int64_t offset);
    /* The log has failed: the node must stop. */
    void (*on_failed)(void *context, int error);
    void *context;
};

/* Reads the newest snapshot and the log behind it, is elected for a new epoch (quorum-state, then
 * the leader-change record), and lays down the bootstrap records if the log is empty. Blocks.
 * Errors were told to the trace in one line. */
MUST_USE int metadata_open(const struct metadata_options *options, struct metadata **opened);
/* Clean: waits for the flush, closes the log. NULL is fine. Blocks. */
MUST_USE int metadata_close(struct metadata *metadata);

/* The image with everything appended, committed or not: what the next plan builds on. */
const struct image *metadata_image(const struct metadata *metadata);
int64_t metadata_end_offset(const struct metadata *metadata);
int32_t metadata_leader_epoch(const struct metadata *metadata);
/* Are the quorum's voters in its log (KIP-853)? */
bool metadata_is_dynamic(const struct metadata *metadata);

/* Appends a plan as one atomic batch, behind one of the quorum's own if it changes that, and
 * applies it at once. `waiter->committed` runs when all that has been appended until now is
 * committed (a plan without records: when what came before is); its memory is the caller's. The
 * appends of a turn are flushed by metadata_flush, once at its end.
 * -ENOSPC: nothing was appended; other errors: the log has failed. */
struct metadata_waiter {
    struct list_link link;
    int64_t offset; /* metadata's */
    void (*committed)(struct metadata_waiter *waiter, int error);
};
MUST_USE int metadata_append(struct metadata *metadata, const struct controller_plan *plan,
                             struct metadata_waiter *waiter);
void metadata_flush(struct metadata *metadata);

/* Writes a snapshot when enough was written since the last (metadata.log.max.record.bytes.between.
 * snapshots, metadata.log.max.snapshot.interval.ms) and removes what it makes needless (KIP-630).
 * Call now and then. */
void metadata_maintain(struct metadata *metadata, int64_t now_ms);

#endif

/*
 * snapshot: the files that hold a metadata log's beginning: "<end offset>-<epoch>.checkpoint" and
 * bootstrap.checkpoint. Batches like those of the log: a control batch with the header (and, in a
 * dynamic quorum, the quorum's version and voters), the records, a control batch with the footer.
 * (KIP-630, KIP-853; RecordsSnapshotWriter, RecordsSnapshotReader)
 *
 * What it never does: touch a file, know what a record means.
 */
#ifndef GREGOR_BROKER_SNAPSHOT_H
#define GREGOR_BROKER_SNAPSHOT_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "base/writer.h"
#include "wire/batch.h"

/* Types of control records, the second number of their keys. (ControlRecordType) */
enum control_type {
    CONTROL_LEADER_CHANGE = 2,
    CONTROL_SNAPSHOT_HEADER = 3,
    CONTROL_SNAPSHOT_FOOTER = 4,
    CONTROL_KRAFT_VERSION = 5,
    CONTROL_KRAFT_VOTERS = 6,
};

/* The one voter of a quorum of one. */
struct snapshot_voter {
    int32_t id;
    struct uuid directory_id;
    struct slice listener, host; /* of the controller */
    uint16_t port;
};

/* Values of control records, appended to `value`. */
void control_put_leader_change(struct writer *value, int32_t leader_id);
void control_put_kraft_version(struct writer *value, int16_t version);
void control_put_voter(struct writer *value, const struct snapshot_voter *voter);

/* One control record into a batch that was begun (its attributes are set too). */
void control_add(struct batch_builder *builder, int64_t now_ms, enum control_type type,
                 struct slice value);

/* Writing: begin, records in order, end. Voters are the value of a voters record; null: a static
 * quorum, which has none in its log. */
struct snapshot_writer {
    struct writer *bytes;
    struct batch_builder builder;
    int64_t offset; /* of the next record in the file */
    int64_t now_ms;
    int32_t epoch;
    int32_t in_batch; /* records of the batch under way */
    size_t batch_bytes;
    int result;
};
void snapshot_begin(struct snapshot_writer *writer, struct writer *bytes, int64_t now_ms,
                    int32_t epoch, int64_t last_contained_ms, struct slice voters);
void snapshot_add(struct snapshot_writer *writer, struct slice record);
/* -EMSGSIZE: more than `bytes` may hold. */
MUST_USE int snapshot_end(struct snapshot_writer *writer);

/* Walks the batches of a snapshot or a stretch of the log. Calls back for each data record, and for
 * the value of each control record. Stops at a callback's first error. -EBADMSG: damaged. */
struct snapshot_reader {
    int (*on_record)(void *context, struct slice record, int64_t offset);
    int (*on_control)(void *context, enum control_type type, struct slice value, int64_t offset);
    void *context;
};
MUST_USE int snapshot_read(struct slice bytes, const struct snapshot_reader *reader);

#endif

/*
 * Calls: how a request reaches a partition or the controller, whichever shard they live on. A call
 * to one's own shard runs at once; to another it travels as mail, runs there, and travels back. The
 * caller cannot tell the difference, and neither can the callee: `done` always runs on the caller's
 * shard, exactly once, now or later.
 *
 * The caller owns the call and everything it points to until `done`; the callee may read it and
 * write into its result part. A batch's bytes are patched in place by the partition's shard while
 * the caller keeps its reference to the buffer.
 *
 * A request that touches many partitions makes one call for each and joins the answers.
 */
#ifndef GREGOR_BROKER_CALL_H
#define GREGOR_BROKER_CALL_H

#include "base/list.h"
#include "base/uuid.h"
#include "base/writer.h"
#include "log/log.h"
#include "os/os.h"
#include "wire/apis.h"
#include "wire/errors.h"

struct measures;
struct partition;
struct shard;

enum call_kind {
    CALL_PRODUCE, /* append one partition's batch */
    CALL_READ,    /* an extent of one partition, or wait for more */
    CALL_LIST_OFFSET,
    CALL_EPOCH_END, /* OffsetForLeaderEpoch */
    CALL_DELETE_RECORDS,
    CALL_PRODUCERS,   /* DescribeProducers */
    CALL_MOVE,        /* to another folder; it goes on when the call is done (KIP-113) */
    CALL_LOGS,        /* all logs of one shard */
    CALL_FOLDER,      /* one data folder and its volume */
    CALL_MEASURES,    /* what one shard has counted, or that it lives */
    CALL_CONTROLLER,  /* a request that the controller answers */
    CALL_PRODUCER_ID, /* a fresh producer id */
};

/* A record for which its batch is refused. (KIP-467) */
struct call_record_error {
    int32_t index;     /* in the batch */
    bool untimely;     /* its time is out of range; otherwise it lacks a key */
    int64_t timestamp; /* ms */
};

struct call_produce {
    struct slice records; /* in: one partition's `records`; bytes are written to (batch_assign) */
    int16_t acks;
    int64_t base_offset;     /* out */
    int64_t log_append_time; /* out: -1 for CreateTime */
    int64_t log_start_offset;
    struct call_record_error *record_errors; /* out: the caller frees: memory_free */
    int32_t record_error_count;
    int64_t timestamp_least, timestamp_most; /* out: the range for those that are untimely */
};

struct call_read {
    int64_t offset;
    size_t max_bytes;
    bool whole_first; /* KIP-74 */
    bool read_committed;
    int32_t last_fetched_epoch;
    bool watch; /* nothing to read: be done only when there is, or on call_cancel */
    /* out */
    struct log_extent extent; /* give it back by call_release_extent */
    int64_t high_watermark, last_stable_offset, log_start_offset;
    int32_t diverging_epoch; /* -1: the reader's log is a prefix of ours (KIP-595) */
    int64_t diverging_end_offset;
};

struct call_list_offset {
    int64_t timestamp; /* ms, or Kafka's negative specials */
    bool read_committed;
    int64_t offset; /* out */
    int64_t found_timestamp;
    int32_t leader_epoch;
};

struct call_epoch_end {
    int32_t epoch;
    int32_t found_epoch; /* out */
    int64_t end_offset;
};

struct call_delete_records {
    int64_t offset;        /* −1: all that is committed */
    int64_t low_watermark; /* out */
};

struct call_producers {
    struct log_producer *producers; /* out; the caller frees: memory_free */
    int32_t count;
};

/* An open log, whoever asks. */
struct call_log {
    struct uuid topic_id;
    int32_t index;
    int64_t size_bytes;
    int64_t offset_lag; /* records that are committed and not in it */
    int32_t folder;     /* its index, as in call_folder */
    bool is_future;     /* a copy on its way there */
};

struct call_move {
    int32_t folder; /* its index */
};

struct call_logs {
    int32_t shard;         /* whose; in */
    struct call_log *logs; /* out, in no order; the caller frees: memory_free */
    size_t count;
};

struct call_measures {
    int32_t shard;             /* whose; in */
    struct measures *measures; /* out, empty before; NULL: only a sign of life is wanted */
};

struct call_folder {
    int32_t index;                     /* below shard_folder_count */
    const char *path;                  /* out: absolute; the broker's */
    int64_t total_bytes, usable_bytes; /* out: of its volume */
    bool is_cordoned;                  /* out: it takes no new replicas (KIP-1066) */
};

struct call_controller {
    enum api_key key;
    int16_t version;
    struct slice body;
    struct slice user, client_id; /* whose quota it is on; a null user is nobody's */
    struct writer *reply;         /* the caller's; body of the reply in `version` */
    int result;                   /* out: 0; -EBADMSG: close the connection */
    int64_t throttle_ms;          /* out: the pause for what it changed (KIP-599) */
};

struct call_producer_id {
    int64_t producer_id; /* out */
};

/* A letter about a call, and where it lies while the receiver has no room. */
struct call_letter {
    struct os_mail mail;
    struct shard *to;
    struct list_link link;
};

struct call {
    enum call_kind kind;
    struct shard *from, *to;
    void (*done)(struct call *call);
    void *context; /* the caller's */
    /* which partition (partition calls) */
    struct uuid topic_id;
    int32_t partition;
    int32_t current_leader_epoch; /* the client's; -1: does not say (KIP-320) */
    enum kafka_error error;       /* out */
    union {
        struct call_produce produce;
        struct call_read read;
        struct call_list_offset list_offset;
        struct call_epoch_end epoch_end;
        struct call_delete_records delete_records;
        struct call_producers producers;
        struct call_move move;
        struct call_logs logs;
        struct call_folder folder;
        struct call_measures measures;
        struct call_controller controller;
        struct call_producer_id producer_id;
    };
    /* broker's */
    struct call_letter letter, cancel;
    struct os_job job;
    struct list_link link; /* in what it waits for */
    struct log_cold cold;
    struct log_search *search;
    struct partition *held; /* a job of it runs on this partition */
    int32_t warmed;         /* how often it has waited for a disk */
    int64_t wait_offset;
    uint32_t state;
};

/* Starts a call: kind, done, partition and inputs are set; `from` and `to` are set here. */
void call_start(struct shard *shard, struct call *call);
/* A watching read is not wanted any more: it will be done soon (KAFKA_ERROR_NONE, nothing read). */
void call_cancel(struct shard *shard, struct call *call);
/* Gives the extent of a done read back to the shard that owns it. The call is not needed
 * afterwards. */
void call_release_extent(struct shard *shard, struct call *call);

#endif

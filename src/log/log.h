/*
 * log: one partition on disk, in Kafka's files to the byte: segments (.log .index .timeindex),
 * producer snapshots, leader epochs, partition.metadata. Append, read, find by time, recover.
 *
 * What it never does: decide who may write or read (core/replication), check a batch's CRC (the
 * caller did, once), wait for a disk on the owner's thread outside of open, close and the functions
 * that say so, map a file into memory, log a line.
 *
 * Threads. A log belongs to one shard; functions are the owner's unless they say "any thread" (what
 * runs inside jobs, on data that the owner does not touch meanwhile).
 *
 * Two ends. log_end_offset counts what was appended (staged ones included); flushed_offset is where
 * a crash of the machine would cut at worst. Which of them bounds what consumers see is the
 * caller's.
 *
 * After any failed write or flush the log has failed: every later append and flush says -EIO, reads
 * go on. A failed fsync is never repeated (reliability: fsyncgate).
 */
#ifndef GREGOR_LOG_LOG_H
#define GREGOR_LOG_LOG_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "os/os.h"
#include "wire/batch.h"
#include "wire/errors.h"

struct log;
struct log_files; /* open files of one shard, least recently used closed first */

enum { LOG_NAME_MAX = 280 }; /* "topic-partition" and Kafka's suffixes */

/* --- open files ------------------------------------------------------------------------------- */

/* At most `open_max` files are kept open besides those pinned by extents and flushes. */
struct log_files *log_files_create(struct os *os, int open_max);
struct log_files *log_files_destroy(struct log_files *files); /* nothing may be pinned */
/* How many cannot be closed now: unflushed ones, too. */
int log_files_pinned(const struct log_files *files);

/* --- one log ---------------------------------------------------------------------------------- */

/* Copied; may be replaced while the log is in use. Names are Kafka's topic settings. */
struct log_config {
    int64_t segment_bytes;
    int64_t segment_ms;
    int64_t segment_jitter_ms;
    int64_t segment_index_bytes;
    int64_t index_interval_bytes;
    int64_t producer_id_expiration_ms;
    bool preallocate;
};

struct log_options {
    const char *directory; /* ".../topic-partition" */
    struct uuid topic_id;
    struct log_config config;
    bool clean;               /* the folder was stopped cleanly: trust the files */
    int64_t recovery_point;   /* else: everything below is known to be good */
    int64_t log_start_offset; /* from the checkpoint, 0 if none */
    uint64_t jitter_seed;
};

/* What recovery did, for one log line. */
struct log_recovery {
    int64_t scanned_bytes;
    int64_t truncated_bytes; /* a torn tail that was cut */
    int64_t log_end_offset;
    int32_t segments;
    int32_t rebuilt_indexes;
    bool recovered; /* false: the clean files were trusted */
};

/* Makes the directory, partition.metadata and the first segment; durable once log_flush ran.
 * Blocks; any thread, as nobody has the log yet. -EEXIST. */
MUST_USE int log_create(struct os *os, struct log_files *files, const struct log_options *options,
                        struct log **created);

/* Opens and, unless `clean`, recovers: checks every batch beyond the recovery point, cuts a torn
 * tail, rebuilds indexes and producer state. Doing it twice changes nothing. Blocks; any thread.
 * -ENOENT: no such directory; -EBADMSG: corruption in the middle (valid batches follow the bad
 * bytes): never cut away; -EUCLEAN: partition.metadata names another topic. */
MUST_USE int log_open(struct os *os, struct log_files *files, const struct log_options *options,
                      struct log_recovery *recovery, struct log **opened);

/* The files of a log that was opened with `files` of a worker's become those of another set. */
void log_adopt(struct log *log, struct log_files *files);

/* Whose directory is it, by its partition.metadata? Blocks; any thread. -ENOENT: there is none;
 * -EBADMSG. */
MUST_USE int log_read_topic_id(struct os *os, const char *directory, struct uuid *topic_id);

/* Makes the files what a clean stop leaves: all flushed, the producer snapshot written, no room
 * reserved. Blocks. An error means that the folder must not be marked clean. */
MUST_USE int log_finish(struct log *log);
/* log_finish and log_destroy. NULL is fine. */
MUST_USE int log_close(struct log *log);
/* Frees without touching the disk further. NULL is fine; returns NULL. */
struct log *log_destroy(struct log *log);

void log_configure(struct log *log, const struct log_config *config);

int64_t log_start_offset(const struct log *log);
int64_t log_end_offset(const struct log *log);
int64_t log_flushed_offset(const struct log *log);
int64_t log_size_bytes(const struct log *log);
int32_t log_segment_count(const struct log *log);
const char *log_directory(const struct log *log);
bool log_has_failed(const struct log *log);

/* Forgets producers that have written nothing for producer.id.expiration.ms. (KIP-360) */
void log_expire_producers(struct log *log, int64_t now_ms);

/* --- append ----------------------------------------------------------------------------------- */

/* What the producer's state says of a batch with a producer id, before it is appended.
 * NONE: append it; *duplicate_offset is -1. NONE with *duplicate_offset >= 0: one of the last five,
 * do not append, answer with that base offset and *duplicate_timestamp.
 * OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH … otherwise. (ProducerAppendInfo,
 * ProducerStateEntry; KIP-98, KIP-360) */
enum kafka_error log_check_producer(const struct log *log, const struct batch *batch,
                                    int64_t *duplicate_offset, int64_t *duplicate_timestamp);

/* Stages one batch at the log's end: `bytes` (batch->bytes, writable) get base offset and leader
 * epoch, producer state is updated, segments roll when due. The bytes must stay until log_write
 * returns. Space on disk is reserved first: -ENOSPC changes nothing. -EIO: the log has failed. On
 * success *base_offset is the first record's offset. */
MUST_USE int log_append(struct log *log, const struct batch *batch, uint8_t *bytes,
                        int32_t leader_epoch, int64_t now_ms, int64_t *base_offset);

/* Writes what is staged, with one system call per segment touched. An error fails the log. */
MUST_USE int log_write(struct log *log);
bool log_has_staged(const struct log *log);

/* --- flush ------------------------------------------------------------------------------------ */

/* A flush in three steps: begin (owner), run (any thread, blocks), end (owner). Between begin and
 * end the owner may append and write; what was written before begin is what becomes durable:
 * segments, epochs file, new directory entries. One flush of a log at a time. */
struct log_flush;
/* `indexes`: those of the segment that is written too, so that the flushed offset may become the
 * recovery point; sealed ones always are. NULL: nothing unflushed. */
struct log_flush *log_flush_begin(struct log *log, bool indexes);
/* Does it cover the indexes? A full disk may have kept it from that. */
bool log_flush_has_indexes(const struct log_flush *flush);
void log_flush_run(struct log_flush *flush); /* any thread */
/* Frees it. -EMFILE and -ENFILE: no descriptor was free, nothing was lost, begin another one later;
 * any other error: the log has failed. */
MUST_USE int log_flush_end(struct log *log, struct log_flush *flush);

/* --- read ------------------------------------------------------------------------------------- */

/* A range of a segment. The file stays open until released. */
struct log_extent {
    struct os_file *file;
    int64_t position;
    size_t size;
    int64_t base_offset; /* of the first batch in it */
    void *pin;           /* log's */
};

/* Where a read would have waited for a disk: read the range on a worker, then ask again. */
struct log_cold {
    struct os_file *file;
    int64_t position;
    size_t size;
    void *pin;
};

/* Whole batches from the one that contains `offset` on, none that begins at or beyond
 * `limit_offset`, at most `max_bytes` (the last one may be cut short, as Kafka does) but at least
 * the whole first batch if `whole_first` (KIP-74). An empty extent (size 0, nothing pinned): offset
 * is at the limit, or the first batch does not fit and `whole_first` is off. -ERANGE: outside
 * [log_start_offset, log_end_offset]; -EAGAIN: *cold says what must come into memory first (with
 * `wait` it blocks instead and never says so); -EBADMSG: damaged bytes. */
MUST_USE int log_read(struct log *log, int64_t offset, int64_t limit_offset, size_t max_bytes,
                      bool whole_first, bool wait, struct log_extent *extent,
                      struct log_cold *cold);
void log_extent_release(struct log_extent *extent);

void log_cold_run(struct log_cold *cold);     /* any thread, blocks */
void log_cold_release(struct log_cold *cold); /* owner */

/* --- search by time --------------------------------------------------------------------------- */

/* The first record whose timestamp is at least the one asked for, or the one with the greatest
 * timestamp (the first of equals): begin (owner), run (any thread, blocks), end (owner). Only what
 * was written before begin is looked at. (UnifiedLog.fetchOffsetByTimestamp, KIP-734) */
enum { LOG_SEARCH_GREATEST = -3 };
struct log_search;
struct log_search *log_search_begin(const struct log *log, int64_t timestamp_ms);
void log_search_run(struct log_search *search);
/* Offset -1 and timestamp -1 if there is none. Frees it. -EAGAIN: segments were removed or cleaned
 * meanwhile, search again; -EBADMSG, -EIO, -EMSGSIZE. */
MUST_USE int log_search_end(const struct log *log, struct log_search *search, int64_t *offset,
                            int64_t *timestamp);

/* --- leader epochs (KIP-101, KIP-279) --------------------------------------------------------- */

int32_t log_latest_epoch(const struct log *log); /* -1: none */
/* Which epoch the record at `offset` was written in; -1 if before all. */
int32_t log_epoch_at(const struct log *log, int64_t offset);
/* The largest known epoch <= `epoch` and where it ends; (-1, -1) if there is none.
 * (LeaderEpochFileCache.endOffsetFor) */
void log_epoch_end(const struct log *log, int32_t epoch, int32_t *found_epoch, int64_t *end_offset);
/* Remember that `epoch` begins at the log's end; a lower or equal one is ignored. */
void log_assign_epoch(struct log *log, int32_t epoch);

/* --- cut -------------------------------------------------------------------------------------- */

/* Drops everything at and beyond `offset`. Blocks. */
MUST_USE int log_truncate(struct log *log, int64_t offset);
/* Drops everything and starts anew at `offset` (after a snapshot). Blocks. */
MUST_USE int log_truncate_all(struct log *log, int64_t offset);
/* Raises the start; nothing is removed yet. -ERANGE: beyond the end. */
MUST_USE int log_raise_start(struct log *log, int64_t offset);
/* Takes the segments that lie below the start as a whole out of the log, not while it is cleaned.
 * Their files go on a worker, the oldest first, so that a crash leaves no hole. Readers that hold
 * extents keep the bytes. */
struct log_removal;
struct log_removal *log_removal_begin(struct log *log);    /* NULL: there is none */
void log_removal_run(struct log_removal *removal);         /* any thread, blocks */
MUST_USE int log_removal_end(struct log_removal *removal); /* frees it; what could not be removed */

/* Where retention says that the log should start: behind the segments at its front whose greatest
 * timestamp is older than retention_ms, then behind those that retention_bytes can do without;
 * never beyond `bound` (the high watermark). -1: no bound, for both. The segment that is written
 * counts too, and is rolled first if it has to go. May read the last entry of time indexes that
 * nobody has looked at since the log was opened. (UnifiedLog.deleteOldSegments) */
struct log_retention {
    int64_t retention_ms;
    int64_t retention_bytes;
    int64_t bound;
};
MUST_USE int log_retain(struct log *log, const struct log_retention *retention, int64_t now_ms,
                        int64_t *start_offset);

/* Renames the directory to "<name>.<uuid>-delete" as Kafka does: the name is free at once. Then
 * only log_destroy, and log_remove_directory on a worker. */
MUST_USE int log_delete(struct log *log, const struct uuid *unique, char renamed[OS_PATH_MAX]);
MUST_USE int log_remove_directory(struct os *os, const char *path); /* any thread, blocks */

/* --- producers, for DescribeProducers and tests ----------------------------------------------- */

struct log_producer {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t last_sequence;
    int64_t last_offset;
    int64_t last_timestamp;
    int32_t coordinator_epoch;
    int64_t transaction_start_offset; /* -1: none open */
};
size_t log_producer_count(const struct log *log);
/* Iterates: cursor starts at 0; false at the end. */
bool log_producer_next(const struct log *log, size_t *cursor, struct log_producer *producer);

#endif

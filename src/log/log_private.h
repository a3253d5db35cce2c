/* What the files of log/ share: the log, its segments, their indexes, open files, producers, epochs. */
#ifndef GREGOR_LOG_LOG_PRIVATE_H
#define GREGOR_LOG_LOG_PRIVATE_H

#include "base/list.h"
#include "base/map.h"
#include "log/log.h"

enum {
    LOG_STAGED_MAX = 256,       /* slices written by one system call */
    LOG_RECENT_MAX = 64,        /* batches whose place is remembered */
    LOG_INDEX_PENDING_MAX = 64, /* index entries not yet in their file */
    LOG_BATCHES_REMEMBERED = 5, /* per producer (KIP-98) */
    LOG_FLUSH_SEGMENTS_MAX = 8, /* sealed and not yet durable: more are flushed before a roll */
    LOG_BATCH_MAX = 256 << 20,  /* bytes: what a batch on disk may claim to be */
};

/* --- open files (files.c) ---------------------------------------------------------------------- */

/* A file that is opened when needed and closed when others need the descriptor more. */
struct log_file {
    struct log_files *files;
    struct os_file *file; /* NULL: not open */
    struct list_link link;
    int32_t pins;   /* users that need it open: extents, flushes, unflushed writes */
    bool abandoned; /* its owner is gone: freed with the last pin */
};

struct log_files {
    struct os *os;
    struct list open; /* unpinned ones may be closed, least recently used first */
    int open_count, open_max;
    int alive; /* log_file structs, for the end */
};

struct log_file *log_file_create(struct log_files *files);
void log_file_destroy(struct log_file *file); /* NULL is fine; waits for the last pin */
/* Opened if it is not; stays open until others push it out, for sure while pinned. */
MUST_USE int log_file_use(struct log_file *file, const char *path, enum os_open how,
                          struct os_file **opened);
void log_file_pin(struct log_file *file); /* must be open */
void log_file_unpin(struct log_file *file);
void log_file_close(struct log_file *file); /* now; must not be pinned */

/* --- indexes (index.c) ------------------------------------------------------------------------- */

struct offset_entry {
    int32_t relative_offset; /* of a batch's last record */
    int32_t position;        /* where that batch begins */
};

struct time_entry {
    int64_t timestamp; /* the greatest up to this place */
    int32_t relative_offset;
};

/* Both indexes of the segment that is written, in memory; sealed ones are read from their files. */
struct log_index {
    struct offset_entry *offsets;
    struct time_entry *times;
    int32_t offset_count, offset_capacity, offset_saved; /* entries; how many the file has */
    int32_t time_count, time_capacity, time_saved;
};

/* --- segments (segment.c) ---------------------------------------------------------------------- */

struct log_recent {
    int64_t base_offset;
    int64_t position;
};

struct log_segment {
    int64_t base_offset;
    int64_t size;     /* bytes, staged ones included */
    int64_t written;  /* bytes in the file */
    int64_t reserved; /* bytes for which the disk has given its word */
    int64_t max_timestamp; /* -1: none, or not known yet */
    int64_t max_timestamp_offset;
    int64_t first_timestamp; /* of the first batch; -1: not known */
    int64_t created_ms;
    int64_t bytes_since_index;
    struct log_file *log, *index, *time_index;
    bool times_known; /* max_timestamp is */
    bool dirty;       /* written and not flushed */
    bool pinned_dirty;
};

/* --- producers (producers.c) ------------------------------------------------------------------- */

struct producer_batch {
    int32_t first_sequence, last_sequence;
    int64_t last_offset;
    int32_t offset_delta;
    int64_t timestamp;
};

struct producer {
    int64_t id;
    int64_t last_timestamp;
    int64_t transaction_start_offset; /* -1: none open */
    struct producer_batch batches[LOG_BATCHES_REMEMBERED]; /* oldest first */
    int32_t batch_count;
    int32_t coordinator_epoch;
    int16_t epoch;
};

struct producers {
    struct map map; /* by id */
    int64_t snapshot_offset; /* of the newest snapshot; -1: none */
    int64_t swept_ms;        /* when expired ones were last looked for */
};

void producers_init(struct producers *producers, uint64_t seed);
void producers_clear(struct producers *producers);
void producers_deinit(struct producers *producers);
enum kafka_error producers_check(const struct producers *producers, const struct batch *batch,
                                 int64_t *duplicate_offset, int64_t *duplicate_timestamp);
/* Takes note of a batch that is in the log. `marker_commit`s are control batches. */
void producers_note(struct producers *producers, const struct batch *batch);
void producers_expire(struct producers *producers, int64_t now_ms, int64_t expiration_ms);
MUST_USE int producers_save(struct producers *producers, struct os *os, const char *directory,
                            int64_t offset);
/* The newest readable snapshot at or below `offset`; *found is its offset, or -1. */
MUST_USE int producers_load(struct producers *producers, struct os *os, const char *directory,
                            int64_t offset, int64_t now_ms, int64_t expiration_ms, int64_t *found);

/* --- epochs (epochs.c) ------------------------------------------------------------------------- */

struct epoch_entry {
    int32_t epoch;
    int64_t start_offset;
};

struct epochs {
    struct epoch_entry *entries; /* ascending in both */
    int32_t count, capacity;
    bool dirty; /* not yet in the file */
};

void epochs_deinit(struct epochs *epochs);
void epochs_assign(struct epochs *epochs, int32_t epoch, int64_t start_offset);
void epochs_truncate_end(struct epochs *epochs, int64_t end_offset);
void epochs_truncate_start(struct epochs *epochs, int64_t start_offset);
MUST_USE int epochs_load(struct epochs *epochs, struct os *os, const char *directory);
void epochs_print(const struct epochs *epochs, struct writer *writer);

/* --- the log ----------------------------------------------------------------------------------- */

struct log_flush {
    struct os *os;
    char directory[OS_PATH_MAX];
    struct log_file *files[LOG_FLUSH_SEGMENTS_MAX + 1];
    int64_t bases[LOG_FLUSH_SEGMENTS_MAX + 1];
    int file_count;
    struct writer epochs; /* text of the epochs file; empty: not needed */
    int64_t end_offset;
    bool sync_directory;
    int result;
};

struct log {
    struct os *os;
    struct log_files *files;
    char *directory;
    struct uuid topic_id;
    struct log_config config;
    struct log_segment **segments; /* ascending; the last is written */
    int32_t segment_count, segment_capacity;
    int64_t start_offset;
    int64_t end_offset;     /* staged ones included */
    int64_t written_offset; /* in the files */
    int64_t flushed_offset; /* durable */
    struct log_index index; /* of the last segment */
    struct log_recent *recent; /* LOG_RECENT_MAX of the last segment, a ring; NULL until needed */
    uint32_t recent_next, recent_count;
    struct slice *staged; /* LOG_STAGED_MAX; NULL until needed */
    int staged_count;
    int64_t staged_position; /* in the last segment's file */
    struct producers producers;
    struct epochs epochs;
    struct log_flush *flush; /* kept for the next one */
    uint64_t jitter_seed;
    bool flushing;
    bool new_entries; /* the directory has entries that are not durable */
    bool failed;
};

struct log_segment *log_last(const struct log *log);
/* The segment that holds `offset`, or the first. */
int32_t log_segment_at(const struct log *log, int64_t offset);
void log_path(const struct log *log, int64_t base_offset, const char *suffix,
              char path[OS_PATH_MAX]);
void log_fail(struct log *log);

struct log_segment *segment_create(struct log_files *files, int64_t base_offset);
void segment_destroy(struct log_segment *segment);
MUST_USE int segment_open_log(const struct log *log, struct log_segment *segment,
                              struct os_file **file);
void log_add_segment(struct log *log, struct log_segment *segment);
/* Makes the next segment's file, at the log's end, and seals the one before. */
MUST_USE int log_roll(struct log *log, int64_t now_ms);
/* Makes its indexes' files complete, ends its reservation. */
MUST_USE int segment_seal(struct log *log, struct log_segment *segment);
/* Header of the batch at `position`; *size is the whole batch's. -ENODATA: the segment ends there;
 * -EBADMSG; -EAGAIN when it is not in memory and `wait` is off. */
MUST_USE int segment_peek(const struct log *log, struct log_segment *segment, int64_t position,
                          bool wait, struct batch *batch, size_t *size);
/* Position of the first batch that ends at or beyond `offset`; the segment's end if none does. */
MUST_USE int segment_find(const struct log *log, struct log_segment *segment, int64_t offset,
                          bool wait, int64_t *position);
/* Learns max_timestamp from the time index and the batches behind its last entry. Blocks. */
MUST_USE int segment_learn_times(struct log *log, struct log_segment *segment);

void index_deinit(struct log_index *index);
void index_add(struct log_index *index, int64_t base_offset, int64_t last_offset, int64_t position,
               int64_t max_timestamp, int64_t max_timestamp_offset);
void index_add_time(struct log_index *index, int64_t base_offset, int64_t max_timestamp,
                    int64_t max_timestamp_offset);
MUST_USE int index_save(struct log *log, struct log_segment *segment);
/* Reads both files into memory as far as they make sense for a segment of `size` bytes. */
MUST_USE int index_load(struct log *log, struct log_segment *segment, struct log_index *index);
/* Greatest entry at or below: where to start looking. */
MUST_USE int index_position(const struct log *log, struct log_segment *segment, int64_t offset,
                            bool wait, int64_t *position);
/* Where to start looking for a timestamp: the offset of the last entry below it. */
MUST_USE int index_time_offset(struct log *log, struct log_segment *segment, int64_t timestamp,
                               int64_t *offset);
void index_truncate(struct log_index *index, int64_t base_offset, int64_t end_offset, int64_t size);

/* recover.c: everything from `point` on; appends to index, producers, epochs. */
MUST_USE int log_recover(struct log *log, int64_t point, struct log_recovery *recovery);
/* Rebuilds a sealed segment's indexes from its batches. */
MUST_USE int log_rebuild_index(struct log *log, struct log_segment *segment);
MUST_USE int log_replay_producers(struct log *log, int64_t from_offset);

/* Takes note of a batch that is in the last segment. */
void log_note_batch(struct log *log, struct log_segment *segment, const struct batch *batch,
                    int64_t position);

#endif

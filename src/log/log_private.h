/* What the files of log/ share: the log, its segments, their indexes, open files, producers,
 * epochs. */
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

/* --- open files (files.c) --------------------------------------------------------------------- */

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
    int pinned_count;
    int alive; /* log_file structs, for the end */
};

struct log_file *log_file_create(struct log_files *files);
void log_file_destroy(struct log_file *file); /* NULL is fine; waits for the last pin */
/* Opened if it is not; stays open until others push it out, for sure while pinned. */
MUST_USE int log_file_use(struct log_file *file, const char *path, enum os_open how,
                          struct os_file **opened);
/* The file if it is open, else NULL: spares the caller making its name. */
struct os_file *log_file_if_open(struct log_file *file);
void log_file_pin(struct log_file *file); /* must be open */
void log_file_unpin(struct log_file *file);
void log_file_close(struct log_file *file); /* now; must not be pinned */

/* --- indexes (index.c) ------------------------------------------------------------------------ */

struct offset_entry {
    int32_t relative_offset; /* of a batch's last record */
    int32_t position;        /* where that batch begins */
};

struct time_entry {
    int64_t timestamp; /* the greatest up to this place */
    int32_t relative_offset;
};

enum { OFFSET_ENTRY_SIZE = 8, TIME_ENTRY_SIZE = 12 }; /* bytes in the files */

/* Entries of the segment that is written which its files do not have yet. */
struct log_index {
    struct offset_entry offsets[LOG_INDEX_PENDING_MAX];
    struct time_entry times[LOG_INDEX_PENDING_MAX + 1]; /* a seal adds one */
    int32_t offset_count, time_count;
};

/* --- segments (segment.c) --------------------------------------------------------------------- */

struct log_recent {
    int64_t base_offset;
    int64_t position;
};

struct log_segment {
    int64_t base_offset;
    int64_t size;                 /* bytes, staged ones included */
    int64_t written;              /* bytes in the file */
    int64_t reserved;             /* bytes for which the disk has given its word */
    int64_t max_timestamp;        /* -1: none, or not known yet */
    int64_t max_timestamp_offset; /* last offset of the first batch that has it */
    int64_t first_timestamp;      /* greatest of the first batch; -1: none, or not known */
    int64_t created_ms;
    int64_t bytes_since_index;
    int64_t last_time; /* of the newest time entry; -1: none */
    struct log_file *log, *index, *time_index;
    int32_t offset_entries, time_entries; /* in the files; -1: not looked yet */
    bool times_known;                     /* max_timestamp is */
    bool dirty;                           /* written and not flushed; its file stays open */
    bool indexes_dirty;                   /* the same of its indexes */
};

/* --- producers (producers.c) ------------------------------------------------------------------ */

struct producer_batch {
    int32_t first_sequence, last_sequence;
    int64_t last_offset;
    int32_t offset_delta;
    int64_t timestamp;
};

struct producer {
    int64_t id;
    int64_t last_timestamp;
    int64_t transaction_start_offset;                      /* -1: none open */
    struct producer_batch batches[LOG_BATCHES_REMEMBERED]; /* oldest first */
    int32_t batch_count;
    int32_t coordinator_epoch;
    int16_t epoch;
};

struct producers {
    struct map map;          /* by id */
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

/* --- epochs (epochs.c) ------------------------------------------------------------------------ */

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

/* --- the log ---------------------------------------------------------------------------------- */

/* A file to be flushed, and what it was for. */
struct log_flush_file {
    struct log_file *file;
    int64_t base_offset;
    int64_t written; /* bytes of a segment that the flush covers; -1: an index */
};

struct log_flush {
    struct os *os;
    const char *directory; /* the log's */
    struct log_flush_file *files;
    int file_count, file_capacity;
    struct writer epochs; /* text of the epochs file; empty: not needed */
    int64_t end_offset;
    bool sync_directory, sync_parent;
    bool indexes; /* of the segment that is written, too */
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
    int64_t end_offset;        /* staged ones included */
    int64_t written_offset;    /* in the files */
    int64_t flushed_offset;    /* durable */
    struct log_index *index;   /* of the last segment; NULL until needed */
    struct log_recent *recent; /* LOG_RECENT_MAX of the last segment, a ring; NULL until needed */
    uint32_t recent_next, recent_count;
    struct slice *staged; /* LOG_STAGED_MAX; NULL until needed */
    int staged_count;
    int64_t staged_position; /* in the last segment's file */
    struct producers producers;
    struct epochs epochs;
    struct log_flush *flush; /* kept for the next one */
    uint64_t jitter_seed;
    uint64_t changes; /* how often bytes that were written have gone: cut, removed, cleaned */
    bool flushing;
    bool cleaning;
    bool new_entries;   /* the directory has entries that are not durable */
    bool new_directory; /* and is such an entry itself */
    bool failed;
};

struct log_segment *log_last(const struct log *log);
/* The segment that holds `offset`, or the first. */
int32_t log_segment_at(const struct log *log, int64_t offset);
/* "<directory>/<base offset, 20 digits><suffix>" */
void log_path(const char *directory, int64_t base_offset, const char *suffix,
              char path[OS_PATH_MAX]);
void log_fail(struct log *log);
/* A segment's files, those that are there: "<base>.log<state>" and its indexes. Readers that hold
 * extents keep the bytes. */
MUST_USE int log_remove_segment_files(struct os *os, const char *directory, int64_t base_offset,
                                      const char *state);
MUST_USE int log_remove_snapshot(struct os *os, const char *directory, int64_t offset);
/* The greatest timestamp of a sealed segment, or of the last; of one without any, when its file was
 * written last. May read its time index. (LogSegment.largestTimestamp) */
MUST_USE int log_greatest_timestamp(struct log *log, struct log_segment *segment,
                                    int64_t *timestamp);

/* What files carry whose segments a cleaned one has replaced. */
#define LOG_OLD ".deleted"

struct log_removal {
    struct os *os;
    char *directory;
    int64_t *bases;     /* of segments, ascending */
    int64_t *snapshots; /* offsets of producers' snapshots that tell nothing any more */
    int32_t count, snapshot_count;
    int result;
    bool swapped; /* the segments' files are LOG_OLD */
};

/* Room for `most` segments. */
struct log_removal *log_removal_create(const struct log *log, int32_t most, bool swapped);

struct log_segment *segment_create(struct log_files *files, int64_t base_offset);
void segment_destroy(struct log_segment *segment);
MUST_USE int segment_open_log(const struct log *log, struct log_segment *segment,
                              struct os_file **file);
void segment_mark_dirty(struct log_segment *segment); /* its file must be open */
void segment_mark_clean(struct log_segment *segment);
void log_add_segment(struct log *log, struct log_segment *segment);
/* Makes an empty segment at the log's end. */
MUST_USE int log_start_segment(struct log *log, int64_t now_ms);
/* Seals the last segment and makes the next. What is staged must be written. */
MUST_USE int log_roll(struct log *log, int64_t now_ms);
/* Makes its indexes' files complete, ends its reservation. */
MUST_USE int segment_seal(struct log *log, struct log_segment *segment);
/* Header of the batch at `position`; *size is the whole batch's. -ENODATA: the segment ends there;
 * -EBADMSG: no batch. Without `cold` it waits for the disk; with it, it says -EAGAIN instead and
 * what to wait for. */
MUST_USE int segment_peek(const struct log *log, struct log_segment *segment, int64_t position,
                          struct log_cold *cold, struct batch *batch, size_t *size);
/* Position and base offset of the first batch that ends at or beyond `offset`; the end of what is
 * written and -1 if none does. */
MUST_USE int segment_find(const struct log *log, struct log_segment *segment, int64_t offset,
                          struct log_cold *cold, int64_t *position, int64_t *base_offset);
/* Takes note of a batch of the last segment: times, index, recent place. */
void segment_note_batch(struct log *log, struct log_segment *segment, const struct batch *batch,
                        int64_t position, size_t size);
/* Bytes of a file, waiting for it or not, as above. Fewer only at the file's end. */
MUST_USE int64_t log_read_bytes(struct log_file *file, struct os_file *open, void *bytes,
                                size_t size, int64_t position, struct log_cold *cold);

void index_add(struct log *log, struct log_segment *segment, int64_t last_offset, int64_t position);
void index_add_time(struct log *log, struct log_segment *segment);
bool index_is_full(const struct log *log, const struct log_segment *segment);
/* Writes what is pending. */
MUST_USE int index_save(struct log *log, struct log_segment *segment);
/* Looks how many entries the files have: those below `below` that make sense; cuts the rest off. */
MUST_USE int index_load(struct log *log, struct log_segment *segment, int64_t below);
/* Are both files there, of a sound size and not ending in zeros? (AbstractIndex.sanityCheck) */
MUST_USE int index_check(struct log *log, struct log_segment *segment);
/* Where to start looking for `offset`: 0, or the place of the last entry at or below it. */
MUST_USE int index_position(const struct log *log, struct log_segment *segment, int64_t offset,
                            struct log_cold *cold, int64_t *position);
/* Do the newest entries fit the batch that they speak of? 0, or -EBADMSG. */
MUST_USE int index_agrees(const struct log *log, struct log_segment *segment,
                          const struct offset_entry *offset, const struct time_entry *time);
/* The newest entries in the files; false: none. */
MUST_USE int index_last(struct log *log, struct log_segment *segment, struct offset_entry *offset,
                        struct time_entry *time);
/* Forgets what is pending and counts of files. */
void index_forget(struct log *log, struct log_segment *segment);

/* --- scan.c: the batches of a segment's file, one after the other ----------------------------- */

struct scan {
    struct os_file *file;
    int64_t position; /* of the next batch */
    int64_t end;      /* of the file, or of what may be read */
    uint8_t *buffer;
    size_t capacity;
    size_t filled;           /* bytes in the buffer */
    int64_t buffer_position; /* of its first byte in the file */
};

/* The file is the caller's and stays open. */
void scan_start(struct scan *scan, struct os_file *file, int64_t position, int64_t end);
void scan_end(struct scan *scan);
/* 1: a whole batch, valid until the next call, began at *position; 0: the end; -ENODATA: a batch
 * that the end cuts short; -EBADMSG: no batch (scan->position says where); -errno. */
MUST_USE int scan_next(struct scan *scan, struct batch *batch, int64_t *position);
/* Is there a batch with a right CRC and an offset of at least `least_offset` anywhere behind
 * `position`? 1, 0, or -errno. */
MUST_USE int scan_for_survivor(struct scan *scan, int64_t position, int64_t least_offset);

/* --- recover.c -------------------------------------------------------------------------------- */

/* Makes the segments of the files at `bases` (ascending), checks the batches from `point` on, cuts
 * a torn tail, rebuilds indexes and epochs; sets the log's ends. INT64_MAX: the files can be
 * trusted. */
MUST_USE int log_recover(struct log *log, const int64_t *bases, int32_t count, int64_t point,
                         struct log_recovery *recovery);
/* The same for the last segment alone, after it was cut. */
MUST_USE int log_reload_last(struct log *log, int64_t point, struct log_recovery *recovery);
/* Producer state at the log's end, from the newest snapshot and the batches behind it. */
MUST_USE int log_load_producers(struct log *log, bool clean);

#endif

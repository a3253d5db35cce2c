/*
 * clean: compaction of one log. Of all records with the same key the last one stays; tombstones and
 * control batches stay for a while; what stays keeps its offset. (LogCleaner, Cleaner; KIP-354,
 * KIP-534)
 *
 * What it never does: choose which log is worth it or remember how far it came (broker/maintain:
 * cleaner-offset-checkpoint), touch the segment that is written, hold more memory than it was
 * given.
 *
 * Threads. Three steps, as a flush: begin (owner), run (any thread, blocks for as long as it
 * takes), end (owner). Between begin and end the owner may append, write, flush, read and raise the
 * log's start; it may not truncate, segments below the start are removed only afterwards, and one
 * cleaning of a log is under way. Readers that hold extents of the old segments keep their bytes.
 *
 * Crash safety is Kafka's: new files are written as ".cleaned", flushed, renamed to ".swap" once
 * all are whole, then to their names when the old ones have gone; log_open throws away the first
 * and completes the second. (LogSegment, LogLoader)
 */
#ifndef GREGOR_LOG_CLEAN_H
#define GREGOR_LOG_CLEAN_H

#include "log/log.h"

/* What there is to clean in a log. (LogToClean) */
struct log_dirt {
    int64_t first_dirty; /* where cleaning would begin: never below the log's start */
    int64_t limit;       /* and end: base offset of the first segment that must be left alone */
    int64_t clean_bytes; /* below first_dirty */
    int64_t dirty_bytes; /* from there to the limit */
    int64_t oldest_ms;   /* greatest timestamp of the first dirty segment's first batch; -1: none */
};

/* How far cleaning may go: not into the segment that is written, not to or beyond `bound` (the high
 * watermark, later the last stable offset), not into segments younger than min.compaction.lag.ms. A
 * checkpoint outside the log is set right (LogCleanerManager.cleanableOffsets). May read a batch's
 * header per segment the first time. -EIO and the like. */
MUST_USE int log_clean_look(struct log *log, int64_t first_dirty, int64_t bound, int64_t min_lag_ms,
                            int64_t now_ms, struct log_dirt *dirt);

struct log_clean_options {
    int64_t first_dirty, limit;  /* of log_clean_look */
    int64_t delete_retention_ms; /* tombstones and markers stay so long after they are first seen */
    int64_t now_ms;
    size_t map_bytes;         /* for the keys' hashes: log.cleaner.dedupe.buffer.size */
    double map_load;          /* how full it may become: log.cleaner.io.buffer.load.factor */
    size_t batch_bytes_max;   /* of one batch, however compressed */
    int64_t bytes_per_second; /* read and written; INT64_MAX: no bound */
};

/* What a cleaning did, for one log line and the metrics. (CleanerStats) */
struct log_cleaned {
    int64_t end_offset; /* the new first dirty offset: where the map was full, or the limit */
    int64_t bytes_read, bytes_written;
    int64_t records_read, records_kept;
    int64_t invalid_records; /* without a key: dropped */
    int32_t segments_before, segments_after;
};

struct log_clean;
/* -EIO: the log has failed. */
MUST_USE int log_clean_begin(struct log *log, const struct log_clean_options *options,
                             struct log_clean **begun);
void log_clean_run(struct log_clean *clean); /* any thread */
/* Makes a running one end soon, with nothing changed. Any thread. */
void log_clean_stop(struct log_clean *clean);
/* Swaps the files, by renaming, and frees the cleaning. 0, and then *removal (or NULL) is what a
 * worker shall remove; -ECANCELED: stopped; -ENOSPC; -EBADMSG: damaged bytes; -EMSGSIZE: a batch
 * larger than it may be, or too many transactions that were aborted. After these and other errors
 * of reading and writing nothing was changed, unless log_has_failed. */
MUST_USE int log_clean_end(struct log *log, struct log_clean *clean, struct log_cleaned *cleaned,
                           struct log_removal **removal);

#endif

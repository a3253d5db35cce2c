/*
 * scrub: reads what is on disk again and says whether it is still what was written: every batch's
 * CRC, its place in the order of offsets and epochs, the index entries that speak of it. Bit rot,
 * misdirected and lost writes show here before a consumer meets them. (reliability: S6, S8, S15)
 *
 * What it never does: repair, cut, choose its own pace (broker/maintain).
 *
 * Threads: begin (owner), run (any thread, blocks), end (owner), as a flush.
 */
#ifndef GREGOR_LOG_SCRUB_H
#define GREGOR_LOG_SCRUB_H

#include "log/log.h"

struct log_scrub;

struct log_scrubbed {
    int64_t next_offset;   /* where the next piece begins, behind damage the first place that is
                            * known to begin a batch; the log's flushed end: all was seen */
    int64_t bytes;         /* read */
    int64_t damage_offset; /* base offset that the damaged batch should have; -1: all is well */
    int64_t damage_end;    /* first offset behind it that is known to be sound */
    int64_t damage_position;
    int64_t damage_segment; /* base offset of the segment */
    const char *damage;     /* static text: what is wrong with it; NULL */
};

/* At least one batch, then at most `max_bytes`, from the batch that holds `offset` on; never beyond
 * what is flushed. NULL: nothing there. */
struct log_scrub *log_scrub_begin(struct log *log, int64_t offset, size_t max_bytes);
void log_scrub_run(struct log_scrub *scrub); /* any thread */
/* Frees it. -EIO: the disk could not be read (damage_offset says where); other errors (-EMFILE and
 * the like) say nothing of the log. What was cut or cleaned meanwhile is not told as damage:
 * next_offset is where the piece began. */
MUST_USE int log_scrub_end(struct log *log, struct log_scrub *scrub, struct log_scrubbed *scrubbed);

#endif

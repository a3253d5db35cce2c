/* What the files of the cleaner share: where each key's last record is, what stays of a batch, and
 * the segment that what stays is written to. */
#ifndef GREGOR_LOG_CLEAN_PRIVATE_H
#define GREGOR_LOG_CLEAN_PRIVATE_H

#include "base/siphash.h"
#include "log/clean.h"
#include "log/log_private.h"

/* --- keys (clean_keys.c) ---------------------------------------------------------------------- */

/* 128 bits stand for a key, so that memory does not depend on how long keys are. */
struct clean_slot {
    struct siphash_tag tag;
    int64_t place; /* offset + 1; 0: free */
};

struct clean_keys {
    struct clean_slot *slots;
    size_t slot_count;
    size_t count, max;
    struct siphash_key secret;
    int64_t latest_offset; /* what was looked at ends here; -1: nothing was */
};

/* Memory for at most `keys` of them, and at most `bytes`. */
void clean_keys_init(struct clean_keys *keys, size_t bytes, double load, int64_t most,
                     const struct siphash_key *secret);
void clean_keys_deinit(struct clean_keys *keys);
bool clean_keys_is_full(const struct clean_keys *keys);
/* What stands for a key; some time later its place is in the processor's cache. */
struct siphash_tag clean_keys_tag(const struct clean_keys *keys, struct slice key);
/* Offsets come in ascending order: the last one counts. Must not be full. */
void clean_keys_put(struct clean_keys *keys, const struct siphash_tag *tag, int64_t offset);
/* -1: not there. */
int64_t clean_keys_get(const struct clean_keys *keys, const struct siphash_tag *tag);

/* --- transactions (clean_transactions.c) ------------------------------------------------------ */

/* An entry of a .txnindex (AbortedTxn.java). */
struct clean_aborted {
    int64_t producer_id;
    int64_t first_offset, last_offset;
    int64_t last_stable_offset;
};

enum {
    CLEAN_ABORTED_SIZE = 34,     /* bytes of an entry in the file */
    CLEAN_ABORTED_MAX = 1 << 22, /* of one log: 128 MiB of memory */
};

/* What transactions are open at the place of a walk. (CleanedTransactionMetadata) */
struct clean_transactions {
    struct clean_aborted *aborted; /* ascending by first offset */
    size_t aborted_count, aborted_capacity;
    size_t next;                /* the first that the walk has not come to */
    struct map open;            /* struct clean_transaction by producer id */
    struct clean_aborted *kept; /* ended in this segment; its .txnindex */
    size_t kept_count, kept_capacity;
};

void clean_transactions_init(struct clean_transactions *transactions);
void clean_transactions_deinit(struct clean_transactions *transactions);
/* Adds what a segment's .txnindex has; one that is not there has nothing. -EMSGSIZE: more than
 * CLEAN_ABORTED_MAX in all. */
MUST_USE int clean_transactions_load(struct clean_transactions *transactions, struct os *os,
                                     const char *directory, int64_t base_offset);
/* The walk begins anew. */
void clean_transactions_restart(struct clean_transactions *transactions);
/* Takes note of the next batch: may its records go, because their transaction was aborted, or, of
 * a marker, because nothing of its transaction is left? -EBADMSG: a marker that is none. */
MUST_USE int clean_transactions_note(struct clean_transactions *transactions,
                                     const struct batch *batch, bool *may_go);

/* --- batches (clean_batches.c) ---------------------------------------------------------------- */

/* A producer whose last batch must stay: the log's, copied. */
struct clean_producer {
    int64_t id;
    int64_t last_offset; /* of its newest data; -1: only markers are known */
    int16_t epoch;
};

struct clean_filter {
    const struct clean_keys *keys;
    const struct clean_producer *producers; /* ascending by id */
    size_t producer_count;
    struct clean_transactions *transactions;
    int64_t now_ms, delete_retention_ms;
    /* of one batch */
    struct writer scratch; /* decompressed */
    struct writer records; /* those that stay */
    struct writer rebased; /* the same, with other timestamps' base */
    struct log_cleaned *cleaned;
};

/* Puts into the map the keys of the records at and beyond `first_dirty`. `scratch` is for what is
 * decompressed, and bounds it. */
MUST_USE int clean_collect(struct clean_keys *keys, struct clean_transactions *transactions,
                           const struct batch *batch, int64_t first_dirty, struct writer *scratch,
                           bool *full);
/* Appends to `output` what stays of a batch; *kept is its header, with bytes that lie in `output`.
 * `last`: at least its header stays, so that the end of what was cleaned is known. 1: something
 * stays; 0: nothing. */
MUST_USE int clean_batch(struct clean_filter *filter, const struct batch *batch, bool last,
                         struct writer *output, struct batch *kept);

/* --- segments (clean_segment.c) --------------------------------------------------------------- */

/* The new segment, in "<base>.log.cleaned" and the indexes beside it. */
struct clean_segment {
    struct os *os;
    const char *directory;
    int64_t base_offset;
    int64_t index_interval_bytes;
    struct os_file *file;
    struct writer bytes;          /* not yet in the file */
    struct writer offsets, times; /* the indexes */
    int64_t written;              /* bytes in the file */
    int64_t bytes_since_index;
    int64_t first_timestamp;
    int64_t max_timestamp, max_timestamp_offset;
    int64_t last_time; /* of the newest time entry */
    int64_t next_offset;
};

MUST_USE int clean_segment_open(struct clean_segment *segment, struct os *os, const char *directory,
                                int64_t base_offset, int64_t index_interval_bytes);
/* A batch whose bytes are the last `size` in segment->bytes. */
MUST_USE int clean_segment_add(struct clean_segment *segment, const struct batch *batch,
                               size_t size);
/* Writes what is left and the indexes, durably. */
MUST_USE int clean_segment_finish(struct clean_segment *segment,
                                  const struct clean_transactions *transactions);
void clean_segment_close(struct clean_segment *segment);

/* --- changing places (swap.c) ----------------------------------------------------------------- */

/* ".cleaned" becomes ".swap", durably: from here on a crash ends with the new segment. Any
 * thread. */
MUST_USE int swap_prepare(struct os *os, const char *directory, int64_t base_offset);
/* The old segments at `bases` go out of the way (LOG_OLD), the new one takes the first's name. */
MUST_USE int swap_finish(struct os *os, const char *directory, const int64_t *bases, int32_t count);
/* Removes what a cleaning had made that comes to nothing. Any thread. */
void swap_abandon(struct os *os, const char *directory, int64_t base_offset);
/* What a crash left of all this, before a log is opened: nothing half done remains. */
MUST_USE int swap_recover(struct os *os, const char *directory);

#endif

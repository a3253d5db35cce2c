/*
 * fetch: one Fetch request under way. fetch.c makes it from the request and answers it;
 * fetch_read.c reads its partitions and waits for what they do not have yet. Private to api/.
 *
 * Partitions are read in their order, each within what the ones before have left of max_bytes
 * (KIP-74). If that is less than min_bytes, each is watched from its end on; when enough has come,
 * or the time is over, the watches are cancelled. What they found is answered if nothing else had
 * been found before; else all is read once more.
 */
#ifndef GREGOR_API_FETCH_H
#define GREGOR_API_FETCH_H

#include "api/state.h"

enum { FETCH_READS_MAX = 1 << 20 }; /* of one shard; who wants more is disconnected */

/* One partition's call and the extent that came of it. It outlives its fetch, and the request's
 * memory: the extent is given back when it is sent. */
struct fetch_read {
    struct call call;
    struct shard *shard;
    struct fetch *fetch;
    struct fetch_partition *partition;
};

struct fetch_partition {
    struct fetch_target target;
    struct uuid topic_id;    /* that the target means */
    struct fetch_read *read; /* under way, or holding `bytes`; NULL: neither */
    bool under_way;
    bool refused; /* not to be read: the error came before */
    enum kafka_error error;
    size_t reserved; /* of max_bytes, while it is read */
    size_t bytes;
    int64_t high_watermark, last_stable_offset, log_start_offset;
    int32_t diverging_epoch;
    int64_t diverging_end_offset;
};

enum fetch_state {
    FETCH_READING,
    FETCH_WAITING, /* watches are under way, or being started */
    FETCH_WAKING,  /* they are being cancelled */
};

struct fetch {
    struct list_link link; /* in the api's waiting */
    struct api_request *request;
    struct fetch_partition *partitions;
    int32_t count;
    bool read_committed;
    size_t max_bytes, min_bytes;
    int64_t wait_ns;
    /* session */
    int32_t session_id;    /* that the answer tells */
    int32_t session_epoch; /* that it expects while we read; incremental ones */
    bool incremental;
    bool wants_session;
    /* reading */
    enum fetch_state state;
    int32_t next; /* partition to be started */
    int32_t under_way;
    size_t left;  /* of max_bytes, not reserved */
    size_t bytes; /* found */
    bool failed;  /* a partition has something to say that is no data */
    bool woken;
    bool stale; /* found more than is held: read again */
    bool last;  /* answer whatever this reading finds */
    bool stepping;
    struct shard_timer timer;
};

/* Reads until there is something to be answered, then calls fetch_answer. */
void fetch_start(struct fetch *fetch);
/* What was read is not answered after all. */
void fetch_partition_drop(struct fetch *fetch, struct fetch_partition *partition);
/* Hands a partition's bytes over to the reply. */
struct net_extent fetch_partition_extent(struct fetch *fetch, struct fetch_partition *partition);

/* Answers the request. (fetch.c) */
void fetch_answer(struct fetch *fetch);

#endif

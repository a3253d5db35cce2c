/*
 * fetch_session: what a consumer fetches again and again, remembered, so that its requests name
 * only what changed and our answers only what is new. (KIP-227; FetchManager, FetchSession)
 *
 * What it never does: read a clock, read a log. Times come in; the answers' facts come in.
 *
 * Bounded by slots and by partitions of all sessions together. When full, a session that was not
 * used for two minutes makes room, or one older than that with fewer partitions than the new one;
 * else the client gets none, and sends whole requests. A session belongs to the shard that made it:
 * a client that comes back through another one is told so and begins anew.
 */
#ifndef GREGOR_API_FETCH_SESSION_H
#define GREGOR_API_FETCH_SESSION_H

#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"
#include "base/uuid.h"
#include "wire/errors.h"

enum {
    FETCH_SESSION_NONE = 0,  /* the id of no session */
    FETCH_EPOCH_INITIAL = 0, /* a whole request that wants a session */
    FETCH_EPOCH_FINAL = -1,  /* a whole request that wants none */
    FETCH_SESSION_EVICTION_MS =
        120000, /* ServerConfigs.MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS */
    FETCH_SESSION_PARTITIONS_MAX = 1 << 20, /* of one shard's sessions together */
};

/* What is fetched of one partition; names are there below version 13 or once the id was known. */
struct fetch_target {
    struct slice topic;
    struct uuid topic_id; /* zero below version 13 */
    int32_t partition;
    int32_t current_leader_epoch;
    int32_t last_fetched_epoch;
    int32_t max_bytes;
    int64_t offset;
};

struct fetch_session_partition {
    struct list_link link;
    struct fetch_target target; /* the topic's name lies behind the struct */
    int64_t high_watermark;     /* last told; -1: tell again */
    int64_t log_start_offset;
    size_t key_size;
    uint8_t bytes[]; /* the key, then the name */
};

struct fetch_session {
    struct list_link link; /* by last use */
    int32_t id;
    int32_t epoch; /* that the next request must have */
    bool uses_topic_ids;
    int64_t created_ns;
    int64_t used_ns;
    struct map partitions;
    struct list order; /* to be read in; who had data goes to the end */
};

struct fetch_sessions {
    struct map by_id;
    struct list by_use; /* least recently used first */
    struct prng random;
    int32_t slots;
    size_t partition_count;
};

void fetch_sessions_init(struct fetch_sessions *sessions, uint64_t seed, int32_t slots);
void fetch_sessions_deinit(struct fetch_sessions *sessions);

/* NULL: there is none (any more). */
struct fetch_session *fetch_sessions_find(const struct fetch_sessions *sessions, int32_t id);
void fetch_sessions_close(struct fetch_sessions *sessions, struct fetch_session *session);

/* The session that an incremental request speaks of. It is used now and expects the next epoch.
 * FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR. */
enum kafka_error fetch_sessions_use(struct fetch_sessions *sessions, int32_t id, int32_t epoch,
                                    bool uses_topic_ids, int64_t now_ns,
                                    struct fetch_session **used);

/* An empty session that will get `partitions`; NULL: no room for it. */
struct fetch_session *fetch_sessions_create(struct fetch_sessions *sessions, int32_t partitions,
                                            bool uses_topic_ids, int64_t now_ns);

/* Adds, or changes what is fetched. False: no room for one more, or no topic can have that name. */
bool fetch_session_put(struct fetch_sessions *sessions, struct fetch_session *session,
                       const struct fetch_target *target);
void fetch_session_forget(struct fetch_sessions *sessions, struct fetch_session *session,
                          const struct fetch_target *target);
/* NULL: not in it. */
struct fetch_session_partition *fetch_session_find(const struct fetch_session *session,
                                                   const struct fetch_target *target);
/* In the order of reading: NULL starts, NULL ends. */
struct fetch_session_partition *fetch_session_next(const struct fetch_session *session,
                                                   const struct fetch_session_partition *after);

/* What is about to be answered for a partition. */
struct fetch_session_facts {
    enum kafka_error error;
    bool diverges;
    size_t record_bytes;
    int64_t high_watermark;
    int64_t log_start_offset;
};
/* Must the client be told, or does it know already? */
bool fetch_session_has_news(const struct fetch_session_partition *partition,
                            const struct fetch_session_facts *facts);
/* The same, and remembers what it is told. (CachedPartition.maybeUpdateResponseData) */
bool fetch_session_tell(struct fetch_session *session, struct fetch_session_partition *partition,
                        const struct fetch_session_facts *facts);

#endif

/*
 * peer: a blocking connection to a broker, for what a load does before and after it measures:
 * versions, topics, offsets. Also how requests become frames, which the measured part uses too.
 *
 * What it never does: retry, or follow a leader elsewhere. A bench has one broker.
 * Functions return 0, -errno, or -EPROTO when the broker answered with an error of Kafka's, which
 * `error` of the peer then holds.
 */
#ifndef GREGOR_BENCH_PEER_H
#define GREGOR_BENCH_PEER_H

#include "base/arena.h"
#include "base/uuid.h"
#include "base/writer.h"
#include "wire/apis.h"
#include "wire/codec.h"

enum { PEER_APIS_MAX = 128, PEER_FRAME_MAX = 128 << 20 };

struct peer {
    int fd;
    int16_t error; /* the last error code that the broker answered with */
    int32_t correlation_id;
    struct writer out;
    struct writer in;
    struct arena arena;                 /* what the last call decoded */
    int16_t version_max[PEER_APIS_MAX]; /* -1: not offered */
};

/* "127.0.0.1:9092"; -1, or a socket that is connected and does not delay small frames. */
MUST_USE int peer_connect(const char *address);

MUST_USE int peer_open(struct peer *peer, const char *address);
void peer_close(struct peer *peer);

/* The greatest version both sides know; -1: there is none. */
int16_t peer_version(const struct peer *peer, enum api_key key);

/* Appends a whole frame. A `records` field that is a hole (see wire_holes) is left out, its bytes
 * are counted in the frame's length, and its place goes to *hole (0: none). */
MUST_USE int peer_encode(struct writer *writer, enum api_key key, int16_t version,
                         int32_t correlation_id, const void *request, size_t *hole);

/* A frame without its length. */
MUST_USE int peer_decode(struct slice frame, enum api_key key, int16_t version, struct arena *arena,
                         int32_t *correlation_id, void *response);

/* `settings` is "name=value,…" or NULL. A topic that exists already is no error. */
MUST_USE int peer_create_topic(struct peer *peer, const char *topic, int32_t partitions,
                               const char *settings);
MUST_USE int peer_delete_topic(struct peer *peer, const char *topic);
/* Waits up to ten seconds for every partition to be served; their count goes to *partitions. */
MUST_USE int peer_find_topic(struct peer *peer, const char *topic, struct uuid *id,
                             int32_t *partitions);
/* The partition's end offset. */
MUST_USE int peer_end_offset(struct peer *peer, const char *topic, int32_t partition, int64_t *end);

#endif

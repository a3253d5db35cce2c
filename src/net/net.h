/*
 * net: connections of one shard. Frames come in as slices of reference-counted buffers, replies go
 * out in the order of their requests as memory slices and file extents. Many requests of one
 * connection may be in flight; memory is admitted before a frame is read.
 *
 * What it never does: look into a frame, read a clock of its own (now comes from os), share
 * anything with another shard, grow beyond the limits it was created with.
 *
 * Ownership. An exchange is one request and its reply. From on_request until exactly one of
 * net_exchange_reply, _skip or _close it belongs to the handler, even when its connection dies
 * meanwhile (the reply is then dropped). The frame's slice is valid for that time. Afterwards it is
 * net's again.
 *
 * Sending is gathered: replies completed during a turn go out at net_flush(), one send for each
 * connection. (nginx's chains of memory and file parts; h2o's sendvec)
 */
#ifndef GREGOR_NET_NET_H
#define GREGOR_NET_NET_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/writer.h"
#include "os/os.h"

struct net;
struct net_connection;

struct net_limits {
    int32_t frame_size_max;    /* socket.request.max.bytes */
    int64_t request_bytes_max; /* of all frames being read or handled; reading stops at it */
    int32_t in_flight_max;     /* exchanges of one connection; reading stops at it */
    int64_t unsent_bytes_max;  /* memory replies waiting in one connection; reading stops at it */
    int64_t idle_ms;           /* connections.max.idle.ms; -1: never */
    int64_t stalled_ms;        /* a peer that takes no byte of a waiting reply is evicted */
    size_t arena_bytes_max;    /* of one exchange */
    size_t reply_bytes_max;    /* memory of one reply */
};

/* A part of a reply that is sent from a file. `release` is called exactly once: when the bytes are
 * sent, or will never be. */
struct net_extent {
    struct os_file *file;
    int64_t position;
    size_t size;
    void (*release)(void *context);
    void *context;
};

struct net_exchange {
    struct slice frame;  /* the request without its length prefix */
    struct arena arena;  /* for whatever lives as long as the exchange; zeroed on reuse */
    struct writer reply; /* the reply without its length prefix: net adds that */
    struct net_connection *connection; /* NULL once it has died */
    void *user;                        /* the handler's */
    int64_t received_ns;               /* when the frame was complete */
};

struct net_handler {
    /* Shall it be let in? Answered by net_connection_admit or _refuse, now or later; until then
     * nothing of it is read and its listener takes no other. NULL: all are. */
    void (*on_accept)(void *context, struct net_connection *connection);
    void (*on_request)(void *context, struct net_exchange *exchange);
    /* Both may be NULL. on_close comes for those that were not let in, too. */
    void (*on_open)(void *context, struct net_connection *connection);
    void (*on_close)(void *context, struct net_connection *connection);
    void *context;
};

MUST_USE int net_create(struct os *os, const struct net_limits *limits,
                        const struct net_handler *handler, struct net **created);

/* Closes everything. Exchanges still with the handler must be given back before. */
struct net *net_destroy(struct net *net);

/* Accept connections at an address; `tag` is what net_connection_tag() tells of each of them (the
 * number of the listener). */
MUST_USE int net_listen(struct net *net, const struct os_address *address,
                        const struct os_listen_options *options, int tag, uint16_t *port);
void net_stop_listening(struct net *net);

/* Bytes from a file in the middle of the reply: after the first `position` bytes of
 * exchange->reply. Extents are inserted in ascending position. Takes `extent` over. */
void net_exchange_insert(struct net_exchange *exchange, size_t position,
                         const struct net_extent *extent);

/* Send exchange->reply with what was inserted, when its turn has come. */
void net_exchange_reply(struct net_exchange *exchange);
/* No reply at all (acks=0): the next one's turn. */
void net_exchange_skip(struct net_exchange *exchange);
/* Close the connection once the replies before this one are sent: what Kafka does with requests it
 * cannot parse. */
void net_exchange_close(struct net_exchange *exchange);

/* Sends what is ready, takes in more where limits allow again. Call once at the end of a turn. */
void net_flush(struct net *net);

/* Hands out frames that limits or pauses held back, evicts idle and stalled connections. Call once
 * in a turn, before net_flush, and let no turn sleep beyond net_deadline_ns() (INT64_MAX: nothing
 * to wake for). */
void net_tick(struct net *net);
int64_t net_deadline_ns(const struct net *net);

void net_connection_admit(struct net_connection *connection);
/* Close it at monotonic `at_ns` (the past: at once), and read nothing before. */
void net_connection_refuse(struct net_connection *connection, int64_t at_ns);
/* Closes the one that was let in and has been quiet longest, except by the listener `spared` (-1:
 * none is) and, unless `busy` ones may go, except those that wait for an answer. False: there is
 * none. */
bool net_evict_quietest(struct net *net, int spared, bool busy);
bool net_connection_is_admitted(const struct net_connection *connection);

/* Quotas (KIP-219). Nothing more is handed out from a connection that is held; the holder ends it
 * by net_connection_mute: nothing is until monotonic `until_ns`, which may be past. It can still
 * be evicted, and die. */
void net_connection_hold(struct net_connection *connection);
void net_connection_mute(struct net_connection *connection, int64_t until_ns);

int net_connection_tag(const struct net_connection *connection);
const char *net_connection_peer(const struct net_connection *connection); /* "127.0.0.1:5012" */
struct slice net_connection_ip(const struct net_connection *connection);  /* "127.0.0.1" */
uint64_t net_connection_id(const struct net_connection *connection);      /* never used twice */
void net_connection_set_user(struct net_connection *connection, void *user);
void *net_connection_user(const struct net_connection *connection);

struct net_counters {
    int64_t connections;                                   /* open now */
    int64_t accepted, refused, closed_by_error;            /* since creation */
    int64_t evicted_idle, evicted_stalled, evicted_excess; /* likewise */
    int64_t request_bytes;                                 /* admitted now */
    int64_t received_bytes, sent_bytes, requests, replies;
};
struct net_counters net_counters(const struct net *net);

#endif

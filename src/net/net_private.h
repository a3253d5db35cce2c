/* What the files of net/ share: a connection, its buffers and the line of its exchanges. */
#ifndef GREGOR_NET_NET_PRIVATE_H
#define GREGOR_NET_NET_PRIVATE_H

#include "base/heap.h"
#include "net/net.h"
#include "net/split.h"

enum {
    NET_LISTENERS_MAX = 16,
    NET_EXTENTS_INLINE = 4,
    NET_EXCHANGES_IDLE_MAX = 1024,   /* kept for reuse */
    NET_REPLY_KEPT_MAX = 64 << 10,   /* bytes of a reply's memory that an idle exchange keeps */
    NET_BUFFERS_IDLE_MAX = 64 << 20, /* bytes that the pool keeps unused */
    NET_READS_PER_TURN = 8,          /* of one connection, so that it cannot starve the others */
};

enum net_state { NET_WAITING, NET_REPLIED, NET_SKIPPED, NET_CLOSING };

/* An exchange as net sees it: the public part first. */
struct net_slot {
    struct net_exchange public;
    struct net *net;
    struct list_link link; /* in the connection's line, or in the pool */
    struct buffer *buffer; /* one reference, for the frame */
    size_t admitted;       /* bytes taken from request_bytes_max */
    struct net_extent inline_extents[NET_EXTENTS_INLINE];
    size_t inline_positions[NET_EXTENTS_INLINE];
    struct net_extent *extents;
    size_t *positions; /* where each goes, in the reply's bytes */
    size_t extent_count, extent_capacity;
    size_t sent_extents;
    size_t sent_of_extent;
    size_t sent; /* of prefix + reply, in bytes */
    uint8_t prefix[4];
    enum net_state state;
};

struct net_listener {
    struct net *net;
    struct os_socket *socket;
    int tag;
    bool accepting; /* inside on_acceptable */
    bool asking;    /* whether its last connection may come in: it takes no other meanwhile */
};

enum net_admission { NET_ASKED, NET_ADMITTED, NET_REFUSED };

struct net_connection {
    struct net *net;
    struct net_listener *listener;
    struct os_socket *socket;
    void *user;
    struct splitter splitter;
    struct list line;           /* exchanges in the order of their requests */
    struct list_link link;      /* all connections, by last activity, oldest first */
    struct list_link send_link; /* those with something to send at the next flush */
    struct list_link read_link; /* those with whole frames that were held back */
    struct heap_node muted;     /* until when nothing is handed out; in no heap: it is not */
    int64_t active_ns;          /* last byte received or request answered */
    int64_t stalled_ns; /* since when the peer has taken nothing of what waits; 0: it does */
    uint64_t id;
    size_t unsent_bytes;
    int32_t in_flight;
    unsigned watching;
    enum net_admission admission;
    bool held;        /* nothing is handed out until net_connection_mute */
    bool receiving;   /* inside connection_read */
    bool peer_closed; /* end of stream seen: close when the line is empty */
    bool dying;       /* closed: freed when its exchanges are gone */
    size_t ip_size;   /* of the address in `peer` */
    char peer[OS_ADDRESS_TEXT_MAX + 8];
};

struct net {
    struct os *os;
    struct buffer_pool *buffers;
    struct net_limits limits;
    struct net_handler handler;
    struct net_listener listeners[NET_LISTENERS_MAX];
    int listener_count;
    struct list connections;
    struct list to_send;
    struct list to_read;
    struct list idle_slots;
    struct heap muted;
    int32_t idle_slot_count;
    int32_t stalled_count;
    uint64_t next_id;
    int64_t tick_ns; /* when to look for idle and stalled ones again */
    bool starved;    /* somebody stopped reading for want of request_bytes_max */
    struct net_counters counters;
};

/* slot.c */
struct net_slot *slot_take(struct net *net, struct net_connection *connection,
                           struct buffer *buffer, struct slice frame);
void slot_free(struct net_slot *slot);
size_t slot_size(const struct net_slot *slot); /* bytes of prefix, reply and extents */

/* send.c */
void connection_queue_send(struct net_connection *connection);
void connection_send(struct net_connection *connection);

/* connection.c */
void connection_create(struct net_listener *listener, struct os_socket *socket);
void connection_read(struct net_connection *connection);
void connection_close(struct net_connection *connection);
void connection_rewatch(struct net_connection *connection);
void connection_end_mute(struct net_connection *connection); /* its time has come */

/* net.c */
void listener_resume(struct net_listener *listener); /* its last connection is decided about */

#endif

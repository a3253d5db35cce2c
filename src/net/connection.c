/* Connections: born by accept, fed by the socket, ended by either side or by a limit. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "net/net_private.h"

static void on_ready(void *context, unsigned what);

void connection_create(struct net_listener *listener, struct os_socket *socket)
{
    struct net *net = listener->net;
    char text[OS_ADDRESS_TEXT_MAX];
    uint16_t port;
    os_socket_address(socket, true, text, &port);
    struct net_connection *connection = memory_alloc_zero(sizeof(*connection));
    connection->net = net;
    connection->listener = listener;
    connection->socket = socket;
    connection->id = ++net->next_id;
    connection->active_ns = os_monotonic_ns(net->os);
    connection->ip_size = strlen(text);
    snprintf(connection->peer, sizeof(connection->peer), "%s:%u", text, (unsigned)port);
    list_init(&connection->line);
    list_push_back(&net->connections, &connection->link);
    net->counters.connections++;
    net->counters.accepted++;
    if (net->handler.on_accept != NULL)
        net->handler.on_accept(net->handler.context, connection);
    else
        net_connection_admit(connection);
}

static void end_asking(struct net_connection *connection, enum net_admission answer)
{
    ASSERT(connection->admission == NET_ASKED);
    connection->admission = answer;
    listener_resume(connection->listener);
}

void net_connection_admit(struct net_connection *connection)
{
    struct net *net = connection->net;
    end_asking(connection, NET_ADMITTED);
    if (net->handler.on_open != NULL) net->handler.on_open(net->handler.context, connection);
    connection_rewatch(connection);
}

void net_connection_refuse(struct net_connection *connection, int64_t at_ns)
{
    struct net *net = connection->net;
    end_asking(connection, NET_REFUSED);
    net->counters.refused++;
    if (at_ns <= os_monotonic_ns(net->os))
        connection_close(connection);
    else
        heap_put(&net->muted, &connection->muted, at_ns);
}

bool net_connection_is_admitted(const struct net_connection *connection)
{
    return connection->admission == NET_ADMITTED;
}

/* Frees it once the handler has given back its exchanges: until then only they can reach it. */
void connection_close(struct net_connection *connection)
{
    struct net *net = connection->net;
    ASSERT(!connection->dying);
    connection->dying = true;
    if (net->handler.on_close != NULL) net->handler.on_close(net->handler.context, connection);
    if (connection->admission == NET_ASKED) listener_resume(connection->listener);
    heap_remove(&net->muted, &connection->muted);
    connection->socket = os_socket_close(connection->socket);
    if (connection->stalled_ns != 0) net->stalled_count--;
    struct list_link *link;
    while ((link = list_pop_front(&connection->line)) != NULL) {
        struct net_slot *slot = CONTAINER_OF(link, struct net_slot, link);
        slot->public.connection = NULL;
        if (slot->state != NET_WAITING) slot_free(slot);
    }
    splitter_deinit(&connection->splitter);
    list_remove(&connection->link);
    if (list_is_linked(&connection->send_link)) list_remove(&connection->send_link);
    if (list_is_linked(&connection->read_link)) list_remove(&connection->read_link);
    net->counters.connections--;
    if (!connection->receiving) memory_free(connection);
}

/* May another frame be handed out from it now? */
static bool may_take(const struct net_connection *connection)
{
    const struct net *net = connection->net;
    if (connection->admission != NET_ADMITTED) return false;
    if (connection->held || heap_contains(&connection->muted)) return false;
    if (connection->in_flight >= net->limits.in_flight_max) return false;
    if ((int64_t)connection->unsent_bytes >= net->limits.unsent_bytes_max) return false;
    return true;
}

static bool may_read(const struct net_connection *connection)
{
    return !connection->peer_closed && may_take(connection);
}

/* Is there memory for what it would bring? One request always finds room, however large, when no
 * other is being handled: else a frame above the limit could never be served. */
static bool is_admitted(const struct net_connection *connection)
{
    const struct net *net = connection->net;
    if (net->counters.request_bytes == 0) return true;
    int64_t pending = (int64_t)splitter_pending(&connection->splitter);
    return net->counters.request_bytes + pending <= net->limits.request_bytes_max;
}

static void connection_queue_read(struct net_connection *connection)
{
    if (!list_is_linked(&connection->read_link))
        list_push_back(&connection->net->to_read, &connection->read_link);
}

void connection_rewatch(struct net_connection *connection)
{
    struct net *net = connection->net;
    unsigned want = 0;
    if (may_take(connection)) {
        if (!is_admitted(connection))
            net->starved = true;
        else if (splitter_has_frame(&connection->splitter))
            /* the socket may stay silent: nobody else would ask */
            connection_queue_read(connection);
        else if (!connection->peer_closed)
            want |= OS_READABLE;
    }
    if (connection->stalled_ns != 0) want |= OS_WRITABLE;
    if (want == connection->watching && connection->watching != 0) return;
    connection->watching = want;
    os_socket_watch(connection->socket, want, on_ready, connection);
}

/* Hands out the whole frames that are there. False: the connection is gone. */
static bool take_frames(struct net_connection *connection)
{
    struct net *net = connection->net;
    while (may_take(connection) && is_admitted(connection)) {
        struct slice frame;
        struct buffer *buffer;
        int r = splitter_take(&connection->splitter, net->limits.frame_size_max, &frame, &buffer);
        if (r == 0) return true;
        if (r < 0) {
            net->counters.closed_by_error++;
            connection_close(connection);
            return false;
        }
        struct net_slot *slot = slot_take(net, connection, buffer, frame);
        net->handler.on_request(net->handler.context, &slot->public);
        if (connection->dying) return false;
    }
    return true;
}

/* One receive. 1: there may be more; 0: not now; -1: the connection is gone. */
static int receive_once(struct net_connection *connection)
{
    struct net *net = connection->net;
    uint8_t *room;
    size_t size;
    int64_t got = splitter_room(&connection->splitter, net->buffers, net->limits.frame_size_max,
                                &room, &size);
    if (got == 0) got = os_socket_receive(connection->socket, room, size);
    if (got == -EAGAIN || got == 0) {
        int r = take_frames(connection) ? 0 : -1; /* lets an empty buffer go */
        if (r < 0 || got == -EAGAIN) return r;
        connection->peer_closed = true;
        connection_queue_send(connection); /* closes it when the line is empty */
        return 0;
    }
    if (got < 0) {
        net->counters.closed_by_error++;
        connection_close(connection);
        return -1;
    }
    splitter_filled(&connection->splitter, (size_t)got);
    net->counters.received_bytes += got;
    return take_frames(connection) ? (size_t)got == size : -1;
}

void connection_read(struct net_connection *connection)
{
    struct net *net = connection->net;
    connection->active_ns = os_turn_ns(net->os);
    list_remove(&connection->link); /* they are ordered by last activity */
    list_push_back(&net->connections, &connection->link);
    connection->receiving = true;
    int more = take_frames(connection) ? 1 : -1;
    for (int i = 0; i < NET_READS_PER_TURN && more == 1; i++) {
        if (!may_read(connection) || !is_admitted(connection)) break;
        more = receive_once(connection);
    }
    connection->receiving = false;
    if (more < 0)
        memory_free(connection);
    else
        connection_rewatch(connection);
}

static void on_ready(void *context, unsigned what)
{
    struct net_connection *connection = context;
    if (what & OS_FAILED) {
        connection_close(connection);
        return;
    }
    if (what & OS_WRITABLE) connection_queue_send(connection);
    if (what & OS_READABLE) connection_read(connection);
}

void net_connection_hold(struct net_connection *connection)
{
    ASSERT(!connection->held); /* nothing was handed out since that another could hold it by */
    connection->held = true;
    if (!connection->receiving) connection_rewatch(connection);
}

void net_connection_mute(struct net_connection *connection, int64_t until_ns)
{
    struct net *net = connection->net;
    ASSERT(connection->held);
    ASSERT(!heap_contains(&connection->muted));
    connection->held = false;
    if (until_ns > os_monotonic_ns(net->os))
        heap_put(&net->muted, &connection->muted, until_ns);
    else if (!connection->receiving)
        connection_rewatch(connection);
}

void connection_end_mute(struct net_connection *connection)
{
    heap_remove(&connection->net->muted, &connection->muted);
    if (connection->admission == NET_REFUSED)
        connection_close(connection);
    else
        connection_rewatch(connection);
}

int net_connection_tag(const struct net_connection *connection)
{
    return connection->listener->tag;
}

const char *net_connection_peer(const struct net_connection *connection)
{
    return connection->peer;
}

struct slice net_connection_ip(const struct net_connection *connection)
{
    return (struct slice){(const uint8_t *)connection->peer, connection->ip_size};
}

uint64_t net_connection_id(const struct net_connection *connection)
{
    return connection->id;
}

void net_connection_set_user(struct net_connection *connection, void *user)
{
    connection->user = user;
}

void *net_connection_user(const struct net_connection *connection)
{
    return connection->user;
}

/* Replies to the socket: what is ready at the front of a connection's line, in few system calls. */
#include <errno.h>

#include "net/net_private.h"

enum { VECTOR = 128 };

void connection_queue_send(struct net_connection *connection)
{
    if (!list_is_linked(&connection->send_link) && !connection->dying)
        list_push_back(&connection->net->to_send, &connection->send_link);
}

/* The memory of a slot from byte `sent` on, up to its next extent: at most two slices (the prefix
 * and a part of the reply). Returns how many; *to_extent: an extent follows. */
static int slot_memory(const struct net_slot *slot, struct slice slices[2], bool *to_extent)
{
    size_t prefix = sizeof(slot->prefix);
    *to_extent = slot->sent_extents < slot->extent_count;
    size_t end =
        prefix + (*to_extent ? slot->positions[slot->sent_extents] : slot->public.reply.size);
    int count = 0;
    size_t at = slot->sent;
    if (at < prefix) {
        slices[count++] = (struct slice){slot->prefix + at, prefix - at};
        at = prefix;
    }
    if (at < end)
        slices[count++] = (struct slice){slot->public.reply.data + (at - prefix), end - at};
    return count;
}

static bool slot_is_sent(const struct net_slot *slot)
{
    return slot->sent_extents == slot->extent_count &&
           slot->sent == sizeof(slot->prefix) + slot->public.reply.size;
}

/* Takes answered slots that need no byte, or no more bytes, off the front of the line. */
static bool line_advance(struct net_connection *connection)
{
    struct list_link *link;
    while ((link = list_first(&connection->line)) != NULL) {
        struct net_slot *slot = CONTAINER_OF(link, struct net_slot, link);
        if (slot->state == NET_CLOSING) return false;
        if (slot->state == NET_WAITING) break;
        if (slot->state == NET_REPLIED && !slot_is_sent(slot)) break;
        if (slot->state == NET_REPLIED)
            connection->unsent_bytes -= sizeof(slot->prefix) + slot->public.reply.size;
        list_remove(link);
        connection->in_flight--;
        slot_free(slot);
    }
    return !(connection->peer_closed && link == NULL && !splitter_has_frame(&connection->splitter));
}

/* Gathers the memory that is ready, from the front up to the first extent or unanswered slot.
 * *extent_of: the slot whose extent comes next, NULL if none. */
static int gather(const struct net_connection *connection, struct slice slices[VECTOR],
                  struct net_slot **extent_of)
{
    int count = 0;
    *extent_of = NULL;
    struct list_link *link = list_first(&connection->line);
    for (; link != NULL && count + 2 <= VECTOR; link = list_next(&connection->line, link)) {
        struct net_slot *slot = CONTAINER_OF(link, struct net_slot, link);
        if (slot->state == NET_SKIPPED) continue;
        if (slot->state != NET_REPLIED) break;
        bool to_extent;
        count += slot_memory(slot, slices + count, &to_extent);
        if (to_extent) {
            *extent_of = slot;
            break;
        }
    }
    return count;
}

/* `size` bytes of memory were taken by the socket: move the marks on. */
static void account_memory(struct net_connection *connection, size_t size)
{
    struct list_link *link = list_first(&connection->line);
    for (; link != NULL && size > 0; link = list_next(&connection->line, link)) {
        struct net_slot *slot = CONTAINER_OF(link, struct net_slot, link);
        if (slot->state != NET_REPLIED) continue;
        size_t end = sizeof(slot->prefix) + (slot->sent_extents < slot->extent_count
                                                 ? slot->positions[slot->sent_extents]
                                                 : slot->public.reply.size);
        size_t taken = end - slot->sent < size ? end - slot->sent : size;
        slot->sent += taken;
        size -= taken;
    }
    ASSERT(size == 0);
}

static int64_t send_extent(struct net_connection *connection, struct net_slot *slot)
{
    const struct net_extent *extent = &slot->extents[slot->sent_extents];
    ASSERT(slot->sent == sizeof(slot->prefix) + slot->positions[slot->sent_extents]);
    if (extent->size == slot->sent_of_extent) {
        slot->sent_extents++;
        slot->sent_of_extent = 0;
        return 1; /* an empty one */
    }
    int64_t sent = os_socket_send_file(connection->socket, extent->file,
                                       extent->position + (int64_t)slot->sent_of_extent,
                                       extent->size - slot->sent_of_extent);
    if (sent == 0) return -EIO; /* the file is shorter than it was: nothing right can follow */
    if (sent < 0) return sent;
    slot->sent_of_extent += (size_t)sent;
    connection->net->counters.sent_bytes += sent;
    if (slot->sent_of_extent == extent->size) {
        slot->sent_extents++;
        slot->sent_of_extent = 0;
    }
    return sent;
}

/* One system call's worth. Bytes or marks moved: > 0; nothing to send: 0; else -errno. */
static int64_t send_some(struct net_connection *connection)
{
    struct slice slices[VECTOR];
    struct net_slot *extent_of;
    int count = gather(connection, slices, &extent_of);
    if (count == 0) return extent_of == NULL ? 0 : send_extent(connection, extent_of);
    int64_t sent = os_socket_send(connection->socket, slices, count, extent_of != NULL);
    if (sent < 0) return sent;
    account_memory(connection, (size_t)sent);
    connection->net->counters.sent_bytes += sent;
    return sent;
}

static void mark_stalled(struct net_connection *connection, bool stalled)
{
    struct net *net = connection->net;
    if (stalled && connection->stalled_ns == 0) {
        connection->stalled_ns = os_monotonic_ns(net->os);
        net->stalled_count++;
    } else if (!stalled && connection->stalled_ns != 0) {
        connection->stalled_ns = 0;
        net->stalled_count--;
    }
}

void connection_send(struct net_connection *connection)
{
    for (;;) {
        if (!line_advance(connection)) {
            connection_close(connection);
            return;
        }
        int64_t sent = send_some(connection);
        if (sent > 0) {
            mark_stalled(connection, false);
            continue;
        }
        if (sent < 0 && sent != -EAGAIN) {
            connection->net->counters.closed_by_error++;
            connection_close(connection);
            return;
        }
        mark_stalled(connection, sent == -EAGAIN);
        break;
    }
    connection_rewatch(connection);
}

/* Exchanges: taken from a pool, so that the steady state allocates nothing. */
#include "base/bytes.h"
#include "base/memory.h"
#include "net/net_private.h"

struct net_slot *slot_take(struct net *net, struct net_connection *connection,
                           struct buffer *buffer, struct slice frame)
{
    struct list_link *idle = list_pop_front(&net->idle_slots);
    struct net_slot *slot;
    if (idle != NULL) {
        slot = CONTAINER_OF(idle, struct net_slot, link);
        net->idle_slot_count--;
    } else {
        slot = memory_alloc_zero(sizeof(*slot));
        slot->net = net;
        arena_init(&slot->public.arena, net->limits.arena_bytes_max);
        writer_init(&slot->public.reply, net->limits.reply_bytes_max);
        slot->extents = slot->inline_extents;
        slot->positions = slot->inline_positions;
        slot->extent_capacity = NET_EXTENTS_INLINE;
    }
    slot->public.connection = connection;
    slot->public.frame = frame;
    slot->public.user = NULL;
    slot->public.received_ns = connection->active_ns;
    slot->buffer = buffer;
    slot->admitted = frame.size;
    slot->state = NET_WAITING;
    slot->sent = slot->sent_extents = slot->sent_of_extent = 0;
    net->counters.request_bytes += (int64_t)slot->admitted;
    net->counters.requests++;
    list_push_back(&connection->line, &slot->link);
    connection->in_flight++;
    return slot;
}

static void slot_release_extents(struct net_slot *slot)
{
    for (size_t i = 0; i < slot->extent_count; i++) {
        if (slot->extents[i].release != NULL) slot->extents[i].release(slot->extents[i].context);
    }
    slot->extent_count = 0;
    if (slot->extents == slot->inline_extents) return;
    memory_free(slot->extents);
    memory_free(slot->positions);
    slot->extents = slot->inline_extents;
    slot->positions = slot->inline_positions;
    slot->extent_capacity = NET_EXTENTS_INLINE;
}

void slot_free(struct net_slot *slot)
{
    struct net *net = slot->net;
    slot_release_extents(slot);
    buffer_unref(slot->buffer);
    slot->buffer = NULL;
    ASSERT(net->counters.request_bytes >= (int64_t)slot->admitted);
    net->counters.request_bytes -= (int64_t)slot->admitted;
    arena_reset(&slot->public.arena);
    writer_reset(&slot->public.reply);
    if (slot->public.reply.capacity > NET_REPLY_KEPT_MAX) writer_deinit(&slot->public.reply);
    if (net->idle_slot_count < NET_EXCHANGES_IDLE_MAX) {
        list_push_front(&net->idle_slots, &slot->link);
        net->idle_slot_count++;
        return;
    }
    arena_deinit(&slot->public.arena);
    writer_deinit(&slot->public.reply);
    memory_free(slot);
}

size_t slot_size(const struct net_slot *slot)
{
    size_t size = sizeof(slot->prefix) + slot->public.reply.size;
    for (size_t i = 0; i < slot->extent_count; i++)
        size += slot->extents[i].size;
    return size;
}

void net_exchange_insert(struct net_exchange *exchange, size_t position,
                         const struct net_extent *extent)
{
    struct net_slot *slot = CONTAINER_OF(exchange, struct net_slot, public);
    ASSERT(slot->state == NET_WAITING);
    ASSERT(position <= exchange->reply.size);
    ASSERT(slot->extent_count == 0 || position >= slot->positions[slot->extent_count - 1]);
    if (slot->extent_count == slot->extent_capacity) {
        size_t capacity = slot->extent_capacity * 2;
        struct net_extent *extents = memory_alloc(capacity * sizeof(extents[0]));
        size_t *positions = memory_alloc(capacity * sizeof(positions[0]));
        for (size_t i = 0; i < slot->extent_count; i++) {
            extents[i] = slot->extents[i];
            positions[i] = slot->positions[i];
        }
        if (slot->extents != slot->inline_extents) {
            memory_free(slot->extents);
            memory_free(slot->positions);
        }
        slot->extents = extents;
        slot->positions = positions;
        slot->extent_capacity = capacity;
    }
    slot->positions[slot->extent_count] = position;
    slot->extents[slot->extent_count++] = *extent;
}

/* The handler is done with it. */
static void slot_answer(struct net_slot *slot, enum net_state state)
{
    ASSERT(slot->state == NET_WAITING);
    slot->state = state;
    struct net_connection *connection = slot->public.connection;
    if (connection == NULL) { /* died meanwhile: nobody waits */
        slot_free(slot);
        return;
    }
    /* The request is not looked at any more: its memory is for others now. */
    buffer_unref(slot->buffer);
    slot->buffer = NULL;
    slot->net->counters.request_bytes -= (int64_t)slot->admitted;
    slot->admitted = 0;
    if (state == NET_REPLIED) {
        store_be32(slot->prefix, (uint32_t)(slot_size(slot) - sizeof(slot->prefix)));
        connection->unsent_bytes += sizeof(slot->prefix) + slot->public.reply.size;
        slot->net->counters.replies++;
    }
    connection_queue_send(connection);
}

void net_exchange_reply(struct net_exchange *exchange)
{
    int r = writer_error(&exchange->reply);
    slot_answer(CONTAINER_OF(exchange, struct net_slot, public), r < 0 ? NET_CLOSING : NET_REPLIED);
}

void net_exchange_skip(struct net_exchange *exchange)
{
    slot_answer(CONTAINER_OF(exchange, struct net_slot, public), NET_SKIPPED);
}

void net_exchange_close(struct net_exchange *exchange)
{
    slot_answer(CONTAINER_OF(exchange, struct net_slot, public), NET_CLOSING);
}

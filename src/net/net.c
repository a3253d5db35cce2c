/* The shard's connections as a whole: listeners, the flush at the end of a turn, eviction. */
#include "net/net.h"

#include <errno.h>

#include "base/memory.h"
#include "net/net_private.h"

enum { ACCEPTS_PER_TURN = 64, NS_PER_MS = 1000000 };

int net_create(struct os *os, const struct net_limits *limits, const struct net_handler *handler,
               struct net **created)
{
    ASSERT(handler->on_request != NULL);
    ASSERT(limits->in_flight_max > 0);
    struct net *net = memory_alloc_zero(sizeof(*net));
    net->os = os;
    net->limits = *limits;
    net->handler = *handler;
    net->buffers = buffer_pool_create(NET_BUFFERS_IDLE_MAX);
    heap_init(&net->muted);
    list_init(&net->connections);
    list_init(&net->to_send);
    list_init(&net->to_read);
    list_init(&net->idle_slots);
    *created = net;
    return 0;
}

struct net *net_destroy(struct net *net)
{
    if (net == NULL) return NULL;
    net_stop_listening(net);
    struct list_link *link;
    while ((link = list_first(&net->connections)) != NULL)
        connection_close(CONTAINER_OF(link, struct net_connection, link));
    while ((link = list_pop_front(&net->idle_slots)) != NULL) {
        struct net_slot *slot = CONTAINER_OF(link, struct net_slot, link);
        arena_deinit(&slot->public.arena);
        writer_deinit(&slot->public.reply);
        memory_free(slot);
    }
    heap_deinit(&net->muted);
    buffer_pool_destroy(net->buffers);
    memory_free(net);
    return NULL;
}

static void accept_some(struct net_listener *listener)
{
    struct net *net = listener->net;
    for (int i = 0; i < ACCEPTS_PER_TURN && !listener->asking; i++) {
        struct os_socket *socket;
        int r = os_accept(listener->socket, &socket);
        if (r == -EAGAIN) return;
        if (r < 0) {
            net->counters.refused++;
            return;
        }
        listener->asking = true;
        connection_create(listener, socket);
    }
}

/* Who comes while the last one waits to be let in waits in the kernel's queue. */
static void on_acceptable(void *context, unsigned what)
{
    (void)what;
    struct net_listener *listener = context;
    listener->accepting = true;
    accept_some(listener);
    listener->accepting = false;
    if (listener->asking) os_socket_watch(listener->socket, 0, on_acceptable, listener);
}

void listener_resume(struct net_listener *listener)
{
    ASSERT(listener->asking);
    listener->asking = false;
    if (listener->accepting || listener->socket == NULL) return;
    os_socket_watch(listener->socket, OS_READABLE, on_acceptable, listener);
}

int net_listen(struct net *net, const struct os_address *address,
               const struct os_listen_options *options, int tag, uint16_t *port)
{
    ASSERT(net->listener_count < NET_LISTENERS_MAX);
    struct net_listener *listener = &net->listeners[net->listener_count];
    *listener = (struct net_listener){.net = net, .tag = tag};
    int r = os_listen(net->os, address, options, &listener->socket);
    if (r < 0) return r;
    net->listener_count++;
    char text[OS_ADDRESS_TEXT_MAX];
    os_socket_address(listener->socket, false, text, port);
    os_socket_watch(listener->socket, OS_READABLE, on_acceptable, listener);
    return 0;
}

void net_stop_listening(struct net *net)
{
    for (int i = 0; i < net->listener_count; i++)
        net->listeners[i].socket = os_socket_close(net->listeners[i].socket);
    net->listener_count = 0;
}

/* Room came back: those that stopped reading for want of it look again. */
static void resume_starved(struct net *net)
{
    if (!net->starved || net->counters.request_bytes >= net->limits.request_bytes_max) return;
    net->starved = false;
    struct list_link *link = list_first(&net->connections);
    for (; link != NULL; link = list_next(&net->connections, link))
        connection_rewatch(CONTAINER_OF(link, struct net_connection, link));
}

void net_flush(struct net *net)
{
    struct list_link *link;
    while ((link = list_pop_front(&net->to_send)) != NULL) {
        connection_send(CONTAINER_OF(link, struct net_connection, send_link));
    }
    resume_starved(net);
}

static void evict(struct net *net, int64_t now_ns)
{
    int64_t idle_ns = net->limits.idle_ms * NS_PER_MS;
    struct list_link *link = list_first(&net->connections);
    while (link != NULL) {
        struct net_connection *connection = CONTAINER_OF(link, struct net_connection, link);
        link = list_next(&net->connections, link);
        bool idle = net->limits.idle_ms >= 0 && connection->in_flight == 0 &&
                    now_ns - connection->active_ns >= idle_ns;
        bool stalled = connection->stalled_ns != 0 &&
                       now_ns - connection->stalled_ns >= net->limits.stalled_ms * NS_PER_MS;
        if (idle) net->counters.evicted_idle++;
        if (stalled) net->counters.evicted_stalled++;
        if (idle || stalled) {
            connection_close(connection);
            continue;
        }
        /* The rest of the list was active later; only stalled ones matter there. */
        bool fresh = net->limits.idle_ms < 0 || now_ns - connection->active_ns < idle_ns;
        if (fresh && net->stalled_count == 0) break;
    }
}

bool net_evict_quietest(struct net *net, int spared, bool busy)
{
    struct list_link *link = list_first(&net->connections);
    for (; link != NULL; link = list_next(&net->connections, link)) {
        struct net_connection *connection = CONTAINER_OF(link, struct net_connection, link);
        if (connection->admission != NET_ADMITTED || connection->listener->tag == spared) continue;
        if (connection->in_flight > 0 && !busy) continue;
        net->counters.evicted_excess++;
        connection_close(connection);
        return true;
    }
    return false;
}

/* How soon to look again: a tenth of the shortest patience, but not more than once in 5 ms. */
static int64_t tick_interval_ns(const struct net *net)
{
    int64_t patience_ms = net->limits.stalled_ms;
    if (net->limits.idle_ms >= 0 && net->limits.idle_ms < patience_ms)
        patience_ms = net->limits.idle_ms;
    int64_t interval_ns = patience_ms * NS_PER_MS / 10;
    int64_t least_ns = 5 * (int64_t)NS_PER_MS;
    return interval_ns > least_ns ? interval_ns : least_ns;
}

static void end_mutes(struct net *net, int64_t now_ns)
{
    struct heap_node *node;
    while ((node = heap_first(&net->muted)) != NULL && node->deadline <= now_ns)
        connection_end_mute(CONTAINER_OF(node, struct net_connection, muted));
}

void net_tick(struct net *net)
{
    int64_t now_ns = os_turn_ns(net->os);
    end_mutes(net, now_ns);
    struct list waiting;
    list_init(&waiting);
    struct list_link *link;
    while ((link = list_pop_front(&net->to_read)) != NULL)
        list_push_back(&waiting, link);
    while ((link = list_pop_front(&waiting)) != NULL)
        connection_read(CONTAINER_OF(link, struct net_connection, read_link));

    if (now_ns < net->tick_ns) return;
    net->tick_ns = now_ns + tick_interval_ns(net);
    evict(net, now_ns);
}

int64_t net_deadline_ns(const struct net *net)
{
    if (!list_is_empty(&net->to_read)) return 0;
    if (list_is_empty(&net->connections)) return INT64_MAX;
    const struct heap_node *muted = heap_first(&net->muted);
    return muted != NULL && muted->deadline < net->tick_ns ? muted->deadline : net->tick_ns;
}

struct net_counters net_counters(const struct net *net)
{
    return net->counters;
}

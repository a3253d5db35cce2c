/*
 * Who may connect. The limits are the broker's, and connections come in at every shard: shard 0
 * counts them all, and a shard that has accepted one asks it first. Each listener of a shard asks
 * for one at a time, so what it needs for that is there from the start. (SocketServer,
 * ConnectionQuotas; KIP-402, KIP-612)
 */
#include "base/memory.h"
#include "broker/shard_private.h"

enum { TRACKED_MAX = 10000 /* addresses with nobody connected */, NS_PER_MS = 1000000 };

static void receive_ask(struct os_mail *mail);
static void receive_answer(struct os_mail *mail);

static struct shard *counter(const struct admission *admission)
{
    return &admission->shard->broker->shards[0];
}

static int64_t now_ms(struct shard *shard)
{
    return os_monotonic_ns(shard->os) / NS_PER_MS;
}

/* --- leaving ---------------------------------------------------------------------------------- */

struct farewell {
    struct call_letter letter;
    struct broker *broker;
    struct quota_address ip;
    int32_t listener;
};

static_assert((int)QUOTA_LISTENERS_MAX == (int)SETTINGS_LISTENERS_MAX, "each is counted");

static void let_in_waiting(struct broker *broker);

static void leave(struct broker *broker, const struct quota_address *ip, int32_t listener)
{
    quota_connections_leave(broker->connections, ip, listener);
    let_in_waiting(broker);
}

static void receive_farewell(struct os_mail *mail)
{
    struct farewell *farewell = CONTAINER_OF(mail, struct farewell, letter.mail);
    leave(farewell->broker, &farewell->ip, farewell->listener);
    memory_free(farewell);
}

static void say_farewell(struct shard *shard, const struct quota_address *ip, int32_t listener)
{
    struct broker *broker = shard->broker;
    if (shard->stopping) return; /* nobody comes in any more */
    if (shard->index == 0) {
        leave(broker, ip, listener);
        return;
    }
    struct farewell *farewell = memory_alloc_zero(sizeof(*farewell));
    farewell->broker = broker;
    farewell->ip = *ip;
    farewell->listener = listener;
    letter_post(shard, &broker->shards[0], &farewell->letter, receive_farewell);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Of a peer that had gone again when it was accepted the kernel knows none: all zeros. */
static struct quota_address address_of(const struct net_connection *connection)
{
    struct quota_address ip = {0};
    int r = quota_address_parse(net_connection_ip(connection), &ip);
    ASSERT(r == 0 || net_connection_ip(connection).size == 0);
    return ip;
}

/* The brokers' own listener stays open when clients fill the others. */
static bool is_protected(const struct broker *broker, int tag)
{
    const struct settings *settings = broker->settings;
    struct slice name = settings_text(settings, SETTING_INTER_BROKER_LISTENER_NAME);
    if (name.size == 0) name = settings_text(settings, SETTING_SECURITY_INTER_BROKER_PROTOCOL);
    int32_t listeners = 0;
    for (int32_t i = 0; i < broker->listener_count; i++)
        if (!broker->listeners[i].controller) listeners++;
    return listeners > 1 && slice_equal(broker->listeners[tag].name, name);
}

static void ask(struct admission *admission, struct net_connection *connection, int tag)
{
    struct shard *shard = admission->shard;
    admission->connection = connection;
    admission->asking = true;
    admission->entrance = (struct quota_entrance){.ip = address_of(connection),
                                                  .listener = tag,
                                                  .is_protected = is_protected(shard->broker, tag)};
    if (shard->index == 0)
        receive_ask(&admission->letter.mail);
    else
        letter_post(shard, counter(admission), &admission->letter, receive_ask);
}

void admit_ask(struct shard *shard, struct net_connection *connection)
{
    int tag = net_connection_tag(connection);
    struct admission *admission = &shard->admissions[tag];
    admission->shard = shard;
    /* The one before died while it waited, and its answer is still to come. */
    if (admission->asking)
        admission->next = connection;
    else
        ask(admission, connection, tag);
}

void admit_closed(struct shard *shard, struct net_connection *connection)
{
    if (net_connection_is_admitted(connection)) {
        struct quota_address ip = address_of(connection);
        say_farewell(shard, &ip, net_connection_tag(connection));
        return;
    }
    struct admission *admission = &shard->admissions[net_connection_tag(connection)];
    if (admission->connection == connection) admission->connection = NULL;
    if (admission->next == connection) admission->next = NULL;
}

static void receive_answer(struct os_mail *mail)
{
    struct admission *admission = CONTAINER_OF(mail, struct admission, letter.mail);
    struct net_connection *connection = admission->connection, *next = admission->next;
    struct quota_entrance entrance = admission->entrance;
    admission->asking = false;
    admission->connection = admission->next = NULL;
    if (connection == NULL) {
        if (admission->verdict == QUOTA_ADMIT)
            say_farewell(admission->shard, &entrance.ip, entrance.listener);
        if (next != NULL) ask(admission, next, net_connection_tag(next));
    } else if (admission->verdict == QUOTA_ADMIT) {
        net_connection_admit(connection);
    } else {
        net_connection_refuse(connection, entrance.until_ms * NS_PER_MS);
    }
}

/* --- counting, on shard 0 --------------------------------------------------------------------- */

/* True: it is answered. */
static bool decide(struct admission *admission)
{
    struct shard *shard = counter(admission);
    struct broker *broker = shard->broker;
    const struct settings *settings = shard_settings(shard);
    const struct settings_listener *listener =
        settings_listener(settings, admission->entrance.listener);
    struct quota_connection_limits limits = {
        .total = settings_number(settings, SETTING_MAX_CONNECTIONS),
        .per_ip = settings_number(settings, SETTING_MAX_CONNECTIONS_PER_IP),
        .overrides = settings_text(settings, SETTING_MAX_CONNECTIONS_PER_IP_OVERRIDES),
        .rate = settings_number(settings, SETTING_MAX_CONNECTION_CREATION_RATE),
        .of_listener = listener->connections_max,
        .rate_of_listener = listener->connection_rate_max,
        .window = quotas_window(settings),
    };
    admission->verdict = quota_connections_enter(broker->connections, shard->image, &limits,
                                                 &admission->entrance, now_ms(shard));
    if (admission->verdict == QUOTA_WAIT) return false;
    if (admission->shard == shard)
        receive_answer(&admission->letter.mail);
    else
        letter_post(shard, admission->shard, &admission->letter, receive_answer);
    return true;
}

static void watch_time(struct broker *broker, const struct admission *admission)
{
    struct heap_node *node = &broker->admit_timer.node;
    int64_t until_ms = admission->entrance.until_ms;
    if (until_ms == INT64_MAX) return;
    if (heap_contains(node) && node->deadline <= until_ms * NS_PER_MS) return;
    shard_timer_set(&broker->shards[0], &broker->admit_timer, until_ms * NS_PER_MS);
}

static void wait_in_line(struct admission *admission)
{
    struct broker *broker = counter(admission)->broker;
    list_push_back(&broker->admissions, &admission->waiting);
    watch_time(broker, admission);
}

static void receive_ask(struct os_mail *mail)
{
    struct admission *admission = CONTAINER_OF(mail, struct admission, letter.mail);
    if (!decide(admission)) wait_in_line(admission);
}

/* In the order they came. One that is let in may ask at once for the next of its listener. */
static void let_in_waiting(struct broker *broker)
{
    struct list waiting;
    list_init(&waiting);
    if (broker->shards[0].stopping) return;
    struct list_link *link;
    while ((link = list_pop_front(&broker->admissions)) != NULL)
        list_push_back(&waiting, link);
    while ((link = list_pop_front(&waiting)) != NULL) {
        struct admission *admission = CONTAINER_OF(link, struct admission, waiting);
        if (!decide(admission)) wait_in_line(admission);
    }
}

static void on_time(struct shard_timer *timer)
{
    let_in_waiting(CONTAINER_OF(timer, struct broker, admit_timer));
}

/* --- too many, since the limit was lowered ---------------------------------------------------- */

static void evict_excess(struct broker *broker);

static void receive_evicted(struct os_mail *mail)
{
    struct broker *broker = CONTAINER_OF(mail, struct broker, eviction.mail);
    broker->evicting = false;
    evict_excess(broker);
}

static int spared_listener(const struct broker *broker)
{
    for (int32_t i = 0; i < broker->listener_count; i++)
        if (is_protected(broker, i)) return i;
    return -1;
}

/* On the shard that is asked. What it closes says farewell before the letter goes back. */
static void receive_eviction(struct os_mail *mail)
{
    struct broker *broker = CONTAINER_OF(mail, struct broker, eviction.mail);
    struct shard *shard = &broker->shards[broker->eviction_shard];
    bool busy = broker->eviction_misses >= broker->shard_count; /* no shard has others */
    bool closed =
        shard->net != NULL && net_evict_quietest(shard->net, spared_listener(broker), busy);
    broker->eviction_misses = closed ? 0 : broker->eviction_misses + 1;
    letter_post(shard, &broker->shards[0], &broker->eviction, receive_evicted);
}

/* One connection of one shard at a time, each shard in turn. (Processor.closeExcessConnections) */
static void evict_excess(struct broker *broker)
{
    struct shard *shard = &broker->shards[0];
    int64_t most = settings_number(shard_settings(shard), SETTING_MAX_CONNECTIONS);
    if (broker->evicting || shard->stopping) return;
    if (quota_connections_count(broker->connections) <= most) return;
    if (broker->eviction_misses >= 2 * broker->shard_count) return; /* only spared ones are left */
    broker->evicting = true;
    broker->eviction_shard = (broker->eviction_shard + 1) % broker->shard_count;
    letter_post(shard, &broker->shards[broker->eviction_shard], &broker->eviction,
                receive_eviction);
}

void admit_limits_changed(struct shard *shard)
{
    struct broker *broker = shard->broker;
    if (shard->index != 0) return;
    quota_connections_changed(broker->connections);
    let_in_waiting(broker);
    if (broker->evicting) return; /* the letter's, until it is back */
    broker->eviction_misses = 0;
    evict_excess(broker);
}

void admit_open(struct broker *broker, uint64_t seed)
{
    broker->connections = quota_connections_create(seed, TRACKED_MAX);
    broker->admit_timer.fire = on_time;
    list_init(&broker->admissions);
}

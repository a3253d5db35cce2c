/* Who may connect: how many at a time, of all and of each address, and how many in a second.
 * (ConnectionQuotas, KIP-402, KIP-612) */
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "core/quota/quota.h"

/* An address that somebody is connected from, or was lately while its rate was limited. */
struct visitor {
    struct list_link link; /* of those with nobody connected, the longest first */
    struct quota_address ip;
    struct quota_rate rate;
    int64_t count;
    int64_t seen_ms;
};

/* connection_creation_rate of an address. */
struct ip_limit {
    struct quota_address ip;
    double rate;
};

/* What came by one listener. */
struct entrance_count {
    struct quota_rate rate;
    int64_t count;
};

struct quota_connections {
    struct entrance_count listeners[QUOTA_LISTENERS_MAX];
    struct map visitors;
    struct map limits; /* struct ip_limit, as the image has them */
    struct list gone;
    struct quota_rate rate; /* of all */
    double default_rate;
    int64_t count;
    int32_t tracked_max;
    bool fresh; /* limits are as the image */
};

struct quota_connections *quota_connections_create(uint64_t seed, int32_t tracked_max)
{
    ASSERT(tracked_max > 0);
    struct quota_connections *connections = memory_alloc_zero(sizeof(*connections));
    connections->tracked_max = tracked_max;
    map_init(&connections->visitors, seed);
    map_init(&connections->limits, seed);
    list_init(&connections->gone);
    return connections;
}

static void forget_limits(struct quota_connections *connections)
{
    size_t cursor = 0;
    struct ip_limit *limit;
    while ((limit = map_next(&connections->limits, &cursor)) != NULL) {
        map_remove(&connections->limits, MAP_KEY(limit->ip));
        memory_free(limit);
    }
    connections->default_rate = QUOTA_RATE_UNLIMITED;
}

static void visitor_destroy(struct quota_connections *connections, struct visitor *visitor)
{
    map_remove(&connections->visitors, MAP_KEY(visitor->ip));
    if (list_is_linked(&visitor->link)) list_remove(&visitor->link);
    quota_rate_deinit(&visitor->rate);
    memory_free(visitor);
}

struct quota_connections *quota_connections_destroy(struct quota_connections *connections)
{
    if (connections == NULL) return NULL;
    size_t cursor = 0;
    struct visitor *visitor;
    while ((visitor = map_next(&connections->visitors, &cursor)) != NULL)
        visitor_destroy(connections, visitor);
    forget_limits(connections);
    map_deinit(&connections->visitors);
    map_deinit(&connections->limits);
    quota_rate_deinit(&connections->rate);
    for (int i = 0; i < QUOTA_LISTENERS_MAX; i++)
        quota_rate_deinit(&connections->listeners[i].rate);
    memory_free(connections);
    return NULL;
}

/* --- limits ----------------------------------------------------------------------------------- */

void quota_connections_changed(struct quota_connections *connections)
{
    connections->fresh = false;
}

static void add_limit(struct quota_connections *connections, struct slice name, double rate)
{
    struct quota_address ip;
    if (slice_is_null(name)) {
        connections->default_rate = rate;
    } else if (quota_address_parse(name, &ip) == 0 &&
               map_get(&connections->limits, MAP_KEY(ip)) == NULL) {
        struct ip_limit *limit = memory_alloc_zero(sizeof(*limit));
        *limit = (struct ip_limit){.ip = ip, .rate = rate};
        map_put(&connections->limits, MAP_KEY(limit->ip), limit);
    }
}

static void refresh(struct quota_connections *connections, const struct image *image)
{
    forget_limits(connections);
    struct slice cursor = SLICE_NULL;
    const struct image_quota *quota;
    while ((quota = image_quota_next(image, &cursor)) != NULL) {
        const struct image_quota_part *ip = image_quota_part(quota, SLICE("ip"));
        const double *rate = image_quota_value(quota, SLICE("connection_creation_rate"));
        if (ip != NULL && rate != NULL) add_limit(connections, ip->name, *rate);
    }
    connections->fresh = true;
}

static double rate_of(const struct quota_connections *connections, const struct quota_address *ip)
{
    const struct ip_limit *limit = map_get(&connections->limits, MAP_KEY(*ip));
    return limit != NULL ? limit->rate : connections->default_rate;
}

/* The last of "host:count,host:count" that names the address; a host may hold colons itself. */
static int64_t override_of(struct slice list, const struct quota_address *ip, int64_t otherwise)
{
    while (list.size > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.size);
        size_t size = comma == NULL ? list.size : (size_t)(comma - list.data);
        struct slice item = {list.data, size};
        size_t used = comma == NULL ? size : size + 1;
        list = (struct slice){list.data + used, list.size - used};
        while (item.size > 0 && item.data[0] == ' ')
            item = (struct slice){item.data + 1, item.size - 1};
        size_t colon = item.size;
        while (colon > 0 && item.data[colon - 1] != ':')
            colon--;
        struct quota_address named;
        int64_t count;
        if (colon == 0 || quota_address_parse((struct slice){item.data, colon - 1}, &named) < 0)
            continue;
        struct slice digits = {item.data + colon, item.size - colon};
        if (memcmp(&named, ip, sizeof(named)) == 0 &&
            slice_parse_int64(digits, 0, INT32_MAX, &count) == 0)
            otherwise = count;
    }
    return otherwise;
}

/* --- coming and going ------------------------------------------------------------------------- */

static void forget_visitors(struct quota_connections *connections, struct quota_window window,
                            int64_t now_ms)
{
    int64_t age_ms = window.samples * window.sample_ms;
    struct list_link *link;
    while ((link = list_first(&connections->gone)) != NULL) {
        struct visitor *visitor = CONTAINER_OF(link, struct visitor, link);
        bool old = now_ms - visitor->seen_ms >= age_ms;
        if (!old && map_count(&connections->visitors) < (size_t)connections->tracked_max) return;
        visitor_destroy(connections, visitor);
    }
}

static struct visitor *visitor_of(struct quota_connections *connections,
                                  const struct quota_address *ip)
{
    struct visitor *visitor = map_get(&connections->visitors, MAP_KEY(*ip));
    if (visitor != NULL) return visitor;
    visitor = memory_alloc_zero(sizeof(*visitor));
    visitor->ip = *ip;
    map_put(&connections->visitors, MAP_KEY(visitor->ip), visitor);
    list_push_back(&connections->gone, &visitor->link);
    return visitor;
}

static int64_t record(struct quota_rate *rate, struct quota_window window, double bound,
                      int64_t now_ms)
{
    quota_rate_record(rate, window, 1, now_ms);
    int64_t ms = quota_rate_throttle_ms(rate, window, bound, now_ms);
    return ms < window.sample_ms ? ms : window.sample_ms; /* one sample at most */
}

/* Does the address come too often? Such a connection counts for nothing. */
static bool comes_too_often(struct quota_connections *connections, struct visitor *visitor,
                            struct quota_window window, struct quota_entrance *entrance,
                            int64_t now_ms)
{
    double bound = rate_of(connections, &visitor->ip);
    visitor->seen_ms = now_ms;
    if (bound >= (double)QUOTA_RATE_UNLIMITED) return false;
    int64_t throttle_ms = record(&visitor->rate, window, bound, now_ms);
    if (throttle_ms == 0) return false;
    quota_rate_record(&visitor->rate, window, -1, now_ms);
    if (!entrance->is_protected) quota_rate_record(&connections->rate, window, -1, now_ms);
    quota_rate_record(&connections->listeners[entrance->listener].rate, window, -1, now_ms);
    entrance->until_ms = now_ms + throttle_ms;
    return true;
}

/* The pause for the sake of both rates, its listener's and that of all. */
static int64_t throttle(struct quota_connections *connections,
                        const struct quota_connection_limits *limits, struct quota_window window,
                        const struct quota_entrance *entrance, int64_t now_ms)
{
    struct quota_rate *listener = &connections->listeners[entrance->listener].rate;
    int64_t of_all_ms = entrance->is_protected
                            ? 0
                            : record(&connections->rate, window, (double)limits->rate, now_ms);
    int64_t ms = record(listener, window, (double)limits->rate_of_listener, now_ms);
    return ms > of_all_ms ? ms : of_all_ms;
}

enum quota_verdict quota_connections_enter(struct quota_connections *connections,
                                           const struct image *image,
                                           const struct quota_connection_limits *limits,
                                           struct quota_entrance *entrance, int64_t now_ms)
{
    ASSERT(entrance->listener >= 0);
    ASSERT(entrance->listener < QUOTA_LISTENERS_MAX);
    struct entrance_count *listener = &connections->listeners[entrance->listener];
    if (!connections->fresh) refresh(connections, image);
    struct quota_window window = limits->window;
    if (window.samples > QUOTA_SAMPLES_MAX) window.samples = QUOTA_SAMPLES_MAX;
    if (!entrance->waited) {
        entrance->waited = true;
        entrance->until_ms = now_ms + throttle(connections, limits, window, entrance, now_ms);
    }
    if (entrance->until_ms != INT64_MAX && now_ms < entrance->until_ms) return QUOTA_WAIT;
    bool full = !entrance->is_protected && connections->count >= limits->total;
    if (full || listener->count >= limits->of_listener) {
        entrance->until_ms = INT64_MAX;
        return QUOTA_WAIT;
    }
    entrance->until_ms = now_ms;
    forget_visitors(connections, window, now_ms);
    struct visitor *visitor = visitor_of(connections, &entrance->ip);
    if (comes_too_often(connections, visitor, window, entrance, now_ms)) return QUOTA_REFUSE;
    if (visitor->count >= override_of(limits->overrides, &visitor->ip, limits->per_ip))
        return QUOTA_REFUSE;
    if (visitor->count++ == 0) list_remove(&visitor->link);
    connections->count++;
    listener->count++;
    return QUOTA_ADMIT;
}

void quota_connections_leave(struct quota_connections *connections, const struct quota_address *ip,
                             int32_t listener)
{
    ASSERT(listener >= 0);
    ASSERT(listener < QUOTA_LISTENERS_MAX);
    ASSERT(connections->listeners[listener].count > 0);
    connections->listeners[listener].count--;
    struct visitor *visitor = map_get(&connections->visitors, MAP_KEY(*ip));
    ASSERT(visitor != NULL);
    ASSERT(visitor->count > 0);
    ASSERT(connections->count > 0);
    connections->count--;
    if (--visitor->count == 0) list_push_back(&connections->gone, &visitor->link);
}

int64_t quota_connections_count(const struct quota_connections *connections)
{
    return connections->count;
}

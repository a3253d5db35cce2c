#include "api/quotas.h"

#include "api/state.h"

enum { NS_PER_MS = 1000000, NS_PER_PERCENT = 10000000 /* of a second */ };

/* Nobody says who he is as long as there is no authentication. (KafkaPrincipal.ANONYMOUS) */
struct slice quotas_user(const struct api_request *request)
{
    (void)request;
    return SLICE("ANONYMOUS");
}

/* By which quotas is it metered, if its client has them? */
static unsigned kinds_of(const struct api_request *request)
{
    const struct produce_request *produce = request->message;
    const unsigned time = 1u << QUOTA_REQUEST;
    switch (request->row->key) {
    case API_PRODUCE: /* the time of one that gets no answer is not metered */
        return 1u << QUOTA_PRODUCE | (produce->acks == 0 ? 0 : time);
    case API_FETCH:
        return 1u << QUOTA_FETCH | time;
    case API_CREATE_TOPICS:
    case API_DELETE_TOPICS:
    case API_CREATE_PARTITIONS:
        return 1u << QUOTA_MUTATION | time;
    default:
        return time;
    }
}

static bool is_metered(const struct api_request *request, enum quota_kind kind)
{
    return (request->metered & 1u << kind) != 0;
}

static struct quota_client *client_of(const struct api_request *request, int64_t now_ms)
{
    return quota_client_of(shard_quota(request->shard), shard_image(request->shard),
                           quotas_user(request), request->client_id, now_ms);
}

static unsigned metered_kinds(const struct api_request *request, const struct quota_client *client)
{
    unsigned asked = kinds_of(request), metered = 0;
    for (unsigned kind = 0; kind < QUOTA_KINDS; kind++)
        if ((asked & 1u << kind) && quota_limits(client, (enum quota_kind)kind))
            metered |= 1u << kind;
    return metered;
}

int64_t quotas_start(struct shard *shard)
{
    return quota_has_any(shard_quota(shard), shard_image(shard)) ? os_monotonic_ns(shard_os(shard))
                                                                 : 0;
}

void quotas_begin(struct api_request *request)
{
    if (request->started_ns == 0) return;
    struct quota *quota = shard_quota(request->shard);
    int64_t now_ms = request->started_ns / NS_PER_MS;
    struct quota_client *client = client_of(request, now_ms);
    request->metered = metered_kinds(request, client);
    if (is_metered(request, QUOTA_PRODUCE))
        request->throttle_ms = quota_record(quota, client, QUOTA_PRODUCE,
                                            (double)request->exchange->frame.size, now_ms);
    request->holds = (request->metered & ~(1u << QUOTA_PRODUCE)) != 0 || request->throttle_ms > 0;
    if (request->holds) net_connection_hold(request->exchange->connection);
}

void quotas_leave(struct api_request *request)
{
    if (request->metered == 0) return;
    request->used_ns = os_monotonic_ns(shard_os(request->shard)) - request->started_ns;
    request->started_ns = 0;
}

/* Time on this thread: in the handler, and what has passed since it if that has not returned. */
static double used_percent(const struct api_request *request, int64_t now_ns)
{
    int64_t used_ns = request->used_ns;
    if (request->started_ns != 0) used_ns += now_ns - request->started_ns;
    return (double)used_ns / (double)NS_PER_PERCENT;
}

/* Once for each request: what it used of the thread's time. */
static void meter_time(struct api_request *request)
{
    if (!is_metered(request, QUOTA_REQUEST)) return;
    request->metered &= ~(1u << QUOTA_REQUEST);
    int64_t now_ns = os_monotonic_ns(shard_os(request->shard));
    int64_t now_ms = now_ns / NS_PER_MS;
    int32_t ms = quota_record(shard_quota(request->shard), client_of(request, now_ms),
                              QUOTA_REQUEST, used_percent(request, now_ns), now_ms);
    if (ms > request->throttle_ms) request->throttle_ms = ms;
}

int64_t quotas_fetch_most(const struct api_request *request, int64_t most)
{
    if (!is_metered(request, QUOTA_FETCH)) return most;
    int64_t now_ms = os_monotonic_ns(shard_os(request->shard)) / NS_PER_MS;
    double bound = quota_most(shard_quota(request->shard), client_of(request, now_ms), QUOTA_FETCH);
    return bound < (double)most ? (int64_t)bound : most;
}

bool quotas_meter_fetch(const struct api_request *request)
{
    return is_metered(request, QUOTA_FETCH);
}

int32_t quotas_throttle_fetch(struct api_request *request, int64_t bytes)
{
    meter_time(request);
    struct quota *quota = shard_quota(request->shard);
    int64_t now_ms = os_monotonic_ns(shard_os(request->shard)) / NS_PER_MS;
    struct quota_client *client = client_of(request, now_ms);
    int32_t ms = quota_record(quota, client, QUOTA_FETCH, (double)bytes, now_ms);
    if (ms > request->throttle_ms) request->throttle_ms = ms;
    if (request->throttle_ms > 0) quota_note(quota, client, QUOTA_FETCH, -(double)bytes, now_ms);
    return request->throttle_ms;
}

int32_t quotas_throttle(struct api_request *request)
{
    meter_time(request);
    return request->throttle_ms;
}

int64_t quotas_end(const struct api_request *request)
{
    if (request->throttle_ms == 0) return 0;
    return os_monotonic_ns(shard_os(request->shard)) + request->throttle_ms * (int64_t)NS_PER_MS;
}

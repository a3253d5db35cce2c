/* The quotas of clients: which one is whose, and what was used of it. (ClientQuotaManager,
 * ClientRequestQuotaManager, ControllerMutationQuotaManager) */
#include "core/quota/quota.h"

#include <string.h>

#include "base/list.h"
#include "base/memory.h"

enum { MS_PER_SECOND = 1000, KEY_BYTES_MAX = 1 << 20 };

/* What a quota is measured with. Clients that share a quota (all client ids of one user) share a
 * meter: its entity is what of user and client id the quota tells apart, the rest is empty. */
struct meter {
    struct list_link link;      /* all meters, the one used longest ago first */
    struct list_link news_link; /* those with something to tell */
    int64_t used_ms;
    double limit; /* per second */
    double news;  /* used here, not told yet */
    struct quota_rate rate;
    double tokens; /* of mutations, instead of the rate */
    int64_t filled_ms;
    enum quota_kind kind;
    struct slice key;
    struct slice user, client_id; /* in the key */
    uint8_t bytes[];              /* of the key */
};

struct quota_client {
    struct list_link link; /* likewise */
    int64_t used_ms;
    uint64_t generation;               /* of the quotas that the meters are by */
    struct meter *meters[QUOTA_KINDS]; /* NULL: no quota */
    struct slice key;
    uint8_t bytes[];
};

struct quota {
    struct quota_options options;
    struct map clients, meters;
    struct list clients_by_use, meters_by_use, news;
    struct writer key;   /* of what is being looked for */
    uint64_t generation; /* of the image's quotas, and of the meters */
    bool fresh;          /* `has` is as the image */
    bool urgent;         /* some news are worth telling at once */
    bool has_any;
    bool has[QUOTA_KINDS];
    struct quota_counters counters;
};

static const struct slice keys[QUOTA_KINDS] = {
    [QUOTA_PRODUCE] = {(const uint8_t *)"producer_byte_rate", 18},
    [QUOTA_FETCH] = {(const uint8_t *)"consumer_byte_rate", 18},
    [QUOTA_REQUEST] = {(const uint8_t *)"request_percentage", 18},
    [QUOTA_MUTATION] = {(const uint8_t *)"controller_mutation_rate", 24},
};

/* --- life ------------------------------------------------------------------------------------- */

static struct quota_window bounded(struct quota_window window)
{
    ASSERT(window.samples >= 1);
    ASSERT(window.sample_ms >= 1);
    if (window.samples > QUOTA_SAMPLES_MAX) window.samples = QUOTA_SAMPLES_MAX;
    return window;
}

struct quota *quota_create(const struct quota_options *options)
{
    ASSERT(options->tracked_max >= QUOTA_KINDS);
    struct quota *quota = memory_alloc_zero(sizeof(*quota));
    quota->options = *options;
    quota->options.clients = bounded(options->clients);
    quota->options.mutations = bounded(options->mutations);
    map_init(&quota->clients, options->seed);
    map_init(&quota->meters, options->seed);
    list_init(&quota->clients_by_use);
    list_init(&quota->meters_by_use);
    list_init(&quota->news);
    writer_init(&quota->key, KEY_BYTES_MAX);
    quota->generation = 1; /* a client that was never resolved has 0 */
    return quota;
}

static void meter_destroy(struct quota *quota, struct meter *meter)
{
    map_remove(&quota->meters, meter->key);
    list_remove(&meter->link);
    if (list_is_linked(&meter->news_link)) list_remove(&meter->news_link);
    quota_rate_deinit(&meter->rate);
    memory_free(meter);
    quota->generation++; /* clients that point to it look again */
}

static void client_destroy(struct quota *quota, struct quota_client *client)
{
    map_remove(&quota->clients, client->key);
    list_remove(&client->link);
    memory_free(client);
}

struct quota *quota_destroy(struct quota *quota)
{
    if (quota == NULL) return NULL;
    struct list_link *link;
    while ((link = list_first(&quota->clients_by_use)) != NULL)
        client_destroy(quota, CONTAINER_OF(link, struct quota_client, link));
    while ((link = list_first(&quota->meters_by_use)) != NULL)
        meter_destroy(quota, CONTAINER_OF(link, struct meter, link));
    map_deinit(&quota->clients);
    map_deinit(&quota->meters);
    writer_deinit(&quota->key);
    memory_free(quota);
    return NULL;
}

/* --- what the image says ---------------------------------------------------------------------- */

void quota_changed(struct quota *quota)
{
    quota->generation++;
    quota->fresh = false;
}

static void find_kinds(struct quota *quota, const struct image *image)
{
    memset(quota->has, 0, sizeof(quota->has));
    quota->has_any = false;
    struct slice cursor = SLICE_NULL;
    const struct image_quota *each;
    while ((each = image_quota_next(image, &cursor)) != NULL)
        for (size_t kind = 0; kind < QUOTA_KINDS; kind++)
            if (image_quota_value(each, keys[kind]) != NULL)
                quota->has_any = quota->has[kind] = true;
    quota->fresh = true;
}

bool quota_has_any(struct quota *quota, const struct image *image)
{
    if (!quota->fresh) find_kinds(quota, image);
    return quota->has_any;
}

bool quota_has(struct quota *quota, const struct image *image, enum quota_kind kind)
{
    if (!quota->fresh) find_kinds(quota, image);
    return quota->has[kind];
}

enum name { ABSENT, DEFAULT, EXACT };

/* The places where a quota may be set, the first that has one counts; the meter is for the names
 * that the place tells apart. (ClientQuotaManager.DefaultQuotaCallback) */
static const struct {
    enum name user, client_id;
    bool by_user, by_client_id;
} places[] = {
    {EXACT, EXACT, true, true},   {EXACT, DEFAULT, true, true},   {EXACT, ABSENT, true, false},
    {DEFAULT, EXACT, true, true}, {DEFAULT, DEFAULT, true, true}, {DEFAULT, ABSENT, true, false},
    {ABSENT, EXACT, false, true}, {ABSENT, DEFAULT, false, true},
};

static const double *limit_at(const struct image *image, size_t place, enum quota_kind kind,
                              struct slice user, struct slice client_id)
{
    struct image_quota_part parts[2];
    int32_t count = 0;
    if (places[place].client_id != ABSENT) {
        if (client_id.size == 0) return NULL; /* as good as no client id */
        bool exact = places[place].client_id == EXACT;
        parts[count++] =
            (struct image_quota_part){SLICE("client-id"), exact ? client_id : SLICE_NULL};
    }
    if (places[place].user != ABSENT) {
        bool exact = places[place].user == EXACT;
        parts[count++] = (struct image_quota_part){SLICE("user"), exact ? user : SLICE_NULL};
    }
    ASSERT(count > 0);
    const struct image_quota *found = image_quota(image, parts, count);
    return found == NULL ? NULL : image_quota_value(found, keys[kind]);
}

/* --- meters ----------------------------------------------------------------------------------- */

static double bucket_size(const struct quota *quota, const struct meter *meter)
{
    struct quota_window window = quota->options.mutations;
    return (double)window.samples * (double)window.sample_ms / (double)MS_PER_SECOND * meter->limit;
}

static void forget_meters(struct quota *quota, int64_t now_ms)
{
    struct list_link *link;
    while ((link = list_first(&quota->meters_by_use)) != NULL) {
        struct meter *meter = CONTAINER_OF(link, struct meter, link);
        bool idle = now_ms - meter->used_ms >= QUOTA_IDLE_MS;
        if (!idle && map_count(&quota->meters) < (size_t)quota->options.tracked_max) return;
        meter_destroy(quota, meter);
    }
}

static struct meter *meter_of(struct quota *quota, enum quota_kind kind, struct slice user,
                              struct slice client_id, int64_t now_ms)
{
    struct writer *key = &quota->key;
    writer_reset(key);
    writer_put_u8(key, (uint8_t)kind);
    writer_put_be32(key, (uint32_t)user.size);
    writer_put(key, user);
    writer_put(key, client_id);
    ASSERT(writer_error(key) == 0); /* two strings of a request */
    struct meter *meter = map_get(&quota->meters, writer_slice(key));
    if (meter != NULL) return meter;

    forget_meters(quota, now_ms);
    meter = memory_alloc_zero(sizeof(*meter) + key->size);
    memcpy(meter->bytes, key->data, key->size);
    meter->key = (struct slice){meter->bytes, key->size};
    size_t start = sizeof(uint8_t) + sizeof(uint32_t);
    meter->user = (struct slice){meter->bytes + start, user.size};
    meter->client_id = (struct slice){meter->bytes + start + user.size, client_id.size};
    meter->kind = kind;
    meter->used_ms = now_ms;
    meter->filled_ms = now_ms;
    map_put(&quota->meters, meter->key, meter);
    list_push_back(&quota->meters_by_use, &meter->link);
    return meter;
}

/* A bucket begins full, and keeps what is in it when its size changes. */
static void meter_set_limit(const struct quota *quota, struct meter *meter, double limit)
{
    bool is_new = meter->limit <= 0;
    meter->limit = limit;
    if (is_new && meter->kind == QUOTA_MUTATION) meter->tokens = bucket_size(quota, meter);
}

static void meter_use(struct quota *quota, struct meter *meter, int64_t now_ms)
{
    meter->used_ms = now_ms;
    list_remove(&meter->link);
    list_push_back(&quota->meters_by_use, &meter->link);
}

static void meter_note(struct quota *quota, struct meter *meter, double value, int64_t now_ms)
{
    ASSERT(meter->kind != QUOTA_MUTATION);
    meter_use(quota, meter, now_ms);
    quota_rate_record(&meter->rate, quota->options.clients, value, now_ms);
}

/* --- clients ---------------------------------------------------------------------------------- */

static struct meter *resolve(struct quota *quota, const struct image *image, enum quota_kind kind,
                             struct slice user, struct slice client_id, int64_t now_ms)
{
    for (size_t place = 0; place < ARRAY_COUNT(places); place++) {
        const double *limit = limit_at(image, place, kind, user, client_id);
        if (limit == NULL) continue;
        struct meter *meter = meter_of(quota, kind, places[place].by_user ? user : SLICE(""),
                                       places[place].by_client_id ? client_id : SLICE(""), now_ms);
        meter_set_limit(quota, meter, *limit);
        return meter;
    }
    return NULL;
}

static void forget_clients(struct quota *quota, int64_t now_ms)
{
    struct list_link *link;
    while ((link = list_first(&quota->clients_by_use)) != NULL) {
        struct quota_client *client = CONTAINER_OF(link, struct quota_client, link);
        bool idle = now_ms - client->used_ms >= QUOTA_IDLE_MS;
        if (!idle && map_count(&quota->clients) < (size_t)quota->options.tracked_max) return;
        client_destroy(quota, client);
    }
}

static struct quota_client *client_create(struct quota *quota, int64_t now_ms)
{
    forget_clients(quota, now_ms);
    struct slice key = writer_slice(&quota->key);
    struct quota_client *client = memory_alloc_zero(sizeof(*client) + key.size);
    memcpy(client->bytes, key.data, key.size);
    client->key = (struct slice){client->bytes, key.size};
    map_put(&quota->clients, client->key, client);
    list_push_back(&quota->clients_by_use, &client->link);
    ASSERT(map_count(&quota->clients) <= (size_t)quota->options.tracked_max);
    return client;
}

struct quota_client *quota_client_of(struct quota *quota, const struct image *image,
                                     struct slice user, struct slice client_id, int64_t now_ms)
{
    struct writer *key = &quota->key;
    writer_reset(key);
    writer_put_be32(key, (uint32_t)user.size);
    writer_put(key, user);
    writer_put(key, client_id);
    ASSERT(writer_error(key) == 0);
    struct quota_client *client = map_get(&quota->clients, writer_slice(key));
    if (client == NULL) client = client_create(quota, now_ms);
    client->used_ms = now_ms;
    list_remove(&client->link);
    list_push_back(&quota->clients_by_use, &client->link);
    /* A meter made for one kind can push out another that was just found. */
    while (client->generation != quota->generation) {
        client->generation = quota->generation;
        for (size_t kind = 0; kind < QUOTA_KINDS; kind++) {
            client->meters[kind] =
                resolve(quota, image, (enum quota_kind)kind, user, client_id, now_ms);
            if (client->meters[kind] != NULL) meter_use(quota, client->meters[kind], now_ms);
        }
    }
    return client;
}

bool quota_limits(const struct quota_client *client, enum quota_kind kind)
{
    return client->meters[kind] != NULL;
}

/* Above a small part of what a window allows others would go on for too long without knowing. */
static void add_news(struct quota *quota, struct meter *meter, double value)
{
    struct quota_window window = quota->options.clients;
    double allowed =
        meter->limit * (double)window.samples * (double)window.sample_ms / (double)MS_PER_SECOND;
    meter->news += value;
    if (meter->news * (double)QUOTA_NEWS_PARTS > allowed) quota->urgent = true;
    if (!list_is_linked(&meter->news_link)) list_push_back(&quota->news, &meter->news_link);
}

void quota_note(struct quota *quota, struct quota_client *client, enum quota_kind kind,
                double value, int64_t now_ms)
{
    ASSERT(client->generation == quota->generation);
    struct meter *meter = client->meters[kind];
    if (meter == NULL) return;
    meter_note(quota, meter, value, now_ms);
    add_news(quota, meter, value);
}

static int32_t count_throttle(struct quota *quota, enum quota_kind kind, int64_t throttle_ms)
{
    ASSERT(throttle_ms >= 0);
    if (throttle_ms == 0) return 0;
    int32_t ms = throttle_ms < INT32_MAX ? (int32_t)throttle_ms : INT32_MAX;
    quota->counters.throttled[kind]++;
    quota->counters.throttled_ms[kind] += ms;
    return ms;
}

int32_t quota_record(struct quota *quota, struct quota_client *client, enum quota_kind kind,
                     double value, int64_t now_ms)
{
    quota_note(quota, client, kind, value, now_ms);
    struct meter *meter = client->meters[kind];
    if (meter == NULL) return 0;
    struct quota_window window = quota->options.clients;
    int64_t ms = quota_rate_throttle_ms(&meter->rate, window, meter->limit, now_ms);
    /* Time on a thread is a matter of moments. (ClientRequestQuotaManager.throttleTime) */
    if (kind == QUOTA_REQUEST && ms > window.sample_ms) ms = window.sample_ms;
    return count_throttle(quota, kind, ms);
}

double quota_most(const struct quota *quota, const struct quota_client *client,
                  enum quota_kind kind)
{
    const struct meter *meter = client->meters[kind];
    ASSERT(meter != NULL);
    struct quota_window window = quota->options.clients;
    return meter->limit * (window.samples - 1) * ((double)window.sample_ms / (double)MS_PER_SECOND);
}

/* --- changes of topics ------------------------------------------------------------------------ */

/* How long until a bucket that is overdrawn is not any more. */
static int64_t overdrawn_ms(const struct meter *meter)
{
    if (meter->tokens >= 0) return 0;
    double ms = -meter->tokens / meter->limit * (double)MS_PER_SECOND + 0.5;
    return ms < (double)INT32_MAX ? (int64_t)ms : INT32_MAX;
}

static void bucket_fill(const struct quota *quota, struct meter *meter, int64_t now_ms)
{
    double size = bucket_size(quota, meter);
    meter->tokens += meter->limit * (double)(now_ms - meter->filled_ms) / (double)MS_PER_SECOND;
    if (meter->tokens > size) meter->tokens = size;
    meter->filled_ms = now_ms;
}

bool quota_mutate(struct quota_mutation *mutation, int64_t partitions)
{
    ASSERT(partitions >= 0);
    if (mutation->client == NULL) return true;
    struct quota *quota = mutation->quota;
    ASSERT(mutation->client->generation == quota->generation);
    struct meter *meter = mutation->client->meters[QUOTA_MUTATION];
    if (meter == NULL) return true;
    meter_use(quota, meter, mutation->now_ms);
    bucket_fill(quota, meter, mutation->now_ms);
    bool pass = !mutation->strict || meter->tokens >= 0;
    if (pass) meter->tokens -= (double)partitions;
    /* Whoever overdraws a strict bucket is let through and does not pause. */
    if (mutation->strict && pass) return true;
    bool first = mutation->throttle_ms == 0;
    mutation->throttle_ms = overdrawn_ms(meter);
    if (first) (void)count_throttle(quota, QUOTA_MUTATION, mutation->throttle_ms);
    return pass;
}

/* --- other shards ----------------------------------------------------------------------------- */

enum quota_news quota_has_news(const struct quota *quota)
{
    if (list_is_empty(&quota->news)) return QUOTA_NO_NEWS;
    return quota->urgent ? QUOTA_NEWS_AT_ONCE : QUOTA_NEWS;
}

void quota_news(struct quota *quota,
                void (*tell)(void *context, enum quota_kind kind, struct slice user,
                             struct slice client_id, double value),
                void *context)
{
    struct list_link *link;
    quota->urgent = false;
    while ((link = list_pop_front(&quota->news)) != NULL) {
        struct meter *meter = CONTAINER_OF(link, struct meter, news_link);
        ASSERT(meter->kind != QUOTA_MUTATION);
        double value = meter->news;
        meter->news = 0;
        if (value != 0) tell(context, meter->kind, meter->user, meter->client_id, value);
    }
}

void quota_hear(struct quota *quota, const struct image *image, enum quota_kind kind,
                struct slice user, struct slice client_id, double value, int64_t now_ms)
{
    ASSERT(kind != QUOTA_MUTATION);
    if (!quota_has(quota, image, kind)) return; /* removed meanwhile */
    meter_note(quota, meter_of(quota, kind, user, client_id, now_ms), value, now_ms);
}

struct quota_counters quota_counters(const struct quota *quota)
{
    struct quota_counters counters = quota->counters;
    counters.clients = (int64_t)map_count(&quota->clients);
    counters.meters = (int64_t)map_count(&quota->meters);
    return counters;
}

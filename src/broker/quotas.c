/*
 * The quotas of clients, as far as shards share them. Each shard meters what its own connections
 * use, and tells the others what that was: small sums ten times a second, larger ones at the end of
 * the turn. So a meter is the whole broker's, a hundredth of its window behind at most. Who used
 * too much has used it on whatever shard, and pauses for all of it (docs/decisions/quotas.md).
 */
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "broker/shard_private.h"

enum {
    TELL_MS = 100,
    TRACKED_MAX = 10000, /* clients and meters of a shard */
    NEWS_BYTES_MAX = 1 << 30,
    NS_PER_MS = 1000000,
};

/* What one shard tells another. */
struct news {
    struct call_letter letter;
    struct shard *to;
    struct writer items; /* kind u8, size of user be32, of client id be32, value be64, both names */
};

enum { ITEM_HEADER = 17 };

static struct quota_window window_of(const struct settings *settings, enum setting_id samples,
                                     enum setting_id seconds)
{
    return (struct quota_window){
        .samples = (int32_t)settings_number(settings, samples),
        .sample_ms = settings_number(settings, seconds) * 1000,
    };
}

struct quota_window quotas_window(const struct settings *settings)
{
    return window_of(settings, SETTING_QUOTA_WINDOW_NUM, SETTING_QUOTA_WINDOW_SIZE_SECONDS);
}

static void put_item(void *context, enum quota_kind kind, struct slice user, struct slice client_id,
                     double value)
{
    struct writer *items = context;
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    writer_put_u8(items, (uint8_t)kind);
    writer_put_be32(items, (uint32_t)user.size);
    writer_put_be32(items, (uint32_t)client_id.size);
    writer_put_be64(items, bits);
    writer_put(items, user);
    writer_put(items, client_id);
}

static void receive_news(struct os_mail *mail)
{
    struct news *news = CONTAINER_OF(mail, struct news, letter.mail);
    struct shard *shard = news->to;
    int64_t now_ms = os_monotonic_ns(shard->os) / NS_PER_MS;
    struct slice rest = writer_slice(&news->items);
    while (rest.size > 0) {
        struct slice header, user, client_id;
        int r = slice_take(&rest, ITEM_HEADER, &header);
        if (r == 0) r = slice_take(&rest, load_be32(header.data + 1), &user);
        if (r == 0) r = slice_take(&rest, load_be32(header.data + 5), &client_id);
        ASSERT(r == 0); /* we wrote it */
        uint64_t bits = load_be64(header.data + 9);
        double value;
        memcpy(&value, &bits, sizeof(value));
        quota_hear(shard->quota, shard->image, (enum quota_kind)header.data[0], user, client_id,
                   value, now_ms);
    }
    writer_deinit(&news->items);
    memory_free(news);
}

static void tell_others(struct shard *shard)
{
    struct broker *broker = shard->broker;
    struct writer items;
    writer_init(&items, NEWS_BYTES_MAX);
    quota_news(shard->quota, put_item, &items);
    ASSERT(writer_error(&items) == 0); /* TRACKED_MAX items of two names each */
    for (int32_t i = 0; i < broker->shard_count && items.size > 0; i++) {
        if (i == shard->index) continue;
        struct news *news = memory_alloc_zero(sizeof(*news));
        news->to = &broker->shards[i];
        writer_init(&news->items, NEWS_BYTES_MAX);
        writer_put(&news->items, writer_slice(&items));
        letter_post(shard, news->to, &news->letter, receive_news);
    }
    writer_deinit(&items);
}

static void on_time(struct shard_timer *timer)
{
    tell_others(CONTAINER_OF(timer, struct shard, quota_timer));
}

/* --- life ------------------------------------------------------------------------------------- */

void quotas_open(struct shard *shard, uint64_t seed)
{
    const struct settings *settings = shard->broker->settings;
    struct quota_options options = {
        .clients = quotas_window(settings),
        .mutations = window_of(settings, SETTING_CONTROLLER_QUOTA_WINDOW_NUM,
                               SETTING_CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS),
        .tracked_max = TRACKED_MAX,
        .seed = seed,
    };
    shard->quota = quota_create(&options);
    shard->quota_timer.fire = on_time;
}

void quotas_turn(struct shard *shard)
{
    if (shard->broker->shard_count == 1 || shard->stopping) return;
    switch (quota_has_news(shard->quota)) {
    case QUOTA_NO_NEWS:
        return;
    case QUOTA_NEWS:
        if (heap_contains(&shard->quota_timer.node)) return;
        shard_timer_set(shard, &shard->quota_timer,
                        os_monotonic_ns(shard->os) + TELL_MS * (int64_t)NS_PER_MS);
        return;
    case QUOTA_NEWS_AT_ONCE:
        shard_timer_clear(shard, &shard->quota_timer);
        tell_others(shard);
        return;
    }
}

struct quota *shard_quota(struct shard *shard)
{
    return shard->quota;
}

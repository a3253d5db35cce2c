#include "api/fetch_session.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

enum {
    KEY_FIXED_SIZE = sizeof(struct uuid) + sizeof(int32_t),
    TOPIC_NAME_MAX = 249, /* bytes: Topic.MAX_NAME_LENGTH */
};

static const int64_t EVICTION_NS = (int64_t)FETCH_SESSION_EVICTION_MS * 1000000;

/* The id and the partition; without ids, the name too. */
static size_t key_size(const struct fetch_target *target)
{
    return KEY_FIXED_SIZE + (uuid_is_zero(&target->topic_id) ? target->topic.size : 0);
}

static struct slice key_write(const struct fetch_target *target, uint8_t *bytes)
{
    memcpy(bytes, target->topic_id.bytes, sizeof(target->topic_id.bytes));
    store_be32(bytes + sizeof(target->topic_id), (uint32_t)target->partition);
    size_t size = key_size(target);
    if (size > KEY_FIXED_SIZE)
        memcpy(bytes + KEY_FIXED_SIZE, target->topic.data, target->topic.size);
    return (struct slice){bytes, size};
}

static struct slice partition_key(const struct fetch_session_partition *partition)
{
    return (struct slice){partition->bytes, partition->key_size};
}

static struct slice id_key(const struct fetch_session *session)
{
    return MAP_KEY(session->id);
}

void fetch_sessions_init(struct fetch_sessions *sessions, uint64_t seed, int32_t slots)
{
    ASSERT(slots >= 0);
    *sessions = (struct fetch_sessions){.slots = slots};
    prng_init(&sessions->random, seed);
    map_init(&sessions->by_id, prng_next(&sessions->random));
    list_init(&sessions->by_use);
}

void fetch_sessions_deinit(struct fetch_sessions *sessions)
{
    struct list_link *link;
    while ((link = list_first(&sessions->by_use)) != NULL)
        fetch_sessions_close(sessions, CONTAINER_OF(link, struct fetch_session, link));
    ASSERT(sessions->partition_count == 0);
    ASSERT(map_count(&sessions->by_id) == 0);
    map_deinit(&sessions->by_id);
}

struct fetch_session *fetch_sessions_find(const struct fetch_sessions *sessions, int32_t id)
{
    return map_get(&sessions->by_id, MAP_KEY(id));
}

static void partition_free(struct fetch_sessions *sessions,
                           struct fetch_session_partition *partition)
{
    list_remove(&partition->link);
    memory_free(partition);
    ASSERT(sessions->partition_count > 0);
    sessions->partition_count--;
}

void fetch_sessions_close(struct fetch_sessions *sessions, struct fetch_session *session)
{
    struct list_link *link;
    while ((link = list_first(&session->order)) != NULL)
        partition_free(sessions, CONTAINER_OF(link, struct fetch_session_partition, link));
    map_deinit(&session->partitions);
    list_remove(&session->link);
    void *removed = map_remove(&sessions->by_id, id_key(session));
    ASSERT(removed == session);
    memory_free(session);
}

/* 1, 2, … and after the greatest number 1 again: 0 asks for a new session.
 * (FetchMetadata.nextEpoch) */
static int32_t next_epoch(int32_t epoch)
{
    return epoch == INT32_MAX ? 1 : epoch + 1;
}

static void session_touch(struct fetch_sessions *sessions, struct fetch_session *session,
                          int64_t now_ns)
{
    session->used_ns = now_ns;
    list_remove(&session->link);
    list_push_back(&sessions->by_use, &session->link);
}

enum kafka_error fetch_sessions_use(struct fetch_sessions *sessions, int32_t id, int32_t epoch,
                                    bool uses_topic_ids, int64_t now_ns,
                                    struct fetch_session **used)
{
    struct fetch_session *session = fetch_sessions_find(sessions, id);
    if (session == NULL) return KAFKA_ERROR_FETCH_SESSION_ID_NOT_FOUND;
    if (session->epoch != epoch) return KAFKA_ERROR_INVALID_FETCH_SESSION_EPOCH;
    if (session->uses_topic_ids != uses_topic_ids) return KAFKA_ERROR_FETCH_SESSION_TOPIC_ID_ERROR;
    session_touch(sessions, session, now_ns);
    session->epoch = next_epoch(session->epoch);
    *used = session;
    return KAFKA_ERROR_NONE;
}

/* Who goes for a newcomer of that many partitions: the one that nobody uses any more, else the
 * least valuable of those that had their time. */
static struct fetch_session *session_to_evict(const struct fetch_sessions *sessions,
                                              int32_t partitions, int64_t now_ns)
{
    struct list_link *link = list_first(&sessions->by_use);
    if (link == NULL) return NULL;
    struct fetch_session *least = CONTAINER_OF(link, struct fetch_session, link);
    if (now_ns - least->used_ns > EVICTION_NS) return least;
    least = NULL;
    for (; link != NULL; link = list_next(&sessions->by_use, link)) {
        struct fetch_session *session = CONTAINER_OF(link, struct fetch_session, link);
        if (now_ns - session->created_ns <= EVICTION_NS) continue;
        if (map_count(&session->partitions) >= (size_t)partitions) continue;
        if (least == NULL || map_count(&session->partitions) < map_count(&least->partitions))
            least = session;
    }
    return least;
}

static int32_t fresh_id(struct fetch_sessions *sessions)
{
    for (;;) {
        int32_t id = (int32_t)prng_below(&sessions->random, INT32_MAX - 1) + 1;
        if (fetch_sessions_find(sessions, id) == NULL) return id;
    }
}

struct fetch_session *fetch_sessions_create(struct fetch_sessions *sessions, int32_t partitions,
                                            bool uses_topic_ids, int64_t now_ns)
{
    ASSERT(partitions >= 0);
    if (sessions->partition_count + (size_t)partitions > FETCH_SESSION_PARTITIONS_MAX) return NULL;
    if (map_count(&sessions->by_id) >= (size_t)sessions->slots) {
        struct fetch_session *evicted = session_to_evict(sessions, partitions, now_ns);
        if (evicted == NULL) return NULL;
        fetch_sessions_close(sessions, evicted);
    }
    struct fetch_session *session = memory_alloc_zero(sizeof(*session));
    session->id = fresh_id(sessions);
    session->epoch = next_epoch(FETCH_EPOCH_INITIAL);
    session->uses_topic_ids = uses_topic_ids;
    session->created_ns = session->used_ns = now_ns;
    map_init(&session->partitions, prng_next(&sessions->random));
    list_init(&session->order);
    list_push_back(&sessions->by_use, &session->link);
    map_put(&sessions->by_id, id_key(session), session);
    return session;
}

struct fetch_session_partition *fetch_session_find(const struct fetch_session *session,
                                                   const struct fetch_target *target)
{
    uint8_t bytes[KEY_FIXED_SIZE + TOPIC_NAME_MAX];
    if (target->topic.size > TOPIC_NAME_MAX) return NULL;
    return map_get(&session->partitions, key_write(target, bytes));
}

bool fetch_session_put(struct fetch_sessions *sessions, struct fetch_session *session,
                       const struct fetch_target *target)
{
    struct fetch_session_partition *partition = fetch_session_find(session, target);
    if (partition != NULL) {
        struct slice name = partition->target.topic;
        partition->target = *target;
        partition->target.topic = name;
        return true;
    }
    if (sessions->partition_count >= FETCH_SESSION_PARTITIONS_MAX) return false;
    if (target->topic.size > TOPIC_NAME_MAX) return false;
    size_t size = key_size(target);
    partition = memory_alloc(sizeof(*partition) + size + target->topic.size);
    *partition = (struct fetch_session_partition){
        .target = *target, .high_watermark = -1, .log_start_offset = -1, .key_size = size};
    key_write(target, partition->bytes);
    if (!slice_is_null(target->topic)) {
        memcpy(partition->bytes + size, target->topic.data, target->topic.size);
        partition->target.topic.data = partition->bytes + size;
    }
    list_push_back(&session->order, &partition->link);
    map_put(&session->partitions, partition_key(partition), partition);
    sessions->partition_count++;
    return true;
}

void fetch_session_forget(struct fetch_sessions *sessions, struct fetch_session *session,
                          const struct fetch_target *target)
{
    struct fetch_session_partition *partition = fetch_session_find(session, target);
    if (partition == NULL) return;
    void *removed = map_remove(&session->partitions, partition_key(partition));
    ASSERT(removed == partition);
    partition_free(sessions, partition);
}

struct fetch_session_partition *fetch_session_next(const struct fetch_session *session,
                                                   const struct fetch_session_partition *after)
{
    struct list_link *link =
        after == NULL ? list_first(&session->order) : list_next(&session->order, &after->link);
    return link == NULL ? NULL : CONTAINER_OF(link, struct fetch_session_partition, link);
}

bool fetch_session_has_news(const struct fetch_session_partition *partition,
                            const struct fetch_session_facts *facts)
{
    return facts->error != KAFKA_ERROR_NONE || facts->record_bytes > 0 || facts->diverges ||
           partition->high_watermark != facts->high_watermark ||
           partition->log_start_offset != facts->log_start_offset;
}

bool fetch_session_tell(struct fetch_session *session, struct fetch_session_partition *partition,
                        const struct fetch_session_facts *facts)
{
    bool news = fetch_session_has_news(partition, facts);
    /* When an error goes away, that is news again. */
    partition->high_watermark = facts->error != KAFKA_ERROR_NONE ? -1 : facts->high_watermark;
    partition->log_start_offset = facts->log_start_offset;
    if (facts->record_bytes > 0) {
        list_remove(&partition->link);
        list_push_back(&session->order, &partition->link);
    }
    return news;
}

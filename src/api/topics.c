/* What several APIs say about topics and brokers in the same way. */
#include "api/topics.h"

bool topics_is_internal(struct slice name)
{
    return slice_equal(name, SLICE("__consumer_offsets")) ||
           slice_equal(name, SLICE("__transaction_state")) ||
           slice_equal(name, SLICE("__share_group_state"));
}

enum kafka_error topics_find(const struct image *image, struct slice name, const struct uuid *id,
                             int32_t partition, const struct image_topic **topic)
{
    bool by_name = uuid_is_zero(id);
    const struct image_topic *found =
        by_name ? image_topic_by_name(image, name) : image_topic_by_id(image, id);
    if (found == NULL && !by_name) return KAFKA_ERROR_UNKNOWN_TOPIC_ID;
    if (found == NULL || image_partition(found, partition) == NULL)
        return KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    *topic = found;
    return KAFKA_ERROR_NONE;
}

int32_t *topics_offline_replicas(const struct image *image, const struct image_partition *partition,
                                 struct arena *arena, int32_t *count)
{
    int32_t *offline = NULL;
    *count = 0;
    for (int32_t i = 0; i < partition->replica_count; i++) {
        const struct image_broker *broker = image_broker_by_id(image, partition->replicas[i]);
        if (broker != NULL && !broker->fenced) continue;
        if (offline == NULL)
            offline = arena_alloc(arena, (size_t)partition->replica_count * sizeof(offline[0]));
        offline[(*count)++] = partition->replicas[i];
    }
    return offline;
}

static bool broker_at(const struct image_broker *broker, struct slice listener,
                      struct topics_broker *found)
{
    const struct image_endpoint *endpoint = image_broker_endpoint(broker, listener);
    if (endpoint == NULL) return false;
    *found = (struct topics_broker){
        .host = endpoint->host,
        .rack = broker->rack,
        .id = broker->id,
        .port = endpoint->port,
        .fenced = broker->fenced,
    };
    return true;
}

bool topics_broker(const struct api_request *request, int32_t id, struct topics_broker *broker)
{
    const struct image_broker *known = image_broker_by_id(shard_image(request->shard), id);
    if (known == NULL || known->fenced) return false;
    return broker_at(known, api_listener_name(request), broker);
}

bool topics_leader(const struct api_request *request, struct slice topic, const struct uuid *id,
                   int32_t partition, struct topics_leader *leader)
{
    const struct image_topic *found;
    if (topics_find(shard_image(request->shard), topic, id, partition, &found) != KAFKA_ERROR_NONE)
        return false;
    const struct image_partition *known = image_partition(found, partition);
    leader->id = known->leader;
    leader->epoch = known->leader_epoch;
    leader->live = topics_broker(request, known->leader, &leader->broker);
    return true;
}

int32_t topics_brokers(struct api_request *request, bool fenced, struct topics_broker **brokers)
{
    const struct image *image = shard_image(request->shard);
    struct slice listener = api_listener_name(request);
    int32_t count = 0;
    const struct image_broker *broker = NULL;
    while ((broker = image_broker_next(image, broker == NULL ? -1 : broker->id)) != NULL)
        count++;

    *brokers = arena_alloc(request->arena, (size_t)count * sizeof(**brokers) + 1);
    int32_t found = 0;
    while ((broker = image_broker_next(image, broker == NULL ? -1 : broker->id)) != NULL) {
        if (broker->fenced && !fenced) continue;
        ASSERT(found < count);
        if (broker_at(broker, listener, &(*brokers)[found])) found++;
    }
    return found;
}

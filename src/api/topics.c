/* What several APIs say about topics and brokers in the same way. */
#include "api/topics.h"

bool topics_is_internal(struct slice name)
{
    return slice_equal(name, SLICE("__consumer_offsets")) ||
           slice_equal(name, SLICE("__transaction_state")) ||
           slice_equal(name, SLICE("__share_group_state"));
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

int32_t topics_brokers(struct api_request *request, bool fenced, struct topics_broker **brokers)
{
    const struct image *image = shard_image(request->shard);
    struct slice listener = api_listener_name(request);
    int32_t count = 0;
    const struct image_broker *broker = NULL;
    while ((broker = image_broker_next(image, broker == NULL ? -1 : broker->id)) != NULL) count++;

    *brokers = arena_alloc(request->arena, (size_t)count * sizeof(**brokers) + 1);
    int32_t found = 0;
    while ((broker = image_broker_next(image, broker == NULL ? -1 : broker->id)) != NULL) {
        const struct image_endpoint *endpoint = image_broker_endpoint(broker, listener);
        if (endpoint == NULL || (broker->fenced && !fenced)) continue;
        ASSERT(found < count);
        (*brokers)[found++] = (struct topics_broker){
            .host = endpoint->host,
            .rack = broker->rack,
            .id = broker->id,
            .port = endpoint->port,
            .fenced = broker->fenced,
        };
    }
    return found;
}

/* DescribeLogDirs: what lies in this broker's folder, and how much room its volume has.
 * (KIP-113, KIP-827, KIP-1066; ReplicaManager.describeLogDirs) */
#include <stdlib.h>

#include "api/join.h"
#include "base/memory.h"

enum { NOT_KNOWN = -1, ALL = -1 /* a null list */ };

struct listed {
    struct call_log log;
    bool wanted;
};

struct description {
    struct describe_log_dirs_response response;
    struct describe_log_dirs_response_describe_log_dirs_result folder;
    struct listed *logs; /* by topic, then by index */
    size_t count;
};

/* --- what was asked for ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct call_log *left = &((const struct listed *)a)->log;
    const struct call_log *right = &((const struct listed *)b)->log;
    int order = uuid_compare(&left->topic_id, &right->topic_id);
    if (order != 0) return order;
    return (left->index > right->index) - (left->index < right->index);
}

static void want(struct description *description, const struct uuid *topic_id, int32_t index)
{
    struct listed key = {.log = {.topic_id = *topic_id, .index = index}};
    if (description->count == 0) return;
    struct listed *found =
        bsearch(&key, description->logs, description->count, sizeof(key), compare);
    if (found != NULL) found->wanted = true;
}

/* A partition that is asked for twice is told once; one that is not here, not at all. */
static void choose(struct description *description, const struct describe_log_dirs_request *asked,
                   const struct image *image)
{
    for (size_t i = 0; i < description->count; i++)
        description->logs[i].wanted = asked->topics_count == ALL;
    for (int32_t i = 0; i < asked->topics_count; i++) {
        const struct image_topic *topic = image_topic_by_name(image, asked->topics[i].topic);
        if (topic == NULL) continue;
        for (int32_t j = 0; j < asked->topics[i].partitions_count; j++)
            want(description, &topic->id, asked->topics[i].partitions[j]);
    }
}

/* --- the answer ------------------------------------------------------------------------------- */

/* The partitions of one topic, from `from` on; where the next one begins. */
static size_t tell_topic(struct description *description, size_t from, const struct image *image,
                         struct describe_log_dirs_response_describe_log_dirs_partition *room)
{
    struct describe_log_dirs_response_describe_log_dirs_result *folder = &description->folder;
    struct uuid id = description->logs[from].log.topic_id;
    const struct image_topic *topic = image_topic_by_id(image, &id);
    int32_t told = 0;
    size_t at = from;
    for (; at < description->count; at++) {
        const struct listed *listed = &description->logs[at];
        if (!uuid_equal(&listed->log.topic_id, &id)) break;
        if (!listed->wanted || topic == NULL) continue; /* it was deleted just now */
        room[told++] = (struct describe_log_dirs_response_describe_log_dirs_partition){
            .partition_index = listed->log.index,
            .partition_size = listed->log.size_bytes,
            .offset_lag = listed->log.offset_lag,
        };
    }
    if (told > 0)
        folder->topics[folder->topics_count++] =
            (struct describe_log_dirs_response_describe_log_dirs_topic){
                .name = topic->name, .partitions = room, .partitions_count = told};
    ASSERT(at > from);
    return at;
}

static void tell_topics(struct description *description, struct arena *arena,
                        const struct image *image)
{
    size_t count = description->count;
    struct describe_log_dirs_response_describe_log_dirs_partition *partitions =
        arena_alloc(arena, count * sizeof(partitions[0]));
    description->folder.topics = arena_alloc(arena, count * sizeof(description->folder.topics[0]));
    /* Each has its place, told or not: a topic's partitions stand together. */
    for (size_t at = 0; at < count;)
        at = tell_topic(description, at, image, partitions + at);
}

/* What the shards have told becomes one sorted list, and theirs is freed. */
static bool gather(struct join *join, struct description *description)
{
    size_t each = sizeof(struct listed) +
                  sizeof(struct describe_log_dirs_response_describe_log_dirs_partition) +
                  sizeof(struct describe_log_dirs_response_describe_log_dirs_topic);
    size_t count = 0;
    for (int32_t i = 1; i < join->count; i++)
        count += join->calls[i].call.logs.count;
    bool fits = api_has_room(join->request, count * each);
    if (fits) description->logs = arena_alloc(join->request->arena, count * sizeof(struct listed));
    for (int32_t i = 1; i < join->count; i++) {
        struct call_logs *told = &join->calls[i].call.logs;
        for (size_t j = 0; fits && j < told->count; j++)
            description->logs[description->count++].log = told->logs[j];
        memory_free(told->logs);
    }
    if (description->count > 0)
        qsort(description->logs, description->count, sizeof(struct listed), compare);
    return fits;
}

/* Brokers say which of their folders take no new replicas when they register. (KIP-1066) */
static bool is_cordoned(struct shard *shard)
{
    const struct image_broker *broker =
        image_broker_by_id(shard_image(shard), shard_node_id(shard));
    struct uuid own = shard_directory_id(shard);
    for (int32_t i = 0; broker != NULL && i < broker->cordoned_log_dir_count; i++)
        if (uuid_equal(&broker->cordoned_log_dirs[i], &own)) return true;
    return false;
}

static void tell_folder(struct join *join, struct description *description)
{
    const struct call *call = &join->calls[0].call;
    struct shard *shard = join->request->shard;
    description->folder = (struct describe_log_dirs_response_describe_log_dirs_result){
        .error_code = (int16_t)call->error,
        .log_dir = arena_printf(join->request->arena, "%s", call->folder.path),
        .total_bytes = NOT_KNOWN,
        .usable_bytes = NOT_KNOWN,
    };
    memory_free(call->folder.path);
    if (call->error != KAFKA_ERROR_NONE) return;
    description->folder.total_bytes = call->folder.total_bytes;
    description->folder.usable_bytes = call->folder.usable_bytes;
    description->folder.is_cordoned = is_cordoned(shard);
    const struct image *image = shard_image(shard);
    choose(description, join->request->message, image);
    tell_topics(description, join->request->arena, image);
}

static void describe_each(struct join_call *one)
{
    (void)one; /* only all of them make an answer */
}

static void describe_all(struct join *join)
{
    struct description *description = join->response;
    bool fits = gather(join, description);
    tell_folder(join, description);
    if (fits)
        api_reply(join->request, &description->response);
    else
        api_close(join->request);
}

void api_describe_log_dirs(struct api_request *request)
{
    int32_t shards = shard_count(request->shard);
    struct join *join = join_create(request, 1 + shards);
    if (join == NULL) {
        api_close(request);
        return;
    }
    struct description *description = arena_alloc(request->arena, sizeof(*description));
    wire_defaults(&wire_describe_log_dirs_response, &description->response);
    description->logs = NULL;
    description->count = 0;
    description->response.results = &description->folder;
    description->response.results_count = 1;
    join->response = description;
    join->each = describe_each;
    join->all = describe_all;
    (void)join_add(join, CALL_FOLDER, &UUID_ZERO, 0, NULL);
    for (int32_t i = 0; i < shards; i++)
        join_add(join, CALL_LOGS, &UUID_ZERO, 0, NULL)->call.logs.shard = i;
    join_start(join);
}

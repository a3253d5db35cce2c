/* DescribeLogDirs: what lies in this broker's folders, and how much room their volumes have.
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
    struct describe_log_dirs_response_describe_log_dirs_result *folders;
    int32_t folder_count;
    struct listed *logs; /* by folder, by topic, then by index */
    size_t count;
};

/* --- what was asked for ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct call_log *left = &((const struct listed *)a)->log;
    const struct call_log *right = &((const struct listed *)b)->log;
    if (left->folder != right->folder) return left->folder < right->folder ? -1 : 1;
    int order = uuid_compare(&left->topic_id, &right->topic_id);
    if (order != 0) return order;
    return (left->index > right->index) - (left->index < right->index);
}

static void want(struct description *description, const struct uuid *topic_id, int32_t index)
{
    for (int32_t i = 0; i < description->folder_count && description->count > 0; i++) {
        struct listed key = {.log = {.topic_id = *topic_id, .index = index, .folder = i}};
        struct listed *found =
            bsearch(&key, description->logs, description->count, sizeof(key), compare);
        if (found != NULL) found->wanted = true;
    }
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

/* The partitions of one topic in one folder, from `from` on; where the next ones begin. */
static size_t tell_topic(struct description *description, size_t from, const struct image *image,
                         struct describe_log_dirs_response_describe_log_dirs_partition *room)
{
    const struct call_log *first = &description->logs[from].log;
    struct describe_log_dirs_response_describe_log_dirs_result *folder =
        &description->folders[first->folder];
    struct uuid id = first->topic_id;
    const struct image_topic *topic = image_topic_by_id(image, &id);
    int32_t told = 0;
    size_t at = from;
    for (; at < description->count; at++) {
        const struct listed *listed = &description->logs[at];
        if (!uuid_equal(&listed->log.topic_id, &id) || listed->log.folder != first->folder) break;
        if (!listed->wanted || folder->error_code != KAFKA_ERROR_NONE) continue;
        if (topic == NULL) continue; /* it was deleted just now */
        room[told++] = (struct describe_log_dirs_response_describe_log_dirs_partition){
            .partition_index = listed->log.index,
            .partition_size = listed->log.size_bytes,
            .offset_lag = listed->log.offset_lag,
            .is_future_key = listed->log.is_future,
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
    struct describe_log_dirs_response_describe_log_dirs_topic *topics =
        arena_alloc(arena, count * sizeof(topics[0]));
    /* Each has its place, told or not: a topic's partitions stand together, and a folder's
     * topics. */
    for (size_t at = 0; at < count;) {
        struct describe_log_dirs_response_describe_log_dirs_result *folder =
            &description->folders[description->logs[at].log.folder];
        if (folder->topics == NULL) folder->topics = topics + at;
        at = tell_topic(description, at, image, partitions + at);
    }
}

/* What the shards have told becomes one sorted list, and theirs is freed. */
static bool gather(struct join *join, struct description *description)
{
    size_t each = sizeof(struct listed) +
                  sizeof(struct describe_log_dirs_response_describe_log_dirs_partition) +
                  sizeof(struct describe_log_dirs_response_describe_log_dirs_topic);
    size_t count = 0;
    for (int32_t i = description->folder_count; i < join->count; i++)
        count += join->calls[i].call.logs.count;
    bool fits = api_has_room(join->request, count * each);
    if (fits) description->logs = arena_alloc(join->request->arena, count * sizeof(struct listed));
    for (int32_t i = description->folder_count; i < join->count; i++) {
        struct call_logs *told = &join->calls[i].call.logs;
        for (size_t j = 0; fits && j < told->count; j++)
            description->logs[description->count++].log = told->logs[j];
        memory_free(told->logs);
    }
    if (description->count > 0)
        qsort(description->logs, description->count, sizeof(struct listed), compare);
    return fits;
}

static void tell_folder(struct arena *arena, const struct call *call,
                        struct describe_log_dirs_response_describe_log_dirs_result *folder)
{
    *folder = (struct describe_log_dirs_response_describe_log_dirs_result){
        .error_code = (int16_t)call->error,
        .log_dir = arena_printf(arena, "%s", call->folder.path),
        .total_bytes = NOT_KNOWN,
        .usable_bytes = NOT_KNOWN,
    };
    if (call->error != KAFKA_ERROR_NONE) return;
    folder->total_bytes = call->folder.total_bytes;
    folder->usable_bytes = call->folder.usable_bytes;
    folder->is_cordoned = call->folder.is_cordoned;
}

static void tell_folders(struct join *join, struct description *description)
{
    struct arena *arena = join->request->arena;
    for (int32_t i = 0; i < description->folder_count; i++)
        tell_folder(arena, &join->calls[i].call, &description->folders[i]);
    const struct image *image = shard_image(join->request->shard);
    choose(description, join->request->message, image);
    tell_topics(description, arena, image);
}

static void describe_each(struct join_call *one)
{
    (void)one; /* only all of them make an answer */
}

static void describe_all(struct join *join)
{
    struct description *description = join->response;
    if (!gather(join, description)) {
        api_close(join->request);
        return;
    }
    tell_folders(join, description);
    api_reply(join->request, &description->response);
}

void api_describe_log_dirs(struct api_request *request)
{
    int32_t folders = shard_folder_count(request->shard);
    int32_t shards = shard_count(request->shard);
    struct join *join = join_create(request, folders + shards);
    if (join == NULL) {
        api_close(request);
        return;
    }
    struct description *description = arena_alloc(request->arena, sizeof(*description));
    *description = (struct description){.folder_count = folders};
    wire_defaults(&wire_describe_log_dirs_response, &description->response);
    description->folders =
        arena_alloc(request->arena, (size_t)folders * sizeof(description->folders[0]));
    description->response.results = description->folders;
    description->response.results_count = folders;
    join->response = description;
    join->each = describe_each;
    join->all = describe_all;
    for (int32_t i = 0; i < folders; i++)
        join_add(join, CALL_FOLDER, &UUID_ZERO, 0, NULL)->call.folder.index = i;
    for (int32_t i = 0; i < shards; i++)
        join_add(join, CALL_LOGS, &UUID_ZERO, 0, NULL)->call.logs.shard = i;
    join_start(join);
}

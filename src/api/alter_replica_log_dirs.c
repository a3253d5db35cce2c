/* AlterReplicaLogDirs: logs go to other folders of this node; the answer does not wait for it.
 * (KIP-113; ReplicaManager.alterReplicaLogDirs) */
#include <stdio.h>

#include "api/join.h"
#include "api/topics.h"
#include "base/map.h"

enum { NAME_BYTES_MAX = 255, FUTURE_SUFFIX_BYTES = 1 + 32 + 7 }; /* ".<uuid>-future" */

/* Their names in the schema are long. */
#define topic_answer alter_replica_log_dirs_response_alter_replica_log_dir_topic_result
#define partition_answer alter_replica_log_dirs_response_alter_replica_log_dir_partition_result
#define topic_asked alter_replica_log_dirs_request_alter_replica_log_dir_topic

/* A partition goes to one folder: of several that are named, the last. */
struct wish {
    struct {
        int32_t topic; /* its place in the answer */
        int32_t partition;
    } key;
    int32_t folder; /* -1: none of ours */
};

struct wishes {
    struct join *join;
    struct alter_replica_log_dirs_response *response;
    struct map topics; /* of the answer, by name */
    struct map by_key;
    struct wish *list; /* in the order of the request */
    int32_t count;
};

static bool is_too_long(struct slice topic, int32_t partition)
{
    char digits[16];
    int size = snprintf(digits, sizeof(digits), "-%d", (int)partition);
    return topic.size + (size_t)size + FUTURE_SUFFIX_BYTES > NAME_BYTES_MAX;
}

/* In Kafka's order. */
static enum kafka_error check(const struct shard *shard, int32_t folder, struct slice name,
                              int32_t partition, const struct image_topic **topic)
{
    if (is_too_long(name, partition)) return KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
    if (folder < 0) return KAFKA_ERROR_LOG_DIR_NOT_FOUND;
    if (shard_folder_has_failed(shard, folder)) return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    if (shard_folder_is_cordoned(shard, folder)) return KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
    enum kafka_error error = topics_find(shard_image(shard), name, &UUID_ZERO, partition, topic);
    if (error != KAFKA_ERROR_NONE) return error;
    bool is_ours =
        controller_directory(image_partition(*topic, partition), shard_node_id(shard)) != NULL;
    return is_ours ? KAFKA_ERROR_NONE : KAFKA_ERROR_REPLICA_NOT_AVAILABLE;
}

static void move_each(struct join_call *one)
{
    struct partition_answer *answer = one->answer;
    answer->error_code = (int16_t)one->call.error;
}

static struct topic_answer *answer_of(struct wishes *wishes, struct slice name)
{
    struct topic_answer *answer = map_get(&wishes->topics, name);
    if (answer != NULL) return answer;
    answer = &wishes->response->results[wishes->response->results_count++];
    *answer = (struct topic_answer){.topic_name = name};
    map_put(&wishes->topics, answer->topic_name, answer);
    return answer;
}

static void wish(struct wishes *wishes, struct slice name, int32_t partition, int32_t folder)
{
    struct topic_answer *answer = answer_of(wishes, name);
    struct wish *wish = &wishes->list[wishes->count];
    *wish = (struct wish){.key = {(int32_t)(answer - wishes->response->results), partition}};
    struct wish *before = map_get(&wishes->by_key, MAP_KEY(wish->key));
    if (before != NULL) {
        before->folder = folder;
        return;
    }
    wish->folder = folder;
    map_put(&wishes->by_key, MAP_KEY(wish->key), wish);
    wishes->count++;
    answer->partitions_count++;
}

static void take(struct wishes *wishes, const struct alter_replica_log_dirs_request *asked)
{
    for (int32_t i = 0; i < asked->dirs_count; i++) {
        int32_t folder = shard_folder_by_path(wishes->join->request->shard, asked->dirs[i].path);
        for (int32_t j = 0; j < asked->dirs[i].topics_count; j++) {
            const struct topic_asked *topic = &asked->dirs[i].topics[j];
            for (int32_t k = 0; k < topic->partitions_count; k++)
                wish(wishes, topic->name, topic->partitions[k], folder);
        }
    }
}

static void make_room(struct wishes *wishes)
{
    for (int32_t i = 0; i < wishes->response->results_count; i++) {
        struct topic_answer *answer = &wishes->response->results[i];
        size_t size = (size_t)answer->partitions_count * sizeof(answer->partitions[0]);
        answer->partitions = arena_alloc(wishes->join->request->arena, size);
        answer->partitions_count = 0;
    }
}

static void fulfil(struct wishes *wishes, const struct wish *wish)
{
    struct join *join = wishes->join;
    struct topic_answer *topic_answer = &wishes->response->results[wish->key.topic];
    struct partition_answer *answer = &topic_answer->partitions[topic_answer->partitions_count++];
    const struct image_topic *topic;
    *answer = (struct partition_answer){.partition_index = wish->key.partition};
    enum kafka_error error = check(join->request->shard, wish->folder, topic_answer->topic_name,
                                   wish->key.partition, &topic);
    answer->error_code = (int16_t)error;
    if (error != KAFKA_ERROR_NONE) return;
    join_add(join, CALL_MOVE, &topic->id, wish->key.partition, answer)->call.move.folder =
        wish->folder;
}

void api_alter_replica_log_dirs(struct api_request *request)
{
    const struct alter_replica_log_dirs_request *asked = request->message;
    size_t topics = 0;
    int32_t partitions = 0;
    for (int32_t i = 0; i < asked->dirs_count; i++) {
        topics += (size_t)asked->dirs[i].topics_count;
        for (int32_t j = 0; j < asked->dirs[i].topics_count; j++)
            partitions += asked->dirs[i].topics[j].partitions_count;
    }
    size_t bytes = topics * sizeof(struct topic_answer) +
                   (size_t)partitions * (sizeof(struct wish) + sizeof(struct partition_answer));
    if (!api_has_room(request, bytes)) {
        api_close(request);
        return;
    }
    struct join *join = join_answering(request, partitions, move_each);
    if (join == NULL) return;
    struct wishes wishes = {.join = join, .response = join->response};
    wishes.response->results = arena_alloc(request->arena, topics * sizeof(struct topic_answer));
    wishes.list = arena_alloc(request->arena, (size_t)partitions * sizeof(struct wish));
    map_init(&wishes.topics, request->seed);
    map_init(&wishes.by_key, request->seed);
    take(&wishes, asked);
    map_deinit(&wishes.topics);
    map_deinit(&wishes.by_key);
    make_room(&wishes);
    for (int32_t i = 0; i < wishes.count; i++)
        fulfil(&wishes, &wishes.list[i]);
    join_start(join);
}

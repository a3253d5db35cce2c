/* DescribeTopicPartitions: topics page by page, with the eligible leader replicas. (KIP-966;
 * DescribeTopicPartitionsRequestHandler) */
#include <stdlib.h>

#include "api/topics.h"

enum { PAGE_REPLICAS = 16 }; /* of a partition, when room for a page is asked for */

/* One page under way: partitions are handed out until `left` is used up. */
struct page {
    struct api_request *request;
    struct describe_topic_partitions_response *answer;
    struct slice first_topic;
    int32_t first_partition; /* of the cursor's topic */
    int32_t left;
};

static int compare_names(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* The names asked for, each once, in order; all topics if none was named. Names before the cursor's
 * are left out. */
static struct slice *page_names(const struct page *page, int32_t *count)
{
    const struct describe_topic_partitions_request *asked = page->request->message;
    const struct image *image = shard_image(page->request->shard);
    bool all = asked->topics_count == 0;
    size_t max = all ? image_topic_count(image) : (size_t)asked->topics_count;
    struct slice *names = arena_alloc(page->request->arena, max * sizeof(names[0]) + 1);
    size_t filled = 0;
    if (all) {
        struct slice cursor = SLICE_NULL;
        const struct image_topic *topic;
        while ((topic = image_topic_next(image, &cursor)) != NULL)
            names[filled++] = topic->name;
    } else {
        for (; filled < max; filled++)
            names[filled] = asked->topics[filled].name;
        qsort(names, max, sizeof(names[0]), compare_names);
    }
    *count = 0;
    for (size_t i = 0; i < filled; i++) {
        if (slice_compare(names[i], page->first_topic) < 0) continue;
        if (*count > 0 && slice_equal(names[*count - 1], names[i])) continue;
        names[(*count)++] = names[i];
    }
    return names;
}

static void page_partition(
    const struct page *page, const struct image_partition *partition, int32_t index,
    struct describe_topic_partitions_response_describe_topic_partitions_response_partition *answer)
{
    *answer =
        (struct describe_topic_partitions_response_describe_topic_partitions_response_partition){
            .error_code = partition->leader == IMAGE_NO_LEADER
                              ? (int16_t)KAFKA_ERROR_LEADER_NOT_AVAILABLE
                              : (int16_t)KAFKA_ERROR_NONE,
            .partition_index = index,
            .leader_id = partition->leader,
            .leader_epoch = partition->leader_epoch,
            .replica_nodes = partition->replicas,
            .replica_nodes_count = partition->replica_count,
            .isr_nodes = partition->isr,
            .isr_nodes_count = partition->isr_count,
            .eligible_leader_replicas = partition->elr,
            .eligible_leader_replicas_count = partition->elr_count,
            .last_known_elr = partition->last_known_elr,
            .last_known_elr_count = partition->last_known_elr_count,
        };
    answer->offline_replicas =
        topics_offline_replicas(shard_image(page->request->shard), partition, page->request->arena,
                                &answer->offline_replicas_count);
}

/* Where the next page begins. */
static void page_end(struct page *page, struct slice topic, int32_t partition)
{
    struct describe_topic_partitions_response_cursor *cursor =
        arena_alloc(page->request->arena, sizeof(*cursor));
    cursor->topic_name = topic;
    cursor->partition_index = partition;
    page->answer->next_cursor = cursor;
}

static void page_topic(
    struct page *page, struct slice name,
    struct describe_topic_partitions_response_describe_topic_partitions_response_topic *answer)
{
    const struct image_topic *topic = image_topic_by_name(shard_image(page->request->shard), name);
    *answer = (struct describe_topic_partitions_response_describe_topic_partitions_response_topic){
        .name = name,
        .is_internal = topics_is_internal(name),
        .topic_authorized_operations = TOPICS_ALL_OPERATIONS,
    };
    if (topic == NULL) {
        bool valid = slice_is_null(controller_check_topic_name(name, page->request->arena));
        answer->error_code = valid ? (int16_t)KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION
                                   : (int16_t)KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
        return;
    }
    answer->topic_id = topic->id;
    int32_t first = slice_equal(name, page->first_topic) ? page->first_partition : 0;
    if (first < 0) first = 0;
    int32_t count = topic->partition_count - first;
    if (count < 0) count = 0;
    if (count > page->left) {
        count = page->left;
        page_end(page, topic->name, first + count);
    }
    answer->partitions =
        arena_alloc(page->request->arena, (size_t)count * sizeof(answer->partitions[0]) + 1);
    for (int32_t i = 0; i < count; i++)
        page_partition(page, &topic->partitions[first + i], first + i, &answer->partitions[i]);
    answer->partitions_count = count;
    page->left -= count;
}

/* Names and topics of the whole cluster, partitions of a page. */
static size_t page_bytes_max(const struct page *page)
{
    const struct describe_topic_partitions_response *answer = page->answer;
    size_t topics = image_topic_count(shard_image(page->request->shard));
    return topics * (sizeof(answer->topics[0]) + sizeof(struct slice)) +
           (size_t)page->left *
               (sizeof(answer->topics[0].partitions[0]) + PAGE_REPLICAS * sizeof(int32_t));
}

/* A cursor points to a partition, and to a topic that is asked for. */
static bool cursor_is_valid(const struct describe_topic_partitions_request *asked)
{
    if (asked->cursor == NULL) return true;
    if (asked->cursor->partition_index < 0) return false;
    for (int32_t i = 0; i < asked->topics_count; i++) {
        if (slice_equal(asked->topics[i].name, asked->cursor->topic_name)) return true;
    }
    return asked->topics_count == 0;
}

static void refuse_cursor(struct api_request *request,
                          struct describe_topic_partitions_response *answer)
{
    const struct describe_topic_partitions_request *asked = request->message;
    answer->topics_count = asked->topics_count;
    answer->topics =
        arena_alloc(request->arena, (size_t)asked->topics_count * sizeof(answer->topics[0]));
    for (int32_t i = 0; i < asked->topics_count; i++) {
        answer->topics[i] =
            (struct describe_topic_partitions_response_describe_topic_partitions_response_topic){
                .error_code = (int16_t)KAFKA_ERROR_INVALID_REQUEST,
                .name = asked->topics[i].name,
                .topic_authorized_operations = TOPICS_OPERATIONS_NOT_ASKED,
            };
    }
    api_reply(request, answer);
}

void api_describe_topic_partitions(struct api_request *request)
{
    const struct describe_topic_partitions_request *asked = request->message;
    struct describe_topic_partitions_response *answer =
        arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_describe_topic_partitions_response, answer);
    if (!cursor_is_valid(asked)) {
        refuse_cursor(request, answer);
        return;
    }
    int32_t limit = (int32_t)settings_number(shard_settings(request->shard),
                                             SETTING_MAX_REQUEST_PARTITION_SIZE_LIMIT);
    struct page page = {
        .request = request, .answer = answer, .first_topic = SLICE(""), .left = limit};
    if (asked->response_partition_limit < limit) page.left = asked->response_partition_limit;
    if (page.left < 1) page.left = 1; /* or a client would ask for ever */
    if (asked->cursor != NULL) {
        page.first_topic = asked->cursor->topic_name;
        page.first_partition = asked->cursor->partition_index;
    }
    int32_t count;
    if (!api_has_room(request, page_bytes_max(&page))) {
        api_close(request);
        return;
    }
    struct slice *names = page_names(&page, &count);
    answer->topics = arena_alloc(request->arena, (size_t)count * sizeof(answer->topics[0]) + 1);
    for (int32_t i = 0; i < count && answer->next_cursor == NULL; i++) {
        if (page.left == 0) {
            page_end(&page, names[i], 0);
            break;
        }
        page_topic(&page, names[i], &answer->topics[answer->topics_count++]);
    }
    api_reply(request, answer);
}

/* ListConfigResources: what has settings of its own or may have them. (KIP-1142;
 * KafkaApis.handleListConfigResources) */
#include "api/topics.h"

enum { VERSION_WITH_TYPES = 1 }; /* before: subscriptions of client metrics, KIP-714 */

struct config_resources {
    const struct api_request *request;
    struct list_config_resources_response *answer;
};

/* Kafka's order. */
static const enum image_resource types[] = {
    IMAGE_RESOURCE_GROUP,  IMAGE_RESOURCE_CLIENT_METRICS, IMAGE_RESOURCE_BROKER_LOGGER,
    IMAGE_RESOURCE_BROKER, IMAGE_RESOURCE_TOPIC,
};

static bool is_type(int8_t asked)
{
    for (size_t i = 0; i < ARRAY_COUNT(types); i++)
        if (asked == (int8_t)types[i]) return true;
    return false;
}

static bool wants(const struct config_resources *resources, enum image_resource type)
{
    const struct list_config_resources_request *asked = resources->request->message;
    if (resources->request->version < VERSION_WITH_TYPES)
        return type == IMAGE_RESOURCE_CLIENT_METRICS;
    for (int32_t i = 0; i < asked->resource_types_count; i++)
        if (asked->resource_types[i] == (int8_t)type) return true;
    return asked->resource_types_count == 0;
}

/* The next resource of a type that is not a broker's. Groups and subscriptions are there when they
 * have settings. */
static bool next_name(const struct image *image, enum image_resource type, struct slice *cursor)
{
    if (type == IMAGE_RESOURCE_TOPIC) return image_topic_next(image, cursor) != NULL;
    return image_config_resource_next(image, type, cursor);
}

static void add(struct config_resources *resources, enum image_resource type, struct slice name)
{
    struct list_config_resources_response *answer = resources->answer;
    answer->config_resources[answer->config_resources_count++] =
        (struct list_config_resources_response_config_resource){
            .resource_name = name,
            .resource_type = (int8_t)type,
        };
}

static void add_all(struct config_resources *resources, enum image_resource type)
{
    struct slice cursor = SLICE_NULL;
    while (next_name(shard_image(resources->request->shard), type, &cursor))
        add(resources, type, cursor);
}

/* Brokers that live and are reached by the request's listener; each has its loggers. */
static void add_brokers(struct config_resources *resources, struct api_request *request,
                        enum image_resource type)
{
    struct topics_broker *brokers;
    int32_t count = topics_brokers(request, false, &brokers);
    for (int32_t i = 0; i < count; i++)
        add(resources, type, arena_printf(request->arena, "%d", (int)brokers[i].id));
}

/* How many there can be at most. */
static size_t count_all(const struct image *image)
{
    size_t count = image_topic_count(image);
    const struct image_broker *broker = NULL;
    while ((broker = image_broker_next(image, broker == NULL ? -1 : broker->id)) != NULL)
        count += 2;
    struct slice cursor = SLICE_NULL;
    while (image_config_resource_next(image, IMAGE_RESOURCE_GROUP, &cursor))
        count++;
    cursor = SLICE_NULL;
    while (image_config_resource_next(image, IMAGE_RESOURCE_CLIENT_METRICS, &cursor))
        count++;
    return count;
}

void api_list_config_resources(struct api_request *request)
{
    const struct list_config_resources_request *asked = request->message;
    struct list_config_resources_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_list_config_resources_response, answer);
    for (int32_t i = 0; i < asked->resource_types_count; i++) {
        if (is_type(asked->resource_types[i])) continue;
        answer->error_code = (int16_t)KAFKA_ERROR_UNSUPPORTED_VERSION;
        api_reply(request, answer);
        return;
    }
    size_t room = count_all(shard_image(request->shard)) * sizeof(answer->config_resources[0]);
    if (!api_has_room(request, room)) {
        api_close(request);
        return;
    }
    answer->config_resources = arena_alloc(request->arena, room);
    struct config_resources resources = {request, answer};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (!wants(&resources, types[i])) continue;
        if (types[i] == IMAGE_RESOURCE_BROKER || types[i] == IMAGE_RESOURCE_BROKER_LOGGER)
            add_brokers(&resources, request, types[i]);
        else
            add_all(&resources, types[i]);
    }
    api_reply(request, answer);
}

/* What brokers and controllers have in common, and the controllers:
 * RegisterControllerRecord. (ControllerRegistration) */
#include "core/image/nodes.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

struct controller {
    struct order_item item;
    struct node_key key;
    struct image_controller controller;
};

void node_key_set(struct node_key *key, int32_t id)
{
    /* Ids are never negative in a log that Kafka or we wrote; were one, it would
     * sort last. */
    uint32_t bits = (uint32_t)id;
    for (int i = 0; i < 4; i++)
        key->bytes[i] = (uint8_t)(bits >> (24 - 8 * i));
}

struct order_item *node_find(const struct order *nodes, int32_t id)
{
    struct node_key key;
    node_key_set(&key, id);
    return order_find(nodes, MAP_KEY(key));
}

struct order_item *node_after(const struct order *nodes, int32_t id)
{
    if (id < 0) return order_first(nodes);
    struct node_key key;
    node_key_set(&key, id);
    return order_after(nodes, MAP_KEY(key));
}

struct image_endpoint *endpoints_keep(const struct image_endpoint *endpoints, int32_t count)
{
    ASSERT(count >= 0);
    struct image_endpoint *kept = memory_alloc_zero((size_t)count * sizeof(kept[0]));
    for (int32_t i = 0; i < count; i++) {
        kept[i] = endpoints[i];
        kept[i].name = image_keep(endpoints[i].name);
        kept[i].host = image_keep(endpoints[i].host);
    }
    return kept;
}

void endpoints_forget(struct image_endpoint *endpoints, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        image_forget(endpoints[i].name);
        image_forget(endpoints[i].host);
    }
    memory_free(endpoints);
}

struct image_support *supports_keep(const struct image_support *supports, int32_t count)
{
    ASSERT(count >= 0);
    struct image_support *kept = memory_alloc_zero((size_t)count * sizeof(kept[0]));
    for (int32_t i = 0; i < count; i++) {
        kept[i] = supports[i];
        kept[i].name = image_keep(supports[i].name);
    }
    return kept;
}

void supports_forget(struct image_support *supports, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        image_forget(supports[i].name);
    memory_free(supports);
}

static void controller_free(struct controller *controller)
{
    endpoints_forget(controller->controller.endpoints, controller->controller.endpoint_count);
    supports_forget(controller->controller.features, controller->controller.feature_count);
    memory_free(controller);
}

int apply_register_controller(const struct image_applied *to,
                              const struct register_controller_record *record)
{
    struct image *image = to->image;
    if (record->controller_id < 0) return -EBADMSG;
    struct order_item *old = node_find(&image->controllers, record->controller_id);
    if (old != NULL) {
        order_remove(&image->controllers, old);
        controller_free(CONTAINER_OF(old, struct controller, item));
    }
    size_t endpoint_count = (size_t)record->end_points_count;
    struct image_endpoint *endpoints =
        arena_alloc(&image->scratch, endpoint_count * sizeof(endpoints[0]));
    for (size_t i = 0; i < endpoint_count; i++)
        endpoints[i] = (struct image_endpoint){
            record->end_points[i].name, record->end_points[i].host, record->end_points[i].port,
            record->end_points[i].security_protocol};
    size_t feature_count = (size_t)record->features_count;
    struct image_support *features =
        arena_alloc(&image->scratch, feature_count * sizeof(features[0]));
    for (size_t i = 0; i < feature_count; i++)
        features[i] = (struct image_support){record->features[i].name,
                                             record->features[i].min_supported_version,
                                             record->features[i].max_supported_version};
    struct controller *controller = memory_alloc_zero(sizeof(*controller));
    node_key_set(&controller->key, record->controller_id);
    controller->item.key = MAP_KEY(controller->key);
    controller->controller = (struct image_controller){
        .id = record->controller_id,
        .incarnation_id = record->incarnation_id,
        .endpoints = endpoints_keep(endpoints, record->end_points_count),
        .endpoint_count = record->end_points_count,
        .features = supports_keep(features, record->features_count),
        .feature_count = record->features_count,
        .zk_migration_ready = record->zk_migration_ready,
    };
    order_put(&image->controllers, &controller->item);
    image_tell(to->listener, &(struct image_change){.kind = IMAGE_OTHER_CHANGED});
    return 0;
}

int controllers_write(const struct image *image, struct image_sink *sink)
{
    const struct image_controller *controller = NULL;
    for (int32_t id = -1; (controller = image_controller_next(image, id)) != NULL;
         id = controller->id) {
        struct arena *arena = &sink->arena;
        arena_reset(arena);
        struct register_controller_record record = {
            .controller_id = controller->id,
            .incarnation_id = controller->incarnation_id,
            .zk_migration_ready = controller->zk_migration_ready,
            .end_points_count = controller->endpoint_count,
            .features_count = controller->feature_count,
        };
        record.end_points =
            arena_alloc(arena, (size_t)controller->endpoint_count * sizeof(record.end_points[0]));
        for (int32_t i = 0; i < controller->endpoint_count; i++) {
            const struct image_endpoint *endpoint = &controller->endpoints[i];
            record.end_points[i].name = endpoint->name;
            record.end_points[i].host = endpoint->host;
            record.end_points[i].port = endpoint->port;
            record.end_points[i].security_protocol = endpoint->security_protocol;
        }
        record.features =
            arena_alloc(arena, (size_t)controller->feature_count * sizeof(record.features[0]));
        for (int32_t i = 0; i < controller->feature_count; i++) {
            record.features[i].name = controller->features[i].name;
            record.features[i].min_supported_version = controller->features[i].min;
            record.features[i].max_supported_version = controller->features[i].max;
        }
        int r = image_sink_put(sink, IMAGE_RECORD_REGISTER_CONTROLLER, &record);
        if (r < 0) return r;
    }
    return 0;
}

void controllers_free(struct image *image)
{
    struct order_item *item;
    while ((item = order_first(&image->controllers)) != NULL) {
        order_remove(&image->controllers, item);
        controller_free(CONTAINER_OF(item, struct controller, item));
    }
    order_deinit(&image->controllers);
}

const struct image_controller *image_controller_next(const struct image *image, int32_t after)
{
    struct order_item *item = node_after(&image->controllers, after);
    return item == NULL ? NULL : &CONTAINER_OF(item, struct controller, item)->controller;
}

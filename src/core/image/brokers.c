/* Brokers: RegisterBrokerRecord and what changes a registration afterwards.
 * (BrokerRegistration, ClusterDelta) */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/image/nodes.h"

/* What a change record says of a flag (BrokerRegistrationFencingChange and its
 * like). */
enum { FLAG_CLEARED = -1, FLAG_KEPT = 0, FLAG_SET = 1 };

struct broker {
    struct order_item item;
    struct node_key key;
    struct image_broker broker;
};

static struct uuid *uuids_keep(const struct uuid *uuids, int32_t count)
{
    size_t size = (size_t)(count > 0 ? count : 0) * sizeof(uuids[0]);
    struct uuid *kept = memory_alloc(size);
    if (size > 0) memcpy(kept, uuids, size);
    return kept;
}

static void broker_free(struct broker *broker)
{
    endpoints_forget(broker->broker.endpoints, broker->broker.endpoint_count);
    supports_forget(broker->broker.features, broker->broker.feature_count);
    memory_free(broker->broker.log_dirs);
    memory_free(broker->broker.cordoned_log_dirs);
    image_forget(broker->broker.rack);
    memory_free(broker);
}

static struct image_broker *find_broker(const struct image *image, int32_t id)
{
    struct order_item *item = node_find(&image->brokers, id);
    return item == NULL ? NULL : &CONTAINER_OF(item, struct broker, item)->broker;
}

static void tell_broker(const struct image_applied *to, int32_t id)
{
    image_tell(to->listener, &(struct image_change){.kind = IMAGE_BROKER_CHANGED, .broker_id = id});
}

static void remove_broker(struct image *image, struct order_item *item)
{
    order_remove(&image->brokers, item);
    broker_free(CONTAINER_OF(item, struct broker, item));
}

/* The record's arrays in our own structs, for as long as the record is applied. */
static struct image_endpoint *record_endpoints(struct arena *arena,
                                               const struct register_broker_record *record)
{
    size_t count = (size_t)record->end_points_count;
    struct image_endpoint *endpoints = arena_alloc(arena, count * sizeof(endpoints[0]));
    for (size_t i = 0; i < count; i++)
        endpoints[i] = (struct image_endpoint){
            record->end_points[i].name, record->end_points[i].host, record->end_points[i].port,
            record->end_points[i].security_protocol};
    return endpoints;
}

static struct image_support *record_features(struct arena *arena,
                                             const struct register_broker_record *record)
{
    size_t count = (size_t)record->features_count;
    struct image_support *features = arena_alloc(arena, count * sizeof(features[0]));
    for (size_t i = 0; i < count; i++)
        features[i] = (struct image_support){record->features[i].name,
                                             record->features[i].min_supported_version,
                                             record->features[i].max_supported_version};
    return features;
}

int apply_register_broker(const struct image_applied *to,
                          const struct register_broker_record *record)
{
    struct image *image = to->image;
    if (record->broker_id < 0) return -EBADMSG;
    struct order_item *old = node_find(&image->brokers, record->broker_id);
    if (old != NULL) remove_broker(image, old);
    struct image_endpoint *endpoints = record_endpoints(&image->scratch, record);
    struct image_support *features = record_features(&image->scratch, record);
    struct broker *broker = memory_alloc_zero(sizeof(*broker));
    node_key_set(&broker->key, record->broker_id);
    broker->item.key = MAP_KEY(broker->key);
    broker->broker = (struct image_broker){
        .id = record->broker_id,
        .epoch = record->broker_epoch,
        .incarnation_id = record->incarnation_id,
        .rack = image_keep(record->rack),
        .endpoints = endpoints_keep(endpoints, record->end_points_count),
        .endpoint_count = record->end_points_count,
        .features = supports_keep(features, record->features_count),
        .feature_count = record->features_count,
        .log_dirs = uuids_keep(record->log_dirs, record->log_dirs_count),
        .log_dir_count = record->log_dirs_count,
        .cordoned_log_dirs = uuids_keep(record->cordoned_log_dirs, record->cordoned_log_dirs_count),
        .cordoned_log_dir_count = record->cordoned_log_dirs_count,
        .fenced = record->fenced,
        .in_controlled_shutdown = record->in_controlled_shutdown,
        .is_migrating_zk_broker = record->is_migrating_zk_broker,
    };
    order_put(&image->brokers, &broker->item);
    tell_broker(to, record->broker_id);
    return 0;
}

int apply_unregister_broker(const struct image_applied *to,
                            const struct unregister_broker_record *record)
{
    struct order_item *item = node_find(&to->image->brokers, record->broker_id);
    if (item == NULL) return -EBADMSG;
    remove_broker(to->image, item);
    tell_broker(to, record->broker_id);
    return 0;
}

static int set_fenced(const struct image_applied *to, int32_t id, int64_t epoch, bool fenced)
{
    struct image_broker *broker = find_broker(to->image, id);
    if (broker == NULL || broker->epoch != epoch) return -EBADMSG;
    ASSERT(broker->id == id);
    broker->fenced = fenced;
    tell_broker(to, id);
    return 0;
}

int apply_fence_broker(const struct image_applied *to, const struct fence_broker_record *record)
{
    return set_fenced(to, record->id, record->epoch, true);
}

int apply_unfence_broker(const struct image_applied *to, const struct unfence_broker_record *record)
{
    return set_fenced(to, record->id, record->epoch, false);
}

int apply_broker_registration_change(const struct image_applied *to,
                                     const struct broker_registration_change_record *record)
{
    struct image_broker *broker = find_broker(to->image, record->broker_id);
    if (broker == NULL || broker->epoch != record->broker_epoch) return -EBADMSG;
    if (record->fenced < FLAG_CLEARED || record->fenced > FLAG_SET) return -EBADMSG;
    if (record->in_controlled_shutdown < FLAG_KEPT || record->in_controlled_shutdown > FLAG_SET)
        return -EBADMSG;
    if (record->fenced != FLAG_KEPT) broker->fenced = record->fenced == FLAG_SET;
    if (record->in_controlled_shutdown == FLAG_SET) broker->in_controlled_shutdown = true;
    if (record->log_dirs_count > 0) {
        memory_free(broker->log_dirs);
        broker->log_dirs = uuids_keep(record->log_dirs, record->log_dirs_count);
        broker->log_dir_count = record->log_dirs_count;
    }
    if (record->cordoned_log_dirs_count >= 0) {
        memory_free(broker->cordoned_log_dirs);
        broker->cordoned_log_dirs =
            uuids_keep(record->cordoned_log_dirs, record->cordoned_log_dirs_count);
        broker->cordoned_log_dir_count = record->cordoned_log_dirs_count;
    }
    tell_broker(to, record->broker_id);
    return 0;
}

static int broker_write(const struct image_broker *broker, struct image_sink *sink)
{
    ASSERT(broker->id >= 0);
    int16_t version = image_record_version(IMAGE_RECORD_REGISTER_BROKER, sink->metadata_version);
    struct register_broker_record record = {
        .broker_id = broker->id,
        .incarnation_id = broker->incarnation_id,
        .broker_epoch = broker->epoch,
        .rack = broker->rack,
        .fenced = broker->fenced,
        .in_controlled_shutdown = broker->in_controlled_shutdown,
        .is_migrating_zk_broker = version >= 2 && broker->is_migrating_zk_broker,
        .end_points_count = broker->endpoint_count,
        .features_count = broker->feature_count,
        .cordoned_log_dirs_count = -1,
    };
    record.end_points =
        arena_alloc(&sink->arena, (size_t)broker->endpoint_count * sizeof(record.end_points[0]));
    for (int32_t i = 0; i < broker->endpoint_count; i++) {
        record.end_points[i].name = broker->endpoints[i].name;
        record.end_points[i].host = broker->endpoints[i].host;
        record.end_points[i].port = broker->endpoints[i].port;
        record.end_points[i].security_protocol = broker->endpoints[i].security_protocol;
    }
    record.features =
        arena_alloc(&sink->arena, (size_t)broker->feature_count * sizeof(record.features[0]));
    for (int32_t i = 0; i < broker->feature_count; i++) {
        record.features[i].name = broker->features[i].name;
        record.features[i].min_supported_version = broker->features[i].min;
        record.features[i].max_supported_version = broker->features[i].max;
    }
    if (version >= 3) {
        record.log_dirs = broker->log_dirs;
        record.log_dirs_count = broker->log_dir_count;
    }
    if (version >= 4) {
        record.cordoned_log_dirs = broker->cordoned_log_dirs;
        record.cordoned_log_dirs_count = broker->cordoned_log_dir_count;
    }
    return image_sink_put(sink, IMAGE_RECORD_REGISTER_BROKER, &record);
}

int brokers_write(const struct image *image, struct image_sink *sink)
{
    const struct image_broker *broker;
    for (int32_t id = -1; (broker = image_broker_next(image, id)) != NULL; id = broker->id) {
        int r = broker_write(broker, sink);
        if (r < 0) return r;
    }
    return 0;
}

void brokers_free(struct image *image)
{
    struct order_item *item;
    while ((item = order_first(&image->brokers)) != NULL)
        remove_broker(image, item);
    order_deinit(&image->brokers);
}

/* --- looking ---------------------------------------------------------------------------------- */

const struct image_broker *image_broker_by_id(const struct image *image, int32_t id)
{
    return find_broker(image, id);
}

const struct image_broker *image_broker_next(const struct image *image, int32_t after)
{
    struct order_item *item = node_after(&image->brokers, after);
    return item == NULL ? NULL : &CONTAINER_OF(item, struct broker, item)->broker;
}

const struct image_endpoint *image_broker_endpoint(const struct image_broker *broker,
                                                   struct slice listener)
{
    for (int32_t i = 0; i < broker->endpoint_count; i++) {
        if (slice_equal(broker->endpoints[i].name, listener)) return &broker->endpoints[i];
    }
    return NULL;
}

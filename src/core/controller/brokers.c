/* Brokers come, are fenced and unfenced, and leave. (ClusterControlManager; KIP-631, KIP-841) */
#include "core/controller/plan.h"

enum { FENCE = 1, UNFENCE = -1, IN_CONTROLLED_SHUTDOWN = 1 };

enum { CHANGE_OF_FOLDERS = 2 }; /* the least version of the record that can tell it */

static void add_endpoints(const struct controller_registration *registration, struct arena *arena,
                          struct register_broker_record *record)
{
    size_t count = (size_t)registration->endpoint_count;
    record->end_points = arena_alloc(arena, count * sizeof(record->end_points[0]));
    record->end_points_count = registration->endpoint_count;
    for (size_t i = 0; i < count; i++) {
        const struct image_endpoint *endpoint = &registration->endpoints[i];
        record->end_points[i] = (struct register_broker_record_broker_endpoint){
            .name = endpoint->name,
            .host = endpoint->host,
            .port = endpoint->port,
            .security_protocol = endpoint->security_protocol,
        };
    }
}

static void add_features(struct arena *arena, struct register_broker_record *record)
{
    size_t count = 0;
    const struct controller_supported *feature = NULL;
    while ((feature = controller_supported_next(feature)) != NULL)
        count++;
    record->features = arena_alloc(arena, count * sizeof(record->features[0]));
    while ((feature = controller_supported_next(feature)) != NULL)
        record->features[record->features_count++] = (struct register_broker_record_broker_feature){
            .name = slice_of(feature->name),
            .min_supported_version = feature->min,
            .max_supported_version = feature->max,
        };
}

void controller_plan_registration(const struct controller_input *input,
                                  const struct controller_registration *registration,
                                  struct controller_plan *plan)
{
    struct register_broker_record record;
    wire_defaults(&wire_register_broker_record, &record);
    record.broker_id = registration->broker_id;
    record.incarnation_id = registration->incarnation_id;
    record.broker_epoch = input->next_offset;
    record.rack = registration->rack;
    record.fenced = true;
    add_endpoints(registration, input->arena, &record);
    add_features(input->arena, &record);
    int16_t level = image_metadata_version(input->image);
    if (image_record_version(IMAGE_RECORD_REGISTER_BROKER, level) >= 3) {
        record.log_dirs = (struct uuid *)(uintptr_t)registration->directories; /* only read */
        record.log_dirs_count = registration->directory_count;
    }
    struct planner planner;
    planner_begin(&planner, input);
    planner_add(&planner, IMAGE_RECORD_REGISTER_BROKER, &record);
    /* Its former life led partitions: those wait, in a new epoch, until it is unfenced. Whatever it
     * lost in between is then known to belong to an older epoch. */
    if (image_broker_by_id(input->image, registration->broker_id) != NULL)
        plan_leaderships(&planner, registration->broker_id, NULL, false);
    planner_end(&planner, true, plan);
}

void controller_plan_fencing(const struct controller_input *input, int32_t broker_id, bool fenced,
                             bool controlled_shutdown, struct controller_plan *plan)
{
    const struct image_broker *broker = image_broker_by_id(input->image, broker_id);
    ASSERT(broker != NULL);
    struct planner planner;
    planner_begin(&planner, input);
    bool was_active = broker_is_active(broker);
    bool active = !fenced && !controlled_shutdown;
    struct broker_registration_change_record record;
    wire_defaults(&wire_broker_registration_change_record, &record);
    record.broker_id = broker_id;
    record.broker_epoch = broker->epoch;
    if (fenced != broker->fenced) record.fenced = fenced ? FENCE : UNFENCE;
    if (controlled_shutdown && !broker->in_controlled_shutdown)
        record.in_controlled_shutdown = IN_CONTROLLED_SHUTDOWN;
    if (record.fenced != 0 || record.in_controlled_shutdown != 0)
        planner_add(&planner, IMAGE_RECORD_BROKER_REGISTRATION_CHANGE, &record);
    if (active != was_active) plan_leaderships(&planner, broker_id, NULL, active);
    planner_end(&planner, true, plan);
}

void controller_plan_lost_folder(const struct controller_input *input, int32_t broker_id,
                                 const struct uuid *directory_id, struct controller_plan *plan)
{
    const struct image_broker *broker = image_broker_by_id(input->image, broker_id);
    struct planner planner;
    planner_begin(&planner, input);
    size_t count = broker == NULL ? 0 : (size_t)broker->log_dir_count;
    struct broker_registration_change_record record;
    wire_defaults(&wire_broker_registration_change_record, &record);
    record.broker_id = broker_id;
    record.log_dirs = arena_alloc(input->arena, count * sizeof(record.log_dirs[0]));
    for (size_t i = 0; i < count; i++)
        if (!uuid_equal(&broker->log_dirs[i], directory_id))
            record.log_dirs[record.log_dirs_count++] = broker->log_dirs[i];
    if (record.log_dirs_count > 0 && (size_t)record.log_dirs_count < count) {
        record.broker_epoch = broker->epoch;
        planner_add_version(&planner, IMAGE_RECORD_BROKER_REGISTRATION_CHANGE, CHANGE_OF_FOLDERS,
                            &record);
        plan_leaderships(&planner, broker_id, directory_id, false);
    }
    planner_end(&planner, true, plan);
}

/* A broker that will not come back. What it led is led by others, or by nobody. */
int plan_unregister_broker(const struct controller_input *input, int16_t version,
                           const void *message, struct controller_plan *plan, struct writer *reply)
{
    const struct unregister_broker_request *request = message;
    const struct image_broker *broker = image_broker_by_id(input->image, request->broker_id);
    struct unregister_broker_response response;
    wire_defaults(&wire_unregister_broker_response, &response);
    struct planner planner;
    planner_begin(&planner, input);
    if (broker == NULL) {
        response.error_code = (int16_t)KAFKA_ERROR_BROKER_ID_NOT_REGISTERED;
        response.error_message = arena_printf(
            input->arena, "Broker ID %d is not currently registered", (int)request->broker_id);
    } else {
        plan_leaderships(&planner, broker->id, NULL, false);
        struct unregister_broker_record record = {.broker_id = broker->id,
                                                  .broker_epoch = broker->epoch};
        planner_add(&planner, IMAGE_RECORD_UNREGISTER_BROKER, &record);
        ASSERT(planner.count >= 1);
    }
    planner_end(&planner, true, plan);
    return wire_encode(&wire_unregister_broker_response, version, &response, reply, NULL);
}

/* DeleteTopics. (ControllerApis.deleteTopics) */
#include "core/controller/plan.h"

enum { VERSION_WITH_DELETE_DISABLED = 3 }; /* the first that knows TOPIC_DELETION_DISABLED */

/* One name or one id that shall go. */
struct doom {
    struct slice name; /* null: meant by its id */
    struct uuid id;
    bool repeated;
};

struct deletion {
    struct planner planner;
    struct doom *dooms; /* in the order of the request */
    struct map names;   /* dooms by name */
    struct map ids;     /* and by id */
    struct delete_topics_response response;
    int32_t doom_count;
};

static void answer_deletion(struct deletion *deletion, struct slice name, const struct uuid *id,
                            struct refusal refusal)
{
    deletion->response.responses[deletion->response.responses_count++] =
        (struct delete_topics_response_deletable_topic_result){
            .name = name,
            .topic_id = *id,
            .error_code = (int16_t)refusal.error,
            .error_message = refusal.message,
        };
}

/* Takes down what is asked for, and what is asked for twice. */
static void add_doom(struct deletion *deletion, struct slice name, const struct uuid *id)
{
    bool by_id = slice_is_null(name);
    if (by_id == uuid_is_zero(id)) {
        struct slice why = by_id ? SLICE("Neither topic name nor id were specified.")
                                 : SLICE("You may not specify both topic name and topic id.");
        answer_deletion(deletion, name, id, refuse(KAFKA_ERROR_INVALID_REQUEST, why));
        return;
    }
    struct map *map = by_id ? &deletion->ids : &deletion->names;
    struct doom *before = map_get(map, by_id ? MAP_KEY(*id) : name);
    if (before != NULL) {
        before->repeated = true;
        return;
    }
    struct doom *doom = &deletion->dooms[deletion->doom_count++];
    *doom = (struct doom){.name = name, .id = *id};
    map_put(map, by_id ? MAP_KEY(doom->id) : name, doom);
}

/* A topic that is meant by its name and by its id is not deleted at all: of the two only the name
 * is answered, with an error. */
static void plan_doom(struct deletion *deletion, const struct doom *doom)
{
    const struct image *image = deletion->planner.input->image;
    bool by_id = slice_is_null(doom->name);
    if (doom->repeated) {
        struct slice why = by_id ? SLICE("Duplicate topic id.") : SLICE("Duplicate topic name.");
        answer_deletion(deletion, doom->name, &doom->id, refuse(KAFKA_ERROR_INVALID_REQUEST, why));
        return;
    }
    const struct image_topic *topic =
        by_id ? image_topic_by_id(image, &doom->id) : image_topic_by_name(image, doom->name);
    if (topic == NULL) {
        enum kafka_error error =
            by_id ? KAFKA_ERROR_UNKNOWN_TOPIC_ID : KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
        answer_deletion(deletion, doom->name, &doom->id, refuse_plainly(error));
        return;
    }
    struct map *others = by_id ? &deletion->names : &deletion->ids;
    const struct doom *other = map_get(others, by_id ? topic->name : MAP_KEY(topic->id));
    if (other != NULL && by_id && !other->repeated) return;
    if (other != NULL && !by_id) {
        struct slice why =
            SLICE("The provided topic name maps to an ID that was already supplied.");
        answer_deletion(deletion, doom->name, &topic->id, refuse(KAFKA_ERROR_INVALID_REQUEST, why));
        return;
    }
    struct refusal refusal = check_mutation(deletion->planner.input, topic->partition_count);
    if (refusal.error != KAFKA_ERROR_NONE) {
        answer_deletion(deletion, topic->name, &topic->id, refusal);
        return;
    }
    struct remove_topic_record record = {.topic_id = topic->id};
    planner_add(&deletion->planner, IMAGE_RECORD_REMOVE_TOPIC, &record);
    answer_deletion(deletion, topic->name, &topic->id, (struct refusal){0});
}

static void plan_dooms(struct deletion *deletion, const struct delete_topics_request *request)
{
    static const struct uuid no_id;
    for (int32_t i = 0; i < request->topic_names_count; i++)
        add_doom(deletion, request->topic_names[i], &no_id);
    for (int32_t i = 0; i < request->topics_count; i++)
        add_doom(deletion, request->topics[i].name, &request->topics[i].topic_id);
    for (int32_t i = 0; i < deletion->doom_count; i++)
        plan_doom(deletion, &deletion->dooms[i]);
    if (deletion->planner.count <= CONTROLLER_RECORDS_MAX) return;
    planner_cut(&deletion->planner, 0);
    struct refusal refusal = refuse_too_many();
    for (int32_t i = 0; i < deletion->response.responses_count; i++) {
        deletion->response.responses[i].error_code = (int16_t)refusal.error;
        deletion->response.responses[i].error_message = refusal.message;
    }
}

/* delete.topic.enable=false: the same for all, whatever they are. */
static struct refusal check_enabled(const struct settings *settings, int16_t version)
{
    if (settings_flag(settings, SETTING_DELETE_TOPIC_ENABLE)) return (struct refusal){0};
    return refuse(version < VERSION_WITH_DELETE_DISABLED ? KAFKA_ERROR_INVALID_REQUEST
                                                         : KAFKA_ERROR_TOPIC_DELETION_DISABLED,
                  SLICE_NULL);
}

static void refuse_dooms(struct deletion *deletion, const struct delete_topics_request *request,
                         struct refusal refusal)
{
    static const struct uuid no_id;
    for (int32_t i = 0; i < request->topic_names_count; i++)
        answer_deletion(deletion, request->topic_names[i], &no_id, refusal);
    for (int32_t i = 0; i < request->topics_count; i++)
        answer_deletion(deletion, request->topics[i].name, &request->topics[i].topic_id, refusal);
}

/* Until version 5 topics come as plain names. */
int plan_delete_topics(const struct controller_input *input, int16_t version, const void *message,
                       struct controller_plan *plan, struct writer *reply)
{
    const struct delete_topics_request *request = message;
    struct deletion deletion = {0};
    planner_begin(&deletion.planner, input);
    map_init(&deletion.names, 0);
    map_init(&deletion.ids, 0);
    size_t count = (size_t)request->topics_count + (size_t)request->topic_names_count;
    deletion.dooms = arena_alloc(input->arena, count * sizeof(deletion.dooms[0]));
    deletion.response.responses =
        arena_alloc(input->arena, count * sizeof(deletion.response.responses[0]));
    struct refusal refusal = check_enabled(input->settings, version);
    if (refusal.error == KAFKA_ERROR_NONE) refusal = check_time(request->timeout_ms);
    if (refusal.error == KAFKA_ERROR_NONE)
        plan_dooms(&deletion, request);
    else
        refuse_dooms(&deletion, request, refusal);
    ASSERT((size_t)deletion.response.responses_count <= count);
    map_deinit(&deletion.names);
    map_deinit(&deletion.ids);
    planner_end(&deletion.planner, true, plan);
    return wire_encode(&wire_delete_topics_response, version, &deletion.response, reply, NULL);
}

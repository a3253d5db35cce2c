/* CreateTopics. Checks and words in the order of Kafka's, whose answers clients compare.
 * (ControllerApis, ReplicationControlManager) */
#include <string.h>

#include "core/controller/plan.h"

enum { WANTS_DEFAULT = -1 }; /* of a partition count or a replication factor */

static struct uuid random_uuid(struct prng *random)
{
    uint8_t bytes[16];
    struct uuid uuid;
    do {
        for (size_t i = 0; i < sizeof(bytes); i += sizeof(uint64_t)) {
            uint64_t word = prng_next(random);
            memcpy(bytes + i, &word, sizeof(word));
        }
    } while (!uuid_from_random(bytes, &uuid));
    return uuid;
}

struct creation {
    struct planner planner;
    struct loads loads;
    const struct create_topics_request *request;
    struct create_topics_response response;
};

/* One topic on its way. */
struct new_topic {
    const struct create_topics_request_creatable_topic *asked;
    struct setting_pair *settings;
    int32_t *replicas; /* partition_count * replication_factor; null when assigned by hand */
    struct uuid id;
    int32_t settings_count;
    int32_t partition_count;
    int32_t replication_factor;
};

static const struct controller_input *input_of(const struct creation *creation)
{
    return creation->planner.input;
}

static bool is_collision_char(uint8_t byte)
{
    return byte == '.' || byte == '_';
}

/* Equal but for '.' and '_', which metrics cannot tell apart? */
static bool names_collide(struct slice a, struct slice b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++) {
        if (a.data[i] == b.data[i]) continue;
        if (!is_collision_char(a.data[i]) || !is_collision_char(b.data[i])) return false;
    }
    return true;
}

/* Whoever collides shares what stands before the first such character, so lies in one stretch of
 * the names in ascending order. */
static const struct image_topic *find_collision(const struct image *image, struct slice name)
{
    size_t prefix_size = 0;
    while (prefix_size < name.size && !is_collision_char(name.data[prefix_size]))
        prefix_size++;
    if (prefix_size == name.size) return NULL;
    struct slice prefix = {name.data, prefix_size};
    struct slice cursor = prefix;
    const struct image_topic *topic;
    while ((topic = image_topic_next(image, &cursor)) != NULL &&
           slice_starts_with(topic->name, prefix)) {
        if (names_collide(topic->name, name)) return topic;
    }
    return NULL;
}

static struct refusal check_new_name(const struct creation *creation, struct slice name)
{
    const struct image *image = input_of(creation)->image;
    struct arena *arena = input_of(creation)->arena;
    if (image_topic_by_name(image, name) != NULL)
        return refuse(KAFKA_ERROR_TOPIC_ALREADY_EXISTS,
                      arena_printf(arena, "Topic '%.*s' already exists.", SLICE_ARG(name)));
    struct slice wrong = controller_check_topic_name(name, arena);
    if (!slice_is_null(wrong)) return refuse(KAFKA_ERROR_INVALID_TOPIC_EXCEPTION, wrong);
    const struct image_topic *other = find_collision(image, name);
    if (other != NULL)
        return refuse(KAFKA_ERROR_INVALID_TOPIC_EXCEPTION,
                      arena_printf(arena, "Topic '%.*s' collides with existing topic: %.*s",
                                   SLICE_ARG(name), SLICE_ARG(other->name)));
    return (struct refusal){0};
}

/* The assignment by hand of partition `index`, or NULL. */
static const struct create_topics_request_creatable_replica_assignment *
assigned(const struct create_topics_request_creatable_topic *asked, int32_t index)
{
    /* Nearly always in order; the search is for the others. */
    if (index < asked->assignments_count && asked->assignments[index].partition_index == index)
        return &asked->assignments[index];
    for (int32_t i = 0; i < asked->assignments_count; i++) {
        if (asked->assignments[i].partition_index == index) return &asked->assignments[i];
    }
    return NULL;
}

static bool any_active(const struct image *image, struct assignment assignment)
{
    for (int32_t i = 0; i < assignment.count; i++) {
        if (broker_is_active(image_broker_by_id(image, assignment.replicas[i]))) return true;
    }
    return false;
}

/* Partitions 0..n-1, each assigned once? */
static struct refusal check_numbering(const struct create_topics_request_creatable_topic *asked,
                                      struct arena *arena)
{
    enum kafka_error error = KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
    size_t count = (size_t)asked->assignments_count;
    bool *seen = arena_alloc(arena, count * sizeof(seen[0]));
    bool gap = false;
    for (size_t i = 0; i < count; i++) {
        int32_t index = asked->assignments[i].partition_index;
        if (index < 0 || (size_t)index >= count) {
            gap = true;
        } else if (seen[index]) {
            return refuse(error, arena_printf(arena,
                                              "Found multiple manual partition assignments for "
                                              "partition %d",
                                              index));
        } else {
            seen[index] = true;
        }
    }
    if (gap)
        return refuse(error, SLICE("partitions should be a consecutive 0-based integer sequence"));
    return (struct refusal){0};
}

static struct refusal check_by_hand(const struct creation *creation, struct new_topic *topic)
{
    const struct create_topics_request_creatable_topic *asked = topic->asked;
    struct arena *arena = input_of(creation)->arena;
    const struct image *image = input_of(creation)->image;
    if (asked->replication_factor != WANTS_DEFAULT)
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      SLICE("A manual partition assignment was specified, but replication factor "
                            "was not set to -1."));
    if (asked->num_partitions != WANTS_DEFAULT)
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      SLICE("A manual partition assignment was specified, but numPartitions was "
                            "not set to -1."));
    topic->replication_factor = -1;
    for (int32_t i = 0; i < asked->assignments_count; i++) {
        struct assignment assignment = {asked->assignments[i].broker_ids,
                                        asked->assignments[i].broker_ids_count};
        struct refusal refusal =
            check_assignment(image, assignment, topic->replication_factor, arena);
        if (refusal.error != KAFKA_ERROR_NONE) return refusal;
        topic->replication_factor = assignment.count;
        if (!any_active(image, assignment))
            return refuse(KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT,
                          arena_printf(arena,
                                       "All brokers specified in the manual partition assignment "
                                       "for partition %d are fenced or in controlled shutdown.",
                                       asked->assignments[i].partition_index));
    }
    topic->partition_count = asked->assignments_count;
    return check_numbering(asked, arena);
}

static struct refusal place_topic(struct creation *creation, struct new_topic *topic)
{
    const struct create_topics_request_creatable_topic *asked = topic->asked;
    const struct settings *settings = input_of(creation)->settings;
    struct arena *arena = input_of(creation)->arena;
    if (asked->replication_factor <= 0 && asked->replication_factor != WANTS_DEFAULT)
        return refuse(KAFKA_ERROR_INVALID_REPLICATION_FACTOR,
                      SLICE("Replication factor must be larger than 0, or -1 to use the default "
                            "value."));
    if (asked->num_partitions <= 0 && asked->num_partitions != WANTS_DEFAULT)
        return refuse(KAFKA_ERROR_INVALID_PARTITIONS,
                      SLICE("Number of partitions was set to an invalid non-positive value."));
    int64_t partitions = asked->num_partitions;
    if (partitions == WANTS_DEFAULT) partitions = settings_number(settings, SETTING_NUM_PARTITIONS);
    int64_t factor = asked->replication_factor;
    if (factor == WANTS_DEFAULT)
        factor = settings_number(settings, SETTING_DEFAULT_REPLICATION_FACTOR);
    topic->partition_count = (int32_t)partitions;
    topic->replication_factor = (int32_t)factor;
    int r = loads_place(&creation->loads, topic->partition_count, (int16_t)factor, NULL, arena,
                        &topic->replicas);
    if (r < 0) return refuse_place(&creation->loads, r, (int16_t)factor, arena);
    return (struct refusal){0};
}

static void plan_topic(struct creation *creation, const struct new_topic *topic)
{
    struct planner *planner = &creation->planner;
    struct topic_record record = {.name = topic->asked->name, .topic_id = topic->id};
    planner_add(planner, IMAGE_RECORD_TOPIC, &record);
    for (int32_t i = 0; i < topic->settings_count; i++) {
        struct config_record config = {.resource_type = IMAGE_RESOURCE_TOPIC,
                                       .resource_name = topic->asked->name,
                                       .name = topic->settings[i].name,
                                       .value = topic->settings[i].value};
        planner_add(planner, IMAGE_RECORD_CONFIG, &config);
    }
    for (int32_t i = 0; i < topic->partition_count; i++) {
        struct assignment assignment;
        if (topic->replicas == NULL) {
            const struct create_topics_request_creatable_replica_assignment *by_hand =
                assigned(topic->asked, i);
            ASSERT(by_hand != NULL); /* numbered 0..n-1, as was checked */
            ASSERT(by_hand->broker_ids_count == topic->replication_factor);
            assignment = (struct assignment){by_hand->broker_ids, topic->replication_factor};
        } else {
            assignment = (struct assignment){&topic->replicas[i * topic->replication_factor],
                                             topic->replication_factor};
        }
        bool planned = plan_partition(planner, &topic->id, i, assignment);
        ASSERT(planned); /* an active replica was seen above */
    }
}

/* The value that came with the topic. */
static struct slice own_setting(const struct new_topic *topic, struct slice name)
{
    int32_t i = 0;
    for (; !slice_equal(topic->settings[i].name, name); i++)
        ASSERT(i + 1 < topic->settings_count);
    return topic->settings[i].value;
}

/* What holds for the new topic, as DescribeConfigs would tell it. (KIP-525) */
static void tell_settings(const struct creation *creation, const struct new_topic *topic,
                          struct create_topics_response_creatable_topic_result *result)
{
    const struct settings *settings = input_of(creation)->settings;
    struct arena *arena = input_of(creation)->arena;
    size_t count = 0;
    const struct setting *setting = NULL;
    while ((setting = setting_next(SETTING_SCOPE_TOPIC, setting)) != NULL)
        count++;
    result->configs = arena_alloc(arena, count * sizeof(result->configs[0]));
    result->configs_count = 0;
    while ((setting = setting_next(SETTING_SCOPE_TOPIC, setting)) != NULL) {
        struct settings_explanation synonyms[SETTINGS_EXPLANATIONS_MAX];
        struct slice value;
        int32_t known = settings_explain(settings, setting, topic->settings, topic->settings_count,
                                         arena, &value, synonyms);
        enum setting_origin origin = known > 0 ? synonyms[0].origin : SETTING_ORIGIN_DEFAULT;
        if (setting->internal && origin == SETTING_ORIGIN_DEFAULT) continue;
        /* Kafka tells the topic's own as it was written. */
        if (origin == SETTING_ORIGIN_TOPIC) value = own_setting(topic, setting->name);
        result->configs[result->configs_count++] =
            (struct create_topics_response_creatable_topic_configs){
                .name = setting->name,
                .value = value,
                .config_source = (int8_t)origin,
                .is_sensitive = setting->type == SETTING_TYPE_PASSWORD,
            };
    }
}

static void refuse_topic(struct create_topics_response_creatable_topic_result *result,
                         struct slice name, struct refusal refusal)
{
    *result = (struct create_topics_response_creatable_topic_result){
        .name = name,
        .error_code = (int16_t)refusal.error,
        .error_message = refusal.message,
        .num_partitions = -1,
        .replication_factor = -1,
    };
}

static struct refusal create_topic(struct creation *creation,
                                   const struct create_topics_request_creatable_topic *asked,
                                   struct create_topics_response_creatable_topic_result *result)
{
    struct new_topic topic = {.asked = asked};
    struct refusal refusal = check_new_name(creation, asked->name);
    if (refusal.error == KAFKA_ERROR_NONE)
        refusal =
            check_topic_settings(input_of(creation), asked, &topic.settings, &topic.settings_count);
    if (refusal.error == KAFKA_ERROR_NONE)
        refusal = asked->assignments_count > 0 ? check_by_hand(creation, &topic)
                                               : place_topic(creation, &topic);
    if (refusal.error == KAFKA_ERROR_NONE)
        refusal = check_mutation(input_of(creation), topic.partition_count);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    ASSERT(topic.partition_count > 0);
    ASSERT(topic.replication_factor > 0);
    topic.id = random_uuid(input_of(creation)->random);
    plan_topic(creation, &topic);
    *result = (struct create_topics_response_creatable_topic_result){
        .name = asked->name,
        .topic_id = topic.id,
        .num_partitions = topic.partition_count,
        .replication_factor = (int16_t)topic.replication_factor,
    };
    tell_settings(creation, &topic, result);
    return refusal;
}

/* More partitions than one request may make? Those that would be refused count as well.
 * (ReplicationControlManager.validateTotalNumberOfPartitions) */
static bool asks_for_too_many(const struct creation *creation)
{
    const struct create_topics_request *request = creation->request;
    int64_t fallback = settings_number(input_of(creation)->settings, SETTING_NUM_PARTITIONS);
    int64_t total = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct create_topics_request_creatable_topic *topic = &request->topics[i];
        if (topic->assignments_count > 0)
            total += topic->assignments_count;
        else if (topic->num_partitions == WANTS_DEFAULT)
            total += fallback;
        else if (topic->num_partitions > 0)
            total += topic->num_partitions;
    }
    return total > CONTROLLER_RECORDS_MAX;
}

/* Which topics are named twice. The caller's array, one flag for each of the request's topics. */
static void find_duplicates(const struct create_topics_request *request, bool *duplicate)
{
    struct map names;
    map_init(&names, 0);
    for (int32_t i = 0; i < request->topics_count; i++) {
        bool *first = map_get(&names, request->topics[i].name);
        if (first == NULL) {
            map_put(&names, request->topics[i].name, &duplicate[i]);
        } else {
            *first = true;
            duplicate[i] = true;
        }
    }
    map_deinit(&names);
}

/* Why the controller's door (ControllerApis) does not even let this one in. */
static struct refusal check_at_door(struct slice name, bool duplicate)
{
    if (duplicate) return refuse(KAFKA_ERROR_INVALID_REQUEST, SLICE("Duplicate topic name."));
    if (slice_equal(name, SLICE("__cluster_metadata")))
        return refuse(KAFKA_ERROR_INVALID_REQUEST,
                      SLICE("Creation of internal topic __cluster_metadata is prohibited."));
    return (struct refusal){0};
}

static bool is_answered(const struct create_topics_response *response, struct slice name,
                        int32_t from)
{
    for (int32_t i = from; i < response->topics_count; i++) {
        if (slice_equal(response->topics[i].name, name)) return true;
    }
    return false;
}

/* Fills the response: topics in the order of the request, then those that were not let in, once
 * each. */
static void create_topics(struct creation *creation, const bool *duplicate)
{
    const struct create_topics_request *request = creation->request;
    struct create_topics_response *response = &creation->response;
    struct refusal all = check_time(request->timeout_ms);
    if (all.error == KAFKA_ERROR_NONE && asks_for_too_many(creation))
        all = refuse(KAFKA_ERROR_POLICY_VIOLATION,
                     SLICE("Excessively large number of partitions per request."));
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct create_topics_request_creatable_topic *asked = &request->topics[i];
        if (check_at_door(asked->name, duplicate[i]).error != KAFKA_ERROR_NONE) continue;
        struct create_topics_response_creatable_topic_result *result =
            &response->topics[response->topics_count++];
        struct refusal refusal = all;
        if (refusal.error == KAFKA_ERROR_NONE) refusal = create_topic(creation, asked, result);
        if (refusal.error != KAFKA_ERROR_NONE) refuse_topic(result, asked->name, refusal);
    }
    if (creation->planner.count > CONTROLLER_RECORDS_MAX) {
        planner_cut(&creation->planner, 0);
        for (int32_t i = 0; i < response->topics_count; i++)
            refuse_topic(&response->topics[i], response->topics[i].name, refuse_too_many());
    }
    int32_t let_in = response->topics_count;
    for (int32_t i = 0; i < request->topics_count; i++) {
        struct slice name = request->topics[i].name;
        struct refusal refusal = check_at_door(name, duplicate[i]);
        if (refusal.error == KAFKA_ERROR_NONE || is_answered(response, name, let_in)) continue;
        refuse_topic(&response->topics[response->topics_count++], name, refusal);
    }
}

int plan_create_topics(const struct controller_input *input, int16_t version, const void *message,
                       struct controller_plan *plan, struct writer *reply)
{
    const struct create_topics_request *request = message;
    struct creation creation = {.request = request};
    planner_begin(&creation.planner, input);
    loads_init(&creation.loads, input->image, input->arena);
    size_t count = (size_t)request->topics_count;
    creation.response.topics =
        arena_alloc(input->arena, count * sizeof(creation.response.topics[0]));
    bool *duplicate = arena_alloc(input->arena, count * sizeof(duplicate[0]));
    find_duplicates(request, duplicate);
    create_topics(&creation, duplicate);
    planner_end(&creation.planner, !request->validate_only, plan);
    return wire_encode(&wire_create_topics_response, version, &creation.response, reply, NULL);
}

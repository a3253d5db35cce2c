/* Plans applied to an image, as the metadata log would. */
#include "core/controller/controller.h"

#include <errno.h>

#include "base/memory.h"
#include "core/controller/fixture.h"

/* --- where replicas go ------------------------------------------------------------------------ */

/* TestTopic, two brokers, four partitions: a contiguous range each. */
static void one_replica_gives_ranges(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "TestTopic", 4, 1, false), KAFKA_ERROR_NONE);
    const int32_t leaders[] = {1, 1, 2, 2};
    for (int32_t i = 0; i < 4; i++) {
        assert_int_equal(partition(f, "TestTopic", i)->leader, leaders[i]);
        assert_int_equal(partition(f, "TestTopic", i)->replica_count, 1);
        assert_int_equal(partition(f, "TestTopic", i)->leader_epoch, 0);
    }
    assert_null(partition(f, "TestTopic", 4));
}

/* The same with two replicas: leaders are striped, the other broker follows. */
static void two_replicas_stripe_leaders(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "TestTopic", 4, 2, false), KAFKA_ERROR_NONE);
    const int32_t leaders[] = {1, 2, 1, 2};
    for (int32_t i = 0; i < 4; i++) {
        const struct image_partition *p = partition(f, "TestTopic", i);
        assert_int_equal(p->leader, leaders[i]);
        assert_int_equal(p->replica_count, 2);
        assert_int_equal(p->isr_count, 2);
        assert_int_equal(p->replicas[0], leaders[i]);
        assert_int_equal(p->replicas[1], 3 - leaders[i]);
    }
}

static void the_least_loaded_broker_begins(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "first", 1, 1, false), KAFKA_ERROR_NONE);
    assert_int_equal(partition(f, "first", 0)->leader, 1);
    assert_int_equal(create(f, "second", 1, 1, false), KAFKA_ERROR_NONE);
    assert_int_equal(partition(f, "second", 0)->leader, 2);
}

static void refusals(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a", 1, 1, true), KAFKA_ERROR_NONE);
    assert_null(image_topic_by_name(f->image, SLICE("a"))); /* only asked */
    assert_int_equal(create(f, "a", 1, 1, false), KAFKA_ERROR_NONE);
    assert_int_equal(create(f, "a", 1, 1, false), KAFKA_ERROR_TOPIC_ALREADY_EXISTS);
    assert_int_equal(create(f, "b/c", 1, 1, false), KAFKA_ERROR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(create(f, "", 1, 1, false), KAFKA_ERROR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(create(f, "b", 0, 1, false), KAFKA_ERROR_INVALID_PARTITIONS);
    assert_int_equal(create(f, "b", 1, 3, false), KAFKA_ERROR_INVALID_REPLICATION_FACTOR);
    assert_int_equal(create(f, "b", 20000, 1, false), KAFKA_ERROR_POLICY_VIOLATION);
    assert_int_equal(create(f, "x.y", 1, 1, false), KAFKA_ERROR_NONE);
    assert_int_equal(create(f, "x_y", 1, 1, false), KAFKA_ERROR_INVALID_TOPIC_EXCEPTION);
}

/* --- topics made by hand ---------------------------------------------------------------------- */

enum { HANDS_MAX = 4 };

struct hand {
    int32_t partition;
    int32_t brokers[2];
    int32_t count;
};

static int16_t create_by_hand(struct fixture *f, const char *name, const struct hand *hands,
                              int32_t count)
{
    struct create_topics_request_creatable_replica_assignment assignments[HANDS_MAX];
    int32_t brokers[HANDS_MAX][2];
    assert_true(count <= HANDS_MAX);
    for (int32_t i = 0; i < count; i++) {
        brokers[i][0] = hands[i].brokers[0];
        brokers[i][1] = hands[i].brokers[1];
        assignments[i] = (struct create_topics_request_creatable_replica_assignment){
            .partition_index = hands[i].partition,
            .broker_ids = brokers[i],
            .broker_ids_count = hands[i].count};
    }
    struct create_topics_request_creatable_topic topic = {.name = slice_of(name),
                                                          .num_partitions = -1,
                                                          .replication_factor = -1,
                                                          .assignments = assignments,
                                                          .assignments_count = count};
    struct create_topics_request request = {
        .topics = &topic, .topics_count = 1, .timeout_ms = 1000};
    struct create_topics_response response;
    ask(f, API_CREATE_TOPICS, 7, &wire_create_topics_request, &request,
        &wire_create_topics_response, &response);
    return response.topics[0].error_code;
}

static void replicas_go_where_a_hand_puts_them(void **state)
{
    struct fixture *f = *state;
    /* The order of the request does not matter, that of the replicas does. */
    const struct hand good[] = {{1, {2, 1}, 2}, {0, {1, 2}, 2}};
    assert_int_equal(create_by_hand(f, "a", good, 2), KAFKA_ERROR_NONE);
    assert_int_equal(partition(f, "a", 0)->leader, 1);
    assert_int_equal(partition(f, "a", 1)->leader, 2);
    assert_int_equal(partition(f, "a", 1)->replicas[1], 1);
    const struct hand gap[] = {{0, {1}, 1}, {2, {2}, 1}};
    const struct hand twice[] = {{0, {1}, 1}, {0, {2}, 1}};
    const struct hand uneven[] = {{0, {1}, 1}, {1, {1, 2}, 2}};
    const struct hand unknown[] = {{0, {3}, 1}};
    const struct hand repeated[] = {{0, {1, 1}, 2}};
    const struct hand empty[] = {{0, {0}, 0}};
    enum kafka_error error = KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
    assert_int_equal(create_by_hand(f, "b", gap, 2), error);
    assert_int_equal(create_by_hand(f, "b", twice, 2), error);
    assert_int_equal(create_by_hand(f, "b", uneven, 2), error);
    assert_int_equal(create_by_hand(f, "b", unknown, 1), error);
    assert_int_equal(create_by_hand(f, "b", repeated, 1), error);
    assert_int_equal(create_by_hand(f, "b", empty, 1), error);
    assert_null(image_topic_by_name(f->image, SLICE("b")));
}

static void a_fenced_broker_leads_nothing_new(void **state)
{
    struct fixture *f = *state;
    fence(f, 1, true);
    const struct hand fenced[] = {{0, {1}, 1}};
    const struct hand both[] = {{0, {1, 2}, 2}};
    assert_int_equal(create_by_hand(f, "a", fenced, 1), KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(create_by_hand(f, "a", both, 1), KAFKA_ERROR_NONE);
    assert_int_equal(partition(f, "a", 0)->leader, 2);
    assert_int_equal(partition(f, "a", 0)->isr_count, 1);
    assert_int_equal(create(f, "b", 4, 1, false), KAFKA_ERROR_NONE);
    for (int32_t i = 0; i < 4; i++)
        assert_int_equal(partition(f, "b", i)->leader, 2);
    fence(f, 2, true);
    assert_int_equal(create(f, "c", 1, 1, false), KAFKA_ERROR_INVALID_REPLICATION_FACTOR);
}

/* --- many topics in one request --------------------------------------------------------------- */

static void a_name_given_twice_is_answered_once(void **state)
{
    struct fixture *f = *state;
    struct create_topics_request_creatable_topic topics[] = {
        {.name = SLICE("a"), .num_partitions = 1, .replication_factor = 1},
        {.name = SLICE("b"), .num_partitions = 1, .replication_factor = 1},
        {.name = SLICE("a"), .num_partitions = 1, .replication_factor = 1},
        {.name = SLICE("__cluster_metadata"), .num_partitions = 1, .replication_factor = 1},
    };
    struct create_topics_request request = {
        .topics = topics, .topics_count = 4, .timeout_ms = 1000};
    struct create_topics_response response;
    ask(f, API_CREATE_TOPICS, 7, &wire_create_topics_request, &request,
        &wire_create_topics_response, &response);
    assert_int_equal(response.topics_count, 3);
    assert_true(slice_equal(response.topics[0].name, SLICE("b")));
    assert_int_equal(response.topics[0].error_code, KAFKA_ERROR_NONE);
    assert_int_equal(response.topics[1].error_code, KAFKA_ERROR_INVALID_REQUEST);
    assert_true(slice_equal(response.topics[1].error_message, SLICE("Duplicate topic name.")));
    assert_int_equal(response.topics[2].error_code, KAFKA_ERROR_INVALID_REQUEST);
    assert_null(image_topic_by_name(f->image, SLICE("a")));
    assert_non_null(image_topic_by_name(f->image, SLICE("b")));
}

static void a_new_topic_comes_with_its_settings(void **state)
{
    struct fixture *f = *state;
    struct create_topics_request_creatable_topic_config configs[] = {
        {SLICE("retention.ms"), SLICE("1")},
        {SLICE("preallocate"), SLICE("TRUE")},
        {SLICE("retention.ms"), SLICE("2000")},
    };
    struct create_topics_request_creatable_topic topic = {.name = SLICE("a"),
                                                          .num_partitions = -1,
                                                          .replication_factor = -1,
                                                          .configs = configs,
                                                          .configs_count = 3};
    struct create_topics_request request = {
        .topics = &topic, .topics_count = 1, .timeout_ms = 1000};
    struct create_topics_response response;
    ask(f, API_CREATE_TOPICS, 5, &wire_create_topics_request, &request,
        &wire_create_topics_response, &response);
    const struct create_topics_response_creatable_topic_result *result = &response.topics[0];
    assert_int_equal(result->error_code, KAFKA_ERROR_NONE);
    assert_int_equal(result->num_partitions, 1);
    assert_int_equal(result->replication_factor, 1);
    expect_config(f, "a", "retention.ms", "2000");
    int found = 0;
    for (int32_t i = 0; i < result->configs_count; i++) {
        const struct create_topics_response_creatable_topic_configs *told = &result->configs[i];
        bool retention = slice_equal(told->name, SLICE("retention.ms"));
        bool preallocate = slice_equal(told->name, SLICE("preallocate"));
        assert_int_equal(told->config_source == SETTING_ORIGIN_TOPIC, retention || preallocate);
        if (retention) assert_true(slice_equal(told->value, SLICE("2000")));
        if (preallocate) assert_true(slice_equal(told->value, SLICE("TRUE"))); /* as written */
        found += retention || preallocate;
    }
    assert_int_equal(found, 2);
}

/* --- deleting --------------------------------------------------------------------------------- */

static struct delete_topics_response
delete_topics(struct fixture *f, struct delete_topics_request_delete_topic_state *topics,
              int32_t count)
{
    struct delete_topics_request request = {
        .topics = topics, .topics_count = count, .timeout_ms = 1000};
    struct delete_topics_response response;
    ask(f, API_DELETE_TOPICS, 6, &wire_delete_topics_request, &request,
        &wire_delete_topics_response, &response);
    return response;
}

static void topics_go_by_name_or_by_id(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a", 1, 1, false), KAFKA_ERROR_NONE);
    assert_int_equal(create(f, "b", 1, 1, false), KAFKA_ERROR_NONE);
    struct uuid a = image_topic_by_name(f->image, SLICE("a"))->id;
    struct delete_topics_request_delete_topic_state topics[] = {
        {.name = SLICE_NULL, .topic_id = a},
        {.name = SLICE("b")},
        {.name = SLICE("c")},
    };
    struct delete_topics_response response = delete_topics(f, topics, 3);
    assert_int_equal(response.responses_count, 3);
    assert_true(slice_equal(response.responses[0].name, SLICE("a")));
    assert_int_equal(response.responses[2].error_code, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(image_topic_count(f->image), 0);
    response = delete_topics(f, topics, 1);
    assert_int_equal(response.responses[0].error_code, KAFKA_ERROR_UNKNOWN_TOPIC_ID);
}

static void what_is_meant_twice_stays(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a", 1, 1, false), KAFKA_ERROR_NONE);
    struct uuid a = image_topic_by_name(f->image, SLICE("a"))->id;
    struct delete_topics_request_delete_topic_state both[] = {
        {.name = SLICE_NULL, .topic_id = a},
        {.name = SLICE("a")},
    };
    struct delete_topics_response response = delete_topics(f, both, 2);
    assert_int_equal(response.responses_count, 1);
    assert_int_equal(response.responses[0].error_code, KAFKA_ERROR_INVALID_REQUEST);
    struct delete_topics_request_delete_topic_state twice[] = {
        {.name = SLICE("a")},
        {.name = SLICE("a")},
        {.name = SLICE("a"), .topic_id = a},
        {.name = SLICE_NULL},
    };
    response = delete_topics(f, twice, 4);
    assert_int_equal(response.responses_count, 3);
    for (int32_t i = 0; i < 3; i++)
        assert_int_equal(response.responses[i].error_code, KAFKA_ERROR_INVALID_REQUEST);
    assert_int_equal(image_topic_count(f->image), 1);
}

/* --- more partitions -------------------------------------------------------------------------- */

static struct create_partitions_response_create_partitions_topic_result
grow(struct fixture *f, const char *name, int32_t count,
     struct create_partitions_request_create_partitions_assignment *assignments, int32_t given,
     bool validate_only)
{
    struct create_partitions_request_create_partitions_topic topic = {.name = slice_of(name),
                                                                      .count = count,
                                                                      .assignments = assignments,
                                                                      .assignments_count = given};
    struct create_partitions_request request = {
        .topics = &topic, .topics_count = 1, .timeout_ms = 1000, .validate_only = validate_only};
    struct create_partitions_response response;
    ask(f, API_CREATE_PARTITIONS, 3, &wire_create_partitions_request, &request,
        &wire_create_partitions_response, &response);
    assert_int_equal(response.results_count, 1);
    return response.results[0];
}

static void topics_grow_and_never_shrink(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a", 2, 2, false), KAFKA_ERROR_NONE);
    assert_int_equal(grow(f, "a", 4, NULL, -1, true).error_code, KAFKA_ERROR_NONE);
    assert_int_equal(image_topic_by_name(f->image, SLICE("a"))->partition_count, 2);
    assert_int_equal(grow(f, "a", 4, NULL, -1, false).error_code, KAFKA_ERROR_NONE);
    assert_int_equal(partition(f, "a", 2)->leader, 1);
    assert_int_equal(partition(f, "a", 3)->leader, 2);
    assert_int_equal(partition(f, "a", 3)->replica_count, 2);
    struct slice text = grow(f, "a", 4, NULL, -1, false).error_message;
    assert_true(slice_equal(text, SLICE("Topic already has 4 partition(s).")));
    text = grow(f, "a", 1, NULL, -1, false).error_message;
    assert_true(slice_equal(
        text, SLICE("The topic a currently has 4 partition(s); 1 would not be an increase.")));
    assert_int_equal(grow(f, "b", 4, NULL, -1, false).error_code,
                     KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(grow(f, "a", INT32_MAX, NULL, -1, false).error_code,
                     KAFKA_ERROR_POLICY_VIOLATION);
}

static void grown_by_hand(void **state)
{
    struct fixture *f = *state;
    int32_t brokers[] = {2, 1};
    int32_t lone[] = {2};
    struct create_partitions_request_create_partitions_assignment assignments[] = {
        {.broker_ids = brokers, .broker_ids_count = 2},
        {.broker_ids = lone, .broker_ids_count = 1},
    };
    enum kafka_error error = KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
    assert_int_equal(create(f, "a", 1, 2, false), KAFKA_ERROR_NONE);
    struct create_partitions_response_create_partitions_topic_result one_is_missing =
        grow(f, "a", 3, assignments, 1, false);
    assert_int_equal(one_is_missing.error_code, error);
    assert_true(slice_equal(one_is_missing.error_message,
                            SLICE("Attempted to add 2 additional partition(s), but only 1 "
                                  "assignment(s) were specified.")));
    assert_int_equal(grow(f, "a", 3, assignments, 2, false).error_code, error); /* uneven */
    assert_int_equal(image_topic_by_name(f->image, SLICE("a"))->partition_count, 1);
    assert_int_equal(grow(f, "a", 2, assignments, 1, false).error_code, KAFKA_ERROR_NONE);
    assert_int_equal(partition(f, "a", 1)->leader, 2);
}

/* --- settings --------------------------------------------------------------------------------- */

enum { SET, DELETE, APPEND, SUBTRACT };

static struct incremental_alter_configs_response_alter_configs_resource_response
alter_any(struct fixture *f, enum image_resource type, const char *resource_name, const char *name,
          int8_t operation, const char *value)
{
    struct incremental_alter_configs_request_alterable_config config = {
        .name = slice_of(name), .config_operation = operation, .value = slice_of(value)};
    struct incremental_alter_configs_request_alter_configs_resource resource = {
        .resource_type = (int8_t)type,
        .resource_name = slice_of(resource_name),
        .configs = &config,
        .configs_count = 1};
    struct incremental_alter_configs_request request = {.resources = &resource,
                                                        .resources_count = 1};
    struct incremental_alter_configs_response response;
    ask(f, API_INCREMENTAL_ALTER_CONFIGS, 1, &wire_incremental_alter_configs_request, &request,
        &wire_incremental_alter_configs_response, &response);
    assert_int_equal(response.responses_count, 1);
    return response.responses[0];
}

static int16_t alter(struct fixture *f, const char *topic, const char *name, int8_t operation,
                     const char *value)
{
    return alter_any(f, IMAGE_RESOURCE_TOPIC, topic, name, operation, value).error_code;
}

static void settings_are_altered_one_by_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a", 1, 1, false), KAFKA_ERROR_NONE);
    assert_int_equal(alter(f, "a", "retention.ms", SET, "1000"), KAFKA_ERROR_NONE);
    expect_config(f, "a", "retention.ms", "1000");
    assert_int_equal(alter(f, "a", "retention.ms", SET, "-2"), KAFKA_ERROR_INVALID_CONFIG);
    assert_int_equal(alter(f, "a", "no.such", SET, "1"), KAFKA_ERROR_INVALID_CONFIG);
    assert_int_equal(alter(f, "b", "retention.ms", SET, "1"),
                     KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(alter(f, "a", "cleanup.policy", APPEND, "compact"), KAFKA_ERROR_NONE);
    expect_config(f, "a", "cleanup.policy", "delete,compact");
    assert_int_equal(alter(f, "a", "cleanup.policy", SUBTRACT, "delete"), KAFKA_ERROR_NONE);
    expect_config(f, "a", "cleanup.policy", "compact");
    assert_int_equal(alter(f, "a", "retention.ms", APPEND, "1"), KAFKA_ERROR_INVALID_CONFIG);
    assert_int_equal(alter(f, "a", "retention.ms", DELETE, NULL), KAFKA_ERROR_NONE);
    expect_config(f, "a", "retention.ms", NULL);
}

static void lists_are_compared_as_written(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a", 1, 1, false), KAFKA_ERROR_NONE);
    const char *key = "leader.replication.throttled.replicas";
    assert_int_equal(alter(f, "a", key, APPEND, "0:1,1:1"), KAFKA_ERROR_NONE);
    assert_int_equal(alter(f, "a", key, APPEND, "1:1,2:1"), KAFKA_ERROR_NONE);
    expect_config(f, "a", key, "0:1,1:1,2:1");
    assert_int_equal(alter(f, "a", key, SUBTRACT, "1:1, 2:1"), KAFKA_ERROR_NONE);
    expect_config(f, "a", key, "0:1,2:1");
    assert_int_equal(alter(f, "a", key, SUBTRACT, "0:1,2:1,3:1"), KAFKA_ERROR_NONE);
    expect_config(f, "a", key, "");
}

static void
expect_refusal(struct incremental_alter_configs_response_alter_configs_resource_response response,
               enum kafka_error error, const char *text)
{
    assert_int_equal(response.error_code, error);
    assert_true(slice_equal(response.error_message, slice_of(text)));
}

static void brokers_have_settings_too(void **state)
{
    struct fixture *f = *state;
    enum image_resource broker = IMAGE_RESOURCE_BROKER;
    assert_int_equal(alter_any(f, broker, "", "log.retention.ms", SET, "5000").error_code, 0);
    assert_true(slice_equal(image_config(f->image, broker, SLICE(""), SLICE("log.retention.ms")),
                            SLICE("5000")));
    assert_int_equal(alter_any(f, broker, "1", "background.threads", SET, "11").error_code, 0);
    expect_refusal(alter_any(f, broker, "2", "background.threads", SET, "11"),
                   KAFKA_ERROR_INVALID_REQUEST, "Unexpected broker id, expected 1, but received 2");
    expect_refusal(alter_any(f, broker, "x", "background.threads", SET, "11"),
                   KAFKA_ERROR_INVALID_REQUEST, "Node id must be an integer, but it is: x");
    expect_refusal(alter_any(f, broker, "1", "node.id", SET, "2"), KAFKA_ERROR_INVALID_REQUEST,
                   "Cannot update these configs dynamically: [node.id]");
    expect_refusal(alter_any(f, broker, "", "listeners", SET, "A://:1"),
                   KAFKA_ERROR_INVALID_REQUEST,
                   "Cannot update these configs at default cluster level, broker id must be "
                   "specified: [listeners]");
    expect_refusal(alter_any(f, broker, "1", "log.retention.ms", SET, "abc"),
                   KAFKA_ERROR_INVALID_REQUEST,
                   "Invalid value abc for configuration log.retention.ms: Not a number of type "
                   "LONG");
    expect_refusal(alter_any(f, broker, "1", "log.retention.ms", APPEND, "1"),
                   KAFKA_ERROR_INVALID_CONFIG,
                   "Config value append is not allowed for config key: log.retention.ms");
}

static void loggers_have_levels(void **state)
{
    struct fixture *f = *state;
    enum image_resource logger = IMAGE_RESOURCE_BROKER_LOGGER;
    expect_refusal(alter_any(f, logger, "2", "root", SET, "INFO"), KAFKA_ERROR_INVALID_REQUEST,
                   "Unexpected node id. Expected 1, but received 2");
    expect_refusal(alter_any(f, logger, "1", "root", APPEND, "INFO"), KAFKA_ERROR_INVALID_REQUEST,
                   "APPEND operation is not allowed for the BROKER_LOGGER resource");
    expect_refusal(alter_any(f, logger, "1", "root", SUBTRACT, "INFO"), KAFKA_ERROR_INVALID_REQUEST,
                   "SUBTRACT operation is not allowed for the BROKER_LOGGER resource");
    expect_refusal(alter_any(f, logger, "1", "no.such.Logger", SET, "INFO"),
                   KAFKA_ERROR_INVALID_CONFIG, "Logger no.such.Logger does not exist!");
    expect_refusal(alter_any(f, logger, "1", "root", DELETE, NULL), KAFKA_ERROR_INVALID_REQUEST,
                   "Removing the log level of the root logger is not allowed");
    expect_refusal(alter_any(f, logger, "1", "root", SET, "LOUD"), KAFKA_ERROR_INVALID_CONFIG,
                   "Cannot set the log level of root to LOUD as it is not a supported log level. "
                   "Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN");
    assert_int_equal(alter_any(f, logger, "1", "root", 7, "INFO").error_code,
                     KAFKA_ERROR_UNKNOWN_SERVER_ERROR);
    int64_t offset = f->next_offset;
    assert_int_equal(alter_any(f, logger, "1", "root", SET, "INFO").error_code, 0);
    assert_int_equal(alter_any(f, logger, "1", "kafka.log.LogCleaner", DELETE, NULL).error_code, 0);
    assert_int_equal(f->next_offset, offset); /* nothing of it is stored */
}

/* Levels count, whatever becomes of what else the request asks for. */
static void levels_are_planned(void **state)
{
    struct fixture *f = *state;
    struct incremental_alter_configs_request_alterable_config levels[] = {
        {SLICE("kafka.log.LogManager"), SET, SLICE("DEBUG")},
        {SLICE("kafka.log.LogCleaner"), DELETE, SLICE_NULL},
        {SLICE("root"), SET, SLICE("WARN")}};
    struct incremental_alter_configs_request_alterable_config unknown = {SLICE("retention.ms"), 9,
                                                                         SLICE("1")};
    struct incremental_alter_configs_request_alter_configs_resource resources[] = {
        {IMAGE_RESOURCE_BROKER_LOGGER, SLICE("1"), levels, 3},
        {IMAGE_RESOURCE_TOPIC, SLICE("x"), &unknown, 1}};
    struct incremental_alter_configs_request request = {.resources = resources,
                                                        .resources_count = 2};
    struct controller_plan plan = {0};
    writer_reset(&f->body);
    writer_reset(&f->reply);
    assert_int_equal(
        wire_encode(&wire_incremental_alter_configs_request, 1, &request, &f->body, NULL), 0);
    struct controller_input input = input_of(f);
    assert_int_equal(controller_plan_request(&input, API_INCREMENTAL_ALTER_CONFIGS, 1,
                                             writer_slice(&f->body), &plan, &f->reply),
                     0);
    assert_int_equal(plan.record_count, 0);
    assert_int_equal(plan.level_count, 3);
    assert_string_equal(trace_logger_name(plan.levels[0].logger), "kafka.log.LogManager");
    assert_int_equal(plan.levels[0].level, TRACE_DEBUG);
    assert_true(plan.levels[1].inherits);
    assert_int_equal(plan.levels[2].logger, TRACE_ROOT);
    assert_int_equal(plan.levels[2].level, TRACE_WARN);
    request.validate_only = true;
    writer_reset(&f->body);
    writer_reset(&f->reply);
    assert_int_equal(
        wire_encode(&wire_incremental_alter_configs_request, 1, &request, &f->body, NULL), 0);
    assert_int_equal(controller_plan_request(&input, API_INCREMENTAL_ALTER_CONFIGS, 1,
                                             writer_slice(&f->body), &plan, &f->reply),
                     0);
    assert_int_equal(plan.level_count, 0);
}

/* Eligible leaders count in this cluster. */
static void min_insync_replicas_is_the_clusters(void **state)
{
    struct fixture *f = *state;
    enum image_resource broker = IMAGE_RESOURCE_BROKER;
    expect_refusal(alter_any(f, broker, "1", "min.insync.replicas", SET, "2"),
                   KAFKA_ERROR_INVALID_CONFIG,
                   "Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
    expect_refusal(alter_any(f, broker, "", "min.insync.replicas", DELETE, NULL),
                   KAFKA_ERROR_INVALID_CONFIG,
                   "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
    assert_int_equal(alter_any(f, broker, "", "min.insync.replicas", SET, "2").error_code, 0);
}

static void resources_that_are_none(void **state)
{
    struct fixture *f = *state;
    expect_refusal(alter_any(f, IMAGE_RESOURCE_TOPIC, "", "retention.ms", SET, "1"),
                   KAFKA_ERROR_INVALID_REQUEST, "Default topic resources are not allowed.");
    expect_refusal(alter_any(f, IMAGE_RESOURCE_GROUP, "", "a", SET, "1"),
                   KAFKA_ERROR_INVALID_REQUEST, "Default group resources are not allowed.");
    expect_refusal(alter_any(f, (enum image_resource)5, "x", "a", SET, "1"),
                   KAFKA_ERROR_INVALID_REQUEST, "Unknown resource type 5");
    expect_refusal(alter_any(f, IMAGE_RESOURCE_TOPIC, "x", "a", SET, NULL),
                   KAFKA_ERROR_INVALID_REQUEST, "Null value not supported for : a");
}

/* A message that quotes a long name is cut where a character ends. */
static void refusals_fit_into_a_string(void **state)
{
    struct fixture *f = *state;
    enum { NAME_BYTES = 32766 };
    static char name[NAME_BYTES + 1];
    for (size_t i = 0; i < NAME_BYTES; i += 2) {
        name[i] = '\xc3';
        name[i + 1] = '\xa4';
    }
    struct slice text =
        alter_any(f, IMAGE_RESOURCE_TOPIC, name, "retention.ms", SET, "1").error_message;
    assert_true(text.size <= INT16_MAX);
    assert_true(text.size >= INT16_MAX - 1);
    assert_int_equal(text.data[text.size - 1], 0xa4);
}

/* --- leaders come and go ---------------------------------------------------------------------- */

static void leadership_moves_to_who_is_in_sync(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a", 2, 2, false), KAFKA_ERROR_NONE);
    assert_int_equal(create(f, "lone", 1, 1, false), KAFKA_ERROR_NONE);
    int32_t alone = partition(f, "lone", 0)->leader;
    fence(f, alone, true);
    int32_t other = 3 - alone;
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(partition(f, "a", i)->leader, other);
        assert_int_equal(partition(f, "a", i)->isr_count, 1);
        assert_int_equal(partition(f, "a", i)->isr[0], other);
    }
    assert_int_equal(partition(f, "lone", 0)->leader, IMAGE_NO_LEADER);
    fence(f, other, true); /* who is in sync last is remembered */
    assert_int_equal(partition(f, "a", 0)->leader, IMAGE_NO_LEADER);
    assert_int_equal(partition(f, "a", 0)->isr_count, 0);
    assert_int_equal(partition(f, "a", 0)->elr_count, 1);
    assert_int_equal(partition(f, "a", 0)->elr[0], other);
    fence(f, alone, false);
    assert_int_equal(partition(f, "lone", 0)->leader, alone);
    assert_int_equal(partition(f, "a", 0)->leader, IMAGE_NO_LEADER); /* it may lack records */
    fence(f, other, false);
    assert_int_equal(partition(f, "a", 0)->leader, other);
}

static void a_broker_that_comes_again_leads_in_a_new_epoch(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a", 2, 1, false), KAFKA_ERROR_NONE);
    assert_int_equal(partition(f, "a", 0)->leader, 1);
    struct controller_registration registration = {.broker_id = 1};
    struct controller_plan plan;
    struct controller_input input = input_of(f);
    controller_plan_registration(&input, &registration, &plan);
    apply(f, &plan);
    assert_int_equal(partition(f, "a", 0)->leader, IMAGE_NO_LEADER);
    assert_int_equal(partition(f, "a", 0)->isr_count, 0);
    assert_int_equal(partition(f, "a", 0)->elr[0], 1); /* it is known who has everything */
    assert_int_equal(partition(f, "a", 0)->last_known_elr[0], 1); /* and who led last */
    assert_int_equal(partition(f, "a", 1)->leader, 2);
    input = input_of(f);
    controller_plan_fencing(&input, 1, false, false, &plan);
    apply(f, &plan);
    assert_int_equal(partition(f, "a", 0)->leader, 1);
    assert_int_equal(partition(f, "a", 0)->isr[0], 1);
    assert_int_equal(partition(f, "a", 0)->elr_count, 0);
    assert_int_equal(partition(f, "a", 0)->last_known_elr_count, 0);
    assert_true(partition(f, "a", 0)->leader_epoch > 0);
    assert_int_equal(partition(f, "a", 1)->leader_epoch, 0);
}

static void a_log_begins_with_what_format_laid_down(void **state)
{
    struct fixture *f = *state;
    struct controller_plan laid, plan;
    struct slice error;
    assert_int_equal(controller_plan_bootstrap(&f->arena, NULL, 0, &laid, &error), 0);
    struct controller_input input = input_of(f);
    assert_int_equal(controller_plan_activation(&input, &laid, &plan), 0);
    /* Six levels, min.insync.replicas for eligible leaders, and the transaction around them. */
    assert_int_equal(laid.record_count, 6);
    assert_int_equal(plan.record_count, 9);
    static const enum image_record kinds[] = {
        IMAGE_RECORD_BEGIN_TRANSACTION, IMAGE_RECORD_FEATURE_LEVEL, IMAGE_RECORD_FEATURE_LEVEL,
        IMAGE_RECORD_FEATURE_LEVEL,     IMAGE_RECORD_FEATURE_LEVEL, IMAGE_RECORD_FEATURE_LEVEL,
        IMAGE_RECORD_FEATURE_LEVEL,     IMAGE_RECORD_CONFIG,        IMAGE_RECORD_END_TRANSACTION,
    };
    for (int32_t i = 0; i < 9; i++)
        assert_int_equal(plan.records[i].data[1], kinds[i]); /* behind the frame's version */
    laid.records[0] = SLICE("\x7f");
    assert_int_equal(controller_plan_activation(&input, &laid, &plan), -EBADMSG);
}

/* Kafka's controller takes the last in-sync replica out when it stops, and keeps it as eligible. */
static void an_eligible_replica_leads_again(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a", 1, 2, false), KAFKA_ERROR_NONE);
    int32_t elr[] = {2, 1};
    struct partition_change_record record;
    wire_defaults(&wire_partition_change_record, &record);
    record.partition_id = 0;
    record.topic_id = image_topic_by_name(f->image, SLICE("a"))->id;
    record.leader = IMAGE_NO_LEADER;
    record.isr_count = 0;
    record.eligible_leader_replicas = elr;
    record.eligible_leader_replicas_count = 2;
    struct writer writer;
    writer_init(&writer, 4096);
    int16_t version = image_record_version(IMAGE_RECORD_PARTITION_CHANGE, 30);
    assert_int_equal(image_encode(IMAGE_RECORD_PARTITION_CHANGE, version, &record, &writer), 0);
    struct slice bytes = writer_slice(&writer);
    apply(f, &(struct controller_plan){.records = &bytes, .record_count = 1});
    writer_deinit(&writer);
    assert_int_equal(partition(f, "a", 0)->isr_count, 0);
    struct controller_registration registration = {.broker_id = 1};
    struct controller_plan plan;
    struct controller_input input = input_of(f);
    controller_plan_registration(&input, &registration, &plan);
    apply(f, &plan);
    input = input_of(f);
    controller_plan_fencing(&input, 1, false, false, &plan);
    apply(f, &plan);
    const struct image_partition *p = partition(f, "a", 0);
    assert_int_equal(p->leader, 1);
    assert_int_equal(p->isr_count, 1);
    assert_int_equal(p->isr[0], 1);
    assert_int_equal(p->elr_count, 1);
    assert_int_equal(p->elr[0], 2);
}

static void producer_ids_are_given_once(void **state)
{
    struct fixture *f = *state;
    int64_t expected = 0;
    for (int i = 0; i < 3; i++) {
        struct controller_plan plan;
        struct controller_input input = input_of(f);
        int64_t first;
        int32_t count;
        controller_plan_producer_ids(&input, 1 + i % 2, &plan, &first, &count);
        assert_int_equal(first, expected);
        assert_int_equal(count, 1000);
        expected += count;
        apply(f, &plan);
    }
}

static void levels_follow_the_release(void **state)
{
    struct fixture *f = *state;
    struct controller_feature old = {SLICE("metadata.version"),
                                     controller_metadata_version_level(SLICE("3.9"))};
    struct controller_plan plan;
    struct slice error;
    assert_int_equal(old.level, 21);
    assert_int_equal(controller_plan_bootstrap(&f->arena, &old, 1, &plan, &error), 0);
    assert_int_equal(plan.record_count, 1); /* nothing else is finalized that early */
    old.level = 99;
    assert_int_equal(controller_plan_bootstrap(&f->arena, &old, 1, &plan, &error), -EINVAL);
    old = (struct controller_feature){SLICE("foo"), 1};
    assert_int_equal(controller_plan_bootstrap(&f->arena, &old, 1, &plan, &error), -EINVAL);
    assert_true(slice_starts_with(error, SLICE("Unsupported feature: foo.")));
    assert_string_equal(controller_metadata_version_name(30), "4.3-IV0");
    assert_int_equal(controller_metadata_version_level(SLICE("4.3.1")), 30);
    assert_int_equal(controller_metadata_version_level(SLICE("4.0-IV1")), 23);
    assert_int_equal(controller_metadata_version_level(SLICE("9.9")), -1);
}

static void bodies_that_do_not_decode(void **state)
{
    struct fixture *f = *state;
    struct controller_plan plan;
    struct controller_input input = input_of(f);
    assert_int_equal(
        controller_plan_request(&input, API_CREATE_TOPICS, 7, SLICE("\x7f"), &plan, &f->reply),
        -EBADMSG);
    assert_int_equal(controller_plan_request(&input, API_PRODUCE, 9, SLICE(""), &plan, &f->reply),
                     -ENOTSUP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_replica_gives_ranges),
        TEST(two_replicas_stripe_leaders),
        TEST(the_least_loaded_broker_begins),
        TEST(refusals),
        TEST(settings_are_altered_one_by_one),
        TEST(a_broker_that_comes_again_leads_in_a_new_epoch),
        TEST(an_eligible_replica_leads_again),
        TEST(producer_ids_are_given_once),
        TEST(levels_follow_the_release),
        TEST(bodies_that_do_not_decode),
        TEST(replicas_go_where_a_hand_puts_them),
        TEST(a_fenced_broker_leads_nothing_new),
        TEST(a_name_given_twice_is_answered_once),
        TEST(a_new_topic_comes_with_its_settings),
        TEST(topics_go_by_name_or_by_id),
        TEST(what_is_meant_twice_stays),
        TEST(topics_grow_and_never_shrink),
        TEST(grown_by_hand),
        TEST(lists_are_compared_as_written),
        TEST(brokers_have_settings_too),
        TEST(loggers_have_levels),
        TEST(levels_are_planned),
        TEST(min_insync_replicas_is_the_clusters),
        TEST(resources_that_are_none),
        TEST(refusals_fit_into_a_string),
        TEST(leadership_moves_to_who_is_in_sync),
        TEST(a_log_begins_with_what_format_laid_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

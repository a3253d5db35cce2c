/* AlterConfigs and what it shares with IncrementalAlterConfigs, whose own tests are in
 * controller_test.c. */
#include "core/controller/fixture.h"

enum { SET = 0, APPEND = 2 };

struct key_value {
    const char *name, *value; /* value NULL: null */
};

static struct slice null_or(const char *text)
{
    return text == NULL ? SLICE_NULL : slice_of(text);
}

/* Replaces all settings of one resource; the list ends with a NULL name. */
static struct alter_configs_response_alter_configs_resource_response
replace(struct fixture *f, int16_t version, enum image_resource type, const char *name,
        const struct key_value *list, bool validate_only)
{
    struct alter_configs_request_alterable_config configs[8];
    struct alter_configs_request_alter_configs_resource resource = {
        .resource_type = (int8_t)type, .resource_name = slice_of(name), .configs = configs};
    for (; list->name != NULL; list++)
        configs[resource.configs_count++] = (struct alter_configs_request_alterable_config){
            slice_of(list->name), null_or(list->value)};
    struct alter_configs_request request = {
        .resources = &resource, .resources_count = 1, .validate_only = validate_only};
    struct alter_configs_response response;
    ask(f, API_ALTER_CONFIGS, version, &wire_alter_configs_request, &request,
        &wire_alter_configs_response, &response);
    assert_int_equal(response.responses_count, 1);
    assert_int_equal(response.responses[0].resource_type, type);
    return response.responses[0];
}

static void expect(struct alter_configs_response_alter_configs_resource_response response,
                   enum kafka_error error, const char *message)
{
    assert_int_equal(response.error_code, error);
    if (message == NULL)
        assert_true(slice_is_null(response.error_message));
    else
        assert_true(slice_equal(response.error_message, slice_of(message)));
}

static void expect_setting(struct fixture *f, enum image_resource type, const char *resource,
                           const char *name, const char *value)
{
    struct slice now = image_config(f->image, type, slice_of(resource), slice_of(name));
    assert_int_equal(slice_is_null(now), value == NULL);
    if (value != NULL) assert_true(slice_equal(now, slice_of(value)));
}

/* --- replacing -------------------------------------------------------------------------------- */

static void what_is_not_named_goes(void **state)
{
    struct fixture *f = *state;
    const enum image_resource topic = IMAGE_RESOURCE_TOPIC;
    assert_int_equal(create(f, "t", 1, 1, false), KAFKA_ERROR_NONE);
    for (int16_t version = 0; version <= 2; version++) {
        const struct key_value two[] = {{"retention.ms", "777"}, {"segment.ms", "5000"}, {0}};
        expect(replace(f, version, topic, "t", two, false), KAFKA_ERROR_NONE, NULL);
        expect_config(f, "t", "retention.ms", "777");
        expect_config(f, "t", "segment.ms", "5000");
        const struct key_value other[] = {{"cleanup.policy", "compact"}, {"segment.ms", "1"}, {0}};
        expect(replace(f, version, topic, "t", other, false), KAFKA_ERROR_NONE, NULL);
        expect_config(f, "t", "retention.ms", NULL);
        expect_config(f, "t", "segment.ms", "1");
        expect_config(f, "t", "cleanup.policy", "compact");
    }
    const struct key_value none[] = {{0}};
    expect(replace(f, 2, topic, "t", none, false), KAFKA_ERROR_NONE, NULL);
    int32_t count;
    image_configs(f->image, topic, SLICE("t"), &count);
    assert_int_equal(count, 0);
}

static void a_refused_one_changes_nothing(void **state)
{
    struct fixture *f = *state;
    const enum image_resource topic = IMAGE_RESOURCE_TOPIC;
    assert_int_equal(create(f, "t", 1, 1, false), KAFKA_ERROR_NONE);
    const struct key_value kept[] = {{"retention.ms", "777"}, {0}};
    expect(replace(f, 2, topic, "t", kept, false), KAFKA_ERROR_NONE, NULL);
    const struct key_value valid[] = {{"segment.ms", "5"}, {0}};
    expect(replace(f, 2, topic, "t", valid, true), KAFKA_ERROR_NONE, NULL); /* only asked */
    const struct key_value unknown[] = {{"segment.ms", "5"}, {"no.such", "1"}, {0}};
    expect(replace(f, 2, topic, "t", unknown, false), KAFKA_ERROR_INVALID_CONFIG,
           "Unknown topic config name: no.such");
    const struct key_value nulls[] = {{"retention.ms", NULL}, {"segment.ms", NULL}, {0}};
    expect(replace(f, 2, topic, "t", nulls, false), KAFKA_ERROR_INVALID_REQUEST,
           "Null value not supported for : retention.ms, segment.ms");
    const struct key_value twice[] = {{"segment.ms", "5"}, {"segment.ms", "6"}, {0}};
    expect(replace(f, 2, topic, "t", twice, false), KAFKA_ERROR_INVALID_REQUEST,
           "Error due to duplicate config keys");
    expect_config(f, "t", "retention.ms", "777");
    expect_config(f, "t", "segment.ms", NULL);
    expect(replace(f, 2, topic, "absent", valid, false), KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
           "The topic 'absent' does not exist.");
    expect(replace(f, 2, topic, "", valid, false), KAFKA_ERROR_INVALID_REQUEST,
           "Default topic resources are not allowed.");
}

static void brokers_and_others(void **state)
{
    struct fixture *f = *state;
    const struct key_value retention[] = {{"log.retention.ms", "5000"}, {0}};
    const struct key_value none[] = {{0}};
    const enum image_resource broker = IMAGE_RESOURCE_BROKER;
    expect(replace(f, 2, broker, "1", retention, false), KAFKA_ERROR_NONE, NULL);
    expect_setting(f, broker, "1", "log.retention.ms", "5000");
    expect(replace(f, 2, broker, "1", none, false), KAFKA_ERROR_NONE, NULL);
    expect_setting(f, broker, "1", "log.retention.ms", NULL);
    expect(replace(f, 2, broker, "5", retention, false), KAFKA_ERROR_INVALID_REQUEST,
           "Unexpected broker id, expected 1, but received 5");
    const struct key_value fixed[] = {{"node.id", "5"}, {0}};
    expect(replace(f, 2, broker, "1", fixed, false), KAFKA_ERROR_INVALID_REQUEST,
           "Cannot update these configs dynamically: [node.id]");
    /* What is not named would go: the cluster's min.insync.replicas must not. (KIP-966) */
    expect(replace(f, 2, broker, "", retention, false), KAFKA_ERROR_INVALID_CONFIG,
           "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
    const struct key_value both[] = {
        {"log.retention.ms", "6000"}, {"min.insync.replicas", "1"}, {0}};
    expect(replace(f, 2, broker, "", both, false), KAFKA_ERROR_NONE, NULL);
    expect_setting(f, broker, "", "log.retention.ms", "6000");
    const struct key_value group[] = {{"consumer.session.timeout.ms", "50000"}, {0}};
    expect(replace(f, 2, IMAGE_RESOURCE_GROUP, "g", group, false), KAFKA_ERROR_NONE, NULL);
    expect_setting(f, IMAGE_RESOURCE_GROUP, "g", "consumer.session.timeout.ms", "50000");
    expect(replace(f, 2, IMAGE_RESOURCE_BROKER_LOGGER, "1", none, false),
           KAFKA_ERROR_INVALID_REQUEST, "Unknown resource type 8");
    expect(replace(f, 2, (enum image_resource)77, "x", none, false), KAFKA_ERROR_INVALID_REQUEST,
           "Unknown resource type 77");
}

/* --- several resources ------------------------------------------------------------------------ */

struct change {
    enum image_resource type;
    const char *resource, *name;
    int8_t operation;
    enum kafka_error expected;
};

static void alter_several(struct fixture *f, const struct change *changes, int32_t count)
{
    struct incremental_alter_configs_request_alterable_config configs[4];
    struct incremental_alter_configs_request_alter_configs_resource resources[4];
    assert_true(count <= 4);
    for (int32_t i = 0; i < count; i++) {
        configs[i] = (struct incremental_alter_configs_request_alterable_config){
            slice_of(changes[i].name), changes[i].operation, SLICE("1")};
        resources[i] = (struct incremental_alter_configs_request_alter_configs_resource){
            (int8_t)changes[i].type, slice_of(changes[i].resource), &configs[i], 1};
    }
    struct incremental_alter_configs_request request = {.resources = resources,
                                                        .resources_count = count};
    struct incremental_alter_configs_response response;
    ask(f, API_INCREMENTAL_ALTER_CONFIGS, 1, &wire_incremental_alter_configs_request, &request,
        &wire_incremental_alter_configs_response, &response);
    assert_int_equal(response.responses_count, count);
    for (int32_t i = 0; i < count; i++)
        assert_int_equal(response.responses[i].error_code, changes[i].expected);
}

/* What the asked node refuses it refuses; the rest Kafka's controller cannot read. */
static void an_unknown_operation_spoils_what_the_controller_gets(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "t", 1, 1, false), KAFKA_ERROR_NONE);
    const enum kafka_error spoiled = KAFKA_ERROR_UNKNOWN_SERVER_ERROR;
    const struct change changes[] = {
        {IMAGE_RESOURCE_TOPIC, "t", "retention.ms", 9, spoiled},
        {IMAGE_RESOURCE_BROKER, "1", "log.retention.ms", 9, KAFKA_ERROR_INVALID_REQUEST},
        {IMAGE_RESOURCE_GROUP, "", "a", SET, spoiled},
        {IMAGE_RESOURCE_BROKER, "", "log.retention.ms", SET, spoiled},
    };
    alter_several(f, changes, 4);
    expect_setting(f, IMAGE_RESOURCE_BROKER, "", "log.retention.ms", NULL);
}

static void one_resource_does_not_take_the_others_along(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "t", 1, 1, false), KAFKA_ERROR_NONE);
    const struct change changes[] = {
        {IMAGE_RESOURCE_TOPIC, "t", "retention.ms", SET, KAFKA_ERROR_NONE},
        {IMAGE_RESOURCE_TOPIC, "u", "retention.ms", SET, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION},
        {IMAGE_RESOURCE_GROUP, "g", "metrics", APPEND, KAFKA_ERROR_INVALID_CONFIG},
    };
    alter_several(f, changes, 3);
    expect_config(f, "t", "retention.ms", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_not_named_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_one_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(brokers_and_others, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_operation_spoils_what_the_controller_gets, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_resource_does_not_take_the_others_along, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("alter_configs", tests, NULL, NULL);
}

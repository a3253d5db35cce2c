/* UpdateFeatures on a cluster that has every level of a new one: metadata.version 30. */
#include "core/controller/fixture.h"

enum { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3, LEVEL = 30 };

#define FAILED "The update failed for all features since the following feature had an error: "

static struct update_features_response update(struct fixture *f, int16_t version,
                                              const char *feature, int16_t level, int8_t type,
                                              bool validate_only)
{
    struct update_features_request_feature_update_key key = {
        .feature = slice_of(feature), .max_version_level = level, .upgrade_type = type};
    struct update_features_request request = {
        .feature_updates = &key, .feature_updates_count = 1, .validate_only = validate_only};
    struct update_features_response response;
    ask(f, API_UPDATE_FEATURES, version, &wire_update_features_request, &request,
        &wire_update_features_response, &response);
    return response;
}

static void expect(struct fixture *f, const char *feature, int16_t level, int8_t type,
                   const char *message)
{
    uint64_t before = image_hash(f->image);
    struct update_features_response response = update(f, 2, feature, level, type, false);
    if (message == NULL) {
        assert_int_equal(response.error_code, KAFKA_ERROR_NONE);
        assert_true(slice_is_null(response.error_message));
        return;
    }
    assert_int_equal(response.error_code, KAFKA_ERROR_INVALID_UPDATE_VERSION);
    assert_true(slice_equal(response.error_message, slice_of(message)));
    assert_int_equal(image_hash(f->image), before);
}

static void expect_level(struct fixture *f, const char *feature, int16_t level)
{
    assert_int_equal(image_feature(f->image, slice_of(feature)), level);
}

static void down_and_up(void **state)
{
    struct fixture *f = *state;
    expect(f, "streams.version", 0, SAFE_DOWNGRADE, NULL);
    expect_level(f, "streams.version", 0);
    expect(f, "streams.version", 1, UPGRADE, NULL);
    expect_level(f, "streams.version", 1);
    expect(f, "transaction.version", 1, UNSAFE_DOWNGRADE, NULL);
    expect_level(f, "transaction.version", 1);
    expect(f, "group.version", 1, SAFE_DOWNGRADE, NULL); /* as it is: any type will do */
    expect_level(f, "group.version", 1);
}

static void what_is_refused(void **state)
{
    struct fixture *f = *state;
    expect(f, "group.version", 0, UPGRADE,
           FAILED "Invalid update version 0 for feature group.version. Can't downgrade the version "
                  "of this feature without setting the upgrade type to either safe or unsafe "
                  "downgrade.");
    expect(f, "nope", 1, UPGRADE,
           FAILED "Invalid update version 1 for feature nope. Local controller 1 does not support "
                  "this feature.");
    expect(f, "group.version", 2, UPGRADE,
           FAILED "Invalid update version 2 for feature group.version. Local controller 1 only "
                  "supports versions 0-1");
    expect(f, "group.version", -1, UPGRADE,
           FAILED "Invalid update version -1 for feature group.version. A feature version cannot "
                  "be less than 0.");
    expect(f, "nope", 0, SAFE_DOWNGRADE,
           FAILED "Invalid update version 0 for feature nope. Feature nope not found.");
    for (int8_t type = 0; type < 10; type = (int8_t)(type + 9))
        expect(f, "group.version", 1, type,
               FAILED "Invalid update version 1 for feature group.version. The controller does not "
                      "support the given upgrade type.");
    expect(f, "streams.version", 0, SAFE_DOWNGRADE, NULL);
    expect(f, "streams.version", 1, SAFE_DOWNGRADE,
           FAILED
           "Invalid update version 1 for feature streams.version. Can't downgrade to a newer "
           "version.");
}

/* The levels 30, 23, 17 … changed records: there is no way back across them. */
static void metadata_version_goes_down_where_records_stay_the_same(void **state)
{
    struct fixture *f = *state;
    expect(f, "metadata.version", LEVEL - 1, SAFE_DOWNGRADE,
           FAILED "Unsupported metadata.version downgrade from 30 to 29. Refusing to perform the "
                  "requested downgrade because it might delete metadata information.");
    expect(f, "metadata.version", LEVEL - 1, UNSAFE_DOWNGRADE,
           FAILED "Unsupported metadata.version downgrade from 30 to 29. Unsafe metadata downgrade "
                  "is not supported in this version.");
    expect(f, "metadata.version", 6, SAFE_DOWNGRADE,
           FAILED "Invalid update version 6 for feature metadata.version. Local controller 1 only "
                  "supports versions 7-30");
    struct feature_level_record record = {.name = SLICE("metadata.version"), .feature_level = 29};
    struct writer writer;
    writer_init(&writer, 1000);
    assert_int_equal(image_encode(IMAGE_RECORD_FEATURE_LEVEL, 0, &record, &writer), 0);
    assert_int_equal(image_apply(f->image, writer_slice(&writer), f->next_offset++, NULL, NULL), 0);
    writer_deinit(&writer);
    expect(f, "metadata.version", 23, SAFE_DOWNGRADE, NULL); /* 24 to 29 changed none */
    expect_level(f, "metadata.version", 23);
    expect(f, "metadata.version", 22, SAFE_DOWNGRADE,
           FAILED "Unsupported metadata.version downgrade from 23 to 22. Refusing to perform the "
                  "requested downgrade because it might delete metadata information.");
    expect(f, "metadata.version", LEVEL, UPGRADE, NULL);
    expect_level(f, "metadata.version", LEVEL);
}

static void kraft_version_is_the_quorums(void **state)
{
    struct fixture *f = *state;
    uint64_t before = image_hash(f->image);
    expect(f, "kraft.version", 0, UPGRADE, NULL); /* as it is here */
    assert_int_equal(image_hash(f->image), before);
    expect(f, "kraft.version", 2, UPGRADE,
           FAILED "Invalid update version 2 for feature kraft.version. Local controller 1 only "
                  "supports versions 0-1");
    expect(f, "kraft.version", 1, UPGRADE, NULL);
    assert_int_equal(image_hash(f->image), before); /* it has no record in the metadata */
}

static int16_t kraft_version_planned(struct fixture *f, int16_t now, bool validate_only)
{
    struct update_features_request_feature_update_key update = {
        .feature = SLICE("kraft.version"), .max_version_level = 1, .upgrade_type = UPGRADE};
    struct update_features_request request = {
        .feature_updates = &update, .feature_updates_count = 1, .validate_only = validate_only};
    struct controller_plan plan = {0};
    writer_reset(&f->body);
    writer_reset(&f->reply);
    assert_int_equal(wire_encode(&wire_update_features_request, 1, &request, &f->body, NULL), 0);
    struct controller_input input = input_of(f);
    input.kraft_version = now;
    assert_int_equal(controller_plan_request(&input, API_UPDATE_FEATURES, 1, writer_slice(&f->body),
                                             &plan, &f->reply),
                     0);
    assert_int_equal(plan.record_count, 0);
    return plan.kraft_version;
}

static void kraft_version_is_planned(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(kraft_version_planned(f, 0, true), 0);
    assert_int_equal(kraft_version_planned(f, 0, false), 1);
    assert_int_equal(kraft_version_planned(f, 1, false), 0); /* it is so already */
}

static struct slice min_insync(struct fixture *f, const char *broker)
{
    return image_config(f->image, IMAGE_RESOURCE_BROKER, slice_of(broker),
                        SLICE("min.insync.replicas"));
}

static void alter_min_insync(struct fixture *f, const char *broker, const char *value)
{
    struct incremental_alter_configs_request_alterable_config config = {
        SLICE("min.insync.replicas"), value == NULL ? 1 : 0,
        value == NULL ? SLICE_NULL : slice_of(value)};
    struct incremental_alter_configs_request_alter_configs_resource resource = {
        (int8_t)IMAGE_RESOURCE_BROKER, slice_of(broker), &config, 1};
    struct incremental_alter_configs_request request = {.resources = &resource,
                                                        .resources_count = 1};
    struct incremental_alter_configs_response response;
    ask(f, API_INCREMENTAL_ALTER_CONFIGS, 1, &wire_incremental_alter_configs_request, &request,
        &wire_incremental_alter_configs_response, &response);
    assert_int_equal(response.responses[0].error_code, KAFKA_ERROR_NONE);
}

/* With eligible leader replicas min.insync.replicas is the cluster's. (KIP-966) */
static void eligible_leaders_take_min_insync_replicas_along(void **state)
{
    struct fixture *f = *state;
    const char *feature = "eligible.leader.replicas.version";
    expect(f, feature, 0, SAFE_DOWNGRADE, NULL);
    alter_min_insync(f, "1", "1");
    alter_min_insync(f, "", NULL);
    uint64_t before = image_hash(f->image);
    assert_int_equal(update(f, 2, feature, 1, UPGRADE, true).error_code, KAFKA_ERROR_NONE);
    assert_int_equal(image_hash(f->image), before); /* only asked */
    expect(f, feature, 1, UPGRADE, NULL);
    assert_true(slice_equal(min_insync(f, ""), SLICE("1")));
    assert_true(slice_is_null(min_insync(f, "1")));
}

static void old_versions_tell_each_feature(void **state)
{
    struct fixture *f = *state;
    for (int16_t version = 0; version < 2; version++) {
        struct update_features_response response =
            update(f, version, "group.version", 1, UPGRADE, false);
        assert_int_equal(response.error_code, KAFKA_ERROR_NONE);
        assert_int_equal(response.results_count, 1);
        assert_true(slice_equal(response.results[0].feature, SLICE("group.version")));
        assert_true(slice_equal(response.results[0].error_message, SLICE("NONE")));
        response = update(f, version, "group.version", 9, UPGRADE, false);
        assert_int_equal(response.error_code, KAFKA_ERROR_INVALID_UPDATE_VERSION);
        assert_int_equal(response.results_count, 0);
    }
}

/* All of them or none. */
static void one_that_fails_fails_all(void **state)
{
    struct fixture *f = *state;
    struct update_features_request_feature_update_key keys[] = {
        {.feature = SLICE("group.version"), .upgrade_type = SAFE_DOWNGRADE},
        {.feature = SLICE("nope"), .max_version_level = 1, .upgrade_type = UPGRADE}};
    struct update_features_request request = {.feature_updates = keys, .feature_updates_count = 2};
    struct update_features_response response;
    ask(f, API_UPDATE_FEATURES, 2, &wire_update_features_request, &request,
        &wire_update_features_response, &response);
    assert_int_equal(response.error_code, KAFKA_ERROR_INVALID_UPDATE_VERSION);
    expect_level(f, "group.version", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(down_and_up, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(metadata_version_goes_down_where_records_stay_the_same,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(kraft_version_is_the_quorums, setup, teardown),
        cmocka_unit_test_setup_teardown(kraft_version_is_planned, setup, teardown),
        cmocka_unit_test_setup_teardown(eligible_leaders_take_min_insync_replicas_along, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(old_versions_tell_each_feature, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_fails_fails_all, setup, teardown),
    };
    return cmocka_run_group_tests_name("update_features", tests, NULL, NULL);
}

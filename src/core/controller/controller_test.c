/* Plans applied to an image, as the metadata log would. */
#include "core/controller/controller.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "wire/codec.h"
#include "wire/messages.h"

struct fixture {
    struct image *image;
    struct settings *settings;
    struct arena arena;
    struct prng random;
    struct writer body, reply;
    int64_t next_offset;
};

static struct controller_input input_of(struct fixture *f)
{
    return (struct controller_input){.image = f->image,
                                     .settings = f->settings,
                                     .now_ms = 1,
                                     .random = &f->random,
                                     .arena = &f->arena,
                                     .next_offset = f->next_offset,
                                     .node_id = 1};
}

static void apply(struct fixture *f, const struct controller_plan *plan)
{
    for (int32_t i = 0; i < plan->record_count; i++)
        assert_int_equal(image_apply(f->image, plan->records[i], f->next_offset++, NULL, NULL), 0);
}

static void join(struct fixture *f, int32_t broker_id)
{
    struct controller_registration registration = {.broker_id = broker_id,
                                                   .directory_id = {{1, (uint8_t)broker_id}},
                                                   .incarnation_id = {{2, (uint8_t)broker_id}}};
    struct controller_plan plan;
    struct controller_input input = input_of(f);
    controller_plan_registration(&input, &registration, &plan);
    apply(f, &plan);
    assert_true(image_broker_by_id(f->image, broker_id)->fenced);
    input = input_of(f);
    controller_plan_fencing(&input, broker_id, false, false, &plan);
    apply(f, &plan);
    assert_false(image_broker_by_id(f->image, broker_id)->fenced);
}

static int setup(void **state)
{
    struct fixture *f = memory_alloc_zero(sizeof(*f));
    f->image = image_create(0);
    f->settings = settings_create();
    settings_standalone(f->settings);
    assert_true(settings_check(f->settings));
    arena_init(&f->arena, CONTROLLER_ARENA_BYTES);
    prng_init(&f->random, 3);
    writer_init(&f->body, 1 << 20);
    writer_init(&f->reply, 16 << 20);
    struct controller_plan laid, plan;
    struct slice error;
    assert_int_equal(controller_plan_bootstrap(&f->arena, NULL, 0, &laid, &error), 0);
    struct controller_input input = input_of(f);
    assert_int_equal(controller_plan_activation(&input, &laid, &plan), 0);
    apply(f, &plan);
    join(f, 1);
    join(f, 2);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    image_destroy(f->image);
    settings_destroy(f->settings);
    arena_deinit(&f->arena);
    writer_deinit(&f->body);
    writer_deinit(&f->reply);
    memory_free(f);
    return 0;
}

/* Sends one request and applies what comes of it; the reply is decoded into `response`. */
static void ask(struct fixture *f, enum api_key key, int16_t version,
                const struct wire_message *request_message, const void *request,
                const struct wire_message *response_message, void *response)
{
    struct controller_plan plan = {0};
    writer_reset(&f->body);
    writer_reset(&f->reply);
    assert_int_equal(wire_encode(request_message, version, request, &f->body, NULL), 0);
    struct controller_input input = input_of(f);
    assert_int_equal(
        controller_plan_request(&input, key, version, writer_slice(&f->body), &plan, &f->reply), 0);
    apply(f, &plan);
    struct slice bytes = writer_slice(&f->reply);
    assert_int_equal(wire_decode(response_message, version, &bytes, &f->arena, response), 0);
    assert_int_equal(bytes.size, 0);
}

static int16_t create(struct fixture *f, const char *name, int32_t partitions, int16_t factor,
                      bool validate_only)
{
    struct create_topics_request_creatable_topic topic = {
        .name = slice_of(name), .num_partitions = partitions, .replication_factor = factor};
    struct create_topics_request request = {
        .topics = &topic, .topics_count = 1, .timeout_ms = 1000, .validate_only = validate_only};
    struct create_topics_response response;
    ask(f, API_CREATE_TOPICS, 7, &wire_create_topics_request, &request,
        &wire_create_topics_response, &response);
    assert_int_equal(response.topics_count, 1);
    return response.topics[0].error_code;
}

static const struct image_partition *partition(struct fixture *f, const char *topic, int32_t index)
{
    return image_partition(image_topic_by_name(f->image, slice_of(topic)), index);
}

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

static int16_t alter(struct fixture *f, const char *topic, const char *name, int8_t operation,
                     const char *value)
{
    struct incremental_alter_configs_request_alterable_config config = {
        .name = slice_of(name), .config_operation = operation, .value = slice_of(value)};
    struct incremental_alter_configs_request_alter_configs_resource resource = {
        .resource_type = IMAGE_RESOURCE_TOPIC,
        .resource_name = slice_of(topic),
        .configs = &config,
        .configs_count = 1};
    struct incremental_alter_configs_request request = {.resources = &resource,
                                                        .resources_count = 1};
    struct incremental_alter_configs_response response;
    ask(f, API_INCREMENTAL_ALTER_CONFIGS, 1, &wire_incremental_alter_configs_request, &request,
        &wire_incremental_alter_configs_response, &response);
    return response.responses[0].error_code;
}

static void expect_config(struct fixture *f, const char *topic, const char *name, const char *value)
{
    struct slice now =
        image_config(f->image, IMAGE_RESOURCE_TOPIC, slice_of(topic), slice_of(name));
    if (value == NULL)
        assert_true(slice_is_null(now));
    else
        assert_true(slice_equal(now, slice_of(value)));
}

static void settings_are_altered_one_by_one(void **state)
{
    enum { SET, DELETE, APPEND, SUBTRACT };
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
    assert_int_equal(partition(f, "a", 0)->isr_count, 1); /* it is known who has everything */
    assert_int_equal(partition(f, "a", 1)->leader, 2);
    input = input_of(f);
    controller_plan_fencing(&input, 1, false, false, &plan);
    apply(f, &plan);
    assert_int_equal(partition(f, "a", 0)->leader, 1);
    assert_true(partition(f, "a", 0)->leader_epoch > 0);
    assert_int_equal(partition(f, "a", 1)->leader_epoch, 0);
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
        TEST(one_replica_gives_ranges),        TEST(two_replicas_stripe_leaders),
        TEST(the_least_loaded_broker_begins),  TEST(refusals),
        TEST(settings_are_altered_one_by_one), TEST(a_broker_that_comes_again_leads_in_a_new_epoch),
        TEST(producer_ids_are_given_once),     TEST(levels_follow_the_release),
        TEST(bodies_that_do_not_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

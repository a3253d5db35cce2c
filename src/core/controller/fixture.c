#include "core/controller/fixture.h"

#include "base/memory.h"

struct controller_input input_of(struct fixture *f)
{
    return (struct controller_input){.image = f->image,
                                     .settings = f->settings,
                                     .now_ms = 1,
                                     .random = &f->random,
                                     .arena = &f->arena,
                                     .next_offset = f->next_offset,
                                     .node_id = 1};
}

void apply(struct fixture *f, const struct controller_plan *plan)
{
    for (int32_t i = 0; i < plan->record_count; i++)
        assert_int_equal(image_apply(f->image, plan->records[i], f->next_offset++, NULL, NULL), 0);
}

void join(struct fixture *f, int32_t broker_id)
{
    struct uuid directory = {{1, (uint8_t)broker_id}};
    struct controller_registration registration = {.broker_id = broker_id,
                                                   .directories = &directory,
                                                   .directory_count = 1,
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

void fence(struct fixture *f, int32_t broker_id, bool fenced)
{
    struct controller_plan plan;
    struct controller_input input = input_of(f);
    controller_plan_fencing(&input, broker_id, fenced, false, &plan);
    apply(f, &plan);
}

int setup(void **state)
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

int teardown(void **state)
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
void ask(struct fixture *f, enum api_key key, int16_t version,
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

int16_t create(struct fixture *f, const char *name, int32_t partitions, int16_t factor,
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

const struct image_partition *partition(struct fixture *f, const char *topic, int32_t index)
{
    return image_partition(image_topic_by_name(f->image, slice_of(topic)), index);
}

void expect_config(struct fixture *f, const char *topic, const char *name, const char *value)
{
    struct slice now =
        image_config(f->image, IMAGE_RESOURCE_TOPIC, slice_of(topic), slice_of(name));
    if (value == NULL)
        assert_true(slice_is_null(now));
    else
        assert_true(slice_equal(now, slice_of(value)));
}

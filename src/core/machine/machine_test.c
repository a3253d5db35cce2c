/*
 * A machine with the least brain: a sum that requests add to. A Heartbeat's generation is what it
 * adds; one of 0 only asks, one of -1 waits for the next tick. The answer's throttle_time_ms is the
 * sum as it was when the answer was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "core/machine/machine.h"
#include "wire/messages.h"

enum { ASKERS = 8, TICK_AFTER_MS = 100 };

struct sum {
    int64_t total;
    struct list waiting;
    int64_t deadline_ms;
    int refusals;
    bool is_loaded;
};

static void answer_sum(struct sum *sum, struct machine_asker *asker, struct machine_plan *plan,
                       int32_t more)
{
    struct heartbeat_response response = {.throttle_time_ms = (int32_t)sum->total + more};
    machine_answer(plan, asker, &wire_heartbeat_response, &response);
}

static void plan_addend(struct machine_plan *plan, int64_t addend)
{
    struct offset_commit_key key = {.group = SLICE("g"), .topic = SLICE("t"), .partition = 3};
    struct offset_commit_value value;
    wire_defaults(&wire_offset_commit_value, &value);
    value.offset = addend;
    value.metadata = SLICE("");
    machine_plan_record(plan, &wire_offset_commit_key, &key, &wire_offset_commit_value, 3, &value);
}

static void sum_request(void *state, const struct machine_input *input, struct machine_asker *asker,
                        struct machine_plan *plan)
{
    struct sum *sum = state;
    const struct heartbeat_request *request = asker->message;
    if (request->generation_id < 0) {
        sum->deadline_ms = input->monotonic_ms + TICK_AFTER_MS;
        list_push_back(&sum->waiting, &asker->link);
        return;
    }
    if (request->generation_id > 0) plan_addend(plan, request->generation_id);
    answer_sum(sum, asker, plan, request->generation_id);
}

static void sum_tick(void *state, const struct machine_input *input, struct machine_plan *plan)
{
    struct sum *sum = state;
    struct list_link *link = list_pop_front(&sum->waiting);
    assert_true(input->monotonic_ms >= sum->deadline_ms);
    assert_non_null(link);
    answer_sum(sum, CONTAINER_OF(link, struct machine_asker, link), plan, 0);
    if (list_is_empty(&sum->waiting)) sum->deadline_ms = INT64_MAX;
}

static int64_t sum_deadline_ms(const void *state)
{
    return ((const struct sum *)state)->deadline_ms;
}

static int sum_apply(void *state, const struct machine_record *record,
                     const struct machine_origin *origin)
{
    struct sum *sum = state;
    struct offset_commit_value value;
    struct arena arena;
    assert_true(origin->offset >= 0);
    if (record->value.size < 2) return -EBADMSG;
    int16_t version = (int16_t)load_be16(record->value.data);
    struct slice body = {record->value.data + 2, record->value.size - 2};
    arena_init(&arena, 4096);
    int r = wire_decode(&wire_offset_commit_value, version, &body, &arena, &value);
    if (r == 0) sum->total += value.offset;
    arena_deinit(&arena);
    return r;
}

static void sum_loaded(void *state, const struct machine_input *input, struct machine_plan *plan)
{
    (void)input;
    (void)plan;
    ((struct sum *)state)->is_loaded = true;
}

static void sum_refused(void *state, const struct machine_input *input, enum kafka_error error,
                        struct machine_plan *plan)
{
    (void)input;
    (void)plan;
    assert_int_equal(error, KAFKA_ERROR_KAFKA_STORAGE_ERROR);
    ((struct sum *)state)->refusals++;
}

static void sum_release(void *state, struct list *askers)
{
    struct list_link *link;
    while ((link = list_pop_front(&((struct sum *)state)->waiting)) != NULL)
        list_push_back(askers, link);
}

static void sum_answer_error(struct machine_asker *asker, enum kafka_error error)
{
    struct heartbeat_response response = {.error_code = (int16_t)error};
    asker->result =
        wire_encode(&wire_heartbeat_response, asker->version, &response, asker->reply, NULL);
}

static void sum_destroy(void *state)
{
    assert_true(list_is_empty(&((struct sum *)state)->waiting));
    memory_free(state);
}

static const struct machine_brain brain = {sum_request, sum_tick,         sum_deadline_ms,
                                           sum_apply,   sum_loaded,       sum_refused,
                                           sum_release, sum_answer_error, sum_destroy};

/* --- the hands of the test -------------------------------------------------------------------- */

struct world {
    struct machine machine;
    struct machine_input input;
    struct machine_asker askers[ASKERS];
    struct heartbeat_request requests[ASKERS];
    struct writer replies[ASKERS];
    struct machine_record log[ASKERS * 2];
    struct arena log_arena;
    int64_t end;
};

static struct sum *sum_of(struct world *world)
{
    return world->machine.state;
}

static void start(struct world *world)
{
    struct sum *sum = memory_alloc_zero(sizeof(*sum));
    list_init(&sum->waiting);
    sum->deadline_ms = INT64_MAX;
    machine_init(&world->machine, &brain, sum);
}

static int set_up(void **state)
{
    struct world *world = memory_alloc_zero(sizeof(*world));
    arena_init(&world->log_arena, 1 << 20);
    for (int i = 0; i < ASKERS; i++)
        writer_init(&world->replies[i], 4096);
    start(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    machine_deinit(&world->machine);
    for (int i = 0; i < ASKERS; i++)
        writer_deinit(&world->replies[i]);
    arena_deinit(&world->log_arena);
    memory_free(world);
    return 0;
}

static void append(struct world *world)
{
    const struct machine_plan *plan = machine_plan(&world->machine);
    for (int32_t i = 0; i < plan->record_count; i++) {
        struct machine_record *copy = &world->log[world->end++];
        copy->key = arena_copy(&world->log_arena, plan->records[i].key);
        copy->value = arena_copy(&world->log_arena, plan->records[i].value);
    }
    machine_appended(&world->machine, world->end);
}

static void ask(struct world *world, int number, int32_t addend)
{
    world->requests[number] = (struct heartbeat_request){.generation_id = addend};
    world->askers[number] = (struct machine_asker){.key = API_HEARTBEAT,
                                                   .version = 1,
                                                   .message = &world->requests[number],
                                                   .reply = &world->replies[number]};
    machine_request(&world->machine, &world->input, &world->askers[number]);
}

/* The next one to be answered is this one, and is told this. */
static void expect(struct world *world, int number, enum kafka_error error, int32_t sum)
{
    struct machine_asker *asker = machine_take_answered(&world->machine);
    assert_ptr_equal(asker, &world->askers[number]);
    assert_int_equal(asker->result, 0);
    struct slice body = writer_slice(&world->replies[number]);
    assert_int_equal(body.size, 6);
    assert_int_equal((int32_t)load_be32(body.data), sum);
    assert_int_equal((int16_t)load_be16(body.data + 4), error);
}

static void expect_nobody(struct world *world)
{
    assert_null(machine_take_answered(&world->machine));
}

/* --- stories ---------------------------------------------------------------------------------- */

static void an_answer_waits_for_its_records(void **state)
{
    struct world *world = *state;
    ask(world, 0, 5);
    append(world);
    assert_int_equal(sum_of(world)->total, 5); /* applied at once */
    expect_nobody(world);
    machine_committed(&world->machine, 0);
    expect_nobody(world);
    machine_committed(&world->machine, 1);
    expect(world, 0, KAFKA_ERROR_NONE, 5);
    expect_nobody(world);
}

static void a_look_waits_for_what_it_saw(void **state)
{
    struct world *world = *state;
    ask(world, 0, 5);
    append(world);
    ask(world, 1, 0);
    append(world);
    ask(world, 2, 7);
    append(world);
    machine_committed(&world->machine, 1);
    expect(world, 0, KAFKA_ERROR_NONE, 5);
    expect(world, 1, KAFKA_ERROR_NONE, 5);
    expect_nobody(world);
    machine_committed(&world->machine, 2);
    expect(world, 2, KAFKA_ERROR_NONE, 12);
    ask(world, 3, 0);
    append(world);
    expect(world, 3, KAFKA_ERROR_NONE, 12); /* all of it is committed: nothing to wait for */
}

static void what_is_due_is_answered_by_ticks(void **state)
{
    struct world *world = *state;
    assert_false(machine_tick(&world->machine, &world->input));
    ask(world, 0, -1);
    append(world);
    ask(world, 1, -1);
    append(world);
    expect_nobody(world);
    assert_int_equal(machine_deadline_ms(&world->machine), TICK_AFTER_MS);
    world->input.monotonic_ms = TICK_AFTER_MS - 1;
    assert_false(machine_tick(&world->machine, &world->input));
    world->input.monotonic_ms = TICK_AFTER_MS;
    for (int i = 0; i < 2; i++) {
        assert_true(machine_tick(&world->machine, &world->input));
        append(world);
        expect(world, i, KAFKA_ERROR_NONE, 0);
    }
    assert_false(machine_tick(&world->machine, &world->input));
}

static void who_was_refused_is_told_so(void **state)
{
    struct world *world = *state;
    ask(world, 0, 5);
    append(world);
    ask(world, 1, 9);
    machine_refused(&world->machine, &world->input, KAFKA_ERROR_KAFKA_STORAGE_ERROR);
    assert_int_equal(sum_of(world)->total, 5);
    assert_int_equal(sum_of(world)->refusals, 1);
    machine_committed(&world->machine, 1);
    expect(world, 0, KAFKA_ERROR_NONE, 5);
    expect(world, 1, KAFKA_ERROR_KAFKA_STORAGE_ERROR, 0);
}

static void who_loses_the_log_promises_nothing(void **state)
{
    struct world *world = *state;
    ask(world, 0, -1);
    append(world);
    ask(world, 1, 5);
    append(world);
    machine_abandon(&world->machine, KAFKA_ERROR_NOT_COORDINATOR);
    expect(world, 1, KAFKA_ERROR_NOT_COORDINATOR, 0);
    expect(world, 0, KAFKA_ERROR_NOT_COORDINATOR, 0);
    expect_nobody(world);
}

static void the_log_makes_the_same_state(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 4; i++) {
        ask(world, i, i + 1);
        append(world);
    }
    machine_abandon(&world->machine, KAFKA_ERROR_NOT_COORDINATOR);
    while (machine_take_answered(&world->machine) != NULL)
        ;
    machine_deinit(&world->machine);
    start(world);
    for (int64_t i = 0; i < world->end; i++) {
        struct machine_origin origin = {.offset = i, .producer_id = -1, .producer_epoch = -1};
        assert_int_equal(machine_replay(&world->machine, &world->log[i], &origin), 0);
    }
    struct machine_record damaged = {world->log[0].key, {world->log[0].value.data, 1}};
    struct machine_origin origin = {.offset = world->end, .producer_id = -1};
    assert_int_equal(machine_replay(&world->machine, &damaged, &origin), -EBADMSG);
    machine_loaded(&world->machine, &world->input, world->end);
    append(world);
    assert_true(sum_of(world)->is_loaded);
    assert_int_equal(sum_of(world)->total, 10);
    ask(world, 0, 0);
    append(world);
    expect_nobody(world); /* what was replayed must be committed, too */
    machine_committed(&world->machine, world->end);
    struct machine_asker *asker = machine_take_answered(&world->machine);
    assert_ptr_equal(asker, &world->askers[0]);
}

static void records_are_kafkas(void **state)
{
    struct world *world = *state;
    ask(world, 0, 5);
    const struct machine_plan *plan = machine_plan(&world->machine);
    assert_int_equal(plan->record_count, 1);
    /* OffsetCommitKey is kind 1: group, topic, partition. */
    const uint8_t key[] = {0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 3};
    assert_int_equal(plan->records[0].key.size, sizeof(key));
    assert_memory_equal(plan->records[0].key.data, key, sizeof(key));
    assert_int_equal(load_be16(plan->records[0].value.data), 3);
    append(world);
    machine_committed(&world->machine, 1);
    expect(world, 0, KAFKA_ERROR_NONE, 5);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(an_answer_waits_for_its_records),
        STORY(a_look_waits_for_what_it_saw),
        STORY(what_is_due_is_answered_by_ticks),
        STORY(who_was_refused_is_told_so),
        STORY(who_loses_the_log_promises_nothing),
        STORY(the_log_makes_the_same_state),
        STORY(records_are_kafkas),
    };
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}

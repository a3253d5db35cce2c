#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/fetch_session.h"

enum { SECOND = 1000000000 };
static const int64_t EVICTION_NS = (int64_t)FETCH_SESSION_EVICTION_MS * 1000000;

static struct fetch_target target(const char *topic, int32_t partition, int64_t offset)
{
    return (struct fetch_target){
        .topic = slice_of(topic), .partition = partition, .max_bytes = 1000, .offset = offset};
}

static void put(struct fetch_sessions *sessions, struct fetch_session *session, const char *topic,
                int32_t partition, int64_t offset)
{
    struct fetch_target what = target(topic, partition, offset);
    assert_true(fetch_session_put(sessions, session, &what));
}

static struct fetch_session_partition *find(const struct fetch_session *session, const char *topic,
                                            int32_t partition)
{
    struct fetch_target what = target(topic, partition, 0);
    return fetch_session_find(session, &what);
}

static void a_session_is_used_in_step(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 10);
    struct fetch_session *session = fetch_sessions_create(&sessions, 0, false, 0);
    assert_non_null(session);
    assert_true(session->id > 0);
    int32_t id = session->id;
    struct fetch_session *used = NULL;
    assert_int_equal(fetch_sessions_use(&sessions, id, 1, false, 1, &used), KAFKA_ERROR_NONE);
    assert_ptr_equal(used, session);
    assert_int_equal(fetch_sessions_use(&sessions, id, 1, false, 1, &used),
                     KAFKA_ERROR_INVALID_FETCH_SESSION_EPOCH);
    assert_int_equal(fetch_sessions_use(&sessions, id, 2, true, 1, &used),
                     KAFKA_ERROR_FETCH_SESSION_TOPIC_ID_ERROR);
    assert_int_equal(fetch_sessions_use(&sessions, id, 2, false, 1, &used), KAFKA_ERROR_NONE);
    fetch_sessions_close(&sessions, session);
    assert_int_equal(fetch_sessions_use(&sessions, id, 3, false, 1, &used),
                     KAFKA_ERROR_FETCH_SESSION_ID_NOT_FOUND);
    fetch_sessions_deinit(&sessions);
}

static void an_epoch_never_comes_back_to_the_first(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 10);
    struct fetch_session *session = fetch_sessions_create(&sessions, 0, false, 0);
    session->epoch = INT32_MAX;
    struct fetch_session *used = NULL;
    assert_int_equal(fetch_sessions_use(&sessions, session->id, INT32_MAX, false, 1, &used),
                     KAFKA_ERROR_NONE);
    assert_int_equal(session->epoch, 1);
    fetch_sessions_deinit(&sessions);
}

static void partitions_are_put_changed_and_forgotten(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 10);
    struct fetch_session *session = fetch_sessions_create(&sessions, 3, false, 0);
    put(&sessions, session, "a", 0, 5);
    put(&sessions, session, "a", 1, 6);
    put(&sessions, session, "b", 0, 7);
    put(&sessions, session, "a", 0, 50);
    assert_int_equal(sessions.partition_count, 3);
    assert_int_equal(find(session, "a", 0)->target.offset, 50);
    assert_true(slice_equal(find(session, "b", 0)->target.topic, SLICE("b")));
    struct fetch_target gone = target("a", 1, 0);
    fetch_session_forget(&sessions, session, &gone);
    fetch_session_forget(&sessions, session, &gone);
    assert_null(find(session, "a", 1));
    assert_int_equal(sessions.partition_count, 2);
    fetch_sessions_deinit(&sessions);
}

/* With ids the name says nothing: a topic made anew is another one. */
static void topics_with_ids_are_told_apart_by_them(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 10);
    struct fetch_session *session = fetch_sessions_create(&sessions, 2, true, 0);
    struct fetch_target one = target("t", 0, 1), two = target("t", 0, 2);
    one.topic_id.bytes[0] = 1;
    two.topic_id.bytes[0] = 2;
    assert_true(fetch_session_put(&sessions, session, &one));
    assert_true(fetch_session_put(&sessions, session, &two));
    assert_int_equal(fetch_session_find(session, &one)->target.offset, 1);
    one.topic = SLICE_NULL; /* forgotten by id alone */
    fetch_session_forget(&sessions, session, &one);
    assert_null(fetch_session_find(session, &one));
    assert_int_equal(fetch_session_find(session, &two)->target.offset, 2);
    fetch_sessions_deinit(&sessions);
}

static bool tell(struct fetch_session *session, const char *topic,
                 const struct fetch_session_facts *facts)
{
    return fetch_session_tell(session, find(session, topic, 0), facts);
}

static void only_news_is_told(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 10);
    struct fetch_session *session = fetch_sessions_create(&sessions, 1, false, 0);
    put(&sessions, session, "a", 0, 0);
    struct fetch_session_facts facts = {.high_watermark = 10, .log_start_offset = 0};
    assert_true(tell(session, "a", &facts));
    assert_false(tell(session, "a", &facts));
    facts.high_watermark = 11;
    assert_true(tell(session, "a", &facts));
    assert_false(tell(session, "a", &facts));
    facts.log_start_offset = 3;
    assert_true(tell(session, "a", &facts));
    assert_false(tell(session, "a", &facts));
    facts.record_bytes = 1;
    assert_true(tell(session, "a", &facts));
    facts.record_bytes = 0;
    facts.diverges = true;
    assert_true(tell(session, "a", &facts));
    facts.diverges = false;
    assert_false(tell(session, "a", &facts));
    fetch_sessions_deinit(&sessions);
}

static void the_end_of_an_error_is_news(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 10);
    struct fetch_session *session = fetch_sessions_create(&sessions, 1, false, 0);
    put(&sessions, session, "a", 0, 0);
    struct fetch_session_facts fine = {.high_watermark = 10, .log_start_offset = 0};
    struct fetch_session_facts wrong = fine;
    wrong.error = KAFKA_ERROR_NOT_LEADER_OR_FOLLOWER;
    tell(session, "a", &fine);
    assert_true(tell(session, "a", &wrong));
    assert_true(tell(session, "a", &wrong));
    assert_true(tell(session, "a", &fine));
    assert_false(tell(session, "a", &fine));
    fetch_sessions_deinit(&sessions);
}

static void who_had_data_is_read_last(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 10);
    struct fetch_session *session = fetch_sessions_create(&sessions, 3, false, 0);
    put(&sessions, session, "a", 0, 0);
    put(&sessions, session, "b", 0, 0);
    put(&sessions, session, "c", 0, 0);
    struct fetch_session_facts facts = {.record_bytes = 100, .high_watermark = 1};
    tell(session, "a", &facts);
    facts.record_bytes = 0;
    tell(session, "b", &facts);
    struct fetch_session_partition *first = fetch_session_next(session, NULL);
    struct fetch_session_partition *second = fetch_session_next(session, first);
    struct fetch_session_partition *third = fetch_session_next(session, second);
    assert_true(slice_equal(first->target.topic, SLICE("b")));
    assert_true(slice_equal(second->target.topic, SLICE("c")));
    assert_true(slice_equal(third->target.topic, SLICE("a")));
    assert_null(fetch_session_next(session, third));
    fetch_sessions_deinit(&sessions);
}

static void a_full_house_keeps_its_guests(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 2);
    assert_non_null(fetch_sessions_create(&sessions, 5, false, 0));
    assert_non_null(fetch_sessions_create(&sessions, 5, false, 0));
    assert_null(fetch_sessions_create(&sessions, 500, false, SECOND));
    fetch_sessions_deinit(&sessions);
}

static void who_stopped_coming_makes_room(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 2);
    struct fetch_session *busy = fetch_sessions_create(&sessions, 0, false, 0);
    int32_t idle = fetch_sessions_create(&sessions, 0, false, 0)->id;
    struct fetch_session *used;
    int64_t later = EVICTION_NS + SECOND;
    assert_int_equal(fetch_sessions_use(&sessions, busy->id, 1, false, later, &used), 0);
    assert_non_null(fetch_sessions_create(&sessions, 0, false, later));
    assert_null(fetch_sessions_find(&sessions, idle));
    assert_ptr_equal(fetch_sessions_find(&sessions, busy->id), busy);
    fetch_sessions_deinit(&sessions);
}

static void a_larger_one_takes_the_place_of_an_old_smaller_one(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 2);
    struct fetch_session *small = fetch_sessions_create(&sessions, 1, false, 0);
    struct fetch_session *large = fetch_sessions_create(&sessions, 2, false, 0);
    put(&sessions, small, "a", 0, 0);
    put(&sessions, large, "a", 0, 0);
    put(&sessions, large, "b", 0, 0);
    int32_t id = small->id;
    struct fetch_session *used;
    int64_t later = EVICTION_NS + SECOND;
    assert_int_equal(fetch_sessions_use(&sessions, small->id, 1, false, later, &used), 0);
    assert_int_equal(fetch_sessions_use(&sessions, large->id, 1, false, later, &used), 0);
    assert_null(fetch_sessions_create(&sessions, 1, false, later));
    assert_non_null(fetch_sessions_create(&sessions, 2, false, later));
    assert_null(fetch_sessions_find(&sessions, id));
    assert_int_equal(sessions.partition_count, 2);
    fetch_sessions_deinit(&sessions);
}

static void no_slots_no_sessions(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 0);
    assert_null(fetch_sessions_create(&sessions, 1, false, 0));
    fetch_sessions_deinit(&sessions);
}

static void partitions_of_all_sessions_are_bounded(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 10);
    struct fetch_session *session = fetch_sessions_create(&sessions, 1, false, 0);
    put(&sessions, session, "a", 0, 0);
    sessions.partition_count = FETCH_SESSION_PARTITIONS_MAX;
    struct fetch_target more = target("a", 1, 0);
    assert_false(fetch_session_put(&sessions, session, &more));
    put(&sessions, session, "a", 0, 1); /* known ones may still change */
    assert_null(fetch_sessions_create(&sessions, 1, false, 0));
    sessions.partition_count = 1;
    fetch_sessions_deinit(&sessions);
}

static void names_that_no_topic_has_are_not_kept(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 1, 10);
    struct fetch_session *session = fetch_sessions_create(&sessions, 1, false, 0);
    static const uint8_t letters[250] = {'a'};
    struct fetch_target what = {.topic = {letters, sizeof(letters)}};
    assert_false(fetch_session_put(&sessions, session, &what));
    assert_null(fetch_session_find(session, &what));
    what.topic.size--;
    assert_true(fetch_session_put(&sessions, session, &what));
    fetch_sessions_deinit(&sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_used_in_step),
        cmocka_unit_test(an_epoch_never_comes_back_to_the_first),
        cmocka_unit_test(partitions_are_put_changed_and_forgotten),
        cmocka_unit_test(topics_with_ids_are_told_apart_by_them),
        cmocka_unit_test(only_news_is_told),
        cmocka_unit_test(the_end_of_an_error_is_news),
        cmocka_unit_test(who_had_data_is_read_last),
        cmocka_unit_test(a_full_house_keeps_its_guests),
        cmocka_unit_test(who_stopped_coming_makes_room),
        cmocka_unit_test(a_larger_one_takes_the_place_of_an_old_smaller_one),
        cmocka_unit_test(no_slots_no_sessions),
        cmocka_unit_test(partitions_of_all_sessions_are_bounded),
        cmocka_unit_test(names_that_no_topic_has_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

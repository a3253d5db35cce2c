/* ElectLeaders, and brokers that leave for good. */
#include "core/controller/fixture.h"

enum { PREFERRED = 0, UNCLEAN = 1 };

/* Elects for one partition, or for all (topic NULL); how many answers there are. */
static int32_t elect(struct fixture *f, int8_t election, const char *topic, int32_t index,
                     struct elect_leaders_response_partition_result *result)
{
    struct elect_leaders_request_topic_partitions asked = {.partitions = &index,
                                                           .partitions_count = 1};
    if (topic != NULL) asked.topic = slice_of(topic);
    struct elect_leaders_request request = {.timeout_ms = 1000,
                                            .election_type = election,
                                            .topic_partitions = &asked,
                                            .topic_partitions_count = topic == NULL ? -1 : 1};
    struct elect_leaders_response response;
    ask(f, API_ELECT_LEADERS, 2, &wire_elect_leaders_request, &request,
        &wire_elect_leaders_response, &response);
    int32_t count = 0;
    for (int32_t i = 0; i < response.replica_election_results_count; i++) {
        count += response.replica_election_results[i].partition_result_count;
        if (response.replica_election_results[i].partition_result_count > 0)
            *result = response.replica_election_results[i].partition_result[0];
    }
    return count;
}

static void expect(struct fixture *f, int8_t election, const char *topic, int32_t index,
                   enum kafka_error error, const char *message)
{
    struct elect_leaders_response_partition_result result;
    assert_int_equal(elect(f, election, topic, index, &result), 1);
    assert_int_equal(result.partition_id, index);
    assert_int_equal(result.error_code, error);
    assert_int_equal(slice_is_null(result.error_message), message == NULL);
    if (message != NULL) assert_true(slice_equal(result.error_message, slice_of(message)));
}

/* Partition 0 becomes led by the first of those in sync. */
static void set_isr(struct fixture *f, const char *topic, int32_t *isr, int32_t count)
{
    struct partition_change_record record;
    wire_defaults(&wire_partition_change_record, &record);
    record.topic_id = image_topic_by_name(f->image, slice_of(topic))->id;
    record.partition_id = 0;
    record.isr = isr;
    record.isr_count = count;
    record.leader = isr[0];
    struct writer writer;
    writer_init(&writer, 1000);
    assert_int_equal(image_encode(IMAGE_RECORD_PARTITION_CHANGE, 2, &record, &writer), 0);
    assert_int_equal(image_apply(f->image, writer_slice(&writer), f->next_offset++, NULL, NULL), 0);
    writer_deinit(&writer);
}

static void nobody_is_needed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "t", 2, 2, false), KAFKA_ERROR_NONE);
    const char *why = "Leader election not needed for topic partition.";
    expect(f, PREFERRED, "t", 0, KAFKA_ERROR_ELECTION_NOT_NEEDED, why);
    expect(f, UNCLEAN, "t", 1, KAFKA_ERROR_ELECTION_NOT_NEEDED, why);
    struct elect_leaders_response_partition_result result;
    assert_int_equal(elect(f, PREFERRED, NULL, 0, &result),
                     0); /* of all, only those that need it */
    assert_int_equal(partition(f, "t", 0)->leader_epoch, 0);
}

static void what_is_not_there(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "t", 1, 2, false), KAFKA_ERROR_NONE);
    const enum kafka_error unknown = KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    expect(f, PREFERRED, "absent", 0, unknown, "No such topic as absent");
    expect(f, PREFERRED, "t", 1, unknown, "No such partition as t-1");
    expect(f, PREFERRED, "t", -1, unknown, "No such partition as t--1");
    expect(f, 7, "t", 0, KAFKA_ERROR_INVALID_REQUEST, "Unknown election type 7");
}

static void the_preferred_replica_leads_again(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "t", 1, 2, false), KAFKA_ERROR_NONE);
    const struct image_partition *p = partition(f, "t", 0);
    int32_t preferred = p->replicas[0], other = p->replicas[1];
    fence(f, preferred, true);
    assert_int_equal(partition(f, "t", 0)->leader, other);
    const char *why = "The preferred leader was not available.";
    expect(f, PREFERRED, "t", 0, KAFKA_ERROR_PREFERRED_LEADER_NOT_AVAILABLE, why); /* fenced */
    fence(f, preferred, false);
    expect(f, PREFERRED, "t", 0, KAFKA_ERROR_PREFERRED_LEADER_NOT_AVAILABLE, why); /* not in sync */
    assert_int_equal(partition(f, "t", 0)->leader, other);
    int32_t both[] = {other, preferred};
    set_isr(f, "t", both, 2);
    int32_t epoch = partition(f, "t", 0)->leader_epoch;
    struct elect_leaders_response_partition_result result;
    assert_int_equal(elect(f, PREFERRED, NULL, 0, &result), 1);
    assert_int_equal(result.error_code, KAFKA_ERROR_NONE);
    assert_int_equal(partition(f, "t", 0)->leader, preferred);
    assert_int_equal(partition(f, "t", 0)->leader_epoch, epoch + 1);
}

/* The in-sync replica is gone for good: whoever is there leads, and may have lost records. */
static void an_unclean_election_takes_anybody(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "t", 1, 2, false), KAFKA_ERROR_NONE);
    const struct image_partition *p = partition(f, "t", 0);
    int32_t gone = p->replicas[0], left = p->replicas[1];
    set_isr(f, "t", &gone, 1);
    fence(f, gone, true);
    assert_int_equal(partition(f, "t", 0)->leader, IMAGE_NO_LEADER);
    expect(f, PREFERRED, "t", 0, KAFKA_ERROR_PREFERRED_LEADER_NOT_AVAILABLE,
           "The preferred leader was not available.");
    fence(f, left, true);
    expect(f, UNCLEAN, "t", 0, KAFKA_ERROR_ELIGIBLE_LEADERS_NOT_AVAILABLE,
           "Eligible topic partition leaders are not available.");
    fence(f, left, false);
    expect(f, UNCLEAN, "t", 0, KAFKA_ERROR_NONE, NULL);
    p = partition(f, "t", 0);
    assert_int_equal(p->leader, left);
    assert_int_equal(p->isr_count, 1);
    assert_int_equal(p->isr[0], left);
    assert_int_equal(p->leader_recovery_state, 1); /* recovering */
}

static struct unregister_broker_response unregister(struct fixture *f, int32_t broker_id)
{
    struct unregister_broker_request request = {.broker_id = broker_id};
    struct unregister_broker_response response;
    ask(f, API_UNREGISTER_BROKER, 0, &wire_unregister_broker_request, &request,
        &wire_unregister_broker_response, &response);
    return response;
}

static void a_broker_that_does_not_come_back(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "t", 2, 2, false), KAFKA_ERROR_NONE);
    struct unregister_broker_response response = unregister(f, 55);
    assert_int_equal(response.error_code, KAFKA_ERROR_BROKER_ID_NOT_REGISTERED);
    assert_true(
        slice_equal(response.error_message, SLICE("Broker ID 55 is not currently registered")));
    response = unregister(f, 1);
    assert_int_equal(response.error_code, KAFKA_ERROR_NONE);
    assert_true(slice_equal(response.error_message, SLICE("")));
    assert_null(image_broker_by_id(f->image, 1));
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(partition(f, "t", i)->leader, 2);
        assert_int_equal(partition(f, "t", i)->isr_count, 1);
    }
    assert_int_equal(unregister(f, 1).error_code, KAFKA_ERROR_BROKER_ID_NOT_REGISTERED);
    join(f, 1);
    assert_non_null(image_broker_by_id(f->image, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_is_needed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(the_preferred_replica_leads_again, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unclean_election_takes_anybody, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broker_that_does_not_come_back, setup, teardown),
    };
    return cmocka_run_group_tests_name("leaderships", tests, NULL, NULL);
}

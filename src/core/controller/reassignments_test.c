/* AlterPartitionReassignments and ListPartitionReassignments of a cluster that moves nothing. */
#include "core/controller/fixture.h"

/* replicas NULL: call it off. */
static void expect(struct fixture *f, const char *topic, int32_t index, int32_t *replicas,
                   int32_t count, bool any_count, enum kafka_error error, const char *message)
{
    struct alter_partition_reassignments_request_reassignable_partition partition = {
        .partition_index = index,
        .replicas = replicas,
        .replicas_count = replicas == NULL ? -1 : count};
    struct alter_partition_reassignments_request_reassignable_topic asked = {
        .name = slice_of(topic), .partitions = &partition, .partitions_count = 1};
    struct alter_partition_reassignments_request request = {
        .topics = &asked, .topics_count = 1, .allow_replication_factor_change = any_count};
    struct alter_partition_reassignments_response response;
    ask(f, API_ALTER_PARTITION_REASSIGNMENTS, 1, &wire_alter_partition_reassignments_request,
        &request, &wire_alter_partition_reassignments_response, &response);
    assert_int_equal(response.error_code, KAFKA_ERROR_NONE);
    assert_int_equal(response.allow_replication_factor_change, any_count);
    assert_int_equal(response.responses_count, 1);
    assert_int_equal(response.responses[0].partitions_count, 1);
    struct slice told = response.responses[0].partitions[0].error_message;
    assert_int_equal(response.responses[0].partitions[0].error_code, error);
    assert_int_equal(slice_is_null(told), message == NULL);
    if (message != NULL) assert_true(slice_equal(told, slice_of(message)));
}

static void to_where_it_is(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "t", 1, 1, false), KAFKA_ERROR_NONE);
    int32_t home = partition(f, "t", 0)->leader;
    uint64_t before = image_hash(f->image);
    expect(f, "t", 0, &home, 1, true, KAFKA_ERROR_NONE, NULL);
    expect(f, "t", 0, &home, 1, false, KAFKA_ERROR_NONE, NULL);
    assert_int_equal(image_hash(f->image), before);
}

static void nothing_to_call_off(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "t", 1, 1, false), KAFKA_ERROR_NONE);
    expect(f, "t", 0, NULL, 0, true, KAFKA_ERROR_NO_REASSIGNMENT_IN_PROGRESS, NULL);
    expect(f, "absent", 0, NULL, 0, true, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
           "Unable to find a topic named absent.");
    expect(f, "t", 9, NULL, 0, true, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
           "Unable to find partition t:9.");
}

static void to_where_it_cannot_be(void **state)
{
    struct fixture *f = *state;
    const enum kafka_error error = KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
    assert_int_equal(create(f, "t", 1, 1, false), KAFKA_ERROR_NONE);
    int32_t absent = 9, twice[] = {1, 1}, both[] = {1, 2};
    int32_t other = 3 - partition(f, "t", 0)->leader;
    expect(f, "t", 0, &absent, 1, true, error,
           "The manual partition assignment includes broker 9, but no such broker is registered.");
    expect(f, "t", 0, twice, 2, true, error,
           "The manual partition assignment includes the broker 1 more than once.");
    expect(f, "t", 0, both, 0, true, error,
           "The manual partition assignment includes an empty replica list.");
    expect(f, "t", 0, both, 2, false, KAFKA_ERROR_INVALID_REPLICATION_FACTOR,
           "The replication factor is changed from 1 to 2");
    expect(f, "t", 0, &other, 1, true, error,
           "gregor does not move partitions between brokers yet.");
}

/* A move that another controller began stands in the metadata, and is told. */
static void begin_move(struct fixture *f, const char *topic)
{
    struct partition_change_record record;
    wire_defaults(&wire_partition_change_record, &record);
    int32_t replicas[] = {1, 2}, adding = 2, removing = 1;
    struct uuid directories[2] = {{{1, 1}}, {{1, 2}}};
    record.topic_id = image_topic_by_name(f->image, slice_of(topic))->id;
    record.partition_id = 0;
    record.replicas = replicas;
    record.replicas_count = 2;
    record.adding_replicas = &adding;
    record.adding_replicas_count = 1;
    record.removing_replicas = &removing;
    record.removing_replicas_count = 1;
    record.directories = directories;
    record.directories_count = 2;
    struct writer writer;
    writer_init(&writer, 1000);
    assert_int_equal(image_encode(IMAGE_RECORD_PARTITION_CHANGE, 2, &record, &writer), 0);
    assert_int_equal(image_apply(f->image, writer_slice(&writer), f->next_offset++, NULL, NULL), 0);
    writer_deinit(&writer);
}

static void list(struct fixture *f, const char *topic, int32_t index,
                 struct list_partition_reassignments_response *response)
{
    struct list_partition_reassignments_request_list_partition_reassignments_topics asked = {
        .partition_indexes = &index, .partition_indexes_count = 1};
    if (topic != NULL) asked.name = slice_of(topic);
    struct list_partition_reassignments_request request = {.topics = &asked,
                                                           .topics_count = topic == NULL ? -1 : 1};
    ask(f, API_LIST_PARTITION_REASSIGNMENTS, 0, &wire_list_partition_reassignments_request,
        &request, &wire_list_partition_reassignments_response, response);
    assert_int_equal(response->error_code, KAFKA_ERROR_NONE);
    assert_true(slice_is_null(response->error_message));
}

static void what_is_under_way(void **state)
{
    struct fixture *f = *state;
    struct list_partition_reassignments_response response;
    assert_int_equal(create(f, "t", 1, 1, false), KAFKA_ERROR_NONE);
    assert_int_equal(create(f, "u", 1, 1, false), KAFKA_ERROR_NONE);
    list(f, NULL, 0, &response);
    assert_int_equal(response.topics_count, 0);
    begin_move(f, "t");
    for (int round = 0; round < 2; round++) {
        list(f, round == 0 ? NULL : "t", 0, &response);
        assert_int_equal(response.topics_count, 1);
        assert_true(slice_equal(response.topics[0].name, SLICE("t")));
        assert_int_equal(response.topics[0].partitions_count, 1);
        assert_int_equal(response.topics[0].partitions[0].replicas_count, 2);
        assert_int_equal(response.topics[0].partitions[0].adding_replicas[0], 2);
        assert_int_equal(response.topics[0].partitions[0].removing_replicas[0], 1);
    }
    list(f, "t", 7, &response);
    assert_int_equal(response.topics_count, 0);
    list(f, "u", 0, &response);
    assert_int_equal(response.topics_count, 0);
    list(f, "absent", 0, &response);
    assert_int_equal(response.topics_count, 0);
    expect(f, "t", 0, NULL, 0, true, KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT,
           "gregor does not move partitions between brokers yet.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(to_where_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_to_call_off, setup, teardown),
        cmocka_unit_test_setup_teardown(to_where_it_cannot_be, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_under_way, setup, teardown),
    };
    return cmocka_run_group_tests_name("reassignments", tests, NULL, NULL);
}

/* The codec on bytes written by hand, good and bad. The sweep beside Kafka's own classes is
 * test/codec. */
#include "wire/codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "wire/apis.h"
#include "wire/errors.h"
#include "wire/messages.h"

enum { ARENA_MAX = 1 << 16 };

static int decode(const struct wire_message *message, int16_t version, struct slice bytes,
                  struct arena *arena, void *value)
{
    int r = wire_decode(message, version, &bytes, arena, value);
    return r == 0 && bytes.size > 0 ? -E2BIG : r;
}

static void old_and_flexible_forms(void **state)
{
    (void)state;
    struct arena arena;
    struct api_versions_response answer;
    arena_init(&arena, ARENA_MAX);
    /* Version 0: error, an array of (key, min, max). */
    assert_int_equal(decode(&wire_api_versions_response, 0, SLICE("\0\x23\0\0\0\1\0\x12\0\0\0\4"),
                            &arena, &answer),
                     0);
    assert_int_equal(answer.error_code, 35);
    assert_int_equal(answer.api_keys_count, 1);
    assert_int_equal(answer.api_keys[0].api_key, 18);
    assert_int_equal(answer.api_keys[0].max_version, 4);
    /* Version 3: compact array, tags everywhere; finalized_features_epoch is tag 1. */
    assert_int_equal(decode(&wire_api_versions_response, 3,
                            SLICE("\0\0\2\0\x12\0\0\0\4\0\0\0\0\7\1\1\x08\0\0\0\0\0\0\0\x2a"),
                            &arena, &answer),
                     0);
    assert_int_equal(answer.throttle_time_ms, 7);
    assert_int_equal(answer.finalized_features_epoch, 42);
    assert_int_equal(answer.supported_features_count, 0);
    arena_deinit(&arena);
}

static void tags_of_tomorrow_are_skipped(void **state)
{
    (void)state;
    struct arena arena;
    struct api_versions_request request;
    arena_init(&arena, ARENA_MAX);
    assert_int_equal(
        decode(&wire_api_versions_request, 3, SLICE("\2a\2b\2\x05\3xyz\x63\0"), &arena, &request),
        0);
    assert_true(slice_equal(request.client_software_name, SLICE("a")));
    /* Twice the same, or out of order, is no message. */
    assert_int_equal(
        decode(&wire_api_versions_request, 3, SLICE("\2a\2b\2\x05\0\x05\0"), &arena, &request),
        -EBADMSG);
    /* A size beyond the end. */
    assert_int_equal(
        decode(&wire_api_versions_request, 3, SLICE("\2a\2b\1\x05\x7fxyz"), &arena, &request),
        -EBADMSG);
    arena_deinit(&arena);
}

static void counts_are_believed_when_the_bytes_are_there(void **state)
{
    (void)state;
    struct arena arena;
    struct metadata_request request;
    arena_init(&arena, ARENA_MAX);
    assert_int_equal(decode(&wire_metadata_request, 1, SLICE("\x7f\xff\xff\xff"), &arena, &request),
                     -EBADMSG);
    assert_int_equal(
        decode(&wire_metadata_request, 9, SLICE("\xff\xff\xff\xff\x0f"), &arena, &request),
        -EBADMSG);
    assert_true(arena.total < 4096);
    assert_int_equal(decode(&wire_metadata_request, 1, SLICE("\xff\xff\xff\xff"), &arena, &request),
                     0);
    assert_int_equal(request.topics_count, -1); /* null: all topics */
    assert_int_equal(decode(&wire_metadata_request, 0, SLICE("\xff\xff\xff\xff"), &arena, &request),
                     -EBADMSG); /* which version 0 cannot say */
    arena_deinit(&arena);
}

static void the_arena_has_a_maximum(void **state)
{
    (void)state;
    static uint8_t bytes[4 + 20000];
    struct arena arena;
    struct metadata_request request;
    arena_init(&arena, ARENA_MAX);
    bytes[2] = 0x27; /* 10,000 names of no bytes: each becomes a struct of 40 */
    bytes[3] = 0x10;
    assert_int_equal(
        decode(&wire_metadata_request, 1, (struct slice){bytes, sizeof(bytes)}, &arena, &request),
        -ENOMEM);
    arena_deinit(&arena);
}

static void versions_have_bounds(void **state)
{
    (void)state;
    struct arena arena;
    struct fetch_request request;
    struct writer writer;
    arena_init(&arena, ARENA_MAX);
    writer_init(&writer, 1 << 16);
    wire_defaults(&wire_fetch_request, &request);
    assert_int_equal(decode(&wire_fetch_request, 3, SLICE(""), &arena, &request), -ENOTSUP);
    assert_int_equal(wire_encode(&wire_fetch_request, 99, &request, &writer, NULL), -ENOTSUP);
    assert_int_equal(wire_size(&wire_fetch_request, 99, &request), -ENOTSUP);
    arena_deinit(&arena);
    writer_deinit(&writer);
}

static void what_a_version_cannot_say_is_an_error(void **state)
{
    (void)state;
    struct writer writer;
    struct leave_group_request request;
    writer_init(&writer, 1 << 16);
    wire_defaults(&wire_leave_group_request, &request);
    request.group_id = SLICE("g");
    struct leave_group_request_member_identity member = {
        .member_id = SLICE("m"), .group_instance_id = SLICE_NULL, .reason = SLICE_NULL};
    request.members = &member;
    request.members_count = 1;
    assert_int_equal(wire_encode(&wire_leave_group_request, 3, &request, &writer, NULL), 0);
    assert_int_equal(wire_encode(&wire_leave_group_request, 0, &request, &writer, NULL), -EINVAL);
    writer_deinit(&writer);
}

static void full_writers_say_so(void **state)
{
    (void)state;
    struct writer writer;
    struct api_versions_request request = {.client_software_name = SLICE("a-rather-long-name"),
                                           .client_software_version = SLICE("1")};
    writer_init(&writer, 8);
    assert_int_equal(wire_encode(&wire_api_versions_request, 3, &request, &writer, NULL),
                     -EMSGSIZE);
    writer_deinit(&writer);
}

/* A fetch answer whose records come from a file: their length is written, their place noted. */
static void holes(void **state)
{
    (void)state;
    struct fetch_response_partition_data data;
    struct fetch_response_fetchable_topic_response topic = {
        .topic = SLICE("t"), .partitions = &data, .partitions_count = 1};
    struct fetch_response answer;
    struct wire_hole hole;
    struct wire_holes holes = {.items = &hole, .capacity = 1};
    struct writer writer;
    writer_init(&writer, 1 << 16);
    memset(&data, 0, sizeof(data));
    data.records = (struct slice){NULL, 1000};
    data.aborted_transactions_count = -1;
    data.log_start_offset = data.preferred_read_replica = -1;
    data.diverging_epoch.epoch = data.current_leader.leader_id = -1;
    data.diverging_epoch.end_offset = data.snapshot_id.end_offset = -1;
    data.current_leader.leader_epoch = data.snapshot_id.epoch = -1;
    wire_defaults(&wire_fetch_response, &answer);
    answer.responses = &topic;
    answer.responses_count = 1;
    assert_int_equal(wire_encode(&wire_fetch_response, 4, &answer, &writer, &holes), 0);
    assert_int_equal(holes.count, 1);
    assert_int_equal(hole.size, 1000);
    assert_int_equal(hole.position, writer.size); /* the last field of version 4 */
    assert_memory_equal(writer.data + hole.position - 4, "\0\0\3\xe8", 4);
    assert_int_equal(wire_size(&wire_fetch_response, 4, &answer), (int64_t)writer.size + 1000);
    writer_deinit(&writer);
}

/* Tagged fields are written in the order of their tags, and only when they say something. */
static void tags_that_say_something(void **state)
{
    (void)state;
    struct writer writer;
    struct api_versions_response answer;
    writer_init(&writer, 1 << 16);
    wire_defaults(&wire_api_versions_response, &answer);
    assert_int_equal(wire_encode(&wire_api_versions_response, 3, &answer, &writer, NULL), 0);
    assert_true(slice_equal(writer_slice(&writer), SLICE("\0\0\1\0\0\0\0\0")));
    answer.zk_migration_ready = true;       /* tag 3 */
    answer.finalized_features_epoch = 0x2a; /* tag 1 */
    writer_reset(&writer);
    assert_int_equal(wire_encode(&wire_api_versions_response, 3, &answer, &writer, NULL), 0);
    assert_true(slice_equal(writer_slice(&writer),
                            SLICE("\0\0\1\0\0\0\0\2\1\x08\0\0\0\0\0\0\0\x2a\3\1\1")));
    writer_deinit(&writer);
}

static void equal_is_by_contents(void **state)
{
    (void)state;
    struct metadata_request_metadata_request_topic left_topic = {.name = SLICE("t")};
    struct metadata_request_metadata_request_topic right_topic = {.name = SLICE("t")};
    struct metadata_request left = {.topics = &left_topic, .topics_count = 1};
    struct metadata_request right = {.topics = &right_topic, .topics_count = 1};
    assert_true(wire_equal(&wire_metadata_request, &left, &right));
    right_topic.topic_id.bytes[0] = 1;
    assert_false(wire_equal(&wire_metadata_request, &left, &right));
    right_topic = left_topic;
    right_topic.name = SLICE("");
    assert_false(wire_equal(&wire_metadata_request, &left, &right));
    left_topic.name = SLICE_NULL; /* which is not the empty name */
    assert_false(wire_equal(&wire_metadata_request, &left, &right));
    left.topics_count = 0;
    assert_false(wire_equal(&wire_metadata_request, &left, &right));
    right.topics_count = 0;
    assert_true(wire_equal(&wire_metadata_request, &left, &right));
    right.topics_count = -1;
    assert_false(wire_equal(&wire_metadata_request, &left, &right));
}

static void the_tables_answer(void **state)
{
    (void)state;
    const struct wire_api *api = wire_api_find(API_API_VERSIONS);
    assert_non_null(api);
    assert_ptr_equal(api->request, &wire_api_versions_request);
    assert_int_equal(wire_request_header_version(api, 2), 1);
    assert_int_equal(wire_request_header_version(api, 3), 2);
    assert_int_equal(wire_response_header_version(api, 3), 0); /* (KIP-511) */
    api = wire_api_find(API_METADATA);
    assert_int_equal(wire_response_header_version(api, 8), 0);
    assert_int_equal(wire_response_header_version(api, 9), 1);
    assert_null(wire_api_find(-1));
    assert_null(wire_api_find(INT16_MAX));
    assert_ptr_equal(wire_metadata_record(2), &wire_topic_record);
    assert_null(wire_metadata_record(-1));
    for (int i = 0; i < wire_message_count; i++) {
        const struct wire_message *message = wire_messages[i];
        assert_true(wire_version_min(message) <= wire_version_max(message));
        assert_true(strlen(wire_message_name(message)) > 0);
    }
    assert_string_equal(kafka_error_name(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION),
                        "UNKNOWN_TOPIC_OR_PARTITION");
    assert_true(kafka_error_is_retriable(KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION));
    assert_string_equal(kafka_error_name((enum kafka_error)30000), "UNKNOWN_SERVER_ERROR");
}

/* Produce as a client writes it: acks -1, 30 s, topic "t", partition 2, three bytes of records. */
static void a_field_is_found_by_its_name(void **state)
{
    (void)state;
    struct produce_response produced;
    wire_defaults(&wire_produce_response, &produced);
    int32_t *field = wire_int32(&wire_produce_response, 9, "throttleTimeMs", &produced);
    assert_ptr_equal(field, &produced.throttle_time_ms);
    assert_null(wire_int32(&wire_produce_response, 9, "nothing", &produced));
    struct api_versions_response versions;
    assert_null(wire_int32(&wire_api_versions_response, 0, "throttleTimeMs", &versions));
    assert_ptr_equal(wire_int32(&wire_api_versions_response, 1, "throttleTimeMs", &versions),
                     &versions.throttle_time_ms);
    assert_true(wire_begins_with(&wire_create_topics_response, 2, "throttleTimeMs"));
    assert_false(wire_begins_with(&wire_produce_response, 9, "throttleTimeMs"));
}

static void produce_in_both_forms(void **state)
{
    (void)state;
    const struct {
        int16_t version;
        struct slice bytes;
    } forms[] = {{3, SLICE("\xff\xff\xff\xff\0\0\x75\x30\0\0\0\1\0\1t"
                           "\0\0\0\1\0\0\0\2\0\0\0\3abc")},
                 {9, SLICE("\0\xff\xff\0\0\x75\x30\2\2t\2\0\0\0\2\4abc\0\0\0")}};
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct arena arena;
        struct writer writer;
        struct produce_request request;
        arena_init(&arena, ARENA_MAX);
        writer_init(&writer, 1 << 16);
        assert_int_equal(
            decode(&wire_produce_request, forms[i].version, forms[i].bytes, &arena, &request), 0);
        assert_null(request.transactional_id.data);
        assert_int_equal(request.acks, -1);
        assert_int_equal(request.timeout_ms, 30000);
        assert_int_equal(request.topic_data_count, 1);
        assert_int_equal(request.topic_data[0].partition_data_count, 1);
        assert_int_equal(request.topic_data[0].partition_data[0].index, 2);
        struct slice records = request.topic_data[0].partition_data[0].records;
        assert_true(slice_equal(records, SLICE("abc")));
        assert_in_range((uintptr_t)records.data, (uintptr_t)forms[i].bytes.data,
                        (uintptr_t)forms[i].bytes.data + forms[i].bytes.size); /* no copy */
        assert_int_equal(
            wire_encode(&wire_produce_request, forms[i].version, &request, &writer, NULL), 0);
        assert_true(slice_equal(writer_slice(&writer), forms[i].bytes));
        arena_deinit(&arena);
        writer_deinit(&writer);
    }
}

/* A flexible request names its client in the old form, before its tags. (KIP-482) */
static void the_header_keeps_an_old_string(void **state)
{
    (void)state;
    struct arena arena;
    struct request_header header;
    arena_init(&arena, ARENA_MAX);
    assert_int_equal(
        decode(&wire_request_header, 2, SLICE("\0\x12\0\4\0\0\0\7\0\2me\0"), &arena, &header), 0);
    assert_int_equal(header.request_api_key, 18);
    assert_int_equal(header.correlation_id, 7);
    assert_true(slice_equal(header.client_id, SLICE("me")));
    assert_int_equal(
        decode(&wire_request_header, 1, SLICE("\0\x12\0\2\0\0\0\7\xff\xff"), &arena, &header), 0);
    assert_null(header.client_id.data);
    arena_deinit(&arena);
}

/* One byte says whether the struct follows: 1, or -1 for null. (KIP-893) */
static void a_struct_may_be_null(void **state)
{
    (void)state;
    struct arena arena;
    struct writer writer;
    struct describe_topic_partitions_request request;
    const struct slice null = SLICE("\1\0\0\x07\xd0\xff\0");
    const struct slice there = SLICE("\1\0\0\x07\xd0\1\2t\0\0\0\3\0\0");
    arena_init(&arena, ARENA_MAX);
    writer_init(&writer, 100);
    assert_int_equal(decode(&wire_describe_topic_partitions_request, 0, null, &arena, &request), 0);
    assert_null(request.cursor);
    assert_int_equal(
        wire_encode(&wire_describe_topic_partitions_request, 0, &request, &writer, NULL), 0);
    assert_true(slice_equal(writer_slice(&writer), null));
    assert_int_equal(decode(&wire_describe_topic_partitions_request, 0, there, &arena, &request),
                     0);
    assert_non_null(request.cursor);
    assert_int_equal(request.cursor->partition_index, 3);
    writer_reset(&writer);
    assert_int_equal(
        wire_encode(&wire_describe_topic_partitions_request, 0, &request, &writer, NULL), 0);
    assert_true(slice_equal(writer_slice(&writer), there));
    arena_deinit(&arena);
    writer_deinit(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_and_flexible_forms),
        cmocka_unit_test(tags_of_tomorrow_are_skipped),
        cmocka_unit_test(counts_are_believed_when_the_bytes_are_there),
        cmocka_unit_test(the_arena_has_a_maximum),
        cmocka_unit_test(versions_have_bounds),
        cmocka_unit_test(what_a_version_cannot_say_is_an_error),
        cmocka_unit_test(full_writers_say_so),
        cmocka_unit_test(holes),
        cmocka_unit_test(tags_that_say_something),
        cmocka_unit_test(equal_is_by_contents),
        cmocka_unit_test(the_tables_answer),
        cmocka_unit_test(a_field_is_found_by_its_name),
        cmocka_unit_test(produce_in_both_forms),
        cmocka_unit_test(the_header_keeps_an_old_string),
        cmocka_unit_test(a_struct_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

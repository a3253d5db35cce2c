#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/codec.h"
#include "wire/messages.h"

static void assert_prints(const struct wire_message *message, int16_t version, const void *value,
                          const char *expected)
{
    struct writer text;
    writer_init(&text, 1 << 16);
    wire_print(message, version, value, &text);
    writer_put_u8(&text, 0);
    assert_int_equal(writer_error(&text), 0);
    assert_string_equal((const char *)text.data, expected);
    writer_deinit(&text);
}

static void what_json_must_escape(void **state)
{
    (void)state;
    struct api_versions_request request = {.client_software_name = SLICE("a\"b\\c\n\x1f"),
                                           .client_software_version = SLICE("\xc3\xbc")};
    assert_prints(&wire_api_versions_request, 3, &request,
                  "{\"clientSoftwareName\":\"a\\\"b\\\\c\\u000a\\u001f\","
                  "\"clientSoftwareVersion\":\"\xc3\xbc\"}");
}

static void only_what_the_version_has(void **state)
{
    (void)state;
    struct api_versions_request request;
    struct metadata_request metadata;
    wire_defaults(&wire_api_versions_request, &request);
    wire_defaults(&wire_metadata_request, &metadata);
    assert_prints(&wire_api_versions_request, 2, &request, "{}");
    metadata.topics_count = -1;
    assert_prints(&wire_metadata_request, 3, &metadata, "{\"topics\":null}");
    metadata.topics_count = 0;
    assert_prints(&wire_metadata_request, 4, &metadata,
                  "{\"topics\":[],\"allowAutoTopicCreation\":true}");
}

static void uuids_arrays_and_nulls(void **state)
{
    (void)state;
    struct metadata_request_metadata_request_topic topics[2];
    memset(topics, 0, sizeof(topics));
    topics[0].topic_id.bytes[15] = 1;
    topics[1].name = SLICE("t");
    struct metadata_request request = {.topics = topics, .topics_count = 2};
    assert_prints(&wire_metadata_request, 12, &request,
                  "{\"topics\":[{\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAQ\",\"name\":null},"
                  "{\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"name\":\"t\"}],"
                  "\"allowAutoTopicCreation\":false,"
                  "\"includeTopicAuthorizedOperations\":false}");
}

static void bytes_are_counted(void **state)
{
    (void)state;
    struct sasl_authenticate_request request = {.auth_bytes = SLICE("\0secret")};
    assert_prints(&wire_sasl_authenticate_request, 2, &request, "{\"authBytes\":{\"bytes\":7}}");
}

static void a_struct_may_be_null(void **state)
{
    (void)state;
    struct describe_topic_partitions_request request;
    struct describe_topic_partitions_request_cursor cursor = {.topic_name = SLICE("t"),
                                                              .partition_index = -7};
    wire_defaults(&wire_describe_topic_partitions_request, &request);
    assert_prints(&wire_describe_topic_partitions_request, 0, &request,
                  "{\"topics\":[],\"responsePartitionLimit\":2000,\"cursor\":null}");
    request.cursor = &cursor;
    assert_prints(&wire_describe_topic_partitions_request, 0, &request,
                  "{\"topics\":[],\"responsePartitionLimit\":2000,"
                  "\"cursor\":{\"topicName\":\"t\",\"partitionIndex\":-7}}");
}

static void real_numbers_stay_json(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{1.5, "1.5"},
                 {-0.25, "-0.25"},
                 {__builtin_nan(""), "\"NaN\""},
                 {__builtin_inf(), "\"Infinity\""},
                 {-__builtin_inf(), "\"-Infinity\""}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char expected[128];
        struct client_quota_record record;
        wire_defaults(&wire_client_quota_record, &record);
        record.key = SLICE("k");
        record.value = cases[i].value;
        snprintf(expected, sizeof(expected),
                 "{\"entity\":[],\"key\":\"k\",\"value\":%s,\"remove\":false}", cases[i].text);
        assert_prints(&wire_client_quota_record, 0, &record, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_json_must_escape),  cmocka_unit_test(only_what_the_version_has),
        cmocka_unit_test(uuids_arrays_and_nulls), cmocka_unit_test(bytes_are_counted),
        cmocka_unit_test(a_struct_may_be_null),   cmocka_unit_test(real_numbers_stay_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

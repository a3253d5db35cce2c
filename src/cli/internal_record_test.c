/* Records of the internal topics as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include <errno.h>

#include "cli/internal_record.h"

enum { BYTES_MAX = 1 << 20 };

static void expect(enum internal_topic topic, bool is_control, struct slice key, struct slice value,
                   int result, const char *text)
{
    struct arena arena;
    struct writer out;
    arena_init(&arena, BYTES_MAX);
    writer_init(&out, BYTES_MAX);
    struct record record = {.key = key, .value = value};
    assert_int_equal(internal_record_print(topic, is_control, &record, &arena, &out), result);
    writer_put_u8(&out, 0);
    assert_string_equal((const char *)out.data, text);
    writer_deinit(&out);
    arena_deinit(&arena);
}

static void prints_metadata(void **state)
{
    (void)state;
    struct slice level = SLICE("\x01\x0c\x00\x11metadata.version\x00\x1e\x00");
    expect(INTERNAL_METADATA, false, SLICE_NULL, level, 0,
           "FeatureLevelRecord v0 {\"name\":\"metadata.version\",\"featureLevel\":30}");
    struct slice cut = {level.data, level.size - 3};
    expect(INTERNAL_METADATA, false, SLICE_NULL, cut, -EBADMSG, "");
    expect(INTERNAL_METADATA, false, SLICE_NULL, SLICE("\x01\x7f\x00"), -ENOTSUP, "");
    expect(INTERNAL_METADATA, false, SLICE_NULL, SLICE("\x02\x0c\x00"), -ENOTSUP, "");
}

static void prints_committed_offsets(void **state)
{
    (void)state;
    struct slice key = SLICE("\0\x01\0\x01g\0\x01t\0\0\0\x02");
    struct slice value = SLICE("\0\x03\0\0\0\0\0\0\0\x09\0\0\0\x01\0\0\0\0\0\0\0\0\0\x07");
    expect(INTERNAL_OFFSETS, false, key, value, 0,
           "OffsetCommitKey v0 {\"group\":\"g\",\"topic\":\"t\",\"partition\":2} = "
           "OffsetCommitValue v3 {\"offset\":9,\"leaderEpoch\":1,\"metadata\":\"\","
           "\"commitTimestamp\":7}");
    expect(INTERNAL_OFFSETS, false, key, SLICE_NULL, 0,
           "OffsetCommitKey v0 {\"group\":\"g\",\"topic\":\"t\",\"partition\":2} = null");
}

static void prints_control_records(void **state)
{
    (void)state;
    expect(INTERNAL_NONE, true, SLICE("\0\0\0\x01"), SLICE("\0\0\0\0\0\x05"), 0,
           "COMMIT EndTxnMarker v0 {\"coordinatorEpoch\":5}");
    expect(INTERNAL_METADATA, true, SLICE("\0\0\0\x04"), SLICE("\0\0\0"), 0,
           "SNAPSHOT_FOOTER SnapshotFooterRecord v0 {\"version\":0}");
    expect(INTERNAL_METADATA, true, SLICE("\0\0\0\x63"), SLICE("\0\0"), -ENOTSUP, "");
}

static void knows_topics_by_name(void **state)
{
    (void)state;
    assert_int_equal(internal_topic_of(SLICE("__cluster_metadata-0")), INTERNAL_METADATA);
    assert_int_equal(internal_topic_of(SLICE("__consumer_offsets-12")), INTERNAL_OFFSETS);
    assert_int_equal(internal_topic_of(SLICE("orders-0")), INTERNAL_NONE);
    expect(INTERNAL_NONE, false, SLICE("k"), SLICE("v"), -ENOTSUP, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_metadata),
        cmocka_unit_test(prints_committed_offsets),
        cmocka_unit_test(prints_control_records),
        cmocka_unit_test(knows_topics_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

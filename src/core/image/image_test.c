#include "core/image/image.h"

#include <errno.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "wire/messages.h"

/* --- help ------------------------------------------------------------------------------------- */

static const struct uuid topic_a = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const struct uuid topic_b = {{2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const struct uuid disk_1 = {{0xd1, 1}};
static const struct uuid disk_2 = {{0xd2, 2}};
static const struct uuid disk_3 = {{0xd3, 3}};

enum { CHANGES_MAX = 64 };

struct seen {
    struct image_change changes[CHANGES_MAX];
    int count;
};

static void see(void *context, const struct image_change *change)
{
    struct seen *seen = context;
    assert_true(seen->count < CHANGES_MAX);
    seen->changes[seen->count++] = *change;
}

static int try_apply(struct image *image, enum image_record kind, int16_t version,
                     const void *record, struct seen *seen)
{
    struct writer writer;
    writer_init(&writer, IMAGE_RECORD_BYTES_MAX);
    assert_int_equal(image_encode(kind, version, record, &writer), 0);
    int r = image_apply(image, writer_slice(&writer), image_last_offset(image) + 1,
                        seen == NULL ? NULL : see, seen);
    writer_deinit(&writer);
    return r;
}

static void apply(struct image *image, enum image_record kind, int16_t version, const void *record)
{
    assert_int_equal(try_apply(image, kind, version, record, NULL), 0);
}

static void add_feature(struct image *image, const char *name, int16_t level)
{
    apply(image, IMAGE_RECORD_FEATURE_LEVEL, 0,
          &(struct feature_level_record){slice_of(name), level});
}

static void add_topic(struct image *image, const char *name, const struct uuid *id)
{
    apply(image, IMAGE_RECORD_TOPIC, 0, &(struct topic_record){slice_of(name), *id});
}

static void add_partition(struct image *image, const struct uuid *id, int32_t index)
{
    int32_t replicas[] = {1, 2};
    struct uuid directories[] = {disk_1, disk_2};
    apply(image, IMAGE_RECORD_PARTITION, 2,
          &(struct partition_record){.partition_id = index,
                                     .topic_id = *id,
                                     .replicas = replicas,
                                     .replicas_count = 2,
                                     .isr = replicas,
                                     .isr_count = 2,
                                     .leader = 1,
                                     .directories = directories,
                                     .directories_count = 2,
                                     .eligible_leader_replicas_count = -1,
                                     .last_known_elr_count = -1});
}

/* A change of nothing, to be filled in. */
static struct partition_change_record no_change(const struct uuid *id, int32_t index)
{
    return (struct partition_change_record){.partition_id = index,
                                            .topic_id = *id,
                                            .leader = -2,
                                            .isr_count = -1,
                                            .replicas_count = -1,
                                            .removing_replicas_count = -1,
                                            .adding_replicas_count = -1,
                                            .leader_recovery_state = -1,
                                            .directories_count = -1,
                                            .eligible_leader_replicas_count = -1,
                                            .last_known_elr_count = -1};
}

static void set_config(struct image *image, enum image_resource type, const char *resource,
                       const char *name, const char *value)
{
    apply(
        image, IMAGE_RECORD_CONFIG, 0,
        &(struct config_record){(int8_t)type, slice_of(resource), slice_of(name), slice_of(value)});
}

/* Applies bytes that Apache Kafka 4.3.1 wrote. */
static int apply_hex(struct image *image, const char *hex)
{
    uint8_t bytes[1024];
    size_t size = strlen(hex) / 2;
    assert_true(size <= sizeof(bytes));
    for (size_t i = 0; i < size; i++) {
        int value = 0;
        for (size_t j = 0; j < 2; j++) {
            char digit = hex[2 * i + j];
            value = value * 16 + (digit <= '9' ? digit - '0' : digit - 'a' + 10);
        }
        bytes[i] = (uint8_t)value;
    }
    return image_apply(image, (struct slice){bytes, size}, image_last_offset(image) + 1, NULL,
                       NULL);
}

static int apply_emitted(void *context, struct slice record)
{
    struct image *image = context;
    return image_apply(image, record, image_last_offset(image) + 1, NULL, NULL);
}

/* The image that the snapshot of `image` gives. */
static struct image *copy_of(const struct image *image)
{
    struct image *copy = image_create(99);
    assert_int_equal(image_write(image, apply_emitted, copy), 0);
    return copy;
}

/* The snapshot's record number `wanted`. */
struct nth {
    int wanted;
    struct slice record; /* memory_free */
};

static int take_nth(void *context, struct slice record)
{
    struct nth *nth = context;
    if (nth->wanted-- != 0) return 0;
    uint8_t *copy = memory_alloc(record.size);
    memcpy(copy, record.data, record.size);
    nth->record = (struct slice){copy, record.size};
    return 0;
}

static void assert_nth_is(const struct image *image, int n, const char *hex)
{
    struct nth nth = {.wanted = n};
    assert_int_equal(image_write(image, take_nth, &nth), 0);
    assert_int_equal(nth.record.size, strlen(hex) / 2);
    for (size_t i = 0; i < nth.record.size; i++) {
        static const char digits[] = "0123456789abcdef";
        assert_int_equal(digits[nth.record.data[i] >> 4], hex[2 * i]);
        assert_int_equal(digits[nth.record.data[i] & 15], hex[2 * i + 1]);
    }
    union {
        const uint8_t *read;
        void *owned;
    } memory = {.read = nth.record.data};
    memory_free(memory.owned);
}

/* --- Kafka's bytes ---------------------------------------------------------------------------- */

static const char kafka_metadata_version[] = "010c00116d657461646174612e76657273696f6e001e00";
static const char kafka_broker[] =
    "0100040000000100663fb0d304c4494a99c4b2f3600fa09b000000000000000d020a504c41"
    "494e544558540a31"
    "32372e302e302e314fb0000000080e73686172652e76657273696f6e00000001000e6b7261"
    "66742e7665727369"
    "6f6e00000001000e67726f75702e76657273696f6e00000001001073747265616d732e7665"
    "7273696f6e000000"
    "0100147472616e73616374696f6e2e76657273696f6e000000020021656c696769626c652e"
    "6c65616465722e72"
    "65706c696361732e76657273696f6e0000000100116d657461646174612e76657273696f6e"
    "0007001e00000100"
    "01001102bb7ef1c00362936182e60561440b741d";
static const char kafka_cordoned_none[] = "01110300000001000000000000000d01030101";
static const char kafka_unfenced[] = "01110000000001000000000000000d010001ff";
static const char kafka_controller[] =
    "011b0000000001193aafbcf4a24bf491d3823d539cf3f200020b434f4e54524f4c4c45520a"
    "3132372e302e302e"
    "314fb1000000080e67726f75702e76657273696f6e00000001000e6b726166742e76657273"
    "696f6e0000000100"
    "116d657461646174612e76657273696f6e0007001e000e73686172652e76657273696f6e00"
    "0000010010737472"
    "65616d732e76657273696f6e0000000100147472616e73616374696f6e2e76657273696f6e"
    "000000020021656c"
    "696769626c652e6c65616465722e7265706c696361732e76657273696f6e000000010000";
static const char kafka_topic[] = "0102000278126408c2621347fcb97912e74867593e00";
static const char kafka_partition[] =
    "01030200000000126408c2621347fcb97912e74867593e0200000001020000000101010000"
    "0001000000000000"
    "000002bb7ef1c00362936182e60561440b741d00";

static void reads_and_writes_kafkas_bytes(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    assert_int_equal(apply_hex(image, kafka_metadata_version), 0);
    assert_int_equal(apply_hex(image, kafka_broker), 0);
    assert_int_equal(apply_hex(image, kafka_controller), 0);
    assert_int_equal(apply_hex(image, kafka_topic), 0);
    assert_int_equal(apply_hex(image, kafka_partition), 0);

    assert_int_equal(image_metadata_version(image), 30);
    const struct image_broker *broker = image_broker_by_id(image, 1);
    assert_non_null(broker);
    assert_int_equal(broker->epoch, 13);
    assert_true(broker->fenced);
    assert_int_equal(broker->cordoned_log_dir_count, -1);
    const struct image_endpoint *endpoint = image_broker_endpoint(broker, SLICE("PLAINTEXT"));
    assert_non_null(endpoint);
    assert_int_equal(endpoint->port, 20400);
    assert_null(image_broker_endpoint(broker, SLICE("SSL")));
    const struct image_topic *topic = image_topic_by_name(image, SLICE("x"));
    assert_non_null(topic);
    assert_int_equal(image_partition(topic, 0)->leader, 1);

    assert_nth_is(image, 0, kafka_metadata_version);
    assert_nth_is(image, 1, kafka_broker);
    assert_nth_is(image, 2, kafka_controller);
    assert_nth_is(image, 3, kafka_topic);
    assert_nth_is(image, 4, kafka_partition);

    assert_int_equal(apply_hex(image, kafka_cordoned_none), 0);
    assert_int_equal(broker->cordoned_log_dir_count, 0);
    assert_true(broker->fenced);
    assert_int_equal(apply_hex(image, kafka_unfenced), 0);
    assert_false(image_broker_by_id(image, 1)->fenced);
    image_destroy(image);
}

/* --- topics and partitions -------------------------------------------------------------------- */

static void topics_are_found_and_walked_by_name(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    add_topic(image, "zebra", &topic_a);
    add_topic(image, "ant", &topic_b);
    add_partition(image, &topic_b, 1);
    add_partition(image, &topic_b, 0);
    assert_int_equal(image_topic_count(image), 2);
    assert_int_equal(image_partition_count(image), 2);
    assert_ptr_equal(image_topic_by_id(image, &topic_a),
                     image_topic_by_name(image, SLICE("zebra")));

    struct slice cursor = SLICE_NULL;
    assert_true(uuid_equal(&image_topic_next(image, &cursor)->id, &topic_b));
    assert_true(uuid_equal(&image_topic_next(image, &cursor)->id, &topic_a));
    assert_null(image_topic_next(image, &cursor));

    const struct image_topic *ant = image_topic_by_name(image, SLICE("ant"));
    assert_int_equal(ant->partition_count, 2);
    assert_null(image_partition(ant, -1));
    assert_null(image_partition(ant, 2));
    const struct image_partition *partition = image_partition(ant, 1);
    assert_int_equal(partition->replica_count, 2);
    assert_int_equal(partition->replicas[1], 2);
    assert_true(uuid_equal(&partition->directories[1], &disk_2));
    image_destroy(image);
}

static void a_gap_between_partitions_is_no_partition(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    add_topic(image, "t", &topic_a);
    add_partition(image, &topic_a, 2);
    const struct image_topic *topic = image_topic_by_name(image, SLICE("t"));
    assert_int_equal(image_partition_count(image), 1);
    assert_null(image_partition(topic, 0));
    assert_non_null(image_partition(topic, 2));
    struct image *copy = copy_of(image);
    assert_int_equal(image_hash(copy), image_hash(image));
    image_destroy(copy);
    image_destroy(image);
}

static void a_partition_change_alters_what_it_names(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    add_topic(image, "t", &topic_a);
    add_partition(image, &topic_a, 0);
    const struct image_topic *topic = image_topic_by_name(image, SLICE("t"));
    const struct image_partition *partition = image_partition(topic, 0);

    int32_t isr[] = {2};
    struct partition_change_record change = no_change(&topic_a, 0);
    change.isr = isr;
    change.isr_count = 1;
    apply(image, IMAGE_RECORD_PARTITION_CHANGE, 2, &change);
    assert_int_equal(partition->isr_count, 1);
    assert_int_equal(partition->leader, 1);
    assert_int_equal(partition->leader_epoch, 0);
    assert_int_equal(partition->partition_epoch, 1);
    assert_int_equal(partition->replica_count, 2);

    change = no_change(&topic_a, 0);
    change.leader = 2;
    apply(image, IMAGE_RECORD_PARTITION_CHANGE, 2, &change);
    assert_int_equal(partition->leader, 2);
    assert_int_equal(partition->leader_epoch, 1);
    assert_int_equal(partition->partition_epoch, 2);
    assert_int_equal(partition->isr[0], 2);
    image_destroy(image);
}

static void replicas_that_stay_keep_their_directory(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    add_topic(image, "t", &topic_a);
    add_partition(image, &topic_a, 0);
    int32_t replicas[] = {3, 2, 4};
    struct partition_change_record change = no_change(&topic_a, 0);
    change.replicas = replicas;
    change.replicas_count = 3;
    apply(image, IMAGE_RECORD_PARTITION_CHANGE, 0, &change);
    const struct image_partition *partition =
        image_partition(image_topic_by_id(image, &topic_a), 0);
    assert_true(uuid_is_zero(&partition->directories[0]));
    assert_true(uuid_equal(&partition->directories[1], &disk_2));
    assert_true(uuid_is_zero(&partition->directories[2]));

    struct uuid directories[] = {disk_3, disk_2, disk_1};
    change = no_change(&topic_a, 0);
    change.directories = directories;
    change.directories_count = 3;
    apply(image, IMAGE_RECORD_PARTITION_CHANGE, 1, &change);
    assert_true(uuid_equal(&partition->directories[0], &disk_3));
    assert_int_equal(partition->replicas[2], 4);
    image_destroy(image);
}

static void clearing_elr_touches_only_who_has_one(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    add_topic(image, "t", &topic_a);
    add_partition(image, &topic_a, 0);
    add_partition(image, &topic_a, 1);
    int32_t elr[] = {2};
    struct partition_change_record change = no_change(&topic_a, 1);
    change.eligible_leader_replicas = elr;
    change.eligible_leader_replicas_count = 1;
    change.last_known_elr = elr;
    change.last_known_elr_count = 1;
    apply(image, IMAGE_RECORD_PARTITION_CHANGE, 2, &change);
    const struct image_topic *topic = image_topic_by_id(image, &topic_a);
    assert_int_equal(image_partition(topic, 1)->elr[0], 2);

    struct seen seen = {0};
    struct clear_elr_record all = {SLICE("")};
    assert_int_equal(try_apply(image, IMAGE_RECORD_CLEAR_ELR, 0, &all, &seen), 0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.changes[0].partition, 1);
    assert_int_equal(image_partition(topic, 1)->elr_count, 0);
    assert_int_equal(image_partition(topic, 1)->last_known_elr_count, 0);
    assert_int_equal(image_partition(topic, 1)->partition_epoch, 2);
    assert_int_equal(image_partition(topic, 0)->partition_epoch, 0);
    image_destroy(image);
}

static void a_removed_topic_takes_its_settings_along(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    add_topic(image, "t", &topic_a);
    add_partition(image, &topic_a, 0);
    set_config(image, IMAGE_RESOURCE_TOPIC, "t", "retention.ms", "5");
    uint64_t hash = image_hash(image);
    struct seen seen = {0};
    struct remove_topic_record remove = {topic_a};
    assert_int_equal(try_apply(image, IMAGE_RECORD_REMOVE_TOPIC, 0, &remove, &seen), 0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.changes[0].kind, IMAGE_TOPIC_DELETED);
    assert_int_equal(image_partition_count(image), 0);
    assert_null(image_topic_by_name(image, SLICE("t")));
    int32_t count;
    assert_null(image_configs(image, IMAGE_RESOURCE_TOPIC, SLICE("t"), &count));
    assert_int_equal(count, 0);
    assert_int_not_equal(image_hash(image), hash);
    image_destroy(image);
}

static void refuses_records_that_do_not_fit(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    add_topic(image, "t", &topic_a);
    struct topic_record same_name = {SLICE("t"), topic_b};
    struct topic_record same_id = {SLICE("u"), topic_a};
    struct remove_topic_record unknown = {topic_b};
    struct partition_change_record no_partition = no_change(&topic_a, 0);
    struct unregister_broker_record no_broker = {.broker_id = 1};
    assert_int_equal(try_apply(image, IMAGE_RECORD_TOPIC, 0, &same_name, NULL), -EBADMSG);
    assert_int_equal(try_apply(image, IMAGE_RECORD_TOPIC, 0, &same_id, NULL), -EBADMSG);
    assert_int_equal(try_apply(image, IMAGE_RECORD_REMOVE_TOPIC, 0, &unknown, NULL), -EBADMSG);
    assert_int_equal(try_apply(image, IMAGE_RECORD_PARTITION_CHANGE, 2, &no_partition, NULL),
                     -EBADMSG);
    assert_int_equal(try_apply(image, IMAGE_RECORD_UNREGISTER_BROKER, 0, &no_broker, NULL),
                     -EBADMSG);
    assert_int_equal(image_last_offset(image), 0);
    /* Kinds and versions of a later Kafka; a frame cut short; bytes behind the
     * body. */
    assert_int_equal(apply_hex(image, "011d00"), -ENOTSUP);
    assert_int_equal(apply_hex(image, "010d00"), -ENOTSUP);
    assert_int_equal(apply_hex(image, "010201"), -ENOTSUP);
    assert_int_equal(apply_hex(image, "02020001"), -ENOTSUP);
    assert_int_equal(apply_hex(image, "0102"), -EBADMSG);
    assert_int_equal(apply_hex(image, "01140000ff"), -EBADMSG);
    image_destroy(image);
}

/* --- settings, features, ids ------------------------------------------------------------------ */

static void settings_are_sorted_and_go_with_their_last(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    set_config(image, IMAGE_RESOURCE_BROKER, "", "z", "26");
    set_config(image, IMAGE_RESOURCE_BROKER, "", "a", "1");
    set_config(image, IMAGE_RESOURCE_BROKER, "1", "a", "2");
    set_config(image, IMAGE_RESOURCE_BROKER, "", "z", "27");
    int32_t count;
    const struct image_config *configs =
        image_configs(image, IMAGE_RESOURCE_BROKER, SLICE(""), &count);
    assert_int_equal(count, 2);
    assert_true(slice_equal(configs[0].name, SLICE("a")));
    assert_true(slice_equal(configs[1].value, SLICE("27")));
    assert_true(slice_equal(image_config(image, IMAGE_RESOURCE_BROKER, SLICE("1"), SLICE("a")),
                            SLICE("2")));
    assert_true(slice_is_null(image_config(image, IMAGE_RESOURCE_TOPIC, SLICE("1"), SLICE("a"))));
    set_config(image, IMAGE_RESOURCE_BROKER, "", "z", NULL);
    set_config(image, IMAGE_RESOURCE_BROKER, "", "a", NULL);
    set_config(image, IMAGE_RESOURCE_BROKER, "", "never set", NULL);
    assert_null(image_configs(image, IMAGE_RESOURCE_BROKER, SLICE(""), &count));
    image_destroy(image);
}

static void features_are_finalized_and_dropped(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    add_feature(image, "share.version", 1);
    add_feature(image, "metadata.version", 30);
    add_feature(image, "group.version", 1);
    add_feature(image, "share.version", 0);
    assert_int_equal(image_feature(image, SLICE("share.version")), 0);
    assert_int_equal(image_feature(image, SLICE("group.version")), 1);
    struct slice name = SLICE_NULL;
    int16_t level;
    assert_true(image_feature_next(image, &name, &level));
    assert_true(slice_equal(name, SLICE("group.version")));
    assert_true(image_feature_next(image, &name, &level));
    assert_int_equal(level, 30);
    assert_false(image_feature_next(image, &name, &level));
    assert_nth_is(image, 0, kafka_metadata_version);
    image_destroy(image);
}

static void producer_ids_move_on(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    assert_int_equal(image_next_producer_id(image), 0);
    apply(
        image, IMAGE_RECORD_PRODUCER_IDS, 0,
        &(struct producer_ids_record){.broker_id = 1, .broker_epoch = 5, .next_producer_id = 1000});
    assert_int_equal(image_next_producer_id(image), 1000);
    struct image *copy = copy_of(image);
    assert_int_equal(image_next_producer_id(copy), 1000);
    image_destroy(copy);
    image_destroy(image);
}

/* --- transactions ----------------------------------------------------------------------------- */

static void a_transaction_is_applied_at_its_end(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    struct seen seen = {0};
    struct begin_transaction_record begin = {SLICE("two topics")};
    struct topic_record a = {SLICE("a"), topic_a};
    struct topic_record b = {SLICE("b"), topic_b};
    struct end_transaction_record end = {0};
    assert_int_equal(try_apply(image, IMAGE_RECORD_BEGIN_TRANSACTION, 0, &begin, &seen), 0);
    assert_int_equal(try_apply(image, IMAGE_RECORD_TOPIC, 0, &a, &seen), 0);
    assert_int_equal(try_apply(image, IMAGE_RECORD_TOPIC, 0, &b, &seen), 0);
    assert_true(image_in_transaction(image));
    assert_int_equal(image_topic_count(image), 0);
    assert_int_equal(seen.count, 0);
    assert_int_equal(try_apply(image, IMAGE_RECORD_BEGIN_TRANSACTION, 0, &begin, &seen), -EBADMSG);
    assert_int_equal(try_apply(image, IMAGE_RECORD_END_TRANSACTION, 0, &end, &seen), 0);
    assert_int_equal(image_topic_count(image), 2);
    assert_int_equal(seen.count, 2);
    assert_true(uuid_equal(&seen.changes[1].topic_id, &topic_b));
    assert_false(image_in_transaction(image));
    assert_int_equal(try_apply(image, IMAGE_RECORD_END_TRANSACTION, 0, &end, &seen), -EBADMSG);
    image_destroy(image);
}

static void an_aborted_transaction_never_was(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    uint64_t hash = image_hash(image);
    apply(image, IMAGE_RECORD_BEGIN_TRANSACTION, 0, &(struct begin_transaction_record){SLICE_NULL});
    add_topic(image, "a", &topic_a);
    apply(image, IMAGE_RECORD_ABORT_TRANSACTION, 0, &(struct abort_transaction_record){SLICE_NULL});
    assert_int_equal(image_hash(image), hash);
    add_topic(image, "a", &topic_a);
    assert_int_equal(image_topic_count(image), 1);
    image_destroy(image);
}

/* --- everything else -------------------------------------------------------------------------- */

static void add_others(struct image *image)
{
    apply(image, IMAGE_RECORD_ACCESS_CONTROL_ENTRY, 0,
          &(struct access_control_entry_record){.id = disk_1,
                                                .resource_type = 2,
                                                .resource_name = SLICE("t"),
                                                .pattern_type = 3,
                                                .principal = SLICE("User:a"),
                                                .host = SLICE("*"),
                                                .operation = 3,
                                                .permission_type = 3});
    apply(image, IMAGE_RECORD_USER_SCRAM_CREDENTIAL, 0,
          &(struct user_scram_credential_record){.name = SLICE("a"),
                                                 .mechanism = 1,
                                                 .salt = SLICE("s"),
                                                 .stored_key = SLICE("k"),
                                                 .server_key = SLICE("k"),
                                                 .iterations = 4096});
    apply(image, IMAGE_RECORD_DELEGATION_TOKEN, 0,
          &(struct delegation_token_record){
              .owner = SLICE("o"), .requester = SLICE("r"), .token_id = SLICE("token")});
    apply(image, IMAGE_RECORD_ZK_MIGRATION_STATE, 0, &(struct zk_migration_state_record){3});
}

static int add_quota(struct image *image, bool swapped, bool remove, double value)
{
    struct client_quota_record_entity_data entity[2] = {{SLICE("user"), SLICE("a")},
                                                        {SLICE("client-id"), SLICE_NULL}};
    struct client_quota_record_entity_data other_way[2] = {entity[1], entity[0]};
    struct client_quota_record record = {.entity = swapped ? other_way : entity,
                                         .entity_count = 2,
                                         .key = SLICE("producer_byte_rate"),
                                         .value = value,
                                         .remove = remove};
    return try_apply(image, IMAGE_RECORD_CLIENT_QUOTA, 0, &record, NULL);
}

static void keeps_whole_what_it_does_not_look_into(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    add_feature(image, "metadata.version", 30);
    uint64_t without = image_hash(image);
    add_others(image);
    assert_int_equal(add_quota(image, false, false, 10), 0);
    uint64_t with = image_hash(image);
    struct image *copy = copy_of(image);
    assert_int_equal(image_hash(copy), with);
    image_destroy(copy);

    add_others(image); /* the same again replaces */
    assert_int_equal(image_hash(image), with);
    assert_int_equal(add_quota(image, true, false, 11), 0);
    assert_int_not_equal(image_hash(image), with);

    struct slice cursor = SLICE_NULL;
    const struct image_scram *scram = image_scram_next(image, &cursor);
    assert_non_null(scram);
    assert_ptr_equal(image_scram(image, 1, SLICE("a")), scram);
    assert_true(slice_equal(scram->user, SLICE("a")));
    assert_int_equal(scram->mechanism, 1);
    assert_int_equal(scram->iterations, 4096);
    assert_null(image_scram_next(image, &cursor));
    assert_null(image_scram(image, 2, SLICE("a")));

    assert_int_equal(add_quota(image, true, true, 0), 0);
    apply(image, IMAGE_RECORD_REMOVE_ACCESS_CONTROL_ENTRY, 0,
          &(struct remove_access_control_entry_record){disk_1});
    apply(image, IMAGE_RECORD_REMOVE_USER_SCRAM_CREDENTIAL, 0,
          &(struct remove_user_scram_credential_record){SLICE("a"), 1});
    apply(image, IMAGE_RECORD_REMOVE_DELEGATION_TOKEN, 0,
          &(struct remove_delegation_token_record){SLICE("token")});
    struct remove_access_control_entry_record again = {disk_1};
    assert_int_equal(try_apply(image, IMAGE_RECORD_REMOVE_ACCESS_CONTROL_ENTRY, 0, &again, NULL),
                     -EBADMSG);
    struct image *migrated = image_create(1);
    add_feature(migrated, "metadata.version", 30);
    assert_int_equal(image_hash(migrated), without);
    apply(migrated, IMAGE_RECORD_ZK_MIGRATION_STATE, 0, &(struct zk_migration_state_record){3});
    assert_int_equal(image_hash(migrated), image_hash(image));
    image_destroy(migrated);
    image_destroy(image);
}

static void quotas_are_found_by_entity(void **state)
{
    (void)state;
    struct image *image = image_create(1);
    struct image_quota_part parts[2] = {{SLICE("client-id"), SLICE_NULL},
                                        {SLICE("user"), SLICE("a")}};
    struct slice cursor = SLICE_NULL;
    assert_null(image_quota(image, parts, 2));
    assert_null(image_quota_next(image, &cursor));
    assert_int_equal(add_quota(image, false, false, 10), 0);
    const struct image_quota *quota = image_quota(image, parts, 2);
    assert_non_null(quota);
    assert_int_equal(quota->part_count, 2);
    assert_true(*image_quota_value(quota, SLICE("producer_byte_rate")) == 10);
    assert_null(image_quota_value(quota, SLICE("consumer_byte_rate")));
    assert_true(slice_is_null(image_quota_part(quota, SLICE("client-id"))->name));
    assert_true(slice_equal(image_quota_part(quota, SLICE("user"))->name, SLICE("a")));
    assert_null(image_quota_part(quota, SLICE("ip")));

    /* Fewer parts, or the empty name for the default, are other entities. */
    assert_null(image_quota(image, parts, 1));
    parts[0].name = SLICE("");
    assert_null(image_quota(image, parts, 2));

    assert_int_equal(add_quota(image, true, false, 11), 0);
    assert_ptr_equal(image_quota_next(image, &cursor), quota);
    assert_true(quota->values[0].value == 11);
    assert_int_equal(quota->value_count, 1);
    assert_null(image_quota_next(image, &cursor));
    assert_int_equal(add_quota(image, false, true, 0), 0);
    cursor = SLICE_NULL;
    assert_null(image_quota_next(image, &cursor));
    assert_int_equal(add_quota(image, false, true, 0), 0); /* what is not there may be removed */
    image_destroy(image);
}

/* --- snapshots -------------------------------------------------------------------------------- */

static void a_snapshot_gives_an_equal_image(void **state)
{
    (void)state;
    static const int16_t levels[] = {7, 8, 17, 23, 30};
    for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
        struct image *image = image_create(1);
        assert_int_equal(apply_hex(image, kafka_broker), 0);
        assert_int_equal(apply_hex(image, kafka_controller), 0);
        add_feature(image, "metadata.version", levels[i]);
        add_topic(image, "b", &topic_b);
        add_topic(image, "a", &topic_a);
        for (int32_t p = 0; p < 20; p++)
            add_partition(image, &topic_a, p);
        set_config(image, IMAGE_RESOURCE_TOPIC, "a", "retention.ms", "-1");
        add_others(image);
        assert_int_equal(add_quota(image, true, false, 10), 0);
        struct image *copy = copy_of(image);
        assert_int_equal(image_hash(copy), image_hash(image));
        assert_int_equal(image_partition_count(copy), 20);
        const struct image_partition *partition =
            image_partition(image_topic_by_id(copy, &topic_a), 19);
        assert_int_equal(uuid_is_zero(&partition->directories[0]), levels[i] < 17);
        image_destroy(copy);
        image_destroy(image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_kafkas_bytes),
        cmocka_unit_test(topics_are_found_and_walked_by_name),
        cmocka_unit_test(a_gap_between_partitions_is_no_partition),
        cmocka_unit_test(a_partition_change_alters_what_it_names),
        cmocka_unit_test(replicas_that_stay_keep_their_directory),
        cmocka_unit_test(clearing_elr_touches_only_who_has_one),
        cmocka_unit_test(a_removed_topic_takes_its_settings_along),
        cmocka_unit_test(refuses_records_that_do_not_fit),
        cmocka_unit_test(settings_are_sorted_and_go_with_their_last),
        cmocka_unit_test(features_are_finalized_and_dropped),
        cmocka_unit_test(producer_ids_move_on),
        cmocka_unit_test(a_transaction_is_applied_at_its_end),
        cmocka_unit_test(an_aborted_transaction_never_was),
        cmocka_unit_test(keeps_whole_what_it_does_not_look_into),
        cmocka_unit_test(quotas_are_found_by_entity),
        cmocka_unit_test(a_snapshot_gives_an_equal_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

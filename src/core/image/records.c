#include "core/image/records.h"

#include <errno.h>

#include "base/varint.h"
#include "wire/codec.h"

enum {
    FRAME_VERSION = 1,
    /* metadata.version levels from which records have a newer version
     (MetadataVersion) */
    LEVEL_MIGRATION = 8,      /* 3.4-IV0 */
    LEVEL_DIRECTORIES = 17,   /* 3.7-IV2, KIP-858 */
    LEVEL_ELR = 23,           /* 4.0-IV1, KIP-966 */
    LEVEL_CORDONED_DIRS = 30, /* 4.3-IV0, KIP-1066 */
};

/* One function for each kind, with the decoded record as its own struct. */
#define APPLY(kind)                                                          \
    static int do_##kind(const struct image_applied *to, const void *record) \
    {                                                                        \
        return apply_##kind(to, record);                                     \
    }

APPLY(register_broker)
APPLY(unregister_broker)
APPLY(topic)
APPLY(partition)
APPLY(config)
APPLY(partition_change)
APPLY(fence_broker)
APPLY(unfence_broker)
APPLY(remove_topic)
APPLY(delegation_token)
APPLY(user_scram_credential)
APPLY(feature_level)
APPLY(client_quota)
APPLY(broker_registration_change)
APPLY(access_control_entry)
APPLY(remove_access_control_entry)
APPLY(remove_user_scram_credential)
APPLY(remove_delegation_token)
APPLY(register_controller)
APPLY(clear_elr)

static int do_producer_ids(const struct image_applied *to, const void *record)
{
    const struct producer_ids_record *ids = record;
    if (ids->next_producer_id < 0) return -EBADMSG;
    to->image->next_producer_id = ids->next_producer_id;
    image_tell(to->listener, &(struct image_change){.kind = IMAGE_PRODUCER_IDS_CHANGED});
    return 0;
}

static int do_zk_migration_state(const struct image_applied *to, const void *record)
{
    (void)record;
    return apply_zk_migration_state(to);
}

static int do_nothing(const struct image_applied *to, const void *record)
{
    (void)to;
    (void)record;
    return 0;
}

struct record_kind {
    const struct wire_message *message; /* NULL: no such kind */
    int (*apply)(const struct image_applied *to, const void *record);
};

static const struct record_kind kinds[IMAGE_RECORD_COUNT] = {
    [IMAGE_RECORD_REGISTER_BROKER] = {&wire_register_broker_record, do_register_broker},
    [IMAGE_RECORD_UNREGISTER_BROKER] = {&wire_unregister_broker_record, do_unregister_broker},
    [IMAGE_RECORD_TOPIC] = {&wire_topic_record, do_topic},
    [IMAGE_RECORD_PARTITION] = {&wire_partition_record, do_partition},
    [IMAGE_RECORD_CONFIG] = {&wire_config_record, do_config},
    [IMAGE_RECORD_PARTITION_CHANGE] = {&wire_partition_change_record, do_partition_change},
    [IMAGE_RECORD_FENCE_BROKER] = {&wire_fence_broker_record, do_fence_broker},
    [IMAGE_RECORD_UNFENCE_BROKER] = {&wire_unfence_broker_record, do_unfence_broker},
    [IMAGE_RECORD_REMOVE_TOPIC] = {&wire_remove_topic_record, do_remove_topic},
    [IMAGE_RECORD_DELEGATION_TOKEN] = {&wire_delegation_token_record, do_delegation_token},
    [IMAGE_RECORD_USER_SCRAM_CREDENTIAL] = {&wire_user_scram_credential_record,
                                            do_user_scram_credential},
    [IMAGE_RECORD_FEATURE_LEVEL] = {&wire_feature_level_record, do_feature_level},
    [IMAGE_RECORD_CLIENT_QUOTA] = {&wire_client_quota_record, do_client_quota},
    [IMAGE_RECORD_PRODUCER_IDS] = {&wire_producer_ids_record, do_producer_ids},
    [IMAGE_RECORD_BROKER_REGISTRATION_CHANGE] = {&wire_broker_registration_change_record,
                                                 do_broker_registration_change},
    [IMAGE_RECORD_ACCESS_CONTROL_ENTRY] = {&wire_access_control_entry_record,
                                           do_access_control_entry},
    [IMAGE_RECORD_REMOVE_ACCESS_CONTROL_ENTRY] = {&wire_remove_access_control_entry_record,
                                                  do_remove_access_control_entry},
    [IMAGE_RECORD_NO_OP] = {&wire_no_op_record, do_nothing},
    [IMAGE_RECORD_ZK_MIGRATION_STATE] = {&wire_zk_migration_state_record, do_zk_migration_state},
    [IMAGE_RECORD_REMOVE_USER_SCRAM_CREDENTIAL] = {&wire_remove_user_scram_credential_record,
                                                   do_remove_user_scram_credential},
    [IMAGE_RECORD_BEGIN_TRANSACTION] = {&wire_begin_transaction_record, do_nothing},
    [IMAGE_RECORD_END_TRANSACTION] = {&wire_end_transaction_record, do_nothing},
    [IMAGE_RECORD_ABORT_TRANSACTION] = {&wire_abort_transaction_record, do_nothing},
    [IMAGE_RECORD_REMOVE_DELEGATION_TOKEN] = {&wire_remove_delegation_token_record,
                                              do_remove_delegation_token},
    [IMAGE_RECORD_REGISTER_CONTROLLER] = {&wire_register_controller_record, do_register_controller},
    [IMAGE_RECORD_CLEAR_ELR] = {&wire_clear_elr_record, do_clear_elr},
};

int record_unframe(struct slice record, struct record_frame *frame)
{
    uint32_t frame_version;
    uint32_t kind;
    uint32_t version;
    int r = uvarint32_take(&record, &frame_version);
    if (r < 0) return r;
    if (frame_version != FRAME_VERSION) return -ENOTSUP;
    r = uvarint32_take(&record, &kind);
    if (r < 0) return r;
    r = uvarint32_take(&record, &version);
    if (r < 0) return r;
    if (kind >= IMAGE_RECORD_COUNT || kinds[kind].message == NULL) return -ENOTSUP;
    if (version > (uint32_t)wire_version_max(kinds[kind].message)) return -ENOTSUP;
    *frame = (struct record_frame){(enum image_record)kind, (int16_t)version, record};
    return 0;
}

int record_apply(const struct image_applied *to, const struct record_frame *frame)
{
    ASSERT(frame->kind < IMAGE_RECORD_COUNT);
    const struct record_kind *kind = &kinds[frame->kind];
    ASSERT(kind->message != NULL);
    struct arena *arena = &to->image->scratch;
    arena_reset(arena);
    void *record = arena_alloc(arena, wire_struct_size(kind->message));
    struct slice body = frame->body;
    int r = wire_decode(kind->message, frame->version, &body, arena, record);
    if (r < 0) return r;
    if (body.size > 0) return -EBADMSG;
    return kind->apply(to, record);
}

int image_encode(enum image_record kind, int16_t version, const void *record, struct writer *writer)
{
    ASSERT(kind < IMAGE_RECORD_COUNT);
    ASSERT(kinds[kind].message != NULL);
    ASSERT(version >= 0);
    writer_put_uvarint(writer, FRAME_VERSION);
    writer_put_uvarint(writer, kind);
    writer_put_uvarint(writer, (uint64_t)version);
    return wire_encode(kinds[kind].message, version, record, writer, NULL);
}

int16_t image_record_version(enum image_record kind, int16_t metadata_version)
{
    ASSERT(kind < IMAGE_RECORD_COUNT);
    bool directories = metadata_version >= LEVEL_DIRECTORIES;
    if (kind == IMAGE_RECORD_PARTITION || kind == IMAGE_RECORD_PARTITION_CHANGE)
        return metadata_version >= LEVEL_ELR ? 2 : directories ? 1 : 0;
    if (kind == IMAGE_RECORD_REGISTER_BROKER) {
        if (metadata_version >= LEVEL_CORDONED_DIRS) return 4;
        if (directories) return 3;
        return metadata_version >= LEVEL_MIGRATION ? 2 : 1;
    }
    /* Of a change of registration Kafka writes the least version that carries
     * what changed. */
    return 0;
}

/* Which messages the records of the internal topics are, and how they are framed. */
#include "cli/internal_record.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/varint.h"
#include "wire/codec.h"
#include "wire/messages.h"

enum { METADATA_FRAME_VERSION = 1 };

/* --- the messages ----------------------------------------------------------------------------- */

static const struct wire_message *const metadata_records[] = {
    &wire_register_broker_record,
    &wire_unregister_broker_record,
    &wire_topic_record,
    &wire_partition_record,
    &wire_config_record,
    &wire_partition_change_record,
    &wire_fence_broker_record,
    &wire_unfence_broker_record,
    &wire_remove_topic_record,
    &wire_delegation_token_record,
    &wire_user_scram_credential_record,
    &wire_feature_level_record,
    &wire_client_quota_record,
    &wire_producer_ids_record,
    &wire_broker_registration_change_record,
    &wire_access_control_entry_record,
    &wire_remove_access_control_entry_record,
    &wire_no_op_record,
    &wire_zk_migration_state_record,
    &wire_remove_user_scram_credential_record,
    &wire_begin_transaction_record,
    &wire_end_transaction_record,
    &wire_abort_transaction_record,
    &wire_remove_delegation_token_record,
    &wire_register_controller_record,
    &wire_clear_elr_record,
};

/* What a coordinator writes: the key's first number is the id of the pair. */
struct pair {
    const struct wire_message *key;
    const struct wire_message *value;
};

static const struct pair offsets_pairs[] = {
    {&wire_legacy_offset_commit_key, &wire_legacy_offset_commit_value},
    {&wire_offset_commit_key, &wire_offset_commit_value},
    {&wire_group_metadata_key, &wire_group_metadata_value},
    {&wire_consumer_group_metadata_key, &wire_consumer_group_metadata_value},
    {&wire_consumer_group_partition_metadata_key, &wire_consumer_group_partition_metadata_value},
    {&wire_consumer_group_member_metadata_key, &wire_consumer_group_member_metadata_value},
    {&wire_consumer_group_target_assignment_metadata_key,
     &wire_consumer_group_target_assignment_metadata_value},
    {&wire_consumer_group_target_assignment_member_key,
     &wire_consumer_group_target_assignment_member_value},
    {&wire_consumer_group_current_member_assignment_key,
     &wire_consumer_group_current_member_assignment_value},
    {&wire_consumer_group_regular_expression_key, &wire_consumer_group_regular_expression_value},
    {&wire_share_group_metadata_key, &wire_share_group_metadata_value},
    {&wire_share_group_member_metadata_key, &wire_share_group_member_metadata_value},
    {&wire_share_group_target_assignment_metadata_key,
     &wire_share_group_target_assignment_metadata_value},
    {&wire_share_group_target_assignment_member_key,
     &wire_share_group_target_assignment_member_value},
    {&wire_share_group_current_member_assignment_key,
     &wire_share_group_current_member_assignment_value},
    {&wire_share_group_state_partition_metadata_key,
     &wire_share_group_state_partition_metadata_value},
    {&wire_streams_group_metadata_key, &wire_streams_group_metadata_value},
    {&wire_streams_group_member_metadata_key, &wire_streams_group_member_metadata_value},
    {&wire_streams_group_topology_key, &wire_streams_group_topology_value},
    {&wire_streams_group_target_assignment_metadata_key,
     &wire_streams_group_target_assignment_metadata_value},
    {&wire_streams_group_target_assignment_member_key,
     &wire_streams_group_target_assignment_member_value},
    {&wire_streams_group_current_member_assignment_key,
     &wire_streams_group_current_member_assignment_value},
};

static const struct pair transactions_pairs[] = {
    {&wire_transaction_log_key, &wire_transaction_log_value},
};

static const struct pair share_pairs[] = {
    {&wire_share_snapshot_key, &wire_share_snapshot_value},
    {&wire_share_update_key, &wire_share_update_value},
};

/* By the type in a control record's key. (ControlRecordType) */
static const struct {
    const char *name;
    const struct wire_message *message;
} control_records[] = {
    {"ABORT", &wire_end_txn_marker},
    {"COMMIT", &wire_end_txn_marker},
    {"LEADER_CHANGE", &wire_leader_change_message},
    {"SNAPSHOT_HEADER", &wire_snapshot_header_record},
    {"SNAPSHOT_FOOTER", &wire_snapshot_footer_record},
    {"KRAFT_VERSION", &wire_kraft_version_record},
    {"KRAFT_VOTERS", &wire_voters_record},
};
enum { CONTROL_COMMIT = 1 };

enum internal_topic internal_topic_of(struct slice name)
{
    if (slice_starts_with(name, SLICE("__cluster_metadata"))) return INTERNAL_METADATA;
    if (slice_starts_with(name, SLICE("__consumer_offsets"))) return INTERNAL_OFFSETS;
    if (slice_starts_with(name, SLICE("__transaction_state"))) return INTERNAL_TRANSACTIONS;
    if (slice_starts_with(name, SLICE("__share_group_state"))) return INTERNAL_SHARE;
    return INTERNAL_NONE;
}

/* --- printing --------------------------------------------------------------------------------- */

static int print_message(const struct wire_message *message, int16_t version, struct slice body,
                         struct arena *arena, struct writer *out)
{
    void *value = arena_alloc(arena, wire_struct_size(message));
    int r = wire_decode(message, version, &body, arena, value);
    if (r < 0) return r;
    writer_printf(out, "%s v%d ", wire_message_name(message), version);
    wire_print(message, version, value, out);
    return 0;
}

static int take_int16(struct slice *from, int16_t *value)
{
    struct slice taken;
    int r = slice_take(from, sizeof(*value), &taken);
    if (r == 0) *value = (int16_t)load_be16(taken.data);
    return r;
}

/* Frame version, kind and version are varints, then the body. (MetadataRecordSerde) */
static int print_metadata(struct slice value, struct arena *arena, struct writer *out)
{
    uint32_t frame, kind, version;
    int r = uvarint32_take(&value, &frame);
    if (r == 0) r = uvarint32_take(&value, &kind);
    if (r == 0) r = uvarint32_take(&value, &version);
    if (r < 0) return r;
    if (frame != METADATA_FRAME_VERSION || kind > INT16_MAX || version > INT16_MAX) return -ENOTSUP;
    for (size_t i = 0; i < ARRAY_COUNT(metadata_records); i++) {
        if (wire_message_id(metadata_records[i]) == (int16_t)kind)
            return print_message(metadata_records[i], (int16_t)version, value, arena, out);
    }
    return -ENOTSUP;
}

/* Key: id, its message in version 0. Value: version, its message. (CoordinatorRecordSerde) */
static int print_pair(const struct pair *pairs, size_t count, const struct record *record,
                      struct arena *arena, struct writer *out)
{
    struct slice key = record->key;
    struct slice value = record->value;
    int16_t id, version;
    int r = take_int16(&key, &id);
    if (r < 0) return r;
    for (size_t i = 0; i < count; i++) {
        if (wire_message_id(pairs[i].key) != id) continue;
        r = print_message(pairs[i].key, wire_version_min(pairs[i].key), key, arena, out);
        if (r < 0) return r;
        writer_printf(out, " = ");
        if (slice_is_null(value)) {
            writer_printf(out, "null");
            return 0;
        }
        r = take_int16(&value, &version);
        return r < 0 ? r : print_message(pairs[i].value, version, value, arena, out);
    }
    return -ENOTSUP;
}

/* Key: version, type. Value: of transaction markers a version ahead of the message; the others'
 * messages have it as their first field. (EndTransactionMarker, ControlRecordUtils) */
static int print_control(const struct record *record, struct arena *arena, struct writer *out)
{
    struct slice key = record->key;
    struct slice value = record->value;
    int16_t key_version, type, version;
    int r = take_int16(&key, &key_version);
    if (r == 0) r = take_int16(&key, &type);
    if (r == 0) r = take_int16(&value, &version);
    if (r < 0) return r;
    if (type < 0 || type >= (int16_t)ARRAY_COUNT(control_records)) return -ENOTSUP;
    writer_printf(out, "%s ", control_records[type].name);
    if (type > CONTROL_COMMIT) value = record->value;
    return print_message(control_records[type].message, version, value, arena, out);
}

static int print_by_topic(enum internal_topic topic, const struct record *record,
                          struct arena *arena, struct writer *out)
{
    switch (topic) {
    case INTERNAL_NONE:
        return -ENOTSUP;
    case INTERNAL_METADATA:
        return print_metadata(record->value, arena, out);
    case INTERNAL_OFFSETS:
        return print_pair(offsets_pairs, ARRAY_COUNT(offsets_pairs), record, arena, out);
    case INTERNAL_TRANSACTIONS:
        return print_pair(transactions_pairs, ARRAY_COUNT(transactions_pairs), record, arena, out);
    case INTERNAL_SHARE:
        return print_pair(share_pairs, ARRAY_COUNT(share_pairs), record, arena, out);
    }
    return -ENOTSUP;
}

int internal_record_print(enum internal_topic topic, bool is_control, const struct record *record,
                          struct arena *arena, struct writer *out)
{
    size_t before = out->size;
    int r =
        is_control ? print_control(record, arena, out) : print_by_topic(topic, record, arena, out);
    if (r < 0) out->size = before;
    return r;
}

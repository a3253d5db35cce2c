/* Records of `__consumer_offsets`: two bytes of the key say of what kind a record is, two bytes of
 * the value in which version it is. (CoordinatorRecordSerde, GroupCoordinatorShard.replay) */
#include "base/bytes.h"
#include "core/group/group_private.h"

enum { PREFIX_SIZE = 2 };

/* The kinds that make groups and offsets of ours. Others are Kafka's, too, but nobody can have
 * written them through this coordinator; or they are of a later Kafka. Either way they are left
 * alone. (UnknownRecordTypeException: "Ignoring it. It could be a left over from an aborted
 * upgrade.") */
enum record_kind {
    RECORD_LEGACY_OFFSET_COMMIT = 0,
    RECORD_OFFSET_COMMIT = 1,
    RECORD_GROUP_METADATA = 2,
};

int group_decode_value(struct groups *groups, const struct wire_message *message,
                       struct slice value, void *decoded)
{
    ASSERT(!slice_is_null(value));
    struct slice prefix;
    if (slice_take(&value, PREFIX_SIZE, &prefix) < 0) return -EBADMSG;
    int16_t version = (int16_t)load_be16(prefix.data);
    int r = wire_decode(message, version, &value, &groups->scratch, decoded);
    if (r == -ENOTSUP) return r;
    return r < 0 || value.size > 0 ? -EBADMSG : 0;
}

static int decode_key(struct groups *groups, const struct wire_message *message, struct slice key,
                      void *decoded)
{
    int r = wire_decode(message, 0, &key, &groups->scratch, decoded);
    return r < 0 || key.size > 0 ? -EBADMSG : 0;
}

static int apply_legacy_offset(struct groups *groups, struct slice key, struct slice value,
                               int64_t producer_id)
{
    struct legacy_offset_commit_key legacy;
    int r = decode_key(groups, &wire_legacy_offset_commit_key, key, &legacy);
    if (r < 0) return r;
    struct offset_commit_key named = {legacy.group, legacy.topic, legacy.partition};
    return offsets_apply(groups, &named, value, producer_id);
}

static int apply_offset(struct groups *groups, struct slice key, struct slice value,
                        int64_t producer_id)
{
    struct offset_commit_key named;
    int r = decode_key(groups, &wire_offset_commit_key, key, &named);
    return r < 0 ? r : offsets_apply(groups, &named, value, producer_id);
}

static int apply_group(struct groups *groups, struct slice key, struct slice value)
{
    struct group_metadata_key named;
    int r = decode_key(groups, &wire_group_metadata_key, key, &named);
    return r < 0 ? r : classic_apply(groups, &named, value);
}

int group_apply(void *state, const struct machine_record *record,
                const struct machine_origin *origin)
{
    struct groups *groups = state;
    struct slice key = record->key, prefix;
    arena_reset(&groups->scratch);
    if (slice_take(&key, PREFIX_SIZE, &prefix) < 0) return -EBADMSG;
    switch (load_be16(prefix.data)) {
    case RECORD_LEGACY_OFFSET_COMMIT:
        return apply_legacy_offset(groups, key, record->value, origin->producer_id);
    case RECORD_OFFSET_COMMIT:
        return apply_offset(groups, key, record->value, origin->producer_id);
    case RECORD_GROUP_METADATA:
        return apply_group(groups, key, record->value);
    default:
        return 0;
    }
}

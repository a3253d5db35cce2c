/* The offsets of groups: what records make of them, and how they go. (OffsetMetadataManager) */
#include "core/group/offsets.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "core/group/kinds.h"

enum { NOT_PENDING = -1 };

/* --- the table -------------------------------------------------------------------------------- */

/* A key to look with; of no longer life than the buffer. */
enum { KEY_SIZE_MAX = 8 + INT16_MAX + 4 };

static struct slice key_of(uint8_t buffer[static KEY_SIZE_MAX], int64_t producer_id,
                           struct slice topic, int32_t partition)
{
    ASSERT(topic.size <= INT16_MAX);
    size_t size = 0;
    if (producer_id != NOT_PENDING) {
        store_be64(buffer, (uint64_t)producer_id);
        size += 8;
    }
    if (topic.size > 0) memcpy(buffer + size, topic.data, topic.size);
    size += topic.size;
    store_be32(buffer + size, (uint32_t)partition);
    return (struct slice){buffer, size + 4};
}

static struct offset *offset_create(const struct offset *like)
{
    uint8_t buffer[KEY_SIZE_MAX];
    struct slice key = key_of(buffer, like->producer_id, like->topic, like->partition);
    struct offset *offset = memory_alloc(sizeof(*offset) + key.size + like->metadata.size);
    uint8_t *bytes = (uint8_t *)(offset + 1);
    *offset = *like;
    memcpy(bytes, key.data, key.size);
    offset->key = (struct slice){bytes, key.size};
    offset->topic = (struct slice){bytes + (key.size - like->topic.size - 4), like->topic.size};
    offset->metadata = (struct slice){bytes + key.size, like->metadata.size};
    if (like->metadata.size > 0) memcpy(bytes + key.size, like->metadata.data, like->metadata.size);
    return offset;
}

/* NULL: there is none. */
static struct offset *take(struct map *map, int64_t producer_id, struct slice topic,
                           int32_t partition)
{
    uint8_t buffer[KEY_SIZE_MAX];
    return map_remove(map, key_of(buffer, producer_id, topic, partition));
}

static void put(struct group *group, const struct offset *like)
{
    bool pending = like->producer_id != NOT_PENDING;
    struct map *map = pending ? &group->pending : &group->offsets;
    struct offset *former = take(map, like->producer_id, like->topic, like->partition);
    struct offset *offset = offset_create(like);
    map_put(map, offset->key, offset);
    if (!pending && former == NULL) group->groups->offset_count++;
    memory_free(former);
}

const struct offset *offset_find(const struct group *group, struct slice topic, int32_t partition)
{
    uint8_t buffer[KEY_SIZE_MAX];
    return map_get(&group->offsets, key_of(buffer, NOT_PENDING, topic, partition));
}

bool offset_is_pending(const struct group *group, struct slice topic, int32_t partition)
{
    size_t cursor = 0;
    const struct offset *offset;
    while ((offset = map_next(&group->pending, &cursor)) != NULL)
        if (offset->partition == partition && slice_equal(offset->topic, topic)) return true;
    return false;
}

static int compare(const void *a, const void *b)
{
    const struct offset *left = *(const struct offset *const *)a;
    const struct offset *right = *(const struct offset *const *)b;
    int by_topic = slice_compare(left->topic, right->topic);
    if (by_topic != 0) return by_topic;
    return (left->partition > right->partition) - (left->partition < right->partition);
}

const struct offset **offset_sort(const struct group *group, struct arena *arena, int32_t *count)
{
    size_t size = map_count(&group->offsets), cursor = 0;
    const struct offset **sorted = arena_alloc(arena, size * sizeof(const struct offset *));
    for (size_t i = 0; i < size; i++)
        sorted[i] = map_next(&group->offsets, &cursor);
    qsort(sorted, size, sizeof(const struct offset *), compare);
    *count = (int32_t)size;
    return sorted;
}

static void empty(struct map *map)
{
    size_t cursor = 0;
    struct offset *offset;
    while ((offset = map_next(map, &cursor)) != NULL) {
        map_remove(map, offset->key);
        memory_free(offset);
    }
    map_deinit(map);
}

void offsets_destroy(struct group *group)
{
    group->groups->offset_count -= (int64_t)map_count(&group->offsets);
    empty(&group->offsets);
    empty(&group->pending);
}

/* --- records ---------------------------------------------------------------------------------- */

/* A tombstone takes what is pending with it, whoever's it is. (OffsetMetadataManager.replay) */
static void forget(struct group *group, struct slice topic, int32_t partition)
{
    struct offset *offset = take(&group->offsets, NOT_PENDING, topic, partition);
    if (offset != NULL) group->groups->offset_count--;
    memory_free(offset);
    size_t cursor = 0;
    while ((offset = map_next(&group->pending, &cursor)) != NULL) {
        if (offset->partition != partition || !slice_equal(offset->topic, topic)) continue;
        map_remove(&group->pending, offset->key);
        memory_free(offset);
    }
}

int offsets_apply(struct groups *groups, const struct offset_commit_key *key, struct slice value,
                  int64_t producer_id)
{
    struct group *group = group_find(groups, key->group);
    if (slice_is_null(value)) {
        if (group != NULL) forget(group, key->topic, key->partition);
        return 0;
    }
    struct offset_commit_value decoded;
    int r = group_decode_value(groups, &wire_offset_commit_value, value, &decoded);
    if (r < 0) return r;
    if (group == NULL) group = group_make_classic(groups, key->group);
    struct offset like = {
        .topic = key->topic,
        .metadata = decoded.metadata,
        .producer_id = producer_id < 0 ? NOT_PENDING : producer_id,
        .committed = decoded.offset,
        .commit_ms = decoded.commit_timestamp,
        .expire_ms = decoded.expire_timestamp,
        .topic_id = decoded.topic_id,
        .partition = key->partition,
        .leader_epoch = decoded.leader_epoch,
    };
    put(group, &like);
    return 0;
}

static void end_transaction(struct group *group, int64_t producer_id, bool committed)
{
    size_t cursor = 0;
    struct offset *offset;
    while ((offset = map_next(&group->pending, &cursor)) != NULL) {
        if (offset->producer_id != producer_id) continue;
        map_remove(&group->pending, offset->key);
        offset->producer_id = NOT_PENDING;
        if (committed) put(group, offset);
        memory_free(offset);
    }
}

void groups_transaction_ended(struct groups *groups, int64_t producer_id, bool committed)
{
    ASSERT(producer_id >= 0);
    size_t cursor = 0;
    struct group *group;
    while ((group = map_next(&groups->by_id, &cursor)) != NULL)
        end_transaction(group, producer_id, committed);
}

/* --- going ------------------------------------------------------------------------------------ */

void offset_plan_tombstone(const struct group *group, const struct offset *offset,
                           struct machine_plan *plan)
{
    struct offset_commit_key key = {group->id, offset->topic, offset->partition};
    machine_plan_record(plan, &wire_offset_commit_key, &key, NULL, 0, NULL);
}

void offsets_plan_delete_all(struct group *group, struct machine_plan *plan)
{
    int32_t count;
    const struct offset **sorted = offset_sort(group, &plan->arena, &count);
    for (int32_t i = 0; i < count; i++)
        offset_plan_tombstone(group, sorted[i], plan);
    size_t cursor = 0;
    const struct offset *offset;
    while ((offset = map_next(&group->pending, &cursor)) != NULL)
        if (offset_find(group, offset->topic, offset->partition) == NULL)
            offset_plan_tombstone(group, offset, plan);
}

void offsets_plan_topic_deleted(struct group *group, struct slice topic, struct machine_plan *plan)
{
    size_t cursor = 0;
    const struct offset *offset;
    while ((offset = map_next(&group->offsets, &cursor)) != NULL)
        if (slice_equal(offset->topic, topic)) offset_plan_tombstone(group, offset, plan);
    cursor = 0;
    while ((offset = map_next(&group->pending, &cursor)) != NULL)
        if (slice_equal(offset->topic, topic) &&
            offset_find(group, offset->topic, offset->partition) == NULL)
            offset_plan_tombstone(group, offset, plan);
}

/* (OffsetExpirationConditionImpl) */
static bool is_expired(const struct offset *offset, enum group_expiry expiry, int64_t empty_ms,
                       const struct group_input *input)
{
    int64_t now_ms = input->time.now_ms;
    if (offset->expire_ms >= 0) return now_ms >= offset->expire_ms;
    int64_t retention_ms =
        settings_number(input->settings, SETTING_OFFSETS_RETENTION_MINUTES) * 60 * 1000;
    bool since_empty = expiry == GROUP_EXPIRY_SINCE_EMPTY && empty_ms >= 0;
    return now_ms - (since_empty ? empty_ms : offset->commit_ms) >= retention_ms;
}

bool offsets_plan_expiry(struct group *group, const struct group_input *input,
                         struct machine_plan *plan)
{
    int64_t empty_ms = -1;
    enum group_expiry expiry = group_calls(group)->expiry(group, &empty_ms);
    bool bare = map_count(&group->pending) == 0;
    if (map_count(&group->offsets) == 0) return bare;
    if (expiry == GROUP_EXPIRY_NEVER) return false;
    size_t cursor = 0;
    const struct offset *offset;
    while ((offset = map_next(&group->offsets, &cursor)) != NULL) {
        if (plan->record_count < GROUP_EXPIRY_RECORDS_MAX &&
            is_expired(offset, expiry, empty_ms, input) &&
            !group_calls(group)->is_subscribed(group, offset->topic) &&
            !offset_is_pending(group, offset->topic, offset->partition))
            offset_plan_tombstone(group, offset, plan);
        else
            bare = false;
    }
    return bare;
}

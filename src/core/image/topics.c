/* Topics and partitions: TopicRecord, PartitionRecord, PartitionChangeRecord,
 * RemoveTopicRecord, ClearElrRecord. (TopicsImage, PartitionRegistration) */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/image/state.h"

enum { NO_LEADER_CHANGE = -2 }; /* LeaderConstants */

struct topic {
    struct order_item item; /* the key is the topic's name */
    struct image_topic topic;
    int32_t capacity; /* partitions that there is room for */
};

/* An array of broker ids that somebody else owns. */
struct ids {
    const int32_t *items;
    int32_t count; /* -1: null */
};

/* --- a partition's arrays --------------------------------------------------------------------- */

static int32_t *take_ids(int32_t **room, struct ids ids)
{
    ASSERT(ids.count >= 0);
    int32_t *at = *room;
    if (ids.count > 0) memcpy(at, ids.items, (size_t)ids.count * sizeof(*at));
    *room += ids.count;
    return at;
}

/* Replaces all arrays of `partition` by copies of those in `from`, in one
 * allocation. `from` may point into the partition's present arrays. */
static void set_arrays(struct image_partition *partition, const struct image_partition *from)
{
    ASSERT(from->replica_count > 0);
    size_t id_count = (size_t)from->replica_count + (size_t)from->isr_count +
                      (size_t)from->elr_count + (size_t)from->last_known_elr_count +
                      (size_t)from->adding_count + (size_t)from->removing_count;
    size_t directories_size = (size_t)from->replica_count * sizeof(struct uuid);
    int32_t *memory = memory_alloc(id_count * sizeof(int32_t) + directories_size);
    int32_t *room = memory;
    struct image_partition new = *from;
    new.replicas = take_ids(&room, (struct ids){from->replicas, from->replica_count});
    new.isr = take_ids(&room, (struct ids){from->isr, from->isr_count});
    new.elr = take_ids(&room, (struct ids){from->elr, from->elr_count});
    new.last_known_elr =
        take_ids(&room, (struct ids){from->last_known_elr, from->last_known_elr_count});
    new.adding = take_ids(&room, (struct ids){from->adding, from->adding_count});
    new.removing = take_ids(&room, (struct ids){from->removing, from->removing_count});
    ASSERT(room == memory + id_count);
    new.directories = (struct uuid *)room;
    if (directories_size > 0) memcpy(new.directories, from->directories, directories_size);
    memory_free(partition->replicas);
    *partition = new;
}

/* Where the replicas live, one for each: as told, else where the same broker's
 * replica lived before, else not known (DirectoryId.MIGRATING, which is all
 * zero). */
static struct uuid *match_directories(struct image *image, const struct image_partition *old,
                                      struct ids replicas, const struct uuid *told,
                                      int32_t told_count)
{
    struct uuid *directories =
        arena_alloc(&image->scratch, (size_t)replicas.count * sizeof(directories[0]));
    if (told_count == replicas.count) {
        if (told_count > 0) memcpy(directories, told, (size_t)told_count * sizeof(told[0]));
        return directories;
    }
    for (int32_t i = 0; i < replicas.count; i++) {
        for (int32_t j = 0; j < old->replica_count; j++) {
            if (old->replicas[j] == replicas.items[i]) directories[i] = old->directories[j];
        }
    }
    return directories;
}

/* --- topics ----------------------------------------------------------------------------------- */

static struct topic *topic_by_id(const struct image *image, const struct uuid *id)
{
    return map_get(&image->topics_by_id, MAP_KEY(*id));
}

static void topic_free(struct topic *topic)
{
    for (int32_t i = 0; i < topic->topic.partition_count; i++)
        memory_free(topic->topic.partitions[i].replicas);
    memory_free(topic->topic.partitions);
    image_forget(topic->topic.name);
    memory_free(topic);
}

int apply_topic(const struct image_applied *to, const struct topic_record *record)
{
    struct image *image = to->image;
    if (slice_is_null(record->name)) return -EBADMSG;
    if (map_get(&image->topics_by_name, record->name) != NULL) return -EBADMSG;
    if (topic_by_id(image, &record->topic_id) != NULL) return -EBADMSG;
    struct topic *topic = memory_alloc_zero(sizeof(*topic));
    topic->topic.name = image_keep(record->name);
    topic->topic.id = record->topic_id;
    topic->item.key = topic->topic.name;
    map_put(&image->topics_by_name, topic->topic.name, topic);
    map_put(&image->topics_by_id, MAP_KEY(topic->topic.id), topic);
    order_put(&image->topics, &topic->item);
    ASSERT(map_count(&image->topics_by_name) == map_count(&image->topics_by_id));
    image_tell(to->listener, &(struct image_change){.kind = IMAGE_TOPIC_CREATED,
                                                    .topic_id = record->topic_id,
                                                    .name = topic->topic.name});
    return 0;
}

int apply_remove_topic(const struct image_applied *to, const struct remove_topic_record *record)
{
    struct image *image = to->image;
    struct topic *topic = topic_by_id(image, &record->topic_id);
    if (topic == NULL) return -EBADMSG;
    ASSERT(map_get(&image->topics_by_name, topic->topic.name) == topic);
    map_remove(&image->topics_by_name, topic->topic.name);
    map_remove(&image->topics_by_id, MAP_KEY(topic->topic.id));
    order_remove(&image->topics, &topic->item);
    for (int32_t i = 0; i < topic->topic.partition_count; i++)
        image->partition_count -= topic->topic.partitions[i].replicas != NULL;
    ASSERT(image->partition_count >= 0);
    /* Its settings go with it, without records of their own.
     * (MetadataDelta.replay) */
    configs_remove_topic(image, topic->topic.name);
    image_tell(to->listener, &(struct image_change){.kind = IMAGE_TOPIC_DELETED,
                                                    .topic_id = record->topic_id,
                                                    .name = topic->topic.name});
    topic_free(topic);
    return 0;
}

/* --- partitions ------------------------------------------------------------------------------- */

static void tell_partition(const struct image_applied *to, const struct topic *topic, int32_t index)
{
    image_tell(to->listener, &(struct image_change){.kind = IMAGE_PARTITION_CHANGED,
                                                    .topic_id = topic->topic.id,
                                                    .name = topic->topic.name,
                                                    .partition = index});
}

/* The place of partition `index`, empty if it is new. Records of a snapshot may
 * come in any order, so there may be gaps for a while. */
static struct image_partition *partition_place(struct topic *topic, int32_t index)
{
    ASSERT(index >= 0);
    ASSERT(index < IMAGE_PARTITIONS_MAX);
    if (index >= topic->capacity) {
        /* One by one at first: most topics have few partitions and never get more. */
        int32_t capacity = topic->capacity + topic->capacity / 8 + 1;
        if (capacity <= index) capacity = index + 1;
        topic->topic.partitions = memory_grow(
            topic->topic.partitions, (size_t)capacity * sizeof(topic->topic.partitions[0]));
        topic->capacity = capacity;
    }
    while (topic->topic.partition_count <= index)
        topic->topic.partitions[topic->topic.partition_count++] = (struct image_partition){0};
    ASSERT(topic->topic.partition_count <= topic->capacity);
    return &topic->topic.partitions[index];
}

int apply_partition(const struct image_applied *to, const struct partition_record *record)
{
    struct image *image = to->image;
    struct topic *topic = topic_by_id(image, &record->topic_id);
    if (topic == NULL) return -EBADMSG;
    if (record->partition_id < 0 || record->partition_id >= IMAGE_PARTITIONS_MAX) return -EBADMSG;
    if (record->replicas_count < 1) return -EBADMSG;
    struct image_partition *partition = partition_place(topic, record->partition_id);
    if (partition->replicas == NULL) image->partition_count++;
    struct ids replicas = {record->replicas, record->replicas_count};
    struct image_partition new = {
        .replicas = record->replicas,
        .replica_count = record->replicas_count,
        .isr = record->isr,
        .isr_count = record->isr_count,
        .adding = record->adding_replicas,
        .adding_count = record->adding_replicas_count,
        .removing = record->removing_replicas,
        .removing_count = record->removing_replicas_count,
        .elr = record->eligible_leader_replicas,
        .elr_count = record->eligible_leader_replicas_count,
        .last_known_elr = record->last_known_elr,
        .last_known_elr_count = record->last_known_elr_count,
        .leader = record->leader,
        .leader_epoch = record->leader_epoch,
        .partition_epoch = record->partition_epoch,
        .leader_recovery_state = record->leader_recovery_state,
    };
    if (new.elr_count < 0) new.elr_count = 0;
    if (new.last_known_elr_count < 0) new.last_known_elr_count = 0;
    new.directories = match_directories(image, &(struct image_partition){0}, replicas,
                                        record->directories, record->directories_count);
    set_arrays(partition, &new);
    tell_partition(to, topic, record->partition_id);
    return 0;
}

/* `changed` instead of what stands, unless it is null. */
static void change_ids(int32_t **items, int32_t *count, int32_t *changed, int32_t changed_count)
{
    if (changed_count < 0) return;
    *items = changed;
    *count = changed_count;
}

/* What a PartitionChangeRecord makes of a partition.
 * (PartitionRegistration.merge) */
static void partition_merge(struct image *image, struct image_partition *partition,
                            const struct partition_change_record *record)
{
    ASSERT(partition->replicas != NULL);
    struct image_partition new = *partition;
    change_ids(&new.replicas, &new.replica_count, record->replicas, record->replicas_count);
    change_ids(&new.isr, &new.isr_count, record->isr, record->isr_count);
    change_ids(&new.adding, &new.adding_count, record->adding_replicas,
               record->adding_replicas_count);
    change_ids(&new.removing, &new.removing_count, record->removing_replicas,
               record->removing_replicas_count);
    change_ids(&new.elr, &new.elr_count, record->eligible_leader_replicas,
               record->eligible_leader_replicas_count);
    change_ids(&new.last_known_elr, &new.last_known_elr_count, record->last_known_elr,
               record->last_known_elr_count);
    new.directories =
        match_directories(image, partition, (struct ids){new.replicas, new.replica_count},
                          record->directories, record->directories_count);
    if (record->leader != NO_LEADER_CHANGE) {
        new.leader = record->leader;
        new.leader_epoch++;
    }
    if (record->leader_recovery_state >= 0)
        new.leader_recovery_state = record->leader_recovery_state;
    new.partition_epoch++;
    set_arrays(partition, &new);
}

int apply_partition_change(const struct image_applied *to,
                           const struct partition_change_record *record)
{
    struct topic *topic = topic_by_id(to->image, &record->topic_id);
    if (topic == NULL) return -EBADMSG;
    if (image_partition(&topic->topic, record->partition_id) == NULL) return -EBADMSG;
    if (record->replicas_count == 0) return -EBADMSG;
    partition_merge(to->image, &topic->topic.partitions[record->partition_id], record);
    tell_partition(to, topic, record->partition_id);
    return 0;
}

/* Nobody is eligible any more; who is in sync and who leads stays.
 * (TopicDelta.replay) */
static void clear_elr(const struct image_applied *to, struct topic *topic)
{
    for (int32_t i = 0; i < topic->topic.partition_count; i++) {
        struct image_partition *partition = &topic->topic.partitions[i];
        if (partition->elr_count == 0 && partition->last_known_elr_count == 0) continue;
        ASSERT(partition->replicas != NULL);
        struct image_partition new = *partition;
        new.elr_count = 0;
        new.last_known_elr_count = 0;
        new.partition_epoch++;
        set_arrays(partition, &new);
        tell_partition(to, topic, i);
    }
}

int apply_clear_elr(const struct image_applied *to, const struct clear_elr_record *record)
{
    if (record->topic_name.size > 0) {
        struct topic *topic = map_get(&to->image->topics_by_name, record->topic_name);
        if (topic == NULL) return -EBADMSG;
        clear_elr(to, topic);
        return 0;
    }
    struct order_item *item = order_first(&to->image->topics);
    for (; item != NULL; item = order_after(&to->image->topics, item->key))
        clear_elr(to, CONTAINER_OF(item, struct topic, item));
    return 0;
}

/* --- snapshot, end of life -------------------------------------------------------------------- */

static int partition_write(const struct topic *topic, int32_t index, struct image_sink *sink)
{
    const struct image_partition *partition = &topic->topic.partitions[index];
    ASSERT(partition->replicas != NULL);
    ASSERT(partition->replica_count > 0);
    int16_t version = image_record_version(IMAGE_RECORD_PARTITION, sink->metadata_version);
    struct partition_record record = {
        .partition_id = index,
        .topic_id = topic->topic.id,
        .replicas = partition->replicas,
        .replicas_count = partition->replica_count,
        .isr = partition->isr,
        .isr_count = partition->isr_count,
        .removing_replicas = partition->removing,
        .removing_replicas_count = partition->removing_count,
        .adding_replicas = partition->adding,
        .adding_replicas_count = partition->adding_count,
        .leader = partition->leader,
        .leader_recovery_state = partition->leader_recovery_state,
        .leader_epoch = partition->leader_epoch,
        .partition_epoch = partition->partition_epoch,
        .eligible_leader_replicas_count = -1,
        .last_known_elr_count = -1,
    };
    if (version >= 1) {
        record.directories = partition->directories;
        record.directories_count = partition->replica_count;
    }
    /* Tagged: left out when empty. (PartitionRegistration.toRecord) */
    if (version >= 2 && partition->elr_count > 0) {
        record.eligible_leader_replicas = partition->elr;
        record.eligible_leader_replicas_count = partition->elr_count;
    }
    if (version >= 2 && partition->last_known_elr_count > 0) {
        record.last_known_elr = partition->last_known_elr;
        record.last_known_elr_count = partition->last_known_elr_count;
    }
    return image_sink_put(sink, IMAGE_RECORD_PARTITION, &record);
}

int topics_write(const struct image *image, struct image_sink *sink)
{
    struct order_item *item = order_first(&image->topics);
    for (; item != NULL; item = order_after(&image->topics, item->key)) {
        const struct topic *topic = CONTAINER_OF(item, struct topic, item);
        struct topic_record record = {.name = topic->topic.name, .topic_id = topic->topic.id};
        int r = image_sink_put(sink, IMAGE_RECORD_TOPIC, &record);
        if (r < 0) return r;
        for (int32_t i = 0; i < topic->topic.partition_count; i++) {
            if (topic->topic.partitions[i].replicas == NULL) continue;
            r = partition_write(topic, i, sink);
            if (r < 0) return r;
        }
    }
    return 0;
}

void topics_free(struct image *image)
{
    size_t cursor = 0;
    struct topic *topic;
    while ((topic = map_next(&image->topics_by_id, &cursor)) != NULL)
        topic_free(topic);
    map_deinit(&image->topics_by_name);
    map_deinit(&image->topics_by_id);
    order_deinit(&image->topics);
}

/* --- looking ---------------------------------------------------------------------------------- */

const struct image_topic *image_topic_by_name(const struct image *image, struct slice name)
{
    const struct topic *topic = map_get(&image->topics_by_name, name);
    return topic == NULL ? NULL : &topic->topic;
}

const struct image_topic *image_topic_by_id(const struct image *image, const struct uuid *id)
{
    const struct topic *topic = topic_by_id(image, id);
    return topic == NULL ? NULL : &topic->topic;
}

size_t image_topic_count(const struct image *image)
{
    return map_count(&image->topics_by_id);
}

int64_t image_partition_count(const struct image *image)
{
    return image->partition_count;
}

const struct image_topic *image_topic_next(const struct image *image, struct slice *cursor)
{
    struct order_item *item =
        slice_is_null(*cursor) ? order_first(&image->topics) : order_after(&image->topics, *cursor);
    if (item == NULL) return NULL;
    const struct topic *topic = CONTAINER_OF(item, struct topic, item);
    *cursor = topic->topic.name;
    return &topic->topic;
}

const struct image_partition *image_partition(const struct image_topic *topic, int32_t index)
{
    if (index < 0 || index >= topic->partition_count) return NULL;
    const struct image_partition *partition = &topic->partitions[index];
    return partition->replicas == NULL ? NULL : partition;
}

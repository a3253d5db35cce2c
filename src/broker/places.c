/* Places: in which folder each partition of this node lies. What lies in a folder counts more than
 * what the metadata says; what nobody has placed yet goes to the folder with the fewest logs, and
 * the metadata says so before there is a file. (LogManager.nextLogDirs, loadLogs,
 * AssignmentsManager; KIP-858) */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "broker/shard_private.h"
#include "log/copy.h"

static const char *const LOG_MANAGER = "kafka.log.LogManager";

/* --- what lies in the folders ----------------------------------------------------------------- */

static int rename_stray(struct broker *broker, const char *path, const char *name)
{
    char to[OS_PATH_MAX];
    uint8_t random[16];
    char hex[33];
    struct os *os = broker->shards[0].os;
    os_random(os, random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(hex + i * 2, 3, "%02x", random[i]);
    int size = snprintf(to, sizeof(to), "%s.%s-stray", path, hex);
    if (size >= OS_PATH_MAX) return -ENAMETOOLONG;
    BROKER_TRACE(broker, TRACE_WARN, LOG_MANAGER,
                 "%s belongs to no partition of this cluster: renamed to %s", name, to);
    return os_rename(os, path, to);
}

static bool is_known(const struct broker *broker, const char *path, struct slice topic_name,
                     int32_t index)
{
    const struct shard *shard = &broker->shards[0];
    const struct image_topic *topic = image_topic_by_name(shard->image, topic_name);
    if (topic == NULL || image_partition(topic, index) == NULL) return false;
    struct uuid id;
    /* Without the file the directory is what a crash left of a creation. */
    return log_read_topic_id(shard->os, path, &id) < 0 || uuid_equal(&id, &topic->id);
}

static struct data_folder *find_log(struct broker *broker, struct slice topic, int32_t index)
{
    for (int32_t i = 0; i < broker->folder_count; i++)
        if (checkpoint_known(&broker->folders[i], topic, index).present) return &broker->folders[i];
    return NULL;
}

/* A move between folders that a failure has interrupted leaves two, and nobody knows which is the
 * newer one. */
static int note_log(struct data_folder *folder, const char *path, struct slice topic, int32_t index)
{
    const struct data_folder *other = find_log(folder->broker, topic, index);
    if (other == NULL) {
        checkpoint_note_present(folder, topic, index);
        return 0;
    }
    BROKER_TRACE(folder->broker, TRACE_FATAL, LOG_MANAGER,
                 "Duplicate log directories for %.*s-%d are found in both %s/%.*s-%d and %s. It is "
                 "likely because log directory failure happened while broker was replacing current "
                 "replica with future replica. Recover broker from this failure by manually "
                 "deleting one of the two directories for this partition. It is recommended to "
                 "delete the partition in the log directory that is known to have failed recently.",
                 SLICE_ARG(topic), (int)index, other->path, SLICE_ARG(topic), (int)index, path);
    return -EEXIST;
}

static int sweep_entry(void *context, const char *name, bool is_dir)
{
    struct data_folder *folder = context;
    struct broker *broker = folder->broker;
    char path[OS_PATH_MAX];
    struct slice topic, text = slice_of(name);
    int32_t index;
    if (!is_dir) return 0;
    int size = snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    if (size >= OS_PATH_MAX) return -ENAMETOOLONG;
    if (text.size > 7 && strcmp(name + text.size - 7, "-delete") == 0)
        return log_remove_directory(broker->shards[0].os, path);
    if (folder_parse_log_name(text, &topic, &index) < 0) return 0;
    if (slice_equal(topic, SLICE("__cluster_metadata"))) return 0;
    if (!is_known(broker, path, topic, index)) return rename_stray(broker, path, name);
    return note_log(folder, path, topic, index);
}

/* --- moves that came to no end ---------------------------------------------------------------- */

static int pass_over(void *context, const char *name, bool is_dir)
{
    (void)context;
    (void)name;
    (void)is_dir;
    return 0;
}

static bool is_directory(struct broker *broker, const struct data_folder *folder, const char *name)
{
    char path[OS_PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    return size < OS_PATH_MAX && os_dir_list(broker->shards[0].os, path, pass_over, NULL) == 0;
}

/* The old directory has been renamed and the new one has not: the copy is the log. */
static bool has_replaced(struct broker *broker, const char *name, struct slice topic, int32_t index)
{
    char removed[LOG_COPY_NAME_MAX], live[LOG_COPY_NAME_MAX];
    bool was_renamed = false;
    if (log_copy_removed_name(slice_of(name), removed) < 0) return false;
    snprintf(live, sizeof(live), "%.*s-%d", SLICE_ARG(topic), (int)index);
    for (int32_t i = 0; i < broker->folder_count; i++) {
        const struct data_folder *folder = &broker->folders[i];
        if (!folder->holds_partitions || folders_has_failed(folder)) continue;
        if (is_directory(broker, folder, live)) return false;
        was_renamed = was_renamed || is_directory(broker, folder, removed);
    }
    return was_renamed;
}

static int settle_future(void *context, const char *name, bool is_dir)
{
    struct data_folder *folder = context;
    struct broker *broker = folder->broker;
    struct os *os = broker->shards[0].os;
    char path[OS_PATH_MAX], live[OS_PATH_MAX];
    struct slice topic;
    int32_t index;
    if (!is_dir || log_parse_future_name(slice_of(name), &topic, &index) < 0) return 0;
    int size = snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    int live_size =
        snprintf(live, sizeof(live), "%s/%.*s-%d", folder->path, SLICE_ARG(topic), (int)index);
    if (size >= OS_PATH_MAX || live_size >= OS_PATH_MAX) return -ENAMETOOLONG;
    if (!has_replaced(broker, name, topic, index)) {
        checkpoint_note_future(folder, topic, index);
        return log_remove_directory(os, path);
    }
    BROKER_TRACE(broker, TRACE_WARN, LOG_MANAGER, "%s becomes %s: its move was nearly done", path,
                 live);
    int r = os_rename(os, path, live);
    return r == 0 ? os_dir_sync(os, folder->path) : r;
}

struct data_folder *places_future(struct broker *broker, struct slice topic, int32_t index)
{
    for (int32_t i = 0; i < broker->folder_count; i++)
        if (checkpoint_known(&broker->folders[i], topic, index).future) return &broker->folders[i];
    return NULL;
}

/* --- all folders ------------------------------------------------------------------------------ */

static int look_through(struct broker *broker,
                        int (*each)(void *folder, const char *name, bool is_dir))
{
    int r = 0;
    for (int32_t i = 0; i < broker->folder_count && r == 0; i++) {
        struct data_folder *folder = &broker->folders[i];
        if (!folder->holds_partitions || folders_has_failed(folder)) continue;
        r = os_dir_list(broker->shards[0].os, folder->path, each, folder);
        if (r < 0 && r != -EEXIST)
            BROKER_TRACE(broker, TRACE_FATAL, LOG_MANAGER, "Cannot list %s: %s", folder->path,
                         strerror(-r));
    }
    return r;
}

int places_sweep(struct broker *broker)
{
    int r = look_through(broker, settle_future);
    return r == 0 ? look_through(broker, sweep_entry) : r;
}

/* --- choosing --------------------------------------------------------------------------------- */

struct placing {
    struct broker *broker;
    const struct image *image;
    int64_t logs[FOLDERS_MAX]; /* in each folder, those to come included */
    struct controller_placement *placements;
    size_t count, capacity;
};

static void count_logs(struct placing *placing)
{
    struct broker *broker = placing->broker;
    struct slice cursor = SLICE_NULL;
    const struct image_topic *topic;
    while ((topic = image_topic_next(placing->image, &cursor)) != NULL) {
        for (int32_t i = 0; i < topic->partition_count; i++) {
            const struct uuid *directory =
                controller_directory(&topic->partitions[i], broker->identity.node_id);
            if (directory == NULL) continue;
            const struct data_folder *folder = folders_by_id(broker, directory);
            if (folder != NULL) placing->logs[folder->index]++;
        }
    }
}

/* The one with the fewest logs; cordoned ones only where there is no other. */
static struct data_folder *choose(struct placing *placing)
{
    struct broker *broker = placing->broker;
    struct data_folder *best = NULL;
    bool best_is_cordoned = false;
    for (int32_t i = 0; i < broker->folder_count; i++) {
        struct data_folder *folder = &broker->folders[i];
        if (!folder->holds_partitions || folders_has_failed(folder)) continue;
        bool is_cordoned = folders_is_cordoned(&broker->shards[0], folder);
        bool is_better =
            best == NULL || best_is_cordoned > is_cordoned ||
            (best_is_cordoned == is_cordoned && placing->logs[i] < placing->logs[best->index]);
        if (!is_better) continue;
        best = folder;
        best_is_cordoned = is_cordoned;
    }
    if (best != NULL) placing->logs[best->index]++;
    return best;
}

static void place(struct placing *placing, const struct uuid *topic_id, int32_t index,
                  const struct data_folder *folder)
{
    if (placing->count == placing->capacity) {
        placing->capacity = placing->capacity == 0 ? 64 : placing->capacity * 2;
        placing->placements =
            memory_grow(placing->placements, placing->capacity * sizeof(placing->placements[0]));
    }
    placing->placements[placing->count++] = (struct controller_placement){
        .topic_id = *topic_id, .partition = index, .directory_id = folder->id};
}

static void place_topic(struct placing *placing, const struct image_topic *topic)
{
    struct broker *broker = placing->broker;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct uuid *told =
            controller_directory(&topic->partitions[i], broker->identity.node_id);
        if (told == NULL) continue;
        struct data_folder *folder = find_log(broker, topic->name, i);
        if (folder == NULL && !controller_directory_is_chosen(told)) folder = choose(placing);
        if (folder != NULL && !uuid_equal(&folder->id, told)) place(placing, &topic->id, i, folder);
    }
}

static int place_and_free(struct placing *placing)
{
    int r = placing->count == 0
                ? 0
                : control_place(placing->broker, placing->placements, placing->count);
    memory_free(placing->placements);
    return r;
}

/* Can the cluster's metadata say where a replica lies? */
static bool can_tell(const struct image *image)
{
    return image_record_version(IMAGE_RECORD_PARTITION, image_metadata_version(image)) >= 1;
}

int places_settle(struct broker *broker)
{
    struct placing placing = {.broker = broker, .image = metadata_image(broker->metadata)};
    if (!can_tell(placing.image)) {
        if (folders_working(broker) <= 1) return 0;
        BROKER_TRACE(broker, TRACE_FATAL, LOG_MANAGER,
                     "Multiple log directories are not supported before metadata.version 3.7-IV2");
        return -EINVAL;
    }
    count_logs(&placing);
    struct slice cursor = SLICE_NULL;
    const struct image_topic *topic;
    while ((topic = image_topic_next(placing.image, &cursor)) != NULL)
        place_topic(&placing, topic);
    return place_and_free(&placing);
}

/* --- new ones --------------------------------------------------------------------------------- */

void places_follow(struct broker *broker, const struct image_change *change)
{
    const struct image_topic *topic = image_topic_by_id(broker->shards[0].image, &change->topic_id);
    const struct image_partition *partition =
        topic == NULL ? NULL : image_partition(topic, change->partition);
    if (!broker->running || partition == NULL) return;
    const struct uuid *told = controller_directory(partition, broker->identity.node_id);
    if (told == NULL || controller_directory_is_chosen(told) || !can_tell(broker->shards[0].image))
        return;
    if (broker->unplaced_count == broker->unplaced_capacity) {
        broker->unplaced_capacity =
            broker->unplaced_capacity == 0 ? 64 : broker->unplaced_capacity * 2;
        broker->unplaced =
            memory_grow(broker->unplaced, broker->unplaced_capacity * sizeof(broker->unplaced[0]));
    }
    broker->unplaced[broker->unplaced_count++] =
        (struct partition_key){.topic_id = change->topic_id, .index = change->partition};
}

void places_turn(struct broker *broker)
{
    if (broker->unplaced_count == 0) return;
    struct placing placing = {.broker = broker, .image = metadata_image(broker->metadata)};
    count_logs(&placing);
    for (size_t i = 0; i < broker->unplaced_count; i++) {
        const struct data_folder *folder = choose(&placing);
        if (folder != NULL)
            place(&placing, &broker->unplaced[i].topic_id, broker->unplaced[i].index, folder);
    }
    /* A disk that is full for a moment has room later; any other error has stopped the node. */
    if (place_and_free(&placing) == 0) broker->unplaced_count = 0;
}

struct data_folder *places_folder(struct broker *broker, const struct uuid *directory)
{
    struct data_folder *folder = folders_by_id(broker, directory);
    if (folder != NULL || controller_directory_is_chosen(directory)) return folder;
    int32_t count = 0;
    for (int32_t i = 0; i < broker->folder_count; i++) {
        if (!broker->folders[i].holds_partitions) continue;
        folder = &broker->folders[i];
        count++;
    }
    return count == 1 ? folder : NULL; /* where else? Older metadata does not say */
}

/*
 * Partitions as the image says: a shard opens those of its own that this node holds a replica of,
 * leads them from the epoch that the image tells, and removes what was deleted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "broker/shard_private.h"

enum { JOB_OPEN_FILES = 4, RETRY_NS = 20000000 };

struct shard *shard_of(struct broker *broker, const struct partition_key *key)
{
    /* Topic ids are random: their bytes and the index spread well enough. */
    uint32_t hash = (uint32_t)key->index;
    for (size_t i = 0; i < sizeof(key->topic_id.bytes); i++)
        hash = hash * 31 + key->topic_id.bytes[i];
    return &broker->shards[hash % (uint32_t)broker->shard_count];
}

bool shard_owns(const struct shard *shard, const struct partition_key *key)
{
    return shard_of(shard->broker, key) == shard;
}

struct partition *follow_find(struct shard *shard, const struct partition_key *key)
{
    return map_get(&shard->partitions, MAP_KEY(*key));
}

/* --- configuration ---------------------------------------------------------------------------- */

static void configure(struct partition *partition)
{
    struct shard *shard = partition->shard;
    int32_t count;
    const struct image_config *configs =
        image_configs(shard->image, IMAGE_RESOURCE_TOPIC, partition->topic, &count);
    /* The two structs are one: a name and a value. */
    static_assert(sizeof(struct image_config) == sizeof(struct setting_pair), "laid out alike");
    settings_topic(shard_settings(shard), (const struct setting_pair *)configs, count,
                   &partition->config);
    const struct settings_topic *config = &partition->config;
    partition->options.config = (struct log_config){
        .segment_bytes = config->segment_bytes,
        .segment_ms = config->segment_ms,
        .segment_jitter_ms = config->segment_jitter_ms,
        .segment_index_bytes = config->segment_index_bytes,
        .index_interval_bytes = config->index_interval_bytes,
        .producer_id_expiration_ms =
            settings_number(shard_settings(shard), SETTING_PRODUCER_ID_EXPIRATION_MS),
        .preallocate = config->preallocate,
    };
}

static void reconfigure(struct partition *partition)
{
    configure(partition);
    if (partition->state != PARTITION_ONLINE) return;
    log_configure(partition->log, &partition->options.config);
    struct replication_event event = {
        .kind = REPLICATION_POLICY,
        .commit = partition->config.flush_policy == SETTINGS_FLUSH_COMMIT,
    };
    partition_step(partition, &event);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* A new partition must not enter a directory that another topic of the same name is leaving. */
static int make_log(struct partition *partition)
{
    struct os *os = partition->shard->os;
    int r = log_create(os, partition->own_files, &partition->options, &partition->log);
    if (r != -EEXIST) return r;
    struct uuid owner;
    r = log_read_topic_id(os, partition->directory, &owner);
    if (r < 0 || !uuid_equal(&owner, &partition->key.topic_id)) return -EEXIST;
    return log_open(os, partition->own_files, &partition->options, &partition->recovery,
                    &partition->log);
}

static void open_run(struct os_job *job)
{
    struct partition *partition = CONTAINER_OF(job, struct partition, job);
    struct os *os = partition->shard->os;
    ASSERT(partition->log == NULL);
    int r = -ENOENT;
    if (partition->at_start)
        r = log_open(os, partition->own_files, &partition->options, &partition->recovery,
                     &partition->log);
    if (r == -ENOENT) r = make_log(partition);
    partition->result = r;
}

static void tell_recovery(const struct partition *partition)
{
    const struct log_recovery *recovery = &partition->recovery;
    if (!recovery->recovered) return;
    enum trace_level level = recovery->truncated_bytes > 0 ? TRACE_WARN : TRACE_INFO;
    BROKER_TRACE(partition->shard->broker, level, "kafka.log.UnifiedLog",
                 "[UnifiedLog partition=%.*s-%d] Recovered %d segments: log end offset %lld, %lld "
                 "bytes checked, %lld bytes of a torn tail cut, %d indexes rebuilt",
                 SLICE_ARG(partition->topic), (int)partition->key.index, (int)recovery->segments,
                 (long long)recovery->log_end_offset, (long long)recovery->scanned_bytes,
                 (long long)recovery->truncated_bytes, (int)recovery->rebuilt_indexes);
}

/* A move that the last stop has interrupted begins anew. */
static void resume_move(struct partition *partition)
{
    struct data_folder *to = partition->resume;
    partition->resume = NULL;
    if (to == NULL || to == partition->folder || folders_has_failed(to)) return;
    if (partition->state == PARTITION_ONLINE && partition->move == NULL) move_begin(partition, to);
}

static void submit_open(struct partition *partition);

static void retry_open(struct shard_timer *timer)
{
    submit_open(CONTAINER_OF(timer, struct partition, retry));
}

static void open_done(struct os_job *job)
{
    struct partition *partition = CONTAINER_OF(job, struct partition, job);
    struct shard *shard = partition->shard;
    partition->busy = false;
    shard->opening--;
    if (partition->log != NULL) log_adopt(partition->log, shard->files);
    partition->own_files = log_files_destroy(partition->own_files);
    if (partition->state == PARTITION_DOOMED) {
        move_forget(partition);
        follow_finish_doomed(partition);
    } else if (partition->result == -EEXIST || partition->result == -EMFILE) {
        partition->retry.fire = retry_open;
        shard_timer_set(shard, &partition->retry, os_monotonic_ns(shard->os) + RETRY_NS);
    } else if (partition->result < 0) {
        const char *what = partition->result == -EBADMSG
                               ? "damaged in the middle, sound batches follow: nothing was cut"
                               : "cannot be opened";
        move_forget(partition);
        partition_fail(partition, partition->result, what);
    } else {
        tell_recovery(partition);
        move_forget(partition);
        log_configure(partition->log, &partition->options.config);
        partition_start(partition);
        resume_move(partition);
    }
}

static void submit_open(struct partition *partition)
{
    ASSERT(!partition->busy);
    partition->own_files = log_files_create(partition->shard->os, JOB_OPEN_FILES);
    partition->recovery = (struct log_recovery){0};
    partition->job = (struct os_job){.run = open_run, .done = open_done};
    partition->busy = true;
    partition->shard->opening++;
    os_submit(partition->shard->os, &partition->job);
}

char *follow_directory(const struct partition *partition, const struct data_folder *folder)
{
    size_t room = strlen(folder->path) + partition->topic.size + 16;
    char *directory = memory_alloc(room);
    snprintf(directory, room, "%s/%.*s-%d", folder->path, SLICE_ARG(partition->topic),
             (int)partition->key.index);
    return directory;
}

static void open_log(struct partition *partition, bool at_start)
{
    struct shard *shard = partition->shard;
    const struct data_folder *folder = partition->folder;
    partition->directory = follow_directory(partition, folder);
    configure(partition);
    partition->at_start = at_start;
    partition->options.directory = partition->directory;
    partition->options.topic_id = partition->key.topic_id;
    os_random(shard->os, &partition->options.jitter_seed, sizeof(partition->options.jitter_seed));
    if (at_start) {
        struct checkpoint_known known =
            checkpoint_known(folder, partition->topic, partition->key.index);
        partition->options.clean = folder->clean;
        partition->options.recovery_point = known.recovery_point;
        partition->options.log_start_offset = known.log_start;
        partition->first_dirty = known.cleaned;
        partition->resume = places_future(shard->broker, partition->topic, partition->key.index);
    }
    submit_open(partition);
}

void follow_reopen(struct partition *partition)
{
    partition->at_start = true;
    partition->options.directory = partition->directory;
    partition->options.clean = true;
    submit_open(partition);
}

/* Opens it where the metadata says that it lies; it waits while nobody has chosen. */
static void open_partition(struct partition *partition, const struct uuid *directory, bool at_start)
{
    partition->folder = places_folder(partition->shard->broker, directory);
    if (partition->folder == NULL && !controller_directory_is_chosen(directory)) return;
    if (partition->folder == NULL)
        partition_fail(partition, -ENOENT, "its log directory is none of log.dirs");
    else if (folders_has_failed(partition->folder))
        partition_fail(partition, -EIO, "its log directory has failed");
    else
        open_log(partition, at_start);
}

/* --- following -------------------------------------------------------------------------------- */

static void follow_partition(struct shard *shard, const struct image_topic *topic, int32_t index,
                             bool at_start)
{
    struct partition_key key = {.topic_id = topic->id, .index = index};
    const struct image_partition *image = image_partition(topic, index);
    if (image == NULL || !shard_owns(shard, &key)) return;
    const struct uuid *directory = controller_directory(image, shard_node_id(shard));
    if (directory == NULL) return; /* no replica of it is ours */
    struct partition *partition = follow_find(shard, &key);
    if (partition == NULL) {
        partition = partition_create(shard, &key, topic->name);
        map_put(&shard->partitions, MAP_KEY(partition->key), partition);
    }
    bool changed = partition->leader_epoch != image->leader_epoch;
    partition->leads = image->leader == shard_node_id(shard);
    partition->leader_epoch = image->leader_epoch;
    partition->isr_count = image->isr_count;
    partition->replica_count = image->replica_count;
    if (partition->state == PARTITION_OPENING && partition->folder == NULL)
        open_partition(partition, directory, at_start);
    else if (partition->state == PARTITION_ONLINE && changed && partition->leads)
        partition_lead(partition, partition->leader_epoch);
}

/* What was set for all brokers, and for this one, above the file. */
static void overlay_settings(struct shard *shard)
{
    int32_t cluster_count, broker_count;
    char id[16];
    snprintf(id, sizeof(id), "%d", (int)shard_node_id(shard));
    const struct image_config *cluster =
        image_configs(shard->image, IMAGE_RESOURCE_BROKER, SLICE(""), &cluster_count);
    const struct image_config *broker =
        image_configs(shard->image, IMAGE_RESOURCE_BROKER, slice_of(id), &broker_count);
    settings_destroy(shard->settings);
    shard->settings =
        settings_overlay(shard->broker->settings, (const struct setting_pair *)cluster,
                         cluster_count, (const struct setting_pair *)broker, broker_count);
}

void follow_all(struct shard *shard)
{
    overlay_settings(shard);
    struct slice cursor = SLICE_NULL;
    const struct image_topic *topic;
    while ((topic = image_topic_next(shard->image, &cursor)) != NULL)
        for (int32_t i = 0; i < topic->partition_count; i++)
            follow_partition(shard, topic, i, true);
}

/* --- deleting --------------------------------------------------------------------------------- */

struct removal {
    struct os_job job;
    struct shard *shard;
    char path[OS_PATH_MAX];
    int result;
};

static void removal_run(struct os_job *job)
{
    struct removal *removal = CONTAINER_OF(job, struct removal, job);
    removal->result = log_remove_directory(removal->shard->os, removal->path);
}

static void removal_done(struct os_job *job)
{
    struct removal *removal = CONTAINER_OF(job, struct removal, job);
    if (removal->result < 0)
        BROKER_TRACE(removal->shard->broker, TRACE_WARN, "kafka.log.LogManager",
                     "Cannot remove %s: %s", removal->path, strerror(-removal->result));
    removal->shard->jobs--;
    memory_free(removal);
}

/* Its name is given up as soon as nobody makes the directory any more; its bytes when no job and no
 * reader uses them. */
static void rename_away(struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct removal *removal = memory_alloc_zero(sizeof(*removal));
    struct uuid unique;
    os_random(shard->os, unique.bytes, sizeof(unique.bytes));
    int r = log_delete(partition->log, &unique, removal->path);
    if (r < 0) {
        BROKER_TRACE(shard->broker, TRACE_WARN, "kafka.log.LogManager", "Cannot rename %s: %s",
                     partition->directory, strerror(-r));
        memory_free(removal);
        return;
    }
    removal->shard = shard;
    removal->job = (struct os_job){.run = removal_run, .done = removal_done};
    shard->jobs++;
    os_submit(shard->os, &removal->job);
}

void follow_finish_doomed(struct partition *partition)
{
    ASSERT(partition->state == PARTITION_DOOMED);
    if (partition->busy || partition->borrowed > 0) return;
    if (partition->log != NULL && !partition->renamed) rename_away(partition);
    partition_destroy(partition, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void doom(struct partition *partition)
{
    struct shard *shard = partition->shard;
    void *removed = map_remove(&shard->partitions, MAP_KEY(partition->key));
    ASSERT(removed == partition);
    shard_timer_clear(shard, &partition->retry);
    bool opening = partition->state == PARTITION_OPENING && partition->busy;
    partition->state = PARTITION_DOOMED;
    partition_answer_all(partition, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    compact_stop(partition);
    move_stop(partition);
    /* What a job is just making is a worker's until that job is done. Background work goes by
     * names: a new topic must not come into this one's while it lasts. */
    bool named = partition->clean != NULL || partition->removal != NULL || partition->move != NULL;
    if (!opening && !named && partition->log != NULL) {
        rename_away(partition);
        partition->renamed = true;
    }
    follow_finish_doomed(partition);
}

static void doom_topic(struct shard *shard, const struct uuid *topic_id)
{
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL)
        if (uuid_equal(&partition->key.topic_id, topic_id)) doom(partition);
}

/* --- changes ---------------------------------------------------------------------------------- */

/* Many settings may change at once: what follows from that is done once. */
void follow_settle(struct shard *shard)
{
    if (!shard->settings_changed) return;
    shard->settings_changed = false;
    overlay_settings(shard);
    admit_limits_changed(shard);
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL)
        reconfigure(partition);
}

static void follow_config(struct shard *shard, const struct image_change *change)
{
    size_t cursor = 0;
    struct partition *partition;
    if (change->resource == IMAGE_RESOURCE_BROKER) shard->settings_changed = true;
    if (change->resource != IMAGE_RESOURCE_TOPIC) return;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL)
        if (slice_equal(partition->topic, change->name)) reconfigure(partition);
}

void follow_change(void *context, const struct image_change *change)
{
    struct shard *shard = context;
    const struct image_topic *topic;
    switch (change->kind) {
    case IMAGE_TOPIC_DELETED:
        doom_topic(shard, &change->topic_id);
        break;
    case IMAGE_PARTITION_CHANGED:
        topic = image_topic_by_id(shard->image, &change->topic_id);
        if (topic != NULL) follow_partition(shard, topic, change->partition, false);
        if (shard->index == 0) places_follow(shard->broker, change);
        break;
    case IMAGE_CONFIG_CHANGED:
        follow_config(shard, change);
        break;
    case IMAGE_QUOTA_CHANGED:
        quota_changed(shard->quota);
        admit_limits_changed(shard);
        break;
    case IMAGE_TOPIC_CREATED:
    case IMAGE_BROKER_CHANGED:
    case IMAGE_FEATURE_CHANGED:
    case IMAGE_PRODUCER_IDS_CHANGED:
    case IMAGE_OTHER_CHANGED:
        break;
    }
}

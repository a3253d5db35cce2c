/*
 * Checkpoints: how far each partition is durable, where it starts, how far it is committed. Every
 * shard tells shard 0 now and then; shard 0 writes the files, on a worker.
 * (LogManager.checkpointLogRecoveryOffsets, ReplicaManager.checkpointHighWatermarks)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "broker/shard_private.h"

enum {
    NAMES_MAX_BYTES = 256 << 20,
    INTERVAL_MIN_MS = 1000,
    /* Written since the last time: a recovery reads about twice as much at most. */
    WRITTEN_BYTES_MAX = 128 << 20,
    PARTITIONS_A_MS = 20, /* so many are told in a millisecond: no more than a part of the time */
};

struct entry {
    size_t name_at, name_size; /* in the set's names */
    int32_t partition;
    int32_t folder; /* its index */
    int64_t recovery_point, log_start, high_watermark;
    int64_t cleaned; /* how far; 0: never */
};

/* What one shard says. */
struct checkpoint_set {
    struct os_mail mail;
    struct broker *broker;
    int32_t shard;
    int64_t number; /* of the shard's sets */
    bool awaited;   /* the shard wants to know when it is written */
    struct writer names;
    struct entry *entries;
    size_t count, capacity;
};

struct known {
    struct slice key; /* "topic-partition", follows the struct */
    struct checkpoint_known what;
};

/* Tells a shard what became of its set. */
struct checkpoint_answer {
    struct call_letter letter;
    struct shard *shard;
    int64_t number;
    int result;
};

struct checkpoints {
    struct checkpoint_set *sets[SHARDS_MAX]; /* the newest of each shard; the job's while it runs */
    struct checkpoint_set *next[SHARDS_MAX]; /* came while the job ran */
    struct os_job job;
    struct broker *broker;
    bool writing;
    int result;
};

/* --- gathering -------------------------------------------------------------------------------- */

static struct checkpoint_set *set_free(struct checkpoint_set *set)
{
    if (set == NULL) return NULL;
    writer_deinit(&set->names);
    memory_free(set->entries);
    memory_free(set);
    return NULL;
}

static void add_entry(struct checkpoint_set *set, const struct partition *partition,
                      const struct data_folder *folder)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? 64 : set->capacity * 2;
        set->entries = memory_grow(set->entries, set->capacity * sizeof(set->entries[0]));
    }
    set->entries[set->count++] = (struct entry){
        .name_at = set->names.size,
        .name_size = partition->topic.size,
        .partition = partition->key.index,
        .folder = folder->index,
        .recovery_point = partition->recovery_point,
        .log_start = partition->state == PARTITION_OPENING ? partition->options.log_start_offset
                                                           : log_start_offset(partition->log),
        .high_watermark = partition->replication.high_watermark,
        .cleaned = partition->first_dirty,
    };
    writer_put(&set->names, partition->topic);
}

/* A log that moves is told where it is and where it will be. */
static void add_partition(struct checkpoint_set *set, const struct partition *partition)
{
    const struct data_folder *to = move_target(partition);
    if (partition->state == PARTITION_OPENING && to == NULL) return;
    if (partition->log == NULL && to == NULL) return;
    add_entry(set, partition, partition->folder);
    if (to != NULL && to != partition->folder) add_entry(set, partition, to);
}

static struct checkpoint_set *gather(struct shard *shard)
{
    struct checkpoint_set *set = memory_alloc_zero(sizeof(*set));
    set->broker = shard->broker;
    set->shard = shard->index;
    set->number = ++shard->checkpoint_number;
    set->awaited = !list_is_empty(&shard->checkpoint_calls);
    writer_init(&set->names, NAMES_MAX_BYTES);
    size_t cursor = 0;
    const struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL)
        add_partition(set, partition);
    return set;
}

static void keep(struct checkpoint_set **place, struct checkpoint_set *set)
{
    set_free(*place);
    *place = set;
}

void checkpoint_collect(struct shard *shard)
{
    struct checkpoints *checkpoints = shard->broker->checkpoints;
    keep(&checkpoints->sets[shard->index], gather(shard));
}

/* --- writing ---------------------------------------------------------------------------------- */

enum which { RECOVERY_POINTS, LOG_STARTS, HIGH_WATERMARKS, CLEANED };

static int64_t offset_of(const struct entry *entry, enum which which)
{
    switch (which) {
    case RECOVERY_POINTS:
        return entry->recovery_point;
    case LOG_STARTS:
        return entry->log_start;
    case HIGH_WATERMARKS:
        return entry->high_watermark;
    case CLEANED:
        break;
    }
    return entry->cleaned;
}

static int write_file(struct checkpoints *checkpoints, const struct data_folder *folder,
                      const char *name, enum which which)
{
    size_t count = 0, room = 0;
    for (int32_t s = 0; s < SHARDS_MAX; s++)
        if (checkpoints->sets[s] != NULL) room += checkpoints->sets[s]->count;
    struct folder_checkpoint_entry *lines = memory_alloc(room * sizeof(lines[0]));
    for (int32_t s = 0; s < SHARDS_MAX; s++) {
        const struct checkpoint_set *set = checkpoints->sets[s];
        for (size_t i = 0; set != NULL && i < set->count; i++) {
            const struct entry *entry = &set->entries[i];
            int64_t offset = offset_of(entry, which);
            if (entry->folder != folder->index) continue;
            if ((which == LOG_STARTS || which == CLEANED) && offset == 0) continue;
            struct slice topic = {set->names.data + entry->name_at, entry->name_size};
            lines[count++] = (struct folder_checkpoint_entry){topic, entry->partition, offset};
        }
    }
    int r = folder_checkpoint_write(folder->folder, name, lines, count);
    memory_free(lines);
    return r;
}

static int write_folder(struct checkpoints *checkpoints, const struct data_folder *to)
{
    int r = write_file(checkpoints, to, "recovery-point-offset-checkpoint", RECOVERY_POINTS);
    if (r == 0) r = write_file(checkpoints, to, "log-start-offset-checkpoint", LOG_STARTS);
    if (r == 0) r = write_file(checkpoints, to, "replication-offset-checkpoint", HIGH_WATERMARKS);
    if (r == 0) r = write_file(checkpoints, to, "cleaner-offset-checkpoint", CLEANED);
    return r;
}

/* Each folder has the files of its own partitions. */
static int write_files(struct checkpoints *checkpoints)
{
    struct broker *broker = checkpoints->broker;
    int result = 0;
    for (int32_t i = 0; i < broker->folder_count; i++) {
        const struct data_folder *folder = &broker->folders[i];
        if (!folder->holds_partitions || folders_has_failed(folder)) continue;
        int r = write_folder(checkpoints, folder);
        if (result == 0) result = r;
    }
    return result;
}

static void write_run(struct os_job *job)
{
    struct checkpoints *checkpoints = CONTAINER_OF(job, struct checkpoints, job);
    checkpoints->result = write_files(checkpoints);
}

/* On the shard that waited: what it had told is durable now, or is not. */
static void receive_answer(struct os_mail *mail)
{
    struct checkpoint_answer *answer = CONTAINER_OF(mail, struct checkpoint_answer, letter.mail);
    struct shard *shard = answer->shard;
    enum kafka_error error =
        answer->result < 0 ? KAFKA_ERROR_KAFKA_STORAGE_ERROR : KAFKA_ERROR_NONE;
    struct list_link *link;
    while ((link = list_first(&shard->checkpoint_calls)) != NULL) {
        struct call *call = CONTAINER_OF(link, struct call, link);
        if (call->wait_offset > answer->number) break;
        list_remove(link);
        call_finish(call, error);
    }
    memory_free(answer);
}

static void answer_all(struct checkpoints *checkpoints)
{
    struct broker *broker = checkpoints->broker;
    for (int32_t i = 0; i < SHARDS_MAX; i++) {
        struct checkpoint_set *set = checkpoints->sets[i];
        if (set == NULL || !set->awaited) continue;
        set->awaited = false;
        struct checkpoint_answer *answer = memory_alloc_zero(sizeof(*answer));
        answer->shard = &broker->shards[i];
        answer->number = set->number;
        answer->result = checkpoints->result;
        letter_post(&broker->shards[0], answer->shard, &answer->letter, receive_answer);
    }
}

static void start_writing(struct checkpoints *checkpoints);

static void write_done(struct os_job *job)
{
    struct checkpoints *checkpoints = CONTAINER_OF(job, struct checkpoints, job);
    bool more = false;
    checkpoints->writing = false;
    answer_all(checkpoints);
    for (int32_t i = 0; i < SHARDS_MAX; i++) {
        if (checkpoints->next[i] == NULL) continue;
        keep(&checkpoints->sets[i], checkpoints->next[i]);
        checkpoints->next[i] = NULL;
        more = true;
    }
    checkpoints->broker->shards[0].jobs--;
    /* The older ones stay true: recovery will read more than it had to. */
    if (checkpoints->result < 0)
        BROKER_TRACE(checkpoints->broker, TRACE_WARN, "kafka.log.LogManager",
                     "Cannot write checkpoints, going on with the last: %s",
                     strerror(-checkpoints->result));
    if (more) start_writing(checkpoints);
}

static void start_writing(struct checkpoints *checkpoints)
{
    struct shard *shard = &checkpoints->broker->shards[0];
    checkpoints->writing = true;
    checkpoints->job = (struct os_job){.run = write_run, .done = write_done};
    shard->jobs++;
    os_submit(shard->os, &checkpoints->job);
}

/* On shard 0. */
static void receive_set(struct os_mail *mail)
{
    struct checkpoint_set *set = CONTAINER_OF(mail, struct checkpoint_set, mail);
    struct broker *broker = set->broker;
    struct checkpoints *checkpoints = broker->checkpoints;
    if (checkpoints->writing) {
        struct checkpoint_set **next = &checkpoints->next[set->shard];
        set->awaited = set->awaited || (*next != NULL && (*next)->awaited);
        keep(next, set);
        return;
    }
    keep(&checkpoints->sets[set->shard], set);
    start_writing(checkpoints);
}

/* --- the clock -------------------------------------------------------------------------------- */

static int64_t interval_min_ns(const struct shard *shard)
{
    int64_t telling_ms = (int64_t)map_count(&shard->partitions) / PARTITIONS_A_MS;
    return (INTERVAL_MIN_MS + telling_ms) * 1000000;
}

static int64_t interval_ns(const struct shard *shard)
{
    int64_t interval_ms =
        settings_number(shard_settings(shard), SETTING_LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS);
    return (interval_ms > INTERVAL_MIN_MS ? interval_ms : INTERVAL_MIN_MS) * 1000000;
}

/* Tells what stands, and has flushed with its indexes what has grown: the next time's points. */
static void tick(struct shard_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, checkpoint_timer);
    struct checkpoint_set *set = gather(shard);
    set->mail.receive = receive_set;
    if (os_post(shard->broker->shards[0].os, &set->mail) < 0) set_free(set);
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL) {
        if (partition->state != PARTITION_ONLINE) continue;
        log_expire_producers(partition->log, shard->now_ms);
        if (log_end_offset(partition->log) == partition->recovery_point) continue;
        partition->flush_indexes = true;
        flush_enqueue(partition);
    }
    shard->checkpoint_ns = os_monotonic_ns(shard->os);
    shard->checkpoint_bytes = 0;
    shard_timer_set(shard, timer, shard->checkpoint_ns + interval_ns(shard));
}

void checkpoint_written(struct shard *shard, int64_t bytes)
{
    bool was_much = shard->checkpoint_bytes >= WRITTEN_BYTES_MAX;
    shard->checkpoint_bytes += bytes;
    if (was_much || shard->checkpoint_bytes < WRITTEN_BYTES_MAX) return;
    shard_timer_clear(shard, &shard->checkpoint_timer);
    shard_timer_set(shard, &shard->checkpoint_timer, shard->checkpoint_ns + interval_min_ns(shard));
}

void checkpoint_now(struct shard *shard)
{
    shard_timer_clear(shard, &shard->checkpoint_timer);
    shard_timer_set(shard, &shard->checkpoint_timer, os_monotonic_ns(shard->os));
}

void checkpoint_await(struct shard *shard, struct call *call)
{
    call->wait_offset = shard->checkpoint_number + 1;
    list_push_back(&shard->checkpoint_calls, &call->link);
    checkpoint_now(shard);
}

void checkpoint_start(struct shard *shard)
{
    shard->checkpoint_timer.fire = tick;
    shard_timer_set(shard, &shard->checkpoint_timer,
                    os_monotonic_ns(shard->os) + interval_ns(shard));
}

/* --- at start and stop ------------------------------------------------------------------------ */

static struct slice name_of(struct slice topic, int32_t index, char text[LOG_NAME_MAX])
{
    int size = snprintf(text, LOG_NAME_MAX, "%.*s-%d", SLICE_ARG(topic), (int)index);
    return (struct slice){(const uint8_t *)text, size < LOG_NAME_MAX ? (size_t)size : 0};
}

static struct checkpoint_known *know(struct data_folder *folder, struct slice topic, int32_t index)
{
    char text[LOG_NAME_MAX];
    struct slice key = name_of(topic, index, text);
    struct known *known = map_get(&folder->known, key);
    if (known != NULL) return &known->what;
    known = memory_alloc(sizeof(*known) + key.size);
    uint8_t *name = (uint8_t *)(known + 1);
    memcpy(name, key.data, key.size);
    *known = (struct known){.key = {name, key.size}};
    map_put(&folder->known, known->key, known);
    return &known->what;
}

static int load_point(void *context, const struct folder_checkpoint_entry *entry)
{
    know(context, entry->topic, entry->partition)->recovery_point = entry->offset;
    return 0;
}

static int load_cleaned(void *context, const struct folder_checkpoint_entry *entry)
{
    know(context, entry->topic, entry->partition)->cleaned = entry->offset;
    return 0;
}

static int load_start(void *context, const struct folder_checkpoint_entry *entry)
{
    know(context, entry->topic, entry->partition)->log_start = entry->offset;
    return 0;
}

int checkpoint_load(struct data_folder *folder)
{
    struct broker *broker = folder->broker;
    int r = folder_checkpoint_read(folder->folder, "recovery-point-offset-checkpoint", load_point,
                                   folder);
    if (r < 0)
        BROKER_TRACE(
            broker, TRACE_WARN, "kafka.log.LogManager",
            "Cannot read recovery-point-offset-checkpoint in %s, so everything is checked: "
            "%s",
            folder->path, strerror(-r));
    /* Without this one whole logs are cleaned once more. */
    r = folder_checkpoint_read(folder->folder, "cleaner-offset-checkpoint", load_cleaned, folder);
    if (r < 0)
        BROKER_TRACE(broker, TRACE_WARN, "kafka.log.LogCleanerManager",
                     "Cannot read cleaner-offset-checkpoint in %s: %s", folder->path, strerror(-r));
    r = folder_checkpoint_read(folder->folder, "log-start-offset-checkpoint", load_start, folder);
    /* Without this one deleted records would come back: somebody must look. */
    if (r < 0)
        BROKER_TRACE(broker, TRACE_FATAL, "kafka.log.LogManager",
                     "Cannot read log-start-offset-checkpoint in %s: %s", folder->path,
                     strerror(-r));
    return r;
}

void checkpoint_note_present(struct data_folder *folder, struct slice topic, int32_t index)
{
    know(folder, topic, index)->present = true;
}

void checkpoint_note_future(struct data_folder *folder, struct slice topic, int32_t index)
{
    know(folder, topic, index)->future = true;
}

struct checkpoint_known checkpoint_known(const struct data_folder *folder, struct slice topic,
                                         int32_t index)
{
    char text[LOG_NAME_MAX];
    const struct known *known = map_get(&folder->known, name_of(topic, index, text));
    return known == NULL ? (struct checkpoint_known){0} : known->what;
}

void checkpoint_forget(struct data_folder *folder)
{
    size_t cursor = 0;
    struct known *known;
    while ((known = map_next(&folder->known, &cursor)) != NULL) {
        map_remove(&folder->known, known->key);
        memory_free(known);
    }
    map_deinit(&folder->known);
}

void checkpoint_open(struct broker *broker)
{
    broker->checkpoints = memory_alloc_zero(sizeof(*broker->checkpoints));
    broker->checkpoints->broker = broker;
}

int checkpoint_write_last(struct broker *broker)
{
    ASSERT(!broker->checkpoints->writing);
    return write_files(broker->checkpoints);
}

void checkpoint_close(struct broker *broker)
{
    struct checkpoints *checkpoints = broker->checkpoints;
    if (checkpoints == NULL) return;
    for (int32_t i = 0; i < SHARDS_MAX; i++) {
        set_free(checkpoints->sets[i]);
        set_free(checkpoints->next[i]);
    }
    memory_free(checkpoints);
    broker->checkpoints = NULL;
}

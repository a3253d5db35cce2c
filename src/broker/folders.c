/*
 * The node's folders (log.dirs, metadata.log.dir): whose they are, which of them work, and what
 * follows when one stops to. A folder that has failed is left alone until the next start.
 * (KafkaRaftServer.initializeLogDirs, MetaPropertiesEnsemble, LogManager; KIP-112, KIP-858)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "broker/format.h"
#include "broker/shard_private.h"

static const char *const SERVER = "kafka.server.KafkaRaftServer";
static const char *const LOG_MANAGER = "kafka.log.LogManager";

/* --- an empty node ---------------------------------------------------------------------------- */

static int format_empty(struct broker *broker, struct slice cluster_id)
{
    struct format_options options = {.settings = broker->settings,
                                     .cluster_id = cluster_id,
                                     .standalone = true,
                                     .implied = true};
    struct writer text;
    writer_init(&text, 1 << 16);
    int r = format_folders(broker->shards[0].os, &options, &text);
    struct slice lines = writer_slice(&text);
    while (lines.size > 0) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        size_t size = end == NULL ? lines.size : (size_t)(end - lines.data);
        BROKER_TRACE(broker, r < 0 ? TRACE_FATAL : TRACE_INFO, "kafka.tools.StorageTool", "%.*s",
                     (int)size, (const char *)lines.data);
        size_t used = end == NULL ? size : size + 1;
        lines = (struct slice){lines.data + used, lines.size - used};
    }
    writer_deinit(&text);
    return r;
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

static int find_in_metadata(void *context, const char *name, bool is_dir)
{
    static const char *const ours[] = {"00000000000000000000-0000000000.checkpoint",
                                       "00000000000000000000-0000000000.checkpoint.tmp", NULL};
    (void)context;
    return !is_dir && is_one_of(name, ours) ? 0 : -ENOTEMPTY;
}

struct emptiness {
    struct os *os;
    const char *path;
};

/* What a filesystem, a lock or a formatting that came to no end leaves is nobody's data. */
static int find_entry(void *context, const char *name, bool is_dir)
{
    static const char *const nobodys[] = {"lost+found",           ".lock",
                                          "bootstrap.checkpoint", "bootstrap.checkpoint.tmp",
                                          "meta.properties.tmp",  NULL};
    const struct emptiness *emptiness = context;
    char path[OS_PATH_MAX];
    if (is_one_of(name, nobodys)) return 0;
    if (!is_dir || strcmp(name, "__cluster_metadata-0") != 0) return -ENOTEMPTY;
    int size = snprintf(path, sizeof(path), "%s/%s", emptiness->path, name);
    if (size >= OS_PATH_MAX) return -ENAMETOOLONG;
    return os_dir_list(emptiness->os, path, find_in_metadata, NULL);
}

static bool are_empty(const struct broker *broker)
{
    for (int32_t i = 0; i < broker->folder_count; i++) {
        struct emptiness emptiness = {broker->shards[0].os, broker->folders[i].path};
        int r = os_dir_list(emptiness.os, emptiness.path, find_entry, &emptiness);
        if (r != 0 && r != -ENOENT) return false;
    }
    return true;
}

/* "1@host:9093" or "host:9093": is it our own controller listener? */
static bool names_us(const struct broker *broker, struct slice quorum)
{
    size_t colon = quorum.size;
    int64_t port;
    while (colon > 0 && quorum.data[colon - 1] != ':')
        colon--;
    struct slice digits = {quorum.data + colon, quorum.size - colon};
    if (slice_parse_int64(digits, 1, UINT16_MAX, &port) < 0) return false;
    for (int32_t i = 0; i < broker->listener_count; i++)
        if (broker->listeners[i].controller && broker->listeners[i].port == port) return true;
    return false;
}

/* May this node make a cluster of its own? Not where its settings speak of somebody else's. */
static bool stands_alone(const struct broker *broker)
{
    struct slice voters = settings_text(broker->settings, SETTING_CONTROLLER_QUORUM_VOTERS);
    struct slice servers =
        settings_text(broker->settings, SETTING_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS);
    if (voters.size > 0 && !names_us(broker, voters)) return false;
    return servers.size == 0 || names_us(broker, servers);
}

/* --- whose they are --------------------------------------------------------------------------- */

static int refuse(struct broker *broker, int error, const char *text, const char *path)
{
    BROKER_TRACE(broker, TRACE_FATAL, SERVER, "%s: %s: %s", text, path, strerror(-error));
    return error;
}

/* What its meta.properties says against those before it. */
static int check_identity(struct broker *broker, const struct data_folder *folder,
                          const struct folder_identity *identity)
{
    int64_t node_id = settings_number(broker->settings, SETTING_NODE_ID);
    char id[UUID_TEXT_SIZE];
    if (identity->node_id != node_id) {
        BROKER_TRACE(broker, TRACE_FATAL, SERVER,
                     "Stored node id %d doesn't match previous node id %lld in %s/meta.properties. "
                     "If you moved your data, make sure your configured node id matches. If you "
                     "intend to create a new node, you should remove all data in your data "
                     "directories.",
                     (int)identity->node_id, (long long)node_id, folder->path);
        return -EINVAL;
    }
    if (broker->identity.cluster_id[0] != 0 &&
        strcmp(broker->identity.cluster_id, identity->cluster_id) != 0) {
        BROKER_TRACE(broker, TRACE_FATAL, SERVER,
                     "Invalid cluster.id in: %s/meta.properties. Expected %s, but read %s",
                     folder->path, broker->identity.cluster_id, identity->cluster_id);
        return -EINVAL;
    }
    const struct data_folder *twin = folders_by_id(broker, &identity->directory_id);
    if (twin == NULL) return 0;
    uuid_format(&identity->directory_id, id);
    BROKER_TRACE(broker, TRACE_FATAL, SERVER,
                 "Duplicate directory ID %s found. It was the ID of %s, but also of %s", id,
                 twin->path, folder->path);
    return -EINVAL;
}

/* Folders of older nodes have no id until one needs it. */
static int give_id(struct broker *broker, const struct data_folder *folder,
                   struct folder_identity *identity)
{
    if (!uuid_is_zero(&identity->directory_id)) return 0;
    struct os *os = broker->shards[0].os;
    uint8_t random[16];
    do
        os_random(os, random, sizeof(random));
    while (!uuid_from_random(random, &identity->directory_id));
    return folder_identity_write(os, folder->path, identity);
}

/* Of a folder that is not as it should be, and may be so. */
static void lose(struct data_folder *folder, int error)
{
    BROKER_TRACE(folder->broker, TRACE_ERROR, LOG_MANAGER, "Error while loading log dir %s: %s",
                 folder->path, strerror(-error));
    os_number_set(&folder->failed, 1);
}

static int refuse_unformatted(struct broker *broker, const struct data_folder *folder)
{
    bool none = true;
    for (int32_t i = 0; i < broker->folder_count; i++) {
        struct folder_identity identity;
        if (folder_identity_read(broker->shards[0].os, broker->folders[i].path, &identity) == 0)
            none = false;
    }
    if (none)
        BROKER_TRACE(
            broker, TRACE_FATAL, SERVER,
            "No readable meta.properties files found in %s: format it first (gregor format)",
            folder->path);
    else
        BROKER_TRACE(broker, TRACE_FATAL, SERVER,
                     "No `meta.properties` found in %s (have you run `gregor format` to format the "
                     "directory?)",
                     folder->path);
    return -ENOENT;
}

static int identify(struct broker *broker, struct data_folder *folder)
{
    struct folder_identity identity;
    int r = folder_identity_read(broker->shards[0].os, folder->path, &identity);
    if (r == -ENOENT) return refuse_unformatted(broker, folder);
    if (r < 0 && folder == broker->home)
        return refuse(broker, r, "Cannot read meta.properties", folder->path);
    if (r < 0) {
        lose(folder, r);
        return 0;
    }
    r = check_identity(broker, folder, &identity);
    if (r < 0) return r;
    r = give_id(broker, folder, &identity);
    if (r < 0) return refuse(broker, r, "Cannot write meta.properties", folder->path);
    folder->id = identity.directory_id;
    if (broker->identity.cluster_id[0] == 0 || folder == broker->home) broker->identity = identity;
    return 0;
}

static int check_metadata_place(struct broker *broker, const struct data_folder *folder)
{
    char path[OS_PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/__cluster_metadata-0", folder->path);
    if (folder == broker->home || size >= OS_PATH_MAX) return 0;
    struct os_file *found;
    if (os_file_open(broker->shards[0].os, path, OS_OPEN_READ, &found) < 0) return 0;
    os_file_close(found);
    BROKER_TRACE(broker, TRACE_FATAL, SERVER,
                 "Found unexpected metadata location in data directory `%s` (the configured "
                 "metadata directory is %s).",
                 path, broker->home->path);
    return -EINVAL;
}

static int identify_all(struct broker *broker, const struct broker_options *options)
{
    struct folder_identity identity;
    int r = folder_identity_read(broker->shards[0].os, broker->home->path, &identity);
    if (r == -ENOENT && options->format_if_empty && are_empty(broker) && stands_alone(broker)) {
        r = format_empty(broker, options->cluster_id);
        if (r < 0) return r;
        broker->fresh = true;
    }
    r = identify(broker, broker->home); /* the others are measured by it */
    for (int32_t i = 0; i < broker->folder_count && r == 0; i++) {
        if (&broker->folders[i] != broker->home) r = identify(broker, &broker->folders[i]);
        if (r == 0) r = check_metadata_place(broker, &broker->folders[i]);
    }
    return r;
}

/* --- open ------------------------------------------------------------------------------------- */

static int add_folder(struct broker *broker, struct slice path)
{
    char text[OS_PATH_MAX], absolute[OS_PATH_MAX];
    if (path.size >= sizeof(text)) return -ENAMETOOLONG;
    snprintf(text, sizeof(text), "%.*s", SLICE_ARG(path));
    int r = os_absolute_path(broker->shards[0].os, text, absolute);
    if (r < 0) return r;
    ASSERT(broker->folder_count < FOLDERS_MAX);
    struct data_folder *folder = &broker->folders[broker->folder_count];
    *folder = (struct data_folder){
        .broker = broker,
        .index = broker->folder_count++,
        .path = memory_copy_text(text),
        .absolute = memory_copy_text(absolute),
        .holds_partitions = true,
    };
    map_init(&folder->known, 0);
    return 0;
}

static int list_folders(struct broker *broker)
{
    struct slice dirs[SETTINGS_LOG_DIRS_MAX];
    int32_t count = settings_log_dirs(broker->settings, dirs);
    struct slice home = settings_metadata_log_dir(broker->settings);
    for (int32_t i = 0; i < count; i++) {
        int r = add_folder(broker, dirs[i]);
        if (r < 0) return r;
        if (slice_equal(dirs[i], home)) broker->home = &broker->folders[broker->folder_count - 1];
    }
    if (broker->home != NULL) return 0;
    int r = add_folder(broker, home);
    if (r < 0) return r;
    broker->home = &broker->folders[broker->folder_count - 1];
    broker->home->holds_partitions = false;
    return 0;
}

/* What comes of an error of one folder at the start: only the metadata's must work. */
static int settle(struct data_folder *folder, int error, const char *what)
{
    if (folder == folder->broker->home) return refuse(folder->broker, error, what, folder->path);
    lose(folder, error);
    return 0;
}

static int open_folder(struct data_folder *folder)
{
    struct broker *broker = folder->broker;
    if (folders_has_failed(folder)) return 0;
    int r = folder_open(broker->shards[0].os, folder->path, &folder->folder);
    if (r == -EWOULDBLOCK) {
        BROKER_TRACE(broker, TRACE_FATAL, SERVER,
                     "Failed to acquire lock on file .lock in %s. A Kafka instance in another "
                     "process or thread is using this directory.",
                     folder->path);
        return r;
    }
    if (r < 0) return settle(folder, r, "Cannot open the data folder");
    int64_t epoch;
    r = folder_take_clean_shutdown(folder->folder, &folder->clean, &epoch);
    if (r < 0) return settle(folder, r, "Cannot read the data folder's state");
    if (folder == broker->home) broker->broker_epoch = epoch;
    r = checkpoint_load(folder);
    if (r < 0) return r;
    const char *how = broker->fresh   ? "is new"
                      : folder->clean ? "was stopped cleanly"
                                      : "was not stopped cleanly: recovering";
    BROKER_TRACE(broker, TRACE_INFO, LOG_MANAGER, "Loading logs from %s, which %s", folder->path,
                 how);
    return 0;
}

int folders_open(struct broker *broker, const struct broker_options *options)
{
    int r = list_folders(broker);
    if (r < 0) return refuse(broker, r, "Cannot use log.dirs", "");
    r = identify_all(broker, options);
    for (int32_t i = 0; i < broker->folder_count && r == 0; i++)
        r = open_folder(&broker->folders[i]);
    if (r == 0 && folders_working(broker) == 0) {
        BROKER_TRACE(broker, TRACE_FATAL, LOG_MANAGER,
                     "Shutdown broker because none of the specified log dirs from log.dirs can be "
                     "created or validated");
        r = -EIO;
    }
    return r;
}

void folders_close(struct broker *broker)
{
    for (int32_t i = 0; i < broker->folder_count; i++) {
        struct data_folder *folder = &broker->folders[i];
        checkpoint_forget(folder);
        folder_close(folder->folder);
        memory_free(folder->path);
        memory_free(folder->absolute);
    }
    broker->folder_count = 0;
}

int folders_mark_clean(struct broker *broker)
{
    int result = 0;
    for (int32_t i = 0; i < broker->folder_count; i++) {
        struct data_folder *folder = &broker->folders[i];
        if (folders_has_failed(folder)) continue;
        int r = folder_mark_clean_shutdown(folder->folder, broker->broker_epoch);
        if (result == 0) result = r;
    }
    return result;
}

/* --- which ------------------------------------------------------------------------------------ */

bool folders_has_failed(const struct data_folder *folder)
{
    return os_number_get(&folder->failed) != 0;
}

bool folders_is_cordoned(const struct shard *shard, const struct data_folder *folder)
{
    struct slice cordoned = settings_text(shard_settings(shard), SETTING_CORDONED_LOG_DIRS);
    return setting_list_has(cordoned, SLICE("*")) ||
           setting_list_has(cordoned, slice_of(folder->path));
}

int32_t folders_working(const struct broker *broker)
{
    int32_t count = 0;
    for (int32_t i = 0; i < broker->folder_count; i++)
        count += broker->folders[i].holds_partitions && !folders_has_failed(&broker->folders[i]);
    return count;
}

struct data_folder *folders_by_id(struct broker *broker, const struct uuid *id)
{
    for (int32_t i = 0; i < broker->folder_count; i++)
        if (!uuid_is_zero(id) && uuid_equal(&broker->folders[i].id, id)) return &broker->folders[i];
    return NULL;
}

struct data_folder *folders_by_path(struct broker *broker, struct slice absolute)
{
    for (int32_t i = 0; i < broker->folder_count; i++) {
        struct data_folder *folder = &broker->folders[i];
        if (folder->holds_partitions && slice_equal(slice_of(folder->absolute), absolute))
            return folder;
    }
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    return uuid_compare(a, b);
}

int32_t folders_ids(const struct broker *broker, struct uuid ids[FOLDERS_MAX])
{
    int32_t count = 0;
    for (int32_t i = 0; i < broker->folder_count; i++) {
        const struct data_folder *folder = &broker->folders[i];
        if (folder->holds_partitions && !folders_has_failed(folder)) ids[count++] = folder->id;
    }
    qsort(ids, (size_t)count, sizeof(ids[0]), compare_ids);
    return count;
}

/* --- failing ---------------------------------------------------------------------------------- */

struct loss {
    struct call_letter letter;
    struct shard *shard; /* whom it is told */
    struct data_folder *folder;
};

static void leave_folder(struct shard *shard, const struct data_folder *folder)
{
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL)
        if (partition->folder == folder && partition->state == PARTITION_ONLINE)
            partition_fail(partition, -EIO, "its log directory has failed");
}

static void receive_loss(struct os_mail *mail)
{
    struct loss *loss = CONTAINER_OF(mail, struct loss, letter.mail);
    leave_folder(loss->shard, loss->folder);
    memory_free(loss);
}

static struct loss *loss_of(struct shard *shard, struct data_folder *folder)
{
    struct loss *loss = memory_alloc_zero(sizeof(*loss));
    loss->shard = shard;
    loss->folder = folder;
    return loss;
}

/* On shard 0: all others leave it, then the cluster knows. (LogManager.handleLogDirFailure,
 * ReplicaManager.handleLogDirFailure) */
static void settle_loss(struct data_folder *folder)
{
    struct broker *broker = folder->broker;
    struct shard *first = &broker->shards[0];
    if (folder->told) return;
    folder->told = true;
    BROKER_TRACE(broker, TRACE_WARN, LOG_MANAGER, "Stopping serving logs in dir %s", folder->path);
    for (int32_t i = 1; i < broker->shard_count; i++) {
        struct loss *loss = loss_of(&broker->shards[i], folder);
        letter_post(first, loss->shard, &loss->letter, receive_loss);
    }
    leave_folder(first, folder);
    if (folders_working(broker) == 0)
        shard_fail(first, -EIO); /* two at once */
    else
        control_lose_folder(broker, folder);
}

static void receive_report(struct os_mail *mail)
{
    struct loss *loss = CONTAINER_OF(mail, struct loss, letter.mail);
    settle_loss(loss->folder);
    memory_free(loss);
}

void folders_fail(struct shard *shard, struct data_folder *folder, int error)
{
    struct broker *broker = shard->broker;
    ASSERT(error < 0);
    if (folders_has_failed(folder)) return;
    os_number_set(&folder->failed, 1);
    if (folder == broker->home || folders_working(broker) == 0) {
        shard_fail(shard, error); /* Kafka's broker halts, and so do we */
        return;
    }
    BROKER_TRACE(broker, TRACE_ERROR, "kafka.log.LogManager", "Error in log dir %s: %s",
                 folder->path, strerror(-error));
    struct loss *loss = loss_of(&broker->shards[0], folder);
    letter_post(shard, loss->shard, &loss->letter, receive_report);
}

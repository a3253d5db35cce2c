/*
 * One data folder: identity, lock, clean-shutdown marker, checkpoints.
 *
 * meta.properties          version=1, cluster.id, node.id, directory.id
 * .kafka_cleanshutdown     {"version":0,"brokerEpoch":13}
 * *-checkpoint             0, the count, then "topic partition offset" a line
 */
#include "log/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/writer.h"
#include "log/text.h"

enum { META_MAX_BYTES = 64 << 10, CHECKPOINT_MAX_BYTES = 256 << 20, MARKER_MAX_BYTES = 4096 };

struct folder {
    struct os *os;
    char *path;
    struct os_file *lock;
};

static int join(char path[OS_PATH_MAX], const char *directory, const char *name, const char *suffix)
{
    int size = snprintf(path, OS_PATH_MAX, "%s/%s%s", directory, name, suffix);
    return size < OS_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int folder_put_file(struct os *os, const char *path, const char *name, struct slice bytes)
{
    char final[OS_PATH_MAX], temporary[OS_PATH_MAX];
    int r = join(final, path, name, "");
    if (r == 0) r = join(temporary, path, name, ".tmp");
    struct os_file *file = NULL;
    if (r == 0) r = os_file_open(os, temporary, OS_OPEN_REPLACE, &file);
    if (r == 0) r = os_file_write(file, &bytes, 1, 0);
    if (r == 0) r = os_file_sync(file);
    os_file_close(file);
    return r == 0 ? os_rename(os, temporary, final) : r;
}

int folder_replace_file(struct os *os, const char *path, const char *name, struct slice bytes)
{
    int r = folder_put_file(os, path, name, bytes);
    return r == 0 ? os_dir_sync(os, path) : r;
}

int folder_read_file(struct os *os, const char *path, size_t max, const char *name, uint8_t **bytes,
                     size_t *size)
{
    char full[OS_PATH_MAX];
    int r = join(full, path, name, "");
    struct os_file *file = NULL;
    int64_t length = 0;
    if (r == 0) r = os_file_open(os, full, OS_OPEN_READ, &file);
    if (r < 0) return r;
    r = os_file_size(file, &length);
    if (r == 0 && (uint64_t)length > max) r = -EFBIG;
    uint8_t *memory = NULL;
    if (r == 0) {
        memory = memory_alloc((size_t)length);
        int64_t got = os_file_read(file, memory, (size_t)length, 0);
        if (got < 0) r = (int)got;
        length = got;
    }
    os_file_close(file);
    if (r < 0) {
        memory_free(memory);
        return r;
    }
    *bytes = memory;
    *size = (size_t)length;
    return 0;
}

/* --- identity --------------------------------------------------------------------------------- */

int folder_make(struct os *os, const char *path)
{
    char part[OS_PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof(part)) return -ENAMETOOLONG;
    int r = 0;
    for (size_t i = 1; i <= size && r == 0; i++) {
        if (path[i] != '/' && path[i] != 0) continue;
        memcpy(part, path, i);
        part[i] = 0;
        r = os_dir_create(os, part);
    }
    return r;
}

int folder_identity_write(struct os *os, const char *path, const struct folder_identity *identity)
{
    char directory_id[UUID_TEXT_SIZE];
    uuid_format(&identity->directory_id, directory_id);
    struct writer writer;
    writer_init(&writer, META_MAX_BYTES);
    writer_printf(&writer, "#\nnode.id=%d\ndirectory.id=%s\nversion=1\ncluster.id=%s\n",
                  (int)identity->node_id, directory_id, identity->cluster_id);
    int r = writer_error(&writer);
    if (r == 0) r = folder_replace_file(os, path, "meta.properties", writer_slice(&writer));
    writer_deinit(&writer);
    return r;
}

int folder_format(struct os *os, const char *path, const struct folder_identity *identity)
{
    struct folder_identity existing;
    int r = folder_make(os, path);
    if (r < 0) return r;
    r = folder_identity_read(os, path, &existing);
    if (r == 0) return -EEXIST;
    return r == -ENOENT ? folder_identity_write(os, path, identity) : r;
}

/* One line "key=value"; false: a comment or nothing. The values Kafka writes need no escapes. */
static bool take_property(struct slice *text, struct slice *key, struct slice *value)
{
    const uint8_t *end = text->size == 0 ? NULL : memchr(text->data, '\n', text->size);
    size_t size = end == NULL ? text->size : (size_t)(end - text->data);
    struct slice line = {text->data, size};
    size_t used = end == NULL ? size : size + 1;
    text->data += used;
    text->size -= used;
    if (line.size > 0 && line.data[line.size - 1] == '\r') line.size--;
    const uint8_t *equals = line.size == 0 ? NULL : memchr(line.data, '=', line.size);
    if (equals == NULL || line.data[0] == '#') return false;
    *key = (struct slice){line.data, (size_t)(equals - line.data)};
    *value = (struct slice){equals + 1, line.size - key->size - 1};
    return true;
}

static int parse_identity(struct slice text, struct folder_identity *identity)
{
    int64_t version = -1, node_id = -1;
    *identity = (struct folder_identity){.node_id = -1};
    int r = 0;
    while (text.size > 0 && r == 0) {
        struct slice key, value;
        if (!take_property(&text, &key, &value)) continue;
        if (slice_equal(key, SLICE("version"))) {
            r = slice_parse_int64(value, 0, 1, &version);
        } else if (slice_equal(key, SLICE("node.id")) || slice_equal(key, SLICE("broker.id"))) {
            r = slice_parse_int64(value, 0, INT32_MAX, &node_id);
        } else if (slice_equal(key, SLICE("directory.id"))) {
            r = uuid_parse(value, &identity->directory_id);
        } else if (slice_equal(key, SLICE("cluster.id"))) {
            if (value.size >= sizeof(identity->cluster_id)) return -EBADMSG;
            memcpy(identity->cluster_id, value.data, value.size);
            identity->cluster_id[value.size] = 0;
        }
    }
    if (r < 0 || version != 1 || node_id < 0 || identity->cluster_id[0] == 0) return -EBADMSG;
    identity->node_id = (int32_t)node_id;
    return 0;
}

int folder_identity_read(struct os *os, const char *path, struct folder_identity *identity)
{
    uint8_t *bytes;
    size_t size;
    int r = folder_read_file(os, path, META_MAX_BYTES, "meta.properties", &bytes, &size);
    if (r < 0) return r;
    r = parse_identity((struct slice){bytes, size}, identity);
    memory_free(bytes);
    return r;
}

/* --- the lock --------------------------------------------------------------------------------- */

int folder_open(struct os *os, const char *path, struct folder **opened)
{
    char lock[OS_PATH_MAX];
    int r = join(lock, path, ".lock", "");
    if (r < 0) return r;
    struct folder *folder = memory_alloc_zero(sizeof(*folder));
    folder->os = os;
    folder->path = memory_copy_text(path);
    r = os_file_open(os, lock, OS_OPEN_CREATE, &folder->lock);
    if (r == 0) r = os_file_lock(folder->lock);
    if (r < 0) {
        folder_close(folder);
        return r;
    }
    *opened = folder;
    return 0;
}

struct folder *folder_close(struct folder *folder)
{
    if (folder == NULL) return NULL;
    os_file_close(folder->lock); /* the kernel gives the lock back */
    memory_free(folder->path);
    memory_free(folder);
    return NULL;
}

const char *folder_path(const struct folder *folder)
{
    return folder->path;
}

/* --- clean shutdown --------------------------------------------------------------------------- */

int folder_take_clean_shutdown(struct folder *folder, bool *clean, int64_t *broker_epoch)
{
    uint8_t *bytes;
    size_t size;
    *clean = false;
    *broker_epoch = -1;
    int r = folder_read_file(folder->os, folder->path, MARKER_MAX_BYTES, ".kafka_cleanshutdown",
                             &bytes, &size);
    if (r == -ENOENT) return 0;
    if (r < 0) return r;
    *clean = true;
    /* Older brokers leave an empty file; the epoch is then unknown. */
    const char *found = memmem(bytes, size, "\"brokerEpoch\":", 14);
    if (found != NULL) {
        struct slice digits = {(const uint8_t *)found + 14, 0};
        while (digits.data + digits.size < bytes + size &&
               strchr("-0123456789", digits.data[digits.size]) != NULL)
            digits.size++;
        if (slice_parse_int64(digits, -1, INT64_MAX, broker_epoch) < 0) *broker_epoch = -1;
    }
    memory_free(bytes);
    char path[OS_PATH_MAX];
    r = join(path, folder->path, ".kafka_cleanshutdown", "");
    if (r == 0) r = os_remove(folder->os, path);
    if (r == 0) r = os_dir_sync(folder->os, folder->path);
    return r;
}

int folder_mark_clean_shutdown(struct folder *folder, int64_t broker_epoch)
{
    char text[64];
    snprintf(text, sizeof(text), "{\"version\":0,\"brokerEpoch\":%lld}", (long long)broker_epoch);
    return folder_replace_file(folder->os, folder->path, ".kafka_cleanshutdown", slice_of(text));
}

int folder_parse_log_name(struct slice name, struct slice *topic, int32_t *partition)
{
    size_t dash = name.size;
    while (dash > 0 && name.data[dash - 1] != '-')
        dash--;
    int64_t number;
    if (dash < 2) return -EINVAL;
    struct slice digits = {name.data + dash, name.size - dash};
    if (digits.size == 0 || digits.data[0] == '-' || digits.data[0] == '+') return -EINVAL;
    if (slice_parse_int64(digits, 0, INT32_MAX, &number) < 0) return -EINVAL;
    *topic = (struct slice){name.data, dash - 1};
    *partition = (int32_t)number;
    return 0;
}

/* --- checkpoints ------------------------------------------------------------------------------ */

int folder_checkpoint_write(struct folder *folder, const char *name,
                            const struct folder_checkpoint_entry *entries, size_t count)
{
    struct writer writer;
    writer_init(&writer, CHECKPOINT_MAX_BYTES);
    writer_printf(&writer, "0\n%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        writer_put(&writer, entries[i].topic);
        writer_printf(&writer, " %d %lld\n", (int)entries[i].partition,
                      (long long)entries[i].offset);
    }
    int r = writer_error(&writer);
    if (r == 0) r = folder_replace_file(folder->os, folder->path, name, writer_slice(&writer));
    writer_deinit(&writer);
    return r;
}

static int parse_checkpoint(struct slice text,
                            int (*entry)(void *context,
                                         const struct folder_checkpoint_entry *entry),
                            void *context)
{
    if (text_is_empty(text)) return 0;
    int64_t version, count;
    int r = text_take_number(&text, &version);
    if (r == 0) r = text_take_number(&text, &count);
    if (r == 0 && version != 0) r = -EBADMSG;
    for (int64_t i = 0; r == 0 && i < count; i++) {
        struct folder_checkpoint_entry found;
        int64_t partition;
        r = text_take_word(&text, &found.topic);
        if (r == 0) r = text_take_number(&text, &partition);
        if (r == 0) r = text_take_number(&text, &found.offset);
        if (r == 0 && (partition < 0 || partition > INT32_MAX || found.offset < 0)) r = -EBADMSG;
        if (r < 0) break;
        found.partition = (int32_t)partition;
        r = entry(context, &found);
    }
    return r;
}

int folder_checkpoint_read(struct folder *folder, const char *name,
                           int (*entry)(void *context, const struct folder_checkpoint_entry *entry),
                           void *context)
{
    uint8_t *bytes;
    size_t size;
    int r = folder_read_file(folder->os, folder->path, CHECKPOINT_MAX_BYTES, name, &bytes, &size);
    if (r == -ENOENT) return 0;
    if (r < 0) return r;
    r = parse_checkpoint((struct slice){bytes, size}, entry, context);
    memory_free(bytes);
    return r;
}

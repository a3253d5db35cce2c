/*
 * One data folder (log.dirs): who it belongs to, whether it was stopped cleanly, what it holds.
 * meta.properties, .lock, .kafka_cleanshutdown and the checkpoint files, in Kafka's formats
 * (MetaProperties.java, CheckpointFile.java, CleanShutdownFileHandler.java).
 *
 * Every file here is replaced whole: temporary file, flush, rename, flush of the directory. It is
 * old or new after a crash, never half (invariant D9). All functions block; any thread, one at a
 * time.
 */
#ifndef GREGOR_LOG_FOLDER_H
#define GREGOR_LOG_FOLDER_H

#include "base/slice.h"
#include "base/uuid.h"
#include "os/os.h"

struct folder;

struct folder_identity {
    char cluster_id[64];
    int32_t node_id;
    struct uuid directory_id;
};

/* Puts `name` with `bytes` into directory `path`, whole or not at all; that it is there lasts when
 * the directory is synced. */
MUST_USE int folder_put_file(struct os *os, const char *path, const char *name, struct slice bytes);
/* Replaces `name` in directory `path` by `bytes`, durably. The one way files are replaced. */
MUST_USE int folder_replace_file(struct os *os, const char *path, const char *name,
                                 struct slice bytes);
/* The small file `name` in `path` as a whole, at most `max` bytes, into fresh memory (memory_free).
 * -ENOENT; -EFBIG. */
MUST_USE int folder_read_file(struct os *os, const char *path, size_t max, const char *name,
                              uint8_t **bytes, size_t *size);

/* Makes the folder and its parents, where absent. */
MUST_USE int folder_make(struct os *os, const char *path);
/* Writes meta.properties (version 1), making the folder and its parents if absent. -EEXIST:
 * formatted already. */
MUST_USE int folder_format(struct os *os, const char *path, const struct folder_identity *identity);
/* The same for a folder that has one already: it is replaced. */
MUST_USE int folder_identity_write(struct os *os, const char *path,
                                   const struct folder_identity *identity);
/* -ENOENT: not formatted; -EBADMSG: a file we cannot read. */
MUST_USE int folder_identity_read(struct os *os, const char *path,
                                  struct folder_identity *identity);

/* Takes the lock. -EWOULDBLOCK: in use by another process; -ENOENT: no such folder. */
MUST_USE int folder_open(struct os *os, const char *path, struct folder **opened);
struct folder *folder_close(struct folder *folder); /* gives the lock back; NULL is fine */
const char *folder_path(const struct folder *folder);

/* Was it stopped cleanly, and with which broker epoch (-1: unknown)? Removes the marker durably. */
MUST_USE int folder_take_clean_shutdown(struct folder *folder, bool *clean, int64_t *broker_epoch);
MUST_USE int folder_mark_clean_shutdown(struct folder *folder, int64_t broker_epoch);

/* "topic-partition" split at its last dash; -EINVAL for names that are no such directory. */
MUST_USE int folder_parse_log_name(struct slice name, struct slice *topic, int32_t *partition);

/* Checkpoints: recovery-point-offset-checkpoint, log-start-offset-checkpoint,
 * replication-offset-checkpoint, cleaner-offset-checkpoint. */
struct folder_checkpoint_entry {
    struct slice topic;
    int32_t partition;
    int64_t offset;
};
MUST_USE int folder_checkpoint_write(struct folder *folder, const char *name,
                                     const struct folder_checkpoint_entry *entries, size_t count);
/* Calls back per entry; an absent file is empty. -EBADMSG: unreadable. */
MUST_USE int folder_checkpoint_read(struct folder *folder, const char *name,
                                    int (*entry)(void *context,
                                                 const struct folder_checkpoint_entry *entry),
                                    void *context);

#endif

/*
 * copy: a log's files into another folder while the log is in use; whole batches only, each with
 * its CRC checked on the way. What is being copied has Kafka's name for it,
 * "topic-partition.<uuid>-future", and is at any time a log that Kafka opens.
 *
 * What it never does: touch the log itself. Meanwhile the owner must keep the log from being
 * cleaned, cut, or losing segments; it may append.
 *
 * All functions block; any thread, one at a time.
 */
#ifndef GREGOR_LOG_COPY_H
#define GREGOR_LOG_COPY_H

#include "base/uuid.h"
#include "log/log.h"

struct log_copy;

/* From the directory of a log to a new one in `folder`. `stable`: segments that end there have
 * indexes that do not change any more. */
MUST_USE int log_copy_begin(struct os *os, const char *directory, const char *folder,
                            const struct uuid *unique, struct log_copy **begun);
/* Copies about `bytes_max` more, and says how many: 0 when it has come to the end as it is now.
 * `stable`: what lies below it has indexes that do not change any more. -EBADMSG: the log is
 * damaged there; errors of either folder, see log_copy_blames_source. */
MUST_USE int64_t log_copy_step(struct log_copy *copy, int64_t bytes_max, int64_t stable);
/* The log has been finished (log_finish): the rest, durably. */
MUST_USE int log_copy_finish(struct log_copy *copy);
/* Was it reading that failed? */
bool log_copy_blames_source(const struct log_copy *copy);
int64_t log_copy_end_offset(const struct log_copy *copy);
int64_t log_copy_bytes(const struct log_copy *copy);
const char *log_copy_directory(const struct log_copy *copy);
struct log_copy *log_copy_end(struct log_copy *copy); /* frees it; the files stay; NULL is fine */

/* "topic-partition.<uuid>-future" is whose? -EINVAL: no such name. */
MUST_USE int log_parse_future_name(struct slice name, struct slice *topic, int32_t *partition);

enum { LOG_COPY_NAME_MAX = 256 };

/* What the log's directory is called from when a copy of this name has taken its place. */
MUST_USE int log_copy_removed_name(struct slice future, char removed[LOG_COPY_NAME_MAX]);
/* A finished copy takes the place of the log: the old directory is renamed to `removed`, durably,
 * then the new one to `to`. A crash between the two leaves the copy, which is whole, and a
 * directory by the name above that says so. After an error the log is where it was. */
MUST_USE int log_copy_swap(struct log_copy *copy, const char *to, char removed[OS_PATH_MAX]);

#endif

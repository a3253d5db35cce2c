/* Cutting a log: its end, its beginning, all of it. */
#include "log/log_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static int remove_if_there(struct os *os, const char *path)
{
    int r = os_remove(os, path);
    return r == -ENOENT ? 0 : r;
}

int log_remove_segment_files(struct os *os, const char *directory, int64_t base_offset,
                             const char *state)
{
    /* The .log goes first: what is left without it is overwritten, or removed with the next. */
    static const char *const kinds[] = {".log", ".index", ".timeindex", ".txnindex"};
    int r = 0;
    for (size_t i = 0; i < ARRAY_COUNT(kinds) && r == 0; i++) {
        char suffix[32], path[OS_PATH_MAX];
        snprintf(suffix, sizeof(suffix), "%s%s", kinds[i], state);
        log_path(directory, base_offset, suffix, path);
        r = remove_if_there(os, path);
    }
    return r;
}

int log_remove_snapshot(struct os *os, const char *directory, int64_t offset)
{
    char path[OS_PATH_MAX];
    log_path(directory, offset, ".snapshot", path);
    return remove_if_there(os, path);
}

static int remove_last(struct log *log)
{
    struct log_segment *segment = log_last(log);
    int64_t base_offset = segment->base_offset;
    index_forget(log, segment);
    segment_destroy(segment);
    log->segment_count--;
    log->recent_count = 0;
    log->new_entries = true;
    int r = log_remove_segment_files(log->os, log->directory, base_offset, "");
    return r == 0 ? log_remove_snapshot(log->os, log->directory, base_offset) : r;
}

/* Cuts within the last segment. */
static int cut_segment(struct log *log, struct log_segment *segment, int64_t offset)
{
    int64_t position, base_offset;
    int r = segment_find(log, segment, offset, NULL, &position, &base_offset);
    if (r < 0) return r;
    struct os_file *file;
    r = segment_open_log(log, segment, &file);
    if (r == 0) r = index_save(log, segment);
    if (r == 0) r = os_file_truncate(file, position);
    if (r < 0) return r;
    segment_mark_dirty(segment);
    segment->size = segment->written = segment->reserved = position;
    log->recent_count = 0;
    struct log_recovery recovery = {0};
    return log_reload_last(log, base_offset >= 0 ? base_offset : offset, &recovery);
}

static int settle_end(struct log *log)
{
    epochs_truncate_end(&log->epochs, log->end_offset);
    log->written_offset = log->end_offset;
    if (log->flushed_offset > log->end_offset) log->flushed_offset = log->end_offset;
    if (log->start_offset > log->end_offset) log->start_offset = log->end_offset;
    return log_load_producers(log, false);
}

int log_truncate(struct log *log, int64_t offset)
{
    ASSERT(!log->flushing);
    ASSERT(!log->cleaning);
    ASSERT(offset >= 0);
    if (log->failed) return -EIO;
    int r = log_write(log);
    if (r < 0 || offset >= log->end_offset) return r;
    log->changes++;
    if (offset <= log->segments[0]->base_offset) return log_truncate_all(log, offset);
    while (r == 0 && log_last(log)->base_offset >= offset)
        r = remove_last(log);
    if (r == 0) r = cut_segment(log, log_last(log), offset);
    if (r == 0) r = settle_end(log);
    if (r < 0) log_fail(log);
    return r;
}

int log_truncate_all(struct log *log, int64_t offset)
{
    ASSERT(!log->flushing);
    ASSERT(!log->cleaning);
    ASSERT(offset >= 0);
    if (log->failed) return -EIO;
    int r = log_write(log);
    log->changes++;
    while (r == 0 && log->segment_count > 0)
        r = remove_last(log);
    log->end_offset = log->start_offset = offset;
    if (r == 0) r = log_start_segment(log, os_wall_ms(log->os));
    if (r == 0) r = settle_end(log);
    if (r < 0) log_fail(log);
    return r;
}

/* "orders-3" becomes "orders-3.<32 hex digits>-delete", the name cut where it would be too long.
 * (LocalLog.logDeleteDirName) */
int log_delete(struct log *log, const struct uuid *unique, char renamed[OS_PATH_MAX])
{
    enum { NAME_MAX_BYTES = 255, SUFFIX_BYTES = 1 + 32 + 7 };
    char hex[33];
    for (int i = 0; i < 16; i++)
        snprintf(hex + (size_t)i * 2, 3, "%02x", unique->bytes[i]);
    const char *slash = strrchr(log->directory, '/');
    size_t parent = slash == NULL ? 0 : (size_t)(slash - log->directory) + 1;
    size_t name = strlen(log->directory) - parent;
    if (name > NAME_MAX_BYTES - SUFFIX_BYTES) name = NAME_MAX_BYTES - SUFFIX_BYTES;
    int size =
        snprintf(renamed, OS_PATH_MAX, "%.*s.%s-delete", (int)(parent + name), log->directory, hex);
    return size < OS_PATH_MAX ? os_rename(log->os, log->directory, renamed) : -ENAMETOOLONG;
}

struct removal {
    struct os *os;
    const char *path;
};

static int remove_entry(void *context, const char *name, bool is_dir)
{
    const struct removal *removal = context;
    char path[OS_PATH_MAX];
    if (is_dir) return -ENOTEMPTY; /* not ours */
    int size = snprintf(path, sizeof(path), "%s/%s", removal->path, name);
    return size < OS_PATH_MAX ? remove_if_there(removal->os, path) : -ENAMETOOLONG;
}

int log_remove_directory(struct os *os, const char *path)
{
    struct removal removal = {os, path};
    int r = os_dir_list(os, path, remove_entry, &removal);
    if (r == 0) r = os_remove(os, path);
    return r == -ENOENT ? 0 : r;
}

/* Making what was written durable: on a worker, while the owner goes on appending. */
#include "log/log_private.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "log/folder.h"

enum { EPOCHS_TEXT_MAX = 16 << 20 };

static void add_file(struct log_flush *flush, struct log_file *file, int64_t base_offset,
                     int64_t written)
{
    if (flush->file_count == flush->file_capacity) {
        flush->file_capacity = flush->file_capacity == 0 ? 4 : flush->file_capacity * 2;
        flush->files =
            memory_grow(flush->files, (size_t)flush->file_capacity * sizeof(flush->files[0]));
    }
    log_file_pin(file);
    flush->files[flush->file_count++] = (struct log_flush_file){file, base_offset, written};
}

static int add_index(struct log *log, struct log_flush *flush, struct log_segment *segment)
{
    struct os_file *file;
    char path[OS_PATH_MAX];
    log_path(log->directory, segment->base_offset, ".index", path);
    int r = log_file_use(segment->index, path, OS_OPEN_CREATE, &file);
    if (r < 0) return r;
    add_file(flush, segment->index, segment->base_offset, -1);
    log_path(log->directory, segment->base_offset, ".timeindex", path);
    r = log_file_use(segment->time_index, path, OS_OPEN_CREATE, &file);
    if (r < 0) return r;
    add_file(flush, segment->time_index, segment->base_offset, -1);
    segment->indexes_dirty = false;
    return 0;
}

static struct log_flush *prepare(struct log *log)
{
    if (log->flush == NULL) {
        log->flush = memory_alloc_zero(sizeof(*log->flush));
        writer_init(&log->flush->epochs, EPOCHS_TEXT_MAX);
    }
    struct log_flush *flush = log->flush;
    writer_reset(&flush->epochs);
    flush->os = log->os;
    flush->directory = log->directory;
    flush->file_count = 0;
    flush->end_offset = log->written_offset;
    flush->sync_directory = log->new_entries;
    flush->sync_parent = log->new_directory;
    flush->result = 0;
    return flush;
}

struct log_flush *log_flush_begin(struct log *log, bool indexes)
{
    ASSERT(!log->flushing);
    if (log->failed) return NULL;
    struct log_flush *flush = prepare(log);
    flush->indexes = indexes;
    if (indexes) {
        flush->result = index_save(log, log_last(log));
        /* Indexes can be built again: a full disk only keeps them from being a recovery point. */
        if (flush->result == -ENOSPC) {
            flush->result = 0;
            flush->indexes = false;
        }
    }
    for (int32_t i = log->segment_count - 1; i >= 0; i--) {
        struct log_segment *segment = log->segments[i];
        bool sealed = segment != log_last(log);
        if (sealed && !segment->dirty && !segment->indexes_dirty) break;
        if (segment->dirty) add_file(flush, segment->log, segment->base_offset, segment->written);
        if (segment->indexes_dirty && (sealed || flush->indexes) && flush->result == 0)
            flush->result = add_index(log, flush, segment);
    }
    if (log->epochs.dirty) {
        epochs_print(&log->epochs, &flush->epochs);
        log->epochs.dirty = false;
    }
    if (flush->file_count == 0 && flush->epochs.size == 0 && !flush->sync_directory &&
        !flush->sync_parent && flush->result == 0)
        return NULL;
    log->new_entries = log->new_directory = false;
    log->flushing = true;
    return flush;
}

bool log_flush_has_indexes(const struct log_flush *flush)
{
    return flush->indexes;
}

/* That the directory is in its folder. */
static int sync_parent(const struct log_flush *flush)
{
    char parent[OS_PATH_MAX];
    size_t size = strlen(flush->directory);
    while (size > 0 && flush->directory[size - 1] != '/')
        size--;
    ASSERT(size < sizeof(parent));
    memcpy(parent, flush->directory, size);
    parent[size] = 0;
    return os_dir_sync(flush->os, size > 0 ? parent : ".");
}

void log_flush_run(struct log_flush *flush)
{
    int r = flush->result;
    for (int i = 0; i < flush->file_count && r == 0; i++)
        r = os_file_sync(flush->files[i].file->file);
    if (r == 0) r = writer_error(&flush->epochs);
    /* Replacing a file flushes the directory too. */
    if (r == 0 && flush->epochs.size > 0)
        r = folder_replace_file(flush->os, flush->directory, "leader-epoch-checkpoint",
                                writer_slice(&flush->epochs));
    else if (r == 0 && flush->sync_directory)
        r = os_dir_sync(flush->os, flush->directory);
    if (r == 0 && flush->sync_parent) r = sync_parent(flush);
    flush->result = r;
}

/* A segment whose bytes are all durable needs its file open no longer. */
static void settle(struct log *log, const struct log_flush_file *entry)
{
    if (entry->written < 0) return; /* an index */
    int32_t at = log_segment_at(log, entry->base_offset);
    struct log_segment *segment = log->segments[at];
    if (segment->base_offset != entry->base_offset) return; /* removed meanwhile */
    if (segment->written > entry->written) return;          /* there is more by now */
    segment_mark_clean(segment);
}

/* A file that could not be opened was not flushed in vain: all of it is left to the next one. */
static void take_back(struct log *log, const struct log_flush *flush)
{
    if (flush->sync_directory) log->new_entries = true;
    if (flush->sync_parent) log->new_directory = true;
    if (flush->epochs.size > 0) log->epochs.dirty = true;
    for (int i = 0; i < flush->file_count; i++) {
        const struct log_flush_file *entry = &flush->files[i];
        struct log_segment *segment = log->segments[log_segment_at(log, entry->base_offset)];
        if (entry->written < 0 && segment->base_offset == entry->base_offset)
            segment->indexes_dirty = true;
    }
}

int log_flush_end(struct log *log, struct log_flush *flush)
{
    bool starved = flush->result == -EMFILE || flush->result == -ENFILE;
    ASSERT(log->flushing);
    ASSERT(flush == log->flush);
    log->flushing = false;
    if (starved) take_back(log, flush);
    for (int i = 0; i < flush->file_count; i++) {
        if (flush->result == 0) settle(log, &flush->files[i]);
        log_file_unpin(flush->files[i].file);
    }
    flush->file_count = 0;
    if (starved) return flush->result;
    if (flush->result < 0) {
        log_fail(log);
        return flush->result;
    }
    ASSERT(flush->end_offset <= log->end_offset);
    if (flush->end_offset > log->flushed_offset) log->flushed_offset = flush->end_offset;
    return 0;
}

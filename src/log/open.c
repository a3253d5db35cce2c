/*
 * Making, opening and closing a log's directory.
 *
 * partition.metadata       version: 0
 *                          topic_id: 3Db5QLSqSZieL3rJBUUegA
 */
#include "log/log_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "log/clean_private.h"
#include "log/folder.h"
#include "log/text.h"

enum { METADATA_MAX_BYTES = 4096, FILE_NAME_ROOM = 64, BASES_MAX = 1 << 24 };

static struct log *make(struct os *os, struct log_files *files, const struct log_options *options)
{
    struct log *log = memory_alloc_zero(sizeof(*log));
    log->os = os;
    log->files = files;
    log->directory = memory_copy_text(options->directory);
    log->topic_id = options->topic_id;
    log->config = options->config;
    log->jitter_seed = options->jitter_seed;
    log->start_offset = options->log_start_offset;
    producers_init(&log->producers, options->jitter_seed);
    return log;
}

/* --- partition.metadata ----------------------------------------------------------------------- */

static int write_metadata(const struct log *log)
{
    char id[UUID_TEXT_SIZE], text[METADATA_MAX_BYTES];
    uuid_format(&log->topic_id, id);
    snprintf(text, sizeof(text), "version: 0\ntopic_id: %s", id);
    return folder_put_file(log->os, log->directory, "partition.metadata", slice_of(text));
}

static int parse_metadata(struct slice text, struct uuid *topic_id)
{
    struct slice word;
    int64_t version;
    int r = text_take_word(&text, &word);
    if (r == 0 && !slice_equal(word, SLICE("version:"))) r = -EBADMSG;
    if (r == 0) r = text_take_number(&text, &version);
    if (r == 0 && version != 0) r = -EBADMSG;
    if (r == 0) r = text_take_word(&text, &word);
    if (r == 0 && !slice_equal(word, SLICE("topic_id:"))) r = -EBADMSG;
    if (r == 0) r = text_take_word(&text, &word);
    if (r == 0) r = uuid_parse(word, topic_id);
    return r;
}

int log_read_topic_id(struct os *os, const char *directory, struct uuid *topic_id)
{
    uint8_t *bytes;
    size_t size;
    int r =
        folder_read_file(os, directory, METADATA_MAX_BYTES, "partition.metadata", &bytes, &size);
    if (r < 0) return r;
    r = parse_metadata((struct slice){bytes, size}, topic_id);
    memory_free(bytes);
    return r;
}

/* One without the file becomes ours. */
static int check_metadata(const struct log *log)
{
    if (uuid_is_zero(&log->topic_id)) return 0;
    struct uuid topic_id;
    int r = log_read_topic_id(log->os, log->directory, &topic_id);
    if (r == -ENOENT) return write_metadata(log);
    if (r < 0) return r;
    return uuid_equal(&topic_id, &log->topic_id) ? 0 : -EUCLEAN;
}

/* --- create ----------------------------------------------------------------------------------- */

int log_create(struct os *os, struct log_files *files, const struct log_options *options,
               struct log **created)
{
    if (strlen(options->directory) + FILE_NAME_ROOM > OS_PATH_MAX) return -ENAMETOOLONG;
    int r = os_dir_create(os, options->directory);
    if (r < 0) return r;
    struct log *log = make(os, files, options);
    log->end_offset = log->written_offset = log->flushed_offset = log->start_offset;
    char path[OS_PATH_MAX];
    struct os_file *file;
    log_path(log->directory, log->end_offset, ".log", path);
    r = os_file_open(os, path, OS_OPEN_EXCLUSIVE, &file);
    bool ours = r == 0;
    if (r == 0) {
        os_file_close(file);
        r = log_start_segment(log, os_wall_ms(os));
    }
    if (r == 0 && !uuid_is_zero(&log->topic_id)) r = write_metadata(log);
    log->new_directory = true; /* the first flush makes all of it last */
    if (r < 0) {
        log_destroy(log);
        /* What is half made is not there: who tries again must not find it somebody else's. */
        int removed = ours ? os_remove(os, path) : 0;
        return removed < 0 ? removed : r;
    }
    *created = log;
    return 0;
}

/* --- open ------------------------------------------------------------------------------------- */

struct listing {
    struct log *log;
    int64_t *bases;
    int32_t count, capacity;
};

static bool ends_with(struct slice name, const char *suffix)
{
    struct slice end = slice_of(suffix);
    return name.size >= end.size &&
           memcmp(name.data + name.size - end.size, end.data, end.size) == 0;
}

/* The offset in "00000000000000000042.log", if it is such a name. */
static bool parse_name(struct slice name, const char *suffix, int64_t *offset)
{
    if (name.size != 20 + strlen(suffix) || !ends_with(name, suffix)) return false;
    name.size = 20;
    return slice_parse_int64(name, 0, INT64_MAX, offset) == 0;
}

static int list_entry(void *context, const char *name, bool is_dir)
{
    struct listing *listing = context;
    struct slice text = slice_of(name);
    if (is_dir) return 0;
    if (ends_with(text, ".deleted") || ends_with(text, ".cleaned") || ends_with(text, ".tmp")) {
        /* What somebody was about to remove, or had not finished making. */
        char path[OS_PATH_MAX];
        int size = snprintf(path, sizeof(path), "%s/%s", listing->log->directory, name);
        return size < OS_PATH_MAX ? os_remove(listing->log->os, path) : -ENAMETOOLONG;
    }
    int64_t offset;
    if (!parse_name(text, ".log", &offset)) return 0;
    if (listing->count == BASES_MAX) return -E2BIG;
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity == 0 ? 16 : listing->capacity * 2;
        listing->bases =
            memory_grow(listing->bases, (size_t)listing->capacity * sizeof(listing->bases[0]));
    }
    listing->bases[listing->count++] = offset;
    return 0;
}

static int compare_bases(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

/* Snapshots of producers beyond the log's end tell of records that are gone; of the others, those
 * at segments' beginnings and the newest are worth keeping.
 * (ProducerStateManager.removeStraySnapshots) */
static int remove_stray_snapshot(void *context, const char *name, bool is_dir)
{
    struct log *log = context;
    int64_t offset;
    if (is_dir || !parse_name(slice_of(name), ".snapshot", &offset)) return 0;
    if (offset <= log->end_offset) {
        if (offset == log->producers.snapshot_offset) return 0;
        int32_t at = log_segment_at(log, offset);
        if (log->segments[at]->base_offset == offset) return 0;
    }
    char path[OS_PATH_MAX];
    log_path(log->directory, offset, ".snapshot", path);
    return os_remove(log->os, path);
}

static int load(struct log *log, const struct log_options *options, struct log_recovery *recovery)
{
    struct listing listing = {.log = log};
    int64_t point = options->clean ? INT64_MAX : options->recovery_point;
    int r = check_metadata(log);
    if (r == 0) r = epochs_load(&log->epochs, log->os, log->directory);
    if (r == -EBADMSG) {
        /* Every batch tells its epoch: reading all of them builds the file again. */
        epochs_deinit(&log->epochs);
        log->epochs.dirty = true;
        point = 0;
        r = 0;
    }
    if (r == 0) r = swap_recover(log->os, log->directory);
    if (r == 0) r = os_dir_list(log->os, log->directory, list_entry, &listing);
    if (r == 0 && listing.count > 0)
        qsort(listing.bases, (size_t)listing.count, sizeof(listing.bases[0]), compare_bases);
    if (r == 0) r = log_recover(log, listing.bases, listing.count, point, recovery);
    memory_free(listing.bases);
    if (r == 0) r = log_load_producers(log, options->clean);
    if (r == 0) r = os_dir_list(log->os, log->directory, remove_stray_snapshot, log);
    if (r < 0) return r;
    ASSERT(log->segments[0]->base_offset <= log->start_offset);
    epochs_truncate_start(&log->epochs, log->start_offset);
    log->flushed_offset = log->end_offset;
    /* Who was killed may not have had the time to make its names last. */
    if (!options->clean) log->new_entries = log->new_directory = true;
    return 0;
}

int log_open(struct os *os, struct log_files *files, const struct log_options *options,
             struct log_recovery *recovery, struct log **opened)
{
    if (strlen(options->directory) + FILE_NAME_ROOM > OS_PATH_MAX) return -ENAMETOOLONG;
    struct log *log = make(os, files, options);
    *recovery = (struct log_recovery){.recovered = !options->clean};
    int r = load(log, options, recovery);
    if (r < 0) {
        log_destroy(log);
        return r;
    }
    ASSERT(log->start_offset <= log->end_offset);
    ASSERT(log->written_offset == log->end_offset);
    *opened = log;
    return 0;
}

/* --- close ------------------------------------------------------------------------------------ */

int log_finish(struct log *log)
{
    if (log->failed) return -EIO;
    int r = log_write(log);
    if (r == 0) r = segment_seal(log, log_last(log));
    if (r < 0) return r;
    struct log_flush *flush = log_flush_begin(log, true);
    if (flush != NULL) {
        log_flush_run(flush);
        r = log_flush_end(log, flush);
    }
    if (r == 0 && log_producer_count(log) > 0)
        r = producers_save(&log->producers, log->os, log->directory, log->end_offset);
    return r;
}

int log_close(struct log *log)
{
    if (log == NULL) return 0;
    int r = log_finish(log);
    log_destroy(log);
    return r;
}

struct log *log_destroy(struct log *log)
{
    if (log == NULL) return NULL;
    ASSERT(!log->flushing);
    ASSERT(!log->cleaning);
    for (int32_t i = 0; i < log->segment_count; i++)
        segment_destroy(log->segments[i]);
    if (log->flush != NULL) {
        writer_deinit(&log->flush->epochs);
        memory_free(log->flush->files);
        memory_free(log->flush);
    }
    producers_deinit(&log->producers);
    epochs_deinit(&log->epochs);
    memory_free(log->segments);
    memory_free(log->index);
    memory_free(log->recent);
    memory_free(log->staged);
    memory_free(log->directory);
    memory_free(log);
    return NULL;
}

/* --- what there is ---------------------------------------------------------------------------- */

void log_configure(struct log *log, const struct log_config *config)
{
    log->config = *config;
}

int64_t log_start_offset(const struct log *log)
{
    return log->start_offset;
}

int64_t log_end_offset(const struct log *log)
{
    return log->end_offset;
}

int64_t log_flushed_offset(const struct log *log)
{
    return log->flushed_offset;
}

int64_t log_size_bytes(const struct log *log)
{
    int64_t size = 0;
    for (int32_t i = 0; i < log->segment_count; i++)
        size += log->segments[i]->size;
    return size;
}

int32_t log_segment_count(const struct log *log)
{
    return log->segment_count;
}

const char *log_directory(const struct log *log)
{
    return log->directory;
}

bool log_has_failed(const struct log *log)
{
    return log->failed;
}

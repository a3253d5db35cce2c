#include "log/copy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "log/folder.h"
#include "log/log_private.h"

enum { CHUNK_BYTES = 1 << 20, UNIQUE_SIZE = 32, SMALL_FILE_MAX = 1 << 30 };

static const char FUTURE[] = "-future";

struct log_copy {
    struct os *os;
    char *from, *to;
    int64_t base_offset; /* of the segment that is being copied; -1: none yet */
    int64_t position;    /* in it */
    int64_t end_offset;  /* behind the last batch that is copied */
    int64_t bytes;       /* copied, of all segments */
    int64_t indexed;     /* segments below this one have their indexes */
    uint8_t *chunk;
    size_t chunk_size;
    bool blames_source;
    bool finished;
};

/* --- names ------------------------------------------------------------------------------------ */

static void format_unique(const struct uuid *unique, char text[UNIQUE_SIZE + 1])
{
    for (size_t i = 0; i < sizeof(unique->bytes); i++)
        snprintf(text + i * 2, 3, "%02x", unique->bytes[i]);
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

int log_parse_future_name(struct slice name, struct slice *topic, int32_t *partition)
{
    size_t suffix = 1 + UNIQUE_SIZE + sizeof(FUTURE) - 1;
    if (name.size <= suffix) return -EINVAL;
    const char *end = (const char *)name.data + name.size;
    if (memcmp(end - (sizeof(FUTURE) - 1), FUTURE, sizeof(FUTURE) - 1) != 0) return -EINVAL;
    if (name.data[name.size - suffix] != '.') return -EINVAL;
    return folder_parse_log_name((struct slice){name.data, name.size - suffix}, topic, partition);
}

/* --- segments --------------------------------------------------------------------------------- */

struct search {
    int64_t after, found; /* the least base offset behind `after`; INT64_MAX: none */
};

static int find_base(void *context, const char *name, bool is_dir)
{
    struct search *search = context;
    struct slice digits = {(const uint8_t *)name, 20};
    int64_t base_offset;
    if (is_dir || strlen(name) != 24 || strcmp(name + 20, ".log") != 0) return 0;
    if (slice_parse_int64(digits, 0, INT64_MAX, &base_offset) < 0) return 0;
    if (base_offset > search->after && base_offset < search->found) search->found = base_offset;
    return 0;
}

static int next_base(struct log_copy *copy, int64_t after, int64_t *found)
{
    struct search search = {.after = after, .found = INT64_MAX};
    int r = os_dir_list(copy->os, copy->from, find_base, &search);
    if (r < 0) copy->blames_source = true;
    *found = search.found;
    return r;
}

static int open_both(struct log_copy *copy, struct os_file **source, struct os_file **target)
{
    char path[OS_PATH_MAX];
    *source = *target = NULL;
    log_path(copy->from, copy->base_offset, ".log", path);
    int r = os_file_open(copy->os, path, OS_OPEN_READ, source);
    if (r < 0) {
        copy->blames_source = true;
        return r;
    }
    log_path(copy->to, copy->base_offset, ".log", path);
    return os_file_open(copy->os, path, OS_OPEN_CREATE, target);
}

/* Whole, sound batches at the front of `size` bytes; their number of bytes. 0: the first is not
 * whole, and *needed says how much it takes. */
static int64_t measure(struct log_copy *copy, size_t size, size_t *needed)
{
    struct slice rest = {copy->chunk, size};
    struct batch batch;
    *needed = BATCH_HEADER_SIZE;
    if (size < BATCH_HEADER_SIZE) return 0;
    if (batch_peek(rest, &batch, needed) < 0) return -EBADMSG;
    while (rest.size >= BATCH_HEADER_SIZE) {
        size_t whole;
        if (batch_peek(rest, &batch, &whole) < 0) return -EBADMSG;
        if (whole > rest.size) break;
        if (batch_take(&rest, &batch) < 0 || !batch_crc_matches(&batch)) return -EBADMSG;
        copy->end_offset = batch_last_offset(&batch) + 1;
    }
    return (int64_t)(size - rest.size);
}

static void grow_chunk(struct log_copy *copy, size_t size)
{
    if (size <= copy->chunk_size) return;
    copy->chunk = memory_grow(copy->chunk, size);
    copy->chunk_size = size;
}

/* One chunk of the segment; 0: there is no whole batch more. */
static int64_t copy_chunk(struct log_copy *copy, struct os_file *source, struct os_file *target)
{
    size_t needed = CHUNK_BYTES;
    int64_t whole = 0;
    for (int round = 0; round < 2 && whole == 0; round++) {
        if (needed > LOG_BATCH_MAX) whole = -EBADMSG;
        if (whole < 0) break;
        grow_chunk(copy, needed);
        int64_t asked = (int64_t)needed;
        int64_t got = os_file_read(source, copy->chunk, needed, copy->position);
        whole = got > 0 ? measure(copy, (size_t)got, &needed) : got;
        if (got < asked) break;
    }
    if (whole < 0) copy->blames_source = true;
    if (whole <= 0) return whole;
    ASSERT((size_t)whole <= copy->chunk_size);
    struct slice bytes = {copy->chunk, (size_t)whole};
    int r = os_file_write(target, &bytes, 1, copy->position);
    if (r < 0) return r;
    copy->position += whole;
    copy->bytes += whole;
    return whole;
}

/* To the end of the segment as it is now, durably if it `is_last` of what will ever be there. */
static int64_t copy_segment(struct log_copy *copy, int64_t bytes_max, bool is_sealed)
{
    struct os_file *source, *target;
    int64_t sum = 0, part = 0;
    int r = open_both(copy, &source, &target);
    ASSERT(copy->base_offset >= 0);
    while (r == 0 && sum < bytes_max && (part = copy_chunk(copy, source, target)) > 0)
        sum += part;
    if (r == 0 && part < 0) r = (int)part;
    if (r == 0 && part == 0 && is_sealed) {
        int64_t size = 0;
        r = os_file_size(source, &size);
        if (r == 0 && size != copy->position) r = -EBADMSG; /* bytes that are no batch */
        if (r < 0) copy->blames_source = true;
        if (r == 0) r = os_file_sync(target);
    }
    os_file_close(source);
    os_file_close(target);
    return r < 0 ? r : sum;
}

/* --- the small files -------------------------------------------------------------------------- */

static int copy_file(struct log_copy *copy, const char *name)
{
    uint8_t *bytes;
    size_t size;
    char path[OS_PATH_MAX];
    int r = folder_read_file(copy->os, copy->from, SMALL_FILE_MAX, name, &bytes, &size);
    if (r == -ENOENT) return 0;
    if (r < 0) {
        copy->blames_source = true;
        return r;
    }
    snprintf(path, sizeof(path), "%s/%s", copy->to, name);
    struct os_file *file = NULL;
    struct slice slice = {bytes, size};
    r = os_file_open(copy->os, path, OS_OPEN_REPLACE, &file);
    if (r == 0 && size > 0) r = os_file_write(file, &slice, 1, 0);
    if (r == 0) r = os_file_sync(file);
    os_file_close(file);
    memory_free(bytes);
    return r;
}

static int copy_indexes(struct log_copy *copy, int64_t base_offset)
{
    ASSERT(base_offset >= 0);
    static const char *const kinds[] = {".index", ".timeindex", ".txnindex"};
    int r = 0;
    for (size_t i = 0; i < ARRAY_COUNT(kinds) && r == 0; i++) {
        char name[48];
        snprintf(name, sizeof(name), "%020lld%s", (long long)base_offset, kinds[i]);
        r = copy_file(copy, name);
    }
    return r;
}

/* Of all segments that end at `stable` or below, and are copied. */
static int index_below(struct log_copy *copy, int64_t stable)
{
    int64_t base, next;
    int r = next_base(copy, copy->indexed - 1, &base);
    while (r == 0 && base < copy->base_offset) {
        r = next_base(copy, base, &next);
        if (r < 0 || next > stable) return r;
        ASSERT(next > base);
        r = copy_indexes(copy, base);
        if (r == 0) copy->indexed = next;
        base = next;
    }
    return r;
}

static int copy_snapshot(void *context, const char *name, bool is_dir)
{
    size_t size = strlen(name);
    bool is_snapshot = size == 29 && strcmp(name + 20, ".snapshot") == 0;
    return is_dir || !is_snapshot ? 0 : copy_file(context, name);
}

/* --- all of it -------------------------------------------------------------------------------- */

int log_copy_begin(struct os *os, const char *directory, const char *folder,
                   const struct uuid *unique, struct log_copy **begun)
{
    char text[UNIQUE_SIZE + 1], to[OS_PATH_MAX];
    format_unique(unique, text);
    int size = snprintf(to, sizeof(to), "%s/%s.%s%s", folder, last_name(directory), text, FUTURE);
    if (size + 64 >= OS_PATH_MAX) return -ENAMETOOLONG;
    int r = os_dir_create(os, to);
    if (r < 0) return r;
    struct log_copy *copy = memory_alloc_zero(sizeof(*copy));
    copy->os = os;
    copy->from = memory_copy_text(directory);
    copy->to = memory_copy_text(to);
    copy->base_offset = -1;
    r = copy_file(copy, "partition.metadata");
    if (r == 0) r = copy_file(copy, "leader-epoch-checkpoint");
    if (r == 0) r = os_dir_sync(os, folder);
    if (r < 0) {
        log_copy_end(copy);
        return r;
    }
    *begun = copy;
    return 0;
}

int64_t log_copy_step(struct log_copy *copy, int64_t bytes_max, int64_t stable)
{
    ASSERT(bytes_max > 0);
    ASSERT(!copy->finished);
    int64_t next, sum = 0;
    while (sum < bytes_max) {
        int r = next_base(copy, copy->base_offset, &next);
        if (r < 0) return r;
        if (copy->base_offset >= 0) {
            int64_t part = copy_segment(copy, bytes_max - sum, next != INT64_MAX);
            if (part < 0) return part;
            sum += part;
            if (sum >= bytes_max) break;
        }
        if (next == INT64_MAX) break;
        copy->base_offset = next;
        copy->position = 0;
        if (copy->end_offset < next) copy->end_offset = next;
    }
    int r = index_below(copy, stable);
    return r < 0 ? r : sum;
}

int log_copy_finish(struct log_copy *copy)
{
    int64_t copied;
    ASSERT(!copy->finished);
    do
        copied = log_copy_step(copy, INT64_MAX, 0);
    while (copied > 0);
    int r = (int)copied;
    if (r == 0) r = (int)copy_segment(copy, INT64_MAX, true); /* it is the last: durable */
    if (r == 0) r = index_below(copy, INT64_MAX - 1);
    if (r == 0) r = copy_indexes(copy, copy->base_offset);
    if (r == 0) r = copy_file(copy, "leader-epoch-checkpoint");
    if (r == 0) r = os_dir_list(copy->os, copy->from, copy_snapshot, copy);
    copy->finished = r == 0;
    return r == 0 ? os_dir_sync(copy->os, copy->to) : r;
}

bool log_copy_blames_source(const struct log_copy *copy)
{
    return copy->blames_source;
}

int64_t log_copy_end_offset(const struct log_copy *copy)
{
    return copy->end_offset;
}

int64_t log_copy_bytes(const struct log_copy *copy)
{
    return copy->bytes;
}

const char *log_copy_directory(const struct log_copy *copy)
{
    return copy->to;
}

struct log_copy *log_copy_end(struct log_copy *copy)
{
    if (copy == NULL) return NULL;
    memory_free(copy->from);
    memory_free(copy->to);
    memory_free(copy->chunk);
    memory_free(copy);
    return NULL;
}

int log_copy_removed_name(struct slice future, char removed[LOG_COPY_NAME_MAX])
{
    if (future.size >= LOG_COPY_NAME_MAX) return -ENAMETOOLONG;
    snprintf(removed, LOG_COPY_NAME_MAX, "%.*s-delete", (int)(future.size - strlen(FUTURE)),
             (const char *)future.data);
    return 0;
}

static int sync_parent(struct os *os, const char *path)
{
    char parent[OS_PATH_MAX];
    snprintf(parent, sizeof(parent), "%.*s", (int)(last_name(path) - path), path);
    return os_dir_sync(os, parent);
}

int log_copy_swap(struct log_copy *copy, const char *to, char removed[OS_PATH_MAX])
{
    char name[LOG_COPY_NAME_MAX];
    ASSERT(copy->finished);
    int r = log_copy_removed_name(slice_of(last_name(copy->to)), name);
    if (r < 0) return r;
    int size = snprintf(removed, OS_PATH_MAX, "%.*s%s", (int)(last_name(copy->from) - copy->from),
                        copy->from, name);
    if (size >= OS_PATH_MAX) return -ENAMETOOLONG;
    r = os_rename(copy->os, copy->from, removed);
    if (r < 0) {
        copy->blames_source = true;
        return r;
    }
    r = sync_parent(copy->os, removed);
    if (r == 0) r = os_rename(copy->os, copy->to, to);
    if (r == 0) return sync_parent(copy->os, to);
    int back = os_rename(copy->os, removed, copy->from);
    return back < 0 ? back : r;
}

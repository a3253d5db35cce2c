/*
 * How a cleaned segment takes the place of those it was made of, so that a crash at any moment
 * leaves the old ones or the new one, never both and never neither.
 *
 *   x.log.cleaned   being made; a crash throws it away
 *   x.log.swap      whole and durable; a crash completes it: the segments that it covers, from x to
 *                   where its last batch ends, go, and it takes its name
 *   x.log.deleted   an old one that has left; a crash removes it
 *
 * Segments are prepared in ascending order, each durably before the next: a tombstone must not go
 * while what it deletes comes back. (LogLoader, LocalLog.replaceSegments)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "log/clean_private.h"

enum { SWAPS_MAX = 1 << 20 };

/* The .log comes last: while it has its old name the others are not believed. */
static const char *const kinds[] = {".index", ".timeindex", ".txnindex", ".log"};

/* From "<base><kind><from>" to "<base><kind><to>"; what is not there stays away. */
static int rename_kind(struct os *os, const char *directory, int64_t base_offset, const char *kind,
                       const char *from, const char *to)
{
    char suffix[32], source[OS_PATH_MAX], target[OS_PATH_MAX];
    snprintf(suffix, sizeof(suffix), "%s%s", kind, from);
    log_path(directory, base_offset, suffix, source);
    snprintf(suffix, sizeof(suffix), "%s%s", kind, to);
    log_path(directory, base_offset, suffix, target);
    int r = os_rename(os, source, target);
    return r == -ENOENT ? 0 : r;
}

static int rename_all(struct os *os, const char *directory, int64_t base_offset, const char *from,
                      const char *to)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_COUNT(kinds) && r == 0; i++)
        r = rename_kind(os, directory, base_offset, kinds[i], from, to);
    return r;
}

int swap_prepare(struct os *os, const char *directory, int64_t base_offset)
{
    int r = rename_all(os, directory, base_offset, ".cleaned", ".swap");
    return r == 0 ? os_dir_sync(os, directory) : r;
}

int swap_finish(struct os *os, const char *directory, const int64_t *bases, int32_t count)
{
    ASSERT(count > 0);
    int r = 0;
    for (int32_t i = 0; i < count && r == 0; i++)
        r = rename_all(os, directory, bases[i], "", LOG_OLD);
    return r == 0 ? rename_all(os, directory, bases[0], ".swap", "") : r;
}

void swap_abandon(struct os *os, const char *directory, int64_t base_offset)
{
    /* What cannot be removed now is thrown away when the log is opened. */
    int r = log_remove_segment_files(os, directory, base_offset, ".cleaned");
    if (r == 0) r = log_remove_segment_files(os, directory, base_offset, ".swap");
    (void)r;
}

/* --- after a crash ---------------------------------------------------------------------------- */

struct leftovers {
    struct os *os;
    const char *directory;
    int64_t *bases; /* of .log.swap files */
    int32_t count, capacity;
    int64_t unfinished; /* the least base offset of a .cleaned file */
    bool others;        /* of indexes */
};

static bool parse_base(const char *name, const char *suffix, int64_t *base_offset)
{
    struct slice text = slice_of(name);
    size_t size = strlen(suffix);
    if (text.size != 20 + size || strcmp(name + 20, suffix) != 0) return false;
    text.size = 20;
    return slice_parse_int64(text, 0, INT64_MAX, base_offset) == 0;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t size = strlen(name), end = strlen(suffix);
    return size >= end && strcmp(name + size - end, suffix) == 0;
}

static int find_swap(void *context, const char *name, bool is_dir)
{
    struct leftovers *left = context;
    int64_t base_offset;
    if (!is_dir && parse_base(name, ".log.cleaned", &base_offset) && base_offset < left->unfinished)
        left->unfinished = base_offset;
    if (is_dir || !ends_with(name, ".swap")) return 0;
    left->others = true;
    if (!parse_base(name, ".log.swap", &base_offset)) return 0;
    if (left->count == SWAPS_MAX) return -E2BIG;
    if (left->count == left->capacity) {
        left->capacity = left->capacity == 0 ? 4 : left->capacity * 2;
        left->bases = memory_grow(left->bases, (size_t)left->capacity * sizeof(left->bases[0]));
    }
    left->bases[left->count++] = base_offset;
    return 0;
}

/* Where the last batch of a swap file ends. -EBADMSG: nobody would leave such a one. */
static int find_end(struct leftovers *left, int64_t base_offset, int64_t *end)
{
    char path[OS_PATH_MAX];
    struct os_file *file;
    int64_t size;
    log_path(left->directory, base_offset, ".log.swap", path);
    int r = os_file_open(left->os, path, OS_OPEN_READ, &file);
    if (r < 0) return r;
    r = os_file_size(file, &size);
    *end = base_offset;
    struct scan scan;
    struct batch batch;
    int64_t position;
    scan_start(&scan, file, 0, r == 0 ? size : 0);
    while (r == 0 && (r = scan_next(&scan, &batch, &position)) == 1) {
        r = batch.base_offset >= *end && batch_crc_matches(&batch) ? 0 : -EBADMSG;
        *end = batch_last_offset(&batch) + 1;
    }
    scan_end(&scan);
    os_file_close(file);
    return r == -ENODATA ? -EBADMSG : r;
}

struct covered {
    struct leftovers *left;
    int64_t from, end;
};

static int remove_covered(void *context, const char *name, bool is_dir)
{
    const struct covered *covered = context;
    int64_t base_offset;
    if (is_dir || !parse_base(name, ".log", &base_offset)) return 0;
    if (base_offset < covered->from || base_offset >= covered->end) return 0;
    return log_remove_segment_files(covered->left->os, covered->left->directory, base_offset, "");
}

static int complete(struct leftovers *left, int64_t base_offset)
{
    struct covered covered = {.left = left, .from = base_offset};
    int r = find_end(left, base_offset, &covered.end);
    if (r == 0) r = os_dir_list(left->os, left->directory, remove_covered, &covered);
    /* Its indexes may be half renamed: without any they are built again. */
    if (r == 0) r = log_remove_segment_files(left->os, left->directory, base_offset, "");
    if (r == 0) r = rename_all(left->os, left->directory, base_offset, ".swap", "");
    return r;
}

static int remove_stray(void *context, const char *name, bool is_dir)
{
    const struct leftovers *left = context;
    char path[OS_PATH_MAX];
    if (is_dir || !ends_with(name, ".swap")) return 0;
    int size = snprintf(path, sizeof(path), "%s/%s", left->directory, name);
    return size < OS_PATH_MAX ? os_remove(left->os, path) : -ENAMETOOLONG;
}

int swap_recover(struct os *os, const char *directory)
{
    struct leftovers left = {.os = os, .directory = directory, .unfinished = INT64_MAX};
    int r = os_dir_list(os, directory, find_swap, &left);
    /* Kafka makes several of one, too: as long as one of them is not finished, none from there on
     * may take the old one's place. (LogLoader.removeTempFilesAndCollectSwapFiles) */
    for (int32_t i = 0; i < left.count && r == 0; i++)
        if (left.bases[i] < left.unfinished) r = complete(&left, left.bases[i]);
    memory_free(left.bases);
    if (r == 0 && left.others) r = os_dir_list(os, directory, remove_stray, &left);
    if (r == 0 && left.others) r = os_dir_sync(os, directory);
    return r;
}

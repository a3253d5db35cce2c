/* The batches of a segment's file in order, whole, through one buffer. For recovery, rebuilding and
 * searching; never on the path of a request. */
#include "log/log_private.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

enum { SCAN_BYTES = 256 << 10, SURVIVOR_BYTES = 1 << 20 };

void scan_start(struct scan *scan, struct os_file *file, int64_t position, int64_t end)
{
    ASSERT(position <= end);
    *scan =
        (struct scan){.file = file, .position = position, .end = end, .buffer_position = position};
}

void scan_end(struct scan *scan)
{
    memory_free(scan->buffer);
    scan->buffer = NULL;
}

/* Makes `size` bytes from scan->position on available, all of which lie before the end. The buffer
 * grows only for bytes that the file has. */
static int fill(struct scan *scan, size_t size)
{
    ASSERT(scan->position >= scan->buffer_position);
    ASSERT((int64_t)size <= scan->end - scan->position);
    size_t passed = (size_t)(scan->position - scan->buffer_position);
    if (passed > scan->filled) passed = scan->filled;
    if (scan->filled - passed >= size && scan->buffer_position + (int64_t)passed == scan->position)
        return 0;
    scan->filled -= passed;
    if (scan->filled > 0) memmove(scan->buffer, scan->buffer + passed, scan->filled);
    scan->buffer_position = scan->position;
    if (scan->capacity < size || scan->capacity == 0) {
        scan->capacity = size > SCAN_BYTES ? size : SCAN_BYTES;
        scan->buffer = memory_grow(scan->buffer, scan->capacity);
    }
    int64_t left = scan->end - scan->buffer_position - (int64_t)scan->filled;
    size_t room = scan->capacity - scan->filled;
    if ((int64_t)room > left) room = (size_t)left;
    int64_t got = os_file_read(scan->file, scan->buffer + scan->filled, room,
                               scan->buffer_position + (int64_t)scan->filled);
    if (got < 0) return (int)got;
    scan->filled += (size_t)got;
    return scan->filled >= size ? 0 : -ENODATA; /* the file is shorter than it was */
}

int scan_next(struct scan *scan, struct batch *batch, int64_t *position)
{
    int64_t left = scan->end - scan->position;
    if (left == 0) return 0;
    if (left < BATCH_HEADER_SIZE) return -ENODATA;
    int r = fill(scan, BATCH_HEADER_SIZE);
    if (r < 0) return r;
    size_t at = (size_t)(scan->position - scan->buffer_position);
    size_t size;
    r = batch_peek((struct slice){scan->buffer + at, BATCH_HEADER_SIZE}, batch, &size);
    if (r < 0) return r;
    if (size > LOG_BATCH_MAX) return -EBADMSG;
    if ((int64_t)size > left) return -ENODATA;
    r = fill(scan, size);
    if (r < 0) return r;
    at = (size_t)(scan->position - scan->buffer_position);
    struct slice bytes = {scan->buffer + at, size};
    r = batch_take(&bytes, batch);
    if (r < 0) return r;
    *position = scan->position;
    scan->position += (int64_t)size;
    return 1;
}

/* Looks at one place where a batch might begin. */
static int try_survivor(struct scan *scan, int64_t position, int64_t least_offset)
{
    struct batch batch;
    int64_t at;
    scan->position = position;
    int r = scan_next(scan, &batch, &at);
    if (r == -ENODATA || r == -EBADMSG) return 0;
    if (r <= 0) return r;
    return batch.base_offset >= least_offset && batch.last_offset_delta >= 0 &&
           batch_crc_matches(&batch);
}

int scan_for_survivor(struct scan *scan, int64_t position, int64_t least_offset)
{
    uint8_t *window = memory_alloc(SURVIVOR_BYTES);
    struct scan probe;
    int found = 0;
    scan_start(&probe, scan->file, position, scan->end);
    /* A batch has its magic at byte 16 and begins with an offset below 2^56. */
    for (int64_t base = position; found == 0 && base + BATCH_HEADER_SIZE <= scan->end;) {
        size_t size = SURVIVOR_BYTES;
        if ((int64_t)size > scan->end - base) size = (size_t)(scan->end - base);
        int64_t got = os_file_read(scan->file, window, size, base);
        if (got < BATCH_HEADER_SIZE) {
            if (got < 0) found = (int)got;
            break;
        }
        int64_t last = got - BATCH_HEADER_SIZE;
        for (int64_t i = 0; found == 0 && i <= last; i++) {
            const uint8_t *bytes = window + i;
            if (bytes[0] != 0 || bytes[16] != BATCH_MAGIC) continue;
            struct batch batch;
            size_t batch_size;
            int r = batch_peek((struct slice){bytes, BATCH_HEADER_SIZE}, &batch, &batch_size);
            if (r < 0 || batch.base_offset < least_offset || batch.count <= 0) continue;
            scan_end(&probe);
            scan_start(&probe, scan->file, base + i, scan->end);
            found = try_survivor(&probe, base + i, least_offset);
        }
        base += last + 1;
    }
    scan_end(&probe);
    memory_free(window);
    return found;
}

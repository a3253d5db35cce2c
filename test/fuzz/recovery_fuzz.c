/*
 * A partition's directory after whatever a crash, a disk or an operator did to it. The first byte
 * chooses how it is opened; the rest is split at its markers into the bytes of the segment, of its
 * indexes and of the producer snapshot. Whatever comes of it: the log opens or says why not, what
 * it opened can be read whole, appended to, stopped cleanly and opened again with nothing lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 5, SEGMENT_BYTES = 1 << 20 };

static void lay_out(struct slice input)
{
    static const char *const names[PARTS] = {
        "00000000000000000000.log", "00000000000000000000.index", "00000000000000000000.timeindex",
        "leader-epoch-checkpoint", "00000000000000000002.snapshot"};
    for (int i = 0; i < PARTS; i++)
        place_write(names[i], place_take_part(&input));
}

/* Everything from start to end, batch by batch, in order and without a gap to the end. */
static void read_all(struct log *log)
{
    int64_t offset = log_start_offset(log);
    uint8_t *bytes = malloc(1 << 20);
    ASSERT(bytes != NULL);
    while (offset < log_end_offset(log)) {
        struct log_extent extent;
        struct log_cold cold;
        int r = log_read(log, offset, INT64_MAX, 4096, true, true, &extent, &cold);
        if (r == -EBADMSG) break; /* below the recovery point nobody has looked */
        ASSERT(r == 0);
        ASSERT(extent.size <= 1 << 20);
        int64_t got = os_file_read(extent.file, bytes, extent.size, extent.position);
        log_extent_release(&extent);
        ASSERT(got == (int64_t)extent.size);
        struct slice rest = {bytes, (size_t)got};
        struct batch batch;
        int64_t before = offset;
        while (batch_take(&rest, &batch) == 0 && batch_last_offset(&batch) >= offset)
            offset = batch_last_offset(&batch) + 1;
        if (offset == before) break; /* likewise */
    }
    free(bytes);
}

static void try_log(uint8_t how)
{
    struct log_files *files = log_files_create(place_os, 8);
    struct log *log = place_open_log(files, SEGMENT_BYTES, how & 1, (how >> 1) & 7);
    if (log != NULL) {
        read_all(log);
        bool full = log_end_offset(log) > INT64_MAX - 16 || log_latest_epoch(log) == INT32_MAX;
        if (!full) place_append(log);
        int64_t end = log_end_offset(log);
        int r = log_close(log);
        ASSERT(r == 0);
        log = place_open_log(files, SEGMENT_BYTES, true, 0);
        ASSERT(log != NULL);
        ASSERT(log_end_offset(log) == end);
        log_destroy(log);
    }
    log_files_destroy(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16) return 0;
    place_make("recovery");
    lay_out((struct slice){data + 1, size - 1});
    try_log(data[0]);
    place_remove();
    return 0;
}

/*
 * The cleaner and the scrubber on a segment of whatever bytes, with a .txnindex and what a swap may
 * have left. CRCs are set right, so that more than the first check is reached. The first byte
 * chooses options; the rest is split at its markers. Whatever comes of it: bytes are damaged or the
 * log is cleaned, reads whole, says the same of itself when it is opened again, and cleaning it
 * once more succeeds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "log/clean.h"
#include "log/scrub.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each batch begins a segment: segment.bytes is 1. */
enum { PARTS = 4, CRC_AT = 17, CRC_FROM = 21, NOW_MS = 1000000, BATCH_BYTES_MAX = 1 << 20 };

static void mend_checksums(uint8_t *bytes, size_t size)
{
    struct slice rest = {bytes, size};
    struct batch batch;
    for (size_t at = 0; batch_take(&rest, &batch) == 0; at += batch.bytes.size)
        store_be32(bytes + at + CRC_AT, crc32c((struct slice){batch.bytes.data + CRC_FROM,
                                                              batch.bytes.size - CRC_FROM}));
}

static void lay_out(struct slice input)
{
    static const char *const names[PARTS] = {
        "00000000000000000000.log", "00000000000000000000.txnindex",
        "00000000000000000000.log.swap", "00000000000000000003.index.cleaned"};
    for (int i = 0; i < PARTS; i++) {
        struct slice part = place_take_part(&input);
        if (i > 0 && part.size == 0) continue;
        uint8_t *bytes = malloc(part.size + 1);
        ASSERT(bytes != NULL);
        memcpy(bytes, part.data, part.size);
        if (strstr(names[i], ".log") != NULL) mend_checksums(bytes, part.size);
        place_write(names[i], (struct slice){bytes, part.size});
        free(bytes);
    }
}

static void flush(struct log *log)
{
    struct log_flush *flush = log_flush_begin(log, true);
    if (flush == NULL) return;
    log_flush_run(flush);
    int r = log_flush_end(log, flush);
    ASSERT(r == 0);
}

/* 0 and where it ended, or what was wrong. */
static int clean(struct log *log, uint8_t how, int64_t *end_offset)
{
    struct log_dirt dirt;
    struct log_clean *cleaning;
    struct log_cleaned cleaned;
    struct log_removal *removal;
    int r = log_clean_look(log, 0, INT64_MAX, 0, NOW_MS, &dirt);
    *end_offset = -1;
    if (r < 0 || dirt.limit <= dirt.first_dirty) return r;
    struct log_clean_options options = {
        .first_dirty = dirt.first_dirty,
        .limit = dirt.limit,
        .delete_retention_ms = how & 0x10 ? 0 : NOW_MS,
        .now_ms = NOW_MS,
        .map_bytes = how & 0x20 ? 1 : 1 << 16,
        .map_load = how & 0x40 ? 0.02 : 0.9,
        .batch_bytes_max = BATCH_BYTES_MAX,
        .bytes_per_second = INT64_MAX,
    };
    r = log_clean_begin(log, &options, &cleaning);
    ASSERT(r == 0);
    log_clean_run(cleaning);
    r = log_clean_end(log, cleaning, &cleaned, &removal);
    ASSERT(!log_has_failed(log));
    if (removal != NULL) {
        log_removal_run(removal);
        int removed = log_removal_end(removal);
        ASSERT(removed == 0);
    }
    if (r == 0) *end_offset = cleaned.end_offset;
    return r;
}

static void scrub(struct log *log)
{
    for (int64_t at = log_start_offset(log); at < log_flushed_offset(log);) {
        struct log_scrubbed found;
        struct log_scrub *piece = log_scrub_begin(log, at, 1000);
        ASSERT(piece != NULL);
        log_scrub_run(piece);
        int r = log_scrub_end(log, piece, &found);
        ASSERT(r == 0);
        ASSERT(found.next_offset > at);
        at = found.next_offset;
    }
}

/* How many batches can be read from the start on. */
static int64_t read_all(struct log *log)
{
    int64_t offset = log_start_offset(log), batches = 0;
    while (offset < log_end_offset(log)) {
        struct log_extent extent;
        struct log_cold cold;
        int r = log_read(log, offset, INT64_MAX, 1, true, true, &extent, &cold);
        if (r == -EBADMSG || (r == 0 && extent.size == 0)) break;
        ASSERT(r == 0);
        uint8_t *bytes = malloc(extent.size);
        ASSERT(bytes != NULL);
        int64_t got = os_file_read(extent.file, bytes, extent.size, extent.position);
        ASSERT(got == (int64_t)extent.size);
        log_extent_release(&extent);
        struct slice rest = {bytes, (size_t)got};
        struct batch batch;
        r = batch_take(&rest, &batch);
        bool on = r == 0 && batch_last_offset(&batch) >= offset;
        if (on) offset = batch_last_offset(&batch) + 1;
        free(bytes);
        if (!on) break;
        batches++;
    }
    return batches;
}

static void try_log(uint8_t how)
{
    struct log_files *files = log_files_create(place_os, 8);
    struct log *log = place_open_log(files, 1, how & 1, 0);
    bool full = log != NULL && (log_end_offset(log) > INT64_MAX - INT32_MAX ||
                                log_latest_epoch(log) > INT32_MAX - 16);
    if (log != NULL && !full) {
        for (int i = 0; i < 3; i++)
            place_append(log);
        flush(log);
        scrub(log);
        int64_t end_offset, again;
        int r = clean(log, how, &end_offset);
        ASSERT(r == 0 || r == -EBADMSG || r == -EMSGSIZE);
        int64_t batches = read_all(log), end = log_end_offset(log);
        scrub(log);
        log_destroy(log);
        log = place_open_log(files, 1, false, 0);
        if (r == 0) ASSERT(log != NULL);
        if (r == 0) ASSERT(log_end_offset(log) == end);
        if (r == 0 && end_offset >= 0) {
            ASSERT(read_all(log) == batches);
            r = clean(log, how, &again);
            ASSERT(r == 0);
        }
    }
    log_destroy(log);
    log_files_destroy(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16) return 0;
    place_make("clean");
    lay_out((struct slice){data + 1, size - 1});
    try_log(data[0]);
    place_remove();
    return 0;
}

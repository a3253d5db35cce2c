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

#include "log/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 5 };

static struct os *os;
static char directory[64];

static void write_part(const char *name, struct slice bytes)
{
    char path[OS_PATH_MAX];
    struct os_file *file;
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int r = os_file_open(os, path, OS_OPEN_REPLACE, &file);
    ASSERT(r == 0);
    r = os_file_write(file, &bytes, 1, 0);
    ASSERT(r == 0);
    os_file_close(file);
}

/* Parts end where "\xffCUT" stands. */
static struct slice take_part(struct slice *rest)
{
    static const char mark[] = "\xff"
                               "CUT";
    const uint8_t *end = rest->size == 0 ? NULL : memmem(rest->data, rest->size, mark, 4);
    struct slice part = {rest->data, end == NULL ? rest->size : (size_t)(end - rest->data)};
    size_t used = end == NULL ? rest->size : part.size + 4;
    *rest = (struct slice){rest->data + used, rest->size - used};
    return part;
}

static void lay_out(struct slice input)
{
    static const char *const names[PARTS] = {
        "00000000000000000000.log", "00000000000000000000.index", "00000000000000000000.timeindex",
        "leader-epoch-checkpoint", "00000000000000000002.snapshot"};
    int r = os_dir_create(os, directory);
    ASSERT(r == 0);
    for (int i = 0; i < PARTS; i++)
        write_part(names[i], take_part(&input));
}

static struct log *open_log(struct log_files *files, bool clean, int64_t point)
{
    struct log_options options = {
        .directory = directory,
        .topic_id = {{1}},
        .config = {.segment_bytes = 1 << 20,
                   .segment_ms = INT64_MAX,
                   .segment_index_bytes = 1 << 20,
                   .index_interval_bytes = 64,
                   .producer_id_expiration_ms = INT64_MAX},
        .clean = clean,
        .recovery_point = point,
    };
    struct log_recovery recovery;
    struct log *log;
    int r = log_open(os, files, &options, &recovery, &log);
    if (r == 0) return log;
    ASSERT(r == -EBADMSG);
    return NULL;
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

static void append_one(struct log *log)
{
    struct writer writer;
    struct batch_builder builder;
    struct batch batch;
    writer_init(&writer, 4096);
    batch_begin(&builder, &writer, 0, COMPRESS_NONE, COMPRESS_LEVEL_DEFAULT);
    batch_add(&builder, 7, SLICE("k"), SLICE("v"), NULL, 0);
    int r = batch_end(&builder);
    ASSERT(r == 0);
    struct slice bytes = writer_slice(&writer);
    r = batch_take(&bytes, &batch);
    ASSERT(r == 0);
    int64_t end = log_end_offset(log), base_offset;
    r = log_append(log, &batch, writer.data, log_latest_epoch(log) + 1, 8, &base_offset);
    ASSERT(r == 0);
    ASSERT(base_offset == end);
    r = log_write(log);
    ASSERT(r == 0);
    writer_deinit(&writer);
}

static void try_log(uint8_t how)
{
    struct log_files *files = log_files_create(os, 8);
    struct log *log = open_log(files, how & 1, (how >> 1) & 7);
    if (log != NULL) {
        read_all(log);
        bool full = log_end_offset(log) > INT64_MAX - 16 || log_latest_epoch(log) == INT32_MAX;
        if (!full) append_one(log);
        int64_t end = log_end_offset(log);
        int r = log_close(log);
        ASSERT(r == 0);
        log = open_log(files, true, 0);
        ASSERT(log != NULL);
        ASSERT(log_end_offset(log) == end);
        log_destroy(log);
    }
    log_files_destroy(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16) return 0;
    if (os == NULL) {
        struct os_options options = {.workers_max = 1};
        int r = os_create(&options, &os);
        ASSERT(r == 0);
        /* In memory, where the system has such a place: a run makes ten thousands of them. */
        snprintf(directory, sizeof(directory), "/dev/shm/gregor-fuzz-%08x",
                 (unsigned)os_wall_ms(os));
        if (os_dir_create(os, directory) < 0)
            snprintf(directory, sizeof(directory), "/tmp/gregor-fuzz-%08x",
                     (unsigned)os_wall_ms(os));
    }
    lay_out((struct slice){data + 1, size - 1});
    try_log(data[0]);
    int r = log_remove_directory(os, directory);
    ASSERT(r == 0);
    return 0;
}

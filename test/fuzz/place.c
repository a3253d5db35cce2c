#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct os *place_os;
static char directory[64];

void place_make(const char *target)
{
    if (place_os == NULL) {
        struct os_options options = {.workers_max = 1};
        int r = os_create(&options, &place_os);
        ASSERT(r == 0);
        unsigned unique = (unsigned)os_wall_ms(place_os);
        /* In memory, where the system has such a place: a run makes ten thousands of them. */
        snprintf(directory, sizeof(directory), "/dev/shm/gregor-fuzz-%s-%08x", target, unique);
        if (os_dir_create(place_os, directory) < 0)
            snprintf(directory, sizeof(directory), "/tmp/gregor-fuzz-%s-%08x", target, unique);
    }
    int r = os_dir_create(place_os, directory);
    ASSERT(r == 0);
}

void place_remove(void)
{
    int r = log_remove_directory(place_os, directory);
    ASSERT(r == 0);
}

struct slice place_take_part(struct slice *rest)
{
    static const char mark[] = "\xff"
                               "CUT";
    const uint8_t *end = rest->size == 0 ? NULL : memmem(rest->data, rest->size, mark, 4);
    struct slice part = {rest->data, end == NULL ? rest->size : (size_t)(end - rest->data)};
    size_t used = end == NULL ? rest->size : part.size + 4;
    *rest = (struct slice){rest->data + used, rest->size - used};
    return part;
}

void place_write(const char *name, struct slice bytes)
{
    char path[OS_PATH_MAX];
    struct os_file *file;
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int r = os_file_open(place_os, path, OS_OPEN_REPLACE, &file);
    ASSERT(r == 0);
    r = os_file_write(file, &bytes, 1, 0);
    ASSERT(r == 0);
    os_file_close(file);
}

struct log *place_open_log(struct log_files *files, int64_t segment_bytes, bool clean,
                           int64_t recovery_point)
{
    struct log_options options = {
        .directory = directory,
        .topic_id = {{1}},
        .config = {.segment_bytes = segment_bytes,
                   .segment_ms = INT64_MAX,
                   .segment_index_bytes = 1 << 20,
                   .index_interval_bytes = 64,
                   .producer_id_expiration_ms = INT64_MAX},
        .clean = clean,
        .recovery_point = recovery_point,
    };
    struct log_recovery recovery;
    struct log *log;
    int r = log_open(place_os, files, &options, &recovery, &log);
    if (r == 0) return log;
    ASSERT(r == -EBADMSG);
    return NULL;
}

void place_append(struct log *log)
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

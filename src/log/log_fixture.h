/* A log in a directory of its own under /tmp, for this module's tests. */
#ifndef GREGOR_LOG_LOG_FIXTURE_H
#define GREGOR_LOG_LOG_FIXTURE_H

#include "log/log.h"

struct fixture {
    struct os *os;
    struct log_files *files;
    struct log *log;
    struct log_options options;
    struct log_recovery recovery;
    char directory[OS_PATH_MAX];
    uint8_t *batches[4096]; /* staged bytes stay until the end of the test */
    int batch_count;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A batch of `count` records of about `bytes_each`, from a producer with `sequence` (-1: none). */
struct fixture_batch {
    int32_t count;
    size_t bytes_each;
    int64_t timestamp; /* of the first record; 1 ms more each */
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t sequence;
    enum compress_codec codec;
    int16_t attributes;
};
/* Appends and writes it; its base offset. */
int64_t fixture_append(struct fixture *fixture, const struct fixture_batch *what);
int64_t fixture_append_plain(struct fixture *fixture, int32_t count, size_t bytes_each);
/* Appends `total` batches of one record and 100 bytes, 1000 ms apart. */
void fixture_fill(struct fixture *fixture, int total);
void fixture_flush(struct fixture *fixture);
/* As if the process had been killed: nothing is written, nothing closed properly. */
void fixture_kill(struct fixture *fixture);
/* Opens again; the result of log_open. */
int fixture_open(struct fixture *fixture, bool clean, int64_t recovery_point);
void fixture_path(struct fixture *fixture, const char *name, char path[OS_PATH_MAX]);
/* Reads everything from `offset` to the end and checks that offsets follow one another. Returns how
 * many records there were. */
int64_t fixture_count_from(struct fixture *fixture, int64_t offset);
int64_t fixture_file_size(struct fixture *fixture, const char *name);
void fixture_overwrite(struct fixture *fixture, const char *name, int64_t position,
                       struct slice bytes);
void fixture_cut(struct fixture *fixture, const char *name, int64_t size);

#endif

/*
 * record_reader: records out of a stream of bytes, by the formats of record_format.
 *
 * What it never does: seek, or read more than what is there before it gives out what is whole: it
 * works on pipes and terminals. Slices that it gives out are valid until the next call.
 */
#ifndef GREGOR_CLI_RECORD_READER_H
#define GREGOR_CLI_RECORD_READER_H

#include "cli/record_format.h"

enum {
    RECORD_READER_BYTES_MAX = 256 << 20, /* of one record in the input */
    RECORD_READER_HEADERS_MAX = 256,
};

struct record_reader {
    const struct record_format *format;
    struct arena *arena; /* of decoded fields; the caller's, reset by each call */
    int from;            /* file descriptor, the caller's */
    uint8_t *bytes;
    size_t begin; /* of the record that is read */
    size_t at;    /* not yet looked at */
    size_t end;
    size_t capacity;
    int64_t count; /* records given out */
    bool ended;
    struct slice wrong;
};

struct record_input {
    int32_t partition;    /* -1: not given */
    int64_t timestamp_ms; /* -1: not given */
    struct slice key;     /* null: none */
    struct slice value;   /* null: none */
    struct slice (*headers)[2];
    int32_t header_count;
};

/* Can records of this format be read? -EINVAL: *wrong says why not. */
MUST_USE int record_reader_check(const struct record_format *format, struct slice *wrong);
/* The format must have passed. */
void record_reader_open(struct record_reader *reader, int from, const struct record_format *format,
                        struct arena *arena);
void record_reader_close(struct record_reader *reader);

/* 1: a record; 0: the end; -EBADMSG: the input does not fit the format (reader->wrong);
 * -EMSGSIZE: a record is too long; -errno of the read. Waits for input. */
MUST_USE int record_reader_next(struct record_reader *reader, struct record_input *record);

/* Would the next call wait for whoever writes the input? */
bool record_reader_would_wait(const struct record_reader *reader);

#endif

/*
 * record_format: records as text, by a format that the user gives: "%k=%v\n", "json". The grammar
 * is that of rpk and kcl, as far as gregor(1) lists it. The same formats are printed (here) and
 * read (record_reader).
 *
 * What it never does: own a record. A parsed format lives in the arena it was parsed into.
 */
#ifndef GREGOR_CLI_RECORD_FORMAT_H
#define GREGOR_CLI_RECORD_FORMAT_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/writer.h"
#include "wire/batch.h"

enum record_field {
    RECORD_LITERAL, /* bytes of the format itself */
    RECORD_TOPIC,
    RECORD_KEY,
    RECORD_VALUE,
    RECORD_HEADERS,
    RECORD_PARTITION, /* from here on numbers */
    RECORD_OFFSET,
    RECORD_LEADER_EPOCH,
    RECORD_TIMESTAMP,
    RECORD_TOPIC_SIZE,
    RECORD_KEY_SIZE,
    RECORD_VALUE_SIZE,
    RECORD_HEADER_COUNT,
};

enum record_encoding {
    RECORD_PLAIN, /* bytes as they are, numbers in decimal */
    RECORD_HEX,
    RECORD_BASE64,
    RECORD_RFC3339, /* timestamps, in UTC */
    RECORD_BYTE,    /* numbers in binary from here on */
    RECORD_BIG16,
    RECORD_BIG32,
    RECORD_BIG64,
    RECORD_LITTLE16,
    RECORD_LITTLE32,
    RECORD_LITTLE64,
};

struct record_format;

struct record_format_item {
    enum record_field field;
    enum record_encoding encoding;
    int32_t size;                        /* bytes, when read; 0: up to what follows */
    struct slice literal;                /* of RECORD_LITERAL */
    const struct record_format *headers; /* of RECORD_HEADERS: for each; NULL: k=v,k=v */
};

enum { RECORD_FORMAT_ITEMS_MAX = 64 };

struct record_format {
    struct record_format_item *items;
    int count;
    bool json;
};

/* What can be shown of a record. */
struct record_view {
    struct slice topic;
    int32_t partition;
    int32_t leader_epoch;
    const struct record *record;
};

/* -EINVAL: *wrong says what. */
MUST_USE int record_format_parse(struct arena *arena, struct slice text,
                                 const struct record_format **format, struct slice *wrong);

void record_format_print(const struct record_format *format, const struct record_view *view,
                         struct writer *out);

/* Bytes that a number takes; 0: it is text. */
int record_encoding_size(enum record_encoding encoding);

/* "2026-11-22T21:12:04.331Z"; the bare number where no calendar reaches. */
void record_print_time(int64_t timestamp_ms, struct writer *out);

void base64_encode(struct slice bytes, struct writer *out); /* RFC 4648 §4 */
/* Decoded in the arena. -EINVAL: no base64. */
MUST_USE int base64_decode(struct slice text, struct arena *arena, struct slice *bytes);

#endif

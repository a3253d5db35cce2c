/*
 * Record batches, magic 2: the 61-byte header, its checks, the walk over its records, and building
 * new ones. (KIP-98; DefaultRecordBatch.java, DefaultRecord.java)
 *
 *   0 base_offset i64    8 length i32       12 partition_leader_epoch i32   16 magic i8
 *  17 crc u32           21 attributes i16   23 last_offset_delta i32        27 base_timestamp i64
 *  35 max_timestamp i64 43 producer_id i64  51 producer_epoch i16           53 base_sequence i32
 *  57 count i32         61 records
 *
 * `length` counts from byte 12. The CRC-32C covers byte 21 to the end, so base offset and leader
 * epoch are assigned without a new CRC. Attributes: bits 0-2 codec, 3 log append time, 4
 * transactional, 5 control, 6 has a delete horizon (base_timestamp holds it).
 *
 * Nothing here owns bytes; slices point into what the caller gave.
 */
#ifndef GREGOR_WIRE_BATCH_H
#define GREGOR_WIRE_BATCH_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/writer.h"
#include "wire/compress.h"

enum {
    BATCH_HEADER_SIZE = 61,
    BATCH_LENGTH_END = 12, /* bytes before those that `length` counts */
    BATCH_MAGIC = 2,
    BATCH_CONTROL_KEY_SIZE = 4,
};

enum batch_attribute {
    BATCH_CODEC_MASK = 0x07,
    BATCH_LOG_APPEND_TIME = 0x08,
    BATCH_TRANSACTIONAL = 0x10,
    BATCH_CONTROL = 0x20,
    BATCH_DELETE_HORIZON = 0x40,
};

struct batch {
    int64_t base_offset;
    int64_t base_timestamp; /* ms */
    int64_t max_timestamp;  /* ms */
    int64_t producer_id;    /* -1: none */
    int32_t partition_leader_epoch;
    int32_t last_offset_delta;
    int32_t base_sequence; /* -1: none */
    int32_t count;
    uint32_t crc;
    int16_t attributes;
    int16_t producer_epoch;
    struct slice bytes;   /* the whole batch, header included */
    struct slice records; /* what follows the header, compressed or not */
};

/* Header fields of the first batch in `input`, which is advanced past it.
 * -ENODATA: fewer bytes than a batch (a cut end); -EBADMSG: not a batch (length < 49, magic not 2).
 * The CRC is not looked at. */
MUST_USE int batch_take(struct slice *input, struct batch *batch);

/* Header fields alone, from at least BATCH_HEADER_SIZE bytes; `bytes` and `records` stay null. The
 * whole batch's size (12 + length) goes to *size. -EBADMSG as above. */
MUST_USE int batch_peek(struct slice header, struct batch *batch, size_t *size);

MUST_USE bool batch_crc_matches(const struct batch *batch);
enum compress_codec batch_codec(const struct batch *batch); /* 5..7 are returned as they are */
int64_t batch_last_offset(const struct batch *batch);
int32_t batch_last_sequence(const struct batch *batch); /* wraps at 2^31 as Kafka's does */

/* Assign in place, in the bytes of the batch, what the broker assigns. No CRC changes. */
void batch_assign(uint8_t *bytes, int64_t base_offset, int32_t partition_leader_epoch);

/* LogAppendTime: set the attribute and max_timestamp, and mend the CRC without reading the records
 * again, by combining it with the header's part. (KIP-32) */
void batch_stamp_log_append_time(uint8_t *bytes, size_t size, int64_t now_ms);

/* CreateTime: clear the attribute and set max_timestamp to what the records say, likewise.
 * (DefaultRecordBatch.setMaxTimestamp) */
void batch_stamp_create_time(uint8_t *bytes, size_t size, int64_t max_timestamp);

struct record {
    int64_t timestamp; /* ms */
    int64_t offset;
    struct slice key;     /* null: none */
    struct slice value;   /* null: a tombstone */
    struct slice headers; /* the encoded headers after their count */
    int32_t header_count;
    int32_t size_bytes;
};

/* A walk over one batch's records. */
struct record_walk {
    struct batch batch;
    struct slice rest;   /* uncompressed records not yet walked */
    int64_t least_delta; /* offset delta that the next record must have at least */
    int32_t left;        /* records not yet walked */
};

/* Starts a walk. A compressed batch is decompressed into `arena`, at most `bound` bytes.
 * -EBADMSG: does not decompress, unknown codec; -EMSGSIZE: more than `bound`. */
MUST_USE int record_walk_start(struct record_walk *walk, const struct batch *batch,
                               struct arena *arena, size_t bound);

/* The same for many batches, one after the other: decompresses into `scratch`, which is emptied
 * first, keeps its memory and has its own bound. */
MUST_USE int record_walk_start_in(struct record_walk *walk, const struct batch *batch,
                                  struct writer *scratch);

/* The next record: 1, 0 at the end (with all bytes used up), -EBADMSG if the batch lies about its
 * count, its offsets or a length; *record is undefined then. */
MUST_USE int record_walk_next(struct record_walk *walk, struct record *record);

/* One header off the front of `headers`. */
MUST_USE int record_header_take(struct slice *headers, struct slice *key, struct slice *value);

/* Appends a batch with these header fields, of which `attributes` names the codec, and with records
 * that are encoded and not compressed; length and CRC are computed. No records and a count of 0:
 * what compaction empties. -EMSGSIZE: the writer's maximum. */
MUST_USE int batch_write(struct writer *writer, const struct batch *header, struct slice records,
                         int level);

/* Builds one batch into a writer: begin, add records, end. Used by the command line, the metadata
 * log, coordinators and tests; the produce path never builds. */
struct batch_builder {
    struct writer *writer;
    struct writer records; /* uncompressed */
    struct batch header; /* set by the caller between begin and end: producer, epoch, attributes */
    enum compress_codec codec;
    int level;
};

void batch_begin(struct batch_builder *builder, struct writer *writer, int64_t base_offset,
                 enum compress_codec codec, int level /* COMPRESS_LEVEL_DEFAULT */);
/* Headers are pairs of key and value slices. Offsets are consecutive from the base. */
void batch_add(struct batch_builder *builder, int64_t timestamp_ms, struct slice key,
               struct slice value, const struct slice (*headers)[2], int32_t header_count);
/* Writes header, CRC and records. -EMSGSIZE: the writer's maximum. Frees what begin took. */
MUST_USE int batch_end(struct batch_builder *builder);

#endif

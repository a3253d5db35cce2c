#include "wire/batch.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/varint.h"

enum {
    LENGTH_AT = 8,
    EPOCH_AT = 12,
    MAGIC_AT = 16,
    CRC_AT = 17,
    ATTRIBUTES_AT = 21, /* the CRC covers from here */
    LAST_OFFSET_DELTA_AT = 23,
    BASE_TIMESTAMP_AT = 27,
    MAX_TIMESTAMP_AT = 35,
    PRODUCER_ID_AT = 43,
    PRODUCER_EPOCH_AT = 51,
    BASE_SEQUENCE_AT = 53,
    COUNT_AT = 57,

    LENGTH_MIN = BATCH_HEADER_SIZE - BATCH_LENGTH_END,
    RECORD_SIZE_MIN = 7, /* length, attributes, two deltas, key, value, header count: a byte each */
};

static_assert(COUNT_AT + 4 == BATCH_HEADER_SIZE, "the count ends the header");

/* --- the header ------------------------------------------------------------------------------- */

/* Size of the batch that begins at `bytes`, of which MAGIC_AT + 1 are there. */
static int check_length_and_magic(const uint8_t *bytes, size_t *size)
{
    int32_t length = (int32_t)load_be32(bytes + LENGTH_AT);
    if (length < LENGTH_MIN) return -EBADMSG;
    if (bytes[MAGIC_AT] != BATCH_MAGIC) return -EBADMSG;
    *size = BATCH_LENGTH_END + (size_t)length;
    return 0;
}

static void read_header(const uint8_t *bytes, struct batch *batch)
{
    *batch = (struct batch){
        .base_offset = (int64_t)load_be64(bytes),
        .partition_leader_epoch = (int32_t)load_be32(bytes + EPOCH_AT),
        .crc = load_be32(bytes + CRC_AT),
        .attributes = (int16_t)load_be16(bytes + ATTRIBUTES_AT),
        .last_offset_delta = (int32_t)load_be32(bytes + LAST_OFFSET_DELTA_AT),
        .base_timestamp = (int64_t)load_be64(bytes + BASE_TIMESTAMP_AT),
        .max_timestamp = (int64_t)load_be64(bytes + MAX_TIMESTAMP_AT),
        .producer_id = (int64_t)load_be64(bytes + PRODUCER_ID_AT),
        .producer_epoch = (int16_t)load_be16(bytes + PRODUCER_EPOCH_AT),
        .base_sequence = (int32_t)load_be32(bytes + BASE_SEQUENCE_AT),
        .count = (int32_t)load_be32(bytes + COUNT_AT),
    };
}

int batch_take(struct slice *input, struct batch *batch)
{
    if (input->size <= MAGIC_AT) return -ENODATA;
    size_t size;
    int r = check_length_and_magic(input->data, &size);
    if (r < 0) return r;
    struct slice bytes;
    if (slice_take(input, size, &bytes) < 0) return -ENODATA;
    read_header(bytes.data, batch);
    batch->bytes = bytes;
    batch->records = (struct slice){bytes.data + BATCH_HEADER_SIZE, bytes.size - BATCH_HEADER_SIZE};
    return 0;
}

int batch_peek(struct slice header, struct batch *batch, size_t *size)
{
    ASSERT(header.size >= BATCH_HEADER_SIZE);
    int r = check_length_and_magic(header.data, size);
    if (r < 0) return r;
    read_header(header.data, batch);
    return 0;
}

static uint32_t crc_of(const uint8_t *bytes, size_t size)
{
    ASSERT(size >= BATCH_HEADER_SIZE);
    return crc32c((struct slice){bytes + ATTRIBUTES_AT, size - ATTRIBUTES_AT});
}

bool batch_crc_matches(const struct batch *batch)
{
    return crc_of(batch->bytes.data, batch->bytes.size) == batch->crc;
}

enum compress_codec batch_codec(const struct batch *batch)
{
    return (enum compress_codec)(batch->attributes & BATCH_CODEC_MASK);
}

int64_t batch_last_offset(const struct batch *batch)
{
    /* A foreign header may overflow: wrap as Java does, the caller's checks see nonsense. */
    return (int64_t)((uint64_t)batch->base_offset + (uint64_t)(int64_t)batch->last_offset_delta);
}

int32_t batch_last_sequence(const struct batch *batch)
{
    if (batch->base_sequence < 0) return -1;
    int64_t sequence = (int64_t)batch->base_sequence + batch->last_offset_delta;
    /* After 2147483647 comes 0. (DefaultRecordBatch.incrementSequence) */
    return (int32_t)(sequence & INT32_MAX);
}

void batch_assign(uint8_t *bytes, int64_t base_offset, int32_t partition_leader_epoch)
{
    ASSERT(base_offset >= 0);
    store_be64(bytes, (uint64_t)base_offset);
    store_be32(bytes + EPOCH_AT, (uint32_t)partition_leader_epoch);
}

/* --- a CRC mended ----------------------------------------------------------------------------- */

/* Bit-reflected polynomials over GF(2): bit 31 is x^0. */
enum { CRC32C_ONE_BIT = 31 };
static const uint32_t crc32c_polynomial = 0x82f63b78;
static const uint32_t crc32c_one = 1u << CRC32C_ONE_BIT;

/* a * b mod P */
static uint32_t crc_multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (uint32_t bit = crc32c_one; bit != 0; bit >>= 1) {
        if (a & bit) product ^= b;
        b = b & 1 ? b >> 1 ^ crc32c_polynomial : b >> 1; /* b * x */
    }
    return product;
}

/* x^(8 * size) mod P, by squaring. */
static uint32_t crc_power(size_t size)
{
    uint32_t power = crc32c_one;
    uint32_t square = crc32c_one >> 8; /* x^8 */
    for (; size > 0; size >>= 1) {
        if (size & 1) power = crc_multiply(power, square);
        square = crc_multiply(square, square);
    }
    return power;
}

/* CRCs are linear: crc(head tail) = crc(head) * x^(8 |tail|) + crc(tail). When only the head
 * changes, the stored sum changes by the difference of the heads' CRCs, moved by the length of the
 * tail. A CRC that was wrong stays wrong. */
static void restamp(uint8_t *bytes, size_t size, uint16_t attributes, int64_t max_timestamp)
{
    ASSERT(size >= BATCH_HEADER_SIZE);
    ASSERT(bytes[MAGIC_AT] == BATCH_MAGIC);
    uint32_t before = crc_of(bytes, BATCH_HEADER_SIZE);
    store_be16(bytes + ATTRIBUTES_AT, attributes);
    store_be64(bytes + MAX_TIMESTAMP_AT, (uint64_t)max_timestamp);
    uint32_t after = crc_of(bytes, BATCH_HEADER_SIZE);
    uint32_t change = crc_multiply(before ^ after, crc_power(size - BATCH_HEADER_SIZE));
    store_be32(bytes + CRC_AT, load_be32(bytes + CRC_AT) ^ change);
}

void batch_stamp_log_append_time(uint8_t *bytes, size_t size, int64_t now_ms)
{
    uint16_t attributes = load_be16(bytes + ATTRIBUTES_AT);
    restamp(bytes, size, attributes | BATCH_LOG_APPEND_TIME, now_ms);
}

void batch_stamp_create_time(uint8_t *bytes, size_t size, int64_t max_timestamp)
{
    uint16_t attributes = load_be16(bytes + ATTRIBUTES_AT);
    restamp(bytes, size, (uint16_t)(attributes & ~BATCH_LOG_APPEND_TIME), max_timestamp);
}

/* --- the records ------------------------------------------------------------------------------ */

static int start_walk(struct record_walk *walk, const struct batch *batch, struct slice records)
{
    int64_t last_offset;
    if (__builtin_add_overflow(batch->base_offset, batch->last_offset_delta, &last_offset))
        return -EBADMSG;
    if ((size_t)batch->count > records.size / RECORD_SIZE_MIN) return -EBADMSG;
    *walk = (struct record_walk){.batch = *batch, .rest = records, .left = batch->count};
    return 0;
}

int record_walk_start(struct record_walk *walk, const struct batch *batch, struct arena *arena,
                      size_t bound)
{
    if (batch->count < 0) return -EBADMSG;
    struct slice records = batch->records;
    if (batch->count > 0) { /* what compaction emptied keeps its codec but has no stream */
        int r = decompress(batch_codec(batch), batch->records, bound, arena, &records);
        if (r < 0) return r;
    }
    return start_walk(walk, batch, records);
}

int record_walk_start_in(struct record_walk *walk, const struct batch *batch,
                         struct writer *scratch)
{
    if (batch->count < 0) return -EBADMSG;
    struct slice records = batch->records;
    if (batch->count > 0 && batch_codec(batch) != COMPRESS_NONE) {
        writer_reset(scratch);
        int r = decompress_append(batch_codec(batch), batch->records, scratch);
        if (r < 0) return r;
        records = writer_slice(scratch);
    }
    return records.size <= scratch->max ? start_walk(walk, batch, records) : -EMSGSIZE;
}

/* A varint size and as many bytes; every negative size is null. (DefaultRecord.readFrom) */
static inline int take_nullable(struct slice *from, struct slice *taken)
{
    int32_t size;
    int r = varint32_take(from, &size);
    if (r < 0) return r;
    if (size < 0) {
        *taken = SLICE_NULL;
        return 0;
    }
    return slice_take(from, (size_t)size, taken);
}

int record_header_take(struct slice *headers, struct slice *key, struct slice *value)
{
    struct slice rest = *headers;
    struct slice name;
    struct slice content;
    int r = take_nullable(&rest, &name);
    if (r < 0) return r;
    if (slice_is_null(name)) return -EBADMSG;
    r = take_nullable(&rest, &content);
    if (r < 0) return r;
    *headers = rest;
    *key = name;
    *value = content;
    return 0;
}

/* The headers are what is left of a record; they must fill it exactly. */
static int check_headers(struct slice headers, int32_t count)
{
    if (count < 0) return -EBADMSG;
    if ((size_t)count > headers.size / 2) return -EBADMSG; /* two sizes each, at least */
    for (int32_t i = 0; i < count; i++) {
        struct slice key;
        struct slice value;
        int r = record_header_take(&headers, &key, &value);
        if (r < 0) return r;
    }
    return headers.size == 0 ? 0 : -EBADMSG;
}

/* Offset and timestamp from their deltas. Offsets ascend within the batch; compaction leaves gaps.
 */
static int place_record(struct record_walk *walk, int32_t offset_delta, int64_t timestamp_delta,
                        struct record *record)
{
    const struct batch *batch = &walk->batch;
    if (offset_delta < walk->least_delta) return -EBADMSG;
    if (offset_delta > batch->last_offset_delta) return -EBADMSG;
    record->offset = batch->base_offset + offset_delta; /* not beyond the batch's last */
    if (__builtin_add_overflow(batch->base_timestamp, timestamp_delta, &record->timestamp))
        return -EBADMSG;
    if (batch->attributes & BATCH_LOG_APPEND_TIME) record->timestamp = batch->max_timestamp;
    walk->least_delta = (int64_t)offset_delta + 1;
    return 0;
}

/* What stands in a record behind its size. */
static int read_record(struct record_walk *walk, struct slice body, struct record *record)
{
    int32_t offset_delta;
    int64_t timestamp_delta;
    if (body.size == 0) return -EBADMSG;
    body.data++; /* attributes, unused by Kafka: any value */
    body.size--;
    int r = varint64_take(&body, &timestamp_delta);
    if (r < 0) return r;
    r = varint32_take(&body, &offset_delta);
    if (r < 0) return r;
    r = place_record(walk, offset_delta, timestamp_delta, record);
    if (r < 0) return r;
    r = take_nullable(&body, &record->key);
    if (r < 0) return r;
    r = take_nullable(&body, &record->value);
    if (r < 0) return r;
    r = varint32_take(&body, &record->header_count);
    if (r < 0) return r;
    record->headers = body;
    if (record->header_count == 0) return body.size == 0 ? 0 : -EBADMSG;
    return check_headers(body, record->header_count);
}

/* In one piece, whatever else calls its parts: a call would cost as much as a field. */
__attribute__((flatten)) int record_walk_next(struct record_walk *walk, struct record *record)
{
    if (walk->left == 0) return walk->rest.size == 0 ? 0 : -EBADMSG;
    struct slice rest = walk->rest;
    struct slice body;
    int32_t size;
    int r = varint32_take(&rest, &size);
    if (r < 0) return r;
    if (size < 0) return -EBADMSG;
    r = slice_take(&rest, (size_t)size, &body);
    if (r < 0) return r;
    r = read_record(walk, body, record);
    if (r < 0) return r;
    size_t whole = walk->rest.size - rest.size;
    if (whole > INT32_MAX) return -EBADMSG;
    record->size_bytes = (int32_t)whole;
    walk->rest = rest;
    walk->left--;
    return 1;
}

/* --- building --------------------------------------------------------------------------------- */

void batch_begin(struct batch_builder *builder, struct writer *writer, int64_t base_offset,
                 enum compress_codec codec, int level)
{
    ASSERT(codec <= COMPRESS_ZSTD);
    *builder = (struct batch_builder){.writer = writer, .codec = codec, .level = level};
    builder->header = (struct batch){
        .base_offset = base_offset,
        .partition_leader_epoch = -1,
        .last_offset_delta = -1,
        .max_timestamp = -1,
        .producer_id = -1,
        .producer_epoch = -1,
        .base_sequence = -1,
    };
    writer_init(&builder->records, INT32_MAX);
}

static size_t nullable_size(struct slice bytes)
{
    return slice_is_null(bytes) ? varint_size(-1) : varint_size((int64_t)bytes.size) + bytes.size;
}

static void put_nullable(struct writer *writer, struct slice bytes)
{
    writer_put_varint(writer, slice_is_null(bytes) ? -1 : (int64_t)bytes.size);
    if (!slice_is_null(bytes)) writer_put(writer, bytes);
}

void batch_add(struct batch_builder *builder, int64_t timestamp_ms, struct slice key,
               struct slice value, const struct slice (*headers)[2], int32_t header_count)
{
    ASSERT(header_count >= 0);
    struct batch *batch = &builder->header;
    ASSERT(batch->count < INT32_MAX);
    if (batch->count == 0) batch->base_timestamp = timestamp_ms;
    if (timestamp_ms > batch->max_timestamp) batch->max_timestamp = timestamp_ms;
    int64_t timestamp_delta = timestamp_ms - batch->base_timestamp;
    batch->last_offset_delta = batch->count;
    batch->count++;

    size_t size = 1 + varint_size(timestamp_delta) + varint_size(batch->last_offset_delta) +
                  nullable_size(key) + nullable_size(value) + varint_size(header_count);
    for (int32_t i = 0; i < header_count; i++) {
        ASSERT(!slice_is_null(headers[i][0]));
        size += nullable_size(headers[i][0]) + nullable_size(headers[i][1]);
    }
    struct writer *writer = &builder->records;
    writer_put_varint(writer, (int64_t)size);
    size_t start = writer->size;
    writer_put_u8(writer, 0); /* attributes: none are defined */
    writer_put_varint(writer, timestamp_delta);
    writer_put_varint(writer, batch->last_offset_delta);
    put_nullable(writer, key);
    put_nullable(writer, value);
    writer_put_varint(writer, header_count);
    for (int32_t i = 0; i < header_count; i++) {
        put_nullable(writer, headers[i][0]);
        put_nullable(writer, headers[i][1]);
    }
    if (writer_error(writer) == 0) ASSERT(writer->size - start == size);
}

static void write_header(const struct batch *batch, struct slice records, uint8_t *bytes)
{
    store_be64(bytes, (uint64_t)batch->base_offset);
    store_be32(bytes + LENGTH_AT, (uint32_t)(LENGTH_MIN + records.size));
    store_be32(bytes + EPOCH_AT, (uint32_t)batch->partition_leader_epoch);
    bytes[MAGIC_AT] = BATCH_MAGIC;
    store_be16(bytes + ATTRIBUTES_AT, (uint16_t)batch->attributes);
    store_be32(bytes + LAST_OFFSET_DELTA_AT, (uint32_t)batch->last_offset_delta);
    store_be64(bytes + BASE_TIMESTAMP_AT, (uint64_t)batch->base_timestamp);
    store_be64(bytes + MAX_TIMESTAMP_AT, (uint64_t)batch->max_timestamp);
    store_be64(bytes + PRODUCER_ID_AT, (uint64_t)batch->producer_id);
    store_be16(bytes + PRODUCER_EPOCH_AT, (uint16_t)batch->producer_epoch);
    store_be32(bytes + BASE_SEQUENCE_AT, (uint32_t)batch->base_sequence);
    store_be32(bytes + COUNT_AT, (uint32_t)batch->count);
    uint32_t crc = crc32c((struct slice){bytes + ATTRIBUTES_AT, BATCH_HEADER_SIZE - ATTRIBUTES_AT});
    store_be32(bytes + CRC_AT, crc32c_extend(crc, records));
}

static int put_batch(struct writer *writer, const struct batch *header, struct slice packed)
{
    uint8_t *bytes = writer_extend(writer, BATCH_HEADER_SIZE);
    if (bytes == NULL) return -EMSGSIZE;
    write_header(header, packed, bytes);
    writer_put(writer, packed);
    return writer_error(writer);
}

int batch_write(struct writer *writer, const struct batch *header, struct slice records, int level)
{
    enum compress_codec codec = batch_codec(header);
    ASSERT(codec <= COMPRESS_ZSTD);
    if (codec == COMPRESS_NONE || header->count == 0) return put_batch(writer, header, records);
    CLEANUP(writer_deinit) struct writer packed;
    writer_init(&packed, (size_t)INT32_MAX - LENGTH_MIN);
    int r = compress(codec, level, records, &packed);
    return r < 0 ? r : put_batch(writer, header, writer_slice(&packed));
}

int batch_end(struct batch_builder *builder)
{
    ASSERT(builder->header.count > 0);
    CLEANUP(writer_deinit) struct writer records = builder->records;
    builder->records = (struct writer){0};
    int r = writer_error(&records);
    if (r < 0) return r;
    builder->header.attributes &= (int16_t)~BATCH_CODEC_MASK;
    builder->header.attributes |= (int16_t)builder->codec;
    return batch_write(builder->writer, &builder->header, writer_slice(&records), builder->level);
}

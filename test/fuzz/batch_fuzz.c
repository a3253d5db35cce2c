/*
 * Bytes of a peer as record batches and as compressed streams. The first byte chooses: 1 to 4 one
 * codec for all that follows, anything else batches one behind the other. Beyond not crashing: what
 * the walk accepts keeps its promises, and what decompresses survives a round trip.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/batch.h"

enum { BOUND = 1 << 20, ARENA_MAX = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_headers(struct record record)
{
    struct slice key;
    struct slice value;
    for (int32_t i = 0; i < record.header_count; i++) {
        int r = record_header_take(&record.headers, &key, &value);
        ASSERT(r == 0);
        ASSERT(!slice_is_null(key));
    }
    ASSERT(record.headers.size == 0);
}

static void walk(const struct batch *batch)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    struct record_walk walk;
    int r = record_walk_start(&walk, batch, &arena, BOUND);
    if (r < 0) {
        ASSERT(r == -EBADMSG || r == -EMSGSIZE);
        return;
    }
    struct record record;
    int64_t previous = INT64_MIN;
    int32_t count = 0;
    while ((r = record_walk_next(&walk, &record)) == 1) {
        ASSERT(record.offset > previous || count == 0);
        ASSERT(record.offset >= batch->base_offset);
        ASSERT(record.offset <= batch_last_offset(batch));
        ASSERT(record.size_bytes > 0);
        check_headers(record);
        previous = record.offset;
        count++;
    }
    ASSERT(r == 0 || r == -EBADMSG);
    if (r == 0) ASSERT(count == batch->count);
}

/* A stamp keeps a good CRC good and a bad one bad. */
static void stamp(const struct batch *batch)
{
    uint8_t *bytes = malloc(batch->bytes.size);
    ASSERT(bytes != NULL);
    memcpy(bytes, batch->bytes.data, batch->bytes.size);
    bool good = batch_crc_matches(batch);
    batch_stamp_log_append_time(bytes, batch->bytes.size, 1234567);
    struct slice input = {bytes, batch->bytes.size};
    struct batch stamped;
    int r = batch_take(&input, &stamped);
    ASSERT(r == 0);
    ASSERT(stamped.max_timestamp == 1234567);
    ASSERT(batch_crc_matches(&stamped) == good);
    free(bytes);
}

static void run_batches(struct slice input)
{
    struct batch batch;
    while (batch_take(&input, &batch) == 0) {
        ASSERT(batch.bytes.size >= BATCH_HEADER_SIZE);
        ASSERT(batch.records.size == batch.bytes.size - BATCH_HEADER_SIZE);
        walk(&batch);
        stamp(&batch);
    }
}

static void run_codec(enum compress_codec codec, struct slice input)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    CLEANUP(writer_deinit) struct writer packed;
    writer_init(&packed, ARENA_MAX);
    struct slice plain;
    struct slice again;
    int r = decompress(codec, input, BOUND, &arena, &plain);
    if (r < 0) {
        ASSERT(r == -EBADMSG || r == -EMSGSIZE);
        return;
    }
    ASSERT(plain.size <= BOUND);
    r = compress(codec, COMPRESS_LEVEL_DEFAULT, plain, &packed);
    ASSERT(r == 0);
    r = decompress(codec, writer_slice(&packed), BOUND, &arena, &again);
    ASSERT(r == 0);
    ASSERT(slice_equal(plain, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct slice rest = {data + 1, size - 1};
    if (data[0] >= COMPRESS_GZIP && data[0] <= COMPRESS_ZSTD)
        run_codec((enum compress_codec)data[0], rest);
    else
        run_batches(rest);
    return 0;
}

#include "wire/compress.h"

#include <errno.h>
#include <libdeflate.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <string.h>
#include <zstd.h>

#include "base/bytes.h"

enum {
    OUTPUT_STEP = 64 << 10, /* bytes by which the output of a stream decoder grows at least */

    /* Kafka's defaults (GzipCompression, Lz4Compression, ZstdCompression). */
    GZIP_LEVEL_DEFAULT = 6,
    LZ4_LEVEL_DEFAULT = 9,
    ZSTD_LEVEL_DEFAULT = 3,

    GZIP_LEVEL_UNSET = -1, /* compression.gzip.level: zlib's own default, which is 6 */
    GZIP_RATIO_MAX = 1032, /* deflate: 258 bytes from two bits */

    XERIAL_HEADER_SIZE = 16,
    XERIAL_CHUNK_SIZE = 32 << 10, /* SnappyOutputStream's block */
    SNAPPY_RATIO_MAX = 22,        /* a copy of 64 bytes takes three */

    ZSTD_WINDOW_LOG_MAX = 27, /* what level 22 uses, and zstd's own limit for streams */
};

/* Magic, then version 1 and compatible version 1, big-endian. (SnappyCodec.java) */
static const uint8_t xerial_header[XERIAL_HEADER_SIZE] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                          0,    0,   0,   1,   0,   0,   0,   1};
enum { XERIAL_MAGIC_SIZE = 8 };

static const char *const codec_names[] = {
    [COMPRESS_NONE] = "none", [COMPRESS_GZIP] = "gzip", [COMPRESS_SNAPPY] = "snappy",
    [COMPRESS_LZ4] = "lz4",   [COMPRESS_ZSTD] = "zstd",
};

const char *compress_name(enum compress_codec codec)
{
    ASSERT((size_t)codec < ARRAY_COUNT(codec_names));
    return codec_names[codec];
}

int compress_parse(struct slice name, enum compress_codec *codec)
{
    for (size_t i = 0; i < ARRAY_COUNT(codec_names); i++) {
        if (!slice_equal(name, slice_of(codec_names[i]))) continue;
        *codec = (enum compress_codec)i;
        return 0;
    }
    return -EINVAL;
}

/* --- growing output --------------------------------------------------------------------------- */

/* Room at the end of `output`: at least one byte, twice what is there if the maximum allows. NULL:
 * the maximum is reached. The caller says with output_keep() how much of it was filled. */
static uint8_t *output_room(struct writer *output, size_t *room)
{
    size_t left = output->max - output->size;
    if (left == 0) return NULL;
    size_t wanted = output->size < OUTPUT_STEP ? OUTPUT_STEP : output->size;
    *room = wanted < left ? wanted : left;
    uint8_t *bytes = writer_extend(output, *room);
    ASSERT(bytes != NULL);
    return bytes;
}

static void output_keep(struct writer *output, size_t room, size_t filled)
{
    ASSERT(filled <= room);
    ASSERT(room <= output->size);
    output->size -= room - filled;
}

/* --- gzip ------------------------------------------------------------------------------------- */

static void free_deflate_compressor(struct libdeflate_compressor **compressor)
{
    libdeflate_free_compressor(*compressor);
}

static void free_deflate_decompressor(struct libdeflate_decompressor **decompressor)
{
    libdeflate_free_decompressor(*decompressor);
}

static void gzip_compress(int level, struct slice input, struct writer *output)
{
    if (level == COMPRESS_LEVEL_DEFAULT || level == GZIP_LEVEL_UNSET) level = GZIP_LEVEL_DEFAULT;
    CLEANUP(free_deflate_compressor)
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(level);
    ASSERT(compressor != NULL);
    size_t room = libdeflate_gzip_compress_bound(compressor, input.size);
    uint8_t *bytes = writer_extend(output, room);
    ASSERT(bytes != NULL);
    size_t size = libdeflate_gzip_compress(compressor, input.data, input.size, bytes, room);
    ASSERT(size > 0);
    output_keep(output, room, size);
}

/* One member of a gzip file. libdeflate wants all of the output's room at once: so try with little
 * and double, up to what that much input can hold at all. The declared ISIZE is never believed. */
static int gzip_member(struct libdeflate_decompressor *decompressor, struct slice *input,
                       struct writer *output)
{
    size_t left = output->max - output->size;
    size_t fullest = input->size > left / GZIP_RATIO_MAX ? left : input->size * GZIP_RATIO_MAX;
    size_t room = input->size < OUTPUT_STEP / 4 ? OUTPUT_STEP : input->size * 4;
    for (;; room *= 2) {
        if (room > fullest) room = fullest;
        uint8_t none; /* a member may be empty where no room is left */
        uint8_t *bytes = room == 0 ? &none : writer_extend(output, room);
        ASSERT(bytes != NULL);
        size_t read = 0;
        size_t written = 0;
        enum libdeflate_result result = libdeflate_gzip_decompress_ex(
            decompressor, input->data, input->size, bytes, room, &read, &written);
        bool done = result == LIBDEFLATE_SUCCESS;
        output_keep(output, room, done ? written : 0);
        if (done) {
            struct slice member;
            return slice_take(input, read, &member);
        }
        if (result != LIBDEFLATE_INSUFFICIENT_SPACE) return -EBADMSG;
        if (room == fullest) return fullest == left ? -EMSGSIZE : -EBADMSG;
    }
}

static int gzip_decompress(struct slice input, struct writer *output)
{
    CLEANUP(free_deflate_decompressor)
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    ASSERT(decompressor != NULL);
    do {
        int r = gzip_member(decompressor, &input, output);
        if (r < 0) return r;
    } while (input.size > 0);
    return 0;
}

/* --- snappy ----------------------------------------------------------------------------------- */

/* Xerial's framing: the header, then chunks of a 32-bit size and a raw snappy block. */
static void snappy_compress_framed(struct slice input, struct writer *output)
{
    writer_put(output, (struct slice){xerial_header, sizeof(xerial_header)});
    while (input.size > 0) {
        size_t chunk = input.size < XERIAL_CHUNK_SIZE ? input.size : XERIAL_CHUNK_SIZE;
        size_t room = snappy_max_compressed_length(chunk);
        size_t size = room;
        uint8_t *bytes = writer_extend(output, 4 + room);
        ASSERT(bytes != NULL);
        snappy_status status =
            snappy_compress((const char *)input.data, chunk, (char *)bytes + 4, &size);
        ASSERT(status == SNAPPY_OK);
        store_be32(bytes, (uint32_t)size);
        output_keep(output, room, size);
        input = (struct slice){input.data + chunk, input.size - chunk};
    }
}

/* The block declares its size; it is believed only as far as its own bytes could reach. */
static int snappy_block(struct slice block, struct writer *output)
{
    size_t size;
    if (snappy_uncompressed_length((const char *)block.data, block.size, &size) != SNAPPY_OK)
        return -EBADMSG;
    if (size / SNAPPY_RATIO_MAX > block.size) return -EBADMSG;
    if (size > output->max - output->size) return -EMSGSIZE;
    uint8_t none;
    uint8_t *bytes = size == 0 ? &none : writer_extend(output, size);
    ASSERT(bytes != NULL);
    snappy_status status =
        snappy_uncompress((const char *)block.data, block.size, (char *)bytes, &size);
    return status == SNAPPY_OK ? 0 : -EBADMSG;
}

static bool is_xerial(struct slice input)
{
    return input.size >= XERIAL_HEADER_SIZE &&
           memcmp(input.data, xerial_header, XERIAL_MAGIC_SIZE) == 0;
}

/* As SnappyInputStream reads: what does not begin with a whole header is one raw block, and another
 * header may stand where a chunk is due (streams put behind each other). */
static int snappy_decompress_framed(struct slice input, struct writer *output)
{
    if (!is_xerial(input)) return snappy_block(input, output);
    while (input.size > 0) {
        struct slice part;
        if (is_xerial(input)) {
            int r = slice_take(&input, XERIAL_HEADER_SIZE, &part);
            ASSERT(r == 0);
            uint32_t compatible = load_be32(part.data + XERIAL_HEADER_SIZE - 4);
            if (compatible < 1 || compatible > INT32_MAX) return -EBADMSG;
            continue;
        }
        if (slice_take(&input, 4, &part) < 0) return -EBADMSG;
        if (slice_take(&input, load_be32(part.data), &part) < 0) return -EBADMSG;
        int r = snappy_block(part, output);
        if (r < 0) return r;
    }
    return 0;
}

/* --- lz4 -------------------------------------------------------------------------------------- */

static void free_lz4_decoder(LZ4F_dctx **decoder)
{
    LZ4F_errorCode_t r = LZ4F_freeDecompressionContext(*decoder);
    (void)r; /* says only whether a frame was left in its middle */
}

static void lz4_compress(int level, struct slice input, struct writer *output)
{
    LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
    preferences.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent; /* Kafka reads no other */
    preferences.compressionLevel = level == COMPRESS_LEVEL_DEFAULT ? LZ4_LEVEL_DEFAULT : level;
    size_t room = LZ4F_compressFrameBound(input.size, &preferences);
    uint8_t *bytes = writer_extend(output, room);
    ASSERT(bytes != NULL);
    size_t size = LZ4F_compressFrame(bytes, room, input.data, input.size, &preferences);
    ASSERT(!LZ4F_isError(size));
    output_keep(output, room, size);
}

/* Reads the frame's header: independent blocks and no dictionary, as Lz4BlockInputStream demands.
 */
static int lz4_header(LZ4F_dctx *decoder, struct slice *input)
{
    LZ4F_frameInfo_t info;
    size_t size = input->size;
    size_t hint = LZ4F_getFrameInfo(decoder, &info, input->data, &size);
    if (LZ4F_isError(hint)) return -EBADMSG;
    if (info.frameType != LZ4F_frame) return -EBADMSG;
    if (info.blockMode != LZ4F_blockIndependent) return -EBADMSG;
    if (info.dictID != 0) return -EBADMSG;
    struct slice header;
    return slice_take(input, size, &header);
}

/* One frame and nothing behind it. The decoder's own memory is at most one block of 4 MiB. */
static int lz4_decompress(struct slice input, struct writer *output)
{
    CLEANUP(free_lz4_decoder) LZ4F_dctx *decoder = NULL;
    LZ4F_errorCode_t created = LZ4F_createDecompressionContext(&decoder, LZ4F_VERSION);
    ASSERT(!LZ4F_isError(created));
    int r = lz4_header(decoder, &input);
    if (r < 0) return r;
    for (;;) {
        uint8_t beyond;
        size_t room = sizeof(beyond);
        uint8_t *bytes = output_room(output, &room);
        bool full = bytes == NULL;
        size_t written = full ? sizeof(beyond) : room;
        size_t read = input.size;
        size_t hint =
            LZ4F_decompress(decoder, full ? &beyond : bytes, &written, input.data, &read, NULL);
        if (!full) output_keep(output, room, LZ4F_isError(hint) ? 0 : written);
        if (LZ4F_isError(hint)) return -EBADMSG;
        if (full && written > 0) return -EMSGSIZE;
        struct slice consumed;
        r = slice_take(&input, read, &consumed);
        ASSERT(r == 0);
        if (hint == 0) return input.size == 0 ? 0 : -EBADMSG;
        if (read == 0 && written == 0) return -EBADMSG; /* cut short */
    }
}

/* --- zstd ------------------------------------------------------------------------------------- */

static void free_zstd_decoder(ZSTD_DCtx **decoder)
{
    size_t r = ZSTD_freeDCtx(*decoder);
    ASSERT(!ZSTD_isError(r));
}

static void zstd_compress(int level, struct slice input, struct writer *output)
{
    if (level == COMPRESS_LEVEL_DEFAULT) level = ZSTD_LEVEL_DEFAULT;
    size_t room = ZSTD_compressBound(input.size);
    uint8_t *bytes = writer_extend(output, room);
    ASSERT(bytes != NULL);
    size_t size = ZSTD_compress(bytes, room, input.data, input.size, level);
    ASSERT(!ZSTD_isError(size));
    output_keep(output, room, size);
}

/* Frames behind each other are one stream, as zstd-jni reads them. The window is the frame's word:
 * it is limited, and its pages are touched only as far as content comes. */
static int zstd_decompress(struct slice input, struct writer *output)
{
    CLEANUP(free_zstd_decoder) ZSTD_DCtx *decoder = ZSTD_createDCtx();
    ASSERT(decoder != NULL);
    size_t limited = ZSTD_DCtx_setParameter(decoder, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    ASSERT(!ZSTD_isError(limited));
    ZSTD_inBuffer in = {input.data, input.size, 0};
    for (;;) {
        uint8_t beyond;
        size_t room = sizeof(beyond);
        uint8_t *bytes = output_room(output, &room);
        bool full = bytes == NULL;
        ZSTD_outBuffer out = {full ? &beyond : bytes, full ? sizeof(beyond) : room, 0};
        size_t before = in.pos;
        size_t hint = ZSTD_decompressStream(decoder, &out, &in);
        if (!full) output_keep(output, room, ZSTD_isError(hint) ? 0 : out.pos);
        if (ZSTD_isError(hint)) return -EBADMSG;
        if (full && out.pos > 0) return -EMSGSIZE;
        if (hint == 0 && in.pos == in.size) return 0;
        if (in.pos == before && out.pos == 0) return -EBADMSG; /* cut short */
    }
}

/* --- all -------------------------------------------------------------------------------------- */

int compress(enum compress_codec codec, int level, struct slice input, struct writer *output)
{
    /* The codecs want room for their worst case, which the writer's maximum may not grant. */
    CLEANUP(writer_deinit) struct writer scratch;
    writer_init(&scratch, SIZE_MAX / 4);
    switch (codec) {
    case COMPRESS_NONE:
        writer_put(output, input);
        return writer_error(output);
    case COMPRESS_GZIP:
        gzip_compress(level, input, &scratch);
        break;
    case COMPRESS_SNAPPY:
        snappy_compress_framed(input, &scratch);
        break;
    case COMPRESS_LZ4:
        lz4_compress(level, input, &scratch);
        break;
    case COMPRESS_ZSTD:
        zstd_compress(level, input, &scratch);
        break;
    }
    int r = writer_error(&scratch);
    ASSERT(r == 0);
    writer_put(output, writer_slice(&scratch));
    return writer_error(output);
}

int decompress_append(enum compress_codec codec, struct slice input, struct writer *output)
{
    if (input.size == 0 && codec != COMPRESS_NONE)
        return -EBADMSG; /* no other codec's stream is empty */
    switch (codec) {
    case COMPRESS_GZIP:
        return gzip_decompress(input, output);
    case COMPRESS_SNAPPY:
        return snappy_decompress_framed(input, output);
    case COMPRESS_LZ4:
        return lz4_decompress(input, output);
    case COMPRESS_ZSTD:
        return zstd_decompress(input, output);
    case COMPRESS_NONE:
        writer_put(output, input);
        return writer_error(output);
    }
    return -EBADMSG; /* 5..7, from a batch's attributes */
}

int decompress(enum compress_codec codec, struct slice input, size_t bound, struct arena *arena,
               struct slice *output)
{
    if (codec == COMPRESS_NONE) {
        if (input.size > bound) return -EMSGSIZE;
        *output = input;
        return 0;
    }
    CLEANUP(writer_deinit) struct writer scratch;
    writer_init(&scratch, bound);
    int r = decompress_append(codec, input, &scratch);
    if (r < 0) return r;
    struct slice whole = writer_slice(&scratch);
    ASSERT(whole.size <= bound);
    uint8_t *bytes = arena_try_alloc(arena, whole.size > 0 ? whole.size : 1);
    if (bytes == NULL) return -EMSGSIZE;
    if (whole.size > 0) memcpy(bytes, whole.data, whole.size);
    *output = (struct slice){bytes, whole.size};
    return 0;
}

/*
 * The four codecs of record batches, each by its library: gzip (libdeflate), snappy (xerial's
 * framing around libsnappy), lz4 (frame format), zstd. Decompression always has a bound and
 * never allocates from a size that the input declares.
 */
#ifndef GREGOR_WIRE_COMPRESS_H
#define GREGOR_WIRE_COMPRESS_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/writer.h"

enum compress_codec {
    COMPRESS_NONE = 0,
    COMPRESS_GZIP = 1,
    COMPRESS_SNAPPY = 2,
    COMPRESS_LZ4 = 3,
    COMPRESS_ZSTD = 4,
};

enum { COMPRESS_LEVEL_DEFAULT = INT32_MIN };

/* Appends the compressed form of `input`. -EMSGSIZE: the writer's maximum. */
MUST_USE int compress(enum compress_codec codec, int level, struct slice input,
                      struct writer *output);

/* -EBADMSG: not a well-formed stream of this codec, or no codec; -EMSGSIZE: more than `bound`
 * bytes. COMPRESS_NONE gives the input itself. Memory for the output grows with what really comes
 * out. */
MUST_USE int decompress(enum compress_codec codec, struct slice input, size_t bound,
                        struct arena *arena, struct slice *output);

/* The same, appended to a writer, whose maximum is the bound and which keeps its memory. */
MUST_USE int decompress_append(enum compress_codec codec, struct slice input,
                               struct writer *output);

/* "none", "gzip" … ; -EINVAL for other names. */
const char *compress_name(enum compress_codec codec);
MUST_USE int compress_parse(struct slice name, enum compress_codec *codec);

#endif

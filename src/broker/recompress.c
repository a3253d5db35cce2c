#include "broker/recompress.h"

#include <errno.h>

enum { DECOMPRESSED_MAX_BYTES = 256 << 20 };

bool recompress_is_due(const struct batch *batch, const struct settings_topic *topic)
{
    return !topic->compression_is_producers && batch_codec(batch) != topic->compression;
}

static int add_record(struct batch_builder *builder, const struct record *record,
                      struct arena *scratch)
{
    struct slice rest = record->headers;
    size_t size = (size_t)record->header_count * sizeof(struct slice[2]);
    struct slice(*headers)[2] = arena_try_alloc(scratch, size);
    if (headers == NULL) return -EMSGSIZE;
    for (int32_t i = 0; i < record->header_count; i++) {
        int r = record_header_take(&rest, &headers[i][0], &headers[i][1]);
        ASSERT(r == 0); /* the walk has seen them */
    }
    batch_add(builder, record->timestamp, record->key, record->value,
              (const struct slice(*)[2])headers, record->header_count);
    return 0;
}

static int add_records(struct batch_builder *builder, const struct batch *batch,
                       struct arena *scratch)
{
    struct record_walk walk;
    struct record record;
    int r = record_walk_start(&walk, batch, scratch, DECOMPRESSED_MAX_BYTES);
    while (r == 0) {
        int more = record_walk_next(&walk, &record);
        if (more <= 0) return more;
        r = add_record(builder, &record, scratch);
    }
    return r;
}

int recompress(const struct batch *batch, const struct settings_topic *topic, struct arena *scratch,
               struct writer *output)
{
    struct batch_builder builder;
    batch_begin(&builder, output, 0, topic->compression, topic->compression_level);
    int r = add_records(&builder, batch, scratch);
    builder.header.producer_id = batch->producer_id;
    builder.header.producer_epoch = batch->producer_epoch;
    builder.header.base_sequence = batch->base_sequence;
    builder.header.attributes |= batch->attributes & BATCH_TRANSACTIONAL;
    int ended = batch_end(&builder);
    arena_reset(scratch);
    return r < 0 ? r : ended;
}

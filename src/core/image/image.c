#include "core/image/image.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "core/image/records.h"
#include "core/image/state.h"

enum { SCRATCH_BYTES_MAX = 4 * IMAGE_RECORD_BYTES_MAX };

struct image *image_create(uint64_t seed)
{
    struct image *image = memory_alloc_zero(sizeof(*image));
    map_init(&image->topics_by_name, seed);
    map_init(&image->topics_by_id, seed);
    arena_init(&image->scratch, SCRATCH_BYTES_MAX);
    writer_init(&image->held_back, IMAGE_TRANSACTION_BYTES_MAX);
    image->last_offset = -1;
    return image;
}

struct image *image_destroy(struct image *image)
{
    if (image == NULL) return NULL;
    topics_free(image);
    brokers_free(image);
    controllers_free(image);
    configs_free(image);
    features_free(image);
    quotas_free(image);
    others_free(image);
    arena_deinit(&image->scratch);
    writer_deinit(&image->held_back);
    memory_free(image);
    return NULL;
}

void image_tell(const struct image_listener *listener, const struct image_change *change)
{
    if (listener->on_change != NULL) listener->on_change(listener->context, change);
}

struct slice image_keep(struct slice slice)
{
    if (slice_is_null(slice)) return SLICE_NULL;
    uint8_t *copy = memory_alloc(slice.size);
    if (slice.size > 0) memcpy(copy, slice.data, slice.size);
    return (struct slice){copy, slice.size};
}

void image_forget(struct slice slice)
{
    union {
        const uint8_t *read;
        void *owned;
    } memory = {.read = slice.data};
    memory_free(memory.owned);
}

/* --- applying --------------------------------------------------------------------------------- */

/* Records held back lie one behind the other, each after its size (be32). */
static int hold_back(struct image *image, struct slice record)
{
    ASSERT(image->in_transaction);
    ASSERT(record.size <= IMAGE_RECORD_BYTES_MAX);
    writer_put_be32(&image->held_back, (uint32_t)record.size);
    writer_put(&image->held_back, record);
    return writer_error(&image->held_back);
}

static int apply_one(struct image *image, const struct image_listener *listener,
                     struct slice record)
{
    struct record_frame frame;
    int r = record_unframe(record, &frame);
    if (r < 0) return r;
    return record_apply(&(struct image_applied){image, listener, record}, &frame);
}

static int release_held_back(struct image *image, const struct image_listener *listener)
{
    ASSERT(image->in_transaction);
    struct slice rest = writer_slice(&image->held_back);
    while (rest.size > 0) {
        struct slice size;
        struct slice record;
        int r = slice_take(&rest, sizeof(uint32_t), &size);
        if (r == 0) r = slice_take(&rest, load_be32(size.data), &record);
        ASSERT(r == 0);
        r = apply_one(image, listener, record);
        if (r < 0) return r;
    }
    return 0;
}

static void end_transaction(struct image *image)
{
    ASSERT(image->in_transaction);
    writer_deinit(&image->held_back);
    image->in_transaction = false;
}

/* The three kinds that steer transactions. */
static int steer(struct image *image, const struct image_listener *listener, enum image_record kind)
{
    bool begins = kind == IMAGE_RECORD_BEGIN_TRANSACTION;
    if (begins == image->in_transaction) return -EBADMSG;
    if (begins) {
        image->in_transaction = true;
        return 0;
    }
    int r = kind == IMAGE_RECORD_END_TRANSACTION ? release_held_back(image, listener) : 0;
    end_transaction(image);
    return r;
}

int image_apply(struct image *image, struct slice record, int64_t offset,
                void (*on_change)(void *context, const struct image_change *change), void *context)
{
    ASSERT(offset >= 0);
    struct image_listener listener = {on_change, context};
    if (record.size > IMAGE_RECORD_BYTES_MAX) return -EBADMSG;
    struct record_frame frame;
    int r = record_unframe(record, &frame);
    if (r < 0) return r;
    if (frame.kind >= IMAGE_RECORD_BEGIN_TRANSACTION &&
        frame.kind <= IMAGE_RECORD_ABORT_TRANSACTION)
        r = steer(image, &listener, frame.kind);
    else if (image->in_transaction)
        r = hold_back(image, record);
    else
        r = record_apply(&(struct image_applied){image, &listener, record}, &frame);
    if (r < 0) return r;
    image->last_offset = offset;
    return 0;
}

bool image_in_transaction(const struct image *image)
{
    return image->in_transaction;
}

/* --- snapshot --------------------------------------------------------------------------------- */

int image_sink_put(struct image_sink *sink, enum image_record kind, const void *record)
{
    writer_reset(&sink->writer);
    int r = image_encode(kind, image_record_version(kind, sink->metadata_version), record,
                         &sink->writer);
    arena_reset(&sink->arena);
    if (r < 0) return r;
    return sink->emit(sink->context, writer_slice(&sink->writer));
}

static int producer_ids_write(const struct image *image, struct image_sink *sink)
{
    ASSERT(image->next_producer_id >= 0);
    if (image->next_producer_id == 0) return 0;
    /* Who took the last block is not kept. (ProducerIdsImage.write) */
    struct producer_ids_record record = {
        .broker_id = -1, .broker_epoch = -1, .next_producer_id = image->next_producer_id};
    return image_sink_put(sink, IMAGE_RECORD_PRODUCER_IDS, &record);
}

/* The order of MetadataImage.write. */
static int write_all(const struct image *image, struct image_sink *sink)
{
    int r = features_write(image, sink);
    if (r == 0) r = brokers_write(image, sink);
    if (r == 0) r = controllers_write(image, sink);
    if (r == 0) r = topics_write(image, sink);
    if (r == 0) r = configs_write(image, sink);
    if (r == 0) r = quotas_write(image, sink);
    if (r == 0) r = producer_ids_write(image, sink);
    if (r == 0) r = others_write(image, sink);
    return r;
}

int image_write(const struct image *image, int (*emit)(void *context, struct slice record),
                void *context)
{
    ASSERT(!image->in_transaction);
    struct image_sink sink = {
        .emit = emit, .context = context, .metadata_version = image_metadata_version(image)};
    writer_init(&sink.writer, IMAGE_RECORD_BYTES_MAX);
    arena_init(&sink.arena, SCRATCH_BYTES_MAX);
    int r = write_all(image, &sink);
    writer_deinit(&sink.writer);
    arena_deinit(&sink.arena);
    return r;
}

/* FNV-1a, 64 bits. */
static int hash_record(void *context, struct slice record)
{
    uint64_t *hash = context;
    for (size_t i = 0; i < record.size; i++)
        *hash = (*hash ^ record.data[i]) * UINT64_C(0x100000001b3);
    return 0;
}

uint64_t image_hash(const struct image *image)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    int r = image_write(image, hash_record, &hash);
    ASSERT(r == 0);
    return hash;
}

int64_t image_next_producer_id(const struct image *image)
{
    return image->next_producer_id;
}

int64_t image_last_offset(const struct image *image)
{
    return image->last_offset;
}

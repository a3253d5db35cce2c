/* A stream of bytes into frames. */
#include "net/split.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

enum { PREFIX = 4 };

static size_t held(const struct splitter *splitter)
{
    return splitter->buffer == NULL ? 0 : splitter->buffer->size - splitter->start;
}

size_t splitter_pending(const struct splitter *splitter)
{
    if (held(splitter) < PREFIX) return 0;
    return PREFIX + (size_t)load_be32(splitter->buffer->data + splitter->start);
}

bool splitter_has_frame(const struct splitter *splitter)
{
    size_t pending = splitter_pending(splitter);
    return pending > 0 && held(splitter) >= pending;
}

static bool length_is_bad(const struct splitter *splitter, int32_t frame_max)
{
    if (held(splitter) < PREFIX) return false;
    int32_t length = (int32_t)load_be32(splitter->buffer->data + splitter->start);
    return length < 0 || length > frame_max;
}

/* Moves what is held to a fresh buffer of this capacity. */
static void move(struct splitter *splitter, struct buffer_pool *pool, size_t capacity)
{
    struct buffer *fresh = buffer_create(pool, capacity);
    size_t size = held(splitter);
    ASSERT(size <= fresh->capacity);
    if (size > 0) memcpy(fresh->data, splitter->buffer->data + splitter->start, size);
    fresh->size = size;
    buffer_unref(splitter->buffer);
    splitter->buffer = fresh;
    splitter->start = 0;
}

int splitter_room(struct splitter *splitter, struct buffer_pool *pool, int32_t frame_max,
                  uint8_t **room, size_t *size)
{
    if (length_is_bad(splitter, frame_max)) return -EMSGSIZE;
    size_t pending = splitter_pending(splitter);
    if (splitter->buffer == NULL) {
        move(splitter, pool, SPLIT_CHUNK);
    } else if (pending > splitter->buffer->capacity - splitter->start) {
        /* too large for here */
        move(splitter, pool, pending > SPLIT_CHUNK ? pending : SPLIT_CHUNK);
    } else if (splitter->buffer->size == splitter->buffer->capacity) {
        move(splitter, pool, SPLIT_CHUNK);
    }
    struct buffer *buffer = splitter->buffer;
    *room = buffer->data + buffer->size;
    *size = buffer->capacity - buffer->size;
    /* A large frame's buffer is for that frame: what follows it begins a new one. */
    if (pending > SPLIT_CHUNK) *size = splitter->start + pending - buffer->size;
    ASSERT(*size > 0);
    return 0;
}

void splitter_filled(struct splitter *splitter, size_t size)
{
    ASSERT(size <= splitter->buffer->capacity - splitter->buffer->size);
    splitter->buffer->size += size;
}

int splitter_take(struct splitter *splitter, int32_t frame_max, struct slice *frame,
                  struct buffer **buffer)
{
    if (length_is_bad(splitter, frame_max)) return -EMSGSIZE;
    size_t pending = splitter_pending(splitter);
    if (!splitter_has_frame(splitter)) {
        if (held(splitter) == 0) splitter_deinit(splitter); /* an idle connection holds nothing */
        return 0;
    }
    *frame = (struct slice){splitter->buffer->data + splitter->start + PREFIX, pending - PREFIX};
    *buffer = buffer_ref(splitter->buffer);
    splitter->start += pending;
    return 1;
}

void splitter_deinit(struct splitter *splitter)
{
    buffer_unref(splitter->buffer);
    *splitter = (struct splitter){0};
}

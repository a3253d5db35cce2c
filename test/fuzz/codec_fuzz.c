/*
 * Bytes of a peer as Kafka's messages. The first two bytes choose the message, the third its
 * version. What decodes must encode again, to as many bytes as wire_size says, and decode to an
 * equal message.
 */
#include <errno.h>
#include <stdlib.h>

#include "wire/codec.h"
#include "wire/messages.h"

enum { ARENA_MAX = 64 << 20, ENCODED_MAX = 64 << 20, PREFIX = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decoded numbers must not depend on what lay in the memory before. */
static void *room(const struct wire_message *message, struct arena *arena)
{
    return arena_alloc(arena, wire_struct_size(message));
}

static void round_trip(const struct wire_message *message, int16_t version, struct slice input)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    CLEANUP(writer_deinit) struct writer writer;
    writer_init(&writer, ENCODED_MAX);
    void *first = room(message, &arena);
    void *second = room(message, &arena);
    int r = wire_decode(message, version, &input, &arena, first);
    if (r < 0) {
        ASSERT(r == -EBADMSG || r == -ENOMEM);
        return;
    }
    r = wire_encode(message, version, first, &writer, NULL);
    ASSERT(r == 0);
    ASSERT(wire_size(message, version, first) == (int64_t)writer.size);
    struct slice encoded = writer_slice(&writer);
    r = wire_decode(message, version, &encoded, &arena, second);
    ASSERT(r == 0);
    ASSERT(encoded.size == 0);
    ASSERT(wire_equal(message, first, second));
    writer_reset(&writer);
    wire_print(message, version, first, &writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PREFIX) return 0;
    int which = (data[0] << 8 | data[1]) % wire_message_count;
    const struct wire_message *message = wire_messages[which];
    int versions = wire_version_max(message) - wire_version_min(message) + 1;
    int16_t version = (int16_t)(wire_version_min(message) + data[2] % versions);
    round_trip(message, version, (struct slice){data + PREFIX, size - PREFIX});
    return 0;
}

/*
 * The codec beside Kafka's own classes: a filter between pipes. Kafka's side (Sweep.java) sends
 * what it wrote; this decodes it, writes it anew and sends that back with what it found.
 *
 *   sweep list     every message: name, least and greatest version
 *   sweep          request  u16 name size, name, i16 version, u32 size, bytes
 *                  answer   u8 verdict, u32 size, bytes
 *
 * A request of no bytes at all asks for the message with every field its default.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "wire/codec.h"
#include "wire/messages.h"

enum {
    MESSAGE_MAX_BYTES = 64 << 20,
    ARENA_MAX_BYTES = 256 << 20,
    PREFIXES_MAX_BYTES = 600, /* messages up to here are also tried cut short at every byte */
};

enum verdict {
    FINE = 0,
    UNKNOWN_MESSAGE = 1,
    NOT_DECODED = 2,
    BYTES_LEFT = 3,
    NOT_ENCODED = 4,
    SIZE_DIFFERS = 5,
    NOT_EQUAL = 6,
    PREFIX_ACCEPTED = 7,
    NOT_PRINTED = 8,
};

static bool read_all(void *bytes, size_t size)
{
    return fread(bytes, 1, size, stdin) == size;
}

static const struct wire_message *find(const char *name)
{
    for (int i = 0; i < wire_message_count; i++)
        if (strcmp(wire_message_name(wire_messages[i]), name) == 0) return wire_messages[i];
    return NULL;
}

static enum verdict check_prefixes(const struct wire_message *message, int16_t version,
                                   struct slice bytes, struct arena *arena, void *decoded)
{
    if (bytes.size > PREFIXES_MAX_BYTES) return FINE;
    for (size_t size = 0; size < bytes.size; size++) {
        /* A copy of its own, so that a sanitizer sees who reads beyond it. */
        uint8_t *copy = memory_alloc(size);
        memcpy(copy, bytes.data, size);
        struct slice input = {copy, size};
        int r = wire_decode(message, version, &input, arena, decoded);
        memory_free(copy);
        arena_reset(arena);
        if (r != -EBADMSG) return PREFIX_ACCEPTED;
    }
    return FINE;
}

/* Decodes `bytes`, writes them anew into `output`. */
static enum verdict round_trip(const struct wire_message *message, int16_t version,
                               struct slice bytes, struct writer *output)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX_BYTES);
    void *decoded = memory_alloc_zero(wire_struct_size(message));
    void *again = memory_alloc_zero(wire_struct_size(message));
    struct slice input = bytes;
    enum verdict verdict = FINE;
    if (wire_decode(message, version, &input, &arena, decoded) < 0)
        verdict = NOT_DECODED;
    else if (input.size > 0)
        verdict = BYTES_LEFT;
    else if (wire_encode(message, version, decoded, output, NULL) < 0)
        verdict = NOT_ENCODED;
    else if (wire_size(message, version, decoded) != (int64_t)output->size)
        verdict = SIZE_DIFFERS;
    struct slice rest = writer_slice(output);
    if (verdict == FINE && (wire_decode(message, version, &rest, &arena, again) < 0 ||
                            !wire_equal(message, decoded, again)))
        verdict = NOT_EQUAL;
    if (verdict == FINE) {
        CLEANUP(writer_deinit) struct writer text;
        writer_init(&text, MESSAGE_MAX_BYTES);
        wire_print(message, version, decoded, &text);
        if (writer_error(&text) < 0 || text.size < 2) verdict = NOT_PRINTED;
    }
    arena_reset(&arena);
    if (verdict == FINE) verdict = check_prefixes(message, version, bytes, &arena, decoded);
    memory_free(again);
    memory_free(decoded);
    return verdict;
}

static enum verdict write_default(const struct wire_message *message, int16_t version,
                                  struct writer *output)
{
    void *value = memory_alloc_zero(wire_struct_size(message));
    wire_defaults(message, value);
    int r = wire_encode(message, version, value, output, NULL);
    memory_free(value);
    return r < 0 ? NOT_ENCODED : FINE;
}

static bool answer(enum verdict verdict, struct slice bytes)
{
    uint8_t header[5];
    header[0] = (uint8_t)verdict;
    store_be32(header + 1, (uint32_t)bytes.size);
    return fwrite(header, 1, sizeof(header), stdout) == sizeof(header) &&
           (bytes.size == 0 || fwrite(bytes.data, 1, bytes.size, stdout) == bytes.size) &&
           fflush(stdout) == 0;
}

static bool serve_one(void)
{
    uint8_t number[4];
    char name[256];
    if (!read_all(number, 2)) return false;
    size_t name_size = load_be16(number);
    if (name_size >= sizeof(name) || !read_all(name, name_size)) return false;
    name[name_size] = 0;
    if (!read_all(number, 2)) return false;
    int16_t version = (int16_t)load_be16(number);
    if (!read_all(number, 4)) return false;
    size_t size = load_be32(number);
    if (size > MESSAGE_MAX_BYTES) return false;
    uint8_t *bytes = memory_alloc(size);
    bool complete = read_all(bytes, size);
    CLEANUP(writer_deinit) struct writer output;
    writer_init(&output, MESSAGE_MAX_BYTES);
    const struct wire_message *message = find(name);
    enum verdict verdict = UNKNOWN_MESSAGE;
    if (message != NULL && size == 0)
        verdict = write_default(message, version, &output);
    else if (message != NULL)
        verdict = round_trip(message, version, (struct slice){bytes, size}, &output);
    memory_free(bytes);
    return complete && answer(verdict, writer_slice(&output));
}

static void list(void)
{
    for (int i = 0; i < wire_message_count; i++)
        printf("%s %d %d\n", wire_message_name(wire_messages[i]),
               (int)wire_version_min(wire_messages[i]), (int)wire_version_max(wire_messages[i]));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "list") == 0) {
        list();
        return 0;
    }
    while (serve_one()) {
    }
    return ferror(stdin) || ferror(stdout) ? 1 : 0;
}

/*
 * The codec: Kafka's messages between bytes and structs, in every version, by interpreting the
 * field tables that tools/schemac.py makes from schema/. One decoder, one encoder, one printer for
 * all.
 *
 * It allocates only in the arena that the caller gives, and never more than the bytes that are
 * really there can fill: a declared count is checked against what remains before it is believed
 * (CVE-2022-34917). Strings, bytes and records become slices of the input: whoever owns the input
 * keeps it as long as the struct is used.
 *
 * The shape of the structs (wire/messages.h, generated):
 *   string, bytes, records   struct slice; null is data == NULL
 *   array of T               T *name; int32_t name_count;   null is name_count == -1
 *   struct                   embedded; a nullable one is a pointer, NULL for null
 *   uuid                     struct uuid
 * Fields absent in a version take their default when decoding; encoding a field that the version
 * lacks is an error unless it has its default or the schema calls it ignorable.
 * Tagged fields that we do not know are skipped.
 */
#ifndef GREGOR_WIRE_CODEC_H
#define GREGOR_WIRE_CODEC_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "base/writer.h"

struct wire_message; /* one row of the generated tables: name, versions, fields */

/* Where bytes that come from elsewhere (file extents) belong in an encoded message. A `records`
 * field with data == NULL and size > 0 is encoded as its length only; its place is noted here. */
struct wire_hole {
    size_t position; /* in the writer, where the bytes would begin */
    size_t size;     /* bytes to be inserted there */
};

struct wire_holes {
    struct wire_hole *items; /* the caller's array */
    size_t count;            /* filled by the encoder, in ascending order */
    size_t capacity;
};

/* Takes one message off `input`. -EBADMSG: the bytes are no such message; -ENOMEM: the arena's
 * maximum; -ENOTSUP: a version outside the message's range. `*decoded` is undefined on error. */
MUST_USE int wire_decode(const struct wire_message *message, int16_t version, struct slice *input,
                         struct arena *arena, void *decoded);

/* Appends one message. Holes may be NULL where no records field uses one; the capacity must suffice
 * otherwise. -ENOTSUP: version out of range; -EINVAL: a value that this version cannot carry;
 * -EMSGSIZE: the writer is full. */
MUST_USE int wire_encode(const struct wire_message *message, int16_t version, const void *value,
                         struct writer *writer, struct wire_holes *holes);

/* Bytes that wire_encode would write, holes included. Errors as wire_encode. */
MUST_USE int64_t wire_size(const struct wire_message *message, int16_t version, const void *value);

/* Where a struct keeps an int32 of the message itself, by its name as in Kafka's JSON; NULL: the
 * version has none. */
int32_t *wire_int32(const struct wire_message *message, int16_t version, const char *name,
                    void *value);

/* Is this the field that an encoded message of the version begins with? */
bool wire_begins_with(const struct wire_message *message, int16_t version, const char *name);

/* Every field its default, as if decoded from a version without any. Memory need not be zeroed. */
void wire_defaults(const struct wire_message *message, void *value);

/* One line of JSON: names as in Kafka's JSON dumps, uuids as text, bytes as their count. */
void wire_print(const struct wire_message *message, int16_t version, const void *value,
                struct writer *writer);

bool wire_equal(const struct wire_message *message, const void *a, const void *b);

/* The API key or the type of a record; -1: it has none. */
int16_t wire_message_id(const struct wire_message *message);
const char *wire_message_name(const struct wire_message *message); /* "ProduceRequest" */
int16_t wire_version_min(const struct wire_message *message);
int16_t wire_version_max(const struct wire_message *message);
bool wire_is_flexible(const struct wire_message *message, int16_t version);
size_t wire_struct_size(const struct wire_message *message); /* sizeof the generated struct */

#endif

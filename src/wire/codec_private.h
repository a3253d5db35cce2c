/* What codec.c, encode.c and print.c share. */
#ifndef GREGOR_WIRE_CODEC_PRIVATE_H
#define GREGOR_WIRE_CODEC_PRIVATE_H

#include "wire/tables.h"

bool wire_kind_is_slice(enum wire_kind kind);
size_t wire_kind_size(enum wire_kind kind); /* in memory and, for numbers, on the wire */
void wire_type_defaults(const struct wire_type *type, void *value);

/* Does the field hold its default? */
bool wire_is_default(const struct wire_field *field, const void *base);
bool wire_type_equal(const struct wire_type *type, const void *a, const void *b);

#endif

/* The field tables that schemac.py makes and codec.c interprets. Private to wire/. */
#ifndef GREGOR_WIRE_TABLES_H
#define GREGOR_WIRE_TABLES_H

#include <stddef.h>

#include "base/slice.h"

enum wire_kind {
    WIRE_BOOL,
    WIRE_INT8,
    WIRE_INT16,
    WIRE_UINT16,
    WIRE_INT32,
    WIRE_UINT32,
    WIRE_INT64,
    WIRE_FLOAT64,
    WIRE_STRING,
    WIRE_BYTES,
    WIRE_RECORDS,
    WIRE_UUID,
    WIRE_STRUCT,
};

enum wire_flag {
    WIRE_ARRAY = 1,
    WIRE_POINTER = 2,        /* a struct behind a pointer: it can be null */
    WIRE_IGNORABLE = 4,      /* may be dropped in versions that lack it */
    WIRE_NEVER_FLEXIBLE = 8, /* the old encoding in every version (RequestHeader.ClientId) */
    WIRE_DEFAULT_NULL = 16,  /* a pointer without it has type->initial as its default */
};

struct wire_type;

struct wire_field {
    const char *name;             /* as in Kafka's JSON */
    const struct wire_type *type; /* of structs */
    const char *text;             /* default of a string that is not empty */
    int64_t number;               /* default of a number */
    size_t offset;                /* in the C struct */
    size_t count_offset;          /* of an array's count */
    enum wire_kind kind;
    uint32_t flags;
    int32_t tag;         /* -1: none */
    int16_t first, last; /* versions that have it */
    int16_t null_first, null_last;
    int16_t tagged_first, tagged_last;
};

struct wire_type {
    const struct wire_field *fields;
    size_t field_count;
    size_t size;         /* sizeof the C struct */
    const void *initial; /* one with its defaults, where a pointer's default is not null; or NULL */
};

struct wire_message {
    const struct wire_type *type;
    const char *name;
    int16_t id; /* API key, record type; -1: none */
    int16_t version_min, version_max;
    int16_t flexible_from; /* 32767: never */
};

#endif

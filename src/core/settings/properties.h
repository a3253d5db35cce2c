/*
 * Java's .properties text, as java.util.Properties.load reads it: `key=value`, `key:value` or
 * `key value`; # and ! begin comments; a line that ends in an odd number of backslashes goes on in
 * the next; \t \n \r \f \uXXXX and \ before any other character are escapes. Text is taken as UTF-8
 * (Kafka reads Latin-1: equal as long as names and values are ASCII).
 *
 * It reads no file and owns nothing: keys and values are copied into the caller's arena.
 */
#ifndef GREGOR_CORE_SETTINGS_PROPERTIES_H
#define GREGOR_CORE_SETTINGS_PROPERTIES_H

#include "base/arena.h"
#include "base/slice.h"

struct properties {
    struct slice rest; /* text not yet read */
    int32_t line;      /* 1-based, of the next line to read */
};

struct property {
    struct slice key;
    struct slice value; /* empty, never null */
    int32_t line;       /* where its key stands, 1-based */
};

void properties_init(struct properties *properties, struct slice text);

/* The next property: 1, 0 at the end; -EBADMSG: a malformed \u escape (property->line says where).
 * The arena must have room for the text. */
MUST_USE int properties_next(struct properties *properties, struct arena *arena,
                             struct property *property);

#endif

/*
 * output: what the commands print: tables for people (libsmartcols), JSON, JSON lines and CSV for
 * programs, names for shells. A command describes its columns once and adds rows; --output decides
 * how they look. Columns for wide tables are in everything but plain tables and names.
 *
 * JSON is one document {"schema":"gregor.NAME/1","items":[…]}; fields are added to a schema and
 * never renamed. Everything it prints goes to standard output.
 */
#ifndef GREGOR_CLI_OUTPUT_H
#define GREGOR_CLI_OUTPUT_H

#include "cli/cli.h"

enum { OUTPUT_COLUMNS_MAX = 16 };

enum output_kind {
    OUTPUT_TEXT,
    OUTPUT_NUMBER, /* right-aligned, bare in JSON */
    OUTPUT_STATE,  /* a text that is "ok" or tells what is wrong: colored */
    OUTPUT_WIDE,   /* a text that plain tables leave out */
};

struct output_column {
    const char *heading; /* of tables: no blanks */
    const char *field;   /* of JSON and CSV */
    enum output_kind kind;
};

struct output;

/* -EINVAL after a line on standard error: an unknown --output. `schema` as in "topic.list". */
MUST_USE int output_begin(const struct cli *cli, const char *schema,
                          const struct output_column *columns, int count, struct output **begun);
/* One row: as many slices as columns; null is empty in tables and null in JSON. Copied. */
void output_row(struct output *output, const struct slice *values);
/* Prints what is not yet printed and frees. */
void output_end(struct output *output);

/* Does --output ask for a table, plain or wide? */
bool output_is_table(const struct cli *cli);

/* Numbers grouped in thousands on a terminal, plain elsewhere. */
struct slice output_number(const struct cli *cli, struct arena *arena, int64_t value);
/* Bytes as "31 KiB" on a terminal, plain elsewhere; null if negative: nobody could tell. */
struct slice output_size(const struct cli *cli, struct arena *arena, int64_t bytes);

#endif

/* Tables, JSON, JSON lines, CSV, names. */
#include "cli/output.h"

#include <errno.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum output_format {
    FORMAT_TABLE,
    FORMAT_WIDE,
    FORMAT_JSON,
    FORMAT_JSONL,
    FORMAT_CSV,
    FORMAT_NAME, /* the first column */
};

struct output {
    enum output_format format;
    const char *schema;
    const struct output_column *columns;
    int column_count;
    bool headings;
    bool color;
    struct libscols_table *table; /* of FORMAT_TABLE and FORMAT_WIDE */
    json_t *items;                /* of FORMAT_JSON */
};

static int parse_format(const struct cli *cli, enum output_format *format)
{
    static const char *const names[] = {"table", "wide", "json", "jsonl", "csv", "name"};
    *format = FORMAT_TABLE;
    if (!cli_has(cli, OPTION_OUTPUT)) return 0;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(cli->option[OPTION_OUTPUT], names[i]) != 0) continue;
        *format = (enum output_format)i;
        return 0;
    }
    (void)cli_fail(CLI_USAGE, "no output format '%s': table, wide, json, jsonl, csv or name",
                   cli->option[OPTION_OUTPUT]);
    return -EINVAL;
}

static bool is_table(enum output_format format)
{
    return format == FORMAT_TABLE || format == FORMAT_WIDE;
}

static void begin_table(struct output *output)
{
    output->table = scols_new_table();
    ASSERT(output->table != NULL);
    scols_table_enable_noheadings(output->table, !output->headings);
    scols_table_enable_colors(output->table, output->color);
    for (int i = 0; i < output->column_count; i++) {
        int flags = output->columns[i].kind == OUTPUT_NUMBER ? SCOLS_FL_RIGHT : 0;
        if (output->columns[i].kind == OUTPUT_WIDE && output->format == FORMAT_TABLE)
            flags |= SCOLS_FL_HIDDEN;
        struct libscols_column *column =
            scols_table_new_column(output->table, output->columns[i].heading, 0, flags);
        ASSERT(column != NULL);
    }
}

int output_begin(const struct cli *cli, const char *schema, const struct output_column *columns,
                 int count, struct output **begun)
{
    ASSERT(count <= OUTPUT_COLUMNS_MAX);
    enum output_format format;
    int r = parse_format(cli, &format);
    if (r < 0) return r;
    struct output *output = memory_alloc(sizeof(*output));
    *output = (struct output){.format = format,
                              .schema = schema,
                              .columns = columns,
                              .column_count = count,
                              .headings = !cli_has(cli, OPTION_NO_HEADERS),
                              .color = cli->color};
    if (is_table(format)) begin_table(output);
    if (format == FORMAT_JSON) output->items = json_array();
    if (format == FORMAT_CSV && output->headings) {
        for (int i = 0; i < count; i++)
            printf("%s%s", i > 0 ? "," : "", columns[i].field);
        putchar('\n');
    }
    *begun = output;
    return 0;
}

static json_t *json_row(const struct output *output, const struct slice *values)
{
    json_t *row = json_object();
    for (int i = 0; i < output->column_count; i++) {
        json_t *value = json_null();
        int64_t number;
        if (output->columns[i].kind == OUTPUT_NUMBER &&
            slice_parse_int64(values[i], INT64_MIN, INT64_MAX, &number) == 0)
            value = json_integer(number);
        else if (!slice_is_null(values[i]))
            value = json_stringn((const char *)values[i].data, values[i].size);
        json_object_set_new(row, output->columns[i].field, value != NULL ? value : json_null());
    }
    return row;
}

static void table_row(struct output *output, const struct slice *values)
{
    struct libscols_line *line = scols_table_new_line(output->table, NULL);
    ASSERT(line != NULL);
    for (int i = 0; i < output->column_count; i++) {
        char *text =
            strndup(values[i].size > 0 ? (const char *)values[i].data : "", values[i].size);
        ASSERT(text != NULL);
        int r = scols_line_refer_data(line, (size_t)i, text);
        ASSERT(r == 0);
        if (output->columns[i].kind != OUTPUT_STATE) continue;
        const char *color = slice_equal(values[i], SLICE("ok")) ? "green" : "red";
        r = scols_cell_set_color(scols_line_get_cell(line, (size_t)i), color);
        ASSERT(r == 0);
    }
}

/* RFC 4180: quoted when it holds a comma, a quote or a line's end. */
static void csv_row(const struct output *output, const struct slice *values)
{
    for (int i = 0; i < output->column_count; i++) {
        if (i > 0) putchar(',');
        const char *data = (const char *)values[i].data;
        size_t size = values[i].size;
        bool quote =
            size > 0 && (memchr(data, ',', size) != NULL || memchr(data, '"', size) != NULL ||
                         memchr(data, '\n', size) != NULL);
        if (quote) putchar('"');
        for (size_t j = 0; j < size; j++) {
            if (data[j] == '"') putchar('"');
            putchar(data[j]);
        }
        if (quote) putchar('"');
    }
    putchar('\n');
}

void output_row(struct output *output, const struct slice *values)
{
    switch (output->format) {
    case FORMAT_TABLE:
    case FORMAT_WIDE:
        table_row(output, values);
        break;
    case FORMAT_JSON:
        json_array_append_new(output->items, json_row(output, values));
        break;
    case FORMAT_JSONL: {
        json_t *row = json_row(output, values);
        json_dumpf(row, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(row);
        break;
    }
    case FORMAT_CSV:
        csv_row(output, values);
        break;
    case FORMAT_NAME:
        printf("%.*s\n", SLICE_ARG(values[0]));
        break;
    }
}

void output_end(struct output *output)
{
    if (is_table(output->format)) {
        if (scols_table_get_nlines(output->table) > 0) scols_print_table(output->table);
        scols_unref_table(output->table);
    }
    if (output->format == FORMAT_JSON) {
        char schema[64];
        snprintf(schema, sizeof(schema), "gregor.%s/1", output->schema);
        json_t *document = json_pack("{s:s,s:o}", "schema", schema, "items", output->items);
        json_dumpf(document, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(document);
    }
    memory_free(output);
}

bool output_is_table(const struct cli *cli)
{
    if (!cli_has(cli, OPTION_OUTPUT)) return true;
    const char *name = cli->option[OPTION_OUTPUT];
    return strcmp(name, "table") == 0 || strcmp(name, "wide") == 0;
}

static bool is_for_people(const struct cli *cli)
{
    return !cli_has(cli, OPTION_OUTPUT) && isatty(STDOUT_FILENO);
}

struct slice output_size(const struct cli *cli, struct arena *arena, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 0) return SLICE_NULL;
    if (!is_for_people(cli)) return arena_printf(arena, "%lld", (long long)bytes);
    size_t unit = 0;
    double shown = (double)bytes;
    for (; shown >= 1024; shown /= 1024)
        unit++;
    ASSERT(unit < ARRAY_COUNT(units));
    return arena_printf(arena, "%.*f %s", unit > 0 && shown < 10 ? 1 : 0, shown, units[unit]);
}

struct slice output_number(const struct cli *cli, struct arena *arena, int64_t value)
{
    struct slice plain = arena_printf(arena, "%lld", (long long)value);
    if (!is_for_people(cli) || value < 0 || plain.size < 5) return plain;
    size_t size = plain.size + (plain.size - 1) / 3;
    char *grouped = arena_alloc(arena, size);
    size_t to = size;
    for (size_t i = 0; i < plain.size; i++) {
        if (i > 0 && i % 3 == 0) grouped[--to] = ' ';
        grouped[--to] = (char)plain.data[plain.size - 1 - i];
    }
    return (struct slice){(const uint8_t *)grouped, size};
}

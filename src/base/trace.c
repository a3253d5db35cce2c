#include "base/trace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    TEXT_MAX_BYTES = 3072,
    LINE_MAX_BYTES = 8192, /* an escape may take six bytes: text that is full of them is cut */
    ESCAPE_MAX_BYTES = 6,
    TAIL_BYTES = 8, /* kept for what closes a line */
};

static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
static const char *const words[] = {"trace", "debug", "info", "warn", "error", "fatal"};
static const int priorities[] = {7, 7, 6, 4, 3, 2}; /* syslog's, sd-daemon(3) */

/* No name is that of another and a dot more: all inherit from root alone. */
static const char *const loggers[] = {
    [TRACE_ROOT] = "root",
    "gregor",
    "kafka.log.LogCleaner",
    "kafka.log.LogCleanerManager",
    "kafka.log.LogManager",
    "kafka.log.UnifiedLog",
    "kafka.network.SocketServer",
    "kafka.raft.KafkaRaftClient",
    "kafka.request.logger",
    "kafka.server.BrokerLifecycleManager",
    "kafka.server.BrokerServer",
    "kafka.server.ConfigAdminManager",
    "kafka.server.KafkaRaftServer",
    "kafka.server.ReplicaAlterLogDirsThread",
    "kafka.server.ReplicaManager",
    "kafka.server.metadata.MetadataLoader",
    "kafka.tools.StorageTool",
};
static_assert(ARRAY_COUNT(loggers) == TRACE_LOGGERS, "as the header says");

const char *trace_level_name(enum trace_level level)
{
    ASSERT(level <= TRACE_FATAL);
    return names[level];
}

int trace_level_parse(struct slice word, enum trace_level *level)
{
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (!slice_equal(word, slice_of(names[i]))) continue;
        *level = (enum trace_level)i;
        return 0;
    }
    return -EINVAL;
}

const char *trace_logger_name(int logger)
{
    ASSERT(logger >= 0);
    ASSERT(logger < TRACE_LOGGERS);
    return loggers[logger];
}

int trace_logger_find(struct slice name, int *logger)
{
    for (int i = 0; i < TRACE_LOGGERS; i++) {
        if (!slice_equal(name, slice_of(loggers[i]))) continue;
        *logger = i;
        return 0;
    }
    return -ENOENT;
}

/* One that is not in the list is held to the level of root. */
static enum trace_level level_of(const struct trace *trace, const char *component)
{
    int logger;
    if (trace->level_of == NULL) return trace->level;
    if (trace_logger_find(slice_of(component), &logger) < 0) logger = TRACE_ROOT;
    return trace->level_of(trace->context, logger);
}

/* Days since 1970 to a date, by the civil-from-days method with years that begin in March. */
static void civil(int64_t days, int *year, int *month, int *day)
{
    int64_t shifted = days + 719468; /* from 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * march_month + 2) / 5 + 1);
    *month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

/* --- lines ------------------------------------------------------------------------------------ */

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t size;
};

static void put(struct line *line, const char *text)
{
    while (*text != 0 && line->size < sizeof(line->bytes) - TAIL_BYTES)
        line->bytes[line->size++] = *text++;
}

static void close_line(struct line *line, const char *tail)
{
    ASSERT(line->size <= sizeof(line->bytes) - TAIL_BYTES);
    while (*tail != 0)
        line->bytes[line->size++] = *tail++;
    line->bytes[line->size++] = '\n';
}

/* A name that a peer made up must not end our line and begin one of its own. */
static void put_blanked(struct line *line, const char *text)
{
    for (; *text != 0 && line->size < sizeof(line->bytes) - TAIL_BYTES; text++) {
        unsigned char byte = (unsigned char)*text;
        line->bytes[line->size++] = byte < 0x20 || byte == 0x7f ? ' ' : *text;
    }
}

/* How many bytes the character at `text` has; 0: it is no UTF-8. (RFC 3629 §4) */
static size_t character_size(const unsigned char *text)
{
    static const struct {
        unsigned char first, last;       /* of the first byte */
        unsigned char second, second_to; /* of the second */
        unsigned char size;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last) continue;
        if (forms[i].size == 1) return 1;
        if (text[1] < forms[i].second || text[1] > forms[i].second_to) return 0;
        for (size_t j = 2; j < forms[i].size; j++)
            if (text[j] < 0x80 || text[j] > 0xbf) return 0;
        return forms[i].size;
    }
    return 0;
}

/* Between quotes of JSON, which logfmt's readers take, too. */
static void put_escaped(struct line *line, const char *text)
{
    size_t room = sizeof(line->bytes) - TAIL_BYTES - ESCAPE_MAX_BYTES;
    while (*text != 0 && line->size < room) {
        unsigned char byte = (unsigned char)*text;
        size_t size = character_size((const unsigned char *)text);
        char escape[ESCAPE_MAX_BYTES + 1];
        if (size == 0)
            put(line, "\\ufffd");
        else if (byte == '"' || byte == '\\' || byte < 0x20 || byte == 0x7f) {
            const char *form = byte == '"' || byte == '\\' ? "\\%c" : "\\u%04x";
            snprintf(escape, sizeof(escape), form, byte);
            put(line, escape);
        } else {
            memcpy(line->bytes + line->size, text, size);
            line->size += size;
        }
        text += size > 0 ? size : 1;
    }
}

/* "2026-11-22" `between` "22:51:07" `point` "123" */
static void put_time(struct line *line, int64_t now_ms, const char *between, const char *point)
{
    char text[64];
    int64_t of_day = now_ms % 86400000;
    int year, month, day;
    civil(now_ms / 86400000, &year, &month, &day);
    snprintf(text, sizeof(text), "%04d-%02d-%02d%s%02d:%02d:%02d%s%03d", year, month, day, between,
             (int)(of_day / 3600000), (int)(of_day / 60000 % 60), (int)(of_day / 1000 % 60), point,
             (int)(of_day % 1000));
    put(line, text);
}

static void put_text(struct line *line, const char *text, const char *component)
{
    put_blanked(line, text);
    put(line, " (");
    put(line, component);
    close_line(line, ")");
}

void trace_write(const struct trace *trace, enum trace_level level, const char *component,
                 const char *format, ...)
{
    if (level < level_of(trace, component)) return;
    int64_t now_ms = trace->wall_ms(trace->context);
    char text[TEXT_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);

    struct line line;
    char priority[8];
    line.size = 0;
    switch (trace->format) {
    case TRACE_TEXT:
        put(&line, "[");
        put_time(&line, now_ms, " ", ",");
        put(&line, "] ");
        put(&line, names[level]);
        put(&line, " ");
        put_text(&line, text, component);
        break;
    case TRACE_LOGFMT:
        put(&line, "ts=");
        put_time(&line, now_ms, "T", ".");
        put(&line, "Z level=");
        put(&line, words[level]);
        put(&line, " component=");
        put(&line, component);
        put(&line, " msg=\"");
        put_escaped(&line, text);
        close_line(&line, "\"");
        break;
    case TRACE_JSON:
        put(&line, "{\"ts\":\"");
        put_time(&line, now_ms, "T", ".");
        put(&line, "Z\",\"level\":\"");
        put(&line, words[level]);
        put(&line, "\",\"component\":\"");
        put_escaped(&line, component);
        put(&line, "\",\"message\":\"");
        put_escaped(&line, text);
        close_line(&line, "\"}");
        break;
    case TRACE_JOURNAL:
        snprintf(priority, sizeof(priority), "<%d>", priorities[level]);
        put(&line, priority);
        put_text(&line, text, component);
        break;
    }
    trace->sink(trace->context, (struct slice){(const uint8_t *)line.bytes, line.size});
}

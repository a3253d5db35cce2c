#include "base/trace.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 4096 };

static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

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

/* A name that a peer made up must not end our line and begin one of its own. */
static void blank_controls(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == 0x7f) text[i] = ' ';
    }
}

void trace_write(const struct trace *trace, enum trace_level level, const char *component,
                 const char *format, ...)
{
    if (level < trace->level) return;
    int64_t now_ms = trace->wall_ms(trace->context);
    int64_t of_day = now_ms % 86400000;
    int year, month, day;
    civil(now_ms / 86400000, &year, &month, &day);

    char line[LINE_MAX_BYTES];
    int size = snprintf(line, sizeof(line), "[%04d-%02d-%02d %02d:%02d:%02d,%03d] %s ", year, month,
                        day, (int)(of_day / 3600000), (int)(of_day / 60000 % 60),
                        (int)(of_day / 1000 % 60), (int)(of_day % 1000), names[level]);
    va_list arguments;
    va_start(arguments, format);
    size += vsnprintf(line + size, sizeof(line) - (size_t)size, format, arguments);
    va_end(arguments);
    if (size < (int)sizeof(line))
        size += snprintf(line + size, sizeof(line) - (size_t)size, " (%s)", component);
    if (size > (int)sizeof(line) - 2) size = (int)sizeof(line) - 2;
    blank_controls(line, (size_t)size);
    line[size++] = '\n';
    trace->sink(trace->context, (struct slice){(const uint8_t *)line, (size_t)size});
}

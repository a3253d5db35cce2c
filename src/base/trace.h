/*
 * The logger: levels, and lines in Kafka's pattern. Libraries do not log, they return; broker, cli
 * and main log once. The trace owns no file: whoever creates it gives the sink that writes a line
 * and the clock that dates it.
 */
#ifndef GREGOR_BASE_TRACE_H
#define GREGOR_BASE_TRACE_H

#include <stdint.h>

#include "base/slice.h"

enum trace_level { TRACE_DEBUG, TRACE_INFO, TRACE_WARN, TRACE_ERROR, TRACE_FATAL };

struct trace {
    enum trace_level level;                         /* below it nothing is written */
    void (*sink)(void *context, struct slice line); /* one whole line with its newline */
    int64_t (*wall_ms)(void *context);
    void *context;
};

/* "[2026-11-22 22:51:07,123] INFO text (component)": the pattern of Kafka's log4j files. A line is
 * cut at 4 KiB; control characters in it become blanks, so that it stays one line. */
void trace_write(const struct trace *trace, enum trace_level level, const char *component,
                 const char *format, ...) PRINTF_LIKE(4, 5);

#endif

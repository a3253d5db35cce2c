/*
 * The logger: levels, and lines in Kafka's pattern or for programs. Libraries do not log, they
 * return; broker, cli and main log once. The trace owns no file: whoever creates it gives the sink
 * that writes a line and the clock that dates it.
 */
#ifndef GREGOR_BASE_TRACE_H
#define GREGOR_BASE_TRACE_H

#include <stdint.h>

#include "base/slice.h"

enum trace_level { TRACE_TRACE, TRACE_DEBUG, TRACE_INFO, TRACE_WARN, TRACE_ERROR, TRACE_FATAL };

/* In Kafka's words: "INFO". -EINVAL: no level is called so. */
const char *trace_level_name(enum trace_level level);
MUST_USE int trace_level_parse(struct slice word, enum trace_level *level);

/* Who lines are of, which their `component` says: Kafka calls them loggers, and each may have a
 * level of its own. The first one is "root", who has no lines: its level is that of all others that
 * have none. */
enum { TRACE_LOGGERS = 17, TRACE_ROOT = 0 };
const char *trace_logger_name(int logger);
/* -ENOENT: nobody is called so. */
MUST_USE int trace_logger_find(struct slice name, int *logger);

enum trace_format {
    TRACE_TEXT,    /* [2026-11-22 22:51:07,123] INFO text (component): Kafka's log4j files */
    TRACE_LOGFMT,  /* ts=2026-11-22T22:51:07.123Z level=info component=… msg="text" */
    TRACE_JSON,    /* {"ts":"…","level":"info","component":"…","message":"text"} */
    TRACE_JOURNAL, /* <6>text (component): systemd knows the time and reads the level */
};

struct trace {
    enum trace_level level; /* below it nothing is written; */
    /* of a logger, where they have levels of their own. NULL: they have not. */
    enum trace_level (*level_of)(void *context, int logger);
    enum trace_format format;
    void (*sink)(void *context, struct slice line); /* one whole line with its newline */
    int64_t (*wall_ms)(void *context);
    void *context;
};

/* One line. What is longer than some 3,000 bytes is cut. In text control characters become blanks,
 * elsewhere they are escaped, and what is no UTF-8 becomes U+FFFD: whatever a peer called itself,
 * a line stays a line and JSON stays JSON. */
void trace_write(const struct trace *trace, enum trace_level level, const char *component,
                 const char *format, ...) PRINTF_LIKE(4, 5);

#endif

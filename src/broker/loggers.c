#include "broker/loggers.h"

void loggers_init(struct loggers *loggers, enum trace_level root)
{
    for (int i = 0; i < TRACE_LOGGERS; i++)
        loggers_set(loggers, i, i == TRACE_ROOT ? (int)root : LOGGERS_INHERIT);
}

void loggers_set(struct loggers *loggers, int logger, int level)
{
    ASSERT(logger >= 0);
    ASSERT(logger < TRACE_LOGGERS);
    ASSERT(level >= LOGGERS_INHERIT);
    ASSERT(level <= TRACE_FATAL);
    if (logger == TRACE_ROOT) ASSERT(level != LOGGERS_INHERIT);
    os_number_set(&loggers->levels[logger], level);
}

/* Asked for each request: no more than two reads. */
enum trace_level loggers_level(const struct loggers *loggers, int logger)
{
    int level = os_number_get(&loggers->levels[logger]);
    if (level == LOGGERS_INHERIT) level = os_number_get(&loggers->levels[TRACE_ROOT]);
    return (enum trace_level)level;
}

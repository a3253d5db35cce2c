/*
 * loggers: how much of the log is wanted, logger by logger. They begin with the level that a node
 * is started with; who asks for another (IncrementalAlterConfigs of a broker's loggers, a signal)
 * changes it for all threads at once and until the node stops: nothing of it is stored. (KIP-412)
 *
 * What they never do: know a name that base/trace.h does not.
 */
#ifndef GREGOR_BROKER_LOGGERS_H
#define GREGOR_BROKER_LOGGERS_H

#include "base/trace.h"
#include "os/os.h"

enum { LOGGERS_INHERIT = -1 }; /* no level of one's own: that of root */

struct loggers {
    struct os_number levels[TRACE_LOGGERS];
};

/* Every logger has the level of root, which is this. */
void loggers_init(struct loggers *loggers, enum trace_level root);
/* Any thread; root always has a level. */
void loggers_set(struct loggers *loggers, int logger, int level);
enum trace_level loggers_level(const struct loggers *loggers, int logger); /* that counts */

#endif

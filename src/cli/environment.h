/*
 * environment: settings by environment variables, as Apache Kafka's own container image takes them
 * (KafkaDockerWrapper, the image's `configure` script).
 *
 * What it never does: look at the environment itself. Read under `serve --env` only, so that a
 * stray variable of a shell never changes a node.
 */
#ifndef GREGOR_CLI_ENVIRONMENT_H
#define GREGOR_CLI_ENVIRONMENT_H

#include "base/arena.h"
#include "base/slice.h"

/* Is "KAFKA_LOG_DIRS=/data" (an entry of environ) a setting? Then *key is log.dirs: the prefix
 * goes, letters become small, _ becomes '.', __ becomes '_' and ___ becomes '-'. What the image
 * keeps for its own start script (KAFKA_OPTS …) is none, but KAFKA_LOG4J_ROOT_LOGLEVEL, which is
 * our gregor.log.level. Texts live in the arena or in the entry. */
bool environment_setting(const char *entry, struct arena *arena, struct slice *key,
                         struct slice *value);

/* `listeners` where only advertised ones are given: the same, on all addresses. */
struct slice environment_listeners(struct slice advertised, struct arena *arena);

#endif

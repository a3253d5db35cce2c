/*
 * recompress: the records of a batch in another codec, where a topic's compression.type asks for
 * it. (LogValidator.buildRecordsAndAssignOffsets)
 *
 * What it never does: change a record, check one: validate did.
 */
#ifndef GREGOR_BROKER_RECOMPRESS_H
#define GREGOR_BROKER_RECOMPRESS_H

#include "base/arena.h"
#include "core/settings/settings.h"
#include "wire/batch.h"

bool recompress_is_due(const struct batch *batch, const struct settings_topic *topic);

/* Builds the batch anew into `output`. `scratch` is reset. -EMSGSIZE: it has no room there. */
MUST_USE int recompress(const struct batch *batch, const struct settings_topic *topic,
                        struct arena *scratch, struct writer *output);

#endif

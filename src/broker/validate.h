/*
 * validate: may a client append these bytes? What Kafka checks between a produce request and the
 * log, in Kafka's order. (ProduceRequest.validateRecords, LogValidator,
 * UnifiedLog.analyzeAndValidateRecords)
 *
 * What it never does: change a byte, know a partition's state.
 */
#ifndef GREGOR_BROKER_VALIDATE_H
#define GREGOR_BROKER_VALIDATE_H

#include "base/arena.h"
#include "core/settings/settings.h"
#include "wire/batch.h"
#include "wire/errors.h"

struct validate_error {
    enum kafka_error error;
    struct slice message; /* static; null: the error's own */
    int32_t record_index; /* -1: not one record's fault */
};

/* `records` is one partition's part of a request. `scratch` is for decompression and is reset. On
 * success (NONE) *batch is its one batch. */
enum kafka_error validate_records(struct slice records, const struct settings_topic *topic,
                                  int64_t now_ms, struct arena *scratch, struct batch *batch,
                                  struct validate_error *error);

#endif

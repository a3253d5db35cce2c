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
#include "broker/call.h"
#include "core/settings/settings.h"
#include "wire/batch.h"
#include "wire/errors.h"

struct validated {
    struct batch batch;    /* the one of the request; what stood behind it is left out */
    int64_t max_timestamp; /* the greatest of its records */
    bool is_one_batch;     /* and not something that never came near the log */
    /* of a refusal */
    struct call_record_error *record_errors; /* the caller frees */
    int32_t record_error_count;
};

/* `records` is one partition's part of a request. `scratch` is for decompression and is reset. */
enum kafka_error validate_records(struct slice records, const struct settings_topic *topic,
                                  int64_t now_ms, struct arena *scratch, struct validated *result);

#endif

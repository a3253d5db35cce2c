/*
 * quotas: what a request uses is metered, and its client pauses when that was too much. Private to
 * api/; core/quota says how much and how long.
 *
 * A client with a quota that its request is metered by gets no further request handled before that
 * one is answered, as Kafka does with every request; then none until its pause is over. (KIP-219)
 * Only a produce request within its bytes goes on in the line: what it uses is known at once.
 */
#ifndef GREGOR_API_QUOTAS_H
#define GREGOR_API_QUOTAS_H

#include "api/api.h"

/* When the handling of a request begins; 0: there are no quotas. */
int64_t quotas_start(struct shard *shard);
/* Meters what is known of a request before it is handled, and holds its connection if need be. */
void quotas_begin(struct api_request *request);
/* Its handler has returned and not answered yet: its time goes on with the answer. */
void quotas_leave(struct api_request *request);
/* May its answer say less than it could? Bytes that one fetch may bring at most. */
int64_t quotas_fetch_most(const struct api_request *request, int64_t most);
/* Are the bytes metered that a fetch brings? */
bool quotas_meter_fetch(const struct api_request *request);
/* The pause that an answer of so many bytes would bring; if there is one they are not metered, for
 * it is to be answered without any. */
int32_t quotas_throttle_fetch(struct api_request *request, int64_t bytes);
/* The pause that is known when it is answered; to be told in the answer. */
int32_t quotas_throttle(struct api_request *request);
/* It is answered. When the pause is over, monotonic; 0: there is none. */
int64_t quotas_end(const struct api_request *request);

/* Who asks, as quotas see it. */
struct slice quotas_user(const struct api_request *request);

#endif

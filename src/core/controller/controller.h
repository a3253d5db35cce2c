/*
 * controller: plans every change of the cluster's metadata. A plan is records and a reply; the hands
 * append the records to the metadata log, apply them to the image, and release the reply when they
 * are committed. The controller has no state but the image and what it is told at start.
 *
 * What it never does: write, wait, read a clock or make a random number (they come in the input),
 * keep a side table, alter the image. (QuorumController, ReplicationControlManager,
 * ConfigurationControlManager, ClusterControlManager, FeatureControlManager …)
 */
#ifndef GREGOR_CORE_CONTROLLER_CONTROLLER_H
#define GREGOR_CORE_CONTROLLER_CONTROLLER_H

#include "base/arena.h"
#include "base/prng.h"
#include "core/image/image.h"
#include "core/settings/settings.h"
#include "wire/apis.h"
#include "wire/errors.h"

/* What arrives with an event. */
struct controller_input {
    const struct image *image;
    const struct settings *settings; /* the broker's: defaults for partitions, replication … */
    int64_t now_ms;
    struct prng *random;             /* seeded by the hands with real entropy */
    struct arena *arena;             /* of the request: records and reply live in it */
    int32_t node_id;
};

enum { CONTROLLER_RECORDS_MAX = 10000 }; /* of one plan; more is refused (POLICY_VIOLATION) */

/* Records to append, in order, as one atomic batch; values framed as in the log. */
struct controller_plan {
    struct slice *records;
    int32_t record_count;
};

/* Plans one request that a controller answers: `body` is the request's body in `version`; the reply's
 * body in the same version is appended to `reply`. -EBADMSG: the body does not decode (close the
 * connection); -ENOTSUP: not an API of the controller. Kafka errors go into the reply. A plan without
 * records (validate only, all refused) is replied at once.
 * CreateTopics, DeleteTopics, CreatePartitions, IncrementalAlterConfigs (topics); others with later
 * work. */
MUST_USE int controller_plan_request(const struct controller_input *input, enum api_key key,
                                     int16_t version, struct slice body,
                                     struct controller_plan *plan, struct writer *reply);

/* Registration of this node as broker at start (KIP-631): RegisterBroker, then unfenced. */
struct controller_registration {
    int32_t broker_id;
    struct uuid incarnation_id;
    struct uuid directory_id;
    struct slice rack;
    const struct image_endpoint *endpoints;
    int32_t endpoint_count;
};
void controller_plan_registration(const struct controller_input *input,
                                  const struct controller_registration *registration,
                                  struct controller_plan *plan);
void controller_plan_fencing(const struct controller_input *input, int32_t broker_id, bool fenced,
                             bool controlled_shutdown, struct controller_plan *plan);

/* The next block of producer ids: [*first, *first + *count). (KIP-730) */
void controller_plan_producer_ids(const struct controller_input *input, int32_t broker_id,
                                  struct controller_plan *plan, int64_t *first, int32_t *count);

/* What `gregor format` puts into an empty metadata log: feature levels, in Kafka's order. Levels of
 * `features` (name=level) override; the release's newest stable ones otherwise. -EINVAL with a text. */
struct controller_feature {
    struct slice name;
    int16_t level;
};
MUST_USE int controller_plan_bootstrap(struct arena *arena,
                                       const struct controller_feature *features, int32_t count,
                                       struct controller_plan *plan, struct slice *error);

/* Features this build supports, in ascending order; NULL at the end. */
struct controller_supported {
    const char *name;
    int16_t min, max;
    int16_t fresh; /* level that a new cluster finalizes */
};
const struct controller_supported *controller_supported_next(
    const struct controller_supported *after);

/* Where a new topic's replicas go: starts at the least loaded broker, lowest id first; replication
 * factor 1 gives each broker a contiguous range of partitions, higher factors stripe the leaders.
 * Fills assignment[partition * replication_factor + i]. -ENOSPC: fewer brokers than replicas. */
MUST_USE int controller_place(const struct image *image, int32_t partitions,
                              int16_t replication_factor, int32_t first_partition,
                              const struct image_topic *existing, struct arena *arena,
                              int32_t **assignment);

/* Topic names as Kafka takes them: 1..249 of [a-zA-Z0-9._-], not . or .. (Topic.validate). Null, or
 * what is wrong. */
struct slice controller_check_topic_name(struct slice name, struct arena *arena);

#endif

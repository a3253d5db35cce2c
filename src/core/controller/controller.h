/*
 * controller: plans every change of the cluster's metadata. A plan is records and a reply; the
 * hands append the records to the metadata log, apply them to the image, and release the reply when
 * they are committed. The controller has no state but the image and what it is told at start.
 *
 * What it never does: write, wait, read a clock or make a random number (they come in the input),
 * keep a side table, alter the image. (QuorumController, ReplicationControlManager,
 * ConfigurationControlManager, ClusterControlManager, FeatureControlManager …)
 */
#ifndef GREGOR_CORE_CONTROLLER_CONTROLLER_H
#define GREGOR_CORE_CONTROLLER_CONTROLLER_H

#include "base/arena.h"
#include "base/prng.h"
#include "base/trace.h"
#include "core/image/image.h"
#include "core/quota/quota.h"
#include "core/settings/settings.h"
#include "wire/apis.h"
#include "wire/errors.h"

/* What arrives with an event. */
struct controller_input {
    const struct image *image;
    const struct settings *settings; /* the broker's: defaults for partitions, replication … */
    int64_t now_ms;
    struct prng *random; /* seeded by the hands with real entropy */
    struct arena *arena; /* of the request: records and reply live in it */
    int64_t next_offset; /* that the plan's first record will have */
    int32_t node_id;
    struct quota_mutation *mutation; /* of who asks; NULL: nobody is metered */
    int16_t kraft_version;           /* the quorum's level: it is in its log and not in the image */
};

enum {
    /* Records of one request; more is refused. (QuorumController.MAX_RECORDS_PER_USER_OP) */
    CONTROLLER_RECORDS_MAX = 10000,
    CONTROLLER_BODY_BYTES_MAX = 4 << 20,
    /* What the arena of a request must be able to hold: whatever such a body can make us say. */
    CONTROLLER_ARENA_BYTES = 512 << 20,
};

/* A level of this node's own log: no record, for no other node knows the loggers of this one. */
struct controller_level {
    int logger; /* base/trace.h */
    bool inherits;
    enum trace_level level; /* unless it inherits root's */
};

/* Records to append, in order, as one atomic batch; values framed as in the log. And levels, which
 * count whatever becomes of the records. */
struct controller_plan {
    struct slice *records;
    int32_t record_count;
    struct controller_level *levels; /* in the request's arena, like the records */
    int32_t level_count;
    /* The quorum's version from here on: its voters come into its log, ahead of the records. 0: it
     * stays as it is. */
    int16_t kraft_version;
};

/* Plans one request that a controller answers: `body` is the request's body in `version`; the
 * reply's body in the same version is appended to `reply`. -EBADMSG: the body does not decode or is
 * larger than CONTROLLER_BODY_BYTES_MAX (close the connection); -ENOTSUP: not an API of the
 * controller; -EMSGSIZE: the reply has no room. Kafka errors go into the reply. A plan without
 * records (validate only, all refused) is replied when what was planned before is committed, as all
 * are. controller.c lists the requests. */
MUST_USE int controller_plan_request(const struct controller_input *input, enum api_key key,
                                     int16_t version, struct slice body,
                                     struct controller_plan *plan, struct writer *reply);

/* Registration of this node as broker at start (KIP-631): RegisterBroker, then unfenced; partitions
 * that have no leader and may be led by it are. */
struct controller_registration {
    int32_t broker_id;
    struct uuid incarnation_id;
    const struct uuid *directories; /* ids of its folders that work, ascending */
    int32_t directory_count;
    struct slice rack;
    const struct image_endpoint *endpoints;
    int32_t endpoint_count;
};
void controller_plan_registration(const struct controller_input *input,
                                  const struct controller_registration *registration,
                                  struct controller_plan *plan);
/* Fences or unfences, or begins the controlled shutdown of a registered broker, and moves the
 * leaderships that this touches. (ReplicationControlManager.handleBrokerFenced …) */
void controller_plan_fencing(const struct controller_input *input, int32_t broker_id, bool fenced,
                             bool controlled_shutdown, struct controller_plan *plan);

/* A broker has put its replicas into folders of its own, or will now (KIP-858): those that the
 * image does not have there already get a record each. (ReplicationControlManager
 * .handleAssignReplicasToDirs) */
struct controller_placement {
    struct uuid topic_id;
    int32_t partition;
    struct uuid directory_id;
};
void controller_plan_placements(const struct controller_input *input, int32_t broker_id,
                                const struct controller_placement *placements, size_t count,
                                struct controller_plan *plan);
/* A folder of a broker has failed: it is not one of the broker's any more, and nobody leads there.
 * (ReplicationControlManager.handleDirectoriesOffline) */
void controller_plan_lost_folder(const struct controller_input *input, int32_t broker_id,
                                 const struct uuid *directory_id, struct controller_plan *plan);
/* Where the image says that a broker's replica lies; NULL: it has none of that partition. */
const struct uuid *controller_directory(const struct image_partition *partition, int32_t broker_id);
/* Is that a folder, or a word for one that nobody has chosen yet? (DirectoryId) */
bool controller_directory_is_chosen(const struct uuid *directory_id);

/* The next block of producer ids: [*first, *first + *count). (KIP-730) */
void controller_plan_producer_ids(const struct controller_input *input, int32_t broker_id,
                                  struct controller_plan *plan, int64_t *first, int32_t *count);

/* What `gregor format` lays down for an empty metadata log: feature levels, in Kafka's order.
 * Levels of `features` override; the others are those that clusters of that metadata.version begin
 * with. -EINVAL: *error says why. (kafka-storage format, BootstrapMetadata) */
struct controller_feature {
    struct slice name;
    int16_t level;
};
MUST_USE int controller_plan_bootstrap(struct arena *arena,
                                       const struct controller_feature *features, int32_t count,
                                       struct controller_plan *plan, struct slice *error);

/* The first records of an empty metadata log: those that format laid down, as one transaction.
 * -EBADMSG: they are no records. (ActivationRecordsGenerator) */
MUST_USE int controller_plan_activation(const struct controller_input *input,
                                        const struct controller_plan *bootstrap,
                                        struct controller_plan *plan);

/* Features this build supports, in ascending order; NULL at the end. */
struct controller_supported {
    const char *name;
    int16_t min, max;
    int16_t fresh; /* level that a new cluster finalizes */
};
const struct controller_supported *
controller_supported_next(const struct controller_supported *after);

/* "4.3-IV0" for 30 …, and back: the level of such a name, or of a release ("4.3"); -1: unknown.
 * (MetadataVersion) */
const char *controller_metadata_version_name(int16_t level);
int16_t controller_metadata_version_level(struct slice name);

/* Where new partitions' replicas go. Replication factor 1 gives each broker a contiguous range of
 * partitions, higher factors stripe the leaders and spread the followers. Both start at the broker
 * that the fewest partitions of `existing` (NULL: a new topic) prefer, then with the fewest
 * replicas, then with the lowest id. Fenced brokers are taken only where there are not enough
 * others. Fills assignment[i * replication_factor + j] for the i-th new partition's j-th replica.
 * -ENOSPC: fewer brokers than replicas; -ENODEV: all brokers are fenced. */
MUST_USE int controller_place(const struct image *image, int32_t partitions,
                              int16_t replication_factor, const struct image_topic *existing,
                              struct arena *arena, int32_t **assignment);

/* Topic names as Kafka takes them: 1..249 of [a-zA-Z0-9._-], not . or .. (Topic.validate). Null, or
 * what is wrong. */
struct slice controller_check_topic_name(struct slice name, struct arena *arena);

#endif

/*
 * image: the cluster as the metadata log tells it: topics, partitions, brokers,
 * controllers, configs, features, quotas, producer ids, and whatever else the
 * log holds, kept whole so that a snapshot loses nothing. Built only by applying
 * records; the same records give the same image everywhere.
 *
 * What it never does: read a clock, a file or a random number; decide anything;
 * change other than by image_apply. Each shard has an image of its own and
 * applies the same committed records, so nothing is shared.
 *
 * Ownership: everything reachable from an image belongs to it and is valid
 * until the next image_apply. Whoever needs it longer copies it.
 * (MetadataImage, KIP-631)
 */
#ifndef GREGOR_CORE_IMAGE_IMAGE_H
#define GREGOR_CORE_IMAGE_IMAGE_H

#include "base/arena.h"
#include "base/map.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "base/writer.h"

struct image;

enum {
    IMAGE_NO_LEADER = -1,
    IMAGE_PARTITIONS_MAX = 1 << 20,          /* of one topic */
    IMAGE_TRANSACTION_BYTES_MAX = 256 << 20, /* of records held back until their transaction ends */
    IMAGE_RECORD_BYTES_MAX = 8 << 20, /* of one record: KafkaRaftClient.MAX_BATCH_SIZE_BYTES */
};

/* The kinds of metadata records (apiKey in their definitions; 6, 13 and 16 were
 * never released). */
enum image_record {
    IMAGE_RECORD_REGISTER_BROKER = 0,
    IMAGE_RECORD_UNREGISTER_BROKER = 1,
    IMAGE_RECORD_TOPIC = 2,
    IMAGE_RECORD_PARTITION = 3,
    IMAGE_RECORD_CONFIG = 4,
    IMAGE_RECORD_PARTITION_CHANGE = 5,
    IMAGE_RECORD_FENCE_BROKER = 7,
    IMAGE_RECORD_UNFENCE_BROKER = 8,
    IMAGE_RECORD_REMOVE_TOPIC = 9,
    IMAGE_RECORD_DELEGATION_TOKEN = 10,
    IMAGE_RECORD_USER_SCRAM_CREDENTIAL = 11,
    IMAGE_RECORD_FEATURE_LEVEL = 12,
    IMAGE_RECORD_CLIENT_QUOTA = 14,
    IMAGE_RECORD_PRODUCER_IDS = 15,
    IMAGE_RECORD_BROKER_REGISTRATION_CHANGE = 17,
    IMAGE_RECORD_ACCESS_CONTROL_ENTRY = 18,
    IMAGE_RECORD_REMOVE_ACCESS_CONTROL_ENTRY = 19,
    IMAGE_RECORD_NO_OP = 20,
    IMAGE_RECORD_ZK_MIGRATION_STATE = 21,
    IMAGE_RECORD_REMOVE_USER_SCRAM_CREDENTIAL = 22,
    IMAGE_RECORD_BEGIN_TRANSACTION = 23,
    IMAGE_RECORD_END_TRANSACTION = 24,
    IMAGE_RECORD_ABORT_TRANSACTION = 25,
    IMAGE_RECORD_REMOVE_DELEGATION_TOKEN = 26,
    IMAGE_RECORD_REGISTER_CONTROLLER = 27,
    IMAGE_RECORD_CLEAR_ELR = 28,
    IMAGE_RECORD_COUNT = 29, /* one more than the greatest */
};

/* All arrays of a partition lie in one allocation. */
struct image_partition {
    int32_t *replicas;        /* replica_count broker ids, preferred leader first; NULL:
                        no such partition */
    struct uuid *directories; /* replica_count: where each replica lives */
    int32_t *isr;
    int32_t *elr; /* eligible leader replicas (KIP-966) */
    int32_t *last_known_elr;
    int32_t *adding;
    int32_t *removing;
    int32_t replica_count, isr_count, elr_count, last_known_elr_count, adding_count, removing_count;
    int32_t leader; /* broker id or IMAGE_NO_LEADER */
    int32_t leader_epoch;
    int32_t partition_epoch;
    int8_t leader_recovery_state; /* 0 recovered, 1 recovering */
};

struct image_topic {
    struct slice name;
    struct uuid id;
    struct image_partition *partitions; /* partition_count, by index */
    int32_t partition_count;
};

struct image_endpoint {
    struct slice name; /* listener */
    struct slice host;
    uint16_t port;
    int16_t security_protocol;
};

/* Levels of a feature that a node can do. */
struct image_support {
    struct slice name;
    int16_t min, max;
};

struct image_broker {
    int32_t id;
    int64_t epoch; /* offset of its registration record */
    struct uuid incarnation_id;
    struct slice rack; /* null: none */
    struct image_endpoint *endpoints;
    struct image_support *features;
    struct uuid *log_dirs;
    struct uuid *cordoned_log_dirs; /* take no new replicas (KIP-1066) */
    int32_t endpoint_count, feature_count, log_dir_count;
    int32_t cordoned_log_dir_count; /* -1: the broker has not said yet */
    bool fenced;
    bool in_controlled_shutdown;
    bool is_migrating_zk_broker;
};

struct image_controller {
    int32_t id;
    struct uuid incarnation_id;
    struct image_endpoint *endpoints;
    struct image_support *features;
    int32_t endpoint_count, feature_count;
    bool zk_migration_ready;
};

/* Config resources as in ConfigResource.Type. */
enum image_resource {
    IMAGE_RESOURCE_TOPIC = 2,
    IMAGE_RESOURCE_BROKER = 4,
    IMAGE_RESOURCE_BROKER_LOGGER = 8,
    IMAGE_RESOURCE_CLIENT_METRICS = 16,
    IMAGE_RESOURCE_GROUP = 32,
};

struct image_config {
    struct slice name;
    struct slice value;
};

/* What somebody may use: an entity is one part for each of user, client-id and ip that it names,
 * ascending by type. (ClientQuotaEntity, KIP-546) */
struct image_quota_part {
    struct slice type;
    struct slice name; /* null: the default of all that have no quota of their own */
};

struct image_quota_value {
    struct slice key; /* producer_byte_rate … */
    double value;
};

struct image_quota {
    struct image_quota_part *parts;
    struct image_quota_value *values; /* ascending by key; at least one */
    int32_t part_count, value_count;
};

/* What of a user's SCRAM credential may be told. (KIP-554) */
struct image_scram {
    struct slice user;
    int8_t mechanism; /* 1 SCRAM-SHA-256, 2 SCRAM-SHA-512 */
    int32_t iterations;
};

/* What one apply changed, for whoever must follow. Later kinds may name things
 * that are gone. */
enum image_change_kind {
    IMAGE_TOPIC_CREATED,
    IMAGE_TOPIC_DELETED,
    IMAGE_PARTITION_CHANGED, /* created or altered */
    IMAGE_CONFIG_CHANGED,
    IMAGE_BROKER_CHANGED,
    IMAGE_FEATURE_CHANGED,
    IMAGE_PRODUCER_IDS_CHANGED,
    IMAGE_QUOTA_CHANGED, /* some entity's */
    IMAGE_OTHER_CHANGED,
};

struct image_change {
    enum image_change_kind kind;
    struct uuid topic_id; /* of topic and partition changes */
    struct slice name;    /* topic; or config resource */
    int32_t partition;
    int32_t broker_id;
    enum image_resource resource;
};

struct image *image_create(uint64_t seed);
struct image *image_destroy(struct image *image);

/* Applies the value of one metadata record (frame version, key, version, body).
 * The change, when the record makes one, goes to *change (its slices belong to
 * the image or to `record`); *changed tells. Records inside
 * Begin/EndTransaction (KIP-868) are held back and applied at its end:
 * `on_change` is called once per change. -EBADMSG: not a record; -ENOTSUP: a
 * record or version that we do not know: the caller must stop rather than go on
 * with half a cluster. */
MUST_USE int image_apply(struct image *image, struct slice record, int64_t offset,
                         void (*on_change)(void *context, const struct image_change *change),
                         void *context);

/* Emits the records of a snapshot in Kafka's order (features first), values
 * framed as in the log. Applied to an empty image they give an equal one. */
MUST_USE int image_write(const struct image *image, int (*emit)(void *context, struct slice record),
                         void *context);

/* Is a metadata transaction open? Then the image is older than its last offset:
 * no time for a snapshot. */
bool image_in_transaction(const struct image *image);

/* Appends the value of one metadata record as the log frames it. Errors as
 * wire_encode. */
MUST_USE int image_encode(enum image_record kind, int16_t version, const void *record,
                          struct writer *writer);

/* The version of a kind of record that everybody reads at a metadata.version.
 * (MetadataVersion.partitionRecordVersion …) */
int16_t image_record_version(enum image_record kind, int16_t metadata_version);

/* A number that is equal for equal images; for tests and the simulator. */
uint64_t image_hash(const struct image *image);

/* --- looking --- */
const struct image_topic *image_topic_by_name(const struct image *image, struct slice name);
const struct image_topic *image_topic_by_id(const struct image *image, const struct uuid *id);
size_t image_topic_count(const struct image *image);
int64_t image_partition_count(const struct image *image);
/* In ascending order of names; cursor starts as the null slice and is set by
 * each call. */
const struct image_topic *image_topic_next(const struct image *image, struct slice *cursor);
/* NULL if there is no such partition. */
const struct image_partition *image_partition(const struct image_topic *topic, int32_t index);

const struct image_broker *image_broker_by_id(const struct image *image, int32_t id);
/* In ascending order of ids; start with after = -1. */
const struct image_broker *image_broker_next(const struct image *image, int32_t after);
/* The same for controllers. */
const struct image_controller *image_controller_next(const struct image *image, int32_t after);
const struct image_endpoint *image_broker_endpoint(const struct image_broker *broker,
                                                   struct slice listener);

/* The overrides of one resource, ascending by name; *count 0 if none. */
const struct image_config *image_configs(const struct image *image, enum image_resource resource,
                                         struct slice name, int32_t *count);
/* The resources of one type that have overrides, in ascending order of names; false at the end.
 * cursor starts as the null slice. */
bool image_config_resource_next(const struct image *image, enum image_resource resource,
                                struct slice *cursor);
/* One override; null slice if not set. */
struct slice image_config(const struct image *image, enum image_resource resource,
                          struct slice name, struct slice key);

/* The quotas of an entity, whose parts may come in any order; NULL: it has none. */
const struct image_quota *image_quota(const struct image *image,
                                      const struct image_quota_part *parts, int32_t count);
/* In a fixed order; cursor starts as the null slice and is set by each call. */
const struct image_quota *image_quota_next(const struct image *image, struct slice *cursor);
/* NULL: the entity has no part of that type, or no value of that key. */
const struct image_quota_part *image_quota_part(const struct image_quota *quota, struct slice type);
const double *image_quota_value(const struct image_quota *quota, struct slice key);

/* NULL: the user has no credential of that mechanism. */
const struct image_scram *image_scram(const struct image *image, int8_t mechanism,
                                      struct slice user);
/* In ascending order of mechanisms and users; cursor starts as the null slice. */
const struct image_scram *image_scram_next(const struct image *image, struct slice *cursor);

int16_t image_feature(const struct image *image, struct slice name); /* 0: not finalized */
/* In ascending order of names; false at the end. */
bool image_feature_next(const struct image *image, struct slice *cursor, int16_t *level);
int64_t image_next_producer_id(const struct image *image);
int16_t image_metadata_version(const struct image *image); /* level of metadata.version */
int64_t image_last_offset(const struct image *image); /* of the last record applied; -1: none */

#endif

/* What several APIs say about topics and brokers in the same way. Private to api/. */
#ifndef GREGOR_API_TOPICS_H
#define GREGOR_API_TOPICS_H

#include "api/api.h"
#include "core/controller/controller.h"
#include "core/image/image.h"
#include "core/settings/settings.h"

/* Bits of AclOperation: what may be done to a resource when nobody restricts it
 * (AclEntry.supportedOperations). */
enum {
    TOPICS_OPERATIONS_NOT_ASKED = INT32_MIN,
    TOPICS_ALL_OPERATIONS = 0xdf8,          /* read write create delete alter describe …configs */
    TOPICS_ALL_CLUSTER_OPERATIONS = 0x1fa0, /* create alter describe cluster-action …configs … */
};

/* Topics of the coordinators. (Topic.isInternal) */
bool topics_is_internal(struct slice name);

/* The topic by its id or, where that is zero, by its name; and it has the partition.
 * UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION; *topic is set on success. */
enum kafka_error topics_find(const struct image *image, struct slice name, const struct uuid *id,
                             int32_t partition, const struct image_topic **topic);

/* Replicas on brokers that are gone or fenced. */
int32_t *topics_offline_replicas(const struct image *image, const struct image_partition *partition,
                                 struct arena *arena, int32_t *count);

struct topics_broker {
    struct slice host;
    struct slice rack;
    int32_t id;
    int32_t port;
    bool fenced;
};

/* The live broker as seen from the request's listener. False: not there. */
bool topics_broker(const struct api_request *request, int32_t id, struct topics_broker *broker);

/* Who leads the partition now, for whoever came to the wrong broker (KIP-951). */
struct topics_leader {
    int32_t id; /* −1: nobody */
    int32_t epoch;
    bool live; /* and `broker` says where */
    struct topics_broker broker;
};

/* False: there is no such partition. The topic by its id or, where that is zero, by its name. */
bool topics_leader(const struct api_request *request, struct slice topic, const struct uuid *id,
                   int32_t partition, struct topics_leader *leader);

/* The brokers as seen from the request's listener: those that serve it; fenced ones if asked. */
int32_t topics_brokers(struct api_request *request, bool fenced, struct topics_broker **brokers);

#endif

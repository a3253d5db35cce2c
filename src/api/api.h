/*
 * api: one file for each Kafka API, named as in schema/api; the table in api.c is the list of what
 * we speak. ApiVersions is derived from it: what is listed works, nothing else is listed.
 *
 * What it never does: touch a file, a socket or a partition directly: it decodes, asks by calls
 * (broker/call.h) and reads its shard's image, encodes.
 *
 * A handler answers exactly once: api_reply, api_no_reply or api_close. Memory of a request is its
 * exchange's arena.
 */
#ifndef GREGOR_API_API_H
#define GREGOR_API_API_H

#include "broker/broker.h"
#include "broker/call.h"
#include "broker/shard.h"
#include "net/net.h"
#include "wire/apis.h"
#include "wire/codec.h"
#include "wire/messages.h"

struct api; /* one shard's state of the API layer: fetch sessions, auto-creation under way … */

struct api_request {
    struct api *api;
    struct shard *shard;
    struct net_exchange *exchange;
    struct arena *arena; /* &exchange->arena */
    const struct wire_api *row;
    struct slice client_id;
    struct slice body; /* after the header */
    int32_t correlation_id;
    int32_t listener; /* number of the listener it came in by; known even when the peer has gone */
    bool for_controllers; /* that is a listener of controllers: who administers talks to those */
    int16_t version;
    uint64_t seed; /* for maps whose keys a peer chooses */
    void *message; /* decoded body, struct of the API's request; NULL where the body is passed on */
    /* quotas.c */
    int64_t started_ns,
        used_ns;         /* when its handling began, while it goes on; and how long it was */
    int64_t turn_ns;     /* when the turn began that brought it; 0: it is not handled */
    int64_t local_ns;    /* how long its handler took; 0: it has answered, or runs */
    int32_t throttle_ms; /* the pause that follows its answer */
    unsigned metered;    /* a bit for each quota_kind */
    bool holds;          /* its connection, until it is answered */
};

enum { API_ARENA_SHARE = 16 };

/* May the handler ask its arena for `bytes` more, in any number of pieces? The decoded request
 * fills at most 1/API_ARENA_SHARE of the arena, so that what is in proportion to it needs no
 * asking; what is in proportion to the cluster, or much larger than what was asked, does. */
bool api_has_room(const struct api_request *request, size_t bytes);

/* The listener that the request came in by. */
struct slice api_listener_name(const struct api_request *request);

/* Has a topic created in the background, on behalf of who asks and as far as his quota allows; he
 * finds it when asking again. */
void api_auto_create(const struct api_request *request, struct slice name);

/* Encodes the response body in the request's version behind the right response header and sends it.
 * Holes in order are filled by `extents` (NULL when the message has none). What quotas have to say,
 * throttle_time_ms, is put in. */
void api_reply(struct api_request *request, void *response);
void api_reply_extents(struct api_request *request, void *response,
                       const struct net_extent *extents, size_t extent_count);
/* The same with a response body that is encoded already (the controller's). */
void api_reply_encoded(struct api_request *request, struct slice body);
void api_no_reply(struct api_request *request); /* acks=0 */
void api_close(struct api_request *request);    /* close the connection, as Kafka does */

/* The handler that main gives to broker_create. */
extern const struct broker_handler api_handler;

/* One entry for each API that we serve. */
struct api_entry {
    enum api_key key;
    bool passed_on; /* the controller decodes the body */
    void (*handle)(struct api_request *request);
};

/* Do listeners of controllers, or of brokers, serve it? */
bool api_is_served(const struct api_entry *entry, bool for_controllers);

/* The entries in ascending order of keys. */
const struct api_entry *api_entries(size_t *count);

void api_versions(struct api_request *request);
void api_metadata(struct api_request *request);
void api_produce(struct api_request *request);
void api_fetch(struct api_request *request);
void api_list_offsets(struct api_request *request);
void api_offset_for_leader_epoch(struct api_request *request);
void api_init_producer_id(struct api_request *request);
void api_describe_client_quotas(struct api_request *request);
void api_describe_user_scram_credentials(struct api_request *request);
void api_describe_cluster(struct api_request *request);
void api_describe_topic_partitions(struct api_request *request);
void api_describe_log_dirs(struct api_request *request);
void api_describe_configs(struct api_request *request);
void api_describe_quorum(struct api_request *request);
void api_list_config_resources(struct api_request *request);
void api_alter_replica_log_dirs(struct api_request *request);
void api_delete_records(struct api_request *request);
void api_describe_producers(struct api_request *request);
void api_forward_to_controller(struct api_request *request); /* CreateTopics, DeleteTopics … */

#endif

/*
 * quota: how much of a broker somebody may use, and for how long who used more has to pause. The
 * four quotas of clients (bytes produced, bytes fetched, time of request handling, changes of
 * topics), and who may connect.
 *
 * What it never does: read a clock (times are monotonic milliseconds that come in), delay anybody
 * (its owner does), grow beyond what it was created with.
 *
 * Each shard has a `struct quota` and meters its own clients. What the others' clients used is told
 * to it now and then (quota_news, quota_hear), for a quota is the broker's: a meter is the sum.
 * Changes of topics are metered where the controller is, connections are counted by one owner.
 * (ClientQuotaManager, ConnectionQuotas; KIP-13, KIP-124, KIP-546, KIP-599, KIP-612)
 */
#ifndef GREGOR_CORE_QUOTA_QUOTA_H
#define GREGOR_CORE_QUOTA_QUOTA_H

#include "core/image/image.h"

/* --- rates ------------------------------------------------------------------------------------ */

enum {
    QUOTA_SAMPLES_MAX = 1000,         /* what a window keeps, whatever quota.window.num says */
    QUOTA_NEWS_PARTS = 100,           /* of what a window allows: more than one is told at once */
    QUOTA_IDLE_MS = 3600 * 1000,      /* who used nothing for so long is forgotten */
    QUOTA_RATE_UNLIMITED = INT32_MAX, /* of connections of an address: nothing is measured */
};

/* A rate is measured over `samples` samples of `sample_ms` each, the last of them under way. */
struct quota_window {
    int32_t samples;
    int64_t sample_ms;
};

struct quota_sample {
    int64_t start_ms;
    int64_t last_ms; /* of the last event */
    double value;
};

/* Kafka's Rate over a SampledStat. Zeroed memory is an empty one. */
struct quota_rate {
    struct quota_sample *samples; /* grows to one more than the window's: the oldest overlaps it */
    int32_t count, current;
};

void quota_rate_deinit(struct quota_rate *rate);
void quota_rate_record(struct quota_rate *rate, struct quota_window window, double value,
                       int64_t now_ms);
/* How long nothing may be recorded for the rate to come down to `bound` per second; 0: it is not
 * above. (QuotaUtils.throttleTime) */
int64_t quota_rate_throttle_ms(struct quota_rate *rate, struct quota_window window, double bound,
                               int64_t now_ms);

/* --- clients ---------------------------------------------------------------------------------- */

enum quota_kind {
    QUOTA_PRODUCE,  /* producer_byte_rate */
    QUOTA_FETCH,    /* consumer_byte_rate */
    QUOTA_REQUEST,  /* request_percentage: 100 is one thread's whole time */
    QUOTA_MUTATION, /* controller_mutation_rate: partitions created and deleted */
};
enum { QUOTA_KINDS = 4 };

struct quota_options {
    struct quota_window clients;   /* quota.window.* */
    struct quota_window mutations; /* controller.quota.window.* */
    int32_t tracked_max; /* clients, and meters; beyond, the one that was quiet longest goes */
    uint64_t seed;
};

struct quota;
struct quota_client; /* a user with a client id; valid until the next quota_client_of */

struct quota *quota_create(const struct quota_options *options);
struct quota *quota_destroy(struct quota *quota);

/* The image has other quotas than before. */
void quota_changed(struct quota *quota);
/* Does the image have a quota of a client at all, or of this kind? Cheap: ask before anything
 * else. */
bool quota_has_any(struct quota *quota, const struct image *image);
bool quota_has(struct quota *quota, const struct image *image, enum quota_kind kind);

struct quota_client *quota_client_of(struct quota *quota, const struct image *image,
                                     struct slice user, struct slice client_id, int64_t now_ms);
/* Is there a quota of this kind for this client? What follows does nothing where there is none. */
bool quota_limits(const struct quota_client *client, enum quota_kind kind);
/* Meters what was used; the pause in ms that follows from it. */
int32_t quota_record(struct quota *quota, struct quota_client *client, enum quota_kind kind,
                     double value, int64_t now_ms);
/* The same, but the next one pays for it. Negative: it was not used after all. */
void quota_note(struct quota *quota, struct quota_client *client, enum quota_kind kind,
                double value, int64_t now_ms);
/* More than this at once is a pause for certain, whatever was used before. */
double quota_most(const struct quota *quota, const struct quota_client *client,
                  enum quota_kind kind);

/* Changes of topics, of one request. Strict: none is let through while the bucket is overdrawn;
 * else all are, and the client pauses. */
struct quota_mutation {
    struct quota *quota;
    struct quota_client *client; /* NULL: no quota */
    int64_t now_ms;
    bool strict;
    int64_t throttle_ms; /* out */
};
/* May so many partitions be created or deleted? */
MUST_USE bool quota_mutate(struct quota_mutation *mutation, int64_t partitions);

/* What was used here since the last call, of kinds that clients of several shards share; `tell` is
 * called for each meter, with the entity that it meters. */
void quota_news(struct quota *quota,
                void (*tell)(void *context, enum quota_kind kind, struct slice user,
                             struct slice client_id, double value),
                void *context);
enum quota_news { QUOTA_NO_NEWS, QUOTA_NEWS, QUOTA_NEWS_AT_ONCE };
enum quota_news quota_has_news(const struct quota *quota);
/* What was used elsewhere. */
void quota_hear(struct quota *quota, const struct image *image, enum quota_kind kind,
                struct slice user, struct slice client_id, double value, int64_t now_ms);

/* What operators watch; since creation. */
struct quota_counters {
    int64_t throttled[QUOTA_KINDS];    /* requests */
    int64_t throttled_ms[QUOTA_KINDS]; /* their pauses, added up */
    int64_t clients, meters;           /* tracked now */
};
struct quota_counters quota_counters(const struct quota *quota);

/* --- connections ------------------------------------------------------------------------------ */

enum { QUOTA_LISTENERS_MAX = 16 };

struct quota_address {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

/* "127.0.0.1", "::1", "[::1]". -EINVAL: it is neither. Names are not looked up. */
MUST_USE int quota_address_parse(struct slice text, struct quota_address *address);

/* What settings say when somebody connects. */
struct quota_connection_limits {
    int64_t total;          /* max.connections */
    int64_t per_ip;         /* max.connections.per.ip */
    struct slice overrides; /* max.connections.per.ip.overrides: "host:count,host:count" */
    int64_t rate;           /* max.connection.creation.rate, per second */
    int64_t of_listener;    /* the same two of the listener it comes by */
    int64_t rate_of_listener;
    struct quota_window window;
};

enum quota_verdict {
    QUOTA_ADMIT,  /* counted: quota_connections_leave when it closes */
    QUOTA_WAIT,   /* ask again at until_ms, or where that is INT64_MAX when another has left */
    QUOTA_REFUSE, /* close it at until_ms, which may be now */
};

/* One that wants in, until it is let in or refused. */
struct quota_entrance {
    struct quota_address ip;
    int32_t listener;  /* its number */
    bool is_protected; /* by the brokers' own listener: `total` and `rate` are not for it */
    bool waited;       /* quota_connections_enter's */
    int64_t until_ms;  /* out */
};

struct quota_connections;
struct quota_connections *quota_connections_create(uint64_t seed, int32_t tracked_max);
struct quota_connections *quota_connections_destroy(struct quota_connections *connections);

/* The image has other quotas than before. */
void quota_connections_changed(struct quota_connections *connections);

/* `image`: where connection_creation_rate of addresses is. (ConnectionQuotas.inc) */
enum quota_verdict quota_connections_enter(struct quota_connections *connections,
                                           const struct image *image,
                                           const struct quota_connection_limits *limits,
                                           struct quota_entrance *entrance, int64_t now_ms);
void quota_connections_leave(struct quota_connections *connections, const struct quota_address *ip,
                             int32_t listener);
int64_t quota_connections_count(const struct quota_connections *connections);

#endif

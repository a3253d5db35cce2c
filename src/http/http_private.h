/* What the files of http/ share. A reader begins with server.c; then probes.c or scrape.c, and
 * metrics.c for the words. */
#ifndef GREGOR_HTTP_HTTP_PRIVATE_H
#define GREGOR_HTTP_HTTP_PRIVATE_H

#include <microhttpd.h>

#include "broker/measure.h"
#include "http/http.h"

enum {
    HTTP_DAEMONS_MAX = 16,     /* addresses */
    HTTP_CONNECTIONS_MAX = 64, /* of one address */
    HTTP_IDLE_S = 10,
    HTTP_CONNECTION_BYTES = 16 << 10, /* of a request's head, all in all */
    HTTP_ANSWER_BYTES_MAX = 256 << 20,
};

struct http;

/* One address. */
struct http_daemon {
    struct http *http;
    struct MHD_Daemon *daemon;
    struct os_guest *guest;
    struct shard_timer timer;
};

struct http {
    struct shard *first;
    struct http_daemon daemons[HTTP_DAEMONS_MAX];
    int daemon_count;
    int rounds;      /* under way */
    char place[300]; /* the first one; empty: none */
};

/* One request. */
struct visit {
    struct http_daemon *daemon;
    struct MHD_Connection *connection;
    bool ready;     /* the answer is there */
    bool suspended; /* until it is */
    unsigned status;
    const char *type;   /* of its content */
    struct writer body; /* of the answer */
};

/* The answer is in it: at once, or after a round of calls. */
void http_answer(struct visit *visit);

/* probes.c: how is it? False: there is no such page. */
bool probe(struct visit *visit, const char *url);

/* scrape.c: asks all shards. */
void scrape(struct visit *visit, bool open_metrics, bool partitions);

/* --- metrics.c: the words --------------------------------------------------------------------- */

/* One partition with what the image says of it. */
struct report_partition {
    struct slice topic; /* in the report's arena */
    struct measure_partition measured;
    int32_t leader, preferred; /* -1: none */
    int32_t replicas, in_sync;
};

struct report_topic {
    struct slice name;
    int32_t partitions;
};

struct report_broker {
    int32_t id;
    struct slice host;
    uint16_t port;
    bool fenced;
};

/* All that a scrape tells; nobody else's memory. */
struct report {
    struct arena arena;
    struct measures *shards;
    int32_t shard_count;
    struct report_partition *partitions; /* ascending by topic and index once sorted */
    size_t partition_count;
    struct report_topic *topics;
    size_t topic_count;
    struct report_broker *brokers;
    size_t broker_count;
    int64_t offline_partitions, all_partitions;
    struct measure_health health;
    struct measure_quorum quorum;
    int32_t node_id;
    int64_t resident_bytes, cpu_ns;
    bool open_metrics, tells_partitions;
};

/* Any thread. */
void metrics_write(struct report *report, struct writer *text);

#endif

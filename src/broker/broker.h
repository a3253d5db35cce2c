/*
 * broker: brains joined to hands. A process is one broker; a broker is one or more shards; a shard
 * is one thread with its own loop, connections, partitions and image. Shard 0 also has the metadata
 * log and the controller.
 *
 * What it never does: know a Kafka API (that is api/, handed in as a handler), read a command line.
 */
#ifndef GREGOR_BROKER_BROKER_H
#define GREGOR_BROKER_BROKER_H

#include "base/trace.h"
#include "broker/loggers.h"
#include "core/settings/settings.h"
#include "net/net.h"

struct broker;
struct shard;

/* What answers requests: api/. One state per shard, so that nothing is shared. */
struct broker_handler {
    void *(*create)(struct shard *shard);
    void (*destroy)(void *api);
    void (*on_request)(void *api, struct net_exchange *exchange);
    void (*on_close)(void *api, struct net_connection *connection);
};

/* What tells others how the broker is, on shard 0's loop, from before the logs are opened until
 * clients are served no more: http/. */
struct broker_monitor {
    int (*open)(struct shard *first, void **opened); /* errors were told to the trace */
    void (*close)(void *opened);                     /* no call of it is under way */
    const char *(*place)(const void *opened);        /* where people find it; NULL: nowhere */
};

struct broker_options {
    const struct settings *settings; /* outlives the broker */
    const struct broker_handler *handler;
    const struct broker_monitor *monitor; /* NULL: none */
    struct trace *trace;
    struct loggers *loggers; /* what the trace goes by; outlive the broker */
    /* Reads settings again and says in the trace what became of them; on a worker, one call at a
     * time. NULL: there is nothing to read. */
    void (*reload)(void *context);
    void *reload_context;
    bool format_if_empty;    /* an unformatted single-node folder is formatted first */
    struct slice cluster_id; /* for that; null: a new one */
};

/* Opens folder, metadata and logs, binds listeners, registers. On error the reason was logged in
 * one line. */
MUST_USE int broker_create(const struct broker_options *options, struct broker **created);
/* Serves until broker_stop, SIGTERM or SIGINT; then stops cleanly, or at once when one of those
 * comes again. 0, or what went wrong. */
MUST_USE int broker_run(struct broker *broker);
void broker_stop(struct broker *broker); /* any thread */
struct broker *broker_destroy(struct broker *broker);
/* The port really bound by listener number `index` (for port 0). */
uint16_t broker_port(const struct broker *broker, int index);
/* Where the monitor is found; NULL: nowhere. */
const char *broker_monitor_place(const struct broker *broker);

#endif

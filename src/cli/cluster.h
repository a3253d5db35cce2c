/*
 * cluster: what the metadata says of brokers, topics and partitions, and connections to the brokers
 * that lead them.
 *
 * What it never does: refresh by itself. A command lives for seconds; what it was told at the
 * beginning holds, or the broker says that it does not and the command reports it.
 *
 * Everything in a cluster lives in the command's arena, until the command ends.
 */
#ifndef GREGOR_CLI_CLUSTER_H
#define GREGOR_CLI_CLUSTER_H

#include "base/uuid.h"
#include "cli/client.h"

struct cluster_broker {
    int32_t id;
    int32_t port;
    struct slice host;
    struct client *client; /* NULL: not connected */
};

struct cluster_partition {
    int32_t index;
    int32_t leader; /* -1: none */
    int32_t leader_epoch;
    int32_t *replicas;
    int32_t replica_count;
    int32_t *isr;
    int32_t isr_count;
    int64_t start, end; /* offsets; -1: not asked, or nobody could tell */
    int64_t size;       /* bytes of the leader's replica; -1: likewise */
    int64_t sought;     /* what cluster_find_offsets found last */
};

struct cluster_topic {
    struct slice name;
    struct uuid id; /* zero: the broker does not know ids */
    enum kafka_error error;
    struct cluster_partition *partitions; /* by index */
    int32_t partition_count;
};

struct cluster {
    struct cli *cli;
    struct client *client; /* the one that was asked first */
    struct cluster_broker *brokers;
    int32_t broker_count;
    struct cluster_topic *topics; /* by name */
    int32_t topic_count;
};

/* Connects and asks for the topics named, or all (names NULL). `create`: those that are missing are
 * made, if the brokers allow it, and have leaders when this returns. Topics that could not be told
 * of have an error. CLI_OK, or the exit code after a line on standard error; cluster_close is due
 * in both cases. */
MUST_USE int cluster_open(struct cli *cli, const char *const *names, int count, bool create,
                          struct cluster *cluster);
void cluster_close(struct cluster *cluster);

/* NULL: it was not asked for. */
struct cluster_topic *cluster_find_topic(const struct cluster *cluster, struct slice name);

/* "orders:2" is partition 2 of orders; "orders" is all of them: −1. Names have no colon. CLI_OK,
 * or CLI_USAGE after a line on standard error. */
MUST_USE int cluster_parse_place(struct cli *cli, const char *text, const char **topic,
                                 int32_t *partition);

/* The connection to a broker, opened when first needed. */
MUST_USE int cluster_connect(struct cluster *cluster, int32_t broker_id, struct client **client);

/* Asks the leaders for the first offset of `timestamp` or later in every partition, or for one of
 * the ends, and keeps it in `sought`: -1 where there is no such record or no answer. */
enum { CLUSTER_LATEST = -1, CLUSTER_EARLIEST = -2 }; /* ListOffsetsRequest */
MUST_USE int cluster_find_offsets(struct cluster *cluster, int64_t timestamp);
/* Fills every partition's start and end. */
MUST_USE int cluster_learn_offsets(struct cluster *cluster);
/* Fills every partition's size, where the leader tells it. */
MUST_USE int cluster_learn_sizes(struct cluster *cluster);

/* Who controls the cluster. (KIP-595, DescribeQuorum) */
struct cluster_quorum {
    int32_t leader_id; /* -1: nobody */
    int32_t leader_epoch;
    int32_t voter_count;
};
MUST_USE int cluster_learn_quorum(struct cluster *cluster, struct cluster_quorum *quorum);

#endif

/*
 * measure: what a shard counts while it works, and the whole broker's numbers for who asks. Every
 * number belongs to one shard, which adds to it without asking anybody; who wants to see it gets a
 * copy, by a call.
 *
 * What it never does: forget. Counters only grow while the process lives; what is about a
 * partition goes with it.
 */
#ifndef GREGOR_BROKER_MEASURE_H
#define GREGOR_BROKER_MEASURE_H

#include "broker/call.h"
#include "broker/shard.h"

enum {
    MEASURE_BOUNDS = 16,       /* of a histogram; what is beyond the last has a bucket, too */
    MEASURE_VERSIONS_MAX = 24, /* of one API; Fetch has 19 */
    MEASURE_APIS_MAX = 96,     /* one more than the greatest key, rounded up */
};

/* Durations. */
struct measure_histogram {
    uint64_t buckets[MEASURE_BOUNDS + 1]; /* each for itself */
    int64_t sum_ns;
};
extern const int64_t measure_bounds_us[MEASURE_BOUNDS]; /* what a bucket holds at most */
void measure_add(struct measure_histogram *histogram, int64_t ns);
void measure_add_all(struct measure_histogram *sum, const struct measure_histogram *more);
uint64_t measure_count(const struct measure_histogram *histogram);
/* The duration that `share` (0..1) of all do not exceed, in ms: within its bucket an estimate. */
double measure_quantile_ms(const struct measure_histogram *histogram, double share);

/* Requests of one API. */
struct measure_api {
    uint64_t versions[MEASURE_VERSIONS_MAX];
    struct measure_histogram total; /* from the turn that read it to its answer */
    struct measure_histogram local; /* of that, until its handler had done what it could at once */
};
/* A request has been answered; by its handler at once: `local_ns` is `total_ns`. */
void measure_request(struct shard *shard, enum api_key key, int16_t version, int64_t total_ns,
                     int64_t local_ns);
/* When this turn of the loop began, monotonic. */
int64_t measure_turn_ns(const struct shard *shard);

/* What went through partitions. (BrokerTopicMetrics) */
struct measure_traffic {
    int64_t bytes_in, bytes_out, bytes_rejected;
    int64_t messages_in;
    int64_t produce_requests, fetch_requests;
    int64_t failed_produce_requests, failed_fetch_requests;
};

void measure_add_traffic(struct measure_traffic *sum, const struct measure_traffic *more);

struct measure_partition {
    struct uuid topic_id;
    int32_t index;
    int32_t segments;
    int64_t size_bytes;
    int64_t log_start_offset, log_end_offset, high_watermark;
    struct measure_traffic traffic;
    bool offline, leads, under_min_isr, at_min_isr;
};

/* All that one shard has counted. */
struct measures {
    struct net_counters net;
    struct quota_counters quota;
    struct maintain_counters maintain;
    struct measure_traffic traffic; /* of all partitions that ever were */
    struct measure_histogram flush; /* from its start to its end */
    struct measure_histogram turn;  /* of the loop, without the wait before it */
    int64_t busy_ns, idle_ns;       /* of the loop */
    int64_t flushes_failed;
    struct measure_api *apis[MEASURE_APIS_MAX]; /* by key; NULL: never asked */
    struct measure_partition *partitions;       /* in no order */
    size_t partition_count;
};
void measures_free(struct measures *measures);

/* How the broker is, as far as shard 0 knows: for probes. */
struct measure_health {
    bool started; /* all logs are open, clients are served */
    bool stopping;
    bool registered; /* the cluster knows this broker */
    bool unfenced;
    int32_t logs, logs_left; /* of the start under way */
    int32_t failed_folders;
    int64_t uptime_ns; /* since it started; 0: it has not */
};
void measure_health(const struct shard *first, struct measure_health *health);

/* What only shard 0 knows of the cluster. */
struct measure_quorum {
    int32_t leader_epoch;
    int64_t end_offset; /* of the metadata log */
    int64_t last_applied_offset;
};
void measure_quorum(const struct shard *first, struct measure_quorum *quorum);

#endif

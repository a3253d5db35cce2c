/*
 * flow: the measured part of a load. Many connections in one thread and one epoll, sending frames
 * encoded beforehand, either as fast as replies come (closed loop) or on a schedule (open loop).
 *
 * On a schedule a request's latency counts from the moment it was meant to be sent, also when the
 * connection had no room for it then: a broker that stalls is not measured less often while it
 * stalls. Request i of the schedule is meant for start + i / rate and belongs to connection
 * i mod connections, so what is owed is a number and never a queue.
 *
 * What it never does: encode or checksum a batch while it measures.
 */
#ifndef GREGOR_BENCH_FLOW_H
#define GREGOR_BENCH_FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/uuid.h"
#include "base/histogram.h"

enum { FLOW_CONNECTIONS_MAX = 4096, FLOW_INFLIGHT_MAX = 64 };

struct flow_options {
    const char *address;
    const char *topic;
    bool fetch;
    int connections;
    int inflight;      /* requests of one connection that wait for a reply; 1 when fetching */
    int16_t acks;      /* 1, -1; with 0 a request is done when the kernel has it */
    int record_bytes;  /* of a record's value */
    int batch_records; /* in each request's one batch */
    int fetch_bytes;   /* the most that one fetch asks for */
    double rate;       /* requests a second over all connections; 0: closed loop */
    double warmup_s;
    double window_s;    /* at most */
    uint64_t bytes_max; /* of batches in the window; it ends when they are done. 0: no bound */
    uint64_t seed;      /* of the records' contents */
    pid_t broker;       /* whose CPU time is taken at both ends of the window; 0: none */
    bool verify;        /* check the CRC of every fetched batch */
};

/* All of the window, but for `acknowledged`. */
struct flow_result {
    double seconds;
    uint64_t requests, records;
    uint64_t bytes;        /* of batches, acknowledged or fetched */
    uint64_t acknowledged; /* records, from the first request to the last */
    double broker_cpu_s, client_cpu_s;
    double foreign_share; /* of the machine's CPU time: neither broker nor load */
    double steal_share;
    struct histogram latency_ns;
};

/* 0, or -errno after a line on standard error; any error that the broker answers ends the load. */
int flow_run(const struct flow_options *options, struct uuid topic_id, int32_t partitions,
             int16_t version, struct flow_result *result);

#endif

/*
 * shard: one thread with its loop, its connections, its partitions and its image of the cluster.
 * What a request handler may ask of the shard it runs on.
 *
 * What it never does: let another thread look inside. Everything here is called on the shard's own
 * thread; other shards are reached by calls (broker/call.h).
 */
#ifndef GREGOR_BROKER_SHARD_H
#define GREGOR_BROKER_SHARD_H

#include "base/heap.h"
#include "broker/loggers.h"
#include "core/image/image.h"
#include "core/quota/quota.h"
#include "core/settings/settings.h"
#include "net/net.h"
#include "os/os.h"

struct shard;

struct os *shard_os(struct shard *shard);
int32_t shard_index(const struct shard *shard);
int32_t shard_count(const struct shard *shard); /* of the broker */
const struct trace *shard_trace(const struct shard *shard);
const struct loggers *shard_loggers(const struct shard *shard);

/* The cluster as this shard knows it; valid until the next turn of its loop. */
const struct image *shard_image(const struct shard *shard);
/* The settings in force, dynamic ones included; likewise. */
const struct settings *shard_settings(const struct shard *shard);
struct slice shard_cluster_id(const struct shard *shard);
int32_t shard_node_id(const struct shard *shard);
/* The level of kraft.version: 1 where the quorum's voters are in its log (KIP-853). */
int16_t shard_kraft_version(const struct shard *shard);
/* The epoch in which this node leads the quorum, and where it keeps the quorum's log. */
int32_t shard_quorum_epoch(const struct shard *shard);
struct uuid shard_directory_id(const struct shard *shard);
/* The folders of partitions: their indexes begin with 0. How many of them have failed? */
int32_t shard_folder_count(const struct shard *shard);
int32_t shard_failed_folder_count(const struct shard *shard);
/* The index of the one with this absolute path; -1: it is none of log.dirs. */
int32_t shard_folder_by_path(const struct shard *shard, struct slice absolute);
bool shard_folder_has_failed(const struct shard *shard, int32_t index);
/* Does it take no new replicas (KIP-1066)? */
bool shard_folder_is_cordoned(const struct shard *shard, int32_t index);
/* The port of the listener with this number; the one that was bound where 0 was asked for. */
uint16_t shard_port(const struct shard *shard, int tag);
/* Is the listener with this number one of controllers (KIP-919)? */
bool shard_is_for_controllers(const struct shard *shard, int tag);
/* The name of the listener with this number (net_connection_tag). */
struct slice shard_listener_name(const struct shard *shard, int tag);

/* What clients may use, and used. */
struct quota *shard_quota(struct shard *shard);

/* What background work has done on this shard, and what it could not do. */
struct maintain_counters {
    int64_t segments_removed, bytes_removed; /* by retention and DeleteRecords */
    int64_t cleanings, bytes_cleaned;
    int64_t last_clean_ms; /* when the last one ended; 0: none yet */
    int64_t bytes_scrubbed;
    int64_t damages; /* that the scrubber found */
    int32_t uncleanable_partitions;
    double dirtiest; /* share of the dirtiest log that waits, when it was last looked for */
};
const struct maintain_counters *shard_maintain_counters(const struct shard *shard);

/* Something to be done at a monotonic time; fires once, on the shard's thread. The owner of the
 * memory clears it before it goes away. */
struct shard_timer {
    struct heap_node node;
    void (*fire)(struct shard_timer *timer);
};
void shard_timer_set(struct shard *shard, struct shard_timer *timer, int64_t deadline_ns);
void shard_timer_clear(struct shard *shard, struct shard_timer *timer);

#endif

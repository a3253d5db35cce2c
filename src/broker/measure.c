/* Counting, and copies of what was counted. */
#include "broker/measure.h"

#include <string.h>

#include "base/memory.h"
#include "broker/shard_private.h"

enum { NS_PER_US = 1000 };

/* --- histograms ------------------------------------------------------------------------------- */

const int64_t measure_bounds_us[MEASURE_BOUNDS] = {
    100,   250,    500,    1000,   2500,    5000,    10000,   25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

void measure_add(struct measure_histogram *histogram, int64_t ns)
{
    size_t bucket = 0;
    while (bucket < MEASURE_BOUNDS && ns > measure_bounds_us[bucket] * NS_PER_US)
        bucket++;
    histogram->buckets[bucket]++;
    histogram->sum_ns += ns;
}

void measure_add_all(struct measure_histogram *sum, const struct measure_histogram *more)
{
    for (size_t i = 0; i <= MEASURE_BOUNDS; i++)
        sum->buckets[i] += more->buckets[i];
    sum->sum_ns += more->sum_ns;
}

uint64_t measure_count(const struct measure_histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= MEASURE_BOUNDS; i++)
        count += histogram->buckets[i];
    return count;
}

double measure_quantile_ms(const struct measure_histogram *histogram, double share)
{
    double wanted = share * (double)measure_count(histogram), seen = 0;
    for (size_t i = 0; i < MEASURE_BOUNDS; i++) {
        double here = (double)histogram->buckets[i];
        double low = i > 0 ? (double)measure_bounds_us[i - 1] : 0;
        if (here > 0 && seen + here >= wanted)
            return (low + ((double)measure_bounds_us[i] - low) * (wanted - seen) / here) / 1000;
        seen += here;
    }
    return seen > 0 || wanted > 0 ? (double)measure_bounds_us[MEASURE_BOUNDS - 1] / 1000 : 0;
}

/* --- counting --------------------------------------------------------------------------------- */

void measure_add_traffic(struct measure_traffic *sum, const struct measure_traffic *more)
{
    sum->bytes_in += more->bytes_in;
    sum->bytes_out += more->bytes_out;
    sum->bytes_rejected += more->bytes_rejected;
    sum->messages_in += more->messages_in;
    sum->produce_requests += more->produce_requests;
    sum->fetch_requests += more->fetch_requests;
    sum->failed_produce_requests += more->failed_produce_requests;
    sum->failed_fetch_requests += more->failed_fetch_requests;
}

void measure_traffic(struct partition *partition, const struct measure_traffic *more)
{
    measure_add_traffic(&partition->traffic, more);
    measure_add_traffic(&partition->shard->measured.traffic, more);
}

void measure_request(struct shard *shard, enum api_key key, int16_t version, int64_t total_ns,
                     int64_t local_ns)
{
    ASSERT((size_t)key < MEASURE_APIS_MAX);
    ASSERT(version >= 0);
    ASSERT(version < MEASURE_VERSIONS_MAX);
    struct measure_api **api = &shard->measured.apis[key];
    if (*api == NULL) *api = memory_alloc_zero(sizeof(**api));
    (*api)->versions[version]++;
    measure_add(&(*api)->total, total_ns);
    measure_add(&(*api)->local, local_ns);
}

int64_t measure_turn_ns(const struct shard *shard)
{
    return os_turn_ns(shard->os);
}

void measure_flush(struct shard *shard, int64_t ns, int error)
{
    measure_add(&shard->measured.flush, ns);
    if (error < 0) shard->measured.flushes_failed++;
}

void measure_turn_ends(struct shard *shard)
{
    int64_t began_ns = os_turn_ns(shard->os), now_ns = os_monotonic_ns(shard->os);
    if (shard->turn_end_ns > 0) shard->measured.idle_ns += began_ns - shard->turn_end_ns;
    shard->measured.busy_ns += now_ns - began_ns;
    measure_add(&shard->measured.turn, now_ns - began_ns);
    shard->turn_end_ns = now_ns;
}

/* --- copies ----------------------------------------------------------------------------------- */

static struct measure_partition copy_partition(const struct partition *partition)
{
    bool online = partition->state == PARTITION_ONLINE;
    int32_t min_isr = partition_min_isr(partition);
    struct measure_partition copy = {
        .topic_id = partition->key.topic_id,
        .index = partition->key.index,
        .traffic = partition->traffic,
        .offline = partition->state == PARTITION_OFFLINE,
        .leads = partition->leads,
        .under_min_isr = partition->leads && partition->isr_count < min_isr,
        .at_min_isr = partition->leads && partition->isr_count == min_isr,
    };
    if (!online) return copy;
    copy.segments = log_segment_count(partition->log);
    copy.size_bytes = log_size_bytes(partition->log);
    copy.log_start_offset = log_start_offset(partition->log);
    copy.log_end_offset = log_end_offset(partition->log);
    copy.high_watermark = partition->replication.high_watermark;
    return copy;
}

static void copy_all(const struct shard *shard, struct measures *to)
{
    *to = shard->measured;
    to->maintain = shard->maintain;
    if (shard->net != NULL) to->net = net_counters(shard->net);
    to->quota = quota_counters(shard->quota);
    for (size_t i = 0; i < MEASURE_APIS_MAX; i++) {
        if (shard->measured.apis[i] == NULL) continue;
        to->apis[i] = memory_alloc(sizeof(*to->apis[i]));
        *to->apis[i] = *shard->measured.apis[i];
    }
    to->partitions = memory_alloc(map_count(&shard->partitions) * sizeof(to->partitions[0]));
    to->partition_count = 0;
    size_t cursor = 0;
    const struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL) {
        if (partition->state != PARTITION_DOOMED)
            to->partitions[to->partition_count++] = copy_partition(partition);
    }
}

void measure_call(struct call *call)
{
    if (call->measures.measures != NULL) copy_all(call->to, call->measures.measures);
    call_finish(call, KAFKA_ERROR_NONE);
}

void measures_free(struct measures *measures)
{
    for (size_t i = 0; i < MEASURE_APIS_MAX; i++)
        memory_free(measures->apis[i]);
    memory_free(measures->partitions);
    *measures = (struct measures){.partition_count = 0};
}

/* --- the broker ------------------------------------------------------------------------------- */

void measure_health(const struct shard *first, struct measure_health *health)
{
    const struct broker *broker = first->broker;
    const struct image_broker *us = image_broker_by_id(first->image, broker->identity.node_id);
    *health = (struct measure_health){
        .started = broker->ready,
        .stopping = broker->stop || first->stopping,
        .registered = us != NULL,
        .unfenced = us != NULL && !us->fenced,
        .failed_folders = shard_failed_folder_count(first),
    };
    for (int32_t i = 0; i < broker->shard_count; i++) {
        health->logs += os_number_get(&broker->shards[i].logs);
        health->logs_left += os_number_get(&broker->shards[i].logs_left);
    }
    if (broker->ready) health->uptime_ns = os_monotonic_ns(first->os) - broker->ready_ns;
}

void measure_quorum(const struct shard *first, struct measure_quorum *quorum)
{
    const struct broker *broker = first->broker;
    *quorum = (struct measure_quorum){
        .leader_epoch = broker->quorum_epoch,
        .end_offset = broker->metadata != NULL ? metadata_end_offset(broker->metadata) : 0,
        .last_applied_offset = image_last_offset(first->image),
    };
}

/*
 * The words of /metrics: Prometheus' text format 0.0.4, or OpenMetrics 1.0. Where Kafka has the
 * number the name is the one that dashboards know it by, Kafka's own as the JMX exporter writes it
 * or kafka_exporter's; what is ours begins with gregor_.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_private.h"

enum { LABEL_MAX = 320 };

/* --- lines ------------------------------------------------------------------------------------ */

enum kind { COUNTER, GAUGE, HISTOGRAM, SUMMARY };

struct text {
    struct writer *writer;
    const char *name; /* of the family under way */
    bool open_metrics;
};

/* OpenMetrics names a family of counters without what its samples end with. */
static int family_size(const struct text *text, enum kind kind)
{
    size_t size = strlen(text->name), tail = strlen("_total");
    bool ends = size > tail && strcmp(text->name + size - tail, "_total") == 0;
    return (int)(text->open_metrics && kind == COUNTER && ends ? size - tail : size);
}

static void family(struct text *text, enum kind kind, const char *name, const char *help)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram", "summary"};
    text->name = name;
    int size = family_size(text, kind);
    writer_printf(text->writer, "# HELP %.*s %s\n# TYPE %.*s %s\n", size, name, help, size, name,
                  kinds[kind]);
}

/* `labels` as they stand between the braces; "": none. */
static void put(struct text *text, const char *labels, int64_t value)
{
    bool any = labels[0] != 0;
    writer_printf(text->writer, "%s%s%s%s %" PRId64 "\n", text->name, any ? "{" : "", labels,
                  any ? "}" : "", value);
}

static void put_real(struct text *text, const char *labels, double value)
{
    bool any = labels[0] != 0;
    writer_printf(text->writer, "%s%s%s%s %.9g\n", text->name, any ? "{" : "", labels,
                  any ? "}" : "", value);
}

static void one(struct text *text, enum kind kind, const char *name, const char *help,
                int64_t value)
{
    family(text, kind, name, help);
    put(text, "", value);
}

static void put_histogram(struct text *text, const char *labels,
                          const struct measure_histogram *histogram)
{
    const char *comma = labels[0] != 0 ? "," : "";
    uint64_t sum = 0;
    for (size_t i = 0; i < MEASURE_BOUNDS; i++) {
        sum += histogram->buckets[i];
        writer_printf(text->writer, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", text->name, labels,
                      comma, (double)measure_bounds_us[i] / 1e6, sum);
    }
    sum += histogram->buckets[MEASURE_BOUNDS];
    bool any = labels[0] != 0;
    writer_printf(text->writer,
                  "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n%s_sum%s%s%s %.9f\n%s_count%s%s%s "
                  "%" PRIu64 "\n",
                  text->name, labels, comma, sum, text->name, any ? "{" : "", labels,
                  any ? "}" : "", (double)histogram->sum_ns / 1e9, text->name, any ? "{" : "",
                  labels, any ? "}" : "", sum);
}

/* --- sums over shards ------------------------------------------------------------------------- */

/* The sum of one counter of every shard, found by its place in the struct. */
static int64_t sum_of(const struct report *report, size_t offset)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < report->shard_count; i++)
        sum += *(const int64_t *)(const void *)((const char *)&report->shards[i] + offset);
    return sum;
}
#define SUM(report, member) sum_of(report, offsetof(struct measures, member))

static bool is_asked(const struct report *report, size_t key)
{
    for (int32_t i = 0; i < report->shard_count; i++) {
        if (report->shards[i].apis[key] != NULL) return true;
    }
    return false;
}

static void sum_api(const struct report *report, size_t key, struct measure_api *sum)
{
    *sum = (struct measure_api){.versions = {0}};
    for (int32_t i = 0; i < report->shard_count; i++) {
        const struct measure_api *api = report->shards[i].apis[key];
        if (api == NULL) continue;
        for (size_t j = 0; j < MEASURE_VERSIONS_MAX; j++)
            sum->versions[j] += api->versions[j];
        measure_add_all(&sum->total, &api->total);
        measure_add_all(&sum->local, &api->local);
    }
}

static const char *api_name(size_t key)
{
    const struct wire_api *api = wire_api_find((int16_t)key);
    ASSERT(api != NULL); /* only what is served is counted */
    return api->name;
}

/* --- topics ----------------------------------------------------------------------------------- */

static const struct {
    const char *name, *help;
    size_t offset; /* in struct measure_traffic */
} traffic_metrics[] = {
    {"kafka_server_brokertopicmetrics_bytesin_total", "Bytes of records that were appended.",
     offsetof(struct measure_traffic, bytes_in)},
    {"kafka_server_brokertopicmetrics_bytesout_total", "Bytes of records that were fetched.",
     offsetof(struct measure_traffic, bytes_out)},
    {"kafka_server_brokertopicmetrics_bytesrejected_total",
     "Bytes of batches that were refused as too large.",
     offsetof(struct measure_traffic, bytes_rejected)},
    {"kafka_server_brokertopicmetrics_messagesin_total", "Records that were appended.",
     offsetof(struct measure_traffic, messages_in)},
    {"kafka_server_brokertopicmetrics_totalproducerequests_total",
     "Produce requests, counted once for each partition in them.",
     offsetof(struct measure_traffic, produce_requests)},
    {"kafka_server_brokertopicmetrics_totalfetchrequests_total",
     "Fetch requests, counted once for each partition read.",
     offsetof(struct measure_traffic, fetch_requests)},
    {"kafka_server_brokertopicmetrics_failedproducerequests_total",
     "Of the produce requests those that were refused.",
     offsetof(struct measure_traffic, failed_produce_requests)},
    {"kafka_server_brokertopicmetrics_failedfetchrequests_total",
     "Of the fetch requests those that were refused.",
     offsetof(struct measure_traffic, failed_fetch_requests)},
};

static int64_t traffic_value(const struct measure_traffic *traffic, size_t offset)
{
    return *(const int64_t *)(const void *)((const char *)traffic + offset);
}

static int compare_partitions(const void *a, const void *b)
{
    const struct report_partition *left = a;
    const struct report_partition *right = b;
    int order = slice_compare(left->topic, right->topic);
    return order != 0 ? order
                      : (left->measured.index > right->measured.index) -
                            (left->measured.index < right->measured.index);
}

/* The partitions of one topic, from `at` on; where those of the next begin. */
static size_t sum_topic(const struct report *report, size_t at, struct measure_traffic *sum)
{
    struct slice topic = report->partitions[at].topic;
    *sum = (struct measure_traffic){.bytes_in = 0};
    while (at < report->partition_count && slice_equal(report->partitions[at].topic, topic))
        measure_add_traffic(sum, &report->partitions[at++].measured.traffic);
    return at;
}

static void write_traffic(struct text *text, const struct report *report)
{
    struct measure_traffic all = {.bytes_in = 0};
    char labels[LABEL_MAX];
    for (int32_t i = 0; i < report->shard_count; i++)
        measure_add_traffic(&all, &report->shards[i].traffic);
    for (size_t i = 0; i < ARRAY_COUNT(traffic_metrics); i++) {
        family(text, COUNTER, traffic_metrics[i].name, traffic_metrics[i].help);
        put(text, "", traffic_value(&all, traffic_metrics[i].offset));
        for (size_t at = 0; at < report->partition_count;) {
            struct measure_traffic sum;
            snprintf(labels, sizeof(labels), "topic=\"%.*s\"",
                     SLICE_ARG(report->partitions[at].topic));
            at = sum_topic(report, at, &sum);
            put(text, labels, traffic_value(&sum, traffic_metrics[i].offset));
        }
    }
}

/* --- partitions ------------------------------------------------------------------------------- */

enum partition_value {
    LOG_SIZE,
    LOG_END,
    LOG_START,
    LOG_SEGMENTS,
    HIGH_WATERMARK,
    LEADER,
    LEADER_IS_PREFERRED,
    REPLICAS,
    IN_SYNC,
    UNDER_REPLICATED,
    UNDER_MIN_ISR,
    AT_MIN_ISR,
};

static int64_t partition_value(const struct report_partition *p, enum partition_value which)
{
    switch (which) {
    case LOG_SIZE:
        return p->measured.size_bytes;
    case LOG_END:
        return p->measured.log_end_offset;
    case LOG_START:
        return p->measured.log_start_offset;
    case LOG_SEGMENTS:
        return p->measured.segments;
    case HIGH_WATERMARK:
        return p->measured.high_watermark;
    case LEADER:
        return p->leader;
    case LEADER_IS_PREFERRED:
        return p->leader >= 0 && p->leader == p->preferred;
    case REPLICAS:
        return p->replicas;
    case IN_SYNC:
        return p->in_sync;
    case UNDER_REPLICATED:
        return p->in_sync < p->replicas;
    case UNDER_MIN_ISR:
        return p->measured.under_min_isr;
    case AT_MIN_ISR:
        return p->measured.at_min_isr;
    }
    ASSERT(false);
}

static const struct {
    const char *name, *help;
    enum partition_value value;
} partition_metrics[] = {
    {"kafka_log_log_size", "Bytes of the partition's segments.", LOG_SIZE},
    {"kafka_log_log_logendoffset", "Offset of its next record.", LOG_END},
    {"kafka_log_log_logstartoffset", "Offset of its first record.", LOG_START},
    {"kafka_log_log_numlogsegments", "Its segments.", LOG_SEGMENTS},
    {"kafka_cluster_partition_underminisr", "1: fewer are in sync than min.insync.replicas.",
     UNDER_MIN_ISR},
    {"kafka_cluster_partition_atminisr", "1: as many are in sync as min.insync.replicas.",
     AT_MIN_ISR},
    {"kafka_cluster_partition_replicascount", "Its replicas.", REPLICAS},
    {"kafka_cluster_partition_insyncreplicascount", "Its replicas that are in sync.", IN_SYNC},
    {"kafka_topic_partition_current_offset", "The high watermark.", HIGH_WATERMARK},
    {"kafka_topic_partition_oldest_offset", "Offset of the first record.", LOG_START},
    {"kafka_topic_partition_leader", "Id of the broker that leads; -1: none.", LEADER},
    {"kafka_topic_partition_leader_is_preferred", "1: the first replica leads.",
     LEADER_IS_PREFERRED},
    {"kafka_topic_partition_replicas", "Its replicas.", REPLICAS},
    {"kafka_topic_partition_in_sync_replica", "Its replicas that are in sync.", IN_SYNC},
    {"kafka_topic_partition_under_replicated_partition", "1: not all replicas are in sync.",
     UNDER_REPLICATED},
};

/* Each is told by its leader, so that sums over brokers are right. */
static void write_partitions(struct text *text, const struct report *report)
{
    char labels[LABEL_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(partition_metrics); i++) {
        family(text, GAUGE, partition_metrics[i].name, partition_metrics[i].help);
        for (size_t j = 0; j < report->partition_count; j++) {
            const struct report_partition *partition = &report->partitions[j];
            if (!partition->measured.leads) continue;
            snprintf(labels, sizeof(labels), "topic=\"%.*s\",partition=\"%d\"",
                     SLICE_ARG(partition->topic), (int)partition->measured.index);
            put(text, labels, partition_value(partition, partition_metrics[i].value));
        }
    }
}

static void write_replicas(struct text *text, const struct report *report)
{
    int64_t led = 0, offline = 0, behind = 0, under = 0, at = 0;
    for (size_t i = 0; i < report->partition_count; i++) {
        const struct report_partition *partition = &report->partitions[i];
        led += partition->measured.leads;
        offline += partition->measured.offline;
        behind += partition->measured.leads && partition->in_sync < partition->replicas;
        under += partition->measured.under_min_isr;
        at += partition->measured.at_min_isr;
    }
    one(text, GAUGE, "kafka_server_replicamanager_partitioncount", "Replicas on this broker.",
        (int64_t)report->partition_count);
    one(text, GAUGE, "kafka_server_replicamanager_leadercount", "Partitions that it leads.", led);
    one(text, GAUGE, "kafka_server_replicamanager_offlinereplicacount",
        "Its replicas that cannot be used.", offline);
    one(text, GAUGE, "kafka_server_replicamanager_underreplicatedpartitions",
        "Partitions that it leads and of which not all replicas are in sync.", behind);
    one(text, GAUGE, "kafka_server_replicamanager_underminisrpartitioncount",
        "Partitions that it leads and of which too few are in sync for acks=all.", under);
    one(text, GAUGE, "kafka_server_replicamanager_atminisrpartitioncount",
        "Partitions that it leads and of which just enough are in sync for acks=all.", at);
}

/* --- requests --------------------------------------------------------------------------------- */

static void put_summary(struct text *text, const char *name,
                        const struct measure_histogram *histogram)
{
    static const double shares[] = {0.5, 0.75, 0.95, 0.98, 0.99, 0.999};
    char labels[LABEL_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(shares); i++) {
        snprintf(labels, sizeof(labels), "request=\"%s\",quantile=\"%g\"", name, shares[i]);
        put_real(text, labels, measure_quantile_ms(histogram, shares[i]));
    }
    writer_printf(text->writer,
                  "%s_sum{request=\"%s\"} %.6f\n%s_count{request=\"%s\"} %" PRIu64 "\n", text->name,
                  name, (double)histogram->sum_ns / 1e6, text->name, name,
                  measure_count(histogram));
}

static void write_versions(struct text *text, const struct report *report)
{
    char labels[LABEL_MAX];
    family(text, COUNTER, "kafka_network_requestmetrics_requests_total", "Requests answered.");
    for (size_t key = 0; key < MEASURE_APIS_MAX; key++) {
        struct measure_api api;
        if (!is_asked(report, key)) continue;
        sum_api(report, key, &api);
        for (size_t version = 0; version < MEASURE_VERSIONS_MAX; version++) {
            if (api.versions[version] == 0) continue;
            snprintf(labels, sizeof(labels), "request=\"%s\",version=\"%d\"", api_name(key),
                     (int)version);
            put(text, labels, (int64_t)api.versions[version]);
        }
    }
}

static void write_requests(struct text *text, const struct report *report)
{
    struct measure_api api;
    char labels[LABEL_MAX];
    write_versions(text, report);
    family(text, SUMMARY, "kafka_network_requestmetrics_totaltimems",
           "Milliseconds from reading a request to its answer, estimated since the start.");
    for (size_t key = 0; key < MEASURE_APIS_MAX; key++) {
        if (!is_asked(report, key)) continue;
        sum_api(report, key, &api);
        put_summary(text, api_name(key), &api.total);
    }
    family(text, SUMMARY, "kafka_network_requestmetrics_localtimems",
           "Of that what its handler took at once, without waits.");
    for (size_t key = 0; key < MEASURE_APIS_MAX; key++) {
        if (!is_asked(report, key)) continue;
        sum_api(report, key, &api);
        put_summary(text, api_name(key), &api.local);
    }
    family(text, HISTOGRAM, "gregor_request_duration_seconds",
           "From the turn of the loop that read a request to its answer.");
    for (size_t key = 0; key < MEASURE_APIS_MAX; key++) {
        if (!is_asked(report, key)) continue;
        sum_api(report, key, &api);
        snprintf(labels, sizeof(labels), "api=\"%s\"", api_name(key));
        put_histogram(text, labels, &api.total);
    }
}

/* --- the cluster ------------------------------------------------------------------------------ */

static void write_controller(struct text *text, const struct report *report)
{
    int64_t fenced = 0;
    for (size_t i = 0; i < report->broker_count; i++)
        fenced += report->brokers[i].fenced;
    one(text, GAUGE, "kafka_controller_kafkacontroller_activecontrollercount",
        "1: this node leads the quorum.", report->quorum.leader_epoch >= 0);
    one(text, GAUGE, "kafka_controller_kafkacontroller_offlinepartitionscount",
        "Partitions without a leader.", report->offline_partitions);
    one(text, GAUGE, "kafka_controller_kafkacontroller_globaltopiccount", "Topics.",
        (int64_t)report->topic_count);
    one(text, GAUGE, "kafka_controller_kafkacontroller_globalpartitioncount", "Partitions.",
        report->all_partitions);
    one(text, GAUGE, "kafka_controller_kafkacontroller_activebrokercount",
        "Brokers that are not fenced.", (int64_t)report->broker_count - fenced);
    one(text, GAUGE, "kafka_controller_kafkacontroller_fencedbrokercount", "Brokers that are.",
        fenced);
    one(text, GAUGE, "kafka_server_raftmetrics_current_leader", "Id of the quorum's leader.",
        report->node_id);
    one(text, GAUGE, "kafka_server_raftmetrics_current_epoch", "The leader's epoch.",
        report->quorum.leader_epoch);
    one(text, GAUGE, "kafka_server_raftmetrics_log_end_offset",
        "Offset of the next record of the metadata log.", report->quorum.end_offset);
    one(text, GAUGE, "kafka_server_raftmetrics_high_watermark",
        "Offset behind the last committed record of the metadata log.",
        report->quorum.last_applied_offset + 1);
}

static void write_brokers(struct text *text, const struct report *report)
{
    char labels[LABEL_MAX];
    one(text, GAUGE, "kafka_brokers", "Brokers of the cluster.", (int64_t)report->broker_count);
    family(text, GAUGE, "kafka_broker_info", "A broker and its address.");
    for (size_t i = 0; i < report->broker_count; i++) {
        const struct report_broker *broker = &report->brokers[i];
        snprintf(labels, sizeof(labels), "id=\"%d\",address=\"%.*s:%d\"", (int)broker->id,
                 SLICE_ARG(broker->host), (int)broker->port);
        put(text, labels, 1);
    }
    family(text, GAUGE, "kafka_topic_partitions", "Partitions of a topic.");
    for (size_t i = 0; i < report->topic_count; i++) {
        snprintf(labels, sizeof(labels), "topic=\"%.*s\"", SLICE_ARG(report->topics[i].name));
        put(text, labels, report->topics[i].partitions);
    }
}

/* --- this process ----------------------------------------------------------------------------- */

static void write_network(struct text *text, const struct report *report)
{
    char labels[LABEL_MAX];
    family(text, GAUGE, "kafka_server_socket_server_metrics_connection_count",
           "Connections that are open.");
    for (int32_t i = 0; i < report->shard_count; i++) {
        snprintf(labels, sizeof(labels), "networkProcessor=\"%d\"", (int)i);
        put(text, labels, report->shards[i].net.connections);
    }
    family(text, GAUGE, "kafka_network_socketserver_networkprocessoravgidle_percent",
           "Share of its time that a loop has waited, 0 to 1, since the start.");
    for (int32_t i = 0; i < report->shard_count; i++) {
        const struct measures *shard = &report->shards[i];
        double all = (double)(shard->busy_ns + shard->idle_ns);
        snprintf(labels, sizeof(labels), "networkProcessor=\"%d\"", (int)i);
        put_real(text, labels, all > 0 ? (double)shard->idle_ns / all : 1);
    }
    one(text, COUNTER, "gregor_connections_accepted_total", "Connections that came in.",
        SUM(report, net.accepted));
    one(text, COUNTER, "gregor_connections_refused_total", "Of those, not let in.",
        SUM(report, net.refused));
    one(text, COUNTER, "gregor_connections_idle_closed_total", "Closed because they were silent.",
        SUM(report, net.evicted_idle));
    one(text, COUNTER, "gregor_connections_stalled_closed_total",
        "Closed because they did not read.", SUM(report, net.evicted_stalled));
    one(text, COUNTER, "gregor_received_bytes_total", "Bytes read from connections.",
        SUM(report, net.received_bytes));
    one(text, COUNTER, "gregor_sent_bytes_total", "Bytes sent to connections.",
        SUM(report, net.sent_bytes));
    one(text, GAUGE, "gregor_request_bytes", "Memory of requests that are not answered yet.",
        SUM(report, net.request_bytes));
}

static void write_maintenance(struct text *text, const struct report *report)
{
    one(text, GAUGE, "kafka_log_logmanager_offlinelogdirectorycount",
        "Data folders that have failed.", report->health.failed_folders);
    int64_t uncleanable = 0, last_ms = 0;
    double dirtiest = 0;
    for (int32_t i = 0; i < report->shard_count; i++) {
        const struct maintain_counters *maintain = &report->shards[i].maintain;
        uncleanable += maintain->uncleanable_partitions;
        if (maintain->dirtiest > dirtiest) dirtiest = maintain->dirtiest;
        if (maintain->last_clean_ms > last_ms) last_ms = maintain->last_clean_ms;
    }
    one(text, GAUGE, "kafka_log_logcleanermanager_uncleanable_partitions_count",
        "Partitions that the cleaner leaves alone, for it found damage.", uncleanable);
    family(text, GAUGE, "kafka_log_logcleanermanager_max_dirty_percent",
           "Dirty share of the dirtiest log that waits for the cleaner.");
    put_real(text, "", dirtiest * 100);
    family(text, GAUGE, "gregor_cleaner_last_end_timestamp_seconds",
           "When a cleaning last ended; 0: none has.");
    put_real(text, "", (double)last_ms / 1000);
    one(text, COUNTER, "gregor_cleaner_cleanings_total", "Cleanings that came to their end.",
        SUM(report, maintain.cleanings));
    one(text, COUNTER, "gregor_cleaner_bytes_total", "Bytes that the cleaner has read.",
        SUM(report, maintain.bytes_cleaned));
    one(text, COUNTER, "gregor_retention_segments_total", "Segments that were removed.",
        SUM(report, maintain.segments_removed));
    one(text, COUNTER, "gregor_retention_bytes_total", "Their bytes.",
        SUM(report, maintain.bytes_removed));
    one(text, COUNTER, "gregor_scrub_bytes_total", "Bytes that the scrubber has read.",
        SUM(report, maintain.bytes_scrubbed));
    one(text, COUNTER, "gregor_scrub_damages_total", "Damaged places that it has found.",
        SUM(report, maintain.damages));
}

static void write_quotas(struct text *text, const struct report *report)
{
    static const char *const kinds[QUOTA_KINDS] = {
        [QUOTA_PRODUCE] = "produce",
        [QUOTA_FETCH] = "fetch",
        [QUOTA_REQUEST] = "request",
        [QUOTA_MUTATION] = "controller_mutation",
    };
    char labels[LABEL_MAX];
    family(text, COUNTER, "gregor_quota_throttled_requests_total",
           "Requests whose client had to pause.");
    for (size_t i = 0; i < QUOTA_KINDS; i++) {
        snprintf(labels, sizeof(labels), "quota=\"%s\"", kinds[i]);
        put(text, labels,
            sum_of(report, offsetof(struct measures, quota.throttled) + i * sizeof(int64_t)));
    }
    family(text, COUNTER, "gregor_quota_throttled_seconds_total", "Their pauses, added up.");
    for (size_t i = 0; i < QUOTA_KINDS; i++) {
        snprintf(labels, sizeof(labels), "quota=\"%s\"", kinds[i]);
        put_real(text, labels,
                 (double)sum_of(report, offsetof(struct measures, quota.throttled_ms) +
                                            i * sizeof(int64_t)) /
                     1000);
    }
}

static void write_process(struct text *text, const struct report *report)
{
    struct measure_histogram flush = {.sum_ns = 0}, turn = {.sum_ns = 0};
    for (int32_t i = 0; i < report->shard_count; i++) {
        measure_add_all(&flush, &report->shards[i].flush);
        measure_add_all(&turn, &report->shards[i].turn);
    }
    family(text, HISTOGRAM, "gregor_flush_duration_seconds", "From a flush's start to its end.");
    put_histogram(text, "", &flush);
    one(text, COUNTER, "gregor_flush_failures_total", "Flushes that failed.",
        SUM(report, flushes_failed));
    family(text, HISTOGRAM, "gregor_loop_turn_seconds",
           "Turns of the loops, without the waits between them.");
    put_histogram(text, "", &turn);
    one(text, GAUGE, "process_resident_memory_bytes", "Memory in use.", report->resident_bytes);
    family(text, COUNTER, "process_cpu_seconds_total", "Time on processors.");
    put_real(text, "", (double)report->cpu_ns / 1e9);
    family(text, GAUGE, "gregor_uptime_seconds", "Since clients are served; 0: not yet.");
    put_real(text, "", (double)report->health.uptime_ns / 1e9);
}

void metrics_write(struct report *report, struct writer *writer)
{
    struct text text = {.writer = writer, .open_metrics = report->open_metrics};
    if (report->partition_count > 0)
        qsort(report->partitions, report->partition_count, sizeof(report->partitions[0]),
              compare_partitions);
    write_traffic(&text, report);
    write_replicas(&text, report);
    write_controller(&text, report);
    write_brokers(&text, report);
    write_requests(&text, report);
    write_network(&text, report);
    write_maintenance(&text, report);
    write_quotas(&text, report);
    write_process(&text, report);
    if (report->tells_partitions) write_partitions(&text, report);
    if (report->open_metrics) writer_printf(writer, "# EOF\n");
}

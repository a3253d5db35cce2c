/* A scrape: all shards are asked, shard 0 adds what the cluster's image says, a worker writes. */
#include <string.h>

#include "base/memory.h"
#include "core/settings/settings.h"
#include "http/http_private.h"

enum {
    REPORT_BYTES_MAX = 1 << 30,
    PARTITIONS_AUTO_MAX = 2000, /* told one by one where nobody has said how */
};

struct scrape {
    struct http *http;
    struct visit *visit;
    struct report report;
    struct call *calls;
    struct os_job job;
    int32_t pending;
};

/* --- what the image says ---------------------------------------------------------------------- */

static void add_partition(struct report *report, const struct image_topic *topic, struct slice name,
                          const struct measure_partition *measured)
{
    struct report_partition *to = &report->partitions[report->partition_count++];
    const struct image_partition *partition = image_partition(topic, measured->index);
    *to = (struct report_partition){.topic = name, .measured = *measured, -1, -1, 0, 0};
    if (partition == NULL) return;
    to->leader = partition->leader;
    to->preferred = partition->replicas[0];
    to->replicas = partition->replica_count;
    to->in_sync = partition->isr_count;
}

static void add_partitions(struct report *report, const struct image *image)
{
    size_t count = 0;
    for (int32_t i = 0; i < report->shard_count; i++)
        count += report->shards[i].partition_count;
    report->partitions = arena_alloc(&report->arena, count * sizeof(report->partitions[0]) + 1);
    for (int32_t i = 0; i < report->shard_count; i++) {
        const struct measures *shard = &report->shards[i];
        for (size_t j = 0; j < shard->partition_count; j++) {
            const struct measure_partition *measured = &shard->partitions[j];
            const struct image_topic *topic = image_topic_by_id(image, &measured->topic_id);
            if (topic == NULL) continue; /* it has just been deleted */
            add_partition(report, topic, arena_copy(&report->arena, topic->name), measured);
        }
    }
}

static void add_topics(struct report *report, const struct image *image)
{
    struct slice cursor = SLICE_NULL;
    const struct image_topic *topic;
    report->topics =
        arena_alloc(&report->arena, image_topic_count(image) * sizeof(report->topics[0]) + 1);
    while ((topic = image_topic_next(image, &cursor)) != NULL) {
        report->topics[report->topic_count++] =
            (struct report_topic){arena_copy(&report->arena, topic->name), topic->partition_count};
        for (int32_t i = 0; i < topic->partition_count; i++)
            report->offline_partitions += topic->partitions[i].leader == IMAGE_NO_LEADER;
    }
    report->all_partitions = image_partition_count(image);
}

static void add_brokers(struct report *report, const struct image *image)
{
    size_t count = 0;
    const struct image_broker *broker = NULL;
    while ((broker = image_broker_next(image, broker == NULL ? -1 : broker->id)) != NULL)
        count++;
    report->brokers = arena_alloc(&report->arena, count * sizeof(report->brokers[0]) + 1);
    while ((broker = image_broker_next(image, broker == NULL ? -1 : broker->id)) != NULL) {
        struct report_broker *to = &report->brokers[report->broker_count++];
        *to = (struct report_broker){.id = broker->id, .fenced = broker->fenced, .host = SLICE("")};
        if (broker->endpoint_count == 0) continue;
        to->host = arena_copy(&report->arena, broker->endpoints[0].host);
        to->port = broker->endpoints[0].port;
    }
}

static bool tells_partitions(const struct report *report, const struct settings *settings)
{
    struct slice level = settings_text(settings, SETTING_GREGOR_METRICS_PARTITION_LEVEL);
    if (slice_equal(level, SLICE("auto"))) return report->partition_count <= PARTITIONS_AUTO_MAX;
    return slice_equal(level, SLICE("partition"));
}

/* --- the round -------------------------------------------------------------------------------- */

static void render(struct os_job *job)
{
    struct scrape *scrape = CONTAINER_OF(job, struct scrape, job);
    metrics_write(&scrape->report, &scrape->visit->body);
}

static void rendered(struct os_job *job)
{
    struct scrape *scrape = CONTAINER_OF(job, struct scrape, job);
    struct report *report = &scrape->report;
    struct visit *visit = scrape->visit;
    scrape->http->rounds--;
    if (writer_error(&visit->body) < 0) {
        writer_reset(&visit->body);
        visit->status = MHD_HTTP_INSUFFICIENT_STORAGE;
        writer_printf(&visit->body, "too many partitions for one answer: ask with ?partition=0\n");
    }
    for (int32_t i = 0; i < report->shard_count; i++)
        measures_free(&report->shards[i]);
    memory_free(report->shards);
    arena_deinit(&report->arena);
    memory_free(scrape->calls);
    memory_free(scrape);
    http_answer(visit);
}

static void gathered(struct call *call)
{
    struct scrape *scrape = call->context;
    struct report *report = &scrape->report;
    struct shard *first = scrape->http->first;
    if (--scrape->pending > 0) return;
    const struct image *image = shard_image(first);
    add_partitions(report, image);
    add_topics(report, image);
    add_brokers(report, image);
    report->tells_partitions =
        report->tells_partitions && tells_partitions(report, shard_settings(first));
    measure_health(first, &report->health);
    measure_quorum(first, &report->quorum);
    report->node_id = shard_node_id(first);
    report->resident_bytes = os_resident_bytes();
    report->cpu_ns = os_cpu_ns();
    scrape->job = (struct os_job){.run = render, .done = rendered};
    os_submit(shard_os(first), &scrape->job);
}

void scrape(struct visit *visit, bool open_metrics, bool partitions)
{
    struct http *http = visit->daemon->http;
    struct shard *first = http->first;
    struct measure_health health;
    measure_health(first, &health);
    /* Until it has started only this shard turns. */
    int32_t count = health.started ? shard_count(first) : 1;
    struct scrape *scrape = memory_alloc_zero(sizeof(*scrape));
    scrape->http = http;
    scrape->visit = visit;
    scrape->pending = count;
    scrape->calls = memory_alloc_zero((size_t)count * sizeof(scrape->calls[0]));
    scrape->report.shards = memory_alloc_zero((size_t)count * sizeof(scrape->report.shards[0]));
    scrape->report.shard_count = count;
    scrape->report.open_metrics = open_metrics;
    scrape->report.tells_partitions = partitions;
    arena_init(&scrape->report.arena, REPORT_BYTES_MAX);
    http->rounds++;
    for (int32_t i = 0; i < count; i++) {
        struct call_measures measures = {.shard = i, .measures = &scrape->report.shards[i]};
        scrape->calls[i] = (struct call){
            .kind = CALL_MEASURES, .done = gathered, .context = scrape, .measures = measures};
        call_start(first, &scrape->calls[i]); /* the last may end the round */
    }
}

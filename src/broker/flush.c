/*
 * Group commit: what was written is made durable by workers, partition by partition; whoever
 * appended since a partition's last flush began shares its next one. Some partitions are flushed
 * side by side, so that the filesystem joins their commits.
 */
#include <errno.h>

#include "broker/shard_private.h"

enum { RETRY_NS = 20000000 };

void flush_enqueue(struct partition *partition)
{
    if (partition->busy || list_is_linked(&partition->flush_link)) return;
    list_push_back(&partition->shard->flush_queue, &partition->flush_link);
}

static void flush_run(struct os_job *job)
{
    log_flush_run(CONTAINER_OF(job, struct partition, job)->flush);
}

static void try_again(struct shard_timer *timer)
{
    flush_enqueue(CONTAINER_OF(timer, struct partition, retry));
}

/* No descriptor was free: others will close theirs. */
static void flush_again_soon(struct partition *partition)
{
    struct shard *shard = partition->shard;
    partition->flush_indexes = partition->flush_indexes || partition->makes_point;
    partition->flush_due = true;
    partition->retry.fire = try_again;
    shard_timer_set(shard, &partition->retry, os_monotonic_ns(shard->os) + RETRY_NS);
}

static void flush_done(struct os_job *job)
{
    struct partition *partition = CONTAINER_OF(job, struct partition, job);
    int r = log_flush_end(partition->log, partition->flush);
    measure_flush(partition->shard, os_monotonic_ns(partition->shard->os) - partition->flushed_ns,
                  r);
    partition->busy = false;
    partition->flush = NULL;
    partition->shard->flushes--;
    if (partition->state == PARTITION_DOOMED) {
        follow_finish_doomed(partition);
        return;
    }
    if (r == -EMFILE || r == -ENFILE) {
        flush_again_soon(partition);
        return;
    }
    if (r < 0) {
        partition_fail_folder(partition, r, "flush");
        return;
    }
    if (partition->makes_point) partition->recovery_point = log_flushed_offset(partition->log);
    partition_flushed(partition);
    if (partition_wants_flush(partition)) flush_enqueue(partition);
}

static void start_one(struct shard *shard, struct partition *partition)
{
    partition->makes_point = partition->flush_indexes;
    partition->flush_indexes = false;
    partition->flush_due = false;
    if (list_is_linked(&partition->behind_link)) list_remove(&partition->behind_link);
    struct log_flush *flush = log_flush_begin(partition->log, partition->makes_point);
    if (flush == NULL) return;
    partition->makes_point = log_flush_has_indexes(flush);
    partition->flushed_ns = os_monotonic_ns(shard->os);
    partition->flush = flush;
    partition->busy = true;
    partition->job = (struct os_job){.run = flush_run, .done = flush_done};
    shard->flushes++;
    os_submit(shard->os, &partition->job);
}

/* A file with unflushed writes cannot be closed: when those are half of the files that logs may
 * keep, the flush that could wait is made now, of who has waited for the longest. */
static struct partition *take_one_behind(struct shard *shard)
{
    if (log_files_pinned(shard->files) <= shard->open_files_max / 2) return NULL;
    struct list_link *link = list_first(&shard->behind);
    for (; link != NULL; link = list_next(&shard->behind, link)) {
        struct partition *partition = CONTAINER_OF(link, struct partition, behind_link);
        if (partition->busy) continue;
        list_remove(link);
        partition->flush_due = true;
        return partition;
    }
    return NULL;
}

static struct partition *take_one(struct shard *shard)
{
    struct list_link *link = list_pop_front(&shard->flush_queue);
    if (link == NULL) return take_one_behind(shard);
    return CONTAINER_OF(link, struct partition, flush_link);
}

void flush_start(struct shard *shard)
{
    while (shard->flushes < SHARD_FLUSHES_MAX) {
        struct partition *partition = take_one(shard);
        if (partition == NULL) return;
        if (partition_wants_flush(partition)) start_one(shard, partition);
    }
}

bool flush_must_come_first(const struct partition *partition)
{
    const struct shard *shard = partition->shard;
    bool holds_one = log_flushed_offset(partition->log) < log_end_offset(partition->log);
    if (holds_one) return false;
    return log_files_pinned(shard->files) + shard->staged_count >= shard->descriptors_max;
}

/* --- flush.policy=os: Kafka's settings -------------------------------------------------------- */

enum { WATCH_NS = 1000000000, NS_A_MS = 1000000 };

static bool has_waited(const struct partition *partition)
{
    if (log_flushed_offset(partition->log) == log_end_offset(partition->log)) return false;
    int64_t waited_ns = os_monotonic_ns(partition->shard->os) - partition->flushed_ns;
    return waited_ns / NS_A_MS >= partition->config.flush_ms;
}

void flush_later(struct partition *partition)
{
    if (list_is_linked(&partition->behind_link)) return;
    list_push_back(&partition->shard->behind, &partition->behind_link);
}

/* A sealed segment is flushed at once, as Kafka does behind a roll; the others by flush.messages
 * and flush.ms, which by default never come. */
bool flush_is_due(struct partition *partition)
{
    int32_t segments = log_segment_count(partition->log);
    bool rolled = segments != partition->segment_count;
    partition->segment_count = segments;
    int64_t unflushed = log_end_offset(partition->log) - log_flushed_offset(partition->log);
    return partition->flush_due || rolled || unflushed >= partition->config.flush_messages ||
           has_waited(partition);
}

static void look_for_old(struct shard_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, flush_timer);
    size_t cursor = 0;
    struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL) {
        if (partition->state != PARTITION_ONLINE || partition->config.flush_ms == INT64_MAX)
            continue;
        if (partition->config.flush_policy != SETTINGS_FLUSH_OS || !has_waited(partition)) continue;
        partition->flush_due = true;
        flush_enqueue(partition);
    }
    flush_watch_time(shard);
}

void flush_watch_time(struct shard *shard)
{
    shard->flush_timer.fire = look_for_old;
    shard_timer_set(shard, &shard->flush_timer, os_monotonic_ns(shard->os) + WATCH_NS);
}

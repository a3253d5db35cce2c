/*
 * Group commit: what was written is made durable by workers, partition by partition; whoever
 * appended since a partition's last flush began shares its next one. Some partitions are flushed
 * side by side, so that the filesystem joins their commits.
 */
#include <errno.h>

#include "broker/shard_private.h"

void flush_enqueue(struct partition *partition)
{
    if (partition->busy || list_is_linked(&partition->flush_link)) return;
    list_push_back(&partition->shard->flush_queue, &partition->flush_link);
}

static void flush_run(struct os_job *job)
{
    log_flush_run(CONTAINER_OF(job, struct partition, job)->flush);
}

static void flush_done(struct os_job *job)
{
    struct partition *partition = CONTAINER_OF(job, struct partition, job);
    int r = log_flush_end(partition->log, partition->flush);
    partition->busy = false;
    partition->flush = NULL;
    partition->shard->flushes--;
    if (partition->state == PARTITION_DOOMED) {
        follow_finish_doomed(partition);
        return;
    }
    if (r < 0) {
        partition_fail(partition, r, "flush");
        shard_fail(partition->shard, r);
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
    struct log_flush *flush = log_flush_begin(partition->log, partition->makes_point);
    if (flush == NULL) return;
    partition->flush = flush;
    partition->busy = true;
    partition->job = (struct os_job){.run = flush_run, .done = flush_done};
    shard->flushes++;
    os_submit(shard->os, &partition->job);
}

void flush_start(struct shard *shard)
{
    while (shard->flushes < SHARD_FLUSHES_MAX) {
        struct list_link *link = list_pop_front(&shard->flush_queue);
        if (link == NULL) return;
        struct partition *partition = CONTAINER_OF(link, struct partition, flush_link);
        if (partition_wants_flush(partition)) start_one(shard, partition);
    }
}

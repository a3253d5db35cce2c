/* What lies in the folders, for those who ask (KIP-113, KIP-827): each shard tells its own logs, a
 * worker asks the volume. */
#include <errno.h>

#include "base/memory.h"
#include "broker/shard_private.h"

/* --- logs ------------------------------------------------------------------------------------- */

/* Records that the log lacks of what is committed: none where it leads.
 * (ReplicaManager.getLogEndOffsetLag) */
static int64_t lag_of(const struct partition *partition)
{
    int64_t lag = partition->replication.high_watermark - log_end_offset(partition->log);
    return lag > 0 ? lag : 0;
}

/* (ReplicaManager.describeLogDirs: a future replica lags behind the log that it will replace) */
static void add_copy(struct call_logs *told, const struct partition *partition)
{
    struct log_move_seen seen;
    const struct data_folder *to = move_seen(partition, &seen);
    if (to == NULL) return;
    int64_t lag = log_end_offset(partition->log) - seen.end_offset;
    told->logs[told->count++] = (struct call_log){
        .topic_id = partition->key.topic_id,
        .index = partition->key.index,
        .folder = to->index,
        .size_bytes = seen.bytes,
        .offset_lag = lag > 0 ? lag : 0,
        .is_future = true,
    };
}

void describe_logs(struct call *call)
{
    struct shard *shard = call->to;
    struct call_logs *told = &call->logs;
    told->count = 0;
    size_t most = 2 * map_count(&shard->partitions); /* each may be on its way to another folder */
    told->logs = memory_alloc(most * sizeof(told->logs[0]));
    size_t cursor = 0;
    const struct partition *partition;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL) {
        if (partition->state != PARTITION_ONLINE) continue;
        told->logs[told->count++] = (struct call_log){
            .topic_id = partition->key.topic_id,
            .index = partition->key.index,
            .folder = partition->folder->index,
            .size_bytes = log_size_bytes(partition->log),
            .offset_lag = lag_of(partition),
        };
        add_copy(told, partition);
    }
    ASSERT(told->count <= most);
    call_finish(call, KAFKA_ERROR_NONE);
}

/* --- one folder ------------------------------------------------------------------------------- */

struct inquiry {
    struct os_job job;
    struct call *call;
    const struct data_folder *folder;
    int result;
};

static void inquiry_run(struct os_job *job)
{
    struct inquiry *inquiry = CONTAINER_OF(job, struct inquiry, job);
    struct call_folder *told = &inquiry->call->folder;
    inquiry->result = os_disk_space(inquiry->call->to->os, inquiry->folder->path,
                                    &told->usable_bytes, &told->total_bytes);
}

static void inquiry_done(struct os_job *job)
{
    struct inquiry *inquiry = CONTAINER_OF(job, struct inquiry, job);
    struct call *call = inquiry->call;
    bool failed = inquiry->result < 0;
    call->to->jobs--;
    memory_free(inquiry);
    call_finish(call, failed ? KAFKA_ERROR_KAFKA_STORAGE_ERROR : KAFKA_ERROR_NONE);
}

/* A volume that hangs must not stop the loop; one that has failed is not asked. */
void describe_folder(struct call *call)
{
    struct shard *shard = call->to;
    struct call_folder *told = &call->folder;
    ASSERT(told->index < shard->broker->folder_count);
    const struct data_folder *folder = &shard->broker->folders[told->index];
    told->path = folder->absolute;
    told->is_cordoned = folders_is_cordoned(shard, folder);
    if (folders_has_failed(folder)) {
        call_finish(call, KAFKA_ERROR_KAFKA_STORAGE_ERROR);
        return;
    }
    struct inquiry *inquiry = memory_alloc_zero(sizeof(*inquiry));
    inquiry->call = call;
    inquiry->folder = folder;
    inquiry->job = (struct os_job){.run = inquiry_run, .done = inquiry_done};
    shard->jobs++;
    os_submit(shard->os, &inquiry->job);
}

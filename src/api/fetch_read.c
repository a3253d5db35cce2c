/* Reading a fetch's partitions, and waiting for them.
 * (ReplicaManager.fetchMessages, DelayedFetch) */
#include "api/fetch.h"
#include "base/memory.h"

static void fetch_step(struct fetch *fetch);
static void on_read(struct call *call);

/* --- reads ------------------------------------------------------------------------------------ */

static void read_free(struct fetch_read *read)
{
    call_release_extent(read->shard, &read->call);
    memory_free(read);
}

static void on_sent(void *context)
{
    read_free(context);
}

/* The partition's read is its fetch's no more. */
static struct fetch_read *read_detach(struct fetch *fetch, struct fetch_partition *partition)
{
    struct api *api = fetch->request->api;
    struct fetch_read *read = partition->read;
    ASSERT(!partition->under_way);
    ASSERT(api->read_count > 0);
    api->read_count--;
    partition->read = NULL;
    return read;
}

/* --- partitions ------------------------------------------------------------------------------- */

void fetch_partition_drop(struct fetch *fetch, struct fetch_partition *partition)
{
    if (partition->read == NULL) return;
    read_free(read_detach(fetch, partition));
    partition->bytes = 0;
}

struct net_extent fetch_partition_extent(struct fetch *fetch, struct fetch_partition *partition)
{
    struct fetch_read *read = read_detach(fetch, partition);
    const struct log_extent *extent = &read->call.read.extent;
    ASSERT(extent->size == partition->bytes);
    return (struct net_extent){
        .file = extent->file,
        .position = extent->position,
        .size = extent->size,
        .release = on_sent,
        .context = read,
    };
}

static size_t partition_max_bytes(const struct fetch_partition *partition, size_t bound)
{
    if (partition->target.max_bytes <= 0) return 0;
    size_t asked = (size_t)partition->target.max_bytes;
    return asked < bound ? asked : bound;
}

static void partition_read_from(struct fetch *fetch, struct fetch_partition *partition,
                                const struct call_read *read)
{
    const struct fetch_target *target = &partition->target;
    struct api *api = fetch->request->api;
    ASSERT(partition->read == NULL);
    struct fetch_read *taken = memory_alloc(sizeof(*taken));
    *taken = (struct fetch_read){
        .shard = api->shard,
        .fetch = fetch,
        .partition = partition,
        .call = {.kind = CALL_READ,
                 .done = on_read,
                 .context = taken,
                 .topic_id = partition->topic_id,
                 .partition = target->partition,
                 .current_leader_epoch = target->current_leader_epoch,
                 .read = *read},
    };
    taken->call.read.read_committed = fetch->read_committed;
    taken->call.read.last_fetched_epoch = target->last_fetched_epoch;
    taken->call.read.high_watermark = taken->call.read.last_stable_offset =
        taken->call.read.log_start_offset = -1;
    taken->call.read.diverging_epoch = -1;
    api->read_count++;
    partition->read = taken;
    partition->under_way = true;
    fetch->under_way++;
    call_start(api->shard, &taken->call);
}

static void partition_start_read(struct fetch *fetch, struct fetch_partition *partition)
{
    if (partition->refused) return;
    partition->reserved = partition_max_bytes(partition, fetch->left);
    fetch->left -= partition->reserved;
    /* The first bytes found may break every limit, or a large batch could never be read (KIP-74).
     * While others are under way nobody knows yet who is first: the answer sees to it. */
    struct call_read read = {
        .offset = partition->target.offset,
        .max_bytes = partition->reserved,
        .whole_first = fetch->bytes == 0,
    };
    partition_read_from(fetch, partition, &read);
}

/* Where the bytes begin that this fetch has not seen. */
static int64_t partition_end(const struct fetch *fetch, const struct fetch_partition *partition)
{
    int64_t end = fetch->read_committed ? partition->last_stable_offset : partition->high_watermark;
    return end > partition->target.offset ? end : partition->target.offset;
}

static void partition_start_watch(struct fetch *fetch, struct fetch_partition *partition)
{
    if (partition->refused) return;
    fetch_partition_drop(fetch, partition);
    struct call_read read = {
        .offset = partition_end(fetch, partition),
        .max_bytes = partition_max_bytes(partition, fetch->max_bytes),
        .whole_first = true,
        .watch = true,
    };
    if (read.offset != partition->target.offset) fetch->stale = true;
    partition_read_from(fetch, partition, &read);
}

/* Takes over what a call has found out. */
static void partition_note(struct fetch *fetch, struct fetch_partition *partition)
{
    const struct call *call = &partition->read->call;
    partition->error = call->error;
    partition->bytes = 0;
    if (call->error != KAFKA_ERROR_NONE) {
        partition->high_watermark = partition->last_stable_offset = -1;
        partition->log_start_offset = -1;
        ASSERT(call->read.extent.size == 0);
        fetch->failed = true;
        return;
    }
    partition->high_watermark = call->read.high_watermark;
    partition->last_stable_offset = call->read.last_stable_offset;
    partition->log_start_offset = call->read.log_start_offset;
    partition->diverging_epoch = call->read.diverging_epoch;
    partition->diverging_end_offset = call->read.diverging_end_offset;
    if (call->read.diverging_epoch >= 0) fetch->failed = true;
    partition->bytes = call->read.extent.size;
    fetch->bytes += partition->bytes;
}

/* --- the course of a fetch -------------------------------------------------------------------- */

static bool fetch_has_enough(const struct fetch *fetch)
{
    return fetch->failed || fetch->bytes >= fetch->min_bytes;
}

static bool fetch_may_wait(const struct fetch *fetch)
{
    if (fetch->last || fetch->wait_ns <= 0 || fetch_has_enough(fetch)) return false;
    if (fetch->request->exchange->connection == NULL) return false;
    for (int32_t i = 0; i < fetch->count; i++) {
        if (!fetch->partitions[i].refused) return true;
    }
    return false;
}

static void on_read(struct call *call)
{
    struct fetch_read *read = call->context;
    struct fetch_partition *partition = read->partition;
    struct fetch *fetch = read->fetch;
    ASSERT(partition->under_way);
    ASSERT(fetch->under_way > 0);
    partition->under_way = false;
    fetch->under_way--;
    partition_note(fetch, partition);
    if (fetch->state == FETCH_READING) {
        size_t left = fetch->left + partition->reserved;
        fetch->left = left > partition->bytes ? left - partition->bytes : 0;
    }
    if (fetch->state == FETCH_WAITING) {
        /* A watch that ends with nothing was ended by a shard that stops. */
        if (fetch_has_enough(fetch) || partition->bytes == 0)
            fetch->woken = true;
        else
            partition_start_watch(fetch, partition);
    }
    fetch_step(fetch);
}

static void on_time(struct shard_timer *timer)
{
    struct fetch *fetch = CONTAINER_OF(timer, struct fetch, timer);
    ASSERT(fetch->state == FETCH_WAITING);
    fetch->woken = true;
    fetch_step(fetch);
}

static void fetch_restart(struct fetch *fetch)
{
    for (int32_t i = 0; i < fetch->count; i++)
        fetch_partition_drop(fetch, &fetch->partitions[i]);
    fetch->state = FETCH_READING;
    fetch->next = 0;
    fetch->bytes = 0;
    fetch->left = fetch->max_bytes;
}

/* Partitions that cannot take from max_bytes wait for what the others leave of it. */
static bool fetch_may_read(const struct fetch *fetch)
{
    return fetch->next < fetch->count && (fetch->under_way == 0 || fetch->left > 0);
}

static void fetch_begin_wait(struct fetch *fetch)
{
    struct api *api = fetch->request->api;
    fetch->state = FETCH_WAITING;
    fetch->next = 0;
    list_push_back(&api->waiting, &fetch->link);
    shard_timer_set(api->shard, &fetch->timer,
                    fetch->request->exchange->received_ns + fetch->wait_ns);
}

static void fetch_end_wait(struct fetch *fetch)
{
    struct shard *shard = fetch->request->api->shard;
    fetch->state = FETCH_WAKING;
    list_remove(&fetch->link);
    shard_timer_clear(shard, &fetch->timer);
    for (int32_t i = 0; i < fetch->count; i++) {
        if (fetch->partitions[i].under_way) call_cancel(shard, &fetch->partitions[i].read->call);
    }
}

/* Goes as far as it can without waiting; false: it is at its end. */
static bool fetch_run(struct fetch *fetch)
{
    for (;;) {
        switch (fetch->state) {
        case FETCH_READING:
            while (fetch_may_read(fetch))
                partition_start_read(fetch, &fetch->partitions[fetch->next++]);
            if (fetch->under_way > 0) return true;
            if (!fetch_may_wait(fetch)) return false;
            fetch_begin_wait(fetch);
            break;
        case FETCH_WAITING:
            while (!fetch->woken && fetch->next < fetch->count)
                partition_start_watch(fetch, &fetch->partitions[fetch->next++]);
            if (!fetch->woken) return true;
            fetch_end_wait(fetch);
            break;
        case FETCH_WAKING:
            if (fetch->under_way > 0) return true;
            if (!fetch->stale) return false;
            fetch->last = true;
            fetch_restart(fetch);
            break;
        }
    }
}

/* Only the first bytes of all may break a limit. Reads that were under way at the same time did not
 * know of each other. */
static void fetch_trim(struct fetch *fetch)
{
    size_t left = fetch->max_bytes;
    bool first = true;
    for (int32_t i = 0; i < fetch->count; i++) {
        struct fetch_partition *partition = &fetch->partitions[i];
        bool fits = first || partition->bytes <= partition_max_bytes(partition, left);
        if (!fits || partition->bytes == 0) fetch_partition_drop(fetch, partition);
        if (partition->bytes == 0) continue;
        first = false;
        left = left > partition->bytes ? left - partition->bytes : 0;
    }
}

/* Calls that are done at once come back into the step that started them: that one goes on. */
static void fetch_step(struct fetch *fetch)
{
    if (fetch->stepping) return;
    fetch->stepping = true;
    bool goes_on = fetch_run(fetch);
    fetch->stepping = false;
    if (goes_on) return;
    fetch_trim(fetch);
    fetch_answer(fetch);
}

void fetch_start(struct fetch *fetch)
{
    fetch->timer.fire = on_time;
    fetch_restart(fetch);
    fetch_step(fetch);
}

void fetch_give_up(struct api *api, const struct net_connection *connection)
{
    struct list_link *next;
    for (struct list_link *link = list_first(&api->waiting); link != NULL; link = next) {
        struct fetch *fetch = CONTAINER_OF(link, struct fetch, link);
        next = list_next(&api->waiting, link);
        if (fetch->request->exchange->connection != connection) continue;
        fetch->woken = true;
        fetch_step(fetch);
    }
}

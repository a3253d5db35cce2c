/*
 * The life of `__cluster_metadata-0` on one node: read, elected, appended, flushed, committed, and
 * from time to time begun anew by a snapshot.
 */
#include "broker/metadata.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "broker/format.h"
#include "broker/quorum_state.h"
#include "broker/snapshot.h"

enum {
    BATCH_MAX_BYTES = 512 << 20, /* of one plan: a registration touches every partition */
    SNAPSHOT_MAX_BYTES = 1 << 30,
    READ_BYTES = 8 << 20,
    SNAPSHOTS_KEPT = 2,
    SNAPSHOTS_LISTED_MAX = 1024,
};

static const char *const COMPONENT = "kafka.raft.KafkaRaftClient";

/* A plan that is in the log and not yet durable. */
struct pending {
    struct list_link link;
    int64_t base_offset;
    struct slice *records; /* in the same allocation, with their bytes */
    int32_t count;
};

struct snapshot_id {
    int64_t end_offset;
    int32_t epoch;
};

struct metadata {
    struct metadata_options options;
    char directory[OS_PATH_MAX];
    struct log *log;
    struct image *image;
    struct list pending, waiters;
    int32_t leader_epoch;
    bool is_dynamic;       /* voters are in the log */
    struct slice voters;   /* the newest voters record's value, our own copy; null: none seen */
    int64_t voters_offset; /* in the log; -1: from a snapshot */
    /* flush */
    struct os_job flush_job;
    struct log_flush *flush;
    bool flushing, dirty;
    int failure;
    /* snapshot */
    struct os_job snapshot_job;
    struct writer snapshot_bytes;
    struct snapshot_id snapshot, latest; /* under way; on disk */
    int64_t snapshot_ms;                 /* when the last was made */
    int64_t bytes_since_snapshot;
    int snapshot_result;
    bool snapshotting;
};

static int refuse(const struct metadata *metadata, int error, const char *what)
{
    trace_write(metadata->options.trace, TRACE_FATAL, COMPONENT, "%s in %s: %s", what,
                metadata->directory, strerror(-error));
    return error;
}

static void fail(struct metadata *metadata, int error)
{
    if (metadata->failure != 0) return;
    metadata->failure = error;
    metadata->options.on_failed(metadata->options.context, error);
}

/* --- what is on disk: snapshots --------------------------------------------------------------- */

struct listing {
    struct snapshot_id ids[SNAPSHOTS_LISTED_MAX];
    int count;
};

/* "00000000000000000042-0000000003.checkpoint" */
static bool parse_snapshot_name(const char *name, struct snapshot_id *id)
{
    struct slice text = slice_of(name);
    if (text.size != 20 + 1 + 10 + 11 || strcmp(name + 31, ".checkpoint") != 0 || name[20] != '-')
        return false;
    int64_t epoch;
    struct slice offset_text = {text.data, 20}, epoch_text = {text.data + 21, 10};
    if (slice_parse_int64(offset_text, 0, INT64_MAX, &id->end_offset) < 0) return false;
    if (slice_parse_int64(epoch_text, 0, INT32_MAX, &epoch) < 0) return false;
    id->epoch = (int32_t)epoch;
    return true;
}

static int list_snapshot(void *context, const char *name, bool is_dir)
{
    struct listing *listing = context;
    struct snapshot_id id;
    if (is_dir || !parse_snapshot_name(name, &id)) return 0;
    if (listing->count == SNAPSHOTS_LISTED_MAX) return -E2BIG;
    int at = listing->count++;
    /* Ascending; there are a handful. */
    while (at > 0 && listing->ids[at - 1].end_offset > id.end_offset) {
        listing->ids[at] = listing->ids[at - 1];
        at--;
    }
    listing->ids[at] = id;
    return 0;
}

static void snapshot_name(const struct snapshot_id *id, char name[64])
{
    snprintf(name, 64, "%020lld-%010d.checkpoint", (long long)id->end_offset, (int)id->epoch);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reading {
    struct metadata *metadata;
    int64_t from;   /* records of the log below are in the snapshot */
    int64_t offset; /* that records of a snapshot count as; -1: their own */
};

static int read_record(void *context, struct slice record, int64_t offset)
{
    struct reading *reading = context;
    struct metadata *metadata = reading->metadata;
    if (reading->offset >= 0)
        offset = reading->offset;
    else if (offset < reading->from)
        return 0;
    int r = image_apply(metadata->image, record, offset, NULL, NULL);
    if (r < 0) {
        trace_write(metadata->options.trace, TRACE_FATAL, COMPONENT,
                    "The metadata record at offset %lld is of a kind or version that this build "
                    "does not know, or damaged",
                    (long long)offset);
        return r;
    }
    metadata->options.on_committed(metadata->options.context, record, offset);
    return 0;
}

static void keep_voters(struct metadata *metadata, struct slice value, int64_t offset)
{
    memory_free((void *)(uintptr_t)metadata->voters.data);
    uint8_t *copy = memory_alloc(value.size);
    memcpy(copy, value.data, value.size);
    metadata->voters = (struct slice){copy, value.size};
    metadata->voters_offset = offset;
    metadata->is_dynamic = true;
}

static int read_control(void *context, enum control_type type, struct slice value, int64_t offset)
{
    struct reading *reading = context;
    if (type != CONTROL_KRAFT_VOTERS) return 0;
    keep_voters(reading->metadata, value, reading->offset >= 0 ? -1 : offset);
    return 0;
}

static int load_snapshot(struct metadata *metadata)
{
    struct listing listing = {.count = 0};
    int r = os_dir_list(metadata->options.os, metadata->directory, list_snapshot, &listing);
    if (r == -ENOENT) return 0;
    if (r < 0 || listing.count == 0) return r;
    metadata->latest = listing.ids[listing.count - 1];
    char name[64];
    snapshot_name(&metadata->latest, name);
    uint8_t *bytes;
    size_t size;
    r = folder_read_file(metadata->options.os, metadata->directory, SNAPSHOT_MAX_BYTES, name,
                         &bytes, &size);
    if (r < 0) return refuse(metadata, r, name);
    struct reading reading = {
        .metadata = metadata,
        .offset = metadata->latest.end_offset > 0 ? metadata->latest.end_offset - 1 : 0};
    struct snapshot_reader reader = {read_record, read_control, &reading};
    r = snapshot_read((struct slice){bytes, size}, &reader);
    memory_free(bytes);
    return r < 0 ? refuse(metadata, r, name) : 0;
}

/* Batches from `offset` on, whole ones, into `bytes`. */
static int read_stretch(struct metadata *metadata, int64_t offset, struct writer *bytes,
                        int64_t *next)
{
    struct log_extent extent;
    struct log_cold cold;
    int r = log_read(metadata->log, offset, INT64_MAX, READ_BYTES, true, true, &extent, &cold);
    if (r < 0) return r;
    if (extent.size == 0) return -EBADMSG;
    writer_reset(bytes);
    uint8_t *room = writer_extend(bytes, extent.size);
    ASSERT(room != NULL);
    int64_t got = os_file_read(extent.file, room, extent.size, extent.position);
    log_extent_release(&extent);
    if (got < (int64_t)extent.size) return got < 0 ? (int)got : -EBADMSG;
    struct slice rest = writer_slice(bytes);
    struct batch batch;
    while (batch_take(&rest, &batch) == 0)
        *next = batch_last_offset(&batch) + 1;
    bytes->size -= rest.size; /* what the limit cut short comes next time */
    return *next > offset ? 0 : -EBADMSG;
}

static int replay_log(struct metadata *metadata)
{
    int64_t offset = log_start_offset(metadata->log);
    if (metadata->latest.end_offset > offset) offset = metadata->latest.end_offset;
    struct reading reading = {.metadata = metadata, .from = offset, .offset = -1};
    struct snapshot_reader reader = {read_record, read_control, &reading};
    struct writer bytes;
    writer_init(&bytes, BATCH_MAX_BYTES);
    int r = 0;
    while (r == 0 && offset < log_end_offset(metadata->log)) {
        r = read_stretch(metadata, offset, &bytes, &offset);
        if (r == 0) r = snapshot_read(writer_slice(&bytes), &reader);
    }
    metadata->bytes_since_snapshot = log_size_bytes(metadata->log);
    writer_deinit(&bytes);
    return r < 0 ? refuse(metadata, r, "The metadata log cannot be read") : 0;
}

/* --- appending -------------------------------------------------------------------------------- */

/* The batch in `bytes` goes into the log's file at once. */
static int append_batch(struct metadata *metadata, struct writer *bytes)
{
    struct slice rest = writer_slice(bytes);
    struct batch batch;
    int r = batch_take(&rest, &batch);
    ASSERT(r == 0); /* we built it */
    int64_t base_offset;
    r = log_append(metadata->log, &batch, bytes->data, metadata->leader_epoch,
                   os_wall_ms(metadata->options.os), &base_offset);
    if (r == 0) r = log_write(metadata->log);
    if (r == 0) {
        metadata->dirty = true;
        metadata->bytes_since_snapshot += (int64_t)bytes->size;
    }
    return r;
}

static int append_records(struct metadata *metadata, const struct controller_plan *plan)
{
    struct writer bytes;
    struct batch_builder builder;
    int64_t now_ms = os_wall_ms(metadata->options.os);
    writer_init(&bytes, BATCH_MAX_BYTES);
    batch_begin(&builder, &bytes, 0, COMPRESS_NONE, COMPRESS_LEVEL_DEFAULT);
    for (int32_t i = 0; i < plan->record_count; i++)
        batch_add(&builder, now_ms, SLICE_NULL, plan->records[i], NULL, 0);
    int r = batch_end(&builder);
    if (r == 0) r = append_batch(metadata, &bytes);
    writer_deinit(&bytes);
    return r;
}

/* Version 1 brings the quorum's voters into its log; there is no other yet. A crash behind it finds
 * them there, one before it none. (KIP-853, KRaftVersionUpgrade) */
static int append_voters(struct metadata *metadata)
{
    const struct metadata_options *options = &metadata->options;
    struct snapshot_voter voter = format_own_voter(options->settings, options->identity);
    struct writer bytes, version, voters;
    struct batch_builder builder;
    int64_t now_ms = os_wall_ms(options->os), offset = log_end_offset(metadata->log);
    writer_init(&bytes, READ_BYTES);
    writer_init(&version, READ_BYTES);
    writer_init(&voters, READ_BYTES);
    control_put_kraft_version(&version, 1);
    control_put_voter(&voters, &voter);
    batch_begin(&builder, &bytes, 0, COMPRESS_NONE, COMPRESS_LEVEL_DEFAULT);
    control_add(&builder, now_ms, CONTROL_KRAFT_VERSION, writer_slice(&version));
    control_add(&builder, now_ms, CONTROL_KRAFT_VOTERS, writer_slice(&voters));
    int r = batch_end(&builder);
    if (r == 0) r = append_batch(metadata, &bytes);
    if (r == 0) keep_voters(metadata, writer_slice(&voters), offset + 1);
    writer_deinit(&voters);
    writer_deinit(&version);
    writer_deinit(&bytes);
    return r;
}

static struct pending *copy_plan(const struct controller_plan *plan, int64_t base_offset)
{
    size_t size = 0;
    for (int32_t i = 0; i < plan->record_count; i++)
        size += plan->records[i].size;
    size_t table = (size_t)plan->record_count * sizeof(struct slice);
    struct pending *pending = memory_alloc(sizeof(*pending) + table + size);
    *pending = (struct pending){.base_offset = base_offset, .count = plan->record_count};
    pending->records = (struct slice *)(pending + 1);
    uint8_t *bytes = (uint8_t *)pending->records + table;
    for (int32_t i = 0; i < plan->record_count; i++) {
        memcpy(bytes, plan->records[i].data, plan->records[i].size);
        pending->records[i] = (struct slice){bytes, plan->records[i].size};
        bytes += plan->records[i].size;
    }
    return pending;
}

static void apply_now(struct metadata *metadata, const struct pending *pending)
{
    for (int32_t i = 0; i < pending->count; i++) {
        int r =
            image_apply(metadata->image, pending->records[i], pending->base_offset + i, NULL, NULL);
        ASSERT(r == 0); /* our own plan */
    }
}

/* -ENOSPC of a log that has not failed: nothing was appended. */
static int append_plan(struct metadata *metadata, const struct controller_plan *plan)
{
    int r = 0;
    if (plan->kraft_version > 0) {
        ASSERT(plan->kraft_version == 1);
        ASSERT(!metadata->is_dynamic);
        r = append_voters(metadata);
    }
    if (r < 0 || plan->record_count == 0) return r;
    int64_t base_offset = log_end_offset(metadata->log);
    r = append_records(metadata, plan);
    if (r < 0) return r;
    struct pending *pending = copy_plan(plan, base_offset);
    list_push_back(&metadata->pending, &pending->link);
    apply_now(metadata, pending);
    return 0;
}

static bool all_committed(const struct metadata *metadata)
{
    return log_flushed_offset(metadata->log) == log_end_offset(metadata->log);
}

int metadata_append(struct metadata *metadata, const struct controller_plan *plan,
                    struct metadata_waiter *waiter)
{
    if (metadata->failure != 0) return metadata->failure;
    int r = append_plan(metadata, plan);
    if (r == -ENOSPC && !log_has_failed(metadata->log)) return r;
    if (r < 0) {
        fail(metadata, r);
        return r;
    }
    waiter->offset = log_end_offset(metadata->log);
    if (all_committed(metadata))
        waiter->committed(waiter, 0);
    else
        list_push_back(&metadata->waiters, &waiter->link);
    return 0;
}

/* --- committing ------------------------------------------------------------------------------- */

static void tell_committed(struct metadata *metadata)
{
    int64_t committed = log_flushed_offset(metadata->log);
    struct list_link *link;
    while ((link = list_first(&metadata->pending)) != NULL) {
        struct pending *pending = CONTAINER_OF(link, struct pending, link);
        if (pending->base_offset + pending->count > committed) break;
        list_remove(link);
        for (int32_t i = 0; i < pending->count; i++)
            metadata->options.on_committed(metadata->options.context, pending->records[i],
                                           pending->base_offset + i);
        memory_free(pending);
    }
    while ((link = list_first(&metadata->waiters)) != NULL) {
        struct metadata_waiter *waiter = CONTAINER_OF(link, struct metadata_waiter, link);
        if (waiter->offset > committed) break;
        list_remove(link);
        waiter->committed(waiter, 0);
    }
}

static void give_up_waiters(struct metadata *metadata, int error)
{
    struct list_link *link;
    while ((link = list_pop_front(&metadata->waiters)) != NULL) {
        struct metadata_waiter *waiter = CONTAINER_OF(link, struct metadata_waiter, link);
        waiter->committed(waiter, error);
    }
}

static void flush_run(struct os_job *job)
{
    log_flush_run(CONTAINER_OF(job, struct metadata, flush_job)->flush);
}

static void flush_done(struct os_job *job)
{
    struct metadata *metadata = CONTAINER_OF(job, struct metadata, flush_job);
    int r = log_flush_end(metadata->log, metadata->flush);
    metadata->flushing = false;
    metadata->flush = NULL;
    if (r < 0) {
        fail(metadata, r);
        give_up_waiters(metadata, r);
        return;
    }
    tell_committed(metadata);
}

void metadata_flush(struct metadata *metadata)
{
    if (!metadata->dirty || metadata->flushing || metadata->failure != 0) return;
    metadata->dirty = false;
    metadata->flush = log_flush_begin(metadata->log, false);
    if (metadata->flush == NULL) return;
    metadata->flushing = true;
    metadata->flush_job = (struct os_job){.run = flush_run, .done = flush_done};
    os_submit(metadata->options.os, &metadata->flush_job);
}

static int flush_and_wait(struct metadata *metadata)
{
    metadata->dirty = false;
    struct log_flush *flush = log_flush_begin(metadata->log, false);
    if (flush == NULL) return 0;
    log_flush_run(flush);
    int r = log_flush_end(metadata->log, flush);
    if (r == 0) tell_committed(metadata);
    return r;
}

/* --- being elected ---------------------------------------------------------------------------- */

/* The first batch of an epoch: who leads it; and what the log does not know yet of its quorum.
 * (LeaderState.appendStartOfEpochControlRecords) */
static int append_leader_change(struct metadata *metadata)
{
    int64_t now_ms = os_wall_ms(metadata->options.os);
    struct writer bytes, value;
    struct batch_builder builder;
    writer_init(&bytes, READ_BYTES);
    writer_init(&value, READ_BYTES);
    batch_begin(&builder, &bytes, 0, COMPRESS_NONE, COMPRESS_LEVEL_DEFAULT);
    control_put_leader_change(&value, metadata->options.identity->node_id);
    control_add(&builder, now_ms, CONTROL_LEADER_CHANGE, writer_slice(&value));
    if (metadata->is_dynamic && metadata->voters_offset < 0 && metadata->latest.end_offset == 0) {
        writer_reset(&value);
        control_put_kraft_version(&value, 1);
        control_add(&builder, now_ms, CONTROL_KRAFT_VERSION, writer_slice(&value));
        control_add(&builder, now_ms, CONTROL_KRAFT_VOTERS, metadata->voters);
    }
    int r = batch_end(&builder);
    if (r == 0) r = append_batch(metadata, &bytes);
    writer_deinit(&value);
    writer_deinit(&bytes);
    return r;
}

static int elect(struct metadata *metadata)
{
    int32_t epoch;
    int r = quorum_state_read(metadata->options.os, metadata->directory, &epoch);
    if (r < 0) return refuse(metadata, r, "quorum-state cannot be read");
    int32_t in_log = log_latest_epoch(metadata->log);
    if (in_log > epoch) epoch = in_log;
    if (metadata->latest.epoch > epoch) epoch = metadata->latest.epoch;
    metadata->leader_epoch = epoch + 1;
    /* Durable before the first record of the epoch: no restart may lead it a second time. */
    r = quorum_state_write(metadata->options.os, metadata->directory,
                           metadata->options.identity->node_id, metadata->leader_epoch,
                           metadata->is_dynamic);
    if (r == 0) r = append_leader_change(metadata);
    return r < 0 ? refuse(metadata, r, "Cannot begin an epoch") : 0;
}

/* --- the first records ------------------------------------------------------------------------ */

struct bootstrap {
    struct arena arena;
    struct slice records[64];
    int32_t count;
};

static int take_bootstrap(void *context, struct slice record, int64_t offset)
{
    struct bootstrap *bootstrap = context;
    (void)offset;
    if (bootstrap->count == (int32_t)ARRAY_COUNT(bootstrap->records)) return -E2BIG;
    bootstrap->records[bootstrap->count++] = arena_copy(&bootstrap->arena, record);
    return 0;
}

static int read_bootstrap(struct metadata *metadata, struct bootstrap *bootstrap)
{
    enum { FILE_MAX = 1 << 20 };
    uint8_t *bytes;
    size_t size;
    int r = folder_read_file(metadata->options.os, folder_path(metadata->options.folder), FILE_MAX,
                             "bootstrap.checkpoint", &bytes, &size);
    if (r < 0) return r;
    struct snapshot_reader reader = {take_bootstrap, NULL, bootstrap};
    r = snapshot_read((struct slice){bytes, size}, &reader);
    memory_free(bytes);
    return r;
}

static void ignore_commit(struct metadata_waiter *waiter, int error)
{
    (void)error;
    waiter->offset = 0;
}

static int append_now(struct metadata *metadata, const struct controller_plan *plan)
{
    struct metadata_waiter waiter = {.committed = ignore_commit};
    int r = metadata_append(metadata, plan, &waiter);
    return r < 0 ? r : flush_and_wait(metadata);
}

static int lay_foundation(struct metadata *metadata)
{
    struct bootstrap bootstrap = {.count = 0};
    arena_init(&bootstrap.arena, CONTROLLER_ARENA_BYTES);
    struct controller_plan laid = {0}, plan = {0};
    struct slice error = SLICE_NULL;
    int r = read_bootstrap(metadata, &bootstrap);
    if (r == -ENOENT)
        r = controller_plan_bootstrap(&bootstrap.arena, NULL, 0, &laid, &error);
    else
        laid =
            (struct controller_plan){.records = bootstrap.records, .record_count = bootstrap.count};
    struct controller_input input = {
        .image = metadata->image,
        .settings = metadata->options.settings,
        .arena = &bootstrap.arena,
        .next_offset = log_end_offset(metadata->log),
        .node_id = metadata->options.identity->node_id,
    };
    if (r == 0) r = controller_plan_activation(&input, &laid, &plan);
    if (r == 0) r = append_now(metadata, &plan);
    arena_deinit(&bootstrap.arena);
    return r < 0 ? refuse(metadata, r, "Cannot lay down the bootstrap records") : 0;
}

/* A transaction that the former leader did not end changes nothing. (KIP-868) */
static int abort_open_transaction(struct metadata *metadata)
{
    struct writer writer;
    writer_init(&writer, READ_BYTES);
    struct abort_transaction_record record = {.reason = SLICE("failover")};
    int r = image_encode(IMAGE_RECORD_ABORT_TRANSACTION, 0, &record, &writer);
    ASSERT(r == 0);
    struct slice bytes = writer_slice(&writer);
    struct controller_plan plan = {.records = &bytes, .record_count = 1};
    r = append_now(metadata, &plan);
    writer_deinit(&writer);
    return r;
}

/* --- open and close --------------------------------------------------------------------------- */

static struct log_options log_options_of(const struct metadata *metadata)
{
    const struct settings *settings = metadata->options.settings;
    return (struct log_options){
        .directory = metadata->directory,
        .topic_id = {.bytes = {[15] = 1}}, /* Uuid.METADATA_TOPIC_ID */
        .config =
            {
                .segment_bytes = settings_number(settings, SETTING_METADATA_LOG_SEGMENT_BYTES),
                .segment_ms = settings_number(settings, SETTING_METADATA_LOG_SEGMENT_MS),
                .segment_index_bytes = 10 << 20,
                .index_interval_bytes = 4096,
                .producer_id_expiration_ms = 86400000,
            },
        .clean = metadata->options.clean,
        .log_start_offset = metadata->latest.end_offset,
    };
}

static int open_log(struct metadata *metadata)
{
    struct log_options options = log_options_of(metadata);
    struct log_recovery recovery;
    struct os *os = metadata->options.os;
    int r = log_open(os, metadata->options.files, &options, &recovery, &metadata->log);
    if (r == -ENOENT) {
        r = log_create(os, metadata->options.files, &options, &metadata->log);
        if (r == 0) r = os_dir_sync(os, folder_path(metadata->options.folder));
    }
    if (r < 0) return refuse(metadata, r, "The metadata log cannot be opened");
    if (log_end_offset(metadata->log) >= metadata->latest.end_offset) return 0;
    /* The snapshot is newer than what the log kept. */
    r = log_truncate_all(metadata->log, metadata->latest.end_offset);
    return r < 0 ? refuse(metadata, r, "The metadata log cannot follow its snapshot") : 0;
}

static int begin(struct metadata *metadata)
{
    int r = load_snapshot(metadata);
    if (r == 0) r = open_log(metadata);
    if (r == 0) r = replay_log(metadata);
    if (r == 0) r = elect(metadata);
    if (r == 0 && image_in_transaction(metadata->image)) r = abort_open_transaction(metadata);
    if (r == 0 && image_metadata_version(metadata->image) <= 0) r = lay_foundation(metadata);
    return r == 0 ? flush_and_wait(metadata) : r;
}

int metadata_open(const struct metadata_options *options, struct metadata **opened)
{
    struct metadata *metadata = memory_alloc_zero(sizeof(*metadata));
    metadata->options = *options;
    metadata->image = image_create(0);
    metadata->snapshot_ms = os_wall_ms(options->os);
    list_init(&metadata->pending);
    list_init(&metadata->waiters);
    writer_init(&metadata->snapshot_bytes, SNAPSHOT_MAX_BYTES);
    int size = snprintf(metadata->directory, sizeof(metadata->directory), "%s/__cluster_metadata-0",
                        folder_path(options->folder));
    int r = size < OS_PATH_MAX ? begin(metadata) : -ENAMETOOLONG;
    if (r < 0) {
        metadata->failure = r;
        return metadata_close(metadata);
    }
    *opened = metadata;
    return 0;
}

int metadata_close(struct metadata *metadata)
{
    if (metadata == NULL) return 0;
    while (metadata->flushing || metadata->snapshotting)
        os_turn(metadata->options.os, INT64_MAX);
    int r = metadata->failure;
    if (r == 0) r = log_finish(metadata->log);
    if (r == 0)
        tell_committed(metadata);
    else
        give_up_waiters(metadata, r);
    struct list_link *link;
    while ((link = list_pop_front(&metadata->pending)) != NULL)
        memory_free(CONTAINER_OF(link, struct pending, link));
    log_destroy(metadata->log);
    image_destroy(metadata->image);
    writer_deinit(&metadata->snapshot_bytes);
    memory_free((void *)(uintptr_t)metadata->voters.data);
    memory_free(metadata);
    return r;
}

const struct image *metadata_image(const struct metadata *metadata)
{
    return metadata->image;
}

int64_t metadata_end_offset(const struct metadata *metadata)
{
    return log_end_offset(metadata->log);
}

int32_t metadata_leader_epoch(const struct metadata *metadata)
{
    return metadata->leader_epoch;
}

bool metadata_is_dynamic(const struct metadata *metadata)
{
    return metadata->is_dynamic;
}

/* --- snapshots -------------------------------------------------------------------------------- */

static int add_to_snapshot(void *context, struct slice record)
{
    snapshot_add(context, record);
    return 0;
}

static int remove_snapshot(const struct metadata *metadata, const struct snapshot_id *id)
{
    char name[64], path[OS_PATH_MAX];
    snapshot_name(id, name);
    int size = snprintf(path, sizeof(path), "%s/%s", metadata->directory, name);
    return size < OS_PATH_MAX ? os_remove(metadata->options.os, path) : -ENAMETOOLONG;
}

static void snapshot_run(struct os_job *job)
{
    struct metadata *metadata = CONTAINER_OF(job, struct metadata, snapshot_job);
    char name[64];
    snapshot_name(&metadata->snapshot, name);
    metadata->snapshot_result = folder_replace_file(metadata->options.os, metadata->directory, name,
                                                    writer_slice(&metadata->snapshot_bytes));
}

/* The log may begin where the older of two snapshots ends: whoever reads the newer one needs
 * nothing from before, and a damaged newer one has the older beside it. */
static int trim(struct metadata *metadata)
{
    struct listing listing = {.count = 0};
    int r = os_dir_list(metadata->options.os, metadata->directory, list_snapshot, &listing);
    int64_t most =
        settings_number(metadata->options.settings, SETTING_METADATA_MAX_RETENTION_BYTES);
    if (r < 0 || listing.count <= SNAPSHOTS_KEPT) return r;
    if (most >= 0 && log_size_bytes(metadata->log) < most) return 0;
    int first_kept = listing.count - SNAPSHOTS_KEPT;
    r = log_raise_start(metadata->log, listing.ids[first_kept].end_offset);
    struct log_removal *removal = r == 0 ? log_removal_begin(metadata->log) : NULL;
    if (removal != NULL) {
        log_removal_run(removal);
        r = log_removal_end(removal);
    }
    for (int i = 0; i < first_kept && r == 0; i++)
        r = remove_snapshot(metadata, &listing.ids[i]);
    return r;
}

static void snapshot_done(struct os_job *job)
{
    struct metadata *metadata = CONTAINER_OF(job, struct metadata, snapshot_job);
    int r = metadata->snapshot_result;
    metadata->snapshotting = false;
    writer_deinit(&metadata->snapshot_bytes);
    writer_init(&metadata->snapshot_bytes, SNAPSHOT_MAX_BYTES);
    if (r == 0) {
        metadata->latest = metadata->snapshot;
        r = trim(metadata);
    }
    if (r < 0)
        trace_write(metadata->options.trace, TRACE_WARN, COMPONENT,
                    "No snapshot this time, the log stays whole: %s", strerror(-r));
}

static void start_snapshot(struct metadata *metadata, int64_t now_ms)
{
    struct snapshot_writer writer;
    metadata->snapshot =
        (struct snapshot_id){log_end_offset(metadata->log), log_latest_epoch(metadata->log)};
    metadata->snapshot_ms = now_ms;
    metadata->bytes_since_snapshot = 0;
    writer_reset(&metadata->snapshot_bytes);
    snapshot_begin(&writer, &metadata->snapshot_bytes, now_ms, metadata->leader_epoch, now_ms,
                   metadata->voters);
    int r = image_write(metadata->image, add_to_snapshot, &writer);
    int ended = snapshot_end(&writer);
    if (r == 0) r = ended;
    if (r < 0) {
        trace_write(metadata->options.trace, TRACE_WARN, COMPONENT, "No snapshot: %s",
                    strerror(-r));
        return;
    }
    metadata->snapshotting = true;
    metadata->snapshot_job = (struct os_job){.run = snapshot_run, .done = snapshot_done};
    os_submit(metadata->options.os, &metadata->snapshot_job);
}

void metadata_maintain(struct metadata *metadata, int64_t now_ms)
{
    const struct settings *settings = metadata->options.settings;
    if (metadata->snapshotting || metadata->failure != 0) return;
    int64_t bytes_max =
        settings_number(settings, SETTING_METADATA_LOG_MAX_RECORD_BYTES_BETWEEN_SNAPSHOTS);
    int64_t interval_ms = settings_number(settings, SETTING_METADATA_LOG_MAX_SNAPSHOT_INTERVAL_MS);
    bool grown = metadata->bytes_since_snapshot >= bytes_max;
    bool aged = interval_ms > 0 && metadata->bytes_since_snapshot > 0 &&
                now_ms - metadata->snapshot_ms >= interval_ms;
    if (!grown && !aged) return;
    /* The image must be exactly what is committed. */
    if (!all_committed(metadata) || image_in_transaction(metadata->image)) return;
    if (metadata->latest.end_offset == log_end_offset(metadata->log)) return;
    start_snapshot(metadata, now_ms);
}

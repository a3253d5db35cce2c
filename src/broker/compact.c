/*
 * The cleaner: of the compacted logs that are dirty enough the dirtiest is cleaned, on a worker, as
 * many at a time as log.cleaner.threads says for the whole broker. What cannot be cleaned is said
 * and left alone; the others go on. (LogCleaner, LogCleanerManager.grabFilthiestCompactedLog)
 */
#include <errno.h>
#include <string.h>

#include "broker/shard_private.h"
#include "log/clean.h"

enum { NS_A_MS = 1000000, END_RETRY_NS = 10000000, BATCH_BYTES_MAX = 256 << 20 };

static const char *const CLEANER = "kafka.log.LogCleaner";

/* --- one cleaning ----------------------------------------------------------------------------- */

static void tell(const struct partition *partition, const struct log_cleaned *cleaned)
{
    double mib = 1 << 20;
    BROKER_TRACE(partition->shard->broker, TRACE_INFO, CLEANER,
                 "Cleaned log %.*s-%d up to offset %lld: %.1f MiB read, %.1f MiB written, %lld of "
                 "%lld records kept, %d segments for %d",
                 SLICE_ARG(partition->topic), (int)partition->key.index,
                 (long long)cleaned->end_offset, (double)cleaned->bytes_read / mib,
                 (double)cleaned->bytes_written / mib, (long long)cleaned->records_kept,
                 (long long)cleaned->records_read, (int)cleaned->segments_after,
                 (int)cleaned->segments_before);
    if (cleaned->invalid_records > 0)
        BROKER_TRACE(partition->shard->broker, TRACE_WARN, CLEANER,
                     "Found %lld records without a key in %.*s-%d: they are gone",
                     (long long)cleaned->invalid_records, SLICE_ARG(partition->topic),
                     (int)partition->key.index);
}

static void settle_failure(struct partition *partition, int r)
{
    struct shard *shard = partition->shard;
    if (partition->state != PARTITION_ONLINE) return; /* it has been said why */
    if (log_has_failed(partition->log)) {
        partition_fail_folder(partition, r, "cleaning");
        return;
    }
    if (r == -ECANCELED) return;
    if (r == -ENOSPC) {
        BROKER_TRACE(shard->broker, TRACE_WARN, CLEANER,
                     "No space to clean %.*s-%d; it is tried again", SLICE_ARG(partition->topic),
                     (int)partition->key.index);
        return;
    }
    partition->uncleanable = true;
    shard->maintain.uncleanable_partitions++;
    BROKER_TRACE(shard->broker, TRACE_ERROR, CLEANER,
                 "Cannot clean %.*s-%d, which is left alone from now on: %s",
                 SLICE_ARG(partition->topic), (int)partition->key.index,
                 r == -EBADMSG ? "it is damaged" : strerror(-r));
}

static void look(struct shard *shard);

static void end_cleaning(struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct log_cleaned cleaned;
    struct log_removal *removal;
    int r = log_clean_end(partition->log, partition->clean, &cleaned, &removal);
    partition->clean = NULL;
    partition->borrowed--;
    shard->cleanings--;
    shard->jobs--;
    shard->maintain.last_clean_ms = shard->now_ms;
    if (removal != NULL) retain_remove(partition, removal);
    if (partition->state == PARTITION_DOOMED) {
        follow_finish_doomed(partition);
    } else if (r < 0) {
        settle_failure(partition, r);
    } else {
        shard->maintain.cleanings++;
        shard->maintain.bytes_cleaned += cleaned.bytes_read - cleaned.bytes_written;
        partition->first_dirty = cleaned.end_offset;
        tell(partition, &cleaned);
        checkpoint_now(shard);
        if (!shard->stopping) look(shard);
    }
}

/* Others read the old files by their names, or are removing some: a moment later, then. */
static void try_end(struct shard_timer *timer)
{
    struct partition *partition = CONTAINER_OF(timer, struct partition, clean_timer);
    struct shard *shard = partition->shard;
    bool alone = partition->borrowed == 1 && partition->removal == NULL;
    if (alone || shard->stopping || partition->state == PARTITION_DOOMED) {
        end_cleaning(partition);
        return;
    }
    shard_timer_set(shard, timer, os_monotonic_ns(shard->os) + END_RETRY_NS);
}

static void clean_run(struct os_job *job)
{
    log_clean_run(CONTAINER_OF(job, struct partition, clean_job)->clean);
}

static void clean_done(struct os_job *job)
{
    struct partition *partition = CONTAINER_OF(job, struct partition, clean_job);
    partition->clean_timer.fire = try_end;
    try_end(&partition->clean_timer);
}

/* How many cleanings of this shard may run, of those that the broker may. */
static int32_t cleanings_max(const struct shard *shard)
{
    int64_t threads = settings_number(shard_settings(shard), SETTING_LOG_CLEANER_THREADS);
    int32_t share = (int32_t)threads / shard->broker->shard_count;
    return share > 0 ? share : 1;
}

static int64_t pace(const struct shard *shard)
{
    double rate = settings_real(shard_settings(shard), SETTING_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND);
    int64_t whole = rate >= 1e18 ? INT64_MAX : (int64_t)rate;
    if (whole == INT64_MAX) return whole;
    whole /= cleanings_max(shard) * shard->broker->shard_count;
    return whole > 0 ? whole : 1;
}

/* False: the log has failed, and who found that out has said so. */
static bool start_cleaning(struct partition *partition, const struct log_dirt *dirt)
{
    struct shard *shard = partition->shard;
    const struct settings *settings = shard_settings(shard);
    int64_t bytes = settings_number(settings, SETTING_LOG_CLEANER_DEDUPE_BUFFER_SIZE);
    struct log_clean_options options = {
        .first_dirty = dirt->first_dirty,
        .limit = dirt->limit,
        .delete_retention_ms = partition->config.delete_retention_ms,
        .now_ms = shard->now_ms,
        .map_bytes = (size_t)(bytes / (cleanings_max(shard) * shard->broker->shard_count)),
        .map_load = settings_real(settings, SETTING_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR),
        .batch_bytes_max = BATCH_BYTES_MAX,
        .bytes_per_second = pace(shard),
    };
    int r = log_clean_begin(partition->log, &options, &partition->clean);
    if (r < 0) return false;
    partition->clean_job = (struct os_job){.run = clean_run, .done = clean_done};
    partition->borrowed++;
    shard->cleanings++;
    shard->jobs++;
    os_submit(shard->os, &partition->clean_job);
    return true;
}

void compact_stop(struct partition *partition)
{
    if (partition->clean != NULL) log_clean_stop(partition->clean);
}

/* --- which one -------------------------------------------------------------------------------- */

/* A log that waits to be cleaned. */
struct candidate {
    struct partition *partition;
    struct log_dirt dirt;
    double ratio;
};

static bool may_be_cleaned(const struct partition *partition)
{
    return partition->state == PARTITION_ONLINE && partition->leads &&
           partition->config.cleanup_compact && !partition->uncleanable &&
           partition->clean == NULL && partition->move == NULL;
}

/* Has its oldest dirty record waited for too long? (KIP-354) */
static bool is_overdue(const struct partition *partition, const struct log_dirt *dirt)
{
    int64_t most_ms = partition->config.max_compaction_lag_ms;
    int64_t age_ms = partition->shard->now_ms - dirt->oldest_ms;
    return dirt->oldest_ms >= 0 && age_ms > most_ms;
}

static bool is_dirty_enough(struct partition *partition, struct candidate *found)
{
    struct log_dirt *dirt = &found->dirt;
    const struct settings_topic *config = &partition->config;
    int r = log_clean_look(partition->log, partition->first_dirty,
                           partition->replication.high_watermark, config->min_compaction_lag_ms,
                           partition->shard->now_ms, dirt);
    if (r < 0) {
        settle_failure(partition, r);
        return false;
    }
    if (dirt->dirty_bytes == 0) return false;
    found->partition = partition;
    found->ratio = (double)dirt->dirty_bytes / (double)(dirt->clean_bytes + dirt->dirty_bytes);
    return found->ratio > config->min_cleanable_dirty_ratio || is_overdue(partition, dirt);
}

static bool find_dirtiest(struct shard *shard, struct candidate *dirtiest)
{
    size_t cursor = 0;
    struct partition *partition;
    struct candidate found;
    *dirtiest = (struct candidate){.ratio = -1};
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL) {
        if (!may_be_cleaned(partition) || !is_dirty_enough(partition, &found)) continue;
        if (found.ratio > dirtiest->ratio) *dirtiest = found;
    }
    shard->maintain.dirtiest = dirtiest->partition == NULL ? 0 : dirtiest->ratio;
    return dirtiest->partition != NULL;
}

static void look(struct shard *shard)
{
    struct candidate dirtiest;
    if (!settings_flag(shard_settings(shard), SETTING_LOG_CLEANER_ENABLE)) return;
    bool more = true;
    while (more && shard->cleanings < cleanings_max(shard) && shard->failure == 0)
        more =
            find_dirtiest(shard, &dirtiest) && start_cleaning(dirtiest.partition, &dirtiest.dirt);
}

static void tick(struct shard_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, compact_timer);
    if (!shard->stopping) look(shard);
    compact_start(shard);
}

void compact_start(struct shard *shard)
{
    int64_t pause_ms = settings_number(shard_settings(shard), SETTING_LOG_CLEANER_BACKOFF_MS);
    shard->compact_timer.fire = tick;
    shard_timer_set(shard, &shard->compact_timer,
                    os_monotonic_ns(shard->os) + (pause_ms > 0 ? pause_ms : 1) * NS_A_MS);
}

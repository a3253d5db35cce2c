/*
 * The scrubber: reads everything that is on disk once in gregor.scrub.interval.ms, a piece at a
 * time at the pace which that needs, and says what is not as it was written. What it found is
 * refused when it is fetched; the rest of the log serves. (reliability: bit rot, misdirected and
 * lost writes)
 */
#include "log/scrub.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "broker/shard_private.h"

enum {
    PIECE_BYTES = 1 << 20,
    PACE_MIN = 64 << 10, /* bytes a second: a small log is through quickly */
    PACE_MAX = 64 << 20, /* a large one takes longer than was asked for */
    DAMAGES_MAX = 64,    /* remembered of one log */
    REST_MS = 1000,      /* between two looks for something to read */
    MEASURES = 100,      /* looks at how much there is, in a round */
    MEASURE_MIN_MS = 1000,
    MEASURE_MAX_MS = 60000,
    PARTITIONS_A_TURN = 500,
    NS_A_MS = 1000000,
};

/* --- damage ----------------------------------------------------------------------------------- */

int64_t scrub_limit(const struct partition *partition, int64_t offset, int64_t limit)
{
    for (int32_t i = 0; i < partition->damage_count; i++) {
        const struct damage *damage = &partition->damages[i];
        if (offset >= damage->from && offset < damage->end) return offset;
        if (offset < damage->from && damage->from < limit) limit = damage->from;
    }
    return limit;
}

/* What begins there has been read again and is sound, or has left the log. */
static void forget(struct partition *partition, int64_t from, int64_t end)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < partition->damage_count; i++) {
        struct damage damage = partition->damages[i];
        bool sound = damage.from >= from && damage.from < end;
        bool gone = damage.end <= log_start_offset(partition->log);
        if (!sound && !gone) partition->damages[kept++] = damage;
    }
    partition->damage_count = kept;
}

/* What was found before is not said again. */
static bool is_known(const struct partition *partition, int64_t offset)
{
    for (int32_t i = 0; i < partition->damage_count; i++)
        if (offset >= partition->damages[i].from && offset < partition->damages[i].end) return true;
    return false;
}

static void note(struct partition *partition, const struct log_scrubbed *scrubbed)
{
    struct maintain_counters *counters = &partition->shard->maintain;
    if (is_known(partition, scrubbed->damage_offset)) return;
    counters->damages++;
    BROKER_TRACE(partition->shard->broker, TRACE_ERROR, "kafka.log.LogManager",
                 "Damage in %.*s-%d at offset %lld: %s (segment %020lld.log, position %lld); it is "
                 "refused when it is fetched",
                 SLICE_ARG(partition->topic), (int)partition->key.index,
                 (long long)scrubbed->damage_offset, scrubbed->damage,
                 (long long)scrubbed->damage_segment, (long long)scrubbed->damage_position);
    if (partition->damage_count == DAMAGES_MAX) return; /* each was said, the first are refused */
    partition->damages = memory_grow(partition->damages, (size_t)(partition->damage_count + 1) *
                                                             sizeof(partition->damages[0]));
    int64_t end = scrubbed->damage_end;
    if (end <= scrubbed->damage_offset) end = scrubbed->damage_offset + 1;
    partition->damages[partition->damage_count++] = (struct damage){scrubbed->damage_offset, end};
}

/* --- one piece -------------------------------------------------------------------------------- */

static void wait_for_next(struct shard *shard, int64_t bytes);

static void piece_run(struct os_job *job)
{
    log_scrub_run(CONTAINER_OF(job, struct shard, scrub_job)->scrub);
}

static void piece_done(struct os_job *job)
{
    struct shard *shard = CONTAINER_OF(job, struct shard, scrub_job);
    struct partition *partition = shard->scrubbed;
    struct log_scrubbed scrubbed;
    int r = log_scrub_end(partition->log, shard->scrub, &scrubbed);
    shard->scrub = NULL;
    shard->scrubbed = NULL;
    shard->jobs--;
    partition->borrowed--;
    if (partition->state == PARTITION_DOOMED) {
        follow_finish_doomed(partition);
        wait_for_next(shard, 0);
        return;
    }
    bool damaged = (r == 0 || r == -EIO) && scrubbed.damage_offset >= 0;
    if (r == 0 || damaged)
        forget(partition, partition->scrub_offset,
               damaged ? scrubbed.damage_offset : scrubbed.next_offset);
    if (damaged) note(partition, &scrubbed);
    shard->maintain.bytes_scrubbed += scrubbed.bytes;
    /* A log that cannot be read now is read the next time round. */
    bool stuck = r < 0 && scrubbed.next_offset <= partition->scrub_offset;
    bool again = damaged && scrubbed.damage_offset < partition->scrub_offset;
    int64_t next = damaged && !again ? scrubbed.damage_end : scrubbed.next_offset;
    partition->scrub_offset = stuck ? INT64_MAX : next;
    wait_for_next(shard, scrubbed.bytes);
}

static bool start_piece(struct shard *shard, struct partition *partition)
{
    if (partition->state != PARTITION_ONLINE || partition->clean != NULL) return false;
    int64_t from = log_start_offset(partition->log);
    if (partition->scrub_offset < from) partition->scrub_offset = from;
    shard->scrub = log_scrub_begin(partition->log, partition->scrub_offset, PIECE_BYTES);
    if (shard->scrub == NULL) return false;
    shard->scrubbed = partition;
    shard->scrub_job = (struct os_job){.run = piece_run, .done = piece_done};
    shard->jobs++;
    partition->borrowed++;
    os_submit(shard->os, &shard->scrub_job);
    return true;
}

/* --- the round -------------------------------------------------------------------------------- */

/* Bytes a second that bring a round to its end in time. */
static int64_t pace(struct shard *shard)
{
    int64_t interval_ms = settings_number(shard_settings(shard), SETTING_GREGOR_SCRUB_INTERVAL_MS);
    int64_t seconds = interval_ms / 1000 > 0 ? interval_ms / 1000 : 1;
    int64_t rate = shard->scrub_round_bytes / seconds;
    if (rate < PACE_MIN) rate = PACE_MIN;
    return rate > PACE_MAX ? PACE_MAX : rate;
}

/* Logs grow while a round lasts. */
static void measure(struct shard *shard)
{
    int64_t interval_ms = settings_number(shard_settings(shard), SETTING_GREGOR_SCRUB_INTERVAL_MS);
    int64_t pause_ms = interval_ms / MEASURES;
    if (pause_ms < MEASURE_MIN_MS) pause_ms = MEASURE_MIN_MS;
    if (pause_ms > MEASURE_MAX_MS) pause_ms = MEASURE_MAX_MS;
    size_t cursor = 0;
    const struct partition *partition;
    shard->scrub_measure_ns = os_monotonic_ns(shard->os) + pause_ms * NS_A_MS;
    shard->scrub_round_bytes = 0;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL)
        if (partition->state == PARTITION_ONLINE)
            shard->scrub_round_bytes += log_size_bytes(partition->log);
}

static void begin_round(struct shard *shard, int64_t start_ns)
{
    size_t cursor = 0;
    struct partition *partition;
    shard->scrub_cursor = 0;
    shard->scrub_round_ns = start_ns;
    while ((partition = map_next(&shard->partitions, &cursor)) != NULL)
        partition->scrub_offset = 0;
    shard_timer_set(shard, &shard->scrub_timer, start_ns);
}

/* Each round begins so long after the one before. */
static int64_t next_round_ns(const struct shard *shard)
{
    int64_t interval_ms = settings_number(shard_settings(shard), SETTING_GREGOR_SCRUB_INTERVAL_MS);
    int64_t soonest_ns = os_monotonic_ns(shard->os) + (int64_t)REST_MS * NS_A_MS;
    int64_t due_ns;
    bool is_far = __builtin_mul_overflow(interval_ms, NS_A_MS, &due_ns) ||
                  __builtin_add_overflow(due_ns, shard->scrub_round_ns, &due_ns);
    if (is_far) return INT64_MAX;
    return due_ns > soonest_ns ? due_ns : soonest_ns;
}

/* The partition that is being read, or the next that has something. What comes while a round lasts
 * and is missed is read in the next one. */
static void tick(struct shard_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, scrub_timer);
    if (shard->stopping) return;
    int64_t now_ns = os_monotonic_ns(shard->os);
    if (now_ns >= shard->scrub_measure_ns) measure(shard);
    for (int i = 0; i < PARTITIONS_A_TURN; i++) {
        size_t before = shard->scrub_cursor;
        struct partition *partition = map_next(&shard->partitions, &shard->scrub_cursor);
        if (partition == NULL) {
            begin_round(shard, next_round_ns(shard));
            return;
        }
        if (!start_piece(shard, partition)) continue;
        shard->scrub_cursor = before; /* it may have more */
        return;
    }
    shard_timer_set(shard, timer, now_ns);
}

static void wait_for_next(struct shard *shard, int64_t bytes)
{
    double pause_ns = (double)bytes * 1000 * (double)NS_A_MS / (double)pace(shard);
    shard_timer_set(shard, &shard->scrub_timer, os_monotonic_ns(shard->os) + (int64_t)pause_ns);
}

void scrub_start(struct shard *shard)
{
    shard->scrub_timer.fire = tick;
    if (settings_number(shard_settings(shard), SETTING_GREGOR_SCRUB_INTERVAL_MS) < 0) return;
    measure(shard);
    begin_round(shard, os_monotonic_ns(shard->os));
}

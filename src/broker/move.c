/*
 * A partition's log goes to another folder of this node while clients use it (KIP-113). A copy is
 * made beside, behind what is appended. When it has nearly caught up the checkpoints name the new
 * place, too; then calls wait for a moment, the rest is copied, the directories change places, and
 * the log is opened where it is now. A copy that came to no end is begun anew at the next start.
 * (ReplicaAlterLogDirsThread, Partition.maybeReplaceCurrentWithFutureReplica)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "broker/shard_private.h"
#include "log/copy.h"

enum {
    STEP_BYTES = 8 << 20, /* one job's */
    NEAR_BYTES = 1 << 20, /* so little may be copied while calls wait */
    LOOK_AGAIN_NS = 10000000,
    MARK_AGAIN_NS = 1000000000, /* a disk that is full says so in the log each time */
};

static const char *const COMPONENT = "kafka.server.ReplicaAlterLogDirsThread";

enum phase {
    COPYING,
    MARKING, /* the checkpoints do not name the new place yet */
    MARKED,  /* they do: copying what came meanwhile */
    HOLDING, /* calls wait; others' jobs come to their ends */
    SWAPPING,
};

struct move {
    struct partition *partition;
    struct data_folder *to;
    struct data_folder *next; /* after this one, which was given up; NULL: none */
    enum phase phase;
    struct os_job job;
    struct shard_timer timer;
    struct call mark; /* that waits for checkpoints */
    struct log_copy *copy;
    struct log_move_seen seen;
    int64_t result;
    bool runs;     /* the job does */
    bool given_up; /* by a request, or as its partition has gone */
    char *directory;
    char removed[OS_PATH_MAX];
};

/* --- ends ------------------------------------------------------------------------------------- */

struct removal {
    struct os_job job;
    struct shard *shard;
    char path[OS_PATH_MAX];
};

static void removal_run(struct os_job *job)
{
    struct removal *removal = CONTAINER_OF(job, struct removal, job);
    int r = log_remove_directory(removal->shard->os, removal->path);
    (void)r; /* the next start removes what is left */
}

static void removal_done(struct os_job *job)
{
    struct removal *removal = CONTAINER_OF(job, struct removal, job);
    removal->shard->jobs--;
    memory_free(removal);
}

static void remove_directory(struct shard *shard, const char *path)
{
    struct removal *removal = memory_alloc_zero(sizeof(*removal));
    removal->shard = shard;
    removal->job = (struct os_job){.run = removal_run, .done = removal_done};
    snprintf(removal->path, sizeof(removal->path), "%s", path);
    shard->jobs++;
    os_submit(shard->os, &removal->job);
}

void move_forget(struct partition *partition)
{
    struct move *move = partition->move;
    if (move == NULL) return;
    ASSERT(!move->runs);
    shard_timer_clear(partition->shard, &move->timer);
    log_copy_end(move->copy);
    memory_free(move->directory);
    memory_free(move);
    partition->move = NULL;
}

/* The copy is of no use any more. */
static void give_up(struct move *move)
{
    struct partition *partition = move->partition;
    struct data_folder *next = move->next;
    if (move->copy != NULL) remove_directory(partition->shard, log_copy_directory(move->copy));
    move_forget(partition);
    if (next != NULL && next != partition->folder && partition->state == PARTITION_ONLINE)
        move_begin(partition, next);
}

static void fail(struct move *move, int error)
{
    struct partition *partition = move->partition;
    bool source = move->copy != NULL && log_copy_blames_source(move->copy);
    BROKER_TRACE(partition->shard->broker, TRACE_ERROR, COMPONENT,
                 "Cannot move %.*s-%d to %s: %s: %s", SLICE_ARG(partition->topic),
                 (int)partition->key.index, move->to->path,
                 source ? "reading it failed" : "writing there failed", strerror(-error));
    struct data_folder *to = move->to;
    bool is_disk = !source && error != -ENOSPC && error != -EMFILE && error != -ENFILE;
    give_up(move);
    if (is_disk) folders_fail(partition->shard, to, error);
}

/* --- copying ---------------------------------------------------------------------------------- */

static void advance(struct move *move);

static void on_time(struct shard_timer *timer)
{
    advance(CONTAINER_OF(timer, struct move, timer));
}

static void look_again(struct move *move, int64_t ns)
{
    struct shard *shard = move->partition->shard;
    shard_timer_set(shard, &move->timer, os_monotonic_ns(shard->os) + ns);
}

static void copy_run(struct os_job *job)
{
    struct move *move = CONTAINER_OF(job, struct move, job);
    struct partition *partition = move->partition;
    int r = 0;
    if (move->copy == NULL) {
        struct uuid unique;
        os_random(partition->shard->os, unique.bytes, sizeof(unique.bytes));
        r = log_copy_begin(partition->shard->os, partition->directory, move->to->path, &unique,
                           &move->copy);
    }
    move->result = r < 0 ? r : log_copy_step(move->copy, STEP_BYTES, move->seen.stable);
}

static void copy_done(struct os_job *job)
{
    struct move *move = CONTAINER_OF(job, struct move, job);
    struct partition *partition = move->partition;
    move->runs = false;
    partition->borrowed--;
    partition->shard->jobs--;
    if (partition->state == PARTITION_DOOMED) {
        give_up(move);
        follow_finish_doomed(partition);
    } else if (move->given_up || partition->state == PARTITION_OFFLINE) {
        give_up(move);
    } else if (move->result < 0) {
        fail(move, (int)move->result);
    } else {
        move->seen.bytes = log_copy_bytes(move->copy);
        move->seen.end_offset = log_copy_end_offset(move->copy);
        advance(move);
    }
}

static void start_copy(struct move *move)
{
    struct partition *partition = move->partition;
    move->seen.stable = partition->recovery_point;
    move->result = INT64_MAX;
    move->runs = true;
    move->job = (struct os_job){.run = copy_run, .done = copy_done};
    partition->borrowed++;
    partition->shard->jobs++;
    os_submit(partition->shard->os, &move->job);
}

/* --- the checkpoints name the new place ------------------------------------------------------- */

static void mark_done(struct call *call)
{
    struct move *move = CONTAINER_OF(call, struct move, mark);
    struct partition *partition = move->partition;
    move->runs = false;
    partition->borrowed--;
    if (partition->state == PARTITION_DOOMED) {
        give_up(move);
        follow_finish_doomed(partition);
    } else if (move->given_up || partition->state == PARTITION_OFFLINE) {
        give_up(move);
    } else if (call->error != KAFKA_ERROR_NONE) {
        move->phase = COPYING;
        look_again(move, MARK_AGAIN_NS);
    } else {
        move->phase = MARKED;
        move->result = INT64_MAX;
        advance(move);
    }
}

/* Without it records that were deleted would be there again after a crash. */
static void mark(struct move *move)
{
    struct partition *partition = move->partition;
    struct shard *shard = partition->shard;
    move->phase = MARKING;
    move->mark = (struct call){.done = mark_done, .from = shard, .to = shard};
    move->runs = true;
    partition->borrowed++;
    shard->calls++;
    checkpoint_await(shard, &move->mark);
}

/* --- the exchange ----------------------------------------------------------------------------- */

static void swap_run(struct os_job *job)
{
    struct move *move = CONTAINER_OF(job, struct move, job);
    struct partition *partition = move->partition;
    partition->result = log_finish(partition->log);
    if (partition->result < 0) return;
    int r = log_copy_finish(move->copy);
    if (r == 0) r = log_copy_swap(move->copy, move->directory, move->removed);
    move->result = r;
}

/* Where it lies the metadata says, too: on shard 0. */
struct arrival {
    struct call_letter letter;
    struct broker *broker;
    struct controller_placement placement;
};

static void receive_arrival(struct os_mail *mail)
{
    struct arrival *arrival = CONTAINER_OF(mail, struct arrival, letter.mail);
    int r = control_place(arrival->broker, &arrival->placement, 1);
    if (r < 0)
        BROKER_TRACE(arrival->broker, TRACE_WARN, COMPONENT,
                     "The metadata will know of a move with the next start: %s", strerror(-r));
    memory_free(arrival);
}

static void tell_arrival(const struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct arrival *arrival = memory_alloc_zero(sizeof(*arrival));
    arrival->broker = shard->broker;
    arrival->placement = (struct controller_placement){.topic_id = partition->key.topic_id,
                                                       .partition = partition->key.index,
                                                       .directory_id = partition->folder->id};
    letter_post(shard, &shard->broker->shards[0], &arrival->letter, receive_arrival);
}

static void arrive(struct move *move)
{
    struct partition *partition = move->partition;
    BROKER_TRACE(partition->shard->broker, TRACE_INFO, COMPONENT, "Moved %.*s-%d from %s to %s",
                 SLICE_ARG(partition->topic), (int)partition->key.index, partition->folder->path,
                 move->to->path);
    remove_directory(partition->shard, move->removed);
    memory_free(partition->directory);
    partition->directory = move->directory;
    move->directory = NULL;
    partition->folder = move->to;
    tell_arrival(partition);
}

static void swap_done(struct os_job *job)
{
    struct move *move = CONTAINER_OF(job, struct move, job);
    struct partition *partition = move->partition;
    move->runs = false;
    partition->busy = false;
    partition->shard->opening--;
    if (partition->result < 0) {
        partition_fail_folder(partition, partition->result, "flush");
        give_up(move);
        if (partition->state == PARTITION_DOOMED) follow_finish_doomed(partition);
        return;
    }
    partition->options.recovery_point = log_end_offset(partition->log);
    partition->recovery_point = log_end_offset(partition->log);
    partition->log = log_destroy(partition->log);
    if (move->result == 0)
        arrive(move);
    else
        fail(move, (int)move->result);
    follow_reopen(partition);
}

static void swap(struct move *move)
{
    struct partition *partition = move->partition;
    move->phase = SWAPPING;
    move->runs = true;
    move->job = (struct os_job){.run = swap_run, .done = swap_done};
    partition->busy = true;
    partition->shard->opening++;
    os_submit(partition->shard->os, &move->job);
}

/* Nothing is staged, so that nothing is lost between two states. */
static bool hold(struct move *move)
{
    struct partition *partition = move->partition;
    if (list_is_linked(&partition->staged_link) || !list_is_empty(&partition->unwritten))
        return false;
    shard_timer_clear(partition->shard, &partition->retry);
    partition->options.log_start_offset = log_start_offset(partition->log);
    partition->state = PARTITION_OPENING;
    move->phase = HOLDING;
    return true;
}

/* --- one step after the other ----------------------------------------------------------------- */

static void copy_more(struct move *move)
{
    bool near = move->copy != NULL && move->result < NEAR_BYTES;
    if (!near)
        start_copy(move);
    else if (move->phase == COPYING)
        mark(move);
    else if (hold(move))
        advance(move);
    else
        look_again(move, 0);
}

static void advance(struct move *move)
{
    struct partition *partition = move->partition;
    ASSERT(!move->runs);
    if (partition->state == PARTITION_OFFLINE) {
        give_up(move);
    } else if (move->phase == HOLDING) {
        if (partition->busy || partition->borrowed > 0)
            look_again(move, LOOK_AGAIN_NS / 10);
        else
            swap(move);
    } else if (partition->shard->stopping) {
        return; /* the next start begins it anew */
    } else if (partition->clean != NULL || partition->removal != NULL) {
        look_again(move, LOOK_AGAIN_NS);
    } else {
        copy_more(move);
    }
}

void move_begin(struct partition *partition, struct data_folder *to)
{
    ASSERT(partition->state == PARTITION_ONLINE);
    ASSERT(partition->move == NULL);
    ASSERT(partition->folder != to);
    struct move *move = memory_alloc_zero(sizeof(*move));
    *move = (struct move){.partition = partition, .to = to, .timer.fire = on_time};
    move->directory = follow_directory(partition, to);
    partition->move = move;
    BROKER_TRACE(partition->shard->broker, TRACE_INFO, COMPONENT, "Moving %.*s-%d from %s to %s",
                 SLICE_ARG(partition->topic), (int)partition->key.index, partition->folder->path,
                 to->path);
    look_again(move, 0);
}

static void stop(struct partition *partition, struct data_folder *next)
{
    struct move *move = partition->move;
    move->next = next;
    move->given_up = true;
    if (!move->runs) give_up(move);
}

/* --- what others ask -------------------------------------------------------------------------- */

void move_call(struct partition *partition, struct call *call)
{
    struct data_folder *to = &partition->shard->broker->folders[call->move.folder];
    bool is_there = partition->move == NULL && partition->folder == to;
    bool is_coming =
        partition->move != NULL && partition->move->to == to && !partition->move->given_up;
    if (!is_there && !is_coming) {
        if (partition->move == NULL)
            move_begin(partition, to);
        else
            stop(partition, to);
    }
    call_finish(call, KAFKA_ERROR_NONE);
}

void move_stop(struct partition *partition)
{
    if (partition->move != NULL) stop(partition, NULL);
}

const struct data_folder *move_target(const struct partition *partition)
{
    const struct move *move = partition->move;
    return move != NULL && move->phase >= MARKING ? move->to : NULL;
}

const struct data_folder *move_seen(const struct partition *partition, struct log_move_seen *seen)
{
    const struct move *move = partition->move;
    if (move == NULL || move->copy == NULL || move->given_up) return NULL;
    *seen = move->seen;
    return move->to;
}

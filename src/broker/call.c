/* Calls between shards: run here, or sent as a letter and back. */
#include "broker/call.h"

#include <errno.h>

#include "base/memory.h"
#include "broker/shard_private.h"

enum call_state {
    CALL_DONE = 1,       /* the result is in */
    CALL_CANCELLING = 2, /* a letter of ours about it is under way */
};

static struct shard *target(struct shard *shard, const struct call *call)
{
    if (call->kind == CALL_CONTROLLER || call->kind == CALL_PRODUCER_ID)
        return &shard->broker->shards[0];
    if (call->kind == CALL_FOLDER) return shard;
    if (call->kind == CALL_MEASURES) {
        ASSERT(call->measures.shard >= 0 && call->measures.shard < shard->broker->shard_count);
        return &shard->broker->shards[call->measures.shard];
    }
    if (call->kind == CALL_LOGS) {
        ASSERT(call->logs.shard >= 0 && call->logs.shard < shard->broker->shard_count);
        return &shard->broker->shards[call->logs.shard];
    }
    struct partition_key key = {.topic_id = call->topic_id, .index = call->partition};
    return shard_of(shard->broker, &key);
}

/* Runs where the call's subject lives. */
static void execute(struct call *call)
{
    switch (call->kind) {
    case CALL_CONTROLLER:
    case CALL_PRODUCER_ID:
        control_call(call);
        return;
    case CALL_LOGS:
        describe_logs(call);
        return;
    case CALL_FOLDER:
        describe_folder(call);
        return;
    case CALL_MEASURES:
        measure_call(call);
        return;
    case CALL_PRODUCE:
    case CALL_READ:
    case CALL_LIST_OFFSET:
    case CALL_EPOCH_END:
    case CALL_DELETE_RECORDS:
    case CALL_PRODUCERS:
    case CALL_MOVE:
        break;
    }
    struct partition_key key = {.topic_id = call->topic_id, .index = call->partition};
    struct partition *partition = follow_find(call->to, &key);
    if (partition == NULL)
        call_finish(call, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    else
        partition_call(partition, call);
}

/* --- letters ---------------------------------------------------------------------------------- */

void letter_post(struct shard *from, struct shard *to, struct call_letter *letter,
                 void (*receive)(struct os_mail *mail))
{
    letter->mail.receive = receive;
    letter->to = to;
    if (!list_is_empty(&from->outbox) || os_post(to->os, &letter->mail) < 0)
        list_push_back(&from->outbox, &letter->link);
}

void call_flush_outbox(struct shard *shard)
{
    struct list_link *link;
    while ((link = list_first(&shard->outbox)) != NULL) {
        struct call_letter *letter = CONTAINER_OF(link, struct call_letter, link);
        list_remove(link); /* before the letter is another shard's */
        if (os_post(letter->to->os, &letter->mail) == 0) continue;
        list_push_front(&shard->outbox, link);
        return;
    }
}

static struct call *call_of(struct os_mail *mail)
{
    return CONTAINER_OF(mail, struct call, letter.mail);
}

static void conclude(struct call *call)
{
    if (call->state != CALL_DONE) return;
    call->from->calls--;
    call->done(call);
}

static void receive_result(struct os_mail *mail)
{
    struct call *call = call_of(mail);
    call->state |= CALL_DONE;
    conclude(call);
}

static void receive_call(struct os_mail *mail)
{
    execute(call_of(mail));
}

void call_start(struct shard *shard, struct call *call)
{
    ASSERT(call->done != NULL);
    call->from = shard;
    call->to = target(shard, call);
    call->state = 0;
    call->error = KAFKA_ERROR_NONE;
    shard->calls++;
    if (call->to == shard) {
        execute(call);
        return;
    }
    letter_post(shard, call->to, &call->letter, receive_call);
}

void call_finish(struct call *call, enum kafka_error error)
{
    call->error = error;
    if (call->from == call->to) {
        call->state = CALL_DONE;
        conclude(call);
        return;
    }
    letter_post(call->to, call->from, &call->letter, receive_result);
}

/* --- cancelling ------------------------------------------------------------------------------- */

/* The letter has come back: only now may the call end. */
static void receive_cancelled(struct os_mail *mail)
{
    struct call *call = CONTAINER_OF(mail, struct call, cancel.mail);
    call->state &= ~(uint32_t)CALL_CANCELLING;
    conclude(call);
}

static void cancel_here(struct call *call)
{
    struct partition_key key = {.topic_id = call->topic_id, .index = call->partition};
    struct partition *partition = follow_find(call->to, &key);
    if (partition != NULL) partition_cancel(partition, call);
}

static void receive_cancel(struct os_mail *mail)
{
    struct call *call = CONTAINER_OF(mail, struct call, cancel.mail);
    cancel_here(call);
    letter_post(call->to, call->from, &call->cancel, receive_cancelled);
}

void call_cancel(struct shard *shard, struct call *call)
{
    ASSERT(call->from == shard);
    ASSERT(call->kind == CALL_READ);
    if (call->to == shard) {
        cancel_here(call);
        return;
    }
    if (call->state & CALL_CANCELLING) return;
    call->state |= CALL_CANCELLING;
    letter_post(shard, call->to, &call->cancel, receive_cancel);
}

/* --- extents ---------------------------------------------------------------------------------- */

/* An extent on its way home. */
struct release {
    struct call_letter letter;
    struct log_extent extent;
};

static void receive_release(struct os_mail *mail)
{
    struct release *release = CONTAINER_OF(mail, struct release, letter.mail);
    log_extent_release(&release->extent);
    memory_free(release);
}

void call_release_extent(struct shard *shard, struct call *call)
{
    ASSERT(call->from == shard);
    ASSERT(call->kind == CALL_READ);
    struct log_extent extent = call->read.extent;
    call->read.extent = (struct log_extent){0};
    if (extent.pin == NULL) return;
    if (call->to == shard) {
        log_extent_release(&extent);
        return;
    }
    struct release *release = memory_alloc_zero(sizeof(*release));
    release->extent = extent;
    letter_post(shard, call->to, &release->letter, receive_release);
}

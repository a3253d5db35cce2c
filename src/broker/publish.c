/*
 * Committed metadata to all shards: each has an image of its own and applies the same records. Who
 * changed something is answered when every shard has applied it, so that the next request of the
 * same client finds it on whatever connection.
 */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "broker/shard_private.h"

enum { RECORD_HEADER = 12 /* offset i64, size u32, before each record of a publication */ };

struct publication_letter {
    struct os_mail mail;
    struct publication *publication;
    struct shard *to;
};

struct publication {
    struct broker *broker;
    struct writer records;
    struct list calls; /* wait for it */
    struct list_link link;
    int32_t unread; /* shards that have not applied it */
    struct publication_letter letters[SHARDS_MAX];
};

static void apply(struct shard *shard, struct slice record, int64_t offset)
{
    bool follow = shard->broker->running;
    int r = image_apply(shard->image, record, offset, follow ? follow_change : NULL, shard);
    if (r == 0) return;
    BROKER_TRACE(shard->broker, TRACE_FATAL, "kafka.server.metadata.MetadataLoader",
                 "Metadata record at offset %lld cannot be applied: %s", (long long)offset,
                 strerror(-r));
    shard_fail(shard, r);
}

static struct publication *gathering(struct broker *broker)
{
    if (broker->publication == NULL) {
        struct publication *publication = memory_alloc_zero(sizeof(*publication));
        publication->broker = broker;
        writer_init(&publication->records, (size_t)IMAGE_TRANSACTION_BYTES_MAX * 2);
        list_init(&publication->calls);
        broker->publication = publication;
    }
    return broker->publication;
}

void publish_record(struct broker *broker, struct slice record, int64_t offset)
{
    apply(&broker->shards[0], record, offset);
    if (broker->shard_count == 1) return;
    if (!broker->running) {
        /* Their threads have not begun: their images are still ours. */
        for (int32_t i = 1; i < broker->shard_count; i++)
            apply(&broker->shards[i], record, offset);
        return;
    }
    struct writer *records = &gathering(broker)->records;
    writer_put_be64(records, (uint64_t)offset);
    writer_put_be32(records, (uint32_t)record.size);
    writer_put(records, record);
}

void publish_then_finish(struct broker *broker, struct call *call)
{
    follow_settle(&broker->shards[0]);
    if (broker->shard_count == 1 || !broker->running) {
        call_finish(call, KAFKA_ERROR_NONE);
        return;
    }
    list_push_back(&gathering(broker)->calls, &call->link);
}

/* --- letters ---------------------------------------------------------------------------------- */

/* Publications are applied in order, so they also end in order. */
static void receive_applied(struct os_mail *mail)
{
    struct publication *publication =
        CONTAINER_OF(mail, struct publication_letter, mail)->publication;
    if (--publication->unread > 0) return;
    struct list_link *link;
    while ((link = list_pop_front(&publication->calls)) != NULL)
        call_finish(CONTAINER_OF(link, struct call, link), KAFKA_ERROR_NONE);
    list_remove(&publication->link);
    writer_deinit(&publication->records);
    memory_free(publication);
}

static void post(struct shard *from, struct shard *to, struct publication_letter *letter)
{
    /* One of a few letters between two loops that both run: room will come. */
    int r = os_post(to->os, &letter->mail);
    if (r < 0) shard_fail(from, r);
}

static void receive_records(struct os_mail *mail)
{
    struct publication_letter *letter = CONTAINER_OF(mail, struct publication_letter, mail);
    struct shard *shard = letter->to;
    struct slice rest = writer_slice(&letter->publication->records);
    while (rest.size > 0) {
        struct slice header, record;
        int r = slice_take(&rest, RECORD_HEADER, &header);
        if (r == 0) r = slice_take(&rest, load_be32(header.data + 8), &record);
        ASSERT(r == 0); /* we wrote it */
        apply(shard, record, (int64_t)load_be64(header.data));
    }
    follow_settle(shard);
    mail->receive = receive_applied;
    post(shard, &shard->broker->shards[0], letter);
}

void publish_turn(struct broker *broker)
{
    follow_settle(&broker->shards[0]);
    struct publication *publication = broker->publication;
    if (publication == NULL) return;
    ASSERT(writer_error(&publication->records) == 0);
    broker->publication = NULL;
    list_push_back(&broker->publications, &publication->link);
    publication->unread = broker->shard_count - 1;
    for (int32_t i = 1; i < broker->shard_count; i++) {
        struct publication_letter *letter = &publication->letters[i];
        letter->publication = publication;
        letter->to = &broker->shards[i];
        letter->mail.receive = receive_records;
        post(&broker->shards[0], letter->to, letter);
    }
}

/* Topics that create themselves when somebody asks for them: at most one request for a name is
 * under way. (AutoTopicCreationManager) */
#include "api/auto_create.h"

#include "base/memory.h"
#include "core/settings/settings.h"
#include "wire/codec.h"
#include "wire/messages.h"

enum {
    AUTO_CREATE_MAX = 1000, /* names under way; more are asked for again by their clients */
    CREATE_TOPICS_VERSION = 7,
    BODY_MAX = 4096,
    ASKER_MAX = 2 * INT16_MAX, /* two strings of Kafka's messages */
};

struct auto_create_topic {
    struct call call;
    struct auto_create *owner;
    struct slice name; /* in `body` */
    struct writer body, reply;
    struct writer asker; /* user and client id */
};

void auto_create_init(struct auto_create *owner, struct shard *shard, uint64_t seed)
{
    owner->shard = shard;
    map_init(&owner->topics, seed);
}

static void auto_create_free(struct auto_create_topic *topic)
{
    writer_deinit(&topic->body);
    writer_deinit(&topic->reply);
    writer_deinit(&topic->asker);
    memory_free(topic);
}

void auto_create_deinit(struct auto_create *owner)
{
    ASSERT(map_count(&owner->topics) == 0); /* calls are answered before a shard ends */
    map_deinit(&owner->topics);
}

/* What became of it the client learns by asking again. */
static void auto_create_done(struct call *call)
{
    struct auto_create_topic *topic = call->context;
    struct auto_create_topic *removed = map_remove(&topic->owner->topics, topic->name);
    ASSERT(removed == topic);
    auto_create_free(topic);
}

/* In its own memory: who asks may have gone when the controller is asked. (KIP-599; as Kafka passes
 * its CreateTopics on, in the client's name) */
static void keep_asker(struct auto_create_topic *topic, struct slice user, struct slice client_id)
{
    struct call_controller *ask = &topic->call.controller;
    writer_init(&topic->asker, ASKER_MAX);
    writer_put(&topic->asker, user);
    writer_put(&topic->asker, client_id);
    struct slice both = writer_slice(&topic->asker);
    ASSERT(both.size == user.size + client_id.size);
    ask->user = (struct slice){both.data, user.size};
    ask->client_id = SLICE_NULL;
    if (!slice_is_null(client_id))
        ask->client_id = (struct slice){both.data + user.size, client_id.size};
}

void auto_create(struct auto_create *owner, struct slice name, struct slice user,
                 struct slice client_id)
{
    if (map_get(&owner->topics, name) != NULL) return;
    if (map_count(&owner->topics) >= AUTO_CREATE_MAX) return;

    struct auto_create_topic *topic = memory_alloc(sizeof(*topic));
    *topic = (struct auto_create_topic){.owner = owner};
    writer_init(&topic->body, BODY_MAX);
    writer_init(&topic->reply, BODY_MAX);
    /* -1 and -1: the broker's num.partitions and default.replication.factor (KIP-464). */
    struct create_topics_request_creatable_topic creatable = {
        .name = name, .num_partitions = -1, .replication_factor = -1};
    struct create_topics_request request;
    wire_defaults(&wire_create_topics_request, &request);
    request.topics = &creatable;
    request.topics_count = 1;
    int r = wire_encode(&wire_create_topics_request, CREATE_TOPICS_VERSION, &request, &topic->body,
                        NULL);
    ASSERT(r == 0); /* a valid name has at most 249 bytes */

    /* The name's copy lives in the encoded body: compact array of one, compact string, name. */
    struct slice body = writer_slice(&topic->body);
    size_t position = uvarint_size(2) + uvarint_size(name.size + 1);
    topic->name = (struct slice){body.data + position, name.size};
    ASSERT(slice_equal(topic->name, name));
    map_put(&owner->topics, topic->name, topic);

    topic->call = (struct call){
        .kind = CALL_CONTROLLER,
        .done = auto_create_done,
        .context = topic,
        .controller = {.key = API_CREATE_TOPICS,
                       .version = CREATE_TOPICS_VERSION,
                       .body = body,
                       .reply = &topic->reply},
    };
    keep_asker(topic, user, client_id);
    call_start(owner->shard, &topic->call);
}

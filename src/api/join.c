#include "api/join.h"

static void join_leave(struct join *join)
{
    ASSERT(join->pending > 0);
    if (--join->pending == 0) join->all(join);
}

static void on_done(struct call *call)
{
    struct join_call *one = call->context;
    one->join->each(one);
    join_leave(one->join);
}

struct join *join_create(struct api_request *request, int32_t capacity)
{
    ASSERT(capacity >= 0);
    size_t size = (size_t)capacity * sizeof(struct join_call);
    if (!api_has_room(request, size + sizeof(struct join))) return NULL;
    struct join *join = arena_alloc(request->arena, sizeof(*join));
    *join = (struct join){.request = request, .capacity = capacity};
    join->calls = arena_alloc(request->arena, size);
    return join;
}

static void send_answer(struct join *join)
{
    api_reply(join->request, join->response);
}

struct join *join_answering(struct api_request *request, int32_t capacity,
                            void (*each)(struct join_call *call))
{
    struct join *join = join_create(request, capacity);
    if (join == NULL) {
        api_close(request);
        return NULL;
    }
    const struct wire_message *message = request->row->response;
    join->response = arena_alloc(request->arena, wire_struct_size(message));
    wire_defaults(message, join->response);
    join->each = each;
    join->all = send_answer;
    return join;
}

struct join_call *join_add(struct join *join, enum call_kind kind, const struct uuid *topic_id,
                           int32_t partition, void *answer)
{
    ASSERT(join->count < join->capacity);
    ASSERT(join->pending == 0);
    struct join_call *one = &join->calls[join->count++];
    one->join = join;
    one->answer = answer;
    one->call = (struct call){
        .kind = kind,
        .done = on_done,
        .context = one,
        .topic_id = *topic_id,
        .partition = partition,
        .current_leader_epoch = -1,
    };
    return one;
}

void join_start(struct join *join)
{
    /* One for ourselves: calls to our own shard are done before call_start returns. */
    join->pending = join->count + 1;
    for (int32_t i = 0; i < join->count; i++)
        call_start(join->request->shard, &join->calls[i].call);
    join_leave(join);
}

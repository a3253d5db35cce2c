/* Requests that the controller answers: their bytes go there, its bytes come back. On one node the
 * controller is shard 0; in a cluster it is wherever the quorum's leader is (Envelope, KIP-590). */
#include "api/quotas.h"

struct forward {
    struct call call;
    struct api_request *request;
    struct writer reply;
};

static void forward_done(struct call *call)
{
    struct forward *forward = call->context;
    struct api_request *request = forward->request;
    if (call->controller.throttle_ms > request->throttle_ms)
        request->throttle_ms = (int32_t)call->controller.throttle_ms;
    if (call->controller.result < 0)
        api_close(request);
    else
        api_reply_encoded(request, writer_slice(&forward->reply));
    writer_deinit(&forward->reply);
}

void api_forward_to_controller(struct api_request *request)
{
    struct forward *forward = arena_alloc(request->arena, sizeof(*forward));
    forward->request = request;
    writer_init(&forward->reply, request->exchange->reply.max);
    forward->call = (struct call){
        .kind = CALL_CONTROLLER,
        .done = forward_done,
        .context = forward,
        .controller = {.key = (enum api_key)request->row->key,
                       .version = request->version,
                       .body = request->body,
                       .user = quotas_user(request),
                       .client_id = request->client_id,
                       .reply = &forward->reply},
    };
    call_start(request->shard, &forward->call);
}

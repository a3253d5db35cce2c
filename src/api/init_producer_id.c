/* InitProducerId: a number for a producer that numbers its records, so that none is written twice.
 * (KIP-98, KIP-360; TransactionCoordinator.handleInitProducerId) */
#include "api/join.h"

static void init_each(struct join_call *one)
{
    struct init_producer_id_response *answer = one->answer;
    answer->error_code = (int16_t)one->call.error;
    if (one->call.error != KAFKA_ERROR_NONE) return;
    answer->producer_id = one->call.producer_id.producer_id;
    answer->producer_epoch = 0;
}

static void init_all(struct join *join)
{
    api_reply(join->request, join->response);
}

static enum kafka_error init_check(const struct init_producer_id_request *asked)
{
    if ((asked->producer_id == -1) != (asked->producer_epoch == -1))
        return KAFKA_ERROR_INVALID_REQUEST;
    if (slice_is_null(asked->transactional_id)) return KAFKA_ERROR_NONE;
    if (asked->transactional_id.size == 0) return KAFKA_ERROR_INVALID_REQUEST;
    /* We coordinate no transactions; so says a broker that leads no partition of their topic. */
    return KAFKA_ERROR_NOT_COORDINATOR;
}

void api_init_producer_id(struct api_request *request)
{
    struct init_producer_id_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_init_producer_id_response, answer);
    answer->producer_epoch = -1;
    enum kafka_error error = init_check(request->message);
    if (error != KAFKA_ERROR_NONE) {
        answer->error_code = (int16_t)error;
        api_reply(request, answer);
        return;
    }
    struct join *join = join_create(request, 1);
    if (join == NULL) {
        api_close(request);
        return;
    }
    join->response = answer;
    join->each = init_each;
    join->all = init_all;
    /* Without a transaction the number a producer had before is of no use (KIP-360). */
    join_add(join, CALL_PRODUCER_ID, &UUID_ZERO, 0, answer);
    join_start(join);
}

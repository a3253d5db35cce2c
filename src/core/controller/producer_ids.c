/* Blocks of producer ids: no id is ever given twice. (ProducerIdControlManager, KIP-730) */
#include "core/controller/plan.h"

enum { BLOCK_SIZE = 1000 /* ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE */ };

void controller_plan_producer_ids(const struct controller_input *input, int32_t broker_id,
                                  struct controller_plan *plan, int64_t *first, int32_t *count)
{
    const struct image_broker *broker = image_broker_by_id(input->image, broker_id);
    ASSERT(broker != NULL); /* it asks for itself, registered */
    int64_t next = image_next_producer_id(input->image);
    if (next < 0) next = 0;
    ASSERT(next <= INT64_MAX - BLOCK_SIZE);
    struct producer_ids_record record = {
        .broker_id = broker_id,
        .broker_epoch = broker->epoch,
        .next_producer_id = next + BLOCK_SIZE,
    };
    struct planner planner;
    planner_begin(&planner, input);
    planner_add(&planner, IMAGE_RECORD_PRODUCER_IDS, &record);
    planner_end(&planner, true, plan);
    *first = next;
    *count = BLOCK_SIZE;
}

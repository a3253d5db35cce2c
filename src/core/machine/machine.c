/* Rounds: planned, appended, applied, held, released. */
#include "core/machine/machine.h"

#include <errno.h>

#include "base/memory.h"

enum { RECORDS_FIRST = 8 };

static struct machine_asker *asker_of(struct list_link *link)
{
    return CONTAINER_OF(link, struct machine_asker, link);
}

/* --- life ------------------------------------------------------------------------------------- */

void machine_init(struct machine *machine, const struct machine_brain *brain, void *state)
{
    *machine = (struct machine){.brain = brain, .state = state};
    arena_init(&machine->plan.arena, MACHINE_PLAN_BYTES_MAX);
    list_init(&machine->plan.answered);
    list_init(&machine->held);
    list_init(&machine->answered);
}

void machine_deinit(struct machine *machine)
{
    ASSERT(!machine->planned);
    ASSERT(list_is_empty(&machine->held));
    ASSERT(list_is_empty(&machine->answered));
    machine->brain->destroy(machine->state);
    memory_free(machine->plan.records);
    arena_deinit(&machine->plan.arena);
}

int machine_replay(struct machine *machine, const struct machine_record *record,
                   const struct machine_origin *origin)
{
    ASSERT(origin->offset >= machine->end_offset);
    int r = machine->brain->apply(machine->state, record, origin);
    if (r == 0) machine->end_offset = origin->offset + 1;
    return r;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void begin(struct machine *machine)
{
    ASSERT(!machine->planned);
    ASSERT(list_is_empty(&machine->plan.answered));
    arena_reset(&machine->plan.arena);
    machine->plan.record_count = 0;
    machine->planned = true;
}

void machine_loaded(struct machine *machine, const struct machine_input *input, int64_t end_offset)
{
    ASSERT(end_offset >= machine->end_offset);
    machine->end_offset = end_offset;
    begin(machine);
    machine->brain->loaded(machine->state, input, &machine->plan);
}

void machine_request(struct machine *machine, const struct machine_input *input,
                     struct machine_asker *asker)
{
    begin(machine);
    asker->result = 0;
    machine->brain->request(machine->state, input, asker, &machine->plan);
    ASSERT(list_is_linked(&asker->link));
}

void machine_step(struct machine *machine, const struct machine_input *input, machine_event step,
                  const void *event)
{
    begin(machine);
    step(machine->state, input, event, &machine->plan);
}

bool machine_tick(struct machine *machine, const struct machine_input *input)
{
    if (machine_deadline_ms(machine) > input->monotonic_ms) return false;
    begin(machine);
    machine->brain->tick(machine->state, input, &machine->plan);
    return true;
}

int64_t machine_deadline_ms(const struct machine *machine)
{
    return machine->brain->deadline_ms(machine->state);
}

const struct machine_plan *machine_plan(const struct machine *machine)
{
    ASSERT(machine->planned);
    return &machine->plan;
}

/* The answers of a round go when what was known at its end is committed. */
static void hold(struct machine *machine)
{
    struct list_link *link;
    while ((link = list_pop_front(&machine->plan.answered)) != NULL) {
        asker_of(link)->offset = machine->end_offset;
        list_push_back(&machine->held, link);
    }
    machine->planned = false;
    machine_committed(machine, machine->high_watermark);
}

void machine_appended(struct machine *machine, int64_t end_offset)
{
    ASSERT(machine->planned);
    int64_t base = end_offset - machine->plan.record_count;
    ASSERT(base >= machine->end_offset);
    for (int32_t i = 0; i < machine->plan.record_count; i++) {
        struct machine_origin origin = {.offset = base + i, .producer_id = -1, -1};
        int r = machine->brain->apply(machine->state, &machine->plan.records[i], &origin);
        ASSERT(r == 0); /* it is the brain's own record */
    }
    machine->end_offset = end_offset;
    hold(machine);
}

/* Whatever it was told before: that is not so. */
static void tell(struct machine *machine, struct machine_asker *asker, enum kafka_error error)
{
    writer_reset(asker->reply);
    asker->result = 0;
    machine->brain->answer_error(asker, error);
}

void machine_refused(struct machine *machine, const struct machine_input *input,
                     enum kafka_error error)
{
    ASSERT(machine->planned);
    struct list_link *link;
    struct list refused;
    list_init(&refused);
    while ((link = list_pop_front(&machine->plan.answered)) != NULL)
        list_push_back(&refused, link);
    machine->plan.record_count = 0;
    machine->brain->refused(machine->state, input, error, &machine->plan);
    ASSERT(machine->plan.record_count == 0);
    while ((link = list_pop_front(&refused)) != NULL) {
        tell(machine, asker_of(link), error);
        list_push_back(&machine->plan.answered, link);
    }
    hold(machine);
}

void machine_committed(struct machine *machine, int64_t high_watermark)
{
    ASSERT(high_watermark >= machine->high_watermark);
    machine->high_watermark = high_watermark;
    struct list_link *link;
    while ((link = list_first(&machine->held)) != NULL &&
           asker_of(link)->offset <= high_watermark) {
        list_remove(link);
        list_push_back(&machine->answered, link);
    }
}

struct machine_asker *machine_take_answered(struct machine *machine)
{
    struct list_link *link = list_pop_front(&machine->answered);
    return link != NULL ? asker_of(link) : NULL;
}

void machine_abandon(struct machine *machine, enum kafka_error error)
{
    ASSERT(!machine->planned);
    struct list_link *link;
    struct list waiting;
    list_init(&waiting);
    while ((link = list_pop_front(&machine->held)) != NULL)
        list_push_back(&waiting, link);
    machine->brain->release(machine->state, &waiting);
    while ((link = list_pop_front(&waiting)) != NULL) {
        tell(machine, asker_of(link), error);
        list_push_back(&machine->answered, link);
    }
}

/* --- for brains ------------------------------------------------------------------------------- */

/* What a coordinator keeps of a record: two bytes that say of what kind a key is, or of which
 * version a value, then the body. (CoordinatorRecordSerde) */
static struct slice encode(struct arena *arena, int16_t prefix, const struct wire_message *message,
                           int16_t version, const void *value)
{
    struct writer writer;
    writer_init(&writer, MACHINE_PLAN_BYTES_MAX);
    writer_put_be16(&writer, (uint16_t)prefix);
    int r = wire_encode(message, version, value, &writer, NULL);
    ASSERT(r == 0);
    struct slice copy = arena_copy(arena, writer_slice(&writer));
    writer_deinit(&writer);
    return copy;
}

void machine_plan_record(struct machine_plan *plan, const struct wire_message *key_message,
                         const void *key, const struct wire_message *value_message,
                         int16_t value_version, const void *value)
{
    if (plan->record_count == plan->record_capacity) {
        plan->record_capacity =
            plan->record_capacity > 0 ? 2 * plan->record_capacity : RECORDS_FIRST;
        plan->records =
            memory_grow(plan->records, (size_t)plan->record_capacity * sizeof(plan->records[0]));
    }
    struct machine_record *record = &plan->records[plan->record_count++];
    record->key = encode(&plan->arena, wire_message_id(key_message), key_message, 0, key);
    record->value = value_message == NULL
                        ? SLICE_NULL
                        : encode(&plan->arena, value_version, value_message, value_version, value);
}

void machine_answer(struct machine_plan *plan, struct machine_asker *asker,
                    const struct wire_message *message, const void *response)
{
    ASSERT(!list_is_linked(&asker->link));
    asker->result = wire_encode(message, asker->version, response, asker->reply, NULL);
    ASSERT(asker->result != -EINVAL);
    list_push_back(&plan->answered, &asker->link);
}

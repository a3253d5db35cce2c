#include "core/replication/replication.h"

/* The offset up to which we count ourselves. */
static int64_t own_end(const struct replication *state)
{
    return state->commit ? state->flushed_offset : state->end_offset;
}

/* Never back: consumers may have seen what was committed. (Partition.maybeIncrementLeaderHW) */
static void advance(struct replication *state, struct replication_effects *effects)
{
    int64_t end = own_end(state);
    if (end <= state->high_watermark) return;
    state->high_watermark = end;
    effects->high_watermark_moved = true;
    effects->high_watermark = end;
}

static void lead(struct replication *state, const struct replication_event *event)
{
    ASSERT(event->start_offset <= event->offset);
    ASSERT(event->flushed_offset <= event->offset);
    state->leader_epoch = event->leader_epoch;
    state->end_offset = event->offset;
    state->flushed_offset = event->flushed_offset;
    state->log_start_offset = event->start_offset;
    state->commit = event->commit;
    if (state->high_watermark < event->start_offset) state->high_watermark = event->start_offset;
}

void replication_step(struct replication *state, const struct replication_event *event,
                      struct replication_effects *effects)
{
    *effects = (struct replication_effects){.high_watermark = state->high_watermark};
    switch (event->kind) {
    case REPLICATION_LEAD:
        lead(state, event);
        break;
    case REPLICATION_APPENDED:
        ASSERT(event->offset >= state->end_offset);
        state->end_offset = event->offset;
        break;
    case REPLICATION_FLUSHED:
        ASSERT(event->offset >= state->flushed_offset);
        ASSERT(event->offset <= state->end_offset);
        state->flushed_offset = event->offset;
        break;
    case REPLICATION_STARTED:
        ASSERT(event->offset >= state->log_start_offset);
        ASSERT(event->offset <= state->end_offset);
        state->log_start_offset = event->offset;
        /* What is deleted was committed. */
        if (state->high_watermark < event->offset) state->high_watermark = event->offset;
        break;
    case REPLICATION_POLICY:
        state->commit = event->commit;
        break;
    }
    advance(state, effects);
    ASSERT(state->log_start_offset <= state->high_watermark);
    ASSERT(state->high_watermark <= state->end_offset);
}

/* floor_talk: what clients ask before they produce or fetch. Not measured, so by the codec. */
#ifndef GREGOR_BENCH_FLOOR_TALK_H
#define GREGOR_BENCH_FLOOR_TALK_H

#include "base/arena.h"
#include "wire/apis.h"
#include "wire/codec.h"

/* What the floor program is, to its clients. */
struct floor_talk {
    int32_t port;
    int64_t end_offset;
    struct arena *arena;
};

/* Appends the reply to a request that is neither Produce nor Fetch; true if it was one that makes a
 * topic, which empties the file. A request that the floor does not serve ends it. */
bool floor_talk_answer(const struct floor_talk *talk, const struct wire_api *api, int16_t version,
                       int32_t correlation_id, struct slice body, struct writer *out);

/* Appends a reply. With a hole its bytes are counted in the frame's length and left out. */
void floor_talk_reply(struct writer *out, const struct wire_api *api, int16_t version,
                      int32_t correlation_id, const void *response, struct wire_hole *hole);

#endif

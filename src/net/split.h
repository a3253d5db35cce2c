/*
 * split: a stream of bytes into frames (a length of four bytes, then that many). Many small frames
 * come out of one buffer without a copy; a large one gets a buffer of its own size, into which the
 * part already received is copied once and the rest received straight.
 *
 * It reads no socket: the caller asks where to put bytes, puts them, and takes frames out. So it
 * can be fuzzed. It admits memory through the caller before it takes any.
 */
#ifndef GREGOR_NET_SPLIT_H
#define GREGOR_NET_SPLIT_H

#include "base/buffer.h"
#include "base/slice.h"

enum { SPLIT_CHUNK = 32 << 10 /* bytes of a buffer for frames not yet known */ };

struct splitter {
    struct buffer *buffer; /* NULL while nothing is held */
    size_t start;          /* of the first byte not yet given out as a frame */
};

/* Where the next bytes go, and how many. 0, or -EMSGSIZE: a length that is negative or above
 * `frame_max`. The frame under way needs *frame_bytes in all (0: not known yet). */
MUST_USE int splitter_room(struct splitter *splitter, struct buffer_pool *pool, int32_t frame_max,
                           uint8_t **room, size_t *size);
void splitter_filled(struct splitter *splitter, size_t size);

/* The next whole frame, without its length: 1 with a reference to the buffer that holds it; 0: none
 * yet; -EMSGSIZE as above. */
MUST_USE int splitter_take(struct splitter *splitter, int32_t frame_max, struct slice *frame,
                           struct buffer **buffer);

/* Size of the frame under way, its length included; 0: not known yet. */
size_t splitter_pending(const struct splitter *splitter);

/* Does a whole frame wait to be taken? */
bool splitter_has_frame(const struct splitter *splitter);

void splitter_deinit(struct splitter *splitter);

#endif

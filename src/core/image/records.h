/* The kinds of metadata records: how each is decoded, in which versions, and
 * what it does. Private to image/. */
#ifndef GREGOR_CORE_IMAGE_RECORDS_H
#define GREGOR_CORE_IMAGE_RECORDS_H

#include "core/image/state.h"

/* A framed record taken apart: frame version, kind and version are varints, the
 * body follows. (MetadataRecordSerde, AbstractApiMessageSerde) */
struct record_frame {
    enum image_record kind;
    int16_t version;
    struct slice body;
};

/* -EBADMSG: no frame; -ENOTSUP: a kind or version that we do not know. */
MUST_USE int record_unframe(struct slice record, struct record_frame *frame);

/* Decodes the body and applies it. The kinds that steer transactions are not
 * records of this kind. */
MUST_USE int record_apply(const struct image_applied *to, const struct record_frame *frame);

#endif

/* Kafka's uuids: 16 bytes, written as 22 characters of unpadded base64url (Uuid.java). */
#ifndef GREGOR_BASE_UUID_H
#define GREGOR_BASE_UUID_H

#include "base/slice.h"

enum { UUID_TEXT_SIZE = 23 }; /* 22 characters and the zero */

struct uuid {
    uint8_t bytes[16];
};

#define UUID_ZERO ((struct uuid){{0}})

bool uuid_equal(const struct uuid *a, const struct uuid *b);
bool uuid_is_zero(const struct uuid *uuid);
int uuid_compare(const struct uuid *a, const struct uuid *b); /* by bytes */
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE]);

/* -EBADMSG: not 22 characters of base64url (two '=' of padding are tolerated). */
MUST_USE int uuid_parse(struct slice text, struct uuid *uuid);

/* A random uuid of version 4 from 16 random bytes. Kafka avoids ids that start with '-' and its two
 * reserved ids (0, 1): so does this, by returning false; ask again with other bytes. */
MUST_USE bool uuid_from_random(const uint8_t random[16], struct uuid *uuid);

#endif

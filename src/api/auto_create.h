/*
 * auto_create: topics that create themselves on the first Metadata request for them, where
 * auto.create.topics.enable says so. One per shard; it owns the requests under way.
 */
#ifndef GREGOR_API_AUTO_CREATE_H
#define GREGOR_API_AUTO_CREATE_H

#include "base/map.h"
#include "base/varint.h"
#include "broker/call.h"

struct auto_create {
    struct shard *shard;
    struct map topics; /* names under way */
};

void auto_create_init(struct auto_create *owner, struct shard *shard, uint64_t seed);
void auto_create_deinit(struct auto_create *owner); /* nothing may be under way */

/* Asks the controller for a topic of this valid name, unless that is under way already. It is the
 * client's change of topics, and its quota may refuse it. */
void auto_create(struct auto_create *owner, struct slice name, struct slice user,
                 struct slice client_id);

#endif

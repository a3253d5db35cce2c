/* What brokers and controllers have in common. Private to image/. */
#ifndef GREGOR_CORE_IMAGE_NODES_H
#define GREGOR_CORE_IMAGE_NODES_H

#include "core/image/state.h"

/* Numbers as keys of an order: they sort as the numbers do. */
struct node_key {
    uint8_t bytes[4];
};

void node_key_set(struct node_key *key, int32_t id);
struct order_item *node_find(const struct order *nodes, int32_t id);
struct order_item *node_after(const struct order *nodes, int32_t id); /* -1: the first */

struct image_endpoint *endpoints_keep(const struct image_endpoint *endpoints, int32_t count);
void endpoints_forget(struct image_endpoint *endpoints, int32_t count);
struct image_support *supports_keep(const struct image_support *supports, int32_t count);
void supports_forget(struct image_support *supports, int32_t count);

#endif

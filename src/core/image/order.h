/*
 * Things in the order of their keys: what the image walks through in a fixed
 * order and what snapshots are written from. Pages of pointers, so that an
 * insertion moves at most a page. Keys are bytes that live inside the thing.
 * The order owns its pages, not the things. Private to image/.
 */
#ifndef GREGOR_CORE_IMAGE_ORDER_H
#define GREGOR_CORE_IMAGE_ORDER_H

#include "base/slice.h"

/* First member of what is kept in an order. */
struct order_item {
    struct slice key;
};

struct order_page;

struct order {
    struct order_page **pages; /* none is empty */
    size_t page_count;
    size_t page_capacity;
    size_t item_count;
};

void order_deinit(struct order *order);
void order_put(struct order *order, struct order_item *item);    /* its key must be absent */
void order_remove(struct order *order, struct order_item *item); /* must be in it */
struct order_item *order_find(const struct order *order, struct slice key); /* or NULL */
struct order_item *order_first(const struct order *order);
/* The least item whose key is greater; the key itself need not be present.
 * NULL: none. */
struct order_item *order_after(const struct order *order, struct slice key);

#endif

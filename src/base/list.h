/* Intrusive doubly linked lists. The list owns nothing; an element is in at most one list per
 * link, and a zeroed or removed link is in none. */
#ifndef GREGOR_BASE_LIST_H
#define GREGOR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

struct list_link {
    struct list_link *previous;
    struct list_link *next;
};

struct list {
    struct list_link head; /* a ring through the head; empty: points to itself */
};

void list_init(struct list *list);
bool list_is_empty(const struct list *list);
void list_push_back(struct list *list, struct list_link *link);
void list_push_front(struct list *list, struct list_link *link);
void list_remove(struct list_link *link); /* must be in a list; is in none afterwards */
bool list_is_linked(const struct list_link *link);
struct list_link *list_first(const struct list *list); /* NULL when empty */
struct list_link *list_pop_front(struct list *list);   /* NULL when empty */
/* The element after `link`, NULL at the end. */
struct list_link *list_next(const struct list *list, const struct list_link *link);

#endif

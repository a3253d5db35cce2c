#include "base/list.h"

void list_init(struct list *list)
{
    list->head.previous = list->head.next = &list->head;
}

bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static void insert_between(struct list_link *link, struct list_link *before,
                           struct list_link *after)
{
    ASSERT(link->next == NULL);
    link->previous = before;
    link->next = after;
    before->next = link;
    after->previous = link;
}

void list_push_back(struct list *list, struct list_link *link)
{
    insert_between(link, list->head.previous, &list->head);
}

void list_push_front(struct list *list, struct list_link *link)
{
    insert_between(link, &list->head, list->head.next);
}

void list_remove(struct list_link *link)
{
    ASSERT(link->next != NULL);
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->previous = link->next = NULL;
}

bool list_is_linked(const struct list_link *link)
{
    return link->next != NULL;
}

struct list_link *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

struct list_link *list_pop_front(struct list *list)
{
    struct list_link *first = list_first(list);
    if (first != NULL) list_remove(first);
    return first;
}

struct list_link *list_next(const struct list *list, const struct list_link *link)
{
    ASSERT(link->next != NULL);
    return link->next == &list->head ? NULL : link->next;
}

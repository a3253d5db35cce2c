#include "core/image/order.h"

#include <string.h>

#include "base/memory.h"

enum { PAGE_ITEMS = 128, FIRST_PAGES = 4 };

struct order_page {
    size_t count; /* 1..PAGE_ITEMS */
    struct order_item *items[PAGE_ITEMS];
};

struct place {
    size_t page;
    size_t index;
    bool found;
};

void order_deinit(struct order *order)
{
    for (size_t i = 0; i < order->page_count; i++)
        memory_free(order->pages[i]);
    memory_free(order->pages);
    *order = (struct order){0};
}

/* The last page whose first key is not greater than `key`; the first page if
 * there is none. */
static size_t find_page(const struct order *order, struct slice key)
{
    size_t low = 0;
    size_t high = order->page_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(order->pages[middle]->items[0]->key, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Where `key` is, or where it would have to be put. */
static struct place find(const struct order *order, struct slice key)
{
    if (order->page_count == 0) return (struct place){0};
    size_t page_index = find_page(order, key);
    const struct order_page *page = order->pages[page_index];
    size_t low = 0;
    size_t high = page->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int compared = slice_compare(page->items[middle]->key, key);
        if (compared == 0) return (struct place){page_index, middle, true};
        if (compared < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct place){page_index, low, false};
}

static void insert_page(struct order *order, size_t at, struct order_page *page)
{
    ASSERT(at <= order->page_count);
    ASSERT(order->page_count <= order->page_capacity);
    if (order->page_count == order->page_capacity) {
        order->page_capacity = order->page_capacity == 0 ? FIRST_PAGES : order->page_capacity * 2;
        order->pages = memory_grow(order->pages, order->page_capacity * sizeof(order->pages[0]));
    }
    memmove(&order->pages[at + 1], &order->pages[at],
            (order->page_count - at) * sizeof(order->pages[0]));
    order->pages[at] = page;
    order->page_count++;
}

/* Moves what a full page has from `from` on into a new page behind it. Keys
 * that arrive in ascending order are the common case (our own snapshots): their
 * pages stay full. */
static void split_page(struct order *order, size_t page_index, size_t from)
{
    struct order_page *page = order->pages[page_index];
    ASSERT(from <= page->count);
    struct order_page *behind = memory_alloc_zero(sizeof(*behind));
    behind->count = page->count - from;
    memcpy(behind->items, &page->items[from], behind->count * sizeof(page->items[0]));
    page->count = from;
    insert_page(order, page_index + 1, behind);
}

void order_put(struct order *order, struct order_item *item)
{
    if (order->page_count == 0) insert_page(order, 0, memory_alloc_zero(sizeof(struct order_page)));
    struct place place = find(order, item->key);
    ASSERT(!place.found);
    if (order->pages[place.page]->count == PAGE_ITEMS) {
        size_t from = place.index == PAGE_ITEMS ? PAGE_ITEMS : PAGE_ITEMS / 2;
        split_page(order, place.page, from);
        if (place.index >= from) {
            place.page++;
            place.index -= from;
        }
    }
    struct order_page *page = order->pages[place.page];
    ASSERT(page->count < PAGE_ITEMS);
    ASSERT(place.index <= page->count);
    memmove(&page->items[place.index + 1], &page->items[place.index],
            (page->count - place.index) * sizeof(page->items[0]));
    page->items[place.index] = item;
    page->count++;
    order->item_count++;
}

void order_remove(struct order *order, struct order_item *item)
{
    struct place place = find(order, item->key);
    ASSERT(place.found);
    struct order_page *page = order->pages[place.page];
    ASSERT(page->items[place.index] == item);
    ASSERT(order->item_count > 0);
    page->count--;
    order->item_count--;
    memmove(&page->items[place.index], &page->items[place.index + 1],
            (page->count - place.index) * sizeof(page->items[0]));
    if (page->count > 0) return;
    memory_free(page);
    order->page_count--;
    memmove(&order->pages[place.page], &order->pages[place.page + 1],
            (order->page_count - place.page) * sizeof(order->pages[0]));
}

struct order_item *order_find(const struct order *order, struct slice key)
{
    struct place place = find(order, key);
    return place.found ? order->pages[place.page]->items[place.index] : NULL;
}

struct order_item *order_first(const struct order *order)
{
    return order->page_count == 0 ? NULL : order->pages[0]->items[0];
}

struct order_item *order_after(const struct order *order, struct slice key)
{
    if (order->page_count == 0) return NULL;
    struct place place = find(order, key);
    if (place.found) place.index++;
    ASSERT(place.page < order->page_count);
    if (place.index == order->pages[place.page]->count) {
        place.page++;
        place.index = 0;
    }
    return place.page == order->page_count ? NULL : order->pages[place.page]->items[place.index];
}

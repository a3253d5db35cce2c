/* What the kernel can be told of memory. */
#include <stdint.h>
#include <sys/mman.h>

#include "os/os_private.h"

enum { LARGE_PAGE = 2 << 20 };

void os_use_large_pages(void *memory, size_t size)
{
    uint8_t *begin = memory;
    size_t skipped = (LARGE_PAGE - (uintptr_t)begin % LARGE_PAGE) % LARGE_PAGE;
    if (size < skipped + LARGE_PAGE) return;
    size_t whole = (size - skipped) / LARGE_PAGE * LARGE_PAGE;
    /* Advice: a kernel that does not take it gives small pages. */
    int r = madvise(begin + skipped, whole, MADV_HUGEPAGE);
    (void)r;
}

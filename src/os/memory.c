/* What the kernel can be told of memory, and tells. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* The second number of this file, in pages. (proc_pid_statm(5)) */
int64_t os_resident_bytes(void)
{
    char text[256];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (size <= 0) return 0;
    text[size] = 0;
    const char *second = strchr(text, ' ');
    const char *third = second == NULL ? NULL : strchr(second + 1, ' ');
    int64_t pages;
    if (third == NULL) return 0;
    struct slice digits = {(const uint8_t *)second + 1, (size_t)(third - second - 1)};
    if (slice_parse_int64(digits, 0, INT64_MAX >> 16, &pages) < 0) return 0;
    return pages * sysconf(_SC_PAGESIZE);
}

/* Files. Every call may block and may come from any thread. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/os_private.h"

enum { PROBES_MAX = 4 };

struct os_file {
    int fd;
};

/* pwritev takes our slices as they are. */
static_assert(sizeof(struct slice) == sizeof(struct iovec), "a slice is an iovec");
static_assert(offsetof(struct slice, size) == offsetof(struct iovec, iov_len),
              "a slice is an iovec");

int os_file_fd(const struct os_file *file)
{
    return file->fd;
}

int os_file_open(struct os *os, const char *path, enum os_open how, struct os_file **opened)
{
    static const int flags[] = {
        [OS_OPEN_READ] = O_RDONLY,
        [OS_OPEN_WRITE] = O_RDWR,
        [OS_OPEN_CREATE] = O_RDWR | O_CREAT,
        [OS_OPEN_EXCLUSIVE] = O_RDWR | O_CREAT | O_EXCL,
        [OS_OPEN_REPLACE] = O_RDWR | O_CREAT | O_TRUNC,
    };
    (void)os;
    int fd;
    do {
        fd = open(path, flags[how] | O_CLOEXEC, 0644);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return -errno;
    struct os_file *file = memory_alloc(sizeof(*file));
    file->fd = fd;
    *opened = file;
    return 0;
}

struct os_file *os_file_close(struct os_file *file)
{
    if (file == NULL) return NULL;
    close(file->fd); /* what was not synced was not promised */
    memory_free(file);
    return NULL;
}

int64_t os_file_read(struct os_file *file, void *bytes, size_t size, int64_t position)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = pread(file->fd, (uint8_t *)bytes + got, size - got, position + (int64_t)got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        if (n == 0) break;
        got += (size_t)n;
    }
    return (int64_t)got;
}

int64_t os_file_read_cached(struct os_file *file, void *bytes, size_t size, int64_t position)
{
    size_t got = 0;
    while (got < size) {
        struct iovec vector = {(uint8_t *)bytes + got, size - got};
        ssize_t n = preadv2(file->fd, &vector, 1, position + (int64_t)got, RWF_NOWAIT);
        if (n < 0 && errno == EINTR) continue;
        /* A filesystem without the flag cannot tell: it is asked the ordinary way. */
        if (n < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS))
            return os_file_read(file, bytes, size, position);
        if (n < 0) return errno == EAGAIN ? -EAGAIN : -errno;
        if (n == 0) break;
        got += (size_t)n;
    }
    return (int64_t)got;
}

bool os_file_is_cached(struct os_file *file, int64_t position, int64_t size)
{
    if (size <= 0) return true;
    uint8_t byte;
    int64_t probes = size < PROBES_MAX * 65536 ? size / 65536 + 1 : PROBES_MAX;
    for (int64_t i = 0; i <= probes; i++) {
        int64_t at = i == probes ? position + size - 1 : position + size / probes * i;
        if (os_file_read_cached(file, &byte, 1, at) == -EAGAIN) return false;
    }
    return true;
}

int os_file_write(struct os_file *file, const struct slice *slices, int count, int64_t position)
{
    ASSERT(count >= 0);
    ASSERT(count <= OS_VECTOR_MAX);
    size_t skip = 0; /* of the first slice, written already */
    while (count > 0) {
        ssize_t n;
        if (skip > 0)
            n = pwrite(file->fd, slices->data + skip, slices->size - skip, position);
        else
            n = pwritev(file->fd, (const struct iovec *)(const void *)slices, count, position);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        position += n;
        size_t left = (size_t)n + skip;
        skip = 0;
        while (count > 0 && left >= slices->size) {
            left -= slices->size;
            slices++;
            count--;
        }
        skip = left;
        ASSERT(count > 0 || skip == 0);
    }
    return 0;
}

int os_file_reserve(struct os_file *file, int64_t position, int64_t size)
{
    if (size <= 0) return 0;
    /* The kernel remembers this limit only when the bytes are written. */
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        (uint64_t)position + (uint64_t)size > limit.rlim_cur)
        return -ENOSPC;
    int r;
    do {
        r = fallocate(file->fd, FALLOC_FL_KEEP_SIZE, position, size);
    } while (r < 0 && errno == EINTR);
    if (r < 0 && errno == EDQUOT) return -ENOSPC;
    /* Where space cannot be reserved, a write may still find the disk full: that fails the log. */
    if (r < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) return 0;
    return r < 0 ? -errno : 0;
}

int os_file_size(struct os_file *file, int64_t *size)
{
    struct stat status;
    if (fstat(file->fd, &status) < 0) return -errno;
    *size = status.st_size;
    return 0;
}

int os_file_changed_ms(struct os_file *file, int64_t *wall_ms)
{
    struct stat status;
    if (fstat(file->fd, &status) < 0) return -errno;
    *wall_ms = (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    return 0;
}

int os_file_truncate(struct os_file *file, int64_t size)
{
    int r;
    do {
        r = ftruncate(file->fd, size);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

int os_file_sync(struct os_file *file)
{
    return fdatasync(file->fd) < 0 ? -errno : 0;
}

int os_file_lock(struct os_file *file)
{
    int r;
    do {
        r = flock(file->fd, LOCK_EX | LOCK_NB);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

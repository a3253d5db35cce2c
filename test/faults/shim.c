/*
 * One call to the kernel (or for memory) fails, once: loaded before libc (LD_PRELOAD), this counts
 * calls by their names and lets the one that the environment names fail.
 *
 *   GREGOR_FAULT         "NAME NTH ERRNO": the NTH call of NAME, from 1 on; ERRNO 0: half of what
 *                        was asked is done (reads, writes and sends)
 *   GREGOR_FAULT_COUNTS  a file that the counts are kept in, in the order of CALLS
 *   GREGOR_HANG          while this file exists no flush comes back, as with a disk that hangs
 *   GREGOR_FAIL_BELOW    while this file exists it holds the beginning of paths: what is written or
 *                        flushed there fails with EIO, as on a disk that has died
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* What is wrapped, and the name that libc has it by when offsets have 64 bits. */
#define CALLS(X)                        \
    X(open, "open64")                   \
    X(pread, "pread64")                 \
    X(preadv2, "preadv64v2")            \
    X(pwrite, "pwrite64")               \
    X(pwritev, "pwritev64")             \
    X(fdatasync, "fdatasync")           \
    X(fsync, "fsync")                   \
    X(ftruncate, "ftruncate64")         \
    X(fallocate, "fallocate64")         \
    X(rename, "rename")                 \
    X(remove, "remove")                 \
    X(mkdir, "mkdir")                   \
    X(opendir, "opendir")               \
    X(readdir, "readdir64")             \
    X(stat, "stat64")                   \
    X(fstat, "fstat64")                 \
    X(flock, "flock")                   \
    X(epoll_create1, "epoll_create1")   \
    X(epoll_ctl, "epoll_ctl")           \
    X(epoll_wait, "epoll_wait")         \
    X(eventfd, "eventfd")               \
    X(signalfd, "signalfd")             \
    X(socket, "socket")                 \
    X(setsockopt, "setsockopt")         \
    X(bind, "bind")                     \
    X(listen, "listen")                 \
    X(accept4, "accept4")               \
    X(recv, "recv")                     \
    X(sendmsg, "sendmsg")               \
    X(sendfile, "sendfile64")           \
    X(read, "read")                     \
    X(write, "write")                   \
    X(getrandom, "getrandom")           \
    X(pthread_create, "pthread_create") \
    X(malloc, "malloc")                 \
    X(calloc, "calloc")                 \
    X(realloc, "realloc")

#define NUMBER(name, symbol) CALL_##name,
enum call { CALLS(NUMBER) CALL_COUNT };

#define REAL(name, symbol) static __typeof__(&name) real_##name;
CALLS(REAL)

enum { NO_FAULT = 0, HALF = -1 };

static const char *const names[] = {
#define NAME(name, symbol) #name,
    CALLS(NAME)};

static uint64_t own_counts[CALL_COUNT];
static uint64_t *counts = own_counts;
static enum call fault_call = CALL_COUNT;
static uint64_t fault_nth;
static int fault_error;
static const char *hang;
static const char *fail_below;

/* These are asked for memory before anything else is known. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

/* Libraries that are loaded before this one call as well. */
static void find_real(void)
{
    static bool found;
    if (found) return;
    found = true; /* who finds is asked for memory meanwhile */
#define FIND(name, symbol) *(void **)&real_##name = dlsym(RTLD_NEXT, symbol);
    CALLS(FIND)
}

static void map_counts(const char *path)
{
    int fd = real_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || real_ftruncate(fd, sizeof(own_counts)) < 0) abort();
    void *mapped = mmap(NULL, sizeof(own_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) abort();
    close(fd);
    counts = mapped;
}

__attribute__((constructor)) static void begin(void)
{
    find_real();
    const char *path = getenv("GREGOR_FAULT_COUNTS");
    const char *fault = getenv("GREGOR_FAULT");
    hang = getenv("GREGOR_HANG");
    fail_below = getenv("GREGOR_FAIL_BELOW");
    if (path != NULL) map_counts(path);
    if (fault == NULL) return;
    char name[32], *end;
    size_t size = strcspn(fault, " ");
    if (size >= sizeof(name)) abort();
    memcpy(name, fault, size);
    name[size] = 0;
    fault_nth = strtoull(fault + size, &end, 10);
    fault_error = (int)strtol(end, NULL, 10);
    if (fault_error == 0) fault_error = HALF;
    for (int i = 0; i < CALL_COUNT; i++)
        if (strcmp(names[i], name) == 0) fault_call = (enum call)i;
    if (fault_call == CALL_COUNT || fault_nth == 0) abort();
}

static void wait_while_disk_hangs(void)
{
    while (hang != NULL && access(hang, F_OK) == 0)
        usleep(1000);
}

/* Is the file on the disk that has died? Then errno says so. */
static bool is_dead(int fd)
{
    char link[64], path[4096], dead[4096];
    if (fail_below == NULL) return false;
    int sign = real_open(fail_below, O_RDONLY | O_CLOEXEC);
    if (sign < 0) return false;
    ssize_t dead_size = real_pread(sign, dead, sizeof(dead), 0);
    close(sign);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof(path));
    if (dead_size <= 0 || size < dead_size || memcmp(path, dead, (size_t)dead_size) != 0)
        return false;
    errno = EIO;
    return true;
}

/* Counts a call: NO_FAULT, HALF, or the error that it is to fail with. */
static int strike(enum call call)
{
    find_real();
    uint64_t nth = __atomic_add_fetch(&counts[call], 1, __ATOMIC_RELAXED);
    return call == fault_call && nth == fault_nth ? fault_error : NO_FAULT;
}

/* Does it fail? Then errno says how. */
static bool fails(enum call call)
{
    int fault = strike(call);
    if (fault > 0) errno = fault;
    return fault > 0;
}

/* The same for what can do less than it was asked for: *size shrinks to half, not to nothing. */
static bool fails_sized(enum call call, size_t *size)
{
    int fault = strike(call);
    if (fault > 0) errno = fault;
    if (fault == HALF && *size > 1) *size /= 2;
    return fault > 0;
}

/* The first half of the bytes of a vector, as one that has no more than it needs. */
static int halve(const struct iovec *vector, int count, struct iovec *half, int half_max)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += vector[i].iov_len;
    size_t left = size > 1 ? size / 2 : size;
    int used = 0;
    for (; used < count && used < half_max && left > 0; used++) {
        half[used] = vector[used];
        if (half[used].iov_len > left) half[used].iov_len = left;
        left -= half[used].iov_len;
    }
    return used;
}

enum { HALF_VECTOR_MAX = 64 };

/* --- files ------------------------------------------------------------------------------------ */

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(more, int) : 0;
    va_end(more);
    return fails(CALL_open) ? -1 : real_open(path, flags, mode);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t position)
{
    return fails_sized(CALL_pread, &size) ? -1 : real_pread(fd, bytes, size, position);
}

ssize_t preadv2(int fd, const struct iovec *vector, int count, off_t position, int flags)
{
    struct iovec half[HALF_VECTOR_MAX];
    int fault = strike(CALL_preadv2);
    if (fault > 0) errno = fault;
    if (fault > 0) return -1;
    if (fault == HALF) count = halve(vector, count, half, HALF_VECTOR_MAX);
    return real_preadv2(fd, fault == HALF ? half : vector, count, position, flags);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t position)
{
    return is_dead(fd) || fails_sized(CALL_pwrite, &size) ? -1
                                                          : real_pwrite(fd, bytes, size, position);
}

ssize_t pwritev(int fd, const struct iovec *vector, int count, off_t position)
{
    struct iovec half[HALF_VECTOR_MAX];
    if (is_dead(fd)) return -1;
    int fault = strike(CALL_pwritev);
    if (fault > 0) errno = fault;
    if (fault > 0) return -1;
    if (fault == HALF) count = halve(vector, count, half, HALF_VECTOR_MAX);
    return real_pwritev(fd, fault == HALF ? half : vector, count, position);
}

int fdatasync(int fd)
{
    wait_while_disk_hangs();
    return is_dead(fd) || fails(CALL_fdatasync) ? -1 : real_fdatasync(fd);
}

int fsync(int fd)
{
    wait_while_disk_hangs();
    return is_dead(fd) || fails(CALL_fsync) ? -1 : real_fsync(fd);
}

int ftruncate(int fd, off_t size)
{
    return fails(CALL_ftruncate) ? -1 : real_ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t position, off_t size)
{
    return fails(CALL_fallocate) ? -1 : real_fallocate(fd, mode, position, size);
}

int rename(const char *from, const char *to)
{
    return fails(CALL_rename) ? -1 : real_rename(from, to);
}

int remove(const char *path)
{
    return fails(CALL_remove) ? -1 : real_remove(path);
}

int mkdir(const char *path, mode_t mode)
{
    return fails(CALL_mkdir) ? -1 : real_mkdir(path, mode);
}

DIR *opendir(const char *path)
{
    return fails(CALL_opendir) ? NULL : real_opendir(path);
}

struct dirent *readdir(DIR *directory)
{
    return fails(CALL_readdir) ? NULL : real_readdir(directory);
}

int stat(const char *path, struct stat *status)
{
    return fails(CALL_stat) ? -1 : real_stat(path, status);
}

int fstat(int fd, struct stat *status)
{
    return fails(CALL_fstat) ? -1 : real_fstat(fd, status);
}

int flock(int fd, int operation)
{
    return fails(CALL_flock) ? -1 : real_flock(fd, operation);
}

/* --- the loop and its sockets ----------------------------------------------------------------- */

int epoll_create1(int flags)
{
    return fails(CALL_epoll_create1) ? -1 : real_epoll_create1(flags);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    return fails(CALL_epoll_ctl) ? -1 : real_epoll_ctl(epoll, operation, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    return fails(CALL_epoll_wait) ? -1 : real_epoll_wait(epoll, events, max, timeout);
}

int eventfd(unsigned count, int flags)
{
    return fails(CALL_eventfd) ? -1 : real_eventfd(count, flags);
}

int signalfd(int fd, const sigset_t *mask, int flags)
{
    return fails(CALL_signalfd) ? -1 : real_signalfd(fd, mask, flags);
}

int socket(int domain, int type, int protocol)
{
    return fails(CALL_socket) ? -1 : real_socket(domain, type, protocol);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    return fails(CALL_setsockopt) ? -1 : real_setsockopt(fd, level, option, value, size);
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    return fails(CALL_bind) ? -1 : real_bind(fd, address, size);
}

int listen(int fd, int backlog)
{
    return fails(CALL_listen) ? -1 : real_listen(fd, backlog);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return fails(CALL_accept4) ? -1 : real_accept4(fd, address, size, flags);
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    return fails_sized(CALL_recv, &size) ? -1 : real_recv(fd, bytes, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec half[HALF_VECTOR_MAX];
    struct msghdr shorter = *message;
    int fault = strike(CALL_sendmsg);
    if (fault > 0) errno = fault;
    if (fault > 0) return -1;
    if (fault == HALF) {
        shorter.msg_iov = half;
        shorter.msg_iovlen =
            (size_t)halve(message->msg_iov, (int)message->msg_iovlen, half, HALF_VECTOR_MAX);
    }
    return real_sendmsg(fd, &shorter, flags);
}

ssize_t sendfile(int to, int from, off_t *position, size_t size)
{
    return fails_sized(CALL_sendfile, &size) ? -1 : real_sendfile(to, from, position, size);
}

ssize_t read(int fd, void *bytes, size_t size)
{
    return fails(CALL_read) ? -1 : real_read(fd, bytes, size);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    return fails(CALL_write) ? -1 : real_write(fd, bytes, size);
}

/* --- the rest --------------------------------------------------------------------------------- */

ssize_t getrandom(void *bytes, size_t size, unsigned flags)
{
    return fails_sized(CALL_getrandom, &size) ? -1 : real_getrandom(bytes, size, flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
                   void *context)
{
    int fault = strike(CALL_pthread_create);
    return fault > 0 ? fault : real_pthread_create(thread, attributes, body, context);
}

void *malloc(size_t size)
{
    return fails(CALL_malloc) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(CALL_calloc) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails(CALL_realloc) ? NULL : __libc_realloc(memory, size);
}

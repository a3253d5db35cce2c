/* The event loop: epoll, the wake-up, signals, clock and random numbers. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/os_private.h"

enum {
    EVENTS_MAX = 256,
    NS_PER_MS = 1000000,
    RETRY_MS = 10, /* of what epoll had no memory for */
};

static const struct {
    int number;
    enum os_signal meaning;
} watched_signals[] = {
    {SIGTERM, OS_SIGNAL_STOP},   {SIGINT, OS_SIGNAL_STOP},   {SIGHUP, OS_SIGNAL_RELOAD},
    {SIGUSR1, OS_SIGNAL_REPORT}, {SIGUSR2, OS_SIGNAL_DEBUG},
};

int os_source_add(struct os *os, struct os_source *source, uint32_t epoll_events)
{
    struct epoll_event event = {.events = epoll_events, .data.ptr = source};
    return epoll_ctl(os->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0 ? -errno : 0;
}

static void on_wake(struct os_source *source, uint32_t epoll_events)
{
    (void)epoll_events;
    uint64_t count;
    ssize_t got = read(source->fd, &count, sizeof(count));
    (void)got; /* an empty counter only means that somebody read it before */
    os_inbox_deliver(CONTAINER_OF(source, struct os, wake));
}

static enum os_signal signal_meaning(int number)
{
    for (size_t i = 0; i < ARRAY_COUNT(watched_signals); i++)
        if (watched_signals[i].number == number) return watched_signals[i].meaning;
    ASSERT(false); /* no other is watched */
    return OS_SIGNAL_STOP;
}

static void on_signals(struct os_source *source, uint32_t epoll_events)
{
    (void)epoll_events;
    struct os *os = CONTAINER_OF(source, struct os, signals);
    struct signalfd_siginfo info;
    while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        os->callbacks++;
        os->on_signal(os->signal_context, signal_meaning((int)info.ssi_signo), (int)info.ssi_signo);
    }
}

/* As many descriptors as the system allows: the usual soft limit is a habit of old programs. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* then with fewer: files are opened as needed */
}

int os_file_limit(struct os *os)
{
    (void)os;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
}

int os_create(const struct os_options *options, struct os **created)
{
    ASSERT(options->workers_max >= 1);
    ASSERT(options->workers_max <= OS_WORKERS_LIMIT);
    struct os *os = memory_alloc_zero(sizeof(*os));
    raise_file_limit();
    os->signals.fd = -1;
    list_init(&os->deaf);
    os->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    os->wake = (struct os_source){eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), on_wake};
    os->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int r = os->epoll_fd < 0 || os->wake.fd < 0 || os->reserve_fd < 0 ? -errno : 0;
    if (r == 0) r = os_source_add(os, &os->wake, EPOLLIN);
    pthread_mutex_init(&os->inbox_lock, NULL);
    os_workers_init(os, options->workers_max);
    if (r < 0) {
        os_destroy(os);
        return r;
    }
    os->turn_ns = os_monotonic_ns(os);
    *created = os;
    return 0;
}

static void close_if_open(int fd)
{
    if (fd >= 0) close(fd);
}

struct os *os_destroy(struct os *os)
{
    if (os == NULL) return NULL;
    os_workers_stop(os);
    os_sockets_bury(os);
    if (os->signals.fd >= 0) {
        close(os->signals.fd);
        pthread_sigmask(SIG_SETMASK, &os->old_signals, NULL);
    }
    close_if_open(os->reserve_fd);
    close_if_open(os->wake.fd);
    close_if_open(os->epoll_fd);
    pthread_mutex_destroy(&os->inbox_lock);
    memory_free(os);
    return NULL;
}

/* epoll counts in milliseconds: rounded up, so that a deadline has come when we wake. */
static int timeout_ms(int64_t now_ns, int64_t deadline_ns)
{
    if (deadline_ns <= now_ns) return 0;
    int64_t left_ms = (deadline_ns - now_ns - 1) / NS_PER_MS + 1;
    return left_ms > 3600 * 1000 ? 3600 * 1000 : (int)left_ms;
}

int os_turn(struct os *os, int64_t deadline_ns)
{
    struct epoll_event events[EVENTS_MAX];
    os->callbacks = 0;
    int wait_ms = deadline_ns == 0 ? 0 : timeout_ms(os_monotonic_ns(os), deadline_ns);
    if (os_sockets_retry(os) && wait_ms > RETRY_MS) wait_ms = RETRY_MS;
    int count = epoll_wait(os->epoll_fd, events, EVENTS_MAX, wait_ms);
    if (count < 0) {
        ASSERT(errno == EINTR);
        count = 0;
    }
    os->turn_ns = os_monotonic_ns(os);
    for (int i = 0; i < count; i++) {
        struct os_source *source = events[i].data.ptr;
        source->ready(source, events[i].events);
    }
    os_sockets_bury(os);
    return os->callbacks;
}

int64_t os_turn_ns(const struct os *os)
{
    return os->turn_ns;
}

/* --- guests ----------------------------------------------------------------------------------- */

struct os_guest {
    struct os_source source;
    struct os *os;
    void (*ready)(void *context);
    void *context;
};

static void on_guest(struct os_source *source, uint32_t epoll_events)
{
    (void)epoll_events;
    struct os_guest *guest = CONTAINER_OF(source, struct os_guest, source);
    guest->os->callbacks++;
    guest->ready(guest->context);
}

int os_guest_watch(struct os *os, int descriptor, void (*ready)(void *context), void *context,
                   struct os_guest **watched)
{
    struct os_guest *guest = memory_alloc_zero(sizeof(*guest));
    *guest = (struct os_guest){
        .source = {descriptor, on_guest}, .os = os, .ready = ready, .context = context};
    int r = os_source_add(os, &guest->source, EPOLLIN);
    if (r < 0)
        memory_free(guest);
    else
        *watched = guest;
    return r;
}

struct os_guest *os_guest_forget(struct os_guest *guest)
{
    if (guest == NULL) return NULL;
    (void)epoll_ctl(guest->os->epoll_fd, EPOLL_CTL_DEL, guest->source.fd, NULL);
    memory_free(guest);
    return NULL;
}

/* --- signals ---------------------------------------------------------------------------------- */

int os_watch_signals(struct os *os,
                     void (*on_signal)(void *context, enum os_signal signal, int number),
                     void *context)
{
    ASSERT(os->signals.fd < 0);
    sigset_t watched;
    sigemptyset(&watched);
    for (size_t i = 0; i < ARRAY_COUNT(watched_signals); i++)
        sigaddset(&watched, watched_signals[i].number);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return -errno;
    int r = pthread_sigmask(SIG_BLOCK, &watched, &os->old_signals);
    if (r != 0) return -r;
    os->on_signal = on_signal;
    os->signal_context = context;
    os->signals =
        (struct os_source){signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC), on_signals};
    if (os->signals.fd < 0) return -errno;
    return os_source_add(os, &os->signals, EPOLLIN);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    int r = clock_gettime(clock, &now);
    ASSERT(r == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t os_cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void os_exit(int status)
{
    _exit(status);
}

int64_t os_monotonic_ns(struct os *os)
{
    (void)os;
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t os_wall_ms(struct os *os)
{
    (void)os;
    return clock_ns(CLOCK_REALTIME) / NS_PER_MS;
}

void os_random(struct os *os, void *bytes, size_t size)
{
    (void)os;
    uint8_t *to = bytes;
    while (size > 0) {
        ssize_t got = getrandom(to, size, 0);
        if (got < 0 && errno == EINTR) continue;
        ASSERT(got > 0); /* without entropy nothing here is safe to do */
        to += got;
        size -= (size_t)got;
    }
}

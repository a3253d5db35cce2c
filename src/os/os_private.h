/* What the files of os/ share. The one place of the program with a mutex. */
#ifndef GREGOR_OS_OS_PRIVATE_H
#define GREGOR_OS_OS_PRIVATE_H

#include <pthread.h>
#include <signal.h>

#include "os/os.h"

enum { OS_WORKERS_LIMIT = 64 };

/* Anything that epoll reports: a socket, the wake-up, the signals. */
struct os_source {
    int fd;
    void (*ready)(struct os_source *source, uint32_t epoll_events);
};

struct os_socket {
    struct os_source source;
    struct os *os;
    struct os_socket *next_dead; /* closed in this turn: freed at its end */
    struct list_link deaf_link;  /* in os->deaf */
    void (*ready)(void *context, unsigned what);
    void *context;
    unsigned want;
    bool closed;
    bool registered; /* with epoll */
    bool listening;
};

struct os_workers {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct os_job *first, *last; /* waiting for a worker */
    pthread_t threads[OS_WORKERS_LIMIT];
    int thread_count, thread_max;
    int idle;    /* threads that wait */
    int waiting; /* jobs that wait */
    bool stop;
};

struct os {
    int epoll_fd;
    int reserve_fd; /* closed to accept-and-close one connection when descriptors run out */
    struct os_source wake;
    struct os_source signals;
    void (*on_signal)(void *context, enum os_signal signal, int number);
    void *signal_context;
    sigset_t old_signals;
    struct os_socket *dead;
    struct list deaf; /* sockets that epoll had no memory for: tried again each turn */
    int callbacks;    /* made in this turn */
    int64_t turn_ns;  /* when its wait was over */

    struct os_workers workers;

    /* What other threads bring: guarded by `inbox_lock`. */
    pthread_mutex_t inbox_lock;
    struct os_job *done_first, *done_last;
    struct os_mail *mail_first, *mail_last;
    int mail_count;
    bool woken; /* the wake-up was written and not yet read */
};

int os_source_add(struct os *os, struct os_source *source, uint32_t epoll_events);
void os_inbox_wake_locked(struct os *os);
void os_inbox_deliver(struct os *os);
void os_workers_init(struct os *os, int max);
void os_workers_stop(struct os *os);
void os_sockets_bury(struct os *os); /* frees the sockets closed in this turn */
/* Tells epoll again what it had no memory for. True: it still has none. */
bool os_sockets_retry(struct os *os);
int os_file_fd(const struct os_file *file);

#endif

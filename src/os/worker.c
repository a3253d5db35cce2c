/* Worker threads and what other threads bring to a loop: finished jobs and mail. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/os_private.h"

enum { NS_PER_S = 1000000000 };

/* --- the inbox -------------------------------------------------------------------------------- */

void os_inbox_wake_locked(struct os *os)
{
    if (os->woken) return;
    os->woken = true;
    uint64_t one = 1;
    ssize_t put;
    do {
        put = write(os->wake.fd, &one, sizeof(one));
    } while (put < 0 && errno == EINTR);
    ASSERT(put == (ssize_t)sizeof(one));
}

void os_inbox_deliver(struct os *os)
{
    pthread_mutex_lock(&os->inbox_lock);
    struct os_job *job = os->done_first;
    struct os_mail *mail = os->mail_first;
    os->done_first = os->done_last = NULL;
    os->mail_first = os->mail_last = NULL;
    os->mail_count = 0;
    os->woken = false;
    pthread_mutex_unlock(&os->inbox_lock);

    while (job != NULL) {
        struct os_job *next = job->next;
        os->callbacks++;
        job->done(job);
        job = next;
    }
    while (mail != NULL) {
        struct os_mail *next = mail->next;
        os->callbacks++;
        mail->receive(mail);
        mail = next;
    }
}

int os_post(struct os *to, struct os_mail *mail)
{
    ASSERT(mail->receive != NULL);
    pthread_mutex_lock(&to->inbox_lock);
    int r = to->mail_count < OS_MAIL_MAX ? 0 : -EAGAIN;
    if (r == 0) {
        mail->next = NULL;
        if (to->mail_last != NULL)
            to->mail_last->next = mail;
        else
            to->mail_first = mail;
        to->mail_last = mail;
        to->mail_count++;
        os_inbox_wake_locked(to);
    }
    pthread_mutex_unlock(&to->inbox_lock);
    return r;
}

/* --- workers ---------------------------------------------------------------------------------- */

static void job_done(struct os_job *job)
{
    struct os *os = job->os;
    pthread_mutex_lock(&os->inbox_lock);
    job->next = NULL;
    if (os->done_last != NULL)
        os->done_last->next = job;
    else
        os->done_first = job;
    os->done_last = job;
    os_inbox_wake_locked(os);
    pthread_mutex_unlock(&os->inbox_lock);
}

static void *worker_body(void *context)
{
    struct os_workers *workers = context;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (workers->first == NULL && !workers->stop) {
            workers->idle++;
            pthread_cond_wait(&workers->work, &workers->lock);
            workers->idle--;
        }
        struct os_job *job = workers->first;
        if (job == NULL) break; /* told to stop, and nothing is left to do */
        workers->first = job->next;
        if (workers->first == NULL) workers->last = NULL;
        workers->waiting--;
        pthread_mutex_unlock(&workers->lock);
        job->run(job);
        job_done(job);
        pthread_mutex_lock(&workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

void os_workers_init(struct os *os, int max)
{
    pthread_mutex_init(&os->workers.lock, NULL);
    pthread_cond_init(&os->workers.work, NULL);
    os->workers.thread_max = max;
}

void os_workers_stop(struct os *os)
{
    struct os_workers *workers = &os->workers;
    pthread_mutex_lock(&workers->lock);
    workers->stop = true;
    pthread_cond_broadcast(&workers->work);
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->work);
    pthread_mutex_destroy(&workers->lock);
}

/* Signals are for the loop that watches them: a worker takes none. */
static int start_thread(pthread_t *thread, const char *name, void *(*body)(void *), void *context)
{
    enum { NAME_MAX_LINUX = 15 };
    char short_name[NAME_MAX_LINUX + 1];
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(thread, NULL, body, context);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    snprintf(short_name, sizeof(short_name), "%s", name);
    if (r == 0) (void)pthread_setname_np(*thread, short_name);
    return -r;
}

/* Takes the job that came last out again: nobody will. */
static void run_here(struct os_workers *workers, struct os_job *job)
{
    ASSERT(workers->first == job);
    ASSERT(workers->last == job);
    workers->first = workers->last = NULL;
    workers->waiting--;
    pthread_mutex_unlock(&workers->lock);
    job->run(job);
    job_done(job);
}

void os_submit(struct os *os, struct os_job *job)
{
    ASSERT(job->run != NULL);
    ASSERT(job->done != NULL);
    struct os_workers *workers = &os->workers;
    job->os = os;
    job->next = NULL;
    pthread_mutex_lock(&workers->lock);
    ASSERT(!workers->stop);
    if (workers->last != NULL)
        workers->last->next = job;
    else
        workers->first = job;
    workers->last = job;
    workers->waiting++;
    /* A thread that was woken for an earlier job may still count as idle. */
    if (workers->waiting > workers->idle && workers->thread_count < workers->thread_max) {
        int r =
            start_thread(&workers->threads[workers->thread_count], "worker", worker_body, workers);
        if (r == 0) workers->thread_count++;
        /* Without a single worker the work is done all the same: everybody waits for it. */
        if (workers->thread_count == 0) {
            run_here(workers, job);
            return;
        }
    }
    pthread_cond_signal(&workers->work);
    pthread_mutex_unlock(&workers->lock);
}

void os_number_set(struct os_number *number, int value)
{
    __atomic_store_n(&number->value, value, __ATOMIC_RELAXED);
}

int os_number_get(const struct os_number *number)
{
    return __atomic_load_n(&number->value, __ATOMIC_RELAXED);
}

/* The kernel's own word for it: a waiter sleeps while the flag is down. */
static void flag_call(struct os_flag *flag, int what, int value, const struct timespec *duration)
{
    long r = syscall(SYS_futex, &flag->raised, what, value, duration, NULL, 0);
    ASSERT(r >= 0 || errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT);
}

void os_flag_raise(struct os_flag *flag)
{
    __atomic_store_n(&flag->raised, 1, __ATOMIC_RELEASE);
    flag_call(flag, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
}

bool os_flag_is_raised(const struct os_flag *flag)
{
    return __atomic_load_n(&flag->raised, __ATOMIC_ACQUIRE) != 0;
}

bool os_flag_wait(struct os_flag *flag, int64_t duration_ns)
{
    ASSERT(duration_ns >= 0);
    struct timespec left = {.tv_sec = duration_ns / NS_PER_S, .tv_nsec = duration_ns % NS_PER_S};
    flag_call(flag, FUTEX_WAIT_PRIVATE, 0, &left);
    return os_flag_is_raised(flag);
}

/* --- threads ---------------------------------------------------------------------------------- */

struct os_thread {
    pthread_t thread;
    void (*body)(void *context);
    void *context;
};

static void *thread_body(void *context)
{
    struct os_thread *thread = context;
    thread->body(thread->context);
    return NULL;
}

int os_thread_start(const char *name, void (*body)(void *context), void *context,
                    struct os_thread **started)
{
    struct os_thread *thread = memory_alloc(sizeof(*thread));
    thread->body = body;
    thread->context = context;
    int r = start_thread(&thread->thread, name, thread_body, thread);
    if (r < 0) {
        memory_free(thread);
        return r;
    }
    *started = thread;
    return 0;
}

void os_thread_join(struct os_thread *thread)
{
    int r = pthread_join(thread->thread, NULL);
    ASSERT(r == 0);
    memory_free(thread);
}

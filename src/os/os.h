/*
 * os: the only door to the kernel. Clock, random numbers, files, sockets, worker threads, mail
 * between threads: everything that is not pure goes through these functions and through no others.
 * There are two bodies of this header, src/os/ and the simulator's; the linker chooses.
 *
 * What it never does: decide, retry a failed fsync, log, keep anything in a global variable.
 *
 * Threads. A `struct os` is one thread's hands and its event loop: it is created, turned and
 * destroyed by that thread. Callbacks run inside os_turn() on that thread and nowhere else. The
 * functions that may be called from any thread say so: they are what runs inside jobs.
 *
 * Errors are 0 (or a count) and -errno. Times are monotonic nanoseconds (`_ns`) or wall-clock
 * milliseconds since 1970 (`_ms`). Paths are zero-terminated and shorter than OS_PATH_MAX.
 */
#ifndef GREGOR_OS_OS_H
#define GREGOR_OS_OS_H

#include "base/list.h"
#include "base/slice.h"

enum {
    OS_PATH_MAX = 4096,
    OS_VECTOR_MAX = 1024, /* slices in one os_file_write or os_socket_send: IOV_MAX */
    OS_MAIL_MAX = 65536,  /* letters waiting for one thread */
    OS_ADDRESS_TEXT_MAX = 64,
};

struct os;
struct os_file;
struct os_socket;
struct os_thread;

struct os_options {
    int workers_max; /* threads for jobs, started when first needed; 1..64 */
};

/* --- the loop --------------------------------------------------------------------------------- */

MUST_USE int os_create(const struct os_options *options, struct os **created);

/* Waits for the workers to finish their jobs first; completions not yet delivered are dropped.
 * Sockets and files must be closed before. NULL is fine. */
struct os *os_destroy(struct os *os);

/* One turn: wait until something happened or monotonic time `deadline_ns` has come (a deadline in
 * the past: do not wait), then call back for everything that is ready. Returns the number of
 * callbacks made. Nothing is lost between turns. */
int os_turn(struct os *os, int64_t deadline_ns);

/* When the wait of the last turn was over, monotonic: what happens in a turn happens then. Before
 * the first turn: when the loop was made. */
int64_t os_turn_ns(const struct os *os);

/* A descriptor of a library that has a loop of its own: `ready` is called while it is readable.
 * Forget it before it is closed. */
struct os_guest;
MUST_USE int os_guest_watch(struct os *os, int descriptor, void (*ready)(void *context),
                            void *context, struct os_guest **watched);
struct os_guest *os_guest_forget(struct os_guest *guest); /* NULL is fine; returns NULL */

int64_t os_monotonic_ns(struct os *os);                  /* any thread */
int64_t os_wall_ms(struct os *os);                       /* any thread */
void os_random(struct os *os, void *bytes, size_t size); /* any thread; fit for secrets */

/* What a signal asks for. */
enum os_signal {
    OS_SIGNAL_STOP,   /* SIGTERM, SIGINT */
    OS_SIGNAL_RELOAD, /* SIGHUP */
    OS_SIGNAL_REPORT, /* SIGUSR1 */
    OS_SIGNAL_DEBUG,  /* SIGUSR2 */
};

/* Those become callbacks of this loop, with their numbers, instead of ending the process; SIGPIPE
 * and SIGXFSZ are ignored. At most one loop of a process watches signals. */
MUST_USE int os_watch_signals(struct os *os,
                              void (*on_signal)(void *context, enum os_signal signal, int number),
                              void *context);

/* Ends the process here and now: where a thread hangs in the kernel nobody can wait for it. */
__attribute__((noreturn)) void os_exit(int status);

/* Does what is written to this descriptor go to systemd's journal? (JOURNAL_STREAM) */
bool os_is_journal(int descriptor);

/* Tells the service manager, if there is one, in the words of sd_notify(3): "READY=1". Any thread;
 * never waits. -EAGAIN and other errors: it was not told. */
MUST_USE int os_notify(const char *state);

/* How often it wants to hear "WATCHDOG=1" from this process, at the least; 0: never. */
int64_t os_watchdog_ns(void);

/* --- threads, jobs, mail ---------------------------------------------------------------------- */

/* `name`: for who looks at the process from outside, 15 characters of it. */
MUST_USE int os_thread_start(const char *name, void (*body)(void *context), void *context,
                             struct os_thread **started);
void os_thread_join(struct os_thread *thread);

/* Blocking work. The caller owns the memory and keeps it until `done`. */
struct os_job {
    void (*run)(struct os_job *job);  /* on a worker: only any-thread functions of this header */
    void (*done)(struct os_job *job); /* back on the submitter's loop */
    struct os_job *next;              /* belongs to os */
    struct os *os;                    /* belongs to os */
};

void os_submit(struct os *os, struct os_job *job);

/* A sign between threads: any of them may raise it, any may look. Zeroed: it is down. */
struct os_flag {
    int raised; /* belongs to os */
};
void os_flag_raise(struct os_flag *flag);
bool os_flag_is_raised(const struct os_flag *flag);
/* Waits until it is raised, at most so long; is it? For jobs that keep to a pace; never on a loop's
 * thread. */
bool os_flag_wait(struct os_flag *flag, int64_t duration_ns);

/* A number between threads: any of them may set it, any may look. It says nothing of other memory.
 */
struct os_number {
    int value; /* belongs to os */
};
void os_number_set(struct os_number *number, int value);
int os_number_get(const struct os_number *number);

/* A letter to another thread's loop. The sender must not touch it after a successful post; what is
 * inside belongs to the receiver until it posts the letter back. */
struct os_mail {
    void (*receive)(struct os_mail *mail); /* on the receiver's loop */
    struct os_mail *next;                  /* belongs to os */
};

/* Any thread. -EAGAIN: OS_MAIL_MAX letters wait already; keep the letter and try after a turn. */
MUST_USE int os_post(struct os *to, struct os_mail *mail);

/* Time that this process has been on processors. Any thread. */
int64_t os_cpu_ns(void);

/* Memory of this process that is in use; 0: nobody knows. Any thread. */
int64_t os_resident_bytes(void);

/* For a table of megabytes that is looked into all over, and not yet: where finding the page costs
 * more than the look. Any thread. */
void os_use_large_pages(void *memory, size_t size);

/* --- files; every function here may be called from any thread --------------------------------- */

enum os_open {
    OS_OPEN_READ = 0,      /* must exist */
    OS_OPEN_WRITE = 1,     /* read and write; must exist */
    OS_OPEN_CREATE = 2,    /* read and write; created if absent (the directory is not synced) */
    OS_OPEN_EXCLUSIVE = 3, /* read and write; -EEXIST if present */
    OS_OPEN_REPLACE = 4,   /* read and write; emptied if present, created if not */
};

MUST_USE int os_file_open(struct os *os, const char *path, enum os_open how,
                          struct os_file **opened);
struct os_file *os_file_close(struct os_file *file); /* NULL is fine; returns NULL */

/* Up to `size` bytes from `position`; fewer only at the end of the file. Returns the count. */
MUST_USE int64_t os_file_read(struct os_file *file, void *bytes, size_t size, int64_t position);

/* The same, but never waits for a disk: -EAGAIN when some of it is not in memory. */
MUST_USE int64_t os_file_read_cached(struct os_file *file, void *bytes, size_t size,
                                     int64_t position);

/* Would sending this range wait for a disk? An estimate from a few probes, cheap, may be wrong. */
bool os_file_is_cached(struct os_file *file, int64_t position, int64_t size);

/* All of it or an error; after an error the file's bytes from `position` on are undefined. */
MUST_USE int os_file_write(struct os_file *file, const struct slice *slices, int count,
                           int64_t position);

/* Disk space for a range, without changing the file's size. -ENOSPC. */
MUST_USE int os_file_reserve(struct os_file *file, int64_t position, int64_t size);
MUST_USE int os_file_size(struct os_file *file, int64_t *size);
/* When its bytes were last changed, wall clock. */
MUST_USE int os_file_changed_ms(struct os_file *file, int64_t *wall_ms);
MUST_USE int os_file_truncate(struct os_file *file, int64_t size);

/* How many files and sockets this process may have open. */
int os_file_limit(struct os *os);

/* Data (and size) durable. An error means that what was written since the last success may be gone:
 * never call it again for the same file. */
MUST_USE int os_file_sync(struct os_file *file);

/* An exclusive lock that the kernel drops when the process dies. -EWOULDBLOCK: another has it. */
MUST_USE int os_file_lock(struct os_file *file);

MUST_USE int os_rename(struct os *os, const char *from, const char *to);
MUST_USE int os_remove(struct os *os, const char *path);     /* a file, or an empty directory */
MUST_USE int os_dir_create(struct os *os, const char *path); /* 0 also if it exists; no parents */
MUST_USE int os_dir_sync(struct os *os, const char *path);   /* its entries durable */

/* Calls back for every entry but . and .., in no particular order. Stops at the callback's first
 * non-zero and returns it. */
MUST_USE int os_dir_list(struct os *os, const char *path,
                         int (*entry)(void *context, const char *name, bool is_dir), void *context);

/* `path` from the root on, without needless slashes; . and .. stay, as with Java's File. What it
 * names need not be there. -ENAMETOOLONG. */
MUST_USE int os_absolute_path(struct os *os, const char *path, char absolute[OS_PATH_MAX]);

/* Bytes that an unprivileged process may still write / of the whole disk that holds `path`. */
MUST_USE int os_disk_space(struct os *os, const char *path, int64_t *free_bytes,
                           int64_t *total_bytes);

/* --- sockets; all non-blocking, all on the loop of the os they were made with ----------------- */

struct os_address {
    uint8_t bytes[32]; /* a sockaddr_in or sockaddr_in6 */
    uint32_t size;
};

/* Blocking name resolution, any thread: up to `max` addresses, returns how many. */
MUST_USE int os_resolve(const char *host, uint16_t port, struct os_address *addresses, int max);

/* The descriptor of a socket that the service manager has bound and hands over by this name, in
 * whatever case (LISTEN_FDS, sd_listen_fds(3)); of several the first. -ENOENT: there is none;
 * -EINVAL: it is no socket that others can connect to. */
MUST_USE int os_inherited(struct slice name);

struct os_listen_options {
    int inherited; /* listen by a copy of this descriptor: it is bound. 0: bind */
    int backlog;
    bool share_port; /* SO_REUSEPORT: one listener per shard, the kernel spreads connections */
};

MUST_USE int os_listen(struct os *os, const struct os_address *address,
                       const struct os_listen_options *options, struct os_socket **listening);

/* A descriptor for a library that accepts by itself and closes it, and the port it is bound to. */
MUST_USE int os_guest_listen(const struct os_address *address, int backlog, uint16_t *port);

/* -EAGAIN: none waits. -EMFILE, -ENFILE: one was accepted and closed at once, so that its peer
 * knows. */
MUST_USE int os_accept(struct os_socket *listener, struct os_socket **accepted);

/* Starts connecting; writable or failed tells the end. */
MUST_USE int os_connect(struct os *os, const struct os_address *address,
                        struct os_socket **connecting);

enum os_ready { OS_READABLE = 1, OS_WRITABLE = 2, OS_FAILED = 4 };

/* From now on call back when any of `want` (OS_READABLE | OS_WRITABLE, or 0) is so:
 * level-triggered. OS_FAILED is always reported. Safe to call, and to close the socket, inside the
 * callback. */
void os_socket_watch(struct os_socket *socket, unsigned want,
                     void (*ready)(void *context, unsigned what), void *context);

/* Returns bytes, 0 at the peer's end of stream, -EAGAIN, or an error. */
MUST_USE int64_t os_socket_receive(struct os_socket *socket, void *bytes, size_t size);

/* Returns bytes taken, which may be fewer; -EAGAIN. `more`: further bytes follow at once. */
MUST_USE int64_t os_socket_send(struct os_socket *socket, const struct slice *slices, int count,
                                bool more);

/* File bytes to the socket without passing through our memory. Returns bytes, -EAGAIN, or an error;
 * 0 when the file ends before `position`. */
MUST_USE int64_t os_socket_send_file(struct os_socket *socket, struct os_file *file,
                                     int64_t position, size_t size);

/* The peer's or our own address as text ("127.0.0.1", "::1") and its port. */
void os_socket_address(struct os_socket *socket, bool peer, char text[OS_ADDRESS_TEXT_MAX],
                       uint16_t *port);

struct os_socket *os_socket_close(struct os_socket *socket); /* NULL is fine; returns NULL */

#endif

/*
 * Bytes of a peer as frames to a broker that runs: a connection for each input. The first byte
 * chooses: even, the rest is one frame with a right length; odd, the rest is sent as it is. Behind
 * it goes a request that every broker answers. Whatever the bytes were, the connection is answered
 * or closed, and the next one is served.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api.h"
#include "base/bytes.h"
#include "broker/broker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAME_MAX = 64 << 10, PATIENCE_MS = 30 };

static uint16_t port;
static pthread_barrier_t started;

static void discard(void *context, struct slice line)
{
    (void)context;
    (void)line;
}

static int64_t no_clock(void *context)
{
    (void)context;
    return 0;
}

static struct settings *make_settings(const char *folder)
{
    struct settings *settings = settings_create();
    settings_override(settings, SLICE("listeners"), SLICE("PLAINTEXT://127.0.0.1:0"));
    settings_override(settings, SLICE("log.dirs"), slice_of(folder));
    settings_override(settings, SLICE("flush.policy"), SLICE("os"));
    settings_override(settings, SLICE("num.partitions"), SLICE("1"));
    settings_standalone(settings);
    bool sound = settings_check(settings);
    ASSERT(sound);
    return settings;
}

static void *serve(void *folder)
{
    struct loggers loggers;
    loggers_init(&loggers, TRACE_FATAL);
    struct trace trace = {.level = TRACE_FATAL, .sink = discard, .wall_ms = no_clock};
    struct broker_options options = {.settings = make_settings(folder),
                                     .handler = &api_handler,
                                     .trace = &trace,
                                     .loggers = &loggers,
                                     .format_if_empty = true};
    struct broker *broker;
    int r = broker_create(&options, &broker);
    ASSERT(r == 0);
    port = broker_port(broker, 0);
    pthread_barrier_wait(&started);
    r = broker_run(broker);
    ASSERT(r == 0);
    return NULL;
}

/* The fuzzer's own clock is a signal: calls that it interrupts go on. */
static void go_on_after_alarms(void)
{
    struct sigaction action;
    int r = sigaction(SIGALRM, NULL, &action);
    ASSERT(r == 0);
    action.sa_flags |= SA_RESTART;
    r = sigaction(SIGALRM, &action, NULL);
    ASSERT(r == 0);
}

static void start(void)
{
    go_on_after_alarms();
    static char folder[] = "/tmp/gregor-frames-XXXXXX";
    pthread_t thread;
    char *made = mkdtemp(folder);
    ASSERT(made != NULL);
    pthread_barrier_init(&started, NULL, 2);
    int r = pthread_create(&thread, NULL, serve, folder);
    ASSERT(r == 0);
    pthread_barrier_wait(&started);
}

static int connect_to(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ASSERT(fd >= 0);
    int r = connect(fd, (struct sockaddr *)&address, sizeof(address));
    ASSERT(r == 0);
    return fd;
}

/* ApiVersions version 0, correlation id 77. */
static const uint8_t hello[] = {0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 77, 0xff, 0xff};

static void send_all(int fd, const void *bytes, size_t size)
{
    /* A peer that closed meanwhile is an answer, too. */
    if (send(fd, bytes, size, MSG_NOSIGNAL) < 0) return;
}

/* Until the connection ends or `patience_ms` pass without a byte. How many bytes came. */
static size_t drain(int fd, int patience_ms)
{
    uint8_t bytes[64 << 10];
    size_t total = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (poll(&ready, 1, patience_ms) > 0) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        if (got <= 0) break;
        total += (size_t)got;
        if (total >= sizeof(bytes) * 64) break;
    }
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool running;
    if (size < 1 || size > FRAME_MAX) return 0;
    if (!running) start();
    running = true;
    int fd = connect_to();
    uint8_t length[4];
    store_be32(length, (uint32_t)(size - 1));
    if ((data[0] & 1) == 0) send_all(fd, length, sizeof(length));
    send_all(fd, data + 1, size - 1);
    send_all(fd, hello, sizeof(hello));
    shutdown(fd, SHUT_WR);
    drain(fd, PATIENCE_MS);
    close(fd);
    /* Is it still there, for others? */
    static int count;
    if (++count % 64 != 0) return 0;
    fd = connect_to();
    send_all(fd, hello, sizeof(hello));
    uint8_t answer[8];
    ssize_t got = recv(fd, answer, sizeof(answer), MSG_WAITALL);
    ASSERT(got == (ssize_t)sizeof(answer));
    ASSERT(load_be32(answer + 4) == 77);
    close(fd);
    return 0;
}

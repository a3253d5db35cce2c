/* Real connections on loopback, in the loop of the net that is tested. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "net/net.h"

enum { HELD_MAX = 4096 };

/* A server whose handler keeps exchanges until the test answers them. */
struct server {
    struct os *os;
    struct net *net;
    struct net_exchange *held[HELD_MAX];
    int held_count;
    int closed;
    bool echo;
    uint16_t port;
};

static const struct net_limits roomy = {
    .frame_size_max = 4 << 20,
    .request_bytes_max = 64 << 20,
    .in_flight_max = 64,
    .unsent_bytes_max = 16 << 20,
    .idle_ms = -1,
    .stalled_ms = 60000,
    .arena_bytes_max = 1 << 20,
    .reply_bytes_max = 8 << 20,
};

static void on_request(void *context, struct net_exchange *exchange)
{
    struct server *server = context;
    if (server->echo) {
        writer_put(&exchange->reply, exchange->frame);
        net_exchange_reply(exchange);
        return;
    }
    assert_true(server->held_count < HELD_MAX);
    server->held[server->held_count++] = exchange;
}

static void on_close(void *context, struct net_connection *connection)
{
    struct server *server = context;
    (void)connection;
    server->closed++;
}

static void server_start(struct server *server, const struct net_limits *limits, bool echo)
{
    memset(server, 0, sizeof(*server));
    server->echo = echo;
    struct os_options options = {.workers_max = 1};
    assert_int_equal(os_create(&options, &server->os), 0);
    struct net_handler handler = {
        .on_request = on_request, .on_close = on_close, .context = server};
    assert_int_equal(net_create(server->os, limits, &handler, &server->net), 0);
    struct os_address address;
    assert_int_equal(os_resolve("127.0.0.1", 0, &address, 1), 1);
    struct os_listen_options listen_options = {.backlog = 100};
    assert_int_equal(net_listen(server->net, &address, &listen_options, 7, &server->port), 0);
}

static void server_stop(struct server *server)
{
    net_destroy(server->net);
    os_destroy(server->os);
}

static void turn(struct server *server, int64_t wait_ms)
{
    int64_t deadline = os_monotonic_ns(server->os) + wait_ms * 1000000;
    int64_t earlier = net_deadline_ns(server->net);
    os_turn(server->os, earlier < deadline ? earlier : deadline);
    net_tick(server->net);
    net_flush(server->net);
}

static void turns(struct server *server, int count)
{
    for (int i = 0; i < count; i++)
        turn(server, 1);
}

static int client_connect(const struct server *server)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Sends all while the server turns; collects what comes back. */
struct collected {
    uint8_t *bytes;
    size_t size, capacity;
    bool ended;
};

static void collect(int fd, struct collected *collected)
{
    for (;;) {
        if (collected->capacity - collected->size < 65536) {
            collected->capacity = collected->capacity * 2 + 131072;
            collected->bytes = realloc(collected->bytes, collected->capacity);
            assert_non_null(collected->bytes);
        }
        ssize_t n = recv(fd, collected->bytes + collected->size, 65536, 0);
        if (n > 0) {
            collected->size += (size_t)n;
            continue;
        }
        if (n == 0 || errno == ECONNRESET) collected->ended = true;
        return;
    }
}

static void push(struct server *server, int fd, const uint8_t *bytes, size_t size, size_t chunk,
                 struct collected *collected)
{
    while (size > 0) {
        ssize_t n = send(fd, bytes, size < chunk ? size : chunk, MSG_NOSIGNAL);
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        }
        turn(server, n > 0 ? 0 : 1);
        collect(fd, collected);
    }
}

static size_t frame(uint8_t *to, uint32_t size, uint8_t fill)
{
    store_be32(to, size);
    memset(to + 4, fill, size);
    return 4 + (size_t)size;
}

static void wait_for(struct server *server, int fd, struct collected *collected, size_t size)
{
    for (int i = 0; i < 5000 && collected->size < size && !collected->ended; i++) {
        turn(server, 1);
        collect(fd, collected);
    }
}

static void test_echo_of_fragments(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, &roomy, true);
    int fd = client_connect(&server);
    static uint8_t bytes[4096];
    size_t size = 0;
    for (uint8_t i = 0; i < 20; i++)
        size += frame(bytes + size, i * 7u, i);
    struct collected collected = {0};
    push(&server, fd, bytes, size, 1, &collected);
    wait_for(&server, fd, &collected, size);
    assert_int_equal(collected.size, size);
    assert_memory_equal(collected.bytes, bytes, size);
    free(collected.bytes);
    close(fd);
    turns(&server, 5);
    assert_int_equal(server.closed, 1);
    assert_int_equal(net_counters(server.net).connections, 0);
    server_stop(&server);
}

static void test_pipeline_of_large_and_small(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, &roomy, true);
    int fd = client_connect(&server);
    size_t total = 0;
    uint8_t *bytes = malloc(40u << 20);
    assert_non_null(bytes);
    for (uint32_t i = 0; i < 1000; i++)
        total += frame(bytes + total, i % 50 == 49 ? 1000000 : i % 300, (uint8_t)i);
    struct collected collected = {0};
    push(&server, fd, bytes, total, 1 << 20, &collected);
    wait_for(&server, fd, &collected, total);
    assert_int_equal(collected.size, total);
    assert_memory_equal(collected.bytes, bytes, total);
    assert_int_equal(net_counters(server.net).request_bytes, 0);
    free(bytes);
    free(collected.bytes);
    close(fd);
    server_stop(&server);
}

static void test_replies_keep_their_order(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, &roomy, false);
    int fd = client_connect(&server);
    uint8_t bytes[64];
    size_t size = 0;
    for (uint8_t i = 0; i < 4; i++)
        size += frame(bytes + size, 1, i);
    struct collected collected = {0};
    push(&server, fd, bytes, size, sizeof(bytes), &collected);
    turns(&server, 5);
    assert_int_equal(server.held_count, 4);
    for (int i = 3; i >= 0; i--) {
        writer_put(&server.held[i]->reply, server.held[i]->frame);
        if (i == 1)
            net_exchange_skip(server.held[i]);
        else
            net_exchange_reply(server.held[i]);
        turns(&server, 2);
        collect(fd, &collected);
        assert_int_equal(collected.size, i == 0 ? 15 : 0);
    }
    assert_int_equal(collected.bytes[4], 0);
    assert_int_equal(collected.bytes[9], 2);
    assert_int_equal(collected.bytes[14], 3);
    free(collected.bytes);
    close(fd);
    server_stop(&server);
}

static int released;

static void on_release(void *context)
{
    (void)context;
    released++;
}

static void test_extents_between_memory(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, &roomy, false);
    char path[] = "/tmp/gregor-net-test-XXXXXX";
    int file_fd = mkstemp(path);
    size_t file_size = 3000000;
    uint8_t *content = malloc(file_size);
    assert_non_null(content);
    for (size_t i = 0; i < file_size; i++)
        content[i] = (uint8_t)(i * 31 >> 3);
    assert_int_equal(write(file_fd, content, file_size), (ssize_t)file_size);
    close(file_fd);
    struct os_file *file;
    assert_int_equal(os_file_open(server.os, path, OS_OPEN_READ, &file), 0);

    int fd = client_connect(&server);
    uint8_t bytes[16];
    size_t size = frame(bytes, 2, 9);
    struct collected collected = {0};
    push(&server, fd, bytes, size, size, &collected);
    turns(&server, 5);
    assert_int_equal(server.held_count, 1);
    struct net_exchange *exchange = server.held[0];
    writer_put(&exchange->reply, SLICE("abcdef"));
    released = 0;
    net_exchange_insert(exchange, 2, &(struct net_extent){file, 10, 2000000, on_release, NULL});
    net_exchange_insert(exchange, 2, &(struct net_extent){file, 0, 0, on_release, NULL});
    for (int i = 0; i < 6; i++)
        net_exchange_insert(exchange, 6, &(struct net_extent){file, i, 5, on_release, NULL});
    net_exchange_reply(exchange);
    size_t expected = 4 + 6 + 2000000 + 30;
    wait_for(&server, fd, &collected, expected);
    assert_int_equal(collected.size, expected);
    assert_int_equal(load_be32(collected.bytes), expected - 4);
    assert_memory_equal(collected.bytes + 4, "ab", 2);
    assert_memory_equal(collected.bytes + 6, content + 10, 2000000);
    assert_memory_equal(collected.bytes + 2000006, "cdef", 4);
    assert_memory_equal(collected.bytes + 2000010, content, 5);
    assert_memory_equal(collected.bytes + 2000035, content + 5, 5);
    turns(&server, 2);
    assert_int_equal(released, 8);
    os_file_close(file);
    unlink(path);
    free(content);
    free(collected.bytes);
    close(fd);
    server_stop(&server);
}

static void expect_closed(struct server *server, uint32_t length)
{
    int fd = client_connect(server);
    uint8_t bytes[4];
    store_be32(bytes, length);
    struct collected collected = {0};
    push(server, fd, bytes, 4, 4, &collected);
    wait_for(server, fd, &collected, 1);
    assert_true(collected.ended);
    assert_int_equal(collected.size, 0);
    free(collected.bytes);
    close(fd);
}

static void test_wrong_lengths_close(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, &roomy, true);
    expect_closed(&server, (4u << 20) + 1);
    expect_closed(&server, UINT32_MAX);
    assert_int_equal(net_counters(server.net).closed_by_error, 2);
    server_stop(&server);
}

static void test_limits_stop_reading(void **state)
{
    (void)state;
    struct net_limits limits = roomy;
    limits.request_bytes_max = 100000;
    limits.in_flight_max = 1000;
    struct server server;
    server_start(&server, &limits, false);
    int fd = client_connect(&server);
    static uint8_t bytes[1 << 20];
    size_t size = 0;
    for (int i = 0; i < 100; i++)
        size += frame(bytes + size, 10000, (uint8_t)i);
    struct collected collected = {0};
    size_t sent = 0;
    for (int i = 0; i < 300; i++) {
        ssize_t n = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        turn(&server, 0);
    }
    assert_in_range(server.held_count, 5, 10);
    assert_in_range(net_counters(server.net).request_bytes, 1, 100000);
    int answered = 0;
    for (int i = 0; i < 3000 && answered < 100; i++) {
        while (answered < server.held_count) {
            writer_put(&server.held[answered]->reply, server.held[answered]->frame);
            net_exchange_reply(server.held[answered++]);
        }
        ssize_t n = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        turn(&server, 0);
        collect(fd, &collected);
    }
    wait_for(&server, fd, &collected, size);
    assert_int_equal(collected.size, size);
    assert_memory_equal(collected.bytes, bytes, size);
    free(collected.bytes);
    close(fd);
    server_stop(&server);
}

static void test_in_flight_limit(void **state)
{
    (void)state;
    struct net_limits limits = roomy;
    limits.in_flight_max = 3;
    struct server server;
    server_start(&server, &limits, false);
    int fd = client_connect(&server);
    uint8_t bytes[100];
    size_t size = 0;
    for (uint8_t i = 0; i < 10; i++)
        size += frame(bytes + size, 1, i);
    struct collected collected = {0};
    push(&server, fd, bytes, size, size, &collected);
    /* The client is done sending: what was held back is handed out all the same. */
    shutdown(fd, SHUT_WR);
    turns(&server, 5);
    assert_int_equal(server.held_count, 3);
    int answered = 0;
    for (int i = 0; i < 100 && answered < 10; i++) {
        if (answered < server.held_count) {
            writer_put(&server.held[answered]->reply, server.held[answered]->frame);
            net_exchange_reply(server.held[answered++]);
        }
        turns(&server, 2);
        assert_in_range(server.held_count - answered, 0, 3);
    }
    wait_for(&server, fd, &collected, size + 1);
    assert_int_equal(collected.size, size);
    assert_true(collected.ended);
    free(collected.bytes);
    close(fd);
    server_stop(&server);
}

/* A server that has two requests of one connection and has answered neither. */
static int two_requests_held(struct server *server, struct collected *collected)
{
    server_start(server, &roomy, false);
    int fd = client_connect(server);
    uint8_t bytes[64];
    size_t size = frame(bytes, 5, 1);
    size += frame(bytes + size, 5, 2);
    push(server, fd, bytes, size, size, collected);
    turns(server, 3);
    assert_int_equal(server->held_count, 2);
    return fd;
}

static void test_death_with_exchanges_out(void **state)
{
    (void)state;
    struct server server;
    struct collected collected = {0};
    int fd = two_requests_held(&server, &collected);
    struct linger linger = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)); /* RST */
    close(fd);
    turns(&server, 5);
    assert_int_equal(server.closed, 1);
    assert_null(server.held[0]->connection);
    assert_int_equal(server.held[0]->frame.data[0], 1); /* still ours */
    net_exchange_reply(server.held[0]);
    net_exchange_close(server.held[1]);
    assert_int_equal(net_counters(server.net).request_bytes, 0);
    free(collected.bytes);
    server_stop(&server);
}

static void test_close_after_earlier_replies(void **state)
{
    (void)state;
    struct server server;
    struct collected collected = {0};
    int fd = two_requests_held(&server, &collected);
    net_exchange_close(server.held[1]);
    turns(&server, 3);
    collect(fd, &collected);
    assert_false(collected.ended);
    writer_put(&server.held[0]->reply, SLICE("hello"));
    net_exchange_reply(server.held[0]);
    wait_for(&server, fd, &collected, 10);
    assert_int_equal(collected.size, 9);
    assert_true(collected.ended);
    free(collected.bytes);
    close(fd);
    server_stop(&server);
}

static void test_idle_and_stalled_are_evicted(void **state)
{
    (void)state;
    struct net_limits limits = roomy;
    limits.idle_ms = 80;
    limits.stalled_ms = 150;
    struct server server;
    server_start(&server, &limits, false);
    int idle = client_connect(&server);
    int slow = client_connect(&server);
    uint8_t bytes[16];
    size_t size = frame(bytes, 5, 1);
    struct collected collected = {0};
    push(&server, slow, bytes, size, size, &collected);
    turns(&server, 3);
    assert_int_equal(server.held_count, 1);
    uint8_t *room = writer_extend(&server.held[0]->reply, 8 << 20);
    assert_non_null(room);
    memset(room, 7, 8 << 20);
    net_exchange_reply(server.held[0]);
    int64_t end_ns = os_monotonic_ns(server.os) + 600 * 1000000ll;
    while (os_monotonic_ns(server.os) < end_ns && server.closed < 2)
        turn(&server, 10);
    assert_int_equal(server.closed, 2);
    assert_int_equal(net_counters(server.net).evicted_idle, 1);
    assert_int_equal(net_counters(server.net).evicted_stalled, 1);
    free(collected.bytes);
    close(idle);
    close(slow);
    server_stop(&server);
}

/* --- pauses ----------------------------------------------------------------------------------- */

/* Answers each request by itself, and pauses for the milliseconds that its first byte says. */
static void on_request_that_pauses(void *context, struct net_exchange *exchange)
{
    struct server *server = context;
    struct net_connection *connection = exchange->connection;
    int64_t pause_ns = exchange->frame.data[0] * 1000000ll;
    server->held_count++;
    net_connection_hold(connection);
    writer_put(&exchange->reply, exchange->frame);
    net_exchange_reply(exchange);
    net_connection_mute(connection, os_monotonic_ns(server->os) + pause_ns);
}

static void server_start_pausing(struct server *server, const struct net_limits *limits)
{
    memset(server, 0, sizeof(*server));
    struct os_options options = {.workers_max = 1};
    assert_int_equal(os_create(&options, &server->os), 0);
    struct net_handler handler = {
        .on_request = on_request_that_pauses, .on_close = on_close, .context = server};
    assert_int_equal(net_create(server->os, limits, &handler, &server->net), 0);
    struct os_address address;
    assert_int_equal(os_resolve("127.0.0.1", 0, &address, 1), 1);
    struct os_listen_options listen_options = {.backlog = 100};
    assert_int_equal(net_listen(server->net, &address, &listen_options, 7, &server->port), 0);
}

static void turn_until(struct server *server, int fd, struct collected *collected, size_t size,
                       int64_t end_ns)
{
    while (os_monotonic_ns(server->os) < end_ns && collected->size < size && !collected->ended) {
        turn(server, 1000);
        collect(fd, collected);
    }
}

static void test_a_pause_holds_back_what_is_there(void **state)
{
    (void)state;
    struct server server;
    server_start_pausing(&server, &roomy);
    int fd = client_connect(&server);
    /* Three requests in one segment: the first pauses for 120 ms, the others do not. */
    static const uint8_t frames[] = {0, 0, 0, 1, 120, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    struct collected collected = {0};
    int64_t start_ns = os_monotonic_ns(server.os);
    push(&server, fd, frames, sizeof(frames), sizeof(frames), &collected);
    turn_until(&server, fd, &collected, 5, start_ns + 100 * 1000000ll);
    assert_int_equal(collected.size, 5); /* the reply itself comes at once */
    assert_int_equal(server.held_count, 1);
    turn_until(&server, fd, &collected, 15, start_ns + 2000 * 1000000ll);
    assert_int_equal(collected.size, 15);
    assert_true(os_monotonic_ns(server.os) - start_ns >= 120 * 1000000ll);
    assert_true(os_monotonic_ns(server.os) - start_ns < 1000 * 1000000ll);
    free(collected.bytes);
    close(fd);
    server_stop(&server);
}

static void test_who_is_held_waits_for_its_holder(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, &roomy, false);
    int fd = client_connect(&server);
    static const uint8_t frames[] = {0, 0, 0, 1, 1, 0, 0, 0, 1, 2, 0, 0, 0, 1, 3};
    struct collected collected = {0};
    push(&server, fd, frames, 10, 10, &collected);
    turns(&server, 3);
    assert_int_equal(server.held_count, 2);
    net_connection_hold(server.held[1]->connection);
    push(&server, fd, frames + 10, 5, 5, &collected);
    turns(&server, 20);
    assert_int_equal(server.held_count, 2);
    net_connection_mute(server.held[1]->connection, 0);
    turns(&server, 3);
    assert_int_equal(server.held_count, 3);
    for (int i = 0; i < 3; i++)
        net_exchange_skip(server.held[i]);
    turns(&server, 2);
    free(collected.bytes);
    close(fd);
    server_stop(&server);
}

static void test_who_pauses_may_die_and_be_evicted(void **state)
{
    (void)state;
    struct net_limits limits = roomy;
    limits.idle_ms = 60;
    struct server server;
    server_start_pausing(&server, &limits);
    int idle = client_connect(&server), dead = client_connect(&server);
    static const uint8_t frame[] = {0, 0, 0, 1, 250};
    struct collected collected = {0}, lost = {0};
    push(&server, idle, frame, sizeof(frame), sizeof(frame), &collected);
    push(&server, dead, frame, sizeof(frame), sizeof(frame), &lost);
    turns(&server, 3);
    assert_int_equal(server.held_count, 2);
    struct linger reset = {.l_onoff = 1};
    setsockopt(dead, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(dead);
    turns(&server, 3);
    assert_int_equal(server.closed, 1);
    int64_t start_ns = os_monotonic_ns(server.os);
    turn_until(&server, idle, &collected, SIZE_MAX, start_ns + 200 * 1000000ll);
    assert_true(collected.ended);
    assert_int_equal(net_counters(server.net).evicted_idle, 1);
    turns(&server, 3);
    free(collected.bytes);
    free(lost.bytes);
    close(idle);
    server_stop(&server);
}

/* --- who may come in -------------------------------------------------------------------------- */

struct door {
    struct os *os;
    struct net *net;
    struct net_connection *asking;
    int asked, opened, closed;
};

static void on_accept(void *context, struct net_connection *connection)
{
    struct door *door = context;
    assert_null(door->asking);
    assert_true(slice_equal(net_connection_ip(connection), SLICE("127.0.0.1")));
    door->asking = connection;
    door->asked++;
}

static void on_door_request(void *context, struct net_exchange *exchange)
{
    (void)context;
    net_exchange_skip(exchange);
}

static void on_door_open(void *context, struct net_connection *connection)
{
    struct door *door = context;
    assert_true(net_connection_is_admitted(connection));
    door->opened++;
}

static void on_door_close(void *context, struct net_connection *connection)
{
    struct door *door = context;
    if (door->asking == connection) door->asking = NULL;
    door->closed++;
}

static void door_turns(struct door *door, int count)
{
    for (int i = 0; i < count; i++) {
        int64_t deadline = os_monotonic_ns(door->os) + 1000000;
        os_turn(door->os, deadline);
        net_tick(door->net);
        net_flush(door->net);
    }
}

static void test_one_asks_at_a_time(void **state)
{
    (void)state;
    struct door door = {0};
    struct os_options options = {.workers_max = 1};
    assert_int_equal(os_create(&options, &door.os), 0);
    struct net_handler handler = {.on_accept = on_accept,
                                  .on_request = on_door_request,
                                  .on_open = on_door_open,
                                  .on_close = on_door_close,
                                  .context = &door};
    assert_int_equal(net_create(door.os, &roomy, &handler, &door.net), 0);
    struct server server = {.os = door.os, .net = door.net};
    struct os_address address;
    assert_int_equal(os_resolve("127.0.0.1", 0, &address, 1), 1);
    struct os_listen_options listen_options = {.backlog = 100};
    assert_int_equal(net_listen(door.net, &address, &listen_options, 7, &server.port), 0);
    int fds[4];
    for (int i = 0; i < 4; i++)
        fds[i] = client_connect(&server);
    static const uint8_t frame[] = {0, 0, 0, 1, 1};
    assert_int_equal(send(fds[0], frame, sizeof(frame), MSG_NOSIGNAL), sizeof(frame));
    door_turns(&door, 5);
    assert_int_equal(door.asked, 1);
    assert_int_equal(net_counters(door.net).requests, 0);

    struct net_connection *connection = door.asking;
    door.asking = NULL;
    net_connection_admit(connection);
    door_turns(&door, 5);
    assert_int_equal(door.opened, 1);
    assert_int_equal(net_counters(door.net).requests, 1);
    assert_int_equal(door.asked, 2);

    connection = door.asking; /* the second is sent away at once, the third after 50 ms */
    door.asking = NULL;
    net_connection_refuse(connection, 0);
    door_turns(&door, 3);
    assert_int_equal(door.closed, 1);
    assert_int_equal(door.asked, 3);
    connection = door.asking;
    door.asking = NULL;
    int64_t at_ns = os_monotonic_ns(door.os) + 50 * 1000000ll;
    net_connection_refuse(connection, at_ns);
    door_turns(&door, 3);
    assert_int_equal(door.asked, 4); /* it holds up nobody */
    assert_int_equal(door.closed, 1);
    while (os_monotonic_ns(door.os) < at_ns)
        door_turns(&door, 1);
    door_turns(&door, 1);
    assert_int_equal(door.closed, 2);
    assert_int_equal(net_counters(door.net).refused, 2);

    assert_non_null(door.asking); /* the fourth asks still when all ends */
    net_destroy(door.net);
    assert_int_equal(door.closed, 4);
    os_destroy(door.os);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_of_fragments),
        cmocka_unit_test(test_pipeline_of_large_and_small),
        cmocka_unit_test(test_replies_keep_their_order),
        cmocka_unit_test(test_extents_between_memory),
        cmocka_unit_test(test_wrong_lengths_close),
        cmocka_unit_test(test_limits_stop_reading),
        cmocka_unit_test(test_in_flight_limit),
        cmocka_unit_test(test_death_with_exchanges_out),
        cmocka_unit_test(test_close_after_earlier_replies),
        cmocka_unit_test(test_idle_and_stalled_are_evicted),
        cmocka_unit_test(test_a_pause_holds_back_what_is_there),
        cmocka_unit_test(test_who_is_held_waits_for_its_holder),
        cmocka_unit_test(test_who_pauses_may_die_and_be_evicted),
        cmocka_unit_test(test_one_asks_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

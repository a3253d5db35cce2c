#include "os/os.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct os *os;
    struct os_socket *listener, *client, *server;
    unsigned client_ready, server_ready;
    uint16_t port;
};

static void on_listener(void *context, unsigned what)
{
    struct fixture *f = context;
    if (what & OS_READABLE) {
        int r = os_accept(f->listener, &f->server);
        assert_true(r == 0 || r == -EAGAIN);
    }
}

static void on_client(void *context, unsigned what)
{
    ((struct fixture *)context)->client_ready |= what;
}

static void on_server(void *context, unsigned what)
{
    ((struct fixture *)context)->server_ready |= what;
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    struct os_options options = {.workers_max = 1};
    struct os_address address;
    struct os_listen_options listen = {.backlog = 8};
    char text[OS_ADDRESS_TEXT_MAX];
    if (os_create(&options, &f.os) < 0) return -1;
    if (os_resolve("127.0.0.1", 0, &address, 1) != 1) return -1;
    if (os_listen(f.os, &address, &listen, &f.listener) < 0) return -1;
    os_socket_address(f.listener, false, text, &f.port);
    if (strcmp(text, "127.0.0.1") != 0 || f.port == 0) return -1;
    os_socket_watch(f.listener, OS_READABLE, on_listener, &f);
    if (os_resolve("127.0.0.1", f.port, &address, 1) != 1) return -1;
    if (os_connect(f.os, &address, &f.client) < 0) return -1;
    os_socket_watch(f.client, OS_WRITABLE, on_client, &f);
    for (int i = 0; i < 100 && (f.server == NULL || f.client_ready == 0); i++)
        os_turn(f.os, os_monotonic_ns(f.os) + 50000000);
    if (f.server == NULL || f.client_ready != OS_WRITABLE) return -1;
    os_socket_watch(f.client, 0, on_client, &f);
    os_socket_watch(f.server, 0, on_server, &f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    os_socket_close(f->client);
    os_socket_close(f->server);
    os_socket_close(f->listener);
    os_destroy(f->os);
    return 0;
}

static void turn_until(struct fixture *f, unsigned *ready, unsigned what)
{
    for (int i = 0; i < 100 && (*ready & what) == 0; i++)
        os_turn(f->os, os_monotonic_ns(f->os) + 50000000);
    assert_true(*ready & what);
}

static void bytes_arrive(void **state)
{
    struct fixture *f = *state;
    char bytes[64];
    assert_int_equal(os_socket_receive(f->server, bytes, sizeof(bytes)), -EAGAIN);
    const struct slice slices[] = {SLICE("to "), SLICE("be sent")};
    assert_int_equal(os_socket_send(f->client, slices, 2, false), 10);
    os_socket_watch(f->server, OS_READABLE, on_server, f);
    turn_until(f, &f->server_ready, OS_READABLE);
    assert_int_equal(os_socket_receive(f->server, bytes, sizeof(bytes)), 10);
    assert_memory_equal(bytes, "to be sent", 10);
}

static void readiness_is_told_as_long_as_it_lasts(void **state)
{
    struct fixture *f = *state;
    const struct slice slice = SLICE("x");
    assert_int_equal(os_socket_send(f->client, &slice, 1, false), 1);
    os_socket_watch(f->server, OS_READABLE, on_server, f);
    for (int i = 0; i < 3; i++) {
        f->server_ready = 0;
        turn_until(f, &f->server_ready, OS_READABLE);
    }
    os_socket_watch(f->server, 0, on_server, f);
    f->server_ready = 0;
    os_turn(f->os, os_monotonic_ns(f->os) + 10000000);
    assert_int_equal(f->server_ready, 0);
}

static void an_end_is_told(void **state)
{
    struct fixture *f = *state;
    char byte;
    f->client = os_socket_close(f->client);
    assert_null(f->client);
    os_socket_watch(f->server, OS_READABLE, on_server, f);
    turn_until(f, &f->server_ready, OS_READABLE | OS_FAILED);
    assert_int_equal(os_socket_receive(f->server, &byte, 1), 0);
}

static void a_full_socket_says_so(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[1 << 20];
    struct slice slice = {bytes, sizeof(bytes)};
    int64_t total = 0, sent;
    while ((sent = os_socket_send(f->client, &slice, 1, false)) > 0) {
        total += sent;
        assert_true(total < 1 << 30);
    }
    assert_int_equal(sent, -EAGAIN);
    assert_true(total > 0);
}

static void files_are_sent(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/gregor-send-XXXXXX";
    char text[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct os_file *file;
    assert_int_equal(os_file_open(f->os, path, OS_OPEN_WRITE, &file), 0);
    struct slice content = SLICE("0123456789");
    assert_int_equal(os_file_write(file, &content, 1, 0), 0);
    assert_int_equal(os_socket_send_file(f->client, file, 3, 4), 4);
    assert_int_equal(os_socket_send_file(f->client, file, 10, 4), 0); /* behind its end */
    os_socket_watch(f->server, OS_READABLE, on_server, f);
    turn_until(f, &f->server_ready, OS_READABLE);
    assert_int_equal(os_socket_receive(f->server, text, sizeof(text)), 4);
    assert_memory_equal(text, "3456", 4);
    os_file_close(file);
    assert_int_equal(os_remove(f->os, path), 0);
    close(fd);
}

static void close_both(void *context, unsigned what)
{
    struct fixture *f = context;
    f->server_ready |= what;
    ASSERT(f->client != NULL); /* a second call would come for a closed socket */
    f->client = os_socket_close(f->client);
    f->server = os_socket_close(f->server);
}

/* Both are ready in one turn: the first one called closes itself and the other. */
static void closed_in_a_callback(void **state)
{
    struct fixture *f = *state;
    const struct slice slice = SLICE("x");
    assert_int_equal(os_socket_send(f->client, &slice, 1, false), 1);
    assert_int_equal(os_socket_send(f->server, &slice, 1, false), 1);
    os_socket_watch(f->client, OS_READABLE, close_both, f);
    os_socket_watch(f->server, OS_READABLE, close_both, f);
    turn_until(f, &f->server_ready, OS_READABLE);
    assert_null(f->client);
    assert_int_equal(os_turn(f->os, os_monotonic_ns(f->os) + 10000000), 0);
}

static void gone_peers_are_errors(void **state)
{
    struct fixture *f = *state;
    const struct slice slice = SLICE("x");
    os_socket_watch(f->server, 0, on_server, f);
    assert_int_equal(os_socket_send(f->client, &slice, 1, false), 1);
    os_turn(f->os, os_monotonic_ns(f->os) + 10000000);
    f->server = os_socket_close(f->server); /* with a byte unread: a reset */
    os_socket_watch(f->client, 0, on_client, f);
    f->client_ready = 0;
    turn_until(f, &f->client_ready, OS_FAILED); /* told though nothing is wanted */
    char byte;
    assert_int_equal(os_socket_receive(f->client, &byte, 1), -ECONNRESET);
    assert_int_equal(os_socket_send(f->client, &slice, 1, false), -EPIPE);
}

/* Out of descriptors a waiting peer is refused at once instead of left to wait. */
static void descriptors_run_out(void **state)
{
    struct fixture *f = *state;
    struct os_address address;
    struct os_socket *refused, *none = NULL;
    struct rlimit limit, low;
    char byte;
    os_socket_watch(f->listener, 0, on_listener, f);
    assert_int_equal(os_resolve("127.0.0.1", f->port, &address, 1), 1);
    assert_int_equal(os_connect(f->os, &address, &refused), 0);
    int next = dup(0); /* the lowest free one */
    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit){(rlim_t)next, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(os_file_limit(f->os), next);
    int r = os_accept(f->listener, &none);
    int again = os_accept(f->listener, &none);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(r, -EMFILE);
    assert_null(none);
    assert_true(again == -EMFILE || again == -EAGAIN); /* and nobody waits any more */
    f->client_ready = 0;
    os_socket_watch(refused, OS_READABLE, on_client, f);
    turn_until(f, &f->client_ready, OS_READABLE | OS_FAILED);
    assert_int_equal(os_socket_receive(refused, &byte, 1), 0);
    os_socket_close(refused);
}

static void a_port_is_taken_or_shared(void **state)
{
    struct fixture *f = *state;
    struct os_listen_options alone = {.backlog = 8};
    struct os_listen_options shared = {.backlog = 8, .share_port = true};
    struct os_address address;
    struct os_socket *first = NULL, *second = NULL;
    char text[OS_ADDRESS_TEXT_MAX];
    uint16_t port;
    assert_int_equal(os_resolve("127.0.0.1", f->port, &address, 1), 1);
    assert_int_equal(os_listen(f->os, &address, &alone, &first), -EADDRINUSE);
    assert_int_equal(os_resolve("127.0.0.1", 0, &address, 1), 1);
    assert_int_equal(os_listen(f->os, &address, &shared, &first), 0);
    os_socket_address(first, false, text, &port);
    assert_int_equal(os_resolve("127.0.0.1", port, &address, 1), 1);
    assert_int_equal(os_listen(f->os, &address, &shared, &second), 0);
    os_socket_close(first);
    os_socket_close(second);
}

static void addresses_as_text(void **state)
{
    struct fixture *f = *state;
    char text[OS_ADDRESS_TEXT_MAX];
    uint16_t port, own;
    os_socket_address(f->client, true, text, &port);
    assert_string_equal(text, "127.0.0.1");
    assert_int_equal(port, f->port);
    os_socket_address(f->client, false, text, &own);
    os_socket_address(f->server, true, text, &port);
    assert_string_equal(text, "127.0.0.1");
    assert_int_equal(port, own);
    struct os_address address;
    assert_true(os_resolve("no such host", 1, &address, 1) < 0);
}

static void nobody_listens(void **state)
{
    struct fixture *f = *state;
    struct os_address address;
    struct os_socket *lost;
    f->listener = os_socket_close(f->listener);
    assert_int_equal(os_resolve("127.0.0.1", f->port, &address, 1), 1);
    int r = os_connect(f->os, &address, &lost);
    if (r == 0) {
        f->client_ready = 0;
        os_socket_watch(lost, OS_WRITABLE, on_client, f);
        turn_until(f, &f->client_ready, OS_FAILED);
        os_socket_close(lost);
    } else {
        assert_int_equal(r, -ECONNREFUSED);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(bytes_arrive),
        TEST(readiness_is_told_as_long_as_it_lasts),
        TEST(an_end_is_told),
        TEST(a_full_socket_says_so),
        TEST(files_are_sent),
        TEST(closed_in_a_callback),
        TEST(gone_peers_are_errors),
        TEST(descriptors_run_out),
        TEST(a_port_is_taken_or_shared),
        TEST(addresses_as_text),
        TEST(nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One connection to one broker, one request at a time. */
#include "cli/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/writer.h"

enum {
    ADDRESSES_MAX = 8,
    RECEIVE_FIRST = 64 << 10,
    DEFAULT_TIMEOUT_MS = 10000,
    API_VERSIONS_VERSION = 3, /* what brokers since 2.4 know, and newer ones still do */
    APIS_MAX = 256,
    HOST_MAX = 256,
};

struct client_api {
    int16_t key, min, max;
};

struct client {
    struct os *os;
    struct os_socket *socket;
    char address[HOST_MAX + 8];
    int64_t timeout_ns;
    int32_t correlation_id; /* of the last request sent */
    int32_t awaited;        /* of the next response */
    unsigned ready;
    struct writer out;
    uint8_t *in; /* received and not yet given out */
    size_t in_size, in_capacity, in_given;
    struct client_api apis[APIS_MAX];
    int api_count;
};

static void on_ready(void *context, unsigned what)
{
    struct client *client = context;
    client->ready |= what;
}

/* Turns the loop until the socket is ready for any of `want`. */
static int client_wait(struct client *client, unsigned want, int64_t deadline_ns)
{
    client->ready = 0;
    os_socket_watch(client->socket, want, on_ready, client);
    while ((client->ready & (want | OS_FAILED)) == 0) {
        if (os_monotonic_ns(client->os) >= deadline_ns) return -ETIMEDOUT;
        os_turn(client->os, deadline_ns);
    }
    os_socket_watch(client->socket, 0, on_ready, client);
    return 0;
}

static int client_fail(const struct client *client, int error)
{
    if (error == -ETIMEDOUT)
        return cli_fail(CLI_UNREACHABLE, "no answer from %s in time", client->address);
    if (error == -ECONNRESET || error == -EPIPE)
        return cli_fail(CLI_UNREACHABLE, "%s closed the connection", client->address);
    if (error == -EBADMSG)
        return cli_fail(CLI_FAILED, "%s answered with bytes that are no such message",
                        client->address);
    if (error == -ENOTSUP)
        return cli_fail(CLI_FAILED, "%s does not know this request", client->address);
    return cli_fail(CLI_UNREACHABLE, "%s: %s", client->address, strerror(-error));
}

/* --- bytes out and in ------------------------------------------------------------------------- */

static int client_flush(struct client *client, int64_t deadline_ns)
{
    struct slice rest = writer_slice(&client->out);
    while (rest.size > 0) {
        int64_t sent = os_socket_send(client->socket, &rest, 1, false);
        if (sent == -EAGAIN) {
            int r = client_wait(client, OS_WRITABLE, deadline_ns);
            if (r < 0) return r;
            continue;
        }
        if (sent < 0) return (int)sent;
        rest.data += sent;
        rest.size -= (size_t)sent;
    }
    return 0;
}

static int client_fill(struct client *client, size_t wanted, int64_t deadline_ns)
{
    while (client->in_size < wanted) {
        /* Grows with what arrived, not with what was declared. */
        if (client->in_capacity < wanted && client->in_size == client->in_capacity) {
            size_t capacity = client->in_capacity == 0 ? RECEIVE_FIRST : client->in_capacity * 2;
            client->in = memory_grow(client->in, capacity);
            client->in_capacity = capacity;
        }
        int64_t got = os_socket_receive(client->socket, client->in + client->in_size,
                                        client->in_capacity - client->in_size);
        if (got == 0) return -ECONNRESET;
        if (got == -EAGAIN) {
            int r = client_wait(client, OS_READABLE, deadline_ns);
            if (r < 0) return r;
            continue;
        }
        if (got < 0) return (int)got;
        client->in_size += (size_t)got;
    }
    return 0;
}

/* One frame without its length. What the last one left is given up first. */
static int client_frame(struct client *client, struct slice *frame)
{
    int64_t deadline_ns = os_monotonic_ns(client->os) + client->timeout_ns;
    client->in_size -= client->in_given;
    if (client->in_size > 0) memmove(client->in, client->in + client->in_given, client->in_size);
    client->in_given = 0;
    int r = client_fill(client, 4, deadline_ns);
    if (r < 0) return r;
    uint32_t size = load_be32(client->in);
    if (size > CLIENT_FRAME_MAX) return -EBADMSG;
    r = client_fill(client, 4 + (size_t)size, deadline_ns);
    if (r < 0) return r;
    *frame = (struct slice){client->in + 4, size};
    client->in_given = 4 + (size_t)size;
    return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

static int client_send_bytes(struct client *client, enum api_key key, int16_t version,
                             const void *message)
{
    const struct wire_api *api = wire_api_find((int16_t)key);
    ASSERT(api != NULL);
    writer_reset(&client->out);
    writer_put_be32(&client->out, 0); /* the length, below */
    struct request_header header;
    wire_defaults(&wire_request_header, &header);
    header.request_api_key = (int16_t)key;
    header.request_api_version = version;
    header.correlation_id = ++client->correlation_id;
    header.client_id = SLICE("gregor");
    int r = wire_encode(&wire_request_header, wire_request_header_version(api, version), &header,
                        &client->out, NULL);
    if (r == 0) r = wire_encode(api->request, version, message, &client->out, NULL);
    if (r < 0) return r;
    store_be32(client->out.data, (uint32_t)(client->out.size - 4));
    return client_flush(client, os_monotonic_ns(client->os) + client->timeout_ns);
}

static int client_receive_message(struct client *client, enum api_key key, int16_t version,
                                  struct arena *arena, void *response)
{
    const struct wire_api *api = wire_api_find((int16_t)key);
    struct slice frame;
    int r = client_frame(client, &frame);
    if (r < 0) return r;
    struct response_header header;
    r = wire_decode(&wire_response_header, wire_response_header_version(api, version), &frame,
                    arena, &header);
    if (r < 0) return -EBADMSG;
    if (header.correlation_id != ++client->awaited) return -EBADMSG;
    return wire_decode(api->response, version, &frame, arena, response);
}

int client_send(struct client *client, enum api_key key, int16_t version, const void *request)
{
    int r = client_send_bytes(client, key, version, request);
    return r < 0 ? client_fail(client, r) : CLI_OK;
}

void client_expect_nothing(struct client *client)
{
    client->awaited++;
}

int client_receive(struct client *client, enum api_key key, int16_t version, struct arena *arena,
                   void *response)
{
    int r = client_receive_message(client, key, version, arena, response);
    return r < 0 ? client_fail(client, r) : CLI_OK;
}

int client_call(struct client *client, enum api_key key, int16_t version, const void *request,
                struct arena *arena, void *response)
{
    if (version < 0)
        return cli_fail(CLI_FAILED, "%s does not know %s; see gregor api versions", client->address,
                        wire_api_find((int16_t)key)->name);
    int r = client_send_bytes(client, key, version, request);
    if (r == 0) r = client_receive_message(client, key, version, arena, response);
    return r < 0 ? client_fail(client, r) : CLI_OK;
}

int client_ask(struct client *client, enum api_key key, const void *request, struct arena *arena,
               void *response)
{
    return client_call(client, key, client_version(client, key, INT16_MAX), request, arena,
                       response);
}

bool client_has_answer(struct client *client, int64_t deadline_ns)
{
    if (client->in_size > client->in_given) return true;
    return client_wait(client, OS_READABLE, deadline_ns) != -ETIMEDOUT;
}

void client_sleep(struct client *client, int64_t milliseconds)
{
    client_pause(client, milliseconds * 1000000);
}

void client_pause(struct client *client, int64_t nanoseconds)
{
    int64_t deadline_ns = os_monotonic_ns(client->os) + nanoseconds;
    while (os_monotonic_ns(client->os) < deadline_ns)
        os_turn(client->os, deadline_ns);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int client_learn_versions(struct client *client, struct arena *arena)
{
    struct api_versions_request request;
    struct api_versions_response response;
    wire_defaults(&wire_api_versions_request, &request);
    request.client_software_name = SLICE("gregor");
    request.client_software_version = SLICE(GREGOR_VERSION);
    int r = client_send_bytes(client, API_API_VERSIONS, API_VERSIONS_VERSION, &request);
    if (r == 0)
        r = client_receive_message(client, API_API_VERSIONS, API_VERSIONS_VERSION, arena,
                                   &response);
    if (r < 0) return r;
    if (response.error_code != KAFKA_ERROR_NONE) return -ENOTSUP;
    for (int32_t i = 0; i < response.api_keys_count && client->api_count < APIS_MAX; i++) {
        client->apis[client->api_count++] =
            (struct client_api){response.api_keys[i].api_key, response.api_keys[i].min_version,
                                response.api_keys[i].max_version};
    }
    return 0;
}

static int client_connect(struct client *client, const struct os_address *address)
{
    int r = os_connect(client->os, address, &client->socket);
    if (r < 0) return r;
    return client_wait(client, OS_WRITABLE, os_monotonic_ns(client->os) + client->timeout_ns);
}

static int client_reach(struct client *client, const char *host, uint16_t port, struct arena *arena)
{
    struct os_address addresses[ADDRESSES_MAX];
    int count = os_resolve(host, port, addresses, ADDRESSES_MAX);
    int r = count < 0 ? count : -EHOSTUNREACH;
    for (int i = 0; i < count; i++) {
        r = client_connect(client, &addresses[i]);
        if (r == 0) r = client_learn_versions(client, arena);
        if (r == 0) return 0;
        client->socket = os_socket_close(client->socket);
        client->correlation_id = client->awaited = 0;
        client->in_size = client->in_given = 0;
    }
    return r;
}

static int client_create(struct cli *cli, struct client **created)
{
    int64_t timeout_ms = DEFAULT_TIMEOUT_MS;
    const char *timeout = cli->option[OPTION_TIMEOUT];
    if (timeout != NULL && cli_parse_duration(slice_of(timeout), &timeout_ms) < 0)
        return cli_fail(CLI_USAGE, "--timeout wants a duration like 5s, not '%s'", timeout);
    struct os *os;
    struct os_options options = {.workers_max = 1};
    int r = os_create(&options, &os);
    if (r < 0) return cli_fail(CLI_FAILED, "cannot make an event loop: %s", strerror(-r));
    struct client *client = memory_alloc_zero(sizeof(*client));
    client->os = os;
    client->timeout_ns = timeout_ms * 1000000;
    writer_init(&client->out, CLIENT_FRAME_MAX);
    *created = client;
    return CLI_OK;
}

struct client *client_close(struct client *client)
{
    if (client == NULL) return NULL;
    os_socket_close(client->socket);
    os_destroy(client->os);
    writer_deinit(&client->out);
    memory_free(client->in);
    memory_free(client);
    return NULL;
}

int client_open_at(struct cli *cli, struct slice host, int32_t port, struct client **opened)
{
    char name[HOST_MAX];
    if (host.size >= sizeof(name)) return cli_fail(CLI_FAILED, "a broker's name is too long");
    struct client *client;
    int r = client_create(cli, &client);
    if (r != CLI_OK) return r;
    snprintf(name, sizeof(name), "%.*s", SLICE_ARG(host));
    snprintf(client->address, sizeof(client->address), "%s:%d", name, (int)port);
    r = client_reach(client, name, (uint16_t)port, &cli->arena);
    if (r < 0) {
        int code = cli_fail(CLI_UNREACHABLE, "cannot reach %s: %s", client->address, strerror(-r));
        client_close(client);
        return code;
    }
    *opened = client;
    return CLI_OK;
}

/* "host", "host:port", "[::1]:port". */
static int parse_broker(struct slice text, struct slice *host, int32_t *port)
{
    *port = 9092;
    *host = text;
    size_t colon = text.size;
    while (colon > 0 && text.data[colon - 1] != ':' && text.data[colon - 1] != ']')
        colon--;
    if (colon > 0 && text.data[colon - 1] == ':') {
        int64_t number;
        struct slice digits = {text.data + colon, text.size - colon};
        if (slice_parse_int64(digits, 1, 65535, &number) < 0) return -EINVAL;
        *port = (int32_t)number;
        host->size = colon - 1;
    }
    if (host->size >= 2 && host->data[0] == '[')
        *host = (struct slice){host->data + 1, host->size - 2};
    return host->size > 0 ? 0 : -EINVAL;
}

static const char *client_brokers(const struct cli *cli)
{
    const char *from_environment = getenv("GREGOR_BROKERS");
    if (cli_has(cli, OPTION_BROKERS)) return cli->option[OPTION_BROKERS];
    if (from_environment != NULL && from_environment[0] != 0) return from_environment;
    return "127.0.0.1:9092";
}

int client_open(struct cli *cli, struct client **opened)
{
    const char *brokers = client_brokers(cli);
    int r = CLI_USAGE;
    const char *from = brokers;
    do {
        const char *end = strchrnul(from, ',');
        struct slice text = {(const uint8_t *)from, (size_t)(end - from)};
        struct slice host;
        int32_t port;
        if (parse_broker(text, &host, &port) < 0)
            return cli_fail(CLI_USAGE, "'%s' is no list of HOST:PORT", brokers);
        r = client_open_at(cli, host, port, opened);
        from = *end == 0 ? NULL : end + 1;
    } while (r == CLI_UNREACHABLE && from != NULL);
    return r;
}

/* --- what was learned ------------------------------------------------------------------------- */

bool client_offers(const struct client *client, enum api_key key, int16_t *min, int16_t *max)
{
    for (int i = 0; i < client->api_count; i++) {
        if (client->apis[i].key != (int16_t)key) continue;
        *min = client->apis[i].min;
        *max = client->apis[i].max;
        return true;
    }
    return false;
}

int16_t client_version(const struct client *client, enum api_key key, int16_t max)
{
    const struct wire_api *api = wire_api_find((int16_t)key);
    int16_t theirs_min, theirs_max;
    if (api == NULL || !client_offers(client, key, &theirs_min, &theirs_max)) return -1;
    int16_t version = max < api->version_max ? max : api->version_max;
    if (theirs_max < version) version = theirs_max;
    return version < theirs_min || version < wire_version_min(api->request) ? -1 : version;
}

struct os *client_os(struct client *client)
{
    return client->os;
}

int32_t client_timeout_ms(const struct client *client)
{
    int64_t timeout_ms = client->timeout_ns / 1000000;
    return timeout_ms < INT32_MAX ? (int32_t)timeout_ms : INT32_MAX;
}

const char *client_address(const struct client *client)
{
    return client->address;
}

enum cli_exit client_exit(enum kafka_error error)
{
    switch ((int)error) {
    case KAFKA_ERROR_NONE:
        return CLI_OK;
    case KAFKA_ERROR_TOPIC_AUTHORIZATION_FAILED:
    case KAFKA_ERROR_GROUP_AUTHORIZATION_FAILED:
    case KAFKA_ERROR_CLUSTER_AUTHORIZATION_FAILED:
    case KAFKA_ERROR_SASL_AUTHENTICATION_FAILED:
        return CLI_DENIED;
    case KAFKA_ERROR_REQUEST_TIMED_OUT:
        return CLI_UNREACHABLE;
    default:
        return CLI_FAILED;
    }
}

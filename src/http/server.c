/* Daemons, one for each address, on shard 0's loop; and which page is whose. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "http/http_private.h"

enum {
    ADDRESSES_MAX = 4, /* of one host name */
    HOST_MAX = 256,    /* bytes of it, and one */
    NS_PER_MS = 1000000,
};

static const char *const COMPONENT = "gregor";

/* --- the loop --------------------------------------------------------------------------------- */

static void run_in(struct http_daemon *daemon, int64_t wait_ns)
{
    struct shard *first = daemon->http->first;
    shard_timer_set(first, &daemon->timer, os_monotonic_ns(shard_os(first)) + wait_ns);
}

static unsigned visitors(const struct http_daemon *daemon)
{
    return MHD_get_daemon_info(daemon->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
        ->num_connections;
}

/* Where a visitor has gone the daemon looks once more: it may have stopped to accept others, and
 * goes on with it in its next run only. */
static void run(struct http_daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    unsigned before;
    do {
        before = visitors(daemon);
        (void)MHD_run(daemon->daemon);
    } while (visitors(daemon) < before);
    if (MHD_get_timeout(daemon->daemon, &wait_ms) == MHD_YES)
        run_in(daemon, (int64_t)wait_ms * NS_PER_MS);
    else
        shard_timer_clear(daemon->http->first, &daemon->timer);
}

static void on_readable(void *context)
{
    run(context);
}

static void on_timer(struct shard_timer *timer)
{
    run(CONTAINER_OF(timer, struct http_daemon, timer));
}

void http_answer(struct visit *visit)
{
    visit->ready = true;
    if (!visit->suspended) return;
    MHD_resume_connection(visit->connection); /* which goes on when the daemon runs */
    run_in(visit->daemon, 0);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void say(struct visit *visit, unsigned status, const char *text)
{
    visit->status = status;
    writer_put(&visit->body, slice_of(text));
    http_answer(visit);
}

static enum MHD_Result give(struct visit *visit)
{
    struct slice body = writer_slice(&visit->body);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, visit->type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (visit->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result r = MHD_queue_response(visit->connection, visit->status, response);
    MHD_destroy_response(response);
    return r;
}

static bool accepts_open_metrics(struct MHD_Connection *connection)
{
    const char *accept =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    return accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;
}

static void begin_scrape(struct visit *visit)
{
    const char *level =
        MHD_lookup_connection_value(visit->connection, MHD_GET_ARGUMENT_KIND, "partition");
    bool open_metrics = accepts_open_metrics(visit->connection);
    visit->type = open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                               : "text/plain; version=0.0.4; charset=utf-8";
    scrape(visit, open_metrics, level == NULL || strcmp(level, "0") != 0);
}

static void visit_page(struct visit *visit, const char *url)
{
    if (strcmp(url, "/metrics") == 0)
        begin_scrape(visit);
    else if (!probe(visit, url))
        say(visit, MHD_HTTP_NOT_FOUND, "there are /metrics /livez /readyz /startupz /healthz\n");
}

static struct visit *visit_create(struct http_daemon *daemon, struct MHD_Connection *connection)
{
    struct visit *visit = memory_alloc_zero(sizeof(*visit));
    *visit = (struct visit){.daemon = daemon,
                            .connection = connection,
                            .status = MHD_HTTP_OK,
                            .type = "text/plain; charset=utf-8"};
    writer_init(&visit->body, HTTP_ANSWER_BYTES_MAX);
    return visit;
}

/* The head has come. Who wants more than to read is told so before the body. */
static enum MHD_Result welcome(struct visit *visit, const char *method)
{
    if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
        return MHD_YES;
    say(visit, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    return give(visit);
}

/* Called when the head has come, for each part of a body, at the end of that, and again when a
 * visit is resumed. */
static enum MHD_Result on_visit(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **kept)
{
    (void)version;
    (void)upload;
    struct visit *visit = *kept;
    if (visit == NULL) {
        *kept = visit_create(context, connection);
        return welcome(*kept, method);
    }
    if (*upload_size > 0) {
        *upload_size = 0; /* nobody reads a body */
        return MHD_YES;
    }
    if (!visit->ready) visit_page(visit, url);
    if (visit->ready) return give(visit);
    visit->suspended = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void on_visit_end(void *context, struct MHD_Connection *connection, void **kept,
                         enum MHD_RequestTerminationCode how)
{
    (void)context;
    (void)connection;
    (void)how;
    struct visit *visit = *kept;
    if (visit == NULL) return;
    ASSERT(!visit->suspended || visit->ready); /* who is suspended does not end */
    writer_deinit(&visit->body);
    memory_free(visit);
    *kept = NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

static int listen_at(struct http *http, const struct os_address *address, uint16_t *port)
{
    if (http->daemon_count == HTTP_DAEMONS_MAX) return -E2BIG;
    struct http_daemon *daemon = &http->daemons[http->daemon_count];
    *daemon = (struct http_daemon){.http = http, .timer.fire = on_timer};
    int descriptor = os_guest_listen(address, HTTP_CONNECTIONS_MAX, port);
    if (descriptor < 0) return descriptor;
    daemon->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_visit, daemon,
        MHD_OPTION_LISTEN_SOCKET, descriptor, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, on_visit_end, NULL, MHD_OPTION_END);
    if (daemon->daemon == NULL) return -ENOMEM; /* and the descriptor is closed */
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(daemon->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int r =
        os_guest_watch(shard_os(http->first), info->epoll_fd, on_readable, daemon, &daemon->guest);
    if (r < 0)
        MHD_stop_daemon(daemon->daemon);
    else
        http->daemon_count++;
    return r;
}

static void announce(struct http *http, const char *host, uint16_t port)
{
    char place[sizeof(http->place)];
    bool colons = strchr(host, ':') != NULL;
    snprintf(place, sizeof(place), "http://%s%s%s:%d", colons ? "[" : "", host, colons ? "]" : "",
             (int)port);
    trace_write(shard_trace(http->first), TRACE_INFO, COMPONENT, "Metrics and probes on %s", place);
    if (http->place[0] == 0) memcpy(http->place, place, sizeof(place));
}

/* On all addresses of the host; one of them is enough. */
static int listen_on(struct http *http, const struct settings_address *listener)
{
    char host[HOST_MAX];
    uint16_t port = listener->port;
    struct os_address addresses[ADDRESSES_MAX];
    if (listener->host.size >= sizeof(host)) return -ENAMETOOLONG;
    snprintf(host, sizeof(host), "%.*s", SLICE_ARG(listener->host));
    int count = os_resolve(host[0] == 0 ? "::" : host, port, addresses, ADDRESSES_MAX);
    if (count <= 0 && host[0] == 0) count = os_resolve("0.0.0.0", port, addresses, 1);
    int result = count < 0 ? count : -EADDRNOTAVAIL;
    uint16_t bound = 0;
    for (int i = 0; i < count; i++) {
        if (port == 0 && bound != 0) break; /* each address would get a port of its own */
        int r = listen_at(http, &addresses[i], &bound);
        if (result < 0) result = r;
    }
    if (result == 0) announce(http, host, bound);
    return result;
}

static void http_close(void *opened)
{
    struct http *http = opened;
    while (http->rounds > 0) /* a worker writes, and has no long text */
        os_turn(shard_os(http->first), INT64_MAX);
    for (int i = 0; i < http->daemon_count; i++) {
        struct http_daemon *daemon = &http->daemons[i];
        shard_timer_clear(http->first, &daemon->timer);
        os_guest_forget(daemon->guest);
        MHD_stop_daemon(daemon->daemon);
    }
    memory_free(http);
}

/* Metrics are worth a start that fails only to who has asked for this very place. */
static int http_open(struct shard *first, void **opened)
{
    struct http *http = memory_alloc_zero(sizeof(*http));
    const struct settings *settings = shard_settings(first);
    bool by_default =
        settings_origin(settings, SETTING_GREGOR_HTTP_LISTENERS) == SETTING_ORIGIN_DEFAULT;
    struct settings_address addresses[SETTINGS_LISTENERS_MAX];
    int32_t count = settings_http_listeners(settings, addresses);
    int r = 0;
    http->first = first;
    for (int32_t i = 0; i < count && r == 0; i++) {
        r = listen_on(http, &addresses[i]);
        if (r == 0) continue;
        trace_write(shard_trace(first), by_default ? TRACE_WARN : TRACE_FATAL, COMPONENT,
                    "Cannot listen on http://%.*s:%d for metrics and probes: %s%s",
                    SLICE_ARG(addresses[i].host), (int)addresses[i].port, strerror(-r),
                    by_default ? "; going on without" : "");
        if (by_default) r = 0;
    }
    if (r < 0)
        http_close(http);
    else
        *opened = http;
    return r;
}

static const char *http_place(const void *opened)
{
    const struct http *http = opened;
    return http->place[0] != 0 ? http->place : NULL;
}

const struct broker_monitor http_monitor = {
    .open = http_open, .close = http_close, .place = http_place};

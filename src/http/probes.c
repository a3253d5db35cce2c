/* /livez, /readyz, /startupz, and what others call them. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "http/http_private.h"

enum { ALIVE_MS = 5000, NS_PER_MS = 1000000 };

/* --- is it ready? ----------------------------------------------------------------------------- */

/* One condition; told where somebody asks for all of them, or where it does not hold. */
static bool check(struct visit *visit, bool verbose, bool holds, const char *name, const char *why)
{
    if (verbose || !holds)
        writer_printf(&visit->body, "[%c] %s%s%s\n", holds ? '+' : '-', name, holds ? "" : ": ",
                      holds ? "" : why);
    if (!holds) visit->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    return holds;
}

static bool check_started(struct visit *visit, bool verbose, const struct measure_health *health)
{
    char why[96];
    snprintf(why, sizeof(why), "%d of %d logs are open", (int)(health->logs - health->logs_left),
             (int)health->logs);
    return check(visit, verbose, health->started, "started", why);
}

static void ready(struct visit *visit, bool only_started)
{
    bool verbose =
        MHD_lookup_connection_value(visit->connection, MHD_GET_ARGUMENT_KIND, "verbose") != NULL;
    /* "?verbose" has no value: libmicrohttpd tells it from one that is absent by its own call. */
    verbose = verbose ||
              MHD_lookup_connection_value_n(visit->connection, MHD_GET_ARGUMENT_KIND, "verbose",
                                            strlen("verbose"), NULL, NULL) == MHD_YES;
    struct measure_health health;
    measure_health(visit->daemon->http->first, &health);
    bool all = check_started(visit, verbose, &health);
    if (!only_started) {
        all = check(visit, verbose, health.registered, "registered",
                    "the cluster does not know this broker") &&
              all;
        all = check(visit, verbose, health.unfenced, "unfenced", "the broker is fenced") && all;
        all = check(visit, verbose, !health.stopping, "not stopping", "the broker stops") && all;
    }
    if (all) writer_printf(&visit->body, "ok\n");
    http_answer(visit);
}

/* Strimzi's agent tells it by Kafka's own numbers. (BrokerState.java) */
static void broker_state(struct visit *visit)
{
    enum { STARTING = 1, RECOVERY = 2, RUNNING = 3, PENDING_CONTROLLED_SHUTDOWN = 6 };
    struct measure_health health;
    measure_health(visit->daemon->http->first, &health);
    int state = health.started ? RUNNING : health.logs > 0 ? RECOVERY : STARTING;
    if (health.stopping) state = PENDING_CONTROLLED_SHUTDOWN;
    visit->type = "application/json";
    writer_printf(&visit->body, "{\"brokerState\":%d}\n", state);
    http_answer(visit);
}

/* --- is it alive? ----------------------------------------------------------------------------- */

/* A question to each shard. It lives until all have answered, longer than who asked may wait. */
struct round {
    struct http *http;
    struct visit *visit; /* NULL: has been told */
    struct shard_timer timer;
    struct call *calls;
    int32_t pending;
};

static void tell(struct round *round, bool alive)
{
    struct visit *visit = round->visit;
    round->visit = NULL;
    shard_timer_clear(round->http->first, &round->timer);
    if (visit == NULL) return;
    visit->status = alive ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    writer_printf(&visit->body, alive ? "ok\n" : "a loop has not turned for %d ms\n", ALIVE_MS);
    http_answer(visit);
}

static void on_silence(struct shard_timer *timer)
{
    tell(CONTAINER_OF(timer, struct round, timer), false);
}

static void on_sign(struct call *call)
{
    struct round *round = call->context;
    if (--round->pending > 0) return;
    tell(round, true);
    round->http->rounds--;
    memory_free(round->calls);
    memory_free(round);
}

static void alive(struct visit *visit)
{
    struct http *http = visit->daemon->http;
    struct shard *first = http->first;
    struct measure_health health;
    measure_health(first, &health);
    if (!health.started) {
        /* Others' loops wait for the start; that this one answers is all there is to say. */
        writer_printf(&visit->body, "ok\n");
        http_answer(visit);
        return;
    }
    struct round *round = memory_alloc_zero(sizeof(*round));
    int32_t count = shard_count(first);
    *round = (struct round){.http = http, .visit = visit, .timer.fire = on_silence};
    round->calls = memory_alloc_zero((size_t)count * sizeof(round->calls[0]));
    round->pending = count;
    http->rounds++;
    shard_timer_set(first, &round->timer,
                    os_monotonic_ns(shard_os(first)) + (int64_t)ALIVE_MS * NS_PER_MS);
    for (int32_t i = 0; i < count; i++) {
        round->calls[i] = (struct call){
            .kind = CALL_MEASURES, .done = on_sign, .context = round, .measures.shard = i};
        call_start(first, &round->calls[i]); /* the last may end the round */
    }
}

/* --- pages ------------------------------------------------------------------------------------ */

bool probe(struct visit *visit, const char *url)
{
    if (strcmp(url, "/livez") == 0)
        alive(visit);
    else if (strcmp(url, "/readyz") == 0 || strcmp(url, "/healthz") == 0 ||
             strcmp(url, "/v1/status/ready") == 0 || strcmp(url, "/v1/ready") == 0)
        ready(visit, false);
    else if (strcmp(url, "/startupz") == 0)
        ready(visit, true);
    else if (strcmp(url, "/v1/broker-state") == 0)
        broker_state(visit);
    else
        return false;
    return true;
}

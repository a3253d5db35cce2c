/*
 * What the service manager is told: how far the start is, that the node serves, that it reads its
 * settings again, that it stops, and again and again that all its loops turn. A shard that stalls
 * keeps the word back, and the manager starts the node anew. (sd_notify(3), WatchdogSec=)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/shard_private.h"

enum {
    PARTS_OF_INTERVAL = 4, /* how much earlier than it must the word is given */
    LOADING_NS = 100000000,
    AGAIN_NS = 50000000, /* the manager's queue was full */
    PATIENCE_S = 600,    /* for the next log to be recovered, however long the others took */
};

static const char READY[] = "READY=1\nSTATUS=serving";

static int tell(struct broker *broker, const char *state)
{
    int r = os_notify(state);
    if (r < 0)
        BROKER_TRACE(broker, TRACE_WARN, "gregor", "Cannot tell the service manager: %s",
                     strerror(-r));
    return r;
}

/* --- the watchdog ----------------------------------------------------------------------------- */

/* Back on shard 0. */
static void receive_back(struct os_mail *mail)
{
    struct shard *shard = CONTAINER_OF(mail, struct shard, watch_mail);
    shard->watch_sent = false;
}

/* On the shard: its loop turns. */
static void receive_question(struct os_mail *mail)
{
    struct shard *shard = CONTAINER_OF(mail, struct shard, watch_mail);
    shard->watch_mail.receive = receive_back;
    int r = os_post(shard->broker->shards[0].os, &shard->watch_mail);
    ASSERT(r == 0); /* one letter a shard */
}

static void ask(struct shard *shard)
{
    shard->watch_sent = true;
    shard->watch_mail.receive = receive_question;
    if (os_post(shard->os, &shard->watch_mail) < 0) shard->watch_sent = false;
}

static void tick(struct shard_timer *timer)
{
    struct broker *broker = CONTAINER_OF(timer, struct broker, watch_timer);
    bool all = true;
    for (int32_t i = 1; i < broker->shard_count; i++) {
        struct shard *shard = &broker->shards[i];
        all = all && !shard->watch_sent;
        if (!shard->watch_sent) ask(shard);
    }
    if (all) (void)tell(broker, "WATCHDOG=1");
    shard_timer_set(&broker->shards[0], timer,
                    os_monotonic_ns(broker->shards[0].os) + broker->watch_ns);
}

/* --- the start -------------------------------------------------------------------------------- */

/* A manager's patience ends; it gets longer while logs are recovered, and only then. */
static void tell_loading(struct shard_timer *timer)
{
    struct broker *broker = CONTAINER_OF(timer, struct broker, watch_timer);
    struct shard *first = &broker->shards[0];
    int32_t all = 0, left = 0;
    for (int32_t i = 0; i < broker->shard_count; i++) {
        all += os_number_get(&broker->shards[i].logs);
        left += os_number_get(&broker->shards[i].logs_left);
    }
    char text[128];
    snprintf(text, sizeof(text), "STATUS=%s %d/%d logs\nEXTEND_TIMEOUT_USEC=%d000000",
             broker->home->clean ? "opening" : "recovering", (int)(all - left), (int)all,
             PATIENCE_S);
    if (left != broker->watch_left) (void)tell(broker, text);
    broker->watch_left = left;
    shard_timer_set(first, timer, os_monotonic_ns(first->os) + LOADING_NS);
}

void watch_loading(struct broker *broker)
{
    struct shard *first = &broker->shards[0];
    broker->watch_timer.fire = tell_loading;
    shard_timer_set(first, &broker->watch_timer, os_monotonic_ns(first->os) + LOADING_NS);
}

/* --- life ------------------------------------------------------------------------------------- */

/* Of all words the one that must arrive: without it the manager ends the node. */
static void say_ready(struct shard_timer *timer)
{
    struct broker *broker = CONTAINER_OF(timer, struct broker, watch_timer);
    struct shard *first = &broker->shards[0];
    int64_t interval_ns = os_watchdog_ns();
    if (tell(broker, READY) == -EAGAIN) {
        shard_timer_set(first, timer, os_monotonic_ns(first->os) + AGAIN_NS);
        return;
    }
    if (interval_ns <= 0) return;
    broker->watch_ns = interval_ns / PARTS_OF_INTERVAL;
    timer->fire = tick;
    shard_timer_set(first, timer, os_monotonic_ns(first->os) + broker->watch_ns);
}

void watch_start(struct broker *broker)
{
    shard_timer_clear(&broker->shards[0], &broker->watch_timer);
    broker->watch_timer.fire = say_ready;
    say_ready(&broker->watch_timer);
}

/* (Type=notify-reload, sd_notify(3)) */
void watch_reloading(struct broker *broker)
{
    char text[128];
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading settings again",
             (long long)os_monotonic_ns(broker->shards[0].os) / 1000);
    (void)tell(broker, text);
}

void watch_reloaded(struct broker *broker)
{
    (void)tell(broker, READY);
}

void watch_stop(struct broker *broker)
{
    shard_timer_clear(&broker->shards[0], &broker->watch_timer);
    (void)tell(broker, "STOPPING=1\nSTATUS=stopping");
}

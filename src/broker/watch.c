/*
 * What the service manager is told: that the node serves, that it stops, and again and again that
 * all its loops turn. A shard that stalls keeps the word back, and the manager starts the node
 * anew.
 * (sd_notify(3), WatchdogSec=)
 */
#include <string.h>

#include "broker/shard_private.h"

enum { PARTS_OF_INTERVAL = 4 /* how much earlier than it must the word is given */ };

static void tell(struct broker *broker, const char *state)
{
    int r = os_notify(state);
    if (r < 0)
        BROKER_TRACE(broker, TRACE_WARN, "gregor", "Cannot tell the service manager: %s",
                     strerror(-r));
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
    if (all) tell(broker, "WATCHDOG=1");
    shard_timer_set(&broker->shards[0], timer,
                    os_monotonic_ns(broker->shards[0].os) + broker->watch_ns);
}

/* --- life ------------------------------------------------------------------------------------- */

void watch_start(struct broker *broker)
{
    int64_t interval_ns = os_watchdog_ns();
    tell(broker, "READY=1\nSTATUS=serving");
    if (interval_ns <= 0) return;
    broker->watch_ns = interval_ns / PARTS_OF_INTERVAL;
    broker->watch_timer.fire = tick;
    shard_timer_set(&broker->shards[0], &broker->watch_timer,
                    os_monotonic_ns(broker->shards[0].os) + broker->watch_ns);
}

void watch_stop(struct broker *broker)
{
    shard_timer_clear(&broker->shards[0], &broker->watch_timer);
    tell(broker, "STOPPING=1\nSTATUS=stopping");
}

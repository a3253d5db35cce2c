/*
 * Kafka's Rate: the sum of what fell into a window of samples, by the time that the window spans.
 * A window that has just begun counts as if all its samples but the last had passed without an
 * event, so that whoever used nothing for a while may use that much at once.
 * (org.apache.kafka.common.metrics.stats: Rate, SampledStat)
 */
#include "base/memory.h"
#include "core/quota/quota.h"

enum { MS_PER_SECOND = 1000 };

void quota_rate_deinit(struct quota_rate *rate)
{
    memory_free(rate->samples);
    *rate = (struct quota_rate){0};
}

static void sample_begin(struct quota_sample *sample, int64_t now_ms)
{
    *sample = (struct quota_sample){.start_ms = now_ms, .last_ms = now_ms};
}

static void add_sample(struct quota_rate *rate, int64_t now_ms)
{
    rate->samples =
        memory_grow(rate->samples, ((size_t)rate->count + 1) * sizeof(rate->samples[0]));
    sample_begin(&rate->samples[rate->count++], now_ms);
}

/* The next place of the ring, which begins anew. */
static void advance(struct quota_rate *rate, struct quota_window window, int64_t now_ms)
{
    int32_t places = window.samples + 1; /* the oldest may overlap the window */
    rate->current = (rate->current + 1) % places;
    ASSERT(rate->current <= rate->count);
    if (rate->current == rate->count)
        add_sample(rate, now_ms);
    else
        sample_begin(&rate->samples[rate->current], now_ms);
}

void quota_rate_record(struct quota_rate *rate, struct quota_window window, double value,
                       int64_t now_ms)
{
    ASSERT(window.samples >= 1);
    ASSERT(window.samples <= QUOTA_SAMPLES_MAX);
    ASSERT(window.sample_ms >= 1);
    if (rate->count == 0) add_sample(rate, now_ms);
    if (now_ms - rate->samples[rate->current].start_ms >= window.sample_ms)
        advance(rate, window, now_ms);
    ASSERT(rate->count <= window.samples + 1);
    struct quota_sample *sample = &rate->samples[rate->current];
    sample->value += value;
    sample->last_ms = now_ms;
}

/* Samples without an event inside the window begin anew: what they held is too old. */
static void purge(struct quota_rate *rate, struct quota_window window, int64_t now_ms)
{
    int64_t age_ms = window.samples * window.sample_ms;
    for (int32_t i = 0; i < rate->count; i++) {
        if (now_ms - rate->samples[i].last_ms >= age_ms) sample_begin(&rate->samples[i], now_ms);
    }
}

/* Always at least all samples but one: else the first event of a window would be a huge rate. */
static int64_t span_ms(const struct quota_rate *rate, struct quota_window window, int64_t now_ms)
{
    int64_t oldest_ms = now_ms;
    for (int32_t i = 0; i < rate->count; i++) {
        if (rate->samples[i].start_ms < oldest_ms) oldest_ms = rate->samples[i].start_ms;
    }
    int64_t elapsed_ms = now_ms - oldest_ms;
    int64_t full = elapsed_ms / window.sample_ms;
    int64_t least = window.samples - 1;
    if (full < least) elapsed_ms += (least - full) * window.sample_ms;
    return elapsed_ms > 1 ? elapsed_ms : 1;
}

/* Half up, as Java's Math.round; beyond what an int64_t holds, its end. */
static int64_t round_ms(double ms)
{
    if (ms >= 9.2e18) return INT64_MAX;
    return (int64_t)(ms + 0.5);
}

int64_t quota_rate_throttle_ms(struct quota_rate *rate, struct quota_window window, double bound,
                               int64_t now_ms)
{
    ASSERT(bound >= 0); /* nothing is allowed at 0: the pause has no end */
    purge(rate, window, now_ms);
    double sum = 0;
    for (int32_t i = 0; i < rate->count; i++)
        sum += rate->samples[i].value;
    double window_ms = (double)span_ms(rate, window, now_ms);
    double observed = sum / (window_ms / (double)MS_PER_SECOND);
    if (observed <= bound) return 0;
    return round_ms((observed - bound) / bound * window_ms);
}

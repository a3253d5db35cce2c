/*
 * histogram: how many values fell where, with a relative error below 1 %. 128 buckets for each
 * power of two, so it never grows and never loses a value; the greatest is kept exactly.
 */
#ifndef GREGOR_BASE_HISTOGRAM_H
#define GREGOR_BASE_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_PRECISION_BITS = 7,
    HISTOGRAM_POWERS = 64 - HISTOGRAM_PRECISION_BITS,
    HISTOGRAM_BUCKETS = (HISTOGRAM_POWERS + 1) << HISTOGRAM_PRECISION_BITS,
};

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t max;
    double sum;
};

void histogram_reset(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value);

/* The value that `share` (0..1) of all values do not exceed; 0 when there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);
double histogram_mean(const struct histogram *histogram);

#endif

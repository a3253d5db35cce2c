/* Buckets that grow with their values. */
#include "base/histogram.h"

#include <string.h>

#include "base/assert.h"

/* Values below 2^7 have a bucket each; above, the seven bits after the leading one choose. */
static unsigned bucket_of(uint64_t value)
{
    if (value < 1U << HISTOGRAM_PRECISION_BITS) return (unsigned)value;
    unsigned power = 63U - (unsigned)__builtin_clzll(value) - HISTOGRAM_PRECISION_BITS;
    unsigned part = (unsigned)(value >> power) - (1U << HISTOGRAM_PRECISION_BITS);
    unsigned bucket = ((power + 1) << HISTOGRAM_PRECISION_BITS) + part;
    ASSERT(bucket < HISTOGRAM_BUCKETS);
    return bucket;
}

/* The greatest value of a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    if (bucket < 1U << HISTOGRAM_PRECISION_BITS) return bucket;
    unsigned power = (bucket >> HISTOGRAM_PRECISION_BITS) - 1;
    uint64_t part = bucket & ((1U << HISTOGRAM_PRECISION_BITS) - 1);
    return ((part + (1U << HISTOGRAM_PRECISION_BITS) + 1) << power) - 1;
}

void histogram_reset(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    histogram->sum += (double)value;
    if (value > histogram->max) histogram->max = value;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    ASSERT(share >= 0 && share <= 1);
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen == 0 || (double)seen < wanted) continue;
        uint64_t end = bucket_end(i);
        return end < histogram->max ? end : histogram->max;
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->sum / (double)histogram->count;
}

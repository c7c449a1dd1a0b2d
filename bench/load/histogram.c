#include "bench/load/histogram.h"

/* Values below SUB have a bucket each; above, every doubling has SUB / 2. */
static unsigned bucket_of(uint64_t ns)
{
    if (ns < HISTOGRAM_SUB)
        return (unsigned)ns;
    unsigned exponent = 63u - (unsigned)__builtin_clzll(ns);
    unsigned shift = exponent - 5;
    unsigned bucket = HISTOGRAM_SUB + (shift - 1) * (HISTOGRAM_SUB / 2) +
                      (unsigned)((ns >> shift) - HISTOGRAM_SUB / 2);
    return bucket < HISTOGRAM_NBUCKETS ? bucket : HISTOGRAM_NBUCKETS - 1;
}

static uint64_t upper_end(unsigned bucket)
{
    if (bucket < HISTOGRAM_SUB)
        return bucket;
    unsigned above = bucket - HISTOGRAM_SUB;
    unsigned shift = above / (HISTOGRAM_SUB / 2) + 1;
    uint64_t step = above % (HISTOGRAM_SUB / 2) + HISTOGRAM_SUB / 2 + 1;
    return (step << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    histogram->counts[bucket_of(ns)]++;
    histogram->total++;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t want = (uint64_t)((double)histogram->total * share + 0.999999);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_NBUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= want && seen > 0) {
            uint64_t end = upper_end(i);
            return end < histogram->max_ns ? end : histogram->max_ns;
        }
    }
    return histogram->max_ns;
}

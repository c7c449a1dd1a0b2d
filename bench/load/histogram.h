/* histogram.h - latencies in log-linear buckets: 1/64 of the value exact or
 * better, from 0 to over an hour, in a fixed 20 KB. */
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_SUB = 64, HISTOGRAM_NBUCKETS = HISTOGRAM_SUB * 40 };

/* All zero is empty. */
struct histogram {
    uint64_t counts[HISTOGRAM_NBUCKETS];
    uint64_t total, max_ns;
};

void histogram_add(struct histogram *histogram, uint64_t ns);

/* The smallest value that at least `share` (0..1) of all do not exceed; 0 of
 * an empty one. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif

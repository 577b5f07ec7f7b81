/* Histogram: log-linear, HDR style, of nanoseconds: 2^7 linear buckets per power of two (relative error below 0.8 %), up to
 * 2^40 ns; beyond it the last bucket. Fixed size, no allocation; one writer; a reader may copy it at any time.
 */
#ifndef RFQD_CORE_HISTOGRAM_H
#define RFQD_CORE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_BUCKETS  ((40 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t count, sum, max, min;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *h);
void histogram_record(struct histogram *h, uint64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The value at or below which permille_tenths / 100,000 of all lie: p50 = 50000, p99.9 = 99900. 0 when empty. */
uint64_t histogram_percentile(const struct histogram *h, uint32_t per_100000);

#endif

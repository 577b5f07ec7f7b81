/* Histogram: log-linear, HDR style, of nanoseconds: 2^7 linear buckets per power of two (relative error below
 * 0.8 %), up to 2^40 ns; beyond it the last bucket. Fixed size, no allocation; one writer; a reader may copy
 * it at any time.
 */
#ifndef RFQD_CORE_HISTOGRAM_H
#define RFQD_CORE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS  7
#define HISTOGRAM_POWER_MAX 40
#define HISTOGRAM_BUCKETS   ((HISTOGRAM_POWER_MAX - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t count, sum, max;
    uint64_t min; /* UINT64_MAX while empty: a histogram starts with histogram_reset */
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *h);
/* What a reader does while the writer goes on: each word whole, the words not of one instant (the counts of
 * the newest few values may be missing in one and present in another). */
void histogram_copy(struct histogram *out, const struct histogram *from);
/* The value at or below which per_100000 / 100,000 of all lie: p50 = 50000, p99.9 = 99900. The upper edge of
 * its bucket, never above max. 0 when empty. */
uint64_t histogram_percentile(const struct histogram *h, uint32_t per_100000);

/* How many values lie in [2^from, 2^to) ns, exactly: powers of two are edges of buckets. from 0: with 0
 * itself; to HISTOGRAM_POWER_MAX: with all above too. */
uint64_t histogram_between(const struct histogram *h, unsigned from, unsigned to);

static inline uint32_t histogram_bucket(uint64_t ns)
{
    if (ns >> 40)
        return HISTOGRAM_BUCKETS - 1;
    if (ns >> HISTOGRAM_SUB_BITS == 0)
        return (uint32_t)ns;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
    return ((shift + 1) << HISTOGRAM_SUB_BITS) + (uint32_t)((ns >> shift) & ((1u << HISTOGRAM_SUB_BITS) - 1));
}

/* A few ns: it is called for every message at every stage. Relaxed stores, so that a reader sees whole words.
 */
static inline void histogram_record(struct histogram *h, uint64_t ns)
{
    uint64_t *bucket = &h->buckets[histogram_bucket(ns)];
    __atomic_store_n(bucket, *bucket + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&h->count, h->count + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&h->sum, h->sum + ns, __ATOMIC_RELAXED);
    if (ns > h->max)
        __atomic_store_n(&h->max, ns, __ATOMIC_RELAXED);
    if (ns < h->min)
        __atomic_store_n(&h->min, ns, __ATOMIC_RELAXED);
}

#endif

#include "dataplane/core/histogram.h"

#include <string.h>

void histogram_reset(struct histogram *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

void histogram_copy(struct histogram *out, const struct histogram *from)
{
    out->count = __atomic_load_n(&from->count, __ATOMIC_RELAXED);
    out->sum = __atomic_load_n(&from->sum, __ATOMIC_RELAXED);
    out->max = __atomic_load_n(&from->max, __ATOMIC_RELAXED);
    out->min = __atomic_load_n(&from->min, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        out->buckets[i] = __atomic_load_n(&from->buckets[i], __ATOMIC_RELAXED);
}

/* The largest value that falls into a bucket. */
static uint64_t bucket_edge(uint32_t i)
{
    if (i >> HISTOGRAM_SUB_BITS == 0)
        return i;
    uint32_t shift = (i >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t sub = (i & ((1u << HISTOGRAM_SUB_BITS) - 1)) | (1u << HISTOGRAM_SUB_BITS);
    return ((sub + 1) << shift) - 1;
}

uint64_t histogram_between(const struct histogram *h, unsigned from, unsigned to)
{
    uint64_t count = 0;
    uint32_t i = from ? histogram_bucket(1ull << from) : 0;
    uint32_t end = to < HISTOGRAM_POWER_MAX ? histogram_bucket(1ull << to) : HISTOGRAM_BUCKETS;
    for (; i < end; i++)
        count += h->buckets[i];
    return count;
}

uint64_t histogram_percentile(const struct histogram *h, uint32_t per_100000)
{
    if (h->count == 0)
        return 0;
    uint64_t rank = (uint64_t)(((unsigned __int128)h->count * per_100000 + 99999) / 100000);
    if (rank == 0)
        rank = 1;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += h->buckets[i];
        if (seen >= rank)
            return bucket_edge(i) < h->max ? bucket_edge(i) : h->max;
    }
    return h->max;
}

#include <criterion/criterion.h>
#include <stdlib.h>

#include "dataplane/core/histogram.h"
#include "tests/unit/random.h"

static struct histogram h, other;

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

Test(core_histogram, is_zero_when_empty)
{
    histogram_reset(&h);
    cr_assert_eq(histogram_percentile(&h, 50000), 0);
    cr_assert_eq(h.count, 0);
}

Test(core_histogram, buckets_are_in_order_and_leave_no_gap)
{
    cr_assert_eq(histogram_bucket(0), 0);
    uint32_t last = 0;
    for (uint64_t v = 1; v < 1 << 20; v++) {
        uint32_t b = histogram_bucket(v);
        cr_assert(b == last || b == last + 1, "%lu", (unsigned long)v);
        last = b;
    }
    for (unsigned e = 7; e < 40; e++)
        cr_assert_eq(histogram_bucket(1ull << e), histogram_bucket((1ull << e) - 1) + 1);
    cr_assert_eq(histogram_bucket((1ull << 40) - 1), HISTOGRAM_BUCKETS - 1);
    cr_assert_eq(histogram_bucket(1ull << 40), HISTOGRAM_BUCKETS - 1);
    cr_assert_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

Test(core_histogram, percentiles_are_those_of_the_sorted_values_within_a_hundredth)
{
    enum { N = 20000 };
    static uint64_t values[N];
    static const uint32_t points[] = {1, 1000, 25000, 50000, 90000, 99000, 99900, 99990, 100000};
    uint64_t seed = 9;
    for (int round = 0; round < 20; round++) {
        histogram_reset(&h);
        uint64_t sum = 0;
        for (int i = 0; i < N; i++) {
            values[i] = round < 10 ? random_spread(&seed) >> 24 : random_below(&seed, 5000);
            histogram_record(&h, values[i]);
            sum += values[i];
        }
        qsort(values, N, sizeof values[0], compare);
        cr_assert(h.count == N && h.sum == sum && h.min == values[0] && h.max == values[N - 1]);
        for (size_t p = 0; p < sizeof points / sizeof points[0]; p++) {
            uint64_t rank = ((uint64_t)N * points[p] + 99999) / 100000, exact = values[rank - 1];
            uint64_t got = histogram_percentile(&h, points[p]);
            cr_assert(got >= exact && got <= exact + exact / 128, "p%u: %lu for %lu", points[p],
                      (unsigned long)got, (unsigned long)exact);
        }
    }
}

Test(core_histogram, beyond_its_range_the_largest_is_still_told)
{
    histogram_reset(&h);
    histogram_record(&h, 1ull << 50);
    histogram_record(&h, 5);
    cr_assert_eq(histogram_percentile(&h, 100000), 1ull << 50);
    cr_assert_eq(histogram_percentile(&h, 50000), 5);
    cr_assert_eq(histogram_percentile(&h, 0), 5, "the least there is");
}

Test(core_histogram, a_copy_has_all_of_it)
{
    uint64_t seed = 10;
    histogram_reset(&h);
    for (int i = 0; i < 10000; i++)
        histogram_record(&h, random_spread(&seed));
    histogram_copy(&other, &h);
    cr_assert_arr_eq(&other, &h, sizeof h);
}

Test(core_histogram, counts_between_powers_of_two_are_exact)
{
    enum { N = 20000 };
    uint64_t state = 7, in[65] = {0};
    histogram_reset(&h);
    for (unsigned i = 0; i < N; i++) {
        uint64_t v = random_next(&state) >> (random_next(&state) % 64);
        histogram_record(&h, v);
        in[v ? 64 - (unsigned)__builtin_clzll(v) : 0]++; /* v < 2^that */
    }
    uint64_t below = in[0];
    for (unsigned power = 1; power < HISTOGRAM_POWER_MAX; power++) {
        below += in[power];
        cr_expect_eq(histogram_between(&h, 0, power), below, "below 2^%u", power);
        cr_expect_eq(histogram_between(&h, power - 1 ? power - 1 : 0, power),
                     in[power] + (power == 1 ? in[0] : 0), "from 2^%u", power - 1);
    }
    cr_expect_eq(histogram_between(&h, 0, HISTOGRAM_POWER_MAX), N);
    cr_expect_eq(histogram_between(&h, 20, HISTOGRAM_POWER_MAX), N - histogram_between(&h, 0, 20));
}

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "tests/unit/random.h"

#define MANY (1u << 18)

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void check_distinct(uint64_t *h, size_t n)
{
    qsort(h, n, sizeof *h, compare);
    for (size_t i = 1; i < n; i++)
        cr_assert_neq(h[i - 1], h[i]);
}

/* Low bits choose buckets: n hashes into n buckets; a random function leaves 1/e of them empty. */
static void check_spread(const uint64_t *h, size_t n, unsigned shift)
{
    unsigned char *hit = calloc(n, 1);
    size_t empty = n;
    for (size_t i = 0; i < n; i++) {
        size_t b = h[i] >> shift & (n - 1);
        empty -= !hit[b];
        hit[b] = 1;
    }
    free(hit);
    cr_assert(empty > n * 360 / 1000 && empty < n * 376 / 1000, "%zu of %zu empty", empty, n);
}

Test(core_hash, spreads_numbers_in_a_row_and_in_steps)
{
    uint64_t *h = malloc(MANY * sizeof *h);
    static const unsigned steps[] = {0, 3, 6, 12, 20, 44};
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        for (uint64_t i = 0; i < MANY; i++)
            h[i] = hash_u64(i << steps[s]);
        check_spread(h, MANY, 0);
        check_spread(h, MANY, 40);
        check_distinct(h, MANY);
    }
    free(h);
}

Test(core_hash, spreads_text_that_differs_in_digits)
{
    uint64_t *h = malloc(MANY * sizeof *h);
    static const size_t sizes[] = {6, 8, 11, 16, 17, 24, 40, 100};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (uint64_t i = 0; i < MANY; i++) {
            char text[128];
            memset(text, 'x', sizeof text);
            uint64_t v = i;
            for (size_t k = 0; k < 6; k++, v /= 10)
                text[(s & 1 ? 0 : sizes[s] - 6) + k] = (char)('0' + v % 10);
            h[i] = hash_bytes(text, sizes[s]);
        }
        check_spread(h, MANY, 0);
        check_spread(h, MANY, 40);
        check_distinct(h, MANY);
    }
    free(h);
}

Test(core_hash, every_bit_and_the_size_count)
{
    uint64_t seed = 6;
    for (size_t size = 0; size <= 80; size++) {
        unsigned char a[96], b[96];
        for (size_t i = 0; i < sizeof a; i++)
            a[i] = (unsigned char)random_next(&seed);
        uint64_t h = hash_bytes(a, size);
        cr_assert_neq(h, hash_bytes(a, size + 1));
        for (size_t bit = 0; bit < size * 8; bit++) {
            memcpy(b, a, sizeof a);
            b[bit / 8] ^= (unsigned char)(1u << bit % 8);
            int flipped = __builtin_popcountll(h ^ hash_bytes(b, size));
            cr_assert(flipped >= 8 && flipped <= 56, "bit %zu of %zu bytes flips %d", bit, size, flipped);
        }
        memcpy(b + 1, a, size);
        cr_assert_eq(h, hash_bytes(b + 1, size), "alignment and what lies around do not count");
    }
    unsigned char zeros[64] = {0};
    for (size_t size = 0; size < 64; size++)
        cr_assert_neq(hash_bytes(zeros, size), hash_bytes(zeros, size + 1), "zeros of %zu", size);
}

/* Tables are rebuilt in every run, but replicas and the simulation compare digests: the function may not
 * drift. */
Test(core_hash, is_the_same_everywhere)
{
    cr_assert_eq(hash_u64(0), 0);
    cr_assert_eq(hash_u64(1), 0xb5129dbb8d1d79c9);
    cr_assert_eq(hash_bytes("", 0), 0xedf813738404be3a);
    cr_assert_eq(hash_bytes("RFQ-000017", 10), 0xb1ead54920b8ead9);
    cr_assert_eq(hash_bytes("the quick brown fox jumps over", 30), 0x675ca91428791041);
}

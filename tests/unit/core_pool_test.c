#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "dataplane/core/pool.h"
#include "tests/unit/random.h"

static struct pool pool(uint32_t capacity, size_t item_size)
{
    struct pool p;
    cr_assert_eq(pool_create(&p, capacity, item_size), OK);
    return p;
}

Test(core_pool, gives_indices_in_a_row_and_the_last_given_back_first)
{
    struct pool p = pool(4, 24);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(pool_take(&p), i);
    cr_assert_eq(pool_take(&p), POOL_NONE);
    pool_give(&p, 1);
    pool_give(&p, 3);
    cr_assert_eq(pool_take(&p), 3);
    cr_assert_eq(pool_take(&p), 1);
    cr_assert_eq(pool_take(&p), POOL_NONE);
    pool_destroy(&p);
}

Test(core_pool, things_are_zero_at_first_and_lie_apart)
{
    struct pool p = pool(100, 100);
    cr_assert_eq(p.item_size, 128);
    for (uint32_t i = 0; i < 100; i++) {
        unsigned char *b = pool_at(&p, pool_take(&p));
        cr_assert_eq((uintptr_t)b % 64, 0);
        for (size_t k = 0; k < 100; k++)
            cr_assert_eq(b[k], 0);
        memset(b, 0xee, 100);
    }
    pool_reset(&p);
    cr_assert_eq(p.used, 0);
    cr_assert_eq(pool_take(&p), 0);
    cr_assert_eq(*(char *)pool_at(&p, 0), 0, "as after create");
    pool_destroy(&p);
}

Test(core_pool, giving_back_twice_is_asserted, .signal = SIGABRT)
{
    struct pool p = pool(2, 8);
    uint32_t i = pool_take(&p);
    pool_give(&p, i);
    pool_give(&p, i);
}

Test(core_pool, reaching_for_a_free_one_is_asserted, .signal = SIGABRT)
{
    struct pool p = pool(2, 8);
    pool_at(&p, 0);
}

/* Naive twin: a stack of free indices. */
Test(core_pool, takes_and_gives_as_a_stack_does)
{
    enum { N = 64 };
    struct pool p = pool(N, 8);
    uint32_t stack[N], depth = N;
    int used[N] = {0};
    for (uint32_t i = 0; i < N; i++)
        stack[i] = N - 1 - i;
    uint64_t seed = 8;
    for (int s = 0; s < 100000; s++) {
        if (random_next(&seed) & 1) {
            uint32_t want = depth ? stack[--depth] : POOL_NONE;
            cr_assert_eq(pool_take(&p), want);
            if (want != POOL_NONE)
                used[want] = 1;
        } else {
            uint32_t i = (uint32_t)random_below(&seed, N);
            cr_assert_eq(pool_is_used(&p, i), used[i]);
            if (used[i]) {
                pool_give(&p, i);
                stack[depth++] = i;
                used[i] = 0;
            }
        }
        cr_assert_eq(p.used, N - depth);
        if (s % 100 == 0) {
            uint32_t at = pool_next_used(&p, 0);
            for (uint32_t i = 0; i < N; i++)
                if (used[i]) {
                    cr_assert_eq(at, i);
                    at = pool_next_used(&p, i + 1);
                }
            cr_assert_eq(at, POOL_NONE);
        }
    }
    pool_destroy(&p);
}

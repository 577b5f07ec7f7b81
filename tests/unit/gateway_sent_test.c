#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/gateway/sent.h"
#include "tests/unit/random.h"

/* The naive twin: every message ever put, in a list. What the store keeps must be the newest of it,
 * unchanged. */
struct twin {
    uint64_t number;
    uint32_t size;
    unsigned char fill;
};

static void put(struct sent *s, struct twin *list, unsigned *count, uint64_t number, uint64_t keep,
                uint32_t size)
{
    static char bytes[SENT_SIZE_MIN];
    unsigned char fill = (unsigned char)(number * 31 + size);
    memset(bytes, fill, size);
    cr_assert_not_null(sent_put(s, number, keep, bytes, size));
    list[(*count)++] = (struct twin){number, size, fill};
}

static void check(const struct sent *s, const struct twin *list, unsigned count)
{
    uint64_t kept = 0, last = count ? list[count - 1].number : 0;
    bool gone = false;
    for (unsigned i = count; i-- > 0;) {
        const struct sent_entry *e = sent_find(s, list[i].number);
        cr_assert(!(gone && e), "an older one is kept where a newer one is not");
        gone = gone || !e;
        if (!e)
            continue;
        cr_assert_eq(e->size, list[i].size);
        kept += e->size;
        const char *b = sent_bytes(s, e);
        cr_assert((unsigned char)b[0] == list[i].fill && (unsigned char)b[e->size - 1] == list[i].fill);
        for (uint32_t k = 0; k < e->size; k += 97)
            cr_assert_eq((unsigned char)b[k], list[i].fill);
    }
    cr_assert_leq(kept, s->size);
    if (count)
        cr_assert_not_null(sent_find(s, last), "the newest is always kept");
    cr_assert_null(sent_find(s, last + 1));
    cr_assert_null(sent_find(s, 0));
}

Test(gateway_sent, keeps_the_newest_and_nothing_else)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        uint64_t chance = seed;
        struct sent s;
        struct twin list[3000];
        unsigned count = 0;
        uint64_t number = 1;
        cr_assert_eq(sent_create(&s, SENT_SIZE_MIN), OK);
        uint32_t most = seed % 3 == 0 ? 100 : seed % 3 == 1 ? 2000 : 40000;
        for (unsigned i = 0; i < 1500; i++) {
            if (random_below(&chance, 50) == 0)
                number += random_below(&chance, 20);
            if (i < 1000 && random_below(&chance, 300) == 0)
                number += 5000;
            put(&s, list, &count, number++, UINT64_MAX, 1 + (uint32_t)random_below(&chance, most));
            if (i % 37 == 0)
                check(&s, list, count);
        }
        check(&s, list, count);
        /* Nearly all of its room is used, whatever the sizes. */
        uint64_t kept = 0;
        for (uint64_t n = s.first; n < s.next; n++)
            kept += sent_find(&s, n) ? sent_find(&s, n)->size : 0;
        if (most == 2000)
            cr_assert_gt(kept, s.size - 3 * most);
        sent_destroy(&s);
    }
}

Test(gateway_sent, never_evicts_what_is_still_to_be_sent)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        uint64_t chance = seed, number = 1, keep = 1;
        struct sent s;
        cr_assert_eq(sent_create(&s, SENT_SIZE_MIN), OK);
        static char bytes[2000];
        unsigned refused = 0;
        for (unsigned i = 0; i < 3000; i++) {
            if (random_below(&chance, 3) == 0 && keep < number)
                keep += 1 + random_below(&chance, number - keep);
            uint32_t size = 1 + (uint32_t)random_below(&chance, sizeof bytes);
            bool room = sent_room(&s, keep, size);
            const struct sent_entry *e = sent_put(&s, number, keep, bytes, size);
            cr_assert(!room || e, "room was promised");
            refused += !e;
            number += e != NULL;
            for (uint64_t n = keep; n < number; n++)
                cr_assert_not_null(sent_find(&s, n));
        }
        cr_assert_gt(number, 100);
        sent_destroy(&s);
        (void)refused;
    }
}

Test(gateway_sent, room_runs_out_where_nothing_may_go)
{
    struct sent s;
    static char bytes[2048];
    cr_assert_eq(sent_create(&s, 1), OK);
    unsigned put_count = 0;
    for (; sent_room(&s, 1, sizeof bytes); put_count++)
        cr_assert_not_null(sent_put(&s, put_count + 1, 1, bytes, sizeof bytes));
    cr_assert_gt(put_count, SENT_SIZE_MIN / sizeof bytes - 3);
    cr_assert(sent_room(&s, 3, sizeof bytes) || sent_room(&s, 4, sizeof bytes));
    sent_reset(&s, 1);
    cr_assert_null(sent_find(&s, 1));
    cr_assert(sent_room(&s, 1, sizeof bytes));
    sent_destroy(&s);
}

Test(gateway_sent, what_was_jumped_over_is_absent)
{
    struct sent s;
    cr_assert_eq(sent_create(&s, 1), OK);
    cr_assert_not_null(sent_put(&s, 1, UINT64_MAX, "a", 1));
    cr_assert_not_null(sent_put(&s, 5, UINT64_MAX, "b", 1));
    cr_assert_not_null(sent_find(&s, 1));
    for (uint64_t n = 2; n < 5; n++)
        cr_assert_null(sent_find(&s, n));
    cr_assert_not_null(sent_find(&s, 5));
    sent_destroy(&s);
}

Test(gateway_sent, a_jump_takes_no_room)
{
    struct sent s;
    cr_assert_eq(sent_create(&s, 1), OK);
    uint64_t number = 0;
    for (unsigned jump = 0; jump < 20; jump++) {
        for (unsigned i = 0; i < 10; i++)
            cr_assert_not_null(sent_put(&s, ++number, UINT64_MAX, "abc", 3));
        number += 4096;
    }
    for (unsigned jump = 0; jump < 20; jump++)
        for (unsigned i = 1; i <= 10; i++) {
            uint64_t n = jump * (10 + 4096ull) + i;
            cr_assert_not_null(sent_find(&s, n));
            cr_assert_eq(sent_find(&s, n)->number, n);
        }
    cr_assert_eq(s.first, 1);
    cr_assert_null(sent_find(&s, 11));
    cr_assert_null(sent_find(&s, 4106));
    sent_destroy(&s);
}

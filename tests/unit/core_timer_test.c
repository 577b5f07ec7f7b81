#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "dataplane/core/timer.h"
#include "tests/unit/random.h"

static struct timer_wheel *wheel(uint32_t capacity, uint64_t start_ns)
{
    struct timer_wheel *w;
    cr_assert_eq(timer_wheel_create(&w, capacity, start_ns), OK);
    return w;
}

#define NOW 1760000000000000000ull

Test(core_timer, fires_at_its_deadline_and_not_a_nanosecond_before)
{
    struct timer_wheel *w = wheel(8, NOW);
    struct timer t;
    static const uint64_t delays_ns[] = {1, 65535, 65536, 65537, 4194304, 1000000000, 86400000000000ull};
    for (size_t i = 0; i < sizeof delays_ns / sizeof delays_ns[0]; i++) {
        uint64_t deadline_ns = NOW + delays_ns[i];
        uint32_t h = timer_arm(w, deadline_ns, 7, i);
        cr_assert_eq(timer_next_deadline(w), deadline_ns);
        cr_assert_not(timer_pop_due(w, deadline_ns - 1, &t));
        cr_assert(timer_pop_due(w, deadline_ns, &t));
        cr_assert(t.deadline_ns == deadline_ns && t.id == i && t.kind == 7 && t.handle == h);
        cr_assert_not(timer_pop_due(w, deadline_ns, &t));
        timer_wheel_destroy(w);
        w = wheel(8, NOW);
    }
    timer_wheel_destroy(w);
}

Test(core_timer, equal_deadlines_fire_in_the_order_of_arming)
{
    struct timer_wheel *w = wheel(300, NOW);
    uint32_t handles[300];
    for (uint64_t i = 0; i < 300; i++)
        handles[i] = timer_arm(w, NOW + 5000000, 0, i);
    for (uint64_t i = 0; i < 300; i += 3)
        timer_cancel(w, handles[i]);
    struct timer t;
    for (uint64_t i = 0; i < 300; i++) {
        if (i % 3 == 0)
            continue;
        cr_assert(timer_pop_due(w, NOW + 9000000, &t));
        cr_assert_eq(t.id, i);
    }
    cr_assert_eq(timer_count(w), 0);
    timer_wheel_destroy(w);
}

Test(core_timer, overdue_ones_fire_at_once_in_order_of_deadline)
{
    struct timer_wheel *w = wheel(8, NOW);
    timer_arm(w, NOW - 5, 0, 2);
    timer_arm(w, 0, 0, 0);
    timer_arm(w, NOW - 1000000000, 0, 1);
    timer_arm(w, NOW - 5, 0, 3);
    struct timer t;
    for (uint64_t i = 0; i < 4; i++) {
        cr_assert(timer_pop_due(w, NOW, &t));
        cr_assert_eq(t.id, i);
    }
    cr_assert_not(timer_pop_due(w, NOW, &t));
    timer_wheel_destroy(w);
}

Test(core_timer, one_armed_while_firing_takes_its_place)
{
    struct timer_wheel *w = wheel(8, NOW);
    timer_arm(w, NOW + 100, 0, 1);
    timer_arm(w, NOW + 300, 0, 3);
    struct timer t;
    cr_assert(timer_pop_due(w, NOW + 1000, &t) && t.id == 1);
    timer_arm(w, NOW + 200, 0, 2);
    cr_assert(timer_pop_due(w, NOW + 1000, &t) && t.id == 2);
    cr_assert(timer_pop_due(w, NOW + 1000, &t) && t.id == 3);
    timer_wheel_destroy(w);
}

Test(core_timer, reaches_the_end_of_time)
{
    struct timer_wheel *w = wheel(4, 0);
    struct timer t;
    timer_arm(w, UINT64_MAX, 0, 1);
    timer_arm(w, UINT64_MAX - 1, 0, 0);
    cr_assert_not(timer_pop_due(w, UINT64_MAX - 2, &t));
    cr_assert(timer_pop_due(w, UINT64_MAX - 1, &t) && t.id == 0);
    cr_assert_not(timer_pop_due(w, UINT64_MAX - 1, &t));
    cr_assert(timer_pop_due(w, UINT64_MAX, &t) && t.id == 1);
    cr_assert_eq(timer_next_deadline(w), UINT64_MAX);
    timer_wheel_destroy(w);
}

Test(core_timer, a_time_that_goes_back_does_no_harm)
{
    struct timer_wheel *w = wheel(4, NOW);
    struct timer t;
    cr_assert_not(timer_pop_due(w, NOW + 1000000000, &t));
    timer_arm(w, NOW + 500, 0, 9);
    cr_assert_not(timer_pop_due(w, NOW + 499, &t), "not due by the now that is given");
    cr_assert(timer_pop_due(w, NOW + 500, &t) && t.id == 9);
    timer_wheel_destroy(w);
}

Test(core_timer, cancelling_none_does_nothing)
{
    struct timer_wheel *w = wheel(1, NOW);
    timer_cancel(w, TIMER_NONE);
    cr_assert_eq(timer_count(w), 0);
    timer_wheel_destroy(w);
}

Test(core_timer, capacity_is_asserted, .signal = SIGABRT)
{
    struct timer_wheel *w = wheel(2, NOW);
    for (int i = 0; i < 3; i++)
        timer_arm(w, NOW, 0, 0);
}

Test(core_timer, a_handle_used_twice_is_asserted, .signal = SIGABRT)
{
    struct timer_wheel *w = wheel(2, NOW);
    uint32_t h = timer_arm(w, NOW + 1, 0, 0);
    timer_cancel(w, h);
    timer_cancel(w, h);
}

/* The naive twin: an array that is searched. */
#define TWIN_MAX 400

struct twin_timer {
    uint64_t deadline_ns, id;
    uint32_t handle;
};
struct twin {
    struct twin_timer timers[TWIN_MAX]; /* in the order of arming */
    unsigned count;
};

static unsigned twin_first(const struct twin *t)
{
    unsigned best = 0;
    for (unsigned i = 1; i < t->count; i++)
        if (t->timers[i].deadline_ns < t->timers[best].deadline_ns)
            best = i;
    return best;
}

static void twin_remove(struct twin *t, unsigned i)
{
    for (t->count--; i < t->count; i++)
        t->timers[i] = t->timers[i + 1];
}

static uint64_t delay(uint64_t *seed, bool crowded)
{
    if (crowded)
        return random_below(seed, 40000); /* all in a tick or two: deep in the heap */
    switch (random_below(seed, 4)) {
    case 0:
        return random_below(seed, 16) << 16; /* on the edges of ticks */
    case 1:
        return random_below(seed, 1000000); /* within a few ticks */
    default:
        return random_spread(seed) >> 4;
    }
}

static void twin_run(uint64_t seed, unsigned steps)
{
    bool crowded = seed % 3 == 0;
    uint64_t now = random_spread(&seed) >> 2, id = 0;
    struct timer_wheel *w = wheel(TWIN_MAX, now);
    static struct twin twin;
    twin.count = 0;
    for (unsigned s = 0; s < steps; s++) {
        switch (random_below(&seed, 8)) {
        case 0 ... 3:
            if (twin.count < TWIN_MAX) {
                uint64_t d = delay(&seed, crowded), deadline = random_below(&seed, 8) ? now + d
                                                               : now > d              ? now - d
                                                                                      : 0;
                uint32_t h = timer_arm(w, deadline, (uint32_t)s, id);
                twin.timers[twin.count++] = (struct twin_timer){deadline, id++, h};
            }
            break;
        case 4 ... 5:
            if (twin.count) {
                unsigned i = (unsigned)random_below(&seed, twin.count);
                timer_cancel(w, twin.timers[i].handle);
                twin_remove(&twin, i);
            }
            break;
        default:
            now += crowded                  ? random_below(&seed, 1500)
                   : random_below(&seed, 2) ? random_below(&seed, 2000000)
                                            : random_spread(&seed) >> 8;
            unsigned pops = (unsigned)random_below(&seed, 6); /* not always all of them */
            for (unsigned i = 0; i < pops; i++) {
                struct timer t;
                unsigned first = twin_first(&twin);
                bool due = twin.count && twin.timers[first].deadline_ns <= now;
                cr_assert_eq(timer_pop_due(w, now, &t), due);
                if (!due)
                    break;
                cr_assert_eq(t.id, twin.timers[first].id);
                cr_assert_eq(t.deadline_ns, twin.timers[first].deadline_ns);
                twin_remove(&twin, first);
            }
        }
        cr_assert_eq(timer_count(w), twin.count);
        cr_assert_eq(timer_next_deadline(w),
                     twin.count ? twin.timers[twin_first(&twin)].deadline_ns : UINT64_MAX);
    }
    timer_wheel_destroy(w);
}

Test(core_timer, fires_as_a_searched_array_does)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        twin_run(seed, 5000);
}

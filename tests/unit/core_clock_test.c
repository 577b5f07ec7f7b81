#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/clock_line.h"
#include "tests/unit/random.h"

/* A made-up machine: a counter of 2.6 GHz and a kernel whose clock runs against it as we like. */
#define TICKS_PER_SECOND 2600000000ull
#define SECOND_NS        1000000000ull
#define START_NS         1760000000000000000ull

struct machine {
    struct clock_steer steer;
    struct clock_bend bend;
    uint64_t ticks;
    double kernel_ns; /* since START_NS: doubles are the test's business */
    uint64_t shown_ns;
};

static struct machine machine(void)
{
    struct machine m = {.ticks = 123456789};
    m.steer.rate = m.steer.rate_calibrated = (SECOND_NS << 32) / TICKS_PER_SECOND;
    m.steer.last = (struct clock_sample){m.ticks, START_NS};
    m.bend.before = m.bend.after = (struct clock_line){m.ticks, START_NS, m.steer.rate};
    m.shown_ns = START_NS;
    return m;
}

/* Go on a second with the kernel fast by ppm, in small steps; time must never go back, nor run off by more
 * than the slew. */
static int64_t machine_second(struct machine *m, double ppm)
{
    for (int i = 0; i < 1000; i++) {
        m->ticks += TICKS_PER_SECOND / 1000;
        m->kernel_ns += 1e6 * (1 + ppm / 1e6);
        uint64_t ns = clock_bend_at(&m->bend, m->ticks);
        cr_assert_geq(ns, m->shown_ns, "time went back");
        cr_assert_leq(ns - m->shown_ns, 1000000u + 1000000u / 1000000u * CLOCK_SLEW_PPM_MAX + 2000);
        m->shown_ns = ns;
    }
    struct clock_sample s = {m->ticks, START_NS + (uint64_t)m->kernel_ns};
    struct clock_bend before = m->bend;
    int64_t offset_ns = clock_steer(&m->steer, &m->bend, &s);
    cr_assert_eq(clock_bend_at(&before, m->ticks), clock_bend_at(&m->bend, m->ticks),
                 "a bend lies in the future");
    cr_assert_eq(clock_line_at(&m->bend.before, m->bend.after.ticks), m->bend.after.ns,
                 "the lines meet at the bend");
    return offset_ns;
}

Test(core_clock, follows_a_kernel_that_drifts)
{
    struct machine m = machine();
    int64_t offset_ns = 0;
    for (int s = 0; s < 60; s++)
        offset_ns = machine_second(&m, 80);
    cr_assert(offset_ns > -200 && offset_ns < 200, "%ld", (long)offset_ns);
    for (int s = 0; s < 60; s++)
        offset_ns = machine_second(&m, -40);
    cr_assert(offset_ns > -200 && offset_ns < 200, "%ld", (long)offset_ns);
}

Test(core_clock, slews_over_a_step_of_the_kernel_and_never_goes_back)
{
    struct machine m = machine();
    for (int s = 0; s < 10; s++)
        machine_second(&m, 0);
    m.kernel_ns += 0.5e9;
    int64_t offset_ns = 0;
    for (int s = 0; s < 30; s++)
        offset_ns = machine_second(&m, 0);
    cr_assert(offset_ns > -1000 && offset_ns < 1000, "%ld", (long)offset_ns);
    m.kernel_ns -= 0.5e9;
    for (int s = 0; s < 30; s++)
        offset_ns = machine_second(&m, 0);
    cr_assert(offset_ns > -1000 && offset_ns < 1000, "%ld", (long)offset_ns);
}

Test(core_clock, does_not_take_a_step_for_a_rate)
{
    struct machine m = machine();
    for (int s = 0; s < 5; s++)
        machine_second(&m, 0);
    uint64_t rate = m.steer.rate;
    m.kernel_ns += 1e7;
    machine_second(&m, 0);
    cr_assert_eq(m.steer.rate, rate);
}

Test(core_clock, steering_again_at_once_keeps_the_bend_that_is_to_come)
{
    struct machine m = machine();
    machine_second(&m, 50);
    struct clock_bend bend = m.bend;
    struct clock_sample s = {m.ticks + 1000, START_NS + (uint64_t)m.kernel_ns + 385};
    clock_steer(&m.steer, &m.bend, &s);
    cr_assert_arr_eq(&bend, &m.bend, sizeof bend);
}

static atomic_bool reader_stop;

static void *reader(void *arg)
{
    uint64_t last = 0, *reads = arg;
    while (!atomic_load(&reader_stop)) {
        uint64_t now = clock_now_ns();
        if (now < last)
            return (void *)1;
        last = now;
        ++*reads;
    }
    return NULL;
}

Test(core_clock, never_goes_back_while_it_is_steered)
{
    clock_init();
    pthread_t thread;
    uint64_t reads = 0;
    void *went_back;
    cr_assert_eq(pthread_create(&thread, NULL, reader, &reads), 0);
    uint64_t last = 0;
    for (int i = 0; i < 20000; i++) {
        clock_discipline();
        uint64_t now = clock_now_ns();
        cr_assert_geq(now, last);
        last = now;
    }
    atomic_store(&reader_stop, true);
    pthread_join(thread, &went_back);
    cr_assert_null(went_back);
    cr_assert_gt(reads, 0);
}

Test(core_clock, is_the_kernels_time)
{
    clock_init();
    clock_init();
    struct timespec before, after;
    uint64_t closest = UINT64_MAX;
    /* The closest of many readings: how long any one of them was interrupted does not matter. */
    for (int i = 0; i < 1000; i++) {
        clock_gettime(CLOCK_REALTIME, &before);
        uint64_t now = clock_now_ns();
        clock_gettime(CLOCK_REALTIME, &after);
        uint64_t a = (uint64_t)before.tv_sec * SECOND_NS + (uint64_t)before.tv_nsec;
        uint64_t b = (uint64_t)after.tv_sec * SECOND_NS + (uint64_t)after.tv_nsec;
        uint64_t off = now < a ? a - now : now > b ? now - b : 0;
        closest = off < closest ? off : closest;
    }
    cr_assert_lt(closest, 1000000, "within a millisecond of the kernel: %lu ns", (unsigned long)closest);
}

Test(core_clock, ticks_are_nanoseconds_by_the_rate)
{
    clock_init();
    cr_assert_eq(clock_ticks_to_ns(0), 0);
    uint64_t rate_ms = clock_ticks_to_ns(1000000000);
    cr_assert(rate_ms > 100000000 && rate_ms < 3000000000u, "a counter between 0.3 and 10 GHz");
}

Test(core_clock, civil_dates_are_those_of_gmtime)
{
    for (uint64_t day = 0; day <= 213503; day++) { /* to 2554 */
        uint64_t ns = day * 86400 * SECOND_NS + day % 86400 * SECOND_NS + day;
        struct clock_civil c;
        clock_to_civil(ns, &c);
        time_t t = (time_t)(ns / SECOND_NS);
        struct tm tm;
        gmtime_r(&t, &tm);
        cr_assert(c.year == tm.tm_year + 1900 && c.month == (unsigned)tm.tm_mon + 1 &&
                      c.day == (unsigned)tm.tm_mday && c.hour == (unsigned)tm.tm_hour &&
                      c.minute == (unsigned)tm.tm_min && c.second == (unsigned)tm.tm_sec &&
                      c.ns == ns % SECOND_NS,
                  "day %lu", (unsigned long)day);
        cr_assert_eq(clock_from_civil(&c), ns);
    }
}

Test(core_clock, civil_time_reaches_the_last_nanosecond)
{
    struct clock_civil c;
    clock_to_civil(UINT64_MAX, &c);
    cr_assert(c.year == 2554 && c.month == 7 && c.day == 21 && c.hour == 23 && c.minute == 34 &&
              c.second == 33 && c.ns == 709551615);
    cr_assert_eq(clock_from_civil(&c), UINT64_MAX);
}

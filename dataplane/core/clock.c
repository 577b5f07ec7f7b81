#include "dataplane/core/clock.h"

#include <assert.h>
#include <cpuid.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dataplane/core/clock_line.h"

#define CALIBRATION_NS 20000000
#define SAMPLES        9 /* the one with the tightest bracket is taken */
#define SECOND_NS      1000000000ull

/* Two copies and a sequence: the steerer writes the copy that is not in use, then moves the sequence to it. A
 * reader takes the copy that the sequence names, and again if the sequence has moved meanwhile; it never
 * waits. */
struct published_line {
    _Atomic uint64_t ticks, ns, rate;
};
static struct {
    _Alignas(128) _Atomic uint64_t sequence;
    struct {
        struct published_line before, after;
    } copies[2];
    bool tsc;
    bool ready;
    uint64_t rate_calibrated;
    _Alignas(128) struct clock_steer steer; /* the steering thread's own */
    struct clock_bend bend;
} the;

static uint64_t kernel_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static inline uint64_t ticks_now(void)
{
    return the.tsc ? __builtin_ia32_rdtsc() : kernel_ns(CLOCK_MONOTONIC);
}

/* CPUID 8000_0007h, EDX bit 8: the TSC runs at one rate in all power states. */
static bool tsc_is_invariant(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(0x80000007u, &a, &b, &c, &d))
        return false;
    return d >> 8 & 1;
}

/* The kernel watches the TSC, and goes over to hpet or acpi_pm when it finds it unfit or out of step among
 * cores. */
static bool kernel_trusts_tsc(void)
{
    char name[32] = "";
    FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (!f)
        return true; /* not told: cpuid alone decides */
    if (!fgets(name, sizeof name, f))
        name[0] = 0;
    fclose(f);
    return strncmp(name, "hpet", 4) != 0 && strncmp(name, "acpi_pm", 7) != 0 &&
           strncmp(name, "jiffies", 7) != 0;
}

static struct clock_sample sample_take(void)
{
    struct clock_sample best = {0, 0};
    uint64_t width_min = UINT64_MAX;
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t from = ticks_now();
        uint64_t ns = kernel_ns(CLOCK_REALTIME);
        uint64_t to = ticks_now();
        if (to - from < width_min) {
            width_min = to - from;
            best.ticks = from + (to - from) / 2;
            best.ns = ns;
        }
    }
    return best;
}

static void line_store(struct published_line *p, const struct clock_line *l)
{
    atomic_store_explicit(&p->ticks, l->ticks, memory_order_relaxed);
    atomic_store_explicit(&p->ns, l->ns, memory_order_relaxed);
    atomic_store_explicit(&p->rate, l->rate, memory_order_relaxed);
}

static inline void line_load(struct clock_line *l, const struct published_line *p)
{
    l->ticks = atomic_load_explicit(&p->ticks, memory_order_relaxed);
    l->ns = atomic_load_explicit(&p->ns, memory_order_relaxed);
    l->rate = atomic_load_explicit(&p->rate, memory_order_relaxed);
}

static void publish(void)
{
    uint64_t next = atomic_load_explicit(&the.sequence, memory_order_relaxed) + 1;
    /* A reader that sees a word of the new copy sees also that the sequence had already left that copy: the
     * fence pairs with the reader's acquire fence. */
    atomic_thread_fence(memory_order_release);
    line_store(&the.copies[next & 1].before, &the.bend.before);
    line_store(&the.copies[next & 1].after, &the.bend.after);
    /* Pairs with the acquire load in clock_now_ns. */
    atomic_store_explicit(&the.sequence, next, memory_order_release);
}

void clock_init(void)
{
    if (the.ready)
        return;
    the.tsc = tsc_is_invariant() && kernel_trusts_tsc();

    struct clock_sample first = sample_take();
    uint64_t mono = kernel_ns(CLOCK_MONOTONIC);
    do {
        struct timespec nap = {0, CALIBRATION_NS};
        nanosleep(&nap, NULL);
    } while (kernel_ns(CLOCK_MONOTONIC) - mono < CALIBRATION_NS);
    struct clock_sample second = sample_take();

    /* A step of the kernel's clock within these 20 ms would spoil the rate; only CLOCK_MONOTONIC is free of
     * steps, but the rate wanted is that of CLOCK_REALTIME, and the two are slewed alike. So the rate is
     * checked for sense and steered. */
    uint64_t ticks = second.ticks - first.ticks;
    assert(ticks > 0);
    uint64_t elapsed_ns = second.ns - first.ns;
    if (second.ns <= first.ns || elapsed_ns > SECOND_NS)
        elapsed_ns = kernel_ns(CLOCK_MONOTONIC) - mono;
    the.steer.rate = (uint64_t)(((unsigned __int128)elapsed_ns << 32) / ticks);
    the.steer.rate_calibrated = the.rate_calibrated = the.steer.rate;
    the.steer.last = second;
    the.bend.after = (struct clock_line){second.ticks, second.ns, the.steer.rate};
    the.bend.before = the.bend.after;
    publish();
    the.ready = true;
}

uint64_t clock_now_ns(void)
{
    struct clock_bend b;
    uint64_t sequence, ticks;
    do {
        sequence = atomic_load_explicit(&the.sequence,
                                        memory_order_acquire); /* pairs with publish's release store */
        line_load(&b.before, &the.copies[sequence & 1].before);
        line_load(&b.after, &the.copies[sequence & 1].after);
        ticks = ticks_now();
        atomic_thread_fence(memory_order_acquire); /* pairs with publish's release fence */
    } while (__builtin_expect(atomic_load_explicit(&the.sequence, memory_order_relaxed) != sequence, 0));
    return clock_bend_at(&b, ticks);
}

int64_t clock_steer(struct clock_steer *s, struct clock_bend *bend, const struct clock_sample *sample)
{
    uint64_t ticks = sample->ticks - s->last.ticks;
    int64_t offset_ns = (int64_t)(sample->ns - clock_bend_at(bend, sample->ticks));

    /* Learn the rate over at least a tenth of a second, and only from a rate that a crystal can have: a step
     * of the kernel's clock shows as an absurd one. */
    int64_t elapsed_ns = (int64_t)(sample->ns - s->last.ns);
    if (elapsed_ns > (int64_t)(SECOND_NS / 10) && ticks > 0) {
        uint64_t measured = (uint64_t)(((unsigned __int128)(uint64_t)elapsed_ns << 32) / ticks);
        uint64_t drift_max =
            (uint64_t)((unsigned __int128)s->rate_calibrated * CLOCK_DRIFT_PPM_MAX / 1000000);
        if (measured + drift_max > s->rate_calibrated && measured < s->rate_calibrated + drift_max)
            s->rate = (uint64_t)((int64_t)s->rate + ((int64_t)measured - (int64_t)s->rate) / 4);
        s->last = *sample;
    } else if (elapsed_ns < 0) {
        s->last = *sample; /* stepped back: measure anew from here */
    }

    /* The offset is to be gone a second after the bend; slewing is bounded. */
    int64_t slew_max_ns = (int64_t)(SECOND_NS / 1000000 * CLOCK_SLEW_PPM_MAX);
    int64_t slew_ns = offset_ns > slew_max_ns    ? slew_max_ns
                      : offset_ns < -slew_max_ns ? -slew_max_ns
                                                 : offset_ns;
    uint64_t rate =
        (uint64_t)((int64_t)s->rate + (int64_t)((__int128)(int64_t)s->rate * slew_ns / (int64_t)SECOND_NS));

    /* The line in force at the bend goes on up to it. A bend that is still to come is kept: this steering is
     * skipped. */
    if ((int64_t)(sample->ticks - bend->after.ticks) < 0)
        return offset_ns;
    uint64_t at = sample->ticks + (uint64_t)(((unsigned __int128)CLOCK_BEND_DELAY_NS << 32) / s->rate);
    bend->before = bend->after;
    bend->after = (struct clock_line){at, clock_line_at(&bend->before, at), rate};
    return offset_ns;
}

void clock_discipline(void)
{
    assert(the.ready);
    struct clock_sample sample = sample_take();
    clock_steer(&the.steer, &the.bend, &sample);
    publish();
}

uint64_t clock_ticks_to_ns(uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * the.rate_calibrated >> 32);
}

/* Civil dates. Years are counted from 1 March, so that the leap day is the last of its year, and in eras of
 * 400 years (146,097 days), within which everything is positive. */
#define DAY_NS       (86400ull * SECOND_NS)
#define ERA_DAYS     146097u
#define DAYS_TO_1970 719468u /* from 1 March of year 0 */

void clock_to_civil(uint64_t ns, struct clock_civil *out)
{
    uint32_t days = (uint32_t)(ns / DAY_NS) + DAYS_TO_1970;
    uint64_t rest_ns = ns % DAY_NS;
    uint32_t era = days / ERA_DAYS, day_of_era = days % ERA_DAYS;
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month_from_march = (5 * day_of_year + 2) / 153;

    out->day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    out->month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    out->year = (int)(year_of_era + era * 400 + (out->month <= 2));
    out->ns = (unsigned)(rest_ns % SECOND_NS);
    uint32_t seconds = (uint32_t)(rest_ns / SECOND_NS);
    out->hour = seconds / 3600;
    out->minute = seconds / 60 % 60;
    out->second = seconds % 60;
}

uint64_t clock_from_civil(const struct clock_civil *c)
{
    assert(c->year >= 1970 && c->year <= 2554 && c->month >= 1 && c->month <= 12);
    uint32_t year = (uint32_t)c->year - (c->month <= 2);
    uint32_t month_from_march = c->month > 2 ? c->month - 3 : c->month + 9;
    uint32_t day_of_year = (153 * month_from_march + 2) / 5 + c->day - 1;
    uint32_t year_of_era = year % 400;
    uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    uint64_t days = (uint64_t)(year / 400) * ERA_DAYS + day_of_era - DAYS_TO_1970;
    uint64_t seconds = days * 86400 + c->hour * 3600u + c->minute * 60u + c->second;
    return seconds * SECOND_NS + c->ns;
}

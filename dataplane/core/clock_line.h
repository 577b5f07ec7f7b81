/* The arithmetic of the clock, apart from its sources, so that tests can drive it with a made-up counter and
 * a made-up kernel. Private to the clock and its tests.
 *
 * Time is a broken line over the counter: up to `bend.ticks` the line before, from there the line after. Each
 * steering puts a bend a little into the future, so that it is known to every reader before it counts: all
 * threads agree on the time of every tick, and a reader is never made to wait for the steering thread.
 */
#ifndef RFQD_CORE_CLOCK_LINE_H
#define RFQD_CORE_CLOCK_LINE_H

#include <stdint.h>

/* ns = ns0 + (ticks - ticks0) × rate / 2^32 */
struct clock_line {
    uint64_t ticks, ns;
    uint64_t rate;
};

struct clock_bend {
    struct clock_line before, after;
};

static inline uint64_t clock_line_at(const struct clock_line *l, uint64_t ticks)
{
    /* A stamp taken just before the line's origin (by another core) is on the line too. */
    int64_t delta = (int64_t)(ticks - l->ticks);
    return l->ns + (uint64_t)(int64_t)(((__int128)delta * (int64_t)l->rate) >> 32);
}

static inline uint64_t clock_bend_at(const struct clock_bend *b, uint64_t ticks)
{
    return clock_line_at((int64_t)(ticks - b->after.ticks) < 0 ? &b->before : &b->after, ticks);
}

/* One reading of the kernel's clock. */
struct clock_sample {
    uint64_t ticks, ns;
};

struct clock_steer {
    uint64_t rate;            /* believed: ns per tick × 2^32 */
    uint64_t rate_calibrated; /* at init: a believed rate further than CLOCK_DRIFT_PPM_MAX from it is not
                                 believed */
    struct clock_sample last;
};

#define CLOCK_DRIFT_PPM_MAX 1000
#define CLOCK_BEND_DELAY_NS \
    20000000ull /* how far into the future a bend lies: longer than any preemption of the steerer */

/* Take a sample: learn the rate, and bend the line so that its offset is gone within about a second. Returns
 * the offset found, kernel minus ours. */
int64_t clock_steer(struct clock_steer *s, struct clock_bend *bend, const struct clock_sample *sample);

#endif

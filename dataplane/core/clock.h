/* Clock: UTC nanoseconds from the TSC, calibrated against the kernel's CLOCK_REALTIME. About 14 ns a read, no
 * system call.
 *
 * clock_init() calibrates (about 20 ms). clock_discipline() is called once a second by one housekeeping
 * agent: it compares with the kernel and slews (CLOCK_SLEW_PPM_MAX at most), so that time never goes back on
 * any thread. A step of the kernel's clock is followed by slewing too: 1 s takes 20 s.
 *
 * Where the TSC is not invariant (cpuid), or the kernel has found it unfit and runs by another source, the
 * same arithmetic runs on CLOCK_MONOTONIC.
 */
#ifndef RFQD_CORE_CLOCK_H
#define RFQD_CORE_CLOCK_H

#include <stdint.h>

#define CLOCK_SLEW_PPM_MAX 50000

void clock_init(void);       /* before any thread reads the clock; again: no effect */
uint64_t clock_now_ns(void); /* any thread after clock_init */
void clock_discipline(void); /* one thread */

/* Stamps for measuring: the bare counter, and what a difference of two is in ns (by the rate of calibration).
 */
static inline uint64_t clock_ticks(void)
{
    return __builtin_ia32_rdtsc();
}
uint64_t clock_ticks_to_ns(uint64_t ticks);

/* "YYYYMMDD-HH:MM:SS.nnnnnnnnn" parts of a time, for printing: days-from-civil arithmetic, no libc, no
 * locale. */
struct clock_civil {
    int year;
    unsigned month, day, hour, minute, second, ns;
};
void clock_to_civil(uint64_t ns, struct clock_civil *out);
uint64_t clock_from_civil(const struct clock_civil *c);

#endif

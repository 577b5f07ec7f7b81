/* Clock: UTC nanoseconds from the TSC, calibrated against the kernel's CLOCK_REALTIME. About 14 ns a read, no system call.
 *
 * clock_init() calibrates (about 20 ms). clock_discipline() is called once a second by one housekeeping agent: it compares
 * with the kernel and slews so that time never goes back. Where the TSC is not invariant, reads fall back to clock_gettime.
 */
#ifndef RFQD_CORE_CLOCK_H
#define RFQD_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

void clock_init(void);
uint64_t clock_now_ns(void); /* any thread after clock_init */
void clock_discipline(void); /* one thread */
bool clock_uses_tsc(void);
/* Largest offset from the kernel's clock seen by clock_discipline, absolute, ns. */
uint64_t clock_offset_ns_max(void);

/* "YYYYMMDD-HH:MM:SS.nnnnnnnnn" parts of a time, for printing: days-from-civil arithmetic, no libc, no locale. */
struct clock_civil {
    int year;
    unsigned month, day, hour, minute, second, ns;
};
void clock_to_civil(uint64_t ns, struct clock_civil *out);
uint64_t clock_from_civil(const struct clock_civil *c);

#endif

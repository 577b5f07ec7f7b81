/* The pass over a message's bytes: where each SOH is, and the sum of all bytes. Five variants, of which the
 * widest that the CPU has is chosen once; a test proves them equal.
 */
#ifndef RFQD_FIX_SCAN_H
#define RFQD_FIX_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Offsets of the SOHs go to ends[0..], at most `max` and 64 more (the caller gives the room: `max` + 72); the
 * return value is their count, above `max` when there are more (the scan stops then, and the sum is of what
 * it has seen). Reads bytes[0..size), nothing beyond. */
typedef uint32_t fix_scan_function(const char *bytes, size_t size, uint32_t *ends, uint32_t max,
                                   uint32_t *sum);

/* The best for this CPU. */
extern fix_scan_function *fix_scan;

struct fix_scan_variant {
    const char *name;
    fix_scan_function *scan;
    int (*usable)(void);
};
/* Best first; the last is the portable one. Ends with a NULL name. */
extern const struct fix_scan_variant fix_scan_variants[];

#endif

/* Values as bytes → numbers: shared by the typed reads and the validator. Not a face of the room.
 * ERR_SYNTAX: not of the form; ERR_RANGE: of the form, but it does not fit or no such day. */
#ifndef RFQD_FIX_VALUE_H
#define RFQD_FIX_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/err.h"

/* n digits (1 to 8) as they lie in memory, in the low bytes of w: *out, and whether they are digits. The
 * bytes above them may be anything. */
static inline bool fix_digits(uint64_t w, unsigned n, uint64_t *out)
{
    const uint64_t each = 0x0101010101010101ull;
    uint64_t d = (w << 8 * (8 - n)) - ('0' * each << 8 * (8 - n)); /* the last one in the highest byte */
    bool good = (((d + 0x76 * each) | d) & 0x80 * each) == 0;
    d = d * 10 + (d >> 8);
    *out = ((d & 0x000000ff000000ffull) * (100 + (1000000ull << 32)) +
            (d >> 16 & 0x000000ff000000ffull) * (1 + (10000ull << 32))) >>
           32;
    return good;
}
/* Digits, leading zeros too, up to 19 that matter. */
enum err fix_read_uint(const char *p, size_t size, uint64_t *out) WARN_UNUSED;
enum err fix_read_int(const char *p, size_t size, int64_t *out) WARN_UNUSED;
/* YYYYMMDD, a day of the calendar. */
enum err fix_read_date(const char *p, size_t size, struct clock_civil *out) WARN_UNUSED;
/* HH:MM:SS with 0, 3, 6 or 9 decimals; the second may be 60. */
enum err fix_read_clock(const char *p, size_t size, struct clock_civil *out) WARN_UNUSED;
/* YYYYMMDD-HH:MM:SS[…]: is it one, and which. */
bool fix_is_timestamp(const char *p, size_t size);
enum err fix_read_timestamp(const char *p, size_t size, struct clock_civil *out) WARN_UNUSED;

#endif

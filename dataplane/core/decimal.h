/* Decimal: money, prices and quantities as int64 scaled by 1e-8. Never binary floating point.
 *
 * Range ±92,233,720,368.54775807, symmetric, so that a negation never overflows: INT64_MIN is no decimal and
 * no function here gives it. Products go through 128 bits. Parse and print are exact; what does not fit, or
 * has more than eight significant decimals, is refused, never rounded.
 */
#ifndef RFQD_CORE_DECIMAL_H
#define RFQD_CORE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"

#define DECIMAL_SCALE    100000000LL
#define DECIMAL_TEXT_MAX 22 /* "-92233720368.54775807" and its zero */

/* Legal: an optional '-', digits with at most one '.', at least one digit: `23`, `23.`, `.5`, `00023.2300`.
 * ERR_SYNTAX: anything else, empty, exponent, '+', blanks. ERR_RANGE: does not fit, or a ninth decimal that
 * is not 0. */
enum err decimal_parse(const char *text, size_t size, int64_t *out) WARN_UNUSED;

/* Shortest exact form: no trailing zeros, no '.' for whole numbers, "0" for zero. Writes the zero; returns
 * its length. */
size_t decimal_print(int64_t scaled, char out[DECIMAL_TEXT_MAX]);

/* a × b, exact to 1e-8, rounded half to even. ERR_RANGE: does not fit. */
enum err decimal_mul(int64_t a, int64_t b, int64_t *out) WARN_UNUSED;

#endif

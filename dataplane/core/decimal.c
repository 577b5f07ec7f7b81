#include "dataplane/core/decimal.h"

#include <string.h>

#define DECIMAL_PLACES 8

/* The range is symmetric, so that a negation never overflows: INT64_MIN is no decimal. */
static enum err fit(__int128 v, int64_t *out)
{
    if (v > INT64_MAX || v < -(__int128)INT64_MAX)
        return ERR_RANGE;
    *out = (int64_t)v;
    return OK;
}

enum err decimal_parse(const char *text, size_t size, int64_t *out)
{
    size_t i = 0;
    int negative = size > 0 && text[0] == '-';
    i += (size_t)negative;

    /* Scaled magnitude. A range error is only reported when the whole text proved to be a number. */
    uint64_t magnitude = 0;
    int out_of_range = 0, digits = 0, point = 0, places = 0;
    for (; i < size; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        if (digit > 9) {
            if (text[i] != '.' || point)
                return ERR_SYNTAX;
            point = 1;
            continue;
        }
        digits = 1;
        if (point && places == DECIMAL_PLACES) {
            out_of_range |= digit != 0;
            continue;
        }
        places += point;
        if (__builtin_mul_overflow(magnitude, 10u, &magnitude) ||
            __builtin_add_overflow(magnitude, digit, &magnitude))
            out_of_range = 1;
    }
    if (!digits)
        return ERR_SYNTAX;
    for (; places < DECIMAL_PLACES; places++)
        if (__builtin_mul_overflow(magnitude, 10u, &magnitude))
            out_of_range = 1;
    if (out_of_range || magnitude > INT64_MAX)
        return ERR_RANGE;
    *out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return OK;
}

size_t decimal_print(int64_t scaled, char out[DECIMAL_TEXT_MAX])
{
    char reversed[DECIMAL_TEXT_MAX];
    size_t n = 0, size = 0;
    uint64_t magnitude = scaled < 0 ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    uint64_t whole = magnitude / DECIMAL_SCALE, fraction = magnitude % DECIMAL_SCALE;

    if (fraction) {
        int place = 0;
        for (; fraction % 10 == 0; place++)
            fraction /= 10;
        for (; place < DECIMAL_PLACES; place++, fraction /= 10)
            reversed[n++] = (char)('0' + fraction % 10);
        reversed[n++] = '.';
    }
    do
        reversed[n++] = (char)('0' + whole % 10);
    while (whole /= 10);

    if (scaled < 0)
        out[size++] = '-';
    while (n)
        out[size++] = reversed[--n];
    out[size] = 0;
    return size;
}

/* Quotient rounded half to even; d is not 0. */
static __int128 divide_half_even(__int128 n, __int128 d)
{
    __int128 q, rest;
    if (n >= INT64_MIN && n <= INT64_MAX && d > 0) {
        /* The common case: 64-bit division is several times faster than the library's 128-bit one. */
        q = (int64_t)n / (int64_t)d;
        rest = (int64_t)n % (int64_t)d;
    } else {
        q = n / d;
        rest = n % d;
    }
    if (rest == 0)
        return q;
    __int128 twice = (rest < 0 ? -rest : rest) * 2, divisor = d < 0 ? -d : d;
    if (twice > divisor || (twice == divisor && (q & 1)))
        q += (n < 0) == (d < 0) ? 1 : -1;
    return q;
}

enum err decimal_mul(int64_t a, int64_t b, int64_t *out)
{
    return fit(divide_half_even((__int128)a * b, DECIMAL_SCALE), out);
}

#include "fix/value.h"

#include <string.h>
#include <tmmintrin.h>

#include "dataplane/core/decimal.h"
#include "fix/msg.h"

enum err fix_read_uint(const char *p, size_t size, uint64_t *out)
{
    uint64_t v = 0;
    if (size == 0)
        return ERR_SYNTAX;
    for (; size > 1 && *p == '0'; size--)
        p++;
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)(unsigned char)p[i] - '0';
        if (digit > 9)
            return ERR_SYNTAX;
        if (i < 19)
            v = v * 10 + digit;
    }
    if (size > 19)
        return ERR_RANGE;
    *out = v;
    return OK;
}

enum err fix_read_int(const char *p, size_t size, int64_t *out)
{
    uint64_t v;
    int minus = size > 0 && *p == '-';
    enum err e = fix_read_uint(p + minus, size - (size_t)minus, &v);
    if (e != OK)
        return e;
    if (v > INT64_MAX)
        return ERR_RANGE;
    *out = minus ? -(int64_t)v : (int64_t)v;
    return OK;
}

/* n digits at p as a number; anything else sets *wrong. */
static inline unsigned digits(const char *p, unsigned n, unsigned *wrong)
{
    unsigned v = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned digit = (unsigned)(unsigned char)p[i] - '0';
        *wrong |= digit > 9;
        v = v * 10 + digit;
    }
    return v;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* Two digits that are known to be such. */
static inline unsigned pair(const char *p)
{
    return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

/* YYYYMMDD that are known to be digits. */
static inline enum err civil_date(const char *p, struct clock_civil *out)
{
    unsigned year = pair(p) * 100 + pair(p + 2), month = pair(p + 4), day = pair(p + 6);
    out->year = (int)year;
    out->month = month;
    out->day = day;
    bool good = month - 1 <= 11 && day - 1 <= 30 && (day <= 28 || day <= days_in_month(year, month));
    return good ? OK : ERR_RANGE;
}

enum err fix_read_date(const char *p, size_t size, struct clock_civil *out)
{
    uint64_t w;
    if (size != 8)
        return ERR_SYNTAX;
    memcpy(&w, p, 8);
    /* each byte '0' to '9': high half 3, and adding 6 keeps it */
    uint64_t high = 0xf0f0f0f0f0f0f0f0ull, threes = 0x3030303030303030ull;
    if ((w & high) != threes || ((w + 0x0606060606060606ull) & high) != threes)
        return ERR_SYNTAX;
    return civil_date(p, out);
}

enum err fix_read_clock(const char *p, size_t size, struct clock_civil *out)
{
    unsigned wrong = 0;
    if ((size != 8 && size != 12 && size != 15 && size != 18) || p[2] != ':' || p[5] != ':')
        return ERR_SYNTAX;
    out->hour = digits(p, 2, &wrong);
    out->minute = digits(p + 3, 2, &wrong);
    out->second = digits(p + 6, 2, &wrong);
    out->ns = 0;
    if (size > 8) {
        static const unsigned scale[] = {1000000, 1000, 1};
        wrong |= p[8] != '.';
        out->ns = digits(p + 9, (unsigned)size - 9, &wrong) * scale[(size - 12) / 3];
    }
    if (wrong)
        return ERR_SYNTAX;
    return out->hour > 23 || out->minute > 59 || out->second > 60 ? ERR_RANGE : OK;
}

/* "YYYYMMDD-HH:MM:S" against the highest that each character may be; the pairs that can be too high all the
 * same are looked at by the caller. */
static inline bool has_timestamp_form(const char *p, size_t size)
{
    const __m128i lowest =
        _mm_setr_epi8('0', '0', '0', '0', '0', '0', '0', '0', '-', '0', '0', ':', '0', '0', ':', '0');
    const __m128i range = _mm_setr_epi8(9, 9, 9, 9, 9, 9, 9, 9, 0, 9, 9, 0, 9, 9, 0, 9);
    unsigned wrong = 0;
    if (size != 17 && size != 21 && size != 24 && size != 27)
        return false;
    __m128i d = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), lowest);
    wrong |= _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(d, range), d)) != 0xffff;
    wrong |= (unsigned char)(p[16] - '0') > 9;
    if (size > 17) {
        uint32_t decimals; /* the point, and three */
        memcpy(&decimals, p + 17, sizeof decimals);
        decimals -= '.' | '0' << 8 | '0' << 16 | (uint32_t)'0' << 24;
        wrong |= (((decimals + 0x7676767f) | decimals) & 0x80808080) != 0;
        for (size_t i = 21; i < size; i += 3)
            wrong |= ((unsigned char)(p[i] - '0') > 9) | ((unsigned char)(p[i + 1] - '0') > 9) |
                     ((unsigned char)(p[i + 2] - '0') > 9);
    }
    return !wrong;
}

static inline bool is_time_of_day(unsigned hour, unsigned minute, unsigned second)
{
    return (hour <= 23) & (minute <= 59) & (second <= 60);
}

/* The pairs YY YY MM DD HH MM of "YYYYMMDD-HH:MM", which are known to be digits, each against what it may be.
 */
static inline bool has_timestamp_pairs(const char *p)
{
    const __m128i where = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13, -1, -1, -1, -1);
    const __m128i least = _mm_setr_epi16(0, 0, 1, 1, 0, 0, 0, 0),
                  most = _mm_setr_epi16(99, 99, 12, 31, 23, 59, 0, 0);
    __m128i d = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8('0'));
    __m128i v = _mm_maddubs_epi16(_mm_shuffle_epi8(d, where), _mm_set1_epi16(0x010a)); /* ×10, ×1 */
    return !_mm_movemask_epi8(_mm_or_si128(_mm_cmpgt_epi16(least, v), _mm_cmpgt_epi16(v, most)));
}

bool fix_is_timestamp(const char *p, size_t size)
{
    if (!has_timestamp_form(p, size) || !has_timestamp_pairs(p) || pair(p + 15) > 60)
        return false;
    unsigned day = pair(p + 6);
    return day <= 28 || day <= days_in_month(pair(p) * 100 + pair(p + 2), pair(p + 4));
}

enum err fix_read_timestamp(const char *p, size_t size, struct clock_civil *out)
{
    static const unsigned scale[] = {1000000, 1000, 1};
    unsigned wrong = 0;
    if (!has_timestamp_form(p, size))
        return ERR_SYNTAX;
    out->hour = pair(p + 9);
    out->minute = pair(p + 12);
    out->second = pair(p + 15);
    out->ns = size > 17 ? digits(p + 18, (unsigned)size - 18, &wrong) * scale[(size - 21) / 3] : 0;
    enum err e = civil_date(p, out);
    return is_time_of_day(out->hour, out->minute, out->second) ? e : ERR_RANGE;
}

enum err fix_field_uint(const struct fix_msg *m, const struct fix_field *f, uint64_t *out)
{
    return f ? fix_read_uint(fix_value(m, f), f->size, out) : ERR_NOT_FOUND;
}

enum err fix_field_char(const struct fix_msg *m, const struct fix_field *f, char *out)
{
    if (!f)
        return ERR_NOT_FOUND;
    if (f->size != 1)
        return ERR_SYNTAX;
    *out = *fix_value(m, f);
    return OK;
}

enum err fix_field_decimal(const struct fix_msg *m, const struct fix_field *f, int64_t *out)
{
    return f ? decimal_parse(fix_value(m, f), f->size, out) : ERR_NOT_FOUND;
}

enum err fix_field_time(const struct fix_msg *m, const struct fix_field *f, uint64_t *out_ns)
{
    struct clock_civil c;
    if (!f)
        return ERR_NOT_FOUND;
    enum err e = fix_read_timestamp(fix_value(m, f), f->size, &c);
    if (e != OK)
        return e;
    /* 64 bits of nanoseconds since 1970 */
    if (c.year < 1970 || c.year > 2500)
        return ERR_RANGE;
    unsigned second = c.second; /* may be 60 */
    c.second = 0;
    *out_ns = clock_from_civil(&c) + second * 1000000000ull;
    return OK;
}

enum err fix_field_date(const struct fix_msg *m, const struct fix_field *f, uint32_t *out)
{
    struct clock_civil c;
    if (!f)
        return ERR_NOT_FOUND;
    enum err e = fix_read_date(fix_value(m, f), f->size, &c);
    if (e == OK)
        *out = (uint32_t)c.year * 10000 + c.month * 100 + c.day;
    return e;
}

enum err fix_field_text(const struct fix_msg *m, const struct fix_field *f, char *out, size_t capacity)
{
    if (!f)
        return ERR_NOT_FOUND;
    if (f->size >= capacity)
        return ERR_LIMIT;
    memset(out, 0, capacity);
    memcpy(out, fix_value(m, f), f->size);
    return OK;
}

enum err fix_get_uint(const struct fix_msg *m, uint32_t tag, uint64_t *out)
{
    return fix_field_uint(m, fix_find(m, tag), out);
}

enum err fix_get_char(const struct fix_msg *m, uint32_t tag, char *out)
{
    return fix_field_char(m, fix_find(m, tag), out);
}

enum err fix_get_decimal(const struct fix_msg *m, uint32_t tag, int64_t *out)
{
    return fix_field_decimal(m, fix_find(m, tag), out);
}

enum err fix_get_time(const struct fix_msg *m, uint32_t tag, uint64_t *out_ns)
{
    return fix_field_time(m, fix_find(m, tag), out_ns);
}

enum err fix_get_date(const struct fix_msg *m, uint32_t tag, uint32_t *out)
{
    return fix_field_date(m, fix_find(m, tag), out);
}

enum err fix_get_text(const struct fix_msg *m, uint32_t tag, char *out, size_t capacity)
{
    return fix_field_text(m, fix_find(m, tag), out, capacity);
}

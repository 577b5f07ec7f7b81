#include "fix/encode.h"

#include <assert.h>
#include <emmintrin.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/decimal.h"
#include "dataplane/core/limits.h"
#include "fix/dict.h"
#include "fix/msg.h"

#define BEGIN_SIZE   10 /* 8=FIX.4.4| */
#define HEAD_SIZE    18 /* and 9=nnnnn| */
#define TRAILER_SIZE 7  /* 10=nnn| */
#define STORE_WIDTH  16 /* small fields are written this wide, and the sum reads so wide */
#define FIELD_MAX    48 /* tag, number or time, SOH */
#define SECOND_NS    1000000000ull
#define DAY_NS       (86400 * SECOND_NS)
#define NO_DAY       (UINT64_MAX - 2 * DAY_NS) /* later than any time that is put */

static_assert(HEAD_SIZE + TRAILER_SIZE + STORE_WIDTH <= FIX_ENCODE_SLACK, "the slack is enough");
static_assert(FIX_MESSAGE_SIZE_MAX <= 99999, "BodyLength has five digits at most");

void fix_template_init(struct fix_template *t, const char *sender_comp_id, const char *target_comp_id,
                       enum fix_time_precision precision)
{
    memset(t, 0, sizeof *t);
    size_t sender_size = strlen(sender_comp_id), target_size = strlen(target_comp_id);
    assert(sender_size < sizeof t->sender && target_size < sizeof t->target);
    memcpy(t->sender, sender_comp_id, sender_size);
    memcpy(t->target, target_comp_id, target_size);
    t->sender_size = (uint8_t)sender_size;
    t->target_size = (uint8_t)target_size;
    t->precision = precision;
    t->day_ns = NO_DAY;
    t->before_size = (uint8_t)snprintf(t->before_time, sizeof t->before_time,
                                       "\x01"
                                       "49=%s"
                                       "\x01"
                                       "52=",
                                       sender_comp_id);
    t->after_size = (uint8_t)snprintf(t->after_time, sizeof t->after_time,
                                      "\x01"
                                      "56=%s"
                                      "\x01",
                                      target_comp_id);
}

static const char pairs[201] = "00010203040506070809101112131415161718192021222324"
                               "25262728293031323334353637383940414243444546474849"
                               "50515253545556575859606162636465666768697071727374"
                               "75767778798081828384858687888990919293949596979899";

static inline char *put_pair(char *at, uint32_t v)
{
    memcpy(at, pairs + 2 * v, 2);
    return at + 2;
}

/* Eight digits, leading zeros too, as bytes of a word: most significant first in memory. */
static inline uint64_t eight_digits(uint32_t v)
{
    uint64_t high = v / 10000, low = v % 10000;
    uint64_t halves = high | low << 32;
    uint64_t hundreds = ((halves * 10486) >> 20) & 0x0000007f0000007full;
    uint64_t quarters = hundreds | (halves - hundreds * 100) << 16;
    uint64_t tens = ((quarters * 103) >> 10) & 0x000f000f000f000full;
    return (tens | (quarters - tens * 10) << 8) + 0x3030303030303030ull;
}

static inline char *put_eight(char *at, uint32_t v)
{
    uint64_t w = eight_digits(v);
    memcpy(at, &w, 8);
    return at + 8;
}

/* Below 10^8, without leading zeros. Stores eight bytes. */
static inline char *put_small(char *at, uint32_t v)
{
    uint64_t w = eight_digits(v);
    unsigned zeros = (unsigned)__builtin_ctzll((w & 0x0f0f0f0f0f0f0f0full) | 1ull << 56) >> 3;
    w >>= 8 * zeros;
    memcpy(at, &w, 8);
    return at + 8 - zeros;
}

static char *put_large(char *at, uint64_t v);

static inline char *put_number(char *at, uint64_t v)
{
    if (v < 10) { /* most are enumerated */
        *at = (char)('0' + v);
        return at + 1;
    }
    return v < 100000000 ? put_small(at, (uint32_t)v) : put_large(at, v);
}

static char *put_large(char *at, uint64_t v)
{
    at = put_number(at, v / 100000000);
    return put_eight(at, (uint32_t)(v % 100000000));
}

static void new_day(struct fix_encoder *e, uint64_t ns)
{
    struct clock_civil c;
    clock_to_civil(ns, &c);
    e->day_ns = ns - ns % DAY_NS;
    put_eight(e->date, (uint32_t)c.year * 10000 + c.month * 100 + c.day);
}

static inline char *put_moment(struct fix_encoder *e, char *at, uint64_t ns, enum fix_time_precision p)
{
    if (ns - e->day_ns >= DAY_NS) /* also before it */
        new_day(e, ns);
    uint64_t rest_ns = ns - e->day_ns;
    uint32_t seconds = (uint32_t)(rest_ns / SECOND_NS), minutes = seconds / 60;
    uint32_t below_ns = (uint32_t)(rest_ns - (uint64_t)seconds * SECOND_NS);
    memcpy(at, e->date, 8);
    at[8] = '-';
    put_pair(at + 9, minutes / 60);
    at[11] = ':';
    put_pair(at + 12, minutes % 60);
    at[14] = ':';
    put_pair(at + 15, seconds - minutes * 60);
    at[17] = '.';
    at[18] = (char)('0' + below_ns / 100000000);
    put_eight(at + 19, below_ns % 100000000);
    return at + (p == FIX_TIME_MS ? 21 : p == FIX_TIME_US ? 24 : 27);
}

static inline char *put_tag(char *at, uint32_t tag)
{
    if (tag < FIX_DICT_TAGS) {
        memcpy(at, &fix_dict_tag_texts[tag], 8);
        return at + fix_dict_tag_texts[tag].size;
    }
    at = put_number(at, tag);
    *at++ = '=';
    return at;
}

/* The place for a field of `size` bytes and its tag, '=' and SOH; NULL when there is no room. */
static inline char *begin_field(struct fix_encoder *e, uint32_t tag, size_t size)
{
    if (__builtin_expect(e->failed || (size_t)(e->limit - e->at) < size + FIELD_MAX, 0)) {
        e->failed = true;
        return NULL;
    }
    return put_tag(e->at, tag);
}

static inline void end_field(struct fix_encoder *e, char *at)
{
    *at = FIX_SOH;
    e->at = at + 1;
}

void fix_encode_begin(struct fix_encoder *e, struct fix_template *t, char *room, size_t room_size,
                      const char *msg_type, uint64_t seq, uint64_t time_ns, uint64_t orig_time_ns)
{
    e->day_ns = t->day_ns;
    memcpy(e->date, t->date, sizeof e->date);
    e->body = e->at = room + HEAD_SIZE;
    e->limit = room + room_size - TRAILER_SIZE - STORE_WIDTH;
    /* The head needs about 200 bytes at most. */
    e->failed = room_size < FIX_ENCODE_SLACK ||
                (size_t)(e->limit - e->at) < 2 * sizeof t->before_time + 3 * FIELD_MAX;
    if (e->failed) {
        e->at = e->limit = e->body = room;
        return;
    }
    char *at = e->at;
    memcpy(at, "35=", 3);
    at += 3;
    while (*msg_type)
        *at++ = *msg_type++;
    memcpy(at,
           "\x01"
           "34=",
           4);
    at = put_number(at + 4, seq);
    memcpy(at, t->before_time, sizeof t->before_time);
    at = put_moment(e, at + t->before_size, time_ns, t->precision);
    t->day_ns = e->day_ns;
    memcpy(t->date, e->date, sizeof t->date);
    memcpy(at, t->after_time, sizeof t->after_time);
    e->at = at + t->after_size;
    if (orig_time_ns) {
        fix_put_char(e, 43, 'Y');
        fix_put_time(e, 122, orig_time_ns, t->precision);
    }
}

void fix_put_text(struct fix_encoder *e, uint32_t tag, const char *text)
{
    fix_put_bytes(e, tag, text, strlen(text));
}

/* A bit in the high bit of each byte that is SOH (exact where a lower byte is none; enough to know whether
 * there is one). */
static inline uint64_t has_soh(uint64_t w)
{
    uint64_t x = w ^ 0x0101010101010101ull;
    return (x - 0x0101010101010101ull) & ~x & 0x8080808080808080ull;
}

/* Both copy and answer whether an SOH may be among the bytes. From eight on: whole words, of which the last
 * two may overlap. */
static inline uint64_t copy_words(char *to, const char *from, size_t size)
{
    uint64_t w, last, soh = 0;
    memcpy(&last, from + size - 8, 8);
    for (size_t i = 0; i + 8 < size; i += 8) {
        memcpy(&w, from + i, 8);
        memcpy(to + i, &w, 8);
        soh |= has_soh(w);
    }
    memcpy(to + size - 8, &last, 8);
    return soh | has_soh(last);
}

/* Below eight, and not none: read without going beyond them, written as a word. */
static inline uint64_t copy_short(char *to, const char *from, size_t size)
{
    uint32_t low, high;
    uint64_t w;
    if (size >= 4) {
        memcpy(&low, from, 4);
        memcpy(&high, from + size - 4, 4);
        w = low | (uint64_t)high << 8 * (size - 4);
    } else {
        const unsigned char *u = (const unsigned char *)from;
        w = u[0] | (uint64_t)u[size / 2] << 8 * (size / 2) | (uint64_t)u[size - 1] << 8 * (size - 1);
    }
    memcpy(to, &w, 8);
    return has_soh(w | ~0ull << 8 * size);
}

void fix_put_bytes(struct fix_encoder *e, uint32_t tag, const void *bytes, size_t size)
{
    char *to = size ? begin_field(e, tag, size) : NULL;
    if (!to)
        return;
    uint64_t soh = size >= 8 ? copy_words(to, bytes, size) : copy_short(to, bytes, size);
    if (__builtin_expect(soh != 0, 0))
        for (size_t i = 0; i < size; i++)
            if (to[i] == FIX_SOH)
                to[i] = '?';
    end_field(e, to + size);
}

void fix_put_char(struct fix_encoder *e, uint32_t tag, char c)
{
    char *at = begin_field(e, tag, 1);
    if (!at)
        return;
    *at = c == FIX_SOH ? '?' : c;
    end_field(e, at + 1);
}

void fix_put_bool(struct fix_encoder *e, uint32_t tag, bool v)
{
    fix_put_char(e, tag, v ? 'Y' : 'N');
}

void fix_put_uint(struct fix_encoder *e, uint32_t tag, uint64_t v)
{
    char *at = begin_field(e, tag, 0);
    if (at)
        end_field(e, put_number(at, v));
}

void fix_put_int(struct fix_encoder *e, uint32_t tag, int64_t v)
{
    char *at = begin_field(e, tag, 0);
    if (!at)
        return;
    *at = '-';
    end_field(e, put_number(at + (v < 0), v < 0 ? 0 - (uint64_t)v : (uint64_t)v));
}

void fix_put_decimal(struct fix_encoder *e, uint32_t tag, int64_t scaled)
{
    char *at = begin_field(e, tag, 0);
    if (!at)
        return;
    uint64_t magnitude = scaled < 0 ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    uint64_t whole = magnitude / DECIMAL_SCALE;
    uint32_t fraction = (uint32_t)(magnitude - whole * DECIMAL_SCALE);
    *at = '-';
    at = put_number(at + (scaled < 0), whole);
    if (fraction) {
        uint64_t w = eight_digits(fraction);
        *at++ = '.';
        memcpy(at, &w, 8);
        /* without trailing zeros: the last byte in memory is the highest */
        at += 8 - (__builtin_clzll(w & 0x0f0f0f0f0f0f0f0full) >> 3);
    }
    end_field(e, at);
}

void fix_put_time(struct fix_encoder *e, uint32_t tag, uint64_t ns, enum fix_time_precision p)
{
    char *at = begin_field(e, tag, 0);
    if (at)
        end_field(e, put_moment(e, at, ns, p));
}

void fix_put_date(struct fix_encoder *e, uint32_t tag, uint32_t yyyymmdd)
{
    char *at = begin_field(e, tag, 0);
    if (at)
        end_field(e, put_eight(at, yyyymmdd));
}

void fix_put_fields(struct fix_encoder *e, const char *fields, size_t size)
{
    if (e->failed || (size_t)(e->limit - e->at) < size) {
        e->failed = true;
        return;
    }
    memcpy(e->at, fields, size);
    e->at += size;
}

/* Behind the bytes there is room for STORE_WIDTH more, which are overwritten. */
static uint32_t sum_bytes(char *p, size_t size)
{
    __m128i sums = _mm_setzero_si128();
    memset(p + size, 0, STORE_WIDTH);
    for (size_t i = 0; i < size; i += STORE_WIDTH) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        sums = _mm_add_epi64(sums, _mm_sad_epu8(v, _mm_setzero_si128()));
    }
    return (uint32_t)_mm_cvtsi128_si32(sums) + (uint32_t)_mm_extract_epi16(sums, 4) +
           ((uint32_t)_mm_extract_epi16(sums, 5) << 16);
}

/* Put the head before the body, which ends at `end`, and the trailer behind. */
static enum err finish(char *body, char *end, const char **bytes, size_t *size)
{
    size_t body_size = (size_t)(end - body);
    if (body_size > FIX_MESSAGE_SIZE_MAX - HEAD_SIZE - TRAILER_SIZE)
        return ERR_LIMIT;
    char length[16];
    char *length_end = put_small(length, (uint32_t)body_size);
    size_t digits = (size_t)(length_end - length);
    char *begin = body - BEGIN_SIZE - 2 - digits - 1;
    memcpy(begin,
           "8=FIX.4.4\x01"
           "9=",
           BEGIN_SIZE + 2);
    memcpy(begin + BEGIN_SIZE + 2, length, digits);
    body[-1] = FIX_SOH;
    uint32_t sum = sum_bytes(begin, (size_t)(end - begin)) & 0xff;
    memcpy(end, "10=", 3);
    end[3] = (char)('0' + sum / 100);
    put_pair(end + 4, sum % 100);
    end[6] = FIX_SOH;
    *bytes = begin;
    *size = (size_t)(end + TRAILER_SIZE - begin);
    return OK;
}

enum err fix_encode_end(struct fix_encoder *e, const char **bytes, size_t *size)
{
    return e->failed ? ERR_LIMIT : finish(e->body, e->at, bytes, size);
}

/* One field of a stored message: from `at` up to its SOH. False: there is none. */
struct stored_field {
    uint32_t tag;
    const char *begin, *value, *end; /* end: its SOH */
};

static bool next_stored(const char *at, const char *limit, struct stored_field *f)
{
    f->begin = at;
    f->tag = 0;
    while (at < limit && *at >= '0' && *at <= '9' && f->tag < 1000000)
        f->tag = f->tag * 10 + (uint32_t)(*at++ - '0');
    if (at == limit || *at != '=')
        return false;
    f->value = at + 1;
    f->end = memchr(at, FIX_SOH, (size_t)(limit - at));
    return f->end != NULL;
}

/* The header's fields without data: what a resend rewrites is among these. */
static bool in_plain_header(uint32_t tag)
{
    static const unsigned char tags[] = {35, 34, 43, 49, 50, 52, 56, 57, 97, 115, 116, 122, 128, 129};
    return tag < 256 && (memchr(tags, (int)tag, sizeof tags) != NULL || (tag >= 142 && tag <= 145));
}

/* Append a field, or only its value under another tag. */
static void copy_value(struct fix_encoder *e, uint32_t tag, const struct stored_field *f)
{
    fix_put_bytes(e, tag, f->value, (size_t)(f->end - f->value));
}

enum err fix_encode_resend(const char *stored, size_t stored_size, uint64_t time_ns,
                           enum fix_time_precision p, char *room, size_t room_size, size_t *size)
{
    const char *at = stored, *limit = stored + stored_size;
    struct stored_field f, sent = {0}, orig = {0};
    struct fix_encoder e = {.at = room + HEAD_SIZE, .body = room + HEAD_SIZE, .day_ns = NO_DAY};
    if (room_size < FIX_ENCODE_SLACK)
        return ERR_LIMIT;
    e.limit = room + room_size - TRAILER_SIZE - STORE_WIDTH;
    if (!next_stored(at, limit, &f) || f.tag != 8 || !next_stored(f.end + 1, limit, &f) || f.tag != 9)
        return ERR_SYNTAX;
    for (at = f.end + 1;; at = f.end + 1) {
        if (!next_stored(at, limit, &f))
            return ERR_SYNTAX;
        if (!in_plain_header(f.tag))
            break;
        if (f.value == f.end)
            return ERR_SYNTAX;
        if (f.tag == 52)
            sent = f;
        else if (f.tag == 122)
            orig = f;
        else if (f.tag != 43)
            copy_value(&e, f.tag, &f);
    }
    if (!sent.value || stored_size < TRAILER_SIZE || memcmp(limit - TRAILER_SIZE, "10=", 3) != 0)
        return ERR_SYNTAX;
    fix_put_char(&e, 43, 'Y');
    copy_value(&e, 122, orig.value ? &orig : &sent);
    fix_put_time(&e, 52, time_ns, p);
    size_t rest = (size_t)(limit - TRAILER_SIZE - at);
    if (e.failed || (size_t)(e.limit - e.at) < rest)
        return ERR_LIMIT;
    memcpy(e.at, at, rest);
    const char *begin;
    enum err error = finish(e.body, e.at + rest, &begin, size);
    if (error == OK)
        memmove(room, begin, *size);
    return error;
}

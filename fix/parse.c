#include "fix/msg.h"

#include <string.h>

#include "fix/index.h"
#include "fix/value.h"

#define TRAILER_SIZE   7 /* 10=nnn<SOH> */
#define BEGIN_TEXT_MAX 15
#define LENGTH_DIGITS  9

/* Framing: 8=…|9=…|35=…|…|10=nnn| */

struct frame {
    size_t body; /* offset of 35= */
    size_t size; /* whole message */
};

/* Is `have` what a message may begin with as far as it goes? */
static enum fix_frame_status read_head(const char *bytes, size_t available, struct frame *f)
{
    static const char usual[] = "8=FIX.4.4\x01"
                                "9=";
    size_t at = sizeof usual - 1;
    if (available < at || memcmp(bytes, usual, at) != 0) {
        size_t last = available < BEGIN_TEXT_MAX + 2 ? available : BEGIN_TEXT_MAX + 2;
        for (at = 0; at < last && at < 2; at++)
            if (bytes[at] != "8="[at])
                return FIX_FRAME_GARBLED;
        while (at < last && bytes[at] != FIX_SOH)
            at++;
        if (at == last)
            return last == available ? FIX_FRAME_PARTIAL : FIX_FRAME_GARBLED;
        at++;
        for (unsigned k = 0; k < 2; k++, at++) {
            if (at == available)
                return FIX_FRAME_PARTIAL;
            if (bytes[at] != "9="[k])
                return FIX_FRAME_GARBLED;
        }
    }
    size_t length = 0, first = at;
    for (;; at++) {
        if (at == available)
            return at - first > LENGTH_DIGITS ? FIX_FRAME_GARBLED : FIX_FRAME_PARTIAL;
        unsigned digit = (unsigned)(unsigned char)bytes[at] - '0';
        if (digit > 9)
            break;
        if (at - first == LENGTH_DIGITS)
            return FIX_FRAME_GARBLED;
        length = length * 10 + digit;
    }
    if (bytes[at] != FIX_SOH || at == first)
        return FIX_FRAME_GARBLED;
    f->body = at + 1;
    f->size = f->body + length + TRAILER_SIZE;
    for (at = 0; at < 3; at++) {
        if (f->body + at == available)
            return f->size > FIX_MESSAGE_SIZE_MAX ? FIX_FRAME_TOO_LONG : FIX_FRAME_PARTIAL;
        if (bytes[f->body + at] != "35="[at])
            return FIX_FRAME_GARBLED;
    }
    if (f->size > FIX_MESSAGE_SIZE_MAX)
        return FIX_FRAME_TOO_LONG;
    return length < 5 ? FIX_FRAME_GARBLED : available < f->size ? FIX_FRAME_PARTIAL : FIX_FRAME_OK;
}

static inline uint64_t load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The same for what nearly every message begins with: 8=FIX.4.4|9=, up to seven digits, |35=. False: it is to
 * be read byte by byte. */
static inline bool read_head_quickly(const char *bytes, size_t available, struct frame *f)
{
    static const char usual[] = "8=FIX.4.4\x01"
                                "9=";
    const size_t at = sizeof usual - 1;
    uint64_t length;
    uint32_t type;
    if (available < at + 8 + 4 || memcmp(bytes, usual, at) != 0)
        return false;
    uint64_t w = load64(bytes + at), x = w ^ 0x0101010101010101ull;
    uint64_t soh = (x - 0x0101010101010101ull) & ~x & 0x8080808080808080ull;
    unsigned digits = (unsigned)__builtin_ctzll(soh | 1ull << 63) >> 3; /* 7 where there is no SOH */
    if (digits == 0 || bytes[at + digits] != FIX_SOH || !fix_digits(w, digits, &length))
        return false;
    f->body = at + digits + 1;
    f->size = f->body + length + TRAILER_SIZE;
    memcpy(&type, bytes + f->body, sizeof type);
    return (type & 0xffffff) == ('3' | '5' << 8 | '=' << 16) && length >= 5 &&
           f->size <= FIX_MESSAGE_SIZE_MAX && f->size <= available;
}

/* The trailer's place and its three digits; the number it states, or -1. */
static int stated_sum(const char *bytes, size_t size)
{
    const char *t = bytes + size - TRAILER_SIZE;
    unsigned a = (unsigned)(unsigned char)t[3] - '0', b = (unsigned)(unsigned char)t[4] - '0',
             c = (unsigned)(unsigned char)t[5] - '0';
    if (t[-1] != FIX_SOH || t[0] != '1' || t[1] != '0' || t[2] != '=' || t[6] != FIX_SOH)
        return -1;
    return a > 9 || b > 9 || c > 9 ? -1 : (int)(a * 100 + b * 10 + c);
}

static uint32_t sum_bytes(const char *bytes, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (unsigned char)bytes[i];
    return sum;
}

/* How much of bytes[0..end) to skip so that the rest starts with what is or may become the next message. */
static size_t skip_to_next(const char *bytes, size_t end)
{
    static const char mark[] = "\x01"
                               "8=FIX";
    const size_t mark_size = sizeof mark - 1;
    const char *found = memmem(bytes, end, mark, mark_size);
    if (found)
        return (size_t)(found - bytes) + 1;
    for (size_t keep = mark_size - 1; keep > 1; keep--)
        if (end >= keep && !memcmp(bytes + end - keep, mark, keep))
            return end - keep + 1;
    return end;
}

static enum fix_frame_status garbled(const char *bytes, size_t available, size_t *size)
{
    *size = skip_to_next(bytes, available);
    return FIX_FRAME_GARBLED;
}

enum fix_frame_status fix_frame(const char *bytes, size_t available, size_t *size)
{
    struct frame f;
    enum fix_frame_status status = read_head(bytes, available, &f);
    if (status == FIX_FRAME_GARBLED)
        return garbled(bytes, available, size);
    if (status != FIX_FRAME_OK)
        return status;
    int stated = stated_sum(bytes, f.size);
    if (stated < 0)
        return garbled(bytes, available, size);
    if ((sum_bytes(bytes, f.size - TRAILER_SIZE) & 0xff) != (uint32_t)stated)
        return garbled(bytes, f.size, size);
    *size = f.size;
    return FIX_FRAME_OK;
}

const struct fix_field *fix_find(const struct fix_msg *m, uint32_t tag)
{
    uint32_t slot = fix_tag_slot(tag), i = m->index[slot];
    if (i >= m->count)
        return NULL;
    if (m->fields[i].tag == tag)
        return &m->fields[i];
    /* Below 1024 a slot has one tag only, so that this entry is an earlier message's. */
    if (slot < 1024 || fix_tag_slot(m->fields[i].tag) != slot)
        return NULL;
    while (++i < m->count)
        if (m->fields[i].tag == tag)
            return &m->fields[i];
    return NULL;
}

/* Indexing. The quick way takes the scan's SOHs as the ends of fields; it gives up on whatever is unusual,
 * which the careful way then reads byte by byte. */

/* The length that the field before states for this data field, if there is one and it fits. */
static bool data_size(const struct fix_msg *m, uint32_t tag, uint32_t offset, uint32_t *size)
{
    const struct fix_field *f = m->count ? &m->fields[m->count - 1] : NULL;
    uint64_t stated;
    if (!f || f->tag >= 1024 || fix_data_after[f->tag] != tag || fix_field_uint(m, f, &stated) != OK)
        return false;
    if (stated >= m->size - offset || m->bytes[offset + stated] != FIX_SOH)
        return false;
    *size = (uint32_t)stated;
    return true;
}

/* First occurrences win: stored last. */
static void store_index(struct fix_msg *m)
{
    for (uint32_t i = m->count; i-- > 0;)
        m->index[fix_tag_slot(m->fields[i].tag)] = (uint16_t)i;
}

static enum err index_carefully(struct fix_msg *m)
{
    uint32_t at = 0;
    enum err error = OK;
    m->count = 0;
    while (at < m->size && error == OK) {
        uint32_t tag = 0, first = at, size;
        while (at < m->size && at - first < 9 && (unsigned char)(m->bytes[at] - '0') <= 9)
            tag = tag * 10 + (uint32_t)(m->bytes[at++] - '0');
        if (at == m->size || m->bytes[at] != '=' || at == first || m->bytes[first] == '0') {
            error = ERR_SYNTAX;
            break;
        }
        at++;
        if (!data_size(m, tag, at, &size)) {
            const char *end = memchr(m->bytes + at, FIX_SOH, m->size - at);
            if (!end) {
                error = ERR_SYNTAX;
                break;
            }
            size = (uint32_t)(end - m->bytes) - at;
        }
        if (m->count == FIX_FIELDS_MAX) {
            error = ERR_LIMIT;
            break;
        }
        m->fields[m->count++] = (struct fix_field){tag, at, size};
        at += size + 1;
    }
    store_index(m);
    return error;
}

static inline bool is_yes(const struct fix_msg *m, uint32_t tag)
{
    const struct fix_field *f = fix_find(m, tag);
    return f && f->size == 1 && m->bytes[f->offset] == 'Y';
}

/* What every reader of the message wants first. */
static inline void read_standing(struct fix_msg *m)
{
    const struct fix_field *type = fix_find(m, 35), *seq = fix_find(m, 34);
    uint64_t number = 0;
    m->type = 0;
    if (type && type->size == 1)
        m->type = (unsigned char)m->bytes[type->offset];
    else if (type && type->size <= 4)
        for (uint32_t i = 0; i < type->size; i++)
            m->type |= (uint32_t)(unsigned char)m->bytes[type->offset + i] << 8 * i;
    /* A number of up to eight digits: what stands before them is the message's own. */
    if (seq && seq->size - 1 < 8 && seq->offset >= 8)
        m->seq = fix_digits(load64(m->bytes + seq->offset + seq->size - 8) >> 8 * (8 - seq->size), seq->size,
                            &number)
                     ? number
                     : 0;
    else
        m->seq = fix_field_uint(m, seq, &number) == OK && number <= INT64_MAX ? number : 0;
    m->poss_dup = is_yes(m, 43);
    m->poss_resend = is_yes(m, 97);
}

enum err fix_parse(struct fix_msg *m, const char *bytes, size_t size)
{
    uint32_t sum;
    enum err error = OK;
    m->bytes = bytes;
    m->size = (uint32_t)size;
    m->count = 0;
    if (size > FIX_MESSAGE_SIZE_MAX)
        error = ERR_LIMIT;
    else if (!fix_index(m, &sum))
        error = index_carefully(m);
    read_standing(m);
    return error;
}

enum fix_frame_status fix_frame_parse(struct fix_msg *m, const char *bytes, size_t available, size_t *size,
                                      enum err *parse_error)
{
    struct frame f;
    enum fix_frame_status status =
        read_head_quickly(bytes, available, &f) ? FIX_FRAME_OK : read_head(bytes, available, &f);
    if (status == FIX_FRAME_GARBLED)
        return garbled(bytes, available, size);
    if (status != FIX_FRAME_OK)
        return status;
    int stated = stated_sum(bytes, f.size);
    if (stated < 0)
        return garbled(bytes, available, size);
    uint32_t sum;
    m->bytes = bytes;
    m->size = (uint32_t)f.size;
    m->count = 0;
    bool quick = fix_index(m, &sum);
    if (m->count > FIX_FIELDS_MAX)
        sum = sum_bytes(bytes, f.size);      /* the pass stopped before the end */
    const char *digits = bytes + f.size - 4; /* of the trailer, which does not count */
    sum -= (uint32_t)('1' + '0' + '=' + FIX_SOH) + (uint32_t)(digits[0] + digits[1] + digits[2]);
    if ((sum & 0xff) != (uint32_t)stated)
        return garbled(bytes, f.size, size);
    *size = f.size;
    *parse_error = quick ? OK : index_carefully(m);
    read_standing(m);
    return FIX_FRAME_OK;
}

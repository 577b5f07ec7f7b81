/* Text: sentences that people read, built into a fixed field without a formatter, an allocation or a locale:
 * the reasons in refusals name the values that were refused. What does not fit is cut at the field's end.
 *
 *     struct text t = text_in(ev->text, sizeof ev->text);
 *     text_add(&t, "quantity ");
 *     text_add_decimal(&t, quantity);
 *
 * Always ends in a zero; what lies past the text keeps its bytes (records are zeroed when they are added).
 */
#ifndef RFQD_CORE_TEXT_H
#define RFQD_CORE_TEXT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/core/decimal.h"

struct text {
    char *begin, *at;
    char *end; /* where the zero goes at the latest */
    bool cut;  /* something did not fit */
};

static inline struct text text_in(char *field, size_t size)
{
    assert(size > 0);
    *field = 0;
    return (struct text){.begin = field, .at = field, .end = field + size - 1};
}

static inline size_t text_length(const struct text *t)
{
    return (size_t)(t->at - t->begin);
}

static inline void text_add_bytes(struct text *t, const char *bytes, size_t size)
{
    assert(t->at <= t->end);
    size_t room = (size_t)(t->end - t->at);
    if (size > room) {
        size = room;
        t->cut = true;
    }
    memcpy(t->at, bytes, size);
    t->at += size;
    *t->at = 0;
}

static inline void text_add(struct text *t, const char *s)
{
    text_add_bytes(t, s, strlen(s));
}

/* Bytes of the well-formed UTF-8 sequence of several bytes at `bytes`; 0: there is none. */
size_t text_utf8_size(const char *bytes, size_t size);

/* What a JSON text is made of, by turns: a run of bytes that stand in it as they are, and an escape for the
 * byte that ended the run. Peers' bytes need not be UTF-8; those that are not are shown as code points. */
#define TEXT_JSON_ESCAPE_MAX 6
/* Bytes of the run that leads; 0: the first byte needs an escape, or there is none. */
size_t text_json_plain(const char *bytes, size_t size);
/* Returns the escape's size. It ends in no zero. */
size_t text_json_escape(char c, char out[TEXT_JSON_ESCAPE_MAX]);

/* A zero padded field: up to its first zero. */
static inline void text_add_field(struct text *t, const char *field, size_t size)
{
    text_add_bytes(t, field, strnlen(field, size));
}

static inline void text_add_char(struct text *t, char c)
{
    text_add_bytes(t, &c, 1);
}

static inline void text_add_number(struct text *t, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    text_add_bytes(t, digits + at, sizeof digits - at);
}

static inline void text_add_decimal(struct text *t, int64_t scaled)
{
    char digits[DECIMAL_TEXT_MAX];
    size_t size = decimal_print(scaled, digits);
    assert(size < sizeof digits);
    text_add_bytes(t, digits, size);
}

/* In the largest unit that keeps three figures: "250 ns", "1.5 ms", "30 s", "7200 s". */
static inline void text_add_duration(struct text *t, uint64_t ns)
{
    uint64_t unit = 1;
    const char *name = " ns";
    if (ns >= 1000000000u) {
        unit = 1000000000u;
        name = " s";
    } else if (ns >= 1000000u) {
        unit = 1000000u;
        name = " ms";
    } else if (ns >= 1000u) {
        unit = 1000u;
        name = " us";
    }
    text_add_number(t, ns / unit);
    uint64_t thousandths = unit == 1 ? 0 : ns % unit / (unit / 1000);
    if (thousandths) {
        char digits[4] = {'.', (char)('0' + thousandths / 100), (char)('0' + thousandths / 10 % 10),
                          (char)('0' + thousandths % 10)};
        size_t size = sizeof digits;
        while (digits[size - 1] == '0')
            size--;
        text_add_bytes(t, digits, size);
    }
    text_add(t, name);
}

/* Blanks up to a column of the present line, at least one. */
static inline void text_pad(struct text *t, size_t line_start, size_t column)
{
    do
        text_add_char(t, ' ');
    while (!t->cut && text_length(t) - line_start < column);
}

#endif

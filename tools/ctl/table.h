/* Tables for people, out of rows of JSON: columns as wide as what is in them, numbers to the right, lines no
 * wider than the terminal. What peers sent is printed as it is, but for control characters: no peer talks to
 * the operator's terminal.
 */
#ifndef RFQD_CTL_TABLE_H
#define RFQD_CTL_TABLE_H

#include <stdio.h>

#include "tools/ctl/client.h"

#define CELL_SIZE 65536 /* a record's text */

/* What a value is, and so how it is written. */
enum column_kind {
    COLUMN_TEXT,
    COLUMN_NUMBER,   /* to the right */
    COLUMN_NS,       /* nanoseconds, with spaces between thousands */
    COLUMN_US,       /* nanoseconds, as microseconds with three digits behind the point */
    COLUMN_DECIMAL,  /* "0" is empty: nothing is there yet */
    COLUMN_TIME,     /* of the day, to the millisecond */
    COLUMN_DURATION, /* from `key` to `until`, as milliseconds with three digits; empty while `until` is null
                      */
};

struct column {
    const char *title, *key;
    enum column_kind kind;
    const char *until;
};

struct table_style {
    unsigned width;  /* of a line, at most; 0: any */
    bool colour;     /* ANSI */
    size_t rows_max; /* 0: all */
    /* ANSI colour of a row ("32"), NULL: none. */
    const char *(*colour_of)(struct json_object *row);
};

void table_print(FILE *to, const struct column *columns, size_t column_count, const struct rows *rows,
                 const struct table_style *style);
/* "key  value" lines; objects in it on one line each. */
void table_pairs(FILE *to, struct json_object *row, const struct table_style *style);
/* Text as a terminal may see it. Returns its width in characters. */
size_t table_clean(const char *text, char *out, size_t size);
/* A member's text; "" where it is absent or null. */
const char *row_text(struct json_object *row, const char *key);
int64_t row_number(struct json_object *row, const char *key);
/* UTC nanoseconds of a member like 2026-11-22T06:36:40.123456789Z; 0: null. */
int64_t row_time_ns(struct json_object *row, const char *key);

#endif

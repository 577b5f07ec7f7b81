/* Inside of the bodies: what a table's row says. Not a public face. */
#ifndef RFQD_CONTROL_BODY_INSIDE_H
#define RFQD_CONTROL_BODY_INSIDE_H

#include "control/body/body.h"

enum body_type {
    BODY_TEXT,     /* printable ASCII, zero padded to `size` */
    BODY_SENTENCE, /* any UTF-8 without control characters, zero padded to `size` */
    BODY_DECIMAL,  /* int64 */
    BODY_CHOICE,   /* by name: one or four bytes, as `size` says */
    BODY_FLAG,     /* one byte */
    BODY_TIME,     /* uint64, ns */
    BODY_MS,       /* a whole number of milliseconds: uint64, ns */
    BODY_DATE,     /* uint32, YYYYMMDD */
    BODY_QUOTE,    /* "Q…": uint64 */
};

struct body_choice {
    const char *name;
    uint32_t value;
};

struct body_member {
    const char *name;
    enum body_type type;
    bool required;
    size_t offset, size;               /* in the struct */
    int64_t min, max;                  /* decimals, scaled; milliseconds; lengths of texts */
    const struct body_choice *choices; /* up to a NULL name */
};

struct body_table {
    const struct body_member *members;
    unsigned count;
};

/* What the parser lets pass though it is no JSON (single quotes, NaN, control characters in strings): the
 * place of the first such byte; size: there is none. */
size_t body_foreign(const char *text, size_t size);
/* One past what closes the object or list that the text begins with; size: nothing does; 0: it begins with
 * neither. Of a text that a parser took up to there. */
size_t body_object_end(const char *text, size_t size);

/* A member twice, anywhere in a text that is well-formed JSON: its name into out («» where it was written
 * with escapes). False: there is none. written: how many members there are. */
bool body_written(const char *text, size_t size, unsigned *written, char *out, size_t out_size);

#endif

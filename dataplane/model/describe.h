/* Describe: what entities and records are made of, as tables; and from them their text. One row a field:
 * name, place, size, and what it means. dump, the timeline, rfqctl and the listing of durable layouts
 * (tests/golden) come from here, so a field is named in one place.
 *
 * JSON: decimals as strings, times as numbers of UTC nanoseconds, enums by name, RFQs, quotes and orders by
 * their names on the wire (R… Q… O…), what is absent (no RFQ, no session, an empty character) as null. Text
 * in FIX bytes that is no ASCII is escaped by byte. Any thread; nothing is allocated.
 */
#ifndef RFQD_MODEL_DESCRIBE_H
#define RFQD_MODEL_DESCRIBE_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/ring/record.h"

enum field_kind {
    FIELD_RESERVED,
    FIELD_NUMBER,   /* unsigned, 1 to 8 bytes */
    FIELD_FLAG,     /* not 0: true */
    FIELD_DECIMAL,  /* int64, scaled 1e-8 */
    FIELD_WIDE,     /* 128 bits, low and high, scaled 1e-16 */
    FIELD_TIME,     /* UTC ns; 0: none */
    FIELD_DURATION, /* ns */
    FIELD_TEXT,     /* zero padded */
    FIELD_CHAR,     /* as FIX has it; 0: none */
    FIELD_ENUM,     /* by `names` */
    FIELD_SIDE,
    FIELD_RFQ, /* ids, by name; 0: none */
    FIELD_QUOTE,
    FIELD_ORDER,
    FIELD_REF,         /* an id whose kind (enum ref_kind, 32 bits) lies at `kind_at` */
    FIELD_SESSION,     /* SESSION_NONE: none */
    FIELD_AGENT,       /* enum agent_id */
    FIELD_RECORD_TYPE, /* 0: none */
    FIELD_MSG_TYPE,    /* FIX MsgType, packed: first character in the low byte */
    FIELD_HEX,
    FIELD_NESTED, /* by `nested` */
    FIELD_BYTES,  /* FIX message up to the record's end, behind the fixed part; its size lies at `kind_at` */
    FIELD_LIST,   /* of `nested`, behind the fixed part; their number (32 bits) lies at `kind_at` */
};

struct layout;
struct field {
    const char *name;
    uint16_t offset; /* in the struct: records with their header */
    uint16_t size;   /* 0: the tail */
    uint8_t kind;    /* enum field_kind */
    uint16_t kind_at;
    const char *(*names)(unsigned v);
    const struct layout *nested;
};

struct layout {
    const char *name; /* of the struct */
    uint32_t size;    /* of the durable part, or of the record's fixed part */
    uint32_t field_count;
    const struct field *fields;
};

/* By the table's name, ended ones too ("rfqs", "rfqs_ended"); NULL: none. */
const struct layout *layout_of_table(const char *table);
/* NULL: no such type. Fields begin behind the header. */
const struct layout *layout_of_record(unsigned type);

const char *agent_name(unsigned agent); /* "distribution", "gateway", "gateway1" …; "none"; "?" */

/* As snprintf: what is longer than size - 1 is cut, the length that it has is returned. */

/* `"name":value,…` of a struct's bytes; fields beyond `available` are left out. */
size_t describe_fields(const struct layout *l, const void *bytes, size_t available, char *out, size_t size);
/* {"type":…,"time":…,"session":…,"dest":…, and the body's fields}. A record that is newer than this program:
 * its type's number and size. */
size_t describe_record(const struct record *r, char *out, size_t size);
/* One line for people: the type's name, then what is not empty. FIX messages with | between their fields. */
size_t describe_record_text(const struct record *r, char *out, size_t size);
/* The text of a JSON string for these bytes, quotes included. */
size_t describe_string(const char *bytes, size_t length, char *out, size_t size);

#endif

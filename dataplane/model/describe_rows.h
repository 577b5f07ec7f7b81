/* How the tables of fields are written. Private to describe_*.c. */
#ifndef RFQD_MODEL_DESCRIBE_ROWS_H
#define RFQD_MODEL_DESCRIBE_ROWS_H

#include "dataplane/model/describe.h"

#define FIELDS(s) static const struct field fields_##s[]
#define LAYOUT(s, bytes)                                                          \
    {                                                                             \
#s, (uint32_t)(bytes), sizeof fields_##s / sizeof *fields_##s, fields_##s \
    }
#define ENTITY(s) LAYOUT(s, offsetof(struct s, transient))

#define AT(s, f) .name = #f, .offset = offsetof(struct s, f), .size = sizeof(((struct s *)0)->f)
#define OF(s, f, k)         \
    {                       \
        AT(s, f), .kind = k \
    }

#define RESERVED(s, f) OF(s, f, FIELD_RESERVED)
#define NUMBER(s, f)   OF(s, f, FIELD_NUMBER)
#define FLAG(s, f)     OF(s, f, FIELD_FLAG)
#define DECIMAL(s, f)  OF(s, f, FIELD_DECIMAL)
#define TIME(s, f)     OF(s, f, FIELD_TIME)
#define DURATION(s, f) OF(s, f, FIELD_DURATION)
#define TEXT(s, f)     OF(s, f, FIELD_TEXT)
#define CHAR(s, f)     OF(s, f, FIELD_CHAR)
#define SIDE(s, f)     OF(s, f, FIELD_SIDE)
#define RFQ(s, f)      OF(s, f, FIELD_RFQ)
#define QUOTE(s, f)    OF(s, f, FIELD_QUOTE)
#define ORDER(s, f)    OF(s, f, FIELD_ORDER)
#define SESSION(s, f)  OF(s, f, FIELD_SESSION)
#define AGENT(s, f)    OF(s, f, FIELD_AGENT)
#define TYPE(s, f)     OF(s, f, FIELD_RECORD_TYPE)
#define MSG_TYPE(s, f) OF(s, f, FIELD_MSG_TYPE)
#define HEX(s, f)      OF(s, f, FIELD_HEX)
#define ENUM(s, f, n)                            \
    {                                            \
        AT(s, f), .kind = FIELD_ENUM, .names = n \
    }
#define REF(s, f)                                                            \
    {                                                                        \
        AT(s, f), .kind = FIELD_REF, .kind_at = offsetof(struct s, ref_kind) \
    }
#define NESTED(s, f, n)                                       \
    {                                                         \
        AT(s, f), .kind = FIELD_NESTED, .nested = &layout_##n \
    }
#define WIDE(s, n, f)                                                               \
    {                                                                               \
        .name = #n, .offset = offsetof(struct s, f), .size = 16, .kind = FIELD_WIDE \
    }
#define BYTES(s, f)                                                       \
    {                                                                     \
        .name = #f, .offset = offsetof(struct s, f), .kind = FIELD_BYTES, \
        .kind_at = offsetof(struct s, size)                               \
    }
#define RANKINGS(s, f)                                                       \
    {                                                                        \
        .name = #f, .offset = offsetof(struct s, f), .kind = FIELD_LIST,     \
        .kind_at = offsetof(struct s, count), .nested = &layout_ranked_quote \
    }

extern const struct layout layout_settings, layout_instrument, layout_lp, layout_taker, layout_session;

#endif

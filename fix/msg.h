/* A parsed FIX message: views into the bytes it was received in. Nothing is copied, nothing is allocated.
 *
 * fix_frame() finds the bounds of the next message in a stream and checks them; fix_parse() indexes one
 * message's fields in a single SIMD pass (SOH positions and byte sum together). fix_validate() checks a
 * parsed message against the dictionary. The caller owns `struct fix_msg` (large: make it once per gateway).
 *
 * Source: FIX 4.4 with errata 20030618, volumes 1 and 2.
 */
#ifndef RFQD_FIX_MSG_H
#define RFQD_FIX_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"
#include "dataplane/core/limits.h"

#define FIX_SOH '\x01'

struct fix_field {
    uint32_t tag;
    uint32_t offset; /* of the value, from the message's first byte */
    uint32_t size;   /* of the value */
};

/* Tags below 2048 have a slot of their own; a higher one shares it with those equal to it modulo 1024. */
#define FIX_TAG_INDEX_SIZE 2048
static inline uint32_t fix_tag_slot(uint32_t tag)
{
    uint32_t folded = 1024 + (tag & 1023);
    return tag < folded ? tag : folded;
}

/* Tags, their order and the counts of groups of messages that fix_validate found good: of those that come
 * next in the same shape it has only the values to look at. A peer's messages have few shapes. Zero it once.
 */
#define FIX_SHAPE_SETS       64u
#define FIX_SHAPES_ALIKE     2u /* kept of one type and number of fields */
#define FIX_SHAPE_FIELDS_MAX 96u
struct fix_shape_field {
    uint16_t tag;
    uint8_t type, group; /* enum fix_type; 1: it states how many instances follow */
    uint16_t enums;
    uint16_t stated;
};
struct fix_shape {
    uint32_t type, count; /* of fields; 0: none is kept */
    struct fix_shape_field fields[FIX_SHAPE_FIELDS_MAX];
};
struct fix_shapes {
    struct fix_shape sets[FIX_SHAPE_SETS][FIX_SHAPES_ALIKE];
    uint32_t turn; /* which of a set is replaced next */
};

/* Zero it once; then any number of messages can be parsed into it. */
struct fix_msg {
    const char *bytes;
    uint32_t size; /* whole message, with checksum field */
    uint32_t count;
    uint32_t type; /* MsgType packed: one or two characters, first in the low byte; FIX_MSG_TYPE2('A', 'J') */
    uint64_t seq;  /* MsgSeqNum (34), 0 where absent or no number */
    bool poss_dup; /* 43=Y */
    bool poss_resend;          /* 97=Y */
    struct fix_shapes *shapes; /* of the owner, for fix_validate; NULL: none are kept */
    /* A sparse set: the first field of a tag is fields[index[slot]], if that is below count and has the slot.
     * Nothing is cleared between messages. */
    uint16_t index[FIX_TAG_INDEX_SIZE];
    struct fix_field fields[FIX_FIELDS_MAX + 16]; /* stores are 16 fields wide */
    /* scratch of the pass: where each SOH is, tags, index slots */
    uint32_t ends[FIX_FIELDS_MAX + 72];
    uint32_t tags[FIX_FIELDS_MAX + 72];
    uint16_t slots[FIX_FIELDS_MAX + 72];
};

#define FIX_MSG_TYPE1(a)    ((uint32_t)(unsigned char)(a))
#define FIX_MSG_TYPE2(a, b) ((uint32_t)(unsigned char)(a) | (uint32_t)(unsigned char)(b) << 8)

enum fix_frame_status {
    FIX_FRAME_OK,       /* *size bytes are one message, checksum and length right */
    FIX_FRAME_PARTIAL,  /* more bytes are needed */
    FIX_FRAME_GARBLED,  /* *size bytes are to be skipped: bad checksum or length, or first three fields out of
                           order;  ignored and counted as the specification says, the stream stays in step */
    FIX_FRAME_TOO_LONG, /* BodyLength beyond FIX_MESSAGE_SIZE_MAX: disconnect */
};

/* The next message of a stream. Never reads past `available`. On GARBLED the skip (never 0) ends before the
 * next "8=FIX" that follows an SOH, so that a bad length cannot swallow a good message; where none has come
 * yet, before the last bytes that may become one. A BodyLength that says too much is found out when so many
 * bytes have come, or by the session's silence rule. Any BeginString of up to 15 characters is framed: the
 * session judges it. */
enum fix_frame_status fix_frame(const char *bytes, size_t available, size_t *size);

/* fix_frame and fix_parse in one: the bytes are passed once. On OK *parse_error is what fix_parse would have
 * said. */
enum fix_frame_status fix_frame_parse(struct fix_msg *m, const char *bytes, size_t available, size_t *size,
                                      enum err *parse_error);

/* Index the fields of one whole message as fix_frame found it. ERR_SYNTAX: a field is not tag=value (m->count
 * tells how far it came; the session rejects or ignores it); ERR_LIMIT: more than FIX_FIELDS_MAX fields. */
enum err fix_parse(struct fix_msg *m, const char *bytes, size_t size) WARN_UNUSED;

/* The first field with this tag, or NULL. O(1). */
const struct fix_field *fix_find(const struct fix_msg *m, uint32_t tag);
/* The value's first byte. */
static inline const char *fix_value(const struct fix_msg *m, const struct fix_field *f)
{
    return m->bytes + f->offset;
}

/* Typed reads. ERR_NOT_FOUND: no such field; ERR_SYNTAX / ERR_RANGE: not of the type. */
enum err fix_get_uint(const struct fix_msg *m, uint32_t tag, uint64_t *out) WARN_UNUSED;
enum err fix_get_char(const struct fix_msg *m, uint32_t tag, char *out) WARN_UNUSED;
/* Price, Qty, Amt: scaled 1e-8 (dataplane/core/decimal.h). `23`, `23.`, `23.0`, `00023.23` and `-1` are
 * legal. */
enum err fix_get_decimal(const struct fix_msg *m, uint32_t tag, int64_t *out) WARN_UNUSED;
/* UTCTimestamp YYYYMMDD-HH:MM:SS[.sss[sss[sss]]] → ns since 1970. A second of 60 is accepted. */
enum err fix_get_time(const struct fix_msg *m, uint32_t tag, uint64_t *out_ns) WARN_UNUSED;
/* LocalMktDate, UTCDateOnly YYYYMMDD as a number 20261122. */
enum err fix_get_date(const struct fix_msg *m, uint32_t tag, uint32_t *out) WARN_UNUSED;
/* Copy to a zero-padded text of `capacity` bytes. ERR_LIMIT: it does not fit with its final zero. */
enum err fix_get_text(const struct fix_msg *m, uint32_t tag, char *out, size_t capacity) WARN_UNUSED;

/* The same of one field, as fix_group_find returns it (NULL: ERR_NOT_FOUND). */
enum err fix_field_uint(const struct fix_msg *m, const struct fix_field *f, uint64_t *out) WARN_UNUSED;
enum err fix_field_char(const struct fix_msg *m, const struct fix_field *f, char *out) WARN_UNUSED;
enum err fix_field_decimal(const struct fix_msg *m, const struct fix_field *f, int64_t *out) WARN_UNUSED;
enum err fix_field_time(const struct fix_msg *m, const struct fix_field *f, uint64_t *out_ns) WARN_UNUSED;
enum err fix_field_date(const struct fix_msg *m, const struct fix_field *f, uint32_t *out) WARN_UNUSED;
enum err fix_field_text(const struct fix_msg *m, const struct fix_field *f, char *out,
                        size_t capacity) WARN_UNUSED;

/* Repeating groups, by the dictionary. An iterator over the instances of `group_tag` (its NoXxx field):
 *
 *   struct fix_group legs;
 *   if (fix_group_begin(m, FIX_TAG_NoRelatedSym, &legs))
 *       while (fix_group_next(&legs))
 *           symbol = fix_group_find(&legs, FIX_TAG_Symbol);
 *
 * User-defined tags belong to the instance that they stand in. */
struct fix_group {
    const struct fix_msg *msg;
    uint32_t first, last; /* fields of the present instance: [first, last) in msg->fields */
    uint32_t end;         /* end of the group */
    uint32_t delimiter;   /* tag that starts each instance */
    uint32_t count;       /* instances, as the NoXxx field states */
    uint32_t left;        /* of these, still to come */
};
/* False when the group is absent, or is none of this message's. Starts before the first instance. */
bool fix_group_begin(const struct fix_msg *m, uint32_t group_tag, struct fix_group *g);
/* A group inside the present instance of another. */
bool fix_group_begin_inside(const struct fix_group *outer, uint32_t group_tag, struct fix_group *g);
/* False after the last instance: as many as stated or as are there, whichever is less. */
bool fix_group_next(struct fix_group *g);
/* The first field with this tag in the present instance (a nested group's fields: of its first instance);
 * NULL if absent. */
const struct fix_field *fix_group_find(const struct fix_group *g, uint32_t tag);

/* Dictionary validation: `reason` is SessionRejectReason (373), `ref_tag` RefTagID (371), 0 if none.
 *
 * What is checked, and the reason given: a tag of no FIX 4.4 message, or user-defined and not admitted 0;
 * required tag missing (at top level, and in each instance of a group) 1; tag not of this message, or of a
 * group that is not there 2; no value 4; not among the enumerated values 5; not of the type 6; MsgType
 * unknown to FIX 4.4 11; tag twice 13; header, body and trailer mixed 14; a group's first tag is not its
 * delimiter, or its tags are not in the order of the specification 15; count wrong 16; SOH in a value that is
 * not data 17 (seen as a field without a tag). A MsgType that FIX 4.4 has and the dictionary has not passes:
 * answer it with BusinessMessageReject, 380=3. */
struct fix_refusal {
    int reason;
    uint32_t ref_tag;
    const char *text; /* static storage */
};
/* ERR_SYNTAX with *why filled when the message breaks the dictionary. */
enum err fix_validate(const struct fix_msg *m, bool admit_user_tags, struct fix_refusal *why) WARN_UNUSED;

#endif

/* Shapes of the dictionary's tables, which fix_gen writes from fix/dict/FIX44.txt at build time; read by the
 * validator and the group iterator. Constant data: any agent may read it.
 *
 * FIX 4.4 uses a tag in one place of a message only: at its top level or in one of its groups (fix_gen
 * refuses a dictionary where that does not hold). So (message, tag) names one entry, and an entry names its
 * place.
 */
#ifndef RFQD_FIX_DICT_H
#define RFQD_FIX_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIX_DICT_TAGS       1024 /* tags below may be in the dictionary */
#define FIX_USER_TAG_MIN    5000 /* user-defined from here on */
#define FIX_DICT_SLOTS_MAX  512  /* places in one message */
#define FIX_DICT_SCOPES_MAX 64   /* groups of one message, and its top level */
#define FIX_DICT_DEPTH_MAX  6    /* groups within groups */

/* How a value is checked; several FIX types share one. */
enum fix_type {
    FIX_TYPE_STRING,
    FIX_TYPE_CHAR,
    FIX_TYPE_INT,     /* optional '-', digits */
    FIX_TYPE_UINT,    /* SeqNum, Length, NumInGroup: digits */
    FIX_TYPE_DECIMAL, /* Price, Qty, Amt, PriceOffset, Percentage, float */
    FIX_TYPE_BOOLEAN,
    FIX_TYPE_MULTI,    /* MultipleValueString: values with a blank between */
    FIX_TYPE_CURRENCY, /* three letters */
    FIX_TYPE_COUNTRY,  /* two letters */
    FIX_TYPE_TIMESTAMP,
    FIX_TYPE_TIME,
    FIX_TYPE_DATE, /* LocalMktDate, UTCDateOnly */
    FIX_TYPE_MONTH_YEAR,
    FIX_TYPE_DATA,
};

enum {
    FIX_ENTRY_REQUIRED = 1, /* in its scope */
    FIX_ENTRY_BODY = 2,     /* rank: neither of the two is the header */
    FIX_ENTRY_TRAILER = 4,
};

/* A tag's place in a message. `order` rises in the order of the specification over the whole message, groups
 * within. */
struct fix_dict_entry {
    uint16_t order; /* from 1; 0: the message does not have this tag */
    uint8_t scope;  /* 0: top level */
    uint8_t child;  /* NumInGroup: the scope that it opens */
    uint8_t flags;
    uint8_t type;   /* enum fix_type */
    uint16_t enums; /* index into fix_dict_enums; 0: not enumerated */
};

struct fix_dict_scope {
    uint16_t group_tag; /* its NumInGroup field */
    uint16_t delimiter; /* the tag that starts each instance */
    uint8_t parent;
    uint8_t depth;           /* 1: a group at top level */
    uint16_t required_count; /* in each instance; at top level in the message */
    uint64_t within;         /* bit s: scope s is this one or inside it */
};

struct fix_dict_message {
    uint32_t type; /* packed as fix_msg.type */
    bool admin;
    uint8_t scope_count;
    uint16_t slot_count; /* highest order */
    const char *name;
    const struct fix_dict_entry *entries; /* [FIX_DICT_TAGS] */
    const struct fix_dict_scope *scopes;
    const uint64_t *required; /* top level, bit = order; FIX_DICT_SLOTS_MAX / 64 words */
};

/* Admitted values: those of one character as a bit set, numbers below 128 too, texts in an open hash of
 * zero-padded keys. Set 0 is that of fields without an enumeration: it admits every character. */
struct fix_dict_text {
    uint64_t key[2];
};
struct fix_dict_enum {
    uint64_t bits[4];
    uint64_t numbers[2];               /* of an INT */
    const struct fix_dict_text *texts; /* NULL: there are none longer than a character */
    uint32_t text_mask;                /* slots - 1 */
};
static inline uint32_t fix_dict_text_hash(uint64_t k0, uint64_t k1)
{
    return (uint32_t)(((k0 ^ k1 * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu) >> 40);
}

extern const struct fix_dict_message fix_dict_messages[];
extern const unsigned fix_dict_message_count;
extern const struct fix_dict_enum fix_dict_enums[];
/* Index+1 into fix_dict_messages by the first byte of a one-character type, and of the second of one that
 * starts with 'A'; 0: not spoken here. */
extern const uint8_t fix_dict_by_type1[128];
extern const uint8_t fix_dict_by_type2[128];
/* A tag's name, NULL where the dictionary has none: for logs and tools. */
extern const char *const fix_dict_tag_names[FIX_DICT_TAGS];
/* Meaning of an enumerated value (`F` of 150: TRADE), NULL if none: for logs and tools, a linear search. */
const char *fix_dict_meaning(uint32_t tag, const char *value, size_t size);
/* MsgTypes that FIX 4.4 defines, spoken here or not: bit c of [0] for one character, of [1] for 'A' and
 * c, of [2] for 'B' and c. */
extern const uint64_t fix_dict_types_defined[3][2];

/* "131=" and its length: what the encoder writes. */
struct fix_dict_tag_text {
    char text[7];
    uint8_t size;
};
extern const struct fix_dict_tag_text fix_dict_tag_texts[FIX_DICT_TAGS];

/* The message with this packed type, NULL if it is not in the dictionary. */
static inline const struct fix_dict_message *fix_dict_find(uint32_t type)
{
    unsigned at = 0;
    if (type < 128)
        at = fix_dict_by_type1[type];
    else if ((type & 0xff) == 'A' && type >> 8 < 128)
        at = fix_dict_by_type2[type >> 8];
    return at ? &fix_dict_messages[at - 1] : NULL;
}
static inline bool fix_dict_type_defined(uint32_t type)
{
    uint32_t c = type < 128 ? type : type >> 8, first = type & 0xff;
    unsigned row = type < 128 ? 0 : first == 'A' ? 1 : 2;
    if (c >= 128 || (type >= 128 && first != 'A' && first != 'B'))
        return false;
    return fix_dict_types_defined[row][c >> 6] >> (c & 63) & 1;
}

#endif

/* The table of configuration keys. */
#ifndef RFQD_CONTROL_KEYS_H
#define RFQD_CONTROL_KEYS_H

#include "control/config/config.h"

enum config_section {
    SECTION_TOP,
    SECTION_FIX,
    SECTION_RECORD,
    SECTION_SETTINGS,
    SECTION_HTTP,
    SECTION_LOG,
    SECTION_CORES,
    SECTION_INSTRUMENTS,
    SECTION_SESSIONS,
    SECTION_LPS,
    SECTION_TAKERS,
    SECTION_TENANTS,
    SECTION_USERS,
    SECTION_TOKEN_KEYS,
    SECTIONS
};

enum key_type {
    KEY_TEXT, /* size: room with its zero */
    KEY_U8,   /* number into 8 bits */
    KEY_U32,
    KEY_U64,
    KEY_I64,
    KEY_DECIMAL,    /* int64 scaled 1e-8 */
    KEY_BOOL_U32,   /* true, false */
    KEY_BOOL,       /* into a C bool */
    KEY_CHOICE_I64, /* one of choices: its number */
    KEY_CHOICE_U32,
    KEY_CHOICE_U8,
    KEY_ADDRESS, /* a.b.c.d:port into sockaddr_in */
    KEY_NAMES,   /* cores' run: a sequence of names */
};

struct config_choice {
    const char *name;
    int64_t value;
};

struct config_key {
    enum config_section section;
    const char *name;
    enum key_type type;
    const char *unit;     /* "", "ms", "s", "bytes", "percent" */
    uint64_t scale;       /* the stored value is the written one times this */
    int64_t min, max;     /* of the written value; for decimals in units of 1e-8 */
    const char *fallback; /* as it would be written; NULL: required */
    size_t offset, size;  /* in the section's struct */
    const struct config_choice *choices;
    const char *sentence;
    bool live; /* `config reload` applies a change of it; else it takes a restart */
};

extern const struct config_key config_keys[];
extern const unsigned config_key_count;

struct config_section_info {
    const char *name; /* NULL: the top level */
    bool list;
    size_t entry_size;
    const char *sentence;
};
extern const struct config_section_info config_sections[SECTIONS];

/* Of the values that the key takes, as a sentence behind another: " 1 to 60000 ms." */
void config_print_range(FILE *to, const struct config_key *k);

#endif

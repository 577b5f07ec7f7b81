/* The dictionary's text as lists in memory; build time only. See fix/dict/FIX44.txt for the form.
 *
 * Everything is static: the program runs once and ends. Any fault in the text ends it with the line's number,
 * so that a wrong dictionary is a build error.
 */
#ifndef RFQD_FIX_GEN_DICT_READ_H
#define RFQD_FIX_GEN_DICT_READ_H

#include <stdbool.h>

enum {
    FIELDS_MAX = 800,
    VALUES_MAX = 4000,
    NODES_MAX = 4000,
    BLOCKS_MAX = 160,
    NAME_SIZE = 72,
    TAG_LIMIT = 1024
};

struct value {
    char text[20], meaning[NAME_SIZE];
};

struct field {
    int tag;
    char name[NAME_SIZE], type[24];
    int first_value, value_count;
};

enum node_kind { NODE_FIELD, NODE_GROUP, NODE_COMPONENT };

/* A member of a block or of a group: a list by `next`, a group's members from `child`. */
struct node {
    enum node_kind kind;
    int what; /* field index, or block index of a component */
    bool required;
    int next, child; /* -1: none */
};

enum block_kind { BLOCK_HEADER, BLOCK_TRAILER, BLOCK_COMPONENT, BLOCK_MESSAGE };

struct block {
    enum block_kind kind;
    char name[NAME_SIZE], type[4];
    bool admin;
    int first; /* node */
};

struct dict {
    struct field fields[FIELDS_MAX];
    struct value values[VALUES_MAX];
    struct node nodes[NODES_MAX];
    struct block blocks[BLOCKS_MAX];
    int field_count, value_count, node_count, block_count;
    int by_tag[TAG_LIMIT]; /* field index, -1 */
};

extern struct dict dict;

void dict_read(const char *path);
int dict_block_of_kind(enum block_kind kind);
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

#endif

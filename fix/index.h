/* The pass over a message's bytes in one: SOHs, sum, fields and the tag index. Variants like those of the
 * scan, of which the best for the CPU is chosen once; a test proves them equal.
 */
#ifndef RFQD_FIX_INDEX_H
#define RFQD_FIX_INDEX_H

#include "fix/msg.h"

/* m->bytes and m->size are set. True: count, fields and index are done, and *sum is that of all bytes. False:
 * something is unusual (a data field, a field that is none, an end that is no field's): it is to be read
 * carefully. *sum is right all the same, but for more than FIX_FIELDS_MAX SOHs, where the pass stops:
 * m->count is then above FIX_FIELDS_MAX. */
typedef bool fix_index_function(struct fix_msg *m, uint32_t *sum);

extern fix_index_function *fix_index;

struct fix_index_variant {
    const char *name;
    fix_index_function *index;
    int (*usable)(void);
};
/* Best first, ends with a NULL name. */
extern const struct fix_index_variant fix_index_variants[];

/* By tag slot: the field states the length of a data field, which comes next and has this tag. */
extern const uint16_t fix_data_after[FIX_TAG_INDEX_SIZE];

#endif

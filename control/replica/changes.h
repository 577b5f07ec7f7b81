/* Changes: a buffer of rows to put and delete, in order, with the marks that they lead to. Grows as needed;
 * kept from one checkpoint to the next, so that in steady state nothing is allocated. Owner: the replica, and
 * the storage thread while it commits it (then both only read).
 */
#ifndef RFQD_CONTROL_REPLICA_CHANGES_H
#define RFQD_CONTROL_REPLICA_CHANGES_H

#include <stdbool.h>

#include "storage/store.h"

/* One row; the key follows, padded to 8, then the value, 8-byte aligned. */
struct change {
    uint32_t size; /* with key and value, a multiple of 8 */
    uint32_t value_size;
    uint8_t table; /* index of its name */
    uint8_t key_size;
    uint8_t is_delete;
    uint8_t reserved[5];
};

struct changes {
    char *bytes;
    size_t size, capacity;
    uint64_t cleared; /* how often: who looks again later knows whether it is still the same */
    struct store_marks marks;
};

static inline const char *change_key(const struct change *c)
{
    return (const char *)(c + 1);
}
static inline const char *change_value(const struct change *c)
{
    return change_key(c) + RECORD_ALIGN(c->key_size);
}

void changes_free(struct changes *c);
void changes_clear(struct changes *c);
/* Where to write the value (value_size bytes, zeroed up to 8 behind it). Out of memory stops the process:
 * rather that than a checkpoint that lacks a row. */
char *changes_put(struct changes *c, uint8_t table, const void *key, size_t key_size, size_t value_size);
void changes_delete(struct changes *c, uint8_t table, const void *key, size_t key_size);
/* for (x = changes_first(c); x; x = changes_after(c, x)) */
const struct change *changes_first(const struct changes *c);
const struct change *changes_after(const struct changes *c, const struct change *x);

#endif

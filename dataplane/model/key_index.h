/* Key index: from a key that is not the id (a ClOrdID, a symbol, a session) to the slots that may have it.
 * Transient: kept by apply, rebuilt at start. Owner: the state it belongs to.
 *
 * It holds (hash, slot); whether the entity in the slot has the key is the caller's to compare. Look-up:
 *
 *     uint32_t at = KEY_INDEX_START, slot;
 *     while ((slot = key_index_next(ix, hash, &at)) != SLOT_NONE) …
 *
 * Linear probing, at most half full, no tombstones. Memory is taken at create.
 */
#ifndef RFQD_MODEL_KEY_INDEX_H
#define RFQD_MODEL_KEY_INDEX_H

#include <stdint.h>

#include "dataplane/core/err.h"
#include "dataplane/model/entity.h"

#define KEY_INDEX_START UINT32_MAX

struct key_place {
    uint64_t hash;
    uint32_t slot;
    uint32_t used;
};

struct key_index {
    struct key_place *places;
    uint32_t mask;
    uint32_t count, capacity;
};

/* capacity: most keys at a time. ERR_MEMORY. */
enum err key_index_create(struct key_index *ix, uint32_t capacity) WARN_UNUSED;
void key_index_destroy(struct key_index *ix); /* zeroed ones are allowed */
void key_index_clear(struct key_index *ix);
/* The same pair is added once; room is the caller's to keep (both asserted where it is cheap). */
void key_index_add(struct key_index *ix, uint64_t hash, uint32_t slot);
/* The pair is there (asserted). */
void key_index_remove(struct key_index *ix, uint64_t hash, uint32_t slot);
/* The next slot under this hash, SLOT_NONE at the end. Nothing may be added or removed on the way. */
uint32_t key_index_next(const struct key_index *ix, uint64_t hash, uint32_t *at);

#endif

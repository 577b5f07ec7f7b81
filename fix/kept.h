/* Messages that came before their turn: kept by number, in memory that the caller gives, until what is
 * missing before them has come. Volatile on purpose: nothing of it is recorded, so after a crash the peer is
 * asked for them again.
 *
 * Bounded twice: FIX_KEPT_MAX numbers from the lowest kept to the highest, and the caller's bytes. Bytes come
 * back all at once, when nothing is kept any more: a gap closes soon, or its session is in trouble anyway.
 */
#ifndef RFQD_FIX_KEPT_H
#define RFQD_FIX_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/limits.h"

struct fix_kept {
    char *bytes; /* NULL: nothing is ever kept */
    uint32_t size, used;
    uint32_t count;
    uint64_t low, high; /* all kept are in [low, high]; meaningless while none is */
    struct fix_kept_slot {
        uint64_t seq; /* 0: free */
        uint32_t at, size;
    } slots[FIX_KEPT_MAX]; /* by seq modulo FIX_KEPT_MAX */
};

/* memory stays the caller's, for as long as `k` is used. */
void fix_kept_init(struct fix_kept *k, void *memory, size_t size);
void fix_kept_clear(struct fix_kept *k);
bool fix_kept_has(const struct fix_kept *k, uint64_t seq);
/* A copy is kept. False: there is no room. It is not kept yet. */
bool fix_kept_put(struct fix_kept *k, uint64_t seq, const char *bytes, size_t size);
/* The bytes lie where they are until the next put. NULL: not kept. */
const char *fix_kept_find(const struct fix_kept *k, uint64_t seq, size_t *size);
/* The lowest number kept that is not below `from`; 0: none. */
uint64_t fix_kept_from(const struct fix_kept *k, uint64_t from);
/* Forget all below `next`. */
void fix_kept_forget(struct fix_kept *k, uint64_t next);

#endif

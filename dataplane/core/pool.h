/* Pool: a fixed number of things of one size, named by index. Owner: one agent.
 *
 * Memory is taken at create, zeroed and populated. Indices are given 0, 1, 2, … and given back ones first,
 * last in first out: the same calls give the same indices everywhere, so an index may be written down and
 * replayed, and the thing used last is the one still in the cache. A thing taken again has the bytes it was
 * given back with.
 */
#ifndef RFQD_CORE_POOL_H
#define RFQD_CORE_POOL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"

#define POOL_NONE UINT32_MAX

struct pool {
    char *items;
    uint32_t *next; /* of a free index: the one below it in the list; of one in use: POOL_IN_USE */
    size_t item_size;
    uint32_t capacity;
    uint32_t used;
    uint32_t free;  /* given back last, or POOL_NONE */
    uint32_t fresh; /* never taken from here on */
};

#define POOL_IN_USE (UINT32_MAX - 1)

/* item_size is rounded up to 8 (to 64 from 64 on, so that things do not share lines). ERR_MEMORY. */
enum err pool_create(struct pool *p, uint32_t capacity, size_t item_size) WARN_UNUSED;
void pool_destroy(struct pool *p);
/* As after create, bytes of the things included. */
void pool_reset(struct pool *p);

static inline bool pool_is_used(const struct pool *p, uint32_t i)
{
    return i < p->fresh && p->next[i] == POOL_IN_USE;
}

/* The thing at an index in use. */
static inline void *pool_at(const struct pool *p, uint32_t i)
{
    assert(pool_is_used(p, i));
    return p->items + (size_t)i * p->item_size;
}

/* An index, or POOL_NONE when all are in use. */
static inline uint32_t pool_take(struct pool *p)
{
    uint32_t i = p->free;
    if (i != POOL_NONE)
        p->free = p->next[i];
    else if (p->fresh < p->capacity)
        i = p->fresh++;
    else
        return POOL_NONE;
    p->next[i] = POOL_IN_USE;
    p->used++;
    return i;
}

static inline void pool_give(struct pool *p, uint32_t i)
{
    assert(pool_is_used(p, i)); /* not given back twice */
    p->next[i] = p->free;
    p->free = i;
    p->used--;
}

/* The first index in use at or after i, or POOL_NONE: for (i = pool_next_used(p, 0); i != POOL_NONE; i =
 * pool_next_used(p, i + 1)). */
static inline uint32_t pool_next_used(const struct pool *p, uint32_t i)
{
    while (i < p->fresh && p->next[i] != POOL_IN_USE)
        i++;
    return i < p->fresh ? i : POOL_NONE;
}

#endif

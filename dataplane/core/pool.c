#include "dataplane/core/pool.h"

#include <string.h>

#include "dataplane/core/memory.h"

static size_t memory_size(const struct pool *p)
{
    return (size_t)p->capacity * (p->item_size + sizeof(uint32_t));
}

enum err pool_create(struct pool *p, uint32_t capacity, size_t item_size)
{
    assert(capacity > 0 && capacity < POOL_IN_USE && item_size > 0);
    size_t align = item_size >= 64 ? 64 : 8;
    *p = (struct pool){
        .item_size = (item_size + align - 1) & ~(align - 1), .capacity = capacity, .free = POOL_NONE};
    p->items = memory_take(memory_size(p));
    if (!p->items)
        return ERR_MEMORY;
    p->next = (uint32_t *)(p->items + (size_t)capacity * p->item_size);
    return OK;
}

void pool_destroy(struct pool *p)
{
    memory_give(p->items, memory_size(p));
    *p = (struct pool){.free = POOL_NONE};
}

void pool_reset(struct pool *p)
{
    memset(p->items, 0, (size_t)p->fresh * p->item_size);
    p->used = p->fresh = 0;
    p->free = POOL_NONE;
}

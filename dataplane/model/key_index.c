#include "dataplane/model/key_index.h"

#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/core/memory.h"

static size_t places_size(const struct key_index *ix)
{
    return ((size_t)ix->mask + 1) * sizeof *ix->places;
}

/* The caller's hash is mixed again: it may be a bare number. */
static uint32_t place_home(const struct key_index *ix, uint64_t hash)
{
    return (uint32_t)hash_u64(hash) & ix->mask;
}

enum err key_index_create(struct key_index *ix, uint32_t capacity)
{
    assert(capacity > 0 && capacity < 1u << 30);
    uint32_t places = 16;
    while (places < 2 * capacity)
        places *= 2;
    *ix = (struct key_index){.mask = places - 1, .capacity = capacity};
    ix->places = memory_take(places_size(ix));
    return ix->places ? OK : ERR_MEMORY;
}

void key_index_destroy(struct key_index *ix)
{
    if (ix->places)
        memory_give(ix->places, places_size(ix));
    *ix = (struct key_index){0};
}

void key_index_clear(struct key_index *ix)
{
    if (ix->count == 0) /* as when it was made: what is removed leaves nothing */
        return;
    memset(ix->places, 0, places_size(ix));
    ix->count = 0;
}

void key_index_add(struct key_index *ix, uint64_t hash, uint32_t slot)
{
    assert(ix->count < ix->capacity);
    uint32_t i = place_home(ix, hash);
    for (; ix->places[i].used; i = (i + 1) & ix->mask)
        assert(ix->places[i].hash != hash || ix->places[i].slot != slot);
    ix->places[i] = (struct key_place){.hash = hash, .slot = slot, .used = 1};
    ix->count++;
}

void key_index_remove(struct key_index *ix, uint64_t hash, uint32_t slot)
{
    uint32_t i = place_home(ix, hash);
    for (; !ix->places[i].used || ix->places[i].hash != hash || ix->places[i].slot != slot;
         i = (i + 1) & ix->mask)
        assert(ix->places[i].used);
    /* What follows moves up where it may stand nearer to its home. */
    for (uint32_t j = (i + 1) & ix->mask; ix->places[j].used; j = (j + 1) & ix->mask) {
        uint32_t home = place_home(ix, ix->places[j].hash);
        if (((j - home) & ix->mask) < ((j - i) & ix->mask))
            continue;
        ix->places[i] = ix->places[j];
        i = j;
    }
    ix->places[i] = (struct key_place){0};
    ix->count--;
}

uint32_t key_index_next(const struct key_index *ix, uint64_t hash, uint32_t *at)
{
    uint32_t i = *at == KEY_INDEX_START ? place_home(ix, hash) : (*at + 1) & ix->mask;
    for (; ix->places[i].used; i = (i + 1) & ix->mask)
        if (ix->places[i].hash == hash) {
            *at = i;
            return ix->places[i].slot;
        }
    *at = i;
    return SLOT_NONE;
}

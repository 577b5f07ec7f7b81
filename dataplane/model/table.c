/* Entities in slots of whole cache lines; beside them, by slot, what the table itself needs: the hash that
 * the digest counts for the slot, and whether it was touched since. The hash index (id, slot) is at
 * most half full; removal shifts back what probed past the hole, so there are no tombstones and a look-up's
 * cost never grows with age.
 */
#include "dataplane/model/table.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/core/memory.h"

#define SLOT_FREE   UINT32_MAX
#define CHANGES_MIN 1024u

struct place {
    uint64_t id; /* 0: free */
    uint32_t slot;
    uint32_t unused;
};

struct beside {
    uint64_t hash; /* of the durable part as the digest has it; 0: not counted */
    uint32_t next_free;
    uint8_t touched; /* and not settled since */
    uint8_t changed; /* in the list of changes */
    uint8_t unused[2];
};

/* Ids changed since the last clear: a list, and a set over it (index + 1 into the list). It grows, because
 * how much is changed between two clears has no bound; only a tracking table has it, and those are the
 * control core's. */
struct changes {
    uint64_t *ids;
    uint32_t *set;
    uint32_t count, capacity; /* the set has 2 × capacity places */
};

struct table {
    const char *name;
    char *entities;
    struct beside *beside;
    struct place *places;
    uint32_t *touched; /* slots not settled, each once */
    uint32_t capacity, count, used, free, touched_count;
    uint32_t entity_size, durable_size, stride;
    uint32_t place_mask;
    uint64_t digest;
    bool track;
    struct changes changes;
    void (*leaves)(void *ctx, const struct table *t, const void *entity);
    void *leaves_ctx;
};

/* ids are never 0: it is what a free place and a free slot have. */
static uint64_t entity_id(const void *entity)
{
    uint64_t id;
    memcpy(&id, entity, sizeof id);
    return id;
}

static char *entity_at(const struct table *t, uint32_t slot)
{
    return t->entities + (size_t)slot * t->stride;
}

/* Ids are made one after the other, so eight neighbours share a home of two cache lines: what one decision makes lies
 * together. Where the eights go is mixed, so that the runs of two epochs cannot pile up. */
static uint32_t place_home(const struct table *t, uint64_t id)
{
    return ((uint32_t)hash_u64(id >> 3) << 3 | (uint32_t)(id & 7)) & t->place_mask;
}

/* Create
 * ------------------------------------------------------------------------------------------------------- */

static bool changes_take(struct changes *c, uint32_t capacity)
{
    c->ids = memory_take((size_t)capacity * sizeof *c->ids);
    c->set = memory_take((size_t)capacity * 2 * sizeof *c->set);
    c->count = 0;
    c->capacity = capacity;
    return c->ids && c->set;
}

static void changes_give(struct changes *c)
{
    memory_give(c->ids, (size_t)c->capacity * sizeof *c->ids);
    memory_give(c->set, (size_t)c->capacity * 2 * sizeof *c->set);
}

static uint32_t power_of_two_above(uint32_t n)
{
    uint32_t p = 16;
    while (p < n)
        p *= 2;
    return p;
}

enum err table_create(struct table **out, const char *name, uint32_t capacity, uint32_t entity_size,
                      uint32_t durable_size, bool track)
{
    assert(capacity > 0 && capacity < 1u << 30);
    assert(durable_size >= sizeof(uint64_t) && durable_size <= entity_size);
    *out = NULL;
    struct table *t = memory_take(sizeof *t);
    if (!t)
        return ERR_MEMORY;
    t->name = name;
    t->capacity = capacity;
    t->entity_size = entity_size;
    t->durable_size = durable_size;
    t->stride = (entity_size + 63) & ~63u;
    t->free = SLOT_FREE;
    t->place_mask = power_of_two_above(2 * capacity) - 1;
    t->track = track;
    t->entities = memory_take((size_t)capacity * t->stride);
    t->beside = memory_take((size_t)capacity * sizeof *t->beside);
    t->places = memory_take(((size_t)t->place_mask + 1) * sizeof *t->places);
    t->touched = memory_take((size_t)capacity * sizeof *t->touched);
    bool had = t->entities && t->beside && t->places && t->touched;
    if (track)
        had = changes_take(&t->changes, CHANGES_MIN) && had;
    if (!had) {
        table_destroy(t);
        return ERR_MEMORY;
    }
    *out = t;
    return OK;
}

void table_destroy(struct table *t)
{
    if (!t)
        return;
    memory_give(t->entities, (size_t)t->capacity * t->stride);
    memory_give(t->beside, (size_t)t->capacity * sizeof *t->beside);
    memory_give(t->places, ((size_t)t->place_mask + 1) * sizeof *t->places);
    memory_give(t->touched, (size_t)t->capacity * sizeof *t->touched);
    if (t->track)
        changes_give(&t->changes);
    memory_give(t, sizeof *t);
}

const char *table_name(const struct table *t)
{
    return t->name;
}

uint32_t table_count(const struct table *t)
{
    return t->count;
}

uint32_t table_capacity(const struct table *t)
{
    return t->capacity;
}

uint32_t table_durable_size(const struct table *t)
{
    return t->durable_size;
}

uint32_t table_entity_size(const struct table *t)
{
    return t->entity_size;
}

bool table_is_tracked(const struct table *t)
{
    return t->track;
}

/* Changes
 * ------------------------------------------------------------------------------------------------------ */

/* The place of id in the set: where it is, or where it would be. */
static uint32_t *changes_place(const struct changes *c, uint64_t id)
{
    uint32_t mask = 2 * c->capacity - 1;
    uint32_t i = (uint32_t)hash_u64(id) & mask;
    while (c->set[i] && c->ids[c->set[i] - 1] != id)
        i = (i + 1) & mask;
    return &c->set[i];
}

static void changes_add(struct changes *c, uint64_t id);

static void changes_grow(struct changes *c)
{
    struct changes wider;
    bool had = changes_take(&wider, 2 * c->capacity);
    assert(had); /* the control core is out of memory: stop rather than lose a change */
    (void)had;
    for (uint32_t i = 0; i < c->count; i++)
        changes_add(&wider, c->ids[i]);
    changes_give(c);
    *c = wider;
}

static void changes_add(struct changes *c, uint64_t id)
{
    uint32_t *place = changes_place(c, id);
    if (*place)
        return;
    if (c->count == c->capacity) {
        changes_grow(c);
        place = changes_place(c, id);
    }
    c->ids[c->count++] = id;
    *place = c->count;
}

uint32_t table_changes(const struct table *t, const uint64_t **ids)
{
    assert(t->track);
    *ids = t->changes.ids;
    return t->changes.count;
}

void table_changes_clear(struct table *t)
{
    assert(t->track);
    struct changes *c = &t->changes;
    for (uint32_t i = 0; i < c->count; i++) {
        void *entity = table_get(t, c->ids[i]);
        if (entity)
            t->beside[table_slot(t, entity)].changed = 0;
    }
    memset(c->set, 0, (size_t)c->capacity * 2 * sizeof *c->set);
    c->count = 0;
}

/* Look-up and change
 * ------------------------------------------------------------------------------------------- */

void *table_get(const struct table *t, uint64_t id)
{
    if (id == 0)
        return NULL;
    for (uint32_t i = place_home(t, id); t->places[i].id; i = (i + 1) & t->place_mask)
        if (t->places[i].id == id)
            return entity_at(t, t->places[i].slot);
    return NULL;
}

void table_prefetch(const struct table *t, uint64_t id)
{
    __builtin_prefetch(&t->places[place_home(t, id)], 1);
}

void table_ask_ahead(const struct table *t, unsigned count)
{
    uint32_t slot = t->free, unused = t->used;
    for (unsigned i = 0; i < count; i++) {
        bool freed = slot != SLOT_FREE;
        uint32_t next = freed ? slot : unused++;
        if (next == t->capacity)
            return;
        memory_ask(entity_at(t, next), t->stride);
        memory_ask(&t->beside[next], sizeof *t->beside);
        if (freed)
            slot = t->beside[slot].next_free;
    }
}

void *table_insert(struct table *t, uint64_t id)
{
    assert(id != 0 && t->count < t->capacity);
    uint32_t slot = t->free;
    if (slot != SLOT_FREE)
        t->free = t->beside[slot].next_free;
    else
        slot = t->used++;
    uint32_t i = place_home(t, id);
    for (; t->places[i].id; i = (i + 1) & t->place_mask)
        assert(t->places[i].id != id);
    t->places[i].id = id;
    t->places[i].slot = slot;
    t->count++;
    char *entity = entity_at(t, slot);
    memset(entity, 0, t->stride);
    memcpy(entity, &id, sizeof id);
    table_touch(t, entity);
    return entity;
}

void table_touch(struct table *t, void *entity)
{
    uint32_t slot = table_slot(t, entity);
    struct beside *b = &t->beside[slot];
    if (!b->touched) {
        b->touched = 1;
        t->touched[t->touched_count++] = slot;
    }
    if (t->track && !b->changed) {
        b->changed = 1;
        changes_add(&t->changes, entity_id(entity));
    }
}

/* Take the place i out: what follows it moves up where it may stand nearer to its home. */
static void place_close(struct table *t, uint32_t i)
{
    for (uint32_t j = (i + 1) & t->place_mask; t->places[j].id; j = (j + 1) & t->place_mask) {
        uint32_t home = place_home(t, t->places[j].id);
        if (((j - home) & t->place_mask) < ((j - i) & t->place_mask))
            continue;
        t->places[i] = t->places[j];
        i = j;
    }
    t->places[i] = (struct place){0};
}

void table_on_remove(struct table *t, void (*leaves)(void *ctx, const struct table *t, const void *entity),
                     void *ctx)
{
    t->leaves = leaves;
    t->leaves_ctx = ctx;
}

void table_remove(struct table *t, void *entity)
{
    uint32_t slot = table_slot(t, entity);
    uint64_t id = entity_id(entity);
    if (t->leaves)
        t->leaves(t->leaves_ctx, t, entity);
    uint32_t i = place_home(t, id);
    while (t->places[i].id != id) {
        assert(t->places[i].id); /* not removed before */
        i = (i + 1) & t->place_mask;
    }
    place_close(t, i);
    struct beside *b = &t->beside[slot];
    if (t->track)
        changes_add(&t->changes, id);
    t->digest -= b->hash;
    b->hash = 0;
    b->changed = 0;
    b->next_free = t->free;
    t->free = slot;
    t->count--;
    memset(entity, 0, sizeof id); /* a free slot; if it is not settled yet, settle finds it so, or taken again */
}

void table_settle(struct table *t)
{
    for (uint32_t i = 0; i < t->touched_count; i++) {
        uint32_t slot = t->touched[i];
        struct beside *b = &t->beside[slot];
        const char *entity = entity_at(t, slot);
        b->touched = 0;
        if (entity_id(entity) == 0)
            continue;
        uint64_t hash = hash_bytes(entity, t->durable_size);
        t->digest += hash - b->hash;
        b->hash = hash;
    }
    t->touched_count = 0;
}

uint32_t table_unsettled(const struct table *t)
{
    return t->touched_count;
}

uint64_t table_digest(const struct table *t)
{
    return t->digest;
}

/* Slots
 * -------------------------------------------------------------------------------------------------------- */

uint32_t table_slot(const struct table *t, const void *entity)
{
    size_t offset = (size_t)((const char *)entity - t->entities);
    assert(offset < (size_t)t->used * t->stride && offset % t->stride == 0);
    return (uint32_t)(offset / t->stride);
}

void *table_at(const struct table *t, uint32_t slot)
{
    assert(slot < t->capacity);
    void *entity = entity_at(t, slot);
    return entity_id(entity) ? entity : NULL;
}

uint32_t table_slots(const struct table *t)
{
    return t->used;
}

#include "storage/verify_ended.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "storage/store_fail.h"
#include "storage/tables.h"

#define PLACES_MIN 1024u

struct watched {
    struct ended *ended;
    const struct state *state;
    struct table *table;
    size_t rfq_offset;
};

struct ended {
    struct ended_entity *places; /* a power of two of them, at most half full */
    size_t capacity, count;
    bool failed;
    struct watched watched[AGENTS_MAX * STATE_TABLES_MAX];
    unsigned watched_count;
};

static struct ended_entity *place_of(const struct ended *e, const char *table, uint64_t rfq, uint64_t id)
{
    uint64_t h = hash_fold(rfq ^ HASH_K1, id ^ HASH_K2) ^ hash_bytes(table, strlen(table));
    for (size_t i = h & (e->capacity - 1);; i = (i + 1) & (e->capacity - 1)) {
        struct ended_entity *p = &e->places[i];
        if (!p->table || (p->rfq == rfq && p->id == id && strcmp(p->table, table) == 0))
            return p;
    }
}

static bool grow(struct ended *e)
{
    struct ended wider = {.capacity = 2 * e->capacity};
    wider.places = calloc(wider.capacity, sizeof *wider.places);
    if (!wider.places)
        return false;
    for (size_t i = 0; i < e->capacity; i++)
        if (e->places[i].table)
            *place_of(&wider, e->places[i].table, e->places[i].rfq, e->places[i].id) = e->places[i];
    free(e->places);
    e->places = wider.places;
    e->capacity = wider.capacity;
    return true;
}

static void leaves(void *ctx, const struct table *t, const void *entity)
{
    const struct watched *w = ctx;
    struct ended *e = w->ended;
    uint64_t id, rfq;
    memcpy(&id, entity, sizeof id);
    memcpy(&rfq, (const char *)entity + w->rfq_offset, sizeof rfq);
    if (2 * (e->count + 1) > e->capacity && !grow(e)) {
        e->failed = true;
        return;
    }
    struct ended_entity *p = place_of(e, table_name(t), rfq, id);
    e->count += !p->table;
    *p = (struct ended_entity){table_name(t), rfq, id, hash_bytes(entity, table_durable_size(t)),
                               w->state->now_ns};
}

enum err ended_create(struct ended **out, struct state *const states[AGENTS_MAX])
{
    struct ended *e = *out = calloc(1, sizeof *e);
    if (e) {
        e->capacity = PLACES_MIN;
        e->places = calloc(e->capacity, sizeof *e->places);
    }
    if (!e || !e->places) {
        free(e);
        *out = NULL;
        return store_fail(ERR_MEMORY, "no memory for the entities that left memory");
    }
    for (unsigned a = 0; a < AGENTS_MAX; a++)
        for (unsigned i = 0; states[a] && i < states[a]->table_count; i++) {
            size_t rfq_offset;
            if (!table_has_ended(table_name(states[a]->tables[i]), &rfq_offset))
                continue;
            struct watched *w = &e->watched[e->watched_count++];
            *w = (struct watched){e, states[a], states[a]->tables[i], rfq_offset};
            table_on_remove(w->table, leaves, w);
        }
    return OK;
}

void ended_destroy(struct ended *e)
{
    if (!e)
        return;
    for (unsigned i = 0; i < e->watched_count; i++)
        table_on_remove(e->watched[i].table, NULL, NULL);
    free(e->places);
    free(e);
}

bool ended_failed(const struct ended *e)
{
    return e->failed;
}

const struct ended_entity *ended_next(const struct ended *e, const struct ended_entity *after)
{
    for (size_t i = after ? (size_t)(after - e->places) + 1 : 0; i < e->capacity; i++)
        if (e->places[i].table)
            return &e->places[i];
    return NULL;
}

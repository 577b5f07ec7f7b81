/* The quotes of an RFQ, the fills of an order: in pieces, as they were when the first was shown. What is in
 * memory then is copied: it may be in the store by the next piece. What the store has then stays as it is
 * until it is all forgotten, and what comes to it later is known by its id. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/view/inside.h"

struct piece {
    struct view_walk *walk;
    struct replica *replica;
    struct json *j;
    unsigned rows_left;
    size_t bytes_max;
};

struct view_walk_kind {
    const char *ended; /* table of the store */
    size_t size, durable_size;
    /* Some of what is in memory; all_copied once there is no more. NULL: all of it was copied at the begin.
     */
    enum err (*copy)(struct piece *p);
    bool by_id; /* copies and rows as one, by id; else copies come first */
    void (*show)(struct piece *p, const void *entity);
};

static uint64_t id_of(const void *entity)
{
    uint64_t id;
    memcpy(&id, entity, sizeof id);
    return id;
}

static const void *copy_at(const struct view_walk *w, uint32_t i)
{
    return (const char *)w->copies + i * w->kind->size;
}

static enum err keep(struct view_walk *w, const void *entity)
{
    if (w->count == w->capacity) {
        uint32_t capacity = w->capacity ? 2 * w->capacity : 64;
        void *wider = realloc(w->copies, capacity * w->kind->size);
        if (!wider)
            return ERR_MEMORY;
        w->copies = wider;
        w->capacity = capacity;
    }
    memcpy((char *)w->copies + w->count++ * w->kind->size, entity, w->kind->size);
    return OK;
}

/* Showing
 * -------------------------------------------------------------------------------------------------------- */

static bool is_full(const struct piece *p)
{
    return p->rows_left == 0 || p->j->used >= p->bytes_max || p->j->failed;
}

/* Shown by id, it may be in the store when that is looked at from there on. */
static void show_copy(struct piece *p)
{
    struct view_walk *w = p->walk;
    const void *copy = copy_at(w, w->shown++);
    if (w->kind->by_id)
        w->next_id = id_of(copy) + 1;
    w->kind->show(p, copy);
    p->rows_left--;
}

static void show_copies_below(struct piece *p, uint64_t id)
{
    const struct view_walk *w = p->walk;
    while (w->shown < w->count && id_of(copy_at(w, w->shown)) < id && !is_full(p))
        show_copy(p);
}

static bool is_copied(const struct view_walk *w, uint64_t id)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (id_of(copy_at(w, i)) == id)
            return true;
    return false;
}

static bool stored_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct piece *p = ctx;
    struct view_walk *w = p->walk;
    union {
        struct quote quote;
        struct fill fill;
    } entity;
    static_assert(sizeof entity >= sizeof(struct quote) && sizeof entity >= sizeof(struct fill), "any fits");
    if (key_size != ENDED_KEY_SIZE)
        return true;
    uint64_t id = store_from_be64((const char *)key + sizeof w->rfq);
    if (id >= w->end_id)
        return false;
    if (w->kind->by_id)
        show_copies_below(p, id);
    if (is_full(p)) {
        w->all_stored = false;
        return false;
    }
    /* By id, the copy that comes next is the only one that can be the same. */
    bool again = w->kind->by_id ? w->shown < w->count && id_of(copy_at(w, w->shown)) == id : is_copied(w, id);
    if (!again) {
        view_take_value(&entity, w->kind->durable_size, value, value_size);
        w->kind->show(p, &entity);
        p->rows_left--;
    } else if (w->kind->by_id) {
        show_copy(p);
    }
    w->next_id = id + 1;
    return true;
}

static enum err show_stored(struct piece *p)
{
    struct view_walk *w = p->walk;
    char from[ENDED_KEY_SIZE];
    pair_key(from, w->rfq, w->next_id);
    const struct replica_range range = {
        .table = w->kind->ended, .key = from, .key_size = sizeof from, .prefix_size = sizeof w->rfq};
    w->all_stored = true; /* unless it is stopped */
    return replica_scan(p->replica, &range, stored_row, p);
}

enum err view_walk(struct view_walk *w, struct replica *r, struct json *j, unsigned rows_max,
                   size_t bytes_max)
{
    struct piece p = {.walk = w, .replica = r, .j = j, .rows_left = rows_max, .bytes_max = bytes_max};
    enum err e = OK;
    if (!w->all_copied)
        e = w->kind->copy(&p);
    if (e == OK && w->all_copied && !w->kind->by_id)
        show_copies_below(&p, UINT64_MAX);
    if (e == OK && w->all_copied && !w->all_stored && !is_full(&p))
        e = show_stored(&p);
    if (e == OK && w->all_stored)
        show_copies_below(&p, UINT64_MAX);
    w->rows = rows_max - p.rows_left;
    w->more = !w->all_copied || !w->all_stored || w->shown < w->count;
    return e == OK && j->failed ? ERR_MEMORY : e;
}

void view_walk_end(struct view_walk *w)
{
    free(w->copies);
    memset(w, 0, sizeof *w);
}

/* Quotes: so few are in memory that they are copied at once
 * -------------------------------------------------------------------------------------------------------- */

static void show_quote(struct piece *p, const void *entity)
{
    view_quote(p->j, NULL, p->replica, &p->walk->as_it_was, entity);
}

static const struct view_walk_kind quotes = {.ended = "quotes" TABLE_ENDED,
                                             .size = sizeof(struct quote),
                                             .durable_size = offsetof(struct quote, transient),
                                             .show = show_quote};

static enum err copy_quotes(struct view_walk *w, const struct distribution_state *d,
                            const struct quote *first)
{
    enum err e = OK;
    for (const struct quote *q = first; q && e == OK; q = distribution_next_quote(d, q))
        e = keep(w, q);
    return e;
}

enum err view_walk_quotes(struct view_walk *w, struct replica *r, const struct view_rfq *v)
{
    const struct distribution_state *d = replica_config(r)->distribution;
    enum err e = OK;
    *w = (struct view_walk){.kind = &quotes,
                            .rfq = v->rfq->id,
                            .end_id = state_next_id(&d->base),
                            .as_it_was = *v->rfq,
                            .all_copied = true,
                            .more = true};
    if (!v->live)
        return OK;
    const struct quote *accepted = view_accepted_quote(r, v);
    if (accepted)
        e = keep(w, accepted);
    if (e == OK)
        e = copy_quotes(w, d, distribution_first_quote(d, v->rfq));
    if (e == OK)
        e = copy_quotes(w, d, distribution_first_ended_quote(d, v->rfq));
    assert(w->count <= VIEW_WALK_QUOTES);
    return e;
}

/* Fills: any number of them is in memory, the newest first
 * -------------------------------------------------------------------------------------------------------- */

static void show_fill(struct piece *p, const void *entity)
{
    const struct fill *f = entity;
    if (f->order == p->walk->order)
        view_fill(p->j, NULL, f);
}

/* Fills leave memory newest first, and the order last: where the one copied last has left, the first one now
 * is the next. */
static const struct fill *fill_to_copy(const struct view_walk *w, const struct routing_state *s)
{
    const struct order *o = routing_order(s, w->order);
    const struct fill *last = w->count ? table_get(s->fills, id_of(copy_at(w, w->count - 1))) : NULL;
    uint32_t slot = last ? last->next : o ? o->first_fill : SLOT_NONE;
    return slot == SLOT_NONE ? NULL : table_at(s->fills, slot);
}

static void turn_round(struct view_walk *w)
{
    struct fill *fills = w->copies;
    for (uint32_t i = 0; i < w->count / 2; i++) {
        struct fill other = fills[i];
        fills[i] = fills[w->count - 1 - i];
        fills[w->count - 1 - i] = other;
    }
    w->all_copied = true;
}

static enum err copy_fills(struct piece *p)
{
    struct view_walk *w = p->walk;
    enum err e = OK;
    for (; e == OK && p->rows_left > 0; p->rows_left--) {
        const struct fill *f = fill_to_copy(w, replica_config(p->replica)->routing);
        if (!f) {
            turn_round(w);
            return OK;
        }
        e = keep(w, f);
    }
    return e;
}

static const struct view_walk_kind fills = {.ended = "fills" TABLE_ENDED,
                                            .size = sizeof(struct fill),
                                            .durable_size = offsetof(struct fill, transient),
                                            .copy = copy_fills,
                                            .by_id = true,
                                            .show = show_fill};

/* The newest in memory is noted here: who begins to copy later begins with it all the same. */
enum err view_walk_fills(struct view_walk *w, struct replica *r, const struct view_order *v)
{
    const struct routing_state *s = replica_config(r)->routing;
    *w = (struct view_walk){.kind = &fills,
                            .rfq = v->order->rfq,
                            .order = v->order->id,
                            .end_id = state_next_id(&s->base),
                            .all_copied = !v->live || v->order->first_fill == SLOT_NONE,
                            .more = true};
    return w->all_copied ? OK : keep(w, table_at(s->fills, v->order->first_fill));
}

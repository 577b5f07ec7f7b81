/* Lists of what is in memory and what is in the store, as one, the newest first. */
#include <stdlib.h>
#include <string.h>

#include "control/view/inside.h"

/* How a kind of entity lies in memory and in the store. */
struct kind {
    const struct table *live;
    const char *ended;
    size_t rfq_at;
};

struct listing {
    struct view_list *list;
    const struct kind *kind;
    size_t size;                     /* of the durable part */
    const void *live[VIEW_PAGE_MAX]; /* those that could be in this page, the newest first */
    unsigned live_count, live_at;
    uint32_t rows;   /* of the store that were looked at; a dear one counts as VIEW_PASSED_PER_ROW */
    uint32_t passed; /* slots of memory, likewise */
    bool full, out_of_memory;
    char *scratch;
};

static uint64_t number_at(const void *entity, size_t at)
{
    uint64_t n;
    memcpy(&n, (const char *)entity + at, sizeof n);
    return n;
}

static bool is_below(const struct kind *k, const void *entity, uint64_t rfq, uint64_t id)
{
    uint64_t own = number_at(entity, k->rfq_at);
    return own < rfq || (own == rfq && number_at(entity, 0) < id);
}

/* Kept in order by insertion: there are as many as a page has at most. What could not be in the page is not
 * asked about: so the newest, which are mostly in the highest slots, come first. */
static void collect_live(struct listing *g)
{
    struct view_list *l = g->list;
    g->passed = table_slots(g->kind->live);
    for (uint32_t i = g->passed; i-- > 0;) {
        const void *x = table_at(g->kind->live, i);
        if (!x || !is_below(g->kind, x, l->rfq, l->id))
            continue;
        const void *last = g->live_count == l->limit ? g->live[l->limit - 1] : NULL;
        if (last && is_below(g->kind, x, number_at(last, g->kind->rfq_at), number_at(last, 0)))
            continue;
        enum view_take take = l->wanted(l->ctx, x);
        g->passed += take == VIEW_SKIP_DEAR ? VIEW_PASSED_PER_ROW : 0;
        if (take != VIEW_TAKE)
            continue;
        uint64_t rfq = number_at(x, g->kind->rfq_at), id = number_at(x, 0);
        unsigned at = g->live_count < l->limit ? g->live_count++ : l->limit - 1;
        for (; at > 0 && is_below(g->kind, g->live[at - 1], rfq, id); at--)
            g->live[at] = g->live[at - 1];
        g->live[at] = x;
    }
}

static void add(struct listing *g, const void *entity)
{
    struct view_list *l = g->list;
    void *copy = calloc(1, table_entity_size(g->kind->live));
    if (!copy) {
        g->out_of_memory = true;
        return;
    }
    memcpy(copy, entity, g->size);
    l->entities[l->count++] = copy;
    l->rfq = number_at(entity, g->kind->rfq_at);
    l->id = number_at(entity, 0);
    g->full = l->count == l->limit;
}

static void add_live_above(struct listing *g, uint64_t rfq, uint64_t id)
{
    while (!g->full && !g->out_of_memory && g->live_at < g->live_count &&
           !is_below(g->kind, g->live[g->live_at], rfq, id))
        add(g, g->live[g->live_at++]);
}

static bool ended_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct listing *g = ctx;
    struct view_list *l = g->list;
    if (key_size != ENDED_KEY_SIZE)
        return true;
    uint64_t rfq = store_from_be64(key), id = store_from_be64((const char *)key + 8);
    add_live_above(g, rfq, id);
    if (g->full || g->out_of_memory)
        return false;
    view_take_value(g->scratch, g->size, value, value_size);
    enum view_take take = l->wanted(l->ctx, g->scratch);
    g->rows += take == VIEW_SKIP_DEAR ? VIEW_PASSED_PER_ROW : 1;
    if (take == VIEW_STOP)
        return false;
    if (take == VIEW_TAKE)
        add(g, g->scratch);
    if (g->rows >= VIEW_ROWS_MAX)
        g->full = true;
    if (g->full && l->count == 0) {
        l->rfq = rfq;
        l->id = id;
    }
    return !g->full && !g->out_of_memory;
}

static enum err list(struct replica *r, struct view_list *l, const struct kind *k)
{
    char below[ENDED_KEY_SIZE];
    l->count = 0;
    if (l->limit == 0 || l->limit > VIEW_PAGE_MAX)
        l->limit = VIEW_PAGE_MAX;
    struct listing g = {.list = l, .kind = k, .size = table_durable_size(k->live)};
    g.scratch = calloc(1, table_entity_size(k->live));
    if (!g.scratch)
        return ERR_MEMORY;
    collect_live(&g);
    pair_key(below, l->rfq, l->id);
    const struct replica_range range = {
        .table = k->ended, .key = below, .key_size = sizeof below, .down = true};
    enum err e = replica_scan(r, &range, ended_row, &g);
    if (e == OK && !g.full)
        add_live_above(&g, 0, 0);
    l->more = g.full;
    l->rows = 1 + l->count + (g.passed + g.rows) / VIEW_PASSED_PER_ROW;
    free(g.scratch);
    return g.out_of_memory ? ERR_MEMORY : e;
}

enum err view_list_rfqs(struct replica *r, struct view_list *l)
{
    const struct kind k = {replica_config(r)->distribution->rfqs, "rfqs" TABLE_ENDED,
                           offsetof(struct rfq, id)};
    return list(r, l, &k);
}

enum err view_list_orders(struct replica *r, struct view_list *l)
{
    const struct kind k = {replica_config(r)->routing->orders, "orders" TABLE_ENDED,
                           offsetof(struct order, rfq)};
    return list(r, l, &k);
}

void view_list_free(struct view_list *l)
{
    while (l->count > 0)
        free(l->entities[--l->count]);
}

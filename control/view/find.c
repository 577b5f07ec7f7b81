/* Where an RFQ or an order is: in memory, or in the store. */
#include <stdlib.h>
#include <string.h>

#include "control/view/inside.h"

/* One row by its key
 * -------------------------------------------------------------------------------------------------------- */

struct taken {
    void *to;
    size_t size;
    bool found;
};

void view_take_value(void *to, size_t size, const void *value, size_t value_size)
{
    size_t there = value_size > 1 ? value_size - 1 : 0; /* behind its version */
    memset(to, 0, size);
    memcpy(to, (const char *)value + 1, there < size ? there : size);
}

static bool take(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct taken *t = ctx;
    (void)key;
    (void)key_size;
    view_take_value(t->to, t->size, value, value_size);
    t->found = true;
    return false;
}

static enum err read_row(struct replica *r, const char *table, const void *key, size_t key_size, void *to,
                         size_t size)
{
    struct taken t = {.to = to, .size = size};
    const struct replica_range range = {
        .table = table, .key = key, .key_size = key_size, .prefix_size = key_size};
    enum err e = replica_scan(r, &range, take, &t);
    return e == OK && !t.found ? ERR_NOT_FOUND : e;
}

/* RFQs, orders
 * -------------------------------------------------------------------------------------------------------- */

const char *view_lp_code(struct replica *r, uint64_t lp)
{
    const struct lp *l = lp ? distribution_lp(replica_config(r)->distribution, lp) : NULL;
    return l ? l->code : "";
}

const char *view_taker_code(struct replica *r, uint64_t taker)
{
    const struct taker *t = taker ? distribution_taker(replica_config(r)->distribution, taker) : NULL;
    return t ? t->code : "";
}

static void name_taker(struct replica *r, uint64_t id, struct view_owner *o)
{
    const struct taker *t = distribution_taker(replica_config(r)->distribution, id);
    if (t)
        memcpy(o->taker, t->code, sizeof o->taker);
}

struct view_owner view_owner_of_rfq(struct replica *r, const struct rfq *rfq)
{
    struct view_owner o = {.rfq = rfq->id, .tenant = rfq->tenant};
    name_taker(r, rfq->taker, &o);
    return o;
}

enum err view_find_rfq(struct replica *r, uint64_t id, struct view_rfq *out)
{
    memset(out, 0, offsetof(struct view_rfq, ended));
    out->rfq = distribution_rfq(replica_config(r)->distribution, id);
    out->live = out->rfq != NULL;
    if (!out->live) {
        char key[ENDED_KEY_SIZE];
        pair_key(key, id, id);
        enum err e =
            read_row(r, "rfqs" TABLE_ENDED, key, sizeof key, &out->ended, offsetof(struct rfq, transient));
        if (e != OK)
            return e;
        out->rfq = &out->ended;
    }
    out->owner = view_owner_of_rfq(r, out->rfq);
    return OK;
}

static enum err find_ended_order(struct replica *r, uint64_t id, struct order *out)
{
    char key[ENDED_KEY_SIZE];
    uint64_t rfq;
    store_be64(key, id);
    enum err e = read_row(r, TABLE_ORDERS_RFQ, key, sizeof id, &rfq, sizeof rfq);
    if (e != OK)
        return e;
    pair_key(key, rfq, id);
    return read_row(r, "orders" TABLE_ENDED, key, sizeof key, out, offsetof(struct order, transient));
}

/* Its RFQ says whose it is. An order has no tenant of its own, and its taker may be another one's by now. */
static enum err owner_of_order(struct replica *r, const struct order *order, struct view_owner *out)
{
    struct view_rfq v;
    enum err e = view_find_rfq(r, order->rfq, &v);
    if (e == OK)
        *out = v.owner;
    return e;
}

enum err view_find_order(struct replica *r, uint64_t id, struct view_order *out)
{
    memset(out, 0, offsetof(struct view_order, ended));
    out->order = routing_order(replica_config(r)->routing, id);
    out->live = out->order != NULL;
    if (!out->live) {
        enum err e = find_ended_order(r, id, &out->ended);
        if (e != OK)
            return e;
        out->order = &out->ended;
    }
    return owner_of_order(r, out->order, &out->owner);
}

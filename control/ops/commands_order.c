/* RFQs and orders: those in memory from the replica's copies, an ended order from the store. */
#include <string.h>

#include "control/ops/commands.h"
#include "dataplane/engine/rfq/workflow.h"
#include "storage/tables.h"

static const char *side_text(uint8_t side)
{
    return side == SIDE_BUY ? "buy" : side == SIDE_SELL ? "sell" : "two_way";
}

static void rfq_object(struct ops_request *r, const struct rfq *q)
{
    const struct distribution_state *d = ops_copies(r)->distribution;
    const struct taker *t = distribution_taker(d, q->taker);
    const struct lp *winner = q->award_lp ? distribution_lp(d, q->award_lp) : NULL;
    json_open(r->out, NULL, '{');
    json_name(r->out, "rfq", 'R', q->id);
    json_chars(r->out, "request", q->request_id, sizeof q->request_id);
    json_chars(r->out, "taker", t ? t->code : "?", t ? sizeof t->code : 1);
    json_chars(r->out, "symbol", q->symbol, sizeof q->symbol);
    json_text(r->out, "side", side_text(q->side));
    json_decimal(r->out, "quantity", q->quantity);
    json_text(r->out, "state", rfq_state_name(q->state));
    json_text(r->out, "status", rfq_shown_name(q->shown));
    json_uint(r->out, "lps", q->deliveries);
    json_uint(r->out, "quotes", q->quotes);
    json_decimal(r->out, "best_bid", q->best_bid);
    json_decimal(r->out, "best_ask", q->best_ask);
    json_chars(r->out, "winner", winner ? winner->code : "", winner ? sizeof winner->code : 1);
    json_decimal(r->out, "price", q->award_price);
    json_decimal(r->out, "filled", q->filled_quantity);
    json_text(r->out, "reason", reason_name(q->reason));
    json_time(r->out, "created", q->created_ns);
    json_time(r->out, "deadline", q->deadline_ns);
    json_time(r->out, "ended", q->ended_ns);
    json_close(r->out, '}');
    json_line(r->out);
}

static bool rfq_row(struct ops_request *r, uint32_t at, const char *wanted)
{
    const struct table *t = ops_copies(r)->distribution->rfqs;
    if (at >= table_slots(t))
        return false;
    const struct rfq *q = table_at(t, at);
    if (q && (!*wanted || strcmp(rfq_state_name(q->state), wanted) == 0 ||
              strcmp(rfq_shown_name(q->shown), wanted) == 0))
        rfq_object(r, q);
    return true;
}

void ops_rfqs(struct ops_request *r)
{
    ops_rows(r, rfq_row);
}

static void order_object(struct ops_request *r, const struct order *o)
{
    const struct lp *l = distribution_lp(ops_copies(r)->distribution, o->lp);
    json_open(r->out, NULL, '{');
    json_name(r->out, "order", 'O', o->id);
    json_name(r->out, "rfq", 'R', o->rfq);
    json_chars(r->out, "cl_ord_id", o->cl_ord_id, sizeof o->cl_ord_id);
    json_chars(r->out, "lp", l ? l->code : "", l ? sizeof l->code : 1);
    json_chars(r->out, "symbol", o->symbol, sizeof o->symbol);
    json_text(r->out, "side", side_text(o->side));
    json_decimal(r->out, "quantity", o->quantity);
    json_decimal(r->out, "price", o->price);
    json_decimal(r->out, "filled", o->filled_quantity);
    json_text(r->out, "state", order_status_name(o->state));
    json_flag(r->out, "in_doubt", o->in_doubt);
    json_time(r->out, "created", o->created_ns);
    json_close(r->out, '}');
    json_line(r->out);
}

static bool order_row(struct ops_request *r, uint32_t at, const char *wanted)
{
    const struct table *t = ops_copies(r)->routing->orders;
    if (at >= table_slots(t))
        return false;
    const struct order *o = table_at(t, at);
    if (o && (!*wanted || strcmp(order_status_name(o->state), wanted) == 0))
        order_object(r, o);
    return true;
}

void ops_orders(struct ops_request *r)
{
    ops_rows(r, order_row);
}

/* One order
 * -----------------------------------------------------------------------------------------------------------
 */

static bool order_in_memory(struct ops_request *r, uint64_t id)
{
    const struct routing_state *s = ops_copies(r)->routing;
    const struct order *o = routing_order(s, id);
    if (!o)
        return false;
    ops_entity(r, "orders", o, "what", "order");
    for (uint32_t i = 0; i < table_slots(s->fills); i++) {
        const struct fill *f = table_at(s->fills, i);
        if (f && f->order == id)
            ops_entity(r, "fills", f, "what", "fill");
    }
    return true;
}

/* Rows of the store about one order that has left memory. */
struct stored {
    struct ops_request *request;
    uint64_t order, rfq;
    const char *table;
    size_t size; /* of the entity's durable part */
    unsigned found;
};

static int rfq_of_order(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct stored *s = ctx;
    if (key_size == sizeof s->order && store_from_be64(key) == s->order && value_size == 1 + sizeof s->rfq)
        memcpy(&s->rfq, (const char *)value + 1, sizeof s->rfq);
    return 1;
}

static int stored_entity(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct stored *s = ctx;
    uint64_t entity[sizeof(struct order) / sizeof(uint64_t)];
    if (key_size != ENDED_KEY_SIZE || store_from_be64(key) != s->rfq)
        return 1;
    if (value_size != 1 + s->size)
        return 0;
    memcpy(entity, (const char *)value + 1, s->size);
    bool is_order = strcmp(s->table, "orders") == 0;
    uint64_t order = is_order ? entity[0] : ((const struct fill *)(const void *)entity)->order;
    if (order == s->order) {
        ops_entity(s->request, s->table, entity, "what", is_order ? "order" : "fill");
        s->found++;
    }
    return 0;
}

static enum err order_in_store(struct ops_request *r, struct stored *s)
{
    struct store *store = node_store(r->config->node);
    char key[ENDED_KEY_SIZE];
    store_be64(key, s->order);
    enum err e = store->ops->scan(store, TABLE_ORDERS_RFQ, key, sizeof s->order, rfq_of_order, s);
    if (e || !s->rfq)
        return e;
    pair_key(key, s->rfq, 0);
    s->table = "orders";
    s->size = offsetof(struct order, transient);
    e = store->ops->scan(store, "orders" TABLE_ENDED, key, sizeof key, stored_entity, s);
    s->table = "fills";
    s->size = offsetof(struct fill, transient);
    return e ? e : store->ops->scan(store, "fills" TABLE_ENDED, key, sizeof key, stored_entity, s);
}

void ops_order(struct ops_request *r)
{
    static_assert(offsetof(struct fill, transient) <= sizeof(struct order), "room for either");
    const char *name = r->arguments[0];
    struct stored s = {.request = r, .order = name_parse('O', name, strlen(name))};
    if (!s.order) {
        ops_fail(r, "bad_id", "'%.40s' is no order's id: O and hexadecimal digits", name);
        return;
    }
    if (order_in_memory(r, s.order))
        return;
    enum err e = order_in_store(r, &s);
    if (e != OK)
        ops_fail(r, "store", "%s", *store_error() ? store_error() : err_text(e));
    else if (!s.found)
        ops_fail(r, "not_found", "there is no order %.40s", name);
}

void ops_alive(const struct node *n, unsigned *rfqs, unsigned *orders)
{
    const struct replica_config *c = replica_config(node_replica(n));
    *rfqs = *orders = 0;
    for (uint32_t i = 0; i < table_slots(c->distribution->rfqs); i++) {
        const struct rfq *q = table_at(c->distribution->rfqs, i);
        *rfqs += q && !workflow_is_end(q->state);
    }
    for (uint32_t i = 0; i < table_slots(c->routing->orders); i++) {
        const struct order *o = table_at(c->routing->orders, i);
        *orders += o && !order_is_final(o);
    }
}

/* RFQs and orders: those in memory from the replica's copies, an ended order from the store, on a thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ops/commands.h"
#include "dataplane/core/text.h"
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

/* Of the numbers from `from` to `to`, whose names have no gap. */
static bool is_name(const char *wanted, const char *(*name)(unsigned), unsigned from, unsigned to)
{
    for (unsigned v = from; v <= to; v++)
        if (strcmp(name(v), wanted) == 0)
            return true;
    return false;
}

static void add_names(struct text *t, const char *(*name)(unsigned), unsigned from, unsigned to)
{
    for (unsigned v = from; v <= to; v++) {
        text_add(t, v > from ? ", " : "");
        text_add(t, name(v));
    }
}

void ops_rfqs(struct ops_request *r)
{
    const char *wanted = r->argument_count ? r->arguments[0] : NULL;
    if (wanted && !is_name(wanted, rfq_state_name, RFQ_DRAFT, RFQ_ARCHIVED) &&
        !is_name(wanted, rfq_shown_name, SHOWN_PENDING, SHOWN_ARCHIVED)) {
        char names[OPS_TEXT_SIZE];
        struct text t = text_in(names, sizeof names);
        add_names(&t, rfq_state_name, RFQ_DRAFT, RFQ_ARCHIVED);
        text_add(&t, "; nor a status: ");
        add_names(&t, rfq_shown_name, SHOWN_PENDING, SHOWN_ARCHIVED);
        ops_fail(r, "usage", "'%.40s' is no state of an RFQ: %s", wanted, names);
        return;
    }
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
    const char *wanted = r->argument_count ? r->arguments[0] : NULL;
    if (wanted && !is_name(wanted, order_status_name, ORDER_AWAITING, ORDER_UNKNOWN)) {
        char names[OPS_TEXT_SIZE];
        struct text t = text_in(names, sizeof names);
        add_names(&t, order_status_name, ORDER_AWAITING, ORDER_UNKNOWN);
        ops_fail(r, "usage", "'%.40s' is no state of an order: %s", wanted, names);
        return;
    }
    ops_rows(r, order_row);
}

/* One order
 * -----------------------------------------------------------------------------------------------------------
 */

#define FILLS_PER_STEP 256u /* copied or shown on the control core; taken by one scan of the store */

/* In memory: the order and its fills as they were when they were first looked at, all copied before anything
 * is answered. Not in memory, or gone from there meanwhile: from the store, on a thread, a part a scan, so
 * that no scan waits for who is shown it. */
struct asked {
    uint64_t id;
    char name[ID_TEXT_SIZE];
    struct order order;
    char lp[ID_TEXT_SIZE], taker[ID_TEXT_SIZE], lp_session[ID_TEXT_SIZE], taker_session[ID_TEXT_SIZE];
    struct fill *fills; /* of memory the newest first, of the store the oldest */
    uint32_t count, capacity;
    bool all_copied, order_shown;

    /* the store's */
    uint64_t rfq, next_fill;
    bool is_found, is_part, out_of_memory;
};

static bool keep_fill(struct asked *x, const struct fill *f)
{
    if (x->count == x->capacity) {
        uint32_t capacity = x->capacity ? 2 * x->capacity : FILLS_PER_STEP;
        struct fill *wider = realloc(x->fills, capacity * sizeof *wider);
        if (!wider)
            return false;
        x->fills = wider;
        x->capacity = capacity;
    }
    x->fills[x->count++] = *f;
    return true;
}

/* Fills leave memory newest first: where the one copied last has left, the first one now is the next. */
static const struct fill *fill_to_copy(const struct asked *x, const struct order *o,
                                       const struct table *fills)
{
    const struct fill *last = x->count ? table_get(fills, x->fills[x->count - 1].id) : NULL;
    uint32_t slot = last ? last->next : o->first_fill;
    return slot == SLOT_NONE ? NULL : table_at(fills, slot);
}

static void order_out(struct ops_request *r, const struct asked *x)
{
    const struct ops_name names[] = {{"lp_name", x->lp},
                                     {"taker_name", x->taker},
                                     {"lp_session_name", x->lp_session},
                                     {"taker_session_name", x->taker_session},
                                     {NULL, NULL}};
    ops_entity(r, "orders", &x->order, "what", "order", names);
}

static void fill_out(struct ops_request *r, const struct fill *f)
{
    char id[ID_TEXT_SIZE];
    name_print('F', f->id, id);
    ops_entity(r, "fills", f, "what", "fill", (const struct ops_name[]){{"id_name", id}, {NULL, NULL}});
}

/* Of the replica. */
static void name_parties(struct ops_request *r, struct asked *x)
{
    const struct lp *l = distribution_lp(ops_copies(r)->distribution, x->order.lp);
    const struct taker *t = distribution_taker(ops_copies(r)->distribution, x->order.taker);
    memcpy(x->lp, l ? l->code : "", l ? sizeof l->code : 1);
    memcpy(x->taker, t ? t->code : "", t ? sizeof t->code : 1);
    if (x->order.lp_session != SESSION_NONE)
        ops_session_label(r, x->order.lp_session, x->lp_session);
    if (x->order.taker_session != SESSION_NONE)
        ops_session_label(r, x->order.taker_session, x->taker_session);
}

static void copy_fills(struct ops_request *r, struct asked *x, const struct order *o)
{
    if (!x->count) {
        x->order = *o;
        name_parties(r, x);
    }
    for (unsigned i = 0; i < FILLS_PER_STEP && !x->all_copied; i++) {
        const struct fill *f = fill_to_copy(x, o, ops_copies(r)->routing->fills);
        if (!f)
            x->all_copied = true;
        else if (!keep_fill(x, f))
            ops_fail(r, "memory", "no memory");
        if (r->code)
            return;
    }
}

static void order_read(struct ops_request *r);

static bool order_step(struct ops_request *r)
{
    struct asked *x = r->going;
    if (!x->all_copied) {
        const struct order *o = routing_order(ops_copies(r)->routing, x->id);
        if (o)
            copy_fills(r, x, o);
        else
            r->thread = order_read;
        return r->thread || r->code;
    }
    if (!x->order_shown)
        order_out(r, x);
    x->order_shown = true;
    for (unsigned i = 0; i < FILLS_PER_STEP && x->count > 0; i++)
        fill_out(r, &x->fills[--x->count]);
    return x->count == 0;
}

/* One order in the store
 * ---------------------------------------------------------------------------------------------- */

static int take_rfq_of(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct asked *x = ctx;
    if (key_size == sizeof x->id && store_from_be64(key) == x->id && value_size == 1 + sizeof x->rfq)
        memcpy(&x->rfq, (const char *)value + 1, sizeof x->rfq);
    return 1;
}

static int take_order(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct asked *x = ctx;
    x->is_found = key_size == ENDED_KEY_SIZE && store_from_be64(key) == x->rfq &&
                  store_from_be64((const char *)key + 8) == x->id &&
                  value_size == 1 + offsetof(struct order, transient);
    if (x->is_found)
        memcpy(&x->order, (const char *)value + 1, offsetof(struct order, transient));
    return 1;
}

static int take_fill(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct asked *x = ctx;
    struct fill f = {0};
    if (key_size != ENDED_KEY_SIZE || store_from_be64(key) != x->rfq)
        return 1;
    x->is_part = x->count == FILLS_PER_STEP;
    if (x->is_part)
        return 1;
    x->next_fill = store_from_be64((const char *)key + 8) + 1;
    if (value_size != 1 + offsetof(struct fill, transient))
        return 0;
    memcpy(&f, (const char *)value + 1, offsetof(struct fill, transient));
    x->out_of_memory = f.order == x->id && !keep_fill(x, &f);
    return x->out_of_memory;
}

static enum err scan_from(struct ops_request *r, const char *table, uint64_t id, store_visit *visit)
{
    struct asked *x = r->going;
    struct store *store = node_store(r->config->node);
    char key[ENDED_KEY_SIZE];
    pair_key(key, x->rfq, id);
    return store->ops->scan(store, table, key, sizeof key, visit, x);
}

static enum err fills_in_store(struct ops_request *r)
{
    struct asked *x = r->going;
    enum err e;
    do {
        x->is_part = false;
        x->count = 0;
        e = scan_from(r, "fills" TABLE_ENDED, x->next_fill, take_fill);
        for (uint32_t i = 0; i < x->count && !r->out->failed; i++)
            fill_out(r, &x->fills[i]);
    } while (e == OK && x->is_part && !r->out->failed);
    return x->out_of_memory ? ERR_MEMORY : e;
}

struct stored_name {
    char key[ENTITY_KEY_SIZE];
    size_t offset, size; /* of the name in the entity */
    char *out;
};

static int take_name(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    const struct stored_name *n = ctx;
    if (key_size == sizeof n->key && memcmp(key, n->key, key_size) == 0 &&
        value_size >= 1 + n->offset + n->size)
        memcpy(n->out, (const char *)value + 1 + n->offset, n->size);
    return 1;
}

/* Where it cannot be read the number has to do. */
static void stored_name(struct ops_request *r, const char *table, uint8_t agent, uint64_t id,
                        struct stored_name n)
{
    struct store *store = node_store(r->config->node);
    entity_key(n.key, agent, id);
    enum err e = store->ops->scan(store, table, n.key, sizeof n.key, take_name, &n);
    (void)e;
}

/* The replica's are not this thread's to look at. */
static void name_parties_of_store(struct ops_request *r, struct asked *x)
{
    const struct order *o = &x->order;
    struct stored_name lp = {.offset = offsetof(struct lp, code), .size = sizeof((struct lp *)0)->code};
    struct stored_name taker = {.offset = offsetof(struct taker, code),
                                .size = sizeof((struct taker *)0)->code};
    struct stored_name session = {.offset = offsetof(struct session, name),
                                  .size = sizeof((struct session *)0)->name};
    lp.out = x->lp;
    taker.out = x->taker;
    stored_name(r, "lps", AGENT_DISTRIBUTION, o->lp, lp);
    stored_name(r, "takers", AGENT_DISTRIBUTION, o->taker, taker);
    session.out = x->lp_session;
    if (o->lp_session != SESSION_NONE)
        stored_name(r, "sessions", AGENT_GATEWAY, (uint64_t)o->lp_session + 1, session);
    session.out = x->taker_session;
    if (o->taker_session != SESSION_NONE)
        stored_name(r, "sessions", AGENT_GATEWAY, (uint64_t)o->taker_session + 1, session);
}

static enum err order_in_store(struct ops_request *r)
{
    struct asked *x = r->going;
    struct store *store = node_store(r->config->node);
    char key[sizeof x->id];
    store_be64(key, x->id);
    enum err e = store->ops->scan(store, TABLE_ORDERS_RFQ, key, sizeof key, take_rfq_of, x);
    if (e || !x->rfq)
        return e;
    e = scan_from(r, "orders" TABLE_ENDED, x->id, take_order);
    if (e == OK && x->is_found) {
        name_parties_of_store(r, x);
        order_out(r, x);
    }
    return e == OK && x->is_found ? fills_in_store(r) : e;
}

/* On the thread. */
static void order_read(struct ops_request *r)
{
    struct asked *x = r->going;
    x->count = 0;
    enum err e = order_in_store(r);
    if (e != OK)
        ops_fail(r, "store", "%s", *store_error() ? store_error() : err_text(e));
    else if (!x->is_found)
        ops_fail(r, "not_found", "there is no order %s", x->name);
}

static void order_end(struct ops_request *r)
{
    struct asked *x = r->going;
    free(x->fills);
    free(x);
}

void ops_order(struct ops_request *r)
{
    const char *name = r->arguments[0];
    uint64_t id = name_parse('O', name, strlen(name));
    if (!id) {
        ops_fail(r, "bad_id", "'%.40s' is no order's id: O and hexadecimal digits", name);
        return;
    }
    struct asked *x = calloc(1, sizeof *x);
    if (!x) {
        ops_fail(r, "memory", "no memory");
        return;
    }
    x->id = id;
    snprintf(x->name, sizeof x->name, "%s", name);
    r->going = x;
    r->step = order_step;
    r->end = order_end;
}

/* Alive
 * -----------------------------------------------------------------------------------------------------------
 */

bool ops_count_alive(const struct node *n, struct ops_alive *a)
{
    const struct replica_config *c = replica_config(node_replica(n));
    const struct table *rfqs = c->distribution->rfqs, *orders = c->routing->orders;
    unsigned left = OPS_LOOKS_PER_STEP;
    for (; a->rfq_at < table_slots(rfqs) && left > 0; a->rfq_at++, left--) {
        const struct rfq *q = table_at(rfqs, a->rfq_at);
        a->rfqs += q && !workflow_is_end(q->state);
    }
    for (; a->order_at < table_slots(orders) && left > 0; a->order_at++, left--) {
        const struct order *o = table_at(orders, a->order_at);
        a->orders += o && !order_is_final(o);
    }
    return a->rfq_at >= table_slots(rfqs) && a->order_at >= table_slots(orders);
}

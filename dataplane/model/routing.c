/* Routing's state and its apply. One timer for each order: while it lives, the one for due_ns; once it is
 * final, the one that retires it. One for each LP's session that is in sync while orders are to be asked
 * about: the LP's orders stand in two lists, those of unknown fate and the others, and in each those to be
 * asked about first. Fills hang
 * on their order, newest first: their ids grow, so the list's order is the same in engine and replica,
 * whatever slots they have.
 */
#include "dataplane/model/routing.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/core/memory.h"
#include "dataplane/model/key_index.h"

static_assert(offsetof(struct order, transient) % 8 == 0, "hashed in whole words");

/* Those to be asked about, then the others. */
struct order_list {
    uint32_t first, last; /* slots */
};

/* Orders at one session's LP. */
struct at_lp {
    struct order_list lists[2]; /* AT_LP_UNKNOWN, AT_LP_KNOWN */
    uint32_t timer;             /* TIMER_STATUS_ASK */
};

struct routing_index {
    struct key_index by_cl_ord_id; /* the taker's session and ClOrdID, of orders that have one */
    struct key_index by_award;
    struct key_index by_exec_id; /* fills: order and the LP's ExecID */
    struct at_lp at_lp[SESSIONS_MAX];
};

static struct routing_state *routing_of(struct state *base)
{
    return (struct routing_state *)base;
}

/* Links, indexes, timers
 * ------------------------------------------------------------------------------------------ */

static uint64_t cl_ord_id_hash(uint32_t session, const char *cl_ord_id)
{
    return hash_bytes(cl_ord_id, ID_TEXT_SIZE) ^ hash_u64(session);
}

static uint64_t exec_id_hash(uint64_t order, const char *exec_id)
{
    return hash_bytes(exec_id, ID_TEXT_SIZE) ^ hash_u64(order);
}

static void index_order(struct routing_state *s, const struct order *o)
{
    uint32_t slot = table_slot(s->orders, o);
    if (o->cl_ord_id[0])
        key_index_add(&s->index->by_cl_ord_id, cl_ord_id_hash(o->taker_session, o->cl_ord_id), slot);
    if (o->award)
        key_index_add(&s->index->by_award, o->award, slot);
}

static void unindex_order(struct routing_state *s, const struct order *o)
{
    uint32_t slot = table_slot(s->orders, o);
    if (o->cl_ord_id[0])
        key_index_remove(&s->index->by_cl_ord_id, cl_ord_id_hash(o->taker_session, o->cl_ord_id), slot);
    if (o->award)
        key_index_remove(&s->index->by_award, o->award, slot);
}

/* Newest first. */
static void link_fill(struct routing_state *s, struct order *o, struct fill *f)
{
    uint32_t slot = table_slot(s->fills, f);
    f->next = o->first_fill;
    o->first_fill = slot;
    key_index_add(&s->index->by_exec_id, exec_id_hash(f->order, f->exec_id), slot);
}

static void arm(struct routing_state *s, struct order *o)
{
    struct timer_wheel *w = s->base.timers;
    if (!w)
        return;
    timer_cancel(w, o->timer);
    o->timer = TIMER_NONE;
    if (order_is_final(o))
        o->timer =
            timer_arm(w, o->updated_ns + routing_settings(s)->retire_after_ns, TIMER_ORDER_RETIRE, o->id);
    else if (o->due_ns)
        o->timer = timer_arm(w, o->due_ns, TIMER_ORDER_DUE, o->id);
}

/* Whatever changed: the timer is armed exactly while there is an order that can be asked about. */
static void arm_status_ask(struct routing_state *s, uint32_t session)
{
    struct timer_wheel *w = s->base.timers;
    if (!w)
        return;
    uint32_t *timer = &s->index->at_lp[session].timer;
    const struct routing_session *known = routing_session(s, session);
    bool is_due = known && known->state == SESSION_SYNCED && routing_order_to_ask(s, session);
    if (is_due && *timer == TIMER_NONE)
        *timer = timer_arm(w, s->base.now_ns, TIMER_STATUS_ASK, (uint64_t)session + 1);
    if (!is_due && *timer != TIMER_NONE) {
        timer_cancel(w, *timer);
        *timer = TIMER_NONE;
    }
}

static struct order_list *list_of(struct routing_state *s, const struct order *o, enum order_at_lp which)
{
    return &s->index->at_lp[o->lp_session].lists[which - AT_LP_UNKNOWN];
}

/* Counts of losses are compared as numbers that go round. */
static bool is_to_be_asked(const struct routing_state *s, const struct order *o)
{
    const struct routing_session *session = routing_session(s, o->lp_session);
    if (order_fate_is_unknown(o))
        return o->session_losses != routing_session_losses(s, o->lp_session);
    return session && (int32_t)(o->session_losses - session->renumbered) < 0;
}

static void unlist(struct routing_state *s, struct order *o)
{
    struct order_list *l = list_of(s, o, (enum order_at_lp)o->at_lp);
    struct order *prev = o->at_lp_prev == SLOT_NONE ? NULL : table_at(s->orders, o->at_lp_prev);
    struct order *next = o->at_lp_next == SLOT_NONE ? NULL : table_at(s->orders, o->at_lp_next);
    *(prev ? &prev->at_lp_next : &l->first) = o->at_lp_next;
    *(next ? &next->at_lp_prev : &l->last) = o->at_lp_prev;
    o->at_lp = NOT_AT_LP;
}

/* To the front, or to the end: so the first says whether there is one to be asked about. */
static void list(struct routing_state *s, struct order *o)
{
    o->at_lp = order_at_lp(o);
    struct order_list *l = list_of(s, o, (enum order_at_lp)o->at_lp);
    bool in_front = is_to_be_asked(s, o);
    uint32_t slot = table_slot(s->orders, o);
    o->at_lp_prev = in_front ? SLOT_NONE : l->last;
    o->at_lp_next = in_front ? l->first : SLOT_NONE;
    struct order *prev = o->at_lp_prev == SLOT_NONE ? NULL : table_at(s->orders, o->at_lp_prev);
    struct order *next = o->at_lp_next == SLOT_NONE ? NULL : table_at(s->orders, o->at_lp_next);
    *(prev ? &prev->at_lp_next : &l->first) = slot;
    *(next ? &next->at_lp_prev : &l->last) = slot;
}

/* Its state, its doubt or what it was last asked has changed. */
static void relist(struct routing_state *s, struct order *o)
{
    if (o->lp_session >= SESSIONS_MAX) /* it has no LP yet, or one that configuration gives no session */
        return;
    if (o->at_lp != NOT_AT_LP)
        unlist(s, o);
    if (order_is_at_lp(o))
        list(s, o);
    arm_status_ask(s, o->lp_session);
}

void routing_timer_taken(struct routing_state *s, const struct timer *t)
{
    if (t->kind == TIMER_STATUS_ASK) {
        s->index->at_lp[t->id - 1].timer = TIMER_NONE;
        return;
    }
    struct order *o = table_get(s->orders, t->id);
    assert(o && o->timer == t->handle); /* an order that leaves cancels its timer */
    o->timer = TIMER_NONE;
}

/* Apply: orders
 * --------------------------------------------------------------------------------------------------- */

static struct order *order_changing(struct routing_state *s, uint64_t id)
{
    struct order *o = table_get(s->orders, id);
    assert(o);
    table_touch(s->orders, o);
    return o;
}

static void apply_created(struct routing_state *s, const struct order_created *ev)
{
    struct order *o = table_insert(s->orders, ev->order);
    state_id_used(&s->base, ev->order);
    o->award = ev->award;
    o->rfq = ev->rfq;
    o->quote = ev->quote;
    o->lp = ev->lp;
    o->taker = ev->taker;
    o->created_ns = ev->head.time_ns;
    o->updated_ns = ev->head.time_ns;
    o->valid_until_ns = ev->valid_until_ns;
    o->quantity = ev->quantity;
    o->price = ev->price;
    o->taker_session = ev->taker_session;
    o->lp_session = ev->lp_session;
    o->taker_gateway = ev->taker_gateway;
    o->lp_gateway = ev->lp_gateway;
    o->side = ev->side;
    o->by_order = ev->by_order;
    o->state = (uint8_t)ev->state;
    memcpy(o->cl_ord_id, ev->cl_ord_id, sizeof o->cl_ord_id);
    memcpy(o->lp_quote_id, ev->lp_quote_id, sizeof o->lp_quote_id);
    memcpy(o->symbol, ev->symbol, sizeof o->symbol);
    o->timer = TIMER_NONE;
    o->first_fill = SLOT_NONE;
    index_order(s, o);
}

static void apply_released(struct routing_state *s, const struct order_released *ev)
{
    struct order *o = order_changing(s, ev->order);
    o->state = ORDER_SENT;
    o->released_ns = ev->head.time_ns;
    o->updated_ns = ev->head.time_ns;
    o->due_ns = ev->due_ns;
    o->attempts = ev->attempt;
    o->session_losses = ev->session_losses;
    arm(s, o);
    relist(s, o);
}

/* What the award said of an order that had waited for it. */
static void take_award(struct routing_state *s, struct order *o, const struct order_state *ev)
{
    assert(o->award == 0);
    unindex_order(s, o);
    o->award = ev->award;
    o->rfq = ev->rfq;
    o->quote = ev->quote;
    o->lp = ev->lp;
    o->taker = ev->taker;
    o->valid_until_ns = ev->valid_until_ns;
    o->quantity = ev->quantity;
    o->price = ev->price;
    o->lp_session = ev->lp_session;
    o->lp_gateway = ev->lp_gateway;
    memcpy(o->lp_quote_id, ev->lp_quote_id, sizeof o->lp_quote_id);
    index_order(s, o);
}

static void apply_state(struct routing_state *s, const struct order_state *ev)
{
    struct order *o = order_changing(s, ev->order);
    assert(!order_is_final(o));
    if (ev->award)
        take_award(s, o, ev);
    o->state = (uint8_t)ev->state;
    o->reason = ev->reason;
    o->in_doubt = ev->in_doubt;
    o->due_ns = ev->due_ns;
    o->cancel_asked = ev->cancel_asked;
    if (ev->cancel_asked != CANCEL_BY_TAKER)
        o->rfq_waits = 0;
    if (!ev->cancel_asked)
        memset(o->cancel_id, 0, sizeof o->cancel_id);
    if (ev->lp_order_id[0])
        memcpy(o->lp_order_id, ev->lp_order_id, sizeof o->lp_order_id);
    o->updated_ns = ev->head.time_ns;
    arm(s, o);
    relist(s, o);
}

static void apply_filled(struct routing_state *s, const struct order_filled *ev)
{
    struct order *o = order_changing(s, ev->order);
    assert(!order_is_final(o) && ev->filled_quantity <= o->quantity);
    struct fill *f = table_insert(s->fills, ev->fill);
    state_id_used(&s->base, ev->fill);
    f->order = ev->order;
    f->rfq = ev->rfq;
    f->quantity = ev->quantity;
    f->price = ev->price;
    f->time_ns = ev->head.time_ns;
    memcpy(f->exec_id, ev->exec_id, sizeof f->exec_id);
    link_fill(s, o, f);

    o->state = (uint8_t)ev->state;
    o->filled_quantity = ev->filled_quantity;
    o->value_low = ev->value_low;
    o->value_high = ev->value_high;
    o->last_price = ev->price;
    /* The LP has it; where executions are missing, only the LP's word that there are no more ends the doubt.
     */
    if (ev->state == ORDER_IS_FILLED || o->in_doubt != DOUBT_EXECUTIONS_MISSING) {
        o->in_doubt = DOUBT_NONE;
        if (!o->cancel_asked)
            o->due_ns = 0; /* acknowledged; else the cancel is still to be answered */
    }
    if (ev->lp_order_id[0])
        memcpy(o->lp_order_id, ev->lp_order_id, sizeof o->lp_order_id);
    o->updated_ns = ev->head.time_ns;
    arm(s, o);
    relist(s, o);
}

static void apply_status_asked(struct routing_state *s, const struct order_status_asked *ev)
{
    struct order *o = order_changing(s, ev->order);
    o->due_ns = ev->due_ns;
    o->session_losses = ev->session_losses;
    arm(s, o);
    relist(s, o);
}

static void apply_cancel_asked(struct routing_state *s, const struct order_cancel_asked *ev)
{
    struct order *o = order_changing(s, ev->order);
    o->cancel_asked = ev->asked_for;
    o->rfq_waits = ev->rfq_waits;
    memcpy(o->cancel_id, ev->cancel_id, sizeof o->cancel_id);
    if (ev->attempt == 0)
        return; /* remembered */
    o->cancel_attempts = ev->attempt;
    o->due_ns = ev->due_ns;
    arm(s, o);
}

static void apply_report(struct routing_state *s, const struct order_report *ev)
{
    struct order *o = table_get(s->orders, ev->order);
    if (!o) {
        state_id_used(&s->base, ev->order); /* of an order that was refused: it has a name and nothing more */
        return;
    }
    table_touch(s->orders, o);
    o->reports = ev->report;
}

static void remove_fill(struct routing_state *s, struct order *o)
{
    struct fill *f = table_at(s->fills, o->first_fill);
    o->first_fill = f->next;
    key_index_remove(&s->index->by_exec_id, exec_id_hash(f->order, f->exec_id), table_slot(s->fills, f));
    table_remove(s->fills, f);
}

/* Bounded: an order with more fills leaves in several steps. */
static void apply_retired(struct routing_state *s, const struct order_retired *ev)
{
    struct order *o = order_changing(s, ev->order);
    assert(order_is_final(o));
    for (unsigned i = 0; i < ORDER_RETIRE_FILLS_MAX && o->first_fill != SLOT_NONE; i++)
        remove_fill(s, o);
    if (o->first_fill != SLOT_NONE) {
        arm(s, o);
        return;
    }
    if (s->base.timers)
        timer_cancel(s->base.timers, o->timer);
    unindex_order(s, o);
    table_remove(s->orders, o);
}

/* Apply: the rest
 * ------------------------------------------------------------------------------------------------- */

static struct routing_session *session_changing(struct routing_state *s, uint32_t number)
{
    uint64_t id = (uint64_t)number + 1;
    struct routing_session *session = table_get(s->sessions, id);
    if (!session)
        session = table_insert(s->sessions, id);
    table_touch(s->sessions, session);
    return session;
}

static void apply_session(struct routing_state *s, const struct engine_session *ev)
{
    struct routing_session *session = session_changing(s, ev->head.session);
    if (ev->state == SESSION_DOWN && session->state != SESSION_DOWN)
        session->lost++; /* which makes each order of unknown fate there one to be asked about */
    session->state = ev->state;
    arm_status_ask(s, ev->head.session);
}

/* What is with the LP was released before its session last went down. */
static void apply_renumbered(struct routing_state *s, const struct routing_session_renumbered *ev)
{
    struct routing_session *session = session_changing(s, ev->head.session);
    if (!session->state)
        session->state = SESSION_DOWN;
    session->renumbered = (uint32_t)session->lost;
    arm_status_ask(s, ev->head.session);
}

static void apply_settings(struct routing_state *s, const struct settings_set *ev)
{
    struct settings_entity *settings = table_get(s->settings, 1);
    if (!settings)
        settings = table_insert(s->settings, 1);
    table_touch(s->settings, settings);
    settings->settings = ev->settings;
}

static void routing_apply(struct state *base, const struct record *r)
{
    struct routing_state *s = routing_of(base);
    switch (r->type) {
    case RECORD_ROUTING_STARTED:
        base->marks.epoch = ((const struct engine_started *)r)->epoch;
        base->marks.next_id = 1;
        break;
    case RECORD_ROUTING_SETTINGS_SET:
        apply_settings(s, (const void *)r);
        break;
    case RECORD_ROUTING_SESSION:
        apply_session(s, (const void *)r);
        break;
    case RECORD_ROUTING_SESSION_RENUMBERED:
        apply_renumbered(s, (const void *)r);
        break;
    case RECORD_ORDER_CREATED:
        apply_created(s, (const void *)r);
        break;
    case RECORD_ORDER_RELEASED:
        apply_released(s, (const void *)r);
        break;
    case RECORD_ORDER_STATE:
        apply_state(s, (const void *)r);
        break;
    case RECORD_ORDER_FILLED:
        apply_filled(s, (const void *)r);
        break;
    case RECORD_ORDER_REPORT:
        apply_report(s, (const void *)r);
        break;
    case RECORD_ORDER_CANCEL_ASKED:
        apply_cancel_asked(s, (const void *)r);
        break;
    case RECORD_ORDER_STATUS_ASKED:
        apply_status_asked(s, (const void *)r);
        break;
    case RECORD_ORDER_RETIRED:
        apply_retired(s, (const void *)r);
        break;
    case RECORD_ORDER_UPDATE: /* facts, and messages to others */
    case RECORD_ORDER_CANCEL_REFUSED:
    case RECORD_EXECUTION_BREAK:
    case RECORD_ROUTING_NOTED:
    case RECORD_ROUTING_DIGEST:
        break;
    default:
        assert(false && "a record of another writer");
    }
}

/* Rebuild
 * ----------------------------------------------------------------------------------------------------------
 */

static uint64_t fill_id_at(const struct routing_state *s, uint32_t slot)
{
    return ((const struct fill *)table_at(s->fills, slot))->id;
}

/* Two lists, each newest first, into one. */
static uint32_t merge_fills(struct routing_state *s, uint32_t a, uint32_t b)
{
    uint32_t first = SLOT_NONE, *end = &first;
    while (a != SLOT_NONE && b != SLOT_NONE) {
        uint32_t *newer = fill_id_at(s, a) > fill_id_at(s, b) ? &a : &b;
        *end = *newer;
        end = &((struct fill *)table_at(s->fills, *newer))->next;
        *newer = *end;
    }
    *end = a != SLOT_NONE ? a : b;
    return first;
}

/* Merge sort of a list: run i holds 2^i fills, as in counting with carries. */
static uint32_t sort_fills(struct routing_state *s, uint32_t first)
{
    uint32_t runs[32];
    memset(runs, 0xff, sizeof runs); /* SLOT_NONE */
    while (first != SLOT_NONE) {
        struct fill *f = table_at(s->fills, first);
        uint32_t run = first;
        first = f->next;
        f->next = SLOT_NONE;
        unsigned i = 0;
        for (; runs[i] != SLOT_NONE; i++) {
            run = merge_fills(s, runs[i], run);
            runs[i] = SLOT_NONE;
        }
        runs[i] = run;
    }
    for (unsigned i = 0; i < 32; i++)
        first = merge_fills(s, runs[i], first);
    return first;
}

static void forget_at_lp(struct routing_index *index)
{
    static const struct order_list empty = {SLOT_NONE, SLOT_NONE};
    for (uint32_t i = 0; i < SESSIONS_MAX; i++)
        index->at_lp[i] = (struct at_lp){{empty, empty}, TIMER_NONE};
}

static void routing_rebuild(struct state *base)
{
    struct routing_state *s = routing_of(base);
    forget_at_lp(s->index);
    key_index_clear(&s->index->by_cl_ord_id);
    key_index_clear(&s->index->by_award);
    key_index_clear(&s->index->by_exec_id);
    for (uint32_t slot = 0; slot < table_slots(s->orders); slot++) {
        struct order *o = table_at(s->orders, slot);
        if (!o)
            continue;
        o->first_fill = SLOT_NONE;
        o->timer = TIMER_NONE;
        o->at_lp = NOT_AT_LP;
        index_order(s, o);
        arm(s, o);
        relist(s, o);
    }
    for (uint32_t slot = 0; slot < table_slots(s->fills); slot++) {
        struct fill *f = table_at(s->fills, slot);
        if (f)
            link_fill(s, table_get(s->orders, f->order), f);
    }
    for (uint32_t slot = 0; slot < table_slots(s->orders); slot++) {
        struct order *o = table_at(s->orders, slot);
        if (o)
            o->first_fill = sort_fills(s, o->first_fill);
    }
}

/* Create
 * -----------------------------------------------------------------------------------------------------------
 */

static void routing_state_destroy(struct state *base)
{
    struct routing_state *s = routing_of(base);
    table_destroy(s->settings);
    table_destroy(s->sessions);
    table_destroy(s->orders);
    table_destroy(s->fills);
    if (s->base.timers)
        timer_wheel_destroy(s->base.timers);
    if (s->index) {
        key_index_destroy(&s->index->by_cl_ord_id);
        key_index_destroy(&s->index->by_award);
        key_index_destroy(&s->index->by_exec_id);
        memory_give(s->index, sizeof *s->index);
    }
    memory_give(s, sizeof *s);
}

static enum err make_table(struct routing_state *s, struct table **out, const char *name, uint32_t capacity,
                           size_t entity_size, size_t durable_size, bool track)
{
    enum err e = table_create(out, name, capacity, (uint32_t)entity_size, (uint32_t)durable_size, track);
    if (!e)
        s->base.tables[s->base.table_count++] = *out;
    return e;
}

static enum err make_tables(struct routing_state *s, const struct settings *c, bool track)
{
    enum err e = make_table(s, &s->settings, "routing_settings", 1, sizeof(struct settings_entity),
                            offsetof(struct settings_entity, transient), track);
    if (!e)
        e = make_table(s, &s->sessions, "routing_sessions", SESSIONS_MAX, sizeof(struct routing_session),
                       offsetof(struct routing_session, transient), track);
    if (!e)
        e = make_table(s, &s->orders, "orders", c->orders_max, sizeof(struct order),
                       offsetof(struct order, transient), track);
    if (!e)
        e = make_table(s, &s->fills, "fills", c->fills_max, sizeof(struct fill),
                       offsetof(struct fill, transient), track);
    return e;
}

static enum err make_indexes(struct routing_state *s, const struct settings *c)
{
    s->index = memory_take(sizeof *s->index);
    if (!s->index)
        return ERR_MEMORY;
    forget_at_lp(s->index);
    enum err e = key_index_create(&s->index->by_cl_ord_id, c->orders_max);
    if (!e)
        e = key_index_create(&s->index->by_award, c->orders_max);
    if (!e)
        e = key_index_create(&s->index->by_exec_id, c->fills_max);
    return e;
}

enum err routing_state_create(struct routing_state **out, const struct settings *capacities, bool with_timers,
                              bool track, uint64_t start_ns)
{
    *out = NULL;
    struct routing_state *s = memory_take(sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->base.agent = AGENT_ROUTING;
    s->base.apply = routing_apply;
    s->base.rebuild = routing_rebuild;
    s->base.destroy = routing_state_destroy;
    s->capacities = *capacities;
    enum err e = make_tables(s, capacities, track);
    if (!e)
        e = make_indexes(s, capacities);
    if (!e && with_timers)
        e = timer_wheel_create(&s->base.timers, capacities->orders_max + SESSIONS_MAX, start_ns);
    if (e) {
        routing_state_destroy(&s->base);
        return e;
    }
    *out = s;
    return OK;
}

/* Look-up
 * ----------------------------------------------------------------------------------------------------------
 */

const struct settings *routing_settings(const struct routing_state *s)
{
    const struct settings_entity *settings = table_get(s->settings, 1);
    return settings ? &settings->settings : &s->capacities;
}

const struct order *routing_order(const struct routing_state *s, uint64_t id)
{
    return table_get(s->orders, id);
}

const struct order *routing_order_by_cl_ord_id(const struct routing_state *s, uint32_t taker_session,
                                               const char *cl_ord_id)
{
    uint64_t hash = cl_ord_id_hash(taker_session, cl_ord_id);
    uint32_t at = KEY_INDEX_START, slot;
    while ((slot = key_index_next(&s->index->by_cl_ord_id, hash, &at)) != SLOT_NONE) {
        const struct order *o = table_at(s->orders, slot);
        if (o->taker_session == taker_session && memcmp(o->cl_ord_id, cl_ord_id, sizeof o->cl_ord_id) == 0)
            return o;
    }
    return NULL;
}

const struct order *routing_order_by_award(const struct routing_state *s, uint64_t award)
{
    uint32_t at = KEY_INDEX_START, slot = key_index_next(&s->index->by_award, award, &at);
    return slot == SLOT_NONE ? NULL : table_at(s->orders, slot);
}

const struct fill *routing_fill_by_exec_id(const struct routing_state *s, uint64_t order, const char *exec_id)
{
    uint64_t hash = exec_id_hash(order, exec_id);
    uint32_t at = KEY_INDEX_START, slot;
    while ((slot = key_index_next(&s->index->by_exec_id, hash, &at)) != SLOT_NONE) {
        const struct fill *f = table_at(s->fills, slot);
        if (f->order == order && memcmp(f->exec_id, exec_id, sizeof f->exec_id) == 0)
            return f;
    }
    return NULL;
}

uint32_t routing_session_losses(const struct routing_state *s, uint32_t session)
{
    const struct routing_session *known = routing_session(s, session);
    return known ? (uint32_t)known->lost : 0;
}

uint32_t routing_losses_to_ask(const struct routing_state *s, uint32_t session)
{
    const struct routing_session *known = routing_session(s, session);
    return (known ? known->renumbered : 0) - 1;
}

const struct order *routing_order_to_ask(const struct routing_state *s, uint32_t session)
{
    for (unsigned i = 0; i < 2; i++) {
        uint32_t first = s->index->at_lp[session].lists[i].first;
        const struct order *o = first == SLOT_NONE ? NULL : table_at(s->orders, first);
        if (o && is_to_be_asked(s, o))
            return o;
    }
    return NULL;
}

const struct routing_session *routing_session(const struct routing_state *s, uint32_t session)
{
    return table_get(s->sessions, (uint64_t)session + 1);
}

/* Executions of LPs (8): what the LP says of an order, against what we hold of it.
 *
 *   150      | never released | pending, sent | working, partly      | filled | cancelled, rejected
 *   ---------+----------------+---------------+----------------------+--------+--------------------
 *   0 new    | break          | working       | noted                | noted  | break
 *   F trade  | break          | filled²; of a known ExecID noted; beyond the order: break | break, ditto noted
 *   4 C      | break          | cancelled     | cancelled            | break  | noted
 *   8        | break          | rejected      | rejected, cancelled¹ | break  | noted
 *   6 A E    | break          | noted         | noted                | noted  | noted
 *   I status | break          | by 39: decide_status
 *   other    | break: bad execution
 *
 *   ¹ where something is filled
 *   ² at a price worse than the order's a break too: it is done, and whoever answers for it has to look
 *
 * Repetitions: a fill is known by its ExecID, whether it is flagged as one (PossResend) or not. Of the others
 * no ExecID is kept: said again they change nothing, and are noted; only an acknowledgement of an order that
 * has ended may mean that the LP holds what we think is gone. It is a break, unless it says itself that it
 * may be a repetition, and the LP has told us of that OrderID before.
 *
 * What is executed is what fills (F) say. An end (4, C, 8, or as a status) whose CumQty is above ours proves
 * that fills are missing: a break, and the order is neither ended nor sent elsewhere: it is in doubt, and
 * asked about again until fills and CumQty agree. That the LP does not know the order (103=5) takes nothing
 * of it back: it is noted.
 *
 * Of an order that has left memory a status is noted. A break is recorded and alarmed, and changes nothing:
 * an operator has to look. None is dropped: from another LP than the order's, or about no order of ours, is a
 * break too.
 */
#include <assert.h>

#include "dataplane/engine/routing/order.h"

static const struct command_execution *execution_of(const struct lane_item *item)
{
    return (const void *)&item->record;
}

static void add_break(struct emit *e, const struct lane_item *item, const struct order *o, enum reason reason)
{
    const struct command_execution *c = execution_of(item);
    struct execution_break *ev = emit_begin(e, RECORD_EXECUTION_BREAK, sizeof *ev);
    ev->head.session = item->record.session;
    ev->order = o ? o->id : 0;
    ev->rfq = o ? o->rfq : 0;
    ev->quantity = c->last_quantity;
    ev->price = c->last_price;
    ev->reason = reason;
    ev->exec_type = c->exec_type;
    ev->ord_status = c->ord_status;
    memcpy(ev->cl_ord_id, c->cl_ord_id, sizeof ev->cl_ord_id);
    memcpy(ev->exec_id, c->exec_id, sizeof ev->exec_id);
    memcpy(ev->lp_order_id, c->lp_order_id, sizeof ev->lp_order_id);
    emit_end(e, ev);
}

/* The LP has it, and says no more than that: nothing of executions that are missing. That it only says so
 * because it was asked (a status) is no reason to wait for it without end: what is still open when the
 * acknowledgement would have been due is cancelled. */
static void acknowledged(struct emit *e, const struct order *o, const struct command_execution *c)
{
    bool is_missing = o->in_doubt == DOUBT_EXECUTIONS_MISSING;
    struct order_state *ev = order_state_begin(e, o, ORDER_WORKING, REASON_NONE);
    ev->in_doubt = is_missing ? o->in_doubt : DOUBT_NONE;
    if (!is_missing && !o->cancel_asked && c->exec_type != 'I')
        ev->due_ns = 0;
    else if (o->cancel_asked && !o->in_doubt)
        ev->due_ns = e->now_ns + routing_settings(routing_of(e))->order_cancel_retry_ns;
    memcpy(ev->lp_order_id, c->lp_order_id, sizeof ev->lp_order_id);
    emit_end(e, ev);
    order_report(e, o, '0', NULL, NULL);
    order_update(e, o);
}

static bool is_said_before(const struct order *o, const struct command_execution *c)
{
    return c->poss_resend && o->lp_order_id[0] &&
           memcmp(o->lp_order_id, c->lp_order_id, sizeof o->lp_order_id) == 0;
}

/* The LP states more than its fills add up to. None is made up from that: the order waits for them. */
static void executions_missing(struct emit *e, const struct lane_item *item, const struct order *o)
{
    add_break(e, item, o, REASON_EXECUTIONS_MISSING);
    if (order_is_final(o) || o->in_doubt == DOUBT_EXECUTIONS_MISSING)
        return;
    enum order_status state = o->state == ORDER_PENDING ? ORDER_SENT : (enum order_status)o->state;
    struct order_state *ev = order_state_begin(e, o, state, (enum reason)o->reason);
    ev->in_doubt = DOUBT_EXECUTIONS_MISSING;
    ev->due_ns = e->now_ns + routing_settings(routing_of(e))->order_cancel_retry_ns;
    emit_end(e, ev);
    order_update(e, o);
}

static void decide_new(struct emit *e, const struct lane_item *item, const struct order *o)
{
    if (order_is_final(o) && is_said_before(o, execution_of(item)))
        routing_note(e, item, o, REASON_REPEATED, "final before");
    else if (o->state == ORDER_CANCELLED || o->state == ORDER_REJECTED)
        add_break(e, item, o, REASON_ORDER_FINAL);
    else if (o->state == ORDER_PENDING || o->state == ORDER_SENT)
        acknowledged(e, o, execution_of(item));
    else
        routing_note(e, item, o, REASON_REPEATED, "acknowledged before");
}

/* Σ price × quantity, exact: below 2^126, since the quantities add up to at most the order's. */
static void add_fill(struct emit *e, const struct order *o, const struct command_execution *c)
{
    unsigned __int128 value = (unsigned __int128)(uint64_t)o->value_high << 64 | o->value_low;
    value += (unsigned __int128)c->last_quantity * (unsigned __int128)c->last_price;
    struct order_filled *ev = emit_begin(e, RECORD_ORDER_FILLED, sizeof *ev);
    ev->order = o->id;
    ev->rfq = o->rfq;
    ev->fill = state_next_id(e->state);
    ev->lp = o->lp;
    ev->quantity = c->last_quantity;
    ev->price = c->last_price;
    ev->filled_quantity = o->filled_quantity + c->last_quantity;
    ev->value_low = (uint64_t)value;
    ev->value_high = (int64_t)(value >> 64);
    ev->state = ev->filled_quantity == o->quantity ? ORDER_IS_FILLED : ORDER_PARTLY_FILLED;
    memcpy(ev->exec_id, c->exec_id, sizeof ev->exec_id);
    memcpy(ev->lp_order_id, c->lp_order_id, sizeof ev->lp_order_id);
    emit_end(e, ev);
}

static void filled(struct emit *e, const struct order *o, const struct command_execution *c)
{
    add_fill(e, o, c);
    order_report(e, o, 'F', &(struct fill_report){c->last_quantity, c->last_price}, NULL);
    if (o->state == ORDER_IS_FILLED && o->cancel_asked == CANCEL_BY_TAKER)
        order_refuse_open_cancel(e, o, 0, REASON_ORDER_FINAL, "the order was filled first");
    order_update(e, o);
}

static bool is_worse(const struct order *o, int64_t price)
{
    return o->side == SIDE_BUY ? price > o->price : price < o->price;
}

static void decide_fill(struct emit *e, const struct lane_item *item, const struct order *o)
{
    const struct command_execution *c = execution_of(item);
    const struct routing_state *s = routing_of(e);
    if (!c->has_last || c->last_quantity <= 0 || c->last_price <= 0 || !c->exec_id[0])
        add_break(e, item, o, REASON_BAD_EXECUTION);
    else if (routing_fill_by_exec_id(s, o->id, c->exec_id))
        routing_note(e, item, o, REASON_DUPLICATE_EXECUTION, "");
    else if (o->state == ORDER_CANCELLED || o->state == ORDER_REJECTED)
        add_break(e, item, o, REASON_ORDER_FINAL);
    else if (c->last_quantity > o->quantity - o->filled_quantity)
        add_break(e, item, o, REASON_BEYOND_ORDER);
    else if (table_count(s->fills) == table_capacity(s->fills))
        add_break(e, item, o, REASON_LIMIT);
    else {
        if (is_worse(o, c->last_price))
            add_break(e, item, o, REASON_WORSE_PRICE);
        filled(e, o, c);
    }
}

/* OrdRejReason (103), of a status request for an order that the LP does not have. */
enum { REJECT_UNKNOWN_ORDER = 5 };

/* Cancelled, expired or rejected at the LP, with or without fills before. */
static void decide_ended(struct emit *e, const struct lane_item *item, const struct order *o, bool rejected)
{
    const struct command_execution *c = execution_of(item);
    bool is_unknown = rejected && c->reject_reason == REJECT_UNKNOWN_ORDER;
    if (o->state == ORDER_IS_FILLED)
        add_break(e, item, o, REASON_ORDER_FINAL);
    else if (order_is_final(o))
        routing_note(e, item, o, REASON_REPEATED, "final before");
    else if (c->filled_quantity > o->filled_quantity)
        executions_missing(e, item, o);
    else if (is_unknown && o->in_doubt == DOUBT_EXECUTIONS_MISSING)
        routing_note(e, item, o, REASON_UNKNOWN_ORDER, c->text);
    else if (is_unknown && o->filled_quantity == 0)
        order_end_unknown(e, o, c->text);
    else if (rejected)
        order_end(e, o, o->filled_quantity ? ORDER_CANCELLED : ORDER_REJECTED, REASON_LP_REJECTED_ORDER,
                  c->lp_order_id, c->text);
    else if (o->cancel_asked >= CANCEL_BY_TAKER)
        order_end(e, o, ORDER_CANCELLED, REASON_TAKER_REQUEST, c->lp_order_id, c->text);
    else /* by our timeout, or by the LP of its own accord */
        order_end(e, o, ORDER_CANCELLED, o->cancel_asked ? REASON_TIMEOUT : REASON_LP_DEFAULT, c->lp_order_id,
                  c->text);
}

/* The LP's word that there are no more executions than we have: the doubt is over, the order goes on. */
static void found_complete(struct emit *e, const struct order *o)
{
    bool is_new = o->state == ORDER_SENT;
    struct order_state *ev =
        order_state_begin(e, o, is_new ? ORDER_WORKING : (enum order_status)o->state, REASON_NONE);
    ev->in_doubt = DOUBT_NONE;
    ev->due_ns = o->cancel_asked ? e->now_ns + routing_settings(routing_of(e))->order_cancel_retry_ns : 0;
    emit_end(e, ev);
    if (is_new)
        order_report(e, o, '0', NULL, NULL);
    order_update(e, o);
}

/* The answer to a status request. It carries no fill of its own. With the CumQty that our fills add up to it
 * settles the order; more: fills are missing; less, or an end that ours does not agree with: a break. */
static void decide_status(struct emit *e, const struct lane_item *item, const struct order *o)
{
    const struct command_execution *c = execution_of(item);
    bool is_missing = o->in_doubt == DOUBT_EXECUTIONS_MISSING;
    if (c->poss_resend && (is_missing || c->filled_quantity < o->filled_quantity)) {
        routing_note(e, item, o, REASON_REPEATED, "a status that may be from before");
        return;
    }
    if (c->filled_quantity > o->filled_quantity) {
        executions_missing(e, item, o);
        return;
    }
    if (c->filled_quantity < o->filled_quantity) {
        add_break(e, item, o, REASON_BAD_EXECUTION);
        return;
    }
    switch (c->ord_status) {
    case '0':
    case '1':
        if (is_missing)
            found_complete(e, o);
        else
            decide_new(e, item, o);
        break;
    case '2':
        if (o->state == ORDER_IS_FILLED)
            routing_note(e, item, o, REASON_REPEATED, "final before");
        else
            add_break(e, item, o, REASON_BAD_EXECUTION);
        break;
    case '4':
    case 'C':
        decide_ended(e, item, o, false);
        break;
    case '8':
        decide_ended(e, item, o, true);
        break;
    default:
        routing_note(e, item, o, REASON_REPEATED, "status");
    }
}

static void decide_by_type(struct emit *e, const struct lane_item *item, const struct order *o)
{
    switch (execution_of(item)->exec_type) {
    case '0':
        decide_new(e, item, o);
        break;
    case 'F':
        decide_fill(e, item, o);
        break;
    case '4':
    case 'C':
        decide_ended(e, item, o, false);
        break;
    case '8':
        decide_ended(e, item, o, true);
        break;
    case 'I':
        decide_status(e, item, o);
        break;
    case '6':
    case 'A':
    case 'E':
        routing_note(e, item, o, REASON_NONE, "pending at the LP");
        break;
    default:
        add_break(e, item, o, REASON_BAD_EXECUTION);
    }
}

/* The answer to a status request, or that its order is not known: no execution. */
static bool is_answer(const struct command_execution *c)
{
    return c->exec_type == 'I' || (c->exec_type == '8' && c->reject_reason == REJECT_UNKNOWN_ORDER);
}

void decide_execution(struct emit *e, const struct lane_item *item)
{
    const struct order *o = routing_order(routing_of(e), execution_of(item)->order);
    if (!o && is_answer(execution_of(item))) /* it was settled otherwise, and has left memory */
        routing_note(e, item, NULL, REASON_UNKNOWN_ORDER, "a status that comes late");
    else if (!o)
        add_break(e, item, NULL, REASON_UNKNOWN_ORDER);
    else if (!order_is_from_lp(o, item))
        add_break(e, item, o, REASON_WRONG_LP);
    else if (o->attempts == 0)
        add_break(e, item, o, REASON_BAD_EXECUTION); /* the LP cannot have it */
    else
        decide_by_type(e, item, o);
}

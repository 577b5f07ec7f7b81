/* Orders of takers (D). Taken are acceptances of a quote: the order asks distribution, which owns quotes, and
 * waits for its answer: RFQ_AWARDED (award.c) or ACCEPT_REFUSED. */
#include "dataplane/engine/routing/order.h"

/* OrdRejReason (103). */
enum {
    REJECT_EXCEEDS_LIMIT = 3,
    REJECT_DUPLICATE = 6,
    REJECT_CHARACTERISTIC = 11,
    REJECT_QUANTITY = 13,
    REJECT_OTHER = 99
};

struct refusal {
    enum reason reason;
    uint32_t reject_reason;
    const char *text;
};

/* An ExecutionReport about an order that there is not: it uses up an id, so that its ExecID and OrderID are
 * its own. */
static void refuse(struct emit *e, const struct lane_item *item, const struct refusal *why)
{
    const struct command_order *c = (const void *)&item->record;
    struct order_report *ev = emit_begin(e, RECORD_ORDER_REPORT, sizeof *ev);
    emit_to(ev, item->agent, LANE_ENGINE, item->record.session);
    ev->order = state_next_id(e->state);
    ev->out = (struct outbound){.ref = ev->order, .ref_kind = REF_ORDER, .must_reach = 1};
    ev->report = 1;
    ev->exec_type = '8';
    ev->ord_status = '8';
    ev->side = c->side;
    ev->quantity = c->quantity;
    ev->price = c->price;
    ev->reject_reason = why->reject_reason;
    ev->reason = why->reason;
    memcpy(ev->cl_ord_id, c->cl_ord_id, sizeof ev->cl_ord_id);
    memcpy(ev->symbol, c->symbol, sizeof ev->symbol);
    memcpy(ev->text, why->text, strnlen(why->text, TEXT_SIZE - 1));
    emit_end(e, ev);
}

static bool may_be_taken(const struct emit *e, const struct command_order *c, struct refusal *why)
{
    if (!c->quote_id[0] || c->ord_type != 'D')
        *why = (struct refusal){REASON_ORDER_TYPE, REJECT_CHARACTERISTIC,
                                "only previously quoted orders with QuoteID are accepted"};
    else if (c->quantity <= 0)
        *why = (struct refusal){REASON_WRONG_QUANTITY, REJECT_QUANTITY, "quantity is not positive"};
    else if (e->scarce)
        *why = (struct refusal){REASON_BUSY, REJECT_OTHER, e->scarce};
    else if (!order_has_room(e))
        *why = (struct refusal){REASON_LIMIT, REJECT_EXCEEDS_LIMIT,
                                "too many orders in memory: try again later"};
    else
        return true;
    return false;
}

static void create(struct emit *e, const struct lane_item *item)
{
    const struct command_order *c = (const void *)&item->record;
    struct order_created *ev = emit_begin(e, RECORD_ORDER_CREATED, sizeof *ev);
    emit_to(ev, AGENT_DISTRIBUTION, LANE_ENGINE, SESSION_NONE);
    ev->order = state_next_id(e->state);
    ev->quote = name_parse('Q', c->quote_id, strnlen(c->quote_id, sizeof c->quote_id));
    ev->quantity = c->quantity;
    ev->price = c->price;
    ev->taker_session = item->record.session;
    ev->taker_gateway = item->agent;
    ev->lp_session = SESSION_NONE;
    ev->side = (uint8_t)c->side;
    ev->by_order = 1;
    ev->state = ORDER_AWAITING;
    memcpy(ev->cl_ord_id, c->cl_ord_id, sizeof ev->cl_ord_id);
    memcpy(ev->quote_id, c->quote_id, sizeof ev->quote_id);
    memcpy(ev->symbol, c->symbol, sizeof ev->symbol);
    emit_end(e, ev);
}

void decide_order(struct emit *e, const struct lane_item *item)
{
    const struct command_order *c = (const void *)&item->record;
    const struct order *known = routing_order_by_cl_ord_id(routing_of(e), item->record.session, c->cl_ord_id);
    struct refusal why;
    if (known && c->poss_resend)
        order_report(e, known, 'I', NULL, NULL);
    else if (known)
        refuse(e, item,
               &(struct refusal){REASON_DUPLICATE_CLORDID, REJECT_DUPLICATE, "ClOrdID was used before"});
    else if (may_be_taken(e, c, &why))
        create(e, item);
    else
        refuse(e, item, &why);
}

/* Distribution refused what an order asked of it. */
void decide_accept_refused(struct emit *e, const struct lane_item *item)
{
    const struct accept_refused *c = (const void *)&item->record;
    const struct order *o = routing_order(routing_of(e), c->order);
    if (!o || o->state != ORDER_AWAITING) {
        routing_note(e, item, o, REASON_UNKNOWN_ORDER, "no order waits for this answer");
        return;
    }
    order_end(e, o, ORDER_REJECTED, (enum reason)c->reason, NULL, c->text);
}

/* An award becomes an order at the LP that quoted: by the taker's D, whose order waits for it, or by an AJ,
 * for which the order is made here. */
#include "dataplane/engine/routing/order.h"

static void take_award(struct emit *e, const struct order *o, const struct rfq_awarded *c)
{
    struct order_state *ev = order_state_begin(e, o, ORDER_PENDING, REASON_NONE);
    ev->rfq = c->rfq;
    ev->award = c->award;
    ev->quote = c->quote;
    ev->lp = c->lp;
    ev->taker = c->taker;
    ev->valid_until_ns = c->valid_until_ns;
    ev->quantity = c->quantity;
    ev->price = c->price;
    ev->lp_session = c->lp_session;
    ev->lp_gateway = c->lp_gateway;
    memcpy(ev->lp_quote_id, c->lp_quote_id, sizeof ev->lp_quote_id);
    emit_end(e, ev);
}

static const struct order *create(struct emit *e, const struct rfq_awarded *c)
{
    struct order_created *ev = emit_begin(e, RECORD_ORDER_CREATED, sizeof *ev);
    uint64_t id = state_next_id(e->state);
    ev->order = id;
    ev->award = c->award;
    ev->rfq = c->rfq;
    ev->quote = c->quote;
    ev->lp = c->lp;
    ev->taker = c->taker;
    ev->valid_until_ns = c->valid_until_ns;
    ev->quantity = c->quantity;
    ev->price = c->price;
    ev->taker_session = c->taker_session;
    ev->lp_session = c->lp_session;
    ev->taker_gateway = c->taker_gateway;
    ev->lp_gateway = c->lp_gateway;
    ev->side = c->side;
    ev->state = ORDER_PENDING;
    memcpy(ev->cl_ord_id, c->cl_ord_id, sizeof ev->cl_ord_id);
    name_print('Q', c->quote, ev->quote_id);
    memcpy(ev->lp_quote_id, c->lp_quote_id, sizeof ev->lp_quote_id);
    memcpy(ev->symbol, c->symbol, sizeof ev->symbol);
    emit_end(e, ev);
    return routing_order(routing_of(e), id);
}

/* No order is made: the taker is told, and the award goes back, by no fault of the LP's. */
static void refuse(struct emit *e, const struct rfq_awarded *c, enum reason reason, const char *text)
{
    struct order_report *report = emit_begin(e, RECORD_ORDER_REPORT, sizeof *report);
    emit_to(report, c->taker_gateway, LANE_ENGINE, c->taker_session);
    uint64_t id = state_next_id(e->state);
    report->out = (struct outbound){.rfq = c->rfq, .ref = id, .ref_kind = REF_ORDER, .must_reach = 1};
    report->order = id;
    report->rfq = c->rfq;
    report->quote = c->quote;
    report->report = 1;
    report->exec_type = '8';
    report->ord_status = '8';
    report->side = (char)c->side;
    report->quantity = c->quantity;
    report->price = c->price;
    report->reject_reason =
        reason == REASON_DUPLICATE_CLORDID ? 6 : 3; /* 103: duplicate order, exceeds limit */
    report->reason = reason;
    if (c->cl_ord_id[0])
        memcpy(report->cl_ord_id, c->cl_ord_id, sizeof report->cl_ord_id);
    else
        name_print('O', id, report->cl_ord_id);
    memcpy(report->symbol, c->symbol, sizeof report->symbol);
    memcpy(report->text, text, strnlen(text, TEXT_SIZE - 1));
    emit_end(e, report);

    struct order_update *update = emit_begin(e, RECORD_ORDER_UPDATE, sizeof *update);
    emit_to(update, AGENT_DISTRIBUTION, LANE_ENGINE, SESSION_NONE);
    update->rfq = c->rfq;
    update->award = c->award;
    update->order = id;
    update->state = ORDER_REJECTED;
    update->reason = REASON_REFUSED_BY_CONTROLS;
    update->final = 1;
    emit_end(e, update);
}

/* The order that this award is for, pending; NULL: it was refused. */
static const struct order *pending_order(struct emit *e, const struct rfq_awarded *c)
{
    const struct routing_state *s = routing_of(e);
    const struct order *o = c->order ? routing_order(s, c->order) : NULL;
    if (o && o->state == ORDER_AWAITING) {
        take_award(e, o, c);
        return o;
    }
    if (c->cl_ord_id[0] && routing_order_by_cl_ord_id(s, c->taker_session, c->cl_ord_id)) {
        refuse(e, c, REASON_DUPLICATE_CLORDID, "ClOrdID was used before");
        return NULL;
    }
    if (!order_has_room(e)) {
        refuse(e, c, REASON_LIMIT, "too many orders in memory: try again later");
        return NULL;
    }
    return create(e, c);
}

void decide_award(struct emit *e, const struct lane_item *item)
{
    const struct rfq_awarded *c = (const void *)&item->record;
    if (routing_order_by_award(routing_of(e), c->award)) {
        routing_note(e, item, routing_order_by_award(routing_of(e), c->award), REASON_REPEATED,
                     "the award has its order");
        return;
    }
    const struct order *o = pending_order(e, c);
    if (!o)
        return;
    if (o->cancel_asked) {
        order_end(e, o, ORDER_CANCELLED, REASON_TAKER_REQUEST, NULL, NULL); /* while it waited */
    } else if (e->now_ns >= o->valid_until_ns) {
        order_end(e, o, ORDER_REJECTED, REASON_QUOTE_EXPIRED_IN_FLIGHT, NULL, NULL);
    } else {
        order_release(e, o);
        order_update(e, o);
    }
}

/* Cancels: the taker's (F), the RFQ's (from distribution), and the LP's refusal of one (9).
 *
 *   order    | F of the taker                      | RFQ_CANCEL_ORDER        | 9 of the LP
 *   ---------+-------------------------------------+-------------------------+------------------------------
 *   unknown  | refused 1                           | noted                   | noted
 *   final    | refused 0                           | noted                   | noted
 *   awaiting | remembered; answered with the award | (has no award)          | noted
 *   pending  | cancelled                           | cancelled               | noted
 *   at LP    | asked; refused 3 while one is open  | asked; behind one of the| 1: the LP has no such order:
 *            |                                     | taker's remembered;     | final¹. 3, 6: one is open:
 *            |                                     | noted while it is open  | noted. Else the taker, or
 *            |                                     |                         | distribution, is told², the
 *            |                                     |                         | order goes on
 *
 *   ¹ where nothing is executed, nor known to be missing; else as the others
 *   ² whose it was; and the RFQ's that waits behind the taker's is asked
 *
 * An F whose ClOrdID was used before is refused 6. A 9 to what we did not ask is noted.
 */
#include "dataplane/engine/routing/order.h"

/* CxlRejReason (102). */
enum { CANCEL_TOO_LATE = 0, CANCEL_UNKNOWN_ORDER = 1, CANCEL_ALREADY_PENDING = 3, CANCEL_DUPLICATE = 6 };

/* By the taker's ClOrdID, or by our name of an order that has none. */
static const struct order *taker_order(const struct emit *e, uint32_t session, const char *cl_ord_id)
{
    const struct routing_state *s = routing_of(e);
    const struct order *o = routing_order_by_cl_ord_id(s, session, cl_ord_id);
    if (o)
        return o;
    o = routing_order(s, name_parse('O', cl_ord_id, strnlen(cl_ord_id, ID_TEXT_SIZE)));
    return o && o->taker_session == session && !o->cl_ord_id[0] ? o : NULL;
}

static void refuse(struct emit *e, const struct lane_item *item, const struct order *o,
                   uint32_t cancel_reason, enum reason reason)
{
    const struct command_order_cancel *c = (const void *)&item->record;
    struct order_cancel_refused *ev = emit_begin(e, RECORD_ORDER_CANCEL_REFUSED, sizeof *ev);
    emit_to(ev, item->agent, LANE_ENGINE, item->record.session);
    ev->out.must_reach = 1;
    ev->ord_status = '8'; /* as FIX has it for an unknown order */
    if (o) {
        ev->out = (struct outbound){.rfq = o->rfq, .ref = o->id, .ref_kind = REF_ORDER, .must_reach = 1};
        ev->order = o->id;
        ev->rfq = o->rfq;
        ev->ord_status = order_ord_status(o);
    }
    ev->cancel_reason = cancel_reason;
    ev->reason = reason;
    memcpy(ev->cl_ord_id, c->cl_ord_id, sizeof ev->cl_ord_id);
    memcpy(ev->orig_cl_ord_id, c->orig_cl_ord_id, sizeof ev->orig_cl_ord_id);
    const char *text = reason_name(reason);
    memcpy(ev->text, text, strnlen(text, TEXT_SIZE - 1));
    emit_end(e, ev);
}

/* The wish, kept with an order that cannot be cancelled yet or is about to be; rfq_waits: the RFQ's, behind
 * that of the taker's which is open. */
static void remember(struct emit *e, const struct order *o, enum cancel_asked asked_for,
                     const char *cancel_id, bool rfq_waits)
{
    struct order_cancel_asked *ev = emit_begin(e, RECORD_ORDER_CANCEL_ASKED, sizeof *ev);
    ev->order = o->id;
    ev->rfq = o->rfq;
    ev->quantity = o->quantity;
    ev->side = o->side;
    ev->asked_for = (uint8_t)asked_for;
    ev->rfq_waits = rfq_waits;
    memcpy(ev->symbol, o->symbol, sizeof ev->symbol);
    memcpy(ev->cancel_id, cancel_id, sizeof ev->cancel_id);
    emit_end(e, ev);
}

void decide_cancel(struct emit *e, const struct lane_item *item)
{
    const struct command_order_cancel *c = (const void *)&item->record;
    const struct order *o = taker_order(e, item->record.session, c->orig_cl_ord_id);
    if (!o) {
        refuse(e, item, NULL, CANCEL_UNKNOWN_ORDER, REASON_UNKNOWN_ORDER);
    } else if (order_is_final(o)) {
        refuse(e, item, o, CANCEL_TOO_LATE, REASON_ORDER_FINAL);
    } else if (routing_order_by_cl_ord_id(routing_of(e), item->record.session, c->cl_ord_id)) {
        refuse(e, item, o, CANCEL_DUPLICATE, REASON_DUPLICATE_CLORDID);
    } else if (o->cancel_asked >= CANCEL_BY_TAKER) {
        refuse(e, item, o, CANCEL_ALREADY_PENDING, REASON_CANCEL_PENDING);
    } else if (o->state == ORDER_AWAITING) {
        remember(e, o, CANCEL_BY_TAKER, c->cl_ord_id, false);
    } else if (o->state == ORDER_PENDING) {
        remember(e, o, CANCEL_BY_TAKER, c->cl_ord_id, false);
        order_end(e, o, ORDER_CANCELLED, REASON_TAKER_REQUEST, NULL, NULL);
    } else {
        order_ask_cancel(e, o, CANCEL_BY_TAKER, c->cl_ord_id);
    }
}

void decide_rfq_cancel(struct emit *e, const struct lane_item *item)
{
    static const char no_id[ID_TEXT_SIZE];
    const struct rfq_cancel_order *c = (const void *)&item->record;
    const struct order *o = c->order ? routing_order(routing_of(e), c->order) : NULL;
    if (!o)
        o = routing_order_by_award(routing_of(e), c->award);
    if (!o) {
        routing_note(e, item, NULL, REASON_UNKNOWN_ORDER, "");
    } else if (order_is_final(o)) {
        routing_note(e, item, o, REASON_ORDER_FINAL, "distribution was told");
    } else if (o->cancel_asked == CANCEL_BY_RFQ || o->rfq_waits) {
        routing_note(e, item, o, REASON_CANCEL_PENDING, "");
    } else if (o->cancel_asked == CANCEL_BY_TAKER) {
        remember(e, o, CANCEL_BY_TAKER, o->cancel_id, true);
    } else if (order_is_at_lp(o)) {
        order_ask_cancel(e, o, CANCEL_BY_RFQ, no_id);
    } else {
        remember(e, o, CANCEL_BY_RFQ, no_id, false);
        order_end(e, o, ORDER_CANCELLED, REASON_TAKER_REQUEST, NULL, NULL);
    }
}

void decide_cancel_reject(struct emit *e, const struct lane_item *item)
{
    const struct command_cancel_reject *c = (const void *)&item->record;
    const struct order *o = routing_order(routing_of(e), c->order);
    if (!o)
        routing_note(e, item, NULL, REASON_UNKNOWN_ORDER, c->text);
    else if (!order_is_from_lp(o, item))
        routing_note(e, item, o, REASON_WRONG_LP, c->text);
    else if (order_is_final(o))
        routing_note(e, item, o, REASON_ORDER_FINAL, c->text);
    else if (!order_is_at_lp(o) || !o->cancel_asked)
        routing_note(e, item, o, REASON_REPEATED, c->text);
    else if (c->cancel_reason == CANCEL_UNKNOWN_ORDER && o->filled_quantity == 0 &&
             o->in_doubt != DOUBT_EXECUTIONS_MISSING)
        order_end_unknown(e, o, c->text);
    else if (c->cancel_reason == CANCEL_ALREADY_PENDING || c->cancel_reason == CANCEL_DUPLICATE)
        routing_note(e, item, o, REASON_CANCEL_PENDING, c->text);
    else
        order_cancel_failed(e, o, true, c->cancel_reason, REASON_PEER_REJECT, c->text);
}

/* Orders on their way to the LP: not sent after all, refused at the wire, or not answered in time.
 *
 *   state   | what                                | then
 *   --------+-------------------------------------+----------------------------------------------------
 *   sent    | the gateway did not send it         | the taker wants it cancelled: cancelled; its cause
 *           |                                     | is ours, or its time is over: rejected; else
 *           |                                     | pending, tried again every ORDER_RETRY_NS
 *   any     | … did not send its cancel, or the   | noted: asked again when due, or when the session
 *           | question how it stands              | is back
 *   pending | due                                 | its time is over: rejected; the LP's session is in
 *           |                                     | sync: released; else pending
 *   sent    | due: no answer                      | in doubt: cancel asked, again every
 *           |                                     | order_cancel_retry_ns; never sent elsewhere, and
 *           |                                     | never final before its fate is known
 *   at LP   | due: cancel not answered            | cancel asked again
 *   at LP   | due: executions missing             | status asked, and the cancel again, if one is open
 *   sent    | the LP's FIX rejects it             | rejected; noted where executions are missing
 *   sent    | … rejects the question how it       | the LP knows no such order, and no executions are
 *           | stands                              | missing: final; else noted
 *   at LP   | … rejects the taker's cancel        | the taker is told, the order goes on
 */
#include <assert.h>

#include "dataplane/engine/routing/order.h"

/* Its time is over: the quote's, or that of being tried. */
static bool is_over(const struct emit *e, const struct order *o)
{
    return e->now_ns >= o->valid_until_ns ||
           e->now_ns - o->created_ns >= routing_settings(routing_of(e))->order_ack_timeout_ns;
}

static void wait_pending(struct emit *e, const struct order *o)
{
    struct order_state *ev = order_state_begin(e, o, ORDER_PENDING, REASON_NONE);
    ev->due_ns = e->now_ns + ORDER_RETRY_NS;
    emit_end(e, ev);
}

void decide_order_unsent(struct emit *e, const struct lane_item *item)
{
    const struct gateway_unsent *c = (const void *)&item->record;
    const struct order *o = routing_order(routing_of(e), c->out.ref);
    if (c->out.ref_kind == REF_CANCEL)
        routing_note(e, item, o, (enum reason)c->reason,
                     "the cancel was not sent: it is asked again when due");
    else if (c->out.ref_kind == REF_STATUS && o && order_is_from_lp(o, item) &&
             order_at_lp(o) == AT_LP_KNOWN && (c->reason == REASON_SESSION_DOWN || c->reason == REASON_LOST))
        order_ask_status_again(e, o);
    else if (c->out.ref_kind == REF_STATUS)
        routing_note(e, item, o, (enum reason)c->reason,
                     "its status was not asked: it is when the session is back");
    else if (c->out.ref_kind != REF_ORDER || c->out.must_reach || !o || !order_is_from_lp(o, item))
        routing_note(e, item, NULL, (enum reason)c->reason, "not an order on its way to its LP");
    else if (o->state != ORDER_SENT)
        routing_note(e, item, o, (enum reason)c->reason, "the order's state says more");
    else if (o->cancel_asked >= CANCEL_BY_TAKER)
        order_end(e, o, ORDER_CANCELLED, REASON_TAKER_REQUEST, NULL, NULL);
    else if (c->reason == REASON_ENCODE)
        order_end(e, o, ORDER_REJECTED, REASON_ENCODE, NULL, NULL);
    else if (c->reason == REASON_STALE)
        order_end(e, o, ORDER_REJECTED, REASON_QUOTE_EXPIRED_IN_FLIGHT, NULL, NULL);
    else if (o->cancel_asked || is_over(e, o))
        order_end(e, o, ORDER_REJECTED, REASON_SESSION_DOWN, NULL, NULL);
    else
        wait_pending(e, o);
}

static void pending_due(struct emit *e, const struct order *o)
{
    if (is_over(e, o))
        order_end(e, o, ORDER_REJECTED, REASON_SESSION_DOWN, NULL, NULL);
    else if (session_is_synced(e, o->lp_session))
        order_release(e, o);
    else
        wait_pending(e, o);
}

/* The LP has executed more than it has told: it is asked again, until what it says and what we have agree. */
static void executions_due(struct emit *e, const struct order *o)
{
    if (session_is_synced(e, o->lp_session)) {
        order_ask_status(e, o);
        if (o->cancel_asked)
            order_ask_cancel(e, o, o->cancel_asked, o->cancel_id);
        return;
    }
    struct order_state *ev = order_state_begin(e, o, (enum order_status)o->state, (enum reason)o->reason);
    ev->due_ns = e->now_ns + routing_settings(routing_of(e))->order_cancel_retry_ns;
    emit_end(e, ev);
}

/* No answer to the order, or to its cancel. */
static void answer_due(struct emit *e, const struct order *o)
{
    assert(o->in_doubt != DOUBT_EXECUTIONS_MISSING); /* executions_due */
    bool newly_in_doubt = o->state == ORDER_SENT && o->in_doubt == DOUBT_NONE;
    bool asks = session_is_synced(e, o->lp_session);
    enum cancel_asked asked_for = o->cancel_asked ? o->cancel_asked : CANCEL_BY_TIMEOUT;
    if (newly_in_doubt || !asks) {
        struct order_state *ev = order_state_begin(e, o, (enum order_status)o->state, REASON_IN_DOUBT);
        ev->in_doubt = newly_in_doubt ? DOUBT_UNANSWERED : o->in_doubt;
        ev->cancel_asked = (uint8_t)asked_for;
        ev->due_ns = e->now_ns + routing_settings(routing_of(e))->order_cancel_retry_ns;
        emit_end(e, ev);
    }
    if (asks)
        order_ask_cancel(e, o, asked_for, o->cancel_id);
    if (newly_in_doubt)
        order_update(e, o);
}

void decide_order_due(struct emit *e, const struct order *o)
{
    assert(!order_is_final(o) && o->state != ORDER_AWAITING);
    if (o->state == ORDER_PENDING)
        pending_due(e, o);
    else if (o->in_doubt == DOUBT_EXECUTIONS_MISSING)
        executions_due(e, o);
    else
        answer_due(e, o);
}

/* BusinessRejectReason (380). */
enum { BUSINESS_UNKNOWN_ID = 1 };

/* BusinessMessageReject or Reject of something that we sent. One of a status request says something of the
 * order only where it says that there is none: an LP that does not take status requests may have it all the
 * same. */
void decide_order_peer_reject(struct emit *e, const struct lane_item *item)
{
    const struct command_peer_reject *c = (const void *)&item->record;
    const struct order *o = routing_order(routing_of(e), c->ref);
    bool is_order = c->ref_kind == REF_ORDER, is_cancel = c->ref_kind == REF_CANCEL,
         is_status = c->ref_kind == REF_STATUS;
    if (!o || !(is_order || is_cancel || is_status) || !order_is_from_lp(o, item)) {
        routing_note(e, item, NULL, REASON_PEER_REJECT, c->text);
    } else if (is_status && c->business && c->reason == BUSINESS_UNKNOWN_ID && o->state == ORDER_SENT &&
               o->in_doubt != DOUBT_EXECUTIONS_MISSING) {
        order_end_unknown(e, o, c->text);
    } else if (is_order && o->state == ORDER_SENT && o->in_doubt != DOUBT_EXECUTIONS_MISSING) {
        order_end(e, o, ORDER_REJECTED, REASON_LP_REJECTED_ORDER, NULL, c->text);
    } else if (is_cancel && order_is_at_lp(o) && o->cancel_asked >= CANCEL_BY_TAKER) {
        order_cancel_failed(e, o, false, 99, REASON_PEER_REJECT, c->text);
    } else {
        routing_note(e, item, o, REASON_PEER_REJECT, c->text);
    }
}

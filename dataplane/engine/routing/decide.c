/* Which file decides what. */
#include <assert.h>

#include "dataplane/engine/routing/order.h"

void routing_decide(struct emit *e, const struct lane_item *item)
{
    switch (item->record.type) {
    case RECORD_COMMAND_ORDER:
        decide_order(e, item);
        break;
    case RECORD_COMMAND_ORDER_CANCEL:
        decide_cancel(e, item);
        break;
    case RECORD_COMMAND_EXECUTION:
        decide_execution(e, item);
        break;
    case RECORD_COMMAND_CANCEL_REJECT:
        decide_cancel_reject(e, item);
        break;
    case RECORD_COMMAND_PEER_REJECT:
        decide_order_peer_reject(e, item);
        break;
    case RECORD_RFQ_AWARDED:
        decide_award(e, item);
        break;
    case RECORD_ACCEPT_REFUSED:
        decide_accept_refused(e, item);
        break;
    case RECORD_RFQ_CANCEL_ORDER:
        decide_rfq_cancel(e, item);
        break;
    case RECORD_GATEWAY_UNSENT:
        decide_order_unsent(e, item);
        break;
    case RECORD_GATEWAY_SESSION_STATE:
        decide_session(e, item);
        break;
    case RECORD_GATEWAY_SESSION_RESET:
    case RECORD_GATEWAY_SESSION_NUMBERS:
        decide_session_renumbered(e, item);
        break;
    default:
        routing_note(e, item, NULL, REASON_NONE, "not for routing");
    }
}

void routing_timer_fired(struct emit *e, const struct timer *t)
{
    routing_timer_taken((struct routing_state *)e->state, t);
    if (t->kind == TIMER_STATUS_ASK) {
        decide_status_ask(e, (uint32_t)(t->id - 1));
        return;
    }
    const struct order *o = routing_order(routing_of(e), t->id);
    assert(o);
    if (t->kind == TIMER_ORDER_DUE) {
        decide_order_due(e, o);
        return;
    }
    struct order_retired *ev = emit_begin(e, RECORD_ORDER_RETIRED, sizeof *ev);
    ev->order = o->id;
    emit_end(e, ev);
}

/* Distribution's decisions: which command is decided where, and what a timer means. */
#include "dataplane/engine/distribution/inside.h"

void distribution_decide(struct emit *e, const struct lane_item *item)
{
    switch (item->record.type) {
    case RECORD_COMMAND_QUOTE_REQUEST:
        decide_quote_request(e, item);
        break;
    case RECORD_COMMAND_QUOTE_RESPONSE:
        decide_quote_response(e, item);
        break;
    case RECORD_COMMAND_REQUEST_CANCEL:
        decide_request_cancel(e, item);
        break;
    case RECORD_COMMAND_QUOTE:
        decide_quote(e, item);
        break;
    case RECORD_COMMAND_DELIVERY_ANSWER:
        decide_delivery_answer(e, item);
        break;
    case RECORD_COMMAND_QUOTE_CANCEL:
        decide_quote_cancel(e, item);
        break;
    case RECORD_COMMAND_PEER_REJECT:
        decide_delivery_peer_reject(e, item);
        break;
    case RECORD_COMMAND_CLIENT_RFQ:
        decide_client_rfq(e, item);
        break;
    case RECORD_COMMAND_CLIENT_ACCEPT:
        decide_client_accept(e, item);
        break;
    case RECORD_COMMAND_CLIENT_CANCEL:
        decide_client_cancel(e, item);
        break;
    case RECORD_COMMAND_CLIENT_EXTEND:
        decide_client_extend(e, item);
        break;
    case RECORD_GATEWAY_UNSENT:
        decide_delivery_unsent(e, item);
        break;
    case RECORD_GATEWAY_SESSION_STATE:
        decide_session_state(e, item);
        break;
    case RECORD_ORDER_CREATED:
        decide_order_asks(e, item);
        break;
    case RECORD_ORDER_UPDATE:
        decide_order_update(e, item);
        break;
    default:
        distribution_note(e, item->record.type, 0, 0, REASON_NONE, "not a command of distribution's");
        break;
    }
}

/* Every timer leads to an event: what is armed is armed by a durable field, and only an event can change
 * that. */
void distribution_timer_fired(struct emit *e, const struct timer *t)
{
    const struct distribution_state *s = state_of(e);
    distribution_timer_taken((struct distribution_state *)e->state, t);
    switch ((enum distribution_timer)t->kind) {
    case TIMER_RFQ_DEADLINE:
    case TIMER_RFQ_RETIRE:
    case TIMER_RFQ_STAY:
        rfq_due(e, distribution_rfq(s, t->id), t->kind);
        break;
    case TIMER_DELIVERY:
        delivery_due(e, distribution_delivery(s, t->id));
        break;
    case TIMER_QUOTE_EXPIRY:
        quote_due(e, distribution_quote(s, t->id));
        break;
    }
}

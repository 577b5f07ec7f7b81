/* Orders whose fate is not known when their LP's session is back and in sync: each is asked about at once, by
 * OrderStatusRequest. Which they are follows from what is durable: sent and not heard of, and neither
 * released nor asked about since the session last went down. So a crash in the middle of it loses none and
 * asks none twice. What the LP answers is an execution like any other (execution.c).
 *
 * While the session's numbers go on, the rest is the LP's to resend: of an order that it has acknowledged
 * nothing is asked. Were they set anew, what it said meanwhile is gone, and each order there is asked about.
 */
#include <assert.h>

#include "dataplane/engine/routing/order.h"

/* Of one session, in one decision; the timer stays due while there are more. */
#define STATUS_ASKS_MAX 64
static_assert(2 * STATUS_ASKS_MAX <= DECISION_ENTITIES_MAX && STATUS_ASKS_MAX <= BATCH_RECORDS_MAX,
              "asking is a bounded decision");
static_assert(STATUS_ASKS_MAX * sizeof(struct order_status_asked) <= BATCH_SIZE_MAX / 2,
              "and fits its batch");

void order_ask_status(struct emit *e, const struct order *o)
{
    assert(order_is_at_lp(o));
    struct order_status_asked *ev = emit_begin(e, RECORD_ORDER_STATUS_ASKED, sizeof *ev);
    emit_to(ev, o->lp_gateway, LANE_ENGINE, o->lp_session);
    ev->out = (struct outbound){.rfq = o->rfq, .ref = o->id, .ref_kind = REF_STATUS};
    ev->order = o->id;
    ev->rfq = o->rfq;
    ev->due_ns = o->in_doubt == DOUBT_EXECUTIONS_MISSING
                     ? e->now_ns + routing_settings(routing_of(e))->order_cancel_retry_ns
                     : o->due_ns; /* that of the acknowledgement, or of the cancel */
    ev->session_losses = routing_session_losses(routing_of(e), o->lp_session);
    ev->side = o->side;
    memcpy(ev->lp_order_id, o->lp_order_id, sizeof ev->lp_order_id);
    memcpy(ev->symbol, o->symbol, sizeof ev->symbol);
    emit_end(e, ev);
}

/* What was known stays so, whatever befalls the session: it would be asked about no more. */
void order_ask_status_again(struct emit *e, const struct order *o)
{
    assert(order_at_lp(o) == AT_LP_KNOWN);
    struct order_status_asked *ev = emit_begin(e, RECORD_ORDER_STATUS_ASKED, sizeof *ev);
    ev->order = o->id;
    ev->rfq = o->rfq;
    ev->due_ns = o->due_ns;
    ev->session_losses = routing_losses_to_ask(routing_of(e), o->lp_session);
    ev->side = o->side;
    memcpy(ev->lp_order_id, o->lp_order_id, sizeof ev->lp_order_id);
    memcpy(ev->symbol, o->symbol, sizeof ev->symbol);
    emit_end(e, ev);
}

void decide_status_ask(struct emit *e, uint32_t session)
{
    const struct order *o;
    for (unsigned i = 0; i < STATUS_ASKS_MAX && (o = routing_order_to_ask(routing_of(e), session)) != NULL;
         i++)
        order_ask_status(e, o);
}

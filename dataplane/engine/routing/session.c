/* What routing knows of sessions. A session that goes down ends nothing by itself: what was not sent comes
 * back as unsent, what was sent waits for its answer or falls due. When the session is in sync again, orders
 * of unknown fate are asked about (status.c), by a timer that is due at once; and all orders there, where it
 * was numbered anew. */
#include "dataplane/engine/routing/order.h"

void decide_session(struct emit *e, const struct lane_item *item)
{
    const struct gateway_session_state *c = (const void *)&item->record;
    if (item->record.session >= SESSIONS_MAX) {
        routing_note(e, item, NULL, REASON_UNKNOWN_SESSION, "");
        return;
    }
    struct engine_session *ev = emit_begin(e, RECORD_ROUTING_SESSION, sizeof *ev);
    ev->head.session = item->record.session;
    ev->state = c->state;
    ev->role = c->role;
    emit_end(e, ev);
}

void decide_session_renumbered(struct emit *e, const struct lane_item *item)
{
    const struct record *c = &item->record;
    if (c->session >= SESSIONS_MAX) {
        routing_note(e, item, NULL, REASON_UNKNOWN_SESSION, "");
        return;
    }
    struct routing_session_renumbered *ev = emit_begin(e, RECORD_ROUTING_SESSION_RENUMBERED, sizeof *ev);
    ev->head.session = c->session;
    ev->generation = c->type == RECORD_GATEWAY_SESSION_RESET
                         ? ((const struct gateway_session_reset *)(const void *)c)->generation
                         : ((const struct gateway_session_numbers *)(const void *)c)->generation;
    emit_end(e, ev);
}

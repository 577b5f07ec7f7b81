/* What distribution knows of sessions: who can be asked, and whether a release may have been lost. Nothing is
 * swept: each delivery looks when its own timer fires.
 */
#include "dataplane/engine/distribution/inside.h"

void decide_session_state(struct emit *e, const struct lane_item *item)
{
    const struct gateway_session_state *c = (const void *)&item->record;
    uint32_t session = item->record.session;
    const struct lp *lp = distribution_lp_by_session(state_of(e), session);
    const struct taker *taker = distribution_taker_by_session(state_of(e), session);
    unsigned known = lp ? lp->session_state : taker ? taker->session_state : 0;
    if (!lp && !taker) {
        distribution_note(e, item->record.type, 0, session, REASON_UNKNOWN_SESSION,
                          "neither an LP's nor a taker's session");
        return;
    }
    if (known == c->state) { /* the same fence, by another lane */
        distribution_note(e, item->record.type, 0, session, REASON_REPEATED, session_status_name(c->state));
        return;
    }
    struct engine_session *ev = emit_begin(e, RECORD_DISTRIBUTION_SESSION, sizeof *ev);
    ev->head.session = session;
    ev->state = c->state;
    ev->role = c->role;
    emit_end(e, ev);
}

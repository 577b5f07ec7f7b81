/* A transition as an event. Every change of an RFQ's state goes through here, and so through the workflow's
 * table. */
#include "dataplane/engine/distribution/inside.h"

/* Ends without a fill are told to the taker: QuoteRequestReject or QuoteStatusReport. Of fills the executions
 * tell. */
static bool is_told(unsigned to)
{
    return workflow_is_end(to) && to != RFQ_COMPLETED;
}

void rfq_move(struct emit *e, const struct rfq *rfq, const struct move *m)
{
    struct workflow_facts facts = m->facts;
    facts.profile = rfq->profile;
    facts.who = (uint8_t)m->who;
    facts.reason = (uint16_t)m->reason;
    unsigned to = 0;
    enum err allowed = workflow_check(rfq->state, m->move, &facts, &to, NULL);
    assert(allowed == OK); /* the decision's guards and the table's are the same */
    (void)allowed;

    struct rfq_transition *ev = emit_begin(e, RECORD_RFQ_TRANSITION, sizeof *ev);
    if (is_told(to)) {
        emit_to(ev, rfq->gateway, LANE_ENGINE, rfq->session);
        ev->out = (struct outbound){.rfq = rfq->id, .ref = rfq->id, .ref_kind = REF_RFQ, .must_reach = 1};
    }
    ev->rfq = rfq->id;
    ev->who_id = m->who_id;
    ev->deadline_ns = m->deadline_ns;
    ev->from = rfq->state;
    ev->to = (uint8_t)to;
    ev->move = (uint8_t)m->move;
    ev->who = (uint8_t)m->who;
    ev->reason = (uint16_t)m->reason;
    ev->side = rfq->side;
    ev->shown = (uint8_t)workflow_shown(to);
    memcpy(ev->request_id, rfq->request_id, sizeof ev->request_id);
    memcpy(ev->symbol, rfq->symbol, sizeof ev->symbol);
    if (m->text) {
        struct text t = text_in(ev->text, sizeof ev->text);
        text_add(&t, m->text);
    }
    emit_end(e, ev);
    stay_begin(e, rfq);
}

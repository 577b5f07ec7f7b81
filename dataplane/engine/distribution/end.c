/* How an RFQ ends: LPs are told, quotes archived, the transition made; and how it leaves memory. */
#include "dataplane/engine/distribution/inside.h"

/* Sent, and not refused: it may be with the LP. Not so what is pending, or came back. */
static bool lp_may_have_it(const struct delivery *d)
{
    return d->state == DELIVERY_SENT || d->state == DELIVERY_DELIVERED ||
           (d->state == DELIVERY_FAILED && d->reason == REASON_NO_ACK);
}

static void tell(struct emit *e, const struct rfq *rfq, const struct delivery *d, enum reason reason,
                 bool done_away)
{
    const struct lp *lp = distribution_lp(state_of(e), d->lp);
    const struct quote *q = distribution_quote(state_of(e), d->quote);
    if (q && q->status != QUOTE_STANDING && q->status != QUOTE_ACCEPTED)
        q = NULL;
    struct delivery_ended *ev = emit_begin(e, RECORD_DELIVERY_ENDED, sizeof *ev);
    if (lp->session != SESSION_NONE) /* configuration names it no more: a fact for the record only */
        emit_to(ev, lp->gateway, LANE_ENGINE, lp->session);
    ev->out = (struct outbound){.rfq = rfq->id, .ref = rfq->id, .ref_kind = REF_RFQ, .must_reach = 1};
    ev->rfq = rfq->id;
    ev->delivery = d->id;
    ev->lp = d->lp;
    ev->quote = q ? q->id : 0;
    ev->by_aj = q && done_away && lp->losers_by_aj;
    ev->side = rfq->side;
    ev->reason = (uint16_t)reason;
    if (q)
        memcpy(ev->lp_quote_id, q->lp_quote_id, sizeof ev->lp_quote_id);
    memcpy(ev->symbol, rfq->symbol, sizeof ev->symbol);
    emit_end(e, ev);
}

void deliveries_end(struct emit *e, const struct rfq *rfq, uint64_t except, enum reason reason,
                    bool done_away)
{
    const struct distribution_state *s = state_of(e);
    for (const struct delivery *d = distribution_first_delivery(s, rfq); d;
         d = distribution_next_delivery(s, d))
        if (!d->ended && d->lp != except && lp_may_have_it(d))
            tell(e, rfq, d, reason, done_away);
}

/* From the last to the first, so that no rank moves on the way. */
void quotes_archive(struct emit *e, const struct rfq *rfq)
{
    const struct distribution_state *s = state_of(e);
    const struct quote *standing[RFQ_QUOTES_MAX];
    unsigned count = 0;
    for (const struct quote *q = distribution_first_quote(s, rfq); q; q = distribution_next_quote(s, q))
        standing[count++] = q;
    while (count)
        quote_end(e, rfq, standing[--count], QUOTE_ARCHIVED, REASON_RFQ_ENDED);
}

void rfq_end(struct emit *e, const struct rfq *rfq, const struct move *m)
{
    uint64_t except = m->move == MOVE_COMPLETE ? rfq->award_lp : 0; /* it has its executions */
    deliveries_end(e, rfq, except, m->reason ? m->reason : REASON_RFQ_ENDED, m->move == MOVE_COMPLETE);
    quotes_archive(e, rfq);
    rfq_move(e, rfq, m);
}

/* The deadline found these silent. What was sent has not been acknowledged, what was not will not be. */
static void close_silent(struct emit *e, const struct rfq *rfq)
{
    const struct distribution_state *s = state_of(e);
    for (const struct delivery *d = distribution_first_delivery(s, rfq); d;
         d = distribution_next_delivery(s, d)) {
        if (d->answer != ANSWER_NONE || d->state == DELIVERY_REJECTED)
            continue;
        if (d->state == DELIVERY_SENT)
            delivery_set(e, d, DELIVERY_FAILED, ANSWER_NO_RESPONSE, REASON_NO_ACK, 0, NULL);
        else if (d->state == DELIVERY_PENDING)
            delivery_set(e, d, DELIVERY_FAILED, ANSWER_NO_RESPONSE, REASON_SESSION_DOWN, 0, NULL);
        else
            delivery_set(e, d, (enum delivery_status)d->state, ANSWER_NO_RESPONSE, (enum reason)d->reason, 0,
                         NULL);
    }
}

/* Its own deadline passed: it ends as the table says. */
static void out_of_time(struct emit *e, const struct rfq *rfq)
{
    const struct workflow_timeout *row = workflow_running(rfq->profile, rfq->state);
    if (rfq->state == RFQ_BIDDING_OPEN)
        close_silent(e, rfq);
    rfq_end(e, rfq,
            &(struct move){.move = (enum rfq_move)row->at_timeout,
                           .who = WHO_SCHEDULER,
                           .reason = REASON_DEADLINE,
                           .text = "the deadline passed without an award",
                           .facts = {.deadline_passed = true}});
}

void rfq_due(struct emit *e, const struct rfq *rfq, unsigned kind)
{
    if (kind == TIMER_RFQ_DEADLINE) {
        out_of_time(e, rfq);
        return;
    }
    if (kind == TIMER_RFQ_STAY) {
        stay_due(e, rfq);
        return;
    }
    struct rfq_retired *ev = emit_begin(e, RECORD_RFQ_RETIRED, sizeof *ev);
    ev->rfq = rfq->id;
    emit_end(e, ev);
}

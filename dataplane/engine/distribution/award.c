/* What becomes of an award: routing tells how its order stands. The first fill is the losers' end; a final
 * order completes the RFQ, or gives the award back.
 */
#include "dataplane/engine/distribution/inside.h"

/* Whose doing it was that nothing came of the award. A penalty is for the LP's own only. */
static enum reason revert_cause(enum reason reason)
{
    switch (reason) {
    case REASON_REFUSED_BY_CONTROLS:
    case REASON_LIMIT:
    case REASON_DUPLICATE_CLORDID:
    case REASON_ENCODE:
        return REASON_REFUSED_BY_CONTROLS;
    case REASON_QUOTE_EXPIRED_IN_FLIGHT:
    case REASON_SESSION_DOWN: /* the order never left */
        return REASON_QUOTE_EXPIRED_IN_FLIGHT;
    default:
        return REASON_LP_DEFAULT;
    }
}

static void record_order(struct emit *e, const struct rfq *rfq, const struct order_update *c)
{
    struct rfq_order *ev = emit_begin(e, RECORD_RFQ_ORDER, sizeof *ev);
    ev->rfq = rfq->id;
    ev->award = c->award;
    ev->order = c->order;
    ev->filled_quantity = c->filled_quantity;
    ev->state = c->state;
    ev->in_doubt = c->in_doubt;
    ev->final = c->final;
    ev->reason = c->reason;
    ev->cancel_refused = c->cancel_refused;
    ev->gives_back = c->final && revert_cause((enum reason)c->reason) == REASON_REFUSED_BY_CONTROLS;
    emit_end(e, ev);
}

static void tell_losers(struct emit *e, const struct rfq *rfq)
{
    deliveries_end(e, rfq, rfq->award_lp, REASON_ALREADY_AWARDED, true);
    quotes_archive(e, rfq);
}

static void offer(struct emit *e, const struct rfq *rfq, const struct quote *q, const struct lp *lp)
{
    struct quote_offered *ev = emit_begin(e, RECORD_QUOTE_OFFERED, sizeof *ev);
    emit_to(ev, rfq->gateway, LANE_ENGINE, rfq->session);
    ev->quote = q->id;
    ev->rfq = rfq->id;
    ev->lp = q->lp;
    ev->valid_until_ns = earlier(q->valid_until_ns, rfq->deadline_ns); /* the backup deadline now */
    ev->out = (struct outbound){.rfq = rfq->id,
                                .ref = q->id,
                                .ref_kind = REF_QUOTE,
                                .expires_ns = ev->valid_until_ns,
                                .must_reach = REACH_BOUNDED};
    ev->bid = q->bid;
    ev->ask = q->ask;
    ev->bid_size = q->bid_size;
    ev->ask_size = q->ask_size;
    ev->side = rfq->side;
    memcpy(ev->request_id, rfq->request_id, sizeof ev->request_id);
    memcpy(ev->symbol, rfq->symbol, sizeof ev->symbol);
    memcpy(ev->lp_code, lp->code, sizeof ev->lp_code);
    emit_end(e, ev);
}

/* The best quote that can be accepted now, offered again. False: there is none. */
static bool offer_next(struct emit *e, const struct rfq *rfq)
{
    const struct distribution_state *s = state_of(e);
    for (const struct quote *q = distribution_first_quote(s, rfq); q; q = distribution_next_quote(s, q)) {
        const struct lp *lp = distribution_lp(s, q->lp);
        if (q->valid_until_ns > e->now_ns && lp->status == LP_ACTIVE) {
            offer(e, rfq, q, lp);
            return true;
        }
    }
    return false;
}

/* An award that our own controls refused (a ClOrdID used before, a limit) used up nothing of the LP's: its
 * quote stands again where it still would. After all else the quote is spent. */
static void end_award_quote(struct emit *e, const struct rfq *rfq, const struct quote *q, enum reason cause)
{
    if (cause != REASON_REFUSED_BY_CONTROLS || q->valid_until_ns <= e->now_ns)
        quote_end(e, rfq, q, QUOTE_ARCHIVED, cause);
    else if (q->reason == REASON_WITHDRAWN) /* meanwhile */
        quote_end(e, rfq, q, QUOTE_IS_WITHDRAWN, REASON_WITHDRAWN);
    else if (distribution_lp(state_of(e), q->lp)->status != LP_ACTIVE)
        quote_end(e, rfq, q, QUOTE_IS_WITHDRAWN, REASON_LP_SUSPENDED);
}

/* The taker chooses again, as long as the backup deadline lasts. With nothing left to choose from the RFQ is
 * over now: waiting would only keep the taker from asking anew. */
static void revert(struct emit *e, const struct rfq *rfq, enum reason cause)
{
    end_award_quote(e, rfq, distribution_quote(state_of(e), rfq->award_quote), cause);
    rfq_move(e, rfq,
             &(struct move){.move = MOVE_REVERT_AWARD,
                            .who = WHO_SYSTEM,
                            .reason = cause,
                            .deadline_ns = e->now_ns + distribution_settings(state_of(e))->backup_deadline_ns,
                            .facts = {.order_final = true}});
    quotes_rank(e, rfq);
    if (!offer_next(e, rfq))
        rfq_end(e, rfq,
                &(struct move){.move = MOVE_AUTO_CANCEL,
                               .who = WHO_SYSTEM,
                               .reason = cause == REASON_LP_DEFAULT ? REASON_LP_ISSUE : REASON_SYSTEM_POLICY,
                               .text = "the award was not filled, and no other quote stands"});
}

/* The award's time ran out (stay.c): nobody asked. */
static bool is_auto_cancelled(const struct emit *e, const struct rfq *rfq)
{
    const struct rfq_stay *stay = distribution_stay(state_of(e), rfq->id);
    return stay && stay->level == WORKFLOW_END && !rfq->cancel_who &&
           rfq->cancel_reason == REASON_SYSTEM_POLICY;
}

static void finish(struct emit *e, const struct rfq *rfq, const struct order_update *c)
{
    if (rfq->filled_quantity > 0) {
        rfq_end(e, rfq,
                &(struct move){.move = MOVE_COMPLETE,
                               .who = WHO_SYSTEM,
                               .facts = {.order_final = true, .filled = true}});
    } else if (is_auto_cancelled(e, rfq)) {
        rfq_end(e, rfq,
                &(struct move){.move = MOVE_AUTO_CANCEL,
                               .who = WHO_SCHEDULER,
                               .reason = REASON_SYSTEM_POLICY,
                               .text = "the award's time ran out, and nothing was filled",
                               .facts = {.order_final = true}});
    } else if (rfq->cancel_pending || c->reason == REASON_TAKER_REQUEST) {
        rfq_end(e, rfq,
                &(struct move){.move = MOVE_CANCEL,
                               .who = WHO_USER,
                               .who_id = rfq->cancel_who ? rfq->cancel_who : rfq->taker,
                               .reason = rfq->cancel_reason ? rfq->cancel_reason : REASON_TAKER_REQUEST,
                               .facts = {.order_final = true}});
    } else {
        revert(e, rfq, revert_cause((enum reason)c->reason));
    }
}

void decide_order_update(struct emit *e, const struct lane_item *item)
{
    const struct order_update *c = (const void *)&item->record;
    const struct rfq *rfq = distribution_rfq(state_of(e), c->rfq);
    if (!rfq || rfq->state != RFQ_IS_AWARDED || rfq->award != c->award) {
        distribution_note(e, item->record.type, c->rfq, c->order, REASON_RFQ_STATE,
                          rfq ? rfq_state_name(rfq->state) : "the RFQ has left memory");
        return;
    }
    bool first_fill = c->filled_quantity > 0 && !rfq->losers_told;
    record_order(e, rfq, c);
    if (first_fill)
        tell_losers(e, rfq);
    if (c->final)
        finish(e, rfq, c);
    else if (c->cancel_refused)
        stay_cancel_refused(e, rfq);
}

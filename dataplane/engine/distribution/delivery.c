/* What becomes of a delivery (spec/20, «Deliveries»): acknowledged, refused, declined, not sent, overdue; and
 * what that means for its RFQ. Each delivery has one timer of its own, so a lost session sweeps nothing.
 */
#include "dataplane/core/hash.h"
#include "dataplane/engine/distribution/inside.h"

void delivery_set(struct emit *e, const struct delivery *d, enum delivery_status state,
                  enum delivery_answer answer, enum reason reason, uint64_t due_ns, const char *text)
{
    struct delivery_state *ev = emit_begin(e, RECORD_DELIVERY_STATE, sizeof *ev);
    ev->rfq = d->rfq;
    ev->delivery = d->id;
    ev->lp = d->lp;
    ev->due_ns = due_ns;
    ev->state = (uint8_t)state;
    ev->answer = (uint8_t)answer;
    ev->reason = (uint16_t)reason;
    if (text) {
        struct text t = text_in(ev->text, sizeof ev->text);
        text_add_field(&t, text, TEXT_SIZE);
    }
    emit_end(e, ev);
}

static void fail(struct emit *e, const struct delivery *d, enum reason reason)
{
    delivery_set(e, d, DELIVERY_FAILED, d->answer, reason, 0, NULL);
}

/* The RFQ's progress
 * ----------------------------------------------------------------------------------------------------- */

static void emit_shown(struct emit *e, const struct rfq *rfq, unsigned shown, bool all_settled)
{
    struct rfq_shown *ev = emit_begin(e, RECORD_RFQ_SHOWN, sizeof *ev);
    ev->rfq = rfq->id;
    ev->shown = shown > rfq->shown ? shown : rfq->shown;
    ev->lp_count = all_settled ? rfq->acknowledged : 0;
    ev->all_settled = all_settled;
    emit_end(e, ev);
}

/* That the last delivery is settled is one thing to be told, that the first quote stands another: also where one
 * message of an LP brings both. */
static void show(struct emit *e, const struct rfq *rfq)
{
    if (rfq->settled == rfq->deliveries && rfq->acknowledged > 0 && !rfq->distributed)
        emit_shown(e, rfq, SHOWN_DISTRIBUTED, true);
    unsigned shown = rfq->quotes ? SHOWN_QUOTED : rfq->acknowledged ? SHOWN_DISTRIBUTED : 0;
    if (shown > rfq->shown)
        emit_shown(e, rfq, shown, false);
}

static void reject(struct emit *e, const struct rfq *rfq, enum reason reason, const char *text)
{
    rfq_end(e, rfq, &(struct move){.move = MOVE_REJECT, .who = WHO_SYSTEM, .reason = reason, .text = text});
}

void rfq_progress(struct emit *e, const struct rfq *rfq)
{
    if (workflow_is_end(rfq->state))
        return;
    show(e, rfq);
    if (rfq->state != RFQ_BIDDING_OPEN || rfq->settled < rfq->deliveries)
        return;
    if (rfq->acknowledged == 0)
        reject(e, rfq, REASON_ALL_DELIVERIES_FAILED, "All LP deliveries failed");
    else if (rfq->declined == rfq->acknowledged)
        reject(e, rfq, REASON_ALL_DECLINED, "All LPs declined");
}

/* Again, later
 * -----------------------------------------------------------------------------------------------------------
 */

/* 100 ms, 200 ms, 400 ms … after the attempts made, and up to an eighth more, so that what was lost together
 * is not sent together again. Drawn from the delivery and the time: the same for whoever derives it. */
static uint64_t retry_due_ns(const struct emit *e, const struct delivery *d)
{
    unsigned doublings = d->attempts > 1 ? d->attempts - 1u : 0;
    uint64_t wait_ns = distribution_settings(state_of(e))->retry_first_ns
                       << (doublings < 16 ? doublings : 16);
    return e->now_ns + wait_ns + hash_u64(d->id ^ e->now_ns) % (wait_ns / 8 + 1);
}

/* Back to pending, where the deadline leaves time for it. It is not with the LP, for certain, or the LP lost
 * it. */
static void wait(struct emit *e, const struct rfq *rfq, const struct delivery *d, enum reason reason)
{
    uint64_t due_ns = retry_due_ns(e, d);
    if (due_ns >= rfq->deadline_ns || rfq->state != RFQ_BIDDING_OPEN)
        fail(e, d, reason);
    else
        delivery_set(e, d, DELIVERY_PENDING, d->answer, reason, due_ns, NULL);
}

static void try_again(struct emit *e, const struct rfq *rfq, const struct delivery *d, enum reason reason)
{
    if (d->attempts >= distribution_settings(state_of(e))->delivery_attempts_max)
        fail(e, d, reason);
    else
        wait(e, rfq, d, reason);
}

static void due_pending(struct emit *e, const struct rfq *rfq, const struct delivery *d, const struct lp *lp)
{
    if (rfq->state != RFQ_BIDDING_OPEN)
        fail(e, d, REASON_RFQ_NOT_OPEN);
    else if (lp->status != LP_ACTIVE)
        fail(e, d, REASON_LP_INACTIVE);
    else if (lp->session_state == SESSION_SYNCED)
        release_again(e, rfq, d, lp);
    else
        wait(e, rfq, d, REASON_SESSION_DOWN); /* uses up no attempt */
}

void delivery_due(struct emit *e, const struct delivery *d)
{
    const struct rfq *rfq = distribution_rfq(state_of(e), d->rfq);
    const struct lp *lp = distribution_lp(state_of(e), d->lp);
    if (d->state == DELIVERY_PENDING)
        due_pending(e, rfq, d, lp);
    else if (lp->session_lost != d->session_lost)
        try_again(e, rfq, d, REASON_LOST);
    else
        fail(e, d, REASON_NO_ACK);
    rfq_progress(e, rfq);
}

/* Commands
 * ---------------------------------------------------------------------------------------------------------------
 */

static void acknowledged(struct emit *e, const struct lane_item *item, const struct delivery *d)
{
    if (d->state == DELIVERY_DELIVERED)
        distribution_note(e, item->record.type, d->rfq, d->id, REASON_REPEATED, "it was delivered before");
    else
        delivery_set(e, d, DELIVERY_DELIVERED, d->answer, REASON_NONE, 0, NULL);
}

/* The LP passes, or refuses what it had acknowledged. A quote of its own that stands goes with it. */
static void declined(struct emit *e, const struct lane_item *item, const struct rfq *rfq,
                     const struct delivery *d, enum reason reason)
{
    const struct command_delivery_answer *c = (const void *)&item->record;
    const struct quote *q = distribution_quote(state_of(e), d->quote);
    if (d->answer == ANSWER_DECLINED) {
        distribution_note(e, item->record.type, d->rfq, d->id, REASON_REPEATED, "it was declined before");
        return;
    }
    if (q && q->status == QUOTE_ACCEPTED) {
        distribution_note(e, item->record.type, d->rfq, d->id, REASON_QUOTE_CONSUMED,
                          "the LP's quote is accepted");
        return;
    }
    if (q && q->status == QUOTE_STANDING) {
        quote_end(e, rfq, q, QUOTE_IS_WITHDRAWN, REASON_WITHDRAWN);
        quotes_rank(e, rfq);
    }
    delivery_set(e, d, DELIVERY_DELIVERED, ANSWER_DECLINED, reason, 0, c->text);
}

static void rejected(struct emit *e, const struct lane_item *item, const struct rfq *rfq,
                     const struct delivery *d)
{
    const struct command_delivery_answer *c = (const void *)&item->record;
    if (d->state == DELIVERY_DELIVERED)
        declined(e, item, rfq, d, REASON_LP_REJECTED);
    else if (d->state == DELIVERY_REJECTED)
        distribution_note(e, item->record.type, d->rfq, d->id, REASON_REPEATED, "it was rejected before");
    else
        delivery_set(e, d, DELIVERY_REJECTED, d->answer, REASON_LP_REJECTED, 0, c->text);
}

void decide_delivery_answer(struct emit *e, const struct lane_item *item)
{
    const struct command_delivery_answer *c = (const void *)&item->record;
    const struct lp *lp = distribution_lp_by_session(state_of(e), item->record.session);
    const struct rfq *rfq = distribution_rfq(state_of(e), c->rfq);
    const struct delivery *d = lp && rfq ? distribution_delivery_to(state_of(e), rfq, lp->id) : NULL;
    if (!lp)
        distribution_note(e, item->record.type, 0, 0, REASON_UNKNOWN_SESSION,
                          "an answer from a session that is no LP's");
    else if (!rfq)
        distribution_note(e, item->record.type, 0, lp->id, REASON_UNKNOWN_RFQ, c->request_id);
    else if (!d)
        distribution_note(e, item->record.type, rfq->id, lp->id, REASON_NOT_ASSIGNED,
                          "the RFQ was not sent to this LP");
    else if (workflow_is_end(rfq->state))
        distribution_note(e, item->record.type, rfq->id, d->id, REASON_RFQ_NOT_OPEN,
                          rfq_state_name(rfq->state));
    else {
        if (c->kind == ANSWER_KIND_ACK)
            acknowledged(e, item, d);
        else if (c->kind == ANSWER_KIND_DECLINE)
            declined(e, item, rfq, d, REASON_LP_DECLINED);
        else
            rejected(e, item, rfq, d);
        rfq_progress(e, rfq);
    }
}

/* Released, and nothing that shows that the LP has it. */
static bool may_not_have_it(const struct emit *e, const struct delivery *d)
{
    if (d->state == DELIVERY_DELIVERED) /* only taken for delivered, by an LP that does not acknowledge */
        return d->answer == ANSWER_NONE && !distribution_lp(state_of(e), d->lp)->ack_required;
    return d->state == DELIVERY_SENT;
}

/* The delivery a gateway's report is about, where it changes anything; otherwise the report is noted. */
static const struct delivery *reported(struct emit *e, const struct lane_item *item, uint32_t ref_kind,
                                       uint64_t ref, uint64_t rfq_id, enum reason reason)
{
    const struct delivery *d = ref_kind == REF_DELIVERY ? distribution_delivery(state_of(e), ref) : NULL;
    const struct rfq *rfq = d ? distribution_rfq(state_of(e), d->rfq) : NULL;
    if (d && !workflow_is_end(rfq->state) && may_not_have_it(e, d))
        return d;
    distribution_note(e, item->record.type, d ? d->rfq : rfq_id, ref, reason, reason_name(reason));
    return NULL;
}

void decide_delivery_unsent(struct emit *e, const struct lane_item *item)
{
    const struct gateway_unsent *c = (const void *)&item->record;
    const struct delivery *d =
        reported(e, item, c->out.ref_kind, c->out.ref, c->out.rfq, (enum reason)c->reason);
    if (!d)
        return;
    const struct rfq *rfq = distribution_rfq(state_of(e), d->rfq);
    if (c->reason == REASON_SESSION_DOWN || c->reason == REASON_LOST)
        try_again(e, rfq, d, (enum reason)c->reason);
    else
        fail(e, d, (enum reason)c->reason);
    rfq_progress(e, rfq);
}

void decide_delivery_peer_reject(struct emit *e, const struct lane_item *item)
{
    const struct command_peer_reject *c = (const void *)&item->record;
    const struct delivery *d = reported(e, item, c->ref_kind, c->ref, 0, REASON_PEER_REJECT);
    if (!d)
        return;
    const struct rfq *rfq = distribution_rfq(state_of(e), d->rfq);
    delivery_set(e, d, DELIVERY_REJECTED, d->answer, REASON_PEER_REJECT, 0, c->text);
    rfq_progress(e, rfq);
}

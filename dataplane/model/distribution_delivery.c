/* Applying what happens to a delivery: counts over an RFQ's deliveries, what counts at the LP, and its one
 * timer. */
#include "dataplane/model/distribution_apply.h"

/* The RFQ's counts follow its deliveries exactly: taken out before a change, put in after it. */
static void count(struct rfq *rfq, const struct delivery *d, int sign)
{
    rfq->acknowledged = (uint16_t)(rfq->acknowledged + sign * d->acknowledged);
    rfq->settled = (uint16_t)(rfq->settled + sign * d->settled);
    rfq->declined = (uint16_t)(rfq->declined + sign * (d->answer == ANSWER_DECLINED));
    rfq->quoted = (uint16_t)(rfq->quoted + sign * (d->answer == ANSWER_QUOTED));
}

/* Whether the LP's limit of RFQs at a time counts it. */
static void occupy(struct lp *lp, struct delivery *d, bool occupies)
{
    if (d->counted == occupies)
        return;
    assert(occupies || lp->open_rfqs > 0);
    lp->open_rfqs += occupies ? 1u : -1u;
    d->counted = occupies;
}

static void arm(struct distribution_state *s, struct delivery *d)
{
    timer_set(s, &d->timer, d->due_ns, TIMER_DELIVERY, d->id);
}

/* state was set: what follows from it. */
static void settle(struct distribution_state *s, struct lp *lp, struct delivery *d)
{
    bool was_acknowledged = d->acknowledged_ns;
    d->acknowledged = d->state == DELIVERY_DELIVERED;
    d->settled = d->state != DELIVERY_PENDING && d->state != DELIVERY_SENT;
    if (d->acknowledged && !was_acknowledged) {
        d->acknowledged_ns = s->base.now_ns;
        lp->acknowledged++;
    }
    if (d->settled && !d->settled_ns)
        d->settled_ns = s->base.now_ns;
}

static void append(struct distribution_state *s, struct rfq *rfq, struct delivery *d)
{
    uint32_t slot = table_slot(s->deliveries, d);
    assert(rfq->linked < RFQ_LPS_MAX);
    if (rfq->linked)
        ((struct delivery *)table_at(s->deliveries, rfq->delivery_slots[rfq->linked - 1]))->next = slot;
    rfq->delivery_lps[rfq->linked] = (uint16_t)d->lp;
    rfq->delivery_slots[rfq->linked++] = slot;
    d->next = SLOT_NONE;
}

static struct delivery *make(struct distribution_state *s, struct rfq *rfq, struct lp *lp,
                             const struct delivery_released *ev)
{
    state_id_used(&s->base, ev->delivery);
    struct delivery *d = table_insert(s->deliveries, ev->delivery);
    d->rfq = ev->rfq;
    d->lp = ev->lp;
    d->timer = TIMER_NONE;
    append(s, rfq, d);
    rfq->deliveries++;
    lp->released++;
    occupy(lp, d, true);
    return d;
}

void delivery_released_apply(struct distribution_state *s, const struct delivery_released *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    struct lp *lp = lp_touched(s, ev->lp);
    struct delivery *d = table_get(s->deliveries, ev->delivery);
    if (d)
        table_touch(s->deliveries, d);
    else
        d = make(s, rfq, lp, ev);
    count(rfq, d, -1);
    d->released_ns = s->base.now_ns;
    d->session_lost = lp->session_lost;
    d->session = ev->head.session;
    d->gateway = ev->head.dest;
    d->attempts = ev->attempt;
    d->reason = REASON_NONE;
    d->state = ev->ack_required ? DELIVERY_SENT : DELIVERY_DELIVERED;
    d->due_ns = ev->due_ns;
    settle(s, lp, d);
    count(rfq, d, +1);
    arm(s, d);
}

static void count_answer(struct lp *lp, unsigned answer)
{
    if (answer == ANSWER_QUOTED)
        lp->quoted++;
    else if (answer == ANSWER_DECLINED)
        lp->declined++;
    else if (answer == ANSWER_NO_RESPONSE)
        lp->no_response++;
}

void delivery_state_apply(struct distribution_state *s, const struct delivery_state *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    struct lp *lp = lp_touched(s, ev->lp);
    struct delivery *d = delivery_touched(s, ev->delivery);
    count(rfq, d, -1);
    if (ev->answer != d->answer)
        count_answer(lp, ev->answer);
    if (ev->state != d->state && ev->state == DELIVERY_REJECTED)
        lp->rejected++;
    if (ev->state != d->state && ev->state == DELIVERY_FAILED)
        lp->failed++;
    d->state = ev->state;
    d->answer = ev->answer;
    d->reason = ev->reason;
    d->due_ns = ev->due_ns;
    settle(s, lp, d);
    count(rfq, d, +1);
    assert(!rfq_has_ended(rfq)); /* its deliveries are closed */
    occupy(lp, d,
           d->state != DELIVERY_REJECTED && d->state != DELIVERY_FAILED && d->answer != ANSWER_DECLINED);
    arm(s, d);
}

void delivery_ended_apply(struct distribution_state *s, const struct delivery_ended *ev)
{
    delivery_touched(s, ev->delivery)->ended = 1;
}

void delivery_close(struct distribution_state *s, struct delivery *d)
{
    table_touch(s->deliveries, d);
    d->due_ns = 0;
    arm(s, d);
    if (d->counted)
        occupy(lp_touched(s, d->lp), d, false);
}

void delivery_remove(struct distribution_state *s, struct delivery *d)
{
    timer_set(s, &d->timer, 0, 0, 0);
    table_remove(s->deliveries, d);
}

/* Visited by id, and so in the order of release. */
void delivery_rebuild(struct distribution_state *s, struct delivery *d)
{
    struct rfq *rfq = table_get(s->rfqs, d->rfq);
    assert(rfq);
    append(s, rfq, d);
    d->timer = TIMER_NONE;
    arm(s, d);
}

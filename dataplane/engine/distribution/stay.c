/* An RFQ's stay in a state that the workflow's table gives a time of its own: it begins with the transition,
 * may be extended, and what the table has for it fires level by level, each exactly once, up to the end. What
 * fell due while the process was down fires in order when it is back, because what is next is durable.
 *
 * The end of an award's time is its order's cancel; where the LP refuses that, it is asked again and again:
 * an RFQ ends.
 */
#include "dataplane/engine/distribution/inside.h"

/* From an LP's refusal to cancel an order whose award has had its time to the next try. */
#define AWARD_CANCEL_RETRY_NS (10 * 60 * 1000000000ull)

/* The stay as it is, but for when it is due. */
static struct rfq_timed *begin(struct emit *e, const struct rfq *rfq, const struct rfq_stay *stay)
{
    struct rfq_timed *ev = emit_begin(e, RECORD_RFQ_TIMED, sizeof *ev);
    ev->rfq = rfq->id;
    ev->since_ns = stay->since_ns;
    ev->timeout_ns = stay->timeout_ns;
    ev->state = rfq->state;
    ev->extensions = stay->extensions;
    ev->level = stay->level;
    return ev;
}

static void set_stay(struct emit *e, const struct rfq *rfq, const struct workflow_timeout *row,
                     const struct rfq_stay *stay, const struct workflow_step *fired)
{
    struct workflow_step next;
    struct rfq_timed *ev = begin(e, rfq, stay);
    if (fired) {
        struct text role = text_in(ev->role, sizeof ev->role);
        text_add(&role, fired->role);
        ev->fired = 1;
        ev->level = fired->level;
        ev->move = fired->move;
    }
    if (workflow_next(row, ev->level, ev->since_ns, ev->timeout_ns, &next))
        ev->due_ns = next.due_ns;
    emit_end(e, ev);
}

void stay_begin(struct emit *e, const struct rfq *rfq)
{
    const struct workflow_timeout *row = workflow_running(rfq->profile, rfq->state);
    if (!row || !row->duration_ns)
        return;
    const struct rfq_stay stay = {.since_ns = e->now_ns, .timeout_ns = e->now_ns + row->duration_ns};
    set_stay(e, rfq, row, &stay, NULL);
}

void stay_extend(struct emit *e, const struct rfq *rfq, uint64_t timeout_ns)
{
    const struct workflow_timeout *row = workflow_running(rfq->profile, rfq->state);
    struct rfq_stay stay = *distribution_stay(state_of(e), rfq->id);
    stay.timeout_ns = timeout_ns;
    stay.extensions++;
    set_stay(e, rfq, row, &stay, NULL);
}

/* The children first: AUTO_CANCEL, or COMPLETE with what is filled, is made when they are final (award.c). */
static void run_out(struct emit *e, const struct rfq *rfq)
{
    assert(rfq->state == RFQ_IS_AWARDED); /* the only state that runs with a time of its own */
    if (!rfq->cancel_pending)
        rfq_cancel(e, rfq, 0, REASON_SYSTEM_POLICY);
}

void stay_cancel_refused(struct emit *e, const struct rfq *rfq)
{
    const struct rfq_stay *stay = distribution_stay(state_of(e), rfq->id);
    if (!stay || stay->level != WORKFLOW_END)
        return;
    struct rfq_timed *ev = begin(e, rfq, stay);
    ev->due_ns = e->now_ns + AWARD_CANCEL_RETRY_NS;
    emit_end(e, ev);
}

void stay_due(struct emit *e, const struct rfq *rfq)
{
    const struct rfq_stay *stay = distribution_stay(state_of(e), rfq->id);
    const struct workflow_timeout *row = workflow_running(rfq->profile, rfq->state);
    struct workflow_step step;
    if (stay->level == WORKFLOW_END) { /* its cancel was refused */
        set_stay(e, rfq, row, stay, NULL);
        run_out(e, rfq);
        return;
    }
    bool any = workflow_next(row, stay->level, stay->since_ns, stay->timeout_ns, &step);
    assert(any && e->now_ns >= step.due_ns);
    (void)any;
    set_stay(e, rfq, row, stay, &step);
    if (step.level == WORKFLOW_END)
        run_out(e, rfq);
}

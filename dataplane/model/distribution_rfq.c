/* Applying what happens to an RFQ. */
#include <string.h>

#include "dataplane/model/distribution_apply.h"
#include "dataplane/model/distribution_key.h"

/* 0: nothing is due. */
static uint64_t stay_due_ns(const struct distribution_state *s, const struct rfq *rfq)
{
    const struct rfq_stay *stay = table_count(s->stays) ? table_get(s->stays, rfq->id) : NULL;
    return stay ? stay->due_ns : 0;
}

void rfq_arm(struct distribution_state *s, struct rfq *rfq)
{
    if (rfq_has_ended(rfq))
        timer_set(s, &rfq->timer, rfq->ended_ns + distribution_settings(s)->retire_after_ns, TIMER_RFQ_RETIRE,
                  rfq->id);
    else if (rfq->state == RFQ_BIDDING_OPEN || rfq->state == RFQ_BIDDING_CLOSED ||
             rfq->state == RFQ_EVALUATION)
        timer_set(s, &rfq->timer, rfq->deadline_ns, TIMER_RFQ_DEADLINE, rfq->id);
    else
        timer_set(s, &rfq->timer, stay_due_ns(s, rfq), TIMER_RFQ_STAY, rfq->id);
}

static void link_nothing(struct rfq *rfq)
{
    rfq->linked = 0;
    rfq->first_quote = rfq->first_ended_quote = SLOT_NONE;
    rfq->ended_quotes = 0;
    rfq->timer = TIMER_NONE;
}

/* A client's own reference names nothing: it may use one as often as it likes. */
static bool has_request_id(const struct rfq *rfq)
{
    return rfq->session != SESSION_NONE;
}

static void index_request(struct distribution_state *s, const struct rfq *rfq)
{
    if (has_request_id(rfq))
        key_index_add(&s->index->requests, request_key(rfq->session, rfq->request_id),
                      table_slot(s->rfqs, rfq));
}

void rfq_created_apply(struct distribution_state *s, const struct rfq_created *ev)
{
    state_id_used(&s->base, ev->rfq);
    struct rfq *rfq = table_insert(s->rfqs, ev->rfq);
    rfq->taker = ev->taker;
    rfq->instrument = ev->instrument;
    rfq->created_ns = rfq->updated_ns = s->base.now_ns;
    rfq->deadline_ns = ev->deadline_ns;
    rfq->quantity = ev->quantity;
    rfq->session = ev->head.session;
    rfq->tenant = ev->tenant;
    rfq->settl_date = ev->settl_date;
    rfq->gateway = ev->gateway;
    rfq->profile = ev->profile;
    rfq->state = RFQ_DRAFT;
    rfq->shown = SHOWN_PENDING;
    rfq->side = ev->side;
    rfq->all_or_none = ev->all_or_none;
    memcpy(rfq->request_id, ev->request_id, sizeof rfq->request_id);
    memcpy(rfq->symbol, ev->symbol, sizeof rfq->symbol);
    link_nothing(rfq);
    index_request(s, rfq);
    struct taker *taker = table_get(s->takers, ev->taker);
    assert(taker);
    table_touch(s->takers, taker);
    taker->rfqs++;
}

static void close_deliveries(struct distribution_state *s, const struct rfq *rfq)
{
    for (uint32_t i = 0; i < rfq->linked; i++)
        delivery_close(s, table_at(s->deliveries, rfq->delivery_slots[i]));
}

/* The award is undone: as though it had not been. */
static void forget_award(struct distribution_state *s, struct rfq *rfq, unsigned reason)
{
    if (reason == REASON_LP_DEFAULT)
        lp_touched(s, rfq->award_lp)->defaults++;
    struct quote *q = quote_touched(s, rfq->award_quote);
    if (q->status == QUOTE_ACCEPTED) {
        quote_stand_again(s, rfq, q);
        if (!q->given_back) /* an earlier release's: its digests count so */
            lp_touched(s, rfq->award_lp)->wins--;
    }
    rfq->award = rfq->award_quote = rfq->award_lp = rfq->award_order = 0;
    rfq->awarded_quantity = rfq->award_price = 0;
    rfq->in_doubt = 0;
}

/* Its stay in the state that it had is over. */
static void leave(struct distribution_state *s, const struct rfq *rfq)
{
    struct rfq_stay *stay = table_count(s->stays) ? table_get(s->stays, rfq->id) : NULL;
    if (stay)
        table_remove(s->stays, stay);
}

void rfq_timed_apply(struct distribution_state *s, const struct rfq_timed *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    assert(rfq->state == ev->state);
    struct rfq_stay *stay = table_get(s->stays, ev->rfq);
    if (!stay)
        stay = table_insert(s->stays, ev->rfq);
    table_touch(s->stays, stay);
    stay->since_ns = ev->since_ns;
    stay->timeout_ns = ev->timeout_ns;
    stay->due_ns = ev->due_ns;
    stay->state = ev->state;
    stay->level = ev->level;
    stay->extensions = ev->extensions;
    rfq_arm(s, rfq);
}

void rfq_transition_apply(struct distribution_state *s, const struct rfq_transition *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    assert(rfq->state == ev->from);
    rfq->state = ev->to;
    rfq->transitions++;
    leave(s, rfq);
    if (ev->deadline_ns)
        rfq->deadline_ns = ev->deadline_ns;
    if (ev->shown > rfq->shown) /* never goes back */
        rfq->shown = ev->shown;
    if (ev->to == RFQ_BIDDING_OPEN)
        rfq->released_ns = s->base.now_ns;
    if (ev->move == MOVE_REVERT_AWARD)
        forget_award(s, rfq, ev->reason);
    if (rfq_has_ended(rfq)) {
        rfq->ended_ns = s->base.now_ns;
        close_deliveries(s, rfq);
    }
    if (rfq_has_ended(rfq) || ev->move == MOVE_REVERT_AWARD)
        rfq->reason = ev->reason;
    rfq_arm(s, rfq);
}

void rfq_shown_apply(struct distribution_state *s, const struct rfq_shown *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    if (ev->shown > rfq->shown)
        rfq->shown = (uint8_t)ev->shown;
    if (ev->all_settled)
        rfq->distributed = 1;
}

void rfq_awarded_apply(struct distribution_state *s, const struct rfq_awarded *ev)
{
    state_id_used(&s->base, ev->award);
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    rfq->award = ev->award;
    rfq->award_quote = ev->quote;
    rfq->award_lp = ev->lp;
    rfq->award_order = ev->order;
    rfq->awarded_quantity = ev->quantity;
    rfq->award_price = ev->price;
    quote_accept(s, rfq, quote_touched(s, ev->quote));
    lp_touched(s, ev->lp)->wins++;
}

void rfq_order_apply(struct distribution_state *s, const struct rfq_order *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    rfq->award_order = ev->order;
    rfq->filled_quantity = ev->filled_quantity;
    rfq->in_doubt = (uint8_t)ev->in_doubt;
    if (ev->filled_quantity > 0) /* the same decision tells them */
        rfq->losers_told = 1;
    if (ev->gives_back)
        quote_touched(s, rfq->award_quote)->given_back = 1;
    if (ev->cancel_refused) { /* as though it had not been asked */
        rfq->cancel_pending = 0;
        rfq->cancel_who = rfq->cancel_reason = 0;
    }
}

void rfq_cancel_order_apply(struct distribution_state *s, const struct rfq_cancel_order *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    rfq->cancel_pending = 1;
    rfq->cancel_who = (uint16_t)ev->who_id;
    rfq->cancel_reason = (uint16_t)ev->reason;
}

static void remove_quotes(struct distribution_state *s, uint32_t slot)
{
    while (slot != SLOT_NONE) {
        struct quote *q = table_at(s->quotes, slot);
        slot = q->next;
        quote_remove(s, q);
    }
}

void rfq_retired_apply(struct distribution_state *s, const struct rfq_retired *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    assert(rfq_has_ended(rfq));
    remove_quotes(s, rfq->first_quote);
    remove_quotes(s, rfq->first_ended_quote);
    struct quote *accepted = table_get(s->quotes, rfq->award_quote);
    if (accepted)
        quote_remove(s, accepted);
    for (uint32_t i = 0; i < rfq->linked; i++)
        delivery_remove(s, table_at(s->deliveries, rfq->delivery_slots[i]));
    if (has_request_id(rfq))
        key_index_remove(&s->index->requests, request_key(rfq->session, rfq->request_id),
                         table_slot(s->rfqs, rfq));
    timer_set(s, &rfq->timer, 0, 0, 0);
    table_remove(s->rfqs, rfq);
}

void rfq_rebuild(struct distribution_state *s, struct rfq *rfq)
{
    link_nothing(rfq);
    index_request(s, rfq);
    rfq_arm(s, rfq);
}

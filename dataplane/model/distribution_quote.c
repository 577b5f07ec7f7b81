/* Applying what happens to a quote. Standing quotes are in the RFQ's list in the order of their rank, ended
 * ones in another, newest first; the accepted one is in neither (the RFQ names it).
 */
#include <string.h>

#include "dataplane/model/distribution_apply.h"
#include "dataplane/model/distribution_key.h"

static void index_name(struct distribution_state *s, const struct quote *q)
{
    key_index_add(&s->index->quotes, quote_key(q->lp, q->lp_quote_id), table_slot(s->quotes, q));
}

static struct quote *quote_at(struct distribution_state *s, uint32_t slot)
{
    return slot_entity(s->quotes, slot);
}

/* Ranks from here to the list's end. */
static void number(struct distribution_state *s, struct quote *q, unsigned rank)
{
    for (; q; q = quote_at(s, q->next), rank++) {
        if (q->rank == rank)
            continue;
        table_touch(s->quotes, q);
        q->rank = (uint16_t)rank;
    }
}

static void stand(struct distribution_state *s, struct rfq *rfq, struct quote *q)
{
    uint32_t *link = &rfq->first_quote;
    unsigned rank = 1;
    for (struct quote *at; (at = quote_at(s, *link)) && distribution_rank_before(rfq, at, q); rank++)
        link = &at->next;
    q->next = *link;
    *link = table_slot(s->quotes, q);
    rfq->quotes++;
    number(s, q, rank);
}

/* Out of the standing ones. */
static void fall(struct distribution_state *s, struct rfq *rfq, struct quote *q)
{
    uint32_t slot = table_slot(s->quotes, q), *link = &rfq->first_quote;
    unsigned rank = 1;
    for (; *link != slot; rank++) {
        struct quote *at = quote_at(s, *link);
        assert(at);
        link = &at->next;
    }
    *link = q->next;
    number(s, quote_at(s, q->next), rank);
    q->rank = 0;
    assert(rfq->quotes > 0);
    rfq->quotes--;
    timer_set(s, &q->timer, 0, 0, 0);
}

/* Into the ended ones: newest first, by time, then by id: so that the list can be made again from what is
 * durable. */
static void bury(struct distribution_state *s, struct rfq *rfq, struct quote *q)
{
    uint32_t *link = &rfq->first_ended_quote;
    for (struct quote *at; (at = quote_at(s, *link)) &&
                           (at->ended_ns > q->ended_ns || (at->ended_ns == q->ended_ns && at->id > q->id));)
        link = &at->next;
    q->next = *link;
    *link = table_slot(s->quotes, q);
    rfq->ended_quotes++;
}

/* Bound what an RFQ keeps: the oldest ended quotes go. Only where quotes are added, so that all that stood at
 * an RFQ's end are known until it retires. */
static void forget_oldest(struct distribution_state *s, struct rfq *rfq)
{
    while (rfq->ended_quotes > RFQ_ENDED_QUOTES_MAX) {
        uint32_t *link = &rfq->first_ended_quote;
        struct quote *q = quote_at(s, *link);
        while (q->next != SLOT_NONE) {
            link = &q->next;
            q = quote_at(s, q->next);
        }
        *link = SLOT_NONE;
        rfq->ended_quotes--;
        quote_remove(s, q);
    }
}

static void end(struct distribution_state *s, struct rfq *rfq, struct quote *q, unsigned status,
                unsigned reason)
{
    if (q->status == QUOTE_STANDING)
        fall(s, rfq, q);
    else
        assert(q->status == QUOTE_ACCEPTED);
    q->status = (uint16_t)status;
    q->reason = (uint16_t)reason;
    q->ended_ns = s->base.now_ns;
    bury(s, rfq, q);
}

void quote_added_apply(struct distribution_state *s, const struct quote_added *ev)
{
    state_id_used(&s->base, ev->quote);
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    if (ev->replaces) {
        struct quote *old = quote_touched(s, ev->replaces);
        end(s, rfq, old, QUOTE_IS_REPLACED, REASON_REPLACED);
        old->replaced_by = ev->quote;
    }
    struct quote *q = table_insert(s->quotes, ev->quote);
    q->rfq = ev->rfq;
    q->lp = ev->lp;
    q->delivery = ev->delivery;
    q->received_ns = s->base.now_ns;
    q->valid_until_ns = ev->valid_until_ns;
    q->bid = ev->bid;
    q->ask = ev->ask;
    q->bid_size = ev->bid_size;
    q->ask_size = ev->ask_size;
    q->status = QUOTE_STANDING;
    memcpy(q->lp_quote_id, ev->lp_quote_id, sizeof q->lp_quote_id);
    q->timer = TIMER_NONE;
    index_name(s, q);
    stand(s, rfq, q);
    timer_set(s, &q->timer, q->valid_until_ns, TIMER_QUOTE_EXPIRY, q->id);
    delivery_touched(s, ev->delivery)->quote = q->id;
    lp_touched(s, ev->lp)->quotes++;
    forget_oldest(s, rfq);
}

void quote_refused_apply(struct distribution_state *s, const struct quote_refused *ev)
{
    lp_touched(s, ev->lp)->quotes_refused++;
}

void quote_ended_apply(struct distribution_state *s, const struct quote_ended *ev)
{
    if (ev->status == QUOTE_ACCEPTED) { /* withdrawn too late: kept in mind, the award goes on */
        quote_touched(s, ev->quote)->reason = ev->reason;
        return;
    }
    end(s, rfq_touched(s, ev->rfq), quote_touched(s, ev->quote), ev->status, ev->reason);
    if (ev->status == QUOTE_IS_WITHDRAWN)
        lp_touched(s, ev->lp)->withdrawals++;
}

void quotes_ranked_apply(struct distribution_state *s, const struct quotes_ranked *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    assert(rfq->quotes == ev->count);
    rfq->best_bid = ev->best_bid;
    rfq->best_ask = ev->best_ask;
    rfq->best_bid_quote = rfq->best_ask_quote = 0;
    for (uint32_t i = 0; i < ev->count; i++) {
        if (ev->rankings[i].best & 1)
            rfq->best_bid_quote = ev->rankings[i].quote;
        if (ev->rankings[i].best & 2)
            rfq->best_ask_quote = ev->rankings[i].quote;
    }
}

void quote_accept(struct distribution_state *s, struct rfq *rfq, struct quote *q)
{
    fall(s, rfq, q);
    q->status = QUOTE_ACCEPTED;
    q->next = SLOT_NONE;
}

void quote_stand_again(struct distribution_state *s, struct rfq *rfq, struct quote *q)
{
    assert(q->status == QUOTE_ACCEPTED);
    q->status = QUOTE_STANDING;
    stand(s, rfq, q);
    timer_set(s, &q->timer, q->valid_until_ns, TIMER_QUOTE_EXPIRY, q->id);
}

void quote_remove(struct distribution_state *s, struct quote *q)
{
    key_index_remove(&s->index->quotes, quote_key(q->lp, q->lp_quote_id), table_slot(s->quotes, q));
    timer_set(s, &q->timer, 0, 0, 0);
    table_remove(s->quotes, q);
}

void quote_rebuild(struct distribution_state *s, struct quote *q)
{
    struct rfq *rfq = table_get(s->rfqs, q->rfq);
    assert(rfq);
    q->next = SLOT_NONE;
    q->timer = TIMER_NONE;
    index_name(s, q);
    if (q->status == QUOTE_ACCEPTED)
        return;
    if (q->status != QUOTE_STANDING) {
        bury(s, rfq, q);
        return;
    }
    uint32_t *link = &rfq->first_quote;
    for (struct quote *at; (at = quote_at(s, *link)) && at->rank < q->rank;)
        link = &at->next;
    q->next = *link;
    *link = table_slot(s->quotes, q);
    timer_set(s, &q->timer, q->valid_until_ns, TIMER_QUOTE_EXPIRY, q->id);
}

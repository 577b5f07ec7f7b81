/* Distribution's apply, split by object. Private to the distribution_*.c files of this folder: nobody else
 * changes an entity. Each function applies one event; none can fail; what an event names is there (asserted:
 * the engine guards, and a log holds only what an engine emitted).
 */
#ifndef RFQD_MODEL_DISTRIBUTION_APPLY_H
#define RFQD_MODEL_DISTRIBUTION_APPLY_H

#include <assert.h>

#include "dataplane/model/distribution.h"
#include "dataplane/model/key_index.h"

struct distribution_index {
    struct key_index symbols;                                             /* symbol → instrument */
    struct key_index requests;                                            /* session, request id → RFQ */
    struct key_index quotes;                                              /* LP, its quote id → quote */
    struct key_index client_keys;                                         /* key → client_key */
    uint32_t oldest_key, newest_key;                                      /* client_key slots */
    uint32_t lps[LPS_MAX + 1];                                            /* id → slot */
    uint32_t lp_by_session[SESSIONS_MAX], taker_by_session[SESSIONS_MAX]; /* slots */
};

static inline void *slot_entity(const struct table *t, uint32_t slot)
{
    return slot == SLOT_NONE ? NULL : table_at(t, slot);
}

/* Entities about to be changed. */
static inline struct rfq *rfq_touched(struct distribution_state *s, uint64_t id)
{
    struct rfq *rfq = table_get(s->rfqs, id);
    assert(rfq);
    table_touch(s->rfqs, rfq);
    rfq->updated_ns = s->base.now_ns;
    return rfq;
}

static inline struct delivery *delivery_touched(struct distribution_state *s, uint64_t id)
{
    struct delivery *d = table_get(s->deliveries, id);
    assert(d);
    table_touch(s->deliveries, d);
    return d;
}

static inline struct quote *quote_touched(struct distribution_state *s, uint64_t id)
{
    struct quote *q = table_get(s->quotes, id);
    assert(q);
    table_touch(s->quotes, q);
    return q;
}

static inline struct lp *lp_touched(struct distribution_state *s, uint64_t id)
{
    struct lp *lp = id <= LPS_MAX ? slot_entity(s->lps, s->index->lps[id]) : NULL;
    assert(lp);
    table_touch(s->lps, lp);
    return lp;
}

/* Arm, or arm anew; deadline_ns 0: only cancel. Nothing where the state has no timers. */
static inline void timer_set(struct distribution_state *s, uint32_t *handle, uint64_t deadline_ns,
                             uint32_t kind, uint64_t id)
{
    if (!s->base.timers)
        return;
    timer_cancel(s->base.timers, *handle);
    *handle = deadline_ns ? timer_arm(s->base.timers, deadline_ns, kind, id) : TIMER_NONE;
}

static inline bool rfq_has_ended(const struct rfq *rfq)
{
    return rfq->state >= RFQ_COMPLETED;
}

/* distribution_reference.c */
void settings_apply(struct distribution_state *s, const struct settings_set *ev);
void instrument_apply(struct distribution_state *s, const struct instrument_set *ev);
void lp_apply(struct distribution_state *s, const struct lp_set *ev);
void taker_apply(struct distribution_state *s, const struct taker_set *ev);
void session_apply(struct distribution_state *s, const struct engine_session *ev);
void reference_rebuild(struct distribution_state *s);

/* distribution_rfq.c */
void rfq_created_apply(struct distribution_state *s, const struct rfq_created *ev);
void rfq_transition_apply(struct distribution_state *s, const struct rfq_transition *ev);
void rfq_shown_apply(struct distribution_state *s, const struct rfq_shown *ev);
void rfq_awarded_apply(struct distribution_state *s, const struct rfq_awarded *ev);
void rfq_order_apply(struct distribution_state *s, const struct rfq_order *ev);
void rfq_cancel_order_apply(struct distribution_state *s, const struct rfq_cancel_order *ev);
void rfq_timed_apply(struct distribution_state *s, const struct rfq_timed *ev);
void rfq_retired_apply(struct distribution_state *s, const struct rfq_retired *ev);
void rfq_rebuild(struct distribution_state *s, struct rfq *rfq);

/* Its one timer: the deadline while it may still be awarded, the retirement once it has ended, else what its
 * stay has next. */
void rfq_arm(struct distribution_state *s, struct rfq *rfq);

/* distribution_client.c */
void rfq_extended_apply(struct distribution_state *s, const struct rfq_extended *ev);
void client_answered_apply(struct distribution_state *s, const struct client_answered *ev);
void client_key_rebuild(struct distribution_state *s, struct client_key *k);

/* distribution_delivery.c */
void delivery_released_apply(struct distribution_state *s, const struct delivery_released *ev);
void delivery_state_apply(struct distribution_state *s, const struct delivery_state *ev);
void delivery_ended_apply(struct distribution_state *s, const struct delivery_ended *ev);
/* Its RFQ has ended: no timer, and it counts no more at the LP. */
void delivery_close(struct distribution_state *s, struct delivery *d);
void delivery_remove(struct distribution_state *s, struct delivery *d);
void delivery_rebuild(struct distribution_state *s, struct delivery *d);

/* distribution_quote.c */
void quote_added_apply(struct distribution_state *s, const struct quote_added *ev);
void quote_refused_apply(struct distribution_state *s, const struct quote_refused *ev);
void quote_ended_apply(struct distribution_state *s, const struct quote_ended *ev);
void quotes_ranked_apply(struct distribution_state *s, const struct quotes_ranked *ev);
/* The award took it: it stands no more, and is in neither list. */
void quote_accept(struct distribution_state *s, struct rfq *rfq, struct quote *q);
/* The award came back and the quote was not ended: it was not used up. */
void quote_stand_again(struct distribution_state *s, struct rfq *rfq, struct quote *q);
void quote_remove(struct distribution_state *s, struct quote *q);
void quote_rebuild(struct distribution_state *s, struct quote *q);

#endif

/* Quotes (spec/30): taken or refused by name, replaced, withdrawn, expired; the ranking after each change. */
#include "dataplane/engine/distribution/inside.h"

/* Ranking
 * ----------------------------------------------------------------------------------------------------------------
 */

static bool better(int64_t price, int64_t size, int64_t best, int64_t best_size, bool lower_is_better)
{
    if (price != best)
        return (price < best) == lower_is_better;
    return size > best_size;
}

/* Best of each side. Ties: larger, then earlier; ids rise with arrival. */
static void find_bests(const struct distribution_state *s, const struct rfq *rfq,
                       const struct quote **best_bid, const struct quote **best_ask)
{
    const struct quote *bid = NULL, *ask = NULL;
    for (const struct quote *q = distribution_first_quote(s, rfq); q; q = distribution_next_quote(s, q)) {
        if (q->bid && (!bid || better(q->bid, q->bid_size, bid->bid, bid->bid_size, false) ||
                       (q->bid == bid->bid && q->bid_size == bid->bid_size && q->id < bid->id)))
            bid = q;
        if (q->ask && (!ask || better(q->ask, q->ask_size, ask->ask, ask->ask_size, true) ||
                       (q->ask == ask->ask && q->ask_size == ask->ask_size && q->id < ask->id)))
            ask = q;
    }
    *best_bid = bid;
    *best_ask = ask;
}

void quotes_rank(struct emit *e, const struct rfq *rfq)
{
    const struct distribution_state *s = state_of(e);
    const struct quote *bid, *ask;
    find_bests(s, rfq, &bid, &ask);
    uint32_t size = (uint32_t)(sizeof(struct quotes_ranked) + rfq->quotes * sizeof(struct ranked_quote));
    struct quotes_ranked *ev = emit_begin(e, RECORD_QUOTES_RANKED, size);
    ev->rfq = rfq->id;
    ev->best_bid = bid ? bid->bid : 0;
    ev->best_ask = ask ? ask->ask : 0;
    ev->spread = bid && ask ? ask->ask - bid->bid : 0;
    for (const struct quote *q = distribution_first_quote(s, rfq); q; q = distribution_next_quote(s, q))
        ev->rankings[ev->count++] = (struct ranked_quote){
            .quote = q->id, .rank = q->rank, .best = (q == bid ? 1u : 0) | (q == ask ? 2u : 0)};
    assert(ev->count == rfq->quotes);
    emit_end(e, ev);
}

void quote_end(struct emit *e, const struct rfq *rfq, const struct quote *q, enum quote_status status,
               enum reason reason)
{
    struct quote_ended *ev = emit_begin(e, RECORD_QUOTE_ENDED, sizeof *ev);
    if (status ==
        QUOTE_IS_WITHDRAWN) { /* of the others the taker knows: by 62, by a newer quote, by the RFQ's end */
        emit_to(ev, rfq->gateway, LANE_ENGINE, rfq->session);
        ev->out = (struct outbound){
            .rfq = rfq->id, .ref = q->id, .ref_kind = REF_QUOTE, .must_reach = REACH_BOUNDED};
    }
    ev->quote = q->id;
    ev->rfq = rfq->id;
    ev->lp = q->lp;
    ev->status = (uint16_t)status;
    ev->reason = (uint16_t)reason;
    memcpy(ev->request_id, rfq->request_id, sizeof ev->request_id);
    memcpy(ev->symbol, rfq->symbol, sizeof ev->symbol);
    emit_end(e, ev);
}

void quote_due(struct emit *e, const struct quote *q)
{
    const struct rfq *rfq = distribution_rfq(state_of(e), q->rfq);
    quote_end(e, rfq, q, QUOTE_IS_EXPIRED, REASON_QUOTE_EXPIRED);
    quotes_rank(e, rfq);
}

/* What a quote must be
 * --------------------------------------------------------------------------------------------------- */

static void say_price(struct text *t, const char *side, int64_t price)
{
    text_add(t, side);
    text_add_char(t, ' ');
    text_add_decimal(t, price);
}

static void check_open(const struct rfq *rfq, const struct lp *lp, const struct delivery *d, uint64_t now_ns,
                       struct refusal *r)
{
    if (!d) {
        struct text t = refuse(r, REASON_NOT_ASSIGNED);
        text_add(&t, "RFQ ");
        add_name(&t, 'R', rfq->id);
        text_add(&t, " was not sent to you");
    } else if (rfq->state != RFQ_BIDDING_OPEN) {
        struct text t = refuse(r, REASON_RFQ_NOT_OPEN);
        text_add(&t, "RFQ ");
        add_name(&t, 'R', rfq->id);
        text_add(&t, " is ");
        text_add(&t, rfq_state_name(rfq->state));
    } else if (now_ns >= rfq->deadline_ns) { /* its timer is about to fire */
        struct text t = refuse(r, REASON_QUOTE_LATE);
        text_add(&t, "the RFQ's deadline passed ");
        text_add_duration(&t, now_ns - rfq->deadline_ns);
        text_add(&t, " ago");
    } else if (lp->status != LP_ACTIVE) {
        struct text t = refuse(r, REASON_LP_SUSPENDED);
        text_add(&t, "the LP is ");
        text_add(&t, lp_status_name(lp->status));
    }
}

static void check_identity(const struct distribution_state *s, const struct rfq *rfq, const struct lp *lp,
                           const struct delivery *d, const struct command_quote *c, uint64_t now_ns,
                           struct refusal *r)
{
    /* an LP's first quote on an RFQ repeats none: no look-up for it */
    const struct quote *same =
        d->quote ? distribution_quote_by_name(s, lp->id, c->lp_quote_id, rfq->id) : NULL;
    if (same) {
        struct text t = refuse(r, REASON_DUPLICATE_QUOTE);
        text_add(&t, "QuoteID ");
        text_add_field(&t, c->lp_quote_id, sizeof c->lp_quote_id);
        text_add(&t, " was used before, and is ");
        text_add(&t, quote_status_name(same->status));
    } else if (c->valid_until_ns && now_ns >= c->valid_until_ns) {
        struct text t = refuse(r, REASON_QUOTE_LATE);
        text_add(&t, "valid until ");
        text_add_duration(&t, now_ns - c->valid_until_ns);
        text_add(&t, " ago");
    } else if (c->symbol[0] && memcmp(c->symbol, rfq->symbol, sizeof c->symbol) != 0) {
        struct text t = refuse(r, REASON_SYMBOL_MISMATCH);
        text_add(&t, "symbol ");
        text_add_field(&t, c->symbol, sizeof c->symbol);
        text_add(&t, ", the RFQ is for ");
        text_add_field(&t, rfq->symbol, sizeof rfq->symbol);
    }
}

static void check_sides(const struct rfq *rfq, const struct command_quote *c, struct refusal *r)
{
    if (c->has_bid && c->bid <= 0) {
        struct text t = refuse(r, REASON_PRICE_NOT_POSITIVE);
        say_price(&t, "bid", c->bid);
        text_add(&t, " is not positive");
    } else if (c->has_ask && c->ask <= 0) {
        struct text t = refuse(r, REASON_PRICE_NOT_POSITIVE);
        say_price(&t, "ask", c->ask);
        text_add(&t, " is not positive");
    } else if ((rfq->side == SIDE_BUY && !c->has_ask) || (rfq->side == SIDE_SELL && !c->has_bid) ||
               (!c->has_bid && !c->has_ask)) {
        struct text t = refuse(r, REASON_NO_PRICE);
        text_add(&t, rfq->side == SIDE_BUY    ? "no ask, and the taker buys"
                     : rfq->side == SIDE_SELL ? "no bid, and the taker sells"
                                              : "neither bid nor ask");
    } else if (c->has_bid && c->has_ask && c->bid > c->ask) {
        struct text t = refuse(r, REASON_CROSSED);
        say_price(&t, "bid", c->bid);
        say_price(&t, " is above ask", c->ask);
    }
}

static void check_size(const char *side, bool has_price, bool has_size, int64_t size, struct refusal *r)
{
    if (r->reason != REASON_NONE || !has_price || !has_size || size > 0)
        return;
    struct text t = refuse(r, REASON_SIZE_NOT_POSITIVE);
    say_price(&t, side, size);
    text_add(&t, " is not positive");
}

static void check_price(const struct instrument *i, const char *side, bool has_price, int64_t price,
                        struct refusal *r)
{
    if (r->reason != REASON_NONE || !has_price)
        return;
    if (i->tick && price % i->tick) {
        struct text t = refuse(r, REASON_TICK);
        say_price(&t, side, price);
        say_price(&t, " is not a multiple of the tick", i->tick);
        return;
    }
    if (!i->reference_price || !i->collar_percent)
        return;
    int64_t off = price > i->reference_price ? price - i->reference_price : i->reference_price - price;
    if ((__int128)off * 100 * DECIMAL_SCALE <= (__int128)i->reference_price * i->collar_percent)
        return;
    struct text t = refuse(r, REASON_COLLAR);
    say_price(&t, side, price);
    say_price(&t, " is more than", i->collar_percent);
    say_price(&t, " % off", i->reference_price);
}

/* In the order in which a reader would ask. The one that is not the LP's fault comes last. */
static void check_quote(const struct emit *e, const struct rfq *rfq, const struct lp *lp,
                        const struct delivery *d, const struct command_quote *c, struct refusal *r)
{
    const struct distribution_state *s = state_of(e);
    const struct instrument *i = distribution_instrument(s, rfq->instrument);
    r->reason = REASON_NONE;
    check_open(rfq, lp, d, e->now_ns, r);
    if (r->reason == REASON_NONE)
        check_identity(s, rfq, lp, d, c, e->now_ns, r);
    if (r->reason == REASON_NONE)
        check_sides(rfq, c, r);
    check_size("bid size", c->has_bid, c->has_bid_size, c->bid_size, r);
    check_size("ask size", c->has_ask, c->has_ask_size, c->ask_size, r);
    check_price(i, "bid", c->has_bid, c->bid, r);
    check_price(i, "ask", c->has_ask, c->ask, r);
    if (r->reason == REASON_NONE && table_count(s->quotes) == table_capacity(s->quotes)) {
        struct text t = refuse(r, REASON_BUSY);
        text_add(&t, "too many quotes in memory, try again later");
    }
}

/* The decision
 * -------------------------------------------------------------------------------------------------- */

static void refuse_quote(struct emit *e, const struct lane_item *item, const struct lp *lp,
                         const struct rfq *rfq, const struct refusal *r)
{
    const struct command_quote *c = (const void *)&item->record;
    struct quote_refused *ev = emit_begin(e, RECORD_QUOTE_REFUSED, sizeof *ev);
    emit_to(ev, item->agent, LANE_ENGINE, item->record.session);
    ev->rfq = rfq ? rfq->id : 0;
    ev->out = (struct outbound){
        .rfq = ev->rfq, .ref = ev->rfq, .ref_kind = rfq ? REF_RFQ : REF_NONE, .must_reach = REACH_BOUNDED};
    ev->lp = lp->id;
    ev->reason = r->reason;
    memcpy(ev->lp_quote_id, c->lp_quote_id, sizeof ev->lp_quote_id);
    memcpy(ev->request_id, c->request_id, sizeof ev->request_id);
    memcpy(ev->symbol, c->symbol, sizeof ev->symbol);
    memcpy(ev->text, r->text, sizeof ev->text);
    emit_end(e, ev);
}

/* The quantity that a side stands for: as stated, else what was asked. */
static int64_t size_for(const struct rfq *rfq, bool has_price, bool has_size, int64_t size)
{
    return !has_price ? 0 : has_size ? size : rfq->quantity;
}

static void add(struct emit *e, const struct rfq *rfq, const struct lp *lp, const struct delivery *d,
                const struct command_quote *c)
{
    const struct quote *former = distribution_quote(state_of(e), d->quote);
    struct quote_added *ev = emit_begin(e, RECORD_QUOTE_ADDED, sizeof *ev);
    emit_to(ev, rfq->gateway, LANE_ENGINE, rfq->session);
    ev->quote = state_next_id(e->state);
    ev->rfq = rfq->id;
    ev->lp = lp->id;
    ev->delivery = d->id;
    ev->replaces = former && former->status == QUOTE_STANDING ? former->id : 0;
    ev->valid_until_ns = c->valid_until_ns ? earlier(c->valid_until_ns, rfq->deadline_ns) : rfq->deadline_ns;
    ev->out = (struct outbound){.rfq = rfq->id,
                                .ref = ev->quote,
                                .ref_kind = REF_QUOTE,
                                .expires_ns = ev->valid_until_ns,
                                .must_reach = REACH_BOUNDED};
    ev->bid = c->has_bid ? c->bid : 0;
    ev->ask = c->has_ask ? c->ask : 0;
    ev->bid_size = size_for(rfq, c->has_bid, c->has_bid_size, c->bid_size);
    ev->ask_size = size_for(rfq, c->has_ask, c->has_ask_size, c->ask_size);
    ev->side = rfq->side;
    memcpy(ev->lp_quote_id, c->lp_quote_id, sizeof ev->lp_quote_id);
    memcpy(ev->request_id, rfq->request_id, sizeof ev->request_id);
    memcpy(ev->symbol, rfq->symbol, sizeof ev->symbol);
    memcpy(ev->lp_code, lp->code, sizeof ev->lp_code);
    emit_end(e, ev);
}

/* An RFQ of another tenant does not exist for this LP. */
static const struct rfq *visible_rfq(const struct distribution_state *s, const struct lp *lp, uint64_t id)
{
    const struct rfq *rfq = distribution_rfq(s, id);
    return rfq && rfq->tenant == lp->tenant ? rfq : NULL;
}

void decide_quote(struct emit *e, const struct lane_item *item)
{
    const struct command_quote *c = (const void *)&item->record;
    const struct distribution_state *s = state_of(e);
    const struct lp *lp = distribution_lp_by_session(s, item->record.session);
    struct refusal r;
    if (!lp) {
        distribution_note(e, item->record.type, 0, 0, REASON_UNKNOWN_SESSION,
                          "a quote from a session that is no LP's");
        return;
    }
    const struct rfq *rfq = visible_rfq(s, lp, c->rfq);
    if (!rfq) {
        struct text t = refuse(&r, REASON_UNKNOWN_RFQ);
        text_add(&t, "QuoteReqID ");
        text_add_field(&t, c->request_id, sizeof c->request_id);
        text_add(&t, " is not known");
        refuse_quote(e, item, lp, NULL, &r);
        return;
    }
    if (c->poss_resend && distribution_quote_by_name(s, lp->id, c->lp_quote_id, rfq->id)) {
        distribution_note(e, item->record.type, rfq->id, lp->id, REASON_REPEATED,
                          "PossResend of a quote that is known");
        return;
    }
    const struct delivery *d = distribution_delivery_to(s, rfq, lp->id);
    check_quote(e, rfq, lp, d, c, &r);
    if (r.reason != REASON_NONE) {
        refuse_quote(e, item, lp, rfq, &r);
        return;
    }
    if (d->state != DELIVERY_DELIVERED || d->answer != ANSWER_QUOTED) /* a quote acknowledges, even late */
        delivery_set(e, d, DELIVERY_DELIVERED, ANSWER_QUOTED, REASON_NONE, 0, NULL);
    add(e, rfq, lp, d, c);
    quotes_rank(e, rfq);
    rfq_progress(e, rfq);
}

/* Withdrawal
 * ---------------------------------------------------------------------------------------------------- */

/* The quote an LP's QuoteCancel means: by its own id, else whatever it has standing on the RFQ. */
static const struct quote *cancelled_quote(const struct distribution_state *s, const struct lp *lp,
                                           const struct command_quote_cancel *c)
{
    if (c->lp_quote_id[0])
        return distribution_quote_by_name(s, lp->id, c->lp_quote_id, c->rfq);
    const struct rfq *rfq = distribution_rfq(s, c->rfq);
    const struct delivery *d = rfq ? distribution_delivery_to(s, rfq, lp->id) : NULL;
    return d ? distribution_quote(s, d->quote) : NULL;
}

void decide_quote_cancel(struct emit *e, const struct lane_item *item)
{
    const struct command_quote_cancel *c = (const void *)&item->record;
    const struct lp *lp = distribution_lp_by_session(state_of(e), item->record.session);
    const struct quote *q = lp ? cancelled_quote(state_of(e), lp, c) : NULL;
    if (!lp) {
        distribution_note(e, item->record.type, 0, 0, REASON_UNKNOWN_SESSION,
                          "a cancel from a session that is no LP's");
    } else if (!q) {
        distribution_note(e, item->record.type, 0, lp->id, REASON_UNKNOWN_QUOTE,
                          c->lp_quote_id[0] ? c->lp_quote_id : "the LP has no quote on this RFQ");
    } else if (q->status == QUOTE_ACCEPTED && q->reason != REASON_WITHDRAWN &&
               distribution_rfq(state_of(e), q->rfq)->state == RFQ_IS_AWARDED) {
        /* Too late for the award, which goes on; but should it come back unused, the quote does not. */
        quote_end(e, distribution_rfq(state_of(e), q->rfq), q, QUOTE_ACCEPTED, REASON_WITHDRAWN);
    } else if (q->status != QUOTE_STANDING) {
        distribution_note(e, item->record.type, q->rfq, q->id,
                          q->status == QUOTE_ACCEPTED ? REASON_QUOTE_CONSUMED : REASON_REPEATED,
                          quote_status_name(q->status));
    } else {
        const struct rfq *rfq = distribution_rfq(state_of(e), q->rfq);
        quote_end(e, rfq, q, QUOTE_IS_WITHDRAWN, REASON_WITHDRAWN);
        quotes_rank(e, rfq);
    }
}

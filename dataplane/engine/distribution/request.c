/* A taker's request (R) and its withdrawal (Z). Everything that follows from a valid request by itself, up to
 * the release to the LPs, is one decision.
 */
#include "dataplane/engine/distribution/inside.h"

/* Refused before there is an RFQ
 * -------------------------------------------------------------------------------- */

static void refuse_request(struct emit *e, const struct lane_item *item, const char *request_id,
                           const char *symbol, const struct rfq *known, uint8_t shown,
                           const struct refusal *r)
{
    struct request_refused *ev = emit_begin(e, RECORD_REQUEST_REFUSED, sizeof *ev);
    emit_to(ev, item->agent, LANE_ENGINE, item->record.session);
    ev->rfq = known ? known->id : 0;
    ev->out = (struct outbound){
        .rfq = ev->rfq, .ref = ev->rfq, .ref_kind = known ? REF_RFQ : REF_NONE, .must_reach = 1};
    ev->reason = r->reason;
    ev->command = item->record.type;
    ev->shown = shown;
    ev->side = known ? known->side : SIDE_TWO_WAY;
    memcpy(ev->request_id, request_id, sizeof ev->request_id);
    memcpy(ev->symbol, known ? known->symbol : symbol, sizeof ev->symbol);
    memcpy(ev->text, r->text, sizeof ev->text);
    emit_end(e, ev);
}

static void answer_repeated(struct emit *e, const struct lane_item *item,
                            const struct command_quote_request *c, const struct rfq *known)
{
    struct refusal r;
    struct text t = refuse(&r, c->poss_resend ? REASON_REPEATED : REASON_DUPLICATE_REQUEST);
    if (c->poss_resend) {
        text_add(&t, "status ");
        text_add(&t, rfq_shown_name(known->shown));
    } else {
        text_add(&t, "QuoteReqID ");
        text_add_field(&t, c->request_id, sizeof c->request_id);
        text_add(&t, " was used before");
    }
    refuse_request(e, item, c->request_id, c->symbol, known, c->poss_resend ? known->shown : 0, &r);
}

/* Room for the RFQ, for a delivery to each LP, and for a quote of each; and no operator against it. */
bool request_may_create(const struct distribution_state *s, struct refusal *r)
{
    if (s->draining) {
        struct text draining = refuse(r, REASON_DRAINING);
        text_add(&draining, "no new RFQs are taken: the appliance is being drained");
        return false;
    }
    uint32_t lps = table_count(s->lps) < RFQ_LPS_MAX ? table_count(s->lps) : RFQ_LPS_MAX;
    const char *what = NULL;
    if (table_count(s->rfqs) >= table_capacity(s->rfqs))
        what = "RFQs";
    else if (table_count(s->deliveries) + lps > table_capacity(s->deliveries))
        what = "deliveries";
    else if (table_count(s->quotes) + lps > table_capacity(s->quotes))
        what = "quotes";
    if (!what)
        return true;
    struct text t = refuse(r, REASON_LIMIT);
    text_add(&t, "too many ");
    text_add(&t, what);
    text_add(&t, " in memory, try again later");
    return false;
}

/* PUBLISH's guard
 * ----------------------------------------------------------------------------------------------- */

static void check_quantity(const struct command_quote_request *c, const struct instrument *i,
                           struct refusal *r)
{
    int64_t least = i->quantity_min > 0 ? i->quantity_min : 1;
    if (c->quantity < least || (i->quantity_max && c->quantity > i->quantity_max)) {
        struct text t = refuse(r, REASON_QUANTITY_OUT_OF_RANGE);
        text_add(&t, "quantity ");
        text_add_decimal(&t, c->quantity);
        if (c->quantity < least) {
            text_add(&t, " is below ");
            text_add_decimal(&t, least);
        } else {
            text_add(&t, " is above ");
            text_add_decimal(&t, i->quantity_max);
        }
    } else if (i->lot && c->quantity % i->lot) {
        struct text t = refuse(r, REASON_LOT);
        text_add(&t, "quantity ");
        text_add_decimal(&t, c->quantity);
        text_add(&t, " is not a multiple of the lot ");
        text_add_decimal(&t, i->lot);
    }
}

static void check_deadline(const struct settings *settings, const struct command_quote_request *c,
                           uint64_t now_ns, struct refusal *r)
{
    if (!c->deadline_ns)
        return;
    if (c->deadline_ns <= now_ns) {
        struct text t = refuse(r, REASON_DEADLINE_PAST);
        text_add(&t, "the deadline passed ");
        text_add_duration(&t, now_ns - c->deadline_ns);
        text_add(&t, " ago");
    } else if (c->deadline_ns - now_ns > settings->deadline_max_ns) {
        struct text t = refuse(r, REASON_DEADLINE_TOO_FAR);
        text_add(&t, "the deadline is ");
        text_add_duration(&t, c->deadline_ns - now_ns);
        text_add(&t, " ahead, at most ");
        text_add_duration(&t, settings->deadline_max_ns);
    }
}

static void check_leg(const struct command_quote_request *c, const struct instrument *i, struct refusal *r)
{
    if (c->legs != 1) {
        struct text t = refuse(r, REASON_LEGS);
        text_add_number(&t, c->legs);
        text_add(&t, " legs, 1 is supported");
    } else if (!i) {
        struct text t = refuse(r, REASON_UNKNOWN_SYMBOL);
        text_add(&t, "symbol ");
        text_add_field(&t, c->symbol, sizeof c->symbol);
        text_add(&t, " is not known");
    } else if (!i->tradable) {
        struct text t = refuse(r, REASON_NOT_TRADABLE);
        text_add(&t, "symbol ");
        text_add_field(&t, c->symbol, sizeof c->symbol);
        text_add(&t, " is not tradable now");
    } else if (c->side != SIDE_TWO_WAY && c->side != SIDE_BUY && c->side != SIDE_SELL) {
        struct text t = refuse(r, REASON_SIDE);
        text_add(&t, "side ");
        text_add_char(&t, c->side >= ' ' && c->side <= '~' ? (char)c->side : '?');
        text_add(&t, " is not supported: 1, 2, or none for two-way");
    }
}

static void check_publishable(const struct distribution_state *s, const struct command_quote_request *c,
                              const struct instrument *i, uint64_t now_ns, struct refusal *r)
{
    r->reason = REASON_NONE;
    check_leg(c, i, r);
    if (r->reason == REASON_NONE)
        check_quantity(c, i, r);
    if (r->reason == REASON_NONE)
        check_deadline(distribution_settings(s), c, now_ns, r);
}

/* The decision
 * -------------------------------------------------------------------------------------------------- */

static const struct rfq *create(struct emit *e, const struct lane_item *item, const struct taker *taker,
                                const struct command_quote_request *c, const struct instrument *i,
                                uint8_t all_or_none)
{
    uint64_t id = state_next_id(e->state);
    struct rfq_created *ev = emit_begin(e, RECORD_RFQ_CREATED, sizeof *ev);
    ev->head.session = item->record.session;
    ev->rfq = id;
    ev->taker = taker->id;
    ev->instrument = i ? i->id : 0;
    ev->deadline_ns =
        c->deadline_ns ? c->deadline_ns : e->now_ns + distribution_settings(state_of(e))->deadline_default_ns;
    ev->quantity = c->quantity;
    ev->tenant = taker->tenant;
    ev->settl_date = c->settl_date;
    ev->gateway = item->agent;
    ev->profile = PROFILE_INSTANT;
    ev->side = c->side;
    ev->all_or_none = all_or_none;
    memcpy(ev->request_id, c->request_id, sizeof ev->request_id);
    memcpy(ev->symbol, c->symbol, sizeof ev->symbol);
    emit_end(e, ev);
    return distribution_rfq(state_of(e), id);
}

static void distribute(struct emit *e, const struct rfq *rfq)
{
    const struct lp *lps[RFQ_LPS_MAX];
    rfq_move(
        e, rfq,
        &(struct move){
            .move = MOVE_PUBLISH, .who = WHO_USER, .who_id = rfq->taker, .facts = {.publishable = true}});
    unsigned count = eligibility_select(e, rfq, lps);
    if (count == 0) {
        rfq_end(e, rfq,
                &(struct move){.move = MOVE_REJECT,
                               .who = WHO_SYSTEM,
                               .reason = REASON_NO_ELIGIBLE_LP,
                               .text = "No eligible liquidity providers"});
        return;
    }
    rfq_move(e, rfq,
             &(struct move){.move = MOVE_OPEN_BIDDING, .who = WHO_SYSTEM, .facts = {.lp_assigned = true}});
    release_all(e, rfq, lps, count);
    rfq_progress(e, rfq); /* LPs that need not acknowledge have it delivered now */
}

/* What a valid request will make: their places in memory are asked for while it is being checked. */
static void prefetch(const struct emit *e)
{
    const struct distribution_state *s = state_of(e);
    uint64_t id = state_next_id(e->state);
    uint32_t lps = table_count(s->lps) < RFQ_LPS_MAX ? table_count(s->lps) : RFQ_LPS_MAX;
    table_prefetch(s->rfqs, id);
    for (uint32_t i = 1; i <= lps; i++)
        table_prefetch(s->deliveries, id + i);
}

const struct rfq *request_take(struct emit *e, const struct lane_item *item, const struct taker *taker,
                               const struct command_quote_request *c, uint8_t all_or_none, struct refusal *r)
{
    const struct distribution_state *s = state_of(e);
    const struct instrument *i = distribution_instrument_by_symbol(s, c->symbol);
    check_publishable(s, c, i, e->now_ns, r);
    const struct rfq *rfq = create(e, item, taker, c, i, all_or_none);
    if (r->reason == REASON_NONE)
        distribute(e, rfq);
    else
        rfq_end(e, rfq,
                &(struct move){.move = MOVE_REJECT, .who = WHO_SYSTEM, .reason = r->reason, .text = r->text});
    return rfq;
}

void decide_quote_request(struct emit *e, const struct lane_item *item)
{
    const struct command_quote_request *c = (const void *)&item->record;
    const struct distribution_state *s = state_of(e);
    prefetch(e);
    uint32_t session = item->record.session;
    const struct taker *taker = distribution_taker_by_session(s, session);
    if (!taker) {
        distribution_note(e, item->record.type, 0, 0, REASON_UNKNOWN_SESSION,
                          "a request from a session that is no taker's");
        return;
    }
    const struct rfq *known = distribution_rfq_by_request(s, session, c->request_id);
    if (known) {
        answer_repeated(e, item, c, known);
        return;
    }
    struct refusal r;
    if (!request_may_create(s, &r))
        refuse_request(e, item, c->request_id, c->symbol, NULL, 0, &r);
    else
        request_take(e, item, taker, c, 0, &r);
}

/* Withdrawal
 * ---------------------------------------------------------------------------------------------------- */

static void ask_order_cancelled(struct emit *e, const struct rfq *rfq, uint64_t who_id, enum reason reason)
{
    struct rfq_cancel_order *ev = emit_begin(e, RECORD_RFQ_CANCEL_ORDER, sizeof *ev);
    emit_to(ev, AGENT_ROUTING, LANE_ENGINE, SESSION_NONE);
    ev->rfq = rfq->id;
    ev->award = rfq->award;
    ev->order = rfq->award_order;
    ev->who_id = who_id;
    ev->reason = reason;
    emit_end(e, ev);
}

void rfq_cancel(struct emit *e, const struct rfq *rfq, uint64_t who_id, enum reason reason)
{
    if (rfq->state == RFQ_IS_AWARDED)
        ask_order_cancelled(e, rfq, who_id, reason);
    else
        rfq_end(e, rfq,
                &(struct move){.move = MOVE_CANCEL, .who = WHO_USER, .who_id = who_id, .reason = reason});
}

bool rfq_may_be_cancelled(const struct rfq *rfq, struct refusal *r)
{
    r->reason = REASON_NONE;
    if (workflow_is_end(rfq->state)) {
        struct text t = refuse(r, REASON_RFQ_STATE);
        text_add(&t, "the RFQ is ");
        text_add(&t, rfq_state_name(rfq->state));
    } else if (rfq->cancel_pending) {
        struct text t = refuse(r, REASON_CANCEL_PENDING);
        text_add(&t, "a cancel is pending at the LP");
    }
    return r->reason == REASON_NONE;
}

void decide_request_cancel(struct emit *e, const struct lane_item *item)
{
    const struct command_request_cancel *c = (const void *)&item->record;
    const char no_symbol[SYMBOL_SIZE] = {0};
    const struct rfq *rfq = distribution_rfq_by_request(state_of(e), item->record.session, c->request_id);
    struct refusal r;
    if (!distribution_taker_by_session(state_of(e), item->record.session)) {
        distribution_note(e, item->record.type, 0, 0, REASON_UNKNOWN_SESSION,
                          "a cancel from a session that is no taker's");
    } else if (!rfq) {
        struct text t = refuse(&r, REASON_UNKNOWN_RFQ);
        text_add(&t, "QuoteReqID ");
        text_add_field(&t, c->request_id, sizeof c->request_id);
        text_add(&t, " is not known");
        refuse_request(e, item, c->request_id, no_symbol, NULL, 0, &r);
    } else if (rfq_may_be_cancelled(rfq, &r)) {
        rfq_cancel(e, rfq, rfq->taker, REASON_TAKER_REQUEST);
    } else {
        refuse_request(e, item, c->request_id, no_symbol, rfq, 0, &r);
    }
}

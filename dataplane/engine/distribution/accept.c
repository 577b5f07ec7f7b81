/* Acceptance (spec/30): by QuoteResponse (AJ), or by an order (D) that routing asks for. All refusals first,
 * each by name; then the missing steps of the workflow and the award are one decision.
 */
#include "dataplane/engine/distribution/inside.h"

struct acceptance {
    uint64_t taker;   /* whose RFQ it is to be; 0: nobody's */
    uint32_t session; /* that it came by, and gets the executions; SESSION_NONE: the RFQ's */
    uint8_t gateway;  /* the session's */
    uint64_t quote;   /* 0: what was given is no quote's name */
    const char *quote_id, *symbol, *cl_ord_id; /* as FIX gives them; NULL: by a client */
    const char *response_id;                   /* AJ's 693; else NULL */
    uint64_t order;                            /* routing's; 0: not by D */
    int64_t quantity, price;                   /* 0: not given */
    uint8_t side;                              /* 0: not given */
};

/* What was found, when it may be accepted. */
struct award {
    const struct rfq *rfq;
    const struct quote *quote;
    uint8_t side;
    int64_t quantity, price;
};

/* Guards
 * ------------------------------------------------------------------------------------------------------- */

static void say_quote(struct text *t, const struct acceptance *a)
{
    text_add(t, "quote ");
    if (a->quote_id)
        text_add_field(t, a->quote_id, ID_TEXT_SIZE);
    else
        add_name(t, 'Q', a->quote);
}

static uint64_t quote_named(const char quote_id[ID_TEXT_SIZE])
{
    return name_parse('Q', quote_id, strnlen(quote_id, ID_TEXT_SIZE));
}

/* The quote, where it is this taker's. Another's is as good as none: nothing is told about it. */
static void find(const struct distribution_state *s, const struct acceptance *a, struct award *w,
                 struct refusal *r)
{
    w->quote = distribution_quote(s, a->quote);
    w->rfq = w->quote ? distribution_rfq(s, w->quote->rfq) : NULL;
    if (w->rfq && w->rfq->taker == a->taker)
        return;
    struct text t = refuse(r, w->rfq ? REASON_NOT_YOURS : REASON_UNKNOWN_QUOTE);
    say_quote(&t, a);
    text_add(&t, " is not known");
    w->rfq = NULL;
    w->quote = NULL;
}

/* The quote by itself: it stands, now, whether its timer has fired or not. */
static void check_quote_stands(const struct acceptance *a, const struct quote *q, uint64_t now_ns,
                               struct refusal *r)
{
    if (q->status == QUOTE_IS_REPLACED) {
        struct text t = refuse(r, REASON_REPLACED);
        say_quote(&t, a);
        text_add(&t, " was replaced by ");
        add_name(&t, 'Q', q->replaced_by);
    } else if (q->status == QUOTE_IS_WITHDRAWN && q->reason == REASON_LP_SUSPENDED) {
        struct text t = refuse(r, REASON_LP_SUSPENDED);
        say_quote(&t, a);
        text_add(&t, " became invalid: the LP was suspended");
    } else if (q->status == QUOTE_IS_WITHDRAWN) {
        struct text t = refuse(r, REASON_WITHDRAWN);
        say_quote(&t, a);
        text_add(&t, " was withdrawn by the LP");
    } else if (q->status == QUOTE_IS_EXPIRED || now_ns >= q->valid_until_ns) {
        struct text t = refuse(r, REASON_QUOTE_EXPIRED);
        say_quote(&t, a);
        text_add(&t, " expired ");
        text_add_duration(&t, now_ns - q->valid_until_ns);
        text_add(&t, " ago");
    }
}

static bool may_be_awarded(unsigned state)
{
    return state == RFQ_BIDDING_OPEN || state == RFQ_BIDDING_CLOSED || state == RFQ_EVALUATION;
}

static void check_state(const struct distribution_state *s, const struct acceptance *a, const struct award *w,
                        uint64_t now_ns, struct refusal *r)
{
    const struct lp *lp = distribution_lp(s, w->quote->lp);
    if (!may_be_awarded(w->rfq->state)) {
        struct text t = refuse(r, REASON_RFQ_STATE);
        text_add(&t, "the RFQ is ");
        text_add(&t, rfq_state_name(w->rfq->state));
    } else if (now_ns >= w->rfq->deadline_ns) { /* its timer is about to fire */
        struct text t = refuse(r, REASON_QUOTE_EXPIRED);
        text_add(&t, "the RFQ's deadline passed ");
        text_add_duration(&t, now_ns - w->rfq->deadline_ns);
        text_add(&t, " ago");
    } else if (w->quote->status != QUOTE_STANDING) { /* its award was undone */
        struct text t = refuse(r, REASON_QUOTE_CONSUMED);
        say_quote(&t, a);
        text_add(&t, " was accepted before and not filled");
    } else if (lp->status != LP_ACTIVE) {
        struct text t = refuse(r, REASON_LP_SUSPENDED);
        text_add(&t, "the LP is ");
        text_add(&t, lp_status_name(lp->status));
    }
}

static void check_side(const struct acceptance *a, struct award *w, struct refusal *r)
{
    w->side = a->side ? a->side : w->rfq->side;
    w->price = w->side == SIDE_BUY ? w->quote->ask : w->side == SIDE_SELL ? w->quote->bid : 0;
    if (w->rfq->side != SIDE_TWO_WAY && w->side != w->rfq->side) {
        struct text t = refuse(r, REASON_WRONG_SIDE);
        text_add(&t, w->rfq->side == SIDE_BUY ? "the request was to buy" : "the request was to sell");
    } else if (w->side != SIDE_BUY && w->side != SIDE_SELL) {
        struct text t = refuse(r, REASON_WRONG_SIDE);
        text_add(&t, "the request was two-way: the side must be named, 1 or 2");
    } else if (!w->price) {
        struct text t = refuse(r, REASON_WRONG_SIDE);
        text_add(&t, w->side == SIDE_BUY ? "the quote has no ask" : "the quote has no bid");
    } else if (a->symbol && a->symbol[0] && memcmp(a->symbol, w->rfq->symbol, SYMBOL_SIZE) != 0) {
        struct text t = refuse(r, REASON_SYMBOL_MISMATCH);
        text_add(&t, "symbol ");
        text_add_field(&t, a->symbol, SYMBOL_SIZE);
        text_add(&t, ", the RFQ is for ");
        text_add_field(&t, w->rfq->symbol, SYMBOL_SIZE);
    }
}

/* A quote is taken whole: for what was asked, or for its size where that is less. */
static void check_terms(const struct acceptance *a, struct award *w, struct refusal *r)
{
    int64_t size = w->side == SIDE_BUY ? w->quote->ask_size : w->quote->bid_size;
    w->quantity = size < w->rfq->quantity ? size : w->rfq->quantity;
    if (w->rfq->all_or_none && size < w->rfq->quantity) {
        struct text t = refuse(r, REASON_WRONG_QUANTITY);
        text_add(&t, "all or none of ");
        text_add_decimal(&t, w->rfq->quantity);
        text_add(&t, ", the quote is for ");
        text_add_decimal(&t, size);
    } else if (a->quantity && a->quantity != w->quantity) {
        struct text t = refuse(r, REASON_WRONG_QUANTITY);
        text_add(&t, "quantity ");
        text_add_decimal(&t, a->quantity);
        text_add(&t, ", the quote can be taken for ");
        text_add_decimal(&t, w->quantity);
    } else if (a->price && a->price != w->price) {
        struct text t = refuse(r, REASON_WRONG_PRICE);
        text_add(&t, "price ");
        text_add_decimal(&t, a->price);
        text_add(&t, ", the quote is at ");
        text_add_decimal(&t, w->price);
    }
}

static void check_accept(const struct emit *e, const struct acceptance *a, struct award *w, struct refusal *r)
{
    const struct distribution_state *s = state_of(e);
    memset(w, 0, sizeof *w);
    r->reason = REASON_NONE;
    find(s, a, w, r);
    if (r->reason == REASON_NONE && (w->rfq->state == RFQ_IS_AWARDED || w->rfq->state == RFQ_COMPLETED)) {
        struct text t = refuse(r, REASON_ALREADY_AWARDED);
        text_add(&t, "already awarded");
    }
    if (r->reason == REASON_NONE)
        check_quote_stands(a, w->quote, e->now_ns, r);
    if (r->reason == REASON_NONE)
        check_state(s, a, w, e->now_ns, r);
    if (r->reason == REASON_NONE)
        check_side(a, w, r);
    if (r->reason == REASON_NONE)
        check_terms(a, w, r);
}

/* Answers
 * ------------------------------------------------------------------------------------------------------ */

/* To the taker, or to routing where an order asked. */
static void refuse_accept(struct emit *e, const struct lane_item *item, const struct acceptance *a,
                          const struct award *w, const struct refusal *r)
{
    struct accept_refused *ev = emit_begin(e, RECORD_ACCEPT_REFUSED, sizeof *ev);
    ev->rfq = w->rfq ? w->rfq->id : 0;
    ev->quote = w->quote ? w->quote->id : 0;
    if (a->order) {
        emit_to(ev, AGENT_ROUTING, LANE_ENGINE, SESSION_NONE);
    } else {
        emit_to(ev, item->agent, LANE_ENGINE, a->session);
        ev->out = (struct outbound){
            .rfq = ev->rfq, .ref = ev->quote, .ref_kind = ev->quote ? REF_QUOTE : REF_NONE, .must_reach = 1};
    }
    ev->order = a->order;
    ev->reason = r->reason;
    ev->expired = r->reason == REASON_QUOTE_EXPIRED;
    if (a->response_id)
        memcpy(ev->response_id, a->response_id, sizeof ev->response_id);
    memcpy(ev->quote_id, a->quote_id, sizeof ev->quote_id);
    memcpy(ev->symbol, w->rfq ? w->rfq->symbol : a->symbol, sizeof ev->symbol);
    memcpy(ev->text, r->text, sizeof ev->text);
    emit_end(e, ev);
}

/* The steps to AWARDED that are still missing, by the taker's word. */
static void close_and_award(struct emit *e, const struct rfq *rfq)
{
    struct move m = {
        .who = WHO_USER, .who_id = rfq->taker, .facts = {.taker_closes = true, .quote_valid = true}};
    if (rfq->state == RFQ_BIDDING_OPEN) {
        m.move = MOVE_CLOSE_BIDDING;
        rfq_move(e, rfq, &m);
    }
    if (rfq->state == RFQ_BIDDING_CLOSED) {
        m.move = MOVE_START_EVALUATION;
        rfq_move(e, rfq, &m);
    }
    m.move = MOVE_AWARD;
    rfq_move(e, rfq, &m);
}

static void award(struct emit *e, const struct acceptance *a, const struct award *w)
{
    const struct rfq *rfq = w->rfq;
    const struct lp *lp = distribution_lp(state_of(e), w->quote->lp);
    close_and_award(e, rfq);
    struct rfq_awarded *ev = emit_begin(e, RECORD_RFQ_AWARDED, sizeof *ev);
    emit_to(ev, AGENT_ROUTING, LANE_ENGINE, SESSION_NONE);
    ev->rfq = rfq->id;
    ev->award = state_next_id(e->state);
    ev->quote = w->quote->id;
    ev->lp = lp->id;
    ev->taker = rfq->taker;
    ev->order = a->order;
    ev->valid_until_ns = w->quote->valid_until_ns;
    ev->quantity = w->quantity;
    ev->price = w->price;
    ev->taker_session = a->session != SESSION_NONE ? a->session : rfq->session;
    ev->lp_session = lp->session;
    ev->taker_gateway = a->session != SESSION_NONE ? a->gateway : rfq->gateway;
    ev->lp_gateway = lp->gateway;
    ev->side = w->side;
    if (a->cl_ord_id)
        memcpy(ev->cl_ord_id, a->cl_ord_id, sizeof ev->cl_ord_id);
    memcpy(ev->lp_quote_id, w->quote->lp_quote_id, sizeof ev->lp_quote_id);
    memcpy(ev->symbol, rfq->symbol, sizeof ev->symbol);
    emit_end(e, ev);
}

static void accept(struct emit *e, const struct lane_item *item, const struct acceptance *a)
{
    struct award w;
    struct refusal r;
    check_accept(e, a, &w, &r);
    if (r.reason == REASON_NONE)
        award(e, a, &w);
    else
        refuse_accept(e, item, a, &w, &r);
}

/* Commands
 * ----------------------------------------------------------------------------------------------------- */

/* QuoteRespType (694). */
enum { RESPONSE_HIT = 1, RESPONSE_PASS = 6 };

/* A repetition of an acceptance that was taken is no second one: the first one's award goes on, and its answers
 * are executions. Where our own controls refused that award the quote stands again, and nothing tells the
 * repetition from an acceptance that we never got: it is refused, as the first was, and who means it says it
 * anew. False: it is not of that kind. */
static bool repeated(struct emit *e, const struct lane_item *item, const struct acceptance *a)
{
    struct award w;
    struct refusal r = {.reason = REASON_NONE};
    find(state_of(e), a, &w, &r);
    if (r.reason != REASON_NONE)
        return false;
    if (w.quote->status == QUOTE_ACCEPTED) {
        distribution_note(e, item->record.type, 0, 0, REASON_REPEATED,
                          "PossResend of the acceptance that was taken");
        return true;
    }
    if (!w.quote->given_back)
        return false;
    struct text t = refuse(&r, REASON_REPEATED);
    text_add(&t, "PossResend of an acceptance that our controls refused");
    refuse_accept(e, item, a, &w, &r);
    return true;
}

/* The taker takes none: its RFQ is over. */
static void pass(struct emit *e, const struct lane_item *item, const struct acceptance *a)
{
    struct award w;
    struct refusal r = {.reason = REASON_NONE};
    find(state_of(e), a, &w, &r);
    if (r.reason == REASON_NONE && workflow_is_end(w.rfq->state)) {
        struct text t = refuse(&r, REASON_RFQ_STATE);
        text_add(&t, "the RFQ is ");
        text_add(&t, rfq_state_name(w.rfq->state));
    } else if (r.reason == REASON_NONE && w.rfq->state == RFQ_IS_AWARDED) {
        struct text t = refuse(&r, REASON_ALREADY_AWARDED);
        text_add(&t, "already awarded");
    }
    if (r.reason == REASON_NONE)
        rfq_cancel(e, w.rfq, w.rfq->taker, REASON_TAKER_REQUEST);
    else
        refuse_accept(e, item, a, &w, &r);
}

static void refuse_type(struct emit *e, const struct lane_item *item, const struct acceptance *a,
                        uint32_t type)
{
    struct award w = {0};
    struct refusal r;
    struct text t = refuse(&r, REASON_RESPONSE_TYPE);
    text_add(&t, "QuoteRespType ");
    text_add_number(&t, type);
    text_add(&t, " is not supported: 1 (hit or lift) or 6 (pass)");
    refuse_accept(e, item, a, &w, &r);
}

void decide_quote_response(struct emit *e, const struct lane_item *item)
{
    const struct command_quote_response *c = (const void *)&item->record;
    const struct taker *taker = distribution_taker_by_session(state_of(e), item->record.session);
    const struct acceptance a = {.taker = taker ? taker->id : 0,
                                 .session = item->record.session,
                                 .gateway = item->agent,
                                 .quote = quote_named(c->quote_id),
                                 .quote_id = c->quote_id,
                                 .symbol = c->symbol,
                                 .cl_ord_id = c->cl_ord_id,
                                 .response_id = c->response_id,
                                 .quantity = c->quantity,
                                 .price = c->price,
                                 .side = c->side};
    if (!taker)
        distribution_note(e, item->record.type, 0, 0, REASON_UNKNOWN_SESSION,
                          "a response from a session that is no taker's");
    else if (c->response_type == RESPONSE_HIT) {
        if (!c->poss_resend || !repeated(e, item, &a))
            accept(e, item, &a);
    } else if (c->response_type == RESPONSE_PASS)
        pass(e, item, &a);
    else
        refuse_type(e, item, &a, c->response_type);
}

/* ORDER_CREATED of a D: routing asks for its order. */
void decide_order_asks(struct emit *e, const struct lane_item *item)
{
    const struct order_created *c = (const void *)&item->record;
    const struct taker *taker = distribution_taker_by_session(state_of(e), c->taker_session);
    const struct acceptance a = {.taker = taker ? taker->id : 0,
                                 .session = c->taker_session,
                                 .gateway = c->taker_gateway,
                                 .quote = quote_named(c->quote_id),
                                 .quote_id = c->quote_id,
                                 .symbol = c->symbol,
                                 .cl_ord_id = c->cl_ord_id,
                                 .order = c->order,
                                 .quantity = c->quantity,
                                 .price = c->price,
                                 .side = c->side};
    if (c->state == ORDER_AWAITING)
        accept(e, item, &a);
    else
        distribution_note(e, item->record.type, c->rfq, c->order, REASON_REPEATED,
                          "the order asks for nothing");
}

void accept_for_client(struct emit *e, const struct client_acceptance *c, struct refusal *r)
{
    const struct acceptance a = {.taker = c->taker,
                                 .session = SESSION_NONE,
                                 .quote = c->quote,
                                 .quantity = c->quantity,
                                 .price = c->price,
                                 .side = c->side};
    struct award w;
    check_accept(e, &a, &w, r);
    if (r->reason == REASON_NONE)
        award(e, &a, &w);
}

/* One record as an event: a table says which record is which event in either form, and what its data are made
 * of. Data are written from the record and from facts (inside.h), never from state that moves on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/feed/inside.h"
#include "dataplane/core/clock.h"
#include "dataplane/model/record_rfq.h"

struct making {
    struct facts *facts;
    const struct record *r;
    const struct feed_event *e;
    struct json *j;
    enum err *error; /* the first fact that could not be had */
};

/* Members
 * ----------------------------------------------------------------------------------------------------- */

static void put_rfq(const struct making *m)
{
    json_name(m->j, "rfqId", 'R', m->e->rfq);
}

static void put_lp(const struct making *m, uint64_t lp)
{
    char code[CODE_SIZE + 1];
    facts_lp(m->facts, lp, code);
    json_text(m->j, "lpId", code);
}

static void put_quote_lp(const struct making *m, uint64_t rfq, uint64_t quote)
{
    uint64_t lp = 0;
    enum err e = facts_quote_lp(m->facts, rfq, quote, &lp);
    if (e != OK && *m->error == OK)
        *m->error = e;
    put_lp(m, lp);
}

/* Data, one function for each shape
 * ------------------------------------------------------------------------------------------------ */

static void data_created(const struct making *m)
{
    const struct rfq_created *ev = (const void *)m->r;
    put_rfq(m);
    json_chars(m->j, "symbol", ev->symbol, sizeof ev->symbol);
    json_text(m->j, "side", view_side(ev->side));
    json_decimal(m->j, "quantity", ev->quantity);
    json_text(m->j, "status", "pending");
    json_time(m->j, "expiresAt", ev->deadline_ns);
    json_chars(m->j, "clientRef", ev->request_id, sizeof ev->request_id);
    json_chars(m->j, "taker", m->e->owner.taker, sizeof m->e->owner.taker);
}

static void data_status(const struct making *m)
{
    const struct rfq_transition *ev = (const void *)m->r;
    put_rfq(m);
    if (ev->shown)
        json_text(m->j, "status", rfq_shown_name(ev->shown));
    json_text(m->j, "state", rfq_state_name(ev->to));
    if (ev->deadline_ns)
        json_time(m->j, "expiresAt", ev->deadline_ns);
    if (ev->reason)
        json_text(m->j, "reason", reason_name(ev->reason));
}

static void data_ended(const struct making *m)
{
    const struct rfq_transition *ev = (const void *)m->r;
    put_rfq(m);
    json_chars(m->j, "symbol", ev->symbol, sizeof ev->symbol);
    json_text(m->j, "reason", reason_name(ev->reason));
    if (ev->text[0])
        json_chars(m->j, "text", ev->text, sizeof ev->text);
    if (ev->shown)
        json_text(m->j, "status", rfq_shown_name(ev->shown));
    json_text(m->j, "state", rfq_state_name(ev->to));
}

static void data_shown(const struct making *m)
{
    const struct rfq_shown *ev = (const void *)m->r;
    put_rfq(m);
    json_text(m->j, "status", rfq_shown_name(ev->shown));
    if (ev->all_settled) {
        json_uint(m->j, "lpCount", ev->lp_count);
        json_time(m->j, "distributedAt", ev->head.time_ns);
    }
}

static void data_extended(const struct making *m)
{
    const struct rfq_extended *ev = (const void *)m->r;
    put_rfq(m);
    json_time(m->j, "newExpiresAt", ev->deadline_ns);
    json_uint(m->j, "number", ev->number);
    json_chars(m->j, "reason", ev->text, sizeof ev->text);
    if (ev->state) /* how long it may stay there, not its deadline */
        json_text(m->j, "state", rfq_state_name(ev->state));
}

static void data_escalated(const struct making *m)
{
    const struct rfq_timed *ev = (const void *)m->r;
    put_rfq(m);
    json_text(m->j, "state", rfq_state_name(ev->state));
    json_uint(m->j, "level", ev->level);
    json_text(m->j, "reason", reason_name(REASON_TIMEOUT));
    if (ev->role[0])
        json_chars(m->j, "role", ev->role, sizeof ev->role);
    if (ev->move != MOVE_CREATE)
        json_text(m->j, "action", rfq_move_name(ev->move));
    json_time(m->j, "timeoutAt", ev->timeout_ns);
}

static void data_awarded(const struct making *m)
{
    const struct rfq_awarded *ev = (const void *)m->r;
    put_rfq(m);
    json_name(m->j, "quoteId", 'Q', ev->quote);
    put_lp(m, ev->lp);
    json_raw(m->j, "plan", "null", 4);
    json_text(m->j, "side", view_side(ev->side));
    json_decimal(m->j, "quantity", ev->quantity);
    json_decimal(m->j, "price", ev->price);
}

/* What QUOTE_ADDED and QUOTE_OFFERED say alike. */
struct quote_said {
    uint64_t quote, lp, valid_until_ns;
    int64_t bid, ask, bid_size, ask_size;
    uint8_t side;
    const char *lp_code; /* CODE_SIZE, zero padded */
};

static void put_quote(const struct making *m, const struct quote_said *q)
{
    put_rfq(m);
    json_name(m->j, "quoteId", 'Q', q->quote);
    put_lp(m, q->lp);
    json_chars(m->j, "lpName", q->lp_code, CODE_SIZE);
    view_price(m->j, "bidPrice", q->bid);
    view_price(m->j, "askPrice", q->ask);
    json_decimal(m->j, "quantity", view_quote_quantity(q->side, q->bid_size, q->ask_size));
    json_time(m->j, "validUntil", q->valid_until_ns);
    json_text(m->j, "status", quote_status_name(QUOTE_STANDING));
}

static void data_quote(const struct making *m)
{
    const struct quote_added *ev = (const void *)m->r;
    const struct quote_said q = {ev->quote,    ev->lp,       ev->valid_until_ns, ev->bid,    ev->ask,
                                 ev->bid_size, ev->ask_size, ev->side,           ev->lp_code};
    put_quote(m, &q);
    if (ev->replaces)
        json_name(m->j, "replaces", 'Q', ev->replaces);
}

static void data_offered(const struct making *m)
{
    const struct quote_offered *ev = (const void *)m->r;
    const struct quote_said q = {ev->quote,    ev->lp,       ev->valid_until_ns, ev->bid,    ev->ask,
                                 ev->bid_size, ev->ask_size, ev->side,           ev->lp_code};
    put_quote(m, &q);
}

static void data_quote_ended(const struct making *m)
{
    const struct quote_ended *ev = (const void *)m->r;
    put_rfq(m);
    json_name(m->j, "quoteId", 'Q', ev->quote);
    put_lp(m, ev->lp);
    json_text(m->j, "reason", reason_name(ev->reason));
}

static void data_quote_refused(const struct making *m)
{
    const struct quote_refused *ev = (const void *)m->r;
    put_rfq(m);
    put_lp(m, ev->lp);
    json_chars(m->j, "lpQuoteId", ev->lp_quote_id, sizeof ev->lp_quote_id);
    json_text(m->j, "reason", reason_name(ev->reason));
    json_chars(m->j, "text", ev->text, sizeof ev->text);
}

static void data_ranked(const struct making *m)
{
    const struct quotes_ranked *ev = (const void *)m->r;
    put_rfq(m);
    json_open(m->j, "rankings", '[');
    for (uint32_t i = 0; i < ev->count; i++) {
        const struct ranked_quote *q = &ev->rankings[i];
        json_open(m->j, NULL, '{');
        json_name(m->j, "quoteId", 'Q', q->quote);
        put_quote_lp(m, ev->rfq, q->quote);
        json_uint(m->j, "ranking", q->rank);
        json_flag(m->j, "isBestBid", q->best & 1);
        json_flag(m->j, "isBestAsk", q->best & 2);
        json_close(m->j, '}');
    }
    json_close(m->j, ']');
    json_open(m->j, "composite", '{');
    view_price(m->j, "bestBid", ev->best_bid);
    view_price(m->j, "bestAsk", ev->best_ask);
    view_price(m->j, "spread", ev->best_bid && ev->best_ask ? ev->spread : 0);
    json_uint(m->j, "quoteCount", ev->count);
    json_close(m->j, '}');
}

static void data_skipped(const struct making *m)
{
    const struct rfq_skipped_lp *ev = (const void *)m->r;
    put_rfq(m);
    put_lp(m, ev->lp);
    json_text(m->j, "reason", reason_name(ev->reason));
}

static void data_released(const struct making *m)
{
    const struct delivery_released *ev = (const void *)m->r;
    put_rfq(m);
    put_lp(m, ev->lp);
    json_name(m->j, "deliveryId", 'D', ev->delivery);
    json_uint(m->j, "attempt", ev->attempt);
}

static void data_delivery(const struct making *m)
{
    const struct delivery_state *ev = (const void *)m->r;
    put_rfq(m);
    put_lp(m, ev->lp);
    json_name(m->j, "deliveryId", 'D', ev->delivery);
    json_text(m->j, "state", delivery_status_name(ev->state));
    json_text(m->j, "answer", delivery_answer_name(ev->answer));
    if (ev->reason)
        json_text(m->j, "reason", reason_name(ev->reason));
}

static void data_order_created(const struct making *m)
{
    const struct order_created *ev = (const void *)m->r;
    put_rfq(m);
    json_name(m->j, "orderId", 'O', ev->order);
    json_name(m->j, "quoteId", 'Q', ev->quote);
    json_text(m->j, "state", order_status_name(ev->state));
    json_text(m->j, "side", view_side(ev->side));
    json_decimal(m->j, "quantity", ev->quantity);
    view_price(m->j, "price", ev->price);
}

static void data_order_released(const struct making *m)
{
    const struct order_released *ev = (const void *)m->r;
    put_rfq(m);
    json_name(m->j, "orderId", 'O', ev->order);
    put_lp(m, ev->lp);
    json_text(m->j, "state", order_status_name(ORDER_SENT));
    json_uint(m->j, "attempt", ev->attempt);
}

static void data_order_state(const struct making *m)
{
    const struct order_state *ev = (const void *)m->r;
    put_rfq(m);
    json_name(m->j, "orderId", 'O', ev->order);
    json_text(m->j, "state", order_status_name(ev->state));
    json_flag(m->j, "inDoubt", ev->in_doubt);
    if (ev->reason)
        json_text(m->j, "reason", reason_name(ev->reason));
    if (ev->text[0])
        json_chars(m->j, "text", ev->text, sizeof ev->text);
}

static void data_fill(const struct making *m)
{
    const struct order_filled *ev = (const void *)m->r;
    put_rfq(m);
    json_name(m->j, "orderId", 'O', ev->order);
    json_name(m->j, "fillId", 'F', ev->fill);
    put_lp(m, ev->lp);
    json_decimal(m->j, "price", ev->price);
    json_decimal(m->j, "quantity", ev->quantity);
    json_decimal(m->j, "filledQuantity", ev->filled_quantity);
    json_text(m->j, "state", order_status_name(ev->state));
}

/* The taker's ExecutionReport about a fill, under the ExecID that it has there. */
static void data_filled(const struct making *m)
{
    const struct order_report *ev = (const void *)m->r;
    char trade[ID_TEXT_SIZE + 12], order[ID_TEXT_SIZE];
    name_print('O', ev->order, order);
    snprintf(trade, sizeof trade, "%s-%u", order, ev->report);
    put_rfq(m);
    json_text(m->j, "tradeId", trade);
    json_decimal(m->j, "price", ev->last_price);
    json_decimal(m->j, "quantity", ev->last_quantity);
    json_chars(m->j, "symbol", ev->symbol, sizeof ev->symbol);
    json_flag(m->j, "complete", ev->leaves_quantity == 0);
}

static void data_cancel_asked(const struct making *m)
{
    const struct order_cancel_asked *ev = (const void *)m->r;
    put_rfq(m);
    json_name(m->j, "orderId", 'O', ev->order);
    json_uint(m->j, "attempt", ev->attempt);
}

static void data_break(const struct making *m)
{
    const struct execution_break *ev = (const void *)m->r;
    put_rfq(m);
    json_name(m->j, "orderId", 'O', ev->order);
    json_chars(m->j, "execId", ev->exec_id, sizeof ev->exec_id);
    json_decimal(m->j, "quantity", ev->quantity);
    json_decimal(m->j, "price", ev->price);
    json_text(m->j, "reason", reason_name(ev->reason));
}

static void data_lp(const struct making *m)
{
    const struct lp_set *ev = (const void *)m->r;
    json_chars(m->j, "lpId", ev->lp.code, sizeof ev->lp.code);
    json_text(m->j, "status", lp_status_name(ev->lp.status));
}

static void data_session(const struct making *m)
{
    const struct engine_session *ev = (const void *)m->r;
    const struct replica_config *c = replica_config(m->facts->replica);
    const struct session *s = gateway_session(c->gateways[0], ev->head.session);
    json_chars(m->j, "session", s ? s->name : "?", s ? sizeof s->name : 1);
    json_text(m->j, "role", ev->role == ROLE_LP ? "lp" : "taker");
    json_text(m->j, "state", session_status_name(ev->state));
}

/* Which record is which event
 * ------------------------------------------------------------------------------------------------ */

struct shape {
    uint16_t record;
    int select; /* of records that are several events: move, status …; −1: whichever */
    const char *stream, *contract;
    void (*data)(const struct making *m);
};

enum { SHOWN_DISTRIBUTED_ALL = 100 };

static const struct shape shapes[] = {
    {RECORD_RFQ_CREATED, -1, "rfq:created", "rfq.created", data_created},
    {RECORD_RFQ_TRANSITION, MOVE_PUBLISH, "rfq:status", "rfq.published", data_status},
    {RECORD_RFQ_TRANSITION, MOVE_OPEN_BIDDING, "rfq:status", "rfq.bidding_opened", data_status},
    {RECORD_RFQ_TRANSITION, MOVE_CLOSE_BIDDING, "rfq:status", "rfq.bidding_closed", data_status},
    {RECORD_RFQ_TRANSITION, MOVE_REOPEN, "rfq:status", "rfq.bidding_opened", data_status},
    {RECORD_RFQ_TRANSITION, MOVE_START_EVALUATION, "rfq:status", "rfq.evaluation_started", data_status},
    {RECORD_RFQ_TRANSITION, MOVE_AWARD, "rfq:status", NULL, data_status},
    {RECORD_RFQ_TRANSITION, MOVE_COMPLETE, "rfq:status", "rfq.completed", data_status},
    {RECORD_RFQ_TRANSITION, MOVE_CANCEL, "rfq:cancelled", "rfq.cancelled", data_ended},
    {RECORD_RFQ_TRANSITION, MOVE_AUTO_CANCEL, "rfq:cancelled", "rfq.cancelled", data_ended},
    {RECORD_RFQ_TRANSITION, MOVE_REJECT, "rfq:rejected", "rfq.rejected", data_ended},
    {RECORD_RFQ_TRANSITION, MOVE_EXPIRE, "rfq:expired", "rfq.expired", data_ended},
    {RECORD_RFQ_TRANSITION, MOVE_REVERT_AWARD, "rfq:status", "rfq.award_reverted", data_status},
    {RECORD_RFQ_TRANSITION, MOVE_ARCHIVE, "rfq:status", "rfq.archived", data_status},
    {RECORD_RFQ_SHOWN, SHOWN_DISTRIBUTED_ALL, "rfq:distributed", "rfq.distributed", data_shown},
    {RECORD_RFQ_SHOWN, SHOWN_QUOTED, "rfq:quoted", "rfq.quoted", data_shown},
    {RECORD_RFQ_SHOWN, -1, "rfq:status", NULL, data_shown},
    {RECORD_RFQ_EXTENDED, -1, "rfq:extended", "rfq.extended", data_extended},
    {RECORD_RFQ_TIMED, 1, "rfq:escalated", "rfq.escalated", data_escalated},
    {RECORD_RFQ_AWARDED, -1, "rfq:awarded", "rfq.awarded", data_awarded},
    {RECORD_QUOTE_ADDED, -1, "quote:received", "quote.received", data_quote},
    {RECORD_QUOTE_OFFERED, -1, "quote:received", "quote.offered", data_offered},
    {RECORD_QUOTE_ENDED, QUOTE_IS_EXPIRED, "quote:expired", "quote.expired", data_quote_ended},
    {RECORD_QUOTE_ENDED, QUOTE_IS_WITHDRAWN, "quote:withdrawn", "quote.withdrawn", data_quote_ended},
    {RECORD_QUOTE_ENDED, QUOTE_IS_REPLACED, NULL, "quote.replaced", data_quote_ended},
    {RECORD_QUOTE_ENDED, -1, NULL, "quote.archived", data_quote_ended},
    {RECORD_QUOTE_REFUSED, -1, NULL, "quote.refused", data_quote_refused},
    {RECORD_QUOTES_RANKED, -1, "quotes:ranked", "quote.ranked", data_ranked},
    {RECORD_RFQ_SKIPPED_LP, -1, NULL, "distribution.skipped_lp", data_skipped},
    {RECORD_DELIVERY_RELEASED, 1, NULL, "assignment.created", data_released},
    {RECORD_DELIVERY_RELEASED, -1, NULL, "distribution.released_again", data_released},
    {RECORD_DELIVERY_STATE, -1, NULL, "distribution.delivery", data_delivery},
    {RECORD_ORDER_CREATED, -1, "order:status", "order.created", data_order_created},
    {RECORD_ORDER_RELEASED, -1, "order:status", "order.released", data_order_released},
    {RECORD_ORDER_STATE, -1, "order:status", "order.state", data_order_state},
    {RECORD_ORDER_FILLED, -1, "order:fill", "order.filled", data_fill},
    {RECORD_ORDER_REPORT, 'F', "rfq:filled", NULL, data_filled},
    {RECORD_ORDER_CANCEL_ASKED, -1, NULL, "order.cancel_asked", data_cancel_asked},
    {RECORD_EXECUTION_BREAK, -1, NULL, "order.break", data_break},
    {RECORD_LP_SET, -1, "lp:status", "lp.changed", data_lp},
    {RECORD_DISTRIBUTION_SESSION, -1, "session:state", "session.state", data_session},
};

static int selects(const struct record *r)
{
    switch (r->type) {
    case RECORD_RFQ_TRANSITION:
        return ((const struct rfq_transition *)(const void *)r)->move;
    case RECORD_RFQ_SHOWN: {
        const struct rfq_shown *ev = (const void *)r;
        return ev->all_settled ? SHOWN_DISTRIBUTED_ALL : (int)ev->shown;
    }
    case RECORD_RFQ_TIMED:
        return ((const struct rfq_timed *)(const void *)r)->fired;
    case RECORD_QUOTE_ENDED:
        return ((const struct quote_ended *)(const void *)r)->status;
    case RECORD_DELIVERY_RELEASED:
        return ((const struct delivery_released *)(const void *)r)->attempt;
    case RECORD_ORDER_REPORT:
        return ((const struct order_report *)(const void *)r)->exec_type;
    default:
        return -1;
    }
}

/* Every type, its first row; rows of a type lie together. */
static const struct shape *shape_of(const struct record *r)
{
    static uint8_t first[256];
    static bool made;
    if (!made) {
        for (unsigned i = sizeof shapes / sizeof *shapes; i-- > 0;)
            first[shapes[i].record] = (uint8_t)(i + 1);
        made = true;
    }
    if (r->type > UINT8_MAX || !first[r->type])
        return NULL;
    int select = selects(r);
    const struct shape *end = shapes + sizeof shapes / sizeof *shapes;
    for (const struct shape *s = &shapes[first[r->type] - 1]; s < end && s->record == r->type; s++)
        if (s->select == -1 || s->select == select)
            return s;
    return NULL;
}

bool feed_has_event(enum feed_form form, const char *name)
{
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const char *known = form == FEED_STREAM ? shapes[i].stream : shapes[i].contract;
        if (known && strcmp(known, name) == 0)
            return true;
    }
    return false;
}

/* An LP's or a session's tenant: they belong to no RFQ, and only operators are told. */
static bool own_reference(struct facts *f, const struct record *r, struct view_owner *owner)
{
    const struct distribution_state *s = replica_config(f->replica)->distribution;
    const struct lp *lp = NULL;
    const struct taker *taker = NULL;
    if (r->type == RECORD_LP_SET) {
        owner->tenant = ((const struct lp_set *)(const void *)r)->lp.tenant;
        return true;
    }
    lp = distribution_lp_by_session(s, r->session);
    taker = distribution_taker_by_session(s, r->session);
    owner->tenant = lp ? lp->tenant : taker ? taker->tenant : 0;
    return lp || taker;
}

static void note_quote(const struct record *r, struct feed_event *out)
{
    if (r->type == RECORD_QUOTE_ADDED) {
        const struct quote_added *ev = (const void *)r;
        out->quote = ev->quote;
        out->replaces = ev->replaces;
    } else if (r->type == RECORD_QUOTE_OFFERED) {
        out->quote = ((const struct quote_offered *)(const void *)r)->quote;
    }
}

/* The record has everybody who was passed over; that another tenant has an LP, and what it is called, is
 * nothing to tell. */
static bool names_a_stranger(const struct record *r)
{
    return r->type == RECORD_RFQ_SKIPPED_LP &&
           ((const struct rfq_skipped_lp *)(const void *)r)->reason == REASON_LP_TENANT;
}

enum err event_of(struct facts *f, enum feed_form form, const struct record *r, struct feed_event *out)
{
    const struct shape *s = shape_of(r);
    const char *name = !s ? NULL : form == FEED_STREAM ? s->stream : s->contract;
    memset(out, 0, sizeof *out);
    if (!name || names_a_stranger(r))
        return OK;
    out->rfq = record_rfq(r);
    out->time_ns = r->time_ns;
    if (!out->rfq) {
        out->name = own_reference(f, r, &out->owner) ? name : NULL;
        return OK;
    }
    out->name = name;
    note_quote(r, out);
    enum err e = facts_owner(f, out->rfq, &out->owner);
    out->owner_unknown = e != OK;
    return e;
}

/* Text
 * ----------------------------------------------------------------------------------------------------------
 */

static void put_trigger(const struct making *m)
{
    const struct rfq_transition *t = (const void *)m->r;
    const struct rfq_extended *x = (const void *)m->r;
    if (m->r->type == RECORD_RFQ_TRANSITION)
        view_trigger(m->j, m->facts->replica, t->who, t->who_id);
    else if (m->r->type == RECORD_RFQ_EXTENDED)
        view_trigger(m->j, m->facts->replica, x->who, x->who_id);
    else
        view_trigger(m->j, m->facts->replica, m->r->type == RECORD_RFQ_TIMED ? WHO_SCHEDULER : WHO_SYSTEM, 0);
}

static void put_states(struct json *j, const struct record *r)
{
    const struct rfq_transition *t = (const void *)r;
    if (r->type == RECORD_RFQ_TRANSITION) {
        json_text(j, "previousState", rfq_state_name(t->from));
        json_text(j, "newState", rfq_state_name(t->to));
    } else if (r->type == RECORD_RFQ_AWARDED) {
        json_text(j, "previousState", rfq_state_name(RFQ_EVALUATION));
        json_text(j, "newState", rfq_state_name(RFQ_IS_AWARDED));
    } else {
        json_raw(j, "previousState", "null", 4);
        json_raw(j, "newState", r->type == RECORD_RFQ_CREATED ? "\"DRAFT\"" : "null",
                 r->type == RECORD_RFQ_CREATED ? 7 : 4);
    }
}

/* The brace that it closes is the one before "prev". */
static void put_streamed(const struct making *m)
{
    struct json *j = m->j;
    json_text(j, "event", m->e->name);
    json_uint(j, "seq", m->e->seq);
    json_time(j, "ts", m->e->time_ns);
    json_open(j, "data", '{');
    shape_of(m->r)->data(m);
    json_close(j, '}');
    json_close(j, '}');
}

static void put_contract(const struct making *m, uint64_t epoch)
{
    const struct record *r = m->r;
    const struct feed_event *e = m->e;
    struct json *j = m->j;
    char id[48];
    snprintf(id, sizeof id, "%" PRIu64 "-%" PRIu64, epoch, e->seq);
    json_open(j, NULL, '{');
    json_text(j, "eventId", id);
    json_text(j, "eventType", e->name);
    json_text(j, "version", "1.0");
    json_time(j, "timestamp", e->time_ns);
    json_text(j, "source", "rfqd");
    json_uint(j, "seq", e->seq);
    json_name(j, "rfqId", 'R', e->rfq);
    put_states(j, r);
    put_trigger(m);
    json_open(j, "metadata", '{');
    json_text(j, "record", record_type_name(r->type));
    json_close(j, '}');
    json_open(j, "payload", '{');
    shape_of(r)->data(m);
    json_close(j, '}');
    json_close(j, '}');
}

enum err event_text(struct facts *f, enum feed_form form, const struct record *r, uint64_t epoch,
                    const struct feed_event *e, struct json *j)
{
    enum err error = OK;
    const struct making m = {.facts = f, .r = r, .e = e, .j = j, .error = &error};
    if (form == FEED_STREAM)
        put_streamed(&m);
    else
        put_contract(&m, epoch);
    return error == OK && j->failed ? ERR_MEMORY : error;
}

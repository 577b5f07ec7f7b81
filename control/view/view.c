#include "control/view/inside.h"

#include <stdlib.h>
#include <string.h>

static const struct distribution_state *distribution_of(struct replica *r)
{
    return replica_config(r)->distribution;
}

/* Small parts
 * -------------------------------------------------------------------------------------------------------- */

const char *view_side(uint8_t side)
{
    return side == SIDE_BUY ? "buy" : side == SIDE_SELL ? "sell" : "twoWay";
}

static void null(struct json *j, const char *key)
{
    json_raw(j, key, "null", 4);
}

void view_price(struct json *j, const char *key, int64_t scaled)
{
    if (scaled)
        json_decimal(j, key, scaled);
    else
        null(j, key);
}

static void code(struct json *j, const char *key, const char *text)
{
    if (*text)
        json_chars(j, key, text, CODE_SIZE);
    else
        null(j, key);
}

static void lp_names(struct json *j, struct replica *r, uint64_t lp)
{
    code(j, "lpId", view_lp_code(r, lp));
    code(j, "lpName", view_lp_code(r, lp));
}

static void reason(struct json *j, unsigned number)
{
    if (number)
        json_text(j, "reason", reason_name(number));
    else
        null(j, "reason");
}

static void date(struct json *j, const char *key, uint32_t yyyymmdd)
{
    char text[16] = {(char)('0' + yyyymmdd / 10000000 % 10),
                     (char)('0' + yyyymmdd / 1000000 % 10),
                     (char)('0' + yyyymmdd / 100000 % 10),
                     (char)('0' + yyyymmdd / 10000 % 10),
                     '-',
                     (char)('0' + yyyymmdd / 1000 % 10),
                     (char)('0' + yyyymmdd / 100 % 10),
                     '-',
                     (char)('0' + yyyymmdd / 10 % 10),
                     (char)('0' + yyyymmdd % 10)};
    if (yyyymmdd)
        json_text(j, key, text);
    else
        null(j, key);
}

int64_t view_quote_quantity(uint8_t side, int64_t bid_size, int64_t ask_size)
{
    if (side == SIDE_BUY)
        return ask_size;
    if (side == SIDE_SELL || ask_size == 0)
        return bid_size;
    return bid_size == 0 || ask_size < bid_size ? ask_size : bid_size;
}

uint64_t view_time_remaining(const struct rfq *rfq, uint64_t now_ns)
{
    if (view_rfq_is_over(rfq) || rfq->state == RFQ_IS_AWARDED || rfq->deadline_ns <= now_ns)
        return 0;
    return (rfq->deadline_ns - now_ns + 999999999) / 1000000000;
}

/* RFQs
 * -------------------------------------------------------------------------------------------------------- */

static void legs(struct json *j, const struct rfq *q)
{
    json_open(j, "legs", '[');
    json_open(j, NULL, '{');
    json_chars(j, "symbol", q->symbol, sizeof q->symbol);
    json_text(j, "side", view_side(q->side));
    json_decimal(j, "quantity", q->quantity);
    date(j, "settlDate", q->settl_date);
    json_close(j, '}');
    json_close(j, ']');
}

static void award(struct json *j, struct replica *r, const struct rfq *q)
{
    if (!q->award) {
        null(j, "award");
        return;
    }
    json_open(j, "award", '{');
    json_name(j, "quoteId", 'Q', q->award_quote);
    lp_names(j, r, q->award_lp);
    json_name(j, "orderId", 'O', q->award_order);
    json_decimal(j, "price", q->award_price);
    json_decimal(j, "quantity", q->awarded_quantity);
    json_decimal(j, "filledQuantity", q->filled_quantity);
    json_flag(j, "inDoubt", q->in_doubt);
    json_close(j, '}');
}

void view_rfq(struct json *j, const char *key, struct replica *r, const struct view_rfq *v, uint64_t now_ns)
{
    const struct rfq *q = v->rfq;
    json_open(j, key, '{');
    json_name(j, "id", 'R', q->id);
    json_chars(j, "reference", q->request_id, sizeof q->request_id);
    code(j, "taker", v->owner.taker);
    json_text(j, "status", rfq_shown_name(q->shown));
    json_text(j, "state", rfq_state_name(q->state));
    json_text(j, "profile", rfq_profile_name(q->profile));
    json_chars(j, "symbol", q->symbol, sizeof q->symbol);
    json_text(j, "side", view_side(q->side));
    json_decimal(j, "quantity", q->quantity);
    legs(j, q);
    json_flag(j, "allOrNone", q->all_or_none);
    json_time(j, "expiresAt", q->deadline_ns);
    json_uint(j, "timeRemaining", view_time_remaining(q, now_ns));
    json_uint(j, "extensions", q->extensions);
    json_uint(j, "lpCount", q->deliveries);
    json_uint(j, "quoteCount", q->quotes);
    view_price(j, "bestBid", q->best_bid);
    view_price(j, "bestAsk", q->best_ask);
    award(j, r, q);
    json_flag(j, "cancelPending", q->cancel_pending);
    reason(j, q->reason);
    json_time(j, "createdAt", q->created_ns);
    json_time(j, "updatedAt", q->updated_ns);
    json_time(j, "endedAt", q->ended_ns);
    json_close(j, '}');
}

void view_composite(struct json *j, const char *key, const struct rfq *rfq)
{
    json_open(j, key, '{');
    view_price(j, "bestBid", rfq->best_bid);
    view_price(j, "bestAsk", rfq->best_ask);
    if (rfq->best_bid && rfq->best_ask)
        json_decimal(j, "spread", rfq->best_ask - rfq->best_bid);
    else
        null(j, "spread");
    json_uint(j, "quoteCount", rfq->quotes);
    json_close(j, '}');
}

/* Quotes
 * -------------------------------------------------------------------------------------------------------- */

void view_quote(struct json *j, const char *key, struct replica *r, const struct rfq *rfq,
                const struct quote *q)
{
    bool stands = q->status == QUOTE_STANDING;
    json_open(j, key, '{');
    json_name(j, "id", 'Q', q->id);
    lp_names(j, r, q->lp);
    view_price(j, "bidPrice", q->bid);
    view_price(j, "askPrice", q->ask);
    json_decimal(j, "quantity", view_quote_quantity(rfq->side, q->bid_size, q->ask_size));
    view_price(j, "bidSize", q->bid_size);
    view_price(j, "askSize", q->ask_size);
    if (stands)
        json_uint(j, "ranking", q->rank);
    else
        null(j, "ranking");
    json_flag(j, "isBestBid", stands && rfq->best_bid_quote == q->id);
    json_flag(j, "isBestAsk", stands && rfq->best_ask_quote == q->id);
    json_text(j, "status", quote_status_name(q->status));
    reason(j, q->reason);
    json_time(j, "receivedAt", q->received_ns);
    json_time(j, "validUntil", q->valid_until_ns);
    json_time(j, "endedAt", q->ended_ns);
    json_close(j, '}');
}

/* The quotes of the RFQ that are in memory. */
static void quotes_in_memory(struct json *j, struct replica *r, const struct view_rfq *v)
{
    const struct distribution_state *d = distribution_of(r);
    if (!v->live)
        return;
    const struct quote *accepted = view_accepted_quote(r, v);
    if (accepted)
        view_quote(j, NULL, r, v->rfq, accepted);
    for (const struct quote *q = distribution_first_quote(d, v->rfq); q; q = distribution_next_quote(d, q))
        view_quote(j, NULL, r, v->rfq, q);
    for (const struct quote *q = distribution_first_ended_quote(d, v->rfq); q;
         q = distribution_next_quote(d, q))
        view_quote(j, NULL, r, v->rfq, q);
}

/* What the store has of one RFQ in one table, in order of id. */
struct stored {
    struct json *j;
    struct replica *r;
    void (*show)(struct stored *s, const void *entity);
    void *ctx;
    void *entity;
    size_t size;
};

static bool stored_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct stored *s = ctx;
    (void)key;
    (void)key_size;
    view_take_value(s->entity, s->size, value, value_size);
    s->show(s, s->entity);
    return true;
}

static enum err show_stored(struct stored *s, const char *table, uint64_t rfq)
{
    char from[ENDED_KEY_SIZE];
    pair_key(from, rfq, 0);
    const struct replica_range range = {
        .table = table, .key = from, .key_size = sizeof from, .prefix_size = sizeof rfq};
    return replica_scan(s->r, &range, stored_row, s);
}

/* Of the quotes in the store those that memory had last: the accepted one, and what ended last. */
struct last_quotes {
    struct quote quotes[VIEW_STATE_QUOTES];
    unsigned count;
};

static int last_first(const void *a, const void *b)
{
    const struct quote *x = a, *y = b;
    bool x_accepted = x->status == QUOTE_ACCEPTED, y_accepted = y->status == QUOTE_ACCEPTED;
    if (x_accepted != y_accepted)
        return y_accepted - x_accepted;
    if (x->ended_ns != y->ended_ns)
        return x->ended_ns < y->ended_ns ? 1 : -1;
    return (x->id < y->id) - (x->id > y->id);
}

static void keep_last(struct stored *s, const void *entity)
{
    struct last_quotes *l = s->ctx;
    struct quote *first = l->quotes;
    if (l->count < VIEW_STATE_QUOTES) {
        l->quotes[l->count++] = *(const struct quote *)entity;
        return;
    }
    for (unsigned i = 1; i < l->count; i++)
        if (last_first(first, &l->quotes[i]) < 0)
            first = &l->quotes[i];
    if (last_first(entity, first) < 0)
        *first = *(const struct quote *)entity;
}

static enum err stored_quotes(struct json *j, struct replica *r, const struct view_rfq *v)
{
    struct quote q;
    struct last_quotes *l = calloc(1, sizeof *l);
    struct stored s = {
        .j = j, .r = r, .show = keep_last, .ctx = l, .entity = &q, .size = offsetof(struct quote, transient)};
    if (!l)
        return ERR_MEMORY;
    enum err e = show_stored(&s, "quotes" TABLE_ENDED, v->rfq->id);
    qsort(l->quotes, l->count, sizeof *l->quotes, last_first);
    for (unsigned i = 0; i < l->count; i++)
        view_quote(j, NULL, r, v->rfq, &l->quotes[i]);
    free(l);
    return e;
}

enum err view_state(struct json *j, const char *key, struct replica *r, const struct view_rfq *v,
                    uint64_t now_ns)
{
    json_open(j, key, '{');
    view_rfq(j, "rfq", r, v, now_ns);
    json_open(j, "quotes", '[');
    quotes_in_memory(j, r, v);
    enum err e = v->live ? OK : stored_quotes(j, r, v);
    json_close(j, ']');
    view_composite(j, "composite", v->rfq);
    json_close(j, '}');
    return e;
}

/* Deliveries
 * -------------------------------------------------------------------------------------------------------- */

static void delivery(struct json *j, struct replica *r, const struct delivery *d)
{
    json_open(j, NULL, '{');
    json_name(j, "id", 'D', d->id);
    lp_names(j, r, d->lp);
    json_text(j, "state", delivery_status_name(d->state));
    json_text(j, "answer", delivery_answer_name(d->answer));
    json_uint(j, "attempts", d->attempts);
    json_name(j, "quoteId", 'Q', d->quote);
    reason(j, d->reason);
    json_time(j, "releasedAt", d->released_ns);
    json_time(j, "acknowledgedAt", d->acknowledged_ns);
    json_time(j, "settledAt", d->settled_ns);
    json_close(j, '}');
}

static void show_delivery(struct stored *s, const void *entity)
{
    delivery(s->j, s->r, entity);
}

enum err view_deliveries(struct json *j, const char *key, struct replica *r, const struct view_rfq *v)
{
    const struct distribution_state *state = distribution_of(r);
    struct delivery ended;
    struct stored s = {.j = j,
                       .r = r,
                       .show = show_delivery,
                       .entity = &ended,
                       .size = offsetof(struct delivery, transient)};
    enum err e = OK;
    json_open(j, key, '[');
    if (v->live) {
        for (const struct delivery *d = distribution_first_delivery(state, v->rfq); d;
             d = distribution_next_delivery(state, d))
            delivery(j, r, d);
    } else {
        e = show_stored(&s, "deliveries" TABLE_ENDED, v->rfq->id);
    }
    json_close(j, ']');
    return e;
}

/* Transitions
 * -------------------------------------------------------------------------------------------------------- */

void view_trigger(struct json *j, struct replica *r, unsigned who, uint64_t who_id)
{
    json_open(j, "triggeredBy", '{');
    json_text(j, "type", who_name(who));
    code(j, "id", who == WHO_USER ? view_taker_code(r, who_id) : "");
    json_close(j, '}');
}

void view_transition(struct json *j, struct replica *r, uint64_t seq, const struct rfq_transition *x)
{
    json_open(j, NULL, '{');
    json_uint(j, "seq", seq);
    json_time(j, "at", x->head.time_ns);
    json_text(j, "from", rfq_state_name(x->from));
    json_text(j, "to", rfq_state_name(x->to));
    json_text(j, "transition", rfq_move_name(x->move));
    view_trigger(j, r, x->who, x->who_id);
    reason(j, x->reason);
    json_chars(j, "text", x->text, sizeof x->text);
    json_close(j, '}');
}

/* Orders
 * -------------------------------------------------------------------------------------------------------- */

/* Σ price × quantity ÷ quantity, to 1e-8, half up. */
static int64_t average_price(const struct order *o)
{
    __int128 value = (__int128)o->value_high << 64 | o->value_low;
    if (o->filled_quantity <= 0)
        return 0;
    return (int64_t)((value + o->filled_quantity / 2) / o->filled_quantity);
}

void view_order(struct json *j, const char *key, struct replica *r, const struct order *o)
{
    json_open(j, key, '{');
    json_name(j, "id", 'O', o->id);
    json_name(j, "rfqId", 'R', o->rfq);
    json_name(j, "quoteId", 'Q', o->quote);
    json_chars(j, "clOrdId", o->cl_ord_id, sizeof o->cl_ord_id);
    lp_names(j, r, o->lp);
    code(j, "taker", view_taker_code(r, o->taker));
    json_chars(j, "symbol", o->symbol, sizeof o->symbol);
    json_text(j, "side", view_side(o->side));
    json_decimal(j, "quantity", o->quantity);
    view_price(j, "price", o->price);
    json_decimal(j, "filledQuantity", o->filled_quantity);
    view_price(j, "averagePrice", average_price(o));
    json_text(j, "status", order_status_name(o->state));
    json_flag(j, "inDoubt", o->in_doubt);
    reason(j, o->reason);
    json_chars(j, "lpOrderId", o->lp_order_id, sizeof o->lp_order_id);
    json_time(j, "createdAt", o->created_ns);
    json_time(j, "releasedAt", o->released_ns);
    json_time(j, "updatedAt", o->updated_ns);
    json_close(j, '}');
}

void view_fill(struct json *j, const char *key, const struct fill *f)
{
    json_open(j, key, '{');
    json_name(j, "id", 'F', f->id);
    json_chars(j, "execId", f->exec_id, sizeof f->exec_id);
    json_decimal(j, "quantity", f->quantity);
    json_decimal(j, "price", f->price);
    json_time(j, "at", f->time_ns);
    json_close(j, '}');
}

/* Reference data
 * -------------------------------------------------------------------------------------------------------- */

void view_lp(struct json *j, const char *key, struct replica *r, const struct lp *lp)
{
    const struct session *s = gateway_session(replica_config(r)->gateways[0], lp->session);
    json_open(j, key, '{');
    code(j, "code", lp->code);
    code(j, "name", lp->code);
    json_text(j, "protocol", "fix");
    json_chars(j, "session", s ? s->name : "", s ? sizeof s->name : 1);
    json_text(j, "sessionState", session_status_name(lp->session_state));
    json_text(j, "status", lp_status_name(lp->status));
    json_open(j, "assetClasses", '[');
    for (unsigned i = 0; i < 32; i++)
        if (lp->asset_classes & 1u << i)
            json_uint(j, NULL, i);
    json_close(j, ']');
    json_decimal(j, "minSize", lp->size_min);
    json_decimal(j, "maxSize", lp->size_max);
    json_uint(j, "maxConcurrentRfqs", lp->concurrent_rfqs_max);
    json_uint(j, "openRfqs", lp->open_rfqs);
    json_open(j, "statistics", '{');
    json_uint(j, "released", lp->released);
    json_uint(j, "acknowledged", lp->acknowledged);
    json_uint(j, "quoted", lp->quoted);
    json_uint(j, "declined", lp->declined);
    json_uint(j, "noResponse", lp->no_response);
    json_uint(j, "rejected", lp->rejected);
    json_uint(j, "failed", lp->failed);
    json_uint(j, "quotes", lp->quotes);
    json_uint(j, "quotesRefused", lp->quotes_refused);
    json_uint(j, "withdrawals", lp->withdrawals);
    json_uint(j, "wins", lp->wins);
    json_uint(j, "defaults", lp->defaults);
    json_uint(j, "sessionLost", lp->session_lost);
    json_close(j, '}');
    json_close(j, '}');
}

void view_session(struct json *j, const char *key, const struct session *s, const char *party)
{
    json_open(j, key, '{');
    json_chars(j, "name", s->name, sizeof s->name);
    json_text(j, "role", s->role == ROLE_LP ? "lp" : "taker");
    code(j, "party", party);
    json_text(j, "state", session_status_name(s->state));
    json_chars(j, "senderCompId", s->sender, sizeof s->sender);
    json_chars(j, "targetCompId", s->target, sizeof s->target);
    json_uint(j, "generation", s->generation);
    json_uint(j, "nextIn", s->next_in);
    json_uint(j, "nextOut", s->next_out);
    json_uint(j, "received", s->received);
    json_uint(j, "sent", s->sent);
    json_time(j, "changedAt", s->changed_ns);
    json_close(j, '}');
}

void view_instrument(struct json *j, const char *key, const struct instrument *i)
{
    json_open(j, key, '{');
    json_chars(j, "symbol", i->symbol, sizeof i->symbol);
    json_chars(j, "currency", i->currency, sizeof i->currency);
    json_uint(j, "assetClass", i->asset_class);
    view_price(j, "tick", i->tick);
    view_price(j, "lot", i->lot);
    json_decimal(j, "minQuantity", i->quantity_min);
    json_decimal(j, "maxQuantity", i->quantity_max);
    view_price(j, "referencePrice", i->reference_price);
    view_price(j, "collarPercent", i->collar_percent);
    json_flag(j, "tradable", i->tradable);
    json_close(j, '}');
}

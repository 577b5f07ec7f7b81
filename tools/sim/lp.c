/* A simulated LP: acknowledges requests, quotes around a mid that wanders, fills orders; refuses, stays
 * silent, fills in part or late, takes back and rejects as its options say. What it owes (executions) it
 * keeps until its session is up again. A sloppy one says things again: the same ExecID or QuoteID under a new
 * number, with PossResend or without; at once, or when the order has long been final, and its last executions
 * again whenever it logs on.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/decimal.h"
#include "fix/fix_dict.h"
#include "tools/sim/party.h"
#include "tools/sim/say.h"

enum due_kind {
    DUE_ACK,
    DUE_QUOTE,
    DUE_REJECT,
    DUE_NEW,
    DUE_FILL,
    DUE_REFUSE_ORDER,
    DUE_CANCELLED,
    DUE_CANCEL_REJECT,
    DUE_STATUS,
    DUE_REPEAT,
    DUE_WITHDRAWAL,
    DUE_PEER_REJECT,
    DUE_NOTHING
};

#define RECENT_EXECUTIONS 4
#define REPEAT_SOON_NS    2000000ull
#define REPEAT_LATER_NS   500000000ull
#define REPEAT_LATE_NS    4000000000ull
#define WITHDRAW_SOON_NS  10000000ull
#define WITHDRAW_LATER_NS 1000000000ull
#define LATE_FILL_NS      800000000ull  /* at least so late, */
#define LATER_FILL_NS     3000000000ull /* and up to so much later */

struct lp_request {
    char id[ID_TEXT_SIZE], symbol[SYMBOL_SIZE];
    char side;
    int64_t quantity;
    uint64_t expires_ns, random, extra;
    bool over; /* cancelled by rfqd, or rejected by us */
};

struct lp_order {
    char id[ID_TEXT_SIZE], symbol[SYMBOL_SIZE];
    char side;
    int64_t quantity, price, filled, next_fill;
    uint64_t random, extra;
    bool final, rejected, cancelling, late;
    bool works; /* its fill is due: only then a cancel may be refused */
    char cancel_id[ID_TEXT_SIZE];
};

/* Due work, a binary heap by time. */
struct due {
    uint64_t at_ns, order;
    enum due_kind kind;
    void *thing;
    uint64_t seq; /* DUE_REPEAT, DUE_PEER_REJECT: of the message */
    bool flag;    /* DUE_PEER_REJECT: as business; DUE_WITHDRAWAL: all of the request */
    char msg_type[3];
    char text[ID_TEXT_SIZE];
};

struct lp_party {
    struct party_options options;
    struct endpoint *endpoint;
    struct map *requests, *orders;
    struct due *heap;
    size_t heap_count, heap_capacity;
    uint64_t heap_order, quote_number, exec_number;
    uint64_t recent[RECENT_EXECUTIONS]; /* MsgSeqNum of the last executions, 0: none */
    uint64_t random;                    /* for what is said again: all else is as without it */
    bool was_up;
    uint64_t got_requests, sent_quotes, rejected, silent, got_orders, fills, refused_quotes, cancels, ended,
        peer_rejects, repeats, withdrawals, rejects;
};

/* Due work
 * -------------------------------------------------------------------------------------------------------- */

static bool before(const struct due *a, const struct due *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push_due(struct lp_party *p, struct due d)
{
    if (p->heap_count == p->heap_capacity) {
        p->heap_capacity = p->heap_capacity ? p->heap_capacity * 2 : 1024;
        p->heap = realloc(p->heap, p->heap_capacity * sizeof *p->heap);
        if (!p->heap)
            exit(1);
    }
    d.order = p->heap_order++;
    size_t i = p->heap_count++;
    while (i && before(&d, &p->heap[(i - 1) / 2])) {
        p->heap[i] = p->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    p->heap[i] = d;
}

static void push(struct lp_party *p, uint64_t at_ns, enum due_kind kind, void *thing, const char *text)
{
    struct due d = {.at_ns = at_ns, .kind = kind, .thing = thing};
    snprintf(d.text, sizeof d.text, "%.39s", text);
    push_due(p, d);
}

static struct due pop(struct lp_party *p)
{
    struct due top = p->heap[0], last = p->heap[--p->heap_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= p->heap_count)
            break;
        if (child + 1 < p->heap_count && before(&p->heap[child + 1], &p->heap[child]))
            child++;
        if (!before(&p->heap[child], &last))
            break;
        p->heap[i] = p->heap[child];
        i = child;
    }
    if (p->heap_count)
        p->heap[i] = last;
    return top;
}

/* What is decided about a request or an order follows from its quantity and the LP's seed, not from what came
 * before. */
static uint64_t random_of(const struct lp_party *p, int64_t quantity)
{
    uint64_t state = p->options.seed * 0x9e3779b97f4a7c15ull ^ (uint64_t)quantity;
    return party_random(&state);
}

/* For what came later than the rest: all else is as without it. */
static uint64_t extra_of(const struct lp_party *p, int64_t quantity)
{
    uint64_t state = random_of(p, quantity) ^ 0x5bf03635;
    return party_random(&state);
}

static uint64_t delay(const struct lp_party *p, uint64_t *random)
{
    uint64_t span = p->options.delay_max_ns - p->options.delay_min_ns;
    return p->options.delay_min_ns + (span ? party_random(random) % span : 0);
}

static bool chance(uint64_t *random, unsigned percent)
{
    return party_random(random) % 100 < percent;
}

/* Messages in
 * -------------------------------------------------------------------------------------------------------------
 */

/* True: this message gets a Reject or a BusinessMessageReject, and that is all that comes of it. */
static bool rejects(struct lp_party *p, uint64_t *random, const struct fix_msg *m, const char *id,
                    uint64_t now_ns)
{
    if (!p->options.peer_reject_percent || !chance(random, p->options.peer_reject_percent))
        return false;
    struct due d = {
        .at_ns = now_ns, .kind = DUE_PEER_REJECT, .seq = m->seq, .flag = party_random(random) & 1};
    snprintf(d.text, sizeof d.text, "%.39s", id);
    if (fix_get_text(m, FIX_TAG_MsgType, d.msg_type, sizeof d.msg_type) != OK)
        return false;
    push_due(p, d);
    return true;
}

static void *make(struct map *m, const char *key, size_t size, bool *is_new)
{
    void **at = map_at(m, key, true);
    *is_new = !*at;
    if (!*at && !(*at = calloc(1, size)))
        exit(1);
    return *at;
}

static void on_request(struct lp_party *p, const struct fix_msg *m, uint64_t now_ns)
{
    char id[ID_TEXT_SIZE] = "";
    struct fix_group legs;
    if (fix_get_text(m, FIX_TAG_QuoteReqID, id, sizeof id) != OK ||
        !fix_group_begin(m, FIX_TAG_NoRelatedSym, &legs) || !fix_group_next(&legs))
        return;
    bool is_new;
    struct lp_request *r = make(p->requests, id, sizeof *r, &is_new);
    p->got_requests++;
    if (!is_new) /* the same request again: its answer may have been lost */
        return;
    memcpy(r->id, id, sizeof id);
    r->side = 0;
    if (fix_field_text(m, fix_group_find(&legs, FIX_TAG_Symbol), r->symbol, sizeof r->symbol) != OK)
        return;
    if (fix_field_char(m, fix_group_find(&legs, FIX_TAG_Side), &r->side) != OK)
        r->side = 0;
    if (fix_field_decimal(m, fix_group_find(&legs, FIX_TAG_OrderQty), &r->quantity) != OK)
        r->quantity = DECIMAL_SCALE;
    if (fix_field_time(m, fix_group_find(&legs, FIX_TAG_ExpireTime), &r->expires_ns) != OK)
        r->expires_ns = UINT64_MAX;
    r->random = random_of(p, r->quantity);
    r->extra = extra_of(p, r->quantity);
    if (rejects(p, &r->extra, m, id, now_ns)) {
        r->over = true;
        return;
    }
    if (chance(&r->random, p->options.silent_percent)) {
        p->silent++;
        return;
    }
    uint64_t at = now_ns + delay(p, &r->random);
    if (chance(&r->random, p->options.reject_percent)) {
        push(p, at, DUE_REJECT, r, "");
        return;
    }
    if (p->options.ack != '-')
        push(p, now_ns, DUE_ACK, r, "");
    push(p, at, DUE_QUOTE, r, "");
    if (chance(&r->random, p->options.requote_percent))
        push(p, at + delay(p, &r->random), DUE_QUOTE, r, "");
}

static void on_order(struct lp_party *p, const struct fix_msg *m, uint64_t now_ns)
{
    char id[ID_TEXT_SIZE] = "";
    if (fix_get_text(m, FIX_TAG_ClOrdID, id, sizeof id) != OK)
        return;
    bool is_new;
    struct lp_order *o = make(p->orders, id, sizeof *o, &is_new);
    if (!is_new)
        return;
    p->got_orders++;
    memcpy(o->id, id, sizeof id);
    if (fix_get_text(m, FIX_TAG_Symbol, o->symbol, sizeof o->symbol) != OK ||
        fix_get_char(m, FIX_TAG_Side, &o->side) != OK ||
        fix_get_decimal(m, FIX_TAG_OrderQty, &o->quantity) != OK ||
        fix_get_decimal(m, FIX_TAG_Price, &o->price) != OK)
        return;
    o->random = random_of(p, o->quantity + 1);
    o->extra = extra_of(p, o->quantity + 1);
    if (rejects(p, &o->extra, m, id, now_ns)) { /* and it has no such order */
        o->quantity = 0;
        o->final = true;
        return;
    }
    if (chance(&o->random, p->options.order_silent_percent))
        return;
    uint64_t at = now_ns + delay(p, &o->random);
    if (chance(&o->random, p->options.order_reject_percent)) {
        push(p, at, DUE_REFUSE_ORDER, o, "");
        return;
    }
    o->works = true;
    o->late = p->options.late_fill_percent && chance(&o->extra, p->options.late_fill_percent);
    if (o->late)
        at += LATE_FILL_NS + party_random(&o->extra) % LATER_FILL_NS;
    if (!o->late || chance(&o->extra, 50))
        push(p, now_ns, DUE_NEW, o, "");
    if (chance(&o->random, p->options.partial_percent)) {
        o->next_fill = o->quantity / 2 / DECIMAL_SCALE * DECIMAL_SCALE;
        if (o->next_fill > 0)
            push(p, at, DUE_FILL, o, "");
        at += delay(p, &o->random);
    }
    push(p, at, DUE_FILL, o, "");
}

static void on_cancel(struct lp_party *p, const struct fix_msg *m, uint64_t now_ns)
{
    char id[ID_TEXT_SIZE] = "", original[ID_TEXT_SIZE] = "";
    if (fix_get_text(m, FIX_TAG_ClOrdID, id, sizeof id) != OK ||
        fix_get_text(m, FIX_TAG_OrigClOrdID, original, sizeof original) != OK)
        return;
    p->cancels++;
    void **at = map_at(p->orders, original, false);
    struct lp_order *o = at ? *at : NULL;
    bool is_new;
    if (o && rejects(p, &o->extra, m, id, now_ns))
        return;
    if (o && o->late && !o->final && chance(&o->extra, 50)) /* no answer but the fill */
        return;
    bool refuses = o && (o->late || (o->works && chance(&o->extra, p->options.late_fill_percent)));
    if (o && !o->final && !o->cancelling && !refuses) {
        o->cancelling = true;
        memcpy(o->cancel_id, id, sizeof id);
        push(p, now_ns + delay(p, &o->random), DUE_CANCELLED, o, id);
        return;
    }
    if (!o) { /* what is answered for an order we never had */
        o = make(p->orders, original, sizeof *o, &is_new);
        memcpy(o->id, original, sizeof original);
        o->final = true;
    }
    push(p, now_ns, DUE_CANCEL_REJECT, o, id);
}

static void on_status(struct lp_party *p, const struct fix_msg *m, uint64_t now_ns)
{
    char id[ID_TEXT_SIZE] = "";
    if (fix_get_text(m, FIX_TAG_ClOrdID, id, sizeof id) != OK)
        return;
    bool is_new;
    struct lp_order *o = make(p->orders, id, sizeof *o, &is_new);
    if (rejects(p, &o->extra, m, id, now_ns))
        return;
    if (!o->quantity) { /* one that we never had: as in on_cancel */
        memcpy(o->id, id, sizeof id);
        o->final = true;
        if (fix_get_text(m, FIX_TAG_Symbol, o->symbol, sizeof o->symbol) != OK ||
            fix_get_char(m, FIX_TAG_Side, &o->side) != OK)
            return;
    }
    push(p, now_ns, DUE_STATUS, o, "");
}

static void on_request_over(struct lp_party *p, const struct fix_msg *m, uint64_t now_ns)
{
    char id[ID_TEXT_SIZE] = "";
    p->ended++;
    if (fix_get_text(m, FIX_TAG_QuoteReqID, id, sizeof id) != OK)
        return;
    void **at = map_at(p->requests, id, false);
    struct lp_request *r = at ? *at : NULL;
    if (!r)
        return;
    r->over = true;
    rejects(p, &r->extra, m, id, now_ns);
}

static void lp_message(void *ctx, struct endpoint *e, const struct fix_msg *m, uint64_t now_ns)
{
    struct lp_party *p = ctx;
    (void)e;
    switch (m->type) {
    case FIX_MSG_TYPE1('R'):
        on_request(p, m, now_ns);
        break;
    case FIX_MSG_TYPE1('D'):
        on_order(p, m, now_ns);
        break;
    case FIX_MSG_TYPE1('F'):
        on_cancel(p, m, now_ns);
        break;
    case FIX_MSG_TYPE1('H'):
        on_status(p, m, now_ns);
        break;
    case FIX_MSG_TYPE1('Z'):
    case FIX_MSG_TYPE2('A', 'J'):
        on_request_over(p, m, now_ns);
        break;
    case FIX_MSG_TYPE2('A', 'I'):
        p->refused_quotes++;
        break;
    case FIX_MSG_TYPE1('j'):
    case FIX_MSG_TYPE1('3'):
        p->peer_rejects++;
        break;
    default:
        break;
    }
}

/* Messages out
 * ----------------------------------------------------------------------------------------------------------
 */

static void send_ack(struct lp_party *p, const struct lp_request *r, uint64_t now_ns)
{
    struct fix_encoder *f = endpoint_begin(p->endpoint, p->options.ack == 'i' ? "AI" : "b", now_ns);
    if (p->options.ack == 'i') {
        fix_put_text(f, FIX_TAG_QuoteReqID, r->id);
        fix_put_text(f, FIX_TAG_QuoteID, r->id);
        fix_put_text(f, FIX_TAG_Symbol, r->symbol);
        fix_put_uint(f, FIX_TAG_QuoteStatus, 0);
    } else {
        fix_put_text(f, FIX_TAG_QuoteReqID, r->id);
        fix_put_uint(f, FIX_TAG_QuoteStatus, 0);
    }
    endpoint_end(p->endpoint, now_ns);
}

static void send_reject(struct lp_party *p, const struct lp_request *r, uint64_t now_ns)
{
    struct fix_encoder *f = endpoint_begin(p->endpoint, "AG", now_ns);
    fix_put_text(f, FIX_TAG_QuoteReqID, r->id);
    fix_put_uint(f, FIX_TAG_QuoteRequestRejectReason, 99);
    fix_put_uint(f, FIX_TAG_NoRelatedSym, 1);
    fix_put_text(f, FIX_TAG_Symbol, r->symbol);
    fix_put_text(f, FIX_TAG_Text, "no appetite");
    endpoint_end(p->endpoint, now_ns);
    p->rejected++;
}

/* What was just sent under this number may be sent again. */
static void maybe_repeat(struct lp_party *p, unsigned percent, uint64_t seq, uint64_t now_ns)
{
    static const uint64_t spans[] = {REPEAT_SOON_NS, REPEAT_LATER_NS, REPEAT_LATE_NS};
    if (!percent || !chance(&p->random, percent))
        return;
    uint64_t span = spans[party_random(&p->random) % 3];
    push_due(p,
             (struct due){.at_ns = now_ns + party_random(&p->random) % span, .kind = DUE_REPEAT, .seq = seq});
}

static void repeat(struct lp_party *p, uint64_t seq, uint64_t now_ns)
{
    if (endpoint_repeat(p->endpoint, seq, party_random(&p->random) & 1, now_ns))
        p->repeats++;
}

static void repeat_recent(struct lp_party *p, uint64_t now_ns)
{
    for (unsigned i = 0; i < RECENT_EXECUTIONS; i++)
        if (p->recent[i] && chance(&p->random, p->options.exec_repeat_percent))
            repeat(p, p->recent[i], now_ns);
}

static void send_quote(struct lp_party *p, struct lp_request *r, uint64_t now_ns)
{
    const struct party_options *o = &p->options;
    char id[ID_TEXT_SIZE];
    if (r->over || now_ns >= r->expires_ns)
        return;
    int64_t mid = o->mid + ((int64_t)(party_random(&r->random) % 9) - 4) * o->tick;
    int64_t half = o->spread / 2;
    if (o->tick)
        half = half / o->tick * o->tick;
    snprintf(id, sizeof id, "%.20s-%llu", o->name, (unsigned long long)++p->quote_number);
    struct fix_encoder *f = endpoint_begin(p->endpoint, "S", now_ns);
    fix_put_text(f, FIX_TAG_QuoteReqID, r->id);
    fix_put_text(f, FIX_TAG_QuoteID, id);
    fix_put_text(f, FIX_TAG_Symbol, r->symbol);
    if (r->side != '1')
        fix_put_decimal(f, FIX_TAG_BidPx, mid - half);
    if (r->side != '2')
        fix_put_decimal(f, FIX_TAG_OfferPx, mid + half);
    if (r->side != '1')
        fix_put_decimal(f, FIX_TAG_BidSize, r->quantity);
    if (r->side != '2')
        fix_put_decimal(f, FIX_TAG_OfferSize, r->quantity);
    if (o->valid_ns)
        fix_put_time(f, FIX_TAG_ValidUntilTime, now_ns + o->valid_ns, FIX_TIME_MS);
    maybe_repeat(p, o->quote_repeat_percent, journal_next_out(p->endpoint->journal), now_ns);
    endpoint_end(p->endpoint, now_ns);
    p->sent_quotes++;
    if (o->quote_withdraw_percent && chance(&r->extra, o->quote_withdraw_percent)) {
        uint64_t span = party_random(&r->extra) & 1 ? WITHDRAW_SOON_NS : WITHDRAW_LATER_NS;
        struct due d = {.at_ns = now_ns + party_random(&r->extra) % span,
                        .kind = DUE_WITHDRAWAL,
                        .thing = r,
                        .flag = party_random(&r->extra) & 1};
        memcpy(d.text, id, sizeof id);
        push_due(p, d);
    }
}

static void send_withdrawal(struct lp_party *p, const struct lp_request *r, const struct due *d,
                            uint64_t now_ns)
{
    struct fix_encoder *f = endpoint_begin(p->endpoint, "Z", now_ns);
    fix_put_text(f, FIX_TAG_QuoteReqID, r->id);
    fix_put_text(f, FIX_TAG_QuoteID, d->flag ? r->id : d->text);
    fix_put_uint(f, FIX_TAG_QuoteCancelType, d->flag ? 4 : 1);
    endpoint_end(p->endpoint, now_ns);
    p->withdrawals++;
}

static void send_peer_reject(struct lp_party *p, const struct due *d, uint64_t now_ns)
{
    struct fix_encoder *f = endpoint_begin(p->endpoint, d->flag ? "j" : "3", now_ns);
    say_reject(f, d->flag, d->seq, d->msg_type, d->text);
    endpoint_end(p->endpoint, now_ns);
    p->rejects++;
}

static char status_of(const struct lp_order *o)
{
    if (!o->quantity || o->rejected)
        return '8';
    if (o->final)
        return o->filled == o->quantity ? '2' : '4';
    return o->filled ? '1' : '0';
}

static void send_execution(struct lp_party *p, const struct lp_order *o, const char *cl_ord_id,
                           char exec_type, char ord_status, int64_t last, uint64_t now_ns)
{
    char id[ID_TEXT_SIZE];
    struct fix_encoder *f = endpoint_begin(p->endpoint, "8", now_ns);
    snprintf(id, sizeof id, "%.8s-%.24s", p->options.name, o->id);
    fix_put_text(f, FIX_TAG_OrderID, id);
    fix_put_text(f, FIX_TAG_ClOrdID, cl_ord_id);
    if (strcmp(cl_ord_id, o->id) != 0)
        fix_put_text(f, FIX_TAG_OrigClOrdID, o->id);
    snprintf(id, sizeof id, "%.20s-E%llu", p->options.name, (unsigned long long)++p->exec_number);
    fix_put_text(f, FIX_TAG_ExecID, id);
    fix_put_char(f, FIX_TAG_ExecType, exec_type);
    fix_put_char(f, FIX_TAG_OrdStatus, ord_status);
    if (!o->quantity)
        fix_put_uint(f, FIX_TAG_OrdRejReason, 5); /* unknown order */
    fix_put_text(f, FIX_TAG_Symbol, o->symbol);
    fix_put_char(f, FIX_TAG_Side, o->side);
    fix_put_decimal(f, FIX_TAG_OrderQty, o->quantity);
    fix_put_decimal(f, FIX_TAG_Price, o->price);
    if (last) {
        fix_put_decimal(f, FIX_TAG_LastQty, last);
        fix_put_decimal(f, FIX_TAG_LastPx, o->price);
    }
    fix_put_decimal(f, FIX_TAG_LeavesQty, o->final ? 0 : o->quantity - o->filled);
    fix_put_decimal(f, FIX_TAG_CumQty, o->filled);
    fix_put_decimal(f, FIX_TAG_AvgPx, o->filled ? o->price : 0);
    fix_put_time(f, FIX_TAG_TransactTime, now_ns, FIX_TIME_MS);
    uint64_t seq = journal_next_out(p->endpoint->journal);
    p->recent[p->exec_number % RECENT_EXECUTIONS] = seq;
    maybe_repeat(p, p->options.exec_repeat_percent, seq, now_ns);
    endpoint_end(p->endpoint, now_ns);
}

static void fill(struct lp_party *p, struct lp_order *o, uint64_t now_ns)
{
    if (o->final)
        return;
    int64_t last = o->next_fill ? o->next_fill : o->quantity - o->filled;
    o->next_fill = 0;
    o->filled += last;
    o->final = o->filled == o->quantity;
    send_execution(p, o, o->id, 'F', o->final ? '2' : '1', last, now_ns);
    p->fills++;
}

static void send_cancel_reject(struct lp_party *p, const struct lp_order *o, const char *id, uint64_t now_ns)
{
    struct fix_encoder *f = endpoint_begin(p->endpoint, "9", now_ns);
    fix_put_text(f, FIX_TAG_OrderID, o->quantity ? o->id : "NONE");
    fix_put_text(f, FIX_TAG_ClOrdID, id);
    fix_put_text(f, FIX_TAG_OrigClOrdID, o->id);
    fix_put_char(f, FIX_TAG_OrdStatus, status_of(o));
    fix_put_char(f, FIX_TAG_CxlRejResponseTo, '1');
    fix_put_uint(f, FIX_TAG_CxlRejReason, o->quantity ? 0 : 1);
    endpoint_end(p->endpoint, now_ns);
}

static void act(struct lp_party *p, const struct due *d, uint64_t now_ns)
{
    struct lp_order *o = d->thing;
    switch (d->kind) {
    case DUE_ACK:
        send_ack(p, d->thing, now_ns);
        break;
    case DUE_QUOTE:
        send_quote(p, d->thing, now_ns);
        break;
    case DUE_REJECT:
        send_reject(p, d->thing, now_ns);
        break;
    case DUE_NEW:
        if (!o->final)
            send_execution(p, o, o->id, '0', '0', 0, now_ns);
        break;
    case DUE_FILL:
        fill(p, o, now_ns);
        break;
    case DUE_REFUSE_ORDER:
        if (o->final) /* cancelled meanwhile */
            break;
        o->final = o->rejected = true;
        send_execution(p, o, o->id, '8', '8', 0, now_ns);
        break;
    case DUE_CANCELLED:
        if (o->final) {
            send_cancel_reject(p, o, d->text, now_ns);
        } else {
            o->final = true;
            send_execution(p, o, d->text, '4', '4', 0, now_ns);
        }
        break;
    case DUE_STATUS:
        send_execution(p, o, o->id, 'I', status_of(o), 0, now_ns);
        break;
    case DUE_CANCEL_REJECT:
        send_cancel_reject(p, o, d->text, now_ns);
        break;
    case DUE_REPEAT:
        repeat(p, d->seq, now_ns);
        break;
    case DUE_WITHDRAWAL:
        send_withdrawal(p, d->thing, d, now_ns);
        break;
    case DUE_PEER_REJECT:
        send_peer_reject(p, d, now_ns);
        break;
    case DUE_NOTHING:
        break;
    }
}

static unsigned lp_poll(void *self, uint64_t now_ns)
{
    struct lp_party *p = self;
    unsigned work = 0;
    bool is_up = endpoint_is_up(p->endpoint);
    if (is_up && !p->was_up)
        repeat_recent(p, now_ns);
    p->was_up = is_up;
    while (p->heap_count && p->heap[0].at_ns <= now_ns && endpoint_is_up(p->endpoint)) {
        struct due d = pop(p);
        act(p, &d, now_ns);
        work++;
    }
    return work;
}

static uint64_t lp_next_ns(const void *self)
{
    const struct lp_party *p = self;
    return p->heap_count ? p->heap[0].at_ns : UINT64_MAX;
}

/* Memory: what the journal says
 * ----------------------------------------------------------------------------------------- */

/* Ids end in a number that rises: one that does not is of something said again. */
static bool is_new_number(const struct fix_msg *m, uint32_t tag, uint64_t *last)
{
    char id[ID_TEXT_SIZE] = "";
    if (fix_get_text(m, tag, id, sizeof id) != OK)
        return false;
    const char *at = strrchr(id, '-');
    uint64_t number = at ? strtoull(at + (at[1] == 'E' ? 2 : 1), NULL, 10) : 0;
    if (number <= *last)
        return false;
    *last = number;
    return true;
}

static void remember(void *ctx, uint64_t time_ns, char kind, uint64_t seq, const char *bytes, size_t size)
{
    struct lp_party *p = ctx;
    static struct fix_msg m;
    (void)time_ns;
    if (kind == 'N' || fix_parse(&m, bytes, size) != OK)
        return;
    if (kind == 'I' && m.type == FIX_MSG_TYPE1('D')) {
        on_order(p, &m, 0); /* what it owes is due at once, less what the journal says it has sent */
    } else if (kind == 'O' && m.type == FIX_MSG_TYPE1('S')) {
        is_new_number(&m, FIX_TAG_QuoteID, &p->quote_number);
    } else if (kind == 'O' && (m.type == FIX_MSG_TYPE1('3') || m.type == FIX_MSG_TYPE1('j'))) {
        uint64_t about = 0;
        for (size_t i = 0; fix_get_uint(&m, FIX_TAG_RefSeqNum, &about) == OK && i < p->heap_count; i++)
            if (p->heap[i].kind == DUE_PEER_REJECT && p->heap[i].seq == about)
                p->heap[i].kind = DUE_NOTHING;
    } else if (kind == 'O' && m.type == FIX_MSG_TYPE1('8')) {
        char id[ID_TEXT_SIZE] = "", status = 0;
        if (!is_new_number(&m, FIX_TAG_ExecID, &p->exec_number))
            return;
        p->recent[p->exec_number % RECENT_EXECUTIONS] = seq;
        if (fix_get_text(&m, fix_find(&m, FIX_TAG_OrigClOrdID) ? FIX_TAG_OrigClOrdID : FIX_TAG_ClOrdID, id,
                         sizeof id) != OK ||
            fix_get_char(&m, FIX_TAG_OrdStatus, &status) != OK)
            return;
        void **at = map_at(p->orders, id, false);
        struct lp_order *o = at ? *at : NULL;
        if (!o || fix_get_decimal(&m, FIX_TAG_CumQty, &o->filled) != OK)
            return;
        o->final = strchr("248", status) != NULL;
        o->rejected = status == '8';
        o->next_fill = 0;
    }
}

static void *lp_open(const struct party_options *o, struct endpoint *e)
{
    struct lp_party *p = calloc(1, sizeof *p);
    if (!p)
        exit(1);
    p->options = *o;
    p->endpoint = e;
    p->random = o->seed;
    p->requests = map_new();
    p->orders = map_new();
    journal_replay(e->journal, remember, p);
    p->got_orders = 0;
    return p;
}

static void lp_close(void *self)
{
    struct lp_party *p = self;
    map_free_values(p->requests);
    map_free_values(p->orders);
    free(p->heap);
    free(p);
}

static void lp_print(const void *self, FILE *to)
{
    const struct lp_party *p = self;
    fprintf(to,
            "{\"party\":\"%s\",\"role\":\"lp\",\"requests\":%llu,\"quotes\":%llu,\"rejected\":%llu,"
            "\"silent\":%llu,"
            "\"refused\":%llu,\"ended\":%llu,\"orders\":%llu,\"fills\":%llu,\"cancels\":%llu,\"peer_"
            "rejects\":%llu,\"repeats\":%llu,\"withdrawals\":%llu,\"rejects\":%llu}\n",
            p->options.name, (unsigned long long)p->got_requests, (unsigned long long)p->sent_quotes,
            (unsigned long long)p->rejected, (unsigned long long)p->silent,
            (unsigned long long)p->refused_quotes, (unsigned long long)p->ended,
            (unsigned long long)p->got_orders, (unsigned long long)p->fills, (unsigned long long)p->cancels,
            (unsigned long long)p->peer_rejects, (unsigned long long)p->repeats,
            (unsigned long long)p->withdrawals, (unsigned long long)p->rejects);
}

const struct party_kind lp_kind = {.open = lp_open,
                                   .close = lp_close,
                                   .message = lp_message,
                                   .poll = lp_poll,
                                   .next_ns = lp_next_ns,
                                   .print = lp_print};

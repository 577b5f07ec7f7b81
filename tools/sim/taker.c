/* A simulated taker: asks at a planned rate (open loop: latency counts from the planned time), waits for
 * quotes, accepts the best by QuoteResponse or NewOrderSingle, and sees each request to its end. One that
 * changes its mind withdraws requests, passes quotes, cancels orders; one that is not sure says things again.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/decimal.h"
#include "fix/fix_dict.h"
#include "tools/sim/party.h"
#include "tools/sim/say.h"

#define SOON_NS       5000000ull
#define LATER_NS      300000000ull
/* Requests differ, so that LPs may treat them differently, and each is a multiple of usual lots where
 * `quantity` is: by their number, and takers of other seeds beyond that. */
#define QUANTITY_STEP  (1000 * DECIMAL_SCALE)
#define QUANTITY_STEPS 100

enum request_state { ASKED, ACCEPTING, FILLED, REFUSED, EXPIRED, CANCELLED_R, ORDER_REJECTED_R, UNANSWERED };

static const char *const state_names[] = {"asked",   "accepting", "filled",         "refused",
                                          "expired", "cancelled", "order_rejected", "unanswered"};

struct taker_request {
    char id[ID_TEXT_SIZE], cl_ord_id[ID_TEXT_SIZE], best_id[ID_TEXT_SIZE];
    uint64_t number, planned_ns, deadline_ns, first_quote_ns, accepted_ns;
    uint64_t withdraw_ns, cancel_ns, again_ns; /* due then; 0: not, or done */
    uint64_t again_seq, random;                /* again_seq: MsgSeqNum of what is said again */
    bool passes, again_resends, asked_again;
    int64_t best_price, quantity, filled;
    unsigned quotes;
    enum request_state state;
    char side;
    struct taker_request *next; /* among the open ones */
};

struct taker_party {
    struct party_options options;
    struct endpoint *endpoint;
    uint64_t planned_ns, made, ended, missed, states[8], late_fills, accept_refused, peer_rejects,
        cancels_refused;
    uint64_t withdrawn, passed, cancelled, again, rejects;
    struct map *by_id, *by_cl_ord_id;
    struct taker_request *open;
    bool asks_no_more;
    struct histogram to_quote, to_fill, to_accept;
};

static bool is_end(enum request_state s)
{
    return s >= FILLED;
}

static void move(struct taker_party *p, struct taker_request *r, enum request_state to)
{
    if (is_end(r->state))
        return;
    r->state = to;
    if (is_end(to)) {
        p->ended++;
        p->states[to]++;
    }
}

/* Out
 * ---------------------------------------------------------------------------------------------------------------------
 */

static bool chance(uint64_t *random, unsigned percent)
{
    return percent && party_random(random) % 100 < percent;
}

/* Mostly soon: where things cross. */
static uint64_t after(uint64_t *random, uint64_t now_ns, uint64_t at_most)
{
    uint64_t spans[] = {SOON_NS, LATER_NS, at_most};
    return now_ns + 1 + party_random(random) % spans[party_random(random) % 3];
}

/* What follows from the request by itself, whatever comes; by its number and the taker's seed. */
static void plan(struct taker_party *p, struct taker_request *r, uint64_t seq, uint64_t now_ns)
{
    const struct party_options *o = &p->options;
    r->passes = chance(&r->random, o->pass_percent);
    if (chance(&r->random, o->withdraw_percent))
        r->withdraw_ns = after(&r->random, now_ns, o->deadline_ns);
    if (chance(&r->random, o->again_percent)) {
        r->again_ns = after(&r->random, now_ns, LATER_NS);
        r->again_seq = seq;
        r->again_resends = party_random(&r->random) & 1;
    }
}

static struct taker_request *remember_request(struct taker_party *p, const char *id)
{
    void **at = map_at(p->by_id, id, true);
    if (!*at) {
        struct taker_request *r = *at = calloc(1, sizeof *r);
        if (!r)
            exit(1);
        snprintf(r->id, sizeof r->id, "%.39s", id);
        r->number = p->made++;
        r->next = p->open;
        p->open = r;
    }
    return *at;
}

static void ask(struct taker_party *p, uint64_t planned_ns, uint64_t now_ns)
{
    char id[ID_TEXT_SIZE];
    const struct party_options *o = &p->options;
    struct fix_encoder *f = endpoint_begin(p->endpoint, "R", now_ns);
    if (!f) {
        p->missed++;
        return;
    }
    snprintf(id, sizeof id, "%.20s-%llu", o->name, (unsigned long long)p->made);
    struct taker_request *r = remember_request(p, id);
    r->planned_ns = planned_ns;
    r->deadline_ns = now_ns + o->deadline_ns;
    r->side = r->number % 2 ? '2' : '1';
    r->random = (o->seed << 20) ^ r->number;
    bool two_way = chance(&r->random, o->two_way_percent);
    r->quantity =
        o->quantity + (int64_t)(r->number % QUANTITY_STEPS + o->seed % 10 * QUANTITY_STEPS) * QUANTITY_STEP;
    say_request(f, r->id, o->symbol, two_way ? 0 : r->side, r->quantity, r->deadline_ns);
    plan(p, r, journal_next_out(p->endpoint->journal), now_ns);
    endpoint_end(p->endpoint, now_ns);
}

static void pass(struct taker_party *p, struct taker_request *r, uint64_t now_ns)
{
    struct fix_encoder *f = endpoint_begin(p->endpoint, "AJ", now_ns);
    if (!f)
        return;
    snprintf(r->cl_ord_id, sizeof r->cl_ord_id, "P-%.30s", r->id);
    *map_at(p->by_cl_ord_id, r->cl_ord_id, true) = r;
    say_decline(f, r->cl_ord_id, r->best_id, p->options.symbol);
    endpoint_end(p->endpoint, now_ns);
    r->state = ACCEPTING;
    p->passed++;
}

static void accept_best(struct taker_party *p, struct taker_request *r, uint64_t now_ns)
{
    const struct party_options *o = &p->options;
    if (r->passes) {
        pass(p, r, now_ns);
        return;
    }
    bool by_order = o->accept == 'd' || (o->accept == 'x' && r->number % 4 >= 2);
    struct fix_encoder *f = endpoint_begin(p->endpoint, by_order ? "D" : "AJ", now_ns);
    if (!f)
        return;
    snprintf(r->cl_ord_id, sizeof r->cl_ord_id, "C-%.30s", r->id);
    *map_at(p->by_cl_ord_id, r->cl_ord_id, true) = r;
    struct say_acceptance a = {r->cl_ord_id, r->best_id, o->symbol, r->quantity, r->best_price, r->side};
    if (by_order)
        say_order(f, &a, now_ns);
    else
        say_hit(f, &a);
    if (chance(&r->random, o->cancel_percent))
        r->cancel_ns = after(&r->random, now_ns, 4 * LATER_NS);
    if (!r->withdraw_ns && chance(&r->random, o->withdraw_percent)) /* while its order is at the LP */
        r->withdraw_ns = after(&r->random, now_ns, 4 * LATER_NS);
    if (!r->again_ns && chance(&r->random, o->again_percent)) {
        r->again_ns = after(&r->random, now_ns, 4 * LATER_NS);
        r->again_seq = journal_next_out(p->endpoint->journal);
        r->again_resends = true;
    }
    endpoint_end(p->endpoint, now_ns);
    r->accepted_ns = now_ns;
    r->state = ACCEPTING;
}

static void withdraw(struct taker_party *p, struct taker_request *r, uint64_t now_ns)
{
    struct fix_encoder *f = endpoint_begin(p->endpoint, "Z", now_ns);
    if (!f)
        return;
    say_withdrawal(f, r->id);
    endpoint_end(p->endpoint, now_ns);
    r->withdraw_ns = 0;
    p->withdrawn++;
}

static void cancel(struct taker_party *p, struct taker_request *r, uint64_t now_ns)
{
    char id[ID_TEXT_SIZE];
    struct fix_encoder *f = endpoint_begin(p->endpoint, "F", now_ns);
    if (!f)
        return;
    snprintf(id, sizeof id, "X-%.30s", r->id);
    *map_at(p->by_cl_ord_id, id, true) = r;
    say_order_cancel(f, id, r->cl_ord_id, p->options.symbol, r->side, r->quantity, now_ns);
    endpoint_end(p->endpoint, now_ns);
    r->cancel_ns = 0;
    p->cancelled++;
}

static void say_again(struct taker_party *p, struct taker_request *r, uint64_t now_ns)
{
    if (r->state == REFUSED) { /* perhaps for want of room: then it would be asked anew */
        r->again_ns = 0;
    } else if (endpoint_repeat(p->endpoint, r->again_seq, r->again_resends, now_ns)) {
        r->again_ns = 0;
        r->asked_again = true;
        p->again++;
    }
}

/* Returns whether something is still to come. */
static bool act(struct taker_party *p, struct taker_request *r, uint64_t now_ns)
{
    if (r->withdraw_ns && now_ns >= r->withdraw_ns)
        withdraw(p, r, now_ns);
    if (r->cancel_ns && now_ns >= r->cancel_ns)
        cancel(p, r, now_ns);
    if (r->again_ns && now_ns >= r->again_ns)
        say_again(p, r, now_ns);
    return r->withdraw_ns || r->cancel_ns || r->again_ns;
}

static bool wants_to_accept(const struct taker_party *p, const struct taker_request *r, uint64_t now_ns)
{
    return r->state == ASKED && r->best_id[0] && p->options.accept != '-' &&
           (r->quotes >= p->options.quotes || now_ns >= r->first_quote_ns + p->options.collect_ns);
}

/* In
 * ----------------------------------------------------------------------------------------------------------------------
 */

static struct taker_request *find(struct map *m, const struct fix_msg *msg, uint32_t tag)
{
    char id[ID_TEXT_SIZE] = "";
    if (fix_get_text(msg, tag, id, sizeof id) != OK)
        return NULL;
    void **at = map_at(m, id, false);
    return at ? *at : NULL;
}

static void reject(struct taker_party *p, uint64_t *random, const struct fix_msg *m, uint64_t now_ns)
{
    char type[3] = "";
    bool business = party_random(random) & 1;
    if (fix_get_text(m, FIX_TAG_MsgType, type, sizeof type) != OK)
        return;
    struct fix_encoder *f = endpoint_begin(p->endpoint, business ? "j" : "3", now_ns);
    if (!f)
        return;
    say_reject(f, business, m->seq, type, "not understood");
    endpoint_end(p->endpoint, now_ns);
    p->rejects++;
}

static void on_quote(struct taker_party *p, const struct fix_msg *m, uint64_t now_ns)
{
    struct taker_request *r = find(p->by_id, m, FIX_TAG_QuoteReqID);
    int64_t price;
    if (!r || is_end(r->state))
        return;
    if (chance(&r->random, p->options.peer_reject_percent)) { /* as though it had not come */
        reject(p, &r->random, m, now_ns);
        return;
    }
    if (!r->quotes++) {
        r->first_quote_ns = now_ns;
        if (r->planned_ns)
            histogram_record(&p->to_quote, now_ns - r->planned_ns);
    }
    if (fix_get_decimal(m, r->side == '1' ? FIX_TAG_OfferPx : FIX_TAG_BidPx, &price) != OK)
        return;
    bool better = !r->best_id[0] || (r->side == '1' ? price < r->best_price : price > r->best_price);
    if (better && fix_get_text(m, FIX_TAG_QuoteID, r->best_id, sizeof r->best_id) == OK)
        r->best_price = price;
    if (r->state == ACCEPTING && !r->cl_ord_id[0])
        r->state = ASKED;
    if (wants_to_accept(p, r, now_ns))
        accept_best(p, r, now_ns);
}

/* An LP has withdrawn it. */
static void on_quote_over(struct taker_party *p, const struct fix_msg *m)
{
    struct taker_request *r = find(p->by_id, m, FIX_TAG_QuoteReqID);
    char id[ID_TEXT_SIZE] = "";
    if (r && fix_get_text(m, FIX_TAG_QuoteID, id, sizeof id) == OK && strcmp(r->best_id, id) == 0)
        r->best_id[0] = 0;
}

static void on_execution(struct taker_party *p, const struct fix_msg *m, uint64_t now_ns)
{
    struct taker_request *r = find(p->by_cl_ord_id, m, FIX_TAG_ClOrdID);
    char type = 0, status = 0;
    int64_t last;
    if (!r || fix_get_char(m, FIX_TAG_ExecType, &type) != OK ||
        fix_get_char(m, FIX_TAG_OrdStatus, &status) != OK)
        return;
    if (r->state == ACCEPTING && type != 'F' && r->accepted_ns && !r->filled)
        histogram_record(&p->to_accept, now_ns - r->accepted_ns);
    if (type == 'F' && fix_get_decimal(m, FIX_TAG_LastQty, &last) == OK) {
        if (is_end(r->state))
            p->late_fills++;
        r->filled += last;
    }
    if (status == '2') {
        if (r->accepted_ns)
            histogram_record(&p->to_fill, now_ns - r->accepted_ns);
        move(p, r, FILLED);
    } else if (type == '8' || type == '4') {
        move(p, r, r->filled ? FILLED : ORDER_REJECTED_R);
    }
}

static bool text_begins(const struct fix_msg *m, const char *with)
{
    const struct fix_field *f = fix_find(m, FIX_TAG_Text);
    return f && f->size >= strlen(with) && memcmp(fix_value(m, f), with, strlen(with)) == 0;
}

static void on_refused(struct taker_party *p, const struct fix_msg *m)
{
    struct taker_request *r = find(p->by_id, m, FIX_TAG_QuoteReqID);
    if (r &&
        !(r->asked_again && text_begins(m, "QuoteReqID "))) /* else as used before: by the request itself */
        move(p, r, REFUSED);
}

static void on_status(struct taker_party *p, const struct fix_msg *m)
{
    uint64_t status = 0;
    if (fix_find(m, FIX_TAG_QuoteRespID)) { /* a refused acceptance */
        struct taker_request *r = find(p->by_cl_ord_id, m, FIX_TAG_QuoteRespID);
        p->accept_refused++;
        if (r)
            move(p, r, ORDER_REJECTED_R);
        return;
    }
    struct taker_request *r = find(p->by_id, m, FIX_TAG_QuoteReqID);
    if (!r || fix_get_uint(m, FIX_TAG_QuoteStatus, &status) != OK)
        return;
    if (r->asked_again && text_begins(m, "status ")) /* of what was asked again: its end is told apart */
        return;
    if (status == 7)
        move(p, r, EXPIRED);
    else if (status == 4)
        move(p, r, CANCELLED_R);
    else /* a withdrawal that came too late */
        p->cancels_refused++;
}

static void taker_message(void *ctx, struct endpoint *e, const struct fix_msg *m, uint64_t now_ns)
{
    struct taker_party *p = ctx;
    uint64_t random = p->options.seed ^ m->seq << 8;
    (void)e;
    if (m->type != FIX_MSG_TYPE1('S') && m->type != FIX_MSG_TYPE1('3') && m->type != FIX_MSG_TYPE1('j') &&
        chance(&random, p->options.peer_reject_percent))
        reject(p, &random, m, now_ns); /* which is heeded all the same */
    switch (m->type) {
    case FIX_MSG_TYPE1('S'):
        on_quote(p, m, now_ns);
        break;
    case FIX_MSG_TYPE1('Z'):
        on_quote_over(p, m);
        break;
    case FIX_MSG_TYPE1('9'):
        p->cancels_refused++;
        break;
    case FIX_MSG_TYPE1('8'):
        on_execution(p, m, now_ns);
        break;
    case FIX_MSG_TYPE2('A', 'G'):
        on_refused(p, m);
        break;
    case FIX_MSG_TYPE2('A', 'I'):
        on_status(p, m);
        break;
    case FIX_MSG_TYPE1('j'):
    case FIX_MSG_TYPE1('3'):
        if (!p->options.again_percent || !text_begins(m, "busy: ")) /* so said of what has PossResend */
            p->peer_rejects++;
        break;
    default:
        break;
    }
}

/* Time
 * ----------------------------------------------------------------------------------------------------------------------
 */

static void sweep(struct taker_party *p, uint64_t now_ns)
{
    struct taker_request **at = &p->open;
    while (*at) {
        struct taker_request *r = *at;
        if (wants_to_accept(p, r, now_ns))
            accept_best(p, r, now_ns);
        if (!is_end(r->state) && r->deadline_ns && now_ns > r->deadline_ns + p->options.patience_ns)
            move(p, r, UNANSWERED);
        if (!act(p, r, now_ns) && is_end(r->state))
            *at = r->next;
        else
            at = &r->next;
    }
}

static bool asks_more(const struct taker_party *p)
{
    return p->planned_ns && !p->asks_no_more && (!p->options.count || p->made + p->missed < p->options.count);
}

static unsigned taker_poll(void *self, uint64_t now_ns)
{
    struct taker_party *p = self;
    const struct party_options *o = &p->options;
    unsigned work = 0;
    if (!p->planned_ns && endpoint_is_up(p->endpoint))
        p->planned_ns = now_ns + o->start_ns;
    while (asks_more(p) && now_ns >= p->planned_ns && work < 256) {
        ask(p, p->planned_ns, now_ns);
        p->planned_ns += 1000000000ull / o->rate;
        work++;
    }
    sweep(p, now_ns);
    return work;
}

static uint64_t taker_next_ns(const void *self)
{
    const struct taker_party *p = self;
    const struct party_options *o = &p->options;
    uint64_t next = UINT64_MAX;
    if (asks_more(p))
        next = p->planned_ns;
    for (const struct taker_request *r = p->open; r; r = r->next) {
        uint64_t at = r->state == ASKED && r->best_id[0] && o->accept != '-'
                          ? r->first_quote_ns + o->collect_ns
                          : r->deadline_ns + p->options.patience_ns;
        const uint64_t due[] = {at, r->withdraw_ns, r->cancel_ns, r->again_ns};
        for (unsigned i = 0; i < sizeof due / sizeof *due; i++)
            if (due[i] && due[i] < next)
                next = due[i];
    }
    return next;
}

static void taker_ask_no_more(void *self)
{
    struct taker_party *p = self;
    p->asks_no_more = true;
}

static bool taker_done(const void *self)
{
    const struct taker_party *p = self;
    bool asked_all = p->options.count && p->made + p->missed >= p->options.count;
    return (asked_all || p->asks_no_more) && p->ended >= p->made && !p->open;
}

static bool taker_fine(const void *self)
{
    const struct taker_party *p = self;
    return p->states[UNANSWERED] == 0 && p->late_fills == 0 && p->peer_rejects == 0;
}

/* Memory: what the journal says
 * ---------------------------------------------------------------------------------------------- */

static void remember(void *ctx, uint64_t time_ns, char kind, uint64_t seq, const char *bytes, size_t size)
{
    struct taker_party *p = ctx;
    static struct fix_msg m;
    char id[ID_TEXT_SIZE] = "";
    (void)seq;
    if (kind == 'N' || kind == 'R' || fix_parse(&m, bytes, size) != OK)
        return;
    if (kind == 'O' && m.type == FIX_MSG_TYPE1('R') &&
        fix_get_text(&m, FIX_TAG_QuoteReqID, id, sizeof id) == OK) {
        struct taker_request *r = remember_request(p, id);
        struct fix_group legs;
        r->side = r->number % 2 ? '2' : '1';
        r->deadline_ns = time_ns + p->options.deadline_ns;
        if (fix_group_begin(&m, FIX_TAG_NoRelatedSym, &legs) && fix_group_next(&legs) &&
            fix_field_char(&m, fix_group_find(&legs, FIX_TAG_Side), &r->side) != OK)
            r->side = r->number % 2 ? '2' : '1'; /* two-way: as it will be taken */
        if (fix_find(&m, FIX_TAG_OrderQty) && fix_get_decimal(&m, FIX_TAG_OrderQty, &r->quantity) != OK)
            r->quantity = p->options.quantity;
    } else if (kind == 'O' && (m.type == FIX_MSG_TYPE1('D') || m.type == FIX_MSG_TYPE2('A', 'J')) &&
               fix_get_text(&m, fix_find(&m, FIX_TAG_ClOrdID) ? FIX_TAG_ClOrdID : FIX_TAG_QuoteRespID, id,
                            sizeof id) == OK &&
               strlen(id) > 2) {
        void **at = map_at(p->by_id, id + 2, false);
        if (at && *at) {
            struct taker_request *r = *at;
            memcpy(r->cl_ord_id, id, sizeof id);
            *map_at(p->by_cl_ord_id, id, true) = r;
            r->state = ACCEPTING;
        }
    } else if (kind == 'O' && m.type == FIX_MSG_TYPE1('F') &&
               fix_get_text(&m, FIX_TAG_ClOrdID, id, sizeof id) == OK && strlen(id) > 2) {
        void **at = map_at(p->by_id, id + 2, false);
        if (at && *at)
            *map_at(p->by_cl_ord_id, id, true) = *at;
    } else if (kind == 'I') {
        struct party_options keep = p->options;
        p->options.accept = '-'; /* nothing is answered from memory */
        p->options.peer_reject_percent = 0;
        taker_message(p, p->endpoint, &m, time_ns);
        p->options = keep;
    }
}

static void *taker_open(const struct party_options *o, struct endpoint *e)
{
    struct taker_party *p = calloc(1, sizeof *p);
    if (!p)
        exit(1);
    p->options = *o;
    p->endpoint = e;
    p->by_id = map_new();
    p->by_cl_ord_id = map_new();
    journal_replay(e->journal, remember, p);
    histogram_reset(&p->to_quote);
    histogram_reset(&p->to_fill);
    histogram_reset(&p->to_accept);
    return p;
}

static void taker_close(void *self)
{
    struct taker_party *p = self;
    map_free(p->by_cl_ord_id);
    map_free_values(p->by_id);
    free(p);
}

static void print_histogram(const char *name, const struct histogram *h, FILE *to)
{
    fprintf(to,
            ",\"%s_ns\":{\"count\":%llu,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"p999\":%llu,\"max\":%llu}",
            name, (unsigned long long)h->count, (unsigned long long)histogram_percentile(h, 50000),
            (unsigned long long)histogram_percentile(h, 90000),
            (unsigned long long)histogram_percentile(h, 99000),
            (unsigned long long)histogram_percentile(h, 99900), (unsigned long long)h->max);
}

static void taker_print(const void *self, FILE *to)
{
    const struct taker_party *p = self;
    fprintf(to, "{\"party\":\"%s\",\"role\":\"taker\",\"requests\":%llu,\"ended\":%llu,\"missed\":%llu",
            p->options.name, (unsigned long long)p->made, (unsigned long long)p->ended,
            (unsigned long long)p->missed);
    for (int s = FILLED; s <= UNANSWERED; s++)
        fprintf(to, ",\"%s\":%llu", state_names[s], (unsigned long long)p->states[s]);
    fprintf(to, ",\"accept_refused\":%llu,\"late_fills\":%llu,\"peer_rejects\":%llu",
            (unsigned long long)p->accept_refused, (unsigned long long)p->late_fills,
            (unsigned long long)p->peer_rejects);
    fprintf(to,
            ",\"withdrawn\":%llu,\"passed\":%llu,\"cancels\":%llu,\"again\":%llu,\"rejects\":%llu,"
            "\"cancels_refused\":%llu",
            (unsigned long long)p->withdrawn, (unsigned long long)p->passed, (unsigned long long)p->cancelled,
            (unsigned long long)p->again, (unsigned long long)p->rejects,
            (unsigned long long)p->cancels_refused);
    print_histogram("request_to_quote", &p->to_quote, to);
    print_histogram("accept_to_answer", &p->to_accept, to);
    print_histogram("accept_to_fill", &p->to_fill, to);
    fprintf(to, "}\n");
}

const struct party_kind taker_kind = {.open = taker_open,
                                      .close = taker_close,
                                      .message = taker_message,
                                      .poll = taker_poll,
                                      .next_ns = taker_next_ns,
                                      .ask_no_more = taker_ask_no_more,
                                      .done = taker_done,
                                      .fine = taker_fine,
                                      .print = taker_print};

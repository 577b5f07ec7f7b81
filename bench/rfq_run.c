#include "bench/rfq_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "dataplane/core/decimal.h"
#include "fix/fix_dict.h"

#define LIVES      4096u /* RFQs under way at one time: more, and it does not keep up */
#define SYMBOL     "EURUSD"
#define PRICE      (DECIMAL_SCALE + DECIMAL_SCALE / 10)
#define PRICE_STEP (DECIMAL_SCALE / 100000)
#define STALL_NS   20000000000ull /* nothing came for so long: it will not */

enum life_state { LIFE_OVER, LIFE_ASKED, LIFE_QUOTING, LIFE_ACCEPTED, LIFE_FILLING };

struct rfq_life {
    uint64_t number, begin, first, sent; /* sent: the message that is being measured */
    enum life_state state;
    bool counts; /* its times are recorded */
    unsigned asked, quoted;
    char request_id[HOUSE_LPS_MAX][ID_TEXT_SIZE], quote_id[ID_TEXT_SIZE];
};

static void measured(struct rfq_run *r, const struct rfq_life *l, enum rfq_figure f, uint64_t from,
                     uint64_t to)
{
    if (l->counts)
        histogram_record(&r->measured[f], bench_ns(from, to));
}

/* Who is it about? -------------------------------------------------------------------------------------- */

static struct rfq_life *life_of(struct rfq_run *r, uint64_t number, enum life_state expected)
{
    struct rfq_life *l = &r->lives[number % LIVES];
    return l->number == number && l->state == expected ? l : NULL;
}

static struct rfq_life *life_by_quantity(struct rfq_run *r, int64_t quantity, enum life_state expected)
{
    return life_of(r, (uint64_t)(quantity / DECIMAL_SCALE), expected);
}

/* The taker's ids are numbers. */
static struct rfq_life *life_by_id(struct rfq_run *r, const struct fix_msg *m, uint32_t tag,
                                   enum life_state expected)
{
    uint64_t number;
    return fix_get_uint(m, tag, &number) == OK ? life_of(r, number, expected) : NULL;
}

static unsigned winner_of(const struct rfq_run *r, const struct rfq_life *l)
{
    return (unsigned)(l->number % r->lps);
}

/* What is sent ------------------------------------------------------------------------------------------ */

/* The message lies ready when its time comes, as in the reference. */
static bool ask(struct rfq_run *r, struct bench_plan *plan, bool counts)
{
    struct rfq_life *l = &r->lives[r->rfqs % LIVES];
    if (l->state != LIFE_OVER)
        return false;
    memset(l, 0, sizeof *l);
    l->number = r->rfqs++;
    l->counts = counts;
    l->state = LIFE_ASKED;
    r->made++;
    r->recorded += counts;
    struct fix_encoder *e = party_begin(&r->taker, FIX_MSGTYPE_QuoteRequest);
    fix_put_uint(e, FIX_TAG_QuoteReqID, l->number);
    fix_put_uint(e, FIX_TAG_NoRelatedSym, 1);
    fix_put_text(e, FIX_TAG_Symbol, SYMBOL);
    fix_put_char(e, FIX_TAG_Side, '1');
    fix_put_decimal(e, FIX_TAG_OrderQty, (int64_t)l->number * DECIMAL_SCALE);
    if (!party_ready(&r->taker))
        return false;
    l->begin = bench_plan_next(plan);
    uint64_t sent = party_send_ready(&r->taker);
    if (r->from_send)
        l->begin = sent;
    r->sizes[STEP_REQUEST].in = r->taker.sent_size;
    return sent != 0;
}

static bool quote(struct rfq_run *r, struct rfq_life *l)
{
    unsigned lp = l->quoted;
    struct party *p = &r->party[lp];
    struct fix_encoder *e = party_begin(p, FIX_MSGTYPE_Quote);
    fix_put_text(e, FIX_TAG_QuoteReqID, l->request_id[lp]);
    fix_put_uint(e, FIX_TAG_QuoteID, l->number);
    fix_put_text(e, FIX_TAG_Symbol, SYMBOL);
    fix_put_decimal(e, FIX_TAG_OfferPx, PRICE + lp * PRICE_STEP);
    fix_put_decimal(e, FIX_TAG_OfferSize, (int64_t)l->number * DECIMAL_SCALE);
    l->state = LIFE_QUOTING;
    l->sent = party_send(p);
    r->sizes[STEP_QUOTE].in = p->sent_size;
    return l->sent != 0;
}

static bool accept_quote(struct rfq_run *r, struct rfq_life *l)
{
    struct fix_encoder *e = party_begin(&r->taker, FIX_MSGTYPE_QuoteResponse);
    fix_put_uint(e, FIX_TAG_QuoteRespID, l->number);
    fix_put_text(e, FIX_TAG_QuoteID, l->quote_id);
    fix_put_uint(e, FIX_TAG_QuoteRespType, 1);
    fix_put_uint(e, FIX_TAG_ClOrdID, l->number);
    fix_put_text(e, FIX_TAG_Symbol, SYMBOL);
    fix_put_char(e, FIX_TAG_Side, '1');
    fix_put_decimal(e, FIX_TAG_OrderQty, (int64_t)l->number * DECIMAL_SCALE);
    fix_put_decimal(e, FIX_TAG_Price, PRICE + winner_of(r, l) * PRICE_STEP);
    l->state = LIFE_ACCEPTED;
    l->sent = party_send(&r->taker);
    r->sizes[STEP_ORDER].in = r->taker.sent_size;
    return l->sent != 0;
}

static bool fill(struct rfq_run *r, struct rfq_life *l, struct party *p, const char *cl_ord_id)
{
    int64_t quantity = (int64_t)l->number * DECIMAL_SCALE, price = PRICE + winner_of(r, l) * PRICE_STEP;
    struct fix_encoder *e = party_begin(p, FIX_MSGTYPE_ExecutionReport);
    fix_put_uint(e, FIX_TAG_OrderID, l->number);
    fix_put_text(e, FIX_TAG_ClOrdID, cl_ord_id);
    fix_put_uint(e, FIX_TAG_ExecID, l->number);
    fix_put_char(e, FIX_TAG_ExecType, 'F');
    fix_put_char(e, FIX_TAG_OrdStatus, '2');
    fix_put_text(e, FIX_TAG_Symbol, SYMBOL);
    fix_put_char(e, FIX_TAG_Side, '1');
    fix_put_decimal(e, FIX_TAG_OrderQty, quantity);
    fix_put_decimal(e, FIX_TAG_Price, price);
    fix_put_decimal(e, FIX_TAG_LastQty, quantity);
    fix_put_decimal(e, FIX_TAG_LastPx, price);
    fix_put_decimal(e, FIX_TAG_LeavesQty, 0);
    fix_put_decimal(e, FIX_TAG_CumQty, quantity);
    fix_put_decimal(e, FIX_TAG_AvgPx, price);
    fix_put_time(e, FIX_TAG_TransactTime, clock_now_ns(), FIX_TIME_MS);
    l->state = LIFE_FILLING;
    l->sent = party_send(p);
    r->sizes[STEP_EXECUTION].in = p->sent_size;
    return l->sent != 0;
}

/* What comes -------------------------------------------------------------------------------------------- */

static bool on_request(struct rfq_run *r, struct party *p, const struct fix_msg *m)
{
    struct fix_group legs;
    int64_t quantity;
    unsigned lp = (unsigned)(p - r->party);
    if (!fix_group_begin(m, FIX_TAG_NoRelatedSym, &legs) || !fix_group_next(&legs) ||
        fix_field_decimal(m, fix_group_find(&legs, FIX_TAG_OrderQty), &quantity) != OK)
        return false;
    struct rfq_life *l = life_by_quantity(r, quantity, LIFE_ASKED);
    if (!l || l->request_id[lp][0] ||
        fix_get_text(m, FIX_TAG_QuoteReqID, l->request_id[lp], ID_TEXT_SIZE) != OK)
        return false;
    r->sizes[STEP_REQUEST].out = m->size;
    if (l->asked++ == 0) {
        l->first = p->stamp;
        measured(r, l, FIGURE_REQUEST, l->begin, p->stamp);
    }
    if (l->asked < r->lps)
        return true;
    if (r->lps > 1)
        measured(r, l, FIGURE_RELEASE, l->first, p->stamp);
    return quote(r, l);
}

static bool on_quote(struct rfq_run *r, struct party *p, const struct fix_msg *m)
{
    int64_t price;
    struct rfq_life *l = life_by_id(r, m, FIX_TAG_QuoteReqID, LIFE_QUOTING);
    if (!l || fix_get_decimal(m, FIX_TAG_OfferPx, &price) != OK || price != PRICE + l->quoted * PRICE_STEP)
        return false;
    measured(r, l, FIGURE_QUOTE, l->sent, p->stamp);
    r->sizes[STEP_QUOTE].out = m->size;
    if (l->quoted == winner_of(r, l) && fix_get_text(m, FIX_TAG_QuoteID, l->quote_id, ID_TEXT_SIZE) != OK)
        return false;
    return ++l->quoted < r->lps ? quote(r, l) : accept_quote(r, l);
}

static bool on_order(struct rfq_run *r, struct party *p, const struct fix_msg *m)
{
    int64_t quantity, price;
    char id[ID_TEXT_SIZE];
    if (fix_get_decimal(m, FIX_TAG_OrderQty, &quantity) != OK ||
        fix_get_decimal(m, FIX_TAG_Price, &price) != OK ||
        fix_get_text(m, FIX_TAG_ClOrdID, id, sizeof id) != OK)
        return false;
    struct rfq_life *l = life_by_quantity(r, quantity, LIFE_ACCEPTED);
    if (!l || p != &r->party[winner_of(r, l)] || price != PRICE + winner_of(r, l) * PRICE_STEP)
        return false;
    measured(r, l, FIGURE_ORDER, l->sent, p->stamp);
    r->sizes[STEP_ORDER].out = m->size;
    return fill(r, l, p, id);
}

/* Ours is the fill; what comes before it tells of the order's states. */
static bool on_execution(struct rfq_run *r, struct party *p, const struct fix_msg *m)
{
    char type, status;
    int64_t last;
    if (fix_get_char(m, FIX_TAG_ExecType, &type) != OK || fix_get_char(m, FIX_TAG_OrdStatus, &status) != OK)
        return false;
    if (type != 'F')
        return status == 'A' || status == '0';
    struct rfq_life *l = life_by_id(r, m, FIX_TAG_ClOrdID, LIFE_FILLING);
    if (!l || status != '2' || fix_get_decimal(m, FIX_TAG_LastQty, &last) != OK ||
        last != (int64_t)l->number * DECIMAL_SCALE)
        return false;
    measured(r, l, FIGURE_EXECUTION, l->sent, p->stamp);
    r->sizes[STEP_EXECUTION].out = m->size;
    l->state = LIFE_OVER;
    r->over++;
    return true;
}

static bool taker_gets(void *ctx, struct party *p, const struct fix_msg *m)
{
    switch (m->type) {
    case FIX_MSG_Quote:
        return on_quote(ctx, p, m);
    case FIX_MSG_ExecutionReport:
        return on_execution(ctx, p, m);
    default:
        return false;
    }
}

static bool on_lost(struct rfq_run *r, const struct fix_msg *m)
{
    r->sizes[STEP_LOST].out = m->size;
    r->lost++;
    return true;
}

static bool lp_gets(void *ctx, struct party *p, const struct fix_msg *m)
{
    switch (m->type) {
    case FIX_MSG_QuoteRequest:
        return on_request(ctx, p, m);
    case FIX_MSG_NewOrderSingle:
        return on_order(ctx, p, m);
    case FIX_MSG_QuoteCancel:
        return on_lost(ctx, m);
    default:
        return false;
    }
}

/* Driving ----------------------------------------------------------------------------------------------- */

static bool poll_parties(struct rfq_run *r)
{
    bool right = party_poll(&r->taker, taker_gets, r);
    for (unsigned i = 0; i < r->lps && right; i++)
        right = party_poll(&r->party[i], lp_gets, r);
    return right;
}

/* With none under way nothing can come, and the next one's time is
 * waited for as the reference waits for it: without looking at sockets, which would make us late. */
bool rfq_run_block(struct rfq_run *r, unsigned count, unsigned warm)
{
    struct bench_plan plan;
    uint64_t until = r->made + count, seen = r->over + r->lost, seen_ns = clock_now_ns();
    bench_plan_start(&plan, r->rate);
    for (unsigned asked = 0; r->over < until || r->lost < until * (r->lps - 1);) {
        bool idle = r->over == r->made && r->lost == r->made * (r->lps - 1);
        if (asked < count && (idle || (int64_t)(clock_ticks() - bench_plan_peek(&plan)) >= 0)) {
            if (!ask(r, &plan, asked >= warm))
                return false;
            asked++;
        }
        if (!poll_parties(r))
            return false;
        if (r->over + r->lost != seen) {
            seen = r->over + r->lost;
            seen_ns = clock_now_ns();
        } else if (clock_now_ns() - seen_ns > STALL_NS) {
            return false;
        }
    }
    return true;
}

void rfq_run_complain(const struct rfq_run *r)
{
    fprintf(stderr, "rfqbench: %llu RFQs made, %llu came to their end\n", (unsigned long long)r->made,
            (unsigned long long)r->over);
    for (unsigned i = 0; i <= r->lps; i++) {
        const struct party *p = i ? &r->party[i - 1] : &r->taker;
        if (p->failure[0])
            fprintf(stderr, "rfqbench: %s\n", p->failure);
    }
}

bool rfq_run_logon(struct rfq_run *r)
{
    static const char *const names[] = {"L0",  "L1",  "L2",  "L3",  "L4",  "L5",  "L6",  "L7",  "L8",  "L9",
                                        "L10", "L11", "L12", "L13", "L14", "L15", "L16", "L17", "L18", "L19"};
    static_assert(sizeof names / sizeof *names == HOUSE_LPS_MAX, "a name for each");
    bool right = party_logon(&r->taker, "T", &r->house.at);
    for (unsigned i = 0; i < r->lps && right; i++)
        right = party_logon(&r->party[i], names[i], &r->house.at);
    for (unsigned i = 0; i <= r->lps && right && r->from_send; i++)
        right = party_stamp_in_kernel(i ? &r->party[i - 1] : &r->taker);
    return right;
}

/* Nothing is missing and nothing was there twice. */
bool rfq_run_counts_right(const struct rfq_run *r, const struct histogram figures[FIGURES])
{
    bool right = r->over == r->made && r->lost == r->made * (r->lps - 1);
    for (unsigned f = 0; f < FIGURES; f++) {
        uint64_t expected = f == FIGURE_QUOTE ? r->recorded * r->lps : r->recorded;
        if (f == FIGURE_RELEASE && r->lps == 1)
            expected = 0;
        right = right && figures[f].count == expected;
    }
    return right;
}

void rfq_run_init(struct rfq_run *r, unsigned lps, unsigned rate)
{
    *r = (struct rfq_run){.lps = lps, .rate = rate, .rfqs = 1, .taker.fd = -1};
    for (unsigned i = 0; i < lps; i++)
        r->party[i].fd = -1;
    for (unsigned f = 0; f < FIGURES; f++)
        histogram_reset(&r->measured[f]);
    r->lives = calloc(LIVES, sizeof *r->lives);
    if (!r->lives)
        exit(1);
}

void rfq_run_close(struct rfq_run *r)
{
    party_close(&r->taker);
    for (unsigned i = 0; i < r->lps; i++)
        party_close(&r->party[i]);
    free(r->lives);
    r->lives = NULL;
}

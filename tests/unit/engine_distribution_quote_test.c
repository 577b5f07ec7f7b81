#include "tests/unit/distribution_desk.h"
#include "tests/unit/random.h"

Test(distribution_quote, goes_to_the_taker_with_all_that_it_needs)
{
    struct desk d;
    desk_open(&d, 2);
    const struct rfq *rfq = desk_request(&d, SIDE_TWO_WAY);
    struct command_quote c = desk_quote_command(rfq, 1, PRICE(109990), PRICE(110010));
    c.has_ask_size = 1;
    c.ask_size = UNITS(500000);
    c.valid_until_ns = d.h.now_ns + SECOND;
    desk_give(&d, &c);
    const struct quote_added *ev = harness_find(&d.h, RECORD_QUOTE_ADDED);
    cr_assert(ev);
    cr_expect_eq(ev->head.dest, AGENT_GATEWAY);
    cr_expect_eq(ev->head.session, TAKER);
    cr_expect_eq(ev->out.expires_ns, d.h.now_ns + SECOND);
    cr_expect_eq(ev->out.must_reach, REACH_BOUNDED, "a taker that is away has it when it is back, while it stands");
    cr_expect_eq(ev->bid, PRICE(109990));
    cr_expect_eq(ev->bid_size, UNITS(1000000), "not stated: what was asked");
    cr_expect_eq(ev->ask_size, UNITS(500000));
    cr_expect_str_eq(ev->request_id, rfq->request_id);
    cr_expect_str_eq(ev->lp_code, "LP1");
    cr_expect_eq(rfq->best_bid, PRICE(109990));
    cr_expect_eq(rfq->best_ask_quote, ev->quote);
    desk_close(&d);
}

/* Every refusal, alone. The quote is for a taker that buys 1,000,000, reference 1.1, collar 5 %, tick
 * 0.00001. */
struct bad {
    enum reason reason;
    const char *text;
    int64_t bid, ask;
    int64_t bid_size, ask_size; /* 0: not given; -1: given as 0 */
    const char *symbol;
    int64_t valid_ms; /* 0: not given */
    uint8_t side;
};

static const struct bad bads[] = {
    {REASON_NO_PRICE, "no ask, and the taker buys", PRICE(110000), 0, 0, 0, NULL, 0, SIDE_BUY},
    {REASON_NO_PRICE, "no bid, and the taker sells", 0, PRICE(110000), 0, 0, NULL, 0, SIDE_SELL},
    {REASON_NO_PRICE, "neither bid nor ask", 0, 0, 0, 0, NULL, 0, SIDE_TWO_WAY},
    {REASON_PRICE_NOT_POSITIVE, "ask -1.1 is not positive", 0, -PRICE(110000), 0, 0, NULL, 0, SIDE_BUY},
    {REASON_PRICE_NOT_POSITIVE, "bid -0.00001 is not positive", -PRICE(1), PRICE(110000), 0, 0, NULL, 0,
     SIDE_BUY},
    {REASON_CROSSED, "bid 1.10001 is above ask 1.1", PRICE(110001), PRICE(110000), 0, 0, NULL, 0, SIDE_BUY},
    {REASON_SYMBOL_MISMATCH, "symbol USD/JPY, the RFQ is for EUR/USD", 0, PRICE(110000), 0, 0, "USD/JPY", 0,
     SIDE_BUY},
    {REASON_SIZE_NOT_POSITIVE, "ask size 0 is not positive", 0, PRICE(110000), 0, -1, NULL, 0, SIDE_BUY},
    {REASON_SIZE_NOT_POSITIVE, "bid size 0 is not positive", PRICE(110000), PRICE(110000), -1, 0, NULL, 0,
     SIDE_BUY},
    {REASON_TICK, "ask 1.100005 is not a multiple of the tick 0.00001", 0, PRICE(110000) + 500, 0, 0, NULL, 0,
     SIDE_BUY},
    {REASON_TICK, "bid 1.100005 is not a multiple of the tick 0.00001", PRICE(110000) + 500, 0, 0, 0, NULL, 0,
     SIDE_SELL},
    {REASON_COLLAR, "ask 1.15501 is more than 5 % off 1.1", 0, PRICE(115501), 0, 0, NULL, 0, SIDE_BUY},
    {REASON_COLLAR, "ask 1.04499 is more than 5 % off 1.1", 0, PRICE(104499), 0, 0, NULL, 0, SIDE_BUY},
    {REASON_COLLAR, "bid 1.04499 is more than 5 % off 1.1", PRICE(104499), PRICE(110000), 0, 0, NULL, 0,
     SIDE_BUY},
    {REASON_QUOTE_LATE, "valid until 5 ms ago", 0, PRICE(110000), 0, 0, NULL, -5, SIDE_BUY},
};

Test(distribution_quote, is_refused_by_name_with_the_values)
{
    struct desk d;
    desk_open(&d, 1);
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        const struct bad *bad = &bads[i];
        const struct rfq *rfq = desk_request(&d, bad->side);
        struct command_quote c = desk_quote_command(rfq, 1, bad->bid, bad->ask);
        c.has_bid_size = bad->bid_size != 0;
        c.has_ask_size = bad->ask_size != 0;
        if (bad->symbol) {
            memset(c.symbol, 0, sizeof c.symbol);
            memcpy(c.symbol, bad->symbol, strlen(bad->symbol));
        }
        if (bad->valid_ms)
            c.valid_until_ns = d.h.now_ns + (uint64_t)(bad->valid_ms * (int64_t)MS);
        uint64_t refused = distribution_lp(d.s, 1)->quotes_refused;
        desk_give(&d, &c);
        const struct quote_refused *ev = harness_find(&d.h, RECORD_QUOTE_REFUSED);
        cr_assert_str_eq(harness_shape(&d.h), "QUOTE_REFUSED", "row %zu: %s", i, harness_shape(&d.h));
        cr_expect_eq(ev->reason, bad->reason, "row %zu: %s", i, reason_name(ev->reason));
        cr_expect_str_eq(ev->text, bad->text);
        cr_expect_eq(ev->head.session, LP(1));
        cr_expect_str_eq(ev->lp_quote_id, c.lp_quote_id);
        cr_expect_eq(ev->out.must_reach, REACH_BOUNDED, "told when the LP is back, if it is away");
        cr_expect_eq(distribution_lp(d.s, 1)->quotes_refused, refused + 1);
        cr_expect_eq(rfq->quotes, 0);
        cr_expect_eq(desk_delivery(&d, rfq, 1)->state, DELIVERY_SENT, "a refused quote acknowledges nothing");
    }
    desk_close(&d);
}

Test(distribution_quote, at_the_limits_is_taken)
{
    struct desk d;
    desk_open(&d, 4);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    desk_quote(&d, rfq, 1, 0, PRICE(115500)); /* exactly the collar */
    desk_quote(&d, rfq, 2, 0, PRICE(104500));
    desk_quote(&d, rfq, 3, PRICE(110000), PRICE(110000)); /* not crossed */
    struct command_quote c = desk_quote_command(rfq, 4, 0, PRICE(110000));
    c.valid_until_ns = d.h.now_ns + 1;
    desk_give(&d, &c);
    cr_expect_eq(rfq->quotes, 4);
    c = desk_quote_command(rfq, 4, 0, PRICE(110000));
    c.valid_until_ns = d.h.now_ns; /* at the limit it is late */
    desk_give(&d, &c);
    cr_expect(harness_find(&d.h, RECORD_QUOTE_REFUSED));
    desk_close(&d);
}

Test(distribution_quote, for_no_open_rfq_is_refused)
{
    struct desk d;
    desk_prepare(&d, 3);
    d.lps[1].status = LP_INACTIVE;
    d.lps[2].tenant = 2;
    desk_begin(&d);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    struct command_quote c = desk_quote_command(rfq, 1, 0, PRICE(110000));
    c.rfq = 0;
    desk_give(&d, &c);
    cr_expect_eq(((const struct quote_refused *)harness_find(&d.h, RECORD_QUOTE_REFUSED))->reason,
                 REASON_UNKNOWN_RFQ);
    c = desk_quote_command(rfq, 2, 0, PRICE(110000));
    desk_give(&d, &c);
    cr_expect_eq(((const struct quote_refused *)harness_find(&d.h, RECORD_QUOTE_REFUSED))->reason,
                 REASON_NOT_ASSIGNED);
    c = desk_quote_command(rfq, 3, 0,
                           PRICE(110000)); /* another tenant's LP does not learn that there is one */
    desk_give(&d, &c);
    const struct quote_refused *ev = harness_find(&d.h, RECORD_QUOTE_REFUSED);
    cr_expect_eq(ev->reason, REASON_UNKNOWN_RFQ);
    cr_expect_eq(ev->rfq, 0);
    c = desk_quote_command(rfq, 1, 0, PRICE(110000));
    c.head.session = NOBODY;
    desk_give(&d, &c);
    cr_expect_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
    desk_ack(&d, rfq, 1);
    d.h.now_ns = rfq->deadline_ns; /* the deadline's timer has not fired */
    c = desk_quote_command(rfq, 1, 0, PRICE(110000));
    desk_give(&d, &c);
    cr_expect_eq(((const struct quote_refused *)harness_find(&d.h, RECORD_QUOTE_REFUSED))->reason,
                 REASON_QUOTE_LATE);
    desk_advance(&d, 0);
    desk_give(&d, &c);
    ev = harness_find(&d.h, RECORD_QUOTE_REFUSED);
    cr_expect_eq(ev->reason, REASON_RFQ_NOT_OPEN);
    cr_expect(strstr(ev->text, "is EXPIRED"));
    desk_close(&d);
}

Test(distribution_quote, with_an_id_used_before_is_a_duplicate)
{
    struct desk d;
    desk_open(&d, 2);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    struct command_quote c = desk_quote_command(rfq, 1, 0, PRICE(110000));
    desk_give(&d, &c);
    c.ask = PRICE(109999);
    desk_give(&d, &c);
    const struct quote_refused *ev = harness_find(&d.h, RECORD_QUOTE_REFUSED);
    cr_expect_eq(ev->reason, REASON_DUPLICATE_QUOTE);
    cr_expect(strstr(ev->text, "is standing"));
    c.poss_resend = 1;
    desk_give(&d, &c);
    cr_expect_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
    desk_withdraw(&d, rfq, 1, c.lp_quote_id);
    c.poss_resend = 0;
    desk_give(&d, &c);
    cr_expect(strstr(((const struct quote_refused *)harness_find(&d.h, RECORD_QUOTE_REFUSED))->text,
                     "is withdrawn"));
    c.head.session = LP(2); /* another LP's ids are its own, and so are another RFQ's */
    desk_give(&d, &c);
    cr_expect(harness_find(&d.h, RECORD_QUOTE_ADDED));
    const struct rfq *other = desk_request(&d, SIDE_BUY);
    c.head.session = LP(1);
    c.rfq = other->id;
    desk_give(&d, &c);
    cr_expect(harness_find(&d.h, RECORD_QUOTE_ADDED));
    desk_close(&d);
}

Test(distribution_quote, of_the_same_lp_replaces_its_former_one)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    uint64_t first = desk_quote(&d, rfq, 1, 0, PRICE(110000));
    uint64_t second = desk_quote(&d, rfq, 1, 0, PRICE(110005));
    cr_assert_str_eq(harness_shape(&d.h), "QUOTE_ADDED QUOTES_RANKED");
    cr_expect_eq(rfq->quotes, 1);
    const struct quote *old = distribution_quote(d.s, first);
    cr_expect_eq(old->status, QUOTE_IS_REPLACED);
    cr_expect_eq(old->replaced_by, second);
    cr_expect_eq(distribution_first_ended_quote(d.s, rfq), old);
    cr_expect_eq(rfq->best_ask, PRICE(110005));
    desk_close(&d);
}

Test(distribution_quote, that_ended_is_known_up_to_a_bound)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    uint64_t ids[102];
    for (unsigned i = 0; i < 102; i++) {
        ids[i] = desk_quote(&d, rfq, 1, 0, PRICE(110000 + i));
        desk_advance(&d, i % 3); /* some end in the same nanosecond: the last forgotten and the first kept */
        if (i % 10 == 9)
            rfq = desk_reload_with(&d, rfq);
    }
    cr_expect_eq(rfq->ended_quotes, RFQ_ENDED_QUOTES_MAX);
    cr_expect_eq(table_count(d.s->quotes), RFQ_ENDED_QUOTES_MAX + 1);
    for (unsigned i = 0; i < 102; i++)
        cr_expect_eq(distribution_quote(d.s, ids[i]) != NULL, i >= 102 - RFQ_ENDED_QUOTES_MAX - 1, "%u", i);
    desk_close(&d);
}

Test(distribution_quote, expires_at_the_earlier_of_its_time_and_the_deadline)
{
    struct desk d;
    desk_open(&d, 2);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    struct command_quote c = desk_quote_command(rfq, 1, 0, PRICE(110000));
    c.valid_until_ns = d.h.now_ns + 2 * SECOND + 7;
    desk_give(&d, &c);
    const struct quote *q = distribution_first_quote(d.s, rfq);
    c = desk_quote_command(rfq, 2, 0, PRICE(110001));
    c.valid_until_ns = d.h.now_ns + 3600 * SECOND;
    desk_give(&d, &c);
    cr_expect_eq(distribution_quote(d.s, rfq->best_ask_quote), q);
    desk_advance(&d, 2 * SECOND + 6);
    cr_expect_eq(q->status, QUOTE_STANDING);
    desk_advance(&d, 1);
    cr_assert_str_eq(harness_shape(&d.h), "QUOTE_ENDED QUOTES_RANKED");
    cr_expect_eq(q->status, QUOTE_IS_EXPIRED);
    cr_expect_eq(rfq->best_ask, PRICE(110001));
    const struct quote_ended *ev = harness_find(&d.h, RECORD_QUOTE_ENDED);
    cr_expect_eq(ev->head.dest, AGENT_NONE, "the taker knows by 62");
    cr_expect_eq(distribution_first_quote(d.s, rfq)->valid_until_ns, rfq->deadline_ns);
    desk_close(&d);
}

Test(distribution_quote, is_withdrawn_by_its_id_or_by_its_rfq)
{
    struct desk d;
    desk_open(&d, 2);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    uint64_t first = desk_quote(&d, rfq, 1, 0, PRICE(110000));
    const char *name = distribution_quote(d.s, first)->lp_quote_id;
    desk_withdraw(&d, NULL, 2, name); /* not its own */
    cr_expect_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
    desk_withdraw(&d, NULL, 1, name); /* 131 left out */
    cr_assert_str_eq(harness_shape(&d.h), "QUOTE_ENDED QUOTES_RANKED");
    const struct quote_ended *ev = harness_find(&d.h, RECORD_QUOTE_ENDED);
    cr_expect_eq(ev->head.session, TAKER);
    cr_expect_eq(ev->head.dest, AGENT_GATEWAY);
    cr_expect_eq(ev->out.must_reach, REACH_BOUNDED);
    cr_expect_eq(rfq->best_ask, 0);
    uint64_t second = desk_quote(&d, rfq, 1, 0, PRICE(110000));
    desk_withdraw(&d, rfq, 1, "");
    cr_expect_eq(distribution_quote(d.s, second)->status, QUOTE_IS_WITHDRAWN);
    desk_withdraw(&d, rfq, 1, "");
    cr_expect_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
    desk_withdraw(&d, rfq, 2, "");
    cr_expect_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
    cr_expect_eq(distribution_lp(d.s, 1)->withdrawals, 2);
    desk_close(&d);
}

Test(distribution_quote, is_refused_as_busy_when_the_table_is_full)
{
    struct desk d;
    desk_prepare(&d, 2);
    d.settings.quotes_max = 4;
    desk_begin(&d);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    for (unsigned i = 0; i < 4; i++)
        desk_quote(&d, rfq, 1, 0, PRICE(110000));
    struct command_quote c = desk_quote_command(rfq, 2, 0, PRICE(110000));
    desk_give(&d, &c);
    cr_expect_eq(((const struct quote_refused *)harness_find(&d.h, RECORD_QUOTE_REFUSED))->reason,
                 REASON_BUSY);
    desk_close(&d);
}

/* Ranking against an oracle that knows only what was sent: it sorts all that stand, each time. */
struct known {
    uint64_t id;
    int64_t bid, ask, bid_size, ask_size;
    unsigned arrival;
};

static uint8_t oracle_side;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Keys to be sorted ascending. */
static void keys_of(const struct known *k, int64_t keys[4])
{
    if (oracle_side == SIDE_BUY) {
        keys[0] = 0;
        keys[1] = k->ask;
        keys[2] = -k->ask_size;
    } else if (oracle_side == SIDE_SELL) {
        keys[0] = 0;
        keys[1] = -k->bid;
        keys[2] = -k->bid_size;
    } else {
        bool both = k->bid && k->ask;
        keys[0] = !both;
        keys[1] = both ? k->ask - k->bid : 0;
        keys[2] = both ? -least(k->bid_size, k->ask_size) : k->bid ? -k->bid_size : -k->ask_size;
    }
    keys[3] = k->arrival;
}

static int by_keys(const void *a, const void *b)
{
    int64_t x[4], y[4];
    keys_of(a, x);
    keys_of(b, y);
    for (unsigned i = 0; i < 4; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static void expect_ranked(const struct desk *d, const struct rfq *rfq, struct known *known, unsigned count)
{
    const struct quotes_ranked *ev = harness_find(&d->h, RECORD_QUOTES_RANKED);
    qsort(known, count, sizeof *known, by_keys);
    cr_assert_eq(rfq->quotes, count);
    cr_assert_eq(ev->count, count);
    const struct quote *q = distribution_first_quote(d->s, rfq);
    int64_t bid = 0, ask = 0;
    for (unsigned i = 0; i < count; i++, q = distribution_next_quote(d->s, q)) {
        cr_assert_eq(q->id, known[i].id, "rank %u", i + 1);
        cr_assert_eq(q->rank, i + 1);
        cr_assert_eq(ev->rankings[i].quote, known[i].id);
        cr_assert_eq(ev->rankings[i].rank, i + 1);
        if (known[i].bid && known[i].bid > bid)
            bid = known[i].bid;
        if (known[i].ask && (!ask || known[i].ask < ask))
            ask = known[i].ask;
    }
    cr_assert_null(q);
    cr_assert_eq(ev->best_bid, bid);
    cr_assert_eq(ev->best_ask, ask);
    cr_assert_eq(ev->spread, bid && ask ? ask - bid : 0);
    cr_assert_eq(rfq->best_bid, bid);
    cr_assert_eq(rfq->best_ask, ask);
    const struct quote *best = distribution_quote(d->s, rfq->best_ask_quote);
    cr_assert_eq(best ? best->ask : 0, ask);
}

static unsigned drop(struct known *known, unsigned count, uint64_t id)
{
    for (unsigned i = 0; i < count; i++)
        if (known[i].id == id) {
            known[i] = known[count - 1];
            return count - 1;
        }
    cr_assert(false, "not known");
    return count;
}

static void rank_randomly(uint8_t side, uint64_t seed)
{
    struct desk d;
    desk_open(&d, 12);
    oracle_side = side;
    struct known known[64];
    unsigned count = 0, arrivals = 0;
    struct command_quote_request request = desk_request_command(&d, side, UNITS(1000000));
    request.deadline_ns = d.h.now_ns + 3000 * SECOND;
    desk_ask(&d, &request);
    const struct rfq *rfq = desk_rfq_of(&d, &request);
    for (unsigned lp = 1; lp <= 12; lp++)
        desk_ack(&d, rfq, lp);
    for (unsigned step = 0; step < 400; step++) {
        unsigned lp = 1 + (unsigned)random_below(&seed, 12);
        const struct delivery *delivery = desk_delivery(&d, rfq, lp);
        const struct quote *standing = distribution_quote(d.s, delivery->quote);
        uint64_t held = standing && standing->status == QUOTE_STANDING ? standing->id : 0;
        unsigned what = (unsigned)random_below(&seed, 10);
        if (what == 0 && held) {
            desk_withdraw(&d, rfq, lp, "");
            count = drop(known, count, held);
        } else if (what == 1 && count) { /* the first to expire does */
            const struct quote *first = NULL;
            for (unsigned i = 0; i < count; i++) {
                const struct quote *q = distribution_quote(d.s, known[i].id);
                first = !first || q->valid_until_ns < first->valid_until_ns ? q : first;
            }
            uint64_t id = first->id;
            harness_advance(&d.h, first->valid_until_ns);
            count = drop(known, count, id);
        } else {
            struct command_quote c = desk_quote_command(rfq, lp, PRICE(109990 + random_below(&seed, 6)),
                                                        PRICE(109997 + random_below(&seed, 6)));
            if (side == SIDE_TWO_WAY && random_below(&seed, 4) == 0)
                *(random_below(&seed, 2) ? &c.has_bid : &c.has_ask) = 0;
            c.has_bid_size = c.has_ask_size = 1;
            c.bid_size = UNITS(1 + random_below(&seed, 3));
            c.ask_size = UNITS(1 + random_below(&seed, 3));
            c.valid_until_ns = d.h.now_ns + SECOND + step; /* no two at once */
            desk_give(&d, &c);
            const struct quote_added *ev = harness_find(&d.h, RECORD_QUOTE_ADDED);
            cr_assert(ev, "%s", harness_shape(&d.h));
            if (held)
                count = drop(known, count, held);
            known[count++] = (struct known){ev->quote,
                                            c.has_bid ? c.bid : 0,
                                            c.has_ask ? c.ask : 0,
                                            c.has_bid ? c.bid_size : 0,
                                            c.has_ask ? c.ask_size : 0,
                                            arrivals++};
        }
        if (d.h.batches && harness_find(&d.h, RECORD_QUOTES_RANKED))
            expect_ranked(&d, rfq, known, count);
        if (step % 37 == 0)
            rfq = desk_reload_with(&d, rfq);
    }
    desk_close(&d);
}

Test(distribution_quote, ranks_as_an_oracle_that_sorts_all)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        rank_randomly(SIDE_BUY, seed);
        rank_randomly(SIDE_SELL, seed);
        rank_randomly(SIDE_TWO_WAY, seed);
    }
}

#include "tests/unit/distribution_desk.h"

/* An RFQ to buy 1,000,000 with quotes of all LPs: LP n asks 1.1 + n ticks. */
struct bidding {
    struct desk d;
    const struct rfq *rfq;
    uint64_t quotes[8];
};

static void open_with(struct bidding *b, unsigned lps, uint8_t side)
{
    desk_open(&b->d, lps);
    b->rfq = desk_request(&b->d, side);
    for (unsigned lp = 1; lp <= lps; lp++)
        b->quotes[lp] = desk_quote(&b->d, b->rfq, lp, PRICE(109900 - lp), PRICE(110000 + lp));
}

static void open_bidding(struct bidding *b)
{
    open_with(b, 3, SIDE_BUY);
}

static void close_bidding(struct bidding *b)
{
    desk_close(&b->d);
}

Test(distribution_accept, takes_every_missing_step_and_awards)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    cr_assert_eq(b.d.h.batches, 1);
    cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_TRANSITION RFQ_TRANSITION RFQ_TRANSITION RFQ_TIMED "
                                            "RFQ_AWARDED");
    static const enum rfq_move moves[] = {MOVE_CLOSE_BIDDING, MOVE_START_EVALUATION, MOVE_AWARD};
    for (unsigned i = 0; i < 3; i++) {
        const struct rfq_transition *ev = harness_find_nth(&b.d.h, RECORD_RFQ_TRANSITION, i);
        cr_expect_eq(ev->move, moves[i]);
        cr_expect_eq(ev->who, WHO_USER);
        cr_expect_eq(ev->who_id, b.rfq->taker);
        cr_expect_eq(ev->head.dest, AGENT_NONE);
    }
    const struct rfq_awarded *ev = harness_find(&b.d.h, RECORD_RFQ_AWARDED);
    cr_expect_eq(ev->head.dest, AGENT_ROUTING);
    cr_expect_eq(ev->head.lane, LANE_ENGINE);
    cr_expect_eq(ev->quote, b.quotes[1]);
    cr_expect_eq(ev->quantity, UNITS(1000000));
    cr_expect_eq(ev->price, PRICE(110001));
    cr_expect_eq(ev->side, SIDE_BUY);
    cr_expect_eq(ev->lp_session, LP(1));
    cr_expect_eq(ev->taker_session, TAKER);
    cr_expect_eq(ev->valid_until_ns, b.rfq->deadline_ns);
    cr_expect_str_eq(ev->cl_ord_id, "order");
    cr_expect_str_eq(ev->lp_quote_id, distribution_quote(b.d.s, b.quotes[1])->lp_quote_id);
    cr_expect_eq(b.rfq->shown, SHOWN_AWARDED);
    cr_expect_eq(b.rfq->quotes, 2);
    cr_expect_eq(distribution_lp(b.d.s, 1)->wins, 1);
    close_bidding(&b);
}

/* Refusals, each alone: what is sent, over what is right. */
static void expect_refused(struct bidding *b, const struct command_quote_response *c, enum reason reason,
                           const char *text)
{
    enum rfq_state before = (enum rfq_state)b->rfq->state;
    desk_respond(&b->d, c);
    const struct accept_refused *ev = harness_find(&b->d.h, RECORD_ACCEPT_REFUSED);
    cr_assert_str_eq(harness_shape(&b->d.h), "ACCEPT_REFUSED", "%s", reason_name(reason));
    cr_expect_eq(ev->reason, reason, "%s, not %s", reason_name(ev->reason), reason_name(reason));
    if (text)
        cr_expect_str_eq(ev->text, text);
    cr_expect_eq(ev->head.dest, AGENT_GATEWAY);
    cr_expect_eq(ev->head.session, c->head.session);
    cr_expect_eq(ev->order, 0);
    cr_expect_eq(ev->expired, reason == REASON_QUOTE_EXPIRED);
    cr_expect_str_eq(ev->response_id, "response");
    cr_expect_str_eq(ev->quote_id, c->quote_id);
    cr_expect_eq(b->rfq->state, before);
}

Test(distribution_accept, of_other_terms_is_refused)
{
    struct bidding b;
    open_bidding(&b);
    const struct command_quote_response right = desk_accept_command(b.quotes[1]);
    struct command_quote_response c = right;
    c.side = SIDE_SELL;
    expect_refused(&b, &c, REASON_WRONG_SIDE, "the request was to buy");
    c = right;
    c.quantity = UNITS(999000);
    expect_refused(&b, &c, REASON_WRONG_QUANTITY, "quantity 999000, the quote can be taken for 1000000");
    c.quantity = UNITS(1000001);
    expect_refused(&b, &c, REASON_WRONG_QUANTITY, "quantity 1000001, the quote can be taken for 1000000");
    c = right;
    c.price = PRICE(110000);
    expect_refused(&b, &c, REASON_WRONG_PRICE, "price 1.1, the quote is at 1.10001");
    c = right;
    memcpy(c.symbol, "USD/JPY", 8);
    expect_refused(&b, &c, REASON_SYMBOL_MISMATCH, "symbol USD/JPY, the RFQ is for EUR/USD");
    const uint32_t types[] = {0, 2, 3, 4, 5, 7, 8};
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        c = right;
        c.response_type = types[i];
        expect_refused(&b, &c, REASON_RESPONSE_TYPE, NULL);
    }
    c = right; /* all of them, right */
    c.side = SIDE_BUY;
    c.quantity = UNITS(1000000);
    c.price = PRICE(110001);
    memcpy(c.symbol, "EUR/USD", 8);
    desk_respond(&b.d, &c);
    cr_expect(harness_find(&b.d.h, RECORD_RFQ_AWARDED));
    close_bidding(&b);
}

Test(distribution_accept, of_what_is_not_this_takers_is_unknown)
{
    struct bidding b;
    open_bidding(&b);
    const uint32_t sessions[] = {TAKER_2, STRANGER};
    struct command_quote_response c = desk_accept_command(b.quotes[1]);
    char want[2 * TEXT_SIZE];
    snprintf(want, sizeof want, "quote %s is not known", c.quote_id);
    for (unsigned i = 0; i < 2; i++) {
        c.head.session = sessions[i];
        expect_refused(&b, &c, REASON_NOT_YOURS, want);
        cr_expect_eq(((const struct accept_refused *)harness_find(&b.d.h, RECORD_ACCEPT_REFUSED))->rfq, 0);
        cr_expect_str_eq(reason_name(REASON_NOT_YOURS), reason_name(REASON_UNKNOWN_QUOTE), "told as unknown");
    }
    static const char *const names[] = {
        "", "Q", "Q0", "QXYZ", "R1", "Q1", "QFFFFFFFFFFFFFFFF", "QFFFFFFFFFFFFFFFFF"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        c = desk_accept_command(b.quotes[1]);
        memset(c.quote_id, 0, sizeof c.quote_id);
        memcpy(c.quote_id, names[i], strlen(names[i]));
        expect_refused(&b, &c, REASON_UNKNOWN_QUOTE, NULL);
    }
    c = desk_accept_command(b.quotes[1]);
    c.head.session = NOBODY;
    desk_respond(&b.d, &c);
    cr_expect_str_eq(harness_shape(&b.d.h), "DISTRIBUTION_NOTED");
    close_bidding(&b);
}

Test(distribution_accept, of_a_quote_that_does_not_stand_is_refused_by_name)
{
    struct bidding b;
    char text[2 * TEXT_SIZE], newer[ID_TEXT_SIZE];
    open_bidding(&b);
    name_print('Q', desk_quote(&b.d, b.rfq, 1, 0, PRICE(110004)), newer);
    struct command_quote_response c = desk_accept_command(b.quotes[1]);
    snprintf(text, sizeof text, "quote %s was replaced by %s", c.quote_id, newer);
    expect_refused(&b, &c, REASON_REPLACED, text);
    desk_withdraw(&b.d, b.rfq, 2, "");
    c = desk_accept_command(b.quotes[2]);
    snprintf(text, sizeof text, "quote %s was withdrawn by the LP", c.quote_id);
    expect_refused(&b, &c, REASON_WITHDRAWN, text);
    struct command_quote brief = desk_quote_command(b.rfq, 3, 0, PRICE(110000));
    brief.valid_until_ns = b.d.h.now_ns + SECOND;
    desk_give(&b.d, &brief);
    uint64_t expiring = ((const struct quote_added *)harness_find(&b.d.h, RECORD_QUOTE_ADDED))->quote;
    b.d.h.now_ns += SECOND; /* at its limit, and its timer has not fired */
    c = desk_accept_command(expiring);
    expect_refused(&b, &c, REASON_QUOTE_EXPIRED, NULL);
    cr_expect_eq(distribution_quote(b.d.s, expiring)->status, QUOTE_STANDING);
    desk_advance(&b.d, 2 * MS);
    cr_expect_eq(distribution_quote(b.d.s, expiring)->status, QUOTE_IS_EXPIRED);
    snprintf(text, sizeof text, "quote %s expired 2 ms ago", c.quote_id);
    expect_refused(&b, &c, REASON_QUOTE_EXPIRED, text);
    close_bidding(&b);
}

Test(distribution_accept, one_nanosecond_before_the_limit_is_taken)
{
    struct bidding b;
    open_bidding(&b);
    b.d.h.now_ns = b.rfq->deadline_ns - 1;
    desk_accept(&b.d, b.quotes[1]);
    cr_expect(harness_find(&b.d.h, RECORD_RFQ_AWARDED));
    close_bidding(&b);
}

Test(distribution_accept, a_second_time_is_refused)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    struct command_quote_response other = desk_accept_command(b.quotes[2]);
    struct command_quote_response same = desk_accept_command(b.quotes[1]);
    expect_refused(&b, &other, REASON_ALREADY_AWARDED, "already awarded");
    expect_refused(&b, &same, REASON_ALREADY_AWARDED, "already awarded");
    same.poss_resend = 1; /* but a repetition of the one that was taken is no second acceptance */
    desk_respond(&b.d, &same);
    cr_expect_str_eq(harness_shape(&b.d.h), "DISTRIBUTION_NOTED");
    other.poss_resend = 1;
    expect_refused(&b, &other, REASON_ALREADY_AWARDED, "already awarded");
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_IS_FILLED, REASON_NONE, UNITS(1000000), true, false, 0});
    other.poss_resend = 0;
    expect_refused(&b, &other, REASON_ALREADY_AWARDED, "already awarded");
    close_bidding(&b);
}

Test(distribution_accept, in_a_state_that_is_over_is_refused)
{
    struct bidding b;
    open_bidding(&b);
    desk_cancel(&b.d, b.rfq);
    struct command_quote_response c = desk_accept_command(b.quotes[1]);
    expect_refused(&b, &c, REASON_RFQ_STATE, "the RFQ is CANCELLED");
    close_bidding(&b);
    open_bidding(&b);
    desk_advance(&b.d, 30 * SECOND);
    cr_expect_eq(b.rfq->state, RFQ_EXPIRED);
    c = desk_accept_command(b.quotes[1]);
    expect_refused(&b, &c, REASON_QUOTE_EXPIRED, NULL);
    close_bidding(&b);
}

Test(distribution_accept, from_a_suspended_lp_is_refused)
{
    struct bidding b;
    open_bidding(&b);
    b.d.lps[0].status = LP_SUSPENDED;
    struct engine_setup setup = desk_setup(&b.d);
    harness_start(&b.d.h, distribution_start, &setup);
    struct command_quote_response c = desk_accept_command(b.quotes[1]);
    expect_refused(&b, &c, REASON_LP_SUSPENDED, "the LP is suspended");
    struct command_quote q = desk_quote_command(b.rfq, 1, 0, PRICE(110000));
    desk_give(&b.d, &q);
    cr_expect_eq(((const struct quote_refused *)harness_find(&b.d.h, RECORD_QUOTE_REFUSED))->reason,
                 REASON_LP_SUSPENDED);
    close_bidding(&b);
}

Test(distribution_accept, of_a_two_way_quote_names_its_side)
{
    struct bidding b;
    open_with(&b, 2, SIDE_TWO_WAY);
    struct command_quote_response c = desk_accept_command(b.quotes[1]);
    expect_refused(&b, &c, REASON_WRONG_SIDE, "the request was two-way: the side must be named, 1 or 2");
    c.side = SIDE_SELL;
    c.price = PRICE(109899);
    desk_respond(&b.d, &c);
    const struct rfq_awarded *ev = harness_find(&b.d.h, RECORD_RFQ_AWARDED);
    cr_assert(ev);
    cr_expect_eq(ev->side, SIDE_SELL);
    cr_expect_eq(ev->price, PRICE(109899));
    close_bidding(&b);
    desk_open(&b.d, 1);
    b.rfq = desk_request(&b.d, SIDE_TWO_WAY);
    c = desk_accept_command(desk_quote(&b.d, b.rfq, 1, PRICE(110000), 0));
    c.side = SIDE_BUY;
    expect_refused(&b, &c, REASON_WRONG_SIDE, "the quote has no ask");
    close_bidding(&b);
}

Test(distribution_accept, of_a_smaller_quote_is_for_its_size)
{
    struct bidding b;
    open_bidding(&b);
    struct command_quote q = desk_quote_command(b.rfq, 1, 0, PRICE(110000));
    q.has_ask_size = 1;
    q.ask_size = UNITS(400000);
    desk_give(&b.d, &q);
    uint64_t smaller = ((const struct quote_added *)harness_find(&b.d.h, RECORD_QUOTE_ADDED))->quote;
    struct command_quote_response c = desk_accept_command(smaller);
    c.quantity = UNITS(1000000);
    expect_refused(&b, &c, REASON_WRONG_QUANTITY, "quantity 1000000, the quote can be taken for 400000");
    c.quantity = 0;
    desk_respond(&b.d, &c);
    cr_expect_eq(((const struct rfq_awarded *)harness_find(&b.d.h, RECORD_RFQ_AWARDED))->quantity,
                 UNITS(400000));
    close_bidding(&b);
}

/* By an order (D): routing asks. */
static struct order_created order_asks(uint64_t quote)
{
    struct order_created c = {.head = harness_head(RECORD_ORDER_CREATED, SESSION_NONE),
                              .order = 4711,
                              .quote = quote,
                              .quantity = UNITS(1000000),
                              .price = PRICE(110001),
                              .taker_session = TAKER,
                              .taker_gateway = AGENT_GATEWAY,
                              .side = SIDE_BUY,
                              .by_order = 1,
                              .state = ORDER_AWAITING,
                              .cl_ord_id = "taker's"};
    name_print('Q', quote, c.quote_id);
    return c;
}

Test(distribution_accept, by_an_order_awards_that_order)
{
    struct bidding b;
    open_bidding(&b);
    struct order_created c = order_asks(b.quotes[1]);
    harness_decide(&b.d.h, AGENT_ROUTING, LANE_ENGINE, &c.head);
    const struct rfq_awarded *ev = harness_find(&b.d.h, RECORD_RFQ_AWARDED);
    cr_assert(ev);
    cr_expect_eq(ev->order, 4711);
    cr_expect_str_eq(ev->cl_ord_id, "taker's");
    cr_expect_eq(b.rfq->award_order, 4711);
    c.order++; /* the next one is too late, and routing is told */
    harness_decide(&b.d.h, AGENT_ROUTING, LANE_ENGINE, &c.head);
    const struct accept_refused *refused = harness_find(&b.d.h, RECORD_ACCEPT_REFUSED);
    cr_assert(refused);
    cr_expect_eq(refused->head.dest, AGENT_ROUTING);
    cr_expect_eq(refused->order, 4712);
    cr_expect_eq(refused->reason, REASON_ALREADY_AWARDED);
    c.state = ORDER_PENDING; /* of an award's own order nothing is asked */
    harness_decide(&b.d.h, AGENT_ROUTING, LANE_ENGINE, &c.head);
    cr_expect_str_eq(harness_shape(&b.d.h), "DISTRIBUTION_NOTED");
    close_bidding(&b);
}

Test(distribution_accept, by_an_order_of_another_taker_is_unknown)
{
    struct bidding b;
    open_bidding(&b);
    const uint32_t sessions[] = {TAKER_2, STRANGER, NOBODY, LP(1)};
    for (unsigned i = 0; i < 4; i++) {
        struct order_created c = order_asks(b.quotes[1]);
        c.taker_session = sessions[i];
        harness_decide(&b.d.h, AGENT_ROUTING, LANE_ENGINE, &c.head);
        const struct accept_refused *ev = harness_find(&b.d.h, RECORD_ACCEPT_REFUSED);
        cr_assert(ev);
        cr_expect_str_eq(reason_name(ev->reason), "unknown_quote");
    }
    close_bidding(&b);
}

/* Pass */

Test(distribution_accept, pass_cancels_the_rfq)
{
    struct bidding b;
    open_bidding(&b);
    struct command_quote_response c = desk_accept_command(b.quotes[2]);
    c.response_type = 6;
    desk_respond(&b.d, &c);
    cr_expect_eq(b.rfq->state, RFQ_CANCELLED);
    cr_expect_eq(harness_count(&b.d.h, RECORD_DELIVERY_ENDED), 3);
    expect_refused(&b, &c, REASON_RFQ_STATE, "the RFQ is CANCELLED");
    close_bidding(&b);
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    c = desk_accept_command(b.quotes[2]);
    c.response_type = 6;
    expect_refused(&b, &c, REASON_ALREADY_AWARDED, "already awarded");
    close_bidding(&b);
}

/* What becomes of an award */

Test(distribution_award, filled_tells_the_losers_at_the_first_fill_and_completes)
{
    struct bidding b;
    desk_prepare(&b.d, 5);
    b.d.lps[1].losers_by_aj = 1;
    b.d.lps[3].losers_by_aj = 1;
    desk_begin(&b.d);
    b.rfq = desk_request(&b.d, SIDE_BUY);
    uint64_t winner = desk_quote(&b.d, b.rfq, 1, 0, PRICE(110000));
    desk_quote(&b.d, b.rfq, 2, 0, PRICE(110001)); /* told by AJ */
    desk_quote(&b.d, b.rfq, 3, 0, PRICE(110002)); /* told by Z with its QuoteID */
    desk_ack(&b.d, b.rfq, 4);                     /* no quote: Z with 131 whatever its profile */
    desk_unsent(&b.d, desk_delivery(&b.d, b.rfq, 5), REASON_ENCODE); /* it never had it */
    desk_accept(&b.d, winner);
    desk_update(&b.d, b.rfq, (struct desk_update){ORDER_WORKING, REASON_NONE, 0, false, false, 0});
    cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_ORDER");
    cr_expect_eq(b.rfq->award_order, 77);
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_PARTLY_FILLED, REASON_NONE, UNITS(1), false, false, 0});
    cr_assert_str_eq(harness_shape(&b.d.h),
                     "RFQ_ORDER DELIVERY_ENDED DELIVERY_ENDED DELIVERY_ENDED QUOTE_ENDED QUOTE_ENDED");
    for (unsigned i = 0; i < 3; i++) {
        const struct delivery_ended *ev = harness_find_nth(&b.d.h, RECORD_DELIVERY_ENDED, i);
        cr_expect(ev->lp >= 2 && ev->lp <= 4);
        cr_expect_eq(ev->by_aj, ev->lp == 2);
        cr_expect_eq(ev->lp_quote_id[0] != 0, ev->lp != 4);
    }
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_PARTLY_FILLED, REASON_NONE, UNITS(2), false, false, 0});
    cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_ORDER", "told once");
    cr_expect_eq(distribution_lp(b.d.s, 2)->open_rfqs, 1, "an RFQ counts until it ends");
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_CANCELLED, REASON_LP_DEFAULT, UNITS(2), true, false, 0});
    cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_ORDER RFQ_TRANSITION");
    const struct rfq_transition *ev = harness_find(&b.d.h, RECORD_RFQ_TRANSITION);
    cr_expect_eq(ev->move, MOVE_COMPLETE);
    cr_expect_eq(ev->head.dest, AGENT_NONE, "the taker has its executions");
    cr_expect_eq(b.rfq->filled_quantity, UNITS(2));
    cr_expect_eq(b.rfq->shown, SHOWN_FILLED);
    for (unsigned lp = 1; lp <= 5; lp++)
        cr_expect_eq(distribution_lp(b.d.s, lp)->open_rfqs, 0);
    close_bidding(&b);
}

Test(distribution_award, filled_at_once_completes_in_one_decision)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_IS_FILLED, REASON_NONE, UNITS(1000000), true, false, 0});
    cr_assert_str_eq(harness_shape(&b.d.h),
                     "RFQ_ORDER DELIVERY_ENDED DELIVERY_ENDED QUOTE_ENDED QUOTE_ENDED RFQ_TRANSITION");
    cr_expect_eq(b.rfq->state, RFQ_COMPLETED);
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_IS_FILLED, REASON_NONE, UNITS(1000000), true, false, 0});
    cr_expect_str_eq(harness_shape(&b.d.h), "DISTRIBUTION_NOTED");
    desk_advance(&b.d, 60 * SECOND);
    cr_expect_eq(table_count(b.d.s->quotes) + table_count(b.d.s->rfqs), 0, "the accepted one, too");
    close_bidding(&b);
}

Test(distribution_award, not_filled_goes_back_and_the_next_quote_is_offered)
{
    static const struct {
        enum order_status state;
        enum reason reason, cause;
        uint64_t defaults;
    } rows[] = {
        {ORDER_REJECTED, REASON_LP_REJECTED_ORDER, REASON_LP_DEFAULT, 1},
        {ORDER_CANCELLED, REASON_LP_DEFAULT, REASON_LP_DEFAULT, 1},
        {ORDER_CANCELLED, REASON_TIMEOUT, REASON_LP_DEFAULT, 1},
        {ORDER_REJECTED, REASON_QUOTE_EXPIRED_IN_FLIGHT, REASON_QUOTE_EXPIRED_IN_FLIGHT, 0},
        {ORDER_REJECTED, REASON_SESSION_DOWN, REASON_QUOTE_EXPIRED_IN_FLIGHT, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bidding b;
        open_bidding(&b);
        desk_withdraw(&b.d, b.rfq, 2, "");
        desk_accept(&b.d, b.quotes[1]);
        b.rfq = desk_reload_with(&b.d, b.rfq);
        desk_update(&b.d, b.rfq, (struct desk_update){rows[i].state, rows[i].reason, 0, true, false, 0});
        cr_assert_str_eq(harness_shape(&b.d.h),
                         "RFQ_ORDER QUOTE_ENDED RFQ_TRANSITION QUOTES_RANKED QUOTE_OFFERED");
        const struct rfq_transition *ev = harness_find(&b.d.h, RECORD_RFQ_TRANSITION);
        cr_expect_eq(ev->move, MOVE_REVERT_AWARD);
        cr_expect_eq(ev->reason, rows[i].cause, "row %zu: %s", i, reason_name(ev->reason));
        cr_expect_eq(ev->head.dest, AGENT_NONE);
        const struct quote_offered *offered = harness_find(&b.d.h, RECORD_QUOTE_OFFERED);
        cr_expect_eq(offered->quote, b.quotes[3], "the next that stands");
        cr_expect_eq(offered->ask, PRICE(110003));
        cr_expect_eq(offered->head.session, TAKER);
        cr_expect_eq(offered->valid_until_ns, b.d.h.now_ns + 10 * SECOND, "no longer than the RFQ");
        cr_expect_eq(offered->out.expires_ns, offered->valid_until_ns);
        cr_expect_eq(offered->out.must_reach, REACH_BOUNDED);
        cr_expect_eq(b.rfq->state, RFQ_EVALUATION);
        cr_expect_eq(b.rfq->shown, SHOWN_AWARDED, "what is shown never goes back");
        cr_expect_eq(b.rfq->deadline_ns, b.d.h.now_ns + 10 * SECOND);
        cr_expect_eq(b.rfq->award + b.rfq->award_quote + b.rfq->award_order, 0);
        cr_expect_eq(distribution_lp(b.d.s, 1)->defaults, rows[i].defaults);
        struct command_quote_response again = desk_accept_command(b.quotes[1]);
        expect_refused(&b, &again, REASON_QUOTE_CONSUMED, NULL);
        b.rfq = desk_reload_with(&b.d, b.rfq);
        desk_accept(&b.d, b.quotes[3]); /* from EVALUATION one step is missing */
        cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_TRANSITION RFQ_TIMED RFQ_AWARDED");
        desk_update(&b.d, b.rfq,
                    (struct desk_update){ORDER_IS_FILLED, REASON_NONE, UNITS(1000000), true, false, 0});
        cr_expect_eq(b.rfq->state, RFQ_COMPLETED);
        close_bidding(&b);
    }
}

/* A ClOrdID used before, a limit: nothing of the LP's was used up. */
Test(distribution_award, refused_by_our_controls_leaves_the_quote_standing)
{
    static const enum reason reasons[] = {REASON_REFUSED_BY_CONTROLS, REASON_DUPLICATE_CLORDID, REASON_LIMIT,
                                          REASON_ENCODE};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct bidding b;
        open_bidding(&b);
        desk_accept(&b.d, b.quotes[1]);
        b.rfq = desk_reload_with(&b.d, b.rfq);
        desk_update(&b.d, b.rfq, (struct desk_update){ORDER_REJECTED, reasons[i], 0, true, false, 0});
        cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_ORDER RFQ_TRANSITION QUOTES_RANKED QUOTE_OFFERED");
        const struct rfq_transition *ev = harness_find(&b.d.h, RECORD_RFQ_TRANSITION);
        cr_expect_eq(ev->move, MOVE_REVERT_AWARD);
        cr_expect_eq(ev->reason, REASON_REFUSED_BY_CONTROLS);
        const struct quotes_ranked *ranked = harness_find(&b.d.h, RECORD_QUOTES_RANKED);
        cr_assert_eq(ranked->count, 3);
        cr_expect_eq(ranked->rankings[0].quote, b.quotes[1], "in its old place");
        cr_expect_eq(((const struct quote_offered *)harness_find(&b.d.h, RECORD_QUOTE_OFFERED))->quote,
                     b.quotes[1]);
        cr_expect_eq(distribution_quote(b.d.s, b.quotes[1])->status, QUOTE_STANDING);
        cr_expect_eq(b.rfq->best_ask_quote, b.quotes[1]);
        cr_expect_eq(distribution_lp(b.d.s, 1)->defaults, 0);
        cr_expect_eq(distribution_lp(b.d.s, 1)->wins, 1, "a total never falls");
        b.rfq = desk_reload_with(&b.d, b.rfq);
        struct command_quote_response again = desk_accept_command(b.quotes[1]);
        again.poss_resend = 1; /* the one that was refused, once more; or one that was lost: who knows */
        expect_refused(&b, &again, REASON_REPEATED, "PossResend of an acceptance that our controls refused");
        desk_accept(&b.d, b.quotes[1]);
        cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_TRANSITION RFQ_TIMED RFQ_AWARDED");
        desk_update(&b.d, b.rfq,
                    (struct desk_update){ORDER_IS_FILLED, REASON_NONE, UNITS(1000000), true, false, 0});
        cr_expect_eq(b.rfq->state, RFQ_COMPLETED);
        cr_expect_eq(distribution_lp(b.d.s, 1)->wins, 2);
        desk_advance(&b.d, 60 * SECOND);
        cr_expect_eq(table_count(b.d.s->quotes), 0);
        close_bidding(&b);
    }
}

/* As a log of an earlier release has it: nothing says that the quote was given back, and its digests count
 * the win no more. */
Test(distribution_award, that_an_earlier_release_gave_back_is_applied_as_it_was)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    harness_step(&b.d.h);
    emit_batch_begin(&b.d.h.emit, NULL);
    struct rfq_transition *ev = emit_begin(&b.d.h.emit, RECORD_RFQ_TRANSITION, sizeof *ev);
    ev->rfq = b.rfq->id;
    ev->deadline_ns = b.rfq->deadline_ns;
    ev->from = RFQ_IS_AWARDED;
    ev->to = RFQ_EVALUATION;
    ev->move = MOVE_REVERT_AWARD;
    ev->who = WHO_SYSTEM;
    ev->reason = REASON_REFUSED_BY_CONTROLS;
    emit_end(&b.d.h.emit, ev);
    emit_batch_end(&b.d.h.emit);
    harness_absorb(&b.d.h);
    cr_expect_eq(distribution_quote(b.d.s, b.quotes[1])->status, QUOTE_STANDING);
    cr_expect_eq(distribution_quote(b.d.s, b.quotes[1])->given_back, 0);
    cr_expect_eq(distribution_lp(b.d.s, 1)->wins, 0);
    close_bidding(&b);
}

Test(distribution_award, refused_by_our_controls_ends_a_quote_whose_time_is_over)
{
    struct bidding b;
    open_with(&b, 1, SIDE_BUY);
    struct command_quote q = desk_quote_command(b.rfq, 1, 0, PRICE(110000));
    q.valid_until_ns = b.d.h.now_ns + SECOND;
    desk_give(&b.d, &q);
    uint64_t id = ((const struct quote_added *)harness_find(&b.d.h, RECORD_QUOTE_ADDED))->quote;
    desk_accept(&b.d, id);
    b.d.h.now_ns += SECOND;
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_REJECTED, REASON_REFUSED_BY_CONTROLS, 0, true, false, 0});
    cr_expect_eq(distribution_quote(b.d.s, id)->status, QUOTE_ARCHIVED);
    cr_expect_eq(b.rfq->state, RFQ_CANCELLED, "nothing else stands");
    cr_expect_eq(b.rfq->reason, REASON_SYSTEM_POLICY);
    cr_expect_eq(distribution_lp(b.d.s, 1)->defaults, 0);
    close_bidding(&b);
}

Test(distribution_award, refused_by_our_controls_expires_the_quote_at_its_time)
{
    struct bidding b;
    open_bidding(&b);
    struct command_quote q = desk_quote_command(b.rfq, 1, 0, PRICE(110000));
    q.valid_until_ns = b.d.h.now_ns + 2 * SECOND;
    desk_give(&b.d, &q);
    uint64_t id = ((const struct quote_added *)harness_find(&b.d.h, RECORD_QUOTE_ADDED))->quote;
    desk_accept(&b.d, id);
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_REJECTED, REASON_REFUSED_BY_CONTROLS, 0, true, false, 0});
    desk_advance(&b.d, 2 * SECOND - 1);
    cr_expect_eq(distribution_quote(b.d.s, id)->status, QUOTE_STANDING);
    desk_advance(&b.d, 1);
    cr_expect_eq(distribution_quote(b.d.s, id)->status, QUOTE_IS_EXPIRED);
    close_bidding(&b);
}

Test(distribution_award, not_filled_expires_at_the_backup_deadline)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    desk_update(&b.d, b.rfq, (struct desk_update){ORDER_REJECTED, REASON_LP_DEFAULT, 0, true, false, 0});
    uint64_t deadline_ns = b.rfq->deadline_ns;
    b.rfq = desk_reload_with(&b.d, b.rfq);
    desk_advance(&b.d, 10 * SECOND - 1);
    cr_expect_eq(b.rfq->state, RFQ_EVALUATION);
    b.d.h.now_ns++; /* at the limit it is late, whether the timer has fired or not */
    struct command_quote_response late = desk_accept_command(b.quotes[3]);
    expect_refused(&b, &late, REASON_QUOTE_EXPIRED, "the RFQ's deadline passed 0 ns ago");
    desk_advance(&b.d, 0);
    cr_expect_eq(b.rfq->state, RFQ_EXPIRED);
    cr_expect_eq(b.rfq->ended_ns, deadline_ns);
    cr_expect_eq(distribution_lp(b.d.s, 2)->no_response, 0, "they had answered");
    close_bidding(&b);
}

Test(distribution_award, not_filled_with_nothing_left_is_cancelled_at_once)
{
    struct bidding b;
    open_with(&b, 1, SIDE_BUY);
    desk_accept(&b.d, b.quotes[1]);
    desk_update(&b.d, b.rfq, (struct desk_update){ORDER_REJECTED, REASON_LP_DEFAULT, 0, true, false, 0});
    cr_assert_str_eq(harness_shape(&b.d.h),
                     "RFQ_ORDER QUOTE_ENDED RFQ_TRANSITION QUOTES_RANKED DELIVERY_ENDED RFQ_TRANSITION");
    const struct rfq_transition *ev = harness_find_nth(&b.d.h, RECORD_RFQ_TRANSITION, 1);
    cr_expect_eq(ev->move, MOVE_AUTO_CANCEL);
    cr_expect_eq(ev->reason, REASON_LP_ISSUE);
    cr_expect_eq(ev->head.session, TAKER);
    cr_expect_eq(b.rfq->state, RFQ_CANCELLED);
    close_bidding(&b);
}

Test(distribution_award, offers_no_quote_that_has_just_expired)
{
    struct bidding b;
    open_bidding(&b);
    struct command_quote q = desk_quote_command(b.rfq, 2, 0, PRICE(110000));
    q.valid_until_ns = b.d.h.now_ns + SECOND;
    desk_give(&b.d, &q);
    desk_accept(&b.d, b.quotes[1]);
    b.d.h.now_ns += SECOND; /* the best one left is at its limit, and its timer has not fired */
    desk_update(&b.d, b.rfq, (struct desk_update){ORDER_REJECTED, REASON_LP_DEFAULT, 0, true, false, 0});
    const struct quote_offered *ev = harness_find(&b.d.h, RECORD_QUOTE_OFFERED);
    cr_assert(ev);
    cr_expect_eq(ev->quote, b.quotes[3]);
    close_bidding(&b);
}

Test(distribution_award, cancelled_by_the_taker_waits_for_its_order)
{
    static const struct {
        int64_t filled;
        enum rfq_state then;
    } rows[] = {{0, RFQ_CANCELLED}, {UNITS(5), RFQ_COMPLETED}};
    for (unsigned i = 0; i < 2; i++) {
        struct bidding b;
        open_bidding(&b);
        desk_accept(&b.d, b.quotes[1]);
        desk_cancel(&b.d, b.rfq);
        const struct rfq_cancel_order *ev = harness_find(&b.d.h, RECORD_RFQ_CANCEL_ORDER);
        cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_CANCEL_ORDER");
        cr_expect_eq(ev->head.dest, AGENT_ROUTING);
        cr_expect_eq(ev->head.version, 2);
        cr_expect_eq(ev->award, b.rfq->award);
        cr_expect_eq(b.rfq->state, RFQ_IS_AWARDED);
        desk_cancel(&b.d, b.rfq);
        const struct request_refused *refused = harness_find(&b.d.h, RECORD_REQUEST_REFUSED);
        cr_expect_eq(refused->reason, REASON_CANCEL_PENDING);
        desk_update(&b.d, b.rfq,
                    (struct desk_update){ORDER_CANCELLED, REASON_LP_DEFAULT, rows[i].filled, true, false, 0});
        cr_expect_eq(b.rfq->state, rows[i].then);
        cr_expect_eq(harness_count(&b.d.h, RECORD_DELIVERY_ENDED), rows[i].filled ? 2 : 3, "the winner, too");
        cr_expect_eq(distribution_lp(b.d.s, 1)->defaults, 0, "no fault of the LP's");
        close_bidding(&b);
    }
}

/* Nothing is pending then: the taker may ask again, and what the LP ends later is the LP's own doing. */
Test(distribution_award, whose_cancel_the_lp_refused_goes_on_as_though_it_had_not_been_asked)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    for (unsigned i = 0; i < 2; i++) {
        desk_cancel(&b.d, b.rfq);
        cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_CANCEL_ORDER");
        cr_expect_eq(b.rfq->cancel_pending, 1);
        desk_update(&b.d, b.rfq, (struct desk_update){.state = ORDER_WORKING}); /* from before it was asked */
        cr_assert_eq(b.rfq->cancel_pending, 1);
        desk_update(&b.d, b.rfq, (struct desk_update){.state = ORDER_WORKING, .cancel_refused = true});
        cr_assert_str_eq(harness_shape(&b.d.h), "RFQ_ORDER");
        cr_expect_eq(((const struct rfq_order *)harness_find(&b.d.h, RECORD_RFQ_ORDER))->cancel_refused, 1);
        cr_assert_eq(b.rfq->cancel_pending + b.rfq->cancel_who + b.rfq->cancel_reason, 0);
        b.rfq = desk_reload_with(&b.d, b.rfq);
    }
    desk_update(&b.d, b.rfq, (struct desk_update){ORDER_CANCELLED, REASON_LP_DEFAULT, 0, true, false, 0});
    const struct rfq_transition *ev = harness_find(&b.d.h, RECORD_RFQ_TRANSITION);
    cr_assert(ev);
    cr_expect_eq(ev->move, MOVE_REVERT_AWARD);
    cr_expect_eq(ev->reason, REASON_LP_DEFAULT);
    close_bidding(&b);
}

Test(distribution_award, whose_order_the_taker_cancelled_is_cancelled)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    desk_update(&b.d, b.rfq, (struct desk_update){ORDER_CANCELLED, REASON_TAKER_REQUEST, 0, true, false, 0});
    cr_expect_eq(b.rfq->state, RFQ_CANCELLED);
    cr_expect_eq(b.rfq->reason, REASON_TAKER_REQUEST);
    close_bidding(&b);
}

Test(distribution_award, in_doubt_waits_and_is_flagged)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    desk_update(&b.d, b.rfq, (struct desk_update){ORDER_UNKNOWN, REASON_IN_DOUBT, 0, false, true, 0});
    cr_expect_eq(b.rfq->in_doubt, 1);
    desk_advance(&b.d, 7200 * SECOND);
    cr_expect_eq(b.rfq->state, RFQ_IS_AWARDED, "no deadline ends an award");
    desk_update(&b.d, b.rfq, (struct desk_update){ORDER_CANCELLED, REASON_TIMEOUT, 0, true, false, 0});
    cr_expect_eq(b.rfq->in_doubt, 0);
    cr_expect_eq(b.rfq->state, RFQ_CANCELLED, "and no other quote has lasted that long");
    close_bidding(&b);
}

Test(distribution_award, notes_an_update_of_another_award)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_IS_FILLED, REASON_NONE, UNITS(5), true, false, b.rfq->award + 1});
    cr_assert_str_eq(harness_shape(&b.d.h), "DISTRIBUTION_NOTED");
    cr_expect_eq(b.rfq->filled_quantity, 0);
    close_bidding(&b);
}

Test(distribution_award, lets_no_lp_take_its_quote_back)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    desk_withdraw(&b.d, b.rfq, 1, "");
    cr_expect_str_eq(harness_shape(&b.d.h), "QUOTE_ENDED"); /* once the award has come back, not before */
    const struct quote_ended *ev = harness_find(&b.d.h, RECORD_QUOTE_ENDED);
    cr_expect_eq(ev->head.dest, AGENT_NONE);
    cr_expect_eq(ev->status, QUOTE_ACCEPTED);
    cr_expect_eq(distribution_lp(b.d.s, 1)->withdrawals, 0);
    desk_withdraw(&b.d, b.rfq, 1, "");
    cr_expect_str_eq(harness_shape(&b.d.h), "DISTRIBUTION_NOTED");
    desk_answer(&b.d, b.rfq, 1, ANSWER_KIND_DECLINE);
    cr_expect_str_eq(harness_shape(&b.d.h), "DISTRIBUTION_NOTED");
    desk_advance(&b.d, 40 * SECOND); /* nor does its time run out */
    cr_expect_eq(distribution_quote(b.d.s, b.quotes[1])->status, QUOTE_ACCEPTED);
    close_bidding(&b);
}

Test(distribution_award, refused_by_our_controls_does_not_bring_back_what_its_lp_withdrew_meanwhile)
{
    struct bidding b;
    open_bidding(&b);
    desk_accept(&b.d, b.quotes[1]);
    desk_withdraw(&b.d, b.rfq, 1, "");
    b.rfq = desk_reload_with(&b.d, b.rfq);
    desk_update(&b.d, b.rfq,
                (struct desk_update){ORDER_REJECTED, REASON_REFUSED_BY_CONTROLS, 0, true, false, 0});
    cr_assert_str_eq(harness_shape(&b.d.h),
                     "RFQ_ORDER QUOTE_ENDED RFQ_TRANSITION QUOTES_RANKED QUOTE_OFFERED");
    const struct quote_ended *ev = harness_find(&b.d.h, RECORD_QUOTE_ENDED);
    cr_expect_eq(ev->head.session, TAKER, "who is told as of any withdrawal");
    cr_expect_eq(distribution_quote(b.d.s, b.quotes[1])->status, QUOTE_IS_WITHDRAWN);
    cr_expect_eq(distribution_lp(b.d.s, 1)->withdrawals, 1);
    cr_expect_eq(((const struct quote_offered *)harness_find(&b.d.h, RECORD_QUOTE_OFFERED))->quote,
                 b.quotes[2]);
    struct command_quote_response again = desk_accept_command(b.quotes[1]);
    expect_refused(&b, &again, REASON_WITHDRAWN, NULL);
    close_bidding(&b);
}

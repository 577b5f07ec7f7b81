/* What an operator changes while it runs: settings, reference data, LPs and takers, drain. */
#include "tests/unit/distribution_desk.h"

/* All of it, as the agent does: a batch for each part. Returns how many parts. */
static unsigned change(struct desk *d, const struct engine_change *c)
{
    unsigned next = 0, parts = 0;
    bool over = false;
    while (!over) {
        harness_step(&d->h);
        emit_batch_begin(&d->h.emit, NULL);
        over = distribution_change(&d->h.emit, c, &next);
        if (d->h.emit.ring->open->count > 0)
            emit_batch_end(&d->h.emit);
        else
            ring_abandon(d->h.emit.ring);
        harness_absorb(&d->h);
        parts++;
    }
    return parts;
}

Test(distribution_change, a_drain_refuses_new_requests_by_name_until_it_is_over)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_quote_request before = desk_request_command(&d, SIDE_BUY, UNITS(1000));
    desk_ask(&d, &before);
    change(&d, &(struct engine_change){.drain = ENGINE_DRAIN_ON});
    cr_assert_str_eq(harness_shape(&d.h), "DISTRIBUTION_DRAIN");
    struct command_quote_request c = desk_request_command(&d, SIDE_BUY, UNITS(1000));
    desk_ask(&d, &c);
    cr_assert_str_eq(harness_shape(&d.h), "REQUEST_REFUSED");
    const struct request_refused *ev = harness_find(&d.h, RECORD_REQUEST_REFUSED);
    cr_expect_eq(ev->reason, REASON_DRAINING);
    cr_expect_str_eq(ev->text, "no new RFQs are taken: the appliance is being drained");
    cr_expect_eq(desk_rfq_of(&d, &before)->state, RFQ_BIDDING_OPEN, "what is alive goes on");
    change(&d, &(struct engine_change){.drain = ENGINE_DRAIN_ON});
    cr_assert_str_eq(harness_shape(&d.h), "", "it drains already");
    change(&d, &(struct engine_change){.drain = ENGINE_DRAIN_OFF});
    desk_ask(&d, &c);
    cr_expect(harness_find(&d.h, RECORD_RFQ_CREATED));
    desk_close(&d);
}

Test(distribution_change, what_a_drain_refuses_a_client_may_try_again_under_its_key)
{
    struct desk d;
    desk_open(&d, 1);
    const struct command_client_rfq c = {
        .head = harness_head(RECORD_COMMAND_CLIENT_RFQ, SESSION_NONE),
        .client = {.ticket = 1, .taker = 1, .key_low = 99, .body = 7, .tenant = 1},
        .symbol = "EUR/USD",
        .quantity = UNITS(1000),
        .legs = 1,
        .side = SIDE_BUY};
    for (unsigned drained = 2; drained-- > 0;) {
        change(&d, &(struct engine_change){.drain = drained ? ENGINE_DRAIN_ON : ENGINE_DRAIN_OFF});
        harness_decide(&d.h, AGENT_NONE, LANE_REQUEST, &c.head);
        const struct client_answered *ev = harness_find(&d.h, RECORD_CLIENT_ANSWERED);
        cr_assert(ev);
        cr_expect_eq(ev->reason, drained ? REASON_DRAINING : REASON_NONE);
        cr_expect_eq(ev->repeated, 0);
        cr_expect_eq(table_count(d.s->client_keys), drained ? 0 : 1);
    }
    desk_close(&d);
}

Test(distribution_change, a_start_ends_a_drain)
{
    struct desk d;
    desk_open(&d, 1);
    change(&d, &(struct engine_change){.drain = ENGINE_DRAIN_ON});
    cr_assert(d.s->draining);
    struct engine_setup setup = desk_setup(&d);
    harness_start(&d.h, distribution_start, &setup);
    cr_assert_not(d.s->draining);
    desk_close(&d);
}

Test(distribution_change, an_lp_keeps_its_statistics_and_its_session_s_state)
{
    struct desk d;
    desk_open(&d, 2);
    struct command_quote_request c = desk_request_command(&d, SIDE_BUY, UNITS(1000));
    desk_ask(&d, &c);
    uint64_t released = distribution_lp(d.s, 1)->released;
    cr_assert_gt(released, 0);
    d.lps[0].status = LP_SUSPENDED;
    change(&d, &(struct engine_change){.lps = d.lps, .lp_count = 2});
    cr_assert_str_eq(harness_shape(&d.h), "LP_SET", "the other one is as it was");
    const struct lp *lp = distribution_lp(d.s, 1);
    cr_expect_eq(lp->status, LP_SUSPENDED);
    cr_expect_eq(lp->released, released);
    cr_expect_eq(lp->session_state, SESSION_SYNCED);
    desk_close(&d);
}

/* As the agent does: a batch for each part. Returns how many parts emitted something. */
static unsigned sweep(struct desk *d)
{
    uint32_t next = 0;
    unsigned parts = 0;
    bool over = false;
    harness_step(&d->h);
    while (!over) {
        emit_batch_begin(&d->h.emit, NULL);
        over = distribution_sweep(&d->h.emit, &next);
        if (d->h.emit.ring->open->count > 0) {
            emit_batch_end(&d->h.emit);
            parts++;
        } else {
            ring_abandon(d->h.emit.ring);
        }
        harness_absorb(&d->h);
    }
    return parts;
}

Test(distribution_change, a_suspended_lp_s_quotes_become_invalid_and_the_taker_is_told)
{
    struct desk d;
    desk_open(&d, 3);
    const struct rfq *one = desk_request(&d, SIDE_BUY), *two = desk_request(&d, SIDE_BUY);
    uint64_t first = desk_quote(&d, one, 1, 0, PRICE(110001)), stays = desk_quote(&d, one, 2, 0, PRICE(110002)),
             third = desk_quote(&d, one, 3, 0, PRICE(110003)), other = desk_quote(&d, two, 1, 0, PRICE(110001));
    cr_assert_eq(sweep(&d), 0, "all LPs are active");
    d.lps[0].status = LP_SUSPENDED;
    d.lps[2].status = LP_INACTIVE;
    change(&d, &(struct engine_change){.lps = d.lps, .lp_count = 3});
    cr_assert_eq(sweep(&d), 2, "a batch for each RFQ");
    cr_assert_str_eq(harness_shape(&d.h), "QUOTE_ENDED QUOTE_ENDED QUOTES_RANKED QUOTE_ENDED QUOTES_RANKED");
    const uint64_t ended[] = {third, first, other};
    for (unsigned i = 0; i < 3; i++) {
        const struct quote_ended *ev = harness_find_nth(&d.h, RECORD_QUOTE_ENDED, i);
        cr_expect_eq(ev->quote, ended[i]);
        cr_expect_eq(ev->status, QUOTE_IS_WITHDRAWN);
        cr_expect_eq(ev->reason, REASON_LP_SUSPENDED);
        cr_expect_eq(ev->head.session, TAKER, "the taker is told");
        cr_expect_eq(distribution_quote(d.s, ended[i])->status, QUOTE_IS_WITHDRAWN);
    }
    const struct quotes_ranked *ranked = harness_find(&d.h, RECORD_QUOTES_RANKED);
    cr_expect_eq(ranked->count, 1);
    cr_expect_eq(ranked->rankings[0].quote, stays);
    cr_expect_eq(one->quotes, 1);
    cr_expect_eq(two->quotes, 0);
    cr_assert_eq(sweep(&d), 0, "once");
    struct command_quote_response c = desk_accept_command(first);
    desk_respond(&d, &c);
    const struct accept_refused *refused = harness_find(&d.h, RECORD_ACCEPT_REFUSED);
    cr_expect_eq(refused->reason, REASON_LP_SUSPENDED);
    cr_expect(strstr(refused->text, "became invalid: the LP was suspended"), "%s", refused->text);
    desk_accept(&d, stays);
    cr_expect_eq(one->state, RFQ_IS_AWARDED);
    desk_close(&d);
}

Test(distribution_change, an_award_of_a_suspended_lp_goes_on_but_does_not_come_back)
{
    struct desk d;
    desk_open(&d, 2);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    uint64_t awarded = desk_quote(&d, rfq, 1, 0, PRICE(110001)), next = desk_quote(&d, rfq, 2, 0, PRICE(110002));
    desk_accept(&d, awarded);
    d.lps[0].status = LP_SUSPENDED;
    change(&d, &(struct engine_change){.lps = d.lps, .lp_count = 2});
    cr_assert_eq(sweep(&d), 0, "the order is with the LP: its execution decides");
    desk_update(&d, rfq, (struct desk_update){ORDER_REJECTED, REASON_LIMIT, .final = true});
    const struct quote_ended *ev = harness_find(&d.h, RECORD_QUOTE_ENDED);
    cr_assert(ev);
    cr_expect_eq(ev->quote, awarded);
    cr_expect_eq(ev->reason, REASON_LP_SUSPENDED);
    const struct quote_offered *offered = harness_find(&d.h, RECORD_QUOTE_OFFERED);
    cr_assert(offered);
    cr_expect_eq(offered->quote, next);
    desk_close(&d);
}

Test(distribution_change, two_lps_change_their_sessions_and_are_known_by_the_new_ones)
{
    struct desk d;
    desk_open(&d, 2);
    d.lps[0].session = LP(2);
    d.lps[1].session = LP(1);
    change(&d, &(struct engine_change){.lps = d.lps, .lp_count = 2});
    cr_expect_eq(distribution_lp_by_session(d.s, LP(2))->id, 1);
    cr_expect_eq(distribution_lp_by_session(d.s, LP(1))->id, 2);
    cr_expect_eq(distribution_lp(d.s, 1)->session_state, SESSION_DOWN, "until it is told");
    desk_session(&d, LP(2), SESSION_SYNCED);
    cr_expect_eq(distribution_lp(d.s, 1)->session_state, SESSION_SYNCED);
    desk_close(&d);
}

Test(distribution_change, many_entries_come_in_batches_of_a_bounded_size)
{
    struct desk d;
    desk_open(&d, 1);
    enum { COUNT = 3 * ENGINE_CHANGE_RECORDS + 1 };
    static struct instrument many[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        many[i] = d.instruments[0];
        memset(many[i].symbol, 0, sizeof many[i].symbol);
        snprintf(many[i].symbol, sizeof many[i].symbol, "S%u", i);
    }
    const struct engine_change all = {.instruments = many, .instrument_count = COUNT};
    cr_assert_eq(change(&d, &all), 4);
    cr_assert_eq(table_count(d.s->instruments), 2 + COUNT);
    cr_assert_eq(change(&d, &all), 4);
    cr_assert_str_eq(harness_shape(&d.h), "", "the second time nothing differs");
    desk_close(&d);
}

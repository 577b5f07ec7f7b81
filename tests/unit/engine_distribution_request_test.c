#include "tests/unit/distribution_desk.h"

Test(distribution_request, goes_from_request_to_release_in_one_decision)
{
    struct desk d;
    desk_open(&d, 3);
    struct command_quote_request c = desk_request_command(&d, SIDE_BUY, UNITS(1000000));
    desk_ask(&d, &c);
    cr_assert_eq(d.h.batches, 1);
    cr_assert_str_eq(harness_shape(&d.h), "RFQ_CREATED RFQ_TRANSITION RFQ_TRANSITION DELIVERY_RELEASED "
                                          "DELIVERY_RELEASED DELIVERY_RELEASED");
    const struct rfq *rfq = desk_rfq_of(&d, &c);
    cr_expect_str_eq(desk_state_name(rfq), "BIDDING_OPEN");
    cr_expect_eq(rfq->shown, SHOWN_VALIDATED);
    cr_expect_eq(rfq->deadline_ns, d.h.now_ns + 30 * SECOND);
    cr_expect_eq(rfq->deliveries, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct delivery_released *ev = harness_find_nth(&d.h, RECORD_DELIVERY_RELEASED, i);
        cr_expect_eq(ev->head.dest, AGENT_GATEWAY);
        cr_expect_eq(ev->head.session, LP(ev->lp));
        cr_expect_eq(ev->out.expires_ns, rfq->deadline_ns);
        cr_expect_eq(ev->out.ref, ev->delivery);
        cr_expect_eq(ev->due_ns, d.h.now_ns + 5 * SECOND);
        cr_expect_eq(distribution_lp(d.s, ev->lp)->open_rfqs, 1);
    }
    desk_close(&d);
}

/* What is refused before publication: recorded as an RFQ, told to the taker with the values. */
Test(distribution_request, records_what_cannot_be_published_as_rejected)
{
    static const struct {
        const char *symbol;
        int64_t quantity;
        int64_t deadline_in_ns; /* 0: none */
        uint16_t legs;
        uint8_t side;
        enum reason reason;
        const char *text;
    } rows[] = {
        {"EUR/USD", UNITS(1000), 0, 2, SIDE_BUY, REASON_LEGS, "2 legs, 1 is supported"},
        {"EUR/USD", UNITS(1000), 0, 0, SIDE_BUY, REASON_LEGS, "0 legs, 1 is supported"},
        {"GBP/USD", UNITS(1000), 0, 1, SIDE_BUY, REASON_UNKNOWN_SYMBOL, "symbol GBP/USD is not known"},
        {"XXX/YYY", UNITS(1), 0, 1, SIDE_BUY, REASON_NOT_TRADABLE, "symbol XXX/YYY is not tradable now"},
        {"EUR/USD", UNITS(1000), 0, 1, '5', REASON_SIDE,
         "side 5 is not supported: 1, 2, or none for two-way"},
        {"EUR/USD", UNITS(999), 0, 1, SIDE_SELL, REASON_QUANTITY_OUT_OF_RANGE, "quantity 999 is below 1000"},
        {"EUR/USD", 0, 0, 1, SIDE_SELL, REASON_QUANTITY_OUT_OF_RANGE, "quantity 0 is below 1000"},
        {"EUR/USD", UNITS(50001000), 0, 1, SIDE_BUY, REASON_QUANTITY_OUT_OF_RANGE,
         "quantity 50001000 is above 50000000"},
        {"EUR/USD", UNITS(1500), 0, 1, SIDE_BUY, REASON_LOT,
         "quantity 1500 is not a multiple of the lot 1000"},
        {"EUR/USD", UNITS(1000), -1500 * (int64_t)MS / 1000, 1, SIDE_BUY, REASON_DEADLINE_PAST,
         "the deadline passed 1.5 ms ago"},
        {"EUR/USD", UNITS(1000), 3601 * (int64_t)SECOND, 1, SIDE_BUY, REASON_DEADLINE_TOO_FAR,
         "the deadline is 3601 s ahead, at most 3600 s"},
    };
    struct desk d;
    desk_open(&d, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command_quote_request c = desk_request_command(&d, rows[i].side, rows[i].quantity);
        memset(c.symbol, 0, sizeof c.symbol);
        memcpy(c.symbol, rows[i].symbol, strlen(rows[i].symbol));
        c.legs = rows[i].legs;
        if (rows[i].deadline_in_ns)
            c.deadline_ns = d.h.now_ns + (uint64_t)rows[i].deadline_in_ns;
        desk_ask(&d, &c);
        cr_assert_str_eq(harness_shape(&d.h), "RFQ_CREATED RFQ_TRANSITION");
        const struct rfq_transition *ev = harness_find(&d.h, RECORD_RFQ_TRANSITION);
        cr_expect_eq(ev->move, MOVE_REJECT);
        cr_expect_eq(ev->reason, rows[i].reason, "row %zu: %s", i, reason_name(ev->reason));
        cr_expect_str_eq(ev->text, rows[i].text);
        cr_expect_eq(ev->head.dest, AGENT_GATEWAY);
        cr_expect_eq(ev->head.session, TAKER);
        cr_expect_eq(desk_rfq_of(&d, &c)->shown, SHOWN_REJECTED);
    }
    desk_close(&d);
}

Test(distribution_request, takes_the_limits_themselves)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_quote_request least = desk_request_command(&d, SIDE_BUY, UNITS(1000));
    struct command_quote_request most = desk_request_command(&d, SIDE_TWO_WAY, UNITS(50000000));
    least.deadline_ns = d.h.now_ns + 1; /* shorter than usual is taken as given */
    most.deadline_ns = d.h.now_ns + 3600 * SECOND;
    desk_ask(&d, &least);
    cr_expect_eq(desk_rfq_of(&d, &least)->state, RFQ_BIDDING_OPEN);
    desk_ask(&d, &most);
    cr_expect_eq(desk_rfq_of(&d, &most)->state, RFQ_BIDDING_OPEN);
    struct command_quote_request now = desk_request_command(&d, SIDE_BUY, UNITS(1000));
    now.deadline_ns = d.h.now_ns;
    desk_ask(&d, &now);
    cr_expect_eq(desk_rfq_of(&d, &now)->reason, REASON_DEADLINE_PAST);
    desk_close(&d);
}

Test(distribution_request, refuses_a_request_id_used_before_and_answers_a_resend)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_quote_request c = desk_request_command(&d, SIDE_BUY, UNITS(1000));
    desk_ask(&d, &c);
    uint64_t first = desk_rfq_of(&d, &c)->id;
    desk_ask(&d, &c);
    const struct request_refused *ev = harness_find(&d.h, RECORD_REQUEST_REFUSED);
    cr_assert_str_eq(harness_shape(&d.h), "REQUEST_REFUSED");
    cr_expect_eq(ev->reason, REASON_DUPLICATE_REQUEST);
    cr_expect_eq(ev->shown, 0, "an AG, not a status");
    cr_expect_str_eq(ev->text, "QuoteReqID request-1 was used before");
    c.poss_resend = 1;
    desk_ask(&d, &c);
    ev = harness_find(&d.h, RECORD_REQUEST_REFUSED);
    cr_expect_eq(ev->shown, SHOWN_VALIDATED);
    cr_expect_eq(ev->rfq, first);
    c.head.session = TAKER_2; /* another taker's ids are its own */
    c.poss_resend = 0;
    desk_ask(&d, &c);
    cr_expect(harness_find(&d.h, RECORD_RFQ_CREATED));
    desk_close(&d);
}

Test(distribution_request, forgets_a_request_id_with_its_rfq)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_quote_request c = desk_request_command(&d, SIDE_BUY, UNITS(1000));
    desk_ask(&d, &c);
    desk_ack(&d, desk_rfq_of(&d, &c), 1);
    desk_advance(&d, 30 * SECOND);
    cr_expect_eq(desk_rfq_of(&d, &c)->state, RFQ_EXPIRED);
    desk_advance(&d, 60 * SECOND);
    cr_expect(harness_find(&d.h, RECORD_RFQ_RETIRED));
    cr_expect_null(desk_rfq_of(&d, &c));
    cr_expect_eq(table_count(d.s->rfqs) + table_count(d.s->deliveries) + table_count(d.s->quotes), 0);
    cr_expect_eq(timer_count(d.s->base.timers), 0);
    desk_ask(&d, &c);
    cr_expect(harness_find(&d.h, RECORD_RFQ_CREATED));
    desk_close(&d);
}

Test(distribution_request, notes_a_session_that_is_no_takers)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_quote_request c = desk_request_command(&d, SIDE_BUY, UNITS(1000));
    const uint32_t sessions[] = {NOBODY, LP(1), SESSIONS_MAX, SESSION_NONE};
    for (unsigned i = 0; i < 4; i++) {
        c.head.session = sessions[i];
        desk_ask(&d, &c);
        const struct engine_noted *ev = harness_find(&d.h, RECORD_DISTRIBUTION_NOTED);
        cr_assert_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
        cr_expect_eq(ev->reason, REASON_UNKNOWN_SESSION);
    }
    desk_close(&d);
}

Test(distribution_request, is_refused_where_a_table_is_full)
{
    for (unsigned full = 0; full < 3; full++) {
        struct desk d;
        desk_prepare(&d, 2);
        d.settings.rfqs_max = full == 0 ? 3 : 100;
        d.settings.deliveries_max = full == 1 ? 7 : 100; /* room for three, and one over */
        d.settings.quotes_max = full == 2 ? 7 : 100;
        desk_begin(&d);
        for (unsigned i = 0; i < 3; i++) {
            const struct rfq *rfq = desk_request(&d, SIDE_BUY);
            desk_quote(&d, rfq, 1, 0, PRICE(110000));
            desk_quote(&d, rfq, 2, 0, PRICE(110000));
        }
        struct command_quote_request c = desk_request_command(&d, SIDE_BUY, UNITS(1000));
        desk_ask(&d, &c);
        const struct request_refused *ev = harness_find(&d.h, RECORD_REQUEST_REFUSED);
        cr_assert(ev, "%u: %s", full, harness_shape(&d.h));
        cr_expect_eq(ev->reason, REASON_LIMIT);
        cr_expect_str_eq(ev->text, full == 0   ? "too many RFQs in memory, try again later"
                                   : full == 1 ? "too many deliveries in memory, try again later"
                                               : "too many quotes in memory, try again later");
        desk_close(&d);
    }
}

/* Eligibility: every way to fail, alone; and which is named where several fail. */
static void break_lp(struct desk *d, unsigned lp, enum reason how)
{
    struct lp *c = &d->lps[lp - 1];
    if (how == REASON_LP_TENANT)
        c->tenant = 2;
    if (how == REASON_LP_INACTIVE)
        c->status = LP_SUSPENDED;
    if (how == REASON_LP_ASSET_CLASS)
        c->asset_classes = ~(1u << 3);
    if (how == REASON_LP_SIZE)
        c->size_max = UNITS(999999);
    if (how == REASON_LP_CONCURRENT)
        c->concurrent_rfqs_max = 0;
}

static const enum reason checks[] = {REASON_LP_TENANT, REASON_LP_INACTIVE,      REASON_LP_ASSET_CLASS,
                                     REASON_LP_SIZE,   REASON_LP_NOT_CONNECTED, REASON_LP_CONCURRENT};
#define CHECKS (sizeof checks / sizeof *checks)

Test(distribution_request, skips_an_lp_by_the_first_check_that_fails)
{
    for (unsigned bits = 0; bits < 1u << CHECKS; bits++) {
        struct desk d;
        desk_prepare(&d, 2); /* the second is sound */
        enum reason first = REASON_NONE;
        for (unsigned i = 0; i < CHECKS; i++)
            if (bits >> i & 1) {
                break_lp(&d, 1, checks[i]);
                first = first ? first : checks[i];
            }
        desk_begin(&d);
        if (bits >> 4 & 1)
            desk_session(&d, LP(1), SESSION_UP); /* up is not enough: resends are not done */
        const struct rfq *rfq = desk_request(&d, SIDE_BUY);
        const struct rfq_skipped_lp *ev = harness_find(&d.h, RECORD_RFQ_SKIPPED_LP);
        cr_expect_eq(ev ? ev->reason : REASON_NONE, first, "bits %x", bits);
        cr_expect_eq(rfq->deliveries, bits ? 1 : 2);
        cr_expect_eq(rfq->state, RFQ_BIDDING_OPEN);
        desk_close(&d);
    }
}

Test(distribution_request, compares_sizes_inclusively)
{
    struct desk d;
    desk_prepare(&d, 2);
    d.lps[0].size_min = d.lps[0].size_max = UNITS(1000000);
    d.lps[1].size_min = UNITS(1000000) + 1;
    desk_begin(&d);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    cr_expect_eq(rfq->deliveries, 1);
    cr_expect(distribution_delivery_to(d.s, rfq, 1));
    desk_close(&d);
}

Test(distribution_request, without_an_eligible_lp_is_rejected)
{
    struct desk d;
    desk_open(&d, 2);
    desk_session(&d, LP(1), SESSION_DOWN);
    desk_session(&d, LP(2), SESSION_DOWN);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    cr_assert_str_eq(harness_shape(&d.h),
                     "RFQ_CREATED RFQ_TRANSITION RFQ_SKIPPED_LP RFQ_SKIPPED_LP RFQ_TRANSITION");
    const struct rfq_transition *ev = harness_find_nth(&d.h, RECORD_RFQ_TRANSITION, 1);
    cr_expect_str_eq(ev->text, "No eligible liquidity providers");
    cr_expect_eq(ev->reason, REASON_NO_ELIGIBLE_LP);
    cr_expect_eq(ev->head.session, TAKER);
    cr_expect_eq(rfq->state, RFQ_REJECTED);
    desk_close(&d);
}

Test(distribution_request, counts_an_rfq_at_an_lp_until_it_ends)
{
    struct desk d;
    desk_prepare(&d, 2);
    d.lps[0].concurrent_rfqs_max = 2;
    desk_begin(&d);
    const struct rfq *a = desk_request(&d, SIDE_BUY), *b = desk_request(&d, SIDE_BUY),
                     *c = desk_request(&d, SIDE_BUY);
    cr_expect_eq(c->deliveries, 1, "full");
    desk_answer(&d, a, 1, ANSWER_KIND_DECLINE);
    cr_expect_eq(distribution_lp(d.s, 1)->open_rfqs, 1);
    cr_expect_eq(desk_request(&d, SIDE_BUY)->deliveries, 2);
    desk_cancel(&d, b);
    cr_expect_eq(distribution_lp(d.s, 1)->open_rfqs, 1);
    cr_expect_eq(desk_request(&d, SIDE_BUY)->deliveries, 2);
    cr_expect_eq(desk_request(&d, SIDE_BUY)->deliveries, 1);
    desk_close(&d);
}

Test(distribution_request, asks_no_more_lps_than_one_decision_can)
{
    struct desk d;
    desk_prepare(&d, LPS_MAX);
    for (unsigned i = 0; i < 70; i++)
        d.lps[i].status = LP_SUSPENDED;
    desk_begin(&d);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    cr_expect_eq(rfq->deliveries, RFQ_LPS_MAX);
    cr_expect_eq(d.h.batches, 1);
    unsigned skipped = harness_count(&d.h, RECORD_RFQ_SKIPPED_LP);
    const struct engine_noted *ev = harness_find(&d.h, RECORD_DISTRIBUTION_NOTED);
    char want[64];
    snprintf(want, sizeof want, "%u more LPs not asked", LPS_MAX - RFQ_LPS_MAX - skipped);
    cr_expect_str_eq(ev->text, want);
    /* all of them answer, and the RFQ ends: still one decision */
    for (unsigned i = 1; i <= LPS_MAX; i++)
        if (distribution_delivery_to(d.s, rfq, i))
            desk_quote(&d, rfq, i, 0, PRICE(110000 + i));
    cr_expect_eq(rfq->quotes, RFQ_LPS_MAX);
    desk_advance(&d, 30 * SECOND);
    cr_expect_eq(d.h.batches, 1);
    cr_expect_eq(harness_count(&d.h, RECORD_DELIVERY_ENDED), RFQ_LPS_MAX);
    cr_expect_eq(harness_count(&d.h, RECORD_QUOTE_ENDED), RFQ_LPS_MAX);
    desk_advance(&d, 60 * SECOND);
    cr_expect_eq(table_count(d.s->quotes), 0);
    desk_close(&d);
}

Test(distribution_request, leaves_no_lp_out_where_there_are_too_many)
{
    struct desk d;
    desk_open(&d, LPS_MAX);
    for (unsigned i = 0; i < 200; i++) {
        desk_cancel(&d, desk_request(&d, SIDE_BUY));
        desk_advance(&d, 60 * SECOND);
    }
    for (unsigned lp = 1; lp <= LPS_MAX; lp++) { /* a quarter of them each time: 50 is to be expected */
        uint64_t asked = distribution_lp(d.s, lp)->released;
        cr_expect(asked >= 20 && asked <= 85, "LP%u was asked %lu times of 200", lp, asked);
    }
    desk_close(&d);
}

Test(distribution_request, shuffles_the_release_by_the_rfqs_id)
{
    struct desk d;
    desk_open(&d, 16);
    unsigned first[17] = {0};
    for (unsigned round = 0; round < 100; round++) {
        const struct rfq *rfq = desk_request(&d, SIDE_BUY);
        bool seen[17] = {0};
        for (unsigned i = 0; i < 16; i++) {
            const struct delivery_released *ev = harness_find_nth(&d.h, RECORD_DELIVERY_RELEASED, i);
            cr_assert(!seen[ev->lp], "each once");
            seen[ev->lp] = true;
            if (i == 0)
                first[ev->lp]++;
        }
        desk_cancel(&d, rfq);
    }
    for (unsigned lp = 1; lp <= 16; lp++)
        cr_expect(first[lp] > 0 && first[lp] < 20, "LP%u was first %u times of 100", lp, first[lp]);
    desk_close(&d);
}

Test(distribution_request, withdrawn_by_the_taker_is_cancelled_and_lps_are_told)
{
    struct desk d;
    desk_open(&d, 3);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    desk_quote(&d, rfq, 2, 0, PRICE(110000));
    desk_answer(&d, rfq, 3, ANSWER_KIND_REJECT);
    desk_cancel(&d, rfq);
    cr_assert_str_eq(harness_shape(&d.h), "DELIVERY_ENDED DELIVERY_ENDED QUOTE_ENDED RFQ_TRANSITION");
    for (unsigned i = 0; i < 2; i++) {
        const struct delivery_ended *ev = harness_find_nth(&d.h, RECORD_DELIVERY_ENDED, i);
        cr_expect_neq(ev->lp, 3, "it refused the RFQ: it has it no more");
        cr_expect_eq(ev->head.session, LP(ev->lp));
        cr_expect_eq(ev->lp_quote_id[0] != 0, ev->lp == 2, "117 where it has a quote");
        cr_expect_eq(ev->by_aj, 0);
    }
    const struct rfq_transition *ev = harness_find(&d.h, RECORD_RFQ_TRANSITION);
    cr_expect_eq(ev->reason, REASON_TAKER_REQUEST);
    cr_expect_eq(ev->who, WHO_USER);
    cr_expect_eq(ev->head.session, TAKER);
    for (unsigned lp = 1; lp <= 3; lp++)
        cr_expect_eq(distribution_lp(d.s, lp)->open_rfqs, 0);
    desk_cancel(&d, rfq);
    const struct request_refused *refused = harness_find(&d.h, RECORD_REQUEST_REFUSED);
    cr_expect_eq(refused->command, RECORD_COMMAND_REQUEST_CANCEL);
    cr_expect_str_eq(refused->text, "the RFQ is CANCELLED");
    desk_close(&d);
}

Test(distribution_request, of_another_session_cannot_be_withdrawn)
{
    struct desk d;
    desk_open(&d, 1);
    struct rfq foreign = *desk_request(&d, SIDE_BUY);
    foreign.session = TAKER_2;
    desk_cancel(&d, &foreign);
    const struct request_refused *ev = harness_find(&d.h, RECORD_REQUEST_REFUSED);
    cr_expect_eq(ev->reason, REASON_UNKNOWN_RFQ);
    cr_expect_eq(distribution_rfq(d.s, foreign.id)->state, RFQ_BIDDING_OPEN);
    desk_close(&d);
}

/* Start */

Test(distribution_start, keeps_ids_and_statistics_and_says_only_what_differs)
{
    struct desk d;
    desk_open(&d, 3);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    desk_quote(&d, rfq, 2, 0, PRICE(110000));
    struct engine_setup setup = desk_setup(&d);
    harness_start(&d.h, distribution_start, &setup);
    cr_assert_str_eq(harness_shape(&d.h), "DISTRIBUTION_STARTED", "nothing differs");
    d.lps[1].size_max = UNITS(7);
    d.instruments[0].collar_percent = UNITS(9);
    d.takers[2].session = 5;
    d.settings.ack_timeout_ns = SECOND;
    d.lp_count = 2; /* LP3 is gone */
    setup = desk_setup(&d);
    harness_start(&d.h, distribution_start, &setup);
    cr_assert_str_eq(harness_shape(&d.h),
                     "DISTRIBUTION_STARTED SETTINGS_SET INSTRUMENT_SET LP_SET LP_SET TAKER_SET");
    cr_expect_eq(distribution_lp(d.s, 2)->quotes, 1);
    cr_expect_eq(distribution_lp(d.s, 2)->size_max, UNITS(7));
    cr_expect_eq(distribution_lp(d.s, 2)->session_state, SESSION_SYNCED);
    cr_expect_eq(distribution_lp(d.s, 3)->status, LP_INACTIVE);
    cr_expect_null(distribution_lp_by_session(d.s, LP(3)));
    cr_expect_null(distribution_taker_by_session(d.s, STRANGER));
    cr_expect_eq(distribution_taker_by_session(d.s, 5)->id, 3);
    harness_start(&d.h, distribution_start, &setup);
    cr_assert_str_eq(harness_shape(&d.h), "DISTRIBUTION_STARTED", "once said");
    desk_cancel(&d, rfq);
    const struct delivery_ended *ev = harness_find_nth(&d.h, RECORD_DELIVERY_ENDED, 2);
    cr_assert(ev);
    desk_reload(&d);
    desk_close(&d);
}

Test(distribution_start, gives_ids_of_a_new_epoch)
{
    struct desk d;
    desk_open(&d, 1);
    uint64_t before = desk_request(&d, SIDE_BUY)->id;
    struct engine_setup setup = desk_setup(&d);
    harness_start(&d.h, distribution_start, &setup);
    uint64_t after = desk_request(&d, SIDE_BUY)->id;
    cr_expect_eq(before >> 44, 1);
    cr_expect_eq(after >> 44, 2);
    desk_close(&d);
}

Test(distribution_start, takes_a_configuration_larger_than_a_batch)
{
    struct desk d;
    desk_prepare(&d, LPS_MAX);
    desk_begin(&d);
    cr_expect_eq(table_count(d.s->lps), LPS_MAX);
    cr_expect_eq(d.s->base.marks.epoch, 1);
    desk_close(&d);
}

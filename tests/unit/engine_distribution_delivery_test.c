#include "tests/unit/distribution_desk.h"

/* A delivery's life as a timeline: what happens, one letter each, and what the delivery is after it.
 *   a ack   r refused   d declined   q quoted   u unsent (session down)   l unsent (lost)   s unsent (stale)
 *   e unsent (cannot be encoded)   j rejected by the peer's session   D session goes down   S it is in sync
 * again . 100 ms pass   w 250 ms pass   5 five seconds pass   A awarded to LP2
 */
static void happen(struct desk *d, const struct rfq *rfq, char what)
{
    const struct delivery *delivery = desk_delivery(d, rfq, 1);
    struct command_peer_reject reject = {.head = harness_head(RECORD_COMMAND_PEER_REJECT, LP(1)),
                                         .ref = delivery->id,
                                         .ref_kind = REF_DELIVERY};
    switch (what) {
    case 'a':
        desk_ack(d, rfq, 1);
        break;
    case 'r':
        desk_answer(d, rfq, 1, ANSWER_KIND_REJECT);
        break;
    case 'd':
        desk_answer(d, rfq, 1, ANSWER_KIND_DECLINE);
        break;
    case 'q':
        desk_quote(d, rfq, 1, 0, PRICE(110000));
        break;
    case 'u':
        desk_unsent(d, delivery, REASON_SESSION_DOWN);
        break;
    case 'l':
        desk_unsent(d, delivery, REASON_LOST);
        break;
    case 's':
        desk_unsent(d, delivery, REASON_STALE);
        break;
    case 'e':
        desk_unsent(d, delivery, REASON_ENCODE);
        break;
    case 'j':
        harness_decide(&d->h, AGENT_GATEWAY, LANE_QUOTE, &reject.head);
        break;
    case 'D':
        desk_session(d, LP(1), SESSION_DOWN);
        break;
    case 'S':
        desk_session(d, LP(1), SESSION_SYNCED);
        break;
    case 'U':
        desk_session(d, LP(1), SESSION_UP);
        break;
    case '.':
        desk_advance(d, 100 * MS);
        break;
    case 'w':
        desk_advance(d, 250 * MS);
        break;
    case '5':
        desk_advance(d, 5 * SECOND);
        break;
    case 'A':
        desk_accept(d, desk_quote(d, rfq, 2, 0, PRICE(110000)));
        break;
    default:
        cr_assert(false, "%c", what);
    }
}

static const struct timeline {
    const char *what;
    const char *then; /* status, answer, attempts */
    enum reason reason;
    unsigned open_rfqs;
} timelines[] = {
    {"", "sent none 1", REASON_NONE, 1},
    {"a", "delivered none 1", REASON_NONE, 1},
    {"aa", "delivered none 1", REASON_NONE, 1},
    {"q", "delivered quoted 1", REASON_NONE, 1},
    {"aq", "delivered quoted 1", REASON_NONE, 1},
    {"r", "rejected none 1", REASON_LP_REJECTED, 0},
    {"rr", "rejected none 1", REASON_LP_REJECTED, 0},
    {"d", "delivered declined 1", REASON_LP_DECLINED, 0},
    {"dd", "delivered declined 1", REASON_LP_DECLINED, 0},
    {"ar", "delivered declined 1", REASON_LP_REJECTED, 0},
    {"qd", "delivered declined 1", REASON_LP_DECLINED, 0},
    {"dq", "delivered quoted 1", REASON_NONE, 1},
    {"rq", "delivered quoted 1", REASON_NONE, 1},
    {"ra", "delivered none 1", REASON_NONE, 1},
    {"j", "rejected none 1", REASON_PEER_REJECT, 0},
    {"aj", "delivered none 1", REASON_NONE, 1},
    {"5", "failed none 1", REASON_NO_ACK, 0},
    {"5a", "delivered none 1", REASON_NONE, 1},   /* late, and counts */
    {"5q", "delivered quoted 1", REASON_NONE, 1}, /* so does a quote */
    {"D5", "pending none 1", REASON_LOST, 1},     /* lost with its session, perhaps: again */
    {"DS5", "pending none 1", REASON_LOST, 1},    /* back already: still the message may be lost */
    {"DS5w", "sent none 2", REASON_NONE, 1},      /* 100 ms later */
    {"u", "pending none 1", REASON_SESSION_DOWN, 1},
    {"u.", "pending none 1", REASON_SESSION_DOWN, 1}, /* at least 100 ms, with jitter */
    {"uw", "sent none 2", REASON_NONE, 1}, /* the session is in sync: distribution knows no better */
    {"Duw", "pending none 1", REASON_SESSION_DOWN, 1}, /* it is not: a wait uses up no attempt */
    {"Duwwwwww", "pending none 1", REASON_SESSION_DOWN, 1},
    {"DUuwww", "pending none 1", REASON_SESSION_DOWN, 1},
    {"DuwwwwwwSw", "sent none 2", REASON_NONE, 1},
    {"uwl", "pending none 2", REASON_LOST, 1},
    {"uwlw", "sent none 3", REASON_NONE, 1},            /* 200 ms later */
    {"uwlwu", "failed none 3", REASON_SESSION_DOWN, 0}, /* three attempts */
    {"uwlwD5", "failed none 3", REASON_LOST, 0},
    {"s", "failed none 1", REASON_STALE, 0},
    {"e", "failed none 1", REASON_ENCODE, 0},
    {"au", "delivered none 1", REASON_NONE, 1}, /* it was acknowledged: it is there */
    {"ua", "delivered none 1", REASON_NONE, 1},
    {"A5", "failed none 1", REASON_NO_ACK, 0}, /* awarded elsewhere: still counted to the end */
    {"uAw", "failed none 1", REASON_RFQ_NOT_OPEN, 0},
    {"Au", "failed none 1", REASON_SESSION_DOWN, 0}, /* not sent any more */
    {"Aa", "delivered none 1", REASON_NONE, 1},
};

Test(distribution_delivery, follows_its_timeline)
{
    for (size_t i = 0; i < sizeof timelines / sizeof *timelines; i++) {
        const struct timeline *t = &timelines[i];
        struct desk d;
        desk_open(&d, 2);
        const struct rfq *rfq = desk_request(&d, SIDE_BUY);
        desk_ack(&d, rfq, 2); /* another LP, so that the RFQ stays */
        for (const char *c = t->what; *c; c++) {
            happen(&d, rfq, *c);
            rfq = desk_reload_with(&d, rfq);
        }
        const struct delivery *delivery = desk_delivery(&d, rfq, 1);
        char now[80];
        snprintf(now, sizeof now, "%s %s %u", delivery_status_name(delivery->state),
                 delivery_answer_name(delivery->answer), delivery->attempts);
        cr_expect_str_eq(now, t->then, "%s: %s, not %s", t->what, now, t->then);
        cr_expect_eq(delivery->reason, t->reason, "%s: %s", t->what, reason_name(delivery->reason));
        cr_expect_eq(distribution_lp(d.s, 1)->open_rfqs, t->open_rfqs, "%s", t->what);
        cr_expect_eq(rfq->settled, 1 + (delivery->state >= DELIVERY_DELIVERED), "%s", t->what);
        cr_expect_eq(rfq->acknowledged, 1 + (delivery->state == DELIVERY_DELIVERED), "%s", t->what);
        cr_expect_eq(rfq->declined, delivery->answer == ANSWER_DECLINED, "%s", t->what);
        desk_close(&d);
    }
}

Test(distribution_delivery, is_released_again_under_the_same_id_with_backoff_and_jitter)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    const struct delivery *delivery = desk_delivery(&d, rfq, 1);
    uint64_t wait_ns = 100 * MS;
    for (unsigned attempt = 2; attempt <= 3; attempt++, wait_ns *= 2) {
        desk_unsent(&d, delivery, REASON_SESSION_DOWN);
        uint64_t in_ns = delivery->due_ns - d.h.now_ns;
        cr_expect(in_ns >= wait_ns && in_ns <= wait_ns + wait_ns / 8, "%lu", in_ns);
        desk_advance(&d, in_ns);
        const struct delivery_released *ev = harness_find(&d.h, RECORD_DELIVERY_RELEASED);
        cr_assert(ev);
        cr_expect_eq(ev->delivery, delivery->id);
        cr_expect_eq(ev->attempt, attempt);
        cr_expect_eq(delivery->due_ns, d.h.now_ns + 5 * SECOND);
    }
    cr_expect_eq(distribution_lp(d.s, 1)->released, 1, "one delivery, however often sent");
    desk_close(&d);
}

Test(distribution_delivery, is_not_retried_beyond_the_deadline)
{
    struct desk d;
    desk_open(&d, 2);
    struct command_quote_request c = desk_request_command(&d, SIDE_BUY, UNITS(1000));
    c.deadline_ns = d.h.now_ns + 90 * MS;
    desk_ask(&d, &c);
    const struct rfq *rfq = desk_rfq_of(&d, &c);
    cr_expect_eq(desk_delivery(&d, rfq, 1)->due_ns, rfq->deadline_ns, "what is left, being less than 5 s");
    desk_unsent(&d, desk_delivery(&d, rfq, 1), REASON_SESSION_DOWN);
    cr_expect_eq(desk_delivery(&d, rfq, 1)->state, DELIVERY_FAILED);
    desk_close(&d);
}

Test(distribution_delivery, without_acknowledgement_counts_as_delivered_when_released)
{
    struct desk d;
    desk_prepare(&d, 2);
    d.lps[0].ack_required = 0;
    desk_begin(&d);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    const struct delivery *delivery = desk_delivery(&d, rfq, 1);
    cr_expect_eq(delivery->state, DELIVERY_DELIVERED);
    cr_expect_eq(delivery->due_ns, 0);
    cr_expect_eq(rfq->shown, SHOWN_DISTRIBUTED);
    desk_unsent(&d, delivery, REASON_SESSION_DOWN); /* it was not written after all */
    cr_expect_eq(delivery->state, DELIVERY_PENDING);
    cr_expect_eq(rfq->acknowledged, 0);
    cr_expect_eq(rfq->shown, SHOWN_DISTRIBUTED, "what is shown never goes back");
    desk_advance(&d, 150 * MS);
    cr_expect_eq(delivery->state, DELIVERY_DELIVERED);
    cr_expect_eq(delivery->attempts, 2);
    cr_expect_eq(distribution_lp(d.s, 1)->acknowledged, 1);
    desk_close(&d);
}

Test(distribution_delivery, moves_the_status_shown_on)
{
    struct desk d;
    desk_open(&d, 3);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    desk_ack(&d, rfq, 1);
    cr_assert_str_eq(harness_shape(&d.h), "DELIVERY_STATE RFQ_SHOWN");
    const struct rfq_shown *ev = harness_find(&d.h, RECORD_RFQ_SHOWN);
    cr_expect_eq(ev->shown, SHOWN_DISTRIBUTED);
    cr_expect_eq(ev->all_settled, 0);
    desk_quote(&d, rfq, 2, 0, PRICE(110000));
    cr_assert_str_eq(harness_shape(&d.h), "DELIVERY_STATE QUOTE_ADDED QUOTES_RANKED RFQ_SHOWN");
    cr_expect_eq(rfq->shown, SHOWN_QUOTED);
    desk_answer(&d, rfq, 3, ANSWER_KIND_REJECT); /* the last one: all have settled */
    ev = harness_find(&d.h, RECORD_RFQ_SHOWN);
    cr_expect_eq(ev->all_settled, 1);
    cr_expect_eq(ev->lp_count, 2);
    cr_expect_eq(ev->shown, SHOWN_QUOTED);
    desk_quote(&d, rfq, 3, 0, PRICE(110000));
    cr_assert_str_eq(harness_shape(&d.h), "DELIVERY_STATE QUOTE_ADDED QUOTES_RANKED", "told once");
    desk_close(&d);
}

/* An LP's quote is its acknowledgement: the last delivery is settled and the first quote stands by one message. */
Test(distribution_delivery, settled_by_the_first_quote_tells_both)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    desk_quote(&d, rfq, 1, 0, PRICE(110000));
    cr_assert_str_eq(harness_shape(&d.h), "DELIVERY_STATE QUOTE_ADDED QUOTES_RANKED RFQ_SHOWN RFQ_SHOWN");
    const struct rfq_shown *settled = harness_find(&d.h, RECORD_RFQ_SHOWN);
    const struct rfq_shown *quoted = (const void *)((const char *)settled + settled->head.size);
    cr_expect(settled->all_settled && settled->lp_count == 1 && settled->shown == SHOWN_DISTRIBUTED);
    cr_expect(!quoted->all_settled && quoted->shown == SHOWN_QUOTED);
    cr_expect(rfq->shown == SHOWN_QUOTED && rfq->distributed);
    desk_close(&d);
}

Test(distribution_delivery, all_failed_rejects_the_rfq)
{
    struct desk d;
    desk_open(&d, 3);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    desk_answer(&d, rfq, 1, ANSWER_KIND_REJECT);
    desk_unsent(&d, desk_delivery(&d, rfq, 2), REASON_ENCODE);
    cr_expect_eq(rfq->state, RFQ_BIDDING_OPEN);
    desk_advance(&d, 5 * SECOND);
    cr_assert_str_eq(harness_shape(&d.h), "DELIVERY_STATE DELIVERY_ENDED RFQ_TRANSITION");
    const struct rfq_transition *ev = harness_find(&d.h, RECORD_RFQ_TRANSITION);
    cr_expect_str_eq(ev->text, "All LP deliveries failed");
    cr_expect_eq(ev->to, RFQ_REJECTED);
    const struct delivery_ended *ended = harness_find(&d.h, RECORD_DELIVERY_ENDED);
    cr_expect_eq(ended->lp, 3, "silent, but it may have it");
    desk_close(&d);
}

Test(distribution_delivery, all_declined_rejects_the_rfq)
{
    struct desk d;
    desk_open(&d, 3);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    desk_answer(&d, rfq, 1, ANSWER_KIND_REJECT);
    desk_quote(&d, rfq, 2, 0, PRICE(110000));
    desk_answer(&d, rfq, 3, ANSWER_KIND_DECLINE);
    cr_expect_eq(rfq->state, RFQ_BIDDING_OPEN);
    desk_answer(&d, rfq, 2, ANSWER_KIND_DECLINE); /* takes its quote back, too */
    cr_assert_str_eq(harness_shape(&d.h),
                     "QUOTE_ENDED QUOTES_RANKED DELIVERY_STATE DELIVERY_ENDED DELIVERY_ENDED "
                     "RFQ_TRANSITION");
    const struct rfq_transition *ev = harness_find(&d.h, RECORD_RFQ_TRANSITION);
    cr_expect_str_eq(ev->text, "All LPs declined");
    cr_expect_eq(ev->reason, REASON_ALL_DECLINED);
    desk_close(&d);
}

Test(distribution_delivery, expires_with_the_deadline_and_counts_who_was_silent)
{
    struct desk d;
    desk_open(&d, 4);
    struct command_quote_request c = desk_request_command(&d, SIDE_BUY, UNITS(1000000));
    c.deadline_ns = d.h.now_ns + 3 * SECOND;
    desk_ask(&d, &c);
    const struct rfq *rfq = desk_rfq_of(&d, &c);
    desk_ack(&d, rfq, 1);
    desk_quote(&d, rfq, 2, 0, PRICE(110000));
    desk_answer(&d, rfq, 3, ANSWER_KIND_REJECT);
    desk_advance(&d, 3 * SECOND);
    cr_expect_eq(d.h.now_ns, rfq->ended_ns, "at the deadline, to the nanosecond");
    cr_expect_eq(rfq->state, RFQ_EXPIRED);
    static const char *const then[] = {"delivered no_response", "delivered quoted", "rejected none",
                                       "failed no_response"};
    static const unsigned silent[] = {1, 0, 0, 1};
    for (unsigned lp = 1; lp <= 4; lp++) {
        const struct delivery *delivery = desk_delivery(&d, rfq, lp);
        char now[80];
        snprintf(now, sizeof now, "%s %s", delivery_status_name(delivery->state),
                 delivery_answer_name(delivery->answer));
        cr_expect_str_eq(now, then[lp - 1]);
        cr_expect_eq(distribution_lp(d.s, lp)->no_response, silent[lp - 1]);
        cr_expect_eq(distribution_lp(d.s, lp)->open_rfqs, 0);
        cr_expect_eq(delivery->ended, lp != 3);
    }
    const struct rfq_transition *ev = harness_find(&d.h, RECORD_RFQ_TRANSITION);
    cr_expect_eq(ev->who, WHO_SCHEDULER);
    cr_expect_eq(ev->head.session, TAKER);
    desk_ack(&d, rfq, 4);
    const struct engine_noted *noted = harness_find(&d.h, RECORD_DISTRIBUTION_NOTED);
    cr_expect_eq(noted->reason, REASON_RFQ_NOT_OPEN);
    desk_close(&d);
}

Test(distribution_delivery, notes_answers_that_fit_nothing)
{
    struct desk d;
    desk_open(&d, 2);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    const struct {
        uint32_t session;
        uint64_t rfq;
        enum reason reason;
    } rows[] = {{NOBODY, rfq->id, REASON_UNKNOWN_SESSION},
                {TAKER, rfq->id, REASON_UNKNOWN_SESSION},
                {LP(1), 0, REASON_UNKNOWN_RFQ},
                {LP(1), rfq->id + 5, REASON_UNKNOWN_RFQ}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command_delivery_answer c = {.head =
                                                harness_head(RECORD_COMMAND_DELIVERY_ANSWER, rows[i].session),
                                            .rfq = rows[i].rfq,
                                            .kind = ANSWER_KIND_ACK};
        harness_decide(&d.h, AGENT_GATEWAY, LANE_QUOTE, &c.head);
        const struct engine_noted *ev = harness_find(&d.h, RECORD_DISTRIBUTION_NOTED);
        cr_assert_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
        cr_expect_eq(ev->reason, rows[i].reason, "row %zu", i);
    }
    /* what was not a delivery, and a session state heard twice */
    struct gateway_unsent unsent = {.head = harness_head(RECORD_GATEWAY_UNSENT, TAKER),
                                    .out = {.rfq = rfq->id, .ref = rfq->id, .ref_kind = REF_RFQ},
                                    .reason = REASON_SESSION_DOWN};
    harness_decide(&d.h, AGENT_GATEWAY, LANE_REQUEST, &unsent.head);
    cr_expect_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
    desk_session(&d, LP(1), SESSION_SYNCED);
    cr_expect_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
    desk_session(&d, NOBODY, SESSION_SYNCED);
    cr_expect_str_eq(harness_shape(&d.h), "DISTRIBUTION_NOTED");
    desk_close(&d);
}

Test(distribution_delivery, counts_a_lost_session_once)
{
    struct desk d;
    desk_open(&d, 1);
    desk_session(&d, LP(1), SESSION_DOWN);
    desk_session(&d, LP(1), SESSION_DOWN);
    desk_session(&d, LP(1), SESSION_UP);
    desk_session(&d, LP(1), SESSION_SYNCED);
    cr_expect_eq(distribution_lp(d.s, 1)->session_lost, 1);
    desk_session(&d, LP(1), SESSION_DOWN);
    cr_expect_eq(distribution_lp(d.s, 1)->session_lost, 2);
    desk_close(&d);
}

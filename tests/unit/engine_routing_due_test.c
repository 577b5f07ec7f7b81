/* Time: releases tried again, answers overdue, doubt, and leaving memory. */
#include "tests/unit/routing_desk.h"

static struct desk d;

static void open_desk(void)
{
    desk_open(&d);
}

static void close_desk(void)
{
    desk_close(&d);
}

TestSuite(routing_due, .init = open_desk, .fini = close_desk);

static void after(uint64_t ms)
{
    harness_advance(&d.h, d.h.now_ns + ms * MS);
}

Test(routing_due, silent_lp_puts_the_order_in_doubt_and_is_asked_to_cancel)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    after(1999);
    cr_assert_eq(d.h.batches, 0);
    after(1);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_CANCEL_ASKED ORDER_UPDATE");
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->in_doubt, 1);
    cr_assert_eq(u->final, 0);
    cr_assert_eq(u->reason, REASON_IN_DOUBT);
    cr_assert_eq(o->state, ORDER_SENT);
    for (unsigned attempt = 2; attempt < 300; attempt++) { /* for as long as it takes */
        after(5000);
        cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
        const struct order_cancel_asked *ev = harness_find(&d.h, RECORD_ORDER_CANCEL_ASKED);
        cr_assert_eq(ev->attempt, attempt);
        cr_assert_eq(ev->asked_for, 1);
        cr_assert_eq(o->state, ORDER_SENT, "never final before its fate is known");
    }
    desk_say(&d, o, '4');
    u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->final, 1);
    cr_assert_eq(u->in_doubt, 0);
    cr_assert_eq(u->cancelled_for, 1);
    cr_assert_eq(u->reason, REASON_LP_DEFAULT);
}

Test(routing_due, acknowledged_order_is_not_due_any_more)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    cr_assert_eq(o->due_ns, 0);
    after(600000);
    cr_assert_eq(d.h.batches, 0);
    cr_assert_eq(o->state, ORDER_WORKING);
}

Test(routing_due, doubt_ends_in_the_fill_that_was_on_its_way)
{
    const struct order *o = desk_order_in(&d, IN_DOUBT, "A1");
    desk_fill(&d, o, UNITS(100), UNITS(2), "x");
    cr_assert_eq(o->state, ORDER_IS_FILLED);
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->in_doubt, 0);
    cr_assert_eq(u->final, 1);
    desk_cancel_reject(&d, o, LP, 0);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

Test(routing_due, late_acknowledgement_ends_the_doubt_and_the_cancel_is_still_answered)
{
    const struct order *o = desk_order_in(&d, IN_DOUBT, "A1");
    desk_say(&d, o, '0');
    cr_assert_eq(o->in_doubt, 0);
    cr_assert_eq(o->state, ORDER_WORKING);
    after(5000); /* it was not answered: again */
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
    desk_cancel_reject(&d, o, LP, 0);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_UPDATE"); /* the taker asked for nothing */
    cr_assert_eq(o->state, ORDER_WORKING);
    after(60000);
    cr_assert_eq(d.h.batches, 0);
}

Test(routing_due, refused_cancel_of_an_order_in_doubt_says_that_the_lp_has_it)
{
    const struct order *o = desk_order_in(&d, IN_DOUBT, "A1");
    desk_cancel_reject(&d, o, LP, 0); /* too late */
    cr_assert_eq(o->state, ORDER_WORKING);
    cr_assert_eq(o->in_doubt, 0);
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->in_doubt, 0);
}

Test(routing_due, while_the_session_is_down_nothing_is_asked_and_the_doubt_stays)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    desk_session(&d, LP, SESSION_DOWN);
    after(2000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_UPDATE");
    cr_assert_eq(o->in_doubt, 1);
    after(5000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE");
    desk_session(&d, LP, SESSION_UP); /* not in sync yet: the answer may be on its way */
    after(5000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE");
    desk_session(&d, LP, SESSION_SYNCED);
    after(5000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATUS_ASKED ORDER_CANCEL_ASKED");
    cr_assert_eq(o->in_doubt, 1);
}

Test(routing_due, order_that_was_not_sent_is_tried_again_until_the_session_is_back)
{
    desk_session(&d, LP, SESSION_DOWN);
    const struct order *o = desk_order_in(&d, PENDING_TRIED, "A1");
    cr_assert_eq(o->state, ORDER_PENDING);
    after(100);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE");
    desk_session(&d, LP, SESSION_SYNCED);
    after(100);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_RELEASED");
    cr_assert_eq(o->state, ORDER_SENT);
    cr_assert_eq(o->attempts, 2);
    desk_fill(&d, o, UNITS(100), UNITS(2), "x");
    cr_assert_eq(o->state, ORDER_IS_FILLED);
}

Test(routing_due, order_that_was_not_sent_in_time_is_rejected_and_was_nowhere)
{
    desk_session(&d, LP, SESSION_DOWN);
    const struct order *o = desk_order_in(&d, PENDING_TRIED, "A1");
    after(3000);
    cr_assert_eq(o->state, ORDER_REJECTED);
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->reason, REASON_SESSION_DOWN, "no default: the LP never had it");
    cr_assert_eq(o->reason, REASON_SESSION_DOWN);
    cr_assert_eq(o->updated_ns, o->created_ns + 2000 * MS);
    cr_assert_eq(o->attempts, 1);
}

Test(routing_due, order_is_not_tried_again_once_the_quote_has_expired)
{
    struct rfq_awarded award = desk_award_record(&d, 0, "A1");
    award.valid_until_ns = d.h.now_ns + 250 * MS;
    desk_award(&d, &award);
    const struct order *o = routing_order_by_award(d.state, award.award);
    desk_session(&d, LP, SESSION_DOWN);
    desk_unsent(&d, o, REF_ORDER, REASON_SESSION_DOWN);
    after(1000);
    cr_assert_eq(o->state, ORDER_REJECTED);
    cr_assert_eq(o->updated_ns, o->created_ns + 300 * MS);
}

Test(routing_due, unsent_does_what_its_reason_says)
{
    static const struct {
        enum desk_case state;
        enum reason reason;
        enum order_status end;
        enum reason told; /* distribution */
    } cases[] = {
        {SENT, REASON_SESSION_DOWN, ORDER_PENDING, 0},
        {SENT, REASON_LOST, ORDER_PENDING, 0},
        {SENT, REASON_STALE, ORDER_REJECTED, REASON_QUOTE_EXPIRED_IN_FLIGHT},
        {SENT, REASON_ENCODE, ORDER_REJECTED, REASON_REFUSED_BY_CONTROLS},
        {IN_DOUBT, REASON_LOST, ORDER_REJECTED, REASON_SESSION_DOWN},
        {WORKING, REASON_LOST, ORDER_WORKING, 0},
        {PARTLY, REASON_LOST, ORDER_PARTLY_FILLED, 0},
        {FILLED, REASON_LOST, ORDER_IS_FILLED, 0},
        {REJECTED, REASON_LOST, ORDER_REJECTED, 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[16];
        snprintf(id, sizeof id, "A%u", i);
        const struct order *o = desk_order_in(&d, cases[i].state, id);
        desk_unsent(&d, o, REF_ORDER, cases[i].reason);
        cr_assert_eq(o->state, cases[i].end, "case %u: %s", i, order_status_name(o->state));
        if (cases[i].told)
            cr_assert_eq(((const struct order_update *)harness_find(&d.h, RECORD_ORDER_UPDATE))->reason,
                         cases[i].told);
    }
}

Test(routing_due, unsent_order_that_the_taker_has_cancelled_is_cancelled)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    desk_cancel(&d, "C1", "A1");
    desk_unsent(&d, o, REF_CANCEL, REASON_SESSION_DOWN);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    cr_assert_eq(o->state, ORDER_SENT);
    desk_unsent(&d, o, REF_ORDER, REASON_LOST);
    cr_assert_eq(o->state, ORDER_CANCELLED);
    cr_assert_eq(((const struct order_report *)harness_find(&d.h, RECORD_ORDER_REPORT))->exec_type, '4');
}

Test(routing_due, unsent_cancel_is_asked_again)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    desk_cancel(&d, "C1", "A1");
    desk_unsent(&d, o, REF_CANCEL, REASON_SESSION_DOWN);
    after(5000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
    const struct order_cancel_asked *ev = harness_find(&d.h, RECORD_ORDER_CANCEL_ASKED);
    cr_assert_eq(ev->asked_for, 2);
    cr_assert_str_eq(ev->cancel_id, "C1");
}

Test(routing_due, execution_of_an_order_taken_for_unsent_is_booked_and_it_is_not_sent_again)
{
    const struct order *o = desk_order_in(&d, PENDING_TRIED, "A1");
    desk_fill(&d, o, UNITS(40), UNITS(2), "x");
    cr_assert_eq(o->state, ORDER_PARTLY_FILLED);
    after(60000);
    cr_assert_null(harness_find(&d.h, RECORD_ORDER_RELEASED));
}

Test(routing_due, cancel_of_an_unacknowledged_order_does_not_put_off_the_doubt)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    after(1000);
    desk_cancel(&d, "C1", "A1");
    after(1000);
    cr_assert_eq(o->in_doubt, 1);
    cr_assert_eq(o->cancel_asked, 2);
    cr_assert_str_eq(o->cancel_id, "C1");
    cr_assert_eq(o->cancel_attempts, 2);
}

Test(routing_due, acknowledgement_gives_an_open_cancel_its_own_time)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    desk_cancel(&d, "C1", "A1");
    cr_assert_eq(o->due_ns, o->released_ns + 2000 * MS);
    after(1000);
    desk_say(&d, o, '0');
    cr_assert_eq(o->due_ns, d.h.now_ns + 5000 * MS);
    after(5000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
    cr_assert_eq(o->in_doubt, 0);
}

Test(routing_due, final_orders_leave_memory_with_their_fills)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    for (unsigned i = 0; i < 300; i++) { /* more than leave in one step */
        char id[16];
        snprintf(id, sizeof id, "X%u", i);
        desk_fill(&d, o, UNITS(100) / 400, UNITS(2), id);
    }
    desk_say(&d, o, '4');
    uint64_t id = o->id, award = o->award;
    after(59999);
    cr_assert_eq(d.h.batches, 0);
    after(1);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_RETIRED ORDER_RETIRED ORDER_RETIRED");
    cr_assert_null(routing_order(d.state, id));
    cr_assert_null(routing_order_by_award(d.state, award));
    cr_assert_eq(table_count(d.state->fills), 0);
    cr_assert_eq(timer_count(d.state->base.timers), 0);
    desk_ask(&d, "A1"); /* the ClOrdID is forgotten with it */
}

Test(routing_due, timers_are_rebuilt_from_what_is_durable)
{
    const struct order *sent = desk_order_in(&d, SENT, "A1");
    uint64_t sent_id = sent->id;
    desk_order_in(&d, FILLED, "A2");
    uint64_t next = timer_next_deadline(d.state->base.timers);
    desk_reload(&d);
    cr_assert_eq(timer_next_deadline(d.state->base.timers), next);
    cr_assert_eq(timer_count(d.state->base.timers), 2);
    after(2000);
    cr_assert_eq(routing_order(d.state, sent_id)->in_doubt, 1);
    after(58000);
    cr_assert_eq(table_count(d.state->orders), 1);
}

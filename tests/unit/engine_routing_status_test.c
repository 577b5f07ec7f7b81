/* Orders of unknown fate when their LP is back: each is asked about, once, and what the answers make of it.
 */
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

TestSuite(routing_status, .init = open_desk, .fini = close_desk);

static void after(uint64_t ms)
{
    harness_advance(&d.h, d.h.now_ns + ms * MS);
}

static void lose_session(void)
{
    desk_session(&d, LP, SESSION_DOWN);
    after(0);
}

/* What is asked is what the step has. */
static void session_is_back(void)
{
    desk_session(&d, LP, SESSION_UP);
    after(0);
    cr_assert_eq(d.h.batches, 0, "not in sync yet: the LP may be about to ask for the order itself");
    desk_session(&d, LP, SESSION_SYNCED);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_SESSION");
    after(0);
}

static bool is_asked(const struct order *o)
{
    const struct order_status_asked *ev;
    for (unsigned i = 0; (ev = harness_find_nth(&d.h, RECORD_ORDER_STATUS_ASKED, i)) != NULL; i++)
        if (ev->order == o->id)
            return true;
    return false;
}

static struct command_execution status(const struct order *o, char ord_status, int64_t filled)
{
    struct command_execution c = desk_execution(o, 'I', "status");
    c.ord_status = ord_status;
    c.filled_quantity = filled;
    return c;
}

static void answer(const struct order *o, char ord_status, int64_t filled)
{
    struct command_execution c = status(o, ord_status, filled);
    desk_execute(&d, &c);
}

static void peer_rejects_status(const struct order *o, unsigned reason, bool business)
{
    struct command_peer_reject c = {.head = harness_head(RECORD_COMMAND_PEER_REJECT, LP),
                                    .ref = o->id,
                                    .ref_kind = REF_STATUS,
                                    .reason = (uint16_t)reason,
                                    .business = business,
                                    .text = "no such order"};
    harness_decide(&d.h, AGENT_GATEWAY, LANE_ORDER, &c.head);
}

static enum reason break_reason(void)
{
    const struct execution_break *ev = harness_find(&d.h, RECORD_EXECUTION_BREAK);
    cr_assert_not_null(ev, "%s", harness_shape(&d.h));
    return (enum reason)ev->reason;
}

Test(routing_status, what_was_not_heard_of_is_asked_about_and_nothing_else)
{
    /* first the one that takes time to get there */
    static const enum desk_case cases[] = {IN_DOUBT, AWAITING, PENDING_TRIED, SENT,    WORKING,
                                           PARTLY,   FILLED,   CANCELLED,     REJECTED};
    const struct order *orders[DESK_CASES];
    for (unsigned i = 0; i < DESK_CASES; i++)
        orders[cases[i]] = desk_order_in(&d, cases[i], desk_case_names[cases[i]]);
    struct rfq_awarded elsewhere = desk_award_record(&d, 0, "other");
    elsewhere.lp_session = OTHER;
    desk_award(&d, &elsewhere);
    uint64_t due_ns = orders[SENT]->due_ns, in_doubt_due_ns = orders[IN_DOUBT]->due_ns;
    lose_session();
    session_is_back();
    cr_assert_eq(harness_count(&d.h, RECORD_ORDER_STATUS_ASKED), 2, "%s", harness_shape(&d.h));
    cr_assert(is_asked(orders[SENT]) && is_asked(orders[IN_DOUBT]));
    cr_assert_eq(d.h.batches, 1);
    const struct order_status_asked *ev = harness_find(&d.h, RECORD_ORDER_STATUS_ASKED);
    cr_assert_eq(ev->head.dest, AGENT_GATEWAY);
    cr_assert_eq(ev->head.session, LP);
    cr_assert_eq(ev->out.ref_kind, REF_STATUS);
    cr_assert_eq(ev->out.ref, ev->order);
    cr_assert_str_eq(ev->symbol, "EUR/USD");
    cr_assert_eq(ev->side, '1');
    cr_assert_eq(orders[SENT]->due_ns, due_ns, "the time to acknowledge goes on");
    cr_assert_eq(orders[IN_DOUBT]->due_ns, in_doubt_due_ns, "and that of the cancel");
    desk_session(&d, LP, SESSION_SYNCED); /* told twice */
    after(0);
    cr_assert_eq(d.h.batches, 0, "asked once in a session's life");
    lose_session();
    session_is_back();
    cr_assert_eq(harness_count(&d.h, RECORD_ORDER_STATUS_ASKED), 2, "and again after the next loss");
}

/* What the LP said while it was away is gone with the numbers: also of what it had acknowledged. */
Test(routing_status, once_the_session_is_numbered_anew_all_that_is_at_the_lp_is_asked_about)
{
    static const enum desk_case cases[] = {IN_DOUBT, AWAITING, PENDING_TRIED, SENT,    WORKING,
                                           PARTLY,   FILLED,   CANCELLED,     REJECTED};
    for (unsigned by_operator = 0; by_operator < 2; by_operator++) {
        uint64_t orders[DESK_CASES];
        desk_close(&d);
        desk_open(&d);
        for (unsigned i = 0; i < DESK_CASES; i++) {
            char id[16];
            snprintf(id, sizeof id, "%u-%u", by_operator, i);
            orders[cases[i]] = desk_order_in(&d, cases[i], id)->id;
        }
        lose_session();
        desk_renumber(&d, LP, by_operator);
        cr_assert_str_eq(harness_shape(&d.h), "ROUTING_SESSION_RENUMBERED");
        desk_reload(&d);
        session_is_back();
        for (unsigned i = 0; i < DESK_CASES; i++) {
            bool at_lp = i == SENT || i == IN_DOUBT || i == WORKING || i == PARTLY;
            cr_assert_eq(is_asked(routing_order(d.state, orders[i])), at_lp, "%s", desk_case_names[i]);
        }
        cr_assert_eq(harness_count(&d.h, RECORD_ORDER_STATUS_ASKED), 4);
        cr_assert_eq(routing_order(d.state, orders[WORKING])->due_ns, 0);
        after(0);
        cr_assert_eq(d.h.batches, 0, "once");
        lose_session();
        session_is_back();
        cr_assert_eq(harness_count(&d.h, RECORD_ORDER_STATUS_ASKED), 2, "the numbers went on: %s",
                     harness_shape(&d.h));
    }
    lose_session();
    desk_renumber(&d, OTHER, false); /* another's numbers */
    const struct order *working = desk_order_in(&d, WORKING, "A1");
    session_is_back();
    cr_assert(!is_asked(working));
}

/* The fill that was lost is not made up, and neither a cancel nor anything else ends the order without it. */
Test(routing_status, an_execution_that_was_lost_with_the_numbers_is_found_missing)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    lose_session();
    desk_renumber(&d, LP, false);
    session_is_back();
    cr_assert(is_asked(o));
    answer(o, '2', UNITS(100));
    cr_assert_eq(break_reason(), REASON_EXECUTIONS_MISSING);
    cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING);
    desk_cancel(&d, "C1", "A1");
    desk_cancel_reject(&d, o, LP, 1);
    cr_assert_eq(o->state, ORDER_WORKING, "not cancelled: it was filled");
    after(5000);
    cr_assert(is_asked(o), "until its executions are there");
    desk_fill(&d, o, UNITS(100), UNITS(2), "x");
    cr_assert_eq(o->state, ORDER_IS_FILLED);
    o = desk_order_in(&d, PARTLY, "A2");
    lose_session();
    desk_renumber(&d, LP, false);
    session_is_back();
    answer(o, '1', UNITS(40));
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED", "nothing was lost");
    cr_assert_eq(o->in_doubt, DOUBT_NONE);
}

/* The question itself was lost: it is asked when the session is back, though its numbers went on. */
Test(routing_status, a_question_that_did_not_reach_the_lp_is_asked_again)
{
    static const enum reason reasons[] = {REASON_SESSION_DOWN, REASON_LOST};
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    lose_session();
    desk_renumber(&d, LP, false);
    session_is_back();
    cr_assert(is_asked(o));
    for (unsigned i = 0; i < 2; i++) {
        lose_session();
        desk_unsent(&d, o, REF_STATUS, reasons[i]);
        cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATUS_ASKED");
        cr_assert_eq(
            ((const struct order_status_asked *)harness_find(&d.h, RECORD_ORDER_STATUS_ASKED))->head.dest,
            AGENT_NONE);
        desk_reload(&d);
        o = routing_order_by_cl_ord_id(d.state, TAKER, (const char[ID_TEXT_SIZE]){"A1"});
        session_is_back();
        cr_assert(is_asked(o));
    }
    desk_unsent(&d, o, REF_STATUS, REASON_ENCODE); /* asking again would not help */
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

Test(routing_status, an_order_released_since_is_not_asked_about)
{
    lose_session();
    session_is_back();
    cr_assert_eq(d.h.batches, 0, "there is none");
    desk_order_in(&d, SENT, "A1");
    after(0);
    cr_assert_eq(d.h.batches, 0);
}

Test(routing_status, what_was_answered_meanwhile_is_not_asked_about)
{
    const struct order *acknowledged = desk_order_in(&d, SENT, "A1"),
                       *rejected = desk_order_in(&d, SENT, "A2"), *open = desk_order_in(&d, SENT, "A3"),
                       *unsent = desk_order_in(&d, SENT, "A4");
    lose_session();
    desk_unsent(&d, unsent, REF_ORDER, REASON_SESSION_DOWN);
    desk_session(&d, LP, SESSION_UP);
    desk_say(&d, acknowledged, '0'); /* resent by the LP on its own */
    desk_say(&d, rejected, '8');
    desk_session(&d, LP, SESSION_SYNCED);
    after(0);
    cr_assert_eq(harness_count(&d.h, RECORD_ORDER_STATUS_ASKED), 1);
    cr_assert(is_asked(open));
}

Test(routing_status, many_are_asked_about_in_bounded_decisions_and_a_restart_forgets_none)
{
    struct settings settings = desk_settings();
    settings.orders_max = 512;
    desk_close(&d);
    desk_open_with(&d, settings);
    enum { ORDERS = 300 };
    for (unsigned i = 0; i < ORDERS; i++) {
        char id[8];
        snprintf(id, sizeof id, "A%u", i);
        desk_order_in(&d, SENT, id);
    }
    lose_session();
    desk_session(&d, LP, SESSION_UP);
    desk_session(&d, LP, SESSION_SYNCED);
    /* one decision of it, then the process dies */
    harness_step(&d.h);
    struct timer t;
    cr_assert(timer_pop_due(d.state->base.timers, d.h.now_ns, &t));
    cr_assert_eq(t.kind, TIMER_STATUS_ASK);
    emit_batch_begin(&d.h.emit, NULL);
    routing_timer_fired(&d.h.emit, &t);
    emit_batch_end(&d.h.emit);
    harness_absorb(&d.h);
    unsigned first = harness_count(&d.h, RECORD_ORDER_STATUS_ASKED);
    cr_assert(first > 0 && 2 * first <= DECISION_ENTITIES_MAX);
    desk_reload(&d);
    after(0);
    cr_assert_eq(first + harness_count(&d.h, RECORD_ORDER_STATUS_ASKED), ORDERS, "the rest, each once");
    cr_assert_eq(d.h.batches, (ORDERS - first + first - 1) / first);
    desk_reload(&d);
    after(0);
    cr_assert_eq(d.h.batches, 0);
}

Test(routing_status, a_session_lost_while_it_is_asked_is_asked_anew)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    lose_session();
    desk_session(&d, LP, SESSION_SYNCED);
    desk_session(&d, LP, SESSION_DOWN);
    after(0);
    cr_assert_eq(d.h.batches, 0, "it is down again before anything was asked");
    session_is_back();
    cr_assert(is_asked(o));
    struct gateway_unsent c = {.head = harness_head(RECORD_GATEWAY_UNSENT, LP),
                               .out = {.rfq = o->rfq, .ref = o->id, .ref_kind = REF_STATUS},
                               .reason = REASON_SESSION_DOWN};
    harness_decide(&d.h, AGENT_GATEWAY, LANE_ORDER, &c.head);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    cr_assert_eq(o->state, ORDER_SENT);
    lose_session();
    session_is_back();
    cr_assert(is_asked(o));
}

/* Of an order in doubt that was asked about. */
static const struct order *asked_order(const char *cl_ord_id)
{
    const struct order *o = desk_order_in(&d, IN_DOUBT, cl_ord_id);
    lose_session();
    session_is_back();
    cr_assert(is_asked(o));
    return o;
}

Test(routing_status, working_ends_the_doubt_and_the_cancel_goes_on)
{
    const struct order *o = asked_order("A1");
    answer(o, '0', 0);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_REPORT ORDER_UPDATE");
    cr_assert_eq(o->state, ORDER_WORKING);
    cr_assert_eq(o->in_doubt, DOUBT_NONE);
    cr_assert_eq(((const struct order_update *)harness_find(&d.h, RECORD_ORDER_UPDATE))->in_doubt, 0);
    after(5000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
    desk_say(&d, o, '4');
    cr_assert_eq(o->state, ORDER_CANCELLED);
}

Test(routing_status, working_without_a_cancel_is_cancelled_when_its_acknowledgement_would_have_been_due)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    lose_session();
    session_is_back();
    answer(o, '0', 0);
    cr_assert_eq(o->state, ORDER_WORKING);
    cr_assert_eq(o->cancel_asked, 0);
    after(1999);
    cr_assert_eq(d.h.batches, 0);
    after(1);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
    o = desk_order_in(&d, SENT, "A2");
    lose_session();
    session_is_back();
    answer(o, '0', 0);
    desk_fill(&d, o, UNITS(40), UNITS(2), "x1"); /* it is alive */
    cr_assert_eq(o->due_ns, 0);
}

Test(routing_status, pending_at_the_lp_settles_nothing)
{
    const struct order *o = asked_order("A1");
    answer(o, 'A', 0);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    cr_assert_eq(o->in_doubt, DOUBT_UNANSWERED);
}

Test(routing_status, ended_without_a_fill_ends_it)
{
    static const struct {
        char ord_status;
        enum order_status state;
    } rows[] = {{'4', ORDER_CANCELLED}, {'C', ORDER_CANCELLED}, {'8', ORDER_REJECTED}};
    for (unsigned i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "A%u", i);
        const struct order *o = asked_order(id);
        answer(o, rows[i].ord_status, 0);
        cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_REPORT ORDER_UPDATE");
        cr_assert_eq(o->state, rows[i].state);
        const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
        cr_assert(u->final && !u->in_doubt && u->filled_quantity == 0);
    }
}

Test(routing_status, unknown_to_the_lp_ends_it_whatever_the_lp_says_it_with)
{
    for (unsigned i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "A%u", i);
        const struct order *o = asked_order(id);
        struct command_execution c = status(o, '8', 0);
        c.reject_reason = 5;
        if (i == 1)
            c.exec_type = '8';
        if (i == 2)
            peer_rejects_status(o, 1, true); /* j: unknown id */
        else
            desk_execute(&d, &c);
        cr_assert_eq(o->state, ORDER_REJECTED, "way %u", i);
        cr_assert_eq(o->reason, REASON_TIMEOUT);
        cr_assert_eq(((const struct order_update *)harness_find(&d.h, RECORD_ORDER_UPDATE))->final, 1);
    }
    const struct order *o = desk_order_in(&d, SENT, "cancelled");
    desk_cancel(&d, "C1", "cancelled");
    lose_session();
    session_is_back();
    peer_rejects_status(o, 1, true);
    cr_assert_eq(o->state, ORDER_CANCELLED, "as the taker wanted");
}

Test(routing_status, an_lp_that_does_not_take_the_question_has_said_nothing)
{
    const struct order *o = asked_order("A1");
    peer_rejects_status(o, 3, true); /* unsupported message type */
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    peer_rejects_status(o, 1, false); /* a Reject's 1 is another thing: a required tag is missing */
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    cr_assert_eq(o->in_doubt, DOUBT_UNANSWERED);
    after(5000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED", "cancels go on");
    const struct order *working = desk_order_in(&d, WORKING, "A2");
    peer_rejects_status(working, 1, true); /* it has acknowledged it */
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

Test(routing_status, executions_that_are_missing_are_waited_for_and_never_made_up)
{
    const struct order *o = asked_order("A1");
    answer(o, '4', UNITS(40));
    cr_assert_str_eq(harness_shape(&d.h), "EXECUTION_BREAK ORDER_STATE ORDER_UPDATE");
    cr_assert_eq(break_reason(), REASON_EXECUTIONS_MISSING);
    for (unsigned i = 0; i < 3; i++) {
        after(5000);
        cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATUS_ASKED ORDER_CANCEL_ASKED");
        desk_reload(&d);
        o = routing_order_by_cl_ord_id(d.state, TAKER, (const char[ID_TEXT_SIZE]){"A1"});
        answer(o, '4', UNITS(40));
        cr_assert_str_eq(harness_shape(&d.h), "EXECUTION_BREAK");
        desk_cancel_reject(&d, o, LP, i ? 0 : 1); /* too late, or even unknown */
        cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING, "no end before the executions are there");
        cr_assert_eq(o->filled_quantity, 0);
        if (i == 0)
            cr_assert_eq(o->cancel_asked, 0);
        desk_cancel(&d, i ? "C2" : "C1", "A1");
    }
    desk_fill(&d, o, UNITS(30), UNITS(2), "x1"); /* resent, at last */
    cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING, "one of them");
    answer(o, '4', UNITS(40));
    cr_assert_eq(break_reason(), REASON_EXECUTIONS_MISSING);
    desk_fill(&d, o, UNITS(10), UNITS(2), "x2");
    cr_assert(!order_is_final(o));
    answer(o, '4', UNITS(40));
    cr_assert_eq(o->state, ORDER_CANCELLED);
    cr_assert_eq(o->filled_quantity, UNITS(40));
    cr_assert_eq(o->in_doubt, DOUBT_NONE);
}

Test(routing_status, an_lp_that_knows_the_order_no_more_takes_back_no_execution)
{
    const struct order *o = asked_order("A1");
    answer(o, '4', UNITS(40));
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned as_status = 0; as_status < 2; as_status++) {
            struct command_execution c = status(o, '8', o->filled_quantity);
            c.exec_type = as_status ? 'I' : '8';
            c.filled_quantity = as_status ? o->filled_quantity : 0;
            c.reject_reason = 5;
            desk_execute(&d, &c);
            cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED", "%u fills, status %u", i, as_status);
            cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING);
        }
        if (i == 0)
            desk_fill(&d, o, UNITS(30), UNITS(2), "x1");
    }
    after(5000);
    cr_assert_not_null(harness_find(&d.h, RECORD_ORDER_STATUS_ASKED), "it is asked again");
    desk_fill(&d, o, UNITS(10), UNITS(2), "x2");
    answer(o, '4', UNITS(40));
    cr_assert_eq(o->state, ORDER_CANCELLED);
    cr_assert_eq(o->filled_quantity, UNITS(40));
}

/* It was resent, or the LP checks late: what was executed is not undone by that. */
Test(routing_status, an_lp_that_rejects_the_order_itself_takes_back_no_execution)
{
    const struct order *o = asked_order("A1");
    answer(o, '4', UNITS(40));
    cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING);
    desk_peer_reject(&d, o, LP, REF_ORDER);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    cr_assert_eq(o->state, ORDER_SENT);
    cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING);
    desk_fill(&d, o, UNITS(40), UNITS(2), "x1");
    answer(o, '4', UNITS(40));
    cr_assert_eq(o->state, ORDER_CANCELLED);
    cr_assert_eq(o->filled_quantity, UNITS(40));
}

Test(routing_status, missing_executions_of_an_order_that_goes_on)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    answer(o, '1', UNITS(40));
    cr_assert_eq(break_reason(), REASON_EXECUTIONS_MISSING);
    desk_say(&d, o, '0');
    cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING, "that says nothing of them");
    lose_session();
    after(5000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE", "nobody to ask");
    session_is_back();
    cr_assert(is_asked(o), "at once");
    desk_fill(&d, o, UNITS(40), UNITS(2), "x1");
    cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING);
    answer(o, '1', UNITS(40));
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_UPDATE");
    cr_assert_eq(o->in_doubt, DOUBT_NONE);
    cr_assert_eq(o->state, ORDER_PARTLY_FILLED);
    cr_assert_eq(o->due_ns, 0);
    after(600000);
    cr_assert_eq(d.h.batches, 0);
}

Test(routing_status, missing_executions_that_fill_the_order_end_it)
{
    const struct order *o = asked_order("A1");
    answer(o, '2', UNITS(100));
    desk_fill(&d, o, UNITS(100), UNITS(2), "x1");
    cr_assert_eq(o->state, ORDER_IS_FILLED);
    cr_assert_eq(o->in_doubt, DOUBT_NONE);
    answer(o, '2', UNITS(100)); /* of the question before */
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

Test(routing_status, a_claim_that_the_lp_takes_back_is_its_last_word)
{
    const struct order *o = asked_order("A1");
    answer(o, '1', UNITS(40));
    answer(o, '0', 0);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_REPORT ORDER_UPDATE");
    cr_assert_eq(o->state, ORDER_WORKING);
    cr_assert_eq(o->in_doubt, DOUBT_NONE);
    after(5000);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
}

Test(routing_status, an_answer_said_again_settles_nothing)
{
    const struct order *o = asked_order("A1");
    struct command_execution old = status(o, '0', 0);
    old.poss_resend = 1;
    answer(o, '1', UNITS(40));
    desk_execute(&d, &old);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING);
    desk_fill(&d, o, UNITS(40), UNITS(2), "x1");
    answer(o, '1', UNITS(40));
    cr_assert_eq(o->in_doubt, DOUBT_NONE);
    desk_execute(&d, &old); /* less than we have: it was true once */
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    old.poss_resend = 0;
    desk_execute(&d, &old);
    cr_assert_eq(break_reason(), REASON_BAD_EXECUTION);
}

Test(routing_status, an_order_said_to_be_executed_is_never_sent_again)
{
    const struct order *o = desk_order_in(&d, PENDING_TRIED, "A1");
    answer(o, '1', UNITS(40));
    cr_assert_eq(o->state, ORDER_SENT);
    after(600);
    cr_assert_null(harness_find(&d.h, RECORD_ORDER_RELEASED));
}

Test(routing_status, an_answer_that_comes_when_the_order_has_left_memory_is_no_break)
{
    const struct order *o = asked_order("A1");
    struct command_execution c = status(o, '4', 0);
    desk_say(&d, o, '4');
    after(61000);
    cr_assert_eq(table_count(d.state->orders), 0);
    desk_execute(&d, &c);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    c.exec_type = c.ord_status = '8';
    c.reject_reason = 5;
    desk_execute(&d, &c);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    c.exec_type = '4';
    desk_execute(&d, &c);
    cr_assert_str_eq(harness_shape(&d.h), "EXECUTION_BREAK");
}

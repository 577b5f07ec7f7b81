/* Cancels: who may, when, and what becomes of one that crosses something else. */
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

TestSuite(routing_cancel, .init = open_desk, .fini = close_desk);

static const struct order_cancel_refused *refused(uint32_t cancel_reason)
{
    const struct order_cancel_refused *r = harness_find(&d.h, RECORD_ORDER_CANCEL_REFUSED);
    cr_assert_not_null(r, "%s", harness_shape(&d.h));
    cr_assert_eq(r->cancel_reason, cancel_reason, "102=%u", r->cancel_reason);
    cr_assert_eq(r->head.session, TAKER);
    cr_assert_eq(r->out.must_reach, 1);
    return r;
}

static const struct order_update *updated(enum order_status state, unsigned cancelled_for)
{
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_not_null(u, "%s", harness_shape(&d.h));
    cr_assert_eq(u->state, state);
    cr_assert_eq(u->cancelled_for, cancelled_for);
    return u;
}

Test(routing_cancel, of_the_taker_does_what_the_table_says_in_every_state)
{
    static const struct {
        const char *shape;
        uint32_t refused; /* 102, where it is */
    } table[DESK_CASES] = {
        [AWAITING] = {"ORDER_CANCEL_ASKED"},
        [PENDING_TRIED] = {"ORDER_CANCEL_ASKED ORDER_STATE ORDER_REPORT ORDER_UPDATE"},
        [SENT] = {"ORDER_CANCEL_ASKED"},
        [IN_DOUBT] = {"ORDER_CANCEL_ASKED"},
        [WORKING] = {"ORDER_CANCEL_ASKED"},
        [PARTLY] = {"ORDER_CANCEL_ASKED"},
        [FILLED] = {"ORDER_CANCEL_REFUSED", 0},
        [CANCELLED] = {"ORDER_CANCEL_REFUSED", 0},
        [REJECTED] = {"ORDER_CANCEL_REFUSED", 0},
    };
    for (unsigned state = 0; state < DESK_CASES; state++) {
        char id[16], cancel[16], second[16];
        snprintf(id, sizeof id, "A%u", state);
        snprintf(cancel, sizeof cancel, "C%u", state);
        snprintf(second, sizeof second, "D%u", state);
        const struct order *o = desk_order_in(&d, (enum desk_case)state, id);
        desk_cancel(&d, cancel, id);
        cr_assert_str_eq(harness_shape(&d.h), table[state].shape, "%s: %s", desk_case_names[state],
                         harness_shape(&d.h));
        if (strcmp(table[state].shape, "ORDER_CANCEL_REFUSED") == 0) {
            refused(table[state].refused);
            continue;
        }
        cr_assert_str_eq(o->cancel_id, cancel);
        const struct order_cancel_asked *ev = harness_find(&d.h, RECORD_ORDER_CANCEL_ASKED);
        bool goes = o->state == ORDER_SENT || o->state == ORDER_WORKING || o->state == ORDER_PARTLY_FILLED;
        cr_assert_eq(ev->head.dest, goes ? AGENT_GATEWAY : AGENT_NONE);
        cr_assert_eq(ev->attempt != 0, goes);
        if (goes) {
            cr_assert_eq(ev->head.session, LP);
            cr_assert_eq(ev->out.ref_kind, REF_CANCEL);
        }
        desk_cancel(&d, second, id);
        refused(order_is_final(o) ? 0 : 3);
        if (!order_is_final(o))
            cr_assert_str_eq(o->cancel_id, cancel, "the first cancel stands");
    }
    desk_cancel(&d, "C", "nothing");
    cr_assert_eq(refused(1)->order, 0);
    desk_order_in(&d, WORKING, "W");
    desk_cancel(&d, "A0", "W"); /* a ClOrdID that an order has */
    refused(6);
}

Test(routing_cancel, that_the_lp_takes_is_reported_under_its_own_cl_ord_id)
{
    const struct order *o = desk_order_in(&d, PARTLY, "A1");
    desk_cancel(&d, "C1", "A1");
    desk_say(&d, o, '6');
    desk_say(&d, o, '4');
    const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
    cr_assert_eq(r->exec_type, '4');
    cr_assert_str_eq(r->cl_ord_id, "C1");
    cr_assert_str_eq(r->orig_cl_ord_id, "A1");
    cr_assert_eq(r->filled_quantity, UNITS(40));
    cr_assert_eq(r->leaves_quantity, 0);
    const struct order_update *u = updated(ORDER_CANCELLED, 2);
    cr_assert_eq(u->final, 1);
    cr_assert_eq(u->filled_quantity, UNITS(40));
    cr_assert_eq(u->reason, REASON_TAKER_REQUEST);
}

Test(routing_cancel, that_crosses_the_last_fill_ends_in_the_fill)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    desk_cancel(&d, "C1", "A1");
    desk_fill(&d, o, UNITS(100), UNITS(2), "x");
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_FILLED ORDER_REPORT ORDER_CANCEL_REFUSED ORDER_UPDATE");
    cr_assert_str_eq(refused(0)->cl_ord_id, "C1");
    cr_assert_str_eq(refused(0)->orig_cl_ord_id, "A1");
    cr_assert_eq(o->state, ORDER_IS_FILLED);
    desk_cancel_reject(&d, o, LP, 0); /* the LP's own answer: the taker has one already */
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

Test(routing_cancel, that_crosses_a_part_fill_still_waits_for_its_answer)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    desk_cancel(&d, "C1", "A1");
    desk_fill(&d, o, UNITS(30), UNITS(2), "x");
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_FILLED ORDER_REPORT ORDER_UPDATE");
    cr_assert_eq(o->cancel_asked, 2);
    cr_assert_neq(o->due_ns, 0);
    desk_say(&d, o, '4');
    cr_assert_eq(o->state, ORDER_CANCELLED);
    cr_assert_eq(o->filled_quantity, UNITS(30));
}

Test(routing_cancel, refused_by_the_lp_leaves_the_order_going_and_may_be_asked_again)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    desk_cancel(&d, "C1", "A1");
    desk_cancel_reject(&d, o, LP, 0);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_REFUSED ORDER_STATE ORDER_UPDATE");
    cr_assert_str_eq(refused(0)->cl_ord_id, "C1");
    cr_assert_eq(o->state, ORDER_WORKING);
    cr_assert_eq(o->cancel_asked, 0);
    cr_assert_eq(o->cancel_id[0], 0);
    cr_assert_eq(o->due_ns, 0);
    desk_cancel(&d, "C2", "A1");
    const struct order_cancel_asked *ev = harness_find(&d.h, RECORD_ORDER_CANCEL_ASKED);
    cr_assert_eq(ev->attempt, 2);
}

Test(routing_cancel, answered_already_pending_stays_open)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    desk_cancel(&d, "C1", "A1");
    desk_cancel_reject(&d, o, LP, 3);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    cr_assert_eq(o->cancel_asked, 2);
}

Test(routing_cancel, answered_unknown_order_ends_it_where_nothing_was_executed)
{
    static const struct {
        enum desk_case state;
        bool by_taker;
        enum order_status end;
    } cases[] = {
        {SENT, true, ORDER_CANCELLED},
        {WORKING, true, ORDER_CANCELLED},
        {IN_DOUBT, false, ORDER_REJECTED},
        {IN_DOUBT, true, ORDER_CANCELLED},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[16], cancel[16];
        snprintf(id, sizeof id, "A%u", i);
        snprintf(cancel, sizeof cancel, "C%u", i);
        const struct order *o = desk_order_in(&d, cases[i].state, id);
        if (cases[i].by_taker)
            desk_cancel(&d, cancel, id);
        desk_cancel_reject(&d, o, LP, 1);
        cr_assert_eq(o->state, cases[i].end, "case %u", i);
        const struct order_update *u = updated(cases[i].end, cases[i].by_taker ? 2 : 1);
        cr_assert_eq(u->final, 1);
        cr_assert_eq(u->reason, cases[i].by_taker ? REASON_TAKER_REQUEST : REASON_LP_DEFAULT);
    }
    const struct order *o = desk_order_in(&d, PARTLY, "P");
    desk_cancel(&d, "PC", "P");
    desk_cancel_reject(&d, o, LP, 1);
    cr_assert_eq(o->state, ORDER_PARTLY_FILLED, "it has executed: it cannot be unknown");
    refused(1);
}

Test(routing_cancel, reject_that_nobody_waits_for_changes_nothing)
{
    for (unsigned state = 0; state < DESK_CASES; state++) {
        char id[16];
        snprintf(id, sizeof id, "A%u", state);
        const struct order *o = desk_order_in(&d, (enum desk_case)state, id);
        desk_cancel_reject(&d, o, OTHER, 1);
        cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED", "%s: from another LP", desk_case_names[state]);
        if (state == IN_DOUBT)
            continue; /* there a cancel is open */
        desk_cancel_reject(&d, o, state == AWAITING ? SESSION_NONE : LP, 1);
        cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED", "%s", desk_case_names[state]);
    }
}

Test(routing_cancel, while_the_award_is_not_known_is_answered_with_it)
{
    const struct order *o = desk_ask(&d, "A1");
    desk_cancel(&d, "C1", "A1");
    struct rfq_awarded award = desk_award_record(&d, o->id, "");
    desk_award(&d, &award);
    cr_assert_null(harness_find(&d.h, RECORD_ORDER_RELEASED));
    const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
    cr_assert_eq(r->exec_type, '4');
    cr_assert_str_eq(r->cl_ord_id, "C1");
    cr_assert_eq(updated(ORDER_CANCELLED, 2)->final, 1);

    o = desk_ask(&d, "A2");
    desk_cancel(&d, "C2", "A2");
    struct accept_refused c = {.head = harness_head(RECORD_ACCEPT_REFUSED, SESSION_NONE),
                               .order = o->id,
                               .reason = REASON_ALREADY_AWARDED};
    harness_decide(&d.h, AGENT_DISTRIBUTION, LANE_ENGINE, &c.head);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_REPORT ORDER_CANCEL_REFUSED");
    cr_assert_str_eq(refused(0)->cl_ord_id, "C2");
}

Test(routing_cancel, of_the_rfq_does_what_the_table_says_in_every_state)
{
    static const char *const table[DESK_CASES] = {
        [PENDING_TRIED] = "ORDER_CANCEL_ASKED ORDER_STATE ORDER_REPORT ORDER_UPDATE",
        [SENT] = "ORDER_CANCEL_ASKED",
        [IN_DOUBT] = "ORDER_CANCEL_ASKED",
        [WORKING] = "ORDER_CANCEL_ASKED",
        [PARTLY] = "ORDER_CANCEL_ASKED",
        [FILLED] = "ROUTING_NOTED",
        [CANCELLED] = "ROUTING_NOTED",
        [REJECTED] = "ROUTING_NOTED",
    };
    for (unsigned state = PENDING_TRIED; state < DESK_CASES; state++) {
        char id[16], cancel[16];
        snprintf(id, sizeof id, "A%u", state);
        snprintf(cancel, sizeof cancel, "C%u", state);
        const struct order *o = desk_order_in(&d, (enum desk_case)state, id);
        desk_rfq_cancel(&d, o);
        cr_assert_str_eq(harness_shape(&d.h), table[state], "%s", desk_case_names[state]);
        if (order_is_final(o))
            continue;
        cr_assert_eq(o->cancel_asked, 3);
        desk_cancel(&d, cancel, id);
        refused(3);
        desk_rfq_cancel(&d, o);
        cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
        cr_assert_eq(o->rfq_waits, 0);
        desk_say(&d, o, '4');
        cr_assert_eq(updated(ORDER_CANCELLED, 3)->final, 1);
        const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
        cr_assert_str_eq(r->cl_ord_id, id);
        cr_assert_eq(r->orig_cl_ord_id[0], 0);
    }
    struct order none = {.id = 99, .award = 99};
    desk_rfq_cancel(&d, &none);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

Test(routing_cancel, of_the_rfq_refused_by_the_lp_is_told_to_distribution_only)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    desk_rfq_cancel(&d, o);
    desk_cancel_reject(&d, o, LP, 0);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_UPDATE");
    cr_assert_eq(updated(ORDER_WORKING, 0)->final, 0);
    cr_assert_eq(updated(ORDER_WORKING, 0)->cancel_refused, 1);
    desk_rfq_cancel(&d, o); /* it may be asked again */
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
    desk_peer_reject(&d, o, LP, REF_CANCEL);
    cr_assert_eq(updated(ORDER_WORKING, 0)->cancel_refused, 1);
}

/* What the taker, or the time to acknowledge, asked for says nothing of the RFQ's, which may be on its way.
 */
Test(routing_cancel, of_others_refused_by_the_lp_is_not_the_rfqs)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    desk_cancel(&d, "C1", "A1");
    desk_cancel_reject(&d, o, LP, 0);
    cr_assert_eq(updated(ORDER_WORKING, 0)->cancel_refused, 0);
    o = desk_order_in(&d, IN_DOUBT, "A2");
    desk_cancel_reject(&d, o, LP, 0);
    cr_assert_eq(updated(ORDER_WORKING, 0)->cancel_refused, 0);
}

Test(routing_cancel, of_the_rfq_waits_behind_the_takers_and_is_asked_when_that_is_refused)
{
    static const enum desk_case cases[] = {SENT, WORKING, PARTLY, IN_DOUBT};
    for (unsigned i = 0; i < 8; i++) {
        char id[16], cancel[16];
        bool by_peer_reject = i >= 4;
        snprintf(id, sizeof id, "A%u", i);
        snprintf(cancel, sizeof cancel, "C%u", i);
        const struct order *o = desk_order_in(&d, cases[i % 4], id);
        uint64_t order = o->id;
        desk_cancel(&d, cancel, id);
        desk_rfq_cancel(&d, o);
        cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
        const struct order_cancel_asked *ev = harness_find(&d.h, RECORD_ORDER_CANCEL_ASKED);
        cr_assert(ev->head.dest == AGENT_NONE && ev->rfq_waits && ev->asked_for == CANCEL_BY_TAKER);
        cr_assert_str_eq(o->cancel_id, cancel, "the taker's is the one that is open");
        desk_rfq_cancel(&d, o);
        cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
        desk_reload(&d);
        o = routing_order(d.state, order);
        if (by_peer_reject)
            desk_peer_reject(&d, o, LP, REF_CANCEL);
        else
            desk_cancel_reject(&d, o, LP, 0);
        cr_assert_str_eq(refused(by_peer_reject ? 99 : 0)->cl_ord_id, cancel);
        cr_assert_eq(o->cancel_asked, CANCEL_BY_RFQ, "case %u", i);
        cr_assert_eq(o->rfq_waits, 0);
        cr_assert(!updated((enum order_status)o->state, CANCEL_BY_RFQ)->cancel_refused, "case %u", i);
        if (o->in_doubt) { /* as any cancel of an order in doubt: asked when due, whatever was said */
            desk_peer_reject(&d, o, LP, REF_CANCEL);
            cr_assert_eq(o->cancel_asked, CANCEL_BY_RFQ);
            harness_advance(&d.h, d.h.now_ns + 5000 * MS);
        }
        ev = harness_find(&d.h, RECORD_ORDER_CANCEL_ASKED);
        cr_assert(ev && ev->head.dest == AGENT_GATEWAY && ev->asked_for == CANCEL_BY_RFQ, "case %u", i);
        desk_cancel_reject(&d, o, LP, 0);
        cr_assert(updated((enum order_status)o->state, 0)->cancel_refused, "case %u", i);
    }
}

Test(routing_cancel, of_the_rfq_that_waits_goes_on_waiting_while_the_takers_is_asked_again)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    desk_cancel(&d, "C1", "A1");
    desk_rfq_cancel(&d, o);
    harness_advance(&d.h, d.h.now_ns + 5000 * MS);
    const struct order_cancel_asked *ev = harness_find(&d.h, RECORD_ORDER_CANCEL_ASKED);
    cr_assert(ev && ev->rfq_waits && ev->attempt == 2);
    cr_assert_eq(o->rfq_waits, 1);
    desk_say(&d, o, '4');
    cr_assert_eq(updated(ORDER_CANCELLED, 2)->reason, REASON_TAKER_REQUEST);
}

Test(routing_cancel, peer_reject_of_what_we_sent)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    desk_peer_reject(&d, o, TAKER, REF_ORDER); /* of a report about it */
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    desk_peer_reject(&d, o, LP, REF_ORDER);
    cr_assert_eq(o->state, ORDER_REJECTED);
    cr_assert_eq(updated(ORDER_REJECTED, 0)->reason, REASON_LP_REJECTED_ORDER);
    cr_assert_str_eq(((const struct order_report *)harness_find(&d.h, RECORD_ORDER_REPORT))->text, "bad tag");
    desk_peer_reject(&d, o, LP, REF_ORDER);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");

    o = desk_order_in(&d, WORKING, "A2");
    desk_cancel(&d, "C2", "A2");
    desk_peer_reject(&d, o, LP, REF_CANCEL);
    cr_assert_str_eq(refused(99)->cl_ord_id, "C2");
    cr_assert_eq(o->state, ORDER_WORKING);
    cr_assert_eq(o->cancel_asked, 0);

    o = desk_order_in(&d, SENT, "A3"); /* the reject says nothing of the order: it stays due */
    uint64_t due_ns = o->due_ns;
    desk_cancel(&d, "C3", "A3");
    desk_peer_reject(&d, o, LP, REF_CANCEL);
    cr_assert_eq(o->state, ORDER_SENT);
    cr_assert_eq(o->due_ns, due_ns);

    o = desk_order_in(&d, IN_DOUBT, "A4"); /* nor does it end the doubt */
    desk_cancel(&d, "C4", "A4");
    d.h.now_ns += MS;
    desk_peer_reject(&d, o, LP, REF_CANCEL);
    refused(99);
    cr_assert_eq(o->in_doubt, 1);
    cr_assert_eq(o->cancel_asked, 1);
    cr_assert_eq(o->due_ns, d.h.now_ns + 5000 * MS);
}

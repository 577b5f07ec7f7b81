/* Orders of takers and awards: what becomes an order at an LP, and what is refused. */
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

TestSuite(routing_accept, .init = open_desk, .fini = close_desk);

static void expect_refused(enum reason reason, uint32_t reject_reason)
{
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_REPORT");
    const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
    cr_assert_eq(r->exec_type, '8');
    cr_assert_eq(r->ord_status, '8');
    cr_assert_eq(r->reason, reason);
    cr_assert_eq(r->reject_reason, reject_reason);
    cr_assert_eq(r->head.dest, AGENT_GATEWAY);
    cr_assert_eq(r->head.session, TAKER);
    cr_assert_eq(r->out.must_reach, 1);
    cr_assert_neq(r->text[0], 0);
}

Test(routing_accept, order_on_a_quote_asks_distribution)
{
    const struct order *o = desk_ask(&d, "A1");
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CREATED");
    const struct order_created *ev = harness_find(&d.h, RECORD_ORDER_CREATED);
    cr_assert_eq(ev->head.dest, AGENT_DISTRIBUTION);
    cr_assert_eq(ev->head.lane, LANE_ENGINE);
    cr_assert_eq(ev->quote, 0x77);
    cr_assert_str_eq(ev->quote_id, "Q77");
    cr_assert_eq(o->state, ORDER_AWAITING);
    cr_assert_eq(o->by_order, 1);
    cr_assert_eq(routing_order_by_cl_ord_id(d.state, TAKER, o->cl_ord_id), o);
    cr_assert_null(routing_order_by_cl_ord_id(d.state, OTHER, o->cl_ord_id));
}

Test(routing_accept, refuses_what_is_no_acceptance_by_name)
{
    struct command_order c = desk_order_command("A1");
    c.ord_type = '2';
    desk_order(&d, &c);
    expect_refused(REASON_ORDER_TYPE, 11);
    c = desk_order_command("A1");
    memset(c.quote_id, 0, sizeof c.quote_id);
    desk_order(&d, &c);
    expect_refused(REASON_ORDER_TYPE, 11);
    const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
    cr_assert_str_eq(r->text, "only previously quoted orders with QuoteID are accepted");
    c = desk_order_command("A1");
    c.quantity = 0;
    desk_order(&d, &c);
    expect_refused(REASON_WRONG_QUANTITY, 13);
    cr_assert_eq(table_count(d.state->orders), 0);
}

Test(routing_accept, each_refusal_has_an_execution_id_of_its_own)
{
    struct command_order c = desk_order_command("A1");
    c.ord_type = '2';
    uint64_t last = 0;
    for (unsigned i = 0; i < 5; i++) {
        desk_order(&d, &c);
        const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
        cr_assert_gt(r->order, last);
        last = r->order;
    }
    cr_assert_gt(desk_ask(&d, "A2")->id, last);
}

Test(routing_accept, cl_ord_id_seen_before_is_refused_and_a_resend_is_told_the_state)
{
    const struct order *o = desk_order_in(&d, PARTLY, "A1");
    struct command_order c = desk_order_command("A1");
    desk_order(&d, &c);
    expect_refused(REASON_DUPLICATE_CLORDID, 6);
    cr_assert_neq(((const struct order_report *)harness_find(&d.h, RECORD_ORDER_REPORT))->order, o->id);

    uint32_t reports = o->reports;
    c.poss_resend = 1;
    desk_order(&d, &c);
    const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
    cr_assert_eq(r->exec_type, 'I');
    cr_assert_eq(r->ord_status, '1');
    cr_assert_eq(r->order, o->id);
    cr_assert_eq(r->report, reports + 1);
    cr_assert_eq(r->filled_quantity, UNITS(40));
    cr_assert_eq(r->leaves_quantity, UNITS(60));
    cr_assert_eq(o->reports, reports + 1);

    c.head.session = OTHER; /* another taker's ClOrdIDs are its own */
    desk_order(&d, &c);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CREATED");
}

Test(routing_accept, without_room_for_order_and_fill_it_is_refused)
{
    for (unsigned i = 0; i < d.settings.orders_max; i++) {
        char id[16];
        snprintf(id, sizeof id, "A%u", i);
        desk_ask(&d, id);
    }
    struct command_order c = desk_order_command("B");
    desk_order(&d, &c);
    expect_refused(REASON_LIMIT, 3);
    struct rfq_awarded award = desk_award_record(&d, 0, "");
    desk_award(&d, &award);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_REPORT ORDER_UPDATE");
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->award, award.award);
    cr_assert_eq(u->final, 1);
    cr_assert_eq(u->reason, REASON_REFUSED_BY_CONTROLS);
}

Test(routing_accept, refusal_of_the_acceptance_ends_the_order)
{
    const struct order *o = desk_ask(&d, "A1");
    struct accept_refused c = {.head = harness_head(RECORD_ACCEPT_REFUSED, SESSION_NONE),
                               .order = o->id,
                               .reason = REASON_QUOTE_EXPIRED,
                               .text = "quote Q77 has expired"};
    harness_decide(&d.h, AGENT_DISTRIBUTION, LANE_ENGINE, &c.head);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_REPORT"); /* no award: distribution knows */
    const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
    cr_assert_eq(r->exec_type, '8');
    cr_assert_eq(r->reason, REASON_QUOTE_EXPIRED);
    cr_assert_str_eq(r->text, "quote Q77 has expired");
    cr_assert_str_eq(r->cl_ord_id, "A1");
    cr_assert_eq(o->state, ORDER_REJECTED);
    harness_decide(&d.h, AGENT_DISTRIBUTION, LANE_ENGINE, &c.head);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

Test(routing_accept, award_of_a_waiting_order_releases_it)
{
    const struct order *o = desk_ask(&d, "A1");
    struct rfq_awarded award = desk_award_record(&d, o->id, "");
    desk_award(&d, &award);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_STATE ORDER_RELEASED ORDER_UPDATE");
    const struct order_released *r = harness_find(&d.h, RECORD_ORDER_RELEASED);
    cr_assert_eq(r->head.dest, AGENT_GATEWAY);
    cr_assert_eq(r->head.lane, LANE_ENGINE);
    cr_assert_eq(r->head.session, LP);
    cr_assert_eq(r->out.must_reach, 0);
    cr_assert_eq(r->out.expires_ns, award.valid_until_ns);
    cr_assert_eq(r->out.ref, o->id);
    cr_assert_eq(r->out.ref_kind, REF_ORDER);
    cr_assert_eq(r->due_ns, d.h.now_ns + 2000 * MS);
    cr_assert_str_eq(r->lp_quote_id, "lpq");
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->head.dest, AGENT_DISTRIBUTION);
    cr_assert_eq(u->order, o->id);
    cr_assert_eq(u->state, ORDER_SENT);
    cr_assert_eq(u->final, 0);
    cr_assert_eq(o->state, ORDER_SENT);
    cr_assert_eq(o->lp_session, LP);
    cr_assert_eq(o->award, award.award);
    cr_assert_eq(routing_order_by_award(d.state, award.award), o);
    desk_award(&d, &award);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED"); /* one award, one order */
}

Test(routing_accept, award_of_an_aj_makes_the_order_and_our_name_stands_in_for_a_missing_cl_ord_id)
{
    struct rfq_awarded award = desk_award_record(&d, 0, "");
    desk_award(&d, &award);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CREATED ORDER_RELEASED ORDER_UPDATE");
    const struct order *o = routing_order_by_award(d.state, award.award);
    cr_assert_eq(o->by_order, 0);
    desk_say(&d, o, '0');
    const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
    char name[ID_TEXT_SIZE];
    name_print('O', o->id, name);
    cr_assert_str_eq(r->cl_ord_id, name);
    desk_cancel(&d, "C1", name); /* and by it the taker can cancel */
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CANCEL_ASKED");
}

Test(routing_accept, aj_with_a_cl_ord_id_seen_before_gives_the_award_back)
{
    desk_ask(&d, "A1");
    struct rfq_awarded award = desk_award_record(&d, 0, "A1");
    desk_award(&d, &award);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_REPORT ORDER_UPDATE");
    cr_assert_eq(((const struct order_report *)harness_find(&d.h, RECORD_ORDER_REPORT))->reject_reason, 6);
    cr_assert_eq(((const struct order_update *)harness_find(&d.h, RECORD_ORDER_UPDATE))->final, 1);
}

Test(routing_accept, quote_that_expired_in_flight_is_not_released)
{
    struct rfq_awarded award = desk_award_record(&d, 0, "A1");
    award.valid_until_ns = d.h.now_ns; /* at now ≥ limit it is late */
    desk_award(&d, &award);
    cr_assert_str_eq(harness_shape(&d.h), "ORDER_CREATED ORDER_STATE ORDER_REPORT ORDER_UPDATE");
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->final, 1);
    cr_assert_eq(u->state, ORDER_REJECTED);
    cr_assert_eq(u->reason, REASON_QUOTE_EXPIRED_IN_FLIGHT);
    cr_assert_eq(u->filled_quantity, 0);
}

Test(routing_accept, unknown_items_are_noted)
{
    struct command_quote c = {.head = harness_head(RECORD_COMMAND_QUOTE, LP)};
    harness_decide(&d.h, AGENT_GATEWAY, LANE_ORDER, &c.head);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

Test(routing_accept, session_states_are_kept_and_losses_counted)
{
    desk_session(&d, LP, SESSION_DOWN);
    desk_session(&d, LP, SESSION_DOWN); /* fences on other lanes */
    desk_session(&d, LP, SESSION_DOWN);
    desk_session(&d, LP, SESSION_UP);
    const struct routing_session *s = routing_session(d.state, LP);
    cr_assert_eq(s->state, SESSION_UP);
    cr_assert_eq(s->lost, 1);
    cr_assert_null(routing_session(d.state, 77));
    desk_session(&d, SESSIONS_MAX, SESSION_UP);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

Test(routing_accept, a_start_gives_a_new_epoch_and_settings_only_where_they_differ)
{
    uint64_t before = desk_ask(&d, "A1")->id;
    struct engine_setup setup = {.settings = d.settings};
    harness_start(&d.h, routing_start, &setup);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_STARTED");
    cr_assert_gt(desk_ask(&d, "A2")->id, before);
    setup.settings.order_ack_timeout_ns++;
    harness_start(&d.h, routing_start, &setup);
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_STARTED ROUTING_SETTINGS_SET");
    cr_assert_eq(routing_settings(d.state)->order_ack_timeout_ns, setup.settings.order_ack_timeout_ns);
    setup.settings.order_ack_timeout_ns++;
    harness_start(&d.h, routing_start, &setup);
    cr_assert_eq(routing_settings(d.state)->order_ack_timeout_ns, setup.settings.order_ack_timeout_ns);
}

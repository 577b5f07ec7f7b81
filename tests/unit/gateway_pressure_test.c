/* Back-pressure: what happens when lanes or the ring are full. */
#include "dataplane/core/decimal.h"
#include "tests/unit/gateway_harness.h"

static struct world *world_up(void)
{
    struct world *w = world_new(21);
    world_start(w);
    world_logon(w, TAKER);
    world_logon(w, LP);
    world_drain(w);
    return w;
}

Test(gateway_pressure, a_full_request_lane_stops_the_taker_and_goes_on_without_a_loss)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    enum { REQUESTS = 6000 };
    for (unsigned i = 0; i < REQUESTS; i++) {
        peer_send(p, "35=R|131=req-%u|146=1|55=EURUSD|38=1|", i);
        if (i % 50 == 0)
            world_run(w, MILLISECOND / 10);
    }
    world_run(w, 20 * MILLISECOND);
    uint64_t taken = gateway_session(w->state, TAKER)->next_in;
    cr_assert_lt(taken, REQUESTS);
    cr_assert_gt(counted(w, "rfqd_gateway_lane_waits_total", "gateway=\"0\""), 0);
    cr_assert_leq(lane_used(w->request), LANE_SIZE_MIN / 2,
                  "the other half is kept for what is more important");
    /* It can still be told of a loss: an LP that goes down, an unsent quote. */
    port_close(w->peers[LP].port, w->peers[LP].conn);
    world_run(w, 5 * MILLISECOND);
    cr_assert_eq(gateway_session(w->state, LP)->state, SESSION_DOWN);
    unsigned next = 0;
    for (unsigned turn = 0; next < REQUESTS && turn < 200; turn++) {
        const struct lane_item *item;
        while ((item = lane_take(w->request)) != NULL) {
            const struct command_quote_request *c = (const void *)&item->record;
            char id[16];
            cr_assert_eq(c->head.type, RECORD_COMMAND_QUOTE_REQUEST);
            snprintf(id, sizeof id, "req-%u", next++);
            cr_assert_str_eq(c->request_id, id);
        }
        world_run(w, MILLISECOND);
    }
    cr_assert_eq(next, REQUESTS);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out);
    world_free(w);
}

Test(gateway_pressure, a_full_quote_lane_refuses_quotes_but_lets_executions_through)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[LP];
    unsigned sent = 0;
    for (; counted(w, "rfqd_fix_busy_total", "session=\"L1\"") == 0; sent++) {
        cr_assert_lt(sent, 10000);
        peer_send(p, "35=S|131=R%X|117=lpq-%u|55=EURUSD|132=1|", sent + 1, sent);
        if (sent % 50 == 0)
            world_run(w, MILLISECOND);
    }
    world_run(w, 5 * MILLISECOND);
    peer_send(p, "35=8|37=l|11=O1F|17=e|150=F|39=2|55=EURUSD|54=1|32=1|31=1|151=0|14=1|6=1|");
    peer_send(p, "35=Z|131=R1|117=lpq-0|298=1|");
    world_run(w, 5 * MILLISECOND);
    lane_expect(w->order, RECORD_COMMAND_EXECUTION);
    unsigned refused = 0;
    for (const char *m; (m = peer_next(p)) != NULL; refused++) {
        cr_assert(field_is(m, 35, "AI") && field_is(m, 297, "5") && field_is(m, 58, "busy"), "%s", m);
        cr_assert(field(m, 117) && field(m, 131) && field_is(m, 55, "EURUSD"));
    }
    cr_assert_eq(refused, counted(w, "rfqd_fix_busy_total", "session=\"L1\""));
    unsigned quotes = 0, cancels = 0;
    const struct lane_item *item;
    while ((item = lane_take(w->quote)) != NULL) {
        quotes += item->record.type == RECORD_COMMAND_QUOTE;
        cancels += item->record.type == RECORD_COMMAND_QUOTE_CANCEL;
    }
    cr_assert_eq(quotes + refused, sent);
    cr_assert_eq(cancels, 1, "a withdrawal has room where a quote has not");
    cr_assert_eq(gateway_session(w->state, LP)->next_in, p->next_out, "each is recorded");
    world_free(w);
}

Test(gateway_pressure, a_full_ring_stops_reading_and_nothing_is_lost)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    w->log_stands = true; /* the log agent does not merge: the disk hangs */
    enum { REQUESTS = 12000 };
    unsigned sent = 0, next = 0;
    for (; sent < REQUESTS; sent++) {
        peer_send(p, "35=R|131=req-%u|146=1|55=EURUSD|38=1|", sent);
        if (sent % 50 == 0) {
            world_run(w, MILLISECOND / 10);
            for (const struct lane_item *item; (item = lane_take(w->request)) != NULL;)
                next++;
        }
    }
    world_run(w, 10 * MILLISECOND);
    lane_drain(w->request);
    uint64_t at_rest = gateway_session(w->state, TAKER)->next_in;
    cr_assert_lt(at_rest, p->next_out);
    cr_assert_leq(w->ring.write - atomic_load(&w->ring.shared->head), RING_SIZE_MIN / 2 + 4096);
    cr_assert_gt(counted(w, "rfqd_gateway_ring_waits_total", "gateway=\"0\""), 0);
    /* What is more important still passes. */
    peer_send(&w->peers[LP], "35=8|37=l|11=O1F|17=e|150=F|39=2|55=EURUSD|54=1|32=1|31=1|151=0|14=1|6=1|");
    world_run(w, 5 * MILLISECOND);
    lane_expect(w->order, RECORD_COMMAND_EXECUTION);
    w->log_stands = false;
    for (unsigned turn = 0; turn < 100; turn++) {
        world_run(w, MILLISECOND);
        lane_drain(w->request);
    }
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out);
    world_free(w);
}

Test(gateway_pressure, an_event_without_room_stays_in_its_lane)
{
    struct world *w = world_up();
    w->log_stands = true;
    unsigned put = 0;
    struct order_report ev = {.out = {.rfq = 3, .ref = 1, .ref_kind = REF_ORDER, .must_reach = 1},
                              .order = 1,
                              .exec_type = '0',
                              .ord_status = '0',
                              .side = '1',
                              .symbol = "EURUSD"};
    for (unsigned i = 0; i < 9000; i++) {
        if (lane_room(w->from_routing, 1024, 0)) {
            ev.order = ++put;
            EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
        }
        if (i % 100 == 0)
            world_run(w, MILLISECOND);
    }
    world_run(w, 5 * MILLISECOND);
    cr_assert_not_null(lane_peek(w->from_routing), "more was given than the ring holds");
    w->log_stands = false;
    for (unsigned turn = 0; turn < 50; turn++)
        world_run(w, MILLISECOND);
    cr_assert_null(lane_peek(w->from_routing));
    for (unsigned i = 1; i <= put; i++) {
        char name[16];
        snprintf(name, sizeof name, "O%X", i);
        cr_assert(field_is(peer_expect(&w->peers[TAKER], "8"), 37, name));
    }
    world_free(w);
}

Test(gateway_pressure, a_session_that_holds_back_too_much_stops_its_lane_not_its_numbers)
{
    struct world *w = world_new(22);
    w->sessions[TAKER].level = LEVEL_SYNCED;
    w->store_size = 1;
    world_start(w);
    world_logon(w, TAKER);
    world_drain(w);
    w->not_durable = true;
    for (unsigned i = 1; i <= 1000; i++) {
        struct order_report ev = {.out = {.rfq = 3, .ref = i, .ref_kind = REF_ORDER, .must_reach = 1},
                                  .order = i,
                                  .exec_type = '0',
                                  .ord_status = '0',
                                  .side = '1',
                                  .symbol = "EURUSD"};
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    }
    world_run(w, 10 * MILLISECOND);
    cr_assert_not_null(lane_peek(w->from_routing));
    w->not_durable = false;
    for (unsigned turn = 0; turn < 50; turn++)
        world_run(w, MILLISECOND);
    for (unsigned i = 1; i <= 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "O%X", i);
        cr_assert(field_is(peer_expect(&w->peers[TAKER], "8"), 37, name), "%u", i);
    }
    cr_assert_eq(w->peers[TAKER].next_in, gateway_session(w->state, TAKER)->next_out);
    world_free(w);
}

/* New messages must not push out of the store what a resend is still to read from it. */
Test(gateway_pressure, a_resend_keeps_what_it_reads)
{
    struct world *w = world_new(23);
    w->store_size = 1;
    world_start(w);
    world_logon(w, TAKER);
    struct order_report ev = {.out = {.rfq = 3, .ref = 1, .ref_kind = REF_ORDER, .must_reach = 1},
                              .exec_type = '0',
                              .ord_status = '0',
                              .side = '1',
                              .symbol = "EURUSD"};
    for (unsigned i = 1; i <= 200; i++) {
        ev.order = i;
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    }
    world_run(w, 5 * MILLISECOND);
    struct peer *p = &w->peers[TAKER];
    while (peer_next(p))
        ;
    peer_send(p, "35=2|7=3|16=0|");
    struct agent a = gateway_agent(w->gateway);
    while (counted(w, "rfqd_fix_resend_requests_total", "session=\"T1\"") == 0) {
        w->now_ns += 1000;
        sim_net_advance(w->net, w->now_ns);
        a.poll(a.self, w->now_ns);
    }
    for (unsigned i = 201; i <= 1000; i++) {
        ev.order = i;
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    }
    world_run(w, 20 * MILLISECOND);
    unsigned again = 0, fresh = 0;
    for (const char *m; (m = peer_next(p)) != NULL;) {
        cr_assert(field_is(m, 35, "8"), "%s", m);
        again += field_is(m, 43, "Y");
        fresh += !field_is(m, 43, "Y");
    }
    cr_assert_eq(again, 200);
    cr_assert_eq(fresh, 800);
    world_free(w);
}

/* A peer whose messages we leave unread for want of room is not silent. */
Test(gateway_pressure, a_connection_that_we_do_not_read_is_not_ended_for_silence)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    for (unsigned i = 0; i < 6000; i++) {
        peer_send(p, "35=R|131=req-%u|146=1|55=EURUSD|38=1|", i);
        if (i % 50 == 0)
            world_run(w, MILLISECOND / 10);
    }
    p->answers_tests = false;
    for (unsigned i = 0; i < 100; i++) /* below the tolerance of SendingTime */
        world_run(w, SECOND);
    cr_assert(!p->closed);
    for (unsigned turn = 0; turn < 50; turn++) {
        lane_drain(w->request);
        world_run(w, MILLISECOND);
    }
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out);
    world_free(w);
}

/* Connections that never log on take no place from sessions. */
Test(gateway_pressure, a_crowd_of_silent_connections_keeps_no_session_out)
{
    struct world *w = world_new(24);
    world_start(w);
    struct port *crowd;
    cr_assert_eq(sim_net_port(w->net, address("10.0.0.66", 0).sin_addr, 60, &crowd), OK);
    for (unsigned i = 0; i < 50; i++) {
        uint32_t conn;
        cr_assert_eq(port_connect(crowd, &w->listen, NULL, 0, &conn), OK);
    }
    world_run(w, MILLISECOND);
    cr_assert_eq(counted(w, "rfqd_fix_refused_total", "gateway=\"0\",reason=\"crowded\""), 18);
    world_run(w, 11 * SECOND); /* they are thrown out */
    world_logon(w, TAKER);
    world_logon(w, LP);
    cr_assert_eq(counted(w, "rfqd_fix_refused_total", "gateway=\"0\",reason=\"silent\""), 32);
    world_free(w);
}

/* What the gateway has an operator told: refused logons, and why a session went down. */
#include "tests/unit/gateway_harness.h"

static struct gateway_notice noticed(struct world *w, enum gateway_notice_kind kind)
{
    struct gateway_notice n;
    cr_assert(gateway_notice(w->gateway, &n), "nothing is said");
    cr_assert_eq(n.kind, kind, "%u", n.kind);
    return n;
}

static void nothing_more(struct world *w)
{
    struct gateway_notice n;
    cr_assert_not(gateway_notice(w->gateway, &n), "%u: %s", n.kind, n.text);
}

static void expect_refused(struct world *w, unsigned peer, const char *body, const char *text)
{
    struct peer *p = &w->peers[peer];
    world_connect(w, peer);
    peer_send(p, "%s", body);
    world_run(w, 2 * SECOND);
    struct gateway_notice n = noticed(w, GATEWAY_LOGON_REFUSED);
    cr_assert_str_eq(n.text, text);
    cr_assert_str_eq(n.sender, p->name);
    cr_assert_str_eq(n.target, "RFQD");
    cr_assert_eq(n.peer.sin_addr.s_addr,
                 address(peer == TAKER ? "10.0.0.20" : "10.0.0.21", 0).sin_addr.s_addr);
    nothing_more(w);
    port_close(p->port, p->conn);
    world_run(w, 2 * SECOND);
}

Test(gateway_notice, a_refused_logon_says_who_and_why)
{
    struct world *w = world_new(1);
    world_start(w);
    expect_refused(w, TAKER, "35=A|98=0|108=31|", "HeartBtInt (108) must be 1 to 30");
    expect_refused(w, TAKER, "35=A|98=0|108=0|", "HeartBtInt (108) must be 1 to 30");
    expect_refused(w, TAKER, "35=0|", "the first message is not a Logon");
    w->peers[TAKER].now_ns = START_NS - 1000 * SECOND;
    w->peers[TAKER].name = "T9";
    expect_refused(w, TAKER, "35=A|98=0|108=30|", "no session has these CompIDs");
    world_logon(w, LP);
    w->peers[TAKER].name = "L1";
    expect_refused(w, TAKER, "35=A|98=0|108=30|", "the session is logged on already");
    cr_assert_eq(gateway_session(w->state, LP)->state, SESSION_SYNCED);
    world_free(w);
}

Test(gateway_notice, what_a_peer_calls_itself_has_no_control_characters)
{
    struct world *w = world_new(1);
    struct peer *p = &w->peers[TAKER];
    world_start(w);
    p->name = "a\x1b[2J\nb";
    world_connect(w, TAKER);
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 2 * MILLISECOND);
    cr_assert_str_eq(noticed(w, GATEWAY_LOGON_REFUSED).sender, "a?[2J?b");
    world_free(w);
}

Test(gateway_notice, so_many_refusals_a_second_are_said_and_the_others_counted)
{
    struct world *w = world_new(1);
    world_start(w);
    w->peers[TAKER].name = "T9";
    for (unsigned i = 0; i < GATEWAY_REFUSALS_PER_S + 7; i++) {
        world_connect(w, TAKER);
        peer_send(&w->peers[TAKER], "35=A|98=0|108=30|");
        world_run(w, 2 * MILLISECOND);
    }
    for (unsigned i = 0; i < GATEWAY_REFUSALS_PER_S; i++)
        noticed(w, GATEWAY_LOGON_REFUSED);
    nothing_more(w);
    for (unsigned i = 0; i < 2; i++) { /* nobody has to try again for it */
        w->now_ns += SECOND;
        sim_net_advance(w->net, w->now_ns);
        world_round(w);
    }
    cr_assert_eq(noticed(w, GATEWAY_REFUSALS_LEFT_OUT).count, 7);
    nothing_more(w);
    cr_assert_eq(counted(w, "rfqd_fix_refused_total", "gateway=\"0\",reason=\"unknown_comp_id\""),
                 GATEWAY_REFUSALS_PER_S + 7);
    world_free(w);
}

Test(gateway_notice, a_full_queue_loses_what_is_newest_and_counts_it)
{
    struct world *w = world_new(1);
    struct counter_view v;
    uint64_t lost = 0;
    world_start(w);
    for (unsigned i = 0; i < GATEWAY_NOTICES + 3; i++) {
        world_logon(w, TAKER);
        port_close(w->peers[TAKER].port, w->peers[TAKER].conn);
        world_run(w, 2 * MILLISECOND);
    }
    for (uint32_t i = 0; counters_at(w->counters, i, &v); i++)
        if (strcmp(v.name, "rfqd_gateway_notices_lost_total") == 0)
            lost = v.value;
    cr_assert_eq(lost, 3);
    for (unsigned i = 0; i < GATEWAY_NOTICES; i++)
        noticed(w, GATEWAY_WENT_DOWN);
    nothing_more(w);
    world_free(w);
}

static void expect_down(struct world *w, unsigned session, bool planned, const char *text)
{
    struct gateway_notice n = noticed(w, GATEWAY_WENT_DOWN);
    cr_assert_str_eq(n.text, text);
    cr_assert_eq(n.session, session);
    cr_assert_eq(n.planned, planned);
    nothing_more(w);
    cr_assert_eq(gateway_session(w->state, session)->state, SESSION_DOWN);
}

Test(gateway_notice, a_session_that_goes_down_says_why)
{
    struct world *w = world_new(1);
    struct peer *p = &w->peers[TAKER];
    world_start(w);
    world_logon(w, TAKER);
    nothing_more(w);
    port_close(p->port, p->conn);
    world_run(w, 2 * MILLISECOND);
    expect_down(w, TAKER, false, "the peer closed the connection");

    world_logon(w, TAKER);
    peer_send(p, "35=5|58=end of\tday|");
    world_run(w, 5 * MILLISECOND);
    peer_expect(p, "5");
    port_close(p->port, p->conn);
    world_run(w, 2 * MILLISECOND);
    expect_down(w, TAKER, false, "the peer logged out: end of?day");

    world_logon(w, TAKER);
    peer_send(p, "35=5|");
    world_run(w, 5 * SECOND);
    peer_expect(p, "5");
    expect_down(w, TAKER, false, "the peer logged out");
    port_close(p->port, p->conn);
    world_run(w, 5 * MILLISECOND);

    world_logon(w, TAKER);
    peer_send_as(p, 1, "35=0|");
    world_run(w, 5 * SECOND);
    struct gateway_notice n = noticed(w, GATEWAY_WENT_DOWN);
    cr_assert(strstr(n.text, "MsgSeqNum too low"), "%s", n.text);
    world_free(w);
}

Test(gateway_notice, what_we_have_planned_is_said_to_be)
{
    struct world *w = world_new(1);
    world_start(w);
    world_logon(w, TAKER);
    world_logon(w, LP);
    const struct gateway_order order = {.kind = GATEWAY_LOGOUT, .session = LP, .text = "see you"};
    cr_assert(gateway_ask(w->gateway, &order));
    world_run(w, 5 * MILLISECOND);
    peer_send(&w->peers[LP], "35=5|58=good bye|");
    world_run(w, 5 * MILLISECOND);
    expect_down(w, LP, true, "an operator logged it out: see you");
    gateway_stop(w->gateway, "planned stop", w->now_ns);
    world_run(w, 5 * SECOND);
    expect_down(w, TAKER, true, "planned stop");
    world_free(w);
}

Test(gateway_notice, what_a_crash_took_down_is_said_at_the_start)
{
    struct world *w = world_new(1);
    static const uint64_t consumed[LANES_MAX] = {
        [LANE_ORDER] = UINT64_MAX, [LANE_REQUEST] = UINT64_MAX, [LANE_QUOTE] = UINT64_MAX};
    world_start(w);
    world_logon(w, TAKER);
    world_kill(w);
    world_restart(w, consumed);
    expect_down(w, TAKER, false, "rfqd had ended without a Logout");
    world_free(w);
}

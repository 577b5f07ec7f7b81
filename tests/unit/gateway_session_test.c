#include "tests/unit/gateway_harness.h"

static void expect_states(struct world *w, struct lane *l, uint32_t session, unsigned count, ...)
{
    bool to_routing = l == w->order;
    uint8_t lane = to_routing ? LANE_ORDER : l == w->request ? LANE_REQUEST : LANE_QUOTE;
    va_list args;
    va_start(args, count);
    for (unsigned i = 0; i < count; i++) {
        const struct gateway_session_state *ev = lane_expect(l, RECORD_GATEWAY_SESSION_STATE);
        cr_assert_eq(ev->head.session, session);
        cr_assert_eq(ev->head.dest, to_routing ? AGENT_ROUTING : AGENT_DISTRIBUTION);
        cr_assert_eq(ev->head.lane, lane);
        cr_assert_eq(ev->role, session == TAKER ? ROLE_TAKER : ROLE_LP);
        cr_assert_eq(ev->state, (unsigned)va_arg(args, int), "state %u is %s", i,
                     session_status_name(ev->state));
    }
    va_end(args);
    cr_assert_null(lane_take(l));
}

Test(gateway_session, logon_of_a_taker_tells_routing_and_the_request_lane)
{
    struct world *w = world_new(1);
    world_start(w);
    world_logon(w, TAKER);
    expect_states(w, w->order, TAKER, 2, SESSION_UP, SESSION_SYNCED);
    expect_states(w, w->request, TAKER, 2, SESSION_UP, SESSION_SYNCED);
    cr_assert_null(lane_take(w->quote));
    cr_assert_eq(gateway_session(w->state, 0)->state, SESSION_SYNCED);
    cr_assert_eq(counted(w, "rfqd_fix_session_up", "session=\"T1\""), 1);
    cr_assert_eq(counted(w, "rfqd_fix_session_up", "session=\"L1\""), 0);
    port_close(w->peers[TAKER].port, w->peers[TAKER].conn);
    world_run(w, 2 * MILLISECOND);
    cr_assert_eq(counted(w, "rfqd_fix_session_up", "session=\"T1\""), 0);
    world_free(w);
}

Test(gateway_session, logon_of_an_lp_tells_routing_and_the_quote_lane)
{
    struct world *w = world_new(1);
    world_start(w);
    world_logon(w, LP);
    expect_states(w, w->order, LP, 2, SESSION_UP, SESSION_SYNCED);
    expect_states(w, w->quote, LP, 2, SESSION_UP, SESSION_SYNCED);
    cr_assert_null(lane_take(w->request));
    world_free(w);
}

Test(gateway_session, synced_comes_only_when_the_probe_is_answered)
{
    struct world *w = world_new(1);
    world_start(w);
    w->peers[LP].answers_tests = false;
    world_logon(w, LP);
    expect_states(w, w->order, LP, 1, SESSION_UP);
    const char *probe = NULL;
    for (unsigned i = 0; i < w->peers[LP].message_count; i++)
        if (field_is(w->peers[LP].messages[i], 35, "1"))
            probe = w->peers[LP].messages[i];
    cr_assert(probe);
    peer_send(&w->peers[LP], "35=0|112=%s|", field(probe, 112));
    world_run(w, 2 * MILLISECOND);
    expect_states(w, w->order, LP, 1, SESSION_SYNCED);
    world_free(w);
}

Test(gateway_session, loss_of_the_connection_is_a_fence_in_each_lane)
{
    struct world *w = world_new(1);
    world_start(w);
    world_logon(w, LP);
    world_drain(w);
    peer_send(&w->peers[LP], "35=S|131=R1|117=q1|55=EURUSD|132=1.1|");
    world_run(w, 2 * MILLISECOND);
    port_close(w->peers[LP].port, w->peers[LP].conn);
    world_run(w, 2 * MILLISECOND);
    lane_expect(w->quote, RECORD_COMMAND_QUOTE);
    expect_states(w, w->quote, LP, 1, SESSION_DOWN);
    expect_states(w, w->order, LP, 1, SESSION_DOWN);
    world_free(w);
}

Test(gateway_session, numbers_go_on_over_a_reconnect)
{
    struct world *w = world_new(2);
    world_start(w);
    struct peer *p = &w->peers[TAKER];
    world_logon(w, TAKER);
    for (unsigned i = 0; i < 3; i++) {
        port_close(p->port, p->conn);
        world_run(w, 10 * MILLISECOND);
        uint64_t expected = p->next_in;
        world_connect(w, TAKER);
        peer_send(p, "35=A|98=0|108=30|");
        world_run(w, 5 * MILLISECOND);
        const char *m = peer_expect(p, "A");
        cr_assert_eq(strtoull(field(m, 34), NULL, 10), expected);
        cr_assert_null(field(m, 141));
    }
    cr_assert_eq(gateway_session(w->state, 0)->generation, 1);
    cr_assert_eq(gateway_session(w->state, 0)->next_in, p->next_out);
    cr_assert_eq(gateway_session(w->state, 0)->next_out, p->next_in);
    world_free(w);
}

Test(gateway_session, reset_by_the_peer_is_a_new_generation)
{
    struct world *w = world_new(2);
    world_start(w);
    struct peer *p = &w->peers[TAKER];
    world_logon(w, TAKER);
    port_close(p->port, p->conn);
    world_run(w, 10 * MILLISECOND);
    world_drain(w);
    p->next_out = p->next_in = 1;
    world_connect(w, TAKER);
    peer_send(p, "35=A|98=0|108=30|141=Y|");
    world_run(w, 5 * MILLISECOND);
    const char *m = peer_expect(p, "A");
    cr_assert(field_is(m, 34, "1") && field_is(m, 141, "Y"));
    cr_assert_eq(gateway_session(w->state, 0)->generation, 2);
    cr_assert_eq(gateway_session(w->state, 0)->next_in, p->next_out);
    expect_states(w, w->order, TAKER, 2, SESSION_UP, SESSION_SYNCED);
    world_free(w);
}

Test(gateway_session, reset_of_a_live_session_fences_what_was_before)
{
    struct world *w = world_new(2);
    world_start(w);
    struct peer *p = &w->peers[LP];
    world_logon(w, LP);
    world_drain(w);
    p->next_out = p->next_in = 1;
    peer_send(p, "35=A|98=0|108=30|141=Y|");
    world_run(w, 5 * MILLISECOND);
    const struct gateway_session_state *down = lane_expect(w->order, RECORD_GATEWAY_SESSION_STATE);
    cr_assert_eq(down->state, SESSION_DOWN);
    const struct gateway_session_reset *reset = lane_expect(w->order, RECORD_GATEWAY_SESSION_RESET);
    cr_assert(reset->head.session == LP && reset->head.dest == AGENT_ROUTING && reset->generation == 2);
    expect_states(w, w->order, LP, 2, SESSION_UP, SESSION_SYNCED);
    expect_states(w, w->quote, LP, 3, SESSION_DOWN, SESSION_UP, SESSION_SYNCED);
    cr_assert_eq(gateway_session(w->state, LP)->generation, 2);
    world_free(w);
}

Test(gateway_session, who_is_not_known_is_refused)
{
    static const struct {
        const char *name, *body, *reason;
    } rows[] = {
        {"T9", "35=A|98=0|108=30|", "unknown_comp_id"},
        {"T1", "35=0|", "not_a_logon"},
        {"L2", "35=A|98=0|108=30|", "unknown_comp_id"}, /* we connect to that one, it does not to us */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = world_new(3);
        w->session_count = 3;
        world_start(w);
        struct peer *p = &w->peers[TAKER];
        p->name = rows[i].name;
        world_connect(w, TAKER);
        peer_send(p, "%s", rows[i].body);
        world_run(w, 5 * MILLISECOND);
        cr_assert(p->closed, "row %u", i);
        peer_nothing(p);
        char label[64];
        snprintf(label, sizeof label, "gateway=\"0\",reason=\"%s\"", rows[i].reason);
        cr_assert_eq(counted(w, "rfqd_fix_refused_total", label), 1);
        cr_assert_eq(gateway_session(w->state, 0)->next_in, 1);
        world_free(w);
    }
}

Test(gateway_session, a_second_logon_of_a_live_session_is_refused_and_the_first_lives_on)
{
    struct world *w = world_new(3);
    world_start(w);
    world_logon(w, TAKER);
    struct peer *thief = &w->peers[LP];
    thief->name = "T1";
    world_connect(w, LP);
    peer_send(thief, "35=A|98=0|108=30|");
    world_run(w, 5 * MILLISECOND);
    cr_assert(thief->closed);
    cr_assert_eq(counted(w, "rfqd_fix_refused_total", "gateway=\"0\",reason=\"session_is_live\""), 1);
    world_drain(w);
    peer_send(&w->peers[TAKER], "35=R|131=a|146=1|55=EURUSD|38=5|");
    world_run(w, 5 * MILLISECOND);
    lane_expect(w->request, RECORD_COMMAND_QUOTE_REQUEST);
    world_free(w);
}

Test(gateway_session, a_silent_connection_is_closed)
{
    struct world *w = world_new(3);
    world_start(w);
    world_connect(w, TAKER);
    world_run(w, 9 * SECOND);
    cr_assert(w->peers[TAKER].connected);
    world_run(w, 2 * SECOND);
    cr_assert(w->peers[TAKER].closed);
    world_free(w);
}

Test(gateway_session, heartbeats_go_out_and_silence_ends_the_session)
{
    struct world *w = world_new(3);
    world_start(w);
    world_logon(w, TAKER);
    struct peer *p = &w->peers[TAKER];
    unsigned before = p->message_count;
    p->answers_tests = false;
    world_run(w, 31 * SECOND);
    unsigned heartbeats = 0;
    for (unsigned i = before; i < p->message_count; i++)
        heartbeats += field_is(p->messages[i], 35, "0");
    cr_assert_eq(heartbeats, 1);
    world_run(w, 60 * SECOND);
    cr_assert(p->closed);
    cr_assert_eq(gateway_session(w->state, 0)->state, SESSION_DOWN);
    world_free(w);
}

/* What is wrong with a frame, and what comes of it. */
Test(gateway_session, bad_input)
{
    struct row {
        const char *what;
        bool alive;          /* the session lives on */
        const char *answer;  /* MsgType of what we say, NULL: nothing */
        uint64_t counted_in; /* messages that our number has moved by */
    } rows[] = {
        {"checksum", true, NULL, 0},  {"length", true, NULL, 0},      {"comp id", false, "3", 1},
        {"too low", false, "5", 0},   {"too high", true, "2", 0},     {"no number", false, "5", 0},
        {"bad tag", true, "3", 1},    {"missing", true, "3", 1},      {"begin string", false, "5", 0},
        {"duplicate", true, NULL, 0}, {"unknown type", true, "3", 1},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = world_new(4);
        world_start(w);
        world_logon(w, TAKER);
        world_drain(w);
        struct peer *p = &w->peers[TAKER];
        uint64_t next_in = gateway_session(w->state, TAKER)->next_in;
        char bytes[2048];
        const char *good = "35=R|131=a|146=1|55=EURUSD|38=5|";
        size_t size = fix_text(bytes, sizeof bytes, "T1", p->next_out, w->now_ns, good);
        switch (i) {
        case 0:
            bytes[size - 2] = bytes[size - 2] == '0' ? '1' : '0';
            break;
        case 1:
            bytes[13] = (char)(bytes[13] == '9' ? '8' : bytes[13] + 1);
            break;
        case 2:
            size = fix_text(bytes, sizeof bytes, "T2", p->next_out, w->now_ns, good);
            break;
        case 3:
            size = fix_text(bytes, sizeof bytes, "T1", 1, w->now_ns, good);
            break;
        case 4:
            size = fix_text(bytes, sizeof bytes, "T1", p->next_out + 3, w->now_ns, good);
            break;
        case 5:
            size = fix_text(bytes, sizeof bytes, "T1", 0, w->now_ns, good);
            break;
        case 6:
            size = fix_text(bytes, sizeof bytes, "T1", p->next_out, w->now_ns,
                            "35=R|131=a|146=1|55=EURUSD|38=5|9999=1|");
            break;
        case 7:
            size = fix_text(bytes, sizeof bytes, "T1", p->next_out, w->now_ns, "35=R|146=1|55=EURUSD|38=5|");
            break;
        case 8:
            bytes[8] = '3';
            for (unsigned sum = 0, at = 0; at < size - 7; at++) {
                sum += (unsigned char)bytes[at];
                snprintf(bytes + size - 4, 4, "%03u", sum & 255);
            }
            bytes[size - 1] = '\x01';
            break;
        case 9:
            size = fix_text(bytes, sizeof bytes, "T1", 1, w->now_ns, "35=0|43=Y|122=20261118-00:00:00|");
            break;
        default:
            size = fix_text(bytes, sizeof bytes, "T1", p->next_out, w->now_ns, "35=ZZ|");
            break;
        }
        peer_bytes(p, bytes, size);
        /* A frame whose length is wrong is only known to be garbled when the next one has come. */
        if (rows[i].alive)
            peer_send_as(p, p->next_out + rows[i].counted_in, "35=0|");
        world_run(w, 5 * MILLISECOND);
        cr_assert_eq(!p->closed, rows[i].alive, "%s", rows[i].what);
        if (rows[i].answer)
            peer_expect(p, rows[i].answer);
        else
            peer_nothing(p);
        uint64_t moved = gateway_session(w->state, TAKER)->next_in - next_in;
        cr_assert_eq(moved, rows[i].counted_in + rows[i].alive, "%s: moved by %llu", rows[i].what,
                     (unsigned long long)moved);
        cr_assert_null(lane_peek(w->request) && rows[i].alive ? lane_take(w->request) : NULL);
        world_free(w);
    }
}

/* The stream cannot be followed any further: the peer is told why. Its number never counted. */
Test(gateway_session, a_message_too_long_ends_the_session_by_name)
{
    struct world *w = world_new(4);
    world_start(w);
    world_logon(w, TAKER);
    world_drain(w);
    struct peer *p = &w->peers[TAKER];
    uint64_t next_in = gateway_session(w->state, TAKER)->next_in;
    static const char front[] = "8=FIX.4.4\x01"
                                "9=65600\x01"
                                "35=R\x01";
    peer_bytes(p, front, sizeof front - 1);
    world_run(w, 5 * MILLISECOND);
    cr_assert(field_is(peer_expect(p, "5"), 58, "a message is longer than 65536 bytes"));
    cr_assert(p->closed);
    cr_assert_eq(gateway_session(w->state, TAKER)->state, SESSION_DOWN);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, next_in);
    cr_assert_eq(counted(w, "rfqd_fix_refused_total", "gateway=\"0\",reason=\"message_too_long\""), 1);
    world_free(w);
}

Test(gateway_session, we_connect_with_backoff_and_log_on)
{
    struct world *w = world_new(5);
    w->session_count = 3;
    world_start(w);
    struct peer *p = &w->peers[LP2];
    world_run(w, 8 * SECOND); /* nobody listens: at 0, 1, 3, 7 s */
    struct sockaddr_in at = w->sessions[LP2].address;
    cr_assert_eq(port_listen(p->port, &at, 0), OK);
    world_run(w, 4 * SECOND);
    cr_assert(p->connected);
    const char *m = peer_expect(p, "A");
    cr_assert(field_is(m, 34, "1") && field_is(m, 108, "30"));
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 10 * MILLISECOND);
    cr_assert_eq(gateway_session(w->state, LP2)->state, SESSION_SYNCED);
    /* and again when it is lost: after the first delay */
    port_close(p->port, p->conn);
    world_run(w, SECOND + 100 * MILLISECOND);
    cr_assert(p->connected);
    cr_assert(field_is(peer_expect(p, "A"), 34, "3")); /* 2 was the probe */
    world_free(w);
}

Test(gateway_session, a_planned_stop_logs_out_and_waits_for_the_answers)
{
    struct world *w = world_new(5);
    world_start(w);
    world_logon(w, TAKER);
    world_logon(w, LP);
    gateway_stop(w->gateway, "maintenance", w->now_ns);
    world_run(w, 5 * MILLISECOND);
    cr_assert(field_is(peer_expect(&w->peers[TAKER], "5"), 58, "maintenance"));
    peer_expect(&w->peers[LP], "5");
    peer_send(&w->peers[TAKER], "35=5|");
    world_run(w, 5 * MILLISECOND);
    cr_assert(w->peers[TAKER].closed);
    cr_assert_not(gateway_stopped(w->gateway));
    world_run(w, 3 * SECOND); /* the other does not answer */
    cr_assert(gateway_stopped(w->gateway));
    cr_assert_eq(gateway_session(w->state, LP)->state, SESSION_DOWN);
    world_free(w);
}

Test(gateway_session, two_sessions_with_one_pair_of_comp_ids_are_refused)
{
    struct world *w = world_new(5);
    snprintf(w->sessions[LP].fix.target, ID_TEXT_SIZE, "T1");
    struct gateway_config c = {.agent = AGENT_GATEWAY,
                               .ring = &w->ring,
                               .state = w->state,
                               .port = w->port,
                               .order = w->order,
                               .request = w->request,
                               .quote = w->quote,
                               .from_distribution = w->from_distribution,
                               .from_routing = w->from_routing,
                               .sessions = w->sessions,
                               .session_count = 2,
                               .counters = w->counters};
    struct gateway *g;
    cr_assert_eq(gateway_create(&g, &c), ERR_EXISTS);
    world_free(w);
}

Test(gateway_session, garbage_before_a_logon_ends_the_connection)
{
    struct world *w = world_new(6);
    world_start(w);
    world_connect(w, TAKER);
    peer_bytes(&w->peers[TAKER], "GET / HTTP/1.1\r\n\r\n", 18);
    world_run(w, 5 * MILLISECOND);
    cr_assert(w->peers[TAKER].closed);
    cr_assert_eq(counted(w, "rfqd_fix_refused_total", "gateway=\"0\",reason=\"not_a_logon\""), 1);
    world_free(w);
}

Test(gateway_session, a_stop_ends_connections_without_a_logon_and_attempts_to_connect)
{
    struct world *w = world_new(6);
    w->session_count = 3; /* the third connects to nobody */
    world_start(w);
    world_connect(w, TAKER);
    gateway_stop(w->gateway, "bye", w->now_ns);
    world_run(w, 10 * MILLISECOND);
    cr_assert(w->peers[TAKER].closed);
    world_connect(w, LP); /* nobody is let in any more */
    world_run(w, 10 * MILLISECOND);
    cr_assert(w->peers[LP].closed);
    cr_assert_eq(counted(w, "rfqd_fix_refused_total", "gateway=\"0\",reason=\"stopping\""), 2);
    cr_assert(gateway_stopped(w->gateway));
    uint64_t connections = counted(w, "rfqd_fix_connections_total", "gateway=\"0\"");
    world_run(w, 10 * SECOND);
    cr_assert_eq(counted(w, "rfqd_fix_connections_total", "gateway=\"0\""), connections);
    world_free(w);
}

/* More sessions than one poll ticks: each gets its heartbeats all the same. */
Test(gateway_session, many_sessions)
{
    enum { MANY = 100 };
    static struct gateway_session_config sessions[MANY];
    static struct peer peers[MANY];
    struct world *w = world_new(6);
    struct port *port;
    cr_assert_eq(sim_net_port(w->net, address("10.0.0.1", 0).sin_addr, 200, &w->port), OK);
    struct gateway_config c = {.agent = AGENT_GATEWAY,
                               .ring = &w->ring,
                               .state = w->state,
                               .port = w->port,
                               .order = w->order,
                               .request = w->request,
                               .quote = w->quote,
                               .from_distribution = w->from_distribution,
                               .from_routing = w->from_routing,
                               .listen = &w->listen,
                               .sessions = sessions,
                               .session_count = MANY,
                               .resend_store_size = 1,
                               .counters = w->counters};
    static char names[MANY][8];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "S%u", i);
        world_session(&sessions[i], names[i], i, i % 2 ? ROLE_LP : ROLE_TAKER, false);
    }
    cr_assert_eq(gateway_create(&w->gateway, &c), OK);
    cr_assert_eq(gateway_start(w->gateway, w->now_ns, 0), OK);
    for (unsigned i = 0; i < MANY; i++) {
        char ip[24];
        snprintf(ip, sizeof ip, "10.0.1.%u", i + 1);
        cr_assert_eq(sim_net_port(w->net, address(ip, 0).sin_addr, 2, &port), OK);
        peers[i] =
            (struct peer){.port = port, .name = names[i], .next_out = 1, .next_in = 1, .answers_tests = true};
        cr_assert_eq(port_connect(port, &w->listen, NULL, 0, &peers[i].conn), OK);
        if (i % 20 == 19)
            world_run(w, MILLISECOND);
        for (unsigned k = i - i % 20; i % 20 == 19 && k <= i; k++) {
            peer_poll(&peers[k], w->now_ns);
            peer_send(&peers[k], "35=A|98=0|108=30|");
        }
    }
    for (unsigned t = 0; t < 700; t++) {
        world_run(w, 50 * MILLISECOND);
        for (unsigned i = 0; i < MANY; i++)
            peer_poll(&peers[i], w->now_ns);
    }
    for (unsigned i = 0; i < MANY; i++) {
        unsigned heartbeats = 0;
        for (unsigned k = 0; k < peers[i].message_count; k++)
            heartbeats += field_is(peers[i].messages[k], 35, "0");
        cr_assert(heartbeats >= 1, "%s", names[i]);
        cr_assert_eq(gateway_session(w->state, i)->state, SESSION_SYNCED);
        for (unsigned k = 0; k < peers[i].message_count; k++)
            free(peers[i].messages[k]);
        free(peers[i].messages);
    }
    world_free(w);
}

/* At level synced the Logout leaves with what is before it, and only then the connection is closed. */
Test(gateway_session, a_close_waits_for_what_is_held_back)
{
    struct world *w = world_new(6);
    w->sessions[TAKER].level = LEVEL_SYNCED;
    world_start(w);
    world_logon(w, TAKER);
    struct peer *p = &w->peers[TAKER];
    w->not_durable = true;
    peer_send_as(p, 1, "35=0|"); /* too low: it is logged out */
    world_run(w, 5 * MILLISECOND);
    peer_nothing(p);
    cr_assert(!p->closed);
    cr_assert_eq(gateway_session(w->state, TAKER)->state, SESSION_DOWN);
    w->not_durable = false;
    world_run(w, 5 * MILLISECOND);
    cr_assert(field_is(peer_expect(p, "5"), 58, "MsgSeqNum too low, expecting 3 but received 1"));
    cr_assert(p->closed);
    /* but not for ever */
    world_logon(w, TAKER);
    w->not_durable = true;
    peer_send_as(p, 1, "35=0|");
    world_run(w, 900 * MILLISECOND);
    cr_assert(!p->closed);
    world_run(w, 200 * MILLISECOND);
    cr_assert(p->closed);
    peer_nothing(p);
    world_free(w);
}

Test(gateway_session, places_of_connections_are_used_again)
{
    struct world *w = world_new(6);
    world_start(w);
    cr_assert_str_eq(gateway_session(w->state, TAKER)->name, "T1");
    cr_assert_eq(gateway_session_by_name(w->state, "L1"), gateway_session(w->state, LP));
    struct peer *p = &w->peers[TAKER];
    for (unsigned i = 0; i < 200; i++) {
        world_connect(w, TAKER);
        cr_assert(p->connected);
        if (i % 2) {
            peer_send(p, "35=A|98=0|108=30|");
            world_run(w, 5 * MILLISECOND);
            peer_expect(p, "A");
        }
        port_close(p->port, p->conn);
        world_run(w, 5 * MILLISECOND);
    }
    cr_assert_eq(counted(w, "rfqd_fix_connections_total", "gateway=\"0\""), 200);
    cr_assert_eq(counted(w, "rfqd_fix_logons_total", "session=\"T1\""), 100);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out);
    world_free(w);
}

/* What is sent and checked is the secret; what is kept is not. */
Test(gateway_session, passwords_do_not_go_to_the_log)
{
    struct world *w = world_new(6);
    w->session_count = 3;
    strcpy(w->sessions[LP2].fix.username, "rfqd");
    strcpy(w->sessions[LP2].fix.password, "sesame");
    w->sessions[TAKER].fix.validate = false; /* NewPassword is of a later version */
    struct sockaddr_in at = w->sessions[LP2].address;
    cr_assert_eq(port_listen(w->peers[LP2].port, &at, 0), OK);
    world_start(w);
    world_run(w, 10 * MILLISECOND);
    cr_assert(field_is(peer_expect(&w->peers[LP2], "A"), 554, "sesame"));
    world_connect(w, TAKER);
    peer_send(&w->peers[TAKER], "35=A|98=0|108=30|95=6|96=sesame|553=t|554=sesame|925=sesame|");
    world_run(w, 5 * MILLISECOND);
    peer_expect(&w->peers[TAKER], "A");
    peer_send(&w->peers[TAKER], "35=A|98=0|108=30|xyz|554=sesame|"); /* of which the end cannot be read */
    world_run(w, 5 * MILLISECOND);
    peer_expect(&w->peers[TAKER], "3");
    unsigned masked = 0;
    for (unsigned i = 0; i < w->batch_count; i++) {
        cr_assert_null(memmem(w->batches[i], w->batches[i]->size, "sesame", 6));
        masked += memmem(w->batches[i], w->batches[i]->size, "554=******", 10) != NULL;
    }
    cr_assert_eq(masked, 2);
    world_free(w);
}

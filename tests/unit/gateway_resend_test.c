#include "dataplane/core/decimal.h"
#include "tests/unit/gateway_harness.h"
#include "tests/unit/random.h"

static void report(struct world *w, uint64_t order, uint32_t session)
{
    struct order_report ev = {.out = {.rfq = 3, .ref = order, .ref_kind = REF_ORDER, .must_reach = 1},
                              .order = order,
                              .exec_type = '0',
                              .ord_status = '0',
                              .side = '1',
                              .symbol = "EURUSD"};
    EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, session);
}

static void request(struct world *w, uint64_t rfq, uint64_t expires_ns)
{
    struct delivery_released ev = {
        .out = {.rfq = rfq, .ref = rfq + 1000, .ref_kind = REF_DELIVERY, .expires_ns = expires_ns},
        .rfq = rfq,
        .delivery = rfq + 1000,
        .deadline_ns = expires_ns,
        .quantity = DECIMAL_SCALE,
        .symbol = "EURUSD"};
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP);
}

static uint64_t seq(const char *m)
{
    return strtoull(field(m, 34), NULL, 10);
}

/* What a peer got again, in a text: "8:5 4:6-9 R:9 …": type and number, gap fills with their end. */
static void summary(struct peer *p, char *out, size_t room)
{
    const char *m;
    size_t at = 0;
    *out = 0;
    while ((m = peer_next(p)) != NULL) {
        const char *mark = field_is(m, 43, "Y") ? "" : "!";
        if (field_is(m, 35, "4"))
            at += (size_t)snprintf(out + at, room - at, "4%s:%s-%s ", mark, field(m, 34), field(m, 36));
        else
            at += (size_t)snprintf(out + at, room - at, "%s%s:%s ", field(m, 35), mark, field(m, 34));
    }
}

static void expect_summary(struct peer *p, const char *want)
{
    char got[4096];
    summary(p, got, sizeof got);
    cr_assert_str_eq(got, want);
}

Test(gateway_resend, application_messages_again_and_the_rest_in_runs)
{
    struct world *w = world_new(11);
    world_start(w);
    struct peer *p = &w->peers[TAKER];
    world_logon(w, TAKER); /* 1 Logon, 2 probe */
    report(w, 1, TAKER);   /* 3 */
    report(w, 2, TAKER);   /* 4 */
    peer_send(p, "35=1|112=x|");
    world_run(w, 5 * MILLISECOND); /* 5 Heartbeat */
    peer_send(p, "35=1|112=y|");
    world_run(w, 5 * MILLISECOND); /* 6 Heartbeat */
    report(w, 3, TAKER);           /* 7 */
    world_run(w, 5 * MILLISECOND);
    char before[512];
    summary(p, before, sizeof before);
    cr_assert_str_eq(before, "8!:3 8!:4 8!:7 ");
    peer_send(p, "35=2|7=1|16=0|");
    world_run(w, 5 * MILLISECOND);
    expect_summary(p, "4:1-3 8:3 8:4 4:5-7 8:7 ");
    peer_send(p, "35=2|7=4|16=6|");
    world_run(w, 5 * MILLISECOND);
    expect_summary(p, "8:4 4:5-7 ");
    peer_send(p, "35=2|7=1|16=2|");
    world_run(w, 5 * MILLISECOND);
    expect_summary(p, "4:1-3 ");
    cr_assert_eq(gateway_session(w->state, TAKER)->next_out, 8, "a resend takes no number");
    cr_assert_eq(counted(w, "rfqd_fix_resend_requests_total", "session=\"T1\""), 3);
    cr_assert_eq(counted(w, "rfqd_fix_resent_total", "session=\"T1\""), 4);
    world_free(w);
}

Test(gateway_resend, a_message_sent_again_says_when_it_was_first_sent)
{
    struct world *w = world_new(11);
    world_start(w);
    struct peer *p = &w->peers[TAKER];
    world_logon(w, TAKER);
    report(w, 1, TAKER);
    world_run(w, 5 * MILLISECOND);
    char first[64];
    strcpy(first, field(peer_expect(p, "8"), 52));
    world_run(w, 3 * SECOND);
    peer_send(p, "35=2|7=3|16=3|");
    world_run(w, 5 * MILLISECOND);
    const char *m = peer_expect(p, "8");
    cr_assert(field_is(m, 122, first));
    cr_assert(!field_is(m, 52, first));
    cr_assert(field_is(m, 37, "O1"));
    world_free(w);
}

Test(gateway_resend, what_has_expired_is_filled_and_reported_lost)
{
    struct world *w = world_new(12);
    world_start(w);
    struct peer *p = &w->peers[LP];
    world_logon(w, LP);
    request(w, 1, w->now_ns + SECOND);      /* 3 */
    request(w, 2, w->now_ns + 60 * SECOND); /* 4 */
    request(w, 3, w->now_ns + SECOND);      /* 5 */
    world_run(w, 5 * MILLISECOND);
    port_close(p->port, p->conn);
    world_run(w, 2 * SECOND);
    while (peer_next(p))
        ;
    world_drain(w);
    p->next_in = 3; /* it lost its disk: or what was sent never arrived */
    world_connect(w, LP);
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 5 * MILLISECOND);
    peer_expect(p, "A");
    lane_drain(w->quote);
    peer_send(p, "35=2|7=3|16=0|");
    world_run(w, 5 * MILLISECOND);
    expect_summary(p, "4:3-4 R:4 4:5-8 ");
    const struct gateway_unsent *u = lane_expect(w->quote, RECORD_GATEWAY_UNSENT);
    cr_assert(u->reason == REASON_LOST && u->out.ref == 1001 && u->head.session == LP);
    u = lane_expect(w->quote, RECORD_GATEWAY_UNSENT);
    cr_assert(u->reason == REASON_LOST && u->out.ref == 1003);
    cr_assert_null(lane_take(w->quote));
    peer_send(p, "35=2|7=3|16=0|"); /* asked twice, told once */
    world_run(w, 5 * MILLISECOND);
    cr_assert_null(lane_take(w->quote));
    world_free(w);
}

Test(gateway_resend, on_a_live_connection_only_the_number_asked_for_is_certainly_lost)
{
    struct world *w = world_new(12);
    world_start(w);
    struct peer *p = &w->peers[LP];
    world_logon(w, LP);
    for (uint64_t i = 1; i <= 3; i++)
        request(w, i, w->now_ns + SECOND);
    world_run(w, 2 * SECOND);
    world_drain(w);
    while (peer_next(p))
        ;
    peer_send(p, "35=2|7=4|16=0|"); /* 4 came garbled; 5 lies in its queue */
    world_run(w, 5 * MILLISECOND);
    expect_summary(p, "4:4-6 ");
    const struct gateway_unsent *u = lane_expect(w->quote, RECORD_GATEWAY_UNSENT);
    cr_assert_eq(u->out.ref, 1002);
    cr_assert_null(lane_take(w->quote));
    world_free(w);
}

Test(gateway_resend, old_messages_without_an_expiry_are_not_sent_again_but_executions_are)
{
    struct world *w = world_new(12);
    w->sessions[TAKER].resend_age_max_ns = 10 * SECOND;
    world_start(w);
    struct peer *p = &w->peers[TAKER];
    world_logon(w, TAKER);
    struct quote_ended old = {
        .out = {.rfq = 3, .ref = 5, .ref_kind = REF_QUOTE}, .quote = 5, .request_id = "a"};
    EVENT(w, AGENT_DISTRIBUTION, QUOTE_ENDED, old, TAKER); /* 3 */
    report(w, 1, TAKER); /* routing's lane is drained first: 3, and the other is 4 */
    world_run(w, 11 * SECOND);
    EVENT(w, AGENT_DISTRIBUTION, QUOTE_ENDED, old, TAKER); /* 5 */
    world_run(w, 5 * MILLISECOND);
    while (peer_next(p))
        ;
    peer_send(p, "35=2|7=3|16=0|");
    world_run(w, 5 * MILLISECOND);
    expect_summary(p, "8:3 4:4-5 Z:5 ");
    world_free(w);
}

static void end_delivery(struct world *w, uint64_t rfq)
{
    struct delivery_ended ev = {
        .out = {.rfq = rfq, .ref = rfq, .ref_kind = REF_RFQ, .must_reach = REACH_ALWAYS},
        .rfq = rfq,
        .symbol = "EURUSD"};
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_ENDED, ev, LP);
}

static void refuse_quote(struct world *w, unsigned n)
{
    struct quote_refused ev = {.out = {.rfq = 3, .ref = 3, .ref_kind = REF_RFQ, .must_reach = REACH_BOUNDED},
                               .rfq = 3,
                               .reason = REASON_QUOTE_LATE,
                               .request_id = "R3",
                               .symbol = "EURUSD"};
    snprintf(ev.lp_quote_id, sizeof ev.lp_quote_id, "lpq-%u", n);
    EVENT(w, AGENT_DISTRIBUTION, QUOTE_REFUSED, ev, LP);
}

Test(gateway_resend, refusals_of_quotes_made_while_the_lp_is_away_are_told_when_it_is_back)
{
    struct world *w = world_new(12);
    w->sessions[LP].resend_age_max_ns = 10 * SECOND;
    world_start(w);
    struct peer *p = &w->peers[LP];
    world_logon(w, LP);
    refuse_quote(w, 1); /* 3 */
    world_run(w, 5 * MILLISECOND);
    expect_summary(p, "AI!:3 ");
    port_close(p->port, p->conn);
    world_run(w, 5 * MILLISECOND);
    lane_drain(w->quote);
    refuse_quote(w, 2); /* 4 */
    refuse_quote(w, 3); /* 5 */
    world_run(w, 20 * SECOND);
    cr_assert_null(lane_take(w->quote), "neither comes back as unsent");
    world_connect(w, LP);
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 5 * MILLISECOND);
    peer_expect(p, "A");
    peer_send(p, "35=2|7=4|16=0|");
    world_run(w, 5 * MILLISECOND);
    expect_summary(p, "AI:4 AI:5 4:6-8 ");
    world_free(w);
}

Test(gateway_resend, refusals_take_a_bounded_part_of_the_store_and_push_out_nothing)
{
    struct world *w = world_new(12);
    w->store_size = 1;
    world_start(w);
    struct peer *p = &w->peers[LP];
    world_logon(w, LP);
    port_close(p->port, p->conn);
    world_run(w, 5 * MILLISECOND);
    end_delivery(w, 1); /* 3 */
    world_run(w, 5 * MILLISECOND);
    lane_drain(w->quote);
    enum { REFUSALS = 2000 };
    unsigned unsent = 0;
    for (unsigned i = 0; i < REFUSALS; i++) {
        refuse_quote(w, i);
        if (i % 100 == 99)
            world_run(w, 5 * MILLISECOND);
        for (const struct lane_item *item; (item = lane_take(w->quote)) != NULL; unsent++)
            cr_assert_eq(((const struct gateway_unsent *)(const void *)&item->record)->reason, REASON_LIMIT);
    }
    unsigned kept = (unsigned)(gateway_session(w->state, LP)->next_out - 4);
    cr_assert_eq(kept + unsent, REFUSALS);
    cr_assert_gt(kept, 50);
    cr_assert_eq(counted(w, "rfqd_fix_unsent_total", "session=\"L1\",reason=\"limit\""), unsent);
    end_delivery(w, 2); /* what has to be told is not held up by it */
    world_run(w, 5 * MILLISECOND);
    cr_assert_eq(gateway_session(w->state, LP)->next_out, 5 + kept);
    world_connect(w, LP);
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 5 * MILLISECOND);
    peer_expect(p, "A");
    peer_send(p, "35=2|7=3|16=0|");
    world_run(w, 500 * MILLISECOND);
    const char *m = peer_expect(p, "Z");
    cr_assert(field_is(m, 131, "R1") && field_is(m, 34, "3"));
    for (unsigned i = 0; i < kept; i++)
        cr_assert(field_is(peer_expect(p, "AI"), 43, "Y"));
    cr_assert(field_is(peer_expect(p, "Z"), 131, "R2"));
    cr_assert_eq(counted(w, "rfqd_fix_forgotten_total", "session=\"L1\""), 0);
    port_close(p->port, p->conn); /* the next absence has its own share */
    world_run(w, 5 * MILLISECOND);
    lane_drain(w->quote);
    refuse_quote(w, 0);
    world_run(w, 5 * MILLISECOND);
    cr_assert_null(lane_take(w->quote));
    world_free(w);
}

Test(gateway_resend, what_is_no_longer_kept_is_filled_and_counted)
{
    struct world *w = world_new(13);
    w->store_size = 1;
    world_start(w);
    struct peer *p = &w->peers[TAKER];
    world_logon(w, TAKER);
    for (uint64_t i = 1; i <= 1000; i++) {
        report(w, i, TAKER);
        if (i % 100 == 0)
            world_run(w, 5 * MILLISECOND);
    }
    while (peer_next(p))
        ;
    peer_send(p, "35=2|7=3|16=0|");
    world_run(w, 50 * MILLISECOND);
    const char *m = peer_expect(p, "4");
    cr_assert_eq(seq(m), 3);
    uint64_t from = strtoull(field(m, 36), NULL, 10);
    cr_assert(from > 500 && from < 1003);
    for (uint64_t n = from; n <= 1002; n++) {
        m = peer_expect(p, "8");
        cr_assert_eq(seq(m), n);
    }
    peer_nothing(p);
    cr_assert_eq(counted(w, "rfqd_fix_forgotten_total", "session=\"T1\""), from - 3);
    world_free(w);
}

/* New messages wait behind a long resend, so that the peer gets numbers in order; and the resend is cut into
 * bounded parts.
 */
Test(gateway_resend, a_long_resend_is_chunked_and_new_messages_come_after_it)
{
    struct world *w = world_new(14);
    world_start(w);
    struct peer *p = &w->peers[TAKER];
    world_logon(w, TAKER);
    enum { MANY = 3500 }; /* more bytes than one poll may point to in the ring */
    for (uint64_t i = 1; i <= MANY; i++) {
        report(w, i, TAKER);
        if (i % 500 == 0)
            world_run(w, 5 * MILLISECOND);
    }
    while (peer_next(p))
        ;
    peer_send(p, "35=2|7=3|16=0|");
    struct agent a = gateway_agent(w->gateway);
    uint64_t resent = 0, polls = 0;
    unsigned first = p->message_count;
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t before = resent;
        if (i == 50)
            report(w, MANY + 1, TAKER);
        a.poll(a.self, w->now_ns);
        world_log(w);
        resent = counted(w, "rfqd_fix_resent_total", "session=\"T1\"");
        cr_assert_leq(resent - before, POLL_ITEMS_MAX);
        polls += resent != before;
        peer_poll(p, w->now_ns);
        w->now_ns += MILLISECOND / 10;
        sim_net_advance(w->net, w->now_ns);
    }
    cr_assert_eq(resent, MANY);
    cr_assert_geq(polls, MANY / POLL_ITEMS_MAX);
    uint64_t expected = 3;
    for (unsigned i = first; i < p->message_count; i++) {
        if (is_chatter(p->messages[i]))
            continue;
        cr_assert_eq(seq(p->messages[i]), expected);
        cr_assert_eq(field_is(p->messages[i], 43, "Y"), expected <= MANY + 2);
        expected++;
    }
    cr_assert_eq(expected, MANY + 4);
    world_free(w);
}

/* At level synced nothing leaves before its record is durable, and order is kept. */
Test(gateway_resend, level_synced_holds_back_until_durable)
{
    struct world *w = world_new(15);
    w->sessions[TAKER].level = LEVEL_SYNCED;
    world_start(w);
    world_logon(w, TAKER);
    world_logon(w, LP);
    struct peer *p = &w->peers[TAKER];
    w->not_durable = true;
    report(w, 1, TAKER);
    report(w, 2, TAKER);
    report(w, 9, LP); /* the other session does not wait */
    world_run(w, 5 * MILLISECOND);
    peer_nothing(p);
    peer_expect(&w->peers[LP], "8");
    cr_assert_eq(gateway_session(w->state, TAKER)->next_out, 5);
    /* durable up to the first report only */
    uint64_t first_end = 0;
    for (unsigned i = 0; i < w->batch_count && !first_end; i++)
        for (const struct record *r = batch_first(w->batches[i]); r; r = batch_after(w->batches[i], r))
            if (r->type == RECORD_GATEWAY_OUT && r->session == TAKER &&
                ((const struct gateway_out *)r)->seq == 3)
                first_end = w->batches[i]->position + w->batches[i]->size;
    ring_set_durable(&w->reader, first_end);
    world_run(w, 5 * MILLISECOND);
    cr_assert_eq(seq(peer_expect(p, "8")), 3);
    peer_nothing(p);
    peer_send(p, "35=1|112=behind|"); /* the answer has its number behind: it waits too */
    world_run(w, 5 * MILLISECOND);
    cr_assert_eq(p->next_in, 4);
    w->not_durable = false;
    world_run(w, 5 * MILLISECOND);
    cr_assert_eq(seq(peer_expect(p, "8")), 4);
    cr_assert_eq(p->next_in, 6);
    world_free(w);
}

Test(gateway_resend, level_synced_resends_nothing_that_is_not_durable)
{
    struct world *w = world_new(15);
    w->sessions[TAKER].level = LEVEL_SYNCED;
    world_start(w);
    world_logon(w, TAKER);
    struct peer *p = &w->peers[TAKER];
    w->not_durable = true;
    report(w, 1, TAKER); /* 3: held */
    world_run(w, 5 * MILLISECOND);
    peer_send(p, "35=2|7=1|16=0|");
    world_run(w, 5 * MILLISECOND);
    peer_nothing(p);
    w->not_durable = false;
    world_run(w, 5 * MILLISECOND);
    char got[512];
    summary(p, got, sizeof got);
    cr_assert_str_eq(got, "8!:3 4:1-3 8:3 ");
    world_free(w);
}

/* A run that is being gone through belongs to the first request, wherever a second one begins. */
Test(gateway_resend, asked_twice_fills_all_that_either_request_covers)
{
    struct world *w = world_new(17);
    world_start(w);
    world_logon(w, LP);
    struct peer *p = &w->peers[LP];
    enum { EXPIRED = 1500 }; /* more numbers than one poll goes through */
    const uint64_t expires_ns = w->now_ns + 10 * SECOND;
    for (uint64_t i = 1; i <= EXPIRED; i++) {
        request(w, i, expires_ns);
        if (i % 500 == 0)
            world_run(w, 5 * MILLISECOND);
    }
    while (peer_next(p))
        ;
    world_run(w, 10 * SECOND);
    while (peer_next(p))
        ;
    peer_send(p, "35=2|7=3|16=0|");
    sim_net_advance(w->net, w->now_ns += MILLISECOND);
    struct agent a = gateway_agent(w->gateway);
    a.poll(a.self, w->now_ns);
    peer_send(p, "35=2|7=1000|16=0|");
    sim_net_advance(w->net, w->now_ns += MILLISECOND); /* it is there before the rest is gone through */
    world_run(w, 50 * MILLISECOND);
    const char *m = peer_expect(p, "4");
    cr_assert_eq(seq(m), 3);
    cr_assert_gt(strtoull(field(m, 36), NULL, 10), EXPIRED + 2);
    peer_nothing(p);
    world_free(w);
}

/* A peer that loses connections at random and asks for what it lacks gets every execution, once by number, in
 * order. */
Test(gateway_resend, every_execution_arrives_whatever_happens_to_the_connection)
{
    for (uint64_t seed = 1; seed <= 15; seed++) {
        struct world *w = world_new(seed);
        uint64_t chance = seed;
        world_start(w);
        struct peer *p = &w->peers[TAKER];
        char *got = calloc(1, 1000);
        uint64_t order = 0, seen_to = 0;
        for (unsigned round = 0; round < 60; round++) {
            if (!p->connected) {
                world_connect(w, TAKER);
                if (p->connected)
                    peer_send(p, "35=A|98=0|108=30|");
                world_run(w, 2 * MILLISECOND);
            }
            for (uint64_t n = random_below(&chance, 12); n > 0; n--)
                report(w, ++order, TAKER);
            world_run(w, random_below(&chance, 200000));
            if (p->connected && random_below(&chance, 4) == 0) {
                sim_net_cut(p->port, p->conn);
                world_run(w, 2 * MILLISECOND);
            }
            /* naive: whatever is out of order is dropped, and all from the expected number is asked for */
            for (unsigned i = (unsigned)seen_to; i < p->message_count; i++)
                if (field_is(p->messages[i], 35, "8"))
                    got[strtoull(field(p->messages[i], 37) + 1, NULL, 16)] = 1;
            seen_to = p->message_count;
            if (p->connected && gateway_session(w->state, TAKER)->next_out > p->next_in)
                peer_send(p, "35=2|7=%llu|16=0|", (unsigned long long)p->next_in);
            world_run(w, random_below(&chance, 200000));
        }
        if (!p->connected) {
            world_connect(w, TAKER);
            peer_send(p, "35=A|98=0|108=30|");
        }
        world_run(w, 10 * MILLISECOND);
        peer_send(p, "35=2|7=%llu|16=0|", (unsigned long long)p->next_in);
        world_run(w, 10 * MILLISECOND);
        for (unsigned i = (unsigned)seen_to; i < p->message_count; i++)
            if (field_is(p->messages[i], 35, "8"))
                got[strtoull(field(p->messages[i], 37) + 1, NULL, 16)] = 1;
        for (uint64_t i = 1; i <= order; i++)
            cr_assert(got[i], "seed %llu: execution %llu of %llu is missing", (unsigned long long)seed,
                      (unsigned long long)i, (unsigned long long)order);
        cr_assert_eq(p->next_in, gateway_session(w->state, TAKER)->next_out);
        free(got);
        world_free(w);
    }
}

/* Messages of a later connection may lie in the peer's queue although it asks for an earlier one. */
Test(gateway_resend, lost_are_only_those_behind_the_number_asked_for_on_the_same_connection)
{
    struct world *w = world_new(16);
    world_start(w);
    struct peer *p = &w->peers[LP];
    world_logon(w, LP);                /* 1 Logon, 2 probe */
    request(w, 1, w->now_ns + SECOND); /* 3 */
    request(w, 2, w->now_ns + SECOND); /* 4 */
    world_run(w, 5 * MILLISECOND);
    port_close(p->port, p->conn);
    world_run(w, 5 * MILLISECOND);
    while (peer_next(p))
        ;
    world_logon(w, LP);                /* 5 Logon, 6 probe */
    request(w, 3, w->now_ns + SECOND); /* 7 */
    world_run(w, 5 * MILLISECOND);
    port_close(p->port, p->conn);
    world_run(w, 2 * SECOND);
    while (peer_next(p))
        ;
    world_logon(w, LP); /* 8 Logon, 9 probe */
    world_drain(w);
    peer_send(p, "35=2|7=3|16=0|");
    world_run(w, 5 * MILLISECOND);
    expect_summary(p, "4:3-10 ");
    const struct gateway_unsent *u = lane_expect(w->quote, RECORD_GATEWAY_UNSENT);
    cr_assert_eq(u->out.ref, 1001);
    u = lane_expect(w->quote, RECORD_GATEWAY_UNSENT);
    cr_assert_eq(u->out.ref, 1002);
    cr_assert_null(lane_take(w->quote));
    peer_send(p, "35=2|7=7|16=0|"); /* now it says that it lacks that one too */
    world_run(w, 5 * MILLISECOND);
    u = lane_expect(w->quote, RECORD_GATEWAY_UNSENT);
    cr_assert_eq(u->out.ref, 1003);
    world_free(w);
}

/* The same after a restart: our Logons say where each connection began. */
Test(gateway_resend, what_was_lost_is_known_after_a_restart_too)
{
    struct world *w = world_new(17);
    world_start(w);
    struct peer *p = &w->peers[LP];
    world_logon(w, LP);
    request(w, 1, w->now_ns + SECOND); /* 3 */
    request(w, 2, w->now_ns + SECOND); /* 4 */
    world_run(w, 5 * MILLISECOND);
    world_kill(w);
    w->now_ns += 2 * SECOND;
    sim_net_advance(w->net, w->now_ns);
    peer_poll(p, w->now_ns);
    uint64_t consumed[LANES_MAX] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    world_restart(w, consumed);
    world_run(w, MILLISECOND);
    while (peer_next(p))
        ;
    world_logon(w, LP);
    world_drain(w);
    peer_send(p, "35=2|7=4|16=0|");
    world_run(w, 5 * MILLISECOND);
    const struct gateway_unsent *u = lane_expect(w->quote, RECORD_GATEWAY_UNSENT);
    cr_assert_eq(u->out.ref, 1002);
    cr_assert_eq(u->reason, REASON_LOST);
    cr_assert_null(lane_take(w->quote));
    world_free(w);
}

Test(gateway_resend, a_reset_ends_a_resend)
{
    struct world *w = world_new(18);
    world_start(w);
    struct peer *p = &w->peers[TAKER];
    world_logon(w, TAKER);
    for (uint64_t i = 1; i <= 300; i++)
        report(w, i, TAKER);
    world_run(w, 5 * MILLISECOND);
    peer_send(p, "35=2|7=3|16=0|");
    p->next_out = 1;
    peer_send(p, "35=A|98=0|108=30|141=Y|");
    p->next_in = 1;
    struct agent a = gateway_agent(w->gateway);
    uint64_t before = counted(w, "rfqd_fix_logons_total", "session=\"T1\"");
    while (counted(w, "rfqd_fix_logons_total", "session=\"T1\"") == before) {
        w->now_ns += 1000;
        sim_net_advance(w->net, w->now_ns);
        a.poll(a.self, w->now_ns);
        world_log(w);
    }
    uint64_t resent = counted(w, "rfqd_fix_resent_total", "session=\"T1\"");
    cr_assert_lt(resent, 300);
    report(w, 301, TAKER);
    world_run(w, 10 * MILLISECOND);
    cr_assert_eq(counted(w, "rfqd_fix_resent_total", "session=\"T1\""), resent);
    const char *last = NULL;
    for (const char *m; (m = peer_next(p)) != NULL;)
        last = m;
    cr_assert(field_is(last, 37, "O12D") && field_is(last, 34, "3"), "%s", last);
    world_free(w);
}

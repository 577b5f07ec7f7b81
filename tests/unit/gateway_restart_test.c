/* kill -9 at each commit, and what a restart from ring and log makes of it. */
#include "dataplane/core/decimal.h"
#include "tests/unit/gateway_harness.h"

/* An engine that keeps what it got, by position, as `consumed` would. */
struct engine {
    uint64_t consumed;
    unsigned requests;
    char seen[64][ID_TEXT_SIZE];
};

static void engine_take(struct engine *e, struct lane *l)
{
    for (const struct lane_item *item; (item = lane_take(l)) != NULL;) {
        cr_assert_gt(item->position, e->consumed, "decided twice, or out of order");
        e->consumed = item->position;
        if (item->record.type == RECORD_COMMAND_QUOTE_REQUEST) {
            const struct command_quote_request *c = (const void *)&item->record;
            memcpy(e->seen[e->requests++], c->request_id, ID_TEXT_SIZE);
        }
    }
}

/* A taker logs on, asks ten times, is answered in between; the gateway dies at the n-th commit, is started
 * again, and goes on. Returns false when it did not die any more. */
static bool life(unsigned kill_at, uint64_t seed)
{
    struct world *w = world_new(seed);
    world_start(w);
    struct engine request = {0}, order = {0};
    volatile unsigned asked = 0, answered = 0;
    struct peer *p = &w->peers[TAKER];
    w->kill_at_commit = kill_at;
    bool died = false;
    if (setjmp(w->killed) == 0) {
        world_logon(w, TAKER);
        while (asked < 10) {
            peer_send(p, "35=R|131=req-%u|146=1|55=EURUSD|38=1|", asked++);
            world_run(w, MILLISECOND / 5);
            engine_take(&request, w->request);
            engine_take(&order, w->order);
            if (asked % 2) {
                struct order_report ev = {.out = {.ref = 1, .ref_kind = REF_ORDER, .must_reach = 1},
                                          .order = ++answered,
                                          .exec_type = '0',
                                          .ord_status = '0',
                                          .side = '1',
                                          .symbol = "EURUSD"};
                EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
            }
        }
        world_run(w, 5 * MILLISECOND);
    } else {
        died = true;
    }
    w->kill_at_commit = 0;
    world_kill(w);
    uint64_t next_in = gateway_session(w->twin, TAKER)->next_in,
             next_out = gateway_session(w->twin, TAKER)->next_out;
    /* what was handed to the network arrives */
    for (unsigned i = 0; i < 100; i++) {
        w->now_ns += MILLISECOND / 10;
        sim_net_advance(w->net, w->now_ns);
        peer_poll(p, w->now_ns);
    }
    cr_assert_leq(p->next_in, next_out, "nothing left that was not recorded");
    uint64_t consumed[LANES_MAX] = {[LANE_ORDER] = order.consumed, [LANE_REQUEST] = request.consumed};
    world_restart(w, consumed);
    engine_take(&request, w->request);
    engine_take(&order, w->order);
    /* events that the gateway had not consumed are put into its lane again */
    unsigned recorded = 0;
    for (unsigned i = 0; i < w->batch_count; i++)
        for (const struct record *r = batch_first(w->batches[i]); r; r = batch_after(w->batches[i], r))
            recorded += r->type == RECORD_GATEWAY_OUT && ((const struct gateway_out *)r)->out.ref == 1 &&
                        !((const struct gateway_out *)r)->resend_of;
    w->engine_position[AGENT_ROUTING] = w->state->base.marks.consumed[AGENT_ROUTING][LANE_ENGINE];
    for (unsigned i = recorded + 1; i <= answered; i++) {
        struct order_report ev = {.out = {.ref = 1, .ref_kind = REF_ORDER, .must_reach = 1},
                                  .order = i,
                                  .exec_type = '0',
                                  .ord_status = '0',
                                  .side = '1',
                                  .symbol = "EURUSD"};
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    }
    world_run(w, 5 * MILLISECOND);
    engine_take(&request, w->request);
    /* The peer comes back with its own numbers. We expect what we had recorded; it sends the rest again. */
    world_connect(w, TAKER);
    cr_assert(p->connected);
    uint64_t resend_from = next_in, last = p->next_out;
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 2 * MILLISECOND);
    const char *m, *logon = NULL;
    while ((m = peer_next(p)) != NULL) {
        if (field_is(m, 35, "A"))
            logon = m;
        cr_assert(!field_is(m, 35, "5"), "%s", m);
    }
    cr_assert(logon && !field(logon, 141), "it goes on without a reset");
    if (resend_from < last) { /* we asked for what we lack */
        peer_send_as(p, resend_from, "35=4|43=Y|122=20261118-00:00:00|123=Y|36=999|");
        p->next_out = 999;
        world_run(w, 2 * MILLISECOND);
    }
    peer_send(p, "35=2|7=%llu|16=0|", (unsigned long long)p->next_in);
    peer_send(p, "35=R|131=after|146=1|55=EURUSD|38=1|");
    world_run(w, 5 * MILLISECOND);
    engine_take(&request, w->request);
    cr_assert_eq(p->next_in, gateway_session(w->state, TAKER)->next_out);
    cr_assert_eq(p->next_out, gateway_session(w->state, TAKER)->next_in);
    /* Every request whose record is in the ring was decided, once, in order. */
    unsigned taken = 0;
    for (unsigned i = 0; i < w->batch_count; i++)
        for (const struct record *r = batch_first(w->batches[i]); r; r = batch_after(w->batches[i], r))
            if (r->type == RECORD_GATEWAY_IN && r->dest == AGENT_DISTRIBUTION) {
                const char *bytes = ((const struct gateway_in *)r)->bytes;
                cr_assert_lt(taken, request.requests);
                char id[64];
                snprintf(id, sizeof id,
                         "\x01"
                         "131=%s\x01",
                         request.seen[taken++]);
                cr_assert_not_null(strstr(bytes, id));
            }
    cr_assert_eq(taken, request.requests);
    cr_assert_str_eq(request.seen[taken - 1], "after");
    /* What is sent again are reports: what is administrative is filled, also where it was restored. */
    for (unsigned k = 0; k < p->message_count; k++)
        cr_assert(!field_is(p->messages[k], 43, "Y") || field_is(p->messages[k], 35, "8") ||
                      field_is(p->messages[k], 35, "4"),
                  "%s", p->messages[k]);
    /* Every report arrived. */
    for (unsigned i = 1; i <= answered; i++) {
        bool found = false;
        char name[8];
        snprintf(name, sizeof name, "O%X", i);
        for (unsigned k = 0; k < p->message_count; k++)
            found = found || (field_is(p->messages[k], 35, "8") && field_is(p->messages[k], 37, name));
        cr_assert(found, "kill at commit %u: report %u is missing", kill_at, i);
    }
    world_free(w);
    return died;
}

Test(gateway_restart, killed_at_any_commit_it_goes_on_with_no_reset_and_no_loss)
{
    unsigned kill_at = 1;
    while (life(kill_at, kill_at))
        kill_at++;
    cr_assert_gt(kill_at, 15, "there were commits to die at");
}

Test(gateway_restart, sessions_that_were_up_are_told_down_after_what_they_sent)
{
    struct world *w = world_new(31);
    world_start(w);
    world_logon(w, LP);
    world_drain(w);
    uint64_t consumed_to = w->ring.write;
    peer_send(&w->peers[LP], "35=S|131=R1|117=q|55=EURUSD|132=1|");
    world_run(w, 5 * MILLISECOND);
    world_kill(w); /* the quote was not decided */
    uint64_t consumed[LANES_MAX] = {consumed_to, consumed_to, consumed_to};
    world_restart(w, consumed);
    world_run(w, MILLISECOND);
    const struct lane_item *item = lane_take(w->quote);
    cr_assert_eq(item->record.type, RECORD_COMMAND_QUOTE);
    uint64_t position = item->position;
    item = lane_take(w->quote);
    cr_assert_eq(item->record.type, RECORD_GATEWAY_SESSION_STATE);
    cr_assert_eq(((const struct gateway_session_state *)&item->record)->state, SESSION_DOWN);
    cr_assert_gt(item->position, position);
    lane_expect(w->order, RECORD_GATEWAY_SESSION_STATE);
    cr_assert(!lane_peek(w->order) && !lane_peek(w->quote));
    cr_assert_eq(gateway_session(w->state, LP)->state, SESSION_DOWN);
    world_free(w);
}

Test(gateway_restart, after_a_power_cut_numbers_jump_and_the_hole_is_filled)
{
    struct world *w = world_new(32);
    world_start(w);
    struct peer *p = &w->peers[TAKER];
    world_logon(w, TAKER);
    world_kill(w);
    cr_assert_eq(sim_net_port(w->net, address("10.0.0.1", 0).sin_addr, 64, &w->port), OK);
    cr_assert_eq(gateway_state_create(&w->state, AGENT_GATEWAY, false), OK);
    for (unsigned i = 0; i < w->batch_count; i++)
        state_apply_batch(&w->state->base, w->batches[i]);
    uint64_t next_out = gateway_session(w->state, TAKER)->next_out;
    world_gateway(w);
    cr_assert_eq(gateway_start(w->gateway, w->now_ns, 1000), OK);
    world_run(w, MILLISECOND);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_out, next_out + 1000);
    world_connect(w, TAKER);
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 5 * MILLISECOND);
    peer_expect(p, "A");
    peer_send(p, "35=2|7=%llu|16=0|", (unsigned long long)p->next_in);
    world_run(w, 5 * MILLISECOND);
    peer_expect(p, "4");
    cr_assert_eq(p->next_in, gateway_session(w->state, TAKER)->next_out);
    world_free(w);
}

Test(gateway_restart, a_changed_configuration_keeps_the_numbers)
{
    struct world *w = world_new(33);
    world_start(w);
    world_logon(w, TAKER);
    uint64_t next_in = gateway_session(w->state, TAKER)->next_in;
    world_kill(w);
    snprintf(w->sessions[TAKER].fix.target, ID_TEXT_SIZE, "T1B");
    uint64_t consumed[LANES_MAX] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    world_restart(w, consumed);
    world_run(w, MILLISECOND);
    const struct session *s = gateway_session(w->state, TAKER);
    cr_assert_str_eq(s->target, "T1B");
    cr_assert_eq(s->next_in, next_in);
    w->peers[TAKER].name = "T1B";
    world_logon(w, TAKER);
    world_free(w);
}

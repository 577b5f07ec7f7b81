/* What an operator asks of a session: done, recorded, told to the engines, answered after the commit. */
#include "tests/unit/gateway_harness.h"

static struct gateway_answer asked(struct world *w, const struct gateway_order *order)
{
    struct gateway_answer answer;
    cr_assert(gateway_ask(w->gateway, order));
    for (unsigned i = 0; i < 100; i++) {
        if (gateway_answered(w->gateway, &answer)) {
            cr_assert_leq(answer.position, ring_tail(&w->ring), "answered before it was committed");
            return answer;
        }
        world_run(w, MILLISECOND);
    }
    cr_assert(false, "no answer");
    return answer;
}

static void disconnect(struct world *w, unsigned i)
{
    port_close(w->peers[i].port, w->peers[i].conn);
    world_run(w, 2 * MILLISECOND);
    cr_assert_eq(gateway_session(w->state, i)->state, SESSION_DOWN);
}

Test(gateway_operator, logout_is_sent_with_its_text_and_answered_when_the_connection_is_gone)
{
    struct world *w = world_new(1);
    world_start(w);
    world_logon(w, LP);
    const struct gateway_order order = {.kind = GATEWAY_LOGOUT, .session = LP, .text = "see you"};
    struct gateway_answer answer;
    cr_assert(gateway_ask(w->gateway, &order));
    cr_assert_not(gateway_ask(w->gateway, &order), "one at a time");
    world_run(w, 5 * MILLISECOND);
    cr_assert_not(gateway_answered(w->gateway, &answer), "the peer has not answered yet");
    cr_assert(field_is(peer_expect(&w->peers[LP], "5"), 58, "see you"));
    peer_send(&w->peers[LP], "35=5|");
    disconnect(w, LP);
    world_run(w, 5 * MILLISECOND);
    cr_assert(gateway_answered(w->gateway, &answer));
    cr_assert_eq(answer.said, GATEWAY_SAID_DONE);
    cr_assert_not(gateway_answered(w->gateway, &answer), "an answer is given once");
    world_free(w);
}

Test(gateway_operator, logout_of_a_session_that_is_down_is_refused)
{
    struct world *w = world_new(1);
    world_start(w);
    const struct gateway_order order = {.kind = GATEWAY_LOGOUT, .session = TAKER};
    world_run(w, 2 * MILLISECOND);
    unsigned batches = w->batch_count;
    cr_assert_eq(asked(w, &order).said, GATEWAY_SAID_DOWN);
    cr_assert_eq(w->batch_count, batches, "a refusal leaves no record");
    world_free(w);
}

Test(gateway_operator, a_number_that_is_no_sessions_is_refused)
{
    struct world *w = world_new(1);
    world_start(w);
    const struct gateway_order order = {.kind = GATEWAY_RESET, .session = SESSIONS_MAX + 7};
    cr_assert_eq(asked(w, &order).said, GATEWAY_SAID_UNKNOWN);
    world_free(w);
}

Test(gateway_operator, reset_while_connected_is_refused)
{
    struct world *w = world_new(1);
    world_start(w);
    world_logon(w, TAKER);
    const struct gateway_order order = {.kind = GATEWAY_RESET, .session = TAKER};
    uint64_t next_out = gateway_session(w->state, TAKER)->next_out;
    cr_assert_eq(asked(w, &order).said, GATEWAY_SAID_CONNECTED);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_out, next_out);
    world_free(w);
}

Test(gateway_operator, after_a_reset_both_sides_begin_at_one)
{
    struct world *w = world_new(1);
    world_start(w);
    world_logon(w, TAKER);
    disconnect(w, TAKER);
    const struct gateway_order order = {.kind = GATEWAY_RESET, .session = TAKER};
    struct gateway_answer answer = asked(w, &order);
    cr_assert_eq(answer.said, GATEWAY_SAID_DONE);
    cr_assert_eq(answer.generation, 2);
    cr_assert_eq(answer.next_in, 1);
    cr_assert_eq(answer.next_out, 1);
    w->peers[TAKER].next_out = w->peers[TAKER].next_in = 1;
    w->peers[TAKER].message_next = w->peers[TAKER].message_count;
    world_logon(w, TAKER);
    cr_assert_eq(gateway_session(w->state, TAKER)->state, SESSION_SYNCED);
    cr_assert_eq(state_digest(&w->state->base), state_digest(&w->twin->base));
    world_free(w);
}

Test(gateway_operator, numbers_that_are_set_are_those_of_the_next_logon_and_outlive_a_kill)
{
    struct world *w = world_new(1);
    world_start(w);
    world_logon(w, TAKER);
    disconnect(w, TAKER);
    const struct gateway_order order = {
        .kind = GATEWAY_NUMBERS, .session = TAKER, .next_in = 50, .next_out = 900};
    cr_assert_eq(asked(w, &order).said, GATEWAY_SAID_DONE);
    world_kill(w);
    const uint64_t consumed[LANES_MAX] = {0};
    world_restart(w, consumed);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, 50);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_out, 900);
    w->peers[TAKER].next_out = 50;
    w->peers[TAKER].next_in = 900;
    w->peers[TAKER].message_next = w->peers[TAKER].message_count;
    world_logon(w, TAKER);
    cr_assert_eq(gateway_session(w->state, TAKER)->state, SESSION_SYNCED);
    world_free(w);
}

/* Routing asks about the orders there; of a taker's session nobody has to know. */
Test(gateway_operator, numbers_of_an_lps_session_are_told_to_routing)
{
    struct world *w = world_new(1);
    world_start(w);
    world_drain(w);
    static const struct gateway_order orders[] = {
        {.kind = GATEWAY_RESET, .session = LP},
        {.kind = GATEWAY_NUMBERS, .session = LP, .next_in = 50, .next_out = 900},
        {.kind = GATEWAY_RESET, .session = TAKER},
        {.kind = GATEWAY_NUMBERS, .session = TAKER, .next_in = 50, .next_out = 900}};
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(asked(w, &orders[i]).said, GATEWAY_SAID_DONE);
        if (i == 0)
            cr_assert_eq(
                ((const struct gateway_session_reset *)lane_expect(w->order, RECORD_GATEWAY_SESSION_RESET))
                    ->generation,
                2);
        if (i == 1)
            cr_assert_eq(((const struct gateway_session_numbers *)lane_expect(w->order,
                                                                              RECORD_GATEWAY_SESSION_NUMBERS))
                             ->generation,
                         3);
        cr_assert_null(lane_take(w->order));
        cr_assert_null(lane_take(w->request));
        cr_assert_null(lane_take(w->quote));
    }
    world_free(w);
}

Test(gateway_operator, a_state_is_told_once_more_unless_it_is_down)
{
    struct world *w = world_new(1);
    world_start(w);
    world_logon(w, LP);
    world_drain(w);
    const struct gateway_order order = {.kind = GATEWAY_TELL, .session = LP},
                               down = {.kind = GATEWAY_TELL, .session = TAKER};
    cr_assert_eq(asked(w, &order).said, GATEWAY_SAID_DONE);
    const struct gateway_session_state *ev = lane_expect(w->quote, RECORD_GATEWAY_SESSION_STATE);
    cr_assert_eq(ev->state, SESSION_SYNCED);
    ev = lane_expect(w->order, RECORD_GATEWAY_SESSION_STATE);
    cr_assert_eq(ev->state, SESSION_SYNCED);
    cr_assert_eq(asked(w, &down).said, GATEWAY_SAID_DONE);
    cr_assert_null(lane_take(w->request));
    cr_assert_null(lane_take(w->order));
    world_free(w);
}

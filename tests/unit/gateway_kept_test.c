/* Messages that come before their turn, through the whole gateway: kept, then recorded and decided in order.
 */
#include "tests/unit/gateway_harness.h"

#define ASK "35=R|131=req-%u|146=1|55=EURUSD|38=1|"

static struct world *world_up(void)
{
    struct world *w = world_new(31);
    world_start(w);
    world_logon(w, TAKER);
    world_drain(w);
    return w;
}

/* Requests `first` to `last`, of which each number is the peer's next one. */
static void ask(struct world *w, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        peer_send(&w->peers[TAKER], ASK, i);
    world_run(w, 5 * MILLISECOND);
}

static void ask_again(struct world *w, uint64_t seq, unsigned request)
{
    char body[200];
    snprintf(body, sizeof body, "35=R|43=Y|122=20261118-00:00:00|131=req-%u|146=1|55=EURUSD|38=1|", request);
    peer_send_as(&w->peers[TAKER], seq, body);
    world_run(w, 5 * MILLISECOND);
}

static void expect_requests(struct world *w, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        const struct command_quote_request *c = lane_expect(w->request, RECORD_COMMAND_QUOTE_REQUEST);
        char id[16];
        snprintf(id, sizeof id, "req-%u", i);
        cr_assert_str_eq(c->request_id, id);
    }
    cr_assert_null(lane_peek(w->request));
}

Test(gateway_kept, what_came_too_early_is_decided_behind_what_was_missing)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    uint64_t missing = p->next_out;
    p->next_out += 2;
    ask(w, 3, 6);
    cr_assert_null(lane_peek(w->request));
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, missing, "nothing of it is recorded yet");
    const char *m = peer_expect(p, "2");
    cr_assert(strtoull(field(m, 7), NULL, 10) == missing && strtoull(field(m, 16), NULL, 10) == missing + 1);
    ask_again(w, missing, 1);
    expect_requests(w, 1, 1);
    ask_again(w, missing + 1, 2);
    expect_requests(w, 2, 6);
    ask(w, 7, 7);
    expect_requests(w, 7, 7);
    peer_nothing(p);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out);
    cr_assert_eq(counted(w, "rfqd_fix_kept_total", "session=\"T1\""), 4);
    cr_assert_eq(counted(w, "rfqd_fix_kept_no_room_total", "session=\"T1\""), 0);
    cr_assert_eq(counted(w, "rfqd_fix_gaps_total", "session=\"T1\""), 1);
    world_free(w);
}

Test(gateway_kept, what_finds_no_room_is_asked_for_in_its_turn)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    uint64_t missing = p->next_out++;
    enum { BEHIND = FIX_KEPT_MAX + 10 };
    ask(w, 2, 1 + BEHIND);
    peer_expect(p, "2");
    cr_assert_eq(counted(w, "rfqd_fix_kept_total", "session=\"T1\""), FIX_KEPT_MAX);
    cr_assert_eq(counted(w, "rfqd_fix_kept_no_room_total", "session=\"T1\""), BEHIND - FIX_KEPT_MAX);
    ask_again(w, missing, 1);
    expect_requests(w, 1, 1 + FIX_KEPT_MAX);
    const char *m = peer_expect(p, "2");
    cr_assert_eq(strtoull(field(m, 7), NULL, 10), missing + 1 + FIX_KEPT_MAX);
    cr_assert(field_is(m, 16, "0"));
    for (unsigned i = 2 + FIX_KEPT_MAX; i <= 1 + BEHIND; i++)
        ask_again(w, missing + i - 1, i);
    expect_requests(w, 2 + FIX_KEPT_MAX, 1 + BEHIND);
    peer_nothing(p);
    world_free(w);
}

/* Withdrawals: what is not refused for want of room, but waits (gateway.h). */
static void withdraw(struct world *w, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        peer_send(&w->peers[TAKER], "35=Z|131=req-%u|117=q|298=4|", i);
    world_run(w, 5 * MILLISECOND);
}

static void withdraw_again(struct world *w, uint64_t seq, unsigned request)
{
    char body[200];
    snprintf(body, sizeof body, "35=Z|43=Y|122=20261118-00:00:00|131=req-%u|117=q|298=4|", request);
    peer_send_as(&w->peers[TAKER], seq, body);
    world_run(w, 5 * MILLISECOND);
}

Test(gateway_kept, a_full_lane_holds_it_up_and_nothing_passes_it)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    unsigned next = 1;
    while (counted(w, "rfqd_gateway_lane_waits_total", "gateway=\"0\"") == 0) {
        withdraw(w, next, next + 49);
        next += 50;
        cr_assert_lt(next, 20000);
    }
    /* Room for all that stands unread, and for some fifty more. */
    unsigned taken = 0, more = 0;
    while (more < 50) {
        char id[16];
        const struct command_request_cancel *c = lane_expect(w->request, RECORD_COMMAND_REQUEST_CANCEL);
        snprintf(id, sizeof id, "req-%u", ++taken);
        cr_assert_str_eq(c->request_id, id);
        world_run(w, MILLISECOND);
        more += gateway_session(w->state, TAKER)->next_in == p->next_out;
    }
    uint64_t missing = p->next_out++;
    unsigned hole = next++;
    withdraw(w, next, next + 99);
    next += 100;
    cr_assert_eq(counted(w, "rfqd_fix_kept_total", "session=\"T1\""), 100);
    withdraw_again(w, missing, hole);
    withdraw(w, next, next + 9);
    next += 10;
    cr_assert_lt(gateway_session(w->state, TAKER)->next_in, missing + 100, "there was no room for all");
    for (unsigned turn = 0; turn < 400; turn++) {
        const struct lane_item *item;
        for (unsigned few = 0; few < 40 && (item = lane_take(w->request)) != NULL; few++) {
            char id[16];
            snprintf(id, sizeof id, "req-%u", ++taken);
            cr_assert_str_eq(((const struct command_request_cancel *)&item->record)->request_id, id);
        }
        world_run(w, MILLISECOND);
    }
    cr_assert_eq(taken, next - 1);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out);
    cr_assert_eq(counted(w, "rfqd_fix_gaps_total", "session=\"T1\""), 1);
    world_free(w);
}

Test(gateway_kept, after_a_crash_it_is_asked_for_again_and_decided_once)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    uint64_t missing = p->next_out++;
    ask(w, 2, 4);
    peer_expect(p, "2");
    world_kill(w);
    uint64_t consumed[LANES_MAX];
    memset(consumed, 0xff, sizeof consumed);
    world_restart(w, consumed);
    world_drain(w);
    world_connect(w, TAKER);
    p->next_out = missing + 4;
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 5 * MILLISECOND);
    peer_expect(p, "A");
    world_drain(w); /* of the fence */
    const char *m = peer_expect(p, "2");
    cr_assert(strtoull(field(m, 7), NULL, 10) == missing && strtoull(field(m, 16), NULL, 10) == missing + 3,
              "all but the Logon, which is kept: %s", m);
    for (unsigned i = 1; i <= 4; i++)
        ask_again(w, missing + i - 1, i);
    expect_requests(w, 1, 4);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out);
    world_free(w);
}

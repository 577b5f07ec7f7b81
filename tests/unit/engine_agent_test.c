/* The agent around decisions: what is taken first, what waits, what leaves and when. Routing is the engine,
 * since its items are the simplest: a session's state leads to one record, an order to one for distribution.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "dataplane/engine/engine.h"

#define SECOND 1000000000ull

/* Inputs: two gateways' order lanes, distribution's, and (routing has none, but the agent is the same)
 * request lanes. */
enum { IN_ORDER, IN_ORDER_2, IN_ENGINE, IN_REQUEST, IN_REQUEST_2, INPUTS };

static struct {
    struct ring ring;
    struct ring_reader reader;
    struct routing_state *state, *twin;
    struct lane *in[INPUTS];
    uint64_t position[INPUTS];
    struct lane *to_gateway, *to_distribution;
    struct counters *counters;
    struct engine *engine;
    struct settings settings;
    unsigned commits;
    uint64_t now_ns;
} t;

static const struct engine_input inputs[INPUTS] = {
    [IN_ORDER] = {NULL, AGENT_GATEWAY, LANE_ORDER},
    [IN_ORDER_2] = {NULL, AGENT_GATEWAY + 1, LANE_ORDER},
    [IN_ENGINE] = {NULL, AGENT_DISTRIBUTION, LANE_ENGINE},
    [IN_REQUEST] = {NULL, AGENT_GATEWAY, LANE_REQUEST},
    [IN_REQUEST_2] = {NULL, AGENT_GATEWAY + 1, LANE_REQUEST},
};

static void open_agent(void)
{
    static const struct ring_identity identity = {"agent", "agent"};
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/rfqd-test-agent-%d", (int)getpid());
    cr_assert_eq(ring_create(&t.ring, path, RING_SIZE_MIN, AGENT_ROUTING, &identity, 0), OK);
    unlink(path);
    ring_reader_init(&t.reader, &t.ring, 0);
    t.settings = (struct settings){.order_ack_timeout_ns = SECOND,
                                   .order_cancel_retry_ns = SECOND,
                                   .retire_after_ns = SECOND,
                                   .orders_max = 8192,
                                   .fills_max = 16384};
    cr_assert_eq(routing_state_create(&t.state, &t.settings, true, false, 0), OK);
    cr_assert_eq(routing_state_create(&t.twin, &t.settings, false, true, 0), OK);
    cr_assert_eq(counters_create(&t.counters, NULL), OK);
    cr_assert_eq(lane_create(&t.to_gateway, LANE_SIZE_MIN), OK);
    cr_assert_eq(lane_create(&t.to_distribution, LANE_SIZE_MIN), OK);
    struct engine_config c = {.agent = AGENT_ROUTING,
                              .ring = &t.ring,
                              .state = &t.state->base,
                              .input_count = INPUTS,
                              .counters = t.counters,
                              .digest_every_batches = 10};
    for (unsigned i = 0; i < INPUTS; i++) {
        cr_assert_eq(lane_create(&t.in[i], LANE_SIZE_MIN), OK);
        c.inputs[i] = inputs[i];
        c.inputs[i].lane = t.in[i];
    }
    c.out[AGENT_GATEWAY] = c.out[AGENT_GATEWAY + 1] = t.to_gateway;
    c.out[AGENT_DISTRIBUTION] = t.to_distribution;
    cr_assert_eq(engine_create(&t.engine, &c), OK);
    t.now_ns = 10 * SECOND;
    struct engine_setup setup = {.settings = t.settings};
    engine_start(t.engine, &setup, t.now_ns);
}

static void close_agent(void)
{
    engine_destroy(t.engine);
    ring_close(&t.ring);
    t.state->base.destroy(&t.state->base);
    t.twin->base.destroy(&t.twin->base);
    for (unsigned i = 0; i < INPUTS; i++)
        lane_destroy(t.in[i]);
    lane_destroy(t.to_gateway);
    lane_destroy(t.to_distribution);
    counters_close(t.counters);
}

TestSuite(engine_agent, .init = open_agent, .fini = close_agent);

static bool put(unsigned in, const struct record *r)
{
    bool done = lane_put(t.in[in], inputs[in].from, inputs[in].subject, t.position[in] + 8, t.now_ns, r, 0);
    lane_commit(t.in[in]);
    if (done)
        t.position[in] += 8;
    return done;
}

static void put_session(unsigned in, uint32_t session)
{
    struct gateway_session_state c = {
        .head = {.size = sizeof c, .type = RECORD_GATEWAY_SESSION_STATE, .version = 1, .session = session},
        .state = SESSION_SYNCED};
    cr_assert(put(in, &c.head));
}

static bool put_order(unsigned in, unsigned number)
{
    struct command_order c = {
        .head = {.size = sizeof c, .type = RECORD_COMMAND_ORDER, .version = 1, .session = 1},
        .quote_id = "Q1",
        .quantity = 1,
        .side = '1',
        .ord_type = 'D'};
    snprintf(c.cl_ord_id, sizeof c.cl_ord_id, "A%u", number);
    return put(in, &c.head);
}

static unsigned poll_engine(void)
{
    struct agent a = engine_agent(t.engine);
    return a.poll(a.self, t.now_ns);
}

/* The log agent and the replica: every batch, digests compared where the engine gave one. */
static unsigned digests;
static void read_ring(void)
{
    const struct batch *b;
    while ((b = ring_next(&t.reader))) {
        const struct record *r = batch_first(b);
        if (r->type == RECORD_ROUTING_DIGEST) {
            cr_assert_eq(((const struct engine_digest *)r)->digest, state_digest(&t.twin->base));
            cr_assert_eq(((const struct engine_digest *)r)->batches, t.twin->base.marks.batches);
            digests++;
        }
        state_apply_batch(&t.twin->base, b);
        ring_release(&t.reader, b->position + b->size);
    }
}

static unsigned drain(struct lane *l)
{
    unsigned n = 0;
    while (lane_peek(l)) {
        lane_pop(l);
        n++;
    }
    lane_release(l);
    return n;
}

static uint64_t counted(const char *name, const char *label)
{
    struct counter_view v;
    for (uint32_t i = 0; counters_at(t.counters, i, &v); i++)
        if (strcmp(v.name, name) == 0 && strcmp(v.label, label) == 0)
            return v.value;
    cr_assert(false, "no counter %s{%s}", name, label);
    return 0;
}

/* Order of what leaves
 * ------------------------------------------------------------------------------------------- */

static void at_commit(void *ctx, struct ring *r)
{
    (void)ctx;
    if (ring_tail(r) != r->write)
        return; /* before the store */
    cr_assert_eq(lane_used(t.to_gateway), 0);
    cr_assert_eq(lane_used(t.to_distribution), 0);
    t.commits++;
}

Test(engine_agent, commits_once_for_a_poll_and_nothing_leaves_before)
{
    t.ring.on_commit = at_commit;
    for (unsigned i = 0; i < 5; i++)
        put_order(IN_ORDER, i);
    put_session(IN_REQUEST, 3);
    cr_assert_eq(poll_engine(), 6);
    cr_assert_eq(t.commits, 1);
    const struct lane_item *item = lane_peek(t.to_distribution);
    cr_assert_not_null(item);
    cr_assert_eq(item->agent, AGENT_ROUTING);
    cr_assert_eq(item->lane, LANE_ENGINE);
    cr_assert_eq(item->origin_time_ns, t.now_ns);
    cr_assert_leq(item->position, ring_tail(&t.ring));
    cr_assert_eq(drain(t.to_distribution), 5);
    cr_assert_eq(poll_engine(), 0);
    cr_assert_eq(t.commits, 1, "an idle poll commits nothing");
}

Test(engine_agent, forwards_each_record_with_the_position_it_has_in_the_ring)
{
    for (unsigned i = 0; i < 5; i++)
        put_order(IN_ORDER, i);
    poll_engine();
    const struct batch *b;
    while ((b = ring_next(&t.reader)))
        for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
            if (r->dest == AGENT_NONE)
                continue;
            const struct lane_item *item = lane_peek(t.to_distribution);
            cr_assert_eq(item->position, batch_record_position(b, r));
            cr_assert_eq(memcmp(&item->record, r, r->size), 0);
            cr_assert_eq(b->cause_agent, AGENT_GATEWAY);
            cr_assert_eq(b->cause_lane, LANE_ORDER);
            lane_pop(t.to_distribution);
        }
    cr_assert_null(lane_peek(t.to_distribution));
    cr_assert_eq(t.state->base.marks.consumed[AGENT_GATEWAY][LANE_ORDER], 40);
}

/* Order of what is taken
 * ------------------------------------------------------------------------------------------ */

Test(engine_agent, takes_order_and_engine_lanes_before_request_lanes)
{
    for (unsigned i = 0; i < 3; i++)
        for (unsigned in = INPUTS; in-- > 0;)
            put_session(in, in);
    cr_assert_eq(poll_engine(), 3 * INPUTS);
    bool low = false;
    unsigned items = 0;
    const struct batch *b;
    while ((b = ring_next(&t.reader))) {
        if (b->cause_agent == AGENT_NONE)
            continue;
        if (b->cause_lane == LANE_REQUEST)
            low = true;
        else
            cr_assert_not(low, "lane %u after a request", b->cause_lane);
        items++;
    }
    cr_assert(low);
    cr_assert_eq(items, 3 * INPUTS);
}

Test(engine_agent, takes_a_bounded_number_from_each_lane_and_begins_with_another_each_time)
{
    for (unsigned i = 0; i < 3 * POLL_ITEMS_MAX; i++) {
        put_session(IN_REQUEST, 5);
        put_session(IN_REQUEST_2, 6);
    }
    unsigned first[2] = {0};
    for (unsigned poll = 0; poll < 3; poll++) {
        cr_assert_eq(poll_engine(), 2 * POLL_ITEMS_MAX);
        const struct batch *b;
        unsigned before = first[0] + first[1];
        while ((b = ring_next(&t.reader)))
            if (b->cause_agent != AGENT_NONE && first[0] + first[1] == before)
                first[b->cause_agent - AGENT_GATEWAY]++;
    }
    cr_assert_eq(first[0] + first[1], 3);
    cr_assert(first[0] && first[1]);
    cr_assert_eq(poll_engine(), 0);
}

/* Back-pressure
 * ----------------------------------------------------------------------------------------------------- */

Test(engine_agent, without_room_in_an_output_lane_items_stay_where_they_are)
{
    /* Nobody reads: orders are taken up to the mark, then refused, until what one decision may need is not
     * free any more. */
    unsigned taken = 0, work;
    for (unsigned i = 0;; i++) {
        cr_assert(put_order(IN_ORDER, i));
        read_ring();
        work = poll_engine();
        if (work == 0)
            break;
        taken += table_count(t.state->orders) == taken + 1;
    }
    cr_assert_gt(taken, 100);
    cr_assert_gt(counted("rfqd_engine_refusals_total", "agent=\"routing\",reason=\"busy\""), 100);
    uint64_t write = t.ring.write, waiting = lane_used(t.in[IN_ORDER]);
    cr_assert_gt(waiting, 0);
    cr_assert_eq(poll_engine(), 0);
    cr_assert_eq(t.ring.write, write, "nothing was half decided");
    cr_assert_gt(counted("rfqd_engine_stalls_total", "agent=\"routing\",full=\"lane\""), 1);
    cr_assert_eq(drain(t.to_distribution), taken);
    drain(t.to_gateway);
    cr_assert_eq(poll_engine(), 1);
    cr_assert_eq(lane_used(t.in[IN_ORDER]), 0);
    cr_assert_eq(table_count(t.state->orders), taken + 1);
}

Test(engine_agent, a_full_ring_stops_requests_first_and_loses_none_of_them)
{
    /* The log agent does not read. Requests stop while orders, executions and sessions still have the
     * reserve. */
    unsigned requests = 0, orders = 0, stopped_at = 0;
    for (unsigned i = 0; i < 100000; i++) {
        put_session(IN_REQUEST, 5);
        unsigned work = poll_engine();
        requests += work;
        if (work == 0)
            break;
    }
    stopped_at = requests;
    cr_assert_gt(stopped_at, 1000);
    cr_assert_geq(t.ring.size - t.ring.write, BATCH_SIZE_MAX);
    for (unsigned i = 0; i < 100000; i++) {
        put_session(IN_ORDER, 6);
        if (poll_engine() == 0)
            break;
        orders++;
    }
    cr_assert_gt(orders, 100, "the reserve is theirs");
    cr_assert_gt(counted("rfqd_engine_stalls_total", "agent=\"routing\",full=\"ring\""), 1);
    read_ring();
    cr_assert_eq(poll_engine(), 2); /* the one of each that waited */
    read_ring();
    cr_assert_eq(state_digest(&t.state->base), state_digest(&t.twin->base));
    cr_assert_eq(t.state->base.marks.consumed[AGENT_GATEWAY][LANE_REQUEST], t.position[IN_REQUEST]);
    cr_assert_eq(t.state->base.marks.consumed[AGENT_GATEWAY][LANE_ORDER], t.position[IN_ORDER]);
}

/* Past the mark an order is refused, and may be sent again under its ClOrdID; what lies behind it in its lane
 * is decided. */
Test(engine_agent, at_the_rings_mark_new_orders_are_refused_and_executions_pass)
{
    unsigned made = 0;
    for (;; made++) { /* the log agent does not read */
        put_order(IN_ORDER, made);
        cr_assert_eq(poll_engine(), 1);
        drain(t.to_distribution);
        if (table_count(t.state->orders) == made)
            break;
        cr_assert_eq(drain(t.to_gateway), 0);
    }
    cr_assert_gt(made, 100);
    const struct lane_item *item = lane_peek(t.to_gateway);
    cr_assert_not_null(item);
    const struct order_report *told = (const void *)&item->record;
    cr_assert_eq(told->exec_type, '8');
    cr_assert_eq(told->reason, REASON_BUSY);
    cr_assert_str_eq(told->text, "busy: the record is not written as fast as it grows");
    drain(t.to_gateway);
    struct command_execution c = {
        .head = {.size = sizeof c, .type = RECORD_COMMAND_EXECUTION, .version = 1, .session = 2},
        .order = 77,
        .exec_id = "E1",
        .exec_type = 'F',
        .ord_status = '2'};
    cr_assert(put(IN_ORDER, &c.head));
    cr_assert_eq(poll_engine(), 1);
    cr_assert_eq(counted("rfqd_engine_commands_total", "agent=\"routing\",type=\"COMMAND_EXECUTION\""), 1);
    read_ring();
    put_order(IN_ORDER, made);
    cr_assert_eq(poll_engine(), 1);
    cr_assert_eq(table_count(t.state->orders), made + 1, "the ClOrdID was not used up");
    read_ring();
    cr_assert_eq(state_digest(&t.state->base), state_digest(&t.twin->base));
}

/* The rest
 * -----------------------------------------------------------------------------------------------------------
 */

Test(engine_agent, gives_digests_that_the_replica_agrees_with)
{
    digests = 0;
    for (unsigned i = 0; i < 200; i++) {
        put_order(IN_ORDER, i % 150); /* some come twice */
        poll_engine();
        read_ring();
        drain(t.to_distribution);
        drain(t.to_gateway);
    }
    cr_assert_geq(digests, 15);
    cr_assert_leq(digests, 21); /* every ten batches */
    cr_assert_eq(state_digest(&t.state->base), state_digest(&t.twin->base));
}

Test(engine_agent, counts_commands_and_refusals_by_reason)
{
    put_order(IN_ORDER, 1);
    put_order(IN_ORDER, 1);
    put_order(IN_ORDER, 1);
    poll_engine();
    cr_assert_eq(counted("rfqd_engine_commands_total", "agent=\"routing\",type=\"COMMAND_ORDER\""), 3);
    cr_assert_eq(counted("rfqd_engine_refusals_total", "agent=\"routing\",reason=\"duplicate_clordid\""), 2);
}

Test(engine_agent, fires_timers_that_are_due_and_says_when_the_next_is)
{
    cr_assert_eq(engine_next_deadline(t.engine), UINT64_MAX);
    struct rfq_awarded c = {
        .head = {.size = sizeof c, .type = RECORD_RFQ_AWARDED, .version = 1, .session = SESSION_NONE},
        .rfq = 1,
        .award = 2,
        .quote = 3,
        .valid_until_ns = t.now_ns + 100 * SECOND,
        .quantity = 1,
        .price = 1,
        .taker_session = 1,
        .lp_session = 2,
        .taker_gateway = AGENT_GATEWAY,
        .lp_gateway = AGENT_GATEWAY};
    cr_assert(put(IN_ENGINE, &c.head));
    poll_engine();
    cr_assert_eq(engine_next_deadline(t.engine), t.now_ns + SECOND);
    drain(t.to_distribution);
    t.now_ns += SECOND - 1;
    cr_assert_eq(poll_engine(), 0);
    t.now_ns += 1;
    cr_assert_eq(poll_engine(), 1);
    const struct lane_item *item = lane_peek(t.to_distribution);
    cr_assert_eq(item->record.type, RECORD_ORDER_UPDATE);
    cr_assert_eq(item->origin_time_ns, 0, "a timer has no origin");
}

Test(engine_agent, time_of_the_record_never_goes_back)
{
    put_session(IN_ORDER, 1);
    poll_engine();
    t.now_ns -= 5 * SECOND;
    put_session(IN_ORDER, 1);
    poll_engine();
    uint64_t last = 0;
    const struct batch *b;
    while ((b = ring_next(&t.reader))) {
        cr_assert_geq(b->time_ns, last);
        last = b->time_ns;
    }
    cr_assert_eq(last, 10 * SECOND);
}

static struct engine_change change;
static struct settings changed;

static void ask_settings(uint64_t order_ack_timeout_ns)
{
    changed = t.settings;
    changed.order_ack_timeout_ns = order_ack_timeout_ns;
    change = (struct engine_change){.settings = &changed};
    cr_assert(engine_ask(t.engine, &change));
}

Test(engine_agent, what_an_operator_changes_is_recorded_and_answered_behind_the_commit)
{
    uint64_t position;
    ask_settings(7 * SECOND);
    cr_assert_not(engine_ask(t.engine, &change), "one at a time");
    cr_assert_not(engine_answered(t.engine, &position), "nobody has polled");
    poll_engine();
    cr_assert(engine_answered(t.engine, &position));
    cr_assert_eq(position, ring_tail(&t.ring));
    read_ring();
    cr_assert_eq(routing_settings(t.twin)->order_ack_timeout_ns, 7 * SECOND);
    cr_assert_eq(state_digest(&t.state->base), state_digest(&t.twin->base));
}

Test(engine_agent, a_change_to_what_is_there_leaves_no_record_and_is_answered)
{
    uint64_t position, tail = ring_tail(&t.ring);
    ask_settings(t.settings.order_ack_timeout_ns);
    poll_engine();
    cr_assert(engine_answered(t.engine, &position));
    cr_assert_eq(position, tail);
    cr_assert_eq(ring_tail(&t.ring), tail);
}

/* What clients ask by HTTP and WebSocket, as distribution decides it. */
#include "tests/unit/distribution_desk.h"

static struct client_head head_of(uint64_t ticket, uint64_t key)
{
    return (struct client_head){.ticket = ticket, .taker = 1, .key_low = key, .body = 7, .tenant = 1};
}

static struct command_client_rfq rfq_command(uint64_t ticket, uint64_t key)
{
    return (struct command_client_rfq){.head = harness_head(RECORD_COMMAND_CLIENT_RFQ, SESSION_NONE),
                                       .client = head_of(ticket, key),
                                       .reference = "mine",
                                       .symbol = "EUR/USD",
                                       .quantity = UNITS(1000000),
                                       .legs = 1,
                                       .side = SIDE_BUY};
}

static const struct client_answered *ask(struct desk *d, const void *command)
{
    harness_decide(&d->h, AGENT_NONE, LANE_REQUEST, command);
    const struct client_answered *a = harness_find(&d->h, RECORD_CLIENT_ANSWERED);
    cr_assert(a, "%s", harness_shape(&d->h));
    cr_expect_eq(a->head.dest, AGENT_NONE);
    return a;
}

static const struct rfq *open_rfq(struct desk *d)
{
    struct command_client_rfq c = rfq_command(1, 0);
    const struct client_answered *a = ask(d, &c);
    cr_assert_eq(a->reason, REASON_NONE, "%s", a->text);
    const struct rfq *rfq = distribution_rfq(d->s, a->rfq);
    cr_assert(rfq);
    return rfq;
}

Test(distribution_client, an_rfq_is_released_and_answered_in_one_batch)
{
    struct desk d;
    desk_open(&d, 2);
    struct command_client_rfq c = rfq_command(41, 0);
    const struct client_answered *a = ask(&d, &c);
    cr_assert_eq(d.h.batches, 1);
    cr_assert_str_eq(harness_shape(&d.h), "RFQ_CREATED RFQ_TRANSITION RFQ_TRANSITION DELIVERY_RELEASED "
                                          "DELIVERY_RELEASED CLIENT_ANSWERED");
    cr_expect_eq(a->ticket, 41);
    cr_expect_eq(a->id, 0); /* no key, nothing to remember */
    const struct rfq *rfq = distribution_rfq(d.s, a->rfq);
    cr_expect_eq(rfq->taker, 1);
    cr_expect_eq(rfq->session, SESSION_NONE);
    cr_expect_eq(rfq->gateway, AGENT_NONE);
    cr_expect_str_eq(rfq->request_id, "mine");
    desk_close(&d);
}

Test(distribution_client, what_its_taker_would_be_told_is_addressed_to_nobody)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = open_rfq(&d);
    uint64_t quote = desk_quote(&d, rfq, 1, PRICE(109000), PRICE(110000));
    const struct quote_added *added = harness_find(&d.h, RECORD_QUOTE_ADDED);
    cr_expect_eq(added->head.dest, AGENT_NONE);
    struct command_client_accept c = {.head = harness_head(RECORD_COMMAND_CLIENT_ACCEPT, SESSION_NONE),
                                      .client = head_of(2, 0),
                                      .rfq = rfq->id,
                                      .quote = quote};
    const struct client_answered *a = ask(&d, &c);
    cr_expect_eq(a->reason, REASON_NONE, "%s", a->text);
    cr_expect_eq(a->quote, quote);
    cr_expect_eq(rfq->state, RFQ_IS_AWARDED);
    const struct rfq_awarded *award = harness_find(&d.h, RECORD_RFQ_AWARDED);
    cr_expect_eq(award->taker_gateway, AGENT_NONE);
    cr_expect_eq(award->taker_session, SESSION_NONE);
    desk_update(&d, rfq,
                (struct desk_update){.state = ORDER_IS_FILLED, .filled = UNITS(1000000), .final = true});
    cr_expect_eq(rfq->state, RFQ_COMPLETED);
    desk_close(&d);
}

Test(distribution_client, who_accepts_by_fix_gets_the_executions_by_fix)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = open_rfq(&d);
    desk_accept(&d, desk_quote(&d, rfq, 1, PRICE(109000), PRICE(110000)));
    const struct rfq_awarded *award = harness_find(&d.h, RECORD_RFQ_AWARDED);
    cr_assert(award, "%s", harness_shape(&d.h));
    cr_expect_eq(award->taker_session, TAKER);
    cr_expect_eq(award->taker_gateway, AGENT_GATEWAY);
    desk_close(&d);
}

Test(distribution_client, who_accepts_otherwise_leaves_them_to_the_session_that_asked)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = desk_request(&d, SIDE_BUY);
    uint64_t quote = desk_quote(&d, rfq, 1, PRICE(109000), PRICE(110000));
    struct command_client_accept c = {.head = harness_head(RECORD_COMMAND_CLIENT_ACCEPT, SESSION_NONE),
                                      .client = head_of(2, 0),
                                      .rfq = rfq->id,
                                      .quote = quote};
    cr_expect_eq(ask(&d, &c)->reason, REASON_NONE);
    const struct rfq_awarded *award = harness_find(&d.h, RECORD_RFQ_AWARDED);
    cr_expect_eq(award->taker_session, TAKER);
    cr_expect_eq(award->taker_gateway, AGENT_GATEWAY);
    desk_close(&d);
}

Test(distribution_client, one_reference_may_be_used_again)
{
    struct desk d;
    desk_open(&d, 1);
    cr_expect_neq(open_rfq(&d)->id, open_rfq(&d)->id);
    desk_close(&d);
}

Test(distribution_client, the_same_key_and_body_get_the_same_answer_after_a_restart_too)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_client_rfq c = rfq_command(1, 99);
    uint64_t rfq = ask(&d, &c)->rfq;
    desk_reload(&d);
    c.client.ticket = 2;
    const struct client_answered *a = ask(&d, &c);
    cr_expect_str_eq(harness_shape(&d.h), "CLIENT_ANSWERED");
    cr_expect_eq(a->ticket, 2);
    cr_expect_eq(a->repeated, 1);
    cr_expect_eq(a->rfq, rfq);
    cr_expect_eq(table_count(d.s->rfqs), 1);
    desk_close(&d);
}

Test(distribution_client, a_refusal_is_repeated_as_it_was)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_client_rfq c = rfq_command(1, 99);
    c.quantity = UNITS(1);
    const struct client_answered *a = ask(&d, &c);
    cr_expect_eq(a->reason, REASON_QUANTITY_OUT_OF_RANGE);
    cr_expect_str_eq(a->text, "quantity 1 is below 1000");
    uint64_t rfq = a->rfq;
    cr_expect_eq(distribution_rfq(d.s, rfq)->state, RFQ_REJECTED);
    a = ask(&d, &c);
    cr_expect_eq(a->repeated, 1);
    cr_expect_eq(a->rfq, rfq);
    cr_expect_eq(a->reason, REASON_QUANTITY_OUT_OF_RANGE);
    cr_expect_str_eq(a->text, "quantity 1 is below 1000");
    desk_close(&d);
}

Test(distribution_client, a_key_with_another_body_is_refused_and_changes_nothing)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_client_rfq c = rfq_command(1, 99);
    ask(&d, &c);
    c.client.body = 8;
    const struct client_answered *a = ask(&d, &c);
    cr_expect_eq(a->reason, REASON_KEY_REUSED);
    cr_expect_eq(a->repeated, 0);
    cr_expect_eq(table_count(d.s->rfqs), 1);
    desk_close(&d);
}

Test(distribution_client, a_refusal_for_want_of_room_may_be_tried_again_under_its_key)
{
    struct desk d;
    desk_prepare(&d, 1);
    d.settings.rfqs_max = 16;
    desk_begin(&d);
    for (unsigned i = 0; i < 16; i++)
        open_rfq(&d);
    struct command_client_rfq c = rfq_command(5, 99);
    cr_expect_eq(ask(&d, &c)->reason, REASON_LIMIT);
    desk_advance(&d, 100 * SECOND); /* all have expired, and left memory */
    cr_assert_eq(table_count(d.s->rfqs), 0);
    cr_expect_eq(ask(&d, &c)->reason, REASON_NONE);
    desk_close(&d);
}

/* Answered under the keys from 1 on: many in one batch, for each batch is checked as a whole. */
static void remember_keys(struct desk *d, unsigned count)
{
    for (unsigned key = 1; key <= count;) {
        harness_step(&d->h);
        emit_batch_begin(&d->h.emit, NULL);
        for (unsigned i = 0; i < BATCH_RECORDS_MAX && key <= count; i++, key++) {
            struct client_answered *ev = emit_begin(&d->h.emit, RECORD_CLIENT_ANSWERED, sizeof *ev);
            ev->key_low = key;
            ev->id = state_next_id(d->h.state);
            emit_end(&d->h.emit, ev);
        }
        emit_batch_end(&d->h.emit);
        harness_absorb(&d->h);
    }
}

Test(distribution_client, the_oldest_key_makes_room)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_client_cancel c = {.head = harness_head(RECORD_COMMAND_CLIENT_CANCEL, SESSION_NONE),
                                      .rfq = 12345};
    remember_keys(&d, CLIENT_KEYS_MAX - 1);
    desk_reload(&d); /* their order is that of their ids */
    for (unsigned key = CLIENT_KEYS_MAX; key <= CLIENT_KEYS_MAX + 1; key++) {
        c.client = head_of(key, key);
        cr_assert_eq(ask(&d, &c)->reason, REASON_UNKNOWN_RFQ);
    }
    cr_expect_eq(table_count(d.s->client_keys), CLIENT_KEYS_MAX);
    cr_expect_null(distribution_client_key(d.s, 0, 1));
    cr_expect(distribution_client_key(d.s, 0, 2));
    cr_expect(distribution_client_key(d.s, 0, CLIENT_KEYS_MAX + 1));
    desk_close(&d);
}

Test(distribution_client, as_many_keys_are_known_after_the_capacities_were_lowered)
{
    struct desk d;
    desk_open(&d, 1);
    struct command_client_cancel c = {.head = harness_head(RECORD_COMMAND_CLIENT_CANCEL, SESSION_NONE),
                                      .rfq = 12345};
    for (unsigned i = 1; i <= 17; i++) {
        c.client = head_of(i, i);
        ask(&d, &c);
    }
    d.settings.rfqs_max = 16;
    desk_reload(&d);
    cr_expect_eq(table_count(d.s->client_keys), 17);
    c.client = head_of(18, 1);
    cr_expect_eq(ask(&d, &c)->repeated, 1);
    desk_close(&d);
}

Test(distribution_client, an_rfq_of_another_tenant_is_not_known)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = open_rfq(&d);
    struct command_client_cancel c = {.head = harness_head(RECORD_COMMAND_CLIENT_CANCEL, SESSION_NONE),
                                      .client = {.ticket = 3, .taker = 3, .tenant = 2},
                                      .rfq = rfq->id};
    cr_expect_eq(ask(&d, &c)->reason, REASON_UNKNOWN_RFQ);
    cr_expect_eq(rfq->state, RFQ_BIDDING_OPEN);
    struct command_client_rfq as_other = rfq_command(4, 0);
    as_other.client.tenant = 2; /* taker 1 is tenant 1's */
    cr_expect_eq(ask(&d, &as_other)->reason, REASON_UNKNOWN_SESSION);
    desk_close(&d);
}

Test(distribution_client, cancels_with_the_reason_given)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = open_rfq(&d);
    struct command_client_cancel c = {.head = harness_head(RECORD_COMMAND_CLIENT_CANCEL, SESSION_NONE),
                                      .client = head_of(2, 0),
                                      .rfq = rfq->id,
                                      .reason = REASON_BUDGET_WITHDRAWN};
    cr_expect_eq(ask(&d, &c)->reason, REASON_NONE);
    cr_expect_eq(rfq->state, RFQ_CANCELLED);
    cr_expect_eq(rfq->reason, REASON_BUDGET_WITHDRAWN);
    const struct client_answered *again = ask(&d, &c);
    cr_expect_eq(again->reason, REASON_RFQ_STATE);
    cr_expect_str_eq(again->text, "the RFQ is CANCELLED");
    desk_close(&d);
}

Test(distribution_client, an_awarded_rfq_is_cancelled_with_a_reason_only)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = open_rfq(&d);
    uint64_t quote = desk_quote(&d, rfq, 1, PRICE(109000), PRICE(110000));
    struct command_client_accept accept = {.head = harness_head(RECORD_COMMAND_CLIENT_ACCEPT, SESSION_NONE),
                                           .client = head_of(2, 0),
                                           .rfq = rfq->id,
                                           .quote = quote};
    ask(&d, &accept);
    struct command_client_cancel c = {.head = harness_head(RECORD_COMMAND_CLIENT_CANCEL, SESSION_NONE),
                                      .client = head_of(3, 0),
                                      .rfq = rfq->id};
    cr_expect_eq(ask(&d, &c)->reason, REASON_REASON_REQUIRED);
    c.reason = REASON_REQUIREMENTS_CHANGED;
    c.client.taker = 2; /* for another of its tenant */
    cr_expect_eq(ask(&d, &c)->reason, REASON_NONE);
    cr_expect(harness_find(&d.h, RECORD_RFQ_CANCEL_ORDER));
    rfq = desk_reload_with(&d, rfq);
    desk_update(&d, rfq, (struct desk_update){.state = ORDER_CANCELLED, .final = true});
    const struct rfq_transition *end = harness_find(&d.h, RECORD_RFQ_TRANSITION);
    cr_assert(end);
    cr_expect_eq(end->to, RFQ_CANCELLED);
    cr_expect_eq(end->who_id, 2);
    cr_expect_eq(end->reason, REASON_REQUIREMENTS_CHANGED);
    cr_expect_eq(rfq->reason, REASON_REQUIREMENTS_CHANGED);
    desk_close(&d);
}

Test(distribution_client, a_quote_of_another_rfq_is_not_taken)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *one = open_rfq(&d), *two = open_rfq(&d);
    uint64_t quote = desk_quote(&d, one, 1, PRICE(109000), PRICE(110000));
    struct command_client_accept c = {.head = harness_head(RECORD_COMMAND_CLIENT_ACCEPT, SESSION_NONE),
                                      .client = head_of(2, 0),
                                      .rfq = two->id,
                                      .quote = quote};
    const uint64_t quotes[] = {quote, 0x4711}; /* another's, and nobody's: nobody can tell which */
    for (unsigned i = 0; i < 2; i++) {
        char want[ID_TEXT_SIZE + 40], name[ID_TEXT_SIZE];
        name_print('Q', quotes[i], name);
        c.quote = quotes[i];
        const struct client_answered *a = ask(&d, &c);
        cr_expect_eq(a->reason, REASON_UNKNOWN_QUOTE);
        snprintf(want, sizeof want, "quote %s is not one of this RFQ's", name);
        cr_expect_str_eq(a->text, want);
    }
    cr_expect_eq(one->state, RFQ_BIDDING_OPEN);
    desk_close(&d);
}

Test(distribution_client, nothing_extends_what_is_over_whether_its_timer_has_fired_or_not)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = open_rfq(&d);
    uint64_t deadline = rfq->deadline_ns;
    struct command_client_extend c = {.head = harness_head(RECORD_COMMAND_CLIENT_EXTEND, SESSION_NONE),
                                      .client = head_of(2, 0),
                                      .rfq = rfq->id,
                                      .text = "more time"};
    for (unsigned i = 0; i < 2; i++) {
        d.h.now_ns = deadline + i * SECOND;
        c.deadline_ns = i ? deadline + 10 * SECOND : 0;
        const struct client_answered *a = ask(&d, &c);
        cr_expect_eq(a->reason, REASON_EXTENSION);
        cr_expect_str_eq(a->text, i ? "the deadline passed 1 s ago" : "the deadline passed 0 ns ago");
        cr_expect_eq(rfq->deadline_ns, deadline);
    }
    d.h.now_ns = deadline - 1;
    c.deadline_ns = 0;
    cr_expect_eq(ask(&d, &c)->reason, REASON_NONE, "a nanosecond before");
    desk_close(&d);
}

Test(distribution_client, an_extension_sets_no_deadline_nearer_than_the_shortest)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = open_rfq(&d);
    uint64_t deadline = rfq->deadline_ns;
    struct command_client_extend c = {.head = harness_head(RECORD_COMMAND_CLIENT_EXTEND, SESSION_NONE),
                                      .client = head_of(2, 0),
                                      .rfq = rfq->id,
                                      .text = "more time"};
    d.h.now_ns = deadline - 200 * MS;
    c.deadline_ns = deadline + 799 * MS;
    const struct client_answered *a = ask(&d, &c);
    cr_expect_eq(a->reason, REASON_EXTENSION);
    cr_expect_str_eq(a->text, "the new deadline is 999 ms ahead, at least 1 s");
    cr_expect_eq(rfq->deadline_ns, deadline);
    c.deadline_ns = deadline + 800 * MS;
    cr_expect_eq(ask(&d, &c)->reason, REASON_NONE, "just as short as may be");
    desk_close(&d);
}

Test(distribution_client, extends_three_times_by_at_most_the_length_asked_for)
{
    struct desk d;
    desk_open(&d, 1);
    const struct rfq *rfq = open_rfq(&d);
    uint64_t deadline = rfq->deadline_ns;
    desk_ack(&d, rfq, 1);
    struct command_client_extend c = {.head = harness_head(RECORD_COMMAND_CLIENT_EXTEND, SESSION_NONE),
                                      .client = head_of(2, 0),
                                      .rfq = rfq->id};
    cr_expect_eq(ask(&d, &c)->reason, REASON_REASON_REQUIRED);
    memcpy(c.text, "more time", 9);
    c.deadline_ns = deadline;
    cr_expect_eq(ask(&d, &c)->reason, REASON_EXTENSION); /* not later */
    c.deadline_ns = deadline + 31 * SECOND;
    const struct client_answered *a = ask(&d, &c);
    cr_expect_eq(a->reason, REASON_EXTENSION);
    cr_expect_str_eq(a->text, "extended by 31 s, at most 30 s");
    c.deadline_ns = 0;
    c.extend_ns = 31 * SECOND;
    cr_expect_str_eq(ask(&d, &c)->text, "extended by 31 s, at most 30 s");
    c.extend_ns = 10 * SECOND;
    a = ask(&d, &c);
    cr_expect_eq(a->reason, REASON_NONE, "%s", a->text);
    cr_expect_eq(a->value, deadline + 10 * SECOND);
    c.extend_ns = 0; /* as far as it goes: the length is that of the first deadline */
    cr_expect_eq(ask(&d, &c)->value, deadline + 40 * SECOND);
    desk_reload(&d);
    cr_expect_eq(ask(&d, &c)->value, deadline + 70 * SECOND);
    cr_expect_eq(ask(&d, &c)->reason, REASON_EXTENSION);
    rfq = distribution_rfq(d.s, c.rfq);
    cr_expect_eq(rfq->extensions, 3);
    harness_advance(&d.h, deadline + 70 * SECOND - 1);
    cr_expect_eq(rfq->state, RFQ_BIDDING_OPEN);
    harness_advance(&d.h, deadline + 70 * SECOND);
    cr_expect_eq(rfq->state, RFQ_EXPIRED);
    desk_close(&d);
}

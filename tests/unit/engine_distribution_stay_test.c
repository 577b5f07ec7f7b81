/* What the workflow's table has a state do by itself: each timeout of `instant`, level by level. */
#include "dataplane/engine/rfq/workflow.h"
#include "tests/unit/distribution_desk.h"

#define DAY (24 * 3600 * SECOND)

struct award {
    struct desk d;
    const struct rfq *rfq;
    uint64_t since_ns;
};

static void open_award(struct award *a)
{
    desk_open(&a->d, 1);
    a->rfq = desk_request(&a->d, SIDE_BUY);
    desk_accept(&a->d, desk_quote(&a->d, a->rfq, 1, PRICE(109000), PRICE(110000)));
    cr_assert_eq(a->rfq->state, RFQ_IS_AWARDED);
    a->since_ns = a->d.h.now_ns;
}

static void reload(struct award *a)
{
    a->rfq = desk_reload_with(&a->d, a->rfq);
}

static void to_day(struct award *a, double day)
{
    harness_advance(&a->d.h, a->since_ns + (uint64_t)(day * 2) * (DAY / 2));
}

static const struct client_answered *ask_extension(struct award *a, uint64_t until_ns, uint64_t by_ns)
{
    struct command_client_extend c = {.head = harness_head(RECORD_COMMAND_CLIENT_EXTEND, SESSION_NONE),
                                      .client = {.ticket = 9, .taker = 1, .tenant = 1},
                                      .rfq = a->rfq->id,
                                      .deadline_ns = until_ns,
                                      .extend_ns = by_ns,
                                      .text = "the LP is slow"};
    harness_decide(&a->d.h, AGENT_NONE, LANE_REQUEST, &c.head);
    return harness_find(&a->d.h, RECORD_CLIENT_ANSWERED);
}

static const struct client_answered *extend(struct award *a, uint64_t until_ns)
{
    return ask_extension(a, until_ns, 0);
}

/* Beyond the award's own time, not its bidding's. */
static const struct client_answered *extend_by(struct award *a, uint64_t by_ns)
{
    return ask_extension(a, 0, by_ns);
}

static void expect_level(struct award *a, double day, unsigned level, const char *role)
{
    harness_advance(&a->d.h, a->since_ns + (uint64_t)(day * 2) * (DAY / 2) - 1);
    cr_expect_str_eq(harness_shape(&a->d.h), "", "day %g, and not before", day);
    to_day(a, day);
    const struct rfq_timed *ev = harness_find(&a->d.h, RECORD_RFQ_TIMED);
    cr_assert(ev, "day %g", day);
    cr_expect_eq(ev->level, level);
    cr_expect_eq(ev->fired, 1);
    cr_expect_str_eq(ev->role, role);
    cr_expect_eq(ev->head.time_ns, a->since_ns + (uint64_t)(day * 2) * (DAY / 2));
    cr_expect_eq(a->rfq->state, RFQ_IS_AWARDED);
}

/* To the award's last day, rebuilt from what is durable after every step. */
static void grow_old(struct award *a)
{
    static const struct {
        double day;
        const char *role;
    } levels[] = {{7, "owner"}, {10.5, "team lead"}, {14, "manager"}, {17, "director"}, {21, ""}};
    for (unsigned i = 0; i < 5; i++) {
        expect_level(a, levels[i].day, i + 1, levels[i].role);
        cr_expect_eq(harness_find(&a->d.h, RECORD_RFQ_CANCEL_ORDER) != NULL, i == 4);
        reload(a);
    }
    cr_expect_eq(distribution_stay(a->d.s, a->rfq->id)->level, WORKFLOW_END);
    cr_expect(a->rfq->cancel_pending);
}

Test(distribution_stay, an_award_escalates_and_its_order_is_cancelled_in_the_end)
{
    struct award a;
    open_award(&a);
    grow_old(&a);
    to_day(&a, 400);
    cr_expect_str_eq(harness_shape(&a.d.h), "", "each once");
    desk_update(&a.d, a.rfq, (struct desk_update){.state = ORDER_CANCELLED, .final = true});
    const struct rfq_transition *end = harness_find(&a.d.h, RECORD_RFQ_TRANSITION);
    cr_assert(end);
    cr_expect_eq(end->move, MOVE_AUTO_CANCEL);
    cr_expect_eq(end->to, RFQ_CANCELLED);
    cr_expect_eq(end->who, WHO_SCHEDULER);
    cr_expect_eq(end->reason, REASON_SYSTEM_POLICY);
    cr_expect_eq(table_count(a.d.s->stays), 0);
    desk_close(&a.d);
}

Test(distribution_stay, what_is_filled_by_then_completes_it)
{
    struct award a;
    open_award(&a);
    grow_old(&a);
    desk_update(&a.d, a.rfq,
                (struct desk_update){.state = ORDER_CANCELLED, .filled = UNITS(400000), .final = true});
    cr_expect_eq(a.rfq->state, RFQ_COMPLETED);
    desk_close(&a.d);
}

Test(distribution_stay, a_cancel_that_the_taker_asked_for_stays_the_takers)
{
    struct award a;
    open_award(&a);
    desk_cancel(&a.d, a.rfq);
    to_day(&a, 21);
    cr_expect_null(harness_find(&a.d.h, RECORD_RFQ_CANCEL_ORDER), "it is asked for already");
    desk_update(&a.d, a.rfq, (struct desk_update){.state = ORDER_CANCELLED, .final = true});
    const struct rfq_transition *end = harness_find(&a.d.h, RECORD_RFQ_TRANSITION);
    cr_assert(end);
    cr_expect_eq(end->move, MOVE_CANCEL);
    cr_expect_eq(end->who, WHO_USER);
    desk_close(&a.d);
}

static void refuse_cancel(struct award *a, int64_t filled)
{
    desk_update(&a->d, a->rfq,
                (struct desk_update){.state = filled ? ORDER_PARTLY_FILLED : ORDER_WORKING,
                                     .filled = filled,
                                     .cancel_refused = true});
}

#define RETRY (10 * 60 * SECOND)

/* Every RFQ ends: an LP that refuses is asked again, as long as it takes. */
Test(distribution_stay, an_award_whose_cancel_is_refused_is_tried_again)
{
    struct award a;
    open_award(&a);
    grow_old(&a);
    for (unsigned i = 0; i < 5; i++) {
        refuse_cancel(&a, 0);
        cr_assert_str_eq(harness_shape(&a.d.h), "RFQ_ORDER RFQ_TIMED");
        cr_assert(!a.rfq->cancel_pending && !a.rfq->cancel_reason);
        if (i == 3)
            reload(&a);
        desk_advance(&a.d, RETRY - 1);
        cr_assert_str_eq(harness_shape(&a.d.h), "");
        desk_advance(&a.d, 1);
        cr_assert_str_eq(harness_shape(&a.d.h), "RFQ_TIMED RFQ_CANCEL_ORDER");
        cr_expect_eq(((const struct rfq_timed *)harness_find(&a.d.h, RECORD_RFQ_TIMED))->fired, 0,
                     "the level was told once");
        if (i == 4)
            reload(&a);
        desk_advance(&a.d, 10 * RETRY);
        cr_assert_str_eq(harness_shape(&a.d.h), "", "while one is pending none is asked");
    }
    desk_update(&a.d, a.rfq, (struct desk_update){.state = ORDER_CANCELLED, .final = true});
    const struct rfq_transition *end = harness_find(&a.d.h, RECORD_RFQ_TRANSITION);
    cr_assert(end);
    cr_expect_eq(end->move, MOVE_AUTO_CANCEL);
    cr_expect_eq(table_count(a.d.s->stays), 0);
    desk_close(&a.d);
}

/* The taker's refused cancel is none at the end of the award's time; and one of its own then is the taker's.
 */
Test(distribution_stay, a_cancel_that_was_refused_before_does_not_stand_in_the_way)
{
    struct award a;
    open_award(&a);
    desk_cancel(&a.d, a.rfq);
    refuse_cancel(&a, UNITS(1000));
    cr_assert_null(harness_find(&a.d.h, RECORD_RFQ_TIMED), "its time has not run out");
    to_day(&a, 21);
    cr_assert(harness_find(&a.d.h, RECORD_RFQ_CANCEL_ORDER));
    refuse_cancel(&a, UNITS(1000));
    desk_cancel(&a.d, a.rfq);
    cr_assert_str_eq(harness_shape(&a.d.h), "RFQ_CANCEL_ORDER");
    desk_advance(&a.d, RETRY);
    cr_assert_str_eq(harness_shape(&a.d.h), "RFQ_TIMED", "the taker's is pending");
    cr_expect_eq(a.rfq->cancel_who, a.rfq->taker);
    refuse_cancel(&a, UNITS(1000));
    desk_advance(&a.d, RETRY);
    cr_assert_str_eq(harness_shape(&a.d.h), "RFQ_TIMED RFQ_CANCEL_ORDER");
    desk_close(&a.d);
}

Test(distribution_stay, what_fell_due_while_it_was_down_fires_in_order)
{
    struct award a;
    open_award(&a);
    a.d.h.now_ns = a.since_ns + 15 * DAY;
    reload(&a);
    harness_advance(&a.d.h, a.d.h.now_ns);
    cr_assert_str_eq(harness_shape(&a.d.h), "RFQ_TIMED RFQ_TIMED RFQ_TIMED");
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(((const struct rfq_timed *)harness_find_nth(&a.d.h, RECORD_RFQ_TIMED, i))->level, i + 1);
    desk_close(&a.d);
}

Test(distribution_stay, an_extension_moves_what_has_not_fired_yet)
{
    struct award a;
    open_award(&a);
    expect_level(&a, 7, 1, "owner");
    uint64_t timeout_ns = distribution_stay(a.d.s, a.rfq->id)->timeout_ns, deadline_ns = a.rfq->deadline_ns;
    cr_expect_eq(timeout_ns, a.since_ns + 14 * DAY);
    const struct client_answered *x = extend(&a, timeout_ns + 8 * DAY);
    cr_expect_eq(x->reason, REASON_EXTENSION);
    x = extend_by(&a, 8 * DAY);
    cr_expect_eq(x->reason, REASON_EXTENSION);
    x = extend_by(&a, 6 * DAY);
    cr_expect_eq(x->reason, REASON_NONE, "%s", x->text);
    cr_expect_eq(x->value, a.since_ns + 20 * DAY);
    cr_expect_eq(a.rfq->deadline_ns, deadline_ns, "that of its bidding");
    cr_expect_eq(a.rfq->extensions, 0);
    reload(&a);
    expect_level(&a, 15, 2, "team lead");
    x = extend(&a, 0);
    cr_expect_eq(x->reason, REASON_EXTENSION);
    cr_expect_str_eq(x->text, "extended 1 time, which is the most");
    expect_level(&a, 20, 3, "manager");
    expect_level(&a, 23, 4, "director");
    expect_level(&a, 27, WORKFLOW_END, "");
    cr_expect_str_eq(extend(&a, 0)->text, "its time ran out, and its order is being cancelled");
    desk_close(&a.d);
}

/* Back in EVALUATION the award's time is over; another award has all of it again. */
Test(distribution_stay, every_stay_has_its_own_time)
{
    struct award a;
    desk_open(&a.d, 2);
    a.rfq = desk_request(&a.d, SIDE_BUY);
    uint64_t quotes[2];
    for (unsigned i = 0; i < 2; i++)
        quotes[i] = desk_quote(&a.d, a.rfq, i + 1, PRICE(109000), PRICE(110000 + i));
    desk_accept(&a.d, quotes[0]);
    desk_advance(&a.d, SECOND);
    desk_update(
        &a.d, a.rfq,
        (struct desk_update){.state = ORDER_REJECTED, .reason = REASON_LP_REJECTED_ORDER, .final = true});
    cr_assert_eq(a.rfq->state, RFQ_EVALUATION);
    cr_expect_eq(table_count(a.d.s->stays), 0);
    desk_accept(&a.d, quotes[1]);
    a.since_ns = a.d.h.now_ns;
    expect_level(&a, 7, 1, "owner");
    desk_close(&a.d);
}

/* Bidding and evaluation end by the RFQ's own deadline, as the table's rows without a time of their own say.
 */
Test(distribution_stay, the_deadline_ends_bidding_and_evaluation)
{
    struct desk d;
    desk_open(&d, 2);
    const struct rfq *open = desk_request(&d, SIDE_BUY), *reverted = desk_request(&d, SIDE_BUY);
    desk_ack(&d, open, 1);
    uint64_t quote = desk_quote(&d, reverted, 1, PRICE(109000), PRICE(110000));
    desk_quote(&d, reverted, 2, PRICE(109000), PRICE(110001));
    desk_accept(&d, quote);
    desk_update(
        &d, reverted,
        (struct desk_update){.state = ORDER_REJECTED, .reason = REASON_LP_REJECTED_ORDER, .final = true});
    cr_assert_eq(reverted->state, RFQ_EVALUATION);
    harness_advance(&d.h, reverted->deadline_ns);
    cr_expect_eq(reverted->state, RFQ_EXPIRED);
    harness_advance(&d.h, open->deadline_ns - 1);
    cr_expect_eq(open->state, RFQ_BIDDING_OPEN);
    harness_advance(&d.h, open->deadline_ns);
    cr_expect_eq(open->state, RFQ_EXPIRED);
    desk_close(&d);
}

/* A log of an earlier release has awards without a time: the start gives them theirs. */
Test(distribution_stay, an_award_of_an_earlier_release_gets_its_time_at_start)
{
    struct award a;
    open_award(&a);
    const struct rfq_stay *stay = distribution_stay(a.d.s, a.rfq->id);
    table_remove(a.d.s->stays, (void *)(uintptr_t)stay);
    struct distribution_state *twin = (struct distribution_state *)a.d.h.twin;
    table_remove(twin->stays, (void *)(uintptr_t)distribution_stay(twin, a.rfq->id));
    reload(&a);
    cr_assert_null(distribution_stay(a.d.s, a.rfq->id));
    struct engine_setup setup = desk_setup(&a.d);
    a.d.h.now_ns += DAY;
    a.since_ns = a.d.h.now_ns;
    harness_start(&a.d.h, distribution_start, &setup);
    cr_expect_eq(distribution_stay(a.d.s, a.rfq->id)->timeout_ns, a.since_ns + 14 * DAY);
    expect_level(&a, 7, 1, "owner");
    desk_close(&a.d);
}

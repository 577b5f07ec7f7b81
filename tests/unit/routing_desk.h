/* A desk for routing's tests: one taker, two LPs, and each message that routing gets as one call. Orders come
 * to a given state by the messages that bring them there, never by writing into the state. */
#ifndef RFQD_TESTS_ROUTING_DESK_H
#define RFQD_TESTS_ROUTING_DESK_H

#include "dataplane/core/decimal.h"
#include "dataplane/model/routing.h"
#include "tests/unit/engine_harness.h"

#define TAKER    1u
#define LP       2u
#define OTHER    3u /* LP */
#define MS       1000000ull
#define UNITS(n) ((int64_t)(n)*DECIMAL_SCALE)

struct desk {
    struct harness h;
    struct routing_state *state;
    struct settings settings;
    uint64_t awards;
};

static inline struct settings desk_settings(void)
{
    return (struct settings){.retire_after_ns = 60000 * MS,
                             .order_ack_timeout_ns = 2000 * MS,
                             .order_cancel_retry_ns = 5000 * MS,
                             .orders_max = 64,
                             .fills_max = 4096};
}

static inline struct routing_state *desk_state(const struct desk *d, bool with_timers)
{
    struct routing_state *s;
    cr_assert_eq(routing_state_create(&s, &d->settings, with_timers, !with_timers, 0), OK);
    return s;
}

static inline void desk_session(struct desk *d, uint32_t session, enum session_status state)
{
    struct gateway_session_state c = {.head = harness_head(RECORD_GATEWAY_SESSION_STATE, session),
                                      .state = state};
    harness_decide(&d->h, AGENT_GATEWAY, LANE_ORDER, &c.head);
}

/* Its numbers begin at 1, as on a Logon with 141=Y, or as an operator set them. */
static inline void desk_renumber(struct desk *d, uint32_t session, bool by_operator)
{
    struct gateway_session_reset reset = {.head = harness_head(RECORD_GATEWAY_SESSION_RESET, session),
                                          .generation = 2};
    struct gateway_session_numbers numbers = {.head = harness_head(RECORD_GATEWAY_SESSION_NUMBERS, session),
                                              .generation = 2};
    harness_decide(&d->h, AGENT_GATEWAY, LANE_ORDER, by_operator ? &numbers.head : &reset.head);
}

static inline void desk_open_with(struct desk *d, struct settings settings)
{
    *d = (struct desk){.settings = settings};
    d->state = desk_state(d, true);
    harness_open(&d->h, AGENT_ROUTING, &d->state->base, &desk_state(d, false)->base, routing_decide,
                 routing_timer_fired);
    struct engine_setup setup = {.settings = d->settings};
    harness_start(&d->h, routing_start, &setup);
    desk_session(d, TAKER, SESSION_SYNCED);
    desk_session(d, LP, SESSION_SYNCED);
    desk_session(d, OTHER, SESSION_SYNCED);
}

static inline void desk_open(struct desk *d)
{
    desk_open_with(d, desk_settings());
}

static inline void desk_close(struct desk *d)
{
    harness_close(&d->h);
}

static inline void desk_reload(struct desk *d)
{
    d->state = desk_state(d, true);
    harness_reload(&d->h, &d->state->base);
}

/* Messages
 * ------------------------------------------------------------------------------------------------------ */

static inline struct command_order desk_order_command(const char *cl_ord_id)
{
    struct command_order c = {.head = harness_head(RECORD_COMMAND_ORDER, TAKER),
                              .quote_id = "Q77",
                              .symbol = "EUR/USD",
                              .quantity = UNITS(100),
                              .price = UNITS(2),
                              .side = '1',
                              .ord_type = 'D'};
    strncpy(c.cl_ord_id, cl_ord_id, sizeof c.cl_ord_id - 1);
    return c;
}

static inline void desk_order(struct desk *d, const struct command_order *c)
{
    harness_decide(&d->h, AGENT_GATEWAY, LANE_ORDER, &c->head);
}

/* D: the order that was made. */
static inline const struct order *desk_ask(struct desk *d, const char *cl_ord_id)
{
    struct command_order c = desk_order_command(cl_ord_id);
    desk_order(d, &c);
    const struct order_created *ev = harness_find(&d->h, RECORD_ORDER_CREATED);
    cr_assert_not_null(ev);
    return routing_order(d->state, ev->order);
}

/* The award as distribution gives it: of an order that waits for it, or of an AJ (order 0). */
static inline struct rfq_awarded desk_award_record(struct desk *d, uint64_t order, const char *cl_ord_id)
{
    struct rfq_awarded c = {.head = harness_head(RECORD_RFQ_AWARDED, SESSION_NONE),
                            .rfq = 500,
                            .award = ++d->awards,
                            .quote = 0x77,
                            .lp = 9,
                            .taker = 8,
                            .order = order,
                            .valid_until_ns = d->h.now_ns + 60000 * MS,
                            .quantity = UNITS(100),
                            .price = UNITS(2),
                            .taker_session = TAKER,
                            .lp_session = LP,
                            .taker_gateway = AGENT_GATEWAY,
                            .lp_gateway = AGENT_GATEWAY,
                            .side = '1',
                            .lp_quote_id = "lpq",
                            .symbol = "EUR/USD"};
    strncpy(c.cl_ord_id, cl_ord_id, sizeof c.cl_ord_id - 1);
    return c;
}

static inline void desk_award(struct desk *d, const struct rfq_awarded *c)
{
    harness_decide(&d->h, AGENT_DISTRIBUTION, LANE_ENGINE, &c->head);
}

static inline struct command_execution desk_execution(const struct order *o, char exec_type,
                                                      const char *exec_id)
{
    struct command_execution c = {.head = harness_head(RECORD_COMMAND_EXECUTION, LP),
                                  .order = o ? o->id : 0,
                                  .lp_order_id = "lpo",
                                  .exec_type = exec_type,
                                  .filled_quantity = o ? o->filled_quantity : 0,
                                  .symbol = "EUR/USD"};
    strncpy(c.exec_id, exec_id, sizeof c.exec_id - 1);
    return c;
}

static inline void desk_execute(struct desk *d, const struct command_execution *c)
{
    harness_decide(&d->h, AGENT_GATEWAY, LANE_ORDER, &c->head);
}

static inline void desk_say(struct desk *d, const struct order *o, char exec_type)
{
    struct command_execution c = desk_execution(o, exec_type, "x");
    desk_execute(d, &c);
}

static inline void desk_fill(struct desk *d, const struct order *o, int64_t quantity, int64_t price,
                             const char *exec_id)
{
    struct command_execution c = desk_execution(o, 'F', exec_id);
    c.has_last = 1;
    c.last_quantity = quantity;
    c.last_price = price;
    desk_execute(d, &c);
}

static inline void desk_cancel(struct desk *d, const char *cl_ord_id, const char *orig)
{
    struct command_order_cancel c = {.head = harness_head(RECORD_COMMAND_ORDER_CANCEL, TAKER)};
    strncpy(c.cl_ord_id, cl_ord_id, sizeof c.cl_ord_id - 1);
    strncpy(c.orig_cl_ord_id, orig, sizeof c.orig_cl_ord_id - 1);
    harness_decide(&d->h, AGENT_GATEWAY, LANE_ORDER, &c.head);
}

static inline void desk_cancel_reject(struct desk *d, const struct order *o, uint32_t session,
                                      uint32_t reason)
{
    struct command_cancel_reject c = {
        .head = harness_head(RECORD_COMMAND_CANCEL_REJECT, session), .order = o->id, .cancel_reason = reason};
    harness_decide(&d->h, AGENT_GATEWAY, LANE_ORDER, &c.head);
}

static inline void desk_rfq_cancel(struct desk *d, const struct order *o)
{
    struct rfq_cancel_order c = {.head = harness_head(RECORD_RFQ_CANCEL_ORDER, SESSION_NONE),
                                 .rfq = o->rfq,
                                 .award = o->award,
                                 .order = o->id};
    harness_decide(&d->h, AGENT_DISTRIBUTION, LANE_ENGINE, &c.head);
}

static inline void desk_unsent(struct desk *d, const struct order *o, enum ref_kind kind, enum reason reason)
{
    struct gateway_unsent c = {.head = harness_head(RECORD_GATEWAY_UNSENT, LP),
                               .out = {.rfq = o->rfq, .ref = o->id, .ref_kind = kind},
                               .reason = reason};
    harness_decide(&d->h, AGENT_GATEWAY, LANE_ORDER, &c.head);
}

static inline void desk_peer_reject(struct desk *d, const struct order *o, uint32_t session,
                                    enum ref_kind kind)
{
    struct command_peer_reject c = {.head = harness_head(RECORD_COMMAND_PEER_REJECT, session),
                                    .ref = o->id,
                                    .ref_kind = kind,
                                    .text = "bad tag"};
    harness_decide(&d->h, AGENT_GATEWAY, LANE_ORDER, &c.head);
}

/* Orders in a state, by the messages that bring them there
 * -------------------------------------------------------- */

/* PENDING_TRIED: it was released, and provably did not reach the LP. */
enum desk_case {
    AWAITING,
    PENDING_TRIED,
    SENT,
    IN_DOUBT,
    WORKING,
    PARTLY,
    FILLED,
    CANCELLED,
    REJECTED,
    DESK_CASES
};
static const char *const desk_case_names[DESK_CASES] = {
    "awaiting", "pending", "sent", "in doubt", "working", "partly", "filled", "cancelled", "rejected"};

static inline const struct order *desk_order_in(struct desk *d, enum desk_case state, const char *cl_ord_id)
{
    const struct order *o = desk_ask(d, cl_ord_id);
    if (state == AWAITING)
        return o;
    struct rfq_awarded award = desk_award_record(d, o->id, "");
    desk_award(d, &award);
    switch (state) {
    case PENDING_TRIED:
        desk_unsent(d, o, REF_ORDER, REASON_SESSION_DOWN);
        break;
    case IN_DOUBT:
        harness_advance(&d->h, d->h.now_ns + 2000 * MS);
        cr_assert(o->in_doubt);
        break;
    case WORKING:
        desk_say(d, o, '0');
        break;
    case PARTLY:
        desk_fill(d, o, UNITS(40), UNITS(2), "first");
        break;
    case FILLED:
        desk_fill(d, o, UNITS(100), UNITS(2), "first");
        break;
    case CANCELLED:
        desk_say(d, o, '4');
        break;
    case REJECTED:
        desk_say(d, o, '8');
        break;
    default:
        break;
    }
    return o;
}

#endif

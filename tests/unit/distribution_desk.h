/* A desk for distribution's tests: two takers, LPs, one instrument, and each message that distribution gets
 * as one call. RFQs come to a given state by the messages that bring them there, never by writing into the
 * state.
 *
 * Sessions: taker 0 and 1 (another tenant's: 2), LP n (1..) at DESK_LP + n; LP n's id is n, its code "LPn".
 */
#ifndef RFQD_TESTS_DISTRIBUTION_DESK_H
#define RFQD_TESTS_DISTRIBUTION_DESK_H

#include "dataplane/core/decimal.h"
#include "dataplane/model/distribution.h"
#include "tests/unit/engine_harness.h"

#define TAKER    0u
#define TAKER_2  1u
#define STRANGER 2u /* a taker of another tenant */
#define NOBODY   900u
#define DESK_LP  9u
#define LP(n)    (DESK_LP + (n))
#define MS       1000000ull
#define SECOND   (1000 * MS)
#define UNITS(n) ((int64_t)(n)*DECIMAL_SCALE)
#define PRICE(n) ((int64_t)(n)*1000) /* in ticks of 0.00001 */

struct desk {
    struct harness h;
    struct distribution_state *s;
    struct settings settings;
    struct instrument instruments[2];
    struct lp lps[LPS_MAX];
    struct taker takers[3];
    unsigned lp_count, requests;
};

static inline struct settings desk_settings(void)
{
    return (struct settings){.ack_timeout_ns = 5 * SECOND,
                             .retry_first_ns = 100 * MS,
                             .deadline_default_ns = 30 * SECOND,
                             .deadline_min_ns = SECOND,
                             .deadline_max_ns = 3600 * SECOND,
                             .backup_deadline_ns = 10 * SECOND,
                             .retire_after_ns = 60 * SECOND,
                             .delivery_attempts_max = 3,
                             .rfqs_max = 256,
                             .quotes_max = 4096,
                             .deliveries_max = 2048,
                             .orders_max = 16,
                             .fills_max = 16};
}

static inline struct distribution_state *desk_state(const struct desk *d, bool with_timers)
{
    struct distribution_state *s;
    cr_assert_eq(distribution_state_create(&s, &d->settings, with_timers, !with_timers, 0), OK);
    return s;
}

static inline void desk_session(struct desk *d, uint32_t session, enum session_status state)
{
    struct gateway_session_state c = {.head = harness_head(RECORD_GATEWAY_SESSION_STATE, session),
                                      .state = state};
    harness_decide(&d->h, AGENT_GATEWAY, session < DESK_LP ? LANE_REQUEST : LANE_QUOTE, &c.head);
}

static inline void desk_prepare(struct desk *d, unsigned lps)
{
    *d = (struct desk){.settings = desk_settings(), .lp_count = lps};
    d->instruments[0] = (struct instrument){.symbol = "EUR/USD",
                                            .currency = "EUR",
                                            .tick = PRICE(1),
                                            .lot = UNITS(1000),
                                            .quantity_min = UNITS(1000),
                                            .quantity_max = UNITS(50000000),
                                            .reference_price = PRICE(110000),
                                            .collar_percent = UNITS(5),
                                            .asset_class = 3,
                                            .tradable = 1};
    d->instruments[1] = (struct instrument){.symbol = "XXX/YYY", .quantity_max = UNITS(10), .asset_class = 3};
    for (unsigned i = 0; i < lps; i++) {
        d->lps[i] = (struct lp){.session = LP(i + 1),
                                .tenant = 1,
                                .status = LP_ACTIVE,
                                .asset_classes = 1u << 3,
                                .concurrent_rfqs_max = 100,
                                .ack_required = 1,
                                .gateway = AGENT_GATEWAY};
        snprintf(d->lps[i].code, sizeof d->lps[i].code, "LP%u", i + 1);
    }
    for (unsigned i = 0; i < 3; i++) {
        d->takers[i] =
            (struct taker){.session = i, .tenant = i == STRANGER ? 2 : 1, .gateway = AGENT_GATEWAY};
        snprintf(d->takers[i].code, sizeof d->takers[i].code, "TAKER%u", i + 1);
    }
}

static inline struct engine_setup desk_setup(const struct desk *d)
{
    return (struct engine_setup){.settings = d->settings,
                                 .instruments = d->instruments,
                                 .instrument_count = 2,
                                 .lps = d->lps,
                                 .lp_count = d->lp_count,
                                 .takers = d->takers,
                                 .taker_count = 3};
}

static inline void desk_begin(struct desk *d)
{
    d->s = desk_state(d, true);
    harness_open(&d->h, AGENT_DISTRIBUTION, &d->s->base, &desk_state(d, false)->base, distribution_decide,
                 distribution_timer_fired);
    struct engine_setup setup = desk_setup(d);
    harness_start(&d->h, distribution_start, &setup);
    for (unsigned i = 0; i < 3; i++)
        desk_session(d, i, SESSION_SYNCED);
    for (unsigned i = 1; i <= d->lp_count; i++)
        desk_session(d, LP(i), SESSION_SYNCED);
}

static inline void desk_open(struct desk *d, unsigned lps)
{
    desk_prepare(d, lps);
    desk_begin(d);
}

static inline void desk_close(struct desk *d)
{
    harness_close(&d->h);
}

static inline void desk_reload(struct desk *d)
{
    d->s = desk_state(d, true);
    harness_reload(&d->h, &d->s->base);
}

/* Entities lie elsewhere after it: the RFQ again. */
static inline const struct rfq *desk_reload_with(struct desk *d, const struct rfq *rfq)
{
    uint64_t id = rfq->id;
    desk_reload(d);
    rfq = distribution_rfq(d->s, id);
    cr_assert(rfq);
    return rfq;
}

/* Takers
 * -----------------------------------------------------------------------------------------------------------------
 */

static inline struct command_quote_request desk_request_command(struct desk *d, uint8_t side,
                                                                int64_t quantity)
{
    struct command_quote_request c = {.head = harness_head(RECORD_COMMAND_QUOTE_REQUEST, TAKER),
                                      .symbol = "EUR/USD",
                                      .quantity = quantity,
                                      .legs = 1,
                                      .side = side};
    snprintf(c.request_id, sizeof c.request_id, "request-%u", ++d->requests);
    return c;
}

static inline void desk_ask(struct desk *d, const struct command_quote_request *c)
{
    harness_decide(&d->h, AGENT_GATEWAY, LANE_REQUEST, &c->head);
}

static inline const struct rfq *desk_rfq_of(const struct desk *d, const struct command_quote_request *c)
{
    return distribution_rfq_by_request(d->s, c->head.session, c->request_id);
}

/* A request for 1,000,000 that is taken. */
static inline const struct rfq *desk_request(struct desk *d, uint8_t side)
{
    struct command_quote_request c = desk_request_command(d, side, UNITS(1000000));
    desk_ask(d, &c);
    const struct rfq *rfq = desk_rfq_of(d, &c);
    cr_assert(rfq);
    return rfq;
}

static inline struct command_quote_response desk_accept_command(uint64_t quote)
{
    struct command_quote_response c = {.head = harness_head(RECORD_COMMAND_QUOTE_RESPONSE, TAKER),
                                       .response_id = "response",
                                       .cl_ord_id = "order",
                                       .response_type = 1};
    name_print('Q', quote, c.quote_id);
    return c;
}

static inline void desk_respond(struct desk *d, const struct command_quote_response *c)
{
    harness_decide(&d->h, AGENT_GATEWAY, LANE_REQUEST, &c->head);
}

static inline void desk_accept(struct desk *d, uint64_t quote)
{
    struct command_quote_response c = desk_accept_command(quote);
    desk_respond(d, &c);
}

static inline void desk_cancel(struct desk *d, const struct rfq *rfq)
{
    struct command_request_cancel c = {.head = harness_head(RECORD_COMMAND_REQUEST_CANCEL, rfq->session)};
    memcpy(c.request_id, rfq->request_id, sizeof c.request_id);
    harness_decide(&d->h, AGENT_GATEWAY, LANE_REQUEST, &c.head);
}

/* LPs
 * --------------------------------------------------------------------------------------------------------------------
 */

static inline const struct delivery *desk_delivery(const struct desk *d, const struct rfq *rfq, unsigned lp)
{
    const struct delivery *delivery = distribution_delivery_to(d->s, rfq, lp);
    cr_assert(delivery);
    return delivery;
}

static inline void desk_answer(struct desk *d, const struct rfq *rfq, unsigned lp,
                               enum delivery_answer_kind kind)
{
    struct command_delivery_answer c = {
        .head = harness_head(RECORD_COMMAND_DELIVERY_ANSWER, LP(lp)), .rfq = rfq->id, .kind = kind};
    harness_decide(&d->h, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

static inline void desk_ack(struct desk *d, const struct rfq *rfq, unsigned lp)
{
    desk_answer(d, rfq, lp, ANSWER_KIND_ACK);
}

static inline struct command_quote desk_quote_command(const struct rfq *rfq, unsigned lp, int64_t bid,
                                                      int64_t ask)
{
    static unsigned count;
    struct command_quote c = {.head = harness_head(RECORD_COMMAND_QUOTE, LP(lp)),
                              .rfq = rfq->id,
                              .symbol = "EUR/USD",
                              .bid = bid,
                              .ask = ask,
                              .has_bid = bid != 0,
                              .has_ask = ask != 0};
    name_print('R', rfq->id, c.request_id);
    snprintf(c.lp_quote_id, sizeof c.lp_quote_id, "quote-%u", ++count);
    return c;
}

static inline void desk_give(struct desk *d, const struct command_quote *c)
{
    harness_decide(&d->h, AGENT_GATEWAY, LANE_QUOTE, &c->head);
}

/* A quote that is taken, for as long as the RFQ lasts. Its id. */
static inline uint64_t desk_quote(struct desk *d, const struct rfq *rfq, unsigned lp, int64_t bid,
                                  int64_t ask)
{
    struct command_quote c = desk_quote_command(rfq, lp, bid, ask);
    desk_give(d, &c);
    const struct quote_added *ev = harness_find(&d->h, RECORD_QUOTE_ADDED);
    cr_assert(ev, "%s", harness_shape(&d->h));
    return ev->quote;
}

static inline void desk_withdraw(struct desk *d, const struct rfq *rfq, unsigned lp, const char *lp_quote_id)
{
    struct command_quote_cancel c = {.head = harness_head(RECORD_COMMAND_QUOTE_CANCEL, LP(lp)),
                                     .rfq = rfq ? rfq->id : 0};
    snprintf(c.lp_quote_id, sizeof c.lp_quote_id, "%s", lp_quote_id);
    harness_decide(&d->h, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

static inline void desk_unsent(struct desk *d, const struct delivery *delivery, enum reason reason)
{
    struct gateway_unsent c = {.head = harness_head(RECORD_GATEWAY_UNSENT, delivery->session),
                               .out = {.rfq = delivery->rfq, .ref = delivery->id, .ref_kind = REF_DELIVERY},
                               .reason = reason};
    harness_decide(&d->h, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

/* Routing
 * ----------------------------------------------------------------------------------------------------------------
 */

struct desk_update {
    enum order_status state;
    enum reason reason;
    int64_t filled;
    bool final, in_doubt;
    uint64_t award; /* 0: the present one */
    bool cancel_refused;
};

static inline void desk_update(struct desk *d, const struct rfq *rfq, struct desk_update u)
{
    struct order_update c = {.head = harness_head(RECORD_ORDER_UPDATE, SESSION_NONE),
                             .rfq = rfq->id,
                             .award = u.award ? u.award : rfq->award,
                             .order = 77,
                             .filled_quantity = u.filled,
                             .state = (uint16_t)u.state,
                             .reason = (uint16_t)u.reason,
                             .in_doubt = u.in_doubt,
                             .final = u.final,
                             .cancel_refused = u.cancel_refused};
    harness_decide(&d->h, AGENT_ROUTING, LANE_ENGINE, &c.head);
}

static inline void desk_advance(struct desk *d, uint64_t by_ns)
{
    harness_advance(&d->h, d->h.now_ns + by_ns);
}

static inline const char *desk_state_name(const struct rfq *rfq)
{
    return rfq_state_name(rfq->state);
}

#endif

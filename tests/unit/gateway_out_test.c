#include "dataplane/core/decimal.h"
#include "dataplane/model/record_rfq.h"
#include "tests/unit/gateway_harness.h"

static struct world *world_up(void)
{
    struct world *w = world_new(8);
    world_start(w);
    world_logon(w, TAKER);
    world_logon(w, LP);
    world_drain(w);
    return w;
}

/* What the peer gets, without header and trailer: the whole body, field by field, in order. */
static void expect_next(struct world *w, unsigned peer, const char *type, const char *body)
{
    const char *m = peer_expect(&w->peers[peer], type);
    char who[32];
    snprintf(who, sizeof who, "|56=%s|", w->peers[peer].name);
    const char *at = strstr(m, who);
    cr_assert(at, "%s", m);
    at += strlen(who);
    size_t size = strlen(at) - strlen("10=000|");
    cr_assert(size == strlen(body) && memcmp(at, body, size) == 0, "\n got %.*s\nwant %s", (int)size, at,
              body);
}

static void expect_body(struct world *w, unsigned peer, const char *type, const char *body)
{
    world_run(w, 2 * MILLISECOND);
    expect_next(w, peer, type, body);
    peer_nothing(&w->peers[peer]);
}

static const char *stamp(uint64_t ns)
{
    static char text[4][64];
    static unsigned turn;
    char *t = text[turn++ % 4];
    struct clock_civil c;
    clock_to_civil(ns, &c);
    snprintf(t, 64, "%04d%02u%02u-%02u:%02u:%02u.%03u", c.year, c.month, c.day, c.hour, c.minute, c.second,
             c.ns / 1000000);
    return t;
}

#define BODY(...)    \
    char body[1024]; \
    snprintf(body, sizeof body, __VA_ARGS__)

Test(gateway_out, delivery_released)
{
    struct world *w = world_up();
    struct delivery_released ev = {.out = {.rfq = 0x1A, .ref = 7, .ref_kind = REF_DELIVERY},
                                   .rfq = 0x1A,
                                   .delivery = 7,
                                   .lp = 1,
                                   .deadline_ns = w->now_ns + 30 * SECOND,
                                   .quantity = 5 * DECIMAL_SCALE / 2,
                                   .settl_date = 20261123,
                                   .side = SIDE_SELL,
                                   .symbol = "EURUSD"};
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP);
    {
        BODY("131=R1A|146=1|55=EURUSD|537=1|54=2|38=2.5|64=20261123|126=%s|60=%s|", stamp(ev.deadline_ns),
             stamp(w->now_ns));
        expect_body(w, LP, "R", body);
    }
    ev.side = SIDE_TWO_WAY;
    ev.settl_date = 0;
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP);
    BODY("131=R1A|146=1|55=EURUSD|537=1|38=2.5|126=%s|60=%s|", stamp(ev.deadline_ns), stamp(w->now_ns));
    expect_body(w, LP, "R", body);
    world_free(w);
}

/* Of a release the first message's fields serve the others. */
Test(gateway_out, fields_serve_another_event_only_where_all_that_they_say_is_the_same)
{
    struct world *w = world_up();
    for (unsigned change = 0; change < 7; change++) {
        struct delivery_released first = {.rfq = 0x1A,
                                          .deadline_ns = w->now_ns + 30 * SECOND,
                                          .quantity = 2 * DECIMAL_SCALE,
                                          .settl_date = 20261123,
                                          .side = SIDE_SELL,
                                          .symbol = "EURUSD"},
                                 second = first;
        second.delivery = second.lp = second.attempt = 3;
        second.rfq += change == 1;
        second.deadline_ns += change == 2 ? SECOND : 0;
        second.quantity += change == 3 ? DECIMAL_SCALE : 0;
        second.settl_date += change == 4;
        second.side = change == 5 ? SIDE_BUY : SIDE_SELL;
        second.symbol[0] = change == 6 ? 'A' : 'E';
        EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, first, LP);
        EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, second, LP);
        BODY("131=R1%c|146=1|55=%cURUSD|537=1|54=%c|38=%c|64=2026112%c|126=%s|60=%s|",
             change == 1 ? 'B' : 'A', second.symbol[0], second.side, change == 3 ? '3' : '2',
             change == 4 ? '4' : '3', stamp(second.deadline_ns), stamp(w->now_ns));
        world_run(w, 2 * MILLISECOND);
        peer_expect(&w->peers[LP], "R");
        expect_next(w, LP, "R", body);
        peer_nothing(&w->peers[LP]);
    }
    world_free(w);
}

Test(gateway_out, quote_added_and_offered)
{
    struct world *w = world_up();
    struct quote_added ev = {.out = {.rfq = 3, .ref = 0xABC, .ref_kind = REF_QUOTE},
                             .quote = 0xABC,
                             .rfq = 3,
                             .valid_until_ns = w->now_ns + SECOND,
                             .bid = 109010000,
                             .ask = 109030000,
                             .bid_size = 5 * DECIMAL_SCALE,
                             .ask_size = 7 * DECIMAL_SCALE,
                             .side = SIDE_TWO_WAY,
                             .lp_quote_id = "secret",
                             .request_id = "req-1",
                             .symbol = "EURUSD"};
    EVENT(w, AGENT_DISTRIBUTION, QUOTE_ADDED, ev, TAKER);
    {
        BODY("131=req-1|117=QABC|537=1|55=EURUSD|132=1.0901|133=1.0903|134=5|135=7|62=%s|60=%s|",
             stamp(ev.valid_until_ns), stamp(w->now_ns));
        expect_body(w, TAKER, "S", body);
    }
    struct quote_offered again = {.quote = 0xABD,
                                  .rfq = 3,
                                  .valid_until_ns = w->now_ns + SECOND,
                                  .ask = 109030000,
                                  .bid_size = 5 * DECIMAL_SCALE,
                                  .ask_size = 7 * DECIMAL_SCALE,
                                  .side = SIDE_BUY,
                                  .request_id = "req-1",
                                  .symbol = "EURUSD"};
    EVENT(w, AGENT_DISTRIBUTION, QUOTE_OFFERED, again, TAKER);
    BODY("131=req-1|117=QABD|537=1|55=EURUSD|54=1|133=1.0903|135=7|62=%s|60=%s|", stamp(again.valid_until_ns),
         stamp(w->now_ns));
    expect_body(w, TAKER, "S", body);
    world_free(w);
}

Test(gateway_out, quote_ended)
{
    struct world *w = world_up();
    struct quote_ended ev = {
        .quote = 0xABC, .rfq = 3, .reason = REASON_WITHDRAWN, .request_id = "req-1", .symbol = "EURUSD"};
    EVENT(w, AGENT_DISTRIBUTION, QUOTE_ENDED, ev, TAKER);
    expect_body(w, TAKER, "Z", "131=req-1|117=QABC|298=1|295=1|55=EURUSD|");
    world_free(w);
}

Test(gateway_out, quote_refused)
{
    struct world *w = world_up();
    struct quote_refused ev = {.rfq = 3,
                               .reason = REASON_QUOTE_LATE,
                               .lp_quote_id = "lpq-1",
                               .request_id = "R3",
                               .symbol = "EURUSD",
                               .text = "late by 3 ms"};
    EVENT(w, AGENT_DISTRIBUTION, QUOTE_REFUSED, ev, LP);
    expect_body(w, LP, "AI", "131=R3|117=lpq-1|55=EURUSD|297=5|58=late by 3 ms|");
    memset(ev.request_id, 0, sizeof ev.request_id);
    memset(ev.text, 0, sizeof ev.text);
    EVENT(w, AGENT_DISTRIBUTION, QUOTE_REFUSED, ev, LP);
    expect_body(w, LP, "AI", "117=lpq-1|55=EURUSD|297=5|58=quote_late|");
    world_free(w);
}

Test(gateway_out, delivery_ended)
{
    struct world *w = world_up();
    struct delivery_ended ev = {.rfq = 0x1A,
                                .delivery = 0xD1,
                                .side = SIDE_BUY,
                                .reason = REASON_RFQ_ENDED,
                                .lp_quote_id = "lpq-1",
                                .symbol = "EURUSD"};
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_ENDED, ev, LP);
    expect_body(w, LP, "Z", "131=R1A|117=lpq-1|298=1|295=1|55=EURUSD|");
    ev.by_aj = 1;
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_ENDED, ev, LP);
    {
        BODY("693=DD1|117=lpq-1|694=5|55=EURUSD|54=1|60=%s|58=rfq_ended|", stamp(w->now_ns));
        expect_body(w, LP, "AJ", body);
    }
    ev.by_aj = 0;
    memset(ev.lp_quote_id, 0, sizeof ev.lp_quote_id);
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_ENDED, ev, LP);
    expect_body(w, LP, "Z", "131=R1A|117=R1A|298=4|295=1|55=EURUSD|");
    world_free(w);
}

Test(gateway_out, ends_of_an_rfq)
{
    struct world *w = world_up();
    struct rfq_transition ev = {.rfq = 3,
                                .to = RFQ_REJECTED,
                                .reason = REASON_NO_ELIGIBLE_LP,
                                .side = SIDE_BUY,
                                .request_id = "req-1",
                                .symbol = "EURUSD",
                                .text = "No eligible liquidity providers"};
    EVENT(w, AGENT_DISTRIBUTION, RFQ_TRANSITION, ev, TAKER);
    expect_body(w, TAKER, "AG", "131=req-1|658=7|146=1|55=EURUSD|54=1|58=No eligible liquidity providers|");
    ev.to = RFQ_EXPIRED;
    ev.reason = REASON_DEADLINE;
    memset(ev.text, 0, sizeof ev.text);
    EVENT(w, AGENT_DISTRIBUTION, RFQ_TRANSITION, ev, TAKER);
    expect_body(w, TAKER, "AI", "131=req-1|117=req-1|55=EURUSD|297=7|58=deadline|");
    ev.to = RFQ_CANCELLED;
    ev.reason = REASON_TAKER_REQUEST;
    EVENT(w, AGENT_DISTRIBUTION, RFQ_TRANSITION, ev, TAKER);
    expect_body(w, TAKER, "AI", "131=req-1|117=req-1|55=EURUSD|297=4|58=taker_request|");
    world_free(w);
}

Test(gateway_out, refused_requests_and_acceptances)
{
    struct world *w = world_up();
    struct request_refused ev = {.reason = REASON_UNKNOWN_SYMBOL,
                                 .command = RECORD_COMMAND_QUOTE_REQUEST,
                                 .side = 'Q', /* whatever the taker said */
                                 .request_id = "req-1",
                                 .symbol = "NOSUCH",
                                 .text = "no such instrument"};
    EVENT(w, AGENT_DISTRIBUTION, REQUEST_REFUSED, ev, TAKER);
    expect_body(w, TAKER, "AG", "131=req-1|658=1|146=1|55=NOSUCH|58=no such instrument|");
    memset(ev.symbol, 0, sizeof ev.symbol);
    ev.command = RECORD_COMMAND_REQUEST_CANCEL;
    EVENT(w, AGENT_DISTRIBUTION, REQUEST_REFUSED, ev, TAKER);
    expect_body(w, TAKER, "AI", "131=req-1|117=req-1|55=[N/A]|297=9|58=no such instrument|");
    ev.rfq = 4;
    EVENT(w, AGENT_DISTRIBUTION, REQUEST_REFUSED, ev, TAKER);
    expect_body(w, TAKER, "AI", "131=req-1|117=req-1|55=[N/A]|297=5|58=no such instrument|");
    ev.command = RECORD_COMMAND_QUOTE_REQUEST;
    ev.shown = SHOWN_QUOTED;
    memset(ev.text, 0, sizeof ev.text);
    EVENT(w, AGENT_DISTRIBUTION, REQUEST_REFUSED, ev, TAKER);
    expect_body(w, TAKER, "AI", "131=req-1|117=req-1|55=[N/A]|297=0|58=quoted|");
    struct accept_refused no = {.quote = 5,
                                .reason = REASON_QUOTE_EXPIRED,
                                .expired = 1,
                                .response_id = "resp-1",
                                .quote_id = "Q5",
                                .symbol = "EURUSD",
                                .text = "expired 3 ms ago"};
    EVENT(w, AGENT_DISTRIBUTION, ACCEPT_REFUSED, no, TAKER);
    expect_body(w, TAKER, "AI", "117=Q5|693=resp-1|55=EURUSD|297=7|58=expired 3 ms ago|");
    no.expired = 0;
    EVENT(w, AGENT_DISTRIBUTION, ACCEPT_REFUSED, no, TAKER);
    expect_body(w, TAKER, "AI", "117=Q5|693=resp-1|55=EURUSD|297=5|58=expired 3 ms ago|");
    world_free(w);
}

Test(gateway_out, order_released_and_cancelled)
{
    struct world *w = world_up();
    struct order_released ev = {.out = {.rfq = 3, .ref = 0x1F, .ref_kind = REF_ORDER},
                                .order = 0x1F,
                                .rfq = 3,
                                .quantity = 10 * DECIMAL_SCALE,
                                .price = 109030000,
                                .side = SIDE_BUY,
                                .lp_quote_id = "lpq-1",
                                .symbol = "EURUSD"};
    EVENT(w, AGENT_ROUTING, ORDER_RELEASED, ev, LP);
    {
        BODY("11=O1F|55=EURUSD|54=1|60=%s|38=10|40=D|44=1.0903|117=lpq-1|59=3|", stamp(w->now_ns));
        expect_body(w, LP, "D", body);
    }
    struct order_cancel_asked f = {.order = 0x1F,
                                   .quantity = 10 * DECIMAL_SCALE,
                                   .side = SIDE_BUY,
                                   .attempt = 12,
                                   .lp_order_id = "lpo-1",
                                   .symbol = "EURUSD"};
    EVENT(w, AGENT_ROUTING, ORDER_CANCEL_ASKED, f, LP);
    BODY("41=O1F|37=lpo-1|11=O1F-C12|55=EURUSD|54=1|60=%s|38=10|", stamp(w->now_ns));
    expect_body(w, LP, "F", body);
    struct order_status_asked h = {.order = 0x1F, .side = SIDE_BUY, .symbol = "EURUSD"};
    EVENT(w, AGENT_ROUTING, ORDER_STATUS_ASKED, h, LP);
    expect_body(w, LP, "H", "11=O1F|55=EURUSD|54=1|");
    strcpy(h.lp_order_id, "lpo-1");
    EVENT(w, AGENT_ROUTING, ORDER_STATUS_ASKED, h, LP);
    expect_body(w, LP, "H", "37=lpo-1|11=O1F|55=EURUSD|54=1|");
    world_free(w);
}

Test(gateway_out, order_reports)
{
    struct world *w = world_up();
    struct order_report ev = {.order = 0x1F,
                              .report = 2,
                              .exec_type = 'F',
                              .ord_status = '1',
                              .side = '1',
                              .quantity = 10 * DECIMAL_SCALE,
                              .price = 109030000,
                              .last_quantity = 4 * DECIMAL_SCALE,
                              .last_price = 109030000,
                              .filled_quantity = 4 * DECIMAL_SCALE,
                              .leaves_quantity = 6 * DECIMAL_SCALE,
                              .average_price = 109030000,
                              .cl_ord_id = "ord-1",
                              .symbol = "EURUSD"};
    EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    {
        BODY("37=O1F|11=ord-1|17=O1F-2|150=F|39=1|55=EURUSD|54=1|38=10|44=1.0903|32=4|31=1.0903|151=6|14=4|6="
             "1.0903|60=%s|",
             stamp(w->now_ns));
        expect_body(w, TAKER, "8", body);
    }
    /* by AJ without a ClOrdID; cancelled by the taker's F */
    memset(ev.cl_ord_id, 0, sizeof ev.cl_ord_id);
    strcpy(ev.orig_cl_ord_id, "ord-1");
    ev.exec_type = ev.ord_status = '4';
    ev.leaves_quantity = 0;
    EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    {
        BODY("37=O1F|11=O1F|41=ord-1|17=O1F-2|150=4|39=4|55=EURUSD|54=1|38=10|44=1.0903|151=0|14=4|6=1.0903|"
             "60=%s|",
             stamp(w->now_ns));
        expect_body(w, TAKER, "8", body);
    }
    /* refused before there was an order */
    struct order_report no = {.exec_type = '8',
                              .ord_status = '8',
                              .side = '1',
                              .quantity = DECIMAL_SCALE,
                              .reject_reason = 99,
                              .reason = REASON_UNKNOWN_QUOTE,
                              .cl_ord_id = "ord-2",
                              .symbol = "EURUSD",
                              .text = "no such quote"};
    EVENT(w, AGENT_ROUTING, ORDER_REPORT, no, TAKER);
    BODY("37=NONE|11=ord-2|17=X%llX-0|150=8|39=8|103=99|55=EURUSD|54=1|38=1|151=0|14=0|6=0|60=%s|58=no such "
         "quote|",
         (unsigned long long)w->now_ns, stamp(w->now_ns));
    expect_body(w, TAKER, "8", body);
    world_free(w);
}

Test(gateway_out, order_cancel_refused)
{
    struct world *w = world_up();
    struct order_cancel_refused ev = {.order = 0x1F,
                                      .cancel_reason = 0,
                                      .reason = REASON_ORDER_FINAL,
                                      .ord_status = '2',
                                      .cl_ord_id = "can-1",
                                      .orig_cl_ord_id = "ord-1"};
    EVENT(w, AGENT_ROUTING, ORDER_CANCEL_REFUSED, ev, TAKER);
    {
        BODY("37=O1F|11=can-1|41=ord-1|39=2|60=%s|434=1|102=0|58=order_is_final|", stamp(w->now_ns));
        expect_body(w, TAKER, "9", body);
    }
    ev.order = 0;
    ev.ord_status = 0;
    ev.cancel_reason = 1;
    EVENT(w, AGENT_ROUTING, ORDER_CANCEL_REFUSED, ev, TAKER);
    BODY("37=NONE|11=can-1|41=ord-1|39=8|60=%s|434=1|102=1|58=order_is_final|", stamp(w->now_ns));
    expect_body(w, TAKER, "9", body);
    world_free(w);
}

/* What is longest in each field still fits. */
Test(gateway_out, the_longest_message_fits)
{
    struct world *w = world_up();
    struct order_report ev = {.order = UINT64_MAX,
                              .report = UINT32_MAX,
                              .exec_type = 'F',
                              .ord_status = '8',
                              .side = '1',
                              .quantity = INT64_MAX,
                              .price = -INT64_MAX,
                              .last_quantity = INT64_MAX,
                              .last_price = INT64_MAX,
                              .filled_quantity = INT64_MAX,
                              .leaves_quantity = INT64_MAX,
                              .average_price = INT64_MAX};
    memset(ev.cl_ord_id, 'c', sizeof ev.cl_ord_id - 1);
    memset(ev.orig_cl_ord_id, 'o', sizeof ev.orig_cl_ord_id - 1);
    memset(ev.symbol, 's', sizeof ev.symbol - 1);
    memset(ev.text, 't', sizeof ev.text - 1);
    EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    world_run(w, 2 * MILLISECOND);
    const char *m = peer_expect(&w->peers[TAKER], "8");
    cr_assert(field_is(m, 58, ev.text));
    cr_assert(field_is(m, 17, "OFFFFFFFFFFFFFFFF-4294967295"));
    world_free(w);
}

/* Causes, and what could not be sent
 * ---------------------------------------------------------------------------------------- */

static const struct record *record_back(struct world *w, unsigned back, const struct batch **batch)
{
    const struct batch *b = w->batches[w->batch_count - 1 - back];
    const struct record *last = NULL;
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r))
        last = r;
    *batch = b;
    return last;
}

static const struct record *last_record(struct world *w, const struct batch **batch)
{
    return record_back(w, 0, batch);
}

static struct delivery_released request(struct world *w)
{
    return (struct delivery_released){.out = {.rfq = 3, .ref = 7, .ref_kind = REF_DELIVERY},
                                      .rfq = 3,
                                      .delivery = 7,
                                      .deadline_ns = w->now_ns + SECOND,
                                      .quantity = DECIMAL_SCALE,
                                      .symbol = "EURUSD"};
}

Test(gateway_out, an_event_is_consumed_by_the_batch_that_names_it)
{
    struct world *w = world_up();
    struct delivery_released ev = request(w);
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP);
    uint64_t origin = w->now_ns;
    world_run(w, 2 * MILLISECOND);
    const struct batch *b;
    const struct gateway_out *out = (const void *)record_back(w, 1, &b); /* then it has left */
    cr_assert_eq(out->head.type, RECORD_GATEWAY_OUT);
    cr_assert_eq(b->cause_agent, AGENT_DISTRIBUTION);
    cr_assert_eq(b->cause_lane, LANE_ENGINE);
    cr_assert_eq(b->cause, w->engine_position[AGENT_DISTRIBUTION]);
    cr_assert_eq(b->cause_time_ns, ev.head.time_ns);
    cr_assert_eq(b->origin_time_ns, origin);
    cr_assert_eq(out->out.ref, 7);
    cr_assert_eq(out->out.ref_kind, REF_DELIVERY);
    cr_assert_eq(out->kind, FIX_MSG_TYPE1('R'));
    cr_assert_eq(w->state->base.marks.consumed[AGENT_DISTRIBUTION][LANE_ENGINE], b->cause);
    world_free(w);
}

/* Two RFQs, to two sessions and to one of them, in one flush: a record for each RFQ. */
Test(gateway_out, what_was_released_at_once_is_recorded_with_its_times)
{
    struct world *w = world_up();
    struct delivery_released ev = request(w);
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP);
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, TAKER);
    ev.out.rfq = ev.rfq = 4;
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP);
    world_run(w, MILLISECOND);
    const struct batch *b;
    unsigned of_3 = ((const struct gateway_released *)record_back(w, 1, &b))->rfq == 3;
    for (unsigned i = 0; i < 2; i++) {
        bool is_3 = i == of_3;
        const struct gateway_released *r = (const void *)record_back(w, i, &b);
        cr_assert_eq(r->head.type, RECORD_GATEWAY_RELEASED);
        cr_assert_eq(r->head.dest, AGENT_NONE);
        cr_expect_eq(r->rfq, is_3 ? 3 : 4);
        cr_expect_eq(r->count, is_3 ? 2 : 1);
        cr_expect(r->first_ns && r->first_ns <= r->last_ns && r->last_ns == r->head.time_ns);
        cr_expect_eq(record_rfq(&r->head), r->rfq);
    }
    cr_assert_neq(record_back(w, 2, &b)->type, RECORD_GATEWAY_RELEASED);
    world_free(w);
}

static void expect_unsent(struct world *w, struct lane *l, uint32_t session, uint32_t reason, uint64_t ref)
{
    const struct gateway_unsent *u = lane_expect(l, RECORD_GATEWAY_UNSENT);
    cr_assert_eq(u->head.session, session);
    cr_assert_eq(u->reason, reason, "%s", reason_name(u->reason));
    cr_assert_eq(u->out.ref, ref);
    const struct batch *b;
    const struct record *r = last_record(w, &b);
    cr_assert_eq(r->type, RECORD_GATEWAY_UNSENT);
    cr_assert_neq(b->cause, 0);
    cr_assert_eq(w->state->base.marks.consumed[b->cause_agent][LANE_ENGINE], b->cause);
}

Test(gateway_out, what_cannot_be_sent_goes_back_to_its_engine)
{
    struct world *w = world_new(8);
    world_start(w);
    struct delivery_released ev = request(w);
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP); /* down */
    world_run(w, MILLISECOND);
    expect_unsent(w, w->quote, LP, REASON_SESSION_DOWN, 7);
    world_logon(w, LP);
    world_logon(w, TAKER);
    world_drain(w);
    ev.out.expires_ns = w->now_ns;
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP); /* too late */
    world_run(w, MILLISECOND);
    expect_unsent(w, w->quote, LP, REASON_STALE, 7);
    ev.out.expires_ns = 0;
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, 77); /* nobody */
    world_run(w, MILLISECOND);
    expect_unsent(w, w->request, 77, REASON_UNKNOWN_SESSION, 7);
    struct order_released d = {.out = {.rfq = 3, .ref = 8, .ref_kind = REF_ORDER, .expires_ns = 5},
                               .order = 8};
    EVENT(w, AGENT_ROUTING, ORDER_RELEASED, d, LP);
    world_run(w, MILLISECOND);
    expect_unsent(w, w->order, LP, REASON_STALE, 8);
    struct rfq_transition t = {.out = {.rfq = 3, .ref = 3, .ref_kind = REF_RFQ}, .to = RFQ_IS_AWARDED};
    EVENT(w, AGENT_DISTRIBUTION, RFQ_TRANSITION, t, TAKER); /* no message for it */
    world_run(w, MILLISECOND);
    expect_unsent(w, w->request, TAKER, REASON_ENCODE, 3);
    peer_nothing(&w->peers[LP]);
    peer_nothing(&w->peers[TAKER]);
    cr_assert_eq(counted(w, "rfqd_fix_unsent_total", "session=\"L1\",reason=\"stale\""), 2);
    cr_assert_eq(counted(w, "rfqd_fix_unsent_total", "session=\"L1\",reason=\"session_down\""), 1);
    world_free(w);
}

Test(gateway_out, executions_reach_a_taker_that_was_away)
{
    struct world *w = world_new(9);
    world_start(w);
    world_logon(w, TAKER);
    struct peer *p = &w->peers[TAKER];
    port_close(p->port, p->conn);
    world_run(w, 5 * MILLISECOND);
    for (unsigned i = 1; i <= 3; i++) {
        struct order_report ev = {.out = {.rfq = 3, .ref = i, .ref_kind = REF_ORDER, .must_reach = 1},
                                  .order = i,
                                  .exec_type = '0',
                                  .ord_status = '0',
                                  .side = '1',
                                  .symbol = "EURUSD"};
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    }
    world_run(w, 5 * MILLISECOND);
    uint64_t expected = p->next_in;
    cr_assert_eq(gateway_session(w->state, TAKER)->next_out, expected + 3);
    world_connect(w, TAKER);
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 5 * MILLISECOND);
    const char *m = peer_expect(p, "A");
    cr_assert_eq(strtoull(field(m, 34), NULL, 10), expected + 3); /* so it knows that it lacks three */
    peer_send(p, "35=2|7=%llu|16=0|", (unsigned long long)expected);
    world_run(w, 5 * MILLISECOND);
    for (unsigned i = 1; i <= 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "O%u", i);
        m = peer_expect(p, "8");
        cr_assert(field_is(m, 37, name) && field_is(m, 43, "Y"), "%s", m);
    }
    peer_expect(p, "4");
    cr_assert_eq(p->next_in, gateway_session(w->state, TAKER)->next_out);
    cr_assert_eq(gateway_session(w->state, TAKER)->state, SESSION_SYNCED);
    world_free(w);
}

Test(gateway_out, a_release_to_many_lps_is_one_burst)
{
    struct world *w = world_new(9);
    w->session_count = 2;
    world_start(w);
    world_logon(w, LP);
    world_drain(w);
    for (unsigned i = 0; i < RFQ_LPS_MAX; i++) {
        struct delivery_released ev = request(w);
        ev.rfq = i + 1;
        EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP);
    }
    struct agent a = gateway_agent(w->gateway);
    cr_assert_gt(a.poll(a.self, w->now_ns), 0);
    cr_assert_null(lane_peek(w->from_distribution));
    uint64_t tail = ring_tail(&w->ring);
    a.poll(a.self, w->now_ns);
    cr_assert_eq(ring_tail(&w->ring), tail);
    world_run(w, 5 * MILLISECOND);
    for (unsigned i = 0; i < RFQ_LPS_MAX; i++) {
        char name[8];
        snprintf(name, sizeof name, "R%X", i + 1);
        cr_assert(field_is(peer_expect(&w->peers[LP], "R"), 131, name));
    }
    world_free(w);
}

static uint64_t clock_ns;

static uint64_t clock_of_test(void)
{
    return clock_ns += 100;
}

Test(gateway_out, messages_of_one_poll_have_times_of_their_own_where_there_is_a_clock)
{
    struct world *w = world_new(10);
    w->clock = clock_of_test;
    clock_ns = w->now_ns + SECOND;
    world_start(w);
    world_logon(w, LP);
    world_drain(w);
    unsigned before = w->batch_count;
    uint64_t last_ns = clock_ns;
    for (unsigned i = 0; i < 3; i++) {
        struct delivery_released ev = request(w);
        ev.rfq = i + 1;
        EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, ev, LP);
    }
    world_run(w, 5 * MILLISECOND);
    world_drain(w);
    unsigned seen = 0;
    for (unsigned i = before; i < w->batch_count; i++) {
        const struct record *r = batch_first(w->batches[i]);
        if (r->type != RECORD_GATEWAY_OUT)
            continue;
        cr_assert_eq(r->time_ns, last_ns + 100);
        cr_assert_lt(w->batches[i]->time_ns, r->time_ns); /* the decision's time stays the poll's */
        last_ns = r->time_ns;
        seen++;
    }
    cr_assert_eq(seen, 3);
    world_free(w);
}

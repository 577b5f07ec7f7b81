/* Every byte of what routing writes: a message to a peer is encoded from its event alone, and the state is
 * what events say. So each record is compared whole with the one that is expected, and the order with what
 * its records have said. */
#include "tests/unit/routing_desk.h"

static struct desk d;

static void open_desk(void)
{
    desk_open(&d);
}

static void close_desk(void)
{
    desk_close(&d);
}

TestSuite(routing_record, .init = open_desk, .fini = close_desk);

/* The header is completed with what every record of this step has. */
static void expect_record(struct record *expected, uint16_t type, const char *file_line)
{
    expected->size = record_type_size(type);
    expected->type = type;
    expected->version = record_type_version(type);
    expected->time_ns = d.h.now_ns;
    const struct record *found = harness_find(&d.h, type);
    cr_assert_not_null(found, "%s: no %s in %s", file_line, record_type_name(type), harness_shape(&d.h));
    const uint8_t *a = (const uint8_t *)found, *b = (const uint8_t *)expected;
    for (uint32_t i = 0; i < expected->size; i++)
        cr_assert_eq(a[i], b[i], "%s: %s differs at byte %u: %u, expected %u", file_line,
                     record_type_name(type), i, a[i], b[i]);
}
#define STRING(x)  STRING2(x)
#define STRING2(x) #x
#define EXPECT(type, ...)                                              \
    do {                                                               \
        __VA_ARGS__;                                                   \
        expect_record(&expected.head, type, "line " STRING(__LINE__)); \
    } while (0)

#define TO_TAKER        .dest = AGENT_GATEWAY, .lane = LANE_ENGINE, .session = TAKER
#define TO_LP           .dest = AGENT_GATEWAY, .lane = LANE_ENGINE, .session = LP
#define TO_DISTRIBUTION .dest = AGENT_DISTRIBUTION, .lane = LANE_ENGINE, .session = SESSION_NONE
#define TO_NOBODY       .session = SESSION_NONE

static struct order copy_of(const struct order *o)
{
    return *o;
}

Test(routing_record, of_an_order_from_acceptance_to_its_fills)
{
    const struct order *o = desk_ask(&d, "A1");
    uint64_t id = o->id;
    EXPECT(RECORD_ORDER_CREATED, struct order_created expected = {.head = {TO_DISTRIBUTION},
                                                                  .order = id,
                                                                  .quote = 0x77,
                                                                  .quantity = UNITS(100),
                                                                  .price = UNITS(2),
                                                                  .taker_session = TAKER,
                                                                  .taker_gateway = AGENT_GATEWAY,
                                                                  .lp_session = SESSION_NONE,
                                                                  .side = '1',
                                                                  .by_order = 1,
                                                                  .state = ORDER_AWAITING,
                                                                  .cl_ord_id = "A1",
                                                                  .quote_id = "Q77",
                                                                  .symbol = "EUR/USD"});
    struct order was = copy_of(o);
    struct order created = {.id = id,
                            .created_ns = d.h.now_ns,
                            .updated_ns = d.h.now_ns,
                            .quote = 0x77,
                            .quantity = UNITS(100),
                            .price = UNITS(2),
                            .taker_session = TAKER,
                            .taker_gateway = AGENT_GATEWAY,
                            .lp_session = SESSION_NONE,
                            .side = '1',
                            .state = ORDER_AWAITING,
                            .by_order = 1,
                            .cl_ord_id = "A1",
                            .symbol = "EUR/USD"};
    cr_assert_eq(memcmp(&was, &created, offsetof(struct order, transient)), 0);

    struct rfq_awarded award = desk_award_record(&d, id, "");
    d.h.now_ns += MS;
    award.quote = 0x78;
    award.quantity = UNITS(90); /* the award counts, in all that it says */
    award.price = UNITS(3);
    desk_award(&d, &award);
    EXPECT(RECORD_ORDER_STATE, struct order_state expected = {.head = {TO_NOBODY},
                                                              .order = id,
                                                              .rfq = 500,
                                                              .state = ORDER_PENDING,
                                                              .award = award.award,
                                                              .quote = 0x78,
                                                              .lp = 9,
                                                              .taker = 8,
                                                              .valid_until_ns = award.valid_until_ns,
                                                              .quantity = UNITS(90),
                                                              .price = UNITS(3),
                                                              .lp_session = LP,
                                                              .lp_gateway = AGENT_GATEWAY,
                                                              .lp_quote_id = "lpq"});
    EXPECT(RECORD_ORDER_RELEASED,
           struct order_released expected = {
               .head = {TO_LP},
               .out = {.rfq = 500, .ref = id, .expires_ns = award.valid_until_ns, .ref_kind = REF_ORDER},
               .order = id,
               .rfq = 500,
               .award = award.award,
               .quote = 0x78,
               .lp = 9,
               .due_ns = d.h.now_ns + 2000 * MS,
               .valid_until_ns = award.valid_until_ns,
               .quantity = UNITS(90),
               .price = UNITS(3),
               .side = '1',
               .attempt = 1,
               .lp_quote_id = "lpq",
               .symbol = "EUR/USD",
               .lp_session = LP,
               .lp_gateway = AGENT_GATEWAY});
    EXPECT(
        RECORD_ORDER_UPDATE,
        struct order_update expected = {
            .head = {TO_DISTRIBUTION}, .rfq = 500, .award = award.award, .order = id, .state = ORDER_SENT});
    struct order sent = created;
    sent.award = award.award;
    sent.rfq = 500;
    sent.quote = 0x78;
    sent.lp = 9;
    sent.taker = 8;
    sent.released_ns = sent.updated_ns = d.h.now_ns;
    sent.due_ns = d.h.now_ns + 2000 * MS;
    sent.valid_until_ns = award.valid_until_ns;
    sent.quantity = UNITS(90);
    sent.price = UNITS(3);
    sent.lp_session = LP;
    sent.lp_gateway = AGENT_GATEWAY;
    sent.state = ORDER_SENT;
    sent.attempts = 1;
    memcpy(sent.lp_quote_id, "lpq", 3);
    cr_assert_eq(memcmp(o, &sent, offsetof(struct order, transient)), 0);

    d.h.now_ns += MS;
    desk_say(&d, o, '0');
    EXPECT(RECORD_ORDER_STATE,
           struct order_state expected = {
               .head = {TO_NOBODY}, .order = id, .rfq = 500, .state = ORDER_WORKING, .lp_order_id = "lpo"});
    EXPECT(RECORD_ORDER_REPORT, struct order_report expected = {
                                    .head = {TO_TAKER},
                                    .out = {.rfq = 500, .ref = id, .ref_kind = REF_ORDER, .must_reach = 1},
                                    .order = id,
                                    .rfq = 500,
                                    .quote = 0x78,
                                    .report = 1,
                                    .exec_type = '0',
                                    .ord_status = '0',
                                    .side = '1',
                                    .quantity = UNITS(90),
                                    .price = UNITS(3),
                                    .leaves_quantity = UNITS(90),
                                    .cl_ord_id = "A1",
                                    .symbol = "EUR/USD"});

    d.h.now_ns += MS;
    desk_fill(&d, o, UNITS(30), UNITS(4), "x1");
    unsigned __int128 value = (unsigned __int128)UNITS(30) * UNITS(4);
    EXPECT(RECORD_ORDER_FILLED, struct order_filled expected = {.head = {TO_NOBODY},
                                                                .order = id,
                                                                .rfq = 500,
                                                                .fill = id + 1,
                                                                .lp = 9,
                                                                .quantity = UNITS(30),
                                                                .price = UNITS(4),
                                                                .filled_quantity = UNITS(30),
                                                                .value_low = (uint64_t)value,
                                                                .value_high = (int64_t)(value >> 64),
                                                                .state = ORDER_PARTLY_FILLED,
                                                                .exec_id = "x1",
                                                                .lp_order_id = "lpo"});
    EXPECT(RECORD_ORDER_REPORT, struct order_report expected = {
                                    .head = {TO_TAKER},
                                    .out = {.rfq = 500, .ref = id, .ref_kind = REF_ORDER, .must_reach = 1},
                                    .order = id,
                                    .rfq = 500,
                                    .quote = 0x78,
                                    .report = 2,
                                    .exec_type = 'F',
                                    .ord_status = '1',
                                    .side = '1',
                                    .quantity = UNITS(90),
                                    .price = UNITS(3),
                                    .last_quantity = UNITS(30),
                                    .last_price = UNITS(4),
                                    .filled_quantity = UNITS(30),
                                    .leaves_quantity = UNITS(60),
                                    .average_price = UNITS(4),
                                    .cl_ord_id = "A1",
                                    .symbol = "EUR/USD"});
    EXPECT(RECORD_ORDER_UPDATE, struct order_update expected = {.head = {TO_DISTRIBUTION},
                                                                .rfq = 500,
                                                                .award = award.award,
                                                                .order = id,
                                                                .filled_quantity = UNITS(30),
                                                                .state = ORDER_PARTLY_FILLED});
    const struct fill *f = routing_fill_by_exec_id(d.state, id, (const char[ID_TEXT_SIZE]){"x1"});
    struct fill fill = {.id = id + 1,
                        .order = id,
                        .rfq = 500,
                        .quantity = UNITS(30),
                        .price = UNITS(4),
                        .time_ns = d.h.now_ns,
                        .exec_id = "x1"};
    cr_assert_eq(memcmp(f, &fill, offsetof(struct fill, transient)), 0);
    struct order partly = sent;
    partly.state = ORDER_PARTLY_FILLED;
    partly.due_ns = 0;
    partly.updated_ns = d.h.now_ns;
    partly.filled_quantity = UNITS(30);
    partly.last_price = UNITS(4);
    partly.value_low = (uint64_t)value;
    partly.value_high = (int64_t)(value >> 64);
    partly.reports = 2;
    memcpy(partly.lp_order_id, "lpo", 3);
    cr_assert_eq(memcmp(o, &partly, offsetof(struct order, transient)), 0);

    d.h.now_ns += MS;
    desk_cancel(&d, "C1", "A1");
    EXPECT(RECORD_ORDER_CANCEL_ASKED,
           struct order_cancel_asked expected = {.head = {TO_LP},
                                                 .out = {.rfq = 500, .ref = id, .ref_kind = REF_CANCEL},
                                                 .order = id,
                                                 .rfq = 500,
                                                 .due_ns = d.h.now_ns + 5000 * MS,
                                                 .quantity = UNITS(90),
                                                 .side = '1',
                                                 .asked_for = 2,
                                                 .attempt = 1,
                                                 .lp_order_id = "lpo",
                                                 .symbol = "EUR/USD",
                                                 .cancel_id = "C1"});
    partly.cancel_asked = 2;
    partly.cancel_attempts = 1;
    partly.due_ns = d.h.now_ns + 5000 * MS;
    memcpy(partly.cancel_id, "C1", 2);
    cr_assert_eq(memcmp(o, &partly, offsetof(struct order, transient)), 0);

    d.h.now_ns += MS;
    desk_say(&d, o, '4');
    EXPECT(RECORD_ORDER_STATE, struct order_state expected = {.head = {TO_NOBODY},
                                                              .order = id,
                                                              .rfq = 500,
                                                              .state = ORDER_CANCELLED,
                                                              .reason = REASON_TAKER_REQUEST,
                                                              .cancel_asked = 2,
                                                              .lp_order_id = "lpo",
                                                              .text = "taker_request"});
    EXPECT(RECORD_ORDER_REPORT, struct order_report expected = {
                                    .head = {TO_TAKER},
                                    .out = {.rfq = 500, .ref = id, .ref_kind = REF_ORDER, .must_reach = 1},
                                    .order = id,
                                    .rfq = 500,
                                    .quote = 0x78,
                                    .report = 3,
                                    .exec_type = '4',
                                    .ord_status = '4',
                                    .side = '1',
                                    .quantity = UNITS(90),
                                    .price = UNITS(3),
                                    .filled_quantity = UNITS(30),
                                    .average_price = UNITS(4),
                                    .reason = REASON_TAKER_REQUEST,
                                    .cl_ord_id = "C1",
                                    .orig_cl_ord_id = "A1",
                                    .symbol = "EUR/USD",
                                    .text = "taker_request"});
    EXPECT(RECORD_ORDER_UPDATE, struct order_update expected = {.head = {TO_DISTRIBUTION},
                                                                .rfq = 500,
                                                                .award = award.award,
                                                                .order = id,
                                                                .filled_quantity = UNITS(30),
                                                                .state = ORDER_CANCELLED,
                                                                .reason = REASON_TAKER_REQUEST,
                                                                .final = 1,
                                                                .cancelled_for = 2});
}

Test(routing_record, of_an_aj_whose_order_is_made_here)
{
    struct rfq_awarded award = desk_award_record(&d, 0, "J1");
    desk_award(&d, &award);
    const struct order *o = routing_order_by_award(d.state, award.award);
    EXPECT(RECORD_ORDER_CREATED, struct order_created expected = {.head = {TO_NOBODY},
                                                                  .order = o->id,
                                                                  .award = award.award,
                                                                  .rfq = 500,
                                                                  .quote = 0x77,
                                                                  .lp = 9,
                                                                  .taker = 8,
                                                                  .valid_until_ns = award.valid_until_ns,
                                                                  .quantity = UNITS(100),
                                                                  .price = UNITS(2),
                                                                  .taker_session = TAKER,
                                                                  .lp_session = LP,
                                                                  .taker_gateway = AGENT_GATEWAY,
                                                                  .lp_gateway = AGENT_GATEWAY,
                                                                  .side = '1',
                                                                  .state = ORDER_PENDING,
                                                                  .cl_ord_id = "J1",
                                                                  .quote_id = "Q77",
                                                                  .lp_quote_id = "lpq",
                                                                  .symbol = "EUR/USD"});
    struct order sent = {.id = o->id,
                         .award = award.award,
                         .rfq = 500,
                         .quote = 0x77,
                         .lp = 9,
                         .taker = 8,
                         .created_ns = d.h.now_ns,
                         .released_ns = d.h.now_ns,
                         .updated_ns = d.h.now_ns,
                         .due_ns = d.h.now_ns + 2000 * MS,
                         .valid_until_ns = award.valid_until_ns,
                         .quantity = UNITS(100),
                         .price = UNITS(2),
                         .taker_session = TAKER,
                         .lp_session = LP,
                         .taker_gateway = AGENT_GATEWAY,
                         .lp_gateway = AGENT_GATEWAY,
                         .side = '1',
                         .state = ORDER_SENT,
                         .attempts = 1,
                         .cl_ord_id = "J1",
                         .lp_quote_id = "lpq",
                         .symbol = "EUR/USD"};
    cr_assert_eq(memcmp(o, &sent, offsetof(struct order, transient)), 0);
}

Test(routing_record, of_refusals)
{
    struct command_order c = desk_order_command("A1");
    c.ord_type = '2';
    uint64_t next = state_next_id(&d.state->base);
    desk_order(&d, &c);
    EXPECT(RECORD_ORDER_REPORT, struct order_report expected = {
                                    .head = {TO_TAKER},
                                    .out = {.ref = next, .ref_kind = REF_ORDER, .must_reach = 1},
                                    .order = next,
                                    .report = 1,
                                    .exec_type = '8',
                                    .ord_status = '8',
                                    .side = '1',
                                    .quantity = UNITS(100),
                                    .price = UNITS(2),
                                    .reject_reason = 11,
                                    .reason = REASON_ORDER_TYPE,
                                    .cl_ord_id = "A1",
                                    .symbol = "EUR/USD",
                                    .text = "only previously quoted orders with QuoteID are accepted"});
    const struct order *o = desk_order_in(&d, WORKING, "A2");
    uint64_t id = o->id;
    struct rfq_awarded award = desk_award_record(&d, 0, "A2");
    next = state_next_id(&d.state->base);
    desk_award(&d, &award);
    EXPECT(RECORD_ORDER_REPORT, struct order_report expected = {
                                    .head = {TO_TAKER},
                                    .out = {.rfq = 500, .ref = next, .ref_kind = REF_ORDER, .must_reach = 1},
                                    .order = next,
                                    .rfq = 500,
                                    .quote = 0x77,
                                    .report = 1,
                                    .exec_type = '8',
                                    .ord_status = '8',
                                    .side = '1',
                                    .quantity = UNITS(100),
                                    .price = UNITS(2),
                                    .reject_reason = 6,
                                    .reason = REASON_DUPLICATE_CLORDID,
                                    .cl_ord_id = "A2",
                                    .symbol = "EUR/USD",
                                    .text = "ClOrdID was used before"});
    EXPECT(RECORD_ORDER_UPDATE, struct order_update expected = {.head = {TO_DISTRIBUTION},
                                                                .rfq = 500,
                                                                .award = award.award,
                                                                .order = next,
                                                                .state = ORDER_REJECTED,
                                                                .reason = REASON_REFUSED_BY_CONTROLS,
                                                                .final = 1});
    desk_cancel(&d, "C1", "none");
    EXPECT(RECORD_ORDER_CANCEL_REFUSED,
           struct order_cancel_refused expected = {.head = {TO_TAKER},
                                                   .out = {.must_reach = 1},
                                                   .cancel_reason = 1,
                                                   .reason = REASON_UNKNOWN_ORDER,
                                                   .ord_status = '8',
                                                   .cl_ord_id = "C1",
                                                   .orig_cl_ord_id = "none",
                                                   .text = "unknown_order"});
    desk_cancel(&d, "C1", "A2");
    desk_cancel(&d, "C2", "A2");
    EXPECT(RECORD_ORDER_CANCEL_REFUSED,
           struct order_cancel_refused expected = {
               .head = {TO_TAKER},
               .out = {.rfq = 500, .ref = id, .ref_kind = REF_ORDER, .must_reach = 1},
               .order = id,
               .rfq = 500,
               .cancel_reason = 3,
               .reason = REASON_CANCEL_PENDING,
               .ord_status = '0',
               .cl_ord_id = "C2",
               .orig_cl_ord_id = "A2",
               .text = "cancel_pending"});
    struct command_cancel_reject reject = {
        .head = harness_head(RECORD_COMMAND_CANCEL_REJECT, LP), .order = id, .text = "too late"};
    harness_decide(&d.h, AGENT_GATEWAY, LANE_ORDER, &reject.head);
    EXPECT(RECORD_ORDER_CANCEL_REFUSED,
           struct order_cancel_refused expected = {
               .head = {TO_TAKER},
               .out = {.rfq = 500, .ref = id, .ref_kind = REF_ORDER, .must_reach = 1},
               .order = id,
               .rfq = 500,
               .reason = REASON_PEER_REJECT,
               .ord_status = '0',
               .cl_ord_id = "C1",
               .orig_cl_ord_id = "A2",
               .text = "too late"});
    EXPECT(RECORD_ORDER_STATE, struct order_state expected = {
                                   .head = {TO_NOBODY}, .order = id, .rfq = 500, .state = ORDER_WORKING});
}

Test(routing_record, of_an_lps_reject_says_its_text_and_103)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    struct command_execution c = desk_execution(o, '8', "x");
    memcpy(c.text, "no credit", 9);
    desk_execute(&d, &c);
    const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
    cr_assert_str_eq(r->text, "no credit");
    cr_assert_eq(r->reject_reason, 99);
    cr_assert_eq(r->reason, REASON_LP_REJECTED_ORDER);
}

Test(routing_record, of_breaks_and_notes)
{
    const struct order *o = desk_order_in(&d, WORKING, "A1");
    struct command_execution c = desk_execution(o, 'F', "x9");
    c.has_last = 1;
    c.last_quantity = UNITS(101);
    c.last_price = UNITS(7);
    c.ord_status = '2';
    memcpy(c.cl_ord_id, "O1", 2);
    desk_execute(&d, &c);
    EXPECT(RECORD_EXECUTION_BREAK, struct execution_break expected = {.head = {.session = LP},
                                                                      .order = o->id,
                                                                      .rfq = 500,
                                                                      .quantity = UNITS(101),
                                                                      .price = UNITS(7),
                                                                      .reason = REASON_BEYOND_ORDER,
                                                                      .exec_type = 'F',
                                                                      .ord_status = '2',
                                                                      .cl_ord_id = "O1",
                                                                      .exec_id = "x9",
                                                                      .lp_order_id = "lpo"});
    desk_say(&d, o, '0');
    EXPECT(RECORD_ROUTING_NOTED, struct engine_noted expected = {.head = {TO_NOBODY},
                                                                 .rfq = 500,
                                                                 .ref = o->id,
                                                                 .reason = REASON_REPEATED,
                                                                 .command = RECORD_COMMAND_EXECUTION,
                                                                 .text = "acknowledged before"});
}

Test(routing_record, of_time_passing)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    harness_advance(&d.h, d.h.now_ns + 2000 * MS);
    EXPECT(RECORD_ORDER_STATE, struct order_state expected = {.head = {TO_NOBODY},
                                                              .order = o->id,
                                                              .rfq = 500,
                                                              .due_ns = d.h.now_ns + 5000 * MS,
                                                              .state = ORDER_SENT,
                                                              .reason = REASON_IN_DOUBT,
                                                              .in_doubt = 1,
                                                              .cancel_asked = 1});
    EXPECT(RECORD_ORDER_UPDATE, struct order_update expected = {.head = {TO_DISTRIBUTION},
                                                                .rfq = 500,
                                                                .award = o->award,
                                                                .order = o->id,
                                                                .state = ORDER_SENT,
                                                                .reason = REASON_IN_DOUBT,
                                                                .in_doubt = 1,
                                                                .cancelled_for = 1});
    desk_unsent(&d, o, REF_ORDER, REASON_LOST);
    EXPECT(RECORD_ORDER_STATE, struct order_state expected = {.head = {TO_NOBODY},
                                                              .order = o->id,
                                                              .rfq = 500,
                                                              .state = ORDER_REJECTED,
                                                              .reason = REASON_SESSION_DOWN,
                                                              .cancel_asked = 1,
                                                              .text = "session_down"});
    o = desk_order_in(&d, SENT, "A2");
    desk_unsent(&d, o, REF_ORDER, REASON_LOST);
    EXPECT(RECORD_ORDER_STATE, struct order_state expected = {.head = {TO_NOBODY},
                                                              .order = o->id,
                                                              .rfq = 500,
                                                              .due_ns = d.h.now_ns + 100 * MS,
                                                              .state = ORDER_PENDING});
}

/* Executions: the whole table of what an LP can say, in each state an order can be in. */
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

TestSuite(routing_execution, .init = open_desk, .fini = close_desk);

/* What comes of it: the order's state afterwards, or BREAK with its reason, or NOTED; the last two change
 * nothing. */
enum outcome { BREAK, NOTED, MISSING, TO_WORKING, TO_PARTLY, TO_FILLED, TO_CANCELLED, TO_REJECTED };
#define B_BAD    BREAK, REASON_BAD_EXECUTION
#define B_FINAL  BREAK, REASON_ORDER_FINAL
#define B_BEYOND BREAK, REASON_BEYOND_ORDER
#define B_MISS   BREAK, REASON_EXECUTIONS_MISSING
#define N        NOTED, 0
#define MISS     MISSING, 0
#define WORK     TO_WORKING, 0
#define PART     TO_PARTLY, 0
#define CXL      TO_CANCELLED, 0
#define REJ      TO_REJECTED, 0

struct cell {
    enum outcome outcome;
    enum reason reason;
};

/* 'f': a fill of 30; 'b': a fill beyond the order. Status: I with OrdStatus 0, 1, 2, 4, 8, as i0 …; 'm', 'l':
 * I with more, or less, than our CumQty; 'M': an end (4) with more. */
static const struct {
    const char *what;
    struct cell in[DESK_CASES]; /* awaiting pending sent in-doubt working partly filled cancelled rejected */
} table[] = {
    {"0", {{B_BAD}, {WORK}, {WORK}, {WORK}, {N}, {N}, {N}, {B_FINAL}, {B_FINAL}}},
    {"f", {{B_BAD}, {PART}, {PART}, {PART}, {PART}, {PART}, {B_BEYOND}, {B_FINAL}, {B_FINAL}}},
    {"b",
     {{B_BAD}, {B_BEYOND}, {B_BEYOND}, {B_BEYOND}, {B_BEYOND}, {B_BEYOND}, {B_BEYOND}, {B_FINAL}, {B_FINAL}}},
    {"4", {{B_BAD}, {CXL}, {CXL}, {CXL}, {CXL}, {CXL}, {B_FINAL}, {N}, {N}}},
    {"C", {{B_BAD}, {CXL}, {CXL}, {CXL}, {CXL}, {CXL}, {B_FINAL}, {N}, {N}}},
    {"8", {{B_BAD}, {REJ}, {REJ}, {REJ}, {REJ}, {CXL}, {B_FINAL}, {N}, {N}}},
    {"6", {{B_BAD}, {N}, {N}, {N}, {N}, {N}, {N}, {N}, {N}}},
    {"A", {{B_BAD}, {N}, {N}, {N}, {N}, {N}, {N}, {N}, {N}}},
    {"E", {{B_BAD}, {N}, {N}, {N}, {N}, {N}, {N}, {N}, {N}}},
    {"G", {{B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}}},
    {"H", {{B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}}},
    {"1", {{B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}}},
    {"i0", {{B_BAD}, {WORK}, {WORK}, {WORK}, {N}, {N}, {N}, {B_FINAL}, {B_FINAL}}},
    {"i1", {{B_BAD}, {WORK}, {WORK}, {WORK}, {N}, {N}, {N}, {B_FINAL}, {B_FINAL}}},
    {"i2", {{B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {N}, {B_BAD}, {B_BAD}}},
    {"i4", {{B_BAD}, {CXL}, {CXL}, {CXL}, {CXL}, {CXL}, {B_FINAL}, {N}, {N}}},
    {"i8", {{B_BAD}, {REJ}, {REJ}, {REJ}, {REJ}, {CXL}, {B_FINAL}, {N}, {N}}},
    {"i6", {{B_BAD}, {N}, {N}, {N}, {N}, {N}, {N}, {N}, {N}}},
    {"i8u", {{B_BAD}, {REJ}, {REJ}, {REJ}, {REJ}, {CXL}, {B_FINAL}, {N}, {N}}},
    {"m", {{B_BAD}, {MISS}, {MISS}, {MISS}, {MISS}, {MISS}, {B_MISS}, {B_MISS}, {B_MISS}}},
    {"l", {{B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}, {B_BAD}}},
    {"M", {{B_BAD}, {MISS}, {MISS}, {MISS}, {MISS}, {MISS}, {B_FINAL}, {N}, {N}}},
};

static void say(const struct order *o, const char *what)
{
    struct command_execution c = desk_execution(o, what[0], "second");
    if (what[0] == 'f' || what[0] == 'b') {
        c.exec_type = 'F';
        c.has_last = 1;
        c.last_quantity = what[0] == 'f' ? UNITS(30) : UNITS(101);
        c.last_price = UNITS(2);
    }
    if (what[0] == 'i') {
        c.exec_type = 'I';
        c.ord_status = what[1];
    }
    if (what[0] == 'i' && what[2] == 'u')
        c.reject_reason = 5;
    if (what[0] == 'm' || what[0] == 'l' || what[0] == 'M') {
        c.exec_type = what[0] == 'M' ? '4' : 'I';
        c.ord_status = '4';
        c.filled_quantity += what[0] == 'l' ? -1 : 1;
    }
    if (o->state == ORDER_AWAITING)
        c.head.session = o->lp_session; /* no LP has it: past that guard, too */
    desk_execute(&d, &c);
}

/* Nothing is booked, and the order goes nowhere before it is known what was executed. */
static void expect_missing(const struct order *o, const struct order *before, const char *where)
{
    cr_assert_str_eq(harness_shape(&d.h), "EXECUTION_BREAK ORDER_STATE ORDER_UPDATE", "%s", where);
    cr_assert_eq(((const struct execution_break *)harness_find(&d.h, RECORD_EXECUTION_BREAK))->reason,
                 REASON_EXECUTIONS_MISSING);
    cr_assert_eq(o->in_doubt, DOUBT_EXECUTIONS_MISSING, "%s", where);
    cr_assert_eq(o->state, before->state == ORDER_PENDING ? ORDER_SENT : before->state, "%s", where);
    cr_assert_eq(o->filled_quantity, before->filled_quantity, "%s", where);
    cr_assert_eq(o->due_ns, d.h.now_ns + 5000 * MS, "%s", where);
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert(u->in_doubt == 1 && !u->final, "%s", where);
}

static void expect(const struct order *o, const struct order *before, struct cell cell, const char *where)
{
    static const enum order_status states[] = {
        [TO_WORKING] = ORDER_WORKING,     [TO_PARTLY] = ORDER_PARTLY_FILLED, [TO_FILLED] = ORDER_IS_FILLED,
        [TO_CANCELLED] = ORDER_CANCELLED, [TO_REJECTED] = ORDER_REJECTED,
    };
    if (cell.outcome == MISSING) {
        expect_missing(o, before, where);
        return;
    }
    if (cell.outcome == BREAK || cell.outcome == NOTED) {
        cr_assert_str_eq(harness_shape(&d.h), cell.outcome == BREAK ? "EXECUTION_BREAK" : "ROUTING_NOTED",
                         "%s: %s", where, harness_shape(&d.h));
        cr_assert_eq(memcmp(o, before, offsetof(struct order, transient)), 0, "%s: changed", where);
        const struct execution_break *ev = harness_find(&d.h, RECORD_EXECUTION_BREAK);
        if (ev)
            cr_assert_eq(ev->reason, cell.reason, "%s: %s", where, reason_name(ev->reason));
        return;
    }
    cr_assert_eq(o->state, states[cell.outcome], "%s: %s", where, order_status_name(o->state));
    cr_assert_eq(o->in_doubt, 0, "%s", where);
    const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
    cr_assert_eq(r->exec_type, "   0FF48"[cell.outcome], "%s", where);
    cr_assert_eq(r->ord_status, "   01248"[cell.outcome], "%s", where);
    cr_assert_eq(r->leaves_quantity, order_is_final(o) ? 0 : o->quantity - o->filled_quantity, "%s", where);
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->state, o->state, "%s", where);
    cr_assert_eq(u->final, order_is_final(o), "%s", where);
    cr_assert_eq(u->filled_quantity, o->filled_quantity, "%s", where);
}

Test(routing_execution, does_what_the_table_says_in_every_state)
{
    unsigned n = 0;
    for (unsigned row = 0; row < sizeof table / sizeof *table; row++)
        for (unsigned state = 0; state < DESK_CASES; state++) {
            char id[16], where[64];
            snprintf(id, sizeof id, "A%u", n++);
            snprintf(where, sizeof where, "150=%s, %s", table[row].what, desk_case_names[state]);
            const struct order *o = desk_order_in(&d, (enum desk_case)state, id);
            struct order before;
            memcpy(&before, o, sizeof before);
            /* Past the guard that no LP can speak of an order that was not released: the other guard is
             * tested below. */
            struct cell cell = table[row].in[state];
            if (state == AWAITING) {
                struct command_execution c = desk_execution(o, '0', "x");
                desk_execute(&d, &c);
                expect(o, &before, (struct cell){BREAK, REASON_WRONG_LP}, where);
            } else {
                say(o, table[row].what);
                expect(o, &before, cell, where);
            }
            if (n % 16 == 0) { /* make room: all end and leave */
                for (uint32_t slot = 0; slot < table_slots(d.state->orders); slot++) {
                    const struct order *live = table_at(d.state->orders, slot);
                    if (live && live->state == ORDER_AWAITING) {
                        struct accept_refused c = {.head = harness_head(RECORD_ACCEPT_REFUSED, SESSION_NONE),
                                                   .order = live->id};
                        harness_decide(&d.h, AGENT_DISTRIBUTION, LANE_ENGINE, &c.head);
                    } else if (live && !order_is_final(live)) {
                        desk_say(&d, live, '4');
                    }
                }
                harness_advance(&d.h, d.h.now_ns + 61000 * MS);
                cr_assert_eq(table_count(d.state->orders), 0);
                cr_assert_eq(table_count(d.state->fills), 0);
            }
        }
}

Test(routing_execution, of_no_order_of_ours_is_kept_as_a_break)
{
    struct command_execution c = desk_execution(NULL, 'F', "x1");
    c.has_last = 1;
    c.last_quantity = UNITS(5);
    c.last_price = UNITS(3);
    desk_execute(&d, &c);
    const struct execution_break *ev = harness_find(&d.h, RECORD_EXECUTION_BREAK);
    cr_assert_eq(ev->reason, REASON_UNKNOWN_ORDER);
    cr_assert_eq(ev->quantity, UNITS(5));
    cr_assert_eq(ev->price, UNITS(3));
    cr_assert_str_eq(ev->exec_id, "x1");
    cr_assert_eq(ev->head.session, LP);
    c.order = 123456789;
    desk_execute(&d, &c);
    cr_assert_str_eq(harness_shape(&d.h), "EXECUTION_BREAK");
}

Test(routing_execution, from_another_lp_than_the_orders_is_a_break)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    struct command_execution c = desk_execution(o, 'F', "x1");
    c.has_last = 1;
    c.last_quantity = o->quantity;
    c.last_price = o->price;
    c.head.session = OTHER;
    desk_execute(&d, &c);
    cr_assert_eq(((const struct execution_break *)harness_find(&d.h, RECORD_EXECUTION_BREAK))->reason,
                 REASON_WRONG_LP);
    cr_assert_eq(o->state, ORDER_SENT);
    c.head.session = LP; /* the same session number at another gateway */
    harness_decide(&d.h, AGENT_GATEWAY + 1, LANE_ORDER, &c.head);
    cr_assert_eq(((const struct execution_break *)harness_find(&d.h, RECORD_EXECUTION_BREAK))->reason,
                 REASON_WRONG_LP);
}

Test(routing_execution, the_same_fill_twice_counts_once)
{
    const struct order *o = desk_order_in(&d, PARTLY, "A1");
    desk_fill(&d, o, UNITS(40), UNITS(2), "first");
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
    cr_assert_eq(o->filled_quantity, UNITS(40));
    desk_fill(&d, o, UNITS(40), UNITS(2), "second");
    cr_assert_eq(o->filled_quantity, UNITS(80));
    desk_fill(&d, o, UNITS(20), UNITS(2), "third");
    cr_assert_eq(o->state, ORDER_IS_FILLED);
    desk_fill(&d, o, UNITS(20), UNITS(2), "third"); /* also of a final order */
    cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
}

/* Ends said again are noted in any case: the table above. */
Test(routing_execution,
     an_acknowledgement_of_an_ended_order_is_a_break_unless_flagged_and_of_a_known_order_id)
{
    static const enum desk_case ended[] = {CANCELLED, REJECTED};
    for (unsigned i = 0; i < 2; i++) {
        char id[16];
        snprintf(id, sizeof id, "A%u", i);
        const struct order *o = desk_order_in(&d, ended[i], id);
        struct command_execution c = desk_execution(o, '0', "x");
        desk_execute(&d, &c);
        cr_assert_str_eq(harness_shape(&d.h), "EXECUTION_BREAK");
        c.poss_resend = 1;
        desk_execute(&d, &c);
        cr_assert_str_eq(harness_shape(&d.h), "ROUTING_NOTED");
        strcpy(c.lp_order_id, "another");
        desk_execute(&d, &c);
        cr_assert_str_eq(harness_shape(&d.h), "EXECUTION_BREAK");
    }
}

Test(routing_execution, a_fill_without_quantity_price_or_id_is_a_break)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    static const struct {
        int64_t quantity, price;
        const char *id;
        uint8_t has_last;
    } bad[] = {{0, 1, "x", 1},  {1, 0, "x", 1}, {-1, 1, "x", 1},
               {1, -1, "x", 1}, {1, 1, "", 1},  {1, 1, "x", 0}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct command_execution c = desk_execution(o, 'F', bad[i].id);
        c.has_last = bad[i].has_last;
        c.last_quantity = bad[i].quantity;
        c.last_price = bad[i].price;
        desk_execute(&d, &c);
        cr_assert_eq(((const struct execution_break *)harness_find(&d.h, RECORD_EXECUTION_BREAK))->reason,
                     REASON_BAD_EXECUTION);
    }
    cr_assert_eq(o->filled_quantity, 0);
}

/* It is done, so it is booked; and somebody has to look. */
Test(routing_execution, a_fill_worse_than_the_order_is_booked_and_a_break)
{
    static const struct {
        uint8_t side;
        int64_t price;
        bool is_break;
    } rows[] = {{'1', UNITS(2) + 1, true},
                {'1', UNITS(2), false},
                {'1', UNITS(2) - 1, false},
                {'2', UNITS(2) - 1, true},
                {'2', UNITS(2), false},
                {'2', UNITS(2) + 1, false}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rfq_awarded award = desk_award_record(&d, 0, "");
        award.side = rows[i].side;
        desk_award(&d, &award);
        const struct order_created *made = harness_find(&d.h, RECORD_ORDER_CREATED);
        const struct order *o = routing_order(d.state, made->order);
        desk_fill(&d, o, UNITS(40), rows[i].price, "x");
        const struct execution_break *ev = harness_find(&d.h, RECORD_EXECUTION_BREAK);
        cr_assert_eq(ev != NULL, rows[i].is_break, "row %u", i);
        if (ev)
            cr_assert(ev->reason == REASON_WORSE_PRICE && ev->order == o->id && ev->price == rows[i].price);
        cr_assert_eq(o->filled_quantity, UNITS(40));
        cr_assert_not_null(harness_find(&d.h, RECORD_ORDER_REPORT));
    }
}

Test(routing_execution, average_is_the_sum_divided_rounded_half_to_even)
{
    static const struct {
        int64_t quantities[2], prices[2], average;
    } cases[] = {
        {{1, 1}, {1, 2}, 2}, /* 1.5 → 2 */
        {{1, 1}, {2, 3}, 2}, /* 2.5 → 2 */
        {{1, 2}, {1, 2}, 2}, /* 1.67 → 2 */
        {{2, 1}, {1, 2}, 1}, /* 1.33 → 1 */
        {{1, 1}, {INT64_MAX, INT64_MAX - 1}, INT64_MAX - 1},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[16];
        snprintf(id, sizeof id, "A%u", i);
        const struct order *o = desk_order_in(&d, SENT, id);
        desk_fill(&d, o, cases[i].quantities[0], cases[i].prices[0], "x");
        desk_fill(&d, o, cases[i].quantities[1], cases[i].prices[1], "y");
        const struct order_report *r = harness_find(&d.h, RECORD_ORDER_REPORT);
        cr_assert_eq(r->average_price, cases[i].average, "case %u: %ld", i, (long)r->average_price);
    }
}

Test(routing_execution, reasons_tell_distribution_whose_doing_the_end_was)
{
    const struct order *o = desk_order_in(&d, SENT, "A1");
    desk_say(&d, o, '8');
    cr_assert_eq(((const struct order_update *)harness_find(&d.h, RECORD_ORDER_UPDATE))->reason,
                 REASON_LP_REJECTED_ORDER);
    o = desk_order_in(&d, WORKING, "A2");
    desk_say(&d, o, '4'); /* of its own accord */
    cr_assert_eq(((const struct order_update *)harness_find(&d.h, RECORD_ORDER_UPDATE))->reason,
                 REASON_LP_DEFAULT);
    o = desk_order_in(&d, WORKING, "A3");
    desk_rfq_cancel(&d, o);
    desk_say(&d, o, '4');
    const struct order_update *u = harness_find(&d.h, RECORD_ORDER_UPDATE);
    cr_assert_eq(u->reason, REASON_TAKER_REQUEST);
    cr_assert_eq(u->cancelled_for, 3);
}

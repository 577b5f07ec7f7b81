#include "tests/unit/gateway_harness.h"

static struct world *world_up(void)
{
    struct world *w = world_new(7);
    world_start(w);
    world_logon(w, TAKER);
    world_logon(w, LP);
    world_drain(w);
    return w;
}

static const struct gateway_in *last_in(struct world *w)
{
    for (unsigned i = w->batch_count; i-- > 0;)
        for (const struct record *r = batch_first(w->batches[i]); r; r = batch_after(w->batches[i], r))
            if (r->type == RECORD_GATEWAY_IN)
                return (const void *)r;
    cr_assert(false);
    return NULL;
}

static uint64_t position_of(struct world *w, const void *record)
{
    for (unsigned i = w->batch_count; i-- > 0;)
        if ((const char *)record > (const char *)w->batches[i] &&
            (const char *)record < (const char *)w->batches[i] + w->batches[i]->size)
            return batch_record_position(w->batches[i], record);
    cr_assert(false);
    return 0;
}

/* The command that a message leads to. What is in the lane names its record, carries the message whole, and
 * can be read out of it again with the same result. */
static const void *command(struct world *w, unsigned peer, struct lane *l, uint16_t type, const char *body)
{
    peer_send(&w->peers[peer], "%s", body);
    world_run(w, 2 * MILLISECOND);
    const struct lane_item *item = lane_take(l);
    cr_assert(item, "%s led to nothing", body);
    cr_assert_eq(item->record.type, type, "%s: %s", body, record_type_name(item->record.type));
    cr_assert_eq(item->record.size, RECORD_ALIGN(record_type_size(type)));
    cr_assert_eq(item->record.session, peer);
    cr_assert_eq(item->agent, AGENT_GATEWAY);
    cr_assert_eq(item->lane, item->record.lane);
    const struct gateway_in *in = last_in(w);
    uint64_t position = position_of(w, in);
    cr_assert_eq(item->position, position);
    cr_assert_eq(item->origin_time_ns, in->head.time_ns);
    cr_assert_eq(item->record.time_ns, in->head.time_ns);
    cr_assert_eq(in->head.dest, item->record.dest);
    cr_assert_eq(in->head.lane, item->lane);
    cr_assert_eq(in->seq, w->peers[peer].next_out - 1);
    char sent[4096];
    size_t size = fix_text(sent, sizeof sent, w->peers[peer].name, in->seq, w->now_ns, body);
    cr_assert_eq(in->size, size);
    cr_assert_arr_eq(in->bytes, sent, 20); /* the times differ */
    cr_assert(gateway_redeliver(w->gateway, &in->head, position, in->head.time_ns));
    const struct lane_item *again = lane_take(l);
    cr_assert(again);
    cr_assert_eq(again->size, item->size);
    cr_assert_arr_eq(again, item, item->size);
    world_run(w, MILLISECOND);
    peer_nothing(&w->peers[peer]);
    return &item->record;
}

static uint64_t at(int year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second,
                   unsigned ns)
{
    struct clock_civil c = {year, month, day, hour, minute, second, ns};
    return clock_from_civil(&c);
}

/* decimals as text would say them */
#define D(whole, hundredths) ((whole)*DECIMAL_SCALE + (hundredths) * (DECIMAL_SCALE / 100))
#include "dataplane/core/decimal.h"

Test(gateway_in, quote_request)
{
    struct world *w = world_up();
    const struct command_quote_request *c =
        command(w, TAKER, w->request, RECORD_COMMAND_QUOTE_REQUEST,
                "35=R|131=req-1|146=1|55=EURUSD|54=1|38=1000000.5|64=20261123|126=20261118-10:20:30.250|");
    cr_assert_str_eq(c->request_id, "req-1");
    cr_assert_str_eq(c->symbol, "EURUSD");
    cr_assert_eq(c->quantity, D(1000000ll, 50));
    cr_assert_eq(c->deadline_ns, at(2026, 11, 18, 10, 20, 30, 250000000));
    cr_assert_eq(c->settl_date, 20261123);
    cr_assert_eq(c->legs, 1);
    cr_assert_eq(c->side, SIDE_BUY);
    cr_assert_eq(c->poss_resend, 0);
    /* two-way; ValidUntilTime where there is no ExpireTime; sent again by the taker */
    c = command(w, TAKER, w->request, RECORD_COMMAND_QUOTE_REQUEST,
                "35=R|97=Y|131=req-2|146=1|55=EURUSD|38=5|62=20261118-10:20:31|");
    cr_assert_eq(c->side, SIDE_TWO_WAY);
    cr_assert_eq(c->deadline_ns, at(2026, 11, 18, 10, 20, 31, 0));
    cr_assert_eq(c->poss_resend, 1);
    cr_assert_eq(c->settl_date, 0);
    world_free(w);
}

Test(gateway_in, quote_request_with_legs_says_how_many_and_what_the_first_has)
{
    struct world *w = world_up();
    const struct command_quote_request *c =
        command(w, TAKER, w->request, RECORD_COMMAND_QUOTE_REQUEST,
                "35=R|131=req-1|146=2|55=EURUSD|38=7|55=USDJPY|54=2|38=8|64=20261123|126=20261118-10:20:30|");
    cr_assert_eq(c->legs, 2);
    cr_assert_str_eq(c->symbol, "EURUSD");
    cr_assert_eq(c->quantity, D(7, 0));
    cr_assert_eq(c->side, SIDE_TWO_WAY); /* the second leg's is not the first's */
    cr_assert_eq(c->settl_date, 0);
    cr_assert_eq(c->deadline_ns, 0);
    world_free(w);
}

Test(gateway_in, quote_response)
{
    struct world *w = world_up();
    const struct command_quote_response *c =
        command(w, TAKER, w->request, RECORD_COMMAND_QUOTE_RESPONSE,
                "35=AJ|693=resp-1|117=Q1A|694=1|11=ord-1|55=EURUSD|54=1|38=10|44=1.0905|");
    cr_assert_str_eq(c->response_id, "resp-1");
    cr_assert_str_eq(c->quote_id, "Q1A");
    cr_assert_str_eq(c->cl_ord_id, "ord-1");
    cr_assert_str_eq(c->symbol, "EURUSD");
    cr_assert_eq(c->quantity, D(10, 0));
    cr_assert_eq(c->price, 109050000);
    cr_assert_eq(c->response_type, 1);
    cr_assert_eq(c->side, SIDE_BUY);
    c = command(w, TAKER, w->request, RECORD_COMMAND_QUOTE_RESPONSE,
                "35=AJ|693=resp-2|117=Q1A|694=6|55=EURUSD|");
    cr_assert_eq(c->response_type, 6);
    cr_assert_eq(c->quantity, 0);
    cr_assert_eq(c->price, 0);
    cr_assert_eq(c->side, 0);
    cr_assert_str_eq(c->cl_ord_id, "");
    world_free(w);
}

Test(gateway_in, request_cancel_names_the_request_by_131_or_117)
{
    struct world *w = world_up();
    const struct command_request_cancel *c =
        command(w, TAKER, w->request, RECORD_COMMAND_REQUEST_CANCEL, "35=Z|131=req-1|117=other|298=4|");
    cr_assert_str_eq(c->request_id, "req-1");
    c = command(w, TAKER, w->request, RECORD_COMMAND_REQUEST_CANCEL, "35=Z|117=req-2|298=4|");
    cr_assert_str_eq(c->request_id, "req-2");
    world_free(w);
}

Test(gateway_in, order_and_cancel)
{
    struct world *w = world_up();
    const struct command_order *c =
        command(w, TAKER, w->order, RECORD_COMMAND_ORDER,
                "35=D|11=ord-1|55=EURUSD|54=2|60=20261118-10:00:00|38=10|40=D|44=00001.0900|117=Q1A|59=3|");
    cr_assert_str_eq(c->cl_ord_id, "ord-1");
    cr_assert_str_eq(c->quote_id, "Q1A");
    cr_assert_str_eq(c->symbol, "EURUSD");
    cr_assert_eq(c->quantity, D(10, 0));
    cr_assert_eq(c->price, D(1, 9));
    cr_assert_eq(c->side, '2');
    cr_assert_eq(c->ord_type, 'D');
    cr_assert_eq(c->time_in_force, '3');
    c = command(w, TAKER, w->order, RECORD_COMMAND_ORDER,
                "35=D|11=ord-2|55=EURUSD|54=1|60=20261118-10:00:00|38=10|40=1|");
    cr_assert_eq(c->time_in_force, 0);
    cr_assert_eq(c->price, 0);
    cr_assert_str_eq(c->quote_id, "");
    const struct command_order_cancel *f =
        command(w, TAKER, w->order, RECORD_COMMAND_ORDER_CANCEL,
                "35=F|41=ord-1|11=can-1|55=EURUSD|54=2|60=20261118-10:00:00|38=10|");
    cr_assert_str_eq(f->cl_ord_id, "can-1");
    cr_assert_str_eq(f->orig_cl_ord_id, "ord-1");
    cr_assert_str_eq(f->symbol, "EURUSD");
    world_free(w);
}

Test(gateway_in, quote)
{
    struct world *w = world_up();
    const struct command_quote *c = command(w, LP, w->quote, RECORD_COMMAND_QUOTE,
                                            "35=S|131=R10A|117=lpq-1|537=1|55=EURUSD|132=1.0901|133=1.0903|"
                                            "134=5|135=7|62=20261118-10:20:30.500|");
    cr_assert_eq(c->rfq, 0x10A);
    cr_assert_str_eq(c->request_id, "R10A");
    cr_assert_str_eq(c->lp_quote_id, "lpq-1");
    cr_assert_str_eq(c->symbol, "EURUSD");
    cr_assert_eq(c->bid, 109010000);
    cr_assert_eq(c->ask, 109030000);
    cr_assert_eq(c->bid_size, D(5, 0));
    cr_assert_eq(c->ask_size, D(7, 0));
    cr_assert(c->has_bid && c->has_ask && c->has_bid_size && c->has_ask_size);
    cr_assert_eq(c->valid_until_ns, at(2026, 11, 18, 10, 20, 30, 500000000));
    /* one side, not ours, a price of nothing is not the same as no price */
    c = command(w, LP, w->quote, RECORD_COMMAND_QUOTE, "35=S|131=whatever|117=lpq-2|55=EURUSD|132=0|");
    cr_assert_eq(c->rfq, 0);
    cr_assert(c->has_bid && !c->has_ask && !c->has_bid_size);
    cr_assert_eq(c->valid_until_ns, 0);
    c = command(w, LP, w->quote, RECORD_COMMAND_QUOTE, "35=S|117=lpq-3|55=EURUSD|133=2|");
    cr_assert_eq(c->rfq, 0);
    cr_assert_str_eq(c->request_id, "");
    world_free(w);
}

Test(gateway_in, answers_to_a_delivery)
{
    static const struct {
        const char *body;
        unsigned kind, code;
        const char *text;
    } rows[] = {
        {"35=AG|131=RB|658=10|146=1|55=EURUSD|58=no appetite|", ANSWER_KIND_REJECT, 10, "no appetite"},
        {"35=AG|131=RB|658=99|146=1|55=EURUSD|", ANSWER_KIND_REJECT, 99, ""},
        {"35=AI|131=RB|117=RB|55=EURUSD|297=10|", ANSWER_KIND_ACK, 10, ""},
        {"35=AI|131=RB|117=RB|55=EURUSD|297=0|", ANSWER_KIND_ACK, 0, ""},
        {"35=AI|131=RB|117=RB|55=EURUSD|297=5|58=closed|", ANSWER_KIND_REJECT, 5, "closed"},
        {"35=AI|131=RB|117=RB|55=EURUSD|297=11|", ANSWER_KIND_DECLINE, 11, ""},
        {"35=b|131=RB|297=0|", ANSWER_KIND_ACK, 0, ""},
        {"35=b|131=RB|297=5|300=99|58=too big|", ANSWER_KIND_REJECT, 5, "too big"},
    };
    struct world *w = world_up();
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct command_delivery_answer *c =
            command(w, LP, w->quote, RECORD_COMMAND_DELIVERY_ANSWER, rows[i].body);
        cr_assert_eq(c->rfq, 0xB);
        cr_assert_str_eq(c->request_id, "RB");
        cr_assert_eq(c->kind, rows[i].kind, "%s", rows[i].body);
        cr_assert_eq(c->code, rows[i].code);
        cr_assert_str_eq(c->text, rows[i].text);
    }
    world_free(w);
}

Test(gateway_in, quote_cancel)
{
    static const struct {
        const char *body;
        uint64_t rfq;
        const char *quote;
    } rows[] = {
        {"35=Z|131=RB|117=lpq-1|298=1|", 0xB, "lpq-1"},
        {"35=Z|131=RB|117=lpq-1|298=4|", 0xB, ""}, /* all of the request */
        {"35=Z|131=RB|117=RB|298=1|", 0xB, ""},    /* no quote: the request's own name stands there */
        {"35=Z|117=lpq-1|298=1|", 0, "lpq-1"},
    };
    struct world *w = world_up();
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct command_quote_cancel *c =
            command(w, LP, w->quote, RECORD_COMMAND_QUOTE_CANCEL, rows[i].body);
        cr_assert_eq(c->rfq, rows[i].rfq);
        cr_assert_str_eq(c->lp_quote_id, rows[i].quote, "%s", rows[i].body);
    }
    world_free(w);
}

Test(gateway_in, execution)
{
    struct world *w = world_up();
    const struct command_execution *c = command(
        w, LP, w->order, RECORD_COMMAND_EXECUTION,
        "35=8|37=lpo-1|11=O1F|17=ex-1|150=F|39=1|55=EURUSD|54=1|32=4|31=1.0903|151=6|14=4|6=1.0903|58=part|");
    cr_assert_eq(c->order, 0x1F);
    cr_assert_str_eq(c->cl_ord_id, "O1F");
    cr_assert_str_eq(c->exec_id, "ex-1");
    cr_assert_str_eq(c->lp_order_id, "lpo-1");
    cr_assert_str_eq(c->symbol, "EURUSD");
    cr_assert_str_eq(c->text, "part");
    cr_assert_eq(c->exec_type, 'F');
    cr_assert_eq(c->ord_status, '1');
    cr_assert_eq(c->has_last, 1);
    cr_assert_eq(c->last_quantity, D(4, 0));
    cr_assert_eq(c->last_price, 109030000);
    cr_assert_eq(c->filled_quantity, D(4, 0));
    cr_assert_eq(c->leaves_quantity, D(6, 0));
    /* of our cancel: the order's name is in its ClOrdID, and in 41 */
    c = command(w, LP, w->order, RECORD_COMMAND_EXECUTION,
                "35=8|37=lpo-1|11=O1F-C2|41=O1F|17=ex-2|150=4|39=4|55=EURUSD|54=1|151=0|14=4|6=1|");
    cr_assert_eq(c->order, 0x1F);
    cr_assert_eq(c->has_last, 0);
    c = command(w, LP, w->order, RECORD_COMMAND_EXECUTION,
                "35=8|37=lpo-1|11=O1F-C2|17=ex-2|150=4|39=4|55=EURUSD|54=1|151=0|14=4|6=1|");
    cr_assert_eq(c->order, 0x1F);
    /* refused; not ours at all; a last quantity without its price */
    c = command(w, LP, w->order, RECORD_COMMAND_EXECUTION,
                "35=8|37=lpo-1|11=O20|17=ex-3|150=8|39=8|103=3|55=EURUSD|54=1|151=0|14=0|6=0|");
    cr_assert_eq(c->order, 0x20);
    cr_assert_eq(c->reject_reason, 3);
    c = command(w, LP, w->order, RECORD_COMMAND_EXECUTION,
                "35=8|97=Y|37=lpo-9|11=foreign|17=ex-4|150=F|39=2|55=EURUSD|54=1|32=4|151=0|14=4|6=1|");
    cr_assert_eq(c->order, 0);
    cr_assert_str_eq(c->cl_ord_id, "foreign");
    cr_assert_eq(c->has_last, 0);
    cr_assert_eq(c->poss_resend, 1);
    world_free(w);
}

Test(gateway_in, names_that_are_almost_ours_are_not)
{
    static const char *const names[] = {"O1f",  "o1F",    "O01F", "O",
                                        "O1F-", "O1F-X1", "O1F ", "O11112222333344445"};
    struct world *w = world_up();
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char body[256];
        snprintf(body, sizeof body, "35=8|37=l|11=%s|17=e|150=0|39=0|55=EURUSD|54=1|151=1|14=0|6=0|",
                 names[i]);
        const struct command_execution *c = command(w, LP, w->order, RECORD_COMMAND_EXECUTION, body);
        cr_assert_eq(c->order, 0, "%s", names[i]);
        cr_assert_str_eq(c->cl_ord_id, names[i]);
    }
    world_free(w);
}

Test(gateway_in, cancel_reject)
{
    struct world *w = world_up();
    const struct command_cancel_reject *c =
        command(w, LP, w->order, RECORD_COMMAND_CANCEL_REJECT,
                "35=9|37=lpo-1|11=O1F-C1|41=O1F|39=2|434=1|102=0|58=filled already|");
    cr_assert_eq(c->order, 0x1F);
    cr_assert_str_eq(c->cl_ord_id, "O1F-C1");
    cr_assert_eq(c->cancel_reason, 0);
    cr_assert_eq(c->ord_status, '2');
    cr_assert_str_eq(c->text, "filled already");
    world_free(w);
}

Test(gateway_in, long_remarks_are_cut_at_a_whole_character)
{
    struct world *w = world_up();
    char body[512], text[200];
    memset(text, 'x', 78);
    strcpy(text + 78, "\xc3\xa9 and more that nobody reads");
    snprintf(body, sizeof body, "35=AI|131=RB|117=RB|55=EURUSD|297=5|58=%s|", text);
    const struct command_delivery_answer *c = command(w, LP, w->quote, RECORD_COMMAND_DELIVERY_ANSWER, body);
    cr_assert_eq(strlen(c->text), 78);
    world_free(w);
}

/* Messages that are accepted by the session and refused by us: recorded, answered, nothing in a lane. */
Test(gateway_in, what_cannot_be_used_is_answered)
{
    static const struct {
        unsigned peer;
        const char *body, *answer;
        unsigned reason_tag;
        const char *reason, *ref_tag, *text;
    } rows[] = {
        {TAKER, "35=R|131=1234567890123456789012345678901234567890|146=1|55=EURUSD|38=5|", "3", 373, "5",
         "131", "QuoteReqID (131) is longer than 39 characters"},
        {TAKER, "35=R|131=a|146=1|55=1234567890123456|38=5|", "3", 373, "5", "55",
         "Symbol (55) is longer than 15 characters"},
        {TAKER, "35=R|131=a|146=1|55=EURUSD|38=0.123456789|", "3", 373, "5", "38",
         "OrderQty (38) is out of range"},
        {TAKER, "35=R|131=a|146=1|55=EURUSD|38=99999999999999|", "3", 373, "5", "38",
         "OrderQty (38) is out of range"},
        {LP, "35=Z|117=a|298=4|", "j", 380, "5", NULL, "QuoteReqID (131) is needed here"},
        {LP, "35=AI|117=a|55=EURUSD|297=10|", "j", 380, "5", NULL, "QuoteReqID (131) is needed here"},
        {TAKER, "35=S|131=R1|117=q|55=EURUSD|132=1|", "j", 380, "6", NULL, "not from this side"},
        {LP, "35=R|131=a|146=1|55=EURUSD|38=5|", "j", 380, "6", NULL, "not from this side"},
        {TAKER, "35=H|11=a|55=EURUSD|54=1|", "j", 380, "3", NULL, "this message is not supported"},
        {TAKER, "35=q|11=a|530=7|60=20261118-10:00:00|", "j", 380, "3", NULL,
         "this message is not supported"},
        {TAKER, "35=a|117=a|55=EURUSD|", "j", 380, "3", NULL, "this message is not supported"},
        {TAKER, "35=G|41=a|11=b|55=EURUSD|54=1|60=20261118-10:00:00|38=1|40=1|", "j", 380, "3", NULL, NULL},
        {TAKER, "35=V|262=a|263=1|264=0|267=1|269=0|146=1|55=EURUSD|", "j", 380, "3", NULL, NULL},
        {TAKER, "35=AE|", "j", 380, "3", NULL, NULL}, /* of FIX 4.4, in nobody's dictionary here */
    };
    struct world *w = world_up();
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer *p = &w->peers[rows[i].peer];
        peer_send(p, "%s", rows[i].body);
        world_run(w, 2 * MILLISECOND);
        const char *m = peer_expect(p, rows[i].answer);
        char seq[24];
        snprintf(seq, sizeof seq, "%llu", (unsigned long long)p->next_out - 1);
        cr_assert(field_is(m, 45, seq), "%s", m);
        cr_assert(field_is(m, rows[i].reason_tag, rows[i].reason), "%s: %s", rows[i].body, m);
        if (rows[i].ref_tag)
            cr_assert(field_is(m, 371, rows[i].ref_tag), "%s", m);
        if (rows[i].text)
            cr_assert(field_is(m, 58, rows[i].text), "%s", m);
        const struct gateway_in *in = last_in(w);
        cr_assert_eq(in->seq, p->next_out - 1);
        cr_assert_eq(in->head.dest, AGENT_NONE);
        cr_assert(!lane_peek(w->order) && !lane_peek(w->request) && !lane_peek(w->quote), "%s", rows[i].body);
    }
    cr_assert_eq(counted(w, "rfqd_fix_rejected_total", "session=\"T1\"") +
                     counted(w, "rfqd_fix_rejected_total", "session=\"L1\""),
                 sizeof rows / sizeof *rows);
    world_free(w);
}

Test(gateway_in, a_refusal_and_the_message_are_one_batch)
{
    struct world *w = world_up();
    peer_send(&w->peers[TAKER], "35=H|11=a|55=EURUSD|54=1|");
    world_run(w, 2 * MILLISECOND);
    const struct batch *b = w->batches[w->batch_count - 1];
    cr_assert_eq(b->count, 2);
    const struct record *in = batch_first(b), *out = batch_after(b, in);
    cr_assert_eq(in->type, RECORD_GATEWAY_IN);
    cr_assert_eq(out->type, RECORD_GATEWAY_OUT);
    world_free(w);
}

Test(gateway_in, rejects_are_matched_by_the_number_they_name)
{
    struct world *w = world_up();
    struct order_released d = {
        .out = {.rfq = 3, .ref = 0x1F, .ref_kind = REF_ORDER}, .order = 0x1F, .rfq = 3};
    d.quantity = d.price = DECIMAL_SCALE;
    d.side = SIDE_BUY;
    strcpy(d.symbol, "EURUSD");
    EVENT(w, AGENT_ROUTING, ORDER_RELEASED, d, LP);
    struct delivery_released r = {
        .out = {.rfq = 3, .ref = 9, .ref_kind = REF_DELIVERY}, .rfq = 3, .delivery = 9};
    r.quantity = DECIMAL_SCALE;
    r.deadline_ns = w->now_ns + SECOND;
    strcpy(r.symbol, "EURUSD");
    EVENT(w, AGENT_DISTRIBUTION, DELIVERY_RELEASED, r, LP);
    world_run(w, 2 * MILLISECOND);
    const char *order = peer_expect(&w->peers[LP], "D"), *request = peer_expect(&w->peers[LP], "R");
    peer_send(&w->peers[LP], "35=j|45=%s|372=D|380=4|58=not now|", field(order, 34));
    peer_send(&w->peers[LP], "35=3|45=%s|372=R|373=5|58=no|", field(request, 34));
    peer_send(&w->peers[LP], "35=j|45=999|372=D|380=4|");
    peer_send(&w->peers[LP], "35=3|45=1|372=A|373=5|");
    world_run(w, 2 * MILLISECOND);
    const struct command_peer_reject *c = lane_expect(w->order, RECORD_COMMAND_PEER_REJECT);
    cr_assert(c->ref == 0x1F && c->ref_kind == REF_ORDER && c->reason == 4 && c->business);
    cr_assert_str_eq(c->text, "not now");
    c = lane_expect(w->quote, RECORD_COMMAND_PEER_REJECT);
    cr_assert(c->ref == 9 && c->ref_kind == REF_DELIVERY && c->reason == 5 && !c->business);
    cr_assert(!lane_peek(w->order) && !lane_peek(w->quote));
    struct order_status_asked h = {.out = {.rfq = 3, .ref = 0x1F, .ref_kind = REF_STATUS},
                                   .order = 0x1F,
                                   .side = SIDE_BUY,
                                   .symbol = "EURUSD"};
    EVENT(w, AGENT_ROUTING, ORDER_STATUS_ASKED, h, LP);
    world_run(w, 2 * MILLISECOND);
    const char *status = peer_expect(&w->peers[LP], "H");
    peer_send(&w->peers[LP], "35=j|45=%s|372=H|380=1|58=no such order|", field(status, 34));
    world_run(w, 2 * MILLISECOND);
    c = lane_expect(w->order, RECORD_COMMAND_PEER_REJECT);
    cr_assert(c->ref == 0x1F && c->ref_kind == REF_STATUS && c->reason == 1 && c->business);
    cr_assert_eq(gateway_session(w->state, LP)->next_in, w->peers[LP].next_out);
    peer_nothing(&w->peers[LP]);
    world_free(w);
}

/* Lanes only after the ring's commit, and a kill between loses nothing. */
Test(gateway_in, a_command_is_not_in_its_lane_before_its_record_is_committed)
{
    struct world *w = world_up();
    peer_send(&w->peers[TAKER], "35=R|131=a|146=1|55=EURUSD|38=5|");
    w->kill_at_commit = 2; /* behind the store */
    if (setjmp(w->killed) == 0)
        world_run(w, 2 * MILLISECOND);
    cr_assert_eq(w->kill_at_commit, 0);
    cr_assert_null(lane_peek(w->request));
    world_log(w);
    cr_assert_eq(last_in(w)->head.dest, AGENT_DISTRIBUTION);
    gateway_destroy(w->gateway);
    w->gateway = NULL;
    world_free(w);
}

/* Bytes of many messages in any pieces: the same commands. */
Test(gateway_in, the_stream_may_be_cut_anywhere)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world *w = world_new(seed);
        struct sim_net_options options = SIM_NET_DEFAULTS;
        options.segment_size_max = 1 + (uint32_t)seed * 17;
        options.whole_permille = 0;
        world_start(w);
        world_logon(w, TAKER);
        world_drain(w);
        cr_assert_eq(sim_net_configure(w->net, &options), OK);
        for (unsigned i = 0; i < 100; i++)
            peer_send(&w->peers[TAKER], "35=R|131=req-%u|146=1|55=EURUSD|38=%u|", i, i + 1);
        world_run(w, 50 * MILLISECOND);
        for (unsigned i = 0; i < 100; i++) {
            const struct command_quote_request *c = lane_expect(w->request, RECORD_COMMAND_QUOTE_REQUEST);
            char id[16];
            snprintf(id, sizeof id, "req-%u", i);
            cr_assert_str_eq(c->request_id, id);
            cr_assert_eq(c->quantity, (i + 1) * DECIMAL_SCALE);
        }
        cr_assert_null(lane_take(w->request));
        world_free(w);
    }
}

Test(gateway_in, a_message_of_the_largest_size_passes_and_a_larger_one_ends_the_connection)
{
    struct world *w = world_up();
    static char body[70000];
    size_t head = (size_t)snprintf(body, sizeof body, "35=AI|131=RB|117=RB|55=EURUSD|297=5|58=");
    memset(body + head, 'x', 65000);
    strcpy(body + head + 65000, "|");
    struct peer *p = &w->peers[LP];
    static char bytes[80000];
    peer_bytes(p, bytes, fix_text(bytes, sizeof bytes, "L1", p->next_out++, w->now_ns, body));
    world_run(w, 10 * MILLISECOND);
    lane_expect(w->quote, RECORD_COMMAND_DELIVERY_ANSWER);
    memset(body + head, 'x', 66000);
    strcpy(body + head + 66000, "|");
    peer_bytes(p, bytes, fix_text(bytes, sizeof bytes, "L1", p->next_out++, w->now_ns, body));
    world_run(w, 10 * MILLISECOND);
    cr_assert(p->closed);
    world_free(w);
}

/* Sessions that do not validate: what the dictionary would have caught is caught in reading. */
Test(gateway_in, without_validation_types_are_still_checked)
{
    static const struct {
        const char *body, *reason, *ref_tag, *text;
    } rows[] = {
        {"35=AJ|693=r|117=Q1|694=99999999999|55=A|", "5", "694", "QuoteRespType (694) is out of range"},
        {"35=AJ|693=r|117=Q1|694=x|55=A|", "6", "694", "QuoteRespType (694) is not of its type"},
        {"35=R|131=a|", "1", "146", "NoRelatedSym (146) is missing"},
        {"35=R|131=a|146=1|55=A|38=five|", "6", "38", "OrderQty (38) is not of its type"},
        {"35=R|131=a|146=1|55=A|38=5|126=tomorrow|", "6", "126", "ExpireTime (126) is not of its type"},
        {"35=R|131=a|146=1|55=A|38=5|64=soon|", "6", "64", "SettlDate (64) is not of its type"},
        {"35=D|11=a|55=A|54=both|40=D|", "6", "54", "Side (54) is not of its type"},
    };
    struct world *w = world_new(7);
    w->sessions[TAKER].fix.validate = false;
    world_start(w);
    world_logon(w, TAKER);
    world_drain(w);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer *p = &w->peers[TAKER];
        peer_send(p, "%s", rows[i].body);
        world_run(w, 2 * MILLISECOND);
        const char *m = peer_expect(p, "3");
        cr_assert(field_is(m, 373, rows[i].reason) && field_is(m, 371, rows[i].ref_tag), "%s: %s",
                  rows[i].body, m);
        cr_assert(field_is(m, 58, rows[i].text), "%s: %s", rows[i].body, m);
        cr_assert(!lane_peek(w->order) && !lane_peek(w->request));
    }
    world_free(w);
}

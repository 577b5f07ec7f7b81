/* Everything at once, at random: two desks get the same messages, one of them is made anew from its durable
 * parts again and again. They must stay the same to the byte; and after every message all that is counted
 * must be what a recount of the entities gives.
 */
#include "tests/unit/distribution_desk.h"
#include "tests/unit/random.h"

#define LPS   6u
#define STEPS 1500u

struct recount {
    uint32_t open_rfqs[LPS + 1];
    uint32_t timers, stays;
};

static bool is_live(const struct rfq *rfq)
{
    return rfq->state < RFQ_COMPLETED;
}

static void recount_deliveries(const struct desk *d, const struct rfq *rfq, struct recount *all)
{
    unsigned count = 0, acknowledged = 0, settled = 0, declined = 0, quoted = 0;
    uint64_t last = 0;
    for (const struct delivery *x = distribution_first_delivery(d->s, rfq); x;
         x = distribution_next_delivery(d->s, x)) {
        cr_assert_gt(x->id, last, "in the order of release");
        last = x->id;
        count++;
        acknowledged += x->state == DELIVERY_DELIVERED;
        settled += x->state >= DELIVERY_DELIVERED;
        declined += x->answer == ANSWER_DECLINED;
        quoted += x->answer == ANSWER_QUOTED;
        bool open = is_live(rfq) && x->state <= DELIVERY_DELIVERED && x->answer != ANSWER_DECLINED;
        all->open_rfqs[x->lp] += open;
        cr_assert_eq(x->counted, open);
        cr_assert_eq(x->due_ns != 0,
                     is_live(rfq) && (x->state == DELIVERY_PENDING || x->state == DELIVERY_SENT),
                     "an unsettled delivery of a live RFQ has a timer, no other");
        cr_assert(x->due_ns == 0 || x->due_ns <= rfq->deadline_ns || rfq->state != RFQ_BIDDING_OPEN);
        cr_assert_leq(x->attempts, d->settings.delivery_attempts_max);
        all->timers += x->due_ns != 0;
        cr_assert_eq(distribution_delivery_to(d->s, rfq, x->lp), x);
    }
    cr_assert_eq(rfq->deliveries, count);
    cr_assert_eq(rfq->acknowledged, acknowledged);
    cr_assert_eq(rfq->settled, settled);
    cr_assert_eq(rfq->declined, declined);
    cr_assert_eq(rfq->quoted, quoted);
}

static void recount_quotes(const struct desk *d, const struct rfq *rfq, struct recount *all)
{
    unsigned standing = 0, ended = 0;
    bool of_lp[LPS + 1] = {0};
    const struct quote *before = NULL;
    for (const struct quote *q = distribution_first_quote(d->s, rfq); q;
         q = distribution_next_quote(d->s, q)) {
        cr_assert_eq(q->status, QUOTE_STANDING);
        cr_assert_eq(q->rank, ++standing);
        cr_assert(!before || distribution_rank_before(rfq, before, q));
        cr_assert(!of_lp[q->lp], "one for each LP");
        of_lp[q->lp] = true;
        before = q;
    }
    for (const struct quote *q = distribution_first_ended_quote(d->s, rfq); q;
         q = distribution_next_quote(d->s, q)) {
        cr_assert(q->status != QUOTE_STANDING && q->status != QUOTE_ACCEPTED);
        cr_assert_eq(q->rank, 0);
        ended++;
    }
    cr_assert_eq(rfq->quotes, standing);
    cr_assert_eq(rfq->ended_quotes, ended);
    cr_assert(is_live(rfq) || standing == 0);
    bool awarded = rfq->state == RFQ_IS_AWARDED || rfq->state == RFQ_COMPLETED;
    const struct quote *accepted = distribution_quote(d->s, rfq->award_quote);
    cr_assert(!awarded || (accepted && accepted->status == QUOTE_ACCEPTED));
    all->timers += standing;
}

static void check(const struct desk *d)
{
    struct recount all = {0};
    for (uint32_t i = 0; i < table_slots(d->s->rfqs); i++) {
        const struct rfq *rfq = table_at(d->s->rfqs, i);
        if (!rfq)
            continue;
        recount_deliveries(d, rfq, &all);
        recount_quotes(d, rfq, &all);
        const struct rfq_stay *stay = distribution_stay(d->s, rfq->id);
        cr_assert_eq(stay != NULL, rfq->state == RFQ_IS_AWARDED);
        cr_assert(!stay || stay->due_ns == 0 || stay->due_ns >= d->h.now_ns);
        all.timers += !stay || stay->due_ns != 0;
        all.stays += stay != NULL;
        cr_assert_eq(rfq->shown == SHOWN_QUOTED && rfq->quoted == 0 && rfq->declined == 0, false);
        cr_assert(rfq->state != RFQ_BIDDING_OPEN || d->h.now_ns <= rfq->deadline_ns);
    }
    for (unsigned lp = 1; lp <= LPS; lp++)
        cr_assert_eq(distribution_lp(d->s, lp)->open_rfqs, all.open_rfqs[lp], "LP%u", lp);
    cr_assert_eq(timer_count(d->s->base.timers), all.timers);
    cr_assert_eq(table_count(d->s->stays), all.stays);
}

/* Two desks as one. */
struct pair {
    struct desk steady, reborn;
    uint64_t random;
    unsigned steps;
    unsigned ends[RFQ_ARCHIVED + 1]; /* how often each was reached: the test is worth what it meets */
};

static void both_decide(struct pair *p, uint8_t agent, uint8_t lane, const struct record *r)
{
    /* No two at the same time: timers that fall due together fire in the order in which they were armed, and
     * of that a rebuilt state knows only what ids say. */
    p->reborn.h.now_ns = ++p->steady.h.now_ns;
    harness_decide(&p->steady.h, agent, lane, r);
    harness_decide(&p->reborn.h, agent, lane, r);
}

static const struct rfq *any_rfq(struct pair *p)
{
    const struct table *t = p->steady.s->rfqs;
    uint32_t slots = table_slots(t);
    for (unsigned tries = 0; slots && tries < 20; tries++) {
        const struct rfq *rfq = table_at(t, (uint32_t)random_below(&p->random, slots));
        if (rfq && (is_live(rfq) || tries > 10))
            return rfq;
    }
    return NULL;
}

static const struct quote *any_quote(struct pair *p)
{
    const struct table *t = p->steady.s->quotes;
    uint32_t slots = table_slots(t);
    for (unsigned tries = 0; slots && tries < 20; tries++) {
        const struct quote *q = table_at(t, (uint32_t)random_below(&p->random, slots));
        if (q && (q->status == QUOTE_STANDING || tries > 12))
            return q;
    }
    return NULL;
}

static void ask(struct pair *p)
{
    static const uint8_t sides[] = {SIDE_BUY, SIDE_SELL, SIDE_TWO_WAY};
    struct command_quote_request c = desk_request_command(
        &p->steady, sides[random_below(&p->random, 3)], UNITS(1000) * (int64_t)(random_below(&p->random, 3)));
    c.head.session = random_flip(&p->random);
    if (random_below(&p->random, 3) == 0)
        c.deadline_ns = p->steady.h.now_ns + random_below(&p->random, 4 * SECOND);
    both_decide(p, AGENT_GATEWAY, LANE_REQUEST, &c.head);
}

static void answer(struct pair *p, const struct rfq *rfq)
{
    struct command_delivery_answer c = {
        .head = harness_head(RECORD_COMMAND_DELIVERY_ANSWER, LP(1 + (uint32_t)random_below(&p->random, LPS))),
        .rfq = rfq->id,
        .kind =
            (uint32_t)(random_below(&p->random, 6) < 4 ? ANSWER_KIND_ACK : 2 + random_below(&p->random, 2))};
    both_decide(p, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

static void quote(struct pair *p, const struct rfq *rfq)
{
    struct command_quote c = desk_quote_command(rfq, 1 + (unsigned)random_below(&p->random, LPS),
                                                PRICE(109990 + random_below(&p->random, 9)),
                                                PRICE(109995 + random_below(&p->random, 9)));
    c.has_bid = random_below(&p->random, 8) != 0;
    c.has_ask = random_below(&p->random, 8) != 0;
    if (random_flip(&p->random))
        c.valid_until_ns = p->steady.h.now_ns + random_below(&p->random, 3 * SECOND);
    both_decide(p, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

static void withdraw(struct pair *p, const struct quote *q)
{
    struct command_quote_cancel c = {.head = harness_head(RECORD_COMMAND_QUOTE_CANCEL, LP((uint32_t)q->lp))};
    memcpy(c.lp_quote_id, q->lp_quote_id, sizeof c.lp_quote_id);
    both_decide(p, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

static void respond(struct pair *p, const struct quote *q)
{
    struct command_quote_response c = desk_accept_command(q->id);
    c.head.session = distribution_rfq(p->steady.s, q->rfq)->session;
    c.side = random_flip(&p->random) ? SIDE_BUY : SIDE_SELL;
    if (random_below(&p->random, 10) == 0)
        c.response_type = 6;
    both_decide(p, AGENT_GATEWAY, LANE_REQUEST, &c.head);
}

static void cancel(struct pair *p, const struct rfq *rfq)
{
    struct command_request_cancel c = {.head = harness_head(RECORD_COMMAND_REQUEST_CANCEL, rfq->session)};
    memcpy(c.request_id, rfq->request_id, sizeof c.request_id);
    both_decide(p, AGENT_GATEWAY, LANE_REQUEST, &c.head);
}

static void unsent(struct pair *p, const struct rfq *rfq)
{
    static const enum reason reasons[] = {REASON_SESSION_DOWN, REASON_LOST, REASON_LOST, REASON_STALE};
    const struct delivery *d = distribution_delivery_to(p->steady.s, rfq, 1 + random_below(&p->random, LPS));
    if (!d)
        return;
    struct gateway_unsent c = {.head = harness_head(RECORD_GATEWAY_UNSENT, d->session),
                               .out = {.rfq = rfq->id, .ref = d->id, .ref_kind = REF_DELIVERY},
                               .reason = reasons[random_below(&p->random, 4)]};
    both_decide(p, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

static void session(struct pair *p)
{
    struct gateway_session_state c = {
        .head = harness_head(RECORD_GATEWAY_SESSION_STATE, LP(1 + (uint32_t)random_below(&p->random, LPS))),
        .state = random_below(&p->random, 4) ? SESSION_SYNCED : SESSION_DOWN};
    both_decide(p, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

static void update(struct pair *p, const struct rfq *rfq)
{
    static const enum reason reasons[] = {REASON_LP_DEFAULT, REASON_QUOTE_EXPIRED_IN_FLIGHT,
                                          REASON_REFUSED_BY_CONTROLS, REASON_TAKER_REQUEST};
    struct order_update c = {.head = harness_head(RECORD_ORDER_UPDATE, SESSION_NONE),
                             .rfq = rfq->id,
                             .award = rfq->award,
                             .order = 77,
                             .filled_quantity = rfq->filled_quantity,
                             .state = ORDER_WORKING};
    if (random_flip(&p->random))
        c.filled_quantity += UNITS(1);
    c.final = random_below(&p->random, 3) > 0;
    if (c.final && !c.filled_quantity)
        c.reason = (uint16_t)reasons[random_below(&p->random, 4)];
    both_decide(p, AGENT_ROUTING, LANE_ENGINE, &c.head);
}

static void pass_time(struct pair *p)
{
    /* odd nanoseconds, so that no two deadlines fall together by the test's doing */
    uint64_t by_ns = random_below(&p->random, 700 * MS) + 1;
    if (random_below(&p->random, 40) == 0)
        by_ns += 61 * SECOND;
    if (random_below(&p->random, 400) == 0) /* awards grow old */
        by_ns += random_below(&p->random, 22 * 24 * 3600) * SECOND;
    desk_advance(&p->steady, by_ns);
    desk_advance(&p->reborn, by_ns);
}

static void step(struct pair *p)
{
    const struct rfq *rfq = any_rfq(p);
    const struct quote *q = any_quote(p);
    unsigned what = (unsigned)random_below(&p->random, 100);
    if (what < 12 || !rfq)
        ask(p);
    else if (what < 30)
        answer(p, rfq);
    else if (what < 58)
        quote(p, rfq);
    else if (what < 62 && q)
        withdraw(p, q);
    else if (what < 68 && q)
        respond(p, q);
    else if (what < 69)
        cancel(p, rfq);
    else if (what < 73)
        unsent(p, rfq);
    else if (what < 78)
        session(p);
    else if (what < 86 && rfq->state == RFQ_IS_AWARDED)
        update(p, rfq);
    else
        pass_time(p);
}

static void count_ends(struct pair *p)
{
    const struct rfq_transition *ev;
    for (unsigned i = 0; (ev = harness_find_nth(&p->steady.h, RECORD_RFQ_TRANSITION, i)); i++)
        p->ends[ev->to]++;
}

static void run(struct pair *p, uint64_t seed)
{
    desk_open(&p->steady, LPS);
    desk_prepare(&p->reborn, LPS);
    desk_begin(&p->reborn);
    p->random = seed;
    for (unsigned i = 0; i < STEPS; i++) {
        step(p);
        count_ends(p);
        cr_assert_eq(p->steady.h.seen_size, p->reborn.h.seen_size, "seed %lu step %u", seed, i);
        cr_assert_arr_eq(p->steady.h.seen, p->reborn.h.seen, p->steady.h.seen_size, "seed %lu step %u", seed,
                         i);
        cr_assert_eq(state_digest(&p->steady.s->base), state_digest(&p->reborn.s->base), "seed %lu step %u",
                     seed, i);
        check(&p->steady);
        if (random_below(&p->random, 25) == 0) {
            desk_reload(&p->reborn);
            check(&p->reborn);
        }
    }
    desk_close(&p->steady);
    desk_close(&p->reborn);
}

Test(distribution_random, stays_the_same_whatever_is_forgotten_and_rebuilt, .timeout = 120)
{
    struct pair *p = calloc(1, sizeof *p);
    for (uint64_t seed = 1; seed <= 6; seed++)
        run(p, seed * 7919);
    for (unsigned state = RFQ_PUBLISHED; state <= RFQ_EXPIRED; state++)
        cr_expect_gt(p->ends[state], 5, "%s was reached %u times", rfq_state_name(state), p->ends[state]);
    free(p);
}

/* Whatever a gateway could ever hand over: each field a likely, a neighbouring or a senseless value. Nothing
 * may stop the engine, every command leads to a record, and the recount holds. */
static uint64_t strange(struct pair *p)
{
    static const uint64_t values[] = {0,         1, 2, 6, '1', '2', UINT64_MAX, 1ull << 63, (1ull << 63) - 1,
                                      1ull << 44};
    return random_below(&p->random, 3) ? values[random_below(&p->random, sizeof values / sizeof *values)]
                                       : random_spread(&p->random);
}

static int64_t strange_decimal(struct pair *p)
{
    int64_t v = (int64_t)strange(p);
    return v == INT64_MIN ? INT64_MAX : v; /* INT64_MIN is no decimal: no parser gives it */
}

static void strange_text(struct pair *p, char *field, size_t size)
{
    memset(field, 0, size);
    if (random_flip(&p->random))
        for (size_t i = 0; i < size - 1 && random_below(&p->random, size); i++)
            field[i] = (char)(32 + random_below(&p->random, 95));
}

static uint32_t strange_session(struct pair *p)
{
    return random_below(&p->random, 4) ? (uint32_t)random_below(&p->random, LP(LPS) + 1)
                                       : (uint32_t)strange(p);
}

static uint64_t strange_id(struct pair *p)
{
    const struct rfq *rfq = any_rfq(p);
    const struct quote *q = any_quote(p);
    switch (random_below(&p->random, 4)) {
    case 0:
        return strange(p);
    case 1:
        return q ? q->id : 0;
    case 2:
        return q ? q->delivery : 0;
    default:
        return rfq ? rfq->id : 0;
    }
}

static void strange_request(struct pair *p)
{
    struct command_quote_request c =
        desk_request_command(&p->steady, (uint8_t)strange(p), strange_decimal(p));
    c.head.session = strange_session(p);
    c.deadline_ns = strange(p);
    c.settl_date = (uint32_t)strange(p);
    c.legs = (uint16_t)strange(p);
    c.poss_resend = random_flip(&p->random);
    strange_text(p, c.request_id, sizeof c.request_id);
    if (random_below(&p->random, 3) == 0)
        strange_text(p, c.symbol, sizeof c.symbol);
    both_decide(p, AGENT_GATEWAY, LANE_REQUEST, &c.head);
}

static void strange_quote(struct pair *p)
{
    struct command_quote c = {.head = harness_head(RECORD_COMMAND_QUOTE, strange_session(p)),
                              .rfq = strange_id(p),
                              .bid = strange_decimal(p),
                              .ask = strange_decimal(p),
                              .bid_size = strange_decimal(p),
                              .ask_size = strange_decimal(p),
                              .valid_until_ns = strange(p),
                              .has_bid = random_flip(&p->random),
                              .has_ask = random_flip(&p->random),
                              .has_bid_size = random_flip(&p->random),
                              .has_ask_size = random_flip(&p->random),
                              .poss_resend = random_flip(&p->random)};
    strange_text(p, c.lp_quote_id, sizeof c.lp_quote_id);
    strange_text(p, c.request_id, sizeof c.request_id);
    both_decide(p, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

static void strange_response(struct pair *p)
{
    struct command_quote_response c = desk_accept_command(strange_id(p));
    c.head.session = strange_session(p);
    c.quantity = strange_decimal(p);
    c.price = strange_decimal(p);
    c.response_type = (uint32_t)strange(p);
    c.side = (uint8_t)strange(p);
    c.poss_resend = random_flip(&p->random);
    if (random_below(&p->random, 4) == 0)
        strange_text(p, c.quote_id, sizeof c.quote_id);
    both_decide(p, AGENT_GATEWAY, LANE_REQUEST, &c.head);
}

static void strange_answer(struct pair *p)
{
    struct command_delivery_answer c = {.head =
                                            harness_head(RECORD_COMMAND_DELIVERY_ANSWER, strange_session(p)),
                                        .rfq = strange_id(p),
                                        .kind = (uint32_t)strange(p)};
    strange_text(p, c.text, sizeof c.text);
    both_decide(p, AGENT_GATEWAY, LANE_QUOTE, &c.head);
}

static void strange_report(struct pair *p)
{
    struct gateway_unsent unsent = {.head = harness_head(RECORD_GATEWAY_UNSENT, strange_session(p)),
                                    .out = {.rfq = strange_id(p),
                                            .ref = strange_id(p),
                                            .ref_kind = (uint32_t)random_below(&p->random, 6)},
                                    .reason = (uint32_t)strange(p)};
    struct command_peer_reject reject = {.head = harness_head(RECORD_COMMAND_PEER_REJECT, strange_session(p)),
                                         .ref = strange_id(p),
                                         .ref_kind = (uint32_t)random_below(&p->random, 6)};
    both_decide(p, AGENT_GATEWAY, LANE_QUOTE, random_flip(&p->random) ? &unsent.head : &reject.head);
}

static void strange_cancel(struct pair *p)
{
    struct command_quote_cancel quote_cancel = {
        .head = harness_head(RECORD_COMMAND_QUOTE_CANCEL, strange_session(p)), .rfq = strange_id(p)};
    struct command_request_cancel request_cancel = {
        .head = harness_head(RECORD_COMMAND_REQUEST_CANCEL, strange_session(p))};
    strange_text(p, quote_cancel.lp_quote_id, sizeof quote_cancel.lp_quote_id);
    strange_text(p, request_cancel.request_id, sizeof request_cancel.request_id);
    both_decide(p, AGENT_GATEWAY, LANE_QUOTE,
                random_flip(&p->random) ? &quote_cancel.head : &request_cancel.head);
}

static void strange_update(struct pair *p)
{
    struct order_update update = {.head = harness_head(RECORD_ORDER_UPDATE, SESSION_NONE),
                                  .rfq = strange_id(p),
                                  .award = strange_id(p),
                                  .order = strange(p),
                                  .filled_quantity = strange_decimal(p),
                                  .final = random_flip(&p->random)};
    struct order_created created = {.head = harness_head(RECORD_ORDER_CREATED, SESSION_NONE),
                                    .order = strange(p),
                                    .quantity = strange_decimal(p),
                                    .price = strange_decimal(p),
                                    .taker_session = strange_session(p),
                                    .side = (uint8_t)strange(p),
                                    .state = ORDER_AWAITING};
    name_print('Q', strange_id(p), created.quote_id);
    both_decide(p, AGENT_ROUTING, LANE_ENGINE, random_flip(&p->random) ? &update.head : &created.head);
}

Test(distribution_random, survives_whatever_a_gateway_could_hand_over, .timeout = 120)
{
    static void (*const things[])(struct pair *) = {strange_request, strange_quote,  strange_response,
                                                    strange_answer,  strange_report, strange_cancel,
                                                    strange_update};
    struct pair *p = calloc(1, sizeof *p);
    desk_open(&p->steady, LPS);
    desk_prepare(&p->reborn, LPS);
    desk_begin(&p->reborn);
    p->random = 4242;
    for (unsigned i = 0; i < 6000; i++) {
        if (random_below(&p->random, 3))
            things[random_below(&p->random, sizeof things / sizeof *things)](p);
        else
            step(p);
        check(&p->steady);
        cr_assert_eq(state_digest(&p->steady.s->base), state_digest(&p->reborn.s->base), "step %u", i);
    }
    desk_close(&p->steady);
    desk_close(&p->reborn);
    free(p);
}

/* Back-pressure: what happens when lanes or the ring are full. */
#include "dataplane/core/decimal.h"
#include "dataplane/model/record_add.h"
#include "tests/unit/gateway_harness.h"

static struct world *world_up(void)
{
    struct world *w = world_new(21);
    world_start(w);
    world_logon(w, TAKER);
    world_logon(w, LP);
    world_drain(w);
    return w;
}

/* A message of each kind, and where it is refused for want of room, by what. */
static const struct kind {
    const char *type; /* for people */
    unsigned from;
    const char *body;   /* one number, which makes it another */
    unsigned id;        /* the sender's name of it, in both */
    uint8_t lane;       /* enum lane_id */
    bool refused;       /* for want of room */
    const char *answer; /* MsgType of the refusal */
    const char *status; /* "tag=value" that says that it is one */
} KINDS[] = {
    {"R", TAKER, "35=R|%s131=n-%u|146=1|55=EURUSD|54=1|38=1|", 131, LANE_REQUEST, true, "AG", "|658=99|"},
    {"AJ", TAKER, "35=AJ|%s693=n-%u|117=Q1|694=1|11=c|55=EURUSD|54=1|38=1|44=1|", 693, LANE_REQUEST, true,
     "AI", "|297=5|"},
    {"D", TAKER, "35=D|%s11=n-%u|117=Q1|55=EURUSD|54=1|60=20261118-10:00:00|38=1|40=D|44=1|", 11, LANE_ORDER,
     true, "8", "|150=8|39=8|"},
    {"S", LP, "35=S|%s131=R1|117=n-%u|55=EURUSD|132=1|", 117, LANE_QUOTE, true, "AI", "|297=5|"},
    {"Z", TAKER, "35=Z|%s131=R1|117=n-%u|298=4|", 0, LANE_REQUEST, false, NULL, NULL},
    {"F", TAKER, "35=F|%s41=c|11=n-%u|55=EURUSD|54=1|60=20261118-10:00:00|38=1|", 0, LANE_ORDER, false, NULL,
     NULL},
    {"8", LP, "35=8|%s37=l|11=O1F|17=n-%u|150=F|39=2|55=EURUSD|54=1|32=1|31=1|151=0|14=1|6=1|", 0, LANE_ORDER,
     false, NULL, NULL},
    {"9", LP, "35=9|%s37=l|11=O1F-C%u|41=O1F|39=2|434=1|", 0, LANE_ORDER, false, NULL, NULL},
    {"Z of an LP", LP, "35=Z|%s131=R1|117=n-%u|298=1|", 0, LANE_QUOTE, false, NULL, NULL},
    {"b", LP, "35=b|%s131=R1|117=n-%u|297=0|", 0, LANE_QUOTE, false, NULL, NULL},
};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };

static struct lane *lane_of(struct world *w, const struct kind *k)
{
    return k->lane == LANE_ORDER ? w->order : k->lane == LANE_QUOTE ? w->quote : w->request;
}

static void send_kind(struct world *w, const struct kind *k, bool again, unsigned number)
{
    char body[256];
    snprintf(body, sizeof body, k->body, again ? "97=Y|" : "", number);
    peer_send(&w->peers[k->from], "%s", body);
    world_run(w, 5 * MILLISECOND);
}

static unsigned lane_count(struct lane *l)
{
    unsigned n = 0;
    for (; lane_take(l); n++)
        ;
    return n;
}

/* So that not less than `left` stays free, and no more than a little more. */
static void fill_ring(struct world *w, uint64_t left)
{
    static const uint64_t item = 4096;
    while (ring_room(&w->ring, item, left)) {
        ring_begin(&w->ring, w->now_ns);
        record_add_raw(&w->ring, RECORD_GATEWAY_IN, 2048);
        ring_end(&w->ring);
    }
    ring_commit(&w->ring);
}

static void fill_lane(struct lane *l, uint64_t left)
{
    struct command_quote_request c = {.head = {.size = sizeof c,
                                               .type = RECORD_COMMAND_QUOTE_REQUEST,
                                               .version = record_type_version(RECORD_COMMAND_QUOTE_REQUEST)}};
    while (lane_put(l, AGENT_GATEWAY, LANE_REQUEST, 0, 0, &c.head, left))
        ;
    lane_commit(l);
}

/* What came of one message. */
enum outcome { IS_TAKEN, IS_REFUSED, IS_NOT_READ, IS_WRONG };
static const char *const OUTCOMES[] = {"taken", "refused", "not read", "neither"};

static enum outcome try_kind(struct world *w, const struct kind *k, bool again, unsigned number)
{
    struct lane *l = lane_of(w, k);
    uint64_t before = gateway_session(w->state, k->from)->next_in, used = lane_used(l);
    send_kind(w, k, again, number);
    const char *answer = peer_next(&w->peers[k->from]);
    bool read = gateway_session(w->state, k->from)->next_in == before + 1, given = lane_used(l) > used;
    if (!read)
        return answer || given ? IS_WRONG : IS_NOT_READ;
    if (!answer)
        return given ? IS_TAKEN : IS_WRONG;
    char name[16];
    snprintf(name, sizeof name, "n-%u", number);
    bool fine =
        again ? field_is(answer, 35, "j") && field_is(answer, 380, "4") && field_is(answer, 379, name)
              : field_is(answer, 35, k->answer) && strstr(answer, k->status) && field_is(answer, k->id, name);
    fine = fine && strncmp(field(answer, 58), "busy: ", 6) == 0;
    return fine && !given ? IS_REFUSED : IS_WRONG;
}

enum shortage { ROOM, AT_MARK, PAST_ACCEPTANCES, PAST_REFUSALS, RESERVE_GONE, SHORTAGES };
static uint64_t left_at(enum shortage s, uint64_t size)
{
    static const unsigned sixteenths[] = {16, 7, 4, 3, 2};
    return size / 16 * sixteenths[s] - (s > AT_MARK ? size / 64 : 0);
}

static enum outcome expected(const struct kind *k, enum shortage s, bool of_ring)
{
    if (s == ROOM || (s == AT_MARK && strcmp(k->type, "AJ") == 0))
        return IS_TAKEN;
    if (k->refused)
        return of_ring && s >= PAST_REFUSALS ? IS_NOT_READ : IS_REFUSED;
    return s == RESERVE_GONE ? IS_NOT_READ : IS_TAKEN;
}

static void truth_table(bool of_ring, bool again)
{
    for (unsigned i = 0; i < KIND_COUNT; i++)
        for (enum shortage s = ROOM; s < SHORTAGES; s++) {
            const struct kind *k = &KINDS[i];
            struct world *w = world_up();
            w->log_stands = of_ring;
            if (s != ROOM && of_ring)
                fill_ring(w, left_at(s, RING_SIZE_MIN));
            else if (s != ROOM)
                fill_lane(lane_of(w, k), left_at(s, LANE_SIZE_MIN));
            enum outcome came = try_kind(w, k, again, 7), due = expected(k, s, of_ring);
            cr_assert_eq(came, due, "%s with %s at %u: it was %s, not %s", k->type, of_ring ? "ring" : "lane",
                         s, OUTCOMES[came], OUTCOMES[due]);
            world_free(w);
        }
}

Test(gateway_pressure, each_kind_at_each_mark_of_its_lane)
{
    truth_table(false, false);
}

Test(gateway_pressure, each_kind_at_each_mark_of_the_ring)
{
    truth_table(true, false);
}

/* What was sent before under that name may be alive: the refusal is of this message and does not end it. */
Test(gateway_pressure, what_may_have_been_sent_before_is_refused_without_a_word_about_it)
{
    truth_table(false, true);
}

static const char *log_says;
static const char *stalled(const struct log *log)
{
    (void)log;
    return log_says;
}

/* The text and the counter name the cause. */
Test(gateway_pressure, a_refusal_says_what_is_short)
{
    struct world *w = world_new(25);
    w->log_stalled = stalled;
    world_start(w);
    world_logon(w, TAKER);
    fill_lane(w->order, LANE_SIZE_MIN / 2);
    send_kind(w, &KINDS[2], false, 1);
    cr_assert(field_is(peer_expect(&w->peers[TAKER], "8"), 58, "busy: routing does not keep up"));
    cr_assert_eq(counted(w, "rfqd_fix_busy_total", "session=\"T1\",reason=\"lane\""), 1);
    w->log_stands = true;
    fill_ring(w, RING_SIZE_MIN / 2);
    send_kind(w, &KINDS[0], false, 2);
    const char *m = peer_expect(&w->peers[TAKER], "AG");
    cr_assert(field_is(m, 58, "busy: the record is not written as fast as it grows"), "%s", m);
    cr_assert_eq(counted(w, "rfqd_fix_busy_total", "session=\"T1\",reason=\"ring\""), 1);
    log_says = "no space on the log's disk to write to";
    send_kind(w, &KINDS[2], false, 3);
    m = peer_expect(&w->peers[TAKER], "8");
    cr_assert(field_is(m, 58, "busy: no space on the log's disk to write to"), "%s", m);
    cr_assert(field_is(m, 37, "NONE") && field_is(m, 103, "99"), "%s", m);
    cr_assert_eq(counted(w, "rfqd_fix_busy_total", "session=\"T1\",reason=\"log\""), 1);
    cr_assert_eq(counted(w, "rfqd_fix_rejected_total", "session=\"T1\""), 0);
    cr_assert_eq(counted(w, "rfqd_gateway_ring_waits_total", "gateway=\"0\""), 0, "nothing waited");
    world_free(w);
}

/* Two refusals in one poll are two executions to whoever keeps them by ExecID. */
Test(gateway_pressure, refused_orders_have_each_its_exec_id_and_may_be_sent_again)
{
    struct world *w = world_up();
    fill_lane(w->order, LANE_SIZE_MIN / 2);
    for (unsigned i = 0; i < 2; i++)
        peer_send(&w->peers[TAKER],
                  "35=D|11=same|117=Q1|55=EURUSD|54=1|60=20261118-10:00:00|38=1|40=D|44=1|");
    world_run(w, 5 * MILLISECOND);
    const char *first = field(peer_expect(&w->peers[TAKER], "8"), 17);
    const char *second = field(peer_expect(&w->peers[TAKER], "8"), 17);
    cr_assert_str_neq(first, second);
    lane_count(w->order);
    peer_send(&w->peers[TAKER], "35=D|11=same|117=Q1|55=EURUSD|54=1|60=20261118-10:00:00|38=1|40=D|44=1|");
    world_run(w, 5 * MILLISECOND);
    const struct command_order *c = lane_expect(w->order, RECORD_COMMAND_ORDER);
    cr_assert_str_eq(c->cl_ord_id, "same");
    peer_nothing(&w->peers[TAKER]);
    world_free(w);
}

/* A fault of the message itself is told as such, not as want of room. */
Test(gateway_pressure, what_cannot_be_read_is_rejected_for_that)
{
    struct world *w = world_up();
    fill_lane(w->order, LANE_SIZE_MIN / 2);
    peer_send(&w->peers[TAKER], "35=D|11=%050u|117=Q1|55=EURUSD|54=1|60=20261118-10:00:00|38=1|40=D|44=1|",
              1);
    world_run(w, 5 * MILLISECOND);
    cr_assert(field_is(peer_expect(&w->peers[TAKER], "3"), 371, "11"));
    peer_nothing(&w->peers[TAKER]);
    world_free(w);
}

/* Decided once, by the gateway: no engine gets it, before or after a crash, and the refusal comes again under
 * its number only. */
Test(gateway_pressure, a_refusal_outlives_a_crash_and_is_not_undone_by_it)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    fill_lane(w->order, LANE_SIZE_MIN / 2);
    fill_lane(w->request, LANE_SIZE_MIN / 2);
    send_kind(w, &KINDS[2], false, 1);
    send_kind(w, &KINDS[0], false, 2);
    cr_assert(field_is(peer_expect(p, "8"), 11, "n-1"));
    cr_assert(field_is(peer_expect(p, "AG"), 131, "n-2"));
    uint64_t next_in = gateway_session(w->state, TAKER)->next_in, next_out = p->next_in;
    world_kill(w);
    world_restart(w, (uint64_t[LANES_MAX]){0});
    world_run(w, 5 * MILLISECOND);
    for (const struct lane_item *item; (item = lane_take(w->order)) != NULL;)
        cr_assert_neq(item->record.type, RECORD_COMMAND_ORDER);
    for (const struct lane_item *item; (item = lane_take(w->request)) != NULL;)
        cr_assert_neq(item->record.type, RECORD_COMMAND_QUOTE_REQUEST);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, next_in);
    world_logon(w, TAKER);
    peer_send(p, "35=2|7=%llu|16=0|", (unsigned long long)next_out - 2);
    world_run(w, 5 * MILLISECOND);
    const char *m = peer_expect(p, "8");
    cr_assert(field_is(m, 43, "Y") && field_is(m, 11, "n-1"), "%s", m);
    m = peer_expect(p, "AG");
    cr_assert(field_is(m, 43, "Y") && field_is(m, 131, "n-2"), "%s", m);
    while ((m = peer_next(p)) != NULL)
        cr_assert(field_is(m, 35, "4"), "%s", m);
    world_free(w);
}

/* A taker that goes on asking: each request is taken in its order or refused, none is lost, and when the
 * engine goes on so do they. */
Test(gateway_pressure, a_full_request_lane_refuses_requests_and_takes_them_again)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    enum { REQUESTS = 6000 };
    for (unsigned i = 0; i < REQUESTS; i++) {
        peer_send(p, "35=R|131=req-%u|146=1|55=EURUSD|38=1|", i);
        if (i % 50 == 0)
            world_run(w, MILLISECOND / 10);
    }
    world_run(w, 20 * MILLISECOND);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out, "each is recorded");
    cr_assert_leq(lane_used(w->request), LANE_SIZE_MIN / 2,
                  "the other half is kept for what is more important");
    unsigned refused = 0;
    for (const char *m; (m = peer_next(p)) != NULL; refused++)
        cr_assert(field_is(m, 35, "AG"), "%s", m);
    cr_assert_gt(refused, 0);
    cr_assert_eq(refused, counted(w, "rfqd_fix_busy_total", "session=\"T1\",reason=\"lane\""));
    /* It can still be told of a loss: an LP that goes down, an unsent quote. */
    port_close(w->peers[LP].port, w->peers[LP].conn);
    world_run(w, 5 * MILLISECOND);
    cr_assert_eq(gateway_session(w->state, LP)->state, SESSION_DOWN);
    unsigned next = 0;
    for (const struct lane_item *item; (item = lane_take(w->request)) != NULL; next++) {
        char id[16];
        snprintf(id, sizeof id, "req-%u", next);
        cr_assert_str_eq(((const struct command_quote_request *)&item->record)->request_id, id);
    }
    cr_assert_eq(next + refused, REQUESTS);
    peer_send(p, "35=R|131=again|146=1|55=EURUSD|38=1|");
    world_run(w, 5 * MILLISECOND);
    lane_expect(w->request, RECORD_COMMAND_QUOTE_REQUEST);
    peer_nothing(p);
    world_free(w);
}

Test(gateway_pressure, a_full_quote_lane_refuses_quotes_but_lets_executions_through)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[LP];
    unsigned sent = 0;
    for (; counted(w, "rfqd_fix_busy_total", "session=\"L1\",reason=\"lane\"") == 0; sent++) {
        cr_assert_lt(sent, 10000);
        peer_send(p, "35=S|131=R%X|117=lpq-%u|55=EURUSD|132=1|", sent + 1, sent);
        if (sent % 50 == 0)
            world_run(w, MILLISECOND);
    }
    world_run(w, 5 * MILLISECOND);
    peer_send(p, "35=8|37=l|11=O1F|17=e|150=F|39=2|55=EURUSD|54=1|32=1|31=1|151=0|14=1|6=1|");
    peer_send(p, "35=Z|131=R1|117=lpq-0|298=1|");
    world_run(w, 5 * MILLISECOND);
    lane_expect(w->order, RECORD_COMMAND_EXECUTION);
    unsigned refused = 0;
    for (const char *m; (m = peer_next(p)) != NULL; refused++) {
        cr_assert(field_is(m, 35, "AI") && field_is(m, 297, "5") &&
                      field_is(m, 58, "busy: distribution does not keep up"),
                  "%s", m);
        cr_assert(field(m, 117) && field(m, 131) && field_is(m, 55, "EURUSD"));
    }
    cr_assert_eq(refused, counted(w, "rfqd_fix_busy_total", "session=\"L1\",reason=\"lane\""));
    unsigned quotes = 0, cancels = 0;
    const struct lane_item *item;
    while ((item = lane_take(w->quote)) != NULL) {
        quotes += item->record.type == RECORD_COMMAND_QUOTE;
        cancels += item->record.type == RECORD_COMMAND_QUOTE_CANCEL;
    }
    cr_assert_eq(quotes + refused, sent);
    cr_assert_eq(cancels, 1, "a withdrawal has room where a quote has not");
    cr_assert_eq(gateway_session(w->state, LP)->next_in, p->next_out, "each is recorded");
    world_free(w);
}

/* Past the ring's mark requests are refused; refusals have an end too, then the connection is not read on.
 * Executions have their part even then. */
Test(gateway_pressure, a_full_ring_refuses_then_stops_reading_and_nothing_is_lost)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    w->log_stands = true; /* the log agent does not merge: the disk hangs */
    enum { REQUESTS = 12000 };
    unsigned sent = 0, next = 0, refused = 0;
    for (; sent < REQUESTS; sent++) {
        peer_send(p, "35=R|131=req-%u|146=1|55=EURUSD|38=1|", sent);
        if (sent % 50 == 0) {
            world_run(w, MILLISECOND / 10);
            next += lane_count(w->request);
        }
    }
    world_run(w, 10 * MILLISECOND);
    next += lane_count(w->request);
    for (; peer_next(p); refused++)
        ;
    cr_assert_gt(next, 0);
    cr_assert_gt(refused, 0);
    cr_assert_lt(gateway_session(w->state, TAKER)->next_in, p->next_out);
    cr_assert_leq(w->ring.write - atomic_load(&w->ring.shared->head), RING_SIZE_MIN / 16 * 13);
    cr_assert_gt(counted(w, "rfqd_gateway_ring_waits_total", "gateway=\"0\""), 0);
    /* What is more important still passes. */
    for (unsigned i = 0; i < 100; i++)
        peer_send(&w->peers[LP], "35=8|37=l|11=O1F|17=e|150=F|39=2|55=EURUSD|54=1|32=1|31=1|151=0|14=1|6=1|");
    world_run(w, 5 * MILLISECOND);
    cr_assert_eq(lane_count(w->order), 100);
    w->log_stands = false;
    for (unsigned turn = 0; turn < 100; turn++) {
        world_run(w, MILLISECOND);
        next += lane_count(w->request);
    }
    for (const char *m; (m = peer_next(p)) != NULL; refused++)
        cr_assert(field_is(m, 35, "AG"), "%s", m);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out);
    cr_assert_eq(next + refused, REQUESTS);
    world_free(w);
}

Test(gateway_pressure, an_event_without_room_stays_in_its_lane)
{
    struct world *w = world_up();
    w->log_stands = true;
    unsigned put = 0;
    struct order_report ev = {.out = {.rfq = 3, .ref = 1, .ref_kind = REF_ORDER, .must_reach = 1},
                              .order = 1,
                              .exec_type = '0',
                              .ord_status = '0',
                              .side = '1',
                              .symbol = "EURUSD"};
    for (unsigned i = 0; i < 9000; i++) {
        if (lane_room(w->from_routing, 1024, 0)) {
            ev.order = ++put;
            EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
        }
        if (i % 100 == 0)
            world_run(w, MILLISECOND);
    }
    world_run(w, 5 * MILLISECOND);
    cr_assert_not_null(lane_peek(w->from_routing), "more was given than the ring holds");
    w->log_stands = false;
    for (unsigned turn = 0; turn < 50; turn++)
        world_run(w, MILLISECOND);
    cr_assert_null(lane_peek(w->from_routing));
    for (unsigned i = 1; i <= put; i++) {
        char name[16];
        snprintf(name, sizeof name, "O%X", i);
        cr_assert(field_is(peer_expect(&w->peers[TAKER], "8"), 37, name));
    }
    world_free(w);
}

Test(gateway_pressure, a_session_that_holds_back_too_much_stops_its_lane_not_its_numbers)
{
    struct world *w = world_new(22);
    w->sessions[TAKER].level = LEVEL_SYNCED;
    w->store_size = 1;
    world_start(w);
    world_logon(w, TAKER);
    world_drain(w);
    w->not_durable = true;
    for (unsigned i = 1; i <= 1000; i++) {
        struct order_report ev = {.out = {.rfq = 3, .ref = i, .ref_kind = REF_ORDER, .must_reach = 1},
                                  .order = i,
                                  .exec_type = '0',
                                  .ord_status = '0',
                                  .side = '1',
                                  .symbol = "EURUSD"};
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    }
    world_run(w, 10 * MILLISECOND);
    cr_assert_not_null(lane_peek(w->from_routing));
    w->not_durable = false;
    for (unsigned turn = 0; turn < 50; turn++)
        world_run(w, MILLISECOND);
    for (unsigned i = 1; i <= 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "O%X", i);
        cr_assert(field_is(peer_expect(&w->peers[TAKER], "8"), 37, name), "%u", i);
    }
    cr_assert_eq(w->peers[TAKER].next_in, gateway_session(w->state, TAKER)->next_out);
    world_free(w);
}

/* A disk that stands: what the taker asks for waits, what has to be told to it goes on. */
Test(gateway_pressure, a_taker_whose_numbers_are_far_ahead_of_the_disk_asks_for_nothing_new)
{
    struct world *w = world_new(22);
    world_start(w);
    world_logon(w, TAKER);
    world_drain(w);
    struct peer *p = &w->peers[TAKER];
    w->not_durable = true;
    for (unsigned i = 1; i <= OUT_NUMBERS_ASKING_MAX + 100; i++) {
        struct order_report ev = {.out = {.rfq = 3, .ref = i, .ref_kind = REF_ORDER, .must_reach = 1},
                                  .order = i,
                                  .exec_type = '0',
                                  .ord_status = '0',
                                  .side = '1',
                                  .symbol = "EURUSD"};
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
        if (i % 200 == 0)
            world_run(w, MILLISECOND);
    }
    world_run(w, 10 * MILLISECOND);
    for (unsigned i = 1; i <= OUT_NUMBERS_ASKING_MAX + 100; i++)
        peer_expect(p, "8");
    peer_send(p, "35=1|112=alive|");
    world_run(w, 5 * MILLISECOND);
    uint64_t answered = p->next_in;
    cr_assert_eq(answered, gateway_session(w->state, TAKER)->next_out, "the session lives");
    peer_send(p, "35=R|131=later|146=1|55=EURUSD|54=1|38=5|");
    world_run(w, 5 * MILLISECOND);
    cr_assert_null(lane_peek(w->request));
    cr_assert_gt(counted(w, "rfqd_gateway_number_waits_total", "gateway=\"0\""), 0);
    w->not_durable = false;
    world_run(w, 20 * MILLISECOND);
    const struct lane_item *item = lane_take(w->request);
    cr_assert(item && item->record.type == RECORD_COMMAND_QUOTE_REQUEST, "nothing is lost");
    world_free(w);
}

/* New messages must not push out of the store what a resend is still to read from it. */
Test(gateway_pressure, a_resend_keeps_what_it_reads)
{
    struct world *w = world_new(23);
    w->store_size = 1;
    world_start(w);
    world_logon(w, TAKER);
    struct order_report ev = {.out = {.rfq = 3, .ref = 1, .ref_kind = REF_ORDER, .must_reach = 1},
                              .exec_type = '0',
                              .ord_status = '0',
                              .side = '1',
                              .symbol = "EURUSD"};
    for (unsigned i = 1; i <= 200; i++) {
        ev.order = i;
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    }
    world_run(w, 5 * MILLISECOND);
    struct peer *p = &w->peers[TAKER];
    while (peer_next(p))
        ;
    peer_send(p, "35=2|7=3|16=0|");
    struct agent a = gateway_agent(w->gateway);
    while (counted(w, "rfqd_fix_resend_requests_total", "session=\"T1\"") == 0) {
        w->now_ns += 1000;
        sim_net_advance(w->net, w->now_ns);
        a.poll(a.self, w->now_ns);
    }
    for (unsigned i = 201; i <= 1000; i++) {
        ev.order = i;
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
    }
    world_run(w, 20 * MILLISECOND);
    unsigned again = 0, fresh = 0;
    for (const char *m; (m = peer_next(p)) != NULL;) {
        cr_assert(field_is(m, 35, "8"), "%s", m);
        again += field_is(m, 43, "Y");
        fresh += !field_is(m, 43, "Y");
    }
    cr_assert_eq(again, 200);
    cr_assert_eq(fresh, 800);
    world_free(w);
}

/* A peer whose messages we leave unread for want of room is not silent. */
Test(gateway_pressure, a_connection_that_we_do_not_read_is_not_ended_for_silence)
{
    struct world *w = world_up();
    struct peer *p = &w->peers[TAKER];
    w->log_stands = true;
    for (unsigned i = 0; i < 12000; i++) {
        peer_send(p, "35=R|131=req-%u|146=1|55=EURUSD|38=1|", i);
        if (i % 50 == 0)
            world_run(w, MILLISECOND / 10);
        lane_drain(w->request);
    }
    cr_assert_lt(gateway_session(w->state, TAKER)->next_in, p->next_out);
    p->answers_tests = false;
    for (unsigned i = 0; i < 100; i++) /* below the tolerance of SendingTime */
        world_run(w, SECOND);
    cr_assert(!p->closed);
    w->log_stands = false;
    for (unsigned turn = 0; turn < 50; turn++) {
        lane_drain(w->request);
        world_run(w, MILLISECOND);
    }
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->next_out);
    world_free(w);
}

/* Connections that never log on take no place from sessions. */
Test(gateway_pressure, a_crowd_of_silent_connections_keeps_no_session_out)
{
    struct world *w = world_new(24);
    world_start(w);
    struct port *crowd;
    cr_assert_eq(sim_net_port(w->net, address("10.0.0.66", 0).sin_addr, 60, &crowd), OK);
    for (unsigned i = 0; i < 50; i++) {
        uint32_t conn;
        cr_assert_eq(port_connect(crowd, &w->listen, NULL, 0, &conn), OK);
    }
    world_run(w, MILLISECOND);
    cr_assert_eq(counted(w, "rfqd_fix_refused_total", "gateway=\"0\",reason=\"crowded\""), 18);
    world_run(w, 11 * SECOND); /* they are thrown out */
    world_logon(w, TAKER);
    world_logon(w, LP);
    cr_assert_eq(counted(w, "rfqd_fix_refused_total", "gateway=\"0\",reason=\"silent\""), 32);
    world_free(w);
}

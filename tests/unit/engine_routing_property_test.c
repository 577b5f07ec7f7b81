/* Random lives of orders against a naive twin that only adds up fills; after every decision the engine, its
 * replica (harness) and, now and then, a state rebuilt from its durable parts are the same. */
#include "tests/unit/random.h"
#include "tests/unit/routing_desk.h"

#define STEPS    6000
#define MADE_MAX STEPS

/* What the LP executed and we have to agree with, kept the naive way. */
struct twin {
    uint64_t id;
    int64_t filled;
    unsigned __int128 value;
    unsigned fills;
    bool final;
};
static struct twin *twins;
static unsigned twin_count;

static struct twin *twin_of(uint64_t id)
{
    for (unsigned i = 0; i < twin_count; i++)
        if (twins[i].id == id)
            return &twins[i];
    twins[twin_count] = (struct twin){.id = id};
    return &twins[twin_count++];
}

static const struct order *any_order(struct desk *d, uint64_t *seed)
{
    uint32_t slots = table_slots(d->state->orders);
    return slots ? table_at(d->state->orders, (uint32_t)random_below(seed, slots)) : NULL;
}

/* No order leaves an end, is filled beyond its quantity, or says another sum than the twin's. */
static void check(struct desk *d)
{
    for (uint32_t slot = 0; slot < table_slots(d->state->orders); slot++) {
        const struct order *o = table_at(d->state->orders, slot);
        if (!o)
            continue;
        struct twin *t = twin_of(o->id);
        cr_assert_eq(o->filled_quantity, t->filled);
        cr_assert(((unsigned __int128)(uint64_t)o->value_high << 64 | o->value_low) == t->value);
        cr_assert_leq(o->filled_quantity, o->quantity);
        cr_assert(!t->final || order_is_final(o));
        t->final = order_is_final(o);
        if (o->state == ORDER_IS_FILLED)
            cr_assert_eq(o->filled_quantity, o->quantity);
        bool armed = o->timer != TIMER_NONE;
        cr_assert_eq(armed, order_is_final(o) || o->due_ns != 0);
        cr_assert(o->in_doubt != DOUBT_EXECUTIONS_MISSING || (order_is_at_lp(o) && o->due_ns));
        cr_assert_eq(o->at_lp, order_at_lp(o));
        unsigned fills = 0;
        uint64_t last = UINT64_MAX;
        for (uint32_t f = o->first_fill; f != SLOT_NONE;) {
            const struct fill *fill = table_at(d->state->fills, f);
            cr_assert_eq(fill->order, o->id);
            cr_assert_lt(fill->id, last, "newest first");
            last = fill->id;
            cr_assert_eq(routing_fill_by_exec_id(d->state, o->id, fill->exec_id), fill);
            fills++;
            f = fill->next;
        }
        cr_assert_eq(fills, t->fills);
    }
}

static void random_fill(struct desk *d, const struct order *o, uint64_t *seed)
{
    int64_t left = o->quantity - o->filled_quantity;
    int64_t quantity =
        random_below(seed, 4) ? (int64_t)random_below(seed, (uint64_t)o->quantity / 2 + 1) : left;
    int64_t price = (int64_t)random_spread(seed);
    char id[24];
    snprintf(id, sizeof id, "X%lu", (unsigned long)random_below(seed, 200)); /* some come again */
    char padded[ID_TEXT_SIZE] = "";
    memcpy(padded, id, strlen(id));
    bool known = routing_fill_by_exec_id(d->state, o->id, padded);
    bool counts =
        !known && quantity > 0 && price > 0 && quantity <= left && !order_is_final(o) && o->attempts > 0;
    struct twin *t = twin_of(o->id);
    desk_fill(d, o, quantity, price, id);
    cr_assert_eq(!!harness_find(&d->h, RECORD_ORDER_FILLED), counts);
    if (!counts)
        return;
    t->filled += quantity;
    t->value += (unsigned __int128)quantity * (unsigned __int128)price;
    t->fills++;
    const struct order_report *r = harness_find(&d->h, RECORD_ORDER_REPORT);
    cr_assert_eq(r->filled_quantity, t->filled);
    cr_assert_eq(r->leaves_quantity, o->quantity - t->filled);
    cr_assert_eq(r->last_quantity, quantity);
    cr_assert_eq(r->last_price, price);
    /* The average is the nearest: |2 (average × filled − value)| ≤ filled. */
    __int128 off = ((__int128)r->average_price * t->filled - (__int128)t->value) * 2;
    cr_assert(off <= t->filled && -off <= t->filled);
}

static void random_new_order(struct desk *d, uint64_t *seed, unsigned step)
{
    char id[24];
    snprintf(id, sizeof id, "A%u", step);
    struct rfq_awarded award = desk_award_record(d, 0, random_below(seed, 2) ? id : "");
    if (random_below(seed, 2)) {
        struct command_order c = desk_order_command(id);
        c.quantity = (int64_t)(1 + random_spread(seed));
        desk_order(d, &c);
        const struct order_created *ev = harness_find(&d->h, RECORD_ORDER_CREATED);
        if (!ev)
            return; /* no room */
        award = desk_award_record(d, ev->order, "");
        award.quantity = c.quantity;
        if (random_below(seed, 8) == 0)
            desk_cancel(d, "early", id);
    }
    award.valid_until_ns = d->h.now_ns + random_below(seed, 3000) * MS;
    desk_award(d, &award);
}

static void random_step(struct desk *d, uint64_t *seed, unsigned step)
{
    static const char types[] = "0448C6AIGE1";
    const struct order *o = any_order(d, seed);
    uint64_t choice = random_below(seed, 100);
    char id[24];
    snprintf(id, sizeof id, "C%u", step);
    if (choice < 25 || !o) {
        random_new_order(d, seed, step);
    } else if (choice < 55) {
        random_fill(d, o, seed);
    } else if (choice < 60) {
        desk_say(d, o, types[random_below(seed, sizeof types - 1)]);
    } else if (choice < 62) {
        struct command_execution c = desk_execution(o, 'I', "status");
        c.ord_status = "01248"[random_below(seed, 5)];
        c.filled_quantity += (int64_t)random_below(seed, 3) - 1;
        desk_execute(d, &c);
    } else if (choice < 70 && o->cl_ord_id[0]) {
        desk_cancel(d, id, o->cl_ord_id);
    } else if (choice < 74) {
        desk_rfq_cancel(d, o);
    } else if (choice < 78) {
        desk_cancel_reject(d, o, LP, (uint32_t)random_below(seed, 4));
    } else if (choice < 82) {
        desk_unsent(d, o, random_below(seed, 4) ? REF_ORDER : REF_CANCEL,
                    random_below(seed, 2) ? REASON_LOST : REASON_SESSION_DOWN);
        desk_unsent(d, o, REF_STATUS, REASON_LOST);
    } else if (choice < 84) {
        desk_peer_reject(d, o, LP, REF_ORDER + (enum ref_kind)random_below(seed, 3));
    } else if (choice < 87) {
        enum session_status state = 1 + (enum session_status)random_below(seed, 3);
        desk_session(d, LP, state);
        if (state == SESSION_DOWN && random_below(seed, 3) == 0)
            desk_renumber(d, LP, random_below(seed, 2));
    } else if (choice < 97) {
        harness_advance(&d->h, d->h.now_ns + random_below(seed, 3000) * MS);
    } else if (choice < 98) {
        harness_advance(&d->h, d->h.now_ns + 70000 * MS);
    } else {
        desk_reload(d);
    }
}

Test(routing_property, random_lives_agree_with_the_twin_the_replica_and_the_rebuilt_state)
{
    for (uint64_t run = 1; run <= 3; run++) {
        struct desk d;
        desk_open(&d);
        twins = calloc(MADE_MAX, sizeof *twins);
        twin_count = 0;
        uint64_t seed = run;
        for (unsigned step = 0; step < STEPS; step++) {
            random_step(&d, &seed, step);
            check(&d);
        }
        cr_log_info("run %lu: %u orders", (unsigned long)run, twin_count);
        cr_assert_gt(twin_count, 200);
        free(twins);
        desk_close(&d);
    }
}

Test(routing_property, decisions_are_the_same_in_every_run)
{
    uint64_t digests[2];
    for (unsigned run = 0; run < 2; run++) {
        struct desk d;
        desk_open(&d);
        twins = calloc(MADE_MAX, sizeof *twins);
        twin_count = 0;
        uint64_t seed = 99;
        for (unsigned step = 0; step < 500; step++)
            random_step(&d, &seed, step);
        digests[run] = state_digest(&d.state->base);
        free(twins);
        desk_close(&d);
    }
    cr_assert_eq(digests[0], digests[1]);
}

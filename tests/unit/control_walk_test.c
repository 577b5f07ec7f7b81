/* Quotes of an RFQ and fills of an order, shown in pieces while they leave memory and others come: each that
 * was there at the begin is shown once, in order, and nothing else. The replica's tables are changed by hand,
 * as applying would: what is removed goes to the store the way it always does.
 */
#include <criterion/criterion.h>

#include "control/view/view.h"
#include "node_rig.h"
#include "random.h"

#define SEEDS      30u
#define ROUNDS_MAX 20000u
#define KEPT_MAX   2000u
#define RFQ        7u
#define ORDER      9u
#define OTHER      8u /* another order of the same RFQ */

static struct walk_rig {
    struct node_rig rig;
    struct distribution_state *d;
    struct routing_state *s;
    struct rfq *rfq;
    struct order *order;
    uint64_t random, expected[KEPT_MAX];
    unsigned count;
} w;

static uint64_t chance(uint64_t below)
{
    return random_below(&w.random, below);
}

static void open_rig(uint64_t seed)
{
    memset(&w, 0, sizeof w);
    rig_open(&w.rig);
    rig_run(&w.rig);
    const struct replica_config *c = replica_config(node_replica(w.rig.node));
    w.random = seed;
    w.d = c->distribution;
    w.s = c->routing;
    w.rfq = table_insert(w.d->rfqs, RFQ);
    w.rfq->side = SIDE_BUY;
    w.rfq->first_quote = w.rfq->first_ended_quote = SLOT_NONE;
    w.order = table_insert(w.s->orders, ORDER);
    w.order->rfq = RFQ;
    w.order->first_fill = SLOT_NONE;
}

static void close_rig(void)
{
    rig_close(&w.rig);
}

static void expect(uint64_t id)
{
    cr_assert_lt(w.count, KEPT_MAX);
    w.expected[w.count++] = id;
}

/* The ids of a text, which begin with `"id":"<kind>`, are the next ones of those expected. */
static unsigned take(const struct json *j, char kind, unsigned from)
{
    char mark[] = "\"id\":\"?";
    mark[sizeof mark - 2] = kind;
    unsigned count = 0;
    const char *at = j->text, *end = j->text + j->used;
    for (; j->used && (at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)); count++) {
        const char *name = at + sizeof mark - 2;
        uint64_t id = name_parse(kind, name, (size_t)((const char *)memchr(name, '"', 32) - name));
        cr_assert_lt(from + count, w.count, "%lu is one too many", (unsigned long)id);
        cr_assert_eq(id, w.expected[from + count], "%lx at %u of %u, not %lx", (unsigned long)id,
                     from + count, w.count, (unsigned long)w.expected[from + count]);
        at = name;
    }
    return count;
}

/* The whole walk; meanwhile: what happens behind each piece. */
static void show_all(struct view_walk *walk, char kind, void (*meanwhile)(void))
{
    struct json j = {0};
    unsigned taken = 0;
    json_open(&j, NULL, '[');
    for (unsigned round = 0; walk->more; round++) {
        unsigned rows = 1 + (unsigned)chance(60), count;
        cr_assert_lt(round, ROUNDS_MAX);
        cr_assert_eq(view_walk(walk, node_replica(w.rig.node), &j, rows, chance(4) ? 1u << 20 : 1500), OK);
        count = take(&j, kind, taken);
        cr_assert_leq(count, rows);
        taken += count;
        j.used = 0;
        if (walk->more)
            meanwhile();
    }
    cr_assert_eq(taken, w.count);
    json_free(&j);
    view_walk_end(walk);
}

/* Quotes
 * -------------------------------------------------------------------------------------------------------- */

static struct quote *new_quote(unsigned status)
{
    uint64_t id = state_next_id(&w.d->base);
    state_id_used(&w.d->base, id);
    struct quote *q = table_insert(w.d->quotes, id);
    q->rfq = RFQ;
    q->status = (uint16_t)status;
    q->next = SLOT_NONE;
    return q;
}

static void link_quote(uint32_t *link, struct quote *q)
{
    q->next = *link;
    *link = table_slot(w.d->quotes, q);
}

static void quote_leaves(uint32_t *link)
{
    struct quote *q = table_at(w.d->quotes, *link);
    *link = q->next;
    table_remove(w.d->quotes, q);
}

static void quotes_move(void)
{
    if (chance(3) == 0 && w.rfq->first_ended_quote != SLOT_NONE)
        quote_leaves(&w.rfq->first_ended_quote);
    if (chance(3) == 0 && w.rfq->first_quote != SLOT_NONE)
        quote_leaves(&w.rfq->first_quote);
    if (chance(4) == 0)
        link_quote(&w.rfq->first_quote, new_quote(QUOTE_STANDING));
    if (chance(4) == 0)
        table_remove(w.d->quotes, new_quote(QUOTE_IS_REPLACED));
    if (chance(8) == 0)
        rig_pass(&w.rig, 60000000); /* a commit */
}

static void show_quotes(uint64_t seed)
{
    struct view_walk walk;
    struct view_rfq v;
    uint64_t stored[KEPT_MAX];
    unsigned stored_count = 0;
    open_rig(seed);
    for (uint64_t i = chance(3) ? chance(700) : 0; i > 0; i--) {
        struct quote *q = new_quote(QUOTE_IS_REPLACED);
        stored[stored_count++] = q->id;
        table_remove(w.d->quotes, q);
    }
    for (uint64_t i = chance(RFQ_QUOTES_MAX); i > 0; i--)
        link_quote(&w.rfq->first_quote, new_quote(QUOTE_STANDING));
    for (uint64_t i = chance(RFQ_ENDED_QUOTES_MAX); i > 0; i--)
        link_quote(&w.rfq->first_ended_quote, new_quote(QUOTE_IS_WITHDRAWN));
    if (chance(2)) {
        w.rfq->award_quote = new_quote(QUOTE_ACCEPTED)->id;
        expect(w.rfq->award_quote);
    }
    for (const struct quote *q = distribution_first_quote(w.d, w.rfq); q; q = distribution_next_quote(w.d, q))
        expect(q->id);
    for (const struct quote *q = distribution_first_ended_quote(w.d, w.rfq); q;
         q = distribution_next_quote(w.d, q))
        expect(q->id);
    for (unsigned i = 0; i < stored_count; i++)
        expect(stored[i]);
    cr_assert_eq(view_find_rfq(node_replica(w.rig.node), RFQ, &v), OK);
    cr_assert_eq(view_walk_quotes(&walk, node_replica(w.rig.node), &v), OK);
    show_all(&walk, 'Q', quotes_move);
    close_rig();
}

Test(control_walk, shows_each_quote_once_while_they_move)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        show_quotes(seed);
}

/* What a subscription begins with
 * -------------------------------------------------------------------------------------------------------- */

static void expect_state(void)
{
    struct json j = {0};
    struct view_rfq v;
    cr_assert_eq(view_find_rfq(node_replica(w.rig.node), RFQ, &v), OK);
    cr_assert_eq(view_state(&j, NULL, node_replica(w.rig.node), &v, w.rig.now_ns), OK);
    cr_assert_eq(take(&j, 'Q', 0), w.count);
    json_free(&j);
}

/* Among thousands in the store are those that it showed when they were in memory. */
Test(control_walk, a_subscription_begins_with_the_last_quotes)
{
    open_rig(1);
    struct quote *accepted = new_quote(QUOTE_ACCEPTED);
    w.rfq->award_quote = accepted->id;
    expect(accepted->id);
    for (unsigned i = 0; i < KEPT_MAX; i++) {
        struct quote *q = new_quote(QUOTE_IS_REPLACED);
        q->ended_ns = 1 + chance(1000);
        table_remove(w.d->quotes, q);
    }
    for (unsigned i = 1; i < VIEW_STATE_QUOTES; i++) {
        struct quote *q = new_quote(QUOTE_ARCHIVED);
        q->ended_ns = 2000 + i / 2;
        link_quote(&w.rfq->first_ended_quote, q);
    }
    for (const struct quote *q = distribution_first_ended_quote(w.d, w.rfq); q;
         q = distribution_next_quote(w.d, q))
        expect(q->id);
    cr_assert_eq(w.count, VIEW_STATE_QUOTES);
    expect_state();
    while (w.rfq->first_ended_quote != SLOT_NONE)
        quote_leaves(&w.rfq->first_ended_quote);
    table_remove(w.d->quotes, accepted);
    table_remove(w.d->rfqs, w.rfq);
    expect_state();
    rig_pass(&w.rig, 60000000);
    expect_state();
    close_rig();
}

/* Fills
 * -------------------------------------------------------------------------------------------------------- */

static struct fill *new_fill(uint64_t order)
{
    uint64_t id = state_next_id(&w.s->base);
    state_id_used(&w.s->base, id);
    struct fill *f = table_insert(w.s->fills, id);
    f->rfq = RFQ;
    f->order = order;
    f->next = SLOT_NONE;
    return f;
}

static uint64_t add_fill(void)
{
    struct fill *f = new_fill(ORDER);
    f->next = w.order->first_fill;
    w.order->first_fill = table_slot(w.s->fills, f);
    return f->id;
}

/* The newest first, and the order last. */
static void retire_fills(uint64_t count)
{
    for (; count > 0 && w.order->first_fill != SLOT_NONE; count--) {
        struct fill *f = table_at(w.s->fills, w.order->first_fill);
        w.order->first_fill = f->next;
        table_remove(w.s->fills, f);
    }
    if (w.order->first_fill == SLOT_NONE) {
        table_remove(w.s->orders, w.order);
        w.order = NULL;
    }
}

static bool is_retiring;

static void fills_move(void)
{
    is_retiring |= chance(10) == 0;
    if (w.order && is_retiring && chance(2))
        retire_fills(1 + chance(ORDER_RETIRE_FILLS_MAX));
    else if (w.order && !is_retiring && chance(3) == 0 &&
             table_count(w.s->fills) < table_capacity(w.s->fills))
        add_fill();
    if (chance(4) == 0)
        table_remove(w.s->fills, new_fill(OTHER));
    if (chance(8) == 0)
        rig_pass(&w.rig, 60000000);
}

static void show_fills(uint64_t seed)
{
    struct view_walk walk;
    struct view_order v;
    open_rig(seed);
    unsigned count = (unsigned)chance(380);
    for (unsigned i = 0; i < count; i++) {
        if (chance(8) == 0)
            table_remove(w.s->fills, new_fill(OTHER));
        expect(add_fill());
    }
    is_retiring = chance(3) == 0;
    if (is_retiring)
        retire_fills(1 + chance(2 * count + 1));
    if (chance(2))
        rig_pass(&w.rig, 60000000);
    cr_assert_eq(view_find_order(node_replica(w.rig.node), ORDER, &v), OK);
    cr_assert_eq(v.live, w.order != NULL);
    cr_assert_eq(view_walk_fills(&walk, node_replica(w.rig.node), &v), OK);
    show_all(&walk, 'F', fills_move);
    close_rig();
}

Test(control_walk, shows_each_fill_once_while_they_move)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        show_fills(seed);
}

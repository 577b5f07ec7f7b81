#include "control/metrics/draw.h"

#include <assert.h>
#include <string.h>

static const struct replica_config *copies(const struct draw *d)
{
    return replica_config(node_replica(d->config->node));
}

/* Sessions, RFQs, orders
 * ------------------------------------------------------------------------------------ */

void draw_sessions(struct draw *d, const struct family *f)
{
    static const char *const roles[] = {[ROLE_TAKER] = "taker", [ROLE_LP] = "lp"};
    unsigned counts[ROLE_LP + 1][SESSION_SYNCED + 1] = {{0}};
    const struct table *t = copies(d)->gateways[0]->sessions;
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct session *s = table_at(t, i);
        if (s && s->role <= ROLE_LP && s->state <= SESSION_SYNCED)
            counts[s->role][s->state]++;
    }
    for (unsigned role = ROLE_TAKER; role <= ROLE_LP; role++)
        for (unsigned state = SESSION_DOWN; state <= SESSION_SYNCED; state++)
            draw_number(d, f, counts[role][state],
                        LABELS({"role", roles[role]}, {"state", session_status_name(state)}));
}

/* NULL: none is left, or the part is full. */
static const void *next_entity(struct draw *d, const struct table *t)
{
    const void *entity = NULL;
    for (; !entity && d->walk->at < table_slots(t) && !draw_is_full(d); d->looks_left--)
        entity = table_at(t, d->walk->at++);
    d->more = !entity && d->walk->at < table_slots(t);
    return entity;
}

void draw_rfqs(struct draw *d, const struct family *f)
{
    static_assert(RFQ_ARCHIVED < METRICS_COUNTS_MAX, "room for each state");
    unsigned *counts = d->walk->counts;
    const struct rfq *q;
    while ((q = next_entity(d, copies(d)->distribution->rfqs)) != NULL)
        if (q->state <= RFQ_ARCHIVED)
            counts[q->state]++;
    for (unsigned s = RFQ_DRAFT; s <= RFQ_ARCHIVED && !d->more; s++)
        draw_number(d, f, counts[s], LABELS({"state", rfq_state_name(s)}));
}

void draw_orders(struct draw *d, const struct family *f)
{
    static_assert(ORDER_UNKNOWN < METRICS_COUNTS_MAX, "room for each state");
    unsigned *counts = d->walk->counts;
    const struct order *o;
    while ((o = next_entity(d, copies(d)->routing->orders)) != NULL)
        if (o->state <= ORDER_UNKNOWN)
            counts[o->state]++;
    for (unsigned s = ORDER_AWAITING; s <= ORDER_UNKNOWN && !d->more; s++)
        draw_number(d, f, counts[s], LABELS({"state", order_status_name(s)}));
}

void draw_entities(struct draw *d, const struct family *f)
{
    const struct replica_config *c = copies(d);
    const struct state *states[] = {&c->distribution->base, &c->routing->base, &c->gateways[0]->base};
    static const char *const names[] = {"distribution", "routing", "gateway"};
    for (unsigned i = 0; i < sizeof states / sizeof *states; i++)
        for (unsigned j = 0; j < states[i]->table_count; j++) {
            const struct table *t = states[i]->tables[j];
            draw_number(d, f, f->argument ? table_capacity(t) : table_count(t),
                        LABELS({"agent", names[i]}, {"table", table_name(t)}));
        }
}

/* LPs, takers
 * ----------------------------------------------------------------------------------------------- */

static const struct lp *next_lp(struct draw *d)
{
    return next_entity(d, copies(d)->distribution->lps);
}

void draw_lp_sent(struct draw *d, const struct family *f)
{
    const struct lp *l;
    while ((l = next_lp(d)) != NULL) {
        draw_number(d, f, l->acknowledged,
                    LABELS({"lp", l->code}, {"protocol", "fix"}, {"outcome", "acknowledged"}));
        draw_number(d, f, l->rejected, LABELS({"lp", l->code}, {"protocol", "fix"}, {"outcome", "rejected"}));
        draw_number(d, f, l->failed, LABELS({"lp", l->code}, {"protocol", "fix"}, {"outcome", "failed"}));
    }
}

void draw_lp_answers(struct draw *d, const struct family *f)
{
    const struct lp *l;
    while ((l = next_lp(d)) != NULL) {
        draw_number(d, f, l->quoted, LABELS({"lp", l->code}, {"answer", "quoted"}));
        draw_number(d, f, l->declined, LABELS({"lp", l->code}, {"answer", "declined"}));
        draw_number(d, f, l->no_response, LABELS({"lp", l->code}, {"answer", "none"}));
    }
}

void draw_lp_responses(struct draw *d, const struct family *f)
{
    static const struct edges edges = {14, 36, 2}; /* 16 µs to 69 s */
    static const struct histogram none;
    const struct lp *l;
    while ((l = next_lp(d)) != NULL) {
        const struct histogram *h = l->id <= LPS_MAX ? d->config->tally->responses[l->id] : NULL;
        draw_histogram(d, f, h ? h : &none, &edges, LABELS({"lp", l->code}));
    }
}

static uint64_t number_in(const void *entity, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const char *)entity + offset, sizeof value);
    return value;
}

void draw_lp_field(struct draw *d, const struct family *f)
{
    const struct lp *l;
    while ((l = next_lp(d)) != NULL)
        draw_number(d, f, number_in(l, f->argument), LABELS({"lp", l->code}));
}

void draw_lp_open(struct draw *d, const struct family *f)
{
    const struct lp *l;
    while ((l = next_lp(d)) != NULL)
        draw_number(d, f, l->open_rfqs, LABELS({"lp", l->code}));
}

void draw_taker_field(struct draw *d, const struct family *f)
{
    const struct taker *t;
    while ((t = next_entity(d, copies(d)->distribution->takers)) != NULL)
        draw_number(d, f, number_in(t, f->argument), LABELS({"taker", t->code}));
}

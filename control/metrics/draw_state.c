#include "control/metrics/draw.h"

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

void draw_rfqs(struct draw *d, const struct family *f)
{
    unsigned counts[RFQ_ARCHIVED + 1] = {0};
    const struct table *t = copies(d)->distribution->rfqs;
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct rfq *q = table_at(t, i);
        if (q && q->state <= RFQ_ARCHIVED)
            counts[q->state]++;
    }
    for (unsigned s = RFQ_DRAFT; s <= RFQ_ARCHIVED; s++)
        draw_number(d, f, counts[s], LABELS({"state", rfq_state_name(s)}));
}

void draw_orders(struct draw *d, const struct family *f)
{
    unsigned counts[ORDER_UNKNOWN + 1] = {0};
    const struct table *t = copies(d)->routing->orders;
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct order *o = table_at(t, i);
        if (o && o->state <= ORDER_UNKNOWN)
            counts[o->state]++;
    }
    for (unsigned s = ORDER_AWAITING; s <= ORDER_UNKNOWN; s++)
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

static const struct lp *lp_at(const struct draw *d, uint32_t slot)
{
    return table_at(copies(d)->distribution->lps, slot);
}

static uint32_t lp_slots(const struct draw *d)
{
    return table_slots(copies(d)->distribution->lps);
}

void draw_lp_sent(struct draw *d, const struct family *f)
{
    for (uint32_t i = 0; i < lp_slots(d); i++) {
        const struct lp *l = lp_at(d, i);
        if (!l)
            continue;
        draw_number(d, f, l->acknowledged,
                    LABELS({"lp", l->code}, {"protocol", "fix"}, {"outcome", "acknowledged"}));
        draw_number(d, f, l->rejected, LABELS({"lp", l->code}, {"protocol", "fix"}, {"outcome", "rejected"}));
        draw_number(d, f, l->failed, LABELS({"lp", l->code}, {"protocol", "fix"}, {"outcome", "failed"}));
    }
}

void draw_lp_answers(struct draw *d, const struct family *f)
{
    for (uint32_t i = 0; i < lp_slots(d); i++) {
        const struct lp *l = lp_at(d, i);
        if (!l)
            continue;
        draw_number(d, f, l->quoted, LABELS({"lp", l->code}, {"answer", "quoted"}));
        draw_number(d, f, l->declined, LABELS({"lp", l->code}, {"answer", "declined"}));
        draw_number(d, f, l->no_response, LABELS({"lp", l->code}, {"answer", "none"}));
    }
}

void draw_lp_responses(struct draw *d, const struct family *f)
{
    static const struct edges edges = {14, 36, 2}; /* 16 µs to 69 s */
    static const struct histogram none;
    for (uint32_t i = 0; i < lp_slots(d); i++) {
        const struct lp *l = lp_at(d, i);
        if (!l)
            continue;
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
    for (uint32_t i = 0; i < lp_slots(d); i++) {
        const struct lp *l = lp_at(d, i);
        if (l)
            draw_number(d, f, number_in(l, f->argument), LABELS({"lp", l->code}));
    }
}

void draw_lp_open(struct draw *d, const struct family *f)
{
    for (uint32_t i = 0; i < lp_slots(d); i++) {
        const struct lp *l = lp_at(d, i);
        if (l)
            draw_number(d, f, l->open_rfqs, LABELS({"lp", l->code}));
    }
}

void draw_taker_field(struct draw *d, const struct family *f)
{
    const struct table *takers = copies(d)->distribution->takers;
    for (uint32_t i = 0; i < table_slots(takers); i++) {
        const struct taker *t = table_at(takers, i);
        if (t)
            draw_number(d, f, number_in(t, f->argument), LABELS({"taker", t->code}));
    }
}

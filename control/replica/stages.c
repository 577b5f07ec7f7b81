#include "control/replica/stages.h"

#include <stdlib.h>

static const char *const texts[] = {
#define X(value, name, text) [value] = text,
    STAGE_LIST(X)
#undef X
};
static const char *const names[] = {
#define X(value, name, text) [value] = name,
    STAGE_LIST(X)
#undef X
};

const char *stage_name(enum stage s)
{
    return (unsigned)s < STAGES ? names[s] : "?";
}

const char *stage_text(enum stage s)
{
    return (unsigned)s < STAGES ? texts[s] : "?";
}

void stages_reset(struct stages *s)
{
    for (unsigned i = 0; i < STAGES; i++)
        histogram_reset(&s->histograms[i]);
    for (unsigned n = 0; n < SESSIONS_MAX; n++)
        for (unsigned i = 0; i < STAGES; i++)
            if (s->of_session[n][i])
                histogram_reset(s->of_session[n][i]);
}

void stages_free(struct stages *s)
{
    for (unsigned n = 0; n < SESSIONS_MAX; n++)
        for (unsigned i = 0; i < STAGES; i++)
            free(s->of_session[n][i]);
}

/* from 0: not known. Clocks of two threads differ by nothing that counts, but never let it wrap. */
static void record(struct stages *s, enum stage stage, uint64_t from_ns, uint64_t to_ns)
{
    if (from_ns)
        histogram_record(&s->histograms[stage], to_ns > from_ns ? to_ns - from_ns : 0);
}

/* Made when there is something of it: of pages that nothing fell into the kernel makes none. */
static struct histogram *of_session(struct stages *s, uint32_t session, enum stage stage)
{
    if (session >= SESSIONS_MAX)
        return NULL;
    struct histogram **h = &s->of_session[session][stage];
    if (!*h && (*h = calloc(1, sizeof **h)) != NULL)
        histogram_reset(*h);
    return *h;
}

/* For the house, and for the session that it was sent to or came from. */
static void record_of(struct stages *s, uint32_t session, enum stage stage, uint64_t from_ns, uint64_t to_ns)
{
    record(s, stage, from_ns, to_ns);
    struct histogram *h = from_ns ? of_session(s, session, stage) : NULL;
    if (h)
        histogram_record(h, to_ns > from_ns ? to_ns - from_ns : 0);
}

static void released(struct stages *s, const struct gateway_released *ev)
{
    if (ev->count > 1)
        record(s, STAGE_RELEASE_SPREAD, ev->first_ns, ev->last_ns);
}

static void sent(struct stages *s, const struct batch *b, const struct gateway_out *ev)
{
    if (ev->admin || ev->resend_of)
        return;
    record_of(s, ev->head.session, STAGE_DECISION_TO_OUT, b->cause_time_ns, ev->head.time_ns);
    record_of(s, ev->head.session, STAGE_IN_TO_OUT, b->origin_time_ns, ev->head.time_ns);
}

void stages_measure(struct stages *s, const struct batch *b, const struct distribution_state *distribution,
                    const struct routing_state *routing)
{
    if (b->cause_agent >= AGENT_GATEWAY && b->agent < AGENT_CONTROL)
        record(s, STAGE_IN_TO_DECISION, b->origin_time_ns, b->time_ns);
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
        const void *ev = r;
        switch (r->type) {
        case RECORD_GATEWAY_RELEASED:
            released(s, ev);
            break;
        case RECORD_GATEWAY_OUT:
            sent(s, b, ev);
            break;
        case RECORD_QUOTE_ADDED: {
            const struct quote_added *quote = ev;
            const struct delivery *d = distribution_delivery(distribution, quote->delivery);
            if (d && b->origin_time_ns)
                record_of(s, d->session, STAGE_RFQ_TO_QUOTE, d->released_ns, b->origin_time_ns);
            break;
        }
        case RECORD_ORDER_FILLED: {
            const struct order_filled *fill = ev;
            const struct order *o = routing_order(routing, fill->order);
            if (o && b->origin_time_ns)
                record_of(s, o->lp_session, STAGE_ORDER_TO_FILL, o->released_ns, b->origin_time_ns);
            break;
        }
        default:
            break;
        }
    }
}

#include "control/metrics/tally.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const statuses[DISTRIBUTION_STATUSES] = {"success", "partial", "unsettled", "failed",
                                                            "no_eligible"};

/* Create
 * --------------------------------------------------------------------------------------------------- */

static counter_value *named(struct counters *c, const char *name, const char *key, const char *value)
{
    char label[COUNTER_LABEL_SIZE] = "";
    if (key)
        snprintf(label, sizeof label, "%s=\"%s\"", key, value);
    return counter_new(c, COUNTER_TOTAL, name, label);
}

static void name_reasons(struct tally *t, struct counters *c)
{
    static const struct {
        uint8_t number;
        const char *text;
    } reasons[] = {
#define X(value, number, text) {number, text},
        REASON_LIST(X)
#undef X
    };
    for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        unsigned n = reasons[i].number;
        if (n >= REASON_LP_TENANT && n <= REASON_LP_ENOUGH)
            t->skips[n] = named(c, "rfqd_assignments_skipped_total", "reason", reasons[i].text);
        if (n >= REASON_UNKNOWN_RFQ && n <= REASON_BUSY)
            t->refusals[n] = named(c, "rfqd_quotes_refused_total", "reason", reasons[i].text);
    }
}

static void name_states(struct tally *t, struct counters *c)
{
    for (unsigned i = RFQ_DRAFT; i <= RFQ_ARCHIVED; i++)
        t->transitions[i] = named(c, "rfqd_rfq_transitions_total", "to", rfq_state_name(i));
    for (unsigned i = 0; i < DISTRIBUTION_STATUSES; i++)
        t->distributions[i] = named(c, "rfqd_distributions_total", "status", statuses[i]);
    for (unsigned i = QUOTE_IS_REPLACED; i <= QUOTE_ARCHIVED; i++)
        t->quotes_ended[i] = named(c, "rfqd_quotes_ended_total", "status", quote_status_name(i));
    static const uint8_t ends[] = {ORDER_IS_FILLED, ORDER_CANCELLED, ORDER_REJECTED};
    for (unsigned i = 0; i < sizeof ends; i++)
        t->orders_ended[ends[i]] = named(c, "rfqd_orders_ended_total", "state", order_status_name(ends[i]));
}

/* What was answered before this process has been counted by another. */
static void take_answered(struct tally *t)
{
    const struct table *deliveries = t->distribution->deliveries;
    for (uint32_t i = 0; i < table_slots(deliveries); i++) {
        const struct delivery *d = table_at(deliveries, i);
        if (d && (d->answer != ANSWER_NONE || d->state == DELIVERY_REJECTED))
            t->answered[i] = d->id;
    }
}

enum err tally_create(struct tally **out, const struct node *node, struct counters *counters)
{
    struct tally *t = *out = calloc(1, sizeof *t);
    if (!t)
        return ERR_MEMORY;
    t->distribution = replica_config(node_replica(node))->distribution;
    t->answered = calloc(table_capacity(t->distribution->deliveries), sizeof *t->answered);
    if (!t->answered) {
        tally_destroy(t);
        *out = NULL;
        return ERR_MEMORY;
    }
    take_answered(t);
    histogram_reset(&t->durations);
    for (unsigned i = 0; i <= UINT8_MAX; i++)
        t->transitions[i] = t->skips[i] = t->refusals[i] = t->quotes_ended[i] = t->orders_ended[i] =
            &t->uncounted;
    name_reasons(t, counters);
    name_states(t, counters);
    t->rfqs = named(counters, "rfqd_rfqs_total", NULL, NULL);
    t->assignments = named(counters, "rfqd_assignments_total", NULL, NULL);
    t->attempts = named(counters, "rfqd_delivery_attempts_total", NULL, NULL);
    t->quotes = named(counters, "rfqd_quotes_total", NULL, NULL);
    t->rankings = named(counters, "rfqd_rankings_total", NULL, NULL);
    t->awards = named(counters, "rfqd_awards_total", NULL, NULL);
    t->orders = named(counters, "rfqd_orders_total", NULL, NULL);
    t->orders_released = named(counters, "rfqd_orders_released_total", NULL, NULL);
    t->cancels = named(counters, "rfqd_order_cancels_total", NULL, NULL);
    t->fills = named(counters, "rfqd_fills_total", NULL, NULL);
    return OK;
}

void tally_destroy(struct tally *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i <= LPS_MAX; i++)
        free(t->responses[i]);
    free(t->answered);
    free(t);
}

/* Distributions
 * -------------------------------------------------------------------------------------------- */

static void settled(struct tally *t, const struct rfq_shown *ev)
{
    const struct rfq *rfq = distribution_rfq(t->distribution, ev->rfq);
    if (!ev->all_settled || !rfq || (rfq->ended_ns && rfq->ended_ns < ev->head.time_ns))
        return; /* where it had ended before, its end has been counted */
    counter_add(
        t->distributions[ev->lp_count == rfq->deliveries ? DISTRIBUTION_SUCCESS : DISTRIBUTION_PARTIAL], 1);
    histogram_record(&t->durations, ev->head.time_ns - rfq->released_ns);
}

static bool is_end(unsigned state)
{
    return state == RFQ_COMPLETED || state == RFQ_CANCELLED || state == RFQ_REJECTED || state == RFQ_EXPIRED;
}

static void moved(struct tally *t, const struct rfq_transition *ev)
{
    counter_add(t->transitions[ev->to], 1);
    const struct rfq *rfq = distribution_rfq(t->distribution, ev->rfq);
    if (!rfq || rfq->distributed || !is_end(ev->to))
        return;
    if (ev->reason == REASON_NO_ELIGIBLE_LP)
        counter_add(t->distributions[DISTRIBUTION_NO_ELIGIBLE], 1);
    else if (ev->reason == REASON_ALL_DELIVERIES_FAILED)
        counter_add(t->distributions[DISTRIBUTION_FAILED], 1);
    else if (rfq->deliveries)
        counter_add(t->distributions[DISTRIBUTION_UNSETTLED], 1);
}

static void released(struct tally *t, const struct delivery_released *ev)
{
    counter_add(t->attempts, 1);
    if (ev->attempt == 1)
        counter_add(t->assignments, 1);
}

/* The first answer to a delivery; what the LP says later, of a quote withdrawn or beside one, is no response
 * to the request. LPs are few and come with the configuration: memory is taken when one answers for the first
 * time. */
static void responded(struct tally *t, const struct batch *b, uint64_t delivery)
{
    const struct delivery *d = distribution_delivery(t->distribution, delivery);
    if (!d || d->lp > LPS_MAX || !b->origin_time_ns || b->origin_time_ns < d->released_ns)
        return;
    uint64_t *answered = &t->answered[table_slot(t->distribution->deliveries, d)];
    if (*answered == d->id)
        return;
    *answered = d->id;
    struct histogram **h = &t->responses[d->lp];
    if (!*h) {
        *h = malloc(sizeof **h);
        if (!*h)
            return;
        histogram_reset(*h);
    }
    histogram_record(*h, b->origin_time_ns - d->released_ns);
}

/* Everything
 * ----------------------------------------------------------------------------------------------- */

static void order_moved(struct tally *t, unsigned state)
{
    counter_add(t->orders_ended[state & UINT8_MAX], 1);
}

static void count_distribution(struct tally *t, const struct batch *b, const struct record *r)
{
    const void *ev = r;
    switch (r->type) {
    case RECORD_RFQ_CREATED:
        counter_add(t->rfqs, 1);
        break;
    case RECORD_RFQ_TRANSITION:
        moved(t, ev);
        break;
    case RECORD_RFQ_SHOWN:
        settled(t, ev);
        break;
    case RECORD_RFQ_SKIPPED_LP:
        counter_add(t->skips[((const struct rfq_skipped_lp *)ev)->reason & UINT8_MAX], 1);
        break;
    case RECORD_RFQ_AWARDED:
        counter_add(t->awards, 1);
        break;
    case RECORD_DELIVERY_RELEASED:
        released(t, ev);
        break;
    case RECORD_DELIVERY_STATE: {
        const struct delivery_state *d = ev;
        if (d->answer == ANSWER_DECLINED || d->state == DELIVERY_REJECTED)
            responded(t, b, d->delivery);
        break;
    }
    case RECORD_QUOTE_ADDED: {
        const struct quote_added *q = ev;
        counter_add(t->quotes, 1);
        responded(t, b, q->delivery);
        break;
    }
    case RECORD_QUOTE_REFUSED:
        counter_add(t->refusals[((const struct quote_refused *)ev)->reason & UINT8_MAX], 1);
        break;
    case RECORD_QUOTE_ENDED:
        counter_add(t->quotes_ended[((const struct quote_ended *)ev)->status & UINT8_MAX], 1);
        break;
    case RECORD_QUOTES_RANKED:
        counter_add(t->rankings, 1);
        break;
    default:
        break;
    }
}

static void count_routing(struct tally *t, const struct record *r)
{
    const void *ev = r;
    switch (r->type) {
    case RECORD_ORDER_CREATED:
        counter_add(t->orders, 1);
        break;
    case RECORD_ORDER_RELEASED:
        counter_add(t->orders_released, 1);
        break;
    case RECORD_ORDER_CANCEL_ASKED:
        counter_add(t->cancels, ((const struct order_cancel_asked *)ev)->attempt > 0);
        break;
    case RECORD_ORDER_STATE:
        order_moved(t, ((const struct order_state *)ev)->state);
        break;
    case RECORD_ORDER_FILLED:
        counter_add(t->fills, 1);
        order_moved(t, ((const struct order_filled *)ev)->state);
        break;
    default:
        break;
    }
}

void tally_batch(struct tally *t, const struct batch *b)
{
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r))
        if (b->agent == AGENT_DISTRIBUTION)
            count_distribution(t, b, r);
        else if (b->agent == AGENT_ROUTING)
            count_routing(t, r);
}

/* Tally: what the record says, counted: requests, distributions, assignments, quotes, awards, orders, fills,
 * from the start of the process on; and how long an LP takes for its first answer. Owner: the control core,
 * which gives it each batch that the replica has applied (replica_watch). What the state itself keeps
 * (statistics of LPs, RFQs by state) is not counted again: families.c reads it there.
 *
 * Counters: rfqd_rfqs_total, rfqd_rfq_transitions_total{to}, rfqd_distributions_total{status},
 * rfqd_assignments_total, rfqd_delivery_attempts_total, rfqd_assignments_skipped_total{reason},
 * rfqd_quotes_total, rfqd_quotes_refused_total{reason}, rfqd_quotes_ended_total{status}, rfqd_rankings_total,
 * rfqd_awards_total, rfqd_orders_total, rfqd_orders_released_total, rfqd_order_cancels_total,
 * rfqd_orders_ended_total{state}, rfqd_fills_total.
 */
#ifndef RFQD_CONTROL_TALLY_H
#define RFQD_CONTROL_TALLY_H

#include "control/node.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/histogram.h"

/* How a distribution came out (spec/20):
 *   success     every delivery was acknowledged       failed      none was
 *   partial     some were                             no_eligible there was nobody to ask
 *   unsettled   the RFQ came to its end before all deliveries were settled */
enum distribution_status {
    DISTRIBUTION_SUCCESS,
    DISTRIBUTION_PARTIAL,
    DISTRIBUTION_UNSETTLED,
    DISTRIBUTION_FAILED,
    DISTRIBUTION_NO_ELIGIBLE,
    DISTRIBUTION_STATUSES
};

struct tally {
    const struct distribution_state *distribution; /* the replica's */
    counter_value *rfqs, *assignments, *attempts, *quotes, *rankings, *awards, *orders, *orders_released,
        *cancels, *fills;
    counter_value *transitions[UINT8_MAX + 1], *distributions[DISTRIBUTION_STATUSES];
    counter_value *skips[UINT8_MAX + 1], *refusals[UINT8_MAX + 1]; /* by reason */
    counter_value *quotes_ended[UINT8_MAX + 1], *orders_ended[UINT8_MAX + 1];
    counter_value uncounted;                  /* for values that are none */
    struct histogram durations;               /* released → all settled */
    struct histogram *responses[LPS_MAX + 1]; /* by the LP's id: released → first answer; NULL: none yet */
    uint64_t *answered; /* by the delivery's slot: its id, once its first answer is counted */
};

/* Before cores run. ERR_MEMORY. */
enum err tally_create(struct tally **out, const struct node *node, struct counters *counters) WARN_UNUSED;
void tally_destroy(struct tally *t); /* NULL is allowed */
void tally_batch(struct tally *t, const struct batch *b);

#endif

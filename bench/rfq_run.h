/* RFQs through a whole rfqd, to their end. One thread is the taker and all LPs, on plain loopback sockets,
 * and never waits: it looks at each socket in turn. RFQs have planned times. All LPs get each; then one LP
 * after the other quotes, the taker takes the quote of one, the LP gets the order and fills it, the taker
 * gets the execution: so that no message is measured behind another of the same RFQ. Every RFQ has a quantity
 * of its own, by which everybody knows it.
 *
 * Stamps are the peer's: before send(2), after recv(2). With from_send they are: before send(2), though it
 * may be later than planned, and when the kernel had the packet for the receiver, which is still the sender's
 * doing: then it does not count how long the measuring thread itself had to wait for a CPU.
 */
#ifndef RFQD_BENCH_RFQ_RUN_H
#define RFQD_BENCH_RFQ_RUN_H

#include "bench/rfq_bare.h"
#include "bench/rfq_house.h"
#include "bench/rfq_party.h"
#include "dataplane/core/histogram.h"

struct rfq_run {
    unsigned lps, rate;
    bool from_send; /* set before rfq_run_logon */
    struct house house;
    struct party taker, party[HOUSE_LPS_MAX];
    struct rfq_sizes sizes[STEPS];
    struct rfq_life *lives;
    uint64_t made, over, recorded; /* RFQs so far */
    uint64_t lost;                 /* LPs that were told that they have */
    uint64_t rfqs;                 /* the next number */
    struct histogram measured[FIGURES];
};

void rfq_run_init(struct rfq_run *r, unsigned lps, unsigned rate);
/* To r->house, which is started. */
bool rfq_run_logon(struct rfq_run *r);
/* So many RFQs, to the end of the last one; the first `warm` are not recorded. false: something is wrong. */
bool rfq_run_block(struct rfq_run *r, unsigned count, unsigned warm);
/* Why, on stderr. */
void rfq_run_complain(const struct rfq_run *r);
/* As many of each figure as there should be. */
bool rfq_run_counts_right(const struct rfq_run *r, const struct histogram figures[FIGURES]);
void rfq_run_close(struct rfq_run *r);

#endif

/* The bare reference of `rfqbench rfq`: the same conversation, message for message and byte for byte in
 * number, through a thread that only forwards: it spins on the one socket that is next and sends on what it
 * got, a request to each LP by one send(2) after the other. It has the CPU of rfqd's gateway, the measuring
 * thread and its way of looking at all its sockets in turn are the same.
 */
#ifndef RFQD_BENCH_RFQ_BARE_H
#define RFQD_BENCH_RFQ_BARE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/rfq_house.h"
#include "dataplane/core/histogram.h"

/* The messages that are forwarded. */
enum rfq_step {
    STEP_REQUEST,
    STEP_QUOTE,
    STEP_ORDER,
    STEP_EXECUTION,
    STEP_LOST, /* to all other LPs, behind it: nobody waits for it, but it has to be received and acknowledged
                */
    STEPS
};

/* What is measured: from the planned time, or, where one message answers another, from its sending. */
enum rfq_figure {
    FIGURE_REQUEST,   /* RFQ planned → the first LP has it */
    FIGURE_RELEASE,   /* the first LP has it → the last one has it */
    FIGURE_QUOTE,     /* an LP's quote → the taker has it */
    FIGURE_ORDER,     /* acceptance → the LP has the order */
    FIGURE_EXECUTION, /* execution → the taker has it */
    FIGURES
};

struct rfq_sizes {
    size_t in, out;
};

struct bare {
    unsigned lps;
    struct rfq_sizes sizes[STEPS];
    int near[HOUSE_LPS_MAX + 1],
        far[HOUSE_LPS_MAX + 1];    /* the taker, then the LPs; far: the forwarder's ends */
    size_t due[HOUSE_LPS_MAX + 1]; /* bytes on their way that nobody waits for */
    unsigned rounds;               /* of one block */
    sem_t go;
    bool stop, failed;
    pthread_t thread;
};

bool bare_open(struct bare *b, unsigned lps);
/* One block of conversations, so many a second; the first `warm` of them are not recorded. */
bool bare_block(struct bare *b, unsigned rounds, unsigned warm, unsigned rate,
                struct histogram figures[FIGURES]);
void bare_close(struct bare *b);

#endif

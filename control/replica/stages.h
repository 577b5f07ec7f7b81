/* Stages: how long each step of a message took, from the stamps in the records. Owner: the replica. */
#ifndef RFQD_CONTROL_REPLICA_STAGES_H
#define RFQD_CONTROL_REPLICA_STAGES_H

#include "control/replica/replica.h"

/* Releases under way, by the RFQ's hash: what is displaced by another is not measured. */
#define RELEASES_MAX 4096u

struct release {
    uint64_t rfq, first_ns, last_ns;
    uint32_t expected, seen;
};

struct stages {
    struct histogram histograms[STAGES];
    struct release releases[RELEASES_MAX];
};

void stages_reset(struct stages *s);
/* After the batch was applied. */
void stages_measure(struct stages *s, const struct batch *b, const struct distribution_state *distribution,
                    const struct routing_state *routing);

#endif

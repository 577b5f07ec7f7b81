/* Stages: how long each step of a message took, from the stamps in the records. Owner: the replica. */
#ifndef RFQD_CONTROL_REPLICA_STAGES_H
#define RFQD_CONTROL_REPLICA_STAGES_H

#include "control/replica/replica.h"

struct stages {
    struct histogram histograms[STAGES];
    struct histogram *of_session[SESSIONS_MAX][STAGES]; /* by number; NULL: nothing of it yet */
};

/* All zeroes before it is reset for the first time. */
void stages_reset(struct stages *s);
void stages_free(struct stages *s);
/* After the batch was applied. */
void stages_measure(struct stages *s, const struct batch *b, const struct distribution_state *distribution,
                    const struct routing_state *routing);

#endif

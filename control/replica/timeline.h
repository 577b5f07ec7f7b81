/* The timeline of one RFQ, read beside the replica (replica_timeline_begin). */
#ifndef RFQD_CONTROL_REPLICA_TIMELINE_H
#define RFQD_CONTROL_REPLICA_TIMELINE_H

#include "control/replica/checkpoint.h"
#include "control/replica/replica.h"

/* end_seq: of the first record that is not shown. */
enum err timeline_begin(struct replica_timeline **out, struct store *store, struct checkpoint *checkpoint,
                        uint64_t rfq, uint64_t end_seq) WARN_UNUSED;

#endif

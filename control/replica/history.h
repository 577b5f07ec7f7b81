/* The timeline of one RFQ, with what is not committed yet (replica_history). */
#ifndef RFQD_CONTROL_REPLICA_HISTORY_H
#define RFQD_CONTROL_REPLICA_HISTORY_H

#include "control/replica/replica.h"

enum err history_of(struct replica *r, uint64_t rfq, uint64_t from_seq,
                    bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row),
                    void *ctx) WARN_UNUSED;
/* ERR_VERSION: a record that only a newer program knows; store_error names it. */
enum err history_check(uint64_t seq, const struct history_row *row) WARN_UNUSED;

#endif

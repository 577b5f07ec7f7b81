/* The timeline of one RFQ, with what is not committed yet (replica_history). */
#ifndef RFQD_CONTROL_REPLICA_HISTORY_H
#define RFQD_CONTROL_REPLICA_HISTORY_H

#include "control/replica/checkpoint.h"
#include "storage/tables.h"

/* table: number of `history` in the checkpoint. */
enum err history_of(struct store *store, struct checkpoint *checkpoint, uint8_t table, uint64_t rfq,
                    bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row),
                    void *ctx) WARN_UNUSED;

#endif

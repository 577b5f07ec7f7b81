/* Rows of the store with those that are on their way there: what has changed since the last commit lies in
 * two buffers, the one being committed and the one being filled (replica_scan, replica_history).
 */
#ifndef RFQD_CONTROL_REPLICA_SCAN_H
#define RFQD_CONTROL_REPLICA_SCAN_H

#include "control/replica/checkpoint.h"
#include "control/replica/replica.h"

enum err scan_with_ahead(struct store *store, struct checkpoint *checkpoint,
                         const struct replica_range *range, replica_row *visit, void *ctx) WARN_UNUSED;

#endif

/* Purge: forget RFQs that left memory longer ago than the retention: their timeline, and what of them has
 * ended. Oldest first, so that all that is left has a row in the table purge, none older than its first.
 * Called between begin and commit, on the thread that commits; reads the last commit.
 */
#ifndef RFQD_CONTROL_REPLICA_PURGE_H
#define RFQD_CONTROL_REPLICA_PURGE_H

#include "storage/store.h"

/* At most PURGE_RFQS_MAX rows are looked at. An RFQ that is still in memory is left alone: an order of it
 * was gone before. forgotten: so many RFQs. Errors: as put. */
enum err purge_expired(struct store *store, uint64_t before_ns, uint64_t *forgotten) WARN_UNUSED;

#endif

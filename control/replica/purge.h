/* Purge: forget RFQs that left memory longer ago than the retention: their timeline, and what of them has
 * ended. Called between begin and commit, on the thread that commits; reads the last commit.
 */
#ifndef RFQD_CONTROL_REPLICA_PURGE_H
#define RFQD_CONTROL_REPLICA_PURGE_H

#include "storage/store.h"

/* At most PURGE_RFQS_MAX of them, oldest first. Errors: as put. */
enum err purge_expired(struct store *store, uint64_t before_ns) WARN_UNUSED;

#endif

/* Checkpoint: two buffers of changes. One is filled by the replica; the other waits until the log is durable
 * that far, is committed by the storage thread (or in poll, in simulation), and is empty again.
 *
 *   filling ──cut──▶ waiting ──log durable──▶ committing ──OK──▶ empty
 *                       ▲                          │
 *                       └───── ERR_FULL: later ────┴──other errors──▶ failed, for good
 *
 * Owner: the control core; the storage thread sees the committed buffer and nothing else.
 */
#ifndef RFQD_CONTROL_REPLICA_CHECKPOINT_H
#define RFQD_CONTROL_REPLICA_CHECKPOINT_H

#include "control/replica/changes.h"
#include "dataplane/core/histogram.h"
#include "storage/log/log.h"

struct checkpoint;

struct checkpoint_config {
    struct store *store;
    struct log *log;
    uint64_t retention_ns;
    bool own_thread;
};

/* ERR_MEMORY, ERR_IO (thread). */
enum err checkpoint_create(struct checkpoint **out, const struct checkpoint_config *c) WARN_UNUSED;
void checkpoint_destroy(struct checkpoint *c);

/* The number of a table's name; name: kept by the caller. The same name, the same number. */
uint8_t checkpoint_table(struct checkpoint *c, const char *name);
struct changes *checkpoint_filling(struct checkpoint *c);
/* The one cut last, while it is not committed; else NULL. */
const struct changes *checkpoint_cut_changes(const struct checkpoint *c);
bool checkpoint_can_cut(const struct checkpoint *c);
/* The filled buffer, with its marks, is to be committed. */
void checkpoint_cut(struct checkpoint *c, const struct store_marks *m);
/* Move on; returns work done. */
unsigned checkpoint_poll(struct checkpoint *c, uint64_t now_ns);
/* Commit the one cut last, now, and wait. ERR_STATE: the log is not durable so far. */
enum err checkpoint_wait(struct checkpoint *c, uint64_t now_ns) WARN_UNUSED;

/* Where the store is: the offset given at start, then that of the last commit. */
void checkpoint_set_offset(struct checkpoint *c, const struct store_marks *m);
uint64_t checkpoint_offset(const struct checkpoint *c);
/* Any thread: while held, the log is not told that it may recycle more. Counted. */
void checkpoint_hold_log(struct checkpoint *c, bool held);
const char *checkpoint_error(const struct checkpoint *c); /* NULL: all is well */
uint64_t checkpoint_bytes(const struct checkpoint *c); /* of rows committed */
uint64_t checkpoint_commits(const struct checkpoint *c);
uint64_t checkpoint_forgotten(const struct checkpoint *c); /* RFQs, by retention */
uint64_t checkpoint_failures(const struct checkpoint *c);
const struct histogram *checkpoint_times(const struct checkpoint *c);

#endif

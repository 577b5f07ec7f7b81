/* Replica: the log applied by the same apply, in the control core. Serves reads, snapshots and checks; hands what changed to
 * the storage thread; measures the stages of every message from the stamps that the record carries.
 * Owner: the control core. It reads the log at its own position and slows nobody.
 *
 * Checkpoint: every checkpoint_interval_ns or checkpoint_events, the entities changed since the last are copied with the marks into
 * a buffer (two of them); the storage thread commits it once the log is durable to that offset, never before, and
 * the log is told what it may recycle. Beside entities it writes rows: `history` (key: rfq, seq → frame header times and
 * the record) of every record about an RFQ, for timelines and dumps; `sent` (session, generation, seq → GATEWAY_OUT) for resends.
 */
#ifndef RFQD_CONTROL_REPLICA_H
#define RFQD_CONTROL_REPLICA_H

#include "dataplane/core/histogram.h"
#include "dataplane/model/distribution.h"
#include "dataplane/model/gateway.h"
#include "dataplane/model/routing.h"
#include "storage/log/log.h"
#include "storage/store.h"

struct replica_config {
    struct log *log;
    struct store *store;
    struct distribution_state *distribution; /* recovered: equal to the engine's at start */
    struct routing_state *routing;
    struct gateway_state *gateways[GATEWAYS_MAX];
    unsigned gateway_count;
    uint64_t log_offset, next_seq; /* where recovery ended */
    uint64_t checkpoint_interval_ns; /* 50 ms */
    uint64_t checkpoint_events;      /* 10,000 */
    bool own_thread;                 /* false: commits run inside poll (simulation) */
    struct counters *counters;
};

/* Stages measured from stamps, one histogram each. */
#define STAGE_LIST(X)                                                                                        \
    X(STAGE_IN_TO_DECISION, "frame received → decision")                                                     \
    X(STAGE_DECISION_TO_OUT, "decision → message encoded")                                                   \
    X(STAGE_IN_TO_OUT, "frame received → message encoded")                                                   \
    X(STAGE_RELEASE_SPREAD, "first → last LP of a release")                                                  \
    X(STAGE_RFQ_TO_QUOTE, "RFQ released → quote received")                                                   \
    X(STAGE_ORDER_TO_FILL, "order released → fill")
enum stage {
#define X(name, text) name,
    STAGE_LIST(X)
#undef X
    STAGES
};

struct replica;

enum err replica_create(struct replica **out, const struct replica_config *c) WARN_UNUSED;
void replica_destroy(struct replica *r); /* abandons what was not committed */
struct agent replica_agent(struct replica *r);
/* Applied up to. */
uint64_t replica_seq(const struct replica *r);
uint64_t replica_offset(const struct replica *r);
/* A digest record of an engine differed from the replica's: NULL, or what and where. The replica stops applying then. */
const char *replica_divergence(const struct replica *r);
const struct histogram *replica_stage(const struct replica *r, enum stage s);
const char *stage_text(enum stage s);
/* Commit what is there and wait for it (clean stop). The log has been flushed. */
enum err replica_checkpoint_now(struct replica *r) WARN_UNUSED;
uint64_t replica_checkpoint_offset(const struct replica *r);
const struct replica_config *replica_config(const struct replica *r);

#endif

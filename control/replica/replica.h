/* Replica: the log applied by the same apply, in the control core. Serves reads, snapshots and checks; hands
 * what changed to the storage thread; measures the stages of every message from the stamps that the records
 * carry. Owner: the control core. It reads the log at its own position and slows nobody.
 *
 * Start: the states are empty (just created, with tracking). replica_create loads the store's last commit
 * into them and applies the log from there to `log_offset`, so that everything after the commit gets its
 * rows, whoever was killed when.
 *
 * Checkpoint: every checkpoint_interval_ns or checkpoint_events, the entities changed since the last are
 * copied with the marks into a buffer (two of them); the storage thread commits it once the log is durable to
 * that offset, never before, and the log is told what it may recycle. Beside entities it writes rows
 * (storage/tables.h): `history` of every record about an RFQ and of the frame that caused it, `sent` for
 * resends, and entities that leave memory.
 *
 * Limits, and what happens there:
 *   the store is full      the commit is tried again every CHECKPOINT_RETRY_NS; replica_error meanwhile
 *   the store fails        no more commits; replica_error; the log is held from the last one on
 *   both buffers are full  (CHECKPOINT_SIZE_MAX) nothing is applied until one is free: the log is held
 *   a digest differs       nothing is applied or committed any more; replica_divergence
 * In the last two, and more than REPLICA_LAG_MAX behind the log, replica_standing says so: /readyz says no,
 * and what clients ask is refused (client.h), for its answer would not come.
 *
 * Counters: rfqd_replica_{events,commits,commit_errors,forgotten}_total, rfqd_store_committed_bytes_total,
 * rfqd_replica_{seq,lag_bytes,checkpoint_lag_bytes,pending_records}, rfqd_store_{used,map}_bytes.
 */
#ifndef RFQD_CONTROL_REPLICA_H
#define RFQD_CONTROL_REPLICA_H

#include "dataplane/core/agent.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/histogram.h"
#include "dataplane/model/distribution.h"
#include "dataplane/model/gateway.h"
#include "dataplane/model/routing.h"
#include "storage/log/log.h"
#include "storage/store.h"
#include "storage/tables.h"

#define CHECKPOINT_SIZE_MAX     (64u * 1024u * 1024u) /* of rows in a buffer; entities come on top at the cut */
#define CHECKPOINT_RETRY_NS     1000000000ull
#define REPLICA_LAG_MAX         (16u * 1024u * 1024u) /* of the log, not applied; more: REPLICA_BEHIND */
#define REPLICA_FRAMES_PER_POLL 256u
#define SENT_MESSAGES_MAX       100000u /* kept per session where the configuration says nothing */
#define REPLICA_WATCHERS_MAX    4u
#define PURGE_RFQS_MAX          256u /* forgotten with one commit */

struct replica_config {
    struct log *log;
    struct store *store;
    struct distribution_state *distribution; /* just created, with tracking */
    struct routing_state *routing;
    struct gateway_state *gateways[GATEWAYS_MAX];
    unsigned gateway_count;
    uint64_t log_offset, next_seq; /* where recovery ended: applied up to there when replica_create returns */
    uint64_t checkpoint_interval_ns; /* record.checkpoint_interval_ms */
    uint64_t checkpoint_events;      /* record.checkpoint_events */
    uint64_t retention_ns; /* an RFQ that left memory so long ago is forgotten with a commit; 0: never */
    uint32_t sent_max;     /* messages kept per session; 0: SENT_MESSAGES_MAX */
    bool durable_only; /* level `synced`: apply no further than the log is durable: whoever reads the state,
                          or follows what was applied, sees nothing that a power cut could take back */
    bool own_thread;   /* false: commits run inside poll (simulation) */
    struct counters *counters; /* NULL: private ones */
};

/* Stages measured from stamps, one histogram each. */
#define STAGE_LIST(X)                                                               \
    X(STAGE_IN_TO_DECISION, "in_to_decision", "frame received → decision")          \
    X(STAGE_DECISION_TO_OUT, "decision_to_out", "decision → message encoded")       \
    X(STAGE_IN_TO_OUT, "in_to_out", "frame received → message encoded")             \
    X(STAGE_RELEASE_SPREAD, "release_spread", "first → last LP of a release, sent") \
    X(STAGE_RFQ_TO_QUOTE, "rfq_to_quote", "RFQ released → quote received")          \
    X(STAGE_ORDER_TO_FILL, "order_to_fill", "order released → fill")
enum stage {
#define X(value, name, text) value,
    STAGE_LIST(X)
#undef X
        STAGES
};

struct replica;

/* Called after each batch that was applied: the state is that of its end. first_seq: the number of its first
 * record; end: the log offset behind it. For who follows the events with the state beside them. */
typedef void (*replica_watcher)(void *ctx, const struct batch *b, uint64_t first_seq, uint64_t end);

/* ERR_STATE: a state is not empty, or not tracked. ERR_MEMORY. As recovery_load, and the log's reader; where
 * the log has another digest than the states: ERR_CORRUPT. *out is NULL; replica_create_error() has the
 * sentence (this thread's). */
enum err replica_create(struct replica **out, const struct replica_config *c) WARN_UNUSED;
const char *replica_create_error(void);
void replica_destroy(
    struct replica *r); /* abandons what was not committed; a commit under way is waited for */
struct agent replica_agent(struct replica *r);

/* One watcher more (REPLICA_WATCHERS_MAX), before polling starts: it sees everything from there on, in the
 * order in which they were set. */
void replica_watch(struct replica *r, replica_watcher watcher, void *ctx);

/* Applied: number of the next record, and the log offset. */
uint64_t replica_seq(const struct replica *r);
uint64_t replica_offset(const struct replica *r);
/* A digest record of an engine differed from the replica's, or the log could not be applied: NULL, or what
 * and where. The replica stops applying then. */
const char *replica_divergence(const struct replica *r);
/* Why the store is behind: NULL, or the sentence of the last failed commit. */
const char *replica_error(const struct replica *r);
/* Bytes of the log, as far as it was taken from the rings, that are not applied. */
uint64_t replica_lag(const struct replica *r);
/* Whether what is decided now will be applied in time for who waits for it. */
enum replica_standing {
    REPLICA_FOLLOWS,
    REPLICA_DIFFERS, /* replica_divergence: never again */
    REPLICA_FULL,    /* nothing is applied until the store has taken what is there: replica_error */
    REPLICA_BEHIND,  /* by more than REPLICA_LAG_MAX */
};
enum replica_standing replica_standing(const struct replica *r);

const struct histogram *replica_stage(const struct replica *r, enum stage s);
/* The same of what one session was sent, or its LP did. NULL: there was nothing of it. */
const struct histogram *replica_session_stage(const struct replica *r, uint32_t session, enum stage s);
const char *stage_text(enum stage s); /* for people */
const char *stage_name(enum stage s); /* for machines */
void replica_stages_reset(struct replica *r);
const struct histogram *replica_commit_times(const struct replica *r);

/* Rows of one of the tables that the replica writes (storage/tables.h), those in the store and those on the
 * way there alike, in order of key. visit returns false to stop; key and value (aligned to 1) hold until
 * then. On the replica's thread. */
struct replica_range {
    const char *table; /* a literal: its name is kept */
    const void *key;   /* up: from this key on; down: below it; NULL: all */
    size_t key_size;
    size_t prefix_size; /* only rows that begin with so much of key */
    bool down;          /* last first; without a prefix */
};
typedef bool replica_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size);
enum err replica_scan(struct replica *r, const struct replica_range *range, replica_row *visit,
                      void *ctx) WARN_UNUSED;

/* Every row about an RFQ from a seq on, by seq: those in the store, and those on the way there. `row` is
 * followed by the record, 8-byte aligned; it holds until visit returns. visit returns false to stop. On the
 * replica's thread. ERR_VERSION: a row that only a newer program knows (store_error).
 */
enum err replica_history(struct replica *r, uint64_t rfq, uint64_t from_seq,
                         bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row),
                         void *ctx) WARN_UNUSED;
static inline const struct record *history_record(const struct history_row *row)
{
    return (const struct record *)(row + 1);
}

/* The same for who must not keep the replica waiting, because a page of the store may have to come from a
 * disk that hangs. Shown is what was applied when it began; what has left the store by its reading is not.
 *
 *   on the replica's thread   replica_timeline_begin → replica_timeline_copy, again until it is true: what is
 *                             on its way to the store is copied, a bounded part of it a call
 *   then on any thread        replica_timeline_read, once: visit may wait, and pins no page of the store
 *   on either                 replica_timeline_end; NULL is allowed
 *
 * ERR_MEMORY, also for what could not be copied. As store_ops.scan. */
struct replica_timeline;
enum err replica_timeline_begin(struct replica_timeline **out, struct replica *r, uint64_t rfq) WARN_UNUSED;
bool replica_timeline_copy(struct replica_timeline *t);
enum err replica_timeline_read(struct replica_timeline *t,
                               bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row),
                               void *ctx) WARN_UNUSED;
void replica_timeline_end(struct replica_timeline *t);

/* Commit what is there and wait for it (clean stop, backup). The log has been flushed. ERR_STATE: the log is
 * not durable so far, or the replica has stopped. As store_ops.commit. */
enum err replica_checkpoint_now(struct replica *r) WARN_UNUSED;
/* The next poll cuts a checkpoint, however young the last one is; replica_checkpoint_offset says when it is
 * committed. On the replica's thread. */
void replica_checkpoint_soon(struct replica *r);
/* Log offset of the last commit. */
uint64_t replica_checkpoint_offset(const struct replica *r);
/* Any thread, counted: while held, nothing of the log that the store's last commit needs is recycled
 * (backup.h). */
void replica_hold_log(struct replica *r, bool held);
const struct replica_config *replica_config(const struct replica *r);

#endif

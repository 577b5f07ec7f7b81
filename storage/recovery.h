/* Recovery: state from checkpoint, log and rings; then what was addressed and not consumed.
 *
 *   1. store: tables and marks at log offset P (or nothing)
 *   2. log: frames from P are applied
 *   3. rings that are of this instance and boot: batches past what the log holds are applied, in causal
 *      order; the rings stay as they are and the log agent goes on merging where the log ends. Otherwise
 *      (power cut): rings are made anew at the position the log holds: all else is lost, as level `committed`
 *      says.
 *   4. every record addressed to an agent, by a lane, past what that agent consumed of its writer and lane,
 *      in order
 *
 *   store | log                 | rings             | what it means          | result
 *   ------+---------------------+-------------------+------------------------+----------------------------
 *   empty | empty               | none              | first start            | OK, next_seq 1
 *   any   | reaches P           | all attached      | stop, killed process   | OK, all that was committed
 *   any   | reaches P           | some state's ring | power cut, or the      | OK, power_cut: what the log
 *         |                     | is missing        | shared memory was lost | holds; make all rings anew
 *   empty | begins after 0      | any               | store lost             | ERR_CORRUPT
 *   P     | ends before P       | any               | log lost               | ERR_CORRUPT
 *   P     | begins after what P | any               | recycled too far       | ERR_CORRUPT
 *         | redelivers from     |                   |                        |
 *   any   | any                 | before or beyond  | not of this log        | ERR_CORRUPT
 *         |                     | what the log has  |                        |
 *   newer | or newer            |                   | an older program       | ERR_VERSION
 *   tables larger than the states' capacities                                | ERR_LIMIT
 *
 * The states given are empty (just created); afterwards their digests are those of the moment of the last
 * commit. Owner: the thread that starts the process, before any agent is polled.
 */
#ifndef RFQD_STORAGE_RECOVERY_H
#define RFQD_STORAGE_RECOVERY_H

#include "dataplane/model/gateway.h"
#include "storage/log/log.h"
#include "storage/store.h"

struct recovery_input {
    struct store *store;
    struct log *log;
    struct state *states[AGENTS_MAX]; /* by agent; NULL: none */
    struct ring *rings[AGENTS_MAX];   /* attached (ring_open), or NULL where it must be made anew */
};

struct recovery_result {
    uint64_t merged[AGENTS_MAX];   /* ring position that the log holds */
    uint64_t position[AGENTS_MAX]; /* ring position applied: what a new ring starts at */
    uint64_t next_seq;
    uint64_t log_offset;      /* the log's end */
    uint64_t frames, batches; /* replayed from the log; from rings */
    bool power_cut;           /* a ring was missing though its agent had run before: make all of them anew */
    const char *error;        /* names what is wrong where an error is returned; of this thread's last call */
};

enum err recovery_run(const struct recovery_input *in, struct recovery_result *out) WARN_UNUSED;

/* Step 1 alone: the states at the last commit, and its marks (zero, next_seq 1, where the store is empty).
 * Lists of changes (table.h) are empty afterwards. error as above. */
enum err recovery_load(struct store *store, struct state *const states[AGENTS_MAX], struct store_marks *marks,
                       const char **error) WARN_UNUSED;
/* One batch of the log or a ring, through upcast, to its writer's state (NULL: only looked at). Nothing was
 * applied where an error is returned. ERR_VERSION, ERR_CORRUPT; a batch that does not follow the state is
 * ERR_CORRUPT. */
enum err recovery_apply(struct state *s, const struct batch *b, const char **error) WARN_UNUSED;

/* Every unconsumed addressed record, in order of each writer's ring. Collected when it is opened: after
 * recovery_run, and either before the log agent runs or when the log was flushed; what was written after
 * recovery is not in it. Records are of the newest layouts; ERR_VERSION, ERR_CORRUPT as recovery_apply. Put
 * each into its lane (back-pressure: peek again after the addressee has run). */
struct recovery_cursor;
enum err recovery_pending_open(struct recovery_cursor **out, const struct recovery_input *in,
                               const struct recovery_result *result) WARN_UNUSED;
/* The next record with its ring position and origin time; NULL at the end. Stays the same until
 * recovery_pending_next, and holds until recovery_pending_close. */
const struct record *recovery_pending_peek(struct recovery_cursor *c, uint8_t *writer, uint64_t *position,
                                           uint64_t *origin_time_ns);
void recovery_pending_next(struct recovery_cursor *c);
void recovery_pending_close(struct recovery_cursor *c);

/* Application messages sent in each session's present generation, oldest first, the newest ones that fit in
 * `per_session` bytes of records: for resends. When: as recovery_pending_open. */
enum err recovery_sent(const struct recovery_input *in, const struct recovery_result *result,
                       uint32_t per_session, void (*visit)(void *ctx, const struct gateway_out *sent),
                       void *ctx) WARN_UNUSED;

#endif

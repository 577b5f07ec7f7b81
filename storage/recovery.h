/* Recovery: state from checkpoint, log and rings; then what was addressed and not consumed.
 *
 *   1. store: tables and marks at log offset P (or nothing)
 *   2. log: frames from P are applied; frames from the redelivery offset are looked through for addressed records
 *   3. rings that are of this instance and boot: batches past what the log holds are applied, in causal order; the
 *      rings stay as they are and the log agent goes on merging where the log ends.
 *      Otherwise (power cut): rings are made anew at the position the log holds: all else is lost, as level `committed` says.
 *   4. every record addressed to an agent, by a lane, past what that agent consumed of its writer and lane, in order
 *
 * The states given are empty (just created); afterwards their digests are those of the moment of the last commit.
 */
#ifndef RFQD_STORAGE_RECOVERY_H
#define RFQD_STORAGE_RECOVERY_H

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
    uint64_t log_offset;           /* replica's start: the log's end */
    uint64_t frames, batches;      /* replayed from the log; from rings */
    bool power_cut;                /* some ring was missing though the instance had run before */
    const char *error;             /* names what is wrong where an error is returned */
};

enum err recovery_run(const struct recovery_input *in, struct recovery_result *out) WARN_UNUSED;

/* Every unconsumed addressed record, in order of each writer's ring. visit returns false to stop (back-pressure: call again
 * with the same cursor after the addressee has run). */
struct recovery_cursor;
enum err recovery_pending_open(struct recovery_cursor **out, const struct recovery_input *in,
                               const struct recovery_result *result) WARN_UNUSED;
/* The next record with its ring position and origin time; NULL at the end. Stays the same until recovery_pending_next. */
const struct record *recovery_pending_peek(struct recovery_cursor *c, uint8_t *writer, uint64_t *position,
                                           uint64_t *origin_time_ns);
void recovery_pending_next(struct recovery_cursor *c);
void recovery_pending_close(struct recovery_cursor *c);

/* Messages sent in each session's present generation, oldest first, at most `per_session` bytes each: for resends. */
enum err recovery_sent(const struct recovery_input *in, const struct recovery_result *result, uint32_t per_session,
                       void (*visit)(void *ctx, const struct gateway_out *sent), void *ctx) WARN_UNUSED;

#endif

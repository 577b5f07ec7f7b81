/* Emit: the step from a decision to its events. Owner: an engine agent, for the time of one decision.
 *
 * A decision is check (constant state, all refusals) and then emit: append an event and apply it at once; it cannot fail,
 * because the agent asked for room for the largest batch before it took the command. Step by step where one step's guard
 * needs the last one's result; one commit for all (agent.c).
 *
 *     struct rfq_retired *ev = emit_begin(e, RECORD_RFQ_RETIRED, sizeof *ev);
 *     ev->rfq = rfq->id;
 *     emit_end(e, ev);        // state is changed when this returns
 *
 * Deciding code sees the state as const and changes it through events only.
 */
#ifndef RFQD_ENGINE_EMIT_H
#define RFQD_ENGINE_EMIT_H

#include "dataplane/model/event.h"
#include "dataplane/model/record_type.h"
#include "dataplane/model/state.h"
#include "dataplane/ring/lane.h"
#include "dataplane/ring/ring.h"

struct emit {
    struct ring *ring;
    struct state *state;
    uint64_t now_ns;
    const char *scarce; /* NULL; or ring or lanes are at their mark, and this says so: a new order is refused with it */
    bool splits; /* at start: a full batch is ended and the next begun; a decision is never split */
};

/* One decision: begin, what it emits, end. For agent.c, and for tests of decisions alone. cause: the item decided; NULL: a
 * timer. Room was asked for. A decision that emitted nothing is ring_abandon()ed instead of ended. */
void emit_batch_begin(struct emit *e, const struct lane_item *cause);
void emit_batch_end(struct emit *e);

/* A zeroed record at its place in the ring: header filled (type, size, version, time; dest NONE, session NONE). */
void *emit_add(struct emit *e, uint16_t type, uint8_t version, uint32_t size);
/* The same in the version that the type has: inline, because types are constants where records are written. */
static inline void *emit_begin(struct emit *e, uint16_t type, uint32_t size)
{
    return emit_add(e, type, record_type_version(type), size);
}
/* Address it: who gets it by which lane. Sessions only for gateways (else SESSION_NONE). */
static inline void emit_to(void *record, uint8_t agent, uint8_t lane, uint32_t session)
{
    struct record *r = record;
    r->dest = agent;
    r->lane = lane;
    r->session = session;
}
void emit_end(struct emit *e, void *record);

#endif

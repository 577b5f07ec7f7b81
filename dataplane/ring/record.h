/* Records and batches: the form that everything durable has, in rings, in lanes and in the log.
 *
 * A *record* is one fact or one message: a header, then the body that its type names (dataplane/model).
 * A *batch* is one decision: a header of one cache line, then 1..BATCH_RECORDS_MAX records. A batch is
 * committed, merged, logged, applied and lost as a whole.
 *
 * Positions. Every ring has a 64-bit position: bytes written to it since the instance was made. It never goes
 * back, not across restarts, not when the ring's file is made anew. `batch.position` is where the batch's
 * header lies. The position of a *record* is that of its end: the first byte past it. A consumer that handled
 * a record has consumed its ring up to that position.
 *
 * Cause. A batch that was decided from a record names that record: writer, lane and position. A batch decided
 * by a timer, or by a peer's bytes, has none (cause_agent = AGENT_NONE, cause = 0). The highest cause that an
 * agent has committed for a writer and lane is what it has consumed of them: exactly once hangs on nothing
 * else.
 *
 * All fields are in the machine's order (x86-64, little endian); everything is 8-byte aligned.
 */
#ifndef RFQD_RING_RECORD_H
#define RFQD_RING_RECORD_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/agent.h"
#include "dataplane/core/limits.h"

/* The lanes by which an agent receives, by subject; numbers are stored on disk. */
enum lane_id {
    LANE_ORDER = 0,   /* D, F, 8, 9: drained first, with LANE_ENGINE */
    LANE_REQUEST = 1, /* R, AJ, a taker's Z, what clients ask */
    LANE_QUOTE = 2,   /* S, AG, AI, b, an LP's Z */
    LANE_ENGINE = 3,  /* from an engine: to a gateway, or to the other engine */
};

#define SESSION_NONE UINT32_MAX

struct record {
    uint32_t size;   /* bytes, header included, a multiple of 8 */
    uint16_t type;   /* enum record_type (dataplane/model/record_type.h) */
    uint8_t version; /* layout of the body, 1 the first, by type; fields are only appended */
    uint8_t flags;   /* of the type */
    uint8_t dest;    /* enum agent_id it is addressed to; AGENT_NONE: a fact for whoever reads the log */
    uint8_t lane;    /* enum lane_id by which dest receives it */
    uint16_t reserved;
    uint32_t session; /* session it came from or goes to (index in the configuration), or SESSION_NONE */
    uint64_t time_ns; /* when it was written, UTC; for a received frame, when it was received */
};
static_assert(sizeof(struct record) == 24, "no padding");

struct batch {
    uint32_t size;  /* bytes, header included, a multiple of 8 */
    uint16_t count; /* records */
    uint8_t agent;  /* writer */
    uint8_t cause_agent;
    uint8_t cause_lane;
    uint8_t reserved[7];
    uint64_t position;       /* of this header in the writer's ring */
    uint64_t cause;          /* position of the causing record in cause_agent's ring */
    uint64_t time_ns;        /* the decision's now: what apply may know of time */
    uint64_t cause_time_ns;  /* time_ns of the causing record, 0 where there is none */
    uint64_t origin_time_ns; /* receive time of the frame at the root of the chain, 0 where there is none */
    uint64_t reserved2;
};
static_assert(sizeof(struct batch) == 64, "one cache line");

#define RECORD_ALIGN(n) (((n) + 7u) & ~7u)

/* Walk the records of a batch:
 *     for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) …
 */
static inline const struct record *batch_first(const struct batch *b)
{
    return b->count ? (const struct record *)(b + 1) : NULL;
}
static inline const struct record *batch_after(const struct batch *b, const struct record *r)
{
    const char *next = (const char *)r + r->size;
    return next < (const char *)b + b->size ? (const struct record *)next : NULL;
}
/* The record's position: its end, in the writer's ring. */
static inline uint64_t batch_record_position(const struct batch *b, const struct record *r)
{
    return b->position + (uint64_t)((const char *)r - (const char *)b) + r->size;
}
/* Structural check of bytes that were read back (log, ring at start): sizes, alignment, counts. Not a
 * checksum. */
int batch_is_sound(const struct batch *b, size_t available);

#endif

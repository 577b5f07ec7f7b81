/* Lane: messages from one agent to another, single producer, single consumer, in memory, first in first out.
 *
 * What goes through a lane is also in the producer's ring (it was committed there first), so a lane may vanish with
 * the process: at start it is filled again from the log and the rings, by position. An item carries the record in
 * parsed form and says which record it is: writer and position, so that the consumer's batch can name its cause.
 *
 * Producer: lane_reserve() … lane_commit(): nothing is visible before the commit, which is one release store (pairs with
 * the consumer's acquire load). The producer commits its *ring* first.
 * Consumer: lane_peek() … lane_pop(); what was popped may be overwritten after lane_release().
 */
#ifndef RFQD_RING_LANE_H
#define RFQD_RING_LANE_H

#include <stdbool.h>

#include "dataplane/core/err.h"
#include "dataplane/ring/record.h"

struct lane_item {
    uint32_t size; /* with this header and the record */
    uint8_t agent; /* writer of the record */
    uint8_t lane;  /* enum lane_id: the subject */
    uint16_t reserved;
    uint64_t position;       /* of the record in the writer's ring: the cause of what it leads to */
    uint64_t origin_time_ns; /* receive time at the root of the chain */
    struct record record;    /* body follows */
};
static_assert(sizeof(struct lane_item) == 48, "no padding");

struct lane;

/* size: a power of two ≥ LANE_SIZE_MIN. Errors: ERR_RANGE, ERR_MEMORY. */
enum err lane_create(struct lane **out, uint64_t size) WARN_UNUSED;
void lane_destroy(struct lane *l);

/* Producer ------------------------------------------------------------------------------------------------ */

/* Room for one item whose record has `record_size` bytes; NULL when it is full (keep `reserve` bytes free). The
 * header's size is set; the rest is the caller's to fill. Several may be reserved before one commit. */
struct lane_item *lane_reserve(struct lane *l, uint32_t record_size, uint64_t reserve);
/* True if `bytes` fit beside what is reserved already, leaving `reserve` free. */
bool lane_room(struct lane *l, uint64_t bytes, uint64_t reserve);
/* Take back all reservations since the last commit. */
void lane_abandon(struct lane *l);
void lane_commit(struct lane *l);
/* Reserve, copy a whole record, fill the item. False when full. */
bool lane_put(struct lane *l, uint8_t agent, uint8_t subject, uint64_t position, uint64_t origin_time_ns,
              const struct record *rec, uint64_t reserve);

/* Consumer ------------------------------------------------------------------------------------------------ */

/* The oldest item not popped yet, or NULL. */
const struct lane_item *lane_peek(struct lane *l);
/* Go past the item last peeked. It stays readable until lane_release. */
void lane_pop(struct lane *l);
/* Give the room of all popped items back to the producer: once per poll. */
void lane_release(struct lane *l);

/* Either side: bytes in use, for metrics. */
uint64_t lane_used(const struct lane *l);

#endif

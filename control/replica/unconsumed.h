/* Unconsumed: records that the log holds and their addressees have not decided yet; one queue for each
 * addressee, writer and lane. The oldest says from where recovery must look for what is to be delivered
 * again. A frame's record is kept with its entry, so that it can be put into the timeline of the RFQ that it
 * turns out to be about.
 *
 * Bounded by what the lanes hold: an agent that does not consume stops its writers. Owner: the replica.
 */
#ifndef RFQD_CONTROL_REPLICA_UNCONSUMED_H
#define RFQD_CONTROL_REPLICA_UNCONSUMED_H

#include "storage/log/log.h"

struct unconsumed_entry {
    uint32_t size;         /* with the record behind it, where there is one */
    uint32_t stream_epoch; /* of its frame */
    uint64_t has_record;
    uint64_t position;
    uint64_t log_offset; /* of its frame */
    uint64_t seq;
    /* struct record */
};

struct unconsumed_queue {
    char *bytes;
    size_t head, tail, capacity;
};

struct unconsumed {
    struct unconsumed_queue queues[AGENTS_MAX][AGENTS_MAX][LANES_MAX]; /* by addressee, writer, lane */
    uint64_t count;
};

static inline const struct record *unconsumed_record(const struct unconsumed_entry *e)
{
    return e->has_record ? (const struct record *)(e + 1) : NULL;
}

void unconsumed_free(struct unconsumed *u);
/* with_record: keep its bytes. Running out of memory stops the process. */
void unconsumed_add(struct unconsumed *u, const struct log_frame *f, const struct record *r,
                    uint64_t position, uint64_t seq, bool with_record);
/* The addressee has decided everything up to `position`. The entry of that very record, NULL if it is not
 * there; it holds until the next call. */
const struct unconsumed_entry *unconsumed_take(struct unconsumed *u, uint8_t addressee, uint8_t writer,
                                               uint8_t lane, uint64_t position);
/* The smallest log offset of all that are left; `otherwise` where nothing is. */
uint64_t unconsumed_oldest(const struct unconsumed *u, uint64_t otherwise);

#endif

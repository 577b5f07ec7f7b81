#include "dataplane/engine/emit.h"

#include <assert.h>

void emit_batch_begin(struct emit *e, const struct lane_item *cause)
{
    struct batch *b = ring_begin(e->ring, e->now_ns);
    if (cause && cause->agent == AGENT_NONE) { /* a client's command: in no ring, so nothing is consumed */
        b->origin_time_ns = cause->origin_time_ns;
    } else if (cause) {
        b->cause_agent = cause->agent;
        b->cause_lane = cause->lane;
        b->cause = cause->position;
        b->cause_time_ns = cause->record.time_ns;
        b->origin_time_ns = cause->origin_time_ns;
    }
    state_begin(e->state, b);
}

void emit_batch_end(struct emit *e)
{
    state_end(e->state, ring_end(e->ring));
}

/* Only where splits are allowed: at start, where each record is a fact of its own. */
static void split_if_full(struct emit *e, uint32_t size)
{
    const struct batch *open = e->ring->open;
    if (open->count < BATCH_RECORDS_MAX && open->size + size <= BATCH_SIZE_MAX)
        return;
    emit_batch_end(e);
    assert(ring_room(e->ring, BATCH_SIZE_MAX, 0)); /* all of a configuration fits an empty ring */
    emit_batch_begin(e, NULL);
}

void *emit_add(struct emit *e, uint16_t type, uint8_t version, uint32_t size)
{
    assert(e->ring->open);
    if (e->splits)
        split_if_full(e, RECORD_ALIGN(size));
    return ring_add(e->ring, type, version, size);
}

void emit_end(struct emit *e, void *record)
{
    state_apply(e->state, record);
}

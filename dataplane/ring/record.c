#include "dataplane/ring/record.h"

static int record_is_sound(const struct record *r, size_t available)
{
    return available >= sizeof *r && r->size >= sizeof *r && r->size <= RECORD_SIZE_MAX && r->size % 8 == 0 &&
           r->size <= available && r->dest < AGENTS_MAX && r->lane < LANES_MAX;
}

int batch_is_sound(const struct batch *b, size_t available)
{
    if (available < sizeof *b || b->size < sizeof *b || b->size > BATCH_SIZE_MAX || b->size % 8 ||
        b->size > available)
        return 0;
    if (b->count == 0 || b->count > BATCH_RECORDS_MAX || b->position % 8)
        return 0;
    if (b->agent == AGENT_NONE || b->agent >= AGENTS_MAX || b->cause_agent >= AGENTS_MAX ||
        b->cause_lane >= LANES_MAX)
        return 0;
    const char *at = (const char *)(b + 1), *end = (const char *)b + b->size;
    for (unsigned i = 0; i < b->count; i++) {
        const struct record *r = (const struct record *)at;
        if (!record_is_sound(r, (size_t)(end - at)))
            return 0;
        at += r->size;
    }
    return at == end;
}

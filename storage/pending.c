/* What was addressed and not consumed. Collected into memory of its own at once, because the rings and the
 * log go on while it is worked off; there is no more of it than the lanes held. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/model/upcast.h"
#include "storage/follow.h"
#include "storage/store_fail.h"

struct pending {
    uint64_t position, origin_time_ns;
    uint64_t size; /* of the record that follows; 8-byte aligned */
    uint64_t writer;
};

struct recovery_cursor {
    char *bytes;
    size_t size, capacity, at;
    uint64_t consumed[AGENTS_MAX][AGENTS_MAX][LANES_MAX]; /* by addressee, writer, lane */
    bool has_state[AGENTS_MAX];
    bool out_of_memory;
    enum err e; /* of a record */
};

static _Thread_local _Alignas(8) char scratch[RECORD_SIZE_MAX];

static char *cursor_grow(struct recovery_cursor *c, size_t size)
{
    if (c->size + size > c->capacity) {
        size_t capacity = c->capacity ? c->capacity : 65536;
        while (capacity < c->size + size)
            capacity *= 2;
        char *bytes = realloc(c->bytes, capacity);
        if (!bytes)
            return NULL;
        c->bytes = bytes;
        c->capacity = capacity;
    }
    char *at = c->bytes + c->size;
    c->size += size;
    return at;
}

/* The receive time at the root of the chain: a frame is its own root. */
static uint64_t origin_of(const struct batch *b, const struct record *r)
{
    return r->type == RECORD_GATEWAY_IN ? r->time_ns : b->origin_time_ns;
}

static bool collect(void *ctx, const struct batch *b)
{
    struct recovery_cursor *c = ctx;
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
        uint64_t position = batch_record_position(b, r);
        if (r->dest == AGENT_NONE || !c->has_state[r->dest] ||
            position <= c->consumed[r->dest][b->agent][r->lane])
            continue;
        const struct record *newest;
        enum err e = record_upcast(r, scratch, &newest);
        if (e) {
            c->e = store_fail_record(e, b, r);
            return false;
        }
        struct pending *p = (struct pending *)(void *)cursor_grow(c, sizeof *p + newest->size);
        if (!p) {
            c->out_of_memory = true;
            return false;
        }
        *p = (struct pending){.position = position,
                              .origin_time_ns = origin_of(b, r),
                              .size = newest->size,
                              .writer = b->agent};
        memcpy(p + 1, newest, newest->size);
    }
    return true;
}

enum err recovery_pending_open(struct recovery_cursor **out, const struct recovery_input *in,
                               const struct recovery_result *result)
{
    struct store_marks marks;
    *out = NULL;
    enum err e = in->store->ops->marks(in->store, &marks);
    if (e == ERR_NOT_FOUND)
        marks.redeliver_offset = log_begin(in->log);
    else if (e)
        return e;
    struct recovery_cursor *c = calloc(1, sizeof *c);
    if (!c)
        return store_fail(ERR_MEMORY, "no memory for what was under way");
    for (unsigned a = 0; a < AGENTS_MAX; a++)
        if (in->states[a]) {
            c->has_state[a] = true;
            memcpy(c->consumed[a], in->states[a]->marks.consumed, sizeof c->consumed[a]);
        }
    e = follow_batches(in, result, marks.redeliver_offset, collect, c);
    if (!e)
        e = c->e;
    if (!e && c->out_of_memory)
        e = store_fail(ERR_MEMORY, "no memory for what was under way");
    if (e) {
        recovery_pending_close(c);
        return e;
    }
    *out = c;
    return OK;
}

const struct record *recovery_pending_peek(struct recovery_cursor *c, uint8_t *writer, uint64_t *position,
                                           uint64_t *origin_time_ns)
{
    if (c->at == c->size)
        return NULL;
    const struct pending *p = (const struct pending *)(const void *)(c->bytes + c->at);
    *writer = (uint8_t)p->writer;
    *position = p->position;
    *origin_time_ns = p->origin_time_ns;
    return (const struct record *)(p + 1);
}

void recovery_pending_next(struct recovery_cursor *c)
{
    assert(c->at < c->size);
    const struct pending *p = (const struct pending *)(const void *)(c->bytes + c->at);
    c->at += sizeof *p + p->size;
}

void recovery_pending_close(struct recovery_cursor *c)
{
    if (!c)
        return;
    free(c->bytes);
    free(c);
}

#include <inttypes.h>

#include "dataplane/model/upcast.h"
#include "storage/recovery.h"
#include "storage/store_fail.h"

static _Thread_local _Alignas(8) char scratch[RECORD_SIZE_MAX];

/* All that could refuse it, before anything is changed. */
static enum err check(const struct state *s, const struct batch *b)
{
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
        const struct record *newest;
        enum err e = record_upcast(r, scratch, &newest);
        if (e)
            return store_fail_record(e, b, r);
    }
    if (!s)
        return OK;
    if (b->agent != s->agent || b->position != s->marks.position)
        return store_fail(ERR_CORRUPT,
                          "agent %u: a batch at position %" PRIu64 " where %" PRIu64 " comes next", b->agent,
                          b->position, s->marks.position);
    if (b->cause_agent != AGENT_NONE && b->cause <= s->marks.consumed[b->cause_agent][b->cause_lane])
        return store_fail(ERR_CORRUPT,
                          "agent %u, position %" PRIu64 ": decides what agent %u wrote before %" PRIu64
                          " again",
                          b->agent, b->position, b->cause_agent, b->cause);
    return OK;
}

enum err recovery_apply(struct state *s, const struct batch *b, const char **error)
{
    enum err e = check(s, b);
    *error = e ? store_error() : NULL;
    if (e || !s)
        return e;
    state_begin(s, b);
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
        const struct record *newest;
        if (record_upcast(r, scratch, &newest) == OK) /* as it was a moment ago */
            state_apply(s, newest);
    }
    state_end(s, b->position + b->size);
    return OK;
}

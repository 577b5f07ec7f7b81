#include "storage/recovery.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "storage/store_fail.h"

/* Step 2: the log -------------------------------------------------------------------------------------------
 */

static enum err marks_fit_log(const struct store_marks *m, const struct log *l)
{
    if (m->log_offset > log_end(l))
        return store_fail(ERR_CORRUPT,
                          "the store is the state of log offset %" PRIu64 ", but the log ends at %" PRIu64
                          ": the log was lost; restore both from one backup",
                          m->log_offset, log_end(l));
    if (m->redeliver_offset < log_begin(l))
        return store_fail(ERR_CORRUPT,
                          "the log begins at %" PRIu64 ", but the store needs it from %" PRIu64
                          ": the store was lost; restore both from one backup",
                          log_begin(l), m->redeliver_offset);
    return OK;
}

static enum err replay_frame(const struct recovery_input *in, struct recovery_result *out,
                             const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    const char *why;
    if (f->first_seq != out->next_seq)
        return store_fail(ERR_CORRUPT,
                          "log, offset %" PRIu64 ": its first record is number %" PRIu64 ", %" PRIu64
                          " comes next",
                          f->offset, f->first_seq, out->next_seq);
    if (b->position != out->merged[b->agent])
        return store_fail(ERR_CORRUPT,
                          "log, offset %" PRIu64 ": a batch of agent %u at position %" PRIu64 ", %" PRIu64
                          " comes next",
                          f->offset, b->agent, b->position, out->merged[b->agent]);
    enum err e = recovery_apply(in->states[b->agent], b, &why);
    if (e)
        return e;
    out->merged[b->agent] = b->position + b->size;
    out->next_seq += b->count;
    out->frames++;
    return OK;
}

static enum err replay_log(const struct recovery_input *in, struct recovery_result *out, uint64_t from)
{
    struct log_reader *reader;
    const struct log_frame *f;
    enum err e = log_reader_open(&reader, in->log, from);
    if (e)
        return store_fail(e, "log, offset %" PRIu64 ": %s", from, err_text(e));
    while ((f = log_reader_next(reader, log_end(in->log), &e)) != NULL) {
        e = replay_frame(in, out, f);
        if (e) {
            log_reader_close(reader);
            return e;
        }
    }
    if (e)
        e = store_fail(e, "log, offset %" PRIu64 ": %s", log_reader_offset(reader), log_reader_error(reader));
    log_reader_close(reader);
    return e;
}

/* Step 3: the rings
 * ------------------------------------------------------------------------------------------ */

struct merge {
    const struct recovery_input *in;
    struct recovery_result *out;
    struct ring_reader readers[AGENTS_MAX];
    const struct batch *next[AGENTS_MAX]; /* NULL: no more */
};

static enum err merge_open(struct merge *m)
{
    for (unsigned a = 0; a < AGENTS_MAX; a++) {
        const struct ring *r = m->in->rings[a];
        if (!r)
            continue;
        uint64_t merged = m->out->merged[a];
        uint64_t head = atomic_load_explicit(&r->shared->head, memory_order_acquire);
        if (merged < head || merged > ring_tail(r))
            return store_fail(ERR_CORRUPT,
                              "the ring of agent %u holds %" PRIu64 " to %" PRIu64
                              ", but the log holds it up to %" PRIu64
                              ": they are not of one run; remove the shared memory to go on from the log",
                              a, head, ring_tail(r), merged);
        ring_reader_init(&m->readers[a], r, merged);
        m->next[a] = ring_next(&m->readers[a]);
    }
    return OK;
}

/* What caused it is applied. */
static bool is_ready(const struct merge *m, const struct batch *b)
{
    return b->cause_agent == AGENT_NONE || b->cause <= m->out->position[b->cause_agent];
}

static enum err merge_ready(struct merge *m, unsigned agent, bool *moved)
{
    const char *why;
    while (m->next[agent] && is_ready(m, m->next[agent])) {
        const struct batch *b = m->next[agent];
        enum err e = recovery_apply(m->in->states[agent], b, &why);
        if (e)
            return e;
        m->out->position[agent] = b->position + b->size;
        m->out->batches++;
        m->next[agent] = ring_next(&m->readers[agent]);
        *moved = true;
    }
    return OK;
}

static enum err merge_rings(const struct recovery_input *in, struct recovery_result *out)
{
    struct merge m = {.in = in, .out = out};
    enum err e = merge_open(&m);
    for (bool moved = true; !e && moved;) {
        moved = false;
        for (unsigned a = 0; !e && a < AGENTS_MAX; a++)
            e = merge_ready(&m, a, &moved);
    }
    for (unsigned a = 0; !e && a < AGENTS_MAX; a++)
        if (m.next[a])
            e = store_fail(ERR_CORRUPT,
                           "the ring of agent %u, position %" PRIu64 ": caused by agent %u at %" PRIu64
                           ", which nobody has; remove the shared memory to go on from the log",
                           a, m.next[a]->position, m.next[a]->cause_agent, m.next[a]->cause);
    return e;
}

/* A ring that had something in the log, and is not there: others may hold what it caused, so none counts. */
static bool ring_missing(const struct recovery_input *in, const struct recovery_result *out)
{
    for (unsigned a = 0; a < AGENTS_MAX; a++)
        if (in->states[a] && !in->rings[a] && out->merged[a] > 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------------------------------------------------
 */

enum err recovery_run(const struct recovery_input *in, struct recovery_result *out)
{
    struct store_marks marks;
    const char *why;
    memset(out, 0, sizeof *out);
    enum err e = recovery_load(in->store, in->states, &marks, &why);
    if (!e)
        e = marks_fit_log(&marks, in->log);
    if (!e) {
        out->next_seq = marks.next_seq;
        memcpy(out->merged, marks.merged, sizeof out->merged);
        e = replay_log(in, out, marks.log_offset);
    }
    if (!e && out->next_seq != log_next_seq(in->log))
        e = store_fail(ERR_CORRUPT, "the log's next number is %" PRIu64 ", but its records lead to %" PRIu64,
                       log_next_seq(in->log), out->next_seq);
    if (!e) {
        out->log_offset = log_end(in->log);
        memcpy(out->position, out->merged, sizeof out->position);
        out->power_cut = ring_missing(in, out);
        if (!out->power_cut)
            e = merge_rings(in, out);
    }
    out->error = e ? store_error() : NULL;
    return e;
}

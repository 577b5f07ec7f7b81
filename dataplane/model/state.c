#include "dataplane/model/state.h"

#include <assert.h>

#include "dataplane/core/hash.h"
#include "dataplane/core/id.h"

static_assert(sizeof(struct state_marks) == (AGENTS_MAX * LANES_MAX + 5) * 8,
              "stored as it lies: no padding");

void state_begin(struct state *s, const struct batch *b)
{
    assert(b->agent == s->agent);
    s->now_ns = b->time_ns;
    if (b->cause_agent == AGENT_NONE)
        return;
    assert(b->cause_agent < AGENTS_MAX && b->cause_lane < LANES_MAX);
    uint64_t *consumed = &s->marks.consumed[b->cause_agent][b->cause_lane];
    assert(b->cause > *consumed); /* each record is decided once, in order */
    *consumed = b->cause;
}

void state_end(struct state *s, uint64_t end)
{
    assert(end > s->marks.position);
    s->marks.position = end;
    s->marks.batches++;
    s->marks.time_ns = s->now_ns;
    s->unsettled = true;
    for (unsigned i = 0; i < s->table_count; i++)
        if (table_unsettled(s->tables[i]) >= STATE_UNSETTLED_MAX)
            table_settle(s->tables[i]);
}

static void settle(struct state *s)
{
    for (unsigned i = 0; i < s->table_count; i++)
        table_settle(s->tables[i]);
    s->unsettled = false;
}

void state_settle(struct state *s)
{
    if (s->unsettled)
        settle(s);
}

void state_apply_batch(struct state *s, const struct batch *b)
{
    state_begin(s, b);
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r))
        state_apply(s, r);
    state_end(s, b->position + b->size);
}

void state_ask_ahead(const struct state *s, unsigned each)
{
    for (unsigned i = 0; i < s->table_count; i++)
        table_ask_ahead(s->tables[i], each);
}

uint64_t state_digest(struct state *s)
{
    settle(s); /* what was loaded and not applied, too */
    uint64_t digest = hash_bytes(&s->marks, sizeof s->marks);
    for (unsigned i = 0; i < s->table_count; i++)
        if (i < STATE_TABLES_FIRST || table_digest(s->tables[i]))
            digest +=
                hash_fold(table_digest(s->tables[i]) ^ HASH_K1, HASH_K2 + i); /* which table it is in counts */
    return digest;
}

uint64_t state_next_id(const struct state *s)
{
    return id_make((uint32_t)s->marks.epoch, s->marks.next_id);
}

void state_id_used(struct state *s, uint64_t id)
{
    assert(id_epoch(id) == s->marks.epoch && id_counter(id) >= s->marks.next_id);
    s->marks.next_id = id_counter(id) + 1;
}

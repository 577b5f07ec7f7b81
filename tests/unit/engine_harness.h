/* A harness for decisions alone: one engine state with its ring, no lanes, no agent. Each item given is
 * decided as one batch, committed, read back from the ring as the log agent would, and applied to a *twin* by
 * the same apply: after every batch the digests must agree. harness_reload() makes the engine's state anew
 * from its durable parts, as recovery does.
 *
 *     struct harness h;
 *     harness_open(&h, AGENT_ROUTING, state, twin, routing_decide, routing_timer_fired);
 *     harness_decide(&h, AGENT_GATEWAY, LANE_ORDER, &command.head);
 *     const struct order_report *r = harness_find(&h, RECORD_ORDER_REPORT);   // of what that emitted
 */
#ifndef RFQD_TESTS_ENGINE_HARNESS_H
#define RFQD_TESTS_ENGINE_HARNESS_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/core/hash.h"
#include "dataplane/engine/emit.h"
#include "dataplane/engine/engine.h"

#define HARNESS_SEEN_SIZE (4u * BATCH_SIZE_MAX)

struct harness {
    struct ring ring;
    struct ring_reader reader;
    struct emit emit;
    struct state *state, *twin;
    void (*decide)(struct emit *e, const struct lane_item *item);
    void (*timer_fired)(struct emit *e, const struct timer *t);
    uint64_t now_ns;
    uint64_t positions[AGENTS_MAX][LANES_MAX]; /* of the last item given, by writer and lane */
    unsigned batches;                          /* of the last step */
    char *seen;                                /* its records, one after the other */
    size_t seen_size;
    char *item;
    char path[64];
};

static inline void harness_open(struct harness *h, uint8_t agent, struct state *state, struct state *twin,
                                void (*decide)(struct emit *e, const struct lane_item *item),
                                void (*timer_fired)(struct emit *e, const struct timer *t))
{
    static unsigned count;
    memset(h, 0, sizeof *h);
    snprintf(h->path, sizeof h->path, "/dev/shm/rfqd-test-%d-%u", (int)getpid(), count++);
    static const struct ring_identity identity = {"harness", "harness"};
    cr_assert_eq(ring_create(&h->ring, h->path, RING_SIZE_MIN, agent, &identity, 0), OK);
    unlink(h->path);
    ring_reader_init(&h->reader, &h->ring, 0);
    h->state = state;
    h->twin = twin;
    h->decide = decide;
    h->timer_fired = timer_fired;
    h->now_ns = 1000000000ull;
    h->emit.ring = &h->ring;
    h->emit.state = state;
    h->seen = malloc(HARNESS_SEEN_SIZE);
    h->item = aligned_alloc(64, RECORD_SIZE_MAX + 64);
    cr_assert(h->seen && h->item);
}

static inline void harness_close(struct harness *h)
{
    ring_close(&h->ring);
    h->state->destroy(h->state);
    if (h->twin)
        h->twin->destroy(h->twin);
    free(h->seen);
    free(h->item);
}

/* The digest is kept up to date by what was touched; here it is made from everything: a change that was not
 * announced shows. */
static inline void harness_check_digests(struct state *s)
{
    state_settle(s);
    for (unsigned i = 0; i < s->table_count; i++) {
        const struct table *t = s->tables[i];
        uint64_t sum = 0;
        for (uint32_t slot = 0; slot < table_slots(t); slot++)
            if (table_at(t, slot))
                sum += hash_bytes(table_at(t, slot), table_durable_size(t));
        cr_assert_eq(sum, table_digest(t), "%s: an entity was changed and not touched", table_name(t));
    }
}

/* What was committed since: to the twin, and among what was seen. */
static inline void harness_absorb(struct harness *h)
{
    ring_commit(&h->ring);
    const struct batch *b;
    while ((b = ring_next(&h->reader))) {
        cr_assert(batch_is_sound(b, b->size));
        size_t bytes = b->size - sizeof *b;
        cr_assert(h->seen_size + bytes <= HARNESS_SEEN_SIZE);
        memcpy(h->seen + h->seen_size, b + 1, bytes);
        h->seen_size += bytes;
        h->batches++;
        if (h->twin)
            state_apply_batch(h->twin, b);
        ring_release(&h->reader, b->position + b->size);
        ring_set_durable(&h->reader, b->position + b->size);
    }
    harness_check_digests(h->state);
    if (h->twin)
        cr_assert_eq(state_digest(h->state), state_digest(h->twin), "engine and twin differ");
}

static inline void harness_step(struct harness *h)
{
    h->seen_size = 0;
    h->batches = 0;
    h->emit.now_ns = h->now_ns;
    cr_assert(ring_room(&h->ring, BATCH_SIZE_MAX, 0));
}

/* An engine's start: what it emits is one step. */
static inline void harness_start(struct harness *h,
                                 void (*start)(struct emit *e, const struct engine_setup *setup),
                                 const struct engine_setup *setup)
{
    harness_step(h);
    h->emit.splits = true;
    emit_batch_begin(&h->emit, NULL);
    start(&h->emit, setup);
    emit_batch_end(&h->emit);
    h->emit.splits = false;
    harness_absorb(h);
}

/* One item, as though it came by this lane. Its size and type are in its header; time and position are given
 * here. */
static inline void harness_decide(struct harness *h, uint8_t agent, uint8_t lane, const struct record *r)
{
    harness_step(h);
    struct lane_item *item = (struct lane_item *)h->item;
    memset(item, 0, sizeof *item);
    memcpy(&item->record, r, r->size);
    item->record.time_ns = h->now_ns;
    item->size = (uint32_t)LANE_ITEM_HEADER_SIZE + r->size;
    item->agent = agent;
    item->lane = lane;
    item->position = h->positions[agent][lane] += 8;
    item->origin_time_ns = h->now_ns;
    emit_batch_begin(&h->emit, item);
    h->decide(&h->emit, item);
    cr_assert_gt(h->ring.open->count, 0, "a command leads to at least one record");
    emit_batch_end(&h->emit);
    cr_assert_eq(h->state->marks.consumed[agent][lane], agent == AGENT_NONE ? 0 : item->position);
    harness_absorb(h);
}

/* A command's header. */
static inline struct record harness_head(uint16_t type, uint32_t session)
{
    return (struct record){.size = record_type_size(type),
                           .type = type,
                           .version = record_type_version(type),
                           .session = session};
}

/* Time goes on to `to`; each timer fires at its own deadline. Everything emitted is one step. */
static inline void harness_advance(struct harness *h, uint64_t to_ns)
{
    harness_step(h);
    uint64_t at;
    while ((at = timer_next_deadline(h->state->timers)) <= to_ns) {
        struct timer t;
        h->now_ns = at > h->now_ns ? at : h->now_ns;
        h->emit.now_ns = h->now_ns;
        if (!timer_pop_due(h->state->timers, h->now_ns, &t))
            continue;
        cr_assert(ring_room(&h->ring, BATCH_SIZE_MAX, 0));
        emit_batch_begin(&h->emit, NULL);
        h->timer_fired(&h->emit, &t);
        if (h->ring.open->count > 0)
            emit_batch_end(&h->emit);
        else
            ring_abandon(&h->ring);
        harness_absorb(h);
    }
    h->now_ns = to_ns > h->now_ns ? to_ns : h->now_ns;
    h->emit.now_ns = h->now_ns;
}

/* The i-th record of this type in the last step, NULL: none. */
static inline const void *harness_find_nth(const struct harness *h, uint16_t type, unsigned i)
{
    for (size_t at = 0; at < h->seen_size;) {
        const struct record *r = (const struct record *)(h->seen + at);
        if (r->type == type && i-- == 0)
            return r;
        at += r->size;
    }
    return NULL;
}

static inline const void *harness_find(const struct harness *h, uint16_t type)
{
    return harness_find_nth(h, type, 0);
}

static inline unsigned harness_count(const struct harness *h, uint16_t type)
{
    unsigned n = 0;
    while (harness_find_nth(h, type, n))
        n++;
    return n;
}

/* The last step's records as text, "ORDER_STATE ORDER_REPORT …": the shape of a decision. */
static inline const char *harness_shape(const struct harness *h)
{
    static char shape[4096];
    size_t size = 0;
    shape[0] = 0;
    for (size_t at = 0; at < h->seen_size;) {
        const struct record *r = (const struct record *)(h->seen + at);
        size += (size_t)snprintf(shape + size, sizeof shape - size, "%s%s", size ? " " : "",
                                 record_type_name(r->type));
        cr_assert(size < sizeof shape);
        at += r->size;
    }
    return shape;
}

/* The engine's state anew from what is durable: `fresh` was just created with timers. Slots are given
 * backwards, as storage may give them in any order. */
static inline void harness_reload(struct harness *h, struct state *fresh)
{
    struct state *old = h->state;
    fresh->marks = old->marks;
    for (unsigned i = 0; i < old->table_count; i++) {
        struct table *from = old->tables[i], *to = fresh->tables[i];
        for (uint32_t slot = table_slots(from); slot-- > 0;) {
            const char *entity = table_at(from, slot);
            if (!entity)
                continue;
            uint64_t id;
            memcpy(&id, entity, sizeof id);
            memcpy(table_insert(to, id), entity, table_durable_size(from));
        }
        table_settle(to);
    }
    fresh->rebuild(fresh);
    cr_assert_eq(state_digest(fresh), state_digest(old),
                 "rebuilt from its durable parts, a state is the same");
    old->destroy(old);
    h->state = fresh;
    h->emit.state = fresh;
}

#endif

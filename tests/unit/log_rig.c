#include "log_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/core/hash.h"

/* Ends the test in any runner: this file is linked to several. */
#define RIG_HOLDS(condition)                                                               \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

uint64_t rig_chance(struct rig *r, uint64_t below)
{
    r->random += HASH_K1;
    return hash_u64(r->random) % below;
}

static void ring_make(struct rig *r, unsigned i, uint64_t position)
{
    struct rig_ring *ring = &r->rings[i];
    RIG_HOLDS(ring_create(&ring->ring, ring->path, RING_SIZE_MIN, (uint8_t)(i + 1), &r->identity, position) ==
              OK);
    unlink(ring->path); /* the mapping is enough, and a test that fails leaves nothing behind */
}

void rig_init(struct rig *r, uint64_t seed, struct disk *disk)
{
    static unsigned made;
    *r = (struct rig){.random = hash_u64(seed), .now_ns = 1000000000, .record_size_max = 400, .large = true};
    memset(r->identity.instance, 7, sizeof r->identity.instance);
    memset(r->identity.boot, 1, sizeof r->identity.boot);
    for (unsigned i = 0; i < RIG_AGENTS; i++) {
        snprintf(r->rings[i].path, sizeof r->rings[i].path, "/dev/shm/rfqd-test-%d-%u-%u", getpid(), made,
                 i + 1);
        ring_make(r, i, 0);
    }
    made++;
    r->disk = disk;
    r->simulated = !disk;
    if (!disk)
        RIG_HOLDS(disk_sim_create(&r->disk, seed) == OK);
    RIG_HOLDS(counters_create(&r->counters, NULL) == OK);
    r->config = (struct log_config){.disk = r->disk,
                                    .segment_size = RIG_SEGMENT,
                                    .sync_interval_ns = LOG_SYNC_INTERVAL_NS,
                                    .counters = r->counters};
    memcpy(r->config.instance, r->identity.instance, 16);
    memcpy(r->config.boot, r->identity.boot, 16);
}

void rig_end(struct rig *r)
{
    log_close(r->log);
    for (unsigned i = 0; i < RIG_AGENTS; i++) {
        ring_close(&r->rings[i].ring);
        free(r->rings[i].batches);
    }
    counters_close(r->counters);
    r->disk->ops->destroy(r->disk);
}

enum err rig_open(struct rig *r)
{
    return log_open(&r->log, &r->config);
}

static const struct rig_batch *batch_at(const struct rig *r, const struct batch *b)
{
    RIG_HOLDS(b->agent >= 1 && b->agent <= RIG_AGENTS);
    const struct rig_ring *ring = &r->rings[b->agent - 1];
    unsigned low = 0, high = ring->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (ring->batches[middle].position < b->position)
            low = middle + 1;
        else
            high = middle;
    }
    RIG_HOLDS(low < ring->count && ring->batches[low].position == b->position); /* else never committed */
    return &ring->batches[low];
}

static void frame_judge(const struct rig *r, const struct log_frame *f, struct rig_found *found, bool first)
{
    const struct batch *b = log_frame_batch(f);
    const struct rig_batch *known = batch_at(r, b);
    RIG_HOLDS(hash_bytes(b, b->size) == known->hash);
    RIG_HOLDS(b->position + b->size == known->end);
    if (first)
        found->next_seq = f->first_seq;
    RIG_HOLDS(f->first_seq == found->next_seq);
    found->next_seq += b->count;
    uint64_t *held = &found->positions[b->agent];
    /* In the order of its ring, none left out; the oldest may have been recycled: then the first one may lie
     * anywhere. */
    RIG_HOLDS(*held == b->position || (log_begin(r->log) > 0 && *held == 0));
    *held = known->end;
    if (b->cause_agent != AGENT_NONE && log_begin(r->log) == 0)
        RIG_HOLDS(found->positions[b->cause_agent] >= b->cause);
    found->frames++;
    found->end = f->offset + f->size;
}

static struct rig_found rig_walk(struct rig *r, uint64_t limit)
{
    struct rig_found found = {.next_seq = log_next_seq(r->log)};
    struct log_reader *reader;
    const struct log_frame *f;
    enum err e;
    uint64_t segment = UINT64_MAX;
    RIG_HOLDS(log_reader_open(&reader, r->log, log_begin(r->log)) == OK);
    while ((f = log_reader_next(reader, limit, &e))) {
        frame_judge(r, f, &found, found.frames == 0);
        if (f->offset / r->config.segment_size != segment)
            found.segments++;
        segment = f->offset / r->config.segment_size;
    }
    if (e)
        fprintf(stderr, "%s\n", log_reader_error(reader));
    RIG_HOLDS(e == OK);
    RIG_HOLDS(limit != UINT64_MAX || log_reader_offset(reader) == log_written(r->log));
    log_reader_close(reader);
    for (unsigned i = 0; i < AGENTS_MAX; i++)
        if (found.positions[i] < r->checkpoint[i])
            found.positions[i] = r->checkpoint[i]; /* its frames were recycled */
    return found;
}

struct rig_found rig_check(struct rig *r)
{
    return rig_walk(r, UINT64_MAX);
}

void rig_hold(struct rig *r)
{
    uint64_t durable = log_durable(r->log);
    struct rig_found found = rig_walk(r, durable);
    memcpy(r->checkpoint, found.positions, sizeof r->checkpoint);
    log_hold(r->log, durable);
}

static struct rig_found rig_open_check(struct rig *r)
{
    enum err e = rig_open(r);
    if (e)
        fprintf(stderr, "%s: %s\n", err_text(e), log_error(r->log));
    RIG_HOLDS(e == OK);
    struct rig_found found = rig_check(r);
    RIG_HOLDS(found.next_seq == log_next_seq(r->log));
    return found;
}

static void rig_append_from(struct rig *r, const struct rig_found *found)
{
    struct log_source sources[AGENTS_MAX] = {0};
    for (unsigned i = 0; i < RIG_AGENTS; i++)
        sources[i + 1] = (struct log_source){.ring = &r->rings[i].ring, .merged = found->positions[i + 1]};
    log_start(r->log, sources, found->next_seq);
}

struct rig_found rig_start(struct rig *r)
{
    struct rig_found found = rig_open_check(r);
    rig_append_from(r, &found);
    return found;
}

static void batch_remember(struct rig_ring *ring, const struct batch *b)
{
    if (ring->count == ring->capacity) {
        ring->capacity = ring->capacity ? 2 * ring->capacity : 64;
        ring->batches = realloc(ring->batches, ring->capacity * sizeof *ring->batches);
        RIG_HOLDS(ring->batches);
    }
    ring->batches[ring->count++] = (struct rig_batch){.position = b->position,
                                                      .end = b->position + b->size,
                                                      .hash = hash_bytes(b, b->size),
                                                      .cause_agent = b->cause_agent,
                                                      .cause = b->cause};
}

/* Mostly one of the newest batches of some ring, this one included: that is where waiting is. */
static void cause_choose(struct rig *r, struct batch *b)
{
    unsigned i = (unsigned)rig_chance(r, RIG_AGENTS + 1);
    if (i == RIG_AGENTS || r->rings[i].count == 0)
        return;
    const struct rig_ring *ring = &r->rings[i];
    unsigned back = (unsigned)rig_chance(r, rig_chance(r, 4) ? 3 : ring->count);
    b->cause_agent = (uint8_t)(i + 1);
    b->cause_lane = (uint8_t)rig_chance(r, LANES_MAX);
    b->cause = ring->batches[ring->count - 1 - back % ring->count].end;
}

bool rig_commit_in(struct rig *r, unsigned i)
{
    struct rig_ring *ring = &r->rings[i];
    unsigned records = 1 + (unsigned)rig_chance(r, 3);
    bool large = r->large && rig_chance(r, 64) == 0;
    uint32_t size_max = large ? 60000 : r->record_size_max;
    if (!ring_room(&ring->ring,
                   sizeof(struct batch) + (uint64_t)records * (sizeof(struct record) + size_max + 8), 0))
        return false;
    struct batch *b = ring_begin(&ring->ring, r->now_ns);
    cause_choose(r, b);
    for (unsigned n = 0; n < records; n++) {
        uint32_t body = (uint32_t)rig_chance(r, size_max);
        struct record *rec = ring_add(&ring->ring, 1, 1, (uint32_t)sizeof *rec + body);
        uint64_t value = rig_chance(r, UINT64_MAX);
        for (uint32_t at = 0; at + 8 <= body; at += 8, value += HASH_K2)
            memcpy((char *)(rec + 1) + at, &value, 8);
    }
    batch_remember(ring, b);
    ring_end(&ring->ring);
    ring_commit(&ring->ring);
    return true;
}

bool rig_commit(struct rig *r, unsigned count)
{
    for (unsigned n = 0; n < count; n++)
        if (!rig_commit_in(r, (unsigned)rig_chance(r, RIG_AGENTS)))
            return false;
    return true;
}

unsigned rig_poll(struct rig *r, uint64_t step_ns)
{
    struct agent a = log_agent(r->log);
    r->now_ns += step_ns;
    if (r->simulated)
        disk_sim_set_time(r->disk, r->now_ns);
    return a.poll(a.self, r->now_ns);
}

bool rig_is_settled(const struct rig *r, bool synced)
{
    for (unsigned i = 0; i < RIG_AGENTS; i++) {
        const struct rig_ring *ring = &r->rings[i];
        uint64_t position = synced ? ring_durable(&ring->ring) : atomic_load(&ring->ring.shared->head);
        if (position != ring_tail(&ring->ring))
            return false;
    }
    return true;
}

void rig_settle(struct rig *r, bool synced)
{
    for (unsigned n = 0; !rig_is_settled(r, synced); n++) {
        RIG_HOLDS(n < 100000 && !log_failed(r->log)); /* else it comes to no end */
        if (rig_poll(r, 1000000) == 0 && !r->simulated)
            r->disk->ops->wait(r->disk);
    }
}

void rig_die(struct rig *r)
{
    log_close(r->log);
    r->log = NULL;
}

static void ring_forget_beyond(struct rig_ring *ring, uint64_t position)
{
    while (ring->count && ring->batches[ring->count - 1].end > position)
        ring->count--;
}

/* As ring_create at that position would leave it, without the cost of a new file for each of thousands of
 * cuts. */
static void ring_renew(struct ring *ring, uint64_t position)
{
    atomic_store(&ring->shared->tail, position);
    atomic_store(&ring->shared->head, position);
    atomic_store(&ring->shared->durable, position);
    ring->write = ring->head = position;
}

struct rig_found rig_power_cut(struct rig *r)
{
    disk_sim_power_cut(r->disk);
    rig_die(r);
    r->config.boot[0]++;
    struct rig_found found = rig_open_check(r);
    for (unsigned i = 0; i < RIG_AGENTS; i++) {
        ring_forget_beyond(&r->rings[i], found.positions[i + 1]);
        ring_renew(&r->rings[i].ring, found.positions[i + 1]);
    }
    rig_append_from(r, &found);
    return found;
}

void rig_fill(struct rig *r, uint64_t seed, unsigned batches)
{
    rig_init(r, seed, NULL);
    rig_start(r);
    while (batches > 0) {
        rig_commit(r, 50);
        rig_settle(r, true);
        batches -= batches > 50 ? 50 : batches;
    }
    for (unsigned n = 0; n < 300; n++)
        rig_poll(r, 1000000);
    RIG_HOLDS(r->log->mark.durable == log_durable(r->log));
}

uint64_t rig_counter(struct rig *r, const char *name)
{
    struct counter_view v;
    uint32_t i = 0;
    while (counters_at(r->counters, i, &v) && strcmp(v.name, name) != 0)
        i++;
    RIG_HOLDS(counters_at(r->counters, i, &v));
    return v.value;
}

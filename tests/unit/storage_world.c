#include "storage_world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/core/hash.h"
#include "dataplane/core/memory.h"
#include "dataplane/model/record_add.h"
#include "random.h"

const uint8_t world_agents[WORLD_AGENTS] = {AGENT_DISTRIBUTION, AGENT_ROUTING, AGENT_GATEWAY};

#define ENTITIES_MAX 64

/* Without Criterion, which does not run under every sanitizer: a world that is wrong ends the test's process.
 */
#define MUST(condition, why)                  \
    do {                                      \
        if (!(condition))                     \
            wrong(__LINE__, #condition, why); \
    } while (0)

static void wrong(int line, const char *condition, const char *why)
{
    fprintf(stderr, "storage_world.c:%d: %s does not hold. %s\n", line, condition, why ? why : "");
    abort();
}

/* Engines' states: a NOTED record makes, changes or removes an entity, as its numbers say.
 * ---------------------- */

static void mutate(struct table *t, uint64_t id, uint64_t h, size_t number_offset, size_t rfq_offset,
                   uint64_t rfq)
{
    char *entity = table_get(t, id);
    if (entity && h % 6 == 0) {
        table_remove(t, entity);
        return;
    }
    if (!entity && table_count(t) == table_capacity(t))
        return;
    if (!entity)
        entity = table_insert(t, id);
    table_touch(t, entity);
    uint64_t number;
    memcpy(&number, entity + number_offset, sizeof number);
    number += h;
    memcpy(entity + number_offset, &number, sizeof number);
    if (rfq_offset)
        memcpy(entity + rfq_offset, &rfq, sizeof rfq);
}

static void engine_apply(struct state *s, const struct record *r)
{
    const struct engine_noted *ev = (const void *)r;
    if (r->type != RECORD_DISTRIBUTION_NOTED && r->type != RECORD_ROUTING_NOTED)
        return;
    uint64_t h = hash_u64(ev->rfq * 31 + ev->ref + s->now_ns);
    bool d = s->agent == AGENT_DISTRIBUTION;
    if (h & 1)
        mutate(s->tables[0], ev->rfq, h >> 1,
               d ? offsetof(struct rfq, quantity) : offsetof(struct order, quantity),
               d ? 0 : offsetof(struct order, rfq), ev->rfq);
    else
        mutate(s->tables[1], 1 + h / 2 % 40, h >> 8,
               d ? offsetof(struct quote, bid) : offsetof(struct fill, price),
               d ? offsetof(struct quote, rfq) : offsetof(struct fill, rfq), ev->rfq);
}

static void engine_destroy_state(struct state *s)
{
    for (unsigned i = 0; i < s->table_count; i++)
        table_destroy(s->tables[i]);
    free(s);
}

static void add_table(struct state *s, const char *name, size_t size, size_t durable, bool track)
{
    MUST(table_create(&s->tables[s->table_count++], name, ENTITIES_MAX, (uint32_t)size, (uint32_t)durable,
                      track) == OK,
         "");
}

static void engine_state(struct state *s, uint8_t agent)
{
    s->agent = agent;
    s->apply = engine_apply;
    s->destroy = engine_destroy_state;
}

void world_states_make(struct world_states *s, bool track)
{
    s->distribution = calloc(1, sizeof *s->distribution);
    s->routing = calloc(1, sizeof *s->routing);
    engine_state(&s->distribution->base, AGENT_DISTRIBUTION);
    engine_state(&s->routing->base, AGENT_ROUTING);
    add_table(&s->distribution->base, "rfqs", sizeof(struct rfq), offsetof(struct rfq, transient), track);
    add_table(&s->distribution->base, "quotes", sizeof(struct quote), offsetof(struct quote, transient),
              track);
    add_table(&s->routing->base, "orders", sizeof(struct order), offsetof(struct order, transient), track);
    add_table(&s->routing->base, "fills", sizeof(struct fill), offsetof(struct fill, transient), track);
    s->distribution->rfqs = s->distribution->base.tables[0];
    s->distribution->quotes = s->distribution->base.tables[1];
    s->routing->orders = s->routing->base.tables[0];
    s->routing->fills = s->routing->base.tables[1];
    MUST(gateway_state_create(&s->gateway, AGENT_GATEWAY, track) == OK, "");
}

void world_states_free(struct world_states *s)
{
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        struct state *state = world_state_of(s, world_agents[i]);
        if (state)
            state->destroy(state);
    }
    *s = (struct world_states){0};
}

struct state *world_state_of(const struct world_states *s, uint8_t agent)
{
    switch (agent) {
    case AGENT_DISTRIBUTION:
        return s->distribution ? &s->distribution->base : NULL;
    case AGENT_ROUTING:
        return s->routing ? &s->routing->base : NULL;
    case AGENT_GATEWAY:
        return s->gateway ? &s->gateway->base : NULL;
    default:
        return NULL;
    }
}

/* Journals
 * ------------------------------------------------------------------------------------------------------ */

static void journal_add(struct world_journal *j, const struct batch *b)
{
    if (j->size + b->size > j->capacity) {
        j->capacity = 2 * (j->capacity + b->size);
        j->bytes = realloc(j->bytes, j->capacity);
    }
    memcpy(j->bytes + j->size, b, b->size);
    j->size += b->size;
}

static const struct batch *journal_at(const struct world_journal *j, size_t at)
{
    return at < j->size ? (const struct batch *)(const void *)(j->bytes + at) : NULL;
}

uint64_t world_written(const struct world *w, uint8_t agent)
{
    return w->journals[agent].size; /* positions are bytes from 0 */
}

uint64_t world_digest(const struct world *w, uint8_t agent, uint64_t position)
{
    struct world_states fresh;
    world_states_make(&fresh, false);
    struct state *s = world_state_of(&fresh, agent);
    const struct batch *b;
    for (size_t at = 0; (b = journal_at(&w->journals[agent], at)) && b->position < position; at += b->size)
        state_apply_batch(s, b);
    uint64_t digest = state_digest(s);
    world_states_free(&fresh);
    return digest;
}

/* Queues
 * -------------------------------------------------------------------------------------------------------- */

static void queue_put(struct world *w, uint8_t writer, uint64_t position, uint64_t origin_ns,
                      const struct record *r)
{
    struct world_queue *q = &w->queues[r->dest][writer][r->lane];
    struct world_item *item = calloc(1, sizeof *item);
    if (!q->last)
        q->last = &q->first;
    item->writer = writer;
    item->position = position;
    item->origin_ns = origin_ns;
    item->record = malloc(r->size);
    memcpy(item->record, r, r->size);
    *q->last = item;
    q->last = &item->next;
}

static void queue_pop(struct world_queue *q)
{
    struct world_item *item = q->first;
    q->first = item->next;
    if (!q->first)
        q->last = &q->first;
    free(item->record);
    free(item);
}

/* A queue with something in it, from a random start on; NULL if all are empty. */
static struct world_queue *queue_any(struct world *w, uint8_t addressee)
{
    uint64_t start = random_next(&w->random);
    for (unsigned i = 0; i < AGENTS_MAX * LANES_MAX; i++) {
        uint64_t k = (start + i) % (AGENTS_MAX * LANES_MAX);
        struct world_queue *q = &w->queues[addressee][k / LANES_MAX][k % LANES_MAX];
        if (q->first)
            return q;
    }
    return NULL;
}

static void queues_clear(struct world *w)
{
    for (unsigned d = 0; d < AGENTS_MAX; d++)
        for (unsigned a = 0; a < AGENTS_MAX; a++)
            for (unsigned l = 0; l < LANES_MAX; l++)
                while (w->queues[d][a][l].first)
                    queue_pop(&w->queues[d][a][l]);
}

/* Agents
 * -------------------------------------------------------------------------------------------------------- */

static struct batch *open_batch(struct world *w, uint8_t agent, const struct world_item *cause)
{
    struct batch *b = ring_begin(&w->rings[agent], w->now);
    if (cause) {
        b->cause_agent = cause->writer;
        b->cause_lane = cause->record->lane;
        b->cause = cause->position;
        b->cause_time_ns = cause->record->time_ns;
        b->origin_time_ns = cause->origin_ns;
    }
    return b;
}

/* Applied, journalled, committed; then what is addressed goes to its lanes. */
static void close_batch(struct world *w, uint8_t agent, struct batch *b)
{
    uint64_t end = ring_end(&w->rings[agent]);
    struct state *s = world_state_of(&w->live, agent);
    state_apply_batch(s, b);
    MUST(s->marks.position == end, "");
    journal_add(&w->journals[agent], b);
    ring_commit(&w->rings[agent]);
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r))
        if (r->dest != AGENT_NONE)
            queue_put(w, agent, batch_record_position(b, r),
                      r->type == RECORD_GATEWAY_IN ? r->time_ns : b->origin_time_ns, r);
}

static void *add(struct world *w, uint8_t agent, uint16_t type, size_t size)
{
    return record_add(&w->rings[agent], type, (uint32_t)size);
}

static void noted(struct world *w, uint8_t agent, uint8_t dest)
{
    bool d = agent == AGENT_DISTRIBUTION;
    struct engine_noted *ev = add(w, agent, d ? RECORD_DISTRIBUTION_NOTED : RECORD_ROUTING_NOTED, sizeof *ev);
    if (w->newer)
        ev->head.version = w->newer;
    ev->rfq = 1 + random_below(&w->random, 30);
    ev->ref = random_next(&w->random);
    ev->head.dest = dest;
    ev->head.lane = LANE_ENGINE;
    if (dest == AGENT_GATEWAY)
        ev->head.session = (uint32_t)random_below(&w->random, WORLD_SESSIONS);
}

static void engine_digest_step(struct world *w, uint8_t agent)
{
    struct state *s = world_state_of(&w->live, agent);
    struct batch *b = open_batch(w, agent, NULL);
    struct engine_digest *ev =
        add(w, agent, agent == AGENT_DISTRIBUTION ? RECORD_DISTRIBUTION_DIGEST : RECORD_ROUTING_DIGEST,
            sizeof *ev);
    ev->digest = state_digest(s) ^ w->wrong_digest;
    ev->batches = s->marks.batches;
    close_batch(w, agent, b);
}

/* An item is decided: some facts, now and then something for the gateway or, less often, the other engine. */
static bool engine_step(struct world *w, uint8_t agent)
{
    struct world_queue *q = queue_any(w, agent);
    if (!q || !ring_room(&w->rings[agent], BATCH_SIZE_MAX, 0))
        return false;
    struct batch *b = open_batch(w, agent, q->first);
    for (uint64_t n = 1 + random_below(&w->random, 3); n > 0; n--) {
        uint64_t to = random_below(&w->random, 8);
        uint8_t other = agent == AGENT_DISTRIBUTION ? AGENT_ROUTING : AGENT_DISTRIBUTION;
        noted(w, agent, to < 3 ? AGENT_GATEWAY : to == 3 ? other : AGENT_NONE);
    }
    close_batch(w, agent, b);
    queue_pop(q);
    if (w->digest_every && random_below(&w->random, w->digest_every) == 0)
        engine_digest_step(w, agent);
    return true;
}

static void gateway_put_in(struct world *w, uint32_t session)
{
    static const struct {
        uint8_t dest, lane;
    } ways[] = {{AGENT_DISTRIBUTION, LANE_REQUEST},
                {AGENT_DISTRIBUTION, LANE_QUOTE},
                {AGENT_ROUTING, LANE_ORDER},
                {AGENT_NONE, 0}};
    const struct session *s = gateway_session(w->live.gateway, session);
    uint64_t way = random_below(&w->random, 4), size = random_below(&w->random, 300);
    struct gateway_in *in = add(w, AGENT_GATEWAY, RECORD_GATEWAY_IN, sizeof *in + size);
    in->head.dest = ways[way].dest;
    in->head.lane = ways[way].lane;
    in->head.session = session;
    in->generation = s->generation;
    in->seq = s->next_in;
    in->size = (uint32_t)size;
    memset(in->bytes, 'a' + (int)(s->next_in % 26), size);
}

/* A frame comes in, or a session starts again at 1. */
bool world_receive(struct world *w)
{
    uint32_t session = (uint32_t)random_below(&w->random, WORLD_SESSIONS);
    if (!ring_room(&w->rings[AGENT_GATEWAY], BATCH_SIZE_MAX, 0))
        return false;
    struct batch *b = open_batch(w, AGENT_GATEWAY, NULL);
    if (random_below(&w->random, 200) == 0) {
        struct gateway_session_reset *ev = add(w, AGENT_GATEWAY, RECORD_GATEWAY_SESSION_RESET, sizeof *ev);
        ev->head.session = session;
        ev->generation = gateway_session(w->live.gateway, session)->generation + 1;
    } else {
        gateway_put_in(w, session);
    }
    close_batch(w, AGENT_GATEWAY, b);
    return true;
}

static void gateway_put_out(struct world *w, const struct engine_noted *ev)
{
    const struct session *s = gateway_session(w->live.gateway, ev->head.session);
    uint64_t size = 20 + random_below(&w->random, 200);
    struct gateway_out *out = add(w, AGENT_GATEWAY, RECORD_GATEWAY_OUT, sizeof *out + size);
    out->head.session = ev->head.session;
    out->generation = s->generation;
    out->seq = s->next_out;
    out->out.rfq = ev->rfq;
    out->admin = random_below(&w->random, 6) == 0;
    out->size = (uint32_t)size;
    memset(out->bytes, 'A' + (int)(s->next_out % 26), size);
}

/* An event is sent, or said not to be, to the engine it came from. */
static bool gateway_send(struct world *w)
{
    struct world_queue *q = queue_any(w, AGENT_GATEWAY);
    if (!q || !ring_room(&w->rings[AGENT_GATEWAY], BATCH_SIZE_MAX, 0))
        return false;
    const struct engine_noted *ev = (const void *)q->first->record;
    struct batch *b = open_batch(w, AGENT_GATEWAY, q->first);
    if (random_below(&w->random, 10) == 0) {
        struct gateway_unsent *unsent = add(w, AGENT_GATEWAY, RECORD_GATEWAY_UNSENT, sizeof *unsent);
        unsent->out.rfq = ev->rfq;
        unsent->head.dest = q->first->writer;
        unsent->head.lane = LANE_ORDER;
    } else {
        gateway_put_out(w, ev);
    }
    close_batch(w, AGENT_GATEWAY, b);
    queue_pop(q);
    return true;
}

static void gateway_sessions(struct world *w)
{
    if (gateway_session(w->live.gateway, 0))
        return;
    struct batch *b = open_batch(w, AGENT_GATEWAY, NULL);
    for (uint32_t i = 0; i < WORLD_SESSIONS; i++) {
        struct gateway_session_set *ev = add(w, AGENT_GATEWAY, RECORD_GATEWAY_SESSION_SET, sizeof *ev);
        ev->head.session = i;
        ev->session.id = i + 1;
        ev->session.generation = ev->session.next_in = ev->session.next_out = 1;
        snprintf(ev->session.name, sizeof ev->session.name, "session %u", i);
    }
    close_batch(w, AGENT_GATEWAY, b);
}

/* Life
 * ----------------------------------------------------------------------------------------------------------
 */

static void poll_agent(struct world *w, struct agent a)
{
    if (!w->real)
        disk_sim_set_time(w->disk, w->now);
    a.poll(a.self, w->now);
}

/* The store must never know what a power cut could still take away. */
static void checkpoint_is_behind(struct world *w)
{
    struct store_marks m;
    if (w->store->ops->marks(w->store, &m) == OK) {
        MUST(m.log_offset <= log_durable(w->log), "");
        MUST(m.redeliver_offset <= m.log_offset, "");
    }
}

void world_step(struct world *w)
{
    w->now += 1000 + random_below(&w->random, 100000);
    switch (random_below(&w->random, 8)) {
    case 0:
    case 1:
        world_receive(w);
        break;
    case 2:
    case 3:
        engine_step(w, AGENT_DISTRIBUTION);
        break;
    case 4:
        engine_step(w, AGENT_ROUTING);
        break;
    case 5:
        gateway_send(w);
        break;
    case 6:
        poll_agent(w, log_agent(w->log));
        break;
    default:
        poll_agent(w, replica_agent(w->replica));
        MUST(w->wrong_digest || w->newer || !replica_divergence(w->replica), replica_divergence(w->replica));
        checkpoint_is_behind(w);
        break;
    }
}

void world_settle(struct world *w)
{
    for (bool moved = true; moved;) {
        w->now += 1000;
        moved = engine_step(w, AGENT_DISTRIBUTION);
        moved |= engine_step(w, AGENT_ROUTING);
        moved |= gateway_send(w);
        poll_agent(w, log_agent(w->log));
    }
    for (unsigned i = 0; i < (w->real ? 100000000u : 100000u) &&
                         /* a real disk takes real time */ (log_durable(w->log) < log_end(w->log) ||
                                                            replica_offset(w->replica) < log_end(w->log) ||
                                                            log_next_seq(w->log) != replica_seq(w->replica));
         i++) {
        w->now += 1000000;
        poll_agent(w, log_agent(w->log));
        poll_agent(w, replica_agent(w->replica));
        MUST(!replica_divergence(w->replica), replica_divergence(w->replica));
    }
    MUST(replica_offset(w->replica) == log_end(w->log), "");
}

static void ring_path(const struct world *w, uint8_t agent, char path[96])
{
    snprintf(path, 96, "%s/%u.ring", w->directory, agent);
}

static void attach_rings(struct world *w)
{
    char path[96];
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        uint8_t a = world_agents[i];
        ring_path(w, a, path);
        enum err e = ring_open(&w->rings[a], path, a, &w->identity);
        w->has_ring[a] = e == OK;
        MUST(e == OK || e == ERR_NOT_FOUND, err_text(e));
    }
}

static void make_rings(struct world *w)
{
    char path[96];
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        uint8_t a = world_agents[i];
        if (w->has_ring[a])
            continue;
        ring_path(w, a, path);
        MUST(ring_create(&w->rings[a], path, RING_SIZE_MIN, a, &w->identity, w->recovered.position[a]) == OK,
             "");
        w->has_ring[a] = true;
    }
}

void world_input(struct world *w, struct recovery_input *in)
{
    *in = (struct recovery_input){.store = w->store, .log = w->log};
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        uint8_t a = world_agents[i];
        in->states[a] = world_state_of(&w->live, a);
        in->rings[a] = w->has_ring[a] ? &w->rings[a] : NULL;
    }
}

/* The oracle for what is to be delivered again: every addressed record of the journals that its addressee's
 * state has not consumed, in the order of its writer. */
static void check_pending(struct world *w, const struct recovery_input *in)
{
    struct recovery_cursor *c;
    size_t at[AGENTS_MAX] = {0};
    const struct record *inner[AGENTS_MAX] = {0}, *r;
    uint8_t writer;
    uint64_t position, origin;
    MUST(recovery_pending_open(&c, in, &w->recovered) == OK, store_error());
    while ((r = recovery_pending_peek(c, &writer, &position, &origin)) != NULL) {
        const struct record *expected = NULL;
        const struct batch *b = NULL;
        while (!expected) { /* the writer's next unconsumed one */
            b = journal_at(&w->journals[writer], at[writer]);
            MUST(b != NULL, "something that is not unconsumed was found");
            inner[writer] = inner[writer] ? batch_after(b, inner[writer]) : batch_first(b);
            if (!inner[writer]) {
                at[writer] += b->size;
                continue;
            }
            const struct record *x = inner[writer];
            if (x->dest != AGENT_NONE &&
                batch_record_position(b, x) > in->states[x->dest]->marks.consumed[writer][x->lane])
                expected = x;
        }
        MUST(position == batch_record_position(b, expected), "");
        MUST(origin == (expected->type == RECORD_GATEWAY_IN ? expected->time_ns : b->origin_time_ns), "");
        MUST(memcmp(r, expected, expected->size) == 0, "");
        queue_put(w, writer, position, origin, r);
        w->redelivered++;
        recovery_pending_next(c);
    }
    recovery_pending_close(c);
    for (unsigned i = 0; i < WORLD_AGENTS; i++) { /* and none was left out */
        uint8_t a = world_agents[i];
        for (const struct batch *b; (b = journal_at(&w->journals[a], at[a]));
             at[a] += b->size, inner[a] = NULL)
            for (const struct record *x = inner[a] ? batch_after(b, inner[a]) : batch_first(b); x;
                 x = batch_after(b, x))
                MUST(x->dest == AGENT_NONE ||
                         batch_record_position(b, x) <= in->states[x->dest]->marks.consumed[a][x->lane],
                     "an unconsumed record was left out");
    }
}

struct sent_check {
    const struct world *w;
    uint64_t next[WORLD_SESSIONS]; /* journal offset of the newest seen + 1 */
    uint64_t last_seq[WORLD_SESSIONS], bytes[WORLD_SESSIONS], oldest[WORLD_SESSIONS];
};

static void check_one_sent(void *ctx, const struct gateway_out *sent)
{
    struct sent_check *c = ctx;
    uint32_t s = sent->head.session;
    MUST(s < WORLD_SESSIONS, "");
    MUST(!sent->admin && sent->generation == gateway_session(c->w->live.gateway, s)->generation, "");
    MUST(sent->seq > c->last_seq[s], "");
    if (!c->oldest[s])
        c->oldest[s] = sent->seq;
    c->last_seq[s] = sent->seq;
    c->bytes[s] += sent->head.size;
    MUST(sent->bytes[0] == 'A' + (int)(sent->seq % 26), "");
}

#define SENT_SIZE 20000u

/* The newest messages that fit, each once: counted against the journal. */
static void check_sent(struct world *w, const struct recovery_input *in)
{
    struct sent_check c = {.w = w};
    uint64_t bytes[WORLD_SESSIONS] = {0}, older[WORLD_SESSIONS] = {0};
    MUST(recovery_sent(in, &w->recovered, SENT_SIZE, check_one_sent, &c) == OK, store_error());
    const struct batch *b;
    for (size_t at = 0; (b = journal_at(&w->journals[AGENT_GATEWAY], at)); at += b->size)
        for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
            const struct gateway_out *out = (const void *)r;
            if (r->type != RECORD_GATEWAY_OUT || out->admin ||
                out->generation != gateway_session(w->live.gateway, r->session)->generation)
                continue;
            if (c.oldest[r->session] && out->seq >= c.oldest[r->session])
                bytes[r->session] += r->size;
            else
                older[r->session] = r->size; /* the newest of those that were left out */
        }
    for (unsigned s = 0; s < WORLD_SESSIONS; s++) {
        MUST(c.bytes[s] == bytes[s], "");
        MUST(c.bytes[s] <= SENT_SIZE, "");
        MUST(w->sent_max || !older[s] || c.bytes[s] + older[s] > SENT_SIZE, "one more would have fitted");
    }
}

static void journals_cut(struct world *w)
{
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        uint8_t a = world_agents[i];
        MUST(w->recovered.position[a] <= w->journals[a].size, "");
        w->journals[a].size = w->recovered.position[a];
    }
}

static void check_recovered(struct world *w)
{
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        uint8_t a = world_agents[i];
        struct state *s = world_state_of(&w->live, a);
        MUST(s->marks.position == w->recovered.position[a], "");
        MUST(s->marks.position == world_written(w, a), "");
        MUST(state_digest(s) == world_digest(w, a, s->marks.position), "");
        /* A consistent cut: what caused it is there. */
        for (unsigned c = 0; c < AGENTS_MAX; c++)
            for (unsigned l = 0; l < LANES_MAX; l++)
                MUST(s->marks.consumed[c][l] <= w->recovered.position[c], "");
    }
}

static void start_log(struct world *w)
{
    struct log_source sources[AGENTS_MAX] = {0};
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        uint8_t a = world_agents[i];
        sources[a] = (struct log_source){&w->rings[a], w->recovered.merged[a]};
    }
    log_start(w->log, sources, w->recovered.next_seq);
}

static void start_replica(struct world *w)
{
    struct replica_config c = {.log = w->log,
                               .counters = w->counters,
                               .store = w->store,
                               .distribution = w->copy.distribution,
                               .routing = w->copy.routing,
                               .gateways = {w->copy.gateway},
                               .gateway_count = 1,
                               .log_offset = w->recovered.log_offset,
                               .next_seq = w->recovered.next_seq,
                               .checkpoint_interval_ns = 3000000,
                               .checkpoint_events = 40,
                               .retention_ns = w->retention_ns,
                               .sent_max = w->sent_max,
                               .own_thread = w->own_thread};
    MUST(replica_create(&w->replica, &c) == OK, replica_create_error());
}

static void open_parts(struct world *w)
{
    char path[96];
    if (!w->real) {
        disk_sim_set_time(w->disk, w->now);
        MUST(store_memory_create(&w->store, &w->keep) == OK, "");
        return;
    }
    snprintf(path, sizeof path, "%s/log", w->directory);
    MUST(disk_uring_create(&w->disk, path) == OK, path);
    snprintf(path, sizeof path, "%s/store", w->directory);
    MUST(store_lmdb_create(&w->store, path, 256u << 20) == OK, store_error());
}

void world_start(struct world *w, bool after_cut)
{
    struct log_config log = {.disk = w->disk,
                             .segment_size = LOG_SEGMENT_SIZE_MIN,
                             .sync_interval_ns = 2000000,
                             .retain_size = w->retain_size};
    struct recovery_input in;
    memcpy(log.instance, w->identity.instance, sizeof log.instance);
    memcpy(log.boot, w->identity.boot, sizeof log.boot);
    open_parts(w);
    log.disk = w->disk;
    enum err e = log_open(&w->log, &log);
    MUST(e == OK, w->log ? log_error(w->log) : "no memory");
    world_states_make(&w->live, false);
    world_states_make(&w->copy, true);
    attach_rings(w);
    world_input(w, &in);
    e = recovery_run(&in, &w->recovered);
    MUST(e == OK, w->recovered.error);
    MUST(!w->recovered.error, "");
    if (after_cut)
        journals_cut(w);
    check_recovered(w);
    check_pending(w, &in);
    check_sent(w, &in);
    make_rings(w);
    start_log(w);
    start_replica(w);
    gateway_sessions(w);
}

static void end(struct world *w)
{
    replica_destroy(w->replica);
    w->replica = NULL;
    log_close(w->log);
    w->log = NULL;
    w->store->ops->destroy(w->store);
    w->store = NULL;
    if (w->real) {
        w->disk->ops->destroy(w->disk);
        w->disk = NULL;
    }
    queues_clear(w);
    for (unsigned a = 0; a < AGENTS_MAX; a++)
        if (w->has_ring[a]) {
            ring_close(&w->rings[a]);
            w->has_ring[a] = false;
        }
    world_states_free(&w->live);
    world_states_free(&w->copy);
}

void world_kill(struct world *w)
{
    end(w);
    if (!w->real)
        disk_sim_kill(w->disk);
}

void world_power_cut(struct world *w)
{
    char path[96];
    end(w);
    disk_sim_power_cut(w->disk);
    w->identity.boot[0]++;
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        ring_path(w, world_agents[i], path);
        unlink(path);
    }
}

void world_stop(struct world *w)
{
    world_settle(w);
    MUST(log_flush(w->log) == OK, "");
    MUST(replica_checkpoint_now(w->replica) == OK, "");
    MUST(replica_checkpoint_offset(w->replica) == log_end(w->log), "");
    end(w);
}

static void make(struct world *w, uint64_t seed, const char *directory)
{
    memset(w, 0, sizeof *w);
    w->random = seed;
    w->now = 1700000000000000000ull;
    w->digest_every = 7;
    w->identity.instance[0] = 1;
    w->identity.boot[0] = 1;
    strcpy(w->directory, directory);
    MUST(mkdtemp(w->directory), directory);
}

void world_make(struct world *w, uint64_t seed)
{
    make(w, seed, "/dev/shm/rfqd-world-XXXXXX");
    MUST(disk_sim_create(&w->disk, seed) == OK, "");
    disk_sim_set_latency(w->disk, 100000, 2000000, 1000000);
}

void world_make_real(struct world *w, uint64_t seed)
{
    make(w, seed, "/tmp/rfqd-world-XXXXXX");
    w->real = true;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void world_free(struct world *w)
{
    nftw(w->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    for (unsigned i = 0; i < WORLD_AGENTS; i++)
        free(w->journals[world_agents[i]].bytes);
    store_memory_free(w->keep);
    if (!w->real)
        w->disk->ops->destroy(w->disk);
}

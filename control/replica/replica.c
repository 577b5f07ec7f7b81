#include "control/replica/replica.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/replica/history.h"
#include "control/replica/rows.h"
#include "control/replica/scan.h"
#include "control/replica/stages.h"
#include "control/replica/timeline.h"
#include "storage/recovery.h"

#define SHOW_INTERVAL_NS 100000000ull /* the log grows while a replica stands still */

struct replica_counters {
    counter_value *events, *commits, *commit_errors, *forgotten, *committed, *seq, *lag, *checkpoint_lag,
        *pending, *used, *map;
};

struct replica {
    struct replica_config config;
    struct state *states[AGENTS_MAX];
    struct store_marks loaded; /* where the last run's store was: marks of agents that are no more are kept */
    struct log_reader *reader;
    struct checkpoint *checkpoint;
    uint64_t next_seq, offset;
    uint64_t merged[AGENTS_MAX];
    uint64_t events_since_cut, cut_ns, shown_ns;
    bool cut_soon; /* an operator wants one */
    bool stopped;
    char divergence[320];
    struct unconsumed unconsumed;
    struct rows rows;
    struct stages stages;
    struct {
        replica_watcher watcher;
        void *ctx;
    } watchers[REPLICA_WATCHERS_MAX];
    unsigned watcher_count;
    struct replica_counters counters;
    counter_value own_counters[sizeof(struct replica_counters) / sizeof(counter_value *)];
};

static _Thread_local char create_error[320];

const char *replica_create_error(void)
{
    return create_error;
}

/* Applying
 * ----------------------------------------------------------------------------------------------------- */

static bool stop(struct replica *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool stop(struct replica *r, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->divergence, sizeof r->divergence, format, arguments);
    va_end(arguments);
    r->stopped = true;
    return false;
}

static const char *writer_name(unsigned agent)
{
    switch (agent) {
    case AGENT_DISTRIBUTION:
        return "distribution";
    case AGENT_ROUTING:
        return "routing";
    case AGENT_CONTROL:
        return "control";
    default:
        return "gateway";
    }
}

/* The engine has put its digest into the log: it is that of its state before the batch. */
static bool digests_agree(struct replica *r, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    struct state *s = r->states[b->agent];
    uint64_t seq = f->first_seq;
    for (const struct record *rec = batch_first(b); s && rec; rec = batch_after(b, rec), seq++) {
        if (rec->type != RECORD_DISTRIBUTION_DIGEST && rec->type != RECORD_ROUTING_DIGEST)
            continue;
        const struct engine_digest *ev = (const struct engine_digest *)(const void *)rec;
        uint64_t own = state_digest(s);
        if (own != ev->digest)
            return stop(
                r,
                "%s: before event %" PRIu64 " (log offset %" PRIu64 ") the engine's digest is %016" PRIx64
                ", the replica's %016" PRIx64 ", after %" PRIu64 " and %" PRIu64 " batches",
                writer_name(b->agent), seq, f->offset, ev->digest, own, ev->batches, s->marks.batches);
    }
    return true;
}

static void track(struct replica *r, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    uint64_t seq = f->first_seq;
    for (const struct record *rec = batch_first(b); rec; rec = batch_after(b, rec), seq++) {
        uint64_t position = batch_record_position(b, rec);
        const struct state *addressee = rec->dest == AGENT_NONE ? NULL : r->states[rec->dest];
        if (addressee && position > addressee->marks.consumed[b->agent][rec->lane])
            unconsumed_add(&r->unconsumed, f, rec, position, seq, rec->type == RECORD_GATEWAY_IN);
    }
}

static void write_rows(struct replica *r, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    uint64_t seq = f->first_seq;
    if (b->cause_agent != AGENT_NONE) {
        const struct unconsumed_entry *cause =
            unconsumed_take(&r->unconsumed, b->agent, b->cause_agent, b->cause_lane, b->cause);
        if (cause)
            rows_cause(&r->rows, b, b->cause_agent, cause, r->config.routing);
    }
    for (const struct record *rec = batch_first(b); rec; rec = batch_after(b, rec), seq++)
        rows_record(&r->rows, f, rec, seq, r->config.routing);
}

static bool apply_frame(struct replica *r, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    const char *why;
    if (f->first_seq != r->next_seq || b->position != r->merged[b->agent])
        return stop(r,
                    "log offset %" PRIu64 ": event %" PRIu64 " of %s at ring position %" PRIu64
                    ", where event %" PRIu64 " and position %" PRIu64 " come next",
                    f->offset, f->first_seq, writer_name(b->agent), b->position, r->next_seq,
                    r->merged[b->agent]);
    if (!digests_agree(r, f))
        return false;
    write_rows(r, f);
    track(r, f);
    if (recovery_apply(r->states[b->agent], b, &why) != OK)
        return stop(r, "log offset %" PRIu64 ": %s", f->offset, why);
    stages_measure(&r->stages, b, r->config.distribution, r->config.routing);
    r->merged[b->agent] = b->position + b->size;
    r->next_seq += b->count;
    r->offset = log_reader_offset(r->reader);
    r->events_since_cut += b->count;
    counter_add(r->counters.events, b->count);
    for (unsigned i = 0; i < r->watcher_count; i++)
        r->watchers[i].watcher(r->watchers[i].ctx, b, f->first_seq, r->offset);
    return true;
}

/* Rows without end must not pile up while the store does not take them. */
static bool has_room(const struct replica *r)
{
    return checkpoint_filling(r->checkpoint)->size < CHECKPOINT_SIZE_MAX;
}

static unsigned apply_some(struct replica *r, uint64_t limit, unsigned frames_max)
{
    unsigned frames = 0;
    while (!r->stopped && frames < frames_max && has_room(r)) {
        enum err e;
        const struct log_frame *f = log_reader_next(r->reader, limit, &e);
        if (!f) {
            if (e)
                stop(r, "log offset %" PRIu64 ": %s", r->offset, log_reader_error(r->reader));
            break;
        }
        apply_frame(r, f);
        frames++;
    }
    return frames;
}

/* Checkpoint
 * --------------------------------------------------------------------------------------------------- */

static void cut(struct replica *r)
{
    struct store_marks m = r->loaded;
    m.log_offset = r->offset;
    m.next_seq = r->next_seq;
    m.redeliver_offset = unconsumed_oldest(&r->unconsumed, r->offset);
    m.stream_epoch = log_stream_epoch(r->config.log);
    memcpy(m.merged, r->merged, sizeof m.merged);
    for (unsigned a = 0; a < AGENTS_MAX; a++)
        if (r->states[a]) {
            m.agents[a] = r->states[a]->marks;
            m.digest[a] = state_digest(r->states[a]);
        }
    rows_entities(&r->rows);
    checkpoint_cut(r->checkpoint, &m);
    r->events_since_cut = 0;
    r->cut_soon = false;
}

static bool is_due(const struct replica *r, uint64_t now_ns)
{
    return r->events_since_cut > 0 &&
           (r->cut_soon || r->events_since_cut >= r->config.checkpoint_events ||
            now_ns - r->cut_ns >= r->config.checkpoint_interval_ns || !has_room(r));
}

static void show(struct replica *r)
{
    uint64_t used, map, written = log_written(r->config.log);
    counter_set(r->counters.seq, r->next_seq - 1);
    counter_set(r->counters.lag, written - r->offset);
    counter_set(r->counters.checkpoint_lag, written - checkpoint_offset(r->checkpoint));
    counter_set(r->counters.pending, r->unconsumed.count);
    if (counter_get(r->counters.commits) == checkpoint_commits(r->checkpoint) &&
        counter_get(r->counters.commit_errors) == checkpoint_failures(r->checkpoint))
        return;
    counter_set(r->counters.commits, checkpoint_commits(r->checkpoint));
    counter_set(r->counters.committed, checkpoint_bytes(r->checkpoint));
    counter_set(r->counters.commit_errors, checkpoint_failures(r->checkpoint));
    counter_set(r->counters.forgotten, checkpoint_forgotten(r->checkpoint));
    r->config.store->ops->size(r->config.store, &used, &map);
    counter_set(r->counters.used, used);
    counter_set(r->counters.map, map);
}

static unsigned poll(void *self, uint64_t now_ns)
{
    struct replica *r = self;
    unsigned work = checkpoint_poll(r->checkpoint, now_ns);
    work += apply_some(r, r->config.durable_only ? log_durable(r->config.log) : UINT64_MAX,
                       REPLICA_FRAMES_PER_POLL);
    if (!r->stopped && is_due(r, now_ns) && checkpoint_can_cut(r->checkpoint)) {
        cut(r);
        r->cut_ns = now_ns;
        work += 1 + checkpoint_poll(r->checkpoint, now_ns);
    }
    if (work || now_ns - r->shown_ns >= SHOW_INTERVAL_NS) {
        show(r);
        r->shown_ns = now_ns;
    }
    return work;
}

enum err replica_history(struct replica *r, uint64_t rfq, uint64_t from_seq,
                         bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row), void *ctx)
{
    return history_of(r, rfq, from_seq, visit, ctx);
}

enum err replica_timeline_begin(struct replica_timeline **out, struct replica *r, uint64_t rfq)
{
    return timeline_begin(out, r->config.store, r->checkpoint, rfq, replica_seq(r));
}

enum err replica_scan(struct replica *r, const struct replica_range *range, replica_row *visit, void *ctx)
{
    return scan_with_ahead(r->config.store, r->checkpoint, range, visit, ctx);
}

enum err replica_checkpoint_now(struct replica *r)
{
    enum err e = OK;
    do {
        apply_some(r, UINT64_MAX, UINT32_MAX);
        if (r->stopped)
            return ERR_STATE;
        e = checkpoint_wait(r->checkpoint, r->cut_ns);
        if (!e && r->events_since_cut > 0) {
            cut(r);
            e = checkpoint_wait(r->checkpoint, r->cut_ns);
        }
    } while (!e && r->offset < log_written(r->config.log)); /* its buffer was full before the end */
    show(r);
    return e;
}

/* Start
 * -------------------------------------------------------------------------------------------------------- */

static enum err states_are_new(const struct replica *r)
{
    for (unsigned a = 0; a < AGENTS_MAX; a++) {
        const struct state *s = r->states[a];
        for (unsigned i = 0; s && i < s->table_count; i++)
            if (table_count(s->tables[i]) || !table_is_tracked(s->tables[i]) || s->marks.batches) {
                snprintf(create_error, sizeof create_error, "the state of %s is not new, or not tracked: %s",
                         writer_name(a), table_name(s->tables[i]));
                return ERR_STATE;
            }
    }
    return OK;
}

/* What the last run's commit left unconsumed: looked at, not applied. */
static enum err scan_unconsumed(struct replica *r)
{
    const struct log_frame *f;
    enum err e = log_reader_open(&r->reader, r->config.log, r->loaded.redeliver_offset);
    if (e) {
        snprintf(create_error, sizeof create_error, "log offset %" PRIu64 ": %s", r->loaded.redeliver_offset,
                 err_text(e));
        return e;
    }
    while ((f = log_reader_next(r->reader, r->loaded.log_offset, &e)) != NULL)
        track(r, f);
    if (e)
        snprintf(create_error, sizeof create_error, "%s", log_reader_error(r->reader));
    return e;
}

/* The log up to where recovery ended. All of it is durable. */
static enum err catch_up(struct replica *r)
{
    enum err e = OK;
    while (!e && !r->stopped && r->offset < r->config.log_offset) {
        unsigned frames = apply_some(r, r->config.log_offset, UINT32_MAX);
        if (r->offset < r->config.log_offset && !r->stopped) {
            if (frames == 0 && has_room(r))
                break; /* nothing but padding is left */
            cut(r);
            e = checkpoint_wait(r->checkpoint, r->cut_ns);
        }
    }
    if (e)
        snprintf(create_error, sizeof create_error, "%s", checkpoint_error(r->checkpoint));
    else if (r->stopped)
        snprintf(create_error, sizeof create_error, "%s", r->divergence);
    else if (r->config.next_seq && r->next_seq != r->config.next_seq)
        snprintf(create_error, sizeof create_error,
                 "the replica comes to event %" PRIu64 ", recovery came to %" PRIu64, r->next_seq,
                 r->config.next_seq);
    else
        return OK;
    return e ? e : ERR_CORRUPT;
}

static void make_counters(struct replica *r)
{
    static const struct {
        enum counter_kind kind;
        const char *name;
    } names[] = {
        {COUNTER_TOTAL, "rfqd_replica_events_total"},
        {COUNTER_TOTAL, "rfqd_replica_commits_total"},
        {COUNTER_TOTAL, "rfqd_replica_commit_errors_total"},
        {COUNTER_TOTAL, "rfqd_replica_forgotten_total"},
        {COUNTER_TOTAL, "rfqd_store_committed_bytes_total"},
        {COUNTER_GAUGE, "rfqd_replica_seq"},
        {COUNTER_GAUGE, "rfqd_replica_lag_bytes"},
        {COUNTER_GAUGE, "rfqd_replica_checkpoint_lag_bytes"},
        {COUNTER_GAUGE, "rfqd_replica_pending_records"},
        {COUNTER_GAUGE, "rfqd_store_used_bytes"},
        {COUNTER_GAUGE, "rfqd_store_map_bytes"},
    };
    counter_value **all[] = {&r->counters.events,
                             &r->counters.commits,
                             &r->counters.commit_errors,
                             &r->counters.forgotten,
                             &r->counters.committed,
                             &r->counters.seq,
                             &r->counters.lag,
                             &r->counters.checkpoint_lag,
                             &r->counters.pending,
                             &r->counters.used,
                             &r->counters.map};
    static_assert(sizeof names / sizeof *names == sizeof all / sizeof *all, "each has a name");
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = r->config.counters ? counter_new(r->config.counters, names[i].kind, names[i].name, "")
                                     : &r->own_counters[i];
}

static enum err open_replica(struct replica *r)
{
    const char *why;
    const struct replica_config *c = &r->config;
    const struct checkpoint_config checkpoint = {
        .store = c->store, .log = c->log, .retention_ns = c->retention_ns, .own_thread = c->own_thread};
    enum err e = states_are_new(r);
    if (e)
        return e;
    e = recovery_load(c->store, r->states, &r->loaded, &why);
    if (e) {
        snprintf(create_error, sizeof create_error, "%s", why);
        return e;
    }
    r->next_seq = r->loaded.next_seq;
    r->offset = r->loaded.log_offset;
    memcpy(r->merged, r->loaded.merged, sizeof r->merged);
    e = checkpoint_create(&r->checkpoint, &checkpoint);
    if (!e)
        e = rows_open(&r->rows, r->checkpoint, c, c->store, r->states);
    if (e) {
        snprintf(create_error, sizeof create_error, "%s", err_text(e));
        return e;
    }
    checkpoint_set_offset(r->checkpoint, &r->loaded);
    e = scan_unconsumed(r);
    return e ? e : catch_up(r);
}

enum err replica_create(struct replica **out, const struct replica_config *c)
{
    create_error[0] = 0;
    *out = NULL;
    struct replica *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_MEMORY;
    r->config = *c;
    r->states[AGENT_DISTRIBUTION] = &c->distribution->base;
    r->states[AGENT_ROUTING] = &c->routing->base;
    for (unsigned i = 0; i < c->gateway_count; i++)
        r->states[AGENT_GATEWAY + i] = &c->gateways[i]->base;
    make_counters(r);
    stages_reset(&r->stages);
    enum err e = open_replica(r);
    if (e) {
        replica_destroy(r);
        return e;
    }
    show(r);
    *out = r;
    return OK;
}

void replica_destroy(struct replica *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->rows.table_count; i++)
        table_on_remove(r->rows.tables[i].table, NULL, NULL);
    if (r->reader)
        log_reader_close(r->reader);
    checkpoint_destroy(r->checkpoint);
    unconsumed_free(&r->unconsumed);
    stages_free(&r->stages);
    free(r);
}

/* What is known
 * ------------------------------------------------------------------------------------------------ */

struct agent replica_agent(struct replica *r)
{
    return (struct agent){.name = "replica", .poll = poll, .self = r};
}

void replica_watch(struct replica *r, replica_watcher watcher, void *ctx)
{
    assert(r->watcher_count < REPLICA_WATCHERS_MAX);
    r->watchers[r->watcher_count].watcher = watcher;
    r->watchers[r->watcher_count++].ctx = ctx;
}

uint64_t replica_seq(const struct replica *r)
{
    return r->next_seq;
}

uint64_t replica_offset(const struct replica *r)
{
    return r->offset;
}

const char *replica_divergence(const struct replica *r)
{
    return r->stopped ? r->divergence : NULL;
}

const char *replica_error(const struct replica *r)
{
    return checkpoint_error(r->checkpoint);
}

uint64_t replica_lag(const struct replica *r)
{
    uint64_t end = log_end(r->config.log); /* moved by the log's own core */
    return end > r->offset ? end - r->offset : 0;
}

enum replica_standing replica_standing(const struct replica *r)
{
    return r->stopped                         ? REPLICA_DIFFERS
           : !has_room(r)                     ? REPLICA_FULL
           : replica_lag(r) > REPLICA_LAG_MAX ? REPLICA_BEHIND
                                              : REPLICA_FOLLOWS;
}

const struct histogram *replica_stage(const struct replica *r, enum stage s)
{
    assert((unsigned)s < STAGES);
    return &r->stages.histograms[s];
}

const struct histogram *replica_session_stage(const struct replica *r, uint32_t session, enum stage s)
{
    assert((unsigned)s < STAGES && session < SESSIONS_MAX);
    return r->stages.of_session[session][s];
}

void replica_stages_reset(struct replica *r)
{
    stages_reset(&r->stages);
}

const struct histogram *replica_commit_times(const struct replica *r)
{
    return checkpoint_times(r->checkpoint);
}

uint64_t replica_checkpoint_offset(const struct replica *r)
{
    return checkpoint_offset(r->checkpoint);
}

void replica_hold_log(struct replica *r, bool held)
{
    checkpoint_hold_log(r->checkpoint, held);
}

void replica_checkpoint_soon(struct replica *r)
{
    r->cut_soon = r->events_since_cut > 0;
}

const struct replica_config *replica_config(const struct replica *r)
{
    return &r->config;
}

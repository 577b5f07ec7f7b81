#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "storage/log/inside.h"

#define GAUGES_INTERVAL_NS 1000000ull

void log_fail(struct log *l, const char *format, ...)
{
    if (log_failed(l))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(l->error, sizeof l->error, format, arguments);
    va_end(arguments);
    counter_set(l->failed_now, 1);
    /* Pairs with log_failed: whoever sees it reads the text. */
    atomic_store_explicit(&l->failed, true, memory_order_release);
}

/* The agent
 * ------------------------------------------------------------------------------------------------------ */

static void completed(struct log *l, const struct disk_completion *done)
{
    enum log_token kind = (enum log_token)(done->token >> 32);
    switch (kind) {
    case TOKEN_BUFFER:
        write_completed(l, (unsigned)done->token, done->error);
        break;
    case TOKEN_SYNC:
        sync_completed(l, done->error);
        break;
    case TOKEN_MARK_WRITE:
    case TOKEN_MARK_SYNC:
        mark_completed(l, kind, done->error);
        break;
    case TOKEN_JOB:
        segment_completed(l, done);
        break;
    }
}

static bool is_waiting(const struct log *l)
{
    return l->inflight || l->syncing || l->mark_step == MARK_WRITING || l->job != LOG_JOB_NONE;
}

static unsigned completions_take(struct log *l)
{
    struct disk_completion done[LOG_COMPLETIONS];
    unsigned n = l->disk->ops->poll(l->disk, done, LOG_COMPLETIONS);
    for (unsigned i = 0; i < n; i++)
        completed(l, &done[i]);
    return n;
}

static const char *stall_reason(struct log *l)
{
    for (unsigned i = l->oldest; i != l->newest; i++)
        if (log_buffer(l, i)->retry_ns)
            return "no space on the log's disk to write to";
    if (!l->blocked_ns)
        return NULL;
    if (l->no_space && l->next_file == DISK_FILE_NONE)
        return "no space on the log's disk for the next segment";
    return l->now_ns - l->blocked_ns >= LOG_SILENCE_NS ? "the log's disk does not keep up" : NULL;
}

static void stall_watch(struct log *l)
{
    const char *reason = stall_reason(l), *before = atomic_load_explicit(&l->stalled, memory_order_relaxed);
    if (reason == before)
        return;
    if (!before)
        counter_add(l->stalls, 1);
    counter_set(l->stalled_now, reason != NULL);
    atomic_store_explicit(&l->stalled, reason, memory_order_release);
}

static void gauges_set(struct log *l)
{
    if (l->now_ns - l->gauges_ns < GAUGES_INTERVAL_NS)
        return;
    l->gauges_ns = l->now_ns;
    for (unsigned i = 0; i < l->source_count; i++) {
        struct source *s = &l->sources[l->order[i]];
        uint64_t tail = atomic_load_explicit(&s->reader.shared->tail, memory_order_relaxed);
        counter_set(s->lag, tail - l->wrote.positions[l->order[i]]);
    }
    uint64_t begin = atomic_load_explicit(&l->begin, memory_order_relaxed);
    counter_set(l->segment_count,
                (l->next_base - begin) / l->config.segment_size + (l->next_file != DISK_FILE_NONE));
    counter_set(l->unsynced, l->taken.offset - l->synced.offset);
}

static unsigned log_poll(void *self, uint64_t now_ns)
{
    struct log *l = self;
    unsigned work = 0;
    l->now_ns = now_ns;
    if (log_failed(l))
        return 0;
    if (is_waiting(l))
        work += completions_take(l);
    if (!l->started || log_failed(l))
        return work;
    work += merge_run(l);
    if (log_failed(l))
        return work;
    write_start(l);
    sync_run(l);
    mark_run(l);
    segment_housekeep(l);
    stall_watch(l);
    gauges_set(l);
    return work;
}

struct agent log_agent(struct log *l)
{
    return (struct agent){.name = "log", .poll = log_poll, .self = l};
}

static void source_start(struct log *l, uint8_t agent, const struct log_source *from)
{
    struct source *s = &l->sources[agent];
    l->taken.positions[agent] = from->merged;
    if (!from->ring)
        return;
    assert(from->ring->agent == agent);
    char label[24];
    snprintf(label, sizeof label, "agent=\"%u\"", agent);
    s->present = true;
    s->lag = counter_new(l->config.counters, COUNTER_GAUGE, "rfqd_log_lag_bytes", label);
    ring_reader_init(&s->reader, from->ring, from->merged);
    /* What the log holds was synced when it was opened. */
    ring_release(&s->reader, from->merged);
    ring_set_durable(&s->reader, from->merged);
    l->order[l->source_count++] = agent;
}

void log_start(struct log *l, const struct log_source sources[AGENTS_MAX], uint64_t next_seq)
{
    assert(!l->started && !log_failed(l));
    if (l->taken.offset == 0)
        l->taken.next_seq = next_seq;
    assert(next_seq == l->taken.next_seq);
    for (uint8_t i = 0; i < AGENTS_MAX; i++)
        source_start(l, i, &sources[i]);
    l->wrote = l->synced = l->taken;
    atomic_store_explicit(&l->next_seq, next_seq, memory_order_relaxed);
    l->started = true;
}

/* A clean stop
 * ----------------------------------------------------------------------------------------------------- */

static bool is_quiet(struct log *l)
{
    return merge_is_idle(l) && l->synced.offset == l->taken.offset && l->oldest == l->newest;
}

/* Space may have returned since the last attempt: one more. */
static void retries_reset(struct log *l)
{
    l->job_retry_ns = l->mark_retry_ns = 0;
    for (unsigned i = 0; i < LOG_BUFFERS; i++)
        if (l->buffers[i].retry_ns)
            l->buffers[i].retry_ns = 1; /* due, and still known as one that found no space */
}

/* OK: go on; *done: nothing is left to do. */
static enum err flush_step(struct log *l, bool *done)
{
    unsigned work = log_poll(l, l->now_ns);
    if (log_failed(l))
        return ERR_IO;
    bool quiet = is_quiet(l);
    if (quiet)
        l->want_clean = true;
    *done = quiet && l->mark.clean && l->mark.durable == l->synced.offset && l->mark_step == MARK_IDLE;
    if (*done || work)
        return OK;
    if (is_waiting(l)) {
        l->disk->ops->wait(l->disk);
        return OK;
    }
    if (l->blocked_ns || l->oldest != l->newest || l->mark_retry_ns > l->now_ns)
        return ERR_FULL;
    /* Quiet: the next poll writes the mark. Else a batch waits for a cause that no ring holds. */
    return quiet || l->synced.offset != l->taken.offset ? OK : ERR_STATE;
}

enum err log_flush(struct log *l)
{
    if (!l->started)
        return ERR_STATE;
    enum err e = OK;
    bool done = false;
    l->hurry = true;
    retries_reset(l);
    while (!e && !done)
        e = flush_step(l, &done);
    l->hurry = false;
    return e;
}

/* Faces
 * ------------------------------------------------------------------------------------------------------------
 */

const char *log_error(const struct log *l)
{
    return l ? l->error : err_text(ERR_MEMORY);
}

uint64_t log_begin(const struct log *l)
{
    return atomic_load_explicit(&l->begin, memory_order_seq_cst); /* pairs with oldest_give_up */
}

uint64_t log_end(const struct log *l)
{
    return atomic_load_explicit(&l->end, memory_order_acquire);
}

uint64_t log_written(const struct log *l)
{
    return atomic_load_explicit(&l->written, memory_order_acquire); /* pairs with written_publish */
}

uint64_t log_durable(const struct log *l)
{
    return atomic_load_explicit(&l->durable, memory_order_acquire); /* pairs with sync_completed */
}

uint64_t log_next_seq(const struct log *l)
{
    return atomic_load_explicit(&l->next_seq, memory_order_relaxed);
}

uint64_t log_stream_epoch(const struct log *l)
{
    return atomic_load_explicit(&l->stream_epoch, memory_order_relaxed);
}

uint64_t log_incarnation(const struct log *l)
{
    return l->incarnation;
}

bool log_failed(const struct log *l)
{
    return atomic_load_explicit(&l->failed, memory_order_acquire); /* pairs with log_fail */
}

const char *log_stalled(const struct log *l)
{
    return atomic_load_explicit(&l->stalled, memory_order_acquire);
}

const struct histogram *log_sync_times(const struct log *l)
{
    return &l->sync_times;
}

void log_hold(struct log *l, uint64_t offset)
{
    uint64_t before = atomic_load_explicit(&l->hold, memory_order_relaxed);
    if (offset > before)
        atomic_store_explicit(&l->hold, offset, memory_order_release); /* pairs with recyclable_end */
}

#include "control/feed/feed.h"

#include <stdlib.h>
#include <string.h>

#include "control/feed/inside.h"

/* The oldest record
 * --------------------------------------------------------------------------------------------------- */

/* On a fetcher. Again where it was recycled meanwhile. */
static void look_at_oldest(void *ctx)
{
    struct feed *f = ctx;
    const struct log *l = node_log(f->node);
    enum err e;
    do {
        struct log_reader *r;
        f->oldest.offset = log_begin(l);
        f->oldest.seq = 0;
        e = log_reader_open(&r, l, f->oldest.offset);
        if (e)
            continue;
        const struct log_frame *frame = log_reader_next(r, UINT64_MAX, &e);
        if (frame || !e)
            f->oldest.seq = frame ? frame->first_seq : log_next_seq(l);
        f->oldest.time_ns = frame ? log_frame_batch(frame)->time_ns : 0;
        log_reader_close(r);
    } while (e == ERR_NOT_FOUND);
}

static void note_oldest(struct feed *f)
{
    if (!mailbox_free(&f->oldest.look.box))
        return;
    f->oldest_offset = f->oldest.offset;
    f->oldest_seq = f->oldest.seq;
    f->oldest_ns = f->oldest.time_ns;
    if (f->oldest_offset != log_begin(node_log(f->node)))
        ask_fetch(f, FEED_STREAM, &f->oldest.look);
}

/* Life
 * ----------------------------------------------------------------------------------------------------------
 */

static enum err open_parts(struct feed *f, bool own_threads)
{
    f->facts.owners = calloc(OWNERS_CACHED, sizeof *f->facts.owners);
    f->facts.quote_lps = calloc(QUOTE_LPS_CACHED, sizeof *f->facts.quote_lps);
    f->marks = calloc(MARKS_MAX, sizeof *f->marks);
    if (!f->facts.owners || !f->facts.quote_lps || !f->marks)
        return ERR_MEMORY;
    enum err e = OK;
    for (unsigned i = 0; !e && i < FEED_FORMS; i++)
        e = fetcher_open(&f->fetchers[i], own_threads);
    return e;
}

enum err feed_create(struct feed **out, struct node *node, struct counters *counters, bool own_threads)
{
    struct feed *f = *out = aligned_alloc(_Alignof(struct feed), sizeof *f);
    if (!f)
        return ERR_MEMORY;
    memset(f, 0, sizeof *f);
    f->node = node;
    f->facts.replica = node_replica(node);
    enum err e = open_parts(f, own_threads);
    if (e != OK) {
        feed_destroy(f);
        *out = NULL;
        return e;
    }
    f->seq = replica_seq(f->facts.replica) - 1;
    f->end = replica_offset(f->facts.replica);
    f->oldest.look = (struct fetch){.run = look_at_oldest, .ctx = f};
    look_at_oldest(f);
    note_oldest(f);
    f->events = counter_new(counters, COUNTER_TOTAL, "rfqd_feed_events_total", "");
    f->errors = counter_new(counters, COUNTER_TOTAL, "rfqd_feed_errors_total", "");
    f->read_again = counter_new(counters, COUNTER_TOTAL, "rfqd_feed_read_again_total", "");
    f->reader_gauge = counter_new(counters, COUNTER_GAUGE, "rfqd_feed_readers", "");
    f->fetches = counter_new(counters, COUNTER_TOTAL, "rfqd_feed_fetches_total", "");
    f->fetching = counter_new(counters, COUNTER_GAUGE, "rfqd_feed_fetches_waiting", "");
    return OK;
}

void feed_destroy(struct feed *f)
{
    for (unsigned i = 0; i < FEED_FORMS; i++)
        fetcher_close(&f->fetchers[i]);
    readers_end(f);
    free(f->facts.owners);
    free(f->facts.quote_lps);
    free(f->marks);
    json_free(&f->text);
    free(f);
}

void ask_fetch(struct feed *f, enum feed_form form, struct fetch *x)
{
    counter_add(f->fetches, 1);
    fetcher_ask(&f->fetchers[form], x);
}

unsigned feed_poll(struct feed *f)
{
    unsigned work = 0, waiting = 0;
    for (unsigned i = 0; i < FEED_FORMS; i++) {
        work += fetcher_poll(&f->fetchers[i]);
        waiting += fetcher_waiting(&f->fetchers[i]);
    }
    if (counter_get(f->fetching) != waiting)
        counter_set(f->fetching, waiting);
    note_oldest(f);
    if (f->leaving)
        readers_reap(f);
    return work;
}

void feed_follow(struct feed *f, const struct feed_follower *follower)
{
    f->follower = *follower;
}

uint64_t feed_epoch(const struct feed *f)
{
    return log_stream_epoch(node_log(f->node));
}

uint64_t feed_seq(const struct feed *f)
{
    return f->seq;
}

enum err feed_owner(struct feed *f, uint64_t rfq, struct view_owner *out)
{
    return rfq ? facts_owner(&f->facts, rfq, out) : ERR_NOT_FOUND;
}

/* Live
 * -----------------------------------------------------------------------------------------------------------
 */

enum err make_text(struct feed *f, enum feed_form form, const struct record *r, uint64_t epoch,
                   struct json *j, struct feed_event *e)
{
    j->used = 0;
    j->comma = j->failed = false;
    enum err error = event_text(&f->facts, form, r, epoch, e, j);
    e->text = error ? NULL : j->text;
    e->size = error ? 0 : j->used;
    return error;
}

enum err feed_record(struct feed *f, enum feed_form form, const struct record *r, uint64_t epoch,
                     uint64_t seq, struct feed_event *out)
{
    enum err e = event_of(&f->facts, form, r, out);
    out->seq = seq;
    return e || !out->name ? e : make_text(f, form, r, epoch ? epoch : feed_epoch(f), &f->text, out);
}

static void note_place(struct feed *f, const struct batch *b, uint64_t first_seq)
{
    const struct mark *last = f->mark_count ? &f->marks[(f->mark_count - 1) % MARKS_MAX] : NULL;
    if (!last || f->end - last->offset >= MARK_DISTANCE)
        f->marks[f->mark_count++ % MARKS_MAX] =
            (struct mark){.seq = first_seq, .offset = f->end, .time_ns = b->time_ns};
}

void feed_applied(struct feed *f, const struct batch *b, uint64_t first_seq, uint64_t end)
{
    uint64_t seq = first_seq;
    note_place(f, b, first_seq); /* f->end is where this frame begins, or a pad before it */
    f->end = end;
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r), seq++) {
        struct feed_event e;
        f->seq = seq;
        if (!f->follower.take)
            continue;
        enum err error = event_of(&f->facts, FEED_STREAM, r, &e);
        e.seq = seq;
        if (!e.name || !f->follower.wants(f->follower.ctx, &e))
            continue;
        if (!error)
            error = make_text(f, FEED_STREAM, r, feed_epoch(f), &f->text, &e);
        counter_add(error ? f->errors : f->events, 1);
        f->follower.take(f->follower.ctx, &e); /* an error: without its text */
    }
}

/* Finding a place
 * ----------------------------------------------------------------------------------------------- */

static bool comes_before(const struct mark *m, bool by_time, uint64_t wanted)
{
    return by_time ? m->time_ns < wanted : m->seq <= wanted;
}

bool find_mark(const struct feed *f, bool by_time, uint64_t wanted, uint64_t *offset)
{
    uint64_t low = f->mark_count > MARKS_MAX ? f->mark_count - MARKS_MAX : 0, high = f->mark_count;
    if (low == high || !comes_before(&f->marks[low % MARKS_MAX], by_time, wanted))
        return false;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (comes_before(&f->marks[middle % MARKS_MAX], by_time, wanted))
            low = middle;
        else
            high = middle;
    }
    *offset = f->marks[low % MARKS_MAX].offset;
    return true;
}

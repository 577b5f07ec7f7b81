#include "control/feed/feed.h"

#include <stdlib.h>
#include <string.h>

#include "control/feed/inside.h"

/* Where in the log a seq is: a place each MARK_DISTANCE bytes, the newest MARKS_MAX of them. What is older
 * the log finds. */
#define MARK_DISTANCE 65536u
#define MARKS_MAX     16384u

struct mark {
    uint64_t seq, offset, time_ns; /* of a batch's first record; where its frame begins */
};

struct feed_reader {
    struct feed *feed;
    struct log_reader *log;
    enum feed_form form;
    uint64_t since, from_ns; /* events after, and not before */
    const struct batch *batch;
    const struct record *record; /* the next to look at; NULL: the next frame */
    uint64_t seq, epoch;         /* of it */
    struct json text;
    struct feed_reader *next;
};

struct feed {
    struct node *node;
    struct facts facts;
    struct feed_follower follower;
    struct json text;
    uint64_t seq, end; /* applied */
    struct mark *marks;
    uint64_t mark_count; /* ever made; the ring holds the last MARKS_MAX */
    struct feed_reader *readers;
    counter_value *events, *read_again;
};

enum err feed_create(struct feed **out, struct node *node, struct counters *counters)
{
    struct feed *f = *out = calloc(1, sizeof *f);
    if (!f)
        return ERR_MEMORY;
    f->node = node;
    f->facts.replica = node_replica(node);
    f->facts.owners = calloc(OWNERS_CACHED, sizeof *f->facts.owners);
    f->facts.quote_lps = calloc(QUOTE_LPS_CACHED, sizeof *f->facts.quote_lps);
    f->marks = calloc(MARKS_MAX, sizeof *f->marks);
    if (!f->facts.owners || !f->facts.quote_lps || !f->marks) {
        feed_destroy(f);
        *out = NULL;
        return ERR_MEMORY;
    }
    f->seq = replica_seq(f->facts.replica) - 1;
    f->end = replica_offset(f->facts.replica);
    f->events = counter_new(counters, COUNTER_TOTAL, "rfqd_feed_events_total", "");
    f->read_again = counter_new(counters, COUNTER_TOTAL, "rfqd_feed_read_again_total", "");
    return OK;
}

void feed_destroy(struct feed *f)
{
    while (f->readers)
        feed_reader_close(f->readers);
    free(f->facts.owners);
    free(f->facts.quote_lps);
    free(f->marks);
    json_free(&f->text);
    free(f);
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

const struct view_owner *feed_owner(struct feed *f, uint64_t rfq)
{
    return rfq ? facts_owner(&f->facts, rfq) : NULL;
}

/* Live
 * -----------------------------------------------------------------------------------------------------------
 */

static void make_text(struct feed *f, enum feed_form form, const struct record *r, uint64_t epoch,
                      struct json *j, struct feed_event *e)
{
    j->used = 0;
    j->comma = j->failed = false;
    event_text(&f->facts, form, r, epoch, e, j);
    e->text = j->text;
    e->size = j->used;
}

bool feed_record(struct feed *f, enum feed_form form, const struct record *r, uint64_t seq,
                 struct feed_event *out)
{
    if (!event_of(&f->facts, form, r, out))
        return false;
    out->seq = seq;
    make_text(f, form, r, feed_epoch(f), &f->text, out);
    return !f->text.failed;
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
        if (!f->follower.take || !event_of(&f->facts, FEED_STREAM, r, &e))
            continue;
        e.seq = seq;
        if (!f->follower.wants(f->follower.ctx, &e))
            continue;
        make_text(f, FEED_STREAM, r, feed_epoch(f), &f->text, &e);
        counter_add(f->events, 1);
        if (f->text.failed)
            e.text = NULL;
        f->follower.take(f->follower.ctx, &e);
    }
}

/* Finding a place
 * ----------------------------------------------------------------------------------------------- */

static bool comes_before(const struct mark *m, bool by_time, uint64_t wanted)
{
    return by_time ? m->time_ns < wanted : m->seq <= wanted;
}

/* The last mark that is at or before; false: all of them are behind. */
static bool find_mark(const struct feed *f, bool by_time, uint64_t wanted, uint64_t *offset)
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

/* Readers
 * ------------------------------------------------------------------------------------------------------- */

static enum err open_reader(struct feed_reader **out, struct feed *f, enum feed_form form, bool by_time,
                            uint64_t wanted)
{
    uint64_t offset;
    *out = NULL;
    if (!find_mark(f, by_time, wanted, &offset)) {
        const struct log *l = node_log(f->node);
        enum err e = by_time ? log_find_time(l, wanted, &offset) : log_find_seq(l, wanted + 1, &offset);
        if (e)
            return e;
    }
    struct feed_reader *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_MEMORY;
    enum err e = log_reader_open(&r->log, node_log(f->node), offset);
    if (e) {
        free(r);
        return e;
    }
    r->feed = f;
    r->form = form;
    r->next = f->readers;
    f->readers = r;
    *out = r;
    return OK;
}

enum err feed_reader_open(struct feed_reader **out, struct feed *f, enum feed_form form, uint64_t since)
{
    *out = NULL;
    if (since > f->seq)
        return ERR_RANGE;
    if (log_begin(node_log(f->node)) == log_written(node_log(f->node)))
        return ERR_NOT_FOUND;
    enum err e = open_reader(out, f, form, false, since);
    if (e == OK)
        (*out)->since = since;
    return e;
}

enum err feed_reader_open_at(struct feed_reader **out, struct feed *f, enum feed_form form, uint64_t from_ns)
{
    enum err e = open_reader(out, f, form, true, from_ns);
    if (e == OK)
        (*out)->from_ns = from_ns;
    return e;
}

void feed_reader_close(struct feed_reader *r)
{
    if (!r)
        return;
    struct feed_reader **at = &r->feed->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    log_reader_close(r->log);
    json_free(&r->text);
    free(r);
}

/* The next record to look at; NULL: none among so many frames, *done: none at all yet. */
static const struct record *next_record(struct feed_reader *r, unsigned *frames, bool *done, enum err *e)
{
    while (!r->record) {
        if (*frames == 0)
            return NULL;
        --*frames;
        const struct log_frame *f = log_reader_next(r->log, r->feed->end, e);
        if (!f) {
            *done = !*e;
            return NULL;
        }
        r->batch = log_frame_batch(f);
        r->record = batch_first(r->batch);
        r->seq = f->first_seq;
        r->epoch = f->stream_epoch;
    }
    return r->record;
}

bool feed_read(struct feed_reader *r, unsigned frames, bool (*wants)(void *ctx, const struct feed_event *e),
               void *ctx, struct feed_event *out, bool *done, enum err *e)
{
    const struct record *record;
    *done = false;
    *e = OK;
    while ((record = next_record(r, &frames, done, e)) != NULL) {
        uint64_t seq = r->seq++;
        r->record = batch_after(r->batch, record);
        if (seq <= r->since || record->time_ns < r->from_ns ||
            !event_of(&r->feed->facts, r->form, record, out))
            continue;
        out->seq = seq;
        if (wants && !wants(ctx, out))
            continue;
        make_text(r->feed, r->form, record, r->epoch, &r->text, out);
        counter_add(r->feed->read_again, 1);
        if (!r->text.failed)
            return true;
        *e = ERR_MEMORY;
        return false;
    }
    return false;
}

uint64_t feed_reader_seq(const struct feed_reader *r)
{
    return r->seq > r->since ? r->seq - 1 : r->since;
}

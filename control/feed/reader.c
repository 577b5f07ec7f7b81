/* Reading again. What a reader does with files, its fetcher does: finding the place, opening, reading ahead,
 * closing. The control core takes what was fetched, and asks for more where there is none.
 */
#include <stdlib.h>

#include "control/feed/inside.h"

struct feed_reader {
    /* the fetcher's, while it is asked */
    struct fetch fetch;
    struct log_reader *log;  /* NULL: not open yet */
    bool by_time, has_place; /* what is wanted is a time; `place` is known */
    bool leaves;
    uint64_t wanted, place; /* a log offset */
    uint64_t limit;         /* what was applied when it was asked */
    enum err error;
    /* the control core's */
    struct feed *feed;
    enum feed_form form;
    uint64_t since, from_ns; /* events after, and not before */
    const struct batch *batch;
    const struct record *record; /* the next to look at; NULL: the next frame */
    uint64_t seq, epoch;         /* of it */
    struct json text;
    struct feed_reader *next;
};

/* On the fetcher
 * ------------------------------------------------------------------------------------------------ */

static enum err open_log(struct feed_reader *r)
{
    const struct log *l = node_log(r->feed->node);
    enum err e = OK;
    if (!r->has_place || r->place < log_begin(l))
        e = r->by_time ? log_find_time(l, r->wanted, &r->place) : log_find_seq(l, r->wanted, &r->place);
    return e ? e : log_reader_open(&r->log, l, r->place);
}

static void fetch(void *ctx)
{
    struct feed_reader *r = ctx;
    if (r->leaves) {
        log_reader_close(r->log);
        r->log = NULL;
        return;
    }
    if (!r->log)
        r->error = open_log(r);
    if (!r->error)
        r->error = log_reader_fetch(r->log, r->limit);
}

/* Opening, closing
 * ---------------------------------------------------------------------------------------------- */

static enum err open_reader(struct feed_reader **out, struct feed *f, enum feed_form form, bool by_time,
                            uint64_t wanted)
{
    if (f->reader_count == FEED_READERS_MAX)
        return ERR_FULL;
    struct feed_reader *r = *out = aligned_alloc(_Alignof(struct feed_reader), sizeof *r);
    if (!r)
        return ERR_MEMORY;
    *r = (struct feed_reader){.fetch = {.run = fetch, .ctx = r},
                              .by_time = by_time,
                              .wanted = wanted,
                              .feed = f,
                              .form = form,
                              .next = f->readers};
    r->has_place = find_mark(f, by_time, wanted, &r->place);
    f->readers = r;
    counter_set(f->reader_gauge, ++f->reader_count);
    return OK;
}

enum err feed_reader_open(struct feed_reader **out, struct feed *f, enum feed_form form, uint64_t since)
{
    *out = NULL;
    if (since > f->seq)
        return ERR_RANGE;
    if (since + 1 < f->oldest_seq || log_begin(node_log(f->node)) == log_written(node_log(f->node)))
        return ERR_NOT_FOUND;
    enum err e = open_reader(out, f, form, false, since + 1);
    if (e == OK)
        (*out)->since = since;
    return e;
}

enum err feed_reader_open_at(struct feed_reader **out, struct feed *f, enum feed_form form, uint64_t from_ns)
{
    *out = NULL;
    if (from_ns && from_ns < f->oldest_ns && f->oldest_seq > 1)
        return ERR_NOT_FOUND;
    enum err e = open_reader(out, f, form, true, from_ns);
    if (e == OK)
        (*out)->from_ns = from_ns;
    return e;
}

static void forget(struct feed_reader *r)
{
    counter_set(r->feed->reader_gauge, --r->feed->reader_count);
    json_free(&r->text);
    free(r);
}

/* Its files are let go by the fetcher: the last to let go of a segment that was removed frees its space. */
static void leave(struct feed_reader *r)
{
    if (mailbox_free(&r->fetch.box) && !r->log) {
        forget(r);
        return;
    }
    if (mailbox_free(&r->fetch.box)) {
        r->leaves = true;
        ask_fetch(r->feed, r->form, &r->fetch);
    }
    r->next = r->feed->leaving;
    r->feed->leaving = r;
}

void feed_reader_close(struct feed_reader *r)
{
    if (!r)
        return;
    struct feed_reader **at = &r->feed->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    leave(r);
}

void readers_reap(struct feed *f)
{
    struct feed_reader *list = f->leaving;
    f->leaving = NULL;
    while (list) {
        struct feed_reader *r = list;
        list = r->next;
        leave(r);
    }
}

void readers_end(struct feed *f)
{
    struct feed_reader **lists[] = {&f->readers, &f->leaving};
    for (unsigned i = 0; i < 2; i++)
        while (*lists[i]) {
            struct feed_reader *r = *lists[i];
            *lists[i] = r->next;
            log_reader_close(r->log);
            forget(r);
        }
}

/* Reading
 * ------------------------------------------------------------------------------------------------------- */

/* The next frame of what was fetched; NULL: why not. */
static const struct log_frame *next_frame(struct feed_reader *r, enum feed_reading *how, enum err *e)
{
    *how = FEED_WAITS;
    if (!mailbox_free(&r->fetch.box))
        return NULL;
    *e = r->error;
    if (*e)
        return NULL;
    const struct log_frame *f = r->log ? log_reader_fetched(r->log, r->feed->end) : NULL;
    if (f)
        return f;
    if (r->log && log_reader_offset(r->log) >= r->feed->end) {
        *how = FEED_END;
        return NULL;
    }
    r->limit = r->feed->end;
    ask_fetch(r->feed, r->form, &r->fetch);
    return NULL;
}

/* The next record to look at; NULL: none, and why. */
static const struct record *next_record(struct feed_reader *r, unsigned *frames, enum feed_reading *how,
                                        enum err *e)
{
    while (!r->record) {
        if (*frames == 0)
            return NULL;
        const struct log_frame *f = next_frame(r, how, e);
        if (!f)
            return NULL;
        *how = FEED_GOES_ON;
        --*frames;
        r->batch = log_frame_batch(f);
        r->record = batch_first(r->batch);
        r->seq = f->first_seq;
        r->epoch = f->stream_epoch;
    }
    return r->record;
}

/* From a time on there is what there is; behind a seq, whoever asks counts on having it all. */
static bool is_left_out(const struct feed_reader *r, enum err e)
{
    return r->by_time && e == ERR_NOT_FOUND;
}

bool feed_read(struct feed_reader *r, unsigned frames, bool (*wants)(void *ctx, const struct feed_event *e),
               void *ctx, struct feed_event *out, enum feed_reading *how, enum err *e)
{
    const struct record *record;
    *how = FEED_GOES_ON;
    *e = OK;
    while (*e == OK && (record = next_record(r, &frames, how, e)) != NULL) {
        uint64_t seq = r->seq++;
        r->record = batch_after(r->batch, record);
        if (seq <= r->since || record->time_ns < r->from_ns)
            continue;
        enum err error = event_of(&r->feed->facts, r->form, record, out);
        out->seq = seq;
        if (!out->name || is_left_out(r, error) || (wants && !wants(ctx, out)))
            continue;
        if (!error)
            error = make_text(r->feed, r->form, record, r->epoch, &r->text, out);
        if (!error) {
            counter_add(r->feed->read_again, 1);
            return true;
        }
        if (!is_left_out(r, error)) {
            counter_add(r->feed->errors, 1);
            *e = error;
        }
    }
    return false;
}

uint64_t feed_reader_seq(const struct feed_reader *r)
{
    return r->seq > r->since ? r->seq - 1 : r->since;
}

/* The timeline of one RFQ, also where the log no longer has it: its transitions, its events, in pieces. */
#include <stdlib.h>

#include "control/http/inside.h"

struct timeline;

struct form {
    const char *content_type;
    const char *list; /* the member that has them all; NULL: one on each line */
    void (*add)(struct timeline *t, uint64_t seq, const struct history_row *row);
};

struct timeline {
    struct http_pieces pieces;
    const struct form *form;
    uint64_t rfq, next_seq;
    unsigned rows_left;
    size_t bytes_max;
    enum err error; /* a row could not be shown */
};

static bool add_row(void *ctx, uint64_t seq, const struct history_row *row)
{
    struct timeline *t = ctx;
    struct http_pieces *p = &t->pieces;
    t->form->add(t, seq, row);
    t->next_seq = seq + 1;
    p->more = --t->rows_left == 0 || p->j.used >= t->bytes_max;
    return !p->more && !p->j.failed && !t->error;
}

static enum err read_rows(struct http_pieces *p, unsigned rows_max, size_t bytes_max)
{
    struct timeline *t = (struct timeline *)p;
    struct view_rfq v;
    p->more = false;
    t->rows_left = rows_max;
    t->bytes_max = bytes_max;
    enum err e = replica_history(http_pieces_replica(p), t->rfq, t->next_seq, add_row, t);
    p->rows = rows_max - t->rows_left;
    if (e == OK)
        e = t->error;
    /* Forgotten rows look as though there were none. An RFQ goes in one commit with its rows: one that is
     * there after they were read had them all. */
    if (e == OK)
        e = view_find_rfq(http_pieces_replica(p), t->rfq, &v);
    if (t->form->list && !p->more) {
        json_close(&p->j, ']');
        json_close(&p->j, '}');
    }
    return e;
}

static void serve(struct web_request *r, const struct form *form)
{
    struct view_rfq v;
    if (!http_rows_begin(r) || !http_find_rfq(r, &v))
        return;
    struct timeline *t = calloc(1, sizeof *t);
    if (!t) {
        http_failed(r, ERR_MEMORY, NULL);
        return;
    }
    t->form = form;
    t->rfq = v.rfq->id;
    t->pieces.content_type = form->content_type;
    t->pieces.read = read_rows;
    t->pieces.unknown = http_unknown_rfq;
    if (form->list) {
        json_open(&t->pieces.j, NULL, '{');
        json_open(&t->pieces.j, form->list, '[');
    }
    http_pieces_serve(r, &t->pieces);
}

static void add_transition(struct timeline *t, uint64_t seq, const struct history_row *row)
{
    const struct record *rec = history_record(row);
    if (rec->type == RECORD_RFQ_TRANSITION)
        view_transition(&t->pieces.j, http_pieces_replica(&t->pieces), seq, (const void *)rec);
}

static void add_event(struct timeline *t, uint64_t seq, const struct history_row *row)
{
    struct feed_event e;
    t->error =
        feed_record(t->pieces.http->feed, FEED_CONTRACT, history_record(row), row->stream_epoch, seq, &e);
    if (!t->error && e.name) {
        json_raw(&t->pieces.j, NULL, e.text, e.size);
        json_line(&t->pieces.j);
    }
}

void http_rfq_transitions(struct web_request *r)
{
    static const struct form transitions = {"application/json", "transitions", add_transition};
    serve(r, &transitions);
}

void http_rfq_events(struct web_request *r)
{
    static const struct form events = {HTTP_NDJSON, NULL, add_event};
    serve(r, &events);
}

/* The timeline of one RFQ, also where the log no longer has it: its transitions, its events. An RFQ has as
 * many rows as its LPs care to quote: so what is more than a piece is streamed, a piece in each poll. One
 * that is forgotten meanwhile ends without its last chunk: what was not shown is gone.
 */
#include <stdlib.h>

#include "control/http/inside.h"

struct timeline;

struct form {
    const char *content_type;
    const char *list; /* the member that has them all; NULL: one on each line */
    void (*add)(struct timeline *t, uint64_t seq, const struct record *rec);
};

struct timeline {
    const struct form *form;
    struct http *http;
    struct http_stream stream; /* where it takes more than one piece */
    uint64_t rfq, next_seq;
    struct json j; /* the piece */
    unsigned rows_left, bytes_max;
    bool more;
};

static bool add_row(void *ctx, uint64_t seq, const struct history_row *row)
{
    struct timeline *t = ctx;
    t->form->add(t, seq, history_record(row));
    t->next_seq = seq + 1;
    t->more = --t->rows_left == 0 || t->j.used >= t->bytes_max;
    return !t->more && !t->j.failed;
}

/* Into t->j, behind what is there. ERR_NOT_FOUND: it has been forgotten. */
static enum err read_piece(struct timeline *t)
{
    struct replica *replica = node_replica(t->http->node);
    struct view_rfq v;
    t->more = false;
    t->rows_left = http_stream_share(t->http, HTTP_TIMELINE_ROWS);
    t->bytes_max = http_stream_share(t->http, HTTP_STREAM_BYTES);
    enum err e = replica_history(replica, t->rfq, t->next_seq, add_row, t);
    /* Forgotten rows look as though there were none. An RFQ goes in one commit with its rows: one that is
     * there after they were read had them all. */
    if (e == OK)
        e = view_find_rfq(replica, t->rfq, &v);
    if (t->form->list && !t->more) {
        json_close(&t->j, ']');
        json_close(&t->j, '}');
    }
    return e == OK && t->j.failed ? ERR_MEMORY : e;
}

static void forget(struct timeline *t)
{
    json_free(&t->j);
    free(t);
}

static bool some(struct web_request *r, void *ctx)
{
    struct timeline *t = ctx;
    bool goes_on = r && t->more;
    if (r)
        web_stream_write(r, t->j.text, t->j.used);
    t->j.used = 0;
    if (goes_on && (web_now_ns(r) >= t->stream.who.expires_ns || read_piece(t) != OK)) {
        web_stream_abort(r);
        goes_on = false;
    }
    if (!goes_on) {
        http_stream_end(&t->stream);
        forget(t);
    }
    return goes_on;
}

static void serve(struct web_request *r, const struct form *form)
{
    struct view_rfq v;
    if (!http_find_rfq(r, &v))
        return;
    struct timeline *t = calloc(1, sizeof *t);
    if (!t) {
        http_failed(r, ERR_MEMORY, NULL);
        return;
    }
    t->form = form;
    t->http = http_of(r);
    t->rfq = v.rfq->id;
    if (form->list) {
        json_open(&t->j, NULL, '{');
        json_open(&t->j, form->list, '[');
    }
    enum err e = read_piece(t);
    if (e == OK && t->more && http_stream_begin(r, &t->stream)) {
        web_add_header(r, "Cache-Control", "no-store");
        web_stream(r, 200, form->content_type, some, t);
        return;
    }
    if (e == ERR_NOT_FOUND) { /* just now */
        http_unknown_rfq(r);
    } else if (e != OK) {
        http_failed(r, e, NULL);
    } else if (!t->more) {
        web_add_header(r, "Cache-Control", "no-store");
        web_answer(r, 200, form->content_type, t->j.text ? t->j.text : "", t->j.used);
    }
    forget(t);
}

static void add_transition(struct timeline *t, uint64_t seq, const struct record *rec)
{
    if (rec->type == RECORD_RFQ_TRANSITION)
        view_transition(&t->j, node_replica(t->http->node), seq, (const void *)rec);
}

static void add_event(struct timeline *t, uint64_t seq, const struct record *rec)
{
    struct feed_event e;
    if (feed_record(t->http->feed, FEED_CONTRACT, rec, seq, &e)) {
        json_raw(&t->j, NULL, e.text, e.size);
        json_line(&t->j);
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

/* Inside of the HTTP API: what the resources share. Not a public face. */
#ifndef RFQD_CONTROL_HTTP_INSIDE_H
#define RFQD_CONTROL_HTTP_INSIDE_H

#include "control/body/body.h"
#include "control/http/http.h"

static inline struct http *http_of(const struct web_request *r)
{
    return web_app(r);
}
static inline struct replica *http_replica(const struct web_request *r)
{
    return node_replica(http_of(r)->node);
}
static inline void http_count(const struct web_request *r, enum http_refusal why)
{
    counter_add(http_of(r)->refused[why], 1);
}

/* What is kept of a request while it is served, in its scratch. */
struct http_kept {
    struct principal who;
    uint64_t rfq, id; /* of a list that is put off: what it looked at last; 0: nothing */
};
static inline struct http_kept *http_kept(struct web_request *r)
{
    static_assert(sizeof(struct http_kept) <= WEB_SCRATCH_SIZE, "it lies in the scratch");
    return web_scratch(r);
}
static inline const struct principal *http_principal(struct web_request *r)
{
    return &http_kept(r)->who;
}

/* rows.c: before anything else that makes an answer of many rows. False: not in this poll; the function is
 * called again. */
bool http_rows_begin(struct web_request *r);
void http_rows_again(struct web_request *r); /* it began, and is not done: the function is called again */
void http_rows_spend(const struct web_request *r, unsigned rows);

/* answer.c: answers, and frees j. */
void http_json(struct web_request *r, unsigned status, struct json *j);
#define HTTP_TAG_SIZE 32u
/* 200, with a strong tag of the text; or 304. */
void http_json_tagged(struct web_request *r, struct json *j);
/* The answer's weak tag, for its header: of what it is made from, but for what the time alone changes. True:
 * the answer is given, 304. */
bool http_unchanged(struct web_request *r, const void *entity, size_t size, char etag[HTTP_TAG_SIZE]);
/* Of the store, of memory: 503. Frees j, where there is one. */
void http_failed(struct web_request *r, enum err e, struct json *j);
/* {"<name>":[…],"next":…}, tagged: open up to http_list_end. */
void http_list_begin(struct json *j, const char *name);
void http_list_end(struct web_request *r, struct json *j, const char *next);

/* list.c: a page of RFQs or orders, the newest first. http_rows_begin comes before it, and all of it again
 * where nothing was found yet: in a later poll, from where it stood. */
#define HTTP_CURSOR_SIZE (2u * ID_TEXT_SIZE)
struct http_list {
    const char *name; /* of the array */
    enum err (*page)(struct replica *r, struct view_list *l);
    enum view_take (*wanted)(void *filter, const void *entity);
    void (*show)(struct web_request *r, struct json *j, const void *entity);
    void (*print_cursor)(const struct view_list *l, char out[HTTP_CURSOR_SIZE]); /* of the next page */
};
/* Of those below rfq and id, UINT64_MAX: of all. */
void http_list_serve(struct web_request *r, const struct http_list *of, void *filter, uint64_t limit,
                     uint64_t rfq, uint64_t id);

/* query.c: false: the answer is given, 400 bad_parameter. */
bool http_query_known(struct web_request *r, const char *const *known);
/* "" where it is not there. */
bool http_query_text(struct web_request *r, const char *name, char *out, size_t size);
bool http_query_number(struct web_request *r, const char *name, uint64_t least, uint64_t most, uint64_t *out);
bool http_query_time(struct web_request *r, const char *name, uint64_t *ns);
/* The name of an RFQ, an order: kind and hexadecimal digits. 0 where it is not there. */
bool http_query_name(struct web_request *r, const char *name, char kind, uint64_t *id);
/* Of the enum that name_of names ("?" for what is none of it): a,b,… as bits; 0 where it is not there. */
bool http_query_choices(struct web_request *r, const char *name, const char *(*name_of)(unsigned),
                        unsigned *bits);
bool http_bad_parameter(struct web_request *r, const char *name, const char *wanted);

/* find.c: the thing of the route's {id}, where the asker may see it; else the answer is given: 404, whichever
 * it was. */
bool http_find_rfq(struct web_request *r, struct view_rfq *out);
bool http_find_order(struct web_request *r, struct view_order *out);
void http_unknown_rfq(struct web_request *r); /* that answer */
void http_unknown_order(struct web_request *r);
bool http_may_see(struct web_request *r, const struct view_owner *owner);

/* write.c: a command under way */
/* The body, where its type and its JSON are right; else NULL, and the answer is given. */
json_object *http_body(struct web_request *r);
/* 400 or 422, as the error says; o is put back. */
void http_bad_body(struct web_request *r, json_object *o, const struct body_error *e);
struct http_pending {
    struct http *http;
    uint64_t request;
    void (*answer)(struct web_request *r, const struct client_answered *a);
    struct http_pending *next_free;
};
/* Who asks, and under which key. False: the answer is given. */
bool http_who(struct web_request *r, struct client_who *who);
/* Before a command is sent: what is told of its answer. NULL: the answer is given. */
struct http_pending *http_pending_take(struct web_request *r,
                                       void (*answer)(struct web_request *r,
                                                      const struct client_answered *a));
/* The command was sent, or was not: then the answer is given. */
void http_sent(struct web_request *r, struct http_pending *p, enum err e);
void http_done(void *pending, const struct client_answered *a);
/* What the engine refused. */
void http_refused(struct web_request *r, const struct client_answered *a);

/* stream.c: an answer that goes on over many polls; one of HTTP_STREAMS_MAX from begin to end. */
struct http_stream {
    struct http *http;
    struct principal who; /* its token was good when it asked; it ends with it */
};
/* False: the answer is given, 429 or 503 too_many_streams. */
bool http_stream_begin(struct web_request *r, struct http_stream *s);
void http_stream_end(struct http_stream *s);
void http_full_streams(struct web_request *r); /* that answer: 503 */
/* One stream's part of what there is for all of them in one poll. */
unsigned http_stream_share(const struct http *h, unsigned whole);

/* pieces.c: an answer of any number of rows, of one RFQ or order: at once where they are no more than a
 * piece, else as a stream, a piece in each poll, and cut where what it is of is forgotten meanwhile. */
struct http_pieces {
    /* given; this lies at the begin of what holds it, which is made by calloc */
    const char *content_type;
    /* A piece into j, of so many rows and bytes at most; more: there may be another. ERR_NOT_FOUND: what it
     * is of has been forgotten. */
    enum err (*read)(struct http_pieces *p, unsigned rows_max, size_t bytes_max);
    void (*forget)(struct http_pieces *p);  /* what else it has; NULL: nothing */
    void (*unknown)(struct web_request *r); /* the answer to ERR_NOT_FOUND */
    struct json j;
    bool more;
    unsigned rows; /* taken by the last piece */
    char etag[HTTP_TAG_SIZE]; /* "": it has none */
    /* its own */
    struct http *http;
    struct http_stream stream;
};
static inline struct replica *http_pieces_replica(const struct http_pieces *p)
{
    return node_replica(p->http->node);
}
/* http_rows_begin comes before it. */
void http_pieces_serve(struct web_request *r, struct http_pieces *p);

/* walk.c: such an answer of what a view_walk shows: `{…,"name":[` before it, which the resource may add to, and
 * `]}` behind it. */
struct http_walk {
    struct http_pieces pieces; /* given: unknown, etag; what stands before the array, into its j */
    struct view_walk walk;
    /* Given: OK, or ERR_NOT_FOUND: what it is of was forgotten, and so the piece may lack some. */
    enum err (*still_there)(struct replica *r, const struct view_walk *w);
};
/* NULL: the answer is given. */
struct http_walk *http_walk_new(struct web_request *r);
/* http_rows_begin comes before it. e: what beginning the walk came to. */
void http_walk_serve(struct web_request *r, struct http_walk *w, enum err e, const char *name);

#define HTTP_NDJSON "application/x-ndjson"

/* The resources */
void http_healthz(struct web_request *r);
void http_readyz(struct web_request *r);
void http_metrics(struct web_request *r);
void http_openapi(struct web_request *r);
void http_ws(struct web_request *r);
void http_rfqs_create(struct web_request *r);
void http_rfqs_list(struct web_request *r);
void http_rfq_get(struct web_request *r);
void http_rfq_quotes(struct web_request *r);
void http_rfq_transitions(struct web_request *r);
void http_rfq_deliveries(struct web_request *r);
void http_rfq_events(struct web_request *r);
void http_rfq_accept(struct web_request *r);
void http_rfq_cancel(struct web_request *r);
void http_rfq_extend(struct web_request *r);
void http_orders_list(struct web_request *r);
void http_order_get(struct web_request *r);
void http_lps_list(struct web_request *r);
void http_lp_get(struct web_request *r);
void http_sessions_list(struct web_request *r);
void http_instruments_list(struct web_request *r);
void http_instrument_get(struct web_request *r);
void http_events(struct web_request *r);

#endif

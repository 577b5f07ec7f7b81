/* Answers of many rows: an RFQ has as many quotes as its LPs care to send, an order as many fills. */
#include <stdlib.h>

#include "control/http/inside.h"

static enum err read_piece(struct http_pieces *p)
{
    enum err e = p->read(p, http_stream_share(p->http, HTTP_STREAM_ROWS),
                         http_stream_share(p->http, HTTP_STREAM_BYTES));
    return e == OK && p->j.failed ? ERR_MEMORY : e;
}

static void forget(struct http_pieces *p)
{
    if (p->forget)
        p->forget(p);
    json_free(&p->j);
    free(p);
}

static bool some(struct web_request *r, void *ctx)
{
    struct http_pieces *p = ctx;
    bool goes_on = r && p->more;
    if (r)
        web_stream_write(r, p->j.text, p->j.used);
    if (goes_on && p->j.used == 0)
        web_stream_wait(r);
    p->j.used = 0;
    if (goes_on && (web_now_ns(r) >= p->stream.who.expires_ns || read_piece(p) != OK)) {
        web_stream_abort(r);
        goes_on = false;
    }
    if (!goes_on) {
        http_stream_end(&p->stream);
        forget(p);
    }
    return goes_on;
}

static void add_headers(struct web_request *r, const struct http_pieces *p)
{
    web_add_header(r, "Cache-Control", "no-store");
    if (p->etag[0])
        web_add_header(r, "ETag", p->etag);
}

void http_pieces_serve(struct web_request *r, struct http_pieces *p)
{
    p->http = http_of(r);
    enum err e = read_piece(p);
    http_rows_spend(r, p->rows);
    if (e == OK && p->more && http_stream_begin(r, &p->stream)) {
        add_headers(r, p);
        web_stream(r, 200, p->content_type, some, p);
        return;
    }
    if (e == ERR_NOT_FOUND) { /* just now */
        p->unknown(r);
    } else if (e != OK) {
        http_failed(r, e, NULL);
    } else if (!p->more) {
        add_headers(r, p);
        web_answer(r, 200, p->content_type, p->j.text ? p->j.text : "", p->j.used);
    }
    forget(p);
}

/* The quotes of an RFQ, the fills of an order: an array at the end of an object, in pieces. */
#include <stdlib.h>
#include <string.h>

#include "control/http/inside.h"

static enum err read_piece(struct http_pieces *p, unsigned rows_max, size_t bytes_max)
{
    struct http_walk *w = (struct http_walk *)p;
    enum err e = view_walk(&w->walk, http_pieces_replica(p), &p->j, rows_max, bytes_max);
    if (e == OK)
        e = w->still_there(http_pieces_replica(p), &w->walk);
    p->rows = w->walk.rows;
    p->more = w->walk.more;
    if (!p->more) {
        json_close(&p->j, ']');
        json_close(&p->j, '}');
    }
    return e;
}

static void forget(struct http_pieces *p)
{
    view_walk_end(&((struct http_walk *)p)->walk);
}

struct http_walk *http_walk_new(struct web_request *r)
{
    struct http_walk *w = calloc(1, sizeof *w);
    if (!w) {
        http_failed(r, ERR_MEMORY, NULL);
        return NULL;
    }
    w->pieces.content_type = "application/json";
    w->pieces.read = read_piece;
    w->pieces.forget = forget;
    json_open(&w->pieces.j, NULL, '{');
    return w;
}

void http_walk_serve(struct web_request *r, struct http_walk *w, enum err e, const char *name)
{
    if (e != OK) {
        http_failed(r, e, &w->pieces.j);
        view_walk_end(&w->walk);
        free(w);
        return;
    }
    json_open(&w->pieces.j, name, '[');
    http_pieces_serve(r, &w->pieces);
}

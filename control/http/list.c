/* Lists of what there is any number of, in pages: RFQs, orders. */
#include <stdlib.h>

#include "control/http/inside.h"

static void answer(struct web_request *r, const struct http_list *of, const struct view_list *l)
{
    struct json j;
    char next[HTTP_CURSOR_SIZE];
    http_list_begin(&j, of->name);
    for (unsigned i = 0; i < l->count; i++)
        of->show(r, &j, l->entities[i]);
    of->print_cursor(l, next);
    http_list_end(r, &j, l->more ? next : NULL);
}

void http_list_serve(struct web_request *r, const struct http_list *of, void *filter, uint64_t limit,
                     uint64_t rfq, uint64_t id)
{
    struct view_list *l = calloc(1, sizeof *l);
    if (!l) {
        http_failed(r, ERR_MEMORY, NULL);
        return;
    }
    l->wanted = of->wanted;
    l->ctx = filter;
    l->limit = (unsigned)limit;
    l->rfq = rfq;
    l->id = id;
    enum err e = of->page(http_replica(r), l);
    http_rows_spend(r, l->rows);
    if (e == OK)
        answer(r, of, l);
    else
        http_failed(r, e, NULL);
    view_list_free(l);
    free(l);
}

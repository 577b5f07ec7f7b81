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

/* A cursor says what lies before it: of what the asker may not see it would say too much. So the answer waits
 * until there is something to be shown, or nothing more to be looked at. */
static void put_off(struct web_request *r, const struct view_list *l)
{
    http_kept(r)->rfq = l->rfq;
    http_kept(r)->id = l->id;
    http_rows_again(r);
}

void http_list_serve(struct web_request *r, const struct http_list *of, void *filter, uint64_t limit,
                     uint64_t rfq, uint64_t id)
{
    struct http_kept *kept = http_kept(r);
    struct view_list *l = calloc(1, sizeof *l);
    if (!l) {
        http_failed(r, ERR_MEMORY, NULL);
        return;
    }
    l->wanted = of->wanted;
    l->ctx = filter;
    l->limit = (unsigned)limit;
    bool goes_on = kept->id != 0;
    l->rfq = goes_on ? kept->rfq : rfq;
    l->id = goes_on ? kept->id : id;
    enum err e = of->page(http_replica(r), l);
    http_rows_spend(r, l->rows);
    if (e != OK)
        http_failed(r, e, NULL);
    else if (l->count > 0 || !l->more)
        answer(r, of, l);
    else
        put_off(r, l);
    view_list_free(l);
    free(l);
}

/* Orders, to be read. */
#include <string.h>

#include "control/http/inside.h"

/* One order, with its fills
 * -------------------------------------------------------------------------------------------------------- */

static enum err find_walked(struct replica *r, const struct view_walk *w)
{
    struct view_order v;
    return view_find_order(r, w->order, &v);
}

void http_order_get(struct web_request *r)
{
    struct view_order v;
    char etag[HTTP_TAG_SIZE];
    if (!http_rows_begin(r) || !http_find_order(r, &v) ||
        http_unchanged(r, v.order, offsetof(struct order, transient), etag))
        return;
    struct http_walk *w = http_walk_new(r);
    if (!w)
        return;
    w->still_there = find_walked;
    w->pieces.unknown = http_unknown_order;
    memcpy(w->pieces.etag, etag, sizeof w->pieces.etag);
    view_order(&w->pieces.j, "order", http_replica(r), v.order);
    http_walk_serve(r, w, view_walk_fills(&w->walk, http_replica(r), &v), "fills");
}

/* The list
 * -------------------------------------------------------------------------------------------------------- */

struct filter {
    struct web_request *r;
    unsigned states; /* bits */
    uint64_t rfq;
    char symbol[SYMBOL_SIZE];
};

/* Whose its RFQ is may have to be looked up: not where the taker alone says that it is none of the asker's.
 */
static enum view_take take_seen(struct web_request *r, const struct order *o)
{
    const struct principal *p = http_principal(r);
    if (!principal_may_see(http_of(r)->auth, p, p->tenant, view_taker_code(http_replica(r), o->taker)))
        return VIEW_SKIP;
    struct view_owner owner;
    bool found = feed_owner(http_of(r)->feed, o->rfq, &owner) == OK;
    return found && http_may_see(r, &owner) ? VIEW_TAKE : VIEW_SKIP_DEAR;
}

static enum view_take is_wanted(void *ctx, const void *entity)
{
    const struct filter *f = ctx;
    const struct order *o = entity;
    if (f->rfq && o->rfq != f->rfq)
        return o->rfq < f->rfq ? VIEW_STOP : VIEW_SKIP;
    if ((f->states && !(f->states & 1u << o->state)) ||
        (f->symbol[0] && memcmp(f->symbol, o->symbol, SYMBOL_SIZE) != 0))
        return VIEW_SKIP;
    return take_seen(f->r, o);
}

/* Of an order: its RFQ and itself, the order of the list. */
static bool take_cursor(struct web_request *r, uint64_t *rfq, uint64_t *id)
{
    char text[HTTP_CURSOR_SIZE];
    *rfq = *id = UINT64_MAX;
    if (!http_query_text(r, "cursor", text, sizeof text))
        return false;
    if (!*text)
        return true;
    char *dash = strchr(text, '-');
    size_t size = dash ? (size_t)(dash - text) : 0;
    *rfq = name_parse('R', text, size);
    *id = dash ? name_parse('O', dash + 1, strlen(dash + 1)) : 0;
    return (*rfq && *id) || http_bad_parameter(r, "cursor", "what `next` of the last page was");
}

static void show(struct web_request *r, struct json *j, const void *entity)
{
    view_order(j, NULL, http_replica(r), entity);
}

static void print_cursor(const struct view_list *l, char out[HTTP_CURSOR_SIZE])
{
    name_print('R', l->rfq, out);
    strcat(out, "-");
    name_print('O', l->id, out + strlen(out));
}

void http_orders_list(struct web_request *r)
{
    static const char *const known[] = {"status", "symbol", "rfqId", "limit", "cursor", NULL};
    static const struct http_list orders = {"orders", view_list_orders, is_wanted, show, print_cursor};
    struct filter f = {.r = r};
    uint64_t limit = HTTP_PAGE, rfq, id;
    memset(f.symbol, 0, sizeof f.symbol);
    if (!http_rows_begin(r))
        return;
    if (!http_query_known(r, known) || !http_query_choices(r, "status", order_status_name, &f.states) ||
        !http_query_text(r, "symbol", f.symbol, sizeof f.symbol) ||
        !http_query_name(r, "rfqId", 'R', &f.rfq) ||
        !http_query_number(r, "limit", 1, VIEW_PAGE_MAX, &limit) || !take_cursor(r, &rfq, &id))
        return;
    rfq = f.rfq && rfq == UINT64_MAX ? f.rfq : rfq; /* none of a newer RFQ */
    http_list_serve(r, &orders, &f, limit, rfq, id);
}

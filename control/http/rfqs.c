/* RFQs: made, shown, accepted, cancelled, extended. */
#include <string.h>

#include "control/http/inside.h"

/* One RFQ
 * -------------------------------------------------------------------------------------------------------- */

void http_rfq_get(struct web_request *r)
{
    struct view_rfq v;
    char etag[HTTP_TAG_SIZE];
    if (!http_find_rfq(r, &v) || http_unchanged(r, v.rfq, offsetof(struct rfq, transient), etag))
        return;
    struct json j = {0};
    view_rfq(&j, NULL, http_replica(r), &v, web_now_ns(r));
    if (!j.failed)
        web_add_header(r, "ETag", etag);
    http_json(r, 200, &j);
}

void http_rfq_deliveries(struct web_request *r)
{
    struct view_rfq v;
    struct json j = {0};
    if (!http_rows_begin(r) || !http_find_rfq(r, &v))
        return;
    http_rows_spend(r, v.rfq->deliveries);
    json_open(&j, NULL, '{');
    enum err e = view_deliveries(&j, "deliveries", http_replica(r), &v);
    json_close(&j, '}');
    if (e != OK)
        http_failed(r, e, &j);
    else
        http_json_tagged(r, &j);
}

/* Its quotes
 * -------------------------------------------------------------------------------------------------------- */

static enum err find_walked(struct replica *r, const struct view_walk *w)
{
    struct view_rfq v;
    return view_find_rfq(r, w->rfq, &v);
}

void http_rfq_quotes(struct web_request *r)
{
    struct view_rfq v;
    if (!http_rows_begin(r) || !http_find_rfq(r, &v))
        return;
    struct http_walk *w = http_walk_new(r);
    if (!w)
        return;
    w->still_there = find_walked;
    w->pieces.unknown = http_unknown_rfq;
    http_walk_serve(r, w, view_walk_quotes(&w->walk, http_replica(r), &v), "quotes");
}

/* The list
 * -------------------------------------------------------------------------------------------------------- */

struct filter {
    struct web_request *r;
    unsigned shown; /* bits */
    char symbol[SYMBOL_SIZE];
    uint64_t from_ns;
};

static enum view_take is_wanted(void *ctx, const void *entity)
{
    const struct filter *f = ctx;
    const struct rfq *q = entity;
    if (q->created_ns < f->from_ns)
        return VIEW_STOP; /* the newest come first */
    if ((f->shown && !(f->shown & 1u << q->shown)) ||
        (f->symbol[0] && memcmp(f->symbol, q->symbol, SYMBOL_SIZE) != 0))
        return VIEW_SKIP;
    struct view_owner owner = view_owner_of_rfq(http_replica(f->r), q);
    return http_may_see(f->r, &owner) ? VIEW_TAKE : VIEW_SKIP;
}

static void show(struct web_request *r, struct json *j, const void *entity)
{
    struct view_rfq v = {.rfq = entity, .owner = view_owner_of_rfq(http_replica(r), entity)};
    view_rfq(j, NULL, http_replica(r), &v, web_now_ns(r));
}

static void print_cursor(const struct view_list *l, char out[HTTP_CURSOR_SIZE])
{
    name_print('R', l->rfq, out);
}

void http_rfqs_list(struct web_request *r)
{
    static const char *const known[] = {"status", "symbol", "from", "limit", "cursor", NULL};
    static const struct http_list rfqs = {"rfqs", view_list_rfqs, is_wanted, show, print_cursor};
    struct filter f = {.r = r};
    uint64_t limit = HTTP_PAGE, cursor = 0;
    memset(f.symbol, 0, sizeof f.symbol);
    if (!http_rows_begin(r))
        return;
    if (!http_query_known(r, known) || !http_query_choices(r, "status", rfq_shown_name, &f.shown) ||
        !http_query_text(r, "symbol", f.symbol, sizeof f.symbol) || !http_query_time(r, "from", &f.from_ns) ||
        !http_query_number(r, "limit", 1, VIEW_PAGE_MAX, &limit) ||
        !http_query_name(r, "cursor", 'R', &cursor))
        return;
    cursor = cursor ? cursor : UINT64_MAX;
    http_list_serve(r, &rfqs, &f, limit, cursor, cursor);
}

/* Commands
 * -------------------------------------------------------------------------------------------------------- */

/* Done: the RFQ as it is now; one that was answered before may be forgotten since. */
static void answer_rfq(struct web_request *r, unsigned status, const struct client_answered *a)
{
    struct view_rfq v;
    struct json j = {0};
    enum err e = view_find_rfq(http_replica(r), a->rfq, &v);
    if (a->repeated)
        web_add_header(r, "Idempotency-Replayed", "true");
    if (e == OK) {
        view_rfq(&j, NULL, http_replica(r), &v, web_now_ns(r));
    } else {
        json_open(&j, NULL, '{');
        json_name(&j, "id", 'R', a->rfq);
        json_close(&j, '}');
    }
    http_json(r, status, &j);
}

static void on_created(struct web_request *r, const struct client_answered *a)
{
    char location[24 + ID_TEXT_SIZE] = "/api/v1/rfqs/";
    if (a->rfq) { /* one that was refused is recorded, too */
        name_print('R', a->rfq, location + strlen(location));
        web_add_header(r, "Location", location);
    }
    if (a->reason)
        http_refused(r, a);
    else
        answer_rfq(r, 201, a);
}

static void on_changed(struct web_request *r, const struct client_answered *a)
{
    if (a->reason)
        http_refused(r, a);
    else
        answer_rfq(r, 200, a);
}

/* rfq: what it is about; NULL: it makes one. */
static void ask(struct web_request *r, enum body_kind kind, const struct rfq *rfq,
                void (*answer)(struct web_request *r, const struct client_answered *a))
{
    union body b;
    struct body_error error;
    struct client_who who;
    json_object *o = http_body(r);
    if (!o)
        return;
    if (!body_read(kind, o, NULL, &b, &error)) {
        http_bad_body(r, o, &error);
        return;
    }
    json_object_put(o);
    if (!http_who(r, &who))
        return;
    struct http_pending *p = http_pending_take(r, answer);
    if (p)
        http_sent(r, p, client_ask(http_of(r)->clients, &who, kind, &b, rfq, http_done, p));
}

static void change(struct web_request *r, enum body_kind kind)
{
    struct view_rfq v;
    if (http_find_rfq(r, &v))
        ask(r, kind, v.rfq, on_changed);
}

void http_rfqs_create(struct web_request *r)
{
    ask(r, BODY_RFQ, NULL, on_created);
}

void http_rfq_accept(struct web_request *r)
{
    change(r, BODY_ACCEPT);
}

void http_rfq_cancel(struct web_request *r)
{
    change(r, BODY_CANCEL);
}

void http_rfq_extend(struct web_request *r)
{
    change(r, BODY_EXTEND);
}

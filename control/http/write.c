/* Commands: their bodies, their keys, and what is said of their answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/http/inside.h"

/* Bodies
 * -------------------------------------------------------------------------------------------------------- */

/* application/json, whatever its parameters. */
static bool is_json(const char *type)
{
    static const char wanted[] = "application/json";
    size_t size = sizeof wanted - 1;
    if (!type || strncasecmp(type, wanted, size) != 0)
        return false;
    type += size;
    type += strspn(type, " \t");
    return *type == 0 || *type == ';';
}

json_object *http_body(struct web_request *r)
{
    struct body_error e;
    size_t size;
    const char *body = web_body(r, &size);
    if (size > 0 && !is_json(web_header(r, "content-type"))) {
        http_count(r, HTTP_REFUSED_MEDIA_TYPE);
        web_problem(r, 415, "unsupported_media_type", "the body must be application/json");
        return NULL;
    }
    json_object *o = body_parse(body, size, &e);
    if (!o)
        http_bad_body(r, NULL, &e);
    return o;
}

void http_bad_body(struct web_request *r, json_object *o, const struct body_error *e)
{
    json_object_put(o); /* NULL is allowed */
    http_count(r, HTTP_REFUSED_BODY);
    web_problem(r, e->status, e->code, "%s", e->detail);
}

/* Who asks
 * -------------------------------------------------------------------------------------------------------- */

bool http_who(struct web_request *r, struct client_who *who)
{
    const char *key = web_header(r, "idempotency-key");
    if (key && !client_key_fits(key)) {
        http_count(r, HTTP_REFUSED_KEY);
        web_problem(r, 400, "bad_idempotency_key", "Idempotency-Key takes 1 to %u visible ASCII characters",
                    CLIENT_KEY_SIZE_MAX);
        return false;
    }
    *who = (struct client_who){.principal = http_principal(r), .key = key};
    return true;
}

/* Under way
 * -------------------------------------------------------------------------------------------------------- */

static void give_back(struct http_pending *p)
{
    p->next_free = p->http->free_pending;
    p->http->free_pending = p;
}

struct http_pending *http_pending_take(struct web_request *r,
                                       void (*answer)(struct web_request *r, const struct client_answered *a))
{
    struct http *h = http_of(r);
    struct http_pending *p = h->free_pending;
    if (!p) {
        web_add_header(r, "Retry-After", "1");
        web_problem(r, 503, "unavailable", "too many commands are under way");
        return NULL;
    }
    h->free_pending = p->next_free;
    p->request = web_hold(r);
    p->answer = answer;
    return p;
}

void http_sent(struct web_request *r, struct http_pending *p, enum err e)
{
    if (e == OK)
        return;
    give_back(p);
    if (e == ERR_NOT_FOUND) {
        web_problem(r, 403, "no_taker", "%s", clients_why(http_of(r)->clients));
        return;
    }
    web_add_header(r, "Retry-After", "1");
    web_problem(r, 503, "unavailable", "%s", clients_why(http_of(r)->clients));
}

void http_done(void *pending, const struct client_answered *a)
{
    struct http_pending *p = pending;
    struct web_request *r = web_request_of(p->http->web, p->request);
    void (*answer)(struct web_request *, const struct client_answered *) = p->answer;
    give_back(p);
    if (!r)
        return; /* whoever asked has gone */
    if (!a)
        web_problem(
            r, 504, "no_answer",
            "no answer in time: what became of it is not known; ask again under the same Idempotency-Key");
    else
        answer(r, a);
}

/* Refused by the engine
 * -------------------------------------------------------------------------------------------------------- */

static unsigned status_of(enum reason reason)
{
    static const struct {
        uint16_t reason, status;
    } statuses[] = {
        {REASON_UNKNOWN_RFQ, 404},       {REASON_UNKNOWN_QUOTE, 404},  {REASON_NOT_YOURS, 404},
        {REASON_UNKNOWN_SESSION, 403},   {REASON_RFQ_NOT_OPEN, 409},   {REASON_RFQ_STATE, 409},
        {REASON_ALREADY_AWARDED, 409},   {REASON_QUOTE_EXPIRED, 409},  {REASON_WITHDRAWN, 409},
        {REASON_REPLACED, 409},          {REASON_RFQ_ENDED, 409},      {REASON_LP_SUSPENDED, 409},
        {REASON_QUOTE_CONSUMED, 409},    {REASON_CANCEL_PENDING, 409}, {REASON_EXTENSION, 409},
        {REASON_DUPLICATE_REQUEST, 409}, {REASON_LIMIT, 503},          {REASON_BUSY, 503},
        {REASON_DRAINING, 503},
    };
    for (unsigned i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].reason == reason)
            return statuses[i].status;
    return 422;
}

/* A problem that says of what it is. */
static void problem(struct web_request *r, unsigned status, const char *code, const char *detail,
                    const struct client_answered *a)
{
    struct json j = {0};
    json_open(&j, NULL, '{');
    json_text(&j, "type", "about:blank");
    json_text(&j, "title", web_status_text(status));
    json_uint(&j, "status", status);
    json_text(&j, "code", code);
    json_chars(&j, "detail", detail, TEXT_SIZE);
    if (a->rfq)
        json_name(&j, "rfqId", 'R', a->rfq);
    if (a->quote)
        json_name(&j, "quoteId", 'Q', a->quote);
    json_close(&j, '}');
    if (status == 503)
        web_add_header(r, "Retry-After", "1");
    if (a->repeated)
        web_add_header(r, "Idempotency-Replayed", "true");
    web_answer(r, status, "application/problem+json", j.text, j.used);
    json_free(&j);
}

/* It was found, and may be seen, before it was asked for: if the engine does not know it, it has ended. */
static bool is_past(const struct client_answered *a)
{
    return a->reason == REASON_UNKNOWN_RFQ && a->command != RECORD_COMMAND_CLIENT_RFQ;
}

void http_refused(struct web_request *r, const struct client_answered *a)
{
    if (is_past(a))
        problem(r, 409, reason_name(REASON_RFQ_ENDED), "the RFQ has ended", a);
    else
        problem(r, status_of((enum reason)a->reason), reason_name(a->reason),
                a->text[0] ? a->text : reason_name(a->reason), a);
}

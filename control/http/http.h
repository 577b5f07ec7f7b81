/* The HTTP API (spec/70): one file for each resource; routes.c has the table of them all, with who may ask.
 * Owner: the control core.
 *
 * Answers are JSON; errors are problem details with a stable `code` (web.h). A write is a command to the engine
 * (client.h), and its answer is that command's event: a read after it sees it. Idempotency-Key is taken on every
 * POST that creates or changes: the same key and body get the same answer, also after a restart; another body
 * 422 idempotency_key_reused; two at the same time: the second waits, and gets the first one's.
 */
#ifndef RFQD_CONTROL_HTTP_H
#define RFQD_CONTROL_HTTP_H

#include "control/auth/auth.h"
#include "control/client/client.h"
#include "control/feed/feed.h"
#include "control/view/view.h"
#include "control/web/web.h"
#include "control/ws/ws.h"

/* The application behind the routes (web_app). */
struct http {
    const struct config *config;
    struct node *node;
    struct web *web;
    struct auth *auth;
    struct clients *clients;
    struct feed *feed;
    struct ws *ws;
    struct counters *counters;
    bool stopping;
};

extern const struct web_route http_routes[];
extern const unsigned http_route_count;

/* Who may ask: a route's tag. */
enum http_access {
    HTTP_OPEN,   /* anybody: health, metrics, the page */
    HTTP_USER,   /* a token */
    HTTP_TRADES, /* and a role that trades: trader, manager, admin */
    HTTP_OPS,    /* and role ops or admin */
};
/* web_config.admit: 401 with WWW-Authenticate, 403. */
bool http_admit(struct web_request *r);

/* For the resources ---------------------------------------------------------------------------------------- */

static inline struct http *http_of(const struct web_request *r)
{
    return web_app(r);
}
const struct principal *http_principal(struct web_request *r);
/* The RFQ of the route's {id}, where the asker may see it; else the answer is given (404, whichever it was). */
bool http_find_rfq(struct web_request *r, struct view_rfq *out);
/* Answers, and frees j. */
void http_json(struct web_request *r, unsigned status, struct json *j);
/* A command's refusal, as the engine or client.h gave it. */
void http_refused(struct web_request *r, const struct client_answered *a);
void http_not_sent(struct web_request *r, enum err e);
void http_no_answer(struct web_request *r);
/* Who asks, and under which key, for client.h; request: method and path in `text`. */
struct client_who http_who(struct web_request *r, char text[512]);

#endif

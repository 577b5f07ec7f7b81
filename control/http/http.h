/* The HTTP API (spec/70): one file for each resource; routes.c has the table of them all, with who may ask.
 * Owner: the control core. openapi.json beside it describes it, is served, and is held against it by a test.
 *
 * Answers are JSON; errors are problem details with a stable `code` (web.h). A write is a command to the
 * engine (client.h), and its answer is that command's event: a read after it sees it. Idempotency-Key is
 * taken on every POST that creates or changes: the same key and body get the same answer, also after a
 * restart; another body 422 idempotency_key_reused; two at the same time: the second waits, and gets the
 * first one's.
 *
 * What stays as it is has an ETag, and is not sent again to who has it (If-None-Match: 304): a strong one of
 * the text where that is made at once; a weak one of what it is made from for an RFQ and for an order.
 *
 * What belongs to another tenant, or to somebody whose things the asker may not see, is answered as though it
 * did not exist.
 *
 * Refusals, each counted in rfqd_api_refused_total{reason}, before anything is done:
 *   no token, or a bad one              401 unauthorized, with WWW-Authenticate
 *   a role that may not                 403 forbidden
 *   more than http.requests_per_s_max   429 rate_limit, with Retry-After (of one user, over all connections)
 *   a body that is no JSON              415 unsupported_media_type
 *   a body or query that is not right   400 or 422, by the codes of body.h; bad_parameter
 *   a key that is none                  400 bad_idempotency_key (1 to 255 visible characters)
 *   more than HTTP_STREAMS_MAX replays  503 too_many_streams, with Retry-After
 *   more than HTTP_STREAMS_PER_USER     429 too_many_streams, with Retry-After
 *
 * What came to a route is counted in rfqd_api_requests_total{method,path}; what answers of many rows took, in
 * rfqd_api_rows_total, and how often one waited for a later poll (HTTP_ROWS_PER_POLL; a list that has found
 * nothing yet: VIEW_ROWS_MAX), in rfqd_api_put_off_total.
 */
#ifndef RFQD_CONTROL_HTTP_H
#define RFQD_CONTROL_HTTP_H

#include "control/auth/auth.h"
#include "control/client/client.h"
#include "control/feed/feed.h"
#include "control/metrics/metrics.h"
#include "control/view/view.h"
#include "control/web/web.h"
#include "control/ws/ws.h"

#define HTTP_STREAMS_MAX      32u /* replays, and other answers of more than a piece, at one time */
#define HTTP_STREAMS_PER_USER 4u
static_assert(FEED_READERS_MAX > HTTP_STREAMS_MAX + WS_READERS_MAX, "each can have its reader");
/* For all of them in one poll, in equal shares: of the log, and bytes written. */
#define HTTP_STREAM_FRAMES 256u
#define HTTP_STREAM_BYTES  (256u * 1024u)
/* For all answers of one poll that are no streams, lists and first pieces: one may begin while there are some
 * left, and what it takes beyond them is taken from the next polls. So what a poll does for them is bounded
 * by this and one page, however many ask. */
#define HTTP_ROWS_PER_POLL 256u
#define HTTP_STREAM_ROWS   256u /* of an RFQ or an order; what needs more goes on as a replay does */
/* Of the log's times, which do not always rise (log_find_time): so much further is looked, both ways. */
#define HTTP_TIME_MARGIN_NS 10000000000ull
#define HTTP_PAGE           100u                /* entities of a list where `limit` says nothing */
#define HTTP_METRICS_NS     250000000ull        /* for so long one rendering of /metrics serves all */
#define HTTP_BURST          2u                  /* seconds' worth of requests that may come at once */

enum http_refusal {
    HTTP_REFUSED_TOKEN,
    HTTP_REFUSED_ROLE,
    HTTP_REFUSED_RATE,
    HTTP_REFUSED_MEDIA_TYPE,
    HTTP_REFUSED_BODY,
    HTTP_REFUSED_KEY,
    HTTP_REFUSED_PARAMETER,
    HTTP_REFUSED_STREAMS,
    HTTP_REFUSALS
};

struct http_pending;

struct http_user {
    uint64_t paid_ns; /* when all that was asked is paid for */
    unsigned streams; /* replays under way */
};

/* The application behind the routes (web_app). */
struct http {
    /* given */
    const struct config *config;
    struct node *node;
    struct web *web; /* made after this */
    struct auth *auth;
    struct clients *clients;
    struct feed *feed;
    struct ws *ws;
    struct counters *counters;
    struct metrics *metrics;
    bool stopping; /* readyz says no */
    /* its own */
    struct http_user *users; /* as in config */
    struct http_pending *pending, *free_pending;
    unsigned streams;
    int64_t rows_left;          /* of HTTP_ROWS_PER_POLL */
    uint64_t rows_poll;         /* in this poll */
    struct buffer metrics_text; /* of the last rendering */
    uint64_t metrics_until_ns;  /* it is shown again up to then */
    counter_value **requests;   /* by route */
    counter_value *refused[HTTP_REFUSALS];
    counter_value *rows, *put_off;
};

/* The given part is filled in. ERR_MEMORY. */
enum err http_open(struct http *h) WARN_UNUSED;
void http_close(struct http *h); /* after its web server */

extern const struct web_route http_routes[];
extern const unsigned http_route_count;

/* Who may ask: a route's tag. */
enum http_access {
    HTTP_OPEN,   /* anybody: health, the page; metrics, where their own key admits it */
    HTTP_USER,   /* a token */
    HTTP_TRADES, /* and a role that trades: trader, manager, admin */
    HTTP_OPS,    /* and role ops or admin */
};
/* web_config.admit and .decorate. */
bool http_admit(struct web_request *r);
void http_decorate(struct web_request *r, const char *methods);

#endif

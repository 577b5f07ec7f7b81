/* Web: HTTP/1.1 and the way to WebSocket, on kernel sockets, for the control core. Owner: the control core,
 * which polls it; nothing here waits, and nothing here is on the path of an order.
 *
 * It reads requests (llhttp), finds their route in a table, and calls its function with a whole request: head
 * and body. The function answers at once, or keeps the handle and answers later (web_hold, web_request_of).
 * One request of a connection is served at a time: those that were pipelined behind it wait, in order. What a
 * request means, and who may ask it, is the routes' business.
 *
 * TLS (OpenSSL, 1.2 and 1.3) stands between the sockets and all this where it is configured.
 *
 * Bad input, each counted by its name in rfqd_http_refused_total{reason}:
 *   not HTTP, no Host, two lengths        400 bad_request, and the connection is closed
 *   more than WEB_TARGET_MAX of target    414 target_too_long, closed
 *   more than WEB_HEAD_MAX of head        431 head_too_large, closed
 *   a body over the route's limit         413 body_too_large, closed
 *   another version than 1.0 and 1.1      505 http_version, closed
 *   an Expect that is not 100-continue    417 expectation, closed
 *   a path that no route has              404 not_found;  another method: 405 method_not_allowed, with Allow
 *   head or body not whole in time        408 head_timeout, body_timeout, closed
 *   nothing asked for idle_timeout        closed, in silence: idle_timeout
 *   nothing asked at all for head_timeout closed, in silence: no_request
 *   an answer not read for write_timeout  closed: write_timeout
 *   connections_max, per address          closed, in silence: connections, connections_per_address
 *   a connection while it is drained      closed, in silence: stopping
 *   a TLS handshake that fails            closed, in silence: tls; one that takes head_timeout: tls_timeout
 *
 * Counters beside it: rfqd_http_{answers,connects,received_bytes,sent_bytes,streams_aborted}_total,
 * rfqd_http_connections.
 *
 * Errors are problem details (RFC 9457): {"type","title","status","code","detail"}; `code` is stable.
 */
#ifndef RFQD_CONTROL_WEB_H
#define RFQD_CONTROL_WEB_H

#include <stdbool.h>

#include "dataplane/core/counters.h"
#include "dataplane/net/port.h"

#define WEB_HEAD_MAX     16384u
#define WEB_TARGET_MAX   4096u
#define WEB_HEADERS_MAX  64u
#define WEB_BODY_MAX     65536u /* where a route says nothing */
#define WEB_WAITING_MAX  65536u /* bytes pipelined behind the request being served; then the peer waits */
#define WEB_PARAMS_MAX   4u     /* {names} in a route's path */
#define WEB_PARAM_SIZE   64u
#define WEB_SCRATCH_SIZE 512u
/* Requests begun in one poll, over all connections; the others wait their turn, so that a burst of them
 * delays nothing else on the core for long. */
#define WEB_REQUESTS_PER_POLL 32u
/* A stream writes no more, and no pipelined request begins, while as many bytes wait for the peer. */
#define WEB_STREAM_BACKLOG (256u * 1024u)

/* OPTIONS is answered here, for every path that there is: 204, and the methods that it takes. */
enum web_method { WEB_GET, WEB_POST, WEB_PATCH, WEB_PUT, WEB_DELETE, WEB_METHODS };

struct web;
struct web_request;

struct web_route {
    enum web_method method; /* HEAD is served by GET's, without its body */
    const char *path;       /* "/api/v1/rfqs/{id}/accept" */
    void (*serve)(struct web_request *r);
    unsigned tag;      /* the application's own: what it is, who may ask */
    uint32_t body_max; /* 0: WEB_BODY_MAX */
};

struct web_config {
    /* Its own: nobody else polls it. With room for more than connections_max, so that they are refused here. */
    struct port *port;
    const struct sockaddr_in *listen;
    unsigned listen_count;
    const char *certificate_file, *key_file; /* PEM; NULL: no TLS */
    unsigned connections_max, connections_per_address_max;
    uint64_t head_timeout_ns, body_timeout_ns, idle_timeout_ns, write_timeout_ns;
    const struct web_route *routes; /* outlives the server */
    unsigned route_count;
    /* Before a route's function; false: it has answered. NULL: all are let in. */
    bool (*admit)(struct web_request *r);
    /* Before an answer's head is written, whoever gives it: for headers that each answer has (CORS). methods:
     * what the path takes, where OPTIONS asked for it; else NULL. NULL: none. */
    void (*decorate)(struct web_request *r, const char *methods);
    void *app;
    struct counters *counters;
};

/* ERR_IO: an address is not to be had (errno). ERR_STATE: certificate or key cannot be used. ERR_MEMORY.
 * web_error() has the sentence. */
enum err web_create(struct web **out, const struct web_config *c) WARN_UNUSED;
const char *web_error(void);
void web_destroy(struct web *w);
unsigned web_poll(struct web *w, uint64_t now_ns);
/* No new connections and requests; those being served are finished. */
void web_drain(struct web *w);
unsigned web_connections(const struct web *w);

/* The request
 * --------------------------------------------------------------------------------------------------- */

void *web_app(const struct web_request *r);
/* WEB_SCRATCH_SIZE bytes for the application, zeroed for each request, aligned as malloc's. */
void *web_scratch(struct web_request *r);
uint64_t web_now_ns(const struct web_request *r);
const struct web_route *web_route_of(const struct web_request *r);
/* A header's value; NULL where it is not there (name in small letters). */
const char *web_header(const struct web_request *r, const char *name);
/* By its If-None-Match the asker has what has this entity tag ("…", W/"…" where it is weak): 304 is the
 * answer, with the tag. Tags are compared weakly, «*» is any; where that is no list of tags, what is wrong
 * and all behind it count for nothing. */
bool web_has_tag(const struct web_request *r, const char *etag);
bool web_tag_listed(const char *list, const char *etag);
/* The n-th {name} of the route's path, decoded. */
const char *web_param(const struct web_request *r, unsigned n);
/* A value of the query, decoded into out; "" unless it is there, and right. */
enum web_query {
    WEB_QUERY_NONE,
    WEB_QUERY_VALUE,
    WEB_QUERY_LONG, /* longer than out */
    WEB_QUERY_BAD,  /* no value (no «=»), a % without its two digits, a zero byte */
};
enum web_query web_query(const struct web_request *r, const char *name, char *out, size_t size) WARN_UNUSED;
const char *web_body(const struct web_request *r, size_t *size);
struct sockaddr_in web_peer(const struct web_request *r);
const char *web_method_name(enum web_method m);
const char *web_status_text(unsigned status); /* "Not Found" */
/* The name of the first parameter of the query that is not in the list (NULL at the end), or stands in it a
 * second time, into out; false: there is none. */
bool web_query_other(const struct web_request *r, const char *const *known, char *out, size_t size);

/* Answer later: the handle finds the request as long as its connection lives. NULL: it is gone. */
uint64_t web_hold(struct web_request *r);
struct web_request *web_request_of(struct web *w, uint64_t handle);
/* Not now: its route's function is called again in a later poll, before requests that have not begun. For
 * what is bounded over all requests of a poll, which web_poll_number tells from the next. */
void web_again(struct web_request *r);
uint64_t web_poll_number(const struct web_request *r);

/* The answer
 * ----------------------------------------------------------------------------------------------------
 * One of these ends the request: r is not used after it, and a second answer is asserted against. Bytes are
 * copied. */

/* One more header of the answer to come; name and value as they go out. */
void web_add_header(struct web_request *r, const char *name, const char *value);
void web_answer(struct web_request *r, unsigned status, const char *content_type, const void *body,
                size_t size);
/* code: one stable word; detail: a sentence. */
void web_problem(struct web_request *r, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* An answer of unknown length, chunked. The source is called whenever the peer has taken what was sent: it
 * writes some (web_stream_write, at least a byte) and returns true while there is more. It is called with
 * r NULL when the connection went away first, and never again after that or after it returned false. A reader
 * knows by the last chunk that it has it all (under HTTP/1.0 it cannot know). */
typedef bool (*web_source)(struct web_request *r, void *ctx);
void web_stream(struct web_request *r, unsigned status, const char *content_type, web_source source,
                void *ctx);
void web_stream_write(struct web_request *r, const void *bytes, size_t size);
/* From the source: nothing to write now, look again at the next poll. */
void web_stream_wait(struct web_request *r);
/* From the source, which then returns false: it cannot go on. The connection ends without a last chunk, and
 * is counted in rfqd_http_streams_aborted_total. */
void web_stream_abort(struct web_request *r);

/* Another protocol from here on
 * -------------------------------------------------------------------------------- */

struct web_stream_ops {
    void (*data)(void *ctx, const uint8_t *bytes, size_t size, uint64_t now_ns);
    void (*closed)(void *ctx); /* the peer's doing, or write_timeout; the handle is gone */
};
/* 101, with the headers added; returns the connection's handle for the calls below. ctx is told of the end
 * unless it closed the connection itself. */
uint64_t web_upgrade(struct web_request *r, const struct web_stream_ops *ops, void *ctx);
/* Copied; or shared: valid until the end of this web_poll (the next one, when called outside of it). */
void web_conn_write(struct web *w, uint64_t conn, const void *bytes, size_t size);
void web_conn_write_shared(struct web *w, uint64_t conn, const void *bytes, size_t size);
/* Bytes that the peer has not taken yet. */
size_t web_conn_backlog(struct web *w, uint64_t conn);
/* What was written is sent, then the connection ends. */
void web_conn_close(struct web *w, uint64_t conn);
/* Everything written so far goes out now; web_poll does it at its end by itself. */
void web_flush(struct web *w);

#endif

/* Inside of the web server: its files' shared structures. Not a public face. */
#ifndef RFQD_CONTROL_WEB_INSIDE_H
#define RFQD_CONTROL_WEB_INSIDE_H

#include <llhttp/llhttp.h>
#include <stddef.h>

#include "control/web/web.h"

/* OpenSSL's headers stay in tls.c: they have a name of ours, ERR_STATE. */
typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

#define NO_CONN      UINT32_MAX
#define SWEEP_NS     100000000ull /* how often the time limits are looked at */
#define SEGMENTS_MAX 12u          /* of a path */
#define OUTBOX_SIZE  65536u
#define EXTRA_MAX    1024u /* bytes of headers that the application adds */
#define REFUSALS(X)                               \
    X(REFUSED_BAD_REQUEST, "bad_request")         \
    X(REFUSED_TARGET, "target_too_long")          \
    X(REFUSED_HEAD, "head_too_large")             \
    X(REFUSED_BODY, "body_too_large")             \
    X(REFUSED_VERSION, "http_version")            \
    X(REFUSED_EXPECTATION, "expectation")         \
    X(REFUSED_NOT_FOUND, "not_found")             \
    X(REFUSED_METHOD, "method_not_allowed")       \
    X(REFUSED_HEAD_TIMEOUT, "head_timeout")       \
    X(REFUSED_BODY_TIMEOUT, "body_timeout")       \
    X(REFUSED_WRITE_TIMEOUT, "write_timeout")     \
    X(REFUSED_IDLE_TIMEOUT, "idle_timeout")       \
    X(REFUSED_NO_REQUEST, "no_request")           \
    X(REFUSED_CONNECTIONS, "connections")         \
    X(REFUSED_ADDRESS, "connections_per_address") \
    X(REFUSED_STOPPING, "stopping")               \
    X(REFUSED_TLS, "tls")                         \
    X(REFUSED_TLS_TIMEOUT, "tls_timeout")
enum web_refusal {
#define X(name, text) name,
    REFUSALS(X)
#undef X
        WEB_REFUSALS
};

enum conn_state {
    CONN_FREE,
    CONN_IDLE,     /* between requests */
    CONN_HEAD,     /* some of a head has come */
    CONN_BODY,     /* the head is whole */
    CONN_SERVING,  /* with its route's function, or held */
    CONN_STREAM,   /* an answer of unknown length is on its way */
    CONN_UPGRADED, /* another protocol's */
};

/* Where in the head's lines the next byte stands. */
enum line_state { LINE_BEFORE, LINE_BEGIN, LINE_INSIDE, LINE_CR, LINE_LAST_CR, LINE_BEHIND };

struct header {
    uint16_t name, value; /* offsets in head */
};

/* A connection and the one request that it has at a time. */
struct web_request {
    struct web *web;
    uint32_t index, serial; /* of the connection; grows with each that uses the slot */
    uint32_t request_serial;
    uint32_t conn; /* port handle */
    enum conn_state state;
    struct sockaddr_in peer;
    uint64_t deadline_ns;        /* of the state; 0: none */
    uint64_t written;            /* bytes handed to the port */
    uint64_t taken;              /* of them, what the network had taken when last looked at */
    uint64_t unflushed, flushes; /* bytes written since that flush; of an earlier one: none */
    uint64_t unread_since_ns;    /* nothing more was taken since then, and bytes wait; 0: none do */
    SSL *ssl;
    uint32_t next_ready;
    bool is_ready, feeding, gone, is_broken;
    bool has_asked; /* a request has begun, once */

    llhttp_t parser;
    char *head; /* WEB_HEAD_MAX; NULL while idle */
    uint32_t head_used;
    uint32_t target_size; /* of the target, at the head's begin */
    enum line_state line;
    size_t trailer_size;
    struct header headers[WEB_HEADERS_MAX];
    unsigned header_count;
    bool in_value, complete;
    bool in_header; /* the last one is not whole yet */
    enum web_refusal refused;
    bool is_refused;
    char *body;
    size_t body_used, body_capacity;
    char *waiting; /* pipelined behind */
    size_t waiting_used;
    bool paused;

    const struct web_route *route;
    const char *methods; /* while OPTIONS is answered: what the path takes */
    char *query;         /* in head, behind the path; NULL: none */
    char params[WEB_PARAMS_MAX][WEB_PARAM_SIZE];
    unsigned param_count;
    bool is_head, is_options, keep_alive;
    char extra[EXTRA_MAX]; /* headers added */
    uint32_t extra_used;
    web_source source;
    void *source_ctx;
    bool source_waits, source_failed;
    bool is_put_off; /* its route's function is to be called again */
    const struct web_stream_ops *stream;
    void *stream_ctx;
    _Alignas(16) char scratch[WEB_SCRATCH_SIZE];
};

struct outbox {
    struct outbox *next;
    size_t used, size;
    char bytes[];
};

struct address_count {
    uint32_t address; /* 0: free */
    uint32_t count;
};

struct web {
    struct web_config config;
    SSL_CTX *tls;
    llhttp_settings_t settings;
    struct web_request *conns;
    uint32_t *free_conns;
    uint32_t free_count, slots; /* slots: one past the highest ever used */
    uint32_t live;
    struct address_count *addresses;
    uint32_t address_mask;
    uint32_t first_ready, last_ready;
    struct outbox *outbox, *outbox_spare;
    bool draining;
    uint64_t polls;
    unsigned begun; /* requests, in this poll */
    uint64_t flushes;
    uint64_t now_ns, next_sweep_ns;
    counter_value *refused[WEB_REFUSALS];
    counter_value *answers[6]; /* by the status's first digit */
    counter_value *connections, *connects, *received, *sent, *aborted;
};

/* web.c: bytes that stay until the flush; NULL: no memory. */
void *web_outbox_copy(struct web *w, const void *bytes, size_t size);

/* link.c */
void link_accepted(struct web *w, const struct port_event *event);
void link_received(struct web_request *c, const uint8_t *bytes, size_t size);
void link_closed(struct web_request *c);
void link_close(struct web_request *c);
void link_ready(struct web_request *c);
/* Bytes that its peer has not taken yet, those that wait for the flush among them. */
size_t link_unread(const struct web_request *c);
void link_feed(struct web_request *c, const char *bytes, size_t size);
bool link_feed_waiting(struct web_request *c); /* false: not yet */
void link_write(struct web_request *c, const void *bytes, size_t size, bool shared);
void link_send(struct web_request *c, const void *kept, size_t size);
void link_sweep(struct web_request *c);
void link_forget_request(struct web_request *c);

/* parse.c */
void parse_init(struct web *w);
void parse_begin(struct web_request *c);
/* How much was taken. After it: complete (a whole request), is_refused, or more is wanted. */
size_t parse_some(struct web_request *c, const char *bytes, size_t size);
void parse_end(struct web_request *c);

/* route.c */
/* NULL: no route has the path (*allowed 0), or none with this method (bits of methods). */
const struct web_route *route_find(struct web_request *c, enum web_method method, unsigned *allowed);

/* answer.c */
void answer_refusal(struct web_request *c);
void answer_dispatch(struct web_request *c);
bool answer_pump(struct web_request *c);
void answer_ended(struct web_request *c);

/* tls.c */
enum err tls_open(struct web *w, char *error, size_t size) WARN_UNUSED;
void tls_close(struct web *w);
bool tls_begin(struct web_request *c);
bool tls_is_open(const struct web_request *c); /* the handshake is over */
void tls_received(struct web_request *c, const uint8_t *bytes, size_t size);
void tls_write(struct web_request *c, const void *bytes, size_t size);
void tls_shutdown(struct web_request *c);
void tls_end(struct web_request *c);

static inline void web_count_refusal(struct web *w, enum web_refusal r)
{
    counter_add(w->refused[r], 1);
}

#endif

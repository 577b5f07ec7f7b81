#include "control/front/front.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/http.h"

struct front {
    struct http http;
    struct port *own_port;
    struct clients *clients;
    struct auth *auth;
    struct feed *feed;
    struct ws *ws;
    struct web *web;
    uint64_t stop_ns; /* 0: not asked */
};

static _Thread_local char error_text[400];

const char *front_error(void)
{
    return error_text;
}

static enum err fail(enum err e, const char *what, const char *why)
{
    if (e != OK)
        snprintf(error_text, sizeof error_text, "%s: %s", what, why ? why : err_text(e));
    return e;
}

static void applied(void *ctx, const struct batch *b, uint64_t first_seq, uint64_t end)
{
    struct front *f = ctx;
    feed_applied(f->feed, b, first_seq, end);
    clients_applied(f->clients, b);
}

/* Start and end
 * -------------------------------------------------------------------------------------------------------- */

static enum err make_parts(struct front *f, const struct front_config *c, uint64_t now_ns)
{
    static_assert(CONFIG_HTTP_CONNECTIONS_MAX + FRONT_REFUSED_AT_ONCE <= PORT_URING_CONNECTIONS_MAX,
                  "the port can have as many");
    unsigned connections = (unsigned)c->config->http_connections_max + FRONT_REFUSED_AT_ONCE;
    enum err e = OK;
    if (!c->port) {
        e = port_uring_create(&f->own_port, connections);
        e = fail(e, "io_uring", e == ERR_IO ? strerror(errno) : NULL);
    }
    if (e == OK)
        e = fail(auth_create(&f->auth, c->config, c->counters), "tokens", auth_error());
    if (e == OK)
        e = fail(clients_create(&f->clients, c->node, c->counters, now_ns), "clients", NULL);
    if (e == OK)
        e = fail(feed_create(&f->feed, c->node, c->counters, c->own_threads), "events", NULL);
    const struct ws_config w = {.web = &f->web,
                                .auth = f->auth,
                                .clients = f->clients,
                                .feed = f->feed,
                                .node = c->node,
                                .config = c->config,
                                .counters = c->counters};
    if (e == OK)
        e = fail(ws_create(&f->ws, &w), "WebSocket", NULL);
    return e;
}

static enum err make_server(struct front *f, const struct front_config *front)
{
    const struct config *c = front->config;
    f->http = (struct http){.config = c,
                            .node = front->node,
                            .auth = f->auth,
                            .clients = f->clients,
                            .feed = f->feed,
                            .ws = f->ws,
                            .counters = front->counters,
                            .metrics = front->metrics};
    enum err e = fail(http_open(&f->http), "API", NULL);
    const struct web_config w = {.port = front->port ? front->port : f->own_port,
                                 .listen = &c->http_listen,
                                 .listen_count = 1,
                                 .certificate_file = c->http_certificate[0] ? c->http_certificate : NULL,
                                 .key_file = c->http_key[0] ? c->http_key : NULL,
                                 .connections_max = (unsigned)c->http_connections_max,
                                 .connections_per_address_max = (unsigned)c->http_connections_per_address_max,
                                 .head_timeout_ns = c->http_head_timeout_ns,
                                 .body_timeout_ns = c->http_body_timeout_ns,
                                 .idle_timeout_ns = c->http_idle_timeout_ns,
                                 .write_timeout_ns = c->http_write_timeout_ns,
                                 .routes = http_routes,
                                 .route_count = http_route_count,
                                 .admit = http_admit,
                                 .decorate = http_decorate,
                                 .app = &f->http,
                                 .counters = front->counters};
    if (e == OK)
        e = fail(web_create(&f->web, &w), "listen", web_error());
    f->http.web = f->web;
    return e;
}

enum err front_create(struct front **out, const struct front_config *config, uint64_t now_ns)
{
    *out = NULL;
    struct front *f = calloc(1, sizeof *f);
    if (!f)
        return fail(ERR_MEMORY, "front", NULL);
    enum err e = make_parts(f, config, now_ns);
    if (e == OK)
        e = make_server(f, config);
    if (e != OK) {
        front_destroy(f);
        return e;
    }
    replica_watch(node_replica(config->node), applied, f);
    *out = f;
    return OK;
}

void front_destroy(struct front *f)
{
    if (f->web)
        web_destroy(f->web); /* streams and WebSockets are told, and need what follows */
    if (f->ws)
        ws_destroy(f->ws);
    http_close(&f->http);
    if (f->feed)
        feed_destroy(f->feed);
    if (f->clients)
        clients_destroy(f->clients);
    if (f->auth)
        auth_destroy(f->auth);
    if (f->own_port)
        port_destroy(f->own_port);
    free(f);
}

/* Running
 * -------------------------------------------------------------------------------------------------------- */

unsigned front_poll(struct front *f, uint64_t now_ns)
{
    unsigned work = clients_poll(f->clients, now_ns);
    work += ws_poll(f->ws, now_ns);
    work += web_poll(f->web, now_ns);
    work += feed_poll(f->feed);
    return work;
}

void front_stop_begin(struct front *f, uint64_t now_ns)
{
    if (f->stop_ns)
        return;
    f->stop_ns = now_ns;
    f->http.stopping = true;
    ws_going_away(f->ws, now_ns);
    web_drain(f->web);
}

bool front_stopped(const struct front *f, uint64_t now_ns)
{
    return f->stop_ns && (web_connections(f->web) == 0 || now_ns - f->stop_ns >= FRONT_STOP_NS);
}

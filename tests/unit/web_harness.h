/* A web server on the simulated network, and clients that send bytes and see bytes. Time is made up.
 *
 * Routes of the harness: /echo (body and a header back), /items/{id}, /held (answered by harness_answer),
 * /tagged ("a"), /put-off (at its `put_off`th call), /flow (a stream of `stream_size` bytes), /big (BIG_SIZE
 * bytes), /up (upgrades to an echo), /small (a body of 10 bytes at most), /problem (403, naming the Origin),
 * /twice (answers a second time).
 */
#ifndef RFQD_TESTS_WEB_HARNESS_H
#define RFQD_TESTS_WEB_HARNESS_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/web/web.h"
#include "dataplane/net/sim_net.h"

#define SERVER_IP    0x0a000002u
#define CLIENT_IP    0x0a000001u
#define SECOND_NS    1000000000ull
#define CLIENTS_MAX  64
#define RECEIVED_MAX (8u * 1024 * 1024)

struct client {
    uint32_t conn;
    bool closed;
    char *received;
    size_t size;
};

struct harness {
    struct sim_net *net;
    struct port *server, *client_port;
    struct web *web;
    struct web_config config;
    struct counters *counters;
    uint64_t now_ns;
    struct client clients[CLIENTS_MAX];
    unsigned client_count;
    uint64_t held[CLIENTS_MAX];
    unsigned held_count;
    size_t stream_size;
    unsigned stream_calls, stream_gone, upgraded_closed;
    unsigned stream_fails; /* at that call */
    uint64_t upgraded;
    char upgraded_in[4096];
    size_t upgraded_in_size;
    unsigned served;
    unsigned put_off, put_off_calls;
    uint64_t put_off_polls[64]; /* of each call */
    bool upgraded_silent;
    char order[512]; /* the first letters of the items asked for */
    unsigned order_count;
};

static struct harness *harness_of(struct web_request *r)
{
    return web_app(r);
}

static void serve_echo(struct web_request *r)
{
    size_t size;
    const char *body = web_body(r, &size), *x = web_header(r, "x-echo");
    char query[8];
    static const char *const wrong[] = {[WEB_QUERY_LONG] = "long", [WEB_QUERY_BAD] = "bad"};
    harness_of(r)->served++;
    if (x)
        web_add_header(r, "X-Echoed", x);
    enum web_query found = web_query(r, "q", query, sizeof query);
    if (found != WEB_QUERY_NONE)
        web_add_header(r, "X-Query", found == WEB_QUERY_VALUE ? query : wrong[found]);
    web_answer(r, 200, "text/plain", body, size);
}

static void serve_item(struct web_request *r)
{
    struct harness *h = harness_of(r);
    h->served++;
    if (h->order_count < sizeof h->order)
        h->order[h->order_count++] = web_param(r, 0)[0];
    web_answer(r, 200, "text/plain", web_param(r, 0), strlen(web_param(r, 0)));
}

#define BIG_SIZE (200u * 1024u)
static void serve_big(struct web_request *r)
{
    static const char big[BIG_SIZE];
    harness_of(r)->served++;
    web_answer(r, 200, "text/plain", big, sizeof big);
}

static void serve_problem(struct web_request *r)
{
    web_problem(r, 403, "problem", "not from %.200s", web_header(r, "origin"));
}

static void serve_twice(struct web_request *r)
{
    web_answer(r, 400, NULL, NULL, 0);
    web_answer(r, 200, NULL, NULL, 0);
}

static void serve_held(struct web_request *r)
{
    struct harness *h = harness_of(r);
    h->served++;
    h->held[h->held_count++] = web_hold(r);
}

static void serve_put_off(struct web_request *r)
{
    struct harness *h = harness_of(r);
    cr_assert_lt(h->put_off_calls, 64);
    h->put_off_polls[h->put_off_calls++] = web_poll_number(r);
    if (h->put_off_calls % h->put_off != 0) {
        web_again(r);
        return;
    }
    h->served++;
    web_answer(r, 200, "text/plain", web_header(r, "x-echo"), 4);
}

static void serve_tagged(struct web_request *r)
{
    web_answer(r, web_has_tag(r, "\"a\"") ? 304 : 200, NULL, NULL, 0);
}

static bool flow(struct web_request *r, void *ctx)
{
    struct harness *h = ctx;
    static char block[16384];
    if (!r) {
        h->stream_gone++;
        return false;
    }
    if (h->stream_calls++ == h->stream_fails) {
        web_stream_abort(r);
        return false;
    }
    size_t some = h->stream_size < sizeof block ? h->stream_size : sizeof block;
    memset(block, 'a', sizeof block);
    web_stream_write(r, block, some);
    h->stream_size -= some;
    return h->stream_size > 0;
}

static void serve_flow(struct web_request *r)
{
    web_stream(r, 200, "text/plain", flow, harness_of(r));
}

static void upgraded_data(void *ctx, const uint8_t *bytes, size_t size, uint64_t now_ns)
{
    struct harness *h = ctx;
    (void)now_ns;
    cr_assert_leq(h->upgraded_in_size + size, sizeof h->upgraded_in);
    memcpy(h->upgraded_in + h->upgraded_in_size, bytes, size);
    h->upgraded_in_size += size;
    if (!h->upgraded_silent)
        web_conn_write(h->web, h->upgraded, bytes, size);
}

static void upgraded_end(void *ctx)
{
    ((struct harness *)ctx)->upgraded_closed++;
}

static const struct web_stream_ops upgraded_ops = {upgraded_data, upgraded_end};

static void serve_up(struct web_request *r)
{
    struct harness *h = harness_of(r);
    web_add_header(r, "Upgrade", "echo");
    h->upgraded = web_upgrade(r, &upgraded_ops, h);
}

static const struct web_route harness_routes[] = {
    {WEB_GET, "/echo", serve_echo, 0, 0},       {WEB_POST, "/echo", serve_echo, 0, 0},
    {WEB_GET, "/items/{id}", serve_item, 0, 0}, {WEB_DELETE, "/items/{id}", serve_item, 0, 0},
    {WEB_GET, "/held", serve_held, 0, 0},       {WEB_GET, "/flow", serve_flow, 0, 0},
    {WEB_GET, "/up", serve_up, 0, 0},           {WEB_POST, "/small", serve_echo, 0, 10},
    {WEB_GET, "/big", serve_big, 0, 0},         {WEB_GET, "/problem", serve_problem, 0, 0},
    {WEB_GET, "/put-off", serve_put_off, 0, 0}, {WEB_GET, "/tagged", serve_tagged, 0, 0},
    {WEB_GET, "/twice", serve_twice, 0, 0},
};

static inline struct in_addr harness_ip(uint32_t at)
{
    return (struct in_addr){.s_addr = htonl(at)};
}

static inline struct sockaddr_in harness_address(uint32_t at, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = harness_ip(at), .sin_port = htons(port)};
}

static inline void harness_open_with(struct harness *h, const struct web_config *wanted,
                                     const struct sim_net_options *options)
{
    static struct sockaddr_in listen;
    memset(h, 0, sizeof *h);
    h->stream_fails = UINT_MAX;
    h->now_ns = 1000 * SECOND_NS;
    listen = harness_address(SERVER_IP, 80);
    cr_assert_eq(counters_create(&h->counters, NULL), OK);
    cr_assert_eq(sim_net_create(&h->net, 1, options), OK);
    sim_net_advance(h->net, h->now_ns);
    cr_assert_eq(sim_net_port(h->net, harness_ip(SERVER_IP), 256, &h->server), OK);
    cr_assert_eq(sim_net_port(h->net, harness_ip(CLIENT_IP), 256, &h->client_port), OK);
    h->config = (struct web_config){.port = h->server,
                                    .listen = &listen,
                                    .listen_count = 1,
                                    .connections_max = 32,
                                    .connections_per_address_max = 32,
                                    .head_timeout_ns = 5 * SECOND_NS,
                                    .body_timeout_ns = 10 * SECOND_NS,
                                    .idle_timeout_ns = 60 * SECOND_NS,
                                    .write_timeout_ns = 30 * SECOND_NS,
                                    .routes = harness_routes,
                                    .route_count = sizeof harness_routes / sizeof *harness_routes,
                                    .app = h,
                                    .counters = h->counters};
    if (wanted) {
        h->config.certificate_file = wanted->certificate_file;
        h->config.key_file = wanted->key_file;
        h->config.decorate = wanted->decorate;
        h->config.admit = wanted->admit;
        if (wanted->connections_max)
            h->config.connections_max = wanted->connections_max;
        if (wanted->connections_per_address_max)
            h->config.connections_per_address_max = wanted->connections_per_address_max;
    }
    cr_assert_eq(web_create(&h->web, &h->config), OK, "%s", web_error());
}

static inline void harness_open(struct harness *h)
{
    harness_open_with(h, NULL, NULL);
}

static inline void harness_close(struct harness *h)
{
    for (unsigned i = 0; i < h->client_count; i++)
        free(h->clients[i].received);
    web_destroy(h->web);
    sim_net_destroy(h->net);
    counters_close(h->counters);
}

static inline unsigned harness_take(struct harness *h)
{
    struct port_event e[PORT_EVENTS_MAX];
    unsigned count = port_poll(h->client_port, e, PORT_EVENTS_MAX);
    for (unsigned i = 0; i < count; i++) {
        struct client *c = &h->clients[e[i].tag];
        if (e[i].type == PORT_DATA) {
            cr_assert_leq(c->size + e[i].size, RECEIVED_MAX);
            memcpy(c->received + c->size, e[i].data, e[i].size);
            c->size += e[i].size;
            c->received[c->size] = 0;
        } else if (e[i].type == PORT_CLOSED) {
            c->closed = true;
        }
    }
    return count;
}

/* Polls all, and lets the network deliver, until nothing happens any more. */
static inline void harness_run(struct harness *h)
{
    for (unsigned idle = 0; idle < 3;) {
        unsigned work = web_poll(h->web, h->now_ns);
        work += harness_take(h);
        uint64_t next = sim_net_next_event_ns(h->net);
        if (next != UINT64_MAX) {
            if (next > h->now_ns)
                h->now_ns = next;
            sim_net_advance(h->net, h->now_ns);
            work++;
        }
        idle = work ? 0 : idle + 1;
    }
}

/* Time passes, and the limits are looked at. */
static inline void harness_pass(struct harness *h, uint64_t ns)
{
    uint64_t end = h->now_ns + ns;
    while (h->now_ns < end) {
        uint64_t step = end - h->now_ns < SECOND_NS / 10 ? end - h->now_ns : SECOND_NS / 10;
        h->now_ns += step;
        sim_net_advance(h->net, h->now_ns);
        harness_run(h);
    }
}

static inline struct client *harness_connect_from(struct harness *h, struct port *port)
{
    struct client *c = &h->clients[h->client_count];
    struct sockaddr_in to = harness_address(SERVER_IP, 80);
    c->received = malloc(RECEIVED_MAX + 1);
    c->received[0] = 0;
    cr_assert_eq(port_connect(port, &to, NULL, h->client_count, &c->conn), OK);
    h->client_count++;
    harness_run(h);
    return c;
}

static inline struct client *harness_connect(struct harness *h)
{
    return harness_connect_from(h, h->client_port);
}

static inline void harness_send_bytes(struct harness *h, struct client *c, const void *bytes, size_t size)
{
    enum err e = port_send(h->client_port, c->conn, bytes, size);
    (void)e; /* the server may have closed it: the test looks at `closed` */
    port_flush(h->client_port);
}

static inline void harness_send(struct harness *h, struct client *c, const char *text)
{
    harness_send_bytes(h, c, text, strlen(text));
    harness_run(h);
}

static inline void harness_forget(struct client *c)
{
    c->size = 0;
    c->received[0] = 0;
}

/* One connection, one send, all that comes back. */
static inline struct client *harness_ask(struct harness *h, const char *text)
{
    struct client *c = harness_connect(h);
    harness_send(h, c, text);
    return c;
}

static inline uint64_t harness_counter(struct harness *h, const char *name, const char *label)
{
    struct counter_view v;
    uint64_t sum = 0;
    for (uint32_t i = 0; counters_at(h->counters, i, &v); i++)
        if (strcmp(v.name, name) == 0 && (!label || strcmp(v.label, label) == 0))
            sum += v.value;
    return sum;
}

static inline uint64_t harness_refused(struct harness *h, const char *reason)
{
    char label[COUNTER_LABEL_SIZE];
    snprintf(label, sizeof label, "reason=\"%s\"", reason);
    return harness_counter(h, "rfqd_http_refused_total", label);
}

static inline unsigned harness_count(const char *text, const char *what)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

#endif

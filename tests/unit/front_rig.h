/* A node with its whole front on a made-up network, disk and clock, and clients that keep what they are sent
 * as text: chunks and frames as they came.
 */
#ifndef RFQD_TESTS_FRONT_RIG_H
#define RFQD_TESTS_FRONT_RIG_H

#include "control/front/front.h"
#include "node_rig.h"
#include "tests/unit/token.h"

#define FRONT_CLIENTS_MAX 256u

struct front_client {
    uint32_t conn;
    bool closed;
    char *text;
    size_t size;
};

struct front_rig {
    struct node_rig rig;
    struct front *front;
    struct metrics *metrics;
    struct tally *tally;
    struct port *server, *port;
    struct front_client clients[FRONT_CLIENTS_MAX];
    unsigned count;
    bool own_threads;
    char token[512]; /* root's */
};

static inline unsigned front_rig_poll(void *ctx, uint64_t now_ns)
{
    struct front_rig *f = ctx;
    return front_poll(f->front, now_ns);
}

/* On a node that is open. */
static inline void front_rig_start(struct front_rig *f)
{
    struct node_rig *r = &f->rig;
    RIG_HOLDS(sim_net_port(r->net, (struct in_addr){htonl(0x0a000001)}, 64, &f->server) == OK &&
              sim_net_port(r->net, (struct in_addr){htonl(0x0a000002)}, 64, &f->port) == OK &&
              tally_create(&f->tally, r->node, r->counters) == OK);
    const struct metrics_config m = {
        .node = r->node, .counters = r->counters, .tally = f->tally, .started_ns = r->now_ns};
    RIG_HOLDS(metrics_create(&f->metrics, &m) == OK);
    const struct front_config c = {.node = r->node,
                                   .config = r->config,
                                   .counters = r->counters,
                                   .metrics = f->metrics,
                                   .port = f->server,
                                   .own_threads = f->own_threads};
    RIG_HOLDS(front_create(&f->front, &c, r->now_ns) == OK);
    r->more = front_rig_poll;
    r->more_ctx = f;
    token_make(f->token, sizeof f->token, RIG_SECRET, "root", "admin", r->now_ns / RIG_SECOND + 360000);
    rig_run(r);
}

static inline void front_rig_open(struct front_rig *f)
{
    memset(f, 0, sizeof *f);
    rig_open(&f->rig);
    front_rig_start(f);
}

static inline void front_rig_let_go(struct front_rig *f)
{
    metrics_destroy(f->metrics);
    tally_destroy(f->tally);
    for (unsigned i = 0; i < f->count; i++)
        free(f->clients[i].text);
    memset(f->clients, 0, sizeof f->clients);
    f->count = 0;
}

/* front_destroy comes before it. */
static inline void front_rig_close(struct front_rig *f)
{
    front_rig_let_go(f);
    rig_close(&f->rig);
}

/* The machine was cut off, and is up again: rings do not count, and the log begins a new stream epoch. The
 * clients are gone. */
static inline void front_rig_reboot(struct front_rig *f, int boot)
{
    front_destroy(f->front);
    front_rig_let_go(f);
    rig_kill(&f->rig);
    f->rig.more = NULL;
    rig_open_node(&f->rig, boot);
    front_rig_start(f);
}

static inline uint64_t front_counted(const struct front_rig *f, const char *name, const char *label)
{
    uint64_t sum = 0;
    struct counter_view v;
    for (uint32_t i = 0; counters_at(f->rig.counters, i, &v); i++)
        if (strcmp(v.name, name) == 0 && strstr(v.label, label))
            sum += v.value;
    return sum;
}

static inline void front_take(struct front_rig *f)
{
    struct port_event e[PORT_EVENTS_MAX];
    for (unsigned count; (count = port_poll(f->port, e, PORT_EVENTS_MAX)) > 0;)
        for (unsigned i = 0; i < count; i++) {
            struct front_client *c = &f->clients[e[i].tag];
            c->closed |= e[i].type == PORT_CLOSED;
            if (e[i].type != PORT_DATA)
                continue;
            RIG_HOLDS((c->text = realloc(c->text, c->size + e[i].size + 1)) != NULL);
            memcpy(c->text + c->size, e[i].data, e[i].size);
            c->size += e[i].size;
            c->text[c->size] = 0;
            for (char *at = c->text + c->size - e[i].size; at < c->text + c->size; at++)
                *at = *at ? *at : ' '; /* of a frame's head: what follows is found all the same */
        }
}

/* Time passes, and clients read. */
static inline void front_pass(struct front_rig *f, uint64_t ns)
{
    for (uint64_t end = f->rig.now_ns + ns; f->rig.now_ns < end;) {
        rig_pass(&f->rig, 1000000);
        front_take(f);
    }
}

static inline void front_send(struct front_rig *f, struct front_client *c, const char *bytes, size_t size)
{
    RIG_HOLDS(port_send(f->port, c->conn, bytes, size) == OK);
    port_flush(f->port);
}

static inline struct front_client *front_connect(struct front_rig *f)
{
    struct front_client *c = &f->clients[f->count];
    RIG_HOLDS(f->count < FRONT_CLIENTS_MAX && (c->text = calloc(1, 1)) != NULL);
    RIG_HOLDS(port_connect(f->port, &f->rig.config->http_listen, NULL, f->count++, &c->conn) == OK);
    front_pass(f, 2000000);
    return c;
}

/* Sent; its answer comes while time passes. */
static inline struct front_client *front_get(struct front_rig *f, const char *path)
{
    char text[1024];
    struct front_client *c = front_connect(f);
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n",
                        path, f->token);
    front_send(f, c, text, (size_t)size);
    return c;
}

/* A frame whose mask is zero. */
static inline void front_say(struct front_rig *f, struct front_client *c, const char *text)
{
    char frame[1024] = {(char)0x81};
    size_t size = strlen(text), head = size < 126 ? 2 : 4;
    RIG_HOLDS(size < sizeof frame - 8);
    frame[1] = (char)(0x80 | (size < 126 ? size : 126));
    if (size >= 126) {
        frame[2] = (char)(size >> 8);
        frame[3] = (char)size;
    }
    memcpy(frame + head + 4, text, size);
    front_send(f, c, frame, head + 4 + size);
}

/* A WebSocket; request NULL: it says nothing yet. */
static inline struct front_client *front_listen(struct front_rig *f, const char *request)
{
    char text[1024];
    struct front_client *c = front_connect(f);
    int size = snprintf(text, sizeof text,
                        "GET /rfq HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                        "Authorization: Bearer %s\r\n\r\n",
                        f->token);
    front_send(f, c, text, (size_t)size);
    front_pass(f, 3000000);
    RIG_HOLDS(strncmp(c->text, "HTTP/1.1 101 ", 13) == 0);
    if (request) {
        front_say(f, c, request);
        front_pass(f, 3000000);
    }
    return c;
}

#endif

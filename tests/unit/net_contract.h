/* What port.h promises is held against every implementation: io_uring in both modes, the simulated network
 * with several seeds and a rough one with small windows. Each test is one body over a `struct world`. */
#ifndef RFQD_TESTS_NET_CONTRACT_H
#define RFQD_TESTS_NET_CONTRACT_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/net/port_uring.h"
#include "dataplane/net/sim_net.h"

enum kind { KIND_URING, KIND_URING_COOPERATIVE, KIND_SIM, KIND_SIM_ROUGH };

struct world_name {
    enum kind kind;
    uint64_t seed;
};

static const struct world_name worlds[] = {
    {KIND_URING, 1}, {KIND_URING_COOPERATIVE, 2}, {KIND_SIM, 3},
    {KIND_SIM, 4},   {KIND_SIM_ROUGH, 5},         {KIND_SIM_ROUGH, 6},
};

struct world {
    enum kind kind;
    uint64_t random;
    struct sim_net *net;
    struct sockaddr_in server;
    uint64_t started_ns;
};

#define IN_WORLD(test, world, index)                  \
    Test(net_contract, test##_##world, .timeout = 60) \
    {                                                 \
        test(&worlds[index]);                         \
    }

/* One body, a test for each world. */
#define WORLDS(test)                                 \
    static void test(const struct world_name *name); \
    IN_WORLD(test, uring, 0)                         \
    IN_WORLD(test, uring_cooperative, 1)             \
    IN_WORLD(test, sim, 2)                           \
    IN_WORLD(test, sim_again, 3)                     \
    IN_WORLD(test, sim_rough, 4)                     \
    IN_WORLD(test, sim_rough_again, 5)               \
    static void test(const struct world_name *name)

static uint64_t draw(struct world *w, uint64_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (w->random >> 33) % below;
}

static uint64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A loopback address of this process alone, so that tests that run side by side do not meet. */
static inline struct sockaddr_in address(uint16_t port)
{
    uint32_t pid = (uint32_t)getpid();
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7f000001u | (pid & 0xffffu) << 8),
                                .sin_port = htons(port)};
}

static inline void world_open(struct world *w, const struct world_name *name)
{
    struct sim_net_options options = SIM_NET_DEFAULTS;
    *w = (struct world){
        .kind = name->kind, .random = name->seed, .server = address(7001), .started_ns = wall_ns()};
    if (name->kind == KIND_SIM_ROUGH) {
        options.window_size = 3000;
        options.segment_size_max = 100;
        options.whole_permille = 50;
        options.delay_ns_max = 5000000;
    }
    if (name->kind == KIND_SIM || name->kind == KIND_SIM_ROUGH) {
        cr_assert_eq(sim_net_create(&w->net, name->seed, &options), OK);
    }
}

static inline void world_close(struct world *w)
{
    if (w->net != NULL) {
        sim_net_destroy(w->net);
    }
}

static inline struct port *port_new(struct world *w, unsigned connections_max)
{
    struct port *p = NULL;
    if (w->net != NULL) {
        cr_assert_eq(sim_net_port(w->net, w->server.sin_addr, connections_max, &p), OK);
    } else {
        enum port_uring_mode mode = w->kind == KIND_URING ? PORT_URING_DEFERRED : PORT_URING_COOPERATIVE;
        cr_assert_eq(port_uring_create_mode(&p, connections_max, mode), OK);
    }
    return p;
}

/* Time goes on. In a loop that waits; the deadline only guards against waiting for ever. */
static inline void step(struct world *w)
{
    if (w->net == NULL) {
        cr_assert_lt(wall_ns() - w->started_ns, 50000000000u, "what was waited for did not come");
    } else {
        uint64_t next_ns = sim_net_next_event_ns(w->net);
        static uint64_t idle;
        idle = next_ns == UINT64_MAX ? idle + 1 : 0;
        cr_assert_lt(idle, 1000, "what was waited for did not come");
        if (next_ns != UINT64_MAX) {
            sim_net_advance(w->net, next_ns);
        }
    }
}

/* One event of p that is not for somebody else: the first that comes. The other port is polled along (and
 * must stay silent unless NULL), since a port moves its connections only when it is polled. */
static inline struct port_event next_event(struct world *w, struct port *p, struct port *other)
{
    struct port_event event, stray;
    while (port_poll(p, &event, 1) == 0) {
        if (other != NULL) {
            cr_assert_eq(port_poll(other, &stray, 1), 0, "unexpected event %d", stray.type);
        }
        step(w);
    }
    return event;
}

/* Lets everything happen that is going to; both ports must stay silent. */
static inline void settle(struct world *w, struct port *a, struct port *b)
{
    struct port_event stray;
    uint64_t until_ns = wall_ns() + 3000000;
    for (unsigned i = 0; w->net != NULL ? i < 200 : wall_ns() < until_ns; i++) {
        cr_assert_eq(port_poll(a, &stray, 1), 0, "unexpected event %d", stray.type);
        if (b != NULL) {
            cr_assert_eq(port_poll(b, &stray, 1), 0, "unexpected event %d", stray.type);
        }
        uint64_t next_ns = w->net != NULL ? sim_net_next_event_ns(w->net) : 0;
        if (w->net != NULL && next_ns != UINT64_MAX) {
            sim_net_advance(w->net, next_ns);
        }
    }
}

struct pair {
    struct port *server, *client;
    uint32_t at_server, at_client;
};

static inline struct sockaddr_in pair_connect_from(struct world *w, struct pair *x,
                                                   const struct sockaddr_in *local)
{
    cr_assert_eq(port_connect(x->client, &w->server, local, 22, &x->at_client), OK);
    struct port_event accepted, connected;
    bool have_accepted = false, have_connected = false;
    while (!have_accepted || !have_connected) {
        have_accepted |= !have_accepted && port_poll(x->server, &accepted, 1) == 1;
        have_connected |= !have_connected && port_poll(x->client, &connected, 1) == 1;
        step(w);
    }
    cr_assert_eq(accepted.type, PORT_ACCEPTED);
    cr_assert_eq(accepted.tag, 11);
    cr_assert_eq(connected.type, PORT_CONNECTED);
    cr_assert_eq(connected.tag, 22);
    cr_assert_eq(connected.conn, x->at_client);
    cr_assert_eq(connected.peer.sin_port, w->server.sin_port);
    x->at_server = accepted.conn;
    return accepted.peer;
}

static inline void pair_connect(struct world *w, struct pair *x)
{
    pair_connect_from(w, x, NULL);
}

static inline void pair_open(struct world *w, const struct world_name *name, struct pair *x)
{
    world_open(w, name);
    x->server = port_new(w, 4);
    x->client = port_new(w, 4);
    cr_assert_eq(port_listen(x->server, &w->server, 11), OK);
    pair_connect(w, x);
}

static inline void pair_close(struct world *w, struct pair *x)
{
    port_destroy(x->client);
    port_destroy(x->server);
    world_close(w);
}

static inline void send_now(struct port *p, uint32_t conn, const void *bytes, size_t size)
{
    cr_assert_eq(port_send(p, conn, bytes, size), OK);
    port_flush(p);
}

/* Receives exactly size bytes, from p only. */
static inline void receive(struct world *w, struct port *p, struct port *other, uint32_t conn, uint8_t *bytes,
                           size_t size)
{
    while (size > 0) {
        struct port_event e = next_event(w, p, other);
        cr_assert_eq(e.type, PORT_DATA, "type %d error %d", e.type, e.error);
        cr_assert_eq(e.conn, conn);
        cr_assert_leq(e.size, size);
        cr_assert_leq(e.size, PORT_CHUNK_MAX);
        memcpy(bytes, e.data, e.size);
        bytes += e.size;
        size -= e.size;
    }
}

static inline void fill(struct world *w, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)draw(w, 256);
    }
}

#define STREAM_SIZE (300u * 1024u)

#endif

/* What port.h promises, held against every implementation: io_uring in both modes, the simulated network with
 * several seeds and a rough one with small windows. Each test is one body over a `struct world`. */
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
static struct sockaddr_in address(uint16_t port)
{
    uint32_t pid = (uint32_t)getpid();
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7f000001u | (pid & 0xffffu) << 8),
                                .sin_port = htons(port)};
}

static void world_open(struct world *w, const struct world_name *name)
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

static void world_close(struct world *w)
{
    if (w->net != NULL) {
        sim_net_destroy(w->net);
    }
}

static struct port *port_new(struct world *w, unsigned connections_max)
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
static void step(struct world *w)
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
static struct port_event next_event(struct world *w, struct port *p, struct port *other)
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
static void settle(struct world *w, struct port *a, struct port *b)
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

static struct sockaddr_in pair_connect_from(struct world *w, struct pair *x, const struct sockaddr_in *local)
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

static void pair_connect(struct world *w, struct pair *x)
{
    pair_connect_from(w, x, NULL);
}

static void pair_open(struct world *w, const struct world_name *name, struct pair *x)
{
    world_open(w, name);
    x->server = port_new(w, 4);
    x->client = port_new(w, 4);
    cr_assert_eq(port_listen(x->server, &w->server, 11), OK);
    pair_connect(w, x);
}

static void pair_close(struct world *w, struct pair *x)
{
    port_destroy(x->client);
    port_destroy(x->server);
    world_close(w);
}

static void send_now(struct port *p, uint32_t conn, const void *bytes, size_t size)
{
    cr_assert_eq(port_send(p, conn, bytes, size), OK);
    port_flush(p);
}

/* Receives exactly size bytes, from p only. */
static void receive(struct world *w, struct port *p, struct port *other, uint32_t conn, uint8_t *bytes,
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

static void fill(struct world *w, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)draw(w, 256);
    }
}

#define STREAM_SIZE (300u * 1024u)

/* What the peer echoes is what was sent, whatever the sizes of writes and reads. */
WORLDS(echoes_random_sizes_in_order)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    uint8_t *out = malloc(STREAM_SIZE), *in = malloc(STREAM_SIZE);
    fill(&w, out, STREAM_SIZE);
    size_t sent = 0, received = 0;
    static uint8_t copies[PORT_EVENTS_MAX][PORT_CHUNK_MAX];
    while (received < STREAM_SIZE) {
        for (uint64_t n = draw(&w, 5); n > 0 && sent < STREAM_SIZE; n--) {
            size_t size = 1 + (size_t)draw(&w, draw(&w, 8) == 0 ? 30000 : 600);
            size = size < STREAM_SIZE - sent ? size : STREAM_SIZE - sent;
            cr_assert_eq(port_send(x.client, x.at_client, out + sent, size), OK);
            sent += size;
        }
        port_flush(x.client);
        struct port_event events[PORT_EVENTS_MAX];
        unsigned n = port_poll(x.server, events, PORT_EVENTS_MAX);
        cr_assert_leq(n, 1, "one PORT_DATA for a connection and poll");
        for (unsigned i = 0; i < n; i++) {
            cr_assert_eq(events[i].type, PORT_DATA);
            memcpy(copies[i], events[i].data, events[i].size);
            cr_assert_eq(port_send(x.server, x.at_server, copies[i], events[i].size), OK);
        }
        port_flush(x.server);
        memset(copies[0], 0xee, PORT_CHUNK_MAX); /* flush has taken or copied all */
        n = port_poll(x.client, events, PORT_EVENTS_MAX);
        for (unsigned i = 0; i < n; i++) {
            cr_assert_eq(events[i].type, PORT_DATA);
            cr_assert_leq(events[i].size, STREAM_SIZE - received);
            memcpy(in + received, events[i].data, events[i].size);
            received += events[i].size;
        }
        step(&w);
    }
    cr_assert_eq(memcmp(in, out, STREAM_SIZE), 0);
    free(in);
    free(out);
    pair_close(&w, &x);
}

#define MANY 40u

/* Many connections at once, each with its own stream; a flush to all of them at once. */
WORLDS(keeps_many_connections_apart)
{
    struct world w;
    world_open(&w, name);
    struct port *server = port_new(&w, MANY), *client = port_new(&w, MANY);
    cr_assert_eq(port_listen(server, &w.server, 11), OK);
    uint32_t conns[MANY];
    for (uint64_t i = 0; i < MANY; i++) {
        cr_assert_eq(port_connect(client, &w.server, NULL, i, &conns[i]), OK);
    }
    uint32_t extra;
    cr_assert_eq(port_connect(client, &w.server, NULL, 99, &extra), ERR_LIMIT);
    unsigned accepted = 0, connected = 0, rounds = 20;
    static uint8_t out[MANY][500], echoed[PORT_EVENTS_MAX][PORT_CHUNK_MAX];
    size_t received[MANY] = {0}, expected = 0;
    uint8_t round_of[MANY] = {0};
    while (true) {
        struct port_event events[PORT_EVENTS_MAX];
        unsigned n = port_poll(server, events, PORT_EVENTS_MAX);
        for (unsigned i = 0; i < n; i++) {
            accepted += events[i].type == PORT_ACCEPTED;
            if (events[i].type == PORT_DATA) {
                memcpy(echoed[i], events[i].data, events[i].size);
                cr_assert_eq(port_send(server, events[i].conn, echoed[i], events[i].size), OK);
            }
        }
        port_flush(server);
        n = port_poll(client, events, PORT_EVENTS_MAX);
        for (unsigned i = 0; i < n; i++) {
            uint64_t tag = events[i].tag;
            cr_assert_lt(tag, MANY);
            cr_assert_eq(events[i].conn, conns[tag]);
            connected += events[i].type == PORT_CONNECTED;
            for (size_t k = 0; events[i].type == PORT_DATA && k < events[i].size; k++) {
                cr_assert_eq(events[i].data[k], (uint8_t)(tag ^ received[tag] / 500));
                received[tag]++;
            }
        }
        if (connected ==
            MANY) { /* the next message to each whose last has come back whole; all in one flush */
            size_t complete = 0;
            for (unsigned i = 0; i < MANY; i++) {
                if (received[i] == 500u * round_of[i] && round_of[i] < rounds) {
                    memset(out[i], (int)(i ^ round_of[i]++), 500);
                    cr_assert_eq(port_send(client, conns[i], out[i], 500), OK);
                    expected += 500;
                }
                complete += received[i];
            }
            port_flush(client);
            if (complete == (size_t)MANY * rounds * 500) {
                break;
            }
        }
        step(&w);
    }
    cr_assert_eq(accepted, MANY);
    cr_assert_eq(expected, (size_t)MANY * rounds * 500);
    port_destroy(client);
    port_destroy(server);
    world_close(&w);
}

/* Pausing stops data with the very next poll; resuming brings all of it, in order. */
WORLDS(paused_connection_gives_nothing_and_loses_nothing)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    uint8_t *out = malloc(STREAM_SIZE), *in = malloc(STREAM_SIZE);
    fill(&w, out, STREAM_SIZE);
    size_t sent = 0, received = 0;
    bool paused = false;
    unsigned pauses = 0;
    while (received < STREAM_SIZE) {
        size_t size = STREAM_SIZE - sent < 5000 ? STREAM_SIZE - sent : 5000;
        if (size > 0 && port_backlog(x.client, x.at_client) < 100000) {
            send_now(x.client, x.at_client, out + sent, size);
            sent += size;
        }
        struct port_event events[8];
        cr_assert_eq(port_poll(x.client, events, 8), 0);
        unsigned n = port_poll(x.server, events, 8);
        cr_assert(n == 0 || !paused);
        for (unsigned i = 0; i < n; i++) {
            cr_assert_eq(events[i].type, PORT_DATA);
            memcpy(in + received, events[i].data, events[i].size);
            received += events[i].size;
        }
        if (!paused && draw(&w, 2) == 0) {
            port_pause(x.server, x.at_server);
            paused = true;
            pauses++;
        } else if (paused && draw(&w, 3) == 0) {
            port_resume(x.server, x.at_server);
            paused = false;
        }
        if (draw(&w, 10) == 0) { /* at once again, before anything could happen */
            port_resume(x.server, x.at_server);
            port_pause(x.server, x.at_server);
            port_resume(x.server, x.at_server);
            paused = false;
        }
        step(&w);
    }
    cr_assert_gt(pauses, 10);
    cr_assert_eq(memcmp(in, out, STREAM_SIZE), 0);
    free(in);
    free(out);
    pair_close(&w, &x);
}

/* A peer that closes behind its last words: the words first, and nothing while paused. */
WORLDS(end_comes_after_the_data_and_waits_for_resume)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    port_pause(x.server, x.at_server);
    static uint8_t out[2000], in[2000];
    fill(&w, out, sizeof out);
    cr_assert_eq(port_send(x.client, x.at_client, out, sizeof out), OK);
    port_close(x.client, x.at_client); /* which flushes */
    settle(&w, x.server, x.client);
    port_resume(x.server, x.at_server);
    receive(&w, x.server, x.client, x.at_server, in, sizeof in);
    cr_assert_eq(memcmp(in, out, sizeof out), 0);
    struct port_event e = next_event(&w, x.server, x.client);
    cr_assert_eq(e.type, PORT_CLOSED);
    cr_assert_eq(e.error, 0);
    cr_assert_eq(e.tag, 11);
    settle(&w, x.server, x.client);
    pair_close(&w, &x);
}

/* Closing with more queued than the network takes: the peer gets all of it all the same. */
WORLDS(close_sends_the_backlog_first)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    size_t size = w.net != NULL ? 200000 : 6000000; /* more than a kernel takes unread */
    uint8_t *out = malloc(size), *in = malloc(size);
    fill(&w, out, size);
    port_pause(x.server, x.at_server);
    for (size_t sent = 0; sent < size; sent += size / 4) {
        send_now(x.client, x.at_client, out + sent, size / 4);
    }
    cr_assert_gt(port_backlog(x.client, x.at_client), 0);
    send_now(x.server, x.at_server, "unread", 6); /* must not turn the close into a reset */
    port_close(x.client, x.at_client);
    port_resume(x.server, x.at_server);
    receive(&w, x.server, x.client, x.at_server, in, size);
    cr_assert_eq(memcmp(in, out, size), 0);
    struct port_event e = next_event(&w, x.server, x.client);
    cr_assert_eq(e.type, PORT_CLOSED);
    cr_assert_eq(e.error, 0);
    free(in);
    free(out);
    pair_close(&w, &x);
}

/* The bytes of an event stay until the next poll, also when their connection is closed in between. */
WORLDS(given_bytes_survive_the_close)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    static uint8_t out[50];
    for (unsigned i = 0; i < 20; i++) {
        fill(&w, out, sizeof out);
        send_now(x.client, x.at_client, out, sizeof out);
        struct port_event e = next_event(&w, x.server, x.client);
        cr_assert_eq(e.type, PORT_DATA);
        port_close(x.server, x.at_server);
        port_close(x.client, x.at_client);
        struct port_event stray;
        while (w.net != NULL && sim_net_next_event_ns(w.net) != UINT64_MAX) {
            port_poll(x.client, &stray, 1);
            sim_net_advance(w.net, sim_net_next_event_ns(w.net));
        }
        cr_assert_eq(memcmp(e.data, out, e.size), 0);
        while (port_poll(x.server, &stray, 1) == 1) {
        }
        pair_connect(&w, &x);
    }
    pair_close(&w, &x);
}

/* A peer that does not read loses its connection, and only its own. */
WORLDS(overflowing_backlog_closes_the_connection)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    struct pair y = x;
    pair_connect(&w, &y);
    port_pause(x.server, x.at_server);
    uint8_t *block = calloc(1, 1u << 20);
    unsigned blocks = 0;
    while (port_send(x.client, x.at_client, block, 1u << 20) == OK) {
        port_flush(x.client);
        cr_assert_leq(port_backlog(x.client, x.at_client), PORT_BACKLOG_MAX);
        cr_assert_lt(++blocks, 64);
    }
    cr_assert_geq(blocks, PORT_BACKLOG_MAX >> 20);
    struct port_event e = next_event(&w, x.client, NULL);
    cr_assert_eq(e.type, PORT_CLOSED);
    cr_assert_eq(e.conn, x.at_client);
    cr_assert_eq(e.error, ENOBUFS);
    cr_assert_eq(port_send(x.client, x.at_client, block, 1), ERR_CLOSED);
    uint8_t in[5];
    send_now(y.client, y.at_client, "still", 5);
    receive(&w, y.server, y.client, y.at_server, in, 5);
    cr_assert_eq(memcmp(in, "still", 5), 0);
    /* and the peer learns of it, after what had reached it */
    port_resume(x.server, x.at_server);
    do {
        e = next_event(&w, x.server, x.client);
        cr_assert_eq(e.conn, x.at_server);
    } while (e.type == PORT_DATA);
    cr_assert_eq(e.type, PORT_CLOSED);
    cr_assert_eq(e.error, ECONNRESET);
    free(block);
    pair_close(&w, &x);
}

WORLDS(connect_fails_when_nobody_listens)
{
    struct world w;
    world_open(&w, name);
    struct port *client = port_new(&w, 4);
    uint32_t conn;
    cr_assert_eq(port_connect(client, &w.server, NULL, 33, &conn), OK);
    cr_assert_eq(port_send(client, conn, "x", 1), ERR_STATE);
    struct port_event e = next_event(&w, client, NULL);
    cr_assert_eq(e.type, PORT_CONNECT_FAILED);
    cr_assert_eq(e.conn, conn);
    cr_assert_eq(e.tag, 33);
    cr_assert_eq(e.error, ECONNREFUSED);
    cr_assert_eq(port_send(client, conn, "x", 1), ERR_CLOSED);
    settle(&w, client, NULL);
    port_destroy(client);
    world_close(&w);
}

/* A connect given up says nothing more; the listener may see it come and go. */
WORLDS(connect_can_be_closed_before_it_is_done)
{
    struct world w;
    world_open(&w, name);
    struct port *server = port_new(&w, 4), *client = port_new(&w, 4);
    cr_assert_eq(port_listen(server, &w.server, 11), OK);
    uint32_t conn;
    cr_assert_eq(port_connect(client, &w.server, NULL, 33, &conn), OK);
    port_close(client, conn);
    settle(&w, client, NULL);
    cr_assert_eq(port_send(client, conn, "x", 1), ERR_CLOSED);
    port_destroy(client);
    port_destroy(server);
    world_close(&w);
}

/* Once stale, a handle does nothing, not even to the next connection in its slot. */
WORLDS(stale_handle_does_nothing)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    uint32_t old_client = x.at_client, old_server = x.at_server;
    for (int i = 0; i < 20; i++) {
        port_close(x.client, x.at_client);
        struct port_event e = next_event(&w, x.server, x.client);
        cr_assert_eq(e.type, PORT_CLOSED);
        settle(&w, x.server, x.client);
        pair_connect(&w, &x);
        cr_assert_neq(x.at_client, old_client);
        cr_assert_neq(x.at_server, old_server);
        uint32_t stale[] = {old_client, PORT_CONN_NONE, 0xfff00003u};
        for (unsigned k = 0; k < 3; k++) {
            cr_assert_eq(port_send(x.client, stale[k], "never", 5), ERR_CLOSED);
            port_pause(x.client, stale[k]);
            port_resume(x.client, stale[k]);
            port_close(x.client, stale[k]);
            cr_assert_eq(port_backlog(x.client, stale[k]), 0);
        }
    }
    uint8_t in[5];
    send_now(x.client, x.at_client, "alive", 5);
    receive(&w, x.server, x.client, x.at_server, in, 5);
    cr_assert_eq(memcmp(in, "alive", 5), 0);
    pair_close(&w, &x);
}

/* Bytes that wait for flush when their connection is closed by the peer do not reach its successor in the
 * slot. */
WORLDS(queued_bytes_of_a_lost_connection_reach_nobody_else)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    cr_assert_eq(port_send(x.server, x.at_server, "ghost", 5), OK);
    port_close(x.client, x.at_client);
    cr_assert_eq(next_event(&w, x.server, x.client).type, PORT_CLOSED);
    pair_connect(&w, &x);
    cr_assert_eq(port_send(x.server, x.at_server, "first", 5), OK);
    port_flush(x.server);
    uint8_t in[5];
    receive(&w, x.client, x.server, x.at_client, in, 5);
    cr_assert_eq(memcmp(in, "first", 5), 0);
    pair_close(&w, &x);
}

/* The process dies with the connection up: its peers see the end, and it comes back from the same port. */
WORLDS(connects_again_from_its_fixed_port_after_dying)
{
    struct world w;
    struct pair x;
    world_open(&w, name);
    x.server = port_new(&w, 8);
    cr_assert_eq(port_listen(x.server, &w.server, 11), OK);
    struct sockaddr_in from = address(7100);
    for (int i = 0; i < 5; i++) {
        x.client = port_new(&w, 4);
        struct sockaddr_in seen = pair_connect_from(&w, &x, &from);
        cr_assert_eq(seen.sin_port, from.sin_port);
        cr_assert_eq(seen.sin_addr.s_addr, from.sin_addr.s_addr);
        send_now(x.server, x.at_server, "unread bytes make the kernel reset, so that no TIME_WAIT is left",
                 64);
        settle(&w, x.server, NULL);
        port_destroy(x.client);
        struct port_event e;
        do {
            e = next_event(&w, x.server, NULL);
        } while (e.type == PORT_DATA);
        cr_assert_eq(e.type, PORT_CLOSED);
        cr_assert_eq(e.conn, x.at_server);
    }
    port_destroy(x.server);
    world_close(&w);
}

/* The same, when this side has a living connection from that port: told apart by errno. */
WORLDS(fixed_port_in_use_fails_with_its_own_error)
{
    struct world w;
    struct pair x;
    world_open(&w, name);
    x.server = port_new(&w, 8);
    x.client = port_new(&w, 4);
    cr_assert_eq(port_listen(x.server, &w.server, 11), OK);
    struct sockaddr_in from = address(7100);
    pair_connect_from(&w, &x, &from);
    uint32_t second;
    cr_assert_eq(port_connect(x.client, &w.server, &from, 23, &second), OK);
    struct port_event e = next_event(&w, x.client, x.server);
    cr_assert_eq(e.type, PORT_CONNECT_FAILED);
    cr_assert_eq(e.tag, 23);
    cr_assert_eq(e.error, EADDRNOTAVAIL);
    errno = 0;
    cr_assert_eq(port_listen(x.client, &w.server, 44), ERR_IO);
    cr_assert_eq(errno, EADDRINUSE);
    pair_close(&w, &x);
}

/* More connections than the port takes: the surplus ends at once, those that stand are not hurt. */
WORLDS(surplus_connections_are_ended)
{
    struct world w;
    world_open(&w, name);
    struct port *server = port_new(&w, 2), *client = port_new(&w, 8);
    cr_assert_eq(port_listen(server, &w.server, 11), OK);
    uint32_t conns[5];
    unsigned connected = 0, closed = 0, accepted = 0;
    for (uint64_t i = 0; i < 5; i++) {
        cr_assert_eq(port_connect(client, &w.server, NULL, i, &conns[i]), OK);
    }
    while (connected < 5 || closed < 3) {
        struct port_event e;
        if (port_poll(server, &e, 1) == 1) {
            cr_assert_eq(e.type, PORT_ACCEPTED);
            accepted++;
        }
        if (port_poll(client, &e, 1) == 1) {
            connected += e.type == PORT_CONNECTED;
            closed += e.type == PORT_CLOSED;
        }
        step(&w);
    }
    settle(&w, server, client);
    cr_assert_eq(accepted, 2);
    port_destroy(client);
    port_destroy(server);
    world_close(&w);
}

/* Sending to a peer that has gone away is not an error of the call; the end is told once. */
WORLDS(sending_to_a_dead_peer_ends_in_one_close)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    port_destroy(x.client);
    unsigned closed = 0;
    while (closed == 0) {
        enum err e = port_send(x.server, x.at_server, "anybody there?", 14);
        cr_assert(e == OK || e == ERR_CLOSED);
        port_flush(x.server);
        struct port_event event;
        if (port_poll(x.server, &event, 1) == 1) {
            cr_assert_eq(event.type, PORT_CLOSED);
            closed++;
        }
        step(&w);
    }
    settle(&w, x.server, NULL);
    cr_assert_eq(port_send(x.server, x.at_server, "x", 1), ERR_CLOSED);
    port_destroy(x.server);
    world_close(&w);
}

/* Pieces of several connections in turn: each stream has its own, in order; more pieces than the queue holds.
 */
WORLDS(interleaved_pieces_keep_their_order)
{
    struct world w;
    struct pair x, y;
    pair_open(&w, name, &x);
    y = x;
    pair_connect(&w, &y);
    enum { PIECES = 3000 };
    static uint32_t numbers[PIECES], in_x[PIECES / 2], in_y[PIECES / 2];
    for (uint32_t i = 0; i < PIECES; i++) {
        numbers[i] = i;
        cr_assert_eq(port_send(x.client, i % 2 == 0 ? x.at_client : y.at_client, &numbers[i], 4), OK);
    }
    port_flush(x.client);
    size_t got_x = 0, got_y = 0;
    while (got_x < sizeof in_x || got_y < sizeof in_y) {
        struct port_event e = next_event(&w, x.server, x.client);
        cr_assert_eq(e.type, PORT_DATA);
        bool is_x = e.conn == x.at_server;
        memcpy((uint8_t *)(is_x ? in_x : in_y) + (is_x ? got_x : got_y), e.data, e.size);
        *(is_x ? &got_x : &got_y) += e.size;
    }
    for (uint32_t i = 0; i < PIECES / 2; i++) {
        cr_assert_eq(in_x[i], 2 * i);
        cr_assert_eq(in_y[i], 2 * i + 1);
    }
    pair_close(&w, &x);
}

/* On return from destroy the address is free, though connections were up. */
WORLDS(listens_anew_at_once_after_destroy)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    for (int i = 0; i < 20; i++) {
        port_destroy(x.server);
        x.server = port_new(&w, 4);
        cr_assert_eq(port_listen(x.server, &w.server, 11), OK, "turn %d: %s", i, strerror(errno));
        cr_assert_eq(next_event(&w, x.client, x.server).type, PORT_CLOSED);
        pair_connect(&w, &x);
    }
    pair_close(&w, &x);
}

/* A stream in which each byte says where it stands. */
static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 31 + offset / 256);
}

#define LIVES       6u
#define PIECE_SIZE  20000u
#define FIRST_LOCAL 8000u

/* One connection as both ends see it. Its local port, never used twice, is how the server's end is
 * recognised. */
struct life {
    uint16_t port;
    uint32_t at_client, at_server; /* PORT_CONN_NONE: not there yet, or gone */
    uint64_t to_server, to_client; /* sent */
    uint64_t got_server, got_client;
    bool client_closed, server_closed, killed;
};

struct crowd {
    struct world *w;
    struct port *client, *server;
    struct life lives[LIVES];
    uint16_t next_port;
    uint8_t out[PIECE_SIZE * 4];
    size_t out_size; /* waiting for flush */
};

/* Sends the next bytes of a stream; they stay where they are until the flush, when they are overwritten. */
static void crowd_send(struct crowd *c, bool from_client, struct life *l)
{
    size_t size = 1 + (size_t)draw(c->w, draw(c->w, 4) == 0 ? PIECE_SIZE : 400);
    uint64_t *offset = from_client ? &l->to_server : &l->to_client;
    if (c->out_size + size > sizeof c->out) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        c->out[c->out_size + i] = byte_at(*offset + i);
    }
    enum err e = from_client ? port_send(c->client, l->at_client, c->out + c->out_size, size)
                             : port_send(c->server, l->at_server, c->out + c->out_size, size);
    if (e == OK) {
        *offset += size;
        c->out_size += size;
    }
}

static void crowd_flush(struct crowd *c)
{
    port_flush(c->client);
    port_flush(c->server);
    memset(c->out, 0xee, c->out_size);
    c->out_size = 0;
}

static void check_bytes(const struct port_event *e, uint64_t *got, uint64_t sent)
{
    for (size_t i = 0; i < e->size; i++) {
        cr_assert_eq(e->data[i], byte_at(*got + i), "at %lu", (unsigned long)(*got + i));
    }
    *got += e->size;
    cr_assert_leq(*got, sent);
}

static void client_event(struct crowd *c, const struct port_event *e)
{
    struct life *l = &c->lives[e->tag];
    cr_assert_eq(e->conn, l->at_client, "an event of a stale connection");
    if (e->type == PORT_DATA) {
        check_bytes(e, &l->got_client, l->to_client);
    } else if (e->type == PORT_CLOSED || e->type == PORT_CONNECT_FAILED) {
        if (e->type == PORT_CLOSED && e->error == 0 && l->server_closed && !l->killed) {
            cr_assert_eq(l->got_client, l->to_client, "closed in peace, but bytes are missing");
        }
        l->at_client = PORT_CONN_NONE;
    }
}

static void server_event(struct crowd *c, const struct port_event *e)
{
    uint16_t from = ntohs(e->peer.sin_port);
    if (e->type == PORT_ACCEPTED) {
        struct life *l = &c->lives[(from - FIRST_LOCAL) % LIVES];
        if (l->port == from) {
            l->at_server = e->conn;
        } else {
            port_close(c->server, e->conn); /* given up by the client meanwhile */
        }
        return;
    }
    unsigned i = 0;
    while (i < LIVES && c->lives[i].at_server != e->conn) {
        i++;
    }
    cr_assert_lt(i, LIVES, "an event of a connection that is not known");
    struct life *l = &c->lives[i];
    if (e->type == PORT_DATA) {
        check_bytes(e, &l->got_server, l->to_server);
    } else {
        cr_assert_eq(e->type, PORT_CLOSED);
        if (e->error == 0 && l->client_closed && !l->killed) {
            cr_assert_eq(l->got_server, l->to_server, "closed in peace, but bytes are missing");
        }
        l->at_server = PORT_CONN_NONE;
    }
}

static void crowd_poll(struct crowd *c)
{
    struct port_event events[PORT_EVENTS_MAX];
    unsigned n = port_poll(c->client, events, 1 + (unsigned)draw(c->w, PORT_EVENTS_MAX));
    for (unsigned i = 0; i < n; i++) {
        client_event(c, &events[i]);
    }
    n = port_poll(c->server, events, 1 + (unsigned)draw(c->w, PORT_EVENTS_MAX));
    for (unsigned i = 0; i < n; i++) {
        server_event(c, &events[i]);
    }
}

static void life_begin(struct crowd *c, unsigned i)
{
    struct life *l = &c->lives[i];
    struct sockaddr_in from = address((uint16_t)(c->next_port + i));
    *l = (struct life){.port = ntohs(from.sin_port), .at_server = PORT_CONN_NONE};
    c->next_port += LIVES;
    enum err e = port_connect(c->client, &c->w->server, &from, i, &l->at_client);
    cr_assert_eq(e, OK, "%s", err_text(e));
}

static void server_dies(struct crowd *c)
{
    port_destroy(c->server);
    c->server = port_new(c->w, LIVES + 2);
    cr_assert_eq(port_listen(c->server, &c->w->server, 11), OK);
    for (unsigned i = 0; i < LIVES; i++) {
        c->lives[i].at_server = PORT_CONN_NONE;
        c->lives[i].killed = true;
    }
}

static void crowd_act(struct crowd *c, unsigned i)
{
    struct life *l = &c->lives[i];
    switch (draw(c->w, 60)) {
    case 0:
    case 1:
    case 2:
        if (l->at_client == PORT_CONN_NONE && l->at_server == PORT_CONN_NONE) {
            life_begin(c, i);
        }
        break;
    case 3:
        port_close(c->client, l->at_client);
        l->client_closed |= l->at_client != PORT_CONN_NONE;
        l->at_client = PORT_CONN_NONE;
        break;
    case 4:
        port_close(c->server, l->at_server);
        l->server_closed |= l->at_server != PORT_CONN_NONE;
        l->at_server = PORT_CONN_NONE;
        break;
    case 5:
        if (draw(c->w, 8) == 0) {
            crowd_flush(c);
            server_dies(c);
        }
        break;
    case 6:
    case 7:
    case 8:
        port_pause(c->client, l->at_client);
        break;
    case 9:
    case 10:
    case 11:
        port_pause(c->server, l->at_server);
        break;
    case 12:
        port_pause(c->server, l->at_server);
        port_resume(c->server, l->at_server);
        break;
    default:
        port_resume(c->client, l->at_client);
        port_resume(c->server, l->at_server);
        crowd_send(c, draw(c->w, 2) == 0, l);
    }
}

/* Both ends send, pause, close in any order, the server dies and comes back. Whatever happens, each end
 * receives a prefix of what the other sent, and all of it when the other closed in peace. */
WORLDS(delivers_prefixes_through_a_random_life)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world w;
        struct world_name seeded = {name->kind, name->seed * 1000 + seed};
        world_open(&w, &seeded);
        static struct crowd c;
        c = (struct crowd){.w = &w, .next_port = FIRST_LOCAL};
        c.client = port_new(&w, LIVES + 2);
        c.server = port_new(&w, LIVES + 2);
        cr_assert_eq(port_listen(c.server, &w.server, 11), OK);
        for (unsigned i = 0; i < LIVES; i++) {
            c.lives[i] = (struct life){.at_client = PORT_CONN_NONE, .at_server = PORT_CONN_NONE};
        }
        for (int round = 0; round < 1500; round++) {
            crowd_act(&c, (unsigned)draw(&w, LIVES));
            if (draw(&w, 3) == 0) {
                crowd_flush(&c);
                crowd_poll(&c);
                if (w.net != NULL && sim_net_next_event_ns(w.net) != UINT64_MAX) {
                    sim_net_advance(w.net, sim_net_next_event_ns(w.net));
                }
            }
        }
        port_destroy(c.client);
        port_destroy(c.server);
        world_close(&w);
    }
}

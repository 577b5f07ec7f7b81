/* The simulated network: one history for one seed, and what it may do to connections. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "dataplane/net/sim_net.h"

#define CLIENT_IP 0x0a000001u
#define SERVER_IP 0x0a000002u

static struct in_addr ip(uint32_t at)
{
    return (struct in_addr){.s_addr = htonl(at)};
}

static struct sockaddr_in address(uint32_t at, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = ip(at), .sin_port = htons(port)};
}

struct world {
    struct sim_net *net;
    struct port *client, *server;
    uint32_t at_client, at_server;
};

static void step(struct sim_net *net)
{
    uint64_t next_ns = sim_net_next_event_ns(net);
    cr_assert_neq(next_ns, UINT64_MAX, "nothing will happen any more");
    sim_net_advance(net, next_ns);
}

static struct port *server_new(struct sim_net *net)
{
    struct port *p;
    struct sockaddr_in at = address(SERVER_IP, 9000);
    cr_assert_eq(sim_net_port(net, at.sin_addr, 16, &p), OK);
    cr_assert_eq(port_listen(p, &at, 1), OK);
    return p;
}

static struct port_event next_event(struct sim_net *net, struct port *p)
{
    struct port_event e;
    while (port_poll(p, &e, 1) == 0) {
        step(net);
    }
    return e;
}

static void connect_from(struct world *w, uint16_t local_port)
{
    struct sockaddr_in to = address(SERVER_IP, 9000), from = address(CLIENT_IP, local_port);
    cr_assert_eq(port_connect(w->client, &to, &from, 2, &w->at_client), OK);
    struct port_event e = next_event(w->net, w->server);
    cr_assert_eq(e.type, PORT_ACCEPTED);
    w->at_server = e.conn;
    cr_assert_eq(next_event(w->net, w->client).type, PORT_CONNECTED);
}

static void world_open(struct world *w, uint64_t seed, const struct sim_net_options *options)
{
    cr_assert_eq(sim_net_create(&w->net, seed, options), OK);
    cr_assert_eq(sim_net_port(w->net, ip(CLIENT_IP), 16, &w->client), OK);
    w->server = server_new(w->net);
    connect_from(w, 5000);
}

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (*random >> 33) % below;
}

/* A stream in which each byte says where it stands. */
static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 31 + offset / 256);
}

static void send_stream(struct port *p, uint32_t conn, uint64_t *offset, size_t size)
{
    uint8_t bytes[4096];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = byte_at(*offset + i);
    }
    if (port_send(p, conn, bytes, size) == OK) {
        *offset += size;
    }
    port_flush(p);
}

static void check_stream(const struct port_event *e, uint64_t *offset)
{
    for (size_t i = 0; i < e->size; i++) {
        cr_assert_eq(e->data[i], byte_at(*offset + i), "at %lu", (unsigned long)(*offset + i));
    }
    *offset += e->size;
}

static const struct sim_net_options rough = {.delay_ns_min = 1000,
                                             .delay_ns_max = 1000000,
                                             .window_size = 5000,
                                             .segment_size_max = 700,
                                             .whole_permille = 300,
                                             .loss_per_million = 2000};

/* A random life: both ends send, pause, close, die and come back; connections get lost. Whatever happens,
 * each end receives a prefix of what the other sent, and all of it if the other closed in peace. Returns the
 * digest. */
static uint64_t random_life(uint64_t seed)
{
    struct life {
        uint32_t at_client, at_server; /* PORT_CONN_NONE: not known, or gone */
        uint64_t to_server, to_client, at_server_offset, at_client_offset;
        bool peaceful; /* the client closed, and nothing else went wrong */
        uint16_t port;
    } lives[8] = {0};
    struct world w = {0};
    uint64_t random = seed;
    world_open(&w, seed, &rough);
    lives[0] = (struct life){.at_client = w.at_client, .at_server = w.at_server, .port = 5000};
    uint16_t next_port = 5008;
    for (int i = 1; i < 8; i++) {
        lives[i].at_client = lives[i].at_server = PORT_CONN_NONE;
    }
    struct sockaddr_in to = address(SERVER_IP, 9000);
    for (int round = 0; round < 400; round++) {
        unsigned who = (unsigned)draw(&random, 8);
        struct life *l = &lives[who];
        switch (draw(&random, 40)) {
        case 0:
            if (l->at_client == PORT_CONN_NONE && l->at_server == PORT_CONN_NONE) {
                *l = (struct life){.at_server = PORT_CONN_NONE, .port = (uint16_t)(next_port + who)};
                struct sockaddr_in from = address(CLIENT_IP, l->port);
                next_port += 8;
                cr_assert_eq(port_connect(w.client, &to, &from, 100 + who, &l->at_client), OK);
            }
            break;
        case 1:
            if (l->at_client != PORT_CONN_NONE && l->to_server > 0) {
                port_close(w.client, l->at_client);
                l->at_client = PORT_CONN_NONE;
                l->peaceful = true;
            }
            break;
        case 2:
            if (draw(&random, 5) == 0) {
                sim_net_kill(w.server, (enum sim_kill)draw(&random, 3));
                w.server = server_new(w.net);
                for (int i = 0; i < 8; i++) {
                    lives[i].at_server = PORT_CONN_NONE;
                    lives[i].peaceful = false;
                }
            }
            break;
        case 3:
        case 4:
            port_pause(w.server, l->at_server);
            break;
        default:
            port_resume(w.server, l->at_server);
            if (draw(&random, 2) == 0) {
                send_stream(w.client, l->at_client, &l->to_server, 1 + draw(&random, 2000));
            } else {
                send_stream(w.server, l->at_server, &l->to_client, 1 + draw(&random, 2000));
            }
        }
        struct port_event events[PORT_EVENTS_MAX];
        unsigned n = port_poll(w.client, events, PORT_EVENTS_MAX);
        for (unsigned i = 0; i < n; i++) {
            l = &lives[events[i].tag == 2 ? 0 : events[i].tag - 100];
            cr_assert_eq(l->at_client, events[i].conn);
            if (events[i].type == PORT_DATA) {
                check_stream(&events[i], &l->at_client_offset);
            } else if (events[i].type != PORT_CONNECTED) {
                l->at_client = PORT_CONN_NONE;
            }
        }
        n = port_poll(w.server, events, PORT_EVENTS_MAX);
        for (unsigned i = 0; i < n; i++) {
            unsigned k = 0;
            if (events[i].type == PORT_ACCEPTED) {
                uint16_t from = ntohs(events[i].peer.sin_port);
                k = (from - 5000u) % 8;
                if (lives[k].port == from) {
                    lives[k].at_server = events[i].conn;
                }
                continue;
            }
            while (k < 8 && lives[k].at_server != events[i].conn) {
                k++;
            }
            if (k == 8) {
                continue; /* of a predecessor on the same port */
            }
            if (events[i].type == PORT_DATA) {
                check_stream(&events[i], &lives[k].at_server_offset);
                cr_assert_leq(lives[k].at_server_offset, lives[k].to_server);
            } else {
                cr_assert_eq(events[i].type, PORT_CLOSED);
                cr_assert(!lives[k].peaceful || events[i].error != 0 ||
                              lives[k].at_server_offset == lives[k].to_server,
                          "a peaceful close lost bytes");
                lives[k].at_server = PORT_CONN_NONE;
            }
        }
        if (sim_net_next_event_ns(w.net) != UINT64_MAX && draw(&random, 4) != 0) {
            step(w.net);
        }
    }
    uint64_t digest = sim_net_digest(w.net);
    sim_net_destroy(w.net);
    return digest;
}

Test(net_sim, delivers_a_prefix_whatever_happens, .timeout = 60)
{
    for (uint64_t seed = 0; seed < 2000; seed++) {
        random_life(seed);
    }
}

Test(net_sim, same_seed_same_history)
{
    uint64_t last = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        uint64_t digest = random_life(seed);
        cr_assert_eq(digest, random_life(seed), "seed %lu", (unsigned long)seed);
        cr_assert_neq(digest, last);
        last = digest;
    }
}

/* What was handed over before a death arrives or not, as asked; never something else. */
Test(net_sim, death_delivers_or_loses_as_asked)
{
    unsigned lost = 0, whole = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        enum sim_kill how = seed % 2 == 0 ? SIM_KILL_DELIVERS : SIM_KILL_LOSES;
        struct world w;
        world_open(&w, seed, NULL);
        uint64_t sent = 0, received = 0;
        for (int i = 0; i < 10; i++) {
            send_stream(w.server, w.at_server, &sent, 1000);
        }
        sim_net_kill(w.server, how);
        struct port_event e;
        while ((e = next_event(w.net, w.client)).type == PORT_DATA) {
            check_stream(&e, &received);
        }
        cr_assert_eq(e.type, PORT_CLOSED);
        cr_assert_eq(e.error, how == SIM_KILL_DELIVERS ? 0 : ECONNRESET);
        if (how == SIM_KILL_DELIVERS) {
            cr_assert_eq(received, sent);
        }
        lost += received < sent;
        whole += received == sent;
        w.server = server_new(w.net); /* the address is free again */
        connect_from(&w, 5000);
        sim_net_destroy(w.net);
    }
    cr_assert_gt(lost, 50);
    cr_assert_geq(whole, 100);
}

/* The stack died with its process: the peer knows nothing until the same port connects again. */
Test(net_sim, silent_death_is_cleared_by_the_fixed_port)
{
    struct world w;
    world_open(&w, 1, NULL);
    sim_net_kill(w.client, SIM_KILL_SILENT);
    struct port_event e;
    while (sim_net_next_event_ns(w.net) != UINT64_MAX) {
        step(w.net);
        cr_assert_eq(port_poll(w.server, &e, 1), 0);
    }
    uint32_t old = w.at_server;
    cr_assert_eq(sim_net_port(w.net, ip(CLIENT_IP), 16, &w.client), OK);
    struct sockaddr_in to = address(SERVER_IP, 9000), from = address(CLIENT_IP, 5000);
    cr_assert_eq(port_connect(w.client, &to, &from, 2, &w.at_client), OK);
    bool closed = false, accepted = false;
    while (!closed || !accepted) {
        e = next_event(w.net, w.server);
        closed |= e.type == PORT_CLOSED && e.conn == old && e.error == ECONNRESET;
        accepted |= e.type == PORT_ACCEPTED;
    }
    sim_net_destroy(w.net);
}

/* ... or until it sends: a host that is back resets, one that stays away times out. */
Test(net_sim, silent_death_is_found_by_sending)
{
    for (int back = 0; back <= 1; back++) {
        struct world w;
        world_open(&w, 1, NULL);
        sim_net_kill(w.client, SIM_KILL_SILENT);
        uint64_t sent = 0;
        send_stream(w.server, w.at_server, &sent, 100);
        struct port_event e;
        for (int i = 0; i < 3; i++) {
            step(w.net);
            cr_assert_eq(port_poll(w.server, &e, 1), 0);
        }
        if (back) {
            cr_assert_eq(sim_net_port(w.net, ip(CLIENT_IP), 16, &w.client), OK);
        }
        e = next_event(w.net, w.server);
        cr_assert_eq(e.type, PORT_CLOSED);
        cr_assert_eq(e.error, back ? ECONNRESET : ETIMEDOUT);
        sim_net_destroy(w.net);
    }
}

/* A held path delivers nothing, loses nothing, and keeps the order. */
Test(net_sim, held_path_delivers_later)
{
    struct world w;
    world_open(&w, 7, NULL);
    sim_net_hold(w.net, ip(SERVER_IP), ip(CLIENT_IP), true);
    uint64_t sent = 0, received = 0;
    struct port_event e;
    for (int i = 0; i < 20; i++) {
        send_stream(w.client, w.at_client, &sent, 500);
    }
    while (sim_net_next_event_ns(w.net) != UINT64_MAX) {
        step(w.net);
        cr_assert_eq(port_poll(w.server, &e, 1), 0);
    }
    sim_net_hold(w.net, ip(CLIENT_IP), ip(SERVER_IP), false);
    send_stream(w.client, w.at_client, &sent, 500);
    while (received < sent) {
        e = next_event(w.net, w.server);
        cr_assert_eq(e.type, PORT_DATA);
        check_stream(&e, &received);
    }
    sim_net_destroy(w.net);
}

Test(net_sim, cut_ends_both_sides)
{
    struct world w;
    world_open(&w, 3, NULL);
    uint64_t sent = 0, received = 0;
    send_stream(w.client, w.at_client, &sent, 3000);
    sim_net_cut(w.client, w.at_client);
    struct port_event e;
    while ((e = next_event(w.net, w.server)).type == PORT_DATA) {
        check_stream(&e, &received);
    }
    cr_assert_eq(e.type, PORT_CLOSED);
    cr_assert_eq(e.error, ECONNRESET);
    cr_assert_leq(received, sent);
    e = next_event(w.net, w.client);
    cr_assert_eq(e.type, PORT_CLOSED);
    cr_assert_eq(e.error, ECONNRESET);
    cr_assert_eq(sim_net_connections(w.net), 0);
    sim_net_destroy(w.net);
}

/* Reads split what was sent anywhere, and join several sends. */
Test(net_sim, reads_split_and_join)
{
    struct world w;
    world_open(&w, 11, NULL);
    unsigned split = 0, joined = 0;
    uint64_t sent = 0, received = 0;
    for (int i = 0; i < 500; i++) {
        send_stream(w.client, w.at_client, &sent, 100);
        send_stream(w.client, w.at_client, &sent, 100);
        while (received < sent) {
            struct port_event e = next_event(w.net, w.server);
            split += e.size < 100;
            joined += e.size > 100;
            check_stream(&e, &received);
        }
    }
    cr_assert_gt(split, 100);
    cr_assert_gt(joined, 100);
    sim_net_destroy(w.net);
}

/* The bytes of an event are not the consumer's to keep. */
Test(net_sim, poisons_what_was_given_before)
{
    struct world w;
    world_open(&w, 5, NULL);
    uint64_t sent = 0;
    send_stream(w.client, w.at_client, &sent, 10);
    struct port_event e = next_event(w.net, w.server), none;
    const uint8_t *kept = e.data;
    cr_assert_eq(kept[0], byte_at(0));
    port_poll(w.server, &none, 1);
    cr_assert_eq(kept[0], 0xdd);
    sim_net_destroy(w.net);
}

Test(net_sim, refuses_options_out_of_range)
{
    struct sim_net *net;
    struct sim_net_options o = SIM_NET_DEFAULTS;
    o.window_size = 0;
    cr_assert_eq(sim_net_create(&net, 1, &o), ERR_RANGE);
    o = (struct sim_net_options)SIM_NET_DEFAULTS;
    o.delay_ns_min = o.delay_ns_max + 1;
    cr_assert_eq(sim_net_create(&net, 1, &o), ERR_RANGE);
    o = (struct sim_net_options)SIM_NET_DEFAULTS;
    o.segment_size_max = 0;
    cr_assert_eq(sim_net_create(&net, 1, &o), ERR_RANGE);
}

/* What port.h promises, all at once: both ends do what they like, and one of them dies (net_contract.h). */
#include "tests/unit/net_contract.h"

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

/* What port.h promises, each promise by itself (net_contract.h). */
#include "tests/unit/net_contract.h"

/* The tag is part of a connection's events from the poll after it was given on. */
WORLDS(a_tag_given_later_comes_with_what_follows)
{
    struct world w;
    struct pair x;
    pair_open(&w, name, &x);
    port_tag(x.server, x.at_server, 4711);
    send_now(x.client, x.at_client, "hello", 5);
    struct port_event e = next_event(&w, x.server, x.client);
    cr_assert_eq(e.type, PORT_DATA);
    cr_expect_eq(e.tag, 4711);
    port_tag(x.server, x.at_server ^ 1u << 20, 1); /* stale: does nothing */
    port_close(x.client, x.at_client);
    while (e.type != PORT_CLOSED)
        e = next_event(&w, x.server, x.client);
    cr_expect_eq(e.tag, 4711);
    pair_close(&w, &x);
}

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

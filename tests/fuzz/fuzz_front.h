/* A node with its whole front on a made-up network, for the fuzz targets that come as clients; begun anew
 * every HOUSE_INPUTS inputs, so that one input's history is short. There is one good token, and one name of
 * an RFQ.
 */
#ifndef RFQD_TESTS_FUZZ_FRONT_H
#define RFQD_TESTS_FUZZ_FRONT_H

#include <string.h>

#include "control/front/front.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/node_rig.h"
#include "tests/unit/token.h"

#define HOUSE_INPUTS 256

static struct {
    struct node_rig rig;
    struct front *front;
    struct metrics *metrics;
    struct tally *tally;
    struct port *server, *client;
    char token[512], rfq[ID_TEXT_SIZE];
    unsigned inputs;
} house;

static unsigned poll_front(void *ctx, uint64_t now_ns)
{
    (void)ctx;
    return front_poll(house.front, now_ns);
}

static void house_open(void)
{
    rig_open(&house.rig);
    struct in_addr ip = {htonl(0x0a000001)};
    FUZZ_HOLDS(sim_net_port(house.rig.net, ip, 64, &house.server) == OK);
    FUZZ_HOLDS(sim_net_port(house.rig.net, (struct in_addr){htonl(0x0a000002)}, 64, &house.client) == OK);
    FUZZ_HOLDS(tally_create(&house.tally, house.rig.node, house.rig.counters) == OK);
    const struct metrics_config m = {.node = house.rig.node,
                                     .counters = house.rig.counters,
                                     .tally = house.tally,
                                     .started_ns = house.rig.now_ns};
    FUZZ_HOLDS(metrics_create(&house.metrics, &m) == OK);
    const struct front_config f = {.node = house.rig.node,
                                   .config = house.rig.config,
                                   .counters = house.rig.counters,
                                   .metrics = house.metrics,
                                   .port = house.server};
    FUZZ_HOLDS(front_create(&house.front, &f, house.rig.now_ns) == OK);
    house.rig.more = poll_front;
    token_make(house.token, sizeof house.token, RIG_SECRET, "root", "admin",
               house.rig.now_ns / RIG_SECOND + 360000);
    strcpy(house.rfq, "R100000000001");
    rig_run(&house.rig);
}

static void house_close(void)
{
    front_destroy(house.front);
    metrics_destroy(house.metrics);
    tally_destroy(house.tally);
    rig_close(&house.rig);
}

/* What comes back; false: the connection has ended. */
static bool take(uint32_t conn, char *answer, size_t *size, size_t room)
{
    struct port_event e[PORT_EVENTS_MAX];
    bool open = true;
    unsigned count = port_poll(house.client, e, PORT_EVENTS_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (e[i].conn != conn)
            continue;
        if (e[i].type == PORT_CLOSED)
            open = false;
        if (e[i].type == PORT_DATA && *size + e[i].size < room) {
            memcpy(answer + *size, e[i].data, e[i].size);
            *size += e[i].size;
        }
    }
    return open;
}

/* For the next input: a connection to it. */
static uint32_t house_connect(char *answer, size_t *got, size_t room)
{
    uint32_t conn;
    if (house.inputs++ % HOUSE_INPUTS == 0) {
        if (house.inputs > 1)
            house_close();
        else
            atexit(house_close); /* its rings lie in shared memory */
        house_open();
    }
    struct sockaddr_in to = house.rig.config->http_listen;
    FUZZ_HOLDS(port_connect(house.client, &to, NULL, 0, &conn) == OK);
    rig_pass(&house.rig, 2000000);
    take(conn, answer, got, room);
    return conn;
}

/* Send, and let it be answered; false: the connection has ended. */
static bool house_send(uint32_t conn, const void *bytes, size_t size, char *answer, size_t *got, size_t room)
{
    bool open = true;
    if (size > 0 && port_send(house.client, conn, bytes, size) == OK)
        port_flush(house.client);
    for (unsigned i = 0; i < 3 && open; i++) {
        rig_pass(&house.rig, 2000000);
        open = take(conn, answer, got, room);
    }
    return open;
}

static void house_leave(uint32_t conn, char *answer, size_t *got, size_t room)
{
    port_close(house.client, conn);
    rig_pass(&house.rig, 2000000);
    take(conn, answer, got, room);
}

#endif

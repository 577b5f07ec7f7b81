/* What only the io_uring port can get wrong: buffers and memory that run out, batches larger than one
 * submission, its thread, and peers that behave as only raw sockets can. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/net/port_uring.h"
#include "dataplane/net/uring.h"

static uint64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Guards a loop against waiting for ever. */
static void guard(uint64_t started_ns)
{
    cr_assert_lt(wall_ns() - started_ns, 30000000000u, "what was waited for did not come");
}

static struct sockaddr_in address(uint16_t port)
{
    uint32_t pid = (uint32_t)getpid();
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7f000001u | (pid & 0xffffu) << 8),
                                .sin_port = htons(port)};
}

static int raw_connect(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
    return fd;
}

static struct port *listening(const struct sockaddr_in *at, unsigned connections_max,
                              enum port_uring_mode mode)
{
    struct port *p;
    cr_assert_eq(port_uring_create_mode(&p, connections_max, mode), OK);
    cr_assert_eq(port_listen(p, at, 1), OK);
    return p;
}

static uint32_t accepted(struct port *p)
{
    struct port_event e;
    uint64_t started_ns = wall_ns();
    while (port_poll(p, &e, 1) == 0) {
        guard(started_ns);
    }
    cr_assert_eq(e.type, PORT_ACCEPTED);
    return e.conn;
}

#define CROWD 300u

/* Five times as many readable connections as posted buffers, and answers to all of them in one flush. */
static void crowd_is_served(enum port_uring_mode mode)
{
    struct sockaddr_in at = address(7200);
    struct port *p = listening(&at, CROWD, mode);
    static int raw[CROWD];
    static uint32_t conns[CROWD];
    uint64_t started_ns = wall_ns();
    for (unsigned i = 0; i < CROWD; i++) {
        raw[i] = raw_connect(&at);
        conns[i] = accepted(p);
    }
    for (unsigned round = 0; round < 10; round++) {
        uint32_t message[10];
        for (unsigned i = 0; i < CROWD; i++) {
            for (unsigned k = 0; k < 10; k++) {
                message[k] = i * 1000 + round * 10 + k;
            }
            cr_assert_eq(send(raw[i], message, sizeof message, 0), sizeof message);
        }
        static uint8_t got[CROWD][sizeof message];
        size_t size[CROWD] = {0}, total = 0;
        while (total < CROWD * sizeof message) {
            struct port_event events[PORT_EVENTS_MAX];
            unsigned n = port_poll(p, events, PORT_EVENTS_MAX);
            for (unsigned i = 0; i < n; i++) {
                unsigned who = 0;
                while (conns[who] != events[i].conn) {
                    who++;
                }
                cr_assert_eq(events[i].type, PORT_DATA);
                cr_assert_leq(size[who] + events[i].size, sizeof message);
                memcpy(got[who] + size[who], events[i].data, events[i].size);
                size[who] += events[i].size;
                total += events[i].size;
            }
            guard(started_ns);
        }
        for (unsigned i = 0; i < CROWD; i++) {
            cr_assert_eq(port_send(p, conns[i], got[i], sizeof message), OK);
        }
        port_flush(p);
        for (unsigned i = 0; i < CROWD; i++) {
            cr_assert_eq(recv(raw[i], message, sizeof message, MSG_WAITALL), sizeof message);
            for (unsigned k = 0; k < 10; k++) {
                cr_assert_eq(message[k], i * 1000 + round * 10 + k);
            }
        }
    }
    port_destroy(p);
    for (unsigned i = 0; i < CROWD; i++) {
        close(raw[i]);
    }
}

Test(net_uring, serves_more_readers_than_it_has_posted_buffers, .timeout = 60)
{
    crowd_is_served(PORT_URING_DEFERRED);
}

Test(net_uring, serves_more_readers_than_it_has_posted_buffers_cooperatively, .timeout = 60)
{
    crowd_is_served(PORT_URING_COOPERATIVE);
}

/* All pause with bytes under way, several times over: what is held must never starve those that are not
 * paused. */
Test(net_uring, paused_connections_leave_buffers_for_the_others, .timeout = 60)
{
    enum { PAUSED = 60, BYTES = 200000 };
    struct sockaddr_in at = address(7201);
    struct port *p = listening(&at, PAUSED + 1, PORT_URING_BEST);
    int raw[PAUSED + 1];
    uint32_t conns[PAUSED + 1];
    static size_t got[PAUSED + 1];
    uint64_t started_ns = wall_ns();
    for (unsigned i = 0; i <= PAUSED; i++) {
        raw[i] = raw_connect(&at);
        conns[i] = accepted(p);
    }
    static uint8_t block[BYTES];
    for (unsigned i = 0; i < BYTES; i++) {
        block[i] = (uint8_t)(i * 7 + i / 251);
    }
    for (unsigned i = 0; i <= PAUSED; i++) {
        size_t sent = 0;
        while (sent < BYTES) { /* a loopback socket takes this much unread */
            size_t size = BYTES - sent < 1000 + i ? BYTES - sent : 1000 + i;
            cr_assert_eq(send(raw[i], block + sent, size, MSG_DONTWAIT), (ssize_t)size);
            sent += size;
        }
    }
    /* each of them is paused at every PORT_DATA; the last one never is, and gets all of its own meanwhile */
    while (got[PAUSED] < BYTES) {
        struct port_event events[PORT_EVENTS_MAX];
        unsigned n = port_poll(p, events, PORT_EVENTS_MAX);
        for (unsigned i = 0; i < n; i++) {
            unsigned who = 0;
            while (conns[who] != events[i].conn) {
                who++;
            }
            got[who] += events[i].size;
            if (who != PAUSED) {
                port_pause(p, events[i].conn);
            }
        }
        guard(started_ns);
    }
    for (unsigned i = 0; i < PAUSED; i++) {
        port_resume(p, conns[i]);
    }
    bool all = false;
    while (!all) {
        struct port_event events[PORT_EVENTS_MAX];
        unsigned n = port_poll(p, events, PORT_EVENTS_MAX);
        for (unsigned i = 0; i < n; i++) {
            unsigned who = 0;
            while (conns[who] != events[i].conn) {
                who++;
            }
            got[who] += events[i].size;
        }
        all = true;
        for (unsigned i = 0; i <= PAUSED; i++) {
            all = all && got[i] == BYTES;
        }
        guard(started_ns);
    }
    port_destroy(p);
    for (unsigned i = 0; i <= PAUSED; i++) {
        close(raw[i]);
    }
}

/* The memory for backlogs is shared; whoever holds most of it pays, and a peer that reads never does. */
Test(net_uring, full_backlog_memory_costs_the_largest_holder, .timeout = 60)
{
    enum { IDLERS = 20, BLOCK = 32 * 1024 };
    struct sockaddr_in at = address(7202);
    struct port *p = listening(&at, IDLERS + 1, PORT_URING_BEST);
    int raw[IDLERS + 1];
    uint32_t conns[IDLERS + 1];
    for (unsigned i = 0; i <= IDLERS; i++) {
        raw[i] = raw_connect(&at);
        conns[i] = accepted(p);
    }
    uint8_t *block = calloc(1, BLOCK);
    size_t held[IDLERS] = {0}, largest = 0, all = 0;
    uint32_t closed = PORT_CONN_NONE;
    uint64_t started_ns = wall_ns();
    for (unsigned turn = 0; closed == PORT_CONN_NONE; turn++) {
        unsigned who = turn % IDLERS;
        if (port_backlog(p, conns[who]) < (3u << 20) + who * 50000u) { /* none fills its own 4 MiB */
            cr_assert_eq(port_send(p, conns[who], block, BLOCK), OK);
        }
        largest = all = 0;
        for (unsigned i = 0; i < IDLERS; i++) {
            held[i] = port_backlog(p, conns[i]);
            all += held[i];
            largest = held[i] > largest ? held[i] : largest;
        }
        port_flush(p);
        struct port_event e;
        while (port_poll(p, &e, 1) == 1) {
            cr_assert_eq(e.type, PORT_CLOSED);
            cr_assert_eq(e.error, ENOBUFS);
            closed = e.conn;
        }
        guard(started_ns);
    }
    cr_assert_geq(all + (2 + IDLERS) * BLOCK, PORT_URING_BACKLOG_SIZE, "closed with memory left: %zu", all);
    for (unsigned i = 0; i < IDLERS; i++) {
        cr_assert(conns[i] != closed || held[i] + BLOCK >= largest, "one with %zu of %zu paid", held[i],
                  largest);
    }
    cr_assert_eq(port_send(p, conns[IDLERS], "alive", 5), OK);
    port_flush(p);
    char in[5];
    cr_assert_eq(recv(raw[IDLERS], in, 5, MSG_WAITALL), 5);
    cr_assert_eq(memcmp(in, "alive", 5), 0);
    port_destroy(p);
    for (unsigned i = 0; i <= IDLERS; i++) {
        close(raw[i]);
    }
    free(block);
}

/* A closed connection whose peer neither reads nor closes is given up, and its slot comes back. */
Test(net_uring, close_does_not_wait_for_a_peer_that_sleeps, .timeout = 60)
{
    struct sockaddr_in at = address(7203);
    struct port *p = listening(&at, 1, PORT_URING_BEST);
    int raw = raw_connect(&at);
    uint32_t conn = accepted(p);
    size_t size = 7u << 20; /* more than the kernel takes, less than that and the backlog */
    uint8_t *block = calloc(1, size);
    for (size_t sent = 0; sent < size; sent += size / 7) {
        cr_assert_eq(port_send(p, conn, block + sent, size / 7), OK);
        port_flush(p);
    }
    cr_assert_gt(port_backlog(p, conn), 0);
    port_close(p, conn);
    uint64_t started_ns = wall_ns();
    struct pollfd gone = {.fd = raw, .events = 0}; /* an error or a hang-up of both ways: the reset */
    while (poll(&gone, 1, 0) == 0) {
        struct port_event e;
        cr_assert_eq(port_poll(p, &e, 1), 0);
        guard(started_ns);
    }
    cr_assert(gone.revents & (POLLERR | POLLHUP));
    close(raw);
    raw = raw_connect(&at);
    accepted(p);
    close(raw);
    port_destroy(p);
    free(block);
}

/* A peer's half-close ends the connection after its data; a reset tells its own error. */
Test(net_uring, tells_an_end_from_a_reset)
{
    struct sockaddr_in at = address(7204);
    struct port *p = listening(&at, 2, PORT_URING_BEST);
    for (int reset = 0; reset <= 1; reset++) {
        int raw = raw_connect(&at);
        uint32_t conn = accepted(p);
        cr_assert_eq(send(raw, "last", 4, 0), 4);
        struct port_event e;
        uint64_t started_ns = wall_ns();
        while (port_poll(p, &e, 1) == 0) {
            guard(started_ns);
        }
        cr_assert_eq(e.type, PORT_DATA);
        cr_assert_eq(e.size, 4);
        struct linger at_once = {.l_onoff = reset, .l_linger = 0};
        setsockopt(raw, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(raw);
        while (port_poll(p, &e, 1) == 0) {
            guard(started_ns);
        }
        cr_assert_eq(e.type, PORT_CLOSED);
        cr_assert_eq(e.conn, conn);
        cr_assert_eq(e.error, reset ? ECONNRESET : 0);
    }
    port_destroy(p);
}

/* Peers that went before they were accepted never were: nothing tells of them, and those behind them come. */
static void nobody_is_accepted(enum port_uring_mode mode)
{
    enum { GONE = 20 };
    struct sockaddr_in at = address(7219);
    struct port *p = listening(&at, 1, mode);
    struct port_event e;
    cr_assert_eq(port_poll(p, &e, 1), 0); /* armed: the kernel takes them as they come */
    for (unsigned i = 0; i < GONE; i++) {
        int raw = raw_connect(&at);
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        cr_assert_eq(setsockopt(raw, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        close(raw);
    }
    int raw = raw_connect(&at);
    uint64_t started_ns = wall_ns();
    while (port_poll(p, &e, 1) == 0) {
        guard(started_ns);
    }
    cr_assert_eq(e.type, PORT_ACCEPTED);
    cr_assert_neq(e.peer.sin_addr.s_addr, 0, "accepted from nobody");
    cr_assert_eq(port_send(p, e.conn, "alive", 5), OK);
    port_flush(p);
    char in[5];
    cr_assert_eq(recv(raw, in, 5, MSG_WAITALL), 5);
    port_destroy(p);
    close(raw);
}

Test(net_uring, accepts_nobody_who_is_gone)
{
    nobody_is_accepted(PORT_URING_DEFERRED);
}

Test(net_uring, accepts_nobody_who_is_gone_cooperatively)
{
    nobody_is_accepted(PORT_URING_COOPERATIVE);
}

struct handed_over {
    struct port *port;
    unsigned connected;
};

static void *poll_elsewhere(void *arg)
{
    struct handed_over *h = arg;
    uint64_t started_ns = wall_ns();
    while (h->connected < 2) { /* accepted and connected: to itself */
        struct port_event e;
        h->connected += port_poll(h->port, &e, 1);
        guard(started_ns);
    }
    return NULL;
}

Test(net_uring, belongs_to_the_thread_that_polls_first)
{
    struct sockaddr_in at = address(7205);
    struct handed_over h = {.port = listening(&at, 4, PORT_URING_BEST)};
    uint32_t conn;
    cr_assert_eq(port_connect(h.port, &at, NULL, 2, &conn), OK);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, poll_elsewhere, &h), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(h.connected, 2);
    port_destroy(h.port);
    port_destroy(listening(&at, 4, PORT_URING_BEST)); /* the address is free again */
}

/* Out of descriptors: nothing breaks, and the connection that waits is accepted when there is one again. */
Test(net_uring, accepts_again_after_it_ran_out_of_descriptors)
{
    struct sockaddr_in at = address(7206);
    struct port *p = listening(&at, 4, PORT_URING_BEST);
    int raw = raw_connect(&at);
    struct rlimit old, none;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = (rlim_t)raw + 1; /* all below are taken */
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct port_event e;
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(port_poll(p, &e, 1), 0);
    }
    uint32_t conn;
    cr_assert_eq(port_connect(p, &at, NULL, 2, &conn), ERR_IO);
    cr_assert_eq(errno, EMFILE);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    accepted(p);
    port_destroy(p);
    close(raw);
}

Test(net_uring, refuses_what_is_out_of_range)
{
    struct port *p;
    cr_assert_eq(port_uring_create(&p, 0), ERR_RANGE);
    cr_assert_eq(port_uring_create(&p, PORT_URING_CONNECTIONS_MAX + 1), ERR_RANGE);
    struct sockaddr_in elsewhere = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xcb007101u), .sin_port = htons(7207)};
    cr_assert_eq(port_uring_create(&p, 1), OK);
    cr_assert_eq(port_listen(p, &elsewhere, 1), ERR_IO);
    cr_assert_eq(errno, EADDRNOTAVAIL);
    uint32_t conn;
    cr_assert_eq(port_connect(p, &elsewhere, &elsewhere, 1, &conn), ERR_IO);
    cr_assert_eq(errno, EADDRNOTAVAIL);
    port_destroy(p);
}

/* The port's own socket at the other end of fd, to make its send buffer small: the face does not show it. */
static int other_end(int fd)
{
    struct sockaddr_in here, there;
    socklen_t size = sizeof here;
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&here, &size), 0);
    for (int other = 3; other < 100; other++) {
        size = sizeof there;
        if (getpeername(other, (struct sockaddr *)&there, &size) == 0 && there.sin_port == here.sin_port) {
            return other;
        }
    }
    cr_assert_fail("the accepted socket is not to be found");
    return -1;
}

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 31 + offset / 256);
}

/* A reader with a small window, by fits and starts: the backlog fills, drains in part, and is added to all
 * the time. */
Test(net_uring, backlog_keeps_the_order_while_it_drains, .timeout = 60)
{
    enum { BYTES = 4 << 20, PIECE = 30000 };
    struct sockaddr_in at = address(7208);
    struct port *p = listening(&at, 2, PORT_URING_BEST);
    int raw = socket(AF_INET, SOCK_STREAM, 0), window = 4096;
    cr_assert_eq(setsockopt(raw, SOL_SOCKET, SO_RCVBUF, &window, sizeof window), 0);
    cr_assert_eq(connect(raw, (struct sockaddr *)&at, sizeof at), 0);
    uint32_t conn = accepted(p);
    cr_assert_eq(setsockopt(other_end(raw), SOL_SOCKET, SO_SNDBUF, &window, sizeof window), 0);
    uint64_t sent = 0, got = 0, random = 1, started_ns = wall_ns();
    unsigned behind = 0;
    static uint8_t out[PIECE], in[100000];
    while (got < BYTES) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t size = 1 + (random >> 33) % PIECE;
        if (sent < BYTES && port_backlog(p, conn) < (PORT_BACKLOG_MAX >> (random >> 60) % 8)) {
            size = size < BYTES - sent ? size : (size_t)(BYTES - sent);
            for (size_t i = 0; i < size; i++) {
                out[i] = byte_at(sent + i);
            }
            behind += port_backlog(p, conn) > 0;
            cr_assert_eq(port_send(p, conn, out, size / 3), OK);
            cr_assert_eq(port_send(p, conn, out + size / 3, size - size / 3), OK);
            port_flush(p);
            memset(out, 0xee, sizeof out);
            sent += size;
        }
        struct port_event e;
        cr_assert_eq(port_poll(p, &e, 1), 0);
        ssize_t n = recv(raw, in, 1 + (random >> 40) % sizeof in, MSG_DONTWAIT);
        for (ssize_t i = 0; i < n; i++) {
            cr_assert_eq(in[i], byte_at(got + (uint64_t)i), "at %lu", (unsigned long)(got + (uint64_t)i));
        }
        got += n > 0 ? (uint64_t)n : 0;
        guard(started_ns);
    }
    cr_assert_gt(behind, 50);
    cr_assert_eq(port_backlog(p, conn), 0);
    port_destroy(p);
    close(raw);
}

/* Connections that end with bytes held back give their buffers back: many more of them than there are
 * buffers. */
Test(net_uring, held_buffers_come_back_with_the_connection, .timeout = 60)
{
    struct sockaddr_in at = address(7209);
    struct port *p = listening(&at, 2, PORT_URING_BEST);
    static uint8_t block[60000];
    for (unsigned i = 0; i < 400; i++) { /* there are 260 buffers */
        int raw = raw_connect(&at);
        uint32_t conn = accepted(p);
        struct port_event e;
        cr_assert_eq(port_poll(p, &e, 1),
                     0); /* waits for bytes now, so that those of several reads come at once */
        cr_assert_eq(send(raw, block, sizeof block, 0), sizeof block);
        uint64_t started_ns = wall_ns();
        while (port_poll(p, &e, 1) == 0) {
            guard(started_ns);
        }
        cr_assert_eq(e.type, PORT_DATA);
        port_pause(p, conn); /* what else was received with it is held */
        cr_assert_eq(port_poll(p, &e, 1), 0);
        port_close(p, conn);
        close(raw);
    }
    int raw[2]; /* with a single buffer left, the two could not be read in one poll */
    struct port_event events[PORT_EVENTS_MAX];
    for (int i = 0; i < 2; i++) {
        raw[i] = raw_connect(&at);
        accepted(p);
    }
    cr_assert_eq(port_poll(p, events, PORT_EVENTS_MAX), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(send(raw[i], block, 100, 0), 100);
    }
    cr_assert_eq(port_poll(p, events, PORT_EVENTS_MAX), 2);
    close(raw[0]);
    close(raw[1]);
    port_destroy(p);
}

/* Between the messages of a connection, and without any: nothing of it is seen, no memory is used up, and the
 * port ends with it under way. */
static void keeps_warm(enum port_uring_mode mode)
{
    struct sockaddr_in at = address(7216);
    struct port *p = listening(&at, 4, mode);
    struct port_event events[PORT_EVENTS_MAX];
    port_warm(p); /* before its first poll it belongs to nobody yet */
    cr_assert_eq(port_poll(p, events, PORT_EVENTS_MAX), 0);
    int raw = raw_connect(&at);
    uint32_t conn = accepted(p);
    uint64_t started_ns = wall_ns();
    for (unsigned i = 0; i < 2000; i++) {
        port_warm(p);
        if (i % 3 == 0)
            port_warm(p); /* the one before is still under way */
        if (i % 10 == 0)
            cr_assert_eq(send(raw, &i, sizeof i, 0), sizeof i);
        unsigned n = 0, got;
        while (i % 10 == 0 && n == 0) {
            n = port_poll(p, events, PORT_EVENTS_MAX);
            guard(started_ns);
        }
        if (i % 10) {
            cr_assert_eq(port_poll(p, events, PORT_EVENTS_MAX), 0);
            continue;
        }
        cr_assert(n == 1 && events[0].type == PORT_DATA && events[0].conn == conn &&
                  events[0].size == sizeof i);
        memcpy(&got, events[0].data, sizeof got);
        cr_assert_eq(got, i);
        cr_assert_eq(port_send(p, conn, &i, sizeof i), OK);
        port_flush(p);
        cr_assert(recv(raw, &got, sizeof got, MSG_WAITALL) == sizeof got && got == i);
    }
    port_warm(p);
    port_destroy(p);
    close(raw);
}

Test(net_uring, keeps_warm_unseen, .timeout = 60)
{
    keeps_warm(PORT_URING_DEFERRED);
}

Test(net_uring, keeps_warm_unseen_cooperatively, .timeout = 60)
{
    keeps_warm(PORT_URING_COOPERATIVE);
}

/* Until a message of its own has gone all the way. */
static void warm_once(struct port *p)
{
    const struct uring_port *u = uring_of(p);
    struct port_event e;
    uint64_t started_ns = wall_ns();
    port_warm(p);
    do {
        cr_assert_eq(port_poll(p, &e, 1), 0);
        guard(started_ns);
    } while (u->warm.under_way > 0);
}

/* A message that could not be sent is not waited for, and no buffer is not the end. */
Test(net_uring, keeps_warm_after_a_send_that_failed, .timeout = 60)
{
    struct sockaddr_in at = address(7217);
    struct port *p = listening(&at, 4, PORT_URING_DEFERRED);
    struct uring_port *u = uring_of(p);
    struct port_event e;
    cr_assert_eq(port_poll(p, &e, 1), 0);
    cr_assert_geq(u->warm.far, 0);
    warm_once(p);
    int near = u->warm.near;
    for (unsigned i = 0; i < 6; i++) {
        if (i < 4)
            u->warm.near = -1; /* EBADF, by both ways of sending */
        warm_once(p);
        u->warm.near = near;
    }
    u->warm.armed = false; /* what it is while there is no buffer */
    unsigned posted = u->posted;
    u->posted = 0;
    port_warm(p);
    cr_assert(!u->warm.armed && u->warm.under_way == 0);
    u->posted = posted;
    u->warm.armed = true;
    warm_once(p);
    cr_assert_geq(u->warm.far, 0);
    port_destroy(p);
}

/* Somebody ends the pair: the port goes on without it. */
Test(net_uring, does_without_a_pair_that_broke, .timeout = 60)
{
    struct sockaddr_in at = address(7218);
    struct port *p = listening(&at, 4, PORT_URING_DEFERRED);
    const struct uring_port *u = uring_of(p);
    struct port_event e;
    uint64_t started_ns = wall_ns();
    cr_assert_eq(port_poll(p, &e, 1), 0);
    warm_once(p);
    cr_assert_eq(shutdown(u->warm.near, SHUT_RDWR), 0);
    while (!u->warm.broken) {
        port_warm(p);
        cr_assert_eq(port_poll(p, &e, 1), 0);
        guard(started_ns);
    }
    port_warm(p);
    cr_assert(!u->warm.armed && io_uring_sq_ready(&u->ring) == 0);
    int raw = raw_connect(&at);
    accepted(p);
    close(raw);
    port_destroy(p);
}

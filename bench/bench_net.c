/* rfqbench net: the io_uring port against bare sockets, in turn, in one run.
 *
 * Round trip: one bare, spinning client; the other thread answers with a bare echo or with a port that sends
 * back what it got. Release: k messages to k connections by k send(2) calls, or by k port_send and one
 * port_flush; the time is the sender's, from before the first to after the last. Idle: one port_poll with
 * nothing to do.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bare_tcp.h"
#include "bench/bench.h"
#include "dataplane/net/port.h"

#define BLOCK            200 /* round trips of one kind before the other has its turn */
#define RELEASE_MAX      20u
#define MESSAGE_SIZE_MAX 4096u

enum answerer { ANSWER_BARE, ANSWER_PORT, ANSWER_STOP };

struct answering {
    struct port *port;
    int bare;
    _Atomic int mode; /* enum answerer */
    uint64_t echoed;  /* bytes, by the port */
    bool failed;
};

static void port_echo_once(struct answering *a)
{
    struct port_event events[PORT_EVENTS_MAX];
    unsigned n = port_poll(a->port, events, PORT_EVENTS_MAX);
    for (unsigned i = 0; i < n; i++) {
        if (events[i].type == PORT_DATA) {
            a->failed |= port_send(a->port, events[i].conn, events[i].data, events[i].size) != OK;
            a->echoed += events[i].size;
        }
    }
    if (n > 0) {
        port_flush(a->port);
    }
}

static void *answer(void *arg)
{
    struct answering *a = arg;
    bench_pin(1);
    int mode;
    while ((mode = atomic_load_explicit(&a->mode, memory_order_relaxed)) != ANSWER_STOP) {
        if (mode == ANSWER_BARE) {
            a->failed |= !bare_tcp_echo_once(a->bare);
        } else {
            port_echo_once(a);
        }
    }
    return NULL;
}

struct round_trips {
    struct histogram bare, port;
};

static bool round_trip(int fd, size_t size, struct histogram *h)
{
    static uint8_t out[MESSAGE_SIZE_MAX], in[MESSAGE_SIZE_MAX];
    memset(out, (int)h->count, size);
    uint64_t start = bench_stamp();
    if (!bare_tcp_send_all(fd, out, size) || !bare_tcp_receive_all(fd, in, size)) {
        return false;
    }
    histogram_record(h, bench_ns(start, bench_stamp()));
    return memcmp(in, out, size) == 0;
}

/* The port's listener is asked for by name, so it needs a free number: the kernel chose it a moment ago. */
static bool listen_anywhere(struct port *p, struct sockaddr_in *at)
{
    int fd;
    for (int i = 0; i < 10; i++) {
        if (bare_tcp_listen(&fd, at) != OK) {
            return false;
        }
        close(fd);
        if (port_listen(p, at, 1) == OK) {
            return true;
        }
    }
    return false;
}

static bool measure_round_trips(struct round_trips *r, uint64_t count, size_t size)
{
    struct answering a = {.mode = ANSWER_PORT};
    struct sockaddr_in bare_at, port_at;
    int listener = -1, bare = -1, through_port = -1;
    pthread_t thread;
    bool right = port_uring_create(&a.port, 4) == OK && bare_tcp_listen(&listener, &bare_at) == OK &&
                 listen_anywhere(a.port, &port_at) && bare_tcp_connect(&bare, &bare_at) == OK &&
                 bare_tcp_accept(&a.bare, listener) == OK &&
                 bare_tcp_connect(&through_port, &port_at) == OK &&
                 pthread_create(&thread, NULL, answer, &a) == 0;
    if (!right) {
        return false;
    }
    bench_pin(0);
    histogram_reset(&r->bare);
    histogram_reset(&r->port);
    struct round_trips warm_up = *r;
    for (uint64_t done = 0; done < count && right; done += BLOCK) {
        struct round_trips *into = done == 0 ? &warm_up : r;
        for (int mode = ANSWER_BARE; mode <= ANSWER_PORT; mode++) {
            atomic_store(&a.mode, mode);
            for (unsigned i = 0; i < BLOCK && right; i++) {
                right = round_trip(mode == ANSWER_BARE ? bare : through_port, size,
                                   mode == ANSWER_BARE ? &into->bare : &into->port);
            }
        }
    }
    atomic_store(&a.mode, ANSWER_STOP);
    pthread_join(thread, NULL);
    right = right && !a.failed && a.echoed == (warm_up.port.count + r->port.count) * size;
    port_destroy(a.port);
    close(a.bare);
    close(bare);
    close(through_port);
    close(listener);
    return right;
}

struct releases {
    struct histogram bare, port;
};

struct releasing {
    struct port *port;
    int bare[RELEASE_MAX];
    uint32_t conns[RELEASE_MAX];
    int ends[2 * RELEASE_MAX]; /* the receiving side of all */
    unsigned count;
};

static bool connect_port(struct releasing *r, unsigned i, const struct sockaddr_in *at, int listener)
{
    struct port_event e;
    if (port_connect(r->port, at, NULL, i, &r->conns[i]) != OK) {
        return false;
    }
    while (port_poll(r->port, &e, 1) == 0) {
    }
    return e.type == PORT_CONNECTED && bare_tcp_accept(&r->ends[r->count + i], listener) == OK;
}

static bool releasing_open(struct releasing *r, unsigned count)
{
    struct sockaddr_in at;
    int listener;
    *r = (struct releasing){.count = count};
    bool right = port_uring_create(&r->port, RELEASE_MAX) == OK && bare_tcp_listen(&listener, &at) == OK;
    for (unsigned i = 0; i < count && right; i++) {
        right = bare_tcp_connect(&r->bare[i], &at) == OK && bare_tcp_accept(&r->ends[i], listener) == OK &&
                connect_port(r, i, &at, listener);
    }
    if (right) {
        close(listener);
    }
    return right;
}

static bool port_release(struct releasing *r, const uint8_t *bytes, size_t size)
{
    bool all = true;
    for (unsigned i = 0; i < r->count; i++) {
        all &= port_send(r->port, r->conns[i], bytes, size) == OK;
    }
    port_flush(r->port);
    return all;
}

static bool measure_releases(struct releases *r, unsigned receivers, uint64_t count, size_t size)
{
    static struct releasing x;
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    if (!releasing_open(&x, receivers)) {
        return false;
    }
    struct bare_tcp_drain drain = {.fds = x.ends, .count = 2 * receivers, .pin = 1};
    if (bare_tcp_drain_start(&drain) != OK) {
        return false;
    }
    bench_pin(0);
    histogram_reset(&r->bare);
    histogram_reset(&r->port);
    bool right = true;
    uint64_t sent = 0;
    for (uint64_t i = 0; i < 2 * count && right; i++) {
        uint64_t start = bench_stamp();
        right = i % 2 == 0 ? bare_tcp_release(x.bare, receivers, bytes, size) : port_release(&x, bytes, size);
        uint64_t took_ns = bench_ns(start, bench_stamp());
        if (i >= count / 10) { /* the first ones warm up */
            histogram_record(i % 2 == 0 ? &r->bare : &r->port, took_ns);
        }
        sent += receivers * size;
        struct port_event e;
        right = right && port_poll(x.port, &e, 1) == 0;
        while (atomic_load_explicit(&drain.bytes, memory_order_acquire) < sent && right) {
        }
    }
    bare_tcp_drain_stop(&drain);
    port_destroy(x.port);
    for (unsigned i = 0; i < receivers; i++) {
        close(x.bare[i]);
        close(x.ends[i]);
        close(x.ends[receivers + i]);
    }
    return right;
}

static uint64_t measure_idle_poll_ns(uint64_t count)
{
    struct port *p;
    struct port_event e;
    struct sockaddr_in at;
    if (port_uring_create(&p, 4) != OK || !listen_anywhere(p, &at)) {
        return 0;
    }
    uint64_t start = bench_stamp(), events = 0;
    for (uint64_t i = 0; i < count; i++) {
        events += port_poll(p, &e, 1);
    }
    uint64_t took_ns = bench_ns(start, bench_stamp());
    port_destroy(p);
    return events == 0 ? (took_ns + count / 2) / count : 0;
}

static bool report_round_trips(struct bench_report *r, uint64_t count, size_t size)
{
    static struct round_trips t;
    bool right = measure_round_trips(&t, count, size);
    char name[64];
    snprintf(name, sizeof name, "round trip, %zu bytes: bare", size);
    bench_report_row(r, name, &t.bare);
    snprintf(name, sizeof name, "round trip, %zu bytes: port", size);
    bench_report_row(r, name, &t.port);
    snprintf(name, sizeof name, "round trip, %zu bytes: port to bare, p50", size);
    bench_report_ratio(r, name, histogram_percentile(&t.port, 50000), histogram_percentile(&t.bare, 50000),
                       1500);
    snprintf(name, sizeof name, "round trip, %zu bytes: port to bare, p99", size);
    bench_report_ratio(r, name, histogram_percentile(&t.port, 99000), histogram_percentile(&t.bare, 99000),
                       0);
    return right;
}

static bool report_releases(struct bench_report *r, unsigned receivers, uint64_t count, size_t size)
{
    static struct releases s;
    bool right = measure_releases(&s, receivers, count, size);
    char name[64];
    snprintf(name, sizeof name, "release to %u: bare", receivers);
    bench_report_row(r, name, &s.bare);
    snprintf(name, sizeof name, "release to %u: port", receivers);
    bench_report_row(r, name, &s.port);
    snprintf(name, sizeof name, "release to %u: port to bare, p50", receivers);
    bench_report_ratio(r, name, histogram_percentile(&s.port, 50000), histogram_percentile(&s.bare, 50000),
                       1200);
    snprintf(name, sizeof name, "release to %u: port to bare, p99", receivers);
    bench_report_ratio(r, name, histogram_percentile(&s.port, 99000), histogram_percentile(&s.bare, 99000),
                       0);
    return right;
}

int bench_net(const struct bench_options *o)
{
    static const unsigned receivers[] = {1, 5, RELEASE_MAX};
    struct bench_report r;
    uint64_t round_trips = o->tiny ? 2 * BLOCK : o->seconds * 20000ull;
    uint64_t releases = o->tiny ? 100 : o->seconds * 1000ull;
    uint64_t line_before_ns = bench_line_round_trip_ns(o->tiny);
    bench_report_begin(&r, o, "net", "the io_uring port and bare sockets on loopback, in turn");
    bool right =
        report_round_trips(&r, round_trips, 200) && report_round_trips(&r, round_trips / 4, MESSAGE_SIZE_MAX);
    for (unsigned i = 0; i < sizeof receivers / sizeof *receivers && right; i++) {
        right = report_releases(&r, receivers[i], releases, 200);
    }
    uint64_t idle_ns = measure_idle_poll_ns(o->tiny ? 1000 : 1000000);
    bench_report_fact(&r, "poll with nothing to do", idle_ns, "ns", 0);
    bench_report_line(&r, line_before_ns, bench_line_round_trip_ns(o->tiny));
    return bench_report_end(&r, right && idle_ns > 0);
}

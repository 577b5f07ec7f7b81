/* Kernel sockets through io_uring: the port itself, its poll, its life. */
#include "dataplane/net/uring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/net/port_uring.h"

struct io_uring_sqe *uring_sqe(struct uring_port *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    while (sqe == NULL) { /* submitting makes room: the kernel copies what it takes */
        assert(u->enabled);
        io_uring_submit(&u->ring);
        sqe = io_uring_get_sqe(&u->ring);
    }
    return sqe;
}

/* Completions. */

static unsigned writable_done(struct uring_port *u, struct conn *c)
{
    c->requests--;
    c->writable_armed = false;
    if (c->state == CONN_DEAD) {
        uring_conn_release(u, c);
    } else {
        uring_backlog_drain(u, c);
        uring_linger_step(u, c);
    }
    return 0;
}

static unsigned completion(struct uring_port *u, const struct io_uring_cqe *cqe, struct port_event *event)
{
    uint32_t about = (uint32_t)cqe->user_data;
    enum uring_op op = (enum uring_op)(cqe->user_data >> 32);
    if (op == OP_NONE) {
        return 0;
    }
    if (op == OP_TICK) {
        uring_tick(u);
        return 0;
    }
    if (op == OP_WARM) {
        uring_warm_done(u, cqe->res, cqe->flags);
        return 0;
    }
    if (op == OP_WARM_SENT) {
        uring_warm_sent(u, cqe->res);
        return 0;
    }
    if (op == OP_ACCEPT) {
        return uring_accept_done(u, about, cqe->res, cqe->flags, event);
    }
    struct conn *c = uring_conn_of(u, about);
    assert(c != NULL && c->requests > 0); /* a slot outlives its requests */
    switch (op) {
    case OP_RECV:
        return uring_recv_done(u, c, cqe->res, cqe->flags, event);
    case OP_CONNECT:
        return uring_connect_done(u, c, cqe->res, event);
    case OP_WRITABLE:
        return writable_done(u, c);
    default:
        assert(false);
        return 0;
    }
}

/* The poll. */

static void enable(struct uring_port *u)
{
    /* from here on the ring belongs to this thread (liburing 2.3 forgets to export its call for it) */
    int done = io_uring_register((unsigned)u->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    assert(done == 0);
    (void)done;
    io_uring_register_ring_fd(&u->ring); /* saves a look-up in each call; without it all works */
    u->owner = pthread_self();
    u->enabled = true;
}

static void rearm(struct uring_port *u)
{
    for (unsigned i = 0; i < u->listener_count; i++) {
        if (!u->listeners[i].armed) {
            uring_listener_arm(u, i);
        }
    }
    while (u->rearm.first != NO_INDEX && u->posted > 0) {
        struct conn *c = &u->conns[u->rearm.first];
        u->rearm.first = c->next_rearm;
        c->on_rearm = false;
        uring_recv_arm(u, c);
    }
}

/* What waits for no completion: data held back, ends noted. One turn for each connection that is in the list
 * now. */
static unsigned ready(struct uring_port *u, struct port_event *events, unsigned max)
{
    unsigned n = 0;
    uint32_t last = u->ready.last;
    bool more = u->ready.first != NO_INDEX;
    while (more && n < max) {
        uint32_t slot = u->ready.first;
        struct conn *c = &u->conns[slot];
        more = slot != last;
        u->ready.first = c->next_ready;
        c->on_ready = false;
        n += uring_recv_ready(u, c, &events[n]);
    }
    return n;
}

/* Work that needs the kernel: requests to hand in, or completions it has for us. When there is none, an idle
 * poll is three loads and no system call. */
static bool kernel_wanted(const struct uring_port *u)
{
    return io_uring_sq_ready(&u->ring) > 0 || (__atomic_load_n(u->ring.sq.kflags, __ATOMIC_RELAXED) &
                                               (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

static unsigned uring_poll(struct port *p, struct port_event *events, unsigned max)
{
    struct uring_port *u = uring_of(p);
    if (!u->enabled) {
        enable(u);
    }
    if (max > PORT_EVENTS_MAX) {
        max = PORT_EVENTS_MAX;
    }
    u->round++;
    uring_buffers_recycle(u);
    rearm(u);
    unsigned n = ready(u, events, max);
    if (kernel_wanted(u)) {
        io_uring_submit_and_get_events(&u->ring);
    }
    unsigned head = *u->ring.cq.khead;
    unsigned tail = __atomic_load_n(u->ring.cq.ktail, __ATOMIC_ACQUIRE);
    while (head != tail && n < max) {
        struct io_uring_cqe cqe = u->ring.cq.cqes[head & *u->ring.cq.kring_mask];
        head++;
        /* given back first: what follows may submit, and the kernel then needs the place */
        __atomic_store_n(u->ring.cq.khead, head, __ATOMIC_RELEASE);
        n += completion(u, &cqe, &events[n]);
    }
    return n;
}

/* Life. */

static unsigned requests_left(const struct uring_port *u)
{
    unsigned n = u->ticking + u->warm.armed;
    for (uint32_t i = 0; i < u->slot_count; i++) {
        n += u->conns[i].requests;
    }
    for (unsigned i = 0; i < u->listener_count; i++) {
        n += u->listeners[i].armed;
    }
    return n;
}

/* Takes back all requests, so that closing a socket really closes it: a ring that is given up holds on to
 * them for a while. Only the owning thread can; when it has ended before, the kernel did it then. */
static void requests_end(struct uring_port *u)
{
    if (!u->enabled || !pthread_equal(u->owner, pthread_self())) {
        return;
    }
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data64(sqe, op_data(OP_NONE, 0));
    for (int round = 0; round < 1000 && requests_left(u) > 0; round++) {
        io_uring_submit_and_get_events(&u->ring);
        struct io_uring_cqe *cqe;
        while (io_uring_cq_ready(&u->ring) > 0 && io_uring_peek_cqe(&u->ring, &cqe) == 0) {
            enum uring_op op = (enum uring_op)(cqe->user_data >> 32);
            uint32_t about = (uint32_t)cqe->user_data;
            bool over = (cqe->flags & IORING_CQE_F_MORE) == 0;
            if (op == OP_ACCEPT) {
                u->listeners[about].armed = !over;
                if (cqe->res >= 0) {
                    close(cqe->res);
                }
            } else if (op == OP_TICK) {
                u->ticking = false;
            } else if (op == OP_WARM) {
                u->warm.armed = !over;
            } else if (op != OP_NONE && op != OP_WARM_SENT && over) {
                u->conns[handle_slot(about)].requests--;
            }
            io_uring_cqe_seen(&u->ring, cqe);
        }
    }
}

static void uring_destroy(struct port *p)
{
    struct uring_port *u = uring_of(p);
    for (unsigned i = 0; i < u->listener_count; i++) {
        shutdown(u->listeners[i].fd, SHUT_RDWR); /* the address is free now, whoever still holds the socket */
    }
    requests_end(u);
    for (uint32_t i = 0; u->conns != NULL && i < u->slot_count; i++) {
        if (u->conns[i].state != CONN_FREE) {
            close(u->conns[i].fd);
        }
    }
    for (unsigned i = 0; i < u->listener_count; i++) {
        close(u->listeners[i].fd);
    }
    uring_warm_destroy(u);
    io_uring_queue_exit(&u->ring);
    uring_buffers_destroy(u);
    uring_backlog_destroy(u);
    free(u->conns);
    free(u);
}

static const struct port_ops uring_ops = {
    .listen = uring_listen,
    .connect = uring_connect,
    .poll = uring_poll,
    .send = uring_send,
    .flush = uring_flush,
    .pause = uring_pause,
    .resume = uring_resume,
    .tag = uring_tag,
    .close = uring_close,
    .backlog = uring_backlog,
    .warm = uring_warm,
    .destroy = uring_destroy,
};

static unsigned power_of_two(unsigned at_least)
{
    unsigned n = 1;
    while (n < at_least) {
        n *= 2;
    }
    return n;
}

/* The best mode the kernel has: 6.1 defers completions to our own calls; older ones run them when we enter
 * the kernel. */
static int ring_create(struct uring_port *u, bool deferred)
{
    unsigned sq_entries = power_of_two(2 * u->slot_count + URING_BATCH_MAX + URING_LISTENERS_MAX);
    unsigned cq_entries = power_of_two(4 * u->slot_count + 8192);
    struct io_uring_params params = {
        .cq_entries = cq_entries > 65536 ? 65536 : cq_entries,
        .flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG,
    };
    params.flags |=
        deferred ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : IORING_SETUP_COOP_TASKRUN;
    u->deferred = deferred;
    return io_uring_queue_init_params(sq_entries, &u->ring, &params);
}

/* Multishot receive came with 6.0 and cannot be asked for; SEND_ZC came with it and can. */
static bool ring_suffices(struct uring_port *u)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(&u->ring);
    bool suffices = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);
    io_uring_free_probe(probe);
    return suffices;
}

static enum err conns_create(struct uring_port *u)
{
    u->conns = calloc(u->slot_count, sizeof *u->conns);
    if (u->conns == NULL) {
        return ERR_MEMORY;
    }
    u->free_first = NO_INDEX;
    for (uint32_t i = u->slot_count; i-- > 0;) {
        u->conns[i] = (struct conn){
            .handle = handle_make(i, HANDLE_GENERATION_MASK), .fd = -1, .next_free = u->free_first};
        u->free_first = i;
    }
    return OK;
}

enum err port_uring_create_mode(struct port **out, unsigned connections_max, enum port_uring_mode mode)
{
    if (connections_max == 0 || connections_max > PORT_URING_CONNECTIONS_MAX) {
        return ERR_RANGE;
    }
    struct uring_port *u = calloc(1, sizeof *u);
    if (u == NULL) {
        return ERR_MEMORY;
    }
    u->port.ops = &uring_ops;
    u->warm.near = u->warm.far = -1;
    u->live_max = connections_max;
    u->slot_count = 2 * connections_max + 16; /* those being closed have slots of their own */
    u->ready = u->rearm = (struct index_list){NO_INDEX, NO_INDEX};
    int made = mode == PORT_URING_COOPERATIVE ? -EINVAL : ring_create(u, true);
    if (made == -EINVAL && mode != PORT_URING_DEFERRED) {
        made = ring_create(u, false);
    }
    if (made < 0) {
        free(u);
        errno = -made;
        return made == -ENOMEM ? ERR_MEMORY : ERR_IO;
    }
    enum err e = conns_create(u);
    if (e == OK && !ring_suffices(u)) {
        errno = ENOSYS;
        e = ERR_IO;
    }
    if (e == OK) {
        e = uring_buffers_create(u, connections_max);
    }
    if (e == OK) {
        e = uring_backlog_create(u, connections_max);
    }
    if (e != OK) {
        int error = errno;
        uring_destroy(&u->port);
        errno = error;
        return e;
    }
    uring_warm_create(u);
    *out = &u->port;
    return OK;
}

enum err port_uring_create(struct port **out, unsigned connections_max)
{
    return port_uring_create_mode(out, connections_max, PORT_URING_BEST);
}

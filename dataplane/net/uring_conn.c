/* Connections of the io_uring port: their slots, how they end, and how a closed one lingers. */
#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/net/uring.h"

uint32_t uring_slot(const struct uring_port *u, const struct conn *c)
{
    return (uint32_t)(c - u->conns);
}

struct conn *uring_conn_of(struct uring_port *u, uint32_t handle)
{
    uint32_t slot = handle_slot(handle);
    if (slot >= u->slot_count || u->conns[slot].handle != handle) {
        return NULL;
    }
    return &u->conns[slot];
}

struct conn *uring_find(struct uring_port *u, uint32_t handle)
{
    struct conn *c = uring_conn_of(u, handle);
    return c != NULL && c->state == CONN_OPEN && !c->at_once ? c : NULL;
}

bool uring_connecting(struct uring_port *u, uint32_t handle)
{
    const struct conn *c = uring_conn_of(u, handle);
    return c != NULL && c->state == CONN_CONNECTING;
}

static void list_add(struct uring_port *u, struct index_list *list, uint32_t slot, bool ready)
{
    *(ready ? &u->conns[slot].next_ready : &u->conns[slot].next_rearm) = NO_INDEX;
    if (list->first == NO_INDEX) {
        list->first = slot;
    } else {
        *(ready ? &u->conns[list->last].next_ready : &u->conns[list->last].next_rearm) = slot;
    }
    list->last = slot;
}

void uring_ready_add(struct uring_port *u, struct conn *c)
{
    if (!c->on_ready) {
        c->on_ready = true;
        list_add(u, &u->ready, uring_slot(u, c), true);
    }
}

void uring_rearm_add(struct uring_port *u, struct conn *c)
{
    if (!c->on_rearm) {
        c->on_rearm = true;
        list_add(u, &u->rearm, uring_slot(u, c), false);
    }
}

struct conn *uring_conn_take(struct uring_port *u, int fd, enum conn_state state, uint64_t tag)
{
    if (u->live == u->live_max || u->free_first == NO_INDEX) {
        return NULL;
    }
    struct conn *c = &u->conns[u->free_first];
    assert(c->state == CONN_FREE && c->requests == 0);
    u->free_first = c->next_free;
    u->live++;
    *c = (struct conn){.handle = handle_next(c->handle),
                       .state = (uint8_t)state,
                       .fd = fd,
                       .held_first = NO_INDEX,
                       .held_last = NO_INDEX,
                       .round = u->round - 1,
                       .piece_first = NO_INDEX,
                       .piece_last = NO_INDEX,
                       .tag = tag,
                       .chunk_first = NO_INDEX,
                       .chunk_last = NO_INDEX,
                       .on_ready = c->on_ready, /* a slot may still stand in a list for its predecessor */
                       .on_rearm = c->on_rearm,
                       .next_ready = c->next_ready,
                       .next_rearm = c->next_rearm,
                       .next_free = NO_INDEX};
    return c;
}

/* Gives the slot back once nothing refers to it: no request in the kernel, no piece waiting for flush. */
void uring_conn_release(struct uring_port *u, struct conn *c)
{
    if (c->state != CONN_DEAD || c->requests > 0 || c->piece_first != NO_INDEX) {
        return;
    }
    close(c->fd);
    c->fd = -1;
    c->state = CONN_FREE;
    c->next_free = u->free_first;
    u->free_first = uring_slot(u, c);
}

/* The connection is over: its requests are cancelled and its slot returns when they are done. */
void uring_conn_kill(struct uring_port *u, struct conn *c, bool reset)
{
    assert(c->state != CONN_FREE);
    if (c->state == CONN_DEAD) {
        return;
    }
    if (c->state == CONN_LINGER) {
        u->lingering--;
    } else {
        u->live--;
    }
    c->state = CONN_DEAD;
    uring_held_drop(u, c);
    uring_backlog_drop(u, c);
    if (reset) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    if (c->requests > 0) {
        struct io_uring_sqe *sqe = uring_sqe(u);
        io_uring_prep_cancel_fd(sqe, c->fd, IORING_ASYNC_CANCEL_ALL);
        io_uring_sqe_set_data64(sqe, op_data(OP_NONE, 0));
    }
    uring_conn_release(u, c);
}

/* Notes the end of a connection; PORT_CLOSED follows in its turn (uring_recv.c), or at once. */
void uring_conn_end(struct uring_port *u, struct conn *c, int error, bool at_once)
{
    if (!c->ended || at_once) {
        c->error = error;
    }
    c->ended = true;
    c->at_once |= at_once;
    uring_ready_add(u, c);
}

/* A closed connection goes on: its backlog, our FIN, the peer's FIN; then it is gone. What the peer still
 * sends is read and dropped, since closing a socket with unread bytes resets it and the peer would lose our
 * last words. */
void uring_linger_step(struct uring_port *u, struct conn *c)
{
    if (c->state != CONN_LINGER || c->backlog_size > 0) {
        return;
    }
    if (!c->fin_sent) {
        c->fin_sent = true;
        shutdown(c->fd, SHUT_WR);
    }
    if (c->ended) {
        uring_conn_kill(u, c, false);
    }
}

static void tick_arm(struct uring_port *u)
{
    static struct __kernel_timespec tick = {.tv_nsec = URING_TICK_MS * 1000000LL};
    if (u->ticking) {
        return;
    }
    u->ticking = true;
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_timeout(sqe, &tick, 0, 0);
    io_uring_sqe_set_data64(sqe, op_data(OP_TICK, 0));
}

void uring_tick(struct uring_port *u)
{
    u->ticking = false;
    for (uint32_t i = 0; i < u->slot_count && u->lingering > 0; i++) {
        struct conn *c = &u->conns[i];
        if (c->state == CONN_LINGER && ++c->ticks >= URING_LINGER_TICKS) {
            uring_conn_kill(u, c, c->backlog_size > 0);
        }
    }
    if (u->lingering > 0) {
        tick_arm(u);
    }
}

void uring_tag(struct port *p, uint32_t handle, uint64_t tag)
{
    struct conn *c = uring_conn_of(uring_of(p), handle);
    if (c != NULL) {
        c->tag = tag;
    }
}

void uring_close(struct port *p, uint32_t handle)
{
    struct uring_port *u = uring_of(p);
    struct conn *c = uring_conn_of(u, handle);
    if (c == NULL || (c->state != CONN_OPEN && c->state != CONN_CONNECTING)) {
        return;
    }
    if (c->state == CONN_CONNECTING || c->at_once) {
        uring_conn_kill(u, c, c->at_once);
        return;
    }
    if (c->piece_first != NO_INDEX) {
        uring_flush(p);
        if (c->at_once) { /* that was too much for its backlog */
            uring_conn_kill(u, c, true);
            return;
        }
    }
    u->live--;
    u->lingering++;
    c->state = CONN_LINGER;
    c->paused = false;
    uring_held_drop(u, c);
    if (!c->recv_armed && !c->ended) {
        uring_rearm_add(u, c);
    }
    tick_arm(u);
    uring_linger_step(u, c);
}

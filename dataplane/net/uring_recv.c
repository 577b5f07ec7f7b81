/* Receiving: the provided buffers, one PORT_DATA for each connection and poll, pause and resume.
 *
 * The kernel has at most URING_POSTED buffers at a time; the others lie in a stack, so that a busy connection
 * goes round in memory that is warm. A buffer given in an event returns at the next poll. Bytes that may not
 * be given yet (the connection is paused, or had its PORT_DATA in this poll) are held, packed into as few
 * buffers as they need, so that many paused connections do not take all buffers away from the others.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/net/uring.h"

static uint8_t *buffer_at(const struct uring_port *u, uint32_t id)
{
    return u->buffers + (size_t)id * URING_BUFFER_STRIDE;
}

enum err uring_buffers_create(struct uring_port *u, unsigned connections_max)
{
    uint32_t holding = connections_max < URING_HOLDING_MAX ? connections_max : URING_HOLDING_MAX;
    u->buffer_count = 4 * URING_POSTED + 2 * holding;
    u->buffers_size = (size_t)u->buffer_count * URING_BUFFER_STRIDE;
    u->buf_ring_entries = URING_POSTED;
    u->buf_ring_size = u->buf_ring_entries * sizeof(struct io_uring_buf);
    u->free_buffers = calloc(u->buffer_count, sizeof *u->free_buffers);
    u->buffer_next = calloc(u->buffer_count, sizeof *u->buffer_next);
    u->buffer_used = calloc(u->buffer_count, sizeof *u->buffer_used);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
    u->buffers = mmap(NULL, u->buffers_size, PROT_READ | PROT_WRITE, flags, -1, 0);
    u->buf_ring = mmap(NULL, u->buf_ring_size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (u->buffers == MAP_FAILED || u->buf_ring == MAP_FAILED || u->free_buffers == NULL ||
        u->buffer_next == NULL || u->buffer_used == NULL) {
        return ERR_MEMORY;
    }
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)u->buf_ring, .ring_entries = u->buf_ring_entries, .bgid = 0};
    int done = io_uring_register_buf_ring(&u->ring, &reg, 0);
    if (done != 0) {
        errno = -done;
        return ERR_IO;
    }
    io_uring_buf_ring_init(u->buf_ring);
    for (uint32_t id = u->buffer_count; id-- > 0;) {
        u->free_buffers[u->free_count++] = id;
    }
    return OK;
}

void uring_buffers_destroy(struct uring_port *u)
{
    if (u->buffers != NULL && u->buffers != MAP_FAILED) {
        munmap(u->buffers, u->buffers_size);
    }
    if (u->buf_ring != NULL && (void *)u->buf_ring != MAP_FAILED) {
        munmap(u->buf_ring, u->buf_ring_size);
    }
    free(u->free_buffers);
    free(u->buffer_next);
    free(u->buffer_used);
}

static void buffer_free(struct uring_port *u, uint32_t id)
{
    assert(u->free_count < u->buffer_count);
    u->free_buffers[u->free_count++] = id;
}

void uring_buffer_taken(struct uring_port *u, uint32_t id)
{
    assert(u->posted > 0);
    u->posted--;
    buffer_free(u, id);
}

/* Start of a poll: what was given is ours again, and the kernel's stock is filled up. */
void uring_buffers_recycle(struct uring_port *u)
{
    while (u->given_count > 0) {
        buffer_free(u, u->given[--u->given_count]);
    }
    int added = 0;
    while (u->posted < URING_POSTED && u->free_count > 0) {
        uint32_t id = u->free_buffers[--u->free_count];
        io_uring_buf_ring_add(u->buf_ring, buffer_at(u, id), URING_BUFFER_SIZE, (unsigned short)id,
                              io_uring_buf_ring_mask(u->buf_ring_entries), added++);
        u->posted++;
    }
    if (added > 0) {
        io_uring_buf_ring_advance(u->buf_ring, added);
    }
}

void uring_recv_arm(struct uring_port *u, struct conn *c)
{
    bool wanted = (c->state == CONN_OPEN && !c->paused) || c->state == CONN_LINGER;
    if (!wanted || c->recv_armed || c->ended) {
        return;
    }
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_recv_multishot(sqe, c->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    io_uring_sqe_set_data64(sqe, op_data(OP_RECV, c->handle));
    c->recv_armed = true;
    c->recv_cancelling = false;
    c->requests++;
}

static void hold(struct uring_port *u, struct conn *c, uint32_t id, uint32_t size)
{
    if (c->held_first != NO_INDEX && u->buffer_used[c->held_last] + size <= URING_BUFFER_SIZE) {
        memcpy(buffer_at(u, c->held_last) + u->buffer_used[c->held_last], buffer_at(u, id), size);
        u->buffer_used[c->held_last] += size;
        buffer_free(u, id);
        return;
    }
    u->buffer_used[id] = size;
    u->buffer_next[id] = NO_INDEX;
    if (c->held_first == NO_INDEX) {
        c->held_first = id;
    } else {
        u->buffer_next[c->held_last] = id;
    }
    c->held_last = id;
}

void uring_held_drop(struct uring_port *u, struct conn *c)
{
    while (c->held_first != NO_INDEX) {
        uint32_t id = c->held_first;
        c->held_first = u->buffer_next[id];
        buffer_free(u, id);
    }
}

static unsigned give(struct uring_port *u, struct conn *c, uint32_t id, uint32_t size,
                     struct port_event *event)
{
    assert(u->given_count < PORT_EVENTS_MAX);
    u->given[u->given_count++] = id;
    c->round = u->round;
    event->type = PORT_DATA;
    event->conn = c->handle;
    event->tag = c->tag;
    event->error = 0;
    event->data = buffer_at(u, id);
    event->size = size;
    return 1;
}

/* A connection whose turn has come without a completion: what is held, then its end. */
unsigned uring_recv_ready(struct uring_port *u, struct conn *c, struct port_event *event)
{
    if (c->state != CONN_OPEN || (c->paused && !c->at_once)) {
        return 0;
    }
    if (c->held_first != NO_INDEX && !c->at_once) {
        uint32_t id = c->held_first;
        c->held_first = u->buffer_next[id];
        if (c->held_first != NO_INDEX || c->ended) {
            uring_ready_add(u, c);
        }
        return give(u, c, id, u->buffer_used[id], event);
    }
    if (!c->ended) {
        return 0;
    }
    *event = (struct port_event){.type = PORT_CLOSED, .conn = c->handle, .tag = c->tag, .error = c->error};
    uring_conn_kill(u, c, c->at_once);
    return 1;
}

static unsigned received(struct uring_port *u, struct conn *c, uint32_t id, uint32_t size,
                         struct port_event *event)
{
    if (c->state != CONN_OPEN || c->at_once) {
        buffer_free(u, id);
        return 0;
    }
    if (!c->paused && c->held_first == NO_INDEX && c->round != u->round) {
        return give(u, c, id, size, event);
    }
    hold(u, c, id, size);
    if (!c->paused) {
        uring_ready_add(u, c);
    }
    return 0;
}

/* The multishot receive is over: for an end of the stream, for want of a buffer, for a pause, or at the
 * kernel's whim. */
static void recv_stopped(struct uring_port *u, struct conn *c, int res)
{
    c->recv_armed = false;
    c->requests--;
    if (c->state == CONN_DEAD) {
        uring_conn_release(u, c);
        return;
    }
    bool goes_on = res > 0 || res == -ENOBUFS || res == -ECANCELED || res == -EINTR || res == -EAGAIN;
    if (goes_on) {
        uring_rearm_add(u, c);
        return;
    }
    if (c->state == CONN_LINGER) {
        c->ended = true;
        if (res < 0) {
            uring_conn_kill(u, c, false);
        } else {
            uring_linger_step(u, c);
        }
        return;
    }
    uring_conn_end(u, c, res < 0 ? -res : c->broken ? c->error : 0, false);
}

unsigned uring_recv_done(struct uring_port *u, struct conn *c, int res, unsigned flags,
                         struct port_event *event)
{
    unsigned n = 0;
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
        assert(u->posted > 0);
        u->posted--;
        uint32_t id = flags >> IORING_CQE_BUFFER_SHIFT;
        if (res > 0) {
            n = received(u, c, id, (uint32_t)res, event);
        } else {
            buffer_free(u, id);
        }
    }
    if ((flags & IORING_CQE_F_MORE) == 0) {
        recv_stopped(u, c, res);
    }
    return n;
}

void uring_pause(struct port *p, uint32_t handle)
{
    struct uring_port *u = uring_of(p);
    struct conn *c = uring_find(u, handle);
    if (c == NULL || c->paused) {
        return;
    }
    c->paused = true;
    if (c->recv_armed && !c->recv_cancelling) {
        c->recv_cancelling = true;
        struct io_uring_sqe *sqe = uring_sqe(u);
        io_uring_prep_cancel64(sqe, op_data(OP_RECV, c->handle), 0);
        io_uring_sqe_set_data64(sqe, op_data(OP_NONE, 0));
    }
}

void uring_resume(struct port *p, uint32_t handle)
{
    struct uring_port *u = uring_of(p);
    struct conn *c = uring_find(u, handle);
    if (c == NULL || !c->paused) {
        return;
    }
    c->paused = false;
    if (c->held_first != NO_INDEX || c->ended) {
        uring_ready_add(u, c);
    }
    if (!c->recv_armed) { /* if its cancel is under way, the completion arms it */
        uring_rearm_add(u, c);
    }
}

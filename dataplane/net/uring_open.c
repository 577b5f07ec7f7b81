/* How connections of the io_uring port begin: listening, accepting, connecting. */
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "dataplane/net/uring.h"

static int socket_new(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* blocking: io_uring waits on it by itself */
    int on = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void socket_no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static enum err socket_refused(int fd)
{
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return ERR_IO;
}

void uring_listener_arm(struct uring_port *u, uint32_t index)
{
    struct listener *l = &u->listeners[index];
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_multishot_accept(sqe, l->fd, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, op_data(OP_ACCEPT, index));
    l->armed = true;
}

enum err uring_listen(struct port *p, const struct sockaddr_in *at, uint64_t tag)
{
    struct uring_port *u = uring_of(p);
    if (u->listener_count == URING_LISTENERS_MAX) {
        return ERR_LIMIT;
    }
    int fd = socket_new();
    if (fd < 0 || bind(fd, (const struct sockaddr *)at, sizeof *at) != 0 ||
        listen(fd, URING_LISTEN_BACKLOG) != 0) {
        return socket_refused(fd);
    }
    u->listeners[u->listener_count] = (struct listener){.fd = fd, .tag = tag};
    uring_listener_arm(u, u->listener_count++);
    return OK;
}

enum err uring_connect(struct port *p, const struct sockaddr_in *to, const struct sockaddr_in *local,
                       uint64_t tag, uint32_t *handle)
{
    struct uring_port *u = uring_of(p);
    int fd = socket_new();
    if (fd < 0) {
        return socket_refused(fd);
    }
    if (local != NULL) {
        int on = 1;
        if (local->sin_port == 0) { /* choose the port at connect: only the pair of addresses must be free */
            setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        }
        if (bind(fd, (const struct sockaddr *)local, sizeof *local) != 0) {
            return socket_refused(fd);
        }
    }
    socket_no_delay(fd);
    struct conn *c = uring_conn_take(u, fd, CONN_CONNECTING, tag);
    if (c == NULL) {
        close(fd);
        return ERR_LIMIT;
    }
    c->peer = *to;
    c->requests++;
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_connect(sqe, fd, (const struct sockaddr *)&c->peer, sizeof c->peer);
    io_uring_sqe_set_data64(sqe, op_data(OP_CONNECT, c->handle));
    *handle = c->handle;
    return OK;
}

unsigned uring_accept_done(struct uring_port *u, uint32_t index, int res, unsigned flags,
                           struct port_event *event)
{
    struct listener *l = &u->listeners[index];
    l->armed = (flags & IORING_CQE_F_MORE) != 0; /* if not, the next poll arms it again */
    if (res < 0) {
        return 0;
    }
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    if (getpeername(res, (struct sockaddr *)&peer, &size) != 0) {
        close(res); /* reset while it waited to be accepted: a connection that never was */
        return 0;
    }
    struct conn *c = uring_conn_take(u, res, CONN_OPEN, l->tag);
    if (c == NULL) {
        close(res); /* too many: the peer sees its connection end at once */
        return 0;
    }
    c->peer = peer;
    socket_no_delay(res);
    uring_rearm_add(u, c); /* after the event: the consumer may pause first */
    *event = (struct port_event){.type = PORT_ACCEPTED, .conn = c->handle, .tag = c->tag, .peer = c->peer};
    return 1;
}

unsigned uring_connect_done(struct uring_port *u, struct conn *c, int res, struct port_event *event)
{
    c->requests--;
    if (c->state != CONN_CONNECTING) {
        uring_conn_release(u, c);
        return 0;
    }
    *event = (struct port_event){.conn = c->handle, .tag = c->tag, .peer = c->peer};
    if (res < 0) {
        event->type = PORT_CONNECT_FAILED;
        event->error = -res;
        uring_conn_kill(u, c, false);
        return 1;
    }
    event->type = PORT_CONNECTED;
    c->state = CONN_OPEN;
    uring_rearm_add(u, c);
    return 1;
}

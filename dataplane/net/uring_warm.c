/* Keeping the kernel's ways warm: a connection of the port with itself, on loopback, over which a message
 * goes now and then through everything that a real one goes through: send, TCP out and in, the wake-up, the
 * receive through the ring.
 *
 * Measured (loopback, RFQs 2 ms apart, a machine that others use too): a receive falls from 6.5 to 1.6 µs, a
 * send from 16 to 6.
 *
 * Bytes go by send(2) and through the ring in turn, as they do in a flush to one and in one to several. The
 * pair is made with the port; where it cannot be had, or breaks (an operator's `ss -K`), the port does
 * without.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <unistd.h>

#include "dataplane/net/uring.h"

#define WARM_SIZE 256u /* bytes of a usual message */

static const uint8_t warm_bytes[WARM_SIZE];

/* The two ends of one connection: nobody else can have come between. */
static bool is_pair(int near, int far)
{
    struct sockaddr_in ours, theirs;
    socklen_t ours_size = sizeof ours, theirs_size = sizeof theirs;
    return getsockname(near, (struct sockaddr *)&ours, &ours_size) == 0 &&
           getpeername(far, (struct sockaddr *)&theirs, &theirs_size) == 0 &&
           ours.sin_port == theirs.sin_port && ours.sin_addr.s_addr == theirs.sin_addr.s_addr;
}

static bool pair_make(int listener, int near, int *far)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct timeval patience = {.tv_sec = 1};
    int on = 1;
    if (setsockopt(near, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) != 0 ||
        connect(near, (struct sockaddr *)&at, sizeof at) != 0) {
        return false;
    }
    *far = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    return *far >= 0 && is_pair(near, *far) &&
           setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

/* At create, because connecting may wait. */
void uring_warm_create(struct uring_port *u)
{
    struct uring_warm *w = &u->warm;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    w->near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || w->near < 0 || !pair_make(listener, w->near, &w->far)) {
        uring_warm_destroy(u);
    }
    if (listener >= 0) {
        close(listener);
    }
}

void uring_warm_destroy(struct uring_port *u)
{
    struct uring_warm *w = &u->warm;
    if (w->near >= 0) {
        close(w->near);
    }
    if (w->far >= 0) {
        close(w->far);
    }
    w->near = w->far = -1;
}

static void warm_arm(struct uring_port *u)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_recv_multishot(sqe, u->warm.far, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    io_uring_sqe_set_data64(sqe, op_data(OP_WARM, 0));
    u->warm.armed = true;
}

void uring_warm(struct port *p)
{
    struct uring_port *u = uring_of(p);
    struct uring_warm *w = &u->warm;
    if (!u->enabled || w->far < 0 || w->broken) {
        return;
    }
    if (!w->armed && u->posted > 0) {
        warm_arm(u);
    }
    if (!w->armed || w->under_way > 0) { /* no buffer, or the last one has not come: the port is not idle */
        return;
    }
    w->by_ring = !w->by_ring;
    ssize_t taken = WARM_SIZE;
    if (w->by_ring) {
        struct io_uring_sqe *sqe = uring_sqe(u);
        io_uring_prep_send(sqe, w->near, warm_bytes, WARM_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL);
        io_uring_sqe_set_data64(sqe, op_data(OP_WARM_SENT, 0));
        io_uring_submit(&u->ring);
    } else {
        taken = send(w->near, warm_bytes, WARM_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    w->under_way = taken > 0 ? (size_t)taken : 0;
}

static void arrived(struct uring_warm *w, size_t bytes)
{
    w->under_way -= bytes < w->under_way ? bytes : w->under_way;
}

/* What was not taken is not under way. */
void uring_warm_sent(struct uring_port *u, int res)
{
    size_t taken = res > 0 ? (size_t)res : 0;
    if (taken < WARM_SIZE) {
        arrived(&u->warm, WARM_SIZE - taken);
    }
}

void uring_warm_done(struct uring_port *u, int res, unsigned flags)
{
    struct uring_warm *w = &u->warm;
    bool over = res <= 0 && res != -ENOBUFS && res != -ECANCELED && res != -EINTR && res != -EAGAIN;
    arrived(w, res > 0 ? (size_t)res : 0);
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
        uring_buffer_taken(u, flags >> IORING_CQE_BUFFER_SHIFT);
    }
    w->armed = (flags & IORING_CQE_F_MORE) != 0;
    w->broken = over && !w->armed;
}

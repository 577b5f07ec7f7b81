/* Inside of the io_uring port (uring.c and uring_*.c). Not a public face.
 *
 * A connection's slot lives until its last io_uring request has completed, so a completion always finds the
 * connection that made it. States: FREE → CONNECTING → OPEN, or FREE → OPEN (accepted); OPEN → LINGER (closed
 * by the consumer: backlog, then our FIN, then the peer's) → DEAD; any → DEAD (requests are being cancelled)
 * → FREE.
 */
#ifndef RFQD_NET_URING_H
#define RFQD_NET_URING_H

#include <assert.h>
#include <liburing.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "dataplane/net/handle.h"
#include "dataplane/net/port.h"

#define URING_BUFFER_SIZE    16384u
#define URING_BUFFER_STRIDE  (URING_BUFFER_SIZE + 320u) /* staggered: equal strides would share cache sets */
#define URING_POSTED         64u                        /* receive buffers the kernel has at one time */
#define URING_HOLDING_MAX    1024u /* connections that are thought to be paused at one time: for buffers */
#define URING_PIECES_MAX     1024u /* port_send calls between two flushes; the next one flushes */
#define URING_BATCH_MAX      256u  /* sends in one submission */
#define URING_CHUNK_SIZE     16384u
#define URING_LISTENERS_MAX  16u
#define URING_LISTEN_BACKLOG 1024
#define URING_LINGER_TICKS   4u /* of URING_TICK_MS each: a close waits no longer for its peer */
#define URING_TICK_MS        500
#define NO_INDEX             UINT32_MAX

static_assert(URING_BUFFER_SIZE <= PORT_CHUNK_MAX, "one buffer is one PORT_DATA");
static_assert(URING_PIECES_MAX <= 1024, "one sendmsg takes at most IOV_MAX pieces");

enum uring_op {
    OP_NONE,
    OP_ACCEPT,
    OP_CONNECT,
    OP_RECV,
    OP_WRITABLE,
    OP_SEND,
    OP_TICK,
    OP_WARM,
    OP_WARM_SENT
};

/* user_data: operation above, what it is about (handle, listener, index in the batch) below. */
static inline uint64_t op_data(enum uring_op op, uint32_t about)
{
    return (uint64_t)op << 32 | about;
}

enum conn_state { CONN_FREE, CONN_CONNECTING, CONN_OPEN, CONN_LINGER, CONN_DEAD };

struct conn {
    /* what each message touches */
    uint32_t handle;
    uint8_t state; /* enum conn_state */
    bool paused;
    bool recv_armed;
    bool recv_cancelling;
    int fd;
    uint32_t held_first, held_last; /* received, not yet given: buffers, in order */
    uint32_t round;                 /* of the last PORT_DATA: one for each connection and poll */
    uint32_t piece_first, piece_last;
    uint32_t backlog_size;
    uint64_t tag;
    /* the rest */
    uint32_t chunk_first, chunk_last;
    uint32_t chunk_offset; /* bytes of the first chunk already taken by the network */
    bool writable_armed;
    bool on_ready, on_rearm;
    bool ended;    /* end of the stream or error seen; `error` says which; comes after what is held */
    bool at_once;  /* the end waits for nothing */
    bool broken;   /* a send failed: what is sent further is dropped, the receive side tells the end */
    bool fin_sent; /* lingering: shut down for writing */
    bool cancelled;
    unsigned ticks; /* lingering */
    unsigned requests;
    int error;
    uint32_t next_ready, next_rearm, next_free;
    struct sockaddr_in peer;
};

struct listener {
    int fd;
    bool armed;
    uint64_t tag;
};

struct piece {
    const uint8_t *bytes;
    size_t size;
    uint32_t next;
};

/* A connection of the port with itself (uring_warm.c); -1: there is none. */
struct uring_warm {
    int near, far;
    bool armed;   /* far is being received from */
    bool broken;  /* nothing comes any more; closed with the port, so that no request meets another's fd */
    bool by_ring; /* how the last message was sent */
    size_t under_way; /* bytes sent and not received yet */
};

struct index_list {
    uint32_t first, last;
};

struct uring_port {
    struct port port;
    struct io_uring ring;
    bool enabled; /* bound to the polling thread, by its first poll */
    pthread_t owner;
    bool deferred; /* DEFER_TASKRUN: completions appear only inside our own calls */
    bool ticking;
    uint32_t round;
    unsigned lingering;

    struct conn *conns;
    uint32_t slot_count, free_first;
    uint32_t live, live_max;
    struct index_list ready, rearm;
    struct listener listeners[URING_LISTENERS_MAX];
    unsigned listener_count;
    struct uring_warm warm;

    /* receive buffers */
    struct io_uring_buf_ring *buf_ring;
    size_t buf_ring_size;
    uint32_t buf_ring_entries;
    uint8_t *buffers;
    size_t buffers_size;
    uint32_t buffer_count, posted, free_count, given_count;
    uint32_t *free_buffers; /* a stack: the last one used is the warmest */
    uint32_t *buffer_next;
    uint32_t *buffer_used;
    uint32_t given[PORT_EVENTS_MAX];

    /* sends between two flushes */
    struct piece pieces[URING_PIECES_MAX];
    uint32_t piece_count;
    uint32_t send_slots[URING_PIECES_MAX];
    uint32_t send_count;
    struct iovec iov[URING_PIECES_MAX];
    struct msghdr headers[URING_BATCH_MAX];
    struct io_uring_sqe *batch[URING_BATCH_MAX];
    uint32_t batch_slots[URING_BATCH_MAX];
    int results[URING_BATCH_MAX];

    /* backlog chunks */
    uint8_t *chunks;
    uint32_t *chunk_next;
    uint32_t *chunk_used;
    uint32_t chunk_count, chunk_free;
};

static inline struct uring_port *uring_of(struct port *p)
{
    return (struct uring_port *)p;
}

/* uring.c */
struct io_uring_sqe *uring_sqe(struct uring_port *u);

/* uring_conn.c */
struct conn *uring_conn_of(struct uring_port *u, uint32_t handle); /* NULL: stale */
struct conn *uring_find(struct uring_port *u, uint32_t handle);    /* NULL: stale, or not open (any more) */
bool uring_connecting(struct uring_port *u, uint32_t handle);
uint32_t uring_slot(const struct uring_port *u, const struct conn *c);
void uring_ready_add(struct uring_port *u, struct conn *c);
void uring_rearm_add(struct uring_port *u, struct conn *c);
struct conn *uring_conn_take(struct uring_port *u, int fd, enum conn_state state,
                             uint64_t tag); /* NULL: full */
void uring_conn_end(struct uring_port *u, struct conn *c, int error, bool at_once);
void uring_conn_kill(struct uring_port *u, struct conn *c, bool reset);
void uring_conn_release(struct uring_port *u, struct conn *c);
void uring_linger_step(struct uring_port *u, struct conn *c);
void uring_tick(struct uring_port *u);
void uring_tag(struct port *p, uint32_t handle, uint64_t tag);
void uring_close(struct port *p, uint32_t handle);

/* uring_open.c */
void uring_listener_arm(struct uring_port *u, uint32_t index);
enum err uring_listen(struct port *p, const struct sockaddr_in *at, uint64_t tag);
enum err uring_connect(struct port *p, const struct sockaddr_in *to, const struct sockaddr_in *local,
                       uint64_t tag, uint32_t *handle);
unsigned uring_accept_done(struct uring_port *u, uint32_t index, int res, unsigned flags,
                           struct port_event *event);
unsigned uring_connect_done(struct uring_port *u, struct conn *c, int res, struct port_event *event);

/* uring_recv.c */
enum err uring_buffers_create(struct uring_port *u, unsigned connections_max);
void uring_buffers_destroy(struct uring_port *u);
void uring_buffers_recycle(struct uring_port *u);
void uring_buffer_taken(struct uring_port *u,
                        uint32_t id); /* the kernel used it, and nobody wants its bytes */
void uring_recv_arm(struct uring_port *u, struct conn *c);
unsigned uring_recv_ready(struct uring_port *u, struct conn *c, struct port_event *event);
unsigned uring_recv_done(struct uring_port *u, struct conn *c, int res, unsigned flags,
                         struct port_event *event);
void uring_held_drop(struct uring_port *u, struct conn *c);
void uring_pause(struct port *p, uint32_t handle);
void uring_resume(struct port *p, uint32_t handle);

/* uring_warm.c */
void uring_warm_create(struct uring_port *u); /* before it: -1, -1 */
void uring_warm_destroy(struct uring_port *u);
void uring_warm(struct port *p);
void uring_warm_done(struct uring_port *u, int res, unsigned flags);
void uring_warm_sent(struct uring_port *u, int res);

/* uring_send.c */
enum err uring_backlog_create(struct uring_port *u, unsigned connections_max);
void uring_backlog_destroy(struct uring_port *u);
void uring_backlog_drop(struct uring_port *u, struct conn *c);
void uring_backlog_drain(struct uring_port *u, struct conn *c);
enum err uring_send(struct port *p, uint32_t handle, const void *bytes, size_t size);
void uring_flush(struct port *p);
size_t uring_backlog(struct port *p, uint32_t handle);

#endif

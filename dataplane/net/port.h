/* Port: TCP as events to one consumer. Owner: the agent that polls it; no state outside an instance.
 *
 * Two implementations behind one face: `uring` (kernel sockets) and `sim` (tests: in memory, made-up clock).
 * tests/unit/net_contract_test.c and net_contract_life_test.c hold what follows against each.
 *
 * Receive. port_poll() returns events, at most PORT_EVENTS_MAX; bytes of PORT_DATA lie in the port's buffers
 * and are valid until the next port_poll() of that port. A read is not a message: the consumer frames. One
 * poll gives at most one PORT_DATA for a connection, so that port_pause(conn), called when it does not suit,
 * stops the very next one: what has arrived is kept, in order, and the peer's window closes, until
 * port_resume().
 *
 * End. When the peer closes or resets, PORT_CLOSED comes after all data that arrived before, in a later poll
 * than the last PORT_DATA, and not while the connection is paused. Only ENOBUFS, below, comes at once.
 *
 * Send. port_send() queues bytes without copying them; they must stay valid until the next port_flush(),
 * which hands everything to the network in one submission, in the order of the calls for each connection.
 * (More than a thousand calls between two flushes: the port flushes by itself; and port_close() flushes when
 * bytes of that connection are queued.) What the network does not take at once is copied to the connection's
 * backlog (PORT_BACKLOG_MAX) and sent later, in order, by port_poll(). A connection whose backlog would
 * overflow is closed (PORT_CLOSED, ENOBUFS): its peer does not read. Backlogs share memory taken at start; if
 * that runs out, the connection with the largest one is closed, for the same reason.
 *
 * Close. port_close() makes the handle stale at once and no further event comes. The backlog is still sent,
 * then the stream ended; what the peer sends meanwhile is dropped. After 2 s at most the connection is given
 * up. Those being closed do not count against connections_max.
 *
 * A connect from a fixed local port. port_connect() fails with ERR_IO, EADDRINUSE while another socket
 * listens on that port, and gives PORT_CONNECT_FAILED, EADDRNOTAVAIL while this host still has a connection
 * between the same two addresses and ports: one that is being closed, or, for kernel sockets, one that this
 * side closed first within the last minute (TIME_WAIT; one second on loopback). Then try again, or from any
 * port: the fixed one only matters after the process was killed.
 *
 * Connections are named by a 32-bit handle, never used twice within 2^12 connections of one slot, so that a
 * stale handle is recognised. Calls on a stale handle do nothing (port_send: ERR_CLOSED).
 */
#ifndef RFQD_NET_PORT_H
#define RFQD_NET_PORT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"

#define PORT_CONN_NONE   UINT32_MAX
#define PORT_BACKLOG_MAX (4u * 1024u * 1024u)
#define PORT_EVENTS_MAX  64
#define PORT_CHUNK_MAX   (64u * 1024u) /* bytes of one PORT_DATA at most */

enum port_event_type {
    PORT_ACCEPTED,       /* tag: the listener's */
    PORT_CONNECTED,      /* tag: the connect's */
    PORT_CONNECT_FAILED, /* tag: the connect's; error: errno. The handle is gone */
    PORT_DATA,           /* data, size */
    PORT_CLOSED,         /* by the peer (error 0) or for error (errno). The handle is gone */
};

struct port_event {
    enum port_event_type type;
    uint32_t conn;
    uint64_t tag; /* as given to port_listen, port_connect or port_tag, in every event of the connection */
    int error;
    struct sockaddr_in peer; /* PORT_ACCEPTED, PORT_CONNECTED */
    const uint8_t *data;
    size_t size;
};

struct port;

/* One implementation. */
struct port_ops {
    enum err (*listen)(struct port *p, const struct sockaddr_in *at, uint64_t tag);
    enum err (*connect)(struct port *p, const struct sockaddr_in *to, const struct sockaddr_in *local,
                        uint64_t tag, uint32_t *conn);
    unsigned (*poll)(struct port *p, struct port_event *events, unsigned max);
    enum err (*send)(struct port *p, uint32_t conn, const void *bytes, size_t size);
    void (*flush)(struct port *p);
    void (*pause)(struct port *p, uint32_t conn);
    void (*resume)(struct port *p, uint32_t conn);
    void (*tag)(struct port *p, uint32_t conn, uint64_t tag);
    void (*close)(struct port *p, uint32_t conn);
    size_t (*backlog)(struct port *p, uint32_t conn);
    void (*warm)(struct port *p);
    void (*destroy)(struct port *p);
};

struct port {
    const struct port_ops *ops;
};

/* Before or between polls. ERR_LIMIT: 16 listeners. ERR_IO: the address is not to be had (errno). */
static inline WARN_UNUSED enum err port_listen(struct port *p, const struct sockaddr_in *at, uint64_t tag)
{
    return p->ops->listen(p, at, tag);
}
/* local: the address to connect from, port 0 for any; NULL: any. After kill -9 a fixed local port clears the
 * old connection at the peer in one round trip. PORT_CONNECTED or PORT_CONNECT_FAILED follows. ERR_LIMIT:
 * connections_max. ERR_IO: no socket, or not from that address (errno). */
static inline WARN_UNUSED enum err port_connect(struct port *p, const struct sockaddr_in *to,
                                                const struct sockaddr_in *local, uint64_t tag, uint32_t *conn)
{
    return p->ops->connect(p, to, local, tag, conn);
}
static inline unsigned port_poll(struct port *p, struct port_event *events, unsigned max)
{
    return p->ops->poll(p, events, max);
}
/* ERR_CLOSED: stale, or a send failed before and PORT_CLOSED is on its way. ERR_STATE: not connected yet. */
static inline WARN_UNUSED enum err port_send(struct port *p, uint32_t conn, const void *bytes, size_t size)
{
    return p->ops->send(p, conn, bytes, size);
}
static inline void port_flush(struct port *p)
{
    p->ops->flush(p);
}
static inline void port_pause(struct port *p, uint32_t conn)
{
    p->ops->pause(p, conn);
}
static inline void port_resume(struct port *p, uint32_t conn)
{
    p->ops->resume(p, conn);
}
/* The tag of the connection's events from the next poll on: so a consumer of many finds its own at once. */
static inline void port_tag(struct port *p, uint32_t conn, uint64_t tag)
{
    p->ops->tag(p, conn, tag);
}
static inline void port_close(struct port *p, uint32_t conn)
{
    p->ops->close(p, conn);
}
/* Bytes accepted by flush that the network has not taken yet. */
static inline size_t port_backlog(struct port *p, uint32_t conn)
{
    return p->ops->backlog(p, conn);
}
/* Nothing has come for a while: go once through what a message goes through, in and out, so that the caches
 * hold it when one comes. No event follows, and no connection is touched. Takes about as long as one message
 * sent and received. */
static inline void port_warm(struct port *p)
{
    p->ops->warm(p);
}
/* Abrupt: backlogs are lost; peers get what the network has taken. On the thread that polled, or after it has
 * ended. The addresses listened at are free on return. */
static inline void port_destroy(struct port *p)
{
    p->ops->destroy(p);
}

/* Kernel sockets through io_uring (uring.c). It belongs to the thread that polls first: create it, listen and
 * connect on any one thread before that. connections_max: accepted and connected together; those beyond it
 * are accepted and closed. Errors: ERR_RANGE, ERR_IO (io_uring not available: errno), ERR_MEMORY. */
#define PORT_URING_CONNECTIONS_MAX 16384u
enum err port_uring_create(struct port **out, unsigned connections_max) WARN_UNUSED;

/* The simulated network (sim.c): ports of one `struct sim_net` reach each other by address; delay, loss of
 * connection and back-pressure by a seeded generator. See sim_net.h. */

#endif

/* Inside of the simulated network (sim.c: the network, time and streams; sim_port.c: the port's calls). Not a
 * face.
 *
 * A connection has two sides and two streams; stream d runs from side d to side 1-d. Side 0 connected, side 1
 * accepted. A stream counts bytes: read ≤ arrived ≤ sent ≤ read + window. All that travels on a stream
 * (segments, the answer to a connect, end, reset) keeps its order. A connection is freed when both sides are
 * gone.
 */
#ifndef RFQD_NET_SIM_H
#define RFQD_NET_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net/handle.h"
#include "dataplane/net/sim_net.h"

#define SIM_LISTENERS_MAX 16u
#define SIM_HOLDS_MAX     16u
#define SIM_LINGER_NS     2000000000u
#define SIM_PROBE_NS      200000000u /* doubled each time */
#define SIM_PROBES_MAX    8u

enum side_state {
    SIDE_NONE, /* the accepting side, before the connect has arrived */
    SIDE_CONNECTING,
    SIDE_OPEN,
    SIDE_LINGER, /* closed by its owner: sends what is left; what arrives is dropped */
    SIDE_GONE,
};

struct side {
    struct sim_conn *conn;
    struct sim_port *port;
    uint32_t handle;
    uint8_t state;     /* enum side_state */
    uint8_t announced; /* 0: PORT_ACCEPTED or PORT_CONNECTED is still to be given */
    bool on_ready, paused, ended, at_once;
    bool fin_sent, window_waits;
    bool silent;   /* gone without a word: nobody at its address answers for it */
    bool answered; /* gone: what arrived for it was answered, or is being retried */
    uint8_t probes;
    int error;
    uint64_t tag;
    struct side *next_ready;
    uint8_t *backlog; /* from backlog_at, backlog_size bytes */
    size_t backlog_at, backlog_size, backlog_room;
    uint32_t piece_first, piece_last;
};

struct stream {
    uint8_t *bytes; /* window_size, a ring by offset; NULL until something is sent */
    uint64_t sent, arrived, read;
    uint64_t cut; /* nothing from this offset on arrives */
    uint64_t last_ns;
    bool pinned; /* its reader's last PORT_DATA is not taken back yet */
};

struct sim_conn {
    struct sim_net *net;
    uint64_t serial; /* 0: free */
    struct side sides[2];
    struct stream streams[2];
    struct sockaddr_in address[2];
    uint32_t window_size;
    bool lost;
    struct sim_conn *previous, *next;
};

enum sim_event_type {
    SIM_CONNECT,
    SIM_CONNECTED,
    SIM_REFUSED,
    SIM_SEGMENT,
    SIM_FIN,
    SIM_RESET,
    SIM_WINDOW,
    SIM_PROBE,  /* a segment sent again, since nobody answered */
    SIM_LINGER, /* not on the network: the closing side's patience */
};

struct sim_event {
    uint64_t at_ns, order;
    struct sim_conn *conn;
    uint64_t serial;
    uint64_t offset; /* of a segment's end */
    uint8_t type;    /* enum sim_event_type */
    uint8_t to;      /* side */
};

struct sim_events {
    struct sim_event *at;
    size_t count, room;
};

struct sim_hold {
    struct in_addr a, b;
};

struct sim_net {
    struct sim_net_options options;
    uint64_t random;
    uint64_t now_ns;
    uint64_t order, serial;
    uint64_t digest;
    struct sim_events queue; /* a binary heap by time, then by order */
    struct sim_events held;
    struct sim_hold holds[SIM_HOLDS_MAX];
    unsigned hold_count;
    struct sim_conn *conns, *free_conns;
    unsigned conn_count;
    struct sim_port *ports;
    uint8_t **windows; /* spare, of windows_size bytes each */
    size_t window_count, window_room;
    uint32_t windows_size;
};

struct sim_listener {
    struct sockaddr_in at;
    uint64_t tag;
};

struct sim_piece {
    const uint8_t *bytes;
    size_t size;
    uint32_t next;
};

struct sim_given {
    struct sim_conn *conn;
    uint32_t size;
    uint8_t stream;
};

struct sim_port {
    struct port port;
    struct sim_net *net;
    struct in_addr ip;
    struct sim_port *previous, *next;
    struct sim_listener listeners[SIM_LISTENERS_MAX];
    unsigned listener_count;
    uint32_t live, live_max;
    struct side **slots; /* NULL: free */
    uint32_t *handles;   /* the last one of each slot */
    uint32_t *free_slots;
    uint32_t free_count;
    struct side *ready_first, *ready_last;
    struct sim_given given[PORT_EVENTS_MAX];
    unsigned given_count;
    struct sim_piece *pieces;
    uint32_t piece_count, piece_room;
    struct side **senders; /* in the order of their first piece; NULL: gone meanwhile */
    uint32_t sender_count, sender_room;
};

/* sim.c */
void *sim_memory(void *old, size_t size); /* never NULL: a test that has no memory ends */
uint64_t sim_random(struct sim_net *net, uint64_t below);
struct sim_conn *sim_conn_new(struct sim_net *net);
void sim_conn_check(struct sim_conn *c); /* frees it when nobody needs it */
void sim_post(struct sim_conn *c, enum sim_event_type type, unsigned to, uint64_t offset);
void sim_transmit(struct side *s, const uint8_t *bytes,
                  size_t size); /* at once as far as the window, then backlog */
void sim_post_linger(struct sim_conn *c, unsigned side);
void sim_read_rest(struct sim_conn *c, unsigned stream); /* what nobody will read */
void sim_read(struct sim_conn *c, unsigned stream, uint32_t size);
void sim_lose(struct sim_conn *c);
void sim_cut_at_random(struct sim_conn *c, unsigned stream);
void sim_digest_add(struct sim_net *net, const void *bytes, size_t size);
unsigned sim_side_index(const struct side *s);

/* sim_port.c */
void sim_side_attach(struct sim_port *p, struct side *s, uint64_t tag);
void sim_side_detach(struct side *s); /* its slot is free again, its handle stale */
void sim_side_gone(struct side *s);
void sim_side_end(struct side *s, int error, bool at_once);
void sim_side_ready(struct side *s);
void sim_side_linger_step(struct side *s);
struct sim_listener *sim_port_listener(struct sim_port *p, const struct sockaddr_in *at);

#endif

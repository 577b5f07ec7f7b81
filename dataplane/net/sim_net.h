/* The simulated network: ports of one `struct sim_net` reach each other by address, under a made-up clock.
 *
 * For tests. Everything that a network may do to a byte stream happens here, by a seeded generator: delay,
 * reads that split and join what was sent, full windows, connections lost with the bytes in flight, processes
 * that die. The same seed and the same calls give the same history, byte for byte. One thread; no state
 * outside an instance.
 *
 * Order of use: sim_net_create, sim_net_port for each process, then in turn: poll the ports until all are
 * idle; sim_net_advance(sim_net_next_event_ns()). Events become visible to a port_poll only by
 * sim_net_advance, but for what a port holds back itself.
 *
 * Given bytes (PORT_DATA) are overwritten with 0xdd at the next poll, so that a consumer that keeps a pointer
 * is found out. Memory is allocated as needed and bounded by options.window_size and PORT_BACKLOG_MAX for
 * each connection and direction.
 */
#ifndef RFQD_NET_SIM_NET_H
#define RFQD_NET_SIM_NET_H

#include "dataplane/net/port.h"

struct sim_net_options {
    uint64_t delay_ns_min, delay_ns_max; /* one way, for each segment; order within a direction is kept */
    uint32_t window_size;      /* bytes in flight and unread, for each direction; of connections made later */
    uint32_t segment_size_max; /* what is sent is cut at random into segments of 1 to this */
    uint32_t whole_permille;   /* this share of segments and reads is not cut */
    uint32_t loss_per_million; /* of segments: the connection is lost there, in both directions */
};

#define SIM_WINDOW_SIZE_MAX (16u * 1024u * 1024u)

/* 5 to 50 µs, 64 KiB, segments up to 4,096 bytes, half of them whole, no loss. */
#define SIM_NET_DEFAULTS                                                                             \
    {                                                                                                \
        .delay_ns_min = 5000, .delay_ns_max = 50000, .window_size = 65536, .segment_size_max = 4096, \
        .whole_permille = 500, .loss_per_million = 0                                                 \
    }

struct sim_net;

/* options NULL: the defaults. ERR_RANGE: an option is (sizes of 0, minimum above maximum). ERR_MEMORY. */
enum err sim_net_create(struct sim_net **out, uint64_t seed,
                        const struct sim_net_options *options) WARN_UNUSED;
/* Ports still there are destroyed too. */
void sim_net_destroy(struct sim_net *net);
/* From now on. ERR_RANGE. */
enum err sim_net_configure(struct sim_net *net, const struct sim_net_options *options) WARN_UNUSED;

/* Time, as the agents are given it. Never back. All that is due by now_ns happens, in order of time. */
void sim_net_advance(struct sim_net *net, uint64_t now_ns);
/* When something happens next; UINT64_MAX: never, unless somebody sends. */
uint64_t sim_net_next_event_ns(const struct sim_net *net);

/* A process's port at an address. Several ports may share an address (another process on one host). ip in
 * network order. port_destroy is sim_net_kill with SIM_KILL_DELIVERS. ERR_MEMORY. */
enum err sim_net_port(struct sim_net *net, struct in_addr ip, unsigned connections_max,
                      struct port **out) WARN_UNUSED;

/* What becomes of a dead process's connections. In each case its backlog and what was on its way to it are
 * lost. */
enum sim_kill {
    SIM_KILL_DELIVERS, /* kernel sockets: peers get all that was handed to the network, then PORT_CLOSED, 0 */
    SIM_KILL_LOSES,    /* the machine: lost from a random byte on, then PORT_CLOSED, ECONNRESET */
    SIM_KILL_SILENT,   /* a stack in the process: lost from a random byte on; peers learn of it when they send
                        * (ECONNRESET) or when the same address and port connects anew */
};
/* The port is gone; a fresh one may be made at the same address. */
void sim_net_kill(struct port *p, enum sim_kill how);

/* Loses one connection now, as loss_per_million does: what is in flight is lost from a random byte on in each
 * direction, and both sides get PORT_CLOSED, ECONNRESET after a delay. Stale handles: nothing. */
void sim_net_cut(struct port *p, uint32_t conn);

/* While held, nothing sent from one address to the other arrives, nor back; it comes after the release,
 * delayed. */
void sim_net_hold(struct sim_net *net, struct in_addr a, struct in_addr b, bool held);

/* Changes with every byte and event delivered: two equal histories have equal digests. */
uint64_t sim_net_digest(const struct sim_net *net);
/* Connections that exist (one for both sides), for leak checks in tests. */
unsigned sim_net_connections(const struct sim_net *net);

#endif

/* Node: one appliance put together: rings, lanes, states, engines, gateway, log and replica, recovered and
 * ready to be polled. The process (rfqd.c) gives it kernel sockets, real disks and LMDB; the simulation gives
 * it a made-up network, disk and store. Everything else is the same code.
 *
 * Owner: who made it; its agents are polled by cores. node_close is what a kill -9 leaves: nothing is flushed
 * or told. A clean stop is node_stop_begin → poll until node_stopped → cores stopped → node_finish →
 * node_close.
 */
#ifndef RFQD_CONTROL_NODE_H
#define RFQD_CONTROL_NODE_H

#include "control/config/config.h"
#include "control/replica/replica.h"
#include "dataplane/engine/engine.h"
#include "dataplane/gateway/gateway.h"
#include "storage/log/log.h"
#include "storage/recovery.h"
#include "storage/store.h"

enum node_agent { NODE_GATEWAY, NODE_DISTRIBUTION, NODE_ROUTING, NODE_LOG, NODE_REPLICA, NODE_AGENTS };

struct node;

struct node_config {
    const struct config *config;
    struct port *port;
    struct disk *disk;
    struct store *store;
    struct ring_identity identity;
    struct counters *counters;
    bool own_thread; /* the replica commits on a thread of its own */
    uint64_t (*clock)(void); /* of each message sent (gateway.h); NULL: the time of the poll */
    /* Simulation: called after each ring commit (ring.h), and before the node is complete too. */
    void (*on_commit)(void *ctx, struct ring *r);
    void *on_commit_ctx;
    /* Simulation: the states are recovered and nothing new has happened yet. */
    void (*on_recovered)(void *ctx, struct node *n);
};

struct node_recovery {
    bool first_start; /* nothing was there */
    bool power_cut;
    uint64_t frames, batches, redelivered;
};

/* Recover, start, redeliver; on return the gateway listens. Errors: as log_open, recovery_run, ring_create,
 * gateway_start say; node_error() has the sentence, also when no node was made (of the calling thread, until
 * its next failure). */
enum err node_open(struct node **out, const struct node_config *c, uint64_t now_ns) WARN_UNUSED;
const char *node_error(void);
void node_close(struct node *n);

/* Control is the caller's agent, with that of NODE_REPLICA in it. */
struct agent node_agent(struct node *n, enum node_agent which);
const struct node_recovery *node_recovery(const struct node *n);

/* Logouts; true once all sessions are down. Called from the core that polls the gateway, or with no core
 * running. */
void node_stop_begin(struct node *n, const char *text, uint64_t now_ns);
bool node_stopped(const struct node *n);
/* No core runs any more: everything to the log, the log to the disk, the state to the store. */
enum err node_finish(struct node *n) WARN_UNUSED;

/* Parts, for the ops socket and for tests. */
struct replica *node_replica(const struct node *n);
/* Commands of clients (COMMAND_CLIENT_…, items with agent AGENT_NONE, subject LANE_REQUEST) to distribution. One
 * producer: the control core. */
struct lane *node_client_lane(const struct node *n);
struct log *node_log(const struct node *n);
struct store *node_store(const struct node *n);
/* The live states: only where no core runs (simulation, start). */
struct state *node_state(const struct node *n, uint8_t agent);
const struct ring *node_ring(const struct node *n, uint8_t agent);
/* Owners that an operator asks, by their mailboxes. agent: AGENT_DISTRIBUTION or AGENT_ROUTING. */
struct gateway *node_gateway(const struct node *n);
struct engine *node_engine(const struct node *n, uint8_t agent);
/* The rings' files in `shared`, by number from 0 on; NULL: there are no more. */
const char *node_ring_name(unsigned i);
/* By the name of its configuration; SESSION_NONE: there is none. */
uint32_t node_session_number(const struct node *n, const char *name);
/* How full rings and lanes are, i from 0 while true. Any thread. */
struct node_queue {
    const char *kind;     /* "ring", "lane" */
    const char *from, *to; /* agents; a ring's reader is the log */
    const char *subject;  /* of a lane: "order", "request", "quote", "engine"; "" for a ring */
    uint64_t used, size;  /* bytes */
};
bool node_queue_at(const struct node *n, unsigned i, struct node_queue *out);
/* Earliest thing to do by itself, for the simulation's clock. */
uint64_t node_next_deadline(const struct node *n);

#endif

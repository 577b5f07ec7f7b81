/* Gateway: sessions on connections. Joins the port, FIX and the model: bytes come in, become records in its
 * ring and commands in lanes; events addressed to its sessions come by lanes, become records in its ring and
 * bytes to the port. An agent; owner of connections and sequence numbers. One instance for each receive
 * queue.
 *
 * In:  frame → session says what it means → GATEWAY_IN (number, raw bytes) and, for an application message,
 * the command in the lane of its subject, in one step with room reserved in both; ring commit, then lane
 * commit, once per receive burst. No room: the rest stays unread, the connection is paused, and resumed when
 * room returns. Out: event → next number → encoded into the ring as GATEWAY_OUT with the event as cause →
 * commit → port_send → one flush per poll, so that a release to k LPs is one burst. At level `synced` the
 * bytes wait until the ring's durable position has passed their record; order within the session is kept.
 *      Session down: must_reach events are numbered and kept (the peer asks for them after logon); all others
 * become GATEWAY_UNSENT, addressed to the engine they came from. So does what has expired, before it is sent
 * first, or when the peer asks for it again (then it is gap-filled, reason LOST: provably not received). A
 * peer's Reject (3) or BusinessMessageReject (j) is matched by RefSeqNum (45) with what was sent under that
 * number.
 *
 * Start: gateway_create with the recovered state → gateway_restore_sent for what may be asked for again,
 * oldest first → gateway_start → gateway_redeliver for each record of its ring that an engine has not
 * consumed, in order → polling.
 */
#ifndef RFQD_GATEWAY_GATEWAY_H
#define RFQD_GATEWAY_GATEWAY_H

#include <netinet/in.h>

#include "dataplane/core/agent.h"
#include "dataplane/core/counters.h"
#include "dataplane/model/event.h"
#include "dataplane/model/gateway.h"
#include "dataplane/net/port.h"
#include "dataplane/ring/lane.h"
#include "dataplane/ring/ring.h"
#include "fix/session.h"

enum durability_level { LEVEL_COMMITTED, LEVEL_SYNCED };

struct gateway_session_config {
    char name[ID_TEXT_SIZE];
    uint32_t number; /* durable: by name from the state, or the next free one (the wiring decides) */
    enum session_role role;
    struct fix_session_config fix;
    enum durability_level level;
    /* initiator only */
    struct sockaddr_in address;
    struct sockaddr_in local;    /* sin_port 0: any */
    uint64_t reconnect_first_ns; /* doubled up to reconnect_max_ns, back to first after a logon */
    uint64_t reconnect_max_ns;
    /* how long after its first sending a message is still sent again where it carries no expiry of its own;
     * 0: for ever */
    uint64_t resend_age_max_ns;
};

struct gateway_config {
    uint8_t agent; /* AGENT_GATEWAY + n */
    struct ring *ring;
    struct gateway_state *state;
    struct port *port;
    struct lane *order, *request, *quote;          /* to routing; to distribution */
    struct lane *from_distribution, *from_routing; /* LANE_ENGINE */
    const struct sockaddr_in *listen;              /* NULL: no acceptors */
    const struct gateway_session_config *sessions;
    unsigned session_count;
    uint32_t resend_store_size; /* bytes of sent messages kept in memory per session (what is older is
                                   gap-filled and counted) */
    struct counters *counters;
};

struct gateway;

/* Errors: ERR_MEMORY, ERR_LIMIT (sessions), ERR_EXISTS (two sessions with the same pair of CompIDs). */
enum err gateway_create(struct gateway **out, const struct gateway_config *c) WARN_UNUSED;
void gateway_destroy(struct gateway *g); /* closes nothing at the port: as kill -9 would */
struct agent gateway_agent(struct gateway *g);

/* A message sent in the session's present generation. */
void gateway_restore_sent(struct gateway *g, const struct gateway_out *sent);
/* GATEWAY_STARTED and a GATEWAY_SESSION_SET for each new session; after a power cut numbers jump by
 * reserved_out. A session that the state holds for up is down now: GATEWAY_SESSION_STATE to the engines. Then
 * listen. ERR_IO (address in use). */
enum err gateway_start(struct gateway *g, uint64_t now_ns, uint64_t reserved_out) WARN_UNUSED;
/* False: the lane is full: let the engine run, then again. */
bool gateway_redeliver(struct gateway *g, const struct record *r, uint64_t position, uint64_t origin_time_ns);

/* Begin a planned stop: Logout on all sessions, no new connections. True once all are down. */
void gateway_stop(struct gateway *g, const char *text, uint64_t now_ns);
bool gateway_stopped(const struct gateway *g);

/* Earliest time at which it has something to do by itself (heartbeats, reconnects): simulation. */
uint64_t gateway_next_deadline(const struct gateway *g);

#endif
